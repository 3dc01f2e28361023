"""Every block of README.md and docs/*.md is run, a page in one folder, its blocks in order.

yaml loads as a config, or laid over one; python runs, a page in one namespace; of a shell block
every line runs. What takes real training (`rlvr run`, `sweep`, `doctor`) runs in the slow suite,
shrunk to seconds, and is parsed and validated in the quick one. A block whose first line is a
comment with a file name is written to that file. A block without a language is output. What a model
samples counts as training, and in the slow suite the smallest model does it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import typer
import yaml
from support.here import command_here
from support.runs import TINY
from support.shapes import make
from support.written_run import write_run

from rlvr import cli
from rlvr.config import load
from rlvr.data import Keep, Verdict
from rlvr.loop.problems import draw
from rlvr.select.arms import AXES, PRESETS
from rlvr.verify.scaffold import VERIFIER

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LANGUAGES = {"bash", "sh", "python", "yaml", ""}
TRAINS = {"run", "sweep", "claims", "doctor", "bench"}
COMMANDS = {"make", "rlvr", "python", "ray"}
# Laid over whatever a page runs for real.
SHRUNK = [
    *("seeds=[7]", "rounds=1", "arms=[verified]", "generate.prompts=16", "train.steps=1"),
    *("warm_start.max_steps=5", "warm_start.until=null", "evaluate.problems=8"),
]


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its place for messages, its language ("" for output) and its text."""

    where: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that its first line names."""
        found = re.match(r"# (\S+\.(?:py|yaml))\n", self.text)
        return found[1] if found else None

    def lines(self) -> Iterator[str]:
        """Yield the commands of a shell block."""
        for line in self.text.replace("\\\n", " ").splitlines():
            if shlex.split(line, comments=True):
                yield line


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert text.count("\n```") % 2 == 0
    return [
        Block(f"{page.name}:{text[: one.start()].count(chr(10)) + 1}", one[1], one[2])
        for one in found
    ]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the files that the pages speak of; the commands run in it."""
    folder = tmp_path / "bench"
    folder.mkdir()
    shutil.copytree(ROOT / "configs", folder / "configs")
    shutil.copytree(ROOT / "docs" / "results", folder / "docs" / "results")
    shutil.copy(TINY, folder / "CONFIG.yaml")
    tiny = TINY.read_text()
    assert "name: tiny\n" in tiny
    (folder / "mine.yaml").write_text(tiny.replace("name: tiny\n", "name: mine\n"))
    scored = [{"completion": f"it is {i}", "answer": str(i)} for i in range(4)]
    (folder / "FILE.jsonl").write_text("".join(json.dumps(one) + "\n" for one in scored))
    labels = [{**one, "label": True} for one in scored] + [
        {**scored[0], "answer": "9", "label": False}
    ]
    shutil.copy(make(folder, 40)["verl"], folder / "rows.parquet")
    (folder / "LABELS.jsonl").write_text("".join(json.dumps(one) + "\n" for one in labels))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RLVR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    return folder


def run_page(page: Path, for_real: bool) -> None:
    """Run a page's blocks in order in the current folder."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        if block.file:
            Path(block.file).write_text(block.text)
        if block.language == "yaml":
            load_block(block)
        elif block.language == "python" and "trainer.train()" not in block.text:  # test_trl.py
            names["__name__"] = block.where
            exec(compile(block.text, block.where, "exec"), names)
            prove(block, names)
        elif block.language in ("bash", "sh"):
            for line in block.lines():
                run_line(line, block.where, for_real)


def load_block(block: Block) -> None:
    """Load a config, or what is a part of one laid over the tests' own."""
    given = yaml.safe_load(block.text)
    if "name" not in given:
        whole, decoding = yaml.safe_load(TINY.read_text()), given.get("generate", {})
        if any(arm.get("author") for arm in given.get("arms", []) if isinstance(arm, dict)):
            given = {"transcription": {"problems": 64}, **given}
        given = {**whole, "evaluate": {"problems": 8, "samples": 8, "k": [1, 2]}, **given}
        given["generate"] = {**whole["generate"], "max_tokens": 64, **decoding}
    path = Path("block.yaml")
    path.write_text(yaml.safe_dump(given))
    load(path)


def prove(block: Block, names: dict[str, Any]) -> None:
    """Hold a verifier that a block defines to its own cases."""
    from rlvr.verify.verifier import case_problem

    for reference, completion, status in names.pop("CASES", []):
        verdict = names["verify"](case_problem(reference), completion)
        assert isinstance(verdict, Verdict) and verdict.status == status, block.where


