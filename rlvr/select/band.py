"""band: only problems of which a certain share of the round's completions is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from rlvr.data import DECIDED, Arm
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool

Part = Annotated[float, Field(ge=0, le=1)]


def pass_rates(pool: Pool) -> Mapping[str, float]:
    """Return the share of each problem's decided completions that the verifier calls correct.

    A problem of which nothing is decided is left out.
    """
    decided: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for problem, status in pick(pool, "problem_id", "status"):
        decided[problem] += status in DECIDED
        right[problem] += status == "correct"
    return {problem: right[problem] / n for problem, n in decided.items() if n}


def eligible(pool: Pool, arm: Arm) -> list[bool]:
    """Say which completions are of problems in the band, its ends included.

    Too easy and too hard problems are left out, as in the curation of online RL (DAPO, 2503.14476,
    section 3.2, leaves out those with a pass rate of 0 or 1).
    """
    if arm.band is None:
        return [True] * len(pool)
    rates, (low, high) = pass_rates(pool), arm.band
    return [low <= rates.get(problem, -1) <= high for (problem,) in pick(pool, "problem_id")]


def _check(arm: Arm) -> None:
    if arm.band is None:
        return
    low, high = arm.band
    if low > high:
        raise ValueError(f"band: {low:g} is above {high:g}: write the lower share first")
    if arm.keep in ("real", "replay"):
        raise ValueError(f"keep: {arm.keep} keeps none of the samples: band has no meaning")


AXIS = Axis(
    kind=tuple[Part, Part] | None,
    values="none, or two shares",
    says="only problems whose share of right completions in this round is between them",
    check=_check,
    eligible=eligible,
)
