"""Metrics: pure functions from evaluation records to the long form of metrics.parquet.

Abstained and failed completions are excluded from every accuracy, counted, and bounded:
`pass@1_low` counts them as wrong, `pass@1_high` as correct.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from rlvr.data import DECIDED, STATUSES, Verdict
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.ngrams import Gram, amplified, count, distincts, share
from rlvr.records.stored import pick
from rlvr.statistics.estimates import mean_pass_at_k, measurement_error
from rlvr.verify.verifier import LUCKY, NO_ANSWER

ALL = "all"
ORDERS = (1, 2, 3)  # of the n-grams whose diversity is measured
GRAM = 3  # tokens of the n-grams that a model may use too often
STEP = "step-"  # how the levels of an online arm's single optimiser steps begin
OFF_TARGET = "off_target"
"""How the metrics begin that are measured on tasks that are not trained on."""


def metric(name: str, value: float, n: int, level: str = ALL) -> dict[str, Any]:
    """Return one metric in long form, its place in the run (seed, arm, round) still to be added."""
    return {"metric": name, "level": level, "value": float(value), "n": int(n)}


def accuracy(records: Sequence[Record], name: str) -> list[dict[str, Any]]:
    """Return the share correct of the decided records as metric `name`, overall and by level."""
    counts: Counter[tuple[str, bool]] = Counter()
    for status, level in pick(records, "status", "level"):
        if status in DECIDED:
            counts[level, status == "correct"] += 1
    groups = {level: (counts[level, True], counts[level, False]) for level, _ in counts}
    if groups:
        groups[ALL] = (sum(c for c, _ in groups.values()), sum(w for _, w in groups.values()))
    return [
        metric(name, correct / (correct + wrong), correct + wrong, level)
        for level, (correct, wrong) in sorted(groups.items())
    ]


def sampled(records: Sequence[Record], ks: Iterable[int]) -> list[dict[str, Any]]:
    """Return pass@k (overall; pass@1 by level too) and the health of the samples.

    pass@k is the mean over problems of 1 - C(n-c, k)/C(n, k) with n decided samples, c of them
    correct (Chen 2107.03374, equation 1); a problem with n < k is left out of that k and shows in
    `n`.
    """
    counts: list[tuple[str, int, int, int]] = []  # of each problem: level, n, decided, correct
    health: Counter[str] = Counter()
    different = []
    fields = ("level", "status", "text", "truncated", "reason", "tokens")
    for group in by_problem(records, *fields):
        of_levels, statuses, texts, truncated, reasons, tokens = zip(*group, strict=True)
        of = Counter(statuses)
        decided = sum(of[status] for status in DECIDED)
        counts.append((of_levels[0], len(group), decided, of["correct"]))
        different.append(len(set(texts)) / len(group))
        health.update(of)
        health["truncated"] += sum(truncated)
        health["no_answer"] += reasons.count(NO_ANSWER)
        health["tokens"] += sum(tokens)
    out: list[dict[str, Any]] = []
    for k in ks:
        usable = [(level, n, c) for level, _, n, c in counts if n >= k]
        levels = {ALL, *(level for level, _, _ in usable)} if k == 1 else {ALL}
        for level in sorted(levels):
            chosen = [(n, c) for where, n, c in usable if level in (ALL, where)]
            if chosen:
                value = mean_pass_at_k([n for n, _ in chosen], [c for _, c in chosen], k)
                out.append(metric(f"pass@{k}", value, len(chosen), level))
    judged = [(n, c) for _, _, n, c in counts if n]
    if len(judged) > 1:
        error = measurement_error([n for n, _ in judged], [c for _, c in judged])
        out.append(metric("pass@1_se", error, len(judged)))
    problems, n = len(counts), sum(of_each for _, of_each, _, _ in counts)
    # What is undecided as wrong, and as correct.
    low = sum(c / of_each for _, of_each, _, c in counts)
    high = sum((of_each - (decided - c)) / of_each for _, of_each, decided, c in counts)
    return [
        *out,
        metric("pass@1_low", low / problems, problems),
        metric("pass@1_high", high / problems, problems),
        metric("truncated", health["truncated"] / n, n),
        metric("no_answer", health["no_answer"] / n, n),
        metric("distinct", sum(different) / problems, problems),
        metric("tokens_per_completion", health["tokens"] / n, n),
        metric("undecided", (health["abstain"] + health["error"]) / n, n),
        metric("excluded_abstain", health["abstain"], n),
        metric("excluded_error", health["error"], n),
    ]


def by_problem(records: Iterable[Record], *names: str) -> Iterator[list[tuple[Any, ...]]]:
    """Yield some fields of each problem's records, a problem at a time.

    Raises ValueError where the records of a problem do not lie together.
    """
    seen: set[str] = set()
    fields = pick(records, "problem_id", *names)
    for problem, group in itertools.groupby(fields, key=itemgetter(0)):
        if problem in seen:
            raise ValueError(f"the records of problem {problem} do not lie together")
        seen.add(problem)
        yield [values[1:] for values in group]


def diversity(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the diversity of samples, and as `correct_...` that of the correct ones among them.

    distinct_N: unique over all N-grams of token ids (`rlvr.evaluate.ngrams.distinct`); compare
    equal numbers of samples. answer_entropy: mean over problems of the entropy (nats) of the shares
    of their extracted answers, no answer being one. token_entropy: mean of -logprob over the
    sampled tokens, an estimate of the policy's entropy a token (nats), since they were drawn from
    it: only for samples at temperature 1 and top-p 1.
    """
    out = []
    for prefix, statuses in (("", STATUSES), ("correct_", ("correct",))):
        n = sum(status in statuses for (status,) in pick(records, "status"))
        fields = pick(records, "token_ids", "status")
        texts = (token_ids for token_ids, status in fields if status in statuses)
        for order, value in zip(ORDERS, distincts(texts, ORDERS), strict=True):
            if not math.isnan(value):
                out.append(metric(f"{prefix}distinct_{order}", value, n))
    entropies = [
        _entropy(Counter(extracted for (extracted,) in group))
        for group in by_problem(records, "extracted")
    ]
    tokens = sum(tokens for (tokens,) in pick(records, "tokens"))
    logprob = sum(logprob for (logprob,) in pick(records, "logprob"))
    return [
        *out,
        metric("answer_entropy", sum(entropies) / len(entropies), len(entropies)),
        metric("token_entropy", -logprob / tokens, tokens),
    ]


