"""match: as many completions of each problem as another arm kept in the same round."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rlvr.data import Arm, InputError, nearest
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool


def in_order(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms so that a matched arm comes before those that match it, order otherwise kept.

    Raises InputError when an arm matches one that is not there, itself, or a circle of them.
    """
    names = [arm.name for arm in arms]
    for arm in arms:
        if arm.match is not None and arm.match not in names:
            raise InputError(
                f"arms: {arm.name!r} matches {arm.match!r}, which is not among the "
                f"arms{nearest(arm.match, names)}: "
                f"add it, or set match"
            )
    ordered: list[Arm] = []
    waiting = list(arms)
    while waiting:
        ready = [
            arm
            for arm in waiting
            if arm.match is None or arm.match in [done.name for done in ordered]
        ]
        if not ready:
            raise InputError(
                "arms: these match each other in a circle: "
                f"{', '.join(arm.name for arm in waiting)}"
            )
        ordered += ready
        waiting = [arm for arm in waiting if arm not in ready]
    return ordered


def by_problem(pool: Pool) -> Iterator[tuple[str, list[int]]]:
    """Yield each problem with the places of its completions, wherever they lie, as they rise."""
    known: dict[str, int] = {}
    ids = pick(pool, "problem_id")
    codes = np.fromiter((known.setdefault(one, len(known)) for (one,) in ids), np.int32, len(pool))
    order, begin = codes.argsort(kind="stable"), 0
    for problem, end in zip(known, np.bincount(codes).cumsum(), strict=True):
        yield problem, order[begin:end].tolist()
        begin = end


def _check(arm: Arm) -> None:
    if arm.match is not None and arm.keep == "all":
        raise ValueError("keep: all keeps everything: match has no meaning, use keep: random")


AXIS = Axis(
    kind=str | None,
    values="none, or an arm",
    says="as many of each problem as that arm kept; what is lacking is recorded, never topped up",
    check=_check,
)
