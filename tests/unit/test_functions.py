"""The functions task: bodies that pass their hidden tests, slips that these catch."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from rlvr.tasks import functions

from rlvr.data import Problem, Split
from rlvr.verify.check import SPLITS

NUMBERS = range(-120, 121)
LISTS = [*([x] for x in NUMBERS), random.Random(0).sample(NUMBERS, 241) * 2]
STRINGS = ["", "The quick brown fox jumps", *(c * 15 for c in "abcdefghijABCDEFGHIJ")]
PROBES: dict[str, list[tuple[Any, ...]]] = {
    "x": [(x,) for x in NUMBERS],
    "x, y": [(x, y) for x in (-300, -7, 0, 300) for y in (-9, 0, 1, 300)],
    "xs": [(xs,) for xs in LISTS],
    "s": [(s,) for s in STRINGS],
}


def function_of(problem: Problem) -> tuple[str, str]:
    parameters = problem.prompt.removeprefix("def f(").partition(")")[0]
    return parameters, str(problem.solution).strip().removeprefix("return ")


def behaviour(problem: Problem) -> str:
    parameters, expression = function_of(problem)
    run = functions.compiled(parameters, expression)
    return repr((parameters, [run(*args) for args in PROBES[parameters]]))


def test_every_slip_fails_a_test() -> None:
    for problem in functions.problems("eval", 2_000):
        parameters, expression = function_of(problem)
        slips = functions.slips(expression)
        assert slips and expression not in slips
        for slip in slips:
            run = functions.compiled(parameters, slip)
            tests = problem.reference["tests"]
            assert any(run(*test["args"]) != test["expected"] for test in tests), (expression, slip)


def test_a_clause_left_out_is_a_slip() -> None:
    assert "sum(x for x in xs)" in functions.slips("sum(x for x in xs if x > 3)")
    assert "[x * 2 for x in xs]" in functions.slips("[x * 2 for x in xs if x > 3]")
    assert "s[:3].upper()" in functions.slips("s[:3].upper().replace('A', '')")
    assert "s[:3].replace('A', '')" in functions.slips("s[:3].upper().replace('A', '')")
    assert "x * 3 if x <= 5 else x - 2" in functions.slips("x * 3 if x < 5 else x - 2")


@pytest.mark.parametrize("n", [500, pytest.param(1_500, marks=pytest.mark.slow)])
def test_no_behaviour_comes_twice_or_in_two_splits(n: int) -> None:
    problems = [p for split in SPLITS for p in functions.problems(split, n)]
    assert len({behaviour(problem) for problem in problems}) == len(problems)


@pytest.mark.parametrize("n", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("split", SPLITS[:2])
def test_so_many_are_distinct_and_evenly_dealt(split: Split, n: int) -> None:
    problems = list(functions.problems(split, n))
    assert len({problem.solution for problem in problems}) == n
    assert len({problem.prompt for problem in problems}) == n
    assert set(Counter(problem.level for problem in problems).values()) == {n // 4}


def test_levels_are_chosen() -> None:
    chosen = [problem.level for problem in functions.problems("train", 6, levels=[3, 1, 1])]
    assert chosen == ["3", "1", "1"] * 2
    for levels in ([], [5]):
        with pytest.raises(ValueError, match="levels are some of"):
            list(functions.problems("train", 1, levels=levels))


def test_the_model_never_sees_a_test() -> None:
    for problem in functions.problems("train", 100):
        assert "expected" not in problem.prompt and "assert" not in problem.prompt
        tests = problem.reference["tests"]
        assert 6 <= len(tests) <= 10
        assert len({str(test["expected"]) for test in tests}) > 1, problem
