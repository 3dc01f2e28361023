"""Numbers: decimals, fractions, percentages, bases, complex numbers, constants."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

from rlvr.verify.truth.made import (
    Made,
    _digit_changed,
    decimal,
    finite,
    grouped,
    integer,
    missed,
    near,
    spellings,
    tex,
)


def number(r: Random) -> Made:
    """Integers up to 30 digits, and finite decimals."""
    if r.random() < 0.3:
        return _finite_decimal(r)
    n = r.choice((r.randint(-20, 20), r.randint(10, 9999), r.randint(10**3, 10**7)))
    n = r.randint(10**9, 10**30) if r.random() < 0.1 else n
    forms = [*spellings(Fraction(n), r.randint(2, 9)), (f"x = {n}", "x ="), (f"${n}$", "dollars"),
             (rf"\text{{{n}}}", "text"), (rf"\mathbf{{{n}}}", "bold"), (f"{n}.", "a full stop"),
             (rf"\left({n}\right)", "brackets"), (f"N={n}", "N =")]  # fmt: skip
    if abs(n) >= 1000:
        marks = (",", "{,}", r"\,", " ")
        forms += [(grouped(n, mark), f"thousands by {mark!r}") for mark in marks]
    if n >= 0:
        forms += [(rf"\sqrt{{{n * n}}}", "a root"), (f"0{n}", "a leading zero"), (f"+{n}", "plus")]
    if n and n % 10 == 0:
        forms += [(rf"{n // 10}\times 10^{{1}}", "scientific")]
    lead = decimal(Fraction(n, 10 ** (len(str(abs(n))) - 1)))
    forms += [(rf"{lead}\times10^{{{len(str(abs(n))) - 1}}}", "scientific")] if n else []
    misses = [*missed(r, Fraction(n)), (f"{n}x", "a variable more"), (f"{n}, {n + 1}", "a list"),
              (f"{n - 5}+5", "sum not carried out"), (rf"\{{{n}\}}", "a set"),
              (f"{3 * n}/3", "quotient not carried out"),
              (f"x={n}={n + 1}", "a false chain"), (rf"x \ne {n}", "not equal"),
              (f"x>{n}", "an inequality"), (rf"{n} \pm 1", "plus minus"), (f"{n}i", "times i"),
              (f"({n},{n})", "a pair"), (rf"{n}\%", "percent")]  # fmt: skip
    misses = misses if n else [m for m in misses if m[1] not in ("a variable more", "times i",
                                                                 "percent")]  # fmt: skip
    return Made([str(n)], forms, misses, True)


def _finite_decimal(r: Random) -> Made:
    places = r.randint(1, 5)
    value = Fraction(r.randint(-(10**5), 10**6), 10**places)
    text = decimal(value)
    forms = [
        (text, "as it is"),
        (tex(value), "a fraction"),
        (f"y = {text}", "y ="),
        (f"{value.numerator}/{value.denominator}", "a slash"),
        (f"${text}$", "dollars"),
    ]
    if value.denominator > 1:
        forms += [(text + "0", "a zero more"), (text + "00", "zeros more")]
    if abs(value) < 1:
        forms += [(text.replace("0.", ".", 1), "no zero before the point")]
    if value:
        power = math.floor(math.log10(abs(value)))
        lead = decimal(value / Fraction(10) ** power)
        forms += [(rf"{lead}\cdot 10^{{{power}}}", "scientific"), (f"{lead}e{power}", "e")]
        forms += [(rf"{decimal(value * 100)}\%", "percent")]
    misses = missed(r, value)
    if value.denominator > 1:
        cut = decimal(Fraction(math.floor(value * 10 ** (places - 1)), 10 ** (places - 1)))
        misses += [(cut, "cut off")] if Fraction(cut) != value else []
        misses += [(text.replace(".", ""), "no point")] if value else []
    return Made([text], forms, misses, True)


def fraction(r: Random) -> Made:
    """Rationals, most without a finite decimal; six right digits are enough."""
    value = Fraction(r.randint(-99, 99) or 1, r.randint(2, 60))
    value = value + Fraction(1, 7) if value.denominator == 1 else value
    top, bottom = value.numerator, value.denominator
    forms = [*spellings(value, r.randint(2, 12)), (f"x = {tex(value)}", "x ="),
             (rf"{top} \div {bottom}", "division sign"), (f"{top} / {bottom}", "a wide slash"),
             (rf"\left({top}/{bottom}\right)", "brackets")]  # fmt: skip
    misses = missed(r, value)
    shown = [decimal(value, places) for places in (2, 3)]
    misses += [(text, "few digits") for text in shown if Fraction(text) != value]
    whole = len(str(abs(top) // bottom)) if abs(value) >= 1 else 0
    lead = next(k for k in range(9) if abs(value) * 10**k >= 1)  # zeros before the first digit
    for places in (6 - whole + lead, 9 - whole + lead, 20 + lead):
        text = decimal(value, places)
        if not finite(value):
            forms.append((text, f"{places} places"))
        if not finite(value) and len(text) < 15:  # longer ones count to double precision
            off = decimal(Fraction(text) + Fraction(r.choice((1, -1)), 10**places), places)
            misses.append((off, "last digit off by one"))
    if abs(value) > 1:
        misses += [(tex(abs(value) % 1), "whole part lost"), (str(int(value)), "rest lost")]
    misses += [(f"{bottom}/{top}", "turned over")] if value not in (1, -1) else []
    if bottom != 10:  # with ten it is scientific notation
        misses += [(rf"{top}\cdot {bottom}^{{-1}}", "product not carried out")]
    misses += [(rf"{r.randint(1, 9)}\frac{{{abs(top) % bottom}}}{{{bottom}}}", "a mixed number")]
    misses = [m for m in misses if m[1] != "a mixed number" or value < 0]
    return Made([tex(value), f"{top}/{bottom}"], forms, misses, True)


def percent(r: Random) -> Made:
    """Percentages: by default 28% is 0.28 and not 28."""
    value = Fraction(r.randint(1, 1999), r.choice((1, 1, 1, 2, 4, 10)))
    text = decimal(value)
    part = value / 100
    forms = [(text + r"\%", "escaped sign"), (text + "%", "plain sign"),
             (text + " percent", "a word"), (text + r"\text{ percent}", "a word in text"),
             (decimal(part), "a decimal"), (tex(part), "a fraction"),
             (f"p = {text}\\%", "p ="), (f"${text}\\%$", "dollars"), (text + r"\ \%", "a space"),
             (f"{part.numerator}/{part.denominator}", "a slash")]  # fmt: skip
    misses = [
        (text, "no sign"),
        (decimal(part) + r"\%", "a hundredth"),
        ("-" + text + r"\%", "sign"),
    ]
    misses += [(f"{decimal(other)}\\%", how) for other, how in near(r, value) if finite(other)]
    misses += [(tex(other), how) for other, how in near(r, part)]
    return Made([text + r"\%", text + "%"], forms, misses)


def mixed_number(r: Random) -> Made:
    """Mixed numbers, and what one gets by misreading them."""
    whole, bottom = r.randint(1, 30), r.randint(2, 15)
    top = r.randint(1, bottom - 1)
    minus = r.random() < 0.2
    sign, value = ("-", -1) if minus else ("", 1)
    v = value * (whole + Fraction(top, bottom))
    part = f"{{{top}}}{{{bottom}}}"
    references = [rf"{sign}{whole}\frac{part}", f"{sign}{whole} {top}/{bottom}", tex(v)]
    forms = [*spellings(v), (references[0], "mixed"), (references[1], "mixed, plain"),
             (rf"{sign}{whole}\tfrac{part}", "mixed, tfrac"),
             (f"x={sign}{whole}\\dfrac{part}", "x ="),
             (rf"{sign}{whole}\,\frac{part}", "mixed, spaced")]  # fmt: skip
    wrong = [(Fraction(whole * top, bottom), rf"\frac{{{whole * top}}}{{{bottom}}}", "multiplied"),
             (Fraction(whole), str(whole), "whole part"),
             (Fraction(top, bottom), rf"\frac{part}", "rest"),
             (Fraction(int(f"{whole}{top}"), bottom), f"{whole}{top}/{bottom}", "run together"),
             (whole + Fraction(bottom, top), rf"{whole}+\frac{{{bottom}}}{{{top}}}", "turned over"),
             (whole + 1 + Fraction(top, bottom), rf"{whole + 1}\frac{part}", "one more"),
             (whole + Fraction(top, bottom + 1), rf"{whole}\frac{{{top}}}{{{bottom + 1}}}",
              "denominator"),
             (-v, rf"{'' if minus else '-'}{whole}\frac{part}", "sign")]  # fmt: skip
    misses = [(text, how) for other, text, how in wrong if other != v]
    misses += [] if minus else [(rf"{whole}+\frac{part}", "sum not carried out")]
    return Made(references, forms, misses + missed(r, v), True)


def repeating_decimal(r: Random) -> Made:
    """Repeating decimals: bars, dots, brackets, longer blocks, fractions."""
    head = "".join(str(r.randint(0, 9)) for _ in range(r.choice((0, 0, 1, 2))))
    block = "".join(str(r.randint(0, 9)) for _ in range(r.randint(1, 4)))
    if set(block) <= {"9", "0"}:
        block = "27"
    whole = r.choice((0, 0, 1, r.randint(2, 40)))
    v, bar = _repeat(whole, head, block), rf"{whole}.{head}\overline{{{block}}}"
    forms = [(bar, "a bar"), (f"{whole}.{head}({block})", "brackets"), (f"x={bar}", "x ="),
             (rf"{whole}.{head}\overline{{{block * 2}}}", "a longer block"),
             (rf"{whole}.{head}{block[0]}\overline{{{block[1:] + block[0]}}}", "a shifted block"),
             (tex(v), "a fraction"), (f"{v.numerator}/{v.denominator}", "a slash"),
             (rf"{whole}.{head}\bar{{{block}}}", "a short bar")]  # fmt: skip
    if len(block) == 1:
        forms += [(rf"{whole}.{head}\dot{{{block}}}", "a dot")]
        forms += [(rf"{whole}.{head}{block * 4}\ldots", "dots")]
    changed = str(_digit_changed(r, int("1" + block)))[-len(block) :]
    others = [(whole, head, changed, "a digit"), (whole + 1, head, block, "whole"),
              (whole, head + "0", block, "a zero more"),
              (whole, head, block + "0", "a longer block"),
              (whole, head, block[:-1], "a shorter block"),
              (whole, head, block[::-1], "turned over"),
              (whole, head + block[0], block[1:], "the bar too short")]  # fmt: skip
    misses = [
        (rf"{w}.{h}\overline{{{b}}}", how) for w, h, b, how in others if b and _repeat(w, h, b) != v
    ]
    misses += [(f"{whole}.{head}{block}", "cut off"), (f"{whole}.{head}{block * 2}"[:6], "cut off")]
    misses += [(tex(other), how) for other, how in near(r, v)]
    misses = [m for m in misses if m[1] != "cut off" or len(m[0].replace(".", "").lstrip("0")) < 6]
    return Made([bar], forms, misses, False)


def _repeat(whole: int, head: str, block: str) -> Fraction:
    start = Fraction(int(f"{whole}{head}"), 10 ** len(head))
    return start + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(head))


def base_n(r: Random) -> Made:
    """Numerals in base n: by default the answer is the numeral, with or without its subscript."""
    base = r.choice((2, 2, 3, 4, 5, 6, 7, 8, 9, 16))
    n = r.randint(base, base**6)
    digits = _numeral(n, base)
    forms = [(f"{digits}_{base}", "subscript"), (f"{digits}_{{{base}}}", "braces"),
             (digits, "no subscript"), (rf"\text{{{digits}}}_{{{base}}}", "text"),
             (f"{digits}_{{({base})}}", "subscript in brackets"),
             (f"({digits})_{{{base}}}", "brackets"),
             (f"x = {digits}_{{{base}}}", "x ="),
             (rf"{digits}_{{\text{{{base}}}}}", "subscript in text"),
             (rf"{digits}_{{\text{{{_BASES[base]}}}}}", "subscript in words")]  # fmt: skip
    others = {n + 1: "one more", n - 1: "one less", n * base: "a zero more", n + base: "a digit"}
    misses = [(f"{_numeral(m, base)}_{{{base}}}", how) for m, how in others.items()]
    misses += [(f"{digits}_{{{base + 1}}}", "base"), (f"-{digits}_{{{base}}}", "sign")]
    reverse = digits[::-1].lstrip("0")
    misses += [(f"{reverse}_{{{base}}}", "digits turned")] if reverse != digits else []
    if digits.isdigit():
        misses += [(str(n), "the value in base ten"), (f"{n}_{{10}}", "written in base ten")]
    if not digits.isdigit() or r.random() < 0.7 or base == 16:
        return Made([f"{digits}_{base}", f"{digits}_{{{base}}}"], forms, misses)
    # To write it in base ten is the question, so the numeral itself is no answer.
    echoed = [(f"{digits}_{{{base}}}", "in another base"), (digits, "no subscript")]
    misses = [*echoed, (f"{digits}_{{{base + 1}}}", "base"), *misses[:4]]
    return Made([str(n)], [(f"{n}_{{10}}", "written in base ten"), (str(n), "as it is")], misses)


_BASES = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight", 9: "nine",
          16: "sixteen"}  # fmt: skip


def _numeral(n: int, base: int) -> str:
    digits = ""
    while n:
        n, last = divmod(n, base)
        digits = "0123456789ABCDEF"[last] + digits
    return digits or "0"


def complex_number(r: Random) -> Made:
    """Numbers a + bi with rational parts, in either order, and its conjugate and kin."""
    a, b = (Fraction(integer(r, -30, 30, 0), r.choice((1, 1, 1, 2, 3, 5))) for _ in "ab")

    def write(a: Fraction, b: Fraction, unit: str = "i") -> str:
        size = "" if abs(b) == 1 else tex(abs(b))
        return f"{tex(a)} {'-' if b < 0 else '+'} {size}{unit}"

    text, size = write(a, b), "" if abs(b) == 1 else tex(abs(b))
    common = math.lcm(a.denominator, b.denominator)
    p, q = int(a * common), int(b * common)
    forms = [(text, "as it is"), (text.replace(" ", ""), "no spaces"), (f"z={text}", "z ="),
             (f"{'-' if b < 0 else ''}{size}i {'-' if a < 0 else '+'} {tex(abs(a))}", "turned"),
             (rf"{tex(a)}+({tex(b)})i", "brackets"),
             (rf"{tex(a)}{'-' if b < 0 else '+'}i\cdot {tex(abs(b))}", "i first"),
             (rf"\frac{{{p}{q:+d}i}}{{{common}}}", "one fraction"),
             (rf"{tex(a)}+{tex(b)}\sqrt{{-1}}" if b > 0 else text, "a root"),
             (rf"{tex(a)}{'-' if b < 0 else '+'}{size}\mathrm{{i}}", "upright i")]  # fmt: skip
    others = [(a, -b, "conjugate"), (b, a, "parts swapped"), (-a, b, "sign"), (-a, -b, "signs"),
              (a + 1, b, "one more"), (a, b * 2, "twice"), (a, b + 1, "one more")]  # fmt: skip
    misses = [(write(x, y), how) for x, y, how in others if (x, y) != (a, b) and x and y]
    misses += [(f"({tex(a)},{tex(b)})", "a pair"), (tex(a), "real part"),
               (f"{size}i", "imaginary part"),
               (rf"i({tex(b)}-({tex(a)})i)", "product not carried out"),
               (tex(a + b), "i lost"), (write(a, b, "x"), "a variable")]  # fmt: skip
    return Made([text, text.replace(" ", "")], forms, misses)


UNDONE = math.inf
"""In place of a constant's value: equal to the right one, but an operation is left to be done."""


