"""Suites: runs tests that a test runner calls: `unittest.TestCase`, and pytest-style tests.

Standard library only, because this file is read inside the sandbox. pytest itself is not there; a
stand-in has `raises`, `approx`, `fail` and `mark.parametrize`. Tests that need more of pytest (a
fixture, say) count as broken.
"""

from __future__ import annotations

import ast
import functools
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlvr.sandbox.checker import _Record as Record

Break = Callable[[str], BaseException]


def install(imported: set[str], broken: Break) -> None:
    """Install what tests import: a stand-in for pytest, and a `unittest.main` that runs nothing.

    `broken` makes the exception that says that the tests can't run.
    """
    if "pytest" in imported:
        sys.modules["pytest"] = _Pytest(broken)
    if "unittest" in imported:
        import unittest

        ran = types.SimpleNamespace(result=unittest.TestResult())
        unittest.main = lambda *args, **kwargs: ran  # type: ignore[assignment]


def named(trees: Sequence[ast.Module]) -> list[str]:
    """Return the names of functions and classes that only a test runner would call."""
    own = [node for tree in trees for node in tree.body if isinstance(node, _OWN)]
    ran = reached(trees)
    tests = [node for node in own if isinstance(node, ast.ClassDef)
             or node.name.startswith("test") and node.name not in ran]  # fmt: skip
    alone = [node for node in tests if node.decorator_list or not _required(node)]
    helpers = _reached(alone, {node.name: node for node in own})
    return [node.name for node in tests if node in alone or node.name not in helpers]


def reached(trees: Sequence[ast.Module]) -> set[str]:
    """Return the names that the tests themselves use, without a test runner."""
    nodes = [node for tree in trees for node in tree.body]
    return _reached(
        [node for node in nodes if not isinstance(node, _OWN)],
        {node.name: node for node in nodes if isinstance(node, _OWN)},
    )


_OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def _reached(nodes: Sequence[ast.AST], own: Mapping[str, ast.AST]) -> set[str]:
    """Return the names that nodes use, and the names that their definitions in `own` use."""
    found: set[str] = set()
    todo = [*nodes]
    while todo:
        for node in ast.walk(todo.pop()):
            if isinstance(node, ast.Name) and node.id not in found:
                if isinstance(node.ctx, ast.Load):
                    found.add(node.id)
                    todo += [own[node.id]] if node.id in own else []
    return found


def _required(node: ast.AST) -> bool:
    """Return whether a function has parameters without a default."""
    args = getattr(node, "args", ast.arguments([], [], None, [], [], None, []))
    return len(args.posonlyargs + args.args) > len(args.defaults) or None in args.kw_defaults


def run(names: Sequence[str], space: Mapping[str, Any], first: int, record: Record) -> int:
    """Run what a test runner would run, as tests numbered from `first` on; return how many."""
    ran = 0
    for name in dict.fromkeys(names):
        found = space.get(name)  # None: the tests ended before they defined it
        if "unittest" in sys.modules and _is_case(found):
            ran += _run_case(found, first + ran, record)
            continue
        for function, work, own in _functions(found, name):
            parameters = getattr(function, "parameters", [{}])
            if not parameters:
                record(first + ran, AssertionError("it gets no parameters, so it never runs"))
                ran += 1
            for given in parameters:
                if lacking := _lacking(function, given, own):
                    raise record.candidate.break_tests(f"they need {lacking} from a test runner")
                record.attempt(first + ran, lambda: work(**given))  # noqa: B023
                ran += 1
    return ran


# --- unittest --------------------------------------------------------------------------------


def _is_case(found: Any) -> bool:
    from unittest import TestCase

    return isinstance(found, type) and issubclass(found, TestCase)


def _run_case(case: Any, first: int, record: Record) -> int:
    """Run a TestCase; each method is one test.

    A skipped test holds, unless it asked the candidate before it was skipped.
    """
    import unittest

    suite: Any = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    numbers = {test.id(): number for number, test in enumerate(suite, first)}
    calls = [record.candidate.calls]

    class Result(unittest.TestResult):
        """Passes failures and successes to the record."""

        def startTest(self, test: Any) -> None:
            calls[0] = record.candidate.calls

        def addSkip(self, test: Any, reason: str) -> None:
            if record.candidate.calls > calls[0]:
                number = numbers.get(test.id(), first)
                record(number, AssertionError("it is skipped after a call"))

        def addSuccess(self, test: Any) -> None:
            record(numbers[test.id()], None)

        def addError(self, test: Any, err: Any) -> None:
            record(numbers.get(test.id(), first), err[1])

        addFailure = addError

        def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
            if err is not None:
                record(numbers[test.id()], err[1])

        def addUnexpectedSuccess(self, test: Any) -> None:
            record(numbers[test.id()], AssertionError("an unexpected success"))

    suite.run(Result())
    return len(numbers)


# --- pytest ----------------------------------------------------------------------------------


