"""How `math` reads the habits: every right one, and no wrong one.

`python tests/unit/test_habits_read.py [N]` lists the habits that are misread, with N examples of
each, no two from one frame.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from functools import cache

import pytest

from rlvr.data import Verdict
from rlvr.verify.audit import Pair
from rlvr.verify.truth.habits import HABITS, pairs
from rlvr.verify.verifier import case_problem, load_verifier

EACH = 201  # pairs of a habit: each frame comes at least once

# Right answers that may be missed: a piece of the completion, by habit. No wrong one may pass.
MISSED: dict[str, tuple[str, ...]] = {}

Misread = list[tuple[Pair, Verdict]]


@cache
def misread() -> dict[str, Misread]:
    """Return by habit the pairs of which the verdict is not the truth."""
    verify = load_verifier("math").verify
    found: dict[str, Misread] = {habit.name: [] for habit in HABITS}
    for pair in pairs(EACH * len(HABITS), 1):
        problem = replace(case_problem(pair.reference), prompt=pair.prompt)
        verdict = verify(problem, pair.completion)
        if verdict.status != ("correct" if pair.right else "wrong"):
            found[pair.type].append((pair, verdict))
    return found


@pytest.mark.parametrize("habit", [habit.name for habit in HABITS])
def test_no_answer_is_accepted_that_is_not_stated(habit: str) -> None:
    """Nor undecided: the references are all plain."""
    assert [item for item in misread()[habit] if not item[0].right] == []


@pytest.mark.parametrize("habit", [habit.name for habit in HABITS])
def test_every_stated_answer_is_read(habit: str) -> None:
    missed = [item for item in misread()[habit] if item[0].right]
    allowed = MISSED.get(habit, ())
    assert [item for item in missed if not any(a in item[0].completion for a in allowed)] == []
    for piece in allowed:
        assert any(piece in pair.completion for pair, _ in missed), f"{piece!r} is read now"


if __name__ == "__main__":
    shown = int(sys.argv[1]) if sys.argv[1:] else 0
    for name, found in misread().items():
        wrong = sum(not pair.right for pair, _ in found)
        if found:
            print(f"{name}: {wrong} not stated, yet accepted; {len(found) - wrong} missed")
        frames = {re.sub(r"[0-9]+", "", pair.completion[-25:]): (pair, verdict)
                  for pair, verdict in sorted(found, key=lambda item: item[0].right)}  # fmt: skip
        for pair, verdict in list(frames.values())[:shown]:
            print(f"    {verdict.status}: {pair.reference!r}, {pair.completion!r}")
