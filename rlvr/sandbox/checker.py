"""Checker: runs assertions inside the sandbox, in another process than the program.

The functions under test are proxies here. A call of a proxy goes to the program's process and back.
Plain data comes back unchanged. Iterators, functions and coroutines stay with the program: a
stand-in here asks for the items, or calls the function, when the tests do. Nothing but data ever
comes here from the program.
"""

from __future__ import annotations

import builtins
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeGuard

from rlvr.sandbox import suites
from rlvr.sandbox.answers import AT_ONCE, ITERATORS, KINDS, changeable, described
from rlvr.sandbox.plain import NotPlain, TooLarge, numeric, pack, unpack
from rlvr.sandbox.recorded import loaded

if TYPE_CHECKING:
    from rlvr.sandbox.inside import Channel

ONE_BY_ONE = 32  # so many items of an iterator are asked for one at a time
GIVEN = 100_000  # the tests may pass at most so many items of an iterator


class Failure(Exception):
    """The candidate's exception, if no exception of the same name may stand for it."""


class NoAnswer(BaseException):
    """A call returned neither plain data nor an exception: no test may take it for either."""


class BrokenTests(BaseException):
    """The tests themselves fail; their own handlers must not catch this."""


class Items:
    """Stands for an iterator that stays with the program; `isinstance` says that it is a `kind`."""

    def __init__(self, candidate: Candidate, number: int, kind: type) -> None:
        self.candidate, self.number, self.kind = candidate, number, kind
        self.ready: deque[Any] = deque()
        self.taken = 0
        self.ended = False

    __class__ = property(lambda self: self.kind)

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        if not self.ready and not self.ended:
            one = self.kind is groupby or self.taken < ONE_BY_ONE  # a group ends with the next
            most = 1 if one else AT_ONCE
            found = self.candidate.ask({"next": self.number, "most": most})
            if type(found) is not list or len(found) != 2 or type(found[0]) is not list:
                raise self.candidate.no_answer("broke the protocol")
            self.ready.extend(found[0])
            self.ended = bool(found[1])
            self.taken += len(found[0])
        if not self.ready:
            raise StopIteration
        return self.ready.popleft()


def _iterator(candidate: Candidate, number: int, kind: str) -> Iterator[Any]:
    """Return a stand-in for an iterator: of exactly its class, if such an object can be built."""
    items = Items(candidate, number, ITERATORS.get(kind, Items))
    if kind == "generator":
        return (item for item in items)
    if kind == "map":
        return map(_itself, items)
    return filter(_true, items) if kind == "filter" else items


def _itself(value: Any) -> Any:
    return value


def _true(value: Any) -> bool:
    return True


