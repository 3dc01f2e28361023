"""Small Python functions from one line of English, with hidden tests: the completion is the body.

Levels, in turn: 1: an expression in one number. 2: two numbers or a condition. 3: one pass over a
list. 4: a list is filtered, changed and ordered, or a string is split and joined. Each function has
six to ten tests: negative numbers, empty lists and strings, repeated items, and values next to
those in comparisons. They are chosen so that a wrong constant, operator or comparison fails one of
them, and so does a body that leaves out a part of the sentence.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.tasks import stream

from rlvr.data import Problem, Split

VERIFIER = "code"
LEVELS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Function:
    """A function f: its parameters, what it returns in words, and as an expression."""

    parameters: str
    words: str
    expression: str

    @property
    def prompt(self) -> str:
        """The function's code before its body."""
        return f'def f({self.parameters}):\n    """Return {self.words}."""\n'


def problems(
    split: Split, n: int, *, seed: int = 0, levels: Sequence[int] = LEVELS
) -> Iterator[Problem]:
    """Yield n problems of `split`; no function is in two splits, even in other words.

    Raises ValueError for an unknown level, and when a level runs out of problems.
    """
    if not levels or not set(levels) <= set(LEVELS):
        raise ValueError(f"levels are some of {list(LEVELS)}, not {list(levels)}")
    streams = {
        level: stream(f"functions-{level}", split, seed, n, _drawer(level)) for level in levels
    }
    for index in range(n):
        level = levels[index % len(levels)]
        function = next(streams[level])
        run = compiled(function.parameters, function.expression)
        tests = [{"args": list(args), "expected": run(*args)} for args in inputs(function)]
        yield Problem(
            id=f"functions/{split}/{seed}/{index}",
            task="functions",
            split=split,
            level=str(level),
            prompt=function.prompt,
            reference={"prompt": function.prompt, "entry_point": "f", "tests": tests},
            solution=f"    return {function.expression}\n",
        )


# --- drawing ---------------------------------------------------------------------------------

# No two expressions that can be drawn mean the same: thresholds stay away from 0, where a sum would
# not show them, and a letter is dropped in the case that it has at that point.


def _drawer(level: int) -> Callable[[random.Random], tuple[str, Function]]:
    def draw(generator: random.Random) -> tuple[str, Function]:
        function = _DRAW[level](generator)
        return function.expression, function

    return draw


def _one_number(generator: random.Random) -> Function:
    a, b = generator.randint(2, 99), generator.randint(1, 99)
    words, expression = generator.choice(
        [
            (f"x plus {a}", f"x + {a}"),
            (f"x minus {a}", f"x - {a}"),
            (f"{a} minus x", f"{a} - x"),
            (f"x times {a}", f"x * {a}"),
            (f"x times {a} plus {b}", f"x * {a} + {b}"),
            (f"x times {a} minus {b}", f"x * {a} - {b}"),
            (f"{b} minus x times {a}", f"{b} - x * {a}"),
            (f"x squared plus {b}", f"x ** 2 + {b}"),
            (f"x squared times {a} plus {b}", f"x ** 2 * {a} + {b}"),
            (f"the square of the sum of x and {b}", f"(x + {b}) ** 2"),
            (f"the remainder of x divided by {a}", f"x % {a}"),
            (f"x divided by {a}, rounded down", f"x // {a}"),
        ]
    )
    return Function("x", words, expression)


def _two_numbers(generator: random.Random) -> Function:
    a, b, c = (generator.randint(2, 50) for _ in range(3))
    parameters, words, expression = generator.choice(
        [
            ("x, y", f"x times {a} plus y times {b}", f"x * {a} + y * {b}"),
            ("x, y", f"x times {a} minus y plus {b}", f"x * {a} - y + {b}"),
            ("x, y", f"the larger of x plus {a} and y times {b}", f"max(x + {a}, y * {b})"),
            ("x, y", f"the smaller of x minus {a} and y plus {b}", f"min(x - {a}, y + {b})"),
            ("x", f"x plus {a} if x is greater than {c}, else x minus {b}",
             f"x + {a} if x > {c} else x - {b}"),
            ("x", f"x times {a} if x is less than {c}, else x minus {b}",
             f"x * {a} if x < {c} else x - {b}"),
        ]
    )  # fmt: skip
    return Function(parameters, words, expression)


def _filter(generator: random.Random) -> tuple[str, str]:
    a = generator.randint(2, 50)
    return generator.choice(
        [
            (f"greater than {a}", f"x > {a}"),
            (f"greater than -{a}", f"x > -{a}"),
            (f"less than {a}", f"x < {a}"),
            (f"less than -{a}", f"x < -{a}"),
            ("even", "x % 2 == 0"),
            ("odd", "x % 2 == 1"),
            (f"divisible by {a + 1}", f"x % {a + 1} == 0"),
        ]
    )


def _change(generator: random.Random) -> tuple[str, str]:
    a = generator.randint(2, 50)
    return generator.choice(
        [
            (f"times {a}", f"x * {a}"),
            (f"plus {a}", f"x + {a}"),
            (f"minus {a}", f"x - {a}"),
            ("squared", "x * x"),
        ]
    )


