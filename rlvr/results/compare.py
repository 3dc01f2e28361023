"""From a run's metrics to its effects and verdicts: `compare.json`.

`compare_run` is a pure function of `metrics.parquet` and `config.json`: equal files give an equal
`compare.json`, with no times and no paths. Every arm is paired with the base, and every arm with
every other, by seed. A metric by level is called `pass@1[LEVEL]`. `ci95` holds the interval at the
rule's confidence, which is 0.95 unless the config says otherwise. The verdict is on the rule's
metric alone; the intervals and p-values of all other metrics describe, and p_holm corrects for the
arms (or the pairs of arms), not for the number of metrics. "Growth" says that the rule's metric
rose, or fell where lower is better (`rlvr.evaluate.table`).

What it does not do: train, score, read completions, print (`rlvr.results.tables`) or draw
(`rlvr.results.plot`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rlvr.data import InputError, nearest
from rlvr.evaluate.metrics import STEP
from rlvr.evaluate.table import ACCURACY, figure_name, find, lower_is_better
from rlvr.records import record
from rlvr.records.record import read_table, write_json
from rlvr.statistics.estimates import (
    MIN_SEEDS,
    TOLERANCE,
    Interval,
    Outcome,
    decide,
    holm,
    minimal_detectable_effect,
    paired_interval,
)

COLUMNS = ("seed", "arm", "round", "metric", "level", "value")
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


# Reading a run ----------------------------------------------------------------------------------


def read_results(run: Path) -> Results:
    """Read the two files of a run folder.

    Raises InputError, naming the path and the mend, when `run` is no run folder or no round has
    finished.
    """
    config, config_hash = read_config(run)
    values = _read_metrics(run / "metrics.parquet")
    verdict = config["verdict"]
    metric = str(verdict["metric"])
    arms = tuple(str(arm["name"]) for arm in config["arms"])
    rounds = int(config["rounds"])
    recorded = {key[:3] for key in values}
    finished = {seed: _finished_rounds(recorded, seed, arms, rounds) for seed in config["seeds"]}
    seeds = tuple(seed for seed, done in finished.items() if done)
    if not seeds:
        raise InputError(
            f"{run}/metrics.parquet: no seed has finished a round in every arm; "
            "resume the run with the `rlvr run` command that began it"
        )
    metrics = {key for _, _, _, key in values}
    if metric not in metrics:
        hint = nearest(metric, metrics)
        raise InputError(
            f"{run}/config.json: verdict.metric: {metric!r} is not among the run's metrics{hint}"
        )
    ks = [int(k) for k in config["evaluate"]["k"]]
    return Results(
        folder=run,
        name=str(config["name"]),
        config_hash=config_hash,
        metric=metric,
        margin=float(verdict["margin"]),
        confidence=float(verdict["confidence"]),
        arms=arms,
        seeds=seeds,
        absent=tuple(seed for seed in finished if seed not in seeds),
        round=min(finished[seed] for seed in seeds),
        rounds=rounds,
        largest_k=f"pass@{max(ks)}" if ks else "pass@1",
        config=config,
        values=values,
    )


def read_config(run: Path) -> tuple[dict[str, Any], str]:
    """Return the resolved config of a run folder and its hash.

    Raises InputError, naming the path and the mend, when `run` is no run folder.
    """
    path = run / "config.json"
    mend = "give a folder that `rlvr run` wrote"
    if not path.is_file():
        raise InputError(f"{run}: not a run folder, it holds no config.json; {mend}")
    config, config_hash = record.read_config(path)
    needed = ("name", "arms", "seeds", "rounds", "evaluate", "verdict")
    if missing := [key for key in needed if key not in config]:
        raise InputError(f"{path}: {missing[0]}: missing; {mend}")
    try:
        numbers = [config["rounds"], *config["seeds"], *config["evaluate"]["k"]]
        numbers += [config["verdict"]["margin"], config["verdict"]["confidence"]]
        names = [config["verdict"]["metric"], *(arm["name"] for arm in config["arms"])]
        if not all(isinstance(one, int | float) for one in numbers):
            raise TypeError(f"no numbers: {numbers}")
        if not all(isinstance(one, str) for one in names):
            raise TypeError(f"no names: {names}")
    except (KeyError, TypeError) as failure:
        raise InputError(f"{path}: not the config of a run ({failure!r}); {mend}") from failure
    return config, config_hash


def _read_metrics(path: Path) -> dict[tuple[int, str, int, str], float]:
    if not path.is_file():
        raise InputError(
            f"{path}: missing, no round has finished yet; "
            "resume the run with the `rlvr run` command that began it"
        )
    mend = "delete it and resume the run: it is written anew"
    table = read_table(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: {missing[0]}: column missing; {mend}")
    # Single steps of an online arm are no figures of a round: its means are there too.
    table = table.filter(pc.invert(pc.starts_with(table["level"], STEP)))
    columns = table.select(list(COLUMNS)).to_pydict()
    values = {}
    for seed, arm, round, metric, level, value in zip(*columns.values(), strict=True):
        values[(seed, arm, round, figure_name(metric, level))] = (
            math.nan if value is None else value
        )
    if len(values) != len(table):
        raise InputError(f"{path}: holds a figure twice; {mend}")
    return values


def _finished_rounds(
    recorded: Set[tuple[int, str, int]], seed: int, arms: Sequence[str], rounds: int
) -> int:
    """Return how many rounds, from the first, `seed` has finished in every arm; 0 without base.

    A round is recorded whole or not at all, so any figure of it says that it is finished.
    """
    if (seed, "base", 0) not in recorded:
        return 0
    done = 0
    while done < rounds and all((seed, arm, done + 1) in recorded for arm in arms):
        done += 1
    return done


# From figures to verdicts -----------------------------------------------------------------------


def write_compare(runs: Sequence[Results]) -> None:
    """Write `compare.json` into each run's folder, atomically; all are computed before the first.

    Raises RunError when the disk won't take it.
    """
    for r, comparison in [(r, compare_run(r)) for r in runs]:
        write_json(r.folder / "compare.json", comparison)


def compare_run(r: Results) -> dict[str, Any]:
    """Return the content of `compare.json` (design, section 5). Undefined figures are None.

    `checks` (`rlvr.results.sceptic`) is what the design does not name.
    """
    from rlvr.results.sceptic import as_json

    metrics = sorted({key for _, arm, _, key in r.values if arm in r.arms})
    arms: dict[str, dict[str, Any]] = {arm: {} for arm in r.arms}
    contrasts: dict[str, dict[str, Any]] = {f"{a}-{b}": {} for a, b in combinations(r.arms, 2)}
    for metric in metrics:
        for arm, effect in arm_effects(r, metric).items():
            arms[arm][metric] = {
                "base": plain(effect.base),
                "final": plain(effect.final),
                **_interval_json(effect),
                "seeds": len(effect.deltas) or len(r.finite(arm, metric)),
            }
        for (a, b), effect in contrast_effects(r, metric).items():
            contrasts[f"{a}-{b}"][metric] = _interval_json(effect)
    effects = arm_effects(r, r.metric)
    return {
        "rule": _rule(r),
        "arms": arms,
        "contrasts": contrasts,
        "verdicts": {arm: outcome(r, effect) for arm, effect in effects.items()},
        "why": {arm: why(r, arm, effect) for arm, effect in effects.items()},
        "checks": as_json(r),
    }


def rule_text(r: Results) -> str:
    """Return the rule of the verdicts in words."""
    way = "falls" if lower_is_better(r.metric) else "rises"
    other = "rises" if lower_is_better(r.metric) else "falls"
    return (
        f"growth if {r.metric} {way} by at least {r.margin:g} and the interval excludes 0; "
        f"collapse if it {other} so; no effect if the interval lies within +-{r.margin:g}; "
        f"else, and with fewer than {MIN_SEEDS} seeds, inconclusive"
    )


def _rule(r: Results) -> dict[str, Any]:
    return {
        "metric": r.metric,
        "margin": r.margin,
        "confidence": r.confidence,
        "interval": "Student t over the seeds' paired deltas",
        "text": rule_text(r),
        "config_hash": r.config_hash,
        "seeds": list(r.seeds),
        "seeds_left_out": list(r.absent),
        "round": r.round,
        "rounds": r.rounds,
    }


def arm_effects(r: Results, metric: str) -> dict[str, Effect]:
    """Return each arm against the base, Holm over the arms."""
    effects = [_effect(r, arm, "base", metric, metric) for arm in r.arms]
    return dict(zip(r.arms, _with_holm(effects), strict=True))


def contrast_effects(r: Results, metric: str) -> dict[tuple[str, str], Effect]:
    """Return the first of each pair of arms against the second, Holm over the pairs."""
    pairs = list(combinations(r.arms, 2))
    effects = [_effect(r, a, b, metric, metric) for a, b in pairs]
    return dict(zip(pairs, _with_holm(effects), strict=True))


def _effect(r: Results, arm: str, other: str, metric: str, other_metric: str) -> Effect:
    """Return `metric` of `arm` minus `other_metric` of `other` over the seeds that have both.

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
    against, favour = _effect(r, arm, other, low, high), _effect(r, arm, other, high, low)
    return (against, favour) if against.deltas and favour.deltas else None


