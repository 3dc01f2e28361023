"""Seen: verdicts as an arm sees them: as they are, with made errors, or by majority vote."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from rlvr.data import Arm, Problem
from rlvr.records.stored import Judged
from rlvr.select.axis import Pool
from rlvr.select.flip import misjudge
from rlvr.select.keep import Asked, majority
from rlvr.verify.pool import Judge


def seen_by(
    judge: Judge, problems: Sequence[Problem], arm: Arm, pool: Pool, seed: int
) -> Iterable[Judged]:
    """Return the pool as the arm's verifier judges it: with its errors, or by its own majority.

    `problems`: those that the pool's completions are of. `judge`: asked which answers are alike.
    """
    if arm.keep == "majority":
        return majority(pool, _same_answers(judge, problems), seed)
    return pool if arm.flip is None else misjudge(pool, arm.flip, seed)


def _same_answers(
    judge: Judge, problems: Sequence[Problem]
) -> Callable[[Sequence[Asked]], list[bool]]:
    """Return what says of (problem's id, answer, text) whether the text is right if it were."""
    by_id = {problem.id: problem for problem in problems}

    def same(asked: Sequence[Asked]) -> list[bool]:
        pairs = [
            (dataclasses.replace(by_id[problem], reference=answer), text)
            for problem, answer, text in asked
        ]
        return [verdict.status == "correct" for verdict in judge.verify(pairs)]

    return same
