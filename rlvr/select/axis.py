"""Axis: the type of an arm's axis, and the draws that several axes share.

Each axis has a file here, with its `AXIS` and its functions; `rlvr.select.arms.AXES` has them by
the names of their files.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from rlvr.data import Arm
from rlvr.records.stored import Judged

Pool = Sequence[Judged]
Item = TypeVar("Item")
_FIELDS = {one.name for one in fields(Arm)} - {"name", "more"}


def _always(arm: Arm) -> None:
    """Accept every arm."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of an arm. Its name is that of its file.

    kind: the type of its values in a config. values and says: its row in docs/arms.md. check:
    raises ValueError where an arm's value has no meaning beside its values on the other axes.
    eligible: says of each completion of a pool whether the arm may keep it; None where the axis
    excludes none. default: what an arm has that does not name the axis; where `Arm` has a field for
    it, the field says that.

    `value(arm, name)` is an arm's value.
    """

    kind: Any
    values: str
    says: str
    check: Callable[[Arm], None] = _always
    eligible: Callable[[Pool, Arm], list[bool]] | None = None
    default: Any = None


def value(arm: Arm, axis: str) -> Any:
    """Return an arm's value on an axis. Raises KeyError where it has none of that name."""
    return getattr(arm, axis) if axis in _FIELDS else dict(arm.more)[axis]


def generator(key: str) -> random.Random:
    """Return the random numbers of a key: the same on every machine and in every process."""
    return random.Random(hashlib.sha256(key.encode()).digest())


def draw(items: Sequence[Item], n: int, key: str) -> list[Item]:
    """Draw n of the items without replacement, by a generator of their own."""
    places = generator(key).sample(range(len(items)), min(n, len(items)))
    return [items[place] for place in places]
