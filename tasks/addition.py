"""Addition of zero-padded numbers, the sum plain or reversed: `12+34=` -> `046` or `640`.

In a reversed sum the digits come in the order in which a person adds: least significant first.
Levels are the digits of the larger number and the number of carries: `d2c1`. Zeros matter (`64` is
not `640` reversed), so the text must match exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from rlvr.tasks import stream

from rlvr.data import Problem, Split

VERIFIER = "exact"


def problems(
    split: Split, n: int, *, seed: int = 0, digits: int = 2, reverse: bool = False
) -> Iterator[Problem]:
    """Yield n problems of `split`. Both orders of a pair are in the same split.

    Raises ValueError for digits < 1.
    """
    if digits < 1:
        raise ValueError("digits must be at least 1")

    def draw(generator: random.Random) -> tuple[str, tuple[int, int]]:
        a, b = generator.randrange(10**digits), generator.randrange(10**digits)
        return f"{min(a, b)}+{max(a, b)}", (a, b)

    key = f"addition-{digits}"
    for index, (a, b) in enumerate(stream(key, split, seed, n, draw)):
        plain = f"{a + b:0{digits + 1}d}"
        answer = plain[::-1] if reverse else plain
        yield Problem(
            id=f"addition/{split}/{seed}/{index}",
            task="addition",
            split=split,
            level=f"d{len(str(max(a, b)))}c{carries(a, b)}",
            prompt=f"{a:0{digits}d}+{b:0{digits}d}=",
            reference=answer,
            solution=answer,
        )


def carries(a: int, b: int) -> int:
    """Return how often a digit is carried when a and b are added by hand."""
    count = carry = 0
    while a or b or carry:
        carry = int(a % 10 + b % 10 + carry > 9)
        count += carry
        a, b = a // 10, b // 10
    return count
