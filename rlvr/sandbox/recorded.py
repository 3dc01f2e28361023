"""Recorded: turns assertions into recorded tests for the checker, once for each reference.

Tests are trusted enough to be parsed and compiled outside the sandbox, which is done here. They run
only inside, where `loaded` returns the code. Standard library only.
"""

from __future__ import annotations

import ast
import base64
import marshal
import warnings
from collections.abc import Sequence
from types import CodeType
from typing import Any

from rlvr.sandbox import suites

_CATCHING = ("raises", "assertRaises", "assertRaisesRegex", "suppress")


class _Recording(ast.NodeTransformer):
    """Turns each assertion into a recorded test, unless the tests handle its failure themselves.

    An assertion in the text is one test, however often it runs: the candidate chooses how long a
    loop over its result is. But it must not choose that an assertion never runs: if a loop judges
    and is reached, it has to run at least once.
    """

    def __init__(self) -> None:
        self.found = 0  # the number of recorded assertions
        self.judges = False  # whether anything can fail at all
        self.optional: set[int] = set()  # assertions that tests may skip
        self.making = False  # whether it is in a function that returns a value
        self.loops = -1  # loops that judge are numbered from -2 downwards

    def visit_Try(self, node: ast.AST) -> ast.AST:
        self.judges = True
        return node

    visit_TryStar = visit_Try

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.judges = True
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        catching = any(isinstance(part, ast.Call) and _name(part.func) in _CATCHING
                       for item in node.items for part in ast.walk(item.context_expr))  # fmt: skip
        return self.visit_Try(node) if catching else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Attribute):
            self.judges |= node.func.attr.startswith(("assert", "fail", "raises"))
        if _name(node.func) in ("exit", "quit") and node.args:
            self.judges |= getattr(node.args[0], "value", 1) not in (0, None)
        return self.generic_visit(node)

    def visit_If(self, node: ast.AST) -> ast.AST:
        first = self.found
        self.generic_visit(node)
        self.optional |= {*range(first, self.found)}
        return node

    visit_Match = visit_If

    def visit_FunctionDef(self, node: ast.AST) -> ast.AST:
        # A function that returns a value computes it (an expected value, say), and judges nothing.
        before = self.making
        self.making = any(isinstance(part, ast.Return) and part.value for part in ast.walk(node))
        self.visit_If(node)
        self.making = before
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_For(self, node: ast.For | ast.AsyncFor | ast.While) -> list[ast.AST]:
        first = self.found
        judging = not self.making and any(map(_judges, ast.walk(node)))
        self.generic_visit(node)
        leaves = (ast.Break, ast.Continue, ast.Return)
        if any(isinstance(part, leaves) for part in ast.walk(node)):
            self.optional |= {*range(first, self.found)}
        due = {*range(first, self.found)} - self.optional
        if judging:
            self.loops -= 1
            due.add(self.loops)
            runs = ast.copy_location(ast.parse(f"__runs__({self.loops})").body[0], node)
            node.body.insert(0, ast.fix_missing_locations(runs))
        reached = ast.copy_location(ast.parse(f"__due__({due or ''})").body[0], node)
        return [ast.fix_missing_locations(reached), node]

    visit_While = visit_AsyncFor = visit_For

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.judges = True
        handler = ast.parse(
            f"try: pass\n"
            f"except (Exception, __no_answer__) as e: __record__({self.found}, e)\n"
            f"else: __record__({self.found}, None)"
        )
        self.found += 1
        attempt = handler.body[0]
        assert isinstance(attempt, ast.Try)
        attempt.body = [node]
        for part in ast.walk(attempt):
            if part is not node:
                ast.copy_location(part, node)
        return ast.fix_missing_locations(attempt)


def _judges(node: ast.AST) -> bool:
    """Return whether a node can fail a test without `assert`."""
    match node:
        case ast.Raise():
            return True
        case ast.Call(func=ast.Attribute(attr=attr)):
            return attr.startswith(("assert", "fail"))
    return False


def _name(node: ast.AST) -> str:
    """Return the name that is called, without the object before the dot."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _imported(trees: Sequence[ast.AST]) -> set[str]:
    """Return the packages that the tests import by name."""
    found = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = getattr(node, "module", None)
            found |= {(module or alias.name).partition(".")[0] for alias in node.names}
    return found


def ready(setup: Sequence[str], tests: Sequence[str]) -> dict[str, Any]:
    """Return what the checker must know about the tests, as JSON: their code, and facts about it.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for code that does not compile.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [ast.parse(text) for text in setup]
        trees = [ast.parse(text) for text in tests]
        imported, collected = _imported([*before, *trees]), suites.named(trees)
        recording = _Recording()
        trees = [ast.fix_missing_locations(recording.visit(tree)) for tree in trees]
        return {
            "setup": _compiled(before, "setup.py"),
            "tests": _compiled(trees, "tests.py"),
            "imported": sorted(imported),
            "collected": collected,
            "recorded": recording.found,
            "judges": recording.judges,
        }


def _compiled(trees: Sequence[ast.Module], name: str) -> str:
    # Keep assertions, whatever options this Python was started with.
    codes = [compile(tree, name, "exec", dont_inherit=True, optimize=0) for tree in trees]
    return base64.b64encode(marshal.dumps(codes)).decode()


def loaded(code: str) -> list[CodeType]:
    """Return the code in a message that `ready` made."""
    return marshal.loads(base64.b64decode(code))  # type: ignore[no-any-return]
