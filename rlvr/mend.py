"""Mend: what a disk has damaged is named and taken back, so that the run makes it anew.

A round that is finished has checksums of its files, and so have weights; the pages of parquet files
have checksums of their own, which tell of a round that is not finished. All are held against the
files when a run is resumed; weights, if anything is still to be made from them. Of a round with a
damaged file goes the stage that the file is of, and nothing before it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from rlvr import record
from rlvr.data import Damaged
from rlvr.grpo import STEPS
from rlvr.stages import BASE, MEMORY
from rlvr.transcribe import FOLDER as TRANSCRIBER
from rlvr.units import Job, Unit, units

SELECTED = {"completions.parquet", "rows.parquet", MEMORY}  # written by one stage, from one pool
EVALUATED = {"eval.parquet", "metrics.json"}  # made from a model that is there


def mend(job: Job, say: Callable[[str], None]) -> None:
    """Delete damaged files of a run and what their stage wrote with them; `say` which, in a line.

    Raises Damaged for a file that the run can't make anew, with what to do.
    """
    timing = job.folder / "timing.parquet"
    if reason := _damage(timing):
        _remove(timing)
        say(f"{timing}: damaged ({reason}): times so far are lost, and no figure")
    every = units(job.config)
    unfinished = {unit.seed for unit in every if not unit.finished(job)}
    for unit in every:
        needed = unit.seed in unfinished if unit.arm == BASE else not unit.finished(job)
        for round_, metrics in unit.rounds(job):
            folder = metrics.parent
            # What one damaged file takes with it is not looked at any more.
            for path, reason in chain(_files(folder), _weights(folder) if needed else ()):
                if path.name == record.SUMS:  # what it is of may well be whole
                    _remove(path)
                    say(f"{path}: damaged ({reason}): gone without it")
                else:
                    _take_back(job, unit, round_, folder, path, reason)
                    say(f"{path}: damaged ({reason}): made anew")


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the damaged files of a round, and what is wrong with each."""
    if (folder / "metrics.json").is_file():
        yield from record.changed(folder)
        if (folder / record.SUMS).is_file():  # nothing was taken back: all of it is whole
            return
    for path in sorted([*folder.glob("*.*"), *folder.glob(f"{STEPS}/*.*")]):
        if reason := _damage(path):
            yield path, reason


def _weights(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a round's damaged weights, and what is wrong with each."""
    for name in ("model", TRANSCRIBER):
        for path, reason in record.changed(folder / name)[:1]:
            if path.name == record.SUMS:
                yield path, reason
            else:
                yield folder / name, f"{path.name}: {reason}"


def _take_back(job: Job, unit: Unit, round_: int, folder: Path, path: Path, reason: str) -> None:
    names = {path.name}
    if unit.arm != BASE:
        [arm] = [arm for arm in job.config.arms_in_order() if arm.name == unit.arm]
        weights = TRANSCRIBER if path.name == TRANSCRIBER else "model"
        before = record.round_folder(job.folder, unit.seed, unit.arm, round_ - 1) / weights
        whole = path.name in EVALUATED and (folder / "model").is_dir()
        if not whole and (arm.learner == "grpo" or (round_ > 1 and not before.is_dir())):
            raise Damaged(
                path,
                reason,
                f"what it was made from is not kept: delete {folder.parent}, and the same command "
                "makes that arm anew",
            )
        names |= SELECTED if path.name in SELECTED else set()
    # First that by which the round counts as finished.
    for name in ("metrics.json", record.SUMS, *sorted(names)):
        _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _damage(path: Path) -> str:
    """Return what is wrong with a file, "" for nothing, and for one that is not there."""
    try:
        if path.suffix in (".parquet", ".json") and path.is_dir():
            return "a folder"
        if path.suffix == ".parquet" and path.exists():
            record.check_parquet(path)
        elif path.suffix == ".json" and path.exists():
            json.loads(path.read_bytes())
    except Damaged as failure:
        return failure.reason
    except ValueError as failure:
        return f"no JSON: {failure}"
    return ""
