"""Read: reads the text of an answer as one of the kinds of answers. This is the reader's entry."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from rlvr.maths.forms import special, with_bases, words
from rlvr.maths.kinds import Answer, Clock, Quantity, Several
from rlvr.maths.lex import ParseError, ValuelessError, clean
from rlvr.maths.parse import MAX_CHARS, Node, Num, Op, Rel, Sym, parse
from rlvr.maths.quantities import compound, quantity

_ALL_TEXT = re.compile(r"\\text\{((?=[^{}]*(?:[0-9]|\\usd))[^{}]*+)\}")
_TEMPERATURE = re.compile(r"\^\s*+\{?+\s*+\\circ\s*+\}?+\s*+(?:\\text\{\s*+)?([CF])\b\s*+\}?")
_LITTLE_O = re.compile(
    r"(?<=[0-9)}])\s*+\^\s*+\{?+\s*+(?:\\text\{\s*+)?o\s*+\}?+\s*+\}?+(?![a-zA-Z])"
)
_NOT_A_VALUE = frozenset({"nan", "null", "n/a"})
_SEPARATOR = re.compile(r"[,;]|(?<![a-zA-Z])and(?![a-zA-Z])|\\text\{\s*+and\s*+\}")
_LETTER = re.compile(r"[a-zA-Z]")
_UNIT_LETTERS = re.compile(r"[0-9})]\s*+(?:\\text|[a-zA-Z]{2})")
_MAX_SEVERAL = 20
# If cleaning uncovers a phrase or an environment, it is cleaned once more.
_AGAIN = re.compile(r"\\begin|\\over|(?<![a-zA-Z\\])[a-zA-Z]{2}")


@lru_cache(maxsize=4096)
def read(text: str, thousands: bool = True, known: frozenset[str] = frozenset()) -> Answer:
    """Read one answer. `known`: stems of the nouns that the problem or the reference uses.

    Raises ParseError if it is neither mathematics in the vocabulary nor words.
    """
    if len(text) > MAX_CHARS:
        raise ParseError("too long")
    text = with_bases(_degree_signs(clean(text)))
    whole = _ALL_TEXT.fullmatch(text)
    text = whole[1].strip() if whole else text
    plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).strip().rstrip(".").strip()
    if not plain or plain.lower() in _NOT_A_VALUE:
        raise ValuelessError("not a value")
    found = _one(text, plain, known) or _several(text, known, surely=True)
    if found is not None:
        return found
    try:
        return _top(parse(text, thousands, cleaned=not _AGAIN.search(text)))
    except ParseError:
        other = _several(text, known) or words(plain)
        if other is None:
            raise
        return other


def _one(text: str, plain: str, known: frozenset[str]) -> Answer | None:
    return special(plain) or compound(plain) or quantity(text, known)


def _several(text: str, known: frozenset[str], surely: bool = False) -> Several | None:
    """Read a list in which one item at least has a unit, or is a time or the like.

    `surely`: only where each item with a letter has a unit, so that `3 cm, 4 cm` are no products.
    """
    parts = [part.strip() for part in _SEPARATOR.split(text)]
    if not 1 < len(parts) <= _MAX_SEVERAL:
        return None
    if surely and not (any(map(_UNIT_LETTERS.search, parts)) and "(" not in text):
        return None
    items: list[Answer] = []
    for part in filter(None, parts):
        plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", part).strip()
        try:
            items.append(_one(part, plain, known) or _top(parse(part)))
        except ParseError:
            return None
    if surely and not all(
        isinstance(item, (Quantity, Clock)) or not _LETTER.search(part)
        for item, part in zip(items, filter(None, parts), strict=True)
    ):
        return None
    return Several(tuple(items)) if len(items) > 1 else None


def _degree_signs(text: str) -> str:
    r"""Write `60^{o}`, `60\text{°}` and `20^\circ\text{C}` in one way."""
    text = re.sub(r"\\text\{\s*+(\^\\circ)\s*+([CF]?)\s*+\}", r"\1 \2", text)
    return _TEMPERATURE.sub(r"\\text{deg\1}", _LITTLE_O.sub(r"^\\circ ", text))


def _top(node: Node) -> Answer:
    if isinstance(node, Op) and (angle := _angle(node)):
        return Quantity(angle, frozenset({("angle", 1)}), Fraction(1), node)
    if isinstance(node, Rel) and node.ops == ("=",) and isinstance(node.items[0], Sym):
        right = node.items[1]
        if isinstance(right, Op) and (angle := _angle(right)):
            named = Rel(("=",), (node.items[0], angle))
            return Quantity(named, frozenset({("angle", 1)}), Fraction(1), node)
    return node


def _angle(node: Op) -> Node | None:
    """Return the number of degrees with its sign, None for a tree without degrees."""
    if node.name == "deg":
        return node.args[0]
    inner = node.args[0] if node.name == "neg" else None
    if not isinstance(inner, Op) or inner.name != "deg":
        return None
    size = inner.args[0]
    return Num(-size.value, size.places) if isinstance(size, Num) else Op("neg", (size,))
