"""`rlvr.load_run` and `rlvr export` on a run folder of which every value is known."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from support.command import Call, assert_refused
from support.figures import ARMS, ROUNDS, SEEDS
from support.written_run import pool, write_pool, write_run

import rlvr
from rlvr.data import Damaged, InputError
from rlvr.records import record
from rlvr.records.layout import Place
from rlvr.results import frames
from rlvr.results.export import COLUMNS, DATA


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("frames") / "run")


# load_run


def test_loading_is_light_until_it_is_called() -> None:
    code = "import sys, rlvr; rlvr.load_run; print(*({'pandas', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_loading_a_run_and_its_completions_imports_no_torch(run: Path) -> None:
    code = f"import sys, rlvr; r = rlvr.load_run({str(run)!r}); r.evals(); r.verdicts();"
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_what_is_small_is_there(run: Path) -> None:
    loaded = rlvr.load_run(str(run))
    assert loaded.folder == run and loaded.config_hash == "0123abcd"
    assert loaded.config["name"] == "tiny" and loaded.manifest["verifier"] == "exact@1234"
    assert loaded.arms == ARMS and loaded.seeds == SEEDS
    assert tuple(loaded.metrics.columns) == record.METRIC_COLUMNS
    assert tuple(loaded.timing.columns) == frames.TIMING_COLUMNS
    pd.testing.assert_frame_equal(loaded.metrics, pd.read_parquet(run / "metrics.parquet"))
    assert loaded.timing.tokens_per_second.tolist() == [5.0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.config = {}  # type: ignore[misc]


def test_completions_are_those_of_the_files_with_the_arm_that_used_them(run: Path) -> None:
    found = rlvr.load_run(run).completions()
    assert tuple(found.columns) == frames.COMPLETION_COLUMNS
    assert len(found) == len(SEEDS) * 3 * ROUNDS * 4 and "base" not in set(found.arm)
    first = found[found["round"] == 1]
    assert set(first.sampled_from) == {"base"} and set(first.arm) == set(ARMS) - {"real"}
    later = found[found["round"] == 2]
    assert (later.sampled_from == later.arm).all()
    place = found[(found.seed == 1) & (found.arm == "verified") & (found["round"] == 2)]
    want = pool("verified", 1, 2)
    assert place.text.tolist() == [one.text for one, _ in want]
    assert place.status.tolist() == [verdict.status for _, verdict in want]
    assert place.kept.tolist() == [True, False, True, False]
    assert place.tokens.tolist() == [4] * 4
    assert place.logprob.tolist() == [4 * (-0.5 - i) for i in range(4)]
    assert place.prompt.tolist() == ["0+é=", "0+é=", "1+é=", "1+é="]
    assert [tuple(ids) for ids in place.token_ids] == [one.token_ids for one, _ in want]
    assert [tuple(ids) for ids in place.prompt_token_ids] == [c.prompt_token_ids for c, _ in want]


def test_filters_choose_what_the_whole_has(run: Path) -> None:
    loaded = rlvr.load_run(run)
    whole = loaded.completions()
    chosen = loaded.completions(arm="unfiltered", round=2, seed=2)
    same = (whole.arm == "unfiltered") & (whole["round"] == 2) & (whole.seed == 2)
    pd.testing.assert_frame_equal(chosen, whole[same].reset_index(drop=True))
    assert loaded.completions(arm="real").empty and loaded.completions(round=9).empty
    assert tuple(loaded.completions(round=9).columns) == frames.COMPLETION_COLUMNS
    base = loaded.completions(arm="base")
    assert set(base["round"]) == {0} and not base.kept.any() and len(base) == 4 * len(SEEDS)


def test_evals_have_the_base_at_round_0(run: Path) -> None:
    found = rlvr.load_run(run).evals()
    assert tuple(found.columns) == frames.EVAL_COLUMNS
    places = set(zip(found.seed, found.arm, found["round"], strict=True))
    want = {(s, a, r) for s in SEEDS for a in ARMS for r in (1, 2)} | {
        (s, "base", 0) for s in SEEDS
    }
    assert places == want and len(found) == 2 * len(want)
    assert set(rlvr.load_run(run).evals(arm="base").kind) == {"sample", "greedy"}


def test_verdicts_and_effects_are_those_of_compare(run: Path) -> None:
    loaded = rlvr.load_run(run)
    comparison, verdicts, effects = loaded.comparison(), loaded.verdicts(), loaded.effects()
    assert tuple(verdicts.columns) == frames.VERDICT_COLUMNS
    assert tuple(effects.columns) == frames.EFFECT_COLUMNS
    assert dict(zip(verdicts.arm, verdicts.verdict, strict=True)) == comparison["verdicts"]
    assert dict(zip(verdicts.arm, verdicts.why, strict=True)) == comparison["why"]
    for row in effects.to_dict("records"):
        if row["against"] == "base":
            want = comparison["arms"][row["arm"]][row["metric"]]
            same = [(row["value"], want["final"]), (row["reference"], want["base"])]
        else:
            want, same = comparison["contrasts"][f"{row['arm']}-{row['against']}"], []
            want = want[row["metric"]]
        same += [(row["delta"], want["delta"]), (row["p_holm"], want["p_holm"])]
        same += list(zip((row["low"], row["high"]), want["ci95"], strict=True))
        for mine, theirs in same:
            assert (math.isnan(mine) and theirs is None) or mine == pytest.approx(theirs), row
    assert not (run / "compare.json").exists()


def test_what_is_no_run_or_not_of_the_run_is_refused(run: Path, tmp_path: Path) -> None:
    loaded = rlvr.load_run(run)
    with pytest.raises(InputError, match="not a run folder"):
        rlvr.load_run(tmp_path)
    with pytest.raises(InputError, match="'verifid', did you mean 'verified'"):
        loaded.completions(arm="verifid")
    with pytest.raises(InputError, match="seed: the run has no 7"):
        loaded.evals(seed=7)


def figures_alone(run: Path, folder: Path) -> Path:
    folder.mkdir()
    for name in ("config.json", "metrics.parquet"):
        (folder / name).write_bytes((run / name).read_bytes())
    return folder


def test_a_run_of_which_only_the_figures_were_kept(run: Path, tmp_path: Path) -> None:
    loaded = rlvr.load_run(figures_alone(run, tmp_path / "figures"))
    assert loaded.manifest == {} and loaded.timing.empty
    assert len(loaded.metrics) and len(loaded.verdicts()) == len(ARMS)
    for call_ in (loaded.completions, loaded.evals):
        with pytest.raises(InputError, match="only the figures"):
            call_()


def test_a_run_that_has_just_begun_has_empty_frames(run: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((run / "config.json").read_bytes())
    loaded = rlvr.load_run(tmp_path)
    assert loaded.metrics.empty and tuple(loaded.metrics.columns) == record.METRIC_COLUMNS
    with pytest.raises(InputError, match="no round has finished"):
        loaded.verdicts()


def test_a_damaged_file_is_named(run: Path, tmp_path: Path) -> None:
    folder = figures_alone(run, tmp_path / "damaged")
    place = Place(0, "verified", 1).folder(folder) / "completions.parquet"
    record.write_text(place, "PAR1")
    with pytest.raises(Damaged, match="completions.parquet"):
        rlvr.load_run(folder).completions()


# export


def opened(folder: Path, cache: Path) -> Any:
    """Open an export as a stranger would, with no network and a cache of its own."""
    import datasets

    return datasets.load_dataset(str(folder), cache_dir=str(cache))


def test_a_dataset_that_load_dataset_opens(call: Call, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "kept"
    code, said, err = call("export", run, "--kept", "-o", out)
    assert code == 0, err
    assert str(out) in said and "24 kept" in said
    assert sorted(path.name for path in out.iterdir()) == ["README.md", DATA]
    data = opened(out, tmp_path / "cache")
    assert list(data) == ["train"] and data["train"].column_names == list(COLUMNS)
    whole = rlvr.load_run(run).completions()
    want = whole[whole.kept].rename(columns={"text": "completion"})[list(COLUMNS)]
    rows = data["train"].to_pandas()
    order = ["seed", "arm", "round", "problem_id", "index"]
    for column in COLUMNS:
        mine, theirs = rows.sort_values(order)[column], want.sort_values(order)[column]
        assert list(map(str, mine)) == list(map(str, theirs)), column
    assert rows["kept"].all()


def test_without_kept_everything_of_what_was_asked_for(
    call: Call, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "all"
    asked = ["--arm", "verified", "--arm", "random", "--seed", "2"]
    assert call("export", run, *asked, "-o", out)[0] == 0
    rows = pq.read_table(out / DATA).to_pandas()
    assert len(rows) == 2 * ROUNDS * 4 and set(rows.seed) == {2}
    assert set(rows.arm) == {"verified", "random"} and not rows.kept.all()


def test_the_card_says_what_it_is(call: Call, run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    call("export", run, "--kept", "-o", out)
    card = (out / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["configs"][0]["data_files"] == [{"split": "train", "path": DATA}]
    assert "license" not in front and "## Licence" in card
    for word in ("0123abcd", "exact@1234", "`addition`", "kept completions"):
        assert word in card
    rows = [[cell.strip() for cell in line.strip("| \n").split("|")] for line in card.splitlines()]
    assert ["verified", "12", "12", "12", "0", "0", "0"] in rows
    assert ["unfiltered", "24", "24", "12", "6", "6", "0"] in rows
    assert {row[0].strip("`") for row in rows if len(row) == 2} >= set(COLUMNS)
    config = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    plain = json.loads((run / "config.json").read_text())["config"]
    assert config == {key: value for key, value in plain.items() if value is not None}


def test_where_it_goes_by_itself_and_what_is_there_is_kept(call: Call, run: Path) -> None:
    for flags, name in ((["--kept"], "dataset-kept"), ([], "dataset")):
        assert call("export", run, *flags)[0] == 0
        assert (run / name / DATA).is_file()
        assert_refused(call, [name, "-o"], "export", run, *flags)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["--arm", "verifid"], ["--arm", "did you mean 'verified'"]),
        (["--seed", "9"], ["--seed", "9", "0, 1, 2"]),
        (["--arm", "real"], ["no completions", "keep: real"]),
    ],
)
def test_what_can_not_be_exported(
    call: Call,
    run: Path,
    tmp_path: Path,
    asked: list[str],
    words: list[str],
) -> None:
    assert_refused(call, words, "export", run, *asked, "-o", tmp_path / "out")


def test_what_has_no_completions_or_no_tokenizer(call: Call, run: Path, tmp_path: Path) -> None:
    assert_refused(call, ["not a run folder"], "export", tmp_path)
    figures = figures_alone(run, tmp_path / "figures")
    assert_refused(call, ["only the figures"], "export", figures)
    these = pool("base", 0, 1)
    place = Place(0, "verified", 1).folder(figures) / "completions.parquet"
    write_pool(place, these, [True] * 4)
    assert rlvr.load_run(figures).completions().prompt.isna().all()
    assert_refused(call, ["tokenizer"], "export", figures)
