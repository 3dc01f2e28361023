"""Writes docs/reasoning-gym.md (or the file named): .venv/bin/python docs/make_reasoning_gym.py.

Every dataset's own answers and near misses of them go through the verifier `reasoning_gym`, and
probes through the bare scorers, to see which of them evaluate an answer as Python (an audit hook
watches the interpreter compile) and which raise.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from rlvr.data import InputError
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

PLUGIN = importlib.import_module("rlvr.verifiers.reasoning_gym")
CASES = 5
MARK = "71830"
PROBES = (f"{MARK} + 1", f"[[{MARK}, 1]]", f"{{{MARK}: 1}}", f"['{MARK}']", f"x + {MARK}")
JUNK = (
    "",
    "junk",
    "[1, 2",
    "{}",
    "[]",
    "null",
    "1/0",
    "-",
    "(",
    ",",
    "\n",
    "1e999",
    "nan",
    "é☃\ud800",
)


@dataclass(frozen=True)
class Found:
    """What was found of one dataset; `flaw` is "" where every case came out as it should."""

    name: str
    flaw: str
    evaluates: bool
    raises: str


def datasets() -> list[str]:
    """Return the names of all datasets."""
    # Without pycosat, as the pins are, even where it happens to be installed.
    sys.modules["pycosat"] = ModuleType("pycosat")
    return sorted(PLUGIN.load_gym().factory.DATASETS)


def judge(names: list[str]) -> dict[str, str]:
    """Return name -> what is wrong with its cases through our verifier, "" if nothing."""
    flaws: dict[str, str] = {}
    todo: list[tuple[str, Any, str, str]] = []
    for name in names:
        try:
            todo += [(name, *case) for case in PLUGIN.cases(name, CASES)]
            flaws[name] = ""
        except InputError as failure:
            flaws[name] = str(failure).partition(": ")[2].partition(",")[0]
    wrong: defaultdict[str, Counter[str]] = defaultdict(Counter)
    with VerifierPool("reasoning_gym", {"evaluates": "allowed"}, timeout=30.0) as pool:
        items = ((case_problem(reference), text) for _, reference, text, _ in todo)
        for (name, _, _, status), verdict in zip(todo, pool.verify(items), strict=True):
            if verdict.status != status:
                kind = "its own answer" if status == "correct" else "a near miss"
                wrong[name][f"{kind} is {verdict.status} ({verdict.reason})"] += 1
    for name, counts in wrong.items():
        flaws[name] = "; ".join(f"{count} of {CASES}: {what}" for what, count in counts.items())
    return flaws


def probe(name: str) -> tuple[bool, str]:
    """Return whether the scorer compiles the answer as Python, and what junk makes it raise."""
    if name == "composite":  # hands on to the datasets that it is made of
        return True, ""
    dataset = PLUGIN.load_gym().create_dataset(name, seed=1, size=1)
    try:
        entry = json.dumps(dataset[0], default=str)
    except AttributeError:  # no pycosat
        entry = json.dumps({"question": "", "answer": "", "metadata": {}})
    raised: set[str] = set()
    with compiled() as sources:
        for answer in (*PROBES, *JUNK):
            try:
                dataset.score_answer(answer, json.loads(entry))
            except Exception as failure:
                raised.add(type(failure).__name__)
    return any(MARK in source for source in sources), ", ".join(sorted(raised))


_sources: list[str] | None = None


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "compile" and _sources is not None:
        source = arguments[0]
        _sources.append(
            source.decode("utf-8", "replace") if isinstance(source, bytes) else str(source)
        )


@contextlib.contextmanager
def compiled() -> Iterator[list[str]]:
    """Yield a list that fills with every source compiled while the block runs."""
    global _sources
    _sources = []
    try:
        yield _sources
    finally:
        _sources = None


def find() -> list[Found]:
    """Look at every dataset."""
    names = datasets()
    flaws = judge(names)
    sys.addaudithook(_hook)
    return [Found(name, flaws[name], *probe(name)) for name in names]


def document(found: list[Found]) -> str:
    """Return the Markdown page."""
    good = [one for one in found if not one.flaw]
    lines = [
        "# Reasoning Gym's datasets as verifiers",
        "",
        "`.venv/bin/python docs/make_reasoning_gym.py` writes this page, and "
        "`tests/sandbox/test_reasoning_gym.py` compares it.",
        "",
        f"Of {len(found)} datasets, {len(good)} work as `reasoning_gym:DATASET`: "
        f"in {CASES} entries of each, read from JSON, the entry's own answer is correct and a near "
        "miss of it is not.",
        "",
        "## Those that do not",
        "",
        *[f"- `{one.name}`: {one.flaw}" for one in found if one.flaw],
        "",
        "## Those that evaluate the answer as Python",
        "",
        "In these scorers a completion reaches `eval` (or sympy's `parse_expr`, which calls "
        "it), so it can forge its own score. rlvr refuses them, with exit code 2, unless the "
        "option `evaluates: allowed` asks for them. Do not train on them. `composite` passes "
        "the answer on to the scorer that the entry names. Each completion has a process of its "
        "own in a sandbox, so it can reach nothing of the machine, and no other completion "
        "([how](security.md#text-that-a-model-wrote)).",
        "",
        *[f"- `{one.name}`" for one in found if one.evaluates],
        "",
        "## Those that raise on malformed answers",
        "",
        "Then the verdict is `wrong`, or `abstain` if the entry's own answer makes them raise too.",
        "",
        *[f"- `{one.name}`: {one.raises}" for one in found if one.raises],
        "",
        "## Those that work",
        "",
        ", ".join(f"`{one.name}`" for one in good) + ".",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    page = Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).with_name("reasoning-gym.md")
    page.write_text(document(find()))
    print(page)
