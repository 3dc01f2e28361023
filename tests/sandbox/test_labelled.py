"""Labelled files: what a line may be, what is counted, what is printed, what is refused."""

from __future__ import annotations

import dataclasses
import gzip
import importlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from rlvr.cli import app
from rlvr.data import InputError, Problem, Status, Verdict
from rlvr.verify.labelled import Agreement, Line, Tally, measure, print_agreement, read_labelled
from rlvr.verify.verifier import case_problem

ROOT = Path(__file__).parents[2]
LINES: list[dict[str, Any]] = [
    {"completion": "4", "answer": "4", "label": True},
    {"completion": "5", "reference": "4", "label": "wrong", "type": "sum"},
    {"completion": "4", "answer": "4", "label": "wrong", "type": "sum"},
    {"completion": "x", "answer": "?", "label": "correct", "type": "sum"},
]


def write_lines(folder: Path, lines: list[dict[str, Any]], name: str = "labelled.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def tally(*counts: tuple[str, str]) -> dict[str, Any]:
    found = Tally()
    for place, (expected, status) in enumerate(counts):
        problem = dataclasses.replace(case_problem("4"), prompt=f"question {place}")
        found.add(Line(problem, "4", expected, "", "file"), status)
    return found.figures()


# --- what a label allows ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ({"label": True}, "correct"),
        ({"label": False}, "wrong"),
        ({"label": "true"}, "correct"),
        ({"label": "right"}, "correct"),
        ({"label": "Incorrect"}, "wrong"),
        ({"expected": "correct"}, "correct"),
        ({"expected": "wrong"}, "wrong"),
        ({"expected": "abstain"}, "abstain"),
        ({"expected": "abstain|correct"}, "correct|abstain"),
        ({"expected": "wrong|correct"}, "correct|wrong"),
        ({"expected": "correct|wrong|abstain"}, "correct|wrong|abstain"),
        ({"expected": "wrong", "label": True}, "wrong"),
        ({"expected": None, "label": True}, "correct"),
    ],
)
def test_a_label(tmp_path: Path, label: dict[str, Any], expected: str) -> None:
    file = write_lines(tmp_path, [{"completion": "4", "answer": "4", **label}])
    [line] = read_labelled(file)
    assert line.expected == expected


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ({"completion": "4", "answer": "4"}, "no expected and no label"),
        ({"completion": "4", "answer": "4", "label": "maybe"}, "label is 'maybe'"),
        ({"completion": "4", "answer": "4", "label": None}, "label is None"),
        ({"completion": "4", "answer": "4", "label": 1}, "label is 1"),
        ({"completion": "4", "answer": "4", "expected": "right"}, "expected is 'right'"),
        ({"completion": "4", "answer": "4", "expected": "error"}, "expected is 'error'"),
        ({"completion": "4", "answer": "4", "expected": ""}, "expected is ''"),
        ({"completion": "4", "answer": "4", "expected": "correct|"}, r"expected is 'correct\|'"),
        ({"completion": "4", "answer": "4", "expected": True}, "expected is True"),
        ({"answer": "4", "label": True}, "'completion'"),
        ({"completion": "4", "label": True}, "'answer'"),
        ({"completion": 4, "answer": "4", "label": True}, "'completion'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: dict[str, Any], named: str) -> None:
    file = write_lines(tmp_path, [LINES[0], line])
    with pytest.raises(InputError, match=rf"labelled.jsonl:2: .*{named}"):
        measure("math", [file])


@pytest.mark.parametrize("text", ["", "\n\n", "[]\n", "not JSON\n"])
def test_a_file_without_lines_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "labelled.jsonl"
    file.write_text(text)
    with pytest.raises(InputError, match="labelled.jsonl"):
        measure("math", [file])


def test_an_unknown_option_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="percnt"):
        measure("math", [write_lines(tmp_path, LINES)], {"percnt": "value"})
    with pytest.raises(InputError, match="none.jsonl"):
        measure("math", [tmp_path / "none.jsonl"])


