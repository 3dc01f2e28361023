"""Dispatch: units are given out to workers as what they need is finished, until all are made.

An executor that has workers gives a `Crew`: `rlvr.loop.local` processes of this machine,
`rlvr.loop.cluster` nodes of a cluster. Only the process that dispatches writes the files that a run
has once: metrics.parquet, timing.parquet, trackers.
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rlvr.data import RunError
from rlvr.loop.progress import Display
from rlvr.loop.recording import headline
from rlvr.loop.units import POLL_SECONDS, Job, Unit, long_begin, units
from rlvr.loop.work import Begun
from rlvr.loop.worker import Made
from rlvr.records.layout import RECORDED, STOP, Place, told_of

WAIT_SECONDS = 30.0  # without a worker, until it is said


class LostError(Exception):
    """A worker is lost: its process or its node has ended, or does not answer."""


class Crew(Protocol):
    """The workers of an executor. Each makes one unit at a time.

    wants: what a worker needs, in words. tries: how often a unit may be begun. keeps: whether a
    worker without work is kept for the next unit, or ended so that others have its place.
    """

    wants: str
    tries: int
    keeps: bool

    def room(self) -> int:
        """Return how many workers there may be now."""

    def hire(self) -> Any:
        """Start a worker."""

    def begin(self, worker: Any, job: Job, unit: Unit) -> Any:
        """Let a worker begin a unit; return what stands for that, a key. Raises LostError."""

    def ended(self, tasks: Sequence[Any]) -> Sequence[Any]:
        """Wait for POLL_SECONDS at most; return those of the tasks that have ended."""

    def result(self, task: Any) -> Made:
        """Return what the worker says of the unit. Raises what it raised, and LostError."""

    def dismiss(self, worker: Any) -> None:
        """End a worker."""


@dataclass(eq=False)
class Units:
    """The units of one run: what each needs, which are finished, and what of them was shown.

    told: how far each round is, as its worker last said it. name: which of several runs it is, for
    the display.
    """

    begun: Begun
    needs: Mapping[Unit, tuple[Unit, ...]]
    done: set[Unit]
    shown: set[Place] = field(default_factory=set)
    told: dict[Place, str] = field(default_factory=dict)
    since: dict[Unit, float] = field(default_factory=dict)  # its begin, or its last round's end
    name: str = ""

    @property
    def job(self) -> Job:
        """The run as a job."""
        return self.begun.job

    def note(self, text: str, display: Display) -> None:
        """Say one line on this run that stays."""
        display.note(f"{self.name}  {text}" if self.name else text)

    def look(self, display: Display) -> None:
        """Show the rounds that were recorded since the last look, and publish them.

        And how far the others are, where their workers say it.
        """
        news = []
        for unit in self.needs:
            for place in unit.rounds(self.job.config):
                path = place.folder(self.job.folder) / RECORDED
                if place in self.shown:
                    continue
                if path.is_file():
                    now = time.monotonic()
                    seconds = now - self.since.get(unit, now)
                    self.since[unit] = now
                    said = headline(json.loads(path.read_text()))
                    display.round_done(place, said, seconds, self.name)
                    news.append(place)
                elif (far := _read(told_of(self.job.folder, place))) != self.told.get(place, ""):
                    self.told[place] = far
                    display.progress(place, far, self.name)
        self.shown.update(news)
        if news:
            self.begun.publish()


def _read(path: Path) -> str:
    """Return the text of a file, "" where there is none."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def units_of(begun: Sequence[Begun], display: Display) -> list[Units]:
    """Return the units of each run, after the rounds that are recorded were shown."""
    runs = []
    folders = [one.job.folder.absolute() for one in begun]
    above = os.path.commonpath(folders)
    for one, folder in zip(begun, folders, strict=True):
        needs = units(one.job)
        done = {unit for unit in needs if unit.finished(one.job)}
        name = str(folder.relative_to(above)) if len(begun) > 1 else ""
        runs.append(Units(one, needs, done, name=name))
        runs[-1].look(display)
    return runs


def unfinished(runs: Sequence[Units]) -> list[tuple[Units, Unit]]:
    """Return the units that are not finished, each with its run."""
    return [(one, unit) for one in runs for unit in one.needs if unit not in one.done]


