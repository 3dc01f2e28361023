"""The package as installed: names, guards and pins (the wheel: tests/sandbox/test_wheel.py)."""

import os
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


def test_make_installs_with_uv_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\n")
    (tmp_path / "uv").chmod(0o755)

    def installs(path: str) -> list[str]:
        command = ["make", "--dry-run", "--always-make", ".venv/ready-cpu", "DEVICE=cpu"]
        done = subprocess.run(
            command, cwd=REPO, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return [line for line in done.stdout.splitlines() if "cpu.txt" in line]

    path = os.environ["PATH"]
    without = ":".join(part for part in path.split(":") if not Path(part, "uv").exists())
    [pip], [uv] = installs(without), installs(f"{tmp_path}:{path}")
    assert pip.startswith(".venv/bin/python -m pip install")
    assert uv == (
        f"{tmp_path}/uv pip install --quiet --python .venv/bin/python --no-deps "
        f"--requirement requirements/cpu.txt || {pip}"
    )


def test_the_slurm_script_and_the_dockerfile_name_what_is_there() -> None:
    script = REPO / "examples/slurm.sh"
    read = subprocess.run(["bash", "-n", script], capture_output=True, text=True)
    assert read.returncode == 0 and not read.stderr
    for command in ("ray start", "rlvr run"):
        assert command in script.read_text()
        assert (Path(sys.executable).parent / command.split()[0]).exists()
    image = (REPO / "Dockerfile").read_text()
    [target] = re.findall(r"make DEVICE=\"\$DEVICE\" \"(\S+)\"", image)
    for device in PINS:
        making = ["make", "--dry-run", f"DEVICE={device}", target.replace("$DEVICE", device)]
        done = subprocess.run(making, cwd=REPO, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
