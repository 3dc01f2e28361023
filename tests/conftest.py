"""What every test has: its tier as a marker, from its folder, and the command as a fixture."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import Call
from support.runs import finish, left_over, start_run

from rlvr import cli
from rlvr.engine.threads import use_openmp

use_openmp()
# A shell's background jobs ignore Ctrl-C, and so would every command that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The files whose tests look at the reference run; some run the command on it once more.
SHARING = {"test_added_run.py", "test_cluster.py", "test_faults.py", "test_frames_run.py"}
SHARING |= {"test_bench.py", "test_claims_run.py", "test_local.py"}
SHARING |= {"test_loop.py", "test_rescore_run.py", "test_resume.py", "test_stored_run.py"}


# The files of the unit tier whose tests import torch, or what else takes seconds: a process that
# has it may as well do all.
IMPORTING = {"test_cli.py", "test_config.py", "test_frames.py", "test_metrics_table.py"}
IMPORTING |= {"test_models.py", "test_record.py", "test_sealing.py", "test_threads.py"}
IMPORTING |= {"test_track.py", "test_weights.py"}
IMPORTING |= {
    "test_claims.py",
    "test_devices.py",
    "test_collected.py",
    "test_compare.py",
    "test_peers.py",
    "test_plot.py",
    "test_readme.py",
}
LONG = {"test_finished.py", "test_math.py", "test_theory.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier, the folder of its file."""
    for item in items:
        item.add_marker(item.path.parent.name)
        given = getattr(getattr(item, "callspec", None), "params", {})
        if "reference" in getattr(item, "fixturenames", ()) and "reference" not in given:
            assert item.path.name in SHARING, f"add {item.path.name} to SHARING in conftest.py"
    if "PYTEST_XDIST_WORKER" in os.environ:  # what takes longest begins first
        items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[bool, bool, bool, bool]:
    """What takes longest has the smallest rank."""
    name = item.path.name
    unit = item.path.parent.name == "unit"
    return name not in SHARING, unit, name not in IMPORTING, name not in LONG


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give one of the processes (pytest -n 2) all tests of a file; one has all files of SHARING.

    And one all of IMPORTING.

    pytest-xdist's own groups do nothing under pytest 9.2: they rename tests, in vain.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if Path(file).name in SHARING:
                return "reference"
            return "imports" if Path(file).name in IMPORTING else file

    return ByFile(config, log)


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
