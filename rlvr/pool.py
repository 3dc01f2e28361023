"""A pool of killable processes that runs a verifier under real deadlines.

    with VerifierPool("math", {}, workers=2, timeout=5.0) as pool:
        for verdict in pool.verify((problem, text) for ...):   # streaming, order kept

How the pool works. One server process (plain `python -c`, so it never imports the caller's __main__
and never holds torch) imports the verifier and forks workers on request: a replacement costs
milliseconds. Each worker takes chunks over its own socket and notes in a shared page which item it
has begun and when, so that a hang or a death is pinned to one item; the items of the chunk that
were lost with it are run again. The server dies when the caller's end of its socket closes, and the
workers die with the server, even if the caller was killed with SIGKILL.

What it does not do: isolate. A verifier runs with the user's rights, unless its module says
ISOLATE (it hands completions to somebody else's evaluator): then server and workers live in
bubblewrap, with no network, nothing writable but a private /tmp, and no processes but their own.
Untrusted programs belong in `rlvr/sandbox.py`. A verifier whose module says DEADLINE = "own" ends
its items in time by itself.
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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import rlvr.verifiers
from rlvr.data import STATUSES, Problem, RunError, Verdict
from rlvr.processes import die_with_parent
from rlvr.sandbox import bubblewrap, expect_greeting, greeting
from rlvr.verify import LoadedVerifier, Verify, load_verifier, with_timeout

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
                    _work(
                        socket.socket(fileno=fds[0]), fds[1], loaded.verify, options_json, memory_mb
                    )
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


def _limit_memory(memory_mb: int) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    limit = used + memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _work(
    sock: socket.socket, page_fd: int, verify: Verify, options_json: str, memory_mb: int
) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    page = mmap.mmap(page_fd, mmap.PAGESIZE)
    options = json.loads(options_json)
    _limit_memory(memory_mb)
    sock.send(b"up")
    while True:
        chunk = pickle.loads(_receive(sock))
        results: list[tuple[Any, ...]] = []
        flushed = time.monotonic()
        for index, (problem, completion) in enumerate(chunk):
            begun = time.monotonic()
            if begun - flushed > _FLUSH_SECONDS:
                _send(sock, json.dumps(results).encode())
                results, flushed = [], begun
            _PROGRESS.pack_into(page, 0, index, begun)
            results.append(_one(verify, Problem(*problem), completion, options))
        _send(sock, json.dumps(results).encode())


def _one(
    verify: Verify, problem: Problem, completion: str, options: dict[str, Any]
) -> tuple[Any, ...]:
    """Return a Verdict's fields, in order; the status of an exception is "raised"."""
    begun = time.perf_counter()
    try:
        verdict = verify(problem, completion, **options)
        if verdict.status not in STATUSES:
            raise ValueError(f"unknown status {verdict.status!r} (known: {', '.join(STATUSES)})")
        seconds = time.perf_counter() - begun
        return (verdict.status, verdict.reason, verdict.extracted, seconds, verdict.passed)
    except MemoryError:
        return ("abstain", "out of memory", None, time.perf_counter() - begun, ())
    except Exception as error:  # a plugin may raise anything; it comes back as this item's verdict
        reason = f"{type(error).__name__}: {error}"[:500]
        return ("raised", reason, None, time.perf_counter() - begun, ())


# --- caller side -----------------------------------------------------------------------------

TIMEOUT = 5.0
"""Seconds that a verdict may take, unless told otherwise."""

_CHUNK_SECONDS = 0.02
_MAX_CHUNK = 1024
WINDOW = 16 * _MAX_CHUNK
_POLL_SECONDS = 0.1
SOON_SECONDS = 0.01  # until a live source is asked again


@dataclass(eq=False)
class Item:
    """Something to be judged, and the times that this went wrong."""

    position: int
    problem: Problem
    completion: str
    failures: int = 0


@dataclass(eq=False)
class Source:
    """Where items come from. `todo`: those drawn, or to be judged again, and not yet given out.

    A live one has said, by None, that there was none as yet: it is asked again and again.
    """

    items: Iterator[tuple[Problem, str] | None]
    todo: deque[Item] = field(default_factory=deque)
    drawn: int = 0
    live: bool = False
    exhausted: bool = False

    def draw(self, size: int) -> None:
        """Draw until so many are to be judged, there are no more, or none as yet."""
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
    chunk: list[Item] = field(default_factory=list)
    answered: int = 0
    sent_at: float = 0.0
    begun: tuple[int, float] = (0, 0.0)
    waited: float = 0.0  # run-queue wait so far when the present item began, or a little earlier
    last_waited: float = 0.0  # the same when last looked at

    def run_queue_wait(self) -> float:
        """Return the seconds that the worker's threads were runnable but had no core, so far."""
        total = 0
        for path in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            try:
                total += int(path.read_text().split()[1])
            except (OSError, IndexError):
                continue  # the thread has just ended
        return total / 1e9


class Judge(Protocol):
    """What judges completions: the processes of a machine, or those of a cluster."""

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        """Yield one verdict per (problem, completion), in order; None says: none as yet."""
        ...


