"""Benchmark: the weights of arms, and of the base that each began from, in tasks of lm-eval.

    OUT/seed-S/ARM/round-TTT/TASK.json       the figures of one set of weights in a task or group
    OUT/seed-S/ARM/round-TTT/TASK.parquet    and a row for each document, filter and metric
    OUT/bench.json                           arm against base, paired by seed; written last

The same command goes on with what is missing. A TASK.json says of which weights, settings and
documents it is, and is made again where one of them has changed. The run is only read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rlvr.bench.figures import Part, figures
from rlvr.bench.model import EngineModel, Tell
from rlvr.bench.tasks import Benchmark, find, measure
from rlvr.data import InputError
from rlvr.engine.registry import engine_of
from rlvr.models.loading import fingerprint, load_tokenizer
from rlvr.records import record
from rlvr.records.layout import BASE, MODEL, Place, base_of
from rlvr.results.compare import read_results
from rlvr.results.effects import Results
from rlvr.results.frames import known

SUMMARY = "bench.json"
LONGEST = 4096  # tokens of a sequence, where the run's `engine.max_model_len` does not say
ROWS = pa.schema(
    [
        *((name, pa.string()) for name in ("task", "filter", "metric")),
        ("document", pa.int64()),
        ("value", pa.float64()),
        *((name, pa.string()) for name in ("prompt", "target", "responses", "read")),
    ]
)


def bench(
    run: Path,
    tasks: Sequence[str],
    arms: Sequence[str],
    out: Path,
    votes: int | None = None,
    limit: int | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure the weights of arms (all if none is named) in tasks; return what bench.json has.

    `out`: the folder to write. `votes` and `limit` as in `tasks.find`. `console` shows progress if
    it is a terminal. Raises InputError, before anything starts, where `run` is no run, has no such
    arm or no weights of one at the compared round, and where a task can't be done; RunError for an
    engine that fails.
    """
    r = read_results(run)
    for arm in arms:
        known("--arm", arm, r.arms)
    asked = [arm for arm in r.arms if arm in arms or not arms]
    places = [place for s in r.seeds for place in (base_of(s), *(r.place(s, a) for a in asked))]
    for place in places:
        _check_weights(r, place)
    found = find(tasks, votes, limit)
    settings = {"lm_eval": version("lm_eval"), "maj": votes, "limit": limit}
    with record.locked(out):
        parts = _measured(r, places, found, out, settings, console)
        summary = {
            "run": r.name,
            "round": r.round,
            "seeds": list(r.seeds),
            "confidence": r.confidence,
            **settings,
            "truncated": sum(part.truncated for part in parts),
            "figures": [one for arm in asked for one in figures(parts, arm, r.confidence)],
        }
        record.write_json(out / SUMMARY, summary)
    return summary


def default_folder(run: Path) -> Path:
    """Return RUN/bench."""
    return run / "bench"


def _check_weights(r: Results, place: Place) -> None:
    folder = place.folder(r.folder) / MODEL
    if folder.is_dir():
        return
    if r.config.get("checkpoints") == "none" and place.arm != BASE:
        raise InputError(
            f"{r.folder}/config.json: checkpoints: none: the weights of its arms are gone: make "
            "the run again with checkpoints=last"
        )
    raise InputError(
        f"{folder}: no weights: give a run that still has those of its last round in every seed"
    )


def _measured(
    r: Results,
    places: Sequence[Place],
    found: Sequence[Benchmark],
    out: Path,
    settings: Mapping[str, Any],
    console: Console | None,
) -> list[Part]:
    """Return the part of each place and benchmark: read where it is there, else measured now."""
    todo = []
    for place in places:
        weights = fingerprint(place.folder(r.folder) / MODEL)
        for one in found:
            todo.append((place, one, {**settings, "weights": weights, "task": one.key}))
    parts = [_read(_path(out, place, one), place, of) for place, one, of in todo]
    if all(parts):
        return [part for part in parts if part]
    with _bar(console) as bar, _model(r, places[0]) as model:
        loaded = None
        for at, (place, one, of) in enumerate(todo):
            if parts[at]:
                continue
            if place != loaded:
                model.load(place.folder(r.folder) / MODEL, place.seed)
                loaded = place
            with bar(f"seed {place.seed}, {place.arm}: {one.name}") as model.tell:
                parts[at] = _measure(r, model, one, _path(out, place, one), place, of)
    return [part for part in parts if part]


def _measure(
    r: Results, model: EngineModel, one: Benchmark, path: Path, place: Place, of: Mapping[str, Any]
) -> Part:
    """Measure the model's weights in a benchmark, and write the part."""
    prompt = r.config.get("prompt") or {}
    chat, system = prompt.get("format") == "chat", prompt.get("system")
    model.truncated = 0
    found = measure(one, model, of["limit"], chat, system)
    values = [[*key, value] for key, value in found.values.items()]
    record.write_table(path.with_suffix(".parquet"), pa.Table.from_pylist(found.rows, ROWS))
    record.write_json(path, {"of": of, "truncated": model.truncated, "values": values})
    return Part(place, dict(found.values), path.with_suffix(".parquet"), model.truncated)


def _path(out: Path, place: Place, one: Benchmark) -> Path:
    return place.folder(out) / f"{one.name}.json"


def _read(path: Path, place: Place, of: Mapping[str, Any]) -> Part | None:
    """Return a part that is there; None where there is none of these weights and settings."""
    try:
        read = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    rows = path.with_suffix(".parquet")
    if not isinstance(read, dict) or read.get("of") != of or not rows.is_file():
        return None
    values = {(task, metric, way): float(x) for task, metric, way, x in read["values"]}
    return Part(place, values, rows, int(read["truncated"]))


@contextmanager
def _model(r: Results, first: Place) -> Iterator[EngineModel]:
    """Start the run's engine; yield the model that the harness asks."""
    from transformers import AutoConfig

    folder = first.folder(r.folder) / MODEL
    given = dict(r.config.get("engine") or {})
    known = AutoConfig.from_pretrained(folder).get_text_config()  # a vision model has it inside
    positions = int(getattr(known, "max_position_embeddings", LONGEST))
    length = int(given.setdefault("max_model_len", min(positions, LONGEST)))
    prompt = r.config.get("prompt") or {}
    template = prompt.get("chat_template_kwargs") or {}
    dtype = "float32" if r.config["train"]["precision"] == "fp32" else "bfloat16"
    start, arguments = engine_of(given)
    with start(folder, dtype, arguments) as engine:
        engine.wait_ready()
        tokenizer = load_tokenizer(folder)
        chat = prompt.get("format") == "chat"
        yield EngineModel(engine, tokenizer, length, template if chat else None)


@contextmanager
def _bar(console: Console | None) -> Iterator[Any]:
    """Yield what shows the requests of one benchmark: called with its words, it gives a `Tell`."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    shown = bool(console and console.is_terminal)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not shown) as bar:

        @contextmanager
        def showing(words: str) -> Iterator[Tell]:
            task = bar.add_task(words, total=None)
            yield lambda done, of: bar.update(task, completed=done, total=of)
            bar.remove_task(task)

        yield showing
