"""How often an interval over seeds holds the truth: simulated runs, rules beside each other.

A simulated run compares an arm with its base over a few seeds. Problem j of seed s is solved by the
base with probability g(a + v[j]), by the arm with g(a + SHIFT + v[j] + w[j] + b[s]), g the logistic
function; v, w and b are normal, of deviation DIFFICULTY, CHANGE and that of the cell. So problems
differ in how hard they are and in what training does to them, and seeds in what training does to
them. In the cells "failing" a seed's deviation is small, but one seed in FAILING, by chance, has
FAILS added to it: it fails as a whole. Each of PROBLEMS problems has SAMPLES samples on either
side. "shared": all seeds have the same problems, as those of a file; "fresh": each seed has its
own, as generated tasks draw them. The truth is the mean change over all seeds and all problems that
there could be.

The rules, all with Student's t on the seeds' degrees of freedom, at 95 %:
- old: the seeds' deviation alone, as in the first edition of the claims.
- floor: the same, but not below the measurement error, as if each seed had its own problems.
- clustered: clustering by seed and by problem (Cameron, Gelbach and Miller 2011: the sum of both
  variances less that of their intersection), not below clustering by problem alone.
- new: `rlvr.statistics.estimates.paired_interval`, the analysis of variance of seeds and problems.

`new` is the program's rule. With fresh problems all but `old` are the same. With shared ones `old`
and `floor` do not hold at 5 and 8 seeds: they do not know of the error that all seeds have in
common. `clustered` holds nearly as often as `new`, but its variance lacks 1/seeds of that error.

No rule with Student's t holds where the seeds' shares scatter lopsidedly: near 0 and 1 with a large
deviation, a little at 0.1 already, and with an extreme one anywhere. Nor does one where a few seeds
fail: as long as none of those that were seen has failed, nothing in them tells of it. `note` is how
often the output says so (`rlvr.results.effects.coverage_note`), seldom where seeds fail. Every
coverage is a share of RUNS runs, and so exact to about +-0.006 where it is 0.95.

Run: python benchmarks/coverage.py [-o docs/results/coverage.json], which takes a minute. The last
line has the lowest coverages as JSON, the file has every cell.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from rlvr.records.record import write_json
from rlvr.results.effects import Effect, coverage_note
from rlvr.statistics.estimates import error_covariance, paired_interval, variances

if __name__ == "coverage":
    # numba, if there, looks for the package of this name when another script here imports it.
    raise ImportError("a benchmark, and not the package coverage")

RUNS = 5_000  # of each cell
READ = 500  # of them, by the program's own functions
PROBLEMS, SAMPLES = 100, 4
DIFFICULTY, CHANGE, SHIFT = 1.5, 0.5, 0.5  # log-odds
SEEDS = (3, 5, 8)
# Between seeds, in log-odds. Of the 160 arms recorded in docs/results and docs/claims with three
# seeds or more, "small" is the upper quartile, "large" the 95th percentile; 3 have more than 1.
DEVIATIONS = {"none": 0.0, "small": 0.19, "large": 0.67, "extreme": 1.5}
SHARES = (0.5, 0.1, 0.01, 0.99)  # of the base
FAILING, FAILS, FAILING_SHARE = 7, -4.0, 0.5  # one seed in so many, log-odds, share of the base
RULES = ("old", "floor", "clustered", "new")
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
Array = Any  # of numpy


@dataclass(frozen=True, slots=True)
class Cell:
    """What the runs of a row have in common."""

    share: float
    deviation: str  # of DEVIATIONS, or failing
    problems: str  # shared or fresh
    seeds: int

    @property
    def kind(self) -> str:
        """Where the cell belongs: every ordinary one must be covered."""
        if self.deviation == "failing":
            return "failing seeds"
        if self.deviation == "large" and self.share != 0.5:
            return "lopsided"
        return "extreme" if self.deviation == "extreme" else "ordinary"


@dataclass(frozen=True, slots=True)
class Runs:
    """Simulated runs of a cell: arrays, a row a run.

    `bases` and `deltas` by seed, `errors`: the covariances of their measurement errors.
    """

    bases: Array
    deltas: Array
    errors: Array
    truth: float


def main() -> None:
    """Simulate every cell; print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description="How often intervals over seeds hold the truth.")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write every cell there")
    out = parser.parse_args().out
    every = [
        *itertools.product(SHARES, DEVIATIONS, ("fresh", "shared"), SEEDS),
        *itertools.product((FAILING_SHARE,), ("failing",), ("fresh", "shared"), SEEDS),
    ]
    rows = [measured(Cell(*one), number) for number, one in enumerate(every)]
    Console(width=None if sys.stdout.isatty() else 100).print(table(rows))
    if out:
        how = {"runs": RUNS, "problems": PROBLEMS, "samples": SAMPLES, "deviations": DEVIATIONS}
        failing = {"one in": FAILING, "log-odds": FAILS}
        write_json(out, {**how, "failing": failing, "cells": rows})
    print(json.dumps(lowest(rows)))


