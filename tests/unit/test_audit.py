"""The audit: its intervals, its sources of truth, its report; and the truth about `math` itself."""

from __future__ import annotations

import ast
import io
import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console
from scipy.stats import binomtest
from typer.testing import CliRunner

from rlvr.cli import app
from rlvr.data import InputError, Status, Verdict
from rlvr.verify import audit as audit_
from rlvr.verify.audit import Audit, Pair, audit, interval, print_audit
from rlvr.verify.truth import maths
from rlvr.verify.verifier import load_verifier


@pytest.mark.parametrize(("successes", "n"), [(0, 12000), (1, 7), (8000, 8000), (7990, 8000)])
def test_the_interval_is_scipys(successes: int, n: int) -> None:
    exact = binomtest(successes, n).proportion_ci(0.95, method="exact")
    assert interval(successes, n) == pytest.approx((exact.low, exact.high), rel=1e-9, abs=1e-12)


def test_nothing_is_known_of_a_rate_without_trials() -> None:
    assert interval(0, 0) == (0.0, 1.0)


def test_undecided_verdicts_are_counted_apart_with_the_worst_case_either_way() -> None:
    result = Audit()
    right: list[Status] = ["correct", "correct", "wrong", "abstain"]
    wrong: list[Status] = ["wrong", "wrong", "wrong", "error"]
    for status in right:
        result.add(Pair("4", "4", True), Verdict(status))
    for status in wrong:
        result.add(Pair("4", "5", False), Verdict(status))
    figures = result.rates()
    assert figures["tpr"]["rate"] == pytest.approx(2 / 3)
    assert (figures["tpr"]["at_worst"], figures["tpr"]["at_best"]) == (0.5, 0.75)
    assert figures["fpr"]["rate"] == 0
    assert (figures["fpr"]["at_worst"], figures["fpr"]["at_best"]) == (0.25, 0)
    assert figures["j"]["at_worst"] == 0.25
    assert len(result.differ["all"]) == 3


def test_pairs_repeat_themselves_and_are_of_both_sorts() -> None:
    pairs = list(maths.pairs(630, 3))
    assert pairs == list(maths.pairs(630, 3))
    assert pairs != list(maths.pairs(630, 4))
    assert Counter(pair.right for pair in pairs) == {True: 252, False: 378}


def test_truth_shares_no_code_with_the_verifier() -> None:
    files = sorted(Path(maths.__file__).parent.glob("[a-z]*.py"))
    trees = [ast.parse(file.read_text()) for file in files]
    nodes = [n for tree in trees for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported = {str(n.module) for n in nodes}
    assert len(files) > 8 and not any("rlvr.maths" in one or "verifiers" in one for one in imported)
    # Nor is it part of the verifier's version.
    source = Path(str(load_verifier("math").module.__file__)).read_text()
    assert "from rlvr.verify.truth.maths" not in source


def test_a_wrong_pair_never_ends_with_the_reference_in_a_box() -> None:
    for pair in maths.pairs(4200, 9):
        said = pair.completion.rpartition("</think>")[2].partition("<think>")[0]
        if not pair.right and said.count("\\boxed{") == 1:
            assert f"\\boxed{{{pair.reference}}}" not in said


def test_without_truth_it_says_what_to_give() -> None:
    with pytest.raises(InputError, match="--labelled.*pairs"):
        audit("exact", 10)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InputError, match="percnt"):
        audit("math", 10, options={"percnt": "value"})


def test_a_report_that_cant_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "none" / "audit.json"):
        with pytest.raises(InputError, match="name a file"):
            audit_.check_writable(out)


def test_a_plugin_may_yield_plain_tuples(tmp_path: Path) -> None:
    plugin = tmp_path / "echo.py"
    plugin.write_text(
        '"""Echo."""\n'
        "from rlvr.data import Problem, Verdict\n"
        "def verify(problem: Problem, completion: str) -> Verdict:\n"
        "    return Verdict('correct' if completion == problem.reference else 'wrong')\n"
        "def pairs(n, seed):\n"
        "    for k in range(n):\n"
        "        yield str(k), str(k if k % 2 else -1), bool(k % 2), 'echo', 'by hand'\n"
    )
    figures = audit(str(plugin), 10).rates("echo")
    assert (figures["tpr"]["rate"], figures["fpr"]["rate"], figures["j"]["rate"]) == (1, 0, 1)


