"""Units: what a run is divided into, what each of them leaves, and that one alone is at it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from rlvr.config import Config
from rlvr.data import RunError
from rlvr.loop.preflight import SeedProblems
from rlvr.loop.progress import Display
from rlvr.loop.round import BASE
from rlvr.records.record import round_folder
from rlvr.studies.transcribe import FOLDER as TRANSCRIBER

LOCKS = ".locks"  # not in the scratch folder, which the next driver deletes
POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Job:
    """A run that may begin: its config, folder and where the config stands.

    `length`: tokens that the engine must hold. `problems`: what each seed meets, by seed; drawn
    where it is missing.
    """

    config: Config
    folder: Path
    where: str
    length: int
    problems: Mapping[int, SeedProblems]


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker does at a time: all rounds of an arm of a seed, or the seed's base."""

    seed: int
    arm: str

    def rounds(self, job: Job) -> list[tuple[int, Path]]:
        """Return its rounds in order, and what each leaves when it is recorded."""
        numbers = [0] if self.arm == BASE else range(1, job.config.rounds + 1)
        folders = [round_folder(job.folder, self.seed, self.arm, t) for t in numbers]
        return [(t, path / "metrics.json") for t, path in zip(numbers, folders, strict=True)]

    def finished(self, job: Job) -> bool:
        """Whether all of it is recorded; of a base its transcriber too, where an arm has one."""
        heard = any(arm.author != "model" for arm in job.config.arms)
        taught = round_folder(job.folder, self.seed, BASE, 0) / TRANSCRIBER
        if self.arm == BASE and heard and not taught.is_dir():
            return False
        return all(path.is_file() for _, path in self.rounds(job))


def units(config: Config) -> dict[Unit, tuple[Unit, ...]]:
    """Return a run's units, each with those that it needs finished, in an order that has them so.

    An arm needs the base of its seed, and the arm whose counts it matches.
    """
    found: dict[Unit, tuple[Unit, ...]] = {}
    for seed in config.seeds:
        base = Unit(seed, BASE)
        found[base] = ()
        for arm in config.arms_in_order():
            matched = (Unit(seed, arm.match),) if arm.match else ()
            found[Unit(seed, arm.name)] = (base, *matched)
    return found


@contextmanager
def alone(job: Job, unit: Unit, display: Display) -> Iterator[None]:
    """Hold a unit's lock: of a cluster that was cut off, who works on is waited for.

    So nobody writes beside a successor. While it waits the display is asked whether to stop. Raises
    RunError when the disk won't take a lock.
    """
    folder, said = job.folder / LOCKS, False
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
