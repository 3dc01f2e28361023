"""Conditions: what a rule is made of, read from text and held against intervals over seeds.

`verified pass@1 - random pass@1 > 0.05`: a quantity, a comparison and a number. A quantity is a
figure of an arm at the last round, the difference of two, or a function. About time are

- `slope(verified pass@1, last 3)`: the least-squares slope over the last three rounds, in the
  metric's unit a round. `... within 0.02` is a plateau: the whole interval lies in that band.
- `first(verified pass@1 - base pass@1 < -0.05)`: the first round in which what stands inside is so.

The other functions, over several arms or models, are those of claims (`rlvr.claims.quantities`).
Every quantity but `first` has one value a seed, and so an interval over seeds; a condition is
decided by where the whole interval lies. `first` is decided by the intervals of all rounds
(`first_round`).

At most (1 - confidence) / 2 of conditions that are not so hold by chance, and as many that are so
fail: `benchmarks/conditions.py` counts it on simulated curves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rlvr.data import nearest
from rlvr.statistics.estimates import MIN_SEEDS, TOLERANCE, Interval, paired_interval

State = Literal["holds", "fails", "open"]
Outcome = Literal["supported", "refuted", "inconclusive"]
OF_KIND = (  # they look at arms of a kind, not at named ones
    *("fraction_needed", "distance", "damage_beyond_channel", "knowledge_lost"),
    *("gain_over_models", "loss_over_models", "threshold_over_line"),
)
OF_RUNS = ("law_error", "boundary_gap")  # they take names of a claim's runs; its main one if none
FUNCTIONS = ("slope", "first", *OF_KIND, *OF_RUNS)

_CONDITION = re.compile(r"^(.+?) (>|<|within|beyond) (-?\d+(?:\.\d+)?)$")
_FUNCTION = re.compile(r"^([a-z_]+)\((.*)\)$")
_LAST = re.compile(r"^(.+), last (\d+)$")
_PART = re.compile(r"^off_target\.[^.]+\.|\[.*\]$")  # of a name: another task's, a level's


@dataclass(frozen=True, slots=True)
class Term:
    """A figure: `metric` of `arm` at a round, the last unless said; of the base at round 0."""

    arm: str
    metric: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """`plus` less `minus`, or `function` of it. A function of arms of a kind has no terms.

    `last`: over how many of the last rounds a slope is; 0 for one over models. `of`: the function
    of arms of a kind whose slope it is, "" for none. `event`: what is asked of each round by
    `first`. `runs`: the names of the claim's runs that it looks at.
    """

    text: str
    function: str
    plus: Term | None
    minus: Term | None
    last: int = 0
    of: str = ""
    event: Condition | None = None
    runs: tuple[str, ...] = ()

    @property
    def terms(self) -> list[Term]:
        """The figures that are named."""
        return [term for term in (self.plus, self.minus) if term is not None]


@dataclass(frozen=True, slots=True)
class Condition:
    """A quantity and the region that it must lie in: above, below, within or beyond +-`limit`."""

    text: str
    quantity: Quantity
    way: str
    limit: float


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A quantity's value in each seed, and the covariances of their measurement errors, if known.

    `errors`: what `rlvr.statistics.estimates.error_covariance` returns. With them an interval is
    not narrower than they alone make it.
    """

    each: Sequence[float]
    errors: Any = None

    def interval(self, confidence: float, limit: float = 0.0) -> Interval:
        """Return the interval of the mean over seeds, less `limit`."""
        moved = [value - limit for value in self.each] if limit else self.each
        return paired_interval(moved, confidence, self.errors)

    @property
    def enough(self) -> bool:
        """Whether there are three seeds or more, each has a value, and something is known of error.

        Nothing is where the values are equal and no error of measurement is known: an interval of
        no width says nothing.
        """
        if len(self.each) < MIN_SEEDS or not all(map(math.isfinite, self.each)):
            return False
        return self.errors is not None or max(self.each) - min(self.each) > TOLERANCE


