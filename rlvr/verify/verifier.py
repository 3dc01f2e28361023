"""Verifier: loads a verifier by name, with its function, its version and its own cases."""

from __future__ import annotations

import ast
import hashlib
import inspect
import random
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from rlvr.data import InputError, Problem, Status, Verdict
from rlvr.verify import plugins

NO_ANSWER = "no answer"
"""The reason of a `wrong` verdict on a completion in which no final answer was found."""

LUCKY = "right answer by luck"
"""The reason of a `wrong` verdict begins so if the answer is right but its work is not."""

Verify = Callable[..., Verdict]
Case = tuple[Any, str, Status]


@dataclass(frozen=True)
class LoadedVerifier:
    """A verifier, ready to call.

    `files`: the files on which its verdicts depend: its own, ours that they import, and the data
    that its module names (FILES). `version`: a short sha256 of these files. `argument`: the part of
    its name after the colon, "" if there is none. `behind`: the module that `prepare` returned.
    """

    name: str
    verify: Verify
    version: str
    module: ModuleType
    argument: str = ""
    behind: ModuleType | None = None
    files: tuple[str, ...] = ()

    @property
    def cases(self) -> tuple[Case, ...]:
        """The module's CASES; for a name with an argument, those of its `cases(argument)`."""
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
        """Whether completions reach an evaluator from elsewhere: the workers need a sandbox."""
        return bool(vars(self.module).get("ISOLATE", False))

    @property
    def own_deadline(self) -> bool:
        """Whether the verifier itself ends every item in time, so that the pool need not."""
        return vars(self.module).get("DEADLINE") == "own"

    @property
    def whole_line(self) -> bool:
        """Whether its reference in a JSONL file is the whole line, and not the line's `answer`."""
        return bool(vars(self.module).get("WHOLE_LINE", False))


def load_verifier(name: str) -> LoadedVerifier:
    """Load a verifier: a file name in `verifiers/`, `path/to/file.py:function`, or an entry point.

    `NAME:ARGUMENT` also sets the option that the plugin's module calls ARGUMENT. A plugin's
    `prepare(argument)` is called once, here. It imports slow modules, refuses what does not exist,
    and returns the module on which verdicts depend; the source of that module is then part of the
    version.

    Raises InputError if there is no verifier of that name. An import error inside a plugin
    propagates unchanged.
    """
    verify, module, argument = plugins.load_named("verifier", name, "verify")
    behind = vars(module)["prepare"](argument) if "prepare" in vars(module) else None
    files = (*_sources(module, behind), *files_of(module, name).values())
    return LoadedVerifier(name, verify, _version(files), module, argument, behind, files)


def check_options(verifier: LoadedVerifier, options: Mapping[str, Any]) -> None:
    """Raise InputError for an option that the verifier lacks, or for a wrong type.

    A module's own `refuse(argument, options)` may refuse more.
    """
    taken = inspect.signature(verifier.verify).parameters.values()
    first = [one.name for one in taken if one.kind <= one.POSITIONAL_OR_KEYWORD][:2]
    if len(first) < 2 or first[0] == "completion":
        raise InputError(
            f"verifier {verifier.name!r}: it takes ({', '.join(first)}): write "
            "def verify(problem, completion, ...)"
        )
    given = [vars(verifier.module)["ARGUMENT"]] if verifier.argument else []
    plugins.check_options("verifier", verifier.name, verifier.verify, options, first + given)
    if "refuse" in vars(verifier.module):
        vars(verifier.module)["refuse"](verifier.argument, options)


def with_timeout(
    verifier: LoadedVerifier, options: Mapping[str, Any], timeout: float | None
) -> dict[str, Any]:
    """Return the options; a verifier with a deadline of its own also gets the timeout.

    An option `timeout` among the options takes precedence. None leaves the verifier's default.
    """
    takes = verifier.own_deadline and "timeout" in inspect.signature(verifier.verify).parameters
    return {"timeout": timeout, **options} if takes and timeout is not None else dict(options)


# --- the version -----------------------------------------------------------------------------

_PLUMBING = {"rlvr", "rlvr.data", "rlvr.verify", "rlvr.verify.plugins", "rlvr.verify.verifier"}


