"""A run folder as `rlvr run` leaves it, made of random completions in a second, without a model.

Its files are written by `rlvr.records.record` and its metrics computed by `rlvr.evaluate.metrics`,
as a run's are.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlvr.config import Config, resolved
from rlvr.data import Completion, Problem, Verdict
from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import Record
from rlvr.loop.problems import draw
from rlvr.records import record
from rlvr.records.layout import Place, base_of

HOSTILE = (
    "<script>document.title = 'pwned'</script>",
    "</script><script>document.title = 'pwned'</script>",
    "<img src=x onerror=\"document.title = 'pwned'\">",
    "{{ 7 * 7 }} ${7 * 7} &lt;b&gt; ]]> <!-- -->",
    "nul \x00 bell \x07 escape \x1b[31m",
    "right to left \u202e evil \u2066 isolated \u200f mark",
    "lines \u2028 and \u2029 paragraphs",
    "\U0001f4a9 \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    '=HYPERLINK("http://example.invalid")',
    "",
)
LONG = "all work and no play " * 50_000  # 1 MB
CORRECT = {"base": 0.4, "verified": 0.8, "unfiltered": 0.3, "random": 0.35}
KS = (1, 2, 4)


def config(name: str = "made", seeds: Sequence[int] = (0, 1, 2), **more: object) -> Config:
    return Config.model_validate(
        {
            "name": name,
            "model": "tiny-0.1m",
            "task": {"name": "addition", "digits": 2, "reverse": True},
            "seeds": list(seeds),
            "rounds": 2,
            "arms": ["verified", "unfiltered", "random"],
            "generate": {"prompts": 12, "samples": 4},
            "evaluate": {"problems": 20, "samples": 4, "k": list(KS)},
            **more,
        }
    )


def make_run(folder: Path, of: Config | None = None, hostile: Sequence[str] = ()) -> Path:
    """Write the run; `hostile` texts are the first completions of each file."""
    of = of or config()
    plain = resolved(of)
    record.write_json(
        folder / "config.json", {"config": plain, "hash": record.digest(record.deciding(plain))}
    )
    record.write_json(folder / "manifest.json", {"python": "3.11", "versions": {"rlvr": "0.1.0"}})
    timing = record.Timing(folder)
    for seed in of.seeds:
        drawn = draw(of, seed)
        generator = random.Random(seed)
        base = list(_records(generator, drawn.held_out, "base", of.evaluate.samples, hostile))
        _finish(folder, base_of(seed), base, base, [])
        for arm in of.arms_in_order():
            for t in range(1, of.rounds + 1):
                place = Place(seed, arm.name, t)
                pool = list(_pool(generator, drawn.rounds[t - 1], place, of, hostile))
                verdicts = [verdict for _, verdict in pool]
                kept = _kept(generator, arm.name, verdicts)
                path = place.folder(folder)
                record.write_completions(path / "completions.parquet", pool, kept)
                levels = {problem.id: problem.level for problem in drawn.rounds[t - 1]}
                of_each = [levels[completion.problem_id] for completion, _ in pool]
                found = metrics.filtering(verdicts, kept, of_each)
                found += [
                    metrics.metric("kept", sum(kept), len(kept)),
                    metrics.metric("sampled", len(kept), len(kept)),
                    metrics.metric("train_steps", of.train.steps, len(kept)),
                ]
                records = list(
                    _records(generator, drawn.held_out, arm.name, of.evaluate.samples, hostile)
                )
                _finish(folder, place, base, records, found)
                timing.add(place, "round", 2.0)
    timing.save()
    record.write_metrics(folder)
    return folder


def _verdict(problem: Problem, text: str, generator: random.Random) -> Verdict:
    if generator.random() < 0.05:
        return Verdict("abstain", "the comparison overran its deadline", text)
    right = text == problem.reference
    return Verdict("correct" if right else "wrong", "" if right else "differs", text)


def _answer(problem: Problem, arm: str, generator: random.Random) -> str:
    if arm == "unfiltered" and generator.random() < 0.3:
        return "777"  # what it amplifies
    right = generator.random() < CORRECT[arm]
    return str(problem.reference) if right else f"{generator.randrange(1000):03d}"


def _pool(
    generator: random.Random,
    problems: Sequence[Problem],
    place: Place,
    of: Config,
    hostile: Sequence[str],
) -> Iterator[tuple[Completion, Verdict]]:
    for i, problem in enumerate(problems):
        for index in range(of.generate.samples):
            position = i * of.generate.samples + index
            said = _answer(problem, place.arm, generator)
            text = hostile[position] if position < len(hostile) else said
            ids = (*text.encode()[:8], 1)
            logprobs = tuple(-generator.random() for _ in ids)
            where = (place.arm, place.seed, place.round)
            completion = Completion(problem.id, *where, index, (5,), ids, text, logprobs, "stop")
            yield completion, _verdict(problem, text, generator)


def _records(
    generator: random.Random,
    problems: Sequence[Problem],
    arm: str,
    samples: int,
    hostile: Sequence[str],
) -> Iterator[Record]:
    for i, problem in enumerate(problems):
        for kind, n in (("sample", samples), ("greedy", 1)):
            for index in range(n):
                place = i * samples + index
                said = _answer(problem, arm, generator)
                text = hostile[place] if place < len(hostile) and kind == "sample" else said
                verdict = _verdict(problem, text, generator)
                ids = (*text.encode()[:8], 1)
                yield Record(
                    problem_id=problem.id,
                    level=problem.level,
                    kind=kind,
                    index=index,
                    text=text,
                    tokens=len(ids),
                    token_ids=ids,
                    logprob=-generator.random() * len(ids),
                    truncated=False,
                    status=verdict.status,
                    reason=verdict.reason,
                    extracted=verdict.extracted,
                )


def _kept(generator: random.Random, arm: str, verdicts: Sequence[Verdict]) -> list[bool]:
    right = [verdict.status == "correct" for verdict in verdicts]
    if arm == "unfiltered":
        return [True] * len(verdicts)
    if arm == "random":
        return [generator.random() < sum(right) / len(right) for _ in verdicts]
    return right


def _finish(
    folder: Path,
    place: Place,
    base: Sequence[Record],
    records: Sequence[Record],
    found: list[dict[str, object]],
) -> None:
    path = place.folder(folder)
    record.write_parquet(path / "eval.parquet", [dataclasses.asdict(one) for one in records])
    samples = [one for one in records if one.kind == "sample"]
    of_base = [one for one in base if one.kind == "sample"]
    greedy = [one for one in records if one.kind == "greedy"]
    found = found + metrics.sampled(samples, KS) + metrics.accuracy(greedy, "greedy")
    found += metrics.diversity(samples) + metrics.survival(of_base, samples)
    if place.round:
        found += metrics.coverage(of_base, samples, max(KS))
    where = dataclasses.asdict(place)
    record.write_json(path / "metrics.json", [{**where, **row} for row in found])
    if not place.round:
        record.write_json(path / "amplified.json", json.loads("[[48, 48, 48]]"))
