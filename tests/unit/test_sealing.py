"""A run is held to the verifier, task, data and rule that it was recorded under."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rlvr.config import Config, load, resolved
from rlvr.data import InputError, Problem
from rlvr.loop import preflight, runner, sealing
from rlvr.loop.progress import Display
from rlvr.loop.units import Job, units
from rlvr.models import loading
from rlvr.records import record, seals
from rlvr.records.collected import Collected, seeds_of
from rlvr.records.layout import Place
from rlvr.verify import content
from rlvr.verify.tasks import draw_problems

CONFIG = """
name: sealed
model: tiny-0.1m
task: {name: qa, path: data.jsonl}
verifier: mine.py
seeds: [0, 1]
rounds: 1
arms: [verified]
generate: {prompts: 4, samples: 2, max_tokens: 4}
evaluate: {problems: 4, samples: 2, k: [1]}
"""
VERIFIER = """
from rlvr.data import Verdict
import near
def verify(problem, completion):
    return Verdict(near.WORD if completion == problem.reference else "wrong")
"""
TASK = """
from rlvr.tasks.addition import problems
VERIFIER = "exact"
"""
ROUNDS = [Place(0, "base", 0), Place(0, "verified", 1)]  # seed 1 is still to come


class Notes(Display):
    """A display that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True), "", 0, 0)
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a config, a verifier, a task and data of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(preflight, "check_model", lambda *given: 64)  # a second, each time
    Path("config.yaml").write_text(CONFIG)
    Path("mine.py").write_text(VERIFIER)
    Path("near.py").write_text("WORD = 'correct'\n")
    Path("task.py").write_text(TASK)
    lines = [{"problem": f"What is {i} plus {i}?", "answer": str(2 * i)} for i in range(90)]
    Path("data.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def prepare(*overrides: str) -> Job:
    """Do what `rlvr run` does before it writes anything."""
    return runner.prepare(load(Path("config.yaml"), overrides), Path("run"), "config.yaml")


def begin(*overrides: str, rounds: list[Place] = ROUNDS) -> list[str]:
    """Begin the run, or go on with it, and record rounds; return what was said of the record."""
    job, display = prepare(*overrides), Notes()
    hashes = sealing.hashes(job.config_hash, job.seal)
    with runner._begun(job, display):
        write_rounds(job, rounds, hashes)
        record.write_metrics(job.folder)
    of_data = ("rows:", "problems there:", "fewer:")
    said = [line for line in display.said if not line.startswith(of_data)]
    return [line for line in said if "without a warm start" not in line]


def write_rounds(job: Job, rounds: list[Place], hashes: dict[str, str]) -> None:
    for place in rounds:
        folder = place.folder(job.folder)
        row = {"metric": "pass@1", "level": "all", "value": 0.5, "n": 4}
        where = {"seed": place.seed, "arm": place.arm, "round": place.round}
        record.write_json(folder / "sealed.json", hashes)
        record.write_json(folder / "metrics.json", [{**where, **row}])
        record.write_sums(folder)


def contents() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}


def refused(*overrides: str) -> str:
    """The same command must be refused before anything is written; return its words."""
    before = contents()
    with pytest.raises(InputError) as failure:
        prepare(*overrides)
    assert contents() == before
    said = str(failure.value)
    assert "\n" not in said and "rescore" not in said
    return said


@pytest.mark.parametrize(
    ("file", "kind"), [("mine.py", "verifier"), ("near.py", "verifier"), ("data.jsonl", "data")]
)
def test_what_is_edited_between_two_seeds_is_refused(here: Path, file: str, kind: str) -> None:
    assert begin() == []
    prepare()  # as it is, it goes on
    old = content._sum(file)
    text = Path(file).read_text()
    edited = {"mine.py": text + "# edited\n", "near.py": "WORD = 'wrong'\n"}
    Path(file).write_text(edited.get(file, text.replace("What", "How much")))
    said = refused()
    assert f"run: recorded under another {kind}: {file} ({old[:12]} -> " in said
    assert content._sum(file)[:12] in said and "put it back" in said and "--out" in said
    Path(file).write_text(text)
    prepare()


def test_a_model_of_ones_own_is_held_too(here: Path) -> None:
    loading.make_tiny("tiny-0.1m", 0, Path("mine"))
    job = prepare("model=./mine")
    assert begin("model=./mine") == []
    assert job.seal["model"].keys() == {"./mine"}
    loading.make_tiny("tiny-0.1m", 1, Path("mine"))
    assert "recorded under another model: ./mine (" in refused("model=./mine")
    loading.make_tiny("tiny-0.1m", 0, Path("mine"))
    prepare("model=./mine")


def test_a_model_of_the_hub_is_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = tmp_path / "models--org--name" / "snapshots" / "12ab"
    there.mkdir(parents=True)
    monkeypatch.setattr(loading, "source", lambda name, where: there)
    assert loading.version("org/name", "c.yaml") == "12ab"
    assert loading.version("tiny-0.1m", "c.yaml") == ""


