"""Tasks: finds the harness's tasks, says before anything starts what can't be done, and runs one.

A task may fetch its data when it is made. That is done here for all of them at once, so that a
missing file or network is known before an engine starts.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from lm_eval.api.filter import Filter, FilterEnsemble
from lm_eval.evaluator import evaluate
from lm_eval.filters.selection import TakeFirstFilter
from lm_eval.tasks import TaskManager

from rlvr.bench.model import GENERATION, EngineModel
from rlvr.data import InputError, nearest
from rlvr.models.quiet import quiet
from rlvr.records.record import digest
from rlvr.sections import one_line

SEED = 1234  # of the few-shot examples: the harness's own default
NO_ANSWER = "[invalid]"  # what the harness's filters read where a text has no answer
NO_FILTER = "none"


@dataclass(frozen=True)
class Benchmark:
    """A task, a group of tasks or those of a tag, by the name that was asked for.

    `loaded`: what lm-eval's TaskManager made of it. `key`: a sha256 of its settings and documents,
    but not of the code that functions among its settings call.
    """

    name: str
    loaded: Mapping[str, Any]
    key: str

    @property
    def tasks(self) -> Mapping[str, Any]:
        """The single tasks by name."""
        found: Mapping[str, Any] = self.loaded["tasks"]
        return found


@dataclass(frozen=True)
class Measured:
    """What one set of weights did in a benchmark.

    `values`: the harness's figure of each (task or group, metric, filter). `rows`: a row for each
    document, filter and metric of each task, as `rlvr bench` writes them.
    """

    values: Mapping[tuple[str, str, str], float]
    rows: Sequence[Mapping[str, Any]]


def find(
    names: Sequence[str], votes: int | None = None, limit: int | None = None
) -> list[Benchmark]:
    """Return the benchmarks of these names: tasks, groups and tags of lm-eval, or YAML files.

    With `votes`, that many samples of each document of a task that generates text also vote.
    `limit`: how many documents of a task are used, from the first; None: all.

    Raises InputError for an unknown name, for data that can't be had, and for a task that an engine
    of rlvr can't do.
    """
    if not names:
        raise InputError("--tasks: names no task: write --tasks gsm8k, say")
    files = [name for name in names if _is_file(name)]
    for name in files:
        if not Path(name).is_file():
            raise InputError(f"--tasks: {name}: no such file: give the path of a task's YAML file")
    titles = [_title(name) for name in names]
    if twice := [one for one, count in Counter(titles).items() if count > 1]:
        raise InputError(f"--tasks: {twice[0]!r} is there twice: give each name once")
    with silent():
        # To find its own tasks the harness reads more than ten thousand files.
        manager = TaskManager(include_defaults=len(files) < len(names))
        found = [_benchmark(manager, name, votes, limit) for name in names]
    if votes and not any(map(_generates, _all_tasks(found))):
        raise InputError("--maj: none of the tasks generates text: leave it out")
    return found


def _all_tasks(found: Iterable[Benchmark]) -> Iterator[Any]:
    for one in found:
        yield from one.tasks.values()


def _benchmark(manager: TaskManager, name: str, votes: int | None, limit: int | None) -> Benchmark:
    loaded = _load(manager, name)
    for task in loaded["tasks"].values():
        _check(name, task)
        if task.get_config("num_fewshot") is None:
            task.set_config("num_fewshot", 0)
        if votes and _generates(task):
            _let_vote(name, task, votes)
    told = [
        {"config": task.dump_config(), "documents": list(islice(task.eval_docs, limit))}
        for task in loaded["tasks"].values()
    ]
    # Functions among the settings are their sources, but for some that are told by their addresses.
    text = re.sub(r" at 0x[0-9a-f]+", "", json.dumps(told, default=str))
    return Benchmark(_title(name), loaded, digest(text))


def _title(name: str) -> str:
    return Path(name).stem if _is_file(name) else name


def _is_file(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _load(manager: TaskManager, name: str) -> Mapping[str, Any]:
    if name not in manager.all_tasks and not _is_file(name):
        raise InputError(
            f"--tasks: lm-eval has no task {name!r}{nearest(name, manager.all_tasks)} "
            "(lm-eval ls tasks lists them), nor is that a YAML file"
        )
    _seed()
    try:
        loaded: Mapping[str, Any] = manager.load([name])
    except ImportError as failure:
        raise InputError(
            f"--tasks: {name}: its code needs a package that is not here ({one_line(failure)}): "
            "install it"
        ) from failure
    # Whatever a task's own code, `datasets` and the hub's client may raise.
    except Exception as failure:
        raise InputError(
            f"--tasks: {name}: can't be loaded, or its data can't be had here "
            f"({type(failure).__name__}: {one_line(failure)}): fix the task, connect to the "
            "network once, or fill the cache of Hugging Face beforehand (HF_HOME)"
        ) from failure
    return loaded


def _check(name: str, task: Any) -> None:
    """Raise InputError for a task that an engine of rlvr can't do, or that is not safe."""
    if getattr(task, "UNSAFE_CODE", False):
        raise InputError(
            f"--tasks: {name}: {task.task_name} runs what the model wrote without a sandbox: leave "
            "it out (rlvr's own verifier `code` has one)"
        )
    if getattr(task, "MULTIMODAL", False):
        raise InputError(f"--tasks: {name}: {task.task_name} has pictures or sounds: leave it out")
    keys = (task.get_config("generation_kwargs") or {}) if _generates(task) else {}
    for key in keys:
        if key not in GENERATION:
            raise InputError(
                f"--tasks: {name}: {task.task_name}: generation_kwargs.{key}: an engine of rlvr "
                f"does not know it (it knows: {', '.join(GENERATION)})"
            )


