"""Tree: the syntax tree of an answer: numbers, letters, operations, relations, groups."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Num:
    """An exact number.

    `places`: digits after the point where it was written as a decimal, else None.
    """

    value: Fraction
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable or a constant (`pi`, `e`, `i`, `oo`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operation: + * / ^ neg pm fact abs sqrt root pct deg, or a function's name."""

    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rel:
    """A chain of relations: items[0] ops[0] items[1] ops[1] ...; ops are = != < <= > >= in."""

    ops: tuple[str, ...]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Several answers in one.

    `kind`: list and or ; () [] (] [) {} matrix row builder union inter setminus mod; the last has
    the two sides of a congruence, and its modulus.
    """

    kind: str
    items: tuple[Node, ...]


Node = Num | Sym | Op | Rel | Group
