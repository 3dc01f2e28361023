"""Cells: cuts a completion at its marks into the pieces that may be Python.

Marks are fences, tags such as `<answer>`, and a tokenizer's end marks. Each piece is a cell, unless
it stands in a fence that names another language. So a fence that the prompt opened needs no rule of
its own: the text before the first mark is a piece like any other. Python's parser decides what is
text: a mark inside a string or a comment cuts nothing, if the piece around it parses.

The completion may be hostile, and is read outside the sandbox, so all time is linear in its length.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import commonprefix

from rlvr.markup import spoken

LARGEST = 1 << 18
"""So many characters of a completion, without its thoughts, are read at most."""

MOST_PIECES = 1000


class TooLarge(ValueError):
    """The completion is too long, so no program in it is read."""


# Both begin with a set of characters, which is found fast. Repeats are possessive, and a literal
# without an end goes on to the end of the line or the text: no two attempts read the same text.
_LITERAL = (
    r"(?<=#)[^\n]*+"
    r'|(?<=")""(?:[^"\\]++|\\(?s:.)?+|"(?!""))*+(?:"""|\Z)'
    r"|(?<=')''(?:[^'\\]++|\\(?s:.)?+|'(?!''))*+(?:'''|\Z)"
    r'|(?<=")(?:[^"\\\n]++|\\(?s:.)?+)*+"?+'
    r"|(?<=')(?:[^'\\\n]++|\\(?s:.)?+)*+'?+"
)
_MARK = (
    r"(?P<fence>(?<=`)`{2,}+|(?<=~)~{2,}+)(?:(?P<info>[^`<\n]*+)(?:$|(?=<)))?"
    r"|(?P<end>(?<=<)(?:\|\w++\||｜[^｜\n]{1,40}+｜|/s|end_of_turn|eos)>|(?<=^\[)DONE\][ \t]*+$)"
    r"|(?P<tag>(?<=<)/\w++>|(?<=^<)\w++(?:[ \t][^<>\n]*+)?>|(?<=<)\w++>(?=[ \t]*+$)"
    r"|(?<=^\[)/?(?:BEGIN|END|PYTHON|CODE|ANSWER|SOLUTION)\][ \t]*+$)"
)
_LITERALS = re.compile(rf"[#\"'](?:{_LITERAL})")
_ANYWHERE = re.compile(rf"[`~<\[](?:{_MARK})", re.M)
_OUTSIDE_LITERALS = re.compile(rf"[#\"'`~<\[](?:{_LITERAL}|{_MARK})", re.M)
# Possible markup around a thought, and the possible beginning of a literal that contains markup.
_MARKUP = re.compile(r"<[/|\w]|\[/?THINK|◁")
_HOLDS = re.compile(r"^[^\n#\"']*+[#\"'][^\n<◁]*+[<◁]|\"\"\"|'''", re.M)
# The language of a fence: Python, or a word that only says that this is text.
_PYTHON = re.compile(r"\W{0,3}+(?:i?python|py)[\d.]*+(?!\w)")
_PLAIN = frozenset({"text", "txt", "plain", "plaintext", "code", "none"})
_WORD = re.compile(r"[a-z][\w+#.:/-]*+")
# The language on a line of its own, for example after a fence that the prompt opened.
_PYTHON_LINE = re.compile(r"\A\s*+(?:python|py)3?+[ \t]*+\n", re.I)


# A line for a notebook's shell, or for the notebook itself: !pip install x, %matplotlib inline.
_COMMAND = re.compile(r"^[!%][^\n]*+", re.M)


@dataclass(frozen=True)
class Cell:
    """A piece of a completion that may be Python.

    `raw`: the piece as it stands. `fenced`: whether a fence or a tag opened it. `language`: the
    fence's language: "python", "other", or "" if it has none. `last`: whether an end mark follows.
    """

    raw: str
    fenced: bool = False
    language: str = ""
    last: bool = False

    @cached_property
    def code(self) -> str:
        """The piece without the indentation or the quotation marks that all lines share."""
        code = _dedented(self.raw.removeprefix("\n") if self.fenced else self.raw)
        code = _PYTHON_LINE.sub("", code, count=1)
        some = code[:1] in ("!", "%") or "\n!" in code or "\n%" in code
        return _without_commands(code) if some else code

    @cached_property
    def tree(self) -> ast.Module | None:
        """The code's syntax tree, None if it is not Python."""
        return parsed(self.code)


def _without_commands(code: str) -> str:
    """Return code without a notebook's commands, if it is Python without them."""
    if parsed(code) is not None:
        return code
    without = _COMMAND.sub("", code)
    return code if parsed(without) is None else without


def cells_of(text: str) -> list[Cell]:
    """Return the pieces of a text, without blank ones and those in other languages."""
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
    """Cut a piece at the first pattern's marks; cut what is not Python at the next pattern's."""
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
    """Return whether a piece is Python with its marks. A list by itself is a mark: [DONE]."""
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
    """Return the language in the text after a fence; several words there are prose."""
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


def said(completion: str) -> str | None:
    """Return a completion without its thoughts, None if a thought never ends.

    In a string or a comment of Python code, the mark of a thought is text.
    """
    plain = spoken(completion)
    literal = _HOLDS.search(completion)
    if plain == completion or not literal or not _MARKUP.search(completion, literal.start()):
        return plain
    cut = _cut(completion, _OUTSIDE_LITERALS)
    hidden = "".join(_with_hidden_literals(text) + (mark[0] if mark else "") for text, mark in cut)
    if hidden == completion or any(new in completion for new in map(chr, _SHOWN)):
        return plain
    shown = spoken(hidden)
    return None if shown is None else shown.translate(_SHOWN)


def _with_hidden_literals(piece: str) -> str:
    hidden = _LITERALS.sub(lambda literal: literal[0].translate(_HIDDEN), piece)
    if hidden == piece or len(piece) > LARGEST:
        return piece
    tree = parsed(_dedented(piece))
    return hidden if tree is not None and tree.body else piece


def _dedented(text: str) -> str:
    """Strip the indentation and the `>` of a quotation that all lines share; skip blank lines."""
    if text.lstrip("\n")[:1] not in " \t>":
        return text  # the first line has no indentation
    lines = text.split("\n")
    leads = [line[: len(line) - len(line.lstrip(" \t>"))] for line in lines]
    shared = [lead for lead, line in zip(leads, lines, strict=True) if len(lead) < len(line)]
    margin = commonprefix(shared)
    if not margin:
        return text
    return "\n".join(
        line[len(margin) :] if line.startswith(margin) else line.lstrip(" \t>") for line in lines
    )


def parsed(code: str) -> ast.Module | None:
    """Return the syntax tree, None if the code is not Python. LARGEST limits the length."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
