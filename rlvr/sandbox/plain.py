"""Plain: plain data as JSON that keeps exact types, for messages into and out of the sandbox.

Standard library only, because this file is also read inside the sandbox. Nothing that is read here
is ever evaluated: a name in a table says what to build, and from which data.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from typing import Any

MAX_DEPTH = 120
TOO_LARGE = "the result is too large"


class NotPlain(Exception):
    """A value that is not plain data."""


class TooLarge(NotPlain):
    """Plain data, but nested too deeply or too large a number."""


_FACTORIES: dict[str, type] = {kind.__name__: kind for kind in (int, float, str, list, dict, set)}
MAPPINGS: dict[str, Callable[[Any], Any]] = {
    "dict": dict,
    "Counter": lambda pairs: Counter(dict(pairs)),
    "OrderedDict": OrderedDict,
    "defaultdict": lambda pairs: defaultdict(None, pairs),
    "defaultdict_of": lambda pairs: defaultdict(_FACTORIES[pairs[0][0]], pairs[1:]),
    "dict_keys": lambda pairs: dict(pairs).keys(),
    "dict_values": lambda pairs: dict(pairs).values(),
    "dict_items": lambda pairs: dict(pairs).items(),
}
SEQUENCES: dict[str, Callable[[Any], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
    "deque_of": lambda items: _bounded(*items),
    "range": lambda numbers: range(*numbers),
    "array": lambda parts: array(next(parts), next(parts)),
    "timedelta": lambda parts: timedelta(*parts),
    "timezone": lambda parts: timezone(*parts),
    "Match": lambda parts: _match(*parts),
    "numpy": lambda parts: _numpy(*parts),
}
SCALARS: dict[str, Callable[[Any], Any]] = {
    "int": lambda text: int(text, 16),
    "float": float,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "Decimal": Decimal,
    "Fraction": Fraction,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "datetime": datetime.fromisoformat,
}
BY_TEXT = {
    "UUID": "uuid",
    "PosixPath": "pathlib",
    "PurePosixPath": "pathlib",
    "IPv4Address": "ipaddress",
    "IPv6Address": "ipaddress",
    "IPv4Network": "ipaddress",
    "IPv6Network": "ipaddress",
}
"""Classes by module; the text of a value of such a class is enough to build it again."""
Keep = Callable[[Any], Any]
"""Gets a value that is not plain data; returns a JSON object that stands for it, or None."""


def pack(value: Any, depth: int = 0, keep: Keep | None = None) -> Any:
    """Write plain data as JSON that keeps the exact built-in type; a named tuple is a tuple.

    Raises NotPlain for anything else (subclasses, iterators, containers that hold themselves) for
    which `keep` returns None.
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
        return [pack(item, depth + 1, keep) for item in value]
    if kind is deque and value.maxlen is not None:
        return {"deque_of": [value.maxlen, *(pack(item, depth + 1, keep) for item in value)]}
    if kind in (tuple, set, frozenset, deque):
        return {kind.__name__: [pack(item, depth + 1, keep) for item in value]}
    if kind is range:
        return {"range": [pack(number) for number in (value.start, value.stop, value.step)]}
    if kind is defaultdict and keep and (found := keep(value)) is not None:
        return found
    if kind in (dict, Counter, OrderedDict, defaultdict):
        return {kind.__name__: list(_pairs(value.items(), depth, keep))}
    if kind is type({}.keys()):
        return {"dict_keys": list(_pairs(((key, None) for key in value), depth, keep))}
    if kind is type({}.items()):
        return {"dict_items": list(_pairs(value, depth, keep))}
    if kind is type({}.values()):
        return {"dict_values": list(_pairs(enumerate(value), depth, keep))}
    if kind in (bytes, bytearray):
        return {kind.__name__: value.hex()}
    if kind is complex:
        return {"complex": [repr(value.real), repr(value.imag)]}
    if kind in (Decimal, Fraction):
        return {kind.__name__: str(value)}
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        if keep and (found := keep(value)) is not None:
            return found
        return {"tuple": [pack(item, depth + 1, keep) for item in value]}
    return _rarely(value, kind, keep)


def _rarely(value: Any, kind: Any, keep: Keep | None) -> Any:
    """Write values that programs seldom return: dates, arrays, matches, and kept values."""
    if kind is date or kind in (datetime, time) and type(value.tzinfo) in (type(None), timezone):
        return {kind.__name__: value.isoformat()}
    if kind is timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if kind is timezone:
        return {"timezone": [pack(value.utcoffset(None))]}
    if kind is array:
        return {"array": [value.typecode, [pack(item) for item in value.tolist()]]}
    if kind is re.Match:
        pattern = (value.re.pattern, value.re.flags, value.string, value.pos, value.endpos)
        return {"Match": [pack(part) for part in (*pattern, value.regs)]}
    # Python 3.13 has the paths in pathlib._local.
    if BY_TEXT.get(kind.__name__) == str(kind.__module__).partition(".")[0]:
        return {kind.__name__: str(value)}
    found = keep(value) if keep else None
    if found is None:
        raise NotPlain(f"{str(kind.__name__)[:100]} is not plain data")
    return found


