"""unique: of equal completions of a problem one is kept."""

from __future__ import annotations

from collections.abc import Sequence

from rlvr.data import Arm
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool


def once(pool: Pool, kept: Sequence[bool]) -> list[bool]:
    """Return flags of the kept completions, each text of a problem once: the first that is kept."""
    seen: set[tuple[str, str]] = set()
    flags = []
    for text, one in zip(pick(pool, "problem_id", "text"), kept, strict=True):
        flags.append(one and text not in seen)
        if one:
            seen.add((text[0], text[1]))
    return flags


def _check(arm: Arm) -> None:
    if arm.unique and arm.keep in ("real", "replay"):
        raise ValueError(f"keep: {arm.keep} keeps none of the samples: unique has no meaning")


AXIS = Axis(
    kind=bool,
    values="false, or true",
    says="of a problem's completions with the same text, one",
    check=_check,
)
