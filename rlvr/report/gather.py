"""From a run folder to all that its part of the page is made of, read once.

A run folder needs no more than config.json and metrics.parquet; what else is missing is left out of
the page, and the page says why.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
from pydantic import ValidationError

from rlvr.config import Config
from rlvr.data import InputError, Problem
from rlvr.loop.problems import draw
from rlvr.records.layout import COMPARISON, MANIFEST, TIMING
from rlvr.records.record import read_table
from rlvr.report.completions import Room, Sample, parts, sample
from rlvr.report.phrases import Phrases, amplified_phrases
from rlvr.report.rescored import ByAnother, by_others
from rlvr.results.compare import compare_run
from rlvr.results.effects import Results


@dataclass(frozen=True, slots=True)
class RunParts:
    """What the page shows of one run; `notes` are sentences on what is missing and why."""

    label: str
    results: Results
    comparison: Mapping[str, Any]
    manifest: Mapping[str, Any]
    seconds: Mapping[str, float]
    sample: Sample | None
    phrases: Mapping[str, Phrases]
    others: Sequence[ByAnother]
    notes: Sequence[str]


def gather(label: str, r: Results, room: Room) -> RunParts:
    """Read what a run's page needs, of its completions as many as there is room for.

    Raises InputError, naming the file and the fix, for one that is damaged.
    """
    notes = []
    chosen = None
    if parts(r):
        known, why = _problems(r)
        notes += why
        chosen = sample(r, known, room)
    else:
        notes.append(
            "No completions are in this run folder (seed-*/), only its figures: there is nothing "
            "to browse, and no phrases."
        )
    comparison = compare_run(r)
    notes += _stale(r.folder / COMPARISON, comparison)
    return RunParts(
        label=label,
        results=r,
        comparison=comparison,
        manifest=_json(r.folder / MANIFEST),
        seconds=_seconds(r),
        sample=chosen,
        phrases=amplified_phrases(r),
        others=by_others(r),
        notes=notes,
    )


def labels(runs: Sequence[Results]) -> list[str]:
    """Return what to call each run: its name; where two have one its folder's, else its path."""
    for names in ([r.name for r in runs], [r.folder.resolve().name for r in runs]):
        if len(set(names)) == len(names):
            return names
    return [str(r.folder) for r in runs]


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as failure:
        raise InputError(
            f"{path}: not JSON ({failure}): delete it, or resume the run, which writes it again"
        ) from None


def _stale(path: Path, comparison: Mapping[str, Any]) -> list[str]:
    """Return a note where compare.json has other verdicts than the figures that are there now."""
    recorded = _json(path)
    if not recorded or recorded.get("verdicts") == comparison["verdicts"]:
        return []
    return [
        "compare.json is older than these figures and has other verdicts: `rlvr compare` writes it "
        "again."
    ]


def _problems(r: Results) -> tuple[dict[tuple[int, str], Problem], list[str]]:
    """Return the run's problems by (seed, id), drawn again from its task, and notes.

    A task that is a file is not run: a report runs no code that a run folder names.
    """
    why = "Levels of training problems, prompts and references are not shown: "
    try:
        config = Config.model_validate(r.config)
        if config.task.name.partition(":")[0].endswith(".py"):
            return {}, [f"{why}the task is a file ({config.task.name}), and a report runs none."]
        evaluate = config.evaluate.model_copy(update={"off_target": []})  # files too, may be
        alone = config.model_copy(update={"evaluate": evaluate})
        drawn = {seed: draw(alone, seed) for seed in config.seeds}
    except ValidationError:
        return {}, [f"{why}this version of rlvr can't read the run's config."]
    except (InputError, ImportError, OSError) as failure:
        return {}, [f"{why}{failure}."]
    return {
        (seed, problem.id): problem
        for seed, of_seed in drawn.items()
        for problem in [*(one for of in of_seed.rounds for one in of), *of_seed.held_out]
    }, []


def _seconds(r: Results) -> dict[str, float]:
    """Return the wall time of each arm's rounds, mean over seeds; empty without timing.parquet.

    Of the seeds and rounds that the other figures are of.
    """
    path = r.folder / TIMING
    if not path.is_file():
        return {}
    table = read_table(path, ["seed", "arm", "round", "stage", "seconds"])
    totals: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for row in table.filter(pc.equal(table["stage"], "round")).to_pylist():
        if row["seed"] in r.seeds and row["round"] <= r.round:
            totals[row["arm"]][row["seed"]] += row["seconds"]
    return {arm: math.fsum(by.values()) / len(by) for arm, by in totals.items()}