@dataclass(frozen=True, slots=True)
class Settled:
    """A condition held against the figures of a run.

    `values`: a value a seed; of `first` the round of each seed by itself, inf where there is none.
    `p_holds` and `p_fails`: how often chance alone would show as much for it, and against it, where
    the truth lies at the limit. Both are two-sided: at most 1 - confidence where it holds or fails.
    `why`: what makes it open, where that is not its interval.
    """

    condition: Condition
    values: tuple[float, ...]
    interval: Interval
    state: State
    p_holds: float
    p_fails: float
    why: str = ""


def parse(text: str) -> Condition:
    """Read a condition. Raises ValueError with the form that was expected."""
    found = _CONDITION.match(" ".join(text.split()))
    if found is None:
        raise ValueError(
            f"{text!r} is no condition: write QUANTITY > NUMBER (or <, within, beyond), such as "
            "'verified pass@1 - base pass@1 > 0.05'"
        )
    said, way, number = found.groups()
    quantity, limit = _quantity(said), float(number)
    if way in ("within", "beyond") and limit <= 0:
        raise ValueError(f"{text!r}: {way} needs a number above 0")
    if quantity.event and (way not in "<>" or limit != int(limit) or limit < 1 + (way == "<")):
        raise ValueError(
            f"{text!r}: of first write '< ROUND', from 2 on, or '> ROUND', from 1 on, such as "
            "'first(verified pass@1 - base pass@1 < -0.05) > 3'"
        )
    return Condition(text, quantity, way, limit)


def _quantity(text: str) -> Quantity:
    call = _FUNCTION.match(text)
    name, inner = call.groups() if call else ("", text)
    if name and name not in FUNCTIONS:
        raise ValueError(f"{text!r}: no such function (known: {', '.join(FUNCTIONS)})")
    if name in OF_RUNS:
        return Quantity(text, name, None, None, runs=tuple(re.findall(r"[^, ]+", inner)))
    if name and (inner == "") != (name in OF_KIND):
        takes = "nothing" if name in OF_KIND else "a term or a difference of two"
        raise ValueError(f"{text!r}: {name} takes {takes}")
    if name in OF_KIND:
        return Quantity(text, name, None, None)
    if name == "first":
        return _first(text, inner)
    last = _LAST.match(inner) if name == "slope" else None
    if last and int(last[2]) < 2:
        raise ValueError(f"{text!r}: a slope needs at least the last 2 rounds")
    if last and last[1].removesuffix("()") in OF_KIND:
        return Quantity(text, name, None, None, int(last[2]), of=last[1].removesuffix("()"))
    terms = [_term(part) for part in (last[1] if last else inner).split(" - ")]
    if len(terms) > 2:
        raise ValueError(f"{text!r}: a quantity is a term or the difference of two")
    rest = terms[1] if len(terms) > 1 else None
    return Quantity(text, name, terms[0], rest, last=int(last[2]) if last else 0)


def _first(text: str, inner: str) -> Quantity:
    event = parse(inner)
    if event.quantity.function:
        raise ValueError(f"{text!r}: first takes a condition on a term or a difference of two")
    return Quantity(text, "first", event.quantity.plus, event.quantity.minus, event=event)


def _term(text: str) -> Term:
    words = text.split()
    if len(words) != 2:
        raise ValueError(f"{text!r} is no term: write ARM METRIC, such as 'verified pass@1'")
    return Term(*words)


def check(
    condition: Condition, arms: Sequence[str], rounds: int, metrics: Sequence[str] | None = None
) -> None:
    """Raise ValueError where a condition asks for what a run has not, naming what it has.

    `rounds`: how many it has. `metrics`: the names that a run may record, by level or not; with
    them a condition must be about this one run.
    """
    quantity, said = condition.quantity, repr(condition.text)
    for term in quantity.terms:
        if term.arm not in arms:
            hint = nearest(term.arm, arms)
            raise ValueError(f"{said}: no arm {term.arm!r}{hint} (known: {', '.join(arms)})")
        metric = _PART.sub("", term.metric)
        if metrics is not None and metric not in metrics:
            raise ValueError(f"{said}: no metric {term.metric!r}{nearest(metric, metrics)}")
    last = int(condition.limit) - (condition.way == "<") if quantity.event else quantity.last
    if last > rounds:
        raise ValueError(f"{said}: looks at round {last}, the run has {rounds}")
    if metrics is not None and quantity.function and (quantity.of or not last):
        raise ValueError(
            f"{said}: {quantity.function} without rounds is for the rule of a claim: write "
            "slope(..., last 3) or first(...)"
        )


