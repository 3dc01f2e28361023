"""A record of finished seeds: rows and seals joined, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.command import Call, assert_refused
from support.runs import TINY

from rlvr.claims import experiments
from rlvr.config import Config, resolved
from rlvr.data import InputError
from rlvr.loop.progress import Display
from rlvr.records import record, seals
from rlvr.records.collected import Collected, add, check, hold_seals, seeds_of
from rlvr.records.layout import RECORDED, Place
from rlvr.records.record import deciding, digest

ARMS = [{"name": "verified"}, {"name": "random"}]
CONFIG = {"name": "mine", "seeds": [1, 2, 3], "rounds": 2, "arms": ARMS, "workers": 1}
ROUNDS = 5  # of a seed: two of each arm, and the base


def collected(folder: Path, config: Mapping[str, Any] = CONFIG) -> Collected:
    return Collected(folder / "docs" / "c9" / "main", config)


def make(
    run: Path,
    seeds: Sequence[int],
    config: Mapping[str, Any] = CONFIG,
    last: float = 0.5,
    **hashes: str,
) -> Path:
    """Write the rounds of some seeds as a run leaves them; `last`: a figure of the last one."""
    sealed = {"config": digest(deciding(config)), "verifier": "v", "task": "t", "data": "d"}
    record.write_json(run / "config.json", {"config": config, "hash": sealed["config"]})
    record.write_json(run / "manifest.json", {"registered": {"file": "c9.yaml", "began": 100}})
    for place in (one for seed in seeds for one in collected(run, config).rounds(seed)):
        folder = place.folder(run)
        where = {"seed": place.seed, "arm": place.arm, "round": place.round}
        record.write_json(folder / "sealed.json", sealed | hashes)
        rows = [
            {**where, "metric": "pass@1", "level": "all", "value": 0.1 * place.seed, "n": 64},
            {**where, "metric": "real_nll", "level": "all", "value": None, "n": 0},
            {**where, "metric": "greedy", "level": "all", "value": last, "n": 64},
        ]
        record.write_json(folder / RECORDED, rows)
        record.write_sums(folder)
    return run


def figures(of: Collected) -> bytes:
    return (of.folder / "metrics.parquet").read_bytes()


def test_seeds_of_several_machines_are_as_one_run(tmp_path: Path) -> None:
    whole = make(tmp_path / "whole", (1, 2, 3))
    record.write_metrics(whole)
    of = collected(tmp_path)
    assert seeds_of(of) == frozenset()
    assert add(of, make(tmp_path / "a", (1,))) == [1] and seeds_of(of) == {1}
    assert add(of, make(tmp_path / "b", (3, 2))) == [2, 3] and seeds_of(of) == {1, 2, 3}
    assert figures(of) == (whole / "metrics.parquet").read_bytes()
    assert json.loads((of.folder / "config.json").read_text()) == {
        "config": CONFIG,
        "hash": of.hash,
    }
    for run in (tmp_path / "a", tmp_path / "b", whole, tmp_path / "nothing"):
        check(of, run)
        assert add(of, run) == []
    assert figures(of) == (whole / "metrics.parquet").read_bytes()


def test_only_whole_seeds_are_added(tmp_path: Path) -> None:
    run, of = make(tmp_path / "run", (1, 2)), collected(tmp_path)
    last = Place(2, "random", 2).folder(run) / RECORDED
    text = last.read_text()
    last.unlink()
    assert add(of, run) == [1]
    last.write_text(text.replace("0.5", "0.7"))  # a flipped bit: repair makes the round again
    assert add(of, run) == [] and seeds_of(of) == {1}
    last.write_text(text)
    assert add(of, run) == [2] and seeds_of(of) == {1, 2}


def test_seals_of_both_are_joined(tmp_path: Path) -> None:
    of = collected(tmp_path)
    add(of, make(tmp_path / "a", (2,)))
    (tmp_path / "b" / "manifest.json").parent.mkdir()
    add(of, make(tmp_path / "b", (1,)))
    sealed = seals.read(of.folder)
    assert [(one.rounds, one.first) for one in sealed.groups] == [(2 * ROUNDS, "seed 2, base")]
    assert sealed.registered == {"file": "c9.yaml", "began": 100}
    # A record without seals, such as one written by pandas, does not come by any.
    table = pq.read_table(of.folder / "metrics.parquet")
    pq.write_table(table.replace_schema_metadata(None), of.folder / "metrics.parquet")
    add(of, make(tmp_path / "c", (3,)))
    groups = seals.read(of.folder).groups
    assert {(bool(one.hashes), one.rounds) for one in groups} == {(True, 5), (False, 10)}


def test_a_seed_with_a_part_in_the_record_is_made_whole(tmp_path: Path) -> None:
    of, run = collected(tmp_path), make(tmp_path / "run", (1,))
    add(of, run)
    table = pq.read_table(of.folder / "metrics.parquet")
    pq.write_table(table.slice(0, len(table) - 3), of.folder / "metrics.parquet")
    assert seeds_of(of) == frozenset()
    assert add(of, run) == [1]
    assert pq.read_table(of.folder / "metrics.parquet").equals(table)


def test_what_decides_nothing_is_brought_up_to_date(tmp_path: Path) -> None:
    run, of = make(tmp_path / "run", (1,)), collected(tmp_path)
    add(of, run)
    now = collected(tmp_path, CONFIG | {"workers": 2})
    check(now, run)
    assert add(now, run) == []
    assert json.loads((of.folder / "config.json").read_text())["config"]["workers"] == 2


def refused(of: Collected, run: Path, *words: str) -> None:
    """A record can't be gone on with: the error is one line, and nothing is written."""
    before = {path: path.read_bytes() for path in of.folder.glob("*")}
    with pytest.raises(InputError) as failure:
        check(of, run)
        add(of, run)
    assert before == {path: path.read_bytes() for path in of.folder.glob("*")}
    said = str(failure.value)
    assert "\n" not in said
    for word in words:
        assert word in said, f"no {word!r} in: {said}"


