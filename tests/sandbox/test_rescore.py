"""`rlvr rescore` on a written run: planted errors are found, nothing is judged twice."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from support.command import Call, assert_refused
from support.made_run import config, make_run
from support.runs import files, round_of

from rlvr.data import InputError
from rlvr.records import added, record
from rlvr.report.rescored import by_others
from rlvr.results import rescore as rescore_
from rlvr.results.compare import read_results
from rlvr.results.effects import signed
from rlvr.results.rescore import rescore
from rlvr.results.rescored_tables import said

# Errors are keyed by problem and text: the same in every process and every run.
PLANTED = '''"""Exact match with planted errors, and what an answer of its own may ask for."""
import hashlib, os, time
from rlvr.data import Problem, Verdict

def verify(problem: Problem, completion: str, fpr: float = 0.3, tpr: float = 0.9,
           odd: str = "abstain") -> Verdict:
    time.sleep(float(os.environ.get("PLANTED_SECONDS", 0)))
    if completion == "777" and odd == "raise":
        raise OSError("no disk")
    if completion == "777" and odd == "abstain":
        return Verdict("abstain", "in doubt")
    coin = hashlib.sha256(f"{problem.id}/{completion}".encode()).digest()[0] / 256
    accepted = coin < (tpr if completion == problem.reference else fpr)
    return Verdict("correct" if accepted else "wrong", "planted", completion or None)
'''


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("planted") / "planted.py"
    path.write_text(PLANTED)
    return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    evaluate = {"problems": 50, "samples": 4, "k": [1, 2, 4]}
    of = config(rounds=1, generate={"prompts": 40, "samples": 4}, evaluate=evaluate)
    return make_run(tmp_path_factory.mktemp("rescored") / "run", of)


@pytest.fixture(scope="module")
def before(run: Path) -> dict[str, str]:
    return contents(run)


@pytest.fixture(scope="module")
def found(run: Path, planted: str, before: dict[str, str]) -> dict[str, Any]:
    return rescore(run, planted, workers=1)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a run of one seed, two arms and one round."""
    evaluate = {"problems": 8, "samples": 4, "k": [1, 2, 4]}
    of = config(seeds=[0], rounds=1, arms=["verified", "unfiltered"], evaluate=evaluate)
    return make_run(tmp_path / "run", of)


def contents(folder: Path) -> dict[str, str]:
    found = {name: hashlib.sha256((folder / name).read_bytes()) for name in files(folder)}
    return {name: one.hexdigest() for name, one in found.items() if "rescored/" not in name}


def verdict_of(found: dict[str, Any], arm: str) -> dict[str, Any]:
    (verdict,) = (one for one in found["verdicts"] if one["arm"] == arm)
    return dict(verdict)


def holds(rate: dict[str, Any], truth: float) -> bool:
    low, high = rate["ci95"]
    return bool(low <= truth <= high and high - low < 0.2)


def test_the_runs_own_files_stay_as_they_are(
    run: Path, before: dict[str, str], found: dict[str, Any]
) -> None:
    assert contents(run) == before
    assert found == json.loads((run / "rescored/planted/rescored.json").read_text())


def test_planted_rates_lie_within_their_intervals(found: dict[str, Any]) -> None:
    assert found["completions"] == {"training": 3 * 3 * 160, "held-out": 3 * 4 * 50 * 5}
    whole = [one for one in found["rates"] if one["arm"] is None]
    assert [one["set"] for one in whole] == ["training", "held-out"]
    for one in whole:
        assert holds(one["now"]["tpr"], 0.9) and holds(one["now"]["fpr"], 0.3), one
    pairs = {(one["set"], one["was"], one["now"]): one["n"] for one in found["pairs"]}
    assert sum(pairs.values()) == sum(found["completions"].values())
    accepted = pairs["held-out", "correct", "correct"], pairs["held-out", "wrong", "correct"]
    was = whole[1]["was"]
    assert was["tpr"]["rate"] == pytest.approx(accepted[0] / sum(accepted))
    assert sum(one["n"] for one in found["by_round"]) == sum(pairs.values())


def test_the_command_names_the_flipped_verdict(call: Call, run: Path, planted: str) -> None:
    out = run.with_name("lenient")
    options = ["-O", "fpr=0.98", "-O", "tpr=1.0", "-O", "odd=none"]
    code, said, err = call("rescore", run, "--verifier", planted, "-o", out, *options)
    assert code == 0, err
    found = json.loads((out / "rescored.json").read_text())
    verdict = verdict_of(found, "verified")
    assert verdict["was"]["outcome"] == "growth" and verdict["flipped"]
    assert verdict["now"]["outcome"] == "inconclusive"
    assert verdict["now"]["base"] > 0.97
    assert "The verdict on verified flips: growth" in said and "inconclusive: no room by" in said
    assert f"{out}/rescored.json" in said
    assert "wrong by exact, correct by planted" in said
    assert {one["was"]["status"] for one in found["examples"]} == {"wrong"}
    for one in found["examples"]:
        assert one["completion"] != one["reference"] and one["prompt"].endswith("=")


