"""benchmarks/coverage.py on a few runs, and what it recorded."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from support.scripts import script

from rlvr.statistics.estimates import error_covariance

ROOT = Path(__file__).parents[2]
RECORDED = json.loads((ROOT / "docs" / "results" / "coverage.json").read_text())


@pytest.fixture
def coverage() -> ModuleType:
    return script("benchmarks/coverage.py")


def test_it_is_not_taken_for_the_package_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    monkeypatch.delitem(sys.modules, "coverage", raising=False)
    with pytest.raises(ImportError, match="not the package"):
        importlib.import_module("coverage")


def test_every_ordinary_case_is_covered() -> None:
    ordinary = [cell for cell in RECORDED["cells"] if cell["kind"] == "ordinary"]
    assert {cell["seeds"] for cell in ordinary} == {3, 5, 8}
    assert {cell["deviation"] for cell in ordinary} == {"none", "small", "large"}
    assert min(cell["new"] for cell in ordinary) >= 0.94
    assert min(cell["old"] for cell in ordinary) < 0.9  # which it was not


def test_where_seeds_fail_it_holds_less_often_than_it_says() -> None:
    failing = [cell for cell in RECORDED["cells"] if cell["kind"] == "failing seeds"]
    assert {cell["seeds"] for cell in failing} == {3, 5, 8}
    assert {cell["problems"] for cell in failing} == {"fresh", "shared"}
    others = [cell["new"] for cell in RECORDED["cells"] if cell["kind"] == "ordinary"]
    assert max(cell["new"] for cell in failing) < min(others)


def test_a_cell_is_measured_again(coverage: ModuleType) -> None:
    # `measured` holds the program's own intervals against the benchmark's.
    cell = coverage.Cell(0.5, "none", "shared", 8)
    found = coverage.measured(cell, 0, 300)
    assert found == coverage.measured(cell, 0, 300)
    assert found["new"] > 0.95 > 0.92 > found["old"]
    lopsided = coverage.measured(coverage.Cell(0.01, "extreme", "fresh", 8), 0, 300)
    assert lopsided["note"] > 0.9
    assert lopsided["new"] < 0.9


@pytest.mark.parametrize(("share", "deviation"), [(0.1, "large"), (0.5, "failing")])
def test_the_truth_is_that_of_very_many_problems(
    coverage: ModuleType, share: float, deviation: str
) -> None:
    cell = coverage.Cell(share, deviation, "fresh", 3)
    made = coverage.simulated(cell, 4000, np.random.default_rng(0))
    assert made.bases.mean() == pytest.approx(share, abs=0.002)
    assert made.deltas.mean() == pytest.approx(made.truth, abs=0.004)


def test_problems_of_its_own_are_columns_of_its_own() -> None:
    # The benchmark does without the empty columns.
    values = np.random.default_rng(0).normal(size=(2, 5))
    apart = np.full((2, 10), np.nan)
    apart[0, :5], apart[1, 5:] = values
    assert error_covariance(apart) == pytest.approx(error_covariance(values) * np.eye(2))
