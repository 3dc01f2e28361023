r"""Values: what the columns of a row hold, read as messages, as a reference, as completions.

Each function raises ValueError, which says what is wrong with a value.
"""

from __future__ import annotations

import ast
import contextlib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from math import inf
from typing import Any

from rlvr.maths.boxes import boxes
from rlvr.maths.references import stated

Messages = tuple[tuple[str, str], ...]
NO_MESSAGES: Messages = ()
TESTS = ("test", "test_list", "tests", "inputs", "input_output", "public_tests", "private_tests",
         "generated_tests", "public_test_cases", "private_test_cases")  # fmt: skip


_OPENS = frozenset("{[")


def value(row: Mapping[str, Any], column: str) -> Any:
    """Return what a row has in a column, None if it has nothing."""
    found = row.get(column)
    if found is not None:
        return found
    for name in column.split("|") if "|" in column else (column,):
        found = row.get(name)
        if found is None and "." in name:
            found = row
            for key in name.split("."):
                found = from_json(found)
                found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None


def from_json(found: Any) -> Any:
    """Read JSON text of an object or a list; anything else stays unchanged."""
    if isinstance(found, str) and found.lstrip()[:1] in _OPENS:
        try:
            return json.loads(found)
        except (ValueError, RecursionError):
            return found
    return found


def from_literal(found: Any) -> Any:
    """Read JSON text, or text that Python's `repr` wrote of a mapping; else it stays unchanged."""
    read = from_json(found)
    if isinstance(read, str) and read.lstrip()[:1] == "{":
        with contextlib.suppress(ValueError, SyntaxError, MemoryError, RecursionError):
            return ast.literal_eval(read.strip())
    return read


def messages(found: Any) -> Messages | None:
    """Return messages as pairs of role and content, None if `found` is something else."""
    found = from_json(found)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        return None
    if not found:
        raise ValueError("empty")
    return tuple((_role(one), _content(one)) for one in found)


def _role(message: Mapping[str, Any]) -> str:
    role = message.get("role")
    if not isinstance(role, str) or not role:
        raise ValueError("a message without a role")
    return role


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts: list[Any] = [part.get("text") if isinstance(part, dict) else part for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError(f"the content of the {_role(message)}'s message is not text")
    return "".join(texts)


def reference(found: Any) -> tuple[Any, str | None]:
    """Return the reference in an answer, and the solution if the answer was a whole one."""
    if isinstance(found, str):
        return _from_text(found)
    if isinstance(found, list) and _is_tests(found):
        return _tests(found), None
    if isinstance(found, list) and len(found) == 1:
        return reference(found[0])
    if isinstance(found, dict):  # Parquet adds the keys that other rows have, with null
        found = {key: one for key, one in found.items() if one is not None}
    if found is None or found in ([], {}) or found != found:
        raise ValueError("not a number" if found else _what(found))
    if isinstance(found, list | dict | bool) or found in (inf, -inf):
        return found, None
    if isinstance(found, int | float | Decimal):
        return str(found), None
    raise ValueError(_what(found))


def _from_text(found: str) -> tuple[Any, str | None]:
    read = from_json(found)
    if isinstance(read, dict):
        return read, None
    if isinstance(read, list) and _is_tests(read):
        return _tests(read), None
    if "####" in found:
        work, _, final = found.rpartition("####")
        if not final.strip():
            raise ValueError("nothing after ####")
        final = final.strip()
        return _without_commas(final), f"{work.strip()}\n#### {final}"
    if "\\boxed" in found:
        if boxes(found)[1]:
            raise ValueError("a box that does not end")
        return stated(found), found
    return text_of(found), None


def _without_commas(number: str) -> str:
    grouped = re.fullmatch(r"[-+$]*\d{1,3}(,\d{3})+(\.\d+)?", number)
    return number.replace(",", "") if grouped else number


def _is_tests(found: list[Any]) -> bool:
    """Whether a list is tests: {"input", "output"} each, or an assertion each."""
    pairs = all(isinstance(one, dict) and {"input", "output"} <= one.keys() for one in found)
    asserted = all(isinstance(one, str) and one.lstrip().startswith("assert") for one in found)
    return bool(found) and (pairs or asserted)


def _tests(found: list[Any]) -> dict[str, Any]:
    """Return a list of tests as the verifier `code` reads them."""
    return {"test_list" if isinstance(found[0], str) else "tests": found}


def text_of(found: Any) -> str:
    """Return a text that is not blank."""
    if not isinstance(found, str) or not found.strip():
        raise ValueError(_what(found))
    return found


def _what(found: Any) -> str:
    """Say what stands where something else was expected."""
    if found is None:
        return "null or missing"
    empty = not isinstance(found, int | float) and not found
    return "empty" if empty or isinstance(found, str) else f"a {type(found).__name__}"


def label(found: Any) -> str:
    """Return the text of a level or an id, "" if there is none; a list's parts are joined."""
    if isinstance(found, list):
        return ", ".join(map(label, found))
    return "" if found is None else str(found)


def solution(found: Any) -> str | None:
    """Return the text, or the first of a list of texts, which may be JSON text."""
    read = from_json(found)
    if isinstance(read, list) and all(isinstance(one, str) for one in read):
        found = read[0] if read else None
    return None if found is None or found == "" else text_of(found)


def completions(found: Any) -> tuple[str, ...]:
    """Return the completions in a text, a list of texts, or messages, whose last one it is."""
    if found is None or isinstance(found, str):
        return () if found is None else (found,)
    turns = messages(found)
    if turns is not None:
        return (turns[-1][1],)
    if not isinstance(found, list) or not found:
        raise ValueError(_what(found))
    for one in found:
        if not isinstance(one, str):
            raise ValueError(f"in its list {_what(one)}")
    return tuple(found)
