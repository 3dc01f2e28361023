"""Kinds of answers beside bare mathematics (`rlvr.maths.parse`), as frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from rlvr.maths.parse import Node


@dataclass(frozen=True, slots=True)
class Choice:
    """A multiple-choice letter, upper case. `says`: what stands there beside it, as text."""

    letter: str
    says: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Ratio:
    """`3:2`, compared in proportion. names: of the parts, in `a:b = 3:2`."""

    parts: tuple[Node, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day: seconds since midnight as written, and am, pm, or "" if neither is given."""

    seconds: int
    half: str


@dataclass(frozen=True, slots=True)
class Words:
    """Text, in lower case, with single spaces and no punctuation at its ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value times `factor` in `dimension` (base unit or noun -> power).

    `bare`: the same text read without a unit.
    """

    value: Node
    dimension: frozenset[tuple[str, int]]
    factor: Fraction
    bare: Node | None = None


@dataclass(frozen=True, slots=True)
class Several:
    """A list of answers that are not all bare mathematics: `15 and 22.5 min`."""

    items: tuple[Answer, ...]


Answer = Choice | Clock | Ratio | Words | Quantity | Several | Node
