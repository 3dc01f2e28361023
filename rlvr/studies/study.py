"""Study: what the loop asks of a study, which puts something else in place of plain samples.

`rlvr.studies.registry` has them by the config's section. What a study leaves out is as in a run
without one.
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
    """What a round is sampled from: weights, and the problems that they are given.

    `prompts`: by problem, the prompt that each completion has afterwards in place of its own.
    """

    weights: Path
    problems: Problems
    prompts: Mapping[str, Tokens] | None = None


def _plain_views(config: Config, drawn: SeedProblems) -> tuple[SeedProblems, SeedProblems | None]:
    return drawn, None


def _no_weights(arms: Sequence[Arm]) -> tuple[str, ...]:
    return ()


def _nothing_taught(run: Run, seed: Seed) -> None:
    return None


def _own_source(run: Run, seed: Seed, arm: Arm, place: Place) -> Source | None:
    return None


def _no_texts(run: Run, seed: Seed, place: Place) -> Iterator[Judged] | None:
    return None


def _no_scores(
    run: Run, seed: Seed, arm: Arm, place: Place, pool: Sequence[Judged]
) -> list[float] | None:
    return None


def _nothing_retrained(run: Run, seed: Seed, arm: Arm, place: Place) -> None:
    return None


def _nothing_selected(
    verdicts: Iterable[Verdict], kept: Iterable[bool], levels: Iterable[str]
) -> Metrics:
    return []


def _nothing_measured(
    run: Run, seed: Seed, arm: Arm, place: Place, records: Sequence[Record]
) -> Metrics:
    return []


@dataclass(frozen=True, slots=True)
class Study:
    """A study, as functions, in the order in which a run comes to them.

    views: the drawn problems as the run's own model meets them, and as another one does, if there
    is one. teach: make what the base has beside its weights. source: what an arm's round is sampled
    from, None for the arm's own weights and problems. texts: what is selected from in place of
    samples, already judged; the engine holds the weights of the round before. scores: what an arm
    ranks the pool by. retrain: what is trained beside the policy, once the rows are selected.
    selected: metrics of what was kept (verdicts, flags and levels of one pool). measure: metrics of
    a round that was evaluated; loads what weights it needs.

    base_weights, weights: the folders of weights that the base has beside its model, given the
    run's arms, and that each round of an arm has, given that arm alone.
    """

    views: Callable[[Config, SeedProblems], tuple[SeedProblems, SeedProblems | None]] = _plain_views
    teach: Callable[[Run, Seed], None] = _nothing_taught
    source: Callable[[Run, Seed, Arm, Place], Source | None] = _own_source
    texts: Callable[[Run, Seed, Place], Iterator[Judged] | None] = _no_texts
    scores: Callable[[Run, Seed, Arm, Place, Sequence[Judged]], list[float] | None] = _no_scores
    retrain: Callable[[Run, Seed, Arm, Place], None] = _nothing_retrained
    selected: Callable[[Iterable[Verdict], Iterable[bool], Iterable[str]], Metrics] = (
        _nothing_selected
    )
    measure: Callable[[Run, Seed, Arm, Place, Sequence[Record]], Metrics] = _nothing_measured
    base_weights: Callable[[Sequence[Arm]], tuple[str, ...]] = _no_weights
    weights: Callable[[Sequence[Arm]], tuple[str, ...]] = _no_weights


PLAIN = Study()
