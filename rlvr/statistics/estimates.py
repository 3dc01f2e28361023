"""Statistics of a run as pure functions: pass@k, intervals over seeds, Holm, verdicts, power.

Seeds are the replicates: every interval here is over seeds, never over problems or completions
pooled across seeds. What the problems and their samples add is a floor: an interval is never
narrower than they alone make it (`Variances`). docs/intervals.md says it with less code, and shows
how often the intervals cover. What it does not do: no bootstrap (percentile bootstraps over 3 to 5
seeds cover 76 to 84 %), no Bayes, no model of the trend over rounds. All figures are plain floats;
an undefined one is nan.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import nctdtrinc, stdtr, stdtrit

Outcome = Literal["growth", "collapse", "no effect", "inconclusive"]
Part = Literal["seeds", "problems and samples"]

MIN_SEEDS = 3  # with fewer, every verdict is inconclusive
TOLERANCE = 1e-12  # what subtracting two shares may lose: 0.35 - 0.30 is a delta of 0.05


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over seeds, its two-sided interval and p-value against 0; unit: the metric's."""

    delta: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True)
class Variances:
    """Where the error of a mean over seeds comes from; unit: the metric's, squared.

    `between`: variance of a seed's true figure, between seeds. `within`: variance of the error with
    which a seed's figure is measured (its problems crossed with their samples), mean over the
    seeds. `shared`: covariance of those errors in two seeds, 0 where each has its own problems.
    Each is at least 0. Without a measurement error `between` holds everything.
    """

    seeds: int
    between: float
    within: float = 0.0
    shared: float = 0.0

    @property
    def floor(self) -> float:
        """The standard error of the mean if seeds differed by measurement alone; nan under two."""
        if self.seeds < 2:
            return math.nan
        return math.sqrt((self.within + (self.seeds - 1) * self.shared) / self.seeds)

    @property
    def error(self) -> float:
        """The standard error of the mean over the seeds; nan under two of them."""
        floor = self.floor
        return floor if math.isnan(floor) else math.sqrt(self.between / self.seeds + floor**2)

    @property
    def larger(self) -> Part:
        """Which part of the error is the larger one: without a floor it is that of the seeds."""
        measured = self.floor > 0 and self.error <= math.sqrt(2) * self.floor
        return "problems and samples" if measured else "seeds"


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


def error_covariance(values: Any) -> Any:
    """Return the covariances of the measurement errors of the seeds' means: an array, seed by seed.

    `values`: an array with a row a seed and a column a problem, which holds the seed's figure for
    the problem (of an effect: the difference of its two sides) or nan where the seed has not that
    problem. C[s, t] is the sum over the problems of both of (x[s, j] - mean s) (x[t, j] - mean t),
    over sqrt(n[s] (n[s] - 1) n[t] (n[t] - 1)). Its diagonal is the squared error of a seed's mean,
    clustered by problem (as in `measurement_error`); seeds without common problems have 0. nan
    where a seed has fewer than two problems. More dimensions may stand before the two.
    """
    values = np.asarray(values, float)
    there = np.isfinite(values)
    n = there.sum(-1, keepdims=True)
    few = n < 2
    means = np.where(there, values, 0.0).sum(-1, keepdims=True) / np.where(few, 1, n)
    scaled = np.where(there, values - means, 0.0) / np.sqrt(np.where(few, 1, n * (n - 1)))
    return np.where(few | few.swapaxes(-1, -2), math.nan, scaled @ scaled.swapaxes(-1, -2))


def variances(deltas: Sequence[float], errors: Any = None) -> Variances:
    """Return where the error of the mean of `deltas`, one a seed, comes from.

    `errors`: what `error_covariance` returns for the same seeds; None where measurement errors are
    not known. The deltas' sample variance estimates between + within - shared, without bias: what
    all seeds share moves them alike. So between is that variance, less within, plus shared, and not
    below 0, which is what makes a floor of the measurement error. Everything is nan under two
    deltas, or with a nan.

    This is the analysis of variance of seeds crossed with problems where all seeds have the same
    problems, and of problems nested in seeds where each has its own (Searle, Casella and McCulloch
    1992, Variance Components, chapter 4); of partly shared problems it is both. It does what
    clustering by seed and by problem does (Cameron, Gelbach and Miller 2011, Journal of Business
    and Economic Statistics 29), without that formula's bias for few seeds (benchmarks/coverage.py).
    """
    n = len(deltas)
    if n < 2 or not all(map(math.isfinite, deltas)):
        return Variances(n, math.nan, math.nan, math.nan)
    same = max(deltas) - min(deltas) <= TOLERANCE
    observed = 0.0 if same else _deviation(deltas) ** 2
    if errors is None:
        return Variances(n, observed)
    errors = np.asarray(errors, float)
    within = float(np.trace(errors)) / n
    shared = max(0.0, (float(errors.sum()) - within * n) / (n * (n - 1)))
    return Variances(n, max(0.0, observed - within + shared), within, shared)