def _entropy(counts: Counter[str | None]) -> float:
    n = counts.total()
    return math.fsum(c / n * math.log(n / c) for c in counts.values())


def likelihood(logprobs: Sequence[Sequence[float]], levels: Sequence[str]) -> list[dict[str, Any]]:
    """Return real_nll, overall and by level, and real_nll_p95, of real solutions.

    `logprobs`: those of each solution's tokens (nats, EOS included), with its level. real_nll is
    the mean of -logprob over tokens; perplexity is exp of it. real_nll_p95 is the 95th percentile
    over tokens: what the model thinks of the rarest real content, which a collapsing model is said
    to forget first (Shumailov 2305.17493).
    """
    groups: dict[str, list[float]] = defaultdict(list)
    for tokens, level in zip(logprobs, levels, strict=True):
        for name in {ALL, level}:  # a level may be called `all`
            groups[name] += [-logprob for logprob in tokens]
    out = [
        metric("real_nll", math.fsum(group) / len(group), len(group), level)
        for level, group in sorted(groups.items())
    ]
    worst = float(np.quantile(groups[ALL], 0.95))
    return [*out, metric("real_nll_p95", worst, len(groups[ALL]))]


def frequencies(real: Iterable[Sequence[int]]) -> list[dict[str, Any]]:
    """Return unigram_nll: the NLL (nats a token) of real solutions under their tokens' frequencies.

    What a model reaches that knows how often each token occurs in these texts, and nothing else:
    their empirical entropy (Shannon 1948, section 7). Few texts of a large vocabulary make it too
    small. [] without tokens.
    """
    counts = np.array([*Counter(itertools.chain.from_iterable(real)).values()], dtype=float)
    if not counts.size:
        return []
    tokens = counts.sum()
    nll = float(np.log(tokens) - (counts * np.log(counts)).sum() / tokens)
    return [metric("unigram_nll", nll, int(tokens))]


