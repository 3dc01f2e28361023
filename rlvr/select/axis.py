"""Axis: the type of an arm's axis, and the draws that several axes share.

Each axis has a file here, with its `AXIS` and its functions; `rlvr.select.arms.AXES` has them by
name.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rlvr.data import Arm
from rlvr.records.stored import Judged

Pool = Sequence[Judged]
Item = TypeVar("Item")


def _always(arm: Arm) -> None:
    """Accept every arm."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an arm. Its name and its default are those of the field in `Arm`.

    kind: the type of its values in a config. values and says: its row in docs/arms.md. check:
    raises ValueError where an arm's value has no meaning beside its values on the other axes.
    eligible: says of each completion of a pool whether the arm may keep it; None where the axis
    excludes none.
    """

    kind: Any
    values: str
    says: str
    check: Callable[[Arm], None] = _always
    eligible: Callable[[Pool, Arm], list[bool]] | None = None


def generator(key: str) -> random.Random:
    """Return the random numbers of a key: the same on every machine and in every process."""
    return random.Random(hashlib.sha256(key.encode()).digest())


def draw(items: Sequence[Item], n: int, key: str) -> list[Item]:
    """Draw n of the items without replacement, by a generator of their own."""
    places = generator(key).sample(range(len(items)), min(n, len(items)))
    return [items[place] for place in places]
