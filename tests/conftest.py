"""What every test has: its tier as a marker, from its folder, and the command as a fixture."""

import sys
from pathlib import Path

import pytest
from support.command import Call

from rlvr import cli
from rlvr.engine.threads import use_openmp

use_openmp()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, which is the folder that its file lies in."""
    for item in items:
        item.add_marker(item.path.parent.name)


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
