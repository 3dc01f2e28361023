"""Forecast: what the law says of the arms of a run, recorded or planned.

`filters` reads from a config what each arm's filter lets through. `observed` takes from a recorded
run what its rounds changed, from which the law's constants are fitted. `predicted` and `measured`
put both sides of a recorded run next to each other. What it does not do: decide whether the law
holds (`rlvr.claims.experiments`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlvr.records.layout import BASE
from rlvr.results.effects import Results
from rlvr.statistics import law
from rlvr.statistics.law import Array, Model, Sampling

ACCURACY = "pass@1"
NARROWING = ("band", "unique", "prefer")  # axes that keep others than the verifier accepts


@dataclass(frozen=True, slots=True)
class Filter:
    """What an arm's filter keeps: shares of the right and of the wrong samples, and how many."""

    tpr: float
    fpr: float
    sampling: Sampling


def filters(config: Mapping[str, Any], tpr: float = 1.0, fpr: float = 0.0) -> dict[str, Filter]:
    """Return the filter of each arm of a recorded config that the law is about, by the arm's name.

    They keep what the verifier accepts, or all, and train on nothing else. `tpr` and `fpr` are the
    verifier's own; an arm's made errors come on top. The rates are those that are set, and not the
    shares that a round turned out to keep: a forecast knows no others. An arm whose errors a
    pattern triggers has no rate before its samples are there, and is left out.
    """
    found = {}
    for arm in config["arms"]:
        flip = arm["flip"] or {"false_positive": 0.0, "false_negative": 0.0, "pattern": None}
        own_rows = arm["memory"] == "replace" and arm["start"] == "previous"
        own_rows = own_rows and arm["author"] == "model" and not arm["real_fraction"]
        narrowed = arm["match"] or arm["share"] or any(arm.get(axis) for axis in NARROWING)
        if arm["keep"] not in ("verified", "all") or flip["pattern"] or narrowed or not own_rows:
            continue
        lost, let_in = float(flip["false_negative"]), float(flip["false_positive"])
        kept = [rate * (1 - lost) + (1 - rate) * let_in for rate in (tpr, fpr)]
        right, wrong = kept if arm["keep"] == "verified" else (1.0, 1.0)
        generate = config["generate"]
        sampling = Sampling(int(generate["prompts"]), int(generate["samples"]), arm.get("cap"))
        found[str(arm["name"])] = Filter(right, wrong, sampling)
    return found


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a recorded config what the constants depend on, but for learning rate and base."""
    train = config["train"]
    return {
        "model": config["model"],
        "task": config["task"],
        "learner": sorted({str(arm.get("learner", "sft")) for arm in config["arms"]}),
        "train.steps": train["steps"],
        "train.batch_size": train["batch_size"],
    }


@dataclass(frozen=True, slots=True)
class Observed:
    """Rounds of arms, a value each.

    Learning rate; mean base accuracy of the run; seed; accuracy before, rates, rows, and change.
    """

    rates: Array
    bases: Array
    seeds: Array
    p: Array
    tpr: Array
    fpr: Array
    rows: Array
    changes: Array

    def terms(self, model: Model) -> Array:
        """Return by what a model's constants are multiplied in each round's change."""
        return law.terms(model, self.p, self.tpr, self.fpr, self.rows)


def observed(runs: Sequence[Results]) -> Observed:
    """Return the rounds of all arms of these runs that the law is about.

    The rows are those that the rates let expect, since a forecast knows no others. A round whose
    accuracy is not recorded is left out.
    """
    found = []
    for r in runs:
        run = (float(r.config["train"]["lr"]), r.mean(BASE, ACCURACY))
        for arm, of in filters(r.config).items():
            for seed, t in itertools.product(r.seeds, range(1, r.round + 1)):
                before = r.at(seed, arm, ACCURACY, t - 1) if t > 1 else r.at(seed, BASE, ACCURACY)
                change = r.at(seed, arm, ACCURACY, t) - before
                rows = float(of.sampling.rows(before, of.tpr, of.fpr))
                if math.isfinite(change):
                    found.append((*run, seed, before, of.tpr, of.fpr, rows, change))
    return Observed(*np.array(found, float).reshape(-1, 8).T)


def bases_of(r: Results, seeds: Sequence[int]) -> Array:
    """Return the base's accuracy in these seeds."""
    return np.array([r.at(seed, BASE, ACCURACY) for seed in seeds])


