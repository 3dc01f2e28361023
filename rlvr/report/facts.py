"""From a run's results to the report's tables of text.

Every figure comes from `rlvr.results.compare` or `rlvr.statistics.estimates`; here it is only put
into words and rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.config import filled
from rlvr.evaluate.table import ACCURACY, BUDGET, find, names
from rlvr.records.record import deciding, flat
from rlvr.results.about import setting
from rlvr.results.compare import headline, p_value, why
from rlvr.results.conditions import figures as condition_figures
from rlvr.results.conditions import settle_conditions
from rlvr.results.effects import (
    EXCLUDED,
    Effect,
    Results,
    added_effects,
    contrast_effects,
    excluded,
    excludes_zero,
    level_of,
    number,
    percent,
    signed,
    span,
    strictest,
    worst_case,
)
from rlvr.results.verdict import Ruling, Seen, kinds_in_words, moves_in_words, ruled, rulings
from rlvr.statistics.estimates import Outcome, minimal_detectable_effect

QUADRANTS = tuple(find("coverage_{side}").values)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text: column heads, rows of as many cells, a note under it.

    The first cell of a row is its head. A cell equal to an arm's name is shown in its colour.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one arm: its outcome, that in words, and what it rests on."""

    arm: str
    primary: bool
    outcome: Outcome
    headline: str
    rests_on: str


def found(r: Results) -> list[Found]:
    """Return what was found of each arm, of the primary ones first."""
    each = []
    for arm, ruling in rulings(r).items():
        said = headline(r, ruling)
        rests_on = why(r, ruling).removeprefix(f"{said}. ")
        each.append(Found(arm, ruling.primary, ruling.outcome, said, rests_on))
    return each


def verdict_table(r: Results) -> Table:
    """Return each arm against the base on the rule's metric, and pass@1 against the best base."""
    rows: list[tuple[str, ...]] = []
    ruled = rulings(r)
    bests = any(one.best for one in ruled.values())
    for arm, ruling in ruled.items():
        if not ruling.primary and ("exploratory",) not in rows:
            rows.append(("exploratory",))  # a heading: these arms and all below it
        rows.append(
            (
                arm,
                number(ruling.effect.base),
                number(ruling.effect.final),
                _with_interval(ruling.effect),
                *([_with_interval(ruling.best) if ruling.best else "-"] if bests else []),
                _ruled(ruling),
            )
        )
    against = ("against base at best T",) if bests else ()
    head = ("arm", "base", "final", "delta", *against, "verdict")
    note = f"In brackets: the {percent(r)} interval."
    if against and r.metric != "pass@1":
        note += " Against base at best T: pass@1."
    if any(ruling.kind == "beyond sharpening" for ruling in ruled.values()):
        note += f" {kinds_in_words(r)}."
    return Table(f"{r.metric} against the base", head, tuple(rows), note)


def _ruled(ruling: Ruling) -> str:
    """Return the verdict with the word for its growth."""
    return ", ".join(filter(None, (ruling.said, ruling.kind)))


def _with_interval(effect: Effect) -> str:
    """Return a delta and, in a line of its own, its interval."""
    i = effect.interval
    if math.isnan(i.low):
        return signed(i.delta)
    return f"{signed(i.delta)}\n({span(i.low, i.high)})".replace(" ", "\u00a0")


def signs_table(r: Results) -> Table:
    """Return how the signs of collapse moved in each arm."""
    ruled = rulings(r)
    rows = tuple((arm, *map(_move, ruling.signs)) for arm, ruling in ruled.items())
    names = tuple(seen.sign.name for seen in next(iter(ruled.values())).signs)
    note = f"!: it moved the harmful way. {moves_in_words(r)}."
    if "coverage" in names:
        note += f" coverage: {r.largest_k}."
    if "distinct" in names:
        note += " distinct falls, too, where more samples agree on the right answer."
    return Table("Signs of collapse", ("arm", *names), rows if names else (), note if names else "")


def conditions_table(r: Results) -> Table:
    """Return what became of the run's own conditions; no row where it has none."""
    rows = tuple(
        (one.condition.text, *condition_figures(one.condition, one.interval), p_value(p), one.state)
        for one, p in settle_conditions(r)
    )
    head = ("condition", "value", f"{percent(r)} interval", "Holm p", "state")
    return Table("Conditions of the config", head, rows)


def _move(seen: Seen) -> str:
    return f"{seen.move} !" if seen.worse else seen.move


def added_table(r: Results) -> Table:
    """Return what was added to the run after it began, each arm against the base: no verdicts."""
    rows: list[tuple[str, ...]] = []
    for where, effects in added_effects(r):
        rows.append((where,))
        for arm, effect in effects.items():
            figures = number(effect.base), number(effect.final), _with_interval(effect)
            rows.append((arm, *figures))
    note = f"{r.added}: no verdict, and the intervals are not corrected." if r.added else ""
    head = ("arm", "base", "final", "delta")
    return Table(f"Added after the run began, exploratory: {r.metric}", head, tuple(rows), note)