def test_a_task_of_ones_own_is_held_too(here: Path) -> None:
    own = CONFIG.replace("{name: qa, path: data.jsonl}", "task.py").replace("mine.py", "exact")
    Path("config.yaml").write_text(own)
    begin()
    Path("task.py").write_text(TASK + "# edited\n")
    said = refused()
    assert "another task: task.py (" in said and "another data" not in said


def test_problems_that_are_drawn_otherwise_are_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a hub dataset is another one now: no file of the config has changed."""
    begin()

    def others(*given: Any) -> list[Problem]:
        return draw_problems(*given)[::-1]

    monkeypatch.setattr("rlvr.loop.problems.draw_problems", others)
    assert "another data: problems of seed 0 (" in refused()


def edit_margin(margin: float, hashed: bool) -> None:
    path = Path("run/config.json")
    saved = json.loads(path.read_text())
    saved["config"]["verdict"]["margin"] = margin
    if hashed:
        saved["hash"] = record.digest(record.deciding(saved["config"]))
    path.write_text(json.dumps(saved))


@pytest.mark.parametrize("hashed", [False, True])
def test_a_margin_edited_by_hand_and_given_as_an_override_is_refused(
    here: Path, hashed: bool
) -> None:
    begin()
    edit_margin(0.001, hashed)
    said = refused("verdict.margin=0.001")
    assert "run/config.json: edited since " in said and "verdict.margin 0.05 -> 0.001" in said
    assert ("seed 0, base was recorded" in said) == hashed
    assert "differing: verdict.margin (0.001 -> 0.05)" in refused()


def test_the_manifest_is_the_first_commands_and_later_ones_are_added(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin()
    first = json.loads(Path("run/manifest.json").read_text())
    assert first["sealed"]["verifier"].keys() >= {"mine.py", "near.py", "rlvr.verify.pool"}
    assert first["sealed"]["data"].keys() == {
        "data.jsonl", "problems of seed 0", "problems of seed 1"
    }  # fmt: skip
    monkeypatch.setattr(preflight, "_commit", lambda: "another")
    for _ in range(2):
        begin(rounds=[])
    later = json.loads(Path("run/manifest.json").read_text())
    (added,) = later.pop("later")
    assert later == first and added["commit"] == "another"


def old_record() -> None:
    """Take the hashes out of a record: as it was before rounds were sealed."""
    for path in Path("run").rglob("sealed.json"):
        path.unlink()
        record.write_sums(path.parent)
    manifest = json.loads(Path("run/manifest.json").read_text())
    del manifest["sealed"]
    record.write_json(Path("run/manifest.json"), manifest)


def test_a_record_without_hashes_is_gone_on_with_and_held_from_then_on(here: Path) -> None:
    begin()
    old_record()
    Path("mine.py").write_text(VERIFIER + "# edited\n")
    (said,) = begin(rounds=[Place(1, "base", 0)])
    assert "2 rounds have no hashes of verifier, task and data" in said
    groups = seals.read(Path("run")).groups
    assert [(bool(one.hashes), one.rounds, one.first) for one in groups] == [
        (True, 1, "seed 1, base"), (False, 2, "seed 0, base"),
    ]  # fmt: skip
    Path("mine.py").write_text(VERIFIER)
    assert "another verifier: mine.py (" in refused()


def test_rounds_are_held_to_where_the_manifest_is_gone_or_damaged(here: Path) -> None:
    begin()
    Path("run/manifest.json").write_text("{")
    prepare()
    Path("near.py").write_text("WORD = 'wrong'\n")
    assert "run: seed 0, base was recorded under another verifier (" in refused()
    Path("run/seed-0/base/sealed.json").write_text("{")  # repair recreates that round
    assert "run: seed 0, verified, round 1 was recorded under another verifier (" in refused()


def test_a_config_that_lacks_keys_which_came_later_stays_and_so_does_its_hash(here: Path) -> None:
    begin()
    path = Path("run/config.json")
    saved = json.loads(path.read_text())
    del saved["config"]["evaluate"]["off_target"]
    old = record.digest(record.deciding(saved["config"]))
    record.write_json(path, {**saved, "hash": old})
    for sealed in Path("run").rglob("sealed.json"):
        record.write_json(sealed, json.loads(sealed.read_text()) | {"config": old})
        record.write_sums(sealed.parent)
    before = path.read_bytes()
    begin(rounds=[Place(1, "base", 0)])
    assert path.read_bytes() == before
    assert {one.hashes["config"] for one in seals.read(Path("run")).groups} == {old}
    begin("workers=2", rounds=[])  # what decides nothing may change
    prepare()


def test_a_process_with_other_content_is_refused(here: Path) -> None:
    job = prepare()
    sealing.hold(job.seal, sealing.seal(job.config, {}), "node a")
    Path("near.py").write_text("WORD = 'wrong'\n")
    with pytest.raises(InputError, match=r"node a: not what .* began with: another verifier: near"):
        sealing.hold(job.seal, sealing.seal(job.config, {}), "node a")
    with pytest.raises(InputError, match=r"another data: problems of seed 1 \("):
        sealing.hold(job.seal, sealing.drawn(job.config, {1: job.problems[0]}), "node a")


def test_a_node_that_would_judge_with_another_verifier_judges_nothing(here: Path) -> None:
    from rlvr.loop.cluster import NodeJudge

    job = prepare()
    judge = NodeJudge(str(here), job.config.verifier, 1, None, job.seal)  # type: ignore[arg-type]
    asked = [(Problem("p", "t", "eval", "", "", "7"), "7")]
    assert [one.status for one in judge.verify(asked)] == ["correct"]
    judge.pool.close()
    Path("near.py").write_text("WORD = 'wrong'\n")
    judge = NodeJudge(str(here), job.config.verifier, 1, None, job.seal)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"node .*: another verifier: near.py \("):
        judge.verify(asked)
    judge.pool.close()


# What is hashed


def test_what_does_not_judge_has_no_part_in_a_verifier() -> None:
    config = Config.model_validate({
        "name": "a", "model": "tiny-0.1m", "seeds": [0], "rounds": 1, "arms": ["verified"],
        "task": "arithmetic",
    })  # fmt: skip
    names = set(sealing.seal(config, {})["verifier"])
    assert {"rlvr.verifiers.math", "rlvr.maths.compare", "rlvr.verify.pool", "sympy"} <= names
    packages = {name.rpartition(".")[0] for name in names if name.startswith("rlvr.")}
    assert packages <= {"rlvr", "rlvr.verifiers", "rlvr.maths", "rlvr.verify"}


HASHED = """
from rlvr.data import Problem
from rlvr.verify.content import of_problems
class Own: pass
made = [Problem("p", "t", "eval", "", "q", reference) for reference in
        ({"b", "a", "cc", "d"}, {(1, 2): 3, "k": {"x", "y", "z"}}, Own(), [1.5, None], {"k": "v"})]
