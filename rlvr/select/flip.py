"""flip: made errors of the verifier, in selection and never in evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from pydantic import Field, field_validator

from rlvr.data import Arm, Completion, Flip, Status, Verdict
from rlvr.records.stored import Judged
from rlvr.sections import Section
from rlvr.select.axis import Axis, Pool, generator


class FlipConfig(Section):
    """Errors of the verifier in selection: rates, and the regular expression that triggers them.

    `persistent`: it errs every time, or never, on the same answer to the same problem.
    """

    false_positive: Annotated[float, Field(ge=0, le=1)] = 0.0
    false_negative: Annotated[float, Field(ge=0, le=1)] = 0.0
    pattern: str | None = None
    # Written only where it is true, so that a config without it hashes as before.
    persistent: Annotated[bool, Field(exclude_if=lambda value: not value)] = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as failure:
            raise ValueError(f"no regular expression: {failure}") from failure
        return value


def misjudge(pool: Pool, flip: Flip, seed: int) -> Iterator[Judged]:
    """Yield the pool as a verifier with these errors would judge it.

    Each decided verdict turns by a coin (`_coin`): false positives with rate P(called correct |
    wrong), false negatives with P(called wrong | correct), in the terms of 2601.04411, where a
    loop's fate is set by J = TPR - FPR. With a pattern only matching texts can turn (systematic
    errors, 2605.02909). Abstain and error stay.
    """
    rates = {"wrong": flip.false_positive, "correct": flip.false_negative}
    other: dict[str, Status] = {"wrong": "correct", "correct": "wrong"}
    for completion, verdict in pool:
        rate = rates.get(verdict.status, 0.0)
        if flip.pattern is not None and not re.search(flip.pattern, completion.text):
            rate = 0.0
        if generator(_coin(completion, verdict, flip, seed)).random() < rate:
            # `passed` would tell the truth to partial credit.
            status = other[verdict.status]
            verdict = replace(verdict, status=status, reason="flipped", passed=())
        yield completion, verdict


def _coin(completion: Completion, verdict: Verdict, flip: Flip, seed: int) -> str:
    """Return the key of the coin that turns a verdict.

    Each completion has its own; of a persistent error each answer to a problem, as it was extracted
    (each text, where none was), whichever round and arm it comes from.
    """
    key = f"flip/{seed}/{completion.problem_id}"
    if not flip.persistent:
        return f"{key}/{completion.round}/{completion.index}"
    if verdict.extracted is None:
        return f"{key}/text/{completion.text}"
    return f"{key}/answer/{verdict.extracted}"


def _check(arm: Arm) -> None:
    if arm.flip is not None and arm.keep not in ("verified", "inverted"):
        raise ValueError(f"flip changes what `verified` and `inverted` keep, and not {arm.keep}")


AXIS = Axis(
    kind=FlipConfig | None,
    values="none, or `false_positive`, `false_negative`, `pattern`, `persistent`",
    says="errors of the verifier, in selection only, never in evaluation",
    check=_check,
)
