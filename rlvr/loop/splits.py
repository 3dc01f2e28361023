"""Splits: whether held-out problems are trained on, or nearly so: figures of each seed's base.

They depend on every problem that the run trains on, and so on its rounds: where rounds are added to
a run, they are measured again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from rlvr.data import Problem
from rlvr.evaluate import metrics
from rlvr.evaluate.near import near_duplicates
from rlvr.learners.context import Display, Metrics, SeedProblems
from rlvr.loop.problems import draw
from rlvr.loop.units import Job, Unit, alone
from rlvr.records.layout import BASE, RECORDED, base_of, is_done
from rlvr.records.record import as_json, write_sums, write_text
from rlvr.studies.registry import study_of

SHARED, NEAR = "train_eval_shared", "near_duplicates"


def trained_on(own: SeedProblems, heard: SeedProblems | None) -> tuple[Problem, ...]:
    """Return all problems of a seed that may be trained on, by the model or by a transcriber."""
    entries = [entry.problem for entry in own.corpus]
    parts = [own.prompting.shots, own.warm_start, *own.rounds, own.held_back, entries]
    parts += [heard.warm_start] if heard else []
    return tuple(problem for part in parts for problem in part)


def measure(trained: Sequence[Problem], held_out: Sequence[Problem], heard: bool) -> Metrics:
    """Return how many held-out problems are trained on, or nearly, and the nearest pair by its ids.

    heard: whether a transcriber reads them: all prompts are alike then, and their texts count.
    """

    def content(problem: Problem) -> str:
        return str(problem.reference) if heard else problem.prompt

    known = {content(problem): problem.id for problem in trained}
    asked = [content(problem) for problem in held_out]
    shared = sum(text in known for text in asked)
    near = near_duplicates(asked, list(known))
    found = [metrics.metric(SHARED, shared, len(held_out))]
    found.append(metrics.metric(NEAR, len(near), len(held_out)))
    for nearest in near[:1]:
        pair = f"{held_out[nearest.held_out].id} ~ {[*known.values()][nearest.trained]}"
        found.append(metrics.metric(NEAR, nearest.share, 1, pair))
    return found


def measure_again(job: Job, display: Display) -> None:
    """Bring these figures of each recorded base up to date, where rounds were added to the run.

    They are measured whenever the command is run, so that one that was killed here is made good.
    """
    if len(job.ends) < 2:
        return
    for seed in job.config.seeds:
        place = base_of(seed)
        folder = place.folder(job.folder)
        with alone(job, Unit(seed, BASE), display):
            if not is_done(folder, "record"):
                continue
            drawn = job.problems.get(seed) or draw(job.config, seed)
            own, heard = study_of(job.config).views(job.config, drawn)
            now = measure(trained_on(own, heard), own.held_out, heard is not None)
            rows = json.loads((folder / RECORDED).read_text())
            at = [i for i, row in enumerate(rows) if row["metric"] in (SHARED, NEAR)]
            if not at:  # as an older rlvr left it
                continue
            rows[at[0] : at[-1] + 1] = [{**asdict(place), **row} for row in now]
            text = as_json(rows)
            if text != (folder / RECORDED).read_text():
                write_sums(folder, {RECORDED: text})
                write_text(folder / RECORDED, text)
