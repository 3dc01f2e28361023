"""Devices: whether engine and trainer compute on a GPU, and how fast the CPU is in bfloat16."""

from __future__ import annotations

import functools
import time
from typing import Any

TRIES = 3


@functools.cache
def on_gpu() -> bool:
    """Return whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()


def one_gpu(arguments: Any) -> Any:
    """Let a trainer of this process use one GPU, though torch may see more; return its arguments.

    Otherwise transformers takes all of them (DataParallel), which TRL refuses. A process that a
    launcher has started has one anyway.
    """
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1
    return arguments


@functools.cache
def bf16_speed() -> float:
    """Return how many times as fast as in float32 this CPU multiplies in bfloat16.

    Measured, because names of processors say little: above 1 where it has instructions for
    bfloat16, 1/30 or less where it has AVX2 alone. Of three tries the fastest counts. Takes less
    than a second.
    """
    import torch

    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        rows, weights = torch.ones(256, 512, dtype=dtype), torch.ones(512, 512, dtype=dtype)
        tries = []
        for _ in range(TRIES):
            began = time.perf_counter()
            rows @ weights
            tries.append(time.perf_counter() - began)
        seconds[dtype] = min(tries)
    return seconds[torch.float32] / seconds[torch.bfloat16]
