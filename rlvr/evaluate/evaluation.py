"""Evaluation: held-out problems sampled at T=1 and greedily, and real solutions scored.

The records are what is measured; `rlvr.evaluate.metrics` turns them into numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data import Completion, Problem
from rlvr.engine.completions import Progress, in_order, stream_completions
from rlvr.engine.protocol import Decoding, Engine, Tokens
from rlvr.records.layout import Place
from rlvr.records.record import write_items
from rlvr.records.stored import AT_ONCE, Judged, Stored, chosen, shape_of
from rlvr.verify.pool import Judge


@dataclass(frozen=True, slots=True)
class Problems:
    """Problems with the token ids of their prompts and of their real solutions, if any."""

    problems: tuple[Problem, ...]
    prompts: tuple[Tokens, ...]
    solutions: tuple[Tokens, ...] | None

    def solved(self) -> tuple[tuple[Problem, ...], tuple[Tokens, ...], tuple[Tokens, ...]]:
        """Return problems, prompts and real solutions; preflight has seen that there are some."""
        assert self.solutions is not None
        return self.problems, self.prompts, self.solutions

    def part(self, begin: int, end: int) -> Problems:
        """Return problems begin to end."""
        solutions = None if self.solutions is None else self.solutions[begin:end]
        return Problems(self.problems[begin:end], self.prompts[begin:end], solutions)

    def parts(self, samples: int) -> Iterator[Problems]:
        """Yield the problems in parts of which `samples` completions each are sampled at once."""
        size = max(1, AT_ONCE // samples)
        for begin in range(0, len(self.problems), size):
            yield self.part(begin, begin + size)


@dataclass(frozen=True, slots=True)
class Record:
    """One judged evaluation completion.

    `kind` is "sample" (T=1, top-p=1), "greedy" or "best" (best temperature). `logprob` is that of
    the whole completion (nats, at temperature 1). Or it is "real": the problem's real solution, of
    which `tokens` and `logprob` are recorded, and which is not judged: its `status` is empty.
    """

    problem_id: str
    level: str
    kind: str
    index: int
    text: str
    tokens: int
    token_ids: tuple[int, ...]
    logprob: float
    truncated: bool
    status: str
    reason: str
    extracted: str | None


RECORD = shape_of(Record)


def real_records(
    problems: Iterable[Problem], logprobs: Iterable[Sequence[float]]
) -> Iterator[Record]:
    """Yield the record of each problem's real solution, from the logprobs of its tokens (nats)."""
    for problem, of in zip(problems, logprobs, strict=True):
        solution = ("", len(of), (), sum(of), False, "", "", None)
        yield Record(problem.id, problem.level, "real", 0, *solution)


def read_records(path: Path, kind: str) -> Sequence[Record]:
    """Return the records of one kind in an eval.parquet. Raises Damaged."""
    records = Stored(path, RECORD)
    return chosen(records, [of == kind for (of,) in records.pick("kind")], RECORD)


def write_records(path: Path, records: Iterable[Record]) -> None:
    """Write an evaluation's records, atomically."""
    write_items(path, records, RECORD)


def judge(
    pool: Judge, problems: Sequence[Problem], completions: Iterable[Completion | None]
) -> list[Judged]:
    """Judge completions while they come (None: there is none yet).

    Returned problem-major, then by index. Equal texts of one problem are judged once.
    """
    by_id = {problem.id: problem for problem in problems}
    found: list[Completion] = []
    asked: dict[tuple[str, str], None] = {}

    def distinct() -> Iterator[tuple[Problem, str] | None]:
        for one in completions:
            if one is None:
                yield None
                continue
            found.append(one)
            if (one.problem_id, one.text) not in asked:
                asked[one.problem_id, one.text] = None
                yield by_id[one.problem_id], one.text

    answers = list(pool.verify(distinct()))
    verdicts = dict(zip(asked, answers, strict=True))
    return [(one, verdicts[one.problem_id, one.text]) for one in in_order(problems, found)]


def evaluate(
    engine: Engine,
    pool: Judge,
    tokenizer: Any,
    held_out: Problems,
    decoding: Decoding,
    samples: int,
    kind: str,
    place: Place,
    progress: Progress | None = None,
) -> Iterator[Record]:
    """Sample `samples` completions of each held-out problem, judge them and yield the records."""
    levels = {problem.id: problem.level for problem in held_out.problems}
    for part in held_out.parts(samples):
        completions = stream_completions(
            engine,
            tokenizer,
            part.problems,
            part.prompts,
            decoding,
            samples,
            place,
            progress,
        )
        for completion, verdict in judge(pool, part.problems, completions):
            yield Record(
                problem_id=completion.problem_id,
                level=levels[completion.problem_id],
                kind=kind,
                index=completion.index,
                text=completion.text,
                tokens=len(completion.token_ids),
                token_ids=completion.token_ids,
                logprob=sum(completion.logprobs),
                truncated=completion.finish_reason == "length",
                status=verdict.status,
                reason=verdict.reason,
                extracted=verdict.extracted,
            )


def score(
    engine: Engine, prompts: Sequence[Tokens], continuations: Sequence[Tokens]
) -> list[tuple[float, ...]]:
    """Return the logprob (nats) of each token of each continuation after its prompt."""
    pairs = list(zip(prompts, continuations, strict=True))
    scores = engine.score([prompt + continuation for prompt, continuation in pairs])
    return [
        logprobs[-len(continuation) :]
        for logprobs, (_, continuation) in zip(scores, pairs, strict=True)
    ]
