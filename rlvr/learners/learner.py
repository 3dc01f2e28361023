"""Learner: what the loop asks of a learner. `rlvr.learners.registry` has them by name."""

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


def _check_rows(config: Config, arm: Arm) -> None:
    check_size(arm)


Train = Callable[[Run, Seed, Arm, Place], Metrics]


def _no_files(folder: Path, round_: int, config: Config) -> Sequence[Path]:
    return ()


def _no_checkpoint(arm: Path) -> Path | None:
    return None


def _nothing_to_forget(arm: Path) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Learner:
    """A learner, as functions.

    train: make M(t) of a round in its folder (`model/` and, last, train.json), give it to the
    engine, and return the metrics of the training. online: it samples and judges by itself, at each
    of its steps; any other learns from the rows that the round selected. check: raises ValueError
    where a config has an arm of this learner that can't be trained so.

    An online learner goes on in the middle of a round, from a checkpoint in its arm's folder:

    checkpoint: that, None for none. gathered: the files of steps (of a round, by its folder, number
    and config) that are not merged yet and can't be recreated. rewrites: the files of an unfinished
    round that it recreates when it resumes from the checkpoint. forget: delete what the arm does
    not need once its last round is recorded.
    """

    train: Train
    online: bool = False
    check: Callable[[Config, Arm], None] = _check_rows
    checkpoint: Callable[[Path], Path | None] = _no_checkpoint
    gathered: Callable[[Path, int, Config], Sequence[Path]] = _no_files
    rewrites: Callable[[Path, int, Config], Sequence[Path]] = _no_files
    forget: Callable[[Path], None] = _nothing_to_forget
