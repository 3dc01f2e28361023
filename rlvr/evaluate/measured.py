"""What metrics are made from, and the functions that the rows of `rlvr.evaluate.table` name.

Each function takes one of the classes below and returns its metrics in long form
(`rlvr.evaluate.metrics.metric`); [] where there is nothing to measure.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.data import Verdict
from rlvr.evaluate import metrics, one_of_k
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.ngrams import Gram
from rlvr.records.stored import Judged, pick

Found = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """An evaluation's records: `samples` at temperature 1, and `greedy` ones.

    `ks`: the k of pass@k. `logprobs`: those of the tokens (nats) of each problem's real solution,
    None where there are none; `levels`: of the same problems. `tells_luck`: the verifier tells a
    right answer by luck apart.
    """

    samples: Sequence[Record]
    greedy: Sequence[Record]
    ks: Sequence[int]
    logprobs: Sequence[Sequence[float]] | None
    levels: Sequence[str]
    tells_luck: bool


@dataclass(frozen=True, slots=True)
class AgainstBase:
    """Samples of an arm, or of the base itself, beside those of the base.

    `grams`: n-grams that the base over-used in its training pool; `real`: token ids of real
    solutions; `k`: the samples in which a problem is to be solved. `logprobs`: what the base gives
    the tokens (nats) of the arm's first samples; None for the base itself.
    """

    samples: Sequence[Record]
    base: Sequence[Record]
    grams: Collection[Gram]
    real: Sequence[Sequence[int]]
    k: int
    logprobs: Sequence[float] | None


@dataclass(frozen=True, slots=True)
class Selected:
    """A round's judged training completions and which of them were kept.

    `levels`: of the round's problems, by id. `tells_luck`: as in `HeldOut`.
    """

    pool: Sequence[Judged]
    kept: Sequence[bool]
    levels: Mapping[str, str]
    tells_luck: bool

    def verdicts(self) -> Iterator[Verdict]:
        """Yield the verdict on each completion, before any flip, without its extracted answer."""
        return itertools.starmap(Verdict, pick(self.pool, "status", "reason"))

    def level_of_each(self) -> Iterator[str]:
        """Yield the level of each completion's problem."""
        return (self.levels[problem] for (problem,) in pick(self.pool, "problem_id"))


def likelihood(m: HeldOut) -> Found:
    """Return `metrics.likelihood` of the real solutions."""
    return [] if m.logprobs is None else metrics.likelihood(m.logprobs, m.levels)


def sampled(m: HeldOut) -> Found:
    """Return `metrics.sampled`."""
    return metrics.sampled(m.samples, m.ks)


def majority(m: HeldOut) -> Found:
    """Return `one_of_k.majority`."""
    return one_of_k.majority(m.samples, m.ks)


def likeliest(m: HeldOut) -> Found:
    """Return `one_of_k.likeliest`."""
    return one_of_k.likeliest(m.samples, m.ks)


def diversity(m: HeldOut) -> Found:
    """Return `metrics.diversity`."""
    return metrics.diversity(m.samples)


def greedy(m: HeldOut) -> Found:
    """Return the accuracy of the greedy completions."""
    return metrics.accuracy(m.greedy, "greedy")


def lucky(m: HeldOut) -> Found:
    """Return `metrics.lucky` of the samples."""
    return metrics.lucky(m.samples) if m.tells_luck else []


def answered_right(m: HeldOut) -> Found:
    """Return `metrics.answered_right` of the samples."""
    return metrics.answered_right(m.samples) if m.tells_luck else []


def amplification(m: AgainstBase) -> Found:
    """Return `metrics.amplification`."""
    return metrics.amplification(m.samples, m.grams, m.real)


def overuse(m: AgainstBase) -> Found:
    """Return `metrics.overuse`, of the base too."""
    return metrics.overuse(m.samples, m.real, metrics.GRAM)


def base_nll(m: AgainstBase) -> Found:
    """Return the mean of -logprob (nats a token) that the base gives an arm's first samples."""
    if m.logprobs is None:
        return []
    nlls = (-logprob for logprob in m.logprobs)
    return [metrics.metric("base_nll", sum(nlls) / len(m.logprobs), len(m.logprobs))]


def frequencies(m: AgainstBase) -> Found:
    """Return `metrics.frequencies`, once: with the base."""
    return metrics.frequencies(m.real) if m.logprobs is None else []


def survival(m: AgainstBase) -> Found:
    """Return `metrics.survival`, of the base too."""
    return metrics.survival(m.base, m.samples)


def coverage(m: AgainstBase) -> Found:
    """Return `metrics.coverage` of an arm."""
    return [] if m.logprobs is None else metrics.coverage(m.base, m.samples, m.k)


def filtering(m: Selected) -> Found:
    """Return `metrics.filtering`."""
    return metrics.filtering(m.verdicts(), m.kept, m.level_of_each())


def train_lucky(m: Selected) -> Found:
    """Return `metrics.lucky` of the training completions."""
    return metrics.lucky(m.verdicts(), "train_lucky") if m.tells_luck else []
