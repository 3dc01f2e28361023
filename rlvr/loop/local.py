"""Local: units at once on this machine, each in a worker process with cores of its own.

Where a config says `threads`, a unit has so many, whatever the machine: what it computes is then
the same to the bit however many units are made at once (`workers`), and the cores that one unit
would leave idle make another. Without `threads` a unit has every core, and they are made in turn.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil

from rlvr.config import Config
from rlvr.data import InputError, RunError
from rlvr.engine.devices import on_gpu
from rlvr.engine.processes import die_with_parent
from rlvr.engine.threads import use_openmp
from rlvr.loop.dispatch import Crew, LostError, dispatch, unfinished, units_of
from rlvr.loop.progress import Display
from rlvr.loop.units import POLL_SECONDS, Job, Unit
from rlvr.loop.work import Begun
from rlvr.loop.worker import Made, Worker
from rlvr.sections import one_line

END_SECONDS = 2.0  # that an idle worker has to end its engine
MEMORY = 4 << 30  # bytes that a worker may take, with its engine
_COMMAND = "import sys; from rlvr.loop.local import serve; serve(*map(int, sys.argv[1:]))"


def workers_of(config: Config) -> int:
    """Return how many units are made at once: as many as cores and memory hold, 1 on a GPU."""
    if config.workers is not None:
        return config.workers
    if config.threads is None or on_gpu():
        return 1
    cores = len(os.sched_getaffinity(0)) // config.threads
    return max(1, min(cores, psutil.virtual_memory().available // MEMORY))


def run(begun: Sequence[Begun], display: Display) -> None:
    """Make every unit of these runs in worker processes. Raises RunError and InputError.

    All have the first one's `threads` and `workers`.
    """
    config = begun[0].job.config
    runs = units_of(begun, display)
    todo = unfinished(runs)
    if not todo:
        return
    threads = config.threads or len(os.sched_getaffinity(0))
    count = min(workers_of(config), len(todo))
    whose = config.name if len(runs) == 1 else f"{len(runs)} runs"
    display.note(
        f"{whose}: {len(todo)} units, {count} at a time with {threads} threads each, into "
        f"{os.path.commonpath([one.job.folder for one in begun])}"
    )
    with closing(_Processes(threads, count)) as crew:
        dispatch(runs, crew, display)


@dataclass(eq=False)
class _Processes(Crew):
    """Worker processes of this machine, `count` at most, each with `threads` cores of its own."""

    threads: int
    count: int
    wants: str = "a worker"
    tries: int = 1
    keeps: bool = True
    there: list[_Process] = field(default_factory=list)

    def room(self) -> int:
        """Return how many there may be."""
        return self.count

    def hire(self) -> _Process:
        """Start a worker on cores that no other one has, where there are as many."""
        cores = sorted(os.sched_getaffinity(0))
        taken = {one.place for one in self.there}
        place = next(place for place in range(self.count) if place not in taken)
        own = cores[place * self.threads : (place + 1) * self.threads]
        whole = len(own) == self.threads
        self.there.append(_Process(place, self.threads, own if whole else cores))
        return self.there[-1]

    def begin(self, worker: _Process, job: Job, unit: Unit) -> Connection:
        """Let a worker begin a unit. Raises LostError where its process has ended."""
        try:
            worker.connection.send((job, unit))
        except OSError as failure:
            raise LostError("its process has ended: killed, perhaps for memory") from failure
        return worker.connection

    def ended(self, tasks: Sequence[Connection]) -> Sequence[Any]:
        """Return those that have answered, or whose process has ended."""
        return wait(list(tasks), POLL_SECONDS)

    def result(self, task: Connection) -> Made:
        """Return what the worker says, or raise what was raised there."""
        try:
            answer = task.recv()
        except (EOFError, OSError) as failure:
            raise LostError("its process has ended: killed, perhaps for memory") from failure
        if isinstance(answer, BaseException):
            raise answer
        made: Made = answer
        return made

    def dismiss(self, worker: _Process) -> None:
        """End a worker."""
        worker.end()
        self.there.remove(worker)

    def close(self) -> None:
        """End every worker."""
        for worker in list(self.there):
            self.dismiss(worker)


class _Process:
    """One worker process, and the socket to it. `place`: which of the slices of cores it has."""

    def __init__(self, place: int, threads: int, cores: Sequence[int]) -> None:
        self.place = place
        ours, theirs = socket.socketpair()
        with theirs:
            fd = theirs.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _COMMAND, *map(str, (fd, os.getpid(), *cores))],
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                process_group=0,  # a terminal's Ctrl-C is for the run
            )
        self.connection = Connection(ours.detach())

    def end(self) -> None:
        """End the process; one that is at work is killed, and its engine ends with it."""
        self.connection.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_SECONDS)
        self.process.kill()
        self.process.wait()


def serve(descriptor: int, parent: int, *cores: int) -> None:
    """Be a worker process: make the units that come over a socket, until it closes."""
    die_with_parent(parent)
    os.sched_setaffinity(0, cores)
    use_openmp()
    worker, connection = Worker(), Connection(descriptor)
    while True:
        try:
            job, unit = connection.recv()
        except EOFError:
            worker.close()
            return
        try:
            answer: Any = worker.work(job, unit)
        except (InputError, RunError) as failure:
            answer = failure
        except Exception as failure:  # without an answer it would look killed
            traceback.print_exc()
            answer = RunError(f"{type(failure).__name__}: {one_line(failure)}")
        connection.send(answer)
