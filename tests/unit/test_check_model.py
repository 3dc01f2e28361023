"""What `rlvr check --sample` says of what a model did, and what follows from it."""

from __future__ import annotations

import pytest
from support.runs import TINY

from rlvr.config import load
from rlvr.data import Problem
from rlvr.evaluate.evaluation import Problems, Record
from rlvr.evaluate.room import too_little
from rlvr.loop import preflight
from rlvr.loop.ahead import Ahead, ahead
from rlvr.loop.check_model import Sample, said_of, sampled, time_of


def sample(right: int, n: int) -> Sample:
    records = [
        Record("a", "all", "sample", i, f"is {i}", 1, (5,), -0.1, i < 2, status, "", None)
        for i, status in enumerate(["correct"] * right + ["wrong"] * (n - right))
    ]
    problem = Problem("a", "addition", "eval", "all", "1+1=", "2")
    return Sample(Problems((problem,), ((4,),), None), records, 10.0, 2.0)


@pytest.mark.parametrize(
    ("right", "n", "follows"),
    [
        (
            0,
            20,
            "the base solves none of the problems: an arm that learns from its right answers has",
        ),
        (1, 200, "the base solves next to none of the problems"),
        (1, 20, "the base solves some of the problems"),
        (19, 20, "the base solves some of the problems"),
        (
            20,
            20,
            "the base solves nearly all of the problems: no room to grow, as growth is",
        ),
    ],
)
def test_what_follows(right: int, n: int, follows: str) -> None:
    said = dict(said_of(load(TINY, ["warm_start=null"]), sample(right, n)))
    assert said["what follows"].startswith(follows)
    assert ("as high as" in said["what follows"]) == (right == 0)
    assert said["base's pass@1"].startswith(f"{right / n:.2f} (95 %: ")
    assert said["base's pass@1"].endswith(f"), {right} of {n} right")
    assert said["cut at max_tokens"] == f"2 of {n}; half have at most 1 tokens"
    assert {said[f"completion {i}"] for i in (1, 2)} == (
        {"correct", "wrong"} if 0 < right < n else {"correct" if right else "wrong"}
    )


def test_what_helps_is_what_was_not_tried() -> None:
    plain, tried = too_little(0, 0.1, 0, warm=False), too_little(0, 0.1, 4, warm=True)
    for text in ("few-shot examples (prompt.few_shot)", "configs/smollm2.yaml"):
        assert text in plain and text not in tried
    assert "more few-shot examples" in tried and "a longer warm start" in tried


def test_before_a_warm_start_nothing_follows() -> None:
    said = dict(said_of(load(TINY), sample(0, 20)))
    assert said["warm start"] == "not made: this is the model before it"
    assert said["what follows"].startswith("nothing yet: the warm start")


def test_a_run_takes_its_completions_and_rows_at_the_rates_of_the_sample() -> None:
    """TINY: 64 x 8 sampled, 32 held out x 4 and greedy, another task with 16 x 2 and greedy."""
    config = load(TINY)
    pool, evaluated, other, tuning = 64 * 8, 32 * 5, 16 * 3, 64 * (1 + 5 * 4) + 32 * 4
    base, arm = pool + evaluated + other + tuning, pool + 2 * evaluated + other
    before = ahead(config, 32)
    assert before == Ahead(2 * (base + 2 * arm), 2 * (100 * 64 + 2 * 2 * 4 * 16))
    minutes = (before.completions * 10 / 20 + before.rows * 0.05) / 60
    said = time_of(config, sample(0, 20), before, 0.05)
    assert said.startswith(f"about {minutes:,.0f} minutes: ")
    assert f"(of these {2 * 100 * 64:,} are warm starts" in said


def test_what_takes_other_steps_has_no_time() -> None:
    online = [{"name": "online", "keep": "verified", "learner": "grpo"}]
    assert ahead(load(TINY, [f"arms={online}", "grpo.steps=4"]), 32) is None


def test_what_makes_a_run_slow_is_said_before_anything_is_timed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "on_gpu", lambda: False)
    monkeypatch.setattr(preflight, "bf16_speed", lambda: 0.025)
    said = sampled(load(TINY, ["train.precision=bf16"]), 2, "mine.yaml", timed=True)
    assert next(said).startswith("warning            train.precision: bf16: this CPU multiplies")
