"""A program that gets no core for a while is not out of time: `rlvr/sandbox/waits.py` and its uses.

Beside two vLLM engines, each on a core of its own, a thread was seen to wait for four seconds at a
stretch. Here such a wait is made: by a thread that gets a core only when no other wants it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from rlvr.sandbox.outside import ProgramError, Sandbox
from rlvr.sandbox.plain import pack, unpack
from rlvr.sandbox.waits import Waits
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

CORE = max(os.sched_getaffinity(0))


@contextmanager
def starved(pid: int, seconds: float, alone: bool = False) -> Iterator[None]:
    """Keep a process from its core for about so long, as other programs want it all that time.

    `alone`: whether it is of another session than the tests.
    """
    loop = f"import os; os.sched_setaffinity(0, {{{CORE}}}); print(1, flush=True)\nwhile True: pass"
    command = [sys.executable, "-c", loop]
    busy = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    for one in busy:
        assert one.stdout is not None and one.stdout.readline() == b"1\n"
    os.sched_setaffinity(pid, {CORE})
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    group = Path(f"/proc/{pid}/autogroup")
    if alone and group.exists():  # a session of its own has a share of its own
        with suppress(PermissionError):
            group.write_text("19")

    def end() -> None:
        for one in busy:
            one.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        end()
        for one in busy:
            one.communicate()


def booked(thread: Path) -> tuple[float, float]:
    """Return the seconds for which a thread ran, and for which the kernel says that it waited."""
    ran, waited, _ = map(int, (thread / "schedstat").read_text().split())
    return ran / 1e9, waited / 1e9


def test_a_wait_counts_while_it_lasts() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as loop:
        try:
            (thread,) = Path(f"/proc/{loop.pid}/task").iterdir()
            waits = Waits()
            with starved(loop.pid, 60):
                time.sleep(0.5)
                before, (ran, _) = waits.of([thread])[thread], booked(thread)
                begun = now = time.monotonic()
                ahead = 0.0
                while now - begun < 4:
                    time.sleep(0.1)
                    now = time.monotonic()
                    found, (ran_now, ended) = waits.of([thread])[thread], booked(thread)
                    ahead = max(ahead, found - ended)
                # A wait that had begun before the first look is known when it ends.
                assert found - before + ran_now - ran > 0.9 * (now - begun) - 0.3
            if ahead < 0.3:
                pytest.skip("no wait lasted")
        finally:
            loop.kill()


def test_one_that_sleeps_does_not_wait() -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            (thread,) = Path(f"/proc/{sleeper.pid}/task").iterdir()
            waits = Waits()
            time.sleep(0.3)
            before = waits.of([thread])[thread]
            time.sleep(1.0)
            assert waits.of([thread])[thread] - before < 0.2
        finally:
            sleeper.kill()
    assert waits.of([thread]) == {}, "it has ended"


def test_a_program_without_a_core_is_in_time() -> None:
    source = "def solve(x):\n    return sum(range(1_500_000)) + x\n"
    with Sandbox() as box, box.candidate(source, 0.2) as program, starved(program.pid, 3.0, True):
        begun = time.monotonic()
        reply = program.call("solve", pack([1]), pack({}))
        seconds = time.monotonic() - begun
    assert unpack(reply["value"]) == sum(range(1_500_000)) + 1
    if seconds < 0.3:
        pytest.skip("it had its core")


def test_a_verifier_without_a_core_is_in_time(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import os\n"
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        "    sum(range(3_000_000))\n"
        "    return Verdict('correct', str(os.getpid()))\n"
        "CASES = [('ok', 'ok', 'correct')]\n"
    )
    item = (case_problem("ok"), "ok")
    with VerifierPool(str(path), workers=1, timeout=0.5) as pool:
        (first,) = pool.verify([item])
        with starved(int(first.reason), 3.0):
            begun = time.monotonic()
            (verdict,) = pool.verify([item])
            seconds = time.monotonic() - begun
    assert (verdict.status, verdict.reason) == ("correct", first.reason)
    if seconds < 0.6:
        pytest.skip("it had its core")


def test_one_that_has_ended_was_in_time() -> None:
    """The checker ends with its last answer; how long it had to wait can't be read any more."""
    with Sandbox() as box, box.candidate("def solve(x):\n    return x\n", 0.5) as program:
        os.kill(program.pid, signal.SIGKILL)
        while Path(f"/proc/{program.pid}").exists():
            time.sleep(0.01)
        program._spent, program._began = 3.0, time.monotonic()
        program._in_time()


def test_a_kernel_that_books_no_waits_still_ends_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Waits, "of", lambda self, threads: {})
    source = "import time\ndef solve(x):\n    time.sleep(30)\n"
    with Sandbox() as box, box.candidate(source, 0.5) as program:
        with pytest.raises(ProgramError, match="ran out of time"):
            program.call("solve", pack([1]), pack({}))
