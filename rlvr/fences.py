"""The program that a completion holds: its Python cells, read as a notebook is read.

Marks cut a completion into pieces: fences, tags such as `<answer>`, a tokenizer's end marks. Each
piece outside of a fence that names another language may be a cell. The program is the last cell
that defines a function under test, together with the cells that define what it uses, in the order
of the text. So a fence that the prompt opened needs no rule of its own: what stands before the
first mark is a piece like any other. Python's parser decides what is text: a mark inside a string
or a comment cuts nothing, if the piece around it parses.

Where no cell defines a function, the last one that returns something continues the prompt. There is
no stdin, so what reads it after the last definition is a demonstration, and is left out.

What is read here is hostile, and read outside the sandbox: in time that grows as its length does.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
import textwrap
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import commonprefix

from rlvr.markup import spoken

LARGEST = 1 << 18
"""Characters of a completion, without its thoughts, that are read."""
MOST_PIECES = 1000


class TooLarge(ValueError):
    """The completion is too long: no program in it can be read."""


def program(completion: str, names: Collection[str], preamble: str = "", prompt: str = "") -> str:
    """Return the program that a completion holds, or "" if it holds none.

    `names` are the functions under test; none stands for a program that is run itself, and reads
    its input. `preamble` is put before a program that defines a function, `prompt` before one that
    continues it. Raises TooLarge for more than LARGEST characters or MOST_PIECES pieces.
    """
    text = _said(completion.removeprefix("\ufeff"))
    if text is None:
        return ""
    if len(text) > LARGEST:
        raise TooLarge(f"a program too large to be read: {len(text):,} characters")
    cells = _cells(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not cells:
        return ""
    at, defines = _main(cells, names, prompt)
    main = cells[at]
    if not defines and prompt:
        code, preamble = prompt + _body(main, prompt), ""
    else:
        code = main.code
    parts = _with_helpers(cells, at, code, names) if len(cells) > 1 else [code]
    if names:
        parts = [_without_demonstration(part, names) for part in parts]
    return _joined([preamble, *parts])


# --- marks -----------------------------------------------------------------------------------

# Both begin with a set of characters, which is searched for fast. Repeats give nothing back, and a
# literal without an end goes on to the end of the line or the text: no two attempts read the same.
_LITERAL = (
    r"(?<=#)[^\n]*+"
    r'|(?<=")""(?:[^"\\]++|\\(?s:.)?+|"(?!""))*+(?:"""|\Z)'
    r"|(?<=')''(?:[^'\\]++|\\(?s:.)?+|'(?!''))*+(?:'''|\Z)"
    r'|(?<=")(?:[^"\\\n]++|\\(?s:.)?+)*+"?+'
    r"|(?<=')(?:[^'\\\n]++|\\(?s:.)?+)*+'?+"
)
_MARK = (
    r"(?P<fence>(?<=`)`{2,}+|(?<=~)~{2,}+)(?:(?P<info>[^`\n]*+)$)?"
    r"|(?P<end>(?<=<)(?:\|\w++\||｜[^｜\n]{1,40}+｜|/s|end_of_turn|eos)>|(?<=^\[)DONE\][ \t]*+$)"
    r"|(?P<tag>(?<=<)/\w++>|(?<=^<)\w++(?:[ \t][^<>\n]*+)?>|(?<=<)\w++>(?=[ \t]*+$)"
    r"|(?<=^\[)/?(?:BEGIN|END|PYTHON|CODE|ANSWER|SOLUTION)\][ \t]*+$)"
)
_LITERALS = re.compile(rf"[#\"'](?:{_LITERAL})")
_ANYWHERE = re.compile(rf"[`~<\[](?:{_MARK})", re.M)
_OUTSIDE_LITERALS = re.compile(rf"[#\"'`~<\[](?:{_LITERAL}|{_MARK})", re.M)
# What may be markup around a thought, and what may begin a literal that holds some.
_MARKUP = re.compile(r"<[/|\w]|\[/?THINK|◁")
_HOLDS = re.compile(r"^[^\n#\"']*+[#\"'][^\n<◁]*+[<◁]|\"\"\"|'''", re.M)
# The language of a fence: Python's, or one that says no more than that this is text.
_PYTHON = re.compile(r"\W{0,3}+(?:i?python|py)[\d.]*+(?!\w)")
_PLAIN = frozenset({"text", "txt", "plain", "plaintext", "code", "none"})
_WORD = re.compile(r"[a-z][\w+#.:/-]*+")
# The language on a line of its own, as after a fence that the prompt opened.
_PYTHON_LINE = re.compile(r"\A\s*+(?:python|py)3?+[ \t]*+\n", re.I)


