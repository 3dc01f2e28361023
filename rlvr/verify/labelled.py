"""Labelled: how well a verifier agrees with your own labels, on files from any source.

A line has what `rlvr score` reads (`completion`, and `answer`, `reference` or tests), and a label.
The label is `expected`: correct, wrong or abstain, or several that are acceptable, such as
`correct|abstain`; or it is `label`: true or false. If lines have a `class`, the figures are given
for each class. The verifier never sees the label.

Agree: the label allows the verdict. False positive: the verdict is `correct`, and the label does
not allow it. False negative: the verdict is `wrong`, and the label does not allow it. Undecided:
abstain and error; they agree only if the label allows them. TPR and FPR are those of
`rlvr.verify.audit`, over the lines whose label is either correct or wrong.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from rlvr.data import DASH, DECIDED, InputError, Problem, Verdict
from rlvr.records.record import write_json
from rlvr.statistics.shares import clustered_interval
from rlvr.verify.audit import CONFIDENCE, SHOWN, figures_of, quoted, share
from rlvr.verify.pool import VerifierPool
from rlvr.verify.score import read, rows_of
from rlvr.verify.verifier import check_options, load_verifier

EXPECTED = ("correct", "wrong", "abstain")
LABELS = {"true": "correct", "correct": "correct", "right": "correct",
          "false": "wrong", "wrong": "wrong", "incorrect": "wrong"}  # fmt: skip
KEPT = 1000  # disagreements kept of each class
HEADINGS = ("lines", "agree", "share", "false +", "false -", "undecided", "allowed")


class Line(NamedTuple):
    """A labelled line: what is verified, the acceptable verdicts, its class and its place."""

    problem: Problem
    completion: str
    expected: str
    group: str
    file: str

    @property
    def allowed(self) -> list[str]:
        """The acceptable verdicts."""
        return self.expected.split("|")


class Disagreement(NamedTuple):
    """A verdict that a label does not allow."""

    line: Line
    verdict: Verdict


@dataclass
class Tally:
    """Verdicts counted by problem, then by (expected, status).

    Several answers to one problem are alike: a problem is a cluster of the intervals.
    """

    problems: dict[str, Counter[tuple[str, str]]] = field(
        default_factory=lambda: defaultdict(Counter)
    )

    def add(self, line: Line, status: str) -> None:
        """Count one verdict by its status."""
        # Without a prompt nothing says that two lines are of one problem.
        asked = line.problem.prompt or f"{line.file}:{line.problem.id}"
        problem = hashlib.sha256(asked.encode()).hexdigest()  # a prompt may be long
        self.problems[problem][line.expected, status] += 1

    @property
    def counts(self) -> Counter[tuple[str, str]]:
        """How many verdicts there are by (expected, status)."""
        return sum(self.problems.values(), Counter())

    def figures(self) -> dict[str, Any]:
        """Return agreement, false positives and negatives, undecided ones, and the rates."""
        against: Counter[str] = Counter()
        agree = undecided = 0
        right, wrong, counts = Counter[str](), Counter[str](), self.counts
        for (expected, status), n in counts.items():
            allowed = expected.split("|")
            agree += n * (status in allowed)
            against[status] += n * (status not in allowed)
            undecided += n * (status in ("abstain", "error"))
            if ("correct" in allowed) != ("wrong" in allowed):
                (right if "correct" in allowed else wrong)[status] += n
        lines = counts.total()
        rates = figures_of(right, wrong, *map(self._decided, ("correct", "wrong")))
        each = self.problems.values()
        agreed = [sum(n for key, n in one.items() if key[1] in key[0].split("|")) for one in each]
        within = clustered_interval(agreed, [one.total() for one in each], CONFIDENCE)
        return {
            "lines": lines,
            "agree": agree,
            "problems": len(self.problems),
            "agree_ci95": list(within),
            "false_positives": against["correct"],
            "false_negatives": against["wrong"],
            "undecided": undecided,
            "errors": sum(n for (_, status), n in counts.items() if status == "error"),
            "undecided_allowed": undecided - against["abstain"] - against["error"],
            **rates,
        }

    def _decided(self, label: str) -> tuple[list[int], list[int]]:
        """Return by problem how many answers of this label were accepted, and decided."""
        other = "wrong" if label == "correct" else "correct"
        found: tuple[list[int], list[int]] = [], []
        for counts in self.problems.values():
            of = [
                (status, n)
                for (expected, status), n in counts.items()
                if status in DECIDED
                and label in expected.split("|")
                and other not in expected.split("|")
            ]
            found[0].append(sum(n for status, n in of if status == "correct"))
            found[1].append(sum(n for _, n in of))
        return found


@dataclass
class Agreement:
    """The outcome of labelled files: tallies by file and by class, and first disagreements."""

    files: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    classes: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    differ: dict[str, list[Disagreement]] = field(default_factory=lambda: defaultdict(list))

    def add(self, line: Line, verdict: Verdict) -> None:
        """Count one verdict."""
        for tally in (self.files[line.file], self.classes[line.group]):
            tally.add(line, verdict.status)
        found = self.differ[line.group or line.file]
        if verdict.status not in line.allowed and len(found) < KEPT:
            found.append(Disagreement(line, verdict))

    @property
    def all(self) -> Tally:
        """The tally of all files together."""
        whole = Tally()
        for tally in self.files.values():
            for problem, counts in tally.problems.items():
                whole.problems[problem].update(counts)
        return whole


# --- reading ---------------------------------------------------------------------------------


def read_labelled(file: Path, whole_line: bool = False) -> Iterator[Line]:
    """Yield the lines of a JSONL file with their labels.

    Raises InputError naming file, line and key.
    """
    for line in read(rows_of(file), str(file), whole_line):
        reference = line.problem.reference
        if _is_row(reference, line.row):
            hidden = {"expected", "label", "class"}
            reference = {key: one for key, one in reference.items() if key not in hidden}
        for completion in line.completions:
            yield Line(
                replace(line.problem, reference=reference),
                completion,
                _expected(line.row, line.where),
                str(line.row.get("class") or line.row.get("type") or ""),
                str(file),
            )


def _is_row(reference: Any, row: Mapping[str, Any]) -> bool:
    """Return whether a reference is the line itself, but for the column of its completions."""
    return (
        isinstance(reference, Mapping)
        and len(reference) >= len(row) - 1
        and all(key in row and row[key] == one for key, one in reference.items())
    )


def _expected(record: Mapping[str, Any], where: str) -> str:
    """Return the verdicts that a label allows, joined by "|", in a fixed order."""
    if record.get("expected") is not None:
        given = str(record["expected"]).split("|")
        if set(given) <= set(EXPECTED):
            return "|".join(status for status in EXPECTED if status in given)
        raise InputError(
            f"{where}: expected is {record['expected']!r}: write correct, wrong or abstain, or "
            "several as correct|abstain"
        )
    label = LABELS.get(str(record.get("label")).lower())
    if label is None:
        found = f"label is {record['label']!r}" if "label" in record else "no expected and no label"
        raise InputError(
            f'{where}: {found}: write label: true or false, or expected: "correct" or "wrong"'
        )
    return label


# --- measuring -------------------------------------------------------------------------------


def measure(
    name: str,
    files: Sequence[Path],
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
) -> Agreement:
    """Run a verifier over labelled files and count.

    Raises InputError for an unknown verifier or option, and for a bad line. If all files are on the
    disk, it does so before any work.
    """
    verifier = load_verifier(name)
    check_options(verifier, options or {})
    total = None
    if not any(file == DASH or file.is_fifo() for file in files):
        total = sum(1 for file in files for _ in read_labelled(file, verifier.whole_line))
    lines = (line for file in files for line in read_labelled(file, verifier.whole_line))
    asked, kept = tee(lines)
    result = Agreement()
    with VerifierPool(name, dict(options or {}), workers, timeout) as pool:
        verdicts = pool.verify((line.problem, line.completion) for line in asked)
        shown = track(verdicts, "labelled", total, console=console, disable=console is None)
        for verdict, line in zip(shown, kept, strict=True):
            result.add(line, verdict)
    return result


def write(path: Path, result: Agreement, how: Mapping[str, Any]) -> None:
    """Write the figures and the first disagreements as JSON, without times."""
    write_json(
        path,
        {
            **how,
            "confidence": CONFIDENCE,
            "all": result.all.figures(),
            "files": {file: tally.figures() for file, tally in result.files.items()},
            "classes": {name: t.figures() for name, t in result.classes.items() if name},
            "disagreements": [
                {
                    "file": line.file,
                    "line": int(line.problem.id),
                    "class": line.group,
                    "expected": line.expected,
                    "status": verdict.status,
                    "reason": verdict.reason,
                    "reference": line.problem.reference,
                    "completion": line.completion,
                }
                for found in result.differ.values()
                for line, verdict in found[:SHOWN]
            ],
        },
    )


# --- the table -------------------------------------------------------------------------------


def print_agreement(result: Agreement, console: Console, show: int = SHOWN) -> None:
    """Print a row for each file, each class and all together, the rates, then disagreements.

    "false +" are false positives. "allowed" are undecided ones whose label allows that.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("", overflow="fold", min_width=16)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    if len(result.files) > 1:
        for file, tally in result.files.items():
            table.add_row(escape(Path(file).name), *_cells(tally.figures()))
    for group, tally in result.classes.items():
        if group:
            table.add_row(escape(group), *_cells(tally.figures()))
    figures = result.all.figures()
    table.add_row("[bold]all[/bold]", *_cells(figures))
    console.print(table)
    console.print(_rates(figures), highlight=False, soft_wrap=True)
    if errors := figures["errors"]:
        said = "verdict is an error" if errors == 1 else "verdicts are errors"
        console.print(f"{errors:,} {said}: the verifier failed, not the completion", soft_wrap=True)
    for name, found in result.differ.items():
        _print_disagreements(name, found, show, console)


