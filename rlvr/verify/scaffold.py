"""Scaffold: `rlvr new verifier NAME` writes one file, which is a working verifier."""

from __future__ import annotations

import keyword
from pathlib import Path

from rlvr.data import InputError
from rlvr.records.record import write_text

VERIFIER = '''"""The last word of the completion is the answer."""

from rlvr.data import Problem, Verdict


def verify(problem: Problem, completion: str) -> Verdict:
    """Compare the last word with the reference."""
    words = completion.split()
    if not words:
        return Verdict("wrong", "no answer")
    same = words[-1] == str(problem.reference)
    return Verdict("correct" if same else "wrong", extracted=words[-1])


CASES = [("7", "it is 7", "correct"), ("7", "it is 71", "wrong"), ("7", "", "wrong")]
'''


def new_verifier(name: str, folder: Path) -> Path:
    """Write NAME.py into `folder`; return its path, which is also the verifier's name.

    Raises InputError if NAME can't name a Python module, if the folder does not exist, or if the
    file exists already.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"new verifier: {name!r} can't name a Python file: letters, digits and _, and no digit "
            "first"
        )
    if not folder.is_dir():
        raise InputError(f"new verifier: no such folder {folder}: make it, or name another")
    path = folder / f"{name}.py"
    if path.exists():
        raise InputError(f"new verifier: {path} is there already: choose another name")
    write_text(path, VERIFIER)
    return path
