"""Answers that are written in a form of their own: choice letters, times, ratios, other bases."""

from __future__ import annotations

import re

from rlvr.maths import cjk
from rlvr.maths.cardinals import in_words
from rlvr.maths.kinds import Choice, Clock, Ratio, Words
from rlvr.maths.lex import ParseError
from rlvr.maths.parse import Node, Num, Op, Sym, numeral, parse
from rlvr.maths.quantities import named

_CHOICE = re.compile(r"(?:(?:[Oo]ption|[Cc]hoice|[Aa]nswer)[\s:]++)?\(?\s*+([A-Ha-h])\s*+[).:]?")
_CHOICE_LABEL = re.compile(
    r"(?:\(\s*+([A-H])\s*+\)|([A-H])[).:])\s*+(?!(?:and|or)\b|[,;/&+^*]|\\(?:and|or|cup|cdot|times|div|ast|&))(\S.*+)",
    re.S,
)
_OTHER_LABEL = re.compile(r"\([A-H]\)|\b[A-H][).:](?![a-zA-Z])")
_UNSURE = re.compile(
    r"(?:i (?:think|guess|believe|suppose)|maybe|perhaps|probably|possibly"
    r"|(?:is|was|are|not) (?:wrong|incorrect|false|not|sure|it|this|right|correct)"
    r"|rejected|eliminated|excluded|ruled out|or|and)\b.*+",
    re.I | re.S,
)
_LETTERS_ONLY = re.compile(
    r"(?:\b(?:[A-H]|and|or|both|either|neither|nor|only|maybe)\b|[\s,;/&.()])++"
)
_CLOCK = re.compile(
    r"([0-9]{1,2})(?:\s*+:\s*+([0-5][0-9])(?::([0-5][0-9]))?)?\s*+(?:([ap])\.?\s?m\.?)?", re.I
)
_RATIO = re.compile(r"[^:]{1,60}(?::[^:]{1,60}){1,4}")
_RATIO_PART = (
    r"\s*+(?:[|{]|\\[a-zA-Z]{1,12}+\s*+)*+[A-Za-z]{0,3}(?:_\{?[0-9A-Za-z]{1,4}\}?)?[|}\s]*+"
)
_RATIO_NAME = re.compile(rf"({_RATIO_PART}(?::{_RATIO_PART}){{1,4}})=([^=]++)")
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
_TO = re.compile(r"([0-9]++)\s++to\s++([0-9]++)(?:\s++to\s++([0-9]++))?")
_NAMED_TIMES = {"noon": (12 * 3600, "p"), "midnight": (0, "a")}
_WORD = re.compile(r"[a-z]+(?:['\s,-]+[a-z]+)*|[a-z]{3,}(?:['\s,-]+(?:[a-z]+|[0-9]{1,4}))+")
_EXCEPT = r"(?:except(?: for)?|other than|excluding|but|not equal to)"
_REALS = re.compile(
    r"(?:the )?(?:set of )?(?:all )?(?:the )?"
    r"(?:(positive|negative|non-?negative|nonzero|non-zero) )?"
    r"(?:real numbers?|reals|real(?= [a-z]\b))(?: [a-z])?"
    r"(?: (?:that|which) are)?(?: such that [a-z])?"
    rf"(?:(?:,? {_EXCEPT}|( (?:is |are )?(?:strictly )?(?:greater|less) than)( or equal to)?)"
    r" (?:[a-z] ?= ?)?(\S[^=<>]{0,60}))?"
)
_FROM_TO = re.compile(
    r"(?:(?:the )?(?:set of )?(?:all )?(?:the )?(?:real )?(?:numbers?|values|reals)(?: of)?"
    r"(?: [a-z])? )?"
    r"(?:from|between) (\S{1,20}) (?:to|and) (\S{1,20}?),? (inclusive|exclusive)"
)
_CJK_WORDS = re.compile(f"[{cjk.LETTERS}]{{1,12}}")


