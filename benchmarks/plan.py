"""How often the prediction interval of `rlvr plan` holds the width that a run then has.

A simulated pilot compares an arm with its base; `rlvr.statistics.power` predicts from it how wide
the interval of a larger run will be, within limits that 80 of 100 such runs should keep; then the
larger run is simulated too. Problem j of seed s is solved by the base with probability g(v[j]), by
the arm with g(SHIFT + v[j] + w[j] + b[s]), g the logistic function; v, w and b are normal, of
deviation DIFFICULTY, CHANGE and that of the cell ("any": one of DEVIATIONS, drawn for each pilot
and its run). "fresh": each seed draws its own problems, as generated tasks do; "shared": all seeds
of both runs have the same ones, as from a file.

Two rules beside each other: `plan` is the program's, `formula` takes the floor as known and the
limits of the seeds' deviation from the F distribution, with equal tails.

Run: python benchmarks/plan.py [-o FILE]. With --kept PILOT FRESH, two run folders of one config, it
says instead what the first promised of the second, and what that gave. The last line of output is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.special import expit, stdtrit
from scipy.stats import f

from rlvr.config import Config
from rlvr.records.layout import TIMING
from rlvr.records.record import read_table
from rlvr.results.compare import read_config, read_results
from rlvr.results.effects import effect_of
from rlvr.results.plan import read_pilot
from rlvr.statistics.estimates import Variances, error_covariance, variances
from rlvr.statistics.power import HELD, Rule, Size, Spread, outlook

RUNS = 2_000  # of a cell
DIFFICULTY, CHANGE, SHIFT = 1.5, 0.5, 0.5  # on the scale of log-odds
DEVIATIONS = (0.0, 0.1, 0.2, 0.5, 1.0)  # between seeds, log-odds
RULE = Rule(margin=0.05, confidence=0.95, family=1)
SIZES = {  # of pilot and run
    "3 to 5 seeds": (Size(3, 200, 4), Size(5, 200, 4)),
    "3 to 8 seeds": (Size(3, 200, 4), Size(8, 200, 4)),
    "5 to 8 seeds": (Size(5, 200, 4), Size(8, 200, 4)),
    "3 to 5 seeds, twice the problems and samples": (Size(3, 200, 4), Size(5, 400, 8)),
}
Array = Any  # of numpy


@dataclass(frozen=True, slots=True)
class Simulated:
    """What is estimated from a simulated run."""

    seeds: Variances
    observed: float
    sample: float


def main() -> None:
    """Simulate every cell, or look at two runs; print a table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description="How often `rlvr plan` keeps its promise.")
    parser.add_argument("-o", "--out", type=Path, help="write the JSON there too")
    parser.add_argument("--kept", type=Path, nargs=2, metavar=("PILOT", "FRESH"))
    given = parser.parse_args()
    found = kept(*given.kept) if given.kept else simulated()
    text = json.dumps(found)
    if given.out:
        given.out.write_text(text + "\n")
    print(text)


def simulated() -> dict[str, Any]:
    """Return by cell and rule the share of widths within their limits; print them as a table."""
    table = Table(title=f"widths held by {HELD:.0%} limits", title_justify="left")
    for head in ("pilot and run", "problems", "between seeds", "formula", "plan"):
        table.add_column(head, justify="right" if head in ("formula", "plan") else "left")
    found: dict[str, Any] = {"runs": RUNS}
    for place, (name, problems, deviation) in enumerate(cells()):
        held = measure(*SIZES[name], problems, deviation, place)
        table.add_row(name, problems, deviation, *(f"{held[rule]:.3f}" for rule in held))
        for rule, share in held.items():
            found[f"{name}, {problems}, {deviation}, {rule}"] = round(share, 4)
    Console(width=100).print(table)
    return found


