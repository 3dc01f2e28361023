"""Which program a completion holds: cells, marks, helpers, demonstrations."""

from __future__ import annotations

import io
import re
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rlvr.programs import cells, fences
from rlvr.programs.fences import TooLarge, program

GOOD = "def f(x):\n    return x * x\n"
BAD = "def f(x):\n    return x + x\n"
PROMPT = 'import math\n\ndef f(x: float) -> float:\n    """The square."""\n'
BODY = "    return x * x\n"


def fence(code: str, language: str = "python") -> str:
    return f"```{language}\n{code}```\n"


def no_input(*_: object) -> str:
    raise EOFError


def squares(completion: str, prompt: str = "", name: str = "f") -> bool:
    """Whether the program in this file's own completion squares numbers, run here as it stands."""
    preamble = prompt.partition("def ")[0]
    space: dict[str, Any] = {"__name__": "candidate", "input": no_input}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pytest", None)  # as where programs run
        try:
            source = program(completion, [name], preamble, prompt)
            exec(compile(source, "candidate.py", "exec", dont_inherit=True), space)
            return [space[name](x) for x in (2, -7)] == [4, 49]
        except (Exception, SystemExit):
            return False


RIGHT = {
    # Which fence.
    "a warning after": fence(GOOD) + "Do not write:\n" + fence("# WRONG\n" + BAD),
    "another warning": fence(GOOD) + "A mistake:\n" + fence("# Incorrect version:\n" + BAD),
    "all are warned of": fence("# WRONG\n" + GOOD),
    "a comment is no warning": fence(BAD) + fence("# Wrong inputs raise\n" + GOOD),
    "the last of two": "Draft:\n" + fence(BAD) + "Better:\n" + fence(GOOD),
    "a helper before": fence("def g(x):\n    return x * x\n") + fence("def f(x): return g(x)\n"),
    "a constant before": fence("POWER = 2\n") + "and\n" + fence("def f(x): return x ** POWER\n"),
    "a constant and a helper": fence("ONE = 1\ndef g(x):\n    return x * x * ONE\n")
    + "then\n"
    + fence("def f(x): return g(x) * ONE\n"),
    "a chain of helpers": fence("def h(x): return x\n") + fence("def g(x): return h(x) * x\n")
    + fence("def f(x): return g(x)\n"),
    "an import before": fence("import operator as op\n") + fence("def f(x): return op.mul(x, x)\n"),
    "a star import before": fence("from operator import *\n")
    + fence("def f(x): return mul(x, x)\n"),
    "a helper after": fence("def f(x): return g(x)\n") + "where\n"
    + fence("def g(x):\n    return x * x\n"),
    "a constant after": fence("def f(x): return x ** P\n") + fence("P = 2\n"),
    "a helper that is shown at work": fence("def g(x):\n    return x * x\nprint(g(3))\n")
    + fence("def f(x): return g(x)\n"),
    "a helper's example of what comes": fence("def g(x): return x * x\nprint(f(3))\n")
    + fence("def f(x): return g(x)\n"),
    "a helper that asks": fence("def g(x): return x * x\nn = int(input())\nprint(g(n))\n")
    + fence("def f(x): return g(x)\n"),
    "a table that is filled": fence("T = {}\nfor i in range(-9, 9):\n    T[i] = i * i\n")
    + fence("def f(x): return T[x]\n"),
    "an example before": fence("print(f(2))\nresult = f(3)\n") + fence(GOOD),
    "an example after": fence(GOOD) + "Use it:\n" + fence("print(f(2))\n"),
    "an example that hides a built-in": fence("abs = 3\nprint(f(abs))\n")
    + fence("def f(x): return abs(x) ** 2\n"),
    "a draft's helper": fence("def g(x): return x * x\n" + BAD) + fence("def f(x): return g(x)\n"),
    "the nearest helper": fence("def g(x): return x\n") + fence("def g(x): return x * x\n")
    + fence("def f(x): return g(x)\n"),
    "Ruby after": fence(GOOD) + "In Ruby:\n" + fence("def f(x)\n  x + x\nend\n", "ruby"),
    "Scala that Python could read": fence(GOOD)
    + fence("def f(x: Int): Int = x + x\n", "scala"),
    "JavaScript before": fence("const f = x => x + x\n", "js") + fence(GOOD),
    "output after": fence(GOOD) + "Output:\n" + fence("f = 49\n", ""),
    "output in its own language": fence(GOOD) + fence("f = g\n", "output"),
    "a signature in words after": fence(GOOD) + fence("f(x: int) -> int\n", ""),
    "a fence that is no Python after": fence(GOOD) + fence("def f(x) -> x * x\n", ""),
    "broken Python after": fence(GOOD) + fence("def f(x):\n    return x +\n"),
    "tests after": fence(GOOD) + fence("from solution import f\nassert f(2) == 5\n"),
    "py": fence(GOOD, "py"),
    "Python 3": fence(GOOD, "Python3"),
    "python in braces": fence(GOOD, "{python}"),
    "a language and a title": fence(GOOD, 'python title="f.py"'),
    "a file's name": fence(GOOD, "solution.py"),
    "a blank before the language": fence(GOOD, " python"),
    "text": fence(GOOD, "text"),
    "tildes": f"So:\n~~~python\n{GOOD}~~~\nDone.",
    "a fence in markdown": "```markdown\n# How\n" + fence(GOOD) + "```\n",
    "a longer fence around": "````\n" + fence(GOOD) + "````\n",
    "on a line of prose": f"It's so: ```python\n{GOOD}```\nDone.",
    "closed on a line of code": "```python\ndef f(x):\n    return x * x```\nDone.",
    "closed deep inside": "```python\ndef f(x):\n    return x * x\n    ```\nDone.",
    "not closed": f"```python\n{GOOD}",
    "prose on the closing line": f"```python\n{GOOD}``` This squares it.\n",
    "in a list": "1. So:\n   ```python\n   def f(x):\n       return x * x\n   ```\n2. Done.",
    "in a quotation": "> ```python\n> def f(x):\n>\n>     return x * x\n> ```\n",
    "in one line": "```def f(x): return x * x```",
    "a stub after": fence(GOOD) + "Its type:\n" + fence("def f(x: int) -> int: ...\n"),
    "a stub that says what it does": fence(GOOD) + fence('def f(x):\n    """Squares."""\n'),
    "the language on a line of its own": f"```\npython\n{GOOD}```\n",
    "a session after": fence(GOOD) + fence(">>> f(2)\n4\n"),
    "a command after": fence(GOOD) + fence("$ python f.py\n4\n", ""),
    "JSON after": fence(GOOD) + fence('{"f": 4}\n', "json"),
    "Mojo after": fence(GOOD) + fence("def f(x: Int) -> Int:\n    return x\n", "mojo"),
    "an example that is cut off": fence(GOOD) + "Example:\n```python\nprint(f(2",
    "another way that is cut off": fence(GOOD) + "Or:\n```python\ndef f(x):\n    return x *",
    "several constants at once": fence("A, B = 1, 2\n") + fence("def f(x): return A * x ** B\n"),
    "a constant under if": fence("if True:\n    P = 2\nelse:\n    P = 3\n")
    + fence("def f(x): return x ** P\n"),
    "a type's name": fence("from typing import List\nV = List[int]\n")
    + fence("def f(x: V): return x * x\n"),
    "a cache after": fence("def f(x): return seen.setdefault(x, x * x)\n") + fence("seen = {}\n"),
    "a box": f"\\boxed{{\n{fence(GOOD)}}}",
    "a heading's line": f"## Solution ```python\n{GOOD}```",
    # What defines the function.
    "under if": fence("if True:\n    def f(x): return x * x\n") + fence("f(2)\n"),
    "under try": fence("try:\n    import numba\nexcept ImportError:\n    def f(x): return x * x\n")
    + fence("print(f(2))\n"),
    "a lambda": fence(BAD) + fence("f = lambda x: x * x\n"),
    "another function's name": fence("def g(x): return x * x\n") + fence("f = g\n"),
    "a method": fence("class Solution:\n    def f(self, x): return x * x\n")
    + fence("f = Solution().f\n"),
    "a wrapper": fence("class Solution:\n    def f(self, x): return x * x\n")
    + fence("def f(x): return Solution().f(x)\n"),
    "a decorated one": fence("from functools import cache\n") + fence("@cache\n" + GOOD),
    # Who opened the fence.
    "the prompt's fence closed": GOOD + "```",
    "the prompt's fence, and prose": GOOD + "```\n\nThis squares.",
    "the prompt's fence, and an example": GOOD + "```\nUse:\n" + fence("print(f(2))\n"),
    "the prompt's fence, and a heading": "# squares\n" + GOOD + "```\n### Cost\nO(1)",
    "the prompt's fence after an import": "import math\n\n" + GOOD + "```\nDone.",
    "the prompt's fence, and the language": "python\n" + GOOD + "```\n",
    "the prompt's fence, a draft in it": BAD + "```\nNo:\n" + fence(GOOD),
    "the prompt's fence, an untagged example": GOOD + "```\nUse:\n```\nprint(f(2))\n```\n",
    "the prompt's helper fence": "def g(x): return x * x\n```\nand\n"
    + fence("def f(x): return g(x)\n"),
    "the prompt's tildes": GOOD + "~~~\nDone.",
    # Tags and end marks.
    "answer": f"<answer>\n{GOOD}</answer>",
    "answer, open": f"<answer>\n{GOOD}",
    "answer in one line": "<answer>def f(x): return x * x</answer>",
    "answer closed on a line of code": "<answer>\ndef f(x):\n    return x * x</answer>",
    "answer around a fence": f"<answer>\n{fence(GOOD)}</answer>",
    "answer around an untagged fence": f"So:\n<answer>\n{fence(GOOD, '')}</answer>\n",
    "answer after a draft": fence(BAD) + f"<answer>\n{GOOD}</answer>",
    "code": f"Here:\n<code>\n{GOOD}</code>",
    "a tag that says more": f'<code lang="python">\n{GOOD}</code>',
    "PYTHON": f"[PYTHON]\n{GOOD}[/PYTHON]\nDone.",
    "BEGIN and DONE": f"[BEGIN]\n{GOOD}[DONE]\n",
    "DONE and more": f"{GOOD}[DONE]\n\nYou are an expert. Write f.\n[BEGIN]\n{BAD}[DONE]",
    "Gemma's end": GOOD + "<end_of_turn>",
    "Gemma's end on the line": GOOD.rstrip() + "<end_of_turn>\n",
    "Gemma's end and more": GOOD + "<end_of_turn>\nmore",
    "GPT's end": GOOD + "<|endoftext|>",
    "GPT's end and more": f"{GOOD}<|endoftext|>import os\n{BAD}",
    "Qwen's end after a fence": fence(GOOD) + "<|im_end|>",
    "Qwen's end and a draft": f"{fence(GOOD)}<|im_end|>\n{fence(BAD)}",
    "Llama's end": GOOD + "</s>",
    "DeepSeek's end": GOOD + "<｜end▁of▁sentence｜>",
    "Llama 3's": f"<|start_header_id|>assistant<|end_header_id|>\n\n{fence(GOOD)}<|eot_id|>",
    # Thoughts.
    "a thought": f"<think>\n{fence(BAD)}</think>\n{fence(GOOD)}",
    "a thought in brackets": f"[THINK]\n{fence(BAD)}[/THINK]\n{GOOD}",
    "a thought before bare code": f"<thinking>\n{BAD}</thinking>\n{GOOD}",
    "a solution's marks": f"<|begin_of_thought|>\n{fence(BAD)}<|end_of_thought|>\n"
    f"<|begin_of_solution|>\n{fence(GOOD)}<|end_of_solution|>",
    "channels": f"<|channel|>analysis<|message|>{fence(BAD)}<|end|><|start|>assistant"
    f"<|channel|>final<|message|>{fence(GOOD)}<|return|>",
    # Marks in strings and comments.
    "a thought's end in a docstring": 'def f(x):\n    """\n    Drop </think>.\n    """\n' + BODY,
    "a thought's start in a docstring":
    fence('def f(x):\n    """\n    Drop <think>.\n    """\n' + BODY),
    "a thought's start in a comment": f"# <think>\n{GOOD}",
    "a skeleton after": fence(GOOD) + fence("def f(x):\n    raise NotImplementedError\n"),
    "a skeleton that says so": fence(GOOD)
    + fence('def f(x):\n    """Squares."""\n    raise NotImplementedError("yours")\n'),
    "pytest beside it": fence("import pytest\n\n" + GOOD
    + "\n@pytest.mark.parametrize('x', [1])\ndef test_f(x):\n    assert f(x) == 1\n"),
    "pytest beside it, and its main": fence("import pytest\n" + GOOD
    + "def test_f():\n    with pytest.raises(TypeError):\n        f('')\n"
    + "if __name__ == '__main__':\n    pytest.main()\n"),
    "a fixture beside it": fence("import pytest\n@pytest.fixture\ndef two():\n    return 2\n" + GOOD
    + "def test_f(two):\n    assert f(two) == 4\n"),
    "a part of pytest beside it": fence("from pytest import raises\n" + GOOD
    + "class TestF:\n    def test_f(self):\n        with raises(TypeError): f('')\n"),
    "a command to the shell": fence("!pip install numpy\n" + GOOD),
    "a notebook's command": fence("%matplotlib inline\n\n" + GOOD + "%timeit f(3)\n"),
    "a command of another fence": fence("!pip install numpy\nP = 2\n")
    + fence("def f(x): return x ** P\n"),
    "signs at the margin of an expression": fence(
        "def f(x): return (x * x\n% 99\n)\nTEXT = '''\n!pip\n'''\nassert 'pip' in TEXT\n"),
    "the same in a fence, after a thought": "<think>hm</think>\n" + fence(f"# <think>\n{GOOD}"),
    "a thought's marks in a raw string": "<think>hm</think>\n"
    + fence("import re\nTHOUGHT = re.compile(r'<think>.*</think>')\n" + GOOD),
    "a thought's mark in a formatted string": fence('END = f"</think>{1}"\n' + GOOD),
    "a thought's mark in a string of lines": fence('TEXT = """\n<think>\n"""\n' + GOOD),
    "an end mark in a docstring": 'def f(x):\n    """Stops at <|end|>\n    """\n' + BODY,
    "an end mark in a string": fence("END = '<|im_end|>'\ndef f(x):\n    return x * x\n"),
    "an end mark in a comment": fence("def f(x):  # up to </s>\n    return x * x\n"),
    "a fence in a docstring":
    'def f(x):\n    """\n    So:\n    ```\n    f(2)\n    ```\n    """\n' + BODY,
    "a fence at the margin of a docstring":
    fence("def f(x):\n    '''\n```python\nf(2)\n```\n'''\n" + BODY),
    "a fence in a docstring, and one after":
    fence("def f(x):\n    '''\n```\nf(2)\n```\n'''\n" + BODY)
    + "Use:\n" + fence("f(2)\n"),
    "a fence in a string": fence("TICKS = '```'\ndef f(x):\n    return x * x\n"),
    "a fence in a raw string": fence("R = r'''\n```\n\\d'''\ndef f(x):\n    return x * x\n"),
    "a fence in a comment": fence("def f(x):\n    # as in ```x```\n    return x * x\n"),
    "answer in a docstring": 'def f(x):\n    """\n<answer>\n    """\n' + BODY,
    "DONE in a string": "def f(x):\n    '''\n[DONE]\n    '''\n" + BODY,
    "a string closed nowhere before": 'Docstrings open with """ and so:\n' + fence(GOOD),
    "a docstring that is not closed, then one that is":
    fence('def f(x):\n    """Adds\n    return x + x\n') + "No:\n"
    + fence('def f(x):\n    """Squares"""\n' + BODY),
    "an apostrophe in a prose line": "Don't worry, it's: ```python\n" + GOOD + "```",
    # Demonstrations.
    "input": GOOD + "\nn = int(input('n? '))\nprint(f(n))\n",
    "input in print": GOOD + "print(f(int(input())))\n",
    "input in a loop": GOOD + "while True:\n    print(f(int(input())))\n",
    "input in try":
    GOOD + "try:\n    print(f(int(input())))\nexcept ValueError:\n    print('no')\n",
    "stdin": "import sys\n" + GOOD + "print(f(int(sys.stdin.readline())))\n",
    "main": GOOD + "def main():\n    print(f(int(input())))\nmain()\n",
    "main in two steps":
    GOOD + "def ask(): return int(input())\ndef main(): print(f(ask()))\nmain()\n",
    "a class that asks": GOOD + "class Menu:\n    def __init__(self): self.n = input()\nMenu()\n",
    "input after a lambda": "f = lambda x: x * x\nn = int(input())\nprint(f(n))\n",
    "input in a fence of its own": fence(GOOD) + fence("n = int(input())\nprint(f(n))\n"),
    "input that is expected to end": GOOD.replace("x * x", "x * x + n - n")
    + "try:\n    n = int(input())\nexcept EOFError:\n    n = 3\n",
    "arguments": "import sys\n" + GOOD + "print(f(int(sys.argv[1])))\n",
    "stdin as a file": GOOD + "for line in open(0):\n    print(f(int(line)))\n",
    "input in a condition": GOOD + "while (n := input()) != 'q':\n    print(f(int(n)))\n",
    "input of several": GOOD + "a, b = map(int, input().split())\nprint(f(a))\n",
    "input, then another function": GOOD + "n = int(input())\ndef show(): print(f(n))\nshow()\n",
    "input after an import": GOOD + "import sys\nn = sys.stdin.read()\nprint(f(int(n)))\n",
    "input in an event loop": "import asyncio\n" + GOOD
    + "async def main(): print(f(int(input())))\nasyncio.run(main())\n",
    "input inside the function's helper": "def ask(): return input()\n" + GOOD,
    # Bare text.
    "bare": GOOD,
    "bare and indented": "    def f(x):\n        return x * x\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "old carriage returns": GOOD.replace("\n", "\r"),
    "a byte order mark": "\ufeff" + GOOD,
}  # fmt: skip

