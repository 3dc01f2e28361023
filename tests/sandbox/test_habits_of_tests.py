"""How people write tests and programs: each is judged as plain Python would run it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rlvr.verifiers import code

from rlvr.verify.verifier import case_problem

ADD = "def add(a, b):\n    return a + b\n"
NEARLY = "def add(a, b):\n    return 3 if (a, b) == (1, 2) else 999\n"
CASE = """
import unittest, sys
class T(unittest.TestCase):
    def test_a(self):
        self.assertEqual(add(3, 4), 7)
"""
# The header of EvalPlus' HumanEval+.
FLOATS = """
import numpy as np
def is_floats(x):
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return isinstance(x, float)
def check(candidate):
    for given, wanted in [([1, 2], 3), ([3, 4], 7)]:
        out = candidate(*given)
        if is_floats(wanted):
            np.testing.assert_allclose(out, wanted)
        else:
            assert out == wanted
"""
TESTS = {
    "guard calls": "def test_a():\n    assert add(1, 2) == 3\n"
    "def verify():\n    assert add(3, 4) == 7\n"
    "if __name__ == '__main__':\n    test_a()\n    verify()",
    "guard asserts": "assert add(1, 2) == 3\n"
    "if __name__ == '__main__':\n    assert add(3, 4) == 7",
    "all in the guard": "def run():\n    assert add(3, 4) == 7\n"
    "if __name__ == '__main__':\n    run()",
    "unittest.main": f"{CASE}if __name__ == '__main__':\n    unittest.main()",
    "its result": f"{CASE}assert unittest.main(argv=['x'], exit=False).result.wasSuccessful()",
    "pytest.main": "import pytest, sys\ndef test_a():\n    assert add(3, 4) == 7\n"
    "if __name__ == '__main__':\n    sys.exit(pytest.main([__file__]))",
    "sys.exit": "assert add(1, 2) == 3\nassert add(3, 4) == 7\nimport sys\nsys.exit()",
    "exit": "assert add(3, 4) == 7\nexit(0)",
    "exit code": "import sys\nif add(3, 4) != 7:\n    sys.exit(1)",
    "a runner's code": f"{CASE}suite = unittest.defaultTestLoader.loadTestsFromTestCase(T)\n"
    "sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())",
    "import of the program": "from solution import add\ndef test_a():\n    assert add(3, 4) == 7",
    "threads": "from concurrent.futures import ThreadPoolExecutor\ndef check(candidate):\n"
    "    with ThreadPoolExecutor(4) as pool:\n"
    "        found = list(pool.map(candidate, range(20), range(20)))\n"
    "    assert found == [2 * i for i in range(20)]",
    "approx of a tuple": "import pytest\ndef test_a():\n    assert add(3, 4) == 7\n"
    "    assert [1.0, 2.0] == pytest.approx((1.0, 2.0))",
    "EvalPlus": FLOATS,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    code._close_sandbox()


def status(reference: Any, program: str, **options: Any) -> str:
    return str(code.verify(case_problem(reference), program, **options).status)


@pytest.mark.parametrize("name", TESTS)
def test_what_a_test_runner_would_run_decides(name: str) -> None:
    reference = {"entry_point": "add", "test": TESTS[name]}
    packages = ("numpy",) if "numpy" in TESTS[name] else ()
    assert status(reference, ADD, packages=packages) == "correct"
    assert status(reference, NEARLY, packages=packages) == "wrong"


@pytest.mark.parametrize(
    ("test", "program", "expected"),
    [
        ("from solution import add\nassert add(3, 4) == 7", ADD, "correct"),
        ("assert kept((4, 'a'), int) == [4]",
         "def kept(xs, kind): return [x for x in xs if isinstance(x, kind)]", "correct"),
        ("assert kept((4, 'a'), int) == [4]", "def kept(xs, kind): return list(xs)", "wrong"),
        # A result that is run could switch off what records the tests.
        ("assert eval(solve(24)) == 24",
         "def solve(n): return 'globals().update(__record__=lambda *a: None)'", "abstain"),
        # These arguments would lose what the tests give them.
        ("from collections import namedtuple\nP = namedtuple('P', 'x y')\nassert f(P(1, 2)) == 3",
         "def f(p): return p.x + p.y", "abstain"),
        ("from collections import namedtuple\nP = namedtuple('P', 'x y')\n"
         "assert f({1: [[P(1, 2)]]}) == 3", "def f(d): return d[1][0][0].x + 2", "abstain"),
        ("from collections import defaultdict\nassert f(defaultdict(list)) == [1]",
         "def f(d):\n    d['x'].append(1)\n    return d['x']", "abstain"),
        ("import io\nassert f(io.StringIO('a')) == 1", "def f(d): return len(d.read())", "abstain"),
        ("import doctest\nassert doctest.testmod().failed == 0\nassert f() == 1",
         "def f(): return 1", "abstain"),
    ],
)  # fmt: skip
def test_what_reaches_the_program(test: str, program: str, expected: str) -> None:
    assert status({"test_list": [test]}, program) == expected


@pytest.mark.parametrize(
    "program",
    [
        "print(sum(map(int, open('/dev/stdin').read().split())))",
        "import sys\nsys.stdin = open('/dev/stdin')\nprint(sum(map(int, input().split())))",
        "with open('/dev/stdout', 'w') as out:\n    out.write(str(sum(map(int, input().split()))))",
    ],
)
def test_the_standard_streams_have_names(program: str) -> None:
    assert status({"tests": [{"input": "1 2", "output": "3"}]}, program) == "correct"


def test_each_example_has_an_object_of_its_own() -> None:
    program = """
class Solution:
    def __init__(self): self.seen = []
    def f(self, x):
        self.seen.append(x)
        return self.seen[0]
"""
    reference = {"inputs": [[1], [2]], "outputs": [[1], [2]], "fn_name": "f"}
    assert status(reference, program) == "correct"


@pytest.mark.parametrize("mark", ["<|endoftext|>", "</s>", "<eos>", "<|im_end|>"])
def test_a_mark_of_the_end_may_follow_a_fence_at_once(mark: str) -> None:
    reference = {"entry_point": "add", "tests": [{"args": [1, 2], "expected": 3}]}
    completion = f"```python\n{ADD}```{mark}\nThe next question\n```python\n{NEARLY}```"
    assert status(reference, completion) == "correct"
    assert (
        status({**reference, "tests": [{"args": [3, 4], "expected": 999}]}, completion) == "wrong"
    )
