"""Rows of other projects are understood, and what can't be is told in one line."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from support import shapes as made
from support.shapes import MADE

from rlvr.data import InputError, Problem
from rlvr.shapes import known
from rlvr.shapes.files import Hub, Row, read_rows
from rlvr.shapes.known import SHAPES, Item, read_items, recognise, suited, understood
from rlvr.shapes.written import write


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return made.make(tmp_path_factory.mktemp("shapes"))


def read(path: Path, **how: object) -> list[Item]:
    return list(read_items(path, **how)[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MADE)
def test_each_file_is_understood(files: dict[str, Path], name: str) -> None:
    one = MADE[name]
    shape, items = read_items(files[name], one.columns)
    found = list(items)
    assert shape.name == one.shape
    assert len(found) == 12
    assert {suited(shape, item.problem) for item in found} == {one.verifier}
    assert all(item.problem.prompt and item.problem.reference for item in found)
    assert all(item.completions for item in found)


def test_every_shape_has_a_file() -> None:
    assert {one.shape for one in MADE.values()} == {shape.name for shape in SHAPES}


def problem_of(files: dict[str, Path], name: str, row: int = 3) -> Problem:
    return read(files[name], columns=MADE[name].columns)[row].problem


@pytest.mark.parametrize("name", MADE)
def test_each_file_is_written_and_read_back_equal(
    files: dict[str, Path], tmp_path: Path, name: str
) -> None:
    shape, items = read_items(files[name], MADE[name].columns)
    found = list(items)
    pd.DataFrame([write(shape.name, item) for item in found]).to_parquet(tmp_path / "x.parquet")
    back_shape, back = read_items(tmp_path / "x.parquet")
    assert back_shape.name == shape.name
    for old, new in zip(found, back, strict=True):
        assert replace(new, where=old.where, problem=replace(new.problem, id=old.problem.id)) == old


@pytest.mark.parametrize("target", ["verl", "skyrl", "open-instruct", "prompt-answer"])
@pytest.mark.parametrize("name", ["gsm8k", "humaneval", "apps"])
def test_one_shape_becomes_another(files: dict[str, Path], name: str, target: str) -> None:
    item = read(files[name])[1]
    row = json.loads(json.dumps(write(target, item)))
    back = known.item(recognise([row]), row, "row 1", 1)
    assert back.problem.reference == item.problem.reference
    assert back.problem.prompt == item.problem.prompt
    assert back.completions == item.completions


def test_what_a_shape_cant_hold_is_refused(files: dict[str, Path]) -> None:
    item = read(files["apps"])[0]
    for name in ("gsm8k", "math", "humaneval", "mbpp"):
        with pytest.raises(InputError) as failure:
            write(name, item)
        assert str(failure.value) == (
            f"{files['apps']}:1: a row of the shape {name} can't hold its reference, a dict: "
            "choose verl, open-instruct, prompt-answer"
        )
    with pytest.raises(InputError, match="no shape 'verlx', did you mean 'verl'"):
        write("verlx", item)
    assert write("messages", item) == write("open-instruct", item)


def test_a_system_prompt_is_kept(files: dict[str, Path]) -> None:
    problem = problem_of(files, "verl")
    assert problem.messages == (("system", "Answer after ####."), ("user", "32+46="))
    assert problem.prompt == "Answer after ####.\n\n32+46="
    assert (problem.id, problem.level, problem.reference) == ("3", "other/sums", "78")


def test_an_assistants_last_message_is_the_solution(files: dict[str, Path]) -> None:
    (item, *_) = read(files["open-instruct"])
    assert item.problem.messages == (("user", "11+13="),)
    assert (item.problem.solution, item.problem.level) == ("#### 24", "gsm8k")
    assert item.completions == ("#### 24",)


def test_a_solution_holds_the_answer(files: dict[str, Path]) -> None:
    assert problem_of(files, "gsm8k").reference == "1078"
    assert str(problem_of(files, "gsm8k").solution).endswith("\n#### 1,078")
    assert problem_of(files, "math").reference == "78"
    assert problem_of(files, "math").level == "Level 4"


def test_tests_in_json_text_are_read(files: dict[str, Path]) -> None:
    problem = problem_of(files, "apps")
    assert problem.reference["inputs"] == [[1], [10**30]]
    assert problem.prompt == "Write a function that adds 3.\n\ndef add(x):\n"
    assert problem.solution == "def add(x):\n    return x + 3\n"
    assert problem_of(files, "skyrl").reference["inputs"] == ["3\n", "4\n"]
    mbpp = problem_of(files, "mbpp")
    assert mbpp.prompt.endswith("\nYour code should pass this test: assert add(1) == 4\n")
    assert set(mbpp.reference) == {"test_list", "test_setup_code"}


def test_what_verifies_a_row_of_primeintellect() -> None:
    shape = known.BY_NAME["primeintellect"]
    pair = {"inputs": ["1"], "outputs": ["2"]}
    for about, wanted in [
        ({"ground_truth": "34"}, "34"),
        ({"ground_truth": 5}, "5"),
        ({"language": "python", "test_cases": json.dumps(pair)}, pair),
        ({"test_cases": pair, "fn_name": "f"}, pair | {"fn_name": "f"}),
        ({"dataset_type": "taco", "ground_truth": json.dumps(pair)}, pair),
    ]:
        for info in (about, json.dumps(about), repr(about)):
            row = {"prompt": "q", "verification_info": info}
            assert recognise([row]).name == "primeintellect"
            assert known.item(shape, row, "row", 1).problem.reference == wanted
    for info, reason in [
        ({"language": "cpp", "test_cases": []}, "its tests are for cpp, and `code` runs Python"),
        ("{'open': __import__('os')}", "not a mapping"),
        ({"judging_instructions": "Be strict."}, "null or missing"),
        ({"test_cases": []}, "empty"),
    ]:
        with pytest.raises(InputError) as failure:
            known.item(shape, {"prompt": "q", "verification_info": info}, "row", 1)
        assert f"no answer under 'verification_info' ({reason})" in str(failure.value)


def test_columns_may_lead_into_a_mapping(files: dict[str, Path]) -> None:
    problem = problem_of(files, "columns")
    assert (problem.id, problem.level) == ("q3", "hard")
    shape, _ = read_items(files["columns"], MADE["columns"].columns)
    assert understood(shape) == (
        "prompt-answer (prompt: q, answer: gold, completion: out, level: about.difficulty, "
        "id: about.uid)"
    )


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("72", "72"),
        (72, "72"),
        (1.5, "1.5"),
        (10**400, str(10**400)),
        (["72"], "72"),
        (["a", "b"], ["a", "b"]),
        ("[1, 2]", "[1, 2]"),
        ("{1, 2}", "{1, 2}"),
        ('{"target": 9}', {"target": 9}),
        (["assert f() == 1"], {"test_list": ["assert f() == 1"]}),
        ([{"input": "1", "output": "2"}], {"tests": [{"input": "1", "output": "2"}]}),
        ({"target": 9, "other": None}, {"target": 9}),
        ('["assert f() == 1"]', {"test_list": ["assert f() == 1"]}),
        (
            '[{"input": "1", "output": "2", "metadata": {"func_name": "f"}}]',
            {"tests": [{"input": "1", "output": "2", "metadata": {"func_name": "f"}}]},
        ),
        ("so\n#### 1,234", "1234"),
        ("so\n#### (1, 2)", "(1, 2)"),
        ("so\n#### 2,3", "2,3"),
        ("so\n#### -1,234,567.5", "-1234567.5"),
        (r"so $\boxed{\frac{1}{2}}$", r"\frac{1}{2}"),
        (r"It is $\boxed{\{1\}}$ or $\boxed{2}$.", r"\{1\}, 2"),
        ("First $\\boxed{3}$ comes.\n\nIt is $\\boxed{4}$ then.", "4"),
        (r"x = -\boxed{5}", "x = - 5"),
    ],
)
def test_answers(answer: object, reference: object) -> None:
    row = {"prompt": "?", "answer": answer}
    shape = recognise([row])
    assert known.item(shape, row, "row 1", 1).problem.reference == reference


def test_a_solution_may_look_like_json() -> None:
    for text in ("[1, 2]", '{"x": 1}', "so it is"):
        row: Row = {"prompt": "p", "answer": "[1, 2]", "solution": text}
        assert known.item(recognise([row]), row, "row 1", 1).problem.solution == text


def test_verls_answer_may_be_a_list_in_json_text() -> None:
    row: Row = {"data_source": "x", "prompt": "?", "reward_model": {"ground_truth": r'["\\pi"]'}}
    for one in (row, row | {"reward_model": json.dumps(row["reward_model"])}):
        shape = recognise([one])
        assert known.item(shape, one, "row 1", 1).problem.reference == r"\pi"
    plain = {"prompt": "?", "answer": '["a"]'}
    assert known.item(recognise([plain]), plain, "row 1", 1).problem.reference == '["a"]'


BROKEN = {
    "null answer": ({"prompt": "?", "answer": None}, "no answer under 'answer' (null or missing)"),
    "no answer": ({"prompt": "?"}, "no answer under 'answer' (null or missing)"),
    "blank answer": ({"prompt": "?", "answer": " "}, "no answer under 'answer' (empty)"),
    "NaN": ({"prompt": "?", "answer": float("nan")}, "no answer under 'answer' (not a number)"),
    "nothing after the mark": (
        {"prompt": "?", "answer": "so\n#### "},
        "no answer under 'answer' (nothing after ####)",
    ),
    "half a box": (
        {"prompt": "?", "answer": r"So it is \boxed{3"},
        "no answer under 'answer' (a box that does not end)",
    ),
    "empty list": ({"prompt": "?", "answer": []}, "no answer under 'answer' (empty)"),
    "number as prompt": ({"prompt": 3, "answer": "1"}, "no prompt under 'prompt' (a int)"),
    "no message": ({"prompt": [], "answer": "1"}, "no prompt under 'prompt' (empty)"),
    "no role": (
        {"prompt": [{"content": "?"}], "answer": "1"},
        "no prompt under 'prompt' (a message without a role)",
    ),
    "an image": (
        {"prompt": [{"role": "user", "content": [{"type": "image"}]}], "answer": "1"},
        "no prompt under 'prompt' (the content of the user's message is not text)",
    ),
    "another shape": (
        {"problem": "?", "solution": r"\boxed{1}"},
        "no prompt under 'prompt' (null or missing)",
    ),
    "a number said": (
        {"prompt": "?", "answer": "1", "completion": 3},
        "no completion under 'completion' (a int)",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_is_named(tmp_path: Path, name: str) -> None:
    row, told = BROKEN[name]
    path = tmp_path / "rows.jsonl"
    good = {"prompt": "?", "answer": "1", "completion": "1"}
    path.write_text(json.dumps(good) + "\n\n" + json.dumps(row) + "\n")
    with pytest.raises(InputError) as failure:
        read(path)
    assert str(failure.value) == (
        f"{path}:3: {told}: put it there, leave the row out, or name another column for "
        f"{told.split()[1]} (read as prompt-answer)"
    )


def test_an_unknown_shape_says_what_would_do(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame([{"user_query": "?", "gold_label": "1", "n": 1}]).to_parquet(path)
    with pytest.raises(InputError) as failure:
        read(path)
    assert str(failure.value) == (
        f"{path}: of no known shape; its columns are user_query, gold_label, n: say which hold "
        "what, as in columns: {prompt: user_query, answer: gold_label}"
    )
    assert read(path, columns={"prompt": "user_query", "answer": "gold_label"})


def test_many_columns_and_odd_names_still_make_one_short_line() -> None:
    with pytest.raises(InputError) as failure:
        recognise([{f"a\nb{i}": "x" for i in range(5000)}])
    assert "a b19 and 4980 more: say" in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"columns": {"promt": "q"}}, "columns: no part 'promt', did you mean 'prompt'?"),
        ({"columns": {"prompt": "Q1"}}, "nothing under 'Q1', which was given for prompt"),
        ({"name": "verlx"}, "shape: no shape 'verlx', did you mean 'verl'?"),
        ({"name": "math"}, "not of the shape math; its columns are prompt, answer"),
    ],
)
def test_a_wrong_use_is_told(tmp_path: Path, how: dict[str, object], told: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"prompt": "?", "answer": "1"}\n')
    with pytest.raises(InputError) as failure:
        read(path, **how)
    assert told in str(failure.value) and "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("file", "data", "told"),
    [
        ("rows.jsonl", b"", "rows.jsonl: empty"),
        ("rows.jsonl", b"{", "rows.jsonl:1: not JSON"),
        ("rows.jsonl", b"[1]", "rows.jsonl:1: a JSON list: one JSON object a line"),
        ("rows.jsonl", b'{"answer": ' + b"9" * 5000 + b"}", "rows.jsonl:1: not JSON"),
        ("rows.jsonl", b"\xff\xfe", "rows.jsonl:1: not JSON"),
        ("rows.jsonl.gz", b"plain", "rows.jsonl.gz: can't be read"),
        ("rows.parquet", b"plain", "rows.parquet: can't be read as Parquet"),
        ("rows.parquet", None, "rows.parquet: can't be read as Parquet"),
        ("rows.jsonl", None, "rows.jsonl: can't be read"),
    ],
)
def test_a_file_that_cant_be_read_is_told(
    tmp_path: Path, file: str, data: bytes | None, told: str
) -> None:
    if data is not None:
        (tmp_path / file).write_bytes(data)
    with pytest.raises(InputError) as failure:
        read(tmp_path / file)
    assert told in str(failure.value) and "\n" not in str(failure.value)


def test_parquet_without_a_row_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"prompt": [], "answer": []}).to_parquet(path)
    with pytest.raises(InputError, match="rows.parquet: empty: a row needs a prompt and an answer"):
        read(path)


def test_a_folder_is_read(files: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither Parquet files nor a data set"):
        read(tmp_path)
    (tmp_path / "train-0.parquet").write_bytes(files["mbpp"].read_bytes())
    (tmp_path / "train-1.parquet").write_bytes(files["mbpp"].read_bytes())
    assert [item.problem for item in read(tmp_path)[:12]] == [
        item.problem for item in read(files["mbpp"])
    ]
    assert len(read(tmp_path)) == 24


def test_a_saved_data_set_may_have_splits_and_a_format(tmp_path: Path) -> None:
    import datasets

    rows = datasets.Dataset.from_list([{"prompt": [{"role": "user", "content": "?"}], "answer": 1}])
    folder = tmp_path / "saved"
    datasets.DatasetDict({"train": rows.with_format("numpy"), "test": rows}).save_to_disk(folder)
    with pytest.raises(InputError) as failure:
        read(folder, split="tset")
    assert str(failure.value) == (
        f"{folder}: its splits are train, test: say which, did you mean 'test'?"
    )
    (item,) = read(folder, split="train")
    assert (item.problem.messages, item.problem.reference) == ((("user", "?"),), "1")


def test_the_hub_is_asked_for_the_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[object] = []

    def load(*args: object, **more: object) -> datasets.Dataset:
        asked.append((args, more))
        return datasets.Dataset.from_list([{"question": "?", "answer": "#### 3"}])

    monkeypatch.setattr(datasets, "load_dataset", load)
    hub = Hub("openai/gsm8k", "main", "test", "abc")
    shape, items = read_items(hub)
    assert asked == [(("openai/gsm8k", "main"), {"split": "test", "revision": "abc"})]
    (item,) = items
    assert (shape.name, item.where) == ("gsm8k", "openai/gsm8k/main[test] row 1")


def test_without_a_network_the_hub_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load(*_: object, **__: object) -> None:
        raise ConnectionError("no\nnetwork")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(InputError) as failure:
        list(read_rows(Hub("openai/gsm8k")))
    assert "(ConnectionError: no network)" in str(failure.value)
    assert "hf download --repo-type dataset openai/gsm8k" in str(failure.value)


def test_the_first_row_with_a_shape_decides() -> None:
    rows: list[Row] = [{"question": "?", "answer": None}, {"question": "?", "answer": "#### 1"}]
    assert recognise(rows).name == "gsm8k"
    assert recognise([{"prompt": "?", "answer": "1"}, {"prompt": "?", "level": "x"}]).level
    mixed: list[Row] = [{"question": "?", "answer": "1"}, MADE["humaneval"].row(0)]
    assert recognise(mixed).name == "prompt-answer"
