"""The loader and the pool: order, deadlines, deaths, memory, orphans, load."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import InputError, Problem, RunError, Verdict
from rlvr.verify.check import check
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem, load_verifier

PLUGIN = '''"""A plugin for the tests: what it does is what the completion says."""
import os, time
from rlvr.data import Verdict

def verify(problem, completion, note=""):
    word, _, rest = completion.partition(" ")
    if word == "hang":
        while True:
            pass
    if word == "sleep":
        time.sleep(float(rest))
    if word == "die":
        os._exit(3)
    if word == "die-once" and not os.path.exists(rest):
        open(rest, "w").close()
        os._exit(3)
    if word == "raise":
        raise KeyError("broken")
    if word == "bool":
        return True
    if word == "eat":
        hoard = []
        while True:
            hoard.append(bytearray(10_000_000))
    if word == "burn":
        end = time.thread_time() + float(rest)
        while time.thread_time() < end:
            pass
    if word == "print":
        print("noise")
    if word == "pid":
        return Verdict("correct", str(os.getpid()))
    if word == "messages":
        return Verdict("correct", repr(problem.messages))
    if word == "number":
        return Verdict("correct", "", 42)
    return Verdict("correct" if word in str(problem.reference) else "wrong", note, completion)

CASES = [("ok", "ok", "correct"), ("ok", "no", "wrong")]
'''


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN)
    return f"{path}:verify"


def statuses(pool: VerifierPool, completions: list[str]) -> list[str]:
    items = [(case_problem("ok"), completion) for completion in completions]
    return [verdict.status for verdict in pool.verify(items)]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_dead(pids: list[int], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(map(alive, pids)):
            return True
        time.sleep(0.02)
    return False


def test_check_reports_a_failing_case(tmp_path: Path) -> None:
    path = tmp_path / "lax.py"
    path.write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n    return Verdict('correct')\n"
        "CASES = [('1', '2', 'wrong')]\n"
    )
    (line,) = check(str(path))
    assert "expected wrong, got correct" in line


def test_headlines_come_without_an_import() -> None:
    code = (
        "import sys; from rlvr.verify.plugins import available; found = available('verifier'); "
        "assert found['exact'] and not {'rlvr.verifiers.math', 'sympy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown verifier 'exat', did you mean 'exact'"):
        load_verifier("exat")
    with pytest.raises(InputError, match="no such file"):
        load_verifier("nowhere.py:verify")


def test_plugin_by_path(plugin: str) -> None:
    loaded = load_verifier(plugin)
    assert loaded.verify(case_problem("ok"), "ok") == Verdict("correct", "", "ok")
    assert len(loaded.version) == 12
    with pytest.raises(InputError, match="no function 'other'"):
        load_verifier(plugin.replace(":verify", ":other"))


def test_an_import_error_in_a_plugin_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_package_here\n")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_package_here"):
            load_verifier(str(path))


def test_version_follows_the_helpers_too() -> None:
    assert load_verifier("math").version != load_verifier("exact").version


def test_order_is_kept_and_the_source_is_streamed(plugin: str) -> None:
    drawn = 0

    def source() -> Iterator[tuple[Problem, str]]:
        nonlocal drawn
        for index in range(100_000):
            drawn += 1
            yield case_problem("ok"), f"n{index}" if index != 50 else "sleep 0.5"

    with VerifierPool(plugin, {"note": "seen"}, workers=2) as pool:
        for index, verdict in enumerate(pool.verify(source())):
            assert verdict.extracted == (f"n{index}" if index != 50 else "sleep 0.5")
            assert verdict.reason == "seen"
            assert drawn - index < 40_000
    assert drawn == 100_000


def test_what_comes_in_parts_is_judged_meanwhile(plugin: str) -> None:
    drawn = 0

    def source() -> Iterator[tuple[Problem, str] | None]:
        nonlocal drawn
        yield None
        for index in range(40):
            drawn += 1
            yield case_problem("ok sleep"), "hang" if index == 3 else "sleep 0.02"
            if index % 4 == 3:
                yield None
                time.sleep(0.005)

    with VerifierPool(plugin, workers=1, timeout=0.5) as pool:
        verdicts = pool.verify(source())
        assert next(verdicts).status == "correct" and drawn < 40
        assert [next(verdicts).status for _ in range(2)] == ["correct"] * 2
        assert next(verdicts).status == "wrong"
        assert drawn == 40, "who makes the items does not wait for who judges them"
        assert [verdict.status for verdict in verdicts] == ["correct"] * 36
        assert list(pool.verify([None, None])) == []


def test_a_verifier_sees_the_whole_problem(plugin: str) -> None:
    said = (("system", "Be brief."), ("user", "1+1?"))
    problem = replace(case_problem("ok"), messages=said)
    with VerifierPool(plugin, {}, workers=1) as pool:
        [verdict] = pool.verify([(problem, "messages")])
    assert verdict.reason == repr(said)


def test_an_answer_that_is_no_text_is_the_verifier_s_error_and_named(plugin: str) -> None:
    with VerifierPool(plugin, {}, workers=1) as pool:
        asked = [(case_problem("ok"), text) for text in ("number", "ok")]
        wrong, right = pool.verify(asked)
    assert wrong.status == "error" and "extracted" in wrong.reason and "42" in wrong.reason
    assert right.status == "correct"


def test_a_hang_is_killed_and_pinned(plugin: str) -> None:
    with VerifierPool(plugin, workers=2, timeout=0.5) as pool:
        completions = ["ok"] * 500
        completions[137] = completions[400] = "hang"
        items = [(case_problem("ok"), completion) for completion in completions]
        begun = time.monotonic()
        verdicts = list(pool.verify(items))
        assert time.monotonic() - begun < 30
        late = [index for index, verdict in enumerate(verdicts) if verdict.status == "wrong"]
        assert late == [137, 400]
        assert verdicts[137].reason == "ran out of time (0.5 s)"
        assert sum(verdict.status == "correct" for verdict in verdicts) == 498


def test_a_hang_is_noticed_while_others_are_busy(plugin: str) -> None:
    """The hang comes first: if only quiet moments were looked at, it would block the window."""
    with VerifierPool(plugin, workers=2, timeout=0.5) as pool:
        completions = ["hang", *["sleep 0.01"] * 300]
        items = [(case_problem("ok sleep"), completion) for completion in completions]
        begun = time.monotonic()
        verdicts = pool.verify(items)
        assert next(verdicts).status == "wrong"
        first = time.monotonic() - begun
        assert all(verdict.status == "correct" for verdict in verdicts)
        assert first < 0.7 * (time.monotonic() - begun)  # no seconds: a slow machine slows both


def test_an_item_without_a_verdict_long_after_its_time_is_retried_then_an_error(
    tmp_path: Path,
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import os, time\n"
        "from rlvr.data import Verdict\n"
        "DEADLINE = 'own'\n"
        "def verify(problem, completion):\n"
        "    if completion == 'stuck' or completion == 'once' and not os.path.exists(\n"
        f"        {str(tmp_path / 'mark')!r}\n"
        "    ):\n"
        f"        open({str(tmp_path / 'mark')!r}, 'w').close()\n"
        "        time.sleep(60)\n"
        "    return Verdict('correct', '')\n"
        "CASES = [('ok', 'ok', 'correct')]\n"
    )
    with VerifierPool(str(path), workers=1) as pool:
        pool.wall_cap = 1.0
        completions = ["once", "ok", "stuck", "ok"]
        verdicts = list(pool.verify((case_problem("ok"), text) for text in completions))
    assert [one.status for one in verdicts] == ["correct", "correct", "error", "correct"]
    assert verdicts[2].reason == "no verdict in 1 s of wall time"


def test_a_death_is_retried_then_an_error(plugin: str, tmp_path: Path) -> None:
    with VerifierPool(plugin, workers=2) as pool:
        completions = ["ok"] * 300
        completions[7], completions[8], completions[200] = (
            "die",
            f"die-once {tmp_path / 'mark'}",
            "raise",
        )
        items = [(case_problem("ok die-once"), completion) for completion in completions]
        verdicts = list(pool.verify(items))
    bad = {index: verdict for index, verdict in enumerate(verdicts) if verdict.status != "correct"}
    assert {index: verdict.status for index, verdict in bad.items()} == {7: "error", 200: "error"}
    assert "died" in bad[7].reason
    line = PLUGIN.splitlines().index('        raise KeyError("broken")') + 1
    assert bad[200].reason == f"KeyError: 'broken' (mine.py:{line})"


def test_what_is_no_verdict_is_an_error_that_says_what_to_return(plugin: str) -> None:
    items = [(case_problem("ok"), completion) for completion in ("bool", "number", "ok")]
    with VerifierPool(plugin, workers=1) as pool:
        returned, number, fine = pool.verify(items)
    assert (returned.status, number.status, fine.status) == ("error", "error", "correct")
    assert 'verify returned a bool: return Verdict("correct")' in returned.reason
    assert "extracted 42: the first must be text, the second text or None" in number.reason


def test_a_memory_bomb_is_wrong(plugin: str) -> None:
    with VerifierPool(plugin, workers=1, memory_mb=200) as pool:
        assert statuses(pool, ["ok", "eat", "ok"]) == ["correct", "wrong", "correct"]


BLAMING = '''"""A plugin whose candidate, reference or both do what their text says."""
import os, time
from rlvr.data import Verdict

def act(text):
    if text == "hang":
        time.sleep(60)
    if text == "eat":
        raise MemoryError
    if text == "raise":
        raise KeyError("broken")
    if text == "die":
        os.kill(os.getpid(), 11)
        os.abort()

def verify(problem, completion):
    act(problem.reference)
    act(completion)
    if "abstain" in (completion, problem.reference):
        return Verdict("abstain", "no idea")
    return Verdict("correct" if completion == problem.reference else "wrong")
'''
BLAMED = {
    # (reference, completion): trusted, isolated
    ("ok", "hang"): ("wrong", "wrong"),
    ("ok", "eat"): ("wrong", "wrong"),
    ("hang", "ok"): ("abstain", "abstain"),
    ("eat", "ok"): ("abstain", "abstain"),
    ("ok", "raise"): ("error", "wrong"),
    ("raise", "ok"): ("error", "abstain"),
    ("ok", "die"): ("error", "wrong"),
    ("die", "ok"): ("error", "abstain"),
    # A trusted verifier may have its doubts; of an isolated one a completion could have said so.
    ("ok", "abstain"): ("abstain", "wrong"),
    ("abstain", "ok"): ("abstain", "abstain"),
    ("ok", "ok"): ("correct", "correct"),
    ("ok", "no"): ("wrong", "wrong"),
}


@pytest.mark.parametrize("isolated", [False, True])
def test_whose_fault_it_is_is_found_by_a_harmless_completion(
    tmp_path: Path, isolated: bool
) -> None:
    path = tmp_path / "blaming.py"
    path.write_text(BLAMING + f"\nISOLATE = {isolated}\n")
    with VerifierPool(str(path), workers=2, timeout=1.0) as pool:
        items = [(case_problem(reference), completion) for reference, completion in BLAMED]
        verdicts = dict(zip(BLAMED, pool.verify(items), strict=True))
    found = {key: verdict.status for key, verdict in verdicts.items()}
    assert found == {key: expected[isolated] for key, expected in BLAMED.items()}
    assert verdicts["ok", "hang"].reason == "ran out of time (1 s)"
    assert verdicts["hang", "ok"].reason.startswith("a harmless completion does no better")


MINE = """import functools, time
from rlvr.data import Verdict
held = []
@functools.cache
def load():
    time.sleep(1.5)