def evidence_table(r: Results) -> Table:
    """Return the figures behind the verdicts: how sure each is."""
    rows = []
    for arm, ruling in rulings(r).items():
        for label, effect in _with_worst(r, arm, "base", measured := ruling.effect):
            own = effect is measured
            power = minimal_detectable_effect(
                effect.variances.error, len(effect.deltas), strictest(r, arm)
            )
            rows.append(
                (
                    label,
                    ruling.outcome if own else ruled(r, arm, effect)[0],
                    *_cells(effect),
                    number(r.mean(arm, f"{r.metric}_se")) if own else "",
                    effect.floor,
                    number(power),
                )
            )
    head = ("arm", "verdict", "delta", f"{percent(r)} interval", "Holm p", "noise", "floor")
    return Table("How sure each verdict is", (*head, "80 % power from"), tuple(rows))


def signs_figures_table(r: Results) -> Table:
    """Return the figures behind the signs of collapse."""
    rows = tuple(
        (f"{arm}, {seen.sign.name}", _move(seen), *_cells(seen.effect))
        for arm, ruling in rulings(r).items()
        for seen in ruling.signs
    )
    head = ("sign", "move", "delta", f"{percent(r)} interval", "Holm p")
    return Table("Signs of collapse, the figures", head, rows)


def contrast_table(r: Results) -> Table:
    """Return each pair of arms on the rule's metric."""
    rows = []
    for (a, b), measured in contrast_effects(r, r.metric).items():
        for label, effect in _with_worst(r, a, b, measured):
            low = effect.interval.low
            said = "-" if math.isnan(low) else "yes" if excludes_zero(effect.interval) else "no"
            rows.append((label, *_cells(effect), said))
    head = ("arms", "delta", f"{percent(r)} interval", "Holm p", "excludes 0")
    return Table(f"{r.metric}, arm against arm", head, tuple(rows))


def _with_worst(r: Results, arm: str, other: str, effect: Effect) -> list[tuple[str, Effect]]:
    label = arm if other == "base" else f"{arm} - {other}"
    rows = [(label, effect)]
    if cases := worst_case(r, arm, other):
        rows += [(f"{label}, at worst", cases[0]), (f"{label}, at best", cases[1])]
    return rows


def _cells(effect: Effect) -> tuple[str, str, str]:
    low, high = effect.interval.low, effect.interval.high
    return signed(effect.interval.delta), span(low, high), p_value(effect.p_holm)


def coverage_table(r: Results) -> Table:
    """Return the coverage quadrants: shares of problems, mean over seeds and interval."""
    rows = [
        (arm, *(mean_interval(r, arm, f"coverage_{name}") for name in QUADRANTS))
        for arm in r.arms
        if r.finite(arm, "coverage_both")
    ]
    head = ("arm", "both solve", "base only", "arm only", "neither")
    return Table(f"Coverage against the base at {r.largest_k}", head, tuple(rows))


def mean_interval(r: Results, arm: str, metric: str) -> str:
    """Return the mean over seeds of a figure at the compared round, with its interval."""
    band = level_of(r, arm, metric)
    if math.isnan(band.low):
        return number(band.delta)
    return f"{number(band.delta)} ({number(band.low)} to {number(band.high)})"


def all_figures(r: Results) -> Table:
    """Return every metric of the run at the compared round, mean over seeds, an arm a column."""
    arms = ("base", *r.arms)
    keys = sorted({key for _, _, _, key in r.values})
    rows = [(key, *(number(r.mean(arm, key)) for arm in arms)) for key in keys]
    note = "Means over seeds; a figure that an arm does not have is a dash."
    return Table(f"Every metric at round {r.round}", ("metric", *arms), tuple(rows), note)


def budget_table(r: Results, seconds: Mapping[str, float]) -> Table:
    """Return what each arm really used: totals over its rounds, mean over seeds.

    `seconds`: wall time of an arm's rounds, mean over seeds, where it is known.
    """
    rows = []
    for arm in r.arms:
        totals = (_total(r, arm, name) for name in names(BUDGET))
        time = f"{seconds[arm]:,.0f}" if arm in seconds else "-"
        rows.append((arm, *(_count(total) for total in totals), time))
    head = ("arm", *names(BUDGET), "seconds")
    note = (
        f"Sums over rounds 1 to {r.round}, mean over seeds. sampled: completions drawn; kept: of "
        "them, those chosen; shortfall: rows that a size-matched arm lacked; rows: trained on."
    )
    return Table("Budget used", head, tuple(rows), note)


def _total(r: Results, arm: str, metric: str) -> float:
    sums = [
        math.fsum(known)
        for seed in r.seeds
        if (known := _known(r.at(seed, arm, metric, t) for t in range(1, r.round + 1)))
    ]
    return math.fsum(sums) / len(sums) if sums else math.nan


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def _count(x: float) -> str:
    return f"{x:,.0f}" if math.isfinite(x) else "-"


