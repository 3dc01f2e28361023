"""The sandbox against every hostile program, and what it leaves behind: nothing."""

from __future__ import annotations

import json
import os
import platform
import random
import re
import resource
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from rlvr.verifiers import code
from support import hostile

from rlvr.data import Verdict
from rlvr.doctor import as_user
from rlvr.sandbox import confine, escapes, inside, outside, recorded
from rlvr.sandbox.outside import ProgramError, Sandbox, SandboxError
from rlvr.sandbox.plain import pack, unpack
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

TIMEOUT = 0.5
NO_ARGUMENTS = {"dict": list[object]()}


def judge(reference: object, program: str) -> Verdict:
    verdict: Verdict = code.verify(case_problem(reference), program, timeout=TIMEOUT)
    return verdict


# As the one who runs the tests, and where that is root as an ordinary user too.
RIGHTS = {"own rights": lambda attempt: attempt()}
if os.geteuid() == 0:
    RIGHTS["a user's rights"] = as_user


def answer(source: str, *arguments: object) -> Any:
    """Return what a program's `solve` returns in a sandbox of its own."""
    with Sandbox() as box, box.candidate(source, 20.0) as program:
        reply = program.call("solve", pack(arguments), NO_ARGUMENTS)
    return unpack(reply["value"]) if "value" in reply else reply


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


ATTEMPTS = Path(escapes.__file__).read_text() + "\nsolve = escapes\n"


@pytest.mark.parametrize("rights", RIGHTS)
def test_no_attempt_works_and_the_host_is_as_before(rights: str) -> None:
    before = host()
    found = json.loads(RIGHTS[rights](lambda: json.dumps(answer(ATTEMPTS, __file__))))
    assert len(found) > 60 and not [what for what, worked in found.items() if worked]
    assert host() == before


TESTS = (
    ATTEMPTS
    + """
import os
found = escapes("/etc/hostname")
found["write to a folder"] = worked(lambda: writes("/tmp/left"))
found["be seen by another"] = len([pid for pid in range(1, 1 << 12) if pid != os.getpid()
                                   and worked(lambda: os.kill(pid, 0))])
raise ValueError(f"{len(found)}: {[what for what, worked in found.items() if worked]}")
"""
)


@pytest.mark.parametrize("rights", RIGHTS)
def test_no_attempt_of_the_tests_works_either(rights: str) -> None:
    """The checker has the server's folders, of which it can write to none."""
    before = host()

    def attempt() -> str:
        message = {"part": "checker", **recorded.ready((TESTS,), ())}
        with Sandbox() as box, box.candidate("def solve(): pass", 20.0), box.checker(20.0) as tests:
            return json.dumps(tests.ask(message))

    found = json.loads(RIGHTS[rights](attempt))["broken"]
    assert re.fullmatch(r"ValueError: [6-9]\d: \[\]", found), found
    assert host() == before


def host() -> dict[str, object]:
    """What a program of today's attempts could have changed, and left."""
    found: dict[str, object] = {"disk reads": Path("/proc/sys/fs/aio-nr").read_text()}
    for path in (*escapes.DEVICES, os.__file__):
        status = os.stat(path)
        found[path] = (status.st_mode, status.st_uid, status.st_gid, status.st_ctime_ns)
    for kind in ("msg", "sem", "shm"):
        found[kind] = Path("/proc/sysvipc", kind).read_text()
    inode = f":{os.stat(os.__file__).st_ino} "
    found["locks"] = [line for line in Path("/proc/locks").open() if inode in line]
    return found


def test_the_attempts_are_real_ones() -> None:
    """What the sandbox refuses works for an ordinary user without one."""

    def bare() -> str:
        return json.dumps({what: escapes.worked(it) for what, it in escapes.HARMLESS.items()})

    found = json.loads(list(RIGHTS.values())[-1](bare))
    assert not [what for what, worked in found.items() if not worked]


WRITING = """
import os
def attempts(path):
    status = os.stat(path)
    yield "mode", lambda: os.chmod(path, status.st_mode & 0o7777)
    yield "owner", lambda: os.chown(path, -1, -1)
    yield "times", lambda: os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    yield "attribute", lambda: os.setxattr(path, "user.rlvr", b"x")
    if os.path.isdir(path):
        yield "new folder", lambda: [os.mkdir(path + "/rlvr-new"), os.rmdir(path + "/rlvr-new")]
    else:
        yield "data", lambda: os.close(os.open(path, os.O_WRONLY))
        yield "removal", lambda: os.rename(path, path + "x")

def solve(paths):
    found = {}
    for path in paths:
        found[path] = []
        for what, attempt in attempts(path):
            try:
                attempt()
                found[path].append(what)
            except OSError:
                pass
    return found
"""


