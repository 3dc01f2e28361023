"""Isolated verifiers (ISOLATE = True): each completion in a process that can reach nothing.

A completion that somebody else's scorer evaluates may run as code there. So the pool's server lives
in bubblewrap, in a root that holds Python, its packages and the verifier's own files: no home, no
environment, no network. When the verifier is loaded it makes every mount read-only, hides /proc and
gives up its capabilities. Each worker that it forks stays free of completions: it forks a process
for every item, which gets a filter of system calls and no descriptor but a pipe for its reply, and
is killed when it has replied. So no completion can reach another one's process, or leave anything
to it. The reply is read by the caller, as data.

A verifier whose module has a `shares(argument, options)` that is true promises that it evaluates no
text and keeps nothing. Its items share a process until one of them does anything but compute: an
audit hook then ends the process before that happens, and the item gets a process of its own. A
module may name by COMPILES, a pattern, texts that are harmless to evaluate, such as a number.

What this does not stop: an item whose text runs as code may forge its own verdict.
"""

from __future__ import annotations

import ctypes
import glob
import importlib.util
import json
import os
import re
import site
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rlvr.data import RunError
from rlvr.sandbox import outside
from rlvr.sandbox.confine import (
    PR_SET_SECCOMP,
    check,
    dump_no_core,
    give_up_privileges,
    libc,
    read_only,
    system_call_filter,
)
from rlvr.sandbox.inside import ALLOWED, PR_SET_PDEATHSIG, REFUSED

LENGTH = struct.Struct("<I")
MAX_REPLY = 1 << 16  # bytes
MAX_REASON, MAX_EXTRACTED = 500, 200  # characters
_DEVICES = ("null", "zero", "random", "urandom")
_SIGKILL = 9
# All processes of the sandbox are one user's: an item must not signal them. It needs no socket.
_NOT_HERE = ("kill", "tgkill", "socketpair", "sendto", "recvfrom", "shutdown", "prctl")
_RULES = {name: rule for name, rule in ALLOWED.items() if name not in _NOT_HERE}
# Events of Python's audit that computing raises: reading a frame, an attribute or an identity.
_COMPUTING = ("sys._getframe", "object.__getattr__", "builtins.id", "array.__new__")
_NOTHING = b"(?!)"  # a pattern that no text matches

# --- the caller's side: what the server sees --------------------------------------------------


def command(files: Sequence[str]) -> list[str]:
    """Return bubblewrap's command line up to the server: a root with what Python needs.

    `files`: the verifier's own, shown besides Python, its packages and loaded modules.
    """
    arguments: list[str] = []
    for path in sorted(_needed(files)):
        arguments += ["--ro-bind", path, path]
    for name in _DEVICES:
        arguments += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    return [
        *outside.command(["--proc", "/proc", "--tmpfs", "/tmp", *arguments]),
        *("--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP", "--die-with-parent"),
        *("--setenv", "HOME", "/tmp", "--setenv", "MPLCONFIGDIR", "/tmp"),
        *("--setenv", "LANG", "C.UTF-8", "--setenv", "PYTHONDONTWRITEBYTECODE", "1"),
        # A process with threads can't be forked safely, and one item uses one core.
        *("--setenv", "OMP_NUM_THREADS", "1", "--setenv", "OPENBLAS_NUM_THREADS", "1"),
        *("--remount-ro", "/", "--chdir", "/", "--"),
    ]


def _needed(files: Sequence[str]) -> set[str]:
    """Return the files and folders that are bound: what Python is, and what is imported.

    A folder on sys.path that is no folder of packages is not shown as a whole (it may be a home, or
    a project with its secrets), but only what was imported from there.
    """
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    packages = {sysconfig.get_path(name) for name in names}
    standard = {path.replace(sys.prefix, sys.base_prefix) for path in packages}
    packages |= {path for path in (*sys.path, *site.getsitepackages()) if _holds_packages(path)}
    libraries = outside._shared_libraries(python, {os.path.realpath(path) for path in standard})
    folders = {os.path.dirname(path) for path in libraries}
    found = {python, sys.executable, f"{sys.prefix}/pyvenv.cfg", "/etc/ld.so.cache"}
    found |= packages | standard | folders | libraries | set(files)
    found |= {*_of_package("rlvr"), *_of_package("rlvr.verifiers"), *_imported()}
    # An entry point's name is looked up in what pip left beside its package.
    entries = [glob.escape(entry or ".") for entry in sys.path]
    # A folder that can't be read gives nothing, and no error: no module is loaded from there.
    found |= {path for entry in entries for path in glob.glob(f"{entry}/*.dist-info")}
    found = {os.path.abspath(path) for path in found if path and os.path.exists(path)}
    return {path for path in found if not any(str(up) in found for up in Path(path).parents)}


def _of_package(name: str) -> Iterator[str]:
    spec = importlib.util.find_spec(name)
    yield from spec.submodule_search_locations or () if spec else ()


def _holds_packages(path: str) -> bool:
    return os.path.basename(path.rstrip("/")) in ("site-packages", "dist-packages")


