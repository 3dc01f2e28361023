"""Real runs of the tiny config: started, killed, read, held against each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow.parquet as pq

TINY = Path(__file__).parent / "tiny.yaml"
SEEDS, ARMS, ROUNDS = (7, 8), ("verified", "random"), (1, 2)
# Times, versions and the lock: all that may differ.
OUTSIDE = {"timing.parquet", "manifest.json", ".lock"}


def start_run(
    folder: Path, cache: Path, *arguments: str, config: Path = TINY
) -> subprocess.Popen[str]:
    """Start `rlvr run` on a config: a session and a temporary folder of its own."""
    scratch = cache / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "rlvr.cli",
        "run",
        str(config),
        *arguments,
        "--out",
        str(folder),
    ]
    return subprocess.Popen(
        command,
        env={**os.environ, "RLVR_CACHE": str(cache), "TMPDIR": str(scratch), "COLUMNS": "120"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill the run with every process of its session, and reap it."""
    for pid in [process.pid, *psutil.pids()]:
        try:
            if os.getsid(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.communicate()


def left_over(process: subprocess.Popen[str], seconds: float = 10.0) -> list[str]:
    """Return the command lines of the session's processes that are still there after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        found = []
        for pid in psutil.pids():
            try:
                if os.getsid(pid) == process.pid and pid != process.pid:
                    found.append(" ".join(psutil.Process(pid).cmdline())[:200])
            except (psutil.Error, OSError):
                continue  # it has just ended
        found = [line for line in found if line]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def finish(process: subprocess.Popen[str], seconds: float = 240.0) -> str:
    """Wait for a run that must end well; return what it said."""
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        kill_group(process)
    assert process.returncode == 0, f"exit {process.returncode}\n{out[-2000:]}\n{err[-2000:]}"
    return out


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def round_of(run: Path, seed: int, arm: str, round_: int) -> Path:
    return run / f"seed-{seed}" / arm / f"round-{round_:03d}"


def completions_of(run: Path, seed: int, arm: str, round_: int) -> pd.DataFrame:
    return pd.read_parquet(round_of(run, seed, arm, round_) / "completions.parquet")


def value(run: Path, seed: int, arm: str, round_: int, metric: str) -> tuple[Any, int]:
    frame = pd.read_parquet(run / "metrics.parquet")
    chosen = frame[
        (frame.seed == seed)
        & (frame.arm == arm)
        & (frame["round"] == round_)
        & (frame.metric == metric)
        & (frame.level == "all")
    ]
    assert len(chosen) == 1, (seed, arm, round_, metric)
    return float(chosen.value.iloc[0]), int(chosen.n.iloc[0])


def assert_equal_runs(one: Path, other: Path) -> None:
    assert files(one) == files(other)
    for name in sorted(files(one) - OUTSIDE):
        if name.endswith(".parquet"):
            assert pq.read_table(one / name).equals(pq.read_table(other / name)), name
        elif name == "compare.json":
            assert _without_times(one / name) == _without_times(other / name), name
        else:
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    hidden = {path.name for path in one.rglob(".*")}
    assert hidden == {".lock"}, "temporary files were left"


def _without_times(comparison: Path) -> Any:
    """Return a comparison without its line on how long before the run the rule was committed."""
    found = json.loads(comparison.read_text())
    found["checks"].pop("registered", None)
    return found


def done(folder: Path) -> int:
    """Count what has been recorded: whole files and folders, no temporary ones."""
    count = 0
    for top in folder.glob("seed-*"):
        # os.walk passes over what the run renames or deletes meanwhile; a glob stops there.
        for _, folders, names in os.walk(top):
            folders[:] = [name for name in folders if not name.startswith(".")]
            count += len(folders) + sum(not name.startswith(".") for name in names)
    return count


def wait_for(process: subprocess.Popen[str], folder: Path, count: int) -> bool:
    """Wait until `count` things are recorded; False when the run ended before."""
    end = time.monotonic() + 180
    while done(folder) < count:
        assert time.monotonic() < end, "the run makes no progress"
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True


def assert_whole(folder: Path) -> None:
    """Whatever the moment of the kill, what carries its final name is whole."""
    for name in files(folder):
        if any(part.startswith(".") for part in Path(name).parts):
            continue
        if name.endswith(".parquet"):
            pq.read_table(folder / name)
        if name.endswith(".json"):
            json.loads((folder / name).read_text())