def _version(files: Iterable[str]) -> str:
    """Hash the files; their folders and their order do not matter."""
    digests = sorted(hashlib.sha256(Path(file).read_bytes()).digest() for file in files)
    return hashlib.sha256(b"".join(digests)).hexdigest()[:12]


def _sources(module: ModuleType, behind: ModuleType | None) -> tuple[str, ...]:
    """Return the files that verdicts depend on: see `modules_of`."""
    return tuple(sorted(modules_of(module, behind).values()))


def files_of(module: ModuleType, name: str) -> dict[str, str]:
    """Return the data files that a verifier's module names (FILES), by their names there.

    Their paths begin beside the module. Raises InputError where one is missing.
    """
    found = {}
    for file in vars(module).get("FILES", ()):
        path = Path(str(module.__file__)).parent / file
        if not path.is_file():
            raise InputError(f"verifier {name!r}: FILES: no such file {path}: check its name")
        found[str(file)] = str(path)
    return found


def modules_of(
    module: ModuleType, behind: ModuleType | None = None, shared: str = "rlvr"
) -> dict[str, str]:
    """Return the modules that a plugin's results depend on, with their files: its own and ours.

    Ours are those of the package `shared`, those of the plugin's own package and, if the plugin is
    a file, the modules beside it. Imports are read from the source, also within functions. Nothing
    is imported for this, so the answer is the same in every process.
    """
    found: dict[str, str] = {}
    own = module.__name__.partition(".")[0]
    ours = {shared} if own == "rlvr" else {shared, own}
    todo = [(one.__name__, one.__package__ or "", str(one.__file__)) for one in (module, behind)
            if one is not None]  # fmt: skip
    beside = {Path(file).parent for name, _, file in todo if name.startswith("rlvr_plugin_")}
    while todo:
        name, package, file = todo.pop()
        if name in found or name in _PLUMBING:
            continue
        found[name] = file
        for imported in imported_by(package, file):
            spec = None if imported in found else _spec(imported)
            if spec is None or not spec.has_location or spec.origin is None:
                continue
            within = any(f"{imported}.".startswith(f"{one}.") for one in ours)
            apart = not imported.startswith("rlvr.") and _lies_in(spec.origin, beside)
            if within or apart:
                todo.append((imported, spec.parent or "", spec.origin))
    return found


def imported_by(package: str, file: str) -> frozenset[str]:
    """Return the full names that a file of a package may import, and the package itself.

    `from a.b import c` gives `a`, `a.b` and `a.b.c`, although `a.b.c` may be no module.
    """
    return _imports(package, Path(file).read_bytes())


@cache
def _imports(package: str, source: bytes) -> frozenset[str]:
    """Return the same from a file's content; it is cached, because many verifiers share files."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()  # an extension module, or a file that can't be imported either
    names = {package} if package else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *(node.module or "").split(".")]).strip(".")
            names |= {f"{base}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names]
    return frozenset(".".join(part[:end]) for part in parts for end in range(1, len(part) + 1))


def _spec(name: str) -> ModuleSpec | None:
    """Find a module without importing it or the packages in which it lies."""
    if name.partition(".")[0] in sys.stdlib_module_names:
        return None
    within, _, _ = name.rpartition(".")
    path = None
    if within:
        package = _spec(within)
        if package is None or package.submodule_search_locations is None:
            return None
        path = package.submodule_search_locations
    found = (finder.find_spec(name, path) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _lies_in(file: str, folders: Iterable[Path]) -> bool:
    path = Path(file)
    return "site-packages" not in path.parts and any(map(path.is_relative_to, folders))


def case_problem(reference: Any) -> Problem:
    """Return a problem that has only a reference, to run a verifier's case."""
    return Problem("case", "case", "eval", "", "", reference)


_NUMBER = re.compile(r"[0-9][0-9.,]*")


def near_miss(answer: str, rng: random.Random, others: Iterable[str] = ()) -> str:
    """Return a wrong answer that looks like a right one.

    The last number gets another first digit. If the answer has no number, it is one of the others
    that differs, and if none differs, the answer without its last character.
    """
    numbers = list(_NUMBER.finditer(answer))
    if numbers:
        at = numbers[-1].start()
        digit = rng.choice([digit for digit in "0123456789" if digit != answer[at]])
        return answer[:at] + digit + answer[at + 1 :]
    return next((other for other in others if other != answer), answer[:-1])
