"""From a run's metrics to its effects and verdicts: `compare.json`.

`compare_run` is a pure function of `metrics.parquet`, `config.json` and the `eval.parquet` of the
rounds compared, where these are: equal files give an equal `compare.json`, with no times and no
paths. Every arm is paired with the base, and every arm with every other, by seed. A metric by level
is called `pass@1[LEVEL]`. `ci95` holds the interval at the rule's confidence, which is 0.95 unless
the config says otherwise. `arms` and `contrasts` describe: their p_holm corrects for the primary
arms (or the pairs of arms), not for the number of metrics. What is ruled stands in `verdicts`,
`rulings` and `why`.

What it does not do: rule (`rlvr.results.verdict`), train, score, read completions, write tables
(`rlvr.results.tables`) or draw (`rlvr.results.plot`). Pairs and intervals are made in
`rlvr.results.effects`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from rlvr.data import InputError, nearest
from rlvr.evaluate.metrics import STEP
from rlvr.evaluate.table import ACCURACY, figure_name, find, lower_is_better
from rlvr.records import added, record
from rlvr.records.layout import COMPARISON, CONFIG, METRICS
from rlvr.records.record import read_table, write_json
from rlvr.results.conditions import conditions_json
from rlvr.results.effects import (
    PRIMARY,
    Effect,
    Results,
    arm_effects,
    contrast_effects,
    coverage_note,
    effect_of,
    excluded,
    number,
    percent,
    plain,
    signed,
    span,
    strictest,
    worst_case,
)
from rlvr.results.sceptic import as_json
from rlvr.results.verdict import Ruling, may_have_fallen, ruled, rulings
from rlvr.select.control import FILTERS
from rlvr.statistics.estimates import MIN_SEEDS, minimal_detectable_effect

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
    found = _results(run, config, config_hash, values)
    if not found.seeds:
        raise InputError(
            f"{run}/metrics.parquet: no seed has finished a round in every arm; "
            "resume the run with the `rlvr run` command that began it"
        )
    if not (extents := added.read(run)):
        return found
    began, now = added.extent(config, {}), extents[-1]
    wanted = [now] if (now.rounds, now.seeds) != (began.rounds, began.seeds) else []
    if len(now.arms) > len(began.arms):
        wanted.insert(0, replace(now, rounds=began.rounds, seeds=began.seeds))
    views = [_results(run, added.whole(config, [one]), config_hash, values) for one in wanted]
    exploratory = tuple(replace(one, primary=()) for one in views if one.seeds)
    return replace(found, added=added.in_words(began, now), exploratory=exploratory)


def _results(
    run: Path,
    config: dict[str, Any],
    config_hash: str,
    every: Mapping[tuple[int, str, int, str], float],
) -> Results:
    """Return the results of those of a run's figures that a config asks for."""
    verdict = config["verdict"]
    metric = str(verdict["metric"])
    arms = tuple(str(arm["name"]) for arm in config["arms"])
    rounds = int(config["rounds"])
    names, numbers = {"base", *arms}, set(config["seeds"])
    values = {
        key: value
        for key, value in every.items()
        if key[0] in numbers and key[1] in names and key[2] <= rounds
    }
    recorded = {key[:3] for key in values}
    finished = {seed: _finished_rounds(recorded, seed, arms, rounds) for seed in config["seeds"]}
    seeds = tuple(seed for seed, done in finished.items() if done)
    metrics = {key for _, _, _, key in values}
    if seeds and metric not in metrics:
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
        primary=primary_arms(run, verdict.get("primary"), arms),
        seeds=seeds,
        absent=tuple(seed for seed in finished if seed not in seeds),
        round=min((finished[seed] for seed in seeds), default=0),
        rounds=rounds,
        largest_k=f"pass@{max(ks)}" if ks else "pass@1",
        config=config,
        values=values,
    )


def primary_arms(run: Path, named: Sequence[str] | None, arms: Sequence[str]) -> tuple[str, ...]:
    """Return the arms that the rule is about: those named, else those of `PRIMARY` that are there.

    All arms where it names none and none of these is there. Older runs name none. Raises
    InputError for a name that `run` has not.
    """
    if named is None:
        return tuple(arm for arm in arms if arm in PRIMARY) or tuple(arms)
    if unknown := [name for name in named if name not in arms]:
        raise InputError(f"{run}/config.json: verdict.primary: no arm {unknown[0]!r} in this run")
    return tuple(arm for arm in arms if arm in named)


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
    """Return the content of `compare.json`. Undefined figures are None.

    Beside the effects it has `rulings`, what stands beside each verdict (`_ruling_json`),
    `conditions` (`rlvr.results.conditions`) and `checks` (`rlvr.results.sceptic`). If rounds, seeds
    or arms were added to the run, it has `added`: what that shows, without a verdict.
    """
    ruled = rulings(r)
    return {
        "rule": _rule(r),
        **_effects_json(r),
        "verdicts": {arm: ruling.outcome for arm, ruling in ruled.items()},
        "rulings": {arm: _ruling_json(ruling) for arm, ruling in ruled.items()},
        "why": {arm: why(r, ruling) for arm, ruling in ruled.items()},
        "conditions": conditions_json(r),
        "checks": as_json(r),
        **({"added": _added_json(r)} if r.added else {}),
    }


