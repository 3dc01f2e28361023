"""Quantities, money, clock times, ratios, choice letters, words: answers beside bare mathematics.

`read` turns one answer's text into one of these types or into a tree of `rlvr.maths.parse`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from rlvr.maths.lex import FUNCTIONS, ParseError, clean
from rlvr.maths.parse import MAX_CHARS, Group, Node, Num, Op, Rel, Sym, numeral, parse


@dataclass(frozen=True, slots=True)
class Choice:
    """A multiple-choice letter, upper case."""

    letter: str


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day: seconds since midnight as written, and am, pm or "" where it is not said."""

    seconds: int
    half: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """`3:2`, compared in proportion."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Text, in lower case, with single spaces and no punctuation at its ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value times `factor` in `dimension` (base unit -> power).

    `bare`: the same text read without a unit.
    """

    value: Node
    dimension: frozenset[tuple[str, int]]
    factor: Fraction
    bare: Node | None = None


Answer = Choice | Clock | Ratio | Words | Quantity | Node

_TABLE = {
    "length": "m meter metre meters metres=1 mm millimeter millimeters=1/1000 cm centimeter "
    "centimeters centimetre "
    "centimetres=1/100 dm=1/10 km kilometer kilometers kilometre kilometres=1000 in inch "
    "inches=127/5000 "
    "ft foot feet=381/1250 yd yard yards=1143/1250 mi mile miles=201168/125",
    "mass": "g gram grams=1 mg milligram milligrams=1/1000 kg kilogram kilograms=1000 ton tons "
    "tonne tonnes=1000000 "
    "lb lbs pound pounds=45359237/100000 oz ounce ounces=45359237/1600000",
    "time": "s sec secs second seconds=1 ms millisecond milliseconds=1/1000 min mins minute "
    "minutes=60 "
    "h hr hrs hour hours=3600 day days=86400 week weeks=604800",
    "month": "month months=1 yr yrs year years=12 decade decades=120",
    "volume": "L l liter liters litre litres=1 mL ml milliliter milliliters=1/1000 gal gallon "
    "gallons=1",
    "usd": "dollar dollars usd USD=1 cent cents=1/100",
    "eur": "euro euros eur EUR=1",
    "gbp": "gbp GBP=1", "inr": "rupee rupees INR=1", "jpy": "yen JPY=1",
    "angle": "degree degrees deg=1 rad radian radians=1",
    "celsius": "degC=1", "fahrenheit": "degF=1", "newton": "N newton newtons=1",
    "joule": "J joule joules=1 kJ=1000",
    "watt": "W watt watts=1 kW=1000", "volt": "V volt volts=1", "ampere": "A amp amps=1",
    "hertz": "Hz=1 kHz=1000",
    "mole": "mol mole moles=1", "unit": "unit units=1",
}  # fmt: skip
_APART = {name: name for name in ("gal", "rad")} | {
    "gallon": "gal",
    "gallons": "gal",
    "radian": "rad",
    "radians": "rad",
}


def _units() -> dict[str, tuple[str, Fraction]]:
    table = {}
    for dimension, groups in _TABLE.items():
        names: list[str] = []
        for part in groups.replace("=", " =").split():
            if part.startswith("="):
                for name in names:
                    table[name] = (_APART.get(name, dimension), Fraction(part[1:]))
                names = []
            else:
                names.append(part)
    return table


UNITS = _units()
_NOT_NOUNS = (
    frozenset(
        "or and not no minus plus over times divided less more than half halves third thirds "
        "quarter quarters fourth "
        "fifth sixth eighth tenth dozen hundred thousand million billion trillion remainder "
        "squared cubed mod modulo to "
        "by least most about approximately if is are the answer maybe either between from of "
        "percent infinity choose "
        "factorial pi theta negative positive undefined nan inf all real union intersection "
        "point".split()
    )
    | FUNCTIONS
)
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}

