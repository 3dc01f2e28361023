r"""Known: the shapes of rows that are known by their columns, and how a row of each is read.

`SHAPES` is the table. A column's name may lead into a mapping (`reward_model.ground_truth`), also
if it is JSON text, and `a|b` is the first of the two that a file has. Every shape has, unless it
says otherwise:

- prompt: text, or messages with `role` and `content`, also as JSON text. A message's content may be
  a list of parts if all of them are text.
- answer: text or a number. What stands after `####`, or in `\boxed{}`, is the reference, and the
  whole text is then the solution. JSON text of an object is read, as are a list of tests ({"input",
  "output"}) and one of assertions. A list of one item is this item.
- completion: a text, or a list of them.

`columns` replaces the names of a shape's columns, so that any file with a prompt and an answer can
be read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rlvr.data import InputError, Problem, nearest
from rlvr.programs.stdio import CODECONTESTS
from rlvr.shapes import values
from rlvr.shapes.files import Row, Source, read_rows
from rlvr.shapes.values import Messages, value

COLUMNS = ("prompt", "answer", "solution", "completion", "level", "id")  # what `columns` may name
COMPLETION = "completion|completions|response|responses"
MBPP_TEST = "\nYour code should pass this test: {}\n"
FIRST = 100  # rows by which a shape is recognised


@dataclass(frozen=True, slots=True)
class Item:
    """A row as it was understood: its problem, its completions if it has any, and where it stands.

    The problem's id is the row's `id` column, or its number; its split is `train`.
    """

    problem: Problem
    completions: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of rows.

    `prompt`, `answer`, `solution`, `completion`, `level`, `id`: the columns, "" for none. `marks`:
    further columns that a row of this shape has. `mark`: what its answer contains. `verifier`: the
    one that suits references that are no tests. `ask` and `refer` make the prompt and the reference
    of a row. `replies`: the assistant's last message is no part of the prompt, but a solution or a
    completion. `about`: whose shape it is, for the page of shapes.
    """

    name: str
    about: str
    prompt: str
    answer: str
    marks: tuple[str, ...] = ()
    mark: str = ""
    solution: str = ""
    completion: str = COMPLETION
    level: str = "level"
    id: str = ""
    verifier: str = "math"
    ask: Callable[[Shape, Row], Any] = lambda shape, row: value(row, shape.prompt)
    refer: Callable[[Shape, Row], Any] = lambda shape, row: value(row, shape.answer)
    replies: bool = False


# --- the shapes ------------------------------------------------------------------------------


def _ground_truth(shape: Shape, row: Row) -> Any:
    """Some sets in verl's shape have their answers as JSON text of a list: `["34"]`."""
    found = value(row, shape.answer)
    read = values.from_json(found)
    one = isinstance(read, list) and len(read) == 1 and isinstance(read[0], str)
    return read if one else found


def _humaneval(shape: Shape, row: Row) -> Any:
    keys = {"prompt": shape.prompt, "test": shape.answer, "entry_point": "entry_point"}
    return {key: value(row, column) for key, column in keys.items()}


def _mbpp(shape: Shape, row: Row) -> Any:
    more = ("test_imports", "test_setup_code", "entry_point")
    return {"test_list": value(row, shape.answer)} | {key: row.get(key) for key in more}


def _asked_with_test(shape: Shape, row: Row) -> Any:
    """MBPP's prompt ends with the first assertion, from which a model learns the name."""
    text, tests = value(row, shape.prompt), value(row, shape.answer)
    if not isinstance(text, str) or not isinstance(tests, list) or not tests:
        return text
    return text.strip() + MBPP_TEST.format(tests[0])


def _asked_with_start(shape: Shape, row: Row) -> Any:
    """APPS's and DeepCoder's prompts end with the code to start from, if there is any."""
    text, start = value(row, shape.prompt), row.get("starter_code")
    if isinstance(text, str) and isinstance(start, str) and start.strip():
        return f"{text.rstrip()}\n\n{start.strip()}\n"
    return text


