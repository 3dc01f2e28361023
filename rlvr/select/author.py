"""author: who wrote the completions. A transcriber's are made in `rlvr.studies.transcribe`."""

from __future__ import annotations

from rlvr.data import Arm, Author
from rlvr.select.axis import Axis


def _check(arm: Arm) -> None:
    if arm.author != "model" and arm.keep == "real":
        raise ValueError("keep: real keeps nothing that anyone wrote: author has no meaning")


AXIS = Axis(
    kind=Author,
    values="`model`, `transcriber`, `retrained`",
    says="who wrote the completions (the last two need `transcription`)",
    check=_check,
)
