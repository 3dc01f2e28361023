"""The weights of a recorded run as a folder with a card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.written_run import write_run

from rlvr.data import InputError
from rlvr.records.layout import Place
from rlvr.results.weights import export_weights


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights") / "run"
    write_run(folder)
    return folder


def test_a_card_says_what_the_rule_is_about(run: Path, tmp_path: Path) -> None:
    cards = {}
    for arm in ("verified", "base"):
        place, folder = export_weights(run, arm, None, None, tmp_path / arm)
        assert place == Place(0, arm, 2 if arm == "verified" else 0)
        cards[arm] = (folder / "README.md").read_text()
    assert "Growth in pass@1" in cards["verified"] and "growth if pass@1 rises" in cards["base"]
    assert "over 3 seeds, and these weights are one seed's at round 2" in cards["verified"]
    assert "The base has no verdict" in cards["base"] and "Growth in" not in cards["base"]
    assert "real_nll" not in cards["base"].partition("## Config")[0], "what nobody recorded"


def test_an_arm_that_was_added_has_no_verdict(run: Path, tmp_path: Path) -> None:
    path = run / "config.json"
    saved = json.loads(path.read_text())
    [verified, *others] = saved["config"]["arms"]
    later = {"began": 1, "arms": [verified, *others], "sealed": {}, "sections": {}}
    later |= {key: saved["config"][key] for key in ("rounds", "seeds")}
    began = {**saved["config"], "arms": others, "verdict": {**saved["config"]["verdict"]}}
    path.write_text(json.dumps({**saved, "config": began, "added": [later]}))
    try:
        _, folder = export_weights(run, str(verified["name"]), None, None, tmp_path / "out")
    finally:
        path.write_text(json.dumps(saved))
    card = (folder / "README.md").read_text()
    assert "The arm was added after the run began" in card and "Growth in" not in card


def test_a_folder_that_is_there_is_left_alone(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InputError, match="is there already"):
        export_weights(run, "base", None, None, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InputError, match="give its name with -o"):
        export_weights(run, "base", None, None, Path("."))
