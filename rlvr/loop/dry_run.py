"""Dry run: what a run would do, said before it does anything (`rlvr run --dry-run`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.filesize import decimal

from rlvr.config import Config
from rlvr.data import InputError, Problem
from rlvr.learners.context import SeedProblems
from rlvr.learners.registry import LEARNERS
from rlvr.loop import preflight
from rlvr.loop.problems import sizes
from rlvr.loop.units import Job
from rlvr.records import added
from rlvr.statistics.estimates import MIN_SEEDS
from rlvr.verify.pool import VerifierPool

SHARES = (0.1, 0.5, 1.0)  # of a pool kept, for which the passes over the rows are said


def said_of(job: Job, most_passes: float) -> Iterator[tuple[str, str]]:
    """Yield what is said, each with its name: problems, verifier, sampling, training and disk.

    More than `most_passes` over the kept rows are marked.
    """
    config = job.config
    seeds, arms, rounds = len(config.seeds), len(config.arms), config.rounds
    made = f"{seeds} seeds x ({arms} arms x {rounds} rounds and a base), into {job.folder}"
    few = f"; a verdict needs {MIN_SEEDS} seeds: all will be inconclusive"
    yield "run", made + (few if seeds < MIN_SEEDS else "")
    if len(job.extents) > 1:
        more = added.in_words(job.extents[0], job.extents[-1])
        yield "added", f"{more}; the verdict stays with what the run began with"
    for said in preflight.warnings(config):
        yield "warning", said
    yield from preflight.of_data(config)
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
    if first.held_out:
        yield "verifier", _tried(config, first.held_out[0])
    yield (
        "drawn to train",
        _drawn(first, config.corpus is not None, sizes(config).get("train")),
    )
    levels = Counter(one.level for one in first.held_out)
    if len(levels) > 1:
        yield "levels held out", ", ".join(f"{name} {n:,}" for name, n in sorted(levels.items()))
    pool = config.generate.prompts * config.generate.samples
    most = config.generate.max_tokens
    yield "sampled a round", f"{pool:,} completions of at most {most:,} tokens, by each arm"
    greedy = len(first.held_out)
    samples = greedy * config.evaluate.samples
    yield "evaluated a round", f"{samples:,} samples, and {greedy:,} greedy"
    if any(LEARNERS[arm.learner].section == "train" for arm in config.arms):
        rows = config.train.steps * config.train.batch_size
        passes = {share: rows / (share * pool) for share in SHARES}
        marks = {share: " !" if passes[share] > most_passes else "" for share in SHARES}
        shown = ", ".join(f"{share:.0%}: {passes[share]:.1f}{marks[share]}" for share in SHARES)
        if any(marks.values()):
            shown += f"; ! more than {most_passes:g}: rows are learnt by heart"
        steps = f"{config.train.steps:,} steps of {config.train.batch_size:,} rows"
        yield "trained a round", f"{steps}; passes over the kept rows, by the share kept: {shown}"
    if config.dpo:
        yield "preferred a round", f"{config.dpo.steps:,} steps of {config.dpo.batch_size:,} pairs"
    yield "longest sequence", f"{job.length:,} tokens"
    yield "disk", f"at most {decimal(preflight.bytes_needed(config))}"


def _tried(config: Config, problem: Problem) -> str:
    """Say what the run's verifier says of an empty completion. Raises InputError for an error."""
    verifier = preflight.verifier_of(config)
    with VerifierPool(verifier.name, verifier.options, 1, config.verify.told) as pool:
        [verdict] = pool.verify([(problem, "")])
    if verdict.status == "error":
        raise InputError(
            f"verifier {verifier.name!r} fails on an empty completion of {problem.id}: "
            f"{' '.join(verdict.reason.split())[:300]}: fix it"
        )
    return f"{verifier.name}; an empty completion of {problem.id} is {verdict.status}"


def _drawn(seed: SeedProblems, corpus: bool, there: int | None) -> str:
    """Say how many problems a seed draws to train on, and whether they come again.

    `there`: how many the task has, where it says so. A corpus is the same in every round.
    """
    rounds = [one for part in seed.rounds[: 1 if corpus else None] for one in part]
    parts = {
        "few-shot": seed.prompting.shots,
        "warm start": seed.warm_start,
        "transcriber": seed.pairs,
        "corpus" if corpus else "rounds": rounds,
    }
    every = [one for part in parts.values() for one in part]
    added = " + ".join(f"{name} {len(part):,}" for name, part in parts.items() if part)
    said = f"{len(every):,} by each seed ({added})"
    if there is not None:
        again = "problems come again" if len(every) > there else "each comes once"
        return f"{said}, of {there:,} that there are: {again}"
    different = len({(one.prompt, str(one.reference)) for one in every})
    if different == len(every):
        return f"{said}: each comes once"
    return f"{said}: problems come again ({different:,} of them are different)"
