"""A whole run: open or resume its folder, make the base and the rounds of every arm, finish.

One round is `rlvr.loop.round`; what is made by one worker at a time, `rlvr.loop.units`.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.config import Config, filled, resolved
from rlvr.data import InputError, Problem
from rlvr.engine.vllm import Engine
from rlvr.evaluate.evaluation import Problems
from rlvr.learners.context import Corpus, Run, Seed, SeedProblems
from rlvr.learners.registry import LEARNERS
from rlvr.loop import preflight, repair, tracking
from rlvr.loop.base import make_base
from rlvr.loop.progress import Display
from rlvr.loop.round import make_round
from rlvr.loop.units import Job, Unit, units
from rlvr.models import loading
from rlvr.records import layout, record
from rlvr.records.layout import BASE, WEIGHTS, arm_folder, is_done
from rlvr.studies.registry import study_of
from rlvr.verify.pool import Judge, VerifierPool
from rlvr.verify.settings import NamedConfig
from rlvr.verify.verifier import check_options, load_verifier


def run(config: Config, folder: Path, display: Display, where: str) -> None:
    """Run, or resume, `config` in `folder`.

    Raises InputError (nothing is written) when the config, its data, the folder or the disk won't
    do, and RunError when the engine, a process or the disk fails on the way: what was recorded is
    kept.
    """
    run_all([(config, folder)], display, where)


def run_all(runs: Sequence[tuple[Config, Path]], display: Display, where: str) -> None:
    """Run, or resume, several configs, each in its folder: in turn, or all at once on a cluster.

    `where`: where their config stands. Raises as `run` does; every run is looked at before any
    begins.
    """
    jobs = []
    for config, folder in runs:
        job = prepare(config, folder, where)
        # Drawn anew when its turn comes: the problems of a whole sweep may be too many to hold.
        jobs.append(job if len(runs) == 1 else dataclasses.replace(job, problems={}))
    if jobs[0].config.executor == "ray":
        from rlvr.loop import cluster

        with ExitStack() as stack:
            cluster.run([stack.enter_context(_begun(job, display)) for job in jobs], display)
        return
    for job in jobs:
        with _begun(job, display) as started:
            _work_here(started, display)


def prepare(config: Config, folder: Path, where: str) -> Job:
    """Look at all that can be looked at before a run writes anything. Raises InputError."""
    record.check_resumable(folder, resolved(config), filled)
    with _said_of(where):
        loading.check_model_name(config.model, where)
        tracking.check(config.report_to, where)
        preflight.check_executor(config)
        wanted = preflight.verifier_of(config)
        verifier = load_verifier(wanted.name)
        record.check_disk(folder, preflight.bytes_needed(config))
        problems = {seed: preflight.draw(config, seed) for seed in config.seeds}
        check_options(verifier, wanted.options)
        for other in config.evaluate.off_target:
            theirs = preflight.verifier_of(other)
            check_options(load_verifier(theirs.name), theirs.options)
        preflight.check_trl_vllm(config)
        if config.grpo.watch:
            second = config.grpo.watch.verifier
            check_options(load_verifier(second.name), second.options)
        length = preflight.check_model(config, where, list(problems.values()))
    return Job(config, folder, where, length, problems)


@contextmanager
def _said_of(where: str) -> Iterator[None]:
    """Name the config in what is wrong with it, or with what it asks for."""
    try:
        yield
    except InputError as failure:
        if where in str(failure):
            raise
        raise InputError(f"{where}: {failure}") from failure


@dataclass(frozen=True, slots=True)
class Begun:
    """A run whose folder is held: what it records is brought up to date by `publish`."""

    job: Job
    scratch: Path
    timing: record.Timing
    publish: Callable[[], None]


@contextmanager
def _begun(job: Job, display: Display) -> Iterator[Begun]:
    """Hold the run's folder while the block runs, with config, manifest and a scratch folder.

    A folder that was made here goes again where the input is refused before anything is recorded,
    as for an engine argument that only vLLM knows to be wrong.
    """
    config, folder = job.config, job.folder
    with record.locked(folder) as made, _no_trace(folder if made else None):
        plain = resolved(config)
        record.check_resumable(folder, plain, filled)  # it was not held when it was looked at
        stated = {"config": plain, "hash": record.digest(record.deciding(plain))}
        record.write_json(folder / layout.CONFIG, stated)
        verifier = load_verifier(preflight.verifier_of(config).name)
        record.write_json(folder / layout.MANIFEST, preflight.manifest(config, verifier))
        repair.mend(job, display)
        timing = record.Timing(folder)
        trackers = tracking.Trackers(folder, plain, config.report_to, display.note)

        def publish() -> None:
            record.write_metrics(folder)
            timing.save()
            trackers.send()

        publish()
        scratch = folder / layout.SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            yield Begun(job, scratch, timing, publish)
        finally:
            timing.save()
            shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(folder / layout.LOCKS, ignore_errors=True)
        for unit in units(config):
            prune(config, folder, unit)


@contextmanager
def _no_trace(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except InputError:
        if folder and not list(layout.finished_rounds(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _work_here(begun: Begun, display: Display) -> None:
    """Make every unit, one after the other, on this machine."""
    job, config = begun.job, begun.job.config
    if all(unit.finished(job) for unit in units(config)):
        return
    with ExitStack() as stack:
        judges = [stack.enter_context(pool) for pool in pools(config)]
        shared = stack.enter_context(opened(begun, judges, display))
        rounds = len(config.seeds) * len(config.arms) * config.rounds
        display.note(
            f"{config.name}: {rounds} rounds into {job.folder}; "
            f"engine up in {shared.engine.start_seconds:.0f} s"
        )
        seed: Seed | None = None
        for unit in units(config):
            if seed is None or seed.seed != unit.seed:
                seed = open_seed(shared, job, unit.seed)
            work(shared, seed, unit)


def verifiers(config: Config) -> list[NamedConfig]:
    """Return the verifiers that a run asks: its task's, those of other tasks, GRPO's second one."""
    wanted = [
        preflight.verifier_of(config),
        *map(preflight.verifier_of, config.evaluate.off_target),
    ]
    if config.grpo.watch and any(LEARNERS[arm.learner].online for arm in config.arms):
        wanted.append(config.grpo.watch.verifier)
    return wanted


def pools(config: Config) -> list[VerifierPool]:
    """Return a pool of this machine's processes for each of `verifiers`."""
    settings = config.verify
    return [
        VerifierPool(one.name, one.options, workers=settings.workers, timeout=settings.told)
        for one in verifiers(config)
    ]


