"""From a run's results to the tables and sentences that the terminal shows.

By default the verdicts, the signs of collapse, what a sceptic asks and a sentence for each arm;
with `everything` the other tables too. Every table fits 80 columns where names are of ordinary
length; longer ones are folded, figures never. What it does not do: compute; every figure comes from
`rlvr.results.compare`.
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
from rlvr.results.about import arm_says, setting, task
from rlvr.results.compare import p_value, rule_text, short, size_matched
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
from rlvr.results.sceptic import checks
from rlvr.results.verdict import Seen, kinds_in_words, moves_in_words, ruled, rulings
from rlvr.statistics.estimates import minimal_detectable_effect

WIDTH = 80
GAP = 2
STYLES = {
    **{"growth": "green", "collapse": "red"},
    **{"beyond sharpening": "green", "sharpening": "yellow", "no change": "dim", "open": "dim"},
}
WORSE = " !"  # beside a sign that moved the harmful way
HELP = "docs/glossary.md has every word, docs/metrics.md every metric."


def print_tables(runs: Sequence[Results], console: Console, everything: bool = False) -> None:
    """Print the tables of each run and, for several, one side by side."""
    for r in runs:
        _print_run(r, console, everything)
    if len(runs) > 1:
        print_side_by_side(runs, console)
    console.print(HELP, highlight=False)


def _print_run(r: Results, console: Console, everything: bool) -> None:
    console.print(f"[bold]{escape(r.name)}[/bold], {_progress(r)}", highlight=False)
    console.print(f"Rule: {escape(rule_text(r))}.", highlight=False)
    console.print()
    console.print(arms_table(r))
    tables = [verdict_table(r), *added_tables(r), *sign_tables(r), *conditions_tables(r)]
    tables += [checks_table(r)]
    if everything:
        tables += [*evidence_tables(r), *contrast_tables(r), *means_tables(r), *_level_tables(r)]
        tables += [*_excluded_tables(r), *_seed_tables(r)]
        for view in r.exploratory:
            tables += [*contrast_tables(view), *_seed_tables(view)]
    for table in tables:
        console.print()
        console.print(table)
    console.print()
    for arm, ruling in rulings(r).items():
        text = escape(short(r, ruling))
        console.print(f"[bold]{escape(arm)}[/bold]: {text}", highlight=False)
    for said in size_matched(r):
        console.print(f"{escape(said)}.", highlight=False)
    console.print()


def arms_table(r: Results) -> Table:
    """Return what was run, and what each arm trains on, those that were added included."""
    size = (setting(r, f"evaluate.{key}") for key in ("problems", "samples"))
    table = empty_table(
        f"{setting(r, 'model')} on {task(r)}, {' x '.join(size)} held-out samples", [], []
    )
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    views = (r, *r.exploratory)
    arms = {str(arm["name"]): arm for view in views for arm in view.config["arms"]}
    shown = {name for view in views for name in view.arms}
    for name, arm in arms.items():
        if name in shown:
            table.add_row(escape(name), escape(arm_says(arm).rstrip(".")))
    return table


def _progress(r: Results) -> str:
    seeds = f"seed{'' if len(r.seeds) == 1 else 's'} {', '.join(map(str, r.seeds))}"
    if r.round == r.rounds and not r.absent:
        return f"{seeds}, {r.rounds} rounds"
    text = f"{seeds}, [yellow]incomplete: compared at round {r.round} of {r.rounds}[/yellow]"
    if r.absent:
        absent = ", ".join(map(str, r.absent))
        text += f", without seed {absent}: no round finished in every arm"
    return text


def empty_table(title: str, names: Sequence[str], figures: Sequence[str]) -> Table:
    """Return a table without rows: names flush left, folded where too long; figures flush right."""
    table = Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        caption_style="",
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


def _styled(word: str, style: str | None = None) -> str:
    style = style or STYLES.get(word, "yellow")
    return f"[{style}]{escape(word)}[/{style}]"


def verdict_table(r: Results) -> Table:
    """Return each arm against the base on the rule's metric, with its verdict.

    Under an arm, pass@1 against the base at its best temperature, with the word for its growth.
    """
    columns = ["base", "final", "delta", f"{percent(r)} interval"]
    table = empty_table(f"{r.metric} against the base", ["arm"], columns)
    table.add_column("verdict", overflow="fold")
    best = "  base at best T" if r.metric == "pass@1" else "  pass@1 at best T"
    found = rulings(r)
    for arm, ruling in found.items():
        if arm == _first_described(r):
            table.add_row("exploratory:", style="dim")
        for label, effect in _effect_rows(r, arm, "base", ruling.effect):
            word = ruling.said if effect is ruling.effect else ruled(r, arm, effect)[0]
            table.add_row(*_verdict_cells(label, effect), _styled(word))
        if ruling.best is not None:
            kind = _styled(ruling.kind) if ruling.kind else ""
            table.add_row(*_verdict_cells(best, ruling.best), kind)
    notes = []
    if any(ruling.kind == "beyond sharpening" for ruling in found.values()):
        notes.append(kinds_in_words(r))
    if _first_described(r):
        notes.append("exploratory: the rule is not about them; intervals not corrected")
    table.caption = "\n".join(notes)
    return table


def added_tables(r: Results) -> list[Table]:
    """Return what was added to the run after it began, each arm against the base: no verdicts."""
    columns = ["base", "final", "delta", f"{percent(r)} interval"]
    tables = []
    for where, effects in added_effects(r):
        table = empty_table(f"{r.metric} {where}", ["arm"], columns)
        for arm, effect in effects.items():
            table.add_row(*_verdict_cells(arm, effect))
        table.caption = f"added later ({escape(r.added)}): exploratory, no verdict, not corrected"
        tables.append(table)
    return tables


def _first_described(r: Results) -> str:
    """Return the first arm in the order of the rulings that is not a primary one, "" if none."""
    return next((arm for arm in r.arms if arm not in r.primary), "")


def _verdict_cells(label: str, effect: Effect) -> list[str]:
    return [escape(label), number(effect.base), number(effect.final), *_effect_cells(effect)]


def sign_tables(r: Results) -> list[Table]:
    """Return the signs of collapse, an arm a row, in one table; none where no sign is recorded."""
    found = rulings(r)
    names = [seen.sign.name for seen in next(iter(found.values())).signs]
    if not names:
        return []
    table = empty_table("signs of collapse", ["arm"], [])
    for name in names:
        table.add_column(name, no_wrap=True)
    for arm, ruling in found.items():
        if arm == _first_described(r):
            table.add_row("exploratory:", style="dim")
        table.add_row(escape(arm), *map(_move, ruling.signs))
    table.caption = moves_in_words(r)
    table.caption += f"\n{WORSE.strip()} moved the harmful way"
    if "coverage" in names:
        table.caption += f"; coverage: {r.largest_k}"
    if "distinct" in names:
        table.caption += "\ndistinct falls, too, where more samples agree on the right answer"
    return [table]


def _move(seen: Seen) -> str:
    return f"[red]{seen.move}{WORSE}[/red]" if seen.worse else _styled(seen.move, "dim")


def evidence_tables(r: Results) -> list[Table]:
    """Return the figures behind the verdicts and behind the signs."""
    columns = ["Holm p", "noise", "floor", "80 % power from"]
    sure = empty_table(f"{r.metric} against the base, how sure", ["arm"], columns)
    sure.caption = "noise: standard error within one seed, over problems and their samples"
    figures = ["base", "final", "delta", f"{percent(r)} interval", "Holm p"]
    behind = empty_table("signs of collapse, the figures", ["arm", "sign"], figures)
    behind.add_column("move", no_wrap=True)
    for arm, ruling in rulings(r).items():
        effect = ruling.effect
        noise = number(r.mean(arm, f"{r.metric}_se"))
        error, seeds = effect.variances.error, len(effect.deltas)
        power = number(minimal_detectable_effect(error, seeds, strictest(r, arm)))
        sure.add_row(escape(arm), p_value(effect.p_holm), noise, effect.floor, power)
        for seen in ruling.signs:
            cells = _verdict_cells(seen.sign.name, seen.effect)
            behind.add_row(escape(arm), *cells, p_value(seen.effect.p_holm), _move(seen))
    return [sure, behind] if behind.row_count else [sure]


def contrast_tables(r: Results) -> list[Table]:
    """Return one table, none where there is one arm."""
    columns = ["delta", f"{percent(r)} interval", "Holm p", "excludes 0"]
    table = empty_table(f"{r.metric}, arm against arm", ["arms"], columns)
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


def conditions_tables(r: Results) -> list[Table]:
    """Return one table of the run's own conditions, none where it has none."""
    columns = ["value", f"{percent(r)} interval", "Holm p", ""]
    table = empty_table("conditions of the config", ["condition"], columns)
    settled = settle_conditions(r)
    table.caption = "\n".join(dict.fromkeys(escape(one.why) for one, _ in settled if one.why))
    for one, p in settled:
        said = figures(one.condition, one.interval)
        table.add_row(escape(one.condition.text), *said, p_value(p), one.state)
    return [table] if table.row_count else []