_BASES: dict[type, Callable[[Any], Any]] = {
    int: lambda value: int.__add__(value, 0),
    float: float.__pos__,
    str: str.__str__,
    bytes: lambda value: bytes(bytes.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}


def with_factory(value: defaultdict[Any, Any], keep: Keep) -> Any:
    """Write a defaultdict with its factory, if that is a built-in type; None for another."""
    factory = value.default_factory
    if factory not in _FACTORIES.values():
        return None
    return {"defaultdict_of": [[str(getattr(factory, "__name__", "")), None],
                               *pack(dict(value), keep=keep)["dict"]]}  # fmt: skip


def as_base(value: Any) -> Any:
    """Return the content of a program's subclass of a built-in type, such as an IntEnum; or None.

    Its own methods are not asked, so it can't say anything but what it holds.
    """
    return next((read(value) for base, read in _BASES.items() if isinstance(value, base)), None)


def _pairs(items: Any, depth: int, keep: Keep | None) -> Iterator[list[Any]]:
    return ([pack(key, depth + 1, keep), pack(value, depth + 1, keep)] for key, value in items)


def _hexadecimal(value: int) -> str:
    if value.bit_length() > 1 << 22:
        raise TooLarge("the number is too large")
    return hex(value)


def unpack(value: Any, kept: Callable[[str, Any], Any] | None = None) -> Any:
    """Read what `pack` wrote; `kept` gets the name and content of an object from `keep`.

    Raises an Exception for anything else.
    """
    if value is None or type(value) in (bool, str, int, float):
        return value
    if type(value) is list:
        return [unpack(item, kept) for item in value]
    ((name, content),) = value.items()
    if name in SCALARS:
        return SCALARS[name](content)
    if name in BY_TEXT:
        return vars(import_module(BY_TEXT[name]))[name](content)
    if name in SEQUENCES:
        return SEQUENCES[name](unpack(item, kept) for item in content)
    if kept and name not in MAPPINGS:
        return kept(name, content)
    return MAPPINGS[name]([(unpack(key, kept), unpack(item, kept)) for key, item in content])


def _bounded(maxlen: int, *items: Any) -> deque[Any]:
    return deque(items, maxlen)


_NUMERIC = "biufcSU"
"""The kinds of numpy types that can be sent: plain numbers and texts."""


def numeric(value: Any) -> Any:
    """Write a number or an array of numpy, if numpy is loaded; None for anything else."""
    numpy = sys.modules.get("numpy")
    if numpy and isinstance(value, (numpy.generic, numpy.ndarray)):
        array = type(value) is numpy.ndarray
        own = array or isinstance(value, numpy.generic) and type(value).__module__ == "numpy"
        if own and value.dtype.kind in _NUMERIC:
            shape = [*value.shape] if array else None
            return {"numpy": [value.dtype.str, shape, value.tobytes().hex()]}
    return None


def _numpy(dtype: str, shape: list[int] | None, data: str) -> Any:
    """Read what `numeric` wrote. Raises an Exception for anything that it can't have written.

    A number with fewer digits than a float becomes a number of Python, and an array of float16 an
    array of float. Otherwise numpy would round a float to the few digits before comparing.
    """
    import numpy

    kind = numpy.dtype(dtype)
    if kind.kind not in _NUMERIC:
        raise ValueError(f"numbers of the kind {kind.kind}")
    found = numpy.frombuffer(bytes.fromhex(data), kind)
    if shape is not None:
        return found.reshape(shape).astype(float if kind.type is numpy.float16 else kind)
    short = kind.type in (numpy.float16, numpy.float32, numpy.complex64)
    return found[0].item() if short else found[0]


def _match(pattern: Any, flags: int, text: Any, pos: int, endpos: int, spans: Any) -> re.Match[Any]:
    """Match again so that the spans are these. Raises ValueError if no way of matching does."""
    again = re.compile(pattern, flags & ~re.DEBUG)
    for way, start in (
        (again.match, pos), (again.search, pos), (again.fullmatch, pos), (again.match, spans[0][0]),
        (again.fullmatch, spans[0][0]),
    ):  # fmt: skip
        found = way(text, start, endpos)
        if found and found.regs == spans:
            return found
    raise ValueError("no such match")
