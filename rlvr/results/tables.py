"""From a run's results to the tables and sentences that the terminal shows.

Every table fits 80 columns where names are of ordinary length; longer ones are folded, figures
never. What it does not do: compute; every figure comes from `rlvr.results.compare`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rlvr.evaluate.metrics import OFF_TARGET
from rlvr.evaluate.table import BUDGET, NLL, find, in_terminal
from rlvr.results.compare import rule_text, why
from rlvr.results.effects import (
    EXCLUDED,
    Effect,
    Results,
    arm_effects,
    contrast_effects,
    excluded,
    excludes_zero,
    number,
    outcome,
    percent,
    signed,
    span,
    worst_case,
)
from rlvr.results.sceptic import checks

WIDTH = 80
GAP = 2
OUTCOME_STYLE = {"growth": "green", "collapse": "red"}


def print_tables(runs: Sequence[Results], console: Console) -> None:
    """Print the tables of each run and, for several, one side by side."""
    for r in runs:
        _print_run(r, console)
    if len(runs) > 1:
        print_side_by_side(runs, console)


def _print_run(r: Results, console: Console) -> None:
    console.print(f"[bold]{escape(r.name)}[/bold], {_progress(r)}", highlight=False)
    console.print(f"Rule: {escape(rule_text(r))}.", highlight=False)
    tables = [verdict_table(r), *contrast_tables(r), *means_tables(r), *_level_tables(r)]
    tables.append(checks_table(r))
    if any(excluded(r, arm) for arm in ("base", *r.arms)):
        tables.insert(1, _excluded_table(r))
    for table in (*tables, *_seed_tables(r)):
        console.print()
        console.print(table)
    console.print()
    for arm, effect in arm_effects(r, r.metric).items():
        text = escape(why(r, arm, effect))
        console.print(f"[bold]{escape(arm)}[/bold]: {text}", highlight=False)
    console.print()


def _progress(r: Results) -> str:
    seeds = f"seed{'' if len(r.seeds) == 1 else 's'} {', '.join(map(str, r.seeds))}"
    if r.round == r.rounds and not r.absent:
        return f"{seeds}, {r.rounds} rounds"
    text = f"{seeds}, [yellow]incomplete: compared at round {r.round} of {r.rounds}[/yellow]"
    if r.absent:
        absent = ", ".join(map(str, r.absent))
        text += f", without seed {absent}: no round finished in every arm"
    return text


def _table(title: str, names: Sequence[str], figures: Sequence[str]) -> Table:
    """Return an empty table: names flush left and folded where too long, figures flush right."""
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for figure in figures:
        table.add_column(escape(figure), justify="right", no_wrap=True)
    return table


def _effect_rows(r: Results, arm: str, other: str, effect: Effect) -> Iterator[tuple[str, Effect]]:
    """Yield an effect and, where completions were excluded, what it is with them either way."""
    yield arm if other == "base" else f"{arm} - {other}", effect
    cases = worst_case(r, arm, other)
    if cases:
        yield from zip(("  at worst", "  at best"), cases, strict=True)


def _effect_cells(effect: Effect) -> list[str]:
    return [signed(effect.interval.delta), span(effect.interval.low, effect.interval.high)]


def _outcome_cell(r: Results, effect: Effect) -> str:
    verdict = outcome(r, effect)
    style = OUTCOME_STYLE.get(verdict, "yellow")
    return f"[{style}]{verdict}[/{style}]"


def p_value(p: float) -> str:
    """Return a p-value as the tables show it."""
    return "<0.001" if p < 0.001 else number(p)


def verdict_table(r: Results) -> Table:
    """Return each arm against the base on the rule's metric, with its verdict."""
    columns = ["base", "final", "delta", f"{percent(r)} interval", "Holm p", "noise", "verdict"]
    table = _table(f"{r.metric} against the base", ["arm"], columns)
    table.caption = "noise: standard error within one seed, over problems and their samples"
    for arm, measured in arm_effects(r, r.metric).items():
        for label, effect in _effect_rows(r, arm, "base", measured):
            table.add_row(
                escape(label),
                number(effect.base),
                number(effect.final),
                *_effect_cells(effect),
                p_value(effect.p_holm),
                number(r.mean(arm, f"{r.metric}_se")) if effect is measured else "",
                _outcome_cell(r, effect),
            )
    return table


