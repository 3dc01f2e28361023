"""The blocks made from the table of metrics and from the shapes of rows, and the report's words."""

from __future__ import annotations

import math

from _blocks import ROOT, cell_text, with_block

from rlvr.evaluate import table
from rlvr.shapes.known import SHAPES


def metrics(text: str) -> str:
    """Return docs/metrics.md with its metrics recreated: a table a group, a line a row."""
    lines = []
    for group, rows in table.reference():
        lines += [
            f"## {group}",
            "",
            "| metric | what it says | unit | range | better | made from |",
            "|---|---|---|---|---|---|",
            *map(_metric_line, rows),
            "",
        ]
    return with_block(text, "metrics", "".join(f"{line}\n" for line in lines))


def _metric_line(row: table.Metric) -> str:
    name = "<br>".join(f"`{name}`" for name in row.named())
    low, high = row.range or (math.nan, math.nan)
    limits = f"from {low:g}" if math.isinf(high) else f"{low:g} to {high:g}" if row.range else ""
    says, better = cell_text(row.says), row.better or ""
    return f"| {name} | {says} | {row.unit} | {limits} | {better} | {row.source} |"


def shapes(text: str) -> str:
    """Return docs/shapes.md with its table of the shapes of rows recreated."""
    lines = ["| shape | whose rows | prompt | answer | and | level | verifier |", "|---" * 7 + "|"]
    for shape in SHAPES:
        cells = (
            f"`{shape.name}`",
            shape.about,
            _columns(shape.prompt),
            _columns(shape.answer) + (f" with `{shape.mark}`" if shape.mark else ""),
            ", ".join(map(_columns, shape.marks)),
            _columns(shape.level),
            f"`{shape.verifier}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return with_block(text, "shapes", "".join(f"{line}\n" for line in lines))


def _columns(names: str) -> str:
    return " or ".join(f"`{name}`" for name in names.split("|") if name)


def glossary(text: str) -> str:
    """Return docs/glossary.md with each line of the terminal's table of means, and its meaning."""
    lines = ["| line | meaning | group |", "|---|---|---|"]
    for name in table.in_terminal():
        row = table.find(name)
        group = f"[{row.group}](metrics.md#{row.group.lower().replace(' ', '-')})"
        meaning = row.says if name == row.label else row.named()[name]
        lines.append(f"| `{name}` | {cell_text(meaning)} | {group} |")
    return with_block(text, "terminal", "".join(f"{line}\n" for line in lines))


def words(_: str) -> str:
    """Return rlvr/report/words.md: the lines of docs/glossary.md that say what a word means."""
    page = (ROOT / "docs" / "glossary.md").read_text().partition("## Claims")[0]
    return "".join(line for line in page.splitlines(keepends=True) if line.startswith("| *"))