class VerifierPool:
    """Runs a verifier in killable worker processes. A context manager; used from one thread.

    `timeout` is in seconds per item, net of the time in which the worker waited for a core; past it
    the worker is killed and the item is `abstain`; a verifier with a deadline of its own is told it
    instead, unless its options say otherwise. None is TIMEOUT, and that verifier's own default. A
    worker that dies, or a verifier that raises,
    is tried once more and then `error`. `memory_mb` bounds each worker's growth; a verifier that
    runs into it is `abstain`.
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
        verifier.
        """
        self.verifier = load_verifier(verifier)
        options = with_timeout(self.verifier, options or {}, timeout)
        timeout = TIMEOUT if timeout is None else timeout
        own = options.get("timeout")
        if self.verifier.own_deadline and isinstance(own, (int, float)):
            timeout = max(timeout, own)  # the cap on wall time goes with it
        self.timeout = math.inf if self.verifier.own_deadline else timeout
        # Net of run-queue wait a stalled worker can look young for ever (stopped, or swapped out):
        # a hard cap.
        self.wall_cap = 20 * timeout + 60
        self._control, theirs = socket.socketpair()
        call = f"import sys; sys.path[:] = {sys.path!r}; from rlvr.pool import _serve; "
        arguments = (theirs.fileno(), verifier, json.dumps(options), memory_mb)
        with theirs:
            self._server = subprocess.Popen(
                [*_isolation(self.verifier), sys.executable, "-c", f"{call}_serve{arguments!r}"],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,  # bubblewrap would end with a terminal's Ctrl-C
            )
        self._workers: list[_Worker] = []
        self._count = workers or len(os.sched_getaffinity(0))
        self._chunk_size = 1.0
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
                retry = todo[0].failures > 0
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
        worker = _Worker(pid, ours, page)
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
        """Return "" while the item the worker is at is within its time, else the status due."""
        index, started = _PROGRESS.unpack_from(worker.page)
        waited = worker.run_queue_wait()
        if (index, started) != worker.begun:
            # The item began since the last look: count the wait from then, in its favour.
            worker.begun, worker.waited = (index, started), worker.last_waited
        worker.last_waited = waited
        elapsed = time.monotonic() - started
        if elapsed > self.wall_cap:
            return "error"
        return "abstain" if elapsed - (waited - worker.waited) > self.timeout else ""

    def _collect(self, worker: _Worker, done: dict[int, Verdict]) -> list[Item]:
        """Take in what the worker has sent, or replace it; return the items to run (again)."""
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
            for fields in json.loads(worker.buffer[_LENGTH.size : end]):
                item = worker.chunk[worker.answered]
                worker.answered += 1
                if fields[0] == "raised":
                    again += self._failed(item, fields[1], done)
                else:
                    status, reason, extracted, seconds, passed = fields
                    done[item.position] = Verdict(status, reason, extracted, seconds, tuple(passed))
            del worker.buffer[:end]
        if worker.answered == len(worker.chunk):
            self._adapt(len(worker.chunk), time.monotonic() - worker.sent_at)
            worker.chunk = []
        return again

    def _adapt(self, size: int, seconds: float) -> None:
        if seconds > 2 * _CHUNK_SECONDS:
            self._chunk_size = max(1.0, min(self._chunk_size, size * _CHUNK_SECONDS / seconds))
        elif seconds < _CHUNK_SECONDS and size >= int(self._chunk_size):
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
        if why == "abstain":
            reason = f"undecided in {self.timeout:g} s"
            done[culprit.position] = Verdict("abstain", reason, seconds=seconds)
        elif why == "error":
            reason = f"no verdict in {self.wall_cap:g} s of wall time"
            done[culprit.position] = Verdict("error", reason, seconds=seconds)
        else:
            again = self._failed(culprit, "the verifier's process died", done) + again
        return again

    def _failed(self, item: Item, reason: str, done: dict[int, Verdict]) -> list[Item]:
        item.failures += 1
        if item.failures < 2:
            return [item]
        done[item.position] = Verdict("error", reason)
        return []


def _isolation(verifier: LoadedVerifier) -> list[str]:
    """Return the command that the server runs under: none, or bubblewrap where it asks for it."""
    if not verifier.isolate:
        return []
    private = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]
    # An editable install has the packages outside sys.path.
    packages = [*rlvr.__path__, *rlvr.verifiers.__path__]
    paths = [sys.prefix, *sys.path, *packages, *verifier.files]
    hidden = [path for path in paths if path.startswith("/tmp/") and os.path.exists(path)]
    shown = [word for path in hidden for word in ("--ro-bind", path, path)]
    private += ["--setenv", "MPLCONFIGDIR", "/tmp", "--cap-drop", "ALL"]
    return [bubblewrap(), "--unshare-all", "--die-with-parent", "--new-session",
            *private, *shown, "--"]  # fmt: skip


def _fields(problem: Problem, known: dict[int, tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return the problem as a tuple, the same for the same object: pickle sends it once."""
    found = known.get(id(problem))
    if found is None:
        p = problem
        found = known[id(p)] = (p.id, p.task, p.split, p.level, p.prompt, p.reference, p.solution)
    return found
