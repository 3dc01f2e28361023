"""What tests can tell about a program beyond plain results, and what no program can buy by it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from rlvr.verifiers import code

from rlvr.data import InputError, Verdict
from rlvr.sandbox.plain import pack, unpack
from rlvr.verify.verifier import case_problem

TIMEOUT = 2.0


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    code._close_sandbox()


def judge(tests: str | dict[str, Any], program: str, **options: Any) -> Verdict:
    reference = {"test_list": [tests]} if isinstance(tests, str) else tests
    verdict: Verdict = code.verify(
        case_problem(reference), program, **{"timeout": TIMEOUT} | options
    )
    return verdict


def checking(*lines: str, head: str = "") -> dict[str, str]:
    body = "\n".join(f"    {line}" for line in lines)
    return {"entry_point": "f", "test": f"{head}\ndef check(candidate):\n{body}\n"}


COUNT = "def f(n):\n    for i in range(n): yield i\n"
ENDLESS = "def f(n):\n    while True:\n        yield n\n        n += 1\n"
MIDWAY = "def f(n):\n    for i in range(n): yield i\n    raise ValueError('spent')\n"
RECORD = """
class Twice:
    def __init__(self, n): self.n, self.at = n, 0
    def __iter__(self): return self
    def __next__(self):
        self.at += 1
        if self.at > self.n: raise StopIteration
        return 2 * self.at
