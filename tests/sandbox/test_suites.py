"""Tests that a test runner calls: all of them decide, or none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rlvr.verifiers import code

from rlvr.verify.verifier import case_problem


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    code._close_sandbox()


def status(test: str, program: str) -> str:
    reference = {"entry_point": "f", "test": test}
    return str(code.verify(case_problem(reference), program, timeout=2.0).status)


TWICE = "def f(x):\n    return 2 * x\n"
TWO = "def f(x):\n    return 2\n"
RAISES = "def f(x):\n    raise ValueError\n"
NONE = "def f(x):\n    return None\n"
ONE = "    assert f(1) == 2\n"
FOUR = "    assert f(2) == 4\n"
CASE = "import unittest\nclass T(unittest.TestCase):\n"

ALL_RUN = {
    "under a condition and the guard": f"if True:\n    def test_a():\n    {FOUR}"
    f"def test_b():\n{ONE}"
    "if __name__ == '__main__':\n    test_a()\n",
    "inherited": f"class Base:\n    def test_a(self):\n    {FOUR}"
    f"class TestX(Base):\n    def test_b(self):\n    {ONE}",
    "inherited twice": f"class A:\n    def test_a(self):\n    {FOUR}class B(A): pass\n"
    f"class TestX(B):\n    def test_b(self):\n    {ONE}",
    "inherited case": CASE + "    def test_a(self):\n        self.assertEqual(f(2), 4)\n"
    "class U(T):\n    def test_b(self):\n        self.assertEqual(f(1), 2)\n",
    "static method": f"class TestX:\n    @staticmethod\n    def test_a():\n    {FOUR}"
    f"    @classmethod\n    def test_b(cls):\n    {ONE}",
    "data beside": f"class TestX:\n    test_data = [2]\n    def test_a(self):\n    {FOUR}",
    "named in the guard": f"def test_a():\n{FOUR}def test_b():\n{ONE}"
    "if __name__ == '__main__':\n    test_a()\n",
    "all named in the guard": f"def test_a():\n{FOUR}def test_b():\n{ONE}"
    "if '__main__' == __name__:\n    test_b()\n    test_a()\n",
    "main named in the guard": f"def test_a():\n{FOUR}def test_b():\n{ONE}"
    "def main():\n    test_a()\nif __name__ == '__main__':\n    main()\n",
    "named by a test": f"def test_a():\n{FOUR}def test_b():\n    test_a()\n{ONE}",
    "a helper": "def test_case(x, y):\n    assert f(x) == y\n"
    "def test_a():\n    test_case(1, 2)\n    test_case(2, 4)\n",
    "called at once": f"def test_a():\n{FOUR}test_a()\n",
    "called by a loop": f"def test_a():\n{FOUR}def test_b():\n{ONE}"
    "for t in test_a, test_b:\n    t()\n",
    "parameters": "import pytest\n@pytest.mark.parametrize('x, y', [(1, 2), (2, 4)])\n"
    "def test_a(x, y):\n    assert f(x) == y\n",
    "parameters of a method": "import pytest\nclass TestX:\n"
    "    @pytest.mark.parametrize('x, y', [(1, 2), (2, 4)])\n"
    "    def test_a(self, x, y):\n        assert f(x) == y\n",
    "prepared": "class TestX:\n    def setup_method(self, method):\n        self.r = f(2)\n"
    "    def test_a(self):\n        assert self.r == 4\n",
    "a coroutine of unittest": "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n"
    "    async def test_a(self):\n        self.assertEqual(f(2), 4)\n",
    "a coroutine that they run": "import asyncio\nasync def test_a():\n"
    f"{FOUR}asyncio.run(test_a())\n",
}


@pytest.mark.parametrize("test", ALL_RUN.values(), ids=ALL_RUN)
def test_every_test_decides(test: str) -> None:
    assert status(test, TWICE) == "correct"
    assert status(test, TWO) == "wrong"
    assert status(test, RAISES) == "wrong"


ENDED = {
    "prepared by a method": "class TestX:\n    def setup_method(self):\n        self.r = f(2)\n"
    "    def test_a(self):\n        assert self.r == 4\n",
    "prepared with a sum": "class TestX:\n    def setup_method(self):\n        self.r = f(2) + 1\n"
    "    def test_a(self):\n        assert self.r == 5\n",
    "prepared as it is built": "class TestX:\n    r = f(2) + 1\n"
    "    def test_a(self):\n        assert self.r == 5\n",
    "a value before": "X = f(2) + 1\ndef test_a():\n    assert X == 5\n",
    "a value before a case": "X = f(2) + 1\n" + CASE + "    def test_a(self):\n"
    "        self.assertEqual(X, 5)\n",
    "a value in a case": CASE + "    def setUp(self):\n        self.r = f(2) + 1\n"
    "    def test_a(self):\n        self.assertEqual(self.r, 5)\n",
    "a value of a case": CASE + "    @classmethod\n    def setUpClass(cls):\n"
    "        cls.r = f(2) + 1\n    def test_a(self):\n        self.assertEqual(self.r, 5)\n",
    "parameters": "import pytest\n@pytest.mark.parametrize('x', [f(2) + 1])\n"
    "def test_a(x):\n    assert x == 5\n",
    "all parameters": "import pytest\n@pytest.mark.parametrize('x', [*range(f(2), 5)])\n"
    "def test_a(x):\n    assert x == 4\n",
}


@pytest.mark.parametrize("test", ENDED.values(), ids=ENDED)
def test_what_a_program_raises_is_wrong_wherever_the_tests_call_it(test: str) -> None:
    assert status(test, TWICE) == "correct"
    for program in (RAISES, NONE, TWO, "def f(x): return 9\n", "def f(x): return []\n"):
        assert status(test, program) == "wrong"


SKIPPED = {
    "no parameters": "import pytest\n@pytest.mark.parametrize('x', [f(2)] if f(2) else [])\n"
    "def test_a(x):\n    assert x == 4\n",
    "skipped for an exception": CASE + "    def test_a(self):\n        try:\n            r = f(2)\n"
    "        except NotImplementedError:\n            self.skipTest('not there')\n"
    "        self.assertEqual(r, 4)\n",
    "skipped for a result": CASE + "    def test_a(self):\n        if f(2) is None:\n"
    "            self.skipTest('none')\n        self.assertEqual(f(2), 4)\n",
    "skipped as it is prepared": CASE + "    def setUp(self):\n        if not f(2):\n"
    "            self.skipTest('none')\n    def test_a(self):\n        self.assertEqual(f(2), 4)\n",
    "skipped for all": CASE + "    @classmethod\n    def setUpClass(cls):\n        if not f(2):\n"
    "            raise unittest.SkipTest('none')\n"
    "    def test_a(self):\n        self.assertEqual(f(2), 4)\n",
}  # fmt: skip


@pytest.mark.parametrize("test", SKIPPED.values(), ids=SKIPPED)
def test_no_program_has_a_test_skipped(test: str) -> None:
    assert status(test, TWICE) == "correct"
    assert status(test, NONE) == "wrong"
    assert status(test, "def f(x): raise NotImplementedError\n") == "wrong"


LOOPS = {
    "over pairs": CASE + "    def test_a(self):\n        for x, y in zip(f(2), [0, 1]):\n"
    "            self.assertEqual(x, y)\n",
    "with parts": CASE + "    def test_a(self):\n        for x in f(2):\n"
    "            with self.subTest(x):\n                self.assertLess(x, 2)\n",
    "in a helper": CASE + "    def each(self, xs):\n        for x in xs:\n"
    "            self.assertLess(x, 2)\n    def test_a(self):\n        self.each(f(2))\n",
    "with a failure": CASE + "    def test_a(self):\n        for x in f(2):\n"
    "            if x > 1:\n                self.fail()\n",
}


@pytest.mark.parametrize("test", LOOPS.values(), ids=LOOPS)
def test_a_loop_that_judges_has_to_run(test: str) -> None:
    assert status(test, "def f(n): return range(n)\n") == "correct"
    assert status(test, "def f(n): return []\n") == "wrong"
    assert status(test, "def f(n): return [2, 3]\n") == "wrong"


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ("return output == expected", True),
        ("return (output == expected, 'differs')", True),
        ("return (output == expected,)", True),
        ("return int(output == expected)", True),
        ("return 1 if output == expected else 0, 'of 1'", True),
        ("return ('differs', output == expected)", False),
        ("return None", False),
        ("return ()", False),
    ],
)
def test_a_checker_of_outputs_may_tell_why(check: str, right: bool) -> None:
    code_of = f"def check(input, output, expected):\n    output = output.strip()\n    {check}\n"
    tests = {"tests": [{"input": "1\n", "output": "1"}], "checker": code_of}
    for program, holds in (("print(input())", right), ("print(2)", False)):
        verdict = code.verify(case_problem(tests), program)
        assert verdict.status == ("correct" if holds else "wrong")


def test_what_tests_skip_by_themselves_is_skipped() -> None:
    test = CASE + "    @unittest.skip('later')\n    def test_a(self):\n        self.fail()\n"
    test += "    def test_b(self):\n        self.assertEqual(f(2), 4)\n"
    assert status(test, TWICE) == "correct"
    assert status(test, TWO) == "wrong"


RUNNER = {
    "a coroutine": f"async def test_a():\n{FOUR}def test_b():\n{ONE}",
    "a coroutine of a class": f"class TestX:\n    async def test_a(self):\n    {FOUR}"
    f"    def test_b(self):\n    {ONE}",
    "a coroutine of a case": CASE + f"    async def test_a(self):\n    {FOUR}"
    f"    def test_b(self):\n    {ONE}",
    "a class in a class": "class TestX:\n    class TestIn:\n"
    f"        def test_a(self):\n        {FOUR}    def test_b(self):\n    {ONE}",
    "under a condition": f"if True:\n    def test_a():\n    {FOUR}def test_b():\n{ONE}",
    "a class under a condition": "try:\n    class TestX:\n"
    f"        def test_a(self):\n        {FOUR}except Exception:\n    pass\ndef test_b():\n{ONE}",
    "given by the guard": f"def test_a(f):\n{FOUR}def test_b():\n{ONE}"
    "if __name__ == '__main__':\n    test_a(f)\n",
    "a module's hook": f"def setup_module():\n    global w\n    w = 4\ndef test_b():\n{ONE}"
    "def test_a():\n    assert f(2) == w\n",
    "a class's hook": f"class TestX:\n    def setup_class(cls):\n        cls.w = 4\n"
    f"    def test_b(self):\n    {ONE}    def test_a(self):\n        assert f(2) == self.w\n",
    "a fixture after a value": "import pytest\nX = f(1)\n@pytest.fixture\ndef x(): return 2\n"
    "def test_a(x):\n    assert f(x) == 4\n",
    "a mark after a value": "import pytest\nX = f(1)\n@pytest.mark.slow\ndef test_a():\n"
    "    assert f(2) == 4\n",
    "an object of its own": "class TestX:\n    def __init__(self): self.w = 4\n"
    f"    def test_a(self):\n    {FOUR}def test_b():\n{ONE}",
}


@pytest.mark.parametrize("test", RUNNER.values(), ids=RUNNER)
def test_what_only_a_test_runner_does_decides_nothing(test: str) -> None:
    for program in (TWICE, TWO, RAISES, NONE):
        assert status(test, program) == "abstain"


def test_a_file_of_tests_needs_no_entry_point() -> None:
    test = "from solution import add, sub\n\ndef test_both():\n    assert sub(add(1)) == 1\n"
    good, bad = ("def add(x):\n    return x + 2\ndef sub(x):\n    return x - " + n for n in "23")
    assert code.verify(case_problem({"test": test}), good).status == "correct"
    assert code.verify(case_problem({"test": test}), bad).status == "wrong"
    listed = {"test": "assert add(1) == 0", "test_list": ["assert add(1) == 3"]}
    assert code.verify(case_problem(listed), good).status == "correct"  # the list is the tests
    for nothing in ("", "x = 1\n", "def check(candidate):\n    assert candidate(1) == 3\n"):
        assert code.verify(case_problem({"test": nothing}), good).status == "abstain"
