r"""A question said again has the right value, and answers nothing.

`+` is correct, `-` wrong. The pads are put around the questions of the shipped arithmetic.
"""

from __future__ import annotations

import time

import pytest
from rlvr.tasks import algebra, arithmetic
from rlvr.verifiers import math
from support import growth

from rlvr.maths.effort import Costly, allowance, spend
from rlvr.verify.verifier import Verify, case_problem, load_verifier

STATUS = {"+": "correct", "-": "wrong"}
VERIFY: Verify = math.verify

PADS = (
    "%s", "(%s)", "%s/1", "(%s)/1", r"\frac{%s}{1}", "(%s)^1", "(%s)*1", "1*(%s)", "%s+0", "0+%s",
    "%s-0", "%s+0x", "(%s)x^0", "-(-(%s))", "+(%s)", "|%s|", r"\left|%s\right|", r"\max(%s,0)",
    r"\min(%s,10^9)", r"\gcd(%s,0)", r"\lfloor %s\rfloor", r"\lceil %s\rceil", r"\sqrt{(%s)^2}",
    r"\sqrt[3]{(%s)^3}", r"\ln(e^{%s})", r"e^{\ln(%s)}", r"\log_{2}(2^{%s})", r"10^{\log(%s)}",
    "1/(1/(%s))", r"\frac{1}{\frac{1}{%s}}", "((%s)!)/((%s)!)*(%s)", r"\binom{%s}{1}", "(%s)/(1!)",
    r"\sin(\pi/2)*(%s)", "i^4*(%s)", r"(%s)\cdot\frac{2}{2}", "100*(%s)/100", r"100(%s)\%%",
    "x=%s", "x = (%s)/1", "n=%s=%s", "%s=%s", r"\text{Sum} = %s", r"(%s)\text{ apples}", r"\$(%s)",
    "(%s)^\\circ", r"\{%s\}", "[%s]", "(%s,)", "%s or %s", r"%s \pm 0", r"x \in \{%s\}",
    r"\begin{pmatrix}%s\end{pmatrix}", r"\boxed{%s}", "%s%%/100%%", "%s_{10}", "%s:1", "0.5*2(%s)",
    r"\frac{2(%s)}{2}", r"\frac{\pi(%s)}{\pi}", r"\sqrt{2}\sqrt{2}(%s)/2", "1e0*(%s)",
    r"(%s)\times10^0", "2^0(%s)", "0!(%s)", r"\cos(0)(%s)", r"\arctan(\tan(%s))", "Re(%s)",
)  # fmt: skip


def judged(reference: str, answer: str) -> str:
    return str(VERIFY(case_problem(reference), f"So it is $\\boxed{{{answer}}}$.").status)


@pytest.mark.parametrize("level", arithmetic.LEVELS)
def test_no_pad_makes_an_answer_of_a_question(level: int) -> None:
    earned = []
    for problem in arithmetic.problems("eval", 4, levels=[level]):
        question = problem.prompt.removesuffix("=")
        for pad in PADS:
            answer = pad.replace("%s", question).replace("%%", "%")
            for completion in (answer, f"\\boxed{{{answer}}}", f"The answer is ${answer}$."):
                if VERIFY(problem, completion).status != "wrong":
                    earned.append((problem.reference, completion))
    assert not earned


