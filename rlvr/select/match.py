"""match: as many rows as another arm kept in the same round: by problem, or by `match_by`."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from rlvr.data import Arm, InputError, MatchBy, Row, nearest
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool, draw

IN_ALL = ""  # the name of what is not divided into groups
Groups = Iterable[tuple[str, Iterable[int]]]  # places, by problem or in all
Take = Callable[[Sequence[int], int, str], Sequence[int]]  # (places, how many, key) -> some places


def in_order(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms so that a matched arm comes before those that match it, order otherwise kept.

    Raises InputError when an arm matches one that is not there, itself, a circle of them, or one
    that keeps nothing of the round.
    """
    names = [arm.name for arm in arms]
    replays = [arm.name for arm in arms if arm.keep == "replay"]
    for arm in arms:
        if arm.match is not None and arm.match not in names:
            raise InputError(
                f"arms: {arm.name!r} matches {arm.match!r}, which is not among the "
                f"arms{nearest(arm.match, names)}: "
                f"add it, or set match"
            )
        if arm.match in replays:
            raise InputError(
                f"arms: {arm.name!r} matches {arm.match!r}, which keeps nothing of a round: let "
                f"{arm.match!r} match the other arm, with match_by: rows"
            )
    ordered: list[Arm] = []
    waiting = list(arms)
    while waiting:
        ready = [
            arm
            for arm in waiting
            if arm.match is None or arm.match in [done.name for done in ordered]
        ]
        if not ready:
            raise InputError(
                "arms: these match each other in a circle: "
                f"{', '.join(arm.name for arm in waiting)}"
            )
        ordered += ready
        waiting = [arm for arm in waiting if arm not in ready]
    return ordered


def by_problem(pool: Pool | Sequence[Row]) -> Iterator[tuple[str, list[int]]]:
    """Yield each problem with the places of its completions, wherever they lie, as they rise."""
    known: dict[str, int] = {}
    ids = pick(pool, "problem_id")
    codes = np.fromiter((known.setdefault(one, len(known)) for (one,) in ids), np.int32, len(pool))
    order, begin = codes.argsort(kind="stable"), 0
    for problem, end in zip(known, np.bincount(codes).cumsum(), strict=True):
        yield problem, order[begin:end].tolist()
        begin = end


def size(rows: Sequence[Row], by: MatchBy, round_: int | None) -> Counter[str]:
    """Return the number of rows: of each problem, in all, or of each number of tokens.

    Tokens are those in the loss: the prompt's are not. round_: of that round's rows alone.
    """
    column = "token_ids" if by == "tokens" else "problem_id"
    found: Counter[str] = Counter()
    for of, value in pick(rows, "round", column):
        if round_ is None or of == round_:
            if by == "tokens":
                value = str(len(value))
            found[IN_ALL if by == "rows" else value] += 1
    return found


def narrow(
    groups: Groups, kept: Sequence[bool], wanted: Callable[[str], int], take: Take, key: str
) -> list[bool]:
    """Return flags of at most `wanted(name)` of the kept places of each group, as `take` has it."""
    left = [False] * len(kept)
    for name, places in groups:
        for place in take([i for i in places if kept[i]], wanted(name), f"{key}{name}"):
            left[place] = True
    return left


def of_size(
    items: Pool | Sequence[Row],
    kept: Sequence[bool],
    by: MatchBy,
    sizes: Mapping[str, int],
    take: Take,
    key: str,
) -> list[bool]:
    """Return flags of as many of the kept items as `sizes` says, a `size` by the same `by`."""
    if by == "tokens":
        return _as_long(items, kept, sizes, take, key)
    groups = by_problem(items) if by == "problems" else [(IN_ALL, range(len(items)))]
    return narrow(groups, kept, lambda name: sizes.get(name, 0), take, key)


def _as_long(
    items: Pool | Sequence[Row],
    kept: Sequence[bool],
    sizes: Mapping[str, int],
    take: Take,
    key: str,
) -> list[bool]:
    """Return flags of an item for each wanted one, of its length or the nearest that is left.

    Of equal lengths in the order of `take`. Wanted lengths have their turn at random, so that what
    is lacking in the end is of any length.
    """
    tokens = [len(token_ids) for (token_ids,) in pick(items, "token_ids")]
    places = [place for place, one in enumerate(kept) if one]
    left: dict[int, list[int]] = defaultdict(list)
    for place in reversed(take(places, len(places), key)):
        left[tokens[place]].append(place)
    lengths, flags = sorted(left), [False] * len(kept)
    wanted = sorted(Counter({int(length): n for length, n in sizes.items()}).elements())
    for length in draw(wanted, len(places), f"length/{key}"):
        at = bisect_left(lengths, length)
        near = min(lengths[max(0, at - 1) : at + 1], key=lambda one: abs(one - length))
        flags[left[near].pop()] = True
        if not left[near]:
            lengths.remove(near)
    return flags


def cut(rows: Sequence[Row], by: MatchBy, sizes: Mapping[str, int], key: str) -> list[Row]:
    """Return rows drawn at random, in their order: as many as `sizes` says, or fewer."""
    return list(itertools.compress(rows, of_size(rows, [True] * len(rows), by, sizes, draw, key)))


def _check(arm: Arm) -> None:
    if arm.match is not None and arm.keep == "all":
        raise ValueError("keep: all keeps everything: match has no meaning, use keep: random")


AXIS = Axis(
    kind=str | None,
    values="none, or an arm",
    says="as many of each problem as that arm kept; what is lacking is recorded, never topped up",
    check=_check,
)
