"""Calibrates the law from recorded runs, and forecasts the second edition of C7 from its config.

It writes rlvr/statistics/law.json (the constants), rlvr/statistics/law-tested.json (how good
forecasts were on other runs), docs/results/law/forecasts.json, and their blocks in docs/law.md.

The records are those of the first edition of C7 (seeds 0 to 4) and of short runs on development
seeds (from 100 on) at other base accuracies, and with few rows at other learning rates
(docs/results/law). The seeds of the second edition are in none of them. `rlvr.statistics.law` says
what is fitted.

The forecasts are at the base accuracies that the config asks for; the
claim's rule puts those that were reached in their place.

Run: python docs/make_law.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rlvr.claims.experiments import find, runs_of, unfinished
from rlvr.claims.forecasts import error_ratio
from rlvr.claims.plots import draw_forecasts
from rlvr.config import resolved
from rlvr.records.record import write_json
from rlvr.results.compare import read_results
from rlvr.results.effects import Results
from rlvr.results.law_runs import (
    ArmForecast,
    Observed,
    bases_of,
    boundaries,
    filters,
    forecasts_of,
    observed,
    settings_of,
    summary,
)
from rlvr.statistics import law
from rlvr.statistics.conditions import parse
from rlvr.statistics.estimates import paired_interval

DOCS = Path(__file__).parent
EDITIONS = (DOCS / "claims" / "first" / "c7", DOCS / "claims" / "c7")  # wherever the first one is
# Other models, tasks and steps than those that it is calibrated on.
PILOTED = (
    *("quickstart", "quickstart-seeds-3-4-5", "learners_tiny", "grpo_tiny"),
    *("smollm2", "code_smollm2"),
)
BEYOND = ("capped", "persistent", "grpo", "second-task")
SECOND = "second-task, piloted"
NEW = "new arms"
PAGE = DOCS / "law.md"
FORECASTS = DOCS / "results" / "law" / "forecasts.json"
DIGITS = 6
APART = 0.05  # base accuracies that differ by more have constants of their own


def main() -> None:
    """Write the three files, the plot and the page."""
    write_json(law.CALIBRATED, calibrate())
    write_json(law.TESTED, tests())
    write_json(FORECASTS, forecasts())
    by_run: dict[str, list[ArmForecast]] = {}
    for one in piloted():
        by_run.setdefault(one.run, []).append(one)
    draw_forecasts(by_run, FORECASTS.with_name("pilots.svg"), "Bars: 95 % intervals of the law")
    PAGE.write_text(page(PAGE.read_text()))


def forecasts() -> dict[str, Any]:
    """Return what each model predicts of the claim's runs: a run, an arm, a change of pass@1.

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
    first = next(folder for folder in EDITIONS if _rule(folder) == ["distance() < 0.1"])
    folders = [first / name for name in ("main", "half-lr", "double-lr")]
    folders += sorted(path.parent for path in (DOCS / "results" / "law").glob("*/config.json"))
    return [read_results(folder) for folder in folders]


def _rule(edition: Path) -> list[str]:
    """Return the rule of a recorded edition of the claim; nothing where there is none."""
    path = edition / "main" / "config.json"
    return list(read_results(path.parent).config["claim"]["rule"]) if path.is_file() else []


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
    of_run = claimed()
    inside = [one for name, found in of_run.items() if name not in BEYOND for one in found]
    kinds = {
        "pilots": piloted(),
        "claim": inside,
        **{name: of_run.get(name, []) for name in BEYOND},
    }
    repeated = _calibrated_on()
    kinds[NEW] = [one for one in inside if not repeated(one)]
    second = DOCS / "claims" / "c7" / "second-task"
    kinds[SECOND] = forecasts_of(read_results(second), SECOND, pilot_rounds=1) if of_run else []
    good = {kind: _rounded(summary(found)) if found else None for kind, found in kinds.items()}
    more = {"ratios": _ratios(), "gaps": _gaps(), "committed": _committed(inside)} if of_run else {}
    return good | {"ratios": None, "gaps": None, "committed": None} | more


def _ruled() -> list[Results]:
    """Return the runs that the rule of C7 names."""
    [claim] = find(["C7"])
    named = [run for text in claim.claim.rule for run in parse(text).quantity.runs]
    return [read_results(DOCS / "claims" / "c7" / name) for name in dict.fromkeys(named)]


def _gaps() -> dict[str, list[float]]:
    """Return each model's gap to the measured boundary in the rule's runs, with its interval."""
    runs = _ruled()
    found: dict[str, list[float]] = {}
    for model in law.MODELS:
        each = []
        for seed in runs[0].seeds:
            rows = [row for r in runs for row in boundaries(r, seed)]
            each.append(sum(row.measured - row.predicted[model] for row in rows) / len(rows))
        band = paired_interval(each, runs[0].confidence)
        found[model] = [_round(x) for x in (band.delta, band.low, band.high)]
    return found


