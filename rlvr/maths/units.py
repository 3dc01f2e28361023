r"""Units: the table of known units, and the reader of a unit's text: dimension and factor.

`km/h`, `m s^{-2}`, `J/(mol K)`, `square feet`, `dollars per day`, `pieces of candy`, `tenths`,
`per cent`, `平方米` (`rlvr.maths.cjk`). `rlvr.maths.nouns` decides which words are nouns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from rlvr.maths import cjk
from rlvr.maths.kinds import Quantity, Several
from rlvr.maths.nouns import noun, stem, without_extras

Dimension = frozenset[tuple[str, int]]


@dataclass(slots=True)
class Unit:
    """The unit after a number: `scale` is a factor of the number itself (`3 tenths` is 0.3).

    `factor`: the size of the unit in base units. `percent`: whether the number is per cent.
    """

    powers: dict[str, int] = field(default_factory=dict)
    factor: Fraction = Fraction(1)
    scale: Fraction = Fraction(1)
    percent: bool = False

    def times(self, other: Unit, power: int = 1) -> None:
        """Multiply by a power of another unit."""
        for name, count in other.powers.items():
            self.powers[name] = self.powers.get(name, 0) + count * power
        self.factor *= other.factor**power

    @property
    def dimension(self) -> Dimension:
        """Base units and nouns, each with its power."""
        return frozenset((name, power) for name, power in self.powers.items() if power)


# A unit is a base unit of its own ("=1 name") or a multiple of a product of earlier ones. A month
# and a gallon are no fixed number of days and litres.
_TABLE = """
m meter metre =1 @length | in inch inches " =127/5000 m | ft foot feet =12 in | yd yard =3 ft
mi mile =1760 yd | nmi =1852 m | ly light-year lightyear =1 @lightyear 
Å angstrom =1/10000000000 m | micron =1/1000000 m | acre =4840 yd^2 | ha hectare =10000 m^2
g gram gramme =1 @mass | t ton tonne =1000000 g | lb lbs pound =45359237/100000 g 
oz ounce =1/16 lb | carat =1/5 g | quintal =100000 g
s sec second =1 @time | min minute =60 s | h hr hrs hour =60 min | d day =24 h | wk wks week =7 d
fortnight =14 d | month mo =1 @month | yr yrs year =12 month | decade =10 yr
century centuries =100 yr | millennium millennia =1000 yr
A amp ampere =1 @current | K kelvin =1 @kelvin | mol mole =1 @amount | cd candela =1 @light
degC =1 @celsius | degF =1 @fahrenheit | degree deg =1 @angle | arcmin arcminute =1/60 degree
arcsec arcsecond =1/3600 degree | rad radian =1 @radian | sr steradian =1 @steradian
rev revolution =1 @turn | rpm =1 rev/min
N newton =1000 g m/s^2 | J joule =1 N m | W watt =1 J/s | C coulomb =1 A s | V volt =1 W/A
Ω Omega ohm =1 V/A | F farad =1 C/V | H henry henries =1 V s/A | Wb weber =1 V s | T tesla =1 Wb/m^2
Pa pascal =1 N/m^2 | Hz hertz =1 s^-1 | bar =100000 Pa | atm atmosphere =101325 Pa
mmHg torr =101325/760 Pa | psi =1 @psi | hp horsepower =1 @horsepower | dyn dyne =1/100000 N
eV electronvolt =1602176634/10000000000000000000000000000 J | erg =1/10000000 J | Wh =3600 J
cal calorie =1 @calorie | kcal kilocalorie =1000 cal | dB decibel =1 @decibel | lm lumen =1 @lumen
lx lux =1 @lux | Bq becquerel =1 @becquerel | Gy gray =1 @gray | Sv sievert =1 @sievert
L l liter litre =1/1000 m^3 | cc =1/1000000 m^3 | M molar =1 mol/L
gal gallon =1 @gallon | qt quart =1/4 gal | pt pint =1/2 qt | cup =1/2 pt
tablespoon tbsp =1/16 cup | teaspoon tsp =1/3 tablespoon | bushel =1 @bushel | barrel =1 @barrel
mph =1 mi/h | kph kmh kmph =1000 m/h | fps =1 ft/s
B byte =1 @byte | bit =1 @bit | px pixel =1 @pixel
dollar usd USD buck =1 @usd | cent =1/100 usd
euro eur EUR =1 @eur | pound-sterling gbp GBP =1 @gbp | pence =1/100 gbp | rupee inr INR Rs =1 @inr
yen jpy JPY yuan RMB rmb CNY =1 @jpy | peso =1 @peso | KRW =1 @won | franc CHF =1 @franc
ruble rouble =1 @ruble
unit =1 @unit
"""
_PREFIXES = {"n nano": -9, "µ micro": -6, "m milli": -3, "k kilo": 3, "M mega": 6, "G giga": 9}
_MORE_PREFIXES = {"p pico": -12, "c centi": -2, "d deci": -1, "h hecto": 2, "T tera": 12}
_PREFIXED = (
    "m meter metre g gram s second A ampere mol mole N newton J joule W watt C coulomb V volt Ω "
    "Omega ohm F farad H henry T tesla Pa pascal Hz hertz bar eV L l liter litre B byte bit cal "
    "Wh K amp t ton tonne"
).split()
_MOST_PREFIXED = frozenset("m meter metre g gram L l liter litre F farad Hz hertz W watt B".split())
_SCALES = {
    "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "quadrillion": 10**15, "dozen": 12, "score": 20, "gross": 144, "lakh": 10**5, "lac": 10**5,
    "crore": 10**7, "mn": 10**6, "bn": 10**9,
}  # fmt: skip
_PARTS = (
    "half third quarter fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
_PARTS_BY_NAME = {
    **{name: Fraction(1, number) for number, name in enumerate(_PARTS, 2)},
    "fourth": Fraction(1, 4), "hundredth": Fraction(1, 100), "thousandth": Fraction(1, 1000),
    "millionth": Fraction(1, 10**6), "billionth": Fraction(1, 10**9),
    "thirtieth": Fraction(1, 30), "fortieth": Fraction(1, 40), "fiftieth": Fraction(1, 50),
    "sixtieth": Fraction(1, 60), "seventieth": Fraction(1, 70), "eightieth": Fraction(1, 80),
    "ninetieth": Fraction(1, 90), "permille": Fraction(1, 1000), "permyriad": Fraction(1, 10**4),
}  # fmt: skip
_SIZES = frozenset(map(stem, [*_SCALES, *_PARTS_BY_NAME]))
_CJK_RUN = re.compile(f"[{cjk.LETTERS}]*+")
_PERCENT = re.compile(
    r"(?:per\s*+cents?|pct|percentage(?:\s++points?)?|percent(?:\s++points?)?|%)\.?"
)
_LONG = {"degrees celsius": "degC", "degree celsius": "degC", "celsius": "degC",
         "degrees fahrenheit": "degF", "degree fahrenheit": "degF", "fahrenheit": "degF",
         "per mille": "permille", "us dollars": "dollars", "pounds sterling": "gbp",
         "light years": "lightyears", "basis points": "permyriad"}  # fmt: skip
_LONG_NAMES = re.compile(rf"\b(?:{'|'.join(_LONG)})\b", re.I)
_PER = re.compile(r"(?:(?<!\s)\s++|^)(?:per|an?(?=\s++[a-zA-Z]{3}))\s++")
_PARTS_OF_UNIT = re.compile(
    rf"(?P<name>[A-Za-zµμΩÅ]++(?:-[A-Za-z]++)*+|\"|[{cjk.LETTERS}]++)\.?|(?P<power>\^\s*+\{{?\s*+-?[0-9]\s*+\}}?)"
    r"|(?P<sign>[/()])|(?P<dot>\\cdot|\\times|\*|⋅|\s++)"
)
_SQUARE = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


def _entries() -> Iterator[tuple[list[str], str, str]]:
    for entry in (_TABLE + cjk.TABLE).replace("\n", "|").split("|"):
        if entry.strip():
            names, _, definition = entry.partition("=")
            size, _, product = definition.strip().partition(" ")
            yield names.split(), size, product


def _units() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    for names, size, product in _entries():
        if product.startswith("@"):
            found = Unit({product[1:]: 1}, Fraction(size))
        else:
            found = _product(product, table)
            found.factor *= Fraction(size)
        for name in names:
            table[name] = found
            if len(name) > 2 and name.isascii() and name != "bar":
                table.setdefault(name + "s", found)
    for name in _PREFIXED:
        for prefix, power in (
            _PREFIXES | _MORE_PREFIXES if name in _MOST_PREFIXED else _PREFIXES
        ).items():
            symbol, whole = prefix.split()
            long = len(name) > 2 and name not in ("bar", "bit", "cal", "mol", "amp", "Omega")
            tenfold = Fraction(10) ** power
            for start in (whole,) if long else (symbol,):
                table.setdefault(
                    start + name, Unit(table[name].powers, table[name].factor * tenfold)
                )
                if long:
                    table.setdefault(start + name + "s", table[start + name])
    del table["pm"]  # 3 pm is a time of day
    return table


def _product(text: str, table: dict[str, Unit]) -> Unit:
    """Read the right side of an entry of the table: `N m/s^2`."""
    found = Unit()
    for side, part in enumerate(text.split("/")):
        for word in part.split():
            name, _, power = word.partition("^")
            found.times(table[name], int(power or 1) * (-1 if side else 1))
    return found


UNITS = _units()


def same_kind(a: Dimension, b: Dimension) -> bool:
    """Return whether two units measure or count the same; a noun may be said in more words.

    `candies` and `pieces of candy` agree, `boxes of candy` and `pieces of candy` do not.
    """
    (nouns, rest), (others, other_rest) = _nouns_apart(a), _nouns_apart(b)
    return rest == other_rest and (nouns <= others or others <= nouns)


def counted(answer: object) -> frozenset[str]:
    """Return the stems of the nouns that an answer counts: `apple` of `9 (apples)`.

    A word of size counts alone (`88 (quarters)`) or in its phrase (`41 (fourth graders)`).
    """
    if isinstance(answer, Several):
        return frozenset().union(*map(counted, answer.items))
    if not isinstance(answer, Quantity):
        return frozenset()
    nouns, _ = _nouns_apart(answer.dimension)
    stems = {name.removeprefix("noun ") for name, _ in nouns}
    usual = {name for name in stems if name not in _SIZES or len(stems) == 1}
    return frozenset(usual | {" ".join(sorted(stems))} if len(stems) > 1 else usual)


def _nouns_apart(dimension: Dimension) -> tuple[Dimension, Dimension]:
    nouns = frozenset(item for item in dimension if item[0].startswith("noun "))
    return nouns, dimension - nouns


def unit(text: str, one: bool = False, known: frozenset[str] = frozenset()) -> Unit | None:
    """Read a unit's text, without TeX; None if it is not one.

    `one`: the number before it is one or less. `known`: stems of nouns that count as such.
    """
    text = text.strip().rstrip(".,").strip()
    while text.startswith("(") and text.endswith(")") and text.count("(") == 1:
        text = text[1:-1].strip()
    if not text or text.lower() == "n/a":
        return None
    if _PERCENT.fullmatch(text.lower()):
        return Unit(percent=True)
    text = _LONG_NAMES.sub(lambda m: _LONG[m[0].lower()], text)
    scale, text = _scale(text, one, known)
    text = _PER.sub("/", without_extras(text))
    if not text:
        return Unit(scale=scale)
    tokens = _tokens(text)
    if tokens is None:
        return None
    found = _read(tokens, one or scale != 1, known)
    if found is None or tokens:
        return None
    found.scale *= scale
    return found


def _scale(text: str, one: bool, known: frozenset[str]) -> tuple[Fraction, str]:
    """Remove words of size from the front: `hundred thousand`, `tenths of`, `million`."""
    scale = Fraction(1)
    words = text.split()
    while words and (size := _size(words[0].lower(), one, known)):
        if size < 1 < scale:
            return Fraction(1), text  # `5 hundred thousandths` is 0.5 to some and 0.00005 to others
        scale *= size
        words.pop(0)
        if words and words[0].lower() == "of" and len(words) > 1:
            words.pop(0)
    text = " ".join(words)
    while text[:1] in cjk.SCALES and _CJK_RUN.match(text)[0] not in UNITS:  # type: ignore[index]
        scale, text = scale * cjk.SCALES[text[0]], text[1:]
    return scale, text


def _size(word: str, one: bool, known: frozenset[str]) -> Fraction | None:
    if stem(word) in known:
        return None
    size: Fraction | None = None
    for part in word.split("-"):
        name = "half" if part == "halves" else part.removesuffix("s")
        factor = _SCALES.get(name) if part != "scores" else None
        value = Fraction(factor) if factor else _PARTS_BY_NAME.get(name)
        if value is None or (part == name and value < 1 and not one and name[:4] != "perm"):
            return None
        size = value if size is None else _joined(size, value)
    return size


def _joined(size: Fraction, value: Fraction) -> Fraction:
    return value / size if value < 1 else size * value  # a hundred-thousandth is one 100,000th


def _tokens(text: str) -> list[tuple[str, str]] | None:
    """Cut a unit into its parts, the last one first; None if it contains anything else."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        match = _PARTS_OF_UNIT.match(text, position)
        if match is None:
            return None
        if match.lastgroup != "dot":
            found.append((str(match.lastgroup), match[match.lastgroup or 0]))
        elif match[0].strip():
            found.append(("dot", ""))
        position = match.end()
    return found[::-1]


