"""A machine that slept while a completion was judged: the time counts for nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rlvr.verify import slept

# Half a second of work, under a limit of one.
PLUGIN = """import pathlib, time
from rlvr.data import Verdict

def verify(problem, completion):
    pathlib.Path(completion).touch()
    time.sleep(0.5)
    return Verdict("correct", extracted=completion)
"""
SCRIPT = """import json, sys
from rlvr.verify import slept
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem
slept.TICK, slept.JUMP = 0.1, float(sys.argv[3])
with VerifierPool(sys.argv[1], {}, workers=1, timeout=1.0) as pool:
    (verdict,) = pool.verify([(case_problem("7"), sys.argv[2])])
print(json.dumps([verdict.status, verdict.reason, verdict.seconds]))
"""


def judged_while_all_stand_still(folder: Path, jump: float) -> tuple[str, str, float]:
    """Stop the pool and its processes for 3 s while they judge; return the verdict."""
    (folder / "slow.py").write_text(PLUGIN)
    begun = folder / "begun"
    command = [sys.executable, "-c", SCRIPT, str(folder / "slow.py"), str(begun), str(jump)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < end and process.poll() is None
        time.sleep(0.01)
    everyone = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for one in everyone:
        os.kill(one.pid, signal.SIGSTOP)
    time.sleep(3.0)
    for one in reversed(everyone):
        os.kill(one.pid, signal.SIGCONT)
    out, _ = process.communicate(timeout=60)
    status, reason, seconds = json.loads(out)
    return status, reason, seconds


def test_what_was_judged_meanwhile_is_judged_again(tmp_path: Path) -> None:
    status, reason, seconds = judged_while_all_stand_still(tmp_path, 1.5)
    assert (status, reason) == ("correct", "") and seconds < 1.0


def test_without_a_look_at_the_clock_the_time_would_count(tmp_path: Path) -> None:
    assert judged_while_all_stand_still(tmp_path, 1e9)[2] > 2.5


def test_a_pause_is_seen_before_the_thread_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    slept.watch()
    monkeypatch.setitem(slept._state, "ended", -1.0)  # the thread may see the leap too
    moment = time.monotonic()
    assert not slept.slept_since(moment)
    monkeypatch.setattr(time, "monotonic", lambda: moment + 100.0)
    assert slept.slept_since(moment)
