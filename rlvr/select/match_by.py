"""match_by: what of the matched arm's size is copied."""

from __future__ import annotations

from rlvr.data import Arm, MatchBy
from rlvr.select.axis import Axis


def _check(arm: Arm) -> None:
    if arm.match is None and arm.match_by != "problems":
        raise ValueError(f"match_by: {arm.match_by} needs match: ARM, the arm whose size is copied")


AXIS = Axis(
    kind=MatchBy,
    values="`problems`, `rows`, `tokens`",
    says="what `match` copies: rows of each problem, rows in all, or rows and how long they are",
    check=_check,
)
