"""Work: set up a worker (engine, judges, problems), and make a base or the rounds of an arm."""

from __future__ import annotations

import dataclasses
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import Problem
from rlvr.engine.protocol import Engine
from rlvr.engine.registry import engine_of
from rlvr.evaluate.evaluation import Problems
from rlvr.learners.context import Corpus, Run, Seed, SeedProblems
from rlvr.learners.registry import LEARNERS
from rlvr.loop import preflight, sealing
from rlvr.loop.base import make_base
from rlvr.loop.problems import draw
from rlvr.loop.progress import Display
from rlvr.loop.round import make_round
from rlvr.loop.splits import trained_on
from rlvr.loop.units import Job, Unit
from rlvr.models import loading
from rlvr.records import record
from rlvr.records.layout import BASE, WEIGHTS, arm_folder, is_done
from rlvr.studies.registry import study_of
from rlvr.verify.pool import Judge, VerifierPool
from rlvr.verify.verifier import load_verifier


@dataclass(frozen=True, slots=True)
class Begun:
    """A run whose folder is held: what it records is brought up to date by `publish`."""

    job: Job
    scratch: Path
    timing: record.Timing
    publish: Callable[[], None]


def pools(config: Config) -> list[VerifierPool]:
    """Return a pool of this machine's processes for each of the run's verifiers."""
    settings = config.verify
    return [
        VerifierPool(one.name, one.options, workers=settings.workers, timeout=settings.told)
        for one in preflight.verifiers(config)
    ]


@contextmanager
def started(config: Config, length: int, folder: Path, where: str) -> Iterator[Engine]:
    """Write the weights that the first seed begins with into a new folder; start an engine on them.

    `length`: the tokens of the longest sequence. Yields the engine when it is ready.
    """
    loading.materialise(config.model, config.seeds[0], folder, where)
    dtype = "float32" if config.train.precision == "fp32" else "bfloat16"
    start, arguments = engine_of({"max_model_len": length, **config.engine})
    with start(folder, dtype, arguments) as engine:
        engine.wait_ready()
        yield engine


@contextmanager
def opened(begun: Begun, judges: Sequence[Judge], display: Display) -> Iterator[Run]:
    """Start the engine; yield what every stage of the run shares.

    `judges`: one for each of the run's verifiers.
    """
    job, scratch, config = begun.job, begun.scratch, begun.job.config
    # The judges have loaded theirs by now: what is there is what they run.
    sealing.hold(job.sealed_now, sealing.seal(config, {}), socket.gethostname())
    with started(config, job.length, scratch / "first", job.where) as engine:
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
            sealed=partial(sealing.hashes_at, job),
            ends=job.ends,
            **by_role(config, judges),
        )


def by_role(config: Config, judges: Sequence[Judge]) -> dict[str, Any]:
    """Return what a Run calls its judges, of which there is one for each verifier."""
    first, *others = judges
    tasks = len(config.evaluate.off_target)
    watch = others[tasks] if len(others) > tasks else None
    return {"pool": first, "off_target_pools": others[:tasks], "watch_pool": watch}


# One seed


def open_seed(run: Run, job: Job, seed: int) -> Seed:
    """Make the weights that a seed begins with; return its problems as the model meets them."""
    for old in run.scratch.glob("start-*"):
        shutil.rmtree(old)
    drawn = job.problems.get(seed)
    if drawn is None:
        drawn = draw(run.config, seed)
        now = sealing.drawn(run.config, {seed: drawn})
        sealing.hold(job.sealed_now, now, socket.gethostname())
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
    return dataclasses.replace(encode_all(own), heard=heard, trained=trained_on(own, other))


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

    What an online arm would go on from goes with its last round, unless all is kept.
    """
    if unit.arm == BASE:
        return
    folders = [place.folder(folder) for place in unit.rounds(config)]
    done = [path for path in folders if is_done(path, "record")]
    finished = len(done) == config.rounds
    if config.checkpoints == "all":
        return
    if finished:
        [arm] = [arm for arm in config.arms if arm.name == unit.arm]
        LEARNERS[arm.learner].forget(arm_folder(folder, unit.seed, unit.arm))
    keep = 0 if finished and config.checkpoints == "none" else 1
    for path in done[: len(done) - keep]:
        for name in WEIGHTS:
            record.delete_folder(path / name)
