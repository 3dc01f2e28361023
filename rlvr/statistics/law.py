"""The law: how far a round of fine-tuning on what a filter kept moves the accuracy.

Of the right samples the filter keeps the share TPR, of the wrong ones FPR. So of the rows kept the
share q = p TPR / (p TPR + (1 - p) FPR) is right, where p of the samples are (Bayes: the accuracy of
rejection sampling, 2507.12399). In one round the accuracy p changes by

    law:    a (q - p) - b q (1 - q) - c / n

a: how far it moves towards q. b: what rows cost that disagree about what is right. c: what n
rows cost because they are few. The rival is the replicator equation of 2601.04411, whose sign is
that of J = TPR - FPR, with two costs of its own:

    J:      a p (1 - p) J - b - c / n

Beside them stands the law as it was first written, with the same cost whatever is kept:

    plain:  a (q - p) - b - c / n

Each has three constants, and `fit` takes them from the same rounds. docs/law.md derives the law and
says where it must fail. What it does not do: read runs (`rlvr.results.law_runs`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.special import bdtrc

Model = Literal["law", "J", "plain"]
MODELS: tuple[Model, ...] = ("law", "J", "plain")
Array = Any  # of numpy, or a float
CALIBRATED = Path(__file__).with_name("law.json")  # docs/make_law.py makes both
TESTED = Path(__file__).with_name("law-tested.json")
DRAWS = 2_000
STEPS = 500  # of the false-positive rates among which a boundary is looked for


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a round samples: prompts, completions of each, and how many of each may be kept."""

    prompts: int
    samples: int
    cap: int | None = None

    def rows(self, p: Array, tpr: Array, fpr: Array) -> Array:
        """Return how many rows are kept, as if all problems were equally hard."""
        share = p * tpr + (1 - p) * fpr
        if self.cap is None:
            return self.prompts * self.samples * share
        more = [bdtrc(k, self.samples, share) for k in range(min(self.cap, self.samples))]
        return self.prompts * sum(more)  # the mean is the sum over k of P(more than k are kept)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A model's constants, and how sure they are.

    `constants`: by learning rate and base accuracy (what the loop starts from, ascending), a, b and
    c of all seeds together, and how many `seeds` these are. `between`: how a and b vary between
    seeds, covariance of their relative deviations; c is taken to be the same for all. `freedom`:
    from how many deviations that is. `residual`: the standard deviation of what is left of a
    round's change, most of it measurement.
    """

    constants: Mapping[float, Mapping[float, tuple[float, float, float]]]
    seeds: Mapping[float, Mapping[float, int]]
    between: Array
    freedom: int
    residual: float

    def at(self, rate: float, base: Array) -> Array:
        """Return a, b and c (last) at base accuracies: linear between those that are known.

        Beyond them they are those of the nearest. Raises KeyError for an unknown learning rate.
        """
        known = self.constants[rate]
        each = np.array(list(known.values()))
        return np.stack([np.interp(base, list(known), column) for column in each.T], axis=-1)

    def known(self, rate: float, base: float) -> Known:
        """Return what is known of the constants of a run that starts from this base accuracy."""
        constants = self.at(rate, base)
        seeds = float(np.interp(base, list(self.seeds[rate]), list(self.seeds[rate].values())))
        shared = self.between * np.outer(constants[:2], constants[:2]) / seeds
        return Known(constants, shared, self.between, self.freedom, self.residual)


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of a run's constants: of their mean, and of how its seeds will differ.

    `constants`: a, b and c. `shared`: covariance of the errors of a and b. The rest as in
    `Calibration`.
    """

    constants: Array
    shared: Array
    between: Array
    freedom: int
    residual: float


@cache
def calibrated() -> dict[str, Any]:
    """Return what docs/make_law.py left: settings, the range that it holds in, and the models."""
    found: dict[str, Any] = json.loads(CALIBRATED.read_text())
    for model, one in found["models"].items():
        for name in ("constants", "seeds"):
            one[name] = {
                float(rate): {float(base): known for base, known in bases.items()}
                for rate, bases in one[name].items()
            }
        found["models"][model] = Calibration(**one | {"between": np.array(one["between"])})
    return found


