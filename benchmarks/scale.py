"""What a completion costs beside generation and training, from a thousand to a million of a round.

Completions as of a model's: 24 to 40 tokens, four to a problem, half of them right. Each size in a
process of its own goes through the loop's functions in order: verify (`math`, on every core),
select (as `verified` does, and a size-matched `random`), record (the round's completions and rows,
written with checksums, and read back), compare (the metrics of as many evaluated samples, written
and read back). Microseconds of wall time a completion, and the most memory held, over what the
process had before.

Ratios: microseconds a completion at the largest size over those at 10,000, and the memory held.
Under 1.2 the cost is flat. Memory grows until a round is longer than what is sampled at once
(16,384), and then by tens of bytes a completion.

Run: make bench, or python benchmarks/scale.py [--sizes N ...]. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rlvr.data import Arm, Completion, Problem, Verdict
from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import RECORD, Record, judge, read_records, write_records
from rlvr.records import record
from rlvr.records.layout import Place
from rlvr.records.stored import AT_ONCE, JUDGED, ROW, Judged, Stored, held
from rlvr.select import arms, match
from rlvr.select.rows import completion_rows
from rlvr.verify.pool import VerifierPool

SIZES = (1_000, 10_000, 100_000, 1_000_000)
STAGES = ("verify", "select", "record", "compare")
SAMPLES = 4
VERIFIED, RANDOM = Arm("verified", "verified"), Arm("random", "random", match="verified")


def main() -> None:
    """Measure every size; print each figure and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measured(arguments.one)))
        return
    found: dict[int, dict[str, float]] = {}
    for n in arguments.sizes:
        command = [sys.executable, __file__, "--one", str(n)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        found[n] = json.loads(done.stdout.splitlines()[-1])
        print(f"{n:>9,} completions", {k: round(v, 2) for k, v in found[n].items()}, flush=True)
    figures = {f"{name} at {n:,}": value for n, of in found.items() for name, value in of.items()}
    *_, last = sorted(found)
    if 10_000 in found:
        for name in ("all", *STAGES, "megabytes"):
            figures[f"{name}: {last:,} over 10,000"] = found[last][name] / found[10_000][name]
    figures["gathering a round"] = gathering()
    for name, value in figures.items():
        print(f"{name:45} {value:12.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def measured(n: int) -> dict[str, float]:
    """Return microseconds a completion of each stage and of all, and the memory held in MB."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as name, VerifierPool("math") as verifiers:
        folder = Path(name)
        list(verifiers.verify([(problem(0), "\\boxed{1}")]))  # the workers are up
        importlib.import_module("pyarrow.parquet")  # once a run, not once a round
        before = peak()
        with clock.stage("record"):
            pool = held(folder, JUDGED, judged(verifiers, n, clock))
        with clock.stage("select"):
            kept = arms.choose(pool, VERIFIED, None, 0, 1)
            rows = completion_rows(pool, kept, VERIFIED, "math")
        with clock.stage("record"):
            record.write_completions(folder / "completions.parquet", pool, kept)
            record.write_rows(folder / "rows.parquet", rows)
            del rows
            matched = match.size(Stored(folder / "rows.parquet", ROW), "problems", 1)
        with clock.stage("select"):
            arms.choose(pool, RANDOM, matched, 0, 1)
            del matched
        with clock.stage("record"):
            record.read_rows(folder / "rows.parquet")
            chosen = Stored(folder / "completions.parquet", JUDGED)
            verdicts = itertools.starmap(Verdict, chosen.pick("status", "reason"))
            metrics.filtering(verdicts, kept, itertools.repeat("1", n))
        with clock.stage("compare"):
            records = held(folder, RECORD, evaluated(pool))
            del pool
            write_records(folder / "eval.parquet", records)
            base = read_records(folder / "eval.parquet", "sample")
            metrics.sampled(records, [1, SAMPLES])
            metrics.diversity(records)
            metrics.survival(base, records)
            metrics.coverage(base, records, SAMPLES)
        memory = peak() - before
        names = ("completions.parquet", "rows.parquet", "eval.parquet")
        disk = sum((folder / name).stat().st_size for name in names)
    each = {name: 1e6 * clock.seconds[name] / n for name in STAGES}
    return {"all": sum(each.values()), **each, "megabytes": memory / 1e6, "disk": disk / n}


class Clock:
    """Seconds of wall time by stage; a stage within another stops the other's."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._began, self._stage = time.perf_counter(), ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block's seconds as those of a stage."""
        outer = self._turn(name)
        yield
        self._turn(outer)

    def _turn(self, name: str) -> str:
        now, before = time.perf_counter(), self._stage
        self.seconds[before] += now - self._began
        self._began, self._stage = now, name
        return before


def judged(verifiers: VerifierPool, n: int, clock: Clock) -> Iterator[Judged]:
    """Yield completions with their verdicts, in parts as the loop's `sample_and_judge`."""
    for begin in range(0, n, AT_ONCE):
        with clock.stage("drawn"):
            problems, completions = drawn(begin, min(n, begin + AT_ONCE))
        with clock.stage("verify"):
            found = judge(verifiers, problems, completions)
        del completions
        yield from found
        del found


def evaluated(pool: Iterable[Judged]) -> Iterator[Record]:
    """Yield the completions as samples of an evaluation."""
    for completion, verdict in pool:
        yield Record(
            problem_id=completion.problem_id,
            level="1",
            kind="sample",
            index=completion.index,
            text=completion.text,
            tokens=len(completion.token_ids),
            token_ids=completion.token_ids,
            logprob=sum(completion.logprobs),
            truncated=False,
            status=verdict.status,
            reason=verdict.reason,
            extracted=verdict.extracted,
        )


def gathering(rounds: int = 2_000) -> float:
    """Return the microseconds a round that it takes to gather the metrics of a run's rounds."""
    with tempfile.TemporaryDirectory() as name:
        for t in range(rounds):
            rows = (
                metrics.filtering([Verdict("correct")], [True], ["1"]) * 20
            )  # as many as there are
            place = Place(0, "verified", t)
            folder, where = place.folder(Path(name)), asdict(place)
            folder.mkdir(parents=True)
            (folder / "metrics.json").write_text(json.dumps([{**where, **row} for row in rows]))
        began = time.perf_counter()
        record.write_metrics(Path(name))
        return 1e6 * (time.perf_counter() - began) / rounds


def problem(i: int) -> Problem:
    """Return the i-th problem."""
    return Problem(f"p{i}", "scale", "train", "1", f"What is {i} + 1?", str(i + 1))


def drawn(begin: int, end: int) -> tuple[list[Problem], list[Completion]]:
    """Return a part of the problems and completions: no two are equal, half of them right."""
    generator = random.Random(begin)
    problems = [problem(i) for i in range(begin // SAMPLES, -(-end // SAMPLES))]
    completions = []
    for i in range(begin, end):
        of, index = problems[(i - begin) // SAMPLES], i % SAMPLES
        tokens = generator.randrange(24, 40)
        answer = int(of.reference) + index % 2
        completions.append(
            Completion(
                problem_id=of.id,
                arm="verified",
                seed=0,
                round=1,
                index=index,
                prompt_token_ids=tuple(range(300, 312)),
                token_ids=tuple(generator.choices(range(50_000), k=tokens)),
                text=f"First we add {generator.random()} to it. So \\boxed{{{answer}}}.",
                logprobs=tuple(-generator.random() for _ in range(tokens)),
                finish_reason="stop",
            )
        )
    return problems, completions


def peak() -> float:
    """Return the most memory that this process has held so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


if __name__ == "__main__":
    main()
