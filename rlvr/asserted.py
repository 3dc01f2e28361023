"""What assertions ask of a program: which names are under test, and which are not its to define.

A name that tests use is defined in them, built in, supplied here (`isclose`, a standard module that
they forgot to import), or under test. `entry_point` says which is under test. Without it each
function is that nothing else defines.

Then tests may name several functions, and one might judge another: `close(area(2), 12.6)`,
`res = area(2)` and `assert close(res)`, `area(2) == want()`. A program that may define its own
judge passes whatever else it does. So the results of two functions may meet in one way alone,
`decode(encode(x)) == x`: a chain of one argument each, compared with a value of the tests' own
which is more than true or false. Everything else raises BadTests.

Tests are trusted: they are read here, outside the sandbox. Nothing of a program is.
"""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TypeGuard

from rlvr import collected, told
from rlvr.sandbox import WARM

_SUPPLIED = {"isclose": "from math import isclose"}
_WRAPPERS = frozenset(
    "abs all any bool dict enumerate float frozenset int isinstance iter len list map next print "
    "range repr reversed round set sorted str tuple type zip".split()
)
"""What tests themselves wrap a result in, where a function has a built-in's name."""


class BadTests(ValueError):
    """It can't be told what the tests ask, or they ask a program for what is not its part."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The functions under test, and the imports that the tests are supplied with.

    `looks`: tests look at arguments after a call. `prints`: they look at what is printed.
    """

    names: tuple[str, ...]
    supplied: str = ""
    looks: bool = False
    prints: bool = False


