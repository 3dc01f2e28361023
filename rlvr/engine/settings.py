"""Settings: the keys of `generate`, and the keys of `engine` that rlvr itself reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from rlvr.engine.protocol import Decoding
from rlvr.sections import AboveZero, Portion, Positive, Section, Share

# The keys of `engine` that rlvr itself reads.
ENGINE_SIZES = {
    "max_model_len",
    "max_num_seqs",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
}


def gpus_of(engine: Mapping[str, Any]) -> int:
    """Return how many GPUs one replica of an engine takes."""
    parts = ("tensor_parallel_size", "pipeline_parallel_size")
    return math.prod(int(engine.get(part, 1)) for part in parts)


class GenerateConfig(Section):
    """What each arm samples in each round: `prompts` problems, `samples` completions of each.

    `top_p`, `top_k` (0: all tokens), `min_p` and `repetition_penalty` are vLLM's. Like
    `temperature` they hold for what an arm selects from; the evaluation samples without them.
    `stop`: a text, or a list, at which every completion of the run ends, in the evaluation too.
    The tokens of that text are sampled and trained on; verifiers do not see it.
    """

    prompts: Positive = 1000
    samples: Positive = 4
    temperature: AboveZero = 1.0
    top_p: Share = 1.0
    top_k: Annotated[int, Field(ge=0)] = 0
    min_p: Portion = 0.0
    repetition_penalty: AboveZero = 1.0
    max_tokens: Positive = 16
    stop: list[Annotated[str, Field(min_length=1)]] = []

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    def decoding(self) -> Decoding:
        """Return how the completions are drawn that arms select from."""
        return Decoding(
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            top_k=self.top_k,
            min_p=self.min_p,
            repetition_penalty=self.repetition_penalty,
            stop=tuple(self.stop),
        )

    def plain(self, temperature: float = 1.0) -> Decoding:
        """Return how the policy itself is sampled: at a temperature alone, 0 for greedy."""
        return Decoding(temperature, 1.0, self.max_tokens, stop=tuple(self.stop))


def check_sizes(arguments: Mapping[str, Any]) -> None:
    """Raise ValueError if a size among the engine's arguments is not a whole number above 0."""
    for key in ENGINE_SIZES & arguments.keys():
        if type(arguments[key]) is not int or arguments[key] < 1:
            raise ValueError(f"{key} must be a whole number above 0: {arguments[key]!r}")
