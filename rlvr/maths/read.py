"""Reads one answer's text into one of the kinds of answers: the way into the reader."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from rlvr.maths.kinds import Answer, Quantity, Several
from rlvr.maths.lex import ParseError, clean
from rlvr.maths.parse import MAX_CHARS, Node, Op, Rel, Sym, parse
from rlvr.maths.quantities import compound, quantity
from rlvr.maths.special import special, with_bases, words

_ALL_TEXT = re.compile(r"\\text\{((?=[^{}]*(?:[0-9]|\\usd))[^{}]*+)\}")
_TEMPERATURE = re.compile(r"\^\s*+\{?+\s*+\\circ\s*+\}?+\s*+(?:\\text\{\s*+)?([CF])\b\s*+\}?")
_LITTLE_O = re.compile(
    r"(?<=[0-9)}])\s*+\^\s*+\{?+\s*+(?:\\text\{\s*+)?o\s*+\}?+\s*+\}?+(?![a-zA-Z])"
)
_NOT_A_VALUE = frozenset({"nan", "null", "n/a"})
_SEPARATOR = re.compile(r"[,;]|(?<![a-zA-Z])and(?![a-zA-Z])|\\text\{\s*+and\s*+\}")
_MAX_SEVERAL = 20


@lru_cache(maxsize=4096)
def read(text: str, thousands: bool = True, known: frozenset[str] = frozenset()) -> Answer:
    """Read one answer. `known`: stems of the nouns that the problem or the reference uses.

    Raises ParseError if it is neither mathematics of the vocabulary nor words.
    """
    if len(text) > MAX_CHARS:
        raise ParseError("too long")
    text = with_bases(_degree_signs(clean(text)))
    whole = _ALL_TEXT.fullmatch(text)
    text = whole[1].strip() if whole else text
    plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).strip().rstrip(".").strip()
    if not plain or plain.lower() in _NOT_A_VALUE:
        raise ParseError("not a value")
    found = _one(text, plain, known)
    if found is not None:
        return found
    try:
        return _top(parse(text, thousands))
    except ParseError:
        other = _several(text, known) or words(plain)
        if other is None:
            raise
        return other


def _one(text: str, plain: str, known: frozenset[str]) -> Answer | None:
    return special(plain) or compound(plain) or quantity(text, known)


def _several(text: str, known: frozenset[str]) -> Several | None:
    """Read a list in which one item at least has a unit, or is a time or the like."""
    parts = [part.strip() for part in _SEPARATOR.split(text)]
    if not 1 < len(parts) <= _MAX_SEVERAL:
        return None
    items: list[Answer] = []
    for part in filter(None, parts):
        plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", part).strip()
        try:
            items.append(_one(part, plain, known) or _top(parse(part)))
        except ParseError:
            return None
    return Several(tuple(items)) if len(items) > 1 else None


def _degree_signs(text: str) -> str:
    r"""Write `60^{o}`, `60\text{°}` and `20^\circ\text{C}` in one way."""
    text = re.sub(r"\\text\{\s*+(\^\\circ)\s*+([CF]?)\s*+\}", r"\1 \2", text)
    return _TEMPERATURE.sub(r"\\text{deg\1}", _LITTLE_O.sub(r"^\\circ ", text))


def _top(node: Node) -> Answer:
    if isinstance(node, Op) and node.name == "deg":
        return Quantity(node.args[0], frozenset({("angle", 1)}), Fraction(1), node)
    if isinstance(node, Rel) and node.ops == ("=",) and isinstance(node.items[0], Sym):
        right = node.items[1]
        if isinstance(right, Op) and right.name == "deg":
            named = Rel(("=",), (node.items[0], right.args[0]))
            return Quantity(named, frozenset({("angle", 1)}), Fraction(1), node)
    return node
