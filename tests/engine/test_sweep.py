"""A sweep: its grid, and two real points of it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from support.here import command_here
from support.runs import TINY

from rlvr.data import InputError
from rlvr.loop.sweep import points


def test_a_grid_with_commas_in_values(tmp_path: Path) -> None:
    over = ["train.lr=1e-4,2e-4", "arms=[verified,random],[unfiltered]"]
    grid = points(str(TINY), over, ["rounds=3"], tmp_path)
    assert [point.config.train.lr for point in grid] == [1e-4, 1e-4, 2e-4, 2e-4]
    assert [len(point.config.arms) for point in grid] == [2, 1, 2, 1]
    assert {point.config.rounds for point in grid} == {3}
    assert grid[0].label == "train.lr=1e-4, arms=[verified,random]"
    assert grid[0].folder == tmp_path / "train.lr=1e-4_arms=_verified_random"
    assert len({point.folder for point in grid}) == 4


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ([], "--over is missing"),
        (["train.lr"], "write key=value,value"),
        (["train.lr=1e-4,"], "write key=value,value"),
        (["rounds=1", "rounds=2"], "each key only once"),
        (["rounds=1,1"], "each value only once"),
        (["rounds=1,0"], "at the point rounds=0"),
        (["train.stepz=1"], "did you mean 'steps'"),
    ],
)
def test_a_grid_that_wont_do(over: list[str], words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        points(str(TINY), over, [], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [[], ["threads=1", "workers=2"]], ids=["in turn", "at once"])
def test_two_real_points_and_again(at_once: list[str], tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    command = ["sweep", TINY, "--over", "train.lr=1e-4,5e-4"]
    command += ["seeds=[7]", "rounds=1", "arms=[verified]", "evaluate.off_target=[]"]

    command += ["warm_start.until=0.99", "warm_start.check_every=150", *at_once]

    def sweep() -> str:
        return command_here(*command, "--out", out, cache=tmp_path / "cache")

    first = sweep()
    assert ("2 runs: 4 units, 2 at a time with 1 threads each" in first) == bool(at_once)
    table = first[first.index("runs side by side") :]
    assert table.count("verified") == 2 and "train.lr=1e-4" in table and "train.lr=5e-4" in table
    assert (out / "sweep.png").stat().st_size > 10_000
    frames = [
        pd.read_parquet(out / f"train.lr={lr}" / "metrics.parquet") for lr in ("1e-4", "5e-4")
    ]
    bases = [frame[frame.arm == "base"].reset_index(drop=True) for frame in frames]
    pd.testing.assert_frame_equal(bases[0], bases[1])
    losses = [float(frame[frame.metric == "train_loss"].value.iloc[0]) for frame in frames]
    assert losses[0] != losses[1]
    missed = "seed 7: the warm start ended after 100 steps, below its target (pass@1 0.0"
    assert first.count(missed) == 1, "the second point has it from the cache"
    assert (bases[1].metric == "warm_start_pass@1").sum() == 1, "from the cache too"
    asked = json.loads((out / "train.lr=5e-4" / "compare.json").read_text())["checks"]
    assert not asked["warm start"]["ok"]
    assert asked["warm start"]["found"].startswith("below its target of 0.99: seed 7 0.0")
    assert sweep().endswith(table)
    # The folder stands for its runs.
    compared = command_here("compare", out, cache=tmp_path / "cache")
    assert "train.lr=1e-4, seed 7" in compared and "train.lr=5e-4, seed 7" in compared
