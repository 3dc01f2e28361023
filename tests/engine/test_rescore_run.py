"""A real run rescored by its own verifier: every figure and every choice comes out as recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from support.runs import ARMS, SEEDS, files, value

from rlvr.results import rescored
from rlvr.results.effects import Results
from rlvr.results.rejudged import rests_on_verdicts
from rlvr.results.rescore import rescore


def test_a_run_rescored_by_its_own_verifier_is_as_it_was_recorded(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = files(reference)
    seen: list[Results] = []
    plain = rescored.verdicts

    def spied(was: Results, now: Results) -> list[dict[str, Any]]:
        seen.extend((was, now))
        return plain(was, now)

    monkeypatch.setattr(rescored, "verdicts", spied)
    found = rescore(reference, "exact", tmp_path / "out", workers=1)
    assert files(reference) == before
    was, now = seen
    assert was.values.keys() == now.values.keys() and now.folder == tmp_path / "out"
    same = [key for key, x in was.values.items() if now.values[key] == x or math.isnan(x)]
    assert len(same) == len(was.values)
    assert sum(rests_on_verdicts(name) for *_, name in same) > 100
    for one in found["verdicts"]:
        assert one["was"] == one["now"] and not one["flipped"]
    assert found["examples"] == [] and {one["was"] for one in found["pairs"]} == {
        "correct",
        "wrong",
    }
    for one in found["kept"]:
        kept = sum(value(reference, s, one["arm"], one["round"], "kept")[0] for s in SEEDS)
        assert one["would"] == one["both"] == one["kept"] == kept
    assert {one["arm"] for one in found["kept"]} == set(ARMS)
    # The pool of the first round, which all arms share, is the base's and counts once.
    trained = [
        one for one in found["rates"] if one["set"] == "training" and one["round"] is not None
    ]
    counts = {(one["arm"], one["round"]): one["n"] for one in trained}
    assert counts == {("base", 0): 1024, ("verified", 2): 1024, ("random", 2): 1024}