@cache
def tests() -> dict[str, Any]:
    """Return how good forecasts were on other runs, as docs/make_law.py left it."""
    found: dict[str, Any] = json.loads(TESTED.read_text())
    return found


def kept_right(p: Array, tpr: Array, fpr: Array) -> Array:
    """Return which share of the rows kept is right: q. It is p where nothing is kept."""
    right, wrong = p * np.asarray(tpr, float), (1 - p) * np.asarray(fpr, float)
    kept = right + wrong
    return np.where(kept > 0, right / np.where(kept > 0, kept, 1), p)


def terms(model: Model, p: Array, tpr: Array, fpr: Array, rows: Array) -> Array:
    """Return by what a, b and c are multiplied in a round's change: an array, these three last."""
    q = kept_right(p, tpr, fpr)
    moves = p * (1 - p) * (tpr - fpr) if model == "J" else q - p
    costs = q * (1 - q) if model == "law" else 1.0
    parts = (moves, -costs, -1 / np.maximum(rows, 1))
    return np.stack(np.broadcast_arrays(*parts), axis=-1)


def change(
    model: Model, constants: Array, p: Array, tpr: Array, fpr: Array, sampling: Sampling
) -> Array:
    """Return by how much one round changes the accuracy p; constants: an array, a, b, c last."""
    rows = sampling.rows(p, tpr, fpr)
    return (terms(model, p, tpr, fpr, rows) * np.asarray(constants)).sum(-1)


def after(
    model: Model,
    constants: Array,
    p: Array,
    tpr: Array,
    fpr: Array,
    sampling: Sampling,
    rounds: int,
) -> Array:
    """Return the accuracy after so many rounds, from 0 to 1, beginning at p."""
    for _ in range(rounds):
        p = np.clip(p + change(model, constants, p, tpr, fpr, sampling), 0, 1)
    return p


def boundary(
    model: Model,
    constants: Array,
    p: Array,
    tpr: Array,
    sampling: Sampling,
    rounds: int = 1,
    gain: float = 0.0,
) -> Array:
    """Return the largest false-positive rate at which the accuracy p gains so much in the rounds.

    0 where it gains less at any rate, 1 where it gains more at all; exact to 1 / STEPS. By default
    that is where a round neither raises nor lowers it: a loop that starts there stays there, so
    that it is the boundary of any number of rounds.
    """
    rates = np.linspace(0, 1, STEPS + 1)
    p, tpr = np.asarray(p)[..., None], np.asarray(tpr)[..., None]
    constants = np.asarray(constants)[..., None, :]
    ends = after(model, constants, p, tpr, rates, sampling, rounds)
    enough = ends - p >= gain
    last = STEPS - np.argmax(enough[..., ::-1], axis=-1)
    return np.where(enough.any(-1), rates[last], 0.0)


@dataclass(frozen=True, slots=True)
class Fit:
    """What rounds at one learning rate say: `constants` by base accuracy, and what they leave.

    `seeds`: how many, by base accuracy. `deviations`: of each seed's a and b, relative to the mean
    of the seeds with that base accuracy. `squares`, `freedom`: of the residuals.
    """

    constants: dict[float, tuple[float, float, float]]
    seeds: dict[float, int]
    deviations: list[tuple[float, float]]
    squares: float
    freedom: int


def fit(values: Array, changes: Array, seeds: Array, bases: Array) -> Fit:
    """Return the constants that fit the changes best (least squares), and how seeds differ.

    Arrays with a value a round of an arm. `values`: what `terms` returns; `changes`: by how much
    the accuracy changed; `seeds`: whose round it is; `bases`: the base accuracy of its run, which
    has an a and a b of its own, while c is the same for all. Then a and b are fitted to each seed
    of a base accuracy by itself. Raises ValueError where the rounds don't tell them apart.
    """
    groups = [(base, bases == base) for base in np.unique(bases)]
    columns = [column * mine for _, mine in groups for column in values[:, :2].T]
    matrix = np.stack([*columns, values[:, 2]], axis=1)
    found, _, rank, _ = np.linalg.lstsq(matrix, changes, rcond=None)
    if rank < matrix.shape[1]:
        raise ValueError("the rounds don't tell the constants apart: they need arms of more kinds")
    c = float(found[-1])
    rest = changes - c * values[:, 2]
    deviations, squares = [], 0.0
    counts = {}
    for base, mine in groups:
        each = []
        for seed in np.unique(seeds[mine]):
            of_seed = mine & (seeds == seed)
            own = np.linalg.lstsq(values[of_seed, :2], rest[of_seed], rcond=None)[0]
            squares += float(((rest[of_seed] - values[of_seed, :2] @ own) ** 2).sum())
            each.append(own)
        mean = np.mean(each, axis=0)
        counts[float(base)] = len(each)
        deviations += [(float(a), float(b)) for a, b in np.array(each) / mean - 1]
    constants = {
        float(base): (float(found[2 * i]), float(found[2 * i + 1]), c)
        for i, (base, _) in enumerate(groups)
    }
    freedom = len(changes) - 2 * len(deviations) - 1
    return Fit(constants, counts, deviations, squares, freedom)


