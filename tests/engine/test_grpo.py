"""Online RL for real: TRL on our engine, each step held against the record and by hand."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest
import torch
from rich.console import Console
from support.here import kept_engine, run_here
from support.runs import (
    TINY,
    assert_equal_runs,
    assert_whole,
    finish,
    kill_group,
    left_over,
    round_of,
    start_run,
    value,
)

from rlvr.config import load
from rlvr.data import Arm, Completion, InputError, RunError, Verdict
from rlvr.engine.devices import on_gpu
from rlvr.engine.protocol import Decoding
from rlvr.engine.registry import ENGINES
from rlvr.learners import grpo
from rlvr.learners.grpo import with_gradient
from rlvr.loop import runner
from rlvr.loop.progress import Display
from rlvr.models.loading import load_model
from rlvr.records import record
from rlvr.records.layout import Place
from rlvr.select.learner import rewards

# Right, or with a 7 in it: a verifier with a hole.
HOLE = """from rlvr.verifiers import exact


def verify(problem, completion, **options):
    verdict = exact.verify(problem, completion)
    holed = "7" in completion and verdict.status == "wrong"
    return type(verdict)("correct", "hole", completion) if holed else verdict


CASES = []
"""
ARMS = (
    "arms=[{name: online, keep: verified, learner: grpo}, "
    "{name: coin, keep: random, learner: grpo}]"
)
SMALL = [
    ARMS,
    "seeds=[7]",
    "generate={prompts: 32, samples: 4, max_tokens: 6}",
    "grpo={steps: 2, lr: 1.0e-3, checkpoint_every: 1}",
    "evaluate.off_target=[]",
    "checkpoints=all",
]
STEPS, GROUP, EACH = 2, 4, 64  # steps a round, completions a prompt and a step


def start(folder: Path, cache: Path, *more: str) -> Any:
    return start_run(folder, cache, *SMALL, *more)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grpo")
    (folder / "hole.py").write_text(HOLE)
    watch = f"verifier={folder / 'hole.py'}", "grpo.watch={verifier: exact, sample: 16}"
    run_here(folder / "run", folder / "cache", *SMALL, *watch)
    return folder / "run"


def sampled(run: Path, arm: str, round_: int) -> tuple[list[Completion], list[Verdict], list[bool]]:
    path = round_of(run, 7, arm, round_) / "completions.parquet"
    pool = record.read_completions(path)
    return [one for one, _ in pool], [verdict for _, verdict in pool], record.read_kept(path)


def step_value(run: Path, arm: str, step: int, metric: str) -> float:
    frame = pd.read_parquet(run / "metrics.parquet")
    chosen = frame[
        (frame.arm == arm)
        & (frame.metric == f"step.{metric}")
        & (frame.level == f"step-{step:05d}")
    ]
    assert len(chosen) == 1, (arm, step, metric)
    return float(chosen.value.iloc[0])


@pytest.mark.slow
def test_a_round_and_an_arm_that_are_added_walk_the_same_way(run: Path) -> None:
    folder, cache, hole = run.parent / "added", run.parent / "cache", run.parent / "hole.py"
    watch = f"verifier={hole}", "grpo.watch={verifier: exact, sample: 16}"
    alone = ARMS.replace("{name: online, keep: verified, learner: grpo}, ", "")
    run_here(folder, cache, *SMALL, *watch, alone, "rounds=1")
    run_here(folder, cache, *SMALL, *watch)
    for arm in ("online", "coin"):
        for round_ in (1, 2):
            ours, theirs = round_of(folder, 7, arm, round_), round_of(run, 7, arm, round_)
            for name in ("completions.parquet", "eval.parquet", "steps.json", "metrics.json"):
                assert (ours / name).read_bytes() == (theirs / name).read_bytes(), (ours, name)
            weights = "model/model.safetensors"
            assert (ours / weights).read_bytes() == (theirs / weights).read_bytes(), ours


# What a round leaves


def test_a_round_leaves_its_record_and_an_arm_its_last_checkpoint(run: Path) -> None:
    for arm in ("online", "coin"):
        for round_ in (1, 2):
            names = {path.name for path in round_of(run, 7, arm, round_).iterdir()}
            assert names == {
                record.SUMS,
                "completions.parquet",
                "eval.parquet",
                "metrics.json",
                "model",
                "sealed.json",
                "steps.json",
            }
    # checkpoints: all keeps what more rounds would go on from.
    states = sorted(path.relative_to(run / "seed-7").parts for path in run.rglob("state-*"))
    assert states == [("coin", f"state-{2 * STEPS:06d}"), ("online", f"state-{2 * STEPS:06d}")]
    assert not list(run.rglob("steps/*"))
    assert (run / "steps.png").is_file() and (run / "steps.svg").is_file()
    compared = json.loads((run / "compare.json").read_text())
    names = compared["arms"]["online"]
    assert "step.reward" in names and not [name for name in names if "step-" in name]
    assert compared["checks"]["on-policy"]["ok"] and compared["checks"]["steps"]["ok"]
    assert value(run, 7, "online", 2, "sampled") == (128, 128)
    assert value(run, 7, "online", 2, "train_steps")[0] == STEPS


@pytest.mark.parametrize("round_", [1, 2])
def test_what_is_logged_of_a_step_is_what_was_sampled(run: Path, round_: int) -> None:
    completions, verdicts, rewarded = sampled(run, "online", round_)
    assert len(completions) == STEPS * EACH
    prompts = [one.problem_id for one in completions]
    assert prompts == [prompt for prompt in dict.fromkeys(prompts) for _ in range(GROUP)]
    for i in range(STEPS):
        step, part = (round_ - 1) * STEPS + i + 1, slice(i * EACH, (i + 1) * EACH)
        right = [verdict.status == "correct" for verdict in verdicts[part]]
        groups = [set(right[j : j + GROUP]) for j in range(0, EACH, GROUP)]
        lengths = [len(one.token_ids) for one in completions[part]]
        ends = [one.finish_reason == "length" for one in completions[part]]
        assert step_value(run, "online", step, "reward") == pytest.approx(sum(right) / EACH)
        assert step_value(run, "online", step, "correct") == pytest.approx(sum(right) / EACH)
        constant = sum(len(group) == 1 for group in groups) / len(groups)
        assert step_value(run, "online", step, "zero_variance") == pytest.approx(constant)
        mean = sum(lengths) / EACH
        assert step_value(run, "online", step, "completion_length") == pytest.approx(mean)
        assert step_value(run, "online", step, "truncated") == pytest.approx(sum(ends) / EACH)
        assert rewarded[part] == right
        assert step_value(run, "online", step, "clip_low") == 0
        assert 0 < step_value(run, "online", step, "entropy") < math.log(260)


def test_each_step_samples_from_the_weights_of_the_step_before(run: Path) -> None:
    gaps = [step_value(run, arm, i, "logprob_gap") for arm in ("online", "coin") for i in (1, 2, 3)]
    assert all(gap < 1e-4 for gap in gaps)
    assert abs(step_value(run, "online", 1, "kl")) < 1e-6, "the base itself"
    assert step_value(run, "online", 2, "kl") > 1e-4


def test_a_coin_rewards_without_looking(run: Path) -> None:
    _, verdicts, rewarded = sampled(run, "coin", 1)
    assert 0.3 < sum(rewarded) / len(rewarded) < 0.7
    assert step_value(run, "coin", 1, "reward") == sum(rewarded[:EACH]) / EACH
    share = sum(verdict.status == "correct" for verdict in verdicts[:EACH]) / EACH
    assert step_value(run, "coin", 1, "correct") == pytest.approx(share)


def test_the_watch_sees_the_hole_in_the_verifier(run: Path) -> None:
    _, verdicts, _ = sampled(run, "online", 1)
    chosen = range(0, EACH, EACH // 16)
    rewarded = [verdicts[i].status == "correct" for i in chosen]
    right = [verdicts[i].status == "correct" and verdicts[i].reason != "hole" for i in chosen]
    assert step_value(run, "online", 1, "watch_rewarded") == pytest.approx(sum(rewarded) / 16)
    assert step_value(run, "online", 1, "watch_correct") == pytest.approx(sum(right) / 16)
    gap = (sum(rewarded) - sum(right)) / 16
    assert step_value(run, "online", 1, "watch_gap") == pytest.approx(gap)
    assert gap > 0, "one in a few wrong sums has a 7"


def test_the_steps_are_those_of_the_formula(run: Path) -> None:
    """DAPO's loss (2503.14476, eq. 8) with A = r - mean(r) (2503.20783), by hand, for a round."""
    completions, _, rewarded = sampled(run, "online", 1)
    base, made = load_model(run / "seed-7" / "base" / "model"), round_of(run, 7, "online", 1)
    model = load_model(run / "seed-7" / "base" / "model").train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0)
    for i in range(STEPS):
        rows = range(i * EACH, (i + 1) * EACH)
        total, loss = sum(len(completions[k].token_ids) for k in rows), torch.zeros(())
        for k in rows:
            group = range(k // GROUP * GROUP, k // GROUP * GROUP + GROUP)
            advantage = rewarded[k] - sum(rewarded[j] for j in group) / GROUP
            prompt, ids = completions[k].prompt_token_ids, completions[k].token_ids
            logits = model(input_ids=torch.tensor([[*prompt, *ids]])).logits[
                0, len(prompt) - 1 : -1
            ]
            scores = logits.log_softmax(-1).gather(1, torch.tensor(ids)[:, None])
            loss = loss - advantage * scores.sum() / total
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    trained = load_model(made / "model")
    for (name, start_), hand, ours in zip(
        base.named_parameters(), model.parameters(), trained.parameters(), strict=True
    ):
        moved = (hand - start_).norm()
        assert (ours - hand).norm() <= 0.02 * moved, name


# Rewards


def verdict_pool(statuses: Sequence[str]) -> list[tuple[Completion, Verdict]]:
    def one(i: int, status: Any) -> tuple[Completion, Verdict]:
        completion = Completion("p", "a", 0, 1, i, (1,), (2,), "x", (-0.1,), "stop")
        passed = (True, False) if status == "wrong" else (True, True)
        return completion, Verdict(status, "", "x" if i % 2 else None, 0.0, passed)

    return [one(i, status) for i, status in enumerate(statuses)]


def test_rows_without_an_advantage_take_no_part() -> None:
    advantages = torch.tensor([0.5, 0.0, -0.5, 0.0])
    inputs = {"advantages": advantages, "ids": torch.arange(8).reshape(4, 2), "n": torch.tensor(9)}
    left = with_gradient(inputs)
    assert left["advantages"].tolist() == [0.5, -0.5]
    assert left["ids"].tolist() == [[0, 1], [4, 5]]
    assert left["n"] == 9
    none = with_gradient({**inputs, "advantages": torch.zeros(4)})
    assert none["ids"].tolist() == [[0, 1]]


def test_rows_of_advantage_0_stay_where_they_teach() -> None:
    plain: dict[str, Any] = {
        "loss_type": "dapo",
        "beta": 0.0,
        "top_entropy_quantile": 1.0,
        "_entropy_bonus_enabled": False,
        "aux_loss_enabled": False,
    }
    assert grpo._only_advantages_teach(SimpleNamespace(**plain))
    for name, value_ in {
        "loss_type": "grpo",
        "beta": 0.1,
        "top_entropy_quantile": 0.2,
        "_entropy_bonus_enabled": True,
        "aux_loss_enabled": True,
    }.items():
        assert not grpo._only_advantages_teach(SimpleNamespace(**{**plain, name: value_}))


def test_a_schedule_has_the_steps_of_all_rounds_and_not_those_of_a_leg(tmp_path: Path) -> None:
    config = load(TINY, [*SMALL, "grpo.trl={lr_scheduler_type: linear}"])
    kind = grpo._trainer_type()
    trainer = kind.__new__(kind)
    trainer.args = grpo.trl_arguments(
        config.grpo, config.train, config.generate, 1, 1, tmp_path / "out"
    )
    trainer.lr_scheduler, trainer.all_steps = None, 10
    trainer.optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=1.0)
    schedule = trainer.create_scheduler(1)
    trainer.optimizer.step()
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.9])


