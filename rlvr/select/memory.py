"""memory: whether a round trains on its own rows or on those of earlier rounds too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rlvr.data import Memory
from rlvr.records.stored import joined, pass_over
from rlvr.select.axis import Axis, Item, draw


def remember(
    memory: Memory, before: Sequence[Item], fresh: Sequence[Item], seed: int, round_: int
) -> tuple[Sequence[Item], Iterable[Item]]:
    """Return all that the arm holds after this round, and what of it the round trains on.

    `before`: what it held until now; `fresh`: the round's own rows. replace holds and trains on the
    fresh rows alone (Shumailov 2305.17493), accumulate on all so far (Gerstgrasser 2404.01413),
    subsample holds all and trains on as many of them as are fresh (`subsample`).
    """
    if memory == "replace":
        return fresh, fresh
    held = joined(before, fresh)
    return held, subsample(held, len(fresh), seed, round_) if memory == "subsample" else held


def subsample(rows: Sequence[Item], n: int, seed: int, round_: int) -> Iterator[Item]:
    """Yield n of all rows so far, uniformly without replacement, in their order.

    Accumulate-subsample: all data is kept, the training budget is not (Kazdan 2410.16713).
    """
    return pass_over(rows, sorted(draw(range(len(rows)), n, f"memory/{seed}/{round_}")))


AXIS = Axis(
    kind=Memory,
    values="`replace`, `accumulate`, `subsample`",
    says=(
        "rows of this round; of all rounds and the warm start; as many of those as this round has"
    ),
)
