"""Check: what is wrong with a verifier or a task is found and said, line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import Call

from rlvr.data import InputError
from rlvr.verify.check import check, reports
from rlvr.verify.tricks import FAMILIES

TASK = '''"""Sums."""
from rlvr.data import Problem

VERIFIER = "exact"

def problems(split, n, *, seed=0, plus=0):
    base = {{"train": 0, "eval": 1000, "dev": 2000}}[split]
    for i in range(n):
        x = base + i
        id, answer = f"{{split}}/{{i}}", str(x + 1 + plus)
        yield Problem(id, "sums", split, "one", f"{{x}}+1=", answer, str(x + 1))
{more}
'''


@pytest.fixture
def task(tmp_path: Path) -> Path:
    path = tmp_path / "sums.py"
    path.write_text(TASK.format(more=""))
    return path


def broken(task: Path, old: str, new: str) -> list[str]:
    text = task.read_text()
    assert old in text
    path = task.with_name(f"broken_{len(list(task.parent.iterdir()))}.py")
    path.write_text(text.replace(old, new))
    return check(str(path), n=20)


def test_a_sound_task_passes(task: Path) -> None:
    (report,) = reports(str(task), n=20)
    assert report.failures == []
    assert "20 train, 20 eval, 20 dev problems, 60 real" in report.what
    assert report.table[-1] == "  The most common answer, '1', is right on 1.7% of 60 problems."
    assert check(f"{task}:problems", n=5) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("str(x + 1))", "str(x + 2))", ["its real solution '2'", "expected correct, got wrong"]),
        ('"exact"', '"math"', []),
        ('"exact"', "None", ["no VERIFIER"]),
        ("base + i", "i", ["its prompt '0+1=' is in train too"]),
        ("/{i}", "/{i // 2}", ["another problem has this id"]),
        ('"one"', '""', ["it has no level"]),
        ('"sums", split,', '"sums", "eval",', ["its split says 'eval'"]),
        ("x = base + i", "x = base + (i + hash('salted')) % 900", ["in another process"]),
        ("import Problem", "import Problem; import sys; assert 'pytest' in sys.modules", ["Asse"]),
    ],
)
def test_every_flaw_has_its_line(task: Path, old: str, new: str, words: list[str]) -> None:
    lines = broken(task, old, new)
    assert bool(lines) == bool(words), lines
    for word in words:
        assert any(word in line for line in lines), lines


def test_a_verifier_that_lets_near_misses_pass_is_found(task: Path, tmp_path: Path) -> None:
    (tmp_path / "lax.py").write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n    return Verdict('correct')\n"
    )
    lines = broken(task, '"exact"', repr(str(tmp_path / "lax.py")))
    assert sum("its corrupted solution" in line for line in lines) == 60
    assert sum(" ways earn, most " in line for line in lines) == len(lines) - 60 == 7
    assert "its corrupted solution" in lines[0] and "expected wrong, got correct" in lines[0]


def test_a_task_may_corrupt_its_solutions_itself(task: Path) -> None:
    own = "def corrupt(problem, rng):\n    return problem.solution\n"
    lines = broken(task, "def problems", own + "def problems")
    assert len(lines) == 60 and "expected wrong, got correct" in lines[0]


def test_a_file_that_is_both(task: Path) -> None:
    task.write_text(
        task.read_text() + "\nfrom rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        "    return Verdict('correct' if completion == problem.reference else 'wrong')\n"
        "CASES = [('1', '1', 'correct'), ('1', '2', 'correct')]\n"
    )
    verifier, as_task = reports(str(task), n=5)
    assert verifier.what.endswith("2 cases") and len(verifier.failures) == 1
    assert as_task.what.startswith("task") and not as_task.failures


def qa(tmp_path: Path, n: int) -> Path:
    path = tmp_path / "qa.jsonl"
    lines = [{"problem": f"{i} + 1?", "answer": f"so {i + 1}\n#### {i + 1}"} for i in range(n)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_task_of_a_file_proves_itself(tmp_path: Path) -> None:
    options = {"path": str(qa(tmp_path, 400))}
    (report,) = reports("qa", options=options)
    assert report.failures == [] and " dev problems" in report.what
    assert check("qa", n=5, options=options) == []


def test_bad_input(tmp_path: Path) -> None:
    for name, words in (
        ("adition", "no verifier and no task 'adition', did you mean 'addition'"),
        ("nowhere.py", "no such file"),
        ("reasoning_gym:nowhere", "no dataset"),
    ):
        with pytest.raises(InputError, match=words):
            check(name)
    with pytest.raises(InputError, match="did you mean 'digits'"):
        check("addition", options={"digit": 3})
    with pytest.raises(InputError, match="exact has no such option"):
        check("exact", options={"strict": True})
    with pytest.raises(InputError, match="needs either path"):
        check("qa")
    with pytest.raises(InputError, match="'eval'; 5,000 asked for"):
        check("qa", n=5000, options={"path": str(qa(tmp_path, 400))})
    (tmp_path / "bare.py").write_text("def verify(problem, completion):\n    return None\n")
    with pytest.raises(InputError, match="no CASES"):
        check(str(tmp_path / "bare.py"))
    (tmp_path / "neither.py").write_text("x = 1\n")
    with pytest.raises(InputError, match="with verify or problems"):
        check(str(tmp_path / "neither.py"))


def test_the_command_says_each_failure_and_exits_1(call: Call, task: Path) -> None:
    code, out, err = call("check", task, "-n", "4", "-O", "plus=100000")
    assert (code, err) == (1, "")
    *lines, last = out.splitlines()
    assert lines[0].startswith("What a trick earns that can't solve it (8 problems")
    assert sum("its real solution" in line for line in lines) == 12
    assert last.endswith("12 FAIL")
    code, out, err = call("check", "addition", "-n", "4", "-O", "digits=3")
    assert code == 0 and out.endswith(
        "task addition: 4 train, 4 eval, 4 dev problems, 12 real and as many corrupted solutions: "
        "ok\n"
    )
    table = [line.split()[:5] for line in out.splitlines()[2:-2]]
    assert [line[0] for line in table] == [family for family in FAMILIES if family != "partial"]
    assert all(line[2] == line[4] == "0%" for line in table)
    code, out, err = call("check", "exat")
    assert code == 2 and out == "" and err.startswith("rlvr: check: no verifier and no task")
