"""Value: decides whether two expression trees are the same number or function, to many digits.

Rational arithmetic is exact. Everything else is evaluated with mpmath. The precision grows with the
size of the numbers on the way: it is 50 digits more than the range from the smallest to the largest
of them. So neither tiny nor huge numbers are equal because of their size. Functions are compared at
fixed random rational points, with real variables. An odd root of a negative number is the real
root. Powers that are too large to write down are compared by their logarithms. If that does not
decide, the result is Undecided, and never a guess.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from rlvr.maths.effort import Huge, TooBig, Undecided, Undefined, spend
from rlvr.maths.parse import Node, Num, Op, Rel, Sym

MAX_BITS = 200_000  # of an exact number
MAX_SPAN = 6_000  # the most decimal digits between the largest and the smallest number on the way
MAX_TOTIENT = 10**8
MAX_ZETA = 100
POINTS = 12
NEEDED_POINTS = 4


def exact(node: Node) -> Fraction | None:
    """Return the rational value of a tree, None if it has none or is too large.

    Raises Undefined.
    """
    if isinstance(node, Num):
        return node.value
    if not isinstance(node, Op):
        return None
    values = []
    for arg in node.args:
        value = exact(arg)
        if value is None:
            return None
        values.append(value)
    bits = sum(map(_bits, values))
    spend(1 + bits * bits / 400_000)
    if bits > MAX_BITS:
        return None  # no result is computed only to find that it is too large
    result = _exact_op(node.name, values)
    return None if result is None or _bits(result) > MAX_BITS else result


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _exact_op(name: str, v: list[Fraction]) -> Fraction | None:
    match name:
        case "+":
            return sum(v, Fraction(0))
        case "*":
            return v[0] * v[1]
        case "/":
            if v[1] == 0:
                raise Undefined("division by zero")
            return v[0] / v[1]
        case "neg":
            return -v[0]
        case "^":
            return _exact_power(v[0], v[1])
        case "sqrt":
            return _exact_root(v[0], 2)
        case "root" if v[1].denominator == 1 and 2 <= v[1] <= 64:
            return _exact_root(v[0], int(v[1]))
        case "cbrt":
            return _exact_root(v[0], 3)
        case "pct":
            return v[0] / 100
        case "abs":
            return abs(v[0])
        case "floor":
            return Fraction(math.floor(v[0]))
        case "ceil":
            return Fraction(math.ceil(v[0]))
        case "max":
            return max(v)
        case "min":
            return min(v)
        case "based":
            return v[0]
    if any(value.denominator != 1 for value in v):
        return None
    n = [int(value) for value in v]
    match name:
        case "dfact" if -1 <= n[0] <= 5000:
            return Fraction(math.prod(range(n[0], 1, -2)))
        case "totient" if 1 <= n[0] <= MAX_TOTIENT:
            return Fraction(_totient(n[0]))
        case "fact" if 0 <= n[0] <= 5000:
            return Fraction(math.factorial(n[0]))
        case "binom" if 0 <= n[1] and 0 <= n[0] <= 5000:
            return Fraction(math.comb(n[0], n[1]))
        case "gcd":
            return Fraction(math.gcd(*n))
        case "lcm":
            return Fraction(math.lcm(*n))
    return None


def _totient(n: int) -> int:
    """Count the numbers up to n that share no factor with it."""
    spend(math.isqrt(n) / 20)
    count, rest, prime = n, n, 2
    while prime * prime <= rest:
        if rest % prime == 0:
            count -= count // prime
            while rest % prime == 0:
                rest //= prime
        prime += 1
    return count - count // rest if rest > 1 else count


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    if base == 0 and exponent < 0:
        raise Undefined("division by zero")
    if base in (0, 1):
        return Fraction(1) if exponent == 0 else base
    if exponent.denominator != 1:
        if exponent.denominator > 64:
            return None
        root = _exact_root(base, exponent.denominator)
        return None if root is None else _exact_power(root, Fraction(exponent.numerator))
    bits = abs(exponent) * _bits(base)
    if abs(exponent) > MAX_BITS or bits > MAX_BITS:
        return None
    spend(float(bits) ** 2 / 400_000)
    return base ** int(exponent)


def _exact_root(value: Fraction, index: int) -> Fraction | None:
    if value < 0:
        root = _exact_root(-value, index) if index % 2 else None
        return None if root is None else -root
    top, bottom = _integer_root(value.numerator, index), _integer_root(value.denominator, index)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _integer_root(n: int, index: int) -> int | None:
    if n.bit_length() > 4000:
        return None
    if index == 2:
        root = math.isqrt(n)
    else:
        low, high = 0, 1 << (n.bit_length() // index + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**index <= n else (low, middle - 1)
        root = low
    return root if root**index == n else None


# --- numeric evaluation ----------------------------------------------------------------------


@lru_cache(maxsize=1)
def _context() -> Any:
    from mpmath import (
        MPContext,  # a slow import, only for what rational arithmetic can't decide
    )

    return MPContext()


class _Evaluator:
    """Evaluates trees at one precision, and keeps the largest |log10| of any value on the way."""

    def __init__(self, digits: int) -> None:
        self.mp = _context()
        self.mp.dps = digits
        self.span = 0.0
        self.real = True

    def __call__(self, node: Node, point: Mapping[str, Fraction]) -> Any:
        return self.seen(self.value(node, point))

    def seen(self, value: Any) -> Any:
        if not self.mp.isfinite(value):
            raise Undefined("not finite")
        if self.mp.im(value) != 0:
            self.real = False
        if value != 0:
            self.span = max(self.span, abs(float(self.mp.mag(value))) * 0.302)
            if self.span > MAX_SPAN:
                raise TooBig
        return value.real if self.mp.im(value) == 0 else value

    def number(self, value: Fraction) -> Any:
        self.span = max(self.span, _bits(value) * 0.302)
        if self.span > MAX_SPAN:
            raise TooBig
        return self.mp.mpf(value.numerator) / value.denominator

    def value(self, node: Node, point: Mapping[str, Fraction]) -> Any:
        if isinstance(node, Num):
            return self.number(node.value)
        if isinstance(node, Sym):
            return self.symbol(node.name, point)
        if not isinstance(node, Op):
            raise Undefined("not an expression")
        if node.name == "^":
            return self.power(node, point)
        if node.name in _WHOLE:
            value = exact(node)
            if value is not None:
                return self.number(value)
        args = [self.seen(self.value(arg, point)) for arg in node.args]
        self.spend(node.name)
        try:
            return self.apply(node.name, args)
        except (ArithmeticError, ValueError, TypeError, self.mp.NoConvergence) as error:
            if isinstance(error, (Undefined, Undecided)):
                raise
            raise Undefined(f"{node.name} of that: {error}") from None

    def spend(self, name: str) -> None:
        """Count the work of one operation at this precision, as measured with mpmath in Python."""
        digits = self.mp.dps
        if name in _BASIC:
            spend(3 + digits**2 / 100_000)
        else:
            spend(30 + digits**2 / (300 if name in _GAMMA else 1500))

    def symbol(self, name: str, point: Mapping[str, Fraction]) -> Any:
        if name in point:
            return self.number(point[name])
        if name == "pi":
            return +self.mp.pi
        if name == "e":
            return +self.mp.e
        if name == "i":
            return self.mp.mpc(0, 1)
        raise Undefined(f"{name} has no value")

    def power(self, node: Op, point: Mapping[str, Fraction]) -> Any:
        base, exponent = (self.seen(self.value(arg, point)) for arg in node.args)
        if base == 0:
            if self.mp.re(exponent) < 0:
                raise Undefined("division by zero")
            return self.mp.mpf(1 if exponent == 0 else 0)
        self.spend("^")
        self.guard(abs(exponent * self.mp.log(base)))
        if self.mp.im(base) == 0 and self.mp.re(base) < 0:
            rational = exact(node.args[1])
            if rational is not None and rational.denominator > 1 and rational.denominator % 2:
                size = (-base) ** exponent
                return -size if rational.numerator % 2 else size
        return base**exponent

    def guard(self, log_size: Any) -> None:
        """Raise TooBig before a value with that natural logarithm is computed, if it is too big."""
        if log_size > MAX_SPAN * 3:
            raise TooBig

    def apply(self, name: str, v: list[Any]) -> Any:
        mp = self.mp
        match name:
            case "+":
                return sum(v[1:], v[0])
            case "*":
                return v[0] * v[1]
            case "/":
                return v[0] / self.nonzero(v[1])
            case "neg":
                return -v[0]
            case "sqrt":
                return mp.sqrt(v[0])
            case "root" | "cbrt":
                return self.root(v[0], v[1] if name == "root" else mp.mpf(3))
            case "pct":
                return v[0] / 100
            case "deg":
                return v[0] * mp.pi / 180
            case "based":
                return v[0]
            case "abs":
                return abs(v[0])
            case "exp":
                self.guard(abs(v[0]))
                return mp.exp(v[0])
            case "ln":
                return mp.log(self.nonzero(v[0]))
            case "log":
                return mp.log(self.nonzero(v[0])) / self.nonzero(mp.log(self.nonzero(v[1])))
            case "fact":
                return self.factorial(v[0])
            case "dfact":
                return self.double_factorial(v[0])
            case "gamma":
                return self.factorial(v[0] - 1)
            case "zeta":
                return self.zeta(v[0])
            case "lnfact":
                if mp.dps > 1200:
                    raise TooBig
                return mp.loggamma(v[0] + 1)
            case "binom":
                return self.binomial(v[0], v[1])
            case "arg":
                return mp.arg(self.nonzero(v[0]))
            case "Re" | "Im":
                return mp.re(v[0]) if name == "Re" else mp.im(v[0])
        if name in _MP_NAMES:
            return self.transcendental(name, v[0])
        if any(mp.im(number) != 0 for number in v):
            raise Undefined(f"{name} of a complex number")
        return self.order(name, v)

    def order(self, name: str, v: list[Any]) -> Any:
        match name:
            case "max":
                return max(v)
            case "min":
                return min(v)
            case "sgn":
                return self.mp.sign(v[0])
            case "floor" | "ceil":
                # At a jump, the rounding error would decide.
                nearest = self.mp.nint(v[0])
                if abs(v[0] - nearest) < self.mp.mpf(10) ** (-self.mp.dps // 2):
                    return nearest
                return self.mp.floor(v[0]) if name == "floor" else self.mp.ceil(v[0])
        raise Undefined(f"{name} of that")

    def transcendental(self, name: str, value: Any) -> Any:
        if name in ("sinh", "cosh"):
            self.guard(abs(value))
        if value != 0 and self.mp.mag(value) > 3000:
            raise TooBig  # it would need thousands of digits to find a place on the circle
        if name in ("tan", "sec"):
            self.nonzero(self.mp.cos(value))
        if name in ("cot", "csc"):
            self.nonzero(self.mp.sin(value))
        return getattr(self.mp, _MP_NAMES[name])(value)

    def nonzero(self, value: Any) -> Any:
        if abs(value) < self.mp.mpf(10) ** (-(self.mp.dps - 12) + min(self.span, self.mp.dps / 2)):
            if abs(value) == 0 or self.mp.mag(value) < -self.mp.prec + 60:
                raise Undefined("division by zero")
        return value

    def root(self, value: Any, index: Any) -> Any:
        self.nonzero(index)
        odd = self.mp.im(index) == 0 and index == self.mp.nint(index) and int(self.mp.re(index)) % 2
        if odd and self.mp.im(value) == 0 and self.mp.re(value) < 0:
            return -((-value) ** (1 / index))
        return value ** (1 / index) if value != 0 else value

    def factorial(self, value: Any) -> Any:
        if self.mp.im(value) != 0 or (value < 0 and value == self.mp.nint(value)):
            raise Undefined("factorial of that")
        if value > 2:
            self.guard(value * self.mp.log(value))
        if self.mp.dps > 400 and value != self.mp.nint(value):
            raise TooBig
        return self.mp.factorial(value)

    def double_factorial(self, value: Any) -> Any:
        """Return n!! of a whole number; between them there is more than one continuation."""
        if self.mp.im(value) != 0 or value != self.mp.nint(value) or value < -1:
            raise Undefined("double factorial of that")
        if value > 2:
            self.guard(value * self.mp.log(value) / 2)
        return self.mp.fac2(value)

    def zeta(self, value: Any) -> Any:
        if self.mp.im(value) != 0 or value == 1:
            raise Undefined("zeta of that")
        if abs(value) > MAX_ZETA or self.mp.dps > 400:
            raise TooBig
        return self.mp.zeta(value)

    def binomial(self, n: Any, k: Any) -> Any:
        for number in (n, k):
            self.guard(abs(number))
            if self.mp.dps > 400 and number != self.mp.nint(self.mp.re(number)):
                raise TooBig
        return self.mp.binomial(n, k)


_BASIC = frozenset("+ * / neg pct deg based abs Re Im max min sgn floor ceil".split())
_GAMMA = frozenset({"fact", "dfact", "gamma", "zeta", "lnfact", "binom"})
_WHOLE = frozenset(
    {"gcd", "lcm", "max", "min", "floor", "ceil", "fact", "dfact", "totient", "binom"}
)
_MP_NAMES = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc",
    "arcsin": "asin",
    "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec", "arccsc": "acsc",
    "sinh": "sinh",
    "cosh": "cosh", "tanh": "tanh", "coth": "coth", "sech": "sech", "csch": "csch",
    "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh",
}  # fmt: skip


# --- equality --------------------------------------------------------------------------------


def symbols(node: Node) -> frozenset[str]:
    """Return the names of the variables of a tree, without the constants pi, e and i."""
    return names_in(node) - {"pi", "e", "i"}


def names_in(node: Node) -> frozenset[str]:
    """Return the names of the variables and constants of a tree."""
    if isinstance(node, Sym):
        return frozenset({node.name})
    if isinstance(node, Num):
        return frozenset()
    parts = node.args if isinstance(node, Op) else node.items
    return frozenset().union(*map(names_in, parts))


def equal(a: Node, b: Node) -> bool:
    """Return whether two expressions are the same number or function.

    Raises Undefined, Undecided.
    """
    spend(5)
    if a == b:
        return True
    if isinstance(a, Rel) or isinstance(b, Rel):
        raise Undefined("a relation has no value")
    if "oo" in symbols(a) | symbols(b):
        return False  # infinity equals only itself: there is no arithmetic with it
    left, right = exact(a), exact(b)
    if left is not None and right is not None:
        return left == right
    if symbols(a) | symbols(b):
        return _equal_functions(a, b)
    return _equal_constants(a, b)


def compare(a: Node, b: Node) -> int:
    """Return -1, 0 or 1 as the real number a is below, at or above b.

    Raises Undefined, Undecided.
    """
    if equal(a, b):
        return 0
    difference = number(Op("+", (a, Op("neg", (b,)))))
    if _context().im(difference) != 0:
        raise Undefined("complex numbers have no order")
    return 1 if difference > 0 else -1


def number(node: Node, digits: int = 60) -> Any:
    """Return a constant's value as an mpmath number with about so many digits.

    Raises Undefined, Undecided.
    """
    return _settled(node, {}, digits)[0]


def is_finite_decimal(node: Node) -> bool:
    """Return whether a constant is a decimal of at most 20 places, to 40.

    Raises Undefined, Undecided.
    """
    scaled = number(node, 80) * 10**20
    return bool(abs(scaled - _context().nint(_context().re(scaled))) < _context().mpf(10) ** -20)


def _settled(node: Node, point: Mapping[str, Fraction], digits: int = 50) -> tuple[Any, Any]:
    """Evaluate at a precision that fits the tree; return the value and a bound on its error."""
    first = _Evaluator(digits)
    first(node, point)
    span = math.ceil(first.span)
    second = _Evaluator(digits + 2 * span)
    return second(node, point), second.mp.mpf(10) ** -(span + digits - 15)


def _agree(a: Node, b: Node, point: Mapping[str, Fraction]) -> bool:
    """Return whether two trees have the same value at a point.

    First each is evaluated by itself. This shows most differences, and a number with thousands of
    digits on one side does not make the other side expensive.
    """
    (left, left_error), (right, right_error) = _settled(a, point), _settled(b, point)
    size = max(abs(left), abs(right))
    if abs(left - right) > left_error + right_error + size * left_error.context.mpf(10) ** -30:
        return False
    digits = 50
    first = _Evaluator(digits)
    first(a, point), first(b, point)
    span = math.ceil(first.span)
    second = _Evaluator(digits + 2 * span)
    gap = abs(second(a, point) - second(b, point))
    return bool(gap <= second.mp.mpf(10) ** -(span + digits - 15))


def _equal_constants(a: Node, b: Node) -> bool:
    try:
        return _agree(a, b, {})
    except TooBig:
        return _equal_huge(a, b)


def _equal_functions(a: Node, b: Node) -> bool:
    """Compare at sample points; variables are real.

    Points at which either is not real (the logarithm of a negative number) don't count if there are
    enough others: ln(xy) = ln x + ln y. But if |.| is written, they count: ln x is not ln|x|.
    """
    agreed, apart, real = 0, False, not _mentions(_APART, a, b)
    whole = _mentions(_COUNTING, a, b)
    for point in sample_points(sorted(symbols(a) | symbols(b)), whole):
        try:
            same = _agree(a, b, point)
            if not same and real and not (_stays_real(a, point) and _stays_real(b, point)):
                apart = True
                continue
        except Undefined:
            if _defined(a, point) != _defined(b, point):
                return False
            continue
        except TooBig:
            same = _equal_huge(at_point(a, point), at_point(b, point))
        if not same:
            return False
        agreed += 1
    if agreed < NEEDED_POINTS:
        if apart:
            return False
        raise Undecided("defined at too few points")
    return True


def _mentions(names: frozenset[str], *nodes: Node) -> bool:
    """Return whether an operation or a constant of these names occurs in the trees."""
    for node in nodes:
        if isinstance(node, (Sym, Op)) and node.name in names:
            return True
        if isinstance(node, Op) and _mentions(names, *node.args):
            return True
    return False


_APART = frozenset({"abs", "Re", "Im", "arg", "i"})
_COUNTING = frozenset({"dfact"})  # defined for whole numbers alone


def _stays_real(node: Node, point: Mapping[str, Fraction]) -> bool:
    """Return whether no part of a tree has a complex value at a point."""
    evaluator = _Evaluator(50)
    evaluator(node, point)
    return evaluator.real


def at_point(node: Node, point: Mapping[str, Fraction]) -> Node:
    """Return the tree with the point's numbers in place of its variables."""
    if isinstance(node, Sym) and node.name in point:
        return Num(point[node.name])
    if isinstance(node, Op):
        return Op(node.name, tuple(at_point(arg, point) for arg in node.args))
    return node


