r"""Quantities: reads a value with its unit, money, and angles in degrees, minutes and seconds.

`5\text{ cm}`, `3 J/(mol K)`, `$5`, `9 (apples)`, `3 hours 20 minutes`, `22^\circ 30'`, `28 pct`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import pairwise

from rlvr.maths import cjk
from rlvr.maths.effort import Undecided, Undefined
from rlvr.maths.kinds import Quantity
from rlvr.maths.lex import FUNCTIONS, ParseError
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym, parse
from rlvr.maths.units import UNITS, Unit, unit
from rlvr.maths.value import exact, symbols

_SIGN = r"\\(?:usd|eur|gbp|inr|jpy)(?![a-zA-Z])"
_ANGLE_UNIT = frozenset({("angle", 1)})
_OF_ANGLES = {"minute": "arcmin", "minutes": "arcmin", "min": "arcmin", "second": "arcsec",
              "seconds": "arcsec", "sec": "arcsec"}  # fmt: skip
_CURRENCY = re.compile(rf"(?:\bUS\s*+)?{_SIGN}")
_BESIDE = re.compile(rf"[0-9.]\s*+{_SIGN}\s*+[0-9.]")  # two $1 bills
_BEFORE_NUMBER = re.compile(r"\s*+[-+]?+\s*+[0-9.(\\]")
_COMPOUND = re.compile(
    r"([0-9.]++)\s*+([a-zA-Z]{1,12}+)\.?(?:\s*+,\s*+|\s++)(?:and\s++)?([0-9.]++)\s*+([a-zA-Z]{1,12}+)"
    r"\.?(?:(?:\s*+,\s*+|\s++)(?:and\s++)?([0-9.]++)\s*+([a-zA-Z]{1,12}+)\.?)?"
)
_PRIME = r"(?:'|\^\s*+\{?+\s*+\\prime\s*+\}?+)"
_SECOND = r"(?:''|\"|\^\s*+\{?+\s*+\\prime\s*+\\prime\s*+\}?+)"
_DEGREES = re.compile(
    r"(?:(\\?[a-zA-Z]{1,8})\s*+=\s*+)?(-?)\s*+([0-9]++)\s*+\^\s*+\{?+\s*+\\circ\s*+\}?+\s*+"
    rf"([0-9]++(?:\.[0-9]++)?+)\s*+(?:{_PRIME}(?!{_PRIME})\s*+(?:([0-9]++(?:\.[0-9]++)?+)\s*+{_SECOND})?+|({_SECOND}))"
)
_TOKEN = re.compile(
    r"(?P<text>\\text\{[^{}]*+\})|(?P<letter>\\mu(?![a-zA-Z])|\\Omega(?![a-zA-Z]))"
    rf"|(?P<word>[A-Za-z]++(?:-[A-Za-z]++)*+|[µμΩÅ][A-Za-z]*+|[{cjk.LETTERS}]++)"
    r"|(?P<dot>\\(?:cdot|times)(?![a-zA-Z])|[*.])|(?P<power>\^\s*+(?:\{\s*+-?[0-9]\s*+\}|-?[0-9]))"
    r"|(?P<sign>[/()])|(?P<space>\s++)|(?P<other>\\[a-zA-Z]++|.)",
    re.S,
)
_PI = re.compile(r"\\pi\Z")
_LETTERS_OF_UNIT = r"\{\s*+(?:\\mathrm\s++)?+([a-zA-Z]++)\s*+((?:\^(?:[0-9]|\{[0-9]\}))?+)\s*+\}"
_FRACTION = re.compile(
    r"(?<=[0-9)}])\s*+(?:\\[,;:! ]|~)?+\s*+"
    rf"\\[dt]?frac\s*+{_LETTERS_OF_UNIT}\s*+{_LETTERS_OF_UNIT}\s*\Z"
)
_RAISED = re.compile(r"(?<=[a-z]) (?:(squared)|cubed)\b")
_STARTS = 4  # so many places are tried at which a unit may begin
_FRACTION_OF_LETTERS = re.compile(r"[a-zA-Z](?:\^-?[0-9])?/[a-zA-Z](?:\^-?[0-9])?")
_LETTERS = frozenset("mgshlLNJWKVT")  # that are units after a number and a space, not set upright


def quantity(text: str, known: frozenset[str]) -> Quantity | Node | None:
    """Read a cleaned text as a value with a unit; None if it isn't one.

    `28 pct` is a bare node. `known`: stems of nouns that count as units. Raises ParseError.
    """
    return _angle(text) or _money(text, known) or _with_unit(text, known)


def compound(plain: str) -> Quantity | None:
    """Read `3 hours 20 minutes`, `5 ft 3 in`: a quantity in several units, from large to small."""
    match = _COMPOUND.fullmatch(plain)
    if match is None:
        return None
    parts = [(match[i], match[i + 1]) for i in (1, 3, 5) if match[i]]
    if not all(name in UNITS and number.count(".") < 2 for number, name in parts):
        return None
    sizes = [UNITS[name] for _, name in parts]
    if sizes[0].dimension == _ANGLE_UNIT:
        sizes[1:] = [UNITS[_OF_ANGLES.get(name, name)] for _, name in parts[1:]]
    falling = all(a.factor > b.factor for a, b in pairwise(sizes))  # 12 m, 34 m is left to be added
    if any(size.dimension != sizes[0].dimension for size in sizes) or not falling:
        return None
    total = Fraction(0)
    for (number, _), size in zip(parts, sizes, strict=True):
        total += Fraction(number.strip(".") or 0) * size.factor
    last = sizes[0 if sizes[0].dimension == _ANGLE_UNIT else -1]
    return Quantity(Num(total / last.factor), last.dimension, last.factor)


def unit_in_a_line(text: str) -> str:
    r"""Write `9.8\frac{m}{s^2}` as `9.8 m/s^2`, for where a unit is expected; else as it is."""
    fraction = _FRACTION.search(text)
    if fraction is None or not {fraction[1], fraction[3]} <= UNITS.keys():
        return text
    return f"{text[: fraction.start()]} {fraction[1]}{fraction[2]}/{fraction[3]}{fraction[4]}"


def named(name: str | None, value: Node) -> Node:
    """Return `x = value` if there is a name."""
    return Rel(("=",), (Sym(name.removeprefix("\\")), value)) if name else value


def _angle(text: str) -> Quantity | None:
    r"""Read `22^\circ 30' 15''` in degrees."""
    match = _DEGREES.fullmatch(text)
    if match is None:
        return None
    name, sign, degrees, minutes, seconds, only_seconds = match.groups()
    minutes, seconds = (None, minutes) if only_seconds else (minutes, seconds)
    if any(Fraction(part or 0) >= 60 for part in (minutes, seconds)):
        return None
    value = int(degrees) + Fraction(minutes or 0) / 60 + Fraction(seconds or 0) / 3600
    value = -value if sign else value
    return Quantity(named(name, Num(value)), _ANGLE_UNIT, Fraction(1))


def _money(text: str, known: frozenset[str]) -> Quantity | None:
    """Read one currency, once or at every term: `$5`, `x = $5`, `5€`, `$10 + $8 = $18`."""
    signs = list(_CURRENCY.finditer(text))
    if not signs or len({sign[0].strip("US ") for sign in signs}) > 1 or _BESIDE.search(text):
        return None
    for sign in signs:
        before = text[: sign.start()].rstrip()
        if not _BEFORE_NUMBER.match(text, sign.end()) and not before[-1:].isdigit():
            return None
    rest = _CURRENCY.sub(" ", text).strip()
    inner = _with_unit(rest, known)
    currency = (signs[0][0].strip("US ")[1:], 1)
    if isinstance(inner, Quantity):
        value, per, factor = inner.value, inner.dimension - {currency}, inner.factor
    else:
        value, per, factor = inner or parse(rest), frozenset[tuple[str, int]](), Fraction(1)
    if isinstance(value, Group) or (isinstance(value, Rel) and set(value.ops) != {"="}):
        return None
    return Quantity(value, frozenset({currency, *per}), factor)


def _with_unit(text: str, known: frozenset[str]) -> Quantity | Node | None:
    tokens = list(_TOKEN.finditer(text))
    end = len(tokens)
    while end and tokens[end - 1].lastgroup != "other":
        end -= 1
    starts = [
        token for token in tokens[end:] if token.lastgroup in ("text", "letter", "word", "sign")
    ]
    upright = [token for token in starts if token.lastgroup == "text"]
    for start in [*starts[:_STARTS], *upright[:1]]:
        value, tail = text[: start.start()].rstrip(), text[start.start() :]
        if value and (
            start.lastgroup == "text" or value[-1] in "0123456789})]" or _PI.search(value)
        ):
            found = _at(value, tail, len(value) < start.start(), known)
            if found is not None:
                return found
    return None


def _at(value: str, tail: str, spaced: bool, known: frozenset[str]) -> Quantity | Node | None:
    """Read a value and the unit after it; None if that isn't one."""
    upright = "\\text" in tail or not tail.isascii()
    plain = re.sub(
        r"\\text\{([^{}]*+)\}",
        r" \1 ",
        re.sub(r"\\mu\s*+(?:\\text\{)?+\s*+(?=[a-zA-Z])", " µ", tail),
    )
    plain = _RAISED.sub(lambda power: "^2" if power[1] else "^3", plain)
    plain = re.sub(r"\b([kMmnµ])\s++(?=\\Omega)", r"\1", plain)
    plain = plain.replace("\\Omega", "Ω").replace("{", "").replace("}", "").strip()
    word = plain.strip("() ")
    if not upright and (len(word) == 1 or word in FUNCTIONS - UNITS.keys()) and word != "Ω":
        if not spaced or word not in _LETTERS:
            return None
    if plain[:1] == "/" and len(plain) < 3:
        return None
    try:
        node = parse(value)
    except ParseError:
        return None
    size = _size(node) if isinstance(node, (Num, Op)) and not symbols(node) else None
    found = unit(plain, size is not None and abs(size) <= 1, known)
    if found is None or isinstance(node, Group):
        return None
    counts = any(name.startswith("noun ") for name in found.powers)
    if not upright and (symbols(node) if len(word) < 3 else counts and not spaced):
        return None
    # 5 m, 2 m/s and 2 abc may be products and fractions.
    either = not upright and (
        len(word) < 3 or counts or _FRACTION_OF_LETTERS.fullmatch(word) is not None
    )
    return _scaled(node, found, _try(f"{value} {tail}") if either else None)


def _scaled(node: Node, found: Unit, bare: Node | None) -> Quantity | Node | None:
    if found.percent:
        return None if isinstance(node, Rel) else Op("pct", (node,))
    if found.scale != 1:
        if isinstance(node, Num):
            node = Num(node.value * found.scale, node.places if found.scale > 1 else None)
        elif isinstance(node, Op):
            size = _size(node)
            whole = size is not None and node.name == "/" and found.scale > 1
            node = Num(size * found.scale) if whole and size else Op("*", (node, Num(found.scale)))
        else:
            return None
    return Quantity(node, found.dimension, found.factor, bare)


def _size(node: Node) -> Fraction | None:
    """Return the value if it is rational and cheap to find; else None."""
    try:
        return exact(node)
    except (Undefined, Undecided):
        return None


def _try(text: str) -> Node | None:
    try:
        return parse(text)
    except ParseError:
        return None
