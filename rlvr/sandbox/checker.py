"""What runs assertions inside the sandbox, beside the program and apart from it.

The functions under test are proxies here, whose calls travel to the program's process and back.
Plain data comes back as it is. An iterator, a function and a coroutine stay with the program; what
stands for one here asks for its items, or calls it, when the tests do. Nothing of the program is
ever here but data.
"""

from __future__ import annotations

import builtins
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeGuard

from rlvr.sandbox import suites
from rlvr.sandbox.answers import AT_ONCE, ITERATORS, changeable, described
from rlvr.sandbox.plain import NotPlain, TooLarge, numeric, pack, unpack
from rlvr.sandbox.recorded import loaded

if TYPE_CHECKING:
    from rlvr.sandbox.inside import Channel

ONE_BY_ONE = 32  # items of an iterator that are asked for one at a time
GIVEN = 100_000  # items of an iterator that the tests hand over, at most


class Failure(Exception):
    """The candidate's exception, where no other one of the same name may stand for it."""


class NoAnswer(BaseException):
    """A call that brought neither plain data nor an exception: no test may take it for either."""


class BrokenTests(BaseException):
    """The tests fail by themselves; no handler of theirs is to catch it."""


class Items:
    """An iterator that stays with the program; `isinstance` takes it for one of `kind`."""

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
            most = 1 if self.taken < ONE_BY_ONE else AT_ONCE
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
    """Return what stands for an iterator: where that can be built, of exactly its class."""
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
    """The checker's end of the candidate: proxies for its functions, and what came of the calls.

    With `looks` the tests look at arguments again after a call, so each call tells how it changed
    them.
    """

    def __init__(self, channel: Channel, looks: bool = False) -> None:
        self.channel = channel
        self.looks = looks
        self.calls = 0
        self.raised: list[Exception] = []
        self.unanswered = ""
        self.broken = ""
        self.kept: dict[int, tuple[Any, int]] = {}  # by the id of what stands for it
        self.own: dict[tuple[str, type[Exception]], type[Exception]] = {}
        self.builtin = {name: kind for name, kind in vars(builtins).items() if _is_exception(kind)}

    # --- calls ---

    def proxy(self, name: str | int) -> Callable[..., Any]:
        """Return a function that asks the candidate; a number is that of a function it keeps."""

        def asking(*args: Any, **kwargs: Any) -> Any:
            try:
                request = {
                    "call": name,
                    "args": pack(args, keep=self._handed_over),
                    "kwargs": pack(kwargs, keep=self._handed_over),
                }
            except NotPlain as error:
                # Only size and depth can be a candidate's doing, from one call into the next, and
                # an array whose items numpy has no type for. Tests that want one say `object`.
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
        """Return what stands for an argument: one of the candidate's own, or an iterator's items.

        What the candidate answered can always be handed over, or it could choose that the tests
        break.
        """
        if id(value) in self.kept:
            return {"kept": self.kept[id(value)][1]}
        if found := numeric(value):
            return found
        if type(value).__name__ == "ndarray" and value.dtype.kind == "O":
            raise TooLarge("an array of objects")
        if hasattr(type(value), "__next__") and hasattr(type(value), "__iter__"):
            items = [item for item, _ in zip(value, range(GIVEN), strict=False)]
            if len(items) == GIVEN:
                raise TooLarge("an iterator without an end")
            return {"iterator": pack(items, keep=self._handed_over)}
        return None

    def ask(self, request: dict[str, Any], mine: list[Any] | None = None) -> Any:
        """Send a request; return what it brings, or raise it. `mine` are the arguments' parts."""
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
        """Return an exception that tests can tell as little from the candidate's as data allows.

        It has the class of the same name that is built in or in the standard library, else one made
        here under the nearest such class; the same arguments, text and attributes.
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
        except Exception:  # such as arguments that are not plain data
            return self._own(kinds[0].rpartition(".")[2], kind, (), text)
        return raised

    def _kind(self, name: str) -> type[Exception] | None:
        """Return the class of a name. The tests' own ways to skip are no class of a candidate's."""
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
        """Note that the tests can't go on, and return what to raise."""
        self.broken = self.broken or text
        return BrokenTests(text)

    def no_answer(self, text: str) -> NoAnswer:
        """Note that a call brought nothing, and return what to raise."""
        self.unanswered = self.unanswered or text
        return NoAnswer(text)


# Either would end a `map` or a `for` of the tests as if all were well.
_ENDINGS = (StopIteration, StopAsyncIteration)
_WAYS_OUT = {"unittest", "doctest"}


def _is_exception(found: Any) -> TypeGuard[type[Exception]]:
    return isinstance(found, type) and issubclass(found, Exception)


async def _awaiting(function: Callable[[], Any]) -> Any:
    return function()


def _change(target: Any, parts: list[Any]) -> None:
    """Give a container other contents, as `rlvr.sandbox.answers` lists them."""
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

ENDED = -1  # in place of an assertion's number: what ended a test


class _Record:
    """Which tests hold, by number: false if one ever failed."""

    def __init__(self, candidate: Candidate, imported: set[str]) -> None:
        self.candidate, self.imported = candidate, imported
        self.passed: dict[int, bool] = {}
        self.due: set[int] = set()
        self.looped: set[int] = set()
        self.failure = ""

    def __call__(self, number: int, error: BaseException | None) -> None:
        """Note how a test went. Raises BrokenTests if that is the tests' own fault."""
        # What fails before the candidate was ever asked, or for want of a package, is the tests'
        # fault; nothing that a candidate answers may look like that.
        if isinstance(error, Exception) and not isinstance(error, AssertionError):
            missing = isinstance(error, ImportError) and error not in self.candidate.raised
            # What the tests import by name, that is: a name may be the candidate's answer.
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
        """Run what asserts, and note how it went: if `number` is ENDED, only what ended it."""
        try:
            work()
        except (Exception, NoAnswer) as error:
            self(number, error)
        else:
            if number != ENDED:
                self(number, None)

    def results(self, tests: int) -> dict[str, Any]:
        """Return the message that tells what passed; there are so many tests."""
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

    `passed` has an entry for each assertion of the text, and for each test function that nothing
    but a test runner calls: false if it ever failed, and, where the tests don't all pass, if it
    never ran.
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
    """Run all tests; return how many there are. Raises what shows that the tests are broken."""
    space: dict[str, Any] = {
        "__name__": "tests", "__record__": record, "__no_answer__": NoAnswer,
        "__due__": record.due.update, "__runs__": record.looped.add,
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
    """Load a checker of outputs, `check(input, output, expected)`; then answer with what it says.

    Sends {"broken": text} if the code does not load. What it raises over an output is a no.
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
            # With a text beside it, a no would be a true value.
            holds = said[:1] == (True,) if isinstance(said, tuple) else bool(said)
        except Exception:
            holds = False
        channel.send({"holds": holds})
