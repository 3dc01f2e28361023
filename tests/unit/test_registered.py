"""Since when a config's file has had its rule, as a repository tells it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rlvr.config import load
from rlvr.loop import registered as of
from rlvr.loop.registered import registered

CONFIG = """
name: mine
model: tiny-0.1m
task: addition
seeds: [0, 1, 2]
rounds: 2
arms: [verified, {name: half, keep: random, share: 0.5}]
train: {lr: 1.0e-3}
verdict: {margin: 0.05}
"""
BEGAN = 1_700_000_000


def git(*words: str, hours: float = 0) -> str:
    """Call git here, `hours` after BEGAN."""
    date = f"{int(BEGAN + 3600 * hours)} +0000"
    who = {
        f"GIT_{role}_{what}": "a@b"
        for role in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    asked = subprocess.run(
        ["git", *words],
        env={**os.environ, **who, **dates},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


def commit(text: str, hours: float) -> str:
    Path("mine.yaml").write_text(text)
    git("add", "mine.yaml")
    git("commit", "--quiet", "--message=a change", hours=hours)
    return git("rev-parse", "HEAD")


def asked(*overrides: str, where: str = "mine.yaml") -> dict[str, Any]:
    found = registered(load(Path(where), overrides), where)
    began = found.pop("began", None)  # a time only where there is a commit to set it against
    assert (began is not None) == bool(found.get("commit"))
    return found


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    return tmp_path


def test_it_is_the_first_commit_since_when_the_rule_stands_as_it_is(repository: Path) -> None:
    commit(CONFIG, 0)
    commit(CONFIG.replace("0.05", "0.001"), 1)
    first = commit(CONFIG, 2)  # as at first: it was something else between
    commit(CONFIG.replace("1.0e-3", "2.0e-3") + "# a comment\n", 3)
    at = {"commit": first, "committed": BEGAN + 7200, "at_least": False}
    assert asked() == {"file": "mine.yaml", **at}
    Path("mine.yaml").write_text(CONFIG + "evaluate: {problems: 20}\n")
    assert asked() == {"file": "mine.yaml", **at}, "not of the rule"


@pytest.mark.parametrize(
    "edit", [("0.05", "0.01"), ("[0, 1, 2]", "[3, 4, 5]"), ("share: 0.5", "share: 0.4")]
)
def test_a_rule_that_was_not_committed_is_said_to_be_so(
    repository: Path, edit: tuple[str, str]
) -> None:
    Path("mine.yaml").write_text(CONFIG)
    git("commit", "--quiet", "--allow-empty", "--message=nothing")
    assert asked() == {"file": "mine.yaml", "commit": None}
    commit(CONFIG, 0)
    Path("mine.yaml").write_text(CONFIG.replace(*edit))
    assert asked() == {"file": "mine.yaml", "commit": None}


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("verdict.margin=0.01", "verdict"),
        ("seeds=[3,4,5]", "seeds"),
        ("arms=[verified]", "arms"),
        ("rounds=1", "rounds"),
        ("train.lr=5.0e-3", None),
        ("workers=2", None),
    ],
)
def test_the_command_line_is_part_of_what_ran(
    repository: Path, override: str, key: str | None
) -> None:
    first = commit(CONFIG, 0)
    found = asked(override)
    assert found.get("overridden") == ([key] if key else None)
    assert found.get("commit") == (None if key else first)


def test_nothing_is_said_without_a_repository_a_git_or_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(CONFIG)
    assert asked() == {}
    git("init", "--quiet")
    Path(".gitignore").write_text("*.yaml\n")
    assert asked() == {}, "as of an installed package in a virtual environment"
    Path(".gitignore").unlink()
    commit(CONFIG, 0)
    assert asked()["committed"] == BEGAN
    with monkeypatch.context() as patch:
        patch.setattr(of, "SECONDS", 0.0)
        assert asked() == {}
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        assert asked() == {}


def test_a_history_that_goes_no_further_back_gives_the_least(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(CONFIG, 0)
    last = commit(CONFIG + "# a comment\n", 5)
    at = {"commit": last, "committed": BEGAN + 5 * 3600, "at_least": True}
    with monkeypatch.context() as patch:
        patch.setattr(of, "COMMITS", 1)
        assert asked() == {"file": "mine.yaml", **at}
    git("clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    assert asked(where="shallow/mine.yaml") == {"file": "mine.yaml", **at}
