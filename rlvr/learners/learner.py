"""Learner: what a learner must do for the loop. `rlvr.learners.registry` finds them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlvr.data import Arm
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.records.layout import Place
from rlvr.select.keep import check_size

if TYPE_CHECKING:
    from rlvr.config import Config


Train = Callable[[Run, Seed, Arm, Place], Metrics]


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner, as functions.

    train: makes a round's M(t) in its folder (`model/` and, last, train.json), loads it into the
    engine, and returns the metrics of the training. online: whether the learner samples and judges
    by itself in each of its steps; any other learner learns from what the round selected. section:
    of the config, with its `steps` and `batch_size`. counts: the metric that has the number of what
    it takes batches of. check: raises ValueError if a config has an arm that this learner can't
    train.

    An online learner can resume in the middle of a round, from a checkpoint in its arm's folder:

    checkpoint: returns that checkpoint, None if there is none. gathered: returns the files of a
    round's steps that are not merged yet and can't be recreated, given the round's folder, number
    and config. rewrites: returns the files of an unfinished round that the learner recreates when
    it resumes from the checkpoint. forget: deletes what the arm no longer needs once its last round
    is recorded.
    """

    train: Train
    online: bool = False
    section: str = "train"
    counts: str = "rows"
    check: Callable[[Config, Arm], None] = lambda config, arm: check_size(arm)
    checkpoint: Callable[[Path], Path | None] = lambda arm: None
    gathered: Callable[[Path, int, Config], Sequence[Path]] = lambda *_: ()
    rewrites: Callable[[Path, int, Config], Sequence[Path]] = lambda *_: ()
    forget: Callable[[Path], None] = lambda arm: None
