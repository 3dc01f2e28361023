"""Every axis of an arm in a real run: what each arm trained on, recomputed from the files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from support.here import run_here
from support.runs import completions_of, round_of, value

ARMS = """arms=[
  unfiltered, verified, inverted, majority, format-only, replay,
  {name: noisy, keep: verified, flip: {false_positive: 0.3}},
  {name: stubborn, keep: verified, cap: 3, flip: {false_positive: 0.3, persistent: true}},
  {name: as-long, keep: random, match: stubborn, match_by: tokens},
  {name: likely, keep: self-scored, match: format-only},
  {name: mixed, keep: all, memory: subsample, real_fraction: 0.25},
  {name: scratch, keep: all, start: scratch},
  {name: distinct, keep: format-only, band: [0, 0.2], unique: true, prefer: longest, cap: 3,
   control: true}]"""


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


def test_a_persistent_error_and_a_cap(run: Path) -> None:
    pools = [completions_of(run, 7, "stubborn", round_) for round_ in (1, 2)]
    for t, pool in enumerate(pools, 1):
        kept = pool[pool.kept]
        assert kept.groupby("problem_id").size().max() == 3
        assert set(kept.status) == {"correct", "wrong"}
        # Below the cap an answer is kept every time it is given, or never.
        answers = pool.groupby(["problem_id", "extracted"]).kept
        below = pool.groupby("problem_id").kept.transform("sum") < 3
        assert set(pool[below].groupby(["problem_id", "extracted"]).kept.nunique()) == {1}
        assert answers.size().max() > 1
        assert value(run, 7, "stubborn", t, "kept")[0] == len(kept)


def test_as_many_rows_as_long_in_all_and_as_many_tokens_trained_on(run: Path) -> None:
    for t in (1, 2):
        theirs, mine = (rows_of(run, arm, t) for arm in ("stubborn", "as-long"))
        assert len(mine) == len(theirs)
        assert Counter(mine.problem_id) != Counter(theirs.problem_id)
        assert value(run, 7, "as-long", t, "shortfall") == (0, len(theirs))
        wanted, got = (rows.token_ids.map(len).sum() for rows in (theirs, mine))
        assert abs(wanted - got) <= 2
        trained, more = (
            value(run, 7, arm, t, "train_tokens")[0] for arm in ("stubborn", "as-long")
        )
        assert more == pytest.approx(trained, rel=0.02)


def test_replay_trains_on_the_warm_start_again_and_takes_as_many_steps(run: Path) -> None:
    first, second = (rows_of(run, "replay", t) for t in (1, 2))
    assert first.equals(second) and len(first) == 500 and set(first.source) == {"warm-start"}
    assert len(completions_of(run, 7, "replay", 1)) == 0
    metrics = pd.read_parquet(run / "metrics.parquet")
    steps = metrics[metrics.metric == "train_steps"]
    assert set(steps.value) == {4.0} and {"replay", "verified", "stubborn"} < set(steps.arm)


def test_base_and_arms_have_the_vote_and_the_likeliest_of_their_samples(run: Path) -> None:
    """Of four samples there is one choice of four, so the records say it."""
    records = pd.read_parquet(run / "seed-7" / "base" / "eval.parquet")
    samples = records[records.kind == "sample"]
    voted, best = [], []
    for _, group in samples.groupby("problem_id"):
        votes = group.extracted.value_counts()
        tied = votes[votes == votes.max()].index
        right = [(group[group.extracted == answer].status == "correct").all() for answer in tied]
        voted.append(sum(right) / max(1, len(right)))
        best.append(group.status.iloc[(group.logprob / group.tokens).argmax()] == "correct")
    assert value(run, 7, "base", 0, "maj@4") == (pytest.approx(sum(voted) / 32), 32)
    assert value(run, 7, "base", 0, "best-of-4") == (pytest.approx(sum(best) / 32), 32)
    metrics = pd.read_parquet(run / "metrics.parquet")
    recorded = metrics[metrics.metric.isin(["maj@2", "maj@4", "best-of-2", "best-of-4"])]
    assert set(recorded.groupby("arm").size()) == {4, 8}  # the base's, and two rounds of each arm


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


def test_filters_and_their_control(run: Path) -> None:
    for t in (1, 2):
        pool = completions_of(run, 7, "distinct", t)
        rate = (pool.status == "correct").groupby(pool.problem_id).transform("mean")
        may = pool[pool.extracted.notna() & (rate <= 0.2)].drop_duplicates(["problem_id", "text"])
        lengths = may.assign(n=-may.token_ids.map(len)).sort_values("n", kind="stable")
        expected = lengths.groupby("problem_id").head(3)
        assert set(expected.index) == set(pool.index[pool.kept]) and 0 < len(expected) < len(may)
        control = completions_of(run, 7, "distinct-random", t)
        assert control.kept.sum() + value(run, 7, "distinct-random", t, "shortfall")[0] == len(
            expected
        )
        assert control[control.kept].extracted.notna().all()
        assert value(run, 7, "distinct", t, "keep_rate") == (pool.kept.mean(), len(pool))


def test_from_scratch_forgets_the_warm_start(run: Path) -> None:
    def nll(arm: str) -> float:
        return float(value(run, 7, arm, 2, "real_nll")[0])

    base = value(run, 7, "base", 0, "real_nll")[0]
    assert nll("scratch") > base + 1.0
    assert abs(nll("unfiltered") - base) < 1.0
