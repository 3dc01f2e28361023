"""Dry run: what a run would do, said before it does anything (`rlvr run --dry-run`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.filesize import decimal

from rlvr.learners.registry import LEARNERS
from rlvr.loop import preflight
from rlvr.loop.units import Job
from rlvr.verify.plugins import load_named

SHARES = (0.1, 0.5, 1.0)  # of a pool kept, for which the passes over the rows are said


def said_of(job: Job) -> Iterator[tuple[str, str]]:
    """Yield what is said, each with its name: problems, sampling, training and disk."""
    config = job.config
    seeds, arms, rounds = len(config.seeds), len(config.arms), config.rounds
    yield "run", f"{seeds} seeds x ({arms} arms x {rounds} rounds and a base), into {job.folder}"
    sizes = vars(load_named("task", config.task.name, "problems")[1]).get("sizes")
    if sizes is not None:
        counts = sizes(**config.task.options)
        yield "problems there", ", ".join(f"{split} {count:,}" for split, count in counts.items())
    first = job.problems[config.seeds[0]]
    parts = {
        "few-shot": len(first.prompting.shots),
        "warm start": len(first.warm_start),
        "transcriber": len(first.pairs),
        "each round": len(first.rounds[0]),
        "held back (dev)": len(first.held_back),
        "held out (eval)": len(first.held_out),
    }
    used = ", ".join(f"{name} {count:,}" for name, count in parts.items() if count)
    yield "problems of a seed", used
    distinct = len({one.id for round_ in first.rounds for one in round_})
    drawn = sum(map(len, first.rounds))
    if distinct < drawn and config.corpus is None:
        yield "repeated", f"{drawn:,} are drawn over the rounds, {distinct:,} of them different"
    levels = Counter(one.level for one in first.held_out)
    if len(levels) > 1:
        yield "levels held out", ", ".join(f"{name} {n:,}" for name, n in sorted(levels.items()))
    pool = config.generate.prompts * config.generate.samples
    most = config.generate.max_tokens
    yield "sampled a round", f"{pool:,} completions of at most {most:,} tokens, by each arm"
    evaluated = config.evaluate.problems * config.evaluate.samples
    yield "evaluated a round", f"{evaluated:,} samples, and {config.evaluate.problems:,} greedy"
    if any(not LEARNERS[arm.learner].online for arm in config.arms):
        rows = config.train.steps * config.train.batch_size
        passes = ", ".join(f"{share:.0%}: {rows / (share * pool):.1f}" for share in SHARES)
        steps = f"{config.train.steps:,} steps of {config.train.batch_size:,} rows"
        yield "trained a round", f"{steps}; passes over the kept rows, by the share kept: {passes}"
    yield "longest sequence", f"{job.length:,} tokens"
    yield "disk", f"at most {decimal(preflight.bytes_needed(config))}"
