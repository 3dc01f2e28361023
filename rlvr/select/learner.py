"""learner: fine-tuning on the kept rows, pairs, or online RL; and the rewards of online arms."""

from __future__ import annotations

from rlvr.data import DECIDED, Arm
from rlvr.select.axis import Axis, Pool, generator


def rewards(
    pool: Pool, arm: Arm, seed: int, partial_credit: bool = False, format_reward: float = 0.0
) -> list[float | None]:
    """Return the reward of each completion, of a pool as the arm's verifier sees it.

    Correct is 1, wrong 0; `inverted` the other way round; `random` 1 or 0 by a coin that does not
    look (2506.10947); `format-only` 1 for what has an answer. Abstain and error are None in every
    arm: no evidence. `partial_credit` gives the share of tests passed, where there are tests, and
    `format_reward` is added for an answer that could be read.
    """
    found: list[float | None] = []
    for completion, verdict in pool:
        if verdict.status not in DECIDED:
            found.append(None)
            continue
        reward = float(verdict.status == "correct")
        if partial_credit and verdict.fraction is not None:
            reward = verdict.fraction
        if arm.keep == "inverted":
            reward = 1 - reward
        elif arm.keep == "random":
            key = f"reward/{seed}/{completion.problem_id}/{completion.round}/{completion.index}"
            reward = float(generator(key).random() < 0.5)
        elif arm.keep == "format-only":
            reward = float(verdict.extracted is not None)
        found.append(reward + format_reward * (verdict.extracted is not None))
    return found


AXIS = Axis(
    kind=str,
    values="`sft`, `grpo`, `dpo`: a file of `rlvr/learners/`",
    says=(
        "fine-tuning on the rows kept; online RL whose reward is what `keep` would keep; or pairs "
        "of a kept completion and one of the same problem that `keep` refuses"
    ),
)