def _verification(shape: Shape, row: Row) -> Any:
    """PrimeIntellect's tests are for a language, or there is an answer in their place."""
    about = values.from_literal(value(row, shape.answer))
    if not isinstance(about, Mapping):
        raise ValueError("not a mapping")
    language = about.get("language") or "python"
    if str(language).lower() not in ("python", "python3", "py"):
        raise ValueError(f"its tests are for {language}, and `code` runs Python")
    tests = values.from_json(about.get("test_cases"))
    if tests is None:
        return about.get("ground_truth")
    name = about.get("fn_name")
    return {**tests, "fn_name": name} if name and isinstance(tests, Mapping) else tests


def _tested(shape: Shape, row: Row) -> Any:
    """KodCode has a file of tests, AceCode a list of assertions."""
    found = value(row, shape.answer)
    return {"test": found} if isinstance(found, str) else found


def _in_parts(shape: Shape, row: Row) -> Any:
    """CodeContests has three columns of tests."""
    return {key: row[key] for key in CODECONTESTS if row.get(key)}


SHAPES: tuple[Shape, ...] = (
    Shape(
        "verl",
        "verl's Parquet, of all its `examples/data_preprocess`",
        prompt="prompt",
        answer="reward_model.ground_truth",
        marks=("data_source",),
        level="data_source",
        id="extra_info.index",
        refer=_ground_truth,
    ),
    Shape(
        "skyrl",
        "SkyRL's Parquet",
        prompt="prompt",
        answer="reward_spec.ground_truth",
        level="data_source",
        id="extra_info.index",
    ),
    Shape(
        "open-instruct",
        "open-instruct's RLVR sets: the assistant's last message is a solution or a completion",
        prompt="messages",
        answer="ground_truth",
        level="dataset",
        replies=True,
    ),
    Shape(
        "humaneval",
        "HumanEval, and sets in its format",
        prompt="prompt",
        answer="test",
        marks=("entry_point",),
        solution="canonical_solution",
        id="task_id",
        verifier="code",
        refer=_humaneval,
    ),
    Shape(
        "mbpp",
        "MBPP, whole or sanitized",
        prompt="text|prompt",
        answer="test_list",
        solution="code",
        id="task_id",
        verifier="code",
        ask=_asked_with_test,
        refer=_mbpp,
    ),
    Shape(
        "apps",
        "APPS and TACO: the first of `solutions` is the solution",
        prompt="question",
        answer="input_output",
        solution="solutions",
        level="difficulty",
        id="problem_id",
        verifier="code",
        ask=_asked_with_start,
    ),
    Shape(
        "gsm8k",
        "GSM8K: the answer stands after `####`",
        prompt="question|problem",
        answer="answer",
        mark="####",
    ),
    Shape(
        "prompt-answer",
        "any prompt with its answer",
        prompt="prompt|problem|question",
        answer="answer|reference",
        solution="solution",
    ),
    Shape(
        "primeintellect",
        "PrimeIntellect's SYNTHETIC and coding problems, and Open R1's: tests or `ground_truth`",
        prompt="prompt|problem|problem_statement",
        answer="verification_info",
        solution="gold_standard_solution",
        level="task_type",
        id="problem_id",
        refer=_verification,
    ),
    Shape(
        "deepcoder",
        "DeepCoder's data, of all its subsets: the first of `solutions` is the solution",
        prompt="problem",
        answer="tests",
        solution="solutions",
        verifier="code",
        ask=_asked_with_start,
    ),
    Shape(
        "kodcode",
        "KodCode, and AceCode, which has assertions",
        prompt="question",
        answer="test|test_cases",
        solution="solution",
        level="difficulty|gpt_difficulty",
        id="question_id|id",
        verifier="code",
        refer=_tested,
    ),
    Shape(
        "codecontests",
        "CodeContests",
        prompt="description",
        answer="|".join(CODECONTESTS),
        id="name",
        level="difficulty",
        verifier="code",
        refer=_in_parts,
    ),
    Shape(
        "math",
        r"MATH: the answer stands in the solution's `\boxed{}`",
        prompt="problem",
        answer="solution",
        mark="\\boxed",
    ),
    Shape(
        "trl",
        "rows for TRL's `accuracy_reward`, whose answer is the `solution`",
        prompt="prompt",
        answer="solution",
    ),
)
"""The shapes, in the order in which they are tried."""

