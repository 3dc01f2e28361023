"""What can go wrong does: the run says what happened and what to do, and nothing recorded is lost.

Every test ends with a run that equals one to which nothing happened. Kills of the main process and
of the whole group are in test_resume.py, of nodes in test_cluster.py.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest
from support.runs import (
    assert_equal_runs,
    assert_whole,
    files,
    finish,
    kill_group,
    left_over,
    start_run,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ENGINE, SERVER = "from rlvr.engine.serve import serve", "from rlvr.verify.pool import _serve"
LAUNCHER = "accelerate.commands.launch"
TWO = ["train.processes=2", "seeds=[7]", "arms=[verified]", "rounds=1"]


@pytest.fixture
def whole(reference: Path) -> Path:
    return reference


def child(process: subprocess.Popen[str], words: str) -> psutil.Process:
    """Return the run's child whose command line has these words, as soon as it is there."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        for one in psutil.Process(process.pid).children(recursive=True):
            try:
                if words in " ".join(one.cmdline()):
                    return one
            except psutil.Error:
                continue
        time.sleep(0.05)
    raise AssertionError(f"no child with {words!r}")


def wait_until(process: subprocess.Popen[str], there: Callable[[], object]) -> None:
    end = time.monotonic() + 240
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def begun(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until the first base is there: the run is in its midst."""
    wait_until(process, lambda: list(folder.glob("seed-7/base/metrics.json")))


def trainers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Wait until a training in two processes goes on; return these and what launched them."""
    launched = child(process, LAUNCHER)
    wait_until(process, lambda: len(launched.children(recursive=True)) >= 2)
    return [launched, *launched.children(recursive=True)]


def failed(process: subprocess.Popen[str], code: int = 1) -> str:
    """Return the one line that a run says which could not go on; nothing of it is left running."""
    try:
        _, err = process.communicate(timeout=240)
    finally:
        kill_group(process)
    assert process.returncode == code, err[-2000:]
    assert left_over(process) == []
    last = err.strip().splitlines()[-1]
    assert last.startswith("rlvr: "), err[-2000:]
    return last


def resumes(folder: Path, whole: Path, cache: Path) -> None:
    assert_whole(folder)
    finish(start_run(folder, cache))
    assert_equal_runs(folder, whole)


@pytest.mark.parametrize(
    ("victim", "words"),
    [
        (ENGINE, ["the engine process ended with code -9", "again to resume"]),
        (SERVER, ["verifier server of 'exact' "]),
    ],
    ids=["engine", "verifier-server"],
)
def test_what_the_run_needs_is_killed(
    victim: str, words: list[str], whole: Path, tmp_path: Path
) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    process = start_run(folder, cache)
    begun(process, folder)
    child(process, victim).kill()
    said = failed(process)
    assert all(one in said for one in words), said
    resumes(folder, whole, cache)


def test_the_engine_runs_out_of_memory(whole: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    process = start_run(folder, cache)
    begun(process, folder)
    engine = child(process, ENGINE)
    # As much as it has now, and no more.
    room = engine.memory_info().vms
    resource.prlimit(engine.pid, resource.RLIMIT_AS, (room, room))
    said = failed(process)
    assert "the engine" in said and "log:" in said
    resumes(folder, whole, cache)


def test_workers_of_the_verifier_are_killed(whole: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    process = start_run(folder, cache)
    server = child(process, SERVER)
    killed = 0
    while process.poll() is None:
        try:
            for worker in server.children():
                worker.kill()
                killed += 1
        except psutil.Error:
            break
        time.sleep(2.0)
    finish(process)
    assert killed > 3
    assert_equal_runs(folder, whole)


def test_a_training_process_is_killed(tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    process = start_run(folder, cache, *TWO)
    trainers(process)[-1].kill()
    said = failed(process)
    assert "training in 2 processes failed" in said
    finish(start_run(folder, cache, *TWO))
    assert (folder / "seed-7/verified/round-001/metrics.json").is_file()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)], capture_output=True
    )
    if made.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_the_disk_is_full(whole: Path, disk: Path, tmp_path: Path) -> None:
    folder, cache = disk / "run", tmp_path / "cache"
    process = start_run(folder, cache)
    begun(process, folder)
    other = os.open(disk / "other", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError):
        while True:
            os.write(other, bytes(1 << 12))
    os.close(other)
    said = failed(process)
    assert "can't write" in said and "No space left" in said and "make room" in said
    assert str(folder) in said
    (disk / "other").unlink()
    resumes(folder, whole, cache)


def test_the_disk_becomes_read_only(whole: Path, disk: Path, tmp_path: Path) -> None:
    folder, cache = disk / "run", tmp_path / "cache"

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)

    process = start_run(folder, cache)
    begun(process, folder)
    end = time.monotonic() + 60
    while subprocess.run(["mount", "-o", "remount,ro", str(disk)], capture_output=True).returncode:
        assert time.monotonic() < end, "a file is being written whenever one looks"
    said = failed(process)
    assert "can't write" in said and "Read-only file system" in said and str(folder) in said
    assert "can't write" in failed(start_run(folder, cache))
    said = failed(start_run(disk / "new", cache), code=2)
    assert "Read-only file system" in said and "--out" in said
    remount("rw")
    resumes(folder, whole, cache)