def _added_json(r: Results) -> dict[str, Any]:
    """Return what was added to a run, and the figures with it; they are corrected for nothing."""
    views = [
        {
            "round": one.round,
            "rounds": one.rounds,
            "seeds": list(one.seeds),
            "seeds_left_out": list(one.absent),
            **_effects_json(one),
        }
        for one in r.exploratory
    ]
    return {"what": r.added, "exploratory": views}


def _effects_json(r: Results) -> dict[str, Any]:
    """Return every metric of each arm against the base, and of each pair of arms."""
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
    return {"arms": arms, "contrasts": contrasts}


def rule_text(r: Results) -> str:
    """Return the rule of the verdicts in words."""
    way = "falls" if lower_is_better(r.metric) else "rises"
    other = "rises" if lower_is_better(r.metric) else "falls"
    named = "all arms" if len(r.primary) == len(r.arms) else ", ".join(r.primary)
    return (
        f"growth if {r.metric} {way} by at least {r.margin:g}, the interval excludes 0, and Holm's "
        f"p over the primary arms ({named}) is at most {1 - r.confidence:.2g}; collapse if it "
        f"{other} so; no effect if the interval lies within +-{r.margin:g}; else, and with fewer "
        f"than {MIN_SEEDS} seeds, inconclusive"
    )


