"""Verifiers by name: the function, its version, its own cases."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rlvr import plugins
from rlvr.data import Problem, Status, Verdict

NO_ANSWER = "no answer"
"""The reason of a `wrong` verdict on a completion in which no final answer was found."""

LUCKY = "right answer by luck"
"""How the reason of a `wrong` verdict on a right answer begins whose work does not hold."""

Verify = Callable[..., Verdict]
Case = tuple[Any, str, Status]


@dataclass(frozen=True)
class LoadedVerifier:
    """A verifier ready to call.

    `version` is a short sha256 of its source, own helper modules included. `argument` is what its
    name gave after the colon, "" if nothing; `behind` is the module that `prepare` returned.
    """

    name: str
    verify: Verify
    version: str
    module: ModuleType
    argument: str = ""
    behind: ModuleType | None = None

    @property
    def cases(self) -> tuple[Case, ...]:
        """The module's CASES; of a name with an argument, what its `cases(argument)` makes."""
        known = vars(self.module)
        if not self.argument:
            return tuple(known.get("CASES", ()))
        return tuple(known["cases"](self.argument)) if "cases" in known else ()

    @property
    def preload(self) -> tuple[str, ...]:
        """The modules (PRELOAD) that the pool's server imports before it forks workers."""
        return tuple(vars(self.module).get("PRELOAD", ()))

    @property
    def isolate(self) -> bool:
        """Whether completions reach somebody else's evaluator: its workers belong in a sandbox."""
        return bool(vars(self.module).get("ISOLATE", False))

    @property
    def own_deadline(self) -> bool:
        """Whether it ends every item in time by itself, so that the pool need not."""
        return vars(self.module).get("DEADLINE") == "own"

    @property
    def files(self) -> tuple[str, ...]:
        """The source files of the verifier's own, which a sandbox must show."""
        modules = [self.module, *([self.behind] if self.behind else [])]
        return tuple(str(module.__file__) for module in modules)

    @property
    def whole_line(self) -> bool:
        """Whether its reference in a JSONL file is the line itself, and not its `answer`."""
        return bool(vars(self.module).get("WHOLE_LINE", False))


def load_verifier(name: str) -> LoadedVerifier:
    """Load a verifier: a file name in `verifiers/`, `path/to/file.py:function`, or an entry point.

    `NAME:ARGUMENT` gives the plugin's option that its module calls ARGUMENT. A plugin's
    `prepare(argument)` is called once, here: it imports what is slow, refuses what is not there and
    returns the module that verdicts depend on, whose source is then part of the version.

    Raises InputError if there is none of that name. An import error inside a plugin propagates as
    it is.
    """
    verify, module, argument = plugins.load_named("verifier", name, "verify")
    behind = vars(module)["prepare"](argument) if "prepare" in vars(module) else None
    version = _version(module, *([behind] if behind else []))
    return LoadedVerifier(name, verify, version, module, argument, behind)


def check_options(verifier: LoadedVerifier, options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that the verifier has not, or not of that type."""
    first = list(inspect.signature(verifier.verify).parameters)[:2]
    given = [vars(verifier.module)["ARGUMENT"]] if verifier.argument else []
    plugins.check_options("verifier", verifier.name, verifier.verify, options, first + given)


def _version(*modules: ModuleType) -> str:
    """Hash the modules' sources and those of the rlvr modules they import, but data and this."""
    todo = [str(module.__file__) for module in modules]
    digest, seen = hashlib.sha256(), {"rlvr.data", __name__}
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


_NUMBER = re.compile(r"[0-9][0-9.,]*")


def near_miss(answer: str, rng: random.Random, others: Iterable[str] = ()) -> str:
    """Return a wrong answer that looks like a right one.

    The last number gets another first digit. Without a number it is one of the others, if one
    differs, else the answer without its last character.
    """
    numbers = list(_NUMBER.finditer(answer))
    if numbers:
        at = numbers[-1].start()
        digit = rng.choice([digit for digit in "0123456789" if digit != answer[at]])
        return answer[:at] + digit + answer[at + 1 :]
    return next((other for other in others if other != answer), answer[:-1])
