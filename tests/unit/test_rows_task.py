"""The task `rows`: what rows become, how they are divided, and what it says of them."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from rlvr.config import Config
from rlvr.data import InputError, Problem, Split
from rlvr.learners.context import SeedProblems
from rlvr.loop.problems import draw
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import ask, draw_problems, verifier_of
from rlvr.verify.verifier import load_verifier

rows = importlib.import_module("rlvr.tasks.rows")
split_of: Callable[[str], Split] = importlib.import_module("rlvr.tasks").split_of
problems: Callable[..., Iterator[Problem]] = rows.problems
SPLITS: tuple[Split, ...] = get_args(Split)


def lines(n: int) -> list[dict[str, Any]]:
    return [{"problem": f"What is {i} + 1?", "answer": i + 1} for i in range(n)]


def write(path: Path, content: list[Any]) -> str:
    path.write_text("".join(json.dumps(line) + "\n" for line in content))
    return str(path)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write(tmp_path / "a.jsonl", lines(300))


def of(split: Split, n: int, **options: Any) -> set[str]:
    return {problem.prompt.strip() for problem in problems(split, n, **options)}


# Splits


def test_where_the_usual_share_is_enough_the_hash_decides_alone(path: str) -> None:
    """So were they divided before: an old config's figures are the same."""
    usual = {split: {one["problem"] for one in lines(300)} for split in SPLITS}
    usual = {k: {text for text in texts if split_of(text) == k} for k, texts in usual.items()}
    for wanted in (None, {"eval": len(usual["eval"]), "dev": 2}):
        sizes = rows.sizes(wanted, path=path)
        assert sizes == {split: len(texts) for split, texts in usual.items()}
        for split in SPLITS:
            assert of(split, sizes[split], path=path, wanted=wanted) == usual[split]


def test_more_is_held_back_where_more_is_wanted_and_never_most(path: str) -> None:
    wanted: dict[Split, int] = {"eval": 80, "dev": 30}
    assert rows.sizes(wanted, path=path) == {"train": 190, "eval": 80, "dev": 30}
    most: dict[Split, int] = {"eval": 4000, "dev": 2000}
    assert rows.sizes(most, path=path) == {"train": 150, "eval": 100, "dev": 50}
    found = [of(s, n, path=path, wanted=most) for s, n in rows.sizes(most, path=path).items()]
    assert sum(map(len, found)) == len(set().union(*found)) == 300
    assert of("eval", 80, path=path, wanted=wanted) & of("dev", 50, path=path, wanted=most)


def test_a_file_for_the_evaluation_is_used_whole_and_kept_out_of_training(
    path: str, tmp_path: Path
) -> None:
    tested = write(tmp_path / "b.jsonl", lines(40))
    options = {"path": path, "eval_path": tested}
    sizes = rows.sizes({"eval": 10, "dev": 100}, **options)
    assert sizes == {"train": 260 - 260 // 6, "eval": 40, "dev": 260 // 6}
    with pytest.raises(ValueError, match=r"40 problems for the evaluation, 41 asked for"):
        list(problems("eval", 41, **options))
    assert of("eval", 40, **options).isdisjoint(of("train", 260, **options))


def test_splits_of_a_saved_folder(tmp_path: Path) -> None:
    from datasets import Dataset, DatasetDict

    folder = str(tmp_path / "saved")
    parts = {"train": lines(30), "test": lines(40)[30:]}
    DatasetDict({k: Dataset.from_list(v) for k, v in parts.items()}).save_to_disk(folder)
    assert rows.sizes(path=folder, eval_split="test")["eval"] == 10
    assert of("eval", 10, path=folder, eval_split="test") == {
        one["problem"] for one in parts["test"]
    }
    with pytest.raises(InputError, match="its splits are train, test"):
        rows.sizes(path=folder, eval_split="tset")


# What a row becomes


def test_messages_columns_levels_and_suffix(tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "Brief."}, {"role": "user", "content": " 1+1? "}]
    asked = [{"chat": talk, "gold": "2", "hard": "easy", "why": "as 1 and 1 are 2"}]
    path = write(tmp_path / "a.jsonl", asked)
    columns = {"prompt": "chat", "answer": "gold", "level": "hard", "solution": "why"}
    (problem,) = problems("train", 1, path=path, columns=columns, suffix="\nA: ")
    assert problem.messages == (("system", "Brief."), ("user", " 1+1? "))
    assert problem.prompt == "Brief.\n\n 1+1?\nA: "
    assert (problem.reference, problem.level) == ("2", "easy")
    assert (problem.solution, problem.task) == ("as 1 and 1 are 2", "rows")


def test_a_program_goes_on_where_its_prompt_ends(tmp_path: Path) -> None:
    prompt = 'def f(x):\n    """Return x."""\n'
    row = {"prompt": prompt, "test": "def check(f):\n    assert f(1) == 1\n", "entry_point": "f"}
    (problem,) = problems("train", 1, path=write(tmp_path / "a.jsonl", [row]))
    assert problem.prompt == prompt


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", lines(30))
    assert sum(rows.sizes(path=path).values()) == 30
    write(tmp_path / "a.jsonl", lines(31))
    assert sum(rows.sizes(path=path).values()) == 31


