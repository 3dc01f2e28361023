"""Hostile answers, made by a grammar that knows what they are worth, and references for them.

An answer is a text and, where the grammar made it, its value: functions that mpmath evaluates, so
that a verdict `correct` can be checked by something other than the verifier. An answer that was
damaged on purpose has no value; then only its spelling can justify `correct`.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import mpmath

from rlvr.data import Verdict

DIGITS = 120  # with which values are compared
MAX_CHARS = 4000  # of an expression inside another
HUGE = 60.0  # decimal digits of a number beyond which the check does not follow

Value = Callable[[Any, Any], Any]  # from x and y; every other letter stands for x


class NoValue(ArithmeticError):
    """The check can't tell what an answer is worth."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`kind`: number, relation, interval, set, list, pair, matrix or text (without values).

    `ops` holds relations and brackets. `values` is None where the text was damaged.
    """

    text: str
    kind: str = "text"
    values: tuple[Value, ...] | None = None
    ops: tuple[str, ...] = ()


def _const(number: Any) -> Value:
    return lambda x, y: mpmath.mpf(number)


def _x(x: Any, y: Any) -> Any:
    return x


def _y(x: Any, y: Any) -> Any:
    return y


def _number(text: str, value: Value) -> Answer:
    return Answer(text, "number", (value,))


def _made(kind: str, text: str, *values: Any, ops: str = "") -> Answer:
    return Answer(text, kind, tuple(v if callable(v) else _const(v) for v in values), (ops,))


# One of each type; what the plain spelling is judged by says whether the reference is readable.
REFERENCES: dict[str, Answer] = {
    "integer": _made("number", "42", 42),
    "zero": _made("number", "0", 0),
    "one": _made("number", "1", 1),
    "negative": _made("number", "-7", -7),
    "large": _made("number", "123456789012345678901234567890", 123456789012345678901234567890),
    "fraction": _made("number", r"\frac{5}{6}", lambda x, y: mpmath.mpf(5) / 6),
    "slash": _made("number", "-3/4", -0.75),
    "decimal": _made("number", "3.25", 3.25),
    "mixed": _made("number", r"4\frac{1}{2}", 4.5),
    "power": _made("number", "2^{100}", 2**100),
    "root": _made("number", r"2\sqrt{3}", lambda x, y: 2 * mpmath.sqrt(3)),
    "surds": _made("number", r"\frac{1+\sqrt{5}}{2}", lambda x, y: mpmath.phi),
    "pi": _made("number", r"\frac{3\pi}{4}", lambda x, y: 3 * mpmath.pi / 4),
    "e": _made("number", "e^2", lambda x, y: mpmath.e**2),
    "logarithm": _made("number", r"\ln 2", lambda x, y: mpmath.ln(2)),
    "sine": _made("number", r"\sin 1", lambda x, y: mpmath.sin(1)),
    "complex": _made("number", "3+4i", lambda x, y: mpmath.mpc(3, 4)),
    "imaginary": _made("number", "-2i", lambda x, y: mpmath.mpc(0, -2)),
    "binomial": _made("number", r"\binom{10}{3}", 120),
    "factorial": _made("number", "5!", 120),
    "infinity": _made("number", r"\infty", lambda x, y: mpmath.inf),
    "polynomial": _made("number", "x^2+3x-1", lambda x, y: x**2 + 3 * x - 1),
    "two letters": _made("number", r"\frac{x}{y}", lambda x, y: x / y),
    "function": _made("number", r"\sin(2x)", lambda x, y: mpmath.sin(2 * x)),
    "logarithms": _made("number", r"\ln|x|", lambda x, y: mpmath.ln(abs(x))),
    "rational": _made("number", r"\frac{1}{x+1}", lambda x, y: 1 / (x + 1)),
    "equation": _made("relation", "2x+4y-3=0", lambda x, y: 2 * x + 4 * y - 3, 0, ops="="),
    "line": _made("relation", "y=2x", _y, lambda x, y: 2 * x, ops="="),
    "circle": _made("relation", "x^2+y^2=25", lambda x, y: x * x + y * y, 25, ops="="),
    "named": _made("relation", "k=5", _x, 5, ops="="),
    "named function": _made("relation", "f(x)=x^2", _y, lambda x, y: x * x, ops="="),
    "inequality": _made("relation", "x>3", _x, 3, ops=">"),
    "bounds": _made("interval", r"-1\le x<4", -1, 4, ops="[)"),
    "interval": _made("interval", "(0,9)", 0, 9, ops="()"),
    "closed": _made("interval", r"[-2,\sqrt{2}]", -2, lambda x, y: mpmath.sqrt(2), ops="[]"),
    "union": _made("text", r"(-\infty,-2]\cup[5,\infty)"),
    "excluded": _made("text", r"x\ne 2"),
    "set": _made("set", r"\{1,2,5\}", 1, 2, 5),
    "empty": _made("text", r"\emptyset"),
    "list": _made("set", "2, -3", 2, -3),
    "or": _made("set", r"x=2 \text{ or } x=3", 2, 3),
    "signs": _made("set", r"3\pm\sqrt{2}", lambda x, y: 3 + mpmath.sqrt(2),
                   lambda x, y: 3 - mpmath.sqrt(2)),
    "pair": _made("pair", "(3,1)", 3, 1),
    "triple": _made("pair", r"\left(\frac12,-1,\pi\right)", 0.5, -1, lambda x, y: mpmath.pi),
    "solution": _made("pair", "x=2, y=3", 2, 3),
    "matrix": _made("pair", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", 1, 2, 3, 4),
    "vector": _made("pair", r"\begin{pmatrix}1\\-2\end{pmatrix}", 1, -2),
    "length": _made("number", r"12\text{ cm}", 12),
    "speed": _made("number", r"60\text{ km/h}", 60),
    "time": _made("number", "3 hours", 3),
    "money": _made("number", r"\$4.50", 4.5),
    "percent": _made("number", r"28\%", 0.28),
    "degrees": _made("number", r"30^\circ", 30),
    "clock": _made("text", "3:30 pm"),
    "ratio": _made("number", "3:2", 1.5),
    "letter": _made("text", "B"),
    "words": _made("text", "no real solution"),
    "numeral": _made("text", "1010_2"),
    "hexadecimal": _made("text", "1F_{16}"),
    "tower": _made("number", "2^{2^{100}}", lambda x, y: _unknown()),
    "integral": _made("text", r"\int_0^1 f(x)\,dx"),
    "no value": _made("text", r"\frac{1}{0}"),
    "nan": _made("text", "nan"),
}  # fmt: skip


def _unknown() -> Any:
    raise NoValue


# --- the grammar -----------------------------------------------------------------------------


def _power(base: Any, exponent: Any) -> Any:
    size = abs(base)
    if size and abs(exponent * mpmath.log10(size)) > HUGE:
        raise NoValue("a huge power")
    if not size and not (mpmath.im(exponent) == 0 and mpmath.re(exponent) > 0):
        raise NoValue("a power of zero")
    return mpmath.power(base, exponent)


def _factorial(value: Any) -> Any:
    if mpmath.im(value) or value < 0 or value != int(value.real) or value > 60:
        raise NoValue("a factorial of something else")
    return mpmath.factorial(value)


def _binomial(n: Any, k: Any) -> Any:
    if any(mpmath.im(v) or v < 0 or v > 100 or v != int(v.real) for v in (n, k)):
        raise NoValue("a binomial of something else")
    return mpmath.binomial(n, k)


def _whole(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def real(value: Any) -> Any:
        if mpmath.im(value):
            raise NoValue("not real")
        return function(mpmath.re(value))

    return real


def _pick(choose: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *values: choose(*[_whole(mpmath.mpf)(value) for value in values])


_FUNCTIONS: list[tuple[str, Callable[[Any], Any]]] = [
    (r"\sin", mpmath.sin), (r"\cos", mpmath.cos), (r"\tan", mpmath.tan), (r"\cot", mpmath.cot),
    (r"\sec", mpmath.sec), (r"\csc", mpmath.csc), (r"\arctan", mpmath.atan),
    (r"\arcsin", mpmath.asin), (r"\arccos", mpmath.acos), (r"\sinh", mpmath.sinh),
    (r"\tanh", mpmath.tanh), (r"\ln", mpmath.ln), (r"\log", mpmath.log10), (r"\exp", mpmath.exp),
    (r"\sqrt", mpmath.sqrt), (r"\arccot", lambda v: _unknown()), (r"\cosh", mpmath.cosh),
    (r"\floor", _whole(mpmath.floor)), (r"\operatorname{Re}", mpmath.re), (r"\det", lambda v: v),
]  # fmt: skip


class Grammar:
    """Makes expressions and answers from a source of random choices."""

    def __init__(self, rng: random.Random, reference: Answer) -> None:
        self.rng = rng
        self.reference = reference

    def leaf(self) -> Answer:
        """A number, a letter, a constant, or the reference itself."""
        rng, kind = self.rng, self.rng.random()
        if kind < 0.2 and self.reference.kind == "number" and self.reference.values:
            return replace(self.reference, text=f"({self.reference.text})")
        if kind < 0.6:
            number = rng.choice([0, 1, 2, 3, 4, 5, 6, 7, 10, 12, 42, 100, 120, 1000])
            return _made("number", str(number), number)
        if kind < 0.8:
            return rng.choice(_LEAVES)
        if kind < 0.9:
            return self.long_number()
        letter = rng.choice(["x", "y", "n", "k", "a", r"\theta", "x_1", "f(x)", "t", "z"])
        return _number(letter, _x if letter == "x" else _y if letter == "y" else _other)

    def long_number(self) -> Answer:
        """A number that is long, or large."""
        rng = self.rng
        length = rng.choice([9, 17, 40, 300, 1500, 4000])
        digits = "".join(rng.choices("0123456789", k=length))
        whole = f"{digits[:3]},{digits[3:6]},{digits[6:9]}"
        text, value = rng.choice([
            (digits, digits), (f"0.{digits}", f"0.{digits}"), (f"1e{length}", f"1e{length}"),
            (f"10^{{{length}}}", f"1e{length}"), (f"1E-{digits[:6]}", ""), (whole, ""),
            (f"0.\\overline{{{digits}}}", ""), (f"\\frac{{1}}{{{digits}}}", ""),
            (f"9^{{{digits[:5]}}}", ""), (f"0.({digits[:5]})", ""),
        ])  # fmt: skip
        return _number(f"{{{text}}}", lambda x, y: mpmath.mpf(value) if value else _unknown())

    def expression(self, depth: int) -> Answer:
        """An expression with its value."""
        rng = self.rng
        if depth <= 0 or rng.random() < 0.1:
            return self.leaf()
        made = rng.choices(
            [self.binary, self.unary, self.call, self.several, self.towers, self.noise],
            [8, 5, 3, 2, 1, 1],
        )[0](depth)
        return made if len(made.text) < MAX_CHARS else self.leaf()

    def binary(self, depth: int) -> Answer:
        a, b = self.expression(depth - 1), self.expression(depth - self.rng.choice([1, 1, 2]))
        text, function = self.rng.choice(_BINARY)
        (f,), (g,) = a.values or (), b.values or ()
        return _number(text.format(a=a.text, b=b.text), lambda x, y: function(f(x, y), g(x, y)))

    def unary(self, depth: int) -> Answer:
        a = self.expression(depth - 1)
        text, function = self.rng.choice(_UNARY)
        (f,) = a.values or ()
        return _number(text.format(a=a.text), lambda x, y: function(f(x, y)))

    def call(self, depth: int) -> Answer:
        a = self.expression(depth - 1)
        name, function = self.rng.choice(_FUNCTIONS)
        (f,) = a.values or ()
        text = f"{name}{{{a.text}}}" if name == r"\sqrt" else f"{name}({a.text})"
        return _number(text, lambda x, y: function(f(x, y)))

    def several(self, depth: int) -> Answer:
        """Many terms, or a function of several."""
        rng = self.rng
        many = rng.choice([2, 3, 3, 10, 40, 80])
        parts = [self.expression(depth - 2 if many < 4 else 0) for _ in range(min(many, 12))]
        parts = (parts * many)[:many]
        values = [part.values[0] for part in parts if part.values]
        join, function = rng.choice(_SEVERAL)
        text = join([part.text for part in parts])
        return _number(text, lambda x, y: function(*[value(x, y) for value in values]))

    def towers(self, depth: int) -> Answer:
        """What costs: towers, huge exponents beside functions, nested roots and fractions."""
        rng, n = self.rng, self.rng.choice([2, 5, 20, 70])
        a, base = self.expression(1), rng.choice(["2", "9", "x", "1.1", "i", "e", r"\pi", "-1"])
        text = rng.choice([
            "^{".join([base] * n) + "}" * (n - 1), base + "!" * min(n, 6), f"({base})!" * min(n, 9),
            f"10^{{{rng.choice([300, 5900, 99999, 10**9])}}}+{a.text}",
            f"{base}^{{-{rng.choice([300, 5900, 99999, 10**9])}}}+{a.text}",
            "\\sqrt{" * n + a.text + "}" * n, "\\frac{1}{1+" * n + a.text + "}" * n,
            "\\sin(" * n + a.text + ")" * n, "(" * n + f"x+1)^{{20}}+{a.text}" + ")^2" * (n - 1),
            "+".join(f"\\arctan {k}" for k in range(2, 2 + n)) + "+10^{5900}",
            "+".join(f"\\frac{{1}}{{{k}^{{{9000 + k}}}}}" for k in range(3, 3 + n)),
            "\\binom{" * min(n, 9) + base + "}{2}" * min(n, 9),
            f"\\binom{{10^{{{n}}}}}{{5\\cdot 10^{{{n - 1}}}}}", f"\\binom{{{base}}}{{{a.text}}}",
            "\\operatorname{lcm}(" + ",".join(str(k**99 + 1) for k in range(2, 2 + n)) + ")",
            "".join(f"(x-{k})" for k in range(n)), "".join(f"(x+{k}y+z)^{{9}}" for k in range(n)),
            "\\log(" * n + "10" + ")" * n, f"\\exp(\\exp(\\exp({a.text})))", "1+" * n + "x",
            f"({a.text})^{{1/{10 ** min(n, 20)}}}", f"\\sqrt[{10**min(n, 9)}]{{{a.text}}}",
            f"\\tan(10^{{{n * 80}}})", f"\\frac{{x^{{{n * 90}}}-1}}{{x-1}}",
            "|" * n + "x" + "|" * n,
            f"\\gcd(x^{{{n}}},{a.text})", f"((x+y+1)^{{{n}}}+1)^{{{n}}}", "i^" * n + "i",
        ])  # fmt: skip
        return _number(text, lambda x, y: _unknown())

    def noise(self, depth: int) -> Answer:
        """Something outside the vocabulary, or nothing at all, in an expression's place."""
        return _number(self.rng.choice(_NOISE), lambda x, y: _unknown())

    # -- answers

    def answer(self) -> Answer:
        """An answer of any type."""
        rng, depth = self.rng, self.rng.choice([0, 1, 1, 2, 2, 3, 4])
        made = rng.choices(
            [self.expression, self.relation, self.brackets, self.listing, self.matrix,
             self.quantity, self.identity, self.plain, self.solution],
            [6, 4, 3, 3, 1, 2, 4, 2, 1],
        )[0]  # fmt: skip
        answer = made(depth)
        return self.damaged(answer) if rng.random() < 0.15 else answer

    def identity(self, depth: int) -> Answer:
        """The reference with something around it that may or may not leave it as it is."""
        reference, rng = self.reference, self.rng
        text, function = rng.choice(_AROUND)
        made = text.replace("REF", reference.text)
        if reference.kind == "number" and reference.values and function:
            (f,) = reference.values
            return _number(made, lambda x, y: function(f(x, y)))
        if reference.values and function is _same:
            return replace(reference, text=made)
        return Answer(made)

    def plain(self, depth: int) -> Answer:
        """Words, letters, clocks, ratios, numerals, and what no grammar makes."""
        rng = self.rng
        return Answer(rng.choice([
            rng.choice(_PLAIN), rng.choice(_PLAIN), self.reference.text,
            "".join(rng.choices(TOKENS, k=rng.choice([1, 3, 9, 30, 200]))),
            "".join(map(chr, rng.choices(_CHARACTERS, k=rng.choice([1, 5, 40])))),
            rng.choice(TOKENS) * rng.choice([1, 10, 300, 5000]),
            "(" * rng.choice([1, 61, 900]) + "5" + ")" * rng.choice([1, 61, 900]),
            "\\frac{" * rng.choice([1, 61, 300]) + "1" + "}{2}" * rng.choice([1, 61, 300]),
            REFERENCES[rng.choice(list(REFERENCES))].text,
        ]))  # fmt: skip

    def relation(self, depth: int) -> Answer:
        rng = self.rng
        a, b = self.expression(depth), self.expression(max(depth - 1, 0))
        if rng.random() < 0.4:
            a = rng.choice([_number("x", _x), _number("y", _y), _number("k", _x)])
        sign = rng.choice(
            ["=", "=", "=", "<", ">", r"\le ", r"\ge ", r"\ne ", r"\in ", r"\approx "]
        )
        if rng.random() < 0.15:
            return Answer(f"{a.text}{sign}{b.text}{rng.choice(['=', '<', sign])}{self.leaf().text}")
        values = (*(a.values or ()), *(b.values or ()))
        return Answer(a.text + sign + b.text, "relation", values, (sign.strip(),))

    def items(self, depth: int) -> tuple[list[str], tuple[Value, ...]]:
        rng = self.rng
        reference = self.reference.values or ()
        if rng.random() < 0.3 and self.reference.kind in ("set", "pair", "interval"):
            wanted = [2, -3, 1, 5, 3, 0, 9, 4, -1, -2]
            made = [_made("number", str(n), n) for n in rng.sample(wanted, len(reference))]
        else:
            count = rng.choice([1, 2, 2, 2, 3, 3, 4, 40])
            made = [self.expression(depth - 1 if count < 5 else 0) for _ in range(count)]
        return [one.text for one in made], tuple(one.values[0] for one in made if one.values)

    def brackets(self, depth: int) -> Answer:
        """A pair, an interval, a set, and brackets that do not match."""
        texts, values = self.items(depth)
        left = self.rng.choice(["(", "[", r"\{", "]", r"\left(", r"\left[", r"\langle "])
        right = self.rng.choice([")", "]", r"\}", "[", r"\right)", r"\right]", r"\rangle "])
        text = left + self.rng.choice([",", ", ", ";"]).join(texts) + right
        return Answer(text, "any", values, (left[-1] + right[-1],))

    def listing(self, depth: int) -> Answer:
        texts, values = self.items(depth)
        between = self.rng.choice(
            [", ", r" \text{ or } ", r" \text{ and } ", " or ", ";", r"\cup "]
        )
        name = self.rng.choice(["", "", "x=", "x_1="])
        return Answer(between.join(name + text for text in texts), "any", values)

    def matrix(self, depth: int) -> Answer:
        texts, values = self.items(depth)
        kind = self.rng.choice(["pmatrix", "bmatrix", "array", "cases", "vmatrix", "matrix"])
        half = self.rng.choice([1, 2, len(texts)])
        rows = [texts[start : start + half] for start in range(0, len(texts), half)]
        inner = r"\\".join("&".join(row) for row in rows)
        return Answer(rf"\begin{{{kind}}}{inner}\end{{{kind}}}", "any", values)

    def quantity(self, depth: int) -> Answer:
        a = self.expression(depth - 1)
        unit, factor = self.rng.choice(_UNITS)
        values = a.values or ()
        if factor is None:
            return Answer(unit.replace("A", a.text))
        (f,) = values
        return _number(unit.replace("A", a.text), lambda x, y: f(x, y) * factor)

    def solution(self, depth: int) -> Answer:
        a, b = self.expression(depth - 1), self.expression(depth - 1)
        return Answer(f"x={a.text}, y={b.text}", "any", (*(a.values or ()), *(b.values or ())))

    def damaged(self, answer: Answer) -> Answer:
        """The text with a few pieces dropped, doubled, swapped or put in."""
        rng, text = self.rng, answer.text
        for _ in range(rng.choice([1, 1, 2, 5])):
            at, end = sorted(rng.randint(0, len(text)) for _ in range(2))
            end = min(end, at + 8)
            piece = rng.choice([
                "", text[at:end] * 2, text[at:end][::-1], rng.choice(TOKENS),
                chr(rng.choice(_CHARACTERS)), "{", "}", "\\", " " * 50,
            ])  # fmt: skip
            text = text[:at] + piece + text[end:]
        return Answer(text)

    def completion(self, answer: Answer) -> str:
        """A completion whose final answer this is, or nearly."""
        around = self.rng.choices(_WRAPPERS, [8] + [1] * (len(_WRAPPERS) - 1))[0]
        return around.replace("ANSWER", answer.text)


