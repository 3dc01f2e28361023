"""Power: what is predicted of an interval's width, and of what it tells, from a pilot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2, f, nct, norm, t

from rlvr.statistics.estimates import Variances, minimal_detectable_effect
from rlvr.statistics.power import Rule, Size, Spread, outlook, parts, predicted, seeds_needed

PILOT = Size(3, 400, 8)
RULE = Rule(margin=0.05, confidence=0.95, family=1)


def spread(observed: float, within: float = 0.0, **more: float) -> Spread:
    return Spread(PILOT, observed, within, **more)


@pytest.mark.parametrize("seeds", [5, 8])
def test_without_a_floor_the_limits_are_those_of_the_ratio_of_two_variances(
    seeds: int,
) -> None:
    out = outlook(spread(0.0025), Size(seeds, 400, 8), 0.05, RULE)
    wide = t.ppf(0.975, seeds - 1) * 0.05 / math.sqrt(seeds)
    low, high = (wide * math.sqrt(f.ppf(tail, seeds - 1, 2)) for tail in (0.1, 0.9))
    assert out.half == pytest.approx(wide)
    assert out.low == pytest.approx(low, rel=0.06)
    assert out.high == pytest.approx(high, rel=0.06)


def test_known_variances_give_the_power_of_the_t_test() -> None:
    effect = minimal_detectable_effect(0.05 / math.sqrt(12), 12)
    assert seeds_needed(spread(0.0025), PILOT, effect * 1.001, RULE, known=True) == 12
    assert seeds_needed(spread(0.0025), PILOT, effect * 0.97, RULE, known=True) == 13
    critical = t.ppf(0.975, 11)
    assert nct.sf(critical, 11, effect / (0.05 / math.sqrt(12))) == pytest.approx(0.8, abs=1e-3)


def test_what_an_sd_of_three_seeds_leaves_open_costs_seeds() -> None:
    known, open_ = (seeds_needed(spread(0.0025), PILOT, 0.05, RULE, one) for one in (True, False))
    assert known is not None and open_ is not None and open_ > 2 * known
    more = Spread(Size(30, 400, 8), 0.0025)
    sure = seeds_needed(more, PILOT, 0.05, RULE, False)
    assert sure is not None and known <= sure <= known + 1


def test_a_width_is_not_below_the_floor() -> None:
    """The seeds' deltas are nearly equal: the interval has the width of the measurement error."""
    size = Size(5, 400, 8)
    out = outlook(spread(1e-12, 0.0004), size, 0.05, RULE)
    floor = Variances(5, 0.0, 0.0004).error * t.ppf(0.975, 4)
    assert out.half == pytest.approx(floor)
    assert 0.95 * floor < out.low < floor  # the floor is an estimate too
    assert out.high == pytest.approx(floor * math.sqrt(chi2.ppf(0.9, 4) / 4), rel=0.05)


def test_what_seeds_share_stays_however_many_they_are() -> None:
    of = spread(0.0001, 0.0004, shared=0.0003)
    for seeds in (5, 100):
        runs = predicted(of, Size(seeds, 400, 8), known=True)
        expected = Variances(seeds, of.between, 0.0004, 0.0003).error
        assert runs.true == pytest.approx(expected)
        assert np.median(runs.estimated) == pytest.approx(expected, rel=0.1)
    assert seeds_needed(of, PILOT, 0.02, RULE, known=True) is None


def test_problems_and_samples_lower_their_own_parts_alone() -> None:
    of = spread(0.0025, 0.0004, sample=0.64)  # half of the floor is the samples'
    assert of.of_samples == pytest.approx(0.0002)
    assert of.between == pytest.approx(0.0021)

    def variance(problems: int, samples: int) -> float:
        size = Size(4, problems, samples)
        whole = float(predicted(of, size, known=True).true[0] ** 2)
        assert whole == pytest.approx(sum(parts(of, size)))
        return 4 * whole

    assert variance(400, 8) == pytest.approx(0.0021 + 0.0004)
    assert variance(800, 8) == pytest.approx(0.0021 + 0.0002)
    assert variance(400, 16) == pytest.approx(0.0021 + 0.0003)


def test_the_verdict_asks_for_more_than_0() -> None:
    """An effect of the margin itself reaches it in half of the runs, however many seeds."""
    many = outlook(spread(0.0025), Size(150, 400, 8), 0.05, RULE)
    assert many.tells > 0.95 and many.rules == pytest.approx(0.5, abs=0.02)
    assert many.clears > 0.9
    larger = outlook(spread(0.0025), Size(150, 400, 8), 0.1, RULE)
    assert larger.rules > 0.95
    two = outlook(spread(0.0025), Size(2, 400, 8), 10.0, RULE)
    assert two.tells > 0.9 and two.rules == two.clears == 0
    strict = outlook(spread(0.0025), Size(8, 400, 8), 0.05, Rule(0.05, 0.95, family=4))
    assert strict.tells < outlook(spread(0.0025), Size(8, 400, 8), 0.05, RULE).tells


def test_no_effect_is_said_as_often_as_a_normal_mean_allows() -> None:
    """Many seeds: the estimate of the error is nearly the true one."""
    size = Size(200, 400, 8)
    out = outlook(Spread(Size(10_000, 400, 8), 0.04), size, 0.05, RULE)
    error = 0.2 / math.sqrt(200)
    room = 0.05 - t.ppf(0.975, 199) * error
    assert out.clears == pytest.approx(2 * norm.cdf(room / error) - 1, abs=0.02)


def test_the_same_twice() -> None:
    assert outlook(spread(0.0025, 0.0004), PILOT, 0.05, RULE) == outlook(
        spread(0.0025, 0.0004), PILOT, 0.05, RULE
    )
