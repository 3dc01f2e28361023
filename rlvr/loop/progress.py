"""Progress: what a person sees while a run goes on.

A live display in a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from rlvr.data import Completion, Problem, Verdict
from rlvr.records.layout import Place

SAID_EVERY = 30.0  # seconds between lines on a long stage, where no display shows it
STYLES = {"correct": "green", "wrong": "red", "abstain": "yellow", "error": "magenta"}


class Display:
    """Where the run is, how fast, how long still, and the last completions with verdicts.

    Use as a context manager: within it the first Ctrl-C is kept until `may_stop` is called, and the
    second ends the run at once. `bases` and `rounds` are what there is to make, over all seeds and
    arms.
    """

    def __init__(self, console: Console, name: str, bases: int, rounds: int) -> None:
        self.console, self.live_wanted = console, console.is_terminal
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("bases and rounds"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            speed_estimate_period=600,
        )
        self.task = self.bar.add_task(name, total=bases + rounds)
        self.left = {"base": bases, "round": rounds}
        self.took: dict[str, list[float]] = {"base": [], "round": []}
        self.where, self.detail = "", ""
        self.opened = time.monotonic()
        self.told_at: dict[tuple[str, Place], float] = {}
        self.stopping = False
        self.samples: list[tuple[str, str, str]] = []
        self.began = 0.0  # when the first that ended here began
        self.live = Live(console=console, get_renderable=self._render, refresh_per_second=4)

    def __enter__(self) -> Display:
        if self.live_wanted:
            self.live.start()
        self._before = signal.signal(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        if self.live_wanted:
            self.live.stop()

    def _interrupted(self, *_: object) -> None:
        if self.stopping:
            raise KeyboardInterrupt
        self.stopping = True
        self.note("stopping: what is recorded is kept; Ctrl-C again does not wait for this stage")

    def may_stop(self) -> None:
        """Raise KeyboardInterrupt after a Ctrl-C: called where all that is done is recorded."""
        if self.stopping:
            raise KeyboardInterrupt

    def _render(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for prompt, text, status in self.samples:
            table.add_row(Text(prompt, "dim"), Text(text), Text(status, STYLES[status]))
        return Group(self.bar, Text(f"{self.where}  {self.detail}"), table)

    def note(self, text: str) -> None:
        """Say one line that stays."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def stage(self, place: Place, stage: str, run: str = "") -> None:
        """A stage begins. `run`: which of several runs it is of."""
        self.where = f"{_of(run)}seed {place.seed}  {place.arm}  round {place.round}  {stage}"
        self.detail = ""

    def progress(self, place: Place, text: str, run: str = "") -> None:
        """Say how far a stage of minutes is; in plain lines every 30 s at most, for each place."""
        self.stage(place, text, run)
        now = time.monotonic()
        if not self.live_wanted and now - self.told_at.get((run, place), self.opened) >= SAID_EVERY:
            self.told_at[run, place] = now
            self.note(f"{_of(run)}seed {place.seed}: {text}")

    def tokens(self, done: int, tokens: int) -> None:
        """`done` completions of the stage are there, `tokens` sampled so far."""
        now = time.monotonic()
        if done <= 0 or self.detail == "":
            self._stage_began = now
            self.detail = " "
            return
        speed = tokens / max(1e-9, now - self._stage_began)
        self.detail = f"{done:,} completions  {speed:,.0f} tokens/s"

    def show(
        self, problems: Sequence[Problem], judged: Sequence[tuple[Completion, Verdict]]
    ) -> None:
        """Show the last few completions with their verdicts."""
        prompts = {problem.id: problem.prompt for problem in problems}
        self.samples = [
            (_short(prompts[completion.problem_id]), _short(completion.text), verdict.status)
            for completion, verdict in judged[-4:]
        ]

    def round_done(
        self, place: Place, headline: Mapping[str, Any], seconds: float, run: str = ""
    ) -> None:
        """A round is recorded; `headline` is what to say of it.

        `seconds` 0 means that it was there already. `run`: which of several runs it is of.
        """
        self.bar.advance(self.task)
        kind = "round" if place.round else "base"
        self.left[kind] -= 1
        if not seconds:
            return
        self.began = self.began or time.monotonic() - seconds
        self.took[kind].append(seconds)
        figures = "  ".join(f"{name} {value}" for name, value in headline.items())
        where = f"{_of(run)}seed {place.seed}  {place.arm:<12} round {place.round}"
        line = f"{where}  {figures}  {seconds:.1f} s"
        left = self.seconds_left()
        if left is not None and not self.live_wanted:
            line += f"  (about {left / 60:.0f} min left)"
        self.note(line)

    def seconds_left(self) -> float | None:
        """Return how long the rest takes, if it goes on like that; None while it can't be told.

        A base takes its warm start, and so is counted apart. Where several are made at once, wall
        time is less than theirs together.
        """
        if any(count > 0 and not self.took[kind] for kind, count in self.left.items()):
            return None
        alone = sum(
            count * sum(self.took[kind]) / len(self.took[kind])
            for kind, count in self.left.items()
            if count > 0
        )
        spent = sum(map(sum, self.took.values()))
        return alone * (time.monotonic() - self.began) / spent if spent else None


def _of(run: str) -> str:
    """Return what stands before a line on one of several runs."""
    return f"{run}  " if run else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 48 else flat[:22] + " ... " + flat[-21:]
