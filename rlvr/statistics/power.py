"""Power: how wide an interval will be with other seeds, problems and samples, and what it can tell.

A pilot leaves two variances of an effect: between seeds, and within a seed, where problems are
crossed with samples (`rlvr.statistics.estimates.Variances`). From them `predicted` draws what a new
run may find, and `outlook` says how wide its interval will be and how often it tells an effect.

The prediction is a simulation of DRAWS runs, the same at every call. Each draws what the true
variances may be (the pilot's x degrees of freedom / chi-square), then what the new run will
estimate of them (the true ones x chi-square / degrees of freedom): the seeds' variance and the
floor alike. An exact formula (F, the ratio of two variances) holds for the seeds' deviation alone:
the standard error is the larger of two estimates, and limits by that formula, with a floor taken as
known, hold from 61 to 90 of 100 widths where they should hold 80 (benchmarks/plan.py).

What it does not do: read a run (`rlvr.results.plan`), or foresee another effect than the one given.
It takes seeds' deltas as normal, and problems as drawn at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit

from rlvr.statistics.estimates import MIN_SEEDS

DRAWS = 4_000
POWER = 0.8
HELD = 0.8  # by the prediction interval
MOST_SEEDS = 200  # looked for
Array = Any  # of numpy


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is: seeds, held-out problems of each, samples of each problem."""

    seeds: int
    problems: int
    samples: int


@dataclass(frozen=True, slots=True)
class Spread:
    """What a pilot of some size says of the variances of one effect; unit: the metric's, squared.

    `observed`: sample variance of the seeds' deltas. `within`, `shared`: as in `Variances`.
    `sample`: the part of one sample in the difference of a problem's two sides: `within` is
    (something of the problem + sample / samples) / problems. 0 where samples are not known or do
    not matter (greedy).
    """

    size: Size
    observed: float
    within: float = 0.0
    shared: float = 0.0
    sample: float = 0.0

    @property
    def between(self) -> float:
        """The variance between seeds, of their true deltas."""
        return max(0.0, self.observed - self.own)

    @property
    def own(self) -> float:
        """What of the measurement error is each seed's own."""
        return max(0.0, self.within - self.shared)

    @property
    def of_samples(self) -> float:
        """What of the measurement error is the samples'; the rest is the problems'."""
        return min(self.within, self.sample / (self.size.samples * self.size.problems))


@dataclass(frozen=True, slots=True)
class Rule:
    """What a verdict asks for: `family` is the number of arms that Holm corrects for."""

    margin: float
    confidence: float
    family: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run of some size will give, and within which limits 80 % of such runs will lie.

    `half`: half the width of the interval, if the pilot's variances are the true ones; `low` and
    `high`: its prediction interval. `tells`: the chance that an effect is told from 0 at Holm's
    strictest; `rules`: that it is a verdict of growth or collapse, for which the point must reach
    the margin too; `clears`: that "no effect" is the verdict where there is none. These chances are
    means over what the pilot leaves open.
    """

    half: float
    low: float
    high: float
    tells: float
    rules: float
    clears: float


@dataclass(frozen=True, slots=True)
class Runs:
    """Simulated runs of one size: true error of the mean over seeds, and the estimate of it."""

    true: Array
    estimated: Array


@cache
def _chi_squares(*degrees: int) -> tuple[Array, ...]:
    """Return chi-square / degrees of freedom for each of these degrees: DRAWS values each."""
    generator = np.random.default_rng(0)
    return tuple(generator.chisquare(of, DRAWS) / of for of in degrees)


def predicted(spread: Spread, size: Size, known: bool = False) -> Runs:
    """Return runs of `size` as the pilot predicts them.

    `known`: as if the pilot's variances were the true ones.
    """
    pilot = spread.size
    measured = (pilot.seeds * (pilot.problems - 1), size.seeds * (size.problems - 1))
    of_seeds, of_floor, seeds, floor = _chi_squares(
        pilot.seeds - 1, max(1, measured[0]), size.seeds - 1, max(1, measured[1])
    )
    if known:
        of_seeds = of_floor = np.ones(DRAWS)
    within = spread.within / of_floor
    samples = np.minimum(within, spread.of_samples)  # known well: the rest is what is drawn
    shared = np.minimum(spread.shared / of_floor, within - samples)
    between = np.maximum(0.0, spread.observed / of_seeds - (within - shared))
    fewer, rarer = pilot.problems / size.problems, pilot.samples / size.samples
    own = fewer * (within - samples - shared + rarer * samples)
    total, shared = between + own, fewer * shared
    return Runs(
        true=np.sqrt(total / size.seeds + shared),
        estimated=np.sqrt(np.maximum(total * seeds, own * floor) / size.seeds + shared * floor),
    )


def parts(spread: Spread, size: Size) -> tuple[float, float, float]:
    """Return what of the squared error of the mean is the seeds', the problems', the samples'."""
    fewer = spread.size.problems / size.problems
    rarer = spread.size.samples / size.samples
    of_problems = spread.within - spread.of_samples
    shared = min(spread.shared, of_problems)
    problems = fewer * (shared + (of_problems - shared) / size.seeds)
    samples = fewer * rarer * spread.of_samples / size.seeds
    return spread.between / size.seeds, problems, samples


def outlook(spread: Spread, size: Size, effect: float, rule: Rule) -> Outlook:
    """Return what a run of `size` will give if the true change is `effect` (above 0)."""
    runs, wide = predicted(spread, size), _critical(size.seeds, 1 - rule.confidence)
    low, high = np.quantile(wide * runs.estimated, ((1 - HELD) / 2, (1 + HELD) / 2))
    strict = _critical(size.seeds, (1 - rule.confidence) / rule.family) * runs.estimated
    room = np.maximum(0.0, rule.margin - wide * runs.estimated)
    enough = size.seeds >= MIN_SEEDS  # with fewer, every verdict is inconclusive
    return Outlook(
        half=wide * math.sqrt(sum(parts(spread, size))),
        low=float(low),
        high=float(high),
        tells=_beyond(runs, effect, strict),
        rules=enough * _beyond(runs, effect, np.maximum(strict, rule.margin)),
        clears=enough * float(np.mean(2 * ndtr(room / runs.true) - 1)),
    )


def seeds_needed(spread: Spread, size: Size, effect: float, rule: Rule, known: bool) -> int | None:
    """Return the fewest seeds that tell `effect` from 0 at a power of 80 %, 3 at least.

    With the problems and samples of `size`; None if MOST_SEEDS are too few. `known`: as if the
    pilot's variances were the true ones; else the power is the mean over what it leaves open
    (assurance: O'Hagan, Stevens and Campbell 2005, Pharmaceutical Statistics 4).
    """

    def enough(seeds: int) -> bool:
        runs = predicted(spread, replace(size, seeds=seeds), known)
        strict = _critical(seeds, (1 - rule.confidence) / rule.family)
        return _beyond(runs, effect, strict * runs.estimated) >= POWER

    return _first(enough, MIN_SEEDS, MOST_SEEDS)


def _first(holds: Callable[[int], bool], low: int, high: int) -> int | None:
    """Return the first number for which `holds`, which stays so from there on; None without one."""
    if not holds(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _critical(seeds: int, error: float) -> float:
    return float(stdtrit(seeds - 1, 1 - error / 2))


def _beyond(runs: Runs, effect: float, limit: Array) -> float:
    """Return how often the mean over seeds lies beyond `limit` on the effect's side."""
    with np.errstate(divide="ignore"):
        return float(np.mean(ndtr((effect - limit) / runs.true)))
