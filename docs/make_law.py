"""Calibrates the law from recorded runs, and forecasts the second edition of C7 from its config.

It writes rlvr/statistics/law.json (the constants), rlvr/statistics/law-tested.json (how good
forecasts were on other runs) and docs/results/law/forecasts.json.

The records are those of the first edition of C7 (seeds 0 to 4) and of short runs on development
seeds (from 100 on) at other base accuracies, and with few rows at other learning rates
(docs/results/law). The seeds of the second edition are in none of them. `rlvr.statistics.law` says
what is fitted.

The forecasts are at the base accuracies that the config asks for; the
claim's rule puts those that were reached in their place.

Run: python docs/make_law.py, then python docs/make.py.
"""

from __future__ import annotations

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
from rlvr.results.law_runs import (
    Foretold,
    Observed,
    bases_of,
    filters,
    foretold,
    observed,
    settings_of,
    summary,
)
from rlvr.statistics import law

DOCS = Path(__file__).parent
EDITIONS = (DOCS / "claims" / "first" / "c7", DOCS / "claims" / "c7")  # wherever the first one is
# Other models, tasks and steps than those that it is calibrated on.
PILOTED = (
    *("quickstart", "quickstart-seeds-3-4-5", "learners_tiny", "grpo_tiny"),
    *("smollm2", "code_smollm2"),
)
BEYOND = ("capped", "persistent", "grpo", "second-task")
FORECASTS = DOCS / "results" / "law" / "forecasts.json"
DIGITS = 6
APART = 0.05  # base accuracies that differ by more have constants of their own


def main() -> None:
    """Write the three files, and print what is in them."""
    write_json(law.CALIBRATED, calibrate())
    write_json(law.TESTED, tests())
    write_json(FORECASTS, forecasts())
    console = Console()
    console.print(_constants(json.loads(law.CALIBRATED.read_text())))
    console.print(_tests(json.loads(law.TESTED.read_text())))
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


def tests() -> dict[str, Any]:
    """Return how good forecasts were on other runs: after a pilot, and by the constants."""
    inside, beyond = claimed()
    kinds = {"pilots": piloted(), "claim": inside, "beyond": beyond}
    return {kind: _rounded(summary(found)) if found else None for kind, found in kinds.items()}


def piloted() -> list[Foretold]:
    """Return forecasts of other recorded runs, by the first round of each."""
    runs = {name: read_results(DOCS / "results" / name) for name in PILOTED}
    return [one for name, r in runs.items() for one in foretold(r, name, pilot_rounds=1)]


def claimed() -> tuple[list[Foretold], list[Foretold]]:
    """Return the forecasts of C7's second edition: of the runs in the range, and of the others.

    Nothing before its records are there.
    """
    folder = DOCS / "claims" / "c7"
    if "law_error" not in (folder / "main" / "config.json").read_text():
        return [], []
    inside: list[Foretold] = []
    beyond: list[Foretold] = []
    for path in sorted(folder.glob("*/config.json")):
        r = read_results(path.parent)
        (beyond if path.parent.name in BEYOND else inside).extend(foretold(r, path.parent.name))
    return inside, beyond


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return _round(value) if isinstance(value, float) else value


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


def _tests(made: dict[str, Any]) -> Table:
    table = Table(title="forecasts of other runs", box=None)
    kinds = ("law", "J", "plain", "no change")
    for head in ("runs", "arms", "covered", *(f"error of {kind}" for kind in kinds)):
        table.add_column(head, justify="right")
    for name, found in made.items():
        if found:
            errors = (f"{found['error'][kind]:.3f}" for kind in kinds)
            table.add_row(name, str(found["arms"]), f"{found['covered']:.0%}", *errors)
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