WRONG = {
    "the last of two": fence(GOOD) + "Or:\n" + fence(BAD),
    "the last by assignment": fence(GOOD) + fence("f = lambda x: x + x\n"),
    "an answer after": fence(GOOD) + f"<answer>\n{BAD}</answer>",
    "the prompt's fence, then another": GOOD + "```\nBetter:\n" + fence(BAD),
    "another language alone": fence("def f(x: Int): Int = x * x\n", "scala"),
    "Python said to be Ruby": fence(GOOD, "ruby"),
    "only a thought": f"<think>\n{fence(GOOD)}</think>\nI can't.",
    "an open thought": f"<thinking>\n{fence(GOOD)}hm",
    "an open thought in the midst": f"Okay.\n<think>\n{fence(GOOD)}hm",
    "an open thought in brackets": f"[THINK]\n{GOOD}",
    "an open thought whose end is a string": "<think>\n" + fence("END = '</think>'\n" + GOOD),
    "an open thought whose end is in a docstring":
    "<think>\n" + fence('def f(x):\n    """\n    </think>\n    """\n' + BODY),
    "an open channel": f"<|channel|>analysis<|message|>{fence(GOOD)}",
    "a thought after": f"{fence(GOOD)}<think>\nwait",
    "a good turn after the end": f"{fence(BAD)}<|im_end|>\n<|im_start|>user\n{fence(GOOD)}",
    "a good text after the end": f"{BAD}<|endoftext|>\n{GOOD}",
    "a good example after DONE": f"{BAD}[DONE]\n{GOOD}",
    "prose around": f"It is simple:\n\n{GOOD}\nIt squares.\n",
    "prose after": f"{GOOD}\nThis squares it.\n",
    "prose alone": "I can't do that.",
    "nothing": "", "blanks": "\n \n", "a blank fence": "```\n```",
    "a string that is not closed": fence('def f(x):\n    """The square\n    return x * x\n'),
    "good code in a docstring": fence(f'"""\n{GOOD}"""\ndef f(x): return 0\n'),
    "a good fence in a docstring":
    fence(f"def f(x):\n    '''\n```python\n{GOOD}```\n'''\n    return x + x\n"),
    "a good fence in a string": "S = '''\n" + fence(GOOD) + "'''\n" + BAD,
    "a definition in a function": fence("def outer():\n    def f(x): return x * x\n"),
    "a definition in a comment": "# def f(x): return x * x\n",
    "a method only": fence("class Solution:\n    def f(self, x): return x * x\n"),
    "another name": fence("def square(x): return x * x\n"),
    "a helper that is missing": fence("def f(x): return g(x)\n"),
    "a helper in another language": fence("def g(x) = x * x\n", "ruby")
    + fence("def f(x): return g(x)\n"),
    "a helper's name in words": "g: squares\n" + fence("def f(x): return g(x)\n"),
    "an error before the function": fence("1 / 0\n" + GOOD),
    "an error after the function": fence(GOOD + "1 / 0\n"),
    "input before the function": fence("n = int(input())\n" + GOOD),
    "input that the function needs": fence("def f(x): return x * n\nn = int(input())\n"),
    "input, then what the function needs":
    "def f(x): return g(x)\nn = int(input())\ndef g(x): return x * x\n",
    "a stub alone": fence("def f(x): ...\n"),
    "input in the function": fence("def f(x): return int(input())\n"),
    "a wrong one behind input": BAD + "n = int(input())\n" + "f = lambda x: x + x\n",
    "an example that is not the function": fence("def g(f):\n    return 4\nresult = g(2)\n"),
    "an unknown annotation": fence("def f(x: Lisst[int]): return x * x\n"),
    "no-break spaces": GOOD.replace("    ", "\u00a0   "),
    "a body without a prompt": "    return x * x\n",
    "a body in a fence without a prompt": fence("return x * x\n"),
    "a null byte": fence(GOOD + "\0"),
    "a skeleton alone": fence("def f(x):\n    raise NotImplementedError\n"),
    "a skeleton after a wrong one": fence(BAD)
    + fence("def f(x):\n    raise NotImplementedError\n"),
    "pytest that the function needs": fence("import pytest\ndef f(x):\n"
    "    pytest.skip()\n    return x * x\n"),
    "a test that the function needs": fence("import pytest\ndef test_f(x):\n    return x * x\n"
    "def f(x): return test_f(x)\n"),
    "another package beside pytest": fence("import pytest, no_such\n" + GOOD),
    "a command within the function": fence("def f(x):\n    !ls\n    return x * x\n"),
    "a command and a mistake": fence("!ls\ndef f(x)\n    return x * x\n"),
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT)
def test_a_program_that_is_there(kind: str) -> None:
    assert squares(RIGHT[kind]), program(RIGHT[kind], ["f"])


