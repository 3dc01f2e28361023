"""Records: a folder where each claim's finished seeds are collected, run by run, as docs/claims.

    RECORD/<the claim's folder>/<run>/config.json  metrics.parquet   (`rlvr.records.collected`)

The claim's page stands beside its runs (`rlvr.claims.pages`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rlvr.claims.experiments import Budget, Claim
from rlvr.config import Config, resolved
from rlvr.data import InputError
from rlvr.records.collected import Collected, add, check, seeds_of


def places(
    record: Path, claim: Claim, runs: Mapping[str, Config], out: Path, budget: Budget
) -> dict[str, Collected]:
    """Return by run where the finished seeds of a claim are collected. Nothing is written.

    `out`: the folder of the claim's runs. Raises InputError where the record is of another claim or
    rule, or of other figures than the run folders, and for a smoke run, which claims nothing.
    """
    if budget == "smoke":
        raise InputError("--record: a smoke run is no record of a claim: drop --record")
    if not record.is_dir():
        raise InputError(f"--record {record}: no such folder: make it, or correct the path")
    found = {
        name: Collected(record / claim.name / name, resolved(config))
        for name, config in runs.items()
    }
    for other in claim.claim.also:
        folder = record / other.id.lower()
        if any(folder.glob("*/config.json")):
            raise InputError(
                f"{folder}: has runs of its own, and {other.id} is a claim of {claim.name}'s runs "
                "now: move the folder away"
            )
    for name, one in found.items():
        check(one, out / name)
    return found


def left(collected: Collected, config: Config, run: Path) -> Config:
    """Add the finished seeds of a run folder; return the config of the seeds that are to be made.

    Raises as `rlvr.records.collected.add` does.
    """
    add(collected, run)
    there = seeds_of(collected)
    return config.model_copy(update={"seeds": [s for s in config.seeds if s not in there]})
