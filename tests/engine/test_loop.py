"""A whole run through the real command, and what it leaves: real vLLM, real TRL, real verifiers."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console
from support.command import Call, assert_refused
from support.here import run_here
from support.runs import (
    ARMS,
    ROUNDS,
    SEEDS,
    TINY,
    completions_of,
    files,
    kill_group,
    round_of,
    start_run,
    value,
)

from rlvr.config import load, resolved
from rlvr.data import InputError
from rlvr.loop import preflight, runner, sealing
from rlvr.loop.progress import Display
from rlvr.records import record
from rlvr.records.record import SUMS, deciding, digest
from rlvr.results.compare import read_results
from rlvr.results.sceptic import checks
from rlvr.verify.tasks import draw_problems

MODEL_FILES = {
    SUMS,
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "probes.json",
    "tokenizer.json",
    "tokenizer_config.json",
}
OUTCOMES = {"growth", "collapse", "no effect", "inconclusive"}


@pytest.fixture(scope="module")
def run(reference: Path) -> Path:
    return reference


# What a run leaves


def test_the_folder_is_as_the_design_says(run: Path) -> None:
    base = {"completions.parquet", "eval.parquet", "metrics.json", "amplified.json", SUMS}
    base |= {"sealed.json"}
    base |= {f"model/{name}" for name in MODEL_FILES}
    each = {"completions.parquet", "rows.parquet", "eval.parquet", "metrics.json", SUMS}
    each |= {"train.json", "sealed.json"}
    last = each | {f"model/{name}" for name in MODEL_FILES}
    expected = {"config.json", "manifest.json", "metrics.parquet", "timing.parquet"}
    expected |= {"compare.json", "compare.png", "compare.svg", ".lock"}
    for seed in SEEDS:
        expected |= {f"seed-{seed}/base/{name}" for name in base}
        for arm in ARMS:
            for round_ in ROUNDS:
                kept = last if round_ == ROUNDS[-1] else each
                expected |= {f"seed-{seed}/{arm}/round-{round_:03d}/{name}" for name in kept}
    assert files(run) == expected
    assert not [path for path in run.rglob("*") if path.is_dir() and path.name.startswith(".")]


def test_nothing_is_left_in_the_temporary_folder(run: Path) -> None:
    left = files(run.parent / "cache" / "tmp")
    # vLLM's rendezvous, one empty file an engine, is left by vLLM itself.
    assert {name for name in left if not name.startswith("vllm_dist_")} == set()


def test_config_and_manifest(run: Path) -> None:
    saved = json.loads((run / "config.json").read_text())
    plain = resolved(load(TINY))
    assert saved == {"config": plain, "hash": digest(deciding(plain))}
    manifest = json.loads((run / "manifest.json").read_text())
    assert {"torch", "transformers", "trl", "rlvr"} <= manifest["versions"].keys()
    assert manifest["verifier"].startswith("exact@") and manifest["processors"] >= 1


def test_every_round_is_sealed_under_the_same_hashes(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    config_hash = json.loads((run / "config.json").read_text())["hash"]
    wanted = sealing.hashes(config_hash, manifest["sealed"])
    rounds = list(run.rglob("seed-*/**/metrics.json"))
    assert len(rounds) == len(SEEDS) * (1 + len(ARMS) * len(ROUNDS))
    for path in rounds:
        assert json.loads(path.with_name("sealed.json").read_text()) == wanted
    assert {"verifier", "task", "data"} == manifest["sealed"].keys()
    asked = json.loads((run / "compare.json").read_text())["checks"]
    assert asked["rule"]["ok"] and f"sealed in all {len(rounds)} rounds" in asked["rule"]["found"]
    assert asked["inputs"]["ok"] and asked["near"]["ok"]


def test_a_margin_edited_by_hand_is_refused(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    saved = json.loads((folder / "config.json").read_text())
    saved["config"]["verdict"]["margin"] = 0.001
    saved["hash"] = digest(deciding(saved["config"]))
    record.write_json(folder / "config.json", saved)
    asked = {check.what: check for check in checks(read_results(folder))}
    assert not asked["rule"].ok and "config.json is edited" in asked["rule"].found
    display = Display(Console(quiet=True), "edited", 1, 0)
    with pytest.raises(InputError, match=r"was recorded \(hash .*verdict.margin 0.05 -> 0.001"):
        runner.run(load(TINY, ["verdict.margin=0.001"]), folder, display, str(TINY))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("round_", ROUNDS)
def test_every_completion_is_there_with_verdict_and_kept(
    run: Path, seed: int, arm: str, round_: int
) -> None:
    frame = completions_of(run, seed, arm, round_)
    config = load(TINY)
    problems = draw_problems(config.task, "train", 500 + 64 * 2, seed, "here")[
        500 + 64 * (round_ - 1) :
    ][:64]
    by_id = {problem.id: problem for problem in problems}
    assert len(frame) == 64 * 8
    assert frame.problem_id.tolist() == [p.id for p in problems for _ in range(8)]
    assert frame["index"].tolist() == list(range(8)) * 64
    assert set(frame.status) == {"correct", "wrong"}
    right = [
        by_id[i].reference == text for i, text in zip(frame.problem_id, frame.text, strict=True)
    ]
    assert (frame.status == "correct").tolist() == right
    assert (frame.seed == seed).all() and (frame["round"] == round_).all()
    assert set(frame.arm) == {"base" if round_ == 1 else arm}
    for row in frame.to_dict("records"):
        tokens = list(row["token_ids"])
        assert 1 <= len(tokens) <= 6 and len(row["logprobs"]) == len(tokens)
        assert (row["finish_reason"] == "stop") == (tokens[-1] == 1)
        assert all(logprob <= 0 for logprob in row["logprobs"])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("round_", ROUNDS)
def test_verified_keeps_what_is_correct_and_random_as_many(
    run: Path, seed: int, round_: int
) -> None:
    verified = completions_of(run, seed, "verified", round_)
    random = completions_of(run, seed, "random", round_)
    assert (verified.kept == (verified.status == "correct")).all()
    counts = verified[verified.kept].groupby("problem_id").size().to_dict()
    assert counts, "nothing was kept: the config no longer shows what it is for"
    assert random[random.kept].groupby("problem_id").size().to_dict() == counts
    assert (random[random.kept].status == "wrong").any()
    for arm in ARMS:
        assert value(run, seed, arm, round_, "kept") == (sum(counts.values()), 512)
    assert value(run, seed, "random", round_, "shortfall")[0] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_round_one_is_the_pool_of_the_base_in_every_arm(run: Path, seed: int) -> None:
    pool = pd.read_parquet(run / f"seed-{seed}" / "base" / "completions.parquet")
    assert not pool.kept.any()
    for arm in ARMS:
        shared = completions_of(run, seed, arm, 1)
        pd.testing.assert_frame_equal(shared.drop(columns="kept"), pool.drop(columns="kept"))


@pytest.mark.parametrize("seed", SEEDS)
def test_arms_meet_the_same_prompts(run: Path, seed: int) -> None:
    one, two = (completions_of(run, seed, arm, 2) for arm in ARMS)
    assert one.problem_id.tolist() == two.problem_id.tolist()
    assert one.prompt_token_ids.map(tuple).tolist() == two.prompt_token_ids.map(tuple).tolist()
    assert one.text.tolist() != two.text.tolist(), "the arms' models sample alike: are they one?"


def test_seeds_are_replicates(run: Path) -> None:
    bases = [(run / f"seed-{s}" / "base" / "model" / "model.safetensors") for s in SEEDS]
    assert bases[0].read_bytes() != bases[1].read_bytes()
    prompts = [
        set(completions_of(run, s, "verified", 1).prompt_token_ids.map(tuple)) for s in SEEDS
    ]
    assert len(prompts[0] & prompts[1]) < 8


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.parametrize("round_", ROUNDS)
def test_rows_are_the_kept_completions_token_for_token(
    run: Path, seed: int, arm: str, round_: int
) -> None:
    kept = completions_of(run, seed, arm, round_).query("kept")
    rows = pd.read_parquet(round_of(run, seed, arm, round_) / "rows.parquet")
    for column in ("problem_id", "index", "arm", "seed", "round", "status"):
        assert rows[column].tolist() == kept[column].tolist(), column
    for column in ("prompt_token_ids", "token_ids"):
        assert rows[column].map(tuple).tolist() == kept[column].map(tuple).tolist()
    manifest = json.loads((run / "manifest.json").read_text())
    assert set(rows.verifier) == {manifest["verifier"]}
    assert set(rows.why) == {"keep=verified" if arm == "verified" else "keep=random match=verified"}
    assert set(rows.source) == {"completion"}


def test_every_round_trains_the_same_steps_and_changes_the_weights(run: Path) -> None:
    for seed in SEEDS:
        weights = {(run / f"seed-{seed}/base/model/model.safetensors").read_bytes()}
        for arm in ARMS:
            weights.add((round_of(run, seed, arm, 2) / "model/model.safetensors").read_bytes())
            for round_ in ROUNDS:
                assert value(run, seed, arm, round_, "train_steps")[0] == 4
                assert value(run, seed, arm, round_, "sampled")[0] == 512
        assert len(weights) == 3


def test_metrics_are_in_long_form_and_follow_from_the_evaluations(run: Path) -> None:
    frame = pd.read_parquet(run / "metrics.parquet")
    assert list(frame.columns) == ["seed", "arm", "round", "metric", "level", "value", "n"]
    assert not frame.duplicated(["seed", "arm", "round", "metric", "level"]).any()
    places = {("base", 0), *((arm, round_) for arm in ARMS for round_ in ROUNDS)}
    assert {(row.arm, row.round) for row in frame.itertuples()} == places
    assert {"pass@1", "pass@2", "pass@4", "greedy", "real_nll", "truncated", "no_answer"} <= set(
        frame.metric
    )
    assert frame.value.notna().all()
    for seed in SEEDS:
        for arm, round_ in places:
            folder = (
                run / f"seed-{seed}/base" if arm == "base" else round_of(run, seed, arm, round_)
            )
            judged = pd.read_parquet(folder / "eval.parquet")
            samples = judged[judged.kind == "sample"]
            assert len(samples) == 32 * 4 and (samples.groupby("problem_id").size() == 4).all()
            right = samples.status == "correct"
            assert value(run, seed, arm, round_, "pass@1") == (pytest.approx(right.mean()), 32)
            solved = right.groupby(samples.problem_id).any().mean()
            assert value(run, seed, arm, round_, "pass@4") == (pytest.approx(solved), 32)
            greedy = judged[judged.kind == "greedy"]
            share = (greedy.status == "correct").mean()
            assert value(run, seed, arm, round_, "greedy") == (pytest.approx(share), 32)
            assert value(run, seed, arm, round_, "truncated")[0] == samples.truncated.mean()
            real = judged[judged.kind == "real"]
            assert real.problem_id.tolist() == greedy.problem_id.tolist()
            nll = -real.logprob.sum() / real.tokens.sum()
            assert value(run, seed, arm, round_, "real_nll") == (
                pytest.approx(nll),
                real.tokens.sum(),
            )
    assert set(frame[frame.arm == "base"].metric) >= {"best_temperature", "pass@1_best_temperature"}


def test_evaluation_is_on_held_out_problems_that_all_arms_share(run: Path) -> None:
    config = load(TINY)
    for seed in SEEDS:
        held_out = {problem.id for problem in draw_problems(config.task, "eval", 32, seed, "here")}
        for arm in ARMS:
            judged = pd.read_parquet(round_of(run, seed, arm, 2) / "eval.parquet")
            on_target = judged[~judged.kind.str.startswith("off_target.")]
            assert set(on_target.problem_id) == held_out


def test_off_target_tasks_are_measured_on_the_base_and_at_the_end(run: Path) -> None:
    frame = pd.read_parquet(run / "metrics.parquet")
    measured = frame[frame.metric.str.startswith("off_target.")]
    assert set(measured.metric) == {
        f"off_target.arithmetic.{name}" for name in ("pass@1", "greedy", "real_nll")
    }
    places = {("base", 0), *((arm, ROUNDS[-1]) for arm in ARMS)}
    assert {(row.arm, row.round) for row in measured.itertuples()} == places
    for seed in SEEDS:
        judged = pd.read_parquet(round_of(run, seed, "verified", 2) / "eval.parquet")
        samples = judged[judged.kind == "off_target.arithmetic.pass@1"]
        assert len(samples) == 16 * 2 and samples.problem_id.str.startswith("arithmetic/eval").all()
        figure, n = value(run, seed, "verified", 2, "off_target.arithmetic.pass@1")
        assert (figure, n) == (pytest.approx((samples.status == "correct").mean()), 32)
        assert value(run, seed, "verified", 2, "off_target.arithmetic.real_nll")[0] > 0


def test_real_nll_is_transformers(run: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = round_of(run, 7, "verified", 2) / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    total, count = 0.0, 0
    for problem in draw_problems(load(TINY).task, "eval", 32, 7, "here"):
        prompt = tokenizer(problem.prompt)["input_ids"]
        solution = [*tokenizer(str(problem.solution))["input_ids"], tokenizer.eos_token_id]
        ids = torch.tensor([prompt + solution])
        with torch.no_grad():
            logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
        total -= logprobs.gather(1, ids[0, 1:, None])[-len(solution) :].sum().item()
        count += len(solution)
    assert value(run, 7, "verified", 2, "real_nll") == (
        pytest.approx(total / count, abs=1e-4),
        count,
    )


def test_the_final_model_is_the_evaluated_one_in_plain_transformers(run: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = round_of(run, 8, "verified", 2)
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    judged = pd.read_parquet(folder / "eval.parquet").query("kind == 'greedy'")
    texts = dict(zip(judged.problem_id, judged.text, strict=True))
    for problem in draw_problems(load(TINY).task, "eval", 32, 8, "here")[:8]:
        ids = torch.tensor([tokenizer(problem.prompt)["input_ids"]])
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=6
        )
        text = tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)
        assert text == texts[problem.id]


def test_timing_names_every_stage(run: Path) -> None:
    frame = pd.read_parquet(run / "timing.parquet")
    for seed in SEEDS:
        base = set(frame[(frame.seed == seed) & (frame.arm == "base")].stage)
        assert {"warm start", "generate", "verify", "evaluate", "best temperature"} <= base
        for arm in ARMS:
            second = frame[(frame.seed == seed) & (frame.arm == arm) & (frame["round"] == 2)]
            assert {"generate", "verify", "select", "train", "sync", "evaluate"} <= set(
                second.stage
            )
            assert (second.seconds > 0).all()
    sampled = frame[(frame.stage == "generate")]
    assert (sampled.tokens > 512).all() and (sampled.tokens_per_second > 0).all()


def test_compare_json_has_the_schema_of_the_design(run: Path) -> None:
    compared: dict[str, Any] = json.loads((run / "compare.json").read_text())
    parts = ("rule", "arms", "contrasts", "verdicts", "rulings", "why", "conditions", "checks")
    assert compared.keys() == set(parts)
    assert compared["arms"].keys() == set(ARMS)
    for metrics in compared["arms"].values():
        assert {"pass@1", "pass@4", "greedy", "real_nll"} <= metrics.keys()
        for found in metrics.values():
            assert found.keys() == {"base", "final", "delta", "ci95", "p_holm", "seeds"}
            assert len(found["ci95"]) == 2
    assert compared["contrasts"].keys() == {"verified-random"}
    for found in compared["contrasts"]["verified-random"].values():
        assert found.keys() == {"delta", "ci95", "p_holm"}
    # Two seeds prove nothing.
    assert compared["verdicts"] == dict.fromkeys(ARMS, "inconclusive")
    assert compared["why"].keys() == set(ARMS)
    text = json.dumps(compared)
    assert str(run) not in text and "/tmp" not in text
    base, final = (
        compared["arms"]["verified"]["pass@1"]["base"],
        compared["arms"]["verified"]["pass@1"],
    )
    assert base == pytest.approx(sum(value(run, s, "base", 0, "pass@1")[0] for s in SEEDS) / 2)
    assert final["delta"] == pytest.approx(final["final"] - base)


def test_what_was_said_is_a_line_a_round_then_the_table(run: Path) -> None:
    out = (run.parent / "out.txt").read_text()
    lines = out.splitlines()
    for seed in SEEDS:
        for arm in ARMS:
            for round_ in ROUNDS:
                start = f"seed {seed}  {arm:<12} round {round_}  pass@1"
                assert sum(line.startswith(start) for line in lines) == 1, start
    for words in ("signs of collapse", "inconclusive", str(run / "compare.png"), "rlvr compare"):
        assert words in " ".join(lines), words
    assert "\x1b" not in out, "colours and cursors in a pipe"


def test_a_refused_process_leaves_the_folder_of_another_that_was_quicker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, folder = record.locked, tmp_path / "run"
    with ExitStack() as other:

        def late(run: Path) -> Any:
            other.enter_context(locked(run))
            (run / "theirs").touch()
            return locked(run)

        monkeypatch.setattr(record, "locked", late)
        display = Display(Console(quiet=True), "late", 1, 0)
        with pytest.raises(InputError, match="another run is using this folder"):
            runner.run(load(TINY), folder, display, str(TINY))
        assert {path.name for path in folder.iterdir()} == {".lock", "theirs"}


def test_no_git_no_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert preflight._commit() is None


def test_the_same_command_again_does_nothing_but_compare(run: Path) -> None:
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in run.rglob("seed-*/**/*")
        if path.is_file()
    }
    compared = (run / "compare.json").read_bytes()
    out = run_here(run, run.parent / "cache")
    after = {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in run.rglob("seed-*/**/*")
        if path.is_file()
    }
    assert after == before
    assert (run / "compare.json").read_bytes() == compared
    said = (run.parent / "out.txt").read_text()
    table = said[said.index("tiny, seeds") :]
    assert table.strip() in out
    assert "round 1" not in out.replace(table, "")


# Other runs


def test_an_arm_runs_alike_whatever_runs_with_it(
    run: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One seed, one arm, every checkpoint kept: all is as it was in company.

    And the warm start is not trained again: it comes from the cache, which is left as it was.
    """
    cache = run.parent / "cache"
    cached = sorted((cache / "warm-start").iterdir())
    assert len(cached) == len(SEEDS)
    stamps = [path.stat().st_mtime_ns for path in cached]
    folder = tmp_path_factory.mktemp("alone") / "run"
    run_here(folder, cache, "seeds=[8]", "arms=[verified]", "checkpoints=all")
    assert [path.stat().st_mtime_ns for path in sorted((cache / "warm-start").iterdir())] == stamps
    timing = pd.read_parquet(folder / "timing.parquet").set_index("stage")
    fresh = pd.read_parquet(run / "timing.parquet").query("stage == 'warm start'")
    assert timing.loc["warm start", "seconds"] < fresh.seconds.min() / 2
    for name in ("base/model/model.safetensors", "base/metrics.json"):
        assert (folder / "seed-8" / name).read_bytes() == (run / "seed-8" / name).read_bytes()
    for round_ in ROUNDS:
        ours, theirs = (round_of(each, 8, "verified", round_) for each in (folder, run))
        assert (ours / "metrics.json").read_bytes() == (theirs / "metrics.json").read_bytes()
        assert (ours / "model" / "model.safetensors").is_file(), "checkpoints: all keeps each"
        pd.testing.assert_frame_equal(
            completions_of(folder, 8, "verified", round_),
            completions_of(run, 8, "verified", round_),
        )
    last = "model/model.safetensors"
    assert (ours / last).read_bytes() == (theirs / last).read_bytes()