def survival(base: Sequence[Record], records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the share of the base's rare problems that some sample still solves.

    Rare: those whose pass rate in the base, over its samples of even index, is above 0 and no
    higher than the bottom decile of such rates. "Solved" looks at the samples of odd index alone,
    for the base too: judged by the samples that chose them, they would all be solved there. Nothing
    where the base solves none, or where there are no samples of odd index.
    """
    rates = {
        problem: correct / decided
        for problem, (correct, decided) in _solved(base, lambda index: index % 2 == 0).items()
        if correct
    }
    odd = _solved(records, lambda index: index % 2 == 1)
    if not rates or not odd:
        return []
    decile = float(np.quantile(list(rates.values()), 0.1, method="higher"))
    rare = [problem for problem, rate in rates.items() if rate <= decile and problem in odd]
    if not rare:
        return []
    alive = sum(odd[problem][0] > 0 for problem in rare)
    return [metric("survival", alive / len(rare), len(rare))]


def coverage(base: Sequence[Record], records: Sequence[Record], k: int) -> list[dict[str, Any]]:
    """Return the quadrants: shares of problems solved in k samples by both, one, or neither.

    coverage_both, coverage_base_only, coverage_arm_only, coverage_neither: whether an arm solves
    what its base could not, or only more surely what it could (Yue 2504.13837). The first k samples
    count, on both sides; problems without a decided one among them on either side are left out.
    """
    theirs, ours = (_solved(side, lambda index: index < k) for side in (base, records))
    shared = [problem for problem in theirs if problem in ours]
    if not shared:
        return []
    pairs = Counter((theirs[problem][0] > 0, ours[problem][0] > 0) for problem in shared)
    names = {"both": (True, True), "base_only": (True, False)}
    names |= {"arm_only": (False, True), "neither": (False, False)}
    return [
        metric(f"coverage_{name}", pairs[pair] / len(shared), len(shared))
        for name, pair in names.items()
    ]


def _solved(records: Iterable[Record], counts: Callable[[int], bool]) -> dict[str, tuple[int, int]]:
    """Return of each problem how many samples whose index `counts` are correct, and decided."""
    found: dict[str, tuple[int, int]] = {}
    for problem, index, status in pick(records, "problem_id", "index", "status"):
        if counts(index) and status in DECIDED:
            correct, decided = found.get(problem, (0, 0))
            found[problem] = (correct + (status == "correct"), decided + 1)
    return found


def amplification(
    records: Sequence[Record], grams: Collection[Gram], real: Sequence[Sequence[int]]
) -> list[dict[str, Any]]:
    """Return the share of tokens that lie in n-grams which the base over-used, as `amplified`.

    `grams` were found in the base's training pool, so that no sample measured here chose them.
    amplified_excess is that share less the share that they have in the real solutions `real`
    (token ids): what a perfect model would show is 0.
    """
    if not grams:
        return []
    texts = (token_ids for (token_ids,) in pick(records, "token_ids"))
    mine, theirs = share(texts, grams), share(real, grams)
    tokens = sum(tokens for (tokens,) in pick(records, "tokens"))
    return [metric("amplified", mine, tokens), metric("amplified_excess", mine - theirs, tokens)]


def overuse(
    records: Sequence[Record], real: Sequence[Sequence[int]], n: int
) -> list[dict[str, Any]]:
    """Return the share of tokens that lie in n-grams which these samples over-use, as `overused`.

    Looked at is the first sample of each problem. The n-grams are those that the samples of every
    second problem hold more often than the real solutions of these problems do
    (`ngrams.amplified`); their share is measured in the other problems, where selection alone does
    not raise it. Then the halves change places, and both shares are averaged. overused_excess is
    that share less the share of the same n-grams in the other problems' real solutions: 0 for a
    model that writes like them. `real`: token ids, one text a problem, in the samples' order; with
    none, and where a half holds no n-gram, there is no metric.
    """
    fields = pick(records, "index", "token_ids")
    firsts = [token_ids for index, token_ids in fields if index == 0]
    if not real:
        return []
    halves = [(firsts[i::2], real[i::2]) for i in (0, 1)]
    if not all(count(texts, n) for half in halves for texts in half):
        return []
    mine: list[float] = []
    theirs: list[float] = []
    for found_in, measured_in in (halves, halves[::-1]):
        grams = amplified(*found_in, n)
        for shares, texts in zip((mine, theirs), measured_in, strict=True):
            shares.append(share(texts, grams))
    tokens = sum(map(len, firsts))
    overused = sum(mine) / 2
    return [
        metric("overused", overused, tokens),
        metric("overused_excess", overused - sum(theirs) / 2, tokens),
    ]


def lucky(judged: Iterable[Record | Verdict], name: str = "lucky") -> list[dict[str, Any]]:
    """Return the share of right final answers whose work is wrong as metric `name`.

    Right are the correct and the lucky ones; where there are none there is no metric. Only verdicts
    of a verifier that checks the work say so (TELLS_LUCK in its module).
    """
    luck = right = 0
    for status, reason in pick(judged, "status", "reason"):
        lucky_one = status == "wrong" and reason.startswith(LUCKY)
        luck, right = luck + lucky_one, right + lucky_one + (status == "correct")
    return [metric(name, luck / right, right)] if right else []


def answered_right(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the share of decided records whose final answer is right, as `right_answer`.

    By sound work or by luck: what an outcome verifier would call pass@1.
    """
    right = decided = 0
    for status, reason in pick(records, "status", "reason"):
        decided += status in DECIDED
        right += status == "correct" or (status == "wrong" and reason.startswith(LUCKY))
    return [metric("right_answer", right / decided, decided)] if decided else []


def filtering(
    verdicts: Iterable[Verdict], kept: Iterable[bool], levels: Iterable[str]
) -> list[dict[str, Any]]:
    """Return how well what was kept follows the truth of one round's completions.

    phi = P(keep | correct), psi = P(keep | wrong), J = phi - psi (Youden's index, the J of
    2601.04411), the keep rate, overall and by level, and the share without a verdict
    (train_undecided). One entry per completion in each argument; the verdicts are those before any
    flip. A share of nothing is left out.
    """
    counts: Counter[tuple[str, str, bool]] = Counter()
    for verdict, keep, level in zip(verdicts, kept, levels, strict=True):
        counts[level, verdict.status, keep] += 1

    def rate(status: str = "", level: str = ALL) -> tuple[float, int] | None:
        chosen: Counter[bool] = Counter()
        for (of_level, of_status, keep), n in counts.items():
            if level in (ALL, of_level) and status in ("", of_status):
                chosen[keep] += n
        return (chosen[True] / chosen.total(), chosen.total()) if chosen else None

    out, shares = [], {}
    for level in sorted({ALL, *(level for level, _, _ in counts)}):
        if found := rate(level=level):
            out.append(metric("keep_rate", *found, level))
    for name, status in (("phi", "correct"), ("psi", "wrong")):
        if found := rate(status):
            shares[name] = found[0]
            out.append(metric(name, *found))
    if len(shares) == 2:
        out.append(metric("J", shares["phi"] - shares["psi"], counts.total()))
    if n := counts.total():
        undecided = sum(count for (_, of, _), count in counts.items() if of not in DECIDED)
        out.append(metric("train_undecided", undecided / n, n))
    return out
