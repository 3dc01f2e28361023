"""rlvr/statistics/conditions.py: what a rule says, and when it holds."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from rlvr.statistics.conditions import parse, settle, state

# Five seeds around 0.1: the 95 % interval is 0.1 +- 2.776 x 0.0158 / sqrt(5), about +-0.0196.
VALUES = (0.08, 0.09, 0.10, 0.11, 0.12)


def test_a_difference_and_a_function_of_one() -> None:
    condition = parse("verified  pass@1 - base pass@1_best_temperature > 0.05")
    assert (condition.way, condition.limit) == (">", 0.05)
    plus, minus = condition.quantity.plus, condition.quantity.minus
    assert plus is not None and (plus.arm, plus.metric) == ("verified", "pass@1")
    assert minus is not None and (minus.arm, minus.metric) == ("base", "pass@1_best_temperature")
    slope = parse("slope(unfiltered pass@1 - base pass@1) beyond 0.02").quantity
    assert slope.function == "slope" and slope.minus is not None
    assert parse("distance() < 0.1").quantity.plus is None
    assert parse("fp30 J < -0.1").limit == -0.1


@pytest.mark.parametrize(
    "text",
    [
        "verified pass@1",
        "verified > 0",
        "verified pass@1 => 0",
        "verified pass@1 - base pass@1 - real pass@1 > 0",
        "verified pass@1 > much",
        "cube(verified pass@1) > 0",
        "verified pass@1 within 0",
        "slope() within 0.1",
        "distance(verified pass@1) < 0.1",
        "",
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"no condition|no term|no such function|difference|above|takes"
    ):
        parse(text)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("> 0.05", "holds"),
        ("> 0.09", "open"),
        ("> 0.2", "fails"),
        ("< 0.2", "holds"),
        ("< 0.05", "fails"),
        ("within 0.2", "holds"),
        ("within 0.05", "fails"),
        ("within 0.11", "open"),
        ("beyond 0.05", "holds"),
        ("beyond 0.2", "fails"),
        ("beyond 0.1", "open"),
    ],
)
def test_state_is_where_the_whole_interval_lies(rule: str, expected: str) -> None:
    assert state(parse(f"verified pass@1 {rule}"), VALUES, 0.95) == expected


def test_the_interval_is_students() -> None:
    low = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95).low
    assert state(parse(f"a m > {low - 1e-6:.7f}"), VALUES, 0.95) == "holds"
    assert state(parse(f"a m > {low + 1e-6:.7f}"), VALUES, 0.95) == "open"


def test_one_part_of_several_refutes_at_a_corrected_level() -> None:
    high = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95).high
    condition = parse(f"a m > {high + 0.001:.4f}")
    assert state(condition, VALUES, 0.95, parts=1) == "fails"
    assert state(condition, VALUES, 0.95, parts=5) == "open"


def test_too_few_seeds_or_a_seed_without_a_value_is_open() -> None:
    assert state(parse("a m > 0"), (1.0, 1.0), 0.95) == "open"
    assert state(parse("a m > 0"), (1.0, 1.0, 1.0, math.nan), 0.95) == "open"


def test_a_claim_without_its_controls_is_inconclusive() -> None:
    assert settle(["holds"], ["holds", "holds"]) == "supported"
    assert settle(["holds"], ["holds", "fails"]) == "refuted"
    assert settle(["holds"], ["holds", "open"]) == "inconclusive"
    assert settle(["open"], ["holds"]) == "inconclusive"
    assert settle(["fails"], ["fails"]) == "inconclusive"
    assert settle([], ["holds"]) == "supported"
