"""A verifier's version: it changes with every file that verdicts depend on, and with no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rlvr
from rlvr.verify.plugins import available
from rlvr.verify.verifier import load_verifier

ROOT = Path(rlvr.__file__).parents[1]
PLUMBING = {"rlvr", "rlvr.data", "rlvr.verify", "rlvr.verify.plugins", "rlvr.verify.verifier"}
PLUMBING |= {"rlvr.verifiers"}
SHIPPED = sorted(available("verifier"))
VERSION = (
    "import sys; from rlvr.verify.verifier import load_verifier; print(load_verifier(sys.argv[1])."
)


def run(code: str, name: str, path: Path) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, name],
        env={**os.environ, "PYTHONPATH": str(path)},
        cwd=path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "verifier reasoning_gym: " in ran.stderr:
        pytest.skip("reasoning-gym is not installed")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, which is imported in its place."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("rlvr", "rlvr/verifiers", "rlvr/tasks"):
        shutil.copytree(
            ROOT / name.rpartition("/")[2], folder / name, ignore=shutil.ignore_patterns("__py*")
        )
    return folder


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_verifier_loads_is_what_its_version_follows(name: str, copy: Path) -> None:
    """Judging its cases in a fresh process loads no module of ours that its files lack."""
    code = (
        "import sys\nfrom rlvr.verify.verifier import case_problem, load_verifier\n"
        "loaded = load_verifier(sys.argv[1])\n"
        "for reference, completion, _ in loaded.cases:\n"
        "    loaded.verify(case_problem(reference), completion)\n"
        "ours = [n for n in sys.modules if n == 'rlvr' or n.startswith('rlvr.')]\n"
        f"print(*[sys.modules[n].__file__ for n in ours if n not in {sorted(PLUMBING)}])"
    )
    used = set(run(code, name, copy))
    files = set(run(f"{VERSION}files, sep='\\n')".replace("print(", "print(*"), name, copy))
    assert used and used <= files, used - files
    ours = {file for file in files if Path(file).is_relative_to(copy)}
    late = {"rlvr/verifiers/__init__.py", "rlvr/maths/symbolic.py"}  # the second for some answers
    assert ours - used <= {str(copy / file) for file in late}, "what it does not use"


EDITING = """
import sys
from pathlib import Path
from rlvr.verify import verifier
loaded = verifier.load_verifier(sys.argv[1])
names = ("rlvr/learners/grpo.py", "rlvr/data.py", "rlvr/verify/pool.py")
others = [Path(sys.path[-1]) / name for name in names]
for file in (*map(Path, loaded.files), *others):
    if file.is_relative_to(sys.path[-1]):
        old = file.read_bytes()
        file.write_bytes(old + b"# edited\\n")
        version = verifier._version(verifier._sources(loaded.module, loaded.behind))
        file.write_bytes(old)
        print(file.name, version != loaded.version)
assert verifier.load_verifier(sys.argv[1]).version == loaded.version
"""


@pytest.mark.parametrize("name", SHIPPED)
def test_editing_any_of_its_files_changes_it_and_no_other_does(name: str, copy: Path) -> None:
    words = run(f"import sys; sys.path.append({str(copy)!r})\n{EDITING}", name, copy)
    changed = dict(zip(words[::2], words[1::2], strict=True))
    others = [changed.pop(file) for file in ("grpo.py", "data.py", "pool.py")]
    assert set(others) == {"False"} and set(changed.values()) == {"True"}, changed
    assert f"{name}.py" in changed


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_the_same_in_every_process(name: str, copy: Path) -> None:
    first = run(f"{VERSION}version)", name, copy)
    assert run(f"import ast, json, rlvr.studies.theory; {VERSION}version)", name, copy) == first


PLUGIN = """
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
import near, json, collections.abc
from rlvr.data import Verdict
from rlvr.verifiers import exact

def verify(problem, completion):
    import parts.late
    return exact.verify(problem, completion)
"""


def test_a_file_follows_what_lies_beside_it_and_moves_without_a_change(tmp_path: Path) -> None:
    versions = {}
    for place in ("one", "two"):
        folder = tmp_path / place
        (folder / "parts").mkdir(parents=True)
        (folder / "mine.py").write_text(PLUGIN)
        (folder / "near.py").write_text("from parts import deep\n")
        (folder / "parts" / "__init__.py").write_text("")
        (folder / "parts" / "deep.py").write_text("from . import deeper as d, nothing\n")
        for name in ("deeper", "late", "alone"):
            (folder / "parts" / f"{name}.py").write_text(f"NAME = {name!r}\n")
        (folder / "parts" / "nothing.py").write_text("")
        path = folder / "mine.py"
        (version,) = run(f"{VERSION}version)", str(path), ROOT)
        versions[place] = version
        for file, follows in (
            ("near.py", True), ("parts/__init__.py", True), ("parts/deep.py", True),
            ("parts/deeper.py", True), ("parts/late.py", True), ("parts/alone.py", False),
        ):  # fmt: skip
            old = (folder / file).read_text()
            (folder / file).write_text(old + "X = 1\n")
            assert (run(f"{VERSION}version)", str(path), ROOT) != [version]) == follows, file
            (folder / file).write_text(old)
    assert versions["one"] == versions["two"]


def test_finding_the_files_imports_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        "    import no_such_package.deep, rlvr.learners.sft.nothing\n"
        "    from rlvr.learners.grpo import train\n"
    )
    before = set(sys.modules)
    loaded = load_verifier(str(tmp_path / "mine.py"))
    assert {Path(file).name for file in loaded.files} >= {"mine.py", "grpo.py", "sft.py"}
    assert not {"rlvr.learners.grpo", "rlvr.learners.sft"} & (set(sys.modules) - before)
