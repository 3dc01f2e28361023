"""What a disk has damaged, looked at without a run; with one: test_faults.py."""

from __future__ import annotations

import errno
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console
from support.runs import TINY

from rlvr.config import Config, load
from rlvr.data import Completion, Damaged, InputError, Row, RunError, Verdict
from rlvr.loop.progress import Display
from rlvr.loop.repair import repair
from rlvr.loop.units import Job, Unit
from rlvr.records import record

CLAIM_C4 = TINY.parents[2] / "configs" / "claims" / "c4.yaml"
ROW = Row("p", "completion", "verified", 7, 1, 0, (3, 4), (5, 1), "correct", "exact@1", "verified")
COMPLETION = Completion("p", "verified", 7, 1, 0, (3, 4), (5, 1), "x", (-1.0, -2.0), "stop")
WRONG = Verdict("wrong")


class Notes(Display):
    """A display that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True), "", 0, 0)
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def job(config: Config, folder: Path) -> Job:
    return Job(config, folder, "here", 64, {})


def recorded(folder: Path, *names: str) -> None:
    """Make the folder of a finished round: as those of before checksums if they are deleted."""
    folder.mkdir(parents=True)
    record.write_json(folder / "metrics.json", [{"metric": "pass@1", "value": 0.5}] * 5)
    for name in names:
        if name == "rows.parquet":
            record.write_rows(folder / name, [ROW] * 100)
        elif name == "completions.parquet":
            record.write_completions(folder / name, [(COMPLETION, WRONG)] * 100, [False] * 100)
        elif name == "model":
            (folder / name).mkdir()
            (folder / name / "weights").write_bytes(bytes(100))
            record.write_sums(folder / name)
        elif name.endswith(".json"):
            record.write_json(folder / name, {"train_steps": 1})
        else:
            record.write_parquet(folder / name, [{"figure": 1}] * 100)
    record.write_sums(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


@pytest.mark.parametrize("sums", [True, False])
def test_the_stage_of_a_damaged_file_goes_and_nothing_else(tmp_path: Path, sums: bool) -> None:
    config = load(TINY)
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "completions.parquet", "rows.parquet", "eval.parquet")
    other = tmp_path / "seed-8" / "verified" / "round-001"
    recorded(other, "rows.parquet", "model")
    if not sums:
        for path in tmp_path.rglob(record.SUMS):
            path.unlink()
    cut(first / "rows.parquet")
    display = Notes()
    repair(job(config, tmp_path), display)
    assert [path.name for path in first.iterdir()] == ["eval.parquet"]
    assert {path.name for path in other.iterdir()} == {
        "rows.parquet",
        "metrics.json",
        "model",
        record.SUMS,  # given where there were none
    }
    assert len(display.said) == 1 and display.said[0].startswith(
        f"{first / 'rows.parquet'}: damaged ("
    )


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink, as_folder])
@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("completions.parquet", {"eval.parquet", "model"}),
        ("eval.parquet", {"completions.parquet", "rows.parquet", "model"}),
        ("metrics.json", {"completions.parquet", "rows.parquet", "eval.parquet", "model"}),
    ],
)
def test_any_file_of_a_finished_round(
    tmp_path: Path, damage: Callable[[Path], None], name: str, left: set[str]
) -> None:
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "completions.parquet", "rows.parquet", "eval.parquet", "model")
    damage(first / name)
    display = Notes()
    repair(job(load(TINY), tmp_path), display)
    assert {path.name for path in first.iterdir()} - {record.SUMS} == left
    if damage is Path.unlink and name == "metrics.json":  # it does not count as finished
        assert not display.said
    else:
        assert len(display.said) == 1 and display.said[0].startswith(f"{first / name}: damaged (")


@pytest.mark.parametrize("damage", [flip, cut, as_folder])
@pytest.mark.parametrize("where", ["", "model"])
def test_damaged_checksums_take_nothing_with_them(
    tmp_path: Path, damage: Callable[[Path], None], where: str
) -> None:
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "rows.parquet", "eval.parquet", "model")
    damage(first / where / record.SUMS)
    display = Notes()
    repair(job(load(TINY), tmp_path), display)
    assert len(display.said) == 1 and display.said[0].startswith(
        f"{first / where / record.SUMS}: damaged ("
    )
    assert (first / where / record.SUMS).is_file() and not record.changed(first / where)
    left = {path.name for path in first.iterdir()} - {record.SUMS}
    assert left == {"rows.parquet", "eval.parquet", "metrics.json", "model"}


def test_weights_that_are_needed_no_more_are_not_looked_at(tmp_path: Path) -> None:
    config = load(TINY, ["seeds=[7]", "arms=[verified]", "rounds=2"])
    base, first = tmp_path / "seed-7" / "base", tmp_path / "seed-7" / "verified" / "round-001"
    recorded(base, "completions.parquet", "model")
    recorded(first, "rows.parquet", "model")
    display = Notes()
    for folder in (base, first):
        flip(folder / "model" / "weights")
    repair(job(config, tmp_path), display)
    whats = [f"{folder / 'model'}: damaged (weights: its checksum" for folder in (first, base)]
    assert [line[: len(what)] for line, what in zip(display.said, whats, strict=True)] == whats
    assert not (base / "model").exists() and not (first / "model").exists()
    assert (base / "completions.parquet").is_file() and (first / "rows.parquet").is_file()
    # Where every round is recorded nothing is made from them.
    recorded(done := tmp_path / "done" / "seed-7" / "base", "model")
    for round_ in (1, 2):
        recorded(done.parent / "verified" / f"round-00{round_}", "rows.parquet")
    flip(done / "model" / "weights")
    repair(job(config, tmp_path / "done"), display)
    assert len(display.said) == 2 and (done / "model").exists()


def test_weights_whose_own_start_is_gone_are_refused(tmp_path: Path) -> None:
    config = load(TINY, ["seeds=[7]", "arms=[verified]", "rounds=3"])
    recorded(tmp_path / "seed-7" / "base", "model")
    recorded(tmp_path / "seed-7" / "verified" / "round-001", "rows.parquet")
    second = tmp_path / "seed-7" / "verified" / "round-002"
    recorded(second, "rows.parquet", "model")
    flip(second / "model" / "weights")
    with pytest.raises(Damaged, match=f"delete {second.parent}, and"):
        repair(job(config, tmp_path), Notes())
    assert (second / "model").is_dir() and (second / "metrics.json").is_file()


def three_rounds(folder: Path, recorded_rounds: int = 3) -> list[Path]:
    """Make a base and so many rounds of its arm; return their folders."""
    folders = [folder / "seed-7" / "base"]
    folders += [
        folder / "seed-7" / "an-arm" / f"round-00{t}" for t in range(1, recorded_rounds + 1)
    ]
    for path in folders:
        recorded(path, "completions.parquet", "rows.parquet", "train.json", "eval.parquet", "model")
    return folders


def three(folder: Path, learner: str = "sft") -> Job:
    arm = f"arms=[{{name: an-arm, keep: verified, learner: {learner}}}]"
    return job(
        load(TINY, ["seeds=[7]", arm, "rounds=3", "checkpoints=all", "grpo.steps=4"]), folder
    )


def test_weights_that_something_taken_back_needs_are_looked_at_too(tmp_path: Path) -> None:
    base, first, second, third = three_rounds(tmp_path)
    for weights in (base, first, second, third):
        flip(weights / "model" / "weights")
    repair(three(tmp_path), display := Notes())
    assert not display.said  # all is recorded
    flip(second / "eval.parquet")
    repair(three(tmp_path), display)
    gone = [second / "eval.parquet", *(path / "model" for path in (second, first, base))]
    assert [line.partition(": damaged")[0] for line in display.said] == list(map(str, gone))
    assert not any(path.exists() for path in gone) and (third / "model").is_dir()
    assert (third / "metrics.json").is_file() and not (first / "metrics.json").exists()


def test_weights_of_an_online_round_that_is_recorded_are_needed_no_more(tmp_path: Path) -> None:
    base, first = three_rounds(tmp_path, 1)
    flip(first / "model" / "weights")
    repair(three(tmp_path, "grpo"), display := Notes())
    assert not display.said and (first / "model").is_dir() and base.is_dir()


def test_weights_that_are_not_kept_are_not_missed(tmp_path: Path) -> None:
    _, first, second, third = three_rounds(tmp_path)
    for path in (first, second):
        shutil.rmtree(path / "model")
    flip(third / "eval.parquet")
    repair(three(tmp_path), display := Notes())
    assert [line.partition(":")[0] for line in display.said] == [str(third / "eval.parquet")]
    assert (second / "metrics.json").is_file() and (third / "model").is_dir()
    # Where the model is damaged too, nothing goes before that is known.
    recorded(other := tmp_path / "other" / "seed-7" / "base")
    third = shutil.copytree(second, other.parent / "an-arm" / "round-003")
    shutil.copytree(second, third.with_name("round-002"))
    recorded(third.with_name("round-001"))
    recorded(third / "model")
    for name in ("eval.parquet", "model/metrics.json"):
        flip(third / name)
    with pytest.raises(Damaged, match=r"eval.parquet: damaged .*: delete .*an-arm, and"):
        repair(three(tmp_path / "other"), Notes())
    assert (third / "metrics.json").is_file() and (third / "eval.parquet").is_file()


def test_transcribers_are_weights_too(tmp_path: Path) -> None:
    config = load(CLAIM_C4, ["rounds=3", "seeds=[0]", "verdict.conditions=[]"])
    arm = next(arm for arm in config.arms_in_order() if arm.author == "retrained")
    base = tmp_path / "seed-0" / "base"
    folders = [tmp_path / "seed-0" / arm.name / f"round-00{t}" for t in (1, 2)]
    for path in (base, *folders):
        recorded(path, "completions.parquet", "rows.parquet", "train.json", "eval.parquet", "model")
        shutil.copytree(path / "model", path / "transcriber")
    repair(job(config, tmp_path), display := Notes())
    assert not display.said
    shutil.rmtree(folders[1] / "transcriber")
    flip(base / "transcriber" / "weights")
    repair(job(config, tmp_path), display)
    gone = [folders[1] / "transcriber", base / "transcriber"]
    assert [line.partition(":")[0] for line in display.said] == list(map(str, gone))
    assert (base / "metrics.json").is_file() and not (folders[1] / "metrics.json").exists()


def test_weights_that_are_missing_are_recreated(tmp_path: Path) -> None:
    *_, first, second = three_rounds(tmp_path, 2)
    shutil.rmtree(second / "model")
    repair(three(tmp_path), display := Notes())
    assert display.said == [f"{second / 'model'}: damaged (missing): recreated"]
    assert (first / "metrics.json").is_file() and not (second / "metrics.json").exists()


def test_a_round_without_checksums_is_given_some(tmp_path: Path) -> None:
    first = three_rounds(tmp_path)[1]
    (first / record.SUMS).unlink()
    repair(three(tmp_path), display := Notes())
    assert not display.said
    flip(first / "eval.parquet")
    assert [path.name for path, _ in record.changed(first)] == ["eval.parquet"]


def test_a_column_by_another_name_is_damage(tmp_path: Path) -> None:
    """No page's checksum covers it, and the round is not finished."""
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "rows.parquet")
    (first / "metrics.json").unlink()
    table = pq.read_table(first / "rows.parquet")
    names = ["problem_ie" if name == "problem_id" else name for name in table.column_names]
    pq.write_table(table.rename_columns(names), first / "rows.parquet")
    display = Notes()
    repair(job(load(TINY), tmp_path), display)
    assert len(display.said) == 1 and "problem_id: no such column" in display.said[0]
    assert not (first / "rows.parquet").exists()