@contextmanager
def opened(begun: Begun, judges: Sequence[Judge], display: Display) -> Iterator[Run]:
    """Start the engine; yield what every stage of the run shares.

    `judges`: one for each of `verifiers`.
    """
    job, scratch, config = begun.job, begun.scratch, begun.job.config
    loading.materialise(config.model, config.seeds[0], scratch / "first", job.where)
    dtype = "float32" if config.train.precision == "fp32" else "bfloat16"
    with Engine(scratch / "first", dtype, {"max_model_len": job.length, **config.engine}) as engine:
        engine.wait_ready()
        yield Run(
            config=config,
            folder=job.folder,
            scratch=scratch,
            arms=config.arms_in_order(),
            verifier=load_verifier(preflight.verifier_of(config).name),
            engine=engine,
            display=display,
            timing=begun.timing,
            publish=begun.publish,
            **by_task(config, judges),
        )


def by_task(config: Config, judges: Sequence[Judge]) -> dict[str, Any]:
    """Return what a Run calls its judges, of which there is one for each of `verifiers`."""
    first, *others = judges
    tasks = len(config.evaluate.off_target)
    watch = others[tasks] if len(others) > tasks else None
    return {"pool": first, "off_target_pools": others[:tasks], "watch_pool": watch}


# One seed


def open_seed(run: Run, job: Job, seed: int) -> Seed:
    """Make the weights that a seed begins with; return its problems as the model meets them."""
    for old in run.scratch.glob("start-*"):
        shutil.rmtree(old)
    drawn = job.problems.get(seed) or preflight.draw(run.config, seed)
    start = run.start(seed)
    loading.materialise(run.config.model, seed, start, job.where)
    tokenizer = loading.load_tokenizer(start)

    def encode(problems: Sequence[Problem]) -> Problems:
        solved = all(problem.solution is not None for problem in problems)
        return Problems(
            tuple(problems),
            tuple(loading.encode_prompts(tokenizer, problems, drawn.prompting)),
            tuple(loading.encode_solutions(tokenizer, problems)) if solved else None,
        )

    def encode_all(these: SeedProblems) -> Seed:
        return Seed(
            seed,
            tokenizer,
            encode(these.warm_start),
            [encode(problems) for problems in these.rounds],
            encode(these.held_back),
            encode(these.held_out),
            [encode(problems) for problems in these.off_target],
            Corpus(these.corpus, encode([entry.problem for entry in these.corpus])),
            Corpus(these.labelled, encode([entry.problem for entry in these.labelled])),
        )

    own, other = study_of(run.config).views(run.config, drawn)
    heard = encode_all(other) if other else None
    return dataclasses.replace(encode_all(own), heard=heard)


def work(run: Run, seed: Seed, unit: Unit) -> None:
    """Make the base of a seed, or all rounds of one of its arms; what is there is kept."""
    if unit.arm == BASE:
        make_base(run, seed)
        return
    [arm] = [arm for arm in run.arms if arm.name == unit.arm]
    for place in unit.rounds(run.config):
        make_round(run, seed, arm, place)
    prune(run.config, run.folder, unit)


def prune(config: Config, folder: Path, unit: Unit) -> None:
    """Delete the weights that the policy does not keep: all but the arm's last, or those too.

    What an online arm would go on from goes with its last round, whatever the policy.
    """
    if unit.arm == BASE:
        return
    folders = [place.folder(folder) for place in unit.rounds(config)]
    done = [path for path in folders if is_done(path, "record")]
    finished = len(done) == config.rounds
    if finished:
        [arm] = [arm for arm in config.arms if arm.name == unit.arm]
        LEARNERS[arm.learner].forget(arm_folder(folder, unit.seed, unit.arm))
    if config.checkpoints == "all":
        return
    keep = 0 if finished and config.checkpoints == "none" else 1
    for path in done[: len(done) - keep]:
        for name in WEIGHTS:
            record.delete_folder(path / name)
