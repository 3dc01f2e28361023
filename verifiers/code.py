"""Code: the completion's Python program against hidden tests, in a sandbox.

The reference is a mapping of one of these shapes, and the program is right if it passes every test:

- HumanEval's `prompt`, `test` (which defines `check(candidate)`) and `entry_point`; the entry point
  may be LeetCode's "Solution().f" too. `test` may also be tests for a test runner:
  `unittest.TestCase`, or functions and classes in pytest's style (`rlvr/sandbox/suites.py`); these
  need no `entry_point`, as they name what they call;
- MBPP's `test_list`, with `test_setup_code`, `test_imports` and `entry_point` if there are any;
- `entry_point` with `tests`: [{"args": [...], "kwargs": {...}, "expected": ...}, ...];
- inputs and outputs of a whole program, or of a function or a method of `class Solution`, as APPS,
  TACO, CodeContests and LiveCodeBench have them: `input_output`, `tests` and others
  (`rlvr/programs/stdio.py` lists them). As in their harnesses, the names that a function or a class
  uses from `typing`, `collections`, `math` and the like are imported for it
  (`rlvr/programs/names.py`). `checker` may be code that defines `check(input, output, expected)`;
  then its result decides (an exception means no). Without it, tokens are compared, as
  `rlvr/programs/stdio.py` says.

What runs: the last fence that defines the function, with the fences that define what it uses;
without fences the whole completion. Thoughts and end marks are left out. Code that does not define
the function continues the prompt (it may have lost its indentation). Prose around code without a
fence is not Python, and so wrong. `rlvr/programs/fences.py` says more. A function has no stdin:
code after the last definition that reads stdin is left out.

A whole program runs once for each test, in a new process, as a script whose input and output are
files. It fails if an exception ends it, if its exit code is not 0, or if it writes more than 1 MiB
and more than four times the expected output.

A function gets one input at a time, never an expected output, and answers with plain data: None,
bool, int, float, complex, Fraction, Decimal, str, bytes, bytearray, range, list, tuple (a named one
as well), deque, set, frozenset, dict and its views, Counter, OrderedDict and defaultdict, array,
re.Match, dates, times and their differences. An object of a program's own subclass of int, float,
str, bytes, list, tuple, set, frozenset or dict (an IntEnum, say) is what it holds, and no more. Any
other subclass is no plain data. As JSON a result has at most 8 MiB. Assertions run in another
process, where the function is a proxy. They can also read

- the items of an iterator, which stays with the program: one by one, when they ask for them;
- the result of a coroutine, a function or another callable that the function returns;
- changes of arguments in place, if they may read the arguments again;
- what a call prints, if they read stdout or stderr;
- an exception's class, arguments, text and attributes. If the class is the program's own, a class
  of that name stands for it, under the nearest one that is built in or in the standard library.

If a function returns anything else, or a call gets no answer (because its process died, say), the
program is wrong, whatever the tests expect. Tests run as in plain Python, with what stands under
`if __name__ == "__main__"`; an import of the program under test (`from solution import f`) is left
out. Tests that need more than this are `abstain`: functions or objects that they pass to the
program (types like `int` may be passed), parts of a program's own class, files, patches, packages,
helpers that they don't define, a result that they run as code (a `checker` too), whether two
results are one object, a change of a part of a result (parts that are one object come as two). This
is decided from the tests alone (`rlvr/programs/told.py`, `rlvr/programs/asserted.py`), never from
what a program does. A completion that is too long to be read is `wrong`.

`expected` is JSON, so a result is compared as JSON would write it: a tuple is a list, keys are
strings. A bool is not a number; integers compare exactly; floats within `tolerance` (relative, and
1e-12 absolute).

Options: `timeout` in seconds (of CPU, and of wall time without waiting for a core) for all tests of
a program; for a whole program, it is for each test, and all tests may take ten times that. What
the verifier and a `checker` take is not the program's.
`memory_mb`. `tolerance`. `packages`: installed packages that tests and programs may import, such as
[numpy]; they are mounted read-only, and there are none by default. Tests that import a missing
package are `abstain`, but a program that does so is `wrong`: the packages are part of the task, and
otherwise a program could choose to be undecided.
"""

