"""`rlvr plan`: what a pilot says of a run, what it costs, and which pilots are refused."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.command import Call, assert_refused
from support.made_run import config as made_config
from support.made_run import make_run

from rlvr.config import Config, resolved
from rlvr.evaluate.evaluation import read_records
from rlvr.records import record
from rlvr.records.layout import Place, base_of
from rlvr.results import plan
from rlvr.results.compare import read_results
from rlvr.results.effects import effect_of
from rlvr.statistics.power import Rule, Size, outlook

OF = made_config(verdict={"metric": "pass@1", "margin": 0.1})


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three seeds with its evaluations, whose base took 10 s, a round 2 s."""
    folder = make_run(tmp_path_factory.mktemp("plan") / "pilot", OF)
    timing = record.Timing(folder)
    for seed in OF.seeds:
        timing.add(base_of(seed), "round", 10.0)
        for arm in ("verified", "unfiltered", "random"):
            timing.add(Place(seed, arm, 1), "evaluate", 0.5)
            timing.add(Place(seed, arm, 2), "evaluate", 0.5)
    timing.save()
    return folder


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The pilot's config as a file."""
    path = tmp_path / "made.yaml"
    path.write_text(yaml.safe_dump(resolved(OF)))
    return path


def changed(**more: object) -> Config:
    return Config.model_validate({**resolved(OF), **more})


def test_the_variances_are_those_of_the_effect(pilot: Path) -> None:
    read = plan.read_pilot(pilot, OF, "made.yaml")
    assert [of.arm for of in read.arms] == ["verified", "unfiltered"]
    assert read.rule.family == 2 and read.size == Size(3, 20, 4)
    for of in read.arms:
        effect = effect_of(read_results(pilot), of.arm, "base", "pass@1", "pass@1")
        assert of.floor == "paired"
        assert of.spread.within == effect.variances.within > 0
        assert of.spread.between == pytest.approx(effect.variances.between)


def test_a_samples_variance_is_told_from_pass_at_2(pilot: Path) -> None:
    """p (1 - p) of each problem, from its counts, is what pass@2 - pass@1 says."""
    (of, _) = plan.read_pilot(pilot, OF, "made.yaml").arms
    total = 0.0
    for seed in OF.seeds:
        for place in (base_of(seed), Place(seed, "verified", 2)):
            counts: dict[str, list[int]] = {}
            for one in read_records(place.folder(pilot) / "eval.parquet", "sample"):
                if one.status in ("correct", "wrong"):
                    counts.setdefault(one.problem_id, []).append(one.status == "correct")
            usable = [right for right in counts.values() if len(right) > 1]
            each = [
                sum(right) * (len(right) - sum(right)) / (len(right) * (len(right) - 1))
                for right in usable
            ]
            total += math.fsum(each) / len(each) / len(OF.seeds)
    assert of.samples_known and of.spread.sample == pytest.approx(total, rel=0.05)


def test_hours_grow_with_seeds_rounds_and_what_is_evaluated(pilot: Path) -> None:
    cost = plan.read_cost(pilot, OF)
    assert cost is not None
    one = cost.hours(Size(1, 20, 4), rounds=2)
    assert one * 3600 == pytest.approx(10 + 2 * 3 * 2)
    assert cost.hours(Size(5, 20, 4), rounds=2) == pytest.approx(5 * one)
    assert cost.hours(Size(1, 20, 4), rounds=4) * 3600 == pytest.approx(10 + 4 * 3 * 2)
    twice = cost.hours(Size(1, 40, 4), rounds=2)
    assert (twice - one) * 3600 == pytest.approx(2 * 3 * 0.5)
    samples = cost.hours(Size(1, 20, 9), rounds=2)  # and the greedy one
    assert samples == pytest.approx(twice)


def test_a_pilot_may_have_other_seeds_rounds_and_evaluation(pilot: Path) -> None:
    of = changed(
        name="other",
        seeds=[7, 8, 9, 10, 11],
        rounds=1,
        evaluate={"problems": 800, "samples": 16, "k": [1, 16]},
        verdict={"metric": "pass@1", "margin": 0.2, "confidence": 0.9},
        arms=["unfiltered"],
    )
    read = plan.read_pilot(pilot, of, "made.yaml")
    assert read.size == Size(5, 800, 16) and read.run.round == 1
    assert [arm.spread.size for arm in read.arms] == [Size(3, 20, 4)]
    assert math.isfinite(read.hours(read.size))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model=tiny-0.4m", ["model (tiny-0.1m -> tiny-0.4m)"]),
        ("task.digits=3", ["task.digits (2 -> 3)"]),
        ("verdict.metric=greedy", ["verdict.metric (pass@1 -> greedy)"]),
        ("train.lr=0.1", ["train.lr", "0.1"]),
        ("arms=[verified,majority]", ["arms.majority.keep (None -> majority)"]),
    ],
)
def test_a_run_of_another_config_is_no_pilot(
    call: Call, pilot: Path, written: Path, override: str, words: list[str]
) -> None:
    words = [*words, f"{pilot}/config.json", str(written), "rlvr run"]
    words = [*words, "'seeds=[100,101,102]'"]
    assert_refused(call, words, "plan", written, override, "--pilot", pilot)


