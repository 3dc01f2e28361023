"""Check a model: what it does on a few held-out problems, before anything is trained.

One completion of each problem at temperature 1, by the run's own engine, judged by its verifier.
They are the first completions that the evaluation of the first seed's base would sample, but for a
warm start, which is not made here.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import DECIDED, Problem
from rlvr.evaluate.evaluation import Problems, Record, evaluate
from rlvr.evaluate.room import too_little, too_much
from rlvr.loop import preflight
from rlvr.loop.work import started
from rlvr.models import loading
from rlvr.records.layout import base_of
from rlvr.statistics.shares import wilson_interval
from rlvr.verify.pool import VerifierPool
from rlvr.verify.settings import NamedConfig

MAX_TOKENS = 128  # of a completion, where no config says it and the model has room for so many
SHOWN = 3  # completions
WIDTH = 200  # characters of a text that are shown


@dataclass(frozen=True, slots=True)
class Sample:
    """Judged completions of a model, what they are completions of, and the seconds they took."""

    problems: Sequence[Problem]
    records: Sequence[Record]
    seconds: float
    start_seconds: float  # of the engine


def config_of_rows(task: NamedConfig, verifier: NamedConfig | None, model: str, n: int) -> Config:
    """Return the config by which n problems of rows are sampled.

    The model's chat template where it has one; MAX_TOKENS, or what the model has room for.
    """
    tokenizer, positions = preflight.tokenizer_and_positions(model, "--model")
    given: dict[str, Any] = {
        "name": "check",
        "model": model,
        "task": task,
        "verifier": verifier,
        "prompt": {"format": "chat" if tokenizer.chat_template else "plain"},
        "seeds": [0],
        "rounds": 1,
        "arms": ["unfiltered"],
        "generate": {"prompts": 1, "max_tokens": 1},
        "evaluate": {"problems": n, "samples": 1, "k": [1]},
    }
    drawn = preflight.draw(Config.model_validate(given), 0)
    prompts = loading.encode_prompts(tokenizer, drawn.held_out, drawn.prompting)
    room = positions - max(map(len, prompts))
    given["generate"] = {"prompts": 1, "max_tokens": max(1, min(MAX_TOKENS, room))}
    return Config.model_validate(given)


def sampled(config: Config, n: int, where: str) -> Iterator[str]:
    """Sample n held-out problems of a config, which stands at `where`; yield what to say of them.

    Raises InputError where the config, its data or the model won't do; RunError for an engine that
    fails.
    """
    for name, text in said_of(config, _sample(config, n, where)):
        yield f"{name:<18} {text}"


def _sample(config: Config, n: int, where: str) -> Sample:
    seed = config.seeds[0]
    drawn = preflight.draw(config, seed)
    length = preflight.check_model(config, where, [drawn])
    chosen, judge = drawn.held_out[:n], preflight.verifier_of(config)
    settings = config.verify
    with (
        tempfile.TemporaryDirectory(prefix="rlvr-check-") as scratch,
        VerifierPool(judge.name, judge.options, settings.workers, settings.told) as pool,
        started(config, length, Path(scratch) / "first", where) as engine,
    ):
        tokenizer = loading.load_tokenizer(Path(scratch) / "first")
        prompts = loading.encode_prompts(tokenizer, chosen, drawn.prompting)
        held_out = Problems(tuple(chosen), tuple(prompts), None)
        decoding = config.generate.plain()
        began = time.monotonic()
        records = list(
            evaluate(engine, pool, tokenizer, held_out, decoding, 1, "sample", base_of(seed))
        )
        return Sample(chosen, records, time.monotonic() - began, engine.start_seconds)


def said_of(config: Config, sample: Sample) -> Iterator[tuple[str, str]]:
    """Yield what is said of a sample, each line with its name."""
    records, n = sample.records, len(sample.records)
    statuses = Counter(one.status for one in records)
    right, decided = statuses["correct"], sum(statuses[one] for one in DECIDED)
    most = config.generate.max_tokens
    yield (
        "sampled",
        f"{n:,} held-out problems, one completion each at temperature 1 (not greedy), by "
        f"{config.model}; prompt.format {config.prompt.format}, max_tokens {most:,}",
    )
    if config.warm_start:
        yield "warm start", "not made: this is the model before it"
    low, high = wilson_interval(right, decided)
    figure = f"{right / decided:.2f}" if decided else "unknown"
    yield (
        "base's pass@1",
        f"{figure} (95 %: {low:.2f} to {high:.2f}), {right:,} of {decided:,} right",
    )
    reasons = Counter(f"{one.status} ({one.reason})" for one in records if one.reason)
    if reasons:
        yield "reasons", ", ".join(f"{count:,} {why}" for why, count in reasons.most_common(3))
    cut = sum(one.truncated for one in records)
    middle = statistics.median_high(one.tokens for one in records)
    yield "cut at max_tokens", f"{cut:,} of {n:,}; half have at most {middle:,} tokens"
    yield (
        "time",
        f"{sample.seconds / n:.2g} s a sample, {n:,} at once; the engine's start took "
        f"{sample.start_seconds:.0f} s",
    )
    for place, one in enumerate(_different(records), 1):
        prompts = {problem.id: problem.prompt for problem in sample.problems}
        yield f"completion {place}", one.status + (f" ({one.reason})" if one.reason else "")
        yield "  prompt", _short(prompts[one.problem_id])
        yield "  text", _short(one.text)
    yield "what follows", _follows(config, right, decided, high, cut / n)


def _different(records: Sequence[Record]) -> Sequence[Record]:
    """Return SHOWN records at most, of each verdict one before others."""
    first = {one.status: one for one in reversed(records)}
    others = [one for one in records if one not in first.values()]
    return [*first.values(), *others][:SHOWN]


def _follows(config: Config, right: int, decided: int, high: float, cut: float) -> str:
    """Say whether an arm can learn from such a base, and can grow."""
    if not decided:
        return "nothing: no completion could be judged"
    if config.warm_start:
        return "nothing yet: the warm start is to teach it, and the run says what its base solves"
    said = (
        too_little(right, high)
        or too_much(right / decided, config.verdict.margin)
        or "the base solves some of the problems: an arm can learn, and has room to grow"
    )
    if cut >= 0.5:
        said += ". Half of the completions or more are cut: raise generate.max_tokens"
    if not right:
        said += f". Its pass@1 may still be as high as {high:.2f}: a larger --sample tells more"
    return said


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[:WIDTH]} ..."
