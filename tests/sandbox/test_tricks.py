"""Tricks that can't solve a task earn nothing: on every shipped task and on every verifier."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import Problem, Split
from rlvr.verify.check import Report, attack, draw, holes, reports
from rlvr.verify.plugins import available
from rlvr.verify.pool import VerifierPool
from rlvr.verify.tasks import load_task
from rlvr.verify.tricks import FAMILIES, attempts, expression, sample, says_it

FROM_ANSWERS = {"hedges", "enumerates"}  # families that may name the right answer among others


def earned(verifier: str, problems: Sequence[Problem], n: int) -> list[str]:
    with VerifierPool(verifier, timeout=20) as pool:
        found = attack(pool, problems, problems, n)
    assert {"hedges", "enumerates", "constants", "programs"} <= found.keys()
    # Whether anything was tried: nothing earned would else prove nothing.
    assert all(tally.tried for of_family in found.values() for tally in of_family)
    return holes(verifier, found)


@pytest.mark.parametrize(
    ("task", "options", "attacked"),
    [
        ("addition", {}, 12),
        ("addition", {"digits": 3, "reverse": True}, 12),
        ("arithmetic", {}, 8),
        ("algebra", {}, 6),
        ("functions", {}, 4),
    ],
)
def test_a_shipped_task_proves_itself_and_pays_no_trick(
    task: str, options: dict[str, Any], attacked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlvr.verify.check.attack", partial(attack, n=attacked))
    found = list(reports(task, 50, options))  # of algebra the verifier and the task
    assert [report.failures for report in found] == [[]] * len(found)
    report = found[-1]
    assert "150 real and as many corrupted solutions" in report.what
    assert {"hedges", "enumerates", "constants", "programs"} <= {
        line.split()[0] for line in report.table
    }


@pytest.mark.parametrize(
    ("task", "options", "verifier", "n"),
    [
        ("arithmetic", {"steps": True}, "math_steps", 4),
        ("humaneval", {}, "", 3),
        ("recordings", {}, "", 8),
        ("text", {}, "", 8),
    ],
)
def test_no_trick_earns_on_a_shipped_task(
    task: str, options: dict[str, Any], verifier: str, n: int
) -> None:
    split: Split = "eval" if task == "humaneval" else "train"
    problems = draw(task, options, split, 100)
    levels = {problem.level for problem in problems}
    assert len({problem.level for problem in sample(problems, n)}) == min(n, len(levels))
    assert earned(verifier or str(load_task(task)[1]), problems, n) == []


def test_no_trick_earns_on_questions_of_a_file(tmp_path: Path) -> None:
    generator = random.Random(0)
    lines = []
    for _ in range(100):
        a, b, c = (generator.randint(2, 40) for _ in range(3))
        lines += [
            {"problem": f"Ann has {a} apples and buys {b}. How many has she?", "level": "words",
             "answer": f"{a} + {b} = <<{a}+{b}={a + b}>>{a + b}\n#### {a + b}"},
            {"problem": rf"Compute $\frac{{{a}}}{{{c}}} + {b}$.", "level": "fraction",
             "answer": rf"\frac{{{a + b * c}}}{{{c}}}"},
            {"problem": f"Solve $x^2 - {a + b}x + {a * b} = 0$.", "level": "roots",
             "answer": rf"\{{{a},{b}\}}"},
            {"problem": f"Is {a} larger than {b}?", "level": "yes",
             "answer": "yes" if a > b else "no"},
        ]  # fmt: skip
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert earned("math", draw("qa", {"path": str(path)}, "train", 100), 4) == []


def checked(monkeypatch: pytest.MonkeyPatch, verifier: str, problems: int) -> Report:
    """Check a verifier, with the tricks tried on so many of its cases; 8 is the command's own."""
    monkeypatch.setattr("rlvr.verify.check.attack", partial(attack, n=problems))
    return next(reports(verifier))


# A process or a sandbox for each text: so few cases, and all of them among the slow tests.
SLOWLY = {"code": 2, "trl": 1}
QUICKLY = sorted(available("verifier").keys() - SLOWLY.keys() - {"algebra"})


def sizes(verifier: str) -> list[Any]:
    return [SLOWLY[verifier], pytest.param(8, marks=pytest.mark.slow)]


