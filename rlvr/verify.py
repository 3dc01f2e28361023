"""Verifiers by name: the function, its version, its own cases."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rlvr.data import Problem, Status, Verdict
from rlvr.plugins import load_plugin

NO_ANSWER = "no answer"
"""The reason of a `wrong` verdict on a completion in which no final answer was found."""

Verify = Callable[..., Verdict]
Case = tuple[Any, str, Status]


@dataclass(frozen=True)
class LoadedVerifier:
    """A verifier ready to call.

    `version` is a short sha256 of its source, own helper modules included.
    """

    name: str
    verify: Verify
    version: str
    cases: tuple[Case, ...]
    preload: tuple[str, ...] = ()


def load_verifier(name: str) -> LoadedVerifier:
    """Load a verifier: a file name in `verifiers/`, `path/to/file.py:function`, or an entry point.

    Raises InputError if there is none of that name. An import error inside a plugin propagates as
    it is.
    """
    verify, module = load_plugin("verifier", name, "verify")
    cases = tuple(vars(module).get("CASES", ()))
    preload = tuple(vars(module).get("PRELOAD", ()))
    return LoadedVerifier(name, verify, _version(module), cases, preload)


def _version(module: ModuleType) -> str:
    """Hash the module's source and those of the rlvr modules it imports, but data and this one."""
    digest, todo, seen = hashlib.sha256(), [str(module.__file__)], {"rlvr.data", __name__}
    while todo:
        source = Path(todo.pop()).read_bytes()
        digest.update(source)
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rlvr."):
                found = None if node.module in seen else importlib.util.find_spec(str(node.module))
                seen.add(str(node.module))
                todo += [found.origin] if found and found.origin else []
    return digest.hexdigest()[:12]


def case_problem(reference: Any) -> Problem:
    """Return a problem that has nothing but its reference, to run a verifier's case."""
    return Problem("case", "case", "eval", "", "", reference)
