"""Context: `Run` has what all stages of a run share, `Seed` what all stages of one seed share.

`rlvr.loop.work` makes both, and passes them to the learners, the studies and the loop.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rlvr.data import Arm, Completion, Entry, Problem, Verdict
from rlvr.engine.protocol import Engine, Tokens
from rlvr.evaluate.evaluation import Problems
from rlvr.models.loading import Prompting
from rlvr.records.layout import MODEL, Place, base_of
from rlvr.records.record import Timing
from rlvr.verify.pool import Judge
from rlvr.verify.verifier import LoadedVerifier

if TYPE_CHECKING:
    from rlvr.config import Config

PROBES = 8
Metrics = list[dict[str, Any]]


class Display(Protocol):
    """Shows the progress of a run: `rlvr.loop.progress`; on a cluster's node, nothing."""

    def stage(self, place: Place, stage: str) -> None:
        """Show that a stage begins."""

    def progress(self, place: Place, text: str) -> None:
        """Show how far a stage of minutes is."""

    def tokens(self, done: int, tokens: int) -> None:
        """Show how many completions the stage has so far, and how many tokens were sampled."""

    def show(
        self, problems: Sequence[Problem], judged: Sequence[tuple[Completion, Verdict]]
    ) -> None:
        """Show the last few completions with their verdicts."""

    def round_done(self, place: Place, headline: Mapping[str, Any], seconds: float) -> None:
        """Show that a round is recorded. If `seconds` is 0, it had been recorded before."""

    def note(self, text: str) -> None:
        """Print one line that stays on the screen."""

    def may_stop(self) -> None:
        """Raise KeyboardInterrupt after a Ctrl-C. Called when all finished work is recorded."""


@dataclass(frozen=True, slots=True)
class Run:
    """What all stages of a run share.

    sealed: returns the hashes that a round is recorded under. ends: the rounds that are, or were at
    some time, an arm's last.
    """

    config: Config
    folder: Path
    scratch: Path
    arms: list[Arm]
    verifier: LoadedVerifier
    pool: Judge
    off_target_pools: Sequence[Judge]
    watch_pool: Judge | None
    engine: Engine
    display: Display
    timing: Timing
    publish: Callable[[], None]  # updates the files that show the whole run
    sealed: Callable[[Place], Mapping[str, str]]
    ends: frozenset[int]

    @contextmanager
    def stage(self, place: Place, name: str) -> Iterator[Counter[str]]:
        """Show and time one stage while the block runs; the block may count `tokens`."""
        self.display.stage(place, name)
        counter: Counter[str] = Counter()
        began = time.monotonic()
        yield counter
        self.timing.add(place, name, time.monotonic() - began, counter["tokens"])

    def policy(self, place: Place) -> Path:
        """Return the weights M(t) of an arm at round t; M(0) is the base."""
        return (place if place.round else base_of(place.seed)).folder(self.folder) / MODEL

    def start(self, seed: int) -> Path:
        """Return the folder of the weights with which a seed begins, before its warm start."""
        return self.scratch / f"start-{seed}"


@dataclass(frozen=True, slots=True)
class SeedProblems:
    """All problems of one seed; they are the same for all its arms."""

    prompting: Prompting
    warm_start: list[Problem]
    rounds: list[list[Problem]]
    corpus: list[Entry]
    labelled: list[Entry]
    held_back: list[Problem]
    held_out: list[Problem]
    off_target: list[list[Problem]]
    pairs: list[Problem] = field(default_factory=list)  # for a transcriber to learn from


@dataclass(frozen=True, slots=True)
class Corpus:
    """The entries of a corpus, and the tokens of each in the same order."""

    entries: list[Entry]
    encoded: Problems


@dataclass(frozen=True, slots=True)
class Seed:
    """What all stages of one seed share: the problems with their tokens, and the probes."""

    seed: int
    tokenizer: Any
    warm_start: Problems
    rounds: list[Problems]
    held_back: Problems
    held_out: Problems
    off_target: list[Problems]
    corpus: Corpus
    labelled: Corpus
    trained: tuple[Problem, ...] = ()  # all that may be trained on, examples in prompts included
    heard: Seed | None = None  # the same problems, as a transcriber reads them

    @property
    def probes(self) -> list[Tokens]:
        """The first prompts, with solutions where there are any; engine and trainer must agree."""
        chosen = self.rounds[0].part(0, PROBES)
        solutions = chosen.solutions or ((),) * len(chosen.prompts)
        return [
            prompt + solution for prompt, solution in zip(chosen.prompts, solutions, strict=True)
        ]

    def of_round(self, place: Place) -> Problems:
        """Return the training problems of a round."""
        return self.rounds[place.round - 1]
