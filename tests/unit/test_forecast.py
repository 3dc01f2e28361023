"""rlvr/results/forecast.py: what `rlvr forecast` says, refuses, and takes from a pilot."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from test_claims import make

from rlvr.config import load, resolved
from rlvr.data import InputError
from rlvr.results.compare import read_results
from rlvr.results.forecast import (
    Verifier,
    audited,
    exactly,
    faultless,
    forecast,
    outside_of_calibration,
)
from rlvr.results.forecast_tables import in_a_line, print_forecast
from rlvr.results.law_runs import as_it_is, forecasts_of, observed, summary
from rlvr.statistics import law
from rlvr.statistics.law import Sampling

ROOT = Path(__file__).parents[2]
C7 = ROOT / "configs" / "claims" / "c7.yaml"
QUICKSTART = ROOT / "docs" / "results" / "quickstart"


def rates(tpr: str, fpr: str) -> Verifier:
    return Verifier(exactly(tpr, "--tpr"), exactly(fpr, "--fpr"), "as given")


def told(overrides: list[str], verifier: Verifier | None = None, rounds: int = 3) -> Any:
    return forecast(load(C7, overrides), "c7.yaml", verifier or faultless(), None, rounds)


def test_arms_on_both_sides_of_the_boundary_are_told_apart() -> None:
    found = told([])
    by_arm = {one.arm: one for one in found.arms}
    assert by_arm["verified"].outcome == "growth" and by_arm["fp30-fn60"].outcome == "collapse"
    assert by_arm["verified"].growth > 0.99 and by_arm["fp30-fn60"].collapse > 0.8
    middle, low, high = found.boundary
    assert low < middle < high and 0.4 < middle < 0.7
    assert found.needed[0] < middle  # to gain the margin it has to be better
    for one in found.arms:
        assert (one.change > 0) == (one.filter.fpr / one.filter.tpr < middle)
    again = told([])
    assert [one.low for one in again.arms] == [one.low for one in found.arms]  # seeded


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("generate.temperature=0.3", "generate.temperature is 0.3, calibrated is 1.0"),
        ("generate.top_k=1", "generate.top_k is 1, calibrated is 0"),
        ("generate.max_tokens=2", "generate.max_tokens is 2, calibrated is 8"),
        ("warm_start.problems=200", "warm_start.problems is 200, calibrated is 3000"),
    ],
)
def test_other_samples_or_another_base_are_not_predicted(override: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        told([override])


def test_more_rows_than_calibrated_and_errors_that_repeat_are_said() -> None:
    many = told(["generate.samples=64", "arms=[unfiltered]"]).arms[0]
    assert many.outcome is None and "keeps 32,000 rows" in many.why
    flip = "flip: {false_negative: 0.6, persistent: true}"
    stubborn = told([f"arms=[verified, {{name: stubborn, keep: verified, {flip}}}]"])
    assert any(note.startswith("stubborn: errors that repeat") for note in stubborn.notes)
    assert told([]).notes == ()


def test_more_seeds_and_surer_rates_make_narrower_intervals() -> None:
    def width(overrides: list[str], verifier: Verifier) -> float:
        one = told([*overrides, "arms=[verified]"], verifier).arms[0]
        return float(one.high - one.low)

    sure, unsure = rates("0.9", "0.2"), rates("0.85-0.95", "0.05-0.35")
    assert width([], sure) < width([], unsure)
    assert width([], sure) < width(["seeds=[60,61]"], sure)


def test_the_accuracy_to_start_from_is_what_is_right_and_not_what_is_accepted() -> None:
    found = told(["warm_start.until=0.4"], rates("0.9", "0.1"))
    assert found.start.judged == 0.4 and found.start.base == pytest.approx(0.375)
    assert as_it_is(0.9, 0.9, 0.1) == 1.0 and np.isnan(as_it_is(0.5, 0.3, 0.3))


def test_how_far_bases_lie_apart_is_on_the_scale_of_what_is_right() -> None:
    pilot = ROOT / "docs" / "claims" / "c7" / "main"
    verifier = rates("0.8", "0.2")
    apart = forecast(load(C7), "c7.yaml", verifier, pilot, 3).start.apart
    without = forecast(load(C7), "c7.yaml", faultless(), pilot, 3).start.apart
    assert apart == pytest.approx(without / 0.6)


def test_a_line_says_of_which_arms_it_predicts_nothing() -> None:
    assert "calibrated are" in in_a_line(load(C7, ["generate.prompts=20"]), "c7.yaml", None)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=tiny-0.4m"], ["model is tiny-0.4m", "calibrated is tiny-0.1m", "rounds=2"]),
        (["task.digits=3"], ["task is", "digits: 3"]),
        (["train.steps=400"], ["train.steps is 400, calibrated is 40"]),
        (["train.lr=3.0e-4"], ["train.lr is 0.0003", "0.00025, 0.0005, 0.001"]),
        (["warm_start.until=0.8"], ["base accuracy is 0.80", "0.17 to 0.55", "--pilot PILOT"]),
        (["train.lr=1e-3", "warm_start.until=0.5"], ["base accuracy is 0.50", "0.29 to 0.34"]),
        (["warm_start.until=null"], ["warm_start.until: not set", "--pilot RUN"]),
        (["arms=[random,verified]"], []),
        (["arms=[real]"], ["arms: none that the law is about"]),
    ],
)
def test_outside_of_the_calibration_it_refuses_and_says_what_would_help(
    overrides: list[str], words: list[str]
) -> None:
    if not words:
        assert any("Not predicted: random." in note for note in told(overrides).notes)
        return
    with pytest.raises(InputError) as refused:
        told(overrides)
    assert all(word in str(refused.value) for word in words) and "\n" not in str(refused.value)
    assert in_a_line(load(C7, overrides), "c7.yaml", None)[1:] in str(refused.value)


def test_few_rows_and_more_rounds_than_calibrated_are_said() -> None:
    found = told(["arms=[verified,{name: f, keep: verified, flip: {false_negative: 0.97}}]"])
    few = found.arms[1]
    assert few.outcome is None and "calibrated are 51 to" in few.why
    assert not found.notes
    assert "more than 3 rounds" in told([], rounds=9).notes[0]


def test_a_verifier_that_prefers_wrong_answers_is_refused() -> None:
    with pytest.raises(InputError, match="no loop grows by it"):
        told([], rates("0.3", "0.4"))


def test_an_accuracy_that_no_model_can_have_for_this_verifier_is_refused_with_the_one_meant() -> (
    None
):
    with pytest.raises(InputError, match="it sees 0.565: give warm_start.until=0.565"):
        told([], rates("0.9", "0.4"))
    assert told(["warm_start.until=0.565"], rates("0.9", "0.4")).start.base == pytest.approx(0.33)


def test_why_an_arm_has_no_forecast_stands_below_the_table() -> None:
    arm = "{name: f, keep: verified, flip: {false_negative: 0.97}}"
    console = Console(width=80, record=True, file=io.StringIO())
    print_forecast(told([f"arms=[verified,{arm}]"]), console)
    said = console.export_text()
    assert "f: no forecast: keeps" in said and "Boundary" in said and "…" not in said
    print_forecast(told([f"arms=[{arm}]"]), console)
    assert "Boundary" not in console.export_text()


@pytest.mark.parametrize("text", ["1e-3", "0.001"])
def test_a_rate_may_have_an_exponent(text: str) -> None:
    assert exactly(text, "--fpr").value == 0.001


@pytest.mark.parametrize("text", ["x", "1.2", "0.9-0.8", "-0.1", ""])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--tpr .*write a share from 0 to 1"):
        exactly(text, "--tpr")


def test_rates_come_from_an_audit_with_their_uncertainty(tmp_path: Path) -> None:
    side = {"accepted": 45, "decided": 50, "rate": 0.9, "ci95": [0.78, 0.97]}
    path = tmp_path / "audit.json"
    path.write_text(json.dumps({"all": {"tpr": side, "fpr": side | {"accepted": 5, "rate": 0.1}}}))
    found = audited(path)
    draws = found.fpr.draw(np.random.default_rng(0))
    assert draws.mean() == pytest.approx(5.5 / 51, abs=0.005) and draws.std() > 0.03
    real = audited(ROOT / "docs" / "results" / "audit-math.json")
    assert real.tpr.value > 0.99
    for content in ("{}", "[1]", "no", '{"all": {"tpr": {"accepted": 1, "decided": 1}}}'):
        path.write_text(content)
        with pytest.raises(InputError, match="write one: rlvr audit VERIFIER -o"):
            audited(path)
    with pytest.raises(InputError, match="No such file"):
        audited(tmp_path / "none.json")


def test_a_pilot_tells_how_fast_its_own_setting_moves() -> None:
    config = load(ROOT / "configs" / "quickstart.yaml", [])
    assert outside_of_calibration(resolved(config), 0.36)
    found = forecast(config, "quickstart", faultless(), QUICKSTART, 5)
    r = read_results(QUICKSTART)
    for one in found.arms:
        assert one.low < r.mean(one.arm, "pass@1") - r.mean("base", "pass@1") < one.high
    assert "Outside of the calibration: model is tiny-0.4m" in found.notes[0]
    with pytest.raises(InputError, match="no pilot of quickstart; differing: train.steps"):
        forecast(load(QUICKSTART, ["train.steps=9"]), "quickstart", faultless(), QUICKSTART, 5)


def test_a_pilots_rounds_outweigh_the_guess_where_they_tell_something() -> None:
    rng = np.random.default_rng(3)
    seeds, p = np.repeat(np.arange(3), 8), np.tile(np.linspace(0.2, 0.6, 8), 3)
    known = law.calibrated()["models"]["law"].known(5e-4, 0.33)

    def piloted(fpr: float) -> law.Known:
        fprs = np.tile([0.0, fpr], 12)
        values = law.terms("law", p, 1.0, fprs, Sampling(500, 4).rows(p, 1.0, fprs))
        truth = np.array([0.6, 0.3, known.constants[2]])
        changes = values @ truth + rng.normal(0, 0.005, len(p))
        return law.recalibrated(known, values, changes, seeds)

    both = piloted(1.0)
    assert both.constants[:2] == pytest.approx([0.6, 0.3], rel=0.15)
    # Where all rows are right, their disagreement costs nothing: b stays what it was.
    right = piloted(0.0)
    assert right.constants[0] == pytest.approx(0.6, rel=0.1)
    assert right.constants[1] == pytest.approx(known.constants[1])
    assert both.shared[0, 0] < known.constants[0] ** 2


def test_simulated_intervals_hold_as_often_as_they_state() -> None:
    rng = np.random.default_rng(4)
    known = law.calibrated()["models"]["law"].known(5e-4, 0.33)
    sampling, bases = Sampling(500, 4), np.full((400, 5), 0.33)
    draws = law.simulated("law", known, bases, 1.0, 0.3, sampling, 3, rng).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    others = law.simulated("law", known, bases, 1.0, 0.3, sampling, 3, rng).mean(axis=1)
    assert ((low < others) & (others < high)).mean() == pytest.approx(0.95, abs=0.03)


def test_what_an_imperfect_verifier_recorded_is_put_right(tmp_path: Path) -> None:
    def figure(arm: str, metric: str, t: int, seed: int) -> float:
        return 0.1 + 0.8 * (0.3 if arm == "base" else 0.5)  # TPR 0.9, FPR 0.1

    r = make(tmp_path / "r", ["arms=[verified]"], figure, ["pass@1"])
    rounds = observed([r], 0.9, 0.1)
    assert rounds.p == pytest.approx([0.3] * 3) and rounds.changes == pytest.approx([0.2] * 3)


def test_forecasts_beside_what_came() -> None:
    found = forecasts_of(read_results(QUICKSTART), "quickstart", pilot_rounds=1)
    assert [one.arm for one in found] == ["verified", "unfiltered"]
    good = summary(found)
    assert good["arms"] == 2 and good["covered"] == 1.0 and good["signs"]["law"] == 1.0
    assert good["error"]["law"] < good["error"]["no change"]


def test_the_print_says_what_a_reader_needs() -> None:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))
    print_forecast(told([], rates("0.95", "0.05-0.15")), console)
    text = " ".join(console.export_text().split())
    for words in (
        "3 rounds, mean over 8 seeds, from a base accuracy of 0.271, of which the verifier sees",
        "TPR 0.95, FPR 0.100 (0.050 to 0.150) (as given)",
        "With a larger one the accuracy falls.",
        "To gain 0.05 in 3 rounds: FPR at most",
        "docs/law.md",
    ):
        assert words in text
