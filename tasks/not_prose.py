"""What is no prose in docstrings, to continue: code, tables, fields, lists, fragments of text.

These are the blocks that the task `text` leaves out of the same sources (`rlvr.models.prose`). They
are real noise for a corpus of prose: `corpus: {natural: 0.3, noise: {name: not_prose, prompt: 16,
window: 80}}`. Levels say what a block really is.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from rlvr.tasks import split_of

from rlvr.data import Problem, Split
from rlvr.models import prose
from rlvr.verify.verifier import near_miss

VERIFIER = "exact"


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    prompt: int = 32,
    longest: int = 240,
    window: int | None = None,
) -> Iterator[Problem]:
    """Yield n blocks of `split`, in an order drawn by `seed`, none twice.

    They are cut as `text` cuts paragraphs, so that length does not tell the two apart: the prompt
    has `prompt` characters, and blocks of more than `longest` characters are left out; with a
    `window`, only the first `window` characters of a block are used, and shorter ones are left out.
    Of blocks with the same beginning only one is used. Raises ValueError if the split has fewer
    than n.
    """
    most = longest if window is None else window
    if not 1 <= prompt < most:
        name = "longest" if window is None else "window"
        raise ValueError(f"prompt must lie between 1 and {name}, got {prompt} and {most}")
    texts = {text[:prompt]: (kind, text) for kind, text in reversed(prose.rejected())}
    chosen = [
        (kind, text[:window])
        for start, (kind, text) in texts.items()
        if (window or prompt + 1) <= len(text) <= (longest if window is None else len(text))
        and split_of(start) == split
    ]
    if len(chosen) < n:
        raise ValueError(f"{len(chosen)} blocks for {split!r}, {n} asked for: lower the number")
    order = sorted(chosen, key=lambda one: one[1])
    random.Random(f"not_prose/{split}/{seed}").shuffle(order)
    for kind, text in order[:n]:
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        rest = text[prompt:]
        yield Problem(
            f"not_prose/{split}/{name}", "not_prose", split, kind, text[:prompt], rest, rest
        )


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return the continuation with one character changed."""
    return near_miss(str(problem.solution), generator)
