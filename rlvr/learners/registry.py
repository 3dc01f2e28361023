"""Registry: every learner by the name that an arm's `learner` has. Add an import and a line."""

from __future__ import annotations

from rlvr.learners import grpo, sft
from rlvr.learners.learner import Learner

LEARNERS: dict[str, Learner] = {
    "sft": sft.LEARNER,
    "grpo": grpo.LEARNER,
}
