"""Forecast tables: what `rlvr forecast` prints, and the line that `rlvr plan` has of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from rlvr.config import Config
from rlvr.data import InputError
from rlvr.results.effects import signed, span
from rlvr.results.forecast import Forecast, Rate, Told, faultless, forecast
from rlvr.results.law_runs import ACCURACY
from rlvr.results.tables import Table
from rlvr.results.terminal import drawn
from rlvr.statistics import law


def print_forecast(found: Forecast, console: Console) -> None:
    """Print a forecast: a line an arm, then what the verifier has to be, and from where it is."""
    start, config = found.start, found.config
    judged = (
        f", of which the verifier sees {start.judged:.3f}" if start.judged != start.base else ""
    )
    for line in (
        f"{config.name}: {found.rounds} rounds, mean over {len(config.seeds)} seeds, from a base "
        f"accuracy of {start.base:.3f}{judged} ({start.source})",
        f"verifier: TPR {_said(found.verifier.tpr)}, FPR {_said(found.verifier.fpr)} "
        f"({found.verifier.source})",
    ):
        console.print(escape(line), highlight=False)
    console.print()
    console.print(drawn(_table(found)))
    console.print()
    refused = [f"{one.arm}: no forecast: {one.why}." for one in found.arms if one.outcome is None]
    for line in (
        *refused,  # not in the table, which such a sentence would squeeze
        *(_needed(found) if len(refused) < len(found.arms) else ()),
        f"Constants: {found.constants_from}. {tested(found.piloted)}",
        *found.notes,
    ):
        console.print(escape(line), highlight=False)


def _table(found: Forecast) -> Table:
    rows = [
        (
            one.arm,
            *(f"{one.filter.tpr:.2f}", f"{one.filter.fpr:.2f}", f"{one.rows:,.0f}"),
            *_cells(one),
        )
        for one in found.arms
    ]
    return Table(
        f"change of accuracy in {found.rounds} rounds",
        ("arm", "TPR", "FPR", "rows", "change", "95 %", "grows", "falls", "forecast"),
        tuple(rows),
        f"grows, falls: how many of {law.DRAWS:,} such runs do, by {found.config.verdict.margin:g} "
        "or more;\nTPR, FPR: with the arm's own made errors; rows: of round 1",
    )


def _said(rate: Rate) -> str:
    if rate.low == rate.high:
        return f"{rate.value:g}"
    return f"{rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"


def _cells(one: Told) -> tuple[str, ...]:
    if one.outcome is None:
        return "-", "-", "-", "-", "none"
    shares = (f"{share:.0%}" for share in (one.growth, one.collapse))
    return signed(one.change), span(one.low, one.high), *shares, one.outcome


def _needed(found: Forecast) -> Iterator[str]:
    """Yield which false-positive rate the verifier may have."""
    middle, low, high = found.boundary
    tpr, base = found.verifier.tpr.value, found.start.base
    # The law's boundary is 0 too where no rate is small enough.
    falls = "With a larger one the accuracy falls." if middle > 0 else "The accuracy falls at any."
    yield (
        f"Boundary at a base accuracy of {base:.2f} and TPR {tpr:.2f}: FPR {middle:.2f} "
        f"({low:.2f} to {high:.2f}). {falls}"
    )
    middle, low, high = found.needed
    margin = found.config.verdict.margin
    if middle <= 0:
        yield f"No FPR is small enough to gain {margin:g} in {found.rounds} rounds."
        return
    yield (
        f"To gain {margin:g} in {found.rounds} rounds: FPR at most {middle:.2f} ({low:.2f} to "
        f"{high:.2f})."
    )


def tested(piloted: bool) -> str:
    """Return how far off forecasts of this kind were on other runs, in a sentence."""
    found = law.tests()["pilots" if piloted else "claim"]
    if found is None:
        return "They are not tested yet on other runs than these."
    kind = "By one round of theirs," if piloted else "By these constants,"
    error, held = found["error"]["law"], found["covered"]
    return (
        f"{kind} {found['arms']} arms of other runs, which share seeds, were predicted with an "
        f"error of {error:.3f} (root mean square), {held:.0%} of the intervals held (docs/law.md)."
    )


def in_a_line(config: Config, where: str, pilot: Path | None) -> str:
    """Return what is predicted of a config with a verifier without errors, or why nothing is."""
    try:
        found = forecast(config, where, faultless(), pilot, config.rounds)
    except InputError as failure:
        why = str(failure).removeprefix(f"{where}: ")
        return f"{why[0].upper()}{why[1:]}"
    said = [
        f"{one.arm} {signed(one.change)} ({span(one.low, one.high)})"
        if one.outcome is not None
        else f"{one.arm}: {one.why}"
        for one in found.arms
    ]
    return (
        f"Forecast of {ACCURACY}, if the verifier makes no errors but those of the arms: "
        f"{', '.join(said)}."
    )
