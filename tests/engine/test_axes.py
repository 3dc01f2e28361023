"""Every axis of an arm in a real run: what each arm trained on, recomputed from the files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from support.here import run_here
from support.runs import completions_of, round_of, value

ARMS = """arms=[
  unfiltered, verified, inverted, majority, format-only,
  {name: noisy, keep: verified, flip: {false_positive: 0.3}},
  {name: likely, keep: self-scored, match: format-only},
  {name: mixed, keep: all, memory: subsample, real_fraction: 0.25},
  {name: scratch, keep: all, start: scratch}]"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("axes") / "run"
    arms = "".join(ARMS.split("\n"))
    more = ["seeds=[7]", "evaluate.off_target=[]", "checkpoints=all"]
    run_here(folder, folder.parent / "cache", arms, *more)
    return folder


def rows_of(run: Path, arm: str, round_: int, file: str = "rows.parquet") -> pd.DataFrame:
    return pd.read_parquet(round_of(run, 7, arm, round_) / file)


def test_inverted_trains_on_wrong_ones_alone(run: Path) -> None:
    assert set(rows_of(run, "inverted", 1).status) == {"wrong"}
    wanted = Counter(rows_of(run, "verified", 1).problem_id)
    assert Counter(rows_of(run, "inverted", 1).problem_id) == wanted


def test_a_false_positive_is_kept_and_called_wrong_in_the_record(run: Path) -> None:
    pool = completions_of(run, 7, "noisy", 1)
    kept, wrong = pool[pool.kept], pool[pool.status == "wrong"]
    assert wrong.kept.mean() == pytest.approx(0.3, abs=0.09)
    assert set(kept.status) == {"correct", "wrong"}
    assert pool[pool.status == "correct"].kept.all()
    assert value(run, 7, "noisy", 1, "psi") == (pytest.approx(wrong.kept.mean()), len(wrong))
    assert value(run, 7, "noisy", 1, "J")[0] == pytest.approx(1 - wrong.kept.mean())


def test_majority_keeps_one_answer_a_problem_and_the_commonest(run: Path) -> None:
    pool = completions_of(run, 7, "majority", 1)
    for _, group in pool.groupby("problem_id"):
        votes = Counter(group.extracted.dropna())
        kept = set(group[group.kept].extracted)
        assert len(kept) == 1 and votes[kept.pop()] == max(votes.values())


def test_self_scored_copies_the_sizes_it_matches(run: Path) -> None:
    theirs = Counter(rows_of(run, "format-only", 1).problem_id)
    assert Counter(rows_of(run, "likely", 1).problem_id) == theirs


def test_memory_and_fresh_real_data(run: Path) -> None:
    first, second = (rows_of(run, "mixed", t, "memory.parquet") for t in (1, 2))
    assert Counter(first.source) == {"warm-start": 500, "completion": 384, "real": 128}
    assert Counter(second.source) == {"warm-start": 500, "completion": 768, "real": 256}
    for t in (1, 2):
        assert len(rows_of(run, "mixed", t)) == 512
        assert value(run, 7, "mixed", t, "kept")[0] == 512, "selected, not what the memory drew"
    assert len(set(rows_of(run, "mixed", 2)["round"])) == 3


def test_from_scratch_forgets_the_warm_start(run: Path) -> None:
    def nll(arm: str) -> float:
        return float(value(run, 7, arm, 2, "real_nll")[0])

    base = value(run, 7, "base", 0, "real_nll")[0]
    assert nll("scratch") > base + 1.0
    assert abs(nll("unfiltered") - base) < 1.0
