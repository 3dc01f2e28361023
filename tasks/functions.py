"""Small Python functions from one line of English, with hidden tests: the completion is the body.

Levels, dealt evenly: 1 an expression in one number, 2 two numbers or a condition, 3 one pass over a
list, 4 a list filtered, changed and ordered, or a string taken apart and put together. Tests hold
small and negative numbers, empty lists and strings, and the values next to every constant.
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
WORDS = ("", "a", "Abc", "hello world", "Level Four", "aabbcc", "To be, or not")


@dataclass(frozen=True, slots=True)
class Function:
    """A function f: its parameters, what it returns in words, and as an expression."""

    parameters: str
    words: str
    expression: str

    @property
    def prompt(self) -> str:
        """The function up to its body."""
        return f'def f({self.parameters}):\n    """Return {self.words}."""\n'


def problems(
    split: Split, n: int, *, seed: int = 0, levels: Sequence[int] = LEVELS
) -> Iterator[Problem]:
    """Yield n problems of `split`, disjoint by what the function returns, not by its words.

    Raises ValueError for a level that is none, and when the levels run out of problems.
    """
    if not levels or not set(levels) <= set(LEVELS):
        raise ValueError(f"levels are some of {list(LEVELS)}, not {list(levels)}")

    def draw(generator: random.Random) -> tuple[str, tuple[int, Function]]:
        level = generator.choice(levels)
        function = _DRAW[level](generator)
        return function.expression, (level, function)

    for index, (level, function) in enumerate(stream("functions", split, seed, n, draw)):
        tests = [
            {"args": list(args), "expected": outcome(function, args)} for args in inputs(function)
        ]
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


def _one_number(generator: random.Random) -> Function:
    a, b = generator.randint(2, 30), generator.randint(1, 30)
    words, expression = generator.choice(
        [
            (f"x plus {a}", f"x + {a}"),
            (f"x minus {a}", f"x - {a}"),
            (f"{a} minus x", f"{a} - x"),
            (f"x times {a}", f"x * {a}"),
            (f"x times {a} plus {b}", f"x * {a} + {b}"),
            (f"x times {a} minus {b}", f"x * {a} - {b}"),
            (f"x plus {b}, times {a}", f"(x + {b}) * {a}"),
            (f"the square of x plus {b}", f"x ** 2 + {b}"),
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
            ("x", f"x times {a} if x is less than {c}, else {b}", f"x * {a} if x < {c} else {b}"),
        ]
    )  # fmt: skip
    return Function(parameters, words, expression)


def _filter(generator: random.Random) -> tuple[str, str]:
    a = generator.randint(-20, 40)
    return generator.choice(
        [
            (f"greater than {a}", f"x > {a}"),
            (f"less than {a}", f"x < {a}"),
            ("even", "x % 2 == 0"),
            ("odd", "x % 2 == 1"),
            (f"divisible by {abs(a) + 2}", f"x % {abs(a) + 2} == 0"),
        ]
    )


def _change(generator: random.Random) -> tuple[str, str]:
    a = generator.randint(2, 40)
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
    words, expression = generator.choice(
        [
            (f"how many numbers in xs are {which}", f"sum(1 for x in xs if {test})"),
            (f"the sum of the numbers in xs that are {which}", f"sum(x for x in xs if {test})"),
            (f"the sum of the numbers in xs, each {changed}", f"sum({value} for x in xs)"),
            (f"the sum of the numbers in xs that are {which}, each {changed}",
             f"sum({value} for x in xs if {test})"),
            (f"the numbers in xs, each {changed}", f"[{value} for x in xs]"),
            (f"the largest of the numbers in xs, each {changed}, or 0 if there are none",
             f"max(({value} for x in xs), default=0)"),
        ]
    )  # fmt: skip
    return Function("xs", words, expression)


def _composition(generator: random.Random) -> Function:
    if generator.random() < 0.5:
        (which, test), (changed, value) = _filter(generator), _change(generator)
        words, expression = generator.choice(
            [
                ("in order", "[{}]"),
                ("in reverse order", "[{}][::-1]"),
                ("sorted", "sorted({})"),
                ("without repeats, sorted", "sorted(set({}))"),
            ]
        )
        inner = f"{value} for x in xs if {test}"
        words = f"the numbers in xs that are {which}, each {changed}, {words}"
        return Function("xs", words, expression.format(inner))
    a, b = generator.randint(1, 9), generator.randint(2, 9)
    part, piece = generator.choice(
        [
            (f"the first {a} characters of s", f"s[:{a}]"),
            (f"the last {a} characters of s", f"s[-{a}:]"),
            (f"s without its first {a} characters", f"s[{a}:]"),
            (f"every {a + 3}th character of s", f"s[::{a + 3}]"),
        ]
    )
    case, method = generator.choice(
        [
            ("", ""), (" in upper case", ".upper()"), (" in lower case", ".lower()"),
            (" with upper and lower case swapped", ".swapcase()"),
        ]
    )  # fmt: skip
    letter = generator.choice("abcdefghij")
    end, suffix = generator.choice(
        [
            (", reversed", "[::-1]"),
            (f", {b} times over", f" * {b}"),
            (f", followed by '{letter}'", f" + '{letter}'"),
            (f", without the letter '{letter}'", f".replace('{letter}', '')"),
        ]
    )
    return Function("s", f"{part}{case}{end}", f"{piece}{method}{suffix}")


_DRAW: dict[int, Callable[[random.Random], Function]] = {
    1: _one_number,
    2: _two_numbers,
    3: _one_pass,
    4: _composition,
}


# --- tests -----------------------------------------------------------------------------------


def inputs(function: Function) -> list[tuple[Any, ...]]:
    """Return what the function is tested on: the same for the same function."""
    constants = [int(text) for text in re.findall(r"\d+", function.expression)]
    if function.parameters == "s":
        return [(word,) for word in WORDS]
    near = sorted({sign * c + d for c in constants for d in (-1, 0, 1) for sign in (-1, 1)})
    if function.parameters == "xs":
        mixed = [*near, *(2 * c for c in constants), -7, 4, 9, 4]
        return [([],), ([0],), ([5, 2, 5],), (near,), (mixed[::-1],), ([12, -3, 45, 60, 1],)]
    numbers = [0, 1, -4, 10, *near]
    if function.parameters == "x":
        return [(number,) for number in numbers]
    return list(zip(numbers, [3, -2, 8, 0, *reversed(near)], strict=True))


def outcome(function: Function, args: Sequence[Any], expression: str | None = None) -> Any:
    """Return what the function, or another `expression` in its place, gives.

    Expressions are this module's own, never a model's.
    """
    code = f"lambda {function.parameters}: {expression or function.expression}"
    return eval(code)(*args)


def corrupt(problem: Problem, generator: random.Random) -> str:
    """Return a body that is nearly right: one constant, operator or comparison is another."""
    expression = str(problem.solution).strip().removeprefix("return ")
    parameters = problem.prompt[len("def f(") : problem.prompt.index(")")]
    function = Function(parameters, "", expression)
    slips = [(found, str(int(found[0]) + 1)) for found in re.finditer(r"\d+", expression)]
    if parameters != "s":
        others = {"+": "-", "-": "+", ">": "<=", "<": ">="}
        slips += [(found, others[found[0]]) for found in re.finditer(r"(?<= )[-+<>]", expression)]
    generator.shuffle(slips)
    wrong = [expression[: found.start()] + new + expression[found.end() :] for found, new in slips]
    tests = problem.reference["tests"]
    for other in [*wrong, "None"]:
        if any(outcome(function, test["args"], other) != test["expected"] for test in tests):
            return f"    return {other}\n"
    raise AssertionError(f"{problem.id}: no slip is caught")
