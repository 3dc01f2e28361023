"""keep: which completions of a round are eligible, by the verdict, the vote or a ranking."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rlvr.data import Arm, Keep, Status
from rlvr.records.stored import Judged, pick
from rlvr.select.axis import Axis, Pool, draw
from rlvr.verify.verifier import LUCKY

VOTES_AT_ONCE = 1 << 12  # completions that vote at a time, with the others of their problems
Asked = tuple[str, str, str]  # a problem's id, an answer, a text


def keep_verified(pool: Pool) -> list[bool]:
    """Eligible: what the verifier called correct (STaR, 2203.14465, section 3)."""
    return [status == "correct" for (status,) in pick(pool, "status")]


def keep_inverted(pool: Pool) -> list[bool]:
    """Eligible: what the verifier called wrong: the filter of the opposite sign, same machinery."""
    return [status == "wrong" for (status,) in pick(pool, "status")]


def keep_answered(pool: Pool) -> list[bool]:
    """Eligible: what has a final answer, right or not: the format without the truth.

    The format reward of DeepSeek-R1 (2501.12948, section 2.2.2) as a filter.
    """
    return [extracted is not None for (extracted,) in pick(pool, "extracted")]


def keep_right_answers(pool: Pool) -> list[bool]:
    """Eligible: what ends in the right answer, whether its work holds or not.

    The filter of an outcome verifier, under a verifier that checks the work.
    """
    return [a or b for a, b in zip(keep_verified(pool), keep_lucky(pool), strict=True)]


def keep_lucky(pool: Pool) -> list[bool]:
    """Eligible: right answers whose work is wrong ("lucky guesses", 2603.21558)."""
    fields = pick(pool, "status", "reason")
    return [status == "wrong" and reason.startswith(LUCKY) for status, reason in fields]


def keep_all(pool: Pool) -> list[bool]:
    """Eligible: everything the model said (the loop of Shumailov, 2305.17493)."""
    return [True] * len(pool)


def keep_none(pool: Pool) -> list[bool]:
    """Eligible: nothing the model said in this round; the rows come from elsewhere."""
    return [False] * len(pool)


ELIGIBLE: dict[str, Callable[[Pool], list[bool]]] = {
    "verified": keep_verified,
    "all": keep_all,
    "random": keep_all,
    "majority": keep_verified,  # of a pool that `majority` judged
    "inverted": keep_inverted,
    "self-scored": keep_all,
    "least-likely": keep_all,
    "classifier": keep_all,
    "format-only": keep_answered,
    "right-answer": keep_right_answers,
    "lucky": keep_lucky,
    "real": keep_none,
    "replay": keep_none,
}


LUCK = ("right-answer", "lucky")
"""Values of keep that ask a verifier to tell a right answer by luck apart."""


def selects(arm: Arm) -> bool:
    """Whether an arm's rows are completions of their round, which it needs sampled."""
    return ELIGIBLE[arm.keep] is not keep_none


def likelihood(logprobs: Sequence[float]) -> float:
    """Return the mean logprob a token (nats): likelihood normalised by length.

    What a model can know of its own completions without a verifier (Huang 2412.01951 calls
    selecting by it sharpening).
    """
    return sum(logprobs) / max(1, len(logprobs))


def unlikelihood(logprobs: Sequence[float]) -> float:
    """Return minus the likelihood: the ranking upside down, by the same model.

    Pruning by perplexity keeps the low, the middle or the high part (Marion 2309.04564, section
    3.1); this is the high one.
    """
    return -likelihood(logprobs)


RANKINGS: dict[str, Callable[[Sequence[float]], float]] = {
    "self-scored": likelihood,
    "least-likely": unlikelihood,
}


def majority(
    pool: Pool, same: Callable[[Sequence[Asked]], Sequence[bool]], seed: int
) -> Iterator[Judged]:
    """Yield the pool as its own majority vote judges it: the truth is not looked at.

    The completions of a problem, which lie together, are grouped by `same`, which says for
    (problem's id, answer, text) whether the verifier calls that text correct with that answer as
    reference. The largest group is correct, ties at random; what has no answer has no vote and is
    wrong (self-consistency, 2203.11171; as a label, TTRL 2504.16084).
    """
    by_problem = itertools.groupby(pool, key=lambda pair: pair[0].problem_id)
    part: list[list[Judged]] = []
    for _, group in by_problem:
        part.append(list(group))
        if sum(map(len, part)) >= VOTES_AT_ONCE:
            yield from _voted(part, same, seed)
            part = []
    yield from _voted(part, same, seed)


def _voted(
    groups: Sequence[Sequence[Judged]], same: Callable[[Sequence[Asked]], Sequence[bool]], seed: int
) -> Iterator[Judged]:
    """Yield the completions of some problems as each problem's majority judges them."""

    def votes(group: Sequence[Judged]) -> list[int]:
        return [
            i
            for i, (_, verdict) in enumerate(group)
            if verdict.extracted is not None and verdict.status != "error"
        ]

    # Equal texts of an answer are one answer; only different ones need the verifier.
    questions = (
        (group[i][0].problem_id, answer, group[i][0].text)
        for group in groups
        for answer in dict.fromkeys(str(group[i][1].extracted) for i in votes(group))
        for i in votes(group)
        if answer != group[i][1].extracted
    )
    asked = list(dict.fromkeys(questions))
    agree = dict(zip(asked, same(asked), strict=True))
    for group in groups:
        camps: list[list[int]] = []
        for i in votes(group):
            completion, verdict = group[i]
            for camp in camps:
                answer = str(group[camp[0]][1].extracted)
                question = (completion.problem_id, answer, completion.text)
                if answer == verdict.extracted or agree[question]:
                    camp.append(i)
                    break
            else:
                camps.append([i])
        winners: set[int] = set()
        if camps:
            most = max(map(len, camps))
            tied = [camp for camp in camps if len(camp) == most]
            first = group[0][0]
            key = f"majority/{seed}/{first.round}/{first.problem_id}"
            winners = set(draw(tied, 1, key)[0])
        for i, (completion, verdict) in enumerate(group):
            if verdict.status != "error":
                status: Status = "correct" if i in winners else "wrong"
                verdict = replace(verdict, status=status, reason="majority", passed=())
            yield completion, verdict


def check_size(arm: Arm) -> None:
    """Raise ValueError where nothing says how much of what is eligible the arm keeps.

    For arms that train on rows; an online learner keeps none.
    """
    sized = arm.match is not None or arm.share is not None or arm.cap is not None
    if arm.keep in ("random", "classifier", *RANKINGS) and not sized:
        raise ValueError(
            f"keep: {arm.keep} needs match: ARM, the arm whose size it copies, or share, that "
            "of the pool which it keeps, or cap, the most rows of a problem"
        )


def _check(arm: Arm) -> None:
    if arm.keep != "replay":
        return
    elsewhere = {
        "share": arm.share is not None,
        "cap": arm.cap is not None,
        "memory": arm.memory != "replace",
        "real_fraction": arm.real_fraction > 0,
        "author": arm.author != "model",
    }
    for axis, said in elsewhere.items():
        if said:
            raise ValueError(
                f"keep: replay has the same rows in every round: {axis} has no meaning"
            )
    if arm.match is not None and arm.match_by == "problems":
        raise ValueError("keep: replay has rows of other problems: add match_by: rows (or tokens)")


AXIS = Axis(
    kind=Keep,
    values="no default: see below",
    says="which completions are eligible",
    check=_check,
    eligible=lambda pool, arm: ELIGIBLE[arm.keep](pool),
)
