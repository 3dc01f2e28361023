"""rlvr/statistics/law.py, and what rlvr.results.law_runs.py and the claim C7 make of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student
from support.scripts import script
from test_claims import Figure, make

from rlvr.claims import experiments
from rlvr.claims import forecasts as claims
from rlvr.claims.experiments import rule_at_point
from rlvr.claims.pages import write
from rlvr.config import ClaimConfig
from rlvr.data import InputError
from rlvr.results.effects import Results
from rlvr.results.law_runs import boundaries, filters, forecast_errors, knows
from rlvr.statistics import law
from rlvr.statistics.conditions import parse
from rlvr.statistics.law import Sampling

ROOT = Path(__file__).parents[2]
SAMPLING = Sampling(500, 4)
CONSTANTS = {"law": (0.3, 0.1, 10.0), "J": (0.6, 0.02, 1.0), "plain": (0.3, 0.02, 10.0)}


@pytest.mark.parametrize("cap", [None, 1, 3])
@pytest.mark.parametrize(("p", "tpr", "fpr"), [(0.3, 0.9, 0.2), (0.7, 0.4, 0.6), (0.1, 1.0, 0.0)])
def test_what_is_right_of_what_is_kept_is_that_of_filtered_samples(
    p: float, tpr: float, fpr: float, cap: int | None
) -> None:
    rng, problems, samples = np.random.default_rng(0), 40_000, 4
    right = rng.random((problems, samples)) < p
    kept = rng.random(right.shape) < np.where(right, tpr, fpr)
    if cap is not None:  # the first ones: samples of a problem are in no order
        kept &= kept.cumsum(axis=1) <= cap
    assert law.kept_right(p, tpr, fpr) == pytest.approx(right[kept].mean(), abs=0.01)
    rows = Sampling(problems, samples, cap).rows(p, tpr, fpr)
    assert rows == pytest.approx(kept.sum(), rel=0.02)


def test_a_filter_multiplies_the_odds_of_being_right_by_tpr_over_fpr() -> None:
    p = np.linspace(0.05, 0.95, 10)
    q = law.kept_right(p, 0.8, 0.2)
    assert q / (1 - q) == pytest.approx(p / (1 - p) * 4)
    assert law.kept_right(0.3, 0.0, 0.0) == 0.3  # nothing is kept


@pytest.mark.parametrize("model", law.MODELS)
@pytest.mark.parametrize("p", [0.15, 0.33, 0.5])
def test_a_loop_that_starts_at_the_boundary_stays_there(model: law.Model, p: float) -> None:
    constants = CONSTANTS[model]
    at = float(law.boundary(model, constants, p, 0.9, SAMPLING))
    assert 0 < at < 0.9
    ends = [
        float(law.after(model, constants, p, 0.9, at + away, SAMPLING, 5)) - p
        for away in (-0.05, 0.0, 0.05)
    ]
    assert ends[0] > 0.01 and abs(ends[1]) < 0.005 and ends[2] < -0.01


def test_the_boundary_of_small_steps_is_j_zero_and_costs_move_it_below() -> None:
    free = [law.boundary(model, (0.3, 0.0, 0.0), 0.3, 0.7, SAMPLING) for model in law.MODELS]
    assert free == pytest.approx([0.7] * 3, abs=1 / law.STEPS)
    found = law.boundary("law", CONSTANTS["law"], np.array([0.1, 0.3, 0.5]), 0.7, SAMPLING)
    assert (np.diff(found) > 0).all() and found[-1] < 0.7  # it depends on p
    assert law.boundary("law", (0.0, 0.1, 0.0), 0.3, 0.9, SAMPLING) == 0.0  # never rises
    assert law.boundary("plain", (0.3, -1.0, 0.0), 0.3, 0.9, SAMPLING) == 1.0  # never falls


@pytest.mark.parametrize("model", law.MODELS)
def test_fitting_recovers_planted_constants_and_how_seeds_differ(model: law.Model) -> None:
    rng = np.random.default_rng(1)
    seeds, bases = (x.ravel() for x in np.meshgrid(np.arange(40), [0.2, 0.5]))
    spread = 1 + rng.normal(0, [0.2, 0.1], (2, 40, 2))
    n = 12
    p = rng.uniform(0.1, 0.7, (len(seeds), n))
    tpr, fpr = 10 ** rng.uniform(-2, 0, p.shape), 10 ** rng.uniform(-3, 0, p.shape)
    values = law.terms(model, p, tpr, fpr, SAMPLING.rows(p, tpr, fpr))
    a, b, c = CONSTANTS[model]
    each = np.array([[a, b], [2 * a, b]])[:, None] * spread
    constants = np.dstack([each, np.full((2, 40), c)]).reshape(-1, 1, 3)
    changes = (values * constants).sum(-1) + rng.normal(0, 0.003, p.shape)
    seeds, bases = (np.repeat(x, n) for x in (seeds, bases))
    fit = law.fit(values.reshape(-1, 3), changes.ravel(), seeds, bases)
    found = law.pooled({5e-4: fit})
    assert found.at(5e-4, 0.2) == pytest.approx([a, b, c], rel=0.15)
    assert found.at(5e-4, [0.35, 0.9])[:, 0] == pytest.approx([1.5 * a, 2 * a], rel=0.15)
    assert np.sqrt(np.diag(found.between)) == pytest.approx([0.2, 0.1], rel=0.35)
    assert found.residual == pytest.approx(0.003, rel=0.35)
    assert found.freedom == 78


def test_rounds_of_one_kind_do_not_tell_the_constants_apart() -> None:
    p = np.full(8, 0.3)
    values = law.terms("law", p, 1.0, 1.0, SAMPLING.rows(p, 1.0, 1.0))
    with pytest.raises(ValueError, match="arms of more kinds"):
        law.fit(values, p, np.arange(8) % 4, p)


# --- what the claim makes of it --------------------------------------------------------------

ARMS = (
    "arms=[verified,{name: fp40, keep: verified, flip: {false_positive: 0.4}},"
    "{name: fp70, keep: verified, flip: {false_positive: 0.7}},unfiltered,"
    "{name: fn60, keep: verified, flip: {false_negative: 0.6}},"
    "{name: pattern, keep: verified, flip: {false_positive: 1.0, pattern: '^1'}},random,"
    "{name: mixed, keep: verified, real_fraction: 0.5}]"
)
RATE = ["generate.prompts=500", "generate.samples=4", "train.lr=5.0e-4"]


def recorded(
    folder: Path,
    truth: law.Model,
    noise: float = 0.0,
    rate: str = RATE[2],
    claim: dict[str, Any] | None = None,
) -> Results:
    """Write a run of three seeds whose arms end where a model says, but for a seed's own noise."""
    calibrated = law.calibrated()["models"][truth]
    rng = np.random.default_rng(2)
    own = {seed: float(rng.normal(0, noise)) for seed in range(3)}

    def figure(arm: str, metric: str, t: int, seed: int) -> float:
        base = 0.3 + 0.02 * seed
        if arm == "base" or arm not in FILTERS:
            return base
        constants = calibrated.at(5e-4, base)
        end = float(law.after(truth, constants, base, *FILTERS[arm], SAMPLING, 1))
        return end + own[seed] * (1 + FILTERS[arm][1])

    return make(folder, [ARMS, *RATE[:2], rate], figure, ["pass@1", "J"], claim)


