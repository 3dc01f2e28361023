"""What a change costs: one of each kind is added to a copy of the package, which then runs a round.

A verifier, a task, an axis, a learner and an engine are one new file each, a metric is one row.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = next(path for path in Path(__file__).parents if (path / "pyproject.toml").is_file())

NEW = {
    "tasks/doubles.py": '''
from rlvr.data import Problem
from rlvr.tasks import split_of

VERIFIER = "last_digit"


def problems(split, n, *, seed=0):
    """Yield n problems: double a number."""
    numbers = (i for i in range(10**6) if split_of(str(i)) == split)
    for _, i in zip(range(n), numbers):
        prompt, twice = f"{i % 100}+{i % 100}=", str(i % 100 * 2)
        yield Problem(str(i), "doubles", split, "all", prompt, twice, twice)
''',
    "verifiers/last_digit.py": '''
from rlvr.data import Verdict


def verify(problem, text):
    """Call a completion correct that ends in the reference's last digit."""
    right = text.strip()[-1:] == problem.reference[-1]
    return Verdict("correct" if right else "wrong", extracted=text.strip() or None)
''',
    "rlvr/select/longest.py": '''
from rlvr.select.axis import Axis, value


def eligible(pool, arm):
    """Say which completions have no more characters than the arm allows."""
    return [len(completion.text) <= value(arm, "longest") for completion, _ in pool]


AXIS = Axis(int, "1000, or a number", "most characters of a row", eligible=eligible, default=1000)
''',
    "rlvr/learners/frozen.py": '''
import shutil

from rlvr.learners.learner import Learner
from rlvr.records import record
from rlvr.records.layout import MODEL, Place


def learn(run, seed, arm, place):
    """Make M(t) a copy of M(t-1): nothing is learned."""
    out = place.folder(run.folder)
    shutil.copytree(run.policy(Place(place.seed, place.arm, place.round - 1)), out / MODEL)
    record.write_json(out / "train.json", {})
    run.engine.load(out / MODEL)
    return []


LEARNER = Learner(learn)
''',
    "rlvr/engine/plain.py": '''
import torch

from rlvr.engine.probes import read_probes
from rlvr.engine.protocol import Engine, Sampled
from rlvr.models.loading import load_model


class PlainEngine(Engine):
    """transformers' own forward pass, a token at a time."""

    def __init__(self, model, dtype, arguments=None):
        self.dtype, self.start_seconds = dtype, 42.0
        self.reload(model)

    def wait_ready(self):
        return {}

    def reload(self, model):
        self.model = load_model(model).eval()
        self.end = self.model.config.eos_token_id

    def load(self, model):
        self.reload(model)
        probes = read_probes(model)
        return probes.prove([self.score(probes.token_ids)], model, self.dtype)

    def rest(self):
        pass

    def close(self):
        pass

    @torch.no_grad()
    def score(self, sequences):
        return [
            tuple(self._logprobs(ids)[range(len(ids) - 1), ids[1:]].tolist()) for ids in sequences
        ]

    def _logprobs(self, ids):
        return self.model(input_ids=torch.tensor([ids])).logits[0].float().log_softmax(-1)

    @torch.no_grad()
    def stream(self, prompts, decoding, seeds, wait_seconds=None):
        for place, (prompt, seed) in enumerate(zip(prompts, seeds)):
            random = torch.Generator().manual_seed(seed % 2**63)
            ids, logprobs = [], []
            while len(ids) < decoding.max_tokens and self.end not in ids:
                scores = self._logprobs([*prompt, *ids])[-1]
                drawn = scores.argmax()
                if decoding.temperature:
                    odds = (scores / decoding.temperature).softmax(-1)
                    drawn = torch.multinomial(odds, 1, generator=random)
                ids.append(int(drawn))
                logprobs.append(float(scores[ids[-1]]))
            ended = "stop" if self.end in ids else "length"
            yield [(place, Sampled(tuple(ids), tuple(logprobs), ended))]


