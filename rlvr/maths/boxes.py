r"""Boxes: what stands in `\boxed{...}` or `\fbox{...}`, or is the one token after `\boxed`."""

from __future__ import annotations

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox)(?![a-zA-Z])\s*+")
_TOKEN = re.compile(r"\\?[A-Za-z]++|-?[0-9][0-9.,]*+|\S")


class Box(NamedTuple):
    """A box: where it starts and ends in the text, and what stands in it."""

    start: int
    end: int
    text: str


def boxes(text: str) -> tuple[list[Box], bool]:
    """Return the boxes in their order, and whether the last one was cut off."""
    found: list[Box] = []
    position = 0
    while match := _BOX.search(text, position):
        start = match.end()
        if not text.startswith("{", start):
            token = _TOKEN.match(text, start)
            if token is None:
                return found, True
            found.append(Box(match.start(), token.end(), token[0].rstrip(".,$")))
            position = token.end()
            continue
        end = _closing(text, start)
        if end is None:
            return found, True
        found.append(Box(match.start(), end, text[start + 1 : end - 1].strip()))
        position = end
    return found, False


def _closing(text: str, start: int) -> int | None:
    depth, position = 0, start
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 2
            continue
        depth += (character == "{") - (character == "}")
        position += 1
        if depth == 0:
            return position
    return None
