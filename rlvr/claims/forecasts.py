"""The tables of a claim about the law: what was foretold of each of its runs, and what came.

They are part of the claim's page (`rlvr.claims.pages`), and describe: the rule is settled by
`rlvr.claims.experiments`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlvr.config import ClaimConfig
from rlvr.results.effects import Results, arm_effects, percent, signed, span
from rlvr.results.law_runs import ACCURACY, Row, boundaries, foretold, knows, summary
from rlvr.statistics import law
from rlvr.statistics.conditions import parse
from rlvr.statistics.estimates import paired_interval

NAMES = {"law": "the law", "J": "J", "plain": "constant cost", "no change": "no change"}


def is_about_the_law(claim: ClaimConfig) -> bool:
    """Return whether the rule of a claim asks how good the law's forecasts are."""
    return any(parse(text).quantity.function == "law_error" for text in claim.rule)


def law_tables(runs: Mapping[str, Results]) -> list[str]:
    """Return the forecasts of each run and arm, and the boundaries, as lines of Markdown."""
    known = {name: r for name, r in runs.items() if knows(r.config)}
    return [*_forecasts(known), *_boundaries(known)]


def _forecasts(runs: Mapping[str, Results]) -> list[str]:
    lines = ["", "## What was foretold, and what came", ""]
    heads = ["run", "arm", ACCURACY, "interval", "the law", "its interval", "J", "constant cost"]
    lines += [f"| {' | '.join(heads)} |", "|-" * len(heads) + "|"]
    errors = []
    for name, r in runs.items():
        effects, found = arm_effects(r, ACCURACY), foretold(r, name)
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
