"""Pool: runs a verifier in processes that can be killed, with real deadlines.

    with VerifierPool("math", {}, workers=2, timeout=5.0) as pool:
        for verdict in pool.verify((problem, text) for ...):   # streaming, order kept

How the pool works. One server process imports the verifier and forks workers on request, so that a
replacement costs milliseconds. (It is a plain `python -c`: it never imports the caller's __main__
and never holds torch.) Each worker takes chunks over its own socket. It writes into a shared page
which item it has begun and when, so that a hang or a death can be traced to one item. The other
items of the chunk that were lost with it are run again. The server ends when the caller's end of
its socket closes, and the workers end with the server, even if the caller was killed with SIGKILL.

A verifier runs with the user's rights, unless its module says ISOLATE, because it passes
completions to an evaluator from elsewhere: then each item has a process of its own in a sandbox
(`rlvr/verify/isolated.py`). Untrusted programs belong in `rlvr/sandbox/outside.py`. If a module
says DEADLINE = "own", the verifier itself ends its items in time.

Whose fault it is. Suppose that an item exceeds its time or memory, or that an isolated item raises,
dies, abstains or breaks the protocol. Then the pool judges a harmless completion of the same
problem. If that is decided, the item is `wrong`. If not, the reference is at fault, and the item is
`abstain`. The harmless completion is empty, or the module's `harmless(reference)` returns it. If
any other verifier raises or dies, or an item has no verdict long after its time, the fault is ours:
the item is tried once more, and then it is an `error`.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.metadata
import importlib.util
import json
import math
import mmap
import os
import pickle
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, cast

from rlvr.data import DECIDED, STATUSES, Problem, RunError, Status, Verdict
from rlvr.engine.processes import die_with_parent
from rlvr.sandbox.outside import expect_greeting, greeting
from rlvr.sandbox.waits import Waits
from rlvr.verify import isolated, slept
from rlvr.verify.verifier import (
    LoadedVerifier,
    Verify,
    case_problem,
    check_options,
    load_verifier,
    with_timeout,
)

# --- worker side -----------------------------------------------------------------------------

_LENGTH = struct.Struct("<I")
_PROGRESS = struct.Struct("<qd")  # index within the chunk, time.monotonic() at its start
_FLUSH_SECONDS = 0.05


def _send(sock: socket.socket, data: bytes) -> None:
    sock.sendall(_LENGTH.pack(len(data)) + data)


def _read_exactly(sock: socket.socket, size: int) -> bytearray:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return data


def _receive(sock: socket.socket) -> bytearray:
    (size,) = _LENGTH.unpack(_read_exactly(sock, _LENGTH.size))
    return _read_exactly(sock, size)


def _serve(
    control_fd: int, verifier: str, options_json: str, memory_mb: int, loading: float
) -> None:
    """Fork a worker for every (socket, progress page) pair that comes; end with the caller."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # a verifier's prints must not go into the caller's output
    loaded = load_verifier(verifier)
    for module in loaded.preload:
        importlib.import_module(module)
    options = json.loads(options_json)
    shares, compiles = None, str(vars(loaded.module).get("COMPILES", ""))
    cases = [
        (case_problem(reference), completion)
        for reference, completion, _ in vars(loaded.module).get("CASES", ())
    ]
    if loaded.isolate:
        for problem, completion in cases:  # so that everything is loaded before the fork
            _one(loaded.verify, options, problem, completion)
        shares = _shares(loaded, options)
    limit = _memory() + memory_mb * 2**20
    if loaded.isolate:
        isolated.close_off()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the workers
    ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: and what they leave behind
    gc.collect()
    gc.freeze()
    server = os.getpid()
    with socket.socket(fileno=control_fd) as control:
        while True:
            _, fds, _, _ = socket.recv_fds(control, 1, 2)
            if len(fds) < 2:
                break
            if os.fork() == 0:
                control.close()
                die_with_parent(server)
                try:
                    _limit_memory(limit)
                    judge = partial(_one, loaded.verify, options)
                    # Of one that is not isolated nothing runs before the fork: its threads, or
                    # a GPU that it opens, would be lost.
                    first = [] if loaded.isolate else cases[:1]
                    ours = socket.socket(fileno=fds[0])
                    _work(ours, fds[1], judge, shares, compiles, first, loading)
                except (EOFError, BrokenPipeError, ConnectionResetError):
                    pass
                finally:
                    os._exit(0)
            for fd in fds:
                os.close(fd)
    signal.alarm(2)  # ends this process and with it the workers that don't end by themselves
    try:
        os.wait()  # returns when the last of them has gone
    except ChildProcessError:
        pass