def excluded_table(r: Results) -> Table:
    """Return the evaluation completions without a verdict at the compared round, over all seeds."""
    rows = [
        (
            arm,
            *(_count(math.fsum(r.finite(arm, metric))) for metric in EXCLUDED),
            *(number(r.mean(arm, f"{r.metric}{end}")) for end in ("", "_low", "_high")),
        )
        for arm in ("base", *r.arms)
        if excluded(r, arm)
    ]
    head = ("arm", "abstain", "error", r.metric, "all wrong", "all right")
    return Table("Held-out completions without a verdict", head, tuple(rows))


def reasons_table(reasons: Mapping[tuple[str, str, str], int]) -> Table:
    """Return why completions have no verdict: (which set, status, reason) -> how many."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((where, status, why, f"{n:,}") for (where, status, why), n in ordered[:20])
    head = ("completions", "status", "reason", "how many")
    note = "All rounds and seeds. The base's pool is counted for each arm that chose from it."
    return Table("Why they have none", head, rows, note if rows else "")


def limits(r: Results) -> list[str]:
    """Return what a reader may not conclude from the run, in sentences."""
    said = [
        f"Whether it holds elsewhere: this is one model ({setting(r, 'model')}), one task "
        f"({setting(r, 'task.name')}) and one config. The intervals say what other seeds of "
        "these would give.",
        f"Anything but {r.metric} and the signs of collapse: nothing else is ruled on. Every other "
        "figure describes; among so many, some look large by chance.",
    ]
    if len(r.primary) < len(r.arms):
        said.append(
            "The exploratory arms as surely as the primary ones: their intervals are corrected for "
            "nothing."
        )
    if find(r.metric).group == ACCURACY:
        said.append(
            "New ability: growth can be sharpening, which says more often what the base could say "
            f"already. What is beyond sharpening is more, as far as greedy answers and "
            f"{r.largest_k} show it."
        )
    return said


def left_out(r: Results) -> list[str]:
    """Return sentences on the seeds and rounds that no figure here includes."""
    said = []
    if r.absent:
        seeds = ", ".join(map(str, r.absent))
        said.append(f"Seeds left out, no round of theirs is finished in every arm: {seeds}.")
    if r.round < r.rounds:
        said.append(f"Compared at round {r.round} of {r.rounds}: later ones are not finished.")
    return said


# Configs ----------------------------------------------------------------------------------------


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a resolved config as dotted keys and JSON values; an arm is one key, its axes."""
    plain = flat({key: value for key, value in config.items() if key != "arms"})
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in plain.items()}
    for arm in config["arms"]:
        axes = {axis: value for axis, value in arm.items() if axis != "name" and value}
        texts[f"arms.{arm['name']}"] = ", ".join(f"{axis}: {axes[axis]}" for axis in sorted(axes))
    return dict(sorted(texts.items()))


def config_table(r: Results) -> Table:
    """Return the whole config of a run."""
    rows = tuple(settings(r.config).items())
    return Table("Config", ("key", "value"), rows, f"Hash, taken as the run began: {r.config_hash}")


def differences_table(labels: Sequence[str], runs: Sequence[Results]) -> Table:
    """Return the keys whose values differ between the runs' configs, a run a column.

    Left out is what decides no figure: the words of a claim, its further points.
    """
    each = [settings(deciding(filled(dict(r.config)))) for r in runs]
    keys = sorted({key for one in each for key in one})
    rows = [
        (key, *(one.get(key, "-") for one in each))
        for key in keys
        if len({one.get(key) for one in each}) > 1
    ]
    note = "" if rows else "The configs are equal."
    return Table("What differs in their configs", ("key", *labels), tuple(rows), note)


def side_by_side_table(labels: Sequence[str], runs: Sequence[Results]) -> Table:
    """Return each arm of each run against its base, on its run's own rule."""
    rows = [
        (
            label,
            arm,
            _ruled(ruling) + ("" if ruling.primary else ", exploratory"),
            r.metric,
            number(ruling.effect.base),
            number(ruling.effect.final),
            *_cells(ruling.effect),
        )
        for label, r in zip(labels, runs, strict=True)
        for arm, ruling in rulings(r).items()
    ]
    head = ("run", "arm", "verdict", "metric", "base", "final", "delta", "interval", "Holm p")
    return Table("The runs side by side", head, tuple(rows))


def environment_table(manifest: Mapping[str, Any]) -> Table:
    """Return what the run was made with, as its manifest.json says, but for the hashes of files."""
    said = {key: value for key, value in manifest.items() if key not in ("sealed", "later")}
    rows = tuple((key, str(value)) for key, value in sorted(flat(said).items()))
    note = "" if rows else "The run folder has no manifest.json."
    return Table("Environment", ("what", "value"), rows, note)
