"""Arms: which completions become rows, and that nothing about them is touched."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.pools import OUTCOMES, POOL, pool_of

from rlvr.data import Arm, Flip, InputError, Problem, Row
from rlvr.records import record
from rlvr.records.layout import Place, base_of
from rlvr.select.arms import PRESETS, choose
from rlvr.select.axis import Pool
from rlvr.select.flip import misjudge
from rlvr.select.keep import majority
from rlvr.select.learner import rewards
from rlvr.select.match import in_order, size
from rlvr.select.memory import remember, subsample
from rlvr.select.real_fraction import mix_real
from rlvr.select.rows import completion_rows, real_rows
from rlvr.verify.verifier import LUCKY


def counts_of(pool: Pool, kept: list[bool]) -> Counter[str]:
    return Counter(c.problem_id for (c, _), keep in zip(pool, kept, strict=True) if keep)


@pytest.mark.parametrize(
    ("arm", "kept"),
    [
        ("verified", ["cc..", "....", "cccc", "..c."]),
        ("unfiltered", ["ccww", "wwww", "cccc", "aecw"]),
        ("accumulate", ["ccww", "wwww", "cccc", "aecw"]),
        ("real", ["....", "....", "....", "...."]),
    ],
)
def test_what_each_preset_keeps(arm: str, kept: list[str]) -> None:
    expected = [letter != "." for letters in kept for letter in letters]
    assert choose(POOL, PRESETS[arm], None, 0, 1) == expected


def test_random_copies_the_counts_of_verified_not_its_choice() -> None:
    wanted = counts_of(POOL, choose(POOL, PRESETS["verified"], None, 0, 1))
    assert wanted == {"p": 2, "r": 4, "s": 1}
    drawn = [choose(POOL, PRESETS["random"], wanted, seed, 1) for seed in range(40)]
    assert all(counts_of(POOL, kept) == wanted for kept in drawn)
    # Over many seeds every completion of p is drawn about as often as any other: half of the time.
    times = [sum(kept[i] for kept in drawn) for i in range(4)]
    assert all(8 <= count <= 32 for count in times), times


def test_random_keeps_wrong_abstained_and_failed_completions_too() -> None:
    wanted = Counter({"s": 1})
    chosen = {
        choose(POOL, PRESETS["random"], wanted, seed, 1)[12:].index(True) for seed in range(60)
    }
    assert chosen == {0, 1, 2, 3}


def test_draws_repeat_and_depend_on_seed_and_round_alone() -> None:
    wanted = Counter({"p": 2, "q": 1, "r": 2, "s": 2})
    first = choose(POOL, PRESETS["random"], wanted, 0, 1)
    assert choose(POOL, PRESETS["random"], wanted, 0, 1) == first
    others = [choose(POOL, PRESETS["random"], wanted, s, r) for s, r in ((1, 1), (0, 2), (5, 5))]
    assert any(other != first for other in others)
    # Another problem in the pool changes nothing for those that were there.
    longer = pool_of({**OUTCOMES, "z": "cccc"})
    assert choose(longer, PRESETS["random"], wanted, 0, 1)[: len(POOL)] == first


def test_shortfall_is_not_topped_up() -> None:
    wanted = Counter({"p": 3, "q": 2, "gone": 5})
    arm = Arm("picky", keep="verified", match="other")
    assert counts_of(POOL, choose(POOL, arm, wanted, 0, 1)) == {"p": 2}
    # More than the pool holds: all of it, no more, nothing from other problems.
    kept = choose(POOL, PRESETS["random"], Counter({"p": 9}), 0, 1)
    assert counts_of(POOL, kept) == {"p": 4}


def test_matching_an_arm_that_kept_nothing_keeps_nothing() -> None:
    assert not any(choose(POOL, PRESETS["random"], Counter(), 0, 1))


def test_empty_pool() -> None:
    for arm in PRESETS.values():
        assert choose([], arm, Counter(), 0, 1) == []


def test_rows_carry_the_sampled_tokens_untouched() -> None:
    kept = choose(POOL, PRESETS["verified"], None, 0, 1)
    rows = list(completion_rows(POOL, kept, PRESETS["verified"], "exact@1"))
    sources = [completion for (completion, _), keep in zip(POOL, kept, strict=True) if keep]
    assert len(rows) == 7
    for row, source in zip(rows, sources, strict=True):
        assert row.token_ids == source.token_ids
        assert row.prompt_token_ids == source.prompt_token_ids
        assert (row.problem_id, row.index, row.round) == (
            source.problem_id,
            source.index,
            source.round,
        )
        assert (row.source, row.status, row.verifier) == ("completion", "correct", "exact@1")
        assert row.why == "keep=verified"


def test_rows_say_why_they_were_kept() -> None:
    kept = choose(POOL, PRESETS["random"], Counter({"q": 1}), 0, 1)
    (row,) = completion_rows(POOL, kept, PRESETS["random"], "exact@1")
    assert (row.problem_id, row.status) == ("q", "wrong")
    assert row.why == "keep=random match=verified"


PROBLEMS = [Problem(name, "t", "train", "all", name, "x", "x") for name in "pqr"]
TOKENS = [(1, 2), (3,), (4,)]


def test_real_rows_are_one_solution_a_problem() -> None:
    rows = real_rows(PROBLEMS, TOKENS, [(5, 1), (6, 1), (7, 1)], Place(0, "real", 2))
    assert [row.token_ids for row in rows] == [(5, 1), (6, 1), (7, 1)]
    assert [row.prompt_token_ids for row in rows] == TOKENS
    assert {(row.source, row.round, row.arm) for row in rows} == {("real", 2, "real")}


def test_real_rows_can_match_counts() -> None:
    counts = Counter({"p": 2, "r": 1})
    rows = real_rows(PROBLEMS, TOKENS, [(5,), (6,), (7,)], Place(0, "real", 1), counts)
    assert [(row.problem_id, row.index) for row in rows] == [("p", 0), ("p", 1), ("r", 0)]


def test_warm_start_rows_say_so_and_are_not_counted_as_the_rounds_own(tmp_path: Path) -> None:
    warm = real_rows(PROBLEMS, TOKENS, [(5,), (6,), (7,)], base_of(0))
    assert {row.source for row in warm} == {"warm-start"}
    kept = choose(POOL, PRESETS["accumulate"], None, 0, 1)
    rows = [*warm, *completion_rows(POOL, kept, PRESETS["accumulate"], "v")]
    record.write_rows(tmp_path / "rows.parquet", rows)
    written = record.read_rows(tmp_path / "rows.parquet")
    counts = [size(written, "problems", round_) for round_ in (0, 1)]
    assert counts == [{"p": 1, "q": 1, "r": 1}, {"p": 4, "q": 4, "r": 4, "s": 4}]


def test_presets_differ_from_verified_in_one_axis_each() -> None:
    assert {name: arm.name for name, arm in PRESETS.items()} == {name: name for name in PRESETS}
    assert {"verified", "unfiltered", "random", "real", "accumulate"} <= PRESETS.keys()
    assert PRESETS["random"].match == "verified"
    assert PRESETS["accumulate"].memory == "accumulate"
    assert all(
        arm.memory == "replace" and arm.start == "previous"
        for name, arm in PRESETS.items()
        if name != "accumulate"
    )


def test_order_puts_the_matched_first_and_keeps_the_rest() -> None:
    arms = [
        Arm("d", keep="random", match="c"),
        Arm("c", keep="random", match="a"),
        Arm("b", keep="all"),
        Arm("a", keep="verified"),
    ]
    assert [arm.name for arm in in_order(arms)] == ["b", "a", "c", "d"]


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (
            [Arm("a", keep="random", match="verfied"), PRESETS["verified"]],
            "did you mean 'verified'",
        ),
        ([Arm("a", keep="random", match="a")], "circle"),
        ([Arm("a", keep="random", match="b"), Arm("b", keep="random", match="a")], "circle: a, b"),
    ],
)
def test_impossible_orders(arms: list[Arm], words: str) -> None:
    with pytest.raises(InputError, match=words):
        in_order(arms)


def test_inverted_keeps_wrong_ones_as_many_as_verified() -> None:
    counts = Counter({"p": 1, "q": 2, "r": 4, "s": 1})
    kept = choose(POOL, PRESETS["inverted"], counts, 0, 1)
    assert counts_of(POOL, kept) == {"p": 1, "q": 2, "s": 1}
    assert {v.status for (_, v), keep in zip(POOL, kept, strict=True) if keep} == {"wrong"}


def test_self_scored_keeps_the_likeliest_by_token_not_by_sum() -> None:
    pool = [
        (dataclasses.replace(completion, logprobs=logprobs), verdict)
        for (completion, verdict), logprobs in zip(
            pool_of({"p": "ccww"}),
            [(-1.0, -1.0), (-0.5,) * 8, (-3.0,), (-0.6,)],
            strict=True,
        )
    ]
    kept = choose(pool, PRESETS["self-scored"], {"p": 2}, 0, 1)
    assert kept == [False, True, False, True]


def test_format_only_keeps_what_has_an_answer_right_or_wrong() -> None:
    answers = ["46", None, "47", None]
    pool = [
        (completion, dataclasses.replace(verdict, extracted=answer))
        for (completion, verdict), answer in zip(pool_of({"p": "ccww"}), answers, strict=True)
    ]
    assert choose(pool, PRESETS["format-only"], None, 0, 1) == [True, False, True, False]


def test_luck_is_told_apart_from_sound_work() -> None:
    reasons = ["", f"{LUCKY}: line 2", "no answer", f"{LUCKY}: line 3"]
    pool = [
        (completion, dataclasses.replace(verdict, reason=reason))
        for (completion, verdict), reason in zip(pool_of({"p": "cwww"}), reasons, strict=True)
    ]
    right, luck = Arm("right", keep="right-answer"), Arm("luck", keep="lucky")
    assert choose(pool, right, None, 0, 1) == [True, True, False, True]
    assert choose(pool, luck, None, 0, 1) == [False, True, False, True]
    assert choose(pool, PRESETS["verified"], None, 0, 1) == [True, False, False, False]


def test_misjudging_has_the_rates_asked_for_and_leaves_the_undecided() -> None:
    pool = pool_of({f"p{i}": "ccwwae" for i in range(2000)})
    seen = list(misjudge(pool, Flip(false_positive=0.2, false_negative=0.1), 3))
    turned = Counter(
        (before.status, after.status)
        for (_, before), (_, after) in zip(pool, seen, strict=True)
        if before.status != after.status
    )
    assert set(turned) == {("wrong", "correct"), ("correct", "wrong")}
    # 4,000 coins each: four standard errors are 0.025 and 0.019.
    assert turned["wrong", "correct"] / 4000 == pytest.approx(0.2, abs=0.026)
    assert turned["correct", "wrong"] / 4000 == pytest.approx(0.1, abs=0.02)
    assert seen == list(misjudge(pool, Flip(false_positive=0.2, false_negative=0.1), 3))
    assert seen != list(misjudge(pool, Flip(false_positive=0.2, false_negative=0.1), 4))


def test_a_changed_verdict_has_no_tests_left_that_tell_the_truth() -> None:
    pool = [
        (c, dataclasses.replace(v, passed=(v.status == "correct", True), extracted="7"))
        for c, v in pool_of({"p": "ccww"})
    ]
    arm = Arm("x", keep="verified", learner="grpo")
    assert rewards(pool, arm, 0, partial_credit=True) == [1, 1, 0.5, 0.5]
    turned = list(misjudge(pool, Flip(false_positive=1.0, false_negative=1.0), 0))
    assert rewards(turned, arm, 0, partial_credit=True) == [0, 0, 1, 1]
    voted = list(majority(pool, lambda asked: [True] * len(asked), 0))
    assert rewards(voted, arm, 0, partial_credit=True) == [1, 1, 1, 1]


def test_a_pattern_alone_triggers_a_systematic_error() -> None:
    pool = [
        (dataclasses.replace(completion, text=text), verdict)
        for (completion, verdict), text in zip(
            pool_of({"p": "wwww"}), ["70", "7", "80", "8"], strict=True
        )
    ]
    seen = misjudge(pool, Flip(false_positive=1.0, pattern="0$"), 0)
    assert [v.status for _, v in seen] == ["correct", "wrong", "correct", "wrong"]


def voting_pool(answers: Sequence[str | None]) -> Pool:
    return [
        (
            dataclasses.replace(completion, text=str(answer)),
            dataclasses.replace(verdict, extracted=answer),
        )
        for (completion, verdict), answer in zip(
            pool_of({"p": "w" * len(answers)}), answers, strict=True
        )
    ]


def same_number(asked: Sequence[tuple[str, str, str]]) -> list[bool]:
    return [float(answer) == float(text) for _, answer, text in asked]


def test_majority_groups_by_the_verifier_and_never_looks_at_the_truth() -> None:
    pool = voting_pool(["0.5", "7", "0.50", None, ".5", "7"])
    seen = list(majority(pool, same_number, 0))
    assert [v.status == "correct" for _, v in seen] == [True, False, True, False, True, False]
    right = [(c, dataclasses.replace(v, status="correct")) for c, v in pool]
    assert [v for _, v in majority(right, same_number, 0)] == [v for _, v in seen]


def test_majority_ties_are_drawn_and_silence_has_no_vote() -> None:
    pool = voting_pool(["1", "2", None, None, None])
    winners = set()
    for seed in range(20):
        seen = majority(pool, same_number, seed)
        kept = [i for i, (_, v) in enumerate(seen) if v.status == "correct"]
        assert len(kept) == 1
        winners.add(kept[0])
    assert winners == {0, 1}


def rows_of(problems: str, source: str) -> list[Row]:
    make = completion_rows if source == "completion" else None
    pool = pool_of({problem: "c" for problem in problems})
    if make:
        return list(make(pool, [True] * len(pool), PRESETS["unfiltered"], "v"))
    solved = [Problem(problem, "t", "train", "", "", "") for problem in problems]
    return real_rows(solved, [(1,)] * len(solved), [(5,)] * len(solved), Place(0, "a", 1))


def test_fresh_real_data_takes_the_place_of_rows_of_the_same_problems() -> None:
    rows = rows_of("abcdefghij", "completion")
    real = {row.problem_id: row for row in rows_of("abcdefghij", "real")}
    mixed = list(mix_real(rows, real, 0.3, 0, 1))
    assert [row.problem_id for row in mixed] == list("abcdefghij")
    assert Counter(row.source for row in mixed) == {"completion": 7, "real": 3}
    assert list(mix_real(rows, real, 0.0, 0, 1)) == rows
    assert {row.source for row in mix_real(rows, real, 1.0, 0, 1)} == {"real"}


def test_subsampling_draws_from_all_rows_so_far() -> None:
    rows = rows_of("abcdefghij", "completion")
    drawn = {row.problem_id for t in range(40) for row in subsample(rows, 3, 0, t)}
    assert len(list(subsample(rows, 3, 0, 1))) == 3
    assert drawn == set("abcdefghij")
    assert list(subsample(rows, 99, 0, 1)) == rows


def test_each_memory_holds_and_trains_on_what_its_name_says() -> None:
    before, fresh = ["a", "b", "c"], ["d", "e"]
    assert remember("replace", before, fresh, 0, 1) == (fresh, fresh)
    assert remember("accumulate", before, fresh, 0, 1) == (before + fresh, before + fresh)
    held, chosen = remember("subsample", before, fresh, 0, 1)
    assert held == before + fresh
    assert list(chosen) == list(subsample(held, 2, 0, 1)) and len(set(held)) == 5
    assert (before, fresh) == (["a", "b", "c"], ["d", "e"])
