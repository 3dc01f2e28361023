"""`rlvr bench` on a real run and the real engine, held against the harness's own backend.

Its tasks are made of local files. The harness is in requirements/lm-eval.txt, which `make test`
installs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from support.chat import CHATML
from support.command import Call, assert_refused
from support.here import LONGEST, command_here
from support.runs import ARMS, SEEDS, files, round_of

from rlvr.data import InputError
from rlvr.engine.protocol import Decoding, Sampled
from rlvr.models.loading import character_tokenizer
from rlvr.statistics.estimates import error_covariance, paired_interval

pytest.importorskip("lm_eval", reason="lm-eval is not here: make test installs it")

from lm_eval.tasks import TaskManager  # noqa: E402

from rlvr.bench import tasks  # noqa: E402
from rlvr.bench.model import EngineModel  # noqa: E402

SUMS = {
    "task": "sums",
    "output_type": "generate_until",
    "doc_to_text": "{{q}}",
    "doc_to_target": "{{a}}",
    "fewshot_split": "test",
    "num_fewshot": 2,
    "generation_kwargs": {"until": ["0"], "max_gen_toks": 4},
    "filter_list": [
        {
            "name": "digit",
            "filter": [
                {"function": "regex", "regex_pattern": "([1-9])"},
                {"function": "take_first"},
            ],
        }
    ],
    "metric_list": [{"metric": "exact_match"}],
}
CHOICE = {
    "task": "choice",
    "output_type": "multiple_choice",
    "doc_to_text": "{{q}}",
    # Every digit is a choice, so that one of them is greedy, whatever the model has learned.
    "doc_to_choice": "{{[a, '22', '33', '060'] + '0123456789' | list}}",
    "doc_to_target": 0,
    "target_delimiter": "",
    "metric_list": [{"metric": "acc"}],
}
PROSE = {
    "task": "prose",
    "output_type": "loglikelihood_rolling",
    "doc_to_text": "",
    "doc_to_target": "{{q * 30}}",
    "metric_list": [{"metric": "bits_per_byte"}],
}


def write_task(folder: Path, settings: dict[str, Any], data: str = "data.jsonl") -> Path:
    """Write a task of local files as YAML; return its path."""
    files = {"data_files": {"test": str(folder / data)}, "cache_dir": str(folder / "cache")}
    path = folder / f"{settings['task']}.yaml"
    told = {"dataset_path": "json", "dataset_kwargs": files, "test_split": "test", **settings}
    path.write_text(yaml.safe_dump(told))
    return path


def write_data(folder: Path, first: int = 0) -> None:
    rows = [{"q": f"{i}+{i + 3}=", "a": str(2 * i + 3)} for i in range(first, first + 6)]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def short(run: Path, folder: Path) -> Path:
    """Return a run with the same rounds, whose engine is as short as those that tests keep."""
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).symlink_to(path)
    recorded = json.loads((run / "config.json").read_text())
    recorded["config"]["engine"] = {"max_model_len": LONGEST}
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps(recorded))
    return folder


def rows(run: Path, seed: int, arm: str, name: str) -> pd.DataFrame:
    place = round_of(run / "bench", seed, arm, 2) if arm != "base" else None
    return pd.read_parquet((place or run / f"bench/seed-{seed}/base") / f"{name}.parquet")


def test_arms_are_measured_beside_their_bases(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, run = files(reference), short(reference, tmp_path / "run")
    write_data(tmp_path)
    paths = [write_task(tmp_path, one) for one in (SUMS, CHOICE, PROSE)]
    asked = ["bench", run, "--tasks", ",".join(map(str, paths))]
    said = command_here(*asked, cache=tmp_path)
    found = json.loads((run / "bench/bench.json").read_text())
    assert files(reference) == before and "paired with the seed's base" in said
    assert {(f["arm"], f["task"]) for f in found["figures"]} == {
        (arm, task) for arm in ARMS for task in ("sums", "choice", "prose")
    }
    for figure in found["figures"]:
        if figure["task"] != "prose":
            holds_by_hand(run, figure, found["confidence"])
    same_as_the_harness_itself(run, paths)

    again = {p: p.stat().st_mtime_ns for p in (run / "bench").rglob("*.parquet")}
    with monkeypatch.context() as patch:
        patch.setattr("rlvr.bench.benchmark._model", no_engine)
        command_here(*asked, cache=tmp_path)
        assert json.loads((run / "bench/bench.json").read_text()) == found
        assert all(path.stat().st_mtime_ns == was for path, was in again.items())
        write_data(tmp_path, first=1)
        with pytest.raises(AssertionError, match="an engine starts"):
            command_here(*asked, cache=tmp_path)


def no_engine(*_: object) -> None:
    raise AssertionError("an engine starts")


def holds_by_hand(run: Path, figure: dict[str, Any], confidence: float) -> None:
    """A figure is the mean of its documents, its interval that of the seeds' differences."""
    sides = []
    for arm in ("base", figure["arm"]):
        of = [rows(run, seed, arm, figure["task"]) for seed in SEEDS]
        sides.append(np.array([one[one["metric"] == figure["metric"]].value for one in of]))
    base, final = sides
    assert base.shape == (2, figure["documents"]) == (2, 6)
    assert figure["seeds"] == pytest.approx(np.c_[base.mean(1), final.mean(1)], abs=1e-9)
    deltas = (final - base).mean(1)
    interval = paired_interval(list(deltas), confidence, error_covariance(final - base))
    assert figure["ci"] == pytest.approx([interval.low, interval.high], abs=1e-9)
    assert figure["delta"] == pytest.approx(deltas.mean(), abs=1e-9)


