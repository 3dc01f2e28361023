"""Registry: finds a learner by the name of its file, which is an arm's `learner`.

Each file beside this one that defines `LEARNER` is a learner. It needs no other entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlvr.data import nearest
from rlvr.learners.learner import Learner
from rlvr.registry import offered

if TYPE_CHECKING:
    from rlvr.config import Config

LEARNERS: dict[str, Learner] = offered("rlvr.learners", "LEARNER")


def check_learners(config: Config) -> None:
    """Raise ValueError if an arm's learner is unknown, or can't train that arm."""
    for arm in [one.arm() for one in config.arms]:
        if arm.learner not in LEARNERS:
            raise ValueError(
                f"arms: {arm.name!r}: unknown learner {arm.learner!r}"
                f"{nearest(arm.learner, LEARNERS)} (known: {', '.join(LEARNERS)})"
            )
        LEARNERS[arm.learner].check(config, arm)
