"""Who is right on labelled answers: `math` and Math-Verify in the same run, on the same lines.

A file is what `rlvr audit math --labelled` reads. Math-Verify is called as for its speed,
`verify(parse(reference), parse(completion))` with its own timeouts on, a reference without dollars
put into them. True is `correct`, False is `wrong`, a reference of which it parses
nothing is `abstain` (so TRL treats it), an exception `error`. Its timeouts go by the clock: run
this on a quiet machine.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from rlvr.verify.labelled import Line, Tally, read_labelled
from rlvr.verify.pool import VerifierPool

SIDES = ("rlvr", "math-verify")
FIGURES = ("agree", "false_positives", "false_negatives", "undecided", "undecided_allowed")
SHOWN = 12  # of what a side gets wrong in a file, as JSON
_DOLLAR = re.compile(r"(?<!\\)\$")


@dataclass
class Side:
    """What one of the two says of a file: its tally, and what it gets wrong."""

    tally: Tally = field(default_factory=Tally)
    wrong: list[tuple[Line, str]] = field(default_factory=list)

    def add(self, line: Line, status: str) -> None:
        """Count one verdict."""
        self.tally.add(line, status)
        if status not in line.allowed:
            self.wrong.append((line, status))

    def as_json(self) -> dict[str, Any]:
        """Return the figures, and the first lines that it gets wrong, false positives first."""
        figures = self.tally.figures()
        worst = sorted(self.wrong, key=lambda item: item[1] != "correct")
        return {name: figures[name] for name in FIGURES} | {
            "wrong": [
                {
                    "line": int(line.problem.id),
                    "class": line.group,
                    "reference": str(line.problem.reference)[:80],
                    "completion": line.completion[-80:],
                    "expected": line.expected,
                    "status": status,
                }
                for line, status in worst[:SHOWN]
            ]
        }


def labelled(files: Sequence[Path], out: Path | None) -> None:
    """Measure both on each file; print a table and, last, one JSON object, and write it."""
    found: dict[str, Any] = {"math-verify": importlib.metadata.version("math-verify"), "files": {}}
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for head in ("file", "by", "agree", "false +", "false -", "undecided", "allowed"):
        table.add_column(head, justify="left" if head in ("file", "by") else "right")
    for file in files:
        lines = list(read_labelled(file))
        sides = {name: Side() for name in SIDES}
        both = {"both": 0, **{f"only {name}": 0 for name in SIDES}, "neither": 0}
        for line, *statuses in zip(lines, _ours(lines), _theirs(lines), strict=True):
            agree = [status in line.allowed for status in statuses]
            both[_who(agree)] += 1
            for side, status in zip(sides.values(), statuses, strict=True):
                side.add(line, status)
        shown = {name: side.as_json() for name, side in sides.items()}
        found["files"][file.stem] = {"lines": len(lines), "agree": both, **shown}
        for name, figures in shown.items():
            counts = (f"{figures[key]:,}" for key in FIGURES)
            table.add_row(f"{file.stem} ({len(lines):,})", name, *counts)
    Console(width=120).print(table)
    if out is not None:
        out.write_text(json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    print(json.dumps(found))


def _who(agree: Sequence[bool]) -> str:
    if all(agree):
        return "both"
    return f"only {SIDES[agree.index(True)]}" if any(agree) else "neither"


def _ours(lines: Sequence[Line]) -> Iterator[str]:
    with VerifierPool("math") as pool:
        for verdict in pool.verify((line.problem, line.completion) for line in lines):
            yield verdict.status


def _theirs(lines: Sequence[Line]) -> Iterator[str]:
    import math_verify

    for line in lines:
        reference = str(line.problem.reference)
        try:
            gold = math_verify.parse(reference if _DOLLAR.search(reference) else f"${reference}$")
            said = math_verify.parse(line.completion)
            yield ("correct" if math_verify.verify(gold, said) else "wrong") if gold else "abstain"
        except Exception:
            yield "error"
