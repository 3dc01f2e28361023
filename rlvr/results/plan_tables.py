"""Plan tables: what `rlvr plan` prints, from a pilot or from recorded runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.markup import escape

from rlvr.config import Config
from rlvr.results.effects import number
from rlvr.results.plan import Measured, Pilot, fresh_seeds, recorded, rule_of, size_of
from rlvr.results.tables import Table
from rlvr.results.terminal import drawn
from rlvr.statistics.estimates import TOLERANCE
from rlvr.statistics.power import (
    HELD,
    MOST_SEEDS,
    POWER,
    Outlook,
    Size,
    outlook,
    parts,
    seeds_needed,
)

SHOWN = (3, 5, 8, 12, 20)  # seeds


def print_plan(pilot: Pilot, effect: float, console: Console) -> None:
    """Print the seeds that each arm needs, what more seeds give, and what else would help."""
    for line in (_asked(pilot.config, effect), _source(pilot)):
        console.print(escape(line), highlight=False)
    arm = hardest(pilot, effect)
    tables = arms_table(pilot, effect), seeds_table(pilot, arm, effect)
    for table in (*tables, other_table(pilot, arm, effect)):
        console.print()
        console.print(drawn(table))
    console.print()
    for line in notes(pilot, arm, effect):
        console.print(escape(line), highlight=False)


def print_scenarios(config: Config, effect: float, console: Console) -> bool:
    """Print what recorded runs would say of the config; False where there are none."""
    runs = list(recorded(config))
    if not runs:
        return False
    console.print(escape(_asked(config, effect)), highlight=False)
    console.print(
        "No pilot is given: each line takes its variances from one recorded run (docs/results). "
        "Which of them this run is like, nobody knows before a pilot.\n",
        highlight=False,
    )
    console.print(drawn(_scenarios(config, effect, runs)))
    console.print(
        f"\nFor a plan of your own: rlvr run CONFIG {fresh_seeds(config)} --out PILOT, then\n"
        "rlvr plan CONFIG --pilot PILOT",
        highlight=False,
    )
    return True


def _scenarios(config: Config, effect: float, runs: Sequence[tuple[str, Measured]]) -> Table:
    rule, size = rule_of(config), size_of(config)
    rows = []
    for name, of in runs:
        there = outlook(of.spread, size, effect, rule)
        seeds = _seeds(seeds_needed(of.spread, size, effect, rule, known=True))
        deviation = number(math.sqrt(of.spread.between))
        rows.append((name, of.arm, deviation, _measuring(of), seeds, number(there.half)))
    head = ("recorded run", "arm", "sd of seeds", "of measuring", "seeds needed")
    width = f"+- of {size.seeds} seeds"
    return Table(f"if {config.name} were like", (*head, width), tuple(rows), names=2)


def hardest(pilot: Pilot, effect: float) -> Measured:
    """Return the primary arm that needs most seeds."""

    def seeds(of: Measured) -> tuple[float, float]:
        found = seeds_needed(of.spread, pilot.size, effect, pilot.rule, known=True)
        return found or math.inf, of.spread.observed + of.spread.within

    return max(pilot.arms, key=seeds)


def _asked(config: Config, effect: float) -> str:
    verdict, rule = config.verdict, rule_of(config)
    family = f", Holm over {rule.family} arms" if rule.family > 1 else ""
    return (
        f"{config.name}: to tell a change of {effect:g} in {verdict.metric} from 0 in {POWER:.0%} "
        f"of such runs, at {100 * verdict.confidence:g} %{family}."
    )


def _source(pilot: Pilot) -> str:
    r, of = pilot.run, pilot.arms[0].spread.size
    seeds = ", ".join(map(str, r.seeds))
    text = (
        f"Pilot {r.folder}: seeds {seeds}, round {r.round} of {pilot.config.rounds}, "
        f"{of.problems:,} problems x {of.samples:,} samples."
    )
    if r.round < pilot.config.rounds:
        text += f" Variances at round {pilot.config.rounds} may be others."
    return text


def arms_table(pilot: Pilot, effect: float) -> Table:
    """Return for each primary arm where its error comes from, and the seeds that it needs."""
    size, rule = pilot.size, pilot.rule
    rows = []
    for of in pilot.arms:
        seeds = [seeds_needed(of.spread, size, effect, rule, known) for known in (True, False)]
        between = number(math.sqrt(of.spread.between))
        rows.append((of.arm, between, *_measuring_parts(of), *map(_seeds, seeds)))
    note = (
        f"seeds needed, with {size.problems:,} problems x {size.samples:,} samples: if these "
        "deviations are the true ones. sd uncertain: on average over what "
        f"{pilot.arms[0].spread.size.seeds} seeds leave open of them."
    )
    if not all(of.samples_known for of in pilot.arms):
        note += f" ?: {_untold(pilot)}."
        if size.samples < pilot.arms[0].spread.size.samples:
            note += " With fewer samples than the pilot's, both are taken for samples'."
    head = ("arm", "between seeds", "problems", "samples", "seeds needed", "sd uncertain")
    title = "standard deviations of one seed's change, and seeds needed"
    return Table(title, head, tuple(rows), note)


def _untold(pilot: Pilot) -> str:
    """Return why the samples' deviation is not told from the problems'."""
    ks = pilot.run.config["evaluate"]["k"]
    if pilot.config.verdict.metric == "pass@1" and 2 not in ks:
        return "in the problems' part; to tell it, evaluate.k needs a 2 in the pilot"
    return "not told for this metric"


def _measuring_parts(of: Measured) -> list[str]:
    """Return the problems' and the samples' deviation; both as one where they are not told."""
    if not of.samples_known:
        return [_measuring(of), "?"]
    samples = of.spread.of_samples
    return [number(math.sqrt(part)) for part in (of.spread.within - samples, samples)]


def seeds_table(pilot: Pilot, of: Measured, effect: float) -> Table:
    """Return what a run of more and fewer seeds will give and cost."""
    needed = [
        seeds_needed(of.spread, pilot.size, effect, pilot.rule, known) for known in (True, False)
    ]
    counts = {*SHOWN, pilot.size.seeds, *filter(None, needed)}
    sizes = [(f"{n}", replace(pilot.size, seeds=n)) for n in sorted(counts) if n > 1]
    return _outlooks(f"{of.arm}, by seeds", "seeds", sizes, pilot, of, effect)


def other_table(pilot: Pilot, of: Measured, effect: float) -> Table:
    """Return what more problems or samples would give, beside more seeds."""
    size = pilot.size
    sizes = [
        ("as planned", size),
        ("twice the problems", replace(size, problems=2 * size.problems)),
        ("twice the seeds", replace(size, seeds=2 * size.seeds)),
    ]
    if of.samples_known:
        sizes.insert(2, ("twice the samples", replace(size, samples=2 * size.samples)))
    return _outlooks(f"{of.arm}, {size.seeds} seeds", "instead", sizes, pilot, of, effect)


def _outlooks(
    title: str,
    head: str,
    sizes: Sequence[tuple[str, Size]],
    pilot: Pilot,
    of: Measured,
    effect: float,
) -> Table:
    rows = []
    for name, size in sizes:
        there = outlook(of.spread, size, effect, pilot.rule)
        rows.append((name, *_cells(there), _hours(pilot.hours(size))))
    figures = ("+-", f"in {HELD:.0%} of runs", f"tells {effect:g}", "verdict", "no effect", "hours")
    return Table(title, (head, *figures), tuple(rows))


def _cells(there: Outlook) -> list[str]:
    limits = f"{number(there.low)} to {number(there.high)}"
    chances = [f"{share:.0%}" for share in (there.tells, there.rules, there.clears)]
    return [number(there.half), limits, *chances]


def notes(pilot: Pilot, of: Measured, effect: float) -> list[str]:
    """Return what the tables mean, which part of the error dominates, and what to know besides."""
    strictly = " with Holm's strictest p" if pilot.rule.family > 1 else ""
    lines = [
        "+-: half the interval's width, if the pilot's deviations are the true ones; then the "
        f"limits that {HELD:.0%} of such runs keep. tells: the change is told from 0{strictly}. "
        "verdict: it is growth or collapse, for which the point must reach the margin "
        f"{pilot.rule.margin:g} too. no effect: that is the verdict where nothing changed.",
        _dominates(pilot, of),
    ]
    if effect <= pilot.rule.margin + TOLERANCE:
        lines.append(
            "A change no larger than the margin reaches it in half of the runs at most, however "
            "many seeds: for a verdict plan with a larger --effect, or a smaller margin."
        )
    if both := sorted({*pilot.run.seeds} & {*pilot.config.seeds}):
        lines.append(
            f"Seeds {', '.join(map(str, both))} are the pilot's and the run's: what is planned has "
            "been seen in part. Give the run other seeds."
        )
    if of.floor == "unpaired":
        lines.append(
            "The measurement error is from metrics.parquet alone, not paired by problem. Where "
            "each seed has its own problems it is too large, as are the widths where it dominates."
        )
    if of.floor == "no floor":
        lines.append(
            f"No measurement error is known of {pilot.config.verdict.metric}: what problems and "
            "samples add to the deviation is not told from what the seeds do."
        )
    if pilot.cost is None:
        lines.append("No hours: the pilot has no timing.parquet with every arm of this config.")
    return lines


def _dominates(pilot: Pilot, of: Measured) -> str:
    """Return which part of the squared error of the planned run is the largest."""
    found = parts(of.spread, pilot.size)
    shares = dict(zip(("seeds", "problems", "samples"), found, strict=True))
    if not of.samples_known:
        shares = {"seeds": found[0], "problems and samples": found[1] + found[2]}
    largest = max(shares, key=lambda name: shares[name])
    told = ", ".join(f"{name} {part / sum(found):.0%}" for name, part in shares.items())
    return f"Of the squared error of {of.arm}: {told}. More {largest} gain most."


def _measuring(of: Measured) -> str:
    return "no floor" if of.floor == "no floor" else number(math.sqrt(of.spread.within))


def _seeds(found: int | None) -> str:
    return f"over {MOST_SEEDS}" if found is None else str(found)


def _hours(hours: float) -> str:
    return "-" if math.isnan(hours) else f"{hours:.1f}" if hours >= 0.95 else f"{hours:.2f}"
