"""Random and grammar-made hostile answers: none buys a verdict, and none costs much.

Each answer is judged in a forked process, in which a verdict that takes too long ends the process
and not the test. A seed makes the same answer each time: `answers.make(seed)`.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from support import answers, growth

from rlvr.data import Problem, Verdict
from rlvr.verify.verifier import LoadedVerifier, case_problem, load_verifier

KILLED = 30  # CPU seconds after which its process ends
MEMORY = 3 << 30  # bytes that a process may grow by
DOUBTFUL = {"tower"}  # references that are themselves too large to evaluate


@dataclass(frozen=True)
class Judged:
    seed: int
    reference: str
    status: str
    reason: str
    seconds: float
    justified: bool


def _problem(verifier: LoadedVerifier, reference: str) -> Problem:
    text = answers.REFERENCES[reference].text
    return case_problem({"answer": text} if verifier.name == "algebra" else text)


def judged(verifier: LoadedVerifier, seeds: range) -> Iterator[Judged]:
    """Judge the answers of these seeds in forked processes, one after another."""
    for module in verifier.preload:
        importlib.import_module(module)
    at = seeds.start
    while at < seeds.stop:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _judge_all(verifier, range(at, seeds.stop), writer)
        os.close(writer)
        with os.fdopen(reader) as lines:
            for line in lines:
                found = Judged(**json.loads(line))
                at = found.seed + 1
                yield found
        _, status = os.waitpid(child, 0)
        if status:
            yield Judged(at, answers.make(at)[0], "killed", f"status {status}", KILLED, False)
            at += 1


def _judge_all(verifier: LoadedVerifier, seeds: range, writer: int) -> None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with os.fdopen(writer, "w", buffering=1) as out:
            for seed in seeds:
                print(json.dumps(vars(_judge(verifier, seed))), file=out)
        os._exit(0)
    finally:
        os._exit(1)


def _judge(verifier: LoadedVerifier, seed: int) -> Judged:
    reference, answer, completion = answers.make(seed)
    problem = _problem(verifier, reference)
    signal.setitimer(signal.ITIMER_VIRTUAL, KILLED)
    began = time.process_time()
    try:
        verdict = verifier.verify(problem, completion)
    except Exception as error:
        verdict = Verdict("error", f"{type(error).__name__}: {error}")
    seconds = time.process_time() - began
    justified = verdict.status != "correct" or answers.justified(reference, answer, verdict)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return Judged(seed, reference, verdict.status, verdict.reason[:80], seconds, justified)


@lru_cache
def readable(verifier: LoadedVerifier) -> frozenset[str]:
    """References that an empty answer and their own spelling decide."""
    decided = set()
    for name, reference in answers.REFERENCES.items():
        problem = _problem(verifier, name)
        empty, same = (
            verifier.verify(problem, text).status for text in ("", f"\\boxed{{{reference.text}}}")
        )
        # One that can't be read is answered by its own text; one without a value by nothing.
        assert same == "correct" or (empty, same) == ("abstain", "abstain"), name
        if empty == "wrong":
            decided.add(name)
    return frozenset(decided)


def faults(verifier: LoadedVerifier, seeds: range) -> list[Any]:
    """Return what no answer may bring about."""
    found: list[Any] = []
    for one in judged(verifier, seeds):
        undecided = one.status == "abstain" and one.reference in readable(verifier) - DOUBTFUL
        undecided |= one.reference not in readable(verifier) and one.status == "wrong"
        if undecided or one.status in ("error", "killed") or one.seconds > growth.BOUNDED:
            found.append(one)
        elif not one.justified:
            found.append((one, answers.make(one.seed)[2][:200]))
    return found


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("math", 400),
        ("math_steps", 100),
        ("algebra", 100),
        pytest.param("math", 2_000, marks=pytest.mark.slow),
        pytest.param("math_steps", 300, marks=pytest.mark.slow),
        pytest.param("algebra", 300, marks=pytest.mark.slow),
    ],
)
def test_a_hostile_answer_buys_nothing(name: str, count: int) -> None:
    assert not faults(load_verifier(name), range(count))


@pytest.mark.slow
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize(
    ("name", "count"), [("math", 100_000), ("math_steps", 10_000), ("algebra", 10_000)]
)
def test_many_hostile_answers_buy_nothing(name: str, count: int) -> None:
    assert not faults(load_verifier(name), range(1_000_000, 1_000_000 + count))


def test_an_answer_is_made_again_from_its_seed() -> None:
    assert [answers.make(seed)[2] for seed in range(50)] == [
        answers.make(seed)[2] for seed in range(50)
    ]


def test_the_grammar_reaches_every_reference_and_every_length() -> None:
    made = [answers.make(seed) for seed in range(3_000)]
    assert {name for name, *_ in made} == set(answers.REFERENCES)
    lengths = [len(completion) for *_, completion in made]
    assert min(lengths) < 3 and max(lengths) > 20_000
    assert sum(answer.values is not None for _, answer, _ in made) > 1_000