def same_as_the_harness_itself(run: Path, paths: list[Path]) -> None:
    """Logprobs, greedy texts and windows are those of lm-eval over transformers."""
    from lm_eval.models.huggingface import HFLM

    weights = round_of(run, SEEDS[0], ARMS[0], 2) / "model"
    # An engine of 64 tokens scores 63 of them, with the one before a text's first.
    theirs = HFLM(str(weights), device="cpu", dtype="float32", max_length=62, batch_size=4)
    for path in paths:
        [one] = tasks.find([str(path)])
        expected = tasks.measure(one, theirs, None).rows
        ours = rows(run, SEEDS[0], ARMS[0], one.name)
        assert list(ours.prompt) == [row["prompt"] for row in expected]
        for mine, row in zip(ours.responses, expected, strict=True):
            if path.stem == "sums":
                assert mine == row["responses"]
            else:  # a logprob, and whether the text is the greedy one
                a, b = (np.array(json.loads(text), float) for text in (mine, row["responses"]))
                assert a == pytest.approx(b, abs=1e-2)
    said = [rows(run, SEEDS[0], ARMS[0], name).responses for name in ("sums", "choice")]
    # What the model says differs, and both flags occur. In which row a choice is what the greedy
    # model says is up to its weights, which another processor rounds otherwise.
    flags = " ".join(said[1])
    assert len(set(said[0])) > 1 and "true" in flags and "false" in flags, said


class Echo:
    """An engine that says "7" to every prompt, and keeps the prompts."""

    def __init__(self) -> None:
        self.prompts: list[tuple[int, ...]] = []

    def stream(self, prompts: Any, decoding: Decoding, seeds: Any) -> Any:
        self.prompts += prompts
        seven = tuple(character_tokenizer()("7")["input_ids"])
        yield [(at, Sampled(seven, (0.0,), "stop")) for at in range(len(prompts))]