def checks_table(r: Results) -> Table:
    """Return what a sceptic asks of the run, with the answers."""
    table = Table.grid(padding=(0, GAP, 0, 0))
    for check in checks(r):
        mark = "[green]ok[/green]" if check.ok else "[red]look[/red]"
        table.add_row(mark, check.what, Text(check.found))
    return table


def _excluded_tables(r: Results) -> list[Table]:
    """Return the undecided completions, and the metric with all of them wrong, then right."""
    if not any(excluded(r, arm) for arm in ("base", *r.arms)):
        return []
    figures = ["abstain", "error", r.metric, "all wrong", "all right"]
    table = empty_table("completions excluded from evaluation, all seeds", ["arm"], figures)
    table.caption = "at worst, at best: with all of them counted against, or for, the arm"
    for arm in ("base", *r.arms):
        table.add_row(
            escape(arm),
            *(f"{sum(r.finite(arm, metric)):,.0f}" for metric in EXCLUDED),
            *(number(r.mean(arm, f"{r.metric}{end}")) for end in ("", "_low", "_high")),
        )
    return [table]


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
            show = _count if metric in counts else number
            rows[metric] = {arm: show(x) for arm, x in figures.items()}
    return _arm_tables(r, f"means over seeds at round {r.round}", "metric", rows)


