"""The humaneval task: the package's problems, files in HumanEval's and in MBPP's shape."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rlvr.tasks import humaneval

from rlvr.data import InputError, Problem, Split
from rlvr.verify.check import SPLITS, attack, check
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import draw_problems

MBPP = [
    {
        "task_id": i,
        "text": f"Write a function to add {i} to a number.",
        "code": f"def add_{i}(x):\r\n    return x + {i}",
        "test_list": [f"assert add_{i}(1) == {i + 1}", f"assert add_{i}(-{i}) == 0"],
        "test_setup_code": "",
        "challenge_test_list": [],
    }
    for i in range(120)
]
HUMAN = [
    {
        "task_id": f"mine/{i}",
        "prompt": f'def add(x):\n    """Add {i}."""\n',
        "entry_point": "add",
        "canonical_solution": f"    return x + {i}\n",
        "test": f"def check(candidate):\n    assert candidate(1) == {i + 1}\n",
    }
    for i in range(120)
]


def drawn(split: Split, n: int, path: Path | None = None) -> list[Problem]:
    options = {} if path is None else {"path": str(path)}
    task = NamedConfig.model_validate({"name": "humaneval", **options})
    return draw_problems(task, split, n, 0, "here")


def jsonl(path: Path, lines: list[Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_packages_problems_are_a_test_set() -> None:
    problems = drawn("eval", 164)
    assert len({problem.prompt for problem in problems}) == 164
    assert all(problem.prompt.rstrip().endswith('"""') for problem in problems[:1])
    with pytest.raises(InputError, match="test set"):
        drawn("train", 1)
    with pytest.raises(ValueError, match="164 problems"):
        drawn("eval", 165)


@pytest.mark.parametrize(("n", "attacked"), [(2, 1), pytest.param(None, 8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("lines", [MBPP, HUMAN])
def test_a_file_is_dealt_to_disjoint_splits_and_passes_the_check(
    lines: list[Any],
    n: int | None,
    attacked: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rlvr.verify.check.attack", partial(attack, n=attacked))
    path = jsonl(tmp_path / "mine.jsonl", lines)
    whole = [
        {p.prompt for p in drawn(split, n, path)}
        for split, n in zip(SPLITS, (300, 8, 2), strict=True)
    ]
    assert not (whole[0] & whole[1] or whole[0] & whole[2] or whole[1] & whole[2])
    assert check("humaneval", n, {"path": str(path)}) == []


def test_a_corrupted_program_with_helpers_still_runs_and_is_wrong(tmp_path: Path) -> None:
    code = "class Box:\n    def get(self):\n        return 1\n\ndef helper(x):\n    return x\n\n"
    line = {**MBPP[0], "code": code + "def add_0(x):\n    return helper(x)"}
    (problem,) = drawn("train", 1, jsonl(tmp_path / "mine.jsonl", [line] * 3))
    spoilt = humaneval.corrupt(problem, random.Random(0))
    namespace: dict[str, Any] = {}
    exec(spoilt, namespace)
    names = [name for name in namespace if name in ("add_0", "add_1", "add_2", "helper")]
    assert names and all(namespace[name](1) >= 10**6 for name in names)


def test_mbpps_prompt_shows_the_call(tmp_path: Path) -> None:
    (problem,) = drawn("train", 1, jsonl(tmp_path / "mine.jsonl", MBPP))
    assert "Your code should pass this test: assert add_" in problem.prompt
    assert set(problem.reference) == {"test_list", "test_setup_code"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([], "an object was expected"),
        ({"test_list": ["assert f()"]}, "no text under 'prompt'"),
        ({"prompt": "Do it."}, "no tests"),
        ({"prompt": "Do it.", "test_list": []}, "no tests"),
        ({"prompt": "Do it.", "test_list": ["assert f()"], "code": 3}, "no text under 'canonical"),
    ],
)
def test_a_bad_line_is_named(line: Any, words: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "bad.jsonl", [MBPP[0], line])
    with pytest.raises(InputError, match=rf"bad\.jsonl:2: .*{words}"):
        drawn("train", 1, path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        drawn("train", 1, tmp_path / "none.jsonl")
