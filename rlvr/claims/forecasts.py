"""Claims about the law: the functions of their rules, and the tables of their pages.

`law_error` and `boundary_gap` are what a rule may ask (`rlvr.claims.experiments` settles it). The
tables show what was predicted of each run, and what came. What it does not do: make forecasts
(`rlvr.results.law_runs`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from rlvr.config import ClaimConfig
from rlvr.results.effects import Results, arm_effects, percent, signed, span
from rlvr.results.law_runs import (
    ACCURACY,
    Row,
    boundaries,
    forecast_errors,
    forecasts_of,
    knows,
    summary,
)
from rlvr.statistics import law
from rlvr.statistics.conditions import Quantity, parse
from rlvr.statistics.estimates import paired_interval
from rlvr.statistics.law import Model

NAMES = {"law": "the law", "J": "J", "plain": "constant cost", "no change": "no change"}


def law_error(_: Quantity, seed: int, main: Results, runs: Sequence[Results]) -> float:
    """Return how far off the law's forecasts are, over how far off those of J are, in a seed.

    See `error_ratio`.
    """
    return error_ratio("J", seed, main.seeds, runs or [main])


def error_ratio(rival: Model, seed: int, seeds: Sequence[int], runs: Sequence[Results]) -> float:
    """Return how far off the law's forecasts of runs are, over how far off those of `rival` are.

    Each is the root of the mean square, over all arms of the runs that the law is about, of the
    forecast less the measured change of pass@1, mean over the seeds. So it says how far off the
    forecasts are, and not how much seeds scatter. Such a ratio has no value in one seed: this is
    the seed's jackknife value, R + (n - 1) (mean of R[-i] - R[-seed]), where R[-i] is the ratio
    without seed i. Their mean is R, and their Student-t interval the jackknife's (Tukey 1958,
    Annals of Mathematical Statistics 29). nan where a run has not all seeds, or a rate of learning
    for which nothing is calibrated.
    """
    misses = [forecast_errors(r, seeds) for r in runs]
    if len(seeds) < 2 or not all(misses):
        return math.nan
    models: tuple[Model, Model] = ("law", rival)
    both = [np.array([row for of in misses for row in of[model]]) for model in models]

    def ratio(left_out: int | None) -> float:
        there = [seed != left_out for seed in seeds]
        own, other = (miss[:, there].mean(axis=1) for miss in both)
        return float(np.sqrt((own**2).mean() / (other**2).mean()))

    without = {one: ratio(one) for one in seeds}
    mean = math.fsum(without.values()) / len(without)
    return ratio(None) + (len(without) - 1) * (mean - without[seed])


def boundary_gap(_: Quantity, seed: int, main: Results, runs: Sequence[Results]) -> float:
    """Return the measured less the predicted boundary, a false-positive rate, in a seed.

    Mean over the rows of arms with one false-negative rate, and over the runs. Both are held to the
    rates of the row's arms: a row that never crosses says that the boundary lies beyond them, and
    there a forecast that says so is not wrong. nan as in `law_error`.
    """
    rows = [row for r in runs or [main] for row in boundaries(r, seed)]
    gaps = [row.measured - row.predicted["law"] for row in rows]
    return sum(gaps) / len(gaps) if gaps else math.nan


def is_about_the_law(claim: ClaimConfig) -> bool:
    """Return whether the rule of a claim asks how good the law's forecasts are."""
    return any(parse(text).quantity.function == "law_error" for text in claim.rule)


def law_tables(runs: Mapping[str, Results]) -> list[str]:
    """Return the forecasts of each run and arm, and the boundaries, as lines of Markdown."""
    known = {name: r for name, r in runs.items() if knows(r.config)}
    return [*_forecasts(known), *_boundaries(known)]


def _forecasts(runs: Mapping[str, Results]) -> list[str]:
    lines = ["", "## What was predicted, and what came", ""]
    heads = ["run", "arm", ACCURACY, "interval", "the law", "its interval", "J", "constant cost"]
    lines += [f"| {' | '.join(heads)} |", "|-" * len(heads) + "|"]
    errors = []
    for name, r in runs.items():
        effects, found = arm_effects(r, ACCURACY), forecasts_of(r, name)
        for one in found:
            came = effects[one.arm].interval
            cells = [name, one.arm, signed(came.delta), span(came.low, came.high)]
            cells += [signed(one.said["law"]), span(one.low, one.high)]
            cells += [signed(one.said["J"]), signed(one.said["plain"])]
            lines.append(f"| {' | '.join(cells)} |")
        if found:
            good = summary(found)
            sizes = ", ".join(f"{NAMES[of]} {size:.3f}" for of, size in good["error"].items())
            errors.append(f"- {name}: {good['covered']:.0%} of the intervals held; errors: {sizes}")
    return [
        *lines,
        "",
        *errors,
        "",
        f"Changes of {ACCURACY} from the base at the last round, mean over seeds. The law's 95 % "
        "interval is that of such a mean. Errors: root mean square over the arms. Forecasts begin "
        "at the base accuracy that a run reached.",
    ]


def _boundaries(runs: Mapping[str, Results]) -> list[str]:
    lines = ["", "## The boundary: the false-positive rate without change", ""]
    for name, r in runs.items():
        by_tpr: dict[float, list[Row]] = {}
        for seed in r.seeds:
            for row in boundaries(r, seed):
                by_tpr.setdefault(row.tpr, []).append(row)
        if len(lines) == 3 and by_tpr:
            heads = ["run", "TPR", "measured", f"{percent(r)} interval"]
            heads += [*(NAMES[model] for model in law.MODELS), "beyond"]
            lines += [f"| {' | '.join(heads)} |", "|-" * len(heads) + "|"]
        lines += [_boundary(name, tpr, rows, r) for tpr, rows in by_tpr.items()]
    return [
        *lines,
        "",
        "Mean over seeds. Rates are held to those of the row's arms; beyond: in how many seeds the "
        "row doesn't cross, so that its end is a bound.",
    ]


def _boundary(name: str, tpr: float, rows: Sequence[Row], r: Results) -> str:
    band = paired_interval([row.measured for row in rows], r.confidence)
    beyond = sum(row.measured in row.rates for row in rows)
    said = [sum(row.predicted[model] for row in rows) / len(rows) for model in law.MODELS]
    cells = [name, f"{tpr:g}", f"{band.delta:.3f}", span(band.low, band.high)]
    cells += [*(f"{rate:.3f}" for rate in said), f"{beyond} of {len(rows)}"]
    return f"| {' | '.join(cells)} |"
