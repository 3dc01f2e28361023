"""What a run leaves: written whole or not at all, read back as it was, or refused."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from safetensors import SafetensorError

from rlvr.data import Completion, Damaged, InputError, Row, RunError, Verdict
from rlvr.learners.sft import save
from rlvr.models.loading import load_model, make_tiny
from rlvr.records import record
from rlvr.records.layout import Place


def completion(index: int = 0, **changed: Any) -> Completion:
    values: dict[str, Any] = {
        "problem_id": "addition/train/0/1",
        "arm": "base",
        "seed": 3,
        "round": 1,
        "index": index,
        "prompt_token_ids": (5, 6, 7),
        "token_ids": (8, 1),
        "text": "é\n☃ \x00",
        "logprobs": (float(np.float32(-0.25)), float(np.float32(-1e-3))),
        "finish_reason": "stop",
    }
    return Completion(**{**values, **changed})


def row(index: int = 0, **changed: Any) -> Row:
    values: dict[str, Any] = {
        "problem_id": "p",
        "source": "completion",
        "arm": "verified",
        "seed": 0,
        "round": 1,
        "index": index,
        "prompt_token_ids": (5, 6),
        "token_ids": (7, 1),
        "status": "correct",
        "verifier": "exact@abc",
        "why": "keep=verified",
    }
    return Row(**{**values, **changed})


def content(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_write_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    record.write_text(path, "old")
    record.write_text(path, "new")
    assert path.read_text() == "new"
    assert content(path.parent) == ["a.txt"]


def breaking(failure: BaseException) -> Callable[[Path], None]:
    def write(temporary: Path) -> None:
        temporary.write_text("half")
        raise failure

    return write


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (OSError(28, "No space left on device"), RunError),
        (ValueError("can't be encoded"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_write_that_fails_leaves_the_old_file(
    failure: BaseException, seen: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    record.write_text(path, "old")
    with pytest.raises(seen) as caught:
        record._replace(path, breaking(failure))
    assert path.read_text() == "old"
    assert content(tmp_path) == ["a.txt"]
    if seen is RunError:
        assert str(path) in str(caught.value) and "No space left" in str(caught.value)


@pytest.mark.parametrize("value", [{"a": float("nan")}, {"a": object()}])
def test_json_that_is_none_is_refused_and_leaves_the_old_file(value: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    record.write_json(path, {"b": 1})
    with pytest.raises((ValueError, TypeError)):
        record.write_json(path, value)
    assert json.loads(path.read_text()) == {"b": 1} and content(tmp_path) == ["a.json"]


def test_text_is_utf8_in_any_locale(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from rlvr.records.record import write_text;"
        f"write_text(Path({str(tmp_path / 'a')!r}), chr(233) + chr(9731))"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    assert (tmp_path / "a").read_bytes() == "é☃".encode()


def test_full_disk_is_a_run_error_that_names_the_file() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def write(temporary: Path) -> None:
        with open("/dev/full", "w") as full:
            full.write("x")

    with pytest.raises(RunError, match=r"a\.parquet.*No space left.*run the same command again"):
        record._replace(Path("/tmp/a.parquet"), write)


def test_new_folder_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "model"
    with record.new_folder(path) as folder:
        (folder / "a").write_text("x")
        assert not path.exists()
    assert content(tmp_path) == ["runs", "runs/model", "runs/model/a"]


def test_new_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), record.new_folder(tmp_path / "model") as folder:
        (folder / "a").write_text("x")
        raise ZeroDivisionError
    assert content(tmp_path) == []


@pytest.mark.parametrize(
    "failure", [OSError(errno.ENOSPC, "No space"), SafetensorError("No space")]
)
def test_a_disk_that_takes_no_weights_is_said(tmp_path: Path, failure: Exception) -> None:
    def save_pretrained(folder: Path) -> None:
        (folder / "a").write_text("x")
        raise failure

    model = SimpleNamespace(save_pretrained=save_pretrained, parameters=list)
    with (
        pytest.raises(RunError, match=r"can't write .*model: No space: make room"),
        record.new_folder(tmp_path / "model") as folder,
    ):
        save(model, tmp_path, folder, [])
    assert content(tmp_path) == []


def test_damaged_weights_are_no_full_disk(tmp_path: Path) -> None:
    make_tiny("tiny-0.1m", 0, start := tmp_path / "start")
    weights = start / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"start: its weights are damaged .*: put them back"):
        load_model(start)


def test_new_folder_clears_what_a_killed_run_left(tmp_path: Path) -> None:
    stale = tmp_path / ".model.tmp"
    stale.mkdir()
    (stale / "half").write_text("x")
    with record.new_folder(tmp_path / "model") as folder:
        (folder / "a").write_text("x")
    assert content(tmp_path) == ["model", "model/a"]


def test_rounds_without_their_config_are_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "seed-0").mkdir()
    with pytest.raises(InputError, match=r"config\.json: missing, and seed-0 .*: put it back"):
        record.check_resumable(tmp_path, {"rounds": 2})


def test_completions_round_trip_and_read_with_plain_pandas(tmp_path: Path) -> None:
    path = tmp_path / "completions.parquet"
    completions = [completion(0), completion(1, token_ids=(), logprobs=(), text="")]
    verdicts = [Verdict("correct", "", "46"), Verdict("abstain", "too long", None)]
    pool = list(zip(completions, verdicts, strict=True))
    record.write_completions(path, pool, [True, False])
    assert record.read_completions(path) == pool and record.read_kept(path) == [True, False]
    frame = pd.read_parquet(path)
    assert list(frame.columns) == [
        "problem_id",
        "arm",
        "seed",
        "round",
        "index",
        "prompt_token_ids",
        "token_ids",
        "text",
        "logprobs",
        "finish_reason",
        "status",
        "reason",
        "extracted",
        "kept",
    ]
    assert frame["token_ids"].map(list).tolist() == [[8, 1], []]
    assert frame["kept"].tolist() == [True, False]
    assert frame["text"].tolist() == ["é\n☃ \x00", ""]


def test_rows_round_trip_and_an_empty_file_keeps_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    rows = [row(0), row(1, source="real", verifier="")]
    record.write_rows(path, rows)
    assert record.read_rows(path) == rows
    full = pd.read_parquet(path)
    record.write_rows(path, [])
    empty = pd.read_parquet(path)
    assert record.read_rows(path) == [] and len(empty) == 0
    assert list(empty.columns) == list(full.columns)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in "ab":
        record.write_rows(tmp_path / name, [row(0), row(1)])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "gone"])
def test_damaged_parquet_is_named_with_the_mend(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    record.write_rows(path, [row()])
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes({"cut": data[: len(data) // 2], "noise": b"x" * 500, "empty": b""}[damage])
    for read in (record.read_rows, record.read_completions):
        with pytest.raises(Damaged) as caught:
            read(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_column_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    record.write_rows(path, [row()])
    assert record.read_table(path, ["problem_id"]).column_names == ["problem_id"]
    with pytest.raises(InputError, match="seconds: column missing") as caught:
        record.read_table(path, ["problem_id", "seconds"])
    assert not isinstance(caught.value, Damaged)
    with pytest.raises(InputError, match="rows.parquet: text: column missing") as caught:
        record.read_completions(path)
    assert not isinstance(caught.value, Damaged)


def test_no_bit_flips_unseen_in_what_was_written(tmp_path: Path) -> None:
    """Of the data: what lies behind it says how to read it, and is no figure itself."""
    path = tmp_path / "rows.parquet"
    record.write_rows(path, [row()] * 50)
    whole = path.read_bytes()
    before, seen = pq.read_table(path), 0
    data = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    generator = random.Random(0)
    for _ in range(300):
        bit = generator.randrange(8 * 4, 8 * data)
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            assert record.read_table(path).equals(before)
        except Damaged:
            seen += 1
    assert seen > 150, "the others hit what decides nothing"


HOLD = """
import sys, time
from pathlib import Path
from rlvr.records.record import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_process_on_a_folder_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another run is using this folder") as caught:
            with record.locked(tmp_path):
                pass
        assert str(tmp_path) in str(caught.value) and "--out" in str(caught.value)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with record.locked(tmp_path):
        pass


