"""The arithmetic task: real solutions are right, line by line, and splits share nothing."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import Any

import pytest
from rlvr.tasks import arithmetic
from rlvr.verifiers import math, math_steps

from rlvr.data import InputError
from rlvr.verify.check import SPLITS
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import draw_problems
from rlvr.verify.verifier import LUCKY, near_miss


def value(text: str) -> Fraction:
    """Work an expression out by recursive descent, apart from the task's own trees."""
    tokens = re.findall(r"\d+|[-+*/()]", text)

    def take(*wanted: str) -> str | None:
        return tokens.pop(0) if tokens and tokens[0] in wanted else None

    def atom() -> Fraction:
        if take("-"):
            return -atom()
        if take("("):
            inside = terms()
            assert take(")")
            return inside
        return Fraction(tokens.pop(0))

    def factors() -> Fraction:
        found = atom()
        while operator := take("*", "/"):
            found = found * atom() if operator == "*" else found / atom()
        return found

    def terms() -> Fraction:
        found = factors()
        while operator := take("+", "-"):
            found = found + factors() if operator == "+" else found - factors()
        return found

    result = terms()
    assert not tokens, text
    return result


@pytest.mark.parametrize("level", arithmetic.LEVELS)
def test_every_line_has_the_value_of_the_answer(level: int) -> None:
    for problem in arithmetic.problems("train", 300, levels=[level], steps=True):
        answer = Fraction(str(problem.reference))
        for line in (problem.prompt.rstrip("="), *str(problem.solution).split("=")):
            assert value(line) == answer, problem
        assert problem.level == str(level)


def test_slips_are_right_answers_by_wrong_work() -> None:
    options: dict[str, Any] = {"levels": [2, 3, 4], "steps": True, "lines": True}
    found = list(arithmetic.problems("train", 400, slips=0.3, **options))
    clean = list(arithmetic.problems("train", 400, **options))
    verdicts = [math_steps.verify(one, str(one.solution)) for one in found]
    lucky = [one.reason.startswith(LUCKY) for one in verdicts]
    assert lucky == [a.solution != b.solution for a, b in zip(found, clean, strict=True)]
    assert 0.2 < sum(lucky) / len(lucky) < 0.4
    assert all(math.verify(one, str(one.solution)).status == "correct" for one in found)
    assert [one.prompt for one in found] == [one.prompt for one in clean]
    refused: list[dict[str, Any]] = [{"slips": 0.3, "steps": True}, {**options, "slips": 1.5}]
    for wrong in refused:
        with pytest.raises(ValueError, match="slips is a share"):
            list(arithmetic.problems("train", 1, **wrong))
    with pytest.raises(ValueError, match="add steps"):
        list(arithmetic.problems("train", 1, lines=True))


@pytest.mark.parametrize("steps", [False, True])
def test_solutions_pass_and_near_misses_fail(steps: bool) -> None:
    generator = random.Random(0)
    for problem in arithmetic.problems("eval", 300, steps=steps):
        assert math.verify(problem, str(problem.solution)).status == "correct"
        assert math_steps.verify(problem, str(problem.solution)).status == "correct"
        wrong = near_miss(str(problem.solution), generator)
        assert math.verify(problem, wrong).status == "wrong", (problem, wrong)
        assert math.verify(problem, problem.prompt).status == "wrong"


@pytest.mark.parametrize("n", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_splits_are_disjoint_and_large_enough(n: int) -> None:
    train, held_out, dev = (
        {problem.prompt for problem in arithmetic.problems(split, n)} for split in SPLITS
    )
    assert len(train) == len(held_out) == len(dev) == n
    assert not (train & held_out or train & dev or held_out & dev)
    swapped = {re.sub(r"^(\d+)([+*])(\d+)=$", r"\3\2\1=", prompt) for prompt in held_out}
    assert not swapped & train


@pytest.mark.parametrize("levels", [[], [0], [1, 5]])
def test_a_level_that_is_none_is_refused(levels: list[int]) -> None:
    with pytest.raises(InputError, match="levels are some of"):
        draw_problems(
            NamedConfig.model_validate({"name": "arithmetic", "levels": levels}),
            "train",
            1,
            0,
            "here",
        )
