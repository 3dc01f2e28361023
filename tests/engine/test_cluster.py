"""Runs over Ray clusters of several nodes on this machine, each its own `ray start`."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import psutil
import pytest
from filelock import FileLock
from rich.console import Console
from support.command import Call, assert_refused
from support.here import run_here
from support.runs import TINY, assert_equal_runs, finish, start_run

from rlvr.config import load
from rlvr.data import InputError, Problem, RunError
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, Unit, alone, units
from rlvr.records import layout
from rlvr.verify.settings import NamedConfig

RAY = Path(sys.executable).parent / "ray"
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DISABLE_IMPORT_WARNING": "1"}


@dataclasses.dataclass
class Nodes:
    """A cluster: its address and the process of each node, the head first."""

    address: str
    folder: Path
    started: list[subprocess.Popen[bytes]]

    def add(self, cores: int = 2) -> None:
        where = ["--address", self.address]
        if not self.started:
            where = ["--head", f"--port={self.address.partition(':')[2]}"]
            where += [f"--temp-dir={self.folder}", "--include-dashboard=false"]
        command = [str(RAY), "start", "--block", f"--num-cpus={cores}", *where]
        self.started.append(
            subprocess.Popen(
                command,
                env={**os.environ, **QUIET},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        self.wait(len(self.started))

    def wait(self, nodes: int) -> None:
        count = f"import ray; ray.init('{self.address}', log_to_driver=False, logging_level=40)"
        count += "; print(sum(node['Alive'] for node in ray.nodes()))"
        end = time.monotonic() + 90
        while True:
            command = [sys.executable, "-c", count]
            done = subprocess.run(command, capture_output=True, text=True, timeout=90)
            if done.stdout.strip() == str(nodes):
                return
            assert time.monotonic() < end, done.stderr[-2000:]
            time.sleep(0.5)

    def kill(self, place: int) -> None:
        """Kill a node at once: its raylet with every worker."""
        node = psutil.Process(self.started[place].pid)
        for process in [*node.children(recursive=True), node]:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.started[place].wait()

    def processes(self, place: int, word: str) -> list[psutil.Process]:
        """Return the processes of a node with a word in their command line."""
        found = []
        for process in psutil.Process(self.started[place].pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):  # it has just ended
                if word in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def at_work(self) -> int | None:
        """Return the place of a node, not the head, with a worker in the midst of a unit."""
        places = range(1, len(self.started))
        return next((place for place in places if self.processes(place, "Worker.work")), None)


@pytest.fixture
def cluster() -> Iterator[Callable[[int], Nodes]]:
    """Start clusters of so many nodes with two cores each; all are killed afterwards."""
    # Short: the path of a socket lies beneath, and may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nodes = Nodes(f"127.0.0.1:{free.getsockname()[1]}", folder, [])

    def start(count: int) -> Nodes:
        for _ in range(count):
            nodes.add()
        return nodes

    yield start
    for place in reversed(range(len(nodes.started))):
        if nodes.started[place].poll() is None:
            nodes.kill(place)
    shutil.rmtree(folder, ignore_errors=True)


def over(nodes: Nodes) -> list[str]:
    return ["executor=ray", f"ray.address={nodes.address}"]


def equal(found: Path, local: Path, tmp_path: Path) -> None:
    """Hold a run to one of this machine alone; their configs differ in the executor."""
    copy = tmp_path / "copy"
    shutil.copytree(found, copy)
    shutil.copyfile(local / "config.json", copy / "config.json")
    assert_equal_runs(copy, local)


def wait_for_a_base(process: subprocess.Popen[str], folder: Path) -> None:
    end = time.monotonic() + 240
    while not list(folder.glob("seed-*/base/metrics.json")):
        assert time.monotonic() < end and process.poll() is None, process.communicate()
        time.sleep(0.02)


def test_units_know_what_they_need() -> None:
    job = Job(load(TINY), Path("run"), "tiny.yaml", 1, {})
    found = units(job)
    assert list(found)[:3] == [Unit(7, "base"), Unit(7, "verified"), Unit(7, "random")]
    assert found[Unit(8, "random")] == (Unit(8, "base"), Unit(8, "verified"))
    seen: set[Unit] = set()
    for unit, needs in found.items():
        assert set(needs) <= seen
        seen.add(unit)


def test_a_seed_on_a_cluster_is_as_on_one_machine(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    short = ["seeds=[7]", "rounds=1", "arms=[verified]", *over(cluster(1))]
    out = finish(start_run(tmp_path / "run", reference.parent / "cache", *short))
    assert "2 units over 1 nodes, 1 workers at a time with 2 cores each" in out
    for place, names in (
        ("seed-7/base", ("completions.parquet", "metrics.json", "model/model.safetensors")),
        ("seed-7/verified/round-001", ("completions.parquet", "rows.parquet", "train.json")),
    ):
        for name in names:
            ours, theirs = (run / place / name for run in (tmp_path / "run", reference))
            assert ours.read_bytes() == theirs.read_bytes(), name


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_nodes_equal_one_machine(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    local, nodes = reference, cluster(2)
    out = finish(start_run(tmp_path / "run", tmp_path / "cache", *over(nodes)))
    assert "6 units over 2 nodes, 2 workers at a time with 2 cores each" in out
    equal(tmp_path / "run", local, tmp_path)
    timing = pd.read_parquet(tmp_path / "run" / "timing.parquet")
    both = set(zip(timing["seed"], timing["arm"], strict=True))
    assert both == {(s, a) for s in (7, 8) for a in ("base", "verified", "random")}
    # A finished run is finished for either executor.
    again = run_here(tmp_path / "run", tmp_path / "cache")
    assert "pass@1" in again and "engine up" not in again


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_killed_in_the_midst_of_a_round(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    local, nodes, folder = reference, cluster(3), tmp_path / "run"
    process = start_run(folder, tmp_path / "cache", *over(nodes))
    end = time.monotonic() + 240
    while True:
        assert time.monotonic() < end and process.poll() is None, process.communicate()
        began = list(folder.glob("seed-*/verified/round-001/rows.parquet"))
        place = nodes.at_work()
        if began and place:
            break
        time.sleep(0.02)
    nodes.kill(place)
    out = finish(process, 600)
    assert "its worker is lost" in out and "another goes on with it" in out
    equal(folder, local, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_interrupt_waits_for_what_each_worker_is_at(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    local, nodes, folder = reference, cluster(2), tmp_path / "run"
    process = start_run(folder, tmp_path / "cache", *over(nodes))
    wait_for_a_base(process, folder)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "stopping: what is recorded is kept" in out, err
    assert not list(folder.rglob(".*.tmp")) and "is lost" not in out
    timing = pd.read_parquet(folder / "timing.parquet")
    assert len(timing), "the times of what was done are kept"
    finish(start_run(folder, tmp_path / "cache"))  # on this machine alone
    equal(folder, local, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_judges_that_are_killed_are_started_again(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    local, nodes, folder = reference, cluster(2), tmp_path / "run"
    process = start_run(folder, tmp_path / "cache", *over(nodes))
    wait_for_a_base(process, folder)
    judges = [one for place in range(2) for one in nodes.processes(place, "NodeJudge")]
    assert len(judges) >= 2
    for one in judges:
        one.kill()
    finish(process, 600)
    equal(folder, local, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_without_its_last_node_a_run_waits_and_can_be_stopped(
    cluster: Callable[[int], Nodes], reference: Path, tmp_path: Path
) -> None:
    local, nodes, folder = reference, cluster(0), tmp_path / "run"
    nodes.add(cores=0)
    nodes.add()
    process = start_run(folder, tmp_path / "cache", *over(nodes))
    wait_for_a_base(process, folder)
    nodes.kill(1)
    time.sleep(60)  # of which the driver is to wait 30 before it says so
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "its worker is lost" in out, err
    assert "there is no room for a worker with 2 cores: waiting for it" in out
    nodes.started.pop()
    nodes.add()
    finish(start_run(folder, tmp_path / "cache", *over(nodes)), 600)
    equal(folder, local, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_runs_its_points_at_once(cluster: Callable[[int], Nodes], tmp_path: Path) -> None:
    nodes = cluster(2)
    # The larger need is that of every worker, so both points have the same threads and figures.
    command = [sys.executable, "-m", "rlvr.cli", "sweep", str(TINY), "--over", "ray.cpus=1,2"]
    # Two arms: a worker comes back to a run that it had left.
    command += ["seeds=[7]", "rounds=1", "arms=[verified,unfiltered]", *over(nodes)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "sweep")],
        env={**os.environ, "RLVR_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "6 units over 2 nodes, 2 workers at a time with 2 cores each" in done.stdout
    one, two = (tmp_path / "sweep" / f"ray.cpus={cores}" for cores in (1, 2))
    assert (one / "compare.json").is_file()
    assert (one / "compare.json").read_bytes() == (two / "compare.json").read_bytes()


@pytest.mark.timeout(600)
@pytest.mark.slow
def test_judges_on_two_nodes_and_on_none(cluster: Callable[[int], Nodes]) -> None:
    import ray
    from ray.exceptions import RayError

    from rlvr.loop.cluster import CHUNK, ClusterJudge, connected, judges

    nodes = cluster(2)
    problem = Problem("p", "t", "eval", "", "", "7")
    texts = [str(i % 10) for i in range(20 * CHUNK)]
    config = load(TINY, ["verifier=exact", "evaluate.off_target=[]"])
    with connected(nodes.address):
        [actors] = judges(Job(config, Path(), "", 0, {}), {})
        judge = ClusterJudge(actors)
        found = [one.status for one in judge.verify((problem, text) for text in texts)]
        assert found == ["correct" if text == "7" else "wrong" for text in texts]
        # The same where they come in parts.
        few = [None, *texts[:3], None, *texts[3:9], None, None, *texts[9:300]]
        parts = (text if text is None else (problem, text) for text in few)
        assert [one.status for one in judge.verify(parts)] == found[:300]
        # One is lost with what it had before it: the other judges that too.
        verdicts = judge.verify((problem, text) for text in texts)
        first = next(verdicts)
        ray.kill(actors[0])
        assert [one.status for one in (first, *verdicts)] == found
        ray.kill(actors[1])
        for actor in actors:
            with pytest.raises(RayError):  # a kill is asked for, and takes a while
                while True:
                    ray.get(actor.verify.remote([]))
        with pytest.raises(RunError, match="no node is left to judge"):
            list(judge.verify([(problem, "7")]))
        endless = (None if i % 2 == 0 else (problem, "7") for i in itertools.count())
        with pytest.raises(RunError, match="no node is left to judge"):
            list(judge.verify(endless))


def test_a_judge_whose_processes_are_killed_starts_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlvr.loop.cluster import NodeJudge

    monkeypatch.chdir(tmp_path)  # as it does itself, and here it is undone
    judge = NodeJudge(str(tmp_path), NamedConfig(name="exact"), 1, 10.0, {})
    asked = [(Problem("p", "t", "eval", "", "", "7"), text) for text in ("7", "8")]
    for _ in range(2):
        assert [one.status for one in judge.verify(asked)] == ["correct", "wrong"]
        judge.pool._server.kill()
        judge.pool._server.wait()
    judge.pool.close()


@pytest.mark.timeout(60)
def test_a_unit_that_a_worker_is_still_at_is_waited_for(tmp_path: Path) -> None:
    job, unit, out = Job(load(TINY), tmp_path, "", 0, {}), Unit(7, "verified"), io.StringIO()
    display = Display(Console(file=out), "", 0, 0)
    (tmp_path / layout.LOCKS).mkdir()
    other = FileLock(tmp_path / layout.LOCKS / "7-verified", thread_local=False)
    with other, ThreadPoolExecutor() as thread:

        def work() -> bool:
            with alone(job, unit, display):
                return other.is_locked

        at_work = thread.submit(work)
        with alone(job, Unit(7, "random"), display):
            pass  # another one is free
        while not out.getvalue():
            time.sleep(0.1)
        assert not at_work.done()
        other.release()
        assert at_work.result() is False
    said = "seed 7, verified: a worker of an earlier cluster is still at it: waiting for its end"
    assert out.getvalue() == said + "\n"
    display.stopping = True
    with other, pytest.raises(KeyboardInterrupt), alone(job, unit, display):
        pass
    shutil.rmtree(tmp_path / layout.LOCKS)
    (tmp_path / layout.LOCKS).write_text("a file")
    display.stopping = False
    with pytest.raises(RunError, match=r"can't write .*\.locks"), alone(job, unit, display):
        pass


def test_no_cluster_there(call: Call) -> None:
    asked = ["run", TINY, "executor=ray", "ray.address=127.0.0.1:1"]
    assert_refused(call, ["ray.address: 127.0.0.1:1: no cluster answers"], *asked)


def test_without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlvr.loop import preflight

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[ray\]'"):
        preflight.check_executor(load(TINY, ["executor=ray"]))