from __future__ import annotations

import ast
import contextlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rlvr.data import Problem, Verdict
from rlvr.programs import asserted, stdio, told
from rlvr.programs.fences import TooLarge, joined, program
from rlvr.programs.names import imports_for
from rlvr.sandbox import recorded
from rlvr.sandbox.outside import OVERRUN, Limits, Program, ProgramError, Sandbox, SandboxError
from rlvr.sandbox.packages import Packages, installed
from rlvr.sandbox.plain import NotPlain, pack
from rlvr.verify.verifier import NO_ANSWER

DEADLINE = "own"
"""The sandbox ends a program in time, so the pool need not; a slow program is `wrong`."""

WHOLE_LINE = True
"""In a JSONL file the tests are keys of the whole line."""


LARGEST_INPUT = 12 << 20
"""Bytes of an input, which is a file in the sandbox."""

ALL_TESTS = 10
"""All tests of a whole program together may take this many times the time of one."""


class BadReference(ValueError):
    """The reference can't be used: the verdict is `abstain`."""


@dataclass(frozen=True, slots=True)
class Assertions:
    """Tests as code.

    `names`: the functions under test, with the `entry_point` if there is one. `calls_check`:
    whether the tests define `check`, which gets the entry point.
    """

    setup: tuple[str, ...]
    tests: tuple[str, ...]
    names: tuple[str, ...]
    entry_point: str = ""
    calls_check: bool = False
    looks: bool = False
    prints: bool = False


@dataclass(frozen=True, slots=True)
class Examples:
    """Tests as packed data: (args, kwargs, expected).

    `method`: whether the function may be a method of the program's `class Solution`. `wrapped`:
    whether each expected result may be the only item of a list.
    """

    entry_point: str
    examples: tuple[tuple[Any, Any, Any], ...]
    method: bool = False
    wrapped: bool = False


@dataclass(frozen=True, slots=True)
class Outputs:
    """Tests of a whole program: (input, output), compared by tokens or by a checker's code."""

    pairs: tuple[tuple[str, str], ...]
    checker: str = ""


def refuse(argument: str, options: Mapping[str, Any]) -> None:
    """Raise InputError for a package that is not installed."""
    installed(tuple(options.get("packages") or ()))


def verify(
    problem: Problem,
    completion: str,
    timeout: float = 3.0,
    memory_mb: int = 512,
    tolerance: float = 1e-9,
    packages: tuple[str, ...] = (),
) -> Verdict:
    """Run the completion's program on the reference's tests; `passed` says which tests it passed.

    Raises SandboxError if the sandbox fails. A program can't cause that.
    """
    mounted = installed(tuple(packages))
    try:
        tests, preamble, prompt = _reading(problem.reference, frozenset(mounted.imports))
    except (BadReference, asserted.BadTests, stdio.BadTests, NotPlain) as error:
        return Verdict("abstain", f"reference: {error}")
    names = _names(tests)
    try:
        source = program(completion, names, preamble, prompt)
    except TooLarge as error:
        return Verdict("wrong", str(error))
    if not source:
        return Verdict("wrong", NO_ANSWER)
    if isinstance(tests, Examples) and tests.method:
        source = joined([imports_for(source, names), source])
    with _LOCK:
        try:
            sandbox = _sandbox(memory_mb, mounted)
            if isinstance(tests, Assertions):
                passed, failure = _asserted(sandbox, tests, source, timeout)
            elif isinstance(tests, Outputs):
                passed, failure = _printed(sandbox, tests, source, timeout, tolerance)
            else:
                passed, failure = _examined(sandbox, tests, source, timeout, tolerance)
        except BadReference as error:
            return Verdict("abstain", f"reference: {error}")
        except SandboxError:
            _close_sandbox()
            raise
    reason = "".join(char if char.isprintable() else "?" for char in failure)
    return Verdict("correct" if all(passed) else "wrong", reason, source, passed=tuple(passed))


