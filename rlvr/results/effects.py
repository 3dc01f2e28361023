"""From a run's figures to its effects: each arm paired with the base, and with other arms, by seed.

An effect's interval is over seeds, and not narrower than its measurement error makes it
(docs/intervals.md). What it does not do: read a run's figures, or say what a verdict rests on
(`rlvr.results.compare`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, product
from pathlib import Path
from statistics import stdev
from typing import Any, Literal

import numpy as np

from rlvr.evaluate.table import SHARE, find, lower_is_better
from rlvr.records.added import counted
from rlvr.records.layout import BASE, EVALUATION, Place, base_of
from rlvr.results.errors import errors_of, is_by_problem
from rlvr.statistics.estimates import (
    TOLERANCE,
    Interval,
    Outcome,
    Variances,
    decide,
    holm,
    paired_interval,
    variances,
)

Move = Literal["rose", "fell", "no change", "open"]
MOVES: dict[Outcome, Move] = {
    "growth": "rose",
    "collapse": "fell",
    "no effect": "no change",
    "inconclusive": "open",
}
PRIMARY = ("verified", "unfiltered")  # the arms that a rule is about, unless it names others
BEST_TEMPERATURE = "pass@1_best_temperature"
Floor = Literal["paired", "unpaired", "no floor"]
# At its best temperature the base is surer of each problem, right or wrong, so that its error is
# larger than the one that is recorded at temperature 1: that is the least it can be.
RECORDED_ERROR = {
    name: "pass@1_se" for name in ("pass@1", "pass@1_low", "pass@1_high", BEST_TEMPERATURE)
}
LOPSIDED = 0.25  # from here on `coverage_note` warns
MIXED = 8  # seeds of which `assigned` tries every combination: 256 of them
EXCLUDED = tuple(find("excluded_{status}").named())


@dataclass(frozen=True, slots=True)
class Results:
    """A run, read once: figures by (seed, arm, round, metric), base at round 0.

    `primary`: the arms that the rule is about. `seeds` are those that finished at least one round
    in every arm, `absent` the others. `round` is
    the last round that all of `seeds` finished in every arm, out of `rounds`. `largest_k` is the
    name of pass@k at the largest k.

    All this is of what the run began with. `added`: what was added to it since, in words; "" if
    nothing was. `exploratory`: views of it, which describe and rule on nothing: the arms that were
    added, at the rule's round and on its seeds; and all arms, at the last round and on all seeds.
    Only a view that has figures is there.
    """

    folder: Path
    name: str
    config_hash: str
    metric: str
    margin: float
    confidence: float
    arms: tuple[str, ...]
    primary: tuple[str, ...]
    seeds: tuple[int, ...]
    absent: tuple[int, ...]
    round: int
    rounds: int
    largest_k: str
    config: Mapping[str, Any]
    values: Mapping[tuple[int, str, int, str], float]
    added: str = ""
    exploratory: tuple[Results, ...] = ()

    def at(self, seed: int, arm: str, metric: str, round: int | None = None) -> float:
        """Return a figure of `arm` at `round` (the compared one by default), nan if unknown."""
        place = self.place(seed, arm, round)
        return self.values.get((seed, arm, place.round, metric), math.nan)

    def place(self, seed: int, arm: str, round: int | None = None) -> Place:
        """Return where a round of `arm` lies (the compared one by default), round 0 of the base."""
        return base_of(seed) if arm == BASE else Place(seed, arm, round or self.round)

    def finite(self, arm: str, metric: str) -> list[float]:
        """Return the figures of `arm` at the compared round, one per seed that has one."""
        return [x for s in self.seeds if math.isfinite(x := self.at(s, arm, metric))]

    def mean(self, arm: str, metric: str) -> float:
        """Return the mean of `finite`, nan where there is no figure."""
        return _mean(self.finite(arm, metric))


@dataclass(frozen=True, slots=True)
class Effect:
    """One metric of an arm against the base, or of one arm against another, paired by seed.

    `base` and `final`: means over the seeds; `bases` and `deltas`: a value a seed. `p_holm` is nan
    where the effect belongs to no family of tests. `variances`: where the error of the interval
    comes from. `floor`: what its measurement error was taken from: the problems of both
    sides in pairs ("paired", from eval.parquet), the recorded error of either ("unpaired", from
    metrics.parquet), or neither was there ("no floor").
    """

    metric: str
    base: float
    final: float
    bases: tuple[float, ...]
    deltas: tuple[float, ...]
    interval: Interval
    p_holm: float
    variances: Variances
    floor: Floor


def arm_effects(r: Results, metric: str) -> dict[str, Effect]:
    """Return each arm against the base, Holm over the primary arms."""
    effects = {arm: effect_of(r, arm, "base", metric, metric) for arm in r.arms}
    family = _with_holm([effects[arm] for arm in r.primary])
    return effects | dict(zip(r.primary, family, strict=True))


def contrast_effects(r: Results, metric: str) -> dict[tuple[str, str], Effect]:
    """Return the first of each pair of arms against the second, Holm over the pairs."""
    pairs = list(combinations(r.arms, 2))
    effects = [effect_of(r, a, b, metric, metric) for a, b in pairs]
    return dict(zip(pairs, _with_holm(effects), strict=True))


def added_effects(r: Results) -> Iterator[tuple[str, dict[str, Effect]]]:
    """Yield each exploratory view: its round and seeds in words, and its arms against the base.

    An arm whose effect is the one of its verdict is left out.
    """
    for view in r.exploratory:
        same = (view.round, view.seeds) == (r.round, r.seeds)
        effects = arm_effects(view, r.metric)
        shown = {arm: effects[arm] for arm in view.arms if not (same and arm in r.arms)}
        where = f"at round {view.round}, {counted('seed', view.seeds)}"
        yield where, shown


def strictest(r: Results, arm: str) -> float:
    """Return the confidence at which an arm's change is told from 0 at the latest.

    Of a primary arm that is Holm's strictest, else the rule's own.
    """
    return 1 - (1 - r.confidence) / len(r.primary) if arm in r.primary else r.confidence


def effect_of(r: Results, arm: str, other: str, metric: str, other_metric: str) -> Effect:
    """Return `metric` of `arm` less `other_metric` of `other` over the seeds that have both.

    Where `other` has no figure at all, as the base has none for rows kept, only `final` is defined.
    """
    both = {s: (r.at(s, arm, metric), r.at(s, other, other_metric)) for s in r.seeds}
    pairs = {s: pair for s, pair in both.items() if all(map(math.isfinite, pair))}
    deltas = tuple(a - b for a, b in pairs.values())
    sides = ((arm, metric, r.round), (other, other_metric, r.round))
    errors, floor = measurement_errors(r, list(pairs), sides)
    bases = tuple(b for _, b in pairs.values())
    return Effect(
        metric=metric,
        base=_mean(bases),
        final=_mean([a for a, _ in pairs.values()] if pairs else r.finite(arm, metric)),
        bases=bases,
        deltas=deltas,
        interval=paired_interval(deltas, r.confidence, errors),
        p_holm=math.nan,
        variances=variances(deltas, errors),
        floor=floor,
    )


def coverage_note(effect: Effect) -> str:
    """Return what to say where the interval holds the truth less often than it states, else "".

    That is so where no problem differs from another, which tells nothing of the measurement error.
    And where a share lies near 0 or 1 and its seeds differ much: they scatter lopsidedly then, and
    no Student-t interval over a few of them holds. With m the mean share of that side which differs
    more between the seeds, and s the deviation between seeds (without measurement error), s / (m (1
    - m)) is that deviation in log-odds. |1 - 2 m| times it says how lopsided the shares of seeds
    are which scatter evenly in log-odds (second derivative of the logistic function over its
    first). Nothing is said where measurement is the larger part: the interval is wide enough then.
    benchmarks/coverage.py shows what LOPSIDED finds.
    """
    if len(effect.deltas) < 2 or effect.floor == "no floor":
        return ""
    if effect.variances.within <= TOLERANCE**2:
        return "no problem differs from another: the measurement error can't be told"
    if find(effect.metric).range != SHARE:
        return ""
    finals = [base + delta for base, delta in zip(effect.bases, effect.deltas, strict=True)]
    m = _mean(max(effect.bases, finals, key=stdev))
    between = abs(1 - 2 * m) * math.sqrt(effect.variances.between)
    if effect.variances.larger != "seeds" or between <= LOPSIDED * m * (1 - m):
        return ""
    return (
        f"near {0 if m < 0.5 else 1} for how much the seeds differ: the interval holds the truth "
        "less often than it states"
    )


def level_of(r: Results, arm: str, metric: str, round: int | None = None) -> Interval:
    """Return the mean over seeds of a figure itself at a round, with its interval and floor."""
    seeds = [s for s in r.seeds if math.isfinite(r.at(s, arm, metric, round))]
    errors, _ = measurement_errors(r, seeds, ((arm, metric, round or r.round),))
    return paired_interval([r.at(s, arm, metric, round) for s in seeds], r.confidence, errors)


def measurement_errors(
    r: Results,
    seeds: Sequence[int],
    sides: Sequence[tuple[str, str, int]],
    weights: Sequence[float] = (1.0, -1.0),
) -> tuple[Any, Floor]:
    """Return the covariances of the seeds' measurement errors, None if unknown, and their source.

    `sides`: an arm, a metric and a round; the second of two is subtracted, more are added by their
    `weights`. The recorded errors say nothing of problems that seeds, or sides, have in common:
    they are added as if there were none, which is too much for the sides of a seed.
    """
    if len(seeds) < 2:
        return None, "no floor"
    if all(is_by_problem(metric) for _, metric, _ in sides):
        pairs = [
            tuple((_evaluation(r.folder, r.place(s, arm, t)), m) for arm, m, t in sides)
            for s in seeds
        ]
        if (found := errors_of(pairs, weights)) is not None:
            return found, "paired"
    added: dict[tuple[str, str, int], float] = {}  # a side that is there twice is one
    for (arm, metric, round), weight in zip(sides, weights, strict=False):
        side = (arm, metric, 0 if arm == BASE else round)
        added[side] = added.get(side, 0.0) + weight
    recorded = {(a, m, t): (a, RECORDED_ERROR.get(m, ""), t) for a, m, t in added}
    squares = [sum((w * r.at(s, *recorded[side])) ** 2 for side, w in added.items()) for s in seeds]
    if all(map(math.isfinite, squares)):
        return np.diag(squares), "unpaired"
    return None, "no floor"


@cache
def _evaluation(run: Path, place: Place) -> Path:
    return place.folder(run) / EVALUATION


def _with_holm(effects: Sequence[Effect]) -> list[Effect]:
    adjusted = holm([effect.interval.p for effect in effects])
    return [replace(effect, p_holm=p) for effect, p in zip(effects, adjusted, strict=True)]


def moved(r: Results, effect: Effect) -> Move:
    """Return how a figure moved, by the margin and the confidence of the run's rule.

    Risen or fallen: by at least the margin, with an interval that excludes 0, and with a Holm p of
    at most 1 - confidence where the effect belongs to a family. No change: the whole interval lies
    within the margin. Else open, and so with fewer than 3 seeds, and where the seeds' figures are
    equal and no error of measurement is known: an interval of no width says nothing.
    """
    i = effect.interval
    if effect.variances.error == 0 and effect.floor == "no floor":
        return "open"
    move = MOVES[decide(i.delta, i.low, i.high, r.margin, len(effect.deltas))]
    unsure = effect.p_holm > 1 - r.confidence + TOLERANCE  # False where it is not a number
    return "open" if unsure and move in ("rose", "fell") else move


def outcome(r: Results, effect: Effect) -> Outcome:
    """Return the rule's verdict on an effect of its metric."""
    better: Move = "fell" if lower_is_better(r.metric) else "rose"
    move = moved(r, effect)
    if move in ("rose", "fell"):
        return "growth" if move == better else "collapse"
    return "no effect" if move == "no change" else "inconclusive"