def constant(r: Random) -> Made:
    """Surds, multiples of pi, powers of e, logarithms, each with a float to check it."""
    a, b, c = integer(r, -12, 12, 0), integer(r, 1, 9), r.choice((2, 3, 5, 6, 7, 10, 11, 13))
    q = Fraction(integer(r, -12, 12, 0), r.randint(1, 9))
    n, m = r.randint(2, 9), r.randint(2, 6)
    root, low = math.sqrt(c), a * a - b * b * c
    times = "" if b == 1 else str(b)
    families: list[tuple[float, list[str], list[tuple[str, float]]]] = [
        (a + b * root,
         [rf"{a}+{times}\sqrt{{{c}}}", rf"{times}\sqrt{{{c}}}{a:+d}", rf"{a}+\sqrt{{{b * b * c}}}",
          rf"\frac{{{low}}}{{{a}-{b}\sqrt{{{c}}}}}", rf"\frac{{{2 * a}+{2 * b}\sqrt{{{c}}}}}{{2}}",
          f"{a}+{b}sqrt({c})", f"{a}+{b}√{c}", rf"{a}+{b}\cdot{c}^{{1/2}}",
          decimal(Fraction(a + b * root), 11)],
         [(rf"{a}-{times}\sqrt{{{c}}}", a - b * root),
          (rf"{a}+{times}\sqrt{{{c + 1}}}", a + b * math.sqrt(c + 1)),
          (rf"{a}+{b + 1}\sqrt{{{c}}}", a + (b + 1) * root),
          (rf"\sqrt{{{abs(a) + b * c}}}", math.sqrt(abs(a) + b * c)),
          (decimal(Fraction(a + b * root), 2), round(a + b * root, 2)),
          (rf"{a * b}\sqrt{{{c}}}", a * b * root)]),
        (1 / (n * root),
         [rf"\frac{{1}}{{{n}\sqrt{{{c}}}}}", rf"\frac{{\sqrt{{{c}}}}}{{{n * c}}}",
          rf"\frac{{1}}{{\sqrt{{{n * n * c}}}}}",
          rf"\sqrt{{\frac{{1}}{{{n * n * c}}}}}", rf"({n}\sqrt{{{c}}})^{{-1}}",
          rf"\frac{{1}}{{{n * c}}}\sqrt{{{c}}}"],
         [(rf"\frac{{\sqrt{{{c}}}}}{{{n}}}", root / n), (rf"{n}\sqrt{{{c}}}", n * root),
          (rf"\frac{{\sqrt{{{c}}}}}{{{n * c + 1}}}", root / (n * c + 1)),
          (rf"\frac{{1}}{{{n * c}}}", 1 / (n * c))]),
        (float(q) * math.pi,
         [rf"{tex(q)}\pi", rf"\pi\cdot{tex(abs(q))}" if q > 0 else rf"-\pi\cdot{tex(-q)}",
          rf"\frac{{{q.numerator}\pi}}{{{q.denominator}}}", f"{q.numerator}π/{q.denominator}",
          f"{q.numerator}*pi/{q.denominator}", decimal(Fraction(float(q) * math.pi), 10)],
         [(rf"{tex(-q)}\pi", -float(q) * math.pi), (tex(q), float(q)),
          (rf"{tex(q * 2)}\pi", 2 * float(q) * math.pi),
          (rf"{tex(q)}\pi^2", float(q) * math.pi**2), (rf"{tex(q)}\cdot 3.14", float(q) * 3.14),
          (rf"{tex(q)}\cdot\frac{{22}}{{7}}", float(q) * 22 / 7),
          (decimal(Fraction(float(q) * math.pi), 3), 0.5)]),
        (m * math.log(n),
         [rf"{m}\ln {n}", rf"\ln({n**m})", rf"\ln {n}^{{{m}}}", rf"{m}\log_e {n}",
          rf"-\ln\frac{{1}}{{{n**m}}}"],
         [(rf"\ln {n}+{m - 1}\ln {n}", UNDONE), (rf"\ln({n * m})", math.log(n * m)),
          (rf"{m}\log {n}", m * math.log10(n)),
          (rf"(\ln {n})^{{{m}}}", math.log(n) ** m),
          (rf"{n}\ln {m}", n * math.log(m)), (rf"-{m}\ln {n}", -m * math.log(n))]),
        (float(n) ** m,
         [rf"{n}^{{{m}}}", str(n**m), rf"\sqrt{{{n}^{{{2 * m}}}}}",
          rf"\left({n}^{{-1}}\right)^{{-{m}}}"],
         [(rf"{n}\cdot {n}^{{{m - 1}}}", UNDONE),
          (rf"\frac{{{n}^{{{m + 3}}}}}{{{n}^3}}", UNDONE),
          (rf"{n}^{{{m + 1}}}", n ** (m + 1)), (rf"{m}^{{{n}}}", m**n), (rf"{n}^{{-{m}}}", n**-m),
          (str(n * m), n * m), (rf"{n}^{{{m}}}+1", n**m + 1)]),
        (math.exp(q),
         [rf"e^{{{tex(q)}}}", rf"\exp\left({tex(q)}\right)", rf"\frac{{1}}{{e^{{{tex(-q)}}}}}",
          rf"e\cdot e^{{{tex(q - 1)}}}"],
         [(rf"e^{{{tex(-q)}}}", math.exp(-q)), (rf"e^{{{tex(q + 1)}}}", math.exp(q + 1)),
          (rf"{tex(q)}e", float(q) * math.e), (tex(q), float(q))]),
        (root ** 3,
         [rf"{c}\sqrt{{{c}}}", rf"\sqrt{{{c**3}}}", rf"{c}^{{3/2}}", rf"{c}^{{1.5}}",
          rf"\left(\sqrt{{{c}}}\right)^3", rf"\sqrt{{{c}}}\cdot {c}"],
         [(rf"\sqrt[3]{{{c**2}}}", c ** (2 / 3)), (rf"{c}^{{2/3}}", c ** (2 / 3)),
          (rf"\sqrt{{{c}}}", root), (str(c * c), c * c), (rf"{c}+\sqrt{{{c}}}", c + root)]),
    ]  # fmt: skip
    value, texts, wrong = r.choice(families)
    misses = [
        (text, "not carried out" if x == UNDONE else "another constant")
        for text, x in wrong
        if abs(x - value) > 1e-9
    ]
    references = [text for text in texts if not text.lstrip("-").replace(".", "").isdigit()]
    forms = [(text, "rewritten") for text in texts]
    return Made(references, [*forms, (f"x = {references[0]}", "x =")], misses)
