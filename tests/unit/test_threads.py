"""Memory handed back to the kernel: that of the tensor, and nothing beside it."""

from __future__ import annotations

import mmap
from pathlib import Path

import psutil
import pytest

from rlvr.engine.threads import forget, set_aside


def test_a_forgotten_tensor_holds_no_memory() -> None:
    import torch

    tensor = torch.ones(64 << 20, dtype=torch.uint8)
    before = psutil.Process().memory_info().rss
    forget([tensor, tensor.view(64, -1)])
    assert before - psutil.Process().memory_info().rss > 60 << 20
    assert int(tensor[mmap.PAGESIZE : -mmap.PAGESIZE].sum()) == 0
    tensor.fill_(3)
    assert int(tensor.sum()) == 3 * (64 << 20)


@pytest.mark.parametrize("size", [1, 100, mmap.PAGESIZE, mmap.PAGESIZE + 1, 3 * mmap.PAGESIZE - 7])
def test_what_lies_beside_it_stays(size: int) -> None:
    import torch

    tensors = [torch.full((size,), i % 251 + 1, dtype=torch.uint8) for i in range(60)]
    forget(tensors[::3])
    for i, tensor in enumerate(tensors):
        if i % 3:
            assert bool((tensor == i % 251 + 1).all())


def test_what_is_set_aside_holds_no_memory_and_comes_back_whole(tmp_path: Path) -> None:
    import torch

    big, small = torch.randn(16 << 20), torch.arange(7)
    expected, file = [big.clone(), small.clone()], tmp_path / "aside"
    before = psutil.Process().memory_info().rss
    with set_aside([big, big.view(4, -1), small], file):
        assert before - psutil.Process().memory_info().rss > 60 << 20
        assert file.stat().st_size == 4 * (16 << 20) + 8 * 7
    assert torch.equal(big, expected[0]) and torch.equal(small, expected[1])
    with pytest.raises(ZeroDivisionError), set_aside([big], file):
        raise ZeroDivisionError
    assert torch.equal(big, expected[0]) and list(tmp_path.iterdir()) == []
