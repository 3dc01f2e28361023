"""The functions task under the code verifier (its own check: tests/sandbox/test_tricks.py)."""

from __future__ import annotations

import random

from rlvr.tasks import functions

from rlvr.verify.pool import VerifierPool


def test_real_bodies_pass_and_slips_are_caught() -> None:
    generator = random.Random(1)
    problems = [
        problem
        for level in functions.LEVELS
        for problem in functions.problems("eval", 60, levels=[level])
    ]
    assert [problem.level for problem in problems[::60]] == list(map(str, functions.LEVELS))
    wrong = [functions.corrupt(problem, generator) for problem in problems]
    with VerifierPool("code", workers=2) as pool:
        real = pool.verify((problem, str(problem.solution)) for problem in problems)
        assert {verdict.status for verdict in real} == {"correct"}
        spoilt = pool.verify(zip(problems, wrong, strict=True))
        assert {verdict.status for verdict in spoilt} == {"wrong"}
        whole = [(p, f"```python\n{p.prompt}{p.solution}```") for p in problems[::6]]
        assert {verdict.status for verdict in pool.verify(whole)} == {"correct"}
