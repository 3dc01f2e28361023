"""Terminal: prints tables of text, and what `rlvr compare` says of runs.

By default the verdicts, the signs of collapse, what a sceptic asks and a sentence for each arm;
with `everything` the other tables too. Every table fits 80 columns where names are of ordinary
length; longer ones are folded, figures never.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich import table as rich_
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from rlvr.results.about import arm_says, setting, task
from rlvr.results.compare import rule_text, short, size_matched
from rlvr.results.effects import Results
from rlvr.results.sceptic import checks
from rlvr.results.tables import (
    GAP,
    WORSE,
    Table,
    added_tables,
    conditions_tables,
    contrast_tables,
    evidence_tables,
    excluded_tables,
    level_tables,
    means_tables,
    seed_tables,
    side_by_side_table,
    sign_tables,
    verdict_table,
)
from rlvr.results.verdict import rulings

STYLES = {
    **{"growth": "green", "collapse": "red", "no effect": "yellow", "inconclusive": "yellow"},
    **{"beyond sharpening": "green", "sharpening": "yellow"},
    **dict.fromkeys(("no change", "open", "rose", "fell"), "dim"),
}
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
    console.print(_arms(r))
    tables = [verdict_table(r), *added_tables(r), *sign_tables(r), *conditions_tables(r)]
    shown = [*map(drawn, tables), _checks(r)]
    if everything:
        tables = [*evidence_tables(r), *contrast_tables(r), *means_tables(r), *level_tables(r)]
        tables += [*excluded_tables(r), *seed_tables(r)]
        for view in r.exploratory:
            tables += [*contrast_tables(view), *seed_tables(view)]
        shown += map(drawn, tables)
    for table in shown:
        console.print()
        console.print(table)
    console.print()
    for arm, ruling in rulings(r).items():
        text = escape(short(r, ruling))
        console.print(f"[bold]{escape(arm)}[/bold]: {text}", highlight=False)
    for said in size_matched(r):
        console.print(f"{escape(said)}.", highlight=False)
    console.print()


def print_side_by_side(runs: Sequence[Results], console: Console) -> None:
    """Print each arm of each run against its base, in one table."""
    names = [r.name for r in runs]
    labels = names if len(set(names)) == len(names) else [str(r.folder) for r in runs]
    console.print(drawn(side_by_side_table(labels, runs)))
    for label, r in zip(labels, runs, strict=True):
        if r.round < r.rounds or r.absent:
            console.print(f"{escape(label)}: {_progress(r)}", highlight=False)
    if len({(r.metric, r.margin, r.confidence, r.primary) for r in runs}) > 1:
        console.print("These runs were judged by different rules: see each run's own above.")


def drawn(table: Table) -> rich_.Table:
    """Return a table as rich draws it: names and words folded where too long, figures never."""
    made = _frame(table.title)
    last = len(table.head) - table.words
    for place, name in enumerate(table.head):
        if table.names <= place < last:
            made.add_column(escape(name), justify="right", no_wrap=True)
        else:
            made.add_column(escape(name), overflow="fold")
    for row in table.rows:
        if len(row) == 1:
            made.add_row(escape(row[0]), style="dim")
        else:
            cells = map(escape, row[: table.names]), map(_styled, row[table.names :])
            made.add_row(*cells[0], *cells[1])
    made.caption = escape(table.note) or None
    return made


def _styled(cell: str) -> str:
    style = "red" if cell.endswith(WORSE) else STYLES.get(cell.split(",")[0])
    return f"[{style}]{escape(cell)}[/{style}]" if style else escape(cell)


def _frame(title: str) -> rich_.Table:
    return rich_.Table(
        title=escape(title),
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        caption_style="",
        box=None,
        padding=(0, GAP, 0, 0),
        pad_edge=False,
    )


def _arms(r: Results) -> rich_.Table:
    """Return what was run, and what each arm trains on, those that were added included."""
    size = (setting(r, f"evaluate.{key}") for key in ("problems", "samples"))
    table = _frame(f"{setting(r, 'model')} on {task(r)}, {' x '.join(size)} held-out samples")
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


def _checks(r: Results) -> rich_.Table:
    """Return what a sceptic asks of the run, with the answers."""
    table = rich_.Table.grid(padding=(0, GAP, 0, 0))
    for check in checks(r):
        mark = "[green]ok[/green]" if check.ok else "[red]look[/red]"
        table.add_row(mark, check.what, Text(check.found))
    return table
