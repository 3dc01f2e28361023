"""The math verifier against tables: (reference, answer in a box, expected), and whole completions.

`+` is correct, `-` wrong, `?` abstain. Attacks and near misses carry a `!` in front.
"""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import Verdict
from rlvr.verify import case_problem, load_verifier

STATUS = {"+": "correct", "-": "wrong", "?": "abstain"}
VERIFY = load_verifier("math").verify


def judge(reference: Any, completion: str, **options: Any) -> Verdict:
    return VERIFY(case_problem(reference), completion, **options)


SHARED = [json.loads(line) for line in (Path(__file__).parent / "cases/math.jsonl").read_text().splitlines()]

BOXED: dict[str, list[tuple[Any, str, str]]] = {
    "integers": [
        ("42", "42", "+"), (42, "42", "+"), ("42", "042", "+"), ("-7", "-7", "+"), ("-7", "−7", "+"),
        ("7", "+7", "+"), ("42", "42.0", "+"), ("42", "42.", "+"), ("1000", "1{,}000", "+"),
        ("1000", r"1\,000", "+"), ("1234567", "1 234 567", "+"), ("12", r"\text{12}", "+"), ("12", r"\mathbf{12}", "+"),
        ("12", "$12$", "+"), ("10", "2*5", "+"), ("10", r"2\times5", "+"), ("120", "5!", "+"), ("-7", "-(7)", "+"),
        ("7", "-7", "!-"), ("42", "24", "!-"), ("42", "421", "!-"), ("42", "4 2", "!-"), ("1000", "1,00,0", "!-"),
        ("1000", "1.000", "!-"), ("42", "42x", "!-"), ("0", "-0", "+"), ("0", "", "!-"), ("0", "O", "!-"),
        ("123456789012345678901", "123456789012345678901", "+"),
        ("123456789012345678901", "123456789012345678902", "!-"), ("1", "1/1", "+"), ("1", "0.9999999999999999", "!-"),
        ("1", r"0.\overline{9}", "+"), ("42", "nan", "!-"), ("42", "inf", "!-"), ("42", r"\infty", "!-"),
        ("42", "True", "!-"), ("1", "True", "!-"), ("42", "?", "!-"), ("42", "...", "!-"), ("4", "2+2", "+"),
        ("4", "2+2=5", "!-"), ("5", "2+2=5", "!-"), ("4", "2+2=4", "+"), ("12", "٣", "!-"), ("3", "３", "+"),
    ],
    "fractions": [
        ("1/3", r"\frac{1}{3}", "+"), ("1/3", r"\dfrac{1}{3}", "+"), ("1/3", r"\tfrac13", "+"), ("1/3", "2/6", "+"),
        ("1/3", r"\frac1{3}", "+"), ("1/3", r"\frac{1}3", "+"), (r"\frac{1}{2}", "0.5", "+"), ("1/2", "½", "+"),
        ("-1/2", r"-\frac12", "+"), ("-1/2", r"\frac{-1}{2}", "+"), ("-1/2", r"\frac{1}{-2}", "+"),
        ("1/3", "3/1", "!-"), ("1/3", r"\frac31", "!-"), ("1/3", "-1/3", "!-"), ("1/3", "0.33", "!-"),
        ("1/3", "0.333333", "+"), ("1/3", "0.3334", "!-"), ("1/3", "0.333334", "!-"), ("2/3", "0.666667", "+"),
        ("2/3", "0.666666", "!-"), ("1/3", "1/0", "!-"), ("1/3", r"\frac{0}{0}", "!-"), ("1/0", "1/0", "?"),
        ("2/4", "1/2", "+"), ("11/13", r"\frac{11}{13}", "+"), ("1/8", "0.125", "+"), ("1/8", "0.13", "!-"),
        ("1/128", "0.007813", "!-"), ("1/3", r"1 \over 3", "!-"), ("3/4", "3 / 4", "+"), ("3/4", r"3\div4", "+"),
        ("7/3", r"\frac{7}{3", "!-"),
    ],
    "decimals": [
        ("0.5", ".5", "+"), ("0.5", "0.50", "+"), ("0.5", "1/2", "+"), ("3.14", r"\pi", "!-"), (r"\pi", "3.14", "!-"),
        (r"\pi", "3.14159", "+"), (r"\pi", "3.14160", "!-"), (r"\pi", "22/7", "!-"), ("3.14159265", "3.14159", "!-"),
        (r"\sqrt{2}", "1.41421356", "+"), (r"\sqrt{2}", "1.41421357", "!-"), (r"\sqrt{2}", "1.41", "!-"),
        (r"\sqrt2", r"\sqrt{2}\approx 1.414", "+"), ("0.1", "0.10000000000000001", "!-"), ("0.3", "0.30000001", "!-"),
        ("1.5e10", r"1.5\times10^{10}", "+"), ("1.5e10", "15000000000", "+"), ("1.5e10", r"1.5\times10^{11}", "!-"),
        ("6.02e23", r"6.02 \cdot 10^{23}", "+"), ("2.5", "2,5", "!-"), ("2.5", "25", "!-"), ("0.05", "0.5", "!-"),
        ("1e-3", "0.001", "+"), (0.5, "1/2", "+"), (float("nan"), "0", "?"), (float("inf"), "0", "?"),
        ("12345.678", "12,345.678", "+"),
    ],
    "percent": [
        ("28%", r"28\%", "+"), ("28\\%", "28%", "+"), ("28%", "28 percent", "+"), ("28%", r"28\text{ percent}", "+"),
        ("28%", "0.28", "+"), ("28%", "7/25", "+"), ("28%", "28", "-"), ("28", "28%", "-"), ("28%", "2.8%", "!-"),
        ("0.28", "28%", "+"), ("100%", "1", "+"), ("5%", "0.5", "!-"), ("12.5%", "1/8", "+"), ("28%", "28%%", "!-"),
    ],
    "mixed and repeating": [
        ("9/4", r"2\frac14", "+"), ("9/4", "2 1/4", "+"), ("-9/4", r"-2\frac{1}{4}", "+"), ("9/4", "2½", "!-"),
        ("5/2", "2½", "+"), (r"2\frac{1}{4}", "2.25", "+"), (r"2\frac14", r"\frac24", "!-"), ("1/2", r"2\frac14", "!-"),
        (r"4\frac{4}{9}", "4", "!-"), (r"4\frac{4}{9}", "4/9", "!-"), (r"4\frac{4}{9}", "16/9", "!-"),
        ("9/4", "21/4", "!-"), ("1/3", r"0.\overline{3}", "+"), ("1/3", r"0.\bar{3}", "+"), ("1/6", r"0.1\overline{6}", "+"),
        ("1/3", "0.(3)", "+"), ("1/3", r"0.\dot{3}", "+"), ("1/3", r"0.333\ldots", "+"), ("1/3", "0.333...", "-"),
        ("1/6", r"0.\overline{16}", "!-"), (r"0.\overline{142857}", "1/7", "+"), ("1/7", "0.142857", "+"),
        (r"0.\overline{3}", "0.3", "!-"), ("12/99", r"0.\overline{12}", "+"),
    ],
    "huge and tiny": [
        ("2^{100}", "1267650600228229401496703205376", "+"), ("2^{100}", "1267650600228229401496703205377", "!-"),
        ("1/2^{99}", "2^{-99}", "+"), ("0", "1/2^{99}", "!-"), ("0", "10^{-300}", "!-"), ("1", "1+10^{-60}", "!-"),
        (r"\sqrt2", r"\sqrt2+10^{-400}", "!-"), ("10^{50}", "10^{50}+1", "!-"), ("5", "5^{5^{5^{5^{5}}}}", "!-"),
        ("5", "-5^{5^{5^{5^{5}}}}", "!-"), ("5", "5^{5^{5^{5^5}}}+5", "!-"), ("0", "5^{-5^{5^{5^5}}}", "!-"),
        ("10^{10^{10}}", "10^{10^{10}}", "+"), ("10^{10^{10}}", "10^{10^{11}}", "!-"), ("10^{10^{10}}", "100^{5000000000}", "+"),
        ("5", "1000000!", "!-"), ("5", "9!!!!!!!!!", "!-"), ("5", "((((" * 30 + "5" + "))))" * 30, "!-"),
        ("5", "9" * 5000, "!-"), ("5", "1+" * 900 + "1", "!-"), ("5", "{" * 500 + "5" + "}" * 500, "!-"),
        ("5", r"\frac{1}{" * 100 + "5" + "}" * 100, "!-"), ("5", r"\sqrt{" * 100 + "5" + "}" * 100, "!-"),
        ("5", "-" * 300 + "5", "!-"), ("5", "1" + "*1" * 900, "!-"), ("5", "(x+1)^{1000000000}", "!-"),
        ("5", r"\binom{10^9}{5\cdot10^8}", "!-"), ("5", "2^{2^{2^{2^{2^{2^{2}}}}}}", "!-"), ("5", "0^{-1}", "!-"),
        ("5", "1e999999999", "!-"), ("5", "10^{-10^{10}}", "!-"), ("5", r"e^{e^{e^{e^{e}}}}", "!-"),
    ],
    "constants": [
        (r"\sqrt{8}", r"2\sqrt{2}", "+"), (r"2\sqrt2", r"\sqrt{2}", "!-"), (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt2}", "+"),
        (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "+"), (r"2\pi", r"\pi\cdot 2", "+"), (r"2\pi", "2π", "+"), (r"2\pi", "2", "!-"),
        ("e^2", r"e\cdot e", "+"), (r"\ln 4", r"2\ln 2", "+"), (r"\log_2 8", "3", "+"), (r"\log 100", "2", "+"),
        (r"\sin 30^\circ", "1/2", "+"), (r"\cos\frac{\pi}{3}", "0.5", "+"), (r"\tan\frac{\pi}{4}", "1", "+"),
        (r"\sqrt[3]{-8}", "-2", "+"), (r"8^{2/3}", "4", "+"), (r"\binom{5}{2}", "10", "+"), (r"|{-3}|", "3", "+"),
        (r"\lfloor 2.7\rfloor", "2", "+"), (r"\gcd(12,18)", "6", "+"), (r"\sqrt{-1}", "i", "+"), ("sqrt(3)/2", r"\frac{\sqrt3}{2}", "+"),
        (r"\sqrt{17}", "√17", "+"), (r"\sqrt{17}", r"\sqrt{71}", "!-"), (r"e^{\pi\sqrt{163}}", "262537412640768744", "!-"),
        (r"\sqrt{2}+\sqrt{3}", r"\sqrt{5+2\sqrt6}", "+"), (r"\sqrt{2}+\sqrt{3}", r"\sqrt5", "!-"), (r"\arctan 1", r"\frac\pi4", "+"),
    ],
    "expressions": [
        ("x^2+2x+1", "(x+1)^2", "+"), ("(x+1)(x-1)", "x^2-1", "+"), ("x^2-1", "x^2+1", "!-"), ("2x", "x*2", "+"),
        ("2x", "2y", "!-"), ("x", "X", "!-"), ("xy", "yx", "+"), (r"\frac{x^2-1}{x-1}", "x+1", "+"), ("|x|", "x", "!-"),
        (r"\sqrt{x^2}", "|x|", "+"), (r"\sqrt{x^2}", "x", "!-"), (r"\sin^2 x+\cos^2 x", "1", "+"), (r"\sin 2x", r"2\sin x\cos x", "+"),
        (r"\sin 2x", r"2\sin x", "!-"), ("x^{-1}", r"\frac1x", "+"), ("x_1+x_2", "x_2+x_1", "+"), ("x_1", "x_2", "!-"),
        ("2x+3", "2x+3+0", "+"), ("2x+3", "y=2x+3", "+"), ("2x+3", "f(x)=2x+3", "+"), ("2x+3", "y=2x+4", "!-"),
        ("a^2b", "a^{2}b", "+"), ("a^2b", "a^{2b}", "!-"), ("n!", "n(n-1)!", "+"), ("x+C", "x+c", "-"),
        (r"e^{2x}", r"(e^x)^2", "+"), (r"\ln(xy)", r"\ln x \ln y", "!-"), ("x^2", "x^2+10^{-50}", "!-"),
        (r"\theta+1", r"1+\theta", "+"), ("3x", "3", "!-"), ("x", "5", "!-"), ("abc", "cab", "!-"), ("x^2+y^2", "(x+y)^2", "!-"),
        ("x^{10}-1", "(x^5-1)(x^5+1)", "+"), (r"-\frac{1}{x}", r"\frac{-1}{x}", "+"), ("6x^2", "(2x)(3x)", "+"),
    ],
    "equations": [
        ("y=2x+1", "y=2x+1", "+"), ("y=2x+1", "2x-y+1=0", "+"), ("y=2x+1", "y-1=2x", "+"), ("y=2x+1", "y=2x-1", "!-"),
        ("y=2x+1", "2x+1", "!-"), ("y=2x+1", "y>2x+1", "!-"), ("x=5", "5", "+"), ("5", "x=5", "+"), ("x=5", "x=5", "+"),
        ("x=5", "5=x", "+"), ("x=5", "y=5", "!-"), ("x=5", "x=6", "!-"), ("x=5", "x>5", "!-"), ("5", "x\\ne5", "!-"),
        ("5", "41=5", "!-"), ("5", "5=x=7", "!-"), ("5", "x=2+3=5", "+"), ("5", "x=5=6", "!-"), ("x^2+y^2=4", "x^2+y^2-4=0", "+"),
        ("x^2+y^2=4", "x^2+y^2=2", "!-"), ("x^2+y^2=4", "2x^2+2y^2=8", "+"), ("xy=1", r"y=\frac1x", "+"), ("xy=1", "y=x", "!-"),
        ("y=x", "0=0", "!-"), ("y=x", "y=y", "!-"), ("y=x", "x-x=0", "!-"), ("x=1/3", "x=0.333333", "+"), ("x=2", "x^2=4", "!-"),
        ("x=5, y=3", "y=3, x=5", "+"), ("x=5, y=3", "x=3, y=5", "!-"), ("x=5, y=3", "x=5", "!-"), ("f(x)=x^2", "x^2", "+"),
    ],
    "inequalities, intervals, unions": [
        ("x>3", "x>3", "+"), ("x>3", "3<x", "+"), ("x>3", r"x\ge3", "!-"), ("x>3", "x<3", "!-"), ("x>3", r"(3,\infty)", "+"),
        ("x>3", r"[3,\infty)", "!-"), ("x>3", "y>3", "!-"), ("x>3", "3", "!-"), (r"3<x\le5", "(3,5]", "+"), (r"3<x\le5", "[3,5)", "!-"),
        ("(3,5]", r"3<x\leq 5", "+"), ("(3,5]", r"x\in(3,5]", "+"), ("(3,5]", "(3,5)", "!-"), ("(3,5]", "[3,5]", "!-"), ("(3,5]", "3,5", "!-"),
        (r"(-\infty,3)\cup(5,\infty)", "x<3 \\text{ or } x>5", "+"), (r"(-\infty,3)\cup(5,\infty)", r"(5,\infty)\cup(-\infty,3)", "+"),
        (r"(-\infty,3)\cup(5,\infty)", r"(-\infty,3]\cup(5,\infty)", "!-"), (r"(-\infty,3)\cup(5,\infty)", r"(-\infty,3)", "!-"),
        (r"(-\infty,0)\cup(0,\infty)", r"\mathbb{R}\setminus\{0\}", "+"), (r"(-\infty,0)\cup(0,\infty)", r"x\ne0", "+"),
        (r"(-\infty,0)\cup(0,\infty)", r"\mathbb{R}", "!-"), ("[1,2]\\cup[2,3]", "[1,3]", "+"), ("[1,2)\\cup(2,3]", "[1,3]", "!-"),
        ("[0,9]", "[0,9]", "+"), ("[0,9]", "[0,9.0]", "+"), ("[0,9]", "\\{0,9\\}", "!-"), ("[0,9]", "(0,9)", "!-"), ("(0,9)", "0<x<9", "+"),
        (r"[\sqrt8,\infty)", r"[2\sqrt2,\infty)", "+"), (r"\mathbb{R}", r"(-\infty,\infty)", "+"), ("x+y<3", "y<3-x", "+"), ("x+y<3", "y>3-x", "!-"),
        ("x+y<3", "-x-y>-3", "+"), (r"\{x | x>3\}", "x>3", "+"), (r"(-\infty, 3)", "(3, -\\infty)", "!-"), ("(2,3)", r"(2,3)\cup(4,5)", "!-"),
        (r"(-\infty,3)\cup(5,\infty)", "x<3 \\text{ and } x>5", "!-"), ("2x<6", "x<3", "+"), ("-2x<6", "x>-3", "+"), ("-2x<6", "x<-3", "!-"),
    ],
    "sets, tuples, lists": [
        (r"\{1,2\}", r"\{2,1\}", "+"), (r"\{1,2\}", r"\{1,2,2\}", "+"), (r"\{1,2\}", r"\{1\}", "!-"), (r"\{1,2\}", r"\{1,2,3\}", "!-"),
        (r"\{1,2\}", "(1,2)", "!-"), (r"\{1,2\}", "[1,2]", "!-"), (r"\{1,2\}", "1,2", "+"), ("1, 2", "2, 1", "+"), ("1, 2", r"1 \text{ and } 2", "+"),
        ("1,2", r"\{1,2\}", "+"), ("1 or 2", "1 and 2", "+"), ("1 and 2", "1", "!-"), ("1", "1 and 2", "!-"), ("1", "1, 2", "!-"), ("1", "1,1", "!-"),
        ("(1,2)", "(2,1)", "!-"), ("(1,2)", "(1,2)", "+"), ("(1,2)", "(1,2,3)", "!-"), ("(1,2)", "[1,2]", "!-"), ("(1,2,3)", r"(1, 2, 3)", "+"),
        ("(1/2,3)", r"\left(\frac{1}{2}, 3\right)", "+"), (r"\pm 2", "2,-2", "+"), (r"\pm 2", "2", "!-"), ("2,-2", r"x=\pm2", "+"), ("2", r"\pm 2", "!-"),
        (r"1\pm\sqrt5", r"1+\sqrt5, 1-\sqrt5", "+"), ("1,2", "x=1 \\text{ or } x=2", "+"), ("1,2", "x=1, y=2", "!-"), (r"\emptyset", r"\{\}", "+"),
        (r"\emptyset", "0", "!-"), (r"\emptyset", r"\{0\}", "!-"), (r"\emptyset", r"\{\emptyset\}", "!-"), ("(1,234)", "(1,234)", "+"), ("(1,234)", "1234", "!-"),
        ("1, 2, 3", "1,2,4", "!-"), ("1, 2, 3", "1,2,3,4", "!-"), (r"\{(1,2),(3,4)\}", r"\{(3,4),(1,2)\}", "+"), (r"\{(1,2),(3,4)\}", r"\{(2,1),(3,4)\}", "!-"),
        ("41, 42, 43", "42", "!-"), ("42", "41, 42, 43", "!-"), ("42", r"\{42\}", "!-"), ("42", "41 or 42", "!-"), ("100, 200, 300", "100,200,300", "+"),
        (r"\langle 1,2\rangle", "(1,2)", "+"), ("(0,0)", "0", "!-"),
    ],
    "matrices": [
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&4\end{bmatrix}", "+"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,2],[3,4]]", "+"), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "[[1,3],[2,4]]", "!-"),
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1&2\end{pmatrix}", "!-"), (r"\begin{pmatrix}1\\2\end{pmatrix}", "(1,2)", "!-"),
        (r"\begin{pmatrix}1/2\\2\end{pmatrix}", r"\begin{pmatrix}0.5\\2\end{pmatrix}", "+"), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "-2", "!-"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{pmatrix}1&2\\3\end{pmatrix}", "!-"), (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", "!-"),
    ],
    "complex": [
        ("3+4i", "4i+3", "+"), ("3+4i", "3-4i", "!-"), ("3+4i", "3+4", "!-"), ("i", r"\sqrt{-1}", "+"), ("-1", "i^2", "+"), (r"e^{i\pi}", "-1", "+"),
        ("(1+i)^2", "2i", "+"), ("3+4i", "(3,4)", "!-"), ("5", "|3+4i|", "+"), (r"\frac{1}{i}", "-i", "+"), ("3+4i", "3+4j", "!-"), ("1+2i,1-2i", r"1\pm2i", "+"),
        (r"\frac{1+\sqrt{3}i}{2}", r"e^{i\pi/3}", "+"),
    ],
    "text and choices": [
        ("Tuesday", r"\text{Tuesday}", "+"), (r"\text{Tuesday}", "tuesday", "+"), ("Tuesday", "Thursday", "!-"), ("yes", "Yes", "+"), ("yes", "no", "!-"),
        ("Tuesday", "Tuesday or Monday", "!-"), ("no solution", "No solution.", "+"), ("even", "uneven", "!-"), ("B", "B", "+"), ("B", "(B)", "+"), ("(B)", "B", "+"),
        ("B", r"\text{(B)}", "+"), ("B", r"\textbf{(B)}\ 12", "+"), ("B", "b", "+"), ("B", "A", "!-"), ("B", "A, B", "!-"), ("B", "AB", "!-"), ("B", "ABCD", "!-"),
        ("B", "12", "!-"), ("B", "Blue", "!-"), ("Tuesday", "2", "!-"), ("2", "Tuesday", "!-"), ("?", "?", "?"), ("", "5", "?"), (None, "5", "?"), ("nan", "0", "?"),
        ("None of these", "none of these", "+"), (True, "1", "?"), ([1, 2], "1,2", "?"), (r"\@#", r"\@#", "?"), ("all real numbers", r"\mathbb{R}", "+"),
    ],
    "time, ratio": [
        ("3:30", "3:30", "+"), ("3:30", "3:03", "!-"), ("3:30 PM", "3:30 p.m.", "+"), ("3:30 PM", r"3\!:\!30\text{ PM}", "+"), ("3:30 PM", "15:30", "+"),
        ("3:30 PM", "3:30 AM", "!-"), ("3:30 PM", "3:30", "!-"), ("3:30", "3.5", "!-"), ("3:2", "3:2", "+"), ("3:2", "6:4", "+"), ("3:2", "2:3", "!-"),
        ("3:2", "3/2", "+"), ("12:00 AM", "0:00", "+"), ("3 PM", "3:00 PM", "+"), ("1:2:3", "2:4:6", "+"), ("1:2:3", "1:2", "!-"),
    ],
    "money and units": [
        (r"\$5", "5", "+"), (r"\$5", r"\$5.00", "+"), (r"\$5", "5 dollars", "+"), (r"\$5", "500 cents", "+"), (r"\$5", "5 cents", "!-"), (r"\$5", "€5", "!-"),
        ("5", r"\$5", "+"), (r"\$1,234.50", "1234.5", "+"), ("-\\$5", "-5", "+"), ("5 cm", r"5\text{ cm}", "+"), ("5 cm", "5", "+"), ("5 cm", "5 m", "!-"),
        ("5 m", "500 cm", "+"), ("5 m", r"5\text{ m}", "+"), ("5", "5 cm", "+"), ("12", "12 apples", "+"), ("12 apples", "12 oranges", "!-"), ("12", "12 dozen", "!-"),
        ("5000000", "5 million", "+"), ("5", "5 million", "!-"), (r"10\text{ cm}^2", r"10\text{ cm}^{2}", "+"), (r"10\text{ cm}^2", r"10\text{ cm}^3", "!-"),
        (r"10\text{ cm}^2", "10 square centimeters", "+"), (r"10\text{ cm}^2", r"10\text{ cm}", "!-"), ("60 km/h", "60 kilometers per hour", "+"), ("60 km/h", "60 mph", "!-"),
        ("60 km/h", "60 m/s", "!-"), ("2 hours", "120 minutes", "+"), ("2 hours", "2 minutes", "!-"), (r"30^\circ", "30", "+"), (r"30^\circ", "30 degrees", "+"),
        (r"30^\circ", r"\frac{\pi}{6}", "-"), (r"\frac{\pi}{6}", r"30^\circ", "-"), (r"30^\circ", r"60^\circ", "!-"), ("5", "5 or 6", "!-"), ("5", "5 minus 3", "!-"),
        ("2m", "2 m", "+"), ("x=5 \\text{ cm}", "5", "+"), ("5\\text{ cm}", "x=5", "+"), (r"20^\circ\text{C}", r"20^\circ F", "!-"), ("18 dollars", r"\$18", "+"),
    ],
    "base n": [
        ("1010_2", "1010_2", "+"), ("1010_2", "1010_{2}", "+"), ("1010_2", "1010", "+"), ("1010_2", "10", "-"), ("1010_2", "1011_2", "!-"), ("1010_2", "1010_3", "!-"),
        ("10", "1010_2", "+"), ("101", "101_2", "!-"), ("2A_{16}", "2A_{16}", "+"), ("2A_{16}", "2B_{16}", "!-"), ("2A_{16}", "42_{10}", "-"), ("12_2", "12_2", "?"),
        ("FF_{16}", r"\text{FF}_{16}", "+"), ("12", "12_2", "!-"),
    ],
    "hostile text": [
        ("5", "__import__('os').system('true')", "!-"), ("5", "exec('x')", "!-"), ("5", "lambda: 5", "!-"), ("5", "5;import os", "!-"), ("5", "(5).__class__", "!-"),
        ("5", r"\operatorname{eval}(5)", "!-"), ("5", r"\input{/etc/passwd}", "!-"), ("5", r"\def\x{5}\x", "!-"), ("5", "5\u202e6", "!-"), ("5", "\x00", "!-"),
        ("5", "5\x006", "!-"), ("56", "5\u200b6", "+"), ("5", "5#6", "!-"), ("5", "5@", "!-"), ("5", r"\boxed{5", "!-"), ("5", "5}", "!-"), ("5", "[5", "!-"), ("5", "5 5", "!-"),
        ("5", r"\phantom{4}5", "+"), ("5", "5 \\\\ 6", "!-"), ("5", r"5\%6", "!-"), ("5", "5...6", "!-"), ("5", "5 % 6", "!-"), ("5", "5//1", "!-"), ("5", "5 if True else 6", "!-"),
    ],
}  # fmt: skip

