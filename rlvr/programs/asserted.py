"""Asserted: finds which names assertions test, and which names a program must not define.

A name in the tests is defined there, built in, supplied here (`isclose`, or a standard module that
they forgot to import), or under test. `entry_point` says which function is under test. Without it,
every function is under test that nothing else defines.

Then tests may name several functions, and one of them might judge another: `close(area(2), 12.6)`,
`res = area(2)` and `assert close(res)`, `area(2) == want()`. If a program could define its own
judge, it would pass whatever else it does. So the results of two functions may meet in only one
way, `decode(encode(x)) == x`: a chain of calls with one argument each, compared with a value that
comes from the tests and can be more than true or false. Everything else raises BadTests.

Tests are trusted, so they are read here, outside the sandbox. Programs are not read here.
"""

from __future__ import annotations

import ast
import builtins
import importlib
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TypeGuard

from rlvr.programs import collected, told
from rlvr.sandbox.outside import WARM

_SUPPLIED = {"isclose": "from math import isclose"}
_WRAPPERS = frozenset(
    "abs all any bool dict enumerate float frozenset int isinstance iter len list map next print "
    "range repr reversed round set sorted str tuple type zip".split()
)
"""Functions in which tests themselves wrap a result, if a function has a built-in's name."""


class BadTests(ValueError):
    """The tests are unclear, or they ask a program to do what it must not do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The functions under test, and the imports that are added to the tests.

    `looks`: the tests read arguments after a call. `prints`: they read what a call prints.
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
    """Return what the tests ask for. They may import `packages`. Raises BadTests."""
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


def without_program(text: str, entry: str) -> str:
    """Return tests without their imports of the program under test (`from solution import f`)."""
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    lines = text.splitlines()
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module in _PROGRAMS and not node.level:
            names = [alias.name for alias in node.names]
            same = "*" not in names and not any(alias.asname for alias in node.names)
            if same and (not entry or entry in names):
                for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                    lines[number] = ""
    return "\n".join(lines)


_PROGRAMS = frozenset(
    "solution solutions main submission candidate your_module your_code my_module module".split()
)
"""Modules from which tests import the program under test."""


def _built_in(name: str) -> bool:
    return hasattr(builtins, name) or name in ("__file__", "exit", "quit")


def _defined(nodes: Iterator[ast.AST] | Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names that code binds anywhere, in any way."""
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
    """Return whether a name can only be a standard module: the tests only take parts of it."""
    uses = [node for node in nodes if isinstance(node, ast.Name) and node.id == name]
    parts = [node for node in nodes if isinstance(node, ast.Attribute) and node.value in uses]
    return name in WARM and len(parts) == len(uses)


