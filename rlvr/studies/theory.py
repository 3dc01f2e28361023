"""Theory: closed forms of model collapse, tested with the project's own selection and memory code.

`python -m rlvr.studies.theory` prints each law beside what our code did, and exits with 1 if they
disagree. The models are simple ones with exact laws: a Gaussian, a categorical distribution, least
squares, and a linear classifier on labels that a verifier accepted. The loop is the real one:
`rlvr.select.arms` decides what a round keeps, mixes and remembers, and `rlvr.evaluate.metrics`,
`rlvr.evaluate.ngrams` and `rlvr.statistics.estimates` measure it.

This shows nothing about networks, their optimiser or their sampling. It shows that the other parts
of the loop do to a model what theory says that they do.

A law holds if it lies within the interval of the measured mean over independent chains. The
intervals are at 99.9 %, so that for most choices of the seeds all laws of correct code hold at
once. The seeds are fixed, so the same machine always gives the same table.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import binom

from rlvr.data import Completion, Flip, Memory, Problem, Row, Verdict
from rlvr.evaluate.metrics import filtering
from rlvr.evaluate.ngrams import count
from rlvr.records.layout import Place
from rlvr.select import arms
from rlvr.select.axis import Pool
from rlvr.select.flip import misjudge
from rlvr.select.memory import remember
from rlvr.select.real_fraction import mix_real
from rlvr.select.rows import completion_rows, real_rows
from rlvr.statistics.estimates import paired_interval

Vector = NDArray[np.float64]

CONFIDENCE = 0.999


@dataclass(frozen=True, slots=True)
class Law:
    """A closed form, and the measured mean with its interval, all in the law's own unit.

    The theory says that the value lies between `at_least` and `at_most`. If these are equal, the
    law is an equality, and agrees if it lies within the interval. If they differ, the law is a
    range, and agrees if the interval lies within the range.
    """

    name: str
    setting: str
    at_least: float
    at_most: float
    measured: float
    low: float
    high: float

    @property
    def agrees(self) -> bool:
        """Whether the measurement agrees with the law."""
        if self.at_least == self.at_most:
            return self.low <= self.at_least <= self.high
        return self.at_least < self.low and self.high < self.at_most


def law(
    name: str, setting: str, theory: float | tuple[float, float], measured: Sequence[float]
) -> Law:
    """Return the law with the Student-t interval of the measured values, one for each chain.

    `theory`: the expected value of one chain, or a range in which it lies.
    """
    at_least, at_most = theory if isinstance(theory, tuple) else (theory, theory)
    mean = paired_interval(measured, CONFIDENCE)
    return Law(name, setting, at_least, at_most, mean.delta, mean.low, mean.high)


# A Gaussian fitted to its own samples ------------------------------------------------------------


def gaussian_variance(memory: Memory, n: int, rounds: int) -> float:
    """Return the expected variance after `rounds` rounds, over that of the fit to `n` real values.

    Each round fits mean and variance (1/n: maximum likelihood) and draws n fresh values from the
    fit; round 0 has n real ones (the chain of Shumailov 2305.17493). Derived here from two facts of
    n draws of variance v: about their own mean it is (1 - 1/n) v in expectation, and that mean lies
    v/n from the true one, squared.

    replace: (1 - 1/n)^rounds: to 0.
    accumulate: with N = n t values pooled of variance v, fresh ones add (n-1) v within and
    N/(N+n) v between: v' = v (1 - 1/(n (t+1)^2)), so the product of that over t = 1 to rounds. By
    Euler's product for the sine it never falls below sin(x)/x / (1 - 1/n), x = pi/sqrt(n).
    subsample: with C the expected half squared difference of two of the N values held, n of which
    are trained on: v = (1 - 1/n) C; a value held lies E = (n/N) (1 - 1/n) C + (1 - n/N) (1 + 1/n) C
    from the fit's mean (one of the n, or not), squared; and over the pairs of the N + n values
    C' = (N (N-1) C + n (n-1) v + N n (E + v)) / ((N+n) (N+n-1)).
    """
    if memory == "replace":
        return (1 - 1 / n) ** rounds
    if memory == "accumulate":
        return math.prod(1 - 1 / (n * (t + 1) ** 2) for t in range(1, rounds + 1))
    pairs = n / (n - 1)
    for held in range(n, n * (rounds + 1), n):
        v, inside = (1 - 1 / n) * pairs, n / held
        stray = (inside * (1 - 1 / n) + (1 - inside) * (1 + 1 / n)) * pairs
        within = held * (held - 1) * pairs + n * (n - 1) * v
        pairs = (within + held * n * (stray + v)) / ((held + n) * (held + n - 1))
    return (1 - 1 / n) * pairs


def gaussian_chain(memory: Memory, n: int, rounds: int, seed: int) -> float:
    """Return the last variance of one chain over its first: see `gaussian_variance`."""
    generator = np.random.default_rng(seed)
    held: Sequence[Any] = list(generator.standard_normal(n))
    rows = held
    first = np.var(rows)
    for round_ in range(1, rounds + 1):
        fresh = list(generator.normal(np.mean(rows), np.std(rows), n))
        held, rows = map(list, remember(memory, held, fresh, seed, round_))
    return float(np.var(rows) / first)


def gaussian_laws(chains: int = 2500, n: int = 20, rounds: int = 6) -> list[Law]:
    """Return the laws of the Gaussian's variance, for each memory."""
    memories: tuple[Memory, ...] = ("replace", "accumulate", "subsample")
    return [
        law(
            "Gaussian: variance over the first",
            f"{memory}, n={n}, {rounds} rounds",
            gaussian_variance(memory, n, rounds),
            [gaussian_chain(memory, n, rounds, seed) for seed in range(chains)],
        )
        for memory in memories
    ]


