"""Registry: every study by the section of the config that asks for it. Add an import and a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rlvr.studies import curate, transcribe
from rlvr.studies.study import PLAIN, Study

if TYPE_CHECKING:
    from rlvr.config import Config

STUDIES: dict[str, Study] = {
    "corpus": curate.STUDY,
    "transcription": transcribe.STUDY,
}


def study_of(config: Config) -> Study:
    """Return the study that a config asks for; the config has seen that it asks for one at most."""
    asked = [study for section, study in STUDIES.items() if getattr(config, section) is not None]
    return asked[0] if asked else PLAIN
