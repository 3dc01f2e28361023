"""Effort: limits the work of one verdict, and has the exceptions for values that can't be found.

The work is counted and not timed, so that a verdict is the same on every machine and under every
load. One unit is about a microsecond on a core of 2025. Code calls `spend` before it does the work.
Beyond the allowance, `spend` raises Costly.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

ALLOWANCE = 500_000.0
"""Units of work for one verdict."""


class Undefined(ArithmeticError):
    """The tree has no value: a division by zero, the logarithm of zero."""


class Undecided(ArithmeticError):
    """The question can't be decided."""


class Huge(Undecided):
    """Neither a logarithm nor a bound can decide the question."""


class TooBig(Undecided):
    """A value whose logarithm in base ten exceeds the limit on either side."""


class Costly(Undecided):
    """The work exceeds the allowance."""


_LEFT = threading.local()


@contextmanager
def allowance(units: float = ALLOWANCE) -> Iterator[None]:
    """Allow the block so many units of work; an outer allowance stays as it is."""
    before = getattr(_LEFT, "units", inf)
    _LEFT.units = units
    try:
        yield
    finally:
        _LEFT.units = before


def spend(units: float) -> None:
    """Count work that is about to be done. Raises Costly beyond the allowance."""
    left = getattr(_LEFT, "units", inf) - units
    _LEFT.units = left
    if left < 0:
        raise Costly("too much work")
