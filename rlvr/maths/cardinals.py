"""Cardinals: reads whole numbers and simple fractions in English words: `seventy-two`, `one half`.

Only a whole text is read, in the one order of the words: `seven two` and `two seventy` are nothing.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlvr.maths.tree import Node, Num, Op

_TEXT = re.compile(r"\\text\{([^{}]*+)\}")
_ORDINAL = re.compile(r"(?:[a-z]+teen|[a-z]+tie|ten|eleven|twelf|hundred|thousand|million)th")
_MAX_WORDS = 8  # of a number before what it counts
_DIGITS = "one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES = {
    "zero": 0,
    **{word: value for value, word in enumerate(_DIGITS + _TEENS, 1)},
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
}
_SCALES = {"thousand": 10**3, "million": 10**6}
_PARTS = {
    **{word: value for value, word in enumerate("third fourth fifth sixth seventh".split(), 3)},
    "half": 2, "halve": 2, "quarter": 4, "eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100,
}  # fmt: skip

_DIGIT = "|".join(_DIGITS)
_PAIR = rf"(?:(?:{'|'.join(_TENS)})(?: (?:{_DIGIT}))?|{'|'.join(_TEENS)}|{_DIGIT})"
_THREE = rf"(?:(?:{_DIGIT}) hundred(?: (?:and )?{_PAIR})?|{_PAIR})"
_WHOLE = rf"zero|(?:{_THREE} million ?)?(?:{_THREE} thousand ?)?(?:(?:and )?{_THREE})?"
_NUMBER = re.compile(rf"(?:(negative|minus) )?(?!and )({_WHOLE})(?<=[a-z])")
_FRACTION = re.compile(rf"(?:(negative|minus) )?({_PAIR}) ({'|'.join(_PARTS)})(s?)")


def in_words(text: str) -> Node | None:
    """Return the number that a text is in words; None if it is none."""
    if len(text) > 150:
        return None
    text = re.sub(r"\s*-\s*|\s+", " ", text.lower().strip(" ."))
    number = _NUMBER.fullmatch(text)
    if number:
        return _signed(number[1], _value(number[2]))
    part = _FRACTION.fullmatch(text)
    if part and (part[2] == "one") == (not part[4]):
        top, bottom = _signed(part[1], _value(part[2])), Num(Fraction(_PARTS[part[3]]))
        return Op("/", (top, bottom))
    return None


def is_word(reference: str) -> bool:
    """Return whether a reference is a number in words, which a sentence may state as a word."""
    return reference.isascii() and in_words(_TEXT.sub(r"\1", reference)) is not None


def with_digits(text: str) -> str:
    """Write the number in words that a text begins with in digits: `five people`; else the text.

    A text that is a number to its end stays, and so do fractions (`two halves`) and `one`.
    """
    words = text.split() if len(text) <= 150 else []
    if not words or words[0].lower().partition("-")[0] not in _VALUES:
        return text  # nearly every text
    for count in range(min(len(words) - 1, _MAX_WORDS), 0, -1):
        number = in_words(" ".join(words[:count]))
        if isinstance(number, Num) and number.value > 1 and in_words(text) is None:
            part = words[count].lower().rstrip("s")
            ordinal = part in _PARTS or _ORDINAL.fullmatch(part)
            return text if ordinal else f"{number.value} {' '.join(words[count:])}"
    return text


def _signed(sign: str | None, value: int) -> Num:
    return Num(Fraction(-value if sign else value))


def _value(words: str) -> int:
    total, group = 0, 0
    for word in words.split():
        if word in _SCALES:
            total, group = total + group * _SCALES[word], 0
        elif word == "hundred":
            group *= 100
        elif word != "and":
            group += _VALUES[word]
    return total + group
