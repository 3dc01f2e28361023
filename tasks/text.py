"""Real English text to continue: the first characters of a paragraph are given, the rest follows.

This is the classic set-up of model collapse (Shumailov 2305.17493): a language model learns from
its own continuations of real text. There is no right answer, and accuracy stays 0. Look at the NLL
of held-out real text instead (`verdict.metric: real_nll`), and at diversity. The text is the prose
in the docstrings of pinned packages (`rlvr.models.prose`), or comes from a file. Levels are the
sources.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlvr.tasks import split_of

from rlvr.data import InputError, Problem, Split
from rlvr.models import prose
from rlvr.verify.verifier import near_miss

VERIFIER = "exact"


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    path: str | None = None,
    prompt: int = 32,
    longest: int = 240,
    window: int | None = None,
) -> Iterator[Problem]:
    """Yield n problems of `split`, in an order drawn by `seed`, none twice.

    The prompt has `prompt` characters, and the continuation ends with the paragraph. Paragraphs of
    more than `longest` characters, or no longer than the prompt, are left out. With a `window`,
    only the first `window` characters of a paragraph are used, and shorter paragraphs are left out.
    `path`: a UTF-8 text file with a blank line between paragraphs. Of paragraphs with the same
    beginning only one is used. Raises InputError for a missing file, ValueError if the split has
    fewer than n.
    """
    most = longest if window is None else window
    if not 1 <= prompt < most:
        name = "longest" if window is None else "window"
        raise ValueError(f"prompt must lie between 1 and {name}, got {prompt} and {most}")
    texts = prose.paragraphs() if path is None else _of_file(Path(path))
    if window is not None:
        longest = window
        texts = [(source, text[:window]) for source, text in texts if len(text) >= window]
    distinct = {text[:prompt]: (source, text) for source, text in reversed(texts)}
    chosen = [
        (source, text)
        for start, (source, text) in distinct.items()
        if prompt < len(text) <= longest and split_of(start) == split
    ]
    if len(chosen) < n:
        raise ValueError(f"{len(chosen)} paragraphs for {split!r}, {n} asked for: lower the number")
    order = sorted(chosen, key=lambda one: one[1])
    random.Random(f"text/{split}/{seed}").shuffle(order)
    for source, text in order[:n]:
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        yield Problem(
            id=f"text/{split}/{name}",
            task="text",
            split=split,
            level=source,
            prompt=text[:prompt],
            reference=text[prompt:],
            solution=text[prompt:],
        )


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return the continuation with its words shuffled: it keeps its words and loses its grammar."""
    words = str(problem.solution).split(" ")
    for _ in range(10):  # the words of a short continuation may fall into their old places
        generator.shuffle(words)
        if " ".join(words) != problem.solution:
            return " ".join(words)
    return near_miss(str(problem.solution), generator)


def _of_file(path: Path) -> Sequence[tuple[str, str]]:
    if not path.is_file():
        raise InputError(f"task.path: no such file: {path}")
    blocks = path.read_text().replace("\r\n", "\n").split("\n\n")
    return [(path.stem, line) for line in (" ".join(block.split()) for block in blocks) if line]
