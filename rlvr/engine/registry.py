"""Registry: finds an engine by the name of its file, which is `engine.name` in a config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rlvr.data import InputError, nearest
from rlvr.engine.protocol import Engine
from rlvr.registry import offered

Start = Callable[[Path, str, Mapping[str, Any]], Engine]
DEFAULT = "vllm"
ENGINES: dict[str, Start] = offered("rlvr.engine", "ENGINE")


def engine_of(arguments: Mapping[str, Any]) -> tuple[Start, dict[str, Any]]:
    """Return the class of the engine that a config names, and its arguments without the name.

    Raises InputError with the nearest known name.
    """
    rest = dict(arguments)
    name = rest.pop("name", DEFAULT)
    if name not in ENGINES:
        raise InputError(
            f"engine.name: unknown engine {name!r}{nearest(str(name), ENGINES)} "
            f"(known: {', '.join(ENGINES)})"
        )
    return ENGINES[name], rest
