"""Score: a verdict for every row of a file, in order and in constant memory.

A row has a completion, or a list of them, and a reference, in any of the shapes that `rlvr.shapes`
knows; `columns` names others. If its reference is tests in columns of their own (`test`,
`test_list` or `tests`), it is the whole row. With a task, it is that of the problem that the row's
`task_id` names; HumanEval's samples, which have nothing else, need no task to be named.

A row comes back with `status`, `reason`, `extracted` and `seconds` added, and `passed` and
`fraction` if there are tests; they are lists if the completions are. A line of JSONL comes back
byte for byte before them. If a row has fields of these names, they belong to an older verdict and
are left out. Blank lines are left out. `-o NAME.parquet` writes Parquet, for which all rows are
held in memory.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rlvr.data import DASH, DECIDED, STATUSES, InputError, Problem, RunError, Verdict, nearest
from rlvr.sections import one_line
from rlvr.shapes import values
from rlvr.shapes.files import (
    Row,
    file_lines,
    is_parquet,
    numbered_lines,
    open_file,
    parse,
    read_rows,
    shown,
)
from rlvr.shapes.known import (
    COMPLETION,
    Shape,
    candidates,
    fits,
    listed,
    prompt_of,
    resolved,
    suited,
    understood,
)
from rlvr.shapes.values import value
from rlvr.verify.plugins import load_plugin
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import check_options, load_verifier

if TYPE_CHECKING:
    import pyarrow as pa

TESTS = ("test", "test_list", "tests")
TESTED = Shape("tests", "", prompt="prompt", answer="|".join(TESTS), verifier="code")
FIELDS = {"status", "reason", "extracted", "seconds", "passed", "fraction"}
STEP = 256  # lines between two updates of the progress bar
DISTINCT = 1000  # distinct reasons that are counted; further ones are counted together
_SAMPLE = re.compile(r"HumanEval/[0-9]+")


@dataclass
class Tally:
    """How often each status occurred, the reasons of abstains and errors, and how rows were read.

    `shapes`: how many rows were read in each way, in words. `suited`: how many of their references
    each verifier suits.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    shapes: Counter[str] = field(default_factory=Counter)
    suited: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.statuses[verdict.status] += 1
        if verdict.status in ("abstain", "error"):
            reason = (verdict.status, verdict.reason)
            full = len(self.reasons) >= DISTINCT and reason not in self.reasons
            self.reasons[(verdict.status, "other reasons") if full else reason] += 1

    def read(self, line: Line) -> None:
        """Count how a row was read."""
        if line.shape is not None:
            self.shapes[line.told] += 1
            self.suited[suited(line.shape, line.problem)] += 1

    @property
    def decided(self) -> int:
        """How many verdicts are correct or wrong."""
        return sum(self.statuses[status] for status in DECIDED)

    def why_undecided(self, verifier: str) -> str:
        """Return the most frequent reason, and the verifier that suits the references better."""
        (_, reason), _ = self.reasons.most_common(1)[0]
        if verifier.partition(":")[0].endswith(".py"):  # only its author knows what suits it
            return " ".join(reason.split())[:200]
        suits = self.suited.most_common(1)[0][0] if self.suited else verifier
        better = f"the references suit --verifier {suits}" if suits != verifier else (
            "is the right column the answer (--answer-key)?"
        )  # fmt: skip
        return f"{' '.join(reason.split())[:200]}: {better}"


class Line(NamedTuple):
    """A row to be scored.

    `data`: its bytes, if it was a line of JSONL. `listed`: whether its completions are a list, and
    so its verdicts. `shape`: how its reference was read, None if it was not read from the row;
    `told` says so in words.
    """

    where: str
    data: bytes | None
    row: Row
    problem: Problem
    completions: tuple[str, ...]
    listed: bool
    shape: Shape | None
    told: str


