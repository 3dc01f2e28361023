"""Stdio: tests of a whole program: an input for each test, and the expected output.

A reference has the tests in one of the forms of known data sets. The form may be JSON text, and so
may its values:

- `input_output` (APPS, TACO), `tests` or the reference itself: `inputs` and `outputs`, lists of
  equal length, with `fn_name` if they are calls of a function;
- `tests`: [{"input": ..., "output": ...}, ...]; calls of `entry_point` where no input is text, or
  of the function that each test names (`fn_name`, or `func_name` in its `metadata`);
- `public_tests`, `private_tests`, `generated_tests` (CodeContests): `input` and `output`, lists;
- `public_test_cases`, `private_test_cases` (LiveCodeBench): lists of {"input", "output"}, with
  `func_name` in `metadata` if they are calls.

If an input or output is a list, it is a list of lines. If the tests are calls, an input is the list
of arguments, or a text with each argument as JSON on a line of its own. If all outputs of a named
function are lists of one item, it may return these lists, or all the items, as in APPS.

Outputs are compared token by token. Tokens are separated by blanks (space, tab, line ends, form
feed, vertical tab); the number and kind of blanks do not count. If the expected token is a decimal
number with a point or an exponent, the output's token may be any decimal number within `tolerance`
(relative) or 1e-6 (absolute) of it. So 5000 meets 5e3, .1 meets 00.10, 1.500000001 meets 1.50, and
0 meets any number within 1e-6 of it. If the digits themselves count, a reference needs a `checker`.
Every other token, integers too, must be equal to the character.

This module is no sandbox. It reads references, which are trusted, and compares texts in time that
is linear in their length.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

ABSOLUTE = 1e-6
_NUMBER = re.compile(rb"[+-]?+(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?+[0-9]{1,4})?+")
CODECONTESTS = ("public_tests", "private_tests", "generated_tests")
_LIVECODEBENCH = ("public_test_cases", "private_test_cases")


class BadTests(ValueError):
    """The reference's tests of this kind can't be used."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Inputs and expected outputs, as the reference has them.

    `function`: the function that the tests call, if they are calls. `wrapped`: whether each result
    may be the only item of a list.
    """

    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]
    function: str = ""
    wrapped: bool = False


def pairs(reference: Mapping[str, Any]) -> Pairs | None:
    """Return a reference's inputs and outputs; None if it has tests of another kind.

    Raises BadTests if they can't be read.
    """
    holder = _json(reference.get("input_output")) if "input_output" in reference else reference
    if holder is not reference and not isinstance(holder, Mapping):
        raise BadTests("`input_output` is not a mapping")
    tests, own = _json(holder.get("tests")), holder is reference
    if tests is not None:  # read once: it may have megabytes
        holder = tests if isinstance(tests, Mapping) else {**holder, "tests": tests}
    function = _function(reference, holder)
    if "inputs" in holder and "outputs" in holder:
        inputs, outputs = _json(holder["inputs"]), _json(holder["outputs"])
        if not isinstance(inputs, Sequence) or not isinstance(outputs, Sequence):
            raise BadTests("`inputs` and `outputs` are not lists")
        found = _checked(inputs, outputs, function)
        return replace(found, wrapped=bool(function) and _may_be_wrapped(found))
    rows = [*_columns(holder), *_rows(holder, function)]
    if not rows and own:
        return None
    found = _checked([given for given, _ in rows], [wanted for _, wanted in rows], function)
    entry = str(reference.get("entry_point") or "main")
    if not function and entry != "main" and not any(isinstance(given, str) for given, _ in rows):
        return replace(found, function=entry)
    return replace(found, wrapped=bool(function) and _may_be_wrapped(found))


def _may_be_wrapped(found: Pairs) -> bool:
    """Return whether APPS may have put each result into a list. JSON text is never wrapped."""
    return not any(isinstance(given, str) for given in found.inputs) and all(
        isinstance(wanted, list) and len(wanted) == 1 for wanted in found.outputs
    )


def _function(reference: Mapping[str, Any], holder: Mapping[str, Any]) -> str:
    """Return the function that tests call, by the reference's name or the tests' own, else ""."""
    name = next(filter(None, [holder.get("fn_name"), *_named(reference)]), "")
    if not name:
        rows = holder.get("tests")
        calls = [*filter(None, map(_called, rows if isinstance(rows, list) else []))]
        name = calls[0] if calls else ""
        if any(call != name for call in calls):
            raise BadTests("the tests call several functions")
    if not isinstance(name, str) or name and not name.isidentifier():
        raise BadTests(f"fn_name {str(name)[:50]!r} is not a name")
    return name


def _called(row: Any) -> Any:
    return next(filter(None, _named(row)), None) if isinstance(row, Mapping) else None


def _named(holder: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what a reference or a test says of the function that is called."""
    yield holder.get("fn_name")
    metadata = _json(holder.get("metadata"))
    yield metadata.get("func_name") if isinstance(metadata, Mapping) else None


