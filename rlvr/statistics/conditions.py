"""Conditions: what a claim's rule is made of, read from text and held against intervals.

`verified pass@1 - random pass@1 > 0.05`: a quantity, a comparison and a number. A quantity is a
figure of an arm at the last round, the difference of two, or a function over several arms or models
(`slope`, `fraction_needed`, `distance`; see `rlvr.claims.experiments`). Each has one value a seed,
and so an interval over seeds; a condition is decided by where the whole interval lies.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rlvr.statistics.estimates import MIN_SEEDS, TOLERANCE, Interval, paired_interval

State = Literal["holds", "fails", "open"]
Outcome = Literal["supported", "refuted", "inconclusive"]
FUNCTIONS = ("slope", "fraction_needed", "distance")
WITHOUT_TERMS = ("fraction_needed", "distance")  # they look at arms of a kind, not at named ones

_CONDITION = re.compile(r"^(.+?) (>|<|within|beyond) (-?\d+(?:\.\d+)?)$")
_FUNCTION = re.compile(r"^([a-z_]+)\((.*)\)$")


@dataclass(frozen=True, slots=True)
class Term:
    """A figure: `metric` of `arm` at the last round; of the base at round 0."""

    arm: str
    metric: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """`plus` less `minus`, or `function` of it. A function of an arm's name alone has no terms."""

    text: str
    function: str
    plus: Term | None
    minus: Term | None


@dataclass(frozen=True, slots=True)
class Condition:
    """A quantity and the region that it must lie in: above, below, within or beyond +-`limit`."""

    text: str
    quantity: Quantity
    way: str
    limit: float


def parse(text: str) -> Condition:
    """Read a condition. Raises ValueError with the form that was expected."""
    found = _CONDITION.match(" ".join(text.split()))
    if found is None:
        raise ValueError(
            f"{text!r} is no condition: write QUANTITY > NUMBER (or <, within, beyond), such as "
            "'verified pass@1 - base pass@1 > 0.05'"
        )
    quantity, way, limit = found.groups()
    if way in ("within", "beyond") and float(limit) <= 0:
        raise ValueError(f"{text!r}: {way} needs a number above 0")
    return Condition(text, _quantity(quantity), way, float(limit))


def _quantity(text: str) -> Quantity:
    call = _FUNCTION.match(text)
    name, inner = call.groups() if call else ("", text)
    if name and name not in FUNCTIONS:
        raise ValueError(f"{text!r}: no such function (known: {', '.join(FUNCTIONS)})")
    if name and (inner == "") != (name in WITHOUT_TERMS):
        takes = "nothing" if name in WITHOUT_TERMS else "a term or a difference of two"
        raise ValueError(f"{text!r}: {name} takes {takes}")
    if name in WITHOUT_TERMS:
        return Quantity(text, name, None, None)
    terms = [_term(part) for part in inner.split(" - ")]
    if len(terms) > 2:
        raise ValueError(f"{text!r}: a quantity is a term or the difference of two")
    return Quantity(text, name, terms[0], terms[1] if len(terms) > 1 else None)


def _term(text: str) -> Term:
    words = text.split()
    if len(words) != 2:
        raise ValueError(f"{text!r} is no term: write ARM METRIC, such as 'verified pass@1'")
    return Term(*words)


OPPOSITE = {">": "<", "<": ">", "within": "beyond", "beyond": "within"}


def state(
    condition: Condition, values: Sequence[float], confidence: float, parts: int = 1
) -> State:
    """Return whether the condition holds: by where the interval of the seeds' values lies.

    It holds where the whole Student-t interval satisfies it. It fails where the whole interval lies
    on the other side, at a confidence corrected (Bonferroni) for the `parts` of a rule, any of
    which may refute it. Else, with fewer than three seeds, or where a seed has no value, it is
    open.
    """
    if len(values) < MIN_SEEDS or not all(map(math.isfinite, values)):
        return "open"
    if _lies(paired_interval(values, confidence), condition.way, condition.limit):
        return "holds"
    stricter = paired_interval(values, 1 - (1 - confidence) / parts)
    return "fails" if _lies(stricter, OPPOSITE[condition.way], condition.limit) else "open"


def _lies(interval: Interval, way: str, limit: float) -> bool:
    low, high = interval.low, interval.high
    return {
        ">": low > limit + TOLERANCE,
        "<": high < limit - TOLERANCE,
        "within": low >= -limit - TOLERANCE and high <= limit + TOLERANCE,
        "beyond": low > limit + TOLERANCE or high < -limit - TOLERANCE,
    }[way]


def settle(controls: Sequence[State], rule: Sequence[State]) -> Outcome:
    """Return the outcome of a claim from the states of its conditions.

    Supported: every control and every part of the rule holds (an intersection of tests, each at the
    full level: Berger 1982, so that no correction is due). Refuted: every control holds and some
    part of the rule fails. Else inconclusive: without its controls an experiment says nothing.
    """
    if any(one != "holds" for one in controls):
        return "inconclusive"
    if any(one == "fails" for one in rule):
        return "refuted"
    return "supported" if all(one == "holds" for one in rule) else "inconclusive"