def f(n): return Twice(n)
"""
YES = "class Yes:\n    __eq__ = lambda a, b: True\n    __bool__ = lambda a: True\n"

ITERATORS = [
    ("assert list(f(3)) == [0, 1, 2]", COUNT, "correct"),
    ("assert [*f(3)] == [0, 1, 2]", "f = lambda n: map(int, range(n))", "correct"),
    ("a, b = f(2)\nassert (a, b) == (0, 1)", COUNT, "correct"),
    ("assert dict(f(2)) == {0: 'a', 1: 'b'}", "f = lambda n: enumerate('ab')", "correct"),
    ("assert set(f(3)) == {0, 1, 2}", COUNT, "correct"),
    ("assert ','.join(f(2)) == 'a,b'", "f = lambda n: reversed('ba')", "correct"),
    ("assert list(f(2)) == [2, 4]", RECORD, "correct"),
    ("g = f(2)\nassert next(g) == 0\nassert list(g) == [1]\nassert list(g) == []", COUNT,
     "correct"),
    ("g = f(1)\nassert next(g, 'none') == 0\nassert next(g, 'none') == 'none'", COUNT, "correct"),
    ("from itertools import islice\nassert list(islice(f(5), 3)) == [5, 6, 7]", ENDLESS, "correct"),
    ("import types\nassert isinstance(f(2), types.GeneratorType)", COUNT, "correct"),
    ("import types\nassert isinstance(f(2), types.GeneratorType)", "f = lambda n: iter([0, 1])",
     "wrong"),
    ("assert isinstance(f(2), zip)", "f = lambda n: zip([1], [2])", "correct"),
    ("assert isinstance(f(2), map)", "f = lambda n: zip([1], [2])", "wrong"),
    ("assert type(f(2)) is type(x for x in [])", COUNT, "correct"),
    ("from collections.abc import Iterator\nassert isinstance(f(2), Iterator)", COUNT, "correct"),
    ("from collections.abc import Iterator\nassert isinstance(f(2), Iterator)",
     "f = lambda n: [0, 1]", "wrong"),
    ("assert [list(x) for x in f(2)] == [[0], [1]]", "f = lambda n: (iter([i]) for i in range(n))",
     "correct"),
    ("a, b = f([1, 2])\nassert list(a) == [1, 2] and list(b) == [1, 2]",
     "import itertools\nf = itertools.tee", "correct"),
    ("from itertools import islice\nassert sum(islice(f(1), 200)) == 20100", ENDLESS, "correct"),
    ("assert len(list(f(5000))) == 5000", COUNT, "correct"),
    ("g = f(2)\nok = [next(g), next(g)] == [0, 1]\ntry:\n    next(g)\nexcept ValueError as e:\n"
     "    ok = ok and str(e) == 'spent'\nelse:\n    ok = False\nassert ok", MIDWAY, "correct"),
    ("assert list(f(f(3))) == [0, 2, 4]",
     "def f(x):\n    return (2 * i for i in x) if not isinstance(x, int) else iter(range(x))\n",
     "correct"),
    ("assert sum(f(iter([1, 2, 3]))) == 6", "f = lambda xs: [x for x in xs]", "correct"),
    ("assert f(x for x in [3, 1]) == 3", "f = max", "correct"),
    ("import asyncio\nassert asyncio.run(f(2)) == 4", "async def f(x): return x * x", "correct"),
    # Near misses and attacks.
    ("assert list(f(3)) == [0, 1, 2]", "def f(n):\n    yield from range(n - 1)\n", "wrong"),
    ("assert list(f(3)) == [0, 1, 2]", MIDWAY, "wrong"),
    ("assert list(f(3)) == [3]", ENDLESS, "wrong"),
    ("assert f(3) == [0, 1, 2]", COUNT, "wrong"),
    ("assert f(3) == [0, 1, 2]", YES + "def f(n): return iter([Yes()])", "wrong"),
    ("assert list(f(3)) == [0, 1, 2]", YES + "def f(n):\n    while True: yield Yes()\n", "wrong"),
    ("assert list(f(3)) == [0, 1, 2]", YES + "def f(n): return iter([Yes()] * 3)", "wrong"),
    ("assert all(x > 0 for x in f(3))", "def f(n):\n    yield 1\n    raise StopIteration\n",
     "wrong"),
    ("assert all(x > 0 for x in f(3))",
     "class E:\n    __iter__ = lambda s: s\n    def __next__(s): raise SystemExit\n"
     "def f(n): return E()", "wrong"),
    ("assert sum(f(3)) == 3", "def f(n):\n    yield 3\n    while True: pass\n", "wrong"),
    ("assert list(f(1)) == []", "def f(n):\n    yield 'x' * (3 << 20)\n", "wrong"),
    ("assert len(f(3)) == 3", COUNT, "wrong"),
    ("assert f(2)", YES + "f = lambda n: Yes()", "wrong"),
    ("import types\nassert isinstance(f(2), types.GeneratorType)",
     RECORD.replace("Twice", "generator"), "wrong"),
    ("assert isinstance(f(2), map)", RECORD.replace("Twice", "map"), "wrong"),
    ("assert isinstance(f(2), zip)", RECORD.replace("Twice", "zip"), "wrong"),
    ("from itertools import count\nassert isinstance(f(2), count)",
     "import itertools\nf = itertools.count", "correct"),
    ("assert list(f(2)) == [2, 4]", RECORD.replace("Twice", "generator"), "correct"),
    # A loop of the tests that judges has to run.
    ("for x, y in zip(f(3), [0, 1, 2]):\n    if x != y:\n        raise ValueError", COUNT,
     "correct"),
    ("for x, y in zip(f(3), [0, 1, 2]):\n    if x != y:\n        raise ValueError",
     "def f(n): return []\n", "wrong"),
    ("for x in f(3):\n    for y in [x]:\n        if y > 2:\n            raise ValueError",
     "def f(n): return []\n", "wrong"),
    ("q = f(3)\nwhile q:\n    assert q.pop() == 1", "def f(n): return [1] * n\n", "correct"),
    ("q = f(3)\nwhile q:\n    assert q.pop() == 1", "def f(n): return []\n", "wrong"),
    ("q, i = f(3), 0\nwhile i < len(q):\n    if q[i] != 1:\n        raise ValueError\n    i += 1",
     "def f(n): return []\n", "wrong"),
    ("for n in [0, 2]:\n    for x in f(n):\n        if x > 1:\n            raise ValueError", COUNT,
     "correct"),
    ("def wanted(xs):\n    for x in xs:\n        if x < 0: raise ValueError\n    return len(xs)\n"
     "assert len(list(f(2))) == 2 and wanted([]) == 0", COUNT, "correct"),
    ("def same(xs, ys):\n    for x, y in zip(xs, ys):\n        if x != y: raise ValueError\n"
     "same(f(0), [])\nsame(f(2), [0, 1])", COUNT, "correct"),
    ("def same(xs, ys):\n    for x, y in zip(xs, ys):\n        if x != y: raise ValueError\n"
     "same(f(1), [0])\nsame(f(2), [0, 1])", "def f(n): return []\n", "wrong"),
    # What an iterator has beyond its items is no plain data.
    ("g = f(2)\nnext(g)\nassert g.send(1) == 1", COUNT, "abstain"),
    ("g = f(2)\nnext(g)\nassert g.send(1) == 1", "f = lambda n: [1]", "abstain"),
]  # fmt: skip

FUNCTIONS = [
    ("assert f(3)(4) == 7", "def f(a):\n    return lambda b: a + b\n", "correct"),
    ("add = f(3)\nassert add(4) == 7\nassert add(b=1) == 4",
     "def f(a):\n    def g(b): return a + b\n    return g\n", "correct"),
    ("c = f()\nassert [c(), c(), c()] == [1, 2, 3]", "def f():\n    n = 0\n    def g():\n"
     "        nonlocal n\n        n += 1\n        return n\n    return g\n", "correct"),
    ("import types\nassert isinstance(f(3), types.FunctionType) and callable(f(3))",
     "f = lambda a: lambda b: a", "correct"),
    ("get, put = f()\nput(5)\nassert get() == 5", "def f():\n    box = [0]\n"
     "    return (lambda: box[0]), (lambda x: box.__setitem__(0, x))\n", "correct"),
    ("assert f(f(2))(3) == 5", "def f(x):\n    return x if callable(x) else lambda y: x + y\n",
     "correct"),
    ("assert list(map(f(2), [1, 2])) == [3, 4]", "from functools import partial\nimport operator\n"
     "def f(a): return partial(operator.add, a)\n", "correct"),
    ("assert f(3)(4) == 7", "def f(a):\n    return lambda b: a * b\n", "wrong"),
    ("assert f(3) == 3", "def f(a):\n    return lambda: 3\n", "wrong"),
    ("assert f(f(2)) == 4", "def f(x): return lambda: x\n", "wrong"),
    ("assert f(f(2)) == 4", "def f(x): return object()\n", "wrong"),
    ("assert f(map(str, f(2))) == 4", "import itertools\ndef f(x): return itertools.count()\n",
     "wrong"),
    ("assert f(f(2)) == 4", "def f(x): return type\n", "wrong"),
    ("assert f(f(2)) == 4", "import re\ndef f(x): return re.match('a', 'a')\n", "wrong"),
    ("assert f(f(2)) == 4", "async def f(x): return x\n", "wrong"),
    ("assert f(3)(4) == 7", YES + "def f(a):\n    return lambda b: Yes()\n", "wrong"),
]  # fmt: skip

SORTS = "def f(xs):\n    xs.sort()\n"
ARGUMENTS = [
    ("a = [1, 2, 3]\nf(a, 1)\nassert a == [3, 1, 2]", "def f(a, k): a[:] = a[-k:] + a[:-k]\n",
     "correct"),
    (checking("xs = [3, 1]", "candidate(xs)", "assert xs == [1, 3]"), SORTS, "correct"),
    ("m = [[1, 2], [3, 4]]\nf(m)\nassert m == [[1, 3], [2, 4]]",
     "def f(m): m[0][1], m[1][0] = m[1][0], m[0][1]\n", "correct"),
    ("a, b = [3], [1]\nxs = [a, b]\nf(xs)\nassert xs == [[1], [3]] and xs[0] is b and a == [3]",
     SORTS, "correct"),
    ("d = {'a': 1}\nf(d)\nassert d == {'a': 1, 'b': [2]}", "def f(d): d['b'] = [2]\n", "correct"),
    ("d = {'a': [1]}\nf(d)\nassert d == {'a': [1, 2]}", "def f(d): d['a'].append(2)\n", "correct"),
    ("s = {1}\nf(s)\nassert s == {1, 2}", "def f(s): s.add(2)\n", "correct"),
    ("from collections import deque\nq = deque([1])\nf(q)\nassert list(q) == [0, 1]",
     "def f(q): q.appendleft(0)\n", "correct"),
    ("b = bytearray(b'ab')\nf(b)\nassert b == b'ba'", "def f(b): b.reverse()\n", "correct"),
    ("from array import array\na = array('i', [2, 1])\nf(a)\nassert a.tolist() == [1, 2]",
     "def f(a): a[:] = type(a)('i', sorted(a))\n", "correct"),
    ("from collections import Counter\nc = Counter('aab')\nf(c)\nassert c == {'a': 1, 'b': 1}",
     "def f(c): c.subtract('a')\n", "correct"),
    ("from collections import OrderedDict\nd = OrderedDict(a=1, b=2)\nf(d)\n"
     "assert list(d) == ['b', 'a']", "def f(d): d.move_to_end('a')\n", "correct"),
    ("xs = [3, 1]\nassert f(xs) is xs", "def f(xs): return xs\n", "correct"),
    ("xs = [3, 1]\nassert f(xs) is not xs", "def f(xs): return xs[:]\n", "correct"),
    ("a = [1]\nf(a, a)\nassert a == [1, 2]", "def f(a, b): b.append(2)\n", "correct"),
    ("xs = [1, 2]\ntry:\n    f(xs)\nexcept ValueError:\n    pass\nassert xs == [1]",
     "def f(xs):\n    xs.pop()\n    raise ValueError\n", "correct"),
    ("for xs in [[2, 1], [4, 3]]:\n    f(xs)\n    assert xs == sorted(xs)", SORTS, "correct"),
    ("xs = [2, 1]\nys = list(xs)\nassert f(xs) == [1, 2]\nassert xs == ys",
     "def f(xs): return sorted(xs)\n", "correct"),
    ("xs = [[2, 1]]\nlist(map(f, xs))\nassert xs == [[1, 2]]", SORTS, "correct"),
    # What must stay as it is, and other misses.
    ("xs = [2, 1]\nys = list(xs)\nassert f(xs) == [1, 2]\nassert xs == ys",
     "def f(xs):\n    xs.sort()\n    return xs\n", "wrong"),
    ("xs = [[2, 1]]\nf(xs)\nassert xs == [[2, 1]]", "def f(xs): xs[0].sort()\n", "wrong"),
    ("d = {'a': {'b': 1}}\nf(d)\nassert d == {'a': {'b': 1}}", "def f(d): d['a'].clear()\n",
     "wrong"),
    ("xs = [1]\nf(xs=xs)\nassert xs == [1]", "def f(xs): xs.append(1)\n", "wrong"),
    ("xs = [1]\nf(*[xs])\nassert xs == [1]", "def f(xs): xs.append(1)\n", "wrong"),
    ("def g(ys): f(ys)\nxs = [1]\ng(xs)\nassert xs == [1]", "def f(xs): xs.append(1)\n", "wrong"),
    ("g = f(1)\nxs = [1]\ng(xs)\nassert xs == [1]", "def f(n): return lambda xs: xs.append(n)\n",
     "wrong"),
    ("a, g = f(1)\nxs = [1]\ng(xs)\nassert xs == [1, 1]",
     "def f(n): return n, lambda xs: xs.append(n)\n", "correct"),
    ("xs = [3, 1]\nassert f(xs) is not xs", "def f(xs): return xs\n", "wrong"),
    ("xs = [3, 1]\nf(xs)\nassert xs == [1, 3]", "def f(xs): return sorted(xs)\n", "wrong"),
    ("xs = [3, 1]\nf(xs)\nassert xs == [1, 3]", YES + "def f(xs): xs[:] = [Yes(), Yes()]\n",
     "wrong"),
    ("xs = [3, 1]\nf(xs)\nassert xs == [1, 3]", YES + "def f(xs):\n    global xs_\n"
     "    xs_ = Yes()\n", "wrong"),
    ("xs = [3, 1]\nf(xs)\nassert xs == [1, 3]", "def f(xs):\n    while True: xs += xs\n", "wrong"),
    ("xs = []\nf(xs)\nassert xs == []", "def f(xs): xs.append(xs)\n", "wrong"),
]  # fmt: skip

HEAD = "import io, contextlib, sys"
CAPTURE = ("b = io.StringIO()", "with contextlib.redirect_stdout(b):", "    candidate('x')")
HI = "def f(s): print('hi', s)\n"
PRINTS = [
    (checking(*CAPTURE, "assert b.getvalue() == 'hi x\\n'", head=HEAD), HI, "correct"),
    (checking("old = sys.stdout", "sys.stdout = io.StringIO()", "candidate('x')",
              "said = sys.stdout.getvalue()", "sys.stdout = old", "assert said == 'hi x\\n'",
              head=HEAD), HI, "correct"),
    (checking("with patch('sys.stdout', new_callable=io.StringIO) as b:", "    candidate('x')",
              "assert b.getvalue() == 'hi x\\n'",
              head=f"{HEAD}\nfrom unittest.mock import patch"), HI, "correct"),
    (checking("b = io.StringIO()", "with contextlib.redirect_stderr(b):", "    candidate('x')",
              "assert 'no' in b.getvalue()", head=HEAD),
     "import sys\ndef f(s): print('no', file=sys.stderr)\n", "correct"),
    (checking("b = io.StringIO()", "with contextlib.redirect_stdout(b):", "    r = candidate(1)",
              "assert b.getvalue() == '' and r == 1", head=HEAD), "def f(s): return s\n",
     "correct"),
    (checking(*CAPTURE, "assert b.getvalue() == 'hi x\\n'", head=HEAD), "print('hi x')\n"
     "def f(s): pass\n", "wrong"),
    (checking(*CAPTURE, "assert b.getvalue() == ''", head=HEAD), HI, "wrong"),
    (checking(*CAPTURE, "assert b.getvalue() == 'hi x\\n'", head=HEAD),
     "def f(s): print('hi x' * (1 << 20))\n", "wrong"),
    (checking(*CAPTURE, "assert b.getvalue() == 'hi x\\n'", head=HEAD),
     "import os\ndef f(s): os.write(1, b'hi x\\n')\n", "wrong"),
    (checking(*CAPTURE, "assert b.getvalue() == 'hi x\\n'", head=HEAD),
     YES + "import sys\nsys.stdout = Yes()\ndef f(s): return Yes()\n", "wrong"),
    (checking("with patch('builtins.print') as p:", "    candidate('x')",
              "p.assert_called_with('hi', 'x')", head="from unittest.mock import patch"), HI,
     "abstain"),
]  # fmt: skip

LIBRARY = [
    ("from datetime import datetime\nassert f('2020-01-02') == datetime(2020, 1, 2)",
     "import datetime\ndef f(s): return datetime.datetime.fromisoformat(s)\n", "correct"),
    ("import datetime\nassert f() == datetime.timedelta(days=2)",
     "import datetime\ndef f(): return datetime.date(2020, 1, 3) - datetime.date(2020, 1, 1)\n",
     "correct"),
    ("import datetime\nassert f().year == 2020 and f().isoformat() == '2020-01-01'",
     "import datetime\ndef f(): return datetime.date(2020, 1, 1)\n", "correct"),
    ("from array import array\nassert f([1, 2]) == array('i', [1, 2])",
     "from array import array\ndef f(a): return array('i', a)\n", "correct"),
    ("assert f('ab') and f('ab').group() == 'a' and not f('b')",
     "import re\ndef f(s): return re.match('a', s)\n", "correct"),
    ("assert [m.span() for m in f('abab')] == [(0, 1), (2, 3)]",
     "import re\ndef f(s): return re.finditer('a', s)\n", "correct"),
    ("assert f('xaa').groups() == ('a', 'a') and f('xaa').start() == 1",
     "import re\ndef f(s): return re.search('(a)(?P<b>a)', s)\n", "correct"),
    ("assert bool(f('abc')) is True", "import re\ndef f(s): return re.match('b', s)\n", "wrong"),
    ("import datetime\nassert f() == datetime.date(2020, 1, 1)",
     "import datetime\ndef f(): return datetime.datetime(2020, 1, 1)\n", "wrong"),
    ("import datetime\nassert f() == datetime.date(2020, 1, 1)",
     "import datetime\nclass D(datetime.date):\n    __eq__ = lambda a, b: True\n"
     "def f(): return D(1, 1, 1)\n", "wrong"),
    ("from array import array\nassert f() == array('i', [1])",
     "from array import array\nclass A(array):\n    __eq__ = lambda a, b: True\n"
     "def f(): return A('i', [2])\n", "wrong"),
    ("assert f('aaab').group() == 'b'",
     "import re\ndef f(s): return re.match('(a+)+$', 'a' * 60 + 'b') or 1\n", "wrong"),
    ("import uuid\nassert isinstance(f(), uuid.UUID)", "import uuid\nf = uuid.uuid4", "correct"),
    ("from pathlib import Path\nassert f('a').name == 'b' and f('a') == Path('a/b')",
     "from pathlib import Path\ndef f(a): return Path(a) / 'b'\n", "correct"),
    ("from pathlib import Path\nassert f('a') == Path('a/b')",
     "from pathlib import PosixPath\nclass P(PosixPath):\n    __eq__ = lambda a, b: True\n"
     "def f(a): return P(a)\n", "wrong"),
    ("from pathlib import Path\nassert f('a') == Path('a/b')", "def f(a): return 'a/b'\n", "wrong"),
    # An object of the program's own: tests that take parts of it can't be told.
    ("assert f(3).value == 3", "class P:\n    value = 3\ndef f(x): return P()\n", "abstain"),
    ("assert f(3).value == 3", "def f(x): return 3\n", "abstain"),
    ("p = f(3)\nassert p.x == 3", "def f(x): return x\n", "abstain"),
    ("assert f(3) == 3", "class P:\n    value = 3\ndef f(x): return P()\n", "wrong"),
    ("assert f(3).count(1) == 3", "class P:\n    count = 3\ndef f(x): return P()\n", "wrong"),
    ("assert f.cache_info() is not None and f(1) == 1", "f = lambda x: x", "abstain"),
    ("import inspect\nassert inspect.isgeneratorfunction(f) and f(1)", COUNT, "abstain"),
]  # fmt: skip


def raising(kind: str, *asserts: str) -> str:
    lines = "\n    ".join(asserts)
    caught = f"except {kind} as e:\n    ok = True\n    {lines}\n"
    return f"try:\n    f(-1)\n    ok = False\n{caught}assert ok"


EXCEPTIONS = [
    (raising("ValueError", "ok = str(e) == 'no'"), "def f(x): raise ValueError('no')\n", "correct"),
    (raising("ValueError", "ok = e.args == ('no', 3)"), "def f(x): raise ValueError('no', 3)\n",
     "correct"),
    (raising("KeyError", "ok = e.args[0] == 'k'"), "def f(x): return {}['k']\n", "correct"),
    (raising("Exception", "ok = type(e).__name__ == 'Bad' and str(e) == 'bad: 3'"),
     "class Bad(ValueError):\n    def __init__(self, n): self.n = n\n"
     "    def __str__(self): return f'bad: {self.n}'\ndef f(x): raise Bad(3)\n", "correct"),
    (raising("ValueError", "ok = e.n == 3"), "class Bad(ValueError):\n    def __init__(self, n):\n"
     "        super().__init__('bad')\n        self.n = n\ndef f(x): raise Bad(3)\n", "correct"),
    ("import json\n" + raising("json.JSONDecodeError", "ok = e.pos == 0"),
     "import json\ndef f(x): json.loads('x')\n", "correct"),
    ("import decimal\n" + raising("decimal.InvalidOperation"),
     "import decimal\ndef f(x): decimal.Decimal('x')\n", "correct"),
    (raising("UnicodeDecodeError", "ok = e.start == 0"), "def f(x): b'\\xff'.decode()\n",
     "correct"),
    (raising("FileNotFoundError", "ok = e.errno == 2"), "def f(x): open('none')\n", "correct"),
    (raising("ValueError", "ok = type(e) is ValueError"),
     "class ValueError(ValueError): pass\ndef f(x): raise ValueError\n", "wrong"),
    (raising("ValueError"), "class ValueError(Exception): pass\ndef f(x): raise ValueError\n",
     "wrong"),
    (raising("ValueError", "ok = str(e) == 'no'"), "def f(x): raise ValueError('yes')\n", "wrong"),
    (raising("ValueError", "ok = str(e) == 'no'"),
     YES + "class E(ValueError):\n    __str__ = lambda s: Yes()\ndef f(x): raise E\n", "wrong"),
    (raising("ValueError"), "class E(BaseException): pass\ndef f(x): raise E\n", "wrong"),
    (raising("ZeroDivisionError"), "class E(ValueError): pass\nE.__name__ = 'ZeroDivisionError'\n"
     "E.__module__ = 'builtins'\ndef f(x): return 1\n", "wrong"),
    (raising("f.Bad"), "def f(x): raise ValueError\n", "abstain"),
]  # fmt: skip


def posing(module: str, name: str) -> str:
    """Return a program that raises what says to be another exception."""
    return (
        "class M(str):\n    __eq__ = lambda a, b: False\n    __hash__ = str.__hash__\n"
        "class E(Exception): pass\n"
        f"E.__module__, E.__name__ = M({module!r}), {name!r}\ndef f(*a): raise E('no')\n"
    )


ENDINGS = [
    "assert all(map(lambda c: f(c[0]) == c[1], [(1, 2), (2, 4)]))",
    "assert [x for x in map(f, [1, 2]) if x != 2] == []",
    "assert not any(map(f, [1, 2]))",
    "for got in map(f, [1, 2]):\n    pass\nassert f",
    "async def items():\n    yield f(1)\nasync def run():\n    async for x in items():\n"
    "        assert x == 2\nimport asyncio\nasyncio.run(run())",
    "class I:\n    __aiter__ = lambda s: s\n    async def __anext__(s): return f(1)\n"
    "async def run():\n    return [x async for x in I() if x != 2]\n"
    "import asyncio\nassert asyncio.run(run()) == []",
]  # fmt: skip


@pytest.mark.parametrize("name", ["StopIteration", "StopAsyncIteration"])
@pytest.mark.parametrize("tests", ENDINGS)
def test_no_exception_of_a_program_ends_a_loop_of_the_tests(tests: str, name: str) -> None:
    for module in ("builtins", "itertools", "", "builtins.x"):
        assert judge(tests, posing(module, name)).status == "wrong"
    assert judge(tests, f"def f(*a): raise {name}\n").status == "wrong"
    assert judge(tests, f"class E({name}): pass\ndef f(*a): raise E\n").status == "wrong"


def test_an_exception_may_pose_as_one_that_ends_nothing() -> None:
    """A name is a claim like any other, and buys no more than raising the exception itself."""
    caught = "import json\n" + raising("json.JSONDecodeError")
    assert judge(caught, posing("json.decoder", "JSONDecodeErrors")).status == "wrong"
    skips = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
    skipping = {"entry_point": "f", "test": skips + "        self.assertEqual(f(1), 2)\n"}
    for module in ("unittest", "unittest.case", "unittest.suite", "unittest.result"):
        assert judge(skipping, posing(module, "SkipTest")).status == "wrong"


CASE = """
import unittest
class T(unittest.TestCase):
    def setUp(self):
        self.low = 2
    def test_square(self):
        self.assertEqual(f(self.low), 4)
    def test_raises(self):
        with self.assertRaises(ValueError) as caught:
            f(-1)
        self.assertEqual(str(caught.exception), 'no')
    def test_each(self):
        for x in range(3):
            with self.subTest(x=x):
                self.assertAlmostEqual(f(x), x * x)