def pooled(fits: Mapping[float, Fit]) -> Calibration:
    """Return the calibration of a model from what its rounds say at each learning rate.

    How seeds differ, in relative terms, is taken to be the same at every rate and base accuracy.
    """
    deviations = np.array([pair for one in fits.values() for pair in one.deviations])
    freedom = len(deviations) - sum(len(one.seeds) for one in fits.values())
    squares, left = (
        sum(getattr(one, name) for one in fits.values()) for name in ("squares", "freedom")
    )
    return Calibration(
        constants={rate: one.constants for rate, one in fits.items()},
        seeds={rate: one.seeds for rate, one in fits.items()},
        between=deviations.T @ deviations / freedom,
        freedom=freedom,
        residual=(squares / left) ** 0.5,
    )


def recalibrated(known: Known, values: Array, changes: Array, seeds: Array) -> Known:
    """Return what is known after a pilot, whose rounds tell a and b of its own setting anew.

    `values`, `changes`, `seeds` as in `fit`. What was known is a guess from elsewhere now: normal,
    as wide as it is large. The pilot's rounds, mean over its seeds, are the data (Bayesian linear
    regression: Gelman et al. 2013, Bayesian Data Analysis, chapter 14); c stays as it was.
    """
    guess = known.constants[:2]
    each = [seeds == seed for seed in np.unique(seeds)]
    x = np.mean([values[mine, :2] for mine in each], axis=0)
    rest = changes - known.constants[2] * values[:, 2]
    y = np.mean([rest[mine] for mine in each], axis=0)
    weight = len(each) / known.residual**2
    precision = weight * x.T @ x + np.diag(guess**-2.0)
    told = np.linalg.inv(precision)
    mean = told @ (weight * x.T @ y + 1 / guess)
    shared = told + known.between * np.outer(mean, mean) / len(each)
    return replace(known, constants=np.array([*mean, known.constants[2]]), shared=shared)


def drawn(known: Known, draws: int, seeds: int, rng: np.random.Generator) -> Array:
    """Return what the constants may be: an array of draws x seeds x 3.

    Each draw has an error of their mean, which its seeds share, and each seed an a and a b of its
    own. How wide both scatter is itself drawn (chi-square).
    """
    wide = np.sqrt(known.freedom / rng.chisquare(known.freedom, draws))[:, None, None]
    spread = known.between * np.outer(known.constants[:2], known.constants[:2])
    off = rng.multivariate_normal([0, 0], known.shared, (draws, 1))
    off = off + rng.multivariate_normal([0, 0], spread, (draws, seeds))
    return known.constants + np.pad(wide * off, ((0, 0), (0, 0), (0, 1)))


def simulated(
    model: Model,
    known: Known,
    bases: Array,
    tpr: Array,
    fpr: Array,
    sampling: Sampling,
    rounds: int,
    rng: np.random.Generator,
) -> Array:
    """Return by how much accuracies may change in so many rounds: a row a draw, a column a seed.

    `bases`: the accuracies to begin from, of that shape; `tpr` and `fpr`: a value a draw, or one.
    What is measured has an error, too.
    """
    constants = drawn(known, bases.shape[0], bases.shape[1], rng)
    tpr, fpr = (np.broadcast_to(rate, len(bases))[:, None] for rate in (tpr, fpr))
    ends = after(model, constants, bases, tpr, fpr, sampling, rounds)
    return ends - bases + known.residual * rng.normal(size=bases.shape)