def excludes_zero(interval: Interval) -> bool:
    """Return whether 0 lies outside the interval; False when it is undefined."""
    return interval.low > TOLERANCE or interval.high < -TOLERANCE


def worst_case(r: Results, arm: str, other: str) -> tuple[Effect, Effect] | None:
    """Return the effect with the excluded completions counted against `arm`, then for it.

    Against: wrong in `arm` and right in `other`; for: the reverse. None where nothing is excluded.
    """
    if not excluded(r, arm) + excluded(r, other):
        return None
    low, high = f"{r.metric}_low", f"{r.metric}_high"
    against, favour = effect_of(r, arm, other, low, high), effect_of(r, arm, other, high, low)
    if not (against.deltas and favour.deltas):
        return None
    if other != "base" or arm not in r.primary:
        return against, favour
    return at_its_least_sure(r, arm, against), at_its_least_sure(r, arm, favour)


def assigned(r: Results, arm: str, cases: tuple[Effect, Effect]) -> Iterator[Effect]:
    """Yield the effects of an arm with each seed's excluded completions counted either way.

    `cases`: all of them against it, and for it (`worst_case`).

    Each seed lies at either end, in every combination where there are `MIXED` seeds at most, so
    that mean and scatter reach their largest; and as near to the others as it may, where the
    scatter is smallest. The other primary arms are at their least sure.
    """
    own = effect_of(r, arm, "base", r.metric, r.metric)
    ends = list(zip(cases[0].deltas, cases[1].deltas, strict=True))
    if len(ends) != len(own.deltas):
        return
    sides = ((arm, r.metric, r.round), (BASE, r.metric, r.round))
    errors, _ = measurement_errors(r, r.seeds, sides)
    mixed = [tuple(one) for one in product(*ends)] if len(ends) <= MIXED else []
    for middle in (*own.deltas, max(low for low, _ in ends), min(high for _, high in ends)):
        mixed.append(tuple(min(max(middle, low), high) for low, high in ends))
    others = {one: _least_sure(r, one) for one in r.primary if one != arm}
    for deltas in dict.fromkeys(mixed):
        one = replace(
            own,
            deltas=deltas,
            interval=paired_interval(deltas, r.confidence, errors),
            variances=variances(deltas, errors),
        )
        if one.variances.error > 0 or errors is not None:  # else it would say nothing
            yield _in_family(r, arm, one, others) if arm in r.primary else one