OPPOSITE = {">": "<", "<": ">", "within": "beyond", "beyond": "within"}
UNKNOWN = Interval(math.nan, math.nan, math.nan, math.nan)


def settled(condition: Condition, values: Values, confidence: float, parts: int = 1) -> Settled:
    """Hold a condition against one value a seed; see `state`."""
    way, limit = condition.way, condition.limit
    return Settled(
        condition=condition,
        values=tuple(values.each),
        interval=values.interval(confidence),
        state=state(condition, values, confidence, parts),
        p_holds=_p_value(values, way, limit),
        p_fails=_p_value(values, OPPOSITE[way], limit),
    )


def state(condition: Condition, values: Values, confidence: float, parts: int = 1) -> State:
    """Return whether the condition holds: by where the interval of the seeds' values lies.

    It holds where the whole Student-t interval satisfies it. It fails where the whole interval lies
    on the other side, at a confidence corrected (Bonferroni) for the `parts` of a rule, any of
    which may refute it. Else it is open, and where `Values.enough` is not so.
    """
    if not values.enough:
        return "open"
    if _lies(values.interval(confidence), condition.way, condition.limit):
        return "holds"
    stricter = values.interval(1 - (1 - confidence) / parts)
    return "fails" if _lies(stricter, OPPOSITE[condition.way], condition.limit) else "open"


def settled_first(
    condition: Condition, by_round: Sequence[Values], confidence: float, parts: int = 1
) -> Settled:
    """Hold a condition on `first` against its rounds; see `state_first`.

    `by_round`: for each round, from round 1 on, what `first` looks at.
    """
    event = condition.quantity.event
    assert event is not None
    # Before round 4: so in every round from 3 on. After round 4: so in no round up to 4.
    k = int(condition.limit) - (condition.way == "<")
    there = _largest_p(by_round[k - 1 :], event.way, event.limit)
    not_there = _largest_p(by_round[:k], OPPOSITE[event.way], event.limit)
    if k > len(by_round):  # those rounds are still to come
        there = not_there = math.nan
    p_holds, p_fails = (there, not_there) if condition.way == "<" else (not_there, there)
    by_seed = zip(*(values.each for values in by_round), strict=True)
    return Settled(
        condition=condition,
        values=tuple(first_of(event, one) for one in by_seed),
        interval=first_round(event, by_round, confidence),
        state=state_first(condition, by_round, confidence, parts),
        p_holds=p_holds,
        p_fails=p_fails,
    )


def state_first(
    condition: Condition, by_round: Sequence[Values], confidence: float, parts: int = 1
) -> State:
    """Return whether a condition on `first` holds: by where the interval of rounds lies.

    `first(...) < 4` holds where all of it (`first_round`) lies before round 4, and `first(...) > 4`
    where all of it lies after that. What fails, and `parts`, are as in `state`.
    """
    event, limit, before = condition.quantity.event, condition.limit, condition.way == "<"
    assert event is not None
    rounds = first_round(event, by_round, confidence)
    if rounds.high < limit if before else rounds.low > limit:
        return "holds"
    if parts > 1:
        rounds = first_round(event, by_round, 1 - (1 - confidence) / parts)
    return "fails" if (rounds.low >= limit if before else rounds.high <= limit) else "open"


