"""The pieces of a completion that may be Python: what stands between its marks.

Marks are fences, tags such as `<answer>` and a tokenizer's end marks. Each piece outside of a fence
that names another language is a cell. So a fence that the prompt opened needs no rule of its own:
what stands before the first mark is a piece like any other. Python's parser decides what is text: a
mark inside a string or a comment cuts nothing, if the piece around it parses.

What is read here is hostile, and read outside the sandbox: in time that grows as its length does.
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

MOST_PIECES = 1000


class TooLarge(ValueError):
    """The completion is too long: no program in it can be read."""


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


# A line that a notebook gives to its shell or reads itself: !pip install x, %matplotlib inline.
_COMMAND = re.compile(r"^[!%][^\n]*+", re.M)


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
        code = _PYTHON_LINE.sub("", code, count=1)
        some = code[:1] in ("!", "%") or "\n!" in code or "\n%" in code
        return _without_commands(code) if some else code

    @cached_property
    def tree(self) -> ast.Module | None:
        """The code's tree, None if it is no Python."""
        return parsed(self.code)


def _without_commands(code: str) -> str:
    """Return code without a notebook's commands, if they alone keep it from being Python."""
    if parsed(code) is not None:
        return code
    without = _COMMAND.sub("", code)
    return code if parsed(without) is None else without


def cells_of(text: str) -> list[Cell]:
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


def said(completion: str) -> str | None:
    """Return what a completion says beside its thoughts, None if a thought never ends.

    A mark of a thought in a string or a comment of a piece that is Python is text.
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
    if hidden == piece:
        return piece
    tree = parsed(_dedented(piece))
    return hidden if tree is not None and tree.body else piece


def _dedented(text: str) -> str:
    """Strip the indentation and the `>` of a quotation that all lines share but blank ones."""
    if text.lstrip("\n")[:1] not in " \t>":
        return text  # the first line shares none
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
    """Return the tree, None if the code is no Python. LARGEST bounds the length."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