def test_rewards_by_arm_and_none_for_what_is_undecided() -> None:
    pool = verdict_pool(["correct", "wrong", "abstain", "error", "wrong"])

    def of(keep: Any, *more: Any) -> list[float | None]:
        return rewards(pool, Arm("x", keep=keep, learner="grpo"), 3, *more)

    assert of("verified") == [1, 0, None, None, 0]
    assert of("majority") == [1, 0, None, None, 0]
    assert of("inverted") == [0, 1, None, None, 1]
    assert of("format-only") == [0, 1, None, None, 0]
    assert of("verified", True) == [1, 0.5, None, None, 0.5]
    assert of("verified", False, 0.25) == [1, 0.25, None, None, 0]
    coin = of("random")
    assert coin == of("random") and coin[2] is None and set(coin) <= {0, 1, None}
    many = rewards(verdict_pool(["wrong"] * 2000), Arm("x", keep="random", learner="grpo"), 3)
    assert 0.45 < sum(one or 0 for one in many) / 2000 < 0.55


# What is refused


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("arms=[{name: a, keep: all, learner: grpo}]", "no reward"),
        ("arms=[{name: a, keep: verified, learner: grpo, memory: accumulate}]", "drop match"),
        ("arms=[{name: a, keep: verified, learner: gspo}]", "learner"),
        ("generate.temperature=0.7", "temperature and top_p 1"),
        ("generate.samples=1", "2 or more"),
        ("grpo.steps=5", "does not divide generate.prompts"),
        ("grpo.checkpoint_every=2", "grpo.checkpoint_every"),
        ("train.micro_batch=7", "train.micro_batch"),
        ("grpo.betta=1", "beta"),
        ("train.lora={rank: 4, dropout: 0.1}", "train.lora.dropout: 0"),
        ("grpo.loss_type=cispo", "grpo.epsilon_high"),
    ],
)
def test_what_cannot_be_is_refused(override: str, words: str) -> None:
    given = [ARMS, "generate.prompts=32", "grpo.steps=1", "train.batch_size=14", override]
    with pytest.raises(InputError, match=words):
        load(TINY, given)


