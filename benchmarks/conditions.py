"""How often conditions about time are decided wrongly, on simulated curves whose truth is known.

Curves of an arm's change from the base over eight rounds: growing on, levelling off, flat, falling
late, falling at once, near the margin, noisy; and two that lie exactly at a limit, where wrong
decisions are most frequent. Spread and noise are as in docs/results and docs/claims, whose arms
differ between seeds by 0.01 to 0.06, and from round to round by 0.01 to 0.03: each seed has a
factor on the whole curve (sd 15 %), a drift (sd 0.004 a round), an error in its base that all its
rounds share (sd 0.02), and an error in each round (sd 0.015; noisy: 0.04).

The truth is that of the mean curve, without noise. Wrong is a condition that holds where it is not
so, or fails where it is. Stated: at most (1 - confidence) / 2 = 2.5 % on each side, at any number
of seeds. Beside it, for `first`: one round a seed, rounds + 1 where it never happens, with a t
interval over those.

Run: make bench, or python benchmarks/conditions.py [--simulations N] [-o FILE]. The last line is
one JSON object; FILE is by default docs/results/conditions.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from rlvr.statistics.conditions import (
    Condition,
    Values,
    first_of,
    parse,
    slope,
    state,
    state_first,
)

CONFIDENCE, ROUNDS, SEEDS = 0.95, 8, (3, 5, 8)
T = np.arange(1, ROUNDS + 1)
AT_LIMIT = "at the limit"
CURVES = {  # mean change from the base, by round
    "growing on": 0.05 * T,
    "levelling off": 0.4 * (1 - np.exp(-T / 1.2)),
    "flat": 0.0 * T,
    "falling late": -0.07 * np.maximum(T - 4, 0),
    "falling at once": -0.15 - 0.01 * T,
    "near the margin": -0.035 + 0.0 * T,
    "noisy": 0.0 * T,
    "slope at the limit": -0.02 * T,
    "at the margin": np.where(T < 4, 0.0, -0.05),
}
NOISE = {"noisy": 0.04}
CONDITIONS = (
    "slope(arm x, last 3) > 0.02",
    "slope(arm x, last 3) within 0.02",
    "first(arm x < -0.05) < 6",
    "first(arm x < -0.05) > 3",
)
RESULT = Path(__file__).parent.parent / "docs" / "results" / "conditions.json"


def main() -> None:
    """Simulate every curve; print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulations", type=int, default=2_000)
    parser.add_argument("-o", "--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    cells = [
        cell(curve, text, seeds, arguments.simulations)
        for curve in CURVES
        for text in CONDITIONS
        for seeds in SEEDS
    ]
    found = {
        "simulations": arguments.simulations,
        "rounds": ROUNDS,
        "confidence": CONFIDENCE,
        "largest_wrong_side": max(max(one["wrong_holds"], one["wrong_fails"]) for one in cells),
        "largest_wrong_by_seed": max(one.get("wrong_by_seed", 0.0) for one in cells),
        "cells": cells,
    }
    Console(width=140).print(_table(cells))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps({key: value for key, value in found.items() if key != "cells"}))


def cell(curve: str, text: str, seeds: int, simulations: int) -> dict[str, Any]:
    """Return how often a condition holds and fails on a curve, and how often wrongly.

    The same arguments give the same figures.
    """
    condition, truth = parse(text), true_state(curve, text)
    generator = np.random.default_rng([*map(ord, curve), seeds])
    states, others = [], []
    for values in simulated(curve, seeds, simulations, generator):
        states.append(decided(condition, values))
        if condition.quantity.event:
            others.append(one_round_a_seed(condition, values))
    found = {
        "curve": curve,
        "condition": text,
        "seeds": seeds,
        "truth": truth,
        "holds": states.count("holds") / simulations,
        "fails": states.count("fails") / simulations,
    }
    found["wrong_holds"] = found["holds"] if truth != "holds" else 0.0
    found["wrong_fails"] = found["fails"] if truth != "fails" else 0.0
    if others:
        found["wrong_by_seed"] = sum(one not in (truth, "open") for one in others) / simulations
    return found


def simulated(
    curve: str, seeds: int, simulations: int, generator: np.random.Generator
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return changes from the base: an array of simulations, seeds and rounds."""
    one = (simulations, seeds, 1)
    factor = generator.normal(1, 0.15, one)
    drift, base = generator.normal(0, 0.004, one), generator.normal(0, 0.02, one)
    noise = generator.normal(0, NOISE.get(curve, 0.015), (simulations, seeds, ROUNDS))
    return np.asarray(CURVES[curve] * factor + drift * T + base + noise)


def decided(condition: Condition, values: Any) -> str:
    """Return the state of a condition on one simulation's values, seeds by rounds."""
    if condition.quantity.event:
        return state_first(condition, [Values(one) for one in values.T.tolist()], CONFIDENCE)
    last = condition.quantity.last
    slopes = [slope(T[-last:].tolist(), one[-last:]) for one in values]
    return state(condition, Values(slopes), CONFIDENCE)


def one_round_a_seed(condition: Condition, values: Any) -> str:
    """Return what a t interval over the seeds' own first rounds says; never is rounds + 1."""
    event = condition.quantity.event
    assert event is not None
    firsts = [min(first_of(event, one), ROUNDS + 1.0) for one in values.tolist()]
    return state(condition, Values(firsts), CONFIDENCE)


def true_state(curve: str, text: str) -> str:
    """Return what the mean curve says: holds, fails, or neither where it lies at the limit."""
    sides = {_said(parse(text), CURVES[curve] + tilt * T) for tilt in (-1e-9, 1e-9)}
    return sides.pop() if len(sides) == 1 else AT_LIMIT


def _said(condition: Condition, mean: Any) -> str:
    last, event = condition.quantity.last, condition.quantity.event
    value = first_of(event, mean.tolist()) if event else slope(T[-last:].tolist(), mean[-last:])
    value = abs(value) if condition.way == "within" else value
    return "holds" if (value > condition.limit) == (condition.way == ">") else "fails"


def _table(cells: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="conditions about time: holds / fails, % of simulations", box=None)
    for head in ("curve", "condition", "truth"):
        table.add_column(head, no_wrap=True)
    for head in (*(f"{n} seeds" for n in SEEDS), "most wrong", "one round a seed"):
        table.add_column(head, justify="right")
    for mine in zip(*[iter(cells)] * len(SEEDS), strict=True):
        shown = [f"{100 * one['holds']:.1f} / {100 * one['fails']:.1f}" for one in mine]
        wrong = max(max(one["wrong_holds"], one["wrong_fails"]) for one in mine)
        other = [100 * one["wrong_by_seed"] for one in mine if "wrong_by_seed" in one]
        ends = (f"{100 * wrong:.1f}", f"{max(other):.1f}" if other else "")
        names = [str(mine[0][key]) for key in ("curve", "condition", "truth")]
        table.add_row(*names, *shown, *ends)
    return table


if __name__ == "__main__":
    main()
