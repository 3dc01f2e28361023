"""Rows of a file, a folder or a hub dataset, in the shape that they have.

JSONL (gzipped or not), Parquet, a folder that `datasets` saved, or a dataset of the hub. The shape
is found by the columns: verl, SkyRL, open-instruct, GSM8K, MATH, HumanEval, MBPP, APPS, or a prompt
with an answer; `columns` says what else to read. `rlvr check FILE` says what it understood.

Without rows of their own for the evaluation, rows are divided by a hash of the prompt, so that no
prompt is in two splits: 15 % are for eval, 5 % for dev, and more where the config asks for more,
up to a third and a sixth. The rest is for train. Rows with the same prompt are one problem, that of
the last row.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from rlvr.tasks import split_of
from rlvr.tasks.humaneval import corrupt as corrupt_code

from rlvr.data import InputError, Problem, Split
from rlvr.shapes import known
from rlvr.shapes.files import Hub
from rlvr.shapes.known import Item, Shape
from rlvr.verify.verifier import near_miss

VERIFIER = "math"
HELD: dict[Split, int] = {"dev": 6, "eval": 3}
"""The splits that are not trained on: at most one row of so many is for them."""


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    wanted: Mapping[Split, int] | None = None,
    path: str | None = None,
    hub: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
    train_split: str = "train",
    eval_path: str | None = None,
    eval_split: str | None = None,
    few_shot_path: str | None = None,
    shape: str | None = None,
    columns: dict[str, str] | None = None,
    suffix: str = "\n",
) -> Iterator[Problem]:
    """Yield n problems of `split`, shuffled by `seed`; training ones come again when all are used.

    `path`: a file or a folder; or `hub`: a dataset's id, with its `subset` and `revision`.
    `eval_path` or `eval_split`: rows for the evaluation. `few_shot_path`: worked examples, of which
    `prompt.few_shot` come before each prompt. `columns`: the columns that hold prompt, answer,
    solution, level, id. `shape`: the one that rows must have. `suffix`: ends each prompt that is
    text, code apart. `wanted`: how many problems a config asks of eval and of dev.

    Raises InputError, which names the row, for a row that can't be read, and ValueError if eval or
    dev has fewer than n problems.
    """
    rows = read(
        path=path,
        hub=hub,
        subset=subset,
        revision=revision,
        train_split=train_split,
        eval_path=eval_path,
        eval_split=eval_split,
        shape=shape,
        columns=columns,
    )
    yield from drawn(rows, split, n, seed, wanted, suffix)


def sizes(wanted: Mapping[Split, int] | None = None, **options: Any) -> dict[Split, int]:
    """Return how many problems each split has, with the options of `problems`."""
    divided = _divided(read(**options), tuple((wanted or {}).items()))
    return {split: len(divided[split]) for split in ("train", "eval", "dev")}


def suits(**options: Any) -> str:
    """Return the verifier that suits the rows."""
    rows = read(**options)
    return known.suited(rows.shape, rows.training[0].problem)


def understood(**options: Any) -> str:
    """Return what the rows were taken for, in words."""
    rows = read(**options)
    return f"{rows.name}: {len(rows.every):,} rows, {known.understood(rows.shape)}"


def every(**options: Any) -> list[Problem]:
    """Return every row as a problem, those with the same prompt too, by the rows' own ids."""
    rows = read(**options)
    return [replace(item.problem, task="rows") for item in (*rows.every, *(rows.evaluation or ()))]


def shots(n: int, suffix: str = "\n", **options: Any) -> list[Problem] | None:
    """Return the first n worked examples of `few_shot_path`; None where the task has no such file.

    Raises InputError if there are fewer, or one has no solution.
    """
    path = options.get("few_shot_path")
    if path is None:
        return None
    if not n:
        raise InputError("task.few_shot_path: prompt.few_shot says how many of them: it is 0")
    if not Path(path).exists():
        raise InputError(f"task.few_shot_path: no such file: {path}")
    rows = read(path=path, shape=options.get("shape"), columns=options.get("columns"))
    if len(rows.training) < n:
        raise InputError(f"{path}: {len(rows.training)} rows, prompt.few_shot asks for {n}")
    chosen = enumerate(rows.training[:n])
    found = [_problem(one, "train", f"shot/{place}", suffix, "rows") for place, one in chosen]
    if without := [one for one in found if one.solution is None]:
        raise InputError(f"{path}: {without[0].prompt[:60]!r} has no solution: add one to each row")
    return found


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return the real solution with another answer."""
    right, text = problem.reference, str(problem.solution)
    if not isinstance(right, str):
        spoilt = corrupt_code(problem, generator)
        return spoilt if spoilt != text else f"print({generator.randrange(10**6, 10**7)})\n"
    wrong = (
        near_miss(right, generator) if re.search(r"\d", right) else _other_letter(right, generator)
    )
    said = max(text.rfind("\\boxed"), text.rfind("####"))  # where the answer is stated
    at = text.find(right, said) if said >= 0 else text.rfind(right)
    return wrong if at < 0 else text[:at] + wrong + text[at + len(right) :]


def _other_letter(text: str, generator: random.Random) -> str:
    """Return a text with another last letter, as `(C)` for `(B)`; with a 0 if it has none."""
    letters = list(re.finditer(r"[A-Za-z]", text))
    if not letters:
        return f"{text}0"
    at, old = letters[-1].start(), letters[-1].group()
    others = (ascii_lowercase if old.islower() else "ABCD").replace(old, "")
    return text[:at] + generator.choice(others) + text[at + 1 :]


# --- reading ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows as they were read: of each prompt one, and those for the evaluation if they lie apart.

    `every`: those that there were before.
    """

    name: str
    shape: Shape
    every: tuple[Item, ...]
    training: tuple[Item, ...]
    evaluation: tuple[Item, ...] | None