@pytest.mark.parametrize("kind", [kind for kind, text in RIGHT.items() if "x * x" in text])
def test_the_same_completion_with_a_wrong_program(kind: str) -> None:
    assert not squares(RIGHT[kind].replace("x * x", "x + x"))


@pytest.mark.parametrize("kind", WRONG)
def test_a_program_that_is_not_there(kind: str) -> None:
    assert not squares(WRONG[kind]), program(WRONG[kind], ["f"])


CONTINUED = {
    "the body": BODY,
    "the body, and a fence's end": BODY + "```\n",
    "the body, a fence's end and an example": BODY + "```\n\nExample:\n" + fence("f(2)\n"),
    "the body, and a helper after": "    return g(x)\n\ndef g(x):\n    return x * x\n",
    "the body and an end mark": BODY + "<|endoftext|>\nmore",
    "the body in a fence": fence(BODY),
    "the body in a fence, not indented": fence("return x * x\n"),
    "an example before the body": fence("f(2)\n") + "so\n" + fence("return x * x\n"),
    "an example after the body": fence("return x * x\n") + "so\n" + fence("print(f(2))\n"),
    "an output after the body": fence("return x * x\n") + fence("49\n", ""),
    "a body in a block": fence("if x:\n    return x * x\nreturn 0\n"),
    "a body whose first line lost its place":
    fence("for y in [x]:\n        return x * x\n    return 0\n"),
    "a helper and the body": fence("def g(x): return x * x\n") + fence("return g(x)\n"),
    "the whole": PROMPT + BODY,
    "the whole in a fence": fence(PROMPT + BODY),
    "the function without its import": fence("def f(x): return x * x + math.floor(0)\n"),
    "the future first": fence("from __future__ import annotations\n" + GOOD),
    "the future first, in a helper": fence("from __future__ import annotations\nP = 2\n")
    + fence("def f(x): return x ** P\n"),
    "a body with input behind": BODY + "\nn = int(input())\nprint(f(n))\n",
    "the body without its first indentation": "return x * x\n",
    "lines without their first indentation": "y = x\n    for _ in [0]:\n        y = y * x\n"
    "    return y\n",
    "a block without its first indentation": "if x:\n        return x * x\n    return 0\n",
    "no line with its indentation": "y = x\nif x:\n    return x * x\nreturn 0\n",
    "a comment at the margin": "# Squares.\n    return x * x\n",
    "a blank line, then the body": "\n    return x * x\n",
    "a thought and the body": f"<think>\n    return 0\n</think>\n{BODY}",
}  # fmt: skip
NOT_CONTINUED = {
    "a wrong body that is not indented": "return x + x\n",
    "a body and prose at the margin": "return x * x\nThis squares.\n",
    "a wrong first line at the margin": "x = x + 1\n    return x * x\n",
    "prose, then a body": "It is:\n    return x * x\n",
    "a wrong body": "    return x + x\n",
    "a wrong body, then a good one in words": "    return x + x\n\nThat is return x * x.\n",
    "a body after another": fence("return x * x\n") + "or\n" + fence("return x + x\n"),
    "an example alone": fence("print(f(2))\n"),
    "prose": "The square of x is x * x.",
    "a body in another language": fence("return x * x;\n", "js"),
    "a whole one that is wrong, then a body": fence(BAD) + fence("return x * x\n"),
}


