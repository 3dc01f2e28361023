"""Tasks: right answers, streams that repeat, splits that never share a problem."""

from __future__ import annotations

import importlib
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import InputError, Problem, Split

addition: Callable[..., Iterator[Problem]] = importlib.import_module("rlvr.tasks.addition").problems
carries: Callable[[int, int], int] = importlib.import_module("rlvr.tasks.addition").carries
qa: Callable[..., Iterator[Problem]] = importlib.import_module("rlvr.tasks.qa").problems

SPLITS: tuple[Split, ...] = ("train", "eval", "dev")


def operands(problem: Problem) -> tuple[int, int]:
    a, b = problem.prompt.removesuffix("=").split("+")
    return int(a), int(b)


@pytest.mark.parametrize("digits", [1, 2, 3, 6])
@pytest.mark.parametrize("reverse", [False, True])
def test_addition_is_right(digits: int, reverse: bool) -> None:
    for problem in addition("train", 30, seed=1, digits=digits, reverse=reverse):
        a, b = operands(problem)
        assert len(problem.prompt) == 2 * digits + 2
        answer = problem.reference[::-1] if reverse else problem.reference
        assert int(answer) == a + b and len(answer) == digits + 1
        assert problem.solution == problem.reference
        assert (problem.task, problem.split) == ("addition", "train")


@pytest.mark.parametrize(
    ("a", "b", "count"),
    [
        (0, 0, 0),
        (5, 4, 0),
        (5, 5, 1),
        (99, 1, 2),
        (90, 10, 1),
        (55, 55, 2),
        (999, 1, 3),
        (105, 5, 1),
    ],
)
def test_carries(a: int, b: int, count: int) -> None:
    assert carries(a, b) == carries(b, a) == count


def test_levels_say_digits_and_carries() -> None:
    for problem in addition("train", 200, digits=3):
        a, b = operands(problem)
        assert problem.level == f"d{len(str(max(a, b)))}c{carries(a, b)}"
    assert len({problem.level for problem in addition("train", 200, digits=3)}) >= 6


def test_addition_splits_share_no_pair_in_either_order() -> None:
    pairs = {
        split: {
            frozenset(operands(problem))
            for seed in range(5)
            for problem in addition(split, 300, seed=seed, digits=2)
        }
        for split in SPLITS
    }
    assert all(len(found) > 150 for found in pairs.values())
    for one, other in itertools.combinations(SPLITS, 2):
        assert pairs[one].isdisjoint(pairs[other])
    both_orders = {operands(problem) for problem in addition("train", 2000, digits=2)}
    assert any((b, a) in both_orders for a, b in both_orders if a != b), "the test sees no swap"


@pytest.mark.parametrize("split", SPLITS)
def test_stream_repeats_and_a_longer_one_extends_it(split: Split) -> None:
    short = list(addition(split, 50, seed=3, digits=2))
    assert list(addition(split, 50, seed=3, digits=2)) == short
    assert list(addition(split, 100, seed=3, digits=2))[:50] == short
    assert len({problem.id for problem in short}) == len({p.prompt for p in short}) == 50


def test_seeds_differ() -> None:
    prompts = [[p.prompt for p in addition("train", 100, seed=s, digits=3)] for s in (0, 1, 2)]
    for one, other in itertools.combinations(prompts, 2):
        # Of 10^6 pairs two samples of 100 share next to none; seeds that overlap share nearly all.
        assert len(set(one) & set(other)) < 3


def test_reversing_changes_answers_alone() -> None:
    plain = list(addition("train", 50, seed=1, digits=2))
    turned = list(addition("train", 50, seed=1, digits=2, reverse=True))
    assert [(p.id, p.prompt, p.level) for p in plain] == [(p.id, p.prompt, p.level) for p in turned]
    assert [p.reference[::-1] for p in plain] == [p.reference for p in turned]


@pytest.mark.parametrize("split", ["eval", "dev"])
def test_exhausted_held_out_split_raises(split: Split) -> None:
    with pytest.raises(ValueError, match=rf"about \d+ different problems for .{split}."):
        list(addition(split, 100, digits=1))


@pytest.mark.parametrize("seed", range(4))
def test_exhausted_training_split_comes_again(seed: int) -> None:
    found = [p.prompt for p in addition("train", 700, seed=seed, digits=1)]
    assert len(found) == 700
    # The 100 pairs of one digit hold about 80 for training: each comes about nine times.
    assert min(found.count(prompt) for prompt in set(found)) >= 5


def test_no_digits_is_an_error() -> None:
    with pytest.raises(ValueError, match="digits"):
        list(addition("train", 1, digits=0))


def test_ten_thousand_problems_are_distinct() -> None:
    found = list(addition("train", 10_000, digits=3))
    assert len({problem.prompt for problem in found}) == 10_000


# Questions and answers from a file


def lines(n: int) -> list[dict[str, Any]]:
    return [{"problem": f"What is {i} + 1?", "answer": i + 1} for i in range(n)]


def jsonl(path: Path, rows: list[Any]) -> str:
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return str(path)


def test_qa_reads_gsm8k(tmp_path: Path) -> None:
    row = {"question": " Tom has 3 and 4. Sum? ", "answer": "3 + 4 = <<3+4=7>>7\n#### 1,007"}
    path = jsonl(tmp_path / "a.jsonl", [row])
    (problem,) = qa("train", 1, path=path, eval_path=jsonl(tmp_path / "b.jsonl", lines(9)))
    assert problem.prompt == "Tom has 3 and 4. Sum?\n"
    assert problem.reference == "1007"
    assert problem.solution == "3 + 4 = <<3+4=7>>7\n#### 1,007"
    assert (problem.task, problem.split) == ("qa", "train")


