"""Arms: which completions of a round become training rows.

Presets are names for points on the axes of `Arm`.

A pool is what one arm sampled in one round: completions and their verdicts, problem-major. Each
value of `keep` is a short pure function over it, and so is each value of the other axes. With n_i
the number that the matched arm kept of problem i, a matching arm keeps min(n_i, eligible) of
problem i, drawn uniformly without replacement (a ranking keep: the best); what it lacks is its
shortfall, never topped up. An arm with a share keeps that share of its pool in the same way, the
problems taken together.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from rlvr.data import DECIDED, Arm, Flip, InputError, Memory, Problem, Row, Status, nearest
from rlvr.records.stored import ROW, Judged, chosen, joined, pass_over, pick

VOTES_AT_ONCE = 1 << 12  # completions that vote at a time, with the others of their problems
Pool = Sequence[Judged]
Asked = tuple[str, str, str]  # a problem's id, an answer, a text
Item = TypeVar("Item")

PRESETS: dict[str, Arm] = {
    "verified": Arm("verified", keep="verified"),
    "unfiltered": Arm("unfiltered", keep="all"),
    "random": Arm("random", keep="random", match="verified"),
    "inverted": Arm("inverted", keep="inverted", match="verified"),
    "self-scored": Arm("self-scored", keep="self-scored", match="verified"),
    "majority": Arm("majority", keep="majority"),
    "format-only": Arm("format-only", keep="format-only"),
    "real": Arm("real", keep="real"),
    "accumulate": Arm("accumulate", keep="all", memory="accumulate"),
}


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


def keep_all(pool: Pool) -> list[bool]:
    """Eligible: everything the model said (the loop of Shumailov, 2305.17493)."""
    return [True] * len(pool)


def keep_none(pool: Pool) -> list[bool]:
    """Eligible: nothing the model said; the rows are real solutions."""
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
    "real": keep_none,
}


def preset(name: str) -> Arm:
    """Return the arm called `name`. Raises InputError with the nearest known name."""
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"arms: unknown arm {name!r}{nearest(name, PRESETS)} (known: {known})")
    return PRESETS[name]


def in_order(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms so that a matched arm comes before those that match it, order otherwise kept.

    Raises InputError when an arm matches one that is not there, itself, or a circle of them.
    """
    names = [arm.name for arm in arms]
    for arm in arms:
        if arm.match is not None and arm.match not in names:
            raise InputError(
                f"arms: {arm.name!r} matches {arm.match!r}, which is not among the "
                f"arms{nearest(arm.match, names)}: "
                f"add it, or set match"
            )
    ordered: list[Arm] = []
    waiting = list(arms)
    while waiting:
        ready = [
            arm
            for arm in waiting
            if arm.match is None or arm.match in [done.name for done in ordered]
        ]
        if not ready:
            raise InputError(
                "arms: these match each other in a circle: "
                f"{', '.join(arm.name for arm in waiting)}"
            )
        ordered += ready
        waiting = [arm for arm in waiting if arm not in ready]
    return ordered


def choose(
    pool: Pool,
    arm: Arm,
    counts: Mapping[str, int] | None,
    seed: int,
    round_: int,
    scores: Sequence[float] | None = None,
) -> list[bool]:
    """Return for each completion of the pool whether it is kept.

    `counts` (problem id -> number) are those of the matched arm in this round; None where the arm
    matches none. `scores`, one a completion, rank the pool, highest first; None where the arm does
    not rank or the pool itself gives the ranking.
    """
    eligible = ELIGIBLE[arm.keep](pool)
    if (counts is None and arm.share is None) or arm.keep == "real":
        return eligible
    if arm.keep in RANKINGS:
        logprobs = pick(pool, "logprobs")
        scores = [RANKINGS[arm.keep](of_tokens) for (of_tokens,) in logprobs]
    groups: Iterable[tuple[str, Iterable[int]]] = [("", range(len(pool)))]
    if arm.share is not None:
        counts = {"": round(arm.share * len(pool))}
    else:
        groups = _by_problem(pool)
    assert counts is not None
    kept = [False] * len(pool)
    for name, places in groups:
        indices = [i for i in places if eligible[i]]
        n = counts.get(name, 0)
        if scores is not None:
            chosen = sorted(indices, key=lambda i: -scores[i])[:n]
        else:
            chosen = _draw(indices, n, f"{seed}/{round_}/{name}")
        for i in chosen:
            kept[i] = True
    return kept


def _by_problem(pool: Pool) -> Iterator[tuple[str, list[int]]]:
    """Yield each problem with the places of its completions, wherever they lie, as they rise."""
    known: dict[str, int] = {}
    ids = pick(pool, "problem_id")
    codes = np.fromiter((known.setdefault(one, len(known)) for (one,) in ids), np.int32, len(pool))
    order, begin = codes.argsort(kind="stable"), 0
    for problem, end in zip(known, np.bincount(codes).cumsum(), strict=True):
        yield problem, order[begin:end].tolist()
        begin = end


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


