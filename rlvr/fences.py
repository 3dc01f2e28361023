"""The program that a completion holds: its Python cells, read as a notebook is read.

Marks cut a completion into pieces, of which those that Python can parse are cells
(`rlvr/cells.py`). The program is the last cell that defines a function under test, together with
the cells that define what it uses, in the order of the text. Without marks it is the whole text.

Where no cell defines a function, the last one that returns something continues the prompt. There is
no stdin, so what reads it after the last definition is a demonstration, and is left out.

What is read here is hostile, and read outside the sandbox: in time that grows as its length does.
"""

from __future__ import annotations

import ast
import builtins
import symtable
import textwrap
import warnings
from collections.abc import Collection, Iterator, Sequence

from rlvr.cells import Cell, TooLarge, cells_of, parsed, said

__all__ = ["LARGEST", "TooLarge", "program"]

LARGEST = 1 << 18
"""Characters of a completion, without its thoughts, that are read."""


def program(completion: str, names: Collection[str], preamble: str = "", prompt: str = "") -> str:
    """Return the program that a completion holds, or "" if it holds none.

    `names` are the functions under test; none stands for a program that is run itself, and reads
    its input. `preamble` is put before a program that defines a function, `prompt` before one that
    continues it. Raises TooLarge for more than LARGEST characters or MOST_PIECES pieces.
    """
    text = said(completion.removeprefix("\ufeff"))
    if text is None:
        return ""
    if len(text) > LARGEST:
        raise TooLarge(f"a program too large to be read: {len(text):,} characters")
    cells = cells_of(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not cells:
        return ""
    if not names:
        return _joined(_with_helpers(cells, {at: cells[at].code for at in _script(cells)}, names))
    at, defines = _main(cells, names, prompt)
    main = cells[at]
    if not defines and prompt:
        code, preamble = prompt + _body(main, prompt), ""
    else:
        code = main.code
    parts = _with_helpers(cells, {at: code}, names)
    return _joined([preamble, *(_without_demonstration(part, names) for part in parts)])


# --- cells -----------------------------------------------------------------------------------

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Import = ast.Import | ast.ImportFrom


def _main(cells: Sequence[Cell], names: Collection[str], prompt: str) -> tuple[int, bool]:
    """Return which cell is the program, and whether it defines a function under test."""
    if len(cells) == 1 and not prompt:
        return 0, True
    able = [i for i, cell in enumerate(cells) if any(n in cell.code for n in names)]
    if len(able) == 1 and any(f"\ndef {name}(" in f"\n{cells[able[0]].code}" for name in names):
        return able[0], True  # and nothing need be parsed
    found, best = 0, 0
    for index in reversed(able):
        tree = cells[index].tree
        rank = 0 if tree is None else _defines(tree, names)
        if rank > best:
            found, best = index, rank
        if best == 2:
            break
    if best:
        return found, True
    last = [*range(len(cells))]
    if prompt and len(cells) > 1:
        last = [index for index in last if _continues(cells[index], prompt)] or last
    return _last(cells, last), False


def _last(cells: Sequence[Cell], among: Sequence[int]) -> int:
    """Return the last of some cells, if there is one the last in a fence."""
    return max(among, key=lambda index: (cells[index].fenced, index))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a scope, also those under `if`, `try`, `with` and loops."""
    stack = [node]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                yield child
                if not isinstance(child, _Definition):
                    stack.append(child)


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a statement by itself binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return {node.name}
        case ast.Import() | ast.ImportFrom():
            return {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        case ast.Assign():
            return _mentioned(*node.targets)
        case ast.AnnAssign(value=ast.expr()) | ast.AugAssign() | ast.For():
            return _mentioned(node.target)
    return set()


def _mentioned(*nodes: ast.AST) -> set[str]:
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name)}


def _defines(tree: ast.Module, names: Collection[str]) -> int:
    """Return 2 if a cell defines one of the functions, 1 if it imports it or has it as a method.

    An assignment defines a function, unless its value is data or is made from that name. A function
    without a body only shows how it is called: 1.
    """
    found = 0
    for node in _own(tree):
        bound = _bound(node).intersection(names)
        if bound and isinstance(node, ast.Assign | ast.AnnAssign):
            value = node.value
            if isinstance(value, ast.Lambda | ast.Name | ast.Attribute | ast.Call):
                if not bound & _mentioned(value):
                    return 2
        elif bound and isinstance(node, _Definition):
            if not all(map(_says_nothing, node.body)):
                return 2
            found = 1
        elif bound and isinstance(node, _Import):
            found = 1
        elif isinstance(node, ast.ClassDef):
            if any(getattr(part, "name", None) in names for part in node.body):
                found = 1
    return found


def _says_nothing(node: ast.stmt) -> bool:
    constant = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return constant or isinstance(node, ast.Pass)


def _continues(cell: Cell, prompt: str) -> bool:
    """Whether a cell is the body of the prompt's function: it returns or yields something."""
    tree = parsed(f"def body():\n{_body(cell, prompt)}\n")
    if tree is None or len(tree.body) > 1:
        return False
    return any(
        isinstance(node, ast.Return)
        or isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Yield | ast.YieldFrom)
        for node in _own(tree.body[0])
    )


