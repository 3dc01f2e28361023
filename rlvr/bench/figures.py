"""Figures: arms against the base in tasks of lm-eval, paired by seed, and the table of them.

Intervals are those of the run's own metrics: over the seeds' differences, never narrower than the
documents alone make them. They are not corrected for how many tasks were looked at, and no verdict
follows from them: the run's rule was stated for its own metric, before the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from rlvr.records import record
from rlvr.records.layout import BASE, Place
from rlvr.results.effects import number, plain, signed
from rlvr.results.tables import Table
from rlvr.results.terminal import drawn
from rlvr.statistics.estimates import MIN_SEEDS, error_covariance, paired_interval

EQUAL = 1e-9  # a figure this near the mean over its documents is that mean
LARGE = 1e6
Key = tuple[str, str, str]  # task or group, metric, filter


@dataclass(frozen=True)
class Part:
    """What the weights of one place did in one benchmark.

    `values`: the harness's figures. `rows`: the file that has them by document, with `value` null
    where a metric has none of a single document. `truncated`: how many prompts were too long.
    """

    place: Place
    values: Mapping[Key, float]
    rows: Path
    truncated: int


def figures(parts: Sequence[Part], arm: str, confidence: float) -> Iterator[dict[str, Any]]:
    """Yield a figure for each task, metric and filter: `arm` against the base, paired by seed.

    `documents`: how many the floor of the interval is taken from; None where the figure is no mean
    over documents, so that the interval is of the seeds alone.
    """
    sides = {name: [one for one in parts if one.place.arm == name] for name in (BASE, arm)}
    for pair in _by_benchmark(sides[BASE], sides[arm]):
        tables = [[_by_document(one) for one in side] for side in pair]
        for key in pair[0][0].values:
            base, final = ([one.values[key] for one in side] for side in pair)
            deltas = [b - a for a, b in zip(base, final, strict=True)]
            matrix = _documents(tables, key, (base, final))
            if matrix is not None and matrix.shape[1] < 2:
                matrix = None  # one document says nothing of the error
            errors = None if matrix is None else error_covariance(matrix)
            interval = paired_interval(deltas, confidence, errors)
            yield {
                "arm": arm,
                **dict(zip(("task", "metric", "filter"), key, strict=True)),
                "base": plain(float(np.mean(base))),
                "final": plain(float(np.mean(final))),
                "delta": plain(interval.delta),
                "ci": [plain(interval.low), plain(interval.high)],
                "seeds": [[plain(a), plain(b)] for a, b in zip(base, final, strict=True)],
                "documents": None if matrix is None else matrix.shape[1],
            }


def _by_benchmark(
    base: Sequence[Part], arm: Sequence[Part]
) -> Iterator[tuple[list[Part], list[Part]]]:
    """Yield the parts of base and arm in each benchmark, seed by seed in the same order."""
    for name in dict.fromkeys(one.rows.name for one in base):
        yield (
            [one for one in base if one.rows.name == name],
            [one for one in arm if one.rows.name == name],
        )


def _by_document(part: Part) -> Mapping[Any, Any]:
    """Return the values by document, a series for each task, metric and filter."""
    columns = ["task", "metric", "filter", "document", "value"]
    frame: pd.DataFrame = record.read_table(part.rows, columns).to_pandas()
    return {key: of.set_index("document")["value"] for key, of in frame.groupby(columns[:3])}


def _documents(
    tables: Sequence[Sequence[Mapping[Any, Any]]], key: Key, values: Sequence[Sequence[float]]
) -> Any:
    """Return the differences, a row a seed and a column a document, of one figure.

    None where the figure is no mean over documents: a group's, a perplexity, a score of the corpus.
    """
    found = [[table.get(key) for table in side] for side in tables]
    for side, means in zip(found, values, strict=True):
        for of, mean in zip(side, means, strict=True):
            if of is None or not abs(float(of.mean(skipna=False)) - mean) <= EQUAL:
                return None
    base, final = (np.array([np.asarray(of, float) for of in side]) for side in found)
    return final - base


def print_bench(of: Mapping[str, Any], console: Console) -> None:
    """Print bench.json as a table, and what has to be known about it in sentences."""
    rows = []
    for one in of["figures"]:
        metric = one["metric"] if one["filter"] == "none" else f"{one['metric']} {one['filter']}"
        figures = (_text(one["base"], number), _text(one["final"], number))
        low, high = (_text(x, signed) for x in one["ci"])
        interval = low if low == "-" else f"{low} to {high}"
        delta = _text(one["delta"], signed)
        rows.append((one["task"], metric, one["arm"], *figures, delta, interval))
    interval_head = f"{100 * of['confidence']:g} % interval"
    head = ("task", "metric", "arm", "base", "arm", "delta", interval_head)
    title = f"{of['run']}, round {of['round']}: lm-eval {of['lm_eval']}"
    console.print(drawn(Table(title, head, tuple(rows), names=3)))
    console.print()
    for line in _said(of):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _text(x: float | None, write: Callable[[float], str]) -> str:
    """Return a figure as text: a perplexity of a model that knows little has twenty digits."""
    x = math.nan if x is None else x
    return f"{x:.3g}" if abs(x) >= LARGE else write(x)


def _said(of: Mapping[str, Any]) -> Iterator[str]:
    seeds = len(of["seeds"])
    yield (
        f"Each interval is over {seeds} seed{'s' * (seeds != 1)}, paired with the seed's base; "
        "none is corrected for the number of tasks. No verdict follows: the run's rule is about "
        "its own metric."
    )
    if seeds < MIN_SEEDS:
        yield f"With fewer than {MIN_SEEDS} seeds a difference says little."
    if any(one["documents"] is None for one in of["figures"]):
        yield (
            "Figures that are no mean over documents (groups, perplexities, scores of a corpus) "
            "have intervals of the seeds alone."
        )
    if of["truncated"]:
        yield f"{of['truncated']:,} prompts were longer than the engine takes: cut at their front."
    if of["limit"]:
        yield f"Only the first {of['limit']:,} documents of each task: no figure to publish."
