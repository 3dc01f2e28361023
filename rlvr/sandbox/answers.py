"""Answers: a program's side of the sandbox. It answers calls of its functions, or reads an input.

Standard library only. An answer is only the program's own claim, so this code need not be safe from
the program. The code that reads the claims checks them (`rlvr/sandbox/checker.py`,
`verifiers/code.py`).
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import functools
import gc
import io
import itertools
import os
import sys
import threading
import time
import types
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rlvr.sandbox.plain import NotPlain, as_base, numeric, pack, unpack, with_factory

if TYPE_CHECKING:
    from rlvr.sandbox.inside import Channel

AT_ONCE = 512  # at most so many items of an iterator in one answer
_SECONDS = 0.01  # seconds in which items are collected for one answer
_FUNCTIONS = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    functools.partial,
    type(functools.lru_cache(len)),
)
ITERATORS = {
    kind.__name__: kind
    for kind in (
        *(zip, enumerate, reversed, map, filter, types.GeneratorType),
        *(kind for kind in vars(itertools).values() if isinstance(kind, type)),
        *map(type, (iter([]), iter(()), iter({}), iter(range(0)), iter(set()), iter(""))),
    )
}
"""Iterators that tests may tell apart, by the names of their classes."""
_KINDS = (bool, int, float, complex, str, bytes, list, tuple, dict, set)
KINDS: dict[str, type] = {kind.__name__: kind for kind in _KINDS}
"""Types that tests may pass to a function, by their names."""
_CHANGEABLE = (list, dict, set, deque, bytearray, array, Counter, OrderedDict, defaultdict)


def described(error: BaseException) -> str:
    """Return an exception's class and text, at most 300 characters."""
    try:
        return f"{type(error).__name__}: {error}"[:300]
    except BaseException:  # the candidate's own exception, whose __str__ may raise
        return "an exception without a text"


# --- answering calls -------------------------------------------------------------------------


