"""What needs computer algebra: rational functions brought over one denominator.

Imports sympy, so imported late.

Trees are built up from sympy's own objects, number by number: no text is parsed here.
"""

from __future__ import annotations

from typing import Any

import sympy

from rlvr.maths.parse import Node, Num, Op, Sym
from rlvr.maths.value import Undecided, exact

MAX_NODES = 200
MAX_DEGREE = 20


class _NotRational(ValueError):
    """The tree is not a rational function."""


def numerators_proportional(a: Node, b: Node) -> bool:
    """Return whether a and b, as rational functions, have numerators equal up to a constant factor.

    False if either is no rational function. Raises Undecided beyond the limits on size and degree.
    """
    if _size(a) + _size(b) > MAX_NODES:
        raise Undecided("too large to expand")
    try:
        tops = [sympy.fraction(sympy.cancel(sympy.together(_rational(node))))[0] for node in (a, b)]
    except _NotRational:
        return False
    if tops[0].is_zero or tops[1].is_zero:
        return bool(tops[0].is_zero and tops[1].is_zero)
    return bool(sympy.cancel(tops[0] / tops[1]).is_number)


def _size(node: Node) -> int:
    if isinstance(node, (Num, Sym)):
        return 1
    return 1 + sum(_size(part) for part in (node.args if isinstance(node, Op) else node.items))


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
