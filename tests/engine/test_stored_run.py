"""Stored, in a whole run: lists that wait in files leave the run as it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from support.here import run_here
from support.runs import ARMS, ROUNDS, round_of

from rlvr.evaluate import ngrams
from rlvr.records import stored


@pytest.fixture(scope="module")
def short_run(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tests' run with lists of 16 items, as a round of millions is to the real ones."""
    cache = reference.parent / "cache"
    folder = tmp_path_factory.mktemp("short") / "run"
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((stored, "PART"), (stored, "LISTED"), (ngrams, "PART")):
            patch.setattr(module, name, 16)
        run_here(folder, cache, "seeds=[7]")
    assert not list(folder.rglob("held-*"))
    return folder


@pytest.mark.parametrize("arm", ARMS)
def test_a_run_whose_lists_are_short_is_the_same_run(
    arm: str, short_run: Path, reference: Path
) -> None:
    whole = reference
    for round_ in ROUNDS:
        for name in ("completions.parquet", "rows.parquet", "eval.parquet"):
            mine, theirs = (
                pd.read_parquet(round_of(run, 7, arm, round_) / name) for run in (short_run, whole)
            )
            pd.testing.assert_frame_equal(mine, theirs)
    files = [round_of(run, 7, arm, ROUNDS[-1]) / "metrics.json" for run in (short_run, whole)]
    assert files[0].read_bytes() == files[1].read_bytes()
