"""Dates: reads a day of the year in English words, `March 14th` or `the 14th of March, 2024`."""

from __future__ import annotations

import re

from rlvr.maths import stance

_MONTHS = (
    "january february march april may june july august september october november december".split()
)
_MONTH = rf"({'|'.join(_MONTHS)}|{'|'.join(f'{month[:3]}(?=[. ])' for month in _MONTHS)})\.?"
_DAY = r"([12]?[0-9]|3[01])(?:st|nd|rd|th)?"
_YEAR = r"(?:,? ([12][0-9]{3}))?(?![0-9])"
_DATE = re.compile(rf"\b(?:{_MONTH} {_DAY}|{_DAY} (?:of )?{_MONTH}){_YEAR}", re.I)
_MOST = 200  # characters that are read


def names_day(text: str, day: str) -> bool:
    """Return whether a text names the day that a reference is, and no other one."""
    wanted = _dates(day)
    return len(wanted) == 1 and _dates(text) == wanted and not stance.says_doubt(text)


def _dates(text: str) -> list[str]:
    """Return the dates in a text, each once and in one form: `march 14`, `may 2 2024`."""
    found = []
    for match in _DATE.finditer(text[:_MOST]):
        month, day = (match[1] or match[4])[:3].lower(), match[2] or match[3]
        name = next(one for one in _MONTHS if one.startswith(month))
        found.append(" ".join(filter(None, (name, str(int(day)), match[5]))))
    return list(dict.fromkeys(found))
