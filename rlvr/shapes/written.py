"""Written: items as rows of a shape, so that they are read back equal."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from rlvr.data import InputError, Problem, nearest
from rlvr.shapes.files import Row
from rlvr.shapes.known import BY_NAME, MBPP_TEST, Item, fits, item, resolved, suited


def write(name: str, one: Item) -> Row:
    """Return an item as a row of the shape of that name; `messages` is open-instruct.

    Columns that rlvr does not read, and that are not in an item, are left out. A prompt that is
    text becomes the user's message where a shape has messages. Raises InputError if there is no
    such shape, or if it can't hold the item's reference.
    """
    name = ALIASES.get(name, name)
    if name not in WRITERS:
        close, known = nearest(name, WRITERS), ", ".join((*ALIASES, *WRITERS))
        raise InputError(f"shape: no shape {name!r}{close}: known are {known}")
    row = _row(name, one)
    if row is None:
        others = ", ".join(shape for shape in ANY if shape != name)
        kind = type(one.problem.reference).__name__
        raise InputError(
            f"{one.where or one.problem.id}: a row of the shape {name} can't hold its reference, a "
            f"{kind}: choose {others}"
        )
    return row


def _row(name: str, one: Item) -> Row | None:
    """Return the row, None if its reference is not read back equal."""
    try:
        row = WRITERS[name](one)
        shape = resolved(BY_NAME[name], [row])
        back = item(shape, row, one.where, 1) if fits(BY_NAME[name], row) else None
    except (TypeError, KeyError, InputError):  # the reference has not what the shape needs
        return None
    return row if back and back.problem.reference == one.problem.reference else None


def _verl(one: Item) -> Row:
    problem = one.problem
    return {
        "data_source": _source(problem),
        "prompt": _messages(problem),
        "ability": suited(BY_NAME["verl"], problem),
        "reward_model": {"style": "rule", "ground_truth": _text(problem.reference)},
        "extra_info": _about(problem),
        **({"responses": list(one.completions)} if one.completions else {}),
    }


def _skyrl(one: Item) -> Row:
    problem = one.problem
    return {
        "data_source": _source(problem),
        "prompt": _messages(problem),
        "reward_spec": {"method": "rule", "ground_truth": _text(problem.reference)},
        "extra_info": _about(problem),
        **_said(one),
    }


def _open_instruct(one: Item) -> Row:
    problem, single = one.problem, len(one.completions) == 1
    reply = one.completions[0] if single else problem.solution
    return {
        "messages": _messages(problem)
        + ([] if reply is None else [{"role": "assistant", "content": reply}]),
        "ground_truth": _text(problem.reference),
        "dataset": _source(problem),
        **({} if single else _said(one)),
    }


def _humaneval(one: Item) -> Row:
    reference = one.problem.reference
    return {
        "task_id": one.problem.id,
        "prompt": one.problem.prompt,
        "entry_point": reference["entry_point"],
        "test": reference["test"],
        **_solved(one, "canonical_solution"),
        **_said(one),
    }


def _mbpp(one: Item) -> Row:
    reference = {**one.problem.reference}
    shown = MBPP_TEST.format(reference["test_list"][0])
    return {
        "task_id": _number(one.problem.id),
        "text": one.problem.prompt.removesuffix(shown),
        **reference,
        **_solved(one, "code"),
        **_said(one),
    }


def _apps(one: Item) -> Row:
    problem = one.problem
    return {
        "problem_id": _number(problem.id),
        "question": problem.prompt,
        "solutions": json.dumps([] if problem.solution is None else [problem.solution]),
        "input_output": _text(problem.reference),
        "difficulty": problem.level,
        "starter_code": "",  # it is at the end of the question
        **_said(one),
    }


def _gsm8k(one: Item) -> Row:
    problem, solution = one.problem, one.problem.solution or ""
    whole = solution if "####" in solution else f"{solution}\n#### {problem.reference}"
    return {"question": problem.prompt, "answer": whole, **_level(problem), **_said(one)}


def _math(one: Item) -> Row:
    problem, solution = one.problem, one.problem.solution or "The answer is"
    whole = solution if "\\boxed" in solution else f"{solution} $\\boxed{{{problem.reference}}}$."
    return {"problem": problem.prompt, "solution": whole, **_level(problem), **_said(one)}


def _prompt_answer(one: Item) -> Row:
    problem = one.problem
    return {
        "prompt": _messages(problem) if problem.messages else problem.prompt,
        "answer": _text(problem.reference),
        **_solved(one, "solution"),
        **_level(problem),
        **_said(one),
    }


def _primeintellect(one: Item) -> Row:
    reference = one.problem.reference
    if suited(BY_NAME["primeintellect"], one.problem) == "code":
        about = {"language": "python", "test_cases": _tests(reference)}
    else:
        about = {"ground_truth": reference}
    return {
        "problem_id": one.problem.id,
        "task_type": one.problem.level,
        "prompt": one.problem.prompt,
        "verification_info": _text(about),
        **_solved(one, "gold_standard_solution"),
        **_said(one),
    }


def _deepcoder(one: Item) -> Row:
    solution = one.problem.solution
    return {
        "problem": one.problem.prompt,
        "solutions": [] if solution is None else [solution],
        "tests": json.dumps(_tests(one.problem.reference)),
        "starter_code": "",  # it is at the end of the problem
        **_level(one.problem),
        **_said(one),
    }


def _kodcode(one: Item) -> Row:
    reference = one.problem.reference
    tests = {"test_cases": reference["test_list"]} if "test_list" in reference else reference
    return {
        "question_id": one.problem.id,
        "question": one.problem.prompt,
        **tests,
        **_solved(one, "solution"),
        **({} if one.problem.level == "all" else {"difficulty": one.problem.level}),
        **_said(one),
    }


def _codecontests(one: Item) -> Row:
    problem = one.problem
    about = {"name": problem.id, "description": problem.prompt, "difficulty": problem.level}
    return {**about, **problem.reference, **_said(one)}


def _trl(one: Item) -> Row:
    problem = one.problem
    return {
        "prompt": _messages(problem) if problem.messages else problem.prompt,
        "solution": problem.solution or _text(problem.reference),
        **_level(problem),
        **_said(one),
    }


WRITERS: dict[str, Callable[[Item], Row]] = {
    "verl": _verl,
    "skyrl": _skyrl,
    "open-instruct": _open_instruct,
    "humaneval": _humaneval,
    "mbpp": _mbpp,
    "apps": _apps,
    "gsm8k": _gsm8k,
    "prompt-answer": _prompt_answer,
    "primeintellect": _primeintellect,
    "deepcoder": _deepcoder,
    "kodcode": _kodcode,
    "codecontests": _codecontests,
    "math": _math,
    "trl": _trl,
}


ALIASES = {"messages": "open-instruct"}
ANY = ("verl", "open-instruct", "prompt-answer")  # they hold any reference


def _source(problem: Problem) -> str:
    """Return where a problem is from: its level, which is the source if it came as a row."""
    came = problem.task in ("rows", *WRITERS) and problem.level != "all"
    return problem.level if came else problem.task


def _messages(problem: Problem) -> list[dict[str, str]]:
    asked = problem.messages or (("user", problem.prompt),)
    return [{"role": role, "content": content} for role, content in asked]


def _about(problem: Problem) -> Row:
    return {"split": problem.split, "index": _number(problem.id), "level": problem.level}


def _text(reference: Any) -> Any:
    """Return tests as JSON text, which has one type in every row; what else there is as it is."""
    return json.dumps(reference) if isinstance(reference, Mapping) else reference


def _tests(reference: Any) -> Any:
    """Return tests that are the reference's only key as they are, any other reference whole."""
    return reference["tests"] if reference.keys() == {"tests"} else reference


def _number(name: str) -> Any:
    return int(name) if name.isdecimal() and str(int(name)) == name else name


def _level(problem: Problem) -> Row:
    return {} if problem.level == "all" else {"level": problem.level}


def _solved(one: Item, column: str) -> Row:
    return {} if one.problem.solution is None else {column: one.problem.solution}


def _said(one: Item) -> Row:
    if len(one.completions) == 1:
        return {"completion": one.completions[0]}
    return {"completions": list(one.completions)} if one.completions else {}
