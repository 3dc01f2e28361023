"""Isolated verifiers (ISOLATE = True): each completion has a process that can reach nothing else.

If a scorer from elsewhere evaluates a completion, the completion may run as code. So the pool's
server runs in bubblewrap, in a root that has Python, its packages and the verifier's own files: no
home, no environment, no network. When the verifier is loaded, the server makes every mount
read-only, hides /proc and gives up its capabilities. The workers that it forks never see a
completion themselves: a worker forks a process for every item. This process gets a filter of system
calls and only one descriptor, a pipe for its reply, and it is killed when it has replied. So no
completion can reach another completion's process, or leave anything for it. The caller reads the
reply as data.

If a module has a `shares(argument, options)` that returns True, the verifier promises that it
evaluates no text and keeps no state. Its items share a process until one of them does anything
other than compute. An audit hook then ends the process before that happens, and the item gets a
process of its own. A module may define COMPILES, a pattern of texts that are harmless to evaluate,
such as numbers.

This does not stop an item whose text runs as code from forging its own verdict.
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
# All processes of the sandbox have one user, so an item must not send signals. It needs no socket.
_NOT_HERE = ("kill", "tgkill", "socketpair", "sendto", "recvfrom", "shutdown", "prctl")
_RULES = {name: rule for name, rule in ALLOWED.items() if name not in _NOT_HERE}
# Python's audit events that plain computing raises: reading a frame, an attribute or an identity.
_COMPUTING = ("sys._getframe", "object.__getattr__", "builtins.id", "array.__new__")
_NOTHING = b"(?!)"  # a pattern that no text matches

# --- the caller's side: what the server gets --------------------------------------------------


def command(files: Sequence[str]) -> list[str]:
    """Return bubblewrap's command line up to the server: a root with what Python needs.

    `files`: the verifier's own files. The root also has Python, its packages and loaded modules.
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
    """Return the files and folders to mount: Python itself, and what is imported.

    If a folder on sys.path is no folder of packages, only what was imported from there is mounted:
    the folder may be a home, or a project with secrets.
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
    # Python looks up an entry point in the metadata that pip wrote beside its package.
    entries = [glob.escape(entry or ".") for entry in sys.path]
    # No module can come from a folder that can't be read, so that is no error.
    found |= {path for entry in entries for path in glob.glob(f"{entry}/*.dist-info")}
    found = {os.path.abspath(path) for path in found if path and os.path.exists(path)}
    return {path for path in found if not any(str(up) in found for up in Path(path).parents)}


def _of_package(name: str) -> Iterator[str]:
    spec = importlib.util.find_spec(name)
    yield from spec.submodule_search_locations or () if spec else ()


def _holds_packages(path: str) -> bool:
    return os.path.basename(path.rstrip("/")) in ("site-packages", "dist-packages")


def _imported() -> Iterator[str]:
    """Yield the files and packages from which this process's top-level modules were loaded."""
    for name, module in list(sys.modules.items()):
        if "." in name or name == "__main__":
            continue
        where = getattr(getattr(module, "__spec__", None), "submodule_search_locations", None)
        yield from map(str, where or ())
        if not where and isinstance(getattr(module, "__file__", None), str):
            yield str(module.__file__)


def clean(text: str, most: int) -> str:
    """Return a text that a completion may have written, cut, with printable characters only."""
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
    """Yield the reply on each of `count` items in turn, as unread JSON; None if there was none.

    `judge(index)` gives the fields of a reply. It is called in a process of its own for each item,
    or for all items that may share one. `compiles`: a pattern of the texts that may be compiled in
    a shared process. `began(index)` is called here when an item has begun. Ends this process if a
    process that it forked was killed from outside.
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
            os.kill(pid, _SIGKILL)  # it has replied, or it broke the protocol
            os.waitpid(pid, 0)
        except EOFError:
            _, status = os.waitpid(pid, 0)
            if os.WIFSIGNALED(status) and os.WTERMSIG(status) == _SIGKILL:
                os._exit(1)  # the signal came from outside: the process can't send it to itself
        finally:
            os.close(reading)
        if index < last and alone:
            yield None
            index += 1
        # An item that failed in a shared process is tried once more in one of its own.
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
    """Leave this process only a pipe and the system calls that computing needs, for ever."""
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
    """End this process at any audit event of Python that plain computing does not raise.

    Code must be compiled before it is executed. If only harmless texts are compiled, and no code
    object is made in another way (which is an event too), then all executed code is harmless or
    ours.
    """
    if event in _COMPUTING or (event == "exec" and harmless.pattern != _NOTHING):
        return
    if event == "compile" and isinstance(given[0], bytes) and harmless.fullmatch(given[0]):
        return
    os._exit(0)


def _read(reading: int, count: int) -> Iterator[str]:
    """Yield so many replies; fewer if other data come. Raises EOFError at the pipe's end."""
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
