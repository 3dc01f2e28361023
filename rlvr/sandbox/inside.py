"""Inside: the code that runs inside the sandbox. `outside.py` starts it. Standard library only.

One server process starts inside bubblewrap's namespaces (read-only root, no network, no
environment). It imports what programs commonly import. It sets the limits of programs and most of
their filter of system calls, so that programs inherit them. For each program it forks a process,
the first of a pid namespace. That process gives up every capability, adds the rest of the filter,
and only then reads what it has to run. A program that a model wrote also has a mount namespace,
with a private /tmp of limited size. Tests use the server's mount namespace, where nothing can be
written. All programs share the server's network, ipc and uts namespaces: the filter allows no call
that uses them (a socket, a queue, shared memory, a new name for the host). If this architecture has
no filter, each process gets its own.

A process has one of two parts. A candidate runs a program and answers calls of its functions with
plain data. A checker runs assertions; there the function under test is a proxy, and its calls go to
the candidate's process and back. So only data comes from the candidate into the checker, and only
the arguments of calls come from the assertions into the candidate.

A program can start threads here, but no processes. It can't open sockets, and can't see /proc or
any file but Python's own and its /tmp. Nothing here can stop a fault of the kernel itself.
"""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any

from rlvr.sandbox.answers import answer_calls, run_on_input
from rlvr.sandbox.checker import judge, judge_outputs
from rlvr.sandbox.confine import (
    CALLS,
    CONFINING,
    EPERM,
    LOW,
    Answer,
    Only,
    Rule,
    check,
    drop_privileges,
    dump_no_core,
    filter_system_calls,
    gain_no_privileges,
    libc,
    read_only,
    system_call_filter,
)
from rlvr.sandbox.plain import TOO_LARGE

LENGTH = struct.Struct("<I")
STATUS = struct.Struct("<i")
PACKAGES = "/packages"  # the folder of the packages that programs may import
START = struct.Struct("<?")  # whether it has a writable /tmp
AT_LEAST = 1 << 16  # at most so many bytes are read at once

# --- confinement -----------------------------------------------------------------------------

CLONE_NEWPID, CLONE_NEWNS = 0x20000000, 0x20000
# The filter allows no use of these, so programs can share the server's: network, uts, ipc.
WITHOUT_FILTER = 0x40000000 | 0x4000000 | 0x8000000
NAMESPACES = WITHOUT_FILTER | CLONE_NEWPID | CLONE_NEWNS | 0x10000000 | 0x2000000 | 0x80
CLONE_THREAD = 0x10000
PR_SET_PDEATHSIG = 1
REFUSED, DONE = Answer(EPERM), Answer(0)
NAMED_PIPE = (0o170000, (0o010000,))

# Calls of a program: its own files, memory, threads, signals and time. All others are refused.
ALLOWED: dict[str, Rule] = {
    **dict.fromkeys(CALLS),
    # Only a thread: no process and no namespace.
    "clone": Only(((0, CLONE_THREAD | NAMESPACES, (CLONE_THREAD,)),)),
    # asyncio wakes its loop through a pair of stream sockets. They have no name, and can't get one.
    "socketpair": Only(((0, LOW, (1,)), (1, 0xFF, (1,)))),
    # Copy a descriptor, read and set its flags; no lock, lease, notice or larger pipe: the files
    # are the host's.
    "fcntl": Only(((1, LOW, (0, 1, 2, 3, 4, 1030)),)),
    # Is it a terminal; close on exec or not; block or not; how much can be read.
    "ioctl": Only(((1, LOW, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),)),
    "mknod": Only(((1, *NAMED_PIPE),)),
    "mknodat": Only(((2, *NAMED_PIPE),)),
    # Kind and error. Not the process at the other end, which belongs to the host.
    "getsockopt": Only(((1, LOW, (1,)), (2, LOW, (3, 4, 38, 39)))),
    # The name of a thread.
    "prctl": Only(((0, LOW, (15, 16)),)),
    # What libc's allocator needs; nothing that drops or merges pages of the host.
    "madvise": Only(((2, LOW, (0, 1, 2, 3, 4, 8)),)),
    # Neither locked memory nor the host's huge pages.
    "mmap": Only(((3, 0x40000 | 0x2000, (0,)),)),
    # Limits can be read but not set: a limit could kill the program as if from outside. A program
    # that asks for a larger stack goes on without it.
    "prlimit64": Only(((2, (1 << 64) - 1, (0,)),), otherwise=0),
    # What a program writes is in memory: there is nothing to bring to a disk, and the files that it
    # reads are on the host's.
    **dict.fromkeys(("fsync", "fdatasync", "msync"), DONE),
}


# Calls that the server needs to start programs.
SERVES: dict[str, Rule] = dict.fromkeys((*CONFINING, "clone", "prctl", "prlimit64"))


def filters() -> tuple[bytes | None, bytes | None]:
    """Return the server's filter of system calls, and the one that a program adds; or no filters.

    A call is made if both filters allow it, which gives ALLOWED: the second filter takes back what
    the first grants the server. The kernel takes long to load a long filter, so the long one is
    loaded only once.
    """
    server = system_call_filter(ALLOWED | SERVES, REFUSED)
    program = system_call_filter({name: ALLOWED.get(name, REFUSED) for name in SERVES}, None)
    return server, program