FILTERS = {
    "verified": (1.0, 0.0),
    "fp40": (1.0, 0.4),
    "fp70": (1.0, 0.7),
    "unfiltered": (1.0, 1.0),
    "fn60": (0.4, 0.0),
}


def test_the_rates_of_an_arm_are_those_set_on_top_of_the_verifiers(tmp_path: Path) -> None:
    r = recorded(tmp_path / "r", "law")
    found = filters(r.config)
    assert {arm: (one.tpr, one.fpr) for arm, one in found.items()} == FILTERS
    less = filters(r.config, tpr=0.9, fpr=0.1)
    assert (less["fp40"].tpr, less["fp40"].fpr) == pytest.approx((0.94, 0.46))
    assert (less["fn60"].tpr, less["fn60"].fpr) == pytest.approx((0.36, 0.04))
    assert (less["unfiltered"].tpr, less["unfiltered"].fpr) == (1.0, 1.0)


def law_error(*runs: Results) -> list[float]:
    quantity = parse("law_error() < 0.7").quantity
    return [claims.law_error(quantity, seed, runs[0], runs) for seed in runs[0].seeds]


def test_law_error_is_the_ratio_of_the_errors_with_the_jackknifes_interval(tmp_path: Path) -> None:
    exact, rival = recorded(tmp_path / "law", "law"), recorded(tmp_path / "J", "J")
    assert law_error(exact) == pytest.approx([0.0] * 3, abs=1e-9)
    assert forecast_errors(rival, [0, 2])["J"] == pytest.approx(np.zeros((5, 2)), abs=1e-9)
    noisy = recorded(tmp_path / "noisy", "law", 0.03)
    errors = forecast_errors(noisy, noisy.seeds)
    sizes = {m: np.sqrt((errors[m].mean(axis=1) ** 2).mean()) for m in ("law", "J")}
    values = law_error(noisy)
    assert np.mean(values) == pytest.approx(sizes["law"] / sizes["J"])
    without = []
    for i in range(3):
        there = [j for j in range(3) if j != i]
        left = {m: (errors[m][:, there].mean(axis=1) ** 2).mean() ** 0.5 for m in ("law", "J")}
        without.append(left["law"] / left["J"])
    # Tukey's: the variance of the ratio is (n - 1) / n times the sum of squares of the n ratios.
    spread = np.sqrt(2 / 3 * ((np.array(without) - np.mean(without)) ** 2).sum())
    settled = experiments.hold(parse("law_error() < 0.7"), noisy, [noisy])
    half = student.ppf(0.975, 2) * spread
    assert settled.interval.high - settled.interval.delta == pytest.approx(half)


