"""DPO, the learner of pairs: TRL's DPOTrainer on right and wrong completions of one problem.

A round of an arm with `learner: dpo` samples, judges and selects as a round of fine-tuning does.
Then each kept completion is paired with completions of the same problem that were not accepted, and
the policy learns to prefer the first. With y+ and y- the two of a pair, the loss of a pair in nats
is (Rafailov 2305.18290, eq. 7)

    -log sigmoid(beta * (log p(y+) / q(y+) - log p(y-) / q(y-)))

where p is the policy and q the reference: the weights that the round's training starts from. TRL
computes q before the first step, with the policy itself, so that no second model is in memory. It
gets the token ids that were sampled: nothing is decoded and tokenised again.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlvr.data import DECIDED, Arm, Completion
from rlvr.engine import threads
from rlvr.engine.devices import on_gpu, one_gpu
from rlvr.engine.protocol import Tokens
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.learner import Learner
from rlvr.learners.sft import key_of, lora_config, make_policy, save, schedule
from rlvr.learners.sft_settings import TrainConfig
from rlvr.models.loading import load_model, load_tokenizer
from rlvr.models.quiet import quiet
from rlvr.records.layout import COMPLETIONS, Place
from rlvr.records.record import new_folder, read_kept
from rlvr.records.stored import JUDGED, Stored, held, pick, take
from rlvr.sections import AboveZero, Positive, Section
from rlvr.select.axis import Pool, draw
from rlvr.select.keep import ELIGIBLE, check_size
from rlvr.select.match import by_problem
from rlvr.select.seen import seen_by

if TYPE_CHECKING:
    from rlvr.config import Config

Pair = tuple[Completion, Completion]  # the one to prefer, and the other
PAIRED = ("verified", "inverted", "majority", "format-only", "random")
LOGGED = {
    "rewards/accuracies": "pair_accuracy",
    "rewards/chosen": "pair_chosen",
    "rewards/rejected": "pair_rejected",
}


class DpoConfig(Section):
    """Direct preference optimisation with TRL's DPOTrainer, the learner of `learner: dpo`.

    A round is `steps` optimiser steps of `batch_size` pairs. `pairs`: the most pairs of a problem
    in a round, drawn from all of a right and a wrong completion. Precision, micro-batch (two rows
    are a pair) and LoRA are those of `train`. Defaults, with their reasons:

    - `beta: 0.1`, how strongly the policy is held to where the round began: the paper's
      (2305.18290, appendix B), and TRL's.
    - `lr`: Adam's constant learning rate on every weight, as small as that of `grpo`: larger steps
      make both completions of a pair less likely (2402.13228).
    """

    steps: Positive = 60
    batch_size: Positive = 64
    lr: AboveZero = 1e-5
    beta: AboveZero = 0.1
    pairs: Positive = 4


def learn(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Make M(t) from the round's pairs and load it into the engine; return the training's metrics.

    Without a pair M(t) is M(t-1); the run and the record say so.
    """

    def teach(start: Path, out: Path) -> dict[str, float]:
        pairs = _pairs(run, seed, arm, place)
        if not pairs:
            run.display.note(
                f"{arm.name}, seed {place.seed}, round {place.round}: no problem has both a "
                "completion to prefer and another: no pair, the weights stay as they are"
            )
            return {"pairs": 0.0}
        settings, train = _settings(run.config), run.config.train
        return prefer(start, pairs, settings, train, key_of(place), out, seed.probes)

    return make_policy(run, arm, place, teach)


def _settings(config: Config) -> DpoConfig:
    assert config.dpo is not None  # a config with an arm of this learner has the section
    return config.dpo


def _pairs(run: Run, seed: Seed, arm: Arm, place: Place) -> list[Pair]:
    """Return the round's pairs, from what the arm sampled and what it kept of that."""
    path = place.folder(run.folder) / COMPLETIONS
    pool, kept = Stored(path, JUDGED), read_kept(path)
    problems = seed.of_round(place).problems
    seen = held(run.scratch, JUDGED, seen_by(run.pool, problems, arm, pool, place.seed))
    key = f"pairs/{place.seed}/{place.round}/"
    places = pair(pool, kept, refused(seen, kept, arm), _settings(run.config).pairs, key)
    sides = [[of for of, _ in take(pool, [two[i] for two in places])] for i in (0, 1)]
    return list(zip(*sides, strict=True))


def refused(seen: Pool, kept: Sequence[bool], arm: Arm) -> list[bool]:
    """Say which completions of a pool, as the arm's verifier sees it, lose against a kept one.

    They are those that `keep` does not accept: of `verified` the wrong ones. What is undecided
    never loses. Of `random`, which accepts everything, it is what was not kept: no verdict is in
    its pairs. Where all is decided, each problem has as many as in the arm that it matches.
    """
    if arm.keep == "random":
        return [not one for one in kept]
    eligible = ELIGIBLE[arm.keep](seen)
    statuses = (status for (status,) in pick(seen, "status"))
    return [status in DECIDED and not one for status, one in zip(statuses, eligible, strict=True)]


