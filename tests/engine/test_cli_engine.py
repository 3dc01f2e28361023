"""Commands that start a real engine: doctor, and a run whose engine refuses an argument."""

from __future__ import annotations

from pathlib import Path

from support.command import Call, assert_refused
from support.runs import TINY


def test_doctor_finds_nothing_wrong_here(call: Call) -> None:
    code, out, err = call("doctor")
    assert code == 0, out + err
    for word in ("versions", "vllm", "memory", "disk", "verifier", "sandbox", "engine and trainer"):
        assert word in out
    assert "FAILS" not in out


def test_an_argument_that_the_engine_has_not_is_refused(call: Call, tmp_path: Path) -> None:
    short = ["seeds=[7]", "rounds=1", "arms=[verified]", "train.steps=1"]
    run = ["run", TINY, *short, "engine.no_such_argument=1", "--out", tmp_path / "run"]
    assert_refused(call, ["engine.no_such_argument"], *run)
