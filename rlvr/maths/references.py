r"""References: reads references as benchmarks write them: a solution, a sentence, `9 (apples)`.

`stated` takes the answer out of a reference's text before it is read. If a boxed answer is a
sentence, it is read in the same way (`said`).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rlvr.maths.around import formula, torn
from rlvr.maths.boxes import Box, boxes
from rlvr.maths.effort import allowance
from rlvr.maths.kinds import Words
from rlvr.maths.lex import ParseError
from rlvr.maths.nouns import NEVER, nouns_in, stem
from rlvr.maths.parse import MAX_CHARS, Group, Rel
from rlvr.maths.read import read
from rlvr.maths.sets import NotASet, real_set, same_set

_HASHES = re.compile(r"####([^\n]*+)\s*+\Z")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}+")
_SAYS_SO = re.compile(r"\s*+(?:the\s++)?(?:solution|answer)s?(?:\s++(?:is|are))?\s*+:(?=\s)", re.I)
_BRACKETED = re.compile(r"(?:\\left)?+\[\s*+([a-z]\s*+=[^\[\]]++)\]")
_SENTENCE = re.compile(
    r"(?:the|its?|a|this|thus|hence|therefore|so)\s++((?:[a-z][a-z'-]*+\s++){0,9}?)"
    r"(?:is|are|equals|has length)\s++(\$[^$]{1,200}\$[^$\n]{0,30})",
    re.I,
)
_IN_BRACKETS = re.compile(r"[0-9}$]\s*+\(([A-Za-z .,'-]++)\)\s*+\Z")


@lru_cache(maxsize=4096)
def stated(text: str) -> str:
    r"""Return the part of a reference that states the answer.

    This is `#### 72` at the end of a solution, the boxes in a solution's last paragraph, or the
    whole text, without boxes around parts of a formula.
    """
    hashes = _HASHES.search(text[text.rfind("####") :]) if "####" in text else None
    if hashes and hashes[1].strip():
        return hashes[1].strip()
    boxed, _ = boxes(text)
    if not boxed:
        return said(text)
    start, end = boxed[0].start, boxed[-1].end
    # A formula around the box, and a unit after it, belong to the answer; a sentence does not.
    formula = not _WORD.search(text[:start]) and len(_WORD.findall(text[end:])) < 4
    if formula and "\n" not in text.strip():
        return _unboxed(text, boxed)
    last = text.rfind("\n\n", 0, boxed[-1].start)
    boxed = [box for box in boxed if box.start > last]
    if any(torn(text, box.start, box.end) for box in boxed):
        return _formula_of(text, boxed)
    return ", ".join(dict.fromkeys(box.text for box in boxed))


@lru_cache(maxsize=4096)
def said(text: str) -> str:
    """Return the answer in one sentence; the text itself if it is no such sentence.

    `The mode is $1/3$.`, `Solution is: ...`, a condition said twice.
    """
    if len(text) > MAX_CHARS:
        return text
    label = _SAYS_SO.match(text)
    text = text[label.end() :] if label else text
    equations = _BRACKETED.fullmatch(text.strip(" .$\n"))
    if equations:
        return equations[1]
    sentence = _SENTENCE.fullmatch(text.strip())
    if sentence and not {word.lower() for word in sentence[1].split()} & NEVER:
        return sentence[2] if _reads(sentence[2]) else text
    first, colon, second = text.partition(":")
    twice = bool(colon) and _same_conditions(first, second)
    return first.replace("$", " ") if twice else text


def _reads(text: str) -> bool:
    try:
        return not isinstance(read(text), Words)
    except ParseError:
        return False


def _same_conditions(first: str, second: str) -> bool:
    r"""Return whether `-2 \le x \le 5 : [-2,5]` says one thing twice."""
    try:
        a, b = (read(side.replace("$", " ")) for side in (first, second))
        if not isinstance(a, (Rel, Group)) or not isinstance(b, Group):
            return False
        with allowance():
            return same_set(real_set(a), real_set(b))
    except (ParseError, NotASet, ArithmeticError):
        return False


def words_of(reference: str) -> frozenset[str]:
    """Return the stems of the nouns that a reference uses; those in brackets are its units."""
    brackets = _IN_BRACKETS.search(reference)
    units = re.findall(r"[a-z]++(?:-[a-z]++)*+", brackets[1].lower()) if brackets else []
    return nouns_in(reference) | {stem(word) for word in units if word not in NEVER}


def _formula_of(text: str, boxed: list[Box]) -> str:
    """Return the formula that has boxes around parts of it, the whole text if none is marked."""
    around = formula(text, boxed[0].start, boxed[-1].end)
    if around is None:
        return text
    start, end = around
    inside = [Box(one - start, other - start, inner) for one, other, inner in boxed]
    return _unboxed(text[start:end], inside)


def _unboxed(text: str, boxed: list[Box]) -> str:
    parts, position = [], 0
    for start, end, inner in boxed:
        parts += [text[position:start], f" {inner} "]
        position = end
    return "".join([*parts, text[position:]]).strip()