WHOLE: list[tuple[Any, str, str]] = [
    ("46", "46", "+"), ("46", " 46 \n", "+"), ("46", "46.", "+"), ("46", "47", "-"), ("46", "", "!-"), ("46", "46 46", "!-"), ("46", "464", "!-"), ("46", "12+34=46", "+"),
    ("47", "12+34=47", "!-"), ("46", "x=46", "+"), ("46", "The answer is 46.", "+"), ("46", "The answer is: 46", "+"), ("46", "**Answer:** 46", "+"), ("46", "Answer: $46$", "+"),
    ("46", "So the final answer is $46$ dollars.", "+"), ("46", "The answer is 47. The answer is 46.", "!-"), ("46", "The answer is 47. Wait, that is wrong: the answer is 46.", "+"),
    ("46", "The answer is not 46", "!-"), ("46", "The answer is 45 or 46", "!-"), ("46", "The answer is between 45 and 46", "!-"), ("46", "She has 12 + 34 = 46 apples.\n#### 46", "+"),
    ("46", "#### 46\n#### 47", "!-"), ("46", "#### 46 apples", "+"), ("46", "####", "!-"), ("46", "first line 46\nsecond line 47", "!-"), ("46", "In total she has 46 apples.", "+"),
    ("46", "In total she has 46 apples and 12 pears.", "!-"), ("46", "It is not 46", "!-"), ("46", "It is 45 or 46", "!-"), ("46", "The sum is 45 + 46", "!-"), ("5", "x^2 + 5", "!-"), ("5", "x^5", "!-"),
    ("5", "so we get 5^", "!-"), ("5", "so we get 2^{5", "!-"), ("5", "5^{5^{5^{5^5", "!-"), ("5", "y = \\frac{1}{5}", "!-"), ("5", "we get y = 3x + 5", "!-"), ("5", "Step 5", "!-"),
    ("42", "<think>42</think>", "!-"), ("42", "<think>it is \\boxed{42}", "!-"), ("42", "<think>\\boxed{41}</think>\\boxed{42}", "+"), ("42", "<think>\\boxed{42}</think>I don't know", "!-"),
    ("42", "\\boxed{42}", "+"), ("42", "\\boxed 42", "+"), ("42", "\\fbox{42}", "+"), ("42", "\\boxed{\\boxed{42}}", "+"), ("42", "\\boxed{42} and again \\boxed{42.0}", "+"),
    ("42", "\\boxed{41}\\boxed{42}", "!-"), ("42", "\\boxed{42}\\boxed{41}", "!-"), ("42", "\\boxed{42", "!-"), ("42", "\\boxed{41} \\boxed{42", "!-"), ("42", "\\boxed{}\\boxed{42}", "+"),
    ("42", "\\boxed{42} \\boxed{}", "!-"), ("42", "\\boxed{41}. Correction: \\boxed{42}", "+"), ("42", "\\boxed{40}. Correction: \\boxed{41}. Correction: \\boxed{42}", "!-"),
    ("42", "\\boxed{42}. Correction: \\boxed{41}. Correction: \\boxed{42}", "!-"), ("42", "\\boxed{41}, the answer is 42", "!-"), ("42", "\\boxed{42} The answer is 41", "+"),
    ("42", "\\boxed{41 \\text{ or } 42}", "!-"), ("42", "\\boxed{\\text{the answer is } 42}", "-"), ("42", "$$x = 42$$", "+"), ("42", "Thus\n\\[\nx = 42\n\\]", "+"), ("42", "Thus $x = 42$.", "+"),
    ("42", "Thus $x = 42 + y$.", "!-"), ("42", "Thus $x = 42$ or $x = 41$.", "!-"), ("1/2", "The answer is \\frac{1}{2}.", "+"), ("1/2", "The answer is 1/2", "+"), ("1/2", "we find 1/2", "+"),
    ("2", "we find 1/2", "!-"), ("18", "She makes 9 * 2 = $18 every day.", "+"), ("18", "She makes $18 every day.", "+"), ("3.5", "so it is 3.5", "+"), ("5", "so it is 3.5", "!-"), ("-3", "so it is -3", "+"),
    ("3", "so it is -3", "!-"), ("-3", "so it is 5 -3", "!-"), ("1234", "so it is 1,234", "+"), ("234", "so it is 1,234", "!-"), ("Tuesday", "The answer is Tuesday.", "+"), ("B", "The answer is (B).", "+"),
    ("B", "Answer: B", "+"), ("B", "A B C D", "!-"), ("B", "I choose B because A is wrong", "!-"), ("yes", "yes", "+"), ("42", "4\n2", "!-"), ("2", "4\n2", "-"), ("42", "The answer is 42" + "0" * 10, "!-"),
    ("42", "42 " * 5000, "!-"), ("42", "x" * 300_000 + " \\boxed{42}", "+"), ("42", "\\boxed{" * 3000, "!-"), ("3", "The answer is 12 divided by 3", "!-"), ("46", "The answer is 46!", "-"),
]  # fmt: skip

