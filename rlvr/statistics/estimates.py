"""Statistics of a run as pure functions: pass@k, intervals over seeds, Holm, verdicts, power.

Seeds are the replicates: every interval here is over seeds, never over problems or completions
pooled across seeds. What it does not do: no bootstrap (percentile bootstraps over 3 to 5 seeds
cover 76 to 84 %), no Bayes, no model of the trend over rounds. All figures are plain floats; an
undefined one is nan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import nctdtrinc, stdtr, stdtrit

Outcome = Literal["growth", "collapse", "no effect", "inconclusive"]

MIN_SEEDS = 3  # with fewer, every verdict is inconclusive
TOLERANCE = 1e-12  # what subtracting two shares may lose: 0.35 - 0.30 is a delta of 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds, its two-sided interval and p-value against 0; unit: the metric's."""

    delta: float
    low: float
    high: float
    p: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """Return the unbiased estimate of pass@k from `c` correct among `n` samples of one problem.

    1 - C(n-c, k) / C(n, k): Chen et al. 2021, arXiv 2107.03374, equation 1. Whole-number binomials
    and one division, so the result is the exact value correctly rounded. Raises ValueError
    unless 1 <= k <= n and 0 <= c <= n.
    """
    if not 1 <= k <= n:
        raise ValueError(f"pass@k needs 1 <= k <= n, got k={k} and n={n}")
    if not 0 <= c <= n:
        raise ValueError(f"pass@k needs 0 <= c <= n, got c={c} and n={n}")
    draws = math.comb(n, k)
    return (draws - math.comb(n - c, k)) / draws


def mean_pass_at_k(n: Iterable[int], c: Iterable[int], k: int) -> float:
    """Return the mean of `pass_at_k` over problems; nan when there is no problem.

    `n` and `c`: decided and correct samples, one entry per problem, same order. Each distinct (n,
    c) is computed once. Raises ValueError where lengths differ or any n < k: leave such problems
    out first, and count them.
    """
    counts = Counter((int(ni), int(ci)) for ni, ci in zip(n, c, strict=True))
    if not counts:
        return math.nan
    return math.fsum(m * pass_at_k(*pair, k) for pair, m in counts.items()) / counts.total()


def measurement_error(n: Iterable[int], c: Iterable[int]) -> float:
    """Return the standard error of the mean per-problem success within one seed.

    `n` and `c` as in `mean_pass_at_k`; problems with n = 0 are left out; nan under two problems.
    The samples of a problem are one cluster: sd over problems of c/n, over the square root of the
    problems. That holds both parts, which problems were drawn and which completions (Miller 2024,
    arXiv 2411.00640; for equal n it is the clustered error).
    """
    rates = [ci / ni for ni, ci in zip(n, c, strict=True) if ni > 0]
    if len(rates) < 2:
        return math.nan
    return _deviation(rates) / math.sqrt(len(rates))


def paired_interval(deltas: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return the Student-t interval of the mean of `deltas`, one paired difference per seed.

    mean +- t(1 - (1-confidence)/2, n-1) * sd / sqrt(n), p two-sided against 0: Student 1908, the
    paired t-test. Under two deltas the interval and p are nan; a nan among them makes everything
    nan; equal deltas give an interval of no width, with p 0, or 1 when they are 0. Raises
    ValueError unless 0 < confidence < 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    n = len(deltas)
    mean = _mean(deltas)
    if n < 2 or math.isnan(mean):
        return Interval(mean, math.nan, math.nan, math.nan)
    if max(deltas) - min(deltas) <= TOLERANCE:
        return Interval(mean, mean, mean, float(abs(mean) <= TOLERANCE))
    error = _deviation(deltas) / math.sqrt(n)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return Interval(mean, mean - half, mean + half, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values in the given order.

    The i-th smallest of m times m - i (i from 0), at most 1 and never under the one before: Holm
    1979. A nan stays nan and does not count towards m. (Tested against statsmodels, whose
    multipletests collects all of Python's garbage at every call: 25 ms and more.)
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        adjusted[i] = largest
    return adjusted


def decide(delta: float, low: float, high: float, margin: float, seeds: int) -> Outcome:
    """Return the verdict on one arm's delta and interval over `seeds` paired seeds.

    Growth: delta >= margin and the interval excludes 0. Collapse: delta <= -margin and it excludes
    0. No effect: the interval lies within +-margin, ends included. Otherwise, with fewer than 3
    seeds, or with a nan: inconclusive (the project's design, section 7). An interval that ends at
    0 does not exclude it. Figures within 1e-12 count as equal. Raises ValueError for a negative
    margin.
    """
    if margin < 0:
        raise ValueError(f"the margin of a verdict can't be negative, got {margin}")
    if seeds < MIN_SEEDS or any(math.isnan(x) for x in (delta, low, high)):
        return "inconclusive"
    excludes_zero = low > TOLERANCE or high < -TOLERANCE
    if excludes_zero and delta >= margin - TOLERANCE:
        return "growth"
    if excludes_zero and delta <= -margin + TOLERANCE:
        return "collapse"
    if low >= -margin - TOLERANCE and high <= margin + TOLERANCE:
        return "no effect"
    return "inconclusive"


def minimal_detectable_effect(
    deltas: Sequence[float], confidence: float = 0.95, power: float = 0.8
) -> float:
    """Return the true mean delta that seeds like these would tell from 0 with probability `power`.

    The test is the paired t-test. Solves P(T > t(1 - (1-confidence)/2, n-1)) = power for the
    noncentrality effect * sqrt(n) / sd of a noncentral t with n-1 degrees of freedom, sd from
    `deltas` (Cohen 1988, chapter 2). The tail on the other side, under 1e-5 at a power of 0.8, is
    left out. In the unit of the metric; nan under two deltas or with a nan; 0 when the deltas are
    equal: then there is nothing to judge by.
    """
    n = len(deltas)
    if n < 2 or math.isnan(_mean(deltas)):
        return math.nan
    if max(deltas) - min(deltas) <= TOLERANCE:
        return 0.0
    critical = float(stdtrit(n - 1, (1 + confidence) / 2))
    noncentrality = float(nctdtrinc(n - 1, 1 - power, critical))
    return noncentrality * _deviation(deltas) / math.sqrt(n)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n - 1 in the denominator) of at least two values."""
    mean = _mean(values)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (len(values) - 1))