def _one_pass(generator: random.Random) -> Function:
    (which, test), (changed, value) = _filter(generator), _change(generator)
    a = generator.randint(2, 50)
    words, expression = generator.choice(
        [
            (f"how many numbers in xs are {which}", f"sum(1 for x in xs if {test})"),
            (f"the sum of the numbers in xs that are {which}", f"sum(x for x in xs if {test})"),
            (f"{a} times the sum of the numbers in xs that are {which}",
             f"{a} * sum(x for x in xs if {test})"),
            (f"the sum of the numbers in xs, each {changed}", f"sum({value} for x in xs)"),
            (f"the numbers in xs, each {changed}", f"[{value} for x in xs]"),
            (f"the numbers in xs that are {which}, each {changed}",
             f"[{value} for x in xs if {test}]"),
            (f"the largest of the numbers in xs, each {changed}, or 0 if there are none",
             f"max(({value} for x in xs), default=0)"),
        ]
    )  # fmt: skip
    return Function("xs", words, expression)


def _ordered(generator: random.Random) -> Function:
    (which, test), (changed, value) = _filter(generator), _change(generator)
    order, expression = generator.choice(
        [
            ("in reverse order", "[{}][::-1]"),
            ("sorted", "sorted({})"),
            ("without repeats, sorted", "sorted(set({}))"),
        ]
    )
    words = f"the numbers in xs that are {which}, each {changed}, {order}"
    return Function("xs", words, expression.format(f"{value} for x in xs if {test}"))


def _string(generator: random.Random) -> Function:
    a, b = generator.randint(2, 9), generator.randint(2, 9)
    part, piece = generator.choice(
        [
            (f"the first {a} characters of s", f"s[:{a}]"),
            (f"the last {a} characters of s", f"s[-{a}:]"),
            (f"s without its first {a} characters", f"s[{a}:]"),
            (f"every {a + 2}th character of s, starting with the first", f"s[::{a + 2}]"),
        ]
    )
    case, method = generator.choice(
        [
            ("", ""), (", in upper case", ".upper()"), (", in lower case", ".lower()"),
            (", with upper and lower case swapped", ".swapcase()"),
        ]
    )  # fmt: skip
    letter = generator.choice("abcdefghij")
    dropped = letter.upper() if method == ".upper()" else letter
    end, suffix = generator.choice(
        [
            (", reversed", "[::-1]"),
            (f", {b} times over", f" * {b}"),
            (f", followed by '{letter}'", f" + '{letter}'"),
            (f", without the letter '{dropped}'", f".replace('{dropped}', '')"),
        ]
    )
    return Function("s", f"{part}{case}{end}", f"{piece}{method}{suffix}")


def _composition(generator: random.Random) -> Function:
    return generator.choice([_ordered, _string])(generator)


_DRAW: dict[int, Callable[[random.Random], Function]] = {
    1: _one_number,
    2: _two_numbers,
    3: _one_pass,
    4: _composition,
}


# --- tests -----------------------------------------------------------------------------------


def inputs(function: Function) -> list[tuple[Any, ...]]:
    """Return the inputs of a function's tests, the same each time."""
    if function.parameters == "s":
        quoted = re.search(r"'(\w)'", function.expression)
        small = quoted[1].lower() if quoted else "e"
        pair = small + small.upper()
        long = "To be, or not to be: that is the Question"
        return [(s,) for s in ("", "a", pair, pair * 15, pair[::-1] * 15, long, long[::-1])]
    if function.parameters == "x, y":
        return [(0, 0), (0, 1), (1, 0), (7, -3), (-4, 9), (300, 0), (0, 300), (-300, 8)]
    compared = re.search(r"(?:[<>%]|//) (-?\d+)", function.expression)
    c = int(compared[1]) if compared else 5
    if function.parameters == "x":
        return [(x,) for x in dict.fromkeys([0, 1, -4, 10, -60, 37, c - 1, c, c + 1])]
    near = [c + 2, c - 2, 2 * c, c + 1, c - 1, c, 9 * c, c + 2, c - 2, 2 * c, -c, -6 * c]
    far = [12, -3, 45, 200, 1, -64, 128, -200, 64, 90, -128]
    return [(xs,) for xs in ([], [0], [c], [-90, -120], [5, 2, 5], far, near)]


def compiled(parameters: str, expression: str) -> Callable[..., Any]:
    """Return the function of an expression; this module wrote the expression, and no model did."""
    made: Callable[..., Any] = eval(f"lambda {parameters}: {expression}")
    return made


SLIPS = (
    (r" \+ (?=\d)", " - "),
    (r" - (?=\d)", " + "),
    (r"> ", ">= "),
    (r"> ", "< "),
    (r"< ", "<= "),
    (r"< ", "> "),
    (r"//", "%"),
    (r"x \* x", "x + x"),
    ("max", "min"),
    ("min", "max"),
    ("set", "list"),
    (r"sorted(?!\(set)", "list"),
    (r" if x [^)\]]*(?=[)\]])", ""),
    (r"\[::-1\]", ""),
    (r"\.\w+\(.*?\)", ""),
)
"""Patterns and replacements of slips; another slip is a constant that is one too large."""


def slips(expression: str) -> list[str]:
    """Return the expressions that differ from this one by one slip."""
    made = [(found, str(int(found[0]) + 1)) for found in re.finditer(r"\d+", expression)]
    made += [(found, new) for old, new in SLIPS for found in re.finditer(old, expression)]
    return [expression[: found.start()] + new + expression[found.end() :] for found, new in made]


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return a body that is nearly right: one constant, operator or part of it is changed."""
    expression = str(problem.solution).strip().removeprefix("return ")
    return f"    return {generator.choice(slips(expression))}\n"
