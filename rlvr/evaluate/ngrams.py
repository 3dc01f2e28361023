"""N-grams of token ids as pure functions: diversity, and which ones a loop amplifies.

A text here is a sequence of token ids; n-grams never cross the end of one.
"""

from __future__ import annotations

import contextlib
import functools
import math
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain
from typing import IO

import numpy as np
import numpy.typing as npt

from rlvr.data import RunError
from rlvr.records.stored import PART, portions

Text = Sequence[int]
Gram = tuple[int, ...]

HELD = 1 << 19  # numbers that wait in memory
FILES = 31
HASH = np.int64(-7046029254386353131)  # 2**64 over the golden ratio (Fibonacci hashing)


def count(texts: Iterable[Text], n: int) -> Counter[Gram]:
    """Return how often each n-gram occurs in the texts. Raises ValueError for n < 1."""
    if n < 1:
        raise ValueError(f"n-grams need n >= 1, got {n}")
    return Counter(
        tuple(text[i : i + n]) for text in texts for i in range(max(0, len(text) - n + 1))
    )


def distinct(texts: Iterable[Text], n: int) -> float:
    """Return distinct-n: unique n-grams over all n-grams of the texts (Li 1510.03055, section 5).

    nan where no text has n tokens. It falls with the number of texts by itself: compare equal ones.
    Token ids are not negative. Raises ValueError for n < 1.
    """
    return distincts(texts, (n,))[0]


def distincts(texts: Iterable[Text], orders: Sequence[int]) -> list[float]:
    """Return distinct-n for each n of `orders`, as `distinct` does, in one look at the texts.

    A part of them is held at a time.
    """
    if min(orders) < 1:
        raise ValueError(f"n-grams need n >= 1, got {min(orders)}")
    totals = dict.fromkeys(orders, 0)
    with contextlib.ExitStack() as stack:
        found = {n: [stack.enter_context(_Different()) for _ in range(2)] for n in orders}
        for part in portions(texts, PART):
            lengths = np.fromiter(map(len, part), np.int64, len(part))
            tokens = np.fromiter(chain.from_iterable(part), np.int64, int(lengths.sum()))
            left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(tokens))
            for n, (narrow, wide) in found.items():
                starts = np.flatnonzero(left >= n)
                totals[n] += len(starts)
                # A Counter of a million texts is gigabytes: an n-gram is a number, or a row.
                columns = [tokens[starts + i] for i in range(n)]
                bits = 63 // n
                fits = np.logical_and.reduce([column >> bits == 0 for column in columns])
                shifted = (column[fits] << bits * i for i, column in enumerate(columns))
                narrow.add(functools.reduce(np.bitwise_or, shifted))
                wide.add(np.stack(columns, axis=1)[~fits])
        return [
            (narrow.count() + wide.count()) / totals[n] if totals[n] else math.nan
            for n, (narrow, wide) in found.items()
        ]


class _Different:
    """Counts the different ones of more numbers, or rows of them, than memory holds.

    They wait in files, each of which has those of some hashes: no two have the same one.
    """

    def __init__(self) -> None:
        self._held: list[npt.NDArray[np.int64]] = []
        self._waiting, self._width = 0, 1
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> _Different:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files:
            file.close()

    def add(self, numbers: npt.NDArray[np.int64]) -> None:
        """Take in numbers, or rows of them, always of one width."""
        if not numbers.size:
            return
        self._width = numbers.size // len(numbers)
        self._held.append(numbers)
        self._waiting += numbers.size
        if self._waiting > HELD:
            self._put_aside()

    def count(self) -> int:
        """Return how many different ones were added."""
        if not self._files:
            return len(self._unique(np.concatenate(self._held))) if self._held else 0
        if self._held:
            self._put_aside()
        for file in self._files:
            file.seek(0)
        return sum(len(self._unique(np.fromfile(file, np.int64))) for file in self._files)

    def _unique(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if self._width > 1:
            return np.unique(numbers.reshape(-1, self._width), axis=0)
        numbers.sort()  # faster than numpy's own way to unique ones, which hashes
        return numbers[np.append(True, np.diff(numbers) != 0)] if len(numbers) else numbers

    def _put_aside(self) -> None:
        numbers = self._unique(np.concatenate(self._held))
        hashes = numbers.reshape(len(numbers), -1).sum(axis=1) * HASH
        places = (hashes >> 56).astype(np.uint8) % np.uint8(FILES)
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(1, FILES))
        try:
            if not self._files:
                self._files = [tempfile.TemporaryFile() for _ in range(FILES)]
            for file, part in zip(self._files, np.split(numbers[order], ends), strict=True):
                part.tofile(file)
        except OSError as failure:
            raise RunError(
                f"can't write n-grams into {tempfile.gettempdir()}: {failure}: make room there, or "
                "set TMPDIR, then run the same command again"
            ) from failure
        self._held, self._waiting = [], 0


def log_odds(
    these: Counter[Gram], those: Counter[Gram], prior_weight: float = 1000.0
) -> dict[Gram, float]:
    """Return for each n-gram of either the z-score of its log-odds in `these` against `those`.

    With the informative Dirichlet prior: the n-gram's share in both together, times `prior_weight`
    pseudo-counts (Monroe, Colaresi and Quinn 2008, "Fightin' Words").
    Above 0: over-represented in `these`; 0 where both hold nothing but one and the same n-gram.
    Raises ValueError where either is empty.
    """
    if not these or not those:
        raise ValueError("log-odds need n-grams on both sides")
    both = these + those
    scale = prior_weight / both.total()
    n_these, n_those = these.total() + prior_weight, those.total() + prior_weight
    if len(both) == 1:  # all odds are infinite on both sides
        return dict.fromkeys(both, 0.0)
    scores = {}
    for gram, occurrences in both.items():
        a, b = these[gram] + scale * occurrences, those[gram] + scale * occurrences
        delta = math.log(a / (n_these - a)) - math.log(b / (n_those - b))
        scores[gram] = delta / math.sqrt(1 / a + 1 / b)
    return scores


def amplified(model: Iterable[Text], real: Iterable[Text], n: int, z: float = 1.96) -> set[Gram]:
    """Return the n-grams that the model's texts hold more often than real ones, by z-scores > z.

    Found in one half of a round's completions, they are to be measured in the other half and in
    later rounds (`share`): measured where they were found, they would be over-represented by
    selection alone.
    """
    scores = log_odds(count(model, n), count(real, n))
    return {gram for gram, score in scores.items() if score > z}


def share(texts: Iterable[Text], grams: Collection[Gram]) -> float:
    """Return the share of the texts' tokens that lie within an occurrence of one of the n-grams.

    nan where there are no tokens. More than half is what "dominate" means in a verdict.
    """
    wanted = set(grams)
    lengths = sorted({len(gram) for gram in wanted})
    covered = total = 0
    for text in texts:
        inside = [False] * len(text)
        for n in lengths:
            for i in range(len(text) - n + 1):
                if tuple(text[i : i + n]) in wanted:
                    inside[i : i + n] = [True] * n
        covered, total = covered + sum(inside), total + len(text)
    return covered / total if total else math.nan
