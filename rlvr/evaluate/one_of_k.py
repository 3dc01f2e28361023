"""One of k: a single answer that k samples of a problem give, chosen without a verifier.

`maj@k` is what the samples vote for, `best-of-k` the sample that its own model finds likeliest.
Both are what a model does with more samples and no training: the base's are lines for a loop to
beat. Both are means over problems of the expectation over k of a problem's n decided samples, drawn
without replacement, as pass@k is. What is undecided is no sample, as in every accuracy, and a
problem with n < k is left out of that k and shows in `n`. For k = 1 both are pass@1, and are not
recorded.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from rlvr.data import DECIDED
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.metrics import by_problem, metric
from rlvr.records.stored import pick

SUBSETS = 500  # of a problem's samples, at most: all of them, or as many that are drawn
Ballot = tuple[int, tuple[tuple[int, int], ...]]
"""A problem's decided samples, and of each answer its votes and how many of these are correct."""


def majority(records: Sequence[Record], ks: Iterable[int]) -> list[dict[str, Any]]:
    """Return maj@k: the share of problems where what k samples vote for is right.

    Self-consistency (Wang 2203.11171, section 2): the commonest extracted answer wins, with no look
    at a verdict. Answers are the same where their texts are. A tie counts as the mean of the
    answers tied. A sample without an answer is one of the k and has no vote; where none of the k
    has an answer, the vote is wrong. An answer is as right as its samples are correct on average:
    all or none of them, but where a verifier looks at more than the answer. Nothing where some
    samples are correct and none of these has an answer: that verifier extracts none.
    """
    fields = pick(records, "status", "extracted")
    if {answer is None for status, answer in fields if status == "correct"} == {True}:
        return []
    ballots: Counter[Ballot] = Counter()
    for group in by_problem(records, "status", "extracted"):
        decided = [one for one in group if one[0] in DECIDED]
        votes = Counter(answer for _, answer in decided if answer is not None)
        right = Counter(answer for status, answer in decided if status == "correct")
        camps = sorted(((n, right[answer]) for answer, n in votes.items()), reverse=True)
        ballots[len(decided), tuple(camps)] += 1
    out = []
    for k in ks:
        usable = {ballot: times for ballot, times in ballots.items() if ballot[0] >= k > 1}
        if problems := sum(usable.values()):
            won = math.fsum(times * vote(ballot, k) for ballot, times in usable.items())
            out.append(metric(f"maj@{k}", won / problems, problems))
    return out


def vote(ballot: Ballot, k: int) -> float:
    """Return how right the vote of k of a problem's samples is, in expectation, from 0 to 1.

    Exact where there are at most SUBSETS choices of k samples; else the mean over SUBSETS random
    ones, whose seed is the ballot and k.
    """
    n, camps = ballot
    if not camps:
        return 0.0
    votes, right = np.array(camps).T
    if math.comb(n, k) <= SUBSETS:
        chosen = _all_subsets(n, k)
    else:
        generator = np.random.default_rng([n, k, *votes, *right])
        chosen = generator.permuted(np.tile(np.arange(n) < k, (SUBSETS, 1)), axis=1)
    begins = np.cumsum([0, *votes])  # the samples of an answer lie together, silent ones come last
    counts = np.add.reduceat(chosen.astype(int), begins[begins < n], axis=1)[:, : len(camps)]
    most = counts.max(1, keepdims=True)
    winners = (counts == most) & (most > 0)
    won = (winners * (right / votes)).sum(1) / np.maximum(winners.sum(1), 1)
    return float(won.mean())


@functools.cache
def _all_subsets(n: int, k: int) -> npt.NDArray[np.bool_]:
    """Return a row for each choice of k among n: which of the n it has."""
    subsets = np.array(list(itertools.combinations(range(n), k)))
    chosen = np.zeros((len(subsets), n), bool)
    np.put_along_axis(chosen, subsets, True, axis=1)
    return chosen


def likeliest(records: Sequence[Record], ks: Iterable[int]) -> list[dict[str, Any]]:
    """Return best-of-k: the share of problems where the likeliest of k samples is correct.

    Likeliest by the mean log-probability a token that the model itself gave at temperature 1 (Chen
    2107.03374, section 3.3; what `keep: self-scored` ranks by). Of equally likely ones the first.
    The i-th likeliest of n is the best of k of them with chance C(n-1-i, k-1) / C(n, k), i from 0,
    so the expectation is exact. A sample counts whether it has an answer or not.
    """
    problems: Counter[int] = Counter()  # n -> problems with n decided samples
    hits: Counter[tuple[int, int]] = Counter()  # n, i -> problems whose i-th likeliest is correct
    for group in by_problem(records, "status", "logprob", "tokens"):
        ranked = sorted(
            (one for one in group if one[0] in DECIDED), key=lambda one: -one[1] / max(1, one[2])
        )
        n = len(ranked)
        problems[n] += 1
        hits.update((n, i) for i, (status, _, _) in enumerate(ranked) if status == "correct")
    out = []
    for k in ks:
        usable = sum(times for n, times in problems.items() if n >= k > 1)
        if usable:
            found = math.fsum(
                times * math.comb(n - 1 - i, k - 1) / math.comb(n, k)
                for (n, i), times in hits.items()
                if n >= k
            )
            out.append(metric(f"best-of-{k}", found / usable, usable))
    return out