_CHOICE = re.compile(r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)[\s:]++)?\(?\s*+([A-Ha-h])\s*+[).:]?")
_CHOICE_LABEL = re.compile(
    r"(?:\(\s*([A-H])\s*\)|([A-H])[).:])\s*(?!(?:and|or)\b|[,;/&+^]|\\(?:and|or|cup|&))"
    r"\S(?:(?!\([A-H]\)).)*",
    re.S,
)
_CLOCK = re.compile(
    r"([0-9]{1,2})(?::([0-5][0-9])(?::([0-5][0-9]))?)?\s*(?:([ap])\.?\s?m\.?)?", re.I
)
_RATIO = re.compile(r"[^:]{1,60}(?::[^:]{1,60}){1,4}")
_BASED = re.compile(
    r"(?:([a-zA-Z])\s*+=\s*+)?\(?\s*+((?=[A-F]*+[0-9])[0-9A-F]++|[A-F]{2,}+)\s*+\)?+"
    r"(?:_\{?+\s*+\(?+\s*+([0-9]{1,2})\s*+\)?+\s*+\}?"
    r"|\s*+[,(]?+\s*+(?:in\s++)?base[\s-]*+([0-9]{1,2})\s*+\)?)"
)
_BASE_NAMES = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
).split()
_BASE_WORD = re.compile(
    r"(?<=[0-9A-F)}])(_\s*+\{?+\s*+|\s*+[,(]?+\s*+(?:in\s++)?)\\text\s*+\{\s*+\(?(base[\s-]*+)?"
    rf"([0-9]{{1,2}}|{'|'.join(_BASE_NAMES)})\)?\s*+\}}\s*+\}}?"
)
_MONEY = re.compile(
    r"(?:([a-zA-Z])\s*+=\s*+)?(-?)\s*+(?:US\s*+)?\\(usd|eur|gbp|inr|jpy)\s++(-?.+)", re.S
)
_ALL_TEXT = re.compile(r"\\text\{((?=[^{}]*(?:[0-9]|\\usd))[^{}]*+)\}")
_MONEY_AFTER = re.compile(r"(.*\S)\s*+\\(usd|eur|gbp|inr|jpy)", re.S)
_COMPOUND = re.compile(
    r"([0-9.]+)\s*([a-zA-Z]{1,12})\.?(?:\s*,\s*|\s+and\s+|\s+)([0-9.]+)\s*([a-zA-Z]{1,12})\.?"
    r"(?:(?:\s*,\s*|\s+)(?:and\s+)?([0-9.]+)\s*([a-zA-Z]{1,12})\.?)?"
)
_TO = re.compile(r"([0-9]+)\s+to\s+([0-9]+)(?:\s+to\s+([0-9]+))?")
_NAMED_TIMES = {"noon": (12 * 3600, "p"), "midnight": (0, "a")}
_TEXT_UNIT = re.compile(
    r"(.*\S)\s*+\\text\{([^{}]*+)\}\s*+((?:\^\s*+\{?+\s*+-?[0-9]\s*+\}?)?)", re.S
)
_PLAIN_UNIT = re.compile(r"(.*?[0-9})\]])(\s*)(/?[A-Za-z][A-Za-z./*\s]*(?:\^\s*\{?-?[0-9]\}?)?"
                         r"(?:/[A-Za-z]+(?:\^\s*\{?[0-9]\}?)?)?)", re.S)  # fmt: skip
_DEGREES = re.compile(r"\^\s*+\{?+\s*+\\circ\s*+\}?+\s*+(?:\\text\{\s*+)?([CF])\b\s*+\}?")
_WORD = re.compile(r"[a-z]+(?:['\s,-]+[a-z]+)*|[a-z]{3,}(?:['\s,-]+(?:[a-z]+|[0-9]{1,4}))+")
_NOT_A_VALUE = frozenset({"nan", "null", "n/a"})


@lru_cache(maxsize=4096)
def read(text: str, thousands: bool = True) -> Answer:
    """Read one answer.

    Raises ParseError if it is neither mathematics of the vocabulary nor words.
    """
    if len(text) > MAX_CHARS:
        raise ParseError("too long")
    text = _DEGREES.sub(r"\\text{deg\1}", clean(text))
    text = _BASE_WORD.sub(_base_digits, text)
    whole = _ALL_TEXT.fullmatch(text)
    text = whole[1].strip() if whole else text
    plain = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text).strip().rstrip(".").strip()
    if not plain or plain.lower() in _NOT_A_VALUE:
        raise ParseError("not a value")
    special = _special(plain)
    if special is not None:
        return special
    quantity = _compound(plain) or _quantity(text)
    if quantity is not None:
        return quantity
    try:
        return _top(parse(text, thousands))
    except ParseError:
        words = " ".join(re.sub(r"\\(?=\s)", " ", plain).lower().strip(" .,;:!'\"").split())
        if words in ("all real numbers", "all reals", "real numbers", "the real numbers"):
            return parse(r"\mathbb{R}")
        if len(words) > 1 and _WORD.fullmatch(words) and len(words.split()) <= 12:
            return Words(words)
        raise