def test_blank_lines_are_passed_over_and_a_file_may_be_gzipped(tmp_path: Path) -> None:
    file = tmp_path / "labelled.jsonl.gz"
    with gzip.open(file, "wt") as out:
        out.write("\n".join(["", json.dumps(LINES[0]), "", json.dumps(LINES[1])]))
    assert [line.problem.id for line in read_labelled(file)] == ["2", "4"]


def test_the_verifier_never_sees_the_label(tmp_path: Path) -> None:
    line = {"completion": "4", "test": "assert f() == 4", "entry_point": "f", "expected": "correct"}
    file = write_lines(tmp_path, [line | {"label": True, "class": "a kind"}])
    [read] = read_labelled(file)
    assert read.problem.reference == {"test": "assert f() == 4", "entry_point": "f"}
    other = {"response": line.pop("completion"), **line, "label": True}
    [read] = read_labelled(write_lines(tmp_path, [other]))
    assert read.problem.reference == {"test": "assert f() == 4", "entry_point": "f"}
    # A reference of the line's own keeps its keys, whatever they are called.
    file = write_lines(tmp_path, [{"completion": "4", "answer": {"label": 1}, "label": True}])
    [read] = read_labelled(file)
    assert read.problem.reference == {"label": 1}


# --- what is counted -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "status", "counted"),
    [
        ("correct", "correct", "agree"),
        ("correct", "wrong", "false_negatives"),
        ("correct", "abstain", "undecided"),
        ("correct", "error", "undecided"),
        ("wrong", "wrong", "agree"),
        ("wrong", "correct", "false_positives"),
        ("wrong|abstain", "correct", "false_positives"),
        ("wrong|abstain", "abstain", "agree"),
        ("correct|abstain", "wrong", "false_negatives"),
        ("correct|wrong", "wrong", "agree"),
        ("correct|wrong", "abstain", "undecided"),
        ("abstain", "correct", "false_positives"),
        ("abstain", "wrong", "false_negatives"),
        ("correct|wrong|abstain", "error", "undecided"),
    ],
)
def test_what_a_verdict_counts_as(expected: str, status: str, counted: str) -> None:
    figures = tally((expected, status))
    kinds = ("agree", "false_positives", "false_negatives", "undecided")
    undecided = status in ("abstain", "error")
    assert {kind: figures[kind] for kind in kinds} == {
        kind: int(kind == counted or kind == "undecided" and undecided) for kind in kinds
    }
    assert figures["undecided_allowed"] == int(undecided and counted == "agree")


def test_every_line_is_counted_once() -> None:
    figures = tally(
        *[("correct", status) for status in ("correct", "wrong", "abstain", "error")],
        *[("wrong|abstain", status) for status in ("correct", "wrong", "abstain", "error")],
    )
    refused = figures["undecided"] - figures["undecided_allowed"]
    parts = figures["agree"] + figures["false_positives"] + figures["false_negatives"] + refused
    assert parts == figures["lines"] == 8


def test_rates_are_of_lines_that_are_right_or_wrong_for_certain() -> None:
    figures = tally(
        ("correct", "correct"),
        ("correct|abstain", "wrong"),
        ("correct|abstain", "abstain"),
        ("wrong", "wrong"),
        ("correct|wrong", "correct"),
        ("abstain", "correct"),
    )
    assert (figures["tpr"]["accepted"], figures["tpr"]["decided"]) == (1, 2)
    assert (figures["fpr"]["accepted"], figures["fpr"]["decided"]) == (0, 1)
    assert figures["tpr"]["abstain"] == 1 and figures["j"]["rate"] == 0.5


def test_answers_to_one_problem_are_alike() -> None:
    """Of 100 problems 5 are judged wrongly, each in all of its 10 answers."""
    found, alone = Tally(), Tally()
    for place in range(1000):
        status = "wrong" if place % 100 < 5 else "correct"
        for tally_, problem in ((found, place % 100), (alone, place)):
            asked = dataclasses.replace(case_problem("4"), prompt=f"question {problem}")
            tally_.add(Line(asked, "4", "correct", "", "file"), status)
    low, high = found.figures()["tpr"]["ci95"]
    assert low < 0.89 and high > 0.98 and found.figures()["problems"] == 100
    low, high = alone.figures()["tpr"]["ci95"]
    assert low > 0.93 and high < 0.965