def read(
    *,
    path: str | None = None,
    hub: str | None = None,
    subset: str | None = None,
    revision: str | None = None,
    train_split: str = "train",
    eval_path: str | None = None,
    eval_split: str | None = None,
    shape: str | None = None,
    columns: Mapping[str, str] | None = None,
    suffix: str = "",
    few_shot_path: str | None = None,
) -> Rows:
    """Read the rows with the options of `problems`; the last two do not matter here."""
    if (path is None) == (hub is None):
        raise InputError(
            "task: rows needs either path (a file or a folder) or hub (a dataset's id)"
        )
    if eval_path and eval_split:
        raise InputError("task.eval_split: eval_path has the rows for the evaluation: drop one")
    if path is not None and eval_split and not Path(path).is_dir():
        raise InputError(f"task.eval_split: {path} has no splits: give eval_path, a file")

    def of(split: str, file: str | None, key: str) -> Asked:
        source = Hub(str(hub), subset, split, revision) if file is None else Path(file)
        if isinstance(source, Path) and not source.exists():
            raise InputError(f"task.{key}: no such file: {source}")
        stamp = source.stat().st_mtime_ns if isinstance(source, Path) else 0
        return Asked(source, split, shape, tuple((columns or {}).items()), stamp)

    evaluation = None
    if eval_path or eval_split:
        key = "eval_path" if eval_path else "path"
        evaluation = of(eval_split or train_split, eval_path or path, key)
    return _read(path or str(hub), of(train_split, path, "path"), evaluation)


@dataclass(frozen=True, slots=True)
class Asked:
    """Rows to be read, and how; `stamp`: when the file was written."""

    source: Path | Hub
    split: str
    shape: str | None
    columns: tuple[tuple[str, str], ...]
    stamp: int

    def items(self) -> tuple[Shape, tuple[Item, ...]]:
        """Read the rows."""
        found, items = known.read_items(self.source, dict(self.columns), self.shape, self.split)
        return found, tuple(items)


@lru_cache(maxsize=8)  # a run draws three splits for each of its seeds
def _read(name: str, training: Asked, evaluation: Asked | None) -> Rows:
    shape, every = training.items()
    tested = _different(evaluation.items()[1]) if evaluation else None
    return Rows(name, shape, every, _different(every), tested)


def _different(items: Sequence[Item]) -> tuple[Item, ...]:
    return tuple({_content(item): item for item in items}.values())


def _content(item: Item) -> str:
    """Return what no two splits may share."""
    return item.problem.prompt.strip()


# --- splits ----------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _divided(rows: Rows, held: tuple[tuple[Split, int], ...]) -> dict[Split, Sequence[Item]]:
    """Return the rows of each split, in the order of the file.

    The rows with the highest hashes are for dev, the next for eval: what `split_of` says, and more
    where more is wanted: `held` has how many.
    """
    wanted = dict(held)
    found: dict[Split, Sequence[Item]] = {}
    rest = list(rows.training)
    if rows.evaluation is not None:
        found["eval"] = rows.evaluation
        tested = {_content(item) for item in rows.evaluation}
        rest = [item for item in rest if _content(item) not in tested]
    total, left = len(rest), sorted(rest, key=_place, reverse=True)
    for split, part in HELD.items():
        if split not in found:
            usual = sum(split_of(_content(item)) == split for item in rest)
            count = min(max(usual, wanted.get(split, 0)), total // part)
            found[split], left = _in_order(rest, left[:count]), left[count:]
    return found | {"train": _in_order(rest, left)}


def _place(item: Item) -> bytes:
    return hashlib.sha256(_content(item).encode()).digest()


def _in_order(every: Sequence[Item], chosen: Sequence[Item]) -> list[Item]:
    places = set(map(id, chosen))
    return [item for item in every if id(item) in places]


def drawn(
    rows: Rows,
    split: Split,
    n: int,
    seed: int,
    wanted: Mapping[Split, int] | None,
    suffix: str,
    task: str = "rows",
) -> Iterator[Problem]:
    """Yield n problems of a split, shuffled by `seed`, as problems of `task`."""
    items = _divided(rows, tuple((wanted or {}).items()))[split]
    if n and (not items or (split != "train" and len(items) < n)):
        raise ValueError(_too_few(rows, split, n, len(items)))
    for index in range(n):
        epoch, place = divmod(index, len(items))
        if place == 0:
            order = list(range(len(items)))
            random.Random(f"{task}/{split}/{seed}/{epoch}").shuffle(order)
        yield _problem(items[order[place]], split, f"{seed}/{index}", suffix, task)


def _too_few(rows: Rows, split: Split, n: int, there: int) -> str:
    said = f"{rows.name}: {len(rows.training):,} problems, of which {there:,} for {split!r}; {n:,} "
    if split == "eval" and rows.evaluation is not None:
        return f"{rows.name}: {there:,} problems for the evaluation, {n:,} asked for: lower it"
    least = n * HELD.get(split, 2)
    fix = f"lower it to {there:,}, or give " if there else "give "
    return f"{said}asked for: {fix}at least {least:,} different problems"


def _problem(item: Item, split: Split, place: str, suffix: str, task: str) -> Problem:
    name = _place(item).hex()[:12]
    code = not isinstance(item.problem.reference, str)  # a program goes on where its prompt ends
    return replace(
        item.problem,
        id=f"{task}/{split}/{place}/{name}",
        task=task,
        split=split,
        prompt=item.problem.prompt if code else _content(item) + suffix,
    )
