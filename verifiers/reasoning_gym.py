"""Reasoning Gym's own scorers: `reasoning_gym:DATASET`, as `reasoning_gym:leg_counting`.

The reference is an entry of the dataset: a mapping with `question`, `answer` and `metadata`, or the
same as JSON. So a line of a JSONL file can be a reference itself. Without DATASET, the entry's own
`metadata.source_dataset` names the dataset. A score of at least `threshold` is `correct`. If an
answer makes the scorer raise, it is `wrong`, or `abstain` if the entry's own answer makes it raise
too. The answer is the text in the last <answer>...</answer>, else the whole completion. If a
dataset's scorer evaluates the answer as Python, the dataset is refused unless `evaluates` is
"allowed". docs/reasoning-gym.md lists these datasets, and those that are known to work.
"""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import ModuleType
from typing import Any, Literal

from rlvr.data import InputError, Problem, Verdict, nearest
from rlvr.verify.verifier import NO_ANSWER, Case, near_miss

ARGUMENT = "dataset"
WHOLE_LINE = True
ISOLATE = True  # 101 scorers that were not written for hostile answers; some evaluate them
EVALUATES = (
    "binary_matrix", "composite", "countdown", "intermediate_integration", "n_queens",
    "polynomial_multiplication", "puzzle24", "simple_integration", "spiral_matrix",
    "string_insertion",
)  # fmt: skip
"""Datasets whose scorer evaluates the answer as Python: an answer can forge its own score.

`composite` passes the answer on to the scorer that the entry names.
"""
BOARDS = ("arc_agi", "rearc")
"""Datasets whose scorer compares tuples, which JSON does not have."""


def verify(
    problem: Problem,
    completion: str,
    dataset: str | None = None,
    threshold: float = 1.0,
    evaluates: Literal["refused", "allowed"] = "refused",
) -> Verdict:
    """Let the dataset's scorer judge the completion's answer (see docs/reasoning-gym.md)."""
    gym = load_gym()
    entry = _entry(problem.reference)
    if entry is None:
        return Verdict("abstain", "the reference is not an entry with question, answer, metadata")
    name = dataset or str(entry["metadata"].get("source_dataset"))
    if name not in gym.factory.DATASETS:
        return Verdict("abstain", f"the entry's metadata.source_dataset is no dataset: {name}")
    if name in EVALUATES and evaluates != "allowed":
        return Verdict("abstain", refusal(name))
    if name in BOARDS:
        entry["metadata"] |= {"output": tuple(map(tuple, entry["metadata"]["output"]))}
    tagged = gym.utils.extract_answer(completion)
    answer = completion.strip() if tagged is None else tagged
    if not answer:
        return Verdict("wrong", NO_ANSWER)
    score = float(_scorer(name)(answer, entry))  # the pool finds out why it raised
    return Verdict("correct" if score >= threshold else "wrong", f"score {score:g}", answer[:200])


def refusal(dataset: str) -> str:
    """Return why an answer to this dataset is not judged, and what can be done."""
    return (
        f"the scorer of {dataset} evaluates the answer as Python, so an answer can forge its score:"
        " choose another dataset, or say evaluates: allowed"
    )


def refuse(argument: str, options: Mapping[str, Any]) -> None:
    """Raise InputError for a dataset whose scorer evaluates answers, unless that is allowed."""
    if argument in EVALUATES and options.get("evaluates") != "allowed":
        raise InputError(f"verifier reasoning_gym: {refusal(argument)}")


def shares(argument: str, options: Mapping[str, Any]) -> bool:
    """Return whether no answer is evaluated, so that items can share a process."""
    return options.get("evaluates") != "allowed"


def harmless(reference: Any) -> str:
    """Return the entry's own answer, if it has one: the scorer must be able to decide it."""
    entry = _entry(reference)
    answer = _own_answer(entry) if entry is not None else None
    return "" if answer is None else f"<answer>{answer}</answer>"


def load_gym() -> ModuleType:
    """Import the gym, with a stand-in if pycosat is missing; that makes puzzles, and scores none.

    Raises InputError if the gym is not installed.
    """
    try:
        importlib.import_module("pycosat")
    except ModuleNotFoundError:
        sys.modules["pycosat"] = ModuleType("pycosat")
    try:
        return importlib.import_module("reasoning_gym")
    except ModuleNotFoundError as failure:
        if failure.name != "reasoning_gym":
            raise
        raise InputError(
            "verifier reasoning_gym: not installed: pip install -e '.[gym]'"
        ) from failure