def test_lines_of_two_files_are_not_one_problem_by_their_number() -> None:
    result = Agreement()
    for file in ("a.jsonl", "b.jsonl"):
        result.add(Line(case_problem("4"), "4", "correct", "", file), Verdict("correct"))
    assert result.all.figures()["problems"] == 2 == result.all.figures()["lines"]


def test_a_labelled_file(tmp_path: Path) -> None:
    result = measure("math", [write_lines(tmp_path, LINES)])
    assert result.classes[""].figures()["tpr"]["accepted"] == 1
    figures = result.classes["sum"].figures()
    assert figures["fpr"] | {"ci95": []} == {
        "accepted": 1, "decided": 2, "abstain": 0, "error": 0, "rate": 0.5, "ci95": [],
        "effective": 2.0,
        "at_worst": 0.5, "at_best": 0.5,
    }  # fmt: skip
    assert figures["tpr"]["abstain"] == 1
    assert (figures["agree"], figures["false_positives"], figures["undecided"]) == (1, 1, 1)
    assert result.all.figures()["agree"] == 2


def test_programs_may_be_labelled_too(tmp_path: Path) -> None:
    tests = {"test_list": ["assert f(2) == 4"], "class": "programs"}
    file = write_lines(
        tmp_path,
        [
            {"completion": "def f(x):\n    return x * x\n", "expected": "correct", **tests},
            {"completion": "def f(x):\n    return x\n", "label": False, **tests},
        ],
    )
    figures = measure("code", [file], workers=1).classes["programs"].figures()
    assert (figures["lines"], figures["agree"]) == (2, 2)


# --- what is printed and written -------------------------------------------------------------


def agreement(*found: tuple[str, str, str, Status]) -> Agreement:
    """Return what came of lines (file, class, expected, status)."""
    result = Agreement()
    for number, (file, group, expected, status) in enumerate(found, 1):
        problem = Problem(str(number), "score", "eval", "", "", "[7]")
        result.add(Line(problem, "[8]", expected, group, file), Verdict(status, "why"))
    return result


def printed(result: Agreement, show: int = 10) -> str:
    out = io.StringIO()
    print_agreement(result, Console(file=out, width=80), show)
    return out.getvalue()


def test_a_row_for_each_class_and_for_all() -> None:
    text = printed(
        agreement(
            ("a.jsonl", "hedges", "wrong", "correct"),
            ("a.jsonl", "hedges", "wrong", "wrong"),
            ("a.jsonl", "integrals", "correct|abstain", "abstain"),
        )
    )
    rows = [line.split() for line in text.splitlines()]
    assert ["hedges", "2", "1", "0.500", "1", "0", "0", "0"] in rows
    assert ["integrals", "1", "1", "1", "0", "0", "1", "1"] in rows
    assert ["all", "3", "2", "0.667", "1", "0", "1", "1"] in rows
    assert "a.jsonl:1: expected wrong, verdict correct (why)" in text
    assert "FPR 0.500 (1 of 2; 0.013 to 0.987)" in text
    assert "TPR" not in text  # nothing right was decided


def test_a_row_for_each_file_where_there_are_several() -> None:
    rows = [
        line.split()
        for line in printed(
            agreement(
                ("in/a.jsonl", "", "correct", "correct"), ("in/b.jsonl", "", "correct", "wrong")
            )
        ).splitlines()
    ]
    assert ["a.jsonl", "1", "1", "1", "0", "0", "0", "0"] in rows
    assert ["b.jsonl", "1", "0", "0", "0", "1", "0", "0"] in rows
    assert ["all", "2", "1", "0.500", "0", "1", "0", "0"] in rows


@pytest.mark.parametrize("show", [0, 1, 3, 9])
def test_so_many_disagreements_of_each_class_are_shown(show: int) -> None:
    line: tuple[str, str, str, Status] = ("a.jsonl", "hedges", "wrong", "correct")
    text = printed(agreement(*[line] * 5), show)
    assert text.count("expected wrong, verdict correct") == min(show, 5)


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["audit", *map(str, arguments)])
    return done.exit_code, done.output


