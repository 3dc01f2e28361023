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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import DECIDED, Row
from rlvr.evaluate.evaluation import Problems, Record, evaluate
from rlvr.evaluate.room import too_little, too_much
from rlvr.learners.context import SeedProblems
from rlvr.learners.sft import settings_of, train
from rlvr.loop import preflight
from rlvr.loop.ahead import Ahead, ahead, hours_text
from rlvr.loop.problems import draw
from rlvr.loop.work import started
from rlvr.models import loading
from rlvr.records.layout import BASE, base_of
from rlvr.sections import shortened
from rlvr.statistics.shares import wilson_interval
from rlvr.verify.pool import VerifierPool
from rlvr.verify.settings import NamedConfig

MAX_TOKENS = 128  # of a completion, where no config says it and the model has room for so many
SHOWN = 3  # completions
STEPS = 3  # of training that is timed


@dataclass(frozen=True, slots=True)
class Sample:
    """Judged completions of a model, what they are completions of, and the seconds they took."""

    problems: Problems
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
    drawn = draw(Config.model_validate(given), 0)
    prompts = loading.encode_prompts(tokenizer, drawn.held_out, drawn.prompting)
    room = positions - max(map(len, prompts))
    given["generate"] = {"prompts": 1, "max_tokens": max(1, min(MAX_TOKENS, room))}
    return Config.model_validate(given)


def sampled(config: Config, n: int, where: str, timed: bool) -> Iterator[str]:
    """Sample n held-out problems of a config, which stands at `where`; yield what to say of them.

    `timed`: also train for STEPS steps, and say how long the config's run will take. Raises
    InputError where the config, its data or the model won't do; RunError for an engine that fails.
    """
    drawn = draw(config, config.seeds[0])
    length = preflight.check_model(config, where, [drawn])
    if timed:
        yield from (_line("warning", said) for said in preflight.warnings(config))
    with tempfile.TemporaryDirectory(prefix="rlvr-check-") as scratch:
        first = Path(scratch) / "first"
        yield _line("sampling", f"{n:,} held-out problems by {config.model}; the engine starts")
        sample = _sample(config, drawn, n, length, first, where)
        yield from (_line(*said) for said in said_of(config, sample))
        if timed and (before := ahead(config, len(drawn.held_out))):
            yield _line("training", f"{STEPS} steps, to see how long the run takes")
            row_seconds = _row_seconds(config, sample, first)
            yield _line("a run", time_of(config, sample, before, row_seconds))


def _line(name: str, text: str) -> str:
    return f"{name:<18} {text}"


def _sample(
    config: Config, drawn: SeedProblems, n: int, length: int, first: Path, where: str
) -> Sample:
    """Sample n held-out problems from the weights of the first seed, which are written to `first`.

    `length`: the tokens of the longest sequence.
    """
    judge, settings = preflight.verifier_of(config), config.verify
    with (
        VerifierPool(judge.name, judge.options, settings.workers, settings.told) as pool,
        started(config, length, first, where) as engine,
    ):
        tokenizer, chosen = loading.load_tokenizer(first), drawn.held_out[:n]
        prompts = loading.encode_prompts(tokenizer, chosen, drawn.prompting)
        problems, decoding = Problems(tuple(chosen), tuple(prompts), None), config.generate.plain()
        began, place = time.monotonic(), base_of(config.seeds[0])
        made = evaluate(engine, pool, tokenizer, problems, decoding, 1, "sample", place)
        records = list(made)
        return Sample(problems, records, time.monotonic() - began, engine.start_seconds)


def _row_seconds(config: Config, sample: Sample, first: Path) -> float:
    """Return the seconds that training takes for a row, told from the steps after the first."""
    rows = [
        Row(one.problem_id, "completion", BASE, 0, 1, 0, prompt, one.token_ids, one.status, "", "")
        for prompt, one in zip(sample.problems.prompts, sample.records, strict=True)
    ]
    ended: list[float] = []

    def note(step: int, model: Any, optimizer: Any) -> bool:
        ended.append(time.monotonic())
        return False

    settings = replace(settings_of(config.train), steps=STEPS, processes=1)
    probe = rows[0].prompt_token_ids + rows[0].token_ids
    train(first, rows, settings, 0, first.with_name("trained"), [probe], note)
    return (ended[-1] - ended[0]) / (STEPS - 1) / settings.batch_size


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
        prompts = {problem.id: problem.prompt for problem in sample.problems.problems}
        yield f"completion {place}", one.status + (f" ({one.reason})" if one.reason else "")
        yield "  prompt", shortened(prompts[one.problem_id])
        yield "  text", shortened(one.text)
    yield "what follows", _follows(config, right, decided, high, cut / n)


def time_of(config: Config, sample: Sample, before: Ahead, row_seconds: float) -> str:
    """Say how long a run takes at the rates of the sample; a row is trained on in `row_seconds`."""
    sampling = before.completions * sample.seconds / len(sample.records) / 3600
    training, warm = before.rows * row_seconds / 3600, config.warm_start
    said = (
        f"about {hours_text(sampling + training)}: {before.completions:,} completions in "
        f"{hours_text(sampling)}, {before.rows:,} rows to train on, {row_seconds:.2g} s each, in "
        f"{hours_text(training)}"
    )
    if warm:
        rows = len(config.seeds) * warm.max_steps * warm.batch_size
        said += f" (of these {rows:,} are warm starts, which may end sooner)"
    return (
        f"{said}. More at once is faster, a busy machine slower; what loads and saves weights "
        f"comes on top, and each worker's engine ({sample.start_seconds:.0f} s to start). It takes "
        "less with fewer max_tokens, generate.prompts, evaluate.problems, train.steps or rounds"
    )


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
        too_little(right, high, config.prompt.few_shot, warm=False)
        or too_much(right / decided, config.verdict.margin)
        or "the base solves some of the problems: an arm can learn, and has room to grow"
    )
    if cut >= 0.5:
        said += ". Half of the completions or more are cut: raise generate.max_tokens"
    if not right:
        said += f". Its pass@1 may still be as high as {high:.2f}: a larger --sample tells more"
    return said