def _top(node: Node) -> Answer:
    if isinstance(node, Op) and node.name == "deg":
        return Quantity(node.args[0], frozenset({("angle", 1)}), Fraction(1), node)
    if isinstance(node, Rel) and node.ops == ("=",) and isinstance(node.items[0], Sym):
        right = node.items[1]
        if isinstance(right, Op) and right.name == "deg":
            named = Rel(("=",), (node.items[0], right.args[0]))
            return Quantity(named, frozenset({("angle", 1)}), Fraction(1), node)
    return node


def _special(plain: str) -> Answer | None:
    choice = _CHOICE.fullmatch(plain)
    if choice and (choice[1].isupper() or len(plain.strip()) > 1):
        return Choice(choice[1].upper())
    if plain.lower() in _NAMED_TIMES:
        seconds, half = _NAMED_TIMES[plain.lower()]
        return Clock(seconds, half)
    label = _CHOICE_LABEL.fullmatch(plain)
    if label:
        return Choice(label[1] or label[2])
    clock = _CLOCK.fullmatch(plain)
    if (
        clock
        and (clock[2] or clock[4])
        and int(clock[1]) < 25
        and (not clock[4] or 1 <= int(clock[1]) <= 12)
    ):
        seconds = int(clock[1]) * 3600 + int(clock[2] or 0) * 60 + int(clock[3] or 0)
        return Clock(seconds, (clock[4] or "").lower())
    based = _BASED.fullmatch(plain)
    if based and 2 <= int(based[3] or based[4]) <= 36:
        value = numeral(based[2], int(based[3] or based[4]))
        return _named(based[1], value)
    to = _TO.fullmatch(plain)
    plain = ":".join(filter(None, to.groups())) if to else plain
    if ":" in plain and "{" not in plain and _RATIO.fullmatch(plain):
        try:
            parts = tuple(parse(part) for part in plain.split(":"))
        except ParseError:
            return None
        return Ratio(parts) if all(isinstance(part, (Num, Sym, Op)) for part in parts) else None
    return None


def _quantity(text: str) -> Quantity | None:
    money = _MONEY.fullmatch(text)
    if money:
        name, sign, currency, amount = money.groups()
        inner = _quantity(amount)
        per = inner.dimension - {(currency, 1)} if inner else frozenset()
        value = _signed(sign, inner.value if inner else parse(amount))
        if not isinstance(value, (Num, Sym, Op)):
            return None
        factor = inner.factor if inner else Fraction(1)
        return Quantity(_named(name, value), frozenset({(currency, 1), *per}), factor)
    after = _MONEY_AFTER.fullmatch(text)
    if after:
        return Quantity(parse(after[1]), frozenset({(after[2], 1)}), Fraction(1))
    match = _TEXT_UNIT.fullmatch(text)
    if match:
        return _with_unit(match[1], match[2] + match[3], True)
    match = _PLAIN_UNIT.fullmatch(text)
    if match:
        return _with_unit(match[1], match[3], False, spaced=bool(match[2]))
    return None


def _compound(plain: str) -> Quantity | None:
    """`3 hours 20 minutes`, `5 ft 3 in`: one quantity in several units of one kind, falling."""
    match = _COMPOUND.fullmatch(plain)
    if match is None:
        return None
    parts = [(match[i], match[i + 1]) for i in (1, 3, 5) if match[i]]
    if not all(unit in UNITS and number.count(".") < 2 for number, unit in parts):
        return None
    sizes = [UNITS[unit] for _, unit in parts]
    falling = all(a[1] > b[1] for a, b in pairwise(sizes))  # 12 m and 34 m are a sum to be done
    if len({name for name, _ in sizes}) > 1 or not falling:
        return None
    total = sum(
        (
            Fraction(number.strip(".") or 0) * size[1]
            for (number, _), size in zip(parts, sizes, strict=True)
        ),
        Fraction(0),
    )
    smallest = sizes[-1]
    return Quantity(Num(total / smallest[1]), frozenset({(smallest[0], 1)}), smallest[1])


