r"""Listed: finds an answer of several values that a text states one by one, at its end.

In lines (`x = 4` and `y = 1`, bullets, parts (a) and (b)), or in the clauses of one sentence
(`Alice is 12 and Bob is 15`). It is asked only where the reference has several values, and finds as
many as that has, or nothing. The forms are narrow: lists of given data, steps, candidates and
options look alike, so that a line must lead to the values, and a sentence has no other words.
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
_NAMED = re.compile(r"\$?\s*+(\\?[a-zA-Z]{1,8}(?:_\{?\w\}?)?(?:\([a-z]\))?)\s*+=\s*+([^=,]++)")
_APPLIED = re.compile(
    r"\$?\s*+(?:\\(?:sin|cos|tan|cot|sec|csc|ln|log)\b[^=]{1,20}|[A-Za-z]\([^()=]{1,12}\))\s*+"
)
_LABELLED = re.compile(r"[A-Za-z][A-Za-z' -]{1,40}+:\s++(.++)")
# A line that leads to the values: `Therefore the roots are:`, `## Solution`, `Output:`.
_LEADS = re.compile(
    r"(?:#++ )?(?:(?:so|thus|hence|therefore|finally|then)\b,? )?"
    r"(?:we (?:get|have|find|obtain),? )?(?:the |our |all )?"
    r"(?:(?:final|exact|real|integer|rational|only|two|three|four|required|missing|side) ){0,2}"
    r"(?:solutions?|answers?|output|roots|zeros|values|constants|coefficients|coordinates|sides"
    r"|ages|lengths|angles|numbers)"
    r"(?: (?:of|to|for) (?:the |this )?[a-z]{1,20}(?: [a-z]{1,20})?)?"
    r"(?: (?:is|are)(?: as follows)?:?|:)|#++ (?:final )?(?:solution|answer)s?",
    re.I,
)
_NO_LEAD = re.compile(
    r"\b(?:steps?|given|told|check\w*|where|let|try|trial|tak(?:e|ing)|candidates?|possible"
    r"|problem|question|assum\w*|suppos\w*|facts?|data|information|known|stated?s?|invalid"
    r"|extraneous|options?|choices?|intermediate|compar\w*|book|skip|old|initial|starting|first"
    r"|second|test\w*|plug\w*|original|which|what)\b",
    re.I,
)
_NO_ITEM = re.compile(
    r"\b(?:in)?valid\b|[~≈?]|,\s|\b(?:rejected|extraneous|discarded|excluded|more|less|fewer|than|twice"
    r"|times|or|solve|find|compute|prove|show|determine|evaluate|calculate|what|which|how|if|when"
    r"|let|approximately|about|given)\b",
    re.I,
)


def in_lines(text: str, reader: Reader) -> Listed | None:
    """Return the values of the last lines, as many as the reference has; None if they are none."""
    rows = _rows(text)
    if not 2 <= reader.several <= len(rows):
        return None
    block = rows[-reader.several :]
    before = rows[-reader.several - 1][1] if len(rows) > reader.several else ""
    lines = [line for _, line in block]
    if any(len(line) > MAX_LINE or stance.says_doubt(line) or _NO_ITEM.search(line)
           for line in lines):  # fmt: skip
        return None
    if len(before) > MAX_LINE or _NO_LEAD.search(before) or stance.says_doubt(before):
        return None
    if stance.TAKEN_BACK.search(before) or _BULLET.match(before) or _PART.match(before):
        return None  # some items of more
    if all(map(_PART.match, lines)):
        parts = [match[1].lower() for match in map(_PART.match, lines) if match]
        known = any(parts == list(names[: len(parts)]) for names in _PARTS)
        values = [_value(_right(_PART.sub("", line, count=1)), reader) for line in lines]
        return _joined(values, block[0][0], ordered=True) if known else None
    if before and not _LEADS.fullmatch(before.strip("* ")):
        return None
    bullets = sum(bool(_BULLET.match(line)) for line in lines)
    if bullets not in (0, len(lines)) or bullets and not before:
        return None
    bare = [_unmarked(_BULLET.sub("", line, count=1)) for line in lines]
    named = [_NAMED.fullmatch(line) for line in bare]
    names = [match[1] for match in named if match]
    if len(names) == len(lines) and all(map(reader.readable, bare)):
        if len(set(names)) not in (1, len(names)) or len(set(names)) == 1 and not bullets:
            return None
        return _joined([*bare], block[0][0], ordered=False)
    if not bullets or names:
        return None
    return _joined([_value(line, reader) for line in bare], block[0][0], ordered=True)


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
    r"""Return the right side of `\sin x = 1/2` or `P(A) = 1/2`; any other line as it is."""
    left, mark, value = line.rpartition("=")
    return value.strip(" $.") if mark and _APPLIED.fullmatch(left) else line


def _value(line: str, reader: Reader) -> str | None:
    """Return the value of one line: alone, after a label, or as its sentence says.

    A bare number after a label is none where the reference has units: which is which is lost.
    """
    labelled = _LABELLED.fullmatch(line)
    found = None
    for one in (_unmarked(line), _unmarked(labelled[1]) if labelled else ""):
        if found is None and one and reader.readable(one):
            found = one
    if found is None:
        sentence = last_of(line)
        found = told(sentence if sentence.endswith(".") else f"{sentence}.", reader)
    if found is None or "," in found or reader.counted and NUMBER.fullmatch(found):
        return None
    return found


def _joined(values: list[str | None], start: int, ordered: bool) -> Listed | None:
    if not all(values):
        return None
    return Listed(", ".join(filter(None, values)), start, ordered)


_JOINT = re.compile(r"(?:(?<!\s)\s++|,\s++)and\s++|[,;]\s++|(?<!\s)\s++while\s++", re.I)
_LEAD = r"(?:(?:so|thus|hence|therefore|finally),? )?"
# A clause that states one value: `Alice is 12 years old`, `there are 7 blue marbles`.
_SUBJECT = (
    r"(?:there (?:are|is)|(?!that|which|who)[A-Za-z']{1,20}(?: [a-z']{1,20}){0,2}"
    r" (?:is|are|has|have|gets|costs|weighs|needs|receives|earns))"
)
_CLAUSE = re.compile(rf"{_LEAD}{_SUBJECT} ({NUMBER.pattern})(?: [a-z]{{2,20}}){{0,6}}\.?", re.I)
_MORE = re.compile(rf"(?:{_SUBJECT} )?({NUMBER.pattern})(?: [a-z]{{2,20}}){{0,6}}\.?", re.I)
_NO_CLAUSE = re.compile(
    r"\b(?:that|states?|says?|claims?|sum|product|root|or|each|every|per|more|less|fewer|than|times"
    r"|of|total|altogether|left|if|when|since|because|from|between|out|first|then|minus|plus|were"
    r"|was|had|one|other|problem|question|rejected|so the)\b|[?()+*/^×÷<>≤≥=]",
    re.I,
)
# The words beside formulas that state the values: `The solutions are $f(x) = x$ and $f(x) = 0$.`
_BESIDE = re.compile(
    r"(?:\W|(?:so|thus|hence|therefore|we|they|the|an|a|and|is|are|get|have|obtain|only|final"
    r"|solutions?|answers?|functions?|roots|values|numbers|exactly|precisely|these|following"
    r"|(?:zero|constant|identity|linear) function|for (?:all|every|any)|real|constant)\b)*+",
    re.I,
)
_VALUED = re.compile(r"[0-9=<>]|\\(?:pi|infty|sqrt)(?![a-zA-Z])")


def in_clauses(sentence: str, reader: Reader) -> Listed | None:
    """Return the values of one sentence, as many as the reference has, each in its own clause."""
    if reader.several < 2 or len(sentence) > 2 * MAX_LINE:
        return None
    if stance.says_doubt(sentence) or stance.TAKEN_BACK.search(sentence):
        return None
    inlines = [(one[1] or one[2]).strip() for one in INLINE.finditer(sentence)]
    valued = [one for one in inlines if _VALUED.search(one)]
    words = INLINE.sub(" ", sentence)
    if inlines:
        if len(valued) != reader.several or not _BESIDE.fullmatch(words):
            return None
        named = all(map(_NAMED.fullmatch, valued))
        values = [one if reader.readable(one) else None for one in valued]
        return _joined(values, 0, ordered=not named)
    clauses = _JOINT.split(sentence.strip())
    if len(clauses) != reader.several or _NO_CLAUSE.search(sentence):
        return None
    first, *others = clauses
    if not _CLAUSE.fullmatch(first) or not all(map(_MORE.fullmatch, others)):
        return None
    return _joined([_counted(clause, reader) for clause in clauses], 0, ordered=True)


_PLACE = re.compile(r"\s(?:in|on|at|for|with|inside|under)\b")


def _counted(clause: str, reader: Reader) -> str | None:
    """Return the number of a clause, with what it counts where the reference has units."""
    number = NUMBER.search(clause)
    if number is None or not reader.counted:
        return number and number[0].strip()
    words = _PLACE.split(clause[number.end() :])[0].strip(" .").split()
    for size in range(min(len(words), 3), 0, -1):
        value = f"{number[0].strip()} {' '.join(words[:size])}"
        if reader.readable(value):
            return value
    return None