def _same(value: Any) -> Any:
    return value


def _other(x: Any, y: Any) -> Any:
    return x * mpmath.mpf("1.37") + y * mpmath.mpf("0.71")


def _divided(a: Any, b: Any) -> Any:
    if not b:
        raise NoValue("a division by zero")
    return a / b


def _root(a: Any, n: Any) -> Any:
    return _power(a, _divided(1, n))


_LEAVES = [
    _number(r"\pi", lambda x, y: mpmath.pi), _number("e", lambda x, y: mpmath.e),
    _number("i", lambda x, y: mpmath.mpc(0, 1)), _number(r"\infty", lambda x, y: _unknown()),
    _made("number", "0.5", 0.5), _number("3.14", lambda x, y: mpmath.mpf(314) / 100),
    _made("number", "2.50", 2.5), _number(".1", lambda x, y: mpmath.mpf(1) / 10),
    _made("number", "-1", -1), _made("number", "-7", -7), _made("number", "1,000", 1000),
    _made("number", "５", 5), _made("number", "½", 0.5), _made("number", "2²", 4),
    _number(r"0.\overline{3}", lambda x, y: mpmath.mpf(1) / 3),
    _number("0.333333", lambda x, y: mpmath.mpf(333333) / 1000000), _made("number", "007", 7),
    _number(r"28\%", lambda x, y: mpmath.mpf(28) / 100), _number(r"30^\circ", _const(30)),
    _made("number", "--7", 7), _number("1_0", lambda x, y: _unknown()),
    _number("0x1F", lambda x, y: _unknown()), _number("1e999", lambda x, y: mpmath.mpf("1e999")),
    _number("1010_2", lambda x, y: _unknown()), _number(r"\frac12", _const(0.5)),
]  # fmt: skip
_BINARY: list[tuple[str, Callable[[Any, Any], Any]]] = [
    ("{a}+({b})", lambda a, b: a + b), ("{a}-({b})", lambda a, b: a - b),
    (r"({a})\cdot({b})", lambda a, b: a * b), ("({a})({b})", lambda a, b: a * b),
    (r"({a})\times {{{b}}}", lambda a, b: a * b), ("({a})/({b})", _divided),
    (r"\frac{{{a}}}{{{b}}}", _divided), (r"\dfrac{{{a}}}{{{b}}}", _divided),
    ("({a})^{{{b}}}", _power), ("({a})**({b})", _power), (r"\binom{{{a}}}{{{b}}}", _binomial),
    (r"\sqrt[{b}]{{{a}}}", _root), (r"{{{a} \over {b}}}", _divided), (r"{{{a} \choose {b}}}",
    _binomial),
    (r"\log_{{{a}}}({b})", lambda a, b: _divided(mpmath.ln(b), mpmath.ln(a))),
]  # fmt: skip
_UNARY: list[tuple[str, Callable[[Any], Any]]] = [
    ("-({a})", lambda a: -a), ("+({a})", _same), ("({a})!", _factorial), ("|{a}|", abs),
    ("({a})^2", lambda a: a * a), ("({a})^{{-1}}", lambda a: _divided(1, a)),
    ("({a})^1", _same), ("({a})^0", lambda a: _power(a, mpmath.mpf(0))), ("{a}+0", _same),
    (r"({a})\%", lambda a: a / 100), (r"\left({a}\right)", _same), ("{{{a}}}", _same),
    (r"\lfloor {a}\rfloor", _whole(mpmath.floor)), (r"\lceil {a}\rceil", _whole(mpmath.ceil)),
    (r"\pm({a})", lambda a: _unknown()), (r"\sqrt{{{a}}}", mpmath.sqrt), ("{a}!",
    lambda a: _unknown()),
    (r"({a})^\circ", _same), (r"\frac{{{a}}}{{1}}", _same), (r"\mathrm{{{a}}}",
    lambda a: _unknown()),
    (r"\text{{{a}}}", lambda a: _unknown()), (r"\overline{{{a}}}", lambda a: _unknown()),
    (r"{a}_{{2}}", lambda a: _unknown()), (r"({a})'", lambda a: _unknown()),
    (r"\color{{red}}{{{a}}}", _same), (r"({a})^{{i^2}}", lambda a: _divided(1, a)),
]  # fmt: skip
_SEVERAL: list[tuple[Callable[[list[str]], str], Callable[..., Any]]] = [
    (lambda texts: "+".join(f"({text})" for text in texts), lambda *values: mpmath.fsum(values)),
    (lambda texts: "".join(f"({text})" for text in texts), lambda *values: mpmath.fprod(values)),
    (lambda texts: rf"\max({','.join(texts)})", _pick(max)),
    (lambda texts: rf"\min({','.join(texts)})", _pick(min)),
    (lambda texts: rf"\gcd({','.join(texts)})", lambda *values: _unknown()),
    (lambda texts: rf"\operatorname{{lcm}}({','.join(texts)})", lambda *values: _unknown()),
    (lambda texts: "^".join(f"{{{text}}}" for text in texts), lambda *values: _unknown()),
]  # fmt: skip
_AROUND: list[tuple[str, Callable[[Any], Any] | None]] = [
    ("REF", _same), (" REF . ", _same), (r"\left(REF\right)", None), ("(REF)^1", _same),
    ("(REF)+0", _same), (r"(REF)\cdot 1", _same), ("-(-(REF))", _same), ("(REF)/1", _same),
    ("(REF)+0x", _same), (r"\max(REF,REF)", None), ("|REF|", None), (r"\text{REF}", None),
    ("REF REF", None), ("REFREF", None), ("REF, REF", None), (r"\{REF\}", None),
    ("(REF)+10^{-30}", lambda v: v + mpmath.mpf(10) ** -30), ("(REF)+1", lambda v: v + 1),
    ("2(REF)", lambda v: 2 * v), ("REF=REF", None), ("x=REF", None), (r"REF\text{ cm}", None),
    (r"REF\%", None), (r"REF^\circ", None), ("REF!", None), ("-REF", None), ("REF/0", None),
    (r"\frac{REF}{0}", None), ("REF+\\frac{1}{0}", None), (r"REF\forall x", None),
    (r"REF \text{ for all } x \in \mathbb{R}", None), ("REF'", None), ("REF...", None),
    ("(REF)^{i^2}", None), (r"\emptyset REF", None), (r"REF\cup\emptyset", None),
    (r"\sqrt{(REF)^2}", lambda v: mpmath.sqrt(v * v)), (r"REF\approx 3", None), ("~REF", None),
    ("REF\u200b", None), ("\u202eREF", None), ("REF\x00", None), ("REF\ud800", None),
    (r"REF=\frac{1}{0}", None), (r"REF\cdot\infty", None), (r"\boxed{REF}", None), ("REF;", None),
    ("REF+1+1+1" + "+1-1" * 200, None), (r"e^{\ln(REF)}", lambda v: mpmath.exp(mpmath.ln(v))),
    ("(REF)(x^{40}+1)/(x^{40}+1)", _same), ("REF*(y+1)=0", None), (r"\sin(\arcsin(REF))", _same),
    ("(REF)+(i^2)!", None), (r"REF+0\cdot\binom{\pi}{e}", None), ("REF0", None), (r"REF\ne 5",
    None),
]  # fmt: skip
_UNITS: list[tuple[str, Any]] = [
    (r"A\text{ cm}", 1), (r"A\text{ m}", 1), ("A km/h", 1), (r"\$A", 1), (r"A\%", None),
    (r"A^\circ", 1), ("A hours", 1), (r"A\mathrm{~cm}^2", None), (r"A\text{ cm}^{99}", None),
    ("A dollars", 1), ("A feet A inches", None), (r"A\text{ m/s}^{-9}", None), ("A million", None),
    (r"\text{Area}=A", None), (r"A\text{ apples}", None), ("A:A", None), ("A:A:A", None),
    ("A:30", None), ("A_{2}", None), ("A_A", None), ("A base A", None), (r"A\text{ base }A", None),
    ("(A)", 1), (r"\text{A}", None), ("A to A", None), ("A pm", None), (r"A\text{ hour}^9^9", None),
]  # fmt: skip
_PLAIN = [
    "", " ", ".", "B", "(B)", "b", "A) 5", "no real solution", "none", "3:30", "15:30", "3:2",
    "6:4",
    "1010", "1010_2", "10", "31", "1F", "nan", "inf", "-inf", "NaN", "True", "None", "noon", "it",
    "all real numbers", r"\mathbb{R}", r"\emptyset", "{}", r"\{\}", "()", "$", "$$", r"\$", "\\",
    "^",
    "_", "=", "<", "&", r"\\", "%", "!", "'", "0/0", r"\frac{0}{0}", "i^2", "(i^2)!",
    r"\max(i^2,1)",
    r"\frac10+x+y=0", r"\emptyset x=5", r"\int_0^1 f(x)\,dx", r"\sum_{n=1}^\infty 1/n", "9**9**9",
    r"\{x|x>3\}", r"x\in(3,\infty)", r"\{x:x^2<2\}", r"x\ne 1,2,3", r"x\ne \sqrt{2}",
    r"x^{99}-x+1\ne 0", r"x^{20}+x>\sin x", r"\sin x>0", r"x\in\emptyset", r"|x|<|x|", "x=x", "1=1",
    "0=0", "0<1", "1=2", r"\begin{cases}x=2\\y=3\end{cases}", r"\begin{pmatrix}\end{pmatrix}",
    "__import__('os').system('id')", "1;2", "e^{i\\pi}+1", "().__class__", "{{}}", "{0}", "%s",
    "%n",
    r"\binom{\pi}{e}+10^{5900}", r"\binom{10}{-3}", r"\log_1 5", r"\log_0 0", "0^0", "0^{-1}",
    r"\sqrt{-1}", r"\sqrt[0]{5}", r"\sqrt[-1]{5}", r"\arcsin 5", "(-8)^{1/3}", r"\tan\frac{\pi}{2}",
    r"\lim_{x\to0}x", "f(x)=x^2", "f(x)", "x^2", "dy/dx=2", r"\frac{dy}{dx}=2x", r"\gcd(0,0)",
    "0!!",
]  # fmt: skip
_NOISE = [
    r"\emptyset", r"\mathbb{R}", r"\{1\}", "(1,2)", "[1,2]", "", " ", r"\infty", r"\text{ and }",
    r"\int x", r"\sum_{n}", r"\boxed{3}", r"\begin{pmatrix}1\end{pmatrix}", "x=1", "i^2", "1:2",
    "x'",
    r"\frac{1}{0}", r"\ldots", r"\cdots", "&", r"\\", "\x00", "\ud800", "١٢", "Ⅳ", "①", "∞", "√2",
    r"\sqrt{-1}", "\u202e", r"\usd 5", r"\thousands", r"\newline", r"\unknown", "a_{b_{c}}", "'''",
]  # fmt: skip
TOKENS = [
    "\\frac", "\\boxed{", "{", "}", "(", ")", "[", "]", "\\left", "\\right", "^", "_", "=", "\\le",
    ",",
    ";", "1", "23", "4.5", "x", "y", "\\pi", "!", "%", "$", "&", "\\\\", "'", "\\begin{pmatrix}",
    "\\end{pmatrix}", "\\infty", "\\text{", " and ", " or ", "\\log", "\\cup", "\\pm", "\\emptyset",
    "\\sqrt", "+", "-", "*", "/", "e", "i", "½", "²", "１", "\\forall", "\\mathbb{R}", " ", "\n",
    "\t",
    "\\ne", "\\in", "<", ">", "|", ":", ".", "...", "\\,", "~", "\\quad", "\\mathrm{", "\\color{",
    "\\overline{", "\\dot", "\\circ", "\\angle", "\\vec{", "\\{", "\\}", "\\$", "**", "``", "####",
    "<answer>", "</answer>", "<think>", "</think>", "the answer is", "wait", "\\thousands",
    "\\approx",
]  # fmt: skip
_CHARACTERS = [
    *range(1, 128), 0, 0xD800, 0xDFFF, 0x202E, 0x200B, 0xFEFF, 0x660, 0x2160, 0x2460, 0x1D7CE,
    0xE000, 0xE001, 0xF8FF, 0x10FFFF, 0x221E, 0x221A, 0xBD, 0xB2, 0x2074, 0x2081, 0x2212, 0x3000,
]  # fmt: skip
_WRAPPERS = [
    r"\boxed{ANSWER}", "ANSWER", r"So we get $\boxed{ANSWER}$.", "The answer is ANSWER.",
    "The answer is $ANSWER$", "<answer>ANSWER</answer>", "#### ANSWER", "so\n$$ANSWER$$",
    "<think>ANSWER</think>\\boxed{ANSWER}", "<think>5</think>ANSWER", "<think>ANSWER",
    "ANSWER</think>",
    r"\boxed{1} or \boxed{ANSWER}", r"\boxed{ANSWER} wait, \boxed{ANSWER}", r"\fbox{ANSWER}",
    r"\boxed{\boxed{ANSWER}}", r"\boxed{ANSWER", r"\boxed ANSWER", "**ANSWER**", "`ANSWER`",
    "It is\nANSWER\n", "= ANSWER", r"\[ANSWER\]", r"\(ANSWER\)", "answer: ANSWER" + " " * 3000,
    "The answer is " * 300 + "ANSWER", r"\boxed{ANSWER}" + "}" * 100, r"\boxed{ANSWER}" * 40,
    "<answer>" * 500 + "ANSWER</answer>",
    "\\boxed{" * 300 + "ANSWER" + "}" * 300, "$" * 999 + "ANSWER",
    "ANSWER<|im_end|>", "ANSWER</s></s>", r"\boxed{ANSWER}<|endoftext|>",
    r"$\boxed{\text{ANSWER}}$",
    "1. ANSWER\n2. ANSWER", "ANSWER is the answer", "Answer = ANSWER, not 5", "(ANSWER)",
    r"\$ANSWER",
]  # fmt: skip


