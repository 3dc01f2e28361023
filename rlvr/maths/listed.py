r"""Listed: finds an answer of several values that a text states one by one, at its end.

In lines (`x = 4` and `y = 1`, bullets, parts (a) and (b)), or in the clauses of one sentence
(`Alice is 12 and Bob is 15`). It is asked only where the reference has several values, and finds as
many as that has, or nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlvr.maths import stance
from rlvr.maths.clauses import NUMBER
from rlvr.maths.reader import Reader
from rlvr.maths.sentences import INLINE, last_of, told


@dataclass(frozen=True, slots=True)
class Listed:
    """The values as one list, where its lines begin in the text, and whether their order counts."""

    text: str
    start: int
    ordered: bool


MAX_LINE = 200  # characters of a line that states one value
_FENCE = re.compile(r"```[a-z]*+")
_BULLET = re.compile(r"(?:[-*•]|[0-9]{1,2}[.)])[ \t]++")
_PART = re.compile(r"\(?([a-h]|i{1,3}|iv)\)[ \t:]*+", re.I)
_PARTS = ("abcdefgh", ("i", "ii", "iii", "iv"))
_NAMED = re.compile(r"\$?\s*+(\\?[a-zA-Z]{1,8}(?:_\{?\w\}?)?(?:\([a-z]\))?)\s*+=\s*+([^=]++)")
_NAME = re.compile(r"\$?\s*+[a-zA-Z](?:_\w)?\s*+")
_LABELLED = re.compile(r"[A-Za-z][A-Za-z' -]{1,40}+:\s++(.++)")
_LEADS = re.compile(r"[:：][\s*$]*+\Z|\A#|\b(?:solution|answer|result|output)s?\b", re.I)
_NO_LEAD = re.compile(r"\b(?:steps?|given|check\w*+|where|let|try|trial|candidates?)\b", re.I)


def in_lines(text: str, reader: Reader) -> Listed | None:
    """Return the values of the last lines, as many as the reference has; None if they are none.

    Before bullets, and before several values of one name, a line leads to them: `The roots are:`.
    """
    rows = _rows(text)
    if len(rows) < reader.several or reader.several < 2:
        return None
    block = rows[-reader.several :]
    before = rows[-reader.several - 1][1] if len(rows) > reader.several else ""
    lines = [line for _, line in block]
    if any(len(line) > MAX_LINE or stance.says_doubt(line) or "?" in line for line in lines):
        return None
    led = bool(_LEADS.search(before)) and not _NO_LEAD.search(before)
    if stance.says_doubt(before) or stance.TAKEN_BACK.search(before):
        return None
    if all(map(_PART.match, lines)):
        parts = [match[1].lower() for match in map(_PART.match, lines) if match]
        known = any(parts == list(names[: len(parts)]) for names in _PARTS)
        values = [_value(_right(_PART.sub("", line, count=1)), reader) for line in lines]
        return _joined(values, block[0][0], ordered=True) if known else None
    if any(pattern.match(before) for pattern in (_BULLET, _PART)):
        return None  # some items of more
    bullets = sum(bool(_BULLET.match(line)) for line in lines)
    if bullets not in (0, len(lines)) or bullets and not led:
        return None
    bare = [_BULLET.sub("", line, count=1).strip() for line in lines]
    named = [_NAMED.fullmatch(_unmarked(line)) for line in bare]
    names = [match[1] for match in named if match]
    if len(names) == len(lines) and all(reader.readable(_unmarked(line)) for line in bare):
        apart = len(set(names)) == len(names)
        if not led and not apart or 1 < len(set(names)) < len(names):
            return None
        return _joined([*map(_unmarked, bare)], block[0][0], ordered=False)
    if not led or names:
        return None
    return _joined([_value(line, reader) for line in bare], block[0][0], ordered=bool(bullets))


def _rows(text: str) -> list[tuple[int, str]]:
    """Return the lines that are not blank, each with its place; a fence at the end is none."""
    found, start = [], 0
    for line in text.splitlines(keepends=True):
        if line.strip() and not _FENCE.fullmatch(line.strip()):
            found.append((start, line.strip()))
        start += len(line)
    return found


def _unmarked(line: str) -> str:
    """Return a line without the marks of a formula and the full stop around it."""
    line = line.strip().rstrip(".,;").strip()
    inline = INLINE.fullmatch(line)
    return (inline[1] or inline[2]).strip() if inline else line


def _right(line: str) -> str:
    r"""Return the right side of `\sin x = 1/2`; the line itself where a name has the value."""
    left, mark, value = line.rpartition("=")
    return line if not mark or _NAME.fullmatch(left) else value.strip(" $.")


def _value(line: str, reader: Reader) -> str | None:
    """Return the value of one line or clause: alone, after a label, or as its sentence says."""
    labelled = _LABELLED.fullmatch(line)
    for one in (_unmarked(line), _unmarked(labelled[1]) if labelled else ""):
        if one and reader.readable(one):
            return one
    sentence = last_of(line)
    return told(sentence if sentence.endswith(".") else f"{sentence}.", reader)


def _joined(values: list[str | None], start: int, ordered: bool) -> Listed | None:
    if not all(values):
        return None
    return Listed(", ".join(filter(None, values)), start, ordered)


_JOINT = re.compile(r"(?:(?<!\s)\s++|,\s++)and\s++|[,;]\s++|\bwhile\s++", re.I)
_VALUED = re.compile(r"[0-9=<>]|\\(?:pi|infty|sqrt)(?![a-zA-Z])")
_OTHER = re.compile(
    r"[?+*/^×÷<>≤≥]|\b(?:or|each|every|per|more|less|fewer|than|times|of (?:them|these|those|which)"
    r"|total|altogether|left|if|when|since|because|from|between|out of|first|then|minus|plus)\b",
    re.I,
)


def in_clauses(sentence: str, reader: Reader) -> Listed | None:
    """Return the values of one sentence, as many as the reference has, each in its own clause."""
    if reader.several < 2 or len(sentence) > 2 * MAX_LINE:
        return None
    if stance.says_doubt(sentence) or stance.TAKEN_BACK.search(sentence):
        return None
    inlines = [(one[1] or one[2]).strip() for one in INLINE.finditer(sentence)]
    valued = [one for one in inlines if _VALUED.search(one)]
    words = INLINE.sub(" ", sentence)
    if len(valued) == reader.several and not _VALUED.search(words) and not _OTHER.search(words):
        named = all(map(_NAMED.fullmatch, valued))
        values = [one if reader.readable(one) else None for one in valued]
        return _joined(values, 0, ordered=not named)
    if inlines or len(NUMBER.findall(sentence)) != reader.several or _OTHER.search(sentence):
        return None
    clauses = [part for part in _JOINT.split(sentence) if NUMBER.search(part)]
    if len(clauses) != reader.several:
        return None
    return _joined([_value(clause, reader) for clause in clauses], 0, ordered=True)
