"""Runs in the tests' own process, on one vLLM engine that is kept from run to run.

An engine's process takes 10 s of a core to start, and torch, TRL and vLLM take as long again to
import: most of what a tiny run costs. Here both are paid once. The engine is the real one; each run
gives it its weights, as it does in every round. Runs that are killed, or whose processes are looked
at, are started by `support.runs` instead.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rlvr import cli
from rlvr.engine.registry import ENGINES
from rlvr.engine.vllm import VllmEngine
from support.runs import TINY

LONGEST = 64  # tokens of a sequence that every kept engine takes, so that more runs share one


class Kept(VllmEngine):
    """An engine that outlives the run that started it."""

    def close(self) -> None:
        """Stay for the next run."""

    def end(self) -> None:
        """End its processes."""
        super().close()


_kept: dict[str, Kept] = {}


def kept_engine(model: Path, dtype: str, arguments: Mapping[str, Any] | None = None) -> Kept:
    """Return an engine with these weights: one that is kept, where its arguments are the same."""
    given = dict(arguments or {})
    given["max_model_len"] = max(LONGEST, int(given.get("max_model_len", 0)))
    shape = json.loads((model / "config.json").read_text())
    key = json.dumps([shape, dtype, given], sort_keys=True)
    if key in _kept:
        _kept[key].reload(model)
    else:
        _kept[key] = Kept(model, dtype, given)
        atexit.register(_kept[key].end)
    return _kept[key]


def command_here(*words: object, cache: Path) -> str:
    """Run `rlvr` with these words in this process; return what it said. It must end well."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setenv("RLVR_CACHE", str(cache))
        patch.setattr(cli, "console", Console(width=120))
        patch.setitem(ENGINES, "vllm", kept_engine)
        patch.setattr("sys.argv", ["rlvr", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            assert not end.code, f"exit {end.code}: {said.getvalue()[-2000:]}"
    return said.getvalue()


def run_here(folder: Path, cache: Path, *overrides: str, config: Path = TINY) -> str:
    """Run a config into a folder in this process, as `rlvr run` does; return what it said."""
    return command_here("run", config, *overrides, "--out", folder, cache=cache)
