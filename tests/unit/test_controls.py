"""The controls: errors that repeat, a cap, sizes matched in all, and replay."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from support.pools import pool_of
from support.runs import TINY

from rlvr.config import filled, load, resolved
from rlvr.data import Arm, Flip, InputError, Problem
from rlvr.evaluate.evaluation import Problems
from rlvr.learners.context import Run, Seed
from rlvr.loop.selection import _rows, budget
from rlvr.records import record
from rlvr.records.layout import Place, base_of
from rlvr.select.arms import PRESETS, choose
from rlvr.select.axis import Pool
from rlvr.select.flip import misjudge
from rlvr.select.match import cut, size
from rlvr.select.rows import completion_rows

WHOLE = {"p": "cccccc", "q": "ccwwww", "r": "wwwwww", "s": "cwwwww"}


def kept_of(pool: Pool, kept: list[bool]) -> Counter[str]:
    return Counter(c.problem_id for (c, _), keep in zip(pool, kept, strict=True) if keep)


# Errors that repeat


def answered(pool: Pool, answers: list[str | None], round_: int = 1, arm: str = "base") -> Pool:
    """The pool with these answers, over and over."""
    return [
        (
            dataclasses.replace(completion, round=round_, arm=arm, text=f"so: {answer}"),
            dataclasses.replace(verdict, extracted=answer),
        )
        for (completion, verdict), answer in zip(
            pool, (answers * len(pool))[: len(pool)], strict=True
        )
    ]


def statuses(pool: Pool, flip: Flip, seed: int = 3) -> list[str]:
    return [verdict.status for _, verdict in misjudge(pool, flip, seed)]


def test_coins_that_do_not_persist_are_those_of_before() -> None:
    pool = pool_of({f"p{i}": "ccwwae" for i in range(4)}, round_=2)
    found = statuses(pool, Flip(0.4, 0.3))
    assert "".join(one[0] for one in found) == "wccwaecccwaecwcwaecwcwae"  # as 0.1 had it


def test_a_persistent_error_is_one_of_a_problem_and_an_answer() -> None:
    flip = Flip(false_positive=0.5, persistent=True)
    pool = pool_of({f"p{i}": "w" * 6 for i in range(50)})
    once = answered(pool, ["1", "2", None])
    seen = statuses(once, flip)
    by_answer: dict[tuple[str, str], set[str]] = {}
    for (completion, verdict), status in zip(once, seen, strict=True):
        by_answer.setdefault((completion.problem_id, str(verdict.extracted)), set()).add(status)
    assert all(len(of_answer) == 1 for of_answer in by_answer.values())
    assert len({of_answer.pop() for of_answer in by_answer.values()}) == 2
    # In every round and arm, but not in another seed.
    assert statuses(answered(pool, ["1", "2", None], 5, "mine"), flip) == seen
    assert statuses(once, flip, seed=4) != seen


def test_without_an_answer_the_text_counts_and_is_no_answer() -> None:
    flip = Flip(false_positive=0.5, persistent=True)
    pool = pool_of({f"p{i}": "ww" for i in range(40)})
    silent = [
        (dataclasses.replace(completion, text="1"), dataclasses.replace(verdict, extracted=None))
        for completion, verdict in pool
    ]
    spoken = [(c, dataclasses.replace(v, extracted="1")) for c, v in silent]
    said, unsaid = statuses(spoken, flip), statuses(silent, flip)
    assert unsaid[::2] == unsaid[1::2] and said[::2] == said[1::2]
    assert said != unsaid


def test_persistent_errors_have_their_rates_and_leave_the_undecided() -> None:
    pool = answered(pool_of({f"p{i}": "cwae" for i in range(3000)}), ["1", "2", "1", None])
    turned = Counter(
        (before.status, after)
        for (_, before), after in zip(
            pool, statuses(pool, Flip(0.2, 0.1, persistent=True)), strict=True
        )
        if before.status != after
    )
    assert set(turned) == {("wrong", "correct"), ("correct", "wrong")}
    # 3,000 coins each: four standard errors are 0.029 and 0.022.
    assert turned["wrong", "correct"] / 3000 == pytest.approx(0.2, abs=0.03)
    assert turned["correct", "wrong"] / 3000 == pytest.approx(0.1, abs=0.023)


# A cap


def test_a_cap_keeps_so_many_of_each_problem_uniformly() -> None:
    pool, arm = pool_of(WHOLE), Arm("a", keep="verified", cap=2)
    drawn = [choose(pool, arm, None, seed, 1) for seed in range(60)]
    assert all(kept_of(pool, kept) == {"p": 2, "q": 2, "s": 1} for kept in drawn)
    assert choose(pool, arm, None, 0, 1) == drawn[0]
    assert choose(pool, arm, None, 0, 2) != drawn[0]
    times = [sum(kept[i] for kept in drawn) for i in range(6)]  # of problem p: 20 expected
    assert all(8 <= count <= 32 for count in times), times
    assert choose(pool, Arm("b", keep="verified", cap=9), None, 0, 1) == choose(
        pool, PRESETS["verified"], None, 0, 1
    )


def test_a_cap_of_a_ranking_takes_the_best() -> None:
    pool = [
        (dataclasses.replace(completion, logprobs=(-1.0 - completion.index,)), verdict)
        for completion, verdict in pool_of({"p": "wwww", "q": "wwww"})
    ]
    kept = choose(pool, Arm("a", keep="self-scored", cap=1), None, 0, 1)
    assert [i for i, keep in enumerate(kept) if keep] == [0, 4]
    kept = choose(pool, Arm("a", keep="least-likely", cap=2), None, 0, 1)
    assert [i for i, keep in enumerate(kept) if keep] == [2, 3, 6, 7]


def test_a_matching_arm_chooses_among_what_its_cap_has_left() -> None:
    pool = pool_of(WHOLE)
    counts = Counter({"p": 4, "q": 1, "r": 2})
    capped = Arm("a", keep="random", match="other", cap=2)
    assert kept_of(pool, choose(pool, capped, counts, 0, 1)) == {"p": 2, "q": 1, "r": 2}
    shared = Arm("a", keep="random", share=0.9, cap=2)  # 22 of 24, and the cap has left 8
    assert kept_of(pool, choose(pool, shared, None, 0, 1)) == {name: 2 for name in WHOLE}
    # An arm that matches one with a cap copies what that one kept.
    theirs = choose(pool, Arm("b", keep="verified", cap=2), None, 0, 1)
    mine = choose(pool, PRESETS["random"], kept_of(pool, theirs), 0, 1)
    assert kept_of(pool, mine) == kept_of(pool, theirs)


# Sizes matched in all


def lengths_of(pool: Pool, kept: list[bool]) -> Counter[int]:
    return Counter(len(c.token_ids) for (c, _), keep in zip(pool, kept, strict=True) if keep)


def uneven(outcomes: dict[str, str]) -> Pool:
    """A pool whose completions have 1, 2, 3, ... tokens."""
    return [
        (dataclasses.replace(completion, token_ids=(5,) * (1 + completion.index)), verdict)
        for completion, verdict in pool_of(outcomes)
    ]


def test_rows_in_all_may_be_of_any_problems() -> None:
    pool, arm = pool_of(WHOLE), Arm("a", keep="random", match="b", match_by="rows")
    drawn = [choose(pool, arm, {"": 7}, seed, 1) for seed in range(40)]
    assert {sum(kept) for kept in drawn} == {7}
    assert len({tuple(sorted(kept_of(pool, kept).items())) for kept in drawn}) > 10
    wrong = Arm("a", keep="inverted", match="b", match_by="rows")
    assert sum(choose(pool, wrong, {"": 99}, 0, 1)) == 15, "never topped up"


def test_rows_as_long_as_those_of_the_matched_arm() -> None:
    pool, arm = uneven(WHOLE), Arm("a", keep="random", match="b", match_by="tokens")
    wanted = Counter({"1": 4, "3": 1, "6": 2})
    drawn = [choose(pool, arm, wanted, seed, 1) for seed in range(40)]
    assert all(lengths_of(pool, kept) == {1: 4, 3: 1, 6: 2} for kept in drawn)
    assert len({tuple(kept) for kept in drawn}) > 10
    times = Counter(place for kept in drawn for place in range(24) if kept[place])
    assert all(3 <= times[place] <= 17 for place in (2, 8, 14, 20)), "of 3 tokens: 10 expected"


def test_the_nearest_length_where_there_is_none_as_long() -> None:
    pool, arm = (
        uneven({"p": "www", "q": "w"}),
        Arm("a", keep="random", match="b", match_by="tokens"),
    )
    assert lengths_of(pool, choose(pool, arm, {"9": 1}, 0, 1)) == {3: 1}
    assert lengths_of(pool, choose(pool, arm, {"9": 2}, 0, 1)) == {3: 1, 2: 1}
    assert lengths_of(pool, choose(pool, arm, {"1": 3}, 0, 1)) == {1: 2, 2: 1}
    # Never topped up: four there, six wanted.
    assert all(choose(pool, arm, {"1": 5, "9": 1}, 0, 1))
    assert not any(choose(pool, arm, {}, 0, 1))


def test_tokens_in_all_are_near_what_the_matched_arm_has() -> None:
    """Of rows that are drawn they are not: the matched arm's are shorter than the pool's."""
    pool = uneven({f"p{i}": "cccwwwww" for i in range(100)})  # of 1 to 8 tokens; right: 1 to 3
    theirs = completion_rows(
        pool, choose(pool, PRESETS["verified"], None, 0, 1), PRESETS["verified"], "v"
    )
    tokens = sum(len(row.token_ids) for row in theirs)
    for by, low, high in (("rows", 2.1, 2.4), ("tokens", 1.0, 1.0)):
        arm = Arm("a", keep="random", match="verified", match_by=by)  # type: ignore[arg-type]
        kept = choose(pool, arm, size(theirs, by, 1), 0, 1)  # type: ignore[arg-type]
        assert sum(kept) == len(theirs)
        ratio = sum(length * n for length, n in lengths_of(pool, kept).items()) / tokens
        assert low <= ratio <= high, by


def test_of_equal_lengths_a_ranking_takes_the_best() -> None:
    pool = [
        (dataclasses.replace(completion, logprobs=(-float(place),)), verdict)
        for place, (completion, verdict) in enumerate(uneven({"p": "ww", "q": "ww", "r": "ww"}))
    ]
    ranked = Arm("a", keep="self-scored", match="b", match_by="tokens")
    kept = choose(pool, ranked, {"1": 1, "2": 2}, 0, 1)
    assert [i for i, keep in enumerate(kept) if keep] == [0, 1, 3]


def test_the_size_of_an_arm_is_that_of_its_own_rows_of_the_round() -> None:
    pool = uneven({"p": "cc", "q": "wcc"})
    kept = choose(pool, PRESETS["verified"], None, 0, 1)
    rows = [*completion_rows(pool, kept, PRESETS["verified"], "v")]
    older = [dataclasses.replace(row, round=0) for row in rows]
    assert size([*older, *rows], "problems", 1) == {"p": 2, "q": 2}
    assert size([*older, *rows], "rows", 1) == {"": 4}
    assert size([*older, *rows], "tokens", 1) == {"1": 1, "2": 2, "3": 1}
    assert size([*older, *rows], "rows", None) == {"": 8}


def test_rows_say_how_they_were_matched_and_capped() -> None:
    arm = Arm("a", keep="random", match="b", match_by="tokens", cap=3)
    [row, *_] = completion_rows(pool_of({"p": "cc"}), [True, True], arm, "v")
    assert row.why == "keep=random match=b by=tokens cap=3"


# Replay, and what a round of a matching arm records


def made(folder: Path, warm: int, pool: Pool) -> tuple[Run, Seed]:
    """A run and a seed of which selection sees no more than this: three problems a round."""

    def problems(n: int, split: str) -> Problems:
        these = [Problem(f"{split}{i}", "t", "train", "all", f"{i}", "1", "1") for i in range(n)]
        return Problems(tuple(these), ((1, 2),) * n, tuple((7,) * (1 + i) for i in range(n)))

    record.write_completions(
        base_of(0).folder(folder) / "completions.parquet", pool, [False] * len(pool)
    )
    verifier = SimpleNamespace(name="exact", version="1", module=SimpleNamespace())
    config = load(TINY)
    run = SimpleNamespace(folder=folder, scratch=folder, verifier=verifier, config=config)
    seed = SimpleNamespace(
        corpus=SimpleNamespace(entries=[]),
        seed=0,
        warm_start=problems(warm, "warm"),
        of_round=lambda place: problems(3, "fresh"),
    )
    return cast(Run, run), cast(Seed, seed)


def test_replay_has_the_warm_start_rows_in_every_round(tmp_path: Path) -> None:
    run, seed = made(tmp_path, 4, pool_of(WHOLE))
    first, later = (
        _rows(run, seed, PRESETS["replay"], Place(0, "replay", t), [], [], None) for t in (1, 5)
    )
    assert list(first) == list(later)
    assert [row.problem_id for row in first] == ["warm0", "warm1", "warm2", "warm3"]
    assert {(row.source, row.round, row.arm) for row in first} == {("warm-start", 0, "base")}


def test_replay_has_what_was_accepted_of_the_bases_pool_where_there_was_no_warm_start(
    tmp_path: Path,
) -> None:
    pool = pool_of(WHOLE)
    run, seed = made(tmp_path, 0, pool)
    rows = _rows(run, seed, PRESETS["replay"], Place(0, "replay", 4), [], [], None)
    assert Counter(row.problem_id for row in rows) == {"p": 6, "q": 2, "s": 1}
    assert {(row.source, row.status, row.round) for row in rows} == {("completion", "correct", 1)}
    assert {(row.why, row.verifier) for row in rows} == {("keep=replay", "exact@1")}


def test_replay_and_real_can_be_cut_to_the_size_of_another_arm(tmp_path: Path) -> None:
    run, seed = made(tmp_path, 4, pool_of(WHOLE))  # solutions of 1, 2, 3 and 4 tokens
    for keep, there in (("replay", 4), ("real", 3)):
        by_rows = Arm(keep, keep=keep, match="b", match_by="rows")  # type: ignore[arg-type]
        by_tokens, place = dataclasses.replace(by_rows, match_by="tokens"), Place(0, keep, 1)
        for wanted in (0, 2, 3, 9):
            rows = _rows(run, seed, by_rows, place, [], [], Counter({"": wanted}))
            assert len(rows) == len({row.problem_id for row in rows}) == min(wanted, there)
        rows = _rows(run, seed, by_tokens, place, [], [], Counter({"1": 1, "3": 1}))
        assert [len(row.token_ids) for row in rows] == [1, 3]
    rows = _rows(run, seed, PRESETS["real"], Place(0, "real", 1), [], [], None)
    assert {tuple(cut(rows, "rows", {"": 1}, f"{i}")) for i in range(20)} == {
        (row,) for row in rows
    }


@pytest.mark.parametrize(
    ("by", "wanted", "mine", "shortfall", "n"),
    [
        ("problems", "ccc", "cc", 1, 3),
        ("rows", "ccc", "c", 2, 3),
        ("tokens", "ccc", "cc", 1, 3),
        ("tokens", "cc", "cc", 0, 2),
        ("rows", "w", "w", 0, 0),
    ],
)
def test_what_a_matching_arm_lacks_is_counted(
    by: Any, wanted: str, mine: str, shortfall: int, n: int, tmp_path: Path
) -> None:
    run, seed = made(tmp_path, 4, [])
    for name, letters in (("verified", wanted), ("mine", mine)):
        pool = uneven({"fresh0": letters})
        rows = completion_rows(pool, [one == "c" for one in letters], PRESETS["verified"], "v")
        folder = Place(0, name, 1).folder(tmp_path)
        record.write_rows(folder / "rows.parquet", rows)
        record.write_completions(folder / "completions.parquet", pool, [True] * len(pool))
    arm = Arm("mine", keep="random", match="verified", match_by=by)
    found = {row["metric"]: row for row in budget(run, seed, arm, Place(0, "mine", 1))}
    assert (found["shortfall"]["value"], found["shortfall"]["n"]) == (shortfall, n)


def test_the_budget_of_replay_is_its_rows_and_nothing_sampled(tmp_path: Path) -> None:
    run, seed = made(tmp_path, 4, [])
    place = Place(0, "replay", 3)
    rows = _rows(run, seed, PRESETS["replay"], place, [], [], None)
    record.write_rows(place.folder(tmp_path) / "rows.parquet", rows)
    found = budget(run, seed, PRESETS["replay"], place)
    values = {row["metric"]: (row["value"], row["n"]) for row in found}
    assert values == {"sampled": (0, 0), "kept": (4, 4), "rows": (4, 4)}


# In a config


def test_a_config_without_them_is_written_as_before() -> None:
    plain = resolved(load(TINY))
    assert plain["arms"][1].keys() == {
        *("name", "keep", "match", "share", "author", "memory", "real_fraction"),
        *("start", "flip", "learner"),
    }
    noisy = resolved(load(TINY, ["arms=[{name: a, keep: verified, flip: {false_positive: 0.1}}]"]))
    assert noisy["arms"][0]["flip"].keys() == {"false_positive", "false_negative", "pattern"}


def test_a_config_with_them_reads_back_and_hashes_apart(tmp_path: Path) -> None:
    arms = (
        "arms=[verified, replay, {name: a, keep: verified, cap: 2, flip: {false_positive: 0.1, "
        "persistent: true}}, {name: b, keep: random, match: a, match_by: tokens}]"
    )
    config = load(TINY, [arms])
    plain = resolved(config)
    assert plain["arms"][2]["cap"] == 2 and plain["arms"][2]["flip"]["persistent"] is True
    assert plain["arms"][3]["match_by"] == "tokens"
    assert filled(plain) == plain
    (tmp_path / "again.yaml").write_text(json.dumps(plain))
    assert load(tmp_path / "again.yaml") == config
    assert config.arms[2].arm() == Arm(
        "a", keep="verified", cap=2, flip=Flip(false_positive=0.1, persistent=True)
    )
    less = resolved(load(TINY, [arms.replace("persistent: true", "persistent: false")]))
    assert record.digest(record.deciding(less)) != record.digest(record.deciding(plain))


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("{name: a, keep: all, cap: 2}", "use keep: random"),
        ("{name: a, keep: real, cap: 2}", "cap has no meaning"),
        ("{name: a, keep: verified, cap: 0}", "greater than 0"),
        ("{name: a, keep: random}", "or cap, the most rows of a problem"),
        ("{name: a, keep: verified, match_by: rows}", "match_by: rows needs match: ARM"),
        (
            "{name: a, keep: random, match: verified, match_by: token}",
            "'problems', 'rows' or 'tokens'",
        ),
        ("{name: a, keep: replay, share: 0.5}", "share has no meaning"),
        ("{name: a, keep: replay, cap: 1}", "cap has no meaning"),
        ("{name: a, keep: replay, memory: accumulate}", "memory has no meaning"),
        ("{name: a, keep: replay, real_fraction: 0.5}", "real_fraction has no meaning"),
        ("{name: a, keep: replay, match: verified}", "add match_by: rows"),
        (
            "{name: a, keep: replay, flip: {false_positive: 0.1}}",
            "flip changes what `verified` and `inverted` keep",
        ),
        ("{name: a, keep: replay, learner: grpo}", "keep: replay is no reward"),
        ("{name: a, keep: verified, cap: 2, learner: grpo}", "drop match, share, cap"),
        (
            "replay,{name: a, keep: random, match: replay, match_by: rows}",
            "keeps nothing of a round",
        ),
    ],
)
def test_what_has_no_meaning_is_refused_in_a_line(arm: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        load(TINY, [f"arms=[verified,{arm}]"])
    assert words in str(refused.value) and "\n" not in str(refused.value)
    assert str(TINY) in str(refused.value)


def test_a_cap_is_size_enough_for_a_random_arm() -> None:
    config = load(TINY, ["arms=[verified,{name: a, keep: random, cap: 1}]"])
    assert config.arms[1].arm() == Arm("a", keep="random", cap=1)