def answer_calls(channel: Channel, message: dict[str, Any]) -> None:
    """Run a program, then answer calls of its functions until the caller closes the channel.

    With `tells` in the message, iterators and functions among the answers, and what calls raise,
    are kept here: only a name is sent, and later requests ask for the items, call the function or
    hand the exception back. With `prints`, an
    answer also has what the program printed during the call.
    """
    module = _new_module("candidate")
    try:
        exec(compile(message["source"], "candidate.py", "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:
        channel.send({"raised": described(error)})
        return
    desk = _Desk(module.__dict__, bool(message.get("tells")))
    if message.get("prints"):
        sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    channel.send({"ready": True})
    while True:
        request = channel.receive()
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            answer |= desk.items(request) if "next" in request else desk.call(request)
        except NotPlain as error:
            answer |= {"raised": str(error), "kinds": []}
        except BaseException as error:
            answer |= desk.raised(error)
        if message.get("prints"):
            answer["printed"] = [_printed(sys.stdout), _printed(sys.stderr)]
        try:
            channel.send(answer)
        except ValueError as error:
            channel.send({"id": request["id"], "raised": str(error), "kinds": []})


def _new_module(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__file__ = "/tmp/candidate.py"
    vars(module)["__builtins__"] = builtins
    threading.stack_size = _stack_size
    sys.modules[name] = module
    vars(builtins).update(exit=sys.exit, quit=sys.exit)  # as in any Python with its `site`
    return module


LARGEST_STACK = 1 << 28  # bytes of a thread's stack; more does not fit into a program's memory
_real_stack_size = threading.stack_size


def _stack_size(size: int = 0) -> int:
    """Set the stack of later threads, as `threading.stack_size` does, to what there is room for."""
    return _real_stack_size(min(size, LARGEST_STACK))


def _printed(stream: Any) -> str:
    """Return what a stream holds, if the program has not replaced the stream."""
    if type(stream) is not io.StringIO:
        return ""
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    return text


def _exception(error: BaseException) -> dict[str, Any]:
    """Return what tests may read of an exception: its classes, arguments, text and attributes."""
    kinds = [
        kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
        for kind in type(error).__mro__
    ]
    told: dict[str, Any] = {"kinds": kinds}
    try:
        args = error.args
        if isinstance(error, OSError) and error.filename is not None:
            args = (*args[:2], error.filename)
        told["args"] = pack(tuple(args))
        told["text"] = str(error)
        told["fields"] = {}
        for name, value in vars(error).items():
            told["fields"][name] = pack(value)
    except BaseException:
        pass  # what was collected up to here stays
    return told


class _Desk:
    """A program's functions, and those of its answers that are kept here."""

    def __init__(self, space: dict[str, Any], tells: bool) -> None:
        self.space = space
        self.kept: list[Any] = []
        self.owners: dict[str, Any] = {}
        self.tells = tells
        self.keep = self._keep if tells else _as_json
        self.failed: dict[int, BaseException] = {}

    def _keep(self, value: Any) -> Any:
        kind = type(value)
        if kind.__module__ == "numpy" and (found := numeric(value)):
            return found
        if kind is types.CoroutineType:
            self.kept.append(functools.partial(_await, value))
            return {"coroutine": len(self.kept) - 1}
        if isinstance(value, _FUNCTIONS) or callable(value) and not isinstance(value, type):
            self.kept.append(value)
            return {"function": len(self.kept) - 1}
        if hasattr(kind, "__next__") and hasattr(kind, "__iter__"):
            self.kept.append(value)
            name = kind.__name__ if ITERATORS.get(kind.__name__) is kind else ""
            return {"iterator": [len(self.kept) - 1, name]}
        if kind is defaultdict:
            return with_factory(value, self._keep)
        base = as_base(value)
        return None if base is None else pack(base, keep=self._keep)

    def _given(self, name: str, content: Any) -> Any:
        """Return what an argument stands for: a type, a kept answer, an iterator of the tests."""
        if name == "kind":
            return KINDS[content]
        return self.kept[content] if name == "kept" else iter(unpack(content, self._given))

    def function(self, name: str | int) -> Callable[..., Any]:
        """Find what is called: a function, a method ("Solution().f"), or a kept function."""
        if isinstance(name, int):
            return self.kept[name]  # type: ignore[no-any-return]
        owner, dot, method = name.rpartition("().")
        if (owner or name) not in self.space:
            raise NotPlain(f"no function {name}")
        if not dot:
            return self.space[name]  # type: ignore[no-any-return]
        if owner not in self.owners or not self.tells:  # each example has an object of its own
            self.owners[owner] = self.space[owner]()
        return getattr(self.owners[owner], method)  # type: ignore[no-any-return]

    def call(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call a function; with `look` in the request, also return changes of its arguments."""
        function = self.function(request["call"])
        args = unpack(request["args"], self._given)
        kwargs = unpack(request["kwargs"], self._given)
        if not request.get("look"):
            return {"value": pack(function(*args, **kwargs), keep=self.keep)}
        mine = [*changeable(args), *changeable(kwargs)]
        places = {id(item): {"argument": number} for number, item in enumerate(mine)}
        before = [_content(item) for item in mine]

        def told(value: Any) -> Any:
            return places.get(id(value)) or pack(value, keep=self.keep)

        answer: dict[str, Any] = {}
        try:
            answer["value"] = told(function(*args, **kwargs))
        except Exception as error:
            if isinstance(error, NotPlain):
                raise
            answer |= self.raised(error)
        answer["after"] = [
            [number, [told(part) for part in _content(item)]]
            for number, item in enumerate(mine)
            if not _unchanged(before[number], item)
        ]
        return answer

    def raised(self, error: BaseException) -> dict[str, Any]:
        """Return what is told of an exception; it is kept, since tests may hand it back."""
        told = {"raised": described(error), **_exception(error)}
        if self.tells:
            self.kept.append(error.with_traceback(None))
            told["kept"] = len(self.kept) - 1
        return told

    def items(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return [items, whether these were all] of a kept iterator.

        If it raises after an item, the exception is raised with the next request.
        """
        number = request["next"]
        if number in self.failed:
            raise self.failed.pop(number)
        found: list[Any] = []
        until = time.monotonic() + _SECONDS
        while len(found) < request["most"] and (not found or time.monotonic() < until):
            try:
                found.append(pack(next(self.kept[number]), keep=self.keep))
            except StopIteration:
                return {"value": [found, True]}
            except BaseException as error:
                if not found:
                    raise
                self.failed[number] = error
                break
        return {"value": [found, False]}


def _as_json(value: Any) -> Any:
    """Return what JSON would write for a number or an array of numpy, or for a subclass."""
    if numeric(value):
        return pack(value.tolist())
    base = None if type(value) is defaultdict else as_base(value)
    return None if base is None else pack(base, keep=_as_json)


def _await(coroutine: Any) -> Any:
    import asyncio

    return asyncio.run(coroutine)


# --- arguments that are changed in place -----------------------------------------------------


def changeable(value: Any) -> Iterator[Any]:
    """Yield the containers in plain data that can change, in the order in which they are written.

    Caller and program number their containers in this order.
    """
    kind = type(value)
    if kind in _CHANGEABLE or kind.__name__ == "ndarray":
        yield value
    if kind in (list, tuple, deque):
        for item in value:
            yield from changeable(item)
    elif kind in (dict, Counter, OrderedDict, defaultdict):
        for item in value.values():
            yield from changeable(item)


def _content(value: Any) -> list[Any]:
    """Return the items of a container, one level deep: a mapping's keys, then its values."""
    if isinstance(value, dict):
        return [*value, *value.values()]
    return list(value) if type(value) in _CHANGEABLE else [value.copy()]  # an array of numpy


def _unchanged(before: list[Any], value: Any) -> bool:
    now = _content(value)
    if isinstance(value, (set, array, bytearray)):
        return before == now
    if type(value) not in _CHANGEABLE:
        return bool(before[0].tobytes() == value.tobytes())
    return len(before) == len(now) and all(map(_is, before, now))


def _is(one: Any, other: Any) -> bool:
    return one is other


# --- a whole program, from its input to its output -------------------------------------------


def run_on_input(channel: Channel, message: dict[str, Any]) -> None:
    """Run a program as a script on `input`; send {"output": text} or {"raised": text}.

    Input and output are files, as if a shell had redirected them. The program ends as any script
    does: it waits for its threads, runs what it registered with atexit, and an exit code other than
    0 is a failure.
    """
    with open("/tmp/.input", "wb") as file:
        file.write(message["input"].encode())
    os.dup2(os.open("/tmp/.input", os.O_RDONLY), 0)
    os.dup2(os.open("/tmp/.output", os.O_RDWR | os.O_CREAT, 0o600), 1)
    output, end = os.dup(1), os._exit
    builtins.open = io.open = _opening(io.open)
    os.open = _opening(os.open)
    os.unlink("/tmp/.input")
    os.unlink("/tmp/.output")
    sys.stdin = sys.__stdin__ = _stream(0, "r")  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = _stream(1, "w")  # type: ignore[misc]

    def leave(status: int) -> None:
        failure = f"ended with exit code {status}" if status else ""
        _send_output(channel, output, message["most"], failure)
        end(0)

    os._exit = leave  # type: ignore[assignment]
    _send_output(channel, output, message["most"], _run(message["source"]))


def _opening(real: Callable[..., Any]) -> Callable[..., Any]:
    """Return an `open` that knows the standard streams by their names; the sandbox has no /proc."""

    @functools.wraps(real)
    def opened(file: Any, *args: Any, **kwargs: Any) -> Any:
        path = os.fspath(file) if isinstance(file, os.PathLike) else file
        number = _STREAMS.get(path) if isinstance(path, str) else None
        if number is None:
            return real(file, *args, **kwargs)
        copy = os.dup(number)
        return copy if real is _REAL_OPEN else real(copy, *args, **kwargs)

    return opened


_REAL_OPEN = os.open
_STREAMS = {
    name: number
    for number, stream in enumerate(("stdin", "stdout", "stderr"))
    for name in (f"/dev/{stream}", f"/dev/fd/{number}")
}


def _stream(descriptor: int, mode: str) -> Any:
    return open(descriptor, mode, encoding="utf-8", errors="surrogateescape", closefd=False)


def _run(source: str) -> str:
    """Run a program to its end; return how it failed, "" if it did not fail."""
    module = _new_module("__main__")
    sys.argv = [str(module.__file__)]
    failure = ""
    try:
        exec(compile(source, "candidate.py", "exec", dont_inherit=True), module.__dict__)
    except SystemExit as ended:
        failure = "" if ended.code in (None, 0) else f"ended with exit code {ended.code}"[:300]
    except BaseException as error:
        failure = described(error)
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        _flush()
    except BaseException as error:
        failure = failure or described(error)
    # As at the end of an interpreter: what the script's names hold goes, files and all.
    sys.modules.pop("__main__", None)
    del module
    gc.collect()
    with contextlib.suppress(Exception):
        _flush()
    return failure


def _flush() -> None:
    for stream in (sys.stdout, sys.__stdout__):
        if stream and not getattr(stream, "closed", False):
            stream.flush()


def _send_output(channel: Channel, output: int, most: int, failure: str) -> None:
    if failure:
        channel.send({"raised": failure})
    elif os.fstat(output).st_size > most:
        channel.send({"raised": f"printed more than {most:,} bytes"})
    else:
        data = os.pread(output, most, 0)
        channel.send({"output": data.decode("utf-8", "surrogateescape")})
