"""Reasoning Gym's scorers as a verifier: every dataset, and what an answer can't do to us."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from rlvr.verifiers import reasoning_gym as evaluating

from rlvr.data import InputError
from rlvr.verify.check import check
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem, load_verifier

DOCS = Path(__file__).parents[2] / "docs"
PINS = Path(__file__).parents[2] / "requirements" / "cpu.txt"


@pytest.mark.slow  # all 106 datasets, in a process of its own
def test_every_dataset_is_as_the_document_says(tmp_path: Path) -> None:
    """All of them: own answers get full marks, near misses less; the rest have a reason."""
    command = [sys.executable, str(DOCS / "make_reasoning_gym.py"), str(tmp_path / "page.md")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    page = (tmp_path / "page.md").read_text()
    assert page == (DOCS / "reasoning-gym.md").read_text(), f"write it again: {command[:2]}"
    found = re.search(r"Of (\d+) datasets, (\d+) work", page)
    assert found is not None and int(found[1]) == 106 and int(found[2]) >= 100


def test_every_sixth_dataset_works_as_the_document_says() -> None:
    page = (DOCS / "reasoning-gym.md").read_text()
    _, _, working = page.partition("## Those that work\n")
    names = re.findall(r"`(\w+)`", working)[::6]
    items = [case for name in names for case in evaluating.cases(name, 1)]
    assert len(names) >= 16 and {status for *_, status in items} == {"correct", "wrong"}
    with VerifierPool("reasoning_gym", {"evaluates": "allowed"}, timeout=30.0) as judges:
        found = judges.verify((case_problem(reference), text) for reference, text, _ in items)
        assert [verdict.status for verdict in found] == [status for *_, status in items]


@lru_cache
def pool(threshold: float, evaluates: str) -> VerifierPool:
    """One pool for the whole module: it ends with this process."""
    options = {"threshold": threshold, "evaluates": evaluates}
    return VerifierPool("reasoning_gym", options, workers=1, timeout=20.0)


def judged(
    reference: Any, completion: str, threshold: float = 1.0, evaluates: str = "refused"
) -> Any:
    (verdict,) = pool(threshold, evaluates).verify([(case_problem(reference), completion)])
    return verdict


def entry(dataset: str, answer: str = "", **metadata: Any) -> dict[str, Any]:
    return {"question": "", "answer": answer, "metadata": metadata | {"source_dataset": dataset}}


def test_by_name_and_by_the_entrys_own_source() -> None:
    legs = entry("leg_counting", "22")
    verdict = judged(legs, "so <answer> 22 </answer>")
    assert (verdict.status, verdict.extracted, verdict.reason) == ("correct", "22", "score 1")
    named = load_verifier("reasoning_gym:leg_counting")
    assert named.verify(case_problem(legs | {"metadata": {}}), "22").status == "correct"
    assert named.version != load_verifier("reasoning_gym").version and named.isolate


def test_partial_scores_are_wrong_unless_the_threshold_says_otherwise() -> None:
    queens, half = entry("n_queens", "Q _", valid_answers=["Q _"]), "[['Q', '_']]"
    assert judged(queens, half, evaluates="allowed").reason == "score 0.5"
    assert judged(queens, half, evaluates="allowed").status == "wrong"
    assert judged(queens, half, 0.5, "allowed").status == "correct"


def test_a_scorer_that_evaluates_is_refused_unless_that_is_asked_for(call: Any) -> None:
    queens = entry("n_queens", "Q", valid_answers=["Q"])
    assert judged(queens, "Q").status == "abstain"
    assert "evaluates: allowed" in judged(queens, "Q").reason
    assert judged(queens, "Q", evaluates="allowed").status == "correct"
    for name in evaluating.EVALUATES:
        with pytest.raises(InputError, match="say evaluates: allowed"):
            VerifierPool(f"reasoning_gym:{name}", workers=1)
    Path("lines.jsonl").write_text(json.dumps(queens | {"completion": "Q"}) + "\n")
    arguments = ("score", "lines.jsonl", "--verifier", "reasoning_gym:n_queens")
    code, out, err = call(*arguments)
    assert code == 2 and out == "" and len(err.strip().splitlines()) <= 3 and "allowed" in err
    code, out, err = call(*arguments, "-O", "evaluates=allowed")
    assert code == 0 and json.loads(out)["status"] == "correct", err


def test_zebra_puzzles_are_scored_without_what_makes_them() -> None:
    assert judged(entry("zebra_puzzles", "carol"), "carol").status == "correct"
    assert judged(entry("zebra_puzzles", "carol"), "peter").status == "wrong"


def test_an_answer_that_makes_the_scorer_raise_is_wrong_and_an_entry_that_does_abstains() -> None:
    verdict = judged(entry("prime_factorization", "2 × 3", number=6), "2 × two")
    assert verdict.status == "wrong" and "ValueError" in verdict.reason
    verdict = judged(entry("knight_swap", "[1]"), "[2]")
    assert verdict.status == "abstain" and "does no better" in verdict.reason


@pytest.mark.parametrize("reference", ["22", 22, None, [], "[]", '{"answer": 1}', {"metadata": 3}])
def test_a_reference_that_is_no_entry(reference: Any) -> None:
    assert judged(reference, "22").status == "abstain"


def test_names_that_are_not_there() -> None:
    with pytest.raises(InputError, match="no dataset 'leg_countin', did you mean 'leg_counting'"):
        load_verifier("reasoning_gym:leg_countin")
    with pytest.raises(InputError, match="gives no answers of its own"):
        check("reasoning_gym:boxnet")
    assert judged(entry("leg_countin", "1"), "1").status == "abstain"


def test_an_answer_that_is_a_program_touches_nothing(tmp_path: Path) -> None:
    """This scorer evaluates the answer: it happens where nothing of ours can be written."""
    target = Path(__file__).parent / "touched-by-an-answer"
    hostile = f"open({str(target)!r}, 'w').write('x') or [[1]]"
    try:
        queens = entry("n_queens", "Q", valid_answers=["Q"])
        verdict = judged(queens, hostile, evaluates="allowed")
        assert verdict.status == "wrong" and not target.exists()
    finally:
        target.unlink(missing_ok=True)


def test_a_file_of_entries_is_scored_as_it_stands(tmp_path: Path) -> None:
    from rlvr.verify.score import score_file

    lines = [entry("leg_counting", "22") | {"completion": text} for text in ("22", "23")]
    path = tmp_path / "entries.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    tally = score_file(path, "reasoning_gym:leg_counting", tmp_path / "out.jsonl", workers=1)
    assert tally.statuses == {"correct": 1, "wrong": 1}


ON_THE_PINS_ALONE = """
import importlib, importlib.metadata, re, sys
plain = lambda name: re.sub("[-_.]+", "-", name).lower()
pins = {plain(name) for name in re.findall(r"^([\\w.-]+)==", open(sys.argv[1]).read(), re.M)}
owners = importlib.metadata.packages_distributions()
class Only:
    def find_spec(self, name, path=None, target=None):
        found = {plain(owner) for owner in owners.get(name.partition(".")[0], [])}
        if found and not found & (pins | {"rlvr", "torch"}):
            raise ModuleNotFoundError(f"{name} is not pinned", name=name)
sys.meta_path.insert(0, Only())
plugin = importlib.import_module("rlvr.verifiers.reasoning_gym")
gym = plugin.load_gym()
for name in gym.factory.DATASETS:
    if name not in ("composite", "zebra_puzzles"):
        dataset = gym.create_dataset(name, seed=1, size=1)
        dataset.score_answer(dataset[0]["answer"], dataset[0])
        plugin._scorer(name)
print("all")
"""


def test_every_dataset_runs_on_the_pins_alone() -> None:
    command = [sys.executable, "-c", ON_THE_PINS_ALONE, str(PINS)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.endswith("all\n"), ran.stderr[-2000:]
