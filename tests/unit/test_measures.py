"""benchmarks/measures.py: what its texts are, and what it recorded of them."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support.scripts import script

from rlvr.data import Problem, Split
from rlvr.results.compare import read_results

ROOT = Path(__file__).parents[2]
RECORDED = json.loads((ROOT / "docs" / "results" / "measures.json").read_text())
KINDS: dict[str, dict[str, Any]] = {of["text"]: of for of in RECORDED["kinds"]}
WORDS = "the sum of all values along an axis that a caller has chosen or nothing at last".split()


@pytest.fixture(scope="module")
def measures() -> ModuleType:
    return script("benchmarks/measures.py")


def made_up(split: Split, n: int, measures: ModuleType) -> list[Problem]:
    """Return problems of made-up text, each with its words in another order."""
    end = measures.PROMPT + measures.LENGTH
    texts = [" ".join((WORDS[i:] + WORDS[:i]) * 2)[:end] for i in range(n)]
    return [
        Problem(
            id=f"{split}/{i}",
            task="text",
            split=split,
            level="",
            prompt=text[: measures.PROMPT],
            reference=None,
            solution=text[measures.PROMPT :],
        )
        for i, text in enumerate(texts)
    ]


def test_each_kind_of_text_is_degraded_as_it_says(measures: ModuleType) -> None:
    train, held_out = made_up("train", 15, measures), made_up("eval", 12, measures)
    found = measures.made(train, held_out)
    assert found == measures.made(train, held_out)
    assert list(found) == list(KINDS)
    assert {len(text) for drawn in found.values() for text, _ in drawn} == {measures.LENGTH}
    texts = {name: [text for text, _ in drawn] for name, drawn in found.items()}
    real = [str(problem.solution) for problem in train[:12]]
    assert texts["real training text"] == real
    for name, parted in (("words", str.split), ("characters", list)):
        shuffled = texts[f"real {name} shuffled"]
        assert all(map(str.__ne__, shuffled, real))
        assert [sorted(parted(text)) for text in shuffled] == [sorted(parted(t)) for t in real]
    assert len({*texts["one sentence repeated"]}) == 1
    assert {*texts["one sentence repeated"], *texts["twenty sentences repeated"]} <= {
        problem.solution for problem in train
    }
    whole = [problem.prompt + str(problem.solution) for problem in train]
    for order, name in enumerate(("unigram text", "bigram text", "order-2 Markov text"), 1):
        grams = {text[i : i + order] for text in texts[name] for i in range(73 - order)}
        assert all(any(gram in text for text in whole) for gram in grams)
    letters = {*"".join(whole)}
    assert {*"".join(texts["uniform random characters"])} <= letters
    [chance] = {logprob for _, logprob in found["uniform random characters"]}
    assert chance == pytest.approx(-measures.LENGTH * math.log(len(letters)))


def test_the_log_probability_is_that_of_the_draws(measures: ModuleType) -> None:
    after = measures.followers(["ab", "ab", "ac"], 1)
    text, logprob = measures.walk(after, 1, "ca", random.Random(0))
    draws = [  # after a: b in 2 of 3, c in 1 of 3; nothing follows b and c, so 3, 2, 1 of 6
        {"b": 2 / 3, "c": 1 / 3}[b] if a == "a" else {"a": 3 / 6, "b": 2 / 6, "c": 1 / 6}[b]
        for a, b in zip("a" + text, text, strict=False)
    ]
    assert logprob == pytest.approx(sum(map(math.log, draws)))


def test_over_use_sees_repetition_and_is_blind_to_noise() -> None:
    """What docs/metrics.md says of the record in words that are not made from it."""
    excess = {name: of["overused_excess"] for name, of in KINDS.items()}
    for blind in ("real training text", "uniform random characters", "order-2 Markov text"):
        assert max(map(abs, excess[blind])) < 0.05, blind
    at = RECORDED["sizes"].index(RECORDED["shown"])
    ordered = sorted(excess, key=lambda name: excess[name][at])
    assert ordered[-2:] == ["twenty sentences repeated", "one sentence repeated"]
    for growing in ("bigram text", "unigram text", "real characters shuffled"):
        assert excess[growing] == sorted(excess[growing])
        assert excess[growing][-1] > 5 * excess[growing][0]


def test_the_text_of_claim_c1_became_more_varied() -> None:
    c1 = read_results(ROOT / "docs" / "claims" / "c1" / "main")
    assert c1.config["evaluate"]["problems"] == RECORDED["shown"]
    assert c1.mean("unfiltered", "token_entropy") > c1.mean("base", "token_entropy")
