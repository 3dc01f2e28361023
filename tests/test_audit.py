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

from rlvr import audit as audit_
from rlvr import truth
from rlvr.audit import Audit, Pair, audit, interval, print_audit
from rlvr.cli import app
from rlvr.data import InputError, Status, Verdict
from rlvr.verify import load_verifier

LINES: list[dict[str, object]] = [
    {"completion": "4", "answer": "4", "label": True},
    {"completion": "5", "reference": "4", "label": "wrong", "type": "sum"},
    {"completion": "4", "answer": "4", "label": "wrong", "type": "sum"},
    {"completion": "x", "answer": "?", "label": "correct", "type": "sum"},
]


def write_lines(folder: Path, lines: list[dict[str, object]]) -> Path:
    path = folder / "labelled.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


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


def test_math_meets_its_bar_on_a_small_sample() -> None:
    result = audit("math", 1500, seed=5, workers=2)
    figures = result.rates()
    assert figures["right"] + figures["wrong"] == 1500
    assert figures["tpr"]["rate"] >= 0.99, result.differ
    assert figures["fpr"]["accepted"] == 0, result.differ
    assert set(result.types) == set(truth.TYPES)


def test_pairs_repeat_themselves_and_are_of_both_sorts() -> None:
    pairs = list(truth.pairs(630, 3))
    assert pairs == list(truth.pairs(630, 3))
    assert pairs != list(truth.pairs(630, 4))
    assert Counter(pair.right for pair in pairs) == {True: 252, False: 378}


def test_truth_shares_no_code_with_the_verifier() -> None:
    tree = ast.parse(Path(truth.__file__).read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not any("maths" in str(name) or "verifiers" in str(name) for name in imported)
    # Nor is it part of the verifier's version.
    source = Path(str(load_verifier("math").module.__file__)).read_text()
    assert "from rlvr.truth" not in source


def test_a_wrong_pair_never_ends_with_the_reference_in_a_box() -> None:
    for pair in truth.pairs(4200, 9):
        said = pair.completion.rpartition("</think>")[2].partition("<think>")[0]
        if not pair.right and said.count("\\boxed{") == 1:
            assert f"\\boxed{{{pair.reference}}}" not in said


def test_a_labelled_file(tmp_path: Path) -> None:
    result = audit("math", 0, file=write_lines(tmp_path, LINES))
    assert result.types == ["all", "sum"]
    assert result.rates("all")["tpr"]["accepted"] == 1
    assert result.rates("sum")["fpr"] | {"ci95": []} == {
        "accepted": 1, "decided": 2, "abstain": 0, "error": 0, "rate": 0.5, "ci95": [],
        "at_worst": 0.5, "at_best": 0.5,
    }  # fmt: skip
    assert result.rates("sum")["tpr"]["abstain"] == 1


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"completion": "4", "answer": "4"}, "label"),
        ({"completion": "4", "answer": "4", "label": "maybe"}, "maybe"),
        ({"answer": "4", "label": True}, "completion"),
        ({"completion": "4", "label": True}, "answer"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: dict[str, object], named: str) -> None:
    file = write_lines(tmp_path, [LINES[0], line])
    with pytest.raises(InputError, match=rf"labelled.jsonl:2.*{named}"):
        audit("math", 0, file=file)


def test_without_truth_it_says_what_to_give() -> None:
    with pytest.raises(InputError, match="--labelled.*pairs"):
        audit("exact", 10)


def test_an_unknown_option_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="percnt"):
        audit("math", 10, options={"percnt": "value"})
    with pytest.raises(InputError, match="none.jsonl"):
        audit("math", 10, file=tmp_path / "none.jsonl")


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


def test_the_command_writes_json_without_times(tmp_path: Path) -> None:
    out = tmp_path / "audit.json"
    file = str(write_lines(tmp_path, LINES))
    for _ in range(2):
        done = CliRunner().invoke(app, ["audit", "math", "--labelled", file, "-o", str(out)])
        assert done.exit_code == 0, done.output
        assert "TPR" in done.output
    written = json.loads(out.read_text())
    assert written["all"]["tpr"]["abstain"] == 1 and "seconds" not in out.read_text()
    assert [d["status"] for d in written["disagreements"]["sum"]] == ["correct", "abstain"]
