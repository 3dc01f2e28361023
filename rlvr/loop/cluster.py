"""Cluster: the units of runs over the nodes of a Ray cluster (`executor: ray`).

A worker is an actor with cores, GPUs and memory of its own on one node. It holds an engine and a
trainer, and makes one unit at a time: the base of a seed, or all rounds of one of its arms, by the
same code as on one machine. Its completions are judged by an actor on every node.

The run folder is the only store, on a file system that every node sees. When a worker or its node
dies, its recorded files stay, and another worker makes the rest of the unit. Files are written
atomically. A lock keeps a unit to one worker. Only the driver writes the files that a run has once:
metrics.parquet, timing.parquet, trackers. It starts no cluster and copies no files.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import shutil
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
from rich.console import Console

from rlvr.config import Config
from rlvr.data import InputError, Problem, RunError, Verdict
from rlvr.engine.threads import use_openmp
from rlvr.learners.context import Run, Seed
from rlvr.loop import preflight, work
from rlvr.loop.progress import Display
from rlvr.loop.recording import headline
from rlvr.loop.units import POLL_SECONDS, Job, Unit, alone, units
from rlvr.loop.work import Begun
from rlvr.records import record
from rlvr.records.layout import CONFIG, RECORDED, SCRATCH, STOP, Place
from rlvr.verify.pool import SOON_SECONDS, WINDOW, Source, VerifierPool
from rlvr.verify.settings import NamedConfig

WAIT_SECONDS = 30.0  # without a node that will do, until it is said
CHUNK = 64  # completions that a node is given to judge at a time
AHEAD = 2  # chunks that a node has before it

# On the nodes ------------------------------------------------------------------------------------


class NodeJudge:
    """An actor: the processes of its node that run a verifier.

    `folder`: where a relative path of the verifier leads from.
    """

    def __init__(
        self, folder: str, verifier: NamedConfig, workers: int | None, timeout: float | None
    ) -> None:
        os.chdir(folder)
        self._start = partial(VerifierPool, verifier.name, verifier.options, workers, timeout)
        self.pool = self._start()

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Return a verdict per (problem, completion), in order."""
        try:
            return list(self.pool.verify(items))
        except RunError:  # its processes were killed, say: once more with others
            self.pool.close()
            self.pool = self._start()
            return list(self.pool.verify(items))


class ClusterJudge:
    """Judges completions on all nodes. `actors`: the NodeJudge of each."""

    def __init__(self, actors: Sequence[Any]) -> None:
        self.actors = list(actors)

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        """Yield one verdict per (problem, completion), in order; None says: none as yet.

        What a lost node had before it is judged by the others. Raises RunError when none is left.
        """
        source = Source(iter(items))
        chunks: dict[int, list[tuple[Problem, str]]] = {}  # given out, and not yet yielded
        todo: deque[int] = deque()
        running: dict[Any, tuple[Any, int]] = {}
        done: dict[int, list[Verdict]] = {}
        given = position = 0
        while True:
            while position in done:
                yield from done.pop(position)
                del chunks[position]
                position += 1
            source.draw(WINDOW if source.live else CHUNK)
            if not self.actors and (todo or source.todo):
                raise RunError("no node is left to judge completions: run again to resume")
            load = Counter(actor for actor, _ in running.values())
            # Those with the least before them first: of a live source there may be little.
            free = [one for ahead in range(AHEAD) for one in self.actors if load[one] <= ahead]
            for actor in free:
                if not todo and not source.live:
                    source.draw(CHUNK)
                if not todo and source.todo:
                    count = min(CHUNK, len(source.todo))
                    drawn = [source.todo.popleft() for _ in range(count)]
                    chunks[given] = [(item.problem, item.completion) for item in drawn]
                    todo.append(given)
                    given += 1
                if todo:
                    place = todo.popleft()
                    running[actor.verify.remote(chunks[place])] = (actor, place)
            if not running:
                if not source.live:
                    return
                time.sleep(SOON_SECONDS)
                continue
            for ref in ray.wait(list(running), timeout=SOON_SECONDS if source.live else None)[0]:
                actor, place = running.pop(ref)
                try:
                    done[place] = _result(ref)
                except RayTaskError:
                    raise
                except RayError:  # it is lost, its node, or what it answered
                    todo.appendleft(place)
                    self.actors = [one for one in self.actors if one is not actor]


class _Stopped(Exception):
    """The driver was interrupted, and all that this worker did so far is recorded."""


class _Unseen(Display):
    """A worker's display, which nobody sees. It stops where a file says so, not at a Ctrl-C."""

    def __init__(self, stop: Path) -> None:
        super().__init__(Console(quiet=True), "", 0)
        self.stop = stop

    def may_stop(self) -> None:
        """Raise _Stopped where the file is there."""
        if self.stop.exists():
            raise _Stopped


