"""Layout: the paths and file names of a run's rounds, and which file is made from which.

    RUN/config.json  manifest.json  metrics.parquet  timing.parquet  trackers.json
    RUN/seed-S/base/            round 0: the weights M(0), its evaluation, the pool of round 1
    RUN/seed-S/ARM/round-TTT/   one round of an arm: what `ROUND` lists
    RUN/seed-S/ARM/state-NNN/   the checkpoint of an arm that learns online

Resume and repair read `ROUND`: a stage is done when its `mark` files exist, and when a file is
damaged, everything that its stage wrote is deleted.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

BASE = "base"

# Of a run

CONFIG = "config.json"
MANIFEST = "manifest.json"
METRICS = "metrics.parquet"
TIMING = "timing.parquet"
TRACKERS = "trackers.json"
COMPARISON = "compare.json"
PLOT = "compare.png"
STEPS_PLOT = "steps.png"
LOCK = ".lock"
LOCKS = ".locks"  # not in the scratch folder, which the next driver deletes
SCRATCH = ".scratch"
STOP = f"{SCRATCH}/stop"  # there since the driver of a cluster was interrupted

# Of a round

COMPLETIONS = "completions.parquet"
ROWS = "rows.parquet"
MEMORY = "memory.parquet"  # all rows so far, where a round trains on a part of them
TRAIN = "train.json"
MODEL = "model"
TRANSCRIBER = "transcriber"
STEPS = "steps"  # the folder of what each online step sampled, while the round lasts
STEP_FACTS = "steps.json"
AMPLIFIED = "amplified.json"  # of the base: the n-grams that it uses more than real solutions do
EVALUATION = "eval.parquet"
SEALED = (
    "sealed.json"  # the hashes of config, verifier, task, model and data that it was made under
)
WARM_START = "warm_start.json"  # of the base: how near its warm start came to its target
RECORDED = "metrics.json"  # written last: the round is finished
SUMS = "checksums.json"

WEIGHTS = (MODEL, TRANSCRIBER)  # folders

# Of an arm

STATE = "state-"  # a checkpoint, by the optimiser steps taken since the base


@dataclass(frozen=True, slots=True)
class Made:
    """A file or folder of a round, the stage that writes it, and what that stage starts from.

    Weights needed to recreate it: `here` in the folder of its round if they are there ("": none),
    else `before` in the folder of the round before. `mark`: the stage is done when all its marks
    are there.
    """

    name: str
    stage: str
    here: str = ""
    before: str = MODEL
    mark: bool = False


ROUND = (
    Made(COMPLETIONS, "select"),
    Made(MEMORY, "select"),
    Made(ROWS, "select", mark=True),
    Made(TRANSCRIBER, "retrain", before=TRANSCRIBER, mark=True),
    Made(MODEL, "train", mark=True),
    Made(TRAIN, "train", mark=True),
    Made(EVALUATION, "evaluate", here=MODEL),
    Made(SEALED, "record", here=MODEL),
    Made(RECORDED, "record", here=MODEL, mark=True),
)
"""What a round of an arm leaves, in the order in which it is written."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in a run: the round `round` of an arm of a seed. The base is round 0 of `BASE`."""

    seed: int
    arm: str
    round: int

    def folder(self, run: Path) -> Path:
        """Return the folder of this round."""
        folder = arm_folder(run, self.seed, self.arm)
        return folder if self.arm == BASE else folder / f"round-{self.round:03d}"

    def at(self, round_: int) -> Place:
        """Return another round of the same arm."""
        return dataclasses.replace(self, round=round_)


def base_of(seed: int) -> Place:
    """Return the place of a seed's base."""
    return Place(seed, BASE, 0)


def arm_folder(run: Path, seed: int, arm: str) -> Path:
    """Return the folder of an arm of a seed, in which its rounds lie."""
    return run / f"seed-{seed}" / arm


def told_of(run: Path, place: Place) -> Path:
    """Return the file in which a worker says how far a long stage of this round is."""
    return run / SCRATCH / f"{place.seed}-{place.arm}-{place.round}.txt"


def finished_rounds(run: Path) -> list[Path]:
    """Return the metrics.json of every finished round: those of the bases first."""
    bases = sorted(run.glob(f"seed-*/{BASE}/{RECORDED}"))
    return bases + sorted(run.glob(f"seed-*/*/round-*/{RECORDED}"))


def place_of(path: Path) -> Place:
    """Return the round whose folder a file lies in. Raises ValueError where that is none."""
    folder = path.parent
    if folder.name == BASE:
        return base_of(_number(folder.parent, "seed-"))
    arm = folder.parent
    return Place(_number(arm.parent, "seed-"), arm.name, _number(folder, "round-"))


def _number(folder: Path, prefix: str) -> int:
    return int(folder.name.removeprefix(prefix))


def is_done(folder: Path, stage: str) -> bool:
    """Whether a stage of the round in `folder` is done: its marks are there."""
    return all(is_there(folder / made.name) for made in ROUND if made.stage == stage and made.mark)


def is_there(path: Path) -> bool:
    """Whether a file, or a folder of weights, is there."""
    return path.is_dir() if path.name in WEIGHTS else path.is_file()


def made_with(name: str) -> list[str]:
    """Return what is deleted with a damaged file: all that its stage writes, the marks first."""
    stages = {made.stage for made in ROUND if made.name == name}
    together = [made for made in reversed(ROUND) if made.stage in stages]
    return [made.name for made in together] or [name]


def source(name: str) -> Made:
    """Return the row of `ROUND` of a file; that of one without a row is made like any other."""
    return next((made for made in ROUND if made.name == name), Made(name, ""))