# A vocabulary re-estimated from its own samples --------------------------------------------------


def zipf(types: int) -> Vector:
    """Return the probabilities of `types` types, the k-th proportional to 1/k."""
    weights = 1 / np.arange(1, types + 1)
    shares: Vector = weights / weights.sum()
    return shares


def survival(p: Vector, n: int, rounds: int) -> Vector:
    """Return the probability that a type of probability `p` is still alive after `rounds` rounds.

    After one round it is 1 - (1-p)^n. A type with i of n samples then has Binomial(n, i/n) samples
    in the next round: the Wright-Fisher chain (Wright 1931), whose matrix is raised to a power.
    """
    i = np.arange(n + 1)
    step = binom.pmf(i[None, :], n, i[:, None] / n)
    dead = np.linalg.matrix_power(step, rounds - 1)[:, 0]
    alive: Vector = 1 - binom.pmf(i[None, :], n, p[:, None]) @ dead
    return alive


def homozygosity(p: Vector, n: int, real: int, rounds: int) -> float:
    """Return the expected sum of squared shares after `rounds` rounds of n rows, `real` of them.

    Of the n rows of a round m are drawn from p, the others from the shares of the last round. F' =
    E sum (count/n)^2 is the chance that two rows drawn with replacement are of one type. It is 1
    for the n pairs of a row with itself, F for the a (a-1) pairs of others (a = n - m), and Q = sum
    p^2 for all pairs with a real row, for the shares are p in expectation in every round:

        n^2 F' = n + a (a-1) F + (m (m-1) + 2 a m) Q,   F = Q before the first round.

    So F moves to n + (m (m-1) + 2 a m) Q over n^2 - a (a-1) by a factor of a (a-1) / n^2 a round.
    Without real rows this is the fall of heterozygosity 1 - F by 1 - 1/n a round, to none (Wright
    1931); with them it is Wright's island with m immigrants, and stops.
    """
    a, q = n - real, float(np.sum(p**2))
    stay = a * (a - 1) / n**2
    limit = (n + (real * (real - 1) + 2 * a * real) * q) / (n**2 * (1 - stay))
    return limit + (q - limit) * stay**rounds