def hang():
    while True:
        pass
def verify(problem, completion):
    {does}
    return Verdict("correct")
CASES = [("first", "ok", "correct")]
"""


def judged(folder: Path, does: str, n: int, **options: Any) -> list[str]:
    """Return the statuses of n completions by a verifier that does something at each verdict."""
    path = folder / "mine.py"
    path.write_text(MINE.format(does=does))
    with VerifierPool(str(path), **options) as pool:
        return [verdict.status for verdict in pool.verify([(case_problem("ok"), "ok")] * n)]


def test_what_earlier_verdicts_hold_is_not_the_completions_memory(tmp_path: Path) -> None:
    """A cache that grows by 16 MiB a verdict fills 256 MiB: a new worker goes on."""
    found = judged(tmp_path, "held.append(bytearray(16 * 2**20))", 50, workers=2, memory_mb=256)
    assert found == ["correct"] * 50


def test_what_a_verifier_loads_at_its_first_verdict_is_no_items_time(tmp_path: Path) -> None:
    assert judged(tmp_path, "load()", 3, workers=1, timeout=0.5) == ["correct"] * 3


def test_a_first_case_that_never_ends_holds_up_no_run(tmp_path: Path) -> None:
    does = "hang() if problem.reference == 'first' else None"
    assert judged(tmp_path, does, 3, workers=1, timeout=0.1) == ["correct"] * 3


def test_a_server_that_dies_in_the_midst_is_said_to(plugin: str) -> None:
    with VerifierPool(plugin, workers=1) as pool:
        assert statuses(pool, ["ok"]) == ["correct"]
        pool._server.kill()
        with pytest.raises(RunError, match="ended in the midst of its work, with code -9"):
            statuses(pool, ["die"])


def test_a_chatty_verifier_leaves_stdout_alone(plugin: str) -> None:
    code = (
        "from rlvr.verify.pool import VerifierPool; from rlvr.verify.verifier import case_problem\n"
        f"with VerifierPool({plugin!r}, workers=1) as pool:\n"
        "    print([v.status for v in pool.verify([(case_problem('print'), 'print')])])\n"
    )
    # From stdin, with no main guard: the workers must not import the caller's __main__.
    done = subprocess.run(
        [sys.executable, "-"], input=code, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "['correct']\n", done.stderr


def test_a_pool_can_be_used_again_after_an_abandoned_run(plugin: str) -> None:
    with VerifierPool(plugin, workers=2) as pool:
        for verdict in pool.verify((case_problem("ok"), f"n{index}") for index in range(100_000)):
            assert verdict.extracted == "n0"
            break
        assert statuses(pool, ["ok", "no"]) == ["correct", "wrong"]
        assert list(pool.verify([])) == []


def test_close_leaves_no_process(plugin: str) -> None:
    with VerifierPool(plugin, workers=2) as pool:
        items = [(case_problem("ok"), "pid") for _ in range(2000)]
        pids = [*{int(verdict.reason) for verdict in pool.verify(items)}, pool._server.pid]
    assert wait_dead(pids)


def test_a_killed_parent_leaves_no_process(plugin: str) -> None:
    code = (
        "import sys; from rlvr.verify.pool import VerifierPool\n"
        "from rlvr.verify.verifier import case_problem\n"
        f"pool = VerifierPool({plugin!r}, workers=2, timeout=60)\n"
        "items = [(case_problem('ok'), 'pid'), (case_problem('ok'), 'hang')] * 50\n"
        "stream = pool.verify(items)\n"
        "print(next(stream).reason, pool._server.pid, *[w.pid for w in pool._workers], "
        "flush=True)\n"
        "next(stream)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) >= 3 and all(map(alive, pids))
        time.sleep(0.3)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    assert wait_dead(pids)


def test_load_does_not_turn_verdicts(plugin: str) -> None:
    """Items of 0.3 s, a deadline of 1 s, and busy processes that stretch them well past it."""
    cores = len(os.sched_getaffinity(0))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(5 * cores)]
    try:
        with VerifierPool(plugin, workers=cores, timeout=1.0) as pool:
            items = [(case_problem("burn"), "burn 0.3")] * (2 * cores)
            verdicts = list(pool.verify(items))
    finally:
        for process in busy:
            process.kill()
        for process in busy:
            process.wait()
    assert max(verdict.seconds for verdict in verdicts) > 1.0, "the load did not bite"
    assert [verdict.status for verdict in verdicts] == ["correct"] * len(items)


def test_a_plugin_that_breaks_only_in_the_server_is_a_run_error(tmp_path: Path) -> None:
    path = tmp_path / "picky.py"
    path.write_text(
        "import sys\nfrom rlvr.data import Verdict\n"
        "assert 'pytest' in sys.modules\n"
        "def verify(problem, completion):\n    return Verdict('correct')\n"
    )
    with VerifierPool(str(path), workers=1) as pool, pytest.raises(RunError, match="did not start"):
        list(pool.verify([(case_problem("1"), "1")]))
