"""Plugins: finds verifiers and tasks by name. A plugin is a function in a module.

Its name is a file name in the project's folder (`math`), or a path (`path/to/file.py` or
`path/to/file.py:function`), or an entry point in the group `rlvr.verifiers` or `rlvr.tasks` of an
installed package.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_type_hints

from pydantic import TypeAdapter, ValidationError

from rlvr.data import InputError, nearest

Kind = Literal["verifier", "task"]


def load_plugin(kind: Kind, name: str, function: str) -> tuple[Callable[..., Any], ModuleType]:
    """Return the plugin's function and its module.

    The function is called `function`, unless `name` gives another one. Raises InputError if there
    is no plugin of that name. An error inside the plugin's own import propagates unchanged.
    """
    group = f"rlvr.{kind}s"
    if name.partition(":")[0].endswith(".py"):
        module = load_module(kind, name)
        return _function(kind, name, module, name.partition(".py:")[2] or function), module
    if name.isidentifier() and importlib.util.find_spec(f"{group}.{name}") is not None:
        module = importlib.import_module(f"{group}.{name}")
        return _function(kind, name, module, function), module
    for point in importlib.metadata.entry_points(group=group, name=name):
        module = importlib.import_module(point.module)
        return _function(kind, name, module, point.attr or function), module
    known = available(kind)
    raise InputError(
        f"unknown {kind} {name!r}{nearest(name, known)} "
        f"(known: {', '.join(known)}; or give path/to/file.py:{function})"
    )


def load_named(kind: Kind, name: str, function: str) -> tuple[Callable[..., Any], ModuleType, str]:
    """Return function, module and argument of a plugin whose name may be `NAME:ARGUMENT`.

    The argument is "" if there is none. The function gets it as the option that the module's own
    ARGUMENT names. Raises what `load_plugin` raises, and InputError for an argument to a plugin
    that takes none.
    """
    head, colon, argument = name.partition(":")
    if head.endswith(".py"):  # what follows its colon is the function
        head, colon, argument = name, "", ""
    found, module = load_plugin(kind, head, function)
    if colon:
        option = vars(module).get("ARGUMENT")
        if option is None or not argument:
            fix = "leave out the colon" if option is None else f"write {head}:{option.upper()}"
            raise InputError(f"{kind} {name!r}: {head} has no argument {argument!r}: {fix}")
        found = partial(found, **{option: argument})
    return found, module, argument


def _function(kind: Kind, name: str, module: ModuleType, function: str) -> Callable[..., Any]:
    found: Callable[..., Any] | None = vars(module).get(function)
    if found is None or not callable(found):
        raise InputError(
            f"{kind} {name!r}: {module.__file__} has no function {function!r}: define it"
        )
    if not inspect.isroutine(found) and not isinstance(found, partial):
        raise InputError(
            f"{kind} {name!r}: {function} in {module.__file__} is no function but "
            f"{'a class' if inspect.isclass(found) else f'a {type(found).__name__}'}: write "
            f"def {function}(...), with what it needs as options"
        )
    return found


def check_options(
    kind: Kind,
    name: str,
    function: Callable[..., Any],
    options: Mapping[str, Any],
    reserved: Collection[str],
) -> None:
    """Raise InputError for an option that the plugin's function lacks, or for a wrong type.

    `reserved` are the parameters that are not options.
    """
    parameters = inspect.signature(function).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    known = [option for option in parameters if option not in reserved]
    try:
        hints = get_type_hints(function.func if isinstance(function, partial) else function)
    except NameError:
        hints = {}  # only a type checker can resolve these annotations
    for option, value in options.items():
        if option not in known and not takes_any:
            raise InputError(
                f"{kind}.{option}: {name} has no such option{nearest(option, known)} "
                f"(options: {', '.join(known) or 'none'})"
            )
        if option in hints:
            try:
                TypeAdapter(hints[option]).validate_python(value)
            except ValidationError as failure:
                why = failure.errors()[0]["msg"]
                raise InputError(f"{kind}.{option}: {why} (given: {value!r})") from failure


def available(kind: Kind) -> dict[str, str]:
    """Return name -> first line of the docstring, sorted by name, without importing a plugin."""
    group = f"rlvr.{kind}s"
    found = {
        path.stem: _headline(path)
        for folder in importlib.import_module(group).__path__
        for path in Path(folder).glob("[!_]*.py")
    }
    for point in importlib.metadata.entry_points(group=group):
        found.setdefault(point.name, f"entry point {point.value}")
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Described:
    """What a plugin says about itself: its file, its docstring, each option with its default."""

    kind: Kind
    path: str
    text: str
    options: tuple[str, ...]


# The function of each kind of plugin, and those of its parameters that are not options.
FUNCTIONS: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "verifier": ("verify", ("problem", "completion")),
    "task": ("problems", ("split", "n", "seed", "wanted")),
}


def described(name: str) -> list[Described]:
    """Return what the verifier and the task of that name say about themselves; both may exist.

    Raises InputError if neither exists.
    """
    found = []
    for kind, (function, reserved) in FUNCTIONS.items():
        if name.endswith(".py") and function not in vars(load_module(kind, name)):
            continue
        if not name.endswith(".py") and name not in available(kind):
            continue
        plugin, module = load_plugin(kind, name, function)
        parameters = inspect.signature(plugin).parameters.values()
        options = tuple(_option(one) for one in parameters if one.name not in reserved)
        found.append(Described(kind, str(module.__file__), inspect.getdoc(module) or "", options))
    if not found:
        known = [*available("verifier"), *available("task")]
        raise InputError(
            f"{name!r} is no verifier and no task{nearest(name, known)} (rlvr list verifiers, "
            "rlvr list tasks; or give path/to/file.py)"
        )
    return found


def _option(parameter: inspect.Parameter) -> str:
    """Return a parameter in the form `name: type = default`."""
    kind, default = parameter.annotation, parameter.default
    said = parameter.name
    if kind is not parameter.empty:
        said += f": {kind if isinstance(kind, str) else inspect.formatannotation(kind)}"
    return said if default is parameter.empty else f"{said} = {default!r}"


def _headline(path: Path) -> str:
    try:
        doc = ast.get_docstring(ast.parse(path.read_bytes()))
    except SyntaxError as error:
        return f"(does not parse: {error})"
    return doc.splitlines()[0] if doc else ""


def load_module(kind: Kind, spec: str) -> ModuleType:
    """Return the module of `path/to/file.py` or `path/to/file.py:function`; it is executed once.

    Raises InputError if there is no such file, or if it is no Python.
    """
    file, _, _ = spec.partition(".py:")
    path = Path(os.path.realpath(file.removesuffix(".py") + ".py"))
    if not path.is_file():
        raise InputError(f"{kind} {spec!r}: no such file {path}: check the path")
    name = f"rlvr_plugin_{path.stem}_{hashlib.sha256(bytes(path)).hexdigest()[:8]}"
    if name not in sys.modules:
        found = importlib.util.spec_from_file_location(name, path)
        assert found is not None and found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        try:
            found.loader.exec_module(module)
        except SyntaxError as failure:
            del sys.modules[name]
            raise InputError(
                f"{kind} {spec!r}: {failure.filename}:{failure.lineno}: {failure.msg}: fix it"
            ) from failure
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
