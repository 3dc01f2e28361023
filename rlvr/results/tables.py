"""From a run's results to tables of text, for the terminal, the report and the pages of claims.

What it does not do: compute, every figure comes from `rlvr.results.compare`; and draw, that is done
by `rlvr.results.terminal` and by the template of `rlvr.report`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlvr.evaluate.metrics import OFF_TARGET
from rlvr.evaluate.table import BUDGET, NLL, find, in_terminal
from rlvr.results.compare import p_value
from rlvr.results.conditions import figures, settle_conditions
from rlvr.results.effects import (
    EXCLUDED,
    Effect,
    Results,
    added_effects,
    contrast_effects,
    excluded,
    excludes_zero,
    number,
    percent,
    signed,
    span,
    strictest,
    worst_case,
)
from rlvr.results.verdict import Seen, kinds_in_words, moves_in_words, ruled, rulings
from rlvr.statistics.estimates import minimal_detectable_effect

WIDTH = 80  # columns of a terminal that a table of arms fits
GAP = 2
WORSE = " !"  # behind a sign that moved the harmful way
EXPLORATORY = ("exploratory:",)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text: column heads, rows of as many cells, a note under it.

    `names`: how many of the first columns are names, and no figures; `words`: of the last ones. A
    row of one cell is a heading.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    names: int = 1
    words: int = 0


def verdict_table(r: Results) -> Table:
    """Return each arm against the base on the rule's metric, with its verdict.

    Under an arm, pass@1 against the base at its best temperature, with the word for its growth.
    """
    rows: list[tuple[str, ...]] = []
    best = "  base at best T" if r.metric == "pass@1" else "  pass@1 at best T"
    found = rulings(r)
    for arm, ruling in found.items():
        if arm == _first_described(r):
            rows.append(EXPLORATORY)
        for label, effect in _effect_rows(r, arm, "base", ruling.effect):
            word = ruling.said if effect is ruling.effect else ruled(r, arm, effect)[0]
            rows.append((*_verdict_cells(label, effect), word))
        if ruling.best is not None:
            rows.append((*_verdict_cells(best, ruling.best), ruling.kind or ""))
    notes = []
    if any(ruling.kind == "beyond sharpening" for ruling in found.values()):
        notes.append(kinds_in_words(r))
    if _first_described(r):
        notes.append("exploratory: the rule is not about them; intervals not corrected")
    head = ("arm", "base", "final", "delta", f"{percent(r)} interval", "verdict")
    title = f"{r.metric} against the base"
    return Table(title, head, tuple(rows), "\n".join(notes), words=1)


def added_tables(r: Results) -> list[Table]:
    """Return what was added to the run after it began, each arm against the base: no verdicts."""
    head = ("arm", "base", "final", "delta", f"{percent(r)} interval")
    note = f"added later ({r.added}): exploratory, no verdict, not corrected"
    return [
        Table(
            f"{r.metric} {where}",
            head,
            tuple(_verdict_cells(arm, effect) for arm, effect in effects.items()),
            note,
        )
        for where, effects in added_effects(r)
    ]


def sign_tables(r: Results) -> list[Table]:
    """Return the signs of collapse, an arm a row, in one table; none where no sign is recorded."""
    found = rulings(r)
    names = tuple(seen.sign.name for seen in next(iter(found.values())).signs)
    if not names:
        return []
    rows: list[tuple[str, ...]] = []
    for arm, ruling in found.items():
        if arm == _first_described(r):
            rows.append(EXPLORATORY)
        rows.append((arm, *map(_move, ruling.signs)))
    note = f"{moves_in_words(r)}\n{WORSE.strip()} moved the harmful way"
    if "coverage" in names:
        note += f"; coverage: {r.largest_k}"
    if "distinct" in names:
        note += "\ndistinct falls, too, where more samples agree on the right answer"
    return [Table("signs of collapse", ("arm", *names), tuple(rows), note, words=len(names))]


def conditions_tables(r: Results) -> list[Table]:
    """Return one table of the run's own conditions, none where it has none."""
    settled = settle_conditions(r)
    rows = tuple(
        (one.condition.text, *figures(one.condition, one.interval), p_value(p), one.state)
        for one, p in settled
    )
    note = "\n".join(dict.fromkeys(one.why for one, _ in settled if one.why))
    head = ("condition", "value", f"{percent(r)} interval", "Holm p", "")
    return [Table("conditions of the config", head, rows, note)] if rows else []


