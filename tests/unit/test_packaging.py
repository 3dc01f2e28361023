"""The package as installed: names, guards and pins (the wheel: tests/sandbox/test_wheel.py)."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
PINS = {
    device: {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)==(\S+)$", (REPO / f"requirements/{device}.txt").read_text(), re.MULTILINE
        )
    }
    for device in ("cpu", "cuda")
}
PINS["cpu"][canonicalize_name("torch")] = re.findall(
    r"torch==([\d.]+)\+cpu", (REPO / "Makefile").read_text()
)[0]


def python(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True)


@pytest.mark.parametrize("name", ["verifiers", "tasks"])
def test_flat_folders_refuse_their_top_level_name(name: str, tmp_path: Path) -> None:
    inside = python("-c", f"import {name}", cwd=REPO)
    assert f"import it as rlvr.{name}, not as '{name}'" in inside.stderr.splitlines()[-1]
    assert python("-c", f"import rlvr.{name}", cwd=REPO).returncode == 0
    outside = python("-c", f"import {name}", cwd=tmp_path)
    assert f"No module named '{name}'" in outside.stderr, "a stranger's package is installed"


def test_importing_the_package_imports_nothing_else(tmp_path: Path) -> None:
    code = "import sys; old = set(sys.modules); import rlvr; print(*(set(sys.modules) - old))"
    assert python("-c", code, cwd=tmp_path).stdout.split() == ["rlvr"]


@pytest.mark.parametrize("device", PINS)
def test_every_dependency_is_pinned_within_its_bounds(device: str) -> None:
    extras = PROJECT["optional-dependencies"]
    for line in [*PROJECT["dependencies"], *extras[device], *extras["dev"]]:
        requirement = Requirement(line)
        pin = PINS[device].get(canonicalize_name(requirement.name))
        assert pin is not None and pin in requirement.specifier, f"{device}.txt: {line}, not {pin}"