def first_round(event: Condition, by_round: Sequence[Values], confidence: float) -> Interval:
    """Return the first round in which the mean over seeds is as `event` says, with an interval.

    `by_round`: the values of the seeds in each round, from round 1 on. A seed in which it never
    happens is no missing value and has no made-up round: it enters every round with its figure.

    `low` is the first round whose interval over seeds does not lie wholly on the other side: one
    more than the rounds where all of them do. `high` is the first round from which on every
    interval lies wholly where `event` says, inf where the last one does not. The last round is
    tested first, then the one before, until one is not so: in a fixed order each test has the full
    level (Maurer, Hothorn and Lehmacher 1995), so that rounds need no correction. Each end is wrong
    with a probability of at most (1 - confidence) / 2. `delta`: the round by the mean alone, nan
    where there is none.

    Not used: one round a seed and an interval of those. Five seeds give no rank interval of 95 %
    (the widest has 93.75 %), and equal rounds a t interval of no width.
    """
    bands = [values.interval(confidence) if values.enough else UNKNOWN for values in by_round]
    apart = [_lies(band, OPPOSITE[event.way], event.limit) for band in bands]
    there = [_lies(band, event.way, event.limit) for band in bands]
    low = apart.index(False) + 1 if False in apart else len(bands) + 1
    since = len(there) - [*reversed(there), False].index(False)  # the last round that is not
    high = since + 1.0 if since < len(there) else math.inf
    mean = first_of(event, [band.delta for band in bands])
    return Interval(mean if math.isfinite(mean) else math.nan, low, high, math.nan)


def first_of(event: Condition, by_round: Sequence[float]) -> float:
    """Return the first round whose value is as `event` says, from 1; inf where there is none."""
    points = (Interval(value, value, value, math.nan) for value in by_round)
    found = (t for t, point in enumerate(points, 1) if _lies(point, event.way, event.limit))
    return next(found, math.inf)


def _lies(interval: Interval, way: str, limit: float) -> bool:
    low, high = interval.low, interval.high
    return {
        ">": low > limit + TOLERANCE,
        "<": high < limit - TOLERANCE,
        "within": low >= -limit - TOLERANCE and high <= limit + TOLERANCE,
        "beyond": low > limit + TOLERANCE or high < -limit - TOLERANCE,
    }[way]


def _p_value(values: Values, way: str, limit: float) -> float:
    """Return the p-value of the t-test that finds the mean on that side of the limit.

    Twice the one-sided one, at most 1, so that it is at most 1 - confidence exactly where the
    interval lies there. `within` has the larger of its two sides (two one-sided tests: Schuirmann
    1987), `beyond` the smaller. nan with fewer than three seeds, or a seed without a value.
    """
    if not values.enough:
        return math.nan
    if way in ("within", "beyond"):
        up, down = ("<", ">") if way == "within" else (">", "<")
        sides = (_p_value(values, up, limit), _p_value(values, down, -limit))
        return max(sides) if way == "within" else min(sides)
    test = values.interval(0.95, limit)
    right = test.delta > TOLERANCE if way == ">" else test.delta < -TOLERANCE
    return test.p if right else 1.0


def _largest_p(by_round: Sequence[Values], way: str, limit: float) -> float:
    """Return the p-value of what must be so in each of these rounds (Berger 1982)."""
    found = [_p_value(values, way, limit) for values in by_round]
    return math.nan if any(map(math.isnan, found)) else max(found, default=math.nan)


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the least-squares slope of y over x; nan under two points, or with a nan."""
    if len(x) < 2:
        return math.nan
    a, b = np.array(x), np.array(y)
    return float(((a - a.mean()) * (b - b.mean())).sum() / ((a - a.mean()) ** 2).sum())


def slope_weights(x: Sequence[float]) -> list[float]:
    """Return by what each y is multiplied in the sum that is their least-squares slope over x."""
    away = np.array(x) - np.mean(x)
    return [float(weight) for weight in away / (away**2).sum()]


def settle(
    controls: Sequence[State], rule: Sequence[State], refutes: Sequence[State] = ()
) -> Outcome:
    """Return the outcome of a claim from the states of its conditions.

    Supported: every control and every part of the rule holds (an intersection of tests, each at the
    full level: Berger 1982, so that no correction is due). Refuted: every control holds, and so
    does every one of `refutes`; without `refutes`, some part of the rule fails. Else inconclusive:
    without its controls an experiment says nothing.
    """
    if any(one != "holds" for one in controls):
        return "inconclusive"
    if all(one == "holds" for one in rule):
        return "supported"
    if refutes:
        against = all(one == "holds" for one in refutes)
    else:
        against = any(one == "fails" for one in rule)
    return "refuted" if against else "inconclusive"
