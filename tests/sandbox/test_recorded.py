"""What is made ready of tests before they run."""

from __future__ import annotations

import ast
import warnings

import pytest
from rlvr.verifiers import code

from rlvr.sandbox import recorded
from rlvr.verify.verifier import case_problem

RIGHT = "def f(x):\n    return x\n"


@pytest.mark.parametrize(
    "test",
    [
        "return f(1)",
        "assert f(1) == 1\nbreak",
        "x = 1\ndef g():\n    assert f(x) == 1\n    nonlocal x\ng()",
        "assert f(1) == 1\nfrom __future__ import annotations",
        "assert f(1) == 1\nfrom __future__ import braces",
        "await f(1)",
    ],
)
def test_what_parses_and_does_not_compile_is_undecided(test: str) -> None:
    ast.parse(test)
    found = code.verify(case_problem({"test_list": [test], "entry_point": "f"}), RIGHT)
    assert found.status == "abstain" and "SyntaxError" in found.reason, found


def test_dubious_tests_warn_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = recorded.ready((), (r"assert '\d' is not 1, '\w'", "assert (f(1), 'text')"))
    assert made["recorded"] == 2 and made["judges"]


def test_code_is_the_same_inside() -> None:
    made = recorded.ready(("import math",), ("assert f(1) == 1\nassert f(math.pi)",))
    failed: dict[int, object] = {}
    space = {
        "f": lambda x: x == 1,
        "__no_answer__": RuntimeError,
        "__record__": failed.__setitem__,
    }
    for part in ("setup", "tests"):
        for found in recorded.loaded(made[part]):
            exec(found, space)
    assert made["imported"] == ["math"] and made["recorded"] == 2
    assert failed[0] is None and type(failed[1]) is AssertionError


def test_the_future_of_one_test_is_not_the_next_ones() -> None:
    tests = ("from __future__ import annotations\nx: missing = 1", "y: missing = 1")
    first, second = recorded.loaded(recorded.ready((), tests)["tests"])
    exec(first, {})
    with pytest.raises(NameError):
        exec(second, {})
