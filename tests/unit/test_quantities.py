"""Numbers with what stands after them, units, angles, money, letters of choices, times and ratios.

Rows are (reference, answer in a box); `RIGHT` answers the reference, `WRONG` doesn't.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from rlvr.verifiers import math

from rlvr.maths.units import UNITS, unit
from rlvr.verify.verifier import Verify, case_problem

VERIFY: Verify = math.verify


def status(reference: str, answer: str, prompt: str = "") -> str:
    problem = replace(case_problem(reference), prompt=prompt)
    return str(VERIFY(problem, f"It is \\boxed{{{answer}}}.").status)


# Words that say something about the number, or make another number of it.
NO_UNITS = (
    "wrong, false, invalid, not, never, none, perhaps, possibly, maybe, probably, doubtful, "
    "unsure, unlikely, unclear, incorrect, impossible, inexact, guess, approximately, roughly, "
    "or so, or more, at most, at least, less, fewer, below zero, above, too small, and "
    "counting, squared, cubed, factorial, root two, plus, minus, minus one, modulo, mod 5, to "
    "the fifth, choose two, hundred, thousands, million, billions, dozen, dozens, score, gross, "
    "lakh, crore, tenths, halves, thirds, quarters, sevenths, hundredths, thousandths, half, "
    "percent, pct, per cent, per mille, dozen pens, thousand people, not pens, wrong answers, "
    "more, fewer, more than pens, more or fewer pens, more wrong pens, pens more, rejected "
    "values, (wrong), (maybe), is wrong, is not it, if n is even, i think, nope, xyz, zzz, off "
    "by one, times three, of ten, pens or so, negated, extraneous, unverified answers, n/a, "
    "basis points, possible guesses, non-pens, ..., estimated pens, half pens, two pens, "
    "hundreds of pens, tenths of a mile, feet below, hours ago, days off, maybe pens, pens or "
    "cups, pens plus cups, pens squared, base 8, roughly ten, opposite, or, ppm, st"
).split(", ")
COUNTED = (
    "pens, children, people, mice, sheep, goldfish, ways, red pens, boxes of old pens, pens "
    "left, pens in total, years old, points, times, cm, square miles, sq. ft, cubic inches, "
    "m^2, km/h, kilometers per hour, K, T, V, mg/L, kWh, J/(mol K), N m, m/s^2, degrees "
    "Celsius, working days, dollars, dollars per pen, cents each, units, square units, lattice "
    "points, minutes, feet of wire, (pens), more pens, fewer red pens"
).split(", ")


@pytest.mark.parametrize("words", NO_UNITS)
def test_what_bears_on_the_number_is_no_unit(words: str) -> None:
    assert status("17", rf"17\text{{ {words}}}") == "wrong"
    assert status("17", f"17 {words}") == "wrong"
    assert status("17", rf"17\text{{ {words}}}", "How many pens are wrong, half or maybe?") != (
        "correct"
    )


@pytest.mark.parametrize("words", COUNTED)
def test_what_is_counted_or_measured_leaves_the_number_as_it_is(words: str) -> None:
    assert status("17", rf"17\text{{ {words}}}") == "correct"
    assert status("18", rf"17\text{{ {words}}}") == "wrong"


RIGHT = [
    # words of size
    ("0.7", r"7\text{ tenths}"), ("0.07", "7 hundredths"), (r"\frac47", "4 sevenths"),
    ("1.5", "3 halves"), ("1/3", r"1\text{ third}"), ("3000000", r"3\text{ millions}"),
    ("36", "3 dozens"), ("36", "3 dozen rolls"), ("300000", "3 lakh"), ("20000000", "2 crore"),
    ("0.00003", "3 hundred-thousandths"), (r"\$2{,}500{,}000", r"\$2.5\text{ million}"),
    ("500000", r"\frac12\text{ million}"), ("0.35", "35 pct"), (r"35\%", "35 per cent"),
    (r"35\%", r"35\text{ percentage points}"), ("0.007", "7‰"), ("0.007", "7 per mille"),
    # units
    ("8", r"8\,\Omega"), ("8000 ohms", r"8\,k\Omega"), ("8", r"8\,\mu m"),
    ("8 mm", r"8000\,\mu\text{m}"), ("8 m/s", r"8\ \mathrm{m\,s^{-1}}"),
    ("8 m/s", r"8\text{ m s}^{-1}"), ("8 m/s^2", r"8\text{ m/s/s}"),
    ("8 N", r"8\text{ kg m/s^2}"), ("8 J", r"8\text{ N m}"), ("8 J", "8 kg m^2/s^2"),
    ("8 V", r"8\text{ J/C}"), ("2 L", r"2000\text{ cm}^3"), ("8", r"\SI{8}{cm}"),
    ("8 cm", r"\SI{80}{\milli\metre}"), ("8 m/s^2", r"\qty{8}{\metre\per\second\squared}"),
    ("8 kg", r"8\,\unit{\kilo\gram}"), ("8000", r"\num{8e3}"), (r"60^\circ", r"\ang{60}"),
    ("8", r"8\ \mathrm{kg \cdot m/s^2}"), ("8", r"8\,\frac{\text{m}}{\text{s}}"),
    ("8", r"8\,\mathrm{\mu m}"), ("8", r"8\,\mathrm{k}\Omega"),
    ("8", r"8~\mathrm{J}\,\mathrm{mol}^{-1}\,\mathrm{K}^{-1}"),
    ("300", "300 K"), ("8 min", r"8\,\mathrm{min}"), ("8", "8 light-years"),
    # angles
    (r"75^\circ", "75^o"), (r"75^\circ", "75^{o}"), (r"75^\circ", r"75\text{°}"),
    ("75", "∠PQR = 75°"), (r"40^\circ 30'", r"40.5^\circ"), ("40.5", "40°30′"),
    (r"40^{\circ}30^{\prime}", r"40^\circ 30'"), (r"40.51^\circ", r"40^\circ 30' 36''"),
    (r"x = 40^\circ 30'", r"40.5^\circ"), (r"20^\circ C", "20℃"),
    (r"-40^\circ 30'", r"-40.5^\circ"), ("40.5", "40 degrees 30 minutes"),
    # other scripts
    ("15", "15个"), ("15", "15個"), ("15", "15人"), ("15", "15개"),
    ("15", "15个梨"),
    ("75", "75度"), ("1234", "1,234 元"), ("50000", "5万元"), ("5 km", "5千米"),
    ("5 cm^2", "5平方厘米"), ("5 m/s", "5米/秒"), ("2,3", "2、3"),
    ("15", "１５"), ("y=2", "ｙ＝２"), (r"\mathbb{N}", "ℕ"),
    ("15,16", "15个和16个"), ("x=2 or x=3", "x=2或x=3"), ("15", "15千米/小时"),
    # money
    ("1250.50", "1,250.50€"), ("30", r"\$50 - \$20 = \$30"), ("30", r"6 \times \$5 = \$30"),
    ("30", r"x = \$30"), (r"\$30", "30 dollars each"), ("30", "30 £"),
    ("30", "USD 30"), ("30", r"\text{Rs. }30"), ("30", r"\pounds 30"), (r"\$5, \$10", "10, 5"),
    # letters
    ("ACD", "A, C, D"), ("ACD", r"\text{A, C, D}"), ("ACD", "D, C, A"), ("B,C", "BC"),
    ("BC", r"\text{B and C}"), ("B, C", r"\textbf{(B)}, \textbf{(C)}"), ("CD", "C、D"),
    ("B", r"\text{B. It falls by half}"), ("B", "(B) Both are right"),
    ("B", r"\textbf{(B)} \text{ vitamin D}"),
    # times and ratios
    ("9:40", r"\frac{9}{40}"), ("3:20", "0.15"), ("1:12", r"1\text{ to }12"), ("4:3", "20:15"),
    ("9:40", "9:40"), ("9:05", "09:05"), ("1:2:3", "a:b:c = 2:4:6"),
    # lists with units
    (r"3\text{ cm}, 4\text{ cm}", "4, 3"), ("3 cm and 4 cm", r"30\text{ mm}, 4\text{ cm}"),
    ("2:30 pm, 4 pm", "4:00 PM, 2:30 PM"), (r"30^\circ, 60^\circ", r"60^\circ, 30^\circ"),
]  # fmt: skip
WRONG = [
    ("17", "17 pm"), ("17", "17 am"),  # a time of day
    ("17", r"k \in 17"), (r"2^{100}", r"x\in (2^{100})"), (r"-\frac34", r"y\in (-3/4)"),
    ("7", r"7\text{ tenths}"), ("0.7", "7 hundredths"), ("3", "3 dozens"), ("3", "3 millions"),
    ("12", "2 dozens"), ("0.5", "5 hundred thousandths"), ("35", "35 pct"), ("7", "7‰"),
    ("8", r"8^\circ\text{ below zero}"), ("8", r"8^\circ\text{ north}"), 
    ("x>3", "x>3tyset"), ("8 m/s", r"8\text{ m s}"), ("8 N", r"8\text{ kg m/s}"),
    ("8 ohms", r"8\,k\Omega"), ("8 cm", r"\SI{8}{\milli\metre}"), ("8 K", r"8^\circ C"),
    ("8 J", "8 W"), ("8 g", r"8\,\mu g"), ("8 C", "8 V"), ("8 pens", "8 cm"), ("8 pens", "8 cups"),
    ("8 boxes of pens", "8 bags of pens"), ("8 dollars", "8 pens"), (r"75^\circ", "76^o"),
    (r"40^\circ 30'", "40"), (r"40^\circ 30'", r"40.3^\circ"), (r"40^\circ 30'", r"40^\circ 31'"),
    ("40.5", r"40^\circ 75'"), ("15", "15个左右"), ("15", "约15个"), ("15", "15不"),
    ("15", "15以上"), ("5", "5万"), ("5", "5千"), ("5 km", "5米"), ("30", r"\$50 - \$20 = \$31"),
    ("1", "15"),
    ("30", r"\$50 - \$21 = \$30"), ("30", r"\$10 + \$20"), ("30", r"30 \$ 1"), ("$30", "30 €"),
    ("ACD", "A, C"), ("ACD", "ABCD"), ("ACD", "A, C or D"), ("BC", r"B \text{ or } C"), ("BC", "B"),
    ("B", "B. C."), ("B", "(B)(C)"), ("B", "B. both C and D"), ("B", "B, C"), ("B", "B or C"),
    ("B", "B. A. C. D."), ("B", "B) or C)"), ("B", "B. C and D"), ("B", r"\text{B or not}"),
    ("B", "B. I think"), ("B", "B. is wrong"), ("15", "15或16"), (r"\$5, \$10", "5"),
    ("9:40", "9.4"), ("9:40", "40:9"), ("9:05", "9:5"), ("4:25", "4:26"), ("2:30 pm", "2:30 am"),
    ("3 cm and 4 cm", "3 cm"), ("3 cm and 4 cm", "3 cm, 5 cm"), ("3 cm, 4 m", "3 m, 4 cm"),
    ("1:2:3", "a:b = 1:2"), ("1:2:3", "a:b:c = 1:3:2"),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "answer"), RIGHT)
def test_right(reference: str, answer: str) -> None:
    assert status(reference, answer) == "correct"


@pytest.mark.parametrize(("reference", "answer"), WRONG)
def test_wrong(reference: str, answer: str) -> None:
    assert status(reference, answer) == "wrong"


@pytest.mark.parametrize(
    "answer",
    [
        "(.1)/(0) is the answer",
        r"\sin(" + "+".join(rf"\frac{{1}}{{{n}^{{900{n}}}}}" for n in range(3, 73)) + ") hours^9^9",
    ],
)
def test_a_value_that_is_none_or_too_costly_is_wrong_before_a_unit(answer: str) -> None:
    assert VERIFY(case_problem("3.25"), answer).status == "wrong"


@pytest.mark.parametrize(
    ("reference", "answer", "prompt", "expected"),
    [
        ("17", "17 quarters", "How many quarters does she have?", "correct"),
        ("17", "17 quarters", "How long is it?", "wrong"),
        ("17", "17 dozens", "How many dozens of rolls are there?", "correct"),
        ("17", "17 candy", "How much candy is left?", "correct"),
        ("17", "17 candy", "", "wrong"),
        ("17", "17 wrong", "How many are wrong?", "wrong"),
        ("17", "17 thirds", "She ate two thirds of the cake. How many grams?", "wrong"),
        ("17", "17 maybe", "Maybe she is right. How many?", "wrong"),
        ("1", "1 pen", "", "correct"),
        ("1/2", r"\frac12\text{ cake}", "", "correct"),
        ("1", "1 unlikely", "", "wrong"),
    ],
)
def test_the_problem_says_what_is_counted(
    reference: str, answer: str, prompt: str, expected: str
) -> None:
    assert status(reference, answer, prompt) == expected


def test_units_required_means_a_noun_or_a_unit() -> None:
    problem = case_problem("17 pens")
    assert VERIFY(problem, "\\boxed{17}", units="required").status == "wrong"
    assert VERIFY(problem, "\\boxed{17 pens}", units="required").status == "correct"


def test_every_unit_of_the_table_has_a_size() -> None:
    assert all(size.factor > 0 and size.powers for size in UNITS.values())
    assert unit("kWh") == unit("kW h")
    assert unit("mi/h") == unit("mph")