# --- the sandbox of this process -------------------------------------------------------------

_LOCK = threading.Lock()
_WARM: dict[tuple[int, Packages], Sandbox] = {}


def _sandbox(memory_mb: int, packages: Packages) -> Sandbox:
    found = _WARM.get((memory_mb, packages))
    if found is None or not found.alive():
        _close_sandbox()
        found = _WARM[memory_mb, packages] = Sandbox(Limits(memory_mb=memory_mb), packages)
    return found


def _close_sandbox() -> None:
    for sandbox in _WARM.values():
        sandbox.close()
    _WARM.clear()


# --- reading the reference -------------------------------------------------------------------


Tests = Assertions | Examples | Outputs


def _names(tests: Tests) -> tuple[str, ...]:
    """Return the functions and classes; a program has to define one of them."""
    if isinstance(tests, Outputs):
        return ()
    if isinstance(tests, Assertions):
        return tuple(name.partition("()")[0] for name in tests.names)
    name = tests.entry_point.partition("()")[0]
    return (name, "Solution") if tests.method else (name,)


def _reading(reference: Any, packages: Set[str] = frozenset()) -> tuple[Tests, str, str]:
    """Return the tests, the code before the function in the prompt, and the prompt if it is code.

    Raises BadReference, BadTests of both kinds, and NotPlain.
    """
    if not isinstance(reference, Mapping):
        raise BadReference(f"the reference is {type(reference).__name__}, not a mapping with tests")
    if (pairs := stdio.pairs(reference)) is not None:
        checker = str(reference.get("checker") or "")
        if checker and pairs.function:
            raise BadReference("a `checker` judges what a program prints, and the tests are calls")
        if checker and (runs := _runs_output(checker)):
            raise BadReference(f"the checker: {runs}")
        return (_calls(pairs) if pairs.function else _outputs(pairs, checker)), "", ""
    entry = str(reference.get("entry_point") or "")
    owner, _, method = entry.rpartition("().")
    if entry and not (owner or method).isidentifier() or owner and not method.isidentifier():
        raise BadReference(f"entry_point {entry[:50]!r} is not a name")
    preamble, prompt = _code_of(str(reference.get("prompt") or ""), owner or entry, bool(owner))
    if "tests" in reference and entry:
        # The packages that the prompt imports must be available.
        _asked((preamble,), (f"assert {owner or entry}()",), owner or entry, packages)
        return Examples(entry, tuple(_examples(reference["tests"]))), preamble, prompt
    if isinstance(reference.get("test"), str) and entry:
        test = asserted.without_program(reference["test"], owner or entry)
        calls_check = bool(re.search(r"^def[ \t]+check\b", test, re.M))
        asked = _asked((preamble,), (test,), owner or entry, packages)
        setup = (asked.supplied, preamble)
        wants = (asked.looks, asked.prints)
        return Assertions(setup, (test,), (entry,), entry, calls_check, *wants), preamble, prompt
    listed = reference.get("test_list")
    if listed is None and isinstance(reference.get("test"), str):
        listed = [reference["test"]]
    if isinstance(listed, (list, tuple)):
        lists = _texts(reference.get("test_imports")) + _texts(reference.get("test_setup_code"))
        tests = _texts(listed)
        tests = tuple(asserted.without_program(text, entry) for text in tests)
        asked = _asked(lists, tests, entry, packages)
        lists = (asked.supplied, *lists)
        wants = (asked.looks, asked.prints)
        return Assertions(lists, tests, asked.names, entry, False, *wants), preamble, prompt
    raise BadReference("no `test`, `test_list`, `tests` or `input_output`")


