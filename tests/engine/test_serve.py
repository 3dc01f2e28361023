"""The engine's process: its end, its memory, and its sampler on a CPU with vLLM's very tokens."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from rlvr.engine.devices import on_gpu
from rlvr.engine.serve import SMALL, _draw_in_threads, engine_arguments
from rlvr.models.loading import make_tiny

BUSY = """
import os, sys, time
from pathlib import Path
from rlvr.engine.vllm import VllmEngine
engine = VllmEngine(Path(sys.argv[1]), "float32")
print(engine._children[0].process.pid, flush=True)
time.sleep(100)
"""


def test_an_engine_that_is_at_work_ends_with_the_run(tmp_path: Path) -> None:
    """It starts for many seconds, in which it reads no message."""
    make_tiny("tiny-0.1m", 0, tmp_path)
    run = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    engine = psutil.Process(int(run.stdout.readline()))
    time.sleep(2)  # it has asked the kernel by then
    assert engine.is_running()
    run.kill()
    run.wait()
    psutil.wait_procs([engine], timeout=5)
    # In a container nobody may collect what is left of it.
    assert not engine.is_running() or engine.status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(on_gpu(), reason="on a GPU the cache has a share of the device")
def test_the_cache_does_not_depend_on_what_else_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tiny("tiny-0.1m", 0, tmp_path)
    found = []
    for total, free in ((8 << 30, 8 << 30), (8 << 30, 1 << 20), (1 << 20, 1 << 20)):
        there = SimpleNamespace(total=total, available=free)
        monkeypatch.setattr(psutil, "virtual_memory", lambda there=there: there)
        found.append(engine_arguments(tmp_path, {"dtype": "float32"})["kv_cache_memory_bytes"])
    assert found[0] == found[1] > found[2] == (1 << 20) // 8


@pytest.mark.parametrize("top_p", [None, 0.8])
@pytest.mark.parametrize(("rows", "vocabulary"), [(3, 20), (40, SMALL // 16)])
@pytest.mark.parametrize("unseeded", [0, 1])
def test_the_tokens_are_vllms(
    rows: int, vocabulary: int, top_p: float | None, unseeded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

    theirs = TopKTopPSampler.forward_cpu
    monkeypatch.setattr(TopKTopPSampler, "forward_cpu", theirs)  # put back after the test
    _draw_in_threads()
    sampler = SimpleNamespace(logprobs_mode="raw_logprobs", use_fp64_gumbel=False)
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(1))
    p = None if top_p is None else torch.full((rows,), top_p)

    def drawn(forward: Any) -> list[list[int]]:
        torch.manual_seed(0)
        seeded = range(rows - unseeded)
        generators = {row: torch.Generator().manual_seed(row) for row in seeded}
        with torch.inference_mode():
            return [
                forward(sampler, logits.clone(), generators, None, p)[0].tolist() for _ in range(3)
            ]

    ours = drawn(TopKTopPSampler.forward_cpu)
    assert ours == drawn(theirs)
    assert ours[0] != ours[1]