@pytest.mark.parametrize("rights", RIGHTS)
def test_every_mount_and_what_may_be_written_through_it(rights: str) -> None:
    def attempt() -> str:
        with Sandbox() as box, box.candidate(WRITING, 20.0) as program:
            # 4 is the mount point, 5 its options, and after the dash the kind of file system
            lines = Path(f"/proc/{program.pid}/mountinfo").read_text().splitlines()
            paths = [line.split()[4] for line in lines]
            reply = program.call("solve", pack([paths]), NO_ARGUMENTS)
        return json.dumps([lines, unpack(reply["value"])])

    lines, written = json.loads(RIGHTS[rights](attempt))
    options = {line.split()[4]: set(line.split()[5].split(",")) for line in lines}
    assert len(options) == len(lines) > 10
    assert {"rw", "nosuid", "nodev", "noexec"} <= options.pop("/tmp")
    assert all({"ro", "nosuid"} <= found for found in options.values()), options
    devices = {path for path, found in options.items() if "nodev" not in found}
    assert devices == set(escapes.DEVICES)
    assert set(written.pop("/tmp")) >= {"mode", "times", "new folder"}
    # A device takes what is written to it, as from any user, and nothing else of it changes.
    assert {path: what for path, what in written.items() if what} == {
        path: ["data"] for path in escapes.DEVICES
    }


@pytest.mark.parametrize("rights", RIGHTS)
def test_a_program_is_nobody_outside_too(rights: str) -> None:
    """Root owns the host's files and devices, and no limit of threads holds for it."""

    def attempt() -> str:
        with Sandbox() as box, box.candidate("def solve(): pass", TIMEOUT) as program:
            return Path(f"/proc/{program.pid}/status").read_text()

    found = dict(line.split(":\t", 1) for line in RIGHTS[rights](attempt).splitlines())
    wanted = str(os.geteuid() or outside.NOBODY)
    assert found["Uid"].split() == found["Gid"].split() == [wanted] * 4
    assert not found["Groups"].strip() or os.geteuid() != 0
    assert {int(found[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")


THREADS = """
import threading, time
def solve():
    threading.stack_size(1 << 16)
    count = 1
    try:
        while count < 1000:
            threading.Thread(target=time.sleep, args=(10,), daemon=True).start()
            count += 1
    except RuntimeError:
        pass
    return count
"""


@pytest.mark.parametrize("rights", RIGHTS)
def test_threads_are_counted(rights: str) -> None:
    count = int(RIGHTS[rights](lambda: str(answer(THREADS))))
    assert 32 <= count <= outside.Limits().threads


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's sandbox can be looked at from outside")
def test_a_crash_is_not_dumped() -> None:
    """RLIMIT_CORE is not looked at where core_pattern is a pipe; to root such a process belongs."""

    def owner() -> str:
        with Sandbox() as box, box.candidate("def solve(): pass", TIMEOUT) as program:
            return str(os.stat(f"/proc/{program.pid}/status").st_uid)

    assert as_user(owner) == "0"


HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


@pytest.mark.parametrize("machine", HEADERS)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip("no headers of the kernel here (package linux-libc-dev)")
    text = HEADERS[machine].read_text().replace("__NR3264_fstatat", "__NR_newfstatat")
    known = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text))
    column = confine.ARCHITECTURES[machine][1]
    for name, numbers in (confine.CALLS | confine.CONFINING).items():
        if name in known or name != "fchmodat2":  # newer than some headers
            assert str(numbers[column]) == known.get(name, "None"), name


def filtered(bpf: bytes, call: int, arguments: tuple[int, ...]) -> int:
    """Run a filter as the kernel does, on a call of x86-64; return its answer."""
    data = struct.pack("<IIQ6Q", call, 0xC000003E, 0, *arguments)
    held, at = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", bpf, 8 * at)
        at += 1
        if code == 0x20:
            held = struct.unpack_from("<I", data, value)[0]
        elif code == 0x54:
            held &= value
        elif code == 0x06:
            return int(value)
        else:
            at += yes if (held == value if code == 0x15 else held > value) else no


def test_two_filters_let_through_what_one_of_all_rules_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    one = confine.system_call_filter(inside.ALLOWED, inside.REFUSED)
    server, program = inside.filters()
    assert one and server and program
    assert not inside.ALLOWED.keys() & confine.CONFINING.keys()
    flags = [1 << bit for bit in range(64)]
    flags += [flag | 0x10000 for flag in flags] + [0x3D0F00, 0x3D0F00 | 0x10000000, *range(48)]
    given = [tuple(value if at == position else 0 for at in range(6))
             for position in range(6) for value in flags]  # fmt: skip
    looked_at = {confine.CALLS[name][0] for name, rule in inside.ALLOWED.items()
                 if isinstance(rule, confine.Only)}  # fmt: skip
    allowed = set()
    for call in (*range(600), 1 << 30, (1 << 30) + 56, (1 << 32) - 1):
        for arguments in given if call in looked_at else given[::200]:
            answers = [filtered(bpf, call, arguments) for bpf in (one, server, program)]
            passes, *both = (answer == 0x7FFF0000 for answer in answers)
            assert passes == all(both), (call, arguments)
            allowed |= {call} if passes else set()
    assert {0, 1, 3, 56} <= allowed and not {47, 57, 101, 165, 272, 308, 434} & allowed


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
    monkeypatch.setattr(outside, "bubblewrap", lambda: "/bin/false")
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