def test_another_figure_is_refused(tmp_path: Path) -> None:
    of = collected(tmp_path)
    add(of, make(tmp_path / "a", (1,)))
    other = make(tmp_path / "b", (1, 2), last=0.25)
    said = "seed 1, base: greedy is 0.5 (n = 64) there, and 0.25 (n = 64) in"
    refused(of, other, f"{of.folder / 'metrics.parquet'}: {said} {other}", "--out", "docs/c9 away")
    # A part of the seed is held to what is made, too.
    table = pq.read_table(of.folder / "metrics.parquet")
    pq.write_table(table.slice(0, len(table) - 3), of.folder / "metrics.parquet")
    refused(of, other, said)


def test_another_rule_is_refused_and_its_keys_are_named(tmp_path: Path) -> None:
    run, of = make(tmp_path / "run", (1, 2, 3)), collected(tmp_path)
    add(of, run)
    longer = collected(tmp_path, CONFIG | {"rounds": 3})
    words = (f"{of.folder / 'config.json'}: another claim", "rounds (2 -> 3)", "docs/c9 away")
    refused(longer, tmp_path / "nothing", *words)
    elsewhere = Collected(tmp_path / "else" / "c9" / "main", longer.config)
    refused(elsewhere, run, f"{run / 'config.json'}: another claim", "rounds (2 -> 3)", "--out")
    saved = json.loads((of.folder / "config.json").read_text())
    record.write_json(of.folder / "config.json", {**saved, "hash": "0" * 64})
    refused(of, run, f"differing: hash (000000000000 -> {of.hash[:12]})")
    (of.folder / "config.json").unlink()
    refused(longer, tmp_path / "nothing", "seed 1, base was recorded under another config")


def test_another_verifier_is_refused(tmp_path: Path) -> None:
    of = collected(tmp_path)
    add(of, make(tmp_path / "a", (1,)))
    said = f"{of.folder / 'metrics.parquet'}: seed 1, base was recorded under another verifier"
    refused(of, make(tmp_path / "b", (2,), verifier="w"), f"{said} (v -> w)", "put the old one")
    with pytest.raises(InputError, match=r"another verifier \(v -> w\)"):
        hold_seals(of, {"verifier": "w", "task": "t"})
    hold_seals(of, {"verifier": "v", "task": "t"})


