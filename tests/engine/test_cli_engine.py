"""Commands that start a real engine or fetch a model: doctor, claims, an engine's own refusal."""

from __future__ import annotations

from pathlib import Path

from support.command import Call, assert_refused, shell
from support.runs import TINY


def test_doctor_finds_nothing_wrong_here(call: Call) -> None:
    code, out, err = call("doctor")
    assert code == 0, out + err
    for word in ("versions", "vllm", "memory", "disk", "verifier", "sandbox", "engine and trainer"):
        assert word in out
    assert "FAILS" not in out


def test_an_argument_that_the_engine_has_not_is_refused(call: Call, tmp_path: Path) -> None:
    short = ["seeds=[7]", "rounds=1", "arms=[verified]", "warm_start=null", "train.steps=1"]
    run = ["run", TINY, *short, "engine.no_such_argument=1", "--out", tmp_path / "run"]
    assert_refused(call, ["engine.no_such_argument"], *run)


def test_claims_refuse_a_loop_of_links_in_one_line(tmp_path: Path) -> None:
    """The model is made first, in the machine's own cache; the others: tests/unit/test_cli.py."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    code, lines = shell("claims C1 --budget smoke --out a", tmp_path)
    assert code == 2 and len(lines) == 1 and lines[0].startswith("rlvr: "), lines
    assert (tmp_path / "a").is_symlink() and (tmp_path / "b").is_symlink()
