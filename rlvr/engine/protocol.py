"""Protocol: what the project asks of an engine. Another engine is another file beside `vllm.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rlvr.data import FinishReason

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Decoding:
    """How tokens are drawn. Temperature 0 is greedy."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 16


@dataclass(frozen=True, slots=True)
class Sampled:
    """One engine output: token ids with the EOS, and their logprobs (nats, at temperature 1)."""

    token_ids: Tokens
    logprobs: tuple[float, ...]
    finish_reason: FinishReason


class Engine(Protocol):
    """What samples and scores, with the weights that it was last given.

    dtype: the precision it computes in. start_seconds: how long its start took.
    """

    dtype: str
    start_seconds: float

    def load(self, model: Path) -> float:
        """Load the weights of a model folder and prove it on the folder's probes.

        Returns the mean gap from transformers' logprobs (nats a token). Raises RunError above the
        engine's bound.
        """

    def reload(self, model: Path) -> None:
        """Load the weights of a model folder; the caller proves what is sampled from them."""

    def rest(self) -> None:
        """Hand memory back while the trainer works: the engine needs a `load` afterwards."""

    def stream(
        self,
        prompts: Sequence[Tokens],
        decoding: Decoding,
        seeds: Sequence[int],
        wait_seconds: float | None = None,
    ) -> Iterator[list[tuple[int, Sampled]]]:
        """Sample one completion a prompt; yield (place of the prompt, completion) as they finish.

        In parts; an empty one says that nothing was finished within `wait_seconds`.
        """

    def score(self, sequences: Sequence[Tokens]) -> list[tuple[float, ...]]:
        """Return for each sequence of n tokens the n-1 logprobs (nats) of all but its first."""

    def close(self) -> None:
        """End the engine; pending work is dropped."""
