"""Pairs of the learner dpo: who meets whom, and what a config may say of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import pytest
from support.pools import OUTCOMES, POOL
from support.runs import TINY

from rlvr.config import load, resolved
from rlvr.data import Arm, InputError, Keep
from rlvr.learners.dpo import DpoConfig, pair, refused
from rlvr.select.arms import PRESETS, choose

LETTERS = "".join(OUTCOMES.values())
VERIFIED = choose(POOL, PRESETS["verified"], None, 0, 1)
DPO = "arms=[{name: dpo, keep: verified, learner: dpo}%s]"


def pairs_of(arm: Arm, kept: Sequence[bool], most: int = 100) -> list[tuple[int, int]]:
    return pair(POOL, kept, refused(POOL, kept, arm), most, "a key")


@pytest.mark.parametrize(("keep", "letters"), [("verified", "cw"), ("inverted", "wc")])
def test_a_right_one_meets_a_wrong_one_and_what_is_undecided_meets_none(
    keep: Keep, letters: str
) -> None:
    arm = Arm("a", keep=keep)
    found = pairs_of(arm, choose(POOL, arm, None, 0, 1))
    assert {LETTERS[one] + LETTERS[other] for one, other in found} == {letters}
    assert all(POOL[one][0].problem_id == POOL[other][0].problem_id for one, other in found)


def test_all_pairs_of_a_problem_or_as_many_as_are_asked_for() -> None:
    every = pairs_of(PRESETS["verified"], VERIFIED)
    # ccww: two by two; aecw: one right and one wrong; the others lack a side.
    assert sorted(every) == [(0, 2), (0, 3), (1, 2), (1, 3), (14, 15)]
    some = pairs_of(PRESETS["verified"], VERIFIED, most=3)
    assert len(some) == len(set(some)) == 4 and set(some) < set(every)
    assert some == pairs_of(PRESETS["verified"], VERIFIED, most=3)


def test_random_makes_as_many_pairs_of_each_problem_as_the_arm_that_it_matches() -> None:
    def counts(pairs: Sequence[tuple[int, int]]) -> Counter[str]:
        return Counter(POOL[one][0].problem_id for one, _ in pairs)

    wanted = Counter(c.problem_id for (c, _), keep in zip(POOL, VERIFIED, strict=True) if keep)
    kept = choose(POOL, PRESETS["random"], wanted, 0, 1)
    theirs, ours = pairs_of(PRESETS["verified"], VERIFIED), pairs_of(PRESETS["random"], kept)
    # In `s` two completions are undecided: only a draw that asks no verdict takes them.
    assert counts(theirs) == {"p": 4, "s": 1} and counts(ours) == {"p": 4, "s": 3}


def test_a_config_without_the_learner_hashes_as_before_and_one_with_it_says_its_settings() -> None:
    assert "dpo" not in resolved(load(TINY))
    assert resolved(load(TINY, [DPO % ""]))["dpo"] == DpoConfig().model_dump()
    settings = resolved(load(TINY, [DPO % "", "dpo.beta=0.3"]))["dpo"]
    assert settings == DpoConfig(beta=0.3).model_dump()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([DPO % ",{name: a, keep: all, learner: dpo}"], "keep: all makes no pairs"),
        ([DPO % ",{name: a, keep: random, learner: dpo}"], "keep: random needs match: ARM"),
        ([DPO % ",{name: a, keep: verified, learner: dpo, memory: accumulate}"], "drop memory"),
        ([DPO % "", "generate.samples=1", "evaluate.k=[1]"], "generate.samples to 2 or more"),
        ([DPO % "", "train.processes=2"], "set train.processes: 1"),
        ([DPO % "", "dpo.batch_size=6", "train.micro_batch=8"], "must be even, and divide 12"),
        ([DPO % "", "dpo.betta=1"], "did you mean 'beta'"),
    ],
)
def test_what_the_learner_cannot_do_is_refused_in_a_line(more: list[str], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as told:
        load(TINY, more)
    assert "\n" not in str(told.value)