def test_the_evaluation_of_an_online_round_is_made_again(tmp_path: Path) -> None:
    config = load(TINY, ["arms=[{name: grpo, keep: verified, learner: grpo}]", "grpo.steps=4"])
    first = tmp_path / "seed-7" / "grpo" / "round-001"
    recorded(first, "completions.parquet", "eval.parquet", "model")
    flip(first / "eval.parquet")
    repair(job(config, tmp_path), Notes())
    assert {path.name for path in first.iterdir()} == {"completions.parquet", "model"}


def test_a_step_of_an_online_round_is_refused_with_what_to_delete(tmp_path: Path) -> None:
    config = load(TINY, ["arms=[{name: grpo, keep: verified, learner: grpo}]", "grpo.steps=4"])
    steps = tmp_path / "seed-7" / "grpo" / "round-001" / "steps"
    recorded(steps, "000001.parquet")
    cut(steps / "000001.parquet")
    repair(job(config, tmp_path), display := Notes())
    assert not display.said  # it comes after the last checkpoint, and is taken again
    state = steps.parents[1] / "state-000002"
    recorded(state, "optimizer.parquet")
    with pytest.raises(Damaged, match=f"delete {tmp_path / 'seed-7' / 'grpo'}, and"):
        repair(job(config, tmp_path), Notes())
    assert (steps / "000001.parquet").is_file()