def categorical_chain(p: Vector, n: int, real: int, rounds: int, seed: int) -> list[Counter[int]]:
    """Return how often each type occurs among the rows of each round. A row is one token.

    All rows go through the arm `unfiltered` with a fraction of fresh real data.
    """
    generator = np.random.default_rng(seed)
    arm = arms.PRESETS["unfiltered"]
    problems = [Problem(str(i), "theory", "train", "", "", None) for i in range(n)]
    shares, found = p, []
    for round_ in range(1, rounds + 1):
        drawn = generator.choice(len(p), n, p=shares)
        pool = pool_of([True] * n, seed, round_, [(int(token),) for token in drawn])
        kept = arms.choose(pool, arm, None, seed, round_)
        rows: Sequence[Row] = list(completion_rows(pool, kept, arm, ""))
        if real:
            solutions = [(int(token),) for token in generator.choice(len(p), n, p=p)]
            fresh = real_rows(problems, [()] * n, solutions, Place(seed, arm.name, round_))
            by_problem = {row.problem_id: row for row in fresh}
            rows = list(mix_real(rows, by_problem, real / n, seed, round_))
        _, rows = map(list, remember(arm.memory, [], rows, seed, round_))
        grams = count([row.token_ids for row in rows], 1)
        shares = np.array([grams[token,] for token in range(len(p))]) / grams.total()
        found.append(Counter({gram[0]: times for gram, times in grams.items()}))
    return found


def zipf_laws(chains: int = 300, types: int = 40, n: int = 30, rounds: int = 10) -> list[Law]:
    """Return the laws of a Zipf vocabulary: types alive, the tail first, and heterozygosity."""
    p, fresh = zipf(types), n // 5
    runs = [categorical_chain(p, n, 0, rounds, seed) for seed in range(chains)]
    mixed = [categorical_chain(p, n, fresh, rounds, chains + seed) for seed in range(chains)]
    setting, half = f"{types} types, n={n}", types // 2
    laws = [
        law(
            f"Zipf: {name} alive",
            f"{setting}, round {round_}",
            float(survival(p, n, round_)[part].sum()),
            [sum(token in run[round_ - 1] for token in range(types)[part]) for run in runs],
        )
        for name, part in (("head half", slice(half)), ("tail half", slice(half, None)))
        for round_ in (1, rounds)
    ]
    laws += [
        law(
            "Zipf: heterozygosity",
            f"{setting}, {real} fresh real, round {round_}",
            1 - homozygosity(p, n, real, round_),
            [heterozygosity(run[round_ - 1]) for run in chain],
        )
        for real, chain in ((0, runs), (fresh, mixed))
        for round_ in (1, rounds)
    ]
    return laws


def heterozygosity(counts: Counter[int]) -> float:
    """Return the chance that two rows drawn with replacement are of different types."""
    return 1 - sum((times / counts.total()) ** 2 for times in counts.values())


# Least squares on its own labels -----------------------------------------------------------------


def least_squares_error(memory: Memory, d: int, t: int, fits: int) -> float:
    """Return the expected test error of the last of `fits` fits, noise of variance 1 left out.

    d standard normal features, t inputs kept from round to round; the first fit is to real labels,
    each later one to labels of the fit before, with fresh noise (Gerstgrasser 2404.01413, its two
    theorems on linear regression). e = d / (t-d-1) is the error of one fit, the trace of the
    expected inverse Wishart matrix. A round's own fit is the last weights plus an error of that
    size; replace sums them: e times `fits`. Accumulate averages over the rounds, so the i-th enters
    with 1/i: e sum 1/i^2, under e pi^2/6 for ever. Raises ValueError for subsample: no closed form.
    """
    if memory == "subsample":
        raise ValueError("least squares on a subsample of all rounds has no closed form")
    one = d / (t - d - 1)
    return one * sum(1 if memory == "replace" else 1 / i**2 for i in range(1, fits + 1))


