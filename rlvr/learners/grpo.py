"""GRPO, the online learner: TRL's GRPOTrainer on the run's engine, rewarded by its verifier.

A round of an arm with `learner: grpo` is `grpo.steps` optimiser steps. Each step samples fresh
completions of its share of the round's prompts. Problems, engine, evaluation and record are those
of every other arm. In each step the engine gets the weights in place and samples a group for each
prompt, the verifier judges the groups, verdicts become rewards, and TRL takes the step. The samples
are recorded step by step.

There is no off-policy correction. In float32 none is needed. TRL 1.16 uses the log-probabilities
that a `rollout_func` returns only for its off-policy mask, which is off; its importance-sampling
correction belongs to its own vLLM modes. With one step for each batch the old policy is the new
one, so the ratio is 1, and its gradient is the advantage times that of the log-probability. A check
takes the place of a correction: it compares the log-probabilities of engine and trainer on every
token that is trained on, in the same forward pass that trains. A mean gap above the bound ends the
run. In bfloat16 the two round differently, and what is left of the gap is not corrected.

Training goes in legs of `checkpoint_every` steps. Each leg has a trainer of its own, which starts
from the checkpoint (weights, Adam's moments, step) of the leg before. A run that was killed starts
from the last whole leg. It then takes the same steps again, because each step draws from a seed of
its own.
"""

from __future__ import annotations

import gc
import itertools
import json
import math
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlvr.data import DECIDED, Arm, Completion, RunError
from rlvr.engine import threads
from rlvr.engine.completions import completions_of, in_order, stream_completions
from rlvr.engine.devices import on_gpu, one_gpu
from rlvr.engine.protocol import Sampled
from rlvr.engine.settings import GenerateConfig
from rlvr.evaluate import metrics, table
from rlvr.evaluate.evaluation import judge
from rlvr.evaluate.measured import Selected
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.grpo_settings import GrpoConfig, check, logprob_gap_bound
from rlvr.learners.learner import Learner
from rlvr.learners.sft import lora_config, save, training_of
from rlvr.learners.sft_settings import TrainConfig
from rlvr.models.loading import load_model, load_tokenizer
from rlvr.models.quiet import quiet
from rlvr.records import record
from rlvr.records.layout import COMPLETIONS, MODEL, STATE, STEP_FACTS, STEPS, Place, arm_folder
from rlvr.records.stored import JUDGED, Joined, Stored
from rlvr.select import learner
from rlvr.select.seen import seen_by

if TYPE_CHECKING:
    from rlvr.config import Config

KL_SAMPLE = 32  # the KL from the base is measured on so many completions of a step
LOGITS = 1 << 28  # so many logits at once, at most, are measured for it: 1 GiB of float32
LOGGED = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "frac_reward_zero_std": "zero_variance",
    "clip_ratio/low_mean": "clip_low",
    "clip_ratio/high_mean": "clip_high",
    "cispo_clip_ratio": "clip_high",
    "completions/mean_length": "completion_length",
    "completions/clipped_ratio": "truncated",
}


