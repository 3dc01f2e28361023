r"""Maths: pairs for the `math` verifier that are right or wrong by construction.

Every pair starts from a structured value (a Fraction, a tuple of coefficients, ends of an interval,
a function that is checked at random points), never from text. The reference is one spelling of the
value, and a right answer is another. A wrong answer is a spelling of another value (the values are
compared before it is used), or a right answer in a place where it is not the final answer. Nothing
here parses anything, and nothing is shared with the verifier: neither its parser nor its
normalisation.

Where people disagree, the truth is the policy in the docstring of `verifiers/math.py`, at its
defaults. The pairs do not cover geometry, proofs, answers in prose longer than a phrase, and
languages other than English.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from rlvr.verify.audit import Pair
from rlvr.verify.truth.conditions import equation, inequality, interval
from rlvr.verify.truth.expressions import expression
from rlvr.verify.truth.frames import right_completion, wrong_completion
from rlvr.verify.truth.made import Made
from rlvr.verify.truth.numbers import (
    base_n,
    complex_number,
    constant,
    fraction,
    mixed_number,
    number,
    percent,
    repeating_decimal,
)
from rlvr.verify.truth.several import list_, matrix, set_, tuple_
from rlvr.verify.truth.words import choice, money, text, time, unit

RIGHT_OF_FIVE = 2  # so many of five pairs are right

TYPES: dict[str, Callable[[Random], Made]] = {
    "number": number, "fraction": fraction, "percent": percent, "mixed number": mixed_number,
    "repeating decimal": repeating_decimal, "constant": constant, "expression": expression,
    "equation": equation, "inequality": inequality, "interval": interval, "set": set_,
    "list": list_, "tuple": tuple_, "matrix": matrix, "complex": complex_number, "text": text,
    "choice": choice, "time": time, "money": money, "unit": unit, "base-n": base_n,
}  # fmt: skip


def pairs(n: int, seed: int) -> Iterator[Pair]:
    """Yield n pairs, the types in turn, two of five right; the same for the same seed."""
    types = list(TYPES)
    for index in range(n):
        kind = types[index % len(types)]
        right = index // len(types) % 5 < RIGHT_OF_FIVE
        rng = Random(f"truth {seed} {index}")
        made = TYPES[kind](rng)
        frame = right_completion if right else wrong_completion
        completion, how = frame(rng, made, kind)
        yield Pair(rng.choice(made.references), completion, right, kind, how)
