"""Symbolic: compares rational functions over one denominator, which needs computer algebra.

This module imports sympy, so other modules import it late. Trees are built from sympy's own
objects, number by number: no text is parsed here.
"""

from __future__ import annotations

import math
from typing import Any

import sympy

from rlvr.maths.effort import Undecided, spend
from rlvr.maths.parse import Node, Num, Op, Sym
from rlvr.maths.value import exact

MAX_TERMS = 200  # of a numerator or a denominator, multiplied out
MAX_DEGREE = 20


class _NotRational(ValueError):
    """The tree is not a rational function."""


def numerators_proportional(a: Node, b: Node) -> bool:
    """Return whether a and b, as rational functions, have numerators equal up to a constant factor.

    False if either is no rational function. Raises Undecided beyond the limits on size and degree.
    """
    if any(terms > MAX_TERMS for node in (a, b) for terms in _terms(node)):
        raise Undecided("too large to expand")
    spend(50_000)
    try:
        tops = [sympy.fraction(sympy.cancel(sympy.together(_rational(node))))[0] for node in (a, b)]
    except _NotRational:
        return False
    if tops[0].is_zero or tops[1].is_zero:
        return bool(tops[0].is_zero and tops[1].is_zero)
    return bool(sympy.cancel(tops[0] / tops[1]).is_number)


def _terms(node: Node) -> tuple[int, int]:
    """Return at most how many terms numerator and denominator have over one denominator."""
    if not isinstance(node, Op):
        return 1, 1
    if node.name == "^":
        power = exact(node.args[1])
        if power is None or abs(power) > MAX_DEGREE:
            return 1, 1  # refused when it is read
        n, (top, bottom) = abs(int(power)), _terms(node.args[0])
        raised = math.comb(top + n - 1, n), math.comb(bottom + n - 1, n)
        return _bounded(*(raised if power >= 0 else raised[::-1]))
    parts = [_terms(arg) for arg in node.args]
    top, bottom = parts[0]
    for above, below in parts[1:]:
        if node.name == "+":
            top, bottom = top * below + above * bottom, bottom * below
        elif node.name == "/":
            top, bottom = top * below, bottom * above
        else:
            top, bottom = top * above, bottom * below
        top, bottom = _bounded(top, bottom)
    return top, bottom


def _bounded(top: int, bottom: int) -> tuple[int, int]:
    return min(top, MAX_TERMS + 1), min(bottom, MAX_TERMS + 1)


def _rational(node: Node) -> Any:
    if isinstance(node, Num):
        return sympy.Rational(node.value.numerator, node.value.denominator)
    if isinstance(node, Sym) and node.name not in ("e", "i", "pi", "oo"):
        return sympy.Symbol(node.name, real=True)
    if not isinstance(node, Op):
        raise _NotRational
    if node.name == "^":
        power = exact(node.args[1])
        if power is None or power.denominator != 1 or abs(power) > MAX_DEGREE:
            raise _NotRational
        return _rational(node.args[0]) ** int(power)
    parts = [_rational(arg) for arg in node.args]
    match node.name:
        case "+":
            return sympy.Add(*parts)
        case "*":
            return parts[0] * parts[1]
        case "/" if parts[1] != 0:
            return parts[0] / parts[1]
        case "neg":
            return -parts[0]
    raise _NotRational
