"""Any dataset of Reasoning Gym: `reasoning_gym:DATASET`, as `reasoning_gym:leg_counting`.

Every other option is the dataset's own (`max_animals: 5`). Entries are divided into train, eval and
dev by a hash of the question. (The gym itself seeds an entry by seed + index, so that two of its
seeds share nearly all entries.) The real solution is the dataset's answer, if the scorer gives it
full marks. The level is the entry's difficulty, if that is given in a few words.
docs/reasoning-gym.md says which datasets are known to work.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rlvr.tasks import stream
from rlvr.verifiers.reasoning_gym import load_gym, prepare, verify

from rlvr.data import InputError, Problem, Split

ARGUMENT = "dataset"
VERIFIER = "reasoning_gym"


@dataclass(frozen=True)
class Question:
    """A question, equal to another with the same words, and the gym's entry as plain JSON data."""

    text: str
    entry: dict[str, Any] = field(compare=False)


def problems(
    split: Split, n: int, *, dataset: str, seed: int = 0, **options: Any
) -> Iterator[Problem]:
    """Yield n problems of `split`; each prompt is a question.

    Raises InputError for an unknown dataset or an option that it refuses, ValueError when it runs
    out of questions.
    """
    prepare(dataset)
    gym = load_gym()

    def draw(generator: random.Random) -> tuple[str, Question]:
        made = gym.create_dataset(dataset, size=1, seed=generator.randrange(2**31), **options)
        entry = json.loads(json.dumps(made[0], default=str))
        return entry["question"], Question(entry["question"], entry)

    try:
        draw(random.Random(0))
    except (AssertionError, AttributeError, TypeError, ValueError) as failure:
        raise InputError(f"task reasoning_gym:{dataset}: {failure}") from failure
    for index, one in enumerate(stream(f"reasoning_gym/{dataset}", split, seed, n, draw)):
        problem = Problem(
            id=f"reasoning_gym/{dataset}/{split}/{seed}/{index}",
            task=f"reasoning_gym:{dataset}",
            split=split,
            level=_level(one.entry["metadata"].get("difficulty")),
            prompt=f"{one.text}\n",
            reference=one.entry,
        )
        yield replace(problem, solution=_solution(problem, dataset))


def _level(difficulty: Any) -> str:
    """Return `3` or `terms=3`; "all" without a level, and for ranges, which don't fit one entry."""
    parts = difficulty if isinstance(difficulty, Mapping) else {"": difficulty}
    if not all(isinstance(value, int | float | str) for value in parts.values()):
        return "all"
    words = ",".join(f"{key}={value}" if key else str(value) for key, value in parts.items())
    return words if 0 < len(words) <= 40 else "all"


def _solution(problem: Problem, dataset: str) -> str | None:
    """Return the entry's own answer if its scorer accepts it. The dataset's own text is trusted."""
    answer = problem.reference["answer"]
    if answer is None:
        return None
    try:
        verdict = verify(problem, str(answer), dataset, evaluates="allowed")
    except Exception:  # if the scorer raises anything, it does not accept the answer
        return None
    return str(answer) if verdict.status == "correct" else None