@dataclass(frozen=True)
class Cell:
    """A piece of a completion that may be Python.

    `raw` is the piece as it stands, `fenced` whether a fence or a tag opened it, `language` what a
    fence says it is: "python", "" for nothing, or "other". `last`: an end mark follows.
    """

    raw: str
    fenced: bool = False
    language: str = ""
    last: bool = False

    @cached_property
    def code(self) -> str:
        """The piece without the indentation, or the marks of a quotation, that all lines share."""
        code = _dedented(self.raw.removeprefix("\n") if self.fenced else self.raw)
        return _PYTHON_LINE.sub("", code, count=1)

    @cached_property
    def tree(self) -> ast.Module | None:
        """The code's tree, None if it is no Python."""
        return _parsed(self.code)


def _cells(text: str) -> list[Cell]:
    """Return the pieces of a text, but for blank ones and those in other languages."""
    found: list[Cell] = []
    for cell in _split(Cell(text), (_OUTSIDE_LITERALS, _ANYWHERE)):
        if cell.raw.strip(" \t\n>"):
            found.append(cell)
        if len(found) > MOST_PIECES:
            raise TooLarge(f"a program in more than {MOST_PIECES:,} pieces")
        if cell.last and found:
            break
    return [cell for cell in found if cell.language != "other"]


def _split(piece: Cell, patterns: Sequence[re.Pattern[str]]) -> Iterator[Cell]:
    """Cut a piece at the marks of the first pattern, and at those of the next what is no Python."""
    if not patterns or not _ANYWHERE.search(piece.raw) or _is_whole(piece.tree):
        yield piece
        return
    fenced, language = piece.fenced, piece.language
    for text, mark in _cut(piece.raw, patterns[0]):
        last = piece.last if mark is None else mark["end"] is not None
        yield from _split(Cell(text, fenced, language, last), patterns[1:])
        if mark is not None:
            language = _language(mark["info"] or "")
            if mark["fence"] is not None:
                fenced = language != "" or not fenced
            else:
                fenced = "/" not in mark[0]


def _is_whole(tree: ast.Module | None) -> bool:
    """Whether a piece is Python, marks and all. A list that stands by itself is a mark: [DONE]."""
    if tree is None:
        return False
    return not any(isinstance(n, ast.Expr) and isinstance(n.value, ast.List) for n in tree.body)


def _cut(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[str, re.Match[str] | None]]:
    """Yield each piece with the mark after it, None at the end of the text."""
    start = 0
    for match in pattern.finditer(text):
        if match.lastgroup:
            yield text[start : match.start()], match
            start = match.end()
    yield text[start:], None


def _language(info: str) -> str:
    """Read what follows a fence on its line: a language, or several words, which are prose."""
    words = info.lower().split(maxsplit=1)
    if not words:
        return ""
    if _PYTHON.match(words[0]) or words[0].endswith(".py"):
        return "python"
    if len(words) > 1 or words[0] in _PLAIN or not _WORD.fullmatch(words[0]):
        return ""
    return "other"


_HIDDEN = str.maketrans("<[◁", "\ue0f0\ue0f1\ue0f2")
_SHOWN = {new: chr(old) for old, new in _HIDDEN.items()}


def _said(completion: str) -> str | None:
    """Return what a completion says beside its thoughts, None if a thought never ends.

    A mark of a thought in a string or a comment of a piece that is Python is text.
    """
    said = spoken(completion)
    literal = _HOLDS.search(completion)
    if said == completion or not literal or not _MARKUP.search(completion, literal.start()):
        return said
    cut = _cut(completion, _OUTSIDE_LITERALS)
    hidden = "".join(_with_hidden_literals(text) + (mark[0] if mark else "") for text, mark in cut)
    if hidden == completion or any(new in completion for new in map(chr, _SHOWN)):
        return said
    said = spoken(hidden)
    return None if said is None else said.translate(_SHOWN)


