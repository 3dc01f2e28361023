"""A pool of killable processes that runs a verifier under real deadlines.

    with VerifierPool("math", {}, workers=2, timeout=5.0) as pool:
        for verdict in pool.verify((problem, text) for ...):   # streaming, order kept

How the pool works. One server process (plain `python -c`, so it never imports the caller's __main__
and never holds torch) imports the verifier and forks workers on request: a replacement costs
milliseconds. Each worker takes chunks over its own socket and notes in a shared page which item it
has begun and when, so that a hang or a death is pinned to one item; the items of the chunk that
were lost with it are run again. The server dies when the caller's end of its socket closes, and the
workers die with the server, even if the caller was killed with SIGKILL.

A verifier runs with the user's rights, unless its module says ISOLATE (it hands completions to
somebody else's evaluator): then each item has a process of its own in a sandbox
(`rlvr/verify/isolated.py`). Untrusted programs belong in `rlvr/sandbox/outside.py`. A verifier
whose module says DEADLINE = "own" ends its items in time by itself.

Whose fault it is. An item that overruns its time or memory, and an isolated one that raises, dies,
abstains or breaks the protocol, is `wrong` if a harmless completion of the same problem is decided,
else `abstain`: then the reference is at fault. The harmless completion is empty, or what the
module's `harmless(reference)` returns. An exception or a death of any other verifier is a fault of
ours: it is tried once more, and then an `error`.
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


def _serve(control_fd: int, verifier: str, options_json: str, memory_mb: int) -> None:
    """Fork a worker for every (socket, progress page) pair received; end with the caller."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)  # a verifier that prints must not write into the caller's output
    loaded = load_verifier(verifier)
    for module in loaded.preload:
        importlib.import_module(module)
    options = json.loads(options_json)
    shares, compiles = None, str(vars(loaded.module).get("COMPILES", ""))
    if loaded.isolate:
        _warm(loaded, options)
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
                    _work(socket.socket(fileno=fds[0]), fds[1], judge, shares, compiles)
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


def _warm(loaded: LoadedVerifier, options: dict[str, Any]) -> None:
    """Judge the module's own cases, so that nothing is loaded or cached only after the fork."""
    for reference, completion, _ in vars(loaded.module).get("CASES", ()):
        _one(loaded.verify, options, case_problem(reference), completion)


def _shares(loaded: LoadedVerifier, options: dict[str, Any]) -> bool:
    """Whether the verifier promises that its items may share a process."""
    shares = vars(loaded.module).get("shares")
    return bool(shares and shares(loaded.argument, options))


def _memory() -> int:
    """Return the bytes of this process's address space."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


def _limit_memory(limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


Judging = Callable[[Problem, str], tuple[Any, ...]]


def _work(
    sock: socket.socket, page_fd: int, judge: Judging, shares: bool | None, compiles: str
) -> None:
    """Answer chunks until the caller has had enough. `shares`: None if it is not isolated."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
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
        if verdict.status not in STATUSES:
            raise ValueError(f"unknown status {verdict.status!r} (known: {', '.join(STATUSES)})")
        seconds = time.perf_counter() - begun
        return (verdict.status, verdict.reason, verdict.extracted, seconds, verdict.passed)
    except MemoryError:
        return ("memory", "ran out of memory", None, time.perf_counter() - begun, ())
    except Exception as error:  # a plugin may raise anything; it comes back as this item's verdict
        reason = f"{type(error).__name__}: {error}"[: isolated.MAX_REASON]
        return ("raised", reason, None, time.perf_counter() - begun, ())


# --- caller side -----------------------------------------------------------------------------

TIMEOUT = 5.0
"""Seconds that a verdict may take, unless told otherwise."""

_CHUNK_SECONDS = 0.02
_SHARED_SECONDS = 0.5  # of items that share a process: forking one costs as much as ten of them
_MAX_CHUNK = 1024
WINDOW = 16 * _MAX_CHUNK
_POLL_SECONDS = 0.1
SOON_SECONDS = 0.01  # until a live source is asked again


@dataclass(eq=False)
class Item:
    """Something to be judged, and the times that this went wrong.

    `blamed`: what went wrong with the completion, where the harmless one is judged in its place.
    """

    position: int
    problem: Problem
    completion: str
    failures: int = 0
    blamed: str = ""
    seconds: float = 0.0