def test_the_report_shows_at_most_ten_disagreements_a_type() -> None:
    result = Audit()
    for k in range(13):
        result.add(Pair(str(k), "[7]", False, "numbers", "a digit"), Verdict("correct"))
    out = io.StringIO()
    print_audit(result, Console(file=out, width=100))
    text = out.getvalue()
    assert text.count("wrong (a digit), verdict correct") == audit_.SHOWN
    assert "13 disagreements" in text and "and 3 more" in text and '"[7]"' in text


@pytest.fixture
def doubter(tmp_path: Path) -> str:
    """A verifier with pairs and habits, wrong on one habit."""
    plugin = tmp_path / "doubter.py"
    plugin.write_text(
        '"""Doubter."""\n'
        "from rlvr.data import Problem, Verdict\n"
        "def verify(problem: Problem, completion: str) -> Verdict:\n"
        "    right = completion.endswith(problem.reference)\n"
        "    return Verdict('correct' if right else 'wrong')\n"
        "def pairs(n, seed):\n"
        "    for k in range(n):\n"
        "        yield '4', 'it is 4' if k % 2 else '5', bool(k % 2), 'numbers'\n"
        "def habits(n, seed):\n"
        "    for k in range(n):\n"
        "        said = 'A: 4' if k % 2 else 'maybe 4'\n"
        "        yield '4', said, bool(k % 2), 'a hedge', 'how', 'What?'\n"
    )
    return str(plugin)


def test_the_command_prints_and_writes_types_and_habits_without_times(
    tmp_path: Path, doubter: str
) -> None:
    out = tmp_path / "audit.json"
    written = []
    for _ in range(2):
        arguments = ["audit", doubter, "--pairs", "48", "--show", "1", "-o", str(out)]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        written.append(out.read_text())
    lines = [line.split() for line in done.output.splitlines()]
    assert [
        "numbers",
        "24",
        "1",
        "0.858",
        "to",
        "1",
        "24",
        "0",
        "0",
        "to",
        "0.142",
        "1",
        "0",
    ] in lines
    assert ["a", "hedge", "5", "1", "0.478", "to", "1", "5", "1", "0.478", "to", "1"] in lines
    assert "a hedge: 5 disagreements" in done.output and "and 4 more" in done.output
    assert written[0] == written[1] and "seconds" not in written[0]
    found = json.loads(written[0])
    assert (
        found["all"]["fpr"]["rate"] == 0 and found["habits"]["types"]["a hedge"]["fpr"]["rate"] == 1
    )
    assert found["habits"]["disagreements"]["a hedge"][0]["prompt"] == "What?"


def test_a_verifier_without_habits_has_no_table_of_them(tmp_path: Path) -> None:
    plugin = tmp_path / "echo.py"
    plugin.write_text(
        '"""Echo."""\n'
        "from rlvr.data import Problem, Verdict\n"
        "def verify(problem: Problem, completion: str) -> Verdict:\n"
        "    return Verdict('correct' if completion == problem.reference else 'wrong')\n"
        "def pairs(n, seed):\n"
        "    return ((str(k), str(k if k % 2 else -1), bool(k % 2)) for k in range(n))\n"
    )
    out = tmp_path / "audit.json"
    done = CliRunner().invoke(app, ["audit", str(plugin), "--pairs", "4", "-o", str(out)])
    assert done.exit_code == 0 and "habit" not in done.output
    assert "habits" not in json.loads(out.read_text())


def test_a_pair_may_have_the_problems_prompt(tmp_path: Path) -> None:
    plugin = tmp_path / "asks.py"
    plugin.write_text(
        '"""Asks."""\n'
        "from rlvr.data import Problem, Verdict\n"
        "def verify(problem: Problem, completion: str) -> Verdict:\n"
        "    return Verdict('correct' if problem.prompt == 'What?' else 'wrong')\n"
        "def pairs(n, seed):\n"
        "    return (('4', '4', True, 'all', '', 'What?') for k in range(n))\n"
    )
    assert audit(str(plugin), 3).rates()["tpr"]["rate"] == 1
