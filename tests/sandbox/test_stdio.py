"""Programs from their input to their output, calls of `class Solution`, and how they compare."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rlvr.verifiers import code

from rlvr.data import Verdict
from rlvr.programs import stdio
from rlvr.verify.verifier import case_problem

TIMEOUT = 2.0


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    code._close_sandbox()


def judge(reference: Any, program: str, **options: Any) -> Verdict:
    given: dict[str, Any] = {"timeout": TIMEOUT, **options}
    verdict: Verdict = code.verify(case_problem(reference), program, **given)
    return verdict


SQUARES = {"tests": [{"input": f"{n}\n", "output": f"{n * n}\n"} for n in (2, -3, 10)]}
SQUARE = "print(int(input()) ** 2)\n"

READING = [
    "n = int(input())\nprint(n * n)",
    "import sys\nn = int(sys.stdin.read())\nsys.stdout.write(f'{n * n}')",
    "import sys\nfor line in sys.stdin:\n    print(int(line) ** 2)",
    "import sys\nprint(int(sys.stdin.readline()) ** 2, end='')",
    "import sys\nprint(*[int(x) ** 2 for x in sys.stdin.buffer.read().split()])",
    "print(int(open(0).read()) ** 2)",
    "import os\nprint(int(os.read(0, 1 << 20)) ** 2)",
    "import io, os\ninput = io.BytesIO(os.read(0, os.fstat(0).st_size)).readline\n"
    "print(int(input()) ** 2)",
    "import sys\ninput = sys.stdin.readline\nprint(int(input().strip()) ** 2)",
    "import os\nos.write(1, str(int(input()) ** 2).encode())",
    "def main():\n    print(int(input()) ** 2)\nif __name__ == '__main__':\n    main()",
    "import sys\nprint(int(input()) ** 2)\nsys.exit()",
    "import sys\nprint(int(input()) ** 2)\nsys.exit(0)",
    "print(int(input()) ** 2)\nexit()",
    "import os\nprint(int(input()) ** 2, flush=True)\nos._exit(0)",
    "import threading, sys\nsys.setrecursionlimit(10 ** 6)\nthreading.stack_size(1 << 26)\n"
    "def main():\n    print(int(input()) ** 2)\nthreading.Thread(target=main).start()",
    "import atexit, io, sys\nout = io.StringIO()\nreal, sys.stdout = sys.stdout, out\n"
    "atexit.register(lambda: real.write(out.getvalue()))\nprint(int(input()) ** 2)",
    "import fileinput\nfor line in fileinput.input():\n    print(int(line) ** 2)",
    "class S:\n    def f(self, n): return n * n\nprint(S().f(int(input())))",
    "def f(n):\n    return n * n\nwhile True:\n    try:\n        print(f(int(input())))\n"
    "    except EOFError:\n        break",
    "import sys\nprint('working', file=sys.stderr)\nprint(int(input()) ** 2)",
    "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
    "print(P(int(input())).x ** 2)",
    "```python\nprint(int(input()) ** 2)\n```",
    "Read it, square it:\n```python\nn = int(input())\nprint(n * n)\n```\nDone.",
]  # fmt: skip

FAILING = [
    "print(int(input()) * 2)",
    "print(4)",
    "int(input())",
    "",
    "n = int(input())\nprint(n * n)\nraise SystemExit(1)",
    "print(int(input()) ** 2)\n1 / 0",
    "print(int(input()) ** 2, flush=True)\nimport os\nos._exit(3)",
    "print(int(input()) ** 2)\nimport os\nos._exit(0)",  # the buffer is not flushed
    "print(int(input()) ** 2, flush=True)\nimport os\nos.abort()",
    "print(int(input()) ** 2, flush=True)\nimport ctypes\nctypes.string_at(1)",
    "print(int(input()) ** 2)\nprint('Done')",
    "print('The answer is', int(input()) ** 2)",
    "print(input())\nprint(input())",
    "def f(n): return n * n",
    "print(int(input()) ** 2",
    "print(int(input('n? ')) ** 2)",  # a prompt is printed, too
    "import os\nos.close(1)\nprint(4)",
    "import os\nos.closerange(0, 64)\nprint(4)",
    "import sys\nsys.stdout.close()\nprint(4)",
    # What expected outputs could be read from, were they anywhere.
    "import os\nfor folder, _, names in os.walk('/'):\n    for name in names:\n        try:\n"
    "            text = open(os.path.join(folder, name)).read(9999)\n        except Exception:\n"
    "            continue\n        if '100' in text and len(text) < 99: print(text)",
    "import gc\nfor x in gc.get_objects():\n    if isinstance(x, dict) and 'output' in x:\n"
    "        print(x['output'])",
    "import sys\nframe = sys._getframe()\nwhile frame:\n    for x in frame.f_locals.values():\n"
    "        if isinstance(x, dict) and 'expected' in x: print(x['expected'])\n"
    "    frame = frame.f_back",
    # What is written to the channel is the program's own claim, of one test.
    "import os, json, struct\nfor forged in ({'holds': True}, {'passed': [True] * 3},"
    " {'output': None}, {'output': ['4']}, {'value': 4}):\n    data = json.dumps(forged).encode()\n"
    "    os.write(3, struct.pack('<I', len(data)) + data)",
    "import os\nos.write(3, b'\\xff' * 4096)",
    "import os, struct\nos.write(3, struct.pack('<I', 1 << 31))",
    # Nothing of one test is there in the next.
    "import os\nif os.path.exists('/tmp/n'): print(100)\nopen('/tmp/n', 'w').write('1')",
    "import builtins as b\nb.seen = getattr(b, 'seen', 0) + 1\nprint([0, 4, 9, 100][b.seen])",
]  # fmt: skip


@pytest.mark.parametrize("program", READING)
def test_a_program_reads_and_prints_as_it_likes(program: str) -> None:
    verdict = judge(SQUARES, program)
    assert (verdict.status, verdict.passed) == ("correct", (True, True, True)), verdict


@pytest.mark.parametrize("program", FAILING)
def test_anything_else_is_wrong(program: str) -> None:
    assert judge(SQUARES, program).status == "wrong"


@pytest.mark.parametrize(
    "program",
    [
        "while True: pass", "import time\ntime.sleep(99)", "while True: print('x' * 9999)",
        "import sys\nwhile True: sys.stderr.write('x' * 9999)", "print('4 ' * (1 << 20))",
        "x = bytearray(1 << 40)", "import threading\nthreading.Event().wait()",
        "import signal, os\nos.kill(os.getpid(), signal.SIGSTOP)\nwhile True: pass",
        "import threading\nthreading.Thread(target=lambda: [0 for _ in iter(int, 1)]).start()",
        "import atexit, time\natexit.register(time.sleep, 99)",
    ],
)  # fmt: skip
def test_a_program_without_end_is_wrong_once(program: str) -> None:
    began = time.monotonic()
    assert judge(SQUARES, program, timeout=0.5).status == "wrong"
    assert time.monotonic() - began < 20
    assert judge(SQUARES, SQUARE).status == "correct"


def test_all_tests_share_a_limit_and_each_has_its_own() -> None:
    many = {"tests": [{"input": "", "output": "1"}] * 40}
    slow = "import time\ntime.sleep(0.3)\nprint(1)"
    assert judge({"tests": many["tests"][:4]}, slow, timeout=0.9).status == "correct"
    verdict = judge(many, slow, timeout=0.9)
    assert verdict.status == "wrong" and len(verdict.passed) == 40
    assert verdict.passed[0] and not verdict.passed[-1] and "ran out of time" in verdict.reason


def test_each_test_is_told_apart() -> None:
    verdict = judge(SQUARES, "n = int(input())\nprint(n * n if n > 0 else 0)")
    assert verdict.passed == (True, False, True) and verdict.reason.startswith("test 2")


TWO = {"inputs": ["2\n", "3\n"], "outputs": ["4\n", "9\n"]}
LINES = {"inputs": [["1", "2"]], "outputs": [["2", "1"]]}
ROWS = [{"input": "2", "output": "4", "testtype": "stdin"}]
SHAPES = [
    {"input_output": TWO},
    {"input_output": json.dumps(TWO)},
    {"input_output": json.dumps(json.dumps(TWO))},
    {"input_output": {"inputs": json.dumps(TWO["inputs"]), "outputs": json.dumps(TWO["outputs"])}},
    {"input_output": json.dumps({key: json.dumps(value) for key, value in TWO.items()})},
    {"input_output": {"inputs": [2, 3], "outputs": [4, 9]}},
    {"input_output": {"inputs": [["2"], ["3"]], "outputs": [["4"], ["9"]]}},
    {"input_output": {**TWO, "fn_name": None}},
    TWO,
    {"tests": TWO},
    {"tests": json.dumps(TWO)},
    {"tests": ROWS},
    {"tests": json.dumps(ROWS)},
    {"tests": ROWS, "entry_point": "main", "prompt": "Square a number."},
    {"public_tests": {"input": ["2"], "output": ["4"]},
     "private_tests": {"input": ["3"], "output": ["9"]}, "generated_tests": {"input": [],
     "output": []}},
    {"public_test_cases": json.dumps(ROWS), "metadata": "{}"},
    {"public_test_cases": ROWS, "private_test_cases": json.dumps([{"input": "5", "output": "25"}])},
]  # fmt: skip


@pytest.mark.parametrize("reference", SHAPES)
def test_shapes_of_references(reference: Any) -> None:
    assert judge(reference, SQUARE).status == "correct"
    assert judge(reference, "print(4 if int(input()) == 7 else 0)").status == "wrong"


@pytest.mark.parametrize(
    "tests",
    [
        [{"input": [2], "output": 4, "fn_name": "square"}, {"input": [3], "output": 9}],
        [{"input": [n], "output": [n * n], "fn_name": "square"} for n in (2, 3)],
        [{"input": f"{n}", "output": f"{n * n}", "testtype": "functional", "metadata": about}
         for n, about in ((2, {"func_name": "square"}), (3, '{"func_name": "square"}'))],
    ],
)  # fmt: skip
def test_each_test_may_name_the_function(tests: Any) -> None:
    assert judge({"tests": tests}, "def square(n):\n    return n * n").status == "correct"
    assert judge({"tests": tests}, "def square(n):\n    return n + 2").status == "wrong"


@pytest.mark.parametrize(
    "reference",
    [
        {"input_output": "nonsense"}, {"input_output": 3}, {"input_output": {}},
        {"input_output": {"inputs": ["1"], "outputs": []}},
        {"input_output": {"inputs": [], "outputs": []}},
        {"input_output": {"inputs": "1", "outputs": "1"}},
        {"input_output": {"inputs": [{"a": 1}], "outputs": ["1"]}},
        {"input_output": {"inputs": [[["1"]]], "outputs": ["1"]}},
        {"input_output": {"inputs": ["1"], "outputs": ["1"], "fn_name": "no name"}},
        {"input_output": {"inputs": ["x y"], "outputs": ["1"], "fn_name": "f"}},
        {"tests": [{"input": "1", "output": "1"}, {"input": "1"}]},
        {"tests": [{"input": "1", "output": None}]},
        {"public_tests": {"input": ["1"], "output": []}},
        {"public_test_cases": ROWS, "private_test_cases": "eJxrYJmqxgABJ1cyZAAAF2kEKw=="},
        {"public_test_cases": [{"input": "1", "output": "1", "testtype": "functional"}]},
        {"tests": [{"input": [1], "output": 1, "fn_name": name} for name in "fg"]},
        {"tests": [{"input": [1], "output": 1, "fn_name": "no name"}]},
        {"tests": ROWS, "checker": "def check("}, {"tests": ROWS, "checker": "other = 1"},
        {"tests": ROWS, "checker": "import nothing"},
        {"tests": [{"input": "x" * (13 << 20), "output": "1"}]},
        {"tests": [{"input": "\ud800", "output": "1"}]},
        {"tests": [{"input": "4", "output": "16"}, {"input": "a\udfff\n", "output": "1"}]},
        {"inputs": [["4", "\udc80"]], "outputs": ["16"]},
    ],
)  # fmt: skip
def test_references_that_decide_nothing(reference: Any) -> None:
    for program in (SQUARE, "print(1)", "1 / 0"):
        assert judge(reference, program).status == "abstain"


@pytest.mark.parametrize(
    ("wanted", "printed", "same"),
    [
        ("1 2\n3\n", "1 2\n3", True), ("1 2\n3\n", "1\t2 3\n\n", True), ("", "\n", True),
        ("a b", "a  b\r\n", True), ("1 2", "12", False), ("1", "1 1", False), ("1 1", "1", False),
        ("", "0", False), ("0", "", False), ("yes", "YES", False), ("é", "é", True),
        ("a\u00a0b", "a b", False), ("a\u2003b", "a b", False), ("a", "\u00a0a", False),
        # Integers, and all that is no decimal number, to the character.
        ("5", "5.0", False), ("5", "05", False), ("5", "+5", False), ("0", "-0", False),
        ("5", "5.", False), ("100", "1e2", False), ("9007199254740993", "9007199254740992", False),
        ("1_0", "10", False), ("0x1.8", "1.5", False), ("nan", "nan", True), ("nan", "NaN", False),
        ("inf", "1e999", False), ("1e999", "1e998", False), ("1.2.3", "1.20.3", False),
        ("12:30.5", "12:30.50", False), ("1.5,", "1.50,", False), ("1,5", "1.5", False),
        # Decimal numbers: 1e-9 of the number, or 1e-6.
        ("0.5", ".5", True), ("0.5", "0.5000009", True), ("0.5", "0.500002", False),
        ("0.5", "5e-1", True), ("5.0", "5", True), ("5.", "5", True), ("-0.0", "0", True),
        ("3.333333", "3.3333333333333335", True), ("3.33", "3.3333333", False),
        ("1e3", "1000", True), ("1E3", "1000.0000001", True), ("1000000.5", "1000001.0", False),
        ("123456789012.5", "123456789012.50001", True), ("1e15", "1000000000000001", True),
        ("5e3", "5000", True), ("00.10", ".1", True), ("0.0000004", "0", True),
        ("1.50", "1.500000001", True), ("5e3", "5001", False), ("1.50", "1.51", False),
        ("0.000001", "0.0000015", True), ("0.5", "0,5", False), ("0.5", "1/2", False),
        ("0.5", "0.5f", False), ("0.5", "nan", False), ("0.5", "inf", False), ("0.5", "", False),
        ("0.5", "0.5 0.5", False), ("1.0", "1_0e-1", False), ("1.0", "１", False),
        ("[0.5]", "[0.50]", False), ("1.0 x", "1 x", True), ("1.0 x", "1 y", False),
    ],
)  # fmt: skip
def test_outputs_compare_by_tokens(wanted: str, printed: str, same: bool) -> None:
    assert stdio.same(wanted, printed, 1e-9) is same


def test_a_wider_tolerance_and_a_long_output() -> None:
    reference = {"tests": [{"input": "", "output": "3.33"}]}
    assert judge(reference, "print(10 / 3)").status == "wrong"
    assert judge(reference, "print(10 / 3)", tolerance=1e-2).status == "correct"
    long = {"tests": [{"input": "", "output": "1 " * 700_000}]}
    assert judge(long, "print('1 ' * 700_000)").status == "correct"
    assert judge(long, "print('1 ' * 699_999, 2)").status == "wrong"


ANY_DIVISOR = (
    "def check(input, output, expected):\n"
    "    n, d = int(input), int(output)\n"
    "    return 1 < d < n and n % d == 0\n"
)


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("print(3)", "correct"), ("print(5)", "correct"), ("print(15)", "wrong"),
        ("print('x')", "wrong"), ("", "wrong"), ("print('True')", "wrong"),
        ("print('9' * 5000)", "wrong"), ("import sys\nsys.exit(1)", "wrong"),
        ("print('3', '5')", "wrong"),
    ],
)  # fmt: skip
def test_a_checker_of_the_reference_decides(program: str, status: str) -> None:
    reference = {"tests": [{"input": "15", "output": "3"}], "checker": ANY_DIVISOR}
    assert judge(reference, program).status == status


def test_what_a_checker_raises_or_never_ends_over_an_output_is_a_no() -> None:
    hangs = "def check(i, o, e):\n    while 'x' in o: pass\n    return o == e\n"
    reference = {"tests": [{"input": "", "output": "3"}] * 2, "checker": hangs}
    assert judge(reference, "print('x')", timeout=0.2).status == "wrong"
    assert judge(reference, "print(3, end='')", timeout=0.2).status == "correct"


def test_the_time_of_a_checker_is_not_the_programs() -> None:
    """It needs 0.75 s for all five outputs, where ten times the timeout is 0.5 s."""
    slow = "import time\ndef check(i, o, e):\n    time.sleep(0.15)\n    return o == e\n"
    reference = {"tests": [{"input": "", "output": "3"}] * 5, "checker": slow}
    assert judge(reference, "print(3, end='')", timeout=0.05).status == "correct"
    assert judge(reference, "print(4, end='')", timeout=0.05).status == "wrong"


def test_a_checker_that_never_ends_on_the_expected_output_decides_nothing() -> None:
    reference = {
        "tests": [{"input": "", "output": "3"}],
        "checker": "def check(i, o, e):\n    while 1: pass",
    }
    assert judge(reference, "print(3)", timeout=0.05).status == "abstain"


CALLS = [
    {"input_output": {"fn_name": "f", "inputs": [[2], [3]], "outputs": [4, 9]}},
    {"input_output": {"fn_name": "f", "inputs": [[2], [3]], "outputs": [[4], [9]]}},
    {"input_output": json.dumps({"fn_name": "f", "inputs": ["2", "3"], "outputs": ["4", "9"]})},
    {"inputs": ["2"], "outputs": ["4"], "fn_name": "f"},
    {"public_test_cases": [{"input": "2", "output": "4", "testtype": "functional"}],
     "metadata": '{"func_name": "f"}'},
]  # fmt: skip
CALLED = [
    ("def f(x): return x * x\n", "correct"),
    ("class Solution:\n    def f(self, x: int) -> int:\n        return x * x\n", "correct"),
    ("```python\nfrom typing import List\nclass Solution:\n    def f(self, x):\n"
     "        return x * x\n```", "correct"),
    ("class Solution(object):\n    def g(self, x): return x * x\n    def f(self, x):\n"
     "        return self.g(x)\n", "correct"),
    ("class Solution:\n    @staticmethod\n    def f(x): return x * x\n", "correct"),
    ("class Solution:\n    def f(self, x): return x + x + 1\n", "wrong"),
    ("class Solution:\n    def g(self, x): return x * x\n", "wrong"),
    ("class Solution:\n    def __init__(self, x): pass\n    def f(self, x): return x * x\n",
     "wrong"),
    ("def f(x): print(x * x)\n", "wrong"),
    ("print(int(input()) ** 2)\n", "wrong"),
    ("class Yes:\n    __eq__ = lambda a, b: True\nclass Solution:\n"
     "    def f(self, x): return Yes()\n", "wrong"),
    ("class Solution:\n    def f(self, x): return [[x * x]]\n", "wrong"),
]  # fmt: skip


@pytest.mark.parametrize("reference", CALLS)
@pytest.mark.parametrize(("program", "status"), CALLED)
def test_calls_of_a_function_or_a_method(reference: Any, program: str, status: str) -> None:
    assert judge(reference, program).status == status


SUM = {"fn_name": "f", "inputs": [[[1, 2]], [[]], [[4, 4]]], "outputs": [3, 0, 8]}
STARTED = [
    ("class Solution:\n    def f(self, xs: List[int]) -> int:\n        return sum(xs)\n",
     "correct"),
    ("```python\nclass Solution:\n    def f(self, xs: List[int]) -> Optional[int]:\n"
     "        return sum(xs)\n```", "correct"),
    ("class Solution(object):\n    def f(self, xs):\n        return reduce(add, xs, 0)\n",
     "correct"),
    ("def f(xs: List[int]) -> int:\n    seen = defaultdict(int)\n    for x in xs: seen[0] += x\n"
     "    return seen[0]\n", "correct"),
    ("def f(xs):\n    return [*accumulate(xs, initial=0)][-1]\n", "correct"),
    ("def f(xs):\n    return math.floor(math.fsum(xs))\n", "correct"),
    ("def f(xs):\n    heapq.heapify(xs)\n    return sum(heappop(xs) for _ in range(len(xs)))\n",
     "correct"),
    ("from __future__ import annotations\ndef f(xs: List[int]) -> int:\n    return int(fsum(xs))\n",
     "correct"),
    ("@cache\ndef g(n): return n\ndef f(xs): return sum(map(g, xs))\n", "correct"),
    ("from typing import *\nclass Solution:\n    def f(self, xs: List[int]): return sum(xs)\n",
     "correct"),
    ("def fsum(xs): return sum(xs)\ndef f(xs): return fsum(xs)\n", "correct"),
    ("def f(xs): return pow(sum(xs), 1, 100)\n", "correct"),  # the built-in one, not math's
    ("class Solution:\n    def f(self, xs: List[int]) -> int:\n        return len(xs)\n", "wrong"),
    ("class Solution:\n    def f(self, xs: Lst[int]) -> int:\n        return sum(xs)\n", "wrong"),
    ("def f(xs):\n    return total(xs)\n", "wrong"),
    ("def f(xs):\n    return np.sum(xs)\n", "wrong"),
    ("def g(xs: List[int]):\n    return sum(xs)\n", "wrong"),
    ("x = List[int]\n", "wrong"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "status"), STARTED)
def test_what_a_harness_imports_for_a_function(program: str, status: str) -> None:
    assert judge(SUM, program).status == status


@pytest.mark.parametrize(
    "program", ["print(gcd(4, 6))\n", "gcd\n", "def g(a, b): return gcd(a, b)\n"]
)
def test_no_import_stands_for_the_function_under_test(program: str) -> None:
    calls = {"fn_name": "gcd", "inputs": [[4, 6]], "outputs": [2]}
    assert judge(calls, program).status == "wrong"
    assert judge(calls, "def gcd(a, b): return gcd(b, a % b) if b else a\n").status == "correct"
    assert judge(calls, "from math import gcd\n").status == "correct"


def test_a_whole_program_imports_what_it_uses_itself() -> None:
    assert judge(SQUARES, "print(floor(int(input()) ** 2))\n").status == "wrong"


def test_arguments_on_lines_and_results_as_they_are() -> None:
    lines = {"fn_name": "f", "inputs": ['[1, 2]\n"ab"\n'], "outputs": ['{"n": 2}']}
    assert judge(lines, "def f(xs, s): return {'n': len(xs)}").status == "correct"
    text = {"fn_name": "f", "inputs": [["ab"]], "outputs": ["ab"]}
    assert judge(text, "def f(s): return s").status == "correct"
    assert judge(text, "def f(s): return [s]").status == "wrong"


LISTS = [[3], [4]]
SAME = "def f(xs): return xs"
FIRST = "def f(xs): return xs[0]"
MIXED = "def f(xs): return xs if xs[0] == 3 else xs[0]"
ROWS_OF_LISTS = [{"input": json.dumps(xs), "output": json.dumps(xs)} for xs in LISTS]
WHERE_LISTS_ARE_MEANT = [
    {"public_test_cases": [{**row, "testtype": "functional"} for row in ROWS_OF_LISTS],
     "metadata": {"func_name": "f"}},
    {"tests": ROWS_OF_LISTS, "fn_name": "f"},
    {"tests": [{"input": [xs], "output": xs} for xs in LISTS], "entry_point": "f"},
    {"input_output": {"fn_name": "f", "inputs": [*map(json.dumps, LISTS)],
                      "outputs": [*map(json.dumps, LISTS)]}},
    {"fn_name": "f", "inputs": [[xs] for xs in (*LISTS, [5, 6])], "outputs": [*LISTS, [5, 6]]},
]  # fmt: skip


@pytest.mark.parametrize("reference", WHERE_LISTS_ARE_MEANT)
def test_a_list_of_one_item_is_a_list(reference: Any) -> None:
    assert judge(reference, SAME).status == "correct"
    for program in (FIRST, MIXED, "def f(xs): return [xs]"):
        assert judge(reference, program).status == "wrong"


def test_results_that_apps_may_have_put_in_lists_are_all_in_one_or_none_is() -> None:
    reference = {"fn_name": "f", "inputs": [[xs] for xs in LISTS], "outputs": LISTS}
    for program in (SAME, FIRST):
        assert judge(reference, program).status == "correct"
    verdict = judge(reference, MIXED)
    assert (verdict.status, sum(verdict.passed)) == ("wrong", 1)
    assert judge(reference, "def f(xs): return xs[0] if xs[0] == 3 else 1 / 0").passed == (
        True,
        False,
    )
    for program in ("def f(xs): return [xs]", "def f(xs): return xs * 2", "def f(xs): return 3"):
        assert judge(reference, program).status == "wrong"


@pytest.mark.parametrize("program", ["def f(x): return 5", "def f(x): return 3", "1 / 0"])
def test_a_checker_of_outputs_decides_nothing_over_calls(program: str) -> None:
    calls = {"fn_name": "f", "inputs": [[15]], "outputs": [3], "checker": ANY_DIVISOR}
    assert judge(calls, program).status == "abstain"
    rows = {"tests": [{"input": [15], "output": 3}], "entry_point": "f", "checker": ANY_DIVISOR}
    assert judge(rows, program).status == "abstain"


def test_rows_whose_inputs_are_no_text_are_calls_of_the_entry_point() -> None:
    rows = [{"input": [2], "output": 4}, {"input": [3], "output": 9}]
    calls = {"entry_point": "f", "tests": rows}
    assert judge(calls, "def f(x): return x * x").status == "correct"
    assert judge(calls, "def f(x): return x + 2").status == "wrong"
    assert judge({**calls, "entry_point": "main"}, SQUARE).status == "correct"


LEETCODE = {
    "prompt": "import math\nfrom typing import *\n\ninf = float('inf')\n",
    "entry_point": "Solution().f",
    "test": "def check(candidate):\n    assert candidate(xs=[1, 4]) == 3\n"
    "    assert candidate(xs=[]) == 0\n    assert candidate([inf, 1]) == 2\n",
}


@pytest.mark.parametrize(
    ("program", "status"),
    [
        ("class Solution:\n    def f(self, xs: List[int]) -> int:\n"
         "        return sum(math.isqrt(x) if x < inf else 1 for x in xs)\n", "correct"),
        ("```python\nclass Solution:\n    def f(self, xs: List[int]) -> int:\n"
         "        return sum(int(x ** 0.5) if x < inf else 1 for x in xs)\n```", "correct"),
        ("class Solution:\n    def f(self, xs): return 3\n", "wrong"),
        ("class Solution:\n    def g(self, xs): return 3\n", "wrong"),
        ("def f(xs): return sum(int(x ** 0.5) if x < inf else 1 for x in xs)\n", "wrong"),
        ("class Solution:\n    def f(self, xs): raise SystemExit\n", "wrong"),
    ],
)  # fmt: skip
def test_leetcode_s_entry_point(program: str, status: str) -> None:
    assert judge(LEETCODE, program).status == status


@pytest.mark.parametrize("entry", ["Solution()", "Solution.f", "().f", "a b", "Solution().f()"])
def test_an_entry_point_that_is_none(entry: str) -> None:
    assert judge({**LEETCODE, "entry_point": entry}, SQUARE).status == "abstain"