def _columns(holder: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs from CodeContests' columns."""
    for key in CODECONTESTS:
        part = _json(holder.get(key))
        if isinstance(part, Mapping) and "input" in part and "output" in part:
            if not all(isinstance(part[side], list) for side in ("input", "output")):
                raise BadTests(f"`{key}` has no lists of inputs and outputs")
            if len(part["input"]) != len(part["output"]):
                raise BadTests(f"`{key}` has not as many outputs as inputs")
            yield from zip(part["input"], part["output"], strict=True)


def _rows(holder: Mapping[str, Any], function: str) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs from lists of {"input", "output"}."""
    for key in ("tests", *_LIVECODEBENCH):
        rows = _json(holder.get(key)) or []
        if not isinstance(rows, list):
            raise BadTests(f'`{key}` is not [{{"input": ..., "output": ...}}, ...]')
        paired = [isinstance(row, Mapping) and "input" in row and "output" in row for row in rows]
        if not all(paired) and (key != "tests" or any(paired)):
            raise BadTests(f'`{key}` is not [{{"input": ..., "output": ...}}, ...]')
        for row in rows if any(paired) else []:
            if row.get("testtype") == "functional" and not function:
                raise BadTests("the tests are calls, and no `func_name` says of what")
            yield row["input"], row["output"]


def _checked(inputs: Sequence[Any], outputs: Sequence[Any], function: str) -> Pairs:
    if isinstance(inputs, str) or isinstance(outputs, str):
        raise BadTests("`inputs` and `outputs` are not lists")
    if not inputs or len(inputs) != len(outputs):
        raise BadTests(f"{len(inputs)} inputs and {len(outputs)} outputs")
    return Pairs(tuple(inputs), tuple(outputs), function)


def _json(value: Any) -> Any:
    """Read JSON text, and JSON text inside it; anything else stays unchanged."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value


def text(value: Any) -> str:
    """Return an input or output as text; a list has a line for each item. Raises BadTests."""
    if isinstance(value, str):
        return value
    lines = value if isinstance(value, (list, tuple)) else [value]
    for line in lines:
        if not isinstance(line, (str, int, float)) or isinstance(line, bool):
            raise BadTests(f"an input or output is {type(line).__name__}, not text")
    return "".join(f"{line}\n" for line in lines)


def arguments(value: Any) -> list[Any]:
    """Return the arguments of a call. Raises BadTests."""
    if isinstance(value, (list, tuple)):
        return [*value]
    if not isinstance(value, str):
        raise BadTests(f"a call's arguments are {type(value).__name__}, not a list")
    try:
        return [json.loads(line) for line in value.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        raise BadTests("a call's arguments are not JSON, one on a line") from None


def result(given: Any, wanted: Any) -> Any:
    """Return a call's expected result: read as JSON if the arguments are JSON text."""
    if not isinstance(given, str) or not isinstance(wanted, str):
        return wanted
    try:
        return json.loads(wanted)
    except (ValueError, RecursionError):
        return wanted


def same(wanted: str, printed: str, tolerance: float) -> bool:
    """Compare an output with the expected one, token by token, as the module's docstring says."""
    tokens, given = (text.encode(errors="surrogatepass").split() for text in (wanted, printed))
    return len(tokens) == len(given) and all(
        one == other or _near(one, other, tolerance)
        for one, other in zip(tokens, given, strict=True)
    )


def _near(wanted: bytes, given: bytes, tolerance: float) -> bool:
    """Return whether a token is a number near enough to a decimal number (see the module)."""
    if not _NUMBER.fullmatch(wanted) or wanted.lstrip(b"+-").isdigit():
        return False
    if not _NUMBER.fullmatch(given):
        return False
    one, other = float(wanted), float(given)
    if not math.isfinite(one) or not math.isfinite(other):
        return False
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=ABSOLUTE)
