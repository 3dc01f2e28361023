"""Shares: intervals of a share, of independent trials and of trials in clusters."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit


def exact_interval(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact two-sided interval of a share; (0, 1) without trials.

    Clopper and Pearson 1934, Biometrika 26, by quantiles of the beta distribution: it covers at
    least `confidence` where the trials are independent. Neither count need be whole.
    """
    tail = (1 - confidence) / 2
    low = betaincinv(successes, n - successes + 1, tail) if successes > 0 else 0.0
    high = betaincinv(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return float(low), float(high)


def wilson_interval(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of a share of n independent trials; (0, 1) without trials.

    Wilson 1927, Journal of the American Statistical Association 22: it covers `confidence` on
    average, and is shorter than the exact one, so that few trials say more.
    """
    if not n:
        return 0.0, 1.0
    z2 = float(ndtri((1 + confidence) / 2)) ** 2
    middle = (successes + z2 / 2) / (n + z2)
    half = (z2 * (successes * (n - successes) / n + z2 / 4)) ** 0.5 / (n + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def clustered_interval(
    successes: Any, trials: Any, confidence: float = 0.95
) -> tuple[float, float]:
    """Return the exact interval of the share of all trials, which come in clusters.

    `successes` and `trials`: an array each, a value a cluster. Trials of one cluster may be alike;
    clusters are independent. (0, 1) without trials.

    Korn and Graubard 1998, Survey Methodology 24: the interval of Clopper and Pearson for the share
    p and an effective number of trials (`effective_trials`).
    """
    n = float(np.sum(trials))
    effective = effective_trials(successes, trials, confidence)
    share = float(np.sum(successes)) / n if n else 0.0
    return exact_interval(share * effective, effective, confidence)


def effective_trials(successes: Any, trials: Any, confidence: float = 0.95) -> float:
    """Return as how many independent trials those that come in clusters count.

    n / d (t[n-1] / t[m-1])^2, with n trials in m clusters. The design effect d is the variance of
    the share p between clusters, m / (m-1) sum (x[j] - p n[j])^2 / n^2, over that of independent
    trials, p (1-p) / n. Never more than n trials count. Where p is 0 or 1 nothing tells how alike
    the trials of a cluster are: each cluster counts as one trial then.
    """
    x, of = np.asarray(successes, float), np.asarray(trials, float)
    x, of = x[of > 0], of[of > 0]
    n, m = float(of.sum()), len(of)
    if n == m:
        return n  # one trial in each cluster
    p = float(x.sum()) / n if m else 0.0
    if m <= 1 or p in (0.0, 1.0):
        return float(m)
    between = m / (m - 1) * float(((x - p * of) ** 2).sum()) / n**2
    design = between / (p * (1 - p) / n)
    quantile = (1 + confidence) / 2
    narrower = (float(stdtrit(n - 1, quantile)) / float(stdtrit(m - 1, quantile))) ** 2
    return n * min(1.0, narrower / design) if design > 0 else n * narrower
