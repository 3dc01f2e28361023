"""Made: the parts of each type of answer: a value, its spellings, and its near misses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

Form = tuple[str, str]  # an answer's text, and the name of the rewriting or mutation


@dataclass(frozen=True)
class Made:
    """One value: the spellings for a reference, those for an answer, and its near misses.

    `plain`: whether the texts read well in a sentence without dollars.
    """

    references: Sequence[str]
    forms: Sequence[Form]
    misses: Sequence[Form]
    plain: bool = False


def integer(r: Random, low: int, high: int, *without: int) -> int:
    """Draw a whole number from low to high that is not in `without`."""
    while (value := r.randint(low, high)) in without:
        pass
    return value


def finite(value: Fraction) -> bool:
    """Return whether the number has a finite decimal."""
    return 10**400 % value.denominator == 0


def decimal(value: Fraction, places: int | None = None) -> str:
    """Write a finite decimal in full, or any number rounded half up to so many places."""
    if places is None:
        places = next(k for k in range(400) if (value * 10**k).denominator == 1)
    scaled = math.floor(abs(value) * 10**places + Fraction(1, 2))
    digits = str(scaled).rjust(places + 1, "0")
    body = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return "-" + body if value < 0 else body


def tex(value: Fraction) -> str:
    """Write a rational the usual way in LaTeX."""
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def grouped(n: int, mark: str) -> str:
    """Write a whole number with a mark between its thousands."""
    return f"{n:,}".replace(",", mark)


def spellings(value: Fraction, k: int = 3) -> list[Form]:
    """Return spellings of a rational that can stand anywhere, also in a tuple."""
    top, bottom = value.numerator, value.denominator
    sign, size = ("-" if value < 0 else ""), abs(top)
    forms = [(tex(value), "as it is")]
    if bottom == 1:
        forms += [(f"{top}.0", "a decimal")]
        return [*forms, (f"\u2212{size}", "unicode minus")] if top < 0 else forms
    forms += [
        (f"{top}/{bottom}", "a slash"),
        (rf"{sign}\dfrac{{{size}}}{{{bottom}}}", "dfrac"),
        (rf"\frac{{{top}}}{{{bottom}}}", "sign above"),
        (rf"\frac{{{-top}}}{{{-bottom}}}", "signs turned"),
        (rf"{sign}\tfrac{{{k * size}}}{{{k * bottom}}}", "not reduced"),
    ]
    if size < 10 and bottom < 10:
        forms += [(rf"{sign}\frac{size}{bottom}", "frac without braces")]
    if size > bottom:
        whole, rest = divmod(size, bottom)
        forms += [(rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", "a mixed number")]
    return [*forms, (decimal(value), "a decimal")] if finite(value) else forms


def near(r: Random, value: Fraction) -> list[tuple[Fraction, str]]:
    """Return other rationals that are near in spelling or in size; never the value itself."""
    top, bottom = value.numerator, value.denominator
    found = [
        (-value, "sign"), (value * 10, "ten times"), (value / 10, "a tenth"),
        (value * 100, "a hundred times"), (value + 1, "one more"), (value - 1, "one less"),
        (Fraction(top + 1, bottom), "numerator off by one"),
        (Fraction(top, bottom + 1), "denominator off by one"),
        (Fraction(_digit_changed(r, top), bottom), "a digit"),
        (value + Fraction(1, 10 ** r.randint(1, 30)), "a tiny bit more"),
    ]  # fmt: skip
    if top:
        found += [(Fraction(bottom, top), "turned over"), (value * 2, "twice")]
    if len(str(abs(top))) > 1:
        digits = str(abs(top))
        at = r.randrange(len(digits) - 1)
        swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        found += [(Fraction(int(swapped), bottom), "digits swapped")]
        found += [(Fraction(int(digits[:-1]), bottom), "a digit missing")]
    return [(other, how) for other, how in found if other != value]


def _digit_changed(r: Random, n: int) -> int:
    digits = list(str(abs(n)))
    at = r.randrange(len(digits))
    digits[at] = str(integer(r, 0, 9, int(digits[at])))
    return int("".join(digits)) * (-1 if n < 0 else 1)


def missed(r: Random, value: Fraction) -> list[Form]:
    """Write near misses out; finite ones also as decimals."""
    forms = []
    for other, how in near(r, value):
        text = decimal(other) if finite(other) and r.random() < 0.4 else tex(other)
        forms.append((text, how))
    return forms