def _imported() -> Iterator[str]:
    """Yield the files and packages that this process's top-level modules were loaded from."""
    for name, module in list(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        where = getattr(getattr(module, "__spec__", None), "submodule_search_locations", None)
        yield from map(str, where or ())
        if not where and isinstance(getattr(module, "__file__", None), str):
            yield str(module.__file__)


def clean(text: str, most: int) -> str:
    """Return what a completion may have written, cut, with nothing in it that doesn't print."""
    short = text[:most]
    if short.isprintable():
        return short
    return "".join(letter if letter.isprintable() else " " for letter in short)


# --- the server's side ------------------------------------------------------------------------


def close_off() -> None:
    """Make every mount read-only, hide /proc, give up all capabilities. Raises OSError.

    Raises RunError on an architecture without a filter of system calls.
    """
    if system_call_filter(_RULES, REFUSED) is None:
        raise RunError("isolated verifiers need a filter of system calls: x86-64 or arm64")
    for name in _DEVICES:
        read_only(f"/dev/{name}")
    check("tmpfs", libc.mount(b"tmpfs", b"/proc", b"tmpfs", 2 | 4 | 8, b"size=4k,mode=555"))
    for path in ("/proc", "/tmp"):
        read_only(path)
    dump_no_core()
    give_up_privileges(None)


# --- the worker's side: a process for each item ------------------------------------------------


def replies(
    judge: Callable[[int], Sequence[Any]],
    count: int,
    shares: bool,
    compiles: str,
    began: Callable[[int], None],
) -> Iterator[str | None]:
    """Yield the reply on each of `count` items in turn: JSON, unread; None if there was none.

    `judge(index)` gives the fields of a reply; it is called in a process of its own for each item,
    or for as many as may share one. `compiles`: a pattern of the texts that may be compiled where
    items share. `began(index)` is called here when an item has begun. Ends this process if one that
    it forked was killed from outside.
    """
    rules = system_call_filter(_RULES, REFUSED)
    assert rules is not None, "close_off has seen to that"
    code = ctypes.create_string_buffer(rules, len(rules))
    harmless = re.compile(compiles.encode() or _NOTHING)
    index = 0
    alone = not shares
    while index < count:
        began(index)
        last = index + 1 if alone else count
        pid, reading = _fork(judge, range(index, last), None if alone else harmless, code)
        try:
            for reply in _read(reading, last - index):
                yield reply
                index += 1
                began(index)
            os.kill(pid, _SIGKILL)  # it has said all that counts, or broke the protocol
            os.waitpid(pid, 0)
        except EOFError:
            _, status = os.waitpid(pid, 0)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == _SIGKILL:
                os._exit(1)  # from outside: it can't have sent that to itself
        finally:
            os.close(reading)
        if index < last and alone:
            yield None
            index += 1
        # What did not go well in a process with others is tried once more by itself.
        alone = not shares or (index < last and not alone)


def _fork(
    judge: Callable[[int], Sequence[Any]], items: range, shared: re.Pattern[bytes] | None, code: Any
) -> tuple[int, int]:
    reading, writing = os.pipe()
    worker = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            _confine(worker, writing, code)
            if shared:
                sys.addaudithook(partial(_end_unless_computing, shared))
            for index in items:
                fields = judge(index)
                if shared and fields[0] not in ("correct", "wrong"):
                    break
                data = _written(*fields)
                os.write(3, LENGTH.pack(len(data)) + data)
        finally:
            os._exit(0)
    os.close(writing)
    return pid, reading


def _written(status: str, reason: str, extracted: str | None, *rest: Any) -> bytes:
    short = extracted[:MAX_EXTRACTED] if isinstance(extracted, str) else extracted
    return json.dumps([status, reason[:MAX_REASON], short, *rest]).encode()


def _confine(worker: int, writing: int, code: Any) -> None:
    """Leave this process nothing but a pipe, and the calls that computing needs; for good."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(writing, 3)
    os.closerange(4, 1 << 20)
    libc.prctl(PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != worker:
        os._exit(1)
    filter_ = struct.pack("@HP", len(code) // 8, ctypes.addressof(code))
    check("seccomp", libc.prctl(PR_SET_SECCOMP, 2, filter_, 0, 0))


def _end_unless_computing(harmless: re.Pattern[bytes], event: str, given: tuple[Any, ...]) -> None:
    """End this process at any other event of Python's audit.

    Code is executed once it has been compiled, so where nothing but harmless texts is compiled, and
    no code object is made in another way (an event too), what is executed is harmless or our own.
    """
    if event in _COMPUTING or (event == "exec" and harmless.pattern != _NOTHING):
        return
    if event == "compile" and isinstance(given[0], bytes) and harmless.fullmatch(given[0]):
        return
    os._exit(0)


def _read(reading: int, count: int) -> Iterator[str]:
    """Yield so many replies, fewer if something else comes. Raises EOFError at the pipe's end."""
    buffer = bytearray()
    while count:
        part = os.read(reading, MAX_REPLY)
        if not part:
            raise EOFError
        buffer += part
        while count and len(buffer) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(buffer)[0]
            if end > MAX_REPLY:
                return
            if len(buffer) < end:
                break
            try:
                reply = buffer[LENGTH.size : end].decode()
            except UnicodeDecodeError:
                return
            del buffer[:end]
            count -= 1
            yield reply
