"""The table of metrics: one row is all that a metric needs."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.scripts import script

from rlvr.claims.experiments import hold
from rlvr.config import load, shipped_configs
from rlvr.data import InputError
from rlvr.evaluate import table
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.measured import AgainstBase, Found, HeldOut
from rlvr.evaluate.metrics import ALL, metric
from rlvr.evaluate.table import HEALTH, HELD_OUT, METRICS, ON, SAMPLES, Metric, compute, find
from rlvr.loop.tracking import Trackers
from rlvr.records import record
from rlvr.records.layout import base_of
from rlvr.report.figures import arm_looks, figure_groups
from rlvr.results.compare import compare_run, read_results, rule_text
from rlvr.results.terminal import print_tables
from rlvr.statistics.conditions import parse

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
RECORDED = sorted(path.parent for path in (ROOT / "docs").rglob("metrics.parquet"))
QUICKSTART = ROOT / "docs" / "results" / "quickstart"


def records(*lengths: int) -> list[Record]:
    """Samples of one problem, the first of them correct."""
    return [
        Record(
            problem_id="p",
            level="easy",
            kind="sample",
            index=i,
            text="x" * n,
            tokens=n,
            token_ids=(7,) * n,
            logprob=-1.0 * n,
            truncated=False,
            status="wrong" if i else "correct",
            reason="",
            extracted=None,
        )
        for i, n in enumerate(lengths)
    ]


def held_out(*lengths: int, luck: bool = False) -> HeldOut:
    samples = records(*lengths)
    return HeldOut(samples, samples, (1, 2), [(-1.0, -2.0)], ["easy"], luck)


def longest(measured: HeldOut) -> Found:
    most = max(one.tokens for one in measured.samples)
    return [metric("longest", most, len(measured.samples))]


ROW = Metric("longest", HEALTH, "most tokens of a completion", "tokens", ON, SAMPLES, longest)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table with one row more."""
    row = dataclasses.replace(ROW, better="lower", line=99)
    monkeypatch.setattr(table, "METRICS", (*METRICS, row))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The recorded quickstart, with the new metric as its rounds would have computed it."""
    shutil.copytree(QUICKSTART, tmp_path / "run")
    path = tmp_path / "run" / "metrics.parquet"
    rows = pq.read_table(path).to_pylist()
    places = {(row["seed"], row["arm"], row["round"]) for row in rows}
    for seed, arm, round_ in sorted(places):
        found = compute(HELD_OUT, held_out(3, 10 - round_ - seed))
        new = [row for row in found if row["metric"] == "longest"]
        rows += [{"seed": seed, "arm": arm, "round": round_, **row} for row in new]
    record.write_parquet(path, rows, pq.read_schema(path))
    return tmp_path / "run"


@pytest.mark.usefixtures("added")
def test_a_row_is_computed() -> None:
    assert longest(held_out(3, 9))[0] in compute(HELD_OUT, held_out(3, 9))


QUICK = shipped_configs()["quickstart"]


def test_a_row_is_validated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="'longest' is not measured") as refused:
        load(QUICK, ["verdict.metric=longest"])
    known = "pass@1, pass@2, pass@4, pass@8, greedy, real_nll"
    assert f"(measured: {known})" in str(refused.value)
    monkeypatch.setattr(table, "METRICS", (*METRICS, ROW))  # it does not say which way is growth
    with pytest.raises(InputError, match="'longest' is not measured"):
        load(QUICK, ["verdict.metric=longest"])
    monkeypatch.setattr(table, "METRICS", (*METRICS, dataclasses.replace(ROW, better="lower")))
    assert load(QUICK, ["verdict.metric=longest"]).verdict.metric == "longest"
    with pytest.raises(InputError, match="did you mean 'longest'") as refused:
        load(QUICK, ["verdict.metric=longes"])
    assert f"(measured: {known}, longest)" in str(refused.value)


@pytest.mark.usefixtures("added")
def test_a_row_is_a_conditions_metric_and_a_verdicts(run: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    config["config"]["verdict"]["metric"] = "longest"
    record.write_json(run / "config.json", config)
    r = read_results(run)
    values = hold(parse("verified longest - base longest < 0"), r, []).values
    assert values == (-r.round,) * len(r.seeds)
    assert "growth if longest falls" in rule_text(r)
    assert compare_run(r)["arms"]["verified"]["longest"]["delta"] == -r.round
    with pytest.raises(InputError, match="did you mean 'longest'"):
        hold(parse("verified longes > 0"), r, [])


@pytest.mark.usefixtures("added")
def test_a_row_is_tabled_and_drawn(run: Path) -> None:
    r, out = read_results(run), io.StringIO()
    print_tables([r], Console(file=out, width=80), everything=True)
    [line] = [line for line in out.getvalue().splitlines() if line.startswith("longest ")]
    mean = sum(10 - seed for seed in r.seeds) / len(r.seeds)
    assert line.split()[1:3] == [f"{mean:.3f}", f"{mean - r.round:.3f}"]
    drawn = {one.id: one.says for one in figure_groups(r, arm_looks(r.arms))[HEALTH]}
    assert drawn["longest"] == f"most tokens of a completion; n = {len(r.seeds)} seeds"


@pytest.mark.usefixtures("added")
def test_a_row_is_tracked(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = base_of(0)
    found = [{**dataclasses.asdict(place), **row} for row in compute(HELD_OUT, held_out(3, 9))]
    record.write_json(place.folder(tmp_path) / "metrics.json", found)
    said: list[str] = []
    Trackers(tmp_path, {"name": "made"}, ["tensorboard"], said.append).send()
    [path] = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    events = EventAccumulator(str(path))
    events.Reload()
    assert [one.value for one in events.Scalars("longest")] == [9.0] and said == []
    assert {"pass@1", "pass@1[easy]"} <= set(events.Tags()["scalars"])


def test_a_row_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    module, page = script("docs/make.py"), (ROOT / "docs" / "metrics.md").read_text()
    assert module.metrics(page) == page, "run .venv/bin/python docs/make.py"
    monkeypatch.setattr(table, "METRICS", (*METRICS, ROW))
    line = f"| `longest` | most tokens of a completion | tokens | from 0 |  | {SAMPLES} |"
    assert line in module.metrics(page).splitlines()


# The rows that are there


def test_what_the_functions_compute_has_a_row_that_names_them() -> None:
    grams = {(7, 7)}
    samples = [*records(3, 4), *(replace(one, problem_id="q") for one in records(3, 4))]
    beside = AgainstBase(samples, samples, grams, [(7, 7, 8)] * 2, 2, [-1.0])
    for sources, given in ((HELD_OUT, held_out(3, 4, luck=True)), (table.AGAINST_BASE, beside)):
        for source in sources:
            found = compute([source], given)
            assert found, source
            for one in found:
                row = find(one["metric"])
                assert row.function is not None and one in row.function(given), one


@pytest.mark.parametrize("folder", RECORDED, ids=lambda path: str(path.relative_to(ROOT / "docs")))
def test_recorded_metrics_have_rows_and_lie_in_their_ranges(folder: Path) -> None:
    columns = pq.read_table(folder / "metrics.parquet", columns=["metric", "value"])
    for name in columns["metric"].unique().to_pylist():
        row = find(name)
        assert row.group in table.GROUPS, name
        if row.range is not None:
            low, high = row.range
            values = columns.filter(pc.field("metric") == name)["value"].drop_null().to_numpy()
            inside = (low - 1e-6 <= values) & (values <= high + 1e-6)  # step.kl is rounded
            assert inside.all(), (name, values[~inside])


def test_names_and_lines_are_unique() -> None:
    names = [name for row in METRICS for name in row.named()]
    assert len(set(names)) == len(names)
    lines = [row.line for row in METRICS if row.line is not None]
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("pass@1", "pass@1"),
        ("pass@16", "pass@{k}"),
        ("pass@1_low", "pass@1_low"),
        ("distinct_2", "distinct_{N}"),
        ("kept_clean", "kept_clean"),
        ("kept_off_topic", "kept_{kind}"),
        ("off_target.humaneval.pass@1", "pass@1"),
    ],
)
def test_a_name_finds_its_row(name: str, row: str) -> None:
    assert find(name) is next(one for one in METRICS if one.name == row)


def test_an_unknown_name_finds_a_row_that_states_nothing() -> None:
    for name in ("distinct_9", "passes", ""):
        row = find(name)
        assert (row.group, row.better, row.range) == ("", None, None)


def test_figures_of_a_level_are_named_by_it() -> None:
    assert table.figure_name("pass@1", ALL) == "pass@1"
    assert table.figure_name("pass@1", "d1c0") == "pass@1[d1c0]"
