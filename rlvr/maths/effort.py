"""How much work one verdict may cost, and what is raised where a value can't be had.

The work is counted and not timed, so that a verdict is the same on every machine and under every
load. One unit is about a microsecond on a core of 2025. Whoever does work says so with `spend`
before doing it; beyond the allowance that is `Costly`.
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
    """It can't be settled."""


class Huge(Undecided):
    """Neither a logarithm nor a bound can settle it."""


class TooBig(Undecided):
    """A value whose logarithm in base ten exceeds the limit on either side."""


class Costly(Undecided):
    """More work than the allowance."""


_LEFT = threading.local()


@contextmanager
def allowance(units: float = ALLOWANCE) -> Iterator[None]:
    """Allow so many units of work to the block; an outer allowance is not touched."""
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
