"""Evaluation: what M(t) does on problems that it was not trained on (the evaluate stage)."""

from __future__ import annotations

import itertools
import json
from array import array
from collections.abc import Iterator, Sequence

from rlvr.engine.protocol import Decoding
from rlvr.evaluate import metrics, table
from rlvr.evaluate.evaluation import RECORD, Problems, Record, read_records, real_records, score
from rlvr.evaluate.evaluation import evaluate as measure
from rlvr.evaluate.measured import AgainstBase, HeldOut
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.held_back import sample
from rlvr.loop.selection import tells_luck
from rlvr.records.layout import AMPLIFIED, BASE, EVALUATION, MODEL, Place, base_of
from rlvr.records.stored import AT_ONCE, Joined, held, pick, portions

NLL = ("real_nll", metrics.ALL)


def evaluate(run: Run, seed: Seed, place: Place) -> tuple[Sequence[Record], Metrics]:
    """Evaluate the weights now in the engine: samples at T=1, greedy, and real NLL.

    The base and each arm's last weights, or what were its last before rounds were added, also on
    the tasks that they were not trained on.
    """
    settings = run.config.evaluate
    with run.stage(place, "evaluate") as count:
        at_one = sample(run, seed, seed.held_out, 1.0, settings.samples, "sample", place)
        greedy = sample(run, seed, seed.held_out, 0.0, 1, "greedy", place)
        real = _real_logprobs(run, seed.held_out)
        records: Joined[Record] = Joined(at_one, greedy)
        count["tokens"] = _tokens(records)
        if real is not None:
            solutions = real_records(seed.held_out.problems, real)
            records = Joined(records, held(run.scratch, RECORD, solutions))
    levels = [problem.level for problem in seed.held_out.problems]
    luck = tells_luck(run.verifier)
    found = table.compute(table.HELD_OUT, HeldOut(at_one, greedy, settings.k, real, levels, luck))
    if place.round == 0 or place.round in run.ends:
        for number in range(len(seed.off_target)):
            more, values = _off_target(run, seed, place, number)
            records, found = Joined(records, more), found + values
    return records, found + _against_base(run, seed, place, at_one)


def _real_logprobs(run: Run, problems: Problems) -> list[tuple[float, ...]] | None:
    """Score real solutions under the weights now in the engine; None where there are none."""
    if problems.solutions is None:
        return None
    return score(run.engine, problems.prompts, problems.solutions)


def _against_base(run: Run, seed: Seed, place: Place, samples: Sequence[Record]) -> Metrics:
    """Measure what needs the base: its rare problems, its solved ones, its n-grams, its view.

    The engine holds the base's weights afterwards.
    """
    folder = base_of(place.seed).folder(run.folder)
    grams = json.loads((folder / AMPLIFIED).read_text())
    real = seed.held_out.solutions or ()
    base, logprobs = samples, None
    if place.arm != BASE:
        base, logprobs = _base_view(run, seed, place, samples)
    most = max(run.config.evaluate.k)
    beside = AgainstBase(samples, base, [tuple(gram) for gram in grams], real, most, logprobs)
    return table.compute(table.AGAINST_BASE, beside)


def _base_view(
    run: Run, seed: Seed, place: Place, samples: Sequence[Record]
) -> tuple[Sequence[Record], Sequence[float]]:
    """Return the base's samples, and what it gives each token (nats) of an arm's first samples."""
    folder = base_of(place.seed).folder(run.folder)
    with run.stage(place, "base's view"):
        base = read_records(folder / EVALUATION, "sample")
        run.engine.load(folder / MODEL)
        scores = _first_scores(run, seed, samples)
        return base, array("d", itertools.chain.from_iterable(scores))


def _first_scores(run: Run, seed: Seed, samples: Sequence[Record]) -> Iterator[tuple[float, ...]]:
    """Yield what the engine's weights give each token (nats) of the first sample of a problem."""
    ids = [problem.id for problem in seed.held_out.problems]
    prompts = dict(zip(ids, seed.held_out.prompts, strict=True))
    fields = pick(samples, "problem_id", "index", "token_ids")
    firsts = ((prompts[problem], tokens) for problem, index, tokens in fields if index == 0)
    for part in portions(firsts, AT_ONCE):
        yield from score(run.engine, [one for one, _ in part], [one for _, one in part])


def _off_target(
    run: Run, seed: Seed, place: Place, number: int
) -> tuple[Sequence[Record], Metrics]:
    """Measure one task that is not trained on: pass@1, greedy accuracy and real NLL."""
    settings, problems = run.config.evaluate.off_target[number], seed.off_target[number]
    prefix, stop = f"{metrics.OFF_TARGET}.{settings.name}", tuple(run.config.generate.stop)
    records: list[Sequence[Record]] = []
    found: Metrics = []
    with run.stage(place, prefix) as count:
        for temperature, samples, kind in ((1.0, settings.samples, "pass@1"), (0.0, 1, "greedy")):
            made = measure(
                run.engine,
                run.off_target_pools[number],
                seed.tokenizer,
                problems,
                Decoding(temperature, 1.0, settings.max_tokens, stop=stop),
                samples,
                f"{prefix}.{kind}",
                place,
                run.display.tokens,
            )
            records.append(held(run.scratch, RECORD, made))
            found += metrics.accuracy(records[-1], f"{prefix}.{kind}")
        real = _real_logprobs(run, problems)
        count["tokens"] = _tokens(Joined(*records))
    levels = [problem.level for problem in problems.problems]
    likelihood = [] if real is None else metrics.likelihood(real, levels)
    overall = [row for row in likelihood if (row["metric"], row["level"]) == NLL]
    found += [{**row, "metric": f"{prefix}.real_nll"} for row in overall]
    return Joined(*records), found


def _tokens(records: Sequence[Record]) -> int:
    return sum(tokens for (tokens,) in pick(records, "tokens"))
