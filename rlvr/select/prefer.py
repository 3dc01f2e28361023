"""prefer: which of the eligible completions an arm takes first, where it can't have them all."""

from __future__ import annotations

from rlvr.data import Arm, Prefer
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool
from rlvr.select.band import pass_rates
from rlvr.select.keep import RANKINGS


def scores(pool: Pool, prefer: Prefer) -> list[float]:
    """Return a number for each completion: those with the highest are taken first.

    shortest, longest: by its tokens. hardest: by the share of its problem's completions that are
    wrong.
    """
    if prefer == "hardest":
        rates = pass_rates(pool)
        return [-rates.get(problem, 1.0) for (problem,) in pick(pool, "problem_id")]
    sign = -1.0 if prefer == "shortest" else 1.0
    return [sign * len(token_ids) for (token_ids,) in pick(pool, "token_ids")]


def _check(arm: Arm) -> None:
    if arm.prefer is None:
        return
    if arm.keep in (*RANKINGS, "classifier", "all", "real", "replay"):
        raise ValueError(
            f"keep: {arm.keep} has an order of its own, or none: prefer has no meaning, use "
            "keep: verified or random"
        )
    of_any = arm.share is not None or (arm.match is not None and arm.match_by != "problems")
    if arm.prefer == "hardest" and not of_any:
        raise ValueError("prefer: hardest chooses among problems: add share, or match_by: rows")
    if arm.cap is None and arm.match is None and not of_any:
        raise ValueError(
            f"prefer: {arm.prefer} takes some of what is eligible: add cap, share or match"
        )


AXIS = Axis(
    kind=Prefer | None,
    values="none, or `shortest`, `longest`, `hardest`",
    says="what `cap`, `share` and `match` take first: by tokens, or of the hardest problems",
    check=_check,
)
