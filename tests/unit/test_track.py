"""Trackers: what is recorded reaches them, once, and none of them can stop a run."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.command import Call, assert_refused
from support.events import sent
from support.runs import TINY

from rlvr.config import load, resolved
from rlvr.data import Completion, InputError, Status, TrackerName, Verdict
from rlvr.loop import tracking
from rlvr.loop.shown import COLUMNS, shown
from rlvr.records import record
from rlvr.records.layout import Place

CONFIG = resolved(load(TINY, ["report_to=tensorboard"]))


@pytest.fixture(autouse=True)
def counted_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event files of one second are read in the order of their names: number 10 before 9."""
    from tensorboard.summary.writer import event_file_writer

    counter = event_file_writer.AtomicCounter(0)
    monkeypatch.setattr(event_file_writer, "_global_uid", counter)


def write(folder: Path, seed: int, arm: str, round_: int, value: float = 0.0) -> None:
    place = {"seed": seed, "arm": arm, "round": round_}
    rows = [
        {**place, "metric": "pass@1", "level": "all", "value": value or seed + round_ / 8, "n": 4},
        {**place, "metric": "pass@1", "level": "d1c0", "value": 0.5, "n": 2},
        {**place, "metric": "step.reward", "level": "step-00001", "value": 0.5, "n": 2},
        {**place, "metric": "off_target.text.real_nll", "level": "all", "value": 2, "n": 2},
    ]
    record.write_json(Place(seed, arm, round_).folder(folder) / "metrics.json", rows)


def tracked(folder: Path, *names: TrackerName) -> tuple[tracking.Trackers, list[str]]:
    said: list[str] = []
    return tracking.Trackers(folder, CONFIG, names or ("tensorboard",), said.append), said


def test_figures_reach_the_event_files_under_their_names(tmp_path: Path) -> None:
    trackers, said = tracked(tmp_path)
    trackers.send()
    assert sent(tmp_path) == {}
    write(tmp_path, 0, "base", 0)
    trackers.send()
    for seed in (0, 1):
        for round_ in (1, 2):
            write(tmp_path, seed, "verified", round_)
            trackers.send()
            got = sent(tmp_path)[f"seed-{seed}/verified"]["pass@1"]
            assert got == [(r, seed + r / 8) for r in range(1, round_ + 1)]
    found = sent(tmp_path)
    assert set(found) == {"seed-0/base", "seed-0/verified", "seed-1/verified"}
    assert set(found["seed-0/base"]) == {"pass@1", "pass@1[d1c0]", "off_target.text.real_nll"}
    assert found["seed-0/base"]["pass@1"] == [(0, 0.0)]
    assert found["seed-1/verified"]["pass@1[d1c0]"] == [(1, 0.5), (2, 0.5)]
    assert said == []


def test_a_resumed_run_sends_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    for round_ in (1, 2):
        write(tmp_path, 0, "verified", round_)
    tracked(tmp_path)[0].send()
    files = len(list(tmp_path.rglob("events.out.tfevents.*")))
    tracked(tmp_path)[0].send()
    assert len(list(tmp_path.rglob("events.out.tfevents.*"))) == files
    write(tmp_path, 0, "verified", 3)
    tracked(tmp_path)[0].send()
    assert [step for step, _ in sent(tmp_path)["seed-0/verified"]["pass@1"]] == [1, 2, 3]


@pytest.mark.parametrize("lost", ["the mark of the last round", "all marks"])
def test_a_kill_between_sending_and_noting_it_doubles_no_point(tmp_path: Path, lost: str) -> None:
    for round_ in (1, 2, 3):
        write(tmp_path, 0, "verified", round_)
    tracked(tmp_path)[0].send()
    state = json.loads((tmp_path / tracking.STATE).read_text())
    if lost == "all marks":
        (tmp_path / tracking.STATE).unlink()
    else:
        state["sent"]["tensorboard"]["seed-0/verified"] = 2
        record.write_json(tmp_path / tracking.STATE, state)
    tracked(tmp_path)[0].send()
    assert [step for step, _ in sent(tmp_path)["seed-0/verified"]["pass@1"]] == [1, 2, 3]


def test_a_tracker_asked_for_later_gets_all_that_is_recorded(tmp_path: Path) -> None:
    write(tmp_path, 0, "verified", 1)
    trackers, _ = tracked(tmp_path)
    trackers.working = []
    trackers.send()
    assert not (tmp_path / tracking.STATE).exists() and sent(tmp_path) == {}
    tracked(tmp_path)[0].send()
    assert set(sent(tmp_path)) == {"seed-0/verified"}


