"""author: who wrote the completions. A transcriber's are made in `rlvr.studies.transcribe`.

With `base` a loop is cut: an arm learns from as many samples, of a model that never learned from
its own. Beside the arm's own it tells what the loop does from what training on samples does.
"""

from __future__ import annotations

from rlvr.data import Arm, Author
from rlvr.select.axis import Axis

TRANSCRIBERS = ("transcriber", "retrained")


def _check(arm: Arm) -> None:
    if arm.author != "model" and arm.keep == "real":
        raise ValueError("keep: real keeps nothing that anyone wrote: author has no meaning")


AXIS = Axis(
    kind=Author,
    values="`model`, `base`, `transcriber`, `retrained`",
    says="who wrote the completions (the last two need `transcription`)",
    check=_check,
)
