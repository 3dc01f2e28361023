"""Claims: experiments with a rule stated beforehand, run or resumed, and what comes of the rule.

A claim is a config with a `claim` section, `configs/claims/*.yaml`. Its runs are ordinary run
folders under one folder: `main`, one a further model, one a point; beside them `claim.json`, the
page and its plot. `settle` is a pure function of the runs' records. What it does not do: draw
(`rlvr.claim_plots`) or write prose (`rlvr.pages`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rlvr import config as config_
from rlvr import models
from rlvr.compare import LOWER_IS_BETTER, Results
from rlvr.conditions import Condition, Outcome, Quantity, State, Term, parse, settle, state
from rlvr.config import ClaimConfig, Config
from rlvr.data import InputError, nearest
from rlvr.stats import Interval, paired_interval

Budget = Literal["smoke", "cpu"]
MAIN = "main"
SMOKE_NOTE = "a smoke run tests the machinery alone: its outcome says nothing about the claim"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim's file: its name among the shipped configs without the folder, and what it holds."""

    name: str
    path: Path
    config: Config

    @property
    def claim(self) -> ClaimConfig:
        """The claim section, which is there."""
        assert self.config.claim is not None
        return self.config.claim


@dataclass(frozen=True, slots=True)
class Settled:
    """One condition held against the seeds' values."""

    condition: Condition
    values: tuple[float, ...]
    interval: Interval
    state: State


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim: its outcome, and each control and part of the rule."""

    outcome: Outcome
    controls: tuple[Settled, ...]
    rule: tuple[Settled, ...]


def find(ids: Sequence[str]) -> list[Claim]:
    """Return the shipped claims of these ids (`C1`, `c1`), all of them where none is given.

    A claim may have several files, such as c3 and c3_text. Raises InputError for an unknown id.
    """
    shipped = [
        Claim(name.removeprefix("claims/"), path, config_.load(path))
        for name, path in config_.shipped_configs().items()
        if name.startswith("claims/")
    ]
    known = sorted({claim.claim.id for claim in shipped})
    for given in ids:
        if given.upper() not in known:
            hint = nearest(given.upper(), known)
            raise InputError(f"claims: no claim {given!r}{hint} (known: {', '.join(known)})")
    wanted = {given.upper() for given in ids or known}
    return [claim for claim in shipped if claim.claim.id in wanted]


def runs_of(claim: Claim, budget: Budget) -> dict[str, Config]:
    """Return the configs of a claim's runs by name: main, further models, points.

    The smoke budget lays the claim's smoke overrides over the main run and the first model, and
    leaves the rest out. Raises InputError where an override won't do.
    """
    section = claim.claim
    smoke = section.smoke if budget == "smoke" else []
    runs = {MAIN: smoke}
    for model in section.models[: 1 if smoke else None]:
        runs[model] = [f"model={model}", *smoke]
    if budget == "cpu":
        runs |= section.points
    try:
        return {name: config_.load(claim.path, overrides) for name, overrides in runs.items()}
    except InputError as failure:
        raise InputError(f"{failure} (an override of the claim's own)") from failure


def settle_claim(section: ClaimConfig, main: Results, others: Iterable[Results]) -> Settlement:
    """Apply the claim's rule to a run; `others` are the runs of its further models."""
    ladder = [main, *others]

    def held(text: str, parts: int) -> Settled:
        condition = parse(text)
        values = tuple(values_of(condition.quantity, main, ladder))
        return Settled(
            condition,
            values,
            paired_interval(values, main.confidence),
            state(condition, values, main.confidence, parts),
        )

    controls = tuple(held(text, len(section.controls)) for text in section.controls)
    rule = tuple(held(text, len(section.rule)) for text in section.rule)
    outcome = settle([one.state for one in controls], [one.state for one in rule])
    return Settlement(outcome, controls, rule)


def as_json(claim: ClaimConfig, budget: Budget, settled: Settlement, main: Results) -> Any:
    """Return the content of claim.json: no times, no paths."""
    return {
        "id": claim.id,
        "says": claim.says,
        "budget": budget,
        "note": SMOKE_NOTE if budget == "smoke" else "",
        "outcome": settled.outcome,
        "controls": [_plain(one) for one in settled.controls],
        "rule": [_plain(one) for one in settled.rule],
        "changes": claim.changes,
        "seeds": list(main.seeds),
        "config_hash": main.config_hash,
    }


def _plain(settled: Settled) -> dict[str, Any]:
    def figure(x: float) -> float | None:
        return float(f"{x:.12g}") if math.isfinite(x) else None

    return {
        "condition": settled.condition.text,
        "value": figure(settled.interval.delta),
        "ci95": [figure(settled.interval.low), figure(settled.interval.high)],
        "by_seed": [figure(value) for value in settled.values],
        "state": settled.state,
    }


# Quantities -------------------------------------------------------------------------------------


def values_of(quantity: Quantity, main: Results, ladder: Sequence[Results]) -> list[float]:
    """Return a quantity's value for each seed of the main run, nan where it has none.

    Raises InputError for an arm that the run has not.
    """
    for term in (quantity.plus, quantity.minus):
        if term is not None and term.arm not in ("base", *main.arms):
            hint = nearest(term.arm, main.arms)
            raise InputError(f"{main.name}: the claim's rule names the arm {term.arm!r}{hint}")
    function = FUNCTIONS[quantity.function]
    return [function(quantity, seed, main, ladder) for seed in main.seeds]


