"""Verification over the nodes of a Ray cluster: two nodes against one.

Two nodes on this machine, each with processes of its own and one worker; symbolic answers
for `math`, a few milliseconds each, given out as a run with `executor: ray` gives them out.

Ratio: verdicts a second of two nodes over those of one, in one run; it needs two idle cores. Run:
make bench, or python benchmarks/cluster.py. The last line of output is one JSON object.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray.cluster_utils import Cluster

from rlvr.config import load
from rlvr.data import Problem
from rlvr.loop.cluster import ClusterJudge, connected, judges
from rlvr.loop.units import Job

PAIRS, TRIES = 4_000, 3
CONFIG = Path(__file__).resolve().parent.parent / "configs" / "quickstart.yaml"


def main() -> None:
    """Measure; print each figure and, last, one JSON object."""
    config = load(CONFIG, ["verifier=math", "verify.workers=1", "threads=null"])
    items = list(pairs())
    with cluster(nodes=2) as address, connected(address):
        [actors] = judges(Job(config, Path(), "", 0, {}), {})
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(TRIES + 1):
            for nodes in seconds:
                began = time.perf_counter()
                found = [one.status for one in ClusterJudge(actors[:nodes]).verify(items)]
                seconds[nodes].append(time.perf_counter() - began)
                assert set(found) == {"correct", "wrong"}
    speed = {nodes: PAIRS / statistics.median(times[1:]) for nodes, times in seconds.items()}
    figures = {
        "verdicts_per_second_one_node": speed[1],
        "verdicts_per_second_two_nodes": speed[2],
        "two_nodes_over_one": speed[2] / speed[1],
    }
    for name, value in figures.items():
        print(f"{name:45} {value:12.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def pairs() -> Iterator[tuple[Problem, str]]:
    """Yield problems with symbolic references and answers, half of them right."""
    for i in range(PAIRS):
        a, b = i % 89 + 2, i % 97 + 3
        problem = Problem(f"p{i}", "bench", "eval", "", "", f"x^2 + {a + b}x + {a * b}")
        yield problem, f"\\boxed{{(x + {a})(x + {b + i % 2})}}"


@contextmanager
def cluster(nodes: int) -> Iterator[str]:
    """Start a Ray cluster of so many nodes on this machine; yield its address."""
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        for _ in range(nodes - 1):
            started.add_node(num_cpus=1)
        yield started.address
    finally:
        started.shutdown()


if __name__ == "__main__":
    main()
