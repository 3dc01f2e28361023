"""cap: at most so many rows of each problem in a round."""

from __future__ import annotations

from rlvr.data import Arm
from rlvr.sections import Positive
from rlvr.select.axis import Axis


def _check(arm: Arm) -> None:
    if arm.cap is None:
        return
    if arm.keep == "all":
        raise ValueError("keep: all keeps everything: cap has no meaning, use keep: random")
    if arm.keep == "real":
        raise ValueError("keep: real has one solution of each problem: cap has no meaning")


AXIS = Axis(
    kind=Positive | None,
    values="none, or a number",
    says=(
        "at most that many rows of each problem: any of them, or the first ones where `keep` or "
        "`prefer` has an order"
    ),
    check=_check,
)
