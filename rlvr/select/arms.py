"""Arms: points on the axes of `AXES`, each axis in a file beside this one; `PRESETS` names some.

A pool is what one arm sampled in one round: completions and their verdicts, problem-major. Each
value of `keep` is a short pure function over it; the other axes act where they are used. Let n_i be
the number that the matched arm kept of problem i. A matching arm keeps min(n_i, eligible) of
problem i, drawn uniformly without replacement (a ranking keep: the best). Missing completions are
counted as its shortfall, and not replaced. An arm with a share keeps that share of its whole pool
in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Annotated, Any

from pydantic import Field, create_model, model_validator

from rlvr.data import Arm, Flip, InputError, nearest
from rlvr.records.stored import pick
from rlvr.sections import Section
from rlvr.select import author, flip, keep, learner, match, memory, real_fraction, share, start
from rlvr.select.axis import Axis, Pool, draw
from rlvr.select.flip import misjudge
from rlvr.select.keep import RANKINGS, Asked, majority
from rlvr.select.learner import rewards
from rlvr.select.match import by_problem, in_order
from rlvr.select.memory import remember, subsample
from rlvr.select.real_fraction import mix_real
from rlvr.select.rows import completion_rows, real_rows

__all__ = [
    "AXES",
    "PRESETS",
    "ArmConfig",
    "Asked",
    "Pool",
    "choose",
    "completion_rows",
    "in_order",
    "majority",
    "misjudge",
    "mix_real",
    "preset",
    "real_rows",
    "remember",
    "rewards",
    "subsample",
]

# The axes by the name of their field in `Arm`, in the order in which an arm's values are checked.
AXES: dict[str, Axis] = {
    "learner": learner.AXIS,
    "keep": keep.AXIS,
    "share": share.AXIS,
    "flip": flip.AXIS,
    "real_fraction": real_fraction.AXIS,
    "author": author.AXIS,
    "match": match.AXIS,
    "memory": memory.AXIS,
    "start": start.AXIS,
}

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
}


def preset(name: str) -> Arm:
    """Return the arm called `name`. Raises InputError with the nearest known name."""
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"arms: unknown arm {name!r}{nearest(name, PRESETS)} (known: {known})")
    return PRESETS[name]


class _Named(Section):
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=100)]


_VALUES: dict[str, Any] = {
    one.name: (AXES[one.name].kind, ... if one.default is MISSING else one.default)
    for one in fields(Arm)
    if one.name != "name"
}
_Point: Any = create_model("_Point", __base__=_Named, **_VALUES)


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
        axes = {one.name: getattr(self, one.name) for one in fields(Arm)}
        return Arm(**{**axes, "flip": Flip(**self.flip.model_dump()) if self.flip else None})


def choose(
    pool: Pool,
    arm: Arm,
    counts: Mapping[str, int] | None,
    seed: int,
    round_: int,
    scores: Sequence[float] | None = None,
) -> list[bool]:
    """Return for each completion of the pool whether it is kept.

    `counts` (problem id -> number) are those of the matched arm in this round; None where the arm
    matches none. `scores`, one a completion, rank the pool, highest first; None where the arm does
    not rank or the pool itself gives the ranking.
    """
    says = [axis.eligible(pool, arm) for axis in AXES.values() if axis.eligible]
    eligible = [all(each) for each in zip(*says, strict=True)]
    if (counts is None and arm.share is None) or arm.keep == "real":
        return eligible
    if arm.keep in RANKINGS:
        logprobs = pick(pool, "logprobs")
        scores = [RANKINGS[arm.keep](of_tokens) for (of_tokens,) in logprobs]
    groups: Iterable[tuple[str, Iterable[int]]] = [("", range(len(pool)))]
    if arm.share is not None:
        counts = {"": round(arm.share * len(pool))}
    else:
        groups = by_problem(pool)
    assert counts is not None
    kept = [False] * len(pool)
    for name, places in groups:
        indices = [i for i in places if eligible[i]]
        n = counts.get(name, 0)
        if scores is not None:
            chosen = sorted(indices, key=lambda i: -scores[i])[:n]
        else:
            chosen = draw(indices, n, f"{seed}/{round_}/{name}")
        for i in chosen:
            kept[i] = True
    return kept
