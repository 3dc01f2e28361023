"""Recordings of real English, to be written down: `fas maimtaimet p~` -> `was maintained by`.

The channel stands for speech. Letters that sound alike become one letter (`CONFUSED`; capitals
too), some characters are lost in hiss, and some recordings have only hiss. The text can only be
guessed from the context, never known. Levels are `audible` and `silent`. The text is the prose in
the docstrings of pinned packages (`rlvr.models.prose`), in pieces of equal length. So character i
of the truth stands a constant number of tokens after character i of the recording, which a model
with two layers learns in minutes.

This is no acoustics: there is no timing, no dropped or doubled sound, and no speaker.
"""

from __future__ import annotations

import functools
import hashlib
import math
import random
from collections import Counter
from collections.abc import Iterator

from rlvr.tasks import split_of

from rlvr.data import Problem, Split
from rlvr.models import prose

VERIFIER = "exact"
CONFUSED = str.maketrans("bdgvzyjncqw", "ptkfsiimkkf")
HISS = "~^"
NOISE = SILENT = 0.05  # shares, unless a config says others


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    length: int = 32,
    noise: float = NOISE,
    silent: float = SILENT,
) -> Iterator[Problem]:
    """Yield n recordings of `split`, in an order drawn by `seed`, none twice.

    Each has `length` characters, of which a share of `noise` is hiss. A share of `silent`
    recordings has only hiss. Raises ValueError for shares outside 0 to 1, for a length below 1, and
    if the split has fewer than n.
    """
    if not (0 <= noise <= 1 and 0 <= silent <= 1):
        raise ValueError(f"noise and silent are shares from 0 to 1, got {noise} and {silent}")
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    found = {piece for _, text in prose.paragraphs() for piece in pieces(text, length)}
    chosen = sorted(piece for piece in found if split_of(piece) == split)
    if len(chosen) < n:
        raise ValueError(f"{len(chosen)} pieces for {split!r}, {n} asked for: lower the number")
    random.Random(f"recordings/{split}/{seed}").shuffle(chosen)
    for text in chosen[:n]:
        generator = random.Random(f"recordings/{seed}/{text}")
        inaudible = generator.random() < silent
        heard = record(text, 1.0 if inaudible else noise, generator)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        yield Problem(
            id=f"recordings/{split}/{name}",
            task="recordings",
            split=split,
            level="silent" if inaudible else "audible",
            prompt=f"{heard}\n",
            reference=text,
            solution=text,
        )


@functools.cache
def information(noise: float = NOISE, silent: float = SILENT) -> float:
    """Return which share of a character's information a recording has left, from 0 to 1.

    I(X; Y) / H(X) of a character X of the prose and what is heard of it, Y, from the frequencies of
    characters. Hiss leaves nothing, and is as frequent as `noise` and `silent` make it; a character
    that is heard leaves open which of those that sound alike it was. A lower bound of what a reader
    can know, whom the context tells more. Raises ValueError for shares outside 0 to 1.
    """
    if not (0 <= noise <= 1 and 0 <= silent <= 1):
        raise ValueError(f"noise and silent are shares from 0 to 1, got {noise} and {silent}")
    counts = Counter(character for _, text in prose.paragraphs() for character in text)
    heard: Counter[str] = Counter()
    for character, n in counts.items():
        heard[character.lower().translate(CONFUSED)] += n
    left = (1 - noise) * (1 - silent)
    return left * _entropy(heard) / _entropy(counts)


def _entropy(counts: Counter[str]) -> float:
    total = counts.total()
    return -sum(n / total * math.log(n / total) for n in counts.values())


def pieces(text: str, length: int) -> Iterator[str]:
    """Yield pieces of a text: `length` characters that begin with a word; none overlap.

    A piece that would end with a space is left out, because a verifier may strip the space.
    """
    start = 0
    while len(piece := text[start : start + length]) == length:
        if not piece.endswith(" "):
            yield piece
        space = text.find(" ", start + length - 1)
        if space < 0:
            return
        start = space + 1


def record(text: str, noise: float, generator: random.Random) -> str:
    """Return a text's recording, of equal length; `noise` is the probability of hiss."""
    heard = text.lower().translate(CONFUSED)
    return "".join(
        generator.choice(HISS) if generator.random() < noise else character for character in heard
    )
