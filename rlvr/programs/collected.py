"""Collected: finds what tests need from a test runner that `rlvr/sandbox/suites.py` does not do.

If such a test were silently skipped, the other tests alone would decide. So these tests decide
nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from rlvr.sandbox import suites

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HOOKS = frozenset(
    "setup_module teardown_module setup_function teardown_function setup_class teardown_class "
    "teardown_method setUpModule tearDownModule load_tests".split()
)
_PYTEST = {"raises", "approx", "fail", "mark"}


def needs(trees: Sequence[ast.Module], entry: str) -> Iterator[str]:
    """Yield what tests need from a test runner that is not there.

    If they define `check`, which is called with the function `entry`, they need no test runner.
    """
    top = [node for tree in trees for node in tree.body]
    if entry and any(isinstance(node, ast.FunctionDef) and node.name == "check" for node in top):
        return
    names, reached = set(suites.named(trees)), suites.reached(trees)
    for statement in top:
        if isinstance(statement, ast.AsyncFunctionDef) and statement.name in names:
            yield f"they need a test runner that awaits {statement.name}"
        if isinstance(statement, ast.ClassDef):
            yield from _of_class(statement)
        for node in ast.walk(statement):
            if isinstance(node, _FUNCTIONS) and node.name in _HOOKS:
                yield f"they need {node.name} from a test runner"
            yield from _of_pytest(node)
        if not isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            for node in ast.walk(statement):
                if isinstance(node, (*_FUNCTIONS, ast.ClassDef)) and node.name not in reached:
                    if node.name.lower().startswith("test"):
                        yield f"they define {node.name} under a condition"


def _of_class(kind: ast.ClassDef) -> Iterator[str]:
    bases = [part for base in kind.bases for part in ast.walk(base)]
    names = {getattr(part, "attr", getattr(part, "id", "")) for part in bases}
    for node in kind.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            yield f"they need a test runner that finds {kind.name}.{node.name}"
        if not isinstance(node, _FUNCTIONS):
            continue
        if node.name == "__init__" and kind.name.startswith("Test") and "TestCase" not in names:
            yield f"they need a test runner that builds {kind.name}"
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test"):
            if "IsolatedAsyncioTestCase" not in names:
                yield f"they need a test runner that awaits {kind.name}.{node.name}"


def _of_pytest(node: ast.AST) -> Iterator[str]:
    """Yield what a node uses of pytest that is not there. `main` may be used, and does nothing."""
    match node:
        case ast.Attribute(value=ast.Name(id="pytest"), attr=attr):
            if attr not in _PYTEST | {"main"}:
                yield f"they need pytest.{attr}, which is not there"
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="pytest"), attr="mark")):
            if node.attr != "parametrize":
                yield f"they need pytest.mark.{node.attr}, which is not there"
        case ast.ImportFrom(module="pytest", names=names):
            for name in sorted({alias.name for alias in names} - _PYTEST):
                yield f"they need pytest.{name}, which is not there"