def kept(pilot: Path, fresh: Path) -> dict[str, Any]:
    """Return what a pilot promised of a run, and what that gave, by arm; print it as a table."""
    config = Config.model_validate(read_config(fresh)[0])
    read, gave = read_pilot(pilot, config, str(fresh)), read_results(fresh)
    table = Table(title="half the interval's width", title_justify="left")
    for head in ("arm", "promised", "80 % limits", "gave"):
        table.add_column(head, justify="left" if head == "arm" else "right")
    arms = {}
    for of in read.arms:
        said = outlook(of.spread, read.size, read.rule.margin, read.rule)
        then = effect_of(gave, of.arm, "base", gave.metric, gave.metric)
        half = then.interval.high - then.interval.delta
        arms[of.arm] = {
            "between": math.sqrt(of.spread.between),
            "within": math.sqrt(of.spread.within),
            "promised": said.half,
            "low": said.low,
            "high": said.high,
            "gave": half,
            "gave_between": math.sqrt(then.variances.between),
            "gave_within": math.sqrt(then.variances.within),
        }
        limits = f"{said.low:.3f} to {said.high:.3f}"
        table.add_row(of.arm, f"{said.half:.3f}", limits, f"{half:.3f}")
    Console(width=100).print(table)
    timing, took = read.cost, read_table(fresh / TIMING).to_pandas()
    assert timing is not None
    whole = took[took["stage"] == "round"]["seconds"].sum() / 3600
    return {
        "metric": gave.metric,
        "confidence": gave.confidence,
        "pilot_seeds": list(read.run.seeds),
        "seeds": list(gave.seeds),
        "arms": arms,
        "hours": {"promised": timing.hours(read.size, config.rounds), "gave": whole},
    }


def cells() -> list[tuple[str, str, str]]:
    """Return the cells: of shared problems the first sizes alone."""
    sizes = [(name, "fresh") for name in SIZES] + [(next(iter(SIZES)), "shared")]
    fixed = [(*one, f"{deviation:g}") for one in sizes for deviation in DEVIATIONS]
    return fixed + [(*one, "any") for one in sizes]


def measure(pilot: Size, run: Size, problems: str, cell: str, seed: int) -> dict[str, float]:
    """Return by rule the share of runs whose width lies within the limits."""
    generator = np.random.default_rng(seed)
    among = DEVIATIONS if cell == "any" else (float(cell),)
    deviation = generator.choice(among, (RUNS, 1, 1))
    held = {"formula": 0, "plan": 0}
    shared = problems == "shared"
    hard = generator.standard_normal((RUNS, 1, max(pilot.problems, run.problems), 2))
    small = simulate(pilot, deviation, hard if shared else None, generator)
    large = simulate(run, deviation, hard if shared else None, generator)
    wide = float(stdtrit(run.seeds - 1, (1 + RULE.confidence) / 2))
    for before, after in zip(small, large, strict=True):
        of = before.seeds
        spread = Spread(pilot, before.observed, of.within, of.shared, before.sample)
        half = wide * after.seeds.error
        said = outlook(spread, run, RULE.margin, RULE)
        held["plan"] += said.low <= half <= said.high
        low, high = formula(spread, run)
        held["formula"] += wide * low * (1 - 1e-9) <= half <= wide * high * (1 + 1e-9)
    return {rule: count / RUNS for rule, count in held.items()}


def formula(spread: Spread, size: Size) -> tuple[float, float]:
    """Return limits of the standard error: by F for the seeds, and not below the floor."""
    fewer, rarer = spread.size.problems / size.problems, spread.size.samples / size.samples
    own = fewer * (spread.own - spread.of_samples * (1 - rarer))
    degrees = (size.seeds - 1, spread.size.seeds - 1)
    limits = []
    for tail in ((1 - HELD) / 2, (1 + HELD) / 2):
        seeds = (spread.between + own) * float(f.ppf(tail, *degrees))
        limits.append(math.sqrt(max(seeds, own) / size.seeds + spread.shared * fewer))
    return limits[0], limits[1]


def simulate(
    size: Size, deviation: Array, hard: Array | None, generator: np.random.Generator
) -> list[Simulated]:
    """Return what RUNS runs of a size find; `hard`: the problems that all seeds have, if any."""
    shape = (RUNS, size.seeds, size.problems)
    if hard is None:
        hard, own = generator.standard_normal((*shape, 2)), True
    else:
        hard, own = hard[:, :, : size.problems], False
    at, change = DIFFICULTY * hard[..., 0], SHIFT + CHANGE * hard[..., 1]
    between = deviation * generator.standard_normal((RUNS, size.seeds, 1))
    base = generator.binomial(size.samples, expit(np.broadcast_to(at, shape)))
    arm = generator.binomial(size.samples, expit(at + change + between))
    values = (arm - base) / size.samples
    errors = error_covariance(values)
    if own:  # no two seeds have a problem in common
        errors = errors * np.eye(size.seeds)
    deltas = values.mean(-1)
    tossed = sum(one * (size.samples - one) for one in (arm, base)).mean((1, 2))
    sample = tossed / (size.samples * (size.samples - 1))
    observed = deltas.var(1, ddof=1)
    return [
        Simulated(variances(list(mine), of), float(seen), float(one))
        for mine, of, seen, one in zip(deltas, errors, observed, sample, strict=True)
    ]


if __name__ == "__main__":
    main()
