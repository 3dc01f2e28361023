"""Metrics against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlvr.data import Verdict
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.metrics import (
    accuracy,
    amplification,
    coverage,
    diversity,
    filtering,
    frequencies,
    likelihood,
    overuse,
    sampled,
    survival,
)

STATUS = {"c": "correct", "w": "wrong", "a": "abstain", "e": "error"}


def records(outcomes: dict[str, str], levels: dict[str, str] | None = None) -> list[Record]:
    """One record a letter: {"p": "cwa"} is problem p, once correct, once wrong, once neither."""
    return [
        Record(
            problem_id=problem,
            level=(levels or {}).get(problem, "easy"),
            kind="sample",
            index=i,
            text=f"{letter}{i % 2}",
            tokens=i + 1,
            token_ids=(7,) * (i + 1),
            logprob=-1.5 * (i + 1),
            truncated=letter == "w",
            status=STATUS[letter],
            reason="no answer" if letter == "w" and i == 0 else "",
            extracted=None,
        )
        for problem, letters in outcomes.items()
        for i, letter in enumerate(letters)
    ]


def by_name(rows: list[dict[str, Any]], level: str = "all") -> dict[str, tuple[Any, int]]:
    names = [(row["metric"], row["level"]) for row in rows]
    assert len(names) == len(set(names)), "a metric twice"
    return {row["metric"]: (row["value"], row["n"]) for row in rows if row["level"] == level}


@pytest.mark.parametrize(
    ("outcomes", "k", "value", "n"),
    [
        # 1 - C(n-c,k)/C(n,k), mean over problems
        ({"p": "cwww"}, 1, 1 / 4, 1),
        ({"p": "cwww"}, 2, 1 - 3 / 6, 1),
        ({"p": "ccww"}, 2, 1 - 1 / 6, 1),
        ({"p": "cwww"}, 4, 1.0, 1),
        ({"p": "wwww"}, 4, 0.0, 1),
        ({"p": "cccc", "q": "wwww"}, 1, 0.5, 2),
        ({"p": "cwww", "q": "ccww"}, 2, (1 / 2 + 5 / 6) / 2, 2),
        # what is not decided is no sample: c of the decided n
        ({"p": "caaa"}, 1, 1.0, 1),
        ({"p": "weee"}, 1, 0.0, 1),
        ({"p": "cwae"}, 2, 1.0, 1),
        # too few decided for this k: the problem is left out of it
        ({"p": "cwae", "q": "ccww"}, 4, 1.0, 1),
        ({"p": "aaaa", "q": "cwww"}, 1, 1 / 4, 1),
    ],
)
def test_pass_at_k(outcomes: dict[str, str], k: int, value: float, n: int) -> None:
    found = by_name(sampled(records(outcomes), sorted({1, k})))[f"pass@{k}"]
    assert found == (pytest.approx(value), n)


def test_pass_at_k_that_nothing_decides_is_left_out() -> None:
    found = by_name(sampled(records({"p": "aaee"}), [1, 2]))
    assert not {"pass@1", "pass@2", "pass@1_se"} & found.keys()
    assert found["pass@1_low"] == (0.0, 1) and found["pass@1_high"] == (1.0, 1)


@pytest.mark.parametrize(
    ("outcomes", "low", "high"),
    [
        ({"p": "cwww"}, 1 / 4, 1 / 4),
        ({"p": "cwae"}, 1 / 4, 3 / 4),
        ({"p": "cwae", "q": "wwww"}, 1 / 8, 3 / 8),
        ({"p": "aaaa", "q": "cccc"}, 1 / 2, 1.0),
        ({"p": "eeww", "q": "ccaa"}, 1 / 4, 3 / 4),
    ],
)
def test_bounds_are_the_worst_case_either_way(
    outcomes: dict[str, str], low: float, high: float
) -> None:
    found = by_name(sampled(records(outcomes), [1]))
    assert found["pass@1_low"] == (pytest.approx(low), len(outcomes))
    assert found["pass@1_high"] == (pytest.approx(high), len(outcomes))
    assert found["pass@1_low"][0] <= found["pass@1"][0] <= found["pass@1_high"][0]


def test_levels() -> None:
    levels = {"p": "easy", "q": "hard", "r": "hard"}
    rows = sampled(records({"p": "ccww", "q": "cwww", "r": "wwaa"}, levels), [1, 2])
    assert by_name(rows, "easy") == {"pass@1": (0.5, 1)}
    assert by_name(rows, "hard") == {"pass@1": (pytest.approx(1 / 8), 2)}
    assert by_name(rows)["pass@1"] == (pytest.approx((1 / 2 + 1 / 4 + 0) / 3), 3)


def test_health() -> None:
    found = by_name(sampled(records({"p": "wwca", "q": "ccee"}), [1]))
    assert found["truncated"] == (2 / 8, 8)
    assert found["no_answer"] == (1 / 8, 8)
    # p: w0 w1 c0 a1, all different; q: c0 c1 e0 e1, all different
    assert found["distinct"] == (1.0, 2)
    assert found["tokens_per_completion"] == (2.5, 8)
    assert found["excluded_abstain"] == (1.0, 8)
    assert found["undecided"] == (3 / 8, 8)
    assert found["excluded_error"] == (2.0, 8)


def test_distinct_is_a_share_per_problem() -> None:
    # c0 c1 c0 c1 twice: half of each
    assert by_name(sampled(records({"p": "cccc", "q": "cccc"}), [1]))["distinct"] == (0.5, 2)


def test_accuracy_leaves_out_what_is_not_decided() -> None:
    rows = accuracy(records({"p": "c", "q": "w", "r": "a", "s": "e"}, {"q": "hard"}), "greedy")
    assert by_name(rows) == {"greedy": (0.5, 2)}
    assert by_name(rows, "easy") == {"greedy": (1.0, 1)}
    assert by_name(rows, "hard") == {"greedy": (0.0, 1)}


def test_accuracy_of_nothing_decided_is_nothing() -> None:
    assert accuracy(records({"p": "ae"}), "greedy") == []


def test_diversity_by_hand() -> None:
    made = records({"p": "cww", "q": "ccc"})
    answers = ["1", "2", None, "1", "1", "1"]
    made = [replace(one, extracted=answer) for one, answer in zip(made, answers, strict=True)]
    found = by_name(diversity(made))
    # Tokens: 7 | 77 | 777, twice: 12 tokens, 6 pairs and 2 triples, all alike.
    assert found["distinct_1"] == (1 / 12, 6)
    assert found["distinct_2"] == (1 / 6, 6)
    assert found["distinct_3"] == (1 / 2, 6)
    assert found["correct_distinct_1"] == (1 / 7, 4)
    assert found["answer_entropy"] == (pytest.approx(math.log(3) / 2), 2)
    assert found["token_entropy"] == (1.5, 12)


def test_diversity_of_the_correct_is_left_out_where_there_are_none() -> None:
    names = by_name(diversity(records({"p": "ww"})))
    assert not [name for name in names if name.startswith("correct")]


def test_filtering_by_hand() -> None:
    verdicts = [Verdict(status) for status in ("correct", "correct", "wrong", "wrong", "abstain")]
    kept = [True, False, True, False, True]
    rows = filtering(verdicts, kept, ["easy", "easy", "easy", "hard", "hard"])
    found = by_name(rows)
    assert found.pop("train_undecided") == (1 / 5, 5)
    assert found == {"keep_rate": (3 / 5, 5), "phi": (1 / 2, 2), "psi": (1 / 2, 2), "J": (0.0, 5)}
    assert by_name(rows, "hard") == {"keep_rate": (1 / 2, 2)}
    assert "J" not in by_name(filtering(verdicts[:2], kept[:2], ["easy"] * 2))


def test_likelihood_by_hand() -> None:
    found = likelihood([[-1.0, -2.0], [-3.0]], ["easy", "hard"])
    assert by_name(found)["real_nll"] == (2.0, 3)
    assert by_name(found)["real_nll_p95"] == (pytest.approx(2.9), 3)
    assert by_name(found, "easy")["real_nll"] == (1.5, 2)
    assert by_name(found, "hard")["real_nll"] == (3.0, 1)
    unnamed = likelihood(
        [[-1.0] * 4, [-3.0] * 4], ["all", "hard"]
    )  # a row without a level has this
    assert by_name(unnamed)["real_nll"] == (2.0, 8)


def test_survival_is_that_of_the_bases_rarest_solved_problems() -> None:
    # Samples of even index choose: p 1/2 and q 1/2 are rare, r is always solved, s never.
    base = records({"p": "ccww", "q": "cwww", "r": "cccc", "s": "wcwc"})
    assert by_name(survival(base, base))["survival"] == (0.5, 2)  # p alone at odd indices
    later = records({"p": "cwcw", "q": "wcww", "r": "wwww", "s": "cccc"})
    assert by_name(survival(base, later))["survival"] == (0.5, 2)  # q alone
    assert survival(records({"p": "www"}), later) == []
    assert survival(records({"p": "c"}), records({"p": "c"})) == []


def test_coverage_quadrants() -> None:
    base = records({"p": "cw", "q": "ww", "r": "cw", "s": "ww", "t": "aa"})
    arm = records({"p": "wc", "q": "cw", "r": "ww", "s": "ww", "t": "cc"})
    found = by_name(coverage(base, arm, 2))
    shares = {"both": 0.25, "arm_only": 0.25, "base_only": 0.25, "neither": 0.25}
    assert found == {f"coverage_{name}": (share, 4) for name, share in shares.items()}
    assert by_name(coverage(base, arm, 1))["coverage_both"] == (0.0, 4)


def test_overuse_is_found_in_one_half_and_measured_in_the_other() -> None:
    rng = np.random.default_rng(0)
    real = [tuple(map(int, rng.integers(0, 9, 60))) for _ in range(80)]

    def measured(texts: list[tuple[int, ...]]) -> tuple[float, float]:
        made = [
            replace(one, token_ids=text, index=i, problem_id=str(k), tokens=len(text))
            for k, text in enumerate(texts)
            for i, one in enumerate(records({"p": "c"}))
        ]
        found = by_name(overuse(made, real, 3))
        return found["overused"][0], found["overused_excess"][0]

    # Of the same distribution: what is over-used by chance is so in one half alone.
    share, excess = measured([tuple(map(int, rng.integers(0, 9, 60))) for _ in real])
    assert share < 0.03 and abs(excess) < 0.03
    # A phrase of three tokens in a quarter of each text's places: those, and a little by chance.
    phrase = [(1, 2, 3) * 5 + text[15:] for text in real]
    share, excess = measured(phrase)
    assert 0.24 < excess < 0.30 and share > excess
    # A habit of one half of the problems alone is not found again in the other.
    half = [text if i % 2 else (1, 2, 3) * 20 for i, text in enumerate(real)]
    assert measured(half)[0] < 0.6
    assert overuse([], real, 3) == [] == overuse(records({"p": "c"}), [], 3)


def test_unigram_nll_is_the_entropy_of_the_tokens() -> None:
    found = by_name(frequencies([(1, 1), (2,), (3,)]))  # a half, a quarter, a quarter
    assert found["unigram_nll"] == (pytest.approx(1.5 * math.log(2)), 4)
    assert frequencies([]) == [] == frequencies([()])


def test_amplification_is_a_share_of_tokens_and_what_exceeds_real_text() -> None:
    made = records({"p": "ccc"})  # 7 | 77 | 777
    found = by_name(amplification(made, [(7, 7)], [[7, 7, 1, 2]]))
    assert found["amplified"] == (pytest.approx(5 / 6), 6)
    assert found["amplified_excess"] == (pytest.approx(5 / 6 - 1 / 2), 6)
    assert amplification(made, [], [[1]]) == []