@pytest.mark.parametrize("name", QUICKLY)
def test_no_trick_earns_on_a_shipped_verifiers_own_cases(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = checked(monkeypatch, name, 8)
    assert report.what.startswith("verifier") and report.failures == []
    assert any(line.startswith("  hedges") for line in report.table)


@pytest.mark.parametrize("n", sizes("code"))
def test_no_trick_earns_on_the_cases_of_code(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    report = checked(monkeypatch, "code", n)
    assert report.failures == []
    assert any(line.startswith("  hedges") for line in report.table)


@pytest.mark.parametrize("n", sizes("trl"))
def test_what_trl_pays_is_said(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL's own accuracy_reward takes any of several answers in tags: a fault that is not ours."""
    report = checked(monkeypatch, "trl", n)
    assert 0 < len(report.failures) <= 2
    assert all(line.split(": ")[1] in FROM_ANSWERS for line in report.failures)


# --- a verifier that pays is found out ------------------------------------------------------------

LAX = {
    "any": ("str(problem.reference) in completion", {"hedges", "enumerates"}),
    "all": ("True", set(FAMILIES) - {"partial"}),
    "sum": ("eval(completion) == int(problem.reference)", {"copies", "pads"}),
    "long": ("len(completion) > 1000", {"pads", "enumerates"}),
    "program": ("'class E' in completion", {"programs"}),
    "last": ("completion.split()[-1:] == [str(problem.reference)]", set()),
    "first": ("completion.split()[:1] == [str(problem.reference)]", set()),
}


@pytest.fixture
def sums() -> list[Problem]:
    pairs = [(a, a + 30) for a in range(11, 51)]
    return [
        Problem(str(a), "sums", "train", "one", f"{a}+{b}=", str(a + b), str(a + b))
        for a, b in pairs
    ]


def lax(tmp_path: Path, right: str) -> str:
    path = tmp_path / "lax.py"
    path.write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        f"    try:\n        right = {right}\n"
        "    except Exception:\n        right = False\n"
        "    return Verdict('correct' if right else 'wrong')\n"
    )
    return str(path)


@pytest.mark.parametrize("name", LAX)
def test_what_pays_is_found(tmp_path: Path, sums: list[Problem], name: str) -> None:
    right, families = LAX[name]
    with VerifierPool(lax(tmp_path, right), workers=1) as pool:
        lines = holes("lax", attack(pool, sums, sums, 3))
    assert {line.split(": ")[1] for line in lines} == families
    if name == "all":
        assert "76 of 76 ways earn" in lines[0] and "3 of 3: 11: '11+41='" in lines[0]


def test_what_is_left_undecided_is_found(tmp_path: Path, sums: list[Problem]) -> None:
    path = tmp_path / "undecided.py"
    path.write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        "    if problem.id == '11':\n        return Verdict('abstain', 'no reference')\n"
        "    if len(completion) > 1000:\n        raise ValueError('too long')\n"
        "    return Verdict('abstain' if 'max' in completion else 'wrong', 'a maximum')\n"
    )
    with VerifierPool(str(path), workers=1) as pool:
        found = attack(pool, sums, sums, 3)
    lines = holes("it", found)
    assert max(tally.tried for tally in found["copies"]) == 2  # one reference can't be judged
    assert [line.split(": ")[1] for line in lines] == ["pads", "wraps", "enumerates"]
    assert r"'\\max(E,0)', 2 of 2" in lines[0] and "is abstain (a maximum)" in lines[0]
    assert "is error (ValueError: too long (undecided.py:6))" in lines[2]


# --- what the tricks are ------------------------------------------------------------------------


def test_no_trick_knows_the_reference(sums: list[Problem]) -> None:
    """With another reference and solution a trick writes the same, but those that name answers."""
    problem = sums[3]
    other = replace(problem, reference="9999", solution="9999")
    mine, theirs = attempts(problem, sums), attempts(other, sums)
    differing = {
        family for family, name in mine if mine[family, name] != theirs.get((family, name))
    }
    assert differing <= FROM_ANSWERS
    assert attempts(problem, sums) == mine  # and the same each time


def test_a_hedge_names_the_right_answer_neither_first_nor_last(sums: list[Problem]) -> None:
    for problem in sums:
        written = attempts(problem, sums)
        text = written["hedges", "a or b or c"]
        assert problem.reference == text.split(" or ")[1]
        assert problem.reference in written["enumerates", "answers, commas"]
        naming = [text for (family, name), text in written.items() if name.startswith("answers,")]
        naming += [text for (family, _), text in written.items() if family == "hedges"]
        assert len(naming) > 40 and not any(says_it(problem, text) for text in naming)


def test_every_family_writes_for_a_sum(sums: list[Problem]) -> None:
    problem = replace(sums[0], prompt="2*3+4=")
    families = {family for family, _ in attempts(problem, sums)}
    assert families == set(FAMILIES)
    assert attempts(problem, sums)["partial", "a product"] == "6+4"
    assert ("partial", "a sum") not in attempts(sums[0], sums)  # that would solve it


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("12+34=", "12+34"),
        ("Expand and collect (x - 2)*(x + 9).\n", "(x - 2)*(x + 9)"),
        ("Solve 3*x + 4 = 19 for x.\n", "3*x + 4 = 19"),
        (r"Compute $\frac{1}{2} + 3$.", r"$\frac{1}{2} + 3$"),
        ("How many days has a week?", ""),
        ('def f(x):\n    """Return x + 3."""\n', ""),
        ("", ""),
    ],
)
def test_the_mathematical_part_of_a_prompt(prompt: str, found: str) -> None:
    assert expression(prompt) == found


def cases() -> Iterator[tuple[str, str, bool]]:
    for text in ("7", " 7\n", r"\boxed{7}", "$7$", "x = 7", "7.0", "007", "it is 7", "7 it is"):
        yield "7", text, True
    # What begins or ends with the answer is right by chance.
    for text in ("", "71", "6 or 7 or 8", "3+4", "7+0", "either 7 or 0", "-7", r"\max(7,0)"):
        yield (
            "7",
            text,
            text in ("7+0", "either 7 or 0", r"\max(7,0)"),
        )
    yield "yes", "Yes.", True
    yield r"\text{(B)}", "(B)", True
    yield "yes", "no", False


@pytest.mark.parametrize(("reference", "text", "says"), list(cases()))
def test_what_is_right_by_chance(reference: str, text: str, says: bool) -> None:
    problem = Problem("1", "t", "eval", "all", "?", reference, None)
    assert says_it(problem, text) == says
