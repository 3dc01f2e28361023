"""Two hundred rounds of one run: memory and descriptors stay flat, the disk as its policy says."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import psutil
import pytest
from support.runs import finish, kill_group, left_over, start_run

ROUNDS = 200
SMALL = [
    *("seeds=[7]", "arms=[verified]", f"rounds={ROUNDS}", "evaluate.off_target=[]"),
    *("task={name: addition, digits: 3, reverse: true}", "generate.prompts=16"),
    *("generate.samples=2", "generate.max_tokens=5", "train.steps=1", "evaluate.problems=4"),
]


def held(process: psutil.Process) -> tuple[int, int]:
    """Return the bytes and the descriptors of a process and its children, shared pages once."""
    memory = descriptors = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            memory += one.memory_full_info().pss
            descriptors += one.num_fds()
        except psutil.Error:
            continue
    return memory, descriptors


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_rounds(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    rounds = folder / "seed-7" / "verified"
    process = start_run(folder, tmp_path / "cache", *SMALL)
    seen: list[tuple[int, int, int]] = []
    try:
        while process.poll() is None:
            done = len(list(rounds.glob("round-*/metrics.json")))
            seen.append((done, *held(psutil.Process(process.pid))))
            time.sleep(1.0)
    except psutil.NoSuchProcess:
        pass
    finally:
        if process.poll() is None:
            kill_group(process)
    finish(process)
    assert left_over(process) == []
    early = [row for row in seen if 20 <= row[0] < 60]
    late = [row for row in seen if ROUNDS - 40 <= row[0] < ROUNDS]
    assert len(early) > 5 and len(late) > 5
    memory, descriptors = ([statistics.median(row[i] for row in part) for part in (early, late)]
                           for i in (1, 2))  # fmt: skip
    print(f"memory {memory[0] / 1e6:,.0f} to {memory[1] / 1e6:,.0f} MB, descriptors {descriptors}")
    assert memory[1] < 1.05 * memory[0] and descriptors[1] <= descriptors[0] + 2
    models = [path.parent.name for path in rounds.glob("round-*/model")]
    assert models == [f"round-{ROUNDS:03d}"], "the last weights alone are kept"
    sizes = [sum(f.stat().st_size for f in rounds.glob(f"round-{t:03d}/*.*")) for t in (20, 190)]
    assert sizes[1] < 1.1 * sizes[0]