def make(seed: int) -> tuple[str, Answer, str]:
    """Return (name of a reference, answer, completion) of this seed."""
    rng = random.Random(seed)
    name = rng.choice(list(REFERENCES))
    grammar = Grammar(rng, REFERENCES[name])
    answer = grammar.answer()
    return name, answer, grammar.completion(answer)


# --- is `correct` right? ---------------------------------------------------------------------

_POINTS = ((0.37, 0.83), (1.91, 2.23), (3.7, 0.19))
# Of a reference without a finite decimal a rounded one will do.
_EXACT, _ROUNDED = 1e-25, 6e-6


def justified(name: str, answer: Answer, verdict: Verdict) -> bool:
    """Whether `correct` is what the answer's own value says, or its spelling."""
    reference = REFERENCES[name]
    spelled = _spelled(str(verdict.extracted))
    if spelled in {_spelled(reference.text), *_OTHERWISE.get(name, ())}:
        return True
    if answer.values is None or reference.values is None:
        return False
    try:
        with mpmath.workdps(DIGITS):
            return _same_values(reference, answer)
    except (NoValue, ArithmeticError, ValueError, TypeError):
        return False


def _same_values(reference: Answer, answer: Answer) -> bool:
    if reference.kind == "relation" and answer.kind == "relation":
        return _same_relation(reference, answer)
    wanted, given = list(reference.values or ()), list(answer.values or ())
    if reference.kind == "relation" and answer.ops != (r"\approx",) and len(given) == 1:
        wanted = wanted[1:]
    sides = [given]
    if len(given) == len(wanted) + 1 and answer.kind == "relation":
        first, *_, last = re.split(r"=|\\approx ?", answer.text)
        about = answer.ops == (r"\approx",)  # A \approx 3 is about A
        # x = 5 and x \approx 5 name their right side, 5 = x its left one.
        sides = [given[1:]] if not about or _NAME.fullmatch(first) else []
        sides += [given[:-1]] if about or _NAME.fullmatch(last) else []
    return any(_same_everywhere(reference.kind, wanted, side) for side in sides)