def learn(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Make M(t) by a round of online steps, load it into the engine, and return its metrics.

    Leaves the completions, every step's metrics and the model in the round's folder. Raises
    RunError if engine and trainer disagree about the log-probabilities of the samples.
    """
    folder = place.folder(run.folder)
    facts = folder / STEP_FACTS
    if not facts.is_file():
        steps = run.config.grpo.steps
        done = _resume(run, place)
        leg = run.config.grpo.checkpoint_every or steps
        for first in range(done, steps, leg):
            _leg(run, seed, arm, place, first, first + leg)
            run.display.may_stop()
        _gather(folder, facts)
    shutil.rmtree(folder / STEPS, ignore_errors=True)
    with run.stage(place, "sync"):
        run.engine.load(folder / MODEL)
    return _found(run, seed, place, json.loads(facts.read_text()))


def forget(arm: Path) -> None:
    """Delete the checkpoints in an arm's folder, once its last round is recorded."""
    for state in [*arm.glob(f"{STATE}*"), *arm.glob(f".{STATE}*")]:  # half deleted ones too
        shutil.rmtree(state)


# Legs


def _resume(run: Run, place: Place) -> int:
    """Return how many steps of this round the last checkpoint has, and delete later files.

    Raises RunError if there is no checkpoint from which the round can continue.
    """
    before = _steps_before(place.round, run.config)
    of_arm = arm_folder(run.folder, place.seed, place.arm)
    done = max(checkpoints(of_arm), default=0) - before
    if done < 0:
        raise RunError(
            f"{of_arm}: no checkpoint of step {before} to go on from: delete this folder, then run "
            "the same command again"
        )
    folder = place.folder(run.folder) / STEPS
    for file in folder.glob("[0-9]*"):  # not a half-written one
        if int(file.stem) >= done:
            file.unlink()
    return done


def checkpoints(arm: Path) -> dict[int, Path]:
    """Return the checkpoints in an arm's folder by the number of steps since the base."""
    return {int(path.name.removeprefix(STATE)): path for path in arm.glob(f"{STATE}*")}


def latest(arm: Path) -> Path | None:
    """Return the checkpoint from which an arm continues, None if there is none."""
    found = checkpoints(arm)
    return found[max(found)] if found else None


def gathered(folder: Path, round_: int, config: Config) -> list[Path]:
    """Return the files of the steps before the checkpoint, of a round that is not merged yet.

    The steps after the checkpoint are sampled again, even if they left files.
    """
    if (folder / STEP_FACTS).is_file():
        return []
    done = _steps_done(folder, round_, config)
    return [path for path in folder.glob(f"{STEPS}/[0-9]*") if int(path.stem) < done]


def rewrites(folder: Path, round_: int, config: Config) -> list[Path]:
    """Return the model folder of a round that still has steps to take: its last step writes it."""
    unfinished = _steps_done(folder, round_, config) < config.grpo.steps
    return [folder / MODEL] if unfinished and not (folder / STEP_FACTS).is_file() else []


def _steps_done(folder: Path, round_: int, config: Config) -> int:
    """Return how many steps of a round are in its arm's checkpoint."""
    return max(checkpoints(folder.parent), default=0) - _steps_before(round_, config)


def _steps_before(round_: int, config: Config) -> int:
    """Return how many steps since the base an arm has taken when a round begins."""
    return (round_ - 1) * config.grpo.steps


def _leg(run: Run, seed: Seed, arm: Arm, place: Place, first: int, last: int) -> None:
    """Take the round's steps `first` to `last` - 1, and write their checkpoint.

    The last leg of a round also writes the round's model.
    """
    from datasets import Dataset
    from transformers import PrinterCallback

    settings, sampling = run.config.grpo, run.config.generate
    folder = place.folder(run.folder)
    states, before = checkpoints(folder.parent), _steps_before(place.round, run.config)
    each = sampling.prompts // settings.steps
    positions = range(first * each, last * each)
    base = run.policy(place.at(0))
    threads.keep_memory()
    # TRL warns that `rollout_func` may change; the version is pinned.
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    with quiet(), tempfile.TemporaryDirectory(dir=run.scratch) as scratch:
        model, tokenizer = load_model(base), load_tokenizer(base)
        use_cache = model.config.use_cache
        online = Online(run, seed, arm, place, load_model(base), first)
        trainer = _trainer_type()(
            model=model,
            args=trl_arguments(
                settings,
                run.config.train,
                sampling,
                before + last,
                last - first,
                Path(scratch),
                seed.seed,
            ),
            train_dataset=Dataset.from_dict({"prompt": [str(position) for position in positions]}),
            processing_class=tokenizer,
            reward_funcs=online.reward,
            rollout_func=online.rollout,
            peft_config=lora_config(training_of(run).lora),
        )
        trainer.agree = online.agree
        trainer.all_steps = run.config.rounds * settings.steps
        online.base.to(trainer.accelerator.device)
        trainer.remove_callback(PrinterCallback)
        latest = states.get(before + first)
        trainer.train(resume_from_checkpoint=str(latest) if latest else None)
        logged = [one for one in trainer.state.log_history if "reward" in one]
        online.note(logged[-(last - first) :])
        if last == settings.steps:
            whole = trainer.model.merge_and_unload() if run.config.train.lora else trainer.model
            whole.config.use_cache = use_cache
            record.delete_folder(folder / MODEL)
            with record.new_folder(folder / MODEL) as out:
                save(whole, base, out, seed.probes)
        state = Path(scratch) / f"checkpoint-{before + last}"
        record.write_sums(state)
        os.replace(state, folder.parent / f"{STATE}{before + last:06d}")
    for path in states.values():
        record.delete_folder(path)
    del trainer, model, online
    gc.collect()
    threads.return_memory()


def trl_arguments(
    settings: GrpoConfig,
    train: TrainConfig,
    sampling: GenerateConfig,
    until: int,
    steps: int,
    scratch: Path,
    seed: int = 0,
) -> Any:
    """Return TRL's settings for a leg of `steps` steps that ends with step `until`.

    `seed` draws an adapter's first weights; each step samples from a seed of its own. All settings
    that matter are given, even where they are TRL's defaults; `grpo.trl` overrides.
    """
    from trl import GRPOConfig

    rows = sampling.prompts // settings.steps * sampling.samples
    micro = train.micro_batch or rows
    trl_vllm: dict[str, Any] = {}
    if settings.trl_vllm:
        given = settings.trl_vllm.model_dump()
        trl_vllm = {"use_vllm": True} | {f"vllm_{name}": value for name, value in given.items()}
    ours: dict[str, Any] = {
        "output_dir": str(scratch),
        "max_steps": until,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": rows // micro,
        "num_generations": sampling.samples,
        "num_iterations": 1,
        "max_completion_length": sampling.max_tokens,
        "temperature": 1.0,
        "shuffle_dataset": False,
        "learning_rate": settings.lr,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "loss_type": settings.loss_type,
        "scale_rewards": settings.scale_rewards,
        "beta": settings.beta,
        "epsilon": settings.epsilon,
        "epsilon_high": settings.epsilon_high,
        "mask_truncated_completions": False,
        # A model's own dropout would part the trainer from the engine, which has none.
        "disable_dropout": True,
        "bf16": train.precision == "bf16",
        "gradient_checkpointing": False,
        "save_strategy": "steps",
        "save_steps": steps,
        "logging_strategy": "steps",
        "logging_steps": 1,
        # A leg's data are its own prompts, so no data must be skipped after a checkpoint.
        "ignore_data_skip": True,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not on_gpu(),
        "dataloader_pin_memory": on_gpu(),
        "seed": seed % 2**32,  # NumPy takes no larger seed
    }
    return one_gpu(GRPOConfig(**{**ours, **trl_vllm, **settings.trl}))


def _trainer_type() -> Any:
    """Return a GRPOTrainer that compares its log-probabilities with the engine's in each pass.

    It leaves out rows that teach nothing: see `with_gradient`. Its schedule has all of the arm's
    steps, `all_steps`, and not those of a leg.
    """
    from trl import GRPOTrainer

    class Trainer(GRPOTrainer):  # type: ignore[misc]
        agree: Callable[[Any, Any, Any], None]
        all_steps: int

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            return super().create_scheduler(self.all_steps, optimizer)

        def _get_per_token_logps_and_entropies(self, *args: Any, **more: Any) -> Any:
            found = super()._get_per_token_logps_and_entropies(*args, **more)
            self._latest = found[0]
            return found

        def _compute_loss(self, model: Any, inputs: Any) -> Any:
            if _only_advantages_teach(self):
                inputs = with_gradient(inputs)
            loss = super()._compute_loss(model, inputs)
            sampled, mask = inputs["sampling_per_token_logps"], inputs["completion_mask"]
            self.agree(self._latest.detach(), sampled, mask)
            return loss

    return Trainer


def _only_advantages_teach(trainer: Any) -> bool:
    """Whether a row of advantage 0 adds nothing to the loss, and is not counted in its mean."""
    more = trainer._entropy_bonus_enabled or trainer.aux_loss_enabled
    ranked = trainer.top_entropy_quantile < 1  # which tokens count depends on all rows
    return trainer.loss_type == "dapo" and trainer.beta == 0 and not more and not ranked


def with_gradient(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a micro-batch's tensors, shape (rows, ...), without the rows of advantage 0.

    If all completions of a group are right, or all are wrong, its rows add nothing to the loss or
    its gradient. Under `dapo` the loss is divided by the tokens of the whole batch, which TRL has
    counted before, so the sum over the other rows is the same. At least one row stays.
    """
    advantages = inputs["advantages"]
    chosen = advantages.nonzero()[:, 0]
    if not len(chosen):
        chosen = chosen.new_zeros(1)
    rows = len(advantages)
    return {
        name: value[chosen] if getattr(value, "ndim", 0) and len(value) == rows else value
        for name, value in inputs.items()
    }


# Steps


class Online:
    """Has what TRL calls in each step of a leg: sampling and rewards. It records both."""

    def __init__(self, run: Run, seed: Seed, arm: Arm, place: Place, base: Any, first: int) -> None:
        self.run, self.seed, self.arm, self.place = run, seed, arm, place
        self.base, self.first, self.step = base.eval(), first, first - 1
        self.folder = place.folder(run.folder) / STEPS
        self.folder.mkdir(parents=True, exist_ok=True)
        self.completions: list[Completion] = []
        self.problems = seed.of_round(place).part(0, 0)
        self.measured: list[dict[str, float]] = []
        self.gaps: list[tuple[float, float]] = []
        self.began = time.monotonic()
        self.tokens = 0
        self.wait: dict[str, float] = defaultdict(float)

    def rollout(self, prompts: Sequence[str], trainer: Any) -> dict[str, Any]:
        """Sample a group for each prompt from the new weights; prompts are positions in a round."""
        import torch

        run, sampling = self.run, self.run.config.generate
        self.step += 1
        self.gaps = []
        positions = [int(position) for position in prompts[:: sampling.samples]]
        self.problems = self.seed.of_round(self.place).part(positions[0], positions[-1] + 1)
        # Each step draws from a seed of its own, so that earlier draws don't matter.
        torch.manual_seed(self.seed.seed * 1_000_003 + self.place.round * 1_009 + self.step)
        where = f"step {self.step + 1} of {run.config.grpo.steps}"
        run.display.stage(self.place, where)
        sample = self._by_trl if trainer.use_vllm else self._by_engine
        self.completions = sample(trainer)
        self.tokens += sum(len(one.token_ids) for one in self.completions)
        return {
            "prompt_ids": [list(one.prompt_token_ids) for one in self.completions],
            "completion_ids": [list(one.token_ids) for one in self.completions],
            "logprobs": [list(one.logprobs) for one in self.completions],
        }

    def _by_engine(self, trainer: Any) -> list[Completion]:
        run, sampling = self.run, self.run.config.generate
        began = time.monotonic()
        _sync(run, trainer.accelerator.unwrap_model(trainer.model))
        synced = time.monotonic()
        stream = stream_completions(
            run.engine,
            self.seed.tokenizer,
            self.problems.problems,
            self.problems.prompts,
            sampling.plain(),
            sampling.samples,
            self.place,
            run.display.tokens,
            wait_seconds=None,
        )
        found = in_order(self.problems.problems, filter(None, stream))
        self.wait["sync"] += synced - began
        self.wait["generate"] += time.monotonic() - synced
        return found

    def _by_trl(self, trainer: Any) -> list[Completion]:
        """Sample with TRL's own vLLM, into which TRL has loaded the new weights before."""
        samples, began = self.run.config.generate.samples, time.monotonic()
        asked = [list(ids) for ids in self.problems.prompts for _ in range(samples)]
        _, token_ids, logprobs, _ = trainer.vllm_generation.generate(
            prompts=asked, images=None, num_generations=samples
        )
        sampled = [
            Sampled(
                tuple(ids),
                tuple(one[0] for one in of),
                "stop" if ids and ids[-1] in trainer.eos_token_ids else "length",
            )
            for ids, of in zip(token_ids, logprobs, strict=True)
        ]
        self.wait["generate"] += time.monotonic() - began
        return completions_of(
            self.seed.tokenizer,
            self.problems.problems,
            self.problems.prompts,
            list(enumerate(sampled)),
            samples,
            self.place,
        )

    def reward(self, **_: Any) -> list[float | None]:
        """Judge the samples, record them and return their rewards."""
        run, settings = self.run, self.run.config.grpo
        began = time.monotonic()
        pool = judge(run.pool, self.problems.problems, self.completions)
        seen = list(seen_by(run.pool, self.problems.problems, self.arm, pool, self.seed.seed))
        rewards = learner.rewards(
            seen, self.arm, self.seed.seed, settings.partial_credit, settings.format_reward
        )
        kept = [bool(reward) for reward in learner.rewards(seen, self.arm, self.seed.seed)]
        run.display.show(self.problems.problems, pool)
        decided = [reward for reward in rewards if reward is not None]
        known = [verdict for _, verdict in pool if verdict.status in DECIDED]
        measured = {
            "reward": _mean(decided),
            "correct": _mean([float(verdict.status == "correct") for verdict in known]),
            "entropy": _entropy(self.completions),
            **self._watched(rewards, kept),
        }
        if run.config.generate.stop:  # TRL takes them for cut off
            cut = [float(one.finish_reason == "length") for one in self.completions]
            measured["truncated"] = _mean(cut)
        self.wait["verify"] += time.monotonic() - began
        with _autocast(run.config.train.precision):
            measured["kl"] = _kl(self.base, self.completions)
        self.measured.append({name: x for name, x in measured.items() if x is not None})
        record.write_completions(self.folder / f"{self.step:06d}.parquet", pool, kept)
        return rewards

    def _watched(
        self, rewards: Sequence[float | None], kept: Sequence[bool]
    ) -> dict[str, float | None]:
        """Let the second verifier judge a sample; return shares accepted and right, and the gap."""
        watch = self.run.config.grpo.watch
        if watch is None or self.run.watch_pool is None:
            return {}
        every = max(1, len(self.completions) // watch.sample)
        chosen = range(0, len(self.completions), every)
        sample = [self.completions[i] for i in chosen]
        by_id = {problem.id: problem for problem in self.problems.problems}
        asked = [(by_id[one.problem_id], one.text) for one in sample]
        pairs = [
            (kept[i], verdict.status == "correct")
            for i, verdict in zip(chosen, self.run.watch_pool.verify(asked), strict=True)
            if rewards[i] is not None and verdict.status in DECIDED
        ]
        rewarded, right = (_mean([float(pair[k]) for pair in pairs]) for k in (0, 1))
        gap = None if rewarded is None or right is None else rewarded - right
        return {"watch_rewarded": rewarded, "watch_correct": right, "watch_gap": gap}

    def agree(self, trained: Any, sampled: Any, mask: Any) -> None:
        """Compare the trainer's log-probabilities, shape (rows, tokens), with the engine's.

        Raises RunError when their mean gap (nats a token) is above the bound, because the engine
        would have sampled from other weights than the trainer's.
        """
        self.gaps.append((float(((trained - sampled).abs() * mask).sum()), float(mask.sum())))
        tokens = sum(n for _, n in self.gaps)  # 0 where TRL masks all that was cut off
        gap = sum(total for total, _ in self.gaps) / max(tokens, 1)
        settings, precision = self.run.config.grpo, self.run.config.train.precision
        bound = settings.max_logprob_gap or logprob_gap_bound(precision, bool(settings.trl_vllm))
        place = self.place
        at = f"{place.arm}, seed {place.seed}, round {place.round}, step {self.step + 1}"
        if math.isnan(gap):
            raise RunError(
                f"{at}: training diverged: log-probabilities are no numbers any more; "
                "lower grpo.lr, and give another folder with --out"
            )
        if gap > bound:
            raise RunError(
                f"{at}: engine and trainer differ by {gap:.4g} nats a token on what "
                f"was sampled (bound {bound:g}, grpo.max_logprob_gap): the engine's weights are "
                "stale or its rounding is too coarse; the step was not taken"
            )
        self.measured[-1]["logprob_gap"] = gap

    def note(self, logged: Sequence[dict[str, float]]) -> None:
        """Write each step's metrics, our own and those that TRL logged, and the leg's times."""
        for i, (mine, theirs) in enumerate(zip(self.measured, logged, strict=True)):
            more = {ours: theirs[name] for name, ours in LOGGED.items() if name in theirs}
            record.write_json(self.folder / f"{self.first + i:06d}.json", more | mine)
        rest = time.monotonic() - self.began - sum(self.wait.values())
        for name, seconds in {**self.wait, "train": rest}.items():
            counted = self.tokens if name in ("generate", "train") else 0
            self.run.timing.add(self.place, name, seconds, counted)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _autocast(precision: str) -> Any:
    """Return the context in which a forward pass has the precision of the training."""
    import torch

    device = "cuda" if on_gpu() else "cpu"
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16")


def _sync(run: Run, model: Any) -> None:
    """Load the trainer's weights into the engine, in its precision, through a folder in memory."""
    import torch
    from safetensors.torch import save_file

    weights = _weights(model)
    if run.engine.dtype == "bfloat16":
        weights = {name: value.to(torch.bfloat16) for name, value in weights.items()}
    size = sum(value.numel() * value.element_size() for value in weights.values())
    shared = Path("/dev/shm")
    fits = shared.is_dir() and shutil.disk_usage(shared).free > 1.1 * size
    with tempfile.TemporaryDirectory(
        prefix="rlvr-weights-", dir=shared if fits else run.scratch
    ) as folder:
        save_file(weights, Path(folder) / "model.safetensors", {"format": "pt"})
        run.engine.reload(Path(folder))


def _weights(model: Any) -> dict[str, Any]:
    """Return copies of the weights by the names of the plain model, with adapters merged in."""
    if not hasattr(model, "peft_config"):
        return {name: value.detach().contiguous() for name, value in model.named_parameters()}
    model.merge_adapter()
    try:
        return {
            name.removeprefix("base_model.model.").replace(
                ".base_layer", ""
            ): value.detach().clone()
            for name, value in model.named_parameters()
            if ".lora_" not in name
        }
    finally:
        model.unmerge_adapter()


def _entropy(completions: Sequence[Completion]) -> float | None:
    """Return the policy's entropy on its samples at temperature 1, in nats a token.

    It is the mean of minus the log-probability of a sampled token, whose expectation is the
    entropy.
    """
    return _mean([-logprob for one in completions for logprob in one.logprobs])


def _kl(base: Any, completions: Sequence[Completion]) -> float:
    """Return the KL from the base on a sample, in nats a token: the mean of exp(r) - r - 1.

    r is the base's log-probability of a sampled token minus the policy's (the estimator k3 of
    Schulman, 2020, "Approximating KL divergence", as in GRPO, 2402.03300, eq. 4).
    """
    import torch

    chosen = completions[:: max(1, len(completions) // KL_SAMPLE)]
    sequences = [[*one.prompt_token_ids, *one.token_ids] for one in chosen]
    length = max(map(len, sequences))
    ids = torch.zeros(len(chosen), length, dtype=torch.long)
    mask = torch.zeros(len(chosen), length, dtype=torch.long)
    policy = torch.zeros(len(chosen), length)
    counted = torch.zeros(len(chosen), length)
    for i, (one, tokens) in enumerate(zip(chosen, sequences, strict=True)):
        begin, end = len(one.prompt_token_ids), len(tokens)
        ids[i, :end], mask[i, :end] = torch.tensor(tokens), 1
        policy[i, begin:end], counted[i, begin:end] = torch.tensor(one.logprobs), 1
    # Logits cost more than the rest of a small model, so the prompts get none.
    first = min(len(one.prompt_token_ids) for one in chosen)
    policy, counted, sampled = policy[:, first:], counted[:, first:], ids[:, first:]
    with torch.no_grad():
        device = base.device
        keep = length - first + 1
        at_once = max(1, LOGITS // (keep * base.config.get_text_config().vocab_size))
        scores = []
        for begin in range(0, len(chosen), at_once):
            rows = slice(begin, begin + at_once)
            logits = base(
                input_ids=ids[rows].to(device),
                attention_mask=mask[rows].to(device),
                logits_to_keep=keep,
            ).logits[:, :-1]
            found = logits.float().log_softmax(-1).gather(2, sampled[rows, :, None].to(device))
            scores.append(found[..., 0].cpu())
    r = (torch.cat(scores) - policy) * counted
    return float(((r.exp() - r - 1) * counted).sum() / counted.sum())


# What a round writes


def _gather(folder: Path, facts: Path) -> None:
    """Merge the steps' completions into one file, then their metrics into steps.json."""
    steps = sorted((folder / STEPS).glob("*.parquet"))
    everything = Joined(*(Stored(path, JUDGED) for path in steps))
    kept = itertools.chain.from_iterable(map(record.read_kept, steps))
    record.write_completions(folder / COMPLETIONS, everything, kept)
    measured = [json.loads(path.with_suffix(".json").read_text()) for path in steps]
    record.write_json(facts, measured)


def _found(run: Run, seed: Seed, place: Place, measured: Sequence[dict[str, float]]) -> Metrics:
    """Return each step's metrics, at levels `step-00001` ... counted from the base, and means."""
    path = place.folder(run.folder) / COMPLETIONS
    completions, rewarded = Stored(path, JUDGED), record.read_kept(path)
    n = len(completions) // len(measured)
    before = _steps_before(place.round, run.config)
    found = [
        metrics.metric(f"step.{name}", value, n, f"{metrics.STEP}{before + i + 1:05d}")
        for i, step in enumerate(measured)
        for name, value in sorted(step.items())
    ]
    for name in sorted(set().union(*measured)):
        values = [step[name] for step in measured if name in step]
        found.append(metrics.metric(f"step.{name}", sum(values) / len(values), len(values)))
    levels = {problem.id: problem.level for problem in seed.of_round(place).problems}
    selected = Selected(completions, rewarded, levels, tells_luck=False)
    found += table.compute([table.TRAINING], selected)
    tokens = sum(len(token_ids) for (token_ids,) in completions.pick("token_ids"))
    for name, value in (
        ("train_steps", len(measured)),
        ("train_tokens", tokens),
        ("sampled", len(completions)),
        ("kept", sum(rewarded)),
        ("rows", len(completions)),
    ):
        found.append(metrics.metric(name, value, len(completions)))
    return found


LEARNER = Learner(
    train=learn,
    online=True,
    section="grpo",
    check=check,
    checkpoint=latest,
    gathered=gathered,
    rewrites=rewrites,
    forget=forget,
)