def _count(x: float) -> str:
    return f"{x:,.0f}" if math.isfinite(x) else "-"


def _level_tables(r: Results) -> list[Table]:
    return [*_by_level(r, r.metric), *_by_level(r, "keep_rate")]


def _by_level(r: Results, metric: str) -> list[Table]:
    start = f"{metric}["
    rows = {
        key.removeprefix(start).removesuffix("]"): {
            arm: number(r.mean(arm, key)) for arm in ("base", *r.arms)
        }
        for key in sorted({key for _, _, _, key in r.values if key.startswith(start)})
    }
    return _arm_tables(r, f"{metric} by level at round {r.round}", "level", rows)


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
        table = empty_table(title, [head], ["base", *group])
        for name, cells in rows.items():
            table.add_row(escape(name), *(cells[arm] for arm in ("base", *group)))
        tables.append(table)
    return tables


def print_side_by_side(runs: Sequence[Results], console: Console) -> None:
    """Print each arm of each run against its base, in one table."""
    names = [r.name for r in runs]
    labels = names if len(set(names)) == len(names) else [str(r.folder) for r in runs]
    figures = ["base", "final", "delta", "interval", "verdict"]
    table = empty_table("runs side by side", ["run", "arm"], figures)
    for label, r in zip(labels, runs, strict=True):
        for arm, ruling in rulings(r).items():
            for name, effect in _effect_rows(r, arm, "base", ruling.effect):
                word = ruling.said if effect is ruling.effect else ruled(r, arm, effect)[0]
                table.add_row(escape(label), *_verdict_cells(name, effect), _styled(word))
    console.print(table)
    for label, r in zip(labels, runs, strict=True):
        if r.round < r.rounds or r.absent:
            console.print(f"{escape(label)}: {_progress(r)}", highlight=False)
    if len({(r.metric, r.margin, r.confidence, r.primary) for r in runs}) > 1:
        console.print("These runs were judged by different rules: see each run's own above.")
