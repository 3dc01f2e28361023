"""What honest programs do at their edges, and tests that need more than data."""

from __future__ import annotations

from typing import Any

import pytest
from rlvr.verifiers import code

from rlvr.data import Problem

FLAG = "from enum import IntEnum\nclass Flag(IntEnum):\n    ON = 1\ndef f():\n    return Flag.ON\n"
LIAR = (
    "class Liar(int):\n    __eq__ = lambda a, b: True\n    __hash__ = None\n"
    "def f():\n    return Liar(2)\n"
)
CELL = (
    "Please complete it.\n\n```python\nfrom math import sqrt\n\ndef f(x):\n    '''Root.'''\n```\n"
)
DECORATED = "from functools import lru_cache\n\n@lru_cache(maxsize=None)\ndef f(n):\n    '''n.'''\n"
CHECK = "def check(candidate):\n    assert candidate(4) == {}\n"
METHOD = {"input_output": {"fn_name": "f", "inputs": [[1]], "outputs": [2]}}
EVAL = (
    "def check(given, output, expected):\n    shown = output.strip()\n    return eval(shown) == 3\n"
)
INT = "def check(given, output, expected):\n    return int(output) == eval(expected)\n"


def printed(text: str, **more: Any) -> dict[str, Any]:
    return {"tests": [{"input": "1 2\n", "output": text}], **more}


RIGHT = {
    "a file on descriptor 1": (printed("3\n"), "out = open(1, 'w')\nout.write('3\\n')\n"),
    "a destructor": (
        printed("3\n"),
        "import os\n"
        "class Last:\n    def __del__(self):\n        os.write(1, b'3\\n')\nx = Last()\n",
    ),
    "another stdout": (
        printed("3\n"),
        "import os, sys\n"
        "class Out:\n    def write(self, text):\n        os.write(1, text.encode())\n"
        "    def flush(self):\n        pass\nsys.stdout = Out()\nprint(3)\n",
    ),
    "a path of stdin": (
        printed("1 2\n"),
        "from pathlib import Path\nprint(Path('/dev/stdin').read_text().strip())\n",
    ),
    "a descriptor of stdin": (
        printed("1 2\n"),
        "import os\nprint(os.read(os.open('/dev/stdin', os.O_RDONLY), 99).decode().strip())\n",
    ),
    "a larger stack": (
        printed("3\n"),
        "import resource, threading\n"
        "resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY,) * 2)\n"
        "threading.stack_size(1 << 30)\n"
        "t = threading.Thread(target=lambda: print(3))\nt.start()\nt.join()\n",
    ),
    "an enumeration": ({"test_list": ["assert f() == 1", "assert [f()] == [1]"]}, FLAG),
    "a callable object": (
        {"test_list": ["assert f()({'a': 3}) == 3"]},
        "from operator import itemgetter\ndef f():\n    return itemgetter('a')\n",
    ),
    "a large result": (
        {"test_list": ["assert len(f()) == 300000"]},
        "def f():\n    return list(range(300000))\n",
    ),
    "a deep result": (
        {"test_list": ["x = f()\nn = 0\nwhile x:\n    x = x[1]\n    n += 1\nassert n == 100"]},
        "def f():\n    x = None\n    for i in range(100):\n        x = [i, x]\n    return x\n",
    ),
    "groups, one after the other": (
        {
            "test_list": [
                "assert [(k, len(list(g))) for k, g in f()] == [(i, 2) for i in range(40)]"
            ]
        },
        "from itertools import groupby\ndef f():\n    return groupby(x // 2 for x in range(80))\n",
    ),
    "many calls": (
        {"test_list": ["for i in range(2000):\n    assert f(i) == i + 1"]},
        "def f(x):\n    return x + 1\n",
    ),
    "a stub in a fence": (
        {"prompt": CELL, "test": CHECK.format(2), "entry_point": "f"},
        "    return sqrt(x)\n",
    ),
    "a decorated stub": (
        {"prompt": DECORATED, "test": CHECK.format(4), "entry_point": "f"},
        "    return n\n",
    ),
    "a helper called Solution": (
        METHOD,
        "class Solution:\n    pass\ndef f(x):\n    return x + 1\n",
    ),
    "the word in a docstring": (
        METHOD,
        "'''\nclass Solution\n'''\ndef f(x):\n    return x + 1\n",
    ),
    "tests that load JSON": (
        {"test_list": ["import json\nassert json.loads(f()) == [1]"]},
        "def f():\n    return '[1]'\n",
    ),
    "tests with a variable `patch`": (
        {"test_list": ["patch = {'a': 1}\nassert f(patch.get('a')) == 1"]},
        "def f(x):\n    return x\n",
    ),
    "a checker that reads a number": (printed("3\n", checker=INT), "print(3)\n"),
}
RIGHT |= {
    "a bounded deque": (
        {"test_list": ["d = f()\nd.append(3)\nassert list(d) == [2, 3]"]},
        "from collections import deque\ndef f():\n    return deque([1, 2], maxlen=2)\n",
    ),
    "a bounded deque of the tests": (
        {"test_list": ["from collections import deque\nassert f(deque([1], maxlen=2)) == 2"]},
        "def f(d):\n    return d.maxlen\n",
    ),
    "a dictionary with a default": (
        {"test_list": ["d = f()\nassert d['z'] == 0 and d['a'] == 1"]},
        "from collections import defaultdict\ndef f():\n    return defaultdict(int, a=1)\n",
    ),
    "a dictionary with a default, as JSON": (
        {"entry_point": "f", "tests": [{"args": [], "expected": {"a": 1}}]},
        "from collections import defaultdict\ndef f():\n    return defaultdict(int, a=1)\n",
    ),
}
UNDECIDED = {
    "a checker that runs the output": printed("3\n", checker=EVAL),
    "a change of a part": {"test_list": ["g = f()\ng[0][0] = 1\nassert g == [[1], [0]]"]},
    "a change of a part by name": {"test_list": ["d = f()\nd['a'].append(1)\nassert d['b'] == []"]},
    "one object or two": {"test_list": ["g = f()\nassert g[0] is not g[1]"]},
}


def status(reference: Any, program: str) -> str:
    verdict = code.verify(Problem("p", "t", "eval", "", "", reference), program, timeout=10.0)
    return f"{verdict.status} {verdict.reason}".strip()


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_program_passes(name: str) -> None:
    assert status(*RIGHT[name]) == "correct"


def test_a_subclass_is_what_it_holds_whatever_its_methods_say() -> None:
    assert status({"test_list": ["assert f() == 1"]}, LIAR).startswith("wrong")
    assert status({"entry_point": "f", "tests": [{"args": [], "expected": 1}]}, LIAR)[:5] == "wrong"


@pytest.mark.parametrize("name", UNDECIDED)
@pytest.mark.parametrize("program", ["def f():\n    return [[0]] * 2\n", "print(3)\n"])
def test_tests_that_need_more_than_data_decide_nothing(name: str, program: str) -> None:
    assert status(UNDECIDED[name], program).startswith("abstain reference: ")
