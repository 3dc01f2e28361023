"""Worker: what makes units in a process of its own, one after another.

It holds an engine and a trainer. `loop/local.py` has such processes on this machine, and
`loop/cluster.py` on the nodes of a cluster. The run folder is all that they share.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from rlvr.learners.context import Run, Seed
from rlvr.loop import work
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, Unit, alone
from rlvr.loop.work import Begun
from rlvr.records import record
from rlvr.records.layout import SCRATCH, STOP, Place, told_of
from rlvr.verify.pool import Judge


class _Stopped(Exception):
    """The run was interrupted, and all that this worker did so far is recorded."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a worker says of a unit: its rows of timing, and lines for the display."""

    timing: list[dict[str, Any]]
    notes: list[str]


class Unseen(Display):
    """A worker's display, which nobody sees. It stops where a file says so, not at a Ctrl-C."""

    def __init__(self, run: Path) -> None:
        super().__init__(Console(quiet=True), "", 0, 0)
        self.run = run
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a line for the display of the run."""
        self.notes.append(text)

    def progress(self, place: Place, text: str, run: str = "") -> None:
        """Write it to the file in which the run looks for it."""
        record.write_text(told_of(self.run, place), text)

    def round_done(
        self, place: Place, headline: Mapping[str, Any], seconds: float, run: str = ""
    ) -> None:
        """Say nothing: the run sees the files."""

    def may_stop(self) -> None:
        """Raise _Stopped where the file is there."""
        if (self.run / STOP).exists():
            raise _Stopped


class Worker:
    """An engine and a trainer that make one unit after another."""

    def __init__(self) -> None:
        self.opened = ExitStack()
        self.run: Run | None = None
        self.seed: Seed | None = None

    def work(self, job: Job, unit: Unit, judges: Sequence[Judge] | None = None) -> Made:
        """Make a unit.

        `judges`: one for each of the run's verifiers; None: this worker's own processes.
        """
        rows: list[dict[str, Any]] = []
        shown = Unseen(job.folder)
        with suppress(_Stopped), alone(job, unit, shown):
            run = self._open(job, judges, shown)
            if self.seed is None or self.seed.seed != unit.seed:
                self.seed = work.open_seed(run, job, unit.seed)
            rows = run.timing.rows
            work.work(run, self.seed, unit)
        return Made(rows, shown.notes)

    def close(self) -> None:
        """End the engine and the processes that judge."""
        self.opened.close()
        self.run = self.seed = None

    def _open(self, job: Job, judges: Sequence[Judge] | None, shown: Display) -> Run:
        """Return the run with these judges, its engine started where it isn't yet."""
        if self.run is None or self.run.folder != job.folder:
            self.close()
            scratch = job.folder / SCRATCH / f"{socket.gethostname()}-{os.getpid()}"
            shutil.rmtree(scratch, ignore_errors=True)  # it made units of this run before
            scratch.mkdir()
            begun = Begun(job, scratch, record.Timing(scratch), lambda: None)
            first = judges
            if first is None:
                first = [self.opened.enter_context(pool) for pool in work.pools(job.config)]
            self.run = self.opened.enter_context(work.opened(begun, first, shown))
        timing = record.Timing(self.run.scratch)
        given = {} if judges is None else work.by_role(job.config, judges)
        return dataclasses.replace(self.run, timing=timing, **given)
