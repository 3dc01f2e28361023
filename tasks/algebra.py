"""Equations to solve, products to expand, terms to differentiate.

`Solve 3*x + 4 = 19 for x.` -> `x = 5`, `Expand and collect (x - 2)*(x + 9).` -> `x^2 + 7*x - 18`.

Levels, equally many of each: `linear`, `both sides` (x on both sides; the root may be a fraction),
`quadratic` (two rational roots; the answer needs both), `expand` (the answer is multiplied out,
with like terms collected), `derivative` (of a polynomial) and `chain` (derivatives of sines,
cosines and exponentials of multiples of x). A prompt is one line; the real solution is only the
answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from rlvr.tasks import stream

from rlvr.data import Problem, Split

VERIFIER = "algebra"


@dataclass(frozen=True, slots=True)
class Question:
    """The question, the answer for the verifier, and the answer as a person would write it."""

    text: str
    reference: dict[str, str]
    solution: str


def problems(
    split: Split, n: int, *, seed: int = 0, levels: Sequence[str] | None = None
) -> Iterator[Problem]:
    """Yield n problems of `split`.

    Raises ValueError for an unknown level, and when the levels run out of problems.
    """
    levels = list(_LEVELS) if levels is None else levels
    if not levels or not set(levels) <= set(_LEVELS):
        raise ValueError(f"levels are some of {list(_LEVELS)}, not {list(levels)}")

    def draw(generator: random.Random) -> tuple[str, tuple[str, tuple[int, ...]]]:
        level = generator.choice(levels)
        numbers = _LEVELS[level][0](generator)
        same = min(numbers, numbers[2:] + numbers[:2]) if level == "both sides" else numbers
        return f"{level} {same}", (level, numbers)  # an equation and its mirror share a split

    for index, (level, numbers) in enumerate(stream("algebra", split, seed, n, draw)):
        question = _LEVELS[level][1](*numbers)
        yield Problem(
            id=f"algebra/{split}/{seed}/{index}",
            task="algebra",
            split=split,
            level=level,
            prompt=f"{question.text}\n",
            reference=question.reference,
            solution=question.solution,
        )


# --- the numbers of a question, cheap to draw --------------------------------------------------


def _nonzero(generator: random.Random, most: int) -> int:
    return generator.choice([-1, 1]) * generator.randint(1, most)


def _draw_linear(generator: random.Random) -> tuple[int, ...]:
    return generator.randint(2, 12), _nonzero(generator, 50), generator.randint(-20, 20)


def _draw_both_sides(generator: random.Random) -> tuple[int, ...]:
    a, c = generator.sample(range(1, 13), 2)
    return a, generator.randint(-30, 30), c, generator.randint(-30, 30)


def _draw_quadratic(generator: random.Random) -> tuple[int, ...]:
    a, p, b, q = (generator.randint(*span) for span in ((1, 4), (-15, 15), (1, 3), (-15, 15)))
    if a * q == b * p:
        return _draw_quadratic(generator)  # the roots p/a and q/b are equal
    return a * b, -(a * q + b * p), p * q


def _draw_expand(generator: random.Random) -> tuple[int, ...]:
    a, b = sorted(_nonzero(generator, 12) for _ in range(2))
    return a, b, generator.randint(-20, 20), generator.randint(-20, 20)


def _draw_derivative(generator: random.Random) -> tuple[int, ...]:
    return _nonzero(generator, 9), *(generator.randint(-9, 9) for _ in range(3))


def _draw_chain(generator: random.Random) -> tuple[int, ...]:
    return (
        generator.randrange(3), _nonzero(generator, 12), generator.randint(2, 12),
        _nonzero(generator, 9), generator.randint(0, 4),
    )  # fmt: skip


# --- the question, its answer worked out by sympy ----------------------------------------------


@lru_cache(maxsize=1)
def _x() -> Any:
    import sympy

    return sympy.Symbol("x")


def _linear(a: int, b: int, root: int) -> Question:
    return _solve(a * _x() + b, a * root + b)


def _both_sides(a: int, b: int, c: int, d: int) -> Question:
    return _solve(a * _x() + b, c * _x() + d)


def _quadratic(a: int, b: int, c: int) -> Question:
    return _solve(a * _x() ** 2 + b * _x() + c, 0)


def _solve(left: Any, right: Any) -> Question:
    import sympy

    roots = sorted(sympy.roots(sympy.Poly(left - right, _x())))
    reference = ", ".join(map(str, roots))
    return Question(
        f"Solve {write(left)} = {write(right)} for x.",
        {"answer": f"{{{reference}}}" if len(roots) > 1 else reference},
        " or ".join(f"x = {root}" for root in roots),
    )


def _expand(a: int, b: int, c: int, d: int) -> Question:
    import sympy

    product = f"({write(_x() + a)})*({write(_x() + b)})"
    rest = write(c * _x() + d)
    more = "" if rest == "0" else f" - {rest[1:]}" if rest[0] == "-" else f" + {rest}"
    answer = write(sympy.expand((_x() + a) * (_x() + b) + c * _x() + d))
    return Question(
        f"Expand and collect {product}{more}.", {"answer": answer, "form": "expanded"}, answer
    )


def _derivative(*coefficients: int) -> Question:
    import sympy

    return _differentiate(sympy.Poly(coefficients, _x()).as_expr())


def _chain(kind: int, factor: int, inner: int, other: int, power: int) -> Question:
    import sympy

    outer = (sympy.sin, sympy.cos, sympy.exp)[kind]
    return _differentiate(factor * outer(inner * _x()) + other * _x() ** power)


def _differentiate(expression: Any) -> Question:
    answer = write(expression.diff(_x()))
    text = f"Differentiate {write(expression)} with respect to x."
    return Question(text, {"answer": answer}, answer)


def write(expression: Any) -> str:
    """Write a sympy expression with `^` for powers."""
    return str(expression).replace("**", "^")


_LEVELS: dict[str, tuple[Callable[[random.Random], tuple[int, ...]], Callable[..., Question]]] = {
    "linear": (_draw_linear, _linear),
    "both sides": (_draw_both_sides, _both_sides),
    "quadratic": (_draw_quadratic, _quadratic),
    "expand": (_draw_expand, _expand),
    "derivative": (_draw_derivative, _derivative),
    "chain": (_draw_chain, _chain),
}