def _body(cell: Cell, prompt: str) -> str:
    """Return what continues a prompt. A fence may have lost indentation, or its first line's."""
    if not cell.fenced:
        return cell.raw
    code = cell.code
    first, *later = [line for line in code.splitlines() if line.strip() and line[0] != "#"] or [""]
    last = (prompt.rstrip().splitlines() or [""])[-1]
    indent = last[: len(last) - len(last.lstrip())] or "    "
    deep = 2 * len(indent) if first.rstrip().endswith(":") else 1  # what its block is indented by
    depths = [len(line) - len(line.lstrip()) for line in later]
    if depths and depths[0] >= deep and min(depths) >= min(deep, len(indent)):
        return code.replace(first, f"{indent}{first}", 1)
    return textwrap.indent(code, indent)


# --- whole programs --------------------------------------------------------------------------


def _script(cells: Sequence[Cell]) -> list[int]:
    """Return which cells are the program that is run itself, without its helpers.

    It is the last cell that reads the input and prints by itself. A cell that needs a variable of
    such a cell only explains that one. Where no cell does both, several are the program together:
    each that reads, and each that uses what they read.
    """
    if len(cells) == 1:
        return [0]
    found: int | None = None
    variables: set[str] = set()
    for index, cell in enumerate(cells):
        if _is_script(cell.tree):
            if found is None or not variables & _scope(cell.code)[0]:
                found = index
            variables |= _variables(cell.tree)
    if found is not None:
        return [found]
    run = [at for at, cell in enumerate(cells) if cell.tree is not None and _is_run(cell)]
    return _in_pieces(cells, run) or run[-1:] or [_last(cells, range(len(cells)))]


def _in_pieces(cells: Sequence[Cell], run: Sequence[int]) -> list[int]:
    """Return the cells that read the input, and those that use a variable of such a cell."""
    found: list[int] = []
    variables: set[str] = set()
    own: dict[str, ast.AST] = {}
    for index in run:
        tree = cells[index].tree
        assert tree is not None
        own |= _definitions(tree)
        nodes = _running(tree, own)
        if any(_is_input(node) for node in nodes) or any(
            isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in variables
            for node in nodes
        ):
            found.append(index)
            variables |= _variables(tree)
    return found


def _is_run(cell: Cell) -> bool:
    """Whether a cell is said to be Python or calls anything."""
    assert cell.tree is not None
    return cell.language == "python" or any(isinstance(n, ast.Call) for n in ast.walk(cell.tree))


