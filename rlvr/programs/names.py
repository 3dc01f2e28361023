"""Names: finds the names that Python code binds, and those that it uses without binding them.

The code may be hostile, and is read outside the sandbox, so all time is linear in its length.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import warnings
from collections.abc import Collection, Iterator
from functools import cache
from importlib import import_module

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Import = ast.Import | ast.ImportFrom

_BUILTIN = frozenset(dir(builtins))


def statements_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a scope, also those under `if`, `try`, `with` and loops."""
    stack = [node]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                yield child
                if not isinstance(child, Definition):
                    stack.append(child)


def bound_by(node: ast.AST) -> set[str]:
    """Return the names that a single statement binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Import() | ast.ImportFrom():
            return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        case ast.Assign():
            return names_in(*node.targets)
        case ast.AnnAssign(value=ast.expr()) | ast.AugAssign() | ast.For():
            return names_in(node.target)
    return set()


def names_in(*nodes: ast.AST) -> set[str]:
    """Return the names in some nodes."""
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}


def scope_of(code: str) -> tuple[set[str], set[str]]:
    """Return the names that code uses without a definition, and the names that it defines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = symtable.symtable(code, "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(), set()
    bound = {
        symbol.get_name()
        for symbol in module.get_symbols()
        if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()
    }
    used: set[str] = set()
    tables = [module]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return used - bound - _BUILTIN, bound


# In the order of LiveCodeBench's harness, in which a later module's name takes precedence.
_SUPPLIED = (
    *("string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random"),
    *("statistics", "itertools", "functools", "operator", "io", "sys", "json", "typing"),
)


def imports_for(code: str, but: Collection[str]) -> str:
    """Return statements that import the names that code uses and never binds, except `but`.

    The harnesses of APPS and LiveCodeBench import the same for a function or a class: all names of
    some modules of the standard library, and those modules.
    """
    missing = sorted(scope_of(code)[0].difference(but))
    return "\n".join(_imports()[name] for name in missing if name in _imports()) if missing else ""


@cache
def _imports() -> dict[str, str]:
    """Return the statement that imports each name."""
    found: dict[str, str] = {}
    for module in _SUPPLIED:
        content = import_module(module)
        public = [name for name in vars(content) if not name.startswith("_")]
        for name in getattr(content, "__all__", public):
            found[name] = f"from {module} import {name}"
    return found | {name: f"import {name}" for name in (*_SUPPLIED, "time", "fractions")}
