"""Sampling: the completions of a round (the generate stage) and their verdicts (verify)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

from rlvr.data import Arm, Completion
from rlvr.engine.completions import stream_completions
from rlvr.evaluate.evaluation import Problems, judge
from rlvr.learners.context import Run, Seed
from rlvr.records import record
from rlvr.records.layout import COMPLETIONS, Place, base_of
from rlvr.records.stored import JUDGED, Judged, held
from rlvr.select.axis import Pool
from rlvr.select.keep import selects
from rlvr.studies.registry import study_of
from rlvr.studies.study import Source

Item = TypeVar("Item")
Part = tuple[Problems, Iterator[Completion | None]]


@dataclass(frozen=True, slots=True)
class Samples:
    """What a round selects from: completions that come while they are judged, or judged ones.

    `parts`: problems with their completions (None: there is none yet), a part after the other.
    """

    parts: Iterator[Part] = iter(())
    judged: Pool | None = None


def generate(run: Run, seed: Seed, arm: Arm, place: Place) -> Samples:
    """Return what this arm selects from: the base's pool in round 1, later M(t-1)'s samples.

    Or the base's samples again, or what its study has it sampled from.
    """
    if not selects(arm):
        return Samples(judged=[])
    source = study_of(run.config).source(run, seed, arm, place)
    if source is None and place.round == 1:
        shared = base_of(place.seed).folder(run.folder) / COMPLETIONS
        return Samples(judged=record.read_completions(shared))
    if source is None:
        before = 0 if arm.author == "base" else place.round - 1
        source = Source(run.policy(place.at(before)), seed.of_round(place))
    run.engine.load(source.weights)
    return from_engine(run, seed, place, source)


def from_engine(run: Run, seed: Seed, place: Place, source: Source) -> Samples:
    """Return samples of the weights now in the engine, or the texts of a study, scored by them.

    In parts of at most AT_ONCE completions, each a generate and a verify stage of its own.
    """
    texts = study_of(run.config).texts(run, seed, place)
    if texts is not None:
        return Samples(judged=held(run.scratch, JUDGED, texts))
    parts = source.problems.parts(run.config.generate.samples)
    return Samples((part, _sampled(run, seed, place, part, source)) for part in parts)


def _sampled(
    run: Run, seed: Seed, place: Place, part: Problems, source: Source
) -> Iterator[Completion | None]:
    """Yield completions as they are finished: the generate stage."""
    settings = run.config.generate
    with run.stage(place, "generate") as count:
        for completion in stream_completions(
            run.engine,
            seed.tokenizer,
            part.problems,
            part.prompts,
            settings.decoding(),
            settings.samples,
            place,
            run.display.tokens,
        ):
            count["tokens"] += len(completion.token_ids) if completion else 0
            if completion and source.prompts is not None:
                prompt = source.prompts[completion.problem_id]
                completion = dataclasses.replace(completion, prompt_token_ids=prompt)
            yield completion


def verify(run: Run, place: Place, samples: Samples) -> Pool:
    """Return the samples judged, unless they are: sequences that are too long wait in a file.

    Judging begins with the first completion of a part; the verify stage is what it takes after
    the last.
    """
    if samples.judged is not None:
        return samples.judged
    return held(run.scratch, JUDGED, _judged(run, place, samples.parts))


def _judged(run: Run, place: Place, parts: Iterable[Part]) -> Iterator[Judged]:
    for part, completions in parts:
        with ExitStack() as rest:

            def begin(rest: ExitStack = rest) -> None:
                rest.enter_context(run.stage(place, "verify"))

            judged = judge(run.pool, part.problems, _then(completions, begin))
        run.display.show(part.problems, judged)
        yield from judged
        del judged  # not held while the next part is sampled


def _then(items: Iterable[Item], call: Callable[[], None]) -> Iterator[Item]:
    """Yield the items, and call when there are no more."""
    yield from items
    call()