def has_arms(text: str, r: Results) -> bool:
    """Return whether a run has every arm that a condition names."""
    quantity = parse(text).quantity
    terms = [term for term in (quantity.plus, quantity.minus) if term is not None]
    return all(term.arm in ("base", *r.arms) for term in terms)


def difference(quantity: Quantity, seed: int, main: Results, _: Sequence[Results]) -> float:
    """Return the first term less the second, at the last round."""

    def at(term: Term | None) -> float:
        return main.at(seed, term.arm, term.metric) if term else 0.0

    return at(quantity.plus) - at(quantity.minus)


def slope(quantity: Quantity, seed: int, main: Results, ladder: Sequence[Results]) -> float:
    """Return the least-squares slope of a quantity per decade of parameters, over the models.

    Rounds, steps and rows are equal over the models, so a decade of parameters is a decade of
    training compute (6 x parameters x tokens: Kaplan 2001.08361, section 2.1). nan under two
    models.
    """
    points = [(log_parameters(r), difference(quantity, seed, r, ())) for r in ladder]
    known = [(x, y) for x, y in points if math.isfinite(y)]
    if len(known) < 2:
        return math.nan
    x, y = np.array(known).T
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


def log_parameters(r: Results) -> float:
    """Return log10 of the parameters of a run's model."""
    return math.log10(models.weight_bytes(str(r.config["model"])) / 4)


def degradation(r: Results, seed: int, arm: str) -> float:
    """Return by how much the rule's metric is worse than the base's, in the metric's unit."""
    worse = r.at(seed, arm, r.metric) - r.at(seed, "base", r.metric)
    return worse if r.metric in LOWER_IS_BETTER else -worse


def fractions(r: Results, memory: str = "replace") -> dict[float, str]:
    """Return share of fresh real rows -> arm, of the arms that differ in that alone.

    They keep everything, start from the previous weights and have this memory; `real` is 1.
    """
    found = {}
    for arm in r.config["arms"]:
        plain = arm["memory"] == memory and arm["start"] == "previous"
        if plain and arm["keep"] == "all":
            found[float(arm["real_fraction"])] = str(arm["name"])
        elif plain and arm["keep"] == "real" and not arm.get("match"):
            found[1.0] = str(arm["name"])
    return dict(sorted(found.items()))


def fraction_needed(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return the share of fresh real rows at which replace stops degrading by the rule's margin.

    Linear between the largest share that degrades and the next one; the least share measured where
    none degrades, nan where all do.
    """
    points = [(f, degradation(main, seed, arm)) for f, arm in fractions(main).items()]
    bad = [i for i, (_, worse) in enumerate(points) if worse > main.margin]
    if not points or (bad and bad[-1] == len(points) - 1):
        return math.nan
    if not bad:
        return points[0][0]
    (left, high), (right, low) = points[bad[-1]], points[bad[-1] + 1]
    return left + (right - left) * (high - main.margin) / (high - low)


def dial(r: Results) -> dict[float, dict[float, str]]:
    """Return the arms of a dial by false-negative, then by false-positive rate, both ascending.

    Arms that keep what the verifier accepts, with errors that do not depend on the text.
    """
    rows: dict[float, dict[float, str]] = {}
    for arm in r.config["arms"]:
        flip = arm["flip"] or {"false_positive": 0.0, "false_negative": 0.0, "pattern": None}
        if arm["keep"] == "verified" and not flip["pattern"]:
            row = rows.setdefault(float(flip["false_negative"]), {})
            row[float(flip["false_positive"])] = str(arm["name"])
    return {rate: dict(sorted(row.items())) for rate, row in sorted(rows.items())}


def boundary(r: Results, seed: int) -> dict[float, float]:
    """Return the J at which the rule's metric neither rises nor falls, by false-negative rate.

    J is that measured in round 1. Along a row of the dial the change from the base is made to fall
    with the false positives (isotonic regression), and its crossing of 0 found between two
    neighbours. A row without a crossing is left out.
    """
    from scipy.optimize import isotonic_regression

    found = {}
    base = r.at(seed, "base", r.metric)
    for rate, row in dial(r).items():
        arms = list(row.values())
        changes = [r.at(seed, arm, r.metric) - base for arm in arms]
        levels = [r.at(seed, arm, "J", 1) for arm in arms]
        if len(arms) < 2 or not all(map(math.isfinite, (*changes, *levels))):
            continue
        fitted = [float(y) for y in isotonic_regression(changes, increasing=False).x]
        for i in range(len(arms) - 1):
            if fitted[i] >= 0 > fitted[i + 1]:
                share = fitted[i] / (fitted[i] - fitted[i + 1])
                found[rate] = levels[i] + share * (levels[i + 1] - levels[i])
    return found


def distance(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return the mean |J| of the measured boundary: theory puts it at J = 0 (2601.04411).

    Over the false-negative rates whose row crosses it; nan where none does.
    """
    found = boundary(main, seed)
    return sum(map(abs, found.values())) / len(found) if found else math.nan


FUNCTIONS: Mapping[str, Callable[[Quantity, int, Results, Sequence[Results]], float]] = {
    "": difference,
    "slope": slope,
    "fraction_needed": fraction_needed,
    "distance": distance,
}