def _read(tokens: list[tuple[str, str]], one: bool, known: frozenset[str]) -> Unit | None:
    """Read parts up to the end or a closing bracket; all parts after a slash are below it."""
    found, sign, words, wanted = Unit(), 1, list[str](), False
    while tokens and tokens[-1] != ("sign", ")"):
        kind, text = tokens.pop()
        if kind == "name" and (words or not _is_unit(text)):
            words.append(text)
            continue
        if words and not _count(found, words, sign, one, known):
            return None
        words, wanted = [], kind in ("sign", "dot")
        if text == "/":
            sign, one = -1, True
        elif text == "(":
            inner = _read(tokens, one, known)
            if inner is None or not tokens or tokens.pop() != ("sign", ")"):
                return None
            found.times(inner, sign * _power(tokens))
            wanted = False
        elif kind == "name":
            power = _SQUARE.get(text.lower(), 0)
            if power:
                if not tokens or tokens[-1][0] != "name":
                    return None
                text = tokens.pop()[1]
            size = _known(text)
            if size is None:
                return None
            found.times(size, sign * (power or _power(tokens)))
        elif kind == "power":
            return None
    if words and not _count(found, words, sign, one, known):
        return None
    return None if wanted and not words else found


def _count(found: Unit, words: list[str], sign: int, one: bool, known: frozenset[str]) -> bool:
    """Add a noun with its complements; `of water` after a unit belongs to the unit."""
    if words[0].lower() == "of" and found.powers and len(words) > 1:
        words, one = words[1:], True
    elif len(words) > 1 and (size := _known(words[-1])):
        found.times(size, sign)  # `working days`
        words, one = words[:-1], True
    nouns = cjk.counted(words[0]) if len(words) == 1 and not words[0].isascii() else None
    nouns = noun(words, one, known) if nouns is None else nouns
    for name in nouns or ():
        found.powers["noun " + name] = sign
    return nouns is not None


def _is_unit(text: str) -> bool:
    return text.lower() in _SQUARE or _known(text) is not None


def _power(tokens: list[tuple[str, str]]) -> int:
    if tokens and tokens[-1][0] == "power":
        return int(re.sub(r"[^0-9-]", "", tokens.pop()[1]))
    return 1


def _known(word: str) -> Unit | None:
    word = word.replace("μ", "µ")
    if word in UNITS:
        return UNITS[word]
    if word.lower() in UNITS and len(word) > 2:
        return UNITS[word.lower()]
    return _chinese_unit(word) if not word.isascii() else None


def _chinese_unit(word: str) -> Unit | None:
    """Read `平方厘米`, `万元`, `度`."""
    for prefix, power in (("平方", 2), ("立方", 3)):
        if word.startswith(prefix) and word[2:] in UNITS:
            found = Unit()
            found.times(UNITS[word[2:]], power)
            return found
    return None
