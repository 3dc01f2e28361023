"""A run killed at any moment and run again equals one never killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.events import sent
from support.runs import (
    assert_equal_runs,
    assert_whole,
    done,
    files,
    finish,
    kill_group,
    left_over,
    start_run,
    wait_for,
)

from rlvr.records import record


def test_killed_once_and_resumed(reference: Path, tmp_path: Path) -> None:
    whole, folder = reference, tmp_path / "run"
    generator = random.Random()
    process = start_run(folder, tmp_path / "cache")
    try:
        while not list(folder.glob("seed-*/base/model")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        delay = generator.uniform(0.0, 5.0)
        time.sleep(delay)
    finally:
        kill_group(process)
    print(f"killed {delay:.3f} s after the first base, with {done(folder)} things recorded")
    assert process.returncode == -signal.SIGKILL, (
        "it was done before the kill: the test saw nothing"
    )
    assert left_over(process) == []
    assert_whole(folder)
    before = {name: (folder / name).stat().st_mtime_ns for name in files(folder)}
    resumed = start_run(folder, tmp_path / "cache")
    finish(resumed)
    assert left_over(resumed) == []
    assert_equal_runs(folder, whole)
    # What was recorded was not made again.
    base = next(name for name in sorted(before) if name.endswith("base/model/model.safetensors"))
    assert (folder / base).stat().st_mtime_ns == before[base]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_ten_times_and_resumed(reference: Path, tmp_path: Path) -> None:
    """Two early kills at a random time, eight after a random amount of progress.

    Every second kill hits the main process alone: the others must notice and end by themselves.
    """
    whole, folder = reference, tmp_path / "run"
    generator = random.Random()
    kills = 0
    for i in range(10):
        before = done(folder)
        process = start_run(folder, tmp_path / "cache")
        try:
            if i % 5 == 0:
                time.sleep(generator.uniform(0.0, 15.0))
            else:
                wait_for(process, folder, before + generator.randint(1, 9))
                time.sleep(generator.uniform(0.0, 0.5))
            alive = process.poll() is None
            if i % 2:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                assert left_over(process) == []
        finally:
            kill_group(process)
        assert left_over(process) == []
        print(f"kill {i}: {done(folder)} things recorded")
        kills += alive
        assert_whole(folder)
    assert kills == 10, f"only {kills} kills hit a running process"
    finish(start_run(folder, tmp_path / "cache"))
    assert_equal_runs(folder, whole)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_before_the_last_record(reference: Path, tmp_path: Path) -> None:
    """The moments between the last writes of a round: hard to hit by chance."""
    whole, folder = reference, tmp_path / "run"
    shutil.copytree(whole, folder)
    for name in ("seed-7/random/round-002", "seed-8/verified/round-002"):
        (folder / name / "metrics.json").unlink()
        (folder / name / ".metrics.json.tmp").write_text("[")
    last = folder / "seed-8/verified/round-002"
    (last / "eval.parquet").unlink()
    (last / ".eval.parquet.tmp").write_bytes(b"PAR1")
    (last / "train.json").unlink()
    (last / record.SUMS).unlink()
    (last / f".{record.SUMS}.tmp").write_text("{")
    (folder / "compare.json").unlink()
    (folder / ".scratch" / "start-7").mkdir(parents=True)
    shutil.copytree(folder / "seed-8/base/model", last.with_name("round-001") / "model")
    finish(start_run(folder, tmp_path / "cache"))
    assert files(folder) == files(whole)
    assert {path.name for path in folder.rglob(".*")} == {".lock"}
    for name in files(folder):
        # Seed 8's last round was trained from a stand-in for its pruned start.
        if name.startswith("seed-") and "seed-8/verified/round-002" not in name:
            assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.slow
def test_a_run_killed_and_resumed_has_sent_each_figure_once(tmp_path: Path) -> None:
    folder, cache, on = tmp_path / "run", tmp_path / "cache", "report_to=tensorboard"
    process = start_run(folder, cache, on)
    try:
        end = time.monotonic() + 240
        while len(list(folder.glob("seed-*/*/round-*/metrics.json"))) < 3:
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.01)
    finally:
        kill_group(process)
    begun = sent(folder)
    assert "seed-7/base" in begun
    finish(start_run(folder, cache, on))
    wanted: dict[str, dict[str, list[Any]]] = {}
    for row in pd.read_parquet(folder / "metrics.parquet").to_dict("records"):
        level = "" if row["level"] == "all" else f"[{row['level']}]"
        of_run = wanted.setdefault(f"seed-{row['seed']}/{row['arm']}", {})
        point = (row["round"], pytest.approx(row["value"], rel=1e-6))
        of_run.setdefault(f"{row['metric']}{level}", []).append(point)
    assert sent(folder) == wanted
