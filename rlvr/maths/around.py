r"""Around: what stands beside a box. A unit belongs to the answer, an operand makes it a part.

`$\boxed{28}\%$` and `\boxed{5} cm` state 28 per cent and 5 cm. `-\boxed{5}`, `$2\boxed{5}$` and
`$(\boxed{5}, 6)$` state only a part of something larger. A letter, a digit or a relation makes a
part only within one formula, between its delimiters.
"""

from __future__ import annotations

import re

from rlvr.maths.boxes import Box
from rlvr.maths.units import unit

_NEAR = 400  # so many characters around a box are searched for the delimiters of its formula

# A box in a larger expression states only a part of it.
_BEFORE = re.compile(
    r"(?:(?<=[^*\s-])[-−+/^_±]|(?:[$=(]|\\\(|\\\[)\s*+[-−]|\\(?:times|cdot|div|pm)|\d\s?[-+*/]"
    r"|(?:\\[dtc]?frac|\\sqrt|\\binom|[\^_])\s?(?:\[[^\]\n]{0,40}+\]|\{[^{}\n]{0,80}+\})?\s?\{"
    r"|\([^()\n$,]{1,40}+,|(?:\d[\s$})]*+|\beither\b[^.!?\n]{1,60})(?:\\text\{\s*+)?\bor\b\s?\}?"
    r"|\b(?:half|out|a third|a quarter|double|twice)(?: of)?)[\s$]*+\Z"
)
_TOUCHES = re.compile(r"(?:[0-9]|(?:\A|[\s$(:])[-−])\Z")  # a bullet has a blank after it
_BEHIND = re.compile(
    r"\{?[0-9]|[xyzn](?![a-zA-Z])|[ ]?[-−][ ]?[0-9]{1,9}+\s*+(?:[.$]|\n|\Z)"
    r"|\s*+(?:\\(?:pi|sqrt|[dtc]?frac|times|cdot|pm|div|binom|ln|log|sin|cos|tan)(?![a-zA-Z])"
    r"|\^(?!\s*+\{?\s*+\\circ)|[/×·±]|(?<!\n)\*(?!\*)|\+\s?[\w\\]|,[0-9]{3}(?![0-9])|\.[0-9]|:[0-9]{2}"
    r"|(?:\\text\{\s*+)?(?:to|or|through)\b\s?\}?\s?\$?[0-9]"
    r"|\$?\s?(?:\\text\{\s*+)?(?:feet|foot|ft|hours?|hrs?|h|minutes?|min|pounds?|lbs?)\b\}?\s?"
    r"(?:and\s)?[0-9])"
)
# What a match of _BEFORE ends with.
_LAST = (*"-−+/^_±*{,", "or }", "or}")
_LAST += (*"half out of third quarter double twice or times cdot div pm".split(),)

_RELATED = r"[<>≤≥≠]|\\(?:[lg]eq?(?:slant)?|[lg]t|neq?|cup|cap|setminus)(?![a-zA-Z])"
_SUM = r"\([^()=<>]{0,80}[-+*/^][^()=<>]{0,80}\)"
# The same within one formula.
_OPERAND = re.compile(
    rf"(?:(?<![A-Za-z\\])[A-Za-z]|[0-9]\.?|[-−+]|{_RELATED}|{_SUM}"
    r"|\\(?:sin|cos|tan|cot|sec|csc|log|ln|exp|gcd|max|min))\Z"
)
_OPERATED = re.compile(
    rf"(?:[0-9]|[A-Za-z](?![A-Za-z])|!|[-−+]\s*+[\w\\(]|:\s*+[0-9]|{_RELATED}|{_SUM})"
)
_DELIMITER = re.compile(r"(?<!\\)\$\$?|\\[()\[\]]|\n[ \t]*+\n")
_CLOSED_BY = {"$": "$", "$$": "$$", r"\(": r"\)", r"\[": r"\]"}


def formula(text: str, start: int, end: int) -> tuple[int, int] | None:
    """Return where the formula around a place begins and ends; None outside of formulas."""
    first = max(0, start - _NEAR)
    opened: re.Match[str] | None = None
    for mark in _DELIMITER.finditer(text, first, start):
        closes = opened is not None and mark[0] == _CLOSED_BY[opened[0]]
        opened = None if closes or mark[0] not in _CLOSED_BY else opened or mark
    closing = _DELIMITER.search(text, end, end + _NEAR)
    if opened is None or closing is None or closing[0] != _CLOSED_BY[opened[0]]:
        return None
    return opened.end(), closing.start()