def dispatch(runs: Sequence[Units], crew: Crew, display: Display) -> None:
    """Give out the units as what they need is finished, until all are made.

    A worker keeps to its run while that has a unit for it, because its engine is that run's.

    Raises what a unit raised, RunError for one whose workers were lost as often as it may be begun,
    and KeyboardInterrupt after a Ctrl-C.
    """
    todo = unfinished(runs)
    running: dict[Any, tuple[Any, Units, Unit]] = {}
    idle: list[tuple[Any, Units]] = []  # a worker, and whose unit it made last
    failures: Counter[tuple[Path, Unit]] = Counter()
    waited = time.monotonic()

    def recover(worker: Any, of: Units, unit: Unit, failure: LostError) -> None:
        """Dismiss a lost worker; another begins its unit again, if it may be tried again."""
        for lost in (worker, *(one for one, _ in idle)):  # they may have been on the same node
            crew.dismiss(lost)
        idle.clear()
        failures[of.job.folder, unit] += 1
        if _goes_on(failures[of.job.folder, unit], of, unit, failure, crew.tries, display):
            todo.insert(0, (of, unit))

    while todo or running:
        if display.stopping:
            todo.clear()
            for of in runs:
                (of.job.folder / STOP).touch()
            if not running:
                break
        ready = [(of, unit) for of, unit in todo if set(of.needs[unit]) <= of.done]
        for _ in range(min(len(ready), crew.room() - len(running))):
            kept, (of, unit) = _match([of for _, of in idle], ready)
            ready.remove((of, unit))
            was_idle = kept is not None
            worker = crew.hire() if kept is None else idle.pop(kept)[0]
            job = dataclasses.replace(of.job, folder=of.job.folder.absolute(), problems={})
            if said := long_begin(of.job, unit):
                of.note(said, display)
            todo.remove((of, unit))
            try:
                running[crew.begin(worker, job, unit)] = (worker, of, unit)
                of.since[unit] = time.monotonic()
            except LostError as failure:
                if not was_idle:
                    recover(worker, of, unit, failure)
                    continue
                crew.dismiss(worker)  # killed while it waited: another takes the unit
                todo.insert(0, (of, unit))
        while idle and not (crew.keeps and todo):
            crew.dismiss(idle.pop()[0])
        if not running:
            if time.monotonic() - waited > WAIT_SECONDS:
                waited = time.monotonic()
                display.note(f"there is no room for {crew.wants}: waiting for it")
            time.sleep(POLL_SECONDS)
            continue
        for task in crew.ended(list(running)):
            worker, of, unit = running.pop(task)
            try:
                made = crew.result(task)
                of.begun.timing.rows += made.timing
                for line in made.notes:
                    of.note(line, display)
                idle.append((worker, of))
                if not display.stopping:
                    of.done.add(unit)
            except LostError as failure:
                recover(worker, of, unit, failure)
        for one in runs:
            one.look(display)
    display.may_stop()


def _match(
    idle: Sequence[Units], ready: Sequence[tuple[Units, Unit]]
) -> tuple[int | None, tuple[Units, Unit]]:
    """Return the place of the idle worker that takes a unit, None for a new one, and the unit.

    idle: the runs whose units they made last. A worker goes on with its run, else with the first:
    one that begins the next would often wait for a warm start that the two share.
    """
    for place, of in enumerate(idle):
        for one in ready:
            if one[0] is of:
                return place, one
    return (0 if idle else None), ready[0]


def _goes_on(
    tries: int, of: Units, unit: Unit, failure: LostError, most: int, display: Display
) -> bool:
    """Say that a unit's worker is lost; return whether another is to go on with it."""
    where = f"{of.name}  ".lstrip() + f"seed {unit.seed}, {unit.arm}"
    why = str(failure).strip().splitlines()[0][:300]
    if display.stopping:
        display.note(f"{where}: its worker is lost ({why})")
        return False
    if tries >= most:
        raise RunError(
            f"{where} failed {tries} times, the last time so: {why}; what was recorded "
            "is kept: run the same command again to resume"
        ) from failure
    display.note(f"{where}: its worker is lost ({why}): another goes on with it")
    return True
