"""What assertions ask of a program: functions under test, and never a judge of its own."""

from __future__ import annotations

from typing import Any

import pytest

from rlvr.programs.asserted import Asked, BadTests, asked

CHECK = "def check(candidate):\n    res = candidate(2)\n    assert isclose(res, 12.6)\n"


@pytest.mark.parametrize(
    ("tests", "names"),
    [
        ("assert f(2) == 3", "f"),
        ("assert list(map(f, [1, 2])) == [1, 2]", "f"),
        ("assert decode(encode(5)) == 5", "decode encode"),
        ("x = 5\nassert decode(encode(x)) == x", "decode encode"),
        ("e = encode(5)\nassert decode(e) == -5", "encode decode"),
        ("for x in [1, 2]:\n    assert decode(encode(x)) == x", "decode encode"),
        ("assert a(b(c(1))) == [3]", "a b c"),
        ("assert f(f(f(1))) == 3", "f"),
        ("assert f(2) == f(3)", "f"),
        ("assert f(1) == 1\nassert g(2) == 2", "f g"),
        ("assert f(1) == 1 and g(2) == 2", "f g"),
        ("assert (f(1), g(2)) == (1, 2)", "f g"),
        ("def helper(x):\n    return f(x) + 1\nassert helper(2) == 4", "f"),
        ("assert sum(10, 15) == 6", "sum"),
        ("assert set(sum(1)) == set([1])", "sum"),
        ("assert isclose(sum([1, 2]), 3)", "sum"),
        ("assert isclose(1, 1.0)", "isclose"),
        ("assert copy([1]) == [1]", "copy"),
        ("from math import *\nassert isclose(f(2), sqrt(2))", "f"),
        ("try:\n    f(1)\nexcept ValueError as e:\n    assert str(e) == 'no'", "f"),
        ("match f(1):\n    case [first, *rest]:\n        assert first == rest", "f"),
        ("assert __name__ == 'tests' and f(1) == 1", "f"),
        ("a = [3, 1]\nf(a)\nassert a == [1, 3]", "f"),
        ("a, b = [3, 1], [2]\nf(a)\nassert g(b) == 1\nassert a == [1, 3]", "f g"),
        ("x = [1, 2]\nassert decode(encode(x)) == x", "decode encode"),
        ("for x in [[1], [2]]:\n    assert decode(encode(x)) == x", "decode encode"),
        ("xs = [1, 2]\nassert f(xs) == 3\nassert g(xs) == 2", "f g"),
        ("for xs in [[1], [2]]:\n    assert f(xs) == 3\n    assert g(xs) == 2", "f g"),
        ("n = 3\nassert f(n, 1) == 3\nassert g(n, 2) is True", "f g"),
        ("s, k = 'ab', -1\nassert f(s, k) == 3\nassert g(s, k) < 2", "f g"),
        ("for n in range(3):\n    assert f(n) == 3\n    assert g(n)", "f g"),
        ("for s, t in [('a', 1), ('b', 2)]:\n    assert f(s, t) == 3\n    assert g(t, s)", "f g"),
        ("n = 1\nn += 1\nm = n * 2\nassert f(m, n)\nassert g(m, n)", "f g"),
    ],
)
def test_what_is_under_test(tests: str, names: str) -> None:
    assert sorted(asked((), (tests,)).names) == sorted(names.split())


@pytest.mark.parametrize(
    ("tests", "supplied"),
    [
        ("res = f(2)\nassert isclose(res, 12.6)", "from math import isclose"),
        ("assert math.isclose(f(2), 12.6)", "import math"),
        ("assert f(2) == collections.Counter('a')", "import collections"),
        ("from cmath import isclose\nassert isclose(f(2), 12.6)", ""),
    ],
)
def test_what_they_forgot_to_import_is_supplied(tests: str, supplied: str) -> None:
    assert asked((), (tests,)) == Asked(("f",), supplied)
    assert asked((), (tests,), "f") == Asked(("f",), supplied)