BY_NAME = {shape.name: shape for shape in SHAPES}


# --- recognising -----------------------------------------------------------------------------


def recognise(
    rows: Sequence[Row],
    columns: Mapping[str, str] | None = None,
    where: str = "rows",
    name: str | None = None,
) -> Shape:
    """Return the shape of the first rows of a file, with the columns that they have.

    The first row that has a shape decides. `columns` gives the names of columns, by what they hold
    (`COLUMNS`); with `answer` among them it is prompt-answer. `name`: the shape that it must be.
    Raises InputError, which names the file, its columns and what to say, if no shape fits.
    """
    _check(columns or {}, name, rows, where)
    shapes = candidates(columns or {}, name)
    for row in rows:
        shape = next((shape for shape in shapes if fits(shape, row)), None)
        if shape is not None:
            # Another row may have the columns that a row needn't have.
            return resolved(resolved(shape, [row], ("prompt", "answer")), rows, COLUMNS)
    raise InputError(_unknown(rows, where, name))


def candidates(columns: Mapping[str, str], name: str | None = None) -> tuple[Shape, ...]:
    """Return the shapes that rows may have, in order, with the columns that are given."""
    name = name or ("prompt-answer" if "answer" in columns else None)
    given: dict[str, Any] = dict(columns)
    return tuple(replace(shape, **given) for shape in SHAPES if name in (None, shape.name))


def fits(shape: Shape, row: Row, prompted: bool = True) -> bool:
    """Return whether a row has the columns of a shape, and the mark in its answer.

    `prompted`: whether it needs a prompt; completions can be judged without.
    """
    answer = value(row, shape.answer)
    if answer is None or (prompted and value(row, shape.prompt) is None):
        return False
    marked = not shape.mark or shape.mark in str(answer)
    return marked and all(value(row, column) is not None for column in shape.marks)


def resolved(shape: Shape, rows: Sequence[Row], parts: Iterable[str] = COLUMNS) -> Shape:
    """Return a shape with the one column that the rows have for each part."""
    found: dict[str, Any] = {part: _present(rows, shape, part) for part in parts}
    return replace(shape, **found)


def _present(rows: Sequence[Row], shape: Shape, part: str) -> str:
    """Return the first column of a shape's part that the rows have, "" if they have none."""
    names = str(getattr(shape, part)).split("|")
    return next((name for name in names if any(value(row, name) is not None for row in rows)), "")


def _check(columns: Mapping[str, str], name: str | None, rows: Sequence[Row], where: str) -> None:
    known = [shape.name for shape in SHAPES]
    if name not in (None, *known):
        close = nearest(str(name), known)
        raise InputError(f"shape: no shape {name!r}{close}: known are {', '.join(known)}")
    for part, column in columns.items():
        if part not in COLUMNS:
            close = nearest(part, COLUMNS)
            raise InputError(f"columns: no part {part!r}{close}: known are {', '.join(COLUMNS)}")
        if all(value(row, column) is None for row in rows):
            close = nearest(column, _names(rows))
            raise InputError(
                f"{where}: nothing under {column!r}, which was given for {part}{close}: its "
                f"columns are {listed(_names(rows))}"
            )


def listed(names: Iterable[str]) -> str:
    """Return names of columns for a message of one line, the first of many."""
    every = [" ".join(str(name).split()) for name in names]
    more = f" and {len(every) - 20} more" if len(every) > 20 else ""
    return ", ".join(every[:20]) + more or "none"