def test_a_run_without_calibration_or_a_seed_leaves_the_condition_open(tmp_path: Path) -> None:
    other = recorded(tmp_path / "r", "law", rate="train.lr=0.02")
    assert not knows(other.config) and not boundaries(other, 0)
    settled = experiments.hold(parse("law_error() < 0.7"), other, [other])
    assert settled.state == "open"
    assert experiments.hold(parse("boundary_gap() within 0.1"), other, [other]).state == "open"


def rows(folder: Path, changes: dict[str, float]) -> Results:
    figure: Figure = lambda arm, m, t, s: 0.3 + changes.get(arm, 0.0)  # noqa: E731
    arms = ARMS.replace(",unfiltered,{name: fn60", ",{name: fn60")
    return make(folder, [arms, *RATE], figure, ["pass@1"])


def test_the_gap_is_between_the_measured_and_the_predicted_crossing(tmp_path: Path) -> None:
    crosses = rows(tmp_path / "a", {"verified": 0.2, "fp40": 0.05, "fp70": -0.1})
    [row] = boundaries(crosses, 0)
    assert row.measured == pytest.approx(0.5) and row.rates == (0.0, 0.7)
    at = law.boundary("law", law.calibrated()["models"]["law"].at(5e-4, 0.3), 0.3, 1.0, SAMPLING)
    assert row.predicted["law"] == at
    gap = experiments.hold(parse("boundary_gap() within 0.1"), crosses, [crosses])
    assert gap.values == pytest.approx([0.5 - at] * 3)


@pytest.mark.parametrize(
    ("changes", "bound"),
    [
        ({"verified": 0.3, "fp40": 0.2, "fp70": 0.1}, 0.7),
        ({"verified": -0.1, "fp40": -0.2, "fp70": -0.3}, 0.0),
    ],
)
def test_a_row_that_never_crosses_is_a_bound(
    tmp_path: Path, changes: dict[str, float], bound: float
) -> None:
    [row] = boundaries(rows(tmp_path / "r", changes), 0)
    assert row.measured == bound
    # Replicator: its boundary lies beyond the row's largest rate, and is held to it.
    assert row.predicted["J"] == 0.7


def test_functions_of_runs_are_applied_to_a_points_own() -> None:
    rule = ["law_error(main, p15) < 0.7", "boundary_gap(p15) within 0.1", "distance() < 0.1"]
    assert rule_at_point(rule) == ["law_error() < 0.7", "distance() < 0.1"]
    assert parse(rule[0]).quantity.runs == ("main", "p15")


