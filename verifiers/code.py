"""Code: the completion's Python program against hidden tests, in a sandbox.

The reference is a mapping of one of three shapes, and the program is right if it passes every test:

- HumanEval's `prompt`, `test` (which defines `check(candidate)`), `entry_point`;
- MBPP's `test_list`, with `test_setup_code`, `test_imports` and `entry_point` if there are any;
- `entry_point` with `tests`: [{"args": [...], "kwargs": {...}, "expected": ...}, ...].

What is run: the last fence that defines the function, with the fences that define what it uses;
without fences the whole completion. Thoughts and end marks are no part of it. Code that does not
define the function continues the prompt (a fence may have lost its indentation). Prose around code
without a fence is no Python, and so wrong. `rlvr/fences.py` tells more. There is no stdin: what
reads it after the last definition is left out.

The program gets one input at a time, never an expected output, and answers with plain data: None,
bool, int, float, complex, Fraction, Decimal, str, bytes, range, list, tuple (a named one as well),
deque, set, frozenset, dict and its views, Counter, OrderedDict and defaultdict, of exactly those
types. Assertions run in another process, where the function is a proxy. So these can't be told:
that the function changes its argument in place, returns an object, an iterator or a function of its
own, prints, or raises an exception of its own class (tests see the built-in class that it derives
from). A call that brings no answer (its process died, say) fails whatever exception a test expects.
Tests that hand over functions or objects, build the program's own classes, or need packages outside
the standard library or helpers that they don't define, are `abstain`; `rlvr/asserted.py` tells what
is under test. A completion too long to be read is `wrong`.

`expected` is JSON, so a result is compared as JSON would write it: a tuple is a list, keys are
strings. A bool is not a number; integers compare exactly; floats within `tolerance` (relative, and
1e-12 absolute).

Options: `timeout` in seconds (of CPU, and of wall time net of waiting for a core, for all of a
program's tests), `memory_mb`, `tolerance`.
"""

from __future__ import annotations

import json
import math
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rlvr import asserted
from rlvr.data import Problem, Verdict
from rlvr.fences import TooLarge, program
from rlvr.inside import TOO_LARGE, NotPlain, pack
from rlvr.sandbox import Limits, ProgramError, Sandbox, SandboxError
from rlvr.verify import NO_ANSWER

DEADLINE = "own"
"""The sandbox ends a program in time: the pool need not, and a slow program is `wrong`."""

WHOLE_LINE = True
"""In a JSONL file the tests are keys of the line."""


class BadReference(ValueError):
    """The reference can't be used: the verdict is `abstain`."""


@dataclass(frozen=True, slots=True)
class Assertions:
    """Tests as code.

    `names` are the functions under test, among them any `entry_point`; with `calls_check` the tests
    define `check`, which is given that one.
    """

    setup: tuple[str, ...]
    tests: tuple[str, ...]
    names: tuple[str, ...]
    entry_point: str = ""
    calls_check: bool = False


@dataclass(frozen=True, slots=True)
class Examples:
    """Tests as packed data: (args, kwargs, expected)."""

    entry_point: str
    examples: tuple[tuple[Any, Any, Any], ...]


def verify(
    problem: Problem,
    completion: str,
    timeout: float = 3.0,
    memory_mb: int = 512,
    tolerance: float = 1e-9,
) -> Verdict:
    """Run the completion's program on the reference's tests; `passed` says which it passed.

    Raises SandboxError if the sandbox fails, which is never the program's doing.
    """
    try:
        tests, preamble, prompt = _reading(problem.reference)
    except (BadReference, asserted.BadTests, NotPlain) as error:
        return Verdict("abstain", f"reference: {error}")
    names = tests.names if isinstance(tests, Assertions) else (tests.entry_point,)
    try:
        source = program(completion, names, preamble, prompt)
    except TooLarge as error:
        return Verdict("wrong", str(error))
    if not source:
        return Verdict("wrong", NO_ANSWER)
    with _LOCK:
        try:
            if isinstance(tests, Assertions):
                passed, failure = _asserted(_sandbox(memory_mb), tests, source, timeout)
            else:
                passed, failure = _examined(_sandbox(memory_mb), tests, source, timeout, tolerance)
        except BadReference as error:
            return Verdict("abstain", f"reference: {error}")
        except SandboxError:
            _close_sandbox()
            raise
    reason = "".join(char if char.isprintable() else "?" for char in failure)
    return Verdict("correct" if all(passed) else "wrong", reason, source, passed=tuple(passed))


# --- the sandbox of this process -------------------------------------------------------------

_LOCK = threading.Lock()
_WARM: dict[int, Sandbox] = {}


def _sandbox(memory_mb: int) -> Sandbox:
    found = _WARM.get(memory_mb)
    if found is None or not found.alive():
        _close_sandbox()
        found = _WARM[memory_mb] = Sandbox(Limits(memory_mb=memory_mb))
    return found


def _close_sandbox() -> None:
    for sandbox in _WARM.values():
        sandbox.close()
    _WARM.clear()