class Candidate:
    """The checker's view of the candidate: proxies for its functions, and the outcomes of calls.

    With `looks`, the tests read arguments again after a call, so each call also returns how it
    changed them.
    """

    def __init__(self, channel: Channel, looks: bool = False) -> None:
        self.channel = channel
        self.looks = looks
        self.calls = 0
        self.turn = Lock()  # tests may call from several threads
        self.raised: list[Exception] = []
        self.unanswered = ""
        self.broken = ""
        self.kept: dict[int, tuple[Any, int]] = {}  # by the id of its stand-in
        self.own: dict[tuple[str, type[Exception]], type[Exception]] = {}
        self.builtin = {name: kind for name, kind in vars(builtins).items() if _is_exception(kind)}

    # --- calls ---

    def proxy(self, name: str | int) -> Callable[..., Any]:
        """Return a function that asks the candidate; a number names a function that it keeps."""

        def asking(*args: Any, **kwargs: Any) -> Any:
            try:
                request = {
                    "call": name,
                    "args": pack(args, keep=self._handed_over),
                    "kwargs": pack(kwargs, keep=self._handed_over),
                }
            except NotPlain as error:
                # From one call to the next a candidate can cause only this: size, depth, and an
                # array whose items have no type in numpy. Tests that want one say `object`.
                if self.calls and isinstance(error, TooLarge):
                    raise self.no_answer(str(error)) from None
                raise self.break_tests(f"an argument of {name}: {error}") from None
            if not self.looks:
                return self.ask(request)
            mine = [*changeable(args), *changeable(kwargs)]
            return self.ask({**request, "look": True} if mine else request, mine)

        asking.__name__ = name if isinstance(name, str) else "function"
        return asking

    def _handed_over(self, value: Any) -> Any:
        """Return what is sent for an argument: a name of the candidate's, or an iterator's items.

        Everything that the candidate has answered can be sent back to it. Otherwise a candidate
        could make the tests break.
        """
        if id(value) in self.kept:
            return {"kept": self.kept[id(value)][1]}
        if any(value is one for one in self.raised):  # it raised this and didn't keep it
            raise TooLarge("an exception that it does not know again")
        if found := numeric(value):
            return found
        if type(value).__name__ == "ndarray" and value.dtype.kind == "O":
            raise TooLarge("an array of objects")
        # These would lose what the tests give them. No program can cause that: what it answers has
        # neither names of fields nor a factory.
        if hasattr(type(value), "_fields") or getattr(value, "default_factory", None):
            raise NotPlain(f"{type(value).__name__} is not plain data")
        if isinstance(value, type) and KINDS.get(value.__name__) is value:
            return {"kind": value.__name__}
        stream = hasattr(type(value), "readline")
        if hasattr(type(value), "__next__") and hasattr(type(value), "__iter__") and not stream:
            items = [item for item, _ in zip(value, range(GIVEN), strict=False)]
            if len(items) == GIVEN:
                raise TooLarge("an iterator without an end")
            return {"iterator": pack(items, keep=self._handed_over)}
        return None

    def ask(self, request: dict[str, Any], mine: list[Any] | None = None) -> Any:
        """Send a request; return its answer, or raise it. `mine`: the parts of the arguments."""
        with self.turn:
            self.calls += 1
            try:
                self.channel.send(request)
            except ValueError:
                raise self.no_answer("the arguments are too large") from None
            answer = self.channel.receive()
        try:
            self._print(answer)
            for number, content in answer.get("after", ()):
                _change(mine[number], [self._read(part, mine) for part in content])  # type: ignore[index]
            if "value" in answer:
                return self._read(answer["value"], mine)
        except Exception:
            raise self.no_answer("broke the protocol") from None
        if "Exception" not in answer["kinds"]:
            raise self.no_answer(answer["raised"])
        raised = self._exception(answer)
        self.raised.append(raised)
        if isinstance(answer.get("kept"), int):
            self._keep(raised, answer["kept"])
        raise raised

    def _print(self, answer: dict[str, Any]) -> None:
        for stream, text in zip((sys.stdout, sys.stderr), answer.get("printed", ()), strict=False):
            if text and stream:
                stream.write(text)

    def _read(self, value: Any, mine: list[Any] | None) -> Any:
        def kept(name: str, content: Any) -> Any:
            if name == "argument" and mine is not None:
                return mine[content]
            if name == "iterator":
                return self._keep(_iterator(self, *content), int(content[0]))
            if name == "coroutine":
                return self._keep(_awaiting(self.proxy(int(content))), int(content))
            return self._keep(self.proxy(int(content)), int({"function": content}[name]))

        return unpack(value, kept)

    def _keep(self, stand_in: Any, number: int) -> Any:
        self.kept[id(stand_in)] = stand_in, number
        return stand_in

    # --- what calls raise ---

    def _exception(self, answer: dict[str, Any]) -> Exception:
        """Return an exception that is as similar to the candidate's as data allows.

        Its class is the one of the same name, built in or from the standard library, or else a new
        subclass of the nearest such class. Arguments, text and attributes are the same.
        """
        kinds, said = [str(kind) for kind in answer["kinds"]], str(answer["raised"])
        kind, name = next((kind, name) for name in kinds if (kind := self._kind(name)))
        if issubclass(kind, _ENDINGS):
            return Failure(said)
        text = str(answer.get("text", said))
        try:
            args = unpack(answer["args"])
            fields = {name: unpack(value) for name, value in answer.get("fields", {}).items()}
            if name == kinds[0]:
                raised = kind(*args) if name in self.builtin else kind.__new__(kind, *args)
            else:
                raised = self._own(kinds[0].rpartition(".")[2], kind, args, text)
            for name, value in fields.items():
                if name.isidentifier() and not name.startswith("_"):
                    setattr(raised, name, value)
        except Exception:  # for example because arguments are not plain data
            return self._own(kinds[0].rpartition(".")[2], kind, (), text)
        return raised

    def _kind(self, name: str) -> type[Exception] | None:
        """Return the class of a name, but never one by which the tests skip themselves."""
        module, _, plain = name.rpartition(".")
        if not module or module.partition(".")[0] not in sys.stdlib_module_names:
            return self.builtin.get(name)
        found = vars(sys.modules[module]).get(plain) if module in sys.modules else None
        if not _is_exception(found) or found.__module__.partition(".")[0] in _WAYS_OUT:
            return None
        return found

    def _own(self, name: str, base: type[Exception], args: Any, text: str) -> Exception:
        if (name, base) not in self.own:
            self.own[name, base] = type(name, (base,), {"__str__": lambda self: self.text_told})
        kind = self.own[name, base]
        raised = kind.__new__(kind, *args)
        raised.text_told = text  # type: ignore[attr-defined]
        return raised

    def break_tests(self, text: str) -> BrokenTests:
        """Record that the tests can't continue, and return the exception to raise."""
        self.broken = self.broken or text
        return BrokenTests(text)

    def no_answer(self, text: str) -> NoAnswer:
        """Record that a call returned nothing usable, and return the exception to raise."""
        self.unanswered = self.unanswered or text
        return NoAnswer(text)


