"""real_fraction: a share of a round's rows is replaced by real solutions of the same problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from rlvr.data import Arm, Row
from rlvr.select.axis import Axis, draw


def mix_real(
    rows: Sequence[Row], real: Mapping[str, Row], fraction: float, seed: int, round_: int
) -> Iterator[Row]:
    """Yield the rows, a share of them replaced by real solutions of the same problems.

    `real`: problem id -> a real row. round(fraction x rows) are drawn uniformly without
    replacement; number and prompts of the rows stay, so that only the source differs (the fresh
    real data of Alemohammad 2307.01850, and Shumailov's 10 %, 2305.17493).
    """
    indices = range(len(rows))
    drawn = set(draw(indices, round(fraction * len(rows)), f"real/{seed}/{round_}"))
    return (
        replace(real[row.problem_id], index=i) if i in drawn else row for i, row in enumerate(rows)
    )


def _check(arm: Arm) -> None:
    if arm.real_fraction and arm.keep == "real":
        raise ValueError("keep: real is real already: real_fraction has no meaning")


AXIS = Axis(
    kind=Annotated[float, Field(ge=0, le=1)],
    values="0, or a share",
    says="that share of the round's rows is replaced by real solutions of the same problems",
    check=_check,
)