def knows(config: Mapping[str, Any]) -> bool:
    """Return whether something is calibrated at the learning rate of a recorded config."""
    rates = law.calibrated()["models"]["law"].constants
    return float(config["train"]["lr"]) in rates


def predicted(model: Model, r: Results, seeds: Sequence[int]) -> dict[str, Array]:
    """Return by how much each arm's accuracy is to change, by seed, from the base's alone.

    Raises KeyError where nothing is calibrated at the run's learning rate.
    """
    bases = bases_of(r, seeds)
    constants = law.calibrated()["models"][model].at(float(r.config["train"]["lr"]), bases)
    return {
        arm: law.after(model, constants, bases, of.tpr, of.fpr, of.sampling, r.round) - bases
        for arm, of in filters(r.config).items()
    }


def forecast_errors(r: Results, seeds: Sequence[int]) -> dict[Model, Array]:
    """Return by how much each model's forecast is off, as calibrated: a row an arm, a value a seed.

    Forecast less measured change of pass@1, in the rounds that the run compares. Empty where the
    run has not all these seeds, or nothing is calibrated at its learning rate.
    """
    arms = list(filters(r.config))
    if not (arms and knows(r.config) and set(seeds) <= set(r.seeds)):
        return {}
    real = np.array([[_change(r, seed, arm) for seed in seeds] for arm in arms])
    return {
        model: np.array(list(predicted(model, r, seeds).values())) - real for model in law.MODELS
    }


@dataclass(frozen=True, slots=True)
class Row:
    """Arms with one TPR: in a seed, the false-positive rate at which the accuracy doesn't change.

    `rates`: the least and the largest of the arms. Measured and predicted ones are held to these.
    """

    tpr: float
    rates: tuple[float, float]
    measured: float
    predicted: Mapping[Model, float]


def boundaries(r: Results, seed: int) -> list[Row]:
    """Return the boundary of each row of arms with one TPR and two or more false-positive rates.

    Along a row the measured change is made to fall with the rate (isotonic regression), and its
    crossing of 0 found between two neighbours. Where a row never falls below 0 the boundary is the
    row's largest rate, and where it never rises above 0 its least: bounds, which no forecast beyond
    them contradicts. A row with a figure that is missing is left out, and so are all where nothing
    is calibrated at the run's learning rate.
    """
    if not knows(r.config):
        return []
    of = filters(r.config)
    by_tpr: dict[float, dict[float, str]] = {}
    for arm, one in of.items():
        by_tpr.setdefault(round(one.tpr, 9), {})[one.fpr] = arm
    base = r.at(seed, BASE, ACCURACY)
    found = []
    for tpr, row in sorted(by_tpr.items(), reverse=True):
        rates = sorted(row)
        changes = [_change(r, seed, row[rate]) for rate in rates]
        if len(rates) < 2 or not all(map(math.isfinite, changes)):
            continue
        said: dict[Model, float] = {}
        for model in law.MODELS:
            constants = law.calibrated()["models"][model].at(float(r.config["train"]["lr"]), base)
            at = law.boundary(model, constants, base, tpr, of[row[rates[0]]].sampling)
            said[model] = float(np.clip(at, rates[0], rates[-1]))
        found.append(Row(tpr, (rates[0], rates[-1]), crossing(rates, changes), said))
    return found


def crossing(rates: Sequence[float], changes: Sequence[float]) -> float:
    """Return the rate at which changes that fall with it cross 0; an end where they don't."""
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression(changes, increasing=False).x
    if fitted[0] < 0:
        return rates[0]
    return float(np.interp(0.0, -fitted, rates)) if fitted[-1] < 0 else rates[-1]


def _change(r: Results, seed: int, arm: str) -> float:
    return r.at(seed, arm, ACCURACY) - r.at(seed, BASE, ACCURACY)
