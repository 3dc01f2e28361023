"""What a completion costs beside generation and training, from a thousand to a million of a round.

Completions as of a model's: 24 to 40 tokens, four to a problem, half of them right. Each size in a
process of its own goes through the loop's functions in order: verify (`math`, on every core),
select (as `verified` does, and a size-matched `random`), record (the round's completions and rows,
written with checksums, and read back), compare (the metrics of as many evaluated samples, written
and read back). Microseconds of wall time a completion, and the most memory held, over what the
process had before.

Ratio, under 1.2 where cost is flat: microseconds a completion at the largest size over those at
10,000. `bytes per completion` is the slope of the memory held, between the two largest sizes. Run:
make bench, or python benchmarks/scale.py [--sizes N ...]. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlvr import arms, metrics, record
from rlvr.data import Arm, Completion, Problem, Verdict
from rlvr.evaluate import Record, judge, read_records, write_records
from rlvr.pool import VerifierPool

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
    *_, before, last = sorted(found)
    if 10_000 in found:
        for name in ("all", *STAGES):
            figures[f"{name}: {last:,} over 10,000"] = found[last][name] / found[10_000][name]
    grown = found[last]["megabytes"] - found[before]["megabytes"]
    figures["bytes held a completion"] = 1e6 * grown / (last - before)
    figures["gathering a round"] = gathering()
    for name, value in figures.items():
        print(f"{name:45} {value:12.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def measured(n: int) -> dict[str, float]:
    """Return microseconds a completion of each stage and of all, and the memory held in MB."""
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[name] = time.perf_counter() - began

    with tempfile.TemporaryDirectory() as name, VerifierPool("math") as verifiers:
        folder = Path(name)
        list(verifiers.verify([(problem(0), "\\boxed{1}")]))  # the workers are up
        importlib.import_module("pyarrow.parquet")  # once a run, not once a round
        before = peak()
        problems, completions = drawn(n)
        with stage("verify"):
            verdicts = judge(verifiers, problems, completions)
        pool = list(zip(completions, verdicts, strict=True))
        with stage("select"):
            kept = arms.choose(pool, VERIFIED, None, 0, 1)
            rows = arms.completion_rows(pool, kept, VERIFIED, "math")
            arms.choose(pool, RANDOM, Counter(row.problem_id for row in rows), 0, 1)
        with stage("record"):
            record.write_completions(folder / "completions.parquet", completions, verdicts, kept)
            record.write_rows(folder / "rows.parquet", rows)
            del rows
            record.count_rows(folder / "rows.parquet", 1)  # what a matching arm looks at
            record.read_rows(folder / "rows.parquet")
            record.read_choice(folder / "completions.parquet")
        records = [
            Record(
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
            for completion, verdict in pool
        ]
        del pool, completions
        with stage("compare"):
            write_records(folder / "eval.parquet", records)
            again = read_records(folder / "eval.parquet", "sample")
            metrics.sampled(again, [1, SAMPLES])
            metrics.diversity(again)
            metrics.survival(records, again)
            metrics.coverage(records, again, SAMPLES)
            metrics.filtering(verdicts, kept, ["1"] * n)
        held = peak() - before
        disk = sum(path.stat().st_size for path in folder.iterdir())
    each = {name: 1e6 * seconds[name] / n for name in STAGES}
    return {"all": sum(each.values()), **each, "megabytes": held / 1e6, "disk": disk / n}


def gathering(rounds: int = 2_000) -> float:
    """Return the microseconds a round that it takes to gather the metrics of a run's rounds."""
    with tempfile.TemporaryDirectory() as name:
        for t in range(rounds):
            rows = (
                metrics.filtering([Verdict("correct")], [True], ["1"]) * 20
            )  # as many as there are
            place = {"seed": 0, "arm": "verified", "round": t}
            folder = record.round_folder(Path(name), 0, "verified", t)
            folder.mkdir(parents=True)
            (folder / "metrics.json").write_text(json.dumps([{**place, **row} for row in rows]))
        began = time.perf_counter()
        record.write_metrics(Path(name))
        return 1e6 * (time.perf_counter() - began) / rounds


def problem(i: int) -> Problem:
    """Return the i-th problem."""
    return Problem(f"p{i}", "scale", "train", "1", f"What is {i} + 1?", str(i + 1))


def drawn(n: int) -> tuple[list[Problem], list[Completion]]:
    """Return problems and completions that no two of which are equal, half of them right."""
    generator = random.Random(0)
    problems = [problem(i) for i in range(n // SAMPLES)]
    completions = []
    for i in range(n):
        of, index = problems[i // SAMPLES], i % SAMPLES
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