def test_a_failing_tracker_is_one_line_and_is_sent_what_it_lacks_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accelerate.tracking import TensorBoardTracker

    write(tmp_path, 0, "verified", 1)
    tracked(tmp_path)[0].send()
    with monkeypatch.context() as patch:

        def failing(*_: Any, **__: Any) -> None:
            raise ConnectionError("no\nroute")

        patch.setattr(TensorBoardTracker, "log", failing)
        trackers, said = tracked(tmp_path)
        for round_ in (2, 3):
            write(tmp_path, 0, "verified", round_)
            trackers.send()
        assert len(said) == 1 and "ConnectionError: no route" in said[0]
    assert json.loads((tmp_path / tracking.STATE).read_text())["sent"] == {
        "tensorboard": {"seed-0/verified": 1}
    }
    tracked(tmp_path)[0].send()
    assert [step for step, _ in sent(tmp_path)["seed-0/verified"]["pass@1"]] == [1, 2, 3]


def test_an_event_folder_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    write(tmp_path, 0, "verified", 1)
    (tmp_path / "tensorboard").write_text("a file")
    trackers, said = tracked(tmp_path)
    trackers.send()
    assert len(said) == 1 and said[0].startswith("tensorboard failed") and "\n" not in said[0]


def test_damaged_state_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / tracking.STATE).write_text("{")
    with pytest.raises(InputError, match="trackers.json.*delete it"):
        tracked(tmp_path)


class Kept:
    """Stands in for a tracker's own module: what accelerate calls, kept."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []

    def init(self, **given: Any) -> Kept:
        self.calls.append(("init", given))
        return self

    def log(self, values: Any, step: int, **given: Any) -> None:
        self.calls.append(("log", (step, values, given)))

    def Table(self, dataframe: Any) -> Any:  # as trackio and wandb call it
        return dataframe

    def finish(self) -> None:
        self.calls.append(("finish", None))


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_the_other_trackers_get_one_resumable_run_a_seed_and_arm(
    name: TrackerName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    monkeypatch.setitem(sys.modules, name, kept)
    for round_ in (1, 2):
        write(tmp_path, 3, "verified", round_)
        tracked(tmp_path, name)[0].send()
    assert [what for what, _ in kept.calls] == ["init", "log", "finish"] * 2
    first, second = (given for what, given in kept.calls if what == "init")
    assert first == second and first["resume"] == "allow" and first["project"] == "tiny"
    assert first["name"].startswith("verified-seed-3-") and first["config"] == CONFIG
    logged = [given for what, given in kept.calls if what == "log"]
    assert [step for step, _, _ in logged] == [1, 2]
    assert logged[0][1]["pass@1"] == 3.125 and logged[0][1]["pass@1[d1c0]"] == 0.5
    assert logged[0][2] == ({"commit": True} if name == "wandb" else {})


# The config


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ("report_to=tensorboard", ["tensorboard"]),
        ("report_to=[tensorboard,wandb]", ["tensorboard", "wandb"]),
        ("report_to=[]", []),
        ("name=x", []),
    ],
)
def test_one_or_a_list(given: str, want: list[str]) -> None:
    assert load(TINY, [given]).report_to == want


def test_what_is_no_tracker_or_not_installed_is_refused(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ["run", TINY, "--out", tmp_path / "run"]
    assert_refused(call, ["report_to", "did you mean 'tensorboard'"], *run, "report_to=tensorbord")
    assert_refused(call, ["report_to", "only once"], *run, "report_to=[wandb,wandb]")
    monkeypatch.setattr(tracking, "_installed", lambda _: False)
    words = ["tiny.yaml", "report_to", "trackio is not installed", "pip install"]
    assert_refused(call, words, *run, "report_to=trackio")


NEWER = ("report_to", "ray", "threads", "workers")


def test_it_is_no_part_of_what_decides_a_run(tmp_path: Path) -> None:
    plain = resolved(load(TINY))
    assert record.digest(record.deciding(plain)) == record.digest(record.deciding(CONFIG))
    older = {key: value for key, value in plain.items() if key not in NEWER}
    for section, _, name in (key.rpartition(".") for key in record.LATER):
        if section and older[section]:
            older[section] = {key: x for key, x in older[section].items() if key != name}
    assert record.digest(older) == record.digest(record.deciding(plain))
    record.write_json(tmp_path / "config.json", {"config": older, "hash": "any"})
    record.check_resumable(tmp_path, CONFIG)


def test_no_tracker_is_imported_unless_asked_for(tmp_path: Path) -> None:
    code = (
        "import sys; from rlvr import config; from rlvr.loop import runner, tracking;"
        "from pathlib import Path;"
        f"tracking.Trackers(Path({str(tmp_path)!r}), {{}}, [], print).send();"
        "tracking.check([], 'here');"
        "print({'tensorboard', 'trackio', 'wandb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["set()"]


# Completions


def write_completions(folder: Path, place: Place, texts: list[str]) -> None:
    """Write a round's completions: every second one is right, and kept."""
    pool = []
    for i, text in enumerate(texts):
        status: Status = "wrong" if i % 2 else "correct"
        one = Completion(
            f"p{i}", place.arm, place.seed, place.round, 0, (5,), (6,), text, (-1.0,), "stop"
        )
        pool.append((one, Verdict(status, "because", text)))
    kept = [verdict.status == "correct" for _, verdict in pool]
    record.write_completions(place.folder(folder) / "completions.parquet", pool, kept)


