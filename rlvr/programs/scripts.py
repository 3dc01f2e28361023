"""Scripts: finds the cells of a whole program, which itself runs and reads its input.

The completion may be hostile, and is read outside the sandbox, so all time is linear in its length.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rlvr.programs.cells import Cell
from rlvr.programs.names import Definition, Import, bound_by, scope_of, statements_of


def script(cells: Sequence[Cell]) -> list[int]:
    """Return the indices of the cells of the program that runs, without its helpers.

    The program is the last cell that both reads the input and prints. A cell that needs a variable
    of such a cell only explains it. If no cell does both, several cells are the program together:
    those that read, and those that use what they read.
    """
    if len(cells) == 1:
        return [0]
    found: int | None = None
    variables: set[str] = set()
    for index, cell in enumerate(cells):
        if is_script(cell.tree):
            if found is None or not variables & scope_of(cell.code)[0]:
                found = index
            variables |= _variables(cell.tree)
    if found is not None:
        return [found]
    run = [at for at, cell in enumerate(cells) if cell.tree is not None and _is_run(cell)]
    return _in_pieces(cells, run) or run[-1:] or [last_of(cells, range(len(cells)))]


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
    """Return whether a cell's fence says Python, or the cell calls anything."""
    assert cell.tree is not None
    return cell.language == "python" or any(isinstance(n, ast.Call) for n in ast.walk(cell.tree))


def is_script(tree: ast.Module | None) -> bool:
    """Return whether a program reads the input and prints; not if it replaces its input."""
    if tree is None:
        return False
    nodes = _running(tree, _definitions(tree))
    if not any(map(_is_input, nodes)) or not any(map(_is_output, nodes)):
        return False
    for node in tree.body:
        if isinstance(node, Definition) and node.name != "input":
            continue
        if any(map(_is_input, ast.walk(node))):
            return True
        if _replaces_input(node):
            return False
    return True


def _replaces_input(node: ast.stmt) -> bool:
    """Return whether a statement replaces `input` or `sys.stdin` by something else."""
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
    return {node.name: node for node in tree.body if isinstance(node, Definition)}


def _variables(tree: ast.Module | None) -> set[str]:
    """Return the names that a cell binds, without those that it defines or imports."""
    nodes = statements_of(tree) if tree is not None else ()
    bound = (bound_by(n) for n in nodes if not isinstance(n, Definition | Import))
    return set().union(*bound)


def _running(tree: ast.Module, own: dict[str, ast.AST]) -> list[ast.AST]:
    """Return the nodes that run: those outside definitions, and in definitions that are used.

    A used definition is removed from `own`, so that each definition is read once.
    """
    found: list[ast.AST] = []
    stack: list[ast.AST] = [node for node in tree.body if not isinstance(node, Definition)]
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


def last_of(cells: Sequence[Cell], among: Sequence[int]) -> int:
    """Return the last of some cells; if some are in a fence, the last of those."""
    return max(among, key=lambda index: (cells[index].fenced, index))
