"""A run to which a round, a seed and an arm were added has what one has that began with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.here import command_here, run_here
from support.runs import files

import rlvr
from rlvr.records import record
from rlvr.results.compare import compare_run, read_results

OF_CONFIG = {"sealed.json", "checksums.json"}  # hashes of the config, and of a file with them


@pytest.fixture(scope="module")
def grown(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny run, begun with a seed, an arm and a round; then all the rest of it was added."""
    # The cache has the warm starts of the run that it is held against.
    folder, cache = tmp_path_factory.mktemp("grown") / "run", reference.parent / "cache"
    run_here(folder, cache, "rounds=1", "seeds=[7]", "arms=[verified]")
    first = folder / "seed-7" / "verified" / "round-001"
    before = {path: path.read_bytes() for path in first.iterdir() if path.is_file()}
    more = ("rounds=2", "seeds=[7,8]", "--add-arm", "random")
    said = command_here("run", folder, *more, cache=cache)
    assert "round 2, seed 8, arm random added: shown as exploratory" in said
    assert "the verdict stays that of round 1 and seed 7" in said
    assert not (first / "model").exists()  # the weights of the last round alone are kept
    assert before == {path: path.read_bytes() for path in before}
    return folder


def test_every_round_is_that_of_a_run_that_had_it_from_the_start(
    grown: Path, reference: Path
) -> None:
    named = {name for name in files(reference) if name.startswith("seed-")}
    assert {name for name in files(grown) if name.startswith("seed-")} == named
    more = 0
    for name in sorted(named):
        ours, theirs = (grown / name), (reference / name)
        if ours.name in OF_CONFIG:
            continue
        if "round-001" in name and ours.name in ("eval.parquet", "metrics.json"):
            more += _has_more(_rows(ours), _rows(theirs))
            continue
        assert ours.read_bytes() == theirs.read_bytes(), name
    assert more == 8  # two files of four rounds that were the last ones: off the target too
    for folder in {(grown / name).parent for name in named}:
        assert not record.changed(folder)


def _rows(path: Path) -> list[Any]:
    rows = json.loads(path.read_text()) if path.suffix == ".json" else pq.read_table(path)
    return rows if isinstance(rows, list) else rows.to_pylist()


def _has_more(rows: list[Any], fewer: list[Any]) -> bool:
    """Whether `rows` are `fewer` in their order, and what was measured off the target besides."""
    kept = [row for row in rows if not str(row.get("kind") or row.get("metric")).startswith("off_")]
    assert kept == fewer
    return len(rows) > len(fewer)


def test_the_verdict_stays_with_what_the_run_began_with(grown: Path, reference: Path) -> None:
    results = read_results(grown)
    assert (results.seeds, results.arms, results.round) == ((7,), ("verified",), 1)
    assert results.added == "round 2, seed 8, arm random"
    compared = compare_run(results)
    assert compared["verdicts"].keys() == {"verified"}
    assert compared["checks"]["rule"]["ok"] and compared["checks"]["inputs"]["ok"]
    assert "round 2, seed 8, arm random" in compared["checks"]["added"]["found"]
    one, every = compared["added"]["exploratory"]
    assert (one["round"], one["seeds"]) == (1, [7]) and one["arms"].keys() == {"verified", "random"}
    assert (every["round"], every["seeds"]) == (2, [7, 8])
    of_all = compare_run(read_results(reference))
    uncorrected = {"p_holm": None}
    for arm, figures in of_all["arms"].items():
        for metric, figure in figures.items():
            assert every["arms"][arm][metric] == {**figure, **uncorrected}, (arm, metric)


def test_notebooks_see_all_of_it(grown: Path) -> None:
    frames = rlvr.load_run(grown)
    assert (frames.seeds, frames.arms) == ((7, 8), ("verified", "random"))
    assert set(frames.evals()["round"]) == {0, 1, 2}
    assert frames.config["rounds"] == 1 and list(frames.verdicts()["arm"]) == ["verified"]