def _is_script(tree: ast.Module | None) -> bool:
    """Whether a program reads the input and prints. One that gives itself an input does not."""
    if tree is None:
        return False
    nodes = _running(tree, _definitions(tree))
    if not any(map(_is_input, nodes)) or not any(map(_is_output, nodes)):
        return False
    for node in tree.body:
        if isinstance(node, _Definition) and node.name != "input":
            continue
        if any(map(_is_input, ast.walk(node))):
            return True
        if _replaces_input(node):
            return False
    return True


def _replaces_input(node: ast.stmt) -> bool:
    """Whether a statement puts something else in the place of `input` or `sys.stdin`."""
    if isinstance(node, ast.Assign):
        return any(
            isinstance(target, ast.Attribute)
            and target.attr == "stdin"
            or isinstance(target, ast.Name)
            and target.id == "input"
            for target in node.targets
        )
    return isinstance(node, ast.FunctionDef) and node.name == "input"


def _definitions(tree: ast.Module) -> dict[str, ast.AST]:
    return {node.name: node for node in tree.body if isinstance(node, _Definition)}


def _variables(tree: ast.Module | None) -> set[str]:
    """Return the names that a cell binds, but for what it defines or imports."""
    nodes = _own(tree) if tree is not None else ()
    bound = (_bound(n) for n in nodes if not isinstance(n, _Definition | _Import))
    return set().union(*bound)


def _running(tree: ast.Module, own: dict[str, ast.AST]) -> list[ast.AST]:
    """Return the nodes that run: outside of definitions, and in those that are mentioned there.

    What is mentioned is taken out of `own`, so that each definition is looked at once.
    """
    found: list[ast.AST] = []
    stack: list[ast.AST] = [node for node in tree.body if not isinstance(node, _Definition)]
    while stack:
        node = stack.pop()
        found.append(node)
        if isinstance(node, ast.Name) and node.id in own:
            stack.append(own.pop(node.id))
        stack += ast.iter_child_nodes(node)
    return found


def _is_input(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=0 | "/dev/stdin"), *_]):
            return True
        case ast.Call(func=ast.Attribute(attr="read" | "fdopen"), args=[ast.Constant(value=0), *_]):
            return True
        case ast.Name(id="input" | "stdin" | "fileinput", ctx=ast.Load()):
            return True
        case ast.Attribute(attr="stdin" | "__stdin__", ctx=ast.Load()):
            return True
    return False


def _is_output(node: ast.AST) -> bool:
    match node:
        case ast.Name(id="print" | "stdout") | ast.Attribute(attr="stdout" | "write"):
            return True
    return False


# --- the cells that a program uses -----------------------------------------------------------

_BUILTIN = frozenset(dir(builtins))
_BINDING = ("=", "def ", "class ", "import ", "for ")  # without one of these, no name is bound


def _with_helpers(
    cells: Sequence[Cell], parts: dict[int, str], names: Collection[str]
) -> list[str]:
    """Return the code of the program and of the cells that define what it uses, in their order.

    `parts` is the program's code, by its cells. A name is what the nearest cell above defines it
    as, else the first one below.
    """
    if len(cells) == 1:
        return [*parts.values()]
    at = max(parts)
    supply: dict[str, int] = {}
    for index in [*reversed(range(at)), *range(at + 1, len(cells))]:
        tree = cells[index].tree if any(sign in cells[index].code for sign in _BINDING) else None
        for node in _own(tree) if tree is not None else ():
            for name in _bound(node):
                supply.setdefault(name, index)
    if not supply:
        return [parts[index] for index in sorted(parts)]
    scopes = [_scope(code) for code in parts.values()]
    bound = set().union(*(bound for _, bound in scopes))
    wanted = [name for used, _ in scopes for name in used]
    wanted += [name for name in names if name not in bound]
    while wanted:
        index = supply.get(wanted.pop(), supply.get("*", at))
        if index not in parts:
            helper = cells[index]
            parts[index] = _without_use(helper, names) if index < at or not names else helper.code
            wanted += _scope(parts[index])[0]
    return [parts[index] for index in sorted(parts)]


