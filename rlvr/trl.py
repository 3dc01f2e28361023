"""TRL: any verifier as a reward function of TRL's GRPOTrainer and RLOOTrainer.

    from rlvr.trl import reward_func
    GRPOTrainer(..., reward_funcs=reward_func("math", answer="solution"))

Correct is 1, wrong is 0. Abstain and error are None, which these two leave out: they are no
evidence against the completion. (Its OnlineDPOTrainer takes None for 0.) The other direction, a
TRL reward function as a verifier, is the verifier `trl`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from rlvr.data import InputError, Problem, Verdict
from rlvr.verify.pool import VerifierPool

Message = Mapping[str, Any]


class RewardFunction:
    """What `reward_func` returns: called by the trainer, once a batch, from one thread.

    `verdicts` are those of the last batch. The reason of an error is warned of once. Its worker
    processes end with the process that made it, or at `close()`.
    """

    def __init__(
        self,
        pool: VerifierPool,
        answer: str,
        columns: Mapping[str, str] | None,
        partial_credit: bool,
    ) -> None:
        self.pool, self.answer, self.columns = pool, answer, columns
        self.partial_credit = partial_credit
        self.verdicts: list[Verdict] = []
        self._told: set[str] = set()
        self.__name__ = "rlvr_" + re.sub(r"\W+", "_", pool.verifier.name)

    def __call__(
        self,
        prompts: Sequence[str | Sequence[Message]],
        completions: Sequence[str | Sequence[Message]],
        **columns: Any,
    ) -> list[float | None]:
        """Return a reward a completion; `columns` are the dataset's, a value a completion."""
        references = self._references(columns, len(completions))
        problems = [
            Problem(str(place), "trl", "train", "", _text(prompt), reference)
            for place, (prompt, reference) in enumerate(zip(prompts, references, strict=True))
        ]
        items = zip(problems, map(_text, completions), strict=True)
        self.verdicts = list(self.pool.verify(items))
        for verdict in self.verdicts:
            if verdict.status == "error" and verdict.reason not in self._told:
                self._told.add(verdict.reason)
                warnings.warn(f"{self.__name__}: no reward: {verdict.reason}", stacklevel=2)
        return [self._reward(verdict) for verdict in self.verdicts]

    def close(self) -> None:
        """End the worker processes."""
        self.pool.close()

    def _references(self, columns: Mapping[str, Any], n: int) -> list[Any]:
        for name in self.columns.values() if self.columns else [self.answer]:
            if name not in columns:
                raise InputError(
                    f"{self.__name__}: the dataset has no column {name!r}: name the one that holds "
                    f"the reference: reward_func(..., answer=...) (columns: {', '.join(columns)})"
                )
        if not self.columns:
            return list(columns[self.answer])
        return [{part: columns[name][i] for part, name in self.columns.items()} for i in range(n)]

    def _reward(self, verdict: Verdict) -> float | None:
        if verdict.status not in ("correct", "wrong"):
            return None
        if self.partial_credit and verdict.fraction is not None:
            return verdict.fraction
        return float(verdict.status == "correct")


def reward_func(
    verifier: str,
    answer: str = "answer",
    partial_credit: bool = False,
    columns: Mapping[str, str] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    **options: Any,
) -> RewardFunction:
    """Return a reward function that asks `verifier`, whose options are `options`.

    `answer` is the dataset's column that holds the reference. Where the reference has parts, as
    tests of programs have, `columns` maps each to its column: {"test_list": "test_list"}.
    `partial_credit` gives the share of tests passed, where there are tests. Raises InputError for
    an unknown verifier or option.
    """
    pool = VerifierPool(verifier, options, workers, timeout)
    return RewardFunction(pool, answer, columns, partial_credit)


def _text(message: str | Sequence[Message]) -> str:
    """Return a plain text as it is; of a conversation, the last message's text."""
    if isinstance(message, str):
        return message
    content = message[-1]["content"] if message else ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content or ())
