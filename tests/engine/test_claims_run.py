"""`rlvr claims` for real: the smoke budget, twice, to equal bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RECORDS = ("claim.json", "main/compare.json", "main/metrics.parquet", "README.md")


@pytest.mark.slow
def test_two_smoke_runs_are_equal_to_the_last_digit(tmp_path: Path) -> None:
    def claims(name: str) -> Path:
        folder = tmp_path / name
        command = [sys.executable, "-m", "rlvr.cli", "claims", "C2", "--budget", "smoke"]
        done = subprocess.run(
            [*command, "--out", str(folder)],
            env={**os.environ, "RLVR_CACHE": str(tmp_path / f"cache-{name}")},
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert "says nothing about the claim" in " ".join(done.stdout.split())
        return folder / "c2"

    one, other = claims("one"), claims("other")
    for record in RECORDS:
        assert (one / record).read_bytes() == (other / record).read_bytes(), record
    found = json.loads((one / "claim.json").read_text())
    assert found["outcome"] == "inconclusive", "one seed decides nothing"
