"""From a run's figures to its effects: each arm paired with the base, and with other arms, by seed.

What it does not do: read a run, or say what a verdict rests on (`rlvr.results.compare`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from rlvr.evaluate.table import find, lower_is_better
from rlvr.statistics.estimates import (
    TOLERANCE,
    Interval,
    Outcome,
    decide,
    holm,
    paired_interval,
)

BEST_TEMPERATURE = "pass@1_best_temperature"
EXCLUDED = tuple(find("excluded_{status}").named())


@dataclass(frozen=True, slots=True)
class Results:
    """A run, read once: figures by (seed, arm, round, metric), base at round 0.

    `seeds` are those that finished at least one round in every arm, `absent` the others. `round` is
    the last round that all of `seeds` finished in every arm, out of `rounds`. `largest_k` is the
    name of pass@k at the largest k.
    """

    folder: Path
    name: str
    config_hash: str
    metric: str
    margin: float
    confidence: float
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    absent: tuple[int, ...]
    round: int
    rounds: int
    largest_k: str
    config: Mapping[str, Any]
    values: Mapping[tuple[int, str, int, str], float]

    def at(self, seed: int, arm: str, metric: str, round: int | None = None) -> float:
        """Return a figure of `arm` at `round` (the compared one by default), nan if unknown."""
        if arm == "base":
            round = 0
        elif round is None:
            round = self.round
        return self.values.get((seed, arm, round, metric), math.nan)

    def finite(self, arm: str, metric: str) -> list[float]:
        """Return the figures of `arm` at the compared round, one per seed that has one."""
        return [x for s in self.seeds if math.isfinite(x := self.at(s, arm, metric))]

    def mean(self, arm: str, metric: str) -> float:
        """Return the mean of `finite`, nan where there is no figure."""
        return _mean(self.finite(arm, metric))


@dataclass(frozen=True, slots=True)
class Effect:
    """One metric of an arm against the base, or of one arm against another, paired by seed."""

    base: float
    final: float
    deltas: tuple[float, ...]
    interval: Interval
    p_holm: float


def arm_effects(r: Results, metric: str) -> dict[str, Effect]:
    """Return each arm against the base, Holm over the arms."""
    effects = [effect_of(r, arm, "base", metric, metric) for arm in r.arms]
    return dict(zip(r.arms, _with_holm(effects), strict=True))


def contrast_effects(r: Results, metric: str) -> dict[tuple[str, str], Effect]:
    """Return the first of each pair of arms against the second, Holm over the pairs."""
    pairs = list(combinations(r.arms, 2))
    effects = [effect_of(r, a, b, metric, metric) for a, b in pairs]
    return dict(zip(pairs, _with_holm(effects), strict=True))


def effect_of(r: Results, arm: str, other: str, metric: str, other_metric: str) -> Effect:
    """Return `metric` of `arm` less `other_metric` of `other` over the seeds that have both.

    Where `other` has no figure at all, as the base has none for rows kept, only `final` is defined.
    """
    both = [(r.at(s, arm, metric), r.at(s, other, other_metric)) for s in r.seeds]
    pairs = [(a, b) for a, b in both if math.isfinite(a) and math.isfinite(b)]
    deltas = tuple(a - b for a, b in pairs)
    return Effect(
        base=_mean([b for _, b in pairs]),
        final=_mean([a for a, _ in pairs] if pairs else r.finite(arm, metric)),
        deltas=deltas,
        interval=paired_interval(deltas, r.confidence),
        p_holm=math.nan,
    )


def _with_holm(effects: Sequence[Effect]) -> list[Effect]:
    adjusted = holm([effect.interval.p for effect in effects])
    return [replace(effect, p_holm=p) for effect, p in zip(effects, adjusted, strict=True)]


def outcome(r: Results, effect: Effect) -> Outcome:
    """Return the rule's verdict on an effect."""
    i = effect.interval
    if lower_is_better(r.metric):
        return decide(-i.delta, -i.high, -i.low, r.margin, len(effect.deltas))
    return decide(i.delta, i.low, i.high, r.margin, len(effect.deltas))


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
    return (against, favour) if against.deltas and favour.deltas else None


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