def _base_digits(match: re.Match[str]) -> str:
    """Write a base in words or in an upright font as a plain subscript; leave other text alone."""
    subscript, base, name = match[1].lstrip().startswith("_"), match[2], match[3]
    if not subscript and not base:
        return match[0]
    return f"_{{{_BASE_NAMES.index(name) + 2 if name in _BASE_NAMES else name}}}"


def _named(name: str | None, value: Node) -> Node:
    """`x = value` where there is a name."""
    return Rel(("=",), (Sym(name), value)) if name else value


def _signed(sign: str, value: Node) -> Node:
    return Op("neg", (value,)) if sign else value


def _with_unit(value: str, unit: str, upright: bool, spaced: bool = True) -> Quantity | None:
    """Read `value unit`; None if that isn't one.

    A plain single letter counts only after a space.
    """
    unit = unit.strip()
    bare: Node | None = None
    if unit.startswith("/") and (unit[1:] not in UNITS or len(unit) < 3):
        return None
    if not upright and len(unit) == 1:
        if not spaced or unit not in UNITS or unit in "ANV":
            return None
        bare = _try(f"{value} {unit}")
    words = unit.split()
    scale = Fraction(1)
    while words and words[0].lower() in _SCALES:
        scale *= _SCALES[words.pop(0).lower()]
    dimension: dict[str, int] = {}
    factor = Fraction(1)
    if words:
        read_unit = _dimension(" ".join(words), upright)
        if read_unit is None:
            return None
        dimension, factor = read_unit
    node = _try(value)
    if node is None or isinstance(node, Group):
        return None
    if scale != 1:
        node = (
            Num(node.value * scale, node.places)
            if isinstance(node, Num)
            else Op("*", (node, Num(scale)))
        )
    return Quantity(node, frozenset(dimension.items()), factor, bare)


def _try(text: str) -> Node | None:
    try:
        return parse(text)
    except ParseError:
        return None


_UNIT_PART = re.compile(r"([A-Za-z]++)\.?(?:\s*+\^?+\s*+\{?+\s*+(-?[0-9])\s*+\}?)?")


def _dimension(unit: str, upright: bool) -> tuple[dict[str, int], Fraction] | None:
    """Read a unit such as `cm^2`, `square feet`, `km/h`, `dollars per day`, `apples`."""
    unit = re.sub(
        r"(?:(?<!\s)\s++|^)per\s++", "/", unit.strip().removeprefix("(").removesuffix(")")
    )
    unit = re.sub(r"\bmph\b", "mi/h", re.sub(r"\bkm?ph\b|\bkmh\b", "km/h", unit))
    dimension: dict[str, int] = {}
    factor = Fraction(1)
    for index, side in enumerate(unit.split("/")):
        power_before = 1
        for word in re.sub(r"\\cdot|\*", " ", re.sub(r"(?<!\s)\s*+\^\s*+", "^", side)).split():
            if word.lower() in ("square", "sq", "cubic", "sq.", "cu"):
                power_before = 2 if word.lower().startswith("sq") else 3
                continue
            match = _UNIT_PART.fullmatch(word)
            if match is None:
                return None
            power = int(match[2] or 1) * power_before * (-1 if index else 1)
            known = _known(match[1], upright)
            if known is None:
                return None
            name, size = known
            dimension[name] = dimension.get(name, 0) + power
            factor *= size**power
            power_before = 1
    return {name: power for name, power in dimension.items() if power}, factor


def _known(word: str, upright: bool) -> tuple[str, Fraction] | None:
    if word in UNITS:
        return UNITS[word]
    if word.lower() in UNITS and len(word) > 2:
        return UNITS[word.lower()]
    lower = word.lower()
    # A noun: three letters or more, or any word set upright.
    if lower in _NOT_NOUNS or (len(word) < 3 and not (upright and len(word) == 2)):
        return None
    return "noun " + lower.removesuffix("s"), Fraction(1)
