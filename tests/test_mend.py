"""What a disk has damaged, looked at without a run; with one: test_faults.py."""

from __future__ import annotations

import errno
import pickle
from pathlib import Path

import pytest
from test_loop import TINY

from rlvr import record
from rlvr.config import Config, load
from rlvr.data import Damaged, InputError, RunError
from rlvr.mend import mend
from rlvr.units import Job, Unit

CLAIM_C4 = TINY.parents[1] / "configs" / "claims" / "c4.yaml"


def job(config: Config, folder: Path) -> Job:
    return Job(config, folder, "here", 64, {})


def recorded(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True)
    record.write_json(folder / "metrics.json", [])
    for name in names:
        record.write_parquet(folder / name, [{"figure": 1}] * 100)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:50])


def test_the_stage_of_a_damaged_file_goes_and_nothing_else(tmp_path: Path) -> None:
    config = load(TINY)
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "completions.parquet", "rows.parquet", "eval.parquet")
    recorded(tmp_path / "seed-8" / "verified" / "round-001", "rows.parquet")
    cut(first / "rows.parquet")
    said: list[str] = []
    mend(job(config, tmp_path), said.append)
    assert [path.name for path in first.iterdir()] == ["eval.parquet"]
    assert len(list(tmp_path.rglob("*.*"))) == 1 + 2
    assert len(said) == 1 and said[0].startswith(f"{first / 'rows.parquet'}: damaged (")


def test_a_step_of_an_online_round_is_refused_with_what_to_delete(tmp_path: Path) -> None:
    config = load(TINY, ["arms=[{name: grpo, keep: verified, learner: grpo}]", "grpo.steps=4"])
    steps = tmp_path / "seed-7" / "grpo" / "round-001" / "steps"
    recorded(steps, "000001.parquet")
    cut(steps / "000001.parquet")
    with pytest.raises(Damaged, match=f"delete {tmp_path / 'seed-7' / 'grpo'}, and"):
        mend(job(config, tmp_path), print)
    assert (steps / "000001.parquet").is_file()


def test_trouble_of_the_machine_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "seed-7" / "verified" / "round-001"
    recorded(first, "rows.parquet")

    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile", failing)
    with pytest.raises(RunError, match=r"can't read .*rows\.parquet"):
        mend(job(load(TINY), tmp_path), print)
    assert (first / "rows.parquet").is_file() and (first / "metrics.json").is_file()


def test_a_base_with_a_transcriber_is_finished_when_that_is_taught(tmp_path: Path) -> None:
    heard, base = job(load(CLAIM_C4), tmp_path), tmp_path / "seed-0" / "base"
    recorded(base)
    assert Unit(0, "base").finished(job(load(TINY), tmp_path))
    assert not Unit(0, "base").finished(heard)
    (base / "transcriber").mkdir()
    assert Unit(0, "base").finished(heard)


def test_damage_can_be_told_across_processes() -> None:
    again = pickle.loads(pickle.dumps(Damaged(Path("a.parquet"), "cut", "delete it")))
    assert isinstance(again, InputError) and str(again) == "a.parquet: damaged (cut): delete it"
