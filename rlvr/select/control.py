"""control: adds an arm that differs in the filter alone: as many rows, drawn at random."""

from __future__ import annotations

from typing import Any

from rlvr.data import Arm
from rlvr.select.axis import Axis

FILTERS: dict[str, Any] = {"band": None, "unique": False, "prefer": None, "cap": None}
DRAWN_FROM = ("verified", "inverted", "majority", "format-only")


def control_of(arm: Arm) -> dict[str, Any]:
    """Return what the control of an arm has on the axes where it differs from it.

    An arm with a filter (`FILTERS`) keeps what is left of that which its `keep` accepts; its
    control draws as many rows in all from all of that. Of an arm without one, `keep` is the filter:
    its control draws as many of each problem from everything, as the arm `random` does.
    """
    filtered = any(getattr(arm, name) != off for name, off in FILTERS.items())
    same = filtered and arm.keep in DRAWN_FROM
    return {
        **FILTERS,
        **({} if same else {"keep": "random", "flip": None}),
        "match": arm.name,
        "match_by": "rows" if filtered or arm.share is not None else "problems",
        "share": None,
        "control": False,
    }


def _check(arm: Arm) -> None:
    if arm.control and arm.keep in ("real", "replay"):
        raise ValueError(f"keep: {arm.keep} keeps none of the samples: control has no meaning")


AXIS = Axis(
    kind=bool,
    values="false, or true",
    says="adds the arm NAME-random: as many rows as this arm has, drawn at random: see below",
    check=_check,
)