# Both would end a `map` or a `for` of the tests as if nothing were wrong.
_ENDINGS = (StopIteration, StopAsyncIteration)
_WAYS_OUT = {"unittest", "doctest"}


def _is_exception(found: Any) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)


async def _awaiting(function: Callable[[], Any]) -> Any:
    return function()


def _change(target: Any, parts: list[Any]) -> None:
    """Replace the content of a container by the items that `rlvr.sandbox.answers` lists."""
    if isinstance(target, dict):
        keys, values = parts[: len(parts) // 2], parts[len(parts) // 2 :]
        target.clear()
        for key, value in zip(keys, values, strict=True):
            target[key] = value
    elif isinstance(target, set):
        target.clear()
        target.update(parts)
    elif isinstance(target, deque):
        target.clear()
        target.extend(parts)
    elif type(target).__name__ == "ndarray":
        target[...] = parts[0]
    elif isinstance(target, array):
        target[:] = array(target.typecode, parts)
    else:
        target[:] = parts


# --- assertions as tests ---------------------------------------------------------------------

ENDED = -1  # in place of an assertion's number: an exception ended a test


class _Record:
    """Which tests hold, by number: false if a test ever failed."""

    def __init__(self, candidate: Candidate, imported: set[str]) -> None:
        self.candidate, self.imported = candidate, imported
        self.passed: dict[int, bool] = {}
        self.due: set[int] = set()
        self.looped: set[int] = set()
        self.failure = ""

    def __call__(self, number: int, error: BaseException | None) -> None:
        """Record the outcome of a test. Raises BrokenTests if the tests themselves are at fault."""
        # If a test fails before it asks the candidate, or because a package is missing, the tests
        # are at fault. No answer of a candidate may look like that.
        if isinstance(error, Exception) and not isinstance(error, AssertionError):
            missing = isinstance(error, ImportError) and error not in self.candidate.raised
            # This counts only for names that the tests import: the candidate may answer a name too.
            if (
                missing
                and str(getattr(error, "name", "")).partition(".")[0] in self.imported
                or not self.candidate.calls
            ):
                raise self.candidate.break_tests(described(error))
        self.passed[number] = self.passed.get(number, True) and error is None
        if error is not None and not self.failure:
            text = "" if isinstance(error, AssertionError) else f" ({described(error)})"
            place = f"test {number + 1} fails" if number != ENDED else "a test ends"
            self.failure = f"{place}{text}"

    def attempt(self, number: int, work: Callable[[], object]) -> None:
        """Run an assertion and record the outcome; if `number` is ENDED, record only exceptions."""
        try:
            work()
        except SystemExit as ended:  # of the tests: the program's own never comes here
            if number != ENDED or ended.code not in (None, 0, False):
                self(number, AssertionError(f"the tests exit with {ended.code}"))
        except (Exception, NoAnswer) as error:
            self(number, error)
        else:
            if number != ENDED:
                self(number, None)

    def results(self, tests: int) -> dict[str, Any]:
        """Return the message that says which of so many tests passed."""
        never = self.due - self.passed.keys() - self.looped
        if never and not self.failure:
            test = f"test {max(never) + 1}" if max(never) >= 0 else "a loop of the tests"
            self.failure = f"{test} never runs"
        well = not self.failure and not self.candidate.unanswered
        results = [self.passed.get(number, well) for number in range(tests)] or [well]
        if ENDED in self.passed or not well and all(results):
            results.append(False)
        return {"passed": results, "failure": self.failure or self.candidate.unanswered}


def judge(channel: Channel, message: dict[str, Any]) -> None:
    """Run assertions; send {"passed": [...], "failure": text} or {"broken": text}.

    `passed` has an entry for each assertion in the text, and for each test function that only a
    test runner calls. The entry is false if the test ever failed. If not all tests pass, it is also
    false for a test that never ran.
    """
    candidate = Candidate(channel, bool(message.get("looks")))
    record = _Record(candidate, set(message["imported"]))
    try:
        tests = _run(candidate, record, message)
        if candidate.broken:
            raise BrokenTests(candidate.broken)
    except (Exception, BrokenTests) as error:
        channel.send({"broken": str(error) if type(error) is BrokenTests else described(error)})
        return
    channel.send(record.results(tests))


def _run(candidate: Candidate, record: _Record, message: dict[str, Any]) -> int:
    """Run all tests; return how many there are. Raises an exception if the tests are broken."""
    space: dict[str, Any] = {
        "__name__": "__main__", "__file__": "/tmp/tests.py", "exit": sys.exit, "quit": sys.exit,
        "__record__": record, "__no_answer__": NoAnswer, "__due__": record.due.update,
        "__runs__": record.looped.add,
    }  # fmt: skip
    suites.install(record.imported, candidate.break_tests)
    for code in loaded(message["setup"]):
        exec(code, space)
    wanted = {name for name in message["names"] if name not in space}
    if message["entry_point"] or not wanted:
        wanted.add(message["entry_point"] or message["names"][0])
    for name in wanted:
        space[name] = candidate.proxy(name)
    for code in loaded(message["tests"]):
        record.attempt(ENDED, lambda: exec(code, space))  # noqa: B023
    tests = int(message["recorded"])
    if message["check"]:
        record.attempt(ENDED, lambda: space["check"](space[message["check"]]))
    else:
        tests += suites.run(message["collected"], space, tests, record)
    if not candidate.calls or not message["judges"]:
        raise BrokenTests("they assert nothing" if candidate.calls else "they call no function")
    return tests


def judge_outputs(channel: Channel, code: str) -> None:
    """Load a checker of outputs, `check(input, output, expected)`; then answer with its decisions.

    Sends {"broken": text} if the code does not load. If it raises on an output, the answer is no.
    """
    space: dict[str, Any] = {"__name__": "checker"}
    try:
        exec(compile(code, "checker.py", "exec", dont_inherit=True), space)
        check = space["check"]
    except Exception as error:
        channel.send({"broken": described(error)})
        return
    channel.send({"ready": True})
    while True:
        texts = channel.receive()["texts"]
        try:
            said = check(*texts)
            # A pair of no and a text would count as true.
            holds = said[:1] == (True,) if isinstance(said, tuple) else bool(said)
        except Exception:
            holds = False
        channel.send({"holds": holds})