@pytest.mark.parametrize(
    ("row", "reference", "solution"),
    [
        ({"problem": "p", "answer": "x"}, "x", None),
        ({"problem": "p", "answer": 3}, "3", None),
        ({"problem": "p", "answer": 0}, "0", None),
        ({"problem": "p", "answer": 0.5}, "0.5", None),
        ({"question": "p", "answer": "x", "solution": "so x"}, "x", "so x"),
        ({"problem": "p", "answer": "x", "extra": [1]}, "x", None),
        ({"problem": "p", "answer": "x", "solution": None}, "x", None),
    ],
)
def test_qa_fields(
    row: dict[str, Any], reference: str, solution: str | None, tmp_path: Path
) -> None:
    path = jsonl(tmp_path / "a.jsonl", [row])
    (problem,) = qa("eval", 1, path=jsonl(tmp_path / "b.jsonl", lines(3)), eval_path=path)
    assert (problem.reference, problem.solution) == (reference, solution)


def test_qa_suffix_ends_each_prompt(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", lines(50))
    assert all(p.prompt.endswith("?\nA: ") for p in qa("train", 20, path=path, suffix="\nA: "))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ('{"problem": "p", "answer": ', "not JSON"),
        ("problem,answer", "not JSON"),
        ("[1, 2]", "list"),
        ("3", "int"),
        ("null", "object"),
        ({"problem": "p"}, "'answer'"),
        ({"answer": "x"}, "'problem'"),
        ({"problem": "", "answer": "x"}, "'problem'"),
        ({"problem": 3, "answer": "x"}, "'problem'"),
        ({"problem": "p", "answer": ""}, "'answer'"),
        ({"problem": "p", "answer": None}, "'answer'"),
        ({"problem": "p", "answer": "x", "solution": 3}, "'solution'"),
        ({"problem": "p", "answer": float("nan")}, "'answer'"),
    ],
)
def test_qa_names_the_line_that_is_wrong(bad: Any, words: str, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [*lines(2), bad, *lines(3)])
    with pytest.raises(InputError) as caught:
        list(qa("train", 1, path=path))
    assert f"{path}:3: " in str(caught.value) and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_qa_file_that_is_not_utf8_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"problem": "p\xff", "answer": "x"}\n')
    with pytest.raises(InputError, match=r"a\.jsonl"):
        list(qa("train", 1, path=str(path)))


def test_qa_empty_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.jsonl: empty"):
        list(qa("train", 1, path=jsonl(tmp_path / "a.jsonl", [])))
    with pytest.raises(InputError, match=r"no such file: .*nowhere\.jsonl"):
        list(qa("train", 1, path=str(tmp_path / "nowhere.jsonl")))


@pytest.mark.parametrize("options", [{}, {"path": "a", "dataset": "b"}])
def test_qa_needs_one_source(options: dict[str, str]) -> None:
    with pytest.raises(InputError, match="path .* or dataset"):
        list(qa("train", 1, **options))


@pytest.mark.parametrize(("split", "least"), [("eval", 180), ("dev", 360)])
def test_qa_too_few_to_evaluate_on(split: Split, least: int, tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", lines(100))
    with pytest.raises(ValueError, match=rf"\d+ for '{split}'; 60 asked.*give at least {least} "):
        list(qa(split, 60, path=path))


def test_qa_splits_of_one_file_are_disjoint_and_whole(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [*lines(200), *lines(50)])
    counts = {"train": 120, "eval": 15, "dev": 2}
    found = {
        split: {p.prompt for seed in (0, 1) for p in qa(split, counts[split], seed=seed, path=path)}
        for split in SPLITS
    }
    for one, other in itertools.combinations(SPLITS, 2):
        assert found[one].isdisjoint(found[other])


def test_qa_eval_file_shares_nothing_with_training(tmp_path: Path) -> None:
    training = jsonl(tmp_path / "train.jsonl", lines(200))
    tested = [{"problem": f"  {line['problem']} ", "answer": "x"} for line in lines(40)]
    test = jsonl(tmp_path / "test.jsonl", tested)
    options = {"path": training, "eval_path": test}
    held_out = {p.prompt for p in qa("eval", 40, **options)}
    trained = {p.prompt for p in qa("train", 1000, **options)}
    dev = {p.prompt for p in qa("dev", 3, **options)}
    assert len(held_out) == 40
    assert 140 < len(trained) <= 160
    assert trained.isdisjoint(held_out | dev) and dev.isdisjoint(held_out)


def test_qa_stream_repeats_and_shuffles_again_each_epoch(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", lines(40))
    found = list(qa("train", 120, seed=1, path=path))
    assert list(qa("train", 120, seed=1, path=path)) == found
    assert list(qa("train", 30, seed=1, path=path)) == found[:30]
    assert len({p.id for p in found}) == 120
    size = len({p.prompt for p in found})
    epochs = [[p.prompt for p in found[i * size : (i + 1) * size]] for i in range(3)]
    assert sorted(epochs[0]) == sorted(epochs[1]) and epochs[0] != epochs[1]
    assert [p.prompt for p in qa("train", size, seed=2, path=path)] != epochs[0]
