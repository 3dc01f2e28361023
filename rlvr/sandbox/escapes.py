"""Escapes: attempts at what a program in the sandbox must not be able to do.

`rlvr doctor` runs this file's text in the sandbox, as root and as a user, so it uses only the
standard library. An attempt that works does no harm: it sets a mode that is already set, or takes a
lock and releases it. HARMLESS works for any process outside a sandbox, and a test makes sure of
that. So if it is refused in the sandbox, the sandbox refused it, and the attempt has no mistake.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import resource
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial

libc = ctypes.CDLL(None, use_errno=True)
ARM = platform.machine() == "aarch64"
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
OWN = "/tmp/of-its-own"


def worked(attempt: Callable[[], object]) -> bool:
    """Return whether an attempt worked: it raised no exception and did not return False."""
    try:
        return attempt() is not False
    except (OSError, ValueError, RuntimeError, MemoryError, AttributeError):
        return False


def called(result: int) -> bool:
    """Return whether a call of libc succeeded."""
    return result >= 0


def call(x86_64: int, aarch64: int, *arguments: object) -> bool:
    """Return whether a system call succeeded that has no function in libc."""
    return called(libc.syscall(aarch64 if ARM else x86_64, *arguments))


def host_file() -> int:
    """Open a file of the host that every program can read."""
    return os.open(os.__file__, os.O_RDONLY)


def own_file() -> int:
    """Open a file of the program's own."""
    return os.open(OWN, os.O_RDWR | os.O_CREAT, 0o600)


# --- files and devices -----------------------------------------------------------------------


def writes(path: str) -> bool:
    """Append a byte."""
    with open(path, "ab") as file:
        return bool(file.write(b"x"))


def fills(count: int, size: int) -> bool:
    """Write so many files of so many bytes, and remove them."""
    try:
        for number in range(count):
            with open(f"/tmp/{size}-{number}", "ab") as file:
                file.write(bytes(size))
    finally:
        for name in os.listdir("/tmp"):
            os.unlink(f"/tmp/{name}")
    return True


def same_mode(path: str) -> bool:
    """Set the mode that a file has already."""
    os.chmod(path, os.stat(path).st_mode & 0o7777)
    return True


def same_owner(path: str) -> bool:
    """Set the owner that a file has already: if changes are forbidden, even this is refused."""
    os.chown(path, -1, os.stat(path).st_gid)
    return True


def same_times(path: str) -> bool:
    """Set the times that a file has already."""
    found = os.stat(path)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    return True


def any_descriptor() -> bool:
    """Return whether a descriptor is open beside the standard ones and the program's channel."""
    return any(worked(partial(os.fstat, fd)) for fd in range(4, 64))


# --- objects of the kernel and of the host ----------------------------------------------------


def locks(kind: int) -> bool:
    """Take a lock (of the file, of the process, of the descriptor) on the host's file."""
    fd = host_file()
    try:
        if kind == 0:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        else:
            order = fcntl.F_SETLK if kind == 1 else 37
            fcntl.fcntl(fd, order, struct.pack("@hhqqi4x", fcntl.F_RDLCK, 0, 0, 0, 0))
    finally:
        os.close(fd)
    return True


def leases() -> bool:
    """Take a lease, which makes every writer wait, and give it back."""
    fd = own_file()
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        os.close(fd)
        os.unlink(OWN)
    return True


def notices() -> bool:
    """Ask the kernel for notices about what others do in a folder."""
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a notice would end this process
    fd = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    try:
        fcntl.fcntl(fd, fcntl.F_NOTIFY, 1)
    finally:
        os.close(fd)
    return True


def pair(family: int, kind: int) -> bool:
    """Make a pair of sockets."""
    return called(libc.socketpair(family, kind, 0, (ctypes.c_int * 2)()))


def makes_socket(family: int) -> bool:
    """Make a socket, of any kind that there is."""
    return any(called(libc.socket(family, kind, 0)) for kind in (1, 2, 3, 5))


def abstract_datagram() -> bool:
    """Give a socket a name without a file; all processes in the network namespace could use it."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.bind(f"\0rlvr-escape-{os.getpid()}")
    return bool(one and other)


def passes_descriptor() -> bool:
    """Leave a descriptor between two sockets, where no limit of this process counts it."""
    one, _ = socket.socketpair()
    return bool(socket.send_fds(one, [b"x"], [0]))


def names_peer() -> bool:
    """Get the process at the other end of a pair; for the program's channel, it is the host's."""
    one, _ = socket.socketpair()
    return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))


def disk_io() -> bool:
    """Make a context for asynchronous reads; the whole machine has only a few thousand."""
    context = ctypes.c_ulong(0)
    made = call(206, 0, 1, ctypes.byref(context))
    return made and call(207, 1, context)


def timer() -> bool:
    """Make a timer that lives in the kernel."""
    return called(libc.timer_create(0, None, ctypes.byref(ctypes.c_void_p())))


def queued_signal() -> bool:
    """Queue a signal with a value; the signal is blocked, so that it stays in the queue."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMAX])
    return called(libc.sigqueue(os.getpid(), int(signal.SIGRTMAX), ctypes.c_void_p(0)))


def grown_pipe() -> bool:
    """Make a pipe's buffer larger."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return fcntl.fcntl(writing, 1031, 1 << 18) > 0
    finally:
        os.close(writing)


def evicts() -> bool:
    """Drop the host's file from its cache."""
    fd = host_file()
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)
    return True


def pages_out() -> bool:
    """Push its own pages, or pages of a file that it maps, out of memory."""
    with mmap.mmap(-1, mmap.PAGESIZE) as memory:
        memory.madvise(21)
    return True