_NAME = re.compile(r"\s*[a-z](?:_1)?\s*")


def _same_everywhere(kind: str, wanted: list[Any], given: list[Any]) -> bool:
    for point in _POINTS:
        x, y = map(mpmath.mpf, point)
        ours = [value(x, y) for value in wanted]
        theirs = [value(x, y) for value in given]
        if kind == "set":
            found = all(any(_near(a, b) for b in theirs) for a in ours)
            if not found or not all(any(_near(a, b) for a in ours) for b in theirs):
                return False
        elif len(ours) != len(theirs) or not all(map(_near, ours, theirs)):
            return False
    return True


def _near(wanted: Any, given: Any) -> bool:
    finite = mpmath.im(wanted) == 0 and mpmath.re(wanted) * 10**6 % 1 == 0
    return bool(abs(wanted - given) <= (_EXACT if finite else _ROUNDED) * (abs(wanted) + _EXACT))


def _same_relation(reference: Answer, answer: Answer) -> bool:
    """Whether two relations hold at the same points: on the line y = ..., and off it."""
    left, right, *_ = reference.values or ()
    above, below, *_ = answer.values or ()
    for x, y in _POINTS:
        x, y = mpmath.mpf(x), mpmath.mpf(y)
        roots = (
            [(x, mpmath.findroot(lambda v, x=x: left(x, v) - right(x, v), 1 + y))]
            if reference.text.count("y") + reference.text.count("f")
            else [(right(x, y), y)]
        )
        if any(abs(above(*root) - below(*root)) > 1e-20 for root in roots):
            return False
        if abs(above(x, y) - below(x, y)) < 1e-20:
            return False
    return True