def evidence_tables(r: Results) -> list[Table]:
    """Return the figures behind the verdicts and behind the signs."""
    sure, behind = [], []
    for arm, ruling in rulings(r).items():
        effect = ruling.effect
        noise = number(r.mean(arm, f"{r.metric}_se"))
        error, seeds = effect.variances.error, len(effect.deltas)
        power = number(minimal_detectable_effect(error, seeds, strictest(r, arm)))
        sure.append((arm, p_value(effect.p_holm), noise, effect.floor, power))
        for seen in ruling.signs:
            cells = _verdict_cells(seen.sign.name, seen.effect)
            behind.append((arm, *cells, p_value(seen.effect.p_holm), _move(seen)))
    title = f"{r.metric} against the base, how sure"
    note = "noise: standard error within one seed, over problems and their samples"
    of_verdicts = Table(
        title, ("arm", "Holm p", "noise", "floor", "80 % power from"), tuple(sure), note
    )
    head = ("arm", "sign", "base", "final", "delta", f"{percent(r)} interval", "Holm p", "move")
    of_signs = Table("signs of collapse, the figures", head, tuple(behind), names=2, words=1)
    return [of_verdicts, of_signs] if behind else [of_verdicts]


def contrast_tables(r: Results) -> list[Table]:
    """Return one table, none where there is one arm."""
    rows = []
    for (a, b), measured in contrast_effects(r, r.metric).items():
        for label, effect in _effect_rows(r, a, b, measured):
            low = effect.interval.low
            said = "-" if math.isnan(low) else "yes" if excludes_zero(effect.interval) else "no"
            rows.append((label, *_effect_cells(effect), p_value(effect.p_holm), said))
    head = ("arms", "delta", f"{percent(r)} interval", "Holm p", "excludes 0")
    return [Table(f"{r.metric}, arm against arm", head, tuple(rows))] if rows else []


def excluded_tables(r: Results) -> list[Table]:
    """Return the undecided completions, and the metric with all of them wrong, then right."""
    if not any(excluded(r, arm) for arm in ("base", *r.arms)):
        return []
    rows = tuple(
        (
            arm,
            *(f"{sum(r.finite(arm, metric)):,.0f}" for metric in EXCLUDED),
            *(number(r.mean(arm, f"{r.metric}{end}")) for end in ("", "_low", "_high")),
        )
        for arm in ("base", *r.arms)
    )
    head = ("arm", "abstain", "error", r.metric, "all wrong", "all right")
    note = "at worst, at best: with all of them counted against, or for, the arm"
    return [Table("completions excluded from evaluation, all seeds", head, rows, note)]


def means_tables(r: Results, also: Sequence[str] = ()) -> list[Table]:
    """Return the means over seeds at the end, one metric a row; base has no training rows.

    `also`: metrics that have a row too, whether or not the terminal shows them.
    """
    rows = {}
    keys = {key for _, _, _, key in r.values if not key.endswith("]")}  # those of a level do
    elsewhere = sorted(key for key in keys if key.startswith(OFF_TARGET))
    lines = in_terminal(r.largest_k.removeprefix("pass@"))
    counts = [name for name in lines if find(name).group == BUDGET]
    shown = [r.metric, *(name for name in lines if name not in counts), *elsewhere]
    if find(r.metric).group == NLL:  # of text there is no right answer
        shown = [name for name in shown if not find(name).of_answers or name in elsewhere]
    for metric in dict.fromkeys([r.metric, *also, *shown, *counts]):
        figures = {arm: r.mean(arm, metric) for arm in ("base", *r.arms)}
        if any(math.isfinite(x) for x in figures.values()):
            show = count if metric in counts else number
            rows[metric] = {arm: show(x) for arm, x in figures.items()}
    return _arm_tables(r, f"means over seeds at round {r.round}", "metric", rows)


