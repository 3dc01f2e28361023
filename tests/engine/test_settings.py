"""A real run under what people set: decoding, stop texts, a schedule, early stopping; exported."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
import yaml
from support.command import Call, assert_refused
from support.events import sent
from support.here import command_here, run_here
from support.runs import TINY, round_of, value

from rlvr.config import load
from rlvr.loop.problems import draw
from rlvr.models.loading import encode_prompts, encode_solutions, load_model, load_tokenizer

pytestmark = pytest.mark.slow

STOP = "9"
SET = [
    "seeds=[7]",
    "arms=[unfiltered]",
    "generate.prompts=32",
    "evaluate.off_target=[]",
    "checkpoints=all",
    "report_to=tensorboard",
    f"generate.stop='{STOP}'",
    "generate.top_k=8",
    "generate.repetition_penalty=1.05",
    "train.steps=6",
    "train.lr=3e-2",  # so high that the later steps do harm
    "train.trl={lr_scheduler_type: cosine, warmup_steps: 1, weight_decay: 0.1}",
    "train.early_stop={metric: real_nll, every: 2, patience: 1, problems: 40}",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings")
    run_here(folder / "run", folder / "cache", *SET)
    return folder / "run"


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    words = "export", run, "--model", "--arm", "unfiltered", "--round", "1"
    said = command_here(*words, "-o", run / "weights", cache=run.parent / "cache")
    assert "The weights of unfiltered, seed 7, round 1" in said
    return run / "weights"


def test_every_completion_ends_at_the_stop_text_and_does_not_show_it(run: Path) -> None:
    tokenizer = load_tokenizer(run / "seed-7" / "base" / "model")
    stopped = 0
    files = [*run.rglob("completions.parquet"), *run.rglob("eval.parquet")]
    assert len(files) == 6
    for file in files:
        frame = pd.read_parquet(file)
        for one in frame[frame.token_ids.map(len) > 0].to_dict("records"):
            said = tokenizer.decode(list(one["token_ids"]), skip_special_tokens=True)
            assert STOP not in said[:-1] and one["text"] == said.removesuffix(STOP)
            if said.endswith(STOP):
                stopped += 1
                assert not one.get("truncated", one.get("finish_reason") == "length")
    assert stopped > 20, stopped


def held_back_nll(run: Path, model: Path) -> float:
    """Return the NLL (nats a token) of the held-back solutions under a model folder's weights."""
    config = load(TINY, SET)
    drawn = draw(config, 7)
    problems, tokenizer = drawn.held_back[:40], load_tokenizer(model)
    prompts = encode_prompts(tokenizer, problems, drawn.prompting)
    solutions = encode_solutions(tokenizer, problems)
    loaded, total, count = load_model(model), 0.0, 0
    for prompt, solution in zip(prompts, solutions, strict=True):
        ids = torch.tensor([[*prompt, *solution]])
        with torch.no_grad():
            scores = loaded(input_ids=ids).logits[0, :-1].log_softmax(-1)
        each = scores.gather(1, ids[0, 1:, None])[-len(solution) :, 0]
        total, count = total - float(each.sum()), count + len(solution)
    return total / count


@pytest.mark.parametrize("round_", [1, 2])
def test_a_round_keeps_the_weights_that_were_best_on_held_back_problems(
    run: Path, round_: int
) -> None:
    arm, names = "unfiltered", ("kept_step", "train_steps")
    kept, taken = (value(run, 7, arm, round_, name)[0] for name in names)
    assert kept in (2, 4, 6) and taken == min(kept + 2, 6)
    recorded = value(run, 7, arm, round_, "held_back")[0]
    model = round_of(run, 7, arm, round_) / "model"
    assert held_back_nll(run, model) == pytest.approx(recorded, abs=1e-3)


def test_training_was_ended_early_somewhere(run: Path) -> None:
    frame = pd.read_parquet(run / "metrics.parquet").query("metric == 'train_steps'")
    assert (frame.value < 6).any()


def test_trackers_were_sent_the_figures_and_the_completions(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    steps = [step for step, _ in sent(run)["seed-7/unfiltered"]["pass@1"]]
    assert steps == [1, 2]
    events = EventAccumulator(str(run / "tensorboard" / "seed-7" / "unfiltered"))
    events.Reload()
    shown = events.Tensors("completions/text_summary")
    assert [one.step for one in shown] == [1, 2]
    assert shown[0].tensor_proto.string_val[0].count(b"\n") == 1 + 8


def test_weights_are_a_plain_folder_with_a_card(run: Path, exported: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    assert not list(exported.glob("checksums.json")) and not list(exported.glob("probes*"))
    theirs = AutoModelForCausalLM.from_pretrained(exported)
    ours = load_model(round_of(run, 7, "unfiltered", 1) / "model")
    assert all(
        torch.equal(one, other)
        for one, other in zip(theirs.parameters(), ours.parameters(), strict=True)
    )
    assert AutoTokenizer.from_pretrained(exported).eos_token
    card = (exported / "README.md").read_text()
    front = yaml.safe_load(card.split("---")[1])
    assert front["library_name"] == "transformers" and "base_model" not in front
    config_hash = json.loads((run / "config.json").read_text())["hash"]
    compared = json.loads((run / "compare.json").read_text())
    weights = hashlib.sha256((exported / "model.safetensors").read_bytes()).hexdigest()
    for said in (
        compared["why"]["unfiltered"],
        compared["rule"]["text"],
        config_hash,
        weights,
        f"{value(run, 7, 'unfiltered', 1, 'pass@1')[0]:.4f}",
        f"{value(run, 7, 'base', 0, 'pass@1')[0]:.4f}",
        "one seed's at round 1",
        "| `pass@4` | share of problems with a correct one in the largest k samples |",
    ):
        assert said in card, said


def test_the_last_weights_of_the_first_seed_are_the_default(run: Path) -> None:
    words = "export", run, "--model", "--arm", "unfiltered"
    command_here(*words, cache=run.parent / "cache")
    made = run / "model-unfiltered-seed-7-round-2" / "model.safetensors"
    assert (
        made.read_bytes()
        == (round_of(run, 7, "unfiltered", 2) / "model" / "model.safetensors").read_bytes()
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], ["--model", "one --arm"]),
        (["--arm", "unfiltered", "--kept"], ["--model", "no --kept"]),
        (["--arm", "unfilterd"], ["--arm", "did you mean 'unfiltered'"]),
        (["--arm", "unfiltered", "--seed", "8"], ["--seed", "it has: 7"]),
        (["--arm", "unfiltered", "--round", "3"], ["no weights of round 3", "1, 2", "all"]),
        (["--arm", "base", "--round", "1"], ["no weights of round 1 of base"]),
    ],
)
def test_weights_that_are_not_there_are_refused(
    more: list[str], words: list[str], run: Path, call: Call
) -> None:
    assert_refused(call, words, "export", run, "--model", *more)


def test_damaged_weights_are_not_exported(run: Path, call: Call, tmp_path: Path) -> None:
    file = round_of(run, 7, "unfiltered", 2) / "model" / "model.safetensors"
    content: Any = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    words = ["export", run, "--model", "--arm", "unfiltered", "-o", tmp_path / "out"]
    assert_refused(call, ["model.safetensors: damaged"], *words)
    file.write_bytes(content)
    assert not (tmp_path / "out").exists()
