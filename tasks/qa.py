"""The task `rows` under the name and the options that it had before, for configs of that time.

`dataset` is what `rows` calls `hub`. Its test split is for the evaluation, unless `eval_split` says
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlvr.tasks import rows

from rlvr.data import InputError, Problem, Split

VERIFIER = "math"


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    wanted: Mapping[Split, int] | None = None,
    path: str | None = None,
    eval_path: str | None = None,
    dataset: str | None = None,
    subset: str | None = None,
    train_split: str = "train",
    eval_split: str | None = "test",
    suffix: str = "\n",
) -> Iterator[Problem]:
    """Yield n problems of `split`, as `rows` does."""
    read = rows.read(**_renamed(path, eval_path, dataset, subset, train_split, eval_split))
    yield from rows.drawn(read, split, n, seed, wanted, suffix, "qa")


def sizes(
    wanted: Mapping[Split, int] | None = None, suffix: str = "\n", **options: Any
) -> dict[Split, int]:
    """Return how many problems each split has, with the options of `problems`."""
    sizes: dict[Split, int] = rows.sizes(wanted, **_renamed(**options))
    return sizes


def understood(suffix: str = "\n", **options: Any) -> str:
    """Return what the rows were taken for, in words."""
    said: str = rows.understood(**_renamed(**options))
    return said


def _renamed(
    path: str | None = None,
    eval_path: str | None = None,
    dataset: str | None = None,
    subset: str | None = None,
    train_split: str = "train",
    eval_split: str | None = "test",
) -> dict[str, Any]:
    if (path is None) == (dataset is None):
        raise InputError("task: qa needs either path (a JSONL file) or dataset (a hub id)")
    if path is not None:
        return {"path": path, "eval_path": eval_path}
    of_hub = {"subset": subset, "train_split": train_split, "eval_split": eval_split}
    return {"hub": dataset, **of_hub}