def measured(cell: Cell, number: int, runs: int = RUNS) -> dict[str, Any]:
    """Return a cell's coverages, the median half widths of the first and last rule, and notes."""
    made = simulated(cell, runs, np.random.default_rng(number))
    halves = half_widths(made)
    off = np.abs(made.deltas.mean(-1) - made.truth)
    read = [the_program_says(made, i) for i in range(min(READ, runs))]
    for i, (half, _) in enumerate(read):
        assert math.isclose(half, halves["new"][i], rel_tol=1e-9), (cell, i)
    return {
        **asdict(cell),
        "kind": cell.kind,
        **{name: round(float((off <= half).mean()), 4) for name, half in halves.items()},
        "old_width": round(float(np.median(halves["old"])), 4),
        "new_width": round(float(np.median(halves["new"])), 4),
        "note": round(sum(bool(note) for _, note in read) / len(read), 4),
    }


def simulated(cell: Cell, runs: int, generator: np.random.Generator) -> Runs:
    """Return simulated runs of a cell."""
    fails = cell.deviation == "failing"
    at, between = location_of(cell.share), DEVIATIONS["small" if fails else cell.deviation]
    sets = 1 if cell.problems == "shared" else cell.seeds
    hard = at + DIFFICULTY * generator.standard_normal((runs, sets, PROBLEMS))
    change = SHIFT + CHANGE * generator.standard_normal((runs, sets, PROBLEMS))
    seeds = between * generator.standard_normal((runs, cell.seeds, 1))
    if fails:
        seeds = seeds + FAILS * (generator.random(seeds.shape) < 1 / FAILING)
    before = np.broadcast_to(expit(hard), (runs, cell.seeds, PROBLEMS))
    base = generator.binomial(SAMPLES, before) / SAMPLES
    values = generator.binomial(SAMPLES, expit(hard + change + seeds)) / SAMPLES - base
    errors = error_covariance(values)
    if cell.problems == "fresh":  # no two seeds have a problem in common
        errors = errors * np.eye(cell.seeds)
    scatter = math.hypot(DIFFICULTY, CHANGE, between)
    truth = share_of(at + SHIFT, scatter) - cell.share
    if fails:
        truth += (share_of(at + SHIFT + FAILS, scatter) - cell.share - truth) / FAILING
    return Runs(base.mean(-1), values.mean(-1), errors, truth)


def share_of(location: float, deviation: float) -> float:
    """Return the mean of the logistic function of a normal variable, by Gauss and Hermite."""
    return float(expit(location + deviation * NODES) @ WEIGHTS / WEIGHTS.sum())


def location_of(share: float) -> float:
    """Return the location at which the base's share is `share`."""
    return float(brentq(lambda at: share_of(at, DIFFICULTY) - share, -30, 30))


def half_widths(runs: Runs) -> dict[str, Array]:
    """Return half the width of each run's interval, by rule."""
    n = runs.deltas.shape[-1]
    observed = runs.deltas.var(-1, ddof=1)
    within = np.trace(runs.errors, axis1=-2, axis2=-1) / n
    by_problem = runs.errors.sum((-2, -1)) / n**2
    shared = np.maximum(0, (by_problem - within / n) * n / (n - 1))
    between = np.maximum(0, observed - within + shared)
    squares = {
        "old": observed / n,
        "floor": np.maximum(observed, within) / n,
        "clustered": np.maximum(observed / n + by_problem - within / n, by_problem),
        "new": (between + within + (n - 1) * shared) / n,
    }
    return {name: stdtrit(n - 1, 0.975) * np.sqrt(square) for name, square in squares.items()}


def the_program_says(runs: Runs, i: int) -> tuple[float, str]:
    """Return half the width of a run's interval, and the note beside it."""
    bases, deltas = runs.bases[i].tolist(), runs.deltas[i].tolist()
    interval = paired_interval(deltas, 0.95, runs.errors[i])
    effect = Effect(
        metric="pass@1",
        base=float(np.mean(bases)),
        final=float(np.mean(bases) + interval.delta),
        bases=tuple(bases),
        deltas=tuple(deltas),
        interval=interval,
        p_holm=interval.p,
        variances=variances(deltas, runs.errors[i]),
        floor="paired",
    )
    return interval.high - interval.delta, coverage_note(effect)


def table(rows: Sequence[dict[str, Any]]) -> Table:
    """Return every cell as a table."""
    made = Table(title="coverage of 95 % intervals over seeds", title_justify="left")
    heads = ("base", "seeds differ", "problems", "seeds", *RULES, "width: old", "new", "note")
    for head in heads:
        made.add_column(head, justify="left" if head in ("seeds differ", "problems") else "right")
    for row in rows:
        made.add_row(
            f"{row['share']:g}",
            row["deviation"],
            row["problems"],
            str(row["seeds"]),
            *(f"{row[rule]:.3f}" for rule in RULES),
            *(f"+-{row[name]:.3f}" for name in ("old_width", "new_width")),
            f"{row['note']:.0%}",
        )
    return made


def lowest(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the lowest coverage of each rule in each kind of cell."""
    kinds = dict.fromkeys(row["kind"] for row in rows)
    return {
        f"{kind}, lowest, {rule}": min(row[rule] for row in rows if row["kind"] == kind)
        for kind in kinds
        for rule in RULES
    }


if __name__ == "__main__":
    main()
