"""Mend: what a disk has damaged is named and taken back, so that the run makes it anew.

The pages of a run's parquet files carry checksums; all of them are read when a run is resumed. Of a
round with a damaged file goes the stage that the file is of, and nothing before it. What it does
not do: look at weights (the engine's logprobs are held against those recorded with them).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rlvr import record
from rlvr.data import Damaged
from rlvr.grpo import STEPS
from rlvr.stages import BASE, MEMORY
from rlvr.units import Job, Unit, units

SELECTED = {"completions.parquet", "rows.parquet", MEMORY}  # written by one stage, from one pool


def mend(job: Job, say: Callable[[str], None]) -> None:
    """Delete damaged files of a run and what their stage wrote with them; `say` which, in a line.

    Raises Damaged for a file that the run can't make anew, with what to do.
    """
    timing = job.folder / "timing.parquet"
    if reason := _damage(timing):
        timing.unlink()
        say(f"{timing}: damaged ({reason}): times so far are lost, and no figure")
    for unit in units(job.config):
        for round_, metrics in unit.rounds(job):
            folder = metrics.parent
            for path in sorted([*folder.glob("*.*"), *folder.glob(f"{STEPS}/*.*")]):
                if reason := _damage(path):
                    _take_back(job, unit, round_, folder, path, reason)
                    say(f"{path}: damaged ({reason}): made anew")


def _take_back(job: Job, unit: Unit, round_: int, folder: Path, path: Path, reason: str) -> None:
    names = {path.name}
    if unit.arm != BASE:
        [arm] = [arm for arm in job.config.arms_in_order() if arm.name == unit.arm]
        before = record.round_folder(job.folder, unit.seed, unit.arm, round_ - 1) / "model"
        needed = path.name in {*SELECTED, "train.json"} or not (folder / "model").is_dir()
        if arm.learner == "grpo" or (needed and round_ > 1 and not before.is_dir()):
            raise Damaged(
                path,
                reason,
                f"what it was made from is not kept: delete {folder.parent}, and the same command "
                "makes that arm anew",
            )
        names |= SELECTED if path.name in SELECTED else set()
    # First that by which the round counts as finished.
    for name in ("metrics.json", *sorted(names)):
        (folder / name).unlink(missing_ok=True)


def _damage(path: Path) -> str:
    """Return what is wrong with a file, "" for nothing, and for one that is not there."""
    try:
        if path.suffix == ".parquet" and path.is_file():
            record.check_parquet(path)
        elif path.suffix == ".json" and path.is_file():
            json.loads(path.read_bytes())
    except Damaged as failure:
        return failure.reason
    except ValueError as failure:
        return f"no JSON: {failure}"
    return ""
