"""Told: finds in the tests what they need beyond plain data.

A program's results are sent as data (`rlvr/sandbox/plain.py`, `rlvr/sandbox/checker.py`). Tests
that need more than data decide nothing. They are refused here before any program runs, so that no
program can choose to be undecided. Some data make a call slower: arguments after the call, and
prints. They are sent only if the tests read them.

Tests are trusted. No program is read here.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Collection, Iterator, Sequence, Set
from importlib import import_module
from typing import Any

from rlvr.sandbox.answers import KINDS
from rlvr.sandbox.plain import BY_TEXT, MAPPINGS, SCALARS, SEQUENCES

_EXAMPLES: tuple[Any, ...] = ("", True, None, 1, 1.0, b"", [], (), {}, {}.keys(), {}.items())
_MODULES = ("builtins", "collections", "datetime", "decimal", "fractions", "array", "re")
_TYPES = [type(value) for value in _EXAMPLES] + [
    kind
    for name in (*MAPPINGS, *SEQUENCES, *SCALARS)
    for module in _MODULES
    if isinstance(kind := vars(__import__(module)).get(name), type)
]
PLAIN = frozenset(name for kind in _TYPES for name in dir(kind)) | {"__next__", "__name__"}
"""The attributes that a result may have: those of plain data, of iterators and of functions."""

_OWN_FILES = {"shutil", "tempfile", "subprocess", "socket", "sqlite3", "inspect", "doctest"}
_HARMLESS = {"path", "sep", "linesep", "pathsep", "name", "fspath", "PathLike"}
_WRITING = {"write_text", "write_bytes", "touch", "mkdir", "unlink", "symlink_to"}
_HEARD = {"assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs"}
_WARNED = "catch_warnings"
_STREAMS = {"sys.stdout", "sys.stderr"}


def needs(
    texts: Sequence[str],
    setup: Sequence[ast.AST],
    nodes: Sequence[ast.AST],
    names: Collection[str],
    packages: Set[str],
) -> Iterator[str]:
    """Yield what tests need that can't be sent as data; `names` are the functions under test.

    `texts` and `nodes`: the tests themselves. `setup`: code that runs before them. `packages`:
    packages that they may import beside the standard library.
    """
    imported = _imported([*setup, *nodes])
    foreign = imported - sys.stdlib_module_names - {"pytest"}
    if missing := sorted(foreign - packages):
        yield f"they import {missing[0]} (option `packages: [{missing[0]}]`)"
    plain = PLAIN.union(*(dir(vars(import_module(module))[name])
                          for name, module in BY_TEXT.items() if module in imported))  # fmt: skip
    shared = {node.name for node in setup if isinstance(node, ast.ClassDef)}
    alike = {part for node in nodes if _takes_both_floats(node) for part in ast.walk(node)}
    for node in nodes:
        if isinstance(node, _TELLING):
            yield from _world(node)
        if "numpy" in imported and node not in alike:
            yield from _of_numpy(node)
        if isinstance(node, ast.Name) and node.id in shared:
            yield f"they need the program's own {node.id}, which is not plain data"
    if re.search(r"\brandom\.seed\(", "\n".join(texts)) and not re.search(
        r"\brandom\.(?!seed\()", "\n".join(texts)
    ):
        yield "they seed the program's random numbers"
    results = _Results(nodes, names)
    yield from _handed_over(nodes, results)
    yield from _run_as_code(nodes, results)
    for node in nodes:
        yield from _shared(node, results)
        if isinstance(node, (ast.withitem, ast.AsyncFor, ast.comprehension)):
            yield from _of_result(node, results)
        elif isinstance(node, (ast.Try, ast.With, ast.Call)):
            yield from _endings(node, results)
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.value, ast.Name) and node.value.id in results.functions:
            if node.attr not in ("__name__", "__call__"):
                yield f"they look at the function's own {node.attr}"
        elif node.attr not in plain and not foreign and results.holds(node.value):
            yield f"they read {node.attr} of a result, which plain data does not have"


def _run_as_code(nodes: Sequence[ast.AST], results: _Results) -> Iterator[str]:
    """Yield where tests run a result as code: it could switch off what judges it."""
    for node in nodes:
        if isinstance(node, ast.Call) and _runs(node.func):
            if any(results.holds(part) for part in (*node.args, *node.keywords)):
                yield f"they run a result as code ({_dotted(node.func)[0]})"


_RUNNING = {"eval", "exec", "compile"}
_LOADING = {"pickle", "cPickle", "_pickle", "marshal", "dill", "cloudpickle"}


def _runs(function: ast.AST) -> bool:
    """Return whether a function runs text as code; `re.compile` and `json.loads` do not."""
    name, *of = _dotted(function) or [""]
    if name in ("loads", "load"):
        return of[0] in _LOADING if of else name == "loads"
    return name in _RUNNING and (not of or of == ["builtins"])


def runs_output(checker: str) -> str:
    """Return how a checker's code runs a program's output as code; "" if it does not.

    The output is the second argument of its `check`. Raises SyntaxError.
    """
    nodes = list(ast.walk(ast.parse(checker)))
    checks = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name == "check"]
    held = {one.args.args[1].arg for one in checks if len(one.args.args) > 1}
    size = -1
    while size != len(held):  # and what is made of it
        size = len(held)
        for node in nodes:
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.For, ast.comprehension)):
                source = node.value if isinstance(node, (ast.Assign, ast.AnnAssign)) else node.iter
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if source is not None and _named(source) & held:
                    held |= {name for target in targets for name in _named(target)}
    for node in nodes:
        if isinstance(node, ast.Call) and _runs(node.func):
            given = [*node.args, *(keyword.value for keyword in node.keywords)]
            if any(_named(part) & held for part in given):
                return f"it runs the output as code ({_dotted(node.func)[0]})"
    return ""


def _named(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


_CHANGING = {"append", "extend", "insert", "add", "update", "pop", "remove", "clear", "setdefault"}


def _shared(node: ast.AST, results: _Results) -> Iterator[str]:
    """Yield where tests depend on which parts of results are one object: that is not sent."""
    match node:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
            if results.holds(left) and results.holds(right):
                yield "they ask whether two results are one object"
        case ast.Subscript(value=ast.Subscript(value=inner), ctx=ast.Store()):
            if results.holds(inner):
                yield "they change a part of a result"
        case ast.Call(func=ast.Attribute(value=ast.Subscript(value=inner), attr=attr)):
            if attr in _CHANGING and results.holds(inner):
                yield "they change a part of a result"


def _handed_over(nodes: Sequence[ast.AST], results: _Results) -> Iterator[str]:
    """Yield the functions that tests pass to a function under test, or to a result.

    Such a call would end the tests, and a program could choose whether it is reached.
    """
    made = {node.name for node in nodes if isinstance(node, (*_DEFS, ast.ClassDef))}
    made |= {target.id for node in nodes if isinstance(node, ast.Assign)
             and isinstance(node.value, ast.Lambda)
             for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stored |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    for node in nodes:
        if isinstance(node, (*_DEFS, ast.ClassDef)):
            if any(results.asks(part) for part in node.decorator_list):
                yield f"they pass {node.name} to the program"
        if not isinstance(node, ast.Call) or not results.asks(node.func):
            continue
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
        while parts:
            match parts.pop():
                case ast.Lambda():
                    yield "they pass a function to the program"
                case ast.Name(id=name) if name in KINDS and name not in stored | made:
                    continue
                case ast.Name(id=name) if name in made or name not in stored and _is_made(name):
                    yield f"they pass {name} to the program"
                case ast.List(elts=inner) | ast.Tuple(elts=inner) | ast.Set(elts=inner):
                    parts += inner
                case ast.Dict(values=inner):
                    parts += inner


_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _is_made(name: str) -> bool:
    """Return whether a name is that of a built-in function or class."""
    return callable(vars(builtins).get(name))


def _caught(node: ast.AST) -> Iterator[tuple[ast.AST, Sequence[ast.AST]]]:
    """Yield (classes of exceptions, code) where tests expect that code raises them."""
    calls: list[tuple[ast.AST, Sequence[ast.AST]]] = []
    match node:
        case ast.Try(body=body):
            yield from ((handler.type, body) for handler in node.handlers if handler.type)
        case ast.With(items=items, body=body):
            calls = [(item.context_expr, body) for item in items]
        case ast.Call(args=[_, *given]) if given:
            calls = [(node, given)]
    for call, code in calls:
        if isinstance(call, ast.Call) and call.args:
            if _dotted(call.func)[:1] in (["raises"], ["assertRaises"], ["assertRaisesRegex"]):
                yield call.args[0], code


def _endings(node: ast.AST, results: _Results) -> Iterator[str]:
    """Yield the exceptions that tests expect from the program and that can't leave it unchanged."""
    for kinds, code in _caught(node):
        inner = [part for statement in code for part in ast.walk(statement)]
        words = {getattr(part, "attr", getattr(part, "id", "")) for part in inner}
        wanted = {part.id for part in ast.walk(kinds) if isinstance(part, ast.Name)}
        ends = wanted & (_EXITS if words & _NEXT else _EXITS | _STOPS)
        if ends and words & results.functions:
            yield f"they expect {min(ends)} from the program, which never leaves it"


