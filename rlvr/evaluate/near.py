"""Near-duplicates: held-out texts that are nearly what is trained on.

Two texts are near-duplicates when they have the same numbers in the same order and share pairs of
successive words: at least `SHARE` of those of the one or of the other, so that a sentence more
hides nothing. A pair counts the more the rarer it is: in n of the N texts trained on it weighs
log((N + 1) / (n + 1)) nats. What is shared must weigh more than chance gives among all pairs of
texts (`SURE`). So are texts that differ in capitals, spaces and punctuation alone, however short.

Generated problems are of one mould: any two sums of two digits share most characters, any two
variants of a word problem most words, and a model that has seen the one has not seen the other.
Therefore other numbers make another problem, what is in every text weighs nothing, and a text that
resembles many others of those trained on (`CROWD`, at `ALIKE`), whatever their numbers, has no
near-duplicate: it has a mould.

What it does not see: a problem in other words, in another language, or with other numbers.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

SHARE = 0.7  # of the pairs of one of the two texts, by weight
SURE = 3.0  # nats: one audit in twenty would find a pair by chance, were pairs of words independent
ALIKE = 0.4  # a share at which texts resemble each other
CROWD, CROWD_SHARE = 5, 0.01  # so many, or this share of those trained on, make a mould

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SAID = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s.,;:!?'\"`]")
_AT_ONCE = 1 << 22  # pairs of texts that are looked at together
_HASHES = 1 << 22


@dataclass(frozen=True, slots=True)
class Near:
    """Two texts by their places, held out and trained on, and the share of pairs of one of them."""

    held_out: int
    trained: int
    share: float


def near_duplicates(held_out: Sequence[str], trained: Sequence[str]) -> list[Near]:
    """Return the nearest near-duplicate of each held-out text that has one, the nearest first.

    Texts that are equal to the character are passed over: they are counted apart.
    """
    known = set(held_out)
    others = {text: place for place, text in enumerate(trained) if text not in known}
    if not held_out or not others:
        return []
    texts, places = [_plain(text) for text in others], list(others.values())
    asked = [_plain(text) for text in held_out]
    said: dict[tuple[str, ...], int] = {}
    for place, text in enumerate(texts):
        said.setdefault(tuple(_SAID.findall(text)), place)
    found = {
        place: Near(place, places[other], 1.0)
        for place, text in enumerate(asked)
        if (other := said.get(tuple(_SAID.findall(text)))) is not None
    }
    theirs, mine = [_numbers(text) for text in texts], [_numbers(text) for text in asked]
    words = any(_pairs(text) for text in asked)
    most = max(CROWD, CROWD_SHARE * len(texts))
    for place, (close, alike) in enumerate(_close(asked, texts) if words else ()):
        same = [(share, other) for share, other in close if theirs[other] == mine[place]]
        if same and alike - len(same) <= most and place not in found:
            share, other = max(same)
            found[place] = Near(place, places[other], share)
    return sorted(found.values(), key=lambda one: (-one.share, one.held_out))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _numbers(text: str) -> tuple[str, ...]:
    """Return the numbers in a text: `1,000` is `1000`."""
    return tuple(number.replace(",", "") for number in _NUMBER.findall(text))


def _pairs(text: str) -> list[str]:
    return [" ".join(pair) for pair in pairwise(_WORD.findall(text))]


def _close(
    asked: Sequence[str], texts: Sequence[str]
) -> Iterator[tuple[list[tuple[float, int]], int]]:
    """Yield of each text asked those that share enough with it, and how many resemble it."""
    from sklearn.feature_extraction.text import HashingVectorizer

    # Pairs by their hashes: those of 100,000 texts would fill the memory as text.
    hasher = HashingVectorizer(
        analyzer=_pairs, n_features=_HASHES, binary=True, norm=None, alternate_sign=False
    )
    mine, theirs = hasher.transform(asked), hasher.transform(texts)
    in_texts = np.asarray(theirs.sum(axis=0)).ravel()
    weights = np.log((len(texts) + 1) / (in_texts + 1))
    weights[weights < math.log(2)] = 0.0  # in half of all: of the mould
    close: list[list[tuple[float, int]]] = [[] for _ in asked]
    alike = np.zeros(len(asked), int)
    least = math.log(len(texts) * len(asked)) + SURE
    totals, asked_for = theirs @ weights, np.unique(mine.indices)
    weighted = mine.multiply(weights).tocsr()[:, asked_for]
    theirs = theirs[:, asked_for].tocsr()
    size = max(1, _AT_ONCE // len(asked))
    for start in range(0, len(texts), size):
        part = theirs[start : start + size]
        shared = (weighted @ part.T).toarray()
        shares = _shares(shared, weighted.sum(axis=1), totals[start : start + size])
        alike += (shares >= ALIKE).sum(axis=1)
        for place, other in np.argwhere((shares >= SHARE) & (shared >= least)):
            close[place].append((float(shares[place, other]), start + int(other)))
    yield from zip(close, alike.tolist(), strict=True)


def _shares(shared: npt.NDArray[Any], mine: Any, theirs: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the shared weight over that of the text, of the two, that has less."""
    less = np.minimum(np.asarray(mine).reshape(-1, 1), theirs.reshape(1, -1))
    found: npt.NDArray[Any] = np.divide(shared, less, out=np.zeros_like(shared), where=less > 0)
    return found