def _with_hidden_literals(piece: str) -> str:
    hidden = _LITERALS.sub(lambda literal: literal[0].translate(_HIDDEN), piece)
    if hidden == piece:
        return piece
    tree = _parsed(_dedented(piece))
    return hidden if tree is not None and tree.body else piece


def _dedented(text: str) -> str:
    """Strip the indentation and the `>` of a quotation that all lines share but blank ones."""
    lines = text.split("\n")
    leads = [line[: len(line) - len(line.lstrip(" \t>"))] for line in lines]
    shared = [lead for lead, line in zip(leads, lines, strict=True) if len(lead) < len(line)]
    margin = commonprefix(shared)
    if not margin:
        return text
    return "\n".join(
        line[len(margin) :] if line.startswith(margin) else line.lstrip(" \t>") for line in lines
    )


# --- cells -----------------------------------------------------------------------------------

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_Import = ast.Import | ast.ImportFrom


def _parsed(code: str) -> ast.Module | None:
    """Return the tree, None if the code is no Python. LARGEST bounds the length."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _main(cells: Sequence[Cell], names: Collection[str], prompt: str) -> tuple[int, bool]:
    """Return which cell is the program, and whether it defines a function under test."""
    if len(cells) == 1 and not prompt:
        return 0, True
    able = [i for i, cell in enumerate(cells) if not names or any(n in cell.code for n in names)]
    if len(able) == 1 and any(f"\ndef {name}(" in f"\n{cells[able[0]].code}" for name in names):
        return able[0], True  # and nothing need be parsed
    found, best = 0, 0
    for index in reversed(able):
        tree = cells[index].tree
        rank = 0 if tree is None else _defines(tree, names) if names else _is_run(cells[index])
        if rank > best:
            found, best = index, rank
        if best == 2:
            break
    if best:
        return found, True
    last = [*range(len(cells))]
    if prompt and len(cells) > 1:
        last = [index for index in last if _continues(cells[index], prompt)] or last
    return max(last, key=lambda index: (cells[index].fenced, index)), False


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


def _is_run(cell: Cell) -> int:
    """Return 2 if a program reads its input, 1 if it is said to be Python or calls anything."""
    assert cell.tree is not None
    if _reads(cell.tree):
        return 2
    calls = any(isinstance(node, ast.Call) for node in ast.walk(cell.tree))
    return int(cell.language == "python" or calls)


def _continues(cell: Cell, prompt: str) -> bool:
    """Whether a cell is the body of the prompt's function: it returns or yields something."""
    tree = _parsed(f"def body():\n{_body(cell, prompt)}\n")
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


# --- the cells that a program uses -----------------------------------------------------------

_BUILTIN = frozenset(dir(builtins))


def _with_helpers(cells: Sequence[Cell], at: int, code: str, names: Collection[str]) -> list[str]:
    """Return the code of the program and of the cells that define what it uses, in their order.

    A name is what the nearest cell above defines it as, else the first one below.
    """
    supply: dict[str, int] = {}
    for index in [*reversed(range(at)), *range(at + 1, len(cells))]:
        tree = cells[index].tree
        for node in _own(tree) if tree is not None else ():
            for name in _bound(node):
                supply.setdefault(name, index)
    if not supply:
        return [code]
    parts = {at: code}
    used, bound = _scope(code)
    wanted = [*used, *(name for name in names if name not in bound)]
    while wanted:
        index = supply.get(wanted.pop(), supply.get("*", at))
        if index not in parts:
            helper = cells[index]
            parts[index] = _without_use(helper, names) if index < at else helper.code
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
    """Return a cell's code without what uses the functions under test before they are defined."""
    assert cell.tree is not None
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
            tree = _parsed(part) if "__future__" in part else None
            if tree is not None:
                nodes = [n for n in tree.body if getattr(n, "module", "") == "__future__"]
                futures += map(ast.unparse, nodes)
                parts[index] = _without(part, nodes)
    return "\n".join([*futures, *parts])


# --- demonstrations --------------------------------------------------------------------------

_STDIN = re.compile(r"\b(?:input|stdin|argv)\b|\bopen\(0")


def _without_demonstration(code: str, names: Collection[str]) -> str:
    """Return code without its end, from where it reads stdin once the functions are defined.

    An end that defines what the rest uses stays.
    """
    tree = _parsed(code) if _STDIN.search(code) else None
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
