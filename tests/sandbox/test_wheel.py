"""The wheel, built and installed in an environment of its own."""

import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

REPO = Path(__file__).parents[2]
CONFIGS = sorted((REPO / "configs").rglob("*.yaml"))
VERIFIERS = {file.stem for file in (REPO / "verifiers").glob("[!_]*.py")}


def python(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *args], cwd=cwd, capture_output=True, text=True)


def test_wheel_runs_elsewhere_and_owns_no_top_level_name(tmp_path: Path) -> None:
    # A copy without leftovers: setuptools would put a stale build/ into the wheel.
    source = tmp_path / "source"
    source.mkdir()
    for folder in ("rlvr", "verifiers", "tasks", "configs"):
        shutil.copytree(REPO / folder, source / folder)
    for file in ("pyproject.toml", "LICENSE"):
        shutil.copy(REPO / file, source)
    build = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    built = python(*build, str(source), cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")

    files = zipfile.ZipFile(wheel).namelist()
    stem = wheel.name.removesuffix("-py3-none-any.whl")
    assert {file.split("/")[0] for file in files} == {"rlvr", f"{stem}.dist-info"}
    shipped = {f"rlvr/configs/{file.relative_to(REPO / 'configs')}" for file in CONFIGS}
    shipped |= {f"rlvr/report/{name}" for name in ("page.html", "page.css", "browser.js")}
    assert shipped <= set(files)

    # Another environment, which borrows this one's packages but not its editable install.
    place = tmp_path / "place"
    assert python("-m", "venv", "--without-pip", str(place), cwd=tmp_path).returncode == 0
    there = place / "bin/python"
    install = ["-m", "pip", f"--python={there}", "install", "--no-deps", "--no-index", str(wheel)]
    installed = python(*install, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    (site,) = place.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    assert not (site / "verifiers").exists() and not (site / "tasks").exists()

    empty = tmp_path / "empty"
    empty.mkdir()
    code = (
        "import rlvr, importlib.util as util; print(rlvr.__file__);"
        "print(util.find_spec('verifiers'), util.find_spec('tasks'))"
    )
    seen = subprocess.run([there, "-c", code], cwd=empty, capture_output=True, text=True)
    assert seen.stdout.split() == [str(site / "rlvr/__init__.py"), "None", "None"], seen.stderr
    listed = subprocess.run(
        [place / "bin/rlvr", "list", "verifiers"], cwd=empty, capture_output=True, text=True
    )
    assert listed.returncode == 0, listed.stderr
    assert {name for name in VERIFIERS if name in listed.stdout} == VERIFIERS
    assert list(empty.iterdir()) == []
