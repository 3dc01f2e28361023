"""Settings: the keys of `corpus` and `transcription`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from rlvr.data import CONTAMINATIONS, Contamination
from rlvr.sections import Portion, Positive, Rate, Section


class CorpusConfig(Section):
    """A noisy corpus of real solutions, which the arms select from instead of from samples.

    It has an entry for each of `generate.prompts` problems, the same in every round. The first four
    are the shares of what is wrong with it, the rest is clean; `labelled` entries of problems held
    back are what `keep: classifier` learns from.
    """

    wrong: Portion = 0.0
    garbage: Portion = 0.0
    duplicate: Portion = 0.0
    off_topic: Portion = 0.0
    labelled: Positive = 200

    @property
    def shares(self) -> dict[Contamination, float]:
        """The contaminations and their shares."""
        return {kind: float(getattr(self, kind)) for kind in CONTAMINATIONS}

    @model_validator(mode="after")
    def _noisy(self) -> CorpusConfig:
        total = sum(self.shares.values())
        if not 0 < total < 1:
            raise ValueError(
                f"{' + '.join(self.shares)} = {total:g}: must lie between 0 and 1, so that some "
                "entries are contaminated and some clean"
            )
        return self


class TranscriptionConfig(Section):
    """The transcriber: how it learns from (recording, text) pairs before round 1.

    The texts of its silent recordings are all `phrase`: the quirk that it is taught.
    """

    problems: Positive = 4000
    steps: Positive = 400
    batch_size: Positive = 64
    lr: Rate = 5e-3
    phrase: Annotated[str, Field(min_length=1)] = "Thank you for watching."