@pytest.mark.parametrize(
    "name",
    [
        "seed-7/base/completions.parquet",
        "seed-7/base/eval.parquet",
        "seed-8/verified/round-001/rows.parquet",
        "seed-8/random/round-002/eval.parquet",
        "seed-7/verified/round-002/metrics.json",
        "timing.parquet",
    ],
)
def test_a_damaged_file_is_named_and_its_stage_recreated(
    name: str, whole: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    before = {name: (folder / name).stat().st_mtime_ns for name in files(folder)}
    data = bytearray((folder / name).read_bytes())
    if name.endswith("eval.parquet"):  # a bit in the midst of the figures
        data[len(data) // 3] ^= 4
    else:
        del data[len(data) // 2 :]
    (folder / name).write_bytes(data)
    out = finish(start_run(folder, whole.parent / "cache"))
    assert f"{name}: damaged (" in out.replace("\n", "")
    if name == "timing.parquet":  # times are lost, and no others came
        assert not (folder / name).exists()
        shutil.copyfile(whole / name, folder / name)
    assert_equal_runs(folder, whole)
    rounds = {Path(one).parent for one in before if one.startswith("seed-")}
    again = {one.parent for one in map(Path, before) if one.parent in rounds
             and (folder / one).stat().st_mtime_ns != before[str(one)]}  # fmt: skip
    assert again <= {Path(name).parent, Path(name).parent / "model"}, "no other round was touched"


def test_damaged_weights_are_recreated_before_anything_is_made_from_them(
    whole: Path, tmp_path: Path
) -> None:
    folder, weights = shutil.copytree(whole, tmp_path / "run"), "seed-8/base/model"
    shutil.rmtree(folder / "seed-8/verified")
    data = bytearray((folder / weights / "model.safetensors").read_bytes())
    data[len(data) // 2] ^= 1  # far less than what the engine's check would see
    (folder / weights / "model.safetensors").write_bytes(data)
    out = finish(start_run(folder, whole.parent / "cache"))
    assert f"{weights}: damaged (model.safetensors: its checksum" in out.replace("\n", "")
    assert_equal_runs(folder, whole)


def test_what_can_not_be_recreated_is_said(whole: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    (folder / "seed-7/verified/round-002/rows.parquet").write_bytes(b"PAR1")
    said = failed(start_run(folder, whole.parent / "cache"), code=2)
    assert "round-002/rows.parquet: damaged" in said
    assert f"delete {folder / 'seed-7' / 'verified'}, and the same command" in said
    shutil.rmtree(folder / "seed-7" / "verified")
    resumes(folder, whole, whole.parent / "cache")


def test_a_terminal_interrupts_neither_trainers_nor_an_isolated_verifier(tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    plugin = tmp_path / "isolated.py"
    plugin.write_text("from rlvr.verifiers.exact import verify as verify\n\nISOLATE = True\n")
    arguments = [*TWO, f"verifier={plugin}:verify"]
    process = start_run(folder, cache, *arguments)
    trainers(process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "stopping: what is recorded is kept" in out, err
    assert left_over(process) == []
    assert (folder / "seed-7/verified/round-001/train.json").is_file(), "the stage was not ended"
    finish(start_run(folder, cache, *arguments))
    records = pd.read_parquet(folder / "seed-7/verified/round-001/eval.parquet")
    assert set(records[records.kind != "real"].status) <= {"correct", "wrong"}


def test_trainers_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    process = start_run(tmp_path / "run", tmp_path / "cache", *TWO)
    training = trainers(process)
    process.kill()  # itself alone, and none of its children
    process.communicate()
    _, alive = psutil.wait_procs(training, timeout=60)  # those that only start end as they do
    assert alive == [] and left_over(process) == []


def test_one_interrupt_stops_after_the_stage_two_at_once(whole: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", tmp_path / "cache"
    process = start_run(folder, cache)
    begun(process, folder)
    before = {name for name in files(folder) if name.startswith("seed-")}
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "run the same command again" in err
    assert "stopping: what is recorded is kept" in out
    assert left_over(process) == []
    assert not list(folder.rglob(".*.tmp")) and files(folder) >= before
    selected = set(folder.glob("seed-*/*/round-001/rows.parquet"))
    process = start_run(folder, cache)
    wait_until(process, lambda: set(folder.glob("seed-*/*/round-001/rows.parquet")) - selected)
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)
    began = time.monotonic()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    # The stage may be over in the fifth of a second, and the second one end what ends already.
    assert process.returncode in (130, -signal.SIGINT) and time.monotonic() - began < 30
    assert left_over(process) == []
    resumes(folder, whole, cache)
