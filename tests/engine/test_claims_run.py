"""`rlvr claims` for real: on from a record; the smoke budget, twice, to equal bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.runs import TINY

from rlvr.claims import experiments
from rlvr.config import resolved
from rlvr.records import seals
from rlvr.records.collected import Collected, add
from rlvr.records.record import write_json, write_sums

RECORDS = ("claim.json", "main/compare.json", "README.md")


@pytest.mark.slow
def test_two_smoke_runs_are_equal_to_the_last_digit(tmp_path: Path) -> None:
    def claims(name: str) -> Path:
        folder = tmp_path / name
        command = [sys.executable, "-m", "rlvr.cli", "claims", "C8", "--budget", "smoke"]
        done = subprocess.run(
            [*command, "--out", str(folder)],
            env={**os.environ, "RLVR_CACHE": str(tmp_path / f"cache-{name}")},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "says nothing about the claim" in " ".join(done.stdout.split())
        return folder / "c8"

    one, other = claims("one"), claims("other")
    for record in RECORDS:
        assert (one / record).read_bytes() == (other / record).read_bytes(), record
    # Its footer says when the run began.
    assert pq.read_table(one / "main/metrics.parquet").equals(
        pq.read_table(other / "main/metrics.parquet")
    )
    found = json.loads((one / "claim.json").read_text())
    assert found["outcome"] == "inconclusive", "one seed decides nothing"


CLAIM = """
claim: {id: C9, says: it grows, rule: [verified pass@1 - base pass@1 > 0.05], changes: more rounds}
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_seed_in_the_record_and_one_made_here_are_as_both_in_one_go(
    reference: Path, tmp_path: Path
) -> None:
    mine, record = tmp_path / "mine.yaml", tmp_path / "record"
    mine.write_text(TINY.read_text() + CLAIM)
    record.mkdir()
    [claim] = experiments.find([str(mine)])
    of = Collected(record / "mine" / "main", resolved(experiments.runs_of(claim, "cpu")["main"]))
    # Another machine has made seed 7 of this claim: the reference run, under the claim's hash.
    other = tmp_path / "other"
    shutil.copytree(reference / "seed-7", other / "seed-7", ignore=shutil.ignore_patterns("model"))
    for sealed in other.rglob("sealed.json"):
        write_json(sealed, json.loads(sealed.read_text()) | {"config": of.hash})
        write_sums(sealed.parent)
    assert add(of, other) == [7]
    given = ["claims", str(mine), "--out", str(tmp_path / "runs"), "--record", str(record)]
    done = subprocess.run(
        [sys.executable, "-m", "rlvr.cli", *given],
        env={**os.environ, "RLVR_CACHE": str(reference.parent / "cache"), "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"mine main: 1 of 2 seeds in {of.folder}" in done.stdout
    assert "1 bases and 4 rounds into" in done.stdout and "seed 7" not in done.stdout
    assert [path.name for path in (tmp_path / "runs/mine/main").glob("seed-*")] == ["seed-8"]
    ours, theirs = (pq.read_table(run / "metrics.parquet") for run in (of.folder, reference))
    assert ours.equals(theirs)
    # The run's own hashes are those of the whole claim: no round is of another verifier or rule.
    assert [(one.rounds, one.hashes["config"]) for one in seals.read(of.folder).groups] == [
        (10, of.hash)
    ]
    found = json.loads((record / "mine" / "claim.json").read_text())
    assert (found["seeds"], found["missing"]) == ([7, 8], [])