def at_its_least_sure(r: Results, arm: str, effect: Effect) -> Effect:
    """Return an effect of a primary arm with the largest Holm p that it may have.

    The other primary arms have the largest p that their own excluded completions may give them.
    """
    others = {one: _least_sure(r, one) for one in r.primary if one != arm}
    return _in_family(r, arm, effect, others)


def _in_family(r: Results, arm: str, effect: Effect, others: Mapping[str, Effect]) -> Effect:
    """Return an effect of a primary arm with Holm's p beside those of the other primary arms."""
    family = [effect if one == arm else others[one] for one in r.primary]
    return _with_holm(family)[r.primary.index(arm)]


def _least_sure(r: Results, arm: str) -> Effect:
    own = effect_of(r, arm, "base", r.metric, r.metric)
    low, high = f"{r.metric}_low", f"{r.metric}_high"
    cases = [effect_of(r, arm, "base", *ends) for ends in ((low, high), (high, low))]
    counted = excluded(r, arm) + excluded(r, "base")
    known = [one for one in cases if counted and math.isfinite(one.interval.p)]
    return max([own, *known], key=lambda one: one.interval.p)


def excluded(r: Results, arm: str) -> int:
    """Return the evaluation completions of `arm` without a verdict, over all seeds."""
    return sum(int(x) for metric in EXCLUDED for x in r.finite(arm, metric))


def plain(x: float) -> float | None:
    """Return `x` to 12 significant digits, the same on every machine; None when undefined."""
    return float(f"{x:.12g}") if math.isfinite(x) else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


# Figures as text --------------------------------------------------------------------------------


def number(x: float) -> str:
    """Return `x` with three decimals, whole from 100 on, "-" when undefined."""
    if not math.isfinite(x):
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3f}"


def signed(x: float) -> str:
    """Return `x` like `number`, with its sign."""
    if not math.isfinite(x):
        return "-"
    return f"{x:+,.0f}" if abs(x) >= 100 else f"{x:+.3f}"


def span(low: float, high: float) -> str:
    """Return an interval, "-" when undefined."""
    return f"{signed(low)} to {signed(high)}" if math.isfinite(low) else "-"


def percent(r: Results) -> str:
    """Return the confidence of the rule's intervals."""
    return f"{100 * r.confidence:g} %"