def _code_of(prompt: str, name: str, of_class: bool) -> tuple[str, str]:
    """Return the code before the function or class in a prompt, and the prompt if it has either.

    The prompt for a class may also have only the definitions that the class needs.
    """
    start = "class" if of_class else "(?:async[ \t]+)?def"
    begins = re.compile(rf"^(?:@[^\n]*\n)*+{start}[ \t]+{name}\b", re.M)
    found = begins.search(prompt) if name else None
    if found and not _parses(prompt[: found.start()]):
        # A stub in a fence, with prose around it.
        cells = [cell[1] for cell in _CELL.finditer(prompt) if begins.search(cell[1])]
        prompt = cells[-1] if cells else prompt
        found = begins.search(prompt)
    if found:
        return prompt[: found.start()], prompt
    return (prompt, "") if of_class and _is_preamble(prompt) else ("", "")


_CELL = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)


def _parses(code: str) -> ast.Module | None:
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_preamble(prompt: str) -> bool:
    """Return whether a prompt is code that only defines and imports."""
    parsed = _parses(prompt)
    if parsed is None:
        return False
    body = parsed.body
    own = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    return all(isinstance(node, own) for node in body)


def _outputs(pairs: stdio.Pairs, checker: str) -> Outputs:
    found = tuple(
        (stdio.text(given), stdio.text(wanted))
        for given, wanted in zip(pairs.inputs, pairs.outputs, strict=True)
    )
    try:
        sizes = [len(given.encode()) for given, _ in found]
    except UnicodeEncodeError as error:
        raise BadReference(f"an input is no text: {error.reason}") from None
    if max(sizes) > LARGEST_INPUT:
        raise BadReference(f"an input has more than {LARGEST_INPUT:,} bytes")
    return Outputs(found, checker)


def _calls(pairs: stdio.Pairs) -> Examples:
    """Read a function's tests."""
    results = [stdio.result(*pair) for pair in zip(pairs.inputs, pairs.outputs, strict=True)]
    examples = tuple(
        (pack(stdio.arguments(given)), pack({}), pack(wanted))
        for given, wanted in zip(pairs.inputs, results, strict=True)
    )
    return Examples(pairs.function, examples, method=True, wrapped=pairs.wrapped)


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, (list, tuple)):
        raise BadReference(f"tests are a list of texts, not {type(value).__name__}")
    return tuple(map(str, value))


def _examples(tests: Any) -> Iterator[tuple[Any, Any, Any]]:
    if not isinstance(tests, (list, tuple)) or not tests:
        raise BadReference("`tests` is not a list of examples")
    for number, test in enumerate(tests, 1):
        if not isinstance(test, Mapping) or "expected" not in test:
            raise BadReference(f'test {number} is not {{"args": [...], "expected": ...}}')
        args, kwargs = test.get("args", []), test.get("kwargs") or {}
        named = isinstance(kwargs, Mapping) and all(isinstance(key, str) for key in kwargs)
        if not isinstance(args, (list, tuple)) or not named:
            raise BadReference(f"test {number}: `args` is a list, `kwargs` a mapping of names")
        yield pack(list(args)), pack(dict(kwargs)), pack(test["expected"])


_asked = lru_cache(maxsize=4096)(asserted.asked)


@lru_cache(maxsize=1024)
def _runs_output(checker: str) -> str:
    try:
        return told.runs_output(checker)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""  # the checker's process says why it does not run


# --- judging ---------------------------------------------------------------------------------


