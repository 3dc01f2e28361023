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
import builtins
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
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rlvr.confine import (
    CALLS,
    EPERM,
    LOW,
    Answer,
    Only,
    Rule,
    check,
    dump_no_core,
    filter_system_calls,
    give_up_privileges,
    libc,
    read_only,
    system_call_filter,
)

LENGTH = struct.Struct("<I")
STATUS = struct.Struct("<i")
MAX_DEPTH = 50
TOO_LARGE = "the result is too large"

# --- confinement -----------------------------------------------------------------------------

CLONE_NEWPID, CLONE_NEWNET = 0x20000000, 0x40000000
IN_PROGRAM = 0x20000 | 0x4000000 | 0x8000000  # mount, uts, ipc
NAMESPACES = IN_PROGRAM | CLONE_NEWPID | CLONE_NEWNET | 0x10000000 | 0x2000000 | 0x80
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


def _limit(limits: dict[str, int]) -> None:
    for which, most in (
        (resource.RLIMIT_AS, limits["memory_mb"] << 20),
        (resource.RLIMIT_FSIZE, limits["disk_mb"] << 20),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, limits["threads"]),
        (resource.RLIMIT_STACK, 8 << 20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 64),
    ):
        hard = resource.getrlimit(which)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (most, most))


def _serve(control_fd: int) -> None:
    """Start a program for every (socket, status pipe) that arrives; report how each ended."""
    for name in os.listdir("/dev"):
        read_only(f"/dev/{name}")
    control = socket.socket(fileno=control_fd)
    here = os.pidfd_open(os.getpid())
    bpf = system_call_filter(ALLOWED, REFUSED)
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
            check("unshare", libc.unshare(CLONE_NEWPID))
            pid = os.fork()
            if pid == 0:
                try:
                    _begin(fds[0], json.loads(message), bpf, alone)
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


def _begin(sock_fd: int, limits: dict[str, int], bpf: bytes | None, namespaces: int) -> None:
    """Confine this process, the first of its pid namespace, for good; then play its part."""
    os.setsid()  # kill(0, ...) reaches the whole process group, across pid namespaces
    check("unshare", libc.unshare(namespaces))
    size = f"size={limits['disk_mb']}m,nr_inodes={limits['files']},mode=1777,uid=1000,gid=1000"
    check(
        "tmpfs", libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 2 | 4 | 8, size.encode())
    )  # nosuid nodev noexec
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.dup2(sock_fd, 3)
    os.closerange(4, 1 << 20)
    os.chdir("/tmp")
    _limit(limits)
    give_up_privileges(1000)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a change of user takes it back
    dump_no_core()
    filter_system_calls(bpf)
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
            raise ValueError(TOO_LARGE)
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
    """A value that is not plain data."""


class TooLarge(NotPlain):
    """Plain data, but nested too deeply or too large a number."""


MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "Counter": lambda pairs: Counter(dict(pairs)),
    "OrderedDict": OrderedDict,
    "defaultdict": lambda pairs: defaultdict(None, pairs),
    "dict_keys": lambda pairs: dict(pairs).keys(),
    "dict_values": lambda pairs: dict(pairs).values(),
    "dict_items": lambda pairs: dict(pairs).items(),
}
SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
    "range": lambda numbers: range(*numbers),
}
SCALARS: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "bytes": bytes.fromhex,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "Decimal": Decimal,
    "Fraction": Fraction,
}


