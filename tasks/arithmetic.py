"""Expressions with precedence, parentheses and fractions: `3*(4+5)=` -> `27`, or `3*9=27`.

Levels, equally many of each: 1: one operation on whole numbers below 100 (products up to 12 x 12).
2: two operations, in which precedence matters. 3: parentheses, sometimes with three operations. 4:
fractions; the answer need not be in lowest terms. With `steps` the real solution works the answer
out, one operation after the other, as a chain of equal expressions.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from rlvr.tasks import stream

from rlvr.data import Problem, Split

VERIFIER = "math"
LEVELS = (1, 2, 3, 4)


class Over(NamedTuple):
    """A fraction as it is written, not reduced."""

    above: int
    below: int


class Operation(NamedTuple):
    """Two expressions with an operator between them."""

    operator: str
    left: Expression
    right: Expression


Number = int | Over
Expression = Number | Operation
PRECEDENCE = {"+": 1, "-": 1, "*": 2}
APPLY: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


def problems(
    split: Split,
    n: int,
    *,
    seed: int = 0,
    levels: Sequence[int] = LEVELS,
    steps: bool = False,
    lines: bool = False,
    slips: float = 0.0,
) -> Iterator[Problem]:
    """Yield n problems of `split`. Expressions that differ in the order of terms share a split.

    With `lines` the steps stand one a line, and not as one chain: the last line is the answer,
    whatever stands above. Then a share of `slips` of the worked solutions have one wrong line above
    the right answer, as worked answers of people and models do: a model that is warmed up on them
    is right by luck now and then. Level 1 has no line that could be wrong.

    Raises ValueError for an unknown level, for slips without lines or outside 0 to 1, for lines
    without steps, and when a level runs out of problems.
    """
    if lines and not steps:
        raise ValueError("lines: the work stands one step a line: add steps: true")
    if not 0 <= slips <= 1 or (slips and not lines):
        raise ValueError(f"slips is a share from 0 to 1 and needs lines: true, got {slips}")
    if not levels or not set(levels) <= set(LEVELS):
        raise ValueError(f"levels are some of {list(LEVELS)}, not {list(levels)}")

    def draw(generator: random.Random) -> tuple[str, tuple[int, Expression]]:
        level = generator.choice(levels)
        expression = _DRAW[level](generator)
        return _canonical(expression), (level, expression)

    for index, (level, expression) in enumerate(stream("arithmetic", split, seed, n, draw)):
        worked = work(expression)
        name = f"arithmetic/{split}/{seed}/{index}"
        coin = random.Random(f"slip/{name}")
        if len(worked) > 2 and coin.random() < slips:
            worked[1] = slip(worked[1], coin)
        chain = [write(line) for line in worked]
        yield Problem(
            id=name,
            task="arithmetic",
            split=split,
            level=str(level),
            prompt=f"{chain[0]}=",
            reference=chain[-1],
            solution=("\n" if lines else "=").join(chain[1:]) if steps else chain[-1],
        )


# --- drawing ---------------------------------------------------------------------------------


def _one(generator: random.Random) -> Expression:
    operator = generator.choice("+-*")
    most = 12 if operator == "*" else 99
    return Operation(operator, generator.randint(0, most), generator.randint(0, most))


def _precedence(generator: random.Random) -> Expression:
    product = Operation("*", generator.randint(2, 12), generator.randint(2, 12))
    other, operator = generator.randint(0, 99), generator.choice("+-")
    first = generator.random() < 0.5
    return Operation(operator, product, other) if first else Operation(operator, other, product)


def _parentheses(generator: random.Random) -> Expression:
    one, other = generator.randint(1, 20), generator.randint(1, 20)
    inside, factor = Operation(generator.choice("+-"), one, other), generator.randint(2, 12)
    first = generator.random() < 0.5
    product = Operation("*", inside, factor) if first else Operation("*", factor, inside)
    if generator.random() < 0.5:
        return product
    return Operation(generator.choice("+-"), product, generator.randint(1, 99))


def _fractions(generator: random.Random) -> Expression:
    def fraction() -> Over:
        below = generator.randint(2, 12)
        return Over(generator.randint(1, below - 1), below)

    return Operation(generator.choice("+-*"), fraction(), fraction())


_DRAW: dict[int, Callable[[random.Random], Expression]] = {
    1: _one,
    2: _precedence,
    3: _parentheses,
    4: _fractions,
}


def _canonical(expression: Expression) -> str:
    if not isinstance(expression, Operation):
        return str(_value(expression))
    parts = [_canonical(expression.left), _canonical(expression.right)]
    ordered = parts if expression.operator == "-" else sorted(parts)
    return f"({expression.operator.join(ordered)})"


# --- working out and writing -----------------------------------------------------------------


def work(expression: Expression) -> list[Expression]:
    """Return the expression, the expression after each operation (leftmost first), and the value.

    Fractions are brought to a common denominator before they are added, and reduced at the end.
    """
    lines = [expression]
    while isinstance(last := lines[-1], Operation):
        lines.append(_step(last))
    value = _value(last)
    whole = value.denominator == 1
    reduced = value.numerator if whole else Over(value.numerator, value.denominator)
    return lines if reduced == last else [*lines, reduced]


def _step(expression: Operation) -> Expression:
    operator, left, right = expression
    if isinstance(left, Operation):
        return Operation(operator, _step(left), right)
    if isinstance(right, Operation):
        return Operation(operator, left, _step(right))
    if isinstance(left, int) or isinstance(right, int):
        return int(APPLY[operator](_value(left), _value(right)))
    if operator == "*":
        return Over(left.above * right.above, left.below * right.below)
    if left.below == right.below:
        return Over(int(APPLY[operator](Fraction(left.above), Fraction(right.above))), left.below)
    common = math.lcm(left.below, right.below)
    return Operation(
        operator,
        Over(left.above * common // left.below, common),
        Over(right.above * common // right.below, common),
    )


def slip(expression: Expression, generator: random.Random) -> Expression:
    """Return the expression with one of its numbers changed by 1 to 9, so that its value differs.

    No number becomes negative.
    """
    value = work(expression)[-1]
    while True:
        changed = _changed(expression, generator)
        if work(changed)[-1] != value:
            return changed


def _changed(expression: Expression, generator: random.Random) -> Expression:
    if isinstance(expression, Operation):
        operator, left, right = expression
        if generator.random() < 0.5:
            return Operation(operator, _changed(left, generator), right)
        return Operation(operator, left, _changed(right, generator))
    by = generator.choice([-1, 1]) * generator.randint(1, 9)
    if isinstance(expression, Over):
        return Over(abs(expression.above + by), expression.below)
    return abs(expression + by)


def _value(number: Number) -> Fraction:
    return Fraction(number) if isinstance(number, int) else Fraction(*number)


def write(expression: Expression, around: int = 0, right: bool = False) -> str:
    """Write an expression with as few parentheses as the precedence `around` it allows."""
    if isinstance(expression, int):
        return f"({expression})" if expression < 0 and right else str(expression)
    if isinstance(expression, Over):
        return f"{expression.above}/{expression.below}"
    own = PRECEDENCE[expression.operator]
    text = f"{write(expression.left, own)}{expression.operator}{write(expression.right, own, True)}"
    return f"({text})" if own < around or (own == around and right) else text
