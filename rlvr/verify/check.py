"""Check: tests a verifier on its own cases, and a task on its own solutions.

A task's real solutions must pass its verifier, and corrupted ones must not. Its splits must be
disjoint by content, its ids unique, its levels named, and its problems the same in another process.
A trick that can't solve the problems (`rlvr.verify.tricks`) must earn nothing, and the verifier
must decide about every text that such a trick writes.
"""

from __future__ import annotations

import hashlib
import inspect
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, get_args

from rlvr.data import DECIDED, InputError, Problem, Split, Status, Verdict, nearest
from rlvr.verify.plugins import FUNCTIONS, Kind, available, load_module, load_named, load_plugin
from rlvr.verify.pool import VerifierPool
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import check_task_options, draw_problems, load_task
from rlvr.verify.tricks import FAMILIES, PROBE, answer, attempts, common_answers, sample, says_it
from rlvr.verify.verifier import case_problem, check_options, load_verifier, near_miss

SPLITS: tuple[Split, ...] = get_args(Split)
N = 200
ATTACKED = 8
"""Problems that each trick is tried on: of each level as many."""


@dataclass
class Report:
    """What was checked, in words, and one line for each fault.

    `table` has a line for each family of tricks that can't solve the problems, with what it
    earned. It is empty if no trick was tried.
    """

    what: str
    failures: list[str]
    table: list[str] = field(default_factory=list)


def check(
    name: str,
    n: int | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
) -> list[str]:
    """Return the faults that `reports` finds in the verifier, the task, or both, of that name."""
    return [line for report in reports(name, n, options, timeout) for line in report.failures]


def reports(
    name: str,
    n: int | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: float = 10.0,
) -> Iterator[Report]:
    """Check the verifier, the task, or both, that have this name.

    `n`: problems of each split; if None, 200 or as many as there are. `options` are the plugin's.
    Raises InputError for an unknown name or option, or a verifier without cases.
    """
    given, kinds = dict(options or {}), _kinds(name)
    for kind in [one for one in kinds if len(kinds) == 1 or _takes(one, name, given)] or kinds:
        if kind == "verifier":
            yield _check_verifier(name, given, timeout)
        else:
            yield check_task(name, n, given, timeout)


def _takes(kind: Kind, name: str, options: Mapping[str, Any]) -> bool:
    """Return whether the plugin of this kind has such options, where both kinds have its name."""
    try:
        if kind == "verifier":
            check_options(load_verifier(name), options)
        else:
            check_task_options(NamedConfig(name=name, **options))
    except InputError:
        return False
    return True


