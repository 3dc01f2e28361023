"""Rows in every shape, each with one command: a round is run on them, for real."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.here import command_here
from support.shapes import MADE, make

import rlvr
from rlvr.loop.check_model import config_of_rows
from rlvr.loop.preflight import verifier_of
from rlvr.shapes import known
from rlvr.verify.settings import NamedConfig

CONFIG = {
    "name": "rows",
    "model": "tiny-0.1m",
    "seeds": [7],
    "rounds": 1,
    "arms": ["unfiltered"],
    "generate": {"prompts": 8, "samples": 2, "max_tokens": 6},
    "verify": {"workers": 1},
    "train": {"steps": 1, "batch_size": 4, "lr": 5.0e-4, "precision": "fp32"},
    "evaluate": {"problems": 6, "samples": 2, "k": [1]},
}


def run_a_round(name: str, folder: Path, *overrides: str) -> str:
    """Run a round on a file of 40 rows; return what the command said."""
    made, path = MADE[name], make(folder, 40)[name]
    columns = {"columns": made.columns} if made.columns else {}
    config = folder / "rows.yaml"
    task = {"name": "rows", "path": str(path), **columns}
    config.write_text(yaml.safe_dump({**CONFIG, "task": task}))
    words = [config, *overrides, "--out", folder / "run"]
    return command_here("run", *words, cache=folder / "cache")


def test_a_round_on_verls_rows(tmp_path: Path) -> None:
    said = run_a_round("verl", tmp_path)
    assert "verl.parquet: 40 rows, verl (" in said and "problems there: train" in said
    warned = "on the problems of round 1: the base solves none of the problems"
    assert warned in said and "or a larger model. The run goes on\n" in said
    assert said.index(warned) < said.index("seed 7  base")
    run = rlvr.load_run(tmp_path / "run")
    completions = run.completions()
    asked = set(completions[completions["round"] == 1].prompt)
    assert len(asked) == 8
    for prompt in asked:  # the system prompt, then the question, in a model without a template
        system, question = prompt.split("\n\n")
        assert system == "Answer after ####." and question.endswith("=\n")
    assert set(completions.status) <= {"correct", "wrong"}
    evals = run.evals()
    assert set(evals.level) <= {"sums", "other/sums"} and len(set(evals.problem_id)) == 6
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["verifier"].startswith("math@")

    words = ("check", tmp_path / "rows.yaml", "-n", "4", "--sample", "9")
    said = command_here(*words, cache=tmp_path / "cache")
    assert "rows " + str(tmp_path / "verl.parquet") + ": 40 rows: ok" in said
    assert "\nsampled            6 held-out problems, one completion each at temperature 1" in said
    assert "\nbase's pass@1      0.00 (95 %: 0.00 to 0.39), 0 of 6 right\n" in said
    assert "\n  prompt           Answer after ####. " in said
    assert "\na run              about " in said and " rows to train on, " in said
    assert "\nwhat follows       the base solves none of the problems" in said


def test_rows_alone_are_sampled_in_the_models_template_as_long_as_it_takes(tmp_path: Path) -> None:
    made = MADE["verl"]
    task = NamedConfig.model_validate({"name": "rows", "path": str(make(tmp_path, 40)["verl"])})
    config = config_of_rows(task, None, "tiny-0.1m", 5)
    assert (config.prompt.format, config.generate.max_tokens) == ("plain", 128)
    assert verifier_of(config).name == made.verifier and config.evaluate.problems == 5


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_each_shape_is_run_scored_exported_and_read_back_equal(name: str, tmp_path: Path) -> None:
    made, cache = MADE[name], tmp_path / "cache"
    said = run_a_round(name, tmp_path, "engine.max_model_len=256")
    assert f"40 rows, {made.shape} (" in said
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["verifier"].startswith(f"{made.verifier}@")
    recorded = rlvr.load_run(tmp_path / "run").completions()
    assert set(recorded.status) <= {"correct", "wrong"} and len(recorded) == 16

    judge = ("--verifier", made.verifier)
    command_here("export", tmp_path / "run", "--shape", made.shape, "-o", tmp_path / "out",
                 cache=cache)  # fmt: skip
    exported, again = tmp_path / "out" / "completions.parquet", tmp_path / "again.parquet"
    assert known.read_items(exported)[0].name == made.shape
    command_here("score", exported, *judge, "-o", again, cache=cache)
    assert pd.read_parquet(again).status.tolist() == recorded.status.tolist()

    parts = {part: made.columns.get(part) for part in ("answer", "completion")}
    keys = [word for part, key in parts.items() if key for word in (f"--{part}-key", key)]
    path = tmp_path / made.file
    command_here("score", path, *judge, *keys, "-o", tmp_path / "s.parquet", cache=cache)
    status = pd.read_parquet(tmp_path / "s.parquet").status
    assert [one if isinstance(one, str) else one[0] for one in status] == ["correct", "wrong"] * 20