def asked(
    setup: Sequence[str],
    tests: Sequence[str],
    entry: str = "",
    packages: Set[str] = frozenset(),
) -> Asked:
    """Return what the tests ask for; they may import `packages`. Raises BadTests."""
    try:
        trees = [ast.parse(text) for text in (*setup, *tests)]
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadTests(f"the tests don't parse: {error}") from None
    nodes = [node for tree in trees for node in ast.walk(tree)]
    defined = set(_defined(nodes))
    if entry in set(_defined(node for tree in trees[len(setup) :] for node in ast.walk(tree))):
        raise BadTests(f"the tests define {entry} themselves")
    loaded = [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    free = dict.fromkeys(name for name in loaded if name not in defined and not _built_in(name))
    free.pop(entry, None)
    imports = {name: f"import {name}" for name in free if _is_module(name, nodes)}
    imports |= {name: _SUPPLIED[name] for name in free if name in _SUPPLIED}
    names = (entry,) if entry else tuple(name for name in free if name not in imports)
    if not names:
        names = tuple(_called_built_in(nodes, defined)) or tuple(set(free) & set(_SUPPLIED))
        imports = {name: line for name, line in imports.items() if name not in names}
    _refuse_unknown(names, free.keys() - imports.keys(), nodes, entry)
    if len(names) > 1:
        _refuse_judges(nodes, frozenset(names))
    before = [node for tree in trees[: len(setup)] for node in ast.walk(tree)]
    own = [node for tree in trees[len(setup) :] for node in ast.walk(tree)]
    for need in told.needs(tests, before, own, names, packages):
        raise BadTests(need)
    for need in collected.needs(trees[len(setup) :], entry):
        raise BadTests(need)
    prints = any(stream in text for text in tests for stream in ("stdout", "stderr"))
    return Asked(names, "\n".join(imports.values()), told.looks(own, names), prints)


def _built_in(name: str) -> bool:
    return hasattr(builtins, name) or name == "__file__"


def _defined(nodes: Iterator[ast.AST] | Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names that code binds, anywhere and in whatever way."""
    for node in nodes:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.arg():
                yield node.arg
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name:
                yield node.name
            case ast.MatchMapping() if node.rest:
                yield node.rest
            case ast.ImportFrom(names=[ast.alias(name="*")]) if node.module in WARM:
                yield from vars(importlib.import_module(str(node.module)))
            case ast.Import() | ast.ImportFrom():
                for alias in node.names:
                    yield (alias.asname or alias.name).partition(".")[0]


def _is_module(name: str, nodes: Sequence[ast.AST]) -> bool:
    """Whether a name can only be a standard module's: all that is done is to take parts of it."""
    uses = [node for node in nodes if isinstance(node, ast.Name) and node.id == name]
    parts = [node for node in nodes if isinstance(node, ast.Attribute) and node.value in uses]
    return name in WARM and len(parts) == len(uses)


def _called(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names that are called, or handed over to a call."""
    for node in (node for node in nodes if isinstance(node, ast.Call)):
        for part in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(part, ast.Name):
                yield part.id


def _called_built_in(nodes: Sequence[ast.AST], defined: Set[str]) -> set[str]:
    """Return the one built-in function that a program may be asked for, if any is called."""
    direct = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    found = {name for name in direct - defined if _built_in(name)}
    found = found - _WRAPPERS if len(found) > 1 else found
    if len(found) > 1:
        raise BadTests(f"which of {', '.join(sorted(found))} is under test can't be told")
    return found


def _refuse_unknown(
    names: Sequence[str], free: Set[str], nodes: Sequence[ast.AST], entry: str
) -> None:
    if not names:
        raise BadTests("the tests call no function")
    own = [name for name in names if name[:1].isupper() and name != entry]
    if own:
        raise BadTests(f"the tests build the program's own {own[0]}, which is not plain data")
    stars = [n for n in nodes if isinstance(n, ast.ImportFrom) and n.names[0].name == "*"]
    if all(node.module in WARM for node in stars):  # else what these bring is not known
        missing = sorted(free - set(names) if entry else set(names) - {*_called(nodes)})
        if missing:
            raise BadTests(f"they need {missing[0]}, which they don't define")


# --- several functions under test: whose results meet, and how -------------------------------

_OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_APART = (ast.Module, ast.BoolOp, ast.Tuple, ast.List, ast.Set, ast.Dict, *_OWN)
"""What stands in these stands side by side: no part is held against another."""


def _refuse_judges(nodes: Sequence[ast.AST], names: frozenset[str]) -> None:
    """Raise BadTests where one function's result meets another's but in a chain compared."""
    flow = _Flow.of(nodes, names)
    for node in nodes:
        if isinstance(node, _OWN) and any(map(flow.sources, node.decorator_list)):
            raise BadTests(f"they let the program change their own {node.name}")
        if flow.asks(node):
            if len(flow.sources(node)) > 1 and not flow.chained(node):
                raise BadTests(f"they need {ast.unparse(node.func)}, which they don't define")
        elif not isinstance(node, _APART):
            of = [found for part in _parts(node) if (found := flow.sources(part))]
            if len(of) > 1 and len(found := set().union(*of)) > 1:
                raise BadTests(f"they hold the program's own {', '.join(sorted(found))} together")


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what meets in a node. A statement's body is one part; an assertion's text is none."""
    for name, value in ast.iter_fields(node):
        inner = [part for part in (value if isinstance(value, list) else [value])
                 if isinstance(part, ast.AST) and name != "msg"]  # fmt: skip
        if name in ("body", "orelse", "finalbody", "handlers"):
            yield ast.Module(inner, [])  # type: ignore[arg-type]
        else:
            yield from inner


@dataclass(frozen=True, slots=True)
class _Flow:
    """Which functions' results may be in a variable, wherever in the tests it is used.

    `given`: what is assigned to it. `parents`: what a node stands in.
    """

    names: frozenset[str]
    bound: dict[str, set[str]]
    given: list[tuple[str, ast.AST]]
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def of(cls, nodes: Sequence[ast.AST], names: frozenset[str]) -> _Flow:
        """Follow results into variables until there is nothing new."""
        given = [(name, value) for node in nodes for name, value in _given(node)]
        parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
        # What a caller, or an exception, brings may be anything.
        free = [n.arg for n in nodes if isinstance(n, ast.arg)]
        free += [n.name for n in nodes if isinstance(n, ast.ExceptHandler) and n.name]
        flow = cls(names, {name: set(names) for name in free}, given, parents)
        while True:
            before = sum(map(len, flow.bound.values()))
            for name, value in given:
                flow.bound.setdefault(name, set()).update(flow.sources(value))
            if sum(map(len, flow.bound.values())) == before:
                return flow

    def sources(self, node: ast.AST) -> set[str]:
        """Return the functions under test whose results a node may hold, or which it names."""
        loaded = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)
                  and isinstance(n.ctx, ast.Load)}  # fmt: skip
        return (loaded & self.names).union(*(self.bound.get(name, ()) for name in loaded))

    def asks(self, node: ast.AST) -> TypeGuard[ast.Call]:
        """Whether a node calls a function under test by its name."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in self.names
        )

    def chained(self, node: ast.AST) -> bool:
        """Whether a call is one in `a(b(...)) == value`, where the value is the tests' own."""
        inner = node
        while self.asks(node):
            if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
                return False
            inner, node = node, self.parents[node]
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            return False
        other = node.comparators[0] if inner is node.left else node.left
        return isinstance(node.ops[0], ast.Eq) and not self.sources(other) and not self.truth(other)

    def truth(self, node: ast.AST) -> bool:
        """Whether a value may be nothing more than true or false."""
        match node:
            case ast.Constant():
                return node.value is None or isinstance(node.value, bool)
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(op=ast.Not()) | ast.IfExp():
                return True
            case ast.Call():
                return not isinstance(node.func, ast.Name) or node.func.id not in _DATA
            case ast.Name():
                return any(self.truth(value) for name, value in self.given
                           if name == node.id and not isinstance(value, ast.Name))  # fmt: skip
        return False


_DATA = frozenset("abs bytes dict float frozenset int len list max min range round set sorted str "
                  "sum tuple".split())  # fmt: skip


def _given(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (variable, what it gets or what is put into it) for what a node binds or changes."""
    pairs: list[tuple[ast.AST | None, ast.AST | None]] = []
    match node:
        case ast.Assign():
            pairs = [(target, node.value) for target in node.targets]
        case ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            pairs = [(node.target, node.value)]
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            pairs = [(node.target, node.iter)]
        case ast.withitem():
            pairs = [(node.optional_vars, node.context_expr)]
        case ast.Call(func=ast.Attribute()):
            pairs = [(node.func, part) for part in (*node.args, *node.keywords)]
        case ast.Match():
            yield from ((name, node.subject) for name in _defined([*ast.walk(node)]))
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name, node
    for target, value in pairs:
        if target is not None and value is not None:
            for part in ast.walk(target):
                if isinstance(part, ast.Name) and part.id not in WARM:
                    yield part.id, value
