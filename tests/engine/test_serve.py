"""The engine's sampler on a CPU: on all cores the very tokens that vLLM draws on one."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rlvr.engine.serve import SMALL, _draw_in_threads


@pytest.mark.parametrize("top_p", [None, 0.8])
@pytest.mark.parametrize(("rows", "vocabulary"), [(3, 20), (40, SMALL // 16)])
@pytest.mark.parametrize("unseeded", [0, 1])
def test_the_tokens_are_vllms(
    rows: int, vocabulary: int, top_p: float | None, unseeded: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vllm.v1.sample.ops.topk_topp_sampler import TopKTopPSampler

    theirs = TopKTopPSampler.forward_cpu
    monkeypatch.setattr(TopKTopPSampler, "forward_cpu", theirs)  # put back after the test
    _draw_in_threads()
    sampler = SimpleNamespace(logprobs_mode="raw_logprobs", use_fp64_gumbel=False)
    logits = torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(1))
    p = None if top_p is None else torch.full((rows,), top_p)

    def drawn(forward: Any) -> list[list[int]]:
        torch.manual_seed(0)
        seeded = range(rows - unseeded)
        generators = {row: torch.Generator().manual_seed(row) for row in seeded}
        with torch.inference_mode():
            return [
                forward(sampler, logits.clone(), generators, None, p)[0].tolist() for _ in range(3)
            ]

    ours = drawn(TopKTopPSampler.forward_cpu)
    assert ours == drawn(theirs)
    assert ours[0] != ours[1]
