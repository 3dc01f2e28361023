"""How exactly each seed's figure is measured, from what a round's evaluation recorded.

A figure of a seed is a mean over held-out problems. `errors_of` returns the covariances of the
seeds' measurement errors (`rlvr.statistics.estimates.error_covariance`), problem by problem: where
two sides are compared, from the difference of the two on the same problem. Known are the metrics
that are a mean over problems of what the records of that problem say: pass@k, greedy accuracy, the
base at its best temperature, accuracy on tasks that are not trained on, and the NLL of real
solutions where it is recorded by problem; by level too. What it does not do: figures of a set of
completions or of a tail, which are no means over problems.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
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
_KINDS = {"greedy": "greedy", "pass@1_best_temperature": "best", "real_nll": "real"}
_BOUNDS = ("pass@1_low", "pass@1_high")


@dataclass(frozen=True, slots=True)
class Counts:
    """The records of one kind in an evaluation, counted by problem: arrays, a value a problem.

    `problem`: a number that stands for it, the same in every seed that has this problem. `tokens`
    and `logprob` (nats): sums over its records.
    """

    problem: Array
    level: Array
    samples: Array
    decided: Array
    correct: Array
    tokens: Array
    logprob: Array

    def chosen(self, which: Array) -> Counts:
        """Return the counts of the problems that a mask names."""
        return Counts(*(getattr(self, field.name)[which] for field in fields(self)))


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
    known: list[tuple[Array, Array]] = []
    for sides in pairs:
        if (one := _sums(sides, weights)) is None:
            return None
        known.append(one)
    if not known:
        return None
    problems, place = np.unique(np.concatenate([of for of, _ in known]), return_inverse=True)
    seed = np.repeat(np.arange(len(known)), [len(of) for of, _ in known])
    values = np.full((len(known), len(problems)), math.nan)
    values[seed, place] = np.concatenate([figures for _, figures in known])
    errors = error_covariance(values)
    return errors if np.isfinite(errors).all() else None


def _sums(sides: tuple[Side, ...], weights: Sequence[float]) -> tuple[Array, Array] | None:
    """Return the problems that all sides have, and the sum of the sides' weighted figures."""
    figures: list[tuple[Array, Array]] = []
    for path, metric in sides:
        if (one := _by_problem(path, metric)) is None:
            return None
        figures.append(one)
    (problems, values), *others = figures
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
    if level is not None:
        of = of.chosen(of.level == level)
    if name == "real_nll":
        return of.problem, _by_token(of)
    if name in _BOUNDS:
        undecided = of.samples - of.decided if name == "pass@1_high" else 0
        return of.problem, (of.correct + undecided) / of.samples
    least = int(k[1]) if k else 1
    of = of.chosen(of.decided >= least)
    return of.problem, _passes(of, least)


def _passes(of: Counts, k: int) -> Array:
    """Return pass@k of each problem, which has at least k decided samples."""
    pairs, place = np.unique(np.stack([of.decided, of.correct]), axis=1, return_inverse=True)
    each = [pass_at_k(int(n), int(c), k) for n, c in pairs.T]
    return np.array(each, float)[place.reshape(-1)]


def _by_token(of: Counts) -> Array:
    """Return for each problem what it adds to the NLL a token (nats), so that their mean is that.

    The NLL a token is a ratio of two sums over problems, R: its error is that of the mean of
    R + (nll[j] - R tokens[j]) / mean tokens (Cochran 1977, Sampling Techniques, chapter 6).
    """
    if not len(of.problem):
        return np.zeros(0)
    nll = -of.logprob
    ratio = nll.sum() / of.tokens.sum()
    return ratio + (nll - ratio * of.tokens) / of.tokens.mean()


@functools.lru_cache(maxsize=1024)
def _read(path: Path, changed: int, size: int) -> dict[str, Counts]:
    table = read_table(path, ["kind", "problem_id", "level", "status", "tokens", "logprob"])
    flags = {
        "decided": pc.is_in(table["status"], value_set=pa.array(sorted(DECIDED))),
        "correct": pc.equal(table["status"], "correct"),
    }
    for name, flag in flags.items():
        table = table.append_column(name, flag.cast("int64"))
    sums = [(name, "sum") for name in (*flags, "tokens", "logprob")]
    grouped = table.group_by(["kind", "problem_id"], use_threads=False).aggregate(
        [("level", "min"), ("status", "count"), *sums]
    )
    columns = {name: grouped[name].to_numpy() for name in grouped.column_names}
    found = {}
    for kind in sorted(set(columns["kind"])):
        of = {name: column[columns["kind"] == kind] for name, column in columns.items()}
        found[kind] = Counts(
            problem=common(of["problem_id"]),
            level=of["level_min"],
            samples=of["status_count"],
            decided=of["decided_sum"],
            correct=of["correct_sum"],
            tokens=of["tokens_sum"],
            logprob=of["logprob_sum"],
        )
    return found


def common(ids: Array) -> Array:
    """Return a number for each problem's id, without SEED/INDEX before a name in it."""
    shorter = [_SEEDED.sub("/", problem, count=1) for problem in ids]
    texts = shorter if len(set(shorter)) == len(ids) else list(ids)
    digests = b"".join(hashlib.blake2b(one.encode(), digest_size=8).digest() for one in texts)
    return np.frombuffer(digests, "<u8")
