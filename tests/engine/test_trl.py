"""TRL both ways: a verifier as GRPOTrainer's reward function, a reward function as a verifier."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import InputError
from rlvr.trl import RewardFunction, reward_func
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem, load_verifier

PARTLY = '''"""Passes as many of four tests as the completion says."""
from rlvr.data import Verdict

def verify(problem, completion, least=4):
    if completion == "shrug":
        return Verdict("abstain", "no idea")
    if completion == "raise":
        raise OSError("no disk")
    n = int(completion)
    seen = repr((problem.prompt, problem.reference))
    passed = tuple(i < n for i in range(4))
    return Verdict("correct" if n >= least else "wrong", seen, passed=passed)
'''

FUNCTIONS = '''"""Reward functions."""
def text(prompts, completions, answer, **kwargs):
    return [float(c == a) for c, a in zip(completions, answer)]

def chat(completions: list[list[dict[str, str]]], solution, **kwargs):
    return [{"yes": 0.75, "none": None, "nan": float("nan")}.get(c[0]["content"], 0.25)
            for c in completions]

def columns(prompts, completions, low, high, **kwargs):
    return [lo <= int(c) <= hi for c, lo, hi in zip(completions, low, high)]

VALUE = 3
'''


@pytest.fixture
def partly(tmp_path: Path) -> str:
    (tmp_path / "partly.py").write_text(PARTLY)
    return str(tmp_path / "partly.py")


@pytest.fixture
def functions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    return str(tmp_path / "functions.py")


@pytest.fixture(scope="module")
def exact() -> Iterator[RewardFunction]:
    function = reward_func("exact", workers=1)
    yield function
    function.close()


def as_trainer(function: RewardFunction, completions: list[Any], **columns: Any) -> list[Any]:
    """Call it as GRPOTrainer does, with what it adds to the dataset's columns."""
    return function(
        prompts=["p"] * len(completions),
        completions=completions,
        completion_ids=[[1]] * len(completions),
        trainer_state=None,
        log_extra=None,
        log_metric=None,
        **columns,
    )


def test_correct_is_one_wrong_is_zero(exact: RewardFunction) -> None:
    assert as_trainer(exact, ["7", "8", " 7 "], answer=["7", "7", 7]) == [1.0, 0.0, 1.0]
    assert [verdict.status for verdict in exact.verdicts] == ["correct", "wrong", "correct"]
    assert exact.__name__ == "rlvr_exact"


def test_conversations(exact: RewardFunction) -> None:
    said = {"role": "assistant", "content": "7"}
    parts = {"role": "assistant", "content": [{"type": "text", "text": "7"}, {"type": "image"}]}
    turns = [{"role": "assistant", "content": "call"}, {"role": "tool", "content": "x"}, said]
    completions = [[said], [parts], turns, [], [{"role": "assistant", "content": None}]]
    assert as_trainer(exact, completions, answer=["7"] * 5) == [1.0, 1.0, 1.0, 0.0, 0.0]


def test_what_is_not_decided_is_none(partly: str) -> None:
    function = reward_func(partly, workers=1, least=2)
    completions = ["4", "1", "shrug", "raise", "2"]
    with pytest.warns(UserWarning, match="no reward: OSError: no disk") as told:
        rewards = as_trainer(function, [*completions, "raise"], answer=[0] * 6)
    assert rewards == [1.0, 0.0, None, None, 1.0, None] and len(told) == 1
    function.partial_credit = True
    assert as_trainer(function, completions, answer=[0] * 5) == [1.0, 0.25, None, None, 0.5]
    function.close()


def test_a_reference_of_several_columns(partly: str) -> None:
    function = reward_func(partly, columns={"test": "tests", "entry_point": "name"}, workers=1)
    as_trainer(function, ["1", "2"], tests=["a", "b"], name=["f", "g"])
    assert [verdict.reason for verdict in function.verdicts] == [
        repr(("p", {"test": test, "entry_point": name})) for test, name in ("af", "bg")
    ]
    function.close()


def test_bad_use_says_what_to_do(exact: RewardFunction) -> None:
    with pytest.raises(InputError, match="no column 'answer'.*answer=.*solution"):
        as_trainer(exact, ["7"], solution=["7"])
    with pytest.raises(InputError, match="verifier.strict: exact has no such option"):
        reward_func("exact", strict=True)
    with pytest.raises(InputError, match="did you mean 'exact'"):
        reward_func("exat")


