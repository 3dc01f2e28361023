"""One round of one arm: generate -> verify -> select -> train -> evaluate -> record.

M(0) is the base: the weights that every arm of a seed begins with. Round t samples completions
from M(t-1) and trains M(t) on those that the arm keeps; the samples of round 1 are the base's, the
same for all arms. An online learner samples, judges and trains by itself, so its round begins with
`train`. Each stage writes its files atomically, and a stage whose files exist is skipped: the same
command on the same folder resumes, and a run killed and resumed equals one never killed. A learner
(`rlvr.learners.registry`) decides how an arm learns. A study (`rlvr.studies.registry`) decides when
completions come from elsewhere than the arm's own weights.
"""

from __future__ import annotations

import time

from rlvr.data import Arm
from rlvr.learners.context import Run, Seed
from rlvr.learners.registry import LEARNERS
from rlvr.loop.evaluation import evaluate
from rlvr.loop.recording import record
from rlvr.loop.sampling import generate, verify
from rlvr.loop.selection import select
from rlvr.loop.training import train
from rlvr.records.layout import Place, is_done
from rlvr.studies.registry import study_of


def make_round(run: Run, seed: Seed, arm: Arm, place: Place) -> None:
    """Make M(t) of an arm from M(t-1), evaluate it and record the round at `place`."""
    folder = place.folder(run.folder)
    if is_done(folder, "record"):
        run.display.round_done(place, {}, 0)
        return
    began = time.monotonic()
    if not LEARNERS[arm.learner].online and not is_done(folder, "select"):
        samples = generate(run, seed, arm, place)
        pool = verify(run, place, samples)
        select(run, seed, arm, place, pool)
        del samples, pool  # not held while the weights are trained
        run.display.may_stop()
    learned = train(run, seed, arm, place)
    records, found = evaluate(run, seed, place)
    found += learned + study_of(run.config).measure(run, seed, arm, place, records)
    record(run, place, records, found, began)
    run.display.may_stop()