def _committed(tested: Sequence[ArmForecast]) -> dict[str, float]:
    """Return the errors of the forecasts that were committed before the runs, at bases aimed at."""
    said = json.loads(FORECASTS.read_text())
    found: dict[str, float] = {}
    for model in law.MODELS:
        misses = [one.came - said[one.run]["changes"][model][one.arm] for one in tested]
        found[model] = _round(math.sqrt(sum(miss**2 for miss in misses) / len(misses)))
    return found


def _ratios() -> dict[str, list[float]]:
    """Return the law's error over each other model's, in the rule's runs, with its interval."""
    runs = _ruled()
    seeds, found = runs[0].seeds, {}
    for rival in ("J", "plain"):
        each = [error_ratio(rival, seed, seeds, runs) for seed in seeds]
        band = paired_interval(each, runs[0].confidence)
        found[rival] = [_round(x) for x in (band.delta, band.low, band.high)]
    return found


def _calibrated_on() -> Callable[[ArmForecast], bool]:
    """Return what says whether a run of the calibration has an arm, at its learning rate and base.

    Of the bases that are calibrated at a rate the nearest one counts, as in a forecast.
    """
    known = [
        (
            float(r.config["train"]["lr"]),
            r.mean("base", "pass@1"),
            {(of.tpr, of.fpr) for of in filters(r.config).values()},
        )
        for r in records()
    ]
    tested: dict[str, Results] = {}

    def has(one: ArmForecast) -> bool:
        if one.run not in tested:
            tested[one.run] = read_results(DOCS / "claims" / "c7" / one.run)
        r = tested[one.run]
        mine, base = filters(r.config)[one.arm], r.mean("base", "pass@1")
        same = [(at, rates) for rate, at, rates in known if rate == float(r.config["train"]["lr"])]
        nearest = min((at for at, _ in same), key=lambda at: abs(at - base))
        return any((mine.tpr, mine.fpr) in rates for at, rates in same if abs(at - nearest) < APART)

    return has


def piloted() -> list[ArmForecast]:
    """Return forecasts of other recorded runs, by the first round of each."""
    runs = {name: read_results(DOCS / "results" / name) for name in PILOTED}
    return [one for name, r in runs.items() for one in forecasts_of(r, name, pilot_rounds=1)]


def claimed() -> dict[str, list[ArmForecast]]:
    """Return the forecasts of the runs of C7's second edition, by the run's name.

    Nothing before the runs of its rule are all there, and nothing of a run that is not whole.
    """
    [claim] = find(["C7"])
    paths = sorted((DOCS / "claims" / claim.name).glob("*/config.json"))
    runs = {path.parent.name: read_results(path.parent) for path in paths}
    whole = {name: r for name, r in runs.items() if not r.absent and r.round == r.rounds}
    if "main" not in whole or unfinished(claim.claim, whole):
        return {}
    found = {name: forecasts_of(r, name) for name, r in whole.items()}
    # `verified` makes no errors, so that there it is main's arm again.
    return {
        name: [one for one in of if (name, one.arm) != ("persistent", "verified")]
        for name, of in found.items()
    }


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


MODELS = {"law": "the law", "J": "J", "plain": "constant cost"}


def page(text: str) -> str:
    """Return docs/law.md with what it was fitted to, what it predicts, and how good that was."""
    files = {"constants": law.CALIBRATED, "forecasts": FORECASTS, "tested": law.TESTED}
    makers = {"constants": _constants, "forecasts": _forecasts, "tested": _tested}
    for name, path in files.items():
        before, rest = text.split(f"<!-- {name} -->\n")
        after = rest.partition(f"<!-- /{name} -->")[2]
        made = makers[name](json.loads(path.read_text()))
        text = f"{before}<!-- {name} -->\n{made}<!-- /{name} -->{after}"
    return text


def _constants(known: dict[str, Any]) -> str:
    """Return the law's constants by learning rate and base accuracy, and what they are from."""
    one, settings = known["models"]["law"], known["settings"]
    lines = ["| learning rate | base accuracy | a | b | c | seeds |", "|" + "---:|" * 6]
    for rate, bases in one["constants"].items():
        for base, (a, b, c) in bases.items():
            seeds = one["seeds"][rate][base]
            lines.append(f"| {rate} | {base} | {a:.3f} | {b:.3f} | {c:.1f} | {seeds} |")
    runs = known["made_from"]
    seeds = sorted({seed for run in runs for seed in run["seeds"]})
    low, high = known["range"]["rows"]
    spread = [100 * math.sqrt(one["between"][i][i]) for i in (0, 1)]
    task, steps, batch = (settings[key] for key in ("task", "train.steps", "train.batch_size"))
    listed, rounds = ", ".join(map(str, seeds)), known["range"]["rounds"]
    said = (
        f"Fitted by `{known['made_by']}` to {len(runs)} recorded runs (the first edition of C7, "
        f"and short ones at other bases and rates), seeds {listed}: {settings['model']} on "
        f"{task['name']}, {steps} steps of {batch} rows, {low} to {high:,} rows a round, up to "
        f"{rounds} rounds.\nBetween base accuracies constants are taken from the straight line. "
        f"Seeds differ by a standard deviation of {spread[0]:.0f} % in a, of {spread[1]:.0f} % in "
        f"b. What is left of a round's change is {one['residual']:.3f}, most of it measurement."
    )
    return "\n".join([*lines, "", said]) + "\n"


