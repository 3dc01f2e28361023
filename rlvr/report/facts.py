"""From a run's results to what the report alone shows: findings in sentences, further tables.

The tables that the terminal shows too are made in `rlvr.results.tables`. Every figure comes from
`rlvr.results.compare`; here it is only put into words and rows.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.config import filled
from rlvr.evaluate.table import ACCURACY, BUDGET, find, names
from rlvr.records.record import deciding, flat
from rlvr.results.about import setting
from rlvr.results.compare import headline, why
from rlvr.results.effects import (
    Results,
    level_of,
    number,
)
from rlvr.results.tables import Table, count
from rlvr.results.verdict import rulings
from rlvr.statistics.estimates import Outcome

QUADRANTS = tuple(find("coverage_{side}").values)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one arm: its outcome, that in words, and what it rests on."""

    arm: str
    primary: bool
    outcome: Outcome
    headline: str
    rests_on: str


def found(r: Results) -> list[Found]:
    """Return what was found of each arm, of the primary ones first."""
    each = []
    for arm, ruling in rulings(r).items():
        said = headline(r, ruling)
        rests_on = why(r, ruling).removeprefix(f"{said}. ")
        each.append(Found(arm, ruling.primary, ruling.outcome, said, rests_on))
    return each


def coverage_table(r: Results) -> Table:
    """Return the coverage quadrants: shares of problems, mean over seeds and interval."""
    rows = [
        (arm, *(mean_interval(r, arm, f"coverage_{name}") for name in QUADRANTS))
        for arm in r.arms
        if r.finite(arm, "coverage_both")
    ]
    head = ("arm", "both solve", "base only", "arm only", "neither")
    return Table(f"Coverage against the base at {r.largest_k}", head, tuple(rows))


def mean_interval(r: Results, arm: str, metric: str) -> str:
    """Return the mean over seeds of a figure at the compared round, with its interval."""
    band = level_of(r, arm, metric)
    if math.isnan(band.low):
        return number(band.delta)
    return f"{number(band.delta)} ({number(band.low)} to {number(band.high)})"


def all_figures(r: Results) -> Table:
    """Return every metric of the run at the compared round, mean over seeds, an arm a column."""
    arms = ("base", *r.arms)
    keys = sorted({key for _, _, _, key in r.values})
    rows = [(key, *(number(r.mean(arm, key)) for arm in arms)) for key in keys]
    note = "Means over seeds; a figure that an arm does not have is a dash."
    return Table(f"Every metric at round {r.round}", ("metric", *arms), tuple(rows), note)


def budget_table(r: Results, seconds: Mapping[str, float]) -> Table:
    """Return what each arm really used: totals over its rounds, mean over seeds.

    `seconds`: wall time of an arm's rounds, mean over seeds, where it is known.
    """
    rows = []
    for arm in r.arms:
        totals = (_total(r, arm, name) for name in names(BUDGET))
        time = f"{seconds[arm]:,.0f}" if arm in seconds else "-"
        rows.append((arm, *(count(total) for total in totals), time))
    head = ("arm", *names(BUDGET), "seconds")
    note = (
        f"Sums over rounds 1 to {r.round}, mean over seeds. sampled: completions drawn; kept: of "
        "them, those chosen; shortfall: rows that a size-matched arm lacked; rows: trained on."
    )
    return Table("Budget used", head, tuple(rows), note)


def _total(r: Results, arm: str, metric: str) -> float:
    sums = [
        math.fsum(known)
        for seed in r.seeds
        if (known := _known(r.at(seed, arm, metric, t) for t in range(1, r.round + 1)))
    ]
    return math.fsum(sums) / len(sums) if sums else math.nan


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def reasons_table(reasons: Mapping[tuple[str, str, str], int]) -> Table:
    """Return why completions have no verdict: (which set, status, reason) -> how many."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((where, status, why, f"{n:,}") for (where, status, why), n in ordered[:20])
    head = ("completions", "status", "reason", "how many")
    note = "All rounds and seeds. The base's pool is counted for each arm that chose from it."
    return Table("Why they have none", head, rows, note if rows else "")


def limits(r: Results) -> list[str]:
    """Return what a reader may not conclude from the run, in sentences."""
    said = [
        f"Whether it holds elsewhere: this is one model ({setting(r, 'model')}), one task "
        f"({setting(r, 'task.name')}) and one config. The intervals say what other seeds of "
        "these would give.",
        f"Anything but {r.metric} and the signs of collapse: nothing else is ruled on. Every other "
        "figure describes; among so many, some look large by chance.",
    ]
    if len(r.primary) < len(r.arms):
        said.append(
            "The exploratory arms as surely as the primary ones: their intervals are corrected for "
            "nothing."
        )
    if find(r.metric).group == ACCURACY:
        said.append(
            "New ability: growth can be sharpening, which says more often what the base could say "
            f"already. What is beyond sharpening is more, as far as greedy answers and "
            f"{r.largest_k} show it."
        )
    return said


def left_out(r: Results) -> list[str]:
    """Return sentences on the seeds and rounds that no figure here includes."""
    said = []
    if r.absent:
        seeds = ", ".join(map(str, r.absent))
        said.append(f"Seeds left out, no round of theirs is finished in every arm: {seeds}.")
    if r.round < r.rounds:
        said.append(f"Compared at round {r.round} of {r.rounds}: later ones are not finished.")
    return said


# Configs ----------------------------------------------------------------------------------------


def settings(config: Mapping[str, Any]) -> dict[str, str]:
    """Return a resolved config as dotted keys and JSON values; an arm is one key, its axes."""
    plain = flat({key: value for key, value in config.items() if key != "arms"})
    texts = {key: json.dumps(value, ensure_ascii=False) for key, value in plain.items()}
    for arm in config["arms"]:
        axes = {axis: value for axis, value in arm.items() if axis != "name" and value}
        texts[f"arms.{arm['name']}"] = ", ".join(f"{axis}: {axes[axis]}" for axis in sorted(axes))
    return dict(sorted(texts.items()))


def config_table(r: Results) -> Table:
    """Return the whole config of a run."""
    rows = tuple(settings(r.config).items())
    return Table("Config", ("key", "value"), rows, f"Hash, taken as the run began: {r.config_hash}")


def differences_table(labels: Sequence[str], runs: Sequence[Results]) -> Table:
    """Return the keys whose values differ between the runs' configs, a run a column.

    Left out is what decides no figure: the words of a claim, its further points.
    """
    each = [settings(deciding(filled(dict(r.config)))) for r in runs]
    keys = sorted({key for one in each for key in one})
    rows = [
        (key, *(one.get(key, "-") for one in each))
        for key in keys
        if len({one.get(key) for one in each}) > 1
    ]
    note = "" if rows else "The configs are equal."
    return Table("What differs in their configs", ("key", *labels), tuple(rows), note)


def environment_table(manifest: Mapping[str, Any]) -> Table:
    """Return what the run was made with, as its manifest.json says, but for the hashes of files."""
    said = {key: value for key, value in manifest.items() if key not in ("sealed", "later")}
    rows = tuple((key, str(value)) for key, value in sorted(flat(said).items()))
    note = "" if rows else "The run folder has no manifest.json."
    return Table("Environment", ("what", "value"), rows, note)
