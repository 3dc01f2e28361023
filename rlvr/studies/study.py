"""Study: what a study can do for the loop. A study replaces plain samples by other data.

`rlvr.studies.registry` finds a study by its section of the config. Where a study has no function,
the run does what it does without a study.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlvr.data import Arm, Verdict
from rlvr.engine.protocol import Tokens
from rlvr.evaluate.evaluation import Problems, Record
from rlvr.learners.context import Metrics, Run, Seed, SeedProblems
from rlvr.records.layout import Place
from rlvr.records.stored import Judged

if TYPE_CHECKING:
    from rlvr.config import Config


@dataclass(frozen=True, slots=True)
class Source:
    """What samples a round: weights, and the problems that they get.

    `prompts`: for each problem, the prompt that replaces the sampled one in the training rows.
    """

    weights: Path
    problems: Problems
    prompts: Mapping[str, Tokens] | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """A study, as functions, in the order in which a run calls them.

    views: returns the drawn problems as the run's own model reads them, and as another model reads
    them, if there is one. teach: trains the models that the base has beside its own weights.
    source: returns what samples an arm's round; None for the arm's own weights and problems. texts:
    yields texts to select from in place of samples, already judged; the engine has the weights of
    the round before. scores: returns the scores by which an arm ranks the pool. retrain: trains a
    model beside the policy, once the rows are selected. selected: returns metrics of what was kept
    (from the verdicts, flags and levels of one pool). measure: returns metrics of an evaluated
    round, and loads the weights that it needs.

    base_weights: the folders of weights that the base has beside its model, given the run's arms.
    weights: the folders of weights that each round of an arm has, given that arm.
    """

    views: Callable[[Config, SeedProblems], tuple[SeedProblems, SeedProblems | None]] = (
        lambda config, drawn: (drawn, None)
    )
    teach: Callable[[Run, Seed], None] = lambda *_: None
    source: Callable[[Run, Seed, Arm, Place], Source | None] = lambda *_: None
    texts: Callable[[Run, Seed, Place], Iterator[Judged] | None] = lambda *_: None
    scores: Callable[[Run, Seed, Arm, Place, Sequence[Judged]], list[float] | None] = lambda *_: (
        None
    )
    retrain: Callable[[Run, Seed, Arm, Place], None] = lambda *_: None
    selected: Callable[[Iterable[Verdict], Iterable[bool], Iterable[str]], Metrics] = lambda *_: []
    measure: Callable[[Run, Seed, Arm, Place, Sequence[Record]], Metrics] = lambda *_: []
    base_weights: Callable[[Sequence[Arm]], tuple[str, ...]] = lambda arms: ()
    weights: Callable[[Sequence[Arm]], tuple[str, ...]] = lambda arms: ()


PLAIN = Study()