def _forecasts(made: dict[str, Any]) -> str:
    """Return the forecasts of the claim's runs: changes of arms, and boundaries by TPR."""
    arms = list(next(iter(made.values()))["changes"]["law"])
    heads = ["run", "base", *(f"`{arm}`" for arm in arms), "boundary by TPR"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in made.items():
        changes, ends = one["changes"], one["boundaries"]
        cells = [f"{changes['law'][arm]:+.2f} ({changes['J'][arm]:+.2f})" for arm in arms]
        by_tpr = (f"{tpr}: {ends['law'][tpr]:.2f} ({ends['J'][tpr]:.2f})" for tpr in ends["law"])
        lines.append(f"| {name} | {one['base']:g} | {' | '.join(cells)} | {', '.join(by_tpr)} |")
    said = "Change of pass@1 and false-positive rate of the boundary, by the law; in brackets by J."
    return "\n".join([*lines, "", said]) + "\n"


KINDS = {
    "pilots": "other models, tasks and steps, by the first round of each run",
    "claim": "C7, second edition, in the range of the constants",
    NEW: "of these, arms that no run of the calibration has at that rate and base",
    "capped": "C7, outside of it: one row a problem at most",
    "persistent": "C7, outside of it: errors that repeat",
    "grpo": "C7, outside of it: GRPO",
    "second-task": "C7, outside of it: another task",
    SECOND: "that task, by the first round of its run",
}


def _tested(made: dict[str, Any]) -> str:
    """Return how good forecasts were on other runs than those that the constants are from."""
    heads = ["runs", "arms", "intervals held", *(f"error, {name}" for name in MODELS.values())]
    heads += ["error, no change", *(f"signs, {name}" for name in MODELS.values())]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for kind, words in KINDS.items():
        if found := made[kind]:
            errors = [f"{found['error'][name]:.3f}" for name in (*MODELS, "no change")]
            signs = [f"{100 * found['signs'][name]:.0f} %" for name in MODELS]
            cells = [words, str(found["arms"]), f"{100 * found['covered']:.0f} %", *errors, *signs]
            lines.append(f"| {' | '.join(cells)} |")
    said = (
        "Changes of pass@1 over a whole run, mean over its seeds. Error: root mean square over the "
        "arms; signs: arms that moved in the predicted direction.\nA pilot's round is part of the "
        "change that it predicts. All models have the same pilot, and the same number of "
        "constants."
    )
    ran = bool(made["claim"])
    rule = _rule_held(made) if ran else "The second edition of C7 has not run yet."
    plot = "![forecasts by one round of each run](results/law/pilots.svg)"
    return "\n".join([*lines, "", plot, "", said, "", rule]) + "\n"


def _rule_held(made: dict[str, Any]) -> str:
    """Return what became of the rule that was committed before C7's runs, as a sentence."""
    found = json.loads((DOCS / "claims" / "c7" / "claim.json").read_text())
    gaps, before = made["gaps"], made["committed"]
    of_all = ", ".join(
        f"{MODELS[model]} {value:+.3f} ({low:+.3f} to {high:+.3f})"
        for model, (value, low, high) in gaps.items()
    )
    nearest = MODELS[min(gaps, key=lambda model: abs(gaps[model][0]))]
    at_first = ", ".join(f"{MODELS[model]} {error:.3f}" for model, error in before.items())
    parts = []
    for one in found["rule"]:
        low, high = one["ci95"]
        parts.append(f"`{one['condition']}`: {one['value']:.2f} ({low:.2f} to {high:.2f})")
    value, low, high = made["ratios"]["plain"]
    return (
        f"The rule that was committed before the first round of C7's second edition: "
        f"**{found['outcome']}** by itself ([C7](claims/c7/README.md)); what Holm's correction "
        "over all claims leaves of it is in the [family](claims.md#one-family). "
        f"{'; '.join(parts)}. "
        "Beside the constant cost, which the rule does not ask about: the ratio of errors is "
        f"{value:.2f} ({low:.2f} to {high:.2f}). The measured less the predicted boundary, in the "
        f"same runs: {of_all}. So the nearest is {nearest}.\n"
        "With the forecasts as they were committed, at the base accuracies that were aimed at, the "
        f"errors on the arms in range are: {at_first}.\n"
        "Arms of one run share their seeds and bases, and half-lr and double-lr share main's, so "
        "that the shares above are of fewer independent ones than the arms that they count."
    )


if __name__ == "__main__":
    main()
