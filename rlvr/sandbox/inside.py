"""What runs inside the sandbox, by itself: standard library only, started by `outside.py`.

One server process starts inside bubblewrap's namespaces (read-only root, no network, no
environment), imports what programs commonly import, and takes on the limits and most of the filter
of system calls that programs have, so that they inherit them. For each program it forks a process,
the first of a pid namespace, which gives up every capability, takes the rest of the filter and only
then reads what it is to run. A program that a model wrote has a mount namespace too, with a
private, bounded /tmp; tests have the server's, where nothing can be written. The network, ipc and
uts namespaces are the server's: the filter allows no call that uses them (a socket, a queue, shared
memory, a new name for the host). Where this architecture has no filter, each process gets its own.

A process plays one of two parts. A candidate runs a program and answers calls of its functions with
plain data. A checker runs assertions; the function under test is a proxy there, whose calls travel
to the candidate's process and back. Nothing of the candidate is ever in the checker but data, and
nothing of the assertions is ever in the candidate but the arguments of its calls.

What a program can't do here: start processes (threads it can), open sockets, see /proc or any file
but Python's own and its /tmp. What nothing here can stop: a fault of the kernel itself.
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
PACKAGES = "/packages"  # where those lie that programs may import
START = struct.Struct("<?")  # whether it has a /tmp to write to
AT_LEAST = 1 << 16  # bytes that are read at once, if they are there

# --- confinement -----------------------------------------------------------------------------

CLONE_NEWPID, CLONE_NEWNS = 0x20000000, 0x20000
# What the filter keeps out of reach, so that it can be the server's: network, uts, ipc.
WITHOUT_FILTER = 0x40000000 | 0x4000000 | 0x8000000
NAMESPACES = WITHOUT_FILTER | CLONE_NEWPID | CLONE_NEWNS | 0x10000000 | 0x2000000 | 0x80
CLONE_THREAD = 0x10000
PR_SET_PDEATHSIG = 1
REFUSED, DONE = Answer(EPERM), Answer(0)
NAMED_PIPE = (0o170000, (0o010000,))

# What a program may call: its own files, memory, threads, signals and time. Any other is refused.
ALLOWED: dict[str, Rule] = {
    **dict.fromkeys(CALLS),
    # A thread, but neither a process nor a namespace.
    "clone": Only(((0, CLONE_THREAD | NAMESPACES, (CLONE_THREAD,)),)),
    # asyncio wakes its loop through a pair of stream sockets. They have no name, and can't get one.
    "socketpair": Only(((0, LOW, (1,)), (1, 0xFF, (1,)))),
    # Copy a descriptor, read and set its flags; no lock, lease, notice or larger pipe: the files
    # are the host's.
    "fcntl": Only(((1, LOW, (0, 1, 2, 3, 4, 1030)),)),
    # Is it a terminal, close on exec (or not), block (or not), how much can be read.
    "ioctl": Only(((1, LOW, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),)),
    "mknod": Only(((1, *NAMED_PIPE),)),
    "mknodat": Only(((2, *NAMED_PIPE),)),
    # Kind and error; not whose process is at the other end, which is the host's.
    "getsockopt": Only(((1, LOW, (1,)), (2, LOW, (3, 4, 38, 39)))),
    # The name of a thread.
    "prctl": Only(((0, LOW, (15, 16)),)),
    # What libc's allocator asks for; nothing that drops or merges pages of the host's.
    "madvise": Only(((2, LOW, (0, 1, 2, 3, 4, 8)),)),
    # Neither locked memory nor the host's huge pages.
    "mmap": Only(((3, 0x40000 | 0x2000, (0,)),)),
    # Limits can be read; set, one would kill as if from outside.
    "prlimit64": Only(((2, (1 << 64) - 1, (0,)),)),
    # What a program writes is in memory: there is nothing to bring to a disk, and the files that it
    # reads are on the host's.
    **dict.fromkeys(("fsync", "fdatasync", "msync"), DONE),
}


# What the server may call to start programs.
SERVES: dict[str, Rule] = dict.fromkeys((*CONFINING, "clone", "prctl", "prlimit64"))


def filters() -> tuple[bytes | None, bytes | None]:
    """Return the server's filter of system calls, and the one that a program adds; or no filters.

    A call is made if both let it through, and that is what ALLOWED says: the second takes back what
    the first grants the server. The kernel takes long over a long filter, so it gets that one once.
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
    """Take on what is the same for every program and costs the server nothing.

    Return the filter of system calls that is left for each to add.
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
    """Start a program for every (socket, status pipe) that arrives; report how each ended."""
    control = socket.socket(fileno=control_fd)
    bpf = _settle(limits)
    here = os.pidfd_open(os.getpid())
    running: dict[int, tuple[int, int]] = {}
    ready = select.poll()
    ready.register(control, select.POLLIN)
    gc.collect()
    gc.freeze()  # so that a collection in a program touches, and copies, none of these pages
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
            # A process can't move itself to a new pid namespace, only the children it has then.
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
        pass  # nobody waits for it any more
    os.close(status_fd)
    os.close(end)


def _begin(sock_fd: int, limits: dict[str, int], bpf: bytes | None, writes: bool) -> None:
    """Confine this process, the first of its pid namespace, for good; then play its part."""
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
    """Length-prefixed JSON both ways, with a limit on what is sent."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.most = 0  # bytes; the first message says how many
        self.held = bytearray()

    def send(self, message: dict[str, Any]) -> None:
        """Send; ValueError if the message is too long."""
        data = json.dumps(message).encode()
        if len(data) > self.most:
            raise ValueError(TOO_LARGE)
        self.sock.sendall(LENGTH.pack(len(data)) + data)

    def receive(self) -> Any:
        """Return the next message; the process ends with its caller."""
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
    # What programs commonly import, once for all of them.
    for _name in sys.argv[3:]:
        __import__(_name)
    _serve(int(sys.argv[1]), json.loads(sys.argv[2]))