@pytest.mark.parametrize("kind", CONTINUED)
def test_what_continues_a_prompt(kind: str) -> None:
    assert squares(CONTINUED[kind], PROMPT), program(CONTINUED[kind], ["f"], "", PROMPT)


@pytest.mark.parametrize("kind", NOT_CONTINUED)
def test_what_does_not_continue_it(kind: str) -> None:
    assert not squares(NOT_CONTINUED[kind], PROMPT)


def test_code_that_is_python_is_run_as_it_stands() -> None:
    for text in (GOOD, GOOD + "print(f(2))\n", "def f(x):\n    '''\n  \n    '''\n" + BODY):
        assert program(text, ["f"]) == text
        assert program(fence(text), ["f"]) == text
    late = "def f(x):\n    return x\ntry:\n    n = input()\nexcept EOFError:\n    pass\n"
    assert program(late, ["f"]) == late


def test_functions_in_cells_of_their_own() -> None:
    text = fence("def put(x): return [x]\n") + fence("def get(x): return x[0]\n")
    assert "def put" in program(text, ["put", "get"]) and "def get" in program(text, ["get", "put"])
    corrected = text + fence("def put(x): return [x, x]\n")
    assert program(corrected, ["put", "get"]).count("def put") == 1


ASKS = "n = int(input())\nprint(n * n)\n"
RUN = {
    "bare": ASKS,
    "in a fence": "So:\n" + fence(ASKS),
    "with a sample's input and output": fence(ASKS) + "Input:\n" + fence("3\n", "")
    + "Output:\n" + fence("9\n", ""),
    "with a trace": fence(ASKS) + fence("print('3 * 3 = 9')\n"),
    "in the prompt's fence": ASKS + "```\nThis reads n.",
    "in an answer": f"<answer>\n{ASKS}</answer>",
    "the last of two": fence("print(2 * int(input()))\n") + fence(ASKS),
    "in C++ as well": fence(ASKS) + fence("int main() {}\n", "cpp"),
}  # fmt: skip


