"""Settings: the keys of `generate`, and the keys of `engine` that rlvr itself reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlvr.sections import Positive, Rate, Section, Share

# The keys of `engine` that rlvr itself reads.
ENGINE_SIZES = {
    "max_model_len",
    "max_num_seqs",
    "tensor_parallel_size",
    "pipeline_parallel_size",
    "data_parallel_size",
}


class GenerateConfig(Section):
    """What each arm samples in each round: `prompts` problems, `samples` completions of each."""

    prompts: Positive = 1000
    samples: Positive = 4
    temperature: Rate = 1.0
    top_p: Share = 1.0
    max_tokens: Positive = 16


def check_sizes(arguments: Mapping[str, Any]) -> None:
    """Raise ValueError if a size among the engine's arguments is not a whole number above 0."""
    for key in ENGINE_SIZES & arguments.keys():
        if type(arguments[key]) is not int or arguments[key] < 1:
            raise ValueError(f"{key} must be a whole number above 0: {arguments[key]!r}")
