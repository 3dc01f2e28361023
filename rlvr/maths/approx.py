r"""Approx: reads `a \approx b`, an exact value and its decimal."""

from __future__ import annotations

import re

from rlvr.maths.effort import Undecided, Undefined
from rlvr.maths.kinds import Answer
from rlvr.maths.lex import ParseError
from rlvr.maths.read import read
from rlvr.maths.tree import Num, Op
from rlvr.maths.value import number, symbols

_APPROX = re.compile(r"\\approx(?![a-zA-Z])|≈")
_NAME = re.compile(r"\\?[a-zA-Z]{1,8}(?:_\{?[a-zA-Z0-9]{1,4}\}?)?")


def exact_side(text: str) -> str:
    r"""Return the exact side of `a \approx b`; a name before it is as good as `name =`."""
    parts = [part.strip(" $") for part in _APPROX.split(text)]
    if len(parts) > 1 and all(map(_NAME.fullmatch, parts[:1])) or len(parts) > 2:
        return " = ".join(parts) if len(parts) == 2 else _APPROX.sub("=", text)
    if len(parts) == 2 and all(parts) and not _are_close(*parts):
        raise ParseError("two sides of \\approx that are not close")
    return (parts[0] or parts[-1]) if len(parts) == 2 else text


def rounds_to(reference: Answer, text: str) -> bool:
    r"""Return whether the reference is the decimal in `5\sqrt2 \approx 7.07`, rightly rounded."""
    if not isinstance(reference, Num) or not reference.places:
        return False
    parts = [part.strip(" $") for part in _APPROX.split(text)]
    if len(parts) != 2:
        return False
    try:
        value, shown = read(parts[0].rpartition("=")[2]), read(parts[1])
        if shown != reference or not isinstance(value, (Num, Op)) or symbols(value):
            return False
        gap = abs(complex(number(value)) - float(reference.value))
        return gap <= 0.51 / float(10**reference.places)
    except (ParseError, Undefined, Undecided, OverflowError):
        return False


def _are_close(exact_side: str, rounded: str) -> bool:
    r"""Return whether the sides of `a \approx b` are within 1 %, or half a unit of b's last digit.

    Sides without a value are taken as close: what they are is not known here.
    """
    try:
        a, b = read(exact_side), read(rounded)
        if not isinstance(a, (Num, Op)) or not isinstance(b, Num):
            return True
        value, shown = complex(number(a)), float(b.value)
    except (ParseError, Undefined, Undecided, OverflowError):
        return True
    return abs(value - shown) <= max(0.51 / float(10 ** (b.places or 0)), abs(value) / 100)