def pair(
    pool: Pool, kept: Sequence[bool], lost: Sequence[bool], most: int, key: str
) -> list[tuple[int, int]]:
    """Return pairs of places in the pool, one kept and one that lost, of the same problem.

    Of each problem at most `most`, drawn without replacement from all that there are.
    """
    found = []
    for problem, places in by_problem(pool):
        ones, others = ([i for i in places if flags[i]] for flags in (kept, lost))
        for drawn in draw(range(len(ones) * len(others)), most, f"{key}{problem}"):
            found.append((ones[drawn // len(others)], others[drawn % len(others)]))
    return found


def prefer(
    start: Path,
    pairs: Sequence[Pair],
    settings: DpoConfig,
    train: TrainConfig,
    seed: int,
    out: Path,
    probes: Sequence[Tokens],
) -> dict[str, float]:
    """Train the model in `start` on the pairs, and write it, with probes, into the folder `out`.

    Returns `pairs`, `train_steps`, `train_tokens` (of both sides), and means over the round's
    batches: `pair_loss` (nats a pair), `pair_accuracy` (the share of pairs whose first completion
    has gained on the other), `pair_chosen` and `pair_rejected` (beta times the change of a side's
    log-probability, nats).
    """
    order = schedule(len(pairs), settings.steps * settings.batch_size, seed)
    with new_folder(out) as folder:
        model, facts = _optimise(start, pairs, order, settings, train, seed)
        save(model, start, folder, probes)
    del model
    gc.collect()  # trainer and optimiser refer to each other
    threads.return_memory()
    sizes = [len(one.token_ids) + len(other.token_ids) for one, other in pairs]
    return {
        **facts,
        "pairs": float(len(pairs)),
        "train_tokens": float(sum(sizes[place] for place in order)),
    }


def _optimise(
    start: Path,
    pairs: Sequence[Pair],
    order: Sequence[int],
    settings: DpoConfig,
    train: TrainConfig,
    seed: int,
) -> tuple[Any, dict[str, float]]:
    """Run the trainer over the pairs in the given order; return the model and TRL's figures."""
    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import PrinterCallback

    data = {
        "prompt_ids": [list(one.prompt_token_ids) for one, _ in pairs],
        "chosen_ids": [list(one.token_ids) for one, _ in pairs],
        "rejected_ids": [list(other.token_ids) for _, other in pairs],
    }
    lora = lora_config(train.lora.model_dump() if train.lora else None)
    disable_progress_bars()
    os.environ.setdefault("TQDM_DISABLE", "1")  # TRL's bar of the reference looks there alone
    threads.keep_memory()
    torch.manual_seed(seed)
    with quiet(), tempfile.TemporaryDirectory(prefix="rlvr-train-") as scratch:
        model, tokenizer = load_model(start), load_tokenizer(start)
        use_cache = model.config.use_cache
        trainer = _trainer_type()(
            model=model,
            args=_arguments(settings, train, seed, scratch),
            train_dataset=Dataset.from_dict(data),
            processing_class=tokenizer,
            peft_config=lora,
        )
        # The reference has judged each pair once; only then are the pairs repeated.
        trainer.train_dataset = trainer.train_dataset.select(order)
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
        model.config.use_cache = use_cache
    if lora is not None:
        model = trainer.model.merge_and_unload()
    means = trainer.state.log_history[-1]  # TRL's, over all batches since the last time it logged
    return model, {
        "pair_loss": float(result.training_loss),
        "train_steps": float(result.global_step),
        **{ours: float(means[name]) for name, ours in LOGGED.items()},
    }


def _arguments(settings: DpoConfig, train: TrainConfig, seed: int, scratch: str) -> Any:
    """Return TRL's settings. All that matter are given, even where they are TRL's defaults."""
    from trl import DPOConfig

    micro = train.micro_batch // 2 if train.micro_batch else settings.batch_size
    arguments = DPOConfig(
        output_dir=scratch,
        max_steps=settings.steps,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // micro,
        learning_rate=settings.lr,
        lr_scheduler_type="constant",
        warmup_steps=0,
        weight_decay=0.0,
        max_grad_norm=1.0,
        beta=settings.beta,
        loss_type=["sigmoid"],
        precompute_ref_log_probs=True,
        max_length=None,
        bf16=train.precision == "bf16",
        gradient_checkpointing=False,
        # The schedule gives the order; a sampler must not shuffle it again.
        train_sampling_strategy="sequential",
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not on_gpu(),
        dataloader_pin_memory=on_gpu(),
        seed=seed % 2**32,  # NumPy takes no larger seed
    )
    return one_gpu(arguments)


def _trainer_type() -> Any:
    """Return a DPOTrainer that takes token ids as they are; TRL's own would tokenise texts."""
    from trl import DPOTrainer

    class Trainer(DPOTrainer):  # type: ignore[misc]
        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

    return Trainer


def check(config: Config, arm: Arm) -> None:
    """Raise ValueError if a config has an arm that this learner can't train."""
    where = f"arms: {arm.name!r}: learner: dpo"
    if arm.keep not in PAIRED:
        raise ValueError(f"{where}: keep: {arm.keep} makes no pairs (known: {', '.join(PAIRED)})")
    check_size(arm)
    if arm.memory != "replace" or arm.real_fraction or arm.author != "model":
        raise ValueError(
            f"{where} compares the round's own samples: drop memory, real_fraction and author"
        )
    if config.corpus is not None:
        raise ValueError(f"{where} compares what the model samples: drop the corpus")
    if config.generate.samples < 2:
        raise ValueError(f"{where} compares two completions: set generate.samples to 2 or more")
    if config.train.processes > 1:
        raise ValueError(f"{where} trains in one process: set train.processes: 1")
    micro, batch = config.train.micro_batch or 2, _settings(config).batch_size
    if micro % 2 or 2 * batch % micro:
        raise ValueError(
            f"train.micro_batch: {micro} rows of dpo.batch_size: {batch} pairs: it must be even, "
            f"and divide {2 * batch}"
        )


LEARNER = Learner(learn, section="dpo", counts="pairs", check=check)
