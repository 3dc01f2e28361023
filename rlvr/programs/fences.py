"""Fences: finds the program in a completion. Its Python cells are read as a notebook is read.

Marks cut a completion into pieces; the pieces that Python can parse are cells
(`rlvr/programs/cells.py`). The program is the last cell that defines a function under test,
together with the cells that define what it uses, in the order of the text. Without marks it is the
whole text.

A cell whose first line says that it is wrong (`# WRONG`) is no answer, unless all say so.

If no cell defines a function, the last cell that returns something continues the prompt. There is
no stdin. So code after the last definition that reads stdin is a demonstration, and is left out.

The completion may be hostile, and is read outside the sandbox, so all time is linear in its length.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Collection, Sequence

from rlvr.programs.cells import LARGEST, Cell, TooLarge, cells_of, parsed, said
from rlvr.programs.names import Definition, Import, bound_by, names_in, scope_of, statements_of
from rlvr.programs.scripts import is_script, last_of, script

__all__ = ["LARGEST", "TooLarge", "joined", "program"]


def program(completion: str, names: Collection[str], preamble: str = "", prompt: str = "") -> str:
    """Return the program in a completion, or "" if there is none.

    `names`: the functions under test. If there are none, the program itself runs and reads an
    input. `preamble` is put before a program that defines a function, `prompt` before one that
    continues the prompt. Raises TooLarge for more than LARGEST characters or MOST_PIECES pieces.
    """
    text = said(completion.removeprefix("\ufeff"))
    if text is None:
        return ""
    if len(text) > LARGEST:
        raise TooLarge(f"a program too large to be read: {len(text):,} characters")
    cells = cells_of(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not cells:
        return ""
    cells = [cell for cell in cells if not _WARNS.match(cell.code)] or cells
    if not names:
        return joined(_with_helpers(cells, {at: cells[at].code for at in script(cells)}, names))
    at, defines = _main(cells, names, prompt)
    main = cells[at]
    if not defines and prompt:
        code, preamble = prompt + _body(main, prompt), ""
    else:
        code = main.code
    parts = _with_helpers(cells, {at: code}, names)
    parts = [_without_tests(_without_demonstration(part, names), names) for part in parts]
    return joined([preamble, *parts])


# A first line that warns of the code under it: `# WRONG`, `# Incorrect version:`.
_WARNS = re.compile(
    r"\s*+#[#\s✗✘❌]*+(?:wrong|incorrect|buggy|bad|do not do this|don['’]t do this)"
    r"(?: (?:version|code|approach|solution|way|implementation|answer))?[ \t:.!]*+(?:\n|\Z)",
    re.I,
)


# --- cells -----------------------------------------------------------------------------------


def _main(cells: Sequence[Cell], names: Collection[str], prompt: str) -> tuple[int, bool]:
    """Return the index of the program's cell, and whether it defines a function under test."""
    if len(cells) == 1 and not prompt:
        return 0, True
    able = [i for i, cell in enumerate(cells) if any(n in cell.code for n in names)]
    if len(able) == 1 and any(f"\ndef {name}(" in f"\n{cells[able[0]].code}" for name in names):
        return able[0], True  # then nothing need be parsed
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
    return last_of(cells, last), False


def _defines(tree: ast.Module, names: Collection[str]) -> int:
    """Return 2 if a cell defines one of the functions, 1 if it imports one or has it as a method.

    An assignment defines a function, unless its value is data or is made from that name. A function
    without a body, or a class of such functions, only shows how to call it, and gives 1.
    """
    found = 0
    for node in statements_of(tree):
        bound = bound_by(node).intersection(names)
        if bound and isinstance(node, ast.Assign | ast.AnnAssign):
            value = node.value
            if isinstance(value, ast.Lambda | ast.Name | ast.Attribute | ast.Call):
                if not bound & names_in(value):
                    return 2
        elif bound and isinstance(node, Definition):
            if not all(map(_says_nothing, node.body)):
                return 2
            found = 1
        elif bound and isinstance(node, Import):
            found = 1
        elif isinstance(node, ast.ClassDef):
            if any(getattr(part, "name", None) in names for part in node.body):
                found = 1
    return found


def _says_nothing(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Raise(exc=ast.Name(id=name) | ast.Call(func=ast.Name(id=name))):
            return name == "NotImplementedError"
    return isinstance(node, Definition) and all(map(_says_nothing, node.body))


def _continues(cell: Cell, prompt: str) -> bool:
    """Return whether a cell is the body of the prompt's function: it returns or yields a value."""
    tree = parsed(f"def body():\n{_body(cell, prompt)}\n")
    if tree is None or len(tree.body) > 1:
        return False
    return any(
        isinstance(node, ast.Return)
        or isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Yield | ast.YieldFrom)
        for node in statements_of(tree.body[0])
    )


def _body(cell: Cell, prompt: str) -> str:
    """Return the text that continues a prompt, with its indentation if that was lost.

    All lines may have lost it, or only the first. Without a fence, a text has lost it if it begins
    at the margin and is not Python there.
    """
    if not cell.fenced and (
        cell.raw.lstrip("\n")[:1] in (" ", "\t", "")
        or not prompt.endswith("\n")
        or parsed(f"def body():\n{cell.raw}") is not None
    ):
        return cell.raw
    code = cell.code
    first, *later = [line for line in code.splitlines() if line.strip() and line[0] != "#"] or [""]
    last = (prompt.rstrip().splitlines() or [""])[-1]
    indent = last[: len(last) - len(last.lstrip())] or "    "
    deep = 2 * len(indent) if first.rstrip().endswith(":") else 1  # the indentation of its block
    depths = [len(line) - len(line.lstrip()) for line in later]
    if depths and depths[0] >= deep and min(depths) >= min(deep, len(indent)):
        return code.replace(first, f"{indent}{first}", 1)
    return textwrap.indent(code, indent)


