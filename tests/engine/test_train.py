"""Training against the same thing done by hand: plain torch, the same rows, the same steps."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from rlvr.data import Row, RunError
from rlvr.engine.probes import PROBES
from rlvr.engine.protocol import Tokens
from rlvr.learners.sft import Training, schedule, train
from rlvr.models.loading import fingerprint, load_model, make_tiny
from rlvr.records.record import SUMS, changed

EOS = 1


def row(prompt: Tokens, tokens: Tokens, index: int = 0) -> Row:
    return Row("p", "completion", "a", 0, 1, index, prompt, tokens, "correct", "v", "test")


# Lengths differ, so padding and the weight of short rows matter.
ROWS = [
    row((50 + i % 7, 60, 61), tuple(range(30, 33 + i % 4)) + (40 + i, EOS), i) for i in range(10)
]
PROBE = [(50, 60, 61, 30, 31, EOS), (51, 60, 61, 30)]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "start"
    make_tiny("tiny-0.1m", 0, folder)
    return folder


def by_hand(
    start: Path,
    rows: list[Row],
    settings: Training,
    seed: int,
    rates: tuple[float, ...] = (),
    clip: float = 1.0,
) -> tuple[Any, float]:
    """AdamW on the mean NLL of the completion tokens of each batch, gradients clipped at a norm.

    `rates`: what each step's learning rate is multiplied by.
    """
    model = load_model(start).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=settings.lr, weight_decay=0.0)
    order = schedule(len(rows), settings.steps * settings.batch_size, seed)
    losses = []
    for step in range(settings.steps):
        batch = [rows[i] for i in order[step * settings.batch_size :][: settings.batch_size]]
        total = torch.zeros(())
        for one in batch:
            ids = torch.tensor([[*one.prompt_token_ids, *one.token_ids]])
            logprobs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
            each = logprobs.gather(1, ids[0, 1:, None])[:, 0]
            total = total - each[-len(one.token_ids) :].sum()
        loss = total / sum(len(one.token_ids) for one in batch)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimiser.param_groups[0]["lr"] = settings.lr * (rates[step] if rates else 1)
        optimiser.step()
        losses.append(loss.item())
    return model, sum(losses) / len(losses)


def weights(model: Any) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def change(model: Any, start: Path) -> torch.Tensor:
    return weights(model) - weights(load_model(start))


def assert_same_change(one: Any, other: Any, start: Path, tolerance: float) -> None:
    """The two went the same way: the difference is small against the way they went."""
    ours, theirs = change(one, start), change(other, start)
    assert theirs.norm() > 0
    assert ((ours - theirs).norm() / theirs.norm()).item() < tolerance


@pytest.mark.parametrize("micro_batch", [None, 2])
def test_training_is_what_it_says(micro_batch: int | None, start: Path, tmp_path: Path) -> None:
    """One comparison for mask, EOS, order, steps, batches, rate, clipping, no weight decay."""
    settings = Training(steps=3, batch_size=4, lr=1e-3, micro_batch=micro_batch)
    facts = train(start, ROWS, settings, 5, tmp_path / "out", PROBE)
    model, loss = by_hand(start, ROWS, settings, 5)
    assert facts["train_loss"] == pytest.approx(loss, rel=1e-4)
    assert facts["train_steps"] == 3
    order = schedule(len(ROWS), 12, 5)
    assert facts["train_tokens"] == sum(len(ROWS[i].token_ids) for i in order)
    assert_same_change(load_model(tmp_path / "out"), model, start, 0.01)


def test_further_keys_of_trl_do_what_they_say(start: Path, tmp_path: Path) -> None:
    """One step of warm-up, then down to 0 at the end; gradients clipped at a small norm."""
    keys = {"lr_scheduler_type": "linear", "warmup_steps": 1, "max_grad_norm": 0.01}
    settings = Training(steps=3, batch_size=4, lr=1e-3, trl=keys)
    train(start, ROWS, settings, 5, tmp_path / "out", PROBE)
    model, _ = by_hand(start, ROWS, settings, 5, rates=(0, 1, 0.5), clip=0.01)
    assert_same_change(load_model(tmp_path / "out"), model, start, 0.01)
    plain, _ = by_hand(start, ROWS, settings, 5)
    with pytest.raises(AssertionError):
        assert_same_change(plain, model, start, 0.05)


def test_any_seed_of_a_run_will_do(start: Path, tmp_path: Path) -> None:
    settings, seed = Training(1, 4, 1e-3), (2**32 - 1) * 100_003 + 9
    assert train(start, ROWS, settings, seed, tmp_path / "out", [(3, 4)])["train_steps"] == 1


def test_other_settings_would_show(start: Path, tmp_path: Path) -> None:
    """The comparison is sharp: one step less, another order or a lost EOS is far outside it."""
    settings = Training(steps=3, batch_size=4, lr=1e-3)
    right, _ = by_hand(start, ROWS, settings, 5)
    without_eos = [row(one.prompt_token_ids, one.token_ids[:-1]) for one in ROWS]
    for rows, other, seed in (
        (without_eos, settings, 5),
        (ROWS, Training(steps=2, batch_size=4, lr=1e-3), 5),
        (ROWS, settings, 6),
    ):
        wrong, _ = by_hand(start, rows, other, seed)
        with pytest.raises(AssertionError):
            assert_same_change(wrong, right, start, 0.05)


def test_a_prompt_is_no_target(start: Path, tmp_path: Path) -> None:
    """At a rate of almost nothing the loss is the untrained model's on completion tokens."""
    prompt: Tokens = (200, 7, 201, 9, 202, 11)
    settings = Training(steps=1, batch_size=1, lr=1e-12)
    facts = train(start, [row(prompt, (30, EOS))], settings, 0, tmp_path / "out", PROBE)
    ids = torch.tensor([[*prompt, 30, EOS]])
    with torch.no_grad():
        logprobs = load_model(start)(input_ids=ids).logits[0, :-1].log_softmax(-1)
    each = -logprobs.gather(1, ids[0, 1:, None])[:, 0]
    assert facts["train_loss"] == pytest.approx(each[-2:].mean().item(), abs=1e-4)
    assert facts["train_loss"] != pytest.approx(each.mean().item(), abs=1e-3)
    assert facts["train_tokens"] == 2