def test_what_an_arm_would_have_kept(run: Path, found: dict[str, Any]) -> None:
    rows = {(one["arm"], one["round"]): one for one in found["kept"]}
    assert set(rows) == {(arm, 1) for arm in ("verified", "unfiltered", "random")}
    for (arm, round_), one in rows.items():
        parts = run / "rescored/planted"
        places = [round_of(parts, seed, arm, round_) for seed in (0, 1, 2)]
        mine = pd.concat([pd.read_parquet(place / "completions.parquet") for place in places])
        of_kept = mine[mine.kept].status.value_counts()
        assert one["sampled"] == len(mine) and one["kept"] == mine.kept.sum()
        assert one["kept_correct"] == of_kept.get("correct", 0)
        assert one["kept_wrong"] == of_kept.get("wrong", 0)
        assert one["kept_undecided"] == of_kept.get("abstain", 0)
        if arm == "verified":
            assert one["would"] == (mine.status == "correct").sum()
            assert one["both"] == ((mine.status == "correct") & mine.kept).sum()
        if arm == "unfiltered":
            assert one["would"] == one["sampled"] == one["both"]
    # Its control copies the size that the arm would have had, where it has as many completions.
    assert rows["random", 1]["would"] <= rows["verified", 1]["would"]


def test_the_undecided_are_excluded_and_bounded(found: dict[str, Any]) -> None:
    verdict = verdict_of(found, "unfiltered")["now"]
    assert verdict["at_worst"]["delta"] < verdict["delta"] < verdict["at_best"]["delta"]
    assert (
        found["reasons"][0]["reason"] == "in doubt" and found["reasons"][0]["status"] == "abstain"
    )


def test_an_error_is_no_verdict_and_is_judged_again(
    call: Call, small: Path, planted: str, tmp_path: Path
) -> None:
    command = [
        "rescore",
        small,
        "--verifier",
        planted,
        "-O",
        "odd=raise",
        "--out",
        tmp_path / "out",
    ]
    code, said, err = call(*command)
    assert code == 1 and "verdicts are errors" in err and "OSError: no disk" in said
    failed = round_of(tmp_path / "out", 0, "unfiltered", 1) / "completions.parquet"
    whole = round_of(tmp_path / "out", 0, "verified", 1) / "completions.parquet"
    assert "error" in pq.read_table(failed)["status"].to_pylist()
    before = failed.stat().st_mtime_ns, whole.stat().st_mtime_ns
    assert call(*command)[0] == 1
    assert failed.stat().st_mtime_ns > before[0] and whole.stat().st_mtime_ns == before[1]


def test_a_verifier_that_decides_nothing_exits_1_and_says_why(
    call: Call, small: Path, tmp_path: Path
) -> None:
    never = tmp_path / "never.py"
    never.write_text(
        "from rlvr.data import Verdict\n\n\ndef verify(problem, completion):\n"
        "    return Verdict('abstain', 'no reference of mine')\n"
    )
    code, said, err = call("rescore", small, "--verifier", never)
    assert code == 1 and "never decided nothing" in err and "no reference of mine" in said
    found = json.loads((small / "rescored/never/rescored.json").read_text())
    assert verdict_of(found, "verified")["now"]["final"] is None
    for one in found["rates"]:
        assert one["was"]["tpr"]["rate"] is None and one["was"]["tpr"]["at_best"] == 1


def test_only_what_is_missing_or_changed_is_judged(
    small: Path, planted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    first = rescore(small, planted, out, workers=1)
    parts = sorted(out.rglob("*.parquet"))
    parts[0].unlink()
    parts[1].write_bytes(parts[1].read_bytes()[:-100])
    changed = round_of(small, 0, "verified", 1) / "eval.parquet"
    pq.write_table(pq.read_table(changed), changed, compression="none")
    judged: list[Path] = []
    plain = rescore_._verdicts

    def spied(file: Any, *more: Any) -> dict[str, Any]:
        judged.append(file.path)
        return plain(file, *more)

    monkeypatch.setattr(rescore_, "_verdicts", spied)
    assert rescore(small, planted, out, workers=1) == first
    wanted = [small / one.relative_to(out) for one in parts[:2]]
    assert sorted(judged) == sorted([*wanted, changed])
    assert not list(out.rglob(".scratch*")) and not list(out.rglob("*.tmp"))


def test_an_interrupt_keeps_what_is_judged_and_the_command_resumes(
    small: Path, planted: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "rlvr.cli", "rescore", str(small), "--verifier", planted]
    command += ["--workers", "1", "--out", str(out)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PLANTED_SECONDS": "0.03"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not list(out.rglob("eval.parquet")) and process.poll() is None:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == (
        "rlvr: interrupted; the rounds that are judged are kept: the same command resumes\n"
    )
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert kept and not (out / "rescored.json").exists()
    assert rescore(small, planted, out, workers=1)["completions"]["held-out"] == 3 * 8 * 5
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_what_can_not_be_rescored_is_refused(
    call: Call, run: Path, found: object, planted: str, tmp_path: Path
) -> None:
    refused = ["rescore", run, "--verifier"]
    assert_refused(call, ["unknown verifier 'exakt'", "did you mean 'exact'"], *refused, "exakt")
    assert_refused(call, ["no such option", "fpr"], *refused, planted, "-O", "fp=1")
    assert_refused(call, ["not a run folder"], "rescore", tmp_path, "--verifier", "exact")
    words = ["holds verdicts of another verifier", "options {} -> {'fpr': 0.5}", "--out"]
    assert_refused(call, words, *refused, planted, "-O", "fpr=0.5")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"transcription": {}}, "transcription: the training data of such a run"),
        ({"generate": {"prompts": 11, "samples": 4}}, "the task has no problem"),
        ({"model": 5}, "model: this version of rlvr can't read it"),
    ],
)
def test_a_run_that_is_another_now_is_refused(
    small: Path, tmp_path: Path, config: dict[str, object], words: str
) -> None:
    saved = json.loads((small / "config.json").read_text())
    record.write_json(small / "config.json", {**saved, "config": {**saved["config"], **config}})
    with pytest.raises(InputError, match=words):
        rescore(small, "exact", tmp_path / "out", workers=1)
    assert not (tmp_path / "out/rescored.json").exists()


