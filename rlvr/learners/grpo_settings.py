"""Settings: the keys of `grpo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rlvr.data import Arm
from rlvr.learners import trl_keys
from rlvr.sections import AboveZero, Positive, Section, Share
from rlvr.verify.settings import NamedConfig, name_alone

if TYPE_CHECKING:
    from rlvr.config import Config


class WatchConfig(Section):
    """Verdicts of another verifier, a stricter one say, on about `sample` completions a step."""

    verifier: NamedConfig
    sample: Positive = 32

    _name_alone = field_validator("verifier", mode="before")(name_alone)


class TrlVllmConfig(Section):
    """TRL's own vLLM samples the steps in place of rlvr's engine: GRPOConfig's `vllm_` keys.

    It needs a GPU. `server` is a `trl vllm-serve` that runs elsewhere.
    """

    mode: Literal["colocate", "server"] = "colocate"
    gpu_memory_utilization: Share = 0.3
    max_model_length: Positive | None = None
    enable_sleep_mode: bool = False
    server_base_url: str | None = None


class GrpoConfig(Section):
    """Online RL with TRL's GRPOTrainer, the learner of arms with `learner: grpo`.

    A round is `steps` optimiser steps, each on its share of the round's prompts: a group is
    `generate.samples` completions of one prompt. Precision, micro-batch and LoRA are those of
    `train`. Defaults, with their reasons:

    - `loss_type: dapo`: a mean over the batch's tokens, so that long completions are not favoured
      (DAPO, 2503.14476, eq. 8).
    - `scale_rewards: none`: dividing by the group's standard deviation favours prompts that are
      almost all right or wrong (Dr. GRPO, 2503.20783, section 3.1).
    - `beta: 0`: with verified rewards a penalty on the KL from the base is not needed (2503.14476,
      section 2.3; 2503.20783, section 3.2). The KL is measured in any case.
    - `epsilon: 0.2` (PPO, 1707.06347, section 6.1), `epsilon_high: 0.28` (2503.14476, section 3.1).
      With one step for each batch the ratio is 1 and nothing is clipped. `loss_type: cispo` takes
      `epsilon_high` as the most that the ratio may be, so it must be 1 or more.
    - `lr`: Adam's constant learning rate on every weight. Adam keeps its moments over all steps
      and rounds.

    `partial_credit` rewards the share of tests passed, where there are tests. `format_reward` is
    added for an answer that could be read, right or wrong. `checkpoint_every`: steps between
    checkpoints (null: once a round). `max_logprob_gap`: how many nats a token engine and trainer
    may differ on the samples (null: `logprob_gap_bound`). `trl_vllm`: lets TRL's own vLLM sample in
    a step (null: rlvr's engine samples). rlvr's engine evaluates in both cases. `trl`: further keys
    of TRL's GRPOConfig, such as `{lr_scheduler_type: cosine, warmup_steps: 5}`. A schedule has all
    steps of all rounds. A key that rlvr owns is refused with what to write in its place.
    """

    steps: Positive = 20
    lr: AboveZero = 1e-5
    loss_type: Literal["grpo", "bnpo", "dr_grpo", "dapo", "cispo", "sapo", "luspo", "vespo"] = (
        "dapo"
    )
    scale_rewards: Literal["group", "batch", "none"] = "none"
    beta: Annotated[float, Field(ge=0)] = 0.0
    epsilon: AboveZero = 0.2
    epsilon_high: AboveZero = 0.28
    partial_credit: bool = False
    format_reward: Annotated[float, Field(ge=0)] = 0.0
    checkpoint_every: Positive | None = None
    max_logprob_gap: AboveZero | None = None
    watch: WatchConfig | None = None
    trl_vllm: TrlVllmConfig | None = None
    trl: dict[str, Any] = {}

    @field_validator("trl")
    @classmethod
    def _handed_on(cls, value: dict[str, Any]) -> dict[str, Any]:
        trl_keys.check("grpo", value)
        return value

    @model_validator(mode="after")
    def _read_by_trl(self) -> GrpoConfig:
        for name in self.trl:
            if name.startswith("vllm_") and self.trl_vllm is None:
                raise ValueError(
                    f"trl.{name}: only TRL's own vLLM reads it: set grpo.trl_vllm, or leave it out"
                )
        return self


def logprob_gap_bound(precision: str, by_trl: bool) -> float:
    """Return the default bound (nats a token) on the gap between engine and trainer.

    `by_trl`: TRL's own vLLM samples. TRL gives it no dtype, so it loads float32 weights as bfloat16
    (with a tiny model in fp32 on an H100 the gap was 0.005).
    """
    return 0.1 if by_trl or precision == "bf16" else 1e-3


def schedule_has_all_rounds(settings: GrpoConfig) -> bool:
    """Whether a step's learning rate depends on how many rounds the run has."""
    warm_up = settings.trl.get("warmup_steps", 0)
    kind = settings.trl.get("lr_scheduler_type", "constant")
    flat = kind == "constant" or (kind == "constant_with_warmup" and not 0 < warm_up < 1)
    return not flat


REWARDED = ("verified", "inverted", "random", "majority", "format-only")


def check(config: Config, arm: Arm) -> None:
    """Raise ValueError if a config has an arm that this learner can't train."""
    where = f"arms: {arm.name!r}: learner: grpo"
    if arm.keep not in REWARDED:
        raise ValueError(f"{where}: keep: {arm.keep} is no reward (known: {', '.join(REWARDED)})")
    sized = arm.match is not None or arm.share is not None or arm.cap is not None
    if sized or arm.real_fraction or arm.memory != "replace" or arm.start != "previous":
        raise ValueError(
            f"{where} trains on each step's completions alone: drop match, share, cap, "
            "real_fraction, memory and start"
        )
    if arm.band or arm.unique or arm.prefer or arm.control:
        raise ValueError(
            f"{where} trains on all that it samples: drop band, unique, prefer and control"
        )
    if arm.author != "model":
        raise ValueError(f"{where} trains on the model's own samples: drop author")
    for other in config.arms:
        if other.match == arm.name:
            raise ValueError(
                f"arms: {other.name!r} matches {arm.name!r}, which keeps none: its learner is grpo"
            )
    if config.corpus is not None:
        raise ValueError(f"{where} rewards what the model samples: drop the corpus")
    settings, sampling, train = config.grpo, config.generate, config.train
    if sampling.decoding() != sampling.plain():
        raise ValueError(
            f"{where} needs samples of the policy itself: temperature and top_p 1, top_k and min_p "
            "0, repetition_penalty 1"
        )
    if sampling.stop and settings.trl_vllm:
        raise ValueError("grpo.trl_vllm: TRL's vLLM does not end at generate.stop: drop one of two")
    if sampling.stop and settings.trl.get("mask_truncated_completions"):
        raise ValueError(
            "grpo.trl.mask_truncated_completions: TRL takes what ends at generate.stop for "
            "truncated: drop one of two"
        )
    if sampling.samples < 2:
        raise ValueError(f"{where} compares a group: set generate.samples to 2 or more")
    if train.processes > 1:
        raise ValueError(f"{where} trains in one process: set train.processes: 1")
    if train.lora is not None and train.lora.dropout:
        raise ValueError(
            f"{where} trains on what the engine samples, which has no dropout: set "
            "train.lora.dropout: 0"
        )
    if settings.loss_type == "cispo" and settings.epsilon_high < 1:
        raise ValueError(
            f"grpo.epsilon_high: {settings.epsilon_high:g} would be the most that the ratio may be "
            "under cispo, and the ratio is 1: give 1 or more (TRL advises 5)"
        )
    if sampling.prompts % settings.steps:
        raise ValueError(
            f"grpo.steps: {settings.steps} does not divide generate.prompts, "
            f"{sampling.prompts}: each step takes as many prompts"
        )
    rows = sampling.prompts // settings.steps * sampling.samples
    if rows % (train.micro_batch or 1):
        raise ValueError(
            f"train.micro_batch: {train.micro_batch} does not divide the {rows} completions of "
            "a step of grpo"
        )
    every = settings.checkpoint_every or settings.steps
    if settings.steps % every:
        raise ValueError(f"grpo.checkpoint_every: {every} does not divide {settings.steps} steps")
