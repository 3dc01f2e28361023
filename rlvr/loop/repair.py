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

from rlvr.data import Arm, Damaged
from rlvr.learners.grpo import STEPS, checkpoints
from rlvr.loop.progress import Display
from rlvr.loop.round import BASE, MEMORY
from rlvr.loop.units import Job, Unit, alone, units
from rlvr.records import record
from rlvr.studies.transcribe import FOLDER as TRANSCRIBER

SELECTED = {"completions.parquet", "rows.parquet", MEMORY}  # written by one stage, from one pool
EVALUATED = {"eval.parquet", "metrics.json"}  # made from a model that is there
MADE = ("rows.parquet", "train.json", "model")  # of a round, from the model before it


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
                _look(job, unit, round_, _files(job, unit, round_, metrics.parent), display)
                if metrics.is_file() and not (metrics.parent / record.SUMS).exists():
                    record.write_sums(metrics.parent)
    # What is taken back is made anew from the weights before it, so those are looked at after it.
    for unit in reversed(every):
        with alone(job, unit, display):
            for round_, metrics in reversed(unit.rounds(job)):
                if _is_needed(job, unit, round_):
                    _look(job, unit, round_, _weights(job, unit, metrics), display)
            _look(job, unit, 1, _checkpoint(job, unit), display)


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


# What is looked at


def _files(job: Job, unit: Unit, round_: int, folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the damaged files of a round, and what is wrong with each."""
    if (folder / "metrics.json").is_file():
        yield from record.changed(folder)
        if (folder / record.SUMS).is_file():  # nothing was taken back: all of it is whole
            return
    steps: list[Path] = []
    if _arm(job, unit).learner == "grpo" and not (folder / "steps.json").is_file():
        # What comes after the checkpoint is taken anew, whatever is there.
        done = _steps_done(job, unit, round_)
        steps = [path for path in folder.glob(f"{STEPS}/[0-9]*") if int(path.stem) < done]
    for path in sorted([*folder.glob("*.*"), *steps]):
        if reason := _damage(path):
            yield path, reason


def _is_needed(job: Job, unit: Unit, round_: int) -> bool:
    """Whether something is still to be made from a round's weights."""
    if unit.arm == BASE:
        return not all(one.finished(job) for one in units(job.config) if one.seed == unit.seed)
    arm, rounds = _arm(job, unit), unit.rounds(job)
    if not rounds[round_ - 1][1].is_file():
        return True  # its evaluation
    if arm.learner == "grpo" or round_ == len(rounds):  # the former has checkpoints of its own
        return False
    following = rounds[round_][1]
    made = [following.with_name(name) for name in (*MADE, *_heard(arm))]
    return not following.is_file() and not all(path.exists() for path in made)


def _weights(job: Job, unit: Unit, metrics: Path) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a round's damaged weights, and what is wrong with each."""
    for name in ("model", TRANSCRIBER):
        for path, reason in record.changed(metrics.with_name(name))[:1]:
            if path.name == record.SUMS:
                yield path, reason
            else:
                yield path.parent, f"{path.name}: {reason}"
    if unit.arm == BASE:  # without weights it is given some
        return
    for name in ("model", *_heard(_arm(job, unit))):
        if metrics.is_file() and not metrics.with_name(name).is_dir():
            yield metrics.with_name(name), "missing"


def _checkpoint(job: Job, unit: Unit) -> Iterator[tuple[Path, str]]:
    """Yield what is damaged of the checkpoint that an online arm goes on from."""
    if unit.arm == BASE or unit.finished(job):
        return
    found = checkpoints(job.folder / f"seed-{unit.seed}" / unit.arm)
    if found:
        yield from record.changed(found[max(found)])


# What is taken back


def _take_back(job: Job, unit: Unit, round_: int, folder: Path, path: Path, reason: str) -> None:
    if unit.arm == BASE and path.name in ("model", TRANSCRIBER):
        _remove(path)  # made anew it is the same, and so is what was made from it
        return
    if unit.arm != BASE and not _can_be_made(job, unit, round_, folder, path):
        raise Damaged(
            path,
            reason,
            f"what it was made from is not kept: delete {folder.parent}, and the same command "
            "makes that arm anew",
        )
    names = {path.name} | (SELECTED if path.name in SELECTED else set())
    # First that by which the round counts as finished, then that by which it counts as selected.
    for name in ("metrics.json", record.SUMS, *sorted(names, reverse=True)):
        _remove(folder / name)


def _can_be_made(job: Job, unit: Unit, round_: int, folder: Path, path: Path) -> bool:
    """Whether that is there which a damaged file of an arm was made from."""
    model = folder / "model"
    if path.name in EVALUATED and model.is_dir():
        if all(damaged.name == record.SUMS for damaged, _ in record.changed(model)):
            return True
    if _arm(job, unit).learner == "grpo":  # its last steps write it
        unfinished = _steps_done(job, unit, round_) < job.config.grpo.steps
        return path == model and unfinished and not (folder / "steps.json").is_file()
    before = record.round_folder(job.folder, unit.seed, unit.arm, round_ - 1)
    return round_ == 1 or (before / (TRANSCRIBER if path.name == TRANSCRIBER else "model")).is_dir()


def _steps_done(job: Job, unit: Unit, round_: int) -> int:
    """Return how many steps of an online round its arm's checkpoint has."""
    found = checkpoints(job.folder / f"seed-{unit.seed}" / unit.arm)
    return max(found, default=0) - (round_ - 1) * job.config.grpo.steps


def _arm(job: Job, unit: Unit) -> Arm:
    """Return the arm of a unit; for a base one that is as plain."""
    found = (arm for arm in job.config.arms_in_order() if arm.name == unit.arm)
    return next(found, Arm(unit.arm, "all"))


def _heard(arm: Arm) -> tuple[str, ...]:
    return (TRANSCRIBER,) if arm.author == "retrained" else ()


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
