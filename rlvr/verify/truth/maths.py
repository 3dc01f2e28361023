r"""Procedurally known truth for the `math` verifier: pairs that are right or wrong by construction.

Every pair starts from a structured value (a Fraction, a tuple of coefficients, ends of an interval,
a function checked at random points), never from text. It is written out in one way as the reference
and in another as the answer; a wrong answer is the writing of another value, compared as a value
before it is used, or a right one in a place where it is not the final answer. Nothing here parses
anything, and nothing is shared with the verifier: not its parser, not its normalisation.

Where people differ, truth is the policy that the docstring of `verifiers/math.py` states, at its
defaults. What it does not cover: geometry, proofs, answers in prose longer than a phrase, languages
other than English.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from random import Random

from rlvr.verify.audit import Pair

RIGHT_OF_FIVE = 2  # of five pairs, so many are right

Form = tuple[str, str]  # an answer's text, and the name of the rewriting or mutation


@dataclass(frozen=True)
class Made:
    """One value: how a reference may write it, how an answer may, and its near misses.

    `plain`: whether the texts read well in a sentence without dollars.
    """

    references: Sequence[str]
    forms: Sequence[Form]
    misses: Sequence[Form]
    plain: bool = False


def pairs(n: int, seed: int) -> Iterator[Pair]:
    """Yield n pairs, two of five right, the types in turn; the same for the same seed."""
    types = list(TYPES)
    for index in range(n):
        kind = types[index % len(types)]
        right = index // len(types) % 5 < RIGHT_OF_FIVE
        rng = Random(f"truth {seed} {index}")
        made = TYPES[kind](rng)
        frame = _right if right else _wrong
        completion, how = frame(rng, made, kind)
        yield Pair(rng.choice(made.references), completion, right, kind, how)


# --- completions around an answer ------------------------------------------------------------

BOX = r"\boxed{%s}"
BEFORE = (
    "",
    "Let us work it out step by step. First, 3 + 4 = 7, and $x^2 \\ge 0$.\n\n",
    "We look at the cases in turn; there are 12 of them, so 12 / 4 = 3 remain.\n",
    "By symmetry $a = b$, hence $2a = 10$.\nThus ",
    "<think>Perhaps 17? No: $\\boxed{17}$ fails the check.</think>\n",
)
BOXED = (
    r"\boxed{%s}",
    r"The answer is $\boxed{%s}$.",
    r"Therefore, $\boxed{%s}$",
    "So we get\n\\[\n\\boxed{%s}\n\\]",
    "**Final answer:** $\\boxed{%s}$",
    "$$\\boxed{%s}.$$\nThis completes the solution.",
    r"Hence it is $\boxed{ %s }$, as we wanted.",
)
MATHS = ("The answer is $%s$.", "Answer: $%s$", "The final answer is \\(%s\\).", "$%s$")
PLAIN = ("The answer is %s.", "Answer: %s", "**Answer:** %s", "%s", "The final answer is: %s")
CORRECTIONS = (
    "$\\boxed{%s}$. Wait, I made a mistake. The correct answer is $\\boxed{%s}$.",
    "We find \\boxed{%s}. Correction: \\boxed{%s}",
    "So \\boxed{%s}. No, that is wrong: it should be \\boxed{%s}.",
)


def _right(rng: Random, made: Made, kind: str) -> Form:
    answer, how = rng.choice(made.forms)
    before, draw = rng.choice(BEFORE), rng.random()
    if draw < 0.06:
        other = rng.choice(made.misses)[0]
        return before + rng.choice(CORRECTIONS) % (other, answer), f"{how}; a correction"
    if draw < 0.12:
        again = rng.choice((BOX, "In short, \\boxed{%s}.", "So again $\\boxed{%s}$."))
        text = f"{before}{BOX % answer}\n{again % answer}"
        return text, f"{how}; the same box twice"
    if draw < 0.2 and "," not in answer and "$" not in answer and kind != "text":
        return before + rng.choice(MATHS) % answer, f"{how}; announced in dollars"
    if draw < 0.3 and made.plain and "\\" not in answer:
        hashes = ("#### %s",) if kind == "number" else ()
        before = before if before.endswith("\n") and kind not in ("text", "choice") else ""
        return before + rng.choice(PLAIN + hashes) % answer, f"{how}; announced"
    return before + rng.choice(BOXED) % answer, how


def _wrong(rng: Random, made: Made, kind: str) -> Form:
    before, draw = rng.choice(BEFORE), rng.random()
    if draw < 0.75:
        miss, how = rng.choice(made.misses)
        frames = MATHS if rng.random() < 0.2 and "$" not in miss else BOXED
        return before + rng.choice(frames) % miss, how
    made = Made((), made.forms, [m for m in made.misses if m[1] not in _SAME_VALUE])
    answer, miss = rng.choice(made.forms)[0], rng.choice(made.misses)[0]
    ways = _SPOILT if kind in _SINGLE else _SPOILT[:-2]
    how, text = rng.choice(ways)(rng, made, answer, miss)
    return before + text, how


def _spam(rng: Random, made: Made, answer: str, miss: str) -> Form:
    others = {miss, *(rng.choice(made.misses)[0] for _ in range(3))}
    boxes = [*sorted(others), answer]
    rng.shuffle(boxes)
    joint = rng.choice((" or ", "\n", ", ", " and also "))
    return "answer spam", joint.join(BOX % box for box in boxes)


_SPOILT: tuple[Callable[[Random, Made, str, str], Form], ...] = (
    _spam,
    _spam,
    lambda r, m, a, x: ("retracted", r.choice(CORRECTIONS) % (a, x)),
    lambda r, m, a, x: ("only in the thinking", f"<think>{BOX % a}</think>\n{BOX % x}"),
    lambda r, m, a, x: ("only in the thinking", f"<think>So {BOX % a}</think>\nI am not sure."),
    lambda r, m, a, x: ("a thought never closed", f"<think>So {BOX % a}"),
    lambda r, m, a, x: ("only before the box", f"The answer is ${a}$. {BOX % x}"),
    lambda r, m, a, x: ("then an empty box", f"{BOX % a} {BOX % ''}"),
    lambda r, m, a, x: ("cut off", "\\boxed{" + a),
    lambda r, m, a, x: ("one box, two answers", BOX % f"{a} \\text{{ or }} {x}"),
    lambda r, m, a, x: ("one box, two answers", BOX % f"{x}, {a}"),
)
_SAME_VALUE = ("the value in base ten", "written in base ten", "no subscript",
               "sum not carried out", "few digits",
               "cut off")  # fmt: skip
_SINGLE = frozenset({"number", "fraction", "mixed number", "repeating decimal", "text", "complex"})


# --- numbers ---------------------------------------------------------------------------------


def _int(r: Random, low: int, high: int, *without: int) -> int:
    while (value := r.randint(low, high)) in without:
        pass
    return value


def _finite(value: Fraction) -> bool:
    """Whether some power of ten clears the denominator."""
    return 10**400 % value.denominator == 0


def _decimal(value: Fraction, places: int | None = None) -> str:
    """Write a finite decimal in full, or any number rounded half up to so many places."""
    if places is None:
        places = next(k for k in range(400) if (value * 10**k).denominator == 1)
    scaled = math.floor(abs(value) * 10**places + Fraction(1, 2))
    digits = str(scaled).rjust(places + 1, "0")
    body = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return "-" + body if value < 0 else body


def _tex(value: Fraction) -> str:
    """Write a rational the usual way in LaTeX."""
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _grouped(n: int, mark: str) -> str:
    return f"{n:,}".replace(",", mark)


def _spellings(value: Fraction, k: int = 3) -> list[Form]:
    """Ways to write a rational that can stand anywhere, in a tuple too."""
    top, bottom = value.numerator, value.denominator
    sign, size = ("-" if value < 0 else ""), abs(top)
    forms = [(_tex(value), "as it is")]
    if bottom == 1:
        forms += [(f"{top}.0", "a decimal")]
        return [*forms, (f"\u2212{size}", "unicode minus")] if top < 0 else forms
    forms += [
        (f"{top}/{bottom}", "a slash"),
        (rf"{sign}\dfrac{{{size}}}{{{bottom}}}", "dfrac"),
        (rf"\frac{{{top}}}{{{bottom}}}", "sign above"),
        (rf"\frac{{{-top}}}{{{-bottom}}}", "signs turned"),
        (rf"{sign}\tfrac{{{k * size}}}{{{k * bottom}}}", "not reduced"),
    ]
    if size < 10 and bottom < 10:
        forms += [(rf"{sign}\frac{size}{bottom}", "frac without braces")]
    if size > bottom:
        whole, rest = divmod(size, bottom)
        forms += [(rf"{sign}{whole}\frac{{{rest}}}{{{bottom}}}", "a mixed number")]
    return [*forms, (_decimal(value), "a decimal")] if _finite(value) else forms


def _near(r: Random, value: Fraction) -> list[tuple[Fraction, str]]:
    """Other rationals, near in writing or in size; never the value itself."""
    top, bottom = value.numerator, value.denominator
    found = [
        (-value, "sign"), (value * 10, "ten times"), (value / 10, "a tenth"),
        (value * 100, "a hundred times"), (value + 1, "one more"), (value - 1, "one less"),
        (Fraction(top + 1, bottom), "numerator off by one"),
        (Fraction(top, bottom + 1), "denominator off by one"),
        (Fraction(_digit_changed(r, top), bottom), "a digit"),
        (value + Fraction(1, 10 ** r.randint(1, 30)), "a tiny bit more"),
    ]  # fmt: skip
    if top:
        found += [(Fraction(bottom, top), "turned over"), (value * 2, "twice")]
    if len(str(abs(top))) > 1:
        digits = str(abs(top))
        at = r.randrange(len(digits) - 1)
        swapped = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        found += [(Fraction(int(swapped), bottom), "digits swapped")]
        found += [(Fraction(int(digits[:-1]), bottom), "a digit missing")]
    return [(other, how) for other, how in found if other != value]


def _digit_changed(r: Random, n: int) -> int:
    digits = list(str(abs(n)))
    at = r.randrange(len(digits))
    digits[at] = str(_int(r, 0, 9, int(digits[at])))
    return int("".join(digits)) * (-1 if n < 0 else 1)


def _missed(r: Random, value: Fraction) -> list[Form]:
    """Write near misses out, finite ones as decimals too."""
    forms = []
    for other, how in _near(r, value):
        text = _decimal(other) if _finite(other) and r.random() < 0.4 else _tex(other)
        forms.append((text, how))
    return forms


def number(r: Random) -> Made:
    """Integers up to 30 digits, and finite decimals."""
    if r.random() < 0.3:
        return _finite_decimal(r)
    n = r.choice((r.randint(-20, 20), r.randint(10, 9999), r.randint(10**3, 10**7)))
    n = r.randint(10**9, 10**30) if r.random() < 0.1 else n
    forms = [*_spellings(Fraction(n), r.randint(2, 9)), (f"x = {n}", "x ="), (f"${n}$", "dollars"),
             (rf"\text{{{n}}}", "text"), (rf"\mathbf{{{n}}}", "bold"), (f"{n}.", "a full stop"),
             (rf"\left({n}\right)", "brackets"), (f"N={n}", "N =")]  # fmt: skip
    if abs(n) >= 1000:
        marks = (",", "{,}", r"\,", " ")
        forms += [(_grouped(n, mark), f"thousands by {mark!r}") for mark in marks]
    if n >= 0:
        forms += [(rf"\sqrt{{{n * n}}}", "a root"), (f"0{n}", "a leading zero"), (f"+{n}", "plus")]
    if n and n % 10 == 0:
        forms += [(rf"{n // 10}\times 10^{{1}}", "scientific")]
    lead = _decimal(Fraction(n, 10 ** (len(str(abs(n))) - 1)))
    forms += [(rf"{lead}\times10^{{{len(str(abs(n))) - 1}}}", "scientific")] if n else []
    misses = [*_missed(r, Fraction(n)), (f"{n}x", "a variable more"), (f"{n}, {n + 1}", "a list"),
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
    text = _decimal(value)
    forms = [
        (text, "as it is"),
        (_tex(value), "a fraction"),
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
        lead = _decimal(value / Fraction(10) ** power)
        forms += [(rf"{lead}\cdot 10^{{{power}}}", "scientific"), (f"{lead}e{power}", "e")]
        forms += [(rf"{_decimal(value * 100)}\%", "percent")]
    misses = _missed(r, value)
    if value.denominator > 1:
        cut = _decimal(Fraction(math.floor(value * 10 ** (places - 1)), 10 ** (places - 1)))
        misses += [(cut, "cut off")] if Fraction(cut) != value else []
        misses += [(text.replace(".", ""), "no point")] if value else []
    return Made([text], forms, misses, True)


def fraction(r: Random) -> Made:
    """Rationals, most without a finite decimal; six right digits of one will do."""
    value = Fraction(r.randint(-99, 99) or 1, r.randint(2, 60))
    value = value + Fraction(1, 7) if value.denominator == 1 else value
    top, bottom = value.numerator, value.denominator
    forms = [*_spellings(value, r.randint(2, 12)), (f"x = {_tex(value)}", "x ="),
             (rf"{top} \div {bottom}", "division sign"), (f"{top} / {bottom}", "a wide slash"),
             (rf"\left({top}/{bottom}\right)", "brackets")]  # fmt: skip
    misses = _missed(r, value)
    shown = [_decimal(value, places) for places in (2, 3)]
    misses += [(text, "few digits") for text in shown if Fraction(text) != value]
    whole = len(str(abs(top) // bottom)) if abs(value) >= 1 else 0
    lead = next(k for k in range(9) if abs(value) * 10**k >= 1)  # zeros before the first digit
    for places in (6 - whole + lead, 9 - whole + lead, 20 + lead):
        text = _decimal(value, places)
        if not _finite(value):
            forms.append((text, f"{places} places"))
        if not _finite(value) and len(text) < 15:  # longer ones count to double precision
            off = _decimal(Fraction(text) + Fraction(r.choice((1, -1)), 10**places), places)
            misses.append((off, "last digit off by one"))
    if abs(value) > 1:
        misses += [(_tex(abs(value) % 1), "whole part lost"), (str(int(value)), "rest lost")]
    misses += [(f"{bottom}/{top}", "turned over")] if value not in (1, -1) else []
    if bottom != 10:  # with ten it is scientific notation
        misses += [(rf"{top}\cdot {bottom}^{{-1}}", "product not carried out")]
    misses += [(rf"{r.randint(1, 9)}\frac{{{abs(top) % bottom}}}{{{bottom}}}", "a mixed number")]
    misses = [m for m in misses if m[1] != "a mixed number" or value < 0]
    return Made([_tex(value), f"{top}/{bottom}"], forms, misses, True)


def percent(r: Random) -> Made:
    """Percentages: by default 28% is 0.28 and not 28."""
    value = Fraction(r.randint(1, 1999), r.choice((1, 1, 1, 2, 4, 10)))
    text = _decimal(value)
    part = value / 100
    forms = [(text + r"\%", "escaped sign"), (text + "%", "plain sign"),
             (text + " percent", "a word"), (text + r"\text{ percent}", "a word in text"),
             (_decimal(part), "a decimal"), (_tex(part), "a fraction"),
             (f"p = {text}\\%", "p ="), (f"${text}\\%$", "dollars"), (text + r"\ \%", "a space"),
             (f"{part.numerator}/{part.denominator}", "a slash")]  # fmt: skip
    misses = [
        (text, "no sign"),
        (_decimal(part) + r"\%", "a hundredth"),
        ("-" + text + r"\%", "sign"),
    ]
    misses += [(f"{_decimal(other)}\\%", how) for other, how in _near(r, value) if _finite(other)]
    misses += [(_tex(other), how) for other, how in _near(r, part)]
    return Made([text + r"\%", text + "%"], forms, misses)


def mixed_number(r: Random) -> Made:
    """Mixed numbers, and what one gets by misreading them."""
    whole, bottom = r.randint(1, 30), r.randint(2, 15)
    top = r.randint(1, bottom - 1)
    minus = r.random() < 0.2
    sign, value = ("-", -1) if minus else ("", 1)
    v = value * (whole + Fraction(top, bottom))
    part = f"{{{top}}}{{{bottom}}}"
    references = [rf"{sign}{whole}\frac{part}", f"{sign}{whole} {top}/{bottom}", _tex(v)]
    forms = [*_spellings(v), (references[0], "mixed"), (references[1], "mixed, plain"),
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
    return Made(references, forms, misses + _missed(r, v), True)


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
             (_tex(v), "a fraction"), (f"{v.numerator}/{v.denominator}", "a slash"),
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
    misses += [(_tex(other), how) for other, how in _near(r, v)]
    misses = [m for m in misses if m[1] != "cut off" or len(m[0].replace(".", "").lstrip("0")) < 6]
    return Made([bar], forms, misses, False)


def _repeat(whole: int, head: str, block: str) -> Fraction:
    start = Fraction(int(f"{whole}{head}"), 10 ** len(head))
    return start + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(head))


def base_n(r: Random) -> Made:
    """Numerals in base n: by default the numeral is wanted, with or without its subscript."""
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
    misses = [(f"{digits}_{{{base + 1}}}", "base"), (digits, "no subscript"), *misses[:4]]
    return Made(
        [str(n)], [(f"{digits}_{{{base}}}", "in another base"), (str(n), "as it is")], misses
    )


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
    a, b = (Fraction(_int(r, -30, 30, 0), r.choice((1, 1, 1, 2, 3, 5))) for _ in "ab")

    def write(a: Fraction, b: Fraction, unit: str = "i") -> str:
        size = "" if abs(b) == 1 else _tex(abs(b))
        return f"{_tex(a)} {'-' if b < 0 else '+'} {size}{unit}"

    text, size = write(a, b), "" if abs(b) == 1 else _tex(abs(b))
    common = math.lcm(a.denominator, b.denominator)
    p, q = int(a * common), int(b * common)
    forms = [(text, "as it is"), (text.replace(" ", ""), "no spaces"), (f"z={text}", "z ="),
             (f"{'-' if b < 0 else ''}{size}i {'-' if a < 0 else '+'} {_tex(abs(a))}", "turned"),
             (rf"{_tex(a)}+({_tex(b)})i", "brackets"),
             (rf"{_tex(a)}{'-' if b < 0 else '+'}i\cdot {_tex(abs(b))}", "i first"),
             (rf"\frac{{{p}{q:+d}i}}{{{common}}}", "one fraction"),
             (rf"{_tex(a)}+{_tex(b)}\sqrt{{-1}}" if b > 0 else text, "a root"),
             (rf"{_tex(a)}{'-' if b < 0 else '+'}{size}\mathrm{{i}}", "upright i")]  # fmt: skip
    others = [(a, -b, "conjugate"), (b, a, "parts swapped"), (-a, b, "sign"), (-a, -b, "signs"),
              (a + 1, b, "one more"), (a, b * 2, "twice"), (a, b + 1, "one more")]  # fmt: skip
    misses = [(write(x, y), how) for x, y, how in others if (x, y) != (a, b) and x and y]
    misses += [(f"({_tex(a)},{_tex(b)})", "a pair"), (_tex(a), "real part"),
               (f"{size}i", "imaginary part"),
               (rf"i({_tex(b)}-({_tex(a)})i)", "product not carried out"),
               (_tex(a + b), "i lost"), (write(a, b, "x"), "a variable")]  # fmt: skip
    return Made([text, text.replace(" ", "")], forms, misses)


UNDONE = math.inf
"""In place of a constant's value: equal to the right one, but an operation is left to be done."""