def level_tables(r: Results) -> list[Table]:
    """Return the rule's metric and the share kept, by level of the problems."""
    return [*_by_level(r, r.metric), *_by_level(r, "keep_rate")]


def seed_tables(r: Results) -> list[Table]:
    """Return the rule's metric, a seed a row."""
    rows = {
        str(seed): {arm: number(r.at(seed, arm, r.metric)) for arm in ("base", *r.arms)}
        for seed in r.seeds
    }
    return _arm_tables(r, f"{r.metric} by seed at round {r.round}", "seed", rows)


def side_by_side_table(labels: Sequence[str], runs: Sequence[Results]) -> Table:
    """Return each arm of each run against its base, on its run's own rule."""
    rows = []
    for label, r in zip(labels, runs, strict=True):
        for arm, ruling in rulings(r).items():
            for name, effect in _effect_rows(r, arm, "base", ruling.effect):
                word = ruling.said if effect is ruling.effect else ruled(r, arm, effect)[0]
                said = word if ruling.primary else f"{word}, exploratory"
                rows.append((label, *_verdict_cells(name, effect), said))
    head = ("run", "arm", "base", "final", "delta", "interval", "verdict")
    return Table("runs side by side", head, tuple(rows), names=2, words=1)


def count(x: float) -> str:
    """Return a number of completions or rows; a dash if it is not known."""
    return f"{x:,.0f}" if math.isfinite(x) else "-"


def _first_described(r: Results) -> str:
    """Return the first arm in the order of the rulings that is not a primary one, "" if none."""
    return next((arm for arm in r.arms if arm not in r.primary), "")


def _effect_rows(r: Results, arm: str, other: str, effect: Effect) -> Iterator[tuple[str, Effect]]:
    """Yield an effect and, where completions were excluded, what it is with them either way."""
    yield arm if other == "base" else f"{arm} - {other}", effect
    cases = worst_case(r, arm, other)
    if cases:
        yield from zip(("  at worst", "  at best"), cases, strict=True)


def _effect_cells(effect: Effect) -> tuple[str, str]:
    return signed(effect.interval.delta), span(effect.interval.low, effect.interval.high)


def _verdict_cells(label: str, effect: Effect) -> tuple[str, ...]:
    return (label, number(effect.base), number(effect.final), *_effect_cells(effect))


def _move(seen: Seen) -> str:
    return f"{seen.move}{WORSE}" if seen.worse else seen.move


def _by_level(r: Results, metric: str) -> list[Table]:
    start = f"{metric}["
    rows = {
        key.removeprefix(start).removesuffix("]"): {
            arm: number(r.mean(arm, key)) for arm in ("base", *r.arms)
        }
        for key in sorted({key for _, _, _, key in r.values if key.startswith(start)})
    }
    return _arm_tables(r, f"{metric} by level at round {r.round}", "level", rows)


def _arm_tables(
    r: Results, title: str, head: str, rows: Mapping[str, Mapping[str, str]]
) -> list[Table]:
    """Return the base and the arms as columns, in as many tables as fit the width; none if empty.

    `rows`: by the row's name, a cell per arm and for the base.
    """
    if not rows:
        return []
    wide = {
        arm: GAP + max(len(arm), *(len(cells[arm]) for cells in rows.values()))
        for arm in ("base", *r.arms)
    }
    fixed = max(len(head), *map(len, rows)) + wide["base"]
    groups: list[list[str]] = [[]]
    for arm in r.arms:
        if groups[-1] and fixed + sum(wide[a] for a in groups[-1]) + wide[arm] > WIDTH:
            groups.append([])
        groups[-1].append(arm)
    return [
        Table(
            title,
            (head, "base", *group),
            tuple(
                (name, *(cells[arm] for arm in ("base", *group))) for name, cells in rows.items()
            ),
        )
        for group in groups
    ]