ENGINE = PlainEngine
''',
}  # fmt: skip
ROW = """    Metric("most_tokens", HEALTH, "tokens of the longest sample", "tokens", ON, SAMPLES,
           lambda held: [m.metrics.metric("most_tokens", max(s.tokens for s in held.samples), 1)]),
"""
CONFIG: dict[str, Any] = {
    "name": "added",
    "model": "tiny-0.1m",
    "task": "doubles",
    "engine": {"name": "plain"},
    "seeds": [7],
    "rounds": 1,
    "arms": [
        {"name": "short", "keep": "all", "longest": 2, "learner": "frozen"},
        {"name": "learns", "keep": "all", "longest": 3},
    ],
    "generate": {"prompts": 16, "samples": 2, "max_tokens": 4},
    "verify": {"workers": 1},
    "train": {"steps": 1, "batch_size": 4, "precision": "fp32"},
    "evaluate": {"problems": 4, "samples": 2, "k": [1, 2], "off_target": []},
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project's copy, with everything added."""
    copy = tmp_path_factory.mktemp("copy")
    for folder in ("rlvr", "verifiers", "tasks", "configs"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in NEW.items():
        (copy / name).write_text('"""Added."""\n' + text)
    table = copy / "rlvr" / "evaluate" / "table.py"
    begin = "METRICS: tuple[Metric, ...] = (\n"
    text = table.read_text()
    assert text.count(begin) == 1
    table.write_text(text.replace(begin, begin + ROW))
    return copy


@pytest.fixture(scope="module")
def run(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the copy, laid out as it is installed."""
    place = tmp_path_factory.mktemp("installed")
    shutil.copytree(package / "rlvr", place / "rlvr")
    for folder in ("verifiers", "tasks", "configs"):
        shutil.copytree(package / folder, place / "rlvr" / folder)
    (place / "added.json").write_text(json.dumps(CONFIG))  # JSON is YAML
    done = subprocess.run(
        [sys.executable, "-m", "rlvr.cli", "run", "added.json", "--out", "run"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place), "RLVR_CACHE": str(place / "cache")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (place / "out.txt").write_text(done.stdout)
    return place / "run"


def test_all_are_new_files_but_a_metric_which_is_a_row(package: Path) -> None:
    changed = []
    for folder in ("rlvr", "verifiers", "tasks", "configs"):
        for path in sorted((package / folder).rglob("*")):
            old = ROOT / path.relative_to(package)
            if path.is_file() and not (old.is_file() and filecmp.cmp(path, old, shallow=False)):
                changed.append(str(path.relative_to(package)))
    assert sorted(changed) == sorted([*NEW, "rlvr/evaluate/table.py"])


def test_the_task_and_its_verifier_are_asked(run: Path) -> None:
    pool = pd.read_parquet(run / "seed-7" / "short" / "round-001" / "completions.parquet")
    assert set(pool.status) <= {"correct", "wrong"} and len(pool) == 32
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["verifier"].startswith("last_digit@")


def test_the_axis_selects(run: Path) -> None:
    for arm, most in (("short", 2), ("learns", 3)):
        folder = run / "seed-7" / arm / "round-001"
        pool = pd.read_parquet(folder / "completions.parquet")
        rows = pd.read_parquet(folder / "rows.parquet")
        assert 0 < len(rows) == (pool.text.str.len() <= most).sum() < len(pool)


def test_the_learner_learns_nothing_and_the_other_does(run: Path) -> None:
    base = (run / "seed-7" / "base" / "model" / "model.safetensors").read_bytes()

    def weights(arm: str) -> bytes:
        return (run / "seed-7" / arm / "round-001" / "model" / "model.safetensors").read_bytes()

    assert weights("short") == base != weights("learns")


def test_the_metric_is_recorded(run: Path) -> None:
    metrics = pd.read_parquet(run / "metrics.parquet")
    found = metrics[metrics.metric == "most_tokens"]
    assert set(found.arm) == {"base", "short", "learns"} and found.value.between(1, 4).all()


def test_the_engine_that_was_added_is_the_one_that_ran(run: Path) -> None:
    assert "engine up in 42 s" in (run.parent / "out.txt").read_text()
