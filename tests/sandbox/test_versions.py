"""A verifier's version: it changes with every file that verdicts depend on, and with no other."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import rlvr
from rlvr.verify.plugins import available
from rlvr.verify.verifier import load_verifier

ROOT = Path(rlvr.__file__).parents[1]
PLUMBING = {"rlvr", "rlvr.data", "rlvr.verify", "rlvr.verify.plugins", "rlvr.verify.verifier"}
PLUMBING |= {"rlvr.verifiers"}
NAMES = sorted(available("verifier"))
MISSING: set[str] = set() if importlib.util.find_spec("reasoning_gym") else {"reasoning_gym"}
SHIPPED = [
    pytest.param(name, marks=pytest.mark.skipif(name in MISSING, reason=f"{name} is not installed"))
    for name in NAMES
]


def run(code: str, path: Path, *arguments: str) -> list[str]:
    """Run code in a process of its own that imports the package from `path`; return its lines."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(path)},
        cwd=path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, which is imported in its place."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("rlvr", "rlvr/verifiers", "rlvr/tasks"):
        shutil.copytree(
            ROOT / name.rpartition("/")[2], folder / name, ignore=shutil.ignore_patterns("__py*")
        )
    return folder


ALONE = f"""
import json, sys
from rlvr.verify.verifier import case_problem, load_verifier
loaded = load_verifier(sys.argv[1])
for reference, completion, _ in loaded.cases:
    loaded.verify(case_problem(reference), completion)
ours = [n for n in sys.modules if n == "rlvr" or n.startswith("rlvr.")]
used = [sys.modules[n].__file__ for n in ours if n not in {sorted(PLUMBING)}]
print(json.dumps([loaded.version, loaded.files, used]))
"""


@cache
def alone(name: str, copy: Path) -> tuple[str, set[str], set[str]]:
    """Judge a verifier's cases in a fresh process: its version, its files, the files it loaded."""
    version, files, used = json.loads(run(ALONE, copy, name)[-1])
    return version, set(files), set(used)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_a_verifier_loads_is_what_its_version_follows(name: str, copy: Path) -> None:
    """Judging its cases in a fresh process loads no module of ours that its files lack."""
    _, files, used = alone(name, copy)
    assert used and used <= files, used - files
    ours = {file for file in files if Path(file).is_relative_to(copy)}
    late = {"rlvr/verifiers/__init__.py", "rlvr/maths/symbolic.py"}  # the second for some answers
    assert ours - used <= {str(copy / file) for file in late}, "what it does not use"


# Every verifier in one process, after imports that no verifier asks for.
TOGETHER = """
import ast, json, sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
import rlvr.studies.theory
from rlvr.verify import verifier
copy, *names = sys.argv[1:]

@contextmanager
def edited(file):
    old = file.read_bytes()
    file.write_bytes(old + b"# edited\\n")
    yield
    file.write_bytes(old)

def version(files):
    with ExitStack() as stack:
        for file in files:
            stack.enter_context(edited(file))
        return verifier._version(verifier._sources(loaded.module, loaded.behind))

others = [Path(copy, "rlvr", name) for name in ("learners/grpo.py", "data.py", "verify/pool.py")]
found = {}
for name in names:
    loaded = verifier.load_verifier(name)
    own = [Path(file) for file in loaded.files if Path(file).is_relative_to(copy)]
    changed = {}
    for file in own:  # the files are the same ones: a comment imports nothing
        with edited(file):
            changed[str(file.relative_to(copy))] = verifier._version(loaded.files) != loaded.version
    found[name] = [loaded.version, changed, version(own), version(others), version([])]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def together(copy: Path) -> Mapping[str, Any]:
    """Load the last first: name -> version, file -> whether an edit changes it, other versions."""
    names = [name for name in reversed(NAMES) if name not in MISSING]
    found: Mapping[str, Any] = json.loads(run(TOGETHER, copy, str(copy), *names)[-1])
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_editing_any_of_its_files_changes_it_and_no_other_does(
    name: str, together: Mapping[str, Any]
) -> None:
    version, changed, own_edited, others_edited, again = together[name]
    assert set(changed.values()) == {True} and f"rlvr/verifiers/{name}.py" in changed, changed
    assert own_edited != version == others_edited == again


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_the_same_in_every_process(
    name: str, copy: Path, together: Mapping[str, Any]
) -> None:
    assert alone(name, copy)[0] == together[name][0]


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
FOLLOWING = """
import json, sys
from pathlib import Path
from rlvr.verify import verifier
loaded = verifier.load_verifier(sys.argv[1])
follows = {}
for name in sys.argv[2:]:
    file = Path(sys.argv[1]).parent / name
    old = file.read_text()
    file.write_text(old + "X = 1\\n")
    version = verifier._version(verifier._sources(loaded.module, loaded.behind))
    file.write_text(old)
    follows[name] = version != loaded.version
print(json.dumps([loaded.version, follows]))
"""


def test_a_file_follows_what_lies_beside_it_and_moves_without_a_change(tmp_path: Path) -> None:
    wanted = {
        "near.py": True, "parts/__init__.py": True, "parts/deep.py": True,
        "parts/deeper.py": True, "parts/late.py": True, "parts/alone.py": False,
    }  # fmt: skip
    versions = set()
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
        (line,) = run(FOLLOWING, ROOT, str(folder / "mine.py"), *wanted)
        version, follows = json.loads(line)
        assert follows == wanted
        versions.add(version)
    assert len(versions) == 1


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
