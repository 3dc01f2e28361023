"""rlvr/results/errors.py, and what rlvr/results/effects.py makes of it, on written evaluations."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from support.figures import BASE, FINAL, Row, make_run, rows_of

from rlvr.data import Damaged, Problem
from rlvr.evaluate.evaluation import Record, real_records, write_records
from rlvr.evaluate.metrics import likelihood, sampled
from rlvr.records.layout import Place, base_of
from rlvr.results.compare import compare_run, read_results
from rlvr.results.effects import (
    arm_effects,
    contrast_effects,
    coverage_note,
    effect_of,
    level_of,
    measurement_errors,
)
from rlvr.results.errors import errors_of
from rlvr.statistics.estimates import measurement_error, paired_interval

CORRECT, WRONG, ABSTAIN = "correct", "wrong", "abstain"


def records(
    problem: str, statuses: Sequence[str], kind: str = "sample", level: str = "1"
) -> list[Record]:
    return [
        Record(problem, level, kind, i, str(i), 1, (i,), -1.0, False, status, "", None)
        for i, status in enumerate(statuses)
    ]


def shares(prefix: str, correct: Sequence[int], n: int = 4, kind: str = "sample") -> list[Record]:
    """Return the records of problems PREFIX0, PREFIX1, ... of whose n samples so many are right."""
    each = [records(f"{prefix}{i}", [CORRECT] * c + [WRONG] * (n - c), kind) for i, c in
            enumerate(correct)]  # fmt: skip
    return [one for of in each for one in of]


def written(path: Path, *parts: list[Record]) -> Path:
    write_records(path, [one for part in parts for one in part])
    return path


# By problem -------------------------------------------------------------------------------------


def test_one_side_has_the_recorded_error(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{s}.parquet", shares(f"p/{s}/", [0, 3, 4, 1])) for s in (0, 1)]
    found = errors_of([((path, "pass@1"),) for path in paths])
    assert found is not None
    square = measurement_error([4] * 4, [0, 3, 4, 1]) ** 2
    assert found.ravel() == pytest.approx([square, 0.0, 0.0, square], rel=1e-12)
    metrics = {row["metric"]: row["value"] for row in sampled(shares("p", [0, 3, 4, 1]), [1])}
    assert metrics["pass@1_se"] ** 2 == pytest.approx(square, rel=1e-12)


def test_two_sides_are_paired_by_problem_whatever_the_order(tmp_path: Path) -> None:
    a = written(tmp_path / "a.parquet", shares("p", [1, 2, 4]))
    b = written(tmp_path / "b.parquet", *reversed([shares("p", [0, 1, 3]), shares("q", [4])]))
    same = errors_of([((a, "pass@1"), (b, "pass@1"))])
    assert same is not None
    assert same[0, 0] == pytest.approx(0.0, abs=1e-15)  # each problem gained a quarter
    other = errors_of([((a, "pass@1"), (a, "pass@2"))])
    assert other is not None
    gains = np.array([1 / 4 - 1 / 2, 2 / 4 - 5 / 6, 0.0])
    assert other[0, 0] == pytest.approx(gains.var(ddof=1) / 3, rel=1e-12)
    halves = errors_of([((a, "pass@1"), (a, "pass@2"), (a, "pass@1"))], (0.5, -1.0, 0.5))
    assert halves == pytest.approx(other, rel=1e-12), "the same, one side of it in two halves"


@pytest.mark.parametrize(
    ("ids", "shared"),
    [
        (("qa/eval/0/1/", "qa/eval/1/7/"), True),  # SEED/INDEX/ before the line's own name
        (("text/eval/", "text/eval/"), True),
        (("addition/eval/0/", "addition/eval/1/"), False),  # problems of each seed's own
    ],
)
def test_seeds_may_share_problems(tmp_path: Path, ids: tuple[str, str], shared: bool) -> None:
    files = [tmp_path / "0.parquet", tmp_path / "1.parquet"]
    paths = [written(f, shares(prefix, [0, 1, 4])) for f, prefix in zip(files, ids, strict=True)]
    found = errors_of([((path, "pass@1"),) for path in paths])
    assert found is not None
    assert found[0, 1] == pytest.approx(found[0, 0] if shared else 0.0)


def test_levels_bounds_greedy_best_temperature_and_other_tasks(tmp_path: Path) -> None:
    path = written(
        tmp_path / "eval.parquet",
        records("p0", [CORRECT, WRONG, ABSTAIN, ABSTAIN]),
        records("p1", [CORRECT] * 4),
        records("p2", [ABSTAIN] * 4),
        records("p3", [WRONG, WRONG, WRONG, ABSTAIN], level="2"),
        records("p4", [CORRECT, WRONG, WRONG, WRONG], level="2"),
        records("p0", [CORRECT], "greedy") + records("p1", [WRONG], "greedy"),
        records("p0", [CORRECT] * 2, "best") + records("p1", [WRONG] * 2, "best"),
        records("h0", [CORRECT], "off_target.harder.pass@1"),
        records("h1", [WRONG], "off_target.harder.pass@1"),
    )
    figures: dict[str, list[float]] = {
        "pass@1": [1 / 2, 1, 0, 1 / 4],  # p2 has nothing decided
        "pass@1[2]": [0, 1 / 4],
        "pass@3": [1, 0, 3 / 4],  # p0 has but two decided
        "pass@1_low": [1 / 4, 1, 0, 0, 1 / 4],
        "pass@1_high": [3 / 4, 1, 1, 1 / 4, 1 / 4],
        "greedy": [1, 0],
        "pass@1_best_temperature": [1, 0],
        "off_target.harder.pass@1": [1, 0],
    }
    for metric, values in figures.items():
        found = errors_of([((path, metric),)])
        assert found is not None, metric
        assert found[0, 0] == pytest.approx(np.var(values, ddof=1) / len(values), rel=1e-12), metric


def test_the_nll_of_real_solutions_is_a_ratio_of_sums(tmp_path: Path) -> None:
    """Its error is near that of leaving out one problem at a time (the jackknife)."""
    generator = np.random.default_rng(0)
    drawn = [generator.exponential(1 + i % 3, size=5 + i % 7) for i in range(200)]
    logprobs = [(-one).tolist() for one in drawn]
    problems = [Problem(f"text/eval/{i}", "text", "eval", str(i % 2), "", "") for i in range(200)]
    path = written(tmp_path / "eval.parquet", list(real_records(problems, logprobs)))
    recorded = likelihood(logprobs, [problem.level for problem in problems])
    values = {(row["metric"], row["level"]): row["value"] for row in recorded}
    for metric, level, of in (("real_nll", "all", logprobs), ("real_nll[1]", "1", logprobs[1::2])):
        found = errors_of([((path, metric),)])
        assert found is not None
        nll, tokens = np.array([-sum(one) for one in of]), np.array([len(one) for one in of])
        assert nll.sum() / tokens.sum() == pytest.approx(values["real_nll", level])
        without = (nll.sum() - nll) / (tokens.sum() - tokens)
        jackknife = (len(of) - 1) / len(of) * ((without - without.mean()) ** 2).sum()
        assert found[0, 0] == pytest.approx(jackknife, rel=0.02)
    halved = list(real_records(problems, [(-one / 2).tolist() for one in drawn]))
    half = written(tmp_path / "half.parquet", halved)
    paired = errors_of([((path, "real_nll"), (half, "real_nll"))])
    alone = errors_of([((half, "real_nll"),)])
    assert paired is not None and alone is not None
    assert paired[0, 0] == pytest.approx(alone[0, 0])  # what is left is the other half


def test_what_the_records_do_not_say_has_no_error(tmp_path: Path) -> None:
    path = written(tmp_path / "eval.parquet", shares("p", [0, 1]), shares("q", [1], 1, "greedy"))
    for metric in ("real_nll", "distinct_2", "survival", "pass@8", "pass@1[9]", "greedy", ""):
        assert errors_of([((path, metric),)]) is None, metric  # greedy: of one problem
    assert errors_of([((path, "pass@1"),), ((tmp_path / "gone", "pass@1"),)]) is None
    assert errors_of([]) is None
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(Damaged, match="eval.parquet"):
        errors_of([((path, "pass@1"),)])


# Of a run ---------------------------------------------------------------------------------------

NOISY = {"base": [0, 1, 2, 2], "verified": [2, 2, 2, 4], "real": [3, 4, 4, 4]}


def evaluated(
    folder: Path, *, seeds: Sequence[int] = (0, 1, 2), error: float | None = None
) -> Path:
    """Write a run of equal deltas, with its evaluations: the same problems in no two seeds."""
    base = {"pass@1": (0.25, 0.3125, 0.375), "real_nll": (1.0, 1.0, 1.0)}
    final = {
        arm: {"pass@1": tuple(x + gain for x in base["pass@1"]), "real_nll": (0.9, 0.9, 0.9)}
        for arm, gain in (("verified", 0.3), ("real", 0.6))
    }
    rows: list[Row] = [row for row in rows_of(final, base) if row["metric"] != "pass@1_se"]
    if error is not None:
        rows += [row | {"metric": "pass@1_se", "value": error} for row in rows
                 if row["metric"] == "pass@1" and row["level"] == "all"]  # fmt: skip
    run = make_run(folder, rows, ["verified", "real"])
    for seed in seeds:
        for arm, correct in NOISY.items():
            place = base_of(seed) if arm == "base" else Place(seed, arm, 2)
            path = place.folder(run) / "eval.parquet"
            path.parent.mkdir(parents=True)
            written(path, shares(f"p/{seed}/", correct))
    return run


def test_equal_deltas_have_the_width_of_the_measurement(tmp_path: Path) -> None:
    r = read_results(evaluated(tmp_path / "run"))
    effect = arm_effects(r, "pass@1")["verified"]
    square = np.var([2 / 4, 1 / 4, 0, 2 / 4], ddof=1) / 4
    assert (effect.floor, effect.variances.larger) == ("paired", "problems and samples")
    assert (effect.variances.between, effect.variances.shared) == (0.0, 0.0)
    assert effect.variances.within == pytest.approx(square, rel=1e-12)
    half = 4.302653 * math.sqrt(square / 3)
    assert effect.interval.high - effect.interval.delta == pytest.approx(half, rel=1e-6)
    gains = np.array([1, 2, 2, 0]) / 4
    contrast = contrast_effects(r, "pass@1")["verified", "real"]
    assert contrast.variances.within == pytest.approx(gains.var(ddof=1) / 4, rel=1e-12)
    assert compare_run(r)["arms"]["verified"]["pass@1"]["ci95"] != [0.3, 0.3]


def test_a_level_of_an_arm_has_a_floor_too(tmp_path: Path) -> None:
    r = read_results(evaluated(tmp_path / "run"))
    values = [r.at(seed, "real", "pass@1") for seed in r.seeds]
    square = measurement_error([4] * 4, NOISY["real"]) ** 2
    expected = paired_interval(values, 0.95, np.diag([square] * 3))
    assert level_of(r, "real", "pass@1").low == pytest.approx(expected.low, rel=1e-12)
    assert level_of(r, "real", "pass@1", 1).low == pytest.approx(  # not evaluated: no floor
        paired_interval([r.at(seed, "real", "pass@1", 1) for seed in r.seeds]).low
    )


def test_where_an_evaluation_is_gone_the_recorded_errors_are_added(tmp_path: Path) -> None:
    r = read_results(evaluated(tmp_path / "run", seeds=(0, 1), error=0.03))
    effect = effect_of(r, "verified", "base", "pass@1", "pass@1")
    assert effect.floor == "unpaired"
    assert effect.variances.within == pytest.approx(2 * 0.03**2, rel=1e-12)
    bound = effect_of(r, "verified", "base", "pass@1", "pass@1_high")
    assert (bound.deltas, bound.floor) == ((), "no floor")


def test_without_either_there_is_no_floor(tmp_path: Path) -> None:
    r = read_results(evaluated(tmp_path / "run", seeds=()))
    for metric in ("pass@1", "real_nll"):
        effect = arm_effects(r, metric)["verified"]
        assert (effect.floor, effect.variances.larger) == ("no floor", "seeds")
        assert effect.interval.low == effect.interval.high == effect.interval.delta
    paired = read_results(evaluated(tmp_path / "other"))
    assert arm_effects(paired, "real_nll")["verified"].floor == "no floor"


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    runs = [evaluated(tmp_path / name) for name in ("a", "b")]
    first, second = (compare_run(read_results(run)) for run in runs)
    assert first == second


# Where no interval holds --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bases", "finals", "said"),
    [
        ((0.37, 0.43, 0.30), (0.97, 0.98, 0.94), ""),  # the base differs more, and is far from 0
        ((0.30, 0.31, 0.30), (0.02, 0.01, 0.20), "near 0"),
        ((0.70, 0.71, 0.70), (0.99, 0.98, 0.80), "near 1"),
        ((0.02, 0.02, 0.02), (0.03, 0.03, 0.03), ""),
    ],
)
def test_a_share_near_its_bound_is_said(
    tmp_path: Path, bases: tuple[float, ...], finals: tuple[float, ...], said: str
) -> None:
    base = BASE | {"pass@1": bases}
    final = FINAL | {"verified": {"pass@1": finals}}
    rows = rows_of(final, base)
    rows += [row | {"metric": "pass@1_se", "value": 0.012} for row in rows
             if (row["arm"], row["metric"], row["level"]) == ("base", "pass@1", "all")]  # fmt: skip
    effects = arm_effects(read_results(make_run(tmp_path / "run", rows)), "pass@1")
    assert coverage_note(effects["verified"]).startswith(said)
    assert bool(coverage_note(effects["verified"])) == bool(said)


def test_recorded_errors_of_two_metrics_of_one_arm_do_not_cancel(tmp_path: Path) -> None:
    r = read_results(evaluated(tmp_path / "run", seeds=(0, 1), error=0.03))
    sides = [("base", "pass@1_best_temperature", 0), ("base", "pass@1", 0)]
    errors, floor = measurement_errors(r, r.seeds, sides)
    assert floor == "unpaired" and np.diag(errors) == pytest.approx([2 * 0.03**2] * 3)
    twice, _ = measurement_errors(r, r.seeds, [sides[1], sides[1]])
    assert np.diag(twice) == pytest.approx([0, 0, 0]), "a figure less itself has no error"
