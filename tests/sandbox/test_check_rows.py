"""`rlvr check FILE`: what rows were understood as, and what a verifier says of their answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command import Call
from support.runs import TINY
from support.shapes import MADE, make

from rlvr.data import Problem
from rlvr.loop.check_rows import _spread, hold, report
from rlvr.verify.pool import VerifierPool
from rlvr.verify.settings import NamedConfig


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("length", [3, 200, 201, 399, 400, 1000])
def test_rows_are_tried_from_all_over_the_file(length: int) -> None:
    tried = _spread(range(length), 200)
    assert len(set(tried)) == min(length, 200) and tried == sorted(tried)
    assert (
        max(b - a for a, b in zip([-1, *tried], [*tried, length], strict=True)) <= length // 200 + 1
    )


LAST = """import re
from rlvr.data import Verdict

def verify(problem, completion):
    found = re.findall("[0-9]+", completion)
    return Verdict("correct" if found and found[-1] == problem.reference else "wrong")
"""


def test_what_a_trick_earns_does_not_hang_on_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "last.py").write_text(LAST)
    rows = [{"prompt": f"{a}+{b}=", "answer": str(a + b)} for a in range(20) for b in range(20)]
    found = []
    for name, of in (("sorted", rows), ("turned", rows[::-1])):
        path = write(tmp_path / f"{name}.jsonl", of)
        task = NamedConfig(**{"name": "rows", "path": str(path)})
        checked = report(task, NamedConfig(name=str(tmp_path / "last.py")))
        earned = [line.split()[:5] for line in checked.table if line.count("%") > 2]
        found.append((earned, len(checked.failures)))
    assert found[0] == found[1] and len(found[0][0]) > 5


def test_rows_are_said_and_their_answers_held_to_the_verifier(call: Call, tmp_path: Path) -> None:
    asked = "Tom has {} red apples and buys {} at the market. How many has he now?"
    rows: list[dict[str, Any]] = [
        {"question": asked.format(i, i + 7), "answer": str(2 * i + 7), "level": "ab"[i % 3 > 0]}
        for i in range(60)
    ]
    rows[10]["solution"] = "five"
    rows.append({**rows[1], "answer": "10"})
    path = write(tmp_path / "faulty.jsonl", rows)
    code, out, err = call("check", path, "--verifier", "exact", "--model", "tiny-0.1m")
    assert (code, err) == (1, "")
    said = {line[:18].rstrip(): line[19:] for line in out.splitlines() if line[18:19] == " "}
    assert said["rows"].startswith(f"{path}: 61 rows, prompt-answer (prompt: question, answer: ")
    assert said["problems"] == (
        "60 different; 1 rows repeat the prompt of another, and only the last of them is used "
        "(1 prompts have more than one answer)"
    )
    assert said["prompts"] == "text 61" and said["solutions"] == "1 of 61"
    assert said["levels"] == "b 41, a 20"
    assert sum(int(word) for word in said["splits"].replace(",", "").split()[1:6:2]) == 60
    assert said["length, prompts"] == (
        "half are at most 69 tokens, the longest has 69; tiny-0.1m takes 512 in all"
    )
    assert said["problem 2"] == "21, level b"
    assert said["verifier"] == (
        "exact: of 61 right answers 60 pass, of as many corrupted ones 61 fail"
    )
    assert "11: its right answer 'five' is wrong" in out
    assert out.splitlines()[-1] == f"rows {path}: 61 rows: 1 FAIL"


def test_references_that_can_t_be_read_are_counted_and_fail_if_all_are() -> None:
    def problem(reference: str) -> Problem:
        return Problem(reference, "rows", "eval", "all", "?", reference)

    unread = [problem(f"\\frac{{{i}") for i in range(3)]
    with VerifierPool("math", workers=1) as pool:
        some, none = hold(pool, [problem("1/2"), *unread]), hold(pool, unread)
    assert some.said[0] == "of 4 right answers 1 pass, of as many corrupted ones 1 fail"
    assert some.said[1].startswith("3 references can't be read, such as '\\\\frac{0' of")
    assert some.faults == []
    assert len(none.faults) == 1 and none.faults[0].startswith("no reference can be read: ")


def test_what_is_no_check_of_rows(call: Call, tmp_path: Path) -> None:
    code, _, err = call("check", "addition", "--model", "tiny-0.1m")
    assert code == 2 and "--model are for rows, and addition is none" in err
    code, _, err = call("check", "addition", "--sample", "4")
    assert code == 2 and "--sample are for rows, and addition is none" in err
    code, _, err = call("check", "rows.parquet", "--sample", "4")
    assert code == 2 and "--sample 4: by which model? Add --model" in err
    code, _, err = call("check", TINY, "--model", "tiny-0.1m")
    assert code == 2 and "--model and --verifier are for rows" in err
    code, _, err = call("check", tmp_path / "nowhere.parquet")
    assert code == 2 and "nowhere.parquet" in err and "no such file" in err


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_each_shape_is_understood_and_judged_by_the_verifier_that_suits_it(
    name: str, tmp_path: Path
) -> None:
    made = MADE[name]
    path = make(tmp_path, 60)[name]
    columns = {"columns": made.columns} if made.columns else {}
    task = NamedConfig.model_validate({"name": "rows", "path": str(path), **columns})
    found = report(task, model="tiny-0.1m", n=20)
    said = [line for line in found.table if line.startswith(("rows", "verifier"))]
    assert f"60 rows, {made.shape} (" in said[0]
    assert said[-1].split()[1] == f"{made.verifier}:"
    # The replies in open-instruct's rows are samples: every second of them is wrong.
    right = "of 20 right answers {} pass, of as many corrupted ones 20 fail"
    if name in ("skyrl", "codecontests"):  # of the latter's solutions none is read
        assert "not held to right answers: the rows have tests" in said[-1]
        assert "to an empty answer of 20 alone" in said[-1]
    else:
        assert right.format(10 if name == "open-instruct" else 20) in said[-1]


def test_references_that_are_objects_are_held_to_an_empty_answer(
    call: Call, tmp_path: Path
) -> None:
    """The JSON text of an object is read as that object; a verifier that parses it fails on all."""
    rows = [{"problem": f"p{i}", "answer": '{"type": "object"}'} for i in range(12)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = "import json\nfrom rlvr.data import Verdict\ndef verify(problem, completion):\n"
    for name, body in (("bad", "json.loads(problem.reference)"), ("good", "problem.reference")):
        (tmp_path / f"{name}.py").write_text(f"{source}    {body}\n    return Verdict('wrong')\n")
    file = tmp_path / "rows.jsonl"
    code, out, _ = call("check", file, "--verifier", tmp_path / "bad.py")
    text = " ".join(out.split())
    assert code == 1 and "its empty answer '' is error (TypeError" in text
    code, out, _ = call("check", file, "--verifier", tmp_path / "good.py")
    assert code == 0 and "to an empty answer of 12 alone" in " ".join(out.split())


ALWAYS = """from rlvr.data import Verdict
def verify(problem, completion):
    return Verdict('correct')
"""


def test_a_config_is_checked_with_its_own_verifier(call: Call, tmp_path: Path) -> None:
    verifier = tmp_path / "always.py"
    verifier.write_text(ALWAYS)
    code, out, _ = call("check", str(TINY), "-n", "5", f"verifier={{name: {verifier}}}")
    assert code == 1 and "its corrupted solution" in out


def test_options_go_to_the_kind_that_has_them(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("check", "algebra", "-n", "5", "-O", "levels=[linear]")
    assert code == 0 and "task algebra: 5 train" in out and "verifier algebra" not in out
