"""The comparison of two recordings, on files made by hand."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import save_file
from support import baseline

RUN = "quickstart"


@pytest.fixture
def both(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal recordings of one run."""
    one, other = tmp_path / "one", tmp_path / "other"
    run = one / RUN / "run"
    run.mkdir(parents=True)
    table = {
        "text": ["a", None],
        "logprobs": [[0.1, math.nan], []],
        "verifier": ["math@" + "0" * 12] * 2,
    }
    pq.write_table(pa.table(table), run / "rows.parquet")
    pq.write_table(pa.table({"stage": ["train"], "seconds": [1.5]}), run / "timing.parquet")
    (run / "metrics.json").write_text(json.dumps([{"value": 0.1, "n": 3}, {"value": None, "n": 0}]))
    (run / "notes.yaml").write_text("a: {b: [1, 2]}\n")
    (run / "plot.png").write_bytes(b"\x89PNG\xff")
    save_file({"weight": np.ones((2, 3), np.float32)}, run / "model.safetensors")
    (one / RUN / "out.txt").write_text(
        "engine up in 3 s\nround 1  kept 7  0.5 s  (about 2 min left)\n"
    )
    shutil.copytree(one, other)
    return one, other


def compared(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str], names: tuple[str, ...] = (RUN,)
) -> tuple[int, list[str]]:
    code = baseline.compare(*both, names)
    return code, capsys.readouterr().out.splitlines()


def test_a_long_value_is_shown_where_it_differs() -> None:
    assert baseline.shown("1", "2") == "1 -> 2"
    same = "y" * 40
    assert (
        baseline.shown("x" * 99 + same + "1", "x" * 99 + same + "2") == f"...{same}1 -> ...{same}2"
    )


def test_equal(both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(both, capsys) == (0, ["equal: 7 files of quickstart"])


def test_the_last_bit_of_a_float(
    both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = both[1] / RUN / "run" / "rows.parquet"
    table = pq.read_table(path)
    changed = pa.array([[math.nextafter(0.1, 1), math.nan], []])
    pq.write_table(table.set_column(1, "logprobs", changed), path)
    code, [line, end] = compared(both, capsys)
    assert code == 1 and end == "DIFFERENT: 7 files of quickstart"
    where = "quickstart/run/rows.parquet: logprobs (list<element: double>), row 0: "
    assert line == where + "[0.1, nan] -> [0.10000000000000002, nan]"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("run/metrics.json", "0.1", "0.10000000000000002", "0.value, row 0: 0.1 -> 0.1000000000"),
        ("run/metrics.json", '"n": 0', '"n": false', "1.n, row 0: 0 -> False"),
        ("run/metrics.json", '"n": 0', '"m": 0', "1.n: only in"),
        ("run/notes.yaml", "2", "2.0", "a.b.1, row 0: 2 -> 2.0"),
        ("out.txt", "kept 7", "kept 8", "line, row 1: 'round 1  kept 7"),
        ("out.txt", "\nround", "\nx\nround", "line: 3 rows -> 4 rows"),
    ],
)
def test_a_changed_text(
    both: tuple[Path, Path],
    capsys: pytest.CaptureFixture[str],
    file: str,
    old: str,
    new: str,
    said: str,
) -> None:
    path = both[1] / RUN / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    code, lines = compared(both, capsys)
    assert code == 1 and lines[0].startswith(f"quickstart/{file}: {said}")


def test_changed_bytes(both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run = both[1] / RUN / "run"
    (run / "plot.png").write_bytes(b"\x89PNG\xfe")
    data = bytearray((run / "model.safetensors").read_bytes())
    assert data[-4:] == struct.pack("<f", 1.0)
    data[-4] ^= 1
    (run / "model.safetensors").write_bytes(data)
    code, [weight, plot, _] = compared(both, capsys)
    assert code == 1 and plot.startswith("quickstart/run/plot.png: bytes, row 0: ")
    assert weight.startswith("quickstart/run/model.safetensors: weight (F32, [2, 3]), row 1: ")


def test_missing(both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    (both[0] / RUN / "run" / "plot.png").unlink()
    code, lines = compared(both, capsys, (RUN, "grpo"))
    assert code == 1 and lines == [
        *(f"{folder / 'grpo'}: not recorded" for folder in both),
        f"quickstart/run/plot.png: missing in {both[0]}",
        "DIFFERENT: 7 files of quickstart, grpo",
    ]


def test_what_may_differ(both: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    run = both[1] / RUN / "run"
    pq.write_table(pa.table({"stage": ["train"], "seconds": [2.5]}), run / "timing.parquet")
    rows = pq.read_table(run / "rows.parquet")
    hashes = pa.array(["math@" + "1" * 12] * 2)
    pq.write_table(rows.set_column(2, "verifier", hashes), run / "rows.parquet")
    (both[1] / RUN / "out.txt").write_text("engine up in 12 s\nround 1  kept 7  11.5 s\n")
    code, lines = compared(both, capsys)
    assert code == 0 and lines == [
        "differs 2 times, and may: times in the lines of progress",
        "differs 2 times, and may: a verifier's hash",
        "differs 1 times, and may: times, memory",
        "equal: 7 files of quickstart",
    ]
    # The name of the verifier is no hash.
    named = pa.array(["exact@" + "1" * 12] * 2)
    pq.write_table(rows.set_column(2, "verifier", named), run / "rows.parquet")
    assert compared(both, capsys)[0] == 1


def test_rows_that_come_in_any_order(tmp_path: Path) -> None:
    for folder, order in (("one", [0, 1, 2]), ("other", [2, 0, 1])):
        run = tmp_path / folder / "ray" / "run"
        run.mkdir(parents=True)
        rows = [("a", 1, 0.5), ("b", 1, 0.1), ("b", 2, 0.7)]
        arm, round_, seconds = zip(*(rows[i] for i in order), strict=True)
        table = pa.table({"arm": arm, "round": round_, "seconds": seconds})
        pq.write_table(table, run / "timing.parquet")
    arguments = (tmp_path / "one", tmp_path / "other", "ray/run/timing.parquet", Counter[str]())
    assert list(baseline.differences(*arguments)) == []


def test_the_command(both: tuple[Path, Path]) -> None:
    command = [sys.executable, baseline.__file__]
    shown = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    assert all(f"    {name} " in shown for name in baseline.RUNS)
    (both[1] / RUN / "out.txt").unlink()
    command += ["compare", *map(str, both), "--only", RUN]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "quickstart/out.txt: missing in " in done.stdout
