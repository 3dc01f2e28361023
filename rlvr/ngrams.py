"""N-grams of token ids as pure functions: diversity, and which ones a loop amplifies.

A text here is a sequence of token ids; n-grams never cross the end of one.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

Text = Sequence[int]
Gram = tuple[int, ...]


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
    """
    grams = count(texts, n)
    return len(grams) / grams.total() if grams else math.nan


def log_odds(
    these: Counter[Gram], those: Counter[Gram], prior_weight: float = 1000.0
) -> dict[Gram, float]:
    """Return for each n-gram of either the z-score of its log-odds in `these` against `those`.

    With the informative Dirichlet prior: the n-gram's share in both together, times `prior_weight`
    pseudo-counts (Monroe, Colaresi and Quinn 2008, "Fightin' Words").
    Above 0: over-represented in `these`. Raises ValueError where either is empty.
    """
    if not these or not those:
        raise ValueError("log-odds need n-grams on both sides")
    both = these + those
    scale = prior_weight / both.total()
    n_these, n_those = these.total() + prior_weight, those.total() + prior_weight
    scores = {}
    for gram, occurrences in both.items():
        a, b = these[gram] + scale * occurrences, those[gram] + scale * occurrences
        delta = math.log(a / (n_these - a)) - math.log(b / (n_those - b))
        scores[gram] = delta / math.sqrt(1 / a + 1 / b)
    return scores


def amplified(model: Sequence[Text], real: Sequence[Text], n: int, z: float = 1.96) -> set[Gram]:
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
