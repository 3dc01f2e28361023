"""A reward function in TRL's form: `trl:MODULE:FUNCTION`, as in `trl:trl.rewards:accuracy_reward`.

MODULE may also be a path/to/file.py. The function is called with one completion at a time, and with
the reference under the names `solution`, `answer` and `reference`. If the reference is a mapping,
the function gets its keys as columns. A reward of at least `threshold` is `correct`, a lower one
`wrong`. If the function gives None or NaN, or raises, the verdict is `wrong`; but if it does the
same for an empty completion, it is `abstain`. A function that needs the trainer, token ids or other
completions of the group can't be used. `chat`: whether the function takes messages, [{"role": ...,
"content": ...}], as TRL's own functions do, or text. If `chat` is left out, the function's
annotation decides; without an annotation it gets text.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any

from rlvr.data import InputError, Problem, Verdict
from rlvr.verify.plugins import load_module

ARGUMENT = "function"
# The function is not ours, and may evaluate a completion.
ISOLATE = True
DEFAULT = "trl.rewards:accuracy_reward"
# accuracy_reward evaluates only numbers: latex2sympy2 passes digits to sympy.Number.
COMPILES = r"from sympy import \*|(Integer|Float) \('?[0-9.eE+-]{1,10000}'? \)"


def verify(
    problem: Problem,
    completion: str,
    function: str = DEFAULT,
    threshold: float = 1.0,
    chat: bool | None = None,
) -> Verdict:
    """Compare the completion's reward with the threshold."""
    reward_func, takes_chat = _load(function)
    talk = takes_chat if chat is None else chat
    (reward,) = reward_func(
        prompts=[_said("user", problem.prompt) if talk else problem.prompt],
        completions=[_said("assistant", completion) if talk else completion],
        **{name: [value] for name, value in _columns(problem.reference).items()},
    )
    if reward is None or math.isnan(reward):
        return Verdict("abstain", "the function gave no reward")
    return Verdict("correct" if reward >= threshold else "wrong", f"reward {float(reward):g}")


def prepare(argument: str) -> ModuleType:
    """Import the function once, before the workers are forked; return its module."""
    return sys.modules[_load(argument or DEFAULT)[0].__module__]


def shares(argument: str, options: Mapping[str, Any]) -> bool:
    """Return whether the function keeps no state and evaluates only numbers: TRL's default one."""
    return argument in ("", DEFAULT) and options.get("function", DEFAULT) == DEFAULT


@lru_cache
def _load(function: str) -> tuple[Callable[..., list[float | None]], bool]:
    module, _, name = function.partition(":")
    if not module or not name:
        raise InputError(f"verifier trl: {function!r} is no function: write trl:MODULE:FUNCTION")
    if module.endswith(".py"):
        found = getattr(load_module("verifier", module), name, None)
    elif _is_there(module):
        found = getattr(importlib.import_module(module), name, None)
    else:
        raise InputError(f"verifier trl: no module {module!r}: check it, or give path/to/file.py")
    if not callable(found):
        raise InputError(f"verifier trl: the module {module!r} has no function {name!r}")
    parameter = inspect.signature(found).parameters.get("completions")
    return found, parameter is not None and "dict" in str(parameter.annotation)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as failure:
        if failure.name and f"{module}.".startswith(f"{failure.name}."):
            return False
        raise


def _said(role: str, text: str) -> list[dict[str, str]]:
    return [{"role": role, "content": text}]


def _columns(reference: Any) -> dict[str, Any]:
    if isinstance(reference, Mapping):
        return dict(reference)
    text = str(reference)
    return {"solution": text, "answer": text, "reference": text}


# They are also judged before the first fork, which imports and caches what most completions need.
CASES = [
    (r"$x^2 - 7x + 4$", r"\boxed{4 - 7x + x^2}", "correct"),
    (r"$(-5, \sqrt{26}]$", r"\boxed{(-5, \sqrt{25}]}", "wrong"),
    (r"$\{1, \frac{\pi}{2}\}$", r"\boxed{\{1, \pi\}}", "wrong"),
    (r"$x = 5$", r"\boxed{x = 5}", "correct"),
    (r"$(1, 2)$", r"\boxed{(1, 2)}", "correct"),
    (r"\frac{1}{3}", r"So it is \boxed{\frac{1}{3}}.", "correct"),
    ({"solution": "$7$"}, r"\boxed{7}", "correct"),
    ("7", r"\boxed{8}", "wrong"),
    ("7", "", "wrong"),
    ("", r"\boxed{7}", "abstain"),
]
