"""Mend: what a disk has damaged is named and taken back, so that the run makes it anew.

A round that is finished has checksums of its files, and so have weights; the pages of parquet files
have checksums of their own, which tell of a round that is not finished. All are held against the
files when a run is resumed; weights, if anything is still to be made from them. Of a round with a
damaged file goes the stage that the file is of, and nothing before it. A unit is looked at under
its lock: a worker of a cluster that was cut off may still be at it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rlvr import record
from rlvr.data import Arm, Damaged
from rlvr.grpo import STEPS
from rlvr.progress import Display
from rlvr.stages import BASE, MEMORY
from rlvr.transcribe import FOLDER as TRANSCRIBER
from rlvr.units import Job, Unit, alone, units

SELECTED = {"completions.parquet", "rows.parquet", MEMORY}  # written by one stage, from one pool
EVALUATED = {"eval.parquet", "metrics.json"}  # made from a model that is there


def mend(job: Job, display: Display) -> None:
    """Delete damaged files of a run and what their stage wrote with them; the display says which.

    A finished round without checksums, as older runs left it, is given some. Raises Damaged for a
    file that the run can't make anew, with what to do.
    """
    timing = job.folder / "timing.parquet"
    if reason := _damage(timing):
        _remove(timing)
        display.note(f"{timing}: damaged ({reason}): times so far are lost, and no figure")
    every = units(job.config)
    for unit in every:
        with alone(job, unit, display):
            for round_, metrics in unit.rounds(job):
                _look(job, unit, round_, _files(metrics.parent), display)
                if metrics.is_file() and not (metrics.parent / record.SUMS).exists():
                    record.write_sums(metrics.parent)
    # What is taken back is made anew from the weights before it, so those are looked at after it.
    for unit in reversed(every):
        with alone(job, unit, display):
            for round_, metrics in reversed(unit.rounds(job)):
                if _is_needed(job, unit, round_):
                    _look(job, unit, round_, _weights(unit, metrics), display)


def _look(
    job: Job, unit: Unit, round_: int, damaged: Iterator[tuple[Path, str]], display: Display
) -> None:
    """Take back what is damaged of a round: what goes with one file is not looked at any more."""
    folder = record.round_folder(job.folder, unit.seed, unit.arm, round_)
    for path, reason in damaged:
        if path.name == record.SUMS:  # what they are of may well be whole
            _remove(path)
            if path.parent != folder:
                record.write_sums(path.parent)
        else:
            _take_back(job, unit, round_, folder, path, reason)
        display.note(f"{path}: damaged ({reason}): made anew")


def _is_needed(job: Job, unit: Unit, round_: int) -> bool:
    """Whether something is still to be made from a round's weights."""
    if unit.arm == BASE:
        return not all(one.finished(job) for one in units(job.config) if one.seed == unit.seed)
    recorded = [path.is_file() for _, path in unit.rounds(job)]
    # Its evaluation, and the next round; an online one goes on from a checkpoint of its own.
    until = round_ if _arm(job, unit).learner == "grpo" else round_ + 1
    return not all(recorded[round_ - 1 : until])


def _arm(job: Job, unit: Unit) -> Arm:
    return next(arm for arm in job.config.arms_in_order() if arm.name == unit.arm)


def _files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the damaged files of a round, and what is wrong with each."""
    if (folder / "metrics.json").is_file():
        yield from record.changed(folder)
        if (folder / record.SUMS).is_file():  # nothing was taken back: all of it is whole
            return
    for path in sorted([*folder.glob("*.*"), *folder.glob(f"{STEPS}/*.*")]):
        if reason := _damage(path):
            yield path, reason


def _weights(unit: Unit, metrics: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a round's damaged weights, and what is wrong with each."""
    for name in ("model", TRANSCRIBER):
        weights = metrics.with_name(name)
        for path, reason in record.changed(weights)[:1]:
            if path.name == record.SUMS:
                yield path, reason
            else:
                yield weights, f"{path.name}: {reason}"
    # A base without weights is given some, and stays as it is recorded.
    if unit.arm != BASE and metrics.is_file() and not metrics.with_name("model").is_dir():
        yield metrics.with_name("model"), "missing"


def _take_back(job: Job, unit: Unit, round_: int, folder: Path, path: Path, reason: str) -> None:
    names = {path.name}
    if unit.arm != BASE:
        weights = TRANSCRIBER if path.name == TRANSCRIBER else "model"
        online = _arm(job, unit).learner == "grpo"
        before = record.round_folder(job.folder, unit.seed, unit.arm, round_ - 1) / weights
        whole = path.name in EVALUATED and (folder / "model").is_dir()
        if not whole and (online or (round_ > 1 and not before.is_dir())):
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
        record.delete_folder(path)
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