def score_file(
    source: Path,
    verifier: str,
    out: Path | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
    task: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Tally:
    """Score `source` ("-" is standard input) into `out`, or to standard output.

    `out` is written whole or not at all; "-" is standard output too. `console` shows progress if
    it is a terminal. If `task` is given, the references are the task's, by each row's `task_id`.
    `columns`: names of columns, by what they hold (`rlvr.shapes.known`). Raises InputError, which
    names file, row and column. For a file on the disk it does so before anything is verified.
    """
    with ExitStack() as ends:
        stdout = ends.enter_context(_rows_alone()) if out is None or out == DASH else None
        check_options(load_verifier(verifier), options or {})
        known = references(task) if task else None
        pool = ends.enter_context(VerifierPool(verifier, dict(options or {}), workers, timeout))

        def lines() -> Iterator[Line]:
            return read(rows_of(source), shown(source), pool.verifier.whole_line, known, columns)

        total = None
        if source.is_file() or source.is_dir():
            total = sum(1 for _ in lines())
            if out is not None and is_parquet(out):
                table_of([line.row for line in lines()], out)
        tally = Tally()
        parts = (BarColumn(), MofNCompleteColumn(), TextColumn("lines"), TimeRemainingColumn())
        bar = Progress(*parts, console=console, disable=not (console and console.is_terminal))
        with _writing(out, stdout) as write, bar:
            shown_lines = bar.add_task("", total=total)
            for number, (line, verdicts) in enumerate(score(lines(), pool), 1):
                write(line, verdicts)
                tally.read(line)
                for verdict in verdicts:
                    tally.add(verdict)
                if number % STEP == 0:
                    bar.advance(shown_lines, STEP)
    return tally


def references(task: str) -> Mapping[str, Any]:
    """Return a task's references by their `task_id`. Raises InputError for a task without any."""
    found: Mapping[str, Any] = load_plugin("task", task, "references")[0]()
    return found


def score(lines: Iterable[Line], pool: VerifierPool) -> Iterator[tuple[Line, list[Verdict]]]:
    """Yield each line with the verdicts on its completions.

    It holds no more completions than the pool's window.
    """
    held: deque[Line] = deque()

    def items() -> Iterator[tuple[Problem, str]]:
        for line in lines:
            held.append(line)
            for completion in line.completions:
                yield line.problem, completion

    verdicts: list[Verdict] = []
    for verdict in pool.verify(items()):
        verdicts.append(verdict)
        if len(verdicts) == len(held[0].completions):
            yield held.popleft(), verdicts
            verdicts = []


# --- reading ---------------------------------------------------------------------------------


class Found(NamedTuple):
    """A row that was found: its number, what names it, its bytes if it was JSONL, its values."""

    number: int
    where: str
    data: bytes | None
    row: Row


def rows_of(source: Path) -> Iterator[Found]:
    """Yield the rows of a file, or of standard input."""
    if source.is_dir() or is_parquet(source):
        for number, (where, row) in enumerate(read_rows(source), 1):
            yield Found(number, where, None, row)
    else:
        yield from rows_in(file_lines(source), shown(source))


def rows_in(lines: Iterable[bytes], name: str) -> Iterator[Found]:
    """Yield the rows in lines of JSONL."""
    for number, line in numbered_lines(lines):
        where = f"{name}:{number}"
        yield Found(number, where, line, parse(line, where))


def read(
    rows: Iterable[Found],
    name: str,
    whole_line: bool = False,
    known: Mapping[str, Any] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Iterator[Line]:
    """Yield each row with its completions, and with its problem, which has the reference.

    That is the one that `known` has for the row's `task_id`; without `known` it is the row's own:
    all of it with `whole_line`, else what its shape says. Raises InputError, which names the row,
    or the file `name` if it has no rows.
    """
    offered = candidates(columns or {})
    given = "answer" in (columns or {})
    offered += () if given else (TESTED,)
    plain = () if given else ("answer", "reference")  # the rest of the row may belong to these
    shape, told, empty = None, "", True
    for number, where, data, row in rows:
        empty = False
        _refuse_own_fields(row, where)
        if shape is None or not fits(shape, row, prompted=False):
            found = next((one for one in offered if fits(one, row, prompted=False)), None)
            shape = resolved(found, [row]) if found else None
            told = understood(shape) if shape else ""
        if known is None and shape is None and _SAMPLE.fullmatch(str(row.get("task_id"))):
            known = references("humaneval")
        said, listed = _said(shape or offered[0], row, where, (columns or {}).get("completion"))
        if known is not None:
            problem, used = _problem(number, row, _of_task(known, row, where)), None
        elif shape is None and not whole_line:
            raise InputError(_no_reference(row, where, (columns or {}).get("answer")))
        elif shape is None or (shape.answer in plain and whole_line):
            whole = _without(row, shape) if row.get("reference") is None else row["reference"]
            problem, used = _problem(number, row, whole), None
        elif shape.answer in TESTS:
            problem, used = _problem(number, row, _without(row, shape)), shape
        else:
            problem, used = _own(number, shape, row), shape
        yield Line(where, data, row, problem, said, listed, used, told)
    if empty:
        raise InputError(f"{name}: empty: a row needs a completion and an answer")


def _said(
    shape: Shape, row: Row, where: str, named: str | None = None
) -> tuple[tuple[str, ...], bool]:
    """Return a row's completions, and whether they are a list. Raises InputError if it has none.

    `named`: the column that the user names.
    """
    found = value(row, shape.completion)
    if isinstance(found, str):
        return (found,), False
    column = shape.completion.partition("|")[0]
    try:
        said, reason = values.completions(found), "null or missing"
        if not said and shape.replies and (reply := prompt_of(shape, row)[2]) is not None:
            said = (reply,)
    except ValueError as failure:
        said, reason = (), str(failure)
    if not said and named is not None:
        raise InputError(
            f"{where}: nothing under {named!r}{nearest(named, row)}, which --completion-key names "
            f"({reason}); its columns are {listed(row)}"
        )
    if not said:
        raise InputError(
            f"{where}: no completion under {column or 'completion'!r} ({reason}"
            f"{'' if column in row else nearest(column, row)}): put what the model wrote there, "
            "or name its column with --completion-key"
        )
    return said, isinstance(found, list) and isinstance(found[0], str)


def _own(number: int, shape: Shape, row: Row) -> Problem:
    """Return a row's problem. What can't be read stays as it is: the verifier will abstain."""
    try:
        reference, _ = values.reference(shape.refer(shape, row))
    except ValueError:
        reference = value(row, shape.answer)
    prompt, messages = "", values.NO_MESSAGES
    if shape.prompt:
        with suppress(ValueError):  # it is not needed
            prompt, messages, _ = prompt_of(shape, row)
    return Problem(str(number), "score", "eval", "", prompt, reference, messages=messages)


def _problem(number: int, row: Row, reference: Any) -> Problem:
    prompt = row.get("prompt")
    text = prompt if isinstance(prompt, str) else ""
    return Problem(str(number), "score", "eval", "", text, reference)


def _of_task(known: Mapping[str, Any], row: Row, where: str) -> Any:
    name = row.get("task_id")
    if str(name) not in known:
        raise InputError(
            f"{where}: the task has no problem {name!r}: put one that it has, such as "
            f"{next(iter(known))!r}, under 'task_id'"
        )
    return known[str(name)]


def _without(row: Row, shape: Shape | None) -> Row:
    """Return a row without its completions."""
    said = shape.completion if shape is not None else COMPLETION
    left_out = next((name for name in said.split("|") if row.get(name) is not None), "")
    return {key: one for key, one in row.items() if key != left_out}


def _no_reference(row: Row, where: str, key: str | None) -> str:
    has = f"its columns are {listed(row)}"
    if key is not None:
        return f"{where}: nothing under {key!r}{nearest(key, row)}, which --answer-key names; {has}"
    return (
        f"{where}: no reference; {has}: add 'answer' or 'reference', or, for a program, 'test', "
        "'test_list' or 'tests', or name the answer's column with --answer-key"
    )


# --- writing ---------------------------------------------------------------------------------

Write = Callable[[Line, list[Verdict]], object]


def _fields(line: Line, verdicts: list[Verdict]) -> dict[str, Any]:
    each = [_fields_of(verdict) for verdict in verdicts]
    if not line.listed:
        return each[0]
    names = dict.fromkeys(name for fields in each for name in fields)
    return {name: [fields.get(name) for fields in each] for name in names}


def _fields_of(verdict: Verdict) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "status": verdict.status,
        "reason": verdict.reason,
        "extracted": verdict.extracted,
        "seconds": round(verdict.seconds, 6),
    }
    if verdict.passed:
        fields |= {"passed": list(verdict.passed), "fraction": verdict.fraction}
    return fields


def _refuse_own_fields(row: Row, where: str) -> None:
    """Raise InputError for a column that a verdict would replace; an earlier verdict may go."""
    own = {"status", "reason"} & row.keys()
    status = row.get("status")
    if own and any(
        one not in STATUSES for one in (status if isinstance(status, list) else [status])
    ):
        raise InputError(
            f"{where}: column {min(own)!r} has the name of a verdict's field, which would replace "
            "it: rename the column"
        )


def _kept(row: Row) -> Row:
    return {key: one for key, one in row.items() if key not in FIELDS}


def _as_line(line: Line, verdicts: list[Verdict]) -> bytes:
    fields = _fields(line, verdicts)
    if line.data is None or FIELDS & line.row.keys():
        return json.dumps(_kept(line.row) | fields, default=str).encode() + b"\n"
    return line.data.rstrip()[:-1] + b", " + json.dumps(fields)[1:].encode() + b"\n"


def table_of(rows: Sequence[Row], out: Path) -> pa.Table:
    """Return rows as a table. Raises InputError, which names the column that can't be one."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        try:
            columns[name] = pa.array([row.get(name) for row in rows])
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as failure:
            raise InputError(
                f"{out}: column {name!r} can't be one of Parquet ({one_line(failure)}): write "
                "JSONL, or give it values of one type"
            ) from failure
    table = pa.table(columns)
    try:
        pq.write_table(table.slice(0, 0), io.BytesIO())
    except pa.ArrowException as failure:
        raise InputError(
            f"{out}: can't be written as Parquet ({one_line(failure)}): write JSONL"
        ) from failure
    return table


@contextmanager
def _rows_alone() -> Iterator[IO[bytes]]:
    """Yield standard output for the rows; what a verifier prints meanwhile goes beside it."""
    try:
        replaced = sys.stdout.fileno() != 1
    except (AttributeError, OSError, ValueError):  # such as a test's
        replaced = True
    if replaced:
        yield sys.stdout.buffer
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)  # worker processes have it, too
    try:
        with open(kept, "wb", closefd=False) as file:
            yield file
    finally:
        with suppress(OSError):
            sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


@contextmanager
def _writing(out: Path | None, stdout: IO[bytes] | None) -> Iterator[Write]:
    """Yield what writes a line to `out`, which is there when the block has succeeded.

    To `stdout`, where that is given.
    """
    with _file(out) if stdout is None else nullcontext(stdout) as file:
        if out is None or not is_parquet(out):
            yield lambda line, verdicts: file.write(_as_line(line, verdicts))
            file.flush()
            return
        import pyarrow.parquet as pq

        rows: list[Row] = []
        yield lambda line, verdicts: rows.append(_kept(line.row) | _fields(line, verdicts))
        pq.write_table(table_of(rows, out), file)


@contextmanager
def _file(out: Path | None) -> Iterator[IO[bytes]]:
    """Yield a file that becomes `out` when the block succeeds, and is deleted when it fails."""
    assert out is not None
    named, out = out, Path(os.path.realpath(out))
    if out.is_symlink():
        raise InputError(f"{named}: its links lead round in a loop: name a file")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out}: {'a folder' if out.is_dir() else 'no such folder'}: name a file")
    device = out.exists() and not out.is_file()  # a pipe or /dev/null is never replaced
    temporary = out if device else out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with open_file(temporary, "wb", out) as file:
            yield file
        if not device:
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, out)
    except OSError as failure:
        why = failure.strerror or failure
        raise RunError(f"can't write {out}: {why}: make room or name another file") from failure
    finally:
        if not device:
            temporary.unlink(missing_ok=True)
