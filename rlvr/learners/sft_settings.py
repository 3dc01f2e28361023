"""Settings: the keys of `train` and `warm_start`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from rlvr.learners import trl_keys
from rlvr.learners.held_back import EarlyStopConfig
from rlvr.sections import AboveZero, Positive, Section, Share, configs_folder


def accelerate_configs() -> dict[str, Path]:
    """Return the package's own config files for `accelerate launch`: name -> path."""
    return {path.stem: path for path in sorted(configs_folder().glob("accelerate/*.yaml"))}


class LoraConfig(Section):
    """Low-rank adapters, merged into the weights after each round."""

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class TrainConfig(Section):
    """One round of fine-tuning: `steps` of `batch_size` rows at a constant learning rate.

    `trl`: further keys of TRL's SFTConfig, such as `{lr_scheduler_type: cosine, warmup_steps: 5}`.
    A schedule begins again with each round. They do not hold for the warm start, so that runs with
    other keys have the same base. A key that rlvr owns is refused with what to write in its place.

    If `processes` is more than 1, `accelerate launch` starts them. The file `accelerate` says how
    they share the work: ddp, fsdp2 or deepspeed (configs/accelerate/), or the path of your own
    file.
    """

    steps: Positive = 60
    batch_size: Positive = 256
    micro_batch: Positive | None = None
    lr: AboveZero = 5e-4
    precision: Literal["fp32", "bf16"] = "fp32"
    lora: LoraConfig | None = None
    processes: Positive = 1
    accelerate: str = "ddp"
    trl: dict[str, Any] = {}
    early_stop: EarlyStopConfig | None = None

    @field_validator("trl")
    @classmethod
    def _handed_on(cls, value: dict[str, Any]) -> dict[str, Any]:
        trl_keys.check("train", value)
        return value

    @model_validator(mode="after")
    def _launcher(self) -> TrainConfig:
        known = accelerate_configs()
        if self.accelerate not in known and not Path(self.accelerate).is_file():
            raise ValueError(
                f"accelerate: {self.accelerate!r} is no file, and none of {', '.join(known)}"
            )
        if self.early_stop and (self.lora or self.processes > 1):
            raise ValueError("early_stop works neither with lora nor with several processes")
        if self.lora and self.accelerate != "ddp":
            raise ValueError(f"accelerate: {self.accelerate}: lora needs ddp: drop one of the two")
        if self.accelerate == "deepspeed" and self.processes > 1 and self.precision == "bf16":
            raise ValueError(
                "accelerate: deepspeed: with precision bf16 it gives back weights rounded to "
                "bfloat16, and small updates are lost each round: write ddp or fsdp2, or fp32"
            )
        return self


class WarmStartConfig(Section):
    """Supervised training on real solutions before round 1.

    It ends when pass@1 on held-back problems reaches `until`, or after `max_steps`.
    """

    problems: Positive = 2000
    lr: AboveZero = 2e-3
    batch_size: Positive = 256
    max_steps: Positive = 600
    until: Share | None = None
    check_every: Positive = 10
    held_back: Positive = 200