def _kinds(name: str) -> list[Kind]:
    head, _, function = name.partition(":")
    if head.endswith(".py"):
        if function:
            loaded, _ = load_plugin("verifier", name, function)
            return ["task" if "split" in inspect.signature(loaded).parameters else "verifier"]
        module = load_module("verifier", name)
        found = [kind for kind, (known, _) in FUNCTIONS.items() if known in vars(module)]
    else:
        found = [kind for kind in FUNCTIONS if head in available(kind)]
        both = len(found) == len(FUNCTIONS) and name == head
        if both and "ARGUMENT" in vars(load_plugin("task", head, FUNCTIONS["task"][0])[1]):
            found.remove("task")  # it needs an argument: without one there is nothing to draw
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
        cases = pool.verifier.cases
        if not cases:
            raise InputError(
                f"verifier {name!r} has no CASES: [(reference, completion, status), ...]"
            )
        for place, case in enumerate(cases):
            if not isinstance(case, tuple) or len(case) != 3 or case[2] not in get_args(Status):
                raise InputError(
                    f"verifier {name!r}: CASES[{place}] is {case!r}: write (reference, completion, "
                    f"status), where status is one of {', '.join(get_args(Status))}"
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
        right = [
            replace(case_problem(reference), id=f"case {place}", solution=completion)
            for place, (reference, completion, status) in enumerate(cases)
            if status == "correct"
        ]
        earned = attack(pool, right, [])
    what = f"verifier {name}: {len(cases)} cases"
    return Report(what, failures + holes(name, earned), earnings(earned))


def _said(verdict: Verdict) -> str:
    return verdict.status + (f" ({verdict.reason})" if verdict.reason else "")


# Tasks


def check_task(
    name: str,
    n: int | None,
    options: dict[str, Any],
    timeout: float,
    verifier: NamedConfig | None = None,
) -> Report:
    """Check a task by its own solutions; `verifier` judges them, None for the task's own.

    Raises InputError for an unknown name or option.
    """
    drawn = {split: problems for split in SPLITS if (problems := draw(name, options, split, n))}
    problems = [problem for of_split in drawn.values() for problem in of_split]
    failures = [f"{name}: {line}" for line in _flaws(drawn)]
    again = _fingerprint_elsewhere(name, options, drawn)
    if again != fingerprint(drawn):
        failures.append(f"{name}: drawn again in another process, the problems differ: {again}")
    solved = [problem for problem in problems if problem.solution is not None]
    _, own = load_task(name)
    if verifier is None and own is not None:
        verifier = NamedConfig(name=own)
    table: list[str] = []
    if verifier is not None:
        with VerifierPool(verifier.name, verifier.options, timeout=timeout) as pool:
            failures += _prove(name, pool, solved)
            earned = attack(pool, problems, problems)
        failures += holes(name, earned)
        table = earnings(earned, problems)
    elif solved:
        failures.append(f"{name}: no VERIFIER: set it to the verifier that judges its solutions")
    counts = ", ".join(f"{len(drawn.get(split, []))} {split}" for split in SPLITS)
    proofs = len(solved) if verifier else 0
    what = f"task {name}: {counts} problems, {proofs} real and as many corrupted solutions"
    return Report(what, failures, table)


def draw(name: str, options: dict[str, Any], split: Split, n: int | None) -> list[Problem]:
    """Draw n problems, or 200 if n is None; fewer if the task has fewer.

    Raises InputError if the task has no problems for train or for eval.
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
                return []  # a test set has no training problems
            raise


def _flaws(drawn: Mapping[Split, Sequence[Problem]]) -> Iterator[str]:
    """Return a line for each fault of the problems themselves."""
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
    """Return a digest of the problems, which is the same in every process."""
    return hashlib.sha256(repr({k: list(v) for k, v in drawn.items()}).encode()).hexdigest()


def _fingerprint_elsewhere(
    name: str, options: dict[str, Any], drawn: Mapping[Split, Sequence[Problem]]
) -> str:
    """Draw again in a new process, where sets and hashes have another order."""
    counts = {split: len(problems) for split, problems in drawn.items()}
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from rlvr.verify.check import draw, fingerprint\n"
        f"counts = {counts!r}\n"
        f"print(fingerprint({{s: draw({name!r}, {options!r}, s, n) for s, n in counts.items()}}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return ran.stdout.strip() or ran.stderr.strip().rpartition("\n")[2]


def _prove(name: str, pool: VerifierPool, solved: Sequence[Problem]) -> list[str]:
    """Return a line for each real or corrupted solution that is judged wrongly."""
    items, expected = [], []
    for problem, spoilt in zip(solved, corrupted(name, solved), strict=True):
        items += [(problem, str(problem.solution)), (problem, spoilt)]
        expected += ["correct", "wrong"]
    return [
        f"{name}: {problem.id}: its {'real' if status == 'correct' else 'corrupted'} solution "
        f"{text!r}: expected {status}, got {_said(verdict)}"
        for (problem, text), status, verdict in zip(
            items, expected, pool.verify(items), strict=True
        )
        if verdict.status != status
    ]


def corrupted(name: str, solved: Sequence[Problem]) -> list[str]:
    """Return a wrong solution of each problem of the task `name`; all must have a real solution.

    The task's own `corrupt(problem, rng)` makes it. Without one it is a near miss of the real one.
    """
    spoil = vars(load_named("task", name, FUNCTIONS["task"][0])[1]).get("corrupt")
    texts = []
    for place, problem in enumerate(solved):
        rng = random.Random(problem.id)
        texts.append(spoil(problem, rng) if spoil else _corrupt(problem, rng, solved, place))
    return texts


def _corrupt(problem: Problem, rng: random.Random, solved: Sequence[Problem], place: int) -> str:
    """Return a near miss of the solution, for a task without its own `corrupt(problem, rng)`."""
    others = (
        str(other.solution)
        for other in (*solved[place + 1 :], *solved[:place])
        if other.reference != problem.reference
    )
    return near_miss(str(problem.solution), rng, others)


# What tricks earn that can't solve the problems


@dataclass
class Tally:
    """On how many problems one trick earned a reward, and on how many more by chance."""

    family: str
    trick: str
    tried: int = 0
    paid: int = 0
    chance: int = 0
    undecided: int = 0
    text: str = ""
    found: str = ""

    def add(self, problem: Problem, text: str, verdict: Verdict) -> None:
        """Count one verdict; keep the first one that is a fault."""
        luck = verdict.status == "correct" and says_it(problem, text)
        paid = verdict.status == "correct" and not luck
        undecided = verdict.status not in DECIDED
        if not (self.paid or self.undecided) and (paid or undecided or not self.text):
            self.text = text
            self.found = (
                f"{problem.id}: {text[:100]!r} is {_said(verdict)}, and the answer is "
                f"{answer(problem)[:100]!r}"
            )
        self.tried += 1
        self.paid += paid
        self.chance += luck
        self.undecided += undecided


def attack(
    pool: VerifierPool, problems: Sequence[Problem], seen: Sequence[Problem], n: int = ATTACKED
) -> dict[str, list[Tally]]:
    """Return what each trick earns on about n of the problems, by its family.

    `seen` are the problems whose answers a trick may know. A problem is left out if its reference
    can't be judged at all.
    """
    written = [(problem, attempts(problem, seen)) for problem in sample(problems, n)]
    verdicts = pool.verify((problem, text) for problem, texts in written for text in texts.values())
    tallies: dict[tuple[str, str], Tally] = {}
    for problem, texts in written:
        found = {trick: next(verdicts) for trick in texts}
        if found[PROBE].status in DECIDED:
            for trick, text in texts.items():
                tallies.setdefault(trick, Tally(*trick)).add(problem, text, found[trick])
    earned: dict[str, list[Tally]] = {family: [] for family in FAMILIES}
    for (family, _), tally in tallies.items():
        earned[family].append(tally)
    return {family: of_family for family, of_family in earned.items() if of_family}


def holes(name: str, earned: Mapping[str, Sequence[Tally]]) -> list[str]:
    """Return a line for each family of tricks that earns a reward or is left undecided.

    A trick must earn nothing, unless it says the problem's own answer by chance.
    """
    lines = []
    for family, of_family in earned.items():
        for what, key in (("earn", "paid"), ("are left undecided", "undecided")):
            count = attrgetter(key)
            if found := [tally for tally in of_family if count(tally)]:
                worst = max(found, key=count)
                lines.append(
                    f"{name}: {family}: {len(found)} of {len(of_family)} ways {what}, most "
                    f"{worst.trick!r}, {count(worst)} of {worst.tried}: {worst.found}"
                )
    return lines


def earnings(earned: Mapping[str, Sequence[Tally]], problems: Sequence[Problem] = ()) -> list[str]:
    """Return the most that each family earned, the text that did, and what a constant earns."""
    if not earned:
        return []
    tried = max(tally.tried for of_family in earned.values() for tally in of_family)
    lines = [
        f"What a trick earns that can't solve it ({tried} problems; of each kind the most):",
        f"  {'trick':<11}{'ways':>5}{'earned':>8}{'by chance':>11}{'undecided':>11}  for example",
    ]
    for family, of_family in earned.items():
        worst = max(of_family, key=lambda one: (one.paid, one.undecided))
        earned_, chance, undecided = (
            f"{max(count(one) / one.tried for one in of_family):.0%}"
            for count in map(attrgetter, ("paid", "chance", "undecided"))
        )
        lines.append(
            f"  {family:<11}{len(of_family):>5}{earned_:>8}{chance:>11}{undecided:>11}"
            f"  {worst.text[:60]!r}"
        )
    if common := common_answers(problems):
        text, count = next(iter(common.items()))
        share = f"{count / len(problems):.1%} of {len(problems)} problems"
        lines.append(f"  The most common answer, {text[:60]!r}, is right on {share}.")
    return lines