def pack(value: Any, depth: int = 0) -> Any:
    """Write plain data as JSON that keeps the exact built-in type; a named tuple is a tuple.

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
        raise TooLarge("nested too deeply")
    if kind is list:
        return [pack(item, depth + 1) for item in value]
    if kind in (tuple, set, frozenset, deque):
        return {kind.__name__: [pack(item, depth + 1) for item in value]}
    if kind is range:
        return {"range": [pack(number) for number in (value.start, value.stop, value.step)]}
    if kind in (dict, Counter, OrderedDict, defaultdict):
        return {kind.__name__: list(_pairs(value.items(), depth))}
    if kind is type({}.keys()):
        return {"dict_keys": list(_pairs(((key, None) for key in value), depth))}
    if kind is type({}.items()):
        return {"dict_items": list(_pairs(value, depth))}
    if kind is type({}.values()):
        return {"dict_values": list(_pairs(enumerate(value), depth))}
    if kind is bytes:
        return {"bytes": value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if kind in (Decimal, Fraction):
        return {kind.__name__: str(value)}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return {"tuple": [pack(item, depth + 1) for item in value]}
    raise NotPlain(f"{str(kind.__name__)[:100]} is not plain data")


def _pairs(items: Any, depth: int) -> Iterator[list[Any]]:
    return ([pack(key, depth + 1), pack(value, depth + 1)] for key, value in items)


def _hexadecimal(value: int) -> str:
    if value.bit_length() > 1 << 22:
        raise TooLarge("the number is too large")
    return hex(value)


def unpack(value: Any) -> Any:
    """Read what `pack` wrote. Raises an Exception for anything else."""
    if value is None or type(value) in (bool, str, int, float):
        return value
    if type(value) is list:
        return [unpack(item) for item in value]
    ((name, content),) = value.items()
    if name in SCALARS:
        return SCALARS[name](content)
    if name in SEQUENCES:
        return SEQUENCES[name](map(unpack, content))
    return MAPPINGS[name]([(unpack(key), unpack(item)) for key, item in content])


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
    module.__file__ = "/tmp/candidate.py"
    sys.modules["candidate"] = module
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # as in any Python with its `site`
    try:
        exec(compile(source, "candidate.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        channel.send({"raised": _described(error)})
        return
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            if request["call"] not in module.__dict__:
                raise NotPlain(f"no function {request['call']}")
            function = module.__dict__[request["call"]]
            args, kwargs = unpack(request["args"]), unpack(request["kwargs"])
            answer["value"] = pack(function(*args, **kwargs))
        except NotPlain as error:
            answer["raised"], answer["kinds"] = str(error), []
        except BaseException as error:
            answer["raised"] = _described(error)
            answer["kinds"] = [kind.__name__ for kind in type(error).__mro__]
        try:
            channel.send(answer)
        except ValueError as error:
            channel.send({"id": request["id"], "raised": str(error), "kinds": []})


class Failure(Exception):
    """The candidate's exception, where no built-in one of the same name may stand for it."""


class NoAnswer(BaseException):
    """A call that brought neither plain data nor an exception: no test may take it for either."""


class BrokenTests(BaseException):
    """The tests fail by themselves; no handler of theirs is to catch it."""