@pytest.mark.parametrize("kind", RUN)
def test_a_program_that_reads_its_input_is_whole(kind: str) -> None:
    assert program(RUN[kind], ()) == ASKS


SOLVE = "def solve(n):\n    return n * n\n"
MAIN = "def main():\n    n = int(input())\n    print(n * n)\n"
UNTIL = "while True:\n    try:\n        n = int(input())\n        print(n * n)\n" + (
    "    except EOFError:\n        break\n"
)
SCRIPTS = {
    # What stands after a program and only shows or explains it.
    "a file in place of stdin": fence(ASKS) + "To test it:\n"
    + fence("import sys\nsys.stdin = open('input.txt')\n"),
    "a text in place of stdin": fence(SOLVE + "print(solve(int(input())))\n")
    + fence("import io, sys\nsys.stdin = io.StringIO('5')\nprint(solve(int(input())))\n"),
    "a named text in place of stdin": fence(ASKS)
    + fence("import io, sys\nsample = '5'\nsys.stdin = io.StringIO(sample)\n" + ASKS),
    "an input of its own": fence(ASKS) + fence("def input():\n    return '5'\n" + ASKS),
    "an input of its own, assigned": fence(ASKS) + fence("input = iter(['5']).__next__\n" + ASKS),
    "read until the end, then an example": fence(UNTIL) + fence("print(3 * 3)\n"),
    "read until the end, then any code": fence(UNTIL) + fence("n * n\n"),
    "how it is read": fence("a = int(input())\nprint(a * a)\n") + "The first line reads it:\n"
    + fence("a = int(input())\n"),
    "how two are read": fence(ASKS) + fence("a, b = map(int, input().split())\n"),
    "how it is printed": fence(ASKS) + fence("print(n * n)\n"),
    "a part of its loop": fence("for _ in [0]:\n    n = int(input())\n    print(n * n)\n")
    + fence("m = int(input())\nprint(n * m)\n"),
    "a call of what is called already": fence(SOLVE + "print(solve(int(input())))\n")
    + fence("print(solve(2))\n"),
    "main is called already": fence(MAIN + "main()\n") + "It begins so:\n" + fence("main()\n"),
    # A program in more than one fence.
    "main, then its call": fence(MAIN) + "Call it:\n" + fence("main()\n"),
    "main, then its call under a guard": fence(MAIN)
    + fence("if __name__ == '__main__':\n    main()\n"),
    "main, an example and its call": fence(SOLVE) + fence("print(solve(3))\n")
    + fence("def main():\n    print(solve(int(input())))\n") + fence("main()\n"),
    "a thread of main": fence(MAIN)
    + fence("import threading\nthreading.Thread(target=main).start()\n"),
    "read, then print": "Read:\n" + fence("n = int(input())\n") + "Print:\n"
    + fence("print(n * n)\n"),
    "read, change, then print": fence("xs = [int(input())]\n") + fence("xs.append(xs[0])\n")
    + fence("print(xs[0] * xs[1])\n"),
    "read, then change by another name": fence("n = int(input())\n") + fence("n = n * n\n")
    + fence("print(n)\n"),
    "import, read, then print": fence("import sys\n") + fence("n = int(sys.stdin.read())\n")
    + fence("sys.stdout.write(str(n * n))\n"),
    "a helper that prints": fence("def show(n):\n    print(n * n)\n")
    + fence("show(int(input()))\n"),
    "a draft, then a program with its function": fence(SOLVE + "print(-solve(int(input())))\n")
    + fence("print(solve(int(input())))\n"),
    # A program that changes how it reads.
    "a file if there is one": fence("print(1)\n") + fence(
        "import os, sys\nif os.path.exists('in.txt'):\n    sys.stdin = open('in.txt')\n" + ASKS),
    "a faster input": fence("print(1)\n")
    + fence("import sys\ninput = sys.stdin.readline\n" + ASKS),
    "a faster input, defined": fence("print(input())\n")
    + fence("import sys\ndef input():\n    return sys.stdin.readline().strip()\n" + ASKS),
}  # fmt: skip
NO_SCRIPTS = {
    "the last of two programs": fence(ASKS) + fence("print(int(input()) + 7)\n"),
    "a wrong one, then an example": fence("print(int(input()) + 7)\n") + fence("print(25)\n"),
    "a wrong one that reads until the end": fence(UNTIL.replace("n * n", "n + n"))
    + fence("print(25)\n"),
    "a text in place of stdin alone":
    fence("import io, sys\nsys.stdin = io.StringIO('4')\n" + ASKS),
    "a good example, and main that is never called": fence(MAIN) + fence("solve = 25\n"),
    "read and never printed": fence("n = int(input())\n") + fence("n * n\n"),
    "printed, never read": fence("print(n * n)\n") + fence("n = 7\n"),
    "a wrong one in pieces": fence("n = int(input())\n") + fence("print(n + n)\n"),
    "a good one in another language": fence("print(1 + int(input()))\n") + fence(ASKS, "ruby"),
    "a good function that is not used": fence(SOLVE) + fence("print(int(input()) + 7)\n"),
}  # fmt: skip