OPTIONS: list[tuple[dict[str, Any], Any, str, str]] = [
    ({"percent": "number"}, "28%", "28", "+"), ({"percent": "number"}, "28", "28%", "+"), ({"percent": "number"}, "28%", "0.28", "+"), ({"percent": "number"}, "28%", "29", "-"),
    ({"units": "required"}, "5 cm", "5", "-"), ({"units": "required"}, "5 cm", "5 cm", "+"), ({"units": "required"}, "5", "5 cm", "+"),
    ({"angles": "radians"}, r"30^\circ", r"\frac{\pi}{6}", "+"), ({"angles": "radians"}, r"\frac{\pi}{6}", r"30^\circ", "+"),
    ({"ordered": True}, "1, 2", "2, 1", "-"), ({"ordered": True}, "1, 2", "1, 2", "+"), ({"ordered": True}, r"\{1,2\}", r"\{2,1\}", "+"),
    ({"significant_digits": 3}, "1/3", "0.333", "+"), ({"significant_digits": 3}, "1/3", "0.33", "-"), ({"significant_digits": 9}, r"\pi", "3.14159", "-"),
    ({"base": "value"}, "1010_2", "10", "+"), ({"base": "value"}, "1010_2", "1010", "-"), ({"base": "value"}, "2A_{16}", "42_{10}", "+"),
]  # fmt: skip


