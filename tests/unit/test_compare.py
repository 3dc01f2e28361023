"""rlvr/results/compare.py on synthetic run folders whose figures are known."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from support.figures import (
    ARMS,
    BASE,
    FINAL,
    ROUNDS,
    Row,
    make_run,
    rows_of,
    with_excluded,
    without,
)

from rlvr import cli
from rlvr.data import InputError
from rlvr.results import compare
from rlvr.results.compare import read_all, read_results, write_compare

Change = Callable[[list[Row]], list[Row]]


def compare_run(run: Path) -> dict[str, Any]:
    return compare.compare_run(read_results(run))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


# compare.json ----------------------------------------------------------------------------------


def test_schema(run: Path) -> None:
    comparison = compare_run(run)
    assert set(comparison) == {
        *("rule", "arms", "contrasts", "verdicts", "rulings", "why", "conditions", "checks"),
    }
    assert set(comparison["arms"]) == set(comparison["verdicts"]) == set(comparison["why"])
    assert set(comparison["rulings"]) == set(comparison["verdicts"])
    for ruling in comparison["rulings"].values():
        assert set(ruling) == {
            *("primary", "growth", "against_best_temperature", "reason", "lost", "signs"),
        }
        for sign in ruling["signs"].values():
            assert set(sign) == {
                *("metric", "definition", "move", "worse", "delta", "ci95", "p_holm"),
            }
    assert list(comparison["arms"]) == list(ARMS)
    for metrics in comparison["arms"].values():
        for entry in metrics.values():
            assert set(entry) == {"base", "final", "delta", "ci95", "p_holm", "seeds"}
            assert len(entry["ci95"]) == 2
            assert entry["seeds"] == 3
    assert list(comparison["contrasts"]) == [
        "verified-unfiltered",
        "verified-random",
        "verified-real",
        "unfiltered-random",
        "unfiltered-real",
        "random-real",
    ]
    for metrics in comparison["contrasts"].values():
        for entry in metrics.values():
            assert set(entry) == {"delta", "ci95", "p_holm"}
    rule = comparison["rule"]
    assert rule["metric"] == "pass@1"
    assert (rule["margin"], rule["confidence"]) == (0.05, 0.95)
    assert rule["primary"] == ["verified", "unfiltered"]
    assert rule["config_hash"] == "0123abcd"
    assert (rule["seeds"], rule["seeds_left_out"]) == ([0, 1, 2], [])
    assert (rule["round"], rule["rounds"]) == (2, 2)


def test_a_folder_of_runs_stands_for_them(tmp_path: Path) -> None:
    recorded = Path(__file__).parents[2] / "docs" / "results"
    for point, name in (("a=1", "quickstart"), ("a=2", "quickstart-seeds-3-4-5")):
        shutil.copytree(recorded / name, tmp_path / "sweep" / point)
    found = read_all([tmp_path / "sweep", recorded / "quickstart"])
    assert [one.name for one in found] == ["a=1", "a=2", "quickstart"]
    assert found[0].seeds == (0, 1, 2) and found[1].seeds == (3, 4, 5)
    with pytest.raises(InputError, match="config.json"):
        read_all([tmp_path])


def test_figures_are_scipys_and_holm_is_statsmodels(run: Path) -> None:
    comparison = compare_run(run)
    tests = {
        arm: scipy_stats.ttest_rel(final["pass@1"], BASE["pass@1"]) for arm, final in FINAL.items()
    }
    primary = ("verified", "unfiltered")
    adjusted = multipletests([tests[arm].pvalue for arm in primary], method="holm")[1]
    for arm, test in tests.items():
        entry = comparison["arms"][arm]["pass@1"]
        final, base = FINAL[arm]["pass@1"], BASE["pass@1"]
        assert entry["base"] == pytest.approx(sum(base) / 3, rel=1e-9)
        assert entry["final"] == pytest.approx(sum(final) / 3, rel=1e-9)
        assert entry["delta"] == pytest.approx((sum(final) - sum(base)) / 3, rel=1e-9)
        assert entry["ci95"] == pytest.approx(list(test.confidence_interval(0.95)), rel=1e-9)
        if arm in primary:
            assert entry["p_holm"] == pytest.approx(adjusted[primary.index(arm)], rel=1e-9)
        else:
            assert entry["p_holm"] is None


def test_contrasts_are_paired_by_seed_and_corrected_over_the_pairs(run: Path) -> None:
    contrasts = compare_run(run)["contrasts"]
    names = [name.split("-") for name in contrasts]
    tests = {
        f"{a}-{b}": scipy_stats.ttest_rel(FINAL[a]["pass@8"], FINAL[b]["pass@8"])
        for a, b in names
        if (a, b) != ("verified", "real")  # equal, where scipy divides by 0
    }
    entry = contrasts["verified-real"]["pass@8"]
    assert (entry["delta"], entry["ci95"], entry["p_holm"]) == (0.0, [0.0, 0.0], 1.0)
    adjusted = multipletests([1.0, *(test.pvalue for test in tests.values())], method="holm")[1]
    for (name, test), p in zip(tests.items(), adjusted[1:], strict=True):
        entry = contrasts[name]["pass@8"]
        assert entry["p_holm"] == pytest.approx(p, rel=1e-9)
        assert entry["ci95"] == pytest.approx(list(test.confidence_interval(0.95)), rel=1e-9)


def test_verdicts_of_the_designs_table(run: Path) -> None:
    assert compare_run(run)["verdicts"] == {
        "verified": "growth",
        "unfiltered": "collapse",
        "random": "inconclusive",  # -0.10, -0.10, -0.01: the interval includes 0
        "real": "growth",
    }


def test_levels_and_metrics_without_a_base(run: Path) -> None:
    verified = compare_run(run)["arms"]["verified"]
    assert verified["pass@1[easy]"]["base"] == pytest.approx(1.4 / 3, rel=1e-9)
    assert verified["kept"] == {
        "base": None,
        "final": 1001.0,
        "delta": None,
        "ci95": [None, None],
        "p_holm": None,
        "seeds": 3,
    }


def test_file_is_whole_strict_json_without_paths_and_repeats_itself(run: Path) -> None:
    write_compare([read_results(run)])
    path = run / "compare.json"
    first = path.read_bytes()

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    loaded = json.loads(first, parse_constant=refuse)
    assert loaded == compare_run(run)
    assert str(run).encode() not in first
    write_compare([read_results(run)])
    assert path.read_bytes() == first
    assert sorted(p.name for p in run.iterdir()) == [
        "compare.json",
        "config.json",
        "metrics.parquet",
    ]


def test_order_of_rows_does_not_matter(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", rows_of(FINAL, BASE)[::-1])
    assert compare_run(other) == compare_run(run)


# The sentences ----------------------------------------------------------------------------------


def test_why_names_verdict_effect_interval_and_power(run: Path) -> None:
    assert compare_run(run)["why"] == {
        "verified": "Growth in pass@1, beyond sharpening or not: open. pass@1 +0.597 (95 %: +0.485 "
        "to +0.709, Holm p 0.004). Against the base at best T +0.363 (+0.164 to +0.563, no floor); "
        "may have fallen: greedy. 80 % power from a change of 0.209, no floor.",
        "unfiltered": "Collapse in pass@1 (lost: accuracy). pass@1 -0.059 (95 %: -0.082 to "
        "-0.036, Holm p 0.008). 80 % power from a change of 0.043, no floor.",
        "random": "Inconclusive (lost: coverage). pass@1 -0.070 (95 %: -0.199 to +0.059, "
        "exploratory: not corrected), the interval includes 0 and reaches beyond +-0.05. 80 % "
        "power from a change of 0.170, no floor.",
        "real": "Growth in pass@1, beyond sharpening or not: open. pass@1 +0.607 (95 %: +0.495 to "
        "+0.719, exploratory: not corrected). Against the base at best T +0.373 (+0.174 to "
        "+0.573, no floor); may have fallen: greedy. 80 % power from a change of 0.147, no floor.",
    }


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        ((0.01, 0.011, 0.012), ", within +-0.05. 80 %"),
        ((0.04, 0.03, 0.045), ", the interval excludes 0, the change misses the margin 0.05. 80 %"),
        ((0.1, 0.1, 0.1), "Power unknown, the seeds' deltas are equal."),
        ((0.1, 0.2, math.nan), ", 2 seeds, the rule asks for 3. 80 %"),
        ((0.1, math.nan, math.nan), "pass@1 +0.100 (no interval), 1 seed, the rule asks for 3."),
        ((math.nan, math.nan, math.nan), "pass@1 has no figure in both the base and the arm."),
    ],
)
def test_why_names_the_reason(tmp_path: Path, deltas: tuple[float, ...], expected: str) -> None:
    final = tuple(base + delta for base, delta in zip(BASE["pass@1"], deltas, strict=True))
    rows = rows_of({"mine": {"pass@1": final}}, BASE)
    assert expected in compare_run(make_run(tmp_path / "run", rows, arms=["mine"]))["why"]["mine"]


@pytest.mark.parametrize(("margin", "expected"), [(0.05, "collapse"), (0.2, "no effect")])
def test_margin_is_the_configs(tmp_path: Path, margin: float, expected: str) -> None:
    folder = make_run(tmp_path / "run", margin=margin)
    assert compare_run(folder)["verdicts"]["unfiltered"] == expected


def test_verdict_is_on_the_rules_metric_alone(tmp_path: Path) -> None:
    rows = rows_of(
        {"a": {"pass@1": (0.9, 0.9, 0.9), "real_nll": (2.0, 2.1, 1.9)}},
        BASE | {"real_nll": (1, 1, 1)},
    )
    folder = make_run(tmp_path / "run", rows, arms=["a"], metric="real_nll")
    comparison = compare_run(folder)
    assert comparison["verdicts"] == {"a": "collapse"}
    assert "growth if real_nll falls by at least 0.05" in comparison["rule"]["text"]
    assert "real_nll +1.000" in comparison["why"]["a"]
    assert comparison["rulings"]["a"]["growth"] is None


@pytest.mark.parametrize(
    ("finals", "verdict"),
    [
        ((0.5, 0.6, 0.4), "growth"),
        ((1.01, 1.0, 1.02), "no effect"),
        ((1.0, 1.5, 0.7), "inconclusive"),
        ((1.5, 1.6, 1.4), "collapse"),
    ],
)
def test_nll_is_better_when_it_is_lower(
    tmp_path: Path, finals: tuple[float, ...], verdict: str
) -> None:
    rows = rows_of({"a": {"pass@1": (0, 0, 0), "real_nll": finals}}, BASE | {"real_nll": (1, 1, 1)})
    folder = make_run(tmp_path / "run", rows, arms=["a"], metric="real_nll")
    assert compare_run(folder)["verdicts"] == {"a": verdict}


# Excluded completions ---------------------------------------------------------------------------


def test_worst_case_either_way_wherever_something_is_excluded(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", with_excluded({"unfiltered": 4}, 0.01))
    why = compare_run(folder)["why"]
    # -0.0593 +- 0.01; the other arms are untouched
    excluded = "12 completions excluded: collapse or inconclusive (-0.069 to -0.049)"
    assert excluded in why["unfiltered"]
    assert "excluded" not in why["verified"]


def test_excluded_in_the_base_touch_every_arm(tmp_path: Path) -> None:
    why = compare_run(make_run(tmp_path / "run", with_excluded({"base": 4}, 0.01)))["why"]
    assert "12 completions excluded: growth either way (+0.587 to +0.607)" in why["verified"]
    assert all("12 completions excluded" in text for text in why.values())


def test_a_round_with_nothing_decided_is_finished_and_its_seed_not_counted(tmp_path: Path) -> None:
    rows = [
        row
        for row in rows_of(FINAL, BASE)
        if (row["seed"], row["arm"], row["metric"]) != (2, "verified", "pass@1")
    ]
    comparison = compare_run(make_run(tmp_path / "run", rows))
    assert comparison["rule"]["round"] == ROUNDS
    assert comparison["arms"]["verified"]["pass@1"]["seeds"] == 2
    assert comparison["verdicts"]["verified"] == "inconclusive"
    assert comparison["verdicts"]["unfiltered"] == "collapse"


# Unfinished runs --------------------------------------------------------------------------------


def test_unfinished_run_is_compared_at_the_last_round_of_all(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without((2, "real", 2)))
    comparison = compare_run(folder)
    assert (comparison["rule"]["round"], comparison["rule"]["rounds"]) == (1, 2)
    halfway = comparison["arms"]["verified"]["pass@1"]["delta"]
    assert halfway == pytest.approx(0.597 / 2, abs=1e-3)


def test_seed_without_a_round_in_every_arm_is_left_out_and_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without((1, "real", 1), (1, "real", 2)))
    comparison = compare_run(folder)
    assert comparison["rule"]["seeds"] == [0, 2]
    assert comparison["rule"]["seeds_left_out"] == [1]
    assert set(comparison["verdicts"].values()) == {"inconclusive"}


def test_one_seed_has_figures_and_no_interval(tmp_path: Path) -> None:
    rows = [row for row in rows_of(FINAL, BASE) if row["seed"] == 0]
    folder = make_run(tmp_path / "run", rows)
    comparison = compare_run(folder)
    entry = comparison["arms"]["verified"]["pass@1"]
    assert entry["delta"] == pytest.approx(0.6)
    assert entry["ci95"] == [None, None]
    assert set(comparison["verdicts"].values()) == {"inconclusive"}


# Bad input --------------------------------------------------------------------------------------


def no_folder(run: Path) -> Path:
    return run / "nowhere"


def no_config(run: Path) -> Path:
    (run / "config.json").unlink()
    return run


def no_metrics(run: Path) -> Path:
    (run / "metrics.parquet").unlink()
    return run


def broken_config(run: Path) -> Path:
    (run / "config.json").write_text("{")
    return run


def config_without_arms(run: Path) -> Path:
    (run / "config.json").write_text('{"config": {"name": "x"}, "hash": "y"}')
    return run


def broken_metrics(run: Path) -> Path:
    (run / "metrics.parquet").write_bytes(b"no parquet")
    return run


def foreign_metrics(run: Path) -> Path:
    pq.write_table(pa.table({"a": [1]}), run / "metrics.parquet")
    return run


def doubled_metrics(run: Path) -> Path:
    rows = rows_of(FINAL, BASE)
    pq.write_table(pa.Table.from_pylist([*rows, rows[0]]), run / "metrics.parquet")
    return run


def empty_metrics(run: Path) -> Path:
    table = pq.read_table(run / "metrics.parquet")
    pq.write_table(table.slice(0, 0), run / "metrics.parquet")
    return run


def base_alone(run: Path) -> Path:
    rows = [row for row in rows_of(FINAL, BASE) if row["arm"] == "base"]
    pq.write_table(pa.Table.from_pylist(rows), run / "metrics.parquet")
    return run


def unknown_metric(run: Path) -> Path:
    config = json.loads((run / "config.json").read_text())
    config["config"]["verdict"]["metric"] = "pass@9"
    (run / "config.json").write_text(json.dumps(config))
    return run


@pytest.mark.parametrize(
    ("spoil", "file", "fix"),
    [
        (no_folder, "nowhere", "not a run folder, it holds no config.json; give a folder that"),
        (no_config, "run", "not a run folder, it holds no config.json; give a folder that"),
        (broken_config, "config.json", "give a folder that `rlvr run` wrote"),
        (config_without_arms, "config.json", "arms: missing; give a folder"),
        (no_metrics, "metrics.parquet", "no round has finished yet; resume the run"),
        (
            broken_metrics,
            "metrics.parquet",
            "the `rlvr run` command that began the run recreates it",
        ),
        (foreign_metrics, "metrics.parquet", "seed: column missing; delete it and resume the run"),
        (doubled_metrics, "metrics.parquet", "holds a figure twice; delete it and resume"),
        (empty_metrics, "metrics.parquet", "no seed has finished a round in every arm; resume"),
        (base_alone, "metrics.parquet", "no seed has finished a round in every arm; resume"),
        (unknown_metric, "config.json", "verdict.metric: 'pass@9' is not among"),
    ],
)
def test_bad_input_names_path_and_mend_and_writes_nothing(
    run: Path, spoil: Callable[[Path], Path], file: str, fix: str
) -> None:
    folder = spoil(run)
    before = sorted(run.iterdir())
    with pytest.raises(InputError) as error:
        read_results(folder)
    assert file in str(error.value)
    assert fix in str(error.value)
    assert "\n" not in str(error.value)
    assert sorted(run.iterdir()) == before


def test_a_bad_run_among_several_exits_2_before_anything_is_written_or_printed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(run.iterdir())
    monkeypatch.setattr("sys.argv", ["rlvr", "compare", str(run), str(tmp_path / "none")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"rlvr: {tmp_path}/none: not a run folder")
    assert sorted(run.iterdir()) == before


def test_nothing_undefined_reaches_the_file(tmp_path: Path) -> None:
    rows = rows_of(FINAL, BASE)
    for row in rows:
        if row["metric"] == "greedy":
            row["value"] = math.nan
    comparison = compare_run(make_run(tmp_path / "run", rows))
    json.dumps(comparison, allow_nan=False)
    assert comparison["arms"]["verified"]["greedy"]["final"] is None
