"""rlvr/statistics/estimates.py against hand-computed values and brute force."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import t as scipy_t

from rlvr.statistics.estimates import (
    Variances,
    decide,
    error_covariance,
    holm,
    mean_pass_at_k,
    measurement_error,
    minimal_detectable_effect,
    outlier,
    paired_interval,
    pass_at_k,
    variances,
)

NAN = math.nan

# pass@k -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (8, 0, 8, 0.0),  # never solved
        (8, 8, 1, 1.0),  # always solved
        (8, 1, 8, 1.0),  # all samples drawn: the right one is among them
        (8, 3, 1, 3 / 8),  # k = 1 is the success rate
        (4, 2, 2, 5 / 6),  # 1 - C(2,2)/C(4,2)
        (10, 3, 5, 11 / 12),  # 1 - 21/252
        (5, 3, 3, 1.0),  # fewer wrong samples than draws
        (1, 1, 1, 1.0),
        (1, 0, 1, 0.0),
    ],
)
def test_pass_at_k_by_hand(n: int, c: int, k: int, expected: float) -> None:
    assert pass_at_k(n, c, k) == expected


def test_pass_at_k_is_the_share_of_draws_with_a_success() -> None:
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations(range(n), k))
                share = sum(any(i < c for i in draw) for draw in draws) / len(draws)
                assert pass_at_k(n, c, k) == share


def test_pass_at_k_keeps_tiny_values() -> None:
    assert pass_at_k(10**6, 1, 1) == 1e-6


@pytest.mark.parametrize(
    ("n", "c", "k"),
    [(4, 2, 5), (0, 0, 1), (4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, -1)],
)
def test_pass_at_k_refuses_what_has_no_estimate(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


def test_mean_pass_at_k_over_problems_with_unequal_samples() -> None:
    n, c = [4, 4, 8, 2], [2, 0, 8, 1]
    assert mean_pass_at_k(n, c, 2) == pytest.approx((5 / 6 + 0 + 1 + 1) / 4, abs=1e-15)
    assert mean_pass_at_k(np.array(n), np.array(c), 1) == pytest.approx(2 / 4, abs=1e-15)


def test_mean_pass_at_k_edges() -> None:
    assert math.isnan(mean_pass_at_k([], [], 1))
    with pytest.raises(ValueError, match="k=4 and n=3"):
        mean_pass_at_k([8, 3], [1, 1], 4)
    with pytest.raises(ValueError, match="shorter"):
        mean_pass_at_k([8, 8], [1], 4)


# Noise within a seed ----------------------------------------------------------------------------


def test_measurement_error_by_hand() -> None:
    # rates 0, 1/2, 1: sd 1/2 over three problems
    assert measurement_error([4, 4, 4], [0, 2, 4]) == pytest.approx(0.5 / math.sqrt(3), abs=1e-15)


def test_measurement_error_clusters_by_problem() -> None:
    # Every problem all right or all wrong: 8 samples of it say no more than one.
    assert measurement_error([8] * 4, [8, 0, 8, 0]) == measurement_error([1] * 4, [1, 0, 1, 0])


def test_measurement_error_edges() -> None:
    assert math.isnan(measurement_error([8], [4]))
    assert math.isnan(measurement_error([8, 0], [4, 0]))  # nothing decided: no rate
    assert measurement_error([8, 8], [4, 4]) == 0.0


# Intervals over seeds ---------------------------------------------------------------------------


def test_paired_interval_by_hand() -> None:
    # mean 2, sd 1, t(0.975, 2) = 4.302653: 2 +- 4.302653 / sqrt(3)
    interval = paired_interval([1.0, 2.0, 3.0])
    assert interval.delta == 2.0
    assert interval.low == pytest.approx(-0.484138, abs=1e-6)
    assert interval.high == pytest.approx(4.484138, abs=1e-6)
    assert interval.p == pytest.approx(0.074180, abs=1e-6)


@pytest.mark.parametrize(
    ("deltas", "p"),
    [([0.25, 0.25, 0.25], 0.0), ([0.0, 0.0, 0.0], 1.0), ([-0.5, -0.5], 0.0), ([0.1] * 3, 0.0)],
)
def test_equal_deltas_give_an_interval_without_width(deltas: list[float], p: float) -> None:
    interval = paired_interval(deltas)
    assert interval.low == interval.delta == interval.high == pytest.approx(deltas[0], abs=1e-15)
    assert interval.p == p


def test_paired_interval_of_too_little() -> None:
    one, none = paired_interval([0.3]), paired_interval([])
    assert one.delta == 0.3
    assert all(math.isnan(x) for x in (one.low, one.high, one.p))
    assert all(math.isnan(x) for x in (none.delta, none.low, none.high, none.p))
    assert math.isnan(paired_interval([0.1, math.nan, 0.2]).low)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_paired_interval_refuses_a_confidence_that_is_none(confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        paired_interval([0.1, 0.2], confidence)


def test_intervals_cover_as_often_as_they_say() -> None:
    draws = np.random.default_rng(0).normal(0.1, 0.05, (4000, 3))
    intervals = [paired_interval(list(row)) for row in draws]
    covered = sum(i.low <= 0.1 <= i.high for i in intervals) / len(intervals)
    assert covered == pytest.approx(0.95, abs=0.012)


# The floor --------------------------------------------------------------------------------------

ALIKE = [[0.01, 0.0, 0.0], [0.0, 0.01, 0.0], [0.0, 0.0, 0.01]]  # errors of three seeds


def test_error_covariance_by_hand() -> None:
    # Three problems, the first two in both seeds: 0, 1, 2 and 1, 3 and, of its own, 2.
    found = error_covariance([[0.0, 1.0, 2.0, NAN], [1.0, 3.0, NAN, 2.0]])
    assert found.diagonal() == pytest.approx([1 / 3, 1 / 3])  # sd 1 over three problems
    # (0 - 1)(1 - 2) + (1 - 1)(3 - 2) = 1, over 3 x 2
    assert (found[0, 1], found[1, 0]) == pytest.approx((1 / 6, 1 / 6))


def test_error_covariance_of_problems_of_their_own_and_of_too_few() -> None:
    found = error_covariance([[0.0, 1.0, NAN, NAN], [NAN, NAN, 0.0, 3.0]])
    assert found.ravel() == pytest.approx([0.25, 0.0, 0.0, 2.25])
    assert math.isnan(error_covariance([[0.5, NAN], [0.5, 0.1]])[0, 0])
    many = np.random.default_rng(0).normal(size=(5, 3, 20))
    assert error_covariance(many)[4] == pytest.approx(error_covariance(many[4]), rel=1e-12)


def test_the_diagonal_is_the_measurement_error() -> None:
    correct = [0, 3, 4, 1]
    found = error_covariance([[c / 4 for c in correct]])
    assert found[0, 0] == pytest.approx(measurement_error([4] * 4, correct) ** 2, rel=1e-12)


def test_variances_by_hand() -> None:
    # sd 1 over three seeds; errors 0.01 each, 0.004 of it in common.
    errors = np.array(ALIKE) + 0.004 * (1 - np.eye(3))
    found = variances([1.0, 2.0, 3.0], errors)
    assert found.between == pytest.approx(1 - 0.01 + 0.004)
    assert (found.within, found.shared) == pytest.approx((0.01, 0.004))
    assert found.floor**2 == pytest.approx((3 * 0.01 + 6 * 0.004) / 9)  # of the mean of the three
    assert found.error**2 == pytest.approx(1 / 3 + 0.004)
    assert found.larger == "seeds"


def test_equal_deltas_have_the_floors_width() -> None:
    found, interval = variances([0.2] * 3, ALIKE), paired_interval([0.2] * 3, errors=ALIKE)
    assert (found.between, found.larger) == (0.0, "problems and samples")
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (interval.low, interval.high) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-6)
    assert interval.p == pytest.approx(2 * scipy_t.sf(0.2 / (0.1 / math.sqrt(3)), 2), rel=1e-9)


@pytest.mark.parametrize("spread", [0.0, 1e-3, 0.01, 0.1, 1.0])
def test_an_interval_is_never_narrower_than_the_floor(spread: float) -> None:
    deltas = [-spread, 0.0, spread]
    alone, floored = paired_interval(deltas), paired_interval(deltas, errors=ALIKE)
    floor = 4.302653 * 0.1 / math.sqrt(3)
    assert floored.high == pytest.approx(max(alone.high, floor), rel=1e-6)


def test_a_negative_covariance_takes_nothing_off() -> None:
    errors = np.array(ALIKE) - 0.002 * (1 - np.eye(3))
    assert variances([0.1, 0.1, 0.1], errors) == variances([0.1, 0.1, 0.1], ALIKE)


def test_variances_of_too_little() -> None:
    for deltas in ([], [0.1], [0.1, NAN]):
        found = variances(deltas)
        assert math.isnan(found.between)
        assert math.isnan(found.error)
    assert variances([1.0, 2.0, 3.0]) == Variances(3, 1.0)
    assert variances([1.0, 2.0, 3.0]).larger == "seeds"


# Holm -------------------------------------------------------------------------------------------


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.04 times 3, 2, 1, never falling
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04], abs=1e-15)
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_holm_counts_a_nan_as_a_test_that_found_nothing() -> None:
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[0] == pytest.approx(0.06)
    assert math.isnan(adjusted[1])
    assert adjusted[2] == pytest.approx(0.06)
    assert holm([]) == []
    assert all(math.isnan(p) for p in holm([math.nan, math.nan]))


# The verdict rule -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("delta", "low", "high", "seeds", "expected"),
    [
        (0.60, 0.45, 0.75, 3, "growth"),
        (-0.06, -0.09, -0.03, 3, "collapse"),
        (0.01, -0.02, 0.04, 3, "no effect"),
        (0.10, -0.05, 0.25, 3, "inconclusive"),  # over the margin, but 0 is inside
        (0.04, 0.01, 0.07, 3, "inconclusive"),  # 0 excluded, but under the margin and beyond it
        (0.04, 0.035, 0.045, 3, "no effect"),  # 0 excluded, and yet all within the margin
        (0.02, -0.06, 0.10, 3, "inconclusive"),  # too wide to say
        # boundaries
        (0.05, 0.001, 0.099, 3, "growth"),  # delta = margin counts
        (-0.05, -0.099, -0.001, 3, "collapse"),
        (0.35 - 0.30, 0.001, 0.099, 3, "growth"),  # 0.04999999999999999 is the margin
        (0.0499, 0.001, 0.0988, 3, "inconclusive"),
        (0.06, 0.0, 0.12, 3, "inconclusive"),  # an interval that ends at 0 does not exclude it
        (-0.06, -0.12, 0.0, 3, "inconclusive"),
        (0.0, -0.05, 0.05, 3, "no effect"),  # the margin's ends belong to it
        (0.0, -0.05, 0.0501, 3, "inconclusive"),
        (0.0, -0.0501, 0.05, 3, "inconclusive"),
        (0.05, 0.05, 0.05, 3, "growth"),  # both hold: growth comes first
        (-0.05, -0.05, -0.05, 3, "collapse"),
        (0.0, 0.0, 0.0, 3, "no effect"),
        # too few seeds, or no figures
        (0.60, 0.45, 0.75, 2, "inconclusive"),
        (0.0, 0.0, 0.0, 2, "inconclusive"),
        (0.60, NAN, NAN, 1, "inconclusive"),
        (0.60, NAN, NAN, 3, "inconclusive"),
        (NAN, NAN, NAN, 0, "inconclusive"),
    ],
)
def test_verdict_rule(delta: float, low: float, high: float, seeds: int, expected: str) -> None:
    assert decide(delta, low, high, margin=0.05, seeds=seeds) == expected


def test_verdict_rule_without_a_margin() -> None:
    assert decide(0.001, 0.0005, 0.0015, margin=0.0, seeds=5) == "growth"
    assert decide(0.001, -0.0005, 0.0025, margin=0.0, seeds=5) == "inconclusive"
    with pytest.raises(ValueError, match="negative"):
        decide(0.1, 0.05, 0.15, margin=-0.05, seeds=3)


# Power ------------------------------------------------------------------------------------------


def test_minimal_detectable_effect_is_found_four_times_in_five() -> None:
    effect = minimal_detectable_effect(1 / math.sqrt(3), 3)  # sd 1, three seeds
    draws = np.random.default_rng(0).normal(effect, 1.0, (4000, 3))
    found = sum(paired_interval(list(row)).p < 0.05 for row in draws) / len(draws)
    assert found == pytest.approx(0.8, abs=0.02)


def test_minimal_detectable_effect_edges() -> None:
    assert math.isnan(minimal_detectable_effect(NAN, 1))
    assert math.isnan(minimal_detectable_effect(NAN, 3))
    assert minimal_detectable_effect(0.0, 3) == 0.0
    assert minimal_detectable_effect(0.1, 3, 0.99) > minimal_detectable_effect(0.1, 3, 0.95)
    assert minimal_detectable_effect(0.1, 3) > minimal_detectable_effect(0.1, 8)  # t is smaller


# Outlier ------------------------------------------------------------------------------------------


def test_the_farthest_of_normal_values_is_an_outlier_as_often_as_stated() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 5):
        found = [outlier(rng.standard_normal(n).tolist())[1] <= 0.05 for _ in range(4000)]
        assert np.mean(found) == pytest.approx(0.05, abs=0.012)  # 3.5 standard errors


def test_the_critical_value_of_grubbs_table_has_its_p() -> None:
    # Five values, two-sided 5 %: 1.715, as tables of Grubbs' test print it. Four at (-a, a, -a, a)
    # and one at 1 have G = 0.8 / s, s^2 = (4 a^2 + 0.8) / 4.
    a = math.sqrt(((0.8 / 1.715) ** 2 * 4 - 0.8) / 4)
    place, p = outlier([-a, 1.0, a, -a, a])
    assert place == 1 and p == pytest.approx(0.05, abs=0.0005)


def test_outlier_edges() -> None:
    assert outlier([0.3, 0.3, 0.3, -0.4]) == (3, 0.0)
    assert math.isnan(outlier([0.3, 0.3, 0.3])[1])
    assert math.isnan(outlier([0.1, 0.9])[1])


@pytest.mark.parametrize(("seeds", "low", "high"), [(3, 0.0, 0.25), (5, 0.75, 1.0), (8, 0.97, 1.0)])
def test_one_failing_seed_is_found_among_five_and_seldom_among_three(
    seeds: int, low: float, high: float
) -> None:
    # As docs/intervals.md says: one seed fails by 4 log-odds, the others differ by 0.19.
    rng = np.random.default_rng(0)
    logits = 0.3 + 0.19 * rng.standard_normal((300, seeds))
    logits[:, 0] -= 4
    deltas = 1 / (1 + np.exp(-logits)) - 0.5 + rng.normal(0, 0.02, logits.shape)
    found = [outlier(one.tolist()) for one in deltas]
    assert low <= np.mean([place == 0 and p <= 0.05 / 2 for place, p in found]) <= high
