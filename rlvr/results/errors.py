"""How exactly each seed's figure is measured, from what a round's evaluation recorded.

A figure of a seed is a mean over held-out problems. `errors_of` returns the covariances of the
seeds' measurement errors (`rlvr.statistics.estimates.error_covariance`), problem by problem: where
two sides are compared, from the difference of the two on the same problem. Known are the metrics
that are a mean over problems of what the records of that problem say: pass@k, greedy accuracy, the
base at its best temperature, and accuracy on tasks that are not trained on; by level too. What it
does not do: real NLL, of which no figure by problem is recorded, and figures of a set of
completions or of a tail, which are no means over problems.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlvr.data import DECIDED
from rlvr.evaluate.metrics import OFF_TARGET
from rlvr.records.record import read_table
from rlvr.statistics.estimates import error_covariance, pass_at_k

Array = Any  # of numpy
Side = tuple[Path, str]  # an eval.parquet, and a metric
_LEVEL = re.compile(r"(.+?)\[(.*)\]")
_PASS = re.compile(r"pass@(\d+)")
_SEEDED = re.compile(r"/\d+/\d+/(?=.)")  # /SEED/INDEX/ before a name that all seeds share
_KINDS = {"greedy": "greedy", "pass@1_best_temperature": "best"}
_BOUNDS = ("pass@1_low", "pass@1_high")


@dataclass(frozen=True, slots=True)
class Counts:
    """The records of one kind in an evaluation, counted by problem: arrays, a value a problem.

    `problem`: a number that stands for it, the same in every seed that has this problem.
    """

    problem: Array
    level: Array
    samples: Array
    decided: Array
    correct: Array


def errors_of(
    pairs: Sequence[tuple[Side, ...]], weights: Sequence[float] = (1.0, -1.0)
) -> Array | None:
    """Return the covariances of the seeds' measurement errors, an array seed by seed.

    `pairs`: for each seed the side that is measured, or two of which the second is subtracted; or
    as many as there are `weights`, by which their figures are multiplied and then added.
    Samples of a problem without a verdict are left out, as the metric itself does; so are problems
    that one side lacks. None where a file is not there, and for a metric that it can't tell.
    Raises Damaged for a file that can't be read.
    """
    found = [_sums(sides, weights) for sides in pairs]
    known = [one for one in found if one is not None]
    if not known or len(known) < len(found):
        return None
    problems, place = np.unique(np.concatenate([of for of, _ in known]), return_inverse=True)
    seed = np.repeat(np.arange(len(known)), [len(of) for of, _ in known])
    values = np.full((len(known), len(problems)), math.nan)
    values[seed, place] = np.concatenate([figures for _, figures in known])
    errors = error_covariance(values)
    return errors if np.isfinite(errors).all() else None


def _sums(sides: tuple[Side, ...], weights: Sequence[float]) -> tuple[Array, Array] | None:
    """Return the problems that all sides have, and the sum of the sides' weighted figures."""
    figures = [_by_problem(path, metric) for path, metric in sides]
    if any(one is None for one in figures):
        return None
    [(problems, values), *others] = [one for one in figures if one is not None]
    values = weights[0] * values
    for weight, (theirs, added) in zip(weights[1:], others, strict=False):
        problems, mine, their = np.intersect1d(problems, theirs, True, return_indices=True)
        values = values[mine] + weight * added[their]
    return problems, values


def is_by_problem(metric: str) -> bool:
    """Return whether records of an evaluation can tell a metric of each problem."""
    name, _ = _parts(metric)
    fixed = name in _KINDS or name in _BOUNDS or name.startswith(f"{OFF_TARGET}.")
    return fixed or _PASS.fullmatch(name) is not None


def _parts(metric: str) -> tuple[str, str | None]:
    """Return a metric's name, and the level that it is of, None for all."""
    found = _LEVEL.fullmatch(metric)
    return (found[1], found[2]) if found else (metric, None)


def _by_problem(path: Path, metric: str) -> tuple[Array, Array] | None:
    """Return the problems that have a figure of `metric`, and the figures; None where unknown."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return None
    return _figures(path, there.st_mtime_ns, there.st_size, metric)


@functools.lru_cache(maxsize=2048)
def _figures(path: Path, changed: int, size: int, metric: str) -> tuple[Array, Array] | None:
    """Return what `_by_problem` does of a file that was changed at `changed` (ns)."""
    name, level = _parts(metric)
    k = _PASS.fullmatch(name)
    kind = "sample" if k or name in _BOUNDS else _KINDS.get(name, name)
    of = _read(path, changed, size).get(kind)
    if of is None:
        return None
    if name in _BOUNDS:
        undecided = of.samples - of.decided if name == "pass@1_high" else 0
        usable, figures = of.samples > 0, (of.correct + undecided) / of.samples
    else:
        least = int(k[1]) if k else 1
        usable = of.decided >= least
        figures = _passes(of, least)
    if level is not None:
        usable = usable & (of.level == level)
    return of.problem[usable], figures[usable]


def _passes(of: Counts, k: int) -> Array:
    """Return pass@k of each problem, nan of those with fewer decided samples."""
    pairs, place = np.unique(np.stack([of.decided, of.correct]), axis=1, return_inverse=True)
    each = [pass_at_k(int(n), int(c), k) if n >= k else math.nan for n, c in pairs.T]
    return np.array(each)[place.reshape(-1)]


@functools.lru_cache(maxsize=1024)
def _read(path: Path, changed: int, size: int) -> dict[str, Counts]:
    table = read_table(path, ["kind", "problem_id", "level", "status"])
    flags = {
        "decided": pc.is_in(table["status"], value_set=pa.array(sorted(DECIDED))),
        "correct": pc.equal(table["status"], "correct"),
    }
    for name, flag in flags.items():
        table = table.append_column(name, flag.cast("int64"))
    grouped = table.group_by(["kind", "problem_id"], use_threads=False).aggregate(
        [("level", "min"), ("status", "count"), ("decided", "sum"), ("correct", "sum")]
    )
    columns = {name: grouped[name].to_numpy() for name in grouped.column_names}
    found = {}
    for kind in sorted(set(columns["kind"])):
        of = {name: column[columns["kind"] == kind] for name, column in columns.items()}
        found[kind] = Counts(
            problem=_common(of["problem_id"]),
            level=of["level_min"],
            samples=of["status_count"],
            decided=of["decided_sum"],
            correct=of["correct_sum"],
        )
    return found


def _common(ids: Array) -> Array:
    """Return a number for each problem's id, without SEED/INDEX before a name in it."""
    shorter = [_SEEDED.sub("/", problem, count=1) for problem in ids]
    texts = shorter if len(set(shorter)) == len(ids) else list(ids)
    digests = b"".join(hashlib.blake2b(one.encode(), digest_size=8).digest() for one in texts)
    return np.frombuffer(digests, "<u8")
