"""Room: whether an arm can learn from what its base solves, and whether it can grow."""

from __future__ import annotations

FEW = 0.05  # a base whose whole interval lies below this share solves next to nothing


def too_little(right: float, high: float, few_shot: int, warm: bool) -> str:
    """Return what to say of a base that solves next to nothing; "" of any other.

    `right`: its right completions. `high`: the upper end of the interval of its pass@1. `few_shot`
    and `warm`: how many examples its prompts have, and whether it had a warm start.
    """
    if right and high >= FEW:
        return ""
    helps = [
        "easier problems (a level)",
        "more few-shot examples" if few_shot else "few-shot examples (prompt.few_shot)",
        "a longer warm start (warm_start.max_steps)"
        if warm
        else "a warm start (warm_start, as in configs/smollm2.yaml)",
    ]
    solved = "next to none" if right else "none"
    return (
        f"the base solves {solved} of the problems: an arm that learns from its right answers has "
        "nothing to learn from, and its verdict will be inconclusive. What helps: "
        f"{', '.join(helps)} or a larger model"
    )


def too_much(share: float, margin: float) -> str:
    """Return what to say of a base whose pass@1 can't rise by `margin`; "" of any other."""
    if share + margin <= 1:
        return ""
    return (
        f"the base solves nearly all of the problems: no room to grow, as growth is {margin:g} "
        "more. What helps: harder problems (a level) or a smaller model"
    )
