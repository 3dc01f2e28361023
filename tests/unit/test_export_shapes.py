"""A run's completions leave in the shape in which its rows came, and are read back equal."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support.command import Call, assert_refused
from support.made_run import config, make_run
from support.shapes import MADE, make

from rlvr.config import Config
from rlvr.loop.problems import draw
from rlvr.shapes.known import read_items


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(tmp_path_factory.mktemp("rows"), 60)


def of(task: dict[str, Any]) -> Config:
    small: dict[str, Any] = {
        "generate": {"prompts": 6, "samples": 2},
        "evaluate": {"problems": 6, "samples": 2, "k": [1]},
    }
    return config(seeds=[0], rounds=2, arms=["verified", "unfiltered"], task=task, **small)


QUICK = [("verl", "verl"), ("verl", "messages"), ("apps", "apps")]
ALL = [(name, made.shape) for name, made in MADE.items()]


@pytest.mark.parametrize(
    ("name", "shape"),
    [*QUICK, *(pytest.param(*one, marks=pytest.mark.slow) for one in ALL if one not in QUICK)],
)
def test_rows_leave_in_a_shape_with_their_references(
    call: Call, files: dict[str, Path], tmp_path: Path, name: str, shape: str
) -> None:
    asked = of({"name": "rows", "path": str(files[name]), "columns": MADE[name].columns or None})
    run, out = make_run(tmp_path / "run", asked), tmp_path / "out"
    code, said, err = call("export", run, "--shape", shape, "-o", out)
    assert code == 0, err
    found, items = read_items(out)
    assert found.name == {"messages": "open-instruct"}.get(shape, shape)
    drawn = draw(asked, 0)
    problems = {one.id: one for part in drawn.rounds for one in part}
    rows = pq.read_table(out / "completions.parquet").to_pylist()
    recorded = [
        text
        for arm in ("verified", "unfiltered")
        for t in (1, 2)
        for text in pq.read_table(run / f"seed-0/{arm}/round-00{t}/completions.parquet")["text"]
    ]
    assert len(rows) == 2 * 2 * 6 * 2
    for row, item, text in zip(rows, items, recorded, strict=True):
        problem = problems[row["problem_id"]]
        assert item.problem.reference == problem.reference
        assert item.problem.prompt.strip() == problem.prompt.strip()
        assert item.problem.level == problem.level or problem.level == "all"
        assert not problem.messages or item.problem.messages == problem.messages
        assert item.completions == (text.as_py(),)
    assert f"Those of the shape {shape}" in (out / "README.md").read_text()


def test_what_can_not_leave_in_a_shape(call: Call, files: dict[str, Path], tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", of({"name": "rows", "path": str(files["gsm8k"])}))
    asked = ("export", run, "-o", tmp_path / "out", "--shape")
    assert_refused(call, ["no shape 'verlx', did you mean 'verl'?"], *asked, "verlx")
    assert_refused(call, ["the shape mbpp can't hold its reference", "verl"], *asked, "mbpp")


def test_a_task_of_ours_leaves_in_a_shape_too(call: Call, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", of({"name": "addition", "digits": 2}))
    assert call("export", run, "--kept", "--shape", "verl", "-o", tmp_path / "out")[0] == 0
    _, items = read_items(tmp_path / "out")
    for item in items:
        assert item.problem.level == "addition" and item.problem.reference.isdigit()
        assert item.problem.messages == (("user", item.problem.prompt),)