def test_what_was_added_to_a_run_is_judged_and_the_verdict_stays_that_of_its_beginning(
    tmp_path: Path,
) -> None:
    of = config(seeds=[0, 1], arms=["verified", "unfiltered"])
    run = make_run(tmp_path / "run", of)
    saved = json.loads((run / "config.json").read_text())
    whole = added.extent(saved["config"], {}, 1)
    began = saved["config"] | {"rounds": 1, "seeds": [0], "arms": saved["config"]["arms"][:1]}
    entries = added.as_json([whole])
    record.write_json(run / "config.json", {"config": began, "hash": saved["hash"], **entries})
    found = rescore(run, "exact", workers=1)
    assert found["rule"]["round"] == 1
    assert [one["arm"] for one in found["verdicts"]] == ["verified"]
    assert found["completions"] == {"training": 2 * 2 * 2 * 48, "held-out": 2 * 5 * 20 * 5}
    rows = [(one["arm"], one["round"]) for one in found["kept"]]
    assert rows == [("verified", 1), ("verified", 2), ("unfiltered", 1), ("unfiltered", 2)]


def test_problems_that_are_not_those_of_the_run_are_refused(small: Path) -> None:
    sealed = {"sealed": {"data": {"problems of seed 0": "0" * 64}}}
    record.write_json(small / "manifest.json", sealed)
    with pytest.raises(InputError, match="another data: problems of seed 0"):
        rescore(small, "exact", workers=1)
    assert not (small / "rescored").exists()


def test_a_record_of_figures_alone_has_nothing_to_rescore(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "run"
    mine.mkdir()
    for name in ("config.json", "metrics.parquet"):
        shutil.copy(run / name, mine)
    with pytest.raises(InputError, match="no completions in it"):
        rescore(mine, "exact", workers=1)
    assert files(mine) == {"config.json", "metrics.parquet"}


def test_the_report_shows_what_both_verifiers_say(run: Path, found: dict[str, Any]) -> None:
    (other,) = by_others(read_results(run))
    assert other.name == "planted" and list(other.said) == list(said(found))
    tables = {one.title: one for one in other.tables}
    assert {"exact, with planted as truth", "planted, with exact as truth"} <= tables.keys()
    ruled = tables["pass@1 at round 1 by either verifier, the run's rule"]
    assert ruled.rows[0] == ("verified",)
    rows = itertools.takewhile(lambda row: len(row) > 1, ruled.rows[1:])
    deltas = {row[0].strip(): row[3] for row in rows}
    verdict = verdict_of(found, "verified")
    for name, side in (("exact", "was"), ("planted", "now")):
        assert deltas[name] == signed(verdict[side]["delta"])
    by_round = [row for row in tables["disagreements by arm and round"].rows if len(row) > 1]
    counted = sum(int(row[1].replace(",", "")) for row in by_round)
    assert counted == sum(found["completions"].values())
    pairs = {(one["was"], one["now"]): 0 for one in found["pairs"]}
    for one in found["pairs"]:
        pairs[one["was"], one["now"]] += one["n"]
    only = [sum(int(row[at].replace(",", "")) for row in by_round) for at in (2, 3)]
    assert only == [pairs["correct", "wrong"], pairs["wrong", "correct"]]
    shown = tables["completions on which they disagree"].rows
    assert [row[3] for row in shown] == [one["completion"] for one in found["examples"]]


def test_the_report_says_what_is_older_than_the_run_and_refuses_what_is_damaged(
    small: Path,
) -> None:
    rescore(small, "exact", workers=1)
    path = small / "rescored/exact/rescored.json"
    older = json.loads(path.read_text())
    older["verdicts"][0]["was"]["outcome"] = "growth"
    path.write_text(json.dumps(older))
    (other,) = by_others(read_results(small))
    assert other.said[0].startswith("It is older than the figures above")
    path.write_text("[]")
    with pytest.raises(InputError, match="rescored.json: not what `rlvr rescore` writes"):
        by_others(read_results(small))
