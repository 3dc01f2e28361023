"""Pools of four judged completions a problem, written as a letter each."""

from __future__ import annotations

from rlvr.data import Completion, Status, Verdict
from rlvr.select.axis import Pool

STATUS: dict[str, Status] = {"c": "correct", "w": "wrong", "a": "abstain", "e": "error"}
OUTCOMES = {"p": "ccww", "q": "wwww", "r": "cccc", "s": "aecw"}


def pool_of(outcomes: dict[str, str], round_: int = 1) -> Pool:
    return [
        (
            Completion(
                problem_id=problem,
                arm="base",
                seed=0,
                round=round_,
                index=i,
                prompt_token_ids=(40, ord(problem[0])),
                # Ids that no tokenizer would give for the text: a re-tokenised row would show.
                token_ids=(9000 + i, 17, 17, ord(problem[0])),
                text="46",
                logprobs=(-1.0, -2.0, -3.0, -4.0),
                finish_reason="stop",
            ),
            Verdict(STATUS[letter]),
        )
        for problem, letters in outcomes.items()
        for i, letter in enumerate(letters)
    ]


POOL = pool_of(OUTCOMES)
