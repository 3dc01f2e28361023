"""Check rows: what a file of rows was understood as, and whether a verifier can judge by it.

A right answer of each row must pass the verifier, and another answer must not. Also said: splits,
repeated and nearly repeated prompts, lengths in tokens, and three problems to look at. A trick
that can't solve the problems must earn nothing (`rlvr.verify.check`).
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from rlvr.config import Config
from rlvr.data import Problem, Split, Verdict
from rlvr.evaluate.near import near_duplicates
from rlvr.loop.preflight import tokenizer_and_positions
from rlvr.models.loading import Prompting, encode_prompts, encode_solutions
from rlvr.records.record import digest
from rlvr.sections import shortened
from rlvr.verify.check import Report, attack, check_task, corrupted, earnings, holes
from rlvr.verify.pool import VerifierPool
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import ask, draw_problems, verifier_of

Item = TypeVar("Item")

ATTACKED = 4  # problems that each trick is tried on
HELD_TO = 200  # rows whose answers are judged, unless -n says otherwise
SHOWN = 3  # problems, faults of a kind
EMPTY = 20  # empty answers that are judged where there are no right ones


def report(
    task: NamedConfig,
    verifier: NamedConfig | None = None,
    model: str | None = None,
    n: int | None = None,
    timeout: float = 10.0,
) -> Report:
    """Check the rows that the options of `task`, which is `rows`, name.

    `verifier`: the one that suits the rows if None. `model`: whose tokens lengths are in; None for
    characters. `n`: rows whose answers are judged. Raises InputError for rows that can't be read.
    """
    every: list[Problem] = ask(task, "every")
    lines = [("rows", ask(task, "understood")), *_contents(every), *_splits(task)]
    lines += _lengths(every, model)
    for place, problem in enumerate(_spread(every, SHOWN), 1):
        lines += _shown(place, problem)
    judge = verifier or NamedConfig(name=str(verifier_of(task)))
    with VerifierPool(judge.name, judge.options, timeout=timeout) as pool:
        held = hold(pool, _spread(every, n or HELD_TO))
        # A file's first rows may be its easiest, and in another order it is the same file.
        anywhere = sorted(every, key=_by_hash)
        earned = attack(pool, anywhere, anywhere, ATTACKED)
    lines += [("verifier", f"{judge.name}: {said}") for said in held.said]
    table = [f"{name:<18} {said}" for name, said in lines] + earnings(earned, every)
    what = f"rows {task.options.get('path') or task.options.get('hub')}: {len(every):,} rows"
    return Report(what, held.faults + holes(judge.name, earned), table)


def of_config(config: Config, n: int | None = None, timeout: float = 10.0) -> Iterator[Report]:
    """Check the task of a config as `report` checks rows, and any other by its own solutions."""
    if config.task.name == "rows":
        return iter([report(config.task, config.verifier, config.model, n, timeout)])
    task = config.task
    return iter([check_task(task.name, n, task.options, timeout, config.verifier)])


def _by_hash(problem: Problem) -> str:
    return digest([problem.prompt, problem.reference])


def _spread(problems: Sequence[Item], n: int) -> list[Item]:
    """Return n problems at most, from all over the file."""
    count = min(n, len(problems))
    return [problems[place * len(problems) // count] for place in range(count)]


def _shown(place: int, problem: Problem) -> Iterator[tuple[str, str]]:
    yield f"problem {place}", f"{problem.id}, level {problem.level}"
    for role, content in problem.messages or (("prompt", problem.prompt),):
        yield f"  {role}", shortened(content)
    yield "  answer", shortened(str(problem.reference))
    if problem.solution is not None:
        yield "  solution", shortened(problem.solution)


def _contents(every: Sequence[Problem]) -> Iterator[tuple[str, str]]:
    """Say how many prompts are different, what they are made of, and what levels there are."""
    answers = defaultdict(set)
    for problem in every:
        answers[problem.prompt.strip()].add(repr(problem.reference))
    said = f"{len(answers):,} different"
    if again := len(every) - len(answers):
        other = sum(len(known) > 1 for known in answers.values())
        said += f"; {again:,} rows repeat the prompt of another, and only the last of them is used"
        said += f" ({other:,} prompts have more than one answer)" if other else ""
    yield "problems", said
    roles = Counter(", ".join(role for role, _ in problem.messages) or "text" for problem in every)
    yield "prompts", _counted(roles)
    solved = sum(problem.solution is not None for problem in every)
    yield (
        "solutions",
        f"{solved:,} of {len(every):,}"
        + (
            ""
            if solved
            else ": no warm start, no few-shot rows, no arm `real`; if the answer is all "
            "that is to be said, it is the solution too: -O columns.solution=ITS_COLUMN"
        ),
    )
    if len(levels := Counter(problem.level for problem in every)) > 1:
        yield "levels", _counted(levels)


def _counted(counts: Counter[str]) -> str:
    said = ", ".join(f"{name} {count:,}" for name, count in counts.most_common(8))
    return said + (f" and {len(counts) - 8:,} more" if len(counts) > 8 else "")


def _splits(task: NamedConfig) -> Iterator[tuple[str, str]]:
    """Say what each split gets, and which held-out problems are nearly trained on."""
    sizes: dict[Split, int] = ask(task, "sizes", {})
    said = ", ".join(f"{split} {count:,}" for split, count in sizes.items())
    yield "splits", f"{said} (more are held out where a config asks for more, a third at most)"
    if not (sizes["train"] and sizes["eval"]):
        return
    drawn = [
        [one.prompt for one in draw_problems(task, split, sizes[split], 0, "check", {})]
        for split in ("eval", "train")
    ]
    near = near_duplicates(*drawn)
    example = "".join(
        f": {shortened(drawn[0][one.held_out])!r} ~ {shortened(drawn[1][one.trained])!r}"
        for one in near[:1]
    )
    yield "near-duplicates", f"{len(near):,} held out are nearly in train{example}"


def _lengths(every: Sequence[Problem], model: str | None) -> Iterator[tuple[str, str]]:
    """Say how long prompts and solutions are, in tokens of the model, else in characters."""
    solved = [problem for problem in every if problem.solution is not None]
    if model is None:
        sizes = {
            "prompts": [len(problem.prompt) for problem in every],
            "solutions": [len(str(problem.solution)) for problem in solved],
        }
        unit, most = "characters", ""
    else:
        tokenizer, positions = tokenizer_and_positions(model, "--model")
        sizes = {
            "prompts": [len(ids) for ids in encode_prompts(tokenizer, every, Prompting())],
            "solutions": [len(ids) for ids in encode_solutions(tokenizer, solved)],
        }
        unit, most = "tokens", f"; {model} takes {positions:,} in all"
    for name, lengths in sizes.items():
        if lengths:
            middle = statistics.median_high(lengths)
            said = f"half are at most {middle:,} {unit}, the longest has {max(lengths):,}"
            yield f"length, {name}", said + (most if name == "prompts" else "")


# --- the verifier ----------------------------------------------------------------------------


@dataclass
class Held:
    """What a verifier says of right and of other answers: in words, and a line for each fault."""

    said: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def hold(pool: VerifierPool, problems: Sequence[Problem]) -> Held:
    """Hold right answers (solutions, else the references themselves) and others to the verifier."""
    right = [
        replace(problem, solution=str(problem.reference)) if problem.solution is None else problem
        for problem in problems
        if problem.solution is not None or isinstance(problem.reference, str)
    ]
    held = Held()
    if not right:
        some = problems[:EMPTY]
        held.said.append(
            "not held to right answers: the rows have tests, or other references that are no text, "
            f"and no solutions; to an empty answer of {len(some)} alone"
        )
        empty = list(pool.verify((one, "") for one in some))
        for status in ("correct", "error"):
            held.faults += _faults("empty", some, [""] * len(some), empty, status)
        return held
    golden = list(pool.verify((one, str(one.solution)) for one in right))
    others = corrupted("rows", right)
    spoilt = list(pool.verify(zip(right, others, strict=True)))
    passed = sum(verdict.status == "correct" for verdict in golden)
    failed = sum(verdict.status == "wrong" for verdict in spoilt)
    also = f"of as many corrupted ones {failed:,} fail"
    held.said.append(f"of {len(right):,} right answers {passed:,} pass, {also}")
    unread = _these(right, golden, "abstain")
    if unread:
        problem, verdict = unread[0]
        unreadable = shortened(str(problem.reference))
        held.said.append(
            f"{len(unread):,} references can't be read, such as {unreadable!r} "
            f"of {problem.id} ({verdict.reason}): their completions stay undecided"
        )
    if len(unread) == len(right):
        held.faults.append(f"no reference can be read: {unread[0][1].reason}")
    for what, texts, verdicts, status in (
        ("right", [str(one.solution) for one in right], golden, "wrong"),
        ("corrupted", others, spoilt, "correct"),
        ("right", [str(one.solution) for one in right], golden, "error"),
    ):
        held.faults += _faults(what, right, texts, verdicts, status)
    return held


def _these(
    problems: Sequence[Problem], verdicts: Sequence[Verdict], status: str
) -> list[tuple[Problem, Verdict]]:
    pairs = zip(problems, verdicts, strict=True)
    return [(problem, verdict) for problem, verdict in pairs if verdict.status == status]


def _faults(
    what: str,
    problems: Sequence[Problem],
    texts: Sequence[str],
    verdicts: Sequence[Verdict],
    status: str,
) -> list[str]:
    """Return a line for each of the first answers that are judged as they must not be."""
    found = [
        f"{problem.id}: its {what} answer {shortened(text)!r} is {status}"
        + (f" ({verdict.reason})" if verdict.reason else "")
        + f"; the reference is {shortened(str(problem.reference))!r}"
        for problem, text, verdict in zip(problems, texts, verdicts, strict=True)
        if verdict.status == status
    ]
    more = [f"and {len(found) - SHOWN:,} more such {what} answers"] if len(found) > SHOWN else []
    return found[:SHOWN] + more
