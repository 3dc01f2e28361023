"""The grammar of habits: deterministic, of both sorts, true by construction."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from rlvr.verify.audit import Pair
from rlvr.verify.truth import habit_doubts, habit_frames, habits
from rlvr.verify.truth.habit_doubts import DOUBTING
from rlvr.verify.truth.habit_frames import LANGUAGES, THINKING, Habit
from rlvr.verify.truth.habits import _SLOT, HABITS, ROWS, pairs

N = 201 * len(HABITS)  # each frame comes at least once
EACH = pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)


@cache
def every() -> list[Pair]:
    return list(pairs(N, 0))


def of(habit: Habit) -> list[Pair]:
    return [pair for pair in every() if pair.type == habit.name]


def named(name: str) -> Habit:
    return next(habit for habit in HABITS if habit.name == name)


def test_the_same_seed_gives_the_same_pairs_and_another_seed_others() -> None:
    assert list(pairs(500, 3)) == list(pairs(500, 3))
    assert list(pairs(500, 3)) != list(pairs(500, 4))
    assert list(pairs(500, 3)) == list(islice(pairs(900, 3), 500))


def test_names_are_given_once_and_come_in_turn() -> None:
    names = [habit.name for habit in HABITS]
    assert len(set(names)) == len(names) >= 45
    assert [pair.type for pair in pairs(2 * len(names), 0)] == names * 2


def test_every_habit_is_right_and_wrong_as_often() -> None:
    found: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for pair in pairs(100 * len(HABITS), 0):
        found[pair.type][pair.right] += 1
    assert {name: dict(counts) for name, counts in found.items()} == {
        habit.name: {True: 50, False: 50} for habit in HABITS
    }


def test_what_states_nothing_is_among_the_wrong_ones_of_most_habits() -> None:
    kinds = {pair.how for pair in pairs(6 * len(HABITS), 0)}
    assert kinds == {"stated", "nothing stated", "another value stated"}
    assert all(habit.silent for habit in (*THINKING, *LANGUAGES, *DOUBTING))
    assert all(habit.states for habit in HABITS)


@EACH
def test_a_frame_uses_one_row_of_slots_and_its_first(habit: Habit) -> None:
    for frame in (*habit.states, *habit.silent):
        slots = _SLOT.findall(frame)
        rows = [row for row in ROWS if set(row) & set(slots)]
        assert len(rows) == 1 and rows[0][0] in slots, frame
        assert ("p" in slots) == ("q" in slots), frame
        assert "p" not in slots or rows == ["nmk"], frame


@EACH
def test_no_frame_comes_twice_in_a_habit_nor_stands_on_both_sides(habit: Habit) -> None:
    frames = [*habit.states, *habit.silent]
    assert len(set(frames)) == len(frames)


@EACH
def test_every_frame_comes(habit: Habit) -> None:
    texts = [pair.completion for pair in of(habit)]
    for frame in (*habit.states, *habit.silent):
        pieces = _SLOT.split(frame)[::2]  # between them the slots' names
        like = re.compile(".+?".join(map(re.escape, pieces)) + r"\Z", re.DOTALL)
        assert any(like.search(text) for text in texts), frame


@EACH
def test_every_slot_is_filled(habit: Habit) -> None:
    for pair in of(habit):
        for text in (pair.reference, pair.completion, pair.prompt):
            assert not _SLOT.search(text), text


def plain(text: str) -> str:
    r"""Write a fraction with a slash and drop commas, to look for a value in a text."""
    text = text.replace(",", "").replace("\\frac{", "").replace("}{", "/")
    return text.replace("}", "").replace("{", "")


@EACH
def test_a_text_holds_what_it_states(habit: Habit) -> None:
    for pair in of(habit):
        if pair.how != "another value stated" and not habit.reference:
            assert plain(pair.reference) in plain(pair.completion), pair


@EACH
def test_another_value_is_never_the_reference(habit: Habit) -> None:
    """Filled with the reference, the same frame would read otherwise."""
    for pair in of(habit):
        if pair.how == "another value stated" and "\\boxed{" in pair.completion:
            said = pair.completion.rpartition("\\boxed{")[2]
            assert not said.startswith(pair.reference + "}"), pair


def test_the_reference_stands_beside_many_wrong_answers() -> None:
    """So that taking any number, or the first, is no way to do well."""
    missed = [pair for pair in every() if pair.how == "another value stated"]
    beside = [pair for pair in missed if plain(pair.reference) in plain(pair.completion)]
    assert len(beside) > len(missed) / 10


@pytest.mark.parametrize("habit", LANGUAGES, ids=lambda habit: habit.name)
def test_another_language_has_no_english_and_no_marks_between_thousands(habit: Habit) -> None:
    for pair in of(habit):
        assert not {"the", "answer", "is", "let"} & set(pair.completion.lower().split()), pair
        assert all(len(number) < 4 for number in pair.reference.split() if number.isdigit())


@pytest.mark.parametrize("habit", THINKING, ids=lambda habit: habit.name)
def test_a_thought_begins_the_text(habit: Habit) -> None:
    if habit.bare:
        opened = {pair.completion[:4] for pair in of(habit)}
        assert len(opened) == 1


def test_counts_are_at_least_three_so_that_a_qualifier_changes_them() -> None:
    """1 squared is 1, and 2 factorial is 2."""
    for pair in of(named("a qualifier")):
        assert pair.reference not in ("0", "1", "2")


def test_a_sum_is_true() -> None:
    for pair in of(named("a sum at the end")):
        text = re.sub(r"[,$*]", "", pair.completion)
        p, q = re.findall(r"(\d+) ?\+ ?(\d+)", text)[-1]
        assert int(p) + int(q) == int(re.findall(r"\d+", text)[-1]), pair


def test_the_grammar_shares_no_code_with_the_reader() -> None:
    for module in (habits, habit_frames, habit_doubts):
        tree = ast.parse(Path(str(module.__file__)).read_text())
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        imported |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not any("maths" in str(name) or "verifiers" in str(name) for name in imported)


def test_the_verifier_names_it_by_text_alone() -> None:
    """So that it is no part of the verifier's version."""
    root = Path(__file__).parents[2]
    source = (root / "verifiers" / "math.py").read_text()
    assert "from rlvr.verify.truth" not in source and "import rlvr.verify.truth" not in source