def test_a_damaged_record_is_an_input_error(tmp_path: Path) -> None:
    run, of = make(tmp_path / "run", (1,)), collected(tmp_path)
    add(of, run)
    (of.folder / "metrics.parquet").write_bytes(figures(of)[:200])
    refused(of, run, f"{of.folder / 'metrics.parquet'}: damaged", "put it back")


# rlvr claims --record

SECTION = """
claim:
  id: C9
  says: it grows
  rule: [verified pass@1 - base pass@1 > 0.05]
  changes: a longer run
  also: [{id: C10, says: it falls, rule: [verified pass@1 - base pass@1 < 0], changes: a rise}]
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The file of a claim of one's own, with seeds 7 and 8; beside it an empty record."""
    path = tmp_path / "mine.yaml"
    path.write_text(TINY.read_text() + SECTION)
    (tmp_path / "record").mkdir()
    return path


def of_claim(mine: Path) -> dict[str, Any]:
    [claim] = experiments.find([str(mine)])
    return resolved(experiments.runs_of(claim, "cpu")["main"])


def test_a_claim_goes_on_where_its_record_ends(
    mine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, config = mine.parent / "record", of_claim(mine)
    ran = []

    def run(_: Config, folder: Path, display: Display, where: str, of: Collected) -> None:
        ran.append((display.left, where, seeds_of(of)))
        add(of, make(folder, (8,), config))

    monkeypatch.setattr("rlvr.loop.runner.run", run)
    make(mine.parent / "a" / "mine" / "main", (7,), config)
    code, out, err = call("claims", mine, "--out", mine.parent / "a", "--record", record)
    assert (code, err) == (0, "") and f"mine main: 1 of 2 seeds in {record}/mine/main" in out
    assert ran == [({"base": 1, "round": 4}, str(mine), frozenset({7}))]
    assert json.loads((record / "mine" / "claim.json").read_text())["seeds"] == [7, 8]
    assert "# C10" in (record / "c10" / "README.md").read_text()
    assert not (mine.parent / "a" / "mine" / "README.md").exists()
    # All of it is there now: on another machine nothing is run, and the pages are the same.
    before = {path: path.read_bytes() for path in record.rglob("*.*") if path.is_file()}
    code, out, err = call("claims", mine, "--out", mine.parent / "b", "--record", record)
    assert (code, err) == (0, "") and f"mine main: 2 of 2 seeds in {record}/mine/main" in out
    assert len(ran) == 1 and not (mine.parent / "b").exists()
    assert before == {path: path.read_bytes() for path in record.rglob("*.*") if path.is_file()}


def test_a_record_with_a_seed_less_says_what_is_not_there_yet(
    mine: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlvr.loop.runner.run", lambda *_: None)
    make(mine.parent / "out" / "mine" / "main", (8,), of_claim(mine))
    code, _, _ = call("claims", mine, "--out", mine.parent / "out", "--record", "../record")
    assert code == 0
    page = (mine.parent / "record" / "mine" / "README.md").read_text()
    assert "**inconclusive**. Not there yet: main after 1 of 2 seeds and round 2 of 2." in page


def test_records_that_wont_do(mine: Path, call: Call) -> None:
    record = mine.parent / "record"

    def no(*words: str, more: Sequence[str] = ()) -> None:
        assert_refused(call, [*words], "claims", mine, "--record", record, *more)

    no("--record", "smoke run", more=["--budget", "smoke"])
    (record / "c10" / "main").mkdir(parents=True)
    (record / "c10" / "main" / "config.json").write_text("{}")
    no(f"{record / 'c10'}: has runs of its own", "C10", "move the folder away")
    (record / "c10" / "main" / "config.json").unlink()
    run = make(mine.parent / "other", (7,), {**of_claim(mine), "rounds": 3})
    add(Collected(record / "mine" / "main", {**of_claim(mine), "rounds": 3}), run)
    no(f"{record / 'mine/main/config.json'}: another claim", "rounds (3 -> 2)", "mine away")
    record = mine.parent / "nowhere"
    no(f"--record {record}: no such folder")
