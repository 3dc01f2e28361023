"""rlvr/compare.py on synthetic run folders whose figures are known."""

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from rlvr.compare import arm_colours, compare_run, plot, print_tables, write_compare
from rlvr.data import InputError

ARMS = ("verified", "unfiltered", "random", "real")
SEEDS = (0, 1, 2)
ROUNDS = 2
# The figures of the design's table: (base, final) by seed.
BASE = {
    "pass@1": (0.37, 0.43, 0.30),
    "pass@8": (0.95, 0.95, 0.88),
    "greedy": (0.70, 0.83, 0.53),
    "excluded_abstain": (0, 0, 0),
    "excluded_error": (0, 0, 0),
    "best_temperature": (0.3, 0.5, 0.3),
    "pass@1_best_temperature": (0.60, 0.70, 0.50),
}
FINAL: dict[str, dict[str, tuple[float, ...]]] = {
    "verified": {"pass@1": (0.97, 0.98, 0.94), "pass@8": (1, 1, 1), "greedy": (1, 1, 0.99)},
    "unfiltered": {
        "pass@1": (0.303, 0.368, 0.251),
        "pass@8": (0.87, 0.91, 0.81),
        "greedy": (0.59, 0.67, 0.43),
    },
    "random": {
        "pass@1": (0.27, 0.33, 0.29),
        "pass@8": (0.81, 0.85, 0.81),
        "greedy": (0.44, 0.53, 0.48),
    },
    "real": {"pass@1": (0.98, 0.99, 0.95), "pass@8": (1, 1, 1), "greedy": (1, 1, 1)},
}

Row = dict[str, Any]
Change = Callable[[list[Row]], list[Row]]


def rows_of(
    final: Mapping[str, Mapping[str, Sequence[float]]], base: Mapping[str, Sequence[float]]
) -> list[Row]:
    """Return the metrics of a whole run: round 1 half way between base and final."""
    rows = []

    def add(i: int, arm: str, round_: int, metric: str, value: float, level: str = "all") -> None:
        rows.append(
            {
                "seed": SEEDS[i],
                "arm": arm,
                "round": round_,
                "metric": metric,
                "level": level,
                "value": float(value),
                "n": 400,
            }
        )

    for i in range(len(SEEDS)):
        for metric, values in base.items():
            add(i, "base", 0, metric, values[i])
        add(i, "base", 0, "pass@1", base["pass@1"][i] + 0.1, level="easy")
        for arm, metrics in final.items():
            for round_ in range(1, ROUNDS + 1):
                share = round_ / ROUNDS
                for metric, values in metrics.items():
                    start = base.get(metric, values)[i]
                    add(i, arm, round_, metric, start + share * (values[i] - start))
                add(i, arm, round_, "pass@1", metrics["pass@1"][i], level="easy")
                add(i, arm, round_, "kept", 1000 + i)
                add(i, arm, round_, "pass@1_se", 0.012)
    return rows


def make_run(
    folder: Path,
    rows: Sequence[Row] | None = None,
    arms: Sequence[str] = ARMS,
    name: str = "quick",
    **verdict: Any,
) -> Path:
    """Write a run folder as `rlvr run` leaves it."""
    folder.mkdir(parents=True)
    config = {
        "name": name,
        "arms": [{"name": arm} for arm in arms],
        "seeds": list(SEEDS),
        "rounds": ROUNDS,
        "evaluate": {"k": [1, 8]},
        "verdict": {"metric": "pass@1", "margin": 0.05, "confidence": 0.95} | verdict,
    }
    (folder / "config.json").write_text(json.dumps({"config": config, "hash": "0123abcd"}))
    table = pa.Table.from_pylist(list(rows_of(FINAL, BASE) if rows is None else rows))
    pq.write_table(table, folder / "metrics.parquet")
    return folder