_EXITS = {"SystemExit", "KeyboardInterrupt", "GeneratorExit"}
_STOPS = {"StopIteration", "StopAsyncIteration"}
_NEXT = {"next", "anext", "__next__", "__anext__", "send", "asend"}


def _of_result(node: ast.AST, results: _Results) -> Iterator[str]:
    """Yield what tests do with a result that is impossible with plain data."""
    match node:
        case ast.withitem(context_expr=given) if results.holds(given):
            yield "they use a result in `with`, which plain data does not allow"
        case ast.AsyncFor(iter=given) if results.holds(given):
            yield "they await the items of a result, which plain data does not allow"
        case ast.comprehension(is_async=1, iter=given) if results.holds(given):
            yield "they await the items of a result, which plain data does not allow"


def _imported(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the packages that tests need: those of imports that no `try` guards."""
    guarded = {part for node in nodes if isinstance(node, ast.Try) for part in ast.walk(node)}
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import) and node not in guarded:
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node not in guarded:
            found.add((node.module or ".").partition(".")[0])
    return found


_TELLING = (ast.Import, ast.ImportFrom, ast.Call, ast.Attribute, ast.TryStar, ast.Name)


def _world(node: ast.AST) -> Iterator[str]:
    """Yield how a node changes state that only the tests' own process has, and not the program."""
    match node:
        case ast.Import() | ast.ImportFrom():
            for name in sorted(_imported([node]) & _OWN_FILES):
                yield f"they need {name}, which does not reach the program"
        case ast.Call(func=ast.Name(id="open")):
            yield "they open files that the program does not have"
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in _WRITING:
            yield "they write files that the program does not have"
        case ast.Attribute(value=ast.Name(id="os"), attr=attr) if attr not in _HARMLESS:
            yield f"they need os.{attr}, which does not reach the program"
        case ast.Attribute(value=ast.Name(id="sys"), attr="stdin" | "argv" as attr):
            yield f"they need sys.{attr}, which does not reach the program"
        case ast.Call(func=ast.Attribute(attr=attr)) if attr in _HEARD:
            yield f"they need {attr}, which does not reach the program"
        case ast.Call(keywords=[ast.keyword(arg="record")]) if _dotted(node.func)[:1] == [_WARNED]:
            yield "they record warnings, which stay with the program"
        case ast.Attribute(attr="__cause__" | "__context__" | "__notes__" | "__traceback__"):
            yield f"they read {node.attr} of an exception, which plain data does not have"
        case ast.TryStar() | ast.Name(id="ExceptionGroup" | "BaseExceptionGroup"):
            yield "they catch a group of exceptions, which plain data can't hold"
        case ast.Call() if _patches(_dotted(node.func)):
            first = node.args[0] if node.args else None
            if not isinstance(first, ast.Constant) or first.value not in _STREAMS:
                yield "they patch something outside the program"


def _patches(dotted: list[str]) -> bool:
    """Return whether a call is one of unittest.mock's, and no method of a variable `patch`."""
    return (
        dotted[:1] == ["patch"]
        or dotted[1:2] == ["patch"]
        and (dotted[0] in ("object", "dict", "multiple") or dotted[2:] == ["mock"])
    )


_NOT_TOLD = re.compile(r"(?:object_?|O|float16|half|f2|[<>=]?[mM]8.*|(?:datetime|timedelta)64.*)\Z")
_SHORT = {"float16", "half", "float32", "single", "complex64", "csingle"}


def _takes_both_floats(node: ast.AST) -> bool:
    """Return whether a test holds for float64 as for float32, which comes as float64."""
    if not isinstance(node, ast.BoolOp) or not isinstance(node.op, ast.Or):
        return False
    parts = {part.attr for one in node.values for part in ast.walk(one)
             if isinstance(part, ast.Attribute)}  # fmt: skip
    return {"float32", "float64"} <= parts and all(isinstance(x, ast.Compare) for x in node.values)


def _of_numpy(node: ast.AST) -> Iterator[str]:
    """Yield the types of numpy that a node names and that can't be sent unchanged."""
    given: list[ast.AST] = []
    match node:
        case ast.Attribute(value=ast.Name(), attr=attr) if attr != "O" and _NOT_TOLD.match(attr):
            yield f"they need numpy's {attr}, which plain data does not have"
        case ast.keyword(arg="dtype", value=value):
            given = [value]
        case ast.Call(func=ast.Attribute(attr="astype"), args=args):
            given = [*args]
        case ast.Compare() | ast.Call(func=ast.Name(id="isinstance")):
            for part in ast.walk(node):
                if isinstance(part, ast.Attribute) and part.attr in _SHORT:
                    yield f"they need numpy's {part.attr}, which plain data does not have"
    for part in given:
        name = str(getattr(part, "id", getattr(part, "value", "")))
        if _NOT_TOLD.match(name):
            yield f"they need numpy's {name}, which plain data does not have"


def _dotted(node: ast.AST) -> list[str]:
    """Return the names in `a.b.c`, the last one first."""
    found = []
    while isinstance(node, ast.Attribute):
        found.append(node.attr)
        node = node.value
    return [*found, node.id] if isinstance(node, ast.Name) else found


def looks(nodes: Sequence[ast.AST], names: Collection[str]) -> bool:
    """Return whether tests may read an argument after the call: it is not a literal in the call.

    A function that is not called by its own name may be a result, or the function under test.
    """
    functions = _Results(nodes, names).functions
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    called = set()
    for node in nodes:
        if isinstance(node, ast.Call) and not isinstance(node.func, ast.Attribute):
            if not isinstance(node.func, ast.Name) or node.func.id in stored:
                return True
            if node.func.id in functions:
                called.add(node.func)
                parts = [*node.args, *(keyword.value for keyword in node.keywords)]
                if any(isinstance(part, ast.Name) and not hasattr(builtins, part.id)
                       for given in parts for part in ast.walk(given)):  # fmt: skip
                    return True
    return any(
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in functions
        and node not in called
        for node in nodes
    )


class _Results:
    """Finds the nodes that are always a result of a function under test.

    `functions`: the names of these functions, and the names by which `check` calls them.
    """

    def __init__(self, nodes: Sequence[ast.AST], names: Collection[str]) -> None:
        self.functions = {*names} | {
            node.args.args[0].arg
            for node in nodes
            if isinstance(node, ast.FunctionDef) and node.name == "check" and node.args.args
        }
        stores = [n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        stores += [node.arg for node in nodes if isinstance(node, ast.arg)]
        self.variables: set[str] = set()
        given = [
            target.id
            for node in nodes
            if isinstance(node, ast.Assign) and self.holds(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        self.variables = {name for name in given if stores.count(name) == given.count(name)}

    def asks(self, node: ast.AST) -> bool:
        """Return whether a node is a function under test, or a result, which may be a function."""
        return self.holds(node) or isinstance(node, ast.Name) and node.id in self.functions

    def holds(self, node: ast.AST) -> bool:
        """Return whether a node is a result, an item of one, or a variable of only results."""
        match node:
            case ast.Call(func=ast.Name(id=name)):
                return name in self.functions
            case ast.Call(func=inner) | ast.Subscript(value=inner) | ast.Await(value=inner):
                return self.holds(inner)
            case ast.Name(id=name):
                return name in self.variables
        return False
