"""Repair: find the damaged files of a run, name them and delete them: the run recreates them.

A finished round has checksums of its files, and so have weights. In an unfinished round the
checksums of parquet pages catch damage. Resuming a run checks all files; it checks weights only
while something still needs them. With a damaged file, everything that its stage wrote is deleted
(`rlvr.records.layout.ROUND`), and nothing of earlier stages. A unit is checked under its lock: a
worker of an interrupted cluster run may still be writing it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from rlvr.data import Arm, Damaged
from rlvr.learners.context import Display
from rlvr.learners.learner import Learner
from rlvr.learners.registry import LEARNERS
from rlvr.loop.units import Job, Unit, alone, units
from rlvr.records import record
from rlvr.records.layout import (
    BASE,
    MODEL,
    RECORDED,
    ROUND,
    SUMS,
    TIMING,
    WEIGHTS,
    Place,
    arm_folder,
    is_done,
    made_with,
    source,
)
from rlvr.studies.registry import study_of


def repair(job: Job, display: Display) -> None:
    """Delete damaged files of a run and what their stage wrote with them; the display says which.

    A finished round without checksums, as older runs left it, is given some. Raises Damaged for a
    file that the run can't recreate, with what to do.
    """
    timing = job.folder / TIMING
    if reason := _damage(timing):
        _remove(timing)
        display.note(f"{timing}: damaged ({reason}): times so far are lost, and no figure")
    every = units(job)
    for unit in every:
        with alone(job, unit, display):
            for place in unit.rounds(job.config):
                folder = place.folder(job.folder)
                _look(job, place, _files(job, place), display)
                if is_done(folder, "record") and not (folder / SUMS).exists():
                    record.write_sums(folder)
    # A deleted file is recreated from the weights before it, so those are checked after it.
    for unit in reversed(every):
        with alone(job, unit, display):
            rounds = unit.rounds(job.config)
            for place in reversed(rounds):
                if _is_needed(job, place):
                    _look(job, place, _weights(job, place), display)
            _look(job, rounds[0], _checkpoint(job, unit), display)


def _look(job: Job, place: Place, damaged: Iterator[tuple[Path, str]], display: Display) -> None:
    """Delete what is damaged of a round; what goes with one file is not checked any more."""
    folder = place.folder(job.folder)
    for path, reason in damaged:
        if path.name == SUMS:  # the files that it lists may well be whole
            _remove(path)
            if path.parent != folder:
                record.write_sums(path.parent)
        else:
            _delete(job, place, path, reason)
        display.note(f"{path}: damaged ({reason}): recreated")


# What is checked


def _files(job: Job, place: Place) -> Iterator[tuple[Path, str]]:
    """Yield the damaged files of a round, and what is wrong with each."""
    folder = place.folder(job.folder)
    if is_done(folder, "record"):
        yield from record.changed(folder)
        if (folder / SUMS).is_file():  # nothing was deleted: all of it is whole
            return
    more = _learner(job, place).gathered(folder, place.round, job.config)
    for path in sorted([*folder.glob("*.*"), *more]):
        if reason := _damage(path):
            yield path, reason


def _is_needed(job: Job, place: Place) -> bool:
    """Whether something is still to be made from a round's weights."""
    if place.arm == BASE:
        return not all(one.finished(job) for one in units(job) if one.seed == place.seed)
    if not is_done(place.folder(job.folder), "record"):
        return True  # its evaluation
    if _learner(job, place).online or place.round == job.config.rounds:
        return False  # an online learner goes on from a checkpoint of its own
    following = place.at(place.round + 1).folder(job.folder)
    stages = {made.stage for made in ROUND if made.name in (MODEL, *_beside(job, place))}
    made = all(is_done(following, stage) for stage in ("select", *stages))
    return not is_done(following, "record") and not made


def _weights(job: Job, place: Place) -> Iterator[tuple[Path, str]]:
    """Yield the folders of a round's damaged weights, and what is wrong with each."""
    folder = place.folder(job.folder)
    for name in WEIGHTS:
        for path, reason in record.changed(folder / name)[:1]:
            if path.name == SUMS:
                yield path, reason
            else:
                yield path.parent, f"{path.name}: {reason}"
    if place.arm == BASE:  # without weights it is given some
        return
    for name in (MODEL, *_beside(job, place)):
        if is_done(folder, "record") and not (folder / name).is_dir():
            yield folder / name, "missing"


def _checkpoint(job: Job, unit: Unit) -> Iterator[tuple[Path, str]]:
    """Yield what is damaged of the checkpoint that an online arm goes on from."""
    if unit.finished(job):
        return
    learner = _learner(job, unit.rounds(job.config)[0])
    if latest := learner.checkpoint(arm_folder(job.folder, unit.seed, unit.arm)):
        yield from record.changed(latest)


# What is deleted


def _delete(job: Job, place: Place, path: Path, reason: str) -> None:
    """Delete a damaged file and what its stage has written with it. Raises Damaged."""
    folder = place.folder(job.folder)
    if place.arm == BASE and path.name in WEIGHTS:
        _remove(path)  # recreated it is the same, and so is what was made from it
        return
    if place.arm != BASE and not _can_be_made(job, place, path):
        raise Damaged(
            path,
            reason,
            f"what it was made from is not kept: delete {folder.parent}, and the same command "
            "recreates that arm",
        )
    # Delete metrics.json first: it marks the round as finished.
    for name in (RECORDED, SUMS, *made_with(path.name)):
        _remove(folder / name)


def _can_be_made(job: Job, place: Place, path: Path) -> bool:
    """Whether the weights are there from which a damaged file of an arm was made."""
    folder, made, learner = place.folder(job.folder), source(path.name), _learner(job, place)
    here = folder / made.here
    if made.here and here.is_dir() and all(one.name == SUMS for one, _ in record.changed(here)):
        return True
    if learner.online:
        return path in learner.rewrites(folder, place.round, job.config)
    before = place.at(place.round - 1).folder(job.folder) / made.before
    return place.round == 1 or before.is_dir()


def _arm(job: Job, place: Place) -> Arm:
    """Return the arm of a round; for the base, an arm that is as plain."""
    found = (arm for arm in job.config.arms_in_order() if arm.name == place.arm)
    return next(found, Arm(place.arm, "all"))


def _learner(job: Job, place: Place) -> Learner:
    return LEARNERS[_arm(job, place).learner]


def _beside(job: Job, place: Place) -> tuple[str, ...]:
    """Return the folders of weights that a round has beside its model."""
    return study_of(job.config).weights([_arm(job, place)])


def _remove(path: Path) -> None:
    if path.is_dir():
        record.delete_folder(path)
    else:
        path.unlink(missing_ok=True)


def _damage(path: Path) -> str:
    """Return what is wrong with a file: "" where nothing is, or where there is no file."""
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