def tables(*runs: Path) -> str:
    console = Console(file=io.StringIO(), width=200)
    print_tables(runs, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


# compare.json ----------------------------------------------------------------------------------


def test_schema(run: Path) -> None:
    comparison = compare_run(run)
    assert set(comparison) == {"rule", "arms", "contrasts", "verdicts", "why"}
    assert set(comparison["arms"]) == set(comparison["verdicts"]) == set(comparison["why"])
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
    assert rule["config_hash"] == "0123abcd"
    assert (rule["seeds"], rule["seeds_left_out"]) == ([0, 1, 2], [])
    assert (rule["round"], rule["rounds"]) == (2, 2)


def test_figures_are_scipys_and_holm_is_statsmodels(run: Path) -> None:
    comparison = compare_run(run)
    tests = {
        arm: scipy_stats.ttest_rel(final["pass@1"], BASE["pass@1"]) for arm, final in FINAL.items()
    }
    adjusted = multipletests([test.pvalue for test in tests.values()], method="holm")[1]
    for (arm, test), p in zip(tests.items(), adjusted, strict=True):
        entry = comparison["arms"][arm]["pass@1"]
        final, base = FINAL[arm]["pass@1"], BASE["pass@1"]
        assert entry["base"] == pytest.approx(sum(base) / 3, rel=1e-9)
        assert entry["final"] == pytest.approx(sum(final) / 3, rel=1e-9)
        assert entry["delta"] == pytest.approx((sum(final) - sum(base)) / 3, rel=1e-9)
        assert entry["ci95"] == pytest.approx(list(test.confidence_interval(0.95)), rel=1e-9)
        assert entry["p_holm"] == pytest.approx(p, rel=1e-9)


def test_contrasts_are_paired_by_seed_and_corrected_over_the_pairs(run: Path) -> None:
    contrasts = compare_run(run)["contrasts"]
    names = [name.split("-") for name in contrasts]
    tests = {
        f"{a}-{b}": scipy_stats.ttest_rel(FINAL[a]["pass@1"], FINAL[b]["pass@1"])
        for a, b in names
        if (a, b) != ("verified", "real")  # equal deltas, where scipy divides by 0
    }
    entry = contrasts["verified-real"]["pass@1"]
    assert (entry["delta"], entry["ci95"], entry["p_holm"]) == (-0.01, [-0.01, -0.01], 0.0)
    adjusted = multipletests([0.0, *(test.pvalue for test in tests.values())], method="holm")[1]
    for (name, test), p in zip(tests.items(), adjusted[1:], strict=True):
        entry = contrasts[name]["pass@1"]
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
    path = write_compare(run)
    first = path.read_bytes()
    assert path == run / "compare.json"

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    loaded = json.loads(first, parse_constant=refuse)
    assert loaded == compare_run(run)
    assert str(run).encode() not in first
    write_compare(run)
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


def test_why_names_figures_rule_and_power(run: Path) -> None:
    why = compare_run(run)["why"]
    assert why["verified"].startswith("Growth: pass@1 0.367 -> 0.963, delta +0.597 (95 % interval ")
    assert "3 seeds" in why["verified"]
    assert "at least the margin 0.05 and the interval excludes 0" in why["verified"]
    assert "real: greedy (+0.310) and pass@8 (+0.073) did not fall" in why["verified"]
    assert "best temperature (pass@1 0.600) pass@1 is +0.363" in why["verified"]
    assert why["unfiltered"].startswith("Collapse: ")
    assert "it falls by" in why["unfiltered"]
    assert "includes 0 and reaches beyond +-0.05" in why["random"]
    assert all("can't be told from 0" in text for text in why.values())


@pytest.mark.parametrize(
    ("greedy", "pass_at_8", "expected"),
    [
        ((0.6, 0.6, 0.5), (0.9, 0.9, 0.8), "sharpening, not real growth: greedy (-0.120) and"),
        ((0.6, 0.6, 0.5), (1.0, 1.0, 1.0), "real: pass@8 (+0.073) did not fall"),
        ((1.0, 1.0, 1.0), (0.9, 0.9, 0.8), "real: greedy (+0.313) did not fall"),
        ((0.70, 0.83, 0.53), (0.9, 0.9, 0.8), "real: greedy (+0.000) did not fall"),
    ],
)
def test_growth_is_real_or_sharpening(
    tmp_path: Path, greedy: tuple[float, ...], pass_at_8: tuple[float, ...], expected: str
) -> None:
    verified = {"pass@1": (0.97, 0.98, 0.94), "greedy": greedy, "pass@8": pass_at_8}
    folder = make_run(tmp_path / "run", rows_of({"verified": verified}, BASE), arms=["verified"])
    comparison = compare_run(folder)
    assert comparison["verdicts"] == {"verified": "growth"}
    assert expected in comparison["why"]["verified"]


def test_growth_that_can_not_be_told_from_sharpening(tmp_path: Path) -> None:
    rows = rows_of({"verified": {"pass@1": (0.97, 0.98, 0.94)}}, BASE)
    folder = make_run(tmp_path / "run", rows, arms=["verified"])
    assert "neither greedy nor pass@8 is recorded" in compare_run(folder)["why"]["verified"]


def test_why_says_when_holm_does_not_pass(tmp_path: Path) -> None:
    arms = [f"arm{i}" for i in range(8)]
    final = {arm: {"pass@1": (0.303, 0.368, 0.251)} for arm in arms}
    why = compare_run(make_run(tmp_path / "run", rows_of(final, BASE), arms=arms))["why"]["arm0"]
    assert "Holm's p over the 8 arms does not pass 0.05" in why


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
    assert comparison["verdicts"] == {"a": "growth"}  # says that it rose, not that this is good
    assert "real_nll 1.000 -> 2.000" in comparison["why"]["a"]
    assert "sharpening" not in comparison["why"]["a"]


# Excluded completions ---------------------------------------------------------------------------


def with_excluded(counts: Mapping[str, int], width: float) -> list[Row]:
    base = BASE | {
        "excluded_abstain": (counts.get("base", 0),) * 3,
        "pass@1_low": tuple(x - width * bool(counts.get("base")) for x in BASE["pass@1"]),
        "pass@1_high": tuple(x + width * bool(counts.get("base")) for x in BASE["pass@1"]),
    }
    final = {
        arm: metrics
        | {
            "excluded_abstain": (counts.get(arm, 0),) * 3,
            "excluded_error": (0, 0, 0),
            "pass@1_low": tuple(x - width * bool(counts.get(arm)) for x in metrics["pass@1"]),
            "pass@1_high": tuple(x + width * bool(counts.get(arm)) for x in metrics["pass@1"]),
        }
        for arm, metrics in FINAL.items()
    }
    return rows_of(final, base)


def test_nothing_excluded_shows_no_worst_case(run: Path) -> None:
    assert "worst case" not in tables(run)
    assert "xcluded completions" not in str(compare_run(run)["why"])


def test_worst_case_either_way_wherever_something_is_excluded(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", with_excluded({"unfiltered": 4}, 0.01))
    why = compare_run(folder)["why"]
    # -0.0593 +- 0.01; the other arms are untouched
    assert (
        "completions: 12; counted against or for the arm, the delta is -0.069 to -0.049"
        in (why["unfiltered"])
    )
    assert "verdict collapse or inconclusive" in why["unfiltered"]
    assert "xcluded completions" not in why["verified"]
    text = tables(folder)
    assert "completions excluded from evaluation, all seeds" in text
    assert text.count("worst case") == 2  # against the base, and arm against arm
    assert "-0.069 to -0.049" in text


def test_excluded_in_the_base_touch_every_arm(tmp_path: Path) -> None:
    why = compare_run(make_run(tmp_path / "run", with_excluded({"base": 4}, 0.01)))["why"]
    assert "delta is +0.587 to +0.607 and the verdict growth either way" in why["verified"]
    assert all("Excluded completions: 12" in text for text in why.values())


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


def without(*gone: tuple[int, str, int]) -> list[Row]:
    return [
        row for row in rows_of(FINAL, BASE) if (row["seed"], row["arm"], row["round"]) not in gone
    ]


def test_unfinished_run_is_compared_at_the_last_round_of_all(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without((2, "real", 2)))
    comparison = compare_run(folder)
    assert (comparison["rule"]["round"], comparison["rule"]["rounds"]) == (1, 2)
    halfway = comparison["arms"]["verified"]["pass@1"]["delta"]
    assert halfway == pytest.approx(0.597 / 2, abs=1e-3)
    assert "incomplete: compared at round 1 of 2" in tables(folder)


def test_seed_without_a_round_in_every_arm_is_left_out_and_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without((1, "real", 1), (1, "real", 2)))
    comparison = compare_run(folder)
    assert comparison["rule"]["seeds"] == [0, 2]
    assert comparison["rule"]["seeds_left_out"] == [1]
    assert set(comparison["verdicts"].values()) == {"inconclusive"}
    assert "without seed 1" in tables(folder)


def test_one_seed_has_figures_and_no_interval(tmp_path: Path) -> None:
    rows = [row for row in rows_of(FINAL, BASE) if row["seed"] == 0]
    folder = make_run(tmp_path / "run", rows)
    comparison = compare_run(folder)
    entry = comparison["arms"]["verified"]["pass@1"]
    assert entry["delta"] == pytest.approx(0.6)
    assert entry["ci95"] == [None, None]
    assert "(1 seed, so no interval)" in comparison["why"]["verified"]
    assert "one seed can't tell any effect from 0" in comparison["why"]["verified"]
    plot(folder)


# Tables and plot --------------------------------------------------------------------------------


def test_tables_hold_what_a_reader_needs(run: Path) -> None:
    text = tables(run)
    for needed in (
        "quick, seeds 0, 1, 2, 2 rounds",
        "Rule: growth if pass@1 rises by at least 0.05",
        "95 % interval",
        "verified - unfiltered",
        "unfiltered - real",
        "The base at its best temperature (T 0.3, 0.5, 0.3): pass@1 0.600",
        "greedy",
        "pass@8",
        "easy",
        "collapse",
    ):
        assert needed in text
    assert "side by side" not in text


def test_names_with_brackets_are_not_taken_for_markup(tmp_path: Path) -> None:
    final = {"[bold]arm[/x]": FINAL["verified"]}
    folder = make_run(tmp_path / "run", rows_of(final, BASE), arms=list(final), name="[red]")
    text = tables(folder)
    assert "[bold]arm[/x]" in text
    assert "[red]" in text


def test_several_runs_end_side_by_side(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", name="second", margin=0.2)
    text = tables(run, other)
    tail = text[text.index("runs side by side") :]
    assert tail.count("quick") == tail.count("second") == len(ARMS)
    assert "judged by different rules" in tail
    twin = make_run(tmp_path / "twin")
    assert str(twin) in tables(run, twin)  # equal names: the folders tell them apart


def test_a_bad_run_among_several_prints_nothing(run: Path, tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    with pytest.raises(InputError):
        print_tables([run, tmp_path / "none"], console)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue() == ""


def test_plot_repeats_itself_to_the_byte(run: Path, tmp_path: Path) -> None:
    path = plot(run)
    assert path == run / "compare.png"
    twin = make_run(tmp_path / "twin")
    plot(twin)
    for name in ("compare.png", "compare.svg"):
        assert (run / name).read_bytes() == (twin / name).read_bytes()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert b"<dc:date>" not in (run / "compare.svg").read_bytes()


def test_plot_without_pass_at_1_shows_the_rules_metric(tmp_path: Path) -> None:
    rows = [row for row in rows_of(FINAL, BASE) if row["metric"] != "pass@1"]
    assert plot(make_run(tmp_path / "run", rows, metric="greedy")).is_file()


def test_colours_are_fixed_and_distinct() -> None:
    both = arm_colours(["mine", "verified", "other"])
    assert both["verified"] == arm_colours(["verified"])["verified"]
    assert both["mine"] == arm_colours(["real", "mine"])["mine"]
    names = ["verified", "unfiltered", "random", "real", "inverted", "majority", "accumulate"]
    assert len(set(arm_colours([*names, "a", "b", "c"]).values())) == 10


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
    ("spoil", "file", "mend"),
    [
        (no_folder, "nowhere", "not a run folder, it holds no config.json; give a folder that"),
        (no_config, "run", "not a run folder, it holds no config.json; give a folder that"),
        (broken_config, "config.json", "give a folder that `rlvr run` wrote"),
        (config_without_arms, "config.json", "arms: missing; give a folder"),
        (no_metrics, "metrics.parquet", "no round has finished yet; resume the run"),
        (broken_metrics, "metrics.parquet", "delete it and resume the run"),
        (foreign_metrics, "metrics.parquet", "seed: column missing; delete it and resume the run"),
        (doubled_metrics, "metrics.parquet", "holds a figure twice; delete it and resume"),
        (empty_metrics, "metrics.parquet", "no seed has finished a round in every arm; resume"),
        (base_alone, "metrics.parquet", "no seed has finished a round in every arm; resume"),
        (unknown_metric, "config.json", "verdict.metric: 'pass@9' is not among"),
    ],
)
def test_bad_input_names_path_and_mend_and_writes_nothing(
    run: Path, spoil: Callable[[Path], Path], file: str, mend: str
) -> None:
    folder = spoil(run)
    before = sorted(run.iterdir())
    for action in (compare_run, write_compare, plot):
        with pytest.raises(InputError) as error:
            action(folder)
        assert file in str(error.value)
        assert mend in str(error.value)
        assert "\n" not in str(error.value)
    assert sorted(run.iterdir()) == before


def test_nothing_undefined_reaches_the_file(tmp_path: Path) -> None:
    rows = rows_of(FINAL, BASE)
    for row in rows:
        if row["metric"] == "greedy":
            row["value"] = math.nan
    comparison = compare_run(make_run(tmp_path / "run", rows))
    json.dumps(comparison, allow_nan=False)
    assert comparison["arms"]["verified"]["greedy"]["final"] is None