def _shares(loaded: LoadedVerifier, options: dict[str, Any]) -> bool:
    """Return whether the verifier promises that its items may share a process."""
    shares = vars(loaded.module).get("shares")
    return bool(shares and shares(loaded.argument, options))


def _memory() -> int:
    """Return the size of this process's address space in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def _limit_memory(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


Judging = Callable[[Problem, str], tuple[Any, ...]]


class _Overran(BaseException):
    """The first case takes too long. No Exception, which a verifier may catch."""


def _load(judge: Judging, first: list[tuple[Problem, str]], seconds: float) -> None:
    """Judge before the first item: what a verifier loads at its first verdict is no item's time."""

    def overran(*_: object) -> None:
        raise _Overran

    before = signal.signal(signal.SIGALRM, overran)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        for problem, completion in first:
            judge(problem, completion)
    except _Overran:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _work(
    sock: socket.socket,
    page_fd: int,
    judge: Judging,
    shares: bool | None,
    compiles: str,
    first: list[tuple[Problem, str]],
    loading: float,
) -> None:
    """Answer chunks until the caller closes the socket.

    `shares`: None if not isolated. `first`: what is judged before the first chunk, for so many
    seconds of `loading` at most.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _load(judge, first, loading)
    page = mmap.mmap(page_fd, mmap.PAGESIZE)
    page.madvise(mmap.MADV_DONTFORK)
    sock.send(b"up")
    while True:
        chunk = pickle.loads(_receive(sock))
        results: list[Any] = []
        flushed = time.monotonic()

        def began(index: int) -> None:
            nonlocal results, flushed
            now = time.monotonic()
            if now - flushed > _FLUSH_SECONDS:
                _send(sock, json.dumps(results).encode())
                results, flushed = [], now
            _PROGRESS.pack_into(page, 0, index, now)

        def of(index: int, chunk: list[Any] = chunk) -> tuple[Any, ...]:
            problem, completion = chunk[index]
            if shares:  # its own copy, which it may change
                problem = pickle.loads(pickle.dumps(problem))
            return judge(Problem(*problem), completion)

        if shares is None:
            for index, (problem, completion) in enumerate(chunk):
                began(index)
                results.append(judge(Problem(*problem), completion))
        else:
            for reply in isolated.replies(of, len(chunk), shares, compiles, began):
                results.append(reply)
        _send(sock, json.dumps(results).encode())


def _one(
    verify: Verify, options: dict[str, Any], problem: Problem, completion: str
) -> tuple[Any, ...]:
    """Return a Verdict's fields, in order; the status may also be "raised" or "memory"."""
    begun = time.perf_counter()
    try:
        verdict = verify(problem, completion, **options)
        if not isinstance(verdict, Verdict):
            kind = type(verdict).__name__
            raise TypeError(
                f'verify returned a {kind}: return Verdict("correct") or Verdict("wrong")'
            )
        if verdict.status not in STATUSES:
            raise ValueError(f"unknown status {verdict.status!r} (known: {', '.join(STATUSES)})")
        if not isinstance(verdict.reason, str) or not isinstance(verdict.extracted, str | None):
            which = f"reason {verdict.reason!r}, extracted {verdict.extracted!r}"[:200]
            raise ValueError(f"{which}: the first must be text, the second text or None")
        seconds = time.perf_counter() - begun
        return (verdict.status, verdict.reason, verdict.extracted, seconds, verdict.passed)
    except MemoryError:
        return ("memory", "ran out of memory", None, time.perf_counter() - begun, ())
    except Exception as error:  # a plugin may raise anything; it becomes this item's verdict
        reason = f"{type(error).__name__}: {error}{_where(verify, error)}"[: isolated.MAX_REASON]
        return ("raised", reason, None, time.perf_counter() - begun, ())


def _where(verify: Verify, error: Exception) -> str:
    """Return the last line of the verifier's own file that an exception passed, if any."""
    file = getattr(getattr(verify, "__code__", None), "co_filename", None)
    passed = traceback.walk_tb(error.__traceback__)  # reads no source, as a sealed worker may not
    lines = [line for frame, line in passed if frame.f_code.co_filename == file]
    return f" ({os.path.basename(file)}:{lines[-1]})" if file and lines else ""


# --- caller side -----------------------------------------------------------------------------

