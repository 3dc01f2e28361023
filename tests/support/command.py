"""The command, called in the process of the test (fixture `call` in conftest.py) or by a shell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

# (exit code, stdout, stderr)
Call = Callable[..., tuple[int, str, str]]


def assert_refused(call: Call, words: list[str], *arguments: object) -> str:
    """The command must exit 2 with one line that has all of the words, and write nothing."""
    before = {path for path in Path.cwd().parent.rglob("*")}
    code, out, err = call(*arguments)
    assert code == 2, (code, out, err)
    assert err.startswith("rlvr: ") and err.count("\n") == 1 and err.endswith("\n"), err
    for word in words:
        assert word in err, f"no {word!r} in: {err}"
    assert out == ""
    assert {path for path in Path.cwd().parent.rglob("*")} == before, "something was written"
    return err


def shell(command: str, folder: Path) -> tuple[int, list[str]]:
    """Run `rlvr` as a shell does; return its exit code and the lines on both outputs."""
    ran = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m rlvr.cli {command}"],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
    )
    assert "Traceback" not in ran.stdout + ran.stderr, ran.stderr
    return ran.returncode, (ran.stdout + ran.stderr).splitlines()
