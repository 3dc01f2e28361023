"""How long the rest of a run takes, said while it goes on."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from rich.console import Console
from support.runs import TINY

from rlvr.config import load
from rlvr.loop.dispatch import Units
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, units
from rlvr.loop.work import Begun
from rlvr.loop.worker import Unseen
from rlvr.records.layout import SCRATCH, Place
from rlvr.records.record import Timing


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Display:
    return Display(Console(quiet=True), "run", 3, 12)


def at(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: seconds)


def test_a_base_with_its_warm_start_is_counted_apart(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, 1100)
    display.round_done(Place(0, "base", 0), {}, 100)
    assert display.seconds_left() is None, "no round tells yet how long one takes"
    at(monkeypatch, 1110)
    display.round_done(Place(0, "a", 1), {}, 10)
    # Two bases of 100 s and eleven rounds of 10 s.
    assert display.seconds_left() == pytest.approx(2 * 100 + 11 * 10)


def test_units_made_at_once_take_less(display: Display, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, 1100)
    display.round_done(Place(0, "base", 0), {}, 100)
    display.round_done(Place(1, "base", 0), {}, 100)
    at(monkeypatch, 1110)
    for seed in (0, 1):
        display.round_done(Place(seed, "a", 1), {}, 10)
    # 220 s of work in 110 s; what is left is a base and ten rounds.
    assert display.seconds_left() == pytest.approx((100 + 10 * 10) / 2)


def test_what_was_there_already_tells_nothing(
    display: Display, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(3):
        display.round_done(Place(seed, "base", 0), {}, 0)
    assert display.seconds_left() is None
    at(monkeypatch, 1010)
    display.round_done(Place(0, "a", 1), {}, 10)
    assert display.seconds_left() == pytest.approx(11 * 10), "no base is left to be made"


def test_a_long_stage_is_told_in_plain_lines_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, 100)
    told = Display(Console(file=io.StringIO()), "run", 1, 1)
    for seconds in (110, 131, 140, 162):
        at(monkeypatch, seconds)
        told.progress(Place(3, "base", 0), f"warm start, step {seconds}")
    lines = ["seed 3: warm start, step 131", "seed 3: warm start, step 162"]
    assert isinstance(told.console.file, io.StringIO)
    assert told.console.file.getvalue().splitlines() == lines


def test_how_far_a_worker_is_reaches_the_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = load(TINY)
    (tmp_path / SCRATCH).mkdir()
    job = Job(config, tmp_path, str(TINY), 32, {})
    of = Units(Begun(job, tmp_path / SCRATCH, Timing(tmp_path), lambda: None), units(job), set())
    at(monkeypatch, 100)
    told = Display(Console(file=io.StringIO()), "run", 2, 2)
    at(monkeypatch, 140)
    of.look(told)
    for step, seeds in ((20, (7, 8)), (40, (7,))):
        for seed in seeds:
            Unseen(tmp_path).progress(Place(seed, "base", 0), f"warm start, step {step}")
        of.look(told)
        of.look(told)
        at(monkeypatch, 171)
    lines = [f"seed {seed}: warm start, step {step}" for seed, step in ((7, 20), (8, 20), (7, 40))]
    assert isinstance(told.console.file, io.StringIO)
    assert told.console.file.getvalue().splitlines() == lines