_OTHERWISE = {
    "numeral": ["1010"],
    "clock": ["15:30"],
    "ratio": ["6:4"],
    "factorial": ["120"],
    "binomial": ["120"],
    "zero": ["(0)million", "(0)\\choose120"],
}
# What says no more than the answer does, once blanks and fonts are gone.
_HARMLESS = re.compile(
    r"^[a-z](?:_1)?=|^\+|\\?forall.*$|[;.!']+$|\\approx.*$|\+0\\cdot\\binom\\pie$"
    r"|(?<=.)(?:cm(?:\^2)?|km/h|hours?|m|m/s\^-9|apples|dollars|\^\\circ|\\cup\\emptyset)$"
    r"|(?:\\cdot\(?1\)?|/1|\\over1|\\choose1|\^1|\(x\^40\+1\)/\(x\^40\+1\))$"
    r"|(?<=[0-9])[a-z]{5,}$|(?<=^\(b\)).*$"  # a noun counts as a unit; a choice has its text
)
_WRAPPED = re.compile(
    r"(.+)[=,.]+\1|-\(-\((.+)\)\)|\((.+)\)|\\\{(.+)\\\}|\|(.+)\||\\(?:max|min)\((.+),\6\)", re.S
)
_FONTS = re.compile(
    r"\\(?:left|right|boxed|fbox|text|mathrm|[,;!: ])(?![a-z])|\\color\{red\}|(?<!\\)[{}]"
    r"|\\?[\s$~\u200b\u202e\ufeff]|\.$|\\$|(?<![0-9])-(?=0+$)|(?<=[0-9]\.)0+$"
)


def _spelled(text: str) -> str:
    """A text without blanks, fonts, sizes, brackets around it, units and what else says nothing."""
    text = (
        unicodedata.normalize("NFKC", text)
        .replace("\u2212", "-")
        .replace("1!", "1")
        .replace("2!", "2")
        .replace(r"0\%", "0")
    )
    text = _FONTS.sub("", text).lower()
    text = re.sub(r"(?<![0-9.])0+(?=[0-9])", "", re.sub(r"(\.[0-9]*[1-9])0+(?![0-9])", r"\1", text))
    while True:
        wrapped = _WRAPPED.fullmatch(text)
        inner = wrapped[wrapped.lastindex or 0] if wrapped else ""
        bare = inner if inner and _balanced(inner) else _HARMLESS.sub("", text)
        if bare == text:
            return text
        text = bare


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return not depth
