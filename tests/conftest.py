"""What every test has: its tier as a marker, from its folder, and the command as a fixture."""

import os
import sys
from pathlib import Path

import pytest
from support.command import Call
from support.runs import finish, left_over, start_run

from rlvr import cli
from rlvr.engine.threads import use_openmp

use_openmp()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the folder of its file, and with the process that it runs in.

    Of several processes (pytest -n 2) one has all tests of a file, so that its fixtures are set up
    once; one has all that look at the reference run. What takes longest begins first.
    """

    def group(item: pytest.Item) -> str:
        shared = "reference" in getattr(item, "fixturenames", ())
        return "reference" if shared else f"{item.path.parent.name}/{item.path.name}"

    beside_others = "PYTEST_XDIST_WORKER" in os.environ
    for item in items:
        item.add_marker(item.path.parent.name)
        if beside_others:
            item.add_marker(pytest.mark.xdist_group(group(item)))
    if beside_others:
        items.sort(key=lambda item: (group(item) != "reference", item.path.parent.name == "unit"))


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of tiny.yaml that is never interrupted; what it said is beside it, in out.txt."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    process = start_run(folder, folder.parent / "cache")
    out = finish(process)
    assert left_over(process) == []
    (folder.parent / "out.txt").write_text(out)
    return folder


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Call:
    """Call the command in this process, in an empty folder: (exit code, stdout, stderr)."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RLVR_CACHE", str(tmp_path / "cache"))

    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rlvr", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli.main()
            raise SystemExit(0)
        out, err = capfd.readouterr()
        code = caught.value.code
        return (code if isinstance(code, int) else 0), out, err

    return called