# --- reading the reference -------------------------------------------------------------------


def _reading(reference: Any) -> tuple[Assertions | Examples, str, str]:
    """Return the tests, the code before the function in the prompt, and the prompt if it is code.

    Raises BadReference and BadTests.
    """
    if not isinstance(reference, Mapping):
        raise BadReference(f"a mapping with tests is wanted, not {type(reference).__name__}")
    entry = str(reference.get("entry_point") or "")
    if entry and not entry.isidentifier():
        raise BadReference(f"entry_point {entry[:50]!r} is not a name")
    prompt = str(reference.get("prompt") or "")
    found = re.search(rf"^(?:async[ \t]+)?def[ \t]+{entry}\b", prompt, re.M) if entry else None
    preamble, prompt = (prompt[: found.start()], prompt) if found else ("", "")
    if "tests" in reference and entry:
        return Examples(entry, tuple(_examples(reference["tests"]))), preamble, prompt
    if isinstance(reference.get("test"), str) and entry:
        test = reference["test"]
        calls_check = bool(re.search(r"^def[ \t]+check\b", test, re.M))
        asked = _asked((preamble,), (test,), entry)
        setup = (asked.supplied, preamble)
        return Assertions(setup, (test,), (entry,), entry, calls_check), preamble, prompt
    if isinstance(reference.get("test_list"), (list, tuple)):
        lists = _texts(reference.get("test_imports")) + _texts(reference.get("test_setup_code"))
        tests = _texts(reference["test_list"])
        asked = _asked(lists, tests, entry)
        return Assertions((asked.supplied, *lists), tests, asked.names, entry), preamble, prompt
    raise BadReference("`test` with `entry_point`, `test_list`, or `tests` with `entry_point`")


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    return tuple(map(str, value))


def _examples(tests: Any) -> Iterator[tuple[Any, Any, Any]]:
    if not isinstance(tests, (list, tuple)) or not tests:
        raise BadReference("`tests` is not a list of examples")
    for number, test in enumerate(tests, 1):
        if not isinstance(test, Mapping) or "expected" not in test:
            raise BadReference(f'test {number} is not {{"args": [...], "expected": ...}}')
        args, kwargs = test.get("args", []), test.get("kwargs") or {}
        if not isinstance(args, (list, tuple)) or not isinstance(kwargs, Mapping):
            raise BadReference(f"test {number}: `args` is a list, `kwargs` a mapping")
        yield pack(list(args)), pack(dict(kwargs)), pack(test["expected"])


_asked = lru_cache(maxsize=4096)(asserted.asked)


# --- judging ---------------------------------------------------------------------------------


def _examined(
    sandbox: Sandbox, tests: Examples, source: str, timeout: float, tolerance: float
) -> tuple[list[bool], str]:
    """Return which examples pass, and how the first that fails does."""
    passed: list[bool] = []
    failure = ""
    try:
        with sandbox.candidate(source, timeout) as candidate:
            for number, (args, kwargs, expected) in enumerate(tests.examples, 1):
                reply = candidate.call(tests.entry_point, args, kwargs)
                most = sandbox.limits.message_bytes
                if reply.get("raised") == TOO_LARGE and len(json.dumps(expected)) > most:
                    raise BadReference(f"test {number} expects more than {most:,} bytes")
                passed.append("value" in reply and same(expected, reply["value"], tolerance))
                if not passed[-1] and not failure:
                    failure = f"test {number}: " + reply.get("raised", "not the expected result")
    except ProgramError as error:
        failure = failure or (f"test {len(passed) + 1}: " if passed else "") + str(error)
    return passed + [False] * (len(tests.examples) - len(passed)), failure


def _asserted(
    sandbox: Sandbox, tests: Assertions, source: str, timeout: float
) -> tuple[list[bool], str]:
    """Return which assertions pass, and how the first that fails does. Raises BadReference."""
    gone = ""
    called = False
    message: dict[str, Any] = {
        "part": "checker",
        "setup": tests.setup,
        "tests": tests.tests,
        "names": tests.names,
        "entry_point": tests.entry_point,
        "check": tests.entry_point if tests.calls_check else "",
    }
    try:
        with sandbox.candidate(source, timeout) as candidate, sandbox.checker(timeout) as checker:
            try:
                reply = checker.ask(message)
                while "call" in reply:
                    called = True
                    answer: dict[str, Any] = {"raised": gone, "kinds": []}
                    if not gone:
                        try:
                            answer = candidate.call(reply["call"], reply["args"], reply["kwargs"])
                        except ProgramError as error:
                            gone = answer["raised"] = str(error)
                    reply = checker.ask(answer)
            except ProgramError as error:  # the checker's, over the candidate's answers if any
                if not called:
                    raise BadReference(f"the tests don't run: {error}") from None
                return [False], gone or f"its results: {error}"
    except ProgramError as error:
        return [False], str(error)
    if "broken" in reply:
        raise BadReference(f"the tests don't run: {reply['broken']}")
    return reply["passed"], gone or reply["failure"]


