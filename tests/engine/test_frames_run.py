"""What scripts, stranger's libraries and trackers get of a real run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support.command import Call
from support.events import sent
from support.runs import ARMS, ROUNDS, SEEDS, TINY, completions_of, files, round_of

import rlvr
from rlvr.config import load
from rlvr.records import record
from rlvr.verify.tasks import draw_problems

PLACES = [(seed, arm, round_) for seed in SEEDS for arm in ARMS for round_ in ROUNDS]


@pytest.fixture(scope="module")
def run(reference: Path) -> Path:
    return reference


def test_frames_are_what_the_run_recorded(run: Path) -> None:
    loaded = rlvr.load_run(run)
    whole = loaded.completions()
    prompts = {
        p.id: p.prompt for s in SEEDS for p in draw_problems(load(TINY).task, "train", 628, s, "")
    }
    assert (whole.prompt == whole.problem_id.map(prompts)).all()
    for seed, arm, round_ in PLACES:
        mine = loaded.completions(arm=arm, round=round_, seed=seed)
        theirs = completions_of(run, seed, arm, round_)
        for column in ("problem_id", "index", "text", "status", "reason", "kept"):
            assert mine[column].tolist() == theirs[column].tolist(), column
        assert mine.tokens.tolist() == theirs.token_ids.map(len).tolist()
        assert mine.logprob.tolist() == pytest.approx([float(sum(x)) for x in theirs.logprobs])
        assert (mine.sampled_from == theirs.arm).all()
    evals = loaded.evals(arm="verified", round=2, seed=7).query("kind == 'sample'")
    metrics = loaded.metrics.query(
        "arm == 'verified' and round == 2 and seed == 7 and level == 'all'"
    )
    (accuracy,) = metrics.query("metric == 'pass@1'").value
    assert (evals.status == "correct").mean() == pytest.approx(accuracy)
    assert loaded.comparison() == json.loads((run / "compare.json").read_text())


def test_what_is_exported_as_kept_is_what_was_trained_on(
    call: Call, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "kept"
    assert call("export", run, "--kept", "-o", out)[0] == 0
    kept = pd.read_parquet(out / "completions.parquet")
    for seed, arm, round_ in PLACES:
        rows = pd.read_parquet(round_of(run, seed, arm, round_) / "rows.parquet")
        mine = kept[(kept.seed == seed) & (kept.arm == arm) & (kept["round"] == round_)]
        for column in ("problem_id", "index", "status"):
            assert mine[column].tolist() == rows[column].tolist()
        for column in ("prompt_token_ids", "token_ids"):
            assert mine[column].map(tuple).tolist() == rows[column].map(tuple).tolist()


def greedy(run: Path) -> tuple[Path, list[str], list[list[int]]]:
    """Return an arm's last weights, held-out prompts, and the tokens recorded greedily."""
    place = round_of(run, 7, "verified", ROUNDS[-1])
    records = pd.read_parquet(place / "eval.parquet").query("kind == 'greedy'")
    prompts = {p.id: p.prompt for p in draw_problems(load(TINY).task, "eval", 32, 7, "")}
    texts = [prompts[problem_id] for problem_id in records.problem_id]
    return place / "model", texts, [list(ids) for ids in records.token_ids]


def test_the_last_weights_of_an_arm_are_those_that_plain_transformers_loads(run: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, prompts, recorded = greedy(run)
    model, tokenizer = (
        kind.from_pretrained(folder) for kind in (AutoModelForCausalLM, AutoTokenizer)
    )
    model.eval()
    for prompt, tokens in list(zip(prompts, recorded, strict=True))[:8]:
        given = tokenizer(prompt, return_tensors="pt")
        out = model.generate(**given, max_new_tokens=6, do_sample=False)
        assert out[0, given["input_ids"].shape[1] :].tolist() == tokens


@pytest.mark.slow
def test_the_last_weights_of_an_arm_are_those_that_plain_vllm_loads(
    run: Path, tmp_path: Path
) -> None:
    folder, prompts, recorded = greedy(run)
    told = tmp_path / "tokens.json"
    code = (
        "import json, sys, vllm\n"
        "folder, prompts, told = json.loads(sys.argv[1])\n"
        "llm = vllm.LLM(folder, generation_config='vllm', dtype='float32', enforce_eager=True)\n"
        "out = llm.generate(prompts, vllm.SamplingParams(temperature=0, max_tokens=6))\n"
        "json.dump([list(one.outputs[0].token_ids) for one in out], open(told, 'w'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps([str(folder), prompts, str(told)])],
        env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(told.read_text()) == recorded


def test_a_finished_run_is_sent_to_a_tracker_that_is_asked_for_later(
    call: Call, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    code, _, err = call("run", TINY, "report_to=tensorboard", "--out", folder)
    assert code == 0, err
    new = {name for name in files(folder) - files(run) if not name.startswith("tensorboard/")}
    assert new == {"trackers.json"}
    found = sent(folder)
    assert set(found) == {f"seed-{s}/{arm}" for s in SEEDS for arm in ("base", *ARMS)}
    rows = pd.read_parquet(folder / "metrics.parquet").query(
        "level == 'all' and metric == 'pass@1'"
    )
    for seed in SEEDS:
        mine = rows.query(f"seed == {seed} and arm == 'random'").sort_values("round")
        points = found[f"seed-{seed}/random"]["pass@1"]
        assert [step for step, _ in points] == list(ROUNDS)
        assert [value for _, value in points] == pytest.approx(mine.value.tolist())
    old, now = (json.loads((each / "config.json").read_text()) for each in (run, folder))
    assert old["hash"] == now["hash"] and now["config"]["report_to"] == ["tensorboard"]
    assert record.deciding(old["config"]) == record.deciding(now["config"])