TIMEOUT = 5.0
"""Seconds that a verdict may take by default."""

_CHUNK_SECONDS = 0.02
_SHARED_SECONDS = 0.5  # for items that share a process: a fork costs as much as ten of them
_MAX_CHUNK = 1024
WINDOW = 16 * _MAX_CHUNK
_POLL_SECONDS = 0.1
SOON_SECONDS = 0.01  # until a live source is asked again


@dataclass(eq=False)
class Item:
    """Something to be judged, and how often that failed.

    `blamed`: what went wrong with the completion, if a harmless one is now judged in its place.
    `fresh`: it ran out of memory in a worker that had judged others, and gets a new one.
    """

    position: int
    problem: Problem
    completion: str
    failures: int = 0
    blamed: str = ""
    fresh: bool = False
    seconds: float = 0.0


@dataclass(eq=False)
class Source:
    """Where items come from. `todo`: items drawn, or to be judged again, and not yet sent.

    A live source has said, by None, that it had no item for now: it is asked again and again.
    """

    items: Iterator[tuple[Problem, str] | None]
    todo: deque[Item] = field(default_factory=deque)
    drawn: int = 0
    live: bool = False
    exhausted: bool = False

    def draw(self, size: int) -> None:
        """Draw until so many items are to be judged, or the source has no more, or none for now."""
        while len(self.todo) < size and not self.exhausted:
            try:
                item = next(self.items)
            except StopIteration:
                self.exhausted, self.live = True, False
                return
            if item is None:
                self.live = True
                return
            self.todo.append(Item(self.drawn, *item))
            self.drawn += 1


@dataclass(eq=False)
class _Worker:
    """One worker process, on the caller's side.

    `chunk` has the items that were sent and are not yet answered.
    """

    pid: int
    sock: socket.socket
    page: mmap.mmap
    buffer: bytearray = field(default_factory=bytearray)
    forks: bool = False  # a process for each item, whose wait counts too
    chunk: list[Item] = field(default_factory=list)
    answered: int = 0
    judged: int = 0  # so many items before the chunk
    sent_at: float = 0.0
    begun: tuple[int, float] = (0, 0.0)
    waited: float = 0.0  # run-queue wait so far when the current item began, or a little earlier
    last_waited: float = 0.0  # the same at the last check
    waits: Waits = field(default_factory=Waits)
    looked: dict[Path, float] = field(default_factory=dict)  # each thread's wait at the last look
    total: float = 0.0

    def run_queue_wait(self) -> float:
        """Return for how many seconds so far the worker's threads had to wait for a core."""
        looked = self.waits.of(self._threads())
        self.total += sum(new - self.looked.get(path, 0.0) for path, new in looked.items())
        self.looked = looked
        return self.total

    def _threads(self) -> Iterator[Path]:
        pids = [str(self.pid)]
        if self.forks:
            try:
                pids += Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            except OSError:
                pass  # it has just ended, or the kernel does not say
        for pid in pids:
            try:
                yield from list(Path(f"/proc/{pid}/task").iterdir())
            except OSError:
                pass


class Judge(Protocol):
    """Judges completions: with the processes of a machine, or with those of a cluster."""

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        """Yield one verdict for each (problem, completion), in order.

        A None among the items says that no further item is ready yet.
        """
        ...


