"""Units: the parts that a run is divided into, and the lock that gives each to one worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from rlvr.config import Config
from rlvr.data import RunError
from rlvr.learners.context import Display, SeedProblems
from rlvr.records import layout
from rlvr.records.added import Extent
from rlvr.records.collected import Collected
from rlvr.records.layout import BASE, Place, is_done, is_there
from rlvr.records.seals import Seal
from rlvr.studies.registry import study_of

POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A run that may begin: its config, folder and where the config stands.

    `length`: tokens that the engine must hold. `problems`: what each seed meets, by seed; drawn
    where it is missing. `seal`: what the run is made of by content as the command began, and
    `config_hash` the hash of what decides its figures (`rlvr.loop.sealing`). `extents`: what it
    began with, then each addition (`rlvr.records.added`); `config` has all of it, `seal` and the
    hash are of what it began with. `collected`: where its finished seeds are collected, if they
    are; `elsewhere`: the seeds that were there as the command began, which are not made.
    """

    config: Config
    folder: Path
    where: str
    length: int
    problems: Mapping[int, SeedProblems]
    seal: Seal = field(default_factory=dict)
    config_hash: str = ""
    extents: tuple[Extent, ...] = ()
    collected: Collected | None = None
    elsewhere: frozenset[int] = frozenset()

    @property
    def seeds(self) -> list[int]:
        """The seeds to make."""
        return [seed for seed in self.config.seeds if seed not in self.elsewhere]

    @property
    def sealed_now(self) -> Seal:
        """Verifier, task and data of all that the run has, what was added included."""
        more = self.extents[-1].sealed if self.extents else {}
        return {kind: {**parts, **more.get(kind, {})} for kind, parts in self.seal.items()}

    def addition(self, place: Place) -> Extent | None:
        """Return the addition that a round came with; None where the run began with it."""
        at = next((i for i, one in enumerate(self.extents) if one.has(place)), 0)
        return self.extents[at] if at else None

    @property
    def ends(self) -> frozenset[int]:
        """The rounds that are, or were at some time, an arm's last."""
        return frozenset({self.config.rounds, *(one.rounds for one in self.extents)})


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker does at a time: all rounds of an arm of a seed, or the seed's base."""

    seed: int
    arm: str

    def rounds(self, config: Config) -> list[Place]:
        """Return its rounds in order."""
        numbers = [0] if self.arm == BASE else range(1, config.rounds + 1)
        return [Place(self.seed, self.arm, round_) for round_ in numbers]

    def finished(self, job: Job) -> bool:
        """Whether all of it is recorded; of a base what its study has beside it is there too."""
        folders = [place.folder(job.folder) for place in self.rounds(job.config)]
        if self.arm == BASE:
            beside = study_of(job.config).base_weights(job.config.arms_in_order())
            if not all(is_there(folders[0] / name) for name in beside):
                return False
        return all(is_done(folder, "record") for folder in folders)


def units(job: Job) -> dict[Unit, tuple[Unit, ...]]:
    """Return a run's units, each with those that it needs finished, in an order that has them so.

    An arm needs the base of its seed, and the arm whose counts it matches.
    """
    found: dict[Unit, tuple[Unit, ...]] = {}
    for seed in job.seeds:
        base = Unit(seed, BASE)
        found[base] = ()
        for arm in job.config.arms_in_order():
            matched = (Unit(seed, arm.match),) if arm.match else ()
            found[Unit(seed, arm.name)] = (base, *matched)
    return found


def long_begin(job: Job, unit: Unit) -> str:
    """Return what to say where a unit begins with a warm start, which takes minutes; else ""."""
    base = unit.rounds(job.config)[0].folder(job.folder)
    if unit.arm != BASE or job.config.warm_start is None or (base / layout.MODEL).is_dir():
        return ""
    return f"seed {unit.seed}: the warm start of its base begins"


@contextmanager
def alone(job: Job, unit: Unit, display: Display) -> Iterator[None]:
    """Hold a unit's lock, so that two workers never write the same unit.

    If a worker of an interrupted cluster run still holds the lock, wait for it, and ask the display
    meanwhile whether to stop. Raises RunError when the disk won't take a lock.
    """
    folder, said = job.folder / layout.LOCKS, False
    lock = FileLock(folder / f"{unit.seed}-{unit.arm}")
    while not lock.is_locked:
        display.may_stop()
        try:
            folder.mkdir(exist_ok=True)
            lock.acquire(timeout=POLL_SECONDS)
        except Timeout:
            if not said:
                display.note(
                    f"seed {unit.seed}, {unit.arm}: a worker of an earlier cluster is still at it: "
                    "waiting for its end"
                )
            said = True
        except OSError as failure:
            raise RunError(
                f"can't write {folder}: {failure.strerror or failure}: make room or fix the "
                "permissions, then run the same command again"
            ) from failure
    try:
        yield
    finally:
        lock.release()