@pytest.mark.parametrize(("rows", "total"), [(1, 5), (3, 3), (3, 8), (10, 4), (7, 700)])
def test_schedule_deals_every_row_as_often(rows: int, total: int) -> None:
    order = schedule(rows, total, 1)
    assert len(order) == total and order == schedule(rows, total, 1)
    counts = Counter(order)
    assert max(counts.values()) - min(counts[i] for i in range(rows)) <= 1
    if total > 20:
        assert order[:rows] != order[rows : 2 * rows] and order != schedule(rows, total, 2)


def test_fewer_rows_than_a_batch_fill_it(start: Path, tmp_path: Path) -> None:
    facts = train(start, ROWS[:1], Training(2, 4, 1e-3), 0, tmp_path / "out", PROBE)
    assert facts["train_steps"] == 2
    assert facts["train_tokens"] == 2 * 4 * len(ROWS[0].token_ids)


def test_equal_seeds_give_equal_bytes(start: Path, tmp_path: Path) -> None:
    settings = Training(2, 8, 1e-3)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(torch.seed())
        train(start, ROWS, settings, seed, tmp_path / name, PROBE)
    a, b, c = (fingerprint(tmp_path / name) for name in "abc")
    assert a == b != c


def test_what_is_written_is_a_whole_model_with_its_probes(start: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    train(start, ROWS, Training(1, 4, 1e-3), 0, out, PROBE)
    made = {file.name for file in start.iterdir()} | {PROBES, SUMS}
    assert {file.name for file in out.iterdir()} == made and not changed(out)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        ours, theirs = json.loads((out / name).read_text()), json.loads((start / name).read_text())
        assert ours == theirs, name
    probes = json.loads((out / PROBES).read_text())
    assert [tuple(ids) for ids in probes["token_ids"]] == PROBE
    ids = torch.tensor([PROBE[0]])
    with torch.no_grad():
        logprobs = load_model(out)(input_ids=ids).logits[0, :-1].log_softmax(-1)
    expected = logprobs.gather(1, ids[0, 1:, None])[:, 0].tolist()
    assert probes["logprobs"][0] == pytest.approx(expected, abs=1e-5)


def test_bf16_learns_on_float32_weights(start: Path, tmp_path: Path) -> None:
    # Updates of 1e-5 are lost on bf16 weights of 0.02 and more; on float32 ones they are not.
    settings = Training(3, 4, 1e-5, precision="bf16")
    facts = train(start, ROWS, settings, 5, tmp_path / "out", PROBE)
    model, loss = by_hand(start, ROWS, settings, 5)
    trained = load_model(tmp_path / "out")
    assert facts["train_loss"] == pytest.approx(loss, rel=0.02)
    assert facts["train_loss"] != loss, "that was float32"
    moved = change(trained, start)
    assert (moved != 0).float().mean() > 0.4
    assert torch.nn.functional.cosine_similarity(moved, change(model, start), dim=0) > 0.9


def test_lora_is_merged_into_a_plain_model(start: Path, tmp_path: Path) -> None:
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0}
    settings = Training(3, 4, 1e-2, lora=lora)
    facts = train(start, ROWS, settings, 0, tmp_path / "out", PROBE)
    assert facts["train_steps"] == 3
    assert not [file.name for file in (tmp_path / "out").iterdir() if "adapter" in file.name]
    before, after = load_model(start).state_dict(), load_model(tmp_path / "out").state_dict()
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert any("q_proj" in name for name in moved) and any("mlp" in name for name in moved)
    assert not any("embed" in name or "norm" in name for name in moved)
    for name in moved:
        rank = torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-3)
        assert 1 <= int(rank) <= 4, name


