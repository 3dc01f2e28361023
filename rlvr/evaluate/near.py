"""Near-duplicates: held-out texts that are nearly what is trained on.

Two texts are near-duplicates when they have the same numbers, and the one is the other but for
capitals, spaces and punctuation, or most of its words stand in the other too (`SHARE`), each
counted by how rare it is among the texts that are trained on: log((N + 1) / (n + 1)) nats for a
word in n of N of them. And the words shared must be too many for chance: together more than the
logarithm of all pairs of texts, plus `SURE`.

Why so: generated tasks are of one mould. Any two sums of two digits share most of their characters,
and any two of a word problem's variants most of their words, and still a model that has seen the
one has not seen the other. The mould's words are in every text and weigh nothing; other numbers
make another problem. So what is left to share is what tells a problem from others.

What it does not see: a problem in other words, in another language, or with other numbers.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHARE = 0.8  # of a held-out text's words, by weight
SURE = 3.0  # nats: one audit in twenty would find a pair by chance, were words independent

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SAID = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*|[^\w\s.,;:!?'\"`]")


@dataclass(frozen=True, slots=True)
class Near:
    """A held-out text, by its place, the text trained on that is nearly the same, and how nearly.

    share: of the held-out text's words, by weight.
    """

    place: int
    trained: str
    share: float


def near_duplicates(held_out: Sequence[str], trained: Iterable[str]) -> list[Near]:
    """Return the held-out texts with a near-duplicate among those trained on, the nearest first.

    Texts that are equal to the character are passed over: they are counted apart.
    """
    others = list(dict.fromkeys(trained))
    texts = [_plain(text) for text in held_out]
    words = [frozenset(_WORD.findall(text)) for text in texts]
    weights = _weights(frozenset().union(*words), others)
    totals = [math.fsum(weights[word] for word in of) for of in words]
    least = math.log(max(1, len(others)) * max(1, len(texts))) + SURE
    numbers, rare, said = _index(texts, words, weights, totals)
    known, found = set(held_out), dict[int, Near]()
    for other in others:
        if other in known:
            continue
        text = _plain(other)
        of = set(_WORD.findall(text))
        alike: frozenset[int] | set[int] = numbers.get(_numbers(text), frozenset())
        close = {place for word in of for place in rare.get(word, ())} & alike
        shares = {place: _shared(words[place], of, weights) for place in close}
        nearly = {p: x / totals[p] for p, x in shares.items() if x >= max(least, SHARE * totals[p])}
        nearly |= dict.fromkeys(said.get(tuple(_SAID.findall(text)), ()), 1.0)
        for place, share in nearly.items():
            if place not in found or share > found[place].share:
                found[place] = Near(place, other, share)
    return sorted(found.values(), key=lambda one: (-one.share, one.place))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _numbers(text: str) -> tuple[str, ...]:
    """Return the numbers in a text, sorted: `1,000` is `1000`."""
    return tuple(sorted(number.replace(",", "") for number in _NUMBER.findall(text)))


def _weights(wanted: frozenset[str], trained: Sequence[str]) -> dict[str, float]:
    """Return how many nats each word says: the rarer among the texts trained on, the more."""
    counts: Counter[str] = Counter()
    for text in trained:
        counts.update(wanted.intersection(_WORD.findall(_plain(text))))
    return {word: math.log((len(trained) + 1) / (counts[word] + 1)) for word in wanted}


def _shared(mine: frozenset[str], theirs: set[str], weights: dict[str, float]) -> float:
    return math.fsum(weights[word] for word in mine & theirs)


Places = dict[tuple[str, ...], set[int]]


def _index(
    texts: Sequence[str],
    words: Sequence[frozenset[str]],
    weights: dict[str, float],
    totals: Sequence[float],
) -> tuple[Places, dict[str, set[int]], Places]:
    """Return places of texts: by numbers, by their rarest words, and by all that they say.

    Of those rarest words, a text that shares enough with one has one at least.
    """
    numbers: Places = defaultdict(set)
    rare: dict[str, set[int]] = defaultdict(set)
    said: Places = defaultdict(set)
    for place, text in enumerate(texts):
        numbers[_numbers(text)].add(place)
        said[tuple(_SAID.findall(text))].add(place)
        left = (1 - SHARE) * totals[place]
        for word in sorted(words[place], key=lambda one: (-weights[one], one)):
            rare[word].add(place)
            left -= weights[word]
            if left < 0:
                break
    return dict(numbers), dict(rare), dict(said)
