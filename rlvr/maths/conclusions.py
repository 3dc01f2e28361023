"""Conclusions: what a sentence concludes if it is more than a number: a list, a set, a formula.

`so x = 1 or x = 2`, `the domain is x > 0 and x != 1`, `we obtain 2x - y = 3`.
"""

from __future__ import annotations

import re

from rlvr.maths import stance
from rlvr.maths.reader import Reader

# What leads to a conclusion: `so x = 1 or x = 2`, `x^2 > 4 when x < -2 or x > 2`.
_LEADS = re.compile(
    r"(?:\b(?:is|are|be|becomes?|equals?|equal to|(?:simplifie|reduce|evaluate)s to|get|gets|have"
    r"|obtain|gives?|yields?|find|so|thus|hence|therefore|namely|means|implies|(?<=[<>≤≥] [0-9])"
    r"\$? when|(?<=[<>≤≥] [0-9]) (?:when|if))\b|:|：|\A\w+?ing\b[^,.]{0,40}?,"
    r"|所以|因此|故|即|为|是|得)"
    r"[,:]?\s*+(?:(?:exactly|precisely|just|simply|the set)\s++)?",
    re.I,
)
_MOST_LEADS = 8
_DELIMITER = re.compile(r"\$|\\[()]")
_SEVERAL = re.compile(
    r",|[<>≤≥≠≡]|\\(?:[lg]eq?|ne|neq|equiv)(?![a-zA-Z])|\b(?:and|or|all real)\b|[或和且]"
)
_RATIO = re.compile(r"[0-9]+ to [0-9]+")
# A formula: letters and signs, no name with its number (`x = 5`), which is read further down.
_FORMULA = re.compile(
    r"(?=.*[a-zA-Z])(?![a-zA-Z]\w{0,2}(?:\([a-zA-Z0-9]\))? ?= ?[-+0-9.,/]+\Z)"
    r"(?=.*(?:[-+*/^=(²³]|[0-9a-zA-Z] ?\\?(?:sin|cos|tan|ln|log)))"
    r"(?!\\?[$€£¥0-9]++[0-9.,]*+ ?[a-zA-Z ]++\Z).++"
)
_SET_NAMED = re.compile(
    r"\b(?:is|are)\s++(all real numbers|the empty set|empty|infinity)[.!]?\s*+\Z", re.I
)
# `So $k$ must be greater than 9.`
_BOUND = re.compile(
    r"(?:(?:so|thus|hence|therefore)\b,? )?\$?([a-zA-Z])\$? (?:is|must be|has to be) "
    r"(?:strictly )?(greater|larger|less|smaller) than( or equal to)? \$?([^\s$]{1,40})\$?",
    re.I,
)
_SIGNS = {"greater": ">", "larger": ">", "less": "<", "smaller": "<"}
OR = re.compile(r"\bor\b", re.I)


def conclusion(body: str, reader: Reader) -> str | None:
    """Return what a sentence concludes if it is more than a number: a list, a set, a formula."""
    if (named := set_named(body)) is not None:
        return named
    if _CONDITIONAL.match(body):
        return None
    if bound := _BOUND.fullmatch(body):
        value = f"{bound[1]} {_SIGNS[bound[2].lower()]}{'=' if bound[3] else ''} {bound[4]}"
        return value if reader.readable(value) else None
    for lead in [*_LEADS.finditer(body)][-_MOST_LEADS:]:
        value = _DELIMITER.sub(" ", body[lead.end() :]).replace("**", "").strip()
        ratio = "ratio" in body and _RATIO.fullmatch(value)
        if not ratio and not _SEVERAL.search(value) and not _FORMULA.fullmatch(value):
            continue
        if not reader.readable(value) or are_steps(value):
            continue
        before = body[: lead.end()]
        if _NOT_CONCLUDED.search(before) or stance.open_doubt(before):
            return None
        if lead[0][0] in ":：" and stance.says_doubt(body[: lead.start()]):
            return None
        return value
    return None


_CONDITIONAL = re.compile(r"\W*+(?:if|when|unless|suppose|let)\b|如果|若|当|求证|已知|设|令", re.I)
_NOT_CONCLUDED = re.compile(
    r"\b(?:or|need to|want to|to (?:prove|show|simplify|find|solve)"
    r"|some of|would|had we|unsure|not sure|guess|false|wrong|incorrect|impossible|fails?"
    rf"|candidates?|extraneous|reject(?:ed)?|excluded?|discard(?:ed)?|{stance.PART})\b"
    r"|[或错]|求证|已知|还是",
    re.I,
)
_STEPS = re.compile(r",(?:\s*+and\b)?|\band\b")
_NAME = re.compile(r"\(?[a-zA-Z](?:_\{?\w\}?)?(?:\([a-z0-9]\))?(?:,\s?[a-zA-Z])*\)?")


def are_steps(value: str) -> bool:
    """Return whether equations are the steps to a value: `2x = 10, x = 5`."""
    sides = [part.partition("=") for part in _STEPS.split(value)]
    equations = len(sides) > 1 and all(mark for _, mark, _ in sides)
    return equations and not all(_NAME.fullmatch(left.strip()) for left, _, _ in sides)


def set_named(sentence: str) -> str | None:
    """Return the set that a sentence says in words at its end: `it is the empty set`."""
    named = _SET_NAMED.search(sentence)
    before = sentence[: named.start(1)] if named else ""
    if named is None or stance.open_doubt(before) or OR.search(before):
        return None
    return "the empty set" if named[1].lower() == "empty" else named[1]
