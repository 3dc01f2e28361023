"""Every example runs as its page says: two notebooks and three scripts, in a copy of the folder.

What takes an engine or a trainer is slow and runs once, in the order of examples/README.md; the
quick test reads a run and records that are there already.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support.written_run import write_run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
NOTEBOOKS = ("first_run.ipynb", "read_a_run.ipynb")
RECORD = ROOT / "docs" / "results" / "quickstart"
EXECUTE = runpy.run_path(str(ROOT / "docs" / "make_examples.py"))["execute"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of examples/, in which `rlvr` is found as with .venv/bin on the PATH."""
    copy = tmp_path / "examples"
    shutil.copytree(EXAMPLES, copy, ignore=shutil.ignore_patterns("runs", "__pycache__"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RLVR_CACHE", str(tmp_path / "cache"))
    return copy


def script(folder: Path, name: str, *arguments: object) -> str:
    """Run a script in the folder; return what it printed. It must end well."""
    command = [sys.executable, name, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def notebook(folder: Path, name: str) -> str:
    """Run a notebook in the folder; return its outputs as text. No cell may raise."""
    book = EXECUTE(folder / name)
    return "\n".join(text for cell in book.cells for text in said(cell))


def said(cell: Any) -> list[str]:
    outputs = cell.get("outputs", [])
    return [one.get("text") or one["data"].get("text/plain", "") for one in outputs]


def test_a_notebook_and_a_script(folder: Path) -> None:
    write_run(folder / "runs" / "first")
    assert "arms: verified" in (read := notebook(folder, "read_a_run.ipynb"))
    assert "correct among kept" in read and "<Figure" in read
    table = script(folder, "compare_runs.py", RECORD, "runs/first")
    verdicts = json.loads((RECORD / "compare.json").read_text())["verdicts"]
    for arm, verdict in verdicts.items():
        (row, *_) = re.findall(rf"^.* {arm}  .* (\S+|no effect)$", table, re.MULTILINE)
        assert row == verdict, table
        assert re.search(rf"^{arm}: {verdict} / ", table, re.MULTILINE), table


def test_compare_says_what_is_no_run(folder: Path) -> None:
    command = [sys.executable, "compare_runs.py", "nowhere"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("compare_runs.py: nowhere: not a run folder")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_all_of_them_in_their_order(folder: Path) -> None:
    first = notebook(folder, "first_run.ipynb")
    run = json.loads((folder / "runs" / "first" / "compare.json").read_text())
    assert set(run["arms"]) == {"verified", "unfiltered"}
    for arm, verdict in run["verdicts"].items():
        assert re.search(rf"^{arm} .* {verdict}$", first, re.MULTILINE), first
    assert run["arms"]["verified"]["pass@1"]["delta"] > 0
    read = notebook(folder, "read_a_run.ipynb")
    assert "arms: verified unfiltered\nseeds: 0 1 2" in read

    own = script(folder, "own_verifier.py")
    scored = [json.loads(line) for line in (folder / "scored.jsonl").read_text().splitlines()]
    assert [one["status"] for one in scored] == ["correct", "correct", "wrong", "wrong"]
    assert "runs/own-verifier" in own
    assert (folder / "runs" / "own-verifier" / "compare.json").is_file()

    rewards = script(folder, "trl_rewards.py")
    means = re.findall(r"^mean reward of the (first|last) 10 steps: (\S+)$", rewards, re.MULTILINE)
    assert [name for name, _ in means] == ["first", "last"]
    assert all(0 < float(mean) < 1 for _, mean in means)

    table = script(folder, "compare_runs.py", "runs")  # a folder of runs, as a sweep's is
    assert "first" in table and "own-verifier" in table


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_has_its_outputs_as_they_came(name: str) -> None:
    cells = [c for c in nbformat.read(EXAMPLES / name, as_version=4).cells if c.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [one for cell in cells for one in cell.outputs]
    assert {one.output_type for one in outputs} <= {"stream", "execute_result", "display_data"}
    assert any("image/png" in one.get("data", {}) for one in outputs)
    text = "\n".join(text for cell in cells for text in said(cell))
    assert "verified" in text and "\x1b" not in text and str(Path.home()) not in text


def test_the_readme_names_every_example() -> None:
    page = (EXAMPLES / "README.md").read_text()
    files = {p.name for p in EXAMPLES.iterdir() if p.suffix in (".py", ".ipynb", ".yaml", ".sh")}
    assert files == set(re.findall(r"^- \[(\S+)\]\(\1\)", page, re.MULTILINE))