# --- the cells that a program uses -----------------------------------------------------------

_BINDING = ("=", "def ", "class ", "import ", "for ")  # without one of these, no name is bound


def _with_helpers(
    cells: Sequence[Cell], parts: dict[int, str], names: Collection[str]
) -> list[str]:
    """Return the code of the program and of the cells that define what it uses, in their order.

    `parts`: the program's code, by cell. A name has the definition in the nearest cell above, else
    the one in the first cell below.
    """
    if len(cells) == 1:
        return [*parts.values()]
    at = max(parts)
    supply: dict[str, int] = {}
    for index in [*reversed(range(at)), *range(at + 1, len(cells))]:
        tree = cells[index].tree if any(sign in cells[index].code for sign in _BINDING) else None
        for node in statements_of(tree) if tree is not None else ():
            for name in bound_by(node):
                supply.setdefault(name, index)
    if not supply:
        return [parts[index] for index in sorted(parts)]
    scopes = [scope_of(code) for code in parts.values()]
    bound = set().union(*(bound for _, bound in scopes))
    wanted = [name for used, _ in scopes for name in used]
    wanted += [name for name in names if name not in bound]
    while wanted:
        index = supply.get(wanted.pop(), supply.get("*", at))
        if index not in parts:
            helper = cells[index]
            parts[index] = _without_use(helper, names) if index < at or not names else helper.code
            wanted += scope_of(parts[index])[0]
    return [parts[index] for index in sorted(parts)]


def _without_use(cell: Cell, names: Collection[str]) -> str:
    """Return a cell's code without statements that use the functions before they are defined.

    If a whole program is wanted, another whole program gives only its definitions and imports.
    """
    assert cell.tree is not None
    if not names and is_script(cell.tree):
        return _without(cell.code, [
            node for node in cell.tree.body if not isinstance(node, Definition | Import)
        ])  # fmt: skip
    if any(bound_by(node).intersection(names) for node in statements_of(cell.tree)):
        return cell.code
    return _without(cell.code, [
        node for node in cell.tree.body
        if not isinstance(node, Definition | Import) and names_in(node).intersection(names)
    ])  # fmt: skip


def _without(code: str, nodes: Sequence[ast.stmt]) -> str:
    """Return code with the lines of some statements blanked."""
    lines = code.split("\n")
    for node in nodes:
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "\n".join(lines)


def joined(parts: Sequence[str]) -> str:
    """Join parts of a program; imports from `__future__` go to the top."""
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
    """Return code without its end, if the end reads stdin after the functions are defined.

    An end that defines something that the rest uses stays.
    """
    tree = parsed(code) if any(word in code for word in _OUTSIDE) else None
    if tree is None:
        return code
    tested = [i for i, node in enumerate(tree.body) if _binds(node, names)]
    defined = [i for i, node in enumerate(tree.body) if isinstance(node, Definition | Import)]
    last = max(tested or defined, default=len(tree.body) - 1)
    readers: set[str] = set()
    for node in tree.body:
        if isinstance(node, Definition) and _reads(node, readers):
            readers.add(node.name)
    ended = tree.body[last].end_lineno or 0
    for index, node in enumerate(tree.body[last + 1 :], last + 1):
        if node.lineno > ended and _reads(node, readers):
            rest = "\n".join([*code.split("\n")[: node.lineno - 1], ""])
            used = scope_of(rest)[0]
            return code if any(_binds(part, used) for part in tree.body[index:]) else rest
        ended = node.end_lineno or node.lineno
    return code


def _without_tests(code: str, names: Collection[str]) -> str:
    """Return code without its own tests, if only they need pytest, which no program has."""
    tree = parsed(code) if "pytest" in code else None
    if tree is None:
        return code
    tests = [
        node for node in tree.body
        if not _binds(node, names) and (
            isinstance(node, Definition) and node.name.lower().startswith("test")
            or isinstance(node, ast.If | ast.Expr | ast.Assign | Definition) and _needs_pytest(node)
            or isinstance(node, Import) and _needs_pytest(node) and len(node.names) == 1
        )
    ]  # fmt: skip
    dropped = set(tests)
    rest = [node for node in tree.body if node not in dropped]
    bound = set().union(*map(bound_by, tests))
    if any(map(_needs_pytest, rest)) or bound & names_in(*rest):
        return code
    for node in tests:
        decorators = getattr(node, "decorator_list", [])
        node.lineno = min([node.lineno, *(part.lineno for part in decorators)])
    return _without(code, tests)


def _needs_pytest(node: ast.AST) -> bool:
    return any(
        isinstance(part, ast.Name) and part.id == "pytest"
        or isinstance(part, ast.Import) and "pytest" in bound_by(part)
        or isinstance(part, ast.ImportFrom) and part.module == "pytest"
        for part in ast.walk(node)
    )  # fmt: skip


def _binds(node: ast.stmt, names: Collection[str]) -> bool:
    return any(bound_by(part).intersection(names) for part in (node, *statements_of(node)))


def _reads(node: ast.AST, readers: Collection[str] = ()) -> bool:
    """Return whether code reads stdin or arguments, or calls a reader, and expects no end."""
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
    return handler.type is None or bool(names_in(handler.type) & expected)
