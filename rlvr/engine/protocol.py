"""Protocol: what the project asks of an engine.

Another engine is another file beside `vllm.py`, which ends in `ENGINE`, its class; `engine.name` in
a config chooses it by the file's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

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

    Use as a context manager: it is closed at the end.
    """

    dtype: str
    start_seconds: float

    def __init__(self, model: Path, dtype: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Start with the weights of a model folder; may return before it is ready.

        `arguments`: the config's `engine`, without its `name`. `max_model_len` is always there in a
        run: tokens of the longest sequence.
        """

    def wait_ready(self) -> dict[str, Any]:
        """Wait until it serves; return what it says of itself.

        Raises RunError if it can't start.
        """

    def load(self, model: Path) -> float:
        """Load the weights of a model folder and prove it on the folder's probes (`probes.py`).

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

    def generate(
        self, prompts: Sequence[Tokens], decoding: Decoding, seeds: Sequence[int]
    ) -> list[Sampled]:
        """Sample one completion a prompt, order kept."""
        results = dict(one for part in self.stream(prompts, decoding, seeds) for one in part)
        return [results[place] for place in range(len(prompts))]

    def score(self, sequences: Sequence[Tokens]) -> list[tuple[float, ...]]:
        """Return for each sequence of n tokens the n-1 logprobs (nats) of all but its first."""

    def close(self) -> None:
        """End the engine; pending work is dropped."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