class Candidate:
    """The checker's end of the candidate: proxies for its functions, and what came of the calls."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.calls = 0
        self.raised: list[Exception] = []
        self.unanswered = ""
        # StopIteration would end a `map` or a `for` of the tests as if all were well.
        self.builtin = {
            kind.__name__: kind
            for kind in vars(builtins).values()
            if isinstance(kind, type)
            and issubclass(kind, Exception)
            and kind not in (StopIteration, StopAsyncIteration)
        }

    def proxy(self, name: str) -> Callable[..., Any]:
        """Return a function that asks the candidate."""

        def asking(*args: Any, **kwargs: Any) -> Any:
            try:
                request = {"call": name, "args": pack(args), "kwargs": pack(kwargs)}
            except NotPlain as error:
                # Only size and depth can be a candidate's doing, from one call into the next.
                if self.calls and isinstance(error, TooLarge):
                    raise self.no_answer(str(error)) from None
                raise BrokenTests(f"an argument of {name}: {error}") from None
            self.calls += 1
            try:
                self.channel.send(request)
            except ValueError:
                raise self.no_answer("the arguments are too large") from None
            answer = self.channel.receive()
            if "value" in answer:
                try:
                    return unpack(answer["value"])
                except Exception:
                    raise self.no_answer("broke the protocol") from None
            if "Exception" not in answer["kinds"]:
                raise self.no_answer(answer["raised"])
            kind = next((self.builtin[k] for k in answer["kinds"] if k in self.builtin), Failure)
            if {"StopIteration", "StopAsyncIteration"} & set(answer["kinds"]):
                kind = Failure
            try:
                raised = kind(answer["raised"])
            except TypeError:  # such as UnicodeDecodeError, which wants five arguments
                raised = Failure(answer["raised"])
            self.raised.append(raised)
            raise raised

        asking.__name__ = name
        return asking

    def no_answer(self, text: str) -> NoAnswer:
        """Note that a call brought nothing, and return what to raise."""
        self.unanswered = self.unanswered or text
        return NoAnswer(text)


ENDED = -1  # in place of an assertion's number: what ended a test


class _Recording(ast.NodeTransformer):
    """Turns each assertion into a recorded test, but where the tests handle it themselves.

    What the text says is one test, however often it runs: how long a loop over a result is, is the
    candidate's choice. That it runs at all is not, where nothing but a loop decides it.
    """

    def __init__(self) -> None:
        self.found = 0  # assertions that are recorded
        self.judges = False  # whether anything can fail at all
        self.optional: set[int] = set()  # assertions that tests may pass by

    def visit_Try(self, node: ast.AST) -> ast.AST:
        self.judges = True
        return node

    visit_TryStar = visit_Try

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.judges = True
        return node

    def visit_If(self, node: ast.AST) -> ast.AST:
        first = self.found
        self.generic_visit(node)
        self.optional |= {*range(first, self.found)}
        return node

    visit_Match = visit_While = visit_FunctionDef = visit_AsyncFunctionDef = visit_If

    def visit_For(self, node: ast.For) -> list[ast.AST]:
        first = self.found
        self.generic_visit(node)
        leaves = (ast.Break, ast.Continue, ast.Return)
        if any(isinstance(part, leaves) for part in ast.walk(node)):
            self.optional |= {*range(first, self.found)}
        due = {*range(first, self.found)} - self.optional
        reached = ast.copy_location(ast.parse(f"__due__({due or ''})").body[0], node)
        return [ast.fix_missing_locations(reached), node]

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.judges = True
        handler = ast.parse(
            f"try: pass\n"
            f"except (Exception, __no_answer__) as e: __record__({self.found}, e)\n"
            f"else: __record__({self.found}, None)"
        )
        self.found += 1
        attempt = handler.body[0]
        assert isinstance(attempt, ast.Try)
        attempt.body = [node]
        for part in ast.walk(attempt):
            if part is not node:
                ast.copy_location(part, node)
        return ast.fix_missing_locations(attempt)


def _imports(text: str) -> Iterator[ast.Import | ast.ImportFrom]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return  # running it will say so
    yield from (node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)))


def _checker(channel: Channel, message: dict[str, Any]) -> None:
    """Run assertions; send {"passed": [...], "failure": text} or {"broken": text}.

    `passed` has an entry for each assertion of the text: false if it ever failed, and, where the
    tests don't all pass, if it never ran.
    """
    candidate = Candidate(channel)
    passed: dict[int, bool] = {}
    due: set[int] = set()
    failure = ""

    def record(number: int, error: BaseException | None) -> None:
        nonlocal failure
        # What fails before the candidate was ever asked, or for want of a package, is the tests'
        # fault; nothing that a candidate answers may look like that.
        if isinstance(error, Exception) and not isinstance(error, AssertionError):
            missing = isinstance(error, ImportError) and error not in candidate.raised
            # What the tests import by name, that is: a name may be the candidate's answer.
            if (
                missing
                and str(getattr(error, "name", "")).partition(".")[0] in imported
                or not candidate.calls
            ):
                raise BrokenTests(_described(error))
        passed[number] = passed.get(number, True) and error is None
        if error is not None and not failure:
            text = "" if isinstance(error, AssertionError) else f" ({_described(error)})"
            failure = f"{f'test {number + 1} fails' if number != ENDED else 'a test ends'}{text}"

    space: dict[str, Any] = {
        "__name__": "tests", "__record__": record, "__no_answer__": NoAnswer,
        "__due__": due.update,
    }  # fmt: skip
    recording = _Recording()
    imported = {
        (getattr(node, "module", None) or alias.name).partition(".")[0]
        for text in (*message["setup"], *message["tests"])
        for node in _imports(text)
        for alias in node.names
    }
    try:
        for text in message["setup"]:
            exec(compile(text, "setup.py", "exec", dont_inherit=True), space)
        wanted = {name for name in message["names"] if name not in space}
        if message["entry_point"] or not wanted:
            wanted.add(message["entry_point"] or message["names"][0])
        for name in wanted:
            space[name] = candidate.proxy(name)
        trees = [ast.parse(text) for text in message["tests"]]
        for tree in trees:
            tree = ast.fix_missing_locations(recording.visit(tree))
            runs = compile(tree, "tests.py", "exec", dont_inherit=True)
            try:
                exec(runs, space)
            except (Exception, NoAnswer) as error:
                record(ENDED, error)
        if message["check"]:
            try:
                space["check"](space[message["check"]])
            except (Exception, NoAnswer) as error:
                record(ENDED, error)
        if not candidate.calls or not recording.judges:
            raise BrokenTests("they assert nothing" if candidate.calls else "they call no function")
    except (Exception, BrokenTests) as error:
        channel.send({"broken": str(error) if type(error) is BrokenTests else _described(error)})
        return
    ran = passed.keys() - {ENDED}
    if due - ran and not failure:
        failure = f"test {min(due - ran) + 1} never runs"
    well = not failure and not candidate.unanswered
    results = [passed.get(number, well) for number in range(recording.found)] or [well]
    if ENDED in passed or not well and all(results):
        results.append(False)
    channel.send({"passed": results, "failure": failure or candidate.unanswered})


if __name__ == "__main__":
    del sys.path[0]  # this folder
    # What programs commonly import, once for all of them.
    for _name in sys.argv[2:]:
        __import__(_name)
    _serve(int(sys.argv[1]))
