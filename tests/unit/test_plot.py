"""rlvr/results/plot.py on synthetic run folders."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from support.figures import BASE, FINAL, SEEDS, Row, make_run, rows_of

from rlvr.data import RunError
from rlvr.results.compare import read_results
from rlvr.results.effects import arm_effects
from rlvr.results.plot import _draw, arm_colours, plot


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


def test_plot_shows_at_each_round_the_interval_of_the_change_from_the_base(run: Path) -> None:
    r = read_results(run)
    axes = Figure().subplots()
    _draw(r, axes)
    assert axes.get_title(loc="left") == "quick: pass@1, 3 seeds"
    start = sum(BASE["pass@1"]) / 3
    for arm, band in zip(r.arms, axes.collections, strict=True):
        for t in (1, 2):  # of a reading at round t, what the verdict would rest on there
            interval = arm_effects(replace(r, round=t), "pass@1")[arm].interval
            (path,) = band.get_paths()
            ends = {y for x, y in np.asarray(path.vertices).tolist() if x == t}
            expected = [start + interval.low, start + interval.high]
            assert [min(ends), max(ends)] == pytest.approx(expected), (arm, t)
    (margin,) = axes.patches
    low, high = margin.get_window_extent().transformed(axes.transData.inverted()).intervaly
    assert (low, high) == pytest.approx((start - 0.05, start + 0.05))


def test_plot_says_whether_there_is_an_interval(tmp_path: Path) -> None:
    def said(name: str, rows: list[Row], **verdict: str) -> str:
        axes = Figure().subplots()
        _draw(read_results(make_run(tmp_path / name, rows, **verdict)), axes)
        return " ".join(text.get_text() for text in axes.texts)

    text = said("all", rows_of(FINAL, BASE))
    assert "Band: 95 % interval of the mean over 3 seeds." in text
    assert "the rule's margin, +-0.05" in text
    alone = [row for row in rows_of(FINAL, BASE) if row["seed"] == SEEDS[0]]
    text = said("alone", alone, metric="greedy")  # pass@1 is drawn, which is not the rule's
    assert "One seed: no interval." in text and "margin" not in text


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
