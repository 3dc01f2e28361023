"""Score: a verdict for every line of a JSONL file, in order and in constant memory.

A line is an object with `completion` and a reference: `answer`, else `reference`, else, for
programs, the tests (`test`, `test_list` or `tests`); then the reference is the whole line. With a
task, the reference is that of the problem that the line's `task_id` names (HumanEval's samples have
nothing else). A line comes back byte for byte, with `status`, `reason`, `extracted` and `seconds`
added, and `passed` and `fraction` if there are tests. If a line has fields of these names, they
belong to an older verdict and are left out. Blank lines are left out.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rlvr.data import DASH, InputError, Problem, RunError, Verdict
from rlvr.verify.plugins import load_plugin
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import check_options, load_verifier

TESTS = ("test", "test_list", "tests")
FIELDS = {"status", "reason", "extracted", "seconds", "passed", "fraction"}
STEP = 256  # lines between two updates of the progress bar
DISTINCT = 1000  # distinct reasons that are counted; further ones are counted together


@dataclass
class Tally:
    """How often each status occurred, and the reasons of abstains and errors."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        """Count one verdict."""
        self.statuses[verdict.status] += 1
        if verdict.status in ("abstain", "error"):
            reason = (verdict.status, verdict.reason)
            full = len(self.reasons) >= DISTINCT and reason not in self.reasons
            self.reasons[(verdict.status, "other reasons") if full else reason] += 1


def score_file(
    source: Path,
    verifier: str,
    out: Path | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
    task: str | None = None,
) -> Tally:
    """Score `source` ("-" is standard input) into `out`, or to standard output.

    `out` is written whole or not at all; "-" is standard output too. `console` shows progress if
    it is a terminal. If `task` is given, the references are the task's, by each line's `task_id`.
    Raises InputError, which names file, line and key. For a file on the disk it does so before
    anything is verified.
    """
    check_options(load_verifier(verifier), options or {})
    known = load_plugin("task", task, "references")[0]() if task else None
    shown = "standard input" if source == DASH else str(source)
    with VerifierPool(verifier, dict(options or {}), workers, timeout) as pool:
        total = None
        if source.is_file():
            total = sum(1 for _ in read(file_lines(source), shown, pool.verifier.whole_line, known))
        tally = Tally()
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("lines"), TimeRemainingColumn())
        bar = Progress(*columns, console=console, disable=not (console and console.is_terminal))
        with _writing(out) as file, bar:
            shown_lines = bar.add_task("", total=total)
            for line, verdict in score(file_lines(source), pool, shown, known):
                file.write(line)
                tally.add(verdict)
                if tally.statuses.total() % STEP == 0:
                    bar.advance(shown_lines, STEP)
            file.flush()
    return tally


def score(
    lines: Iterable[bytes],
    pool: VerifierPool,
    where: str = "line",
    known: Mapping[str, Any] | None = None,
) -> Iterator[tuple[bytes, Verdict]]:
    """Yield each line with its verdict's fields added, and the verdict.

    `known` has the references by `task_id`. It holds no more lines than the pool's window. Raises
    InputError for a line that can't be used, and names it as `where:N`.
    """
    held: deque[tuple[bytes, set[str]]] = deque()

    def items() -> Iterator[tuple[Problem, str]]:
        for line, record, problem in read(lines, where, pool.verifier.whole_line, known):
            held.append((line, FIELDS & record.keys()))
            yield problem, record["completion"]

    for verdict in pool.verify(items()):
        line, taken = held.popleft()
        yield _with_verdict(line, taken, verdict), verdict


def _with_verdict(line: bytes, taken: set[str], verdict: Verdict) -> bytes:
    fields: dict[str, Any] = {
        "status": verdict.status,
        "reason": verdict.reason,
        "extracted": verdict.extracted,
        "seconds": round(verdict.seconds, 6),
    }
    if verdict.passed:
        fields |= {"passed": list(verdict.passed), "fraction": verdict.fraction}
    if taken:
        kept = {key: value for key, value in json.loads(line).items() if key not in FIELDS}
        return json.dumps(kept | fields).encode() + b"\n"
    return line.rstrip()[:-1] + b", " + json.dumps(fields)[1:].encode() + b"\n"


def read(
    lines: Iterable[bytes],
    where: str,
    whole_line: bool = False,
    known: Mapping[str, Any] | None = None,
) -> Iterator[tuple[bytes, dict[str, Any], Problem]]:
    """Yield each line, its content and its problem, whose id is the line's number.

    The reference is the one that `known` has for the line's `task_id`; without `known` it is the
    line's own. Raises InputError, which names the line as `where:N`. Blank lines are left out, but
    they count as lines.
    """
    empty = True
    for number, line in enumerate(lines, 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not line.strip():
            continue
        empty = False
        try:
            record = json.loads(line.decode())
        except (ValueError, RecursionError) as failure:
            raise InputError(
                f"{where}:{number}: not JSON ({failure}): one JSON object a line"
            ) from failure
        if not isinstance(record, dict):
            raise InputError(
                f"{where}:{number}: a JSON {type(record).__name__}: an object with completion and "
                "answer was expected"
            )
        if not isinstance(record.get("completion"), str):
            raise InputError(f"{where}:{number}: no text under 'completion': put the model's there")
        if known is None:
            reference = _reference(record, whole_line)
        elif str(name := record.get("task_id")) in known:
            reference = known[str(name)]
        else:
            raise InputError(
                f"{where}:{number}: the task has no problem {name!r}: put one that it has, such as "
                f"{next(iter(known))!r}, under 'task_id'"
            )
        if reference is None:
            raise InputError(
                f"{where}:{number}: no reference: add 'answer' or 'reference', or, for a program, "
                "'test', 'test_list' or 'tests'"
            )
        prompt = record.get("prompt")
        text = prompt if isinstance(prompt, str) else ""
        yield line, record, Problem(str(number), "score", "eval", "", text, reference)
    if empty:
        raise InputError(f"{where}: empty: one JSON object a line with completion and answer")


def _reference(record: dict[str, Any], whole_line: bool) -> Any:
    for key in ("reference",) if whole_line else ("answer", "reference"):
        if record.get(key) is not None:
            return record[key]
    if whole_line or any(key in record for key in TESTS):
        return {key: value for key, value in record.items() if key != "completion"}
    return None


def file_lines(source: Path) -> Iterator[bytes]:
    """Yield the lines of a file, gzipped or not, or of standard input.

    Raises InputError for a file that can't be read.
    """
    if source == DASH:
        if sys.stdin is None:
            raise InputError("standard input is closed: open it, or name a file")
        yield from sys.stdin.buffer
        return
    try:
        with _open(source, "rb", source) as file:
            yield from file
    except (OSError, EOFError, zlib.error) as failure:
        raise InputError(f"{source}: can't be read: {failure}") from failure


@contextmanager
def _writing(out: Path | None) -> Iterator[IO[bytes]]:
    """Yield a file that becomes `out` when the block succeeds, and is deleted when it fails."""
    if out is None or out == DASH:
        yield sys.stdout.buffer
        return
    named, out = out, Path(os.path.realpath(out))
    if out.is_symlink():
        raise InputError(f"{named}: its links lead round in a loop: name a file")
    if out.is_dir() or not out.parent.is_dir():
        raise InputError(f"{out}: {'a folder' if out.is_dir() else 'no such folder'}: name a file")
    device = out.exists() and not out.is_file()  # a pipe or /dev/null is never replaced
    temporary = out if device else out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with _open(temporary, "wb", out) as file:
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


def _open(path: Path, mode: Literal["rb", "wb"], name: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, mode)) if name.suffix == ".gz" else open(path, mode)