def _rule(r: Results) -> dict[str, Any]:
    return {
        "metric": r.metric,
        "margin": r.margin,
        "primary": list(r.primary),
        "confidence": r.confidence,
        "interval": "Student t over the seeds' paired deltas, not below the measurement error",
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


def _ruling_json(ruling: Ruling) -> dict[str, Any]:
    """Return what stands beside a verdict: see `rlvr.results.verdict.Ruling`."""
    return {
        "primary": ruling.primary,
        "growth": ruling.kind,
        "against_best_temperature": _interval_json(ruling.best) if ruling.best else None,
        "reason": ruling.reason,
        "lost": list(ruling.lost),
        "signs": {
            seen.sign.name: {
                "metric": seen.metric,
                "definition": seen.sign.definition,
                "move": seen.move,
                "worse": seen.worse,
                **_interval_json(seen.effect),
            }
            for seen in ruling.signs
        },
    }


# The sentences behind a verdict -----------------------------------------------------------------


def why(r: Results, ruling: Ruling) -> str:
    """Return what the verdict on an arm rests on, with every figure."""
    parts = [headline(r, ruling), finding(r, ruling)]
    if ruling.kind is not None:
        parts.append(_growth(r, ruling))
    parts += _excluded_sentence(r, ruling.arm)
    parts += _sureness(r, ruling.arm, ruling.effect)
    return ". ".join(parts) + "."


def short(r: Results, ruling: Ruling) -> str:
    """Return the same without the figures that the tables show, for two lines of a terminal."""
    parts = [headline(r, ruling)]
    if reason := _reason(ruling):
        parts.append(reason[0].upper() + reason[1:])
    if ruling.kind == "open" and (fallen := may_have_fallen(r, ruling.arm)):
        parts.append(f"May have fallen: {', '.join(fallen)}")
    parts += _excluded_sentence(r, ruling.arm)
    if ruling.primary and math.isfinite(ruling.effect.p_holm):
        parts.append(f"Holm p {p_value(ruling.effect.p_holm)}")
    return ". ".join([*parts, *_sureness(r, ruling.arm, ruling.effect)]) + "."


def headline(r: Results, ruling: Ruling) -> str:
    """Return the verdict with its word and what was lost: "Growth in pass@1 (lost: tail)".

    Of a metric that is better lower: "Growth: real_nll fell".
    """
    said = ruling.said.capitalize()
    if ruling.outcome in ("growth", "collapse"):
        way = "fell" if ruling.outcome == "growth" else "rose"
        said += f": {r.metric} {way}" if lower_is_better(r.metric) else f" in {r.metric}"
    if ruling.kind is not None:
        said += f", {ruling.kind if ruling.kind != 'open' else 'beyond sharpening or not: open'}"
    lost = [_in_words(ruling, definition) for definition in ruling.lost]
    return f"{said} (lost: {', '.join(lost)})" if lost else said


def _in_words(ruling: Ruling, definition: str) -> str:
    """Return a definition of collapse that is met; of diversity, whether that may be harmless."""
    rose = any(seen.sign.metric == "pass@1" and seen.move == "rose" for seen in ruling.signs)
    return (
        "diversity, as more answers are right" if definition == "diversity" and rose else definition
    )


def size_matched(r: Results) -> list[str]:
    """Return, for each random arm of another's size, what that other's choice of rows adds to it.

    Only where the two differ in nothing but the choice: then this is the verifier's part, and not
    that of fewer rows, of older ones or of another start.
    """
    said = []
    arms = {str(arm["name"]): arm for arm in r.config["arms"]}
    for name, arm in arms.items():
        other = arm.get("match")
        if arm.get("keep") != "random" or other not in r.arms or name not in r.arms:
            continue
        if _but_for_the_choice(arm) != _but_for_the_choice(arms[str(other)]):
            continue
        i = effect_of(r, str(other), name, r.metric, r.metric).interval
        band = "" if math.isnan(i.low) else f" ({percent(r)}: {span(i.low, i.high)}, exploratory)"
        said.append(
            f"{other} - {name}: {r.metric} {signed(i.delta)}{band}. That is what the choice of "
            f"rows adds: {name} has as many, drawn at random"
        )
    return said


CHOICE = ("name", "keep", "match", "match_by", "control", "flip", "share", *FILTERS)  # axes


def _but_for_the_choice(arm: Mapping[str, Any]) -> dict[str, Any]:
    """Return an arm's values on the axes that say nothing of which of its samples become rows."""
    return {axis: value for axis, value in arm.items() if axis not in CHOICE}


def finding(r: Results, ruling: Ruling) -> str:
    """Return the effect, its interval and p, and the reason where there is one."""
    i, n = ruling.effect.interval, len(ruling.effect.deltas)
    if not n:
        return ruling.reason
    band = f"{percent(r)}: {span(i.low, i.high)}" if n > 1 else "no interval"
    if n > 1 and not ruling.primary:
        band += ", exploratory: not corrected"
    elif n > 1:
        band += f", Holm p {p_value(ruling.effect.p_holm)}"
    said = f"{r.metric} {signed(i.delta)} ({band})"
    if ruling.outcome == "no effect":
        return f"{said}, within +-{r.margin:g}"
    return f"{said}, {reason}" if (reason := _reason(ruling)) else said


def _reason(ruling: Ruling) -> str:
    """Return the reason of a verdict without what the headline says of it."""
    return ruling.reason.removeprefix(f"{ruling.said.partition(': ')[2]}: ")


def _growth(r: Results, ruling: Ruling) -> str:
    """Return how growth stands to the base at its best temperature, and what may have fallen."""
    if ruling.best is None:
        return "The base at its best temperature is not recorded"
    i = ruling.best.interval
    bare = ", no floor" if ruling.best.floor == "no floor" else ""
    said = f"Against the base at best T {signed(i.delta)} ({span(i.low, i.high)}{bare})"
    fallen = may_have_fallen(r, ruling.arm)
    if ruling.kind != "open" or not fallen:
        return said
    return f"{said}; may have fallen: {', '.join(fallen)}"


def p_value(p: float) -> str:
    """Return a p-value as the tables show it."""
    return "<0.001" if p < 0.001 else number(p)


def _excluded_sentence(r: Results, arm: str) -> list[str]:
    count = excluded(r, arm) + excluded(r, "base")
    if not count or find(r.metric).group != ACCURACY:  # real solutions are scored, none is excluded
        return []
    cases = worst_case(r, arm, "base")
    if cases is None:
        return [f"{count} completions excluded, with no worst case recorded for {r.metric}"]
    verdicts = list(dict.fromkeys(ruled(r, arm, case)[0] for case in cases))
    either = f"{verdicts[0]} either way" if len(verdicts) == 1 else " or ".join(verdicts)
    low, high = (case.interval.delta for case in cases)
    return [f"{count} completions excluded: {either} ({span(low, high)})"]


def _sureness(r: Results, arm: str, effect: Effect) -> list[str]:
    """Return the power of the run's seeds, what its error is mostly from, and a note of doubt."""
    error, seeds = effect.variances.error, len(effect.deltas)
    smallest = minimal_detectable_effect(error, seeds, strictest(r, arm))
    if math.isnan(smallest):
        return []
    if smallest == 0:
        return ["Power unknown, the seeds' deltas are equal"]
    known = effect.floor != "no floor"
    part = f"error mostly from {effect.variances.larger}" if known else effect.floor
    note = coverage_note(effect)
    return [
        f"80 % power from a change of {number(smallest)}, {part}",
        *([note.capitalize()] if note else []),
    ]