def _examined(
    sandbox: Sandbox, tests: Examples, source: str, timeout: float, tolerance: float
) -> tuple[list[bool], str]:
    """Return which examples pass, and how the first failing one fails."""
    said: list[str] = []
    passed: list[bool] = []
    bare: list[bool] = []  # as if no result were wrapped in a list
    ended, function = "", tests.entry_point
    if tests.method and _is_method(function, source):
        function = f"Solution().{function}"
    most = sandbox.limits.result_bytes
    for number, (_, _, expected) in enumerate(tests.examples, 1):
        if len(json.dumps(expected)) > most:  # before a program runs, which could choose it
            raise BadReference(f"test {number} expects more than {most:,} bytes")
    try:
        with sandbox.candidate(source, timeout) as candidate:
            for number, (args, kwargs, expected) in enumerate(tests.examples, 1):
                reply = candidate.call(function, args, kwargs)
                answers = "value" in reply
                passed.append(answers and same(expected, reply["value"], tolerance))
                if tests.wrapped:
                    bare.append(answers and same(expected[0], reply["value"], tolerance))
                said.append(f"test {number}: " + reply.get("raised", "not the expected result"))
    except ProgramError as error:
        ended = (f"test {len(said) + 1}: " if said else "") + str(error)
    passed = max(passed, bare, key=sum)
    failure = next((text for text, holds in zip(said, passed, strict=True) if not holds), ended)
    return passed + [False] * (len(tests.examples) - len(passed)), failure


def _is_method(name: str, source: str) -> bool:
    """Return whether to ask a program's `class Solution`: it has one, and no function so called."""
    parsed = _parses(source)
    if parsed is None:
        return re.search(r"^class[ \t]++Solution\b", source, re.M) is not None
    functions = {node.name for node in parsed.body if isinstance(node, _DEFS)}
    classes = {node.name for node in parsed.body if isinstance(node, ast.ClassDef)}
    return "Solution" in classes and name not in functions


_DEFS = (ast.FunctionDef, ast.AsyncFunctionDef)