def prepare(argument: str) -> ModuleType | None:
    """Import the gym and the dataset once; the dataset's module is part of the verifier."""
    gym = load_gym()
    if not argument:
        return None
    known = sorted(gym.factory.DATASETS)
    if argument not in known:
        raise InputError(
            f"verifier reasoning_gym: no dataset {argument!r}{nearest(argument, known)}: "
            f"docs/reasoning-gym.md lists all {len(known)}"
        )
    return sys.modules[gym.factory.DATASETS[argument][0].__module__]


def _entry(reference: Any) -> dict[str, Any] | None:
    """Return the entry with its own copy of the metadata, None if it is no entry."""
    if isinstance(reference, str):
        try:
            reference = json.loads(reference)
        except ValueError:
            return None
    if not isinstance(reference, Mapping) or not isinstance(reference.get("metadata"), Mapping):
        return None
    return {"answer": None, **reference, "metadata": dict(reference["metadata"])}


@lru_cache
def _scorer(dataset: str) -> Callable[[str, dict[str, Any]], float]:
    gym = load_gym()
    scorer: Callable[[str, dict[str, Any]], float] = gym.factory.get_score_answer_fn(dataset)
    return scorer


def cases(dataset: str, n: int = 5) -> Iterator[Case]:
    """Yield n entries of the dataset as cases: its own answer is correct, a near miss wrong.

    Raises InputError if the dataset gives no answers.
    """
    gym = load_gym()
    # `composite` needs the names of other datasets: it has no entries of its own.
    made = gym.create_dataset(dataset, seed=1, size=n) if dataset != "composite" else []
    try:
        entries = [(entry, _own_answer(entry)) for entry in made]
    except AttributeError as failure:
        if "pycosat" not in str(failure):
            raise
        raise InputError(
            f"verifier reasoning_gym:{dataset}: its puzzles can't be made without pycosat (scoring "
            "does not need it), which wants a compiler"
        ) from failure
    answers = [answer for _, answer in entries if answer is not None]
    if len(answers) < max(1, len(entries)):
        raise InputError(
            f"verifier reasoning_gym:{dataset}: the dataset gives no answers of its own, so there "
            "is nothing to check its scorer with"
        )
    for index, (entry, answer) in enumerate(entries):
        reference, text = json.dumps(entry, default=str), str(answer)
        yield reference, text, "correct"
        # If many answers are right, a near miss may be right too. Half an answer is not.
        half = entry["answer"] is None
        near = near_miss(text, random.Random(index), answers)
        yield reference, text[: len(text) // 2] if half else near, "wrong"


def _own_answer(entry: Mapping[str, Any]) -> str | None:
    """Return the entry's answer; if there are many, the example in its metadata."""
    for key in ("example_answer", "example_correct_answer"):
        if entry["answer"] is None and key in entry["metadata"]:
            return str(entry["metadata"][key])
    if entry["answer"] is None and "possible_answer" in entry["metadata"]:
        return json.dumps(entry["metadata"]["possible_answer"])
    return None if entry["answer"] is None else str(entry["answer"])


_LEGS = {"question": "", "answer": "22", "metadata": {"source_dataset": "leg_counting"}}
_BOARD = {"question": "", "answer": "", "metadata": {"source_dataset": "arc_agi", "output": [[1]]}}
_QUEENS = {"answer": "Q", "metadata": {"source_dataset": "n_queens", "valid_answers": ["Q"]}}
CASES = [
    (_LEGS, "22", "correct"),
    (_LEGS, "Six and 16: <answer>22</answer>", "correct"),
    (_LEGS, "23", "wrong"),
    (_LEGS, "", "wrong"),
    (json.dumps(_LEGS), "22", "correct"),
    (_BOARD, "1", "correct"),
    (_BOARD, "2", "wrong"),
    (_QUEENS, "[['Q']]", "abstain"),
    ("22", "22", "abstain"),
    ({"metadata": {}}, "22", "abstain"),
]
