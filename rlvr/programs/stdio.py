"""Tests of a whole program: an input for each test, and the output that is wanted.

A reference has them in one of the shapes that data sets have. Each may be JSON text, and so may
what it holds:

- `input_output` (APPS, TACO), or the reference itself: `inputs` and `outputs`, lists of equal
  length, with `fn_name` if they are calls of a function;
- `tests`: [{"input": ..., "output": ...}, ...]; calls of `entry_point` where no input is text;
- `public_tests`, `private_tests`, `generated_tests` (CodeContests): `input` and `output`, lists;
- `public_test_cases`, `private_test_cases` (LiveCodeBench): lists of {"input", "output"}, with
  `func_name` in `metadata` if they are calls.

An input or output that is a list is a list of lines. Where tests are calls, an input is the list of
arguments, or text that has each of them as JSON on a line of its own. Where all `outputs` are lists
of one item, a function may return these lists, or all the items, as APPS has it.

Outputs are compared by their tokens: what stands between blanks (space, tab, line ends, form feed,
vertical tab). How many blanks there are, and of which kind, does not count. A token that is a
decimal number with a point or an exponent is wanted within `tolerance` of it (relative) or 1e-6
(absolute): the other may be any decimal number. So 5e3 is also met by 5000, 00.10 by .1, 1.50 by
1.500000001, and what is within 1e-6 of 0 by 0: where digits themselves count, a reference needs a
`checker`. Every other token, integers too, is wanted to the character.

This module is no sandbox: it reads what is trusted, and compares text in time that grows as its
length does.
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
_CODECONTESTS = ("public_tests", "private_tests", "generated_tests")
_LIVECODEBENCH = ("public_test_cases", "private_test_cases")


class BadTests(ValueError):
    """What a reference has are no tests of this kind that can be used."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What goes in and what is to come out, as the reference has it.

    `function`: they are calls of it. `wrapped`: each result may stand in a list by itself.
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
        raise BadTests("`input_output` is no mapping")
    function = _function(reference, holder)
    if "inputs" in holder and "outputs" in holder:
        inputs, outputs = _json(holder["inputs"]), _json(holder["outputs"])
        if not isinstance(inputs, Sequence) or not isinstance(outputs, Sequence):
            raise BadTests("`inputs` and `outputs` are no lists")
        found = _checked(inputs, outputs, function)
        return replace(found, wrapped=bool(function) and _may_be_wrapped(found))
    rows = [*_columns(holder), *_rows(holder, function)]
    if not rows and holder is reference:
        return None
    entry = str(reference.get("entry_point") or "main")
    if entry != "main" and not any(isinstance(given, str) for given, _ in rows):
        function = function or entry
    return _checked([given for given, _ in rows], [wanted for _, wanted in rows], function)


def _may_be_wrapped(found: Pairs) -> bool:
    """Whether APPS may have put each result in a list. JSON text is as the function returns it."""
    return not any(isinstance(given, str) for given in found.inputs) and all(
        isinstance(wanted, list) and len(wanted) == 1 for wanted in found.outputs
    )


def _function(reference: Mapping[str, Any], holder: Mapping[str, Any]) -> str:
    metadata = _json(reference.get("metadata"))
    names = [holder.get("fn_name"), reference.get("fn_name")]
    names += [metadata.get("func_name")] if isinstance(metadata, Mapping) else []
    name = next(filter(None, names), "")
    if not isinstance(name, str) or name and not name.isidentifier():
        raise BadTests(f"fn_name {str(name)[:50]!r} is not a name")
    return name


def _columns(holder: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of CodeContests' columns."""
    for key in _CODECONTESTS:
        part = _json(holder.get(key))
        if isinstance(part, Mapping) and "input" in part and "output" in part:
            if len(part["input"]) != len(part["output"]):
                raise BadTests(f"`{key}` has not as many outputs as inputs")
            yield from zip(part["input"], part["output"], strict=True)


def _rows(holder: Mapping[str, Any], function: str) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of lists of {"input", "output"}."""
    for key in ("tests", *_LIVECODEBENCH):
        rows = _json(holder.get(key)) or []
        paired = [isinstance(row, Mapping) and "input" in row and "output" in row for row in rows]
        if not all(paired) and (key != "tests" or any(paired)):
            raise BadTests(f'`{key}` is not [{{"input": ..., "output": ...}}, ...]')
        for row in rows if any(paired) else []:
            if row.get("testtype") == "functional" and not function:
                raise BadTests("the tests are calls, and no `func_name` says of what")
            yield row["input"], row["output"]


def _checked(inputs: Sequence[Any], outputs: Sequence[Any], function: str) -> Pairs:
    if isinstance(inputs, str) or isinstance(outputs, str):
        raise BadTests("`inputs` and `outputs` are no lists")
    if not inputs or len(inputs) != len(outputs):
        raise BadTests(f"{len(inputs)} inputs and {len(outputs)} outputs")
    return Pairs(tuple(inputs), tuple(outputs), function)


def _json(value: Any) -> Any:
    """Read JSON text, and JSON text in that; what is none stays as it is."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            break
    return value


def text(value: Any) -> str:
    """Return an input or output as text; a list is one of lines. Raises BadTests."""
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
    """Return a call's expected result: JSON where the arguments are JSON text, else as it is."""
    if not isinstance(given, str) or not isinstance(wanted, str):
        return wanted
    try:
        return json.loads(wanted)
    except (ValueError, RecursionError):
        return wanted


def same(wanted: str, printed: str, tolerance: float) -> bool:
    """Compare an output with the wanted one, token by token, as the module states."""
    tokens, given = (text.encode(errors="surrogatepass").split() for text in (wanted, printed))
    return len(tokens) == len(given) and all(
        one == other or _near(one, other, tolerance)
        for one, other in zip(tokens, given, strict=True)
    )


def _near(wanted: bytes, given: bytes, tolerance: float) -> bool:
    """Whether a token is a number as near to a decimal number as the module states."""
    if not _NUMBER.fullmatch(wanted) or wanted.lstrip(b"+-").isdigit():
        return False
    if not _NUMBER.fullmatch(given):
        return False
    one, other = float(wanted), float(given)
    if not math.isfinite(one) or not math.isfinite(other):
        return False
    return math.isclose(one, other, rel_tol=tolerance, abs_tol=ABSOLUTE)
