"""Check: a verifier proves itself on its own cases, a task on its own solutions.

A task's real solutions must pass its verifier and corrupted ones must not; its splits must be
disjoint by content, its ids unique, its levels named, and the problems the same in another process.
"""

from __future__ import annotations

import hashlib
import inspect
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from rlvr.config import NamedConfig, draw_problems, load_task
from rlvr.data import InputError, Problem, Split, Verdict, nearest
from rlvr.plugins import Kind, available, load_module, load_named, load_plugin
from rlvr.pool import VerifierPool
from rlvr.verify import case_problem, check_options, near_miss

SPLITS: tuple[Split, ...] = get_args(Split)
FUNCTIONS: dict[Kind, str] = {"verifier": "verify", "task": "problems"}
N = 200


@dataclass
class Report:
    """What was looked at, in words, and one line for each thing that is not as it must be."""

    what: str
    failures: list[str]


def check(
    name: str,
    n: int | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
) -> list[str]:
    """Return what `reports` finds wrong with the verifier, the task, or both, of that name."""
    return [line for report in reports(name, n, options, timeout) for line in report.failures]


def reports(
    name: str,
    n: int | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
) -> Iterator[Report]:
    """Check the verifier, the task, or both, that are called `name`.

    `n` problems of each split; left out, 200, or as many as there are. `options` are the plugin's.
    Raises InputError for an unknown name or option, or a verifier without cases.
    """
    for kind in _kinds(name):
        if kind == "verifier":
            yield _check_verifier(name, dict(options or {}), timeout)
        else:
            yield _check_task(name, n, dict(options or {}), timeout)


def _kinds(name: str) -> list[Kind]:
    head, _, function = name.partition(":")
    if head.endswith(".py"):
        if function:
            loaded, _ = load_plugin("verifier", name, function)
            return ["task" if "split" in inspect.signature(loaded).parameters else "verifier"]
        module = load_module("verifier", name)
        found = [kind for kind, known in FUNCTIONS.items() if known in vars(module)]
    else:
        found = [kind for kind in FUNCTIONS if head in available(kind)]
        both = len(found) == len(FUNCTIONS) and name == head
        if both and "ARGUMENT" in vars(load_plugin("task", head, FUNCTIONS["task"])[1]):
            found.remove("task")  # one for each argument: there is nothing to draw without
    if not found:
        known = {known: "" for kind in FUNCTIONS for known in available(kind)}
        raise InputError(
            f"check: no verifier and no task {name!r}{nearest(head, known)} "
            f"(known: {', '.join(known)}; or give path/to/file.py with verify or problems)"
        )
    return found


# Verifiers


def _check_verifier(name: str, options: dict[str, Any], timeout: float) -> Report:
    with VerifierPool(name, options, workers=1, timeout=timeout) as pool:
        check_options(pool.verifier, options)
        cases = pool.verifier.cases
        if not cases:
            raise InputError(
                f"verifier {name!r} has no CASES: [(reference, completion, status), ...]"
            )
        items = [(case_problem(reference), completion) for reference, completion, _ in cases]
        failures = [
            f"{name}: reference {reference!r}, completion {completion!r}: expected {status}, got "
            + _said(verdict)
            for (reference, completion, status), verdict in zip(
                cases, pool.verify(items), strict=True
            )
            if verdict.status != status
        ]
    return Report(f"verifier {name}: {len(cases)} cases", failures)


def _said(verdict: Verdict) -> str:
    return verdict.status + (f" ({verdict.reason})" if verdict.reason else "")


# Tasks


def _check_task(name: str, n: int | None, options: dict[str, Any], timeout: float) -> Report:
    drawn = {split: problems for split in SPLITS if (problems := draw(name, options, split, n))}
    problems = [problem for of_split in drawn.values() for problem in of_split]
    failures = [f"{name}: {line}" for line in _flaws(drawn)]
    again = _fingerprint_elsewhere(name, options, drawn)
    if again != fingerprint(drawn):
        failures.append(f"{name}: drawn again in another process, the problems differ: {again}")
    proofs, lines = _prove(name, problems, timeout)
    counts = ", ".join(f"{len(drawn.get(split, []))} {split}" for split in SPLITS)
    what = f"task {name}: {counts} problems, {proofs} real and as many corrupted solutions"
    return Report(what, failures + lines)