"""
UNIT = {"entry_point": "f", "test": CASE}
MAIN = {"entry_point": "f", "test": CASE + "if __name__ == '__main__':\n    unittest.main()\n"}
RUNS = {"entry_point": "f", "test": CASE + "unittest.main()\n"}
GOOD = "def f(x):\n    if x < 0: raise ValueError('no')\n    return x * x\n"
PYTEST = {
    "entry_point": "f",
    "test": "import pytest\n\ndef test_raises():\n    with pytest.raises(ValueError, match='^n'):\n"
    "        f(-1)\n\n@pytest.mark.parametrize('x, y', [(2, 4), (3, 9)])\ndef test_square(x, y):\n"
    "    assert f(x) == pytest.approx(y)\n\nclass TestMore:\n    def test_one(self):\n"
    "        assert f(1) == 1\n",
}
SUITES = [
    (UNIT, GOOD, "correct"), (MAIN, GOOD, "correct"), (RUNS, GOOD, "correct"),
    (UNIT, "def f(x):\n    return x * x\n", "wrong"),
    (UNIT, "def f(x):\n    if x < 0: raise ValueError('yes')\n    return x * x\n", "wrong"),
    (UNIT, "def f(x):\n    if x < 0: raise ValueError('no')\n    return x * x + (x == 1)\n",
     "wrong"),
    (UNIT, "import unittest\ndef f(x): raise unittest.SkipTest('no')\n", "wrong"),
    (UNIT, "import unittest\nunittest.TestCase.assertEqual = lambda *a: None\ndef f(x): return 1\n",
     "wrong"),
    (UNIT, YES + "def f(x): return Yes()\n", "wrong"),
    (UNIT, "import os\ndef f(x): os._exit(0)\n", "wrong"),
    (PYTEST, GOOD, "correct"),
    (PYTEST, "def f(x):\n    if x < 0: raise ValueError('o')\n    return x * x\n", "wrong"),
    (PYTEST, "def f(x):\n    if x < 0: raise ValueError('no')\n    return x * x if x > 1 else 0\n",
     "wrong"),
    (PYTEST, "import pytest\ndef f(x): pytest.skip('no')\n", "wrong"),
    (checking("with pytest.raises((KeyError, ValueError)):", "    candidate(-1)",
              head="import pytest"), GOOD, "correct"),
    (checking("with pytest.raises(ValueError):", "    assert candidate(-1)",
              head="import pytest"), GOOD, "correct"),
    (checking("with pytest.raises(ValueError):", "    assert candidate(-1)",
              head="import pytest"), "def f(x): return 0\n", "wrong"),
    (checking("assert candidate(2) == pytest.approx(4.0)", head="import pytest"),
     "def f(x): return 4.0000001\n", "correct"),
    (checking("assert candidate(2) == pytest.approx(4.0)", head="import pytest"),
     "def f(x): return 4.001\n", "wrong"),
    # What a test runner would have to bring, or what never judges.
    ({"entry_point": "f", "test": "def test_a(capsys):\n    assert f(1) == 1\n"}, GOOD, "abstain"),
    ({"entry_point": "f", "test": "import pytest\n@pytest.fixture\ndef x(): return 1\n"
      "def test_a(x):\n    assert f(x) == 1\n"}, GOOD, "abstain"),
    ({"entry_point": "f", "test": "import unittest\nclass T(unittest.TestCase):\n"
      "    def test_a(self):\n        f(1)\n"}, GOOD, "abstain"),
    ({"entry_point": "f", "test": "import unittest\nclass T(unittest.TestCase):\n"
      "    def test_a(self):\n        self.assertEqual(nothing, f(1))\n"}, GOOD, "abstain"),
]  # fmt: skip

PROMPT = {
    "entry_point": "f",
    "prompt": "class Bad(Exception): pass\n\ndef f(x):\n    'No.'\n",
    "test": "def check(candidate):\n    try:\n        candidate(1)\n    except Bad:\n"
    "        return\n    assert False\n",
}
NUMPY = {**PROMPT, "prompt": "import numpy as np\n\ndef f(x):\n    'One.'\n"}
REFUSED: list[dict[str, Any]] = [
    PROMPT,
    {**PROMPT, "prompt": "from enum import Enum\nclass Bad(Enum):\n    A = 1\n\ndef f(x):\n",
     "test": "def check(candidate):\n    assert candidate(1) == Bad.A\n"},
    {**NUMPY, "test": "def check(candidate):\n    assert candidate(1) == 1\n"},
    {**NUMPY, "test": None, "tests": [{"args": [1], "expected": 1}]},
]  # fmt: skip


@pytest.mark.parametrize("reference", REFUSED)
def test_what_a_prompt_brings_and_tests_need_decides_nothing(reference: dict[str, Any]) -> None:
    for body in ("    raise Bad\n", "    return np.square(1)\n", "    return 1\n", "import x\n"):
        assert judge(reference, body).status == "abstain"


WORLD = [
    "import tempfile\nassert f(tempfile.mkdtemp()) == 1",
    "with open('x', 'w') as file:\n    file.write('1')\nassert f('x') == 1",
    "import os\nos.environ['A'] = '1'\nassert f('A') == 1",
    "import sys, io\nsys.stdin = io.StringIO('1')\nassert f() == 1",
    "import random\nrandom.seed(0)\nassert f() == 1",
    "from unittest.mock import patch\nwith patch('builtins.input', return_value='1'):\n"
    "    assert f() == 1",
    "import numpy as np\nassert np.allclose(f(), 1)",
    "from scipy import stats\nassert f() == 1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("tests", "program", "status"),
    [*ITERATORS, *FUNCTIONS, *ARGUMENTS, *PRINTS, *LIBRARY, *EXCEPTIONS, *SUITES],
)
def test_what_is_told(tests: str | dict[str, Any], program: str, status: str) -> None:
    verdict = judge(tests, program)
    assert verdict.status == status, verdict


HANDED = [
    "h = f(2)\nassert h == 4 or h(len) == 3",
    "h = f(2)\nassert h == 4 or h(lambda x: x + 1) == 3",
    "def g(x): return x\nh = f(2)\nassert h == 4 or h(key=g) == 3",
    "g = lambda x: x\nassert f(2) == 4 or f(2)([g]) == 3",
    "class P: pass\nassert f(2) == 4 or f(2)({'a': P}) == 3",
    "@f(3)\ndef g(): return 3\nassert g() == 3",
    "@f\ndef g(): return 3\nassert g() == 3",
    "if f(2) == 4:\n    assert f(len) == 3",
    checking("assert candidate(2)(lambda x: x + 1) == 3"),
    # What stays with the program.
    "import warnings\nwith warnings.catch_warnings(record=True) as w:\n    f(1)\n"
    "assert len(w) == 1",
    "from warnings import catch_warnings\nwith catch_warnings(record=True) as w:\n    f(1)\n"
    "assert w",
    {"entry_point": "f", "test": "import unittest\nclass T(unittest.TestCase):\n"
     "    def test_a(self):\n        with self.assertWarns(UserWarning):\n            f(1)\n"},
    {"entry_point": "f", "test": "import unittest\nclass T(unittest.TestCase):\n"
     "    def test_a(self):\n        with self.assertLogs() as said:\n            f(1)\n"},
    {"entry_point": "f", "test": "import pytest\ndef test_a():\n"
     "    with pytest.warns(UserWarning):\n        f(1)\n"},
    "with f(3) as x:\n    assert x == 3",
    "c = f(3)\nwith c:\n    assert f(1) == 3",
    "import asyncio\nasync def run():\n    return [x async for x in f()]\n"
    "assert asyncio.run(run()) == [1]",
    "import asyncio\nasync def run():\n    async for x in f():\n        assert x == 1\n"
    "asyncio.run(run())",
    # What never leaves it as it is.
    raising("SystemExit"),
    raising("(ValueError, SystemExit)"),
    raising("StopIteration"),
    raising("ValueError", "ok = str(e.__cause__) == 'no'"),
    raising("ExceptionGroup"),
    "ok = False\ntry:\n    f(1)\nexcept* ValueError:\n    ok = True\nassert ok",
    {"entry_point": "f", "test": "import pytest\ndef test_a():\n"
     "    with pytest.raises(SystemExit):\n        f(1)\n"},
    {"entry_point": "f", "test": "import unittest\nclass T(unittest.TestCase):\n"
     "    def test_a(self):\n        self.assertRaises(SystemExit, f, 1)\n"},
]  # fmt: skip
HANDED_TO = [
    "def f(*a, **k): return lambda *a, **k: 3\n", "def f(*a): return 4\n", "f = print\n",
    "def f(*a): raise ValueError\n", "import sys\ndef f(*a): sys.exit(1)\n",
]  # fmt: skip
KEPT = [
    ("import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n"
     "    assert f(1) == 1", "correct"),
    ("assert f(sorted([1], key=lambda x: x)) == [1]", "correct"),
    ("assert list(map(lambda x: f(x), [1])) == [1]", "correct"),
    ("sum = 3\nassert f(sum) == 3", "correct"),
    ("def same(max): assert f(max) == 3\nsame(3)", "correct"),
    ("g = iter(f([1]))\nnext(g)\nok = False\ntry:\n    next(g)\n    f(1)\nexcept StopIteration:\n"
     "    ok = True\nassert ok", "correct"),
    ("import unittest\ntry:\n    unittest.main()\nexcept SystemExit:\n    pass\n"
     "assert f(1) == 1", "correct"),
    (raising("ValueError"), "wrong"),
    ("sum = 3\nassert f(sum) == 4", "wrong"),
]  # fmt: skip


@pytest.mark.parametrize("tests", HANDED)
@pytest.mark.parametrize("program", HANDED_TO)
def test_no_program_chooses_whether_tests_can_be_told(tests: Any, program: str) -> None:
    assert judge(tests, program).status == "abstain"


@pytest.mark.parametrize(("tests", "status"), KEPT)
def test_what_looks_alike_is_decided(tests: str, status: str) -> None:
    assert judge(tests, "def f(x): return x\n").status == status


@pytest.mark.parametrize("tests", WORLD)
def test_a_world_of_the_tests_own_decides_nothing(tests: str) -> None:
    for program in ("def f(*a): return 1\n", "def f(*a): return 2\n", "import numpy\n" + COUNT):
        assert judge(tests, program).status == "abstain"


def test_tests_that_make_inputs_at_random_or_join_paths_are_decided() -> None:
    seeded = "import random\nrandom.seed(1)\nxs = [random.random() for _ in range(9)]\n"
    assert judge(seeded + "assert f(xs) == sorted(xs)", "f = sorted").status == "correct"
    paths = "import os\nassert f('a') == os.path.join('a', 'b')"
    assert judge(paths, "def f(a): return a + '/b'").status == "correct"


def test_each_method_of_a_case_is_a_test() -> None:
    verdict = judge(UNIT, "def f(x):\n    return x * x\n")
    assert verdict.passed == (True, False, True), verdict


def test_packages_are_there_when_asked_for_and_not_otherwise() -> None:
    square = "import numpy as np\ndef f(x):\n    return np.square(x)\n"
    plain = {"entry_point": "f", "tests": [{"args": [3], "expected": 9}]}
    assert judge(plain, square).status == "wrong"
    assert judge(plain, square, packages=["numpy"]).status == "correct"
    close = "import numpy as np\nassert np.allclose(f(np.array([1, 2])), [1, 4])"
    refused = judge(close, square)
    assert refused.status == "abstain" and "packages: [numpy]" in refused.reason
    assert judge(close, square, packages=["numpy"]).status == "correct"
    lying = "import numpy as np\nclass L(np.ndarray):\n    __eq__ = lambda a, b: True\n"
    lying += "def f(x): return np.zeros(2).view(L)\n"
    assert judge(close, lying, packages=["numpy"]).status == "wrong"
    kept = "import numpy as np\na = np.array([2, 1])\nf(a)\nassert a.tolist() == [2, 1]"
    assert judge(kept, "def f(a): a.sort()", packages=["numpy"]).status == "wrong"
    assert judge(kept, "def f(a): return a * 2", packages=["numpy"]).status == "correct"
    writing = "import numpy\ndef f(x):\n    open(numpy.__file__, 'a').write('x')\n    return 9\n"
    assert judge(plain, writing, packages=["numpy"]).status == "wrong"
    with pytest.raises(InputError, match="nothing-of-this-name is not installed"):
        code.refuse("", {"packages": ["nothing-of-this-name"]})


NUMPY_TOLD = [
    ("assert f() == 2", "f = lambda: np.int64(2)", "correct"),
    ("assert f() == [1.5, 2]", "f = lambda: [np.float32(1.5), np.float16(2)]", "correct"),
    ("assert f().tolist() == [[1, 2], [3, 4]]", "f = lambda: np.array([[1, 2], [3, 4]])",
     "correct"),
    ("assert f().dtype == int", "f = lambda: np.array([1])", "correct"),
    ("assert np.allclose(f(np.array([1, 2], dtype=np.float32)), [2, 4])", "f = lambda x: 2 * x",
     "correct"),
    ("assert np.allclose(f(np.array(f(a))), a)", "f = lambda x: np.array(x) * -1", "correct"),
    # A number of few digits rounds what it is compared with.
    ("assert f() == 100000.0", "f = lambda: np.float16('inf')", "wrong"),
    ("assert f() == [100000.0]", "f = lambda: [np.float16('inf')]", "wrong"),
    ("assert (f() == 100000.0).all()", "f = lambda: np.array(['inf'], np.float16)", "wrong"),
    ("assert f() == 1.4142135623730951", "f = lambda: np.float16(1.4138)", "wrong"),
    ("assert f() == (1.4142135623730951,)", "f = lambda: (np.float32(1.4142135),)", "wrong"),
    ("assert {'a': 0.1 + 0j} == f()", "f = lambda: {'a': np.complex64(0.1)}", "wrong"),
    # One item of a matrix is not the matrix, and an object is no number.
    ("assert f() == 4", "f = lambda: np.matrix([[4, 9]])", "wrong"),
    ("assert f() == 4", "f = lambda: np.ma.masked_array([4, 9])", "wrong"),
    ("assert np.allclose(f(np.array(f(a))), a)", "f = lambda x: [None]", "wrong"),
    ("assert np.allclose(f(np.array(f(a))), a)", "f = lambda x: [[1], {}]", "wrong"),
    ("assert np.allclose(f(np.asarray(f(a))), a)", "f = lambda x: {1, 2}", "wrong"),
    ("assert f(f(1)) == 1", "f = lambda x: np.datetime64('2020-01-01')", "wrong"),
    # Types that don't travel.
    ("assert f(np.array([1, 'a'], dtype=object)) == 1", "f = lambda x: x[0]", "abstain"),
    ("assert f(a.astype('O')) == 1", "f = lambda x: x[0]", "abstain"),
    ("assert f() == np.datetime64('2020-01-01')", "f = lambda: np.datetime64('2020-01-01')",
     "abstain"),
    ("assert f(np.array(['2020'], dtype='datetime64[D]')) == 1", "f = len", "abstain"),
    ("assert f().dtype == np.float16", "f = lambda: np.array([1], np.float16)", "abstain"),
    ("assert isinstance(f(), np.float32)", "f = lambda: np.float32(1)", "abstain"),
]  # fmt: skip


@pytest.mark.parametrize(("tests", "program", "status"), NUMPY_TOLD)
def test_what_is_told_of_numpy(tests: str, program: str, status: str) -> None:
    tests = f"import numpy as np\na = np.array([1, 2])\n{tests}"
    verdict = judge(tests, f"import numpy as np\n{program}\n", packages=["numpy"])
    assert verdict.status == status, verdict


@pytest.mark.parametrize("kind", ["<M8[s]", "<m8[s]", "|O", "|V8", "<f8,<f8", "no", 8])
def test_a_forged_type_of_numpy_gains_nothing(kind: Any) -> None:
    forged = {"numpy": [kind, None, "00" * 8]}
    program = f"{PIPE}\ndef f(xs):\n    forge(value={forged!r})\n    return 0\n"
    tests = "import numpy\nassert f(f([1, 2])) == [1, 2]"
    assert judge(tests, program, packages=["numpy"]).status == "wrong"


# The program's own end of the pipe, in the midst of a call.
PIPE = """
import json, struct, sys
def forge(**answer):
    frame = sys._getframe()
    while "request" not in frame.f_locals or "channel" not in frame.f_locals: frame = frame.f_back
    data = json.dumps({"id": frame.f_locals["request"]["id"], **answer}).encode()
    frame.f_locals["channel"].sock.sendall(struct.pack("<I", len(data)) + data)
