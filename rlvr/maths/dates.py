"""Dates: reads a day of the year in English words, `March 14th` or `the 14th of March, 2024`."""

from __future__ import annotations

import re

from rlvr.maths import stance

_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_MONTH = rf"({'|'.join(_MONTHS)})"
_DAY = r"([12]?[0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:,? ([12][0-9]{3}))?(?![0-9])"
_DATE = re.compile(rf"(?:{_MONTH} {_DAY}|(?:the )?{_DAY} (?:of )?{_MONTH}){_YEAR}", re.I)
_SAYS = re.compile(r"[A-Za-z' ,]{0,100}\b(?:on|is|was|be) (?=[^.]{5,40}\.?\Z)")
# Another day that is told by this one, or what others say of it.
_RELATIVE = re.compile(
    r"\b(?:before|after|later|earlier|eve|weeks?|days|claims?|says?|thinks?|believes?|student|book"
    r"|problem|question|show|prove|want|starts?|began|begins?)\b",
    re.I,
)


def names_day(text: str, day: str) -> bool:
    """Return whether a text is the day that a reference is, or a sentence that ends with it."""
    wanted, text = _DATE.fullmatch(day.strip()), text.strip().rstrip(".")
    if wanted is None or len(text) > 150 or stance.says_doubt(text) or _RELATIVE.search(text):
        return False
    found = _DATE.fullmatch(text)
    if found is None and (says := _SAYS.match(text)) and not _DATE.search(says[0]):
        found = _DATE.fullmatch(text, says.end())
    return found is not None and _parts(found) == _parts(wanted)


def _parts(date: re.Match[str]) -> tuple[str, int, str | None]:
    """Return month, day and year, None where it has none."""
    return (date[1] or date[4]).lower(), int(date[2] or date[3]), date[5]
