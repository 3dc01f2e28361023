"""Isolated verifiers: nothing of the host is reached or changed, nothing is remembered."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from rlvr.verifiers import reasoning_gym, trl

from rlvr.data import Verdict
from rlvr.doctor import as_user
from rlvr.verify import plugin_escapes, pool
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

RIGHTS: dict[str, Callable[[Callable[[], str]], str]] = {"own": lambda attempt: attempt()}
if os.geteuid() == 0:
    RIGHTS["a user's"] = as_user

RUNS = plugin_escapes.VERIFIER


@pytest.fixture
def runs(tmp_path: Path) -> str:
    path = tmp_path / "runs.py"
    path.write_text(RUNS)
    return str(path)


def judged(name: str, *completions: str, **options: Any) -> list[Verdict]:
    with VerifierPool(name, options, workers=1, timeout=5.0) as judges:
        return list(judges.verify((case_problem("right"), text) for text in completions))


@pytest.mark.parametrize("rights", RIGHTS)
def test_nothing_is_reached_changed_or_remembered(rights: str) -> None:
    """At e663de1 the first of these, a server on a path, is reached."""
    assert "withstands" in RIGHTS[rights](plugin_escapes.attempt)


@pytest.mark.parametrize("rights", RIGHTS)
def test_the_attempts_are_real_ones(rights: str) -> None:
    """Outside the sandbox those that only look do work, so that their failure inside says much."""

    def attempt() -> str:
        with plugin_escapes.host() as there:
            programs = plugin_escapes.programs(there)
            worked = []
            for name in LOOKING:
                code = programs[name] + "\nprint(bool(worked))"
                ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
                worked += [name] if ran.stdout == "True\n" else []
        return ",".join(worked)

    assert RIGHTS[rights](attempt) == ",".join(LOOKING)


LOOKING = [
    "reach a server on a path",
    "reach a server without a path",
    "reach a server on loopback",
    "reach a socket of any family",
    "reach a pair of sockets",
    "reach the environment",
    "reach users",
    "reach the host's name",
    "reach processes",
]


@pytest.mark.parametrize("rights", RIGHTS)
def test_a_folder_that_cannot_be_read_is_no_obstacle(
    rights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shut" / "in").mkdir(parents=True)
    (tmp_path / "shut").chmod(0)
    monkeypatch.syspath_prepend(tmp_path / "shut" / "in")
    assert "withstands" in RIGHTS[rights](plugin_escapes.attempt)


def test_a_reason_is_cut_and_cleaned_where_it_is_read(runs: str) -> None:
    said = "'\\x1b]0;x\\x07\\n\\u202e\\ud800' + 900 * 'x'"
    own, through = judged(
        runs,
        f"#\nworked = {said}",
        "#\nimport json, os\n"
        f"data = json.dumps(['correct', {said}, {said}, 0, []]).encode()\n"
        "os.write(3, len(data).to_bytes(4, 'little') + data)\nos._exit(0)",
    )
    for verdict in (own, through):
        assert verdict.extracted is not None and verdict.reason.isprintable()
        assert verdict.extracted.isprintable()
        assert len(verdict.reason) == 500 and len(verdict.extracted) == 200
        json.dumps([verdict.reason, verdict.extracted], ensure_ascii=False).encode()


def test_nothing_of_a_plugins_own_state_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "keeps.py"
    path.write_text(
        "from rlvr.data import Verdict\nISOLATE = True\nSEEN = []\n"
        "def verify(problem, completion):\n"
        "    SEEN.append(completion)\n"
        "    return Verdict('correct' if len(SEEN) == 1 else 'wrong')\n"
    )
    assert {verdict.status for verdict in judged(str(path), *"abcdef")} == {"correct"}


def test_no_process_is_left(runs: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    endless = "#\nimport os\nos.close(3)\nwhile True: pass"
    with VerifierPool(runs, workers=2, timeout=0.5) as judges:
        items = [(case_problem("right"), text) for text in (endless, "right", endless, "no")]
        verdicts = [verdict.status for verdict in judges.verify(items)]
        assert verdicts == ["wrong", "correct", "wrong", "wrong"]
        tree = [one for one in psutil.Process().children(recursive=True) if one not in before]
    gone, alive = psutil.wait_procs(tree, timeout=5)
    assert tree and not alive and set(psutil.Process().children(recursive=True)) <= before


def test_an_item_that_is_killed_from_outside_is_no_fault_of_the_completion(runs: str) -> None:
    killed: list[Any] = []

    def kill() -> None:
        deadline = time.monotonic() + 10
        while not killed and time.monotonic() < deadline:
            for worker in judges._workers:
                for item in psutil.Process(worker.pid).children()[:1]:
                    item.kill()
                    killed.append((worker.pid, item.pid))
            time.sleep(0.02)

    # It ends as what it prints says, unless it is judged to have failed at the kill.
    slow = "#\nimport time\ntime.sleep(1)\nworked = 'it was let be'"
    with VerifierPool(runs, workers=1, timeout=20.0) as judges:
        killer = threading.Thread(target=kill)
        killer.start()
        (verdict,) = judges.verify([(case_problem("right"), slow)])
        killer.join()
        assert killed and judges._workers[0].pid != killed[0][0], "another worker tries once more"
    assert verdict.extracted == "it was let be", verdict


@pytest.mark.parametrize(
    "reply",
    [None, "", "x", "null", "7", '"x"', "[]", "[[[[", "{}", '[1,"",null,0,[]]',
     '["correct","",null,"0",[]]', '["correct","",null,true,[]]', '["correct","",null,NaN,[]]',
     '["correct","",null,0,[1]]', '["correct","",[],0,[]]', '["correct","",null,0]',
     "[" * 99999, "1" * 99999],
)  # fmt: skip
def test_a_reply_that_is_none_is_no_verdict_and_no_traceback(reply: str | None) -> None:
    assert pool._read(reply) is None


def test_a_reply_that_is_one() -> None:
    found = pool._read('["correct","a\\nb","\\u0007",1,[true,false]]')
    assert found == ("correct", Verdict("correct", "a b", " ", 1.0, (True, False)))


# --- verifiers whose items share a process -----------------------------------------------------

SHARING = '''"""Promises that it evaluates nothing, and does when it is told to."""
import os
from rlvr.data import Verdict

ISOLATE = True
SEEN = []

def shares(argument, options):
    return True

def verify(problem, completion):
    SEEN.append(completion)
    problem.reference.append(1)
    if completion.startswith("#"):
        exec(completion, {"here": globals()})
    if completion == "raise":
        raise KeyError("x")
    return Verdict("correct" if completion == "right" else "wrong",
                   f"{os.getpid()} {len(problem.reference)}")
'''


def test_items_share_a_process_until_one_does_more_than_compute(tmp_path: Path) -> None:
    path = tmp_path / "sharing.py"
    path.write_text(SHARING)
    poison = "#\nhere['Verdict'] = lambda *a: here['right']"
    texts = ["no"] * 40 + [poison, "no", "#\nopen('/x')", "no", "raise", *["no"] * 40, "right"]
    problem = case_problem([])
    with VerifierPool(str(path), workers=1) as judges:
        verdicts = list(judges.verify((problem, text) for text in texts))
    assert [verdict.status for verdict in verdicts] == ["wrong"] * (len(texts) - 1) + ["correct"]
    found = [re.fullmatch(r"(\d+) (\d+)", verdict.reason) for verdict in verdicts]
    pids = {match[1] for match in found if match}
    assert len(pids) < 30, "most of them share"
    assert {match[2] for match in found if match} == {"1"}, "each has a reference of its own"


EVALUATING = '''"""Promises that it evaluates numbers alone."""
import os
from rlvr.data import Verdict

ISOLATE = True
COMPILES = r"[0-9]+"

def shares(argument, options):
    return True

def verify(problem, completion):
    reason = f"{os.getpid()} {eval(completion.encode())}"
    return Verdict("correct" if completion == "7" else "wrong", reason)
'''


def test_texts_that_a_module_names_are_evaluated_where_items_share(tmp_path: Path) -> None:
    path = tmp_path / "evaluating.py"
    path.write_text(EVALUATING)
    apart = ["7+1", "print", "(lambda: 7)()", "__import__('os').getpid()", "exec('1')"]
    texts = ["7", *(text for other in apart for text in (other, "7", "5"))]
    verdicts = judged(str(path), *texts)
    assert [verdict.status == "correct" for verdict in verdicts] == [text == "7" for text in texts]
    pids = [verdict.reason.split()[0] for verdict in verdicts]
    for place, text in enumerate(texts):
        if text in apart:  # in a process of its own, though what it asks for is done
            assert pids.count(pids[place]) == 1, text
        elif text == "5":
            assert pids[place] == pids[place - 1], "the two after it share"


TRL_ANSWERS = [r"\boxed{\frac{1}{3}}", r"\boxed{2}", r"\boxed{x^2+1}", "none"]


@pytest.mark.slow
def test_accuracy_reward_that_shares_judges_as_in_a_process_of_its_own(tmp_path: Path) -> None:
    apart = tmp_path / "apart.py"
    own = Path(trl.__file__).read_text()
    assert own.count("return argument in") == 1
    apart.write_text(own.replace("return argument in", "return False and argument in"))
    references = [r"\frac{1}{3}", "$2$", "$x^2 + 1$"]
    boxes = [rf"\boxed{{{text}}}" for text in HOSTILE if len(text) < 1000]
    texts = [text for answer in TRL_ANSWERS for text in (answer, *HOSTILE, *boxes, answer)]
    items = [(case_problem(reference), text) for reference in references for text in texts]
    found = []
    for name in ("trl", str(apart)):
        with VerifierPool(name, timeout=20.0) as judges:
            found.append([verdict.status for verdict in judges.verify(items)])
    assert found[0] == found[1] and found[0].count("correct") == 2 * len(references)


HOSTILE = [
    "", " ", "0", "-1", "1e999", "nan", "[]", "{}", "null", "[[[[[[[[[", "{{{{", "(" * 5000,
    "[" * 3000 + "]" * 3000, "1" * 5000, "\x00", "\ud800", "é☃", "__import__('os').system('x')",
    "<answer></answer>", "<answer>" * 500, "a,b,c" * 500, "True", "None", "[1, 2", "1/0",
    "9" * 400, "[[1]]", '{"a": 1}', "x\n" * 2000, "lambda: 1", "9**9**9**9", "(lambda: exit())()",
    "%s%n", "{0}",
]  # fmt: skip


@pytest.mark.slow
def test_no_dataset_that_shares_remembers_or_leaves_undecided_what_it_was_given() -> None:
    """For each: own answer and near miss, all hostile answers, then the same two once more."""
    gym = reasoning_gym.load_gym()
    items: list[tuple[Any, str]] = []
    names = []
    for name in sorted(gym.factory.DATASETS):
        if name in reasoning_gym.EVALUATES:
            continue
        try:
            (reference, own, _), (_, near, _) = list(reasoning_gym.cases(name, 1))[:2]
        except Exception:
            continue
        names.append(name)
        problem = case_problem(json.loads(reference))
        items += [(problem, text) for text in (own, near, *HOSTILE, own, near)]
    with VerifierPool("reasoning_gym", timeout=20.0) as judges:
        verdicts = list(judges.verify(items))
    size = len(HOSTILE) + 4
    assert len(names) > 85
    for place, name in enumerate(names):
        part = [verdict.status for verdict in verdicts[size * place : size * (place + 1)]]
        assert part[:2] == part[-2:], name
        assert set(part) <= {"correct", "wrong"}, (name, part)