def contrast_tables(r: Results) -> list[Table]:
    """Return one table, none where there is one arm."""
    columns = ["delta", f"{percent(r)} interval", "Holm p", "excludes 0"]
    table = _table(f"{r.metric}, arm against arm", ["arms"], columns)
    for (a, b), measured in contrast_effects(r, r.metric).items():
        for label, effect in _effect_rows(r, a, b, measured):
            interval = effect.interval
            table.add_row(
                escape(label),
                *_effect_cells(effect),
                p_value(effect.p_holm),
                "-" if math.isnan(interval.low) else "yes" if excludes_zero(interval) else "no",
            )
    return [table] if table.row_count else []


def checks_table(r: Results) -> Table:
    """Return what a sceptic asks of the run, with the answers."""
    table = Table.grid(padding=(0, GAP, 0, 0))
    for check in checks(r):
        mark = "[green]ok[/green]" if check.ok else "[red]look[/red]"
        table.add_row(mark, check.what, Text(check.found))
    return table


def _excluded_table(r: Results) -> Table:
    """Return the undecided completions, and the metric with all of them wrong, then right."""
    figures = ["abstain", "error", r.metric, "all wrong", "all right"]
    table = _table("completions excluded from evaluation, all seeds", ["arm"], figures)
    table.caption = "at worst, at best: with all of them counted against, or for, the arm"
    for arm in ("base", *r.arms):
        table.add_row(
            escape(arm),
            *(f"{sum(r.finite(arm, metric)):,.0f}" for metric in EXCLUDED),
            *(number(r.mean(arm, f"{r.metric}{end}")) for end in ("", "_low", "_high")),
        )
    return table


def means_tables(r: Results) -> list[Table]:
    """Return the means over seeds at the end, one metric a row; base has no training rows."""
    rows = {}
    keys = {key for _, _, _, key in r.values if not key.endswith("]")}  # those of a level do
    elsewhere = sorted(key for key in keys if key.startswith(OFF_TARGET))
    lines = in_terminal(r.largest_k.removeprefix("pass@"))
    counts = [name for name in lines if find(name).group == BUDGET]
    shown = [r.metric, *(name for name in lines if name not in counts), *elsewhere]
    if find(r.metric).group == NLL:  # of text there is no right answer
        shown = [name for name in shown if not find(name).of_answers or name in elsewhere]
    for metric in (*shown, *counts):
        figures = {arm: r.mean(arm, metric) for arm in ("base", *r.arms)}
        if any(math.isfinite(x) for x in figures.values()):
            show = _count if metric in counts else number
            rows[metric] = {arm: show(x) for arm, x in figures.items()}
    return _arm_tables(r, f"means over seeds at round {r.round}", "metric", rows)


def _count(x: float) -> str:
    return f"{x:,.0f}" if math.isfinite(x) else "-"


def _level_tables(r: Results) -> list[Table]:
    start = f"{r.metric}["
    rows = {
        key.removeprefix(start).removesuffix("]"): {
            arm: number(r.mean(arm, key)) for arm in ("base", *r.arms)
        }
        for key in sorted({key for _, _, _, key in r.values if key.startswith(start)})
    }
    return _arm_tables(r, f"{r.metric} by level at round {r.round}", "level", rows)


def _seed_tables(r: Results) -> list[Table]:
    rows = {
        str(seed): {arm: number(r.at(seed, arm, r.metric)) for arm in ("base", *r.arms)}
        for seed in r.seeds
    }
    return _arm_tables(r, f"{r.metric} by seed at round {r.round}", "seed", rows)


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
    tables = []
    for group in groups:
        table = _table(title, [head], ["base", *group])
        for name, cells in rows.items():
            table.add_row(escape(name), *(cells[arm] for arm in ("base", *group)))
        tables.append(table)
    return tables


def print_side_by_side(runs: Sequence[Results], console: Console) -> None:
    """Print each arm of each run against its base, in one table."""
    names = [r.name for r in runs]
    labels = names if len(set(names)) == len(names) else [str(r.folder) for r in runs]
    figures = ["base", "final", "delta", "interval", "verdict"]
    table = _table("runs side by side", ["run", "arm"], figures)
    for label, r in zip(labels, runs, strict=True):
        for arm, measured in arm_effects(r, r.metric).items():
            for name, effect in _effect_rows(r, arm, "base", measured):
                table.add_row(
                    escape(label),
                    escape(name),
                    number(effect.base),
                    number(effect.final),
                    *_effect_cells(effect),
                    _outcome_cell(r, effect),
                )
    console.print(table)
    for label, r in zip(labels, runs, strict=True):
        if r.round < r.rounds or r.absent:
            console.print(f"{escape(label)}: {_progress(r)}", highlight=False)
    if len({(r.metric, r.margin, r.confidence) for r in runs}) > 1:
        console.print("These runs were judged by different rules: see each run's own above.")