def _defined(node: Node, point: Mapping[str, Fraction]) -> bool:
    try:
        _Evaluator(50)(node, point)
    except Undefined:
        return False
    return True


def sample_points(names: list[str], whole: bool = False) -> list[dict[str, Fraction]]:
    """Return the fixed points at which functions of these variables are compared.

    They are rational. With `whole` they are whole numbers above 0, for functions that only count.
    """
    points = []
    for index in range(POINTS):
        draw = random.Random(f"{index} {names}")
        if whole:
            points.append({name: Fraction(draw.randint(1, 30)) for name in names})
            continue
        # The first third lies above 1, the next in (0, 1), the rest on either side of 0.
        scale, sign = (
            ((2, 9, 1), (0, 1, 1), (0, 7, -1))[index * 3 // POINTS][:2],
            index * 3 // POINTS == 2,
        )
        point = {}
        for name in names:
            value = Fraction(draw.randint(scale[0] * 997 + 1, scale[1] * 997 - 1), 997)
            point[name] = -value if sign and draw.random() < 0.7 else value
        points.append(point)
    return points


def proportional(a: Node, b: Node) -> int:
    """Return the sign of the constant c with a = c b: 1 or -1; 0 if there is no c except 0.

    A complex c counts as 1, and so do two trees that are 0 everywhere. Raises Undefined, Undecided.
    """
    places = []
    for point in sample_points(sorted(symbols(a) | symbols(b))):
        try:
            here = at_point(a, point), at_point(b, point)
            places.append((*here, *(abs(value) <= error for value, error in map(_at_rest, here))))
        except Undefined:
            continue
    if len(places) < NEEDED_POINTS:
        raise Undecided("defined at too few points")
    if any(a_zero != b_zero for *_, a_zero, b_zero in places):
        return 0
    nonzero = [(x, y) for x, y, zero, _ in places if not zero]
    if not nonzero:
        return 1
    x0, y0 = nonzero[0]
    for x, y in nonzero[1:]:
        if not equal(Op("*", (x, y0)), Op("*", (y, x0))):
            return 0
    ratio = number(Op("/", (x0, y0)))
    return -1 if _context().im(ratio) == 0 and _context().re(ratio) < 0 else 1


def _at_rest(node: Node) -> tuple[Any, Any]:
    return _settled(node, {})


# --- numbers too large to write down ---------------------------------------------------------


def _equal_huge(a: Node, b: Node) -> bool:
    """Compare constants, at least one too big to evaluate, by their logarithms or a bound."""
    big_a, big_b = _is_big(a), _is_big(b)
    try:
        sign_a, log_a = _log(a)
        sign_b, log_b = _log(b)
    except Undecided:
        if big_a != big_b:
            big, small = (a, b) if big_a else (b, a)
            if _bound(big)[0] > 0:
                return False
            if _is_zero(small):
                _log(big)  # a value with a logarithm is not zero, however small
                return False
        raise
    return sign_a == sign_b and equal(log_a, log_b)


def _is_big(node: Node) -> bool:
    try:
        _Evaluator(50)(node, {})
    except TooBig:
        return True
    return False


def _is_zero(node: Node) -> bool:
    return bool(abs(number(node)) < _context().mpf(10) ** -40)


def _bound(node: Node, depth: int = 0) -> tuple[int, int]:
    """Return (level, sign): how many logarithms bring |value| within the limits.

    It is (0, 0) if the value is within them, or tiny. A sum counts as its largest term, if that is
    much larger than the others. Raises Undecided.
    """
    if not _is_big(node):
        return 0, 0
    if depth > 12:
        raise Huge("a tower too high")
    if isinstance(node, Op) and node.name == "neg":
        level, sign = _bound(node.args[0], depth)
        return level, -sign
    if isinstance(node, Op) and node.name == "+":
        bounds = sorted(_bound(arg, depth + 1) for arg in node.args)
        if bounds[-1][0] == bounds[-2][0]:
            raise Huge("a sum of huge numbers")
        return bounds[-1]
    if isinstance(node, Op) and node.name in ("fact", "lnfact") and _is_big(node.args[0]):
        return (node.name == "fact") + _bound(node.args[0], depth + 1)[0], 1
    sign, log = _log(node)
    if _is_big(log):
        level, direction = _bound(log, depth + 1)
        return (level + 1, sign) if direction > 0 else (0, 0)
    value = number(log)
    if abs(value) < MAX_SPAN:
        raise Huge("a quotient of huge numbers")
    return (1, sign) if value > 0 else (0, 0)


def _log(node: Node) -> tuple[int, Node]:
    """Return the sign of a huge constant and the tree of ln|it|.

    Raises Undecided where there is no rule.
    """
    if isinstance(node, Op):
        match node.name:
            case "neg":
                sign, log = _log(node.args[0])
                return -sign, log
            case "^" if _positive_base(node.args[0]):
                return 1, Op("*", (node.args[1], Op("ln", (node.args[0],))))
            case "exp":
                return 1, node.args[0]
            case "fact":
                return 1, Op("lnfact", node.args)
            case "binom":
                return 1, _log_binomial(*node.args)
            case "*" | "/":
                (sign_a, log_a), (sign_b, log_b) = _log(node.args[0]), _log(node.args[1])
                return sign_a * sign_b, Op(
                    "+", (log_a, log_b if node.name == "*" else Op("neg", (log_b,)))
                )
    if not _is_big(node):
        value = number(node)
        if _context().im(value) == 0 and abs(value) > _context().mpf(10) ** -40:
            return (1 if value > 0 else -1), Op("ln", (Op("abs", (node,)),))
    raise Huge("too large")


def _positive_base(node: Node) -> bool:
    value = exact(node)
    return value > 0 if value is not None else isinstance(node, Sym) and node.name in ("e", "pi")


def _log_binomial(n: Node, k: Node) -> Node:
    top, bottom = exact(n), exact(k)
    if (
        top is None
        or bottom is None
        or not 0 <= bottom <= top
        or top.denominator * bottom.denominator != 1
    ):
        raise Huge("a binomial coefficient too large")
    parts = [Op("lnfact", (Num(m),)) for m in (top, bottom, top - bottom)]
    return Op("+", (parts[0], Op("neg", (parts[1],)), Op("neg", (parts[2],))))