def test_a_pilot_is_proposed_seeds_that_the_run_does_not_have() -> None:
    assert plan.fresh_seeds(changed(seeds=[99, 101, 103])) == "'seeds=[100,102,104]'"


def test_what_says_nothing_is_refused(call: Call, tmp_path: Path, written: Path) -> None:
    alone = make_run(tmp_path / "alone", made_config(seeds=[4], verdict={"margin": 0.1}))
    words = ["1 seed", "'seeds=[100,101,102]'", "--out"]
    assert_refused(call, words, "plan", written, "--pilot", alone)
    both = [*words, "seeds: a plan needs two or more", str(alone)]
    assert_refused(call, both, "plan", written, "seeds=[1]", "--pilot", alone)
    empty = tmp_path / "empty"
    assert_refused(call, [str(empty), "config.json"], "plan", written, "--pilot", empty)
    assert_refused(call, ["--effect -1", "above 0"], "plan", written, "--effect=-1")
    assert_refused(call, ["seeds", "two or more"], "plan", written, "seeds=[1]")


def test_the_printed_plan(call: Call, pilot: Path, written: Path) -> None:
    code, out, err = call("plan", written, "seeds=[0,1,2,3,4]", "--pilot", pilot)
    assert (code, err) == (0, "")
    text = " ".join(out.split())
    for said in (
        "a change of 0.1 in pass@1",
        "Holm over 2 arms",
        "round 2 of 2, 20 problems x 4 samples",
        "twice the problems",
        "twice the samples",
        "Of the squared error",
        "Seeds 0, 1, 2 are the pilot's and the run's",
        "--effect",
    ):
        assert said in text, said
    assert "?" not in text
    assert max(map(len, out.splitlines())) <= 80
    [row] = [line for line in out.splitlines() if line.startswith("5  ")]
    assert len(row.split()) == 9 and "-" not in row.split()
    assert call("plan", written, "seeds=[0,1,2,3,4]", "--pilot", pilot)[1] == out


def test_without_a_pilot_recorded_runs_are_shown(
    call: Call, written: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, out, _ = call("plan", written)
    assert code == 0 and "No pilot is given" in out
    for name in ("quickstart", "smollm2"):
        assert any(line.startswith(f"{name} ") for line in out.splitlines())
    monkeypatch.setattr(plan, "RECORDED", tmp_path / "nowhere")
    assert_refused(call, ["--pilot PILOT", "'seeds=[100,101,102]'"], "plan", written)


def test_where_pass_at_2_is_not_recorded_the_table_says_how_to_have_it(
    call: Call, tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = {"problems": 20, "samples": 4, "k": [1, 4]}
    folder = make_run(tmp_path / "pilot", changed(evaluate=evaluate))
    monkeypatch.setattr(plan, "_one_sample", lambda *_: None)  # made runs have pass@2 always
    code, out, _ = call("plan", written, "seeds=[3,4,5]", "--pilot", folder)
    text = " ".join(out.split())
    assert code == 0 and " ? " in text
    assert "?: in the problems' part; to tell it, evaluate.k needs a 2 in the pilot." in text


def test_fewer_samples_than_an_untold_pilot_has_cost_all_that_they_may(pilot: Path) -> None:
    """Errors of samples alone: a quarter of the samples has four times their variance."""
    told, _ = plan.read_pilot(pilot, OF, "made.yaml").arms
    of_samples = replace(told.spread, observed=told.spread.within, shared=0.0, sample=0.0)
    untold = replace(told, spread=of_samples, samples_known=False)
    rule, size = Rule(0.05, 0.95, 1), Size(3, 20, 1)
    small = outlook(plan._with_fewer(untold, 1).spread, size, 0.05, rule)
    same = outlook(plan._with_fewer(untold, 4).spread, Size(3, 20, 4), 0.05, rule)
    assert small.half == pytest.approx(2 * same.half)
    assert plan._with_fewer(untold, 8) == untold and plan._with_fewer(told, 1) == told


def test_a_metric_without_a_measurement_error(pilot: Path) -> None:
    r = read_results(pilot)
    of = plan.measured(r, "verified", "distinct")
    assert of.floor == "no floor" and not of.samples_known
    assert of.spread.within == 0 and of.spread.observed > 0


def test_a_dry_run_says_the_time_that_an_earlier_run_took(pilot: Path, tmp_path: Path) -> None:
    folder = pilot.parent / "next"
    of = changed(seeds=[*range(5, 15)], rounds=10, workers=2)
    minutes = 10 * (10 + 10 * 3 * 2) / 2 / 60
    said = plan.time_said(of, folder, "a.yaml")
    assert said == f"about {minutes:.0f} minutes, as the rounds in pilot took"
    for config, place in ((changed(model="tiny-0.4m"), folder), (of, tmp_path / "alone")):
        said = plan.time_said(config, place, "a.yaml")
        assert said.startswith("no run of this config lies beside it; to measure it now: ")
        assert "rlvr check a.yaml --sample 20, with" in said
    assert "rlvr check" not in plan.time_said(of, tmp_path / "alone", str(tmp_path))