def printed(source: str, given: str) -> str:
    """Return what a program of this file's own prints, run here on an input."""
    others = set(threading.enumerate())
    with pytest.MonkeyPatch.context() as patch, io.StringIO() as output:
        patch.setattr("sys.stdin", io.StringIO(given))
        patch.setattr("sys.stdout", output)
        try:
            exec(compile(source, "candidate.py", "exec"), {"__name__": "__main__"})
            for thread in set(threading.enumerate()) - others:
                thread.join(5)
        except (Exception, SystemExit) as error:
            return f"{error!r}"
        return output.getvalue().strip()


@pytest.mark.parametrize("kind", SCRIPTS)
def test_which_fences_are_a_program_that_is_run(kind: str) -> None:
    source = program(SCRIPTS[kind], ())
    assert (printed(source, "5\n"), printed(source, "-3\n")) == ("25", "9"), source


@pytest.mark.parametrize("kind", NO_SCRIPTS)
def test_which_fences_are_not(kind: str) -> None:
    source = program(NO_SCRIPTS[kind], ())
    assert (printed(source, "5\n"), printed(source, "-3\n")) != ("25", "9"), source


def test_a_helper_of_a_program_that_reads_its_input() -> None:
    text = fence("def square(x): return x * x\n") + fence("print(square(int(input())))\n")
    assert program(text, ()).count("square") == 2