@dataclass(eq=False)
class Source:
    """Where items come from. `todo`: those drawn, or to be judged again, and not yet given out.

    A live one has said, by None, that there was none yet: it is asked again and again.
    """

    items: Iterator[tuple[Problem, str] | None]
    todo: deque[Item] = field(default_factory=deque)
    drawn: int = 0
    live: bool = False
    exhausted: bool = False

    def draw(self, size: int) -> None:
        """Draw until so many are to be judged, there are no more, or none yet."""
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
    """One worker process as the caller sees it.

    `chunk` holds the items sent and not yet answered.
    """

    pid: int
    sock: socket.socket
    page: mmap.mmap
    buffer: bytearray = field(default_factory=bytearray)
    forks: bool = False  # a process for each item, whose wait is looked at too
    chunk: list[Item] = field(default_factory=list)
    answered: int = 0
    sent_at: float = 0.0
    begun: tuple[int, float] = (0, 0.0)
    waited: float = 0.0  # run-queue wait so far when the present item began, or a little earlier
    last_waited: float = 0.0  # the same when last looked at
    looked: dict[Path, int] = field(default_factory=dict)  # each thread's, in nanoseconds
    total: int = 0

    def run_queue_wait(self) -> float:
        """Return the seconds that the worker's threads were runnable but had no core, so far."""
        looked: dict[Path, int] = {}
        for path in self._threads():
            try:
                looked[path] = int(path.read_text().split()[1])
            except (OSError, IndexError):
                continue  # the thread has just ended
        self.total += sum(new - self.looked.get(path, 0) for path, new in looked.items())
        self.looked = looked
        return self.total / 1e9

    def _threads(self) -> Iterator[Path]:
        pids = [str(self.pid)]
        if self.forks:
            try:
                pids += Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            except OSError:
                pass  # it has just ended, as each of these may, or the kernel does not say
        for pid in pids:
            try:
                yield from list(Path(f"/proc/{pid}/task").glob("*/schedstat"))
            except OSError:
                pass


class Judge(Protocol):
    """What judges completions: the processes of a machine, or those of a cluster."""

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        """Yield one verdict per (problem, completion), in order; None says: none yet."""
        ...