def test_a_rule_that_names_no_run_of_the_claim_is_refused(tmp_path: Path) -> None:
    text = (ROOT / "configs" / "claims" / "c7.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(text.replace("error(main, p15", "error(main, p16"))
    [claim] = experiments.find([str(tmp_path / "mine.yaml")])
    with pytest.raises(InputError, match="no run 'p16', did you mean 'p15'"):
        experiments.runs_of(claim, "cpu")


def test_the_page_of_such_a_claim_shows_forecasts_and_boundaries(tmp_path: Path) -> None:
    claim = {
        "id": "C7",
        "says": "x",
        "rule": ["law_error(main, p15) < 0.7", "boundary_gap(main, p15) within 0.1"],
        "changes": "y",
        "points": {"p15": ["warm_start.until=0.15"], "slow": ["train.lr=2.5e-4"]},
    }
    for name in ("main", "p15"):
        recorded(tmp_path / "c7" / name, "law", 0.003, claim=claim)
    [(_, _, found)] = write(tmp_path / "c7", "cpu")
    assert found["outcome"] == "supported" and found["missing"] == []
    assert found["elsewhere"] == {"p15": "supported"}
    page = (tmp_path / "c7" / "README.md").read_text()
    for words in (
        "Not run yet, and not part of the rule: slow.",
        "| main | fn60 | +0.1",
        "- p15: 100% of the intervals held; errors: the law 0.0",
        "| main | 1 | 0.5",
        "| p15 | 3 | `law_error() < 0.7` | +0.0",
        "![c7](claim.svg)",
    ):
        assert words in page, words
    assert "<svg" in (tmp_path / "c7" / "claim.svg").read_text()


def test_a_base_without_a_right_answer_has_a_page_too(tmp_path: Path) -> None:
    claim = {"id": "C7", "says": "x", "rule": ["law_error() < 0.7"], "changes": "y"}
    make(tmp_path / "c7" / "main", [ARMS, *RATE], lambda *_: 0.0, ["pass@1", "J"], claim)
    write(tmp_path / "c7", "smoke")
    assert "| main | verified | +0.000 |" in (tmp_path / "c7" / "README.md").read_text()


def test_the_rule_waits_for_every_run_that_it_names(tmp_path: Path) -> None:
    section = ClaimConfig(id="C7", says="x", rule=["law_error(main, p15) < 0.7"], changes="y")
    main = recorded(tmp_path / "main", "law", 0.01)
    settled = experiments.settle_claim(section, {"main": main})
    assert settled.outcome == "inconclusive" and settled.missing == ("the run p15",)


# --- what is committed -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def make_law() -> ModuleType:
    return script("docs/make_law.py")


@pytest.mark.parametrize(
    ("file", "maker"),
    [(law.CALIBRATED, "calibrate"), (law.TESTED, "tests")],
    ids=["known", "tests"],
)
def test_what_the_package_knows_is_made_from_the_records(
    make_law: ModuleType, file: Path, maker: str
) -> None:
    """If this fails after records came: python docs/make_law.py."""
    same_figures(getattr(make_law, maker)(), json.loads(file.read_text()))


def test_the_forecasts_are_made_from_the_config(make_law: ModuleType) -> None:
    same_figures(make_law.forecasts(), json.loads(make_law.FORECASTS.read_text()))


def test_the_claims_runs_count_once_those_of_its_rule_are_whole(
    make_law: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_law, "DOCS", tmp_path)
    for name in ("main", "p15", "capped"):
        recorded(tmp_path / "claims" / "c7" / name, "law", 0.003)
    assert make_law.claimed() == {}
    recorded(tmp_path / "claims" / "c7" / "p50", "law", 0.003)
    found = make_law.claimed()
    assert found.keys() == {"main", "p15", "p50", "capped"}
    assert all(len(of) == 5 and {one.run for one in of} == {name} for name, of in found.items())


def test_the_page_says_what_was_made(make_law: ModuleType) -> None:
    """If this fails: python docs/make_law.py."""
    text = make_law.PAGE.read_text()
    assert make_law.page(text) == text


def same_figures(found: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same_figures(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same_figures(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-6)
    else:
        assert found == expected


def test_no_seed_of_the_test_is_calibrated_on() -> None:
    [claim] = experiments.find(["C7"])
    tested = {seed for run in experiments.runs_of(claim, "cpu").values() for seed in run.seeds}
    used = {seed for run in law.calibrated()["made_from"] for seed in run["seeds"]}
    assert tested == set(range(60, 68)) and not tested & used
