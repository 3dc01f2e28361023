"""What runs inside the sandbox, by itself: standard library only, started by `rlvr/sandbox.py`.

One server process starts inside bubblewrap's namespaces (read-only root, no network, no
environment) and imports what programs commonly import. For each program it forks a process, the
first of fresh namespaces (pid, mount, ipc, uts) with a private, bounded /tmp, which gives up every
capability, sets its limits, filters its system calls and only then reads what it is to run. The
network namespace is the server's, which has no interface up, since the filter lets no program make
a socket; where this architecture has no filter, each program gets its own.

A process plays one of two parts. A candidate runs a program and answers calls of its functions with
plain data. A checker runs assertions; the function under test is a proxy there, whose calls travel
to the candidate's process and back. Nothing of the candidate is ever in the checker but data, and
nothing of the assertions is ever in the candidate but the arguments of its calls.

What a program can't do here: start processes (threads it can), open sockets, see /proc or any file
but Python's own and its /tmp. What nothing here can stop: a fault of the kernel itself.
"""

from __future__ import annotations

import ast
import ctypes
import gc
import json
import os
import platform
import random
import resource
import select
import signal
import socket
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

LENGTH = struct.Struct("<I")
STATUS = struct.Struct("<i")
MAX_DEPTH = 50
MAX_TESTS = 10_000

# --- confinement -----------------------------------------------------------------------------

CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
IN_PROGRAM = 0x20000 | 0x4000000 | 0x8000000  # mount, uts, ipc
CLONE_THREAD = 0x10000
PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT = (
    1, 22, 24, 38, 47,
)  # fmt: skip
EPERM, ENOSYS = 1, 38
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000

# name: (x86_64, aarch64). Refused: processes and programs, sockets, priorities (a program that
# makes itself wait must not look starved), memory that the limits don't count, and whatever speaks
# to the kernel's rarer parts.
REFUSED = {
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281),
    "socket": (41, 198), "ptrace": (101, 117), "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271), "setpriority": (141, 140), "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122), "sched_setattr": (314, 274),
    "ioprio_set": (251, 30), "shmget": (29, 194), "shmat": (30, 196), "semget": (64, 190),
    "msgget": (68, 186), "mq_open": (240, 180), "memfd_create": (319, 279),
    "memfd_secret": (447, 447), "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40),
    "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442), "swapon": (167, 224), "swapoff": (168, 225),
    "reboot": (169, 142), "syslog": (103, 116), "acct": (163, 89), "quotactl": (179, 60),
    "quotactl_fd": (443, 443), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    "personality": (135, 92), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440), "move_pages": (279, 239), "migrate_pages": (256, 238),
    "mbind": (237, 235), "set_mempolicy": (238, 237), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
}  # fmt: skip
ARCHITECTURES = {
    # audit number, column above, clone, clone3
    "x86_64": (0xC000003E, 0, 56, 435),
    "aarch64": (0xC00000B7, 1, 220, 435),
}
NEWEST_CALL = 462  # later calls (and the x32 ones) do not exist here

libc = ctypes.CDLL(None, use_errno=True)


