"""Who makes which unit when workers are lost: dispatch over a fake crew, which makes nothing."""

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
from rlvr.loop.dispatch import Crew, LostError, Units, dispatch
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, Unit

BASE, ARM = Unit(7, "base"), Unit(7, "verified")


@dataclass
class FakeCrew(Crew):
    """Workers are numbers; `dead`: those to which nothing can be given."""

    dead: set[int]
    given: list[tuple[int, Unit]] = field(default_factory=list)
    hired: int = 0
    wants: str = "a worker"
    tries: int = 1
    keeps: bool = True

    def room(self) -> int:
        return 1

    def hire(self) -> int:
        self.hired += 1
        return self.hired

    def begin(self, worker: int, job: Job, unit: Unit) -> Unit:
        if worker in self.dead:
            raise LostError("its process has ended")
        self.given.append((worker, unit))
        self.dead |= {worker} if worker == 1 else set()  # killed once it waits
        return unit

    def ended(self, tasks: Sequence[Any]) -> Sequence[Any]:
        return tasks

    def result(self, task: Any) -> Any:
        return SimpleNamespace(timing=[], notes=[])

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