def torn(text: str, start: int, end: int) -> bool:
    r"""Return whether the text around an answer makes it a part of more: `-\boxed{5}`."""
    if _TOUCHES.search(text, max(0, start - 2), start):
        return True
    before = text[max(0, start - 140) : start].rstrip(" \t\n$")
    if before.endswith(_LAST) and _BEFORE.search(before) or _BEHIND.match(text, end):
        return True
    around = formula(text, start, end) if text.startswith(("\\boxed", "\\fbox"), start) else None
    if around is None:
        return False
    left, right = text[around[0] : start].strip(), text[end : around[1]].strip()
    return (
        bool(_OPERAND.search(left[-200:]) or _OPERATED.match(right))
        or left.endswith(("(", "[", "\\{"))
        and right.startswith(",")
    )


# --- units -----------------------------------------------------------------------------------

_NUMBER = re.compile(
    r"(?:\{,\}|[^A-Za-z\\%$,]|,[0-9]{3}|\\(?:pi|[dtc]?frac|sqrt|cdot|times|[,!]))++"
)
_MONEY = re.compile(r"(\\\$|[€£¥])[\s$]*+\Z")
_SPACE = r"(?:\s|~|\\[ ,;:!])*+"
_CLOSED = rf"{_SPACE}(\$|\\\)|\\\])?{_SPACE}"
_FONT = r"\\(?:text|mathrm|mbox|textrm|rm)\s*+\{"
# These need no end of a clause after them.
_SIGN = re.compile(
    rf"{_CLOSED}(\\?[%％]|(?:{_FONT}\s*+)?per ?cent\b\s*+\}}?"
    rf"|(?:\^\s*+\{{?\s*+\\circ\s*+\}}?|°){_SPACE}(?:(?:{_FONT}\s*+)?[CF]\b\s*+\}}?)?)"
)
_CLAUSE = re.compile(
    rf"{_CLOSED}((?:\\[a-zA-Z]++|\\[ ,;:!]|[^\\$\n,.;:!?&]){{1,60}}+)"
    r"(?=[$\n,.;:!?&]|\\[^a-zA-Z ]|\Z)"
)
_UPRIGHT = re.compile(rf"{_FONT}([^{{}}]*+)\}}")
_MARKS = re.compile(r"\\[ ,;:!]|[~{}]")
_LETTER = re.compile(r"[^\W\d_]")


def measured(text: str, box: Box) -> Box:
    r"""Return a box with the currency, percent or unit beside it: `\$\boxed{5}`, `\boxed{5} cm`.

    A word is a unit only up to the end of its clause: `\boxed{5} in all` counts no inches.
    """
    if not _NUMBER.fullmatch(box.text):
        return box
    money = _MONEY.search(text, max(0, box.start - 5), box.start)
    price = f"{money[1]} {box.text}" if money else box.text
    sign = _SIGN.match(text, box.end)
    if sign:
        return Box(box.start, sign.end(), f"{price} {sign[2]}")
    clause = _CLAUSE.match(text, box.end)
    inside = clause and not clause[1] and formula(text, box.start, box.end) is not None
    if clause and _is_unit(clause[2], upright=bool(inside)):
        words = clause[2].strip()
        words = words if "\\" in words else rf"\text{{ {words}}}"
        return Box(box.start, clause.end(), f"{price} {words}")
    return box._replace(text=price)


def _is_unit(words: str, upright: bool) -> bool:
    """Return whether words are a unit of the table; `upright`: whether they must be set so."""
    plain, fonts = _UPRIGHT.subn(r" \1 ", words)
    if "\\" in _MARKS.sub("", plain) or (upright and not fonts):
        return False
    found = unit(_MARKS.sub(" ", plain)) if _LETTER.search(plain) else None
    return (
        found is not None
        and found.scale == 1
        and bool(found.powers)
        and not any(name.startswith("noun ") for name in found.powers)
    ) or (found is not None and found.scale == 12)  # `\boxed{5} dozen eggs`
