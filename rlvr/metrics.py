"""Metrics: pure functions from evaluation records to the long form of metrics.parquet.

Abstained and failed completions are excluded from every accuracy, counted, and bounded:
`pass@1_low` counts them as wrong, `pass@1_high` as correct.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rlvr.data import DECIDED, Verdict
from rlvr.evaluate import Record
from rlvr.ngrams import Gram, distinct, share
from rlvr.stats import mean_pass_at_k, measurement_error

ALL = "all"
STEP = "step-"  # how the levels of an online arm's single optimiser steps begin
OFF_TARGET = "off_target"
"""How the metrics begin that are measured on tasks that are not trained on."""


def metric(name: str, value: float, n: int, level: str = ALL) -> dict[str, Any]:
    """Return one metric in long form, its place in the run (seed, arm, round) still to be added."""
    return {"metric": name, "level": level, "value": float(value), "n": int(n)}


def accuracy(records: Sequence[Record], name: str) -> list[dict[str, Any]]:
    """Return the share correct of the decided records as metric `name`, overall and by level."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.status in DECIDED:
            groups[ALL].append(record)
            groups[record.level].append(record)
    return [
        metric(
            name,
            sum(record.status == "correct" for record in group) / len(group),
            len(group),
            level,
        )
        for level, group in sorted(groups.items())
    ]


def sampled(records: Sequence[Record], ks: Iterable[int]) -> list[dict[str, Any]]:
    """Return pass@k (overall; pass@1 by level too) and the health of the samples.

    pass@k is the mean over problems of 1 - C(n-c, k)/C(n, k) with n decided samples, c of them
    correct (Chen 2107.03374, equation 1); a problem with n < k is left out of that k and shows in
    `n`.
    """
    by_problem: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_problem[record.problem_id].append(record)
    counts = [(group[0].level, *_decided(group)) for group in by_problem.values()]
    out: list[dict[str, Any]] = []
    for k in ks:
        usable = [(level, n, c) for level, n, c in counts if n >= k]
        levels = {ALL, *(level for level, _, _ in usable)} if k == 1 else {ALL}
        for level in sorted(levels):
            chosen = [(n, c) for where, n, c in usable if level in (ALL, where)]
            if chosen:
                value = mean_pass_at_k([n for n, _ in chosen], [c for _, c in chosen], k)
                out.append(metric(f"pass@{k}", value, len(chosen), level))
    judged = [(n, c) for _, n, c in counts if n]
    if len(judged) > 1:
        error = measurement_error([n for n, _ in judged], [c for _, c in judged])
        out.append(metric("pass@1_se", error, len(judged)))
    return out + _bounds(by_problem) + _health(by_problem)