def _called(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Yield the names that are called, or passed to a call."""
    for node in (node for node in nodes if isinstance(node, ast.Call)):
        for part in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(part, ast.Name):
                yield part.id


def _called_built_in(nodes: Sequence[ast.AST], defined: Set[str]) -> set[str]:
    """Return the one called built-in function for which a program may be asked, if there is one."""
    direct = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    found = {name for name in direct - defined if _built_in(name)}
    found = found - _WRAPPERS if len(found) > 1 else found
    if len(found) > 1:
        raise BadTests(f"it is unclear which of {', '.join(sorted(found))} is under test")
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
    if all(node.module in WARM for node in stars):  # otherwise nobody knows what these bring
        missing = sorted(free - set(names) if entry else set(names) - {*_called(nodes)})
        if missing:
            raise BadTests(f"they need {missing[0]}, which they don't define")


# --- several functions under test: which results meet, and how -------------------------------

_OWN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_APART = (ast.Module, ast.BoolOp, ast.Tuple, ast.List, ast.Set, ast.Dict, *_OWN)
"""Nodes whose parts stand side by side: no part is compared with another."""


def _refuse_judges(nodes: Sequence[ast.AST], names: frozenset[str]) -> None:
    """Raise BadTests if the results of two functions meet in any way but a compared chain."""
    flow = _Flow.of(nodes, names)
    for node in nodes:
        if isinstance(node, _OWN) and any(map(flow.sources, node.decorator_list)):
            raise BadTests(f"they let the program change their own {node.name}")
        if flow.asks(node):
            if len(flow.sources(node)) > 1 and not flow.chained(node):
                raise BadTests(f"they need {ast.unparse(node.func)}, which they don't define")
        elif not isinstance(node, _APART) and not flow.closes(node):
            of = [found for part in _parts(node) if (found := flow.meeting(node, part))]
            if len(of) > 1 and len(found := set().union(*of)) > 1:
                raise BadTests(
                    f"they compare results of the program's own {', '.join(sorted(found))}"
                )


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts that meet in a node: a statement's body is one, an assertion's text none."""
    for name, value in ast.iter_fields(node):
        inner = [part for part in (value if isinstance(value, list) else [value])
                 if isinstance(part, ast.AST) and name != "msg"]  # fmt: skip
        if name in ("body", "orelse", "finalbody", "handlers"):
            yield ast.Module(inner, [])  # type: ignore[arg-type]
        else:
            yield from inner


@dataclass(frozen=True, slots=True)
class _Flow:
    """Finds the functions whose results may be in a variable, anywhere in the tests.

    `changed`: functions to which the variable was passed, so that they may have changed it in
    place. `given`: what is assigned to it. `parents`: the node in which a node stands.
    """

    names: frozenset[str]
    bound: dict[str, set[str]]
    changed: dict[str, set[str]]
    given: list[tuple[str, ast.AST]]
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def of(cls, nodes: Sequence[ast.AST], names: frozenset[str]) -> _Flow:
        """Follow results into variables until there is nothing new."""
        given = [(name, value) for node in nodes for name, value in _given(node)]
        parents = {child: node for node in nodes for child in ast.iter_child_nodes(node)}
        # A caller or an exception may bring anything.
        free = [n.arg for n in nodes if isinstance(n, ast.arg)]
        free += [n.name for n in nodes if isinstance(n, ast.ExceptHandler) and n.name]
        bound: dict[str, set[str]] = {name: set() for name, _ in given}
        bound |= {name: set(names) for name in free}
        changed: dict[str, set[str]] = {name: set() for name in bound.keys() - _fixed(nodes, given)}
        flow = cls(names, bound, changed, given, parents)
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        while True:
            before = sum(map(len, (*bound.values(), *changed.values())))
            for name, value in given:
                bound[name] |= flow.sources(value)
                flow.change(value, changed.get(name, set()))  # another name for the same object
            for call in calls:
                flow.hand_over(call)
            if sum(map(len, (*bound.values(), *changed.values()))) == before:
                return flow

    def hand_over(self, call: ast.Call) -> None:
        """Note that the called function may change its arguments; so may functions among them."""
        args = [*call.args, *(keyword.value for keyword in call.keywords)]
        by = {arg.id for arg in args if isinstance(arg, ast.Name)} & self.names
        if not isinstance(call.func, ast.Attribute):
            by |= self.sources(call.func)
        for arg in args:
            self.change(arg, by)

    def change(self, node: ast.AST, by: set[str]) -> None:
        """Note that functions may change the variables in a node."""
        for part in ast.walk(node) if by else ():
            if isinstance(part, ast.Name) and part.id in self.changed:
                self.changed[part.id] |= by

    def sources(self, node: ast.AST) -> set[str]:
        """Return the functions under test whose results a node may hold, or which it names."""
        return self.results(node).union(*(self.changed.get(name, ()) for name in _loaded(node)))

    def results(self, node: ast.AST) -> set[str]:
        """Return the same without the functions that may have changed a variable in place."""
        loaded = _loaded(node)
        return (loaded & self.names).union(*(self.bound.get(name, ()) for name in loaded))

    def meeting(self, node: ast.AST, part: ast.AST) -> set[str]:
        """Return the sources of a part, where it meets the other parts of a node.

        If a loop's body changes a variable in place, the variable does not judge the body.
        """
        loops = isinstance(node, (ast.For, ast.AsyncFor)) and part is node.iter
        return self.results(part) if loops else self.sources(part)

    def asks(self, node: ast.AST) -> TypeGuard[ast.Call]:
        """Return whether a node calls a function under test by its name."""
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in self.names
        )

    def chained(self, node: ast.AST) -> bool:
        """Return whether a call is one in `a(b(...)) == value`, with a value from the tests.

        The value may be the argument of `a(b(value))`.
        """
        inner = node
        while self.asks(node):
            if len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred):
                return False
            inner, node = node, self.parents[node]
        if not isinstance(node, ast.Compare) or len(node.ops) != 1:
            return False
        other = node.comparators[0] if inner is node.left else node.left
        chain = {part.func.id for part in ast.walk(inner) if self.asks(part)}  # type: ignore[attr-defined]
        own = not self.results(other) and self.sources(other) <= chain
        return isinstance(node.ops[0], ast.Eq) and own and not self.truth(other)

    def closes(self, node: ast.AST) -> bool:
        """Return whether a comparison ends a chain."""
        return isinstance(node, ast.Compare) and any(
            self.asks(part) and self.chained(part) for part in (node.left, node.comparators[0])
        )

    def truth(self, node: ast.AST) -> bool:
        """Return whether a value may be only true or false."""
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


def _loaded(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)
            and isinstance(n.ctx, ast.Load)}  # fmt: skip


def _fixed(nodes: Sequence[ast.AST], given: Sequence[tuple[str, ast.AST]]) -> set[str]:
    """Return the variables that hold only numbers, texts and the like, which can't change."""
    loops = (ast.For, ast.AsyncFor, ast.comprehension)
    looped = {node.iter for node in nodes if isinstance(node, loops)}
    displays = (ast.List, ast.Set, ast.Tuple)

    def holds(value: ast.AST) -> bool:
        match value:
            case ast.Name(id=name):
                return name in names and value not in looped
            case ast.UnaryOp(operand=part) | ast.Starred(value=part):
                return holds(part)
            case ast.BinOp(left=left, right=right):
                return holds(left) and holds(right)
            case ast.Call(func=ast.Name(id=name)):
                return name in _NUMBERS
        if isinstance(value, ast.Tuple) or value in looped and isinstance(value, displays):
            return all(map(holds, value.elts))
        return isinstance(value, (ast.Constant, ast.JoinedStr))

    names = {name for name, _ in given}
    while changing := {name for name, value in given if name in names and not holds(value)}:
        names -= changing
    return names - {n.arg for n in nodes if isinstance(n, ast.arg)}


_NUMBERS = frozenset("abs bool bytes chr complex float hex int len ord pow range repr round str"
                     .split())  # fmt: skip
_DATA = frozenset("abs bytes dict float frozenset int len list max min range round set sorted str "
                  "sum tuple".split())  # fmt: skip


def _given(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (variable, the value that it gets or contains) for what a node binds or changes."""
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