def _names(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


_GUESSES = {
    "prompt": ("prompt", "question", "problem", "instruction", "input", "query", "text"),
    "answer": ("answer", "solution", "label", "target", "expected", "gold", "output", "result"),
}


def _unknown(rows: Sequence[Row], where: str, name: str | None) -> str:
    """Say which columns there are, and with which `columns` the rows could be read."""
    names = _names(rows)
    guessed: dict[str, str] = {}
    for part, words in _GUESSES.items():
        close = [one for word in words for one in names if word == one.lower()]
        close += [one for word in words for one in names if word in one.lower()]
        guessed[part] = next((one for one in close if one not in guessed.values()), "NAME")
    would = ", ".join(f"{part}: {column}" for part, column in guessed.items())
    what = f"not of the shape {name}" if name else "of no known shape"
    return (
        f"{where}: {what}; its columns are {listed(names)}: say which hold what, as "
        f"in columns: {{{would}}}"
    )


def understood(shape: Shape) -> str:
    """Return in one line how rows are read: the shape, and which column holds what."""
    parts = {part: getattr(shape, part) for part in COLUMNS}
    return f"{shape.name} ({', '.join(f'{part}: {name}' for part, name in parts.items() if name)})"


def suited(shape: Shape, problem: Problem) -> str:
    """Return the name of the verifier that suits a problem of a shape."""
    reference = problem.reference
    tests = isinstance(reference, Mapping) and not reference.keys().isdisjoint(values.TESTS)
    return "code" if tests else shape.verifier


# --- reading ---------------------------------------------------------------------------------


def read_items(
    source: Source,
    columns: Mapping[str, str] | None = None,
    name: str | None = None,
    split: str | None = None,
) -> tuple[Shape, Iterator[Item]]:
    """Return the shape of a file's rows, and the rows as they are understood, in order.

    Raises InputError, which names file, row, column and fix.
    """
    rows = read_rows(source, split)
    first = list(itertools.islice(rows, FIRST))
    if not first:
        raise InputError(f"{source}: empty: a row needs a prompt and an answer")
    shape = recognise([row for _, row in first], columns, str(source), name)
    numbered = enumerate(itertools.chain(first, rows), 1)
    return shape, (item(shape, row, where, number) for number, (where, row) in numbered)


def item(shape: Shape, row: Row, where: str, number: int) -> Item:
    """Return a row as an item. Raises InputError, which names row, column and fix."""
    part = "prompt"
    try:
        prompt, messages, reply = prompt_of(shape, row)
        part = "answer"
        reference, solved = values.reference(shape.refer(shape, row))
        part = "solution"
        solution = solved or values.solution(value(row, shape.solution)) or reply
        part = "completion"
        found = values.completions(value(row, shape.completion)) or ((reply,) if reply else ())
    except ValueError as reason:
        raise InputError(
            f"{where}: no {part} under {getattr(shape, part)!r} ({reason}): put it there, leave "
            f"the row out, or name another column for {part} (read as {shape.name})"
        ) from None
    level, name = values.label(value(row, shape.level)), values.label(value(row, shape.id))
    problem = Problem(
        id=name or str(number),
        task=shape.name,
        split="train",
        level=level or "all",
        prompt=prompt,
        reference=reference,
        solution=solution,
        messages=messages,
    )
    return Item(problem, found, where)


def prompt_of(shape: Shape, row: Row) -> tuple[str, Messages, str | None]:
    """Return a row's prompt as text, its messages, and the assistant's last one if it is a reply.

    Raises ValueError, which says what is wrong with it.
    """
    found = shape.ask(shape, row)
    messages = values.messages(found)
    if messages is None:
        return values.text_of(found), (), None
    reply = None
    if shape.replies and len(messages) > 1 and messages[-1][0] == "assistant":
        messages, reply = messages[:-1], messages[-1][1]
    return "\n\n".join(content for _, content in messages), messages, reply
