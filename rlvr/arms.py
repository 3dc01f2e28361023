"""Arms: which completions of a round become training rows.

Presets are names for points on the axes of `Arm`.

A pool is what one arm sampled in one round: completions and their verdicts, problem-major. Each
value of `keep` is a short pure function over it. With n_i the number that the matched arm kept of
problem i, a matching arm keeps min(n_i, eligible) of problem i, drawn uniformly without
replacement; what it lacks is its shortfall, never topped up.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from rlvr.data import Arm, Completion, InputError, Problem, Row, Verdict, nearest

Pool = Sequence[tuple[Completion, Verdict]]

PRESETS: dict[str, Arm] = {
    "verified": Arm("verified", keep="verified"),
    "unfiltered": Arm("unfiltered", keep="all"),
    "random": Arm("random", keep="random", match="verified"),
    "real": Arm("real", keep="real"),
    "accumulate": Arm("accumulate", keep="all", memory="accumulate"),
}


def keep_verified(pool: Pool) -> list[bool]:
    """Eligible: what the verifier called correct (STaR, 2203.14465, section 3)."""
    return [verdict.status == "correct" for _, verdict in pool]


def keep_all(pool: Pool) -> list[bool]:
    """Eligible: everything the model said (the loop of Shumailov, 2305.17493)."""
    return [True for _ in pool]


def keep_none(pool: Pool) -> list[bool]:
    """Eligible: nothing the model said; the rows are real solutions."""
    return [False for _ in pool]


ELIGIBLE: dict[str, Callable[[Pool], list[bool]]] = {
    "verified": keep_verified,
    "all": keep_all,
    "random": keep_all,
    "real": keep_none,
}


def preset(name: str) -> Arm:
    """Return the arm called `name`. Raises InputError with the nearest known name."""
    if name not in PRESETS:
        known = ", ".join(PRESETS)
        raise InputError(f"arms: unknown arm {name!r}{nearest(name, PRESETS)} (known: {known})")
    return PRESETS[name]


def in_order(arms: Sequence[Arm]) -> list[Arm]:
    """Return the arms so that a matched arm comes before those that match it, order otherwise kept.

    Raises InputError when an arm matches one that is not there, itself, or a circle of them.
    """
    names = [arm.name for arm in arms]
    for arm in arms:
        if arm.match is not None and arm.match not in names:
            raise InputError(
                f"arms: {arm.name!r} matches {arm.match!r}, which is not among the "
                f"arms{nearest(arm.match, names)}: "
                f"add it, or set match"
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


def choose(
    pool: Pool, arm: Arm, counts: Mapping[str, int] | None, seed: int, round_: int
) -> list[bool]:
    """Return for each completion of the pool whether it is kept.

    `counts` (problem id -> number) are those of the matched arm in this round; None where the arm
    matches none.
    """
    eligible = ELIGIBLE[arm.keep](pool)
    if counts is None or arm.keep == "real":
        return eligible
    by_problem: dict[str, list[int]] = {}
    for i, (completion, _) in enumerate(pool):
        if eligible[i]:
            by_problem.setdefault(completion.problem_id, []).append(i)
    kept = [False] * len(pool)
    for problem_id, indices in by_problem.items():
        for i in _draw(indices, counts.get(problem_id, 0), f"{seed}/{round_}/{problem_id}"):
            kept[i] = True
    return kept


def _draw(items: Sequence[int], n: int, key: str) -> list[int]:
    """Draw n of the items without replacement, by a generator of their own."""
    generator = random.Random(hashlib.sha256(key.encode()).digest())
    return generator.sample(list(items), min(n, len(items)))


def completion_rows(pool: Pool, kept: Sequence[bool], arm: Arm, verifier: str) -> list[Row]:
    """Return the kept completions as training rows: the sampled token ids themselves."""
    return [
        Row(
            problem_id=completion.problem_id,
            source="completion",
            arm=completion.arm,
            seed=completion.seed,
            round=completion.round,
            index=completion.index,
            prompt_token_ids=completion.prompt_token_ids,
            token_ids=completion.token_ids,
            status=verdict.status,
            verifier=verifier,
            why=f"keep={arm.keep}" + (f" match={arm.match}" if arm.match else ""),
        )
        for (completion, verdict), keep in zip(pool, kept, strict=True)
        if keep
    ]


def real_rows(
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    solutions: Sequence[tuple[int, ...]],
    arm: str,
    seed: int,
    round_: int,
    counts: Mapping[str, int] | None = None,
) -> list[Row]:
    """Return a real solution a problem as rows; with `counts`, that many copies of each."""
    return [
        Row(
            problem_id=problem.id,
            source="warm-start" if round_ == 0 else "real",
            arm=arm,
            seed=seed,
            round=round_,
            index=copy,
            prompt_token_ids=prompt,
            token_ids=solution,
            status="correct",
            verifier="",
            why="real solution",
        )
        for problem, prompt, solution in zip(problems, prompts, solutions, strict=True)
        for copy in range(1 if counts is None else counts.get(problem.id, 0))
    ]


def kept_counts(rows: Sequence[Row], round_: int) -> Counter[str]:
    """Return how many rows of `round_` there are of each problem: what a matching arm copies."""
    return Counter(row.problem_id for row in rows if row.round == round_)
