"""Registry: finds a study by its section of the config. To add one, add an import and a line."""

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
    """Return the study that a config asks for. A valid config asks for one at most."""
    asked = [study for section, study in STUDIES.items() if getattr(config, section) is not None]
    return asked[0] if asked else PLAIN
