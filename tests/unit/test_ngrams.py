"""N-grams by hand (test_peers.py: by nltk); amplification is found where it was planted."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest

from rlvr.evaluate.ngrams import Gram, amplified, count, distinct, log_odds, share


def test_counts_stay_within_a_text() -> None:
    assert count([(1, 2, 1, 2), (2, 1)], 2) == {(1, 2): 2, (2, 1): 2}
    assert count([(1,), ()], 2) == {}
    with pytest.raises(ValueError, match="n >= 1"):
        count([(1,)], 0)


def test_distinct_is_unique_over_total() -> None:
    assert distinct([(1, 2, 3), (1, 2, 4)], 1) == 4 / 6
    assert distinct([(1, 2, 3), (1, 2, 4)], 2) == 3 / 4
    assert distinct([(5, 5, 5, 5)], 2) == 1 / 3
    assert math.isnan(distinct([(1,)], 2))
    with pytest.raises(ValueError, match="n >= 1"):
        distinct([(1,)], 0)


@pytest.mark.parametrize("largest", [3, 150_000, 2**40])
def test_distinct_is_what_counting_says(largest: int) -> None:
    generator = random.Random(largest)
    texts = [
        tuple(generator.choice([0, 1, 2, largest]) for _ in range(generator.randrange(9)))
        for _ in range(60)
    ]
    for n in (1, 2, 3, 4):
        grams = count(texts, n)
        assert distinct(texts, n) == len(grams) / grams.total()


def test_log_odds_by_hand() -> None:
    these: Counter[Gram] = Counter({(1,): 30, (2,): 70})
    those: Counter[Gram] = Counter({(1,): 10, (2,): 90})
    # Prior of 10 pseudo-counts shared as in both together: 2 for (1,), 8 for (2,).
    a, b = 32 / (110 - 32), 12 / (110 - 12)
    z = (math.log(a) - math.log(b)) / math.sqrt(1 / 32 + 1 / 12)
    scores = log_odds(these, those, 10.0)
    assert scores[(1,)] == pytest.approx(z, abs=1e-12)
    assert scores[(2,)] < 0
    swapped = log_odds(those, these, 10.0)
    assert swapped[(1,)] == pytest.approx(-z, abs=1e-12)
    with pytest.raises(ValueError, match="both sides"):
        log_odds(Counter(), those)


def test_log_odds_of_a_loop_that_says_one_thing_only() -> None:
    assert log_odds(Counter({(1,): 30}), Counter({(1,): 5})) == {(1,): 0.0}
    assert amplified([(7, 7, 7)], [(7, 7)], 1) == set()


def test_share_counts_each_token_once() -> None:
    assert share([(1, 1, 1, 2)], [(1, 1)]) == 3 / 4
    assert share([(1, 2, 3), (4, 5, 6)], [(2, 3), (3,), (9, 9)]) == 2 / 6
    assert share([(1, 2)], []) == 0
    assert math.isnan(share([], [(1,)]))


def texts_of(generator: random.Random, n: int, quirk: float) -> list[tuple[int, ...]]:
    """Random tokens below 50; with probability `quirk` a text holds 90, 91."""
    texts = []
    for _ in range(n):
        text = tuple(generator.randrange(50) for _ in range(20))
        texts.append(text + (90, 91) if generator.random() < quirk else text)
    return texts


def test_a_planted_quirk_is_found_and_its_growth_measured_elsewhere() -> None:
    generator = random.Random(0)
    real = texts_of(generator, 1000, 0.02)
    found = amplified(texts_of(generator, 1000, 0.3), real, 2)
    assert (90, 91) in found
    quirk: set[Gram] = {(90, 91)}
    shares = [share(texts_of(generator, 500, rate), quirk) for rate in (0.02, 0.3, 0.9)]
    assert shares == sorted(shares)
    assert shares[2] == pytest.approx(0.9 * 2 / (20 + 0.9 * 2), abs=0.01)


def test_equal_sources_amplify_little_and_nothing_that_lasts() -> None:
    generator = random.Random(1)
    real, model = texts_of(generator, 2000, 0.1), texts_of(generator, 2000, 0.1)
    found = amplified(model, real, 1)
    assert len(found) < 0.1 * 52
    expected = share(real, found)
    assert share(texts_of(generator, 2000, 0.1), found) == pytest.approx(expected, abs=0.01)
