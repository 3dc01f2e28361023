"""Calibrates the law from recorded runs, and forecasts the second edition of C7 from its config.

It writes rlvr/statistics/law.json and docs/results/law/forecasts.json.

The records are those of the first edition of C7 (seeds 0 to 4) and of short runs on development
seeds (from 100 on) at other base accuracies, and with few rows at other learning rates
(docs/results/law). The seeds of the second edition are in none of them. `rlvr.statistics.law` says
what is fitted.

The forecasts are at the base accuracies that the config asks for; the
claim's rule puts those that were reached in their place.

Run: python docs/make_law.py [--check]. With --check nothing is written: it fails where a file would
be another one.
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

from rlvr.claims.experiments import find, runs_of
from rlvr.config import resolved
from rlvr.records.record import write_json
from rlvr.results.compare import read_results
from rlvr.results.effects import Results
from rlvr.results.forecast import Observed, bases_of, filters, observed, settings_of
from rlvr.statistics import law

DOCS = Path(__file__).parent
EDITIONS = (DOCS / "claims" / "first" / "c7", DOCS / "claims" / "c7")  # wherever the first one is
FORECASTS = DOCS / "results" / "law" / "forecasts.json"
DIGITS = 6
APART = 0.05  # base accuracies that differ by more have constants of their own


def main() -> None:
    """Fit, print, write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    check = parser.parse_args().check
    for path, make in ((law.CALIBRATED, calibrate), (FORECASTS, forecasts)):
        made = make()
        if check and json.loads(path.read_text()) != made:
            raise SystemExit(f"{path}: would be another one: run python docs/make_law.py")
        if not check:
            write_json(path, made)
            law.calibrated.cache_clear()
    console = Console()
    console.print(_constants(json.loads(law.CALIBRATED.read_text())))
    console.print(_forecasts(json.loads(FORECASTS.read_text())))


def forecasts() -> dict[str, Any]:
    """Return what each model foretells of the claim's runs: a run, an arm, a change of pass@1.

    And, by TPR, the false-positive rate at its boundary.
    """
    [claim] = find(["C7"])
    return {name: _forecast(resolved(config)) for name, config in runs_of(claim, "cpu").items()}


def _forecast(config: dict[str, Any]) -> dict[str, Any]:
    base, rate = float(config["warm_start"]["until"]), float(config["train"]["lr"])
    of = filters(config)
    rows = {one.tpr: one.sampling for one in of.values()}
    found: dict[str, Any] = {"base": base, "changes": {}, "boundaries": {}}
    for model in law.MODELS:
        constants = law.calibrated()["models"][model].at(rate, base)
        found["changes"][model] = {
            arm: _round(
                law.after(model, constants, base, one.tpr, one.fpr, one.sampling, config["rounds"])
                - base
            )
            for arm, one in of.items()
        }
        found["boundaries"][model] = {
            f"{tpr:g}": _round(law.boundary(model, constants, base, tpr, sampling))
            for tpr, sampling in rows.items()
        }
    return found


def records() -> list[Results]:
    """Return the recorded runs that the law is calibrated on."""
    first = next(folder for folder in EDITIONS if (folder / "main").is_dir())
    folders = [first / name for name in ("main", "half-lr", "double-lr")]
    folders += sorted(path.parent for path in (DOCS / "results" / "law").glob("*/config.json"))
    return [read_results(folder) for folder in folders]


def calibrate() -> dict[str, Any]:
    """Return the content of law.json."""
    runs = records()
    settings = [settings_of(r.config) for r in runs]
    if any(one != settings[0] for one in settings):
        raise ValueError("runs of different settings")
    rounds = observed(runs)
    bases = _grouped(rounds.bases)
    return {
        "made_by": "python docs/make_law.py",
        "made_from": [
            {"run": r.config_hash[:12], "seeds": list(r.seeds), "rounds": r.round} for r in runs
        ],
        "settings": settings[0],
        "range": {
            "bases": {f"{rate:g}": _bases(runs, rate) for rate in np.unique(rounds.rates)},
            "rows": [int(rounds.rows.min()), int(rounds.rows.max())],
            "rounds": max(r.round for r in runs),
        },
        "models": {model: _model(model, rounds, bases) for model in law.MODELS},
    }


def _bases(runs: Sequence[Results], rate: float) -> list[float]:
    """Return the least and the largest base accuracy of a seed at a learning rate."""
    mine = [r for r in runs if float(r.config["train"]["lr"]) == rate]
    bases = np.concatenate([bases_of(r, r.seeds) for r in mine])
    return [_round(bases.min()), _round(bases.max())]


def _grouped(bases: Any) -> Any:
    """Return base accuracies as the mean of those that lie nearer than APART to each other."""
    known = np.unique(bases)
    group = np.cumsum(np.diff(known, prepend=known[0]) > APART)
    mean = [known[group == group[i]].mean() for i in range(len(known))]
    return np.array(mean)[np.searchsorted(known, bases)]


def _model(model: law.Model, rounds: Observed, bases: Any) -> dict[str, Any]:
    fits, values = {}, rounds.terms(model)
    for rate in np.unique(rounds.rates):
        mine = rounds.rates == rate
        of_rate = (values[mine], rounds.changes[mine], rounds.seeds[mine], bases[mine])
        fits[float(rate)] = law.fit(*of_rate)
    one = law.pooled(fits)
    return {
        "constants": {
            f"{rate:g}": {f"{base:.3f}": [_round(x) for x in known] for base, known in by.items()}
            for rate, by in one.constants.items()
        },
        "seeds": {
            f"{rate:g}": {f"{base:.3f}": count for base, count in by.items()}
            for rate, by in one.seeds.items()
        },
        "between": [[_round(x) for x in row] for row in one.between],
        "freedom": one.freedom,
        "residual": _round(one.residual),
    }


def _round(x: float) -> float:
    return float(f"{float(x):.{DIGITS}g}")


def _constants(made: dict[str, Any]) -> Table:
    table = Table(title="constants", box=None)
    for head in ("model", "rate", "base", "a", "b", "c"):
        table.add_column(head, justify="right")
    for name, one in made["models"].items():
        for rate, bases in one["constants"].items():
            for base, known in bases.items():
                table.add_row(name, rate, base, *(f"{x:.3f}" for x in known))
    return table


def _forecasts(made: dict[str, Any]) -> Table:
    table = Table(title="forecasts of C7: change of pass@1, and boundaries by TPR", box=None)
    for head in ("run", "base", "of", *law.MODELS):
        table.add_column(head, justify="right")
    for run, found in made.items():
        for part, sign in (("changes", "+"), ("boundaries", "")):
            for name in found[part]["law"]:
                cells = (f"{found[part][model][name]:{sign}.3f}" for model in law.MODELS)
                table.add_row(run, f"{found['base']:g}", name, *cells)
    return table


if __name__ == "__main__":
    main()
