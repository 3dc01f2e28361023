"""The sandbox against every hostile program, and what it leaves behind: nothing."""

from __future__ import annotations

import os
import random
import resource
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hostile
import psutil
import pytest
from rlvr.verifiers import code

from rlvr import sandbox
from rlvr.data import Verdict
from rlvr.pool import VerifierPool
from rlvr.sandbox import ProgramError, Sandbox, SandboxError
from rlvr.verify import case_problem

TIMEOUT = 0.5
NO_ARGUMENTS = {"dict": list[object]()}


def judge(reference: object, program: str) -> Verdict:
    verdict: Verdict = code.verify(case_problem(reference), program, timeout=TIMEOUT)
    return verdict


def processes() -> int:
    return len(psutil.Process().children(recursive=True))


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def held() -> tuple[int, int, int]:
    """Processes, descriptors and mounts."""
    return processes(), descriptors(), len(Path("/proc/mounts").read_text().splitlines())


def settles(wanted: tuple[int, int, int]) -> bool:
    """Whether it comes to that within seconds: an ended process is reaped a moment later."""
    deadline = time.monotonic() + 5
    while held() != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    return held() == wanted


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    assert judge(hostile.EXAMPLES, hostile.RIGHT).status == "correct"
    yield
    code._close_sandbox()


@pytest.mark.parametrize("name", [*hostile.HOSTILE, *hostile.HONEST])
def test_a_hostile_program_gains_nothing_and_leaves_nothing(name: str) -> None:
    program = {**hostile.HOSTILE, **hostile.HONEST}[name]
    wanted = "correct" if name in hostile.HONEST else "wrong"
    before = held()
    forging = name not in hostile.EXHAUSTING
    for reference in (hostile.EXAMPLES, hostile.HUMANEVAL) if forging else (hostile.EXAMPLES,):
        began = time.monotonic()
        verdict = judge(reference, program)
        assert verdict.status == wanted, verdict
        # The limit and a second, with room for what else this machine is doing.
        assert time.monotonic() - began < TIMEOUT + 5
        assert "escaped" not in verdict.reason
        assert judge(reference, hostile.RIGHT).status == "correct"
    assert settles(before), (before, held())
    assert not Path("/owned").exists() and not Path("/tmp/left").exists()


@pytest.mark.parametrize("name", hostile.ESCAPING)
def test_an_escape_fails_in_the_sandbox_itself(name: str) -> None:
    with Sandbox() as box, box.candidate(hostile.ESCAPING[name], TIMEOUT) as program:
        try:
            reply = program.call("solve", [[1]], NO_ARGUMENTS)
        except ProgramError:
            return
    assert "escaped" not in str(reply)
    secrets = ("root:x:", "PATH", "SHELL", "HOME", str(Path.home()), "BufferedReader")
    assert not any(secret in str(reply.get("value")) for secret in secrets), reply


def test_a_killed_owner_leaves_no_process() -> None:
    pid = os.fork()
    if pid == 0:
        box = Sandbox()
        program = box.candidate("def solve(): pass\n", TIMEOUT)
        time.sleep(60)
        os._exit(program.pid and 1)
    owner = psutil.Process(pid)
    deadline = time.monotonic() + 30
    while len(owner.children(recursive=True)) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    tree = owner.children(recursive=True)
    assert len(tree) >= 4  # bubblewrap twice, the server, a program
    owner.kill()
    os.waitpid(pid, 0)
    gone, alive = psutil.wait_procs(tree, timeout=10)
    assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]


def test_without_bubblewrap_there_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    code._close_sandbox()
    monkeypatch.setattr(sandbox, "bubblewrap", lambda: "/bin/false")
    with pytest.raises(SandboxError, match="does not start"):
        judge(hostile.EXAMPLES, hostile.RIGHT)


def test_descriptors_beyond_those_that_select_takes() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2048:
        pytest.skip(f"the hard limit of descriptors here is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2048, hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        code._close_sandbox()
        assert judge(hostile.EXAMPLES, hostile.RIGHT).status == "correct"
        assert judge(hostile.EXAMPLES, hostile.FORGING["_exit at import"]).status == "wrong"
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_sandbox_that_died_is_replaced() -> None:
    assert judge(hostile.EXAMPLES, hostile.RIGHT).status == "correct"
    code._close_sandbox()
    with VerifierPool("code", {"timeout": TIMEOUT}, workers=1) as pool:
        items = [(case_problem(hostile.EXAMPLES), hostile.RIGHT)] * 6
        first = next(verdicts := pool.verify(items))
        for process in psutil.Process(pool._workers[0].pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        assert {verdict.status for verdict in (first, *verdicts)} == {"correct"}


@pytest.mark.slow
def test_a_thousand_programs_interleaved() -> None:
    """No wrong verdict, no leftover process, no growth of memory or descriptors."""
    rng = random.Random(0)
    programs = {**hostile.HOSTILE, **hostile.HONEST}
    names = [rng.choice(["", rng.choice(list(programs))]) for _ in range(1000)]
    before = processes()
    with VerifierPool("code", {"timeout": TIMEOUT}) as pool:
        marks: list[tuple[int, int]] = []
        items = (
            (case_problem(rng.choice([hostile.EXAMPLES, hostile.HUMANEVAL])),
             programs.get(name, hostile.RIGHT))
            for name in names
        )  # fmt: skip
        for number, (name, verdict) in enumerate(zip(names, pool.verify(items), strict=True)):
            right = name == "" or name in hostile.HONEST
            assert verdict.status == ("correct" if right else "wrong"), (name, verdict)
            if number in (200, 999):
                tree = [psutil.Process(), *psutil.Process().children(recursive=True)]
                marks.append((sum(_private(process) for process in tree), descriptors()))
    (memory, fds), (memory_after, fds_after) = marks
    assert memory_after < memory + 60 * 2**20 and fds_after <= fds
    assert processes() <= before


def _private(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0