def run_line(line: str, where: str, for_real: bool) -> None:
    words = shlex.split(line, comments=True)
    assert words[0] in COMMANDS, f"{where}: {line}: not a command that a test can run"
    if words[0] == "make":
        command = ["make", "--dry-run", "--directory", str(ROOT), words[1]]
    elif words[0] == "ray":
        ray = str(Path(sys.executable).parent / "ray")
        command = [ray, *(word.replace("HEAD", "127.0.0.1") for word in words[1:])]
        command = command if for_real else []
    elif words[0] == "python":
        command = [sys.executable, *words[1:]] if for_real else []
    elif takes_an_engine(words):
        parsed(words[1:], where)
        command = [sys.executable, "-m", "rlvr.cli", *shrunk(words[1:])] if for_real else []
    else:
        if not for_real:
            command_here(*words[1:], cache=Path(os.environ["RLVR_CACHE"]))
        return
    # Claims take minutes at their smallest (test_claims_run.py), the tasks of a benchmark a network
    # (test_bench.py), and there is no GPU here.
    if not command or words[1] in ("claims", "bench") or "configs/gsm8k_gpu.yaml" in words:
        return
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, f"{where}: {line}\n{done.stdout[-800:]}\n{done.stderr[-800:]}"


def parsed(words: list[str], where: str) -> None:
    """Parse a command as the command line does; load its config and draw its problems."""
    group = typer.main.get_command(cli.app)
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    given = command.make_context(words[0], words[1:]).params
    if "config" in given:
        config = load(Path(given["config"]), given["overrides"] or [])
        assert config.task.options.get("hub") or draw(config, config.seeds[0]), where


def shrunk(words: list[str]) -> list[str]:
    if words[0] in ("doctor", "check"):
        return ["tiny-0.1m" if word == "smollm2-135m" else word for word in words]
    return [*words, *SHRUNK]


def takes_an_engine(words: list[str]) -> bool:
    return words[1] in TRAINS or "--sample" in words


def trains(page: Path) -> bool:
    lines = [
        line for block in blocks(page) if block.language in ("bash", "sh") for line in block.lines()
    ]
    return any(
        shlex.split(line)[:1] == ["python"] or takes_an_engine(shlex.split(line)) for line in lines
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_every_block_of_a_page(page: Path, bench: Path) -> None:
    write_run(bench / "runs" / "mine")
    run_page(page, for_real=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", [p for p in PAGES if trains(p)], ids=lambda page: str(page.stem))
def test_what_trains_runs_for_real(
    page: Path, bench: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench / "mine.py").write_text(VERIFIER)  # what `rlvr new verifier` writes
    with tempfile.TemporaryDirectory(prefix="ray", dir="/tmp", ignore_cleanup_errors=True) as own:
        monkeypatch.setenv("RAY_TMPDIR", own)  # short, for its sockets' sake
        try:
            run_page(page, for_real=True)
        finally:
            for process in psutil.process_iter(["cmdline"]):
                if any(own in word for word in process.info["cmdline"] or ()):
                    process.kill()  # the cluster that a page has started


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.stem))
def test_no_command_hides_in_output_and_every_link_leads_somewhere(page: Path) -> None:
    for block in blocks(page):
        assert block.language in LANGUAGES, block.where
        if not block.language:
            first = {line.split()[0] for line in block.text.splitlines() if line.split()}
            assert not first & COMMANDS, f"{block.where}: say ```bash"
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_readme_leads_to_every_page() -> None:
    readme = PAGES[0].read_text()
    for page in PAGES[1:]:
        assert f"docs/{page.name}" in readme, page.name


def test_the_arms_page_has_every_axis_keep_and_preset() -> None:
    page = (ROOT / "docs" / "arms.md").read_text()
    rows = [f"| `{name}` | {axis.values} | {axis.says} |" for name, axis in AXES.items()]
    assert [row for row in rows if row not in page] == []
    known = {*Keep.__args__, *PRESETS}  # type: ignore[attr-defined]
    assert [name for name in sorted(known) if f"`{name}`" not in page] == []


def test_the_notebook_page_has_every_column() -> None:
    from rlvr.records.record import METRIC_COLUMNS
    from rlvr.results import frames

    page = (ROOT / "docs" / "notebook.md").read_text()
    rows = dict(re.findall(r"^\| `run\.(\w+)[^|]*\|[^|]*\|([^|]*)\|$", page, re.MULTILINE))
    for name, columns in (
        ("metrics", METRIC_COLUMNS),
        ("timing", frames.TIMING_COLUMNS),
        ("completions", frames.COMPLETION_COLUMNS),
        ("evals", frames.EVAL_COLUMNS),
        ("verdicts", frames.VERDICT_COLUMNS),
    ):
        assert tuple(re.findall(r"`(\w+)`", rows[name])) == columns
