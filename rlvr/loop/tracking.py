"""Tracking: a run's figures to experiment trackers, as each round is recorded (`report_to`).

Trackers receive the rows of metrics.parquet under their names, `metric[level]` for those by
level: one tracker run for each seed and arm, a step a round, the base at step 0. Of an online
arm's optimiser steps they get the means over a round. Of each round they also get a few completions
(`rlvr.loop.shown`): a table of trackio and W&B, a text of TensorBoard. The trackers are driven
through accelerate's. Nothing is imported, and nothing leaves the machine, unless the config's
`report_to` names one.

The record is what counts: a round is written first and then sent, and a tracker that fails costs
the run nothing but one line. `trackers.json` says up to which round each has been sent, so the same
command sends what is missing, also of a finished run. A tracker's run is opened for a round and
closed after it, so that nothing waits in memory when the process is killed.
"""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any

from rlvr.data import InputError, TrackerName
from rlvr.evaluate.metrics import STEP
from rlvr.evaluate.table import figure_name
from rlvr.loop.shown import COLUMNS, as_markdown, shown
from rlvr.records import layout, record
from rlvr.records.layout import Place

STATE = layout.TRACKERS
FOLDER = "tensorboard"
SHOWN = "completions"


def check(report_to: Sequence[TrackerName], where: str) -> None:
    """Raise InputError for a tracker that is not installed, or that would stop to ask for a key."""
    for name in report_to:
        if not _installed(name):
            raise InputError(
                f"{where}: report_to: {name} is not installed: pip install {name} (or rlvr[{name}])"
            )
    if "wandb" in report_to and not _knows_wandb():
        raise InputError(
            f"{where}: report_to: wandb is not logged in here: run `wandb login`, or set "
            "WANDB_API_KEY, or WANDB_MODE=offline"
        )


def _installed(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def _knows_wandb() -> bool:
    import wandb

    online = wandb.setup().settings.mode == "online"
    return not online or bool(wandb.login(prompt=False, verify=False))


class Trackers:
    """The trackers of a run. `say` is told, in one line, of one that fails.

    Raises InputError for a damaged trackers.json, naming it and the fix.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        report_to: Sequence[TrackerName],
        say: Callable[[str], None],
    ) -> None:
        self.folder, self.config, self.say = folder, config, say
        self.working = list(report_to)
        self.id, self.sent = _read_state(folder / STATE)

    def send(self) -> None:
        """Send every recorded round that a tracker has not been sent, in order.

        A tracker that fails is left alone until the command is run again.
        """
        for name in list(self.working):
            try:
                for rounds in self._missing(name):
                    self._send(name, rounds)
            except Exception as failure:  # whatever it is, the run must go on
                self.working.remove(name)
                reason = " ".join(f"{type(failure).__name__}: {failure}".split())[:200]
                self.say(
                    f"{name} failed ({reason}): the run goes on without it, and every round is "
                    "recorded all the same; the same command sends it what it lacks"
                )

    def _missing(self, name: TrackerName) -> Iterator[list[tuple[Place, Path]]]:
        """Yield the recorded rounds that a tracker lacks, those of an arm of a seed together."""
        sent = self.sent.get(name, {})
        found = [
            (place, path)
            for place, path in _recorded(self.folder)
            if place.round > sent.get(_run_name(place), -1)
        ]
        for _, group in groupby(found, key=lambda one: _run_name(one[0])):
            yield list(group)

    def _send(self, name: TrackerName, rounds: Sequence[tuple[Place, Path]]) -> None:
        tracker = _open(name, self.folder, self.config, self.id, rounds[0][0])
        # Without it step and values would wait for the next step.
        now = {"commit": True} if name == "wandb" else {}
        try:
            for place, path in rounds:
                figures = _figures(json.loads(path.read_text()))
                completions = _completions(name, shown(self.folder, self.config, place))
                tracker.log(figures | completions, step=place.round, **now)
        finally:
            tracker.finish()
        last = rounds[-1][0]
        self.sent.setdefault(name, {})[_run_name(last)] = last.round
        record.write_json(self.folder / STATE, {"id": self.id, "sent": self.sent})


def _run_name(place: Place) -> str:
    return f"seed-{place.seed}/{place.arm}"


def _read_state(path: Path) -> tuple[str, dict[str, dict[str, int]]]:
    """Return the id that tells this run's tracker runs from another's, and what has been sent."""
    if not path.is_file():
        return uuid.uuid4().hex[:8], {}
    try:
        saved = json.loads(path.read_text())
        return str(saved["id"]), {name: dict(sent) for name, sent in saved["sent"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise InputError(
            f"{path}: damaged: delete it, and the trackers are sent every round again"
        ) from failure


def _recorded(folder: Path) -> list[tuple[Place, Path]]:
    """Return every recorded round and its metrics.json, by seed, arm and round."""
    return sorted((layout.place_of(path), path) for path in layout.finished_rounds(folder))


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return a round's figures by name; single steps of an online round are no figures of it."""
    return {
        figure_name(row["metric"], row["level"]): row["value"]
        for row in rows
        if not row["level"].startswith(STEP)
    }


def _completions(name: TrackerName, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Return the completions that are shown of a round as the tracker takes them, by their name."""
    if not rows:
        return {}
    if name == "tensorboard":
        return {SHOWN: as_markdown(rows)}
    import pandas as pd

    table = importlib.import_module(name).Table  # trackio and wandb call it alike
    return {SHOWN: table(dataframe=pd.DataFrame(rows, columns=list(COLUMNS)))}


def _open(
    name: TrackerName, folder: Path, config: Mapping[str, Any], id_: str, place: Place
) -> Any:
    """Open, or go on with, the tracker run of a seed and an arm, at a round."""
    from accelerate import PartialState, tracking

    # accelerate's trackers log, and its logger asks for this; training recreates it.
    PartialState(cpu=True)
    project = str(config["name"])
    run = {"name": f"{place.arm}-seed-{place.seed}-{id_}", "group": place.arm, "resume": "allow"}
    if name == "tensorboard":
        # What an interrupted command may have sent of this round and later ones is hidden.
        tracker = tracking.TensorBoardTracker(
            _run_name(place), logging_dir=folder / FOLDER, purge_step=place.round
        )
    elif name == "trackio":
        quiet = {"auto_log_gpu": False, "auto_log_cpu": False, "embed": False}
        tracker = tracking.TrackioTracker(project, **run, **quiet, config=dict(config))
    else:
        tracker = tracking.WandBTracker(
            project,
            **run,
            id=f"{id_}-{place.seed}-{place.arm}",
            dir=folder,
            config=dict(config),
            settings={"x_disable_stats": True, "console": "off"},
        )
    tracker.start()
    return tracker
