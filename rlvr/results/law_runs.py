"""The law and runs: what it says of a run's arms, beside what the run recorded.

`filters` reads from a config what each arm's filter lets through. `observed` takes from recorded
runs what their rounds changed, from which the constants are fitted. `forecast_errors` and
`boundaries` put a run's own figures next to what is predicted from its base. What it does not do:
predict a run that is not there (`rlvr.results.forecast`), or decide whether the law holds
(`rlvr.claims.forecasts`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rlvr.records.layout import BASE
from rlvr.results.effects import Results
from rlvr.statistics import law
from rlvr.statistics.law import Array, Model, Sampling

ACCURACY = "pass@1"
SFT = "sft"
# The axes on which an arm must be as usual: it trains on the rows that its verifier accepts alone.
USUAL = {
    **{"memory": "replace", "start": "previous", "author": "model", "real_fraction": 0.0},
    **{"match": None, "share": None, "band": None, "unique": False, "prefer": None},
}


# Of `generate`: an old record has them not, and was made as if it had these.
LATER_KEYS = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "stop": []}


@dataclass(frozen=True, slots=True)
class Filter:
    """What an arm's filter keeps: shares of the right and of the wrong samples, and of how many.

    `lost`, `let_in`: the made errors among them, shares of what the verifier accepts and refuses.
    `learner`: what learns from it.
    """

    tpr: float
    fpr: float
    sampling: Sampling
    lost: float
    let_in: float
    learner: str = SFT

    def given(self, tpr: Array, fpr: Array) -> tuple[Array, Array]:
        """Return the two shares with another verifier's rates."""
        right, wrong = (rate * (1 - self.lost) + (1 - rate) * self.let_in for rate in (tpr, fpr))
        return right, wrong


