"""The functions task: bodies that pass their hidden tests, slips that these catch."""

from __future__ import annotations

import random

import pytest
from rlvr.tasks import functions

from rlvr.check import SPLITS, check
from rlvr.pool import VerifierPool


@pytest.mark.parametrize("level", functions.LEVELS)
def test_real_bodies_pass_and_slips_are_caught(level: int) -> None:
    generator = random.Random(level)
    problems = list(functions.problems("eval", 60, levels=[level]))
    wrong = [functions.corrupt(problem, generator) for problem in problems]
    assert all(problem.level == str(level) for problem in problems)
    with VerifierPool("code", workers=2) as pool:
        real = pool.verify((problem, str(problem.solution)) for problem in problems)
        assert {verdict.status for verdict in real} == {"correct"}
        spoilt = pool.verify(zip(problems, wrong, strict=True))
        assert {verdict.status for verdict in spoilt} == {"wrong"}
        whole = [(p, f"```python\n{p.prompt}{p.solution}```") for p in problems[:10]]
        assert {verdict.status for verdict in pool.verify(whole)} == {"correct"}


def test_splits_are_disjoint_by_what_is_returned_and_large_enough() -> None:
    train, held_out, dev = (
        {str(problem.solution) for problem in functions.problems(split, n)}
        for split, n in zip(SPLITS, (10_000, 10_000, 1_000), strict=True)
    )
    assert len(train) > 9_900 < len(held_out) and len(dev) > 990
    assert not (train & held_out or train & dev or held_out & dev)


def test_the_model_never_sees_a_test() -> None:
    for problem in functions.problems("train", 100):
        assert "expected" not in problem.prompt and "assert" not in problem.prompt
        tests = problem.reference["tests"]
        assert len(tests) >= 5
        assert len({str(test["expected"]) for test in tests}) > 1, problem


def test_it_passes_its_own_check() -> None:
    assert check("functions", 50) == []