def test_a_damaged_checkpoint_is_named_and_not_gone_on_from(tmp_path: Path) -> None:
    three_rounds(tmp_path, 1)
    state = tmp_path / "seed-7" / "an-arm" / "state-000006"
    recorded(state, "optimizer.parquet")
    repair(three(tmp_path, "grpo"), display := Notes())
    assert not display.said
    (state / record.SUMS).write_bytes(b"{")  # itself: the checkpoint may well be whole
    repair(three(tmp_path, "grpo"), display)
    assert len(display.said) == 1 and not record.changed(state)
    flip(state / "optimizer.parquet")
    with pytest.raises(Damaged, match=rf"optimizer.parquet: damaged .*: delete {state.parent}, an"):
        repair(three(tmp_path, "grpo"), display)


def test_weights_of_an_online_round_that_is_not_at_its_end_are_recreated(tmp_path: Path) -> None:
    first = three_rounds(tmp_path, 1)[1]
    (first / "metrics.json").unlink()
    flip(first / "model" / "weights")
    repair(three(tmp_path, "grpo"), Notes())
    assert not (first / "model").exists() and (first / "completions.parquet").is_file()


@pytest.mark.parametrize("read", ["pyarrow.parquet.ParquetFile", "hashlib.file_digest"])
def test_trouble_of_the_machine_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str
) -> None:
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "rows.parquet")

    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    if read == "pyarrow.parquet.ParquetFile":
        (first / record.SUMS).unlink()
    monkeypatch.setattr(read, failing)
    with pytest.raises(RunError, match=r"can't read .*(rows\.parquet|metrics\.json)"):
        repair(job(load(TINY), tmp_path), Notes())
    assert (first / "rows.parquet").is_file() and (first / "metrics.json").is_file()


def test_a_base_with_a_transcriber_is_finished_when_that_is_taught(tmp_path: Path) -> None:
    heard, base = job(load(CLAIM_C4, ["seeds=[0]"]), tmp_path), tmp_path / "seed-0" / "base"
    recorded(base)
    assert Unit(0, "base").finished(job(load(TINY), tmp_path))
    assert not Unit(0, "base").finished(heard)
    (base / "transcriber").mkdir()
    assert Unit(0, "base").finished(heard)


def test_damage_can_be_told_across_processes() -> None:
    again = pickle.loads(pickle.dumps(Damaged(Path("a.parquet"), "cut", "delete it")))
    assert isinstance(again, InputError) and str(again) == "a.parquet: damaged (cut): delete it"
