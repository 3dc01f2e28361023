"""A whole run: open or resume its folder, make the base and the rounds of every arm, finish.

One round is `rlvr.loop.round`; what one worker makes at a time, `rlvr.loop.units`, and how,
`rlvr.loop.work`.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from rlvr.config import Config, resolved
from rlvr.data import InputError
from rlvr.learners.context import Seed
from rlvr.loop import adding, local, preflight, repair, sealing, splits, tracking
from rlvr.loop.problems import draw
from rlvr.loop.progress import Display
from rlvr.loop.registered import registered
from rlvr.loop.units import Job, Unit, long_begin, units
from rlvr.loop.work import Begun, open_seed, opened, pools, prune, work
from rlvr.models import loading
from rlvr.records import added, layout, record
from rlvr.records.collected import Collected, add, hold_seals, seeds_of
from rlvr.verify.verifier import check_options, load_verifier


def run(
    config: Config, folder: Path, display: Display, where: str, collected: Collected | None = None
) -> None:
    """Run, or resume, `config` in `folder`.

    `collected`: where its finished seeds are collected; a seed that is there is not made again.

    Raises InputError (nothing is written) when the config, its data, the folder or the disk won't
    do, and RunError when the engine, a process or the disk fails on the way: what was recorded is
    kept.
    """
    _run([prepare(config, folder, where, collected)], display)


def run_all(runs: Sequence[tuple[Config, Path, str]], display: Display) -> None:
    """Run, or resume, several configs, each in its folder, with where the config stands.

    They are made at once on a cluster, or where a config says `threads` or `workers`; else in turn.
    Raises as `run` does; every run is looked at before any begins.
    """
    jobs = []
    for config, folder, where in runs:
        job = prepare(config, folder, where)
        # Drawn again when its turn comes: the problems of a whole sweep may be too many to hold.
        jobs.append(job if len(runs) == 1 else dataclasses.replace(job, problems={}))
    _run(jobs, display)


def _run(jobs: Sequence[Job], display: Display) -> None:
    if jobs[0].config.executor == "ray":
        from rlvr.loop import cluster  # ray is an extra

        with _all_begun(jobs, display) as started:
            cluster.run(started, display)
        return
    for (threads, workers), alike in groupby(
        jobs, lambda job: (job.config.threads, job.config.workers)
    ):
        if threads or workers:
            with _all_begun(list(alike), display) as started:
                local.run(started, display)
            continue
        for job in alike:
            with _begun(job, display) as alone:
                _work_here(alone, display)


def prepare(config: Config, folder: Path, where: str, collected: Collected | None = None) -> Job:
    """Look at all that can be looked at before a run writes anything. Raises InputError."""
    config = adding.whole(config, folder, where)
    with _said_of(where):
        loading.check_model_name(config.model, where)
        tracking.check(config.report_to, where)
        preflight.check_executor(config)
        wanted = preflight.verifier_of(config)
        verifier = load_verifier(wanted.name)
        record.check_disk(folder, preflight.bytes_needed(config))
        problems = {seed: draw(config, seed) for seed in config.seeds}
        check_options(verifier, wanted.options)
        preflight.check_luck(config, verifier)
        for other in config.evaluate.off_target:
            theirs = preflight.verifier_of(other)
            check_options(load_verifier(theirs.name), theirs.options)
        preflight.check_trl_vllm(config)
        preflight.check_trl(config)
        if config.grpo.watch:
            second = config.grpo.watch.verifier
            check_options(load_verifier(second.name), second.options)
        length = preflight.check_model(config, where, list(problems.values()))
        extents = adding.extents(config, folder, problems)
    began = sealing.hash_of(folder, resolved(config))
    there = seeds_of(collected) if collected else frozenset()
    job = Job(
        config, folder, where, length, problems, extents[0].sealed, began, extents, collected, there
    )
    sealing.check(job, added.read(folder))
    if collected:
        hold_seals(collected, sealing.hashes(job.config_hash, job.seal))
    adding.check_weights(job)
    return job


@contextmanager
def _said_of(where: str) -> Iterator[None]:
    """Name the config in what is wrong with it, or with what it asks for."""
    try:
        yield
    except InputError as failure:
        if where in str(failure):
            raise
        raise InputError(f"{where}: {failure}") from failure


@contextmanager
def _all_begun(jobs: Sequence[Job], display: Display) -> Iterator[list[Begun]]:
    with ExitStack() as stack:
        yield [stack.enter_context(_begun(job, display)) for job in jobs]


@contextmanager
def _begun(job: Job, display: Display) -> Iterator[Begun]:
    """Hold the run's folder while the block runs, with config, manifest and a scratch folder.

    A folder that was made here goes again where the input is refused before anything is recorded,
    as for an engine argument that only vLLM knows to be wrong.
    """
    config, folder = job.config, job.folder
    with record.locked(folder) as made, _no_trace(folder if made else None):
        plain, recorded = resolved(config), added.read(folder)
        # It was not held when it was looked at.
        if adding.joined(config, folder) != plain or (
            recorded not in (job.extents[1:], job.extents[1:-1])
        ):
            raise InputError(f"{folder}: was added to meanwhile: run the same command again")
        sealing.check(job, recorded)
        if before := sealing.unsealed(folder):
            display.note(
                f"{folder}: {before} rounds have no hashes of verifier, task and data, as "
                "rounds were not sealed then: whether these are the same can't be told"
            )
        for name, said in preflight.of_data(config):
            display.note(f"{name}: {said}")
        for said in preflight.warnings(config):
            display.note(f"{job.where}: warning: {said}")
        if said := adding.said(job, recorded):
            display.note(said)
        sealing.write_config(job)
        sealing.write_manifest(folder, _facts(job), lambda: registered(config, job.where))
        repair.repair(job, display)
        splits.measure_again(job, display)
        timing = record.Timing(folder)
        trackers = tracking.Trackers(folder, plain, config.report_to, display.note)

        def publish() -> None:
            record.write_metrics(folder)
            if job.collected:
                add(job.collected, folder)
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
        for unit in (Unit(seed, arm.name) for seed in config.seeds for arm in config.arms):
            prune(config, folder, unit)


def _facts(job: Job) -> dict[str, Any]:
    """Return what the manifest says of this command."""
    verifier = load_verifier(preflight.verifier_of(job.config).name)
    return preflight.manifest(job.config, verifier) | {"sealed": job.seal}


@contextmanager
def _no_trace(folder: Path | None) -> Iterator[None]:
    try:
        yield
    except InputError:
        if folder and not list(layout.finished_rounds(folder)):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _work_here(begun: Begun, display: Display) -> None:
    """Make every unit, one after the other, in this process."""
    job, config = begun.job, begun.job.config
    if all(unit.finished(job) for unit in units(job)):
        return
    with ExitStack() as stack:
        judges = [stack.enter_context(pool) for pool in pools(config)]
        shared = stack.enter_context(opened(begun, judges, display))
        rounds = len(job.seeds) * len(config.arms) * config.rounds
        display.note(
            f"{config.name}: {len(job.seeds)} bases and {rounds} rounds into {job.folder}; "
            f"engine up in {shared.engine.start_seconds:.0f} s"
        )
        seed: Seed | None = None
        for unit in units(job):
            if seed is None or seed.seed != unit.seed:
                seed = open_seed(shared, job, unit.seed)
            if said := long_begin(job, unit):
                display.note(said)
            work(shared, seed, unit)