class VerifierPool:
    """Runs a verifier in killable worker processes. A context manager; used from one thread.

    `timeout` is in seconds per item, net of the time in which the worker waited for a core; past it
    the worker is killed; a verifier with a deadline of its own is told it instead, unless its
    options say otherwise. None is TIMEOUT, and that verifier's own default. `memory_mb` bounds the
    growth of each worker, or of each item's process.
    """

    def __init__(
        self,
        verifier: str,
        options: dict[str, Any] | None = None,
        workers: int | None = None,
        timeout: float | None = None,
        memory_mb: int = 1024,
    ) -> None:
        """Load `verifier` here too, so that a bad name or a broken plugin shows with its own error.

        `workers` defaults to the cores this process may use. Raises InputError for an unknown
        verifier, and for options that it refuses.
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
        # Net of run-queue wait a stalled worker can look young for ever (stopped, or swapped out):
        # a hard cap.
        self.wall_cap = 20 * timeout + 60
        self._control, theirs = socket.socketpair()
        call = f"import sys; sys.path[:] = {sys.path!r}; from rlvr.verify.pool import _serve; "
        arguments = (theirs.fileno(), verifier, json.dumps(options), memory_mb)
        isolation = isolated.command(self.verifier.files) if self.verifier.isolate else []
        with theirs:
            self._server = subprocess.Popen(
                [*isolation, sys.executable, "-c", f"{call}_serve{arguments!r}"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,  # bubblewrap would end with a terminal's Ctrl-C
            )
        self._workers: list[_Worker] = []
        self._count = workers or len(os.sched_getaffinity(0))
        # What shares a fork starts with more, for the fork costs as much as hundreds of them.
        self._chunk_size = 256.0 if self._shares else 1.0
        self._look_at = 0.0

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
        """End the workers, then the server, which waits for what they leave."""
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
        """Yield one verdict per (problem, completion), in order, holding a bounded window of them.

        None among the items says that there was none for a moment. From then on they are drawn
        while others are judged, so that who makes them does not wait. Raises RunError if the
        server can't start.
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
                # The window bounds what is held when one slow item keeps the rest from being
                # yielded.
                ready = todo and (todo[0].position < position + WINDOW)
                if not ready:
                    break
                retry = todo[0].failures > 0 or todo[0].blamed
                chunk = [todo.popleft() for _ in range(1 if retry else min(size, len(todo)))]
                self._dispatch(worker, chunk)
            busy = [worker for worker in self._workers if worker.chunk]
            if not busy and source.exhausted and not todo and position not in done:
                return
            for worker in self._wait(busy, SOON_SECONDS if source.live else _POLL_SECONDS):
                todo.extendleft(reversed(self._collect(worker, done)))

    # One worker's life: spawn, dispatch, wait, collect or replace.

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
            raise RunError(
                f"the verifier server of {self.verifier.name!r} did not start (its error is above)"
            ) from None
        finally:
            theirs.close()
            os.close(page_fd)
        worker = _Worker(pid, ours, page, forks=self.verifier.isolate)
        self._workers.append(worker)
        return worker

    def _discard(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        # The server has not been told to reuse anything: the pid is the worker's own, or gone.
        try:
            os.kill(worker.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        worker.sock.close()
        worker.page.close()

    def _discard_busy(self) -> None:
        """Drop workers that an abandoned earlier `verify` left at work."""
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
            pass  # it died while idle: the wait below sees the end of its socket

    def _wait(self, busy: list[_Worker], seconds: float) -> list[_Worker]:
        """Wait so long; return the workers that have something to read or are overdue."""
        with selectors.PollSelector() as selector:
            for worker in busy:
                selector.register(worker.sock, selectors.EVENT_READ, worker)
            ready = [key.data for key, _ in selector.select(seconds)]
        now = time.monotonic()
        if now < self._look_at:
            return ready
        self._look_at = now + _POLL_SECONDS
        # Who has something to read is not late: a caller that was slow to come back must not turn
        # a finished item into an overdue one.
        return ready + [worker for worker in busy if worker not in ready and self._overdue(worker)]

    def _overdue(self, worker: _Worker) -> str:
        """Return "" while the item the worker is at is within its time, else why it ends."""
        index, started = _PROGRESS.unpack_from(worker.page)
        waited = worker.run_queue_wait()
        if (index, started) != worker.begun:
            # The item began since the last look: count the wait from then, in its favour.
            worker.begun, worker.waited = (index, started), worker.last_waited
        worker.last_waited = waited
        elapsed = time.monotonic() - started
        if elapsed > self.wall_cap:
            return "error"
        return "late" if elapsed - (waited - worker.waited) > self.timeout else ""

    def _collect(self, worker: _Worker, done: dict[int, Verdict]) -> list[Item]:
        """Take in what the worker has sent, or replace it; return the items to run (again)."""
        if slept.slept_since(worker.sent_at):  # its times are not its own: all of it once more
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
            # Data, not pickles: a worker may hold what a completion has made of it.
            for reply in json.loads(worker.buffer[_LENGTH.size : end]):
                item = worker.chunk[worker.answered]
                worker.answered += 1
                again += self._take(item, reply, done)
            del worker.buffer[:end]
        if worker.answered == len(worker.chunk):
            seconds = time.monotonic() - worker.sent_at
            if self._shares:  # the cost of the fork is the chunk's, not its items'
                seconds = sum(item.seconds for item in worker.chunk)
            self._adapt(len(worker.chunk), seconds)
            worker.chunk = []
        return again

    def _adapt(self, size: int, seconds: float) -> None:
        wanted = _SHARED_SECONDS if self._shares else _CHUNK_SECONDS
        if seconds > 2 * wanted:
            self._chunk_size = max(1.0, min(self._chunk_size, size * wanted / seconds))
        elif seconds < wanted and size >= int(self._chunk_size):
            self._chunk_size = min(_MAX_CHUNK, 2 * self._chunk_size)

    def _end(self, worker: _Worker, done: dict[int, Verdict], why: str) -> list[Item]:
        """Drop a worker that overran or died; pin it on the item it was at, return the others."""
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
            again = self._doubt(culprit, f"ran out of time ({self.timeout:g} s)", done) + again
        elif why == "error":
            reason = f"no verdict in {self.wall_cap:g} s of wall time"
            done[culprit.position] = Verdict("error", reason, seconds=seconds)
        else:
            again = self._failed(culprit, "the verifier's process died", done) + again
        return again

    # What comes of an item: a verdict, a doubt whose fault it is, or another try.

    def _take(self, item: Item, reply: Any, done: dict[int, Verdict]) -> list[Item]:
        """Take in one reply; return what is to be judged for it."""
        apart = self.verifier.isolate
        if not apart and not item.blamed and reply[0] in STATUSES:
            # Our own worker's words, and nearly every item's way: as short as can be.
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
        """Return a harmless completion to be judged; if that fares no better, the item abstains."""
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
    """Return the status of a reply, and the verdict it makes; None if it is no reply.

    The status may be "raised" or "memory" too, which make no verdict: its status is then `error`.
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
    """Read the reply of an isolated item: text that a completion may have written."""
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
    """Return the problem as a tuple, the same for the same object: pickle sends it once."""
    found = known.get(id(problem))
    if found is None:
        p = problem
        found = known[id(p)] = (p.id, p.task, p.split, p.level, p.prompt, p.reference, p.solution)
    return found