def test_grpo_trainer_learns_from_it(tmp_path: Path) -> None:
    """The real trainer on a tiny model: it calls, logs and leaves out what is undecided."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    from rlvr.models.loading import make_tiny

    folder = tmp_path / "model"
    make_tiny("tiny-0.1m", 0, folder)
    (tmp_path / "even.py").write_text(
        "from rlvr.data import Verdict\n"
        "def verify(problem, completion):\n"
        "    if problem.reference == '3':\n        return Verdict('abstain')\n"
        "    return Verdict('correct' if len(completion) % 2 == 0 else 'wrong')\n"
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = [{"prompt": f"{i}+{i}=", "sum": str(2 * i + i % 2)} for i in range(8)]
    function = reward_func(str(tmp_path / "even.py"), answer="sum", workers=1)
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder),
        reward_funcs=function,
        args=GRPOConfig(
            output_dir=str(tmp_path / "out"),
            per_device_train_batch_size=16,
            num_generations=4,
            max_completion_length=4,
            max_steps=2,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
        ),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.train()
    logs = [log for log in trainer.state.log_history if "reward" in log]
    assert len(logs) == 2 and len(function.verdicts) == 16
    for log in logs:
        assert 0 <= log[f"rewards/{function.__name__}/mean"] <= 1
        assert math.isfinite(log["loss"])
    function.close()


@pytest.mark.timeout(300)
def test_the_pages_script_trains(tmp_path: Path) -> None:
    from rlvr.models.loading import make_tiny

    page = (Path(__file__).parents[2] / "docs" / "trl.md").read_text()
    (script,) = re.findall(r"```python\n(from datasets import Dataset\n.*?)```", page, re.DOTALL)
    assert len([line for line in script.splitlines() if line]) <= 15
    make_tiny("tiny-0.1m", 0, tmp_path / "model")
    # No hub and little time: what is sampled and for how long is all that differs.
    for ours, theirs in (
        ("Qwen/Qwen2.5-0.5B-Instruct", str(tmp_path / "model")),
        ("max_steps=100", "max_steps=2, use_cpu=True, bf16=False, logging_steps=1"),
        ("max_completion_length=64", "max_completion_length=8"),
    ):
        assert ours in script
        script = script.replace(ours, theirs)
    script += "\nprint(trainer.state.global_step, trainer.state.log_history[0]['reward'])\n"
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines()[-1] == "2 0.0"


# The other way


def statuses(name: str, items: list[tuple[Any, str]], **options: Any) -> list[str]:
    with VerifierPool(name, options, workers=1, timeout=20.0) as pool:
        return [
            verdict.status
            for verdict in pool.verify((case_problem(gold), text) for gold, text in items)
        ]


def test_functions_of_trl_and_of_ones_own(functions: str) -> None:
    items = [("7", r"\boxed{7}"), ("7", r"\boxed{8}"), ("", r"\boxed{8}")]
    assert statuses("trl:trl.rewards:accuracy_reward", items) == ["correct", "wrong", "abstain"]
    think = [("", "<think>so</think>7"), ("", "7")]
    assert statuses("trl:trl.rewards:think_format_reward", think) == ["correct", "wrong"]
    assert statuses(f"trl:{functions}:text", [("7", "7"), (7, "7"), ("7", "8")]) == [
        "correct",
        "correct",
        "wrong",
    ]
    columns = [({"low": 1, "high": 3}, "2"), ({"low": 1, "high": 3}, "4"), ("7", "7")]
    assert statuses(f"trl:{functions}:columns", columns) == ["correct", "wrong", "abstain"]


def test_threshold_and_undecided(functions: str) -> None:
    name, items = f"trl:{functions}:chat", [(0, "yes"), (0, "no"), (0, "none"), (0, "nan")]
    # No reward for this completion, but one for an empty one: the completion's own doing.
    assert statuses(name, items) == ["wrong", "wrong", "wrong", "wrong"]
    assert statuses(name, items[:2], threshold=0.5) == ["correct", "wrong"]
    # Text for a function of messages: it raises whatever the completion is.
    assert statuses(name, items[:1], chat=False) == ["abstain"]


def test_its_version_follows_the_functions_file(functions: str) -> None:
    first = load_verifier(f"trl:{functions}:text")
    assert first.version != load_verifier("trl").version and first.isolate
    assert {"trl.py", "functions.py"} <= {Path(file).name for file in first.files}
    assert first.verify(case_problem("7"), "7").status == "correct"


def test_functions_that_are_not_there(functions: str) -> None:
    for name, words in (
        ("trl:nowhere:f", "no module 'nowhere'"),
        ("trl:trl.nowhere:f", "no module 'trl.nowhere'"),
        ("trl:nowhere.py:f", "no such file"),
        (f"trl:{functions}:other", "no function 'other'"),
        (f"trl:{functions}:VALUE", "no function 'VALUE'"),
        ("trl:nowhere", "trl:MODULE:FUNCTION"),
        ("trl:", "trl:FUNCTION"),
    ):
        with pytest.raises(InputError, match=words):
            load_verifier(name)
