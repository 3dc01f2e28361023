"""Devices: where the sums of engine and trainer are done."""

from __future__ import annotations

import functools


@functools.cache
def on_gpu() -> bool:
    """Whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()