def excluded(r: Results, arm: str) -> int:
    """Return the evaluation completions of `arm` without a verdict, over all seeds."""
    return sum(int(x) for metric in EXCLUDED for x in r.finite(arm, metric))


def _interval_json(effect: Effect) -> dict[str, Any]:
    i = effect.interval
    return {
        "delta": plain(i.delta),
        "ci95": [plain(i.low), plain(i.high)],
        "p_holm": plain(effect.p_holm),
    }


def plain(x: float) -> float | None:
    """Return `x` to 12 significant digits, the same on every machine; None when undefined."""
    return float(f"{x:.12g}") if math.isfinite(x) else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


# The sentences behind a verdict -----------------------------------------------------------------


def why(r: Results, arm: str, effect: Effect) -> str:
    """Return what the verdict on `arm` rests on, short enough for two lines of a terminal."""
    verdict = outcome(r, effect)
    parts = [f"{verdict.capitalize()}: {_finding(r, effect, verdict)}"]
    if verdict in ("growth", "collapse") and effect.p_holm > 1 - r.confidence:
        p, limit = number(effect.p_holm), 1 - r.confidence
        parts.append(f"Holm's p over the {len(r.arms)} arms is {p}, above {limit:.2g}")
    if verdict == "growth" and find(r.metric).group == ACCURACY:
        parts.append(_growth_kind(r, arm))
    parts += _excluded_sentence(r, arm)
    parts += _power(r, effect)
    return ". ".join(parts) + "."