def _functions(found: Any, name: str) -> Iterator[tuple[Any, Callable[..., Any], int]]:
    """Yield test functions and methods of test classes: (function, what runs it, own parameters).

    Each method gets an object of its own.
    """
    if isinstance(found, types.FunctionType):
        yield found, found, 0
    elif isinstance(found, type) and name.startswith("Test"):
        for method in dict.fromkeys(part for kind in found.__mro__[::-1] for part in vars(kind)):
            function = getattr(found, method)
            if method.startswith("test") and isinstance(function, _FUNCTIONS):
                bare = isinstance(_static(found, method), types.FunctionType)
                yield function, functools.partial(_run_method, found, method), int(bare)


_FUNCTIONS = (types.FunctionType, types.MethodType)


def _static(found: type, name: str) -> Any:
    return next(vars(kind)[name] for kind in found.__mro__ if name in vars(kind))


def _run_method(kind: type, name: str, **given: Any) -> None:
    one = kind()
    getattr(one, "setup_method", lambda *_: None)(*_self(one))
    getattr(one, name)(**given)


def _self(one: Any) -> tuple[Any, ...]:
    """Return the arguments of `setup_method` after its object: the method, or nothing."""
    setup = getattr(type(one), "setup_method", None)
    return (
        (None,) if isinstance(setup, types.FunctionType) and setup.__code__.co_argcount > 1 else ()
    )


def _lacking(function: Callable[..., Any], given: Mapping[str, Any], own: int) -> str:
    """Return a parameter of a test that gets no value (a fixture), or "". `own`: `self`."""
    import inspect

    parameters = [*inspect.signature(function).parameters.values()][own:]
    return next((p.name for p in parameters if p.name not in given and p.default is p.empty), "")


class _Pytest(types.ModuleType):
    """The object that tests import as `pytest`."""

    def __init__(self, broken: Break) -> None:
        super().__init__("pytest")
        self.broken = broken
        self.raises, self.approx, self.fail, self.mark = _raises, _Approx, _fail, _Mark(broken)
        self.main = lambda *args, **kwargs: 0  # the tests run in any case

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise self.broken(f"they need pytest.{name}, which is not there")


class _Mark:
    def __init__(self, broken: Break) -> None:
        self.broken = broken

    def __getattr__(self, name: str) -> Any:
        raise self.broken(f"they need pytest.mark.{name}, which is not there")

    def parametrize(self, names: Any, values: Any, ids: Any = None) -> Any:
        """Combine sets of parameters with each set that a test function has already."""
        keys = [name.strip() for name in names.split(",")] if isinstance(names, str) else [*names]
        single = isinstance(names, str) and len(keys) == 1
        sets = [dict(zip(keys, [value] if single else value, strict=True)) for value in values]

        def mark(function: Any) -> Any:
            before = getattr(function, "parameters", [{}])
            function.parameters = [{**old, **new} for new in sets for old in before]
            return function

        return mark


def _fail(reason: str = "", pytrace: bool = True) -> None:
    raise AssertionError(reason)


class _Raised:
    """The `info` of `with pytest.raises(...) as info`: `value`, `type` and `match`."""

    def __init__(self, kinds: Any, match: Any) -> None:
        self.kinds, self.pattern = kinds, match
        self.value: Any = None

    def __enter__(self) -> _Raised:
        return self

    def __exit__(self, kind: Any, value: Any, _: Any) -> bool:
        assert kind is not None, "did not raise"
        if not issubclass(kind, self.kinds):
            return False
        self.type, self.value = kind, value
        return self.pattern is None or self.match(self.pattern)

    def match(self, pattern: str) -> bool:
        """Assert that the exception's text matches."""
        assert re.search(pattern, str(self.value)), "another text"
        return True


def _raises(kinds: Any, *call: Any, match: Any = None, **kwargs: Any) -> Any:
    raised = _Raised(kinds, match)
    if not call:
        return raised
    with raised:
        call[0](*call[1:], **kwargs)
    return raised


_EXACT = (Decimal, Fraction)
_NUMBERS = (int, float, complex, *_EXACT)


class _Approx:
    """Equals near numbers, and lists and mappings of them, with pytest's default tolerances."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, wanted: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> None:
        self.wanted, self.rel, self.abs, self.nan_ok = wanted, rel, abs, nan_ok

    def __eq__(self, given: Any) -> bool:
        wanted = self.wanted
        if isinstance(wanted, Mapping):
            return (
                isinstance(given, Mapping)
                and wanted.keys() == given.keys()
                and all(self._near(wanted[key], given[key]) for key in wanted)
            )
        if isinstance(wanted, (list, tuple)):
            return (
                isinstance(given, (list, tuple))
                and len(wanted) == len(given)
                and all(map(self._near, wanted, given))
            )
        return self._near(wanted, given)

    def _near(self, wanted: Any, given: Any) -> bool:
        if wanted == given:
            return True
        if any(isinstance(x, bool) or not isinstance(x, _NUMBERS) for x in (wanted, given)):
            return False
        wanted, given = (float(x) if isinstance(x, _EXACT) else x for x in (wanted, given))
        if wanted != wanted:
            return bool(self.nan_ok and given != given)
        if abs(wanted) == float("inf"):
            return False
        relative = abs(wanted) * (1e-6 if self.rel is None else self.rel)
        absolute = 1e-12 if self.abs is None else self.abs
        if self.abs is not None and self.rel is None:
            relative = 0.0
        return bool(abs(wanted - given) <= max(relative, absolute))
