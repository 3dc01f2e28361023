"""Who makes which unit, with lost workers too: dispatch over a fake crew, which makes nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console
from support.runs import TINY

from rlvr.config import load
from rlvr.data import RunError
from rlvr.loop.dispatch import Crew, LostError, Units, dispatch, units_of
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, Unit

BASE, ARM = Unit(7, "base"), Unit(7, "verified")


@dataclass
class FakeCrew(Crew):
    """Workers are numbers; `dead`: those to which nothing can be given; `places`: room for them."""

    dead: set[int]
    places: int = 1
    given: list[tuple[int, Unit]] = field(default_factory=list)
    runs: list[tuple[int, str]] = field(default_factory=list)
    hired: int = 0
    wants: str = "a worker"
    tries: int = 1
    keeps: bool = True

    def room(self) -> int:
        return self.places

    def hire(self) -> int:
        self.hired += 1
        return self.hired

    def begin(self, worker: int, job: Job, unit: Unit) -> tuple[str, Unit]:
        if worker in self.dead:
            raise LostError("its process has ended")
        self.given.append((worker, unit))
        self.runs.append((worker, job.folder.name))
        self.dead |= {worker} if worker == self.places == 1 else set()  # killed once it waits
        return (job.folder.name, unit)

    def ended(self, tasks: Sequence[Any]) -> Sequence[Any]:
        return tasks

    def result(self, task: Any) -> Any:
        return SimpleNamespace(timing=[], notes=["made"])

    def dismiss(self, worker: int) -> None:
        pass


def units(folder: Path) -> Units:
    begun: Any = SimpleNamespace(
        job=Job(load(TINY), folder, "here", 64, {}), timing=SimpleNamespace(rows=[])
    )
    return Units(begun, {BASE: (), ARM: (BASE,)}, set())


def test_a_unit_given_to_a_worker_that_died_while_it_waited_goes_to_another(tmp_path: Path) -> None:
    crew, of = FakeCrew(set()), units(tmp_path)
    dispatch([of], crew, Display(Console(file=io.StringIO()), "", 0, 0))
    assert crew.given == [(1, BASE), (2, ARM)] and of.done == {BASE, ARM}


def test_workers_that_die_at_once_end_the_run(tmp_path: Path) -> None:
    crew = FakeCrew({1, 2, 3})
    with pytest.raises(RunError, match="seed 7, base"):
        dispatch([units(tmp_path)], crew, Display(Console(file=io.StringIO()), "", 0, 0))
    assert crew.hired == 1 and not crew.given


def test_a_worker_keeps_to_its_run_while_that_has_a_unit_for_it(tmp_path: Path) -> None:
    crew, out = FakeCrew(set(), places=2), io.StringIO()
    runs = [units(tmp_path / name) for name in "abc"]
    names = [
        one.name for one in units_of([one.begun for one in runs], Display(Console(), "", 0, 0))
    ]
    assert names == ["a", "b", "c"]
    for one, name in zip(runs, names, strict=True):
        one.name = name
    dispatch(runs, crew, Display(Console(file=out), "", 0, 0))
    assert crew.hired == 2 and all(one.done == {BASE, ARM} for one in runs)
    by_worker = [[run for one, run in crew.runs if one == worker] for worker in (1, 2)]
    assert sorted(by_worker) == [["a", "a", "c", "c"], ["b", "b"]]
    lines = [line for line in out.getvalue().splitlines() if line.endswith("made")]
    assert sorted(lines) == sorted(f"{name}  made" for name in "aabbcc")