HOSTILE = "<script>alert(1)</script> | **x**\n# y `z`"


def test_a_round_shows_a_few_completions_with_verdict_and_reward(tmp_path: Path) -> None:
    place = Place(0, "verified", 1)
    assert shown(tmp_path, CONFIG, place) == []
    write_completions(tmp_path, place, [f"text {i}" for i in range(25)])
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in shown(tmp_path, CONFIG, place)]
    assert [row["problem"] for row in rows] == [f"p{i * 25 // 8}" for i in range(8)]
    for row in rows:
        right = int(row["problem"][1:]) % 2 == 0
        assert row["status"] == ("correct" if right else "wrong") and row["kept"] == right
        assert row["reward"] == right and row["prompt"] is None and row["reason"] == "because"
    few = Place(0, "random", 1)
    write_completions(tmp_path, few, ["a", "b"])
    assert [row[2] for row in shown(tmp_path, CONFIG, few)] == ["a", "b"]
    base = Place(0, "base", 0)
    write_completions(tmp_path, base, ["a"])
    assert shown(tmp_path, CONFIG, base)[0][-1] is None


@pytest.mark.parametrize(
    ("arm", "grpo", "want"),
    [
        ("keep: verified", "{steps: 2, format_reward: 0.25}", [1.25, 0.25]),
        ("keep: inverted", "{steps: 2}", [0.0, 1.0]),
        ("keep: verified, flip: {false_positive: 1.0}", "{steps: 2}", [1.0, 1.0]),
        ("keep: verified", "{steps: 2, partial_credit: true}", [None, None]),
        ("keep: majority", "{steps: 2}", [None, None]),
    ],
)
def test_the_reward_of_an_online_arm_is_that_of_its_step(
    arm: str, grpo: str, want: list[float | None], tmp_path: Path
) -> None:
    config = resolved(load(TINY, [f"arms=[{{name: a, learner: grpo, {arm}}}]", f"grpo={grpo}"]))
    place = Place(0, "a", 1)
    write_completions(tmp_path, place, ["a", "b"])
    assert [row[-1] for row in shown(tmp_path, config, place)] == want


def test_completions_reach_the_event_files_as_text_and_not_as_markup(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugin_util import markdown_to_safe_html

    write(tmp_path, 0, "verified", 1)
    write_completions(tmp_path, Place(0, "verified", 1), [HOSTILE])
    trackers, said = tracked(tmp_path)
    trackers.send()
    assert said == []
    events = EventAccumulator(str(tmp_path / "tensorboard" / "seed-0" / "verified"))
    events.Reload()
    (one,) = events.Tensors("completions/text_summary")
    seen = markdown_to_safe_html(one.tensor_proto.string_val[0])
    assert one.step == 1 and seen.count("<tr>") == 2 and seen.count("<td>") == len(COLUMNS)
    assert "<script" not in seen and "<strong>" not in seen and "<code>" not in seen
    shown_text = html.unescape(seen.replace("<br>", "\n"))
    assert HOSTILE in shown_text and "correct" in shown_text


@pytest.mark.parametrize("name", ["trackio", "wandb"])
def test_the_other_trackers_get_a_table_of_completions(
    name: TrackerName, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept()
    monkeypatch.setitem(sys.modules, name, kept)
    write(tmp_path, 3, "verified", 1)
    write_completions(tmp_path, Place(3, "verified", 1), ["a", "b"])
    tracked(tmp_path, name)[0].send()
    [(_, values, _)] = [given for what, given in kept.calls if what == "log"]
    assert list(values["completions"].columns) == list(COLUMNS)
    assert values["completions"]["reward"].tolist() == [1.0, 0.0] and values["pass@1"] == 3.125
