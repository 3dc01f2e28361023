"""Reasoning Gym's datasets as tasks, named as the verifier is."""

from __future__ import annotations

import pytest

from rlvr.data import InputError, Problem, Split
from rlvr.verify.check import SPLITS, check
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import draw_problems, load_task


def drawn(
    name: str, split: Split = "train", n: int = 20, options: dict[str, object] | None = None
) -> list[Problem]:
    task = NamedConfig.model_validate({"name": name, **(options or {})})
    return draw_problems(task, split, n, 0, "here")


@pytest.mark.parametrize(
    "dataset", ["leg_counting", "chain_sum", "letter_counting", "gsm_symbolic"]
)
def test_a_dataset_is_a_task_whose_verifier_is_its_scorer(dataset: str) -> None:
    assert load_task(f"reasoning_gym:{dataset}")[1] == f"reasoning_gym:{dataset}"
    assert check(f"reasoning_gym:{dataset}", 10) == []  # the verifier's cases too


def test_seeds_and_splits_share_nothing_but_what_they_must() -> None:
    name = "reasoning_gym:chain_sum"
    questions = [{problem.prompt for problem in drawn(name, split, 300)} for split in SPLITS]
    assert [len(one) for one in questions] == [300] * 3
    assert not (questions[0] & questions[1] or questions[0] & questions[2])


def test_no_question_comes_twice_and_one_that_has_run_out_is_an_input_error() -> None:
    # Of numbers below 13 there are some 170 questions, each of which many of the gym's seeds make.
    few: dict[str, object] = {"min_numbers": 2, "max_numbers": 2, "min_value": 1, "max_value": 12}
    assert len({problem.prompt for problem in drawn("reasoning_gym:gcd", "train", 90, few)}) == 90
    with pytest.raises(InputError, match=r"about \d+ different problems for 'eval'"):
        drawn("reasoning_gym:gcd", "eval", 90, few)


def test_a_solution_is_an_answer_of_full_marks() -> None:
    assert all(problem.solution is None for problem in drawn("reasoning_gym:graph_color", n=3))
    assert all(problem.solution for problem in drawn("reasoning_gym:countdown", n=3))


def test_levels_are_difficulties_in_a_few_words() -> None:
    assert drawn("reasoning_gym:leg_counting", n=1)[0].level == "all"
    assert drawn("reasoning_gym:gsm_symbolic", n=1)[0].level == "1.0"
    assert drawn("reasoning_gym:rectangle_count", n=1)[0].level == "max_rectangles=10"


def test_options_are_the_datasets() -> None:
    few = drawn("reasoning_gym:leg_counting", options={"min_animals": 1, "max_animals": 1})
    assert all(len(problem.reference["metadata"]["animals"]) == 1 for problem in few)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("reasoning_gym:leg_countin", {}, "did you mean 'leg_counting'"),
        ("reasoning_gym", {}, "reasoning_gym"),
        ("reasoning_gym:", {}, "write reasoning_gym:DATASET"),
        ("addition:2", {}, "leave out the colon"),
        ("reasoning_gym:leg_counting", {"max_animal": 3}, "max_animal"),
        ("reasoning_gym:leg_counting", {"min_animals": -3}, "min_animals"),
    ],
)
def test_what_is_refused(name: str, options: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        drawn(name, options=options)
