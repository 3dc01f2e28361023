"""Questions and answers from a file or a hub dataset: `problem`, `answer`, `solution` if any.

`problem` may also be called `question`. GSM8K's format works too: in an answer such as `3 + 4 = 7
#### 7` the text after `####` is the reference, and the whole answer is the solution. Without a file
for each split, lines are divided into train, eval and dev by a hash of the problem's text, so that
no problem is in two splits.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlvr.tasks import split_of

from rlvr.data import InputError, Problem, Split

VERIFIER = "math"


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    path: str | None = None,
    eval_path: str | None = None,
    dataset: str | None = None,
    subset: str | None = None,
    train_split: str = "train",
    eval_split: str | None = "test",
    suffix: str = "\n",
) -> Iterator[Problem]:
    """Yield n problems of `split`, shuffled by `seed`; training ones come again when all are used.

    Give `path` (and `eval_path`, if the test set has a file of its own), or `dataset` (and
    `subset`) of the hub. `suffix` is added to each prompt. Raises InputError, which names file and
    line, for a line of another form, and ValueError if eval or dev has fewer than n problems.
    """
    lines = _of_split(split, *_read(path, eval_path, dataset, subset, train_split, eval_split))
    source = path or dataset
    if (not lines and n) or (split != "train" and len(lines) < n):
        raise ValueError(
            f"{source}: {len(lines)} problems for {split!r}, {n} asked for: lower the number, or "
            "give more lines"
        )
    yield from _shuffled(lines, split, n, seed, suffix)


def sizes(suffix: str = "", **source: Any) -> dict[Split, int]:
    """Return how many problems each split has, with the options of `problems`."""
    read = _read(**source)
    splits: tuple[Split, ...] = ("train", "eval", "dev")
    return {split: len(_of_split(split, *read)) for split in splits}


def _read(
    path: str | None = None,
    eval_path: str | None = None,
    dataset: str | None = None,
    subset: str | None = None,
    train_split: str = "train",
    eval_split: str | None = "test",
) -> tuple[list[dict[str, Any]], list[dict[str, Any]] | None]:
    """Return the lines to train on, and those of the test set's own file, None if it has none."""
    if (path is None) == (dataset is None):
        raise InputError("task: qa needs either path (a JSONL file) or dataset (a hub id)")
    if path is not None:
        return read_jsonl(Path(path)), read_jsonl(Path(eval_path)) if eval_path else None
    training = _read_hub(str(dataset), subset, train_split)
    return training, _read_hub(str(dataset), subset, eval_split) if eval_split else None


def _of_split(
    split: Split, training: list[dict[str, Any]], evaluation: list[dict[str, Any]] | None
) -> list[dict[str, Any]]:
    if evaluation is None:
        return [line for line in training if split_of(line["problem"]) == split]
    if split == "eval":
        return evaluation
    tested = {line["problem"] for line in evaluation}
    # From the training file only dev is held back, by hash; the rest is for training.
    held = [line for line in training if line["problem"] not in tested]
    return [line for line in held if (split_of(line["problem"]) == "dev") == (split == "dev")]


def _shuffled(
    lines: list[dict[str, Any]], split: Split, n: int, seed: int, suffix: str
) -> Iterator[Problem]:
    for index in range(n):
        epoch, place = divmod(index, len(lines))
        if place == 0:
            order = list(range(len(lines)))
            random.Random(f"qa/{split}/{seed}/{epoch}").shuffle(order)
        line = lines[order[place]]
        name = hashlib.sha256(line["problem"].encode()).hexdigest()[:12]
        yield Problem(
            id=f"qa/{split}/{seed}/{index}/{name}",
            task="qa",
            split=split,
            level=str(line.get("level", "all")),
            prompt=line["problem"] + suffix,
            reference=line["answer"],
            solution=line.get("solution"),
        )


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """Read a JSONL file of questions and answers, each problem once.

    Raises InputError, which names file and line.
    """
    if not path.is_file():
        raise InputError(f"task.path: no such file: {path}")
    lines = []
    with open(path, "rb") as file:
        for number, data in enumerate(file, 1):
            if not data.strip():
                raise InputError(f"{path}:{number}: the line is empty: one JSON object a line")
            try:
                value = json.loads(data.decode())
            except ValueError as failure:
                raise InputError(
                    f"{path}:{number}: not JSON ({failure}): one JSON object a line"
                ) from failure
            lines.append(_normalise(value, f"{path}:{number}"))
    if not lines:
        raise InputError(
            f"{path}: the file is empty: one JSON object a line with problem and answer"
        )
    return list({line["problem"]: line for line in lines}.values())


def _normalise(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(
            f"{where}: a JSON {type(value).__name__}, an object with problem and answer was "
            "expected"
        )
    problem, answer = value.get("problem", value.get("question")), value.get("answer")
    if not isinstance(problem, str) or not problem.strip():
        raise InputError(f"{where}: no text under 'problem' (or 'question')")
    if (
        isinstance(answer, bool)
        or not isinstance(answer, (str, int, float))
        or not str(answer).rpartition("####")[2].strip()
        or answer != answer
    ):
        raise InputError(f"{where}: no text or number under 'answer'")
    if not isinstance(value.get("solution", ""), str | None):
        raise InputError(f"{where}: no text under 'solution'")
    line = {**value, "problem": problem.strip(), "answer": str(answer)}
    reasoning, mark, final = str(answer).rpartition("####")
    if mark:
        line |= {
            "answer": final.strip().replace(",", ""),
            "solution": f"{reasoning.strip()}\n#### {final.strip()}",
        }
    return line


def _read_hub(dataset: str, subset: str | None, split: str) -> list[dict[str, Any]]:
    import datasets

    try:
        rows = datasets.load_dataset(dataset, subset, split=split)
    except (OSError, ValueError) as failure:
        raise InputError(
            f"task.dataset: can't load {dataset!r} ({type(failure).__name__}: "
            f"{str(failure).splitlines()[0][:150]}): "
            "check the id, the subset and the network, or give task.path"
        ) from failure
    lines = [_normalise(row, f"{dataset}[{split}] row {i}") for i, row in enumerate(rows)]
    return list({line["problem"]: line for line in lines}.values())
