"""Algebra: the answer as `math` judges it, and in the form that was asked for.

The reference is {"answer": ...} or {"answer": ..., "form": "expanded"}. Expanded means a sum of
powers of one letter, each power once, without parentheses. A repeated question or a half-worked
answer may be equal to it, but is not expanded. If no form is asked for, any form is accepted.

Options: none; numbers and expressions compare by the defaults of `math`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from rlvr.verifiers import math

from rlvr.data import Problem, Verdict
from rlvr.maths.kinds import Answer
from rlvr.maths.lex import ParseError
from rlvr.maths.parse import Num, Op, Rel, Sym
from rlvr.maths.read import read

PRELOAD = math.PRELOAD


def verify(problem: Problem, completion: str) -> Verdict:
    """Judge the final answer by its value, then by its form."""
    reference = problem.reference
    if not isinstance(reference, Mapping) or not isinstance(reference.get("answer"), str):
        return Verdict("abstain", 'the reference must be {"answer": ...}, perhaps with "form"')
    if reference.get("form") not in (None, "expanded"):
        return Verdict("abstain", f"reference: form {reference['form']!r} is not known")
    verdict: Verdict = math.verify(replace(problem, reference=reference["answer"]), completion)
    if verdict.status == "correct" and reference.get("form") and not expanded(verdict.extracted):
        return replace(verdict, status="wrong", reason="not multiplied out and collected")
    return verdict


def expanded(text: str | None) -> bool:
    """Return whether a sum is multiplied out, with each power of its one letter once."""
    try:
        found = read(text or "")
    except ParseError:
        return False
    while isinstance(found, Rel):
        found = found.items[-1]
    terms = found.args if isinstance(found, Op) and found.name == "+" else (found,)
    powers = [_power(term) for term in terms]
    letters = {letter for letter, _ in filter(None, powers) if letter}
    return None not in powers and len(letters) < 2 and len(set(powers)) == len(powers)


def _power(term: Answer) -> tuple[str, Fraction] | None:
    """Return the letter ("" if none) and the power of a term, None if it is no such term.

    A term is a number, a power of a letter, or a number times one: `2x^3`, `x/2`, `-1/2`.
    """
    match term:
        case Op("neg", (inner,)):
            return _power(inner)
        case Op("/", (Op("/"), _)):
            return None
        case Op("/", (whole, Num())):
            return _power(whole)
        case Op("*", (one, other)) if _is_number(one) or _is_number(other):
            return _of_letter(other if _is_number(one) else one)
        case Num():
            return "", Fraction()
    return _of_letter(term)


def _of_letter(node: Answer) -> tuple[str, Fraction] | None:
    match node:
        case Op("neg", (inner,)):
            return _of_letter(inner)
        case Op("^", (Sym(letter), Num(power))) if len(letter) == 1 and power >= 0:
            return letter, power
        case Sym(letter) if len(letter) == 1:
            return letter, Fraction(1)
    return None


def _is_number(node: Answer) -> bool:
    match node:
        case Op("neg", (inner,)):
            return _is_number(inner)
        case Num() | Op("/", (Num(), Num())):
            return True
    return False


_SQUARE = {"answer": "x^2 - x - 6", "form": "expanded"}
CASES = [
    (_SQUARE, "x^2 - x - 6", "correct"),
    (_SQUARE, r"So we get \boxed{x^{2}-x-6}.", "correct"),
    (_SQUARE, "-6 - x + x^2", "correct"),
    (_SQUARE, "(x + 2)*(x - 3)", "wrong"),
    (_SQUARE, "x^2 - 3*x + 2*x - 6", "wrong"),
    (_SQUARE, "x*(x - 1) - 6", "wrong"),
    (_SQUARE, "x^2 - x - 5", "wrong"),
    (_SQUARE, "x²−x−6", "correct"),
    (_SQUARE, "x^2 + -x - 6", "correct"),
    (_SQUARE, "x*x - x - 6", "wrong"),
    (_SQUARE, "x^2 - x - 4 - 2", "wrong"),
    ({"answer": "5"}, "x = 5", "correct"),
    ({"answer": "5"}, "3*x + 4 = 19", "wrong"),
    ({"answer": "1/2"}, r"$x = \frac{1}{2}$", "correct"),
    ({"answer": "{-3, 2}"}, "x = -3 or x = 2", "correct"),
    ({"answer": "{-3, 2}"}, r"\boxed{2, -3}", "correct"),
    ({"answer": "{-3, 2}"}, "x = 2", "wrong"),
    ({"answer": "{-3, 2}"}, "x = -3 or x = 2 or x = 1", "wrong"),
    ({"answer": "{-3, 2}"}, "x^2 + x - 6 = 0", "wrong"),
    ({"answer": "6*x - 4"}, "2*(3*x - 2)", "correct"),
    ({"answer": "6*x - 4"}, "3*x^2 - 4*x", "wrong"),
    ({"answer": "6*cos(3*x)"}, r"\boxed{6\cos(3x)}", "correct"),
    ("5", "5", "abstain"),
    ({"answer": "5", "form": "factored"}, "5", "abstain"),
]