def constant(r: Random) -> Made:
    """Surds, multiples of pi, powers of e, logarithms, each with a float to be checked by."""
    a, b, c = _int(r, -12, 12, 0), _int(r, 1, 9), r.choice((2, 3, 5, 6, 7, 10, 11, 13))
    q = Fraction(_int(r, -12, 12, 0), r.randint(1, 9))
    n, m = r.randint(2, 9), r.randint(2, 6)
    root, low = math.sqrt(c), a * a - b * b * c
    times = "" if b == 1 else str(b)
    families: list[tuple[float, list[str], list[tuple[str, float]]]] = [
        (a + b * root,
         [rf"{a}+{times}\sqrt{{{c}}}", rf"{times}\sqrt{{{c}}}{a:+d}", rf"{a}+\sqrt{{{b * b * c}}}",
          rf"\frac{{{low}}}{{{a}-{b}\sqrt{{{c}}}}}", rf"\frac{{{2 * a}+{2 * b}\sqrt{{{c}}}}}{{2}}",
          f"{a}+{b}sqrt({c})", f"{a}+{b}√{c}", rf"{a}+{b}\cdot{c}^{{1/2}}",
          _decimal(Fraction(a + b * root), 11)],
         [(rf"{a}-{times}\sqrt{{{c}}}", a - b * root),
          (rf"{a}+{times}\sqrt{{{c + 1}}}", a + b * math.sqrt(c + 1)),
          (rf"{a}+{b + 1}\sqrt{{{c}}}", a + (b + 1) * root),
          (rf"\sqrt{{{abs(a) + b * c}}}", math.sqrt(abs(a) + b * c)),
          (_decimal(Fraction(a + b * root), 2), round(a + b * root, 2)),
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
         [rf"{_tex(q)}\pi", rf"\pi\cdot{_tex(abs(q))}" if q > 0 else rf"-\pi\cdot{_tex(-q)}",
          rf"\frac{{{q.numerator}\pi}}{{{q.denominator}}}", f"{q.numerator}π/{q.denominator}",
          f"{q.numerator}*pi/{q.denominator}", _decimal(Fraction(float(q) * math.pi), 10)],
         [(rf"{_tex(-q)}\pi", -float(q) * math.pi), (_tex(q), float(q)),
          (rf"{_tex(q * 2)}\pi", 2 * float(q) * math.pi),
          (rf"{_tex(q)}\pi^2", float(q) * math.pi**2), (rf"{_tex(q)}\cdot 3.14", float(q) * 3.14),
          (rf"{_tex(q)}\cdot\frac{{22}}{{7}}", float(q) * 22 / 7),
          (_decimal(Fraction(float(q) * math.pi), 3), 0.5)]),
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
         [rf"e^{{{_tex(q)}}}", rf"\exp\left({_tex(q)}\right)", rf"\frac{{1}}{{e^{{{_tex(-q)}}}}}",
          rf"e\cdot e^{{{_tex(q - 1)}}}"],
         [(rf"e^{{{_tex(-q)}}}", math.exp(-q)), (rf"e^{{{_tex(q + 1)}}}", math.exp(q + 1)),
          (rf"{_tex(q)}e", float(q) * math.e), (_tex(q), float(q))]),
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


# --- expressions, equations, conditions ------------------------------------------------------

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
    factors = [(_int(r, -9, 9), _int(r, -4, 4, 0)) for _ in range(r.randint(1, 3))]
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
    a, b, c = _int(r, -9, 9, 0), _int(r, 1, 9), _int(r, 2, 9)
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
    a, b, c = _int(r, -9, 9, 0), _int(r, -9, 9, 0), _int(r, -20, 20, 0)
    k = _int(r, -5, 5, 0, 1)

    def write(a: int, b: int, c: int) -> str:
        return f"{_linear([(a, 'x'), (b, 'y')])}={c}"

    slope, level = Fraction(-a, b), Fraction(c, b)
    solved = f"y={_tex(slope)}x{'+' if level > 0 else ''}{_tex(level)}"
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
    name, value = r.choice("xyztk"), Fraction(_int(r, -30, 30, 0), r.randint(1, 6))
    forms = [(f"{name}={text}", how) for text, how in _spellings(value)]
    forms += [
        (f"{_tex(value)}={name}", "sides turned"),
        (_tex(value), "the value"),
        (rf"\mathbf{{{name}}} = {_tex(value)}", "bold"),
    ]
    misses = [(f"{name}={_tex(other)}", how) for other, how in _near(r, value)]
    misses += [
        (f"{name}<{_tex(value)}", "an inequality"),
        (rf"{name}\neq{_tex(value)}", "not equal"),
        (f"{name}^2={_tex(value * value)}", "squared"),
    ]
    misses += [(f"{'w' if name != 'w' else 'v'}={_tex(value)}", "another variable")]
    return Made([f"{name}={_tex(value)}"], forms, misses)


Ends = tuple[
    Fraction | None, bool, Fraction | None, bool
]  # low, closed, high, closed; None: infinite


def _bracketed(ends: Ends, k: int = 0) -> str:
    low, low_closed, high, high_closed = ends
    left = r"-\infty" if low is None else (_spellings(low)[k % 3 if low.denominator > 1 else 0][0])
    right = r"\infty" if high is None else _tex(high)
    return f"{'[' if low_closed else '('}{left},{right}{']' if high_closed else ')'}"


def _condition(ends: Ends, name: str = "x", turned: bool = False) -> str:
    low, low_closed, high, high_closed = ends
    above = "" if low is None else f"{name}{MORE[low_closed]}{_tex(low)}"
    below = "" if high is None else f"{name}{LESS[high_closed]}{_tex(high)}"
    if low is not None and high is not None and turned:
        return f"{_tex(high)}{MORE[high_closed]}{above}"
    if low is not None and (turned or high is not None):
        return f"{_tex(low)}{LESS[low_closed]}{below or name}"
    if high is not None and turned:
        return f"{_tex(high)}{MORE[high_closed]}{name}"
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
                    f"-{name}{other}{_tex(-bound)}",
                    f"{name}{'-' if bound > 0 else '+'}{_tex(abs(bound))}{sign}0"]  # fmt: skip
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
        (_tex(low if low is not None else high or Fraction(0)), "a number"),
    ]
    misses += [(f"{name}={_tex(low if low is not None else high or Fraction(0))}", "an equation")]
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
        misses += [(f"{_tex(low)},{_tex(high)}", "no brackets"),
                   (rf"\{{{_tex(low)},{_tex(high)}\}}", "a set"), (_tex(high - low), "its length"),
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


# --- several values --------------------------------------------------------------------------


def _values(r: Random, low: int = 2, high: int = 5) -> list[Fraction]:
    found: list[Fraction] = []
    while len(found) < r.randint(low, high):
        value = Fraction(r.randint(-30, 60), r.choice((1, 1, 1, 2, 3, 4)))
        found += [] if value in found else [value]
    return found


def _written(r: Random, values: Sequence[Fraction]) -> list[str]:
    texts = [[t for t, _ in _spellings(v)] for v in values]
    return [r.choice(choices) if r.random() < 0.4 else choices[0] for choices in texts]


def _changed(r: Random, values: Sequence[Fraction]) -> list[tuple[list[Fraction], str]]:
    """Other lists of values: one dropped, added, changed. Never the same as a set."""
    at = r.randrange(len(values))
    other = r.choice([v for v, _ in _near(r, values[at]) if v not in values])
    return [([*values[:at], *values[at + 1 :]], "one missing"), ([*values, other], "one more"),
            ([*values[:at], other, *values[at + 1 :]], "one changed")]  # fmt: skip


def _signs(values: Sequence[Fraction]) -> list[Fraction] | None:
    turned = [-v for v in values]
    return turned if set(turned) != set(values) else None


def set_(r: Random) -> Made:
    """Sets: order and repetition do not count; a bare list answers too."""
    values = _values(r)
    shuffled = r.sample(values, len(values))

    def braces(vs: Sequence[Fraction], again: bool = False) -> str:
        return rf"\{{{', '.join(_written(r, vs) if again else map(_tex, vs))}\}}"

    forms = [(braces(values), "as it is"), (braces(shuffled), "reordered"),
             (braces(shuffled, True), "elements rewritten"),
             (braces([*values, values[0]]), "one repeated"),
             (", ".join(map(_tex, shuffled)), "a list"),
             (rf"\left{braces(shuffled)[:-2]}\right\}}", "left, right"),
             (rf"x \in {braces(shuffled)}", "element of"),
             (r" \text{ or } ".join(f"x={_tex(v)}" for v in shuffled), "x = or"),
             (f"S={braces(shuffled)}", "S =")]  # fmt: skip
    misses = [(braces(vs), how) for vs, how in _changed(r, values) * 2 if vs]
    turned = _signs(values)
    misses += [(braces(turned), "signs")] if turned else []
    misses += [(f"({', '.join(map(_tex, values))})", "a tuple"), (_tex(values[0]), "one element"),
               (_tex(sum(values, Fraction(0))), "their sum"),
               (rf"\{{{braces(values)}\}}", "a set of sets"), (r"\emptyset", "empty"),
               (str(len(values)), "their number")]  # fmt: skip
    misses = [m for m in misses if not m[0].lstrip("-").isdigit() or len(values) > 1]
    return Made([braces(values)], forms, misses)


def list_(r: Random) -> Made:
    """Answers in a row without brackets, and plus-minus."""
    if r.random() < 0.25:
        return _plus_minus(r)
    if r.random() < 0.2:
        return _assignments(r)
    values = _values(r)
    shuffled = r.sample(values, len(values))
    text = ", ".join(map(_tex, values))
    head, last = ", ".join(map(_tex, shuffled[:-1])), _tex(shuffled[-1])
    forms = [(text, "as it is"), (", ".join(map(_tex, shuffled)), "reordered"),
             (", ".join(_written(r, shuffled)), "rewritten"),
             (rf"{head} \text{{ and }} {last}", "and"), (rf"{head}, \text{{ or }} {last}", "or"),
             (f"{head} and {last}", "plain and"), (rf"\{{{head}, {last}\}}", "a set"),
             (rf"x = {head}, {last}", "x ="),
             (r"\text{ or }".join(f"x={_tex(v)}" for v in shuffled), "x = or"),
             (",".join(map(_tex, values)), "no spaces"),
             ("; ".join(map(_tex, values)), "semicolons")]  # fmt: skip
    if all(v.denominator == 1 and abs(v) < 1000 for v in values):
        forms = [f for f in forms if f[1] != "no spaces"]
    misses = [(", ".join(map(_tex, vs)), how) for vs, how in _changed(r, values) * 2]
    turned = _signs(values)
    misses += [(", ".join(map(_tex, turned)), "signs")] if turned else []
    misses += [
        (f"({text})", "a tuple"),
        (f"[{text}]", "brackets"),
        (_tex(sum(values, Fraction(0))), "their sum"),
        (_tex(r.choice(values)), "one of them"),
    ]
    return Made(
        [text, rf"{', '.join(map(_tex, values[:-1]))} \text{{ and }} {_tex(values[-1])}"],
        forms,
        misses,
    )


def _plus_minus(r: Random) -> Made:
    a, c = r.randint(-9, 9), r.choice((2, 3, 5, 6, 7))
    root = rf"\sqrt{{{c}}}"
    text = rf"{a}\pm{root}" if a else rf"\pm{root}"
    up, down = (f"{a}+{root}", f"{a}-{root}") if a else (root, "-" + root)
    forms = [(text, "plus minus"), (f"{up}, {down}", "written out"), (f"{down}, {up}", "turned"),
             (f"x={text}", "x ="), (rf"\{{{down},{up}\}}", "a set"),
             (rf"x={up} \text{{ or }} x={down}", "x = or"),
             (rf"{up} \text{{ and }} {down}", "and"),
             (text.replace(r"\pm", "±"), "unicode")]  # fmt: skip
    misses = [(up, "one of them"), (down, "one of them"), (rf"{a + 1}\pm{root}", "another middle"),
              (rf"{a}\pm\sqrt{{{c + 8}}}", "another root"),
              (rf"{a}\pm {c}", "root lost"), (f"({up},{down})", "a pair"),
              (f"{up}, {up}", "one twice"),
              (rf"{root}\pm {a}" if a else f"{c},-{c}", "parts swapped")]  # fmt: skip
    return Made([text, f"{up}, {down}"], forms, misses)


def _assignments(r: Random) -> Made:
    names = r.choice(("xy", "ab", "xyz", "mn"))
    values = _values(r, len(names), len(names))
    while len(values) != len(names):
        values = _values(r, len(names), len(names))
    named = [f"{n}={_tex(v)}" for n, v in zip(names, values, strict=True)]
    again = [f"{n} = {t}" for n, t in zip(names, _written(r, values), strict=True)]
    turned = [f"{n}={_tex(v)}" for n, v in zip(names, [*values[1:], values[0]], strict=True)]
    less = [f"{n}={_tex(v)}" for n, v in zip(names, [values[0] + 1, *values[1:]], strict=True)]
    forms = [
        (", ".join(named), "as it is"),
        (", ".join(named[::-1]), "reordered"),
        (", ".join(again), "rewritten"),
        (r" \text{ and } ".join(named), "and"),
    ]
    misses = [(", ".join(turned), "values swapped"), (", ".join(named[1:]), "one missing"),
              (", ".join(less), "one changed"), (", ".join(map(_tex, values)), "no names"),
              (named[0], "one of them"), (", ".join([*named, "w=1"]), "one more")]  # fmt: skip
    return Made([", ".join(named)], forms, misses)


def tuple_(r: Random) -> Made:
    """Points: order counts, brackets count."""
    values = _values(r, 2, 4)
    names = "xyzw"[: len(values)]
    inner = ", ".join(map(_tex, values))
    text = f"({inner})"
    forms = [(text, "as it is"), (f"({','.join(map(_tex, values))})", "no spaces"),
             (f"({', '.join(_written(r, values))})", "rewritten"),
             (rf"\left({inner}\right)", "left, right"), (f"({','.join(names)})={text}", "(x,y) ="),
             (f"\\left( {inner} \\right)", "wide")]  # fmt: skip
    misses = [
        (f"({', '.join(map(_tex, vs))})", how) for vs, how in _changed(r, values) * 2 if len(vs) > 1
    ]
    misses += [
        (f"({', '.join(map(_tex, vs))})", "order")
        for vs in r.sample(list(permutations(values)), 2)
        if list(vs) != values
    ]
    misses += [
        (rf"\{{{inner}\}}", "a set"),
        (inner, "a list"),
        (f"[{inner}]", "brackets"),
        (_tex(values[0]), "one part"),
        (f"({inner}, {inner})", "twice"),
    ]
    turned = [-v for v in values]
    misses += [(f"({', '.join(map(_tex, turned))})", "signs")] if turned != values else []
    return Made([text, text.replace(" ", "")], forms, misses)


def matrix(r: Random) -> Made:
    """Matrices and column vectors."""
    rows, columns = r.choice(((2, 2), (2, 2), (3, 3), (2, 3), (3, 1), (2, 1)))
    m = [
        [Fraction(r.randint(-9, 20), r.choice((1, 1, 1, 2, 3))) for _ in range(columns)]
        for _ in range(rows)
    ]

    def write(m: Sequence[Sequence[Fraction]], kind: str = "pmatrix", again: bool = False) -> str:
        body = r" \\ ".join(" & ".join(_written(r, row) if again else map(_tex, row)) for row in m)
        return rf"\begin{{{kind}}} {body} \end{{{kind}}}"

    nested = f"[{','.join('[' + ','.join(map(_tex, row)) + ']' for row in m)}]"
    array = write(m, "array").replace("{array} ", "{array}{" + "c" * columns + "} ", 1)
    forms = [(write(m), "pmatrix"), (write(m, "bmatrix"), "bmatrix"),
             (write(m, again=True), "rewritten"), (rf"\left[{write(m, 'matrix')}\right]", "matrix"),
             (rf"\left({array}\right)", "array"), (f"A={write(m)}", "A ="),
             (write(m).replace(" ", ""), "no spaces"), (nested, "nested lists")]  # fmt: skip
    at, of = r.randrange(rows), r.randrange(columns)
    changed = [
        [v if (i, j) != (at, of) else r.choice(_near(r, v))[0] for j, v in enumerate(row)]
        for i, row in enumerate(m)
    ]
    others = {"an entry": changed, "a row missing": m[1:], "turned over": m[::-1],
              "transposed": [list(c) for c in zip(*m, strict=True)],
              "signs": [[-v for v in row] for row in m], "a row more": [*m, m[0]]}  # fmt: skip
    misses = [(write(o), how) for how, o in others.items() if o != m and len(o) > 1] + [
        (write(changed, "bmatrix"), "an entry")
    ]
    misses += [
        (write(m, "vmatrix"), "a determinant"),
        (f"({', '.join(_tex(v) for row in m for v in row)})", "a tuple"),
    ]
    return Made([write(m), write(m, "bmatrix")], forms, misses)


# --- words and things ------------------------------------------------------------------------

WORDS = ("Tuesday", "Friday", "yes", "no", "true", "false", "even", "odd", "blue", "hyperbola",
         "parabola", "circle", "isosceles", "Alice", "Bob",
         "no solution", "right triangle", "infinitely many", "neither", "never", "March",
         "increasing", "north", "undefined slope", "acute")  # fmt: skip


def text(r: Random) -> Made:
    """Words: case, font and a full stop don't count."""
    word, other = r.sample(WORDS, 2)
    forms = [(word, "as it is"), (word.lower(), "lower case"),
             (word.upper() if len(word) > 3 else word.title(), "upper case"),
             (rf"\text{{{word}}}", "text"),
             (rf"\textbf{{{word.title()}}}", "bold"), (f"{word}.", "a full stop"),
             (rf"\text{{ {word} }}", "spaces"),
             (rf"\mathrm{{{word.replace(' ', '~')}}}", "upright")]  # fmt: skip
    misses = [(rf"\text{{{other}}}", "another word"), (other, "another word"),
              (rf"\text{{not {word}}}", "not"), (rf"\text{{{word} or {other}}}", "two words"),
              (rf"\text{{un{word}}}", "superstring"), (rf"\text{{{word}ly}}", "superstring"),
              (rf"\text{{{word[:-1]}}}", "substring"), (str(r.randint(1, 9)), "a number"),
              (rf"\text{{{word}, {other}}}", "two words"),
              (word[0].upper(), "its letter")]  # fmt: skip
    return Made([word, rf"\text{{{word}}}"], forms, misses, True)


def choice(r: Random) -> Made:
    """Multiple-choice letters."""
    letter, other = r.sample("ABCDE", 2)
    forms = [(letter, "as it is"), (f"({letter})", "brackets"), (rf"\text{{{letter}}}", "text"),
             (rf"\textbf{{({letter})}}", "bold"), (f"{letter}.", "a full stop"),
             (rf"\text{{({letter})}}", "text, brackets"),
             (rf"\textbf{{({letter})}}\ {r.randint(2, 90)}", "with its value"),
             (rf"\mathrm{{{letter}}}", "upright"),
             (f"{letter})", "half a bracket"),
             (rf"\textbf{{{letter}}}", "bold letter")]  # fmt: skip
    misses = [(other, "another letter"), (f"({other})", "another letter"),
              (rf"\text{{({other})}}", "another letter"), (f"{letter}{other}", "two letters"),
              ("ABCDE", "all of them"),
              (f"{letter}, {other}", "two letters"),
              (rf"{letter} \text{{ or }} {other}", "two letters"),
              (rf"\textbf{{({other})}}\ {r.randint(2, 90)}", "another letter"),
              (f"({letter}) and ({other})", "two letters"),
              (f"({letter}), ({other})", "two letters"), (str(ord(letter) - 64), "its number"),
              (rf"\text{{not {letter}}}", "not")]  # fmt: skip
    return Made(
        [letter, f"({letter})", rf"\text{{({letter})}}", rf"\textbf{{({letter})}}"],
        forms,
        misses,
        True,
    )


def time(r: Random) -> Made:
    """Times of day; 24 hours may stand for am and pm."""
    hour, minute = r.randint(0, 23), r.randint(0, 59)
    half, shown = ("PM" if hour >= 12 else "AM"), (hour + 11) % 12 + 1
    dotted = f"{half[0].lower()}.m."

    def write(h: int, m: int, half: str) -> str:
        return f"{h}:{m:02d} {half}"

    forms = [(write(shown, minute, half), "as it is"),
             (write(shown, minute, half.lower()), "lower case"),
             (write(shown, minute, dotted), "dots"),
             (f"{shown}:{minute:02d}{half.lower()}", "no space"),
             (rf"{shown}:{minute:02d}\text{{ {half}}}", "text"),
             (rf"\text{{{write(shown, minute, half)}}}", "all in text"),
             (rf"{shown}\!:\!{minute:02d}\ \text{{{dotted}}}", "spacing")]  # fmt: skip
    forms += [(f"{hour}:{minute:02d}", "24 hours")] if hour >= 13 or hour == 0 else []
    forms += [(f"{shown} {half}", "no minutes")] if minute == 0 else []
    turned = "AM" if half == "PM" else "PM"
    misses = [(write(shown, minute, turned), "the other half"),
              (write(shown % 12 + 1, minute, half), "an hour"),
              (write(shown, (minute + 1) % 60, half), "a minute"),
              (write(shown, (minute + 30) % 60, half), "half an hour"),
              (f"{shown}:{minute:02d}" if hour >= 12 else f"{shown + 12}:{minute:02d}"
               if shown < 12 else "12:60", "no half"),
              (f"{shown}.{minute:02d}", "a decimal"), (str(shown), "the hour"),
              (f"{(hour + 6) % 24 or 13}:{minute:02d}", "another hour")]  # fmt: skip
    if shown != minute and 1 <= minute <= 12:
        misses += [(write(minute, shown, half), "turned")]
    return Made(
        [
            write(shown, minute, half),
            rf"{shown}:{minute:02d}\text{{ {half}}}",
            write(shown, minute, dotted),
        ],
        forms,
        misses,
        True,
    )


def money(r: Random) -> Made:
    """Amounts; the currency may be missing, but not be another."""
    cents = r.choice((r.randint(1, 99) * 100, r.randint(100, 99999), r.randint(10**5, 10**8)))
    value = Fraction(cents, 100)
    short, full = _decimal(value), f"{value.numerator // value.denominator:,}.{cents % 100:02d}"
    plain = full.replace(",", "")
    forms = [(rf"\${full}", "as it is"), (rf"\${plain}", "no commas"), (full, "no sign"),
             (short, "shortest"), (f"{plain} dollars", "a word"),
             (rf"{plain}\text{{ dollars}}", "text"),
             (rf"\text{{\${plain}}}", "all in text"), (f"{cents} cents", "cents"),
             (rf"\$ {plain}", "a space"), (f"{plain} USD", "USD"), (f"{_tex(value)}", "a fraction"),
             (rf"x=\${plain}", "x =")]  # fmt: skip
    misses = [(f"{cents}", "cents unsaid"), (f"{plain} cents", "cents for dollars"),
              (f"€{plain}", "euros"), (f"£{plain}", "pounds"), (rf"\$-{plain}", "sign"),
              (rf"{plain}\%", "percent"),
              (f"{plain} meters", "another unit"),
              (rf"\${plain}, \${short}1", "two amounts")]  # fmt: skip
    misses += [(rf"\${_decimal(other)}", how) for other, how in _near(r, value) if _finite(other)]
    return Made(
        [rf"\${full}", rf"\${plain}"],
        forms,
        [m for m in misses if m[1] != "cents unsaid" or cents != value],
        False,
    )


UNITS = (  # name, plural word, conversions (factor, unit), strangers
    ("cm", "centimeters", ((Fraction(1, 100), "m"), (Fraction(10), "mm")),
     ("m", "mm", "km", "kg", "s")),
    ("m", "meters", ((Fraction(100), "cm"), (Fraction(1, 1000), "km")), ("cm", "km", "ft", "g")),
    ("km", "kilometers", ((Fraction(1000), "m"),), ("m", "miles", "kg", "hours")),
    ("kg", "kilograms", ((Fraction(1000), "g"), (Fraction(10**6), "mg")), ("g", "m", "pounds")),
    ("ft", "feet", ((Fraction(12), "inches"), (Fraction(1, 3), "yards")),
     ("inches", "m", "miles", "yards")),
    ("hours", "hours", ((Fraction(60), "minutes"), (Fraction(3600), "seconds")),
     ("minutes", "days", "km", "seconds")),
    ("minutes", "minutes", ((Fraction(60), "seconds"), (Fraction(1, 60), "hours")),
     ("hours", "seconds", "m")),
    ("days", "days", ((Fraction(24), "hours"), (Fraction(1, 7), "weeks")),
     ("hours", "weeks", "km")),
    ("L", "liters", ((Fraction(1000), "mL"),), ("mL", "kg", "m")),
    ("cm^2", "square centimeters", ((Fraction(1, 10**4), "m^2"), (Fraction(100), "mm^2")),
     ("cm", "cm^3", "m^2", "m")),
    ("m^3", "cubic meters", ((Fraction(10**6), "cm^3"),), ("m^2", "m", "cm^3", "L/s")),
    ("km/h", "kilometers per hour", ((Fraction(1000), "m/h"),), ("km", "m/s", "km/s", "h", "mph")),
    ("m/s", "meters per second", ((Fraction(100), "cm/s"),), ("m", "km/h", "m/s^2", "s")),
)  # fmt: skip


def unit(r: Random) -> Made:
    """Quantities: the unit may be missing or converted, but not be another."""
    name, word, conversions, strangers = r.choice(UNITS)
    value = Fraction(r.randint(1, 400), r.choice((1, 1, 1, 2, 4)))
    t = _decimal(value)
    factor, other = r.choice(conversions)
    converted = _decimal(value * factor) if _finite(value * factor) else _tex(value * factor)
    forms = [(rf"{t}\text{{ {name}}}", "as it is"), (f"{t} {name}", "plain"), (t, "no unit"),
             (rf"{t}\,\mathrm{{{name}}}", "upright"), (f"{t} {word}", "words"),
             (rf"{t}\text{{ {word}}}", "words in text"),
             (rf"{converted}\text{{ {other}}}", "converted"), (rf"x={t}\text{{ {name}}}", "x ="),
             (rf"{_tex(value)}\text{{ {name}}}", "a fraction"),
             (rf"{t}~\text{{{name}}}", "a tie")]  # fmt: skip
    misses = [(rf"{t}\text{{ {stranger}}}", "another unit") for stranger in strangers] + [
        (f"{t} {stranger}", "another unit") for stranger in strangers
    ]
    misses += [(rf"{_decimal(v)}\text{{ {name}}}", how) for v, how in _near(r, value) if _finite(v)]
    misses += [(_decimal(v), how) for v, how in _near(r, value) if _finite(v)] + [
        (rf"{t}\text{{ {other}}}", "converted unit, same number")
    ]
    return Made([rf"{t}\text{{ {name}}}", f"{t} {name}"], forms, misses)


TYPES: dict[str, Callable[[Random], Made]] = {
    "number": number, "fraction": fraction, "percent": percent, "mixed number": mixed_number,
    "repeating decimal": repeating_decimal, "constant": constant, "expression": expression,
    "equation": equation, "inequality": inequality, "interval": interval, "set": set_,
    "list": list_, "tuple": tuple_, "matrix": matrix, "complex": complex_number, "text": text,
    "choice": choice, "time": time, "money": money, "unit": unit, "base-n": base_n,
}  # fmt: skip