# --- comparing packed data -------------------------------------------------------------------


def same(expected: Any, value: Any, tolerance: float) -> bool:
    """Compare a program's packed result with the packed expected one, as the module states.

    Nothing is unpacked: a hostile set can't fill a hash table here.
    """
    wanted, given = _number(expected), _number(value)
    if wanted is not None or given is not None:
        return wanted is not None and given is not None and _same_number(wanted, given, tolerance)
    if isinstance(expected, list):
        items = value.get("tuple") if isinstance(value, dict) else value
        return isinstance(items, list) and _same_items(expected, items, tolerance)
    if not isinstance(expected, dict):
        return type(expected) is type(value) and expected == value
    if not isinstance(value, dict) or len(value) != 1:
        return False
    ((kind, content),), ((given_kind, items),) = expected.items(), value.items()
    kind, given_kind = (_DICTS.get(name, name) for name in (kind, given_kind))
    if kind in ("set", "frozenset"):
        return (
            given_kind in ("set", "frozenset")
            and isinstance(items, list)
            and sorted(map(json.dumps, content)) == sorted(map(json.dumps, items))
        )
    if kind != given_kind or not isinstance(items, (list, str)):
        return False
    if kind == "tuple":
        return isinstance(items, list) and _same_items(content, items, tolerance)
    if kind == "dict":
        return _same_mapping(content, items, tolerance)
    return bool(content == items)


_DICTS = dict.fromkeys(("Counter", "OrderedDict", "defaultdict"), "dict")


def _same_items(wanted: list[Any], given: list[Any], tolerance: float) -> bool:
    return len(wanted) == len(given) and all(
        same(a, b, tolerance) for a, b in zip(wanted, given, strict=True)
    )


def _same_mapping(wanted: list[Any], given: Any, tolerance: float) -> bool:
    if not isinstance(given, list) or len(wanted) != len(given):
        return False
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in given):
        return False
    as_json = all(isinstance(key, str) for key, _ in wanted)
    pairs = {_key(key, as_json): item for key, item in given}
    return len(pairs) == len(wanted) and all(
        (name := _key(key, as_json)) in pairs and same(item, pairs[name], tolerance)
        for key, item in wanted
    )


def _key(key: Any, as_json: bool) -> str:
    """Return a key as text; as JSON would write it if every expected key is a string."""
    text = json.dumps(key)
    return text if as_json is False or isinstance(key, (str, list, dict)) else f'"{text}"'


def _number(packed: Any) -> int | float | None:
    if type(packed) in (int, float):
        return packed  # type: ignore[no-any-return]
    if isinstance(packed, dict) and len(packed) == 1:
        try:
            if isinstance(packed.get("int"), str):
                return int(packed["int"], 16)
            if isinstance(packed.get("float"), str):
                return float(packed["float"])
        except ValueError:
            return None
    return None


def _same_number(wanted: int | float, given: int | float, tolerance: float) -> bool:
    if isinstance(wanted, int) or not math.isfinite(wanted):
        return wanted == given or (wanted != wanted and given != given)
    if isinstance(given, int) and abs(given) > 2**1000:
        return False  # past the floats
    return math.isclose(wanted, given, rel_tol=tolerance, abs_tol=1e-12)


_ADD = {"entry_point": "add", "tests": [{"args": [1, 2], "expected": 3}]}
_ROTATE = {"test_list": ["assert rotate([1, 2, 3]) == [3, 1, 2]", "assert rotate([]) == []"]}
_HALF = {
    "prompt": 'def half(x: float) -> float:\n    """Half of x."""\n',
    "test": "def check(candidate):\n    assert candidate(3) == 1.5\n    assert candidate(0) == 0\n",
    "entry_point": "half",
}
CASES = [
    (_ADD, "def add(a, b):\n    return a + b\n", "correct"),
    (_ADD, "Here:\n```python\ndef add(a, b):\n    return a + b\n```\n", "correct"),
    (_ADD, "def add(a, b):\n    return a - b\n", "wrong"),
    (_ADD, "def add(a, b):\n    return True\n", "wrong"),
    (_ADD, "import sys; sys.exit(0)", "wrong"),
    (_ADD, "", "wrong"),
    (_ROTATE, "def rotate(x):\n    return x[-1:] + x[:-1]\n", "correct"),
    (_ROTATE, "def rotate(x):\n    return x\n", "wrong"),
    (_HALF, "    return x / 2\n", "correct"),
    (_HALF, "    import os; os._exit(0)\n", "wrong"),
    (_HALF, "class Yes:\n    __eq__ = lambda a, b: True\nhalf = lambda x: Yes()\n", "wrong"),
    ({"entry_point": "add"}, "def add(a, b):\n    return a + b\n", "abstain"),
    ({"test_list": ["assert f(Pair(1, 2)) == 3"]}, "def f(p):\n    return 3\n", "abstain"),
]
