"""Content: what a verifier, a task and their data are, as names with hashes of what they hold.

A run seals them (`rlvr.loop.sealing`): verdicts and problems of another content don't belong into
the same record. Names do not depend on where rlvr is installed: a module's name, a file's path as
the config writes it, a package. What decides nothing has no part in it: an edit to the trainer
leaves every hash as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from rlvr.data import Problem
from rlvr.verify import isolated, plugins, pool
from rlvr.verify.verifier import LoadedVerifier, files_of, imported_by, modules_of

Content = dict[str, str]
"""Names of files, packages and other parts, each with its sha256 or its version."""

_JUDGES = {
    "math-verify": ("latex2sympy2-extended",),
    "latex2sympy2-extended": ("antlr4-python3-runtime", "sympy"),
    "sympy": ("mpmath",),
}
"""Packages that judge maths, each with those that it lets judge."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def of_verifier(verifier: LoadedVerifier, options: Mapping[str, Any]) -> Content:
    """Return what decides a verifier's verdicts: files, packages, the pool, Python, and options.

    Files are its own, those that it imports of rlvr, of its own package or beside it, those that
    its module (FILES) and its options name. Packages are those that these files import.
    """
    files = modules_of(verifier.module, verifier.behind)
    found = _named(verifier.name, files) | _packages(files)
    # The pool says whose fault it is when an item overruns its time, dies or raises.
    found |= {one.__name__: _sum(str(one.__file__)) for one in (pool, isolated)}
    named = files_of(verifier.module, verifier.name)
    found |= {name: _sum(path) for name, path in named.items()}
    found["Python"] = ".".join(platform.python_version_tuple()[:2])
    return found | _options(verifier.name, options) | of_files(options)


def of_task(name: str, options: Mapping[str, Any]) -> Content:
    """Return what a task is: its files (rlvr's other modules are no part of it) and its options."""
    _, module, _ = plugins.load_named("task", name, "problems")
    return _named(name, modules_of(module, shared="rlvr.tasks")) | _options(name, options)


def of_files(options: Mapping[str, Any]) -> Content:
    """Return the files that options name, by their paths as written there."""
    texts = [value for value in options.values() if isinstance(value, str)]
    # A word alone, such as `train`, is no path, whatever lies in the present folder.
    paths = [text for text in texts if re.search(r"[./\\]", text) and Path(text).is_file()]
    return {path: _sum(path) for path in paths}


def of_problems(problems: Iterable[Problem]) -> str:
    """Return the sha256 of problems in order: id, level, prompt, reference, solution, messages."""
    found = hashlib.sha256()
    for one in problems:
        parts = (one.id, one.level, one.prompt, one.reference, one.solution)
        # A problem without messages keeps the hash it had before there were any.
        found.update(_text((*parts, one.messages) if one.messages else parts).encode())
    return found.hexdigest()


def _text(value: Any) -> str:
    """Return plain data as text, the same in every process."""
    try:
        return json.dumps(value, sort_keys=True, default=_plain)
    except TypeError:  # keys that JSON does not have, or can't sort
        return json.dumps(_keyed(value), sort_keys=True, default=_plain)


def _keyed(value: Any) -> Any:
    """Return plain data with texts as keys."""
    if isinstance(value, Mapping):
        return {_text(key): _keyed(item) for key, item in value.items()}
    return [_keyed(item) for item in value] if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    """Return what JSON has no name for in an order, and without an address in memory."""
    if isinstance(value, (set, frozenset)):
        return sorted(map(_text, value))
    return _ADDRESS.sub("", repr(value))


def _named(name: str, files: Mapping[str, str]) -> Content:
    """Return modules by name; those of a plugin that is a file by paths as the config has them."""
    own = [Path(file) for one, file in files.items() if one.startswith("rlvr_plugin_")]
    given = Path(name[: name.find(".py") + len(".py")])
    found = {}
    for one, file in files.items():
        path = Path(os.path.realpath(file))
        beside = own and not one.startswith("rlvr.") and path.is_relative_to(own[0].parent)
        known = str(given.parent / path.relative_to(own[0].parent)) if beside else one
        found[known] = _sum(file)
    return found


def _options(name: str, options: Mapping[str, Any]) -> Content:
    return {f"options of {name}": _text(options)} if options else {}


def _packages(files: Mapping[str, str]) -> Content:
    """Return the versions of the packages that modules import, and of those that judge for them."""
    tops = set()
    for name, file in files.items():
        package = name if Path(file).name == "__init__.py" else name.rpartition(".")[0]
        tops |= {one.partition(".")[0] for one in imported_by(package, file)}
    theirs = sorted(tops - sys.stdlib_module_names - {"rlvr", "__future__"})
    todo = [one for top in theirs for one in _distributions().get(top, ())]
    found: Content = {}
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name not in found and name != "rlvr":
            found[name] = _version(name)
            todo += _JUDGES.get(name, ())
    return found


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


@cache
def _distributions() -> Mapping[str, list[str]]:
    """Return the distributions of each top-level module that is installed."""
    return metadata.packages_distributions()


def _sum(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