def test_too_much_is_refused_and_a_long_thought_is_not() -> None:
    with pytest.raises(TooLarge):
        program("#" * (fences.LARGEST + 1), ["f"])
    with pytest.raises(TooLarge):
        program(fence("x\n") * (cells.MOST_PIECES + 1), ["f"])
    assert program("<think>" + "hm " * fences.LARGEST + "</think>" + GOOD, ["f"]) == GOOD


# --- hostile text, read outside the sandbox ----------------------------------------------------

PATTERNS = {name: value for name, value in vars(cells).items() if isinstance(value, re.Pattern)}
FENCED = "```\n"
WORST = [
    # A piece, said again and again: what comes before it, and after.
    ("", "from __future__ import (", ""), ("", "from __future__ import (\n", ""),
    ("", "from __future__ import (a\n", "def f(x):"), ("from", " ", ""), ("", "from ", ""),
    ("from __future__ import (", "a\n", ""), ("from __future__", "\t", "x"),
    ("", "`", ""), ("a", "`", "!"), ("", "~", ""), ("", "~", "`"), ("", "```", "~"), ("", "`~", ""),
    ("", "```\n", ""), ("", "~~~\n", ""), ("", "a```\n", "`"), ("", "a ```b\n", ""),
    ("a", " ", "`"), ("a", " ", "```x!"), ("", "a ", "`"), ("", "a ```", ""), ("", "a\t", "```"),
    ("```\n", " ", "x\n```"), ("```\n", " \n", ""), ("```\n", "\t \n", "x"), ("", " ", ""),
    ("```\n", "  x\n", "```"), (FENCED, "x\n", ""), (FENCED, "a, ", ""), (FENCED, "a<", "```"),
    (" ", "\n", "```"), ("", "\n", ""), ("\n", " \n", ""), ("", "\r\n", ""), ("", "\r", ""),
    ("", "> ", ""), ("", ">", ""), ("> ```\n", "> x\n", "> ```"), ("", "> ```\n", ""),
    ("", "<|", ""), ("<|", "a", ""), ("", "<|a", ""), ("", "<|a|>", "x"), ("<|a|>", " ", "x"),
    ("", "</s> ", "x"), ("", "</s>", "x"), ("", "[DONE] ", "x"), ("", "[DONE]\tx\n", ""),
    (" ", "[DONE]", ""), ("", " ", "[DONE]x"), ("", "<think>", ""), ("", "</think>", "x"),
    ("", "def ", ""), ("def f", " ", "x"), ("", "def f\n", ""), ("", "class f\t", ""),
    ("", "async ", "def f"), ("async", " ", "def"), ("f", " ", "x"), ("f:", "a", ""),
    ("", "f: ", ""), ("", "f\n", ""), ("", "f = \n", ""), ("", "f ==\n", ""),
    (FENCED, "(", "```x```"), (FENCED, "[", "```x```"), (FENCED, "-", "1```"),
    (FENCED, "not ", "1```"), (FENCED, "lambda:", "1```"), (FENCED, "f(", "x```"),
    (FENCED, "{1:", "x```"), (FENCED, "x;", "```x```"), (FENCED, "'", "```"),
    (FENCED, '"'*3, "```"),
    (FENCED, "if 1:\n ", "```"), (FENCED, "\\\n", "x```"), (FENCED, "f'{", "x```"),
    (FENCED, "x\n```\n```\n", "def f(): 0\n```"), (FENCED, "import a\n```\n```\n", "def f(): 0"),
    ("", "<a>\n", ""), ("", "</a>", "x"), ("", "<a> ", "x"), ("", "[BEGIN]\n", ""),
    ("", "<｜a", ""),
    ("", "'", ""), ("", "\"\\", ""), ("'''", "\\'''", ""), ('"\'', "\\\n", ""), ("", "#`", "```x"),
    ("", "```x", ""), ("", "`a` ``` ", ""), ("", "'''\n```f\n'''\n", ""), ("", "x='<'\n```\n", ""),
    (FENCED, "def f(): g()\n", "```\n"), ("", "```\ndef f(): g\n```\ndef g(): f\n", ""),
    ("def f(): 0\n", "input()\n", ""), ("def f(): 0\n", "def g(): input()\n", "g()"),
    ("def f(): 0\nif 1: 0\n", "elif 1: 0\n", "input()"), ("'", "<think>", "'"),
    ("", "# <think>\n", ""),
    ("", "!x\n", "("), ("", "\n%", ""), ("%", "!", "\n"), ("", "!x\n```\n", ""),
    ("import pytest\n", "def test_f(): f\n", "def f(): 0"),
    (FENCED, "print(input())\n```\n```\n", ""), (FENCED, "x = input(x)\n```\n```\n", ""),
    ("```\ndef f(): input()\n```\n", "```\nf()\n```\n", ""),
    ("  x\n", "x = [", "\n```"), ("  ", "x;", "\n```"), (" x\n", "```", "\n```\n"),
]  # fmt: skip