def misjudge(pool: Pool, flip: Flip, seed: int) -> Iterator[Judged]:
    """Yield the pool as a verifier with these errors would judge it.

    Each decided verdict turns by a coin of its own, keyed by (seed, completion): false positives
    with rate P(called correct | wrong), false negatives with P(called wrong | correct), in the
    terms of 2601.04411, where a loop's fate is set by J = TPR - FPR. With a pattern only matching
    texts can turn (systematic errors, 2605.02909). Abstain and error stay.
    """
    rates = {"wrong": flip.false_positive, "correct": flip.false_negative}
    other: dict[str, Status] = {"wrong": "correct", "correct": "wrong"}
    for completion, verdict in pool:
        rate = rates.get(verdict.status, 0.0)
        if flip.pattern is not None and not re.search(flip.pattern, completion.text):
            rate = 0.0
        key = f"flip/{seed}/{completion.problem_id}/{completion.round}/{completion.index}"
        if _generator(key).random() < rate:
            verdict = replace(verdict, status=other[verdict.status], reason="flipped")
        yield completion, verdict


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
            winners = set(_draw(tied, 1, key)[0])
        for i, (completion, verdict) in enumerate(group):
            if verdict.status != "error":
                status: Status = "correct" if i in winners else "wrong"
                verdict = replace(verdict, status=status, reason="majority")
            yield completion, verdict


def rewards(
    pool: Pool, arm: Arm, seed: int, partial_credit: bool = False, format_reward: float = 0.0
) -> list[float | None]:
    """Return the reward of each completion, of a pool as the arm's verifier sees it.

    Correct is 1, wrong 0; `inverted` the other way round; `random` 1 or 0 by a coin that does not
    look (2506.10947); `format-only` 1 for what has an answer. Abstain and error are None in every
    arm: no evidence. `partial_credit` gives the share of tests passed, where there are tests, and
    `format_reward` is added for an answer that could be read.
    """
    found: list[float | None] = []
    for completion, verdict in pool:
        if verdict.status not in DECIDED:
            found.append(None)
            continue
        reward = float(verdict.status == "correct")
        if partial_credit and verdict.fraction is not None:
            reward = verdict.fraction
        if arm.keep == "inverted":
            reward = 1 - reward
        elif arm.keep == "random":
            key = f"reward/{seed}/{completion.problem_id}/{completion.round}/{completion.index}"
            reward = float(_generator(key).random() < 0.5)
        elif arm.keep == "format-only":
            reward = float(verdict.extracted is not None)
        found.append(reward + format_reward * (verdict.extracted is not None))
    return found


def _generator(key: str) -> random.Random:
    return random.Random(hashlib.sha256(key.encode()).digest())


def _draw(items: Sequence[Item], n: int, key: str) -> list[Item]:
    """Draw n of the items without replacement, by a generator of their own."""
    places = _generator(key).sample(range(len(items)), min(n, len(items)))
    return [items[place] for place in places]


def completion_rows(pool: Pool, kept: Sequence[bool], arm: Arm, verifier: str) -> Sequence[Row]:
    """Return the kept completions as training rows: the sampled token ids themselves."""
    why = (
        f"keep={arm.keep}"
        + (f" match={arm.match}" if arm.match else "")
        + (f" share={arm.share:g}" if arm.share else "")
        + (f" author={arm.author}" if arm.author != "model" else "")
    )
    return chosen(pool, kept, ROW, source="completion", verifier=verifier, why=why)


def real_rows(
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    solutions: Sequence[tuple[int, ...]],
    arm: str,
    seed: int,
    round_: int,
    counts: Mapping[str, int] | None = None,
) -> list[Row]:
    """Return a real solution a problem as rows; with `counts`, that many copies of each."""
    return [
        Row(
            problem_id=problem.id,
            source="warm-start" if round_ == 0 else "real",
            arm=arm,
            seed=seed,
            round=round_,
            index=copy,
            prompt_token_ids=prompt,
            token_ids=solution,
            status="correct",
            verifier="",
            why="real solution",
        )
        for problem, prompt, solution in zip(problems, prompts, solutions, strict=True)
        for copy in range(1 if counts is None else counts.get(problem.id, 0))
    ]


def mix_real(
    rows: Sequence[Row], real: Mapping[str, Row], fraction: float, seed: int, round_: int
) -> Iterator[Row]:
    """Yield the rows, a share of them replaced by real solutions of the same problems.

    `real`: problem id -> a real row. round(fraction x rows) are drawn uniformly without
    replacement; number and prompts of the rows stay, so that only the source differs (the fresh
    real data of Alemohammad 2307.01850, and Shumailov's 10 %, 2305.17493).
    """
    indices = range(len(rows))
    drawn = set(_draw(indices, round(fraction * len(rows)), f"real/{seed}/{round_}"))
    return (
        replace(real[row.problem_id], index=i) if i in drawn else row for i, row in enumerate(rows)
    )


def subsample(rows: Sequence[Item], n: int, seed: int, round_: int) -> Iterator[Item]:
    """Yield n of all rows so far, uniformly without replacement, in their order.

    Accumulate-subsample: all data is kept, the training budget is not (Kazdan 2410.16713).
    """
    return pass_over(rows, sorted(_draw(range(len(rows)), n, f"memory/{seed}/{round_}")))


def remember(
    memory: Memory, before: Sequence[Item], fresh: Sequence[Item], seed: int, round_: int
) -> tuple[Sequence[Item], Iterable[Item]]:
    """Return all that the arm holds after this round, and what of it the round trains on.

    `before`: what it held until now; `fresh`: the round's own rows. replace holds and trains on the
    fresh rows alone (Shumailov 2305.17493), accumulate on all so far (Gerstgrasser 2404.01413),
    subsample holds all and trains on as many of them as are fresh (`subsample`).
    """
    if memory == "replace":
        return fresh, fresh
    held = joined(before, fresh)
    return held, subsample(held, len(fresh), seed, round_) if memory == "subsample" else held
