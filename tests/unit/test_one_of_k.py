"""One of k: votes and the likeliest sample, against values by hand and by enumeration."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import pytest

from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.metrics import sampled
from rlvr.evaluate.one_of_k import SUBSETS, likeliest, majority, vote

Sample = tuple[str, str | None, float]
STATUS = {"c": "correct", "w": "wrong", "a": "abstain", "e": "error"}


def records(problems: Mapping[str, Sequence[Sample]]) -> list[Record]:
    """Samples as (letter of the status, answer, mean logprob a token); each has two tokens."""
    return [
        Record(
            problem_id=problem,
            level="easy",
            kind="sample",
            index=i,
            text=str(answer),
            tokens=2,
            token_ids=(7, 7),
            logprob=2 * likelihood,
            truncated=False,
            status=STATUS[letter],
            reason="",
            extracted=answer,
        )
        for problem, samples in problems.items()
        for i, (letter, answer, likelihood) in enumerate(samples)
    ]


def voting(*samples: str | None) -> list[Sample]:
    """Samples by answer: "r" is right, any other wrong."""
    return [("c" if answer == "r" else "w", answer, -1.0) for answer in samples]


def found(rows: list[dict[str, Any]]) -> dict[str, tuple[Any, int]]:
    assert {row["level"] for row in rows} <= {"all"}
    return {row["metric"]: (row["value"], row["n"]) for row in rows}


@pytest.mark.parametrize(
    ("answers", "k", "value"),
    [
        (["r", "r", "x", "y"], 4, 1.0),  # two votes against one and one
        (["r", "x", "x", "y"], 4, 0.0),
        (["r", "r", "x", "x"], 4, 1 / 2),  # a tie is split
        (["r", "x", "y", "z"], 4, 1 / 4),
        (["r", "r", "x", "x"], 2, (1 + 0 + 4 / 2) / 6),  # rr, xx, and four ties
        (["r", "r", "x"], 2, (1 + 2 / 2) / 3),
        (["r", None, None, None], 4, 1.0),  # who says nothing has no vote
        (["r", None], 2, 1.0),
        (
            ["r", None, None],
            2,
            2 / 3,
        ),  # but is one of the k: one choice of three has no vote at all
        ([None, None], 2, 0.0),
        (["x", "x"], 2, 0.0),
    ],
)
def test_votes_by_hand(answers: list[str | None], k: int, value: float) -> None:
    rows = found(majority(records({"p": voting(*answers)}), [1, k]))
    assert rows == {f"maj@{k}": (pytest.approx(value), 1)}


def test_votes_are_a_mean_over_problems_with_enough_decided_samples() -> None:
    made = records(
        {
            "p": voting("r", "r", "x", "x"),
            "q": voting("x", "x", "x", "r"),
            # What is undecided has no vote and is none of the k: two are left.
            "s": [*voting("r", "r"), ("a", "x", -1.0), ("e", None, -1.0)],
        }
    )
    rows = found(majority(made, [2, 4]))
    assert rows["maj@4"] == (pytest.approx((1 / 2 + 0) / 2), 2)
    assert rows["maj@2"] == (pytest.approx((1 / 2 + 1 / 4 + 1) / 3), 3)


def test_the_vote_does_not_look_at_the_truth() -> None:
    """The same answers, whichever of them is right: the shares won add up to 1."""
    for answers in (["r", "x", "x", "y"], ["r", "r", "x", "y"], ["r", "r", "x", "x"]):
        won = 0.0
        for right in set(answers):
            samples = [("c" if one == right else "w", one, -1.0) for one in answers]
            won += found(majority(records({"p": samples}), [3]))["maj@3"][0]
        assert won == pytest.approx(1.0)


def test_an_answer_is_as_right_as_its_samples() -> None:
    """Where a verifier looks at the work too, one answer may be called both."""
    made = records({"p": [("c", "r", -1.0), ("w", "r", -1.0), ("w", "r", -1.0), ("w", "x", -1.0)]})
    assert found(majority(made, [4]))["maj@4"] == (pytest.approx(1 / 3), 1)


def test_a_verifier_that_extracts_nothing_has_no_votes() -> None:
    silent = records({"p": [("c", None, -1.0), ("w", None, -1.0)], "q": voting("x", "x")})
    assert majority(silent, [2]) == []
    assert found(likeliest(silent, [2])) == {"best-of-2": (1 / 2, 2)}
    # It does where any correct sample has an answer, or none is correct.
    assert found(majority([*silent, *records({"s": voting("r", "x")})], [2]))["maj@2"] == (1 / 6, 3)
    assert found(majority(silent[1:], [1, 2]))["maj@2"] == (0.0, 1)
    nothing_decided = records({"p": [("a", "x", -1.0), ("e", None, -1.0)]})
    assert majority(nothing_decided, [2]) == likeliest(nothing_decided, [2]) == []


@pytest.mark.parametrize(
    ("letters", "k", "value"),
    [
        # In falling likelihood. Of 2 among 4 the i-th is the best with chance 3/6, 2/6, 1/6, 0.
        ("cwww", 2, 3 / 6),
        ("wcww", 2, 2 / 6),
        ("wwwc", 2, 0.0),
        ("cwcw", 2, 4 / 6),
        ("wccc", 4, 0.0),  # of all, the likeliest
        ("cwww", 4, 1.0),
        ("wcw", 3, 0.0),
        ("wcw", 2, 1 / 3),
    ],
)
def test_the_likeliest_by_hand(letters: str, k: int, value: float) -> None:
    samples = [(letter, None, -1.0 - i) for i, letter in enumerate(letters)]
    for order in itertools.permutations(samples):
        rows = found(likeliest(records({"p": list(order)}), [1, k]))
        assert rows == {f"best-of-{k}": (pytest.approx(value), 1)}


def test_the_likeliest_is_so_by_token_and_among_the_decided() -> None:
    long, short = records({"p": [("c", "r", -0.5), ("w", "x", -0.9)]})
    # Eight tokens at -0.5 are less likely in all than two at -0.9.
    long = dataclasses.replace(long, tokens=8, logprob=-4.0)
    assert long.logprob < short.logprob
    assert found(likeliest([long, short], [2]))["best-of-2"] == (1.0, 1)
    undecided = records({"p": [("a", "x", -0.1), ("w", "x", -0.5), ("c", "r", -0.2)]})
    assert found(likeliest(undecided, [2, 3])) == {"best-of-2": (1.0, 1)}


def _by_enumeration(samples: Sequence[Sample], k: int) -> tuple[Any, Any]:
    """Return maj@k and best-of-k of a problem with everything decided, as exact fractions."""
    voted, best, choices = Fraction(0), Fraction(0), 0
    for chosen in itertools.combinations(samples, k):
        choices += 1
        votes = Counter(answer for _, answer, _ in chosen if answer is not None)
        winners = [answer for answer in votes if votes[answer] == max(votes.values())]
        voted += Fraction(winners.count("r"), len(winners) or 1)
        best += max(chosen, key=lambda one: one[2])[0] == "c"
    return voted / choices, best / choices


def test_both_equal_the_mean_over_every_choice_of_k() -> None:
    rng = random.Random(7)
    for _ in range(60):
        n = rng.randint(2, 9)
        answers = [rng.choice(["r", "r", "x", "y", "z", None]) for _ in range(n)]
        likelihoods = rng.sample(range(-100, 0), n)
        samples = [
            ("c" if answer == "r" else "w", answer, float(likelihood))
            for answer, likelihood in zip(answers, likelihoods, strict=True)
        ]
        k = rng.randint(2, n)
        voted, best = _by_enumeration(samples, k)
        made = records({"p": samples})
        assert found(majority(made, [k]))[f"maj@{k}"][0] == pytest.approx(float(voted), abs=1e-12)
        assert found(likeliest(made, [k]))[f"best-of-{k}"][0] == pytest.approx(float(best))


def test_for_one_of_one_both_would_be_pass_at_1() -> None:
    made = records({"p": voting("r", "x", None), "q": voting("r", "r", "x")})
    assert majority(made, [1]) == likeliest(made, [1]) == []
    one = {row["metric"]: row["value"] for row in sampled(made, [1]) if row["level"] == "all"}
    assert sum(
        vote(ballot, 1) for ballot in ((3, ((1, 1), (1, 0))), (3, ((2, 2), (1, 0))))
    ) / 2 == (pytest.approx(one["pass@1"]))


def test_many_samples_are_drawn_from_near_the_exact_value_and_always_the_same() -> None:
    """Six for the right answer, six for a wrong one: by symmetry one half. C(12, 6) > SUBSETS."""
    ballot = (12, ((6, 6), (6, 0)))
    assert vote(ballot, 6) == vote(ballot, 6) == pytest.approx(0.5, abs=4 * 0.5 / SUBSETS**0.5)
    assert vote((12, ((6, 0), (6, 6))), 11) == 0.5  # C(12, 11) of them: exact
    # Up to 11 samples every k is exact, as docs/baselines.md says.
    assert vote((11, ((5, 5), (5, 0), (1, 0))), 5) == pytest.approx(_exact(), abs=1e-12)


def _exact() -> float:
    samples = [("c", "r", -1.0)] * 5 + [("w", "x", -1.0)] * 5 + [("w", "y", -1.0)]
    return float(_by_enumeration(samples, 5)[0])
