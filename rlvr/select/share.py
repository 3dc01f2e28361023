"""share: a share of the whole pool is kept, not of each problem."""

from __future__ import annotations

from rlvr.data import Arm
from rlvr.sections import Share
from rlvr.select.axis import Axis


def _check(arm: Arm) -> None:
    if arm.match is not None and arm.share is not None:
        raise ValueError("match and share both say how much is kept: give one of them")
    if arm.share is not None and arm.keep in ("all", "real"):
        raise ValueError(f"keep: {arm.keep} has no part of the pool to take: share is void")


AXIS = Axis(
    kind=Share | None,
    values="none, or a share",
    says="that share of the pool, whichever problems it is of",
    check=_check,
)
