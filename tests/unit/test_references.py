"""References as benchmarks write them, and the answers that they take."""

from __future__ import annotations

import pytest
from rlvr.verifiers import math

from rlvr.maths.references import stated
from rlvr.verify.verifier import Verify, case_problem

VERIFY: Verify = math.verify

# A reference, answers that are right, answers that are wrong.
ROWS: list[tuple[str, list[str], list[str]]] = [
    ("6 (pens)", ["6", "6 pens", "6 (pens)", r"6\text{ pens}", "6.0"],
     ["5", "5 pens", "6 dollars", "6 cups", "6 (wrong)", "6 dozen"]),
    ("40 (dollars)", ["40", r"\$40", "40 dollars", r"\$40.00", "4000 cents"],
     ["40 cents", "40 euros", "40 pens"]),
    ("12 (quarters)", ["12", "12 quarters"], ["3", "12 dimes"]),
    ("9 (years old)", ["9", "9 years old", "9 years"], ["9 months"]),
    ("14 (slices of cake)", ["14", "14 slices", "14 slices of cake"], ["14 boxes of cake"]),
    ("25 (sq. feet)", ["25", "25 square feet", r"25\text{ ft}^2"], ["25 feet", "25 square inches"]),
    ("8 (flash drive)", ["8", "8 flash drives"], ["9 flash drives"]),
    ("32 (third graders)", ["32", "32 third graders"], ["32 thirds"]),
    ("2.5 (kilograms of rice)", ["2.5", "2500 grams", "2.5 kg"], ["2.5 grams"]),
    (r"$3 \frac{2}{5}$ hours", [r"\frac{17}{5}", "3.4 hours", r"3\frac25\text{ h}", "204 minutes"],
     ["3", "3.4 minutes"]),
    (r"$7: 45$ AM", ["7:45 AM", "7:45 a.m."], ["7:45 PM", "7:46 AM"]),
    ("Each has 3.\nSo 3*5 = <<3*5=15>>15\n#### 15", ["15"], ["3", "5"]),
    ("It is worth $1,200.\n#### 1,200\n", ["1200", r"\$1{,}200"], ["1", "200"]),
    (r"We see that 2 + 9 = 11, and so the sum of all of them is $\boxed{11}$.", ["11"], ["2", "9"]),
    ("First we take away 4.\n\nHence the sum is $\\boxed{\\frac{1}{3}}$.", ["1/3"], ["4", "3"]),
    (r"n=\boxed{6}", ["6", "n=6"], ["5"]),
    (r"The answer is \boxed{5}", ["5", "x = 5"], ["6"]),
    (r"We get $x=\boxed{5}$.", ["5"], ["6"]),
    (r"\boxed{5}\text{ apples}", ["5", "5 apples"], ["6 apples"]),
    (r"\boxed{6}", ["6"], ["5"]),
    (r"\boxed{5} and \boxed{6}", ["5, 6", r"6\text{ and }5"], ["5", "6", "5, 7"]),
    (r"0 and $(3,-1)$", ["0, (3,-1)"], ["0", "(3,-1)", "0, (-1,3)"]),
    ("converges", ["converges", r"\text{Converges}"], ["diverges", "5"]),
    ("No solution", [r"\text{no solution}", "No solution."], ["0", r"\text{one solution}"]),
    ("The median is $4/7$.", ["4/7", r"\frac47"], ["7/4", "4"]),
    (r"Solution is: $[x=2, y=3]$", ["x=2, y=3"], ["x=3, y=2", "2"]),
    (r"$-2 \leqslant x \leqslant 5:[-2,5]$", ["[-2,5]", r"-2 \le x \le 5"], ["[-2,5)", "(-2,5)"]),
    (r"10 and $17.5 \mathrm{~min}$", ["10, 17.5", "10 min, 17.5 min"], ["10", "10 h, 17.5 h"]),
    (r"$240 \mathrm{ft}^{2}, 300 \mathrm{in}^{2}$", ["240, 300"], ["240", "240, 301"]),
    (r"$9.5 \mathrm{ft} / \mathrm{sec}$", ["9.5", "9.5 ft/s"], ["9.5 m/s", "9.5 ft"]),
    (r"$9.5 \mathrm{~km} / \mathrm{hr}$", ["9.5", "9.5 km/h"], ["9.5 m/s", "9.4"]),
    (r"$25 \mathrm{~min}$", ["25", "25 minutes"], ["25 hours"]),
    (r"$x \approx 4.25$", ["4.25", "x = 4.25"], ["x", "4.2"]),
    ("$\\approx 4.25$ miles/s", ["4.25", "4.25 miles/s"], ["4.26", "4.25 miles"]),
    ("120 adult, 45 child", ["120, 45"], ["120", "45, 121"]),
    ("$Q(5)=7.5$ (pounds)", ["Q(5)=7.5", "Q(5)=7.5 (pounds)"], ["Q(5)=7.6"]),
    (r"x=3 \text{ cm}, y=4 \text{ cm}", ["x=3, y=4"], ["x=4, y=3"]),
    ("$5;$30", ["5, 30"], ["5", "30"]),
    (r"(t, 2t-1, t) for all real numbers $t$", ["(t, 2t-1, t)"], ["(t, 2t, t)"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "answer"), [(row[0], answer) for row in ROWS for answer in row[1]]
)
def test_right(reference: str, answer: str) -> None:
    assert VERIFY(case_problem(reference), f"So \\boxed{{{answer}}}.").status == "correct"


@pytest.mark.parametrize(
    ("reference", "answer"), [(row[0], answer) for row in ROWS for answer in row[2]]
)
def test_wrong(reference: str, answer: str) -> None:
    assert VERIFY(case_problem(reference), f"So \\boxed{{{answer}}}.").status == "wrong"


@pytest.mark.parametrize("reference", [row[0] for row in ROWS if "boxed" not in row[0]])
def test_a_reference_answers_itself(reference: str) -> None:
    if "####" in reference:
        return
    text = reference.removeprefix("$").removesuffix("$")
    assert VERIFY(case_problem(reference), f"So $\\boxed{{{text}}}$.").status == "correct"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("5 apples", "5 apples"),
        ("a\n#### 5", "5"),
        ("#### 5\nand then 6", "#### 5\nand then 6"),
        (r"x=\boxed{5}", "x= 5"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{5", r"\boxed{5"),
        ("It is $\\boxed{5}$ first.\n\nThen the last of them all is $\\boxed{6}$", "6"),
        (r"So the sum is \boxed 5.", "5"),
        (r"The two of them make $\fbox{7}$ in all.", "7"),
        (r"They are at a height of $-\boxed{5}$ below it.", "- 5"),
        ("The two steps are done.\n\n$$x = 2 + \\boxed{3}$$", "x = 2 +  3"),
        ("The two steps are done.\n\n\\[x = 2 + \\boxed{3}\\]", "x = 2 +  3"),
        (r"There are 2\times\boxed{5} of them.", r"There are 2\times\boxed{5} of them."),
    ],
)
def test_what_a_reference_states(text: str, answer: str) -> None:
    assert stated(text) == answer