def special(plain: str) -> Choice | Clock | Ratio | Node | None:
    """Read a text without TeX's fonts as one of these forms; None if it is none."""
    choice = _CHOICE.fullmatch(plain)
    if choice and (choice[1].isupper() or len(plain.strip()) > 1):
        return Choice(choice[1].upper())
    if plain.lower() in _NAMED_TIMES:
        seconds, half = _NAMED_TIMES[plain.lower()]
        return Clock(seconds, half)
    label = _CHOICE_LABEL.fullmatch(plain)
    if (
        label
        and not _UNSURE.fullmatch(label[3])
        and not _OTHER_LABEL.search(label[3])
        and not _LETTERS_ONLY.fullmatch(label[3])
    ):
        # `B: 24` may be one of several options in a list.
        return Choice(label[1] or label[2], label[3].strip() if label[1] else "")
    based = _BASED.fullmatch(plain)
    if based and 2 <= int(based[3] or based[4]) <= 36:
        return named(based[1], numeral(based[2], int(based[3] or based[4])))
    return _clock(plain) or _ratio(plain)


def words(plain: str) -> Words | Node | None:
    """Read a text as words, or as a number in words; None if it is no words."""
    number = in_words(plain)
    if number is not None:
        return number
    written = cjk.numeral(plain)
    if written is not None:
        return Num(written)
    text = " ".join(re.sub(r"\\(?=\s)", " ", plain).lower().strip(" .,;:!'\"").split())
    if (between := _FROM_TO.fullmatch(text)) is not None:
        brackets = "[]" if between[3] == "inclusive" else "()"
        return _try(f"{brackets[0]}{between[1]}, {between[2]}{brackets[1]}")
    if (reals := _REALS.fullmatch(text)) is not None:
        return _try(_real_set(reals)) or Words(text)
    if _CJK_WORDS.fullmatch(text):
        return Words(text)
    if len(text) > 1 and _WORD.fullmatch(text) and len(text.split()) <= 12:
        return Words(text)
    return None


_SIGNED = {"positive": "x > 0", "negative": "x < 0", "nonnegative": r"x \ge 0"}


def _real_set(reals: re.Match[str]) -> str:
    """Return the set that words such as `all real numbers greater than 3` describe."""
    sign, than, closed, ends = reals.groups()
    sign = (sign or "").replace("-", "")
    if ends is None:
        return _SIGNED.get(sign, r"\mathbb{R} \setminus \{0\}" if sign else r"\mathbb{R}")
    if sign:
        return ""
    if than is None:
        parts = re.sub(" and ", ", ", ends).split(", ")
        ends = ", ".join("0" if part == "zero" else part for part in parts)
        return rf"\mathbb{{R}} \setminus \{{{ends}\}}"
    return f"x {'>' if 'greater' in than else '<'}{'=' if closed else ''} {ends}"


def with_bases(text: str) -> str:
    """Write a base in words or in an upright font as a plain subscript; leave other text alone."""
    return _BASE_WORD.sub(_base_digits, text)


def _base_digits(match: re.Match[str]) -> str:
    subscript, base, name = match[1].lstrip().startswith("_"), match[2], match[3]
    if not subscript and not base:
        return match[0]
    return f"_{{{_BASE_NAMES.index(name) + 2 if name in _BASE_NAMES else name}}}"


def _clock(plain: str) -> Clock | None:
    clock = _CLOCK.fullmatch(plain)
    if clock is None or not (clock[2] or clock[4]) or int(clock[1]) > 24:
        return None
    if clock[4] and not 1 <= int(clock[1]) <= 12:
        return None
    seconds = int(clock[1]) * 3600 + int(clock[2] or 0) * 60 + int(clock[3] or 0)
    return Clock(seconds, (clock[4] or "").lower())


def _ratio(plain: str) -> Ratio | Node | None:
    r"""Read `3:2`, `\sqrt2:1`, and `a:b=3:2` or `AB:CD=5` without the names; None for another."""
    to = _TO.fullmatch(plain)
    plain = ":".join(filter(None, to.groups())) if to else plain
    if ":" not in plain or r"\{" in plain:
        return None
    of: tuple[str, ...] = ()
    names = _RATIO_NAME.fullmatch(plain)
    if names:
        sizes = names[1].count(":"), names[2].count(":")
        if sizes[0] == sizes[1]:
            plain, of = names[2], tuple(re.sub(r"[\s|{}]", "", names[1]).split(":"))
        elif sizes == (1, 0):
            return _try(names[2])
    if not _RATIO.fullmatch(plain):
        return None
    parts = tuple(_try(part) for part in plain.split(":"))
    known = tuple(part for part in parts if isinstance(part, (Num, Sym, Op)))
    return Ratio(known, of) if len(known) == len(parts) else None


def _try(text: str) -> Node | None:
    try:
        return parse(text)
    except ParseError:
        return None
