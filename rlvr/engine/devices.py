"""Devices: says whether engine and trainer compute on a GPU."""

from __future__ import annotations

import functools


@functools.cache
def on_gpu() -> bool:
    """Return whether torch sees a CUDA device."""
    import torch

    return torch.cuda.is_available()