def test_lora_repeats(start: Path, tmp_path: Path) -> None:
    settings = Training(2, 4, 1e-2, lora={"rank": 2, "alpha": 4, "dropout": 0.1})
    for name in "ab":
        torch.manual_seed(torch.seed())
        train(start, ROWS, settings, 3, tmp_path / name, PROBE)
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")


def test_a_check_ends_training_and_sees_the_weights(start: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, float]] = []

    def check(step: int, model: Any, optimizer: Any) -> bool:
        seen.append((step, change(model, start).norm().item()))
        return step == 2

    facts = train(start, ROWS, Training(5, 4, 1e-3), 0, tmp_path / "out", PROBE, check)
    assert [step for step, _ in seen] == [1, 2] and 0 < seen[0][1] < seen[1][1]
    assert facts["train_steps"] == 2
    order = schedule(len(ROWS), 20, 0)[:8]
    assert facts["train_tokens"] == sum(len(ROWS[i].token_ids) for i in order)
    model, _ = by_hand(start, ROWS, Training(2, 4, 1e-3), 0)
    order_of_five = schedule(len(ROWS), 20, 0)
    assert order_of_five[:8] == schedule(len(ROWS), 8, 0)
    assert_same_change(load_model(tmp_path / "out"), model, start, 0.01)


def test_no_rows_is_an_error_and_leaves_nothing(start: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no rows"):
        train(start, [], Training(1, 4, 1e-3), 0, tmp_path / "out", PROBE)
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_diverged_says_so_and_leaves_nothing(start: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"training diverged: .*lower the learning rate"):
        train(start, ROWS, Training(3, 4, 1e38), 0, tmp_path / "out", PROBE)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_half_model(start: Path, tmp_path: Path) -> None:
    def check(step: int, model: Any, optimizer: Any) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train(start, ROWS, Training(2, 4, 1e-3), 0, tmp_path / "out", PROBE, check)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", ["ddp", "fsdp2"])
def test_two_processes_do_what_one_does(how: str, start: Path, tmp_path: Path) -> None:
    """On a CPU, over gloo: the loss of every step, and the weights at the end."""
    curves: list[list[float]] = []
    for processes in (1, 2):
        sums = [0.0]
        for steps in (1, 2, 3):
            settings = Training(steps, 4, 1e-3, processes=processes, accelerate=how)
            out = tmp_path / f"{processes}-{steps}"
            facts = train(start, ROWS, settings, 5, out, PROBE)
            assert facts["train_steps"] == steps
            sums.append(facts["train_loss"] * steps)
        curves.append([after - before for before, after in pairwise(sums)])
    assert curves[0][0] - curves[0][2] > 0.5, "it learns"
    assert curves[1] == pytest.approx(curves[0], abs=1e-4)
    # Half of each batch would be another direction altogether.
    two, one = (load_model(tmp_path / f"{processes}-3") for processes in (2, 1))
    assert_same_change(two, one, start, 0.001)
    assert (tmp_path / "2-3" / PROBES).is_file()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_processes_that_fail_say_so(start: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(start, broken)
    (broken / "model.safetensors").write_bytes(b"noise")
    with pytest.raises(RunError, match=r"processes failed \(exit \d+\): .*damaged.*log"):
        train(broken, ROWS, Training(1, 4, 1e-3, processes=2), 0, tmp_path / "out", PROBE)
    assert not (tmp_path / "out").exists()