def _limit(limits: dict[int, int]) -> None:
    for which, most in limits.items():
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _settle(limits: dict[str, int]) -> bytes | None:
    """Set the limits and filters that are the same for every program and do not hinder the server.

    Return the filter of system calls that each program still has to add.
    """
    for name in os.listdir("/dev"):
        read_only(f"/dev/{name}")
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    _limit(
        {
            resource.RLIMIT_AS: limits["memory_mb"] << 20,
            resource.RLIMIT_FSIZE: limits["disk_mb"] << 20,
            resource.RLIMIT_STACK: 8 << 20,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
            resource.RLIMIT_SIGPENDING: 64,
        }
    )
    gain_no_privileges()
    server, program = filters()
    filter_system_calls(server)
    return program


def _serve(control_fd: int, limits: dict[str, int]) -> None:
    """Start a program for every (socket, status pipe) that comes; report how each one ended."""
    control = socket.socket(fileno=control_fd)
    bpf = _settle(limits)
    here = os.pidfd_open(os.getpid())
    running: dict[int, tuple[int, int]] = {}
    ready = select.poll()
    ready.register(control, select.POLLIN)
    gc.collect()
    gc.freeze()  # a garbage collection in a program then copies none of these pages
    control.send(b"up")
    while True:
        for fd, _ in ready.poll():
            if fd in running:
                ready.unregister(fd)
                _report(fd, *running.pop(fd))
                continue
            message, fds, _, _ = socket.recv_fds(control, START.size, 2)
            if len(fds) != 2:
                return
            # A process can't move itself to a new pid namespace, only its later children.
            check("unshare", libc.unshare(CLONE_NEWPID))
            pid = os.fork()
            if pid == 0:
                try:
                    _begin(fds[0], limits, bpf, *START.unpack(message))
                finally:
                    os._exit(0)
            check("setns", libc.setns(here, CLONE_NEWPID))
            os.close(fds[0])
            end = os.pidfd_open(pid)
            running[end] = (pid, fds[1])
            ready.register(end, select.POLLIN)


def _report(end: int, pid: int, status_fd: int) -> None:
    _, status = os.waitpid(pid, 0)
    try:
        os.write(status_fd, STATUS.pack(status))
    except BrokenPipeError:
        pass  # its caller has gone
    os.close(status_fd)
    os.close(end)


def _begin(sock_fd: int, limits: dict[str, int], bpf: bytes | None, writes: bool) -> None:
    """Confine this process, the first of its pid namespace, for ever; then run its part."""
    os.setsid()  # kill(0, ...) reaches the whole process group, across pid namespaces
    namespaces = (CLONE_NEWNS if writes else 0) | (0 if bpf is not None else WITHOUT_FILTER)
    if namespaces:
        check("unshare", libc.unshare(namespaces))
    if writes:
        size = f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=1777,uid=1000,gid=1000"
        # nosuid nodev noexec
        check("tmpfs", libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 2 | 4 | 8, size.encode()))
    os.dup2(sock_fd, 3)
    os.closerange(4, 1 << 20)
    os.chdir("/tmp")
    _limit({resource.RLIMIT_NOFILE: 64, resource.RLIMIT_NPROC: limits["threads"]})
    drop_privileges(1000)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of user takes it back
    dump_no_core()
    filter_system_calls(bpf)
    os.write(3, b"up")
    _play(Channel(socket.socket(fileno=3)))


# --- messages --------------------------------------------------------------------------------


class Channel:
    """Length-prefixed JSON in both directions, with a limit on what is sent."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.most = 0  # bytes; the first message says how many
        self.held = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        """Send a message. Raises ValueError if it is too long."""
        data = json.dumps(message).encode()
        if len(data) > self.most:
            raise ValueError(TOO_LARGE)
        self.sock.sendall(LENGTH.pack(len(data)) + data)

    def receive(self) -> Any:
        """Return the next message; end this process if the caller has ended."""
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return json.loads(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        while len(self.held) < size:
            part = self.sock.recv(max(size - len(self.held), AT_LEAST))
            if not part:
                os._exit(0)
            self.held += part
        taken = bytes(self.held[:size])
        del self.held[:size]
        return taken


# --- the parts -------------------------------------------------------------------------------


def _play(channel: Channel) -> None:
    message = channel.receive()
    channel.most = message["limit"]
    random.seed(0)
    if message["part"] == "candidate":
        answer_calls(channel, message)
    elif message["part"] == "program":
        run_on_input(channel, message)
    elif message["part"] == "outputs":
        judge_outputs(channel, message["checker"])
    else:
        judge(channel, message)


if __name__ == "__main__":
    del sys.path[0]  # this folder
    sys.path += [PACKAGES] if os.path.isdir(PACKAGES) else []
    # Programs commonly import these, so the server does it once for all of them.
    for _name in sys.argv[3:]:
        __import__(_name)
    _serve(int(sys.argv[1]), json.loads(sys.argv[2]))
