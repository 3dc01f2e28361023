"""The filters of an arm beside its `keep`: band, unique, prefer, and the control of each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from support.pools import POOL, pool_of
from support.runs import TINY

from rlvr.config import Config, load, resolved
from rlvr.data import Arm, InputError
from rlvr.results.about import arm_says
from rlvr.select.arms import choose
from rlvr.select.axis import Pool
from rlvr.select.match import size
from rlvr.select.rows import completion_rows


def kept_of(pool: Pool, arm: Arm, counts: Mapping[str, int] | None = None, seed: int = 0) -> str:
    """Return a letter a completion: x where it is kept."""
    return "".join("x" if one else "." for one in choose(pool, arm, counts, seed, 1))


# The pool: ccww, wwww, cccc, aecw: half, none, all, and half of the two that are decided are right.


@pytest.mark.parametrize(
    ("band", "keep", "kept"),
    [
        ((0.2, 0.8), "verified", "xx.. .... .... ..x."),
        ((0.2, 0.8), "all", "xxxx .... .... xxxx"),
        ((0.5, 0.5), "inverted", "..xx .... .... ...x"),
        ((0.0, 0.5), "all", "xxxx xxxx .... xxxx"),
        ((0.6, 1.0), "verified", ".... .... xxxx ...."),
    ],
)
def test_a_band_leaves_out_problems_by_their_share_of_right_ones(
    band: tuple[float, float], keep: Any, kept: str
) -> None:
    assert kept_of(POOL, Arm("a", keep=keep, band=band)) == kept.replace(" ", "")


def test_a_problem_of_which_nothing_is_decided_is_in_no_band() -> None:
    assert kept_of(pool_of({"p": "aaee", "q": "caaa"}), Arm("a", "all", band=(0, 1))) == "....xxxx"


def long(letters: str, lengths: tuple[int, ...], texts: str) -> Pool:
    """Return a pool of one problem, whose completions have these lengths and texts."""
    return [
        (replace(completion, token_ids=(9,) * n, text=text), verdict)
        for (completion, verdict), n, text in zip(
            pool_of({"p": letters}), lengths, texts, strict=True
        )
    ]


def test_of_equal_texts_the_first_that_may_be_kept_is_kept() -> None:
    pool = long("wcccw", (2, 2, 2, 3, 3), "aaabb")
    assert kept_of(pool, Arm("a", "verified", unique=True)) == ".x.x."
    assert kept_of(pool, Arm("a", "all", unique=True)) == "x..x."
    assert kept_of([*pool, *pool_of({"q": "cc"})], Arm("a", "all", unique=True)) == "x..x.x."


def test_the_shortest_and_the_longest_right_one() -> None:
    pool = long("cwcccw", (4, 1, 3, 5, 3, 9), "abcdef")
    assert kept_of(pool, Arm("a", "verified", cap=1, prefer="shortest")) == "..x..."
    assert kept_of(pool, Arm("a", "verified", cap=1, prefer="longest")) == "...x.."
    assert kept_of(pool, Arm("a", "verified", cap=3, prefer="shortest")) == "x.x.x."
    matched = Arm("a", "verified", match="b", prefer="longest")
    assert kept_of(pool, matched, {"p": 2}) == "x..x.."


def test_the_hardest_problems_first() -> None:
    pool = pool_of({"p": "ccwc", "q": "wwwc", "r": "cccc", "s": "cwcw"})
    hard = Arm("a", "verified", share=3 / 16, prefer="hardest")
    assert kept_of(pool, hard) == "...." + "...x" + "...." + "x.x."
    rows = Arm("a", "random", match="b", match_by="rows", prefer="hardest")
    assert kept_of(pool, rows, {"": 4}) == "...." + "xxxx" + "...." + "...."


def test_filters_act_together_and_rows_say_why() -> None:
    pool = long("cccccw", (4, 1, 1, 5, 3, 9), "abbdef")
    arm = Arm("a", "verified", unique=True, cap=2, prefer="shortest", band=(0.2, 0.9))
    kept = choose(pool, arm, None, 0, 1)
    assert [i for i, one in enumerate(kept) if one] == [1, 4]
    whys = {row.why for row in completion_rows(pool, kept, arm, "v@1")}
    assert whys == {"keep=verified cap=2 band=0.2-0.9 unique prefer=shortest"}


def configured(*arms: str) -> Config:
    return load(TINY, [f"arms=[{','.join(arms)}]"])


def test_a_control_is_an_arm_of_as_many_rows_that_has_no_filter() -> None:
    config = configured(
        "{name: mid, keep: verified, band: [0.2, 0.8], unique: true, control: true}",
        "{name: few, keep: all, band: [0.2, 0.8], control: true}",
        "{name: right, keep: verified, flip: {false_positive: 0.1}, control: true}",
        "{name: noisy, keep: verified, flip: {false_positive: 0.1}, cap: 2, control: true}",
    )
    arms = {one.name: one.arm() for one in config.arms}
    assert list(arms) == [
        name for one in ("mid", "few", "right", "noisy") for name in (one, f"{one}-random")
    ]
    by_rows = {"match_by": "rows"}
    assert arms["mid-random"] == Arm("mid-random", "verified", match="mid", match_by="rows")
    assert arms["few-random"] == Arm("few-random", "random", match="few", match_by="rows")
    # Without a filter `keep` is the filter: the control is the preset `random`, matched to the arm.
    assert arms["right-random"] == Arm("right-random", "random", match="right")
    noisy = replace(arms["noisy"], name="noisy-random", match="noisy", cap=None, control=False)
    assert arms["noisy-random"] == replace(noisy, **by_rows)  # type: ignore[arg-type]


def test_a_control_draws_as_many_rows_from_what_keep_accepts() -> None:
    config = configured("{name: mid, keep: verified, band: [0.2, 0.8], control: true}")
    arm, control = (one.arm() for one in config.arms)
    pool = pool_of({"p": "ccww", "q": "cwww", "r": "cccc", "s": "wwww"})
    rows = completion_rows(pool, choose(pool, arm, None, 0, 1), arm, "v@1")
    sizes = size(rows, "rows", None)
    times: Counter[int] = Counter()
    for seed in range(60):
        kept = choose(pool, control, sizes, seed, 1)
        assert sum(kept) == len(rows) == 3
        times.update(i for i, one in enumerate(kept) if one)
    assert set(times) == {i for i, (_, verdict) in enumerate(pool) if verdict.status == "correct"}


def test_a_recorded_config_with_a_control_is_read_as_it_is() -> None:
    config = configured("{name: mid, keep: verified, band: [0.2, 0.8], control: true}")
    assert Config.model_validate(resolved(config)) == config


def test_an_arm_without_a_filter_is_recorded_as_before() -> None:
    recorded = resolved(load(TINY))["arms"]
    assert not {"band", "unique", "prefer", "control"} & {axis for arm in recorded for axis in arm}
    [arm] = resolved(configured("{name: a, keep: verified, band: [0, 0.5]}"))["arms"]
    assert arm["band"] == [0.0, 0.5] and "unique" not in arm


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("{name: a, keep: verified, band: [0.8, 0.2]}", "band: 0.8 is above 0.2"),
        ("{name: a, keep: verified, band: [0.8]}", "band.1: this key is missing"),
        ("{name: a, keep: verified, band: [20, 80]}", "less than or equal to 1"),
        ("{name: a, keep: real, band: [0.2, 0.8]}", "band has no meaning"),
        ("{name: a, keep: replay, unique: true}", "unique has no meaning"),
        ("{name: a, keep: real, control: true}", "control has no meaning"),
        ("{name: a, keep: verified, prefer: shortest}", "add cap, share or match"),
        ("{name: a, keep: verified, prefer: hardest, cap: 1}", "add share, or match_by: rows"),
        ("{name: a, keep: self-scored, prefer: longest, cap: 1}", "has an order of its own"),
        ("{name: a, keep: verified, prefer: short, cap: 1}", "'shortest', 'longest' or 'hardest'"),
        ("{name: a, keep: verified, learner: grpo, unique: true}", "drop band, unique, prefer"),
    ],
)
def test_a_filter_that_has_no_meaning_is_refused_in_a_line(arm: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as told:
        configured(arm)
    assert "\n" not in str(told.value)


def test_a_page_says_what_an_arm_and_its_control_train_on() -> None:
    arms = resolved(
        configured("{name: mid, keep: verified, band: [0.2, 0.8], control: true, learner: dpo}")
    )["arms"]
    right = "Learns to prefer completions that the verifier calls correct to the others of the same"
    assert [arm_says(arm) for arm in arms] == [
        f"{right} problem (dpo) (band: [0.2, 0.8]).",
        f"{right} problem (dpo), as many rows in all as mid.",
    ]