@lru_cache(maxsize=1024)
def _for_checker(tests: Assertions) -> dict[str, Any]:
    """Return what the checker must know of the tests. Raises BadReference if they don't compile."""
    try:
        code = recorded.ready(tests.setup, tests.tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadReference(f"the tests don't run: {type(error).__name__}: {error}") from None
    return {
        "part": "checker",
        **code,
        "names": tests.names,
        "entry_point": tests.entry_point,
        "check": tests.entry_point if tests.calls_check else "",
        "looks": tests.looks,
    }


def _asserted(
    sandbox: Sandbox, tests: Assertions, source: str, timeout: float
) -> tuple[list[bool], str]:
    """Return which assertions pass, and how the first failing one fails. Raises BadReference."""
    gone = ""
    called = False
    message = _for_checker(tests)
    try:
        with (
            sandbox.candidate(source, timeout, tells=True, prints=tests.prints) as candidate,
            sandbox.checker(timeout) as checker,
        ):
            try:
                reply = checker.ask(message)
                while "call" in reply or "next" in reply:
                    called = True
                    answer: dict[str, Any] = {"raised": gone, "kinds": []}
                    if not gone:
                        try:
                            answer = candidate.request(reply)
                        except ProgramError as error:
                            gone = answer["raised"] = str(error)
                    reply = checker.ask(answer)
            except ProgramError as error:  # time of the checker, beside the candidate's answers
                if not called:
                    raise BadReference(f"the tests don't run: {error}") from None
                return [False], gone or f"its results: {error}"
    except ProgramError as error:
        return [False], str(error)
    if "broken" in reply:
        raise BadReference(f"the tests don't run: {reply['broken']}")
    return reply["passed"], gone or reply["failure"]


def _printed(
    sandbox: Sandbox, tests: Outputs, source: str, timeout: float, tolerance: float
) -> tuple[list[bool], str]:
    """Return which inputs give the expected output, and how the first failing one fails.

    Raises BadReference.
    """
    passed: list[bool] = []
    failure, most_used = "", sandbox.used + ALL_TESTS * timeout
    with contextlib.ExitStack() as stack:
        judge = _judge(stack, sandbox, tests, timeout) if tests.checker else None
        for number, (given, wanted) in enumerate(tests.pairs, 1):
            most = max(sandbox.limits.message_bytes, 4 * len(wanted))
            said = "not the expected output"
            try:
                printed = sandbox.output(source, given, timeout, most)
                passed.append(judge(given, printed, wanted) if judge
                              else stdio.same(wanted, printed, tolerance))  # fmt: skip
            except ProgramError as error:
                passed.append(False)
                said = str(error)
            failure = failure if failure or passed[-1] else f"test {number}: {said}"
            if said.startswith(OVERRUN) or sandbox.used > most_used:
                break
    failure = failure or ("" if len(passed) == len(tests.pairs) else OVERRUN)
    return passed + [False] * (len(tests.pairs) - len(passed)), failure


def _judge(
    stack: contextlib.ExitStack, sandbox: Sandbox, tests: Outputs, timeout: float
) -> Callable[[str, str, str], bool]:
    """Start a checker; return a function of input, output and expected output, which asks it.

    Raises BadReference if its code does not load. If it raises on an output, the answer is no. If
    it gives none, its own time for all tests may be over: a new one is asked. If that gives none
    either, the output is to blame, unless the expected output gets no answer as well.
    """

    def start() -> Program:
        checker = stack.enter_context(sandbox.checker(ALL_TESTS * timeout))
        try:
            reply = checker.ask({"part": "outputs", "checker": tests.checker})
        except ProgramError as error:
            raise BadReference(f"the checker: {error}") from None
        if "broken" in reply:
            raise BadReference(f"the checker: {reply['broken']}")
        return checker

    checker = start()

    def judge(given: str, printed: str, wanted: str) -> bool:
        nonlocal checker
        try:
            return _holds(checker, given, printed, wanted)
        except ProgramError:
            checker = start()
        try:
            return _holds(checker, given, printed, wanted)
        except ProgramError as failed:
            try:
                _holds(start(), given, wanted, wanted)
            except ProgramError as error:
                raise BadReference(f"the checker: {error}") from None
            raise failed

    return judge


def _holds(checker: Program, given: str, printed: str, wanted: str) -> bool:
    return checker.ask({"texts": [given, printed, wanted]}).get("holds") is True


# --- comparing packed data -------------------------------------------------------------------


def same(expected: Any, value: Any, tolerance: float) -> bool:
    """Compare a program's packed result with the expected one, as the module's docstring says.

    Nothing is unpacked, so that a hostile set can't fill a hash table here.
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
    """Return a key as text: as JSON would write it, if every expected key is a string."""
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
        return False  # larger than any float
    return math.isclose(wanted, given, rel_tol=tolerance, abs_tol=1e-12)


_ADD = {"entry_point": "add", "tests": [{"args": [1, 2], "expected": 3}]}
_ROTATE = {"test_list": ["assert rotate([1, 2, 3]) == [3, 1, 2]", "assert rotate([]) == []"]}
_HALF = {
    "prompt": 'def half(x: float) -> float:\n    """Half of x."""\n',
    "test": "def check(candidate):\n    assert candidate(3) == 1.5\n    assert candidate(0) == 0\n",
    "entry_point": "half",
}
_SUM = {"tests": [{"input": "1 2\n", "output": "3\n"}, {"input": "2 2\n", "output": "4\n"}]}
_LAZY = {"test_list": ["assert list(up_to(2)) == [0, 1]", "xs = [2]\nup_to(*xs)\nassert xs == [2]"]}
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
    (_SUM, "print(sum(map(int, input().split())))\n", "correct"),
    (_SUM, "print(3)\n", "wrong"),
    (_LAZY, "def up_to(n):\n    yield from range(n)\n", "correct"),
    (_LAZY, "class Yes:\n    __eq__ = lambda a, b: True\nup_to = lambda n: Yes()\n", "wrong"),
    ({"entry_point": "add"}, "def add(a, b):\n    return a + b\n", "abstain"),
    ({"test_list": ["assert f(Pair(1, 2)) == 3"]}, "def f(p):\n    return 3\n", "abstain"),
]
