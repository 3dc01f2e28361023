"""Equations, inequalities and intervals, by their coefficients and their ends."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from random import Random

from rlvr.verify.truth.made import Made, integer, near, spellings, tex


def equation(r: Random) -> Made:
    """Lines and conics, up to a constant factor; assignments."""
    return r.choice((_line, _line, _conic, _assignment))(r)


def _linear(terms: Sequence[tuple[int, str]]) -> str:
    text = ""
    for c, name in terms:
        if c:
            size = str(abs(c)) if abs(c) != 1 or not name else ""
            text += ("-" if c < 0 else "+" if text else "") + size + name
    return text or "0"


def _line(r: Random) -> Made:
    a, b, c = integer(r, -9, 9, 0), integer(r, -9, 9, 0), integer(r, -20, 20, 0)
    k = integer(r, -5, 5, 0, 1)

    def write(a: int, b: int, c: int) -> str:
        return f"{_linear([(a, 'x'), (b, 'y')])}={c}"

    slope, level = Fraction(-a, b), Fraction(c, b)
    solved = f"y={tex(slope)}x{'+' if level > 0 else ''}{tex(level)}"
    forms = [(write(a, b, c), "as it is"), (write(k * a, k * b, k * c), "times a constant"),
             (solved, "solved for y"),
             (f"{_linear([(a, 'x'), (b, 'y'), (-c, '')])}=0", "all on one side"),
             (f"{c}={_linear([(b, 'y'), (a, 'x')])}", "sides turned"),
             (f"{_linear([(b, 'y')])}={_linear([(c, ''), (-a, 'x')])}", "y apart"),
             (f"0={_linear([(-a, 'x'), (c, ''), (-b, 'y')])}", "zero first")]  # fmt: skip
    wrong = [
        (a + 1, b, c),
        (a, b + 1, c),
        (a, b, c + 1),
        (-a, b, c),
        (a, -b, c),
        (a, b, -c),
        (b, a, c),
        (k * a, b, c),
        (a, b, k * c),
    ]
    misses = [
        (write(*w), "another line")
        for w in wrong
        if any(w[i] * (a, b, c)[j] != w[j] * (a, b, c)[i] for i, j in ((0, 1), (0, 2), (1, 2)))
        and w[0]
        and w[1]
    ]
    misses += [(str(c), "right side alone"),
               (_linear([(a, "x"), (b, "y"), (-c, "")]), "no equation"),
               (solved.partition("=")[2], "right side alone"),
               (write(a, b, c).replace("=", "<"), "an inequality"), ("x=x", "always true"),
               (write(a, b, c).replace("x", "z"), "another variable")]  # fmt: skip
    return Made(
        [write(a, b, c), solved, f"{_linear([(a, 'x'), (b, 'y'), (-c, '')])}=0"], forms, misses
    )


def _conic(r: Random) -> Made:
    h, k, m = r.randint(1, 9), r.randint(1, 9), r.randint(2, 9)
    if r.random() < 0.5:  # a circle about (h, -k) of radius m
        rest = h * h + k * k - m * m
        texts = [f"(x-{h})^2+(y+{k})^2={m * m}",
                 f"x^2-{2 * h}x+{h * h}+y^2+{2 * k}y+{k * k}={m * m}",
                 f"x^2+y^2-{2 * h}x+{2 * k}y{rest:+d}=0",
                 f"(y+{k})^2+({h}-x)^2={m}^2", f"2(x-{h})^2+2(y+{k})^2={2 * m * m}",
                 rf"\frac{{(x-{h})^2}}{{{m * m}}}+\frac{{(y+{k})^2}}{{{m * m}}}=1"]  # fmt: skip
        wrong = [f"(x+{h})^2+(y+{k})^2={m * m}", f"(x-{h})^2+(y-{k})^2={m * m}",
                 f"(x-{h})^2+(y+{k})^2={m}", f"(x-{h})^2-(y+{k})^2={m * m}",
                 f"(x-{h})^2+(y+{k})^2={m * m + 1}", f"(x-{h})^2+(y+{k + 1})^2={m * m}",
                 f"x^2+y^2={m * m}", str(m * m)]  # fmt: skip
    else:
        a, b = h * h, (h + k) * (h + k)
        texts = [rf"\frac{{x^2}}{{{a}}}+\frac{{y^2}}{{{b}}}=1", f"x^2/{a}+y^2/{b}=1",
                 f"{b}x^2+{a}y^2={a * b}", rf"y^2={b}-\frac{{{b}x^2}}{{{a}}}",
                 rf"\frac{{x^2}}{{{h}^2}}+\frac{{y^2}}{{{h + k}^2}}=1",
                 rf"1=\frac{{y^2}}{{{b}}}+\frac{{x^2}}{{{a}}}"]  # fmt: skip
        wrong = [rf"\frac{{x^2}}{{{b}}}+\frac{{y^2}}{{{a}}}=1",
                 rf"\frac{{x^2}}{{{a}}}-\frac{{y^2}}{{{b}}}=1",
                 rf"\frac{{x^2}}{{{a}}}+\frac{{y^2}}{{{b + 1}}}=1",
                 rf"\frac{{x^2}}{{{4 * a}}}+\frac{{y^2}}{{{4 * b}}}=1", f"{a}x^2+{b}y^2={a * b}",
                 rf"\frac{{x^2}}{{{a}}}+\frac{{y^2}}{{{b}}}=2",
                 rf"\frac{{x}}{{{a}}}+\frac{{y}}{{{b}}}=1"]  # fmt: skip
    misses = [(text, "another conic") for text in wrong]
    return Made(texts[:2], [(text, "rearranged") for text in texts], misses)


def _assignment(r: Random) -> Made:
    name, value = r.choice("xyztk"), Fraction(integer(r, -30, 30, 0), r.randint(1, 6))
    forms = [(f"{name}={text}", how) for text, how in spellings(value)]
    forms += [
        (f"{tex(value)}={name}", "sides turned"),
        (tex(value), "the value"),
        (rf"\mathbf{{{name}}} = {tex(value)}", "bold"),
    ]
    misses = [(f"{name}={tex(other)}", how) for other, how in near(r, value)]
    misses += [
        (f"{name}<{tex(value)}", "an inequality"),
        (rf"{name}\neq{tex(value)}", "not equal"),
        (f"{name}^2={tex(value * value)}", "squared"),
    ]
    misses += [(f"{'w' if name != 'w' else 'v'}={tex(value)}", "another variable")]
    return Made([f"{name}={tex(value)}"], forms, misses)


Ends = tuple[
    Fraction | None, bool, Fraction | None, bool
]  # low, closed, high, closed; None: infinite


def _bracketed(ends: Ends, k: int = 0) -> str:
    low, low_closed, high, high_closed = ends
    left = r"-\infty" if low is None else (spellings(low)[k % 3 if low.denominator > 1 else 0][0])
    right = r"\infty" if high is None else tex(high)
    return f"{'[' if low_closed else '('}{left},{right}{']' if high_closed else ')'}"


def _condition(ends: Ends, name: str = "x", turned: bool = False) -> str:
    low, low_closed, high, high_closed = ends
    above = "" if low is None else f"{name}{MORE[low_closed]}{tex(low)}"
    below = "" if high is None else f"{name}{LESS[high_closed]}{tex(high)}"
    if low is not None and high is not None and turned:
        return f"{tex(high)}{MORE[high_closed]}{above}"
    if low is not None and (turned or high is not None):
        return f"{tex(low)}{LESS[low_closed]}{below or name}"
    if high is not None and turned:
        return f"{tex(high)}{MORE[high_closed]}{name}"
    return above or below


LESS, MORE = (" < ", r" \le "), (" > ", r" \ge ")


def _ends(r: Random) -> Ends:
    low, high = sorted(Fraction(x, r.choice((1, 1, 2, 3))) for x in r.sample(range(-40, 41), 2))
    high = high + 1 if low == high else high
    if r.random() < 0.3:
        return None, False, high, r.random() < 0.5
    if r.random() < 0.3:
        return low, r.random() < 0.5, None, False
    return low, r.random() < 0.5, high, r.random() < 0.5


def _other_ends(ends: Ends) -> list[tuple[Ends, str]]:
    low, low_closed, high, high_closed = ends
    found: list[tuple[Ends, str]] = []
    if low is not None:
        found += [
            ((low, not low_closed, high, high_closed), "an end opened or closed"),
            ((low - 1, low_closed, high, high_closed), "low end"),
        ]
        found += (
            [((None, False, low, low_closed), "the other side")]
            if high is None
            else [((None, False, high, high_closed), "unbounded")]
        )
    if high is not None:
        found += [
            ((low, low_closed, high, not high_closed), "an end opened or closed"),
            ((low, low_closed, high + 1, high_closed), "high end"),
        ]
        found += (
            [((high, high_closed, None, False), "the other side")]
            if low is None
            else [((low, low_closed, None, False), "unbounded")]
        )
    if low is not None and high is not None and low != -high:
        found += [((-high, low_closed, -low, high_closed), "signs")]
    return found


def inequality(r: Random) -> Made:
    """One-sided and two-sided inequalities, in any of their writings or as an interval."""
    ends, name = _ends(r), r.choice("xxxyt")
    text = _condition(ends, name)
    ascii_text = text.replace(r" \le ", "<=").replace(r" \ge ", ">=")
    forms = [(text, "as it is"), (_condition(ends, name, True), "turned"),
             (_bracketed(ends), "interval"), (rf"{name}\in{_bracketed(ends)}", "element of"),
             (text.replace("le", "leq").replace("ge", "geq"), "leq"), (ascii_text, "plain"),
             (rf"\{{{name} \mid {text}\}}", "set builder"),
             (text.replace("le", "leqslant").replace("ge", "geqslant"), "slanted")]  # fmt: skip
    low, low_closed, high, high_closed = ends
    unsolved: list[str] = []
    if low is None or high is None:
        bound, closed = (high, high_closed) if high is not None else (low, low_closed)
        assert bound is not None
        sign = ("<" if high is not None else ">") + ("=" if closed else "")
        other = sign.translate(str.maketrans("<>", "><"))
        unsolved = [f"{bound.denominator * 2}{name}{sign}{2 * bound.numerator}",
                    f"-{name}{other}{tex(-bound)}",
                    f"{name}{'-' if bound > 0 else '+'}{tex(abs(bound))}{sign}0"]  # fmt: skip
    else:
        above = _condition((low, low_closed, None, False), name)
        below = _condition((None, False, high, high_closed), name)
        joined = rf"{above} \text{{ and }} {below}"
        forms += [(joined, "two conditions")]
    misses = [(_condition(e, name), how) for e, how in _other_ends(ends)]
    misses += [(_bracketed(e), how) for e, how in _other_ends(ends)]
    misses += [(text, "not solved") for text in unsolved]
    misses += [
        (_condition(ends, "z"), "another variable"),
        (tex(low if low is not None else high or Fraction(0)), "a number"),
    ]
    misses += [(f"{name}={tex(low if low is not None else high or Fraction(0))}", "an equation")]
    return Made([text, ascii_text], forms, misses)


def interval(r: Random) -> Made:
    """Intervals and unions of two; open and closed ends differ."""
    if r.random() < 0.5:
        return _union(r)
    ends = _ends(r)
    text = _bracketed(ends)
    forms = [(text, "as it is"), (_bracketed(ends, 1), "an end rewritten"),
             (_condition(ends), "inequality"), (rf"x\in {text}", "element of"),
             (rf"\left{text[:-1]}\right{text[-1]}", "left, right"),
             (text.replace(",", ", "), "a space"),
             (rf"\{{x : {_condition(ends)}\}}", "set builder"),
             (rf"\{{x \in \mathbb{{R}} \mid {_condition(ends)}\}}",
              "set builder over R")]  # fmt: skip
    low, low_closed, high, high_closed = ends
    if low is not None and high is not None:
        middle = (low + high) / 2
        forms += [
            (
                _bracketed((low, low_closed, middle, True))
                + r"\cup"
                + _bracketed((middle, False, high, high_closed)),
                "in two pieces",
            )
        ]
    misses = [(_bracketed(e), how) for e, how in _other_ends(ends)] + [
        (_condition(e), how) for e, how in _other_ends(ends)
    ]
    if low is not None and high is not None:
        misses += [(f"{tex(low)},{tex(high)}", "no brackets"),
                   (rf"\{{{tex(low)},{tex(high)}\}}", "a set"), (tex(high - low), "its length"),
                   (_bracketed((low, low_closed, middle, False)) + r"\cup" + _bracketed((middle,
                       False, high, high_closed)), "a point missing")]  # fmt: skip
    return Made([text], forms, misses)


def _union(r: Random) -> Made:
    a, b, c, d = sorted(map(Fraction, r.sample(range(-30, 31), 4)))
    if r.random() < 0.3:
        return _punctured(r, a)
    first: Ends = (
        (None, False, b, r.random() < 0.5)
        if r.random() < 0.5
        else (a, r.random() < 0.5, b, r.random() < 0.5)
    )
    second: Ends = (
        (c, r.random() < 0.5, None, False)
        if r.random() < 0.5
        else (c, r.random() < 0.5, d, r.random() < 0.5)
    )
    one, two = _bracketed(first), _bracketed(second)
    forms = [(rf"{one}\cup{two}", "as it is"), (rf"{two} \cup {one}", "turned"),
             (f"{one} U {two}", "U"), (f"{one}∪{two}", "unicode"),
             (rf"{_condition(first)} \text{{ or }} {_condition(second)}", "inequalities"),
             (rf"x\in {one}\cup {two}", "element of"),
             (rf"{_condition(second)} \text{{ or }} {_condition(first)}",
              "inequalities turned")]  # fmt: skip
    misses = [
        (one, "half of it"),
        (two, "half of it"),
        (rf"{one}\cap{two}", "intersection"),
        (_bracketed((first[0], first[1], second[2], second[3])), "no gap"),
    ]
    misses += [
        (rf"{_bracketed(e)}\cup{two}", how)
        for e, how in _other_ends(first)
        if e[2] is not None and e[2] < c and how != "the other side"
    ]
    misses += [
        (rf"{one}\cup{_bracketed(e)}", how)
        for e, how in _other_ends(second)
        if e[0] is not None and e[0] > b and how != "the other side"
    ]
    misses += [(rf"{_condition(first)} \text{{ and }} {_condition(second)}", "and for or")]
    return Made([rf"{one}\cup{two}", rf"{one} \cup {two}"], forms, misses)


def _punctured(r: Random, a: Fraction) -> Made:
    text = rf"(-\infty,{a})\cup({a},\infty)"
    forms = [
        (text, "as it is"),
        (rf"\mathbb{{R}}\setminus\{{{a}\}}", "without a point"),
        (rf"x\ne {a}", "not equal"),
        (rf"x<{a} \text{{ or }} x>{a}", "inequalities"),
    ]
    misses = [(rf"\mathbb{{R}}\setminus\{{{a + 1}\}}", "another point"), (r"\mathbb{R}", "all"),
              (rf"(-\infty,{a}]\cup({a},\infty)", "an end closed"),
              (rf"(-\infty,{a})\cup[{a},\infty)", "an end closed"),
              (rf"({a},\infty)", "half of it"), (f"x={a}", "the point"),
              (rf"(-\infty,{a})\cup({a + 1},\infty)", "a gap")]  # fmt: skip
    return Made([text], forms, misses)