def draw(name: str, options: dict[str, Any], split: Split, n: int | None) -> list[Problem]:
    """Draw n problems, or 200 where n is None: fewer where there are fewer.

    Raises InputError when there are none, neither for train nor for eval.
    """
    task = NamedConfig(name=name, **options)
    count = n or N
    while True:
        try:
            return draw_problems(task, split, count, 0, "check")
        except InputError:
            count //= 2
            if n is None and count:
                continue
            if n is None and (split != "train" or draw(name, options, "eval", n)):
                return []  # a test set has nothing to train on
            raise


def _flaws(drawn: Mapping[Split, Sequence[Problem]]) -> Iterator[str]:
    """Say what is wrong with the problems themselves."""
    ids: dict[str, Problem] = {}
    split_of: dict[str, Split] = {}
    for split, problems in drawn.items():
        for problem in problems:
            where = f"{split} problem {problem.id!r}"
            if problem.split != split:
                yield f"{where}: its split says {problem.split!r}"
            if not problem.level:
                yield f"{where}: it has no level"
            if problem.id in ids:
                yield f"{where}: another problem has this id"
            ids[problem.id] = problem
            other = split_of.setdefault(problem.prompt, split)
            if other != split:
                yield f"{where}: its prompt {problem.prompt!r} is in {other} too"


def fingerprint(drawn: Mapping[Split, Sequence[Problem]]) -> str:
    """Return a digest of the problems, the same wherever they are drawn."""
    return hashlib.sha256(repr({k: list(v) for k, v in drawn.items()}).encode()).hexdigest()


def _fingerprint_elsewhere(
    name: str, options: dict[str, Any], drawn: Mapping[Split, Sequence[Problem]]
) -> str:
    """Draw again in a fresh process, where sets and hashes have another order."""
    counts = {split: len(problems) for split, problems in drawn.items()}
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from rlvr.check import draw, fingerprint\n"
        f"counts = {counts!r}\n"
        f"print(fingerprint({{s: draw({name!r}, {options!r}, s, n) for s, n in counts.items()}}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip() or ran.stderr.strip().rpartition("\n")[2]


def _prove(name: str, problems: Sequence[Problem], timeout: float) -> tuple[int, list[str]]:
    """Return how many solutions there are, and a line for each that is judged as it should not."""
    _, verifier = load_task(name)
    solved = [problem for problem in problems if problem.solution is not None]
    if not solved:
        return 0, []
    if verifier is None:
        return 0, [f"{name}: no VERIFIER to hold its solutions against"]
    items, expected = [], []
    for problem, spoilt in zip(solved, corrupted(name, solved), strict=True):
        items += [(problem, str(problem.solution)), (problem, spoilt)]
        expected += ["correct", "wrong"]
    with VerifierPool(verifier, timeout=timeout) as pool:
        verdicts = pool.verify(items)
        lines = [
            f"{name}: {problem.id}: its {'real' if status == 'correct' else 'corrupted'} solution "
            f"{text!r}: expected {status}, got {_said(verdict)}"
            for (problem, text), status, verdict in zip(items, expected, verdicts, strict=True)
            if verdict.status != status
        ]
    return len(solved), lines


def corrupted(name: str, solved: Sequence[Problem]) -> list[str]:
    """Return a wrong solution of each problem of the task `name`, all of which have a real one.

    By the task's own `corrupt(problem, rng)` where it has one, else a near miss of the real one.
    """
    spoil = vars(load_named("task", name, FUNCTIONS["task"])[1]).get("corrupt")
    texts = []
    for place, problem in enumerate(solved):
        rng = random.Random(problem.id)
        texts.append(spoil(problem, rng) if spoil else _corrupt(problem, rng, solved, place))
    return texts


def _corrupt(problem: Problem, rng: random.Random, solved: Sequence[Problem], place: int) -> str:
    """Return a near miss of the solution: of a task without `corrupt(problem, rng)` of its own."""
    others = (
        str(other.solution)
        for other in (*solved[place + 1 :], *solved[:place])
        if other.reference != problem.reference
    )
    return near_miss(str(problem.solution), rng, others)