def filters(config: Mapping[str, Any], tpr: float = 1.0, fpr: float = 0.0) -> dict[str, Filter]:
    """Return the filter of each arm of a recorded config that the law is about, by the arm's name.

    They keep what the verifier accepts, or all, and train on nothing else. `tpr` and `fpr` are the
    verifier's own; an arm's made errors come on top. The rates are those that are set, and not the
    shares that a round turned out to keep: a forecast knows no others. An arm whose errors a
    pattern triggers has no rate before its samples are there, and is left out.
    """
    generate, found = config["generate"], {}
    for arm in config["arms"]:
        flip = arm.get("flip") or {"false_positive": 0.0, "false_negative": 0.0, "pattern": None}
        usual = all(arm.get(axis, value) == value for axis, value in USUAL.items())
        if arm["keep"] not in ("verified", "all") or flip["pattern"] or not usual:
            continue
        errors = (float(flip["false_negative"]), float(flip["false_positive"]))
        sampling = Sampling(int(generate["prompts"]), int(generate["samples"]), arm.get("cap"))
        lost, let_in = errors if arm["keep"] == "verified" else (0.0, 1.0)  # all: none is refused
        one = Filter(tpr, fpr, sampling, lost, let_in, str(arm.get("learner", SFT)))
        right, wrong = one.given(tpr, fpr)
        found[str(arm["name"])] = replace(one, tpr=right, fpr=wrong)
    return found


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a recorded config what the constants depend on, but for learning rate and base."""
    train, warm = config["train"], config["warm_start"]
    decoding = {**LATER_KEYS, **config["generate"]}
    del decoding["prompts"], decoding["samples"]  # they decide how many rows there are
    return {
        "model": config["model"],
        "task": config["task"],
        "warm_start.problems": warm and warm["problems"],
        **{f"generate.{key}": value for key, value in sorted(decoding.items())},
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


def observed(runs: Sequence[Results], tpr: float = 1.0, fpr: float = 0.0) -> Observed:
    """Return the rounds of all fine-tuned arms of these runs that the law is about.

    `tpr` and `fpr`: the verifier's, which judged their accuracies. The rows are those that the
    rates let expect, since a forecast knows no others. A round whose accuracy is not recorded is
    left out.
    """

    def accuracy(seed: int, arm: str, t: int) -> float:
        return float(as_it_is(r.at(seed, arm if t else BASE, ACCURACY, t), tpr, fpr))

    found = []
    for r in runs:
        base = as_it_is(r.mean(BASE, ACCURACY), tpr, fpr)
        run = (float(r.config["train"]["lr"]), base)
        for arm, of in filters(r.config, tpr, fpr).items():
            for seed, t in itertools.product(r.seeds, range(1, r.round + 1)):
                before = accuracy(seed, arm, t - 1)
                change = accuracy(seed, arm, t) - before
                rows = float(of.sampling.rows(before, of.tpr, of.fpr))
                if math.isfinite(change) and of.learner == SFT:
                    found.append((*run, seed, before, of.tpr, of.fpr, rows, change))
    return Observed(*np.array(found, float).reshape(-1, 8).T)


def as_it_is(judged: Array, tpr: float, fpr: float) -> Array:
    """Return the share that is right where a verifier of these rates accepts the share `judged`.

    From 0 to 1. nan where it accepts right and wrong ones alike, so that it tells nothing.
    """
    return np.clip((judged - fpr) / (tpr - fpr), 0, 1) if tpr != fpr else judged * math.nan


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


# --- forecasts beside what came --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArmForecast:
    """A forecast of an arm and what came: changes of accuracy, mean over the seeds of its run.

    `low`, `high`: the law's 95 % interval. `said`: each model's forecast.
    """

    run: str
    arm: str
    came: float
    low: float
    high: float
    said: Mapping[Model, float]

    @property
    def held(self) -> bool:
        """Whether what came lies in the interval."""
        return self.low <= self.came <= self.high


def known_of(model: Model, rate: float, base: float, pilot: Observed | None = None) -> law.Known:
    """Return what is known of a model's constants at a learning rate and a base accuracy.

    As calibrated; or by a pilot's rounds, for which the nearest calibrated rate is the guess.
    """
    calibration = law.calibrated()["models"][model]
    nearest = min(calibration.constants, key=lambda one: abs(math.log(one / rate)))
    known: law.Known = calibration.known(nearest, base)
    if pilot is None:
        return known
    return law.recalibrated(known, pilot.terms(model), pilot.changes, pilot.seeds)


def forecasts_of(r: Results, name: str, pilot_rounds: int = 0) -> list[ArmForecast]:
    """Return the forecasts of a recorded run's arms, at its last round, beside what came.

    With `pilot_rounds` the run's own first rounds are the pilot, and arms of another learner than
    fine-tuning are left out.
    """
    base, rate = r.mean(BASE, ACCURACY), float(r.config["train"]["lr"])
    pilot = observed([replace(r, round=pilot_rounds)]) if pilot_rounds else None
    known = {model: known_of(model, rate, base, pilot) for model in law.MODELS}
    bases = np.full((law.DRAWS, len(r.seeds)), base)
    found = []
    for arm, of in filters(r.config).items():
        if pilot_rounds and of.learner != SFT:
            continue
        draws = {
            model: law.simulated(
                *(model, known[model], bases, of.tpr, of.fpr, of.sampling, r.round),
                np.random.default_rng(0),
            ).mean(axis=1)
            for model in law.MODELS
        }
        low, high = np.quantile(draws["law"], [0.025, 0.975]).tolist()
        said = {model: float(np.median(draw)) for model, draw in draws.items()}
        found.append(ArmForecast(name, arm, r.mean(arm, ACCURACY) - base, low, high, said))
    return found


def summary(found: Sequence[ArmForecast]) -> dict[str, Any]:
    """Return how good forecasts were: how many, coverage, and of each model error and signs.

    `error`: root of the mean square of forecast less what came, and that of predicting no change.
    `signs`: the share of arms that changed in the predicted direction.
    """
    came = np.array([one.came for one in found])
    said: dict[str, Array] = {
        model: np.array([one.said[model] for one in found]) for model in law.MODELS
    }
    errors = {**said, "no change": np.zeros_like(came)}
    return {
        "arms": len(found),
        "covered": float(np.mean([one.held for one in found])),
        "error": {name: float(np.sqrt(((of - came) ** 2).mean())) for name, of in errors.items()},
        "signs": {model: float((of * came > 0).mean()) for model, of in said.items()},
    }
