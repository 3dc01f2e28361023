"""Protocol: what an engine must do.

To add an engine, add a file beside `vllm.py` that ends in `ENGINE`, the engine's class.
`engine.name` in a config chooses it by the file's name.
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
    """How the engine draws tokens. Temperature 0 is greedy.

    `top_k` 0: all tokens. `min_p`: the least probability of a token, as a share of the likeliest
    one's. `repetition_penalty` 1: none. `stop`: a completion ends with the token that makes one of
    these texts whole.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 16
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sampled:
    """One sampled completion: token ids with the EOS, and their logprobs (nats, temperature 1)."""

    token_ids: Tokens
    logprobs: tuple[float, ...]
    finish_reason: FinishReason


class Engine(Protocol):
    """An engine samples and scores with the weights that it was last given.

    dtype: the precision in which it computes. start_seconds: how long its start took.

    Use it as a context manager, which closes it at the end.
    """

    dtype: str
    start_seconds: float

    def __init__(self, model: Path, dtype: str, arguments: Mapping[str, Any] | None = None) -> None:
        """Start with the weights of a model folder; may return before the engine is ready.

        `arguments`: the config's `engine`, without its `name`. In a run they always have
        `max_model_len`, the number of tokens of the longest sequence.
        """

    def wait_ready(self) -> dict[str, Any]:
        """Wait until the engine is ready; return what it says about itself.

        Raises RunError if it can't start.
        """

    def load(self, model: Path) -> float:
        """Load the weights of a model folder, and check the result on its probes (`probes.py`).

        Returns the mean gap from transformers' logprobs (nats a token). Raises RunError above the
        engine's bound.
        """

    def reload(self, model: Path) -> None:
        """Load the weights of a model folder without a check; the caller checks the samples."""

    def rest(self) -> None:
        """Give memory back while the trainer works. Afterwards the engine needs a `load`."""

    def stream(
        self,
        prompts: Sequence[Tokens],
        decoding: Decoding,
        seeds: Sequence[int],
        wait_seconds: float | None = None,
    ) -> Iterator[list[tuple[int, Sampled]]]:
        """Sample one completion for each prompt; yield lists of (prompt's position, completion).

        Each list has what has finished since the last one. An empty list says that nothing finished
        within `wait_seconds`.
        """

    def generate(
        self, prompts: Sequence[Tokens], decoding: Decoding, seeds: Sequence[int]
    ) -> list[Sampled]:
        """Sample one completion for each prompt, in the order of the prompts."""
        results = dict(one for part in self.stream(prompts, decoding, seeds) for one in part)
        return [results[place] for place in range(len(prompts))]

    def score(self, sequences: Sequence[Tokens]) -> list[tuple[float, ...]]:
        """Return the logprobs (nats) of each sequence: n-1 for n tokens, without the first."""

    def close(self) -> None:
        """End the engine, and drop pending work."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
