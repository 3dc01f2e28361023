"""The truth about `math` itself, judged in a pool."""

from rlvr.verify.audit import audit
from rlvr.verify.truth import maths


def test_math_meets_its_bar_on_a_small_sample() -> None:
    result = audit("math", 1500, seed=5, workers=2)
    figures = result.rates()
    assert figures["right"] + figures["wrong"] == 1500
    assert figures["tpr"]["rate"] >= 0.99, result.differ
    assert figures["fpr"]["accepted"] == 0, result.differ
    assert set(result.types) == set(maths.TYPES)
