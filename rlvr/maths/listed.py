r"""Listed: finds an answer of several values that a text states one by one, at its end.

In lines (`x = 4` and `y = 1`, or bullets), or as the formulas of one sentence. It is asked only
where the reference has several values, and finds as many as that has, or nothing. The forms are
narrow: given data, steps, candidates and options look alike, so that a line must lead to the
values, and a sentence has no other words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rlvr.maths import stance
from rlvr.maths.reader import Reader
from rlvr.maths.sentences import INLINE


@dataclass(frozen=True, slots=True)
class Listed:
    """The values as one list, and where its lines begin in the text."""

    text: str
    start: int


MAX_LINE = 200  # characters of a line that states one value, or leads to them
_FENCE = re.compile(r"```[a-z]*+")
_BULLET = re.compile(r"(?:[-*•]|[0-9]{1,2}[.)])[ \t]++")
_NAMED = re.compile(r"\$?\s*+(\\?[a-zA-Z]{1,8}(?:_\{?\w\}?)?(?:\([a-z]\))?)\s*+=\s*+([^=,]++)")
# A line that leads to the values: `Therefore the roots are:`, `## Solution`, `Output:`.
_LEADS = re.compile(
    r"(?:#++ )?(?:(?:so|thus|hence|therefore|finally|then)\b,? )?"
    r"(?:we (?:get|have|find|obtain),? )?(?:the |our |all )?"
    r"(?:(?:final|exact|real|integer|rational|only|two|three|four|required|missing) ){0,2}"
    r"(?:solutions?|answers?|output|roots|zeros|values|constants|coefficients|coordinates)"
    r"(?: (?:of|to|for) (?:the|this) (?:system|equation|polynomial|quadratic|cubic|problem))?"
    r"(?: (?:is|are)(?: as follows)?:?|:)|#++ (?:final )?(?:solution|answer)s?",
    re.I,
)
_NO_ITEM = re.compile(r"[~≈?,±]|\\(?:pm|approx)(?![a-zA-Z])|\b(?:or|and|if|when|not|less|more)\b")
# Names of values that belong together.
_TOGETHER = ("xyzw", "abcdefgh", "mn", "pqr", "rst", "uvw", "kmn")


def in_lines(text: str, reader: Reader) -> Listed | None:
    """Return the values of the last lines, as many as the reference has; None if they are none."""
    rows = _rows(text)
    if not 2 <= reader.several <= len(rows):
        return None
    block, earlier = rows[-reader.several :], [row for _, row in rows[: -reader.several]]
    lines = [line for _, line in block]
    if any(len(line) > MAX_LINE or _NO_ITEM.search(line) for line in lines):
        return None
    if earlier and not _leads(earlier[-1]) or any(map(stance.says_doubt, earlier[-2:])):
        return None
    if any(map(_leads, earlier[:-1])):
        return None  # two lists
    bullets = [bool(_BULLET.match(line)) for line in lines]
    if len(set(bullets)) > 1:
        return None
    bare = [_unmarked(_BULLET.sub("", line, count=1)) for line in lines]
    names = [match[1] for match in map(_NAMED.fullmatch, bare) if match]
    if not all(map(reader.readable, bare)) or len(names) not in (0, len(bare)):
        return None
    of_one = len(set(names)) <= 1
    if of_one and not (bullets[0] and earlier) or not of_one and not _belong_together(names):
        return None
    return Listed(", ".join(bare), block[0][0])


def _leads(line: str) -> bool:
    return len(line) <= MAX_LINE and _LEADS.fullmatch(line.strip("* ")) is not None


def _belong_together(names: list[str]) -> bool:
    r"""Return whether different names are those of one solution: `x`, `y`; `r`, `\theta`."""
    if len(set(names)) < len(names):
        return False
    return set(names) == {"r", "\\theta"} or any(set(names) <= set(known) for known in _TOGETHER)


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
    line = line.strip().rstrip(".;").strip()
    inline = INLINE.fullmatch(line)
    return (inline[1] or inline[2]).strip() if inline else line


# The words beside formulas that state the values: `The solutions are $f(x) = x$ and $f(x) = 0$.`
_BESIDE = re.compile(
    r"(?:[\s,.:;*]|(?:so|thus|hence|therefore|we|they|the|an|a|and|is|are|get|have|obtain|only"
    r"|final|solutions?|answers?|functions?|roots|values|exactly|precisely|these|following"
    r"|(?:zero|constant|identity|linear) function|for (?:all|every|any)|real|constant)\b)*+",
    re.I,
)
_VALUED = re.compile(r"[0-9=<>]|\\(?:pi|infty|sqrt)(?![a-zA-Z])")


def in_formulas(sentence: str, reader: Reader) -> str | None:
    """Return the formulas of a sentence without other words as a list, as many as are expected."""
    if reader.several < 2 or len(sentence) > 2 * MAX_LINE:
        return None
    inlines = [(one[1] or one[2]).strip() for one in INLINE.finditer(sentence)]
    valued = [one for one in inlines if _VALUED.search(one)]
    if len(valued) != reader.several or not _BESIDE.fullmatch(INLINE.sub(" ", sentence)):
        return None
    return ", ".join(valued) if all(map(reader.readable, valued)) else None
