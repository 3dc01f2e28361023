"""Where the files of a run lie, which go together, and the learners and studies by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rlvr.config import Config
from rlvr.learners.registry import LEARNERS
from rlvr.records import layout
from rlvr.records.layout import ROUND, Place
from rlvr.studies.registry import STUDIES


@pytest.mark.parametrize(
    ("place", "folder"),
    [
        (Place(7, "base", 0), "seed-7/base"),
        (Place(7, "verified", 1), "seed-7/verified/round-001"),
        (Place(0, "round-2", 1000), "seed-0/round-2/round-1000"),
    ],
)
def test_a_place_has_a_folder_and_a_folder_its_place(
    tmp_path: Path, place: Place, folder: str
) -> None:
    assert place.folder(tmp_path) == tmp_path / folder
    assert layout.place_of(tmp_path / folder / layout.RECORDED) == place


def test_finished_rounds_are_those_with_metrics(tmp_path: Path) -> None:
    places = [Place(7, "base", 0), Place(8, "base", 0), Place(7, "a", 1), Place(7, "a", 2)]
    for place in places:
        place.folder(tmp_path).mkdir(parents=True)
        (place.folder(tmp_path) / layout.RECORDED).write_text("[]")
    Place(7, "a", 3).folder(tmp_path).mkdir()
    assert [layout.place_of(path) for path in layout.finished_rounds(tmp_path)] == places


def test_what_is_deleted_together_begins_with_the_marks() -> None:
    assert layout.made_with("rows.parquet") == layout.made_with("completions.parquet")
    assert layout.made_with("memory.parquet")[0] == "rows.parquet"
    assert layout.made_with("train.json") == ["train.json", "model"]
    assert layout.made_with("eval.parquet") == ["eval.parquet"]
    assert layout.made_with("amplified.json") == ["amplified.json"]  # it has no row


def test_a_stage_is_done_when_all_its_marks_are_there(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text("{}")
    assert not layout.is_done(tmp_path, "train")
    (tmp_path / "model").mkdir()
    assert layout.is_done(tmp_path, "train") and not layout.is_done(tmp_path, "record")
    (tmp_path / "metrics.json").mkdir()  # a folder is no file
    assert not layout.is_done(tmp_path, "record")


def test_every_stage_has_a_mark_but_the_evaluation_whose_mark_is_the_record() -> None:
    marked = {made.stage for made in ROUND if made.mark}
    assert {made.stage for made in ROUND} - marked == {"evaluate"}
    assert {made.before for made in ROUND} <= set(layout.WEIGHTS)


def test_learners_and_studies_are_those_that_a_config_can_name() -> None:
    assert set(LEARNERS) == {"dpo", "grpo", "sft"}
    assert set(STUDIES) <= set(Config.model_fields)


def test_a_runs_file_names_are_spelt_here_alone() -> None:
    names = [one for one in vars(layout).values() if isinstance(one, str) and "." in one[1:]]
    names = [one for one in names if Path(one).suffix in (".json", ".parquet", ".png")]
    assert {"compare.json", "completions.parquet", "metrics.json"} <= set(names)
    package = Path(layout.__file__).parents[1]
    spelt = [
        f"{file.relative_to(package)}: {name}"
        for file in sorted(package.rglob("*.py"))
        for name in names
        # Model folders have a config.json of their own.
        if file != Path(layout.__file__)
        and name != layout.CONFIG
        and f'"{name}"' in file.read_text()
    ]
    assert spelt == []


def test_a_long_file_has_a_reason() -> None:
    root = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())
    files = [
        file for part in ("rlvr", "verifiers", "tasks") for file in (root / part).rglob("*.py")
    ]
    long = {str(f.relative_to(root)) for f in files if f.read_text().count("\n") > 500}
    page = (root / "docs" / "development.md").read_text()
    table = page.partition("## Sizes")[2].partition("\n## ")[0]
    assert set(re.findall(r"`(\w+/[\w/]+\.py)`", table)) == long
