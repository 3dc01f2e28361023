"""N-grams of token ids as pure functions: diversity, and which ones a loop amplifies.

A text here is a sequence of token ids; n-grams never cross the end of one.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import chain

import numpy as np

Text = Sequence[int]
Gram = tuple[int, ...]

UNMATCHED = 0.1  # what an order of BLEU counts that has no match


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
    if n < 1:
        raise ValueError(f"n-grams need n >= 1, got {n}")
    long = [text for text in texts if len(text) >= n]
    if not long:
        return math.nan
    # A Counter of a million texts is gigabytes of tuples: here an n-gram is one number, or a row.
    lengths = np.fromiter(map(len, long), np.int64, len(long))
    tokens = np.fromiter(chain.from_iterable(long), np.int64, int(lengths.sum()))
    left = np.repeat(lengths.cumsum(), lengths) - np.arange(len(tokens))
    starts = np.flatnonzero(left >= n)
    columns = [tokens[starts + i] for i in range(n)]
    base = int(tokens.max()) + 1
    if base**n < 2**63:
        numbers = functools.reduce(lambda number, column: number * base + column, columns)
        numbers.sort()
        return float(1 + np.count_nonzero(np.diff(numbers))) / len(starts)
    return len(np.unique(np.stack(columns, axis=1), axis=0)) / len(starts)


def self_bleu(texts: Sequence[Text], n: int = 4) -> float:
    """Return the mean BLEU of each text against all the others, in 0 to 1.

    1 where all are copies of a text of at least `n` tokens. Self-BLEU (Zhu 1802.01886): sentence
    BLEU over orders 1 to `n` of equal weight, counts clipped at the largest in any other text, the
    brevity penalty against the closest length, the shorter of two as close (Papineni et al. 2002,
    section 2). An order without a match counts as 0.1 matches (smoothing 1 of Chen and Cherry 2014,
    with nltk's epsilon); a text that shares no token with the others scores 0. It rises with the
    number of texts by itself: compare equal ones. Its time grows with the tokens, not with the
    pairs of texts. nan under two texts. Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"BLEU needs n >= 1, got {n}")
    if len(texts) < 2:
        return math.nan
    orders = zip(*(_matches(texts, order) for order in range(1, n + 1)), strict=True)
    lengths = Counter(map(len, texts))
    scores = []
    for text, matches in zip(texts, orders, strict=True):
        own = len(text)
        others = (length for length, times in lengths.items() if length != own or times > 1)
        _, closest = min((abs(length - own), length) for length in others)
        scores.append(_bleu(matches, own, closest))
    return math.fsum(scores) / len(scores)


def _matches(texts: Sequence[Text], n: int) -> list[tuple[int, int]]:
    """Return for each text how many of its n-grams are matched in the others, and how many it has.

    An n-gram is matched as often as it occurs in the one other text that has most of it.
    """
    counts = [count([text], n) for text in texts]
    most: dict[Gram, tuple[int, int]] = {}  # its two largest counts in any text
    for own in counts:
        for gram, times in own.items():
            first, second = most.get(gram, (0, 0))
            most[gram] = (times, first) if times > first else (first, max(times, second))
    out = []
    for own in counts:
        pairs = ((times, *most[gram]) for gram, times in own.items())
        matched = sum(
            min(times, second if times == first else first) for times, first, second in pairs
        )
        out.append((matched, own.total()))
    return out


def _bleu(matches: Sequence[tuple[int, int]], length: int, closest: int) -> float:
    if matches[0][0] == 0:
        return 0.0
    logs = [math.log((matched or UNMATCHED) / max(1, total)) for matched, total in matches]
    return math.exp(min(0.0, 1 - closest / length) + math.fsum(logs) / len(logs))


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
