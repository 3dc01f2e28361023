"""Conditions held against one run: those of its `verdict.conditions`, and the parts of a claim.

What a condition may say, and when it holds, is in `rlvr.statistics.conditions`; here its quantity
gets its figures from the run. What it does not do: functions over several runs or arms of a kind
(`rlvr.claims.quantities`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from rlvr.records.layout import BASE
from rlvr.results.effects import Results, measurement_errors, plain, signed, span
from rlvr.results.verdict import NOTHING, nothing_to_learn_from
from rlvr.statistics.conditions import (
    Condition,
    Quantity,
    Settled,
    Term,
    Values,
    parse,
    settled,
    settled_first,
    slope_weights,
)
from rlvr.statistics.estimates import Interval, holm


def settle_conditions(r: Results) -> list[tuple[Settled, float]]:
    """Return what became of each of the run's own conditions, with Holm's p over all of them.

    In their order; most runs have none. A condition is open where a figure was not recorded, and
    where an arm that it names had nothing to learn from: an arm that was not taught has a plateau.
    """
    texts = r.config["verdict"].get("conditions", [])
    found = [_on_something(settle_in(parse(text), r), r) for text in texts]
    return list(zip(found, holm([one.p_holds for one in found]), strict=True))


def _on_something(one: Settled, r: Results) -> Settled:
    for arm in dict.fromkeys(term.arm for term in one.condition.quantity.terms):
        lacked = arm != BASE and nothing_to_learn_from(r, arm)
        if lacked:
            why = f"{arm}: {NOTHING}: {lacked}"
            return replace(one, state="open", p_holds=math.nan, p_fails=math.nan, why=why)
    return one


def settle_in(condition: Condition, r: Results, parts: int = 1) -> Settled:
    """Hold a condition on one run's rounds against them; `parts` as in `conditions.state`."""
    quantity = condition.quantity
    if quantity.event:
        by_round = [values_in(quantity, r, [t], [1.0]) for t in range(1, r.round + 1)]
        return settled_first(condition, by_round, r.confidence, parts)
    rounds, weights = [r.round], [1.0]
    if quantity.last:
        rounds = [*range(r.round - quantity.last + 1, r.round + 1)]
        weights = slope_weights(rounds)
    return settled(condition, values_in(quantity, r, rounds, weights), r.confidence, parts)


def values_in(
    quantity: Quantity, r: Results, rounds: Sequence[int], weights: Sequence[float]
) -> Values:
    """Return a quantity's value in each seed, its rounds added by their weights.

    nan where a figure was not recorded, and where there was no such round.
    """
    if rounds[0] < 1:
        return Values([math.nan] * len(r.seeds))
    weighted = list(zip(rounds, weights, strict=True))
    each = [math.fsum(w * difference(quantity, s, r, t) for t, w in weighted) for s in r.seeds]
    sides = [(term.arm, term.metric, t) for t in rounds for term in quantity.terms]
    signed_weights = [w * sign for w in weights for sign in (1, -1)[: len(quantity.terms)]]
    return Values(each, measurement_errors(r, r.seeds, sides, signed_weights)[0])


def difference(quantity: Quantity, seed: int, r: Results, round: int | None = None) -> float:
    """Return the first term less the second at a round, the last one unless said."""

    def at(term: Term | None) -> float:
        return r.at(seed, term.arm, term.metric, round) if term else 0.0

    return at(quantity.plus) - at(quantity.minus)


def as_json(one: Settled) -> dict[str, Any]:
    """Return a settled condition as plain data; null for what is undefined, and for never."""
    return {
        "condition": one.condition.text,
        "value": plain(one.interval.delta),
        "ci95": [plain(one.interval.low), plain(one.interval.high)],
        "by_seed": [plain(value) for value in one.values],
        "state": one.state,
        "p": plain(one.p_holds),
    }


def conditions_json(r: Results) -> list[dict[str, Any]]:
    """Return the run's conditions as they stand in compare.json."""
    return [as_json(one) | {"p_holm": plain(p), "why": one.why} for one, p in settle_conditions(r)]


def figures(condition: Condition, band: Interval) -> tuple[str, str]:
    """Return a condition's value and interval as text; of `first` they are rounds."""
    if not condition.quantity.event:
        return signed(band.delta), span(band.low, band.high)
    said = f"round {band.delta:.0f}" if math.isfinite(band.delta) else "never"
    if not math.isfinite(band.high):
        return said, f"round {band.low:.0f} or later"
    return said, f"round {band.low:.0f}" + (f" to {band.high:.0f}" if band.high > band.low else "")