def _finding(r: Results, effect: Effect, verdict: Outcome) -> str:
    """Return the effect, its interval and, where the verdict alone does not say it, the reason."""
    i, n = effect.interval, len(effect.deltas)
    if not n:
        return f"{r.metric} has no figure in both the base and the arm"
    if n == 1:
        return f"{r.metric} {signed(i.delta)} (1 seed, no interval), the rule asks for {MIN_SEEDS}"
    text = f"{r.metric} {signed(i.delta)} ({percent(r)}: {span(i.low, i.high)})"
    if verdict == "no effect":
        return f"{text}, within +-{r.margin:g}"
    if verdict != "inconclusive":
        return text
    if n < MIN_SEEDS:
        return f"{text}, {n} seeds, the rule asks for {MIN_SEEDS}"
    if excludes_zero(i):
        return f"{text}, excludes 0 but misses the margin {r.margin:g}"
    return f"{text}, includes 0 and reaches beyond +-{r.margin:g}"


def _growth_kind(r: Results, arm: str) -> str:
    """Return whether growth is real or sharpening, and how it stands to the sharpened base.

    Real if greedy accuracy or pass@k at the largest k does not fall, in the mean over seeds
    (design, section 7).
    """
    deltas = {m: _effect(r, arm, "base", m, m).interval.delta for m in ("greedy", r.largest_k)}
    known = {m: delta for m, delta in deltas.items() if math.isfinite(delta)}
    figures = ", ".join(f"{m} {signed(delta)}" for m, delta in known.items())
    if not known:
        kind = f"Real or sharpening? Neither greedy nor {r.largest_k} is recorded"
    elif any(delta >= -TOLERANCE for delta in known.values()):
        kind = f"Real: {figures}"
    else:
        kind = f"Sharpening, not real: {figures}"
    sharp = _effect(r, arm, "base", "pass@1", BEST_TEMPERATURE)
    if not sharp.deltas:
        return kind
    return f"{kind}; pass@1 {signed(sharp.interval.delta)} against the base at best T"


def _excluded_sentence(r: Results, arm: str) -> list[str]:
    count = excluded(r, arm) + excluded(r, "base")
    if not count or find(r.metric).group != ACCURACY:  # real solutions are scored, none is excluded
        return []
    cases = worst_case(r, arm, "base")
    if cases is None:
        return [f"{count} completions excluded, with no worst case recorded for {r.metric}"]
    verdicts = list(dict.fromkeys(outcome(r, case) for case in cases))
    either = f"{verdicts[0]} either way" if len(verdicts) == 1 else " or ".join(verdicts)
    low, high = (case.interval.delta for case in cases)
    return [f"{count} completions excluded: {either} ({span(low, high)})"]


def _power(r: Results, effect: Effect) -> list[str]:
    smallest = minimal_detectable_effect(effect.deltas, r.confidence)
    if math.isnan(smallest):
        return []
    if smallest == 0:
        return ["Power unknown, the seeds' deltas are equal"]
    return [f"80 % power from {number(smallest)}"]


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