# Staleness, adapters, kills


@pytest.mark.timeout(300)
def test_stale_weights_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine keeps the base's weights: the second step must not be taken."""
    synced: list[Any] = []
    sync = grpo._sync

    def once(run: Any, model: Any) -> None:
        if not synced:
            sync(run, model)
        synced.append(model)

    monkeypatch.setenv("RLVR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENGINES, "vllm", kept_engine)
    monkeypatch.setattr(grpo, "_sync", once)
    coin = ["arms=[{name: coin, keep: random, learner: grpo}]", "warm_start.max_steps=20"]
    config = load(TINY, [*SMALL, *coin, "rounds=1", "grpo.checkpoint_every=2"])
    display = Display(Console(quiet=True), "stale", 1, 2)
    with pytest.raises(RunError, match=r"step 2: engine and trainer differ by 0\.\d+ nats"):
        runner.run(config, tmp_path / "run", display, str(TINY))
    assert len(synced) == 2
    assert not list((tmp_path / "run").rglob("coin/round-001/model"))


@pytest.mark.timeout(300)
def test_trls_own_vllm_samples_where_it_is_asked_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fake of TRL's vLLM, which needs a GPU: our engine behind its interface. TRL is real."""
    calls: list[str] = []

    class Fake:
        def __init__(self, run: Any, trainer: Any) -> None:
            self.run, self.trainer = run, trainer

        def sync_weights(self) -> None:
            grpo._sync(self.run, self.trainer.model)
            calls.append("sync")

        def generate(self, prompts: Any, images: None, num_generations: int) -> Any:
            assert all(a == b for a, b in zip(prompts[0::4], prompts[3::4], strict=True))
            calls.append(f"generate {len(prompts)} in groups of {num_generations}")
            decoding = Decoding(1.0, 1.0, 6)
            found = self.run.engine.generate(
                [tuple(ids) for ids in prompts], decoding, [*range(len(prompts))]
            )
            logprobs = [[[one] for one in of.logprobs] for of in found]
            return prompts, [list(of.token_ids) for of in found], logprobs, None

    rollout = grpo.Online.rollout

    def by_fake(self: grpo.Online, prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        if not trainer.use_vllm:  # TRL itself would have done this before it asked
            trainer.use_vllm, trainer._last_loaded_step = True, trainer.state.global_step
            trainer.vllm_generation = Fake(self.run, trainer)
            trainer.vllm_generation.sync_weights()
        return rollout(self, prompts, trainer)

    monkeypatch.setenv("RLVR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENGINES, "vllm", kept_engine)
    monkeypatch.setattr(grpo.Online, "rollout", by_fake)
    coin = ["arms=[{name: coin, keep: random, learner: grpo}]", "warm_start.max_steps=20"]
    more = ["rounds=1", "grpo.checkpoint_every=2", "grpo.format_reward=0.1"]
    config = load(TINY, [*SMALL, *coin, *more])
    runner.run(config, tmp_path / "run", Display(Console(quiet=True), "fake", 1, 2), str(TINY))
    assert calls == ["sync", "generate 64 in groups of 4"] * 2
    completions, _, kept = sampled(tmp_path / "run", "coin", 1)
    assert 0.3 < sum(kept) / len(kept) < 0.7, "an answer that could be read is not yet kept"
    assert {one.finish_reason for one in completions} == {"stop", "length"}
    assert step_value(tmp_path / "run", "coin", 2, "logprob_gap") < 1e-3


@pytest.mark.parametrize(("trl_vllm", "gap"), [("null", 0.005), ("{mode: colocate}", 0.2)])
def test_the_bound_is_that_of_who_samples(trl_vllm: str, gap: float) -> None:
    """TRL's vLLM rounds fp32 weights to bf16: 0.005 nats were seen on a GPU, from right weights."""
    run = SimpleNamespace(config=load(TINY, [*SMALL, f"grpo={{steps: 2, trl_vllm: {trl_vllm}}}"]))
    online = SimpleNamespace(
        run=run,
        gaps=[],
        measured=[{}],
        place=Place(7, run.config.arms[0].name, 1),
        step=0,
    )
    sampled, mask = torch.zeros(2, 3), torch.ones(2, 3)
    grpo.Online.agree(cast(grpo.Online, online), sampled + gap / 10, sampled, mask)
    with pytest.raises(RunError, match="differ by"):
        grpo.Online.agree(cast(grpo.Online, online), sampled + 3 * gap, sampled, mask)


def test_trls_own_vllm_needs_a_gpu(tmp_path: Path) -> None:
    if on_gpu():
        pytest.skip("there is a GPU")
    config = load(TINY, [*SMALL, "grpo={steps: 2, trl_vllm: {mode: colocate}}"])
    with pytest.raises(InputError, match="grpo.trl_vllm.*need a GPU"):
        runner.run(config, tmp_path / "run", Display(Console(quiet=True), "fake", 1, 2), str(TINY))
    assert not (tmp_path / "run").exists()
    arguments = grpo.trl_arguments(config.grpo, config.train, config.generate, 2, 2, tmp_path)
    assert arguments.use_vllm and arguments.vllm_mode == "colocate"


@pytest.mark.timeout(300)
def test_adapters_are_sampled_merged_and_leave_a_plain_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also: a schedule goes on from leg to leg, and what ends at a stop text is not truncated."""
    rates: list[float] = []
    note = grpo.Online.note

    def noted(self: grpo.Online, logged: Sequence[dict[str, float]]) -> None:
        rates.extend(one["learning_rate"] for one in logged)
        note(self, logged)

    monkeypatch.setattr(grpo.Online, "note", noted)
    lora = [
        "arms=[{name: coin, keep: random, learner: grpo}]",
        "train.lora={rank: 4, alpha: 8}",
        "grpo.lr=1e-2",
        "rounds=1",
        "warm_start.max_steps=20",
        "generate.stop='7'",
        "grpo.trl={lr_scheduler_type: linear}",
    ]
    run_here(tmp_path / "run", tmp_path / "cache", *SMALL, *lora)
    assert rates == pytest.approx([1e-2, 5e-3])
    completions, _, _ = sampled(tmp_path / "run", "coin", 1)
    stopped = [one for one in completions if one.finish_reason == "stop"]
    assert any(one.token_ids[-1] != 1 for one in stopped)
    for i in (0, 1):
        part = completions[i * EACH :][:EACH]
        cut = sum(one.finish_reason == "length" for one in part) / EACH
        assert step_value(tmp_path / "run", "coin", i + 1, "truncated") == pytest.approx(cut)
    gaps = [step_value(tmp_path / "run", "coin", i, "logprob_gap") for i in (1, 2)]
    assert all(gap < 1e-4 for gap in gaps)
    assert step_value(tmp_path / "run", "coin", 2, "kl") > 1e-5
    base = load_model(tmp_path / "run" / "seed-7" / "base" / "model")
    made = load_model(round_of(tmp_path / "run", 7, "coin", 1) / "model")
    moved = [
        name
        for (name, one), other in zip(base.named_parameters(), made.parameters(), strict=True)
        if not torch.equal(one, other)
    ]
    assert moved and all("proj" in name for name in moved)


def step_files(folder: Path) -> set[str]:
    """Return the files of steps, by path; a glob would stop where the run deletes something."""
    return {
        str(Path(place) / name)
        for place, _, names in os.walk(folder)
        for name in names
        if Path(place).name == "steps" and name.endswith(".parquet")
    }


def killed_and_resumed(folder: Path, cache: Path, kills: int) -> None:
    """Kill a run at random moments of its online steps, then let it end."""
    generator = random.Random()
    for i in range(kills):
        process = start(folder, cache)
        try:
            began = step_files(folder)
            while not step_files(folder) - began:
                assert process.poll() is None, process.communicate()
                time.sleep(0.005)
            delay = generator.uniform(0, 1.5)
            time.sleep(delay)
        finally:
            kill_group(process)
        print(f"kill {i}: {delay:.3f} s after a step was sampled")
        assert process.returncode == -signal.SIGKILL, "it was done before the kill"
        assert left_over(process) == []
        assert_whole(folder)
        # What a kill in the midst of writing a step leaves behind, whether this one did or not.
        for steps in folder.rglob("steps"):
            (steps / ".000001.parquet.tmp").write_bytes(b"PAR1 half a file")
    finish(start(folder, cache))


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_once_and_resumed_it_walks_the_same_way(tmp_path: Path) -> None:
    finish(start(tmp_path / "whole", tmp_path / "cache"))
    killed_and_resumed(tmp_path / "run", tmp_path / "cache", 1)
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_five_times_and_resumed_it_walks_the_same_way(tmp_path: Path) -> None:
    finish(start(tmp_path / "whole", tmp_path / "cache"))
    killed_and_resumed(tmp_path / "run", tmp_path / "cache", 5)
    assert_equal_runs(tmp_path / "run", tmp_path / "whole")
