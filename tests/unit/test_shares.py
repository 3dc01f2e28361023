"""Intervals of shares: against scipy's own, and how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from rlvr.statistics.shares import clustered_interval, exact_interval, wilson_interval


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 10), (250, 1000), (1, 1)])
def test_the_exact_interval_is_that_of_clopper_and_pearson(successes: int, n: int) -> None:
    wanted = binomtest(successes, n).proportion_ci(0.9, "exact")
    assert exact_interval(successes, n, 0.9) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 10), (250, 1000), (1, 1)])
def test_the_interval_of_wilson_is_scipys(successes: int, n: int) -> None:
    wanted = binomtest(successes, n).proportion_ci(0.9, "wilson")
    found = wilson_interval(successes, n, 0.9)
    assert found == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_nothing_is_known_without_trials() -> None:
    assert exact_interval(0, 0) == clustered_interval([], []) == wilson_interval(0, 0) == (0.0, 1.0)
    assert clustered_interval([0, 0], [0, 0]) == (0.0, 1.0)


def test_clusters_whose_trials_are_all_alike_count_once() -> None:
    x = np.array([1] * 30 + [0] * 70)
    alike = clustered_interval(8 * x, np.full(100, 8))
    assert alike == pytest.approx(exact_interval(30, 100), abs=0.005)
    assert clustered_interval(np.zeros(40), np.full(40, 8)) == exact_interval(0, 40)
    assert clustered_interval(np.full(40, 8), np.full(40, 8)) == exact_interval(40, 40)
    assert clustered_interval([3], [10]) == exact_interval(0.3, 1)


def test_it_is_never_narrower_than_that_of_independent_trials() -> None:
    low, high = clustered_interval(np.full(50, 2), np.full(50, 4))  # more alike than by chance
    independent = exact_interval(100, 200)
    assert low <= independent[0] and high >= independent[1]


@pytest.mark.parametrize(("alike", "share", "clusters"), [(0.3, 0.2, 100), (0.9, 0.05, 200)])
def test_clustered_intervals_hold_the_truth_and_plain_ones_do_not(
    alike: float, share: float, clusters: int
) -> None:
    rng = np.random.default_rng(0)
    a = (1 - alike) / alike
    truths = rng.beta(share * a, (1 - share) * a, (600, clusters))
    trials = rng.integers(1, 17, truths.shape)
    successes = rng.binomial(trials, truths)
    held = [
        (low <= share <= high, plain[0] <= share <= plain[1])
        for x, n in zip(successes, trials, strict=True)
        for low, high in [clustered_interval(x, n)]
        for plain in [exact_interval(x.sum(), n.sum())]
    ]
    clustered, plain = np.mean(held, axis=0)
    assert clustered > 0.93 and plain < 0.8