def test_second_run_on_a_folder_is_refused_while_the_first_goes_on(
    call: Call, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("first")
    process = start_run(elsewhere / "run", elsewhere / "cache")
    try:
        end = time.monotonic() + 120
        while not (elsewhere / "run" / "manifest.json").exists():
            assert process.poll() is None and time.monotonic() < end, "the first run did not start"
            time.sleep(0.05)
        words = [str(elsewhere / "run"), "another run", "--out"]
        config = (elsewhere / "run" / "config.json").read_bytes()
        assert_refused(call, words, "run", TINY, "--out", elsewhere / "run")
        assert process.poll() is None, "the first run was disturbed"
        assert (elsewhere / "run" / "config.json").read_bytes() == config
    finally:
        kill_group(process)


HARSH = '''"""Nothing in training is right; every fourth held-out problem can't be decided."""
from rlvr.data import Verdict

def verify(problem, completion):
    if problem.split == "eval" and int(problem.id.rsplit("/", 1)[1]) % 4 == 0:
        return Verdict("abstain", "can't say")
    return Verdict("wrong", "never right")
'''


HARSHLY = (
    "verifier={}:verify seeds=[7] checkpoints=all "
    'arms=[verified,random,real,accumulate,{{"name":"frozen","keep":"all","author":"base"}}]'
)


@pytest.fixture(scope="module")
def harsh(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("harsh")
    (folder / "harsh.py").write_text(HARSH)
    overrides = HARSHLY.format(folder / "harsh.py").split()
    (folder / "out.txt").write_text(run_here(folder / "run", folder / "cache", *overrides))
    return folder / "run"


@pytest.mark.parametrize("arm", ["verified", "random"])
def test_a_round_without_rows_is_recorded_and_the_loop_goes_on(harsh: Path, arm: str) -> None:
    base = harsh / "seed-7/base"
    for round_ in ROUNDS:
        folder = round_of(harsh, 7, arm, round_)
        assert pd.read_parquet(folder / "rows.parquet").empty
        assert len(completions_of(harsh, 7, arm, round_)) == 512
        for metric in ("kept", "rows", "train_steps", "train_tokens"):
            assert value(harsh, 7, arm, round_, metric)[0] == 0
        for name in MODEL_FILES:
            assert (folder / "model" / name).read_bytes() == (base / "model" / name).read_bytes()
        ours, theirs = (
            pd.read_parquet(path / "eval.parquet")
            .query("kind == 'greedy'")
            .assign(token_ids=lambda frame: frame.token_ids.map(tuple))
            .fillna("")
            .to_dict("list")
            for path in (folder, base)
        )
        assert ours == theirs


def test_real_trains_on_fresh_solutions_of_the_rounds_prompts(harsh: Path) -> None:
    for round_ in ROUNDS:
        rows = pd.read_parquet(round_of(harsh, 7, "real", round_) / "rows.parquet")
        prompts = completions_of(harsh, 7, "verified", round_).problem_id.unique().tolist()
        assert rows.problem_id.tolist() == prompts and set(rows.source) == {"real"}
        assert completions_of(harsh, 7, "real", round_).empty
        assert value(harsh, 7, "real", round_, "sampled")[0] == 0
        assert value(harsh, 7, "real", round_, "train_steps")[0] == 4
    problems = {p.id: p for p in draw_problems(load(TINY).task, "train", 628, 7, "here")}
    for row in rows.to_dict("records"):
        # One token a byte: prompt and solution with the EOS at the end.
        assert len(row["token_ids"]) == len(str(problems[row["problem_id"]].solution)) + 1
        assert list(row["token_ids"])[-1] == 1


def test_accumulate_keeps_the_warm_start_and_every_round(harsh: Path) -> None:
    first, second = (
        pd.read_parquet(round_of(harsh, 7, "accumulate", round_) / "rows.parquet")
        for round_ in ROUNDS
    )
    assert first.source.tolist() == ["warm-start"] * 500 + ["completion"] * 512
    assert first.why.iloc[-1] == "keep=all"
    pd.testing.assert_frame_equal(second.iloc[:1012], first)
    assert len(second) == 1012 + 512 and (second["round"].iloc[1012:] == 2).all()
    assert value(harsh, 7, "accumulate", 2, "kept")[0] == 512
    assert value(harsh, 7, "accumulate", 2, "rows")[0] == 1524


def test_an_arm_whose_author_is_the_base_learns_what_the_base_wrote_in_every_round(
    harsh: Path,
) -> None:
    # `verified` keeps nothing here: in round 2 its weights are still those of the base.
    for round_ in ROUNDS:
        theirs, ours = (completions_of(harsh, 7, arm, round_) for arm in ("verified", "frozen"))
        assert ours.text.tolist() == theirs.text.tolist()
        assert value(harsh, 7, "frozen", round_, "kept")[0] == 512
    others = completions_of(harsh, 7, "accumulate", 2)
    assert others.text.tolist() != ours.text.tolist()


def test_what_can_not_be_decided_is_excluded_counted_and_bounded(harsh: Path) -> None:
    for arm, round_ in (("base", 0), ("verified", 2), ("accumulate", 1)):
        assert value(harsh, 7, arm, round_, "pass@1") == (0.0, 24)
        assert value(harsh, 7, arm, round_, "greedy") == (0.0, 24)
        assert value(harsh, 7, arm, round_, "pass@1_low") == (0.0, 32)
        assert value(harsh, 7, arm, round_, "pass@1_high") == (0.25, 32)
        assert value(harsh, 7, arm, round_, "excluded_abstain") == (32.0, 128)
        assert value(harsh, 7, arm, round_, "excluded_error")[0] == 0
    assert value(harsh, 7, "base", 0, "verifier_undecided") == (0.25, 64)
    out = (harsh.parent / "out.txt").read_text()
    said = "decides nothing on 16 of 64 real and corrupted solutions, first: abstain: can't say"
    assert said in out
    assert "decides nothing on 25.0% of them" in " ".join(out.split())
    assert "worst" in out.lower(), "the tables don't show the worst case"
    assert "completions excluded" in " ".join(out.split())


def test_a_verifier_edited_after_its_rounds_is_refused_and_nothing_is_written(
    harsh: Path,
) -> None:
    path = harsh.parent / "harsh.py"
    before = {one: one.read_bytes() for one in harsh.rglob("*") if one.is_file()}
    config = load(TINY, HARSHLY.format(path).split())
    display = Display(Console(quiet=True), "edited", 1, 0)
    path.write_text(HARSH + "# edited\n")
    try:
        with pytest.raises(InputError, match=r"another verifier: .*harsh.py \(\w{12} -> \w{12}\)"):
            runner.run(config, harsh, display, str(TINY))
    finally:
        path.write_text(HARSH)
    assert {one: one.read_bytes() for one in harsh.rglob("*") if one.is_file()} == before


def test_the_verifiers_source_is_in_the_record(harsh: Path, run: Path) -> None:
    versions = [
        json.loads((each / "manifest.json").read_text())["verifier"] for each in (harsh, run)
    ]
    assert versions[0].startswith(f"{harsh.parent / 'harsh.py'}:verify@")
    rows = pd.read_parquet(round_of(harsh, 7, "accumulate", 1) / "rows.parquet")
    assert set(rows.verifier) == {"", versions[0]}
