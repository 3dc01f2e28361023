"""The algebra task and its verifier: proof by substitution, no echo, nothing half worked."""

from __future__ import annotations

import random
import re

import pytest
import sympy
from rlvr.tasks import algebra
from rlvr.verifiers import algebra as verifier

from rlvr.data import Problem
from rlvr.verify.check import SPLITS
from rlvr.verify.verifier import near_miss

X = sympy.Symbol("x")


def read(text: str) -> sympy.Expr:
    """Read the task's own text, never a model's."""
    return sympy.sympify(text.replace("^", "**"))


def asked(problem: Problem, pattern: str) -> list[sympy.Expr]:
    found = re.fullmatch(pattern, problem.prompt.strip())
    assert found, problem.prompt
    return [read(text) for text in found.groups()]


def sizes(few: int, many: int) -> pytest.MarkDecorator:
    """Mark a test to be run on few problems, and on many among the slow ones."""
    return pytest.mark.parametrize("n", [few, pytest.param(many, marks=pytest.mark.slow)])


@sizes(40, 100)
@pytest.mark.parametrize("level", ["linear", "both sides", "quadratic"])
def test_roots_solve_the_equation_and_none_is_missing(level: str, n: int) -> None:
    for problem in algebra.problems("train", n, levels=[level]):
        left, right = asked(problem, r"Solve (.*) = (.*) for x\.")
        roots = [read(part.removeprefix("x = ")) for part in str(problem.solution).split(" or ")]
        assert all((left - right).subs(X, root) == 0 for root in roots)
        assert (
            len(set(roots)) == sympy.degree(left - right, X) == (2 if level == "quadratic" else 1)
        )


@sizes(60, 200)
def test_expansions_and_derivatives_hold_at_many_points(n: int) -> None:
    for problem in algebra.problems("train", n, levels=["expand", "derivative", "chain"]):
        answer = read(str(problem.solution))
        if problem.level == "expand":
            (expected,) = asked(problem, r"Expand and collect (.*)\.")
            assert verifier.expanded(str(problem.solution))
            assert all((expected - answer).subs(X, point) == 0 for point in range(-2, 3))
        else:
            (whole,) = asked(problem, r"Differentiate (.*) with respect to x\.")
            for point in (0.3, 1.1):
                step = 1e-5
                slope = (whole.subs(X, point + step) - whole.subs(X, point - step)) / (2 * step)
                value = answer.subs(X, point)
                assert abs(slope - value) <= 1e-4 * (1 + abs(value)), problem


@sizes(100, 300)
def test_solutions_pass_near_misses_and_echoes_fail(n: int) -> None:
    generator = random.Random(0)
    for problem in algebra.problems("eval", n):
        assert verifier.verify(problem, str(problem.solution)).status == "correct"
        wrong = near_miss(str(problem.solution), generator)
        assert verifier.verify(problem, wrong).status == "wrong", (problem, wrong)
        question = re.sub(r"^\D*? (?=[-(\d]|x)|( for x| with respect to x)?\.$", "", problem.prompt)
        for echo in (problem.prompt, question, rf"\boxed{{{question.strip()}}}"):
            assert verifier.verify(problem, echo).status == "wrong", (problem, echo)


@sizes(400, 10_000)
def test_splits_are_disjoint_and_large_enough(n: int) -> None:
    train, held_out, dev = (
        {problem.prompt for problem in algebra.problems(split, size)}
        for split, size in zip(SPLITS, (n, n, n // 10), strict=True)
    )
    assert len(held_out) == n and len(dev) == n // 10 and len(train) > 0.99 * n
    assert not (train & held_out or train & dev or held_out & dev)
    mirrors = {re.sub(r"Solve (.*) = (.*) for", r"Solve \2 = \1 for", prompt) for prompt in train}
    assert not mirrors & (held_out | dev)


@pytest.mark.parametrize(
    ("text", "is_expanded"),
    [
        ("x^2-x-6", True), ("-6 + x^{2} - x", True), ("2x", True), ("0", True), ("-x^2", True),
        (r"\frac{1}{2}x^2 + 3", True), ("y = x + 1", True), ("3 \\cdot x + 1", True),
        ("", False), ("x*x", False), ("x+x", False), ("2*(x+1)", False), ("x+1+1", False),
        ("x^2+y", False), ("2*3*x", False), ("x+", False), ("x^{1+1}", False),
        ("x²−x−6", True), ("x^2 + -x - 6", True), ("{x^2}-{x}-6", True), ("x^(2)", True),
        ("x**2 - x", True), ("-x·2 + 1", True), ("2x/3", True), ("x/2/3", False), ("2^2 x", False),
        ("x^2-(x+6)", False), ("2(3x)", False), ("x^{-1}", False), ("(", False),
        ("3x/(1/2)", False),
    ],
)  # fmt: skip
def test_what_is_expanded(text: str, is_expanded: bool) -> None:
    assert verifier.expanded(text) is is_expanded