def test_a_prompt_that_comes_twice_is_one_problem(tmp_path: Path) -> None:
    content = [*lines(20), {"problem": " What is 1 + 1?\n", "answer": "3"}]
    path = write(tmp_path / "a.jsonl", content)
    assert sum(rows.sizes(path=path).values()) == 20
    wanted: dict[Split, int] = {"eval": 6}
    found = {
        problem.prompt: problem.reference
        for split, n in rows.sizes(wanted, path=path).items()
        for problem in problems(split, n, path=path, wanted=wanted)
    }
    assert len(found) == 20 and found["What is 1 + 1?\n"] == "3", "the last row's answer"


# Beside its problems


def test_worked_examples_of_a_file_of_their_own(path: str, tmp_path: Path) -> None:
    solved = [{**line, "solution": f"It is {line['answer']}."} for line in lines(3)]
    few = write(tmp_path / "few.jsonl", solved)
    found = rows.shots(2, path=path, few_shot_path=few)
    assert [one.prompt for one in found] == ["What is 0 + 1?\n", "What is 1 + 1?\n"]
    assert [one.solution for one in found] == ["It is 1.", "It is 2."]
    assert rows.shots(2, path=path) is None
    for n, few_shot_path, words in (
        (0, few, r"prompt\.few_shot says how many"),
        (4, few, "3 rows, prompt.few_shot asks for 4"),
        (2, path, "has no solution"),
        (2, "gone.jsonl", r"task\.few_shot_path: no such file: gone"),
    ):
        with pytest.raises(InputError, match=words):
            rows.shots(n, path=path, few_shot_path=few_shot_path)


def test_worked_examples_that_lie_apart_take_nothing_from_training(
    path: str, tmp_path: Path
) -> None:
    few = write(tmp_path / "few.jsonl", [{"problem": "1+1?", "answer": "2", "solution": "2"}] * 3)
    small = {"model": "tiny-0.1m", "rounds": 2, "arms": ["unfiltered"], "seeds": [0, 1]}

    def seeds(**task: str) -> list[SeedProblems]:
        given = {"name": "few", "task": {"name": "rows", "path": path, **task}, **small}
        given |= {"generate": {"prompts": 20}, "prompt": {"few_shot": 1 if task else 0}}
        config = Config.model_validate(given)
        return [draw(config, seed) for seed in config.seeds]

    for plain, shown in zip(seeds(), seeds(few_shot_path=few), strict=True):
        assert (plain.rounds, plain.held_out) == (shown.rounds, shown.held_out)
        assert [one.prompt for one in shown.prompting.shots] == ["1+1?\n"]


def test_the_verifier_is_the_one_that_suits_the_rows(path: str, tmp_path: Path) -> None:
    tested = [{"text": "Add.", "test_list": ["assert f(1, 1) == 2"], "code": "f = sum"}]
    code = write(tmp_path / "code.jsonl", tested)
    for given, suited in ((path, "math"), (code, "code")):
        assert verifier_of(NamedConfig.model_validate({"name": "rows", "path": given})) == suited
    assert verifier_of(NamedConfig(name="functions")) == "code"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "either path .* or hub"),
        ({"path": "a", "hub": "b"}, "either path .* or hub"),
        ({"path": "nowhere.jsonl"}, r"task\.path: no such file: nowhere\.jsonl"),
        ({"path": "HERE", "eval_path": "gone"}, r"task\.eval_path: no such file: gone"),
        ({"pth": "a"}, r"task\.pth: rows has no such option, did you mean 'path'"),
        ({"path": "HERE", "eval_path": "a", "eval_split": "b"}, "drop one"),
        ({"path": "HERE", "eval_split": "b"}, "has no splits: give eval_path"),
        ({"path": "HERE", "columns": {"answer": "gold"}}, "nothing under 'gold'"),
        ({"path": "HERE", "columns": ["answer"]}, r"task\.columns"),
        ({"path": "HERE", "shape": "vrel"}, "did you mean 'verl'"),
    ],
)
def test_options_that_are_wrong(options: dict[str, Any], words: str, path: str) -> None:
    task = NamedConfig(name="rows", **{k: path if v == "HERE" else v for k, v in options.items()})
    for call in (lambda: draw_problems(task, "eval", 1, 0, "here"), lambda: ask(task, "sizes")):
        with pytest.raises(InputError, match=words):
            call()


@pytest.mark.parametrize(
    ("reference", "solution"),
    [
        ("72", "12 * 6 = 72\n#### 72"),
        ("1000", "It is\n#### 1,000"),
        ("x+y", r"As x=3z, 2 of them: \boxed{x+y}. So 5."),
        (r"\frac{1}{2}", r"Half: $\boxed{\frac{1}{2}}$, or 0.5."),
        ("(0, 1]", r"\boxed{(0, 1]}"),
        ("12", "24 less 12 make 12"),
        ("B", r"So it is \boxed{B}."),
        (r"\text{(C)}", r"It is $\boxed{\text{(C)}}$."),
    ],
)
def test_a_corrupted_solution_says_another_answer(reference: str, solution: str) -> None:
    problem = Problem("p", "rows", "eval", "all", "?", reference, solution)
    judge = load_verifier("math").verify
    assert judge(problem, solution).status == "correct"
    for seed in range(5):
        assert judge(problem, rows.corrupt(problem, random.Random(seed))).status == "wrong"
