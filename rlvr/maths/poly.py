"""Poly: the real solutions of equations, by polynomials with rational coefficients.

A polynomial in one variable is the list of its coefficients, the constant first, without zeros at
the end; [] is 0. Solutions are counted by Sturm's theorem, and sets of solutions are compared by
greatest common divisors. So nothing is solved, and nothing rounded. A value that makes a
denominator zero is no solution.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from rlvr.maths.effort import Undecided, Undefined, spend
from rlvr.maths.parse import Node, Num, Op, Sym
from rlvr.maths.value import exact, symbols

MAX_DEGREE = 24
MAX_BITS = 4000  # of a coefficient

Poly = list[Fraction]
ONE: Poly = [Fraction(1)]


def equation(difference: Node, name: str) -> Poly | None:
    """Return a polynomial whose real roots solve `difference` = 0; None if it is not rational.

    Raises Undefined (a division by zero) and Undecided (degree or coefficients too large).
    """
    parts = _quotient(difference, name)
    if parts is None:
        return None
    top, bottom = parts
    while top and len(shared := gcd(top, bottom)) > 1:
        top = divide(top, shared)[0]
    return top


def count(p: Poly) -> int:
    """Return the number of different real roots of a polynomial that is not 0."""
    chain = [p, [k * c for k, c in enumerate(p)][1:]]
    while chain[-1]:
        rest = divide(chain[-2], chain[-1])[1]
        size = abs(rest[-1]) if rest else 1
        chain.append([-c / size for c in rest])
    chain.pop()
    ends = ([q[-1] if len(q) % 2 else -q[-1] for q in chain], [q[-1] for q in chain])
    below, above = (sum((a > 0) != (b > 0) for a, b in pairwise(signs)) for signs in ends)
    return below - above


def roots(p: Poly) -> tuple[Node, ...] | None:
    """Return the different real roots up to degree two, exact; None above it."""
    if len(p) > 3:
        return None
    if len(p) < 3:
        return (Num(-p[0] / p[1]),) if len(p) == 2 else ()
    c, b, a = p
    square, middle = (b * b - 4 * a * c) / (4 * a * a), -b / (2 * a)
    if square <= 0:
        return () if square < 0 else (Num(middle),)
    root = exact(Op("sqrt", (Num(square),)))
    if root is not None:
        return Num(middle - root), Num(middle + root)
    half = Op("sqrt", (Num(square),))
    return Op("+", (Num(middle), Op("neg", (half,)))), Op("+", (Num(middle), half))


def divide(p: Poly, q: Poly) -> tuple[Poly, Poly]:
    """Return quotient and remainder of p by q, which is not 0."""
    quotient, rest = [Fraction(0)] * max(len(p) - len(q) + 1, 0), list(p)
    while len(rest) >= len(q):
        shift = len(rest) - len(q)
        _spend(rest, q)
        quotient[shift] = factor = rest[-1] / q[-1]
        for k, c in enumerate(q):
            rest[shift + k] -= factor * c
        rest = _trimmed(rest)
    return _trimmed(quotient), rest


def gcd(p: Poly, q: Poly) -> Poly:
    """Return the greatest common divisor, its leading coefficient 1."""
    while q:
        p, q = q, divide(p, q)[1]
        q = [c / q[-1] for c in q]
    return [c / p[-1] for c in p]


def multiply(p: Poly, q: Poly) -> Poly:
    """Return the product. Raises Undecided beyond the limits."""
    if len(p) + len(q) > MAX_DEGREE + 2:
        raise Undecided("a degree too high")
    _spend(p, q, len(p))
    product = [Fraction(0)] * (len(p) + len(q) - 1 if p and q else 0)
    for i, a in enumerate(p):
        for k, b in enumerate(q):
            product[i + k] += a * b
    if any(max(c.numerator.bit_length(), c.denominator.bit_length()) > MAX_BITS for c in product):
        raise Undecided("coefficients too large")
    return product


def _spend(p: Poly, q: Poly, times: int = 1) -> None:
    """Count the work of multiplying q's coefficients, so often, by one of p's."""
    bits = sum(max(c.numerator.bit_length(), c.denominator.bit_length())
               for c in (*p[-1:], *q[-1:]))  # fmt: skip
    spend(times * len(q) * (3 + bits * bits / 400_000))


def _trimmed(p: Poly) -> Poly:
    while p and p[-1] == 0:
        p.pop()
    return p


def _add(p: Poly, q: Poly) -> Poly:
    long, short = (p, q) if len(p) >= len(q) else (q, p)
    return _trimmed([c + (short[k] if k < len(short) else 0) for k, c in enumerate(long)])


def _quotient(node: Node, name: str) -> tuple[Poly, Poly] | None:
    """Read a tree as numerator and denominator; common factors stay: they exclude solutions."""
    if name not in symbols(node):
        value = exact(node)
        return None if value is None else (_trimmed([value]), ONE)
    if isinstance(node, Sym):
        return [Fraction(0), Fraction(1)], ONE
    if not isinstance(node, Op):
        return None
    if node.name == "^":
        return _power(node, name)
    if node.name not in ("+", "*", "/", "neg"):
        return None
    parts = [_quotient(arg, name) for arg in node.args]
    top, bottom = parts[0] or ([], [])
    if None in parts:
        return None
    if node.name == "neg":
        return [-c for c in top], bottom
    for part in parts[1:]:
        assert part is not None
        if node.name == "+":
            top = _add(multiply(top, part[1]), multiply(part[0], bottom))
            bottom = multiply(bottom, part[1])
            continue
        if node.name == "/":
            part = _inverse(part)
        top, bottom = multiply(top, part[0]), multiply(bottom, part[1])
    return top, bottom


def _inverse(part: tuple[Poly, Poly]) -> tuple[Poly, Poly]:
    """Invert a fraction; the values that its own denominator excludes stay excluded."""
    top, bottom = part
    if not top:
        raise Undefined("division by zero")
    return (bottom, top) if len(bottom) < 2 else (multiply(bottom, bottom), multiply(top, bottom))


def _power(node: Op, name: str) -> tuple[Poly, Poly] | None:
    power = None if name in symbols(node.args[1]) else exact(node.args[1])
    base = _quotient(node.args[0], name)
    if power is None or base is None or power.denominator != 1:
        return None
    if abs(power) > MAX_DEGREE:
        raise Undecided("a degree too high")
    result: tuple[Poly, Poly] = (ONE, ONE)
    for _ in range(abs(int(power))):
        result = multiply(result[0], base[0]), multiply(result[1], base[1])
    return _inverse(result) if power < 0 else result
