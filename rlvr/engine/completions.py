"""Completions: turns what an engine samples into completions, with texts, seeds and places."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rlvr.data import Completion, Problem, RunError
from rlvr.engine.protocol import Decoding, Engine, Sampled, Tokens
from rlvr.records.layout import Place

Progress = Callable[[int, int], None]


def request_seed(seed: int, round_: int, problem_id: str, index: int) -> int:
    """Return the 63-bit seed of one request. It is equal in all arms, so that they share noise."""
    key = f"{seed}/{round_}/{problem_id}/{index}".encode()
    return int.from_bytes(hashlib.sha256(key).digest()[:8], "big") >> 1


def stream_completions(
    engine: Engine,
    tokenizer: Any,
    problems: Sequence[Problem],
    prompts: Sequence[Tokens],
    decoding: Decoding,
    samples: int,
    place: Place,
    progress: Progress | None = None,
    wait_seconds: float | None = 0.0,
) -> Iterator[Completion | None]:
    """Yield `samples` completions of each problem as they finish, and None in between.

    None comes before each part of them, and whenever nothing has finished for `wait_seconds`, so
    that the caller can do other work. If `wait_seconds` is None, the caller waits as long as it
    takes. `progress(done, tokens)` is called up to 20 times a second. Raises RunError when the
    engine died.
    """
    keys = [(i, k) for i in range(len(problems)) for k in range(samples)]
    parts = engine.stream(
        [prompts[i] for i, _ in keys],
        decoding,
        [request_seed(place.seed, place.round, problems[i].id, k) for i, k in keys],
        wait_seconds,
    )
    done = tokens = 0
    for part in parts:
        yield None  # also before the first part: the caller can judge while the engine works
        if not part:
            continue
        yield from completions_of(tokenizer, problems, prompts, part, samples, place, decoding.stop)
        done += len(part)
        tokens += sum(len(sampled.token_ids) for _, sampled in part)
        if progress:
            progress(done, tokens)
    if done != len(keys):
        raise RunError(f"the engine gave {done} of {len(keys)} completions: run again to resume")


def in_order(problems: Sequence[Problem], completions: Iterable[Completion]) -> list[Completion]:
    """Return completions problem-major, then by index."""
    positions = {problem.id: position for position, problem in enumerate(problems)}
    return sorted(completions, key=lambda one: (positions[one.problem_id], one.index))


def completions_of(
    tokenizer: Any,
    problems: Sequence[Problem],
    prompts: Sequence[Tokens],
    sampled: Sequence[tuple[int, Sampled]],
    samples: int,
    place: Place,
    stop: Sequence[str] = (),
) -> list[Completion]:
    """Turn samples into completions; their positions count `samples` for each problem in turn.

    Their texts end before the first of the texts in `stop`, as vLLM's do; their tokens do not.
    """
    texts = tokenizer.batch_decode([one.token_ids for _, one in sampled], skip_special_tokens=True)
    return [
        Completion(
            problem_id=problems[position // samples].id,
            **asdict(place),
            index=position % samples,
            prompt_token_ids=prompts[position // samples],
            token_ids=output.token_ids,
            text=before_stop(text, stop),
            logprobs=output.logprobs,
            finish_reason=output.finish_reason,
        )
        for (position, output), text in zip(sampled, texts, strict=True)
    ]


def before_stop(text: str, stop: Sequence[str]) -> str:
    """Return a text up to the first of the texts in `stop`."""
    return text[: min((at for one in stop if (at := text.find(one)) >= 0), default=None)]