@pytest.mark.parametrize("n", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_no_padding_hides_the_form_of_an_expansion(n: int) -> None:
    verify = load_verifier("algebra").verify
    for problem in algebra.problems("eval", n, levels=["expand"]):
        question = problem.prompt.removeprefix("Expand and collect ").strip().rstrip(".")
        for pad in ("%s", "0" + " " * 200 + "+%s", " " * 3000 + "%s", "y = %s", "%s + 0", "1*(%s)",
                    "%s = %s", r"\left(%s\right)", r"\text{" + " " * 200 + "} %s"):  # fmt: skip
            answer = pad.replace("%s", question)
            for completion in (answer, f"\\boxed{{{answer}}}", f"Answer: ${answer}$"):
                assert verify(problem, completion).status == "wrong", completion
        assert verify(problem, f"\\boxed{{{' ' * 300}{problem.solution}}}").status == "correct"


@pytest.mark.parametrize(
    ("reference", "answer", "expected"),
    [
        # What stands as it is.
        ("46", "46", "+"), ("46", "+46", "+"), ("-46", "-46", "+"), ("1024", "2^{10}", "+"),
        ("4", r"\sqrt{16}", "+"), ("120", "5!", "+"), ("10", r"\binom{5}{2}", "+"),
        ("5/6", "10/12", "+"), ("5/6", "-5/-6", "+"), ("1/8", "2^{-3}", "+"),
        ("4600", r"4.6\times10^3", "+"), ("0.28", r"28\%", "+"), ("0.5", "1/2", "+"),
        ("46", "x = 46", "+"), ("46", "12+34 = 46", "+"), ("46", r"46\text{ apples}", "+"),
        (r"\frac{\sqrt3}{2}", r"\frac{\sqrt3}{2}", "+"),
        (r"\frac{\sqrt2}{2}", r"\frac{1}{\sqrt2}", "+"),
        (r"1+\sqrt5", r"\sqrt5+1", "+"), (r"2+2\sqrt3", r"2(1+\sqrt3)", "+"),
        (r"\frac{3\pi}{4}", r"0.75\pi", "+"), (r"\ln 8", r"3\ln 2", "+"), ("3+4i", "4i+3", "+"),
        (r"e^{16}-1", r"\exp(16)-1", "+"),
        # An unfinished reference may be answered in kind.
        ("2^{99}-1", "2^{99}-1", "+"), ("3^2*5", "5*3^2", "+"), ("12+34", "46", "+"),
        ("10/2", "5", "+"), ("|-2|", "2", "+"), (r"2^5\cdot 3", "96", "+"),
        (r"2^5\cdot 3", r"3\cdot 32", "+"), (r"2\cdot3\cdot5", r"6\cdot 5", "+"),
        (r"2^{99}-2", "2(2^{98}-1)", "+"), (r"12\cdot5+3", "60+3", "+"),
        (r"2^{99}-1", r"\frac{2^{100}-2}{2}", "+"), ("12+34", "34+12", "+"),
        # But not with longer sums, or with plain numbers that it does not have.
        ("2^{99}-1", r"\sum_{k=0}^{98}2^k", "-"), ("2^{99}-1", "2^{98}+2^{98}-1", "-"),
        (r"2^5\cdot 3", "97-1", "-"), (r"2^5\cdot 3", r"2\cdot48", "-"),
        (r"2^5\cdot 3", "192/2", "-"), (r"2^5\cdot 3", r"\max(96,0)", "-"),
        ("12+34", "12+30+4", "-"),
        # What is left undone, in each type of answer.
        ("5", "10/2", "-"), ("5/6", "1/2+1/3", "-"), ("1/6", r"\frac12\cdot\frac13", "-"),
        ("3", r"\log_2 8", "-"), ("1/2", r"\sin 30^\circ", "-"), ("-1", "i^2", "-"),
        (r"\frac{\sqrt3}{2}", r"\sin 60^\circ", "-"), (r"3\sqrt3", r"2\sqrt3+\sqrt3", "-"),
        (r"\frac{\pi}{4}", r"\arctan 1", "-"), (r"6\pi", r"2\cdot3\pi", "-"),
        ("5+5i", "(1+2i)(3-i)", "-"), (r"3+2\sqrt2", r"(1+\sqrt2)^2", "-"),
        (r"\sqrt6", r"\sqrt2\sqrt3", "-"), ("0", "x-x", "-"), ("46", "46+0x", "-"),
        (r"\{2,3\}", r"\{1+1,3\}", "-"), ("(2,3)", "(1+1,3)", "-"), ("[2,3]", "[1+1,3]", "-"),
        ("3:2", "(1+2):2", "-"), ("28%", r"(14+14)\%", "-"), (r"30^\circ", r"(15+15)^\circ", "-"),
        ("3 m", r"(100+200)\text{ cm}", "-"), ("3 m", r"300\text{ cm}", "+"),
        (r"\begin{pmatrix}2&0\end{pmatrix}", r"\begin{pmatrix}1+1&0\end{pmatrix}", "-"),
        (r"\begin{pmatrix}1/2&0\end{pmatrix}", r"\frac12\begin{pmatrix}1&0\end{pmatrix}", "+"),
        ("46", "12 m and 34 m", "-"), ("46", "12 hours 34 hours", "-"), ("46", "-(-46)", "-"),
        ("200", "3 hours 20 minutes", "+"), ("46", "--46", "-"),
        (r"2\sqrt3", r"\max(2\sqrt3,2\sqrt3)", "-"), (r"\frac{3\pi}{4}", r"|\frac{3\pi}{4}|", "-"),
        ("3:2", "0:0", "-"), ("3:2", "6:4", "+"), ("2:1:5", "0:0:0", "-"), ("3:0", "6:0", "+"),
        ("2, 3", "1+1, 3", "-"), ("x=2 or x=3", "x=1+1 or x=3", "-"),
        # An equation or an inequality that was to be solved.
        ("x=3", "2x=6", "-"), ("x=3", "3=x", "+"), ("x=3", "x=6/2", "-"), ("x>3", "2x+1>7", "-"),
        ("x>3", "3<x", "+"), ("(-1,3)", "-1<x<3", "+"), ("(-1,3)", "|x-1|<2", "-"),
        ("(-1,3)", "-3<2x-1<5", "-"), ("|x|<3", "|x|<3", "+"), ("2x+y=3", "4x+2y=6", "+"),
    ],
)  # fmt: skip
def test_an_answer_is_worked_out_as_far_as_its_reference(
    reference: str, answer: str, expected: str
) -> None:
    assert judged(reference, answer) == STATUS[expected]


@pytest.mark.parametrize("answer", ["12+34", "10/2", r"\log_2 8", "i^2"])
def test_the_policy_can_be_switched_off(answer: str) -> None:
    verdict = VERIFY(case_problem(answer), f"\\boxed{{{answer}}}", arithmetic="accepted")
    assert verdict.status == "correct"


# --- cost ------------------------------------------------------------------------------------

TERMS = range(2, 130)
COSTLY = (
    r"\binom{\pi}{e}+10^{5900}", "+".join(rf"\arctan {k}" for k in TERMS) + "+10^{5900}",
    "+".join(rf"\tan {k}" for k in TERMS) + "+10^{5900}",
    "+".join(rf"1/{k}^{{{90000 // k}}}" for k in TERMS),
    r"\lcm(" + ",".join(f"{k}^{{30000}}" for k in TERMS) + ")",
    r"x \ne " + ",".join(rf"\sqrt{{{k * k + 1}}}" for k in range(2, 167)),
    r"((x+z+1)^{19}+1)^{20}=\frac{1}{(x-z)^{20}+3}", r"\frac{1}{0}+x+y=0", r"\emptyset x=5",
    "y=x" + "+1" * 500, r"(i^2)!", r"\max(i^2,1)", r"(\sqrt{-4}\sqrt{-1})!", r"\gcd(i^2,4)",
    r"\{" + ",".join(map(str, range(400))) + r"\}", "(" * 50 + "x" + "^{99})" * 50,
    r"\Gamma", "9" * 1999, "1." + "3" * 1900, r"\sqrt[3]{" * 30 + "2" + "}" * 30,
    r"2^{2^{2^{2^{2^{2}}}}}!", r"\sin(" * 40 + "10^{90}" + ")" * 40, r"\pi^{e^{\pi^{e^{\pi}}}}",
)  # fmt: skip
READABLE = (
    "5", "1/3", r"\sqrt{17}", r"\pi", "x^2+1", "2x+z=1", "y=2x", "x>3", "(0,9)", r"\{1,2\}", "A",
    r"x \ne 2", "(3,4)", "3:2", r"\begin{pmatrix}1&2\end{pmatrix}", "5 m", "1010_2", "3:30 pm",
    "e^x", r"\ln 2", "2, 3", "3+4i", "1/2^{99}", "x^2+y^2=25", "no", "10!", r"30^\circ",
)  # fmt: skip


THIRD = READABLE[::3]
REST = [reference for reference in READABLE if reference not in THIRD]


@pytest.mark.parametrize(
    "reference", [*THIRD, *(pytest.param(one, marks=pytest.mark.slow) for one in REST)]
)
def test_cost_buys_neither_an_abstain_nor_an_error(reference: str) -> None:
    bought, slow = [], []
    for answer in COSTLY:
        begun = time.process_time()
        status = judged(reference, answer)
        if time.process_time() - begun > growth.BOUNDED:
            slow.append(answer[:60])
        if status != "wrong":
            bought.append((answer[:60], status))
    assert not bought
    assert not slow


def test_work_is_counted_and_an_outer_allowance_kept() -> None:
    with allowance(10):
        spend(9)
        with allowance(1000), pytest.raises(Costly):
            spend(1001)
        spend(1)
        with pytest.raises(Costly):
            spend(1)
    spend(10**12)  # no allowance, no limit
