"""match: as much as another arm kept in the same round: of each problem, or in all (`match_by`)."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from rlvr.data import Arm, InputError, MatchBy, Row, nearest
from rlvr.records.stored import pick
from rlvr.select.axis import Axis, Pool, draw

IN_ALL = ""  # what a size is called that is not one problem's
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


def by_problem(pool: Pool) -> Iterator[tuple[str, list[int]]]:
    """Yield each problem with the places of its completions, wherever they lie, as they rise."""
    known: dict[str, int] = {}
    ids = pick(pool, "problem_id")
    codes = np.fromiter((known.setdefault(one, len(known)) for (one,) in ids), np.int32, len(pool))
    order, begin = codes.argsort(kind="stable"), 0
    for problem, end in zip(known, np.bincount(codes).cumsum(), strict=True):
        yield problem, order[begin:end].tolist()
        begin = end


def size(rows: Sequence[Row], by: MatchBy, round_: int | None) -> Counter[str]:
    """Return how much the rows are: their number by problem, or in all, or their tokens in all.

    Tokens are those in the loss: the prompt's are not. round_: of that round's rows alone.
    """
    found: Counter[str] = Counter()
    columns = ("problem_id", "round", *(("token_ids",) if by == "tokens" else ()))
    for problem, of_round, *tokens in pick(rows, *columns):
        if round_ is None or of_round == round_:
            found[problem if by == "problems" else IN_ALL] += sum(map(len, tokens)) if tokens else 1
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


def within(tokens: Sequence[int], take: Take) -> Take:
    """Return `take` by tokens: as many of its places, in its order, as together have no more.

    `tokens`: how many each place has.
    """

    def some(places: Sequence[int], most: int, key: str) -> Sequence[int]:
        order = take(places, len(places), key)
        totals = itertools.accumulate(tokens[place] for place in order)
        return [place for place, total in zip(order, totals, strict=True) if total <= most]

    return some


def cut(rows: Sequence[Row], by: MatchBy, sizes: Mapping[str, int], key: str) -> list[Row]:
    """Return rows drawn at random, in their order: as many as `sizes` says in all, or fewer."""
    tokens = [len(token_ids) for (token_ids,) in pick(rows, "token_ids")]
    take = within(tokens, draw) if by == "tokens" else draw
    whole = [(IN_ALL, range(len(rows)))]
    kept = narrow(whole, [True] * len(rows), lambda name: sizes.get(name, 0), take, key)
    return list(itertools.compress(rows, kept))


def _check(arm: Arm) -> None:
    if arm.match is not None and arm.keep == "all":
        raise ValueError("keep: all keeps everything: match has no meaning, use keep: random")


AXIS = Axis(
    kind=str | None,
    values="none, or an arm",
    says="as many of each problem as that arm kept; what is lacking is recorded, never topped up",
    check=_check,
)