def paired_interval(
    deltas: Sequence[float], confidence: float = 0.95, errors: Any = None
) -> Interval:
    """Return the Student-t interval of the mean of `deltas`, one paired difference per seed.

    mean +- t(1 - (1-confidence)/2, n-1) * error, p two-sided against 0, the error that of
    `variances`. Without `errors` it is sd / sqrt(n): the paired t-test (Student 1908). With them it
    is never below what they alone give. The degrees of freedom are those of the seeds in any case.
    Under two deltas the interval and p are nan; a nan among them makes everything nan; where the
    error is 0 the interval has no width, and p is 0, or 1 where the mean is 0. Raises ValueError
    unless 0 < confidence < 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    n = len(deltas)
    mean = _mean(deltas)
    if n < 2 or math.isnan(mean):
        return Interval(mean, math.nan, math.nan, math.nan)
    error = variances(deltas, errors).error
    if error == 0:
        return Interval(mean, mean, mean, float(abs(mean) <= TOLERANCE))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    p = 2 * float(stdtr(n - 1, -abs(mean) / error))
    return Interval(mean, mean - half, mean + half, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's step-down adjusted p-values in the given order.

    The i-th smallest of m times m - i (i from 0), at most 1 and never under the one before: Holm
    1979. A nan stays nan and counts as a 1: a test that was stated and could not be made must not
    make the others easier. (Tested against statsmodels, whose multipletests collects all of
    Python's garbage at every call: 25 ms and more.)
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(known):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        adjusted[i] = largest
    return adjusted


def outlier(values: Sequence[float]) -> tuple[int, float]:
    """Return the place of the value farthest from the mean, and Grubbs' p that it belongs there.

    p is the chance that the farthest of so many normal values lies as far out, in units of their
    own deviation (Grubbs 1950, Annals of Mathematical Statistics 21; two-sided, Bonferroni over the
    values). nan for p where there are fewer than 3 values, or all are equal. Takes two or more.
    """
    n, mean, deviation = len(values), _mean(values), _deviation(values)
    place = max(range(n), key=lambda i: abs(values[i] - mean))
    if n < MIN_SEEDS or not deviation > TOLERANCE:
        return place, math.nan
    squared = ((values[place] - mean) / deviation) ** 2
    rest = (n - 1) ** 2 / n - squared  # 0: all the others are equal
    if rest <= TOLERANCE * squared:
        return place, 0.0
    t = math.sqrt((n - 2) * squared / rest)
    return place, min(1.0, 2 * n * float(stdtr(n - 2, -t)))


def decide(delta: float, low: float, high: float, margin: float, seeds: int) -> Outcome:
    """Return the verdict on one arm's delta and interval over `seeds` paired seeds.

    Growth: delta >= margin and the interval excludes 0. Collapse: delta <= -margin and it excludes
    0. No effect: the interval lies within +-margin, ends included. Otherwise, with fewer than 3
    seeds, or with a nan: inconclusive. An interval that ends at 0 does not exclude it. Figures
    within 1e-12 count as equal. Raises ValueError for a negative margin.
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
    error: float, seeds: int, confidence: float = 0.95, power: float = 0.8
) -> float:
    """Return the true mean delta that seeds like these would tell from 0 with probability `power`.

    `error`: the standard error of the mean over `seeds` seeds (`Variances.error`). The test is the
    paired t-test. Solves P(T > t(1 - (1-confidence)/2, n-1)) = power for the noncentrality effect /
    error of a noncentral t with n-1 degrees of freedom (Cohen 1988, chapter 2). The tail on the
    other side, under 1e-5 at a power of 0.8, is left out. In the unit of the metric; nan under two
    seeds or where the error is; 0 where the error is 0: then there is nothing to judge by.
    """
    if seeds < 2 or not error > 0:
        return 0.0 if seeds > 1 and error == 0 else math.nan
    critical = float(stdtrit(seeds - 1, (1 + confidence) / 2))
    return float(nctdtrinc(seeds - 1, 1 - power, critical)) * error


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


def _deviation(values: Sequence[float]) -> float:
    """Return the sample standard deviation (n - 1 in the denominator) of at least two values."""
    mean = _mean(values)
    return math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (len(values) - 1))
