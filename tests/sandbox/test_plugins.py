"""Plugins by name, by path and from an installed package; names with an argument; broken ones."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rlvr
from rlvr.data import InputError
from rlvr.verify import content
from rlvr.verify.plugins import available
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem, check_options, load_verifier

GREETER = '''"""Says whether it was greeted."""
from rlvr.data import InputError, Verdict

ARGUMENT = "word"
CASES = [("", "hello", "correct")]

def verify(problem, completion, word="hello", shout=False):
    return Verdict("correct" if word in completion else "wrong", word)

def other(problem, completion):
    return Verdict("abstain")

def prepare(argument):
    if argument == "boo":
        raise InputError("verifier greeter: not this word")

def cases(argument):
    return [("", argument, "correct")]
'''
BROKEN = "def deep():\n    import no_such_package_here\n\ndeep()\n"


def installed(folder: Path, name: str, value: str, source: str) -> None:
    """Put into `folder` what pip would: a module and its entry points."""
    (folder / f"{name}_package.py").write_text(source)
    info = folder / f"{name}_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[rlvr.verifiers]\n{name} = {value}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    installed(tmp_path, "greeter", "greeter_package:verify", GREETER)
    installed(tmp_path, "whole", "whole_package", GREETER)
    installed(tmp_path, "broken", "broken_package:verify", BROKEN)
    for module in ("greeter_package", "whole_package", "broken_package"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return tmp_path


def status(name: str, completion: str) -> str:
    with VerifierPool(name, workers=1) as pool:
        (verdict,) = pool.verify([(case_problem(""), completion)])
    return verdict.status


def test_an_installed_packages_verifier(site: Path) -> None:
    assert {"greeter", "whole", "broken"} <= available("verifier").keys()
    for name in ("greeter", "whole"):
        loaded = load_verifier(name)
        assert loaded.cases == (("", "hello", "correct"),)
        assert status(name, "hello") == "correct" and status(name, "bye") == "wrong"


def test_a_name_with_an_argument_in_the_pool_too(site: Path) -> None:
    assert status("greeter:bye", "bye") == "correct" and status("greeter:bye", "hello") == "wrong"
    assert status("greeter:a:b", "so a:b") == "correct", "all after the first colon"
    loaded = load_verifier("greeter:bye")
    assert loaded.argument == "bye" and loaded.cases == (("", "bye", "correct"),)
    check_options(loaded, {"shout": True})
    with pytest.raises(InputError, match="no such option"):
        check_options(loaded, {"word": "twice"})
    check_options(load_verifier("greeter"), {"word": "once"})


def test_what_follows_the_colon_of_a_path_is_a_function(site: Path) -> None:
    path = site / "greeter_package.py"
    assert status(f"{path}:other", "x") == "abstain" and status(str(path), "hello") == "correct"
    assert load_verifier(f"{path}:verify").argument == ""


def test_an_argument_that_will_not_do(site: Path) -> None:
    for name, words in (
        ("exact:strict", "verifier 'exact:strict': exact has no argument 'strict': leave out"),
        ("exact:", "leave out the colon"),
        ("greeter:", "write greeter:WORD"),
        ("greeter:boo", "not this word"),
        ("greter:boo", "unknown verifier 'greter', did you mean 'greeter'"),
    ):
        with pytest.raises(InputError, match=words):
            load_verifier(name)


def test_a_module_without_the_function(site: Path) -> None:
    installed(site, "empty", "empty_package:verify", "x = 1\n")
    with pytest.raises(InputError, match="empty_package.py has no function 'verify'"):
        load_verifier("empty")


def test_an_import_error_shows_where_the_plugin_broke(site: Path) -> None:
    """By path, by entry point and by name: the plugin's own traceback, exit 1."""
    root = Path(rlvr.__file__).parents[1]
    package = site / "copy" / "rlvr"  # a file in verifiers/ would be seen by the tests beside
    for name, to in (("rlvr", ""), ("verifiers", "verifiers"), ("tasks", "tasks")):
        shutil.copytree(root / name, package / to, ignore=shutil.ignore_patterns("__pycache__"))
    by_name = package / "verifiers" / "broken_by_name.py"
    by_name.write_text(BROKEN)
    path = site / "broken_package.py"
    lines = site / "lines.jsonl"
    lines.write_text('{"completion": "1", "answer": "1"}\n')
    for name in (str(path), "broken", by_name.stem):
        ran = subprocess.run(
            [sys.executable, "-m", "rlvr.cli", "score", str(lines), "--verifier", name],
            env={**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{site}"},
            cwd=site,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (ran.returncode, ran.stdout) == (1, ""), name
        source = by_name if name == by_name.stem else path
        assert f'File "{source}", line 2, in deep' in ran.stderr
        last = "ModuleNotFoundError: No module named 'no_such_package_here'"
        assert ran.stderr.splitlines()[-1] == last


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def verify(problem, completion)\n    pass\n", "mine.py:1: expected ':': fix it"),
        ("class V:\n    def __call__(self, p, c): ...\nverify = V()\n", "is no function but a V"),
        ("class verify:\n    pass\n", "is no function but a class"),
    ],
)
def test_a_file_that_is_no_verifier_is_one_line(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "mine.py").write_text(source)
    with pytest.raises(InputError) as failure:
        load_verifier(str(tmp_path / "mine.py"))
    assert words in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize("takes", ["completion, reference", "problem"])
def test_parameters_that_are_others_are_refused(tmp_path: Path, takes: str) -> None:
    (tmp_path / "mine.py").write_text(f"def verify({takes}): ...\n")
    with pytest.raises(InputError, match="write def verify\\(problem, completion"):
        check_options(load_verifier(str(tmp_path / "mine.py")), {})


def test_data_files_that_a_module_names_are_part_of_the_version(tmp_path: Path) -> None:
    file, data = tmp_path / "mine.py", tmp_path / "limits.txt"
    file.write_text("FILES = ['limits.txt']\ndef verify(problem, completion): ...\n")
    with pytest.raises(InputError, match="FILES: no such file .*limits.txt"):
        load_verifier(str(file))
    data.write_text("0.5")
    before = load_verifier(str(file))
    sealed = content.of_verifier(before, {})
    data.write_text("1000")
    after = load_verifier(str(file))
    assert before.version != after.version
    changed = content.of_verifier(after, {})
    assert {name for name in sealed if sealed[name] != changed[name]} == {"limits.txt"}