def _cells(figures: Mapping[str, Any]) -> list[str]:
    counts = ("false_positives", "false_negatives", "undecided", "undecided_allowed")
    return [
        f"{figures['lines']:,}",
        f"{figures['agree']:,}",
        share(figures["agree"] / figures["lines"]),
        *(f"{figures[count]:,}" for count in counts),
    ]


def _rates(figures: Mapping[str, Any]) -> str:
    """Return the share that agrees, TPR, FPR and J, with intervals, as one line."""
    said = [_rate("agree", figures["agree"], figures["lines"], figures["agree_ci95"])]
    for side, name in (("tpr", "TPR"), ("fpr", "FPR")):
        if figures[side]["decided"]:
            of = figures[side]
            said.append(_rate(name, of["accepted"], of["decided"], of["ci95"]))
    return ", ".join(said) + (f", J {share(figures['j']['rate'])}" if "j" in figures else "")


def _rate(name: str, count: int, n: int, within: Sequence[float]) -> str:
    low, high = within
    return f"{name} {share(count / n)} ({count:,} of {n:,}; {share(low)} to {share(high)})"


def _print_disagreements(
    name: str, found: Sequence[Disagreement], show: int, console: Console
) -> None:
    if not found or not show:
        return
    console.print(f"\n[bold]{escape(name)}[/bold]: the first disagreements", highlight=False)
    for line, verdict in found[:show]:
        why = f" ({verdict.reason})" if verdict.reason else ""
        for text in (
            f"  {line.file}:{line.problem.id}: expected {line.expected}, "
            f"verdict {verdict.status}{why}",
            f"    reference  {quoted(line.problem.reference)}",
            f"    completion {quoted(line.completion)}",
        ):
            console.print(text, highlight=False, markup=False, soft_wrap=True)
