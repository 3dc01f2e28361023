"""Data files in every shape, as their projects write them: sums, and programs that add.

`make(folder)` writes them. Each row has a completion; the completions of even rows are right.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Row = dict[str, Any]


@dataclass(frozen=True)
class Made:
    """A file: how its rows are made, its name, which tells its form, and how it is to be read."""

    row: Callable[[int], Row]
    file: str
    shape: str
    verifier: str = "math"
    columns: dict[str, str] = field(default_factory=dict)


def _terms(i: int) -> tuple[int, int]:
    return 11 + i * 7 % 60, 13 + i * 11 % 50


def _question(i: int) -> str:
    return "{}+{}=".format(*_terms(i))


def _answer(i: int) -> str:
    return str(sum(_terms(i)))


def _said(i: int) -> str:
    return f"#### {sum(_terms(i)) + i % 2}"


def _program(i: int, name: str = "add", added: int | None = None) -> str:
    return f"def {name}(x):\n    return x + {i if added is None else added}\n"


def _written(i: int, name: str = "add") -> str:
    return _program(i, name, i + i % 2)


def _verl(i: int) -> Row:
    system = {"role": "system", "content": "Answer after ####."}
    return {
        "data_source": ("sums", "other/sums")[i % 3 == 0],
        "prompt": np.array([system, {"role": "user", "content": _question(i)}]),
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": _answer(i)},
        "extra_info": {"split": "train", "index": i, "question": _question(i)},
        "responses": np.array([_said(i), f"#### {_answer(i)}"]),
    }


def _skyrl(i: int) -> Row:
    tests = {"inputs": [f"{i}\n", "4\n"], "outputs": [f"{2 * i}\n", f"{i + 4}\n"]}
    program = f"print(int(input()) + {i + i % 2})"
    return {
        "data_source": "programs",
        "prompt": [{"role": "user", "content": f"Read a number and add {i} to it."}],
        "env_class": "lcb",
        "reward_spec": {"method": "rule", "ground_truth": json.dumps(tests)},
        "extra_info": {"split": "train", "index": i, "reference": None},
        "completion": f"```python\n{program}\n```",
    }


def _open_instruct(i: int) -> Row:
    asked, reply = {"role": "user", "content": _question(i)}, {"role": "assistant"}
    return {
        "messages": [asked, reply | {"content": _said(i)}],
        "ground_truth": [_answer(i)],
        "dataset": ["gsm8k"],
    }


def _gsm8k(i: int) -> Row:
    a, b = _terms(i)
    work = f"It is {a} + {b} = <<{a}+{b}={a + b}>>{a + b}.\n#### 1,{a + b:03}"
    said = f"The answer is 1{sum(_terms(i)) + i % 2:03}."
    return {"question": f"What is 1000+{_question(i)}", "answer": work, "completion": said}


def _math(i: int) -> Row:
    return {
        "problem": f"What is ${_question(i)}$?",
        "level": f"Level {1 + i % 5}",
        "type": "Prealgebra",
        "solution": f"The sum is the answer, which is $\\boxed{{{_answer(i)}}}$.",
        "completion": _said(i),
    }


def _humaneval(i: int) -> Row:
    return {
        "task_id": f"HumanEval/{i}",
        "prompt": f'def add_{i}(x):\n    """Return x + {i}."""\n',
        "entry_point": f"add_{i}",
        "canonical_solution": f"    return x + {i}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {i + 1}\n",
        "completion": f"    return x + {i + i % 2}\n",
    }


def _mbpp(i: int) -> Row:
    return {
        "task_id": i,
        "text": f"Write a function that adds {i}.",
        "code": _program(i),
        "test_list": [f"assert add(1) == {i + 1}", f"assert add(2) == {i + 2}"],
        "test_setup_code": "",
        "challenge_test_list": [],
        "completion": f"```python\n{_written(i)}```",
    }


def _apps(i: int) -> Row:
    tests = {"fn_name": "add", "inputs": [[1], [10**30]], "outputs": [[i + 1], [10**30 + i]]}
    return {
        "problem_id": i,
        "question": f"Write a function that adds {i}.",
        "solutions": json.dumps([_program(i)]),
        "input_output": json.dumps(tests),
        "difficulty": "introductory",
        "url": "",
        "starter_code": "def add(x):",
        "completion": _written(i),
    }


def _primeintellect(i: int) -> Row:
    test = {"type": "function_call", "fn_name": "add", "input": [2], "output": [i + 2]}
    about = {"language": "python", "test_cases": [test, test | {"input": [7], "output": [i + 7]}]}
    return {
        "problem_id": f"vcp_{i}",
        "task_type": "verifiable_code",
        "prompt": f"Write a function that adds {i}.",
        "gold_standard_solution": f"```python\n{_program(i)}```",
        "verification_info": repr(about),  # as in verifiable-coding-problems: no JSON
        "completion": f"```python\n{_written(i)}```",
    }


def _deepcoder(i: int) -> Row:
    about = {"metadata": {"func_name": "add"}, "testtype": "functional"}
    given = [{"input": "1", "output": f"{i + 1}"}, {"input": "2", "output": f"{i + 2}"}]
    return {
        "problem": f"Write a function that adds {i}.",
        "starter_code": "class Solution:\n    def add(self, x: int) -> int:\n        ",
        "solutions": [_program(i)],
        "tests": json.dumps([about | test for test in given]),
        "completion": f"```python\n{_written(i)}```",
    }


def _kodcode(i: int) -> Row:
    test = f"from solution import add\n\ndef test_add():\n    assert add(1) == {i + 1}\n"
    return {
        "question_id": f"Algorithm_{i}",
        "question": f"Write a function that adds {i}.",
        "solution": _program(i),
        "test": test,
        "gpt_difficulty": "easy",
        "completion": _written(i),
    }


def _codecontests(i: int) -> Row:
    def pairs(*given: int) -> dict[str, list[str]]:
        return {"input": [f"{n}\n" for n in given], "output": [f"{n + i}\n" for n in given]}

    return {
        "name": f"{i}_A. Add",
        "description": f"Read a number and add {i} to it.",
        "public_tests": pairs(1),
        "private_tests": pairs(2, 3),
        "solutions": {"language": [3], "solution": [f"print(int(input()) + {i})"]},
        "difficulty": 7,
        "completion": f"print(int(input()) + {i + i % 2})",
    }


def _trl(i: int) -> Row:
    asked = [{"role": "user", "content": _question(i)}]
    return {"prompt": asked, "solution": f"${_answer(i)}$", "completion": _said(i)}


def _prompt_answer(i: int) -> Row:
    return {"prompt": _question(i), "answer": int(_answer(i)), "completion": _said(i)}


def _columns(i: int) -> Row:
    about = {"difficulty": ["easy", "hard"][i % 2], "uid": f"q{i}"}
    return {"q": _question(i), "gold": _answer(i), "about": about, "out": _said(i)}


MADE: dict[str, Made] = {
    "verl": Made(_verl, "verl.parquet", "verl"),
    "skyrl": Made(_skyrl, "skyrl.parquet", "skyrl", "code"),
    "open-instruct": Made(_open_instruct, "open_instruct", "open-instruct"),
    "gsm8k": Made(_gsm8k, "gsm8k.jsonl", "gsm8k"),
    "math": Made(_math, "math.jsonl.gz", "math"),
    "humaneval": Made(_humaneval, "humaneval.jsonl", "humaneval", "code"),
    "mbpp": Made(_mbpp, "mbpp.parquet", "mbpp", "code"),
    "apps": Made(_apps, "apps.jsonl", "apps", "code"),
    "primeintellect": Made(_primeintellect, "primeintellect.jsonl", "primeintellect", "code"),
    "kodcode": Made(_kodcode, "kodcode.parquet", "kodcode", "code"),
    "codecontests": Made(_codecontests, "codecontests.jsonl", "codecontests", "code"),
    "trl": Made(_trl, "trl.jsonl", "trl"),
    "deepcoder": Made(_deepcoder, "deepcoder.parquet", "deepcoder", "code"),
    "prompt-answer": Made(_prompt_answer, "plain.jsonl", "prompt-answer"),
    "columns": Made(
        _columns,
        "own.parquet",
        "prompt-answer",
        columns={"prompt": "q", "answer": "gold", "completion": "out", "level": "about.difficulty",
                 "id": "about.uid"},
    ),
}  # fmt: skip


def make(folder: Path, n: int = 12) -> dict[str, Path]:
    """Write a file of n rows for each of MADE, and return their paths."""
    return {name: _write(made, folder, n) for name, made in MADE.items()}


def _write(made: Made, folder: Path, n: int) -> Path:
    path, rows = folder / made.file, [made.row(i) for i in range(n)]
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    elif path.suffix in (".jsonl", ".gz"):
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    else:
        import datasets

        datasets.Dataset.from_list(rows).save_to_disk(str(path))
    return path