"""


@pytest.mark.parametrize(
    "answer",
    [
        {"value": {"iterator": [0, "generator"]}}, {"value": {"iterator": [[], "map"]}},
        {"value": {"iterator": [-1, 3]}}, {"value": {"function": "f"}}, {"value": {"function": 99}},
        {"value": {"argument": 0}}, {"value": {"argument": 7}}, {"value": {"argument": "x"}},
        {"value": {"coroutine": None}}, {"value": {"kept": 0}}, {"value": {"nothing": 1}},
        {"value": {}}, {"value": {"set": [[]]}}, {"value": {"array": ["Z", [1]]}},
        {"value": {"Match": ["a", 0, "b", 0, 1, {"tuple": []}]}}, {"value": {"date": "never"}},
        {"value": {"numpy": ["O", [1], "00"]}}, {"value": 1, "after": [[0, [7]]]},
        {"value": 1, "after": [[5, []]]}, {"value": 1, "after": 3},
        {"value": 1, "after": [[0, [[]]]]},
        {"value": 1, "printed": [3, 4]}, {"value": 1, "printed": 5},
        {"raised": "no", "kinds": ["unittest.case.SkipTest", "Exception"]},
        {"raised": "no", "kinds": ["rlvr.sandbox.checker.BrokenTests", "Exception"]},
        {"raised": "no", "kinds": ["SystemExit"]}, {"raised": "no", "kinds": []},
        {"raised": "no", "kinds": ["E", "Exception"], "args": {"tuple": [{"function": 0}]}},
        {"raised": "no", "kinds": ["E", "Exception"], "fields": {"__class__": 1, "args": 3}},
        {"raised": "no", "kinds": ["ImportError", "Exception"], "args": {"tuple": ["numpy"]}},
    ],
)  # fmt: skip
@pytest.mark.parametrize("suite", [False, True])
def test_a_forged_answer_gains_nothing(answer: dict[str, Any], suite: bool) -> None:
    program = f"{PIPE}\ndef f(xs):\n    forge(**{answer!r})\n    return 0\n"
    tests: str | dict[str, Any] = "xs = [2, 1]\nassert f(xs) == [1, 2]\nassert xs == [2, 1]"
    if suite:
        lines = ["xs = [2, 1]", "self.assertEqual(f(xs), [1, 2])", "self.assertEqual(xs, [2, 1])"]
        head = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        "
        tests = {"entry_point": "f", "test": head + "\n        ".join(lines) + "\n"}
    assert judge(tests, program).status == "wrong"


@pytest.mark.parametrize(
    "value",
    [
        date(2020, 1, 2), time(1, 2, 3, 4), datetime(2020, 1, 2, 3, tzinfo=UTC),
        timedelta(-1, 5, 7), timezone(timedelta(hours=2)), array("d", [1.5]), array("u", "é"),
        bytearray(b"\0a"),
    ],
)  # fmt: skip
def test_the_library_s_data_travels_whole(value: Any) -> None:
    back = unpack(pack(value))
    assert back == value and type(back) is type(value)


def test_a_match_is_matched_again() -> None:
    for found in (re.match("(a)|b", "ab"), *re.finditer(r"(?<=a)(b)?", "abab", re.I)):
        assert found
        again = unpack(pack(found))
        assert again.regs == found.regs and again.re == found.re and again.string == found.string
