"""Tasks, one file each: `problems(split, n, **options) -> Iterator[Problem]` and `VERIFIER`.

Imported as `rlvr.tasks` and under no other name: the package index has an unrelated package
called `tasks`, and a second copy of these modules would have classes of its own.
"""

if __name__ != "rlvr.tasks":
    raise ImportError(
        f"this folder holds rlvr's tasks: import it as rlvr.tasks, not as {__name__!r} "
        "(from a checkout: pip install --no-deps -e .)"
    )

import hashlib
import random
from collections.abc import Callable, Iterator
from typing import TypeVar

from rlvr.data import Split

Drawn = TypeVar("Drawn")
PATIENCE = 5_000


def split_of(content: str) -> Split:
    """Return the split to which a problem's content belongs: 80 % train, 15 % eval, 5 % dev.

    A hash of the content decides, so the splits are disjoint for all seeds, lengths and orders of
    streams.
    """
    place = hashlib.sha256(content.encode()).digest()[0] / 256
    return "train" if place < 0.80 else "eval" if place < 0.95 else "dev"


def stream(
    task: str,
    split: Split,
    seed: int,
    n: int,
    draw: Callable[[random.Random], tuple[str, Drawn]],
) -> Iterator[Drawn]:
    """Yield n draws of `split`, no content twice, each keyed by (task, split, seed, index).

    `draw(generator)` returns (content, value). A content of another split is drawn again. If the
    training split runs out of contents, they come again in another order. Raises ValueError if eval
    or dev runs out.
    """
    seen: set[object] = set()
    for index in range(n):
        generator = random.Random(f"{task}/{split}/{seed}/{index}")
        value = _draw_new(draw, generator, split, seen)
        if value is None and split == "train" and seen:
            seen.clear()
            value = _draw_new(draw, generator, split, seen)
        if value is None:
            raise ValueError(
                f"the task {task!r} has about {len(seen)} different problems for {split!r}, "
                f"{n} were asked for: lower the number or make the task larger"
            )
        seen.add(value)
        yield value


def _draw_new(
    draw: Callable[[random.Random], tuple[str, Drawn]],
    generator: random.Random,
    split: Split,
    seen: set[object],
) -> Drawn | None:
    """Draw until a content of `split` is not in `seen`; return None after too many draws."""
    for _ in range(PATIENCE):
        content, value = draw(generator)
        if value not in seen and split_of(content) == split:
            return value
    return None
