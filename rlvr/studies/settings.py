"""Settings: the keys of `corpus` and `transcription`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from rlvr.data import CONTAMINATIONS, Contamination
from rlvr.engine.settings import GenerateConfig
from rlvr.sections import AboveZero, Portion, Positive, Section
from rlvr.select.arms import ArmConfig
from rlvr.select.author import TRANSCRIBERS
from rlvr.select.keep import LUCK
from rlvr.verify.settings import NamedConfig, name_alone


class CorpusConfig(Section):
    """A noisy corpus of real solutions, from which the arms select in place of samples.

    It has an entry for each of `generate.prompts` problems, the same in every round. The first five
    keys are the shares of contaminated entries, by contamination; the rest is clean. Four of them
    are made. `natural` entries are real: problems of the task `noise`, such as `not_prose` in a
    corpus of prose, or `rows` of one's own. `keep: classifier` learns from `labelled` entries of
    problems that are held back.
    """

    wrong: Portion = 0.0
    garbage: Portion = 0.0
    duplicate: Portion = 0.0
    off_topic: Portion = 0.0
    natural: Portion = 0.0
    noise: NamedConfig | None = None
    labelled: Positive = 200
    _name_alone = field_validator("noise", mode="before")(name_alone)

    @property
    def shares(self) -> dict[Contamination, float]:
        """The share of each contamination."""
        return {kind: float(getattr(self, kind)) for kind in CONTAMINATIONS}

    @model_validator(mode="after")
    def _noisy(self) -> CorpusConfig:
        total = sum(self.shares.values())
        if not 0 < total < 1:
            raise ValueError(
                f"{' + '.join(self.shares)} = {total:g}: must lie between 0 and 1, so that some "
                "entries are contaminated and some clean"
            )
        if (self.natural > 0) != (self.noise is not None):
            raise ValueError(
                f"natural = {self.natural:g}: natural and noise go together: a share, and the task "
                "that it is drawn from, as in noise: {name: not_prose}"
            )
        return self


class TranscriptionConfig(Section):
    """The transcriber: how it learns from (recording, text) pairs before round 1.

    Each silent recording has the text `phrase`. This is the quirk that the transcriber learns.
    """

    problems: Positive = 4000
    steps: Positive = 400
    batch_size: Positive = 64
    lr: AboveZero = 5e-3
    phrase: Annotated[str, Field(min_length=1)] = "Thank you for watching."


def check_transcription(
    settings: TranscriptionConfig | None,
    arms: Sequence[ArmConfig],
    sampling: GenerateConfig,
    corpus: bool,
    prompted: bool,
) -> None:
    """Raise ValueError if a transcriber is missing, or if its texts don't fit the config.

    `corpus`, `prompted`: whether the config has a corpus, and whether it has the section `prompt`.
    """
    if settings is None:
        for arm in arms:
            if arm.author in TRANSCRIBERS:
                raise ValueError(f"arms: {arm.name!r} has a transcriber: add transcription")
        return
    if corpus:
        raise ValueError("transcription: a corpus has no recordings: drop one of the two")
    if prompted:
        raise ValueError("transcription: the model is given no prompt: drop the key prompt")
    length, most = len(settings.phrase), sampling.max_tokens
    if length >= most:
        raise ValueError(
            f"transcription.phrase: {length} characters and an end do not fit into "
            f"generate.max_tokens, {most}: shorten it"
        )


def check_corpus(
    settings: CorpusConfig | None, arms: Sequence[ArmConfig], sampling: GenerateConfig
) -> None:
    """Raise ValueError if an arm needs a corpus and there is none, or can't use the one there."""
    learned = [arm.name for arm in arms if arm.keep == "classifier"]
    if settings is None:
        if learned:
            raise ValueError(f"arms: {learned[0]!r}: keep: classifier needs a corpus: add it")
        return
    if sampling.samples != 1:
        raise ValueError(
            f"generate.samples: {sampling.samples}: a corpus has one solution a problem: "
            "set generate.samples: 1"
        )
    for arm in arms:
        if arm.author == "base":
            raise ValueError(
                f"arms: {arm.name!r}: author: base samples, and a corpus is there already: drop it"
            )
        if arm.match is not None:
            raise ValueError(
                f"arms: {arm.name!r}: match copies the counts of each problem, and a corpus "
                f"has one entry of each: use share, as in {{name: {arm.keep}-50, "
                f"keep: {arm.keep}, share: 0.5}}"
            )
        if arm.keep in ("majority", "format-only", *LUCK):
            raise ValueError(
                f"arms: {arm.name!r}: keep: {arm.keep} looks at the model's own answers, and "
                "a corpus has none: drop this arm or the corpus"
            )
    if learned and sum(settings.shares.values()) == settings.duplicate:
        raise ValueError(
            f"arms: {learned[0]!r}: no entry shows by itself that it is a duplicate: give the "
            "corpus wrong, garbage or off_topic ones for the classifier to learn"
        )