def least_squares_chain(memory: Memory, d: int, t: int, fits: int, seed: int) -> float:
    """Return the test error that one chain ends with: see `least_squares_error`."""
    generator = np.random.default_rng(seed)
    inputs = generator.standard_normal((t, d))
    truth = weights = np.ones(d)
    held: Sequence[tuple[int, float]] = []
    for fit in range(1, fits + 1):
        labels = inputs @ weights + generator.standard_normal(t)
        held, rows = remember(memory, held, list(enumerate(labels)), seed, fit)
        chosen, targets = map(list, zip(*rows, strict=True))
        weights = np.linalg.lstsq(inputs[chosen], np.array(targets))[0]
    return float(np.sum((weights - truth) ** 2))


def least_squares_laws(chains: int = 800, d: int = 4, t: int = 30, fits: int = 6) -> list[Law]:
    """Return the laws of the test error; subsample lies between the two (Kazdan 2410.16713)."""
    replace, accumulate = (
        least_squares_error(memory, d, t, fits) for memory in ("replace", "accumulate")
    )
    theory: dict[Memory, float | tuple[float, float]] = {
        "replace": replace,
        "accumulate": accumulate,
        "subsample": (accumulate, replace),
    }
    return [
        law(
            "least squares: test error",
            f"{memory}, d={d}, T={t}, {fits} fits",
            expected,
            [least_squares_chain(memory, d, t, fits, seed) for seed in range(chains)],
        )
        for memory, expected in theory.items()
    ]


# Labels that a verifier accepted -----------------------------------------------------------------


def precision(right: float, flip: Flip) -> float:
    """Return the share of right completions among those kept, if `right` is the share before.

    By Bayes it is pi TPR / (pi TPR + (1-pi) FPR) for the share pi. It is above pi if J = TPR - FPR
    > 0, and the odds are multiplied by TPR/FPR. So the sign of J decides whether a loop that trains
    on what it keeps grows, drifts or dies (2601.04411, whose flow is the limit of small steps).
    """
    kept_right = right * (1 - flip.false_negative)
    return kept_right / (kept_right + (1 - right) * flip.false_positive)


def threshold(right: float, false_negative: float) -> float:
    """Return the false-positive rate at which half of what is kept is wrong.

    It is pi TPR / (1-pi) for the share pi of right labels. At this rate a classifier that is
    trained on the kept labels turns from right to wrong (the breakdown point of Feng 2406.07515, in
    terms of the verifier's rate).
    """
    return right * (1 - false_negative) / (1 - right)


def pool_of(
    right: Sequence[bool],
    seed: int,
    round_: int,
    token_ids: Sequence[tuple[int, ...]] | None = None,
) -> list[tuple[Completion, Verdict]]:
    """Return a pool with one completion for each problem, right or wrong as given."""
    tokens = token_ids or [()] * len(right)
    return [
        (
            Completion(
                problem_id=str(i),
                arm="theory",
                seed=seed,
                round=round_,
                index=0,
                prompt_token_ids=(),
                token_ids=tokens[i],
                text="",
                logprobs=(),
                finish_reason="stop",
            ),
            Verdict("correct" if one else "wrong"),
        )
        for i, one in enumerate(right)
    ]


def kept_of(pool: Pool, flip: Flip, seed: int, round_: int) -> list[bool]:
    """Return what the arm `verified` keeps with a verifier that has these error rates."""
    seen = list(misjudge(pool, flip, seed))
    return arms.choose(seen, arms.PRESETS["verified"], None, seed, round_)


def filter_chain(
    right: float, flip: Flip, n: int, rounds: int, seed: int
) -> list[tuple[float, float]]:
    """Return for each round the share of right answers among those kept, and the measured J.

    The model is a share of right answers, at first `right`; each round sets it to the share among
    those kept. J is nan if all answers were right, or none.
    """
    generator = np.random.default_rng(seed)
    out = []
    for round_ in range(1, rounds + 1):
        pool = pool_of(list(generator.random(n) < right), seed, round_)
        kept = kept_of(pool, flip, seed, round_)
        verdicts = [verdict for _, verdict in pool]
        values = {row["metric"]: row["value"] for row in filtering(verdicts, kept, [""] * n)}
        chosen = [v.status == "correct" for v, keep in zip(verdicts, kept, strict=True) if keep]
        right = sum(chosen) / len(chosen)
        out.append((right, values.get("J", math.nan)))
    return out