class Worker:
    """An actor: an engine and a trainer that make one unit after another.

    `folder`: where relative paths of the config lead from.
    """

    def __init__(self, folder: str) -> None:
        # Before torch is imported, as on one machine; Ray has set the number of threads.
        use_openmp()
        os.chdir(folder)
        self.engine = ExitStack()
        self.run: Run | None = None
        self.seed: Seed | None = None

    def work(self, job: Job, unit: Unit, judges: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
        """Make a unit and return its rows of timing. `judges`: the actors of each verifier."""
        rows: list[dict[str, Any]] = []
        if not (job.folder / CONFIG).is_file():
            raise InputError(
                f"{job.folder}: the node {ray.util.get_node_ip_address()} does not see it: "
                "give --out on a file system that every node mounts"
            )
        shown = _Unseen(job.folder / STOP)
        with suppress(_Stopped), alone(job, unit, shown):
            run = self._opened(job, [ClusterJudge(actors) for actors in judges], shown)
            if self.seed is None or self.seed.seed != unit.seed:
                self.seed = work.open_seed(run, job, unit.seed)
            rows = run.timing.rows
            work.work(run, self.seed, unit)
        return rows

    def _opened(self, job: Job, judges: Sequence[ClusterJudge], shown: Display) -> Run:
        """Return the run with these judges, its engine started where it isn't yet."""
        if self.run is None or self.run.folder != job.folder:
            self.engine.close()
            self.run = self.seed = None
            scratch = job.folder / SCRATCH / f"{ray.util.get_node_ip_address()}-{os.getpid()}"
            shutil.rmtree(scratch, ignore_errors=True)  # it made units of this run before
            scratch.mkdir()
            begun = Begun(job, scratch, record.Timing(scratch), lambda: None)
            self.run = self.engine.enter_context(work.opened(begun, judges, shown))
        timing = record.Timing(self.run.scratch)
        return dataclasses.replace(self.run, timing=timing, **work.by_task(job.config, judges))


# At the driver -----------------------------------------------------------------------------------


@dataclass(eq=False)
class _Units:
    """The units of one run: what each needs, which are finished, and what of them was shown."""

    begun: Begun
    needs: Mapping[Unit, tuple[Unit, ...]]
    done: set[Unit]
    shown: set[Place] = field(default_factory=set)
    since: dict[Unit, float] = field(default_factory=dict)  # its begin, or its last round's end

    @property
    def job(self) -> Job:
        return self.begun.job

    def look(self, display: Display) -> None:
        """Show the rounds that were recorded since the last look, and publish them."""
        news = []
        for unit in self.needs:
            for place in unit.rounds(self.job.config):
                path = place.folder(self.job.folder) / RECORDED
                if place not in self.shown and path.is_file():
                    now = time.monotonic()
                    seconds = now - self.since.get(unit, now)
                    self.since[unit] = now
                    said = headline(json.loads(path.read_text()))
                    display.round_done(place, said, seconds)
                    news.append(place)
        self.shown.update(news)
        if news:
            self.begun.publish()


def run(begun: Sequence[Begun], display: Display) -> None:
    """Make every unit of these runs on the cluster that their config names.

    Raises InputError where there is no such cluster or no node that will do, and RunError for a
    unit that failed as often as it may.
    """
    config = begun[0].job.config
    runs = []
    for one in begun:
        needs = units(one.job.config)
        runs.append(_Units(one, needs, {unit for unit in needs if unit.finished(one.job)}))
        runs[-1].look(display)
    todo = [(one, unit) for one in runs for unit in one.needs if unit not in one.done]
    if not todo:
        return
    with connected(config.ray.address):
        each = [_needed(one.job.config) for one in begun]
        needed = {name: max(of[name] for of in each) for name in each[0]}
        room = _room(needed)
        if not room:
            raise InputError(
                f"ray: no node of the cluster has {_words(needed)} for a worker: add one, or lower "
                "ray.cpus, ray.gpus or ray.memory_gb"
            )
        display.note(
            f"{len(todo)} units over {len(_alive())} nodes, {room} workers at a time with "
            f"{_words(needed)} each"
        )
        _dispatch(runs, todo, needed, display)
        display.may_stop()


def _dispatch(
    runs: Sequence[_Units],
    todo: list[tuple[_Units, Unit]],
    needed: Mapping[str, float],
    display: Display,
) -> None:
    """Give out the units as what they need is finished, until all are."""
    running: dict[Any, tuple[Any, _Units, Unit]] = {}
    idle: list[Any] = []
    known: dict[tuple[str, str], Any] = {}
    failures: Counter[tuple[Path, Unit]] = Counter()
    waited = time.monotonic()
    while todo or running:
        if display.stopping:
            todo.clear()
            for of in runs:
                (of.job.folder / STOP).touch()
            if not running:
                break
        ready = [(of, unit) for of, unit in todo if set(of.needs[unit]) <= of.done]
        for of, unit in ready[: max(0, _room(needed) - len(running))]:
            worker = idle.pop() if idle else _new_worker(needed)
            job = dataclasses.replace(of.job, folder=of.job.folder.absolute(), problems={})
            ref = worker.work.remote(job, unit, judges(job.config, known))
            running[ref] = (worker, of, unit)
            of.since[unit] = time.monotonic()
            todo.remove((of, unit))
        while idle:  # nothing is ready for it: another driver may want its cores
            ray.kill(idle.pop())
        if not running:
            if time.monotonic() - waited > WAIT_SECONDS:
                waited = time.monotonic()
                display.note(f"no node is there with {_words(needed)}: waiting for one")
            time.sleep(POLL_SECONDS)
            continue
        for ref in ray.wait(list(running), timeout=POLL_SECONDS)[0]:
            worker, of, unit = running.pop(ref)
            try:
                of.begun.timing.rows += _result(ref)
                idle.append(worker)
                if not display.stopping:
                    of.done.add(unit)
            except RayTaskError:
                raise
            except (RayError, RunError) as failure:
                for lost in (worker, *idle):  # an idle one may have been on the same node
                    ray.kill(lost)
                idle.clear()
                failures[of.job.folder, unit] += 1
                tries = failures[of.job.folder, unit]
                where = f"seed {unit.seed}, {unit.arm}"
                why = str(failure).strip().splitlines()[0][:300]
                if display.stopping:
                    display.note(f"{where}: its worker is lost ({why})")
                    continue
                if tries >= of.job.config.ray.attempts:
                    raise RunError(
                        f"{where} failed {tries} times, the last time so: {why}; what was recorded "
                        "is kept: run the same command again to resume"
                    ) from failure
                display.note(f"{where}: its worker is lost ({why}): another goes on with it")
                todo.insert(0, (of, unit))
        for one in runs:
            one.look(display)


def _new_worker(needed: Mapping[str, float]) -> Any:
    settings = {"num_cpus": needed["CPU"], "num_gpus": needed["GPU"], "memory": needed["memory"]}
    kind = ray.remote(Worker).options(
        **settings, runtime_env=_environment(), scheduling_strategy="SPREAD"
    )
    return kind.remote(str(Path.cwd()))


def _environment() -> dict[str, dict[str, str]]:
    """Return what an actor has of the driver's environment."""
    ours = ("RLVR_", "VLLM_", "HF_")
    known = os.environ.items()
    return {"env_vars": {k: v for k, v in known if k == "PYTHONPATH" or k.startswith(ours)}}


def _result(ref: Any) -> Any:
    """Return what an actor's call returned, or raise what it raised."""
    try:
        return ray.get(ref)
    except RayTaskError as failure:
        if isinstance(failure.cause, (InputError, RunError)):
            raise failure.cause from None
        raise


def judges(config: Config, known: dict[tuple[str, str], Any]) -> list[list[Any]]:
    """Return for each of a run's verifiers the judging actors of the nodes that are there now.

    `known`: those that were started so far, by node and verifier.
    """
    settings, found = config.verify, []
    nodes = [node["NodeID"] for node in _alive()]
    for verifier in work.verifiers(config):
        asked = json.dumps([verifier.model_dump(), settings.workers, settings.told])
        for node in nodes:
            if (node, asked) not in known:
                kind = ray.remote(NodeJudge).options(
                    max_restarts=-1,
                    num_cpus=0,  # it works while a worker waits for it
                    runtime_env=_environment(),
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
                )
                known[node, asked] = kind.remote(
                    str(Path.cwd()), verifier, settings.workers, settings.told
                )
        found.append([known[node, asked] for node in nodes])
    return found


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be a driver of the cluster at `address` while the block runs. Raises InputError."""
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as failure:
        raise preflight.no_cluster(address, failure) from failure
    try:
        yield
    finally:
        ray.shutdown()  # ends this driver's actors


def _needed(config: Config) -> dict[str, float]:
    """Return what a worker reserves, under Ray's names; memory in bytes."""
    gpus = config.ray.gpus
    if gpus is None:
        parts = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
        engine = math.prod(int(config.engine.get(part, 1)) for part in parts)
        there = ray.cluster_resources().get("GPU", 0)
        gpus = max(engine, config.train.processes) if there else 0
    return {
        "CPU": config.ray.cpus,
        "GPU": gpus,
        "memory": int((config.ray.memory_gb or 0) * 1e9),
    }


def _room(needed: Mapping[str, float]) -> int:
    """Return how many workers the nodes that are there hold together."""
    alive = [node["Resources"] for node in _alive()]
    return sum(min(int(of.get(name, 0) // n) for name, n in needed.items() if n) for of in alive)


def _alive() -> list[dict[str, Any]]:
    """Return what Ray says of each node that is there now."""
    return [node for node in ray.nodes() if node["Alive"]]


def _words(needed: Mapping[str, float]) -> str:
    said = [f"{needed['CPU']:g} cores"]
    said += [f"{needed['GPU']:g} GPUs"] if needed["GPU"] else []
    said += [f"{needed['memory'] / 1e9:g} GB"] if needed["memory"] else []
    return ", ".join(said)