@pytest.mark.parametrize("case", SHARED, ids=lambda case: case["id"])
def test_shared(case: dict[str, str]) -> None:
    verdict = judge(case["answer"], case["completion"])
    assert verdict.status == case["expected"], (case["why"], verdict)


@pytest.mark.parametrize("kind", BOXED)
def test_boxed(kind: str) -> None:
    failures = []
    for reference, answer, expected in BOXED[kind]:
        verdict = judge(reference, f"Therefore it is $\\boxed{{{answer}}}$.")
        if verdict.status != STATUS[expected.lstrip("!")]:
            failures.append((reference, answer[:60], expected, verdict))
    assert not failures, "\n".join(map(str, failures))


def test_whole_completions() -> None:
    failures = []
    for reference, completion, expected in WHOLE:
        verdict = judge(reference, completion)
        if verdict.status != STATUS[expected.lstrip("!")]:
            failures.append((reference, completion[:80], expected, verdict))
    assert not failures, "\n".join(map(str, failures))


@pytest.mark.parametrize(("options", "reference", "answer", "expected"), OPTIONS)
def test_policies(options: dict[str, Any], reference: str, answer: str, expected: str) -> None:
    assert judge(reference, f"\\boxed{{{answer}}}", **options).status == STATUS[expected]


def test_the_table_is_large_and_hostile() -> None:
    cases = [case for table in BOXED.values() for case in table] + WHOLE
    assert len(cases) >= 250
    assert sum(expected.startswith("!") for _, _, expected in cases) >= 80


def test_every_readable_reference_answers_itself() -> None:
    for table in BOXED.values():
        for reference, _, expected in table:
            if expected != "?":
                assert judge(reference, f"\\boxed{{{reference}}}").status == "correct", reference


def test_model_text_never_reaches_the_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    judge("xy=1", r"\boxed{y=\frac1x}")  # late imports happen before the trap is set

    def trap(*args: object, **kwargs: object) -> None:
        raise AssertionError(f"evaluated {args!r}")

    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(builtins, name, trap)
    for table in BOXED.values():
        for reference, answer, _ in table:
            judge(reference, f"\\boxed{{{answer}}}")