print(of_problems(made))
"""


def test_problems_have_the_same_hash_in_every_process(here: Path) -> None:
    found = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", HASHED]
        env = {**os.environ, "PYTHONHASHSEED": seed}
        found.add(subprocess.run(command, env=env, capture_output=True, text=True).stdout)
    (one,) = found
    assert len(one.strip()) == 64


def test_messages_are_sealed_and_problems_without_keep_the_hash_they_had() -> None:
    plain = Problem("p", "t", "eval", "all", "q", "1", None)
    before = '["p", "all", "q", "1", null]'
    assert content.of_problems([plain]) == hashlib.sha256(before.encode()).hexdigest()
    asked = [replace(plain, messages=(("user", text),)) for text in ("q", "r")]
    assert len({content.of_problems([one]) for one in (plain, *asked)}) == 3


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({"path": "data.jsonl", "n": 3}, {"data.jsonl"}),
        ({"train_split": "train", "path": None}, set()),  # a word is no path, a folder no file
        ({"path": "./run"}, set()),
    ],
)
def test_files_that_options_name(here: Path, options: dict[str, Any], files: set[str]) -> None:
    Path("train").write_text("a file of that name")
    Path("run").mkdir()
    assert content.of_files(options).keys() == files


def test_names_do_not_depend_on_where_it_lies(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlvr.verify.verifier import load_verifier

    found = []
    for name in ("one", "two"):
        folder = tmp_path_factory.mktemp(name)
        for file in ("mine.py", "near.py"):
            (folder / file).write_text((here / file).read_text())
        monkeypatch.chdir(folder)
        found.append(content.of_verifier(load_verifier("mine.py"), {"units": "required"}))
    assert found[0] == found[1]
    assert found[0]["options of mine.py"] == '{"units": "required"}'


def test_a_seed_is_collected_as_it_finishes_and_not_made_again(here: Path) -> None:
    config = load(Path("config.yaml"))
    of = Collected(Path("kept") / "mine" / "main", resolved(config))

    def prepared(folder: str) -> Job:
        return runner.prepare(config, Path(folder), "config.yaml", of)

    job = prepared("run")
    assert job.seeds == [0, 1]
    with runner._begun(job, Notes()) as begun:
        first, *others = of.rounds(0)
        for rounds, seeds in (([first], set()), (others, {0})):
            write_rounds(job, rounds, sealing.hashes(job.config_hash, job.seal))
            begun.publish()
            assert seeds_of(of) == seeds
    again = prepared("another_machine")
    assert again.seeds == [1] and {unit.seed for unit in units(again)} == {1}
    assert (again.config_hash, again.seal) == (job.config_hash, job.seal)
    Path("near.py").write_text("WORD = 'wrong'\n")
    with pytest.raises(InputError, match="metrics.parquet: seed 0, base .* another verifier"):
        prepared("another_machine")
    assert not Path("another_machine").exists()
