"""What `make lint` must refuse, planted into a copy of the project."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
BIN = Path(sys.executable).parent


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project's packages as they are installed, with its settings."""
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "rlvr", tmp_path / "rlvr", ignore=no_caches)
    for folder in ("verifiers", "tasks", "configs"):
        shutil.copytree(ROOT / folder, tmp_path / "rlvr" / folder, ignore=no_caches)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(copy: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=copy, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


def imports(copy: Path) -> tuple[int, str]:
    return lint(copy, "lint-imports", "--no-cache")


def plant(copy: Path, file: str, line: str) -> None:
    path = copy / file
    path.write_text(path.read_text().replace("annotations\n", f"annotations\n\n{line}\n", 1))


def test_nothing_planted_is_nothing_refused(copy: Path) -> None:
    assert imports(copy)[0] == 0


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("rlvr/evaluate/metrics.py", "import rlvr.config", "evaluate is not allowed to import"),
        ("rlvr/data.py", "from rlvr.records import record", "data is not allowed to import"),
        ("rlvr/verify/pool.py", "from rlvr.verifiers import math", "verify is not allowed to"),
        ("rlvr/results/effects.py", "from rlvr.results import compare", "cycles are allowed in"),
        ("rlvr/maths/units.py", "from rlvr.maths import parse as p\nfrom rlvr.maths import read",
         "cycles are allowed in rlvr.maths"),
    ],
)  # fmt: skip
def test_an_import_that_goes_up_or_round_is_refused(
    copy: Path, file: str, line: str, said: str
) -> None:
    plant(copy, file, line)
    code, output = imports(copy)
    assert code == 1 and said in output, output


def test_an_import_hidden_in_a_function_is_seen(copy: Path) -> None:
    with (copy / "rlvr/records/record.py").open("a") as file:
        file.write("\n\ndef hidden() -> None:\n    import rlvr.loop.runner\n")
    assert imports(copy)[0] == 1


def test_a_package_that_no_layer_names_is_refused(copy: Path) -> None:
    (copy / "rlvr" / "new.py").write_text("")
    code, output = imports(copy)
    assert code == 1 and "rlvr.new" in output


def test_a_public_function_without_a_docstring_is_refused(copy: Path) -> None:
    with (copy / "rlvr/data.py").open("a") as file:
        file.write("\n\ndef public() -> None:\n    pass\n")
    code, output = lint(copy, "ruff", "check", "--no-cache", "rlvr/data.py")
    assert code == 1 and "D103" in output
