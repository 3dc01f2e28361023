"""rlvr/results/plot.py on synthetic run folders."""

import errno
import os
from pathlib import Path

import pytest
from support.figures import BASE, FINAL, SEEDS, make_run, rows_of

from rlvr.data import RunError
from rlvr.results.compare import read_results
from rlvr.results.plot import arm_colours, plot


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_plot_repeats_itself_to_the_byte(run: Path, tmp_path: Path) -> None:
    path = plot(read_results(run))
    assert path == run / "compare.png"
    twin = make_run(tmp_path / "twin")
    plot(read_results(twin))
    for name in ("compare.png", "compare.svg"):
        assert (run / name).read_bytes() == (twin / name).read_bytes()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert b"<dc:date>" not in (run / "compare.svg").read_bytes()


def test_plot_without_pass_at_1_shows_the_rules_metric(tmp_path: Path) -> None:
    rows = [row for row in rows_of(FINAL, BASE) if row["metric"] != "pass@1"]
    assert plot(read_results(make_run(tmp_path / "run", rows, metric="greedy"))).is_file()


def test_plot_of_one_seed_has_no_band(tmp_path: Path) -> None:
    rows = [row for row in rows_of(FINAL, BASE) if row["seed"] == SEEDS[0]]
    assert plot(read_results(make_run(tmp_path / "run", rows))).is_file()


def test_full_disk_is_a_run_error_and_the_old_plot_stays(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = plot(read_results(run)).read_bytes()
    left = sorted(run.iterdir())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="can't write .*compare.svg: No space left on device"):
        plot(read_results(run))
    assert (run / "compare.png").read_bytes() == old
    assert sorted(run.iterdir()) == left


def test_colours_are_fixed_and_distinct() -> None:
    both = arm_colours(["mine", "verified", "other"])
    assert both["verified"] == arm_colours(["verified"])["verified"]
    assert both["mine"] == arm_colours(["real", "mine"])["mine"]
    names = ["verified", "unfiltered", "random", "real", "inverted", "majority", "accumulate"]
    assert len(set(arm_colours([*names, "a", "b", "c"]).values())) == 10
