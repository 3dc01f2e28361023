"""The README's "Your own verifier", as it says, in an empty folder, with the installed command."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rlvr.data import InputError
from rlvr.verify.scaffold import VERIFIER, new_verifier

README = (Path(__file__).parents[2] / "README.md").read_text()
SECTION = README.partition("## Your own verifier")[2].partition("\n## ")[0]
CONFIG = """\
name: mine
model: tiny-0.1m
task: {name: addition, digits: 1}
warm_start: {problems: 200, lr: 5.0e-3, batch_size: 64, max_steps: 20}
seeds: [1]
rounds: 1
arms: [verified]
generate: {prompts: 32, samples: 4, max_tokens: 4}
verify: {workers: 1}
train: {steps: 2, batch_size: 16, lr: 5.0e-4, precision: fp32}
evaluate: {problems: 8, samples: 2, k: [1]}
"""


def rlvr(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the README there as a user would, `rlvr` from the PATH."""
    command = Path(sys.executable).with_name("rlvr")
    assert line.startswith("rlvr ") and command.is_file()
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    cache = str(folder.parent / "cache")
    return subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env={**os.environ, "PATH": path, "RLVR_CACHE": cache},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_readme_works_in_an_empty_folder(tmp_path: Path) -> None:
    """New, check, score and a real run: every command of the section's shell block."""
    folder = tmp_path / "empty"
    folder.mkdir()
    commands = re.findall(r"^rlvr .*$", re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)[0], re.M)
    assert [command.split()[1] for command in commands] == ["new", "check", "score", "run"]
    new, check, score, run = commands

    ran = rlvr(folder, new)
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in folder.iterdir()] == ["mine.py"]
    assert (folder / "mine.py").read_text() in SECTION, "the README shows what is written"
    for command in (check, score.partition(" FILE")[0], run.partition(" CONFIG")[0]):
        assert command in ran.stdout

    ran = rlvr(folder, check)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "verifier mine.py: 3 cases: ok")

    lines = [{"completion": f"it is {n}", "answer": "7", "id": n} for n in (7, 8)]
    (folder / "FILE.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    ran = rlvr(folder, score)
    assert ran.returncode == 0, ran.stderr
    scored = [json.loads(line) for line in (folder / "scored.jsonl").read_text().splitlines()]
    assert [(line["id"], line["status"], line["extracted"]) for line in scored] == [
        (7, "correct", "7"),
        (8, "wrong", "8"),
    ]

    (folder / "CONFIG.yaml").write_text(CONFIG)
    ran = rlvr(folder, run)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-2000:]
    done = folder / "runs/mine"
    judged = pd.read_parquet(done / "seed-1/verified/round-001/completions.parquet")
    assert set(judged.status) <= {"correct", "wrong"} and len(judged) == 128
    assert (judged.kept == (judged.status == "correct")).all()
    assert json.loads((done / "manifest.json").read_text())["verifier"].startswith("mine.py@")


def test_what_is_written_is_short() -> None:
    assert len(VERIFIER.splitlines()) <= 20


@pytest.mark.parametrize("name", ["", "9a", "a-b", "a.b", "class", "a/b", "../a", "a b", "a.py"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="can't name a Python file"):
        new_verifier(name, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("precious")
    with pytest.raises(InputError, match="is there already"):
        new_verifier("mine", tmp_path)
    assert (tmp_path / "mine.py").read_text() == "precious"
    with pytest.raises(InputError, match="no such folder"):
        new_verifier("mine", tmp_path / "nowhere")


def test_in_another_folder(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    ran = rlvr(tmp_path, "rlvr new verifier other --folder plugins")
    assert ran.returncode == 0 and "rlvr check plugins/other.py" in ran.stdout
    assert rlvr(tmp_path, "rlvr check plugins/other.py").returncode == 0
    ran = rlvr(tmp_path, "rlvr new task other")
    assert ran.returncode == 2 and "can't start a 'task'" in ran.stderr
