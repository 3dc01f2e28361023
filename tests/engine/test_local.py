"""Units at once on one machine: the same figures, however many are made at a time."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import cast

import psutil
import pytest
from support.runs import (
    TINY,
    assert_equal_runs,
    finish,
    kill_group,
    left_over,
    round_of,
    start_run,
    wait_for,
)

from rlvr.config import load, resolved
from rlvr.data import RunError
from rlvr.loop import local
from rlvr.loop.dispatch import LostError
from rlvr.loop.units import Job, Unit
from rlvr.records.record import deciding, digest

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("cores", "gib", "overrides", "count"),
    [
        (8, 64, [], 1),
        (8, 64, ["threads=2"], 4),
        (8, 64, ["threads=3"], 2),
        (8, 9, ["threads=1"], 2),
        (1, 1, ["threads=4"], 1),
        (2, 64, ["threads=2", "workers=3"], 3),
    ],
)
def test_as_many_at_once_as_cores_and_memory_hold(
    cores: int, gib: int, overrides: list[str], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = psutil.virtual_memory()._replace(available=gib << 30)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(local, "on_gpu", lambda: False)
    assert local.workers_of(load(TINY, overrides)) == count


def test_threads_are_hashed_and_workers_are_not() -> None:
    def hash_of(*overrides: str) -> str:
        return digest(deciding(resolved(load(TINY, list(overrides)))))

    assert hash_of("workers=3") == hash_of() != hash_of("threads=1")
    without = {k: v for k, v in resolved(load(TINY)).items() if k not in ("threads", "workers")}
    assert digest(deciding(without)) == hash_of(), "a run that was recorded before is the same run"


@pytest.mark.timeout(300)
def test_two_at_once_are_as_one_after_the_other(reference: Path, tmp_path: Path) -> None:
    """Each has all cores, as in the reference, and the two of them together."""
    at_once = [f"threads={CORES}", "workers=2", "rounds=1", "arms=[verified]"]
    out = finish(start_run(tmp_path / "run", reference.parent / "cache", *at_once))
    assert f"4 units, 2 at a time with {CORES} threads each" in out
    assert all(f"seed {seed}: the warm start of its base begins" in out for seed in (7, 8))
    for seed in (7, 8):
        ours, theirs = (run / f"seed-{seed}" / "base" for run in (tmp_path / "run", reference))
        for name in ("completions.parquet", "metrics.json", "model/model.safetensors"):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
        ours, theirs = (round_of(run, seed, "verified", 1) for run in (tmp_path / "run", reference))
        for name in ("completions.parquet", "rows.parquet", "train.json"):
            assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    found = psutil.Process(process.pid).children()
    return [one for one in found if "rlvr.loop.local" in " ".join(one.cmdline())]


SLICED = ["threads=1", "workers=2"]


def test_a_worker_that_was_killed_while_it_waited_is_lost(tmp_path: Path) -> None:
    job = Job(load(TINY), tmp_path, "here", 64, {})
    with closing(local._Processes(1, 1)) as crew:
        worker = crew.hire()
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(LostError, match="its process has ended"):
            crew.begin(worker, job, Unit(0, "base"))


def test_a_worker_says_what_it_did_not_expect() -> None:
    with closing(local._Processes(1, 1)) as crew:
        worker = crew.hire()
        task = crew.begin(worker, cast(Job, None), Unit(0, "base"))
        with pytest.raises(RunError, match="^AttributeError: 'NoneType'"):
            crew.result(task)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_that_is_killed_ends_the_run_which_resumes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    finish(start_run(tmp_path / "whole", cache, "threads=1", "workers=1"))
    process = start_run(tmp_path / "run", cache, *SLICED)
    try:
        wait_for(process, tmp_path / "run", 3)
        workers(process)[-1].kill()
        out, err = process.communicate(timeout=120)
    finally:
        kill_group(process)
    assert process.returncode == 1 and "its process has ended" in err, out
    assert left_over(process) == []
    finish(start_run(tmp_path / "run", cache, *SLICED))
    (tmp_path / "run" / "config.json").write_bytes(
        (tmp_path / "whole" / "config.json").read_bytes()
    )
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_interrupt_stops_both_after_their_stages(tmp_path: Path) -> None:
    process = start_run(tmp_path / "run", tmp_path / "cache", *SLICED)
    wait_for(process, tmp_path / "run", 3)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "run the same command again" in err
    assert "stopping: what is recorded is kept" in out and left_over(process) == []
    finish(start_run(tmp_path / "run", tmp_path / "cache", *SLICED))
    assert len(list((tmp_path / "run").glob("seed-*/*/round-002/metrics.json"))) == 4