def _system_call_filter() -> bytes | None:
    """Return the seccomp filter as BPF instructions; None on an architecture without a table."""
    known = ARCHITECTURES.get(platform.machine())
    if known is None:
        return None
    audit, column, clone, clone3 = known
    refused = sorted({call for row in REFUSED.values() if (call := row[column]) is not None})
    load, equal, above, any_bit, give = 0x20, 0x15, 0x25, 0x45, 0x06
    program: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),
        (equal, 1, 0, audit),
        (give, 0, 0, KILL),
        (load, 0, 0, 0),
        (above, 0, 1, NEWEST_CALL),
        (give, 0, 0, ERRNO | ENOSYS),
        (equal, 0, 1, clone3),  # its flags lie behind a pointer: libc falls back on clone
        (give, 0, 0, ERRNO | ENOSYS),
    ]
    for call in refused:
        program += [(equal, 0, 1, call), (give, 0, 0, ERRNO | EPERM)]
    program += [
        (equal, 1, 0, clone),
        (give, 0, 0, ALLOW),
        (load, 0, 0, 16),
        (any_bit, 0, 1, CLONE_THREAD),
        (give, 0, 0, ALLOW),
        (give, 0, 0, ERRNO | EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _call(what: str, result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def _give_up_privileges(bpf: bytes | None) -> None:
    _call("no_new_privs", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _call("ambient", libc.prctl(PR_CAP_AMBIENT, 4, 0, 0, 0))
    for capability in range(64):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # past the last one
    header, none = struct.pack("=Ii", 0x20080522, 0), bytes(24)
    _call("capset", libc.capset(header, none))
    if bpf is not None:
        code = ctypes.create_string_buffer(bpf, len(bpf))
        filter_ = struct.pack("@HP", len(bpf) // 8, ctypes.addressof(code))
        _call("seccomp", libc.prctl(PR_SET_SECCOMP, 2, filter_, 0, 0))


def _limit(limits: dict[str, int]) -> None:
    memory, cpu = limits["memory_mb"] << 20, limits["cpu_seconds"]
    for which, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, limits["disk_mb"] << 20),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, limits["threads"]),
        (resource.RLIMIT_STACK, 8 << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _serve(control_fd: int) -> None:
    """Start a program for every (socket, status pipe) that arrives; report how each ended."""
    control = socket.socket(fileno=control_fd)
    here = os.pidfd_open(os.getpid())
    bpf = _system_call_filter()
    alone = IN_PROGRAM if bpf is not None else IN_PROGRAM | CLONE_NEWNET
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
            message, fds, _, _ = socket.recv_fds(control, 4096, 2)
            if len(fds) != 2:
                return
            # A process can't move itself to a new pid namespace, only the children it has then.
            _call("unshare", libc.unshare(CLONE_NEWPID))
            pid = os.fork()
            if pid == 0:
                try:
                    _begin(fds[0], json.loads(message), bpf, alone)
                finally:
                    os._exit(0)
            _call("setns", libc.setns(here, CLONE_NEWPID))
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


def _begin(sock_fd: int, limits: dict[str, int], bpf: bytes | None, namespaces: int) -> None:
    """Confine this process, the first of its pid namespace, for good; then play its part."""
    os.setsid()  # kill(0, ...) reaches the whole process group, across pid namespaces
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _call("unshare", libc.unshare(namespaces))
    size = f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=1777".encode()
    _call("tmpfs", libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 2 | 4 | 8, size))  # nosuid nodev noexec
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(sock_fd, 3)
    os.closerange(4, 1 << 20)
    os.chdir("/tmp")
    _limit(limits)
    _give_up_privileges(bpf)
    os.write(3, b"up")
    _play(Channel(socket.socket(fileno=3), limits["message_bytes"]))


# --- messages --------------------------------------------------------------------------------


class Channel:
    """Length-prefixed JSON both ways, with a limit on what is sent."""

    def __init__(self, sock: socket.socket, most: int) -> None:
        self.sock, self.most = sock, most

    def send(self, message: dict[str, Any]) -> None:
        """Send; ValueError if the message is too long."""
        data = json.dumps(message).encode()
        if len(data) > self.most:
            raise ValueError("the result is too large")
        self.sock.sendall(LENGTH.pack(len(data)) + data)

    def receive(self) -> Any:
        """Return the next message; the process ends with its caller."""
        (size,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return json.loads(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self.sock.recv(size - len(parts))
            if not part:
                os._exit(0)
            parts += part
        return bytes(parts)


class NotPlain(Exception):
    """A value that is not made of built-in types."""


def pack(value: Any, depth: int = 0) -> Any:
    """Write plain data as JSON that keeps the exact built-in type.

    Raises NotPlain for anything else: subclasses, generators, containers that hold themselves.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -(2**53) < value < 2**53 else {"int": _hexadecimal(value)}
    if kind is float:
        return value if value - value == 0 else {"float": repr(value)}
    if depth >= MAX_DEPTH:
        raise NotPlain("nested too deeply")
    if kind is list:
        return [pack(item, depth + 1) for item in value]
    if kind in (tuple, set, frozenset):
        return {kind.__name__: [pack(item, depth + 1) for item in value]}
    if kind is dict:
        return {"dict": [[pack(k, depth + 1), pack(v, depth + 1)] for k, v in value.items()]}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    raise NotPlain(f"returned {str(kind.__name__)[:100]}, which is not plain data")


def _hexadecimal(value: int) -> str:
    if value.bit_length() > 1 << 22:
        raise NotPlain("the number is too large")
    return hex(value)


def unpack(value: Any) -> Any:
    """Read what `pack` wrote. Raises ValueError, TypeError or RecursionError for anything else."""
    if value is None or type(value) in (bool, str, int, float):
        return value
    if type(value) is list:
        return [unpack(item) for item in value]
    ((name, content),) = value.items()
    if name == "dict":
        return {unpack(key): unpack(item) for key, item in content}
    if name == "complex":
        return complex(float(content[0]), float(content[1]))
    readers: dict[str, Callable[[Any], Any]] = {
        "int": lambda text: int(text, 16),
        "float": float,
        "tuple": lambda items: tuple(map(unpack, items)),
        "set": lambda items: set(map(unpack, items)),
        "frozenset": lambda items: frozenset(map(unpack, items)),
        "bytes": bytes.fromhex,
    }
    return readers[name](content)


# --- the two parts ---------------------------------------------------------------------------


def _play(channel: Channel) -> None:
    message = channel.receive()
    random.seed(0)
    if message["part"] == "candidate":
        _candidate(channel, message["source"])
    else:
        _checker(channel, message)


def _described(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:  # the candidate's own exception, whose text is its own too
        return "an exception without a text"


def _candidate(channel: Channel, source: str) -> None:
    """Run a program, then answer calls of its functions until the caller has had enough."""
    module = types.ModuleType("candidate")
    sys.modules["candidate"] = module
    try:
        exec(compile(source, "candidate.py", "exec"), module.__dict__)
    except BaseException as error:
        channel.send({"raised": _described(error)})
        return
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            function = module.__dict__[request["call"]]
            args, kwargs = unpack(request["args"]), unpack(request["kwargs"])
            answer["value"] = pack(function(*args, **kwargs))
        except NotPlain as error:
            answer["raised"], answer["kinds"] = str(error), ["TypeError"]
        except KeyError as error:
            missing = request["call"] not in module.__dict__
            answer["raised"] = f"no function {request['call']}" if missing else _described(error)
            answer["kinds"] = ["NameError"] if missing else ["KeyError"]
        except BaseException as error:
            answer["raised"] = _described(error)
            answer["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        try:
            channel.send(answer)
        except ValueError as error:
            channel.send({"id": request["id"], "raised": str(error), "kinds": ["ValueError"]})


class Failure(Exception):
    """The candidate's failure, where no built-in exception of the same name stands for it."""


def _proxy(channel: Channel, name: str, calls: list[Any]) -> Callable[..., Any]:
    """Return a function that asks the candidate; `calls` gets what each call raised, or None."""
    builtin = {
        kind.__name__: kind
        for kind in vars(__import__("builtins")).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }

    def proxy(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        channel.send({"call": name, "args": pack(args), "kwargs": pack(kwargs)})
        answer = channel.receive()
        if "value" in answer:
            return unpack(answer["value"])
        kind = next((builtin[one] for one in answer["kinds"] if one in builtin), Failure)
        try:
            error = kind(answer["raised"])
        except TypeError:  # such as UnicodeDecodeError, which wants five arguments
            error = Failure(answer["raised"])
        calls.append(error)
        raise error

    proxy.__name__ = name
    return proxy


class BrokenTests(BaseException):
    """The tests fail by themselves; no handler of theirs is to catch it."""


class _Recording(ast.NodeTransformer):
    """Turns each assertion into a recorded test, but where the tests handle it themselves."""

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        handler = ast.parse(
            "try: pass\nexcept Exception as e: __record__(e)\nelse: __record__(None)"
        )
        attempt = handler.body[0]
        assert isinstance(attempt, ast.Try)
        attempt.body = [node]
        for part in ast.walk(attempt):
            if part is not node:
                ast.copy_location(part, node)
        return ast.fix_missing_locations(attempt)


def _checker(channel: Channel, message: dict[str, Any]) -> None:
    """Run assertions; send {"passed": [...], "failure": text} or {"broken": text}."""
    passed: list[bool] = []
    calls: list[Any] = []
    failure = ""

    def record(error: Exception | None) -> None:
        nonlocal failure
        # What fails before the candidate was ever asked, or for want of a package, is the tests'
        # fault; nothing that a candidate answers may look like that.
        if not isinstance(error, AssertionError | None) and (
            not calls or isinstance(error, ImportError) and error not in calls
        ):
            raise BrokenTests(_described(error))
        if len(passed) >= MAX_TESTS:
            raise OverflowError(f"more than {MAX_TESTS} assertions")
        passed.append(error is None)
        if error is not None and not failure:
            text = "" if isinstance(error, AssertionError) else f" ({_described(error)})"
            failure = f"test {len(passed)} fails{text}"

    space: dict[str, Any] = {"__name__": "tests", "__record__": record}
    try:
        for text in message["setup"]:
            exec(compile(text, "setup.py", "exec"), space)
        for name in message["names"]:
            space[name] = _proxy(channel, name, calls)
        for text in message["tests"]:
            tree = ast.fix_missing_locations(_Recording().visit(ast.parse(text)))
            try:
                exec(compile(tree, "tests.py", "exec"), space)
            except Exception as error:
                record(error)
        if message["check"]:
            try:
                space["check"](space[message["check"]])
            except Exception as error:
                record(error)
    except (Exception, BrokenTests) as error:
        channel.send({"broken": str(error) if type(error) is BrokenTests else _described(error)})
        return
    channel.send({"passed": passed, "failure": failure})


if __name__ == "__main__":
    # What programs commonly import, once for all of them.
    for _name in sys.argv[2:]:
        __import__(_name)
    _serve(int(sys.argv[1]))
