"""Held-back problems: what weights in training do on them, and early stopping by that.

They are of the split `dev`: neither trained on nor in the evaluation.
"""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rlvr.data import RunError
from rlvr.engine import threads
from rlvr.evaluate.evaluation import RECORD, Problems, Record, evaluate, score
from rlvr.learners.context import Run, Seed
from rlvr.records import record
from rlvr.records.layout import Place
from rlvr.records.stored import held, pick
from rlvr.sections import Positive, Section

SAMPLES = 2  # of each problem at temperature 1


class EarlyStopConfig(Section):
    """End a round's training once it no longer helps on held-back problems.

    After every `every` steps, and after the last, `metric` is measured on `problems` held-back
    ones. Training ends when the best value is `patience` measurements old, and the round's weights
    are those that had it. pass@1 (2 samples at T=1) and greedy ask the verifier, real_nll needs
    real solutions: each tells an arm something of the truth that its own rows may not.
    """

    metric: Literal["pass@1", "greedy", "real_nll"] = "pass@1"
    every: Positive = 10
    patience: Positive = 3
    problems: Positive = 200


def sample(
    run: Run,
    seed: Seed,
    problems: Problems,
    temperature: float,
    samples: int,
    kind: str,
    place: Place,
) -> Sequence[Record]:
    """Sample problems at a temperature and top-p=1 from the weights now in the engine, judged."""
    made = evaluate(
        run.engine,
        run.pool,
        seed.tokenizer,
        problems,
        run.config.generate.plain(temperature),
        samples,
        kind,
        place,
        run.display.tokens,
    )
    return held(run.scratch, RECORD, made)


def share_correct(records: Sequence[Record]) -> float:
    """Return the share of correct records among the decided ones, nan where none is."""
    statuses = Counter(status for (status,) in pick(records, "status"))
    decided = statuses["correct"] + statuses["wrong"]
    return statuses["correct"] / decided if decided else math.nan


def in_training(
    run: Run,
    save: Callable[[Path, Any], None],
    model: Any,
    optimizer: Any,
    measure: Callable[[], float],
) -> float:
    """Return what `measure` finds while the engine has the weights that are in training.

    save: writes a model into an empty folder. That is `run.scratch / "check"`, and stays.
    """
    import torch

    folder = run.scratch / "check"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save(folder, model)
    state = [value for one in optimizer.state.values() for value in one.values()]
    moments = [value for value in state if isinstance(value, torch.Tensor)]
    # The engine needs the room of the trainer, which is at rest meanwhile.
    with threads.set_aside([*model.parameters(), *moments], run.scratch / "aside"):
        run.engine.load(folder)
        found = measure()
        run.engine.rest()
    return found


@dataclass
class EarlyStop:
    """Decides after each step whether a round's training ends; `best` has its best weights.

    steps: the most that it may take. save: writes a model into an empty folder.
    """

    run: Run
    seed: Seed
    place: Place
    settings: EarlyStopConfig
    steps: int
    save: Callable[[Path, Any], None]
    measured: list[tuple[int, float]] = field(default_factory=list)  # step, value: more is better

    @property
    def best(self) -> Path:
        """The folder of the weights that had the best value."""
        return self.run.scratch / "best"

    @property
    def kept(self) -> tuple[int, float]:
        """The step of the best weights, the first of equals, and the metric's value there."""
        step, value = max(self.measured, key=lambda one: (one[1], -one[0]))
        return step, -value if self.settings.metric == "real_nll" else value

    def __call__(self, step: int, model: Any, optimizer: Any) -> bool:
        """Measure if it is time to; return whether training ends."""
        if step % self.settings.every and step != self.steps:
            return False
        value = in_training(self.run, self.save, model, optimizer, self._measure)
        if math.isnan(value):
            if not self.measured and step == self.steps:
                raise RunError(
                    "early_stop: the round has no verdict on held-back problems, only abstains and "
                    "errors: mend the verifier (`rlvr check` tries it), then run the command again"
                )
            return False  # without a verdict nothing is known of the weights
        self.measured.append((step, value))
        best, shown = self.kept
        if best == step:
            shutil.rmtree(self.best, ignore_errors=True)
            os.replace(self.run.scratch / "check", self.best)
        said = f"train, step {step}, best {self.settings.metric} {shown:.3f} at step {best}"
        self.run.display.stage(self.place, said)
        return sum(at > best for at, _ in self.measured) >= self.settings.patience

    def _measure(self) -> float:
        """Return the metric of the weights now in the engine, negative where lower is better."""
        run, seed, metric = self.run, self.seed, self.settings.metric
        problems = seed.held_back.part(0, self.settings.problems)
        if metric == "real_nll":
            _, prompts, solutions = problems.solved()
            scores = score(run.engine, prompts, solutions)
            return sum(map(sum, scores)) / sum(map(len, scores))
        temperature, samples = (1.0, SAMPLES) if metric == "pass@1" else (0.0, 1)
        records = sample(run, seed, problems, temperature, samples, "held back", self.place)
        return share_correct(records)

    def keep(self, out: Path) -> None:
        """Move the best weights to `out`, whole or not at all."""
        record.copy_folder(self.best, out)
        shutil.rmtree(self.best)