def turning_point(right: float, false_negative: float, n: int, seed: int) -> float:
    """Return the false-positive rate at which the classifier of one chain turns wrong.

    Two classes in the plane, N(+-mu, I), |mu| = 2 (Feng's Gaussian mixture); n labels, each right
    with probability `right`. The classifier is the mean of label times input over what is kept, in
    expectation mu (2 precision - 1); it is wrong where it points away from mu. Each completion has
    one coin for all rates, so that halving the range finds the point, to 1/512.
    """
    generator = np.random.default_rng(seed)
    mu = np.array([2.0, 0.0])
    correct = generator.random(n) < right
    # Input times label: the class cancels out, a wrong label leaves a minus.
    signed = (mu + generator.standard_normal((n, 2))) * np.where(correct, 1, -1)[:, None]
    pool = pool_of(list(correct), seed, 1)
    low, high = 0.0, 1.0
    for _ in range(8):
        rate = (low + high) / 2
        kept = kept_of(pool, Flip(rate, false_negative), seed, 1)
        if signed[kept].sum(axis=0) @ mu > 0:
            low = rate
        else:
            high = rate
    return (low + high) / 2


def selection_laws(chains: int = 40, n: int = 300, rounds: int = 4) -> list[Law]:
    """Return the laws of selection: what is kept, where a loop goes, where a classifier turns.

    All exact in expectation for any n, but for the share right after several rounds and the turning
    point: those are limits, off by order 1/n, which is small against the interval.
    """
    before, laws = 0.4, []
    for sign, flip in ((">", Flip(0.5, 0.3)), ("=", Flip(0.6, 0.4)), ("<", Flip(0.7, 0.5))):
        runs = [filter_chain(before, flip, n, rounds, seed) for seed in range(chains)]
        once = end = precision(before, flip)
        for _ in range(rounds - 1):
            end = precision(end, flip)
        youden = 1 - flip.false_negative - flip.false_positive
        setting = f"J {sign} 0: FPR={flip.false_positive}, FNR={flip.false_negative}"
        laws += [
            law("filter: J", setting, youden, [run[0][1] for run in runs]),
            law(f"filter: right, of {before}", setting, once, [run[0][0] for run in runs]),
            law(f"loop: right, round {rounds}", setting, end, [run[-1][0] for run in runs]),
        ]
    right, false_negative = 0.3, 0.2
    points = [turning_point(right, false_negative, n, seed) for seed in range(chains)]
    turn = law(
        "classifier: FPR where it turns",
        f"{right} right, FNR={false_negative}",
        threshold(right, false_negative),
        points,
    )
    return [*laws, turn]


# The report --------------------------------------------------------------------------------------

FAMILIES: tuple[Callable[[], list[Law]], ...] = (
    gaussian_laws,
    zipf_laws,
    least_squares_laws,
    selection_laws,
)


def report() -> list[Law]:
    """Return every law with its measurement."""
    return [one for family in FAMILIES for one in family()]


def table(laws: Sequence[Law]) -> Table:
    """Return the laws as a table for the terminal."""
    out = Table("law", "setting", title="Theory, and what the machinery did")
    for heading in ("theory", "measured", f"{CONFIDENCE:.1%} interval", "agrees"):
        out.add_column(heading, justify="right", no_wrap=True)
    for one in laws:
        theory = f"{one.at_least:.4f}"
        if one.at_most != one.at_least:
            theory += f" to {one.at_most:.4f}"
        interval = f"{one.low:.4f} to {one.high:.4f}"
        verdict = "yes" if one.agrees else "NO"
        out.add_row(one.name, one.setting, theory, f"{one.measured:.4f}", interval, verdict)
    return out


def main() -> int:
    """Print the table; return 1 if a law does not hold, else 0."""
    laws = report()
    Console().print(table(laws))
    return 0 if all(one.agrees for one in laws) else 1


if __name__ == "__main__":
    sys.exit(main())
