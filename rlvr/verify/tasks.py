"""Tasks: loads a task by name, and draws its problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


def draw_problems(task: NamedConfig, split: Split, n: int, seed: int, key: str) -> list[Problem]:
    """Return the n problems of a task that the config's `key` asks for.

    Raises InputError if the task's options or its data are at fault.
    """
    problems, _ = load_task(task.name)
    reserved = ["split", "n", "seed", *getattr(problems, "keywords", ())]  # of a partial
    plugins.check_options("task", task.name, problems, task.options, reserved)
    try:
        return list(problems(split, n, seed=seed, **task.options))
    except InputError as failure:  # of a file or an option, not of `n`
        raise InputError(f"task {task.name}: {failure}") from failure
    except (ValueError, TypeError) as failure:
        raise InputError(
            f"task {task.name}: {one_line(failure)} ({n:,} problems were asked for by {key})"
        ) from failure