def diversity(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the diversity of samples, and as `correct_...` that of the correct ones among them.

    distinct_N: unique over all N-grams of token ids (`rlvr.ngrams.distinct`); compare equal numbers
    of samples. answer_entropy: mean over problems of the entropy (nats) of the shares of their
    extracted answers, no answer being one. token_entropy: mean of -logprob over the sampled tokens,
    an estimate of the policy's entropy a token (nats), since they were drawn from it: only for
    samples at temperature 1 and top-p 1.
    """
    correct = [record for record in records if record.status == "correct"]
    out = []
    for prefix, chosen in (("", records), ("correct_", correct)):
        texts = [record.token_ids for record in chosen]
        for n in (1, 2, 3):
            value = distinct(texts, n)
            if not math.isnan(value):
                out.append(metric(f"{prefix}distinct_{n}", value, len(texts)))
    tokens = sum(record.tokens for record in records)
    by_problem: dict[str, Counter[str | None]] = defaultdict(Counter)
    for record in records:
        by_problem[record.problem_id][record.extracted] += 1
    entropies = [_entropy(answers) for answers in by_problem.values()]
    return [
        *out,
        metric("answer_entropy", sum(entropies) / len(entropies), len(entropies)),
        metric("token_entropy", -sum(record.logprob for record in records) / tokens, tokens),
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
        groups[ALL] += [-logprob for logprob in tokens]
        groups[level] += [-logprob for logprob in tokens]
    out = [
        metric("real_nll", math.fsum(group) / len(group), len(group), level)
        for level, group in sorted(groups.items())
    ]
    worst = float(np.quantile(groups[ALL], 0.95))
    return [*out, metric("real_nll_p95", worst, len(groups[ALL]))]


def survival(base: Sequence[Record], records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return the share of the base's rare problems that some sample still solves.

    Rare: those whose pass rate in the base, over its samples of even index, is above 0 and no
    higher than the bottom decile of such rates. "Solved" looks at the samples of odd index alone,
    for the base too: judged by the samples that chose them, they would all be solved there. Nothing
    where the base solves none, or where there are no samples of odd index.
    """
    rates = {
        problem: sum(solved) / len(solved)
        for problem, solved in _solved(one for one in base if one.index % 2 == 0).items()
        if any(solved)
    }
    odd = _solved(one for one in records if one.index % 2)
    if not rates or not odd:
        return []
    decile = float(np.quantile(list(rates.values()), 0.1, method="higher"))
    rare = [problem for problem, rate in rates.items() if rate <= decile and problem in odd]
    if not rare:
        return []
    alive = sum(any(odd[problem]) for problem in rare)
    return [metric("survival", alive / len(rare), len(rare))]


def coverage(base: Sequence[Record], records: Sequence[Record], k: int) -> list[dict[str, Any]]:
    """Return the quadrants: shares of problems solved in k samples by both, one, or neither.

    coverage_both, coverage_base_only, coverage_arm_only, coverage_neither: whether an arm solves
    what its base could not, or only more surely what it could (Yue 2504.13837). The first k samples
    count, on both sides; problems without a decided one among them on either side are left out.
    """
    theirs, ours = (_solved(one for one in side if one.index < k) for side in (base, records))
    shared = [problem for problem in theirs if problem in ours]
    if not shared:
        return []
    pairs = Counter((any(theirs[problem]), any(ours[problem])) for problem in shared)
    names = {"both": (True, True), "base_only": (True, False)}
    names |= {"arm_only": (False, True), "neither": (False, False)}
    return [
        metric(f"coverage_{name}", pairs[pair] / len(shared), len(shared))
        for name, pair in names.items()
    ]


def _solved(records: Iterable[Record]) -> dict[str, list[bool]]:
    by_problem: dict[str, list[bool]] = defaultdict(list)
    for one in records:
        if one.status in DECIDED:
            by_problem[one.problem_id].append(one.status == "correct")
    return dict(by_problem)


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
    mine, theirs = share([one.token_ids for one in records], grams), share(real, grams)
    tokens = sum(one.tokens for one in records)
    return [metric("amplified", mine, tokens), metric("amplified_excess", mine - theirs, tokens)]


def lucky(judged: Sequence[Record | Verdict], name: str = "lucky") -> list[dict[str, Any]]:
    """Return the share of right final answers whose work is wrong as metric `name`.

    Right are the correct and the lucky ones; where there are none there is no metric. Only verdicts
    of a verifier that checks the work say so (TELLS_LUCK in its module).
    """
    from rlvr.verify import LUCKY

    luck = sum(one.status == "wrong" and one.reason.startswith(LUCKY) for one in judged)
    right = luck + sum(one.status == "correct" for one in judged)
    return [metric(name, luck / right, right)] if right else []


def filtering(
    verdicts: Sequence[Verdict], kept: Sequence[bool], levels: Sequence[str]
) -> list[dict[str, Any]]:
    """Return how well what was kept follows the truth of one round's completions.

    phi = P(keep | correct), psi = P(keep | wrong), J = phi - psi (Youden's index, the J of
    2601.04411), and the keep rate, overall and by level. One entry per completion in each argument;
    the verdicts are those before any flip. A share of nothing is left out.
    """
    groups: dict[str, list[tuple[Verdict, bool]]] = defaultdict(list)
    for verdict, keep, level in zip(verdicts, kept, levels, strict=True):
        groups[ALL].append((verdict, keep))
        groups[level].append((verdict, keep))
    out = [
        metric("keep_rate", sum(keep for _, keep in group) / len(group), len(group), level)
        for level, group in sorted(groups.items())
    ]
    shares = {}
    for name, status in (("phi", "correct"), ("psi", "wrong")):
        of = [keep for verdict, keep in groups[ALL] if verdict.status == status]
        if of:
            shares[name] = sum(of) / len(of)
            out.append(metric(name, shares[name], len(of)))
    if len(shares) == 2:
        out.append(metric("J", shares["phi"] - shares["psi"], len(verdicts)))
    return out


def _decided(group: Sequence[Record]) -> tuple[int, int]:
    return (
        sum(record.status in DECIDED for record in group),
        sum(record.status == "correct" for record in group),
    )


def _bounds(by_problem: Mapping[str, Sequence[Record]]) -> list[dict[str, Any]]:
    low = [sum(r.status == "correct" for r in group) / len(group) for group in by_problem.values()]
    high = [sum(r.status != "wrong" for r in group) / len(group) for group in by_problem.values()]
    n = len(by_problem)
    return [metric("pass@1_low", sum(low) / n, n), metric("pass@1_high", sum(high) / n, n)]


def _health(by_problem: Mapping[str, Sequence[Record]]) -> list[dict[str, Any]]:
    from rlvr.verify import NO_ANSWER

    records = [record for group in by_problem.values() for record in group]
    n = len(records)
    distinct = [
        len({record.text for record in group}) / len(group) for group in by_problem.values()
    ]
    return [
        metric("truncated", sum(record.truncated for record in records) / n, n),
        metric("no_answer", sum(record.reason == NO_ANSWER for record in records) / n, n),
        metric("distinct", sum(distinct) / len(distinct), len(distinct)),
        metric("tokens_per_completion", sum(record.tokens for record in records) / n, n),
        metric("excluded_abstain", sum(record.status == "abstain" for record in records), n),
        metric("excluded_error", sum(record.status == "error" for record in records), n),
    ]
