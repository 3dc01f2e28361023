r"""References as benchmarks write them: a whole solution, a box in a sentence, `9 (apples)`.

`stated` takes the answer out of a reference's text before it is read.
"""

from __future__ import annotations

import re
from functools import lru_cache

from rlvr.maths.nouns import NEVER, nouns_in, stem

_HASHES = re.compile(r"####([^\n]*+)\s*+\Z")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*+\{")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}+")
_IN_BRACKETS = re.compile(r"[0-9}$]\s*+\(([A-Za-z .,'-]++)\)\s*+\Z")


@lru_cache(maxsize=4096)
def stated(text: str) -> str:
    r"""Return the part of a reference that states the answer.

    `#### 72` at the end of a solution, the boxes in the last paragraph of one, or all of the text,
    with boxes taken off where they stand in a formula.
    """
    hashes = _HASHES.search(text[text.rfind("####") :]) if "####" in text else None
    if hashes and hashes[1].strip():
        return hashes[1].strip()
    boxes = _boxes(text)
    if not boxes:
        return text
    start, end = boxes[0][0], boxes[-1][1]
    if len(_WORD.findall(text[:start] + " " + text[end:])) < 4 and "\n" not in text.strip():
        return _unboxed(text, boxes)
    last = text.rfind("\n\n", 0, boxes[-1][0])
    found = dict.fromkeys(inner for begin, _, inner in boxes if begin > last)
    return ", ".join(found)


def words_of(reference: str) -> frozenset[str]:
    """Return the stems of the nouns that a reference uses; those in brackets are its units."""
    brackets = _IN_BRACKETS.search(reference)
    units = re.findall(r"[a-z]++(?:-[a-z]++)*+", brackets[1].lower()) if brackets else []
    return nouns_in(reference) | {stem(word) for word in units if word not in NEVER}


def _boxes(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, content) of each box that is closed."""
    found: list[tuple[int, int, str]] = []
    position = 0
    while match := _BOX.search(text, position):
        depth, position = 1, match.end()
        while position < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            position += 2 if text[position] == "\\" else 1
        if not depth:
            found.append((match.start(), position, text[match.end() : position - 1].strip()))
    return found


def _unboxed(text: str, boxes: list[tuple[int, int, str]]) -> str:
    parts, position = [], 0
    for start, end, inner in boxes:
        parts += [text[position:start], f" {inner} "]
        position = end
    return "".join([*parts, text[position:]]).strip()
