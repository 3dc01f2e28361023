"""Held-out texts that are nearly what is trained on are found; those of one mould are not."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from rlvr.evaluate.near import near_duplicates
from rlvr.models import prose
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import draw_problems


def capitals(text: str) -> str:
    return text.upper().replace(",", " ").replace(".", " !")


def two_words(text: str) -> str:
    words = text.split()
    words[2] = words[-3] = "something"
    return " ".join(words)


def a_sentence_more(text: str) -> str:
    return f"Answer this question with care. {text} Thank you very much."


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """300 paragraphs of real English."""
    return [text for _, text in prose.paragraphs()[:300]]


def test_three_that_were_planted_among_300_are_found_and_no_other(texts: list[str]) -> None:
    held_out, trained = texts[:60], texts[60:]
    assert near_duplicates(held_out, trained) == []
    edits: list[Callable[[str], str]] = [capitals, two_words, a_sentence_more]
    for place, edit in enumerate(edits):
        held_out[20 * place] = edit(trained[70 * place])
    found = near_duplicates(held_out, trained)
    assert {(one.held_out, one.trained) for one in found} == {(0, 0), (20, 70), (40, 140)}
    assert all(0.7 <= one.share <= 1 for one in found) and found[0].share == 1


def test_one_is_found_among_many_rewordings_of_it(texts: list[str]) -> None:
    words = texts[0].split()
    reworded = []
    for i in range(40):
        other = list(words)
        other[i % len(words)] = f"word{'x' * i}"
        reworded.append(" ".join(other))
    (found,) = near_duplicates([texts[0], *texts[200:240]], [*texts[1:200], *reworded])
    assert found.held_out == 0


def test_what_is_equal_is_counted_elsewhere(texts: list[str]) -> None:
    assert near_duplicates(texts[:50], texts) == []
    assert near_duplicates([], texts) == near_duplicates(texts, []) == []


@pytest.mark.parametrize(
    ("asked", "trained", "near"),
    [
        ("12+34=", "12 + 34 =", True),
        ("12+34=", "12-34=", False),
        ("12+34=", "34+12=", False),
        ("Which is larger, 1,000 or 7?", "which is larger: 1000 or 7", False),
        ("What is the capital of Peru?", "what is the capital of Peru", True),
        ("What is the capital of Peru?", "What is the capital of Chile?", False),
    ],
)
def test_short_ones_are_near_only_but_for_capitals_spaces_and_punctuation(
    asked: str, trained: str, near: bool
) -> None:
    assert bool(near_duplicates([asked], [trained, "Who wrote this?"])) is near


def test_other_numbers_are_another_problem(texts: list[str]) -> None:
    story = f"{texts[3]} There are 12 of them and 5 leave."
    trained = [f"{texts[3]} Now there are 12 of them and 5 leave.", *texts[10:200]]
    assert [one.trained for one in near_duplicates([story], trained)] == [0]
    assert near_duplicates([story.replace("12", "13")], trained) == []


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("addition", {"digits": 2, "reverse": True}),
        ("addition", {"digits": 3}),
        ("arithmetic", {}),
        ("algebra", {}),
        ("functions", {}),
        ("recordings", {}),
    ],
)
def test_the_splits_of_generated_tasks_have_none(task: str, options: dict[str, Any]) -> None:
    named = NamedConfig(name=task, **options)
    trained = draw_problems(named, "train", 1000, 0, "here")
    held_out = draw_problems(named, "eval", 200, 0, "here")
    prompts = ([one.prompt for one in part] for part in (held_out, trained))
    assert near_duplicates(*prompts) == []


def test_one_is_found_in_a_mould_where_it_differs_in_spaces_alone() -> None:
    named = NamedConfig(name="functions")
    trained = [one.prompt for one in draw_problems(named, "train", 300, 0, "here")]
    spaced = random.Random(0).choice(trained).replace(" ", "  ").replace(".", "")
    assert len(near_duplicates([spaced], trained)) == 1
