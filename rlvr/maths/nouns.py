"""Nouns: decides whether a word after a number names what is counted, or changes the number.

`12 apples` is the number 12. `12 wrong`, `12 perhaps`, `12 squared` and `12 or more` are not. A
word is a noun only by positive evidence: the problem or the reference uses it, or it has the form
of a plural (after `1`, any form). Words of denial, doubt, comparison and arithmetic are never
nouns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety "
    "hundred thousand million billion trillion dozen half third fourth quarter fifth sixth seventh "
    "eighth ninth tenth eleventh twelfth hundredth thousandth millionth lakh crore"
)
_ARITHMETIC = (
    "plus minus times divided multiplied squared cubed root factorial choose mod modulo remainder "
    "power exponent inverse reciprocal negative positive percent percentage infinity infinite pi "
    "sum difference product quotient complement first twice thrice double triple single couple"
)
# Words of these classes are never part of a noun, even if the problem uses them so.
_DENIAL = (
    "no not non none nor neither never nothing without wrong false fake bogus rejected excluded "
    "extraneous nonsense nope failed fails denied retracted mistaken erroneous contradiction "
    "contradicts contradictory absurd opposite except instead anything something undefined nan "
    "spurious dismissed discarded ruled crossed scrapped void null"
)
_DOUBT = (
    "maybe perhaps guess doubt doubtful dubious questionable probable approx approximate about "
    "around circa ish or if unless suppose supposed assuming seem appear look hopeful "
    "tentative alleged ostensible might may could would should sometimes somewhat whatever "
    "estimated estimate pending uncertainty unsure either"
)
_COMPARISON = (
    "more less fewer most least greater smaller bigger larger lower higher above below over under "
    "beyond than exceeding exceeds within beneath before after shy up down at max min "
    "maximum minimum upper minimal maximal north south east west backward "
    "backwards forward forwards"
)
_FUNCTION_WORDS = (
    "is are was were be been has have had do does did can will must the this that these those it "
    "he she they we i you and but because since so then thus hence therefore from to by with for "
    "in on as of otherwise equals equal yes always please which what who when where "
    "how why too also only just even still yet all both such let us its our my your mine yours "
    "ours theirs his hers"
)
_UNSURE = frozenset(f"{_DENIAL} {_DOUBT}".split())
NEVER = frozenset(f"{_DENIAL} {_DOUBT} {_COMPARISON}".split())
NUMBERS = frozenset(_NUMBERS.split())
_NO_NOUNS = NEVER | NUMBERS | frozenset(f"{_ARITHMETIC} {_FUNCTION_WORDS}".split())
_JUDGED = frozenset(
    "correct true sure certain likely probable possible valid exact accurate proper right known "
    "consistent defined determined decided clear proven proved verified confirmed acceptable "
    "accepted plausible credible reliable real reasonable precise complete related satisfactory "
    "convincing finished answered solved resolved justified checked provable relevant".split()
)
_WORD = re.compile(r"[a-z]++(?:-[a-z]++)*+")
_NEGATED = re.compile(r"(?:un|in|im|il|ir|non-?|dis|mis|not-)(.+)")
_ADVERB_LIKE = frozenset("family jelly lily belly fly butterfly supply bully ally july".split())
_ALWAYS = {"people": "person", "children": "child", "men": "man", "women": "woman",
           "mice": "mouse", "geese": "goose", "teeth": "tooth", "oxen": "ox", "dice": "die",
           "vertices": "vertex", "indices": "index", "matrices": "matrix", "axes": "axis",
           "data": "datum", "cacti": "cactus", "radii": "radius", "foci": "focus"}  # fmt: skip
_SAME = frozenset("fish sheep deer aircraft series species cattle shrimp salmon trout".split())
# What may follow a noun and leaves the number as it is.
_AFTER = re.compile(
    r"(?:^|(?<=[a-z])\s++)(?:left|remaining|altogether|total|in total|in all|in the end|each|"
    r"apiece|overall|combined)$"
)
_SIZED = re.compile(r"(?<=[a-z])\s++(?:old|long|tall|wide|high|deep|thick|away|apart|of age)$")
_ASKED = re.compile(r"\bhow many\s++((?:[a-z-]++\s*+){1,4})")


def stem(word: str) -> str:
    """Return the part that the singular and the plural of a word have in common."""
    word = word.lower()
    word = _ALWAYS.get(word, word)
    if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 2:
        word = word[:-1]
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + {"y": "i", "f": "v"}.get(word[-1:], word[-1:])


def without_extras(phrase: str) -> str:
    """Remove words that do not change the number: `left`, `in total`, `long` in `5 cm long`."""
    return _SIZED.sub("", _AFTER.sub("", phrase)).strip()


def noun(words: Sequence[str], one: bool, known: frozenset[str]) -> frozenset[str] | None:
    """Return the stems of a noun and its complement (`pieces of candy`); None if it is no noun.

    `one`: whether the number is one, so that the singular may follow. `known`: stems of the nouns
    that the problem and the reference use.
    """
    lower = [word.lower() for word in words]
    if lower[0] in ("more", "fewer") and len(lower) > 1:
        lower = lower[1:]  # how many more pens: 5 more pens
    head = lower.index("of") if "of" in lower else len(lower)
    rest = lower[:head] + [word for word in lower[head + 1 :] if word not in ("the", "a", "an")]
    if not 0 < head < 5 or len(rest) > 7 or "of" in rest:
        return None
    if " ".join(sorted(set(map(stem, rest)))) in known and len(rest) > 1:
        return frozenset(map(stem, rest))
    if lower != ["times"] and not all(_may_be_noun(word, known) for word in rest):
        return None
    if lower[-1] == "of" or not (one or _counts(lower[head - 1], known)):
        return None
    return frozenset(map(stem, rest))


def _counts(word: str, known: frozenset[str]) -> bool:
    if stem(word) in known or word in _ALWAYS or word in _SAME:
        return True
    if word.endswith("fish"):
        return True
    return len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is"))


def _may_be_noun(word: str, known: frozenset[str]) -> bool:
    """Return whether a word may be a noun: it is in none of the classes above."""
    if word in NEVER or {word.removesuffix("s"), _singular(word)} & _UNSURE:
        return False
    if word.startswith("non-"):
        return False
    negated = _NEGATED.fullmatch(word)
    if negated and negated[1].removesuffix("ly") in _JUDGED:
        return False
    if stem(word) in known:
        return True
    if word.endswith("ly") and word not in _ADVERB_LIKE or len(word) < 3:
        return False
    parts = {word.removesuffix("s"), _singular(word), *word.split("-")}
    return bool(_WORD.fullmatch(word)) and not parts & NUMBERS and word not in _NO_NOUNS


def _singular(word: str) -> str:
    return word[:-3] + "f" if word.endswith("ves") else word.removesuffix("es")


@lru_cache(maxsize=256)
def nouns_in(text: str) -> frozenset[str]:
    """Return the stems of the words of a problem that an answer may count.

    A number word counts only if the problem asks for it: "How many dozens".
    """
    lower = text[-20_000:].lower()
    words = {word for word in _WORD.findall(lower) if len(word) > 2} - _NO_NOUNS
    usual = {word for word in words if not {word.removesuffix("s"), _singular(word)} & NUMBERS}
    asked = {word for match in _ASKED.finditer(lower) for word in match[1].split()[:2]}
    return frozenset(map(stem, usual | (asked & words)))