JUDGES = [
    "assert close(f(2), 12.6)",
    "assert close(f(2))",
    "assert not far(f(2))",
    "assert close(f(2)) == True",
    "assert True == close(f(2))",
    "assert close(f(2)) is True",
    "assert close(f(2)) != False",
    "assert close(f(2)) == (1 == 1)",
    "ok = True\nassert close(f(2)) == ok",
    "assert [close(f(2))] == [True]",
    "assert bool(close(f(2)))",
    "assert all(map(close, [f(1), f(2)]))",
    "assert all(close(f(x)) for x in [1, 2])",
    "assert all_equal([f(1), f(2)], [1, 2])",
    "assert check(f, 2, 12.6)",
    "assert check(f)(2) == 12.6",
    "assert f(2) == approx(12.6)",
    "assert f(2) == wanted(2)",
    "w = wanted(2)\nassert f(2) == w",
    "assert abs(f(2) - truth(2)) < 1e-6",
    "assert f(2).count(g(2)) == 1",
    "res = f(2)\nassert close(res, 12.6)",
    "ok = close(f(2))\nassert ok",
    "assert (r := f(2)) == 3 and close(r)",
    "r = [f(2)]\nfor x in r:\n    assert close(x)",
    "r = []\nr.append(f(2))\nassert close(r)",
    "r = {}\nr['a'] = f(2)\nassert close(r)",
    "a = b = f(2)\nassert close(b)",
    "r = 0\nr += f(2)\nassert close(r)",
    "def same(a):\n    return close(a, 3)\nassert same(f(2))",
    "same = lambda a: close(a, 3)\nassert same(f(2))",
    "def r():\n    return f(2)\nassert close(r())",
    "class T:\n    r = f(2)\nassert close(T.r)",
    "near = close\nassert near(f(2), 3)",
    "if not close(f(2)):\n    raise AssertionError",
    "if ready():\n    assert f(2) == 3",
    "while more():\n    assert f(2) == 3",
    "for x in inputs():\n    assert f(x) == 3",
    "with within():\n    assert f(2) == 3",
    "try:\n    f(-1)\nexcept ValueError as e:\n    assert judge(e)",
    "@judge\ndef t():\n    assert f(2) == 3\nt()",
    "@judge(1)\ndef t():\n    assert f(2) == 3\nt()",
    "match f(2):\n    case x:\n        assert close(x)",
    "assert f(a=g(1)) == 2",
    "assert f(*g(1)) == 2",
    "assert np.allclose(f(2), 12.6)",
    "from mine import *\nassert close(f(2), 12.6)",
    # What a function changes in place is its result as well.
    "a = [3, 1]\nf(a)\nassert is_sorted(a)",
    "a = [3, 1]\nf(xs=a)\nassert is_sorted(a)",
    "a = [3, 1]\nf(*[a])\nassert is_sorted(a)",
    "a, b = [], []\nfill(a)\nfill2(b)\nassert a == b",
    "a = [3, 1]\nf(a)\nassert same(a) == a",
    "a = [3, 1]\nb = a\nf(a)\nassert is_sorted(b)",
    "b = [3, 1]\na = b\nf(a)\nassert is_sorted(b)",
    "a = [3, 1]\nbox = [a]\nf(a)\nassert is_sorted(box[0])",
    "box = [[3, 1]]\nf(box[0])\nassert is_sorted(box[0])",
    "rows = [[3, 1]]\nfor row in rows:\n    f(row)\nassert is_sorted(rows[0])",
    "for a in [[3, 1]]:\n    f(a)\n    assert is_sorted(a)",
    "a = [3, 1]\nlist(map(f, [a]))\nassert is_sorted(a)",
    "a = [3, 1]\ndef run(x):\n    f(x)\nrun(a)\nassert is_sorted(a)",
    "a = [3, 1]\ng = make()\ng(a)\nassert is_sorted(a)",
    "a = [3, 1]\nf(a)\nassert not differs(a, [1, 3])",
    "a = [3, 1]\nf(a)\nassert a == wanted()",
    "a = ([3, 1], 2)\nf(a)\nassert is_sorted(a[0])",
    "a = dict(x=1)\nf(a)\nif not ok(a):\n    raise ValueError",
]


@pytest.mark.parametrize("tests", JUDGES)
def test_a_judge_is_not_asked_of_the_program(tests: str) -> None:
    with pytest.raises(BadTests):
        asked((), (tests,))


@pytest.mark.parametrize(
    ("tests", "entry", "words"),
    [
        ("assert close(f(2), 12.6)", "f", "need close"),
        ("assert f(g(1)) == 2", "f", "need g"),
        ("def check(c):\n    assert nothing == c()", "f", "need nothing"),
        ("def check(c):\n    assert c(1) == 1", "check", "define check themselves"),
        ("assert f(P(1)) == 2", "", "own P"),
        ("assert pow(max(1), 2) == 6", "", "max, pow"),
        ("assert 1 == 1", "", "call no function"),
        ("assert f(1) ==", "", "don't parse"),
    ],
)
def test_what_can_not_be_asked(tests: str, entry: str, words: str) -> None:
    with pytest.raises(BadTests, match=words):
        asked((), (tests,), entry)


def test_a_program_is_judged_by_the_tests_and_not_by_itself() -> None:
    """Whatever helpers a program defines, it is right by its results or not at all."""
    from rlvr.verifiers import code

    from rlvr.verify.verifier import case_problem

    helpers = sorted({word for tests in JUDGES for word in _names(tests)} - {"f"})
    yes = "class Any:\n    __call__ = __getattr__ = __getitem__ = lambda *a, **k: True\n"
    yes += "".join(f"def {name}(*a, **k): return True\n" for name in (*helpers, "isclose"))
    try:
        for tests in JUDGES:
            verdict = code.verify(case_problem({"test_list": [tests]}), yes + "f = lambda x: 0\n")
            assert verdict.status == "abstain", tests
        for reference in (
            {"test_list": ["res = f(2)\nassert isclose(res, 12.6)"]},
            {"test_list": ["assert math.isclose(f(2), 12.6)"]},
            {"test": CHECK, "entry_point": "f"},
        ):
            judged: Any = case_problem(reference)
            assert code.verify(judged, yes + "def f(x): return 0\n").status == "wrong"
            assert code.verify(judged, "def f(x): return 12.6 + 1e-12\n").status == "correct"
    finally:
        code._close_sandbox()


def _names(tests: str) -> set[str]:
    import ast

    return {n.id for n in ast.walk(ast.parse(tests)) if isinstance(n, ast.Name)}
