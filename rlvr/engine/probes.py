"""Probes: a few sequences with transformers' own logprobs, kept beside the weights they belong to.

After each change of weights the engine scores the same sequences. If its logprobs differ from those
of transformers, it would sample from other weights than the trained ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data import RunError
from rlvr.engine.protocol import Tokens

PROBES = "probes.json"
FLOAT32_TOLERANCE = 1e-3
# In half precision an engine may differ by this many times the rounding error of transformers.
ROUNDINGS = 2.5


@dataclass(frozen=True, slots=True)
class Probes:
    """Sequences and their logprobs (nats) in transformers: n - 1 for a sequence of n tokens.

    rounding: how much bfloat16 products change them (mean absolute difference, nats a token).
    """

    token_ids: list[Tokens]
    logprobs: list[list[float]]
    rounding: float

    def prove(self, scored: Sequence[Sequence[Tokens]], model: Path, dtype: str) -> float:
        """Return how much an engine's logprobs differ (mean absolute difference, nats a token).

        `scored`: the logprobs of the sequences from each replica of the engine; the worst replica
        counts. Raises RunError above the bound. In half precision the bound grows with `rounding`.
        """
        worst = 0.0
        for replica in scored:
            pairs = [
                (ours, theirs)
                for mine, reference in zip(replica, self.logprobs, strict=True)
                for ours, theirs in zip(mine, reference, strict=True)
            ]
            gap = sum(abs(a - b) for a, b in pairs) / max(1, len(pairs))
            worst = gap if math.isnan(gap) else max(worst, gap)
        rounding = max(FLOAT32_TOLERANCE, ROUNDINGS * self.rounding)
        bound = FLOAT32_TOLERANCE if dtype == "float32" else rounding
        if not worst <= bound:
            raise RunError(
                f"stale or wrong weights in the engine: after loading {model} its logprobs differ "
                "from "
                f"transformers' by {worst:.4g} nats a token (bound {bound:.2g} for {dtype}); "
                "nothing of this round was recorded; run the same command again"
            )
        return worst


def read_probes(model: Path) -> Probes:
    """Return the probes of a model folder."""
    read = json.loads((model / PROBES).read_text())
    token_ids = [tuple(ids) for ids in read["token_ids"]]
    return Probes(token_ids, read["logprobs"], read["rounding"])


def write_probes(model: Any, sequences: Iterable[Tokens], folder: Path) -> None:
    """Write transformers' own logprobs of the probe sequences beside the weights they belong to.

    `Probes.prove` compares an engine with them. They are computed from the float32 weights in
    memory, one sequence at a time. `rounding` is measured with bfloat16 products.
    """
    import torch

    # During training accelerate wraps `forward` in its autocast; the exact one lies inside.
    forward = getattr(model, "_original_forward", model)

    def score(ids: list[int]) -> Any:
        tokens = torch.tensor([ids], device=model.device)
        scores = forward(input_ids=tokens).logits[0, :-1].float().log_softmax(-1)
        return scores.gather(1, tokens[0, 1:, None])[:, 0]

    token_ids = [list(ids) for ids in sequences]
    with torch.no_grad():
        exact = [score(ids) for ids in token_ids]
        with torch.autocast(model.device.type, torch.bfloat16):
            rounded = [score(ids) for ids in token_ids]
    gaps = torch.cat([(a - b).abs() for a, b in zip(exact, rounded, strict=True)])
    probes = {
        "token_ids": token_ids,
        "logprobs": [scores.tolist() for scores in exact],
        "rounding": float(gaps.mean()) if len(gaps) else 0.0,
    }
    (folder / PROBES).write_text(json.dumps(probes))
