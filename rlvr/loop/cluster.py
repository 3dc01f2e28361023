"""Cluster: the units of runs over the nodes of a Ray cluster (`executor: ray`).

A worker (`loop/worker.py`) is an actor with cores, GPUs and memory of its own on one node. It makes
one unit at a time: the base of a seed, or all rounds of one of its arms, by the same code as on one
machine. Its completions are judged by an actor on every node. `loop/dispatch.py` gives out units.

The run folder is the only store, on a file system that every node sees. When a worker or its node
dies, its recorded files stay, and another worker makes the rest of the unit. Files are written
atomically. A lock keeps a unit to one worker. It starts no cluster and copies no files.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from rlvr.config import Config
from rlvr.data import InputError, Problem, RunError, Verdict
from rlvr.engine.settings import gpus_of
from rlvr.engine.threads import use_openmp
from rlvr.loop import preflight, sealing
from rlvr.loop.dispatch import Crew, LostError, dispatch, unfinished, units_of
from rlvr.loop.progress import Display
from rlvr.loop.units import POLL_SECONDS, Job, Unit
from rlvr.loop.work import Begun
from rlvr.loop.worker import Made, Worker
from rlvr.records.layout import CONFIG
from rlvr.records.seals import Seal
from rlvr.verify.pool import SOON_SECONDS, WINDOW, Source, VerifierPool
from rlvr.verify.settings import NamedConfig

CHUNK = 64  # completions that a node is given to judge at a time
AHEAD = 2  # chunks that a node has before it

# On the nodes ------------------------------------------------------------------------------------


class NodeJudge:
    """An actor: the processes of its node that run a verifier.

    `folder`: where a relative path of the verifier leads from.
    """

    def __init__(
        self,
        folder: str,
        verifier: NamedConfig,
        workers: int | None,
        timeout: float | None,
        seal: Seal,
    ) -> None:
        os.chdir(folder)
        self._start = partial(VerifierPool, verifier.name, verifier.options, workers, timeout)
        self.pool = self._start()
        self._hold = partial(sealing.hold, seal, {"verifier": sealing.of_verifier(verifier)})

    def verify(self, items: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Return a verdict per (problem, completion), in order.

        Raises InputError where this node has another verifier than the run began with.
        """
        self._hold(f"the node {socket.gethostname()}")  # here, as an actor that can't begin is lost
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
        """Yield one verdict per (problem, completion), in order; None says that there is none yet.

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


class NodeWorker:
    """An actor: a worker on its node. `folder`: where relative paths of the config lead from."""

    def __init__(self, folder: str) -> None:
        # Before torch is imported, as on one machine; Ray has set the number of threads.
        use_openmp()
        os.chdir(folder)
        self.worker = Worker()

    def work(self, job: Job, unit: Unit, judges: Sequence[Sequence[Any]]) -> Made:
        """Make a unit. `judges`: the actors of each verifier."""
        if not (job.folder / CONFIG).is_file():
            raise InputError(
                f"{job.folder}: the node {ray.util.get_node_ip_address()} does not see it: "
                "give --out on a file system that every node mounts"
            )
        return self.worker.work(job, unit, [ClusterJudge(actors) for actors in judges])


# At the driver -----------------------------------------------------------------------------------


@dataclass(eq=False)
class _Nodes(Crew):
    """Workers on the nodes of the cluster.

    needed: what one reserves, under Ray's names. known: the judging actors that were started so
    far, by node and verifier.
    """

    needed: Mapping[str, float]
    wants: str
    tries: int
    keeps: bool = False  # another driver may want its cores
    known: dict[tuple[str, str], Any] = field(default_factory=dict)

    def room(self) -> int:
        """Return how many workers the nodes that are there hold together."""
        return _room(self.needed)

    def hire(self) -> Any:
        """Start an actor on one of the nodes."""
        of = self.needed
        kind = ray.remote(NodeWorker).options(
            num_cpus=of["CPU"],
            num_gpus=of["GPU"],
            memory=of["memory"],
            runtime_env=_environment(OMP_NUM_THREADS=str(int(of["CPU"]))),
            scheduling_strategy="SPREAD",
        )
        return kind.remote(str(Path.cwd()))

    def begin(self, worker: Any, job: Job, unit: Unit) -> Any:
        """Let an actor begin a unit."""
        return worker.work.remote(job, unit, judges(job, self.known))

    def ended(self, tasks: Sequence[Any]) -> Sequence[Any]:
        """Return those that have ended, or are lost."""
        found: list[Any] = ray.wait(list(tasks), timeout=POLL_SECONDS)[0]
        return found

    def result(self, task: Any) -> Made:
        """Return what the worker says. One whose engine failed counts as lost."""
        try:
            made: Made = _result(task)
        except RayTaskError:
            raise
        except (RayError, RunError) as failure:
            raise LostError(str(failure)) from failure
        return made

    def dismiss(self, worker: Any) -> None:
        """Kill the actor."""
        ray.kill(worker)


def run(begun: Sequence[Begun], display: Display) -> None:
    """Make every unit of these runs on the cluster that their config names.

    Raises InputError where there is no such cluster or no node that will do, and RunError for a
    unit that failed as often as it may.
    """
    config = begun[0].job.config
    runs = units_of(begun, display)
    todo = unfinished(runs)
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
        wants = f"a worker with {_words(needed)}"
        dispatch(runs, _Nodes(needed, wants, config.ray.attempts), display)


def _environment(**more: str) -> dict[str, dict[str, str]]:
    """Return what an actor has of the driver's environment, and what it has besides."""
    ours = ("RLVR_", "VLLM_", "HF_")
    known = os.environ.items()
    return {"env_vars": {k: v for k, v in known if k == "PYTHONPATH" or k.startswith(ours)} | more}


def _result(ref: Any) -> Any:
    """Return what an actor's call returned, or raise what it raised."""
    try:
        return ray.get(ref)
    except RayTaskError as failure:
        if isinstance(failure.cause, (InputError, RunError)):
            raise failure.cause from None
        raise


def judges(job: Job, known: dict[tuple[str, str], Any]) -> list[list[Any]]:
    """Return for each of a run's verifiers the judging actors of the nodes that are there now.

    `known`: those that were started so far, by node and verifier.
    """
    settings, found = job.config.verify, []
    nodes = [node["NodeID"] for node in _alive()]
    for verifier in preflight.verifiers(job.config):
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
                    str(Path.cwd()), verifier, settings.workers, settings.told, job.sealed_now
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
        engine = gpus_of(config.engine) * int(config.engine.get("data_parallel_size", 1))
        there = ray.cluster_resources().get("GPU", 0)
        gpus = max(engine, config.train.processes) if there else 0
    return {
        "CPU": config.threads or config.ray.cpus,
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
