"""Ahead: how much a run samples and trains, told from its config, and how long that takes."""

from __future__ import annotations

from dataclasses import dataclass

from rlvr.config import Config
from rlvr.learners.held_back import SAMPLES
from rlvr.loop.base import TEMPERATURES, TUNED, TUNING_PROBLEMS
from rlvr.select.keep import selects


@dataclass(frozen=True, slots=True)
class Ahead:
    """The completions that a run samples at most, and the rows that it trains on at most."""

    completions: int
    rows: int


def ahead(config: Config, held_out: int) -> Ahead | None:
    """Return what a run of a config has before it; each seed holds out `held_out` problems.

    Not counted: real solutions that are scored, held-back problems of early stopping. None where
    that would be most of it: of a study, or an arm whose learner is not `sft`.
    """
    if config.corpus or config.transcription or any(arm.learner != "sft" for arm in config.arms):
        return None
    evaluated, generated = config.evaluate, config.generate
    pool = generated.prompts * generated.samples
    measured = held_out * (evaluated.samples + 1)
    others = sum(one.problems * (one.samples + 1) for one in evaluated.off_target)
    base = pool + measured + others
    if config.verdict.metric != "real_nll":  # the best temperature
        tuning = min(TUNING_PROBLEMS, generated.prompts)
        base += tuning * sum(TUNED if one else 1 for one in TEMPERATURES)
        base += held_out * evaluated.samples
    warm, rows = config.warm_start, 0
    if warm:
        rows = warm.max_steps * warm.batch_size
        if warm.until is not None:
            base += warm.max_steps // warm.check_every * warm.held_back * SAMPLES
    arms = len(config.arms) * (config.rounds * measured + others)
    arms += sum(map(selects, config.arms_in_order())) * (config.rounds - 1) * pool
    rows += len(config.arms) * config.rounds * config.train.steps * config.train.batch_size
    return Ahead(len(config.seeds) * (base + arms), len(config.seeds) * rows)


def hours_text(hours: float) -> str:
    """Return hours as text, minutes where they are less than two hours."""
    return f"{hours:,.1f} hours" if hours >= 2 else f"{60 * hours:,.0f} minutes"
