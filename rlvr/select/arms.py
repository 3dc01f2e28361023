"""Arms: points on the axes of `AXES`, each axis in a file beside this one; `PRESETS` names some.

A file that defines `AXIS` is an axis: nothing else names it.

A pool is what one arm sampled in one round: completions and their verdicts, problem-major. Each
value of `keep` is a short pure function over it; the other axes act where they are used. Of what is
eligible an arm with `unique` keeps each text of a problem once, and one with a cap keeps at most
that many of each problem, drawn uniformly without replacement (a ranking keep: the best). Of what
is left a matching arm keeps, in the same way, min(n_i, left) of each problem i, where n_i is the
number that the matched arm kept of it; or as many rows in all as that arm, or as many and as long
ones (`match_by`). Missing completions are counted as its shortfall, and not replaced. An arm with a
share keeps that share of its whole pool.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, fields
from typing import Annotated, Any

from pydantic import Field, create_model, model_validator

from rlvr.data import Arm, Flip, InputError, nearest
from rlvr.records.stored import pick
from rlvr.registry import offered
from rlvr.sections import Section
from rlvr.select.axis import Axis, Pool, draw
from rlvr.select.control import control_of
from rlvr.select.keep import RANKINGS
from rlvr.select.match import IN_ALL, Take, by_problem, narrow, of_size
from rlvr.select.prefer import scores as preferred
from rlvr.select.unique import once

AXES: dict[str, Axis] = offered("rlvr.select", "AXIS")

PRESETS: dict[str, Arm] = {
    "verified": Arm("verified", keep="verified"),
    "unfiltered": Arm("unfiltered", keep="all"),
    "random": Arm("random", keep="random", match="verified"),
    "inverted": Arm("inverted", keep="inverted", match="verified"),
    "self-scored": Arm("self-scored", keep="self-scored", match="verified"),
    "majority": Arm("majority", keep="majority"),
    "format-only": Arm("format-only", keep="format-only"),
    "real": Arm("real", keep="real"),
    "accumulate": Arm("accumulate", keep="all", memory="accumulate"),
    "replay": Arm("replay", keep="replay"),
}


def preset(name: str) -> Arm:
    """Return the arm called `name`. Raises InputError with the nearest known name."""
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"arms: unknown arm {name!r}{nearest(name, PRESETS)} (known: {known})")
    return PRESETS[name]


class _Named(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100)]


# Of each axis: those of `Arm`'s fields, then those that have none. `keep` has no default (MISSING).
DEFAULTS: dict[str, Any] = {one.name: one.default for one in fields(Arm) if one.name in AXES}
_MORE = [name for name in AXES if name not in DEFAULTS]
DEFAULTS |= {name: AXES[name].default for name in _MORE}
# The axes that every recorded config names. A later one is written only where it is used, so that a
# config without it hashes as it did before there was the axis.
_FIRST = {
    *("keep", "match", "share", "memory", "real_fraction", "start", "flip", "author", "learner")
}


def _key(name: str, default: Any) -> tuple[Any, Any]:
    """Return type and default of an arm's key in a config."""
    kind = AXES[name].kind
    if name not in _FIRST:
        kind = Annotated[kind, Field(exclude_if=lambda value: value == default)]
    return kind, ... if default is MISSING else default


_KEYS: dict[str, Any] = {name: _key(name, default) for name, default in DEFAULTS.items()}
_Point: Any = create_model("_Point", __base__=_Named, **_KEYS)


class ArmConfig(_Point):  # type: ignore[misc]
    """An arm of one's own: a name and its point on the axes."""

    @model_validator(mode="after")
    def _possible(self) -> ArmConfig:
        if self.name == "base":
            raise ValueError("the name 'base' is the base model's: choose another")
        for axis in AXES.values():
            axis.check(self.arm())
        return self

    def arm(self) -> Arm:
        """Return the arm as plain data."""
        values = {name: getattr(self, name) for name in AXES}
        values["flip"] = Flip(**self.flip.model_dump()) if self.flip else None
        more = tuple((name, values.pop(name)) for name in _MORE)
        return Arm(self.name, **values, more=more)


def with_controls(arms: Sequence[ArmConfig]) -> list[ArmConfig]:
    """Return the arms, each that asks for a control followed by it: the arm NAME-random.

    A control that is among them already, as in a recorded config, stays as it is.
    """
    names, found = {arm.name for arm in arms}, []
    for arm in arms:
        found.append(arm)
        name = f"{arm.name}-random"
        if arm.control and name not in names:
            found.append(
                ArmConfig(**as_written(arm.arm()) | control_of(arm.arm()) | {"name": name})
            )
    return found


def as_written(arm: Arm) -> dict[str, Any]:
    """Return an arm as a config would write it: its name and its value on every axis."""
    own = {name: getattr(arm, name) for name in AXES if name not in _MORE}
    own["flip"] = asdict(arm.flip) if arm.flip else None
    return {"name": arm.name, **DEFAULTS, **own, **dict(arm.more)}


def differing(written: Mapping[str, Any]) -> dict[str, Any]:
    """Return those axes of an arm, as a config writes it, that are not at their default."""
    return {axis: value for axis, value in written.items() if value != DEFAULTS.get(axis, value)}


def choose(
    pool: Pool,
    arm: Arm,
    counts: Mapping[str, int] | None,
    seed: int,
    round_: int,
    scores: Sequence[float] | None = None,
) -> list[bool]:
    """Return for each completion of the pool whether it is kept.

    `counts` is the size of the matched arm in this round, as `match_by` says (`match.size`); None
    where the arm matches none. `scores`, one a completion, rank the pool, highest first; None where
    the arm does not rank or the pool itself gives the ranking.
    """
    says = [axis.eligible(pool, arm) for axis in AXES.values() if axis.eligible]
    kept = [all(each) for each in zip(*says, strict=True)]
    if arm.keep in RANKINGS:
        logprobs = pick(pool, "logprobs")
        scores = [RANKINGS[arm.keep](of_tokens) for (of_tokens,) in logprobs]
    if arm.prefer is not None:
        scores = preferred(pool, arm.prefer)
    take: Take = draw if scores is None else functools.partial(_best, scores)
    key = f"{seed}/{round_}/"
    if arm.unique:
        kept = once(pool, kept)
    if (cap := arm.cap) is not None:
        kept = narrow(by_problem(pool), kept, lambda _: cap, take, f"cap/{key}")
    if (share := arm.share) is not None:
        whole = [(IN_ALL, range(len(pool)))]
        return narrow(whole, kept, lambda _: round(share * len(pool)), take, key)
    if counts is None:
        return kept
    return of_size(pool, kept, arm.match_by, counts, take, key)


def _best(scores: Sequence[float], places: Sequence[int], n: int, key: str) -> list[int]:
    """Return the n places of the highest scores, best first; of equal ones the first."""
    return sorted(places, key=lambda place: -scores[place])[:n]