def is_cached() -> bool:
    """Ask which pages of a file are in the host's memory."""
    memory = ctypes.c_void_p(ctypes.addressof(ctypes.c_int.in_dll(ctypes.pythonapi, "Py_Version")))
    start = ctypes.c_void_p(int(memory.value or 0) // mmap.PAGESIZE * mmap.PAGESIZE)
    return called(libc.mincore(start, mmap.PAGESIZE, ctypes.create_string_buffer(1)))


def raised_limit() -> bool:
    """Set a limit of its own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] == soft:
        raise PermissionError("the limit is as before")
    return True


def nicer() -> bool:
    """Lower its own priority: a program that makes itself wait must not seem starved."""
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))
    return True


def on_one_core() -> bool:
    """Bind itself to the cores that it already has."""
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    return True


HARMLESS: dict[str, Callable[[], object]] = {
    "lock a file of the host (flock)": lambda: locks(0),
    "lock a file of the host (lockf)": lambda: locks(1),
    "lock a file of the host (its descriptor)": lambda: locks(2),
    "take a lease": leases,
    "watch a folder of the host (dnotify)": notices,
    "watch a folder of the host (inotify)": lambda: called(libc.inotify_init1(0)),
    "make the host write its disks (sync)": lambda: call(162, 81),
    "make the host write a disk (syncfs)": lambda: called(libc.syncfs(host_file())),
    "drop a file of the host from memory": evicts,
    "see what the host has in memory": is_cached,
    "push pages out of memory": pages_out,
    "see how full the host's disks are": lambda: os.statvfs(os.__file__).f_bfree,
    "make a context for disk reads": disk_io,
    "make a timer": timer,
    "make a timer with a descriptor": lambda: called(libc.timerfd_create(1, 0)),
    "make a counter with a descriptor": lambda: called(libc.eventfd(0, 0)),
    "make a descriptor for signals": lambda: called(libc.signalfd(-1, bytes(128), 0)),
    "make a file in memory": lambda: called(libc.memfd_create(b"escape", 0)),
    "make a descriptor of a process": lambda: called(os.pidfd_open(os.getpid())),
    "queue signals": queued_signal,
    "grow a pipe": grown_pipe,
    "make a pair of datagram sockets": lambda: pair(socket.AF_UNIX, socket.SOCK_DGRAM),
    "make a pair of packet sockets": lambda: pair(socket.AF_UNIX, socket.SOCK_SEQPACKET),
    "give a socket an abstract name": abstract_datagram,
    "pass a descriptor": passes_descriptor,
    "learn whose process is at the other end of a socket": names_peer,
    "make a socket (local)": lambda: makes_socket(socket.AF_UNIX),
    "make a socket (IPv4)": lambda: makes_socket(socket.AF_INET),
    "make a socket (netlink)": lambda: makes_socket(16),
    "ask for a crash to be dumped": lambda: libc.prctl(4, 1, 0, 0, 0) == 0,
    "outlive its parent": lambda: libc.prctl(1, 0, 0, 0, 0) == 0,
    "set a limit": raised_limit,
    "set its priority": nicer,
    "choose its cores": on_one_core,
    "advise on its disk priority": lambda: call(251, 30, 1, 0, 0x6004),
}
"""These work for an ordinary user without a sandbox."""


def escapes(secret: str) -> dict[str, bool]:
    """Attempt everything; `secret` is a file of the host's. Return which attempts worked."""
    attempts: dict[str, Callable[[], object]] = {
        "read a file of the host": lambda: open(secret).read(),
        "list a folder of the host": lambda: (
            os.path.basename(secret) in os.listdir(os.path.dirname(secret))
        ),
        "read the environment": lambda: "RLVR_DOCTOR" in os.environ or "PATH" in os.environ,
        "see a process": lambda: os.listdir("/proc"),
        "see the kernel's settings": lambda: os.listdir("/sys"),
        "signal a process": lambda: os.kill(-1, signal.SIGCONT),
        "start a process": lambda: os.fork(),
        "run a program": lambda: os.execv("/bin/sh", ["sh"]),
        "open a connection": lambda: socket.create_connection(("127.0.0.1", 80), 0.2),
        "write outside its folder": lambda: writes("/written"),
        "write over Python": lambda: writes(os.__file__),
        "mount": lambda: libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0,
        "make a mount writable": lambda: libc.mount(None, b"/", None, 32 | 4096, None) == 0,
        "make a namespace": lambda: libc.unshare(0x10000000) == 0,
        "trace": lambda: libc.ptrace(16, 1, None, None) == 0,
        "keep a key": lambda: call(248, 217, b"user", b"escape", b"x", 1, -1),
        "make a device": lambda: os.mknod("/tmp/device", 0o20600, os.makedev(1, 3)),
        "become root": lambda: os.setuid(0),
        "lock its memory": lambda: called(libc.mlock(ctypes.create_string_buffer(1 << 16), 1)),
        "take the host's huge pages": lambda: mmap.mmap(
            -1, 1 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000
        ),
        "fill the disk": lambda: fills(1 << 12, 1 << 18),
        "make files without end": lambda: fills(1 << 14, 1),
        "take memory without end": lambda: bytearray(1 << 36),
        "use a descriptor of the host": any_descriptor,
    }  # fmt: skip
    for path in (*DEVICES, os.__file__):
        attempts[f"change the mode of {path}"] = partial(same_mode, path)
        attempts[f"change the owner of {path}"] = partial(same_owner, path)
        attempts[f"change the times of {path}"] = partial(same_times, path)
    return {what: worked(attempt) for what, attempt in (attempts | HARMLESS).items()}
