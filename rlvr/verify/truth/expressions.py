"""Expressions: polynomials, quotients, identities, checked at random points."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from random import Random

from rlvr.verify.truth.made import Made, integer

Poly = tuple[int, ...]  # coefficients, the constant first


def _poly(coefficients: Sequence[int], name: str = "x", order: Sequence[int] | None = None) -> str:
    """Write a polynomial, highest power first or in the order of powers given."""
    terms = ""
    for power in order or range(len(coefficients) - 1, -1, -1):
        c = coefficients[power]
        if not c:
            continue
        variable = {0: "", 1: name}.get(
            power, f"{name}^{{{power}}}" if power > 9 else f"{name}^{power}"
        )
        size = "" if abs(c) == 1 and power else str(abs(c))
        sign = "-" if c < 0 else "+" if terms else ""
        terms += f"{sign}{size}{variable}"
    return terms or "0"


def _times(a: Sequence[int], b: Sequence[int]) -> Poly:
    product = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] += x * y
    return tuple(product)


def expression(r: Random) -> Made:
    """Polynomials, rational functions and identities in one or two variables."""
    return r.choice((_polynomial, _polynomial, _quotient, _identity))(r)


def _polynomial(r: Random) -> Made:
    name = r.choice("xxxntyak")
    factors = [(integer(r, -9, 9), integer(r, -4, 4, 0)) for _ in range(r.randint(1, 3))]
    p: Poly = (1,)
    for factor in factors:
        p = _times(p, factor)
    powers = list(range(len(p)))
    r.shuffle(powers)
    factored = "".join(f"({_poly(f, name)})" for f in factors)
    horner = str(p[-1])
    for c in p[-2::-1]:
        horner = f"({horner}){name}{c:+d}"
    forms = [(_poly(p, name), "expanded"), (factored, "factored"),
             (_poly(p, name, powers), "reordered"),
             (horner, "Horner"), (factored.replace(")(", r")\cdot("), "factored, dots"),
             (factored.replace(")(", ")*("), "factored, stars"),
             (_poly(p, name).replace("^", "**"), "** powers"),
             (rf"\frac{{{_poly([2 * c for c in p], name)}}}{{2}}", "over two"),
             (f"-({_poly([-c for c in p], name)})", "minus outside"),
             (rf"\left({_poly(p, name)}\right)", "brackets"),
             (f"f({name})={_poly(p, name)}", "f(x) =")]  # fmt: skip
    wrong: list[tuple[Sequence[int], str]] = [([-c for c in p], "sign"),
        ([*p[:-1], p[-1] + 1], "leading coefficient"),
             ([p[0] + 1, *p[1:]], "constant"), ([-p[0], *p[1:]], "sign of the constant"),
             ([0, *p], "a power more"),
             ([p[0], *[k * c for k, c in enumerate(p)][1:]], "coefficients"),
             (p[::-1], "reversed")]  # fmt: skip
    at = r.randrange(len(p))
    wrong.append(
        ([c if k != at else c + r.choice((-2, -1, 1, 2)) for k, c in enumerate(p)], "a coefficient")
    )
    misses = [(_poly(q, name), how) for q, how in wrong if _trim(q) != _trim(p)]
    misses += [(_poly(p, name.upper()), "another variable"), (f"{_poly(p, name)}=0", "an equation")]
    misses += [(str(sum(p)), "a number")]
    return Made([_poly(p, name), factored], forms, misses)


def _trim(p: Sequence[int]) -> Poly:
    rest = list(p)
    while rest and not rest[-1]:
        rest.pop()
    return tuple(rest)


Function = Callable[[float, float], complex]


def _checked(texts: Sequence[str], wrong: Sequence[tuple[str, Function]], value: Function) -> Made:
    """Keep the wrong texts whose function differs from `value` at points of no note."""
    points = [(0.7314, 1.2718), (1.913, 0.4127), (0.3571, 2.2131)]

    def differs(f: Function) -> bool:
        return max(abs(f(*p) - value(*p)) for p in points) > 1e-7

    misses = [(text, "another function") for text, f in wrong if differs(f)]
    return Made(texts[:2], [(text, "rewritten") for text in texts], misses)


def _quotient(r: Random) -> Made:
    a, b, c = integer(r, -9, 9, 0), integer(r, 1, 9), integer(r, 2, 9)
    return _checked(
        [rf"\frac{{{a}}}{{{c}x+{b}}}", rf"\frac{{{a}(x+1)}}{{({c}x+{b})(x+1)}}", f"{a}/({c}x+{b})",
         rf"{a}({c}x+{b})^{{-1}}",
         rf"-\frac{{{-a}}}{{{b}+{c}x}}", rf"\frac{{{2 * a}}}{{{2 * c}x+{2 * b}}}",
         f"y=\\frac{{{a}}}{{{c}x+{b}}}"],
        [(rf"\frac{{{a}}}{{{c}x-{b}}}", lambda x, y: a / (c * x - b)),
         (f"{a}/{c}x+{b}", lambda x, y: a / c * x + b),
         (rf"\frac{{{c}x+{b}}}{{{a}}}", lambda x, y: (c * x + b) / a),
         (rf"\frac{{{a + 1}}}{{{c}x+{b}}}", lambda x, y: (a + 1) / (c * x + b)),
         (rf"\frac{{{a}}}{{{c}x}}+\frac{{{a}}}{{{b}}}", lambda x, y: a / (c * x) + a / b),
         (rf"\frac{{{a}}}{{({c}x+{b})^2}}", lambda x, y: a / (c * x + b) ** 2)],
        lambda x, y: a / (c * x + b),
    )  # fmt: skip


def _identity(r: Random) -> Made:
    k, m = r.randint(2, 7), r.randint(2, 5)
    sin, cos, log, exp = cmath.sin, cmath.cos, cmath.log, cmath.exp
    return r.choice((
        lambda: _checked(
            [rf"\sin {2 * k}x", rf"2\sin {k}x\cos {k}x", rf"\sin({2 * k}x)",
             rf"2\cos({k}x)\sin({k}x)", rf"\cos\left(\frac{{\pi}}{{2}}-{2 * k}x\right)"],
            [(rf"2\sin {k}x", lambda x, y: 2 * sin(k * x)),
             (rf"\sin {k}x", lambda x, y: sin(k * x)),
             (rf"\cos {2 * k}x", lambda x, y: cos(2 * k * x)),
             (rf"\sin^2 {k}x", lambda x, y: sin(k * x) ** 2),
             (rf"2\sin {k}x\cos {k}x+10^{{-20}}", lambda x, y: 1e9),
             (rf"-\sin {2 * k}x", lambda x, y: -sin(2 * k * x))],
            lambda x, y: sin(2 * k * x)),
        lambda: _checked(
            [rf"{m}\ln x+{k}\ln y", rf"\ln(x^{m}y^{k})", rf"\ln x^{m}+\ln y^{k}",
             rf"{k}\ln y+{m}\ln x", rf"\ln(y^{k})-{m}\ln\frac{{1}}{{x}}"],
            [(rf"{m}\ln x\cdot {k}\ln y", lambda x, y: m * log(x) * k * log(y)),
             (rf"\ln(x^{m}+y^{k})", lambda x, y: log(x**m + y**k)),
             (rf"{k}\ln x+{m}\ln y", lambda x, y: k * log(x) + m * log(y)),
             (rf"{m * k}\ln(xy)", lambda x, y: m * k * log(x * y))],
            lambda x, y: m * log(x) + k * log(y)),
        lambda: _checked(
            [rf"e^{{{k}x}}", rf"(e^x)^{k}", rf"e^x\cdot e^{{{k - 1}x}}",
             rf"\frac{{1}}{{e^{{-{k}x}}}}", rf"\exp({k}x)"],
            [(rf"e^{k}x", lambda x, y: math.e**k * x), (rf"{k}e^x", lambda x, y: k * exp(x)),
             (rf"e^{{x^{k}}}", lambda x, y: exp(x**k)),
             (rf"e^{{-{k}x}}", lambda x, y: exp(-k * x))],
            lambda x, y: exp(k * x)),
        lambda: _checked(
            [f"{k}x^2y+{m}xy^2", f"xy({k}x+{m}y)", f"{m}y^2x+{k}yx^2",
             rf"{k}x^{{2}}y+{m}x\cdot y^{{2}}", rf"x(y\cdot {k}x+{m}y^2)"],
            [(f"{m}x^2y+{k}xy^2", lambda x, y: m * x * x * y + k * x * y * y),
             (f"{k}x^2y-{m}xy^2", lambda x, y: k * x * x * y - m * x * y * y),
             (f"{k}x^2+{m}xy^2", lambda x, y: k * x * x + m * x * y * y),
             (f"{k}x^{{2y}}+{m}xy^2", lambda x, y: k * x ** (2 * y) + m * x * y * y),
             (f"xy({k}x+{m}y)+1", lambda x, y: 1e9)],
            lambda x, y: k * x * x * y + m * x * y * y),
        lambda: _checked(
            [rf"\sqrt{{x}}+{k}", rf"{k}+x^{{1/2}}", rf"\sqrt x+{k}", rf"{k}+x^{{0.5}}",
             rf"\frac{{x+{k}\sqrt x}}{{\sqrt x}}"],
            [(rf"\sqrt{{x+{k}}}", lambda x, y: cmath.sqrt(x + k)),
             (rf"\sqrt{{x}}-{k}", lambda x, y: x**0.5 - k),
             (rf"\sqrt[3]{{x}}+{k}", lambda x, y: x ** (1 / 3) + k),
             (f"x+{k}", lambda x, y: x + k)],
            lambda x, y: x**0.5 + k),
    ))()  # fmt: skip