def _generates(task: Any) -> bool:
    return bool(task.OUTPUT_TYPE == "generate_until")


class _Majority(Filter):  # type: ignore[misc]  # the harness has no types
    """Reads the answer that most samples of a document have; the first of them where some tie.

    A sample without an answer has no vote, unless none has an answer.
    """

    def apply(self, resps: Any, docs: Any) -> list[Any]:
        votes = ([one for one in of if one != NO_ANSWER] or list(of) for of in resps)
        return [Counter(of).most_common(1)[0][0] for of in votes]


def _let_vote(name: str, task: Any, votes: int) -> None:
    """Make a task sample each document `votes` times, and read it by the first and by a vote."""
    if task.get_config("repeats") not in (None, 1):
        raise InputError(
            f"--maj: {name}: {task.task_name} samples each document "
            f"{task.get_config('repeats')} times by itself: leave out --maj for it"
        )
    task.set_config("repeats", votes)
    task.set_config("generation_kwargs", {"do_sample": True, "temperature": 1.0}, update=True)
    filters = []
    for one in task._filters:
        name = "" if one.name == NO_FILTER else f"{one.name} "
        read = [step for step in one.filters if step.func is not TakeFirstFilter]
        filters += [
            FilterEnsemble(f"{name}one sample", one.filters),
            FilterEnsemble(f"{name}maj@{votes}", [*read, _Majority]),
        ]
    task._filters = filters


def measure(
    benchmark: Benchmark,
    model: EngineModel,
    limit: int | None,
    chat: bool = False,
    system: str | None = None,
) -> Measured:
    """Return what the model's present weights do in a benchmark. The same call gives the same."""
    _seed()
    for task in benchmark.tasks.values():
        task.set_fewshot_seed(seed=SEED)
    with quiet(), silent():
        found = evaluate(
            lm=model,
            task_dict=dict(benchmark.loaded),
            limit=limit,
            bootstrap_iters=0,
            log_samples=True,
            system_instruction=system,
            apply_chat_template=chat,
            fewshot_as_multiturn=chat,
        )
    values = {
        (task, *_split(key)): float(value)
        for task, figures in found["results"].items()
        for key, value in figures.items()
        if "," in key and "_stderr" not in key and isinstance(value, int | float)
    }
    rows = [row for task, of in found["samples"].items() for one in of for row in _rows(task, one)]
    return Measured(values, rows)


def _split(key: str) -> tuple[str, str]:
    metric, _, filter_ = key.partition(",")
    return metric, filter_


def _rows(task: str, sample: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each metric of a document under one filter."""
    prompt = sample["arguments"][0][0]
    for metric in sample["metrics"]:
        value = sample[metric]
        yield {
            "task": task,
            "document": int(sample["doc_id"]),
            "filter": sample["filter"],
            "metric": metric,
            # Some metrics are made of all documents at once: then there is no figure of one.
            "value": float(value) if isinstance(value, bool | int | float | np.number) else None,
            "prompt": prompt if isinstance(prompt, str) else json.dumps(prompt, default=str),
            "target": str(sample["target"]),
            "responses": json.dumps(sample["resps"], default=str, ensure_ascii=False),
            "read": json.dumps(sample["filtered_resps"], default=str, ensure_ascii=False),
        }


def _seed() -> None:
    """Seed what a task's own code may draw from, as the harness does."""
    random.seed(0)
    np.random.seed(SEED)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep the harness's bars and notes from the terminal; what fails is raised all the same."""
    loggers = [logging.getLogger(name) for name in ("lm_eval", "huggingface_hub")]
    levels, bars = [one.level for one in loggers], datasets.are_progress_bars_disabled()
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    datasets.disable_progress_bars()
    try:
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
