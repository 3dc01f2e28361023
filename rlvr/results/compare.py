"""From a run's metrics to its effects and verdicts: `compare.json`.

`compare_run` is a pure function of `metrics.parquet`, `config.json` and the `eval.parquet` of the
rounds compared, where these are: equal files give an equal `compare.json`, with no times and no
paths. Every arm is paired with the base, and every arm with every other, by seed. A metric by level
is called `pass@1[LEVEL]`. `ci95` holds the interval at the rule's confidence, which is 0.95 unless
the config says otherwise. The verdict is on the rule's metric alone; the intervals and p-values of
all other metrics describe, and p_holm corrects for the arms (or the pairs of arms), not for the
number of metrics. "Growth" says that the rule's metric rose, or fell where lower is better
(`rlvr.evaluate.table`).

What it does not do: train, score, read completions, print (`rlvr.results.tables`) or draw
(`rlvr.results.plot`). Pairs and intervals are made in `rlvr.results.effects`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rlvr.data import InputError, nearest
from rlvr.evaluate.metrics import STEP
from rlvr.evaluate.table import ACCURACY, figure_name, find, lower_is_better
from rlvr.records import record
from rlvr.records.layout import COMPARISON, CONFIG, METRICS
from rlvr.records.record import read_table, write_json
from rlvr.results.effects import (
    BEST_TEMPERATURE,
    Effect,
    Results,
    arm_effects,
    contrast_effects,
    effect_of,
    excluded,
    excludes_zero,
    number,
    outcome,
    percent,
    plain,
    signed,
    span,
    worst_case,
)
from rlvr.results.sceptic import as_json
from rlvr.statistics.estimates import (
    MIN_SEEDS,
    TOLERANCE,
    Outcome,
    minimal_detectable_effect,
)

COLUMNS = ("seed", "arm", "round", "metric", "level", "value")

# Reading a run ----------------------------------------------------------------------------------


def read_all(folders: Sequence[Path]) -> list[Results]:
    """Read runs. A folder that holds runs instead, as a sweep's does, stands for all of them.

    These are named by their folders. Raises InputError as `read_results` does.
    """
    found = []
    for folder in folders:
        inside = sorted(path.parent for path in folder.glob(f"*/{CONFIG}"))
        if inside and not (folder / CONFIG).is_file():
            found += [replace(read_results(run), name=run.name) for run in inside]
        else:
            found.append(read_results(folder))
    return found


def read_results(run: Path) -> Results:
    """Read the two files of a run folder.

    Raises InputError, naming the path and the fix, when `run` is no run folder or no round has
    finished.
    """
    config, config_hash = read_config(run)
    values = _read_metrics(run / METRICS)
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

    Raises InputError, naming the path and the fix, when `run` is no run folder.
    """
    path = run / CONFIG
    fix = "give a folder that `rlvr run` wrote"
    if not path.is_file():
        raise InputError(f"{run}: not a run folder, it holds no config.json; {fix}")
    config, config_hash = record.read_config(path)
    needed = ("name", "arms", "seeds", "rounds", "evaluate", "verdict")
    if missing := [key for key in needed if key not in config]:
        raise InputError(f"{path}: {missing[0]}: missing; {fix}")
    try:
        numbers = [config["rounds"], *config["seeds"], *config["evaluate"]["k"]]
        numbers += [config["verdict"]["margin"], config["verdict"]["confidence"]]
        names = [config["verdict"]["metric"], *(arm["name"] for arm in config["arms"])]
        if not all(isinstance(one, int | float) for one in numbers):
            raise TypeError(f"no numbers: {numbers}")
        if not all(isinstance(one, str) for one in names):
            raise TypeError(f"no names: {names}")
    except (KeyError, TypeError) as failure:
        raise InputError(f"{path}: not the config of a run ({failure!r}); {fix}") from failure
    return config, config_hash


def _read_metrics(path: Path) -> dict[tuple[int, str, int, str], float]:
    if not path.is_file():
        raise InputError(
            f"{path}: missing, no round has finished yet; "
            "resume the run with the `rlvr run` command that began it"
        )
    fix = "delete it and resume the run: it is written again"
    table = read_table(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: {missing[0]}: column missing; {fix}")
    # Single steps of an online arm are no figures of a round: its means are there too.
    table = table.filter(pc.invert(pc.starts_with(table["level"], STEP)))
    columns = table.select(list(COLUMNS)).to_pydict()
    values = {}
    for seed, arm, round, metric, level, value in zip(*columns.values(), strict=True):
        values[(seed, arm, round, figure_name(metric, level))] = (
            math.nan if value is None else value
        )
    if len(values) != len(table):
        raise InputError(f"{path}: holds a figure twice; {fix}")
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
        write_json(r.folder / COMPARISON, comparison)


def compare_run(r: Results) -> dict[str, Any]:
    """Return the content of `compare.json` (design, section 5). Undefined figures are None.

    `checks` (`rlvr.results.sceptic`) is what the design does not name.
    """
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


def _interval_json(effect: Effect) -> dict[str, Any]:
    i = effect.interval
    return {
        "delta": plain(i.delta),
        "ci95": [plain(i.low), plain(i.high)],
        "p_holm": plain(effect.p_holm),
    }


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
    deltas = {m: effect_of(r, arm, "base", m, m).interval.delta for m in ("greedy", r.largest_k)}
    known = {m: delta for m, delta in deltas.items() if math.isfinite(delta)}
    figures = ", ".join(f"{m} {signed(delta)}" for m, delta in known.items())
    if not known:
        kind = f"Real or sharpening? Neither greedy nor {r.largest_k} is recorded"
    elif any(delta >= -TOLERANCE for delta in known.values()):
        kind = f"Real: {figures}"
    else:
        kind = f"Sharpening, not real: {figures}"
    sharp = effect_of(r, arm, "base", "pass@1", BEST_TEMPERATURE)
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
    error, seeds = effect.variances.error, len(effect.deltas)
    smallest = minimal_detectable_effect(error, seeds, r.confidence)
    if math.isnan(smallest):
        return []
    if smallest == 0:
        return ["Power unknown, the seeds' deltas are equal"]
    return [f"80 % power from {number(smallest)}"]