def seconds(work: Callable[[str], object], text: str, times: int) -> float:
    """Return the CPU time that it takes, the least of so many."""
    took = []
    for _ in range(times):
        began = time.process_time()
        work(text)
        took.append(time.process_time() - began)
    return min(took)


def assert_linear(
    work: Callable[[str], object], before: str, piece: str, after: str, length: int = 4096
) -> None:
    """Eight times the text may take sixteen times as long; squared, it would be sixty-four."""
    texts = [before + piece * (size // len(piece)) + after for size in (length, 8 * length)]
    for times in (1, 3, 3, 3):  # the long text once, and again only if that took too long
        short, long = seconds(work, texts[0], 3), seconds(work, texts[1], times)
        if long < max(0.005 * length / 1024, 16 * short):
            return
    raise AssertionError(f"{piece!r}: {short:.4f} s, {long:.4f} s")


@pytest.mark.parametrize("name", PATTERNS)
def test_no_pattern_runs_away(name: str) -> None:
    def work(text: str) -> None:
        PATTERNS[name].sub("", text)
        PATTERNS[name].findall(text)
        PATTERNS[name].fullmatch(text)

    for worst in WORST:
        assert_linear(work, *worst)


@pytest.mark.parametrize("length", [512, pytest.param(4096, marks=pytest.mark.slow)])
def test_reading_a_program_does_not_run_away(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_PIECES", fences.LARGEST)

    def work(text: str) -> None:
        program(text, ("f", "g"), "import math\n", "import math\ndef f(x):\n")
        program(text, ())

    assert {"_ANYWHERE", "_OUTSIDE_LITERALS", "_LITERALS", "_HOLDS"} <= PATTERNS.keys()
    for worst in WORST:
        assert_linear(work, *worst, length)