def _scope(code: str) -> tuple[set[str], set[str]]:
    """Return the names that code uses and does not define, and those that it defines."""
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


def _without_use(cell: Cell, names: Collection[str]) -> str:
    """Return a cell's code without what uses the functions under test before they are defined.

    Where a whole program is wanted, another one gives what it defines and imports.
    """
    assert cell.tree is not None
    if not names and _is_script(cell.tree):
        return _without(cell.code, [
            node for node in cell.tree.body if not isinstance(node, _Definition | _Import)
        ])  # fmt: skip
    if any(_bound(node).intersection(names) for node in _own(cell.tree)):
        return cell.code
    return _without(cell.code, [
        node for node in cell.tree.body
        if not isinstance(node, _Definition | _Import) and _mentioned(node).intersection(names)
    ])  # fmt: skip


def _without(code: str, nodes: Sequence[ast.stmt]) -> str:
    """Return code with the lines of some statements left blank."""
    lines = code.split("\n")
    for node in nodes:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "\n".join(lines)


def _joined(parts: Sequence[str]) -> str:
    """Put parts of a program one after the other; imports from the future go to the top."""
    parts = [part for part in parts if part.strip()]
    futures: list[str] = []
    if len(parts) > 1:
        for index, part in enumerate(parts):
            tree = parsed(part) if "__future__" in part else None
            if tree is not None:
                nodes = [n for n in tree.body if getattr(n, "module", "") == "__future__"]
                futures += map(ast.unparse, nodes)
                parts[index] = _without(part, nodes)
    return "\n".join([*futures, *parts])


# --- demonstrations --------------------------------------------------------------------------

_OUTSIDE = ("input(", "stdin", "argv", "open(0")


def _without_demonstration(code: str, names: Collection[str]) -> str:
    """Return code without its end, from where it reads stdin once the functions are defined.

    An end that defines what the rest uses stays.
    """
    tree = parsed(code) if any(word in code for word in _OUTSIDE) else None
    if tree is None:
        return code
    tested = [i for i, node in enumerate(tree.body) if _binds(node, names)]
    defined = [i for i, node in enumerate(tree.body) if isinstance(node, _Definition | _Import)]
    last = max(tested or defined, default=len(tree.body) - 1)
    readers: set[str] = set()
    for node in tree.body:
        if isinstance(node, _Definition) and _reads(node, readers):
            readers.add(node.name)
    ended = tree.body[last].end_lineno or 0
    for index, node in enumerate(tree.body[last + 1 :], last + 1):
        if node.lineno > ended and _reads(node, readers):
            rest = "\n".join([*code.split("\n")[: node.lineno - 1], ""])
            used = _scope(rest)[0]
            return code if any(_binds(part, used) for part in tree.body[index:]) else rest
        ended = node.end_lineno or node.lineno
    return code


def _binds(node: ast.stmt, names: Collection[str]) -> bool:
    return any(_bound(part).intersection(names) for part in (node, *_own(node)))


def _reads(node: ast.AST, readers: Collection[str] = ()) -> bool:
    """Whether code reads stdin or arguments, or calls a reader, and does not expect the end."""
    stack = [node]
    while stack:
        part = stack.pop()
        match part:
            case ast.Call(func=ast.Name(id=name)) if name == "input" or name in readers:
                return True
            case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=0), *_]):
                return True
            case ast.Name(id="stdin" | "argv") | ast.Attribute(attr="stdin" | "argv"):
                return True
            case ast.Try() if any(map(_expects_the_end, part.handlers)):
                stack += [*part.handlers, *part.orelse, *part.finalbody]
                continue
        stack += ast.iter_child_nodes(part)
    return False


def _expects_the_end(handler: ast.ExceptHandler) -> bool:
    expected = {"EOFError", "Exception", "BaseException"}
    return handler.type is None or bool(_mentioned(handler.type) & expected)
