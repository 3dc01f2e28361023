"""Any dataset of Reasoning Gym: `reasoning_gym:DATASET`, as `reasoning_gym:leg_counting`.

Every other option is the dataset's own (`max_animals: 5`). Entries are dealt to train, eval and dev
by a hash of the question: the gym itself seeds an entry by seed + index, so that two of its seeds
share nearly all of them. The real solution is the dataset's answer. docs/reasoning-gym.md says
which datasets are known to work.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from rlvr.tasks import stream
from rlvr.verifiers.reasoning_gym import load_gym, prepare

from rlvr.data import InputError, Problem, Split

ARGUMENT = "dataset"
VERIFIER = "reasoning_gym"


def problems(
    split: Split, n: int, *, dataset: str, seed: int = 0, **options: Any
) -> Iterator[Problem]:
    """Yield n problems of `split`, a question a prompt.

    Raises InputError for an unknown dataset or an option that it refuses, ValueError when it runs
    out of questions.
    """
    prepare(dataset)
    gym = load_gym()

    def draw(generator: random.Random) -> tuple[str, str]:
        one = gym.create_dataset(dataset, size=1, seed=generator.randrange(2**31), **options)
        entry = one[0]
        return str(entry["question"]), json.dumps(entry, default=str)

    try:
        next(iter(stream(dataset, "train", 0, 1, draw)), None)
    except (AssertionError, TypeError, ValueError) as failure:
        raise InputError(f"task reasoning_gym:{dataset}: {failure}") from failure
    for index, text in enumerate(stream(f"reasoning_gym/{dataset}", split, seed, n, draw)):
        entry = json.loads(text)
        difficulty = entry["metadata"].get("difficulty", {})
        plain = all(isinstance(value, int | float | str) for value in difficulty.values())
        level = ",".join(f"{key}={value}" for key, value in difficulty.items()) if plain else ""
        yield Problem(
            id=f"reasoning_gym/{dataset}/{split}/{seed}/{index}",
            task=f"reasoning_gym:{dataset}",
            split=split,
            level=level if 0 < len(level) <= 40 else "all",
            prompt=f"{entry['question']}\n",
            reference=entry,
            solution=None if entry["answer"] is None else str(entry["answer"]),
        )
