"""Training: an arm's learner makes M(t) (the train stage), after what its study trains beside."""

from __future__ import annotations

from rlvr.data import Arm
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.registry import LEARNERS
from rlvr.loop.selection import budget
from rlvr.records.layout import Place
from rlvr.studies.registry import study_of


def train(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Make M(t) and give it to the engine; return the training's metrics and the rows' budget."""
    study_of(run.config).retrain(run, seed, arm, place)
    learner = LEARNERS[arm.learner]
    learned = learner.train(run, seed, arm, place)
    return learned if learner.online else learned + budget(run, seed, arm, place)