def test_a_chat_model_is_asked_in_its_template(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "own.py").write_text("def text(doc):\n    return doc['q']\n")
    path = write_task(tmp_path, {**SUMS, "num_fewshot": 1, "doc_to_text": "FUNCTION"})
    path.write_text(path.read_text().replace("FUNCTION", "!function own.text"))
    [one], [again] = tasks.find([str(path)]), tasks.find([str(path)])
    assert one.key == again.key
    tokenizer = character_tokenizer()
    tokenizer.chat_template = CHATML
    engine = Echo()
    model = EngineModel(engine, tokenizer, 64, {})  # type: ignore[arg-type]
    found = tasks.measure(one, model, 2, chat=True, system="Be brief.")
    assert found.values["sums", "exact_match", "digit"] == 0.0
    assert {row["read"] for row in found.rows} == {'["7"]'}
    # Of 64 tokens 4 are for the answer, and one is sampled after a text that is scored.
    assert model.truncated == 2 and {len(ids) for ids in engine.prompts} == {59}
    whole = found.rows[0]["prompt"]
    assert whole.startswith("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n")
    assert whole.endswith("0+3=<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.decode(engine.prompts[0]) == whole[-59:]


def test_samples_vote(reference: Path, tmp_path: Path) -> None:
    run = short(reference, tmp_path / "run")
    write_data(tmp_path)
    path = write_task(tmp_path, SUMS)
    given = ["--arm", "verified", "--maj", 5, "--limit", 4]
    said = command_here("bench", run, "--tasks", path, *given, cache=tmp_path)
    assert "digit maj@5" in said and "Only the first 4 documents" in said
    frame = rows(run, SEEDS[0], "verified", "sums")
    assert len(frame) == 8 and not (run / "bench/seed-7/random").exists()
    texts = [text for one in frame.responses for text in json.loads(one)[0]]
    assert len(texts) == 40 and len(set(texts)) > 5
    base = rows(run, SEEDS[0], "base", "sums")
    assert not base.responses.equals(frame.responses)


def test_a_sample_without_an_answer_has_no_vote() -> None:
    none = tasks.NO_ANSWER
    of = [["7", "8", "8"], [none, none, "5"], [none, none], ["2", "1", "1", "2"]]
    assert tasks._Majority().apply(of, None) == ["8", "5", none, "2"]


@pytest.mark.parametrize(
    ("changed", "votes", "says"),
    [
        ({"dataset_kwargs": {"data_files": {"test": "gone.jsonl"}}}, None, "its data can't be had"),
        ({"unsafe_code": True}, None, "runs what the model wrote without a sandbox"),
        ({"generation_kwargs": {"num_beams": 4}}, None, "generation_kwargs.num_beams"),
        ({"repeats": 3}, 4, "samples each document 3 times by itself"),
        (CHOICE, 4, "--maj: none of the tasks generates text"),
    ],
)
def test_a_task_that_will_not_do(
    changed: dict[str, Any], votes: int | None, says: str, tmp_path: Path
) -> None:
    write_data(tmp_path)
    path = write_task(tmp_path, {**SUMS, **changed})
    with pytest.raises(InputError, match="--tasks|--maj") as caught:
        tasks.find([str(path)], votes)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_refused_before_anything_starts(
    reference: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path)
    path = write_task(tmp_path, CHOICE)
    run = short(reference, tmp_path / "run")
    assert_refused(
        call, ["--arm", "'verifed'", "verified"], "bench", run, "--tasks", path, "--arm", "verifed"
    )
    assert_refused(call, ["no such file"], "bench", run, "--tasks", "gone.yaml")
    assert_refused(call, ["'choice' is there twice"], "bench", run, "--tasks", f"{path},{path}")
    assert_refused(call, ["names no task"], "bench", run, "--tasks", ",")
    # To find all of the harness's own tasks takes it seconds.
    few = TaskManager(include_defaults=False)
    monkeypatch.setattr("rlvr.bench.tasks.TaskManager", lambda include_defaults: few)
    assert_refused(call, ["lm-eval has no task 'gsm8k'"], "bench", run, "--tasks", "gsm8k")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert_refused(call, ["make .venv/ready-lm-eval"], "bench", run, "--tasks", path)
    assert not (run / "bench").exists()


def test_weights_that_are_gone(reference: Path, tmp_path: Path, call: Call) -> None:
    write_data(tmp_path)
    path, run = write_task(tmp_path, CHOICE), tmp_path / "run"
    run.mkdir()
    for name in ("config.json", "metrics.parquet", "manifest.json"):
        (run / name).write_bytes((reference / name).read_bytes())
    assert_refused(call, ["seed-7/base/model: no weights"], "bench", run, "--tasks", path)
    for seed in SEEDS:
        (run / f"seed-{seed}/base/model").mkdir(parents=True)
    config = json.loads((run / "config.json").read_text())
    config["config"]["checkpoints"] = "none"
    (run / "config.json").write_text(json.dumps(config))
    assert_refused(call, ["checkpoints: none", "checkpoints=last"], "bench", run, "--tasks", path)
    assert not (run / "bench").exists()