def test_disagreement_is_no_failure_and_json_has_no_times(tmp_path: Path) -> None:
    out, file = tmp_path / "audit.json", write_lines(tmp_path, LINES)
    for _ in range(2):
        code, output = run("math", "--labelled", file, "-o", out)
        assert code == 0 and "TPR" in output
    written = json.loads(out.read_text())
    assert written["all"]["tpr"]["abstain"] == 1 and "seconds" not in out.read_text()
    assert [d["status"] for d in written["disagreements"]] == ["correct", "abstain"]
    assert [d["line"] for d in written["disagreements"]] == [3, 4]
    assert written["classes"]["sum"]["lines"] == 3 and written["files"][str(file)]["lines"] == 4


def test_several_files_follow_one_option(tmp_path: Path) -> None:
    first, second = (write_lines(tmp_path, LINES, name) for name in ("a.jsonl", "b.jsonl"))
    code, output = run("exact", "--labelled", first, second, "--show", 0)
    assert code == 0
    assert ["all", "8", "4", "0.500", "2", "2", "0", "0"] in map(str.split, output.splitlines())
    assert output == run("exact", "--labelled", first, "--labelled", second, "--show", 0)[1]


def test_files_without_the_option_are_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["audit", "math", str(write_lines(tmp_path, LINES))])
    assert isinstance(done.exception, InputError) and "--labelled" in str(done.exception)


# --- beside Math-Verify, and where labels come from ------------------------------------------


def test_both_are_measured_on_the_same_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    side_by_side = importlib.import_module("_labelled").labelled
    file = write_lines(
        tmp_path,
        [
            {"completion": r"\boxed{4}", "answer": "4", "expected": "correct"},
            {"completion": r"\boxed{5}", "answer": "4", "expected": "wrong"},
            {"completion": r"\boxed{4}", "answer": "4", "expected": "wrong", "class": "bad label"},
            {"completion": r"\boxed{2}", "answer": "", "expected": "correct|abstain"},
        ],
        "mine.jsonl",
    )
    out = tmp_path / "out.json"
    side_by_side([file], out)
    found = json.loads(out.read_text())
    assert found == json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["files"]["mine"]["agree"] == {
        "both": 3, "only rlvr": 0, "only math-verify": 0, "neither": 1,
    }  # fmt: skip
    for side in ("rlvr", "math-verify"):
        figures = found["files"]["mine"][side]
        counted = [figures[key] for key in ("agree", "false_positives", "undecided")]
        assert counted == [3, 1, 1]
        [wrong] = figures["wrong"]
        assert (wrong["line"], wrong["class"], wrong["status"]) == (3, "bad label", "correct")


def test_the_docs_make_labelled_lines_of_public_files(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "verifiers.md").read_text()
    block = re.search(r"```python\n(# label\.py.*?)```", page, re.DOTALL)
    assert block is not None
    script, source = tmp_path / "label.py", tmp_path / "source.jsonl"
    script.write_text(block[1])
    models = ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification")
    lines = [
        {"question": "2 + 2?", "ground_truth": "2 + 2 = <<2+2=4>>4\nA: 4"}
        | {
            model: {"is_correct": i > 1, "solution": f"A: {i + 2}"}
            for i, model in enumerate(models)
        },
        {"answer": "4", "code": [r"\boxed{4}", r"\boxed{5}"], "score": [True, False]},
    ]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    command = [sys.executable, str(script), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    file = tmp_path / "labels.jsonl"
    file.write_text(done.stdout)
    labels = [(line.problem.reference, line.expected) for line in read_labelled(file)]
    assert labels == [
        ("4", e) for e in ("wrong", "wrong", "correct", "correct", "correct", "wrong")
    ]


def test_errors_are_said_beside_the_table(tmp_path: Path) -> None:
    (tmp_path / "raises.py").write_text("def verify(problem, completion):\n    raise OSError\n")
    line = {"completion": "1", "answer": "1", "expected": "correct"}
    (tmp_path / "lines.jsonl").write_text(json.dumps(line) + "\n")
    result = measure(str(tmp_path / "raises.py"), [tmp_path / "lines.jsonl"], workers=1)
    console = Console(record=True, width=100, file=io.StringIO())
    print_agreement(result, console, 0)
    assert "1 verdict is an error: the verifier failed, not the completion" in console.export_text()
