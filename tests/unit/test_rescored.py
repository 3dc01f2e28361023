"""Two verifiers on the same completions: rates by hand, equal texts, words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlvr.data import Problem, Verdict
from rlvr.results.agreement import rates
from rlvr.results.rejudged import rests_on_verdicts
from rlvr.results.rescore import default_folder
from rlvr.results.rescored_tables import names, said
from rlvr.statistics.shares import clustered_interval
from rlvr.verify.rescore import rejudge


class Counting:
    """A judge that counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def verify(self, items: Iterable[tuple[Problem, str] | None]) -> Iterator[Verdict]:
        for item in items:
            assert item is not None
            self.asked.append((item[0].id, item[1]))
            yield Verdict("correct" if item[1] == item[0].reference else "wrong", item[1])


def test_equal_texts_of_a_problem_are_judged_once_and_all_are_counted() -> None:
    problems = {name: Problem(name, "t", "train", "", "", name) for name in "ab"}
    asked = [("a", "a"), ("b", "a"), ("a", "b"), ("a", "a"), ("b", "a"), ("b", "b")]
    judge, counts = Counting(), list[int]()
    found = list(rejudge(judge, problems, asked, counts.append))
    assert [one.status == "correct" for one in found] == [id_ == text for id_, text in asked]
    assert judge.asked == [("a", "a"), ("b", "a"), ("a", "b"), ("b", "b")]
    assert counts == [2, 2, 1, 1]


def as_codes(text: str) -> Any:
    """Return "cwae" as the positions of correct, wrong, abstain and error."""
    return np.array(["cwae".index(letter) for letter in text])


def test_rates_by_hand() -> None:
    judged, truth = as_codes("cccwwcwaec"), as_codes("ccwcwwwcwa")
    found = rates(np.arange(10), judged, truth)
    tpr, fpr = found["tpr"], found["fpr"]
    assert (tpr["accepted"], tpr["decided"], tpr["problems"]) == (2, 3, 3)
    assert (fpr["accepted"], fpr["decided"], fpr["problems"]) == (2, 4, 4)
    assert tpr["rate"] == pytest.approx(2 / 3) and fpr["rate"] == 0.5
    assert found["j"]["rate"] == pytest.approx(2 / 3 - 0.5)
    assert tpr["ci95"] == pytest.approx(clustered_interval([1, 1, 0], [1, 1, 1]))
    # One right one is undecided by the judged, one accepted one by the truth.
    assert (tpr["undecided"], fpr["undecided"]) == (2, 2)
    assert tpr["at_worst"] == 2 / 4 and tpr["at_best"] == 4 / 5
    assert fpr["at_worst"] == pytest.approx(4 / 6) and fpr["at_best"] == 2 / 5


def test_what_is_undecided_is_never_counted_as_wrong() -> None:
    found = rates(np.arange(4), as_codes("aeae"), as_codes("ccww"))
    assert found["tpr"]["rate"] is None and found["fpr"]["rate"] is None and found["j"] is None
    assert found["tpr"]["ci95"] == [0.0, 1.0]
    assert (found["tpr"]["at_worst"], found["tpr"]["at_best"]) == (0.0, 1.0)


def test_a_problems_completions_are_one_cluster() -> None:
    judged = as_codes("c" * 50 + "w" * 150)
    truth = as_codes("w" * 200)
    alike = rates(np.repeat(np.arange(20), 10), judged, truth)["fpr"]
    apart = rates(np.arange(200), judged, truth)["fpr"]
    assert alike["rate"] == apart["rate"] == 0.25
    width = [one["ci95"][1] - one["ci95"][0] for one in (alike, apart)]
    assert width[0] > 2 * width[1]


@pytest.mark.parametrize(
    ("metric", "rests"),
    [
        *(("pass@1", True), ("pass@8", True), ("pass@1[d2c1]", True), ("survival", True)),
        *(("greedy", True), ("pass@1_best_temperature", True), ("phi", True), ("maj@4", True)),
        *(("real_nll", False), ("amplified", False), ("rows", False), ("base_nll", False)),
        ("off_target.arithmetic.pass@1", False),
    ],
)
def test_what_rests_on_verdicts(metric: str, rests: bool) -> None:
    assert rests_on_verdicts(metric) is rests


@pytest.mark.parametrize(
    ("verifier", "folder"),
    [
        *(("exact", "exact"), ("reasoning_gym:chain_sum", "reasoning_gym-chain_sum")),
        *(("some/where/strict.py", "strict"), ("strict.py:other", "strict-other")),
    ],
)
def test_a_verifier_has_a_folder_of_its_name(verifier: str, folder: str) -> None:
    assert default_folder(Path("run"), verifier) == Path("run/rescored") / folder


def summary(**more: Any) -> dict[str, Any]:
    rule = {"metric": "pass@1", "round": 2, "rests_on_verdicts": True}
    plain = {"was": "exact@12", "verifier": "a/strict.py", "version": "34", "reasons": []}
    return {**plain, "verdicts": [], "rule": rule, **more}


def test_two_versions_of_a_verifier_are_told_apart() -> None:
    assert names(summary()) == ("exact", "strict")
    assert names(summary(verifier="exact")) == ("exact@12", "exact@34")
    assert names(summary(was="exact", verifier="exact")) == ("exact (the run's)", "exact@34")
    assert names(summary(was="/a@b/easy.py@12")) == ("easy", "strict")


def test_the_sentences_name_what_flips() -> None:
    sides = {"was": {"verdict": "growth"}, "now": {"verdict": "collapse"}}
    flips = summary(verdicts=[{"arm": "verified", "primary": True, "flipped": True, **sides}])
    assert list(said(flips)) == [
        "The verdict on verified flips: growth by exact, collapse by strict."
    ]
    assert list(said(summary())) == [
        "No verdict flips: exact and strict say the same of every arm."
    ]
    nll = {"metric": "real_nll", "round": 2, "rests_on_verdicts": False}
    assert "does not rest on verdicts" in next(said(summary(rule=nll)))