def test_where_locks_need_a_file_open_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for NFS, which refuses another lock with this error."""
    lock, taken = fcntl.flock, []

    def nfs(handle: int, how: int) -> None:
        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")
        lock(handle, how)
        taken.append(handle)

    monkeypatch.setattr(fcntl, "flock", nfs)
    with record.locked(tmp_path):
        assert len(taken) == 1
        with pytest.raises(InputError, match="another run is using"), record.locked(tmp_path):
            pass


def test_a_folder_whose_name_is_no_utf8_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(InputError, match="no UTF-8: give another folder"), record.locked(folder):
        pass
    assert not folder.exists()


def test_changed_config_is_refused_with_the_keys_named(tmp_path: Path) -> None:
    old = {"rounds": 2, "train": {"lr": 0.1, "steps": 3}, "arms": [{"name": "a"}], "lora": None}
    record.check_resumable(tmp_path / "not-there", old)
    record.write_json(tmp_path / "config.json", {"config": old, "hash": record.digest(old)})
    record.check_resumable(tmp_path, old)
    new = {
        "rounds": 2,
        "train": {"lr": 0.2, "steps": 3},
        "arms": [{"name": "b"}, {"name": "c"}],
        "lora": {"rank": 4},
    }
    with pytest.raises(InputError) as caught:
        record.check_resumable(tmp_path, new)
    message = str(caught.value)
    for words in ("train.lr (0.1 -> 0.2)", "arms.0.name (a -> b)", "arms.1.name", "lora.rank"):
        assert words in message
    assert "train.steps" not in message and "rounds (" not in message
    assert "what can be added to it: more rounds, more seeds, arms with new names" in message
    assert str(tmp_path / "config.json") in message and "\n" not in message


def test_a_claim_may_gain_a_point_or_other_words_and_its_rule_may_not_change(
    tmp_path: Path,
) -> None:
    claim = {"id": "C9", "says": "x", "controls": [], "rule": ["a"], "models": [], "points": {}}
    old = {"rounds": 2, "claim": claim}
    record.write_json(tmp_path / "config.json", {"config": old, "hash": "any"})
    more = {"rounds": 2, "claim": {**claim, "says": "y", "points": {"half-lr": ["train.lr=1"]}}}
    record.check_resumable(tmp_path, more)
    assert record.digest(record.deciding(more)) == record.digest(record.deciding(old))
    with pytest.raises(InputError, match="claim.rule"):
        record.check_resumable(tmp_path, {"rounds": 2, "claim": {**claim, "rule": ["b"]}})
    with pytest.raises(InputError, match="rounds"):
        record.check_resumable(tmp_path, {**more, "rounds": 3})


@pytest.mark.parametrize("text", ["", "{", "[]", '{"config": 3}', "{}"])
def test_damaged_config_is_bad_input_too(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises((InputError, RunError), match=r"config\.json"):
        record.check_resumable(tmp_path, {"rounds": 2})


def test_disk_check_asks_the_disk_of_the_folder_to_be(tmp_path: Path) -> None:
    folder = tmp_path / "not" / "there" / "yet"
    record.check_disk(folder, 1)
    with pytest.raises(InputError, match=r"GB is free.*--out.*generate\.prompts") as caught:
        record.check_disk(folder, 1 << 60)
    assert str(tmp_path) in str(caught.value)
    assert content(tmp_path) == []


def test_metrics_are_gathered_in_a_fixed_order(tmp_path: Path) -> None:
    def place(seed: int, arm: str, round_: int, values: dict[str, float]) -> None:
        rows = [
            {
                "seed": seed,
                "arm": arm,
                "round": round_,
                "metric": name,
                "level": "all",
                "value": value,
                "n": 1,
            }
            for name, value in values.items()
        ]
        record.write_json(Place(seed, arm, round_).folder(tmp_path) / "metrics.json", rows)

    place(10, "verified", 1, {"pass@1": 0.5, "greedy": 1.0})
    place(9, "random", 2, {"pass@1": 0.25})
    place(9, "base", 0, {"pass@1": 0.125})
    record.write_metrics(tmp_path)
    frame = pd.read_parquet(tmp_path / "metrics.parquet")
    assert list(frame.columns) == ["seed", "arm", "round", "metric", "level", "value", "n"]
    assert frame[["seed", "arm", "round", "metric"]].to_numpy().tolist() == [
        [9, "base", 0, "pass@1"],
        [9, "random", 2, "pass@1"],
        [10, "verified", 1, "greedy"],
        [10, "verified", 1, "pass@1"],
    ]


def test_metrics_of_nothing_have_their_columns(tmp_path: Path) -> None:
    record.write_metrics(tmp_path)
    frame = pd.read_parquet(tmp_path / "metrics.parquet")
    assert len(frame) == 0 and "value" in frame.columns


def test_timing_goes_on_after_a_resume(tmp_path: Path) -> None:
    for stage in ("generate", "train"):
        timing = record.Timing(tmp_path)
        timing.add(Place(0, "verified", 1), stage, 2.0, 100)
        timing.save()
    frame = pd.read_parquet(tmp_path / "timing.parquet")
    assert frame["stage"].tolist() == ["generate", "train"]
    assert frame["tokens_per_second"].tolist() == [50.0, 50.0]
    assert (frame["rss_bytes"] > 1e6).all()


def test_digest_is_of_content_not_of_order() -> None:
    assert record.digest({"a": 1, "b": [2]}) == record.digest({"b": [2], "a": 1})
    assert record.digest({"a": 1, "b": [2]}) != record.digest({"a": 1, "b": [3]})


def test_a_second_lock_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    with record.locked(tmp_path), pytest.raises(InputError), record.locked(tmp_path):
        pass
