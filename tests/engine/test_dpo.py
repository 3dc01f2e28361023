"""DPO against the same thing done by hand, and in a run: which pairs, from which completions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from support.here import run_here
from support.runs import completions_of, round_of, value

from rlvr.data import Completion
from rlvr.learners.dpo import DpoConfig, prefer
from rlvr.learners.sft import schedule
from rlvr.learners.sft_settings import TrainConfig
from rlvr.models.loading import load_model, make_tiny
from rlvr.records.record import SUMS, changed

EOS = 1
SETTINGS = DpoConfig(steps=3, batch_size=4, lr=1e-3, beta=0.5)
ARMS = """arms=[
  {name: dpo, keep: verified, learner: dpo},
  {name: coin, keep: random, match: dpo, learner: dpo},
  {name: idle, keep: verified, learner: dpo, flip: {false_positive: 1.0}}]"""


def completion(prompt: tuple[int, ...], tokens: tuple[int, ...]) -> Completion:
    return Completion("p", "a", 0, 1, 0, prompt, tokens, "", (0.0,) * len(tokens), "stop")


# Lengths differ, so that padding matters, and what was sampled is no text that a tokenizer makes.
PAIRS = [
    (
        completion((50 + i, 60, 61)[: 2 + i % 2], (*range(30, 33 + i % 3), EOS)),
        completion((50 + i, 60, 61)[: 2 + i % 2], (40 + i, 31, *range(35, 36 + i % 4))),
    )
    for i in range(6)
]
PROBES = [(50, 60, 61, 30, EOS), (51, 60, 30)]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dpo") / "start"
    make_tiny("tiny-0.1m", 0, folder)
    return folder


def logprob(model: Any, one: Completion) -> torch.Tensor:
    """Return the log-probability of a completion after its prompt, in nats."""
    ids = torch.tensor([[*one.prompt_token_ids, *one.token_ids]])
    scores = model(input_ids=ids).logits[0, :-1].log_softmax(-1).gather(1, ids[0, 1:, None])
    found: torch.Tensor = scores[-len(one.token_ids) :].sum()
    return found


def by_hand(start: Path, seed: int) -> tuple[torch.Tensor, float]:
    """AdamW on the mean loss of each batch of pairs, equation 7 of 2305.18290 as it stands."""
    model, reference = load_model(start).train(), load_model(start).eval()
    optimiser = torch.optim.AdamW(model.parameters(), lr=SETTINGS.lr, weight_decay=0.0)
    order = schedule(len(PAIRS), SETTINGS.steps * SETTINGS.batch_size, seed)
    losses = []
    for step in range(SETTINGS.steps):
        batch = [PAIRS[i] for i in order[step * SETTINGS.batch_size :][: SETTINGS.batch_size]]
        each = []
        for one, other in batch:
            with torch.no_grad():
                before = logprob(reference, one) - logprob(reference, other)
            margin = logprob(model, one) - logprob(model, other) - before
            each.append(-torch.nn.functional.logsigmoid(SETTINGS.beta * margin))
        loss = torch.stack(each).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        losses.append(loss.item())
    return weights(model), sum(losses) / len(losses)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_it_is_the_loss_of_the_paper_on_the_ids_as_they_were_sampled(
    start: Path, tmp_path: Path
) -> None:
    train = TrainConfig(micro_batch=4)  # two pairs at a time
    facts = prefer(start, PAIRS, SETTINGS, train, 7, tmp_path / "one", PROBES)
    theirs, loss = by_hand(start, 7)
    before, ours = (weights(load_model(folder)) for folder in (start, tmp_path / "one"))
    assert ((ours - theirs).norm() / (theirs - before).norm()).item() < 1e-2
    assert facts["pair_loss"] == pytest.approx(loss, rel=1e-4)
    assert facts["pairs"] == len(PAIRS) and facts["train_steps"] == SETTINGS.steps
    order = schedule(len(PAIRS), SETTINGS.steps * SETTINGS.batch_size, 7)
    assert facts["train_tokens"] == sum(len(one.token_ids) for i in order for one in PAIRS[i])
    assert facts["pair_chosen"] > facts["pair_rejected"] and 0.5 < facts["pair_accuracy"] <= 1
    assert prefer(start, PAIRS, SETTINGS, train, 7, tmp_path / "again", PROBES) == facts
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "again")]
    assert files[0] == files[1] and not changed(tmp_path / "one")
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {path.name for path in start.iterdir()} | {SUMS, "probes.json"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dpo-run")
    more = ["seeds=[7]", "rounds=1", "evaluate.off_target=[]", "checkpoints=all"]
    more.append("dpo={steps: 2, batch_size: 4, lr: 1.0e-3, pairs: 3}")
    said = run_here(folder / "run", folder / "cache", "".join(ARMS.split("\n")), *more)
    (folder / "said.txt").write_text(said)
    return folder / "run"


def test_an_arm_of_pairs_is_a_round_like_any_other(run: Path) -> None:
    for arm in ("dpo", "coin"):
        pool = completions_of(run, 7, arm, 1)
        groups = [(of.kept.sum(), (~of.kept).sum()) for _, of in pool.groupby("problem_id")]
        assert value(run, 7, arm, 1, "pairs")[0] == sum(min(3, a * b) for a, b in groups) > 0
        assert value(run, 7, arm, 1, "train_steps")[0] == 2
        base = run / "seed-7" / "base" / "model" / "model.safetensors"
        model = round_of(run, 7, arm, 1) / "model" / "model.safetensors"
        assert model.read_bytes() != base.read_bytes()
    assert set(completions_of(run, 7, "dpo", 1).query("kept").status) == {"correct"}


def test_a_round_without_a_pair_says_so_and_leaves_the_weights(run: Path) -> None:
    said = " ".join((run.parent / "said.txt").read_text().split())
    assert "idle, seed 7, round 1: no problem has both a completion to prefer and another" in said
    base = run / "seed-7" / "base" / "model" / "model.safetensors"
    model = round_of(run, 7, "idle", 1) / "model" / "model.safetensors"
    assert model.read_bytes() == base.read_bytes()
    for metric in ("pairs", "train_steps", "train_tokens"):
        assert value(run, 7, "idle", 1, metric)[0] == 0