class VerifierPool:
    """Runs a verifier in killable worker processes. A context manager; used from one thread.

    `timeout`: seconds for each item, without the time in which the worker waited for a core. After
    that the worker is killed. A verifier with a deadline of its own gets the timeout as an option
    instead, unless its options have one. None means TIMEOUT, and for such a verifier its own
    default. `memory_mb` limits the growth of each worker, or of each item's process.
    """

    def __init__(
        self,
        verifier: str,
        options: dict[str, Any] | None = None,
        workers: int | None = None,
        timeout: float | None = None,
        memory_mb: int = 1024,
    ) -> None:
        """Load `verifier` here too, so that a bad name or a broken plugin raises its own error.

        `workers` defaults to the number of cores that this process may use. Raises InputError for
        an unknown verifier, and for options that it refuses.
        """
        self.verifier = load_verifier(verifier)
        check_options(self.verifier, options or {})
        options = with_timeout(self.verifier, options or {}, timeout)
        timeout = TIMEOUT if timeout is None else timeout
        own = options.get("timeout")
        if self.verifier.own_deadline and isinstance(own, (int, float)):
            timeout = max(timeout, own)  # the cap on wall time goes with it
        self._shares = self.verifier.isolate and _shares(self.verifier, options)
        self._harmless: Callable[[Any], str] = vars(self.verifier.module).get(
            "harmless", lambda reference: ""
        )
        self.timeout = math.inf if self.verifier.own_deadline else timeout
        # Waiting for a core does not count, so a worker that gets none would never be late. Hence
        # this hard cap.
        self.wall_cap = 20 * timeout + 60
        self._control, theirs = socket.socketpair()
        call = f"import sys; sys.path[:] = {sys.path!r}; from rlvr.verify.pool import _serve; "
        arguments = (theirs.fileno(), verifier, json.dumps(options), memory_mb, 10 * timeout)
        isolation = isolated.command(self.verifier.files) if self.verifier.isolate else []
        with theirs:
            self._server = subprocess.Popen(
                [*isolation, sys.executable, "-c", f"{call}_serve{arguments!r}"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,  # a terminal's Ctrl-C would end bubblewrap
            )
        self._workers: list[_Worker] = []
        self._count = workers or len(os.sched_getaffinity(0))
        # Items that share a process start in larger chunks: a fork costs as much as hundreds.
        self._chunk_size = 256.0 if self._shares else 1.0
        self._look_at = 0.0
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, then the server, which waits for the processes that they leave."""
        self._discard_busy()
        for worker in self._workers:
            worker.sock.close()
            worker.page.close()
        self._workers.clear()
        self._control.close()
        try:
            self._server.wait(timeout=5.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        """Yield one verdict for each (problem, completion), in order, from a bounded window.

        None among the items says that none was ready. From then on items are drawn while others are
        judged, so that their producer does not wait. Raises RunError if the server can't start.
        """
        slept.watch()
        source = Source(iter(items))
        todo = source.todo
        done: dict[int, Verdict] = {}
        position = 0
        self._discard_busy()
        while True:
            while position in done:
                yield done.pop(position)
                position += 1
            if source.live:
                source.draw(WINDOW)
            for worker in self._idle():
                size = max(1, int(self._chunk_size))
                if not source.live:
                    source.draw(size)
                # One slow item keeps later ones from being yielded: the window limits how many are
                # held.
                ready = todo and (todo[0].position < position + WINDOW)
                if not ready:
                    break
                retry = todo[0].failures > 0 or todo[0].blamed or todo[0].fresh
                if todo[0].fresh and worker.judged:
                    self._discard(worker)
                    worker = self._spawn()
                chunk = [todo.popleft() for _ in range(1 if retry else min(size, len(todo)))]
                self._dispatch(worker, chunk)
            busy = [worker for worker in self._workers if worker.chunk]
            if not busy and source.exhausted and not todo and position not in done:
                return
            for worker in self._wait(busy, SOON_SECONDS if source.live else _POLL_SECONDS):
                todo.extendleft(reversed(self._collect(worker, done)))

    # The life of a worker: spawn, dispatch, wait, collect or replace.

    def _spawn(self) -> _Worker:
        ours, theirs = socket.socketpair()
        expect_greeting(ours)
        page_fd = os.memfd_create("rlvr-progress")
        os.ftruncate(page_fd, mmap.PAGESIZE)
        page = mmap.mmap(page_fd, mmap.PAGESIZE)
        try:
            socket.send_fds(self._control, [b"w"], [theirs.fileno(), page_fd])
            theirs.close()
            pid = greeting(ours)
        except OSError:
            ours.close()
            raise RunError(self._gone()) from None
        finally:
            theirs.close()
            os.close(page_fd)
        self._started = True
        worker = _Worker(pid, ours, page, forks=self.verifier.isolate)
        self._workers.append(worker)
        return worker

    def _gone(self) -> str:
        """Return why no worker comes from the server."""
        name = repr(self.verifier.name)
        if not self._started:
            return f"the verifier server of {name} did not start (its error is above)"
        try:
            code = self._server.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            return f"a worker of the verifier {name} ended while it started (its error is above)"
        return (
            f"the verifier server of {name} ended in the midst of its work, with code {code} "
            "(killed for memory, perhaps): run the same command again"
        )

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        # No other process can have this pid yet: it is the worker's, or nobody's.
        try:
            os.kill(worker.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        worker.sock.close()
        worker.page.close()

    def _discard_busy(self) -> None:
        """Drop workers that are still busy for an earlier `verify`, which was abandoned."""
        for worker in [worker for worker in self._workers if worker.chunk]:
            self._discard(worker)

    def _idle(self) -> Iterator[_Worker]:
        yield from [worker for worker in self._workers if not worker.chunk]
        while len(self._workers) < self._count:
            yield self._spawn()

    def _dispatch(self, worker: _Worker, chunk: list[Item]) -> None:
        fields: dict[int, tuple[Any, ...]] = {}
        message = [(_fields(item.problem, fields), item.completion) for item in chunk]
        worker.chunk, worker.answered = chunk, 0
        worker.sent_at = time.monotonic()
        worker.begun = (0, worker.sent_at)
        worker.waited = worker.last_waited = worker.run_queue_wait()
        _PROGRESS.pack_into(worker.page, 0, 0, worker.sent_at)
        try:
            _send(worker.sock, pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        except (BrokenPipeError, ConnectionResetError):
            pass  # it died while idle: the wait below will find its socket closed

    def _wait(self, busy: list[_Worker], seconds: float) -> list[_Worker]:
        """Wait so long; return the workers that have sent something or are overdue."""
        with selectors.PollSelector() as selector:
            for worker in busy:
                selector.register(worker.sock, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(seconds)]
        now = time.monotonic()
        if now < self._look_at:
            return ready
        self._look_at = now + _POLL_SECONDS
        # A worker that has sent something is not late: a finished item must not become overdue
        # because the caller was slow to come back.
        return ready + [worker for worker in busy if worker not in ready and self._overdue(worker)]

    def _overdue(self, worker: _Worker) -> str:
        """Return "" while the worker's item is within its time, else why the worker must end."""
        index, started = _PROGRESS.unpack_from(worker.page)
        now = time.monotonic()  # before the wait is read: if this process waits, it counts for both
        waited = worker.run_queue_wait()
        if (index, started) != worker.begun:
            # The item began after the last check: count its wait from that check, in its favour.
            worker.begun, worker.waited = (index, started), worker.last_waited
        worker.last_waited = waited
        elapsed = now - started
        if elapsed > self.wall_cap:
            return "stuck"
        return "late" if elapsed - (waited - worker.waited) > self.timeout else ""

    def _collect(self, worker: _Worker, done: dict[int, Verdict]) -> list[Item]:
        """Read what the worker has sent, or replace it; return the items to run (again)."""
        if slept.slept_since(worker.sent_at):  # its times are wrong: run the whole chunk again
            self._discard(worker)
            return worker.chunk[worker.answered :]
        try:
            data = worker.sock.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return self._end(worker, done, self._overdue(worker))
        except ConnectionResetError:
            data = b""
        if not data:
            return self._end(worker, done, "died")
        worker.buffer += data
        again: list[Item] = []
        while len(worker.buffer) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(worker.buffer)[0]
            if len(worker.buffer) < end:
                break
            # Data, not pickles: a completion may have taken over the worker.
            for reply in json.loads(worker.buffer[_LENGTH.size : end]):
                item = worker.chunk[worker.answered]
                used = worker.judged + worker.answered > 0
                worker.answered += 1
                if self._ran_out(reply):
                    # What earlier verdicts left behind may have filled it: it judges no more.
                    rest = worker.chunk[worker.answered :]
                    self._discard(worker)
                    if used and not item.fresh:
                        item.fresh = True
                        return [item, *again, *rest]
                    return [*self._take(item, reply, done), *again, *rest]
                again += self._take(item, reply, done)
            del worker.buffer[:end]
        if worker.answered == len(worker.chunk):
            seconds = time.monotonic() - worker.sent_at
            if self._shares:  # the cost of the fork belongs to the chunk, not to its items
                seconds = sum(item.seconds for item in worker.chunk)
            self._adapt(len(worker.chunk), seconds)
            worker.judged += len(worker.chunk)
            worker.chunk = []
        return again

    def _ran_out(self, reply: Any) -> bool:
        """Return whether a worker that judges one item after the other ran out of memory."""
        return not self.verifier.isolate and isinstance(reply, list) and reply[:1] == ["memory"]

    def _adapt(self, size: int, seconds: float) -> None:
        wanted = _SHARED_SECONDS if self._shares else _CHUNK_SECONDS
        if seconds > 2 * wanted:
            self._chunk_size = max(1.0, min(self._chunk_size, size * wanted / seconds))
        elif seconds < wanted and size >= int(self._chunk_size):
            self._chunk_size = min(_MAX_CHUNK, 2 * self._chunk_size)

    def _end(self, worker: _Worker, done: dict[int, Verdict], why: str) -> list[Item]:
        """Drop a worker that overran or died; blame its current item, and return the others."""
        if not why:
            return []
        index, started = _PROGRESS.unpack_from(worker.page)
        self._discard(worker)
        index = max(index, worker.answered)
        again, culprit = (
            worker.chunk[worker.answered :],
            worker.chunk[min(index, len(worker.chunk) - 1)],
        )
        seconds = time.monotonic() - started
        again.remove(culprit)
        culprit.seconds = seconds
        if why == "late":
            return self._doubt(culprit, f"ran out of time ({self.timeout:g} s)", done) + again
        stuck = f"no verdict in {self.wall_cap:g} s of wall time"
        reason = stuck if why == "stuck" else "the verifier's process died"
        return self._failed(culprit, reason, done) + again

    # The outcome of an item: a verdict, a doubt about whose fault it is, or another try.

    def _take(self, item: Item, reply: Any, done: dict[int, Verdict]) -> list[Item]:
        """Handle one reply; return the items that must still be judged for it."""
        apart = self.verifier.isolate
        if not apart and not item.blamed and reply[0] in STATUSES:
            # Nearly every item goes this way, so it is kept short. The worker is our own.
            status, reason, extracted, seconds, passed = reply
            done[item.position] = Verdict(status, reason, extracted, seconds, tuple(passed))
            return []
        found = _read(reply) if apart else _verdict(reply)
        if found is None:
            return self._doubt(item, "the scorer's process died or broke the protocol", done)
        status, verdict = found
        if not item.blamed:
            item.seconds = verdict.seconds
        if status == "memory" or (apart and status not in DECIDED):
            return self._doubt(item, verdict.reason, done, status)
        if status == "raised":
            return self._failed(item, verdict.reason, done)
        if item.blamed and status in DECIDED:
            verdict = Verdict("wrong", item.blamed, seconds=item.seconds)
        done[item.position] = verdict
        return []

    def _doubt(
        self, item: Item, reason: str, done: dict[int, Verdict], status: str = ""
    ) -> list[Item]:
        """Return a harmless completion to be judged; if that fails too, the item abstains."""
        if not item.blamed:
            item.blamed, item.failures = reason, 0
            item.completion = self._harmless(item.problem.reference)
            return [item]
        if status != "abstain":
            reason = f"a harmless completion does no better: {reason}"
        done[item.position] = Verdict("abstain", reason, seconds=item.seconds)
        return []

    def _failed(self, item: Item, reason: str, done: dict[int, Verdict]) -> list[Item]:
        item.failures += 1
        if item.failures < 2:
            return [item]
        done[item.position] = Verdict("error", reason)
        return []


def _verdict(reply: Any) -> tuple[str, Verdict] | None:
    """Return the status of a reply, and its verdict; None if it is no reply.

    The status may also be "raised" or "memory", which are no verdicts: then the verdict is `error`.
    """
    if not isinstance(reply, list) or len(reply) != 5:
        return None
    status, reason, extracted, seconds, passed = reply
    known = isinstance(status, str) and status in (*STATUSES, "raised", "memory")
    texts = isinstance(reason, str) and isinstance(extracted, str | None)
    if not known or not texts or type(seconds) not in (int, float) or not isinstance(passed, list):
        return None
    if not 0 <= seconds < math.inf or not all(type(one) is bool for one in passed):
        return None
    given = cast(Status, status if status in STATUSES else "error")
    return status, Verdict(given, reason, extracted, float(seconds), tuple(passed))


def _read(reply: Any) -> tuple[str, Verdict] | None:
    """Read the reply of an isolated item; a completion may have written it."""
    try:
        found = _verdict(json.loads(reply))
    except (TypeError, ValueError, RecursionError, OverflowError):
        return None
    if found is None:
        return None
    status, verdict = found
    reason = isolated.clean(verdict.reason, isolated.MAX_REASON)
    extracted = verdict.extracted
    if extracted is not None:
        extracted = isolated.clean(extracted, isolated.MAX_EXTRACTED)
    return status, replace(verdict, reason=reason, extracted=extracted)


def _fields(problem: Problem, known: dict[int, tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the problem as a tuple, the same object each time, so that pickle sends it once."""
    found = known.get(id(problem))
    if found is None:
        p = problem
        answer = (p.reference, p.solution)
        found = known[id(p)] = (p.id, p.task, p.split, p.level, p.prompt, *answer, p.messages)
    return found
