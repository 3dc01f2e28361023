"""Tasks: loads a task by name, and draws its problems."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rlvr.data import InputError, Problem, Split
from rlvr.sections import one_line
from rlvr.verify import plugins
from rlvr.verify.settings import NamedConfig


def load_task(name: str) -> tuple[Callable[..., Iterator[Problem]], str | None]:
    """Return a task's `problems` and the name of its verifier.

    `name` is a file name among the project's tasks, `path/to/file.py` (or `file.py:function`), or
    an entry point in the group `rlvr.tasks`. If it is `NAME:ARGUMENT`, the verifier gets the
    argument too. Raises InputError for an unknown name. A plugin's own import error propagates
    unchanged.
    """
    problems, module, argument = plugins.load_named("task", name, "problems")
    verifier = getattr(module, "VERIFIER", None)
    return problems, f"{verifier}:{argument}" if verifier and argument else verifier


def draw_problems(
    task: NamedConfig,
    split: Split,
    n: int,
    seed: int,
    key: str,
    wanted: Mapping[Split, int] | None = None,
) -> list[Problem]:
    """Return the n problems of a task that the config's `key` asks for.

    `wanted`: how many problems the config asks of eval and of dev, for a task that divides what it
    has. Raises InputError if the task's options or its data are at fault.
    """
    problems = check_task_options(task)
    told = {"wanted": wanted} if "wanted" in inspect.signature(problems).parameters else {}
    try:
        return list(problems(split, n, seed=seed, **told, **task.options))
    except InputError as failure:  # of a file or an option, not of `n`
        raise InputError(f"task {task.name}: {failure}") from failure
    except (ValueError, TypeError) as failure:
        raise InputError(
            f"task {task.name}: {one_line(failure)} ({n:,} problems were asked for by {key})"
        ) from failure


def ask(task: NamedConfig, function: str, *values: Any) -> Any:
    """Return what another function of the task's file says of its options; None if it has none.

    Such are `sizes(wanted)`, how many problems each split has; `suits()`, the verifier that suits
    them; `understood()`, what its data were taken for; and `shots(n)`, worked examples of its own.
    Raises InputError if the options or the data are at fault.
    """
    found = vars(plugins.load_named("task", task.name, "problems")[1]).get(function)
    if found is None:
        return None
    check_task_options(task)
    try:
        return found(*values, **task.options)
    except InputError as failure:
        raise InputError(f"task {task.name}: {failure}") from failure


def verifier_of(task: NamedConfig) -> str | None:
    """Return the name of the verifier that suits a task, None where it names none."""
    suits: str | None = ask(task, "suits")
    return suits or load_task(task.name)[1]


def check_task_options(task: NamedConfig) -> Callable[..., Iterator[Problem]]:
    """Return the task's `problems`. Raises InputError for an option that it lacks."""
    problems, _ = load_task(task.name)
    partial = getattr(problems, "keywords", ())
    plugins.check_options(
        "task", task.name, problems, task.options, [*plugins.FUNCTIONS["task"][1], *partial]
    )
    return problems
