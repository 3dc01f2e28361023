r"""Mathematical notation as the world writes it: what is a name, what was asked, who spells how.

Rows are (reference, boxed answer, verdict): + correct, - wrong, ? abstain.
"""

from __future__ import annotations

import time

import pytest
from rlvr.verifiers import math
from support import growth

from rlvr.maths.names import is_asked_for
from rlvr.maths.parse import parse
from rlvr.maths.respell import respelled
from rlvr.maths.written import same_writing
from rlvr.verify.verifier import Verify, case_problem

VERIFY: Verify = math.verify
STATUS = {"+": "correct", "-": "wrong", "?": "abstain"}

# A name before a bracket: applied to it, or multiplied by it.
APPLIED = [
    (r"\zeta(4)", r"4\zeta", "-"), (r"\zeta(4)", r"\frac{\pi^4}{90}", "+"),
    (r"\frac{\pi^4}{90}", r"\zeta(4)", "-"), (r"2\zeta(3)", r"2\zeta(3)", "+"),
    (r"\Gamma(6)", "120", "+"), ("120", r"\Gamma(6)", "-"), (r"\Gamma(6)", r"6\Gamma", "-"),
    (r"\Gamma(\frac32)", r"\frac{\sqrt\pi}{2}", "+"), (r"\Gamma(n+1)", "n!", "+"),
    (r"\Gamma(n+1)", r"n\Gamma+\Gamma", "-"), (r"\varphi(12)", "4", "+"),
    (r"\varphi(12)", r"12\varphi", "-"), ("4", r"\varphi(12)", "-"),
    (r"\varphi(m)", r"\varphi(m)", "+"), (r"\varphi(m)", r"m\varphi", "-"),
    (r"\varphi(m)", r"\varphi(n)", "-"), (r"\Phi(1.5)", r"1.5\Phi", "-"),
    (r"1-\Phi(2)", r"-\Phi(2)+1", "+"), (r"1-\Phi(2)", r"1-2\Phi", "-"),
    (r"\Phi(\frac12)", r"\Phi(1/2)", "+"), (r"\psi(x)", r"x\psi", "-"),
    ("f(4)", "4f", "-"), ("3f(4)-1", "-1+3f(4)", "+"), ("3f(4)-1", "12f-1", "-"),
    ("f(x+2)", "fx+2f", "-"), ("S(n)", "nS", "-"), ("u(t)e^{-2t}", "e^{-2t}u(t)", "+"),
    ("u(t)", "ut", "-"), ("P(A|B)", "PAB", "-"), ("P(A|B)", r"P(A \mid B)", "+"),
    (r"\sigma(28)", r"28\sigma", "-"), ("7", "x(7)", "-"),
    (r"O(n\log n)", r"O(n \log(n))", "+"), (r"O(n\log n)", r"\Theta(n\log n)", "-"),
    (r"\Omega(n^2)", "O(n^2)", "-"), ("O(n)", "nO", "-"), ("O(n^3)", "O(n^2)", "-"),
    # Products stay products.
    ("a(b-c)", "ab-ac", "+"), ("x(x-9)", "x^2-9x", "+"),
    (r"\lambda(\lambda-1)", r"\lambda^2-\lambda", "+"),
    ("P(1+r)^2", "P(1+2r+r^2)", "+"), (r"\frac{h(a+b)}{2}", r"\frac{ah+bh}{2}", "+"),
    (r"g(\sin\theta-\mu\cos\theta)", r"g\sin\theta-\mu g\cos\theta", "+"),
    (r"2\pi r(r+h)", r"2\pi r^2+2\pi rh", "+"), (r"\pi(R-r)", r"\pi R-\pi r", "+"),
    (r"\theta(1-\theta)", r"\theta-\theta^2", "+"), (r"\frac{7}{x(x-2)}", r"\frac{7}{x^2-2x}", "+"),
]  # fmt: skip

# Both readings of one letter, and more that was asked.
READINGS = [
    (r"A=P(1.04)^t", r"A=1.04^t P", "+"), (r"\phi(\phi-1)", r"\phi^2-\phi", "+"),
    (r"\varphi(\varphi(9))", "2", "+"), ("f(2)^2", "4f", "-"), ("P(A)=0.5", "P(B)=0.5", "-"),
    ("E(X)=7", "E(Y)=7", "-"), ("f(a)=7", "f(b)=7", "-"), ("f(x)=7", "7", "+"),
    ("7", r"\text{not sure}=7", "-"), ("7", r"\text{my guess}=7", "-"), ("7", r"\text{Sum}=7", "+"),
    (r"e=\frac23", r"\frac23", "+"), (r"\frac23", r"e=\frac23", "+"),
    (r"\frac23", r"e=\frac32", "-"),
    ("7", "7=x", "+"), ("7", "8=x", "-"), ("7", "7=x+y", "-"), ("6x", r"\frac{d}{dx}3x^2=6x", "+"),
    ("6x", r"\frac{\partial f}{\partial x}=5x", "-"), (r"\frac{d}{d+2}", r"1-\frac{2}{d+2}", "+"),
    ("7", r"|A\cup B|=7", "+"), ("7", r"\|\mathbf{u}\|=7", "+"), ("7", r"\|u\|=\sqrt{40+8}=7", "-"),
    ("7", r"\dim V=7", "+"), ("7", r"\frac{1}{a}+\frac{1}{b}=7", "+"), ("7", r"\frac1a=7", "-"),
    # Roots with numbers are a list in any order, unless the reference numbers them too.
    ("1, 2", "x_1 = 1, x_2 = 2", "+"), ("1, 2", r"x_{1} = 2 \text{ and } x_{2} = 1", "+"),
    (r"\{1,2\}", r"x_1=1 \text{ or } x_2=2", "+"), ("x=1, x=2", "x_1=1, x_2=2", "+"),
    ("-3, 5", r"x_1=5 \quad x_2=-3", "+"), ("2", "x_1=x_2=2", "+"), ("2", "x_1=x_2=3", "-"),
    ("1, 2", "x_1=1, x_2=3", "-"), ("1, 2", "x_1=1, y_2=2", "-"), ("2", "x_1=y_2=2", "-"),
    ("1, 2", "x_1=1", "-"), ("1", "x_1=1, x_2=2", "-"), ("t=1, t=2", "x_1=1, x_2=2", "-"),
    ("x_1=1, x_2=2", "x_1=2, x_2=1", "-"), ("x_1=1, x_2=2", "x_2=2, x_1=1", "+"),
    ("(2,1)", "x_2=1, x_1=2", "+"), ("(2,1)", "x_1=1, x_2=2", "-"),
    ("(1,2,3)", "x_1=1, x_2=2, x_3=3", "+"), ("x_1=1, x_2=2", "(1,2)", "+"),
    # Where a point is expected, P is its name; alone it may be a number of choices.
    ("(1,2)", "P(1,2)", "+"), ("(1,2)", r"C\left(1, 2\right)", "+"), ("(1,2)", "P(1,3)", "-"),
    ("20", "P(5,2)", "-"),
    ("7", "x_1+x_2=7", "+"), ("7", "3+x_1=7", "-"), ("7", "ab+bc+ca=7", "+"),
    ("7", "a_{n+1}=7", "+"),
    ("7", r"\vec a\cdot\vec b=7", "+"), ("7", "V_{S-ABC}=7", "+"), ("7", "|-7|=7", "+"),
    ("7", "|-6|=7", "-"),
    ("7", r"\log_2 128=7", "+"), ("7", r"\log_2 64=7", "-"),
]  # fmt: skip

# Several choices, and words that are none.
CHOICES = [
    ("ACD", "A, C, D", "+"), ("ACD", r"\text{A, C, D}", "+"), ("ACD", r"\text{ACD}", "+"),
    ("ACD", "A, C and D", "+"), ("ACD", "(A), (C), (D)", "+"), ("ACD", "A, C", "-"),
    ("ACD", "A, B, D", "-"),
    ("ACD", "A", "-"), ("A,D", "AD", "+"), ("A,D", "A、D", "+"), ("A,D", "ABD", "-"),
    ("A", "AD", "-"), ("BED", "BDE", "-"),
]  # fmt: skip

# Choosing and arranging; a constant's square; points.
COUNTED = [
    ("C_7^3", "35", "+"), ("C_7^3", r"C_7\cdot C_7\cdot C_7", "-"),
    (r"\mathrm{C}_{8}^{2}", "28", "+"),
    ("C_7^3", r"\binom{7}{3}", "+"), ("C_7^3", r"\binom{7}{2}", "-"), ("C_7^3", "C^3_7", "+"),
    ("A_6^2", "30", "+"), ("P_6^2", "30", "+"), ("P_6^2", r"P_6\cdot P_6", "-"),
    ("C_n^2", r"\frac{n(n-1)}{2}", "+"), ("C_n^2", r"C_n\cdot C_n", "-"),
    ("C_1^2+C_2", r"C_2+C_1\cdot C_1", "+"), ("21", "{}_7C_2", "+"), ("21", "{}^7C_2", "+"),
    ("21", "{}_7C_3", "-"), ("x_7C_2", "x_7C_2", "+"), ("x_7C_2", "21x", "-"),
    ("21", "C(7,2)", "-"), ("C(7,2)", "7C", "?"), ("C(7,2)", "C(7,2)", "+"),
    ("M(4,-1)", "(4,-1)", "+"), ("(4,-1)", "M(4,-1)", "+"), ("M(4,-1)", "(-1,4)", "-"),
    ("M(4,-1)", "N(4,-1)", "-"), ("A(1,0), B(0,3)", "B(0,3), A(1,0)", "+"),
    ("A(1,0), B(0,3)", "A(0,3), B(1,0)", "-"),
]  # fmt: skip

# A left side that names what was asked, before a number or an expression.
ASKED = [
    *[("9", f"{left}=9", "+") for left in (
        "f(3)", "f'(3)", "f^{-1}(3)", "f(g(3))", r"(f\circ g)(3)", "(f+g)(3)", "|CD|", "|z|",
        r"|\vec{b}|", "S_{ABCD}", r"S_{\triangle PQR}", r"\triangle PQR", "[PQR]",
         r"[\triangle PQR]",
        r"\det(B)", r"\det B", r"\frac{p}{q}", "pq", "a+b+c", "a^2+b^2", r"\frac{AB}{CD}", "AB:CD",
        r"f(x)_{\min}", r"y_{\max}", r"v_{\text{avg}}", r"\max f(x)", r"\max_{0\le x\le 1} f(x)",
        r"\int_1^2 g(t)\,dt", r"\lim_{x\to 3} x^2", r"\lim_{n\to\infty} a_n",
         r"\sum_{n=1}^{\infty} a_n",
        "E(Y)", "E[Y]", r"\mathbb{E}[Y]", r"\operatorname{Var}(Y)", r"P(A\cap B)", "P(Y=3)",
         r"\Pr(Y>3)",
        r"\sin B", r"\cos\angle PQR", r"\tan 2\theta", r"\gcd(a,b)", r"\text{Volume}",
        r"\text{Area}(PQR)", r"\operatorname{tr}(B)", r"\overline{CD}", r"\bar{y}",
    )],
    *[("9", answer, "-") for answer in (
        "3x=9", "x^2=9", "6+x=9", "n^2=9", "2n=9", "n+1=9", r"\sqrt{n}=9", "|x|=9", "|x-2|=9",
         r"\sin x=9",
        "x+y=9", "xy=9", r"\frac{y}{x}=9", "0x+9=9", "2=9", "4+4=9", "9=4+5", "f(3)=9=10",
         "f(3)=10=9",
        "9=f(3)=10", r"f(3)\ne 9", "f(3)>9", r"\lim_{x\to 3} x^2\ne 9", r"\int_1^2 g(t)\,dt=8",
        r"\int_1^2 9\,dt", r"\int_1^2 9\,dt = 4+5", r"\lim_{x\to 3} x^2 = 8 = 9",
         r"mn=3\cdot 4=9", "f(9)",
        "P(9)", r"\sum_{k=1}^{2} (k+2)=9",
    )],
    ("362880", "n!=362880", "-"), ("9", "4+5=9", "+"), ("9", "9=9", "+"),
    ("9", r"mn=3\cdot 3=9", "+"),
    ("7", r"\sum_{k=1}^{2} (k+2)=7", "+"), ("4t", "v(t)=4t", "+"), ("4t", "v(t)=3t+t=4t", "+"),
    ("4t", "v(t)=3t+2t=4t", "-"), (r"\frac38", r"P(A|B)=\frac38", "+"),
    (r"\frac38", r"P(A|B)=\frac58", "-"),
    (r"9\text{ cm}", r"|CD|=9\text{ cm}", "+"), (r"9\text{ cm}", r"|CD|=9\text{ m}", "-"),
    ("f(3)=9", "9", "+"), ("f(3)=9", "f(4)=9", "-"), ("f(3)=9", "3", "-"), ("|CD|=9", "9", "+"),
    (r"\lim_{x\to 3} x^2=9", "9", "+"), (r"\lim_{x\to 3} x^2=9", r"\lim_{x\to 4} x^2=9", "-"),
    ("x+2y=9", "9", "-"), ("pq=9", "9", "-"), ("4+5=9", "9", "+"), ("4+5=9", "3+5=9", "-"),
]  # fmt: skip

# Functions and identities.
FUNCTIONS = [
    ("W(r)=7r", "7r", "+"), ("W(r)=7rh", "7rh", "-"), ("W(r,h)=7rh", "7rh", "+"),
    ("y(x)=x^3", "x^3", "+"), ("y(x)=x^3", "y=x^3", "+"), ("y(x)=x^3", r"y=x", "-"),
    ("y=x^3", "y(x)=x^3", "+"),
    ("f(x)=3x-1", "f(s)=3s-1", "+"), ("f(x)=3x-1", "f(s)=3s+1", "-"),
    ("f(x)=3x-1", "g(s)=3s-1", "-"),
    ("f(x)=2x", "f(s)=s+x", "-"), ("f(x,y)=x-y", "f(a,b)=a-b", "+"),
    ("f(x,y)=x-y", "f(y,x)=x-y", "-"),
    ("f'(x)=6x", "f'(u)=6u", "+"), ("f'(x)=6x", "f(x)=6x", "-"), ("x^2+4", "q(x)=x^2+4", "+"),
    ("f(x)=kx", r"f(x)=kx \text{ for every constant } k", "+"),
    ("f(x)=kx", r"f(x)=kx^2 \text{ for every constant } k", "-"),
    ("(x-3)(x+3)", "x^2-9=(x-3)(x+3)", "+"), ("(x-3)(x+3)", "x^2+9=(x-3)(x+3)", "-"),
    ("(x-3)(x+3)", "x^2-9=(x-3)^2", "-"), ("10ab", r"2a\cdot 5b=10ab", "+"),
    ("10ab", r"2a\cdot 4b=10ab", "-"),
    ("10ab", "10ab=0", "-"), ("10ab", "10ab=c", "-"), ("3x", "x=3", "-"), ("3x", "3x=y", "-"),
    ("p^2-2pq+q^2", "(p-q)^2=p^2-2pq+q^2", "+"), ("p^2+q^2", "(p+q)^2=p^2+q^2", "-"),
    ("(a+b)(a-b)=a^2-b^2", "a^2-b^2=(a+b)(a-b)", "+"), ("(a+b)(a-b)=a^2-b^2", "ab=ba", "-"),
    ("(a,b) = (1,4), (4,1)", "(4,1), (1,4)", "+"), ("(a,b) = (1,4), (4,1)", "(4,1), (1,5)", "-"),
    ("k=7,8", "8, 7", "+"), ("7,8", "k=7,8", "+"), ("k=7,8", "j=7,8", "-"),
    ("R=[1,3)", "[1,3)", "+"),
    ("R=[1,3)", "[1,3]", "-"),
]  # fmt: skip

# Signs, scripts, countries, editors.
SPELLED = [
    ("9!!", "945", "+"), ("9!!", "(9!)!", "-"), ("10!!", "3840", "+"), ("(2n)!!", "2^n n!", "+"),
    ("(2n+1)!!", r"\frac{(2n+1)!}{2^n n!}", "+"), ("(2n+1)!!", "((2n+1)!)!", "-"),
    ("(2n+1)!!", r"\frac{(2n+1)!}{2^n}", "-"), ("n!", "n!!", "-"), ("5!", "5!!!", "-"),
    ("24", "4!=24", "+"), ("23", "4!=23", "-"), ("120", r"x=5!=120", "+"), (r"x\ne 4", "x!=4", "+"),
    ("4", "x!=4", "-"), ("y_1^3", "y^3_1", "+"), ("y_1^3", "y^1_3", "-"),
    (r"\frac{u_0^2}{2a}", r"\frac{u^2_0}{2a}", "+"),
    (r"\log_3^2 y", r"\log^2_3 y", "+"), (r"\log_3^2 y", r"\log^3_2 y", "-"),
    (r"(\pm 5, 0)", "(5,0),(-5,0)", "+"), (r"(\pm 5, 0)", "(5,0)", "-"),
    (r"(\pm5,1)", "(5,1),(-5,-1)", "-"),
    (r"(0,\pm\sqrt3)", r"(0,\pm\sqrt{3})", "+"), (r"(0,\pm\sqrt3)", r"(\pm\sqrt3,0)", "-"),
    (r"(0,0),(\pm 2,7)", "(0,0),(2,7),(-2,7)", "+"), (r"(\pm 1,\pm 3)", r"(\pm 1, \pm 3)", "+"),
    (r"(\pm 1,\pm 3)", "(1,3),(-1,-3)", "?"), (r"y=\pm\frac53x", r"y=\frac53x, y=-\frac53x", "+"),
    (r"y=\pm\frac53x", r"y=\frac53x", "-"), (r"x=\pm6", "x=6 \\text{ or } x=-6", "+"),
    (r"\sqrt3:1", r"3:\sqrt3", "+"), (r"\sqrt3:1", r"1:\sqrt3", "-"), ("2:3:4", "a:b:c=2:3:4", "+"),
    ("2:3:4", "a:b:c=2:4:3", "-"), ("2:3:4", "a:b=2:3:4", "-"),
    (r"\frac{\sqrt5}{3}", r"\sqrt5:3", "+"),
    (r"\frac{\sqrt5}{3}", r"3:\sqrt5", "-"), ("3:4", "S_1:S_2=3:4", "+"),
    ("3:4", r"\frac{a}{b}=\frac34", "+"),
    ("9", "9:1", "-"), ("9:16", r"\frac{9}{16}", "+"), ("9:16", r"\frac{16}{9}", "-"),
    ("1:20", r"1\text{ to }20", "+"),
    ("4:45", "4:45", "+"), ("4:45", "5:45", "-"), ("7:03", "7:3", "-"),
    (r"4:45\text{ pm}", r"\frac{4}{45}", "-"),
    ("25000", r"25,\! 000", "+"), (r"44,\! 555,\! 666", "44555666", "+"),
    (r"44,\! 555,\! 666", "44, 555, 666", "-"),
    (r"x\in\mathbf{R}", "(-\\infty,\\infty)", "+"), (r"\mathbb{R}", "x \\in R", "+"),
    (r"\mathbb{Z}", "\u2124", "+"),
    (r"\mathbb{Z}", "\u211a", "-"), (r"\mathbb{Z}", "Z", "-"),
    (r"(-\infty,3)\cup(3,\infty)", r"t\neq 3", "+"), (r"(-\infty,3)\cup(3,\infty)", "t=3", "-"),
    ("5-2i", "5.0 + -2.0i", "+"), ("5-2i", "5.0 + 2.0i", "-"), ("e^9-4", "-4 + exp(9)", "+"),
    (r"\begin{pmatrix}5&6\\7&8\end{pmatrix}", "[[5,6],[7,8]]", "+"),
    (r"\begin{pmatrix}5&6\\7&8\end{pmatrix}",
     r"\left(\begin{array}{cc}5&6\\7&8\end{array}\right)", "+"),
    (r"\begin{pmatrix}5&6\\7&8\end{pmatrix}", r"\begin{bmatrix}5&7\\6&8\end{bmatrix}", "-"),
    ("64", "%\n64", "+"), ("64", "64 % by the lemma\n", "-"), ("64", "% note\n64", "+"),
    ("64", "% 64\n63", "-"),
    ("64", "63 % not 64\n+0", "-"), ("64", "64%\n", "-"), ("64", "\u200f64", "+"),
    ("-64", "\u200e-64\u202c", "+"),
    ("64", "\u202e46", "-"), (r"\tan y", r"\operatorname{tg} y", "+"),
    (r"\operatorname{tg} y", "tgy", "-"),
    (r"\cot y", r"\mathrm{ctg}\,y", "+"), (r"\arctan 3", r"\operatorname{arctg} 3", "+"),
    (r"\tan 3", r"\operatorname{arctg} 3", "-"),
    (r"\operatorname{sh} y", r"\frac{e^y-e^{-y}}{2}", "+"), (r"\operatorname{ch} y", "chy", "-"),
    ("v=gt", "v=tg", "+"),
    (r"\frac13", r"\cfrac{1}{3}", "+"), ("45", "∠PQR = 45°", "+"), ("4,7", "4、7", "+"),
    ("C", r"(C)\cdot 1", "-"), ("C", "(C)*1", "-"), ("C", "(C) 12", "+"), ("C", "C. -5", "+"),
    (r"\sum_{k=1}^{4} k^3", "100", "+"), (r"\sum_{k=1}^{4} k^3", "99", "-"),
    ("100", r"\sum_{k=1}^{4} k^3", "-"),
    (r"\prod_{j=2}^{5} j", "120", "+"), (r"\sum_{k=0}^{2} x^k", "1+x+x^2", "+"),
    (r"\sum_{k=0}^{2} x^k", "1+x", "-"),
    (r"\overline{w}", r"\bar w", "+"), (r"\overline{w}", "w", "-"),
]  # fmt: skip

# A reference that can't be read is answered by its own text, and by nothing else.
WRITTEN = [
    (r"\int_0^2 x\,dx", r"\int_0^2 x dx", "+"), (r"\int_0^2 x\,dx", r"\int_0^2 x^2 dx", "?"),
    (r"\sum_{j=1}^{m} j^3", r"\sum_{j=1}^m j^{3}", "+"),
    (r"\sum_{j=1}^{m} j^3", r"\frac{m^2(m+1)^2}{4}", "?"),
    (r"2,4,\ldots,2m", r"2, 4, \dots, 2m", "+"), (r"2,4,\ldots,2m", "2,4,2m", "?"),
    (r"p \lor \lnot q", r"p\vee\neg q", "+"), (r"p \lor q", r"q \lor p", "?"), ("否", "否", "+"),
    ("否", "是", "-"),
    (r"h(x)=\begin{cases}3&x>1\\4&x\le1\end{cases}",
     r"h(x)=\begin{cases} 3 & x>1 \\ 4 & x\leq 1 \end{cases}", "+"),
    (r"h(x)=\begin{cases}3&x>1\\4&x\le1\end{cases}",
     r"h(x)=\begin{cases} 4 & x>1 \\ 3 & x\leq 1 \end{cases}", "?"),
    (r"x\equiv 3\pmod{8}", r"x \equiv 3 \pmod 8", "+"),
    (r"x\equiv 3\pmod{8}", r"x\equiv 3\pmod{9}", "-"),
    (r"x \equiv 3 \pmod{11}", r"x ≡ 14 (mod 11)", "+"), (r"x \equiv 3 \pmod{11}", "3", "-"),
    (r"x \equiv 3 \pmod{11}", r"x \equiv 3\ (\text{mod } 11)", "+"),
    (r"x \equiv 3 \pmod{11}", r"y \equiv 3 \pmod{11}", "-"),
    (r"x \equiv 2 \pmod 7", r"x \equiv 2^{100} \pmod 7", "-"),
    (r"x \equiv 2 \pmod 7", r"x \equiv 3 \equiv 2 \pmod 7", "-"),
    (r"x \equiv 2 \pmod 7", r"x \equiv 9 \equiv 2 \pmod 7", "+"),
    ("2", r"2^{100} \equiv 2^4 \equiv 2 \pmod 7", "+"),
    ("2", r"2^{100} \equiv 5 \equiv 2 \pmod 7", "-"),
    ("(6, 8)", r"(2\cdot 3, 2\cdot 4)", "-"), ("a_1=2, a_2=3", "3, 2", "-"),
    (r"\begin{pmatrix} 2 \\ -1 \\ 3 \end{pmatrix}", r"2\mathbf{i} - \mathbf{j} + 3\mathbf{k}", "+"),
    (r"\begin{pmatrix} 2 \\ -1 \\ 3 \end{pmatrix}", r"2\mathbf{i} + \mathbf{j} + 3\mathbf{k}", "-"),
    (r"\begin{pmatrix} 2 \\ -1 \\ 3 \end{pmatrix}", r"[2, -1, 3]^T", "+"),
    (r"\begin{pmatrix} 2 \\ -1 \\ 3 \end{pmatrix}", r"[-1, 2, 3]^{\top}", "-"),
    ("(0, 2, 3)", r"2\vec{j} + 3\vec{k}", "+"), ("(2, 3)", r"2\hat{i} + 3\hat{j}", "+"),
    ("(3/5, -4/5)", r"\frac15(3, -4)", "+"), ("(4, 6)", "2(2, 4)", "-"),
    (r"\frac{\pi}{3} + 2k\pi, k \in \mathbb{Z}", r"\frac{\pi}{3} + 2\pi n", "+"),
    (r"x = \frac{\pi}{3} + 2k\pi, k \in \mathbb{Z}", r"x = \frac{\pi}{3} + \pi n", "-"),
    (r"x_1=0, x_2=4", r"x=0 \text{ or } x=4", "+"), ("x_1=0, x_2=4", "0, 4", "+"),
    ("x_1=0, x_2=4", "4, 0", "-"),
    ("(2,-1)", r"\begin{aligned} x &= 2\\ y &= -1 \end{aligned}", "+"),
    ("2", r"\begin{aligned} x &= 1+1\\ &= 2 \end{aligned}", "+"),
    (r"(-\infty,3)", r"\text{all real numbers less than } 3", "+"),
    (r"(-\infty,3]", r"\text{all real numbers less than } 3", "-"),
    (r"(-\infty,1)\cup(1,2)\cup(2,\infty)", r"\text{all real numbers except 1 and 2}", "+"),
    (r"(0,\infty)", r"\text{all positive real numbers}", "+"),
    ("7.07", r"5\sqrt2 \approx 7.07", "+"),
    ("7.07", r"5\sqrt2 \approx 7.071", "-"), ("7.08", r"5\sqrt2 \approx 7.08", "-"),
    ("1+2i, 1-2i", r"x = \frac{2 \pm 4i}{2} = 1 \pm 2i", "+"),
    ("1+2i, 1-2i", r"x = \frac{2 \pm 4i}{2} = 2 \pm 2i", "-"),
    (r"2 \pm \sqrt3", r"x = \frac{4 \pm 2\sqrt3}{2} = 2 \pm \sqrt3", "+"),
    (r"\textbf{(E)}\ 24", "24", "+"), (r"\textbf{(E)}\ 24", r"\textbf{(D)}\ 24", "-"),
    (r"\textbf{(E)}\ 24", "25", "-"), ("12", "(B) 12", "+"), ("12", "B: 12", "-"),
    ("2/3", "三分之二", "+"), ("10500", "一万零五百", "+"), ("3.14", "三点一四", "+"),
    (r"\text{DNE}", r"\text{does not exist}", "+"), (r"\text{DNE}", r"\text{exists}", "-"),
    ("①③", "①、③", "+"), ("①③", "①②③", "-"),
    ("nan", "nan", "?"), ("?", "?", "?"), ("3/0", "3/0", "?"), ("15_4", "15_4", "?"),
]  # fmt: skip

# Complex numbers in polar form, units in a fraction, several solutions of two unknowns.
POLAR = [
    (r"4\text{cis }150^\circ", r"4\operatorname{cis}\frac{5\pi}{6}", "+"),
    (r"4\text{cis }150^\circ", r"4\text{cis}(-210^\circ)", "+"),
    (r"4\text{cis }150^\circ", r"-2\sqrt3+2i", "+"), (r"4\text{cis }150^\circ", "4", "-"),
    (r"4\text{cis }150^\circ", r"4\text{cis }30^\circ", "-"),
    (r"4\text{cis }150^\circ", r"4(\cos 150^\circ + i\sin 150^\circ)", "+"),
    (r"4\text{cis }150^\circ", r"4(\cos 150^\circ - i\sin 150^\circ)", "-"),
    (r"-2\sqrt3+2i", r"4e^{5\pi i/6}", "+"),
    (r"-2\sqrt3+2i", r"4(\cos 150^\circ + i\sin 150^\circ)", "-"),
    (r"5e^{\pi i/4}", r"5\cos 45^\circ + 5i\sin 45^\circ", "+"),
    (r"\text{cis }20^\circ, \text{cis }200^\circ", r"\cis 200^\circ, \cis 20^\circ", "+"),
    (r"\text{cis }20^\circ, \text{cis }200^\circ", r"\text{cis }20^\circ", "-"),
    (r"\text{cis}", r"\text{cis}", "+"), (r"\text{cis}", r"\text{trans}", "-"),
]  # fmt: skip
FRACTIONS = [
    (r"12\text{ m/s}", r"12\,\frac{m}{s}", "+"), (r"12\text{ m/s}", r"12\frac{m}{s^2}", "-"),
    (r"12\text{ m/s}", r"12\ \dfrac{\mathrm m}{\mathrm s}", "+"),
    (r"30\text{ km/h}", r"30\frac{km}{h}", "+"), (r"30\text{ km/h}", r"30\frac{mi}{h}", "-"),
    (r"7\frac{m}{s}", r"\frac{7m}{s}", "+"), (r"7\frac{m}{s}", "7m/s", "+"),
    (r"7\frac{m}{s}", "7", "-"), (r"\frac{7m}{s}", r"7\frac{m}{s}", "+"),
]  # fmt: skip
SOLUTIONS = [
    (r"m=1,n=6 \text{ or } m=2,n=5", r"(m,n)=(2,5),(1,6)", "+"),
    (r"m=1,n=6 \text{ or } m=2,n=5", r"n=5,m=2; n=6,m=1", "+"),
    (r"m=1,n=6 \text{ or } m=2,n=5", r"m=1,n=5 \text{ or } m=2,n=6", "-"),
    (r"m=1,n=6 \text{ or } m=2,n=5", r"a=1,b=6 \text{ or } a=2,b=5", "-"),
    (r"m=1,n=6 \text{ or } m=2,n=5", "m=1,n=6", "-"),
    ("(1,6),(2,5)", r"m=1,n=6 \text{ and } m=2,n=5", "+"),
    ("(1,6),(2,5)", r"m=1,n=5 \text{ and } m=2,n=6", "-"),
    ("(1,6),(2,5)", "(m=1,n=6),(m=2,n=5),7", "-"),
    ("(1,6),(2,5)", r"\{m=1,n=6\}, \{m=2,n=5\}", "+"),
]  # fmt: skip

ROWS = [*APPLIED, *READINGS, *CHOICES, *COUNTED, *ASKED, *FUNCTIONS, *SPELLED, *WRITTEN]
ROWS += [*POLAR, *FRACTIONS, *SOLUTIONS]


@pytest.mark.parametrize(
    ("reference", "answer", "expected"),
    ROWS,
)
def test_notation(reference: str, answer: str, expected: str) -> None:
    verdict = VERIFY(case_problem(reference), f"So we find $\\boxed{{{answer}}}$.")
    assert verdict.status == STATUS[expected], verdict


def test_a_third_of_the_rows_must_be_refused() -> None:
    assert sum(expected != "+" for *_, expected in ROWS) > len(ROWS) / 3


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("mn", True), ("AB", True), ("|a-b|", True), (r"\det A", True), ("a^2+b^2", True),
        ("2m", False), ("x+y", False), ("m^2", False), ("m+1", False), ("m+m", False),
        (r"\sqrt m", False),
    ],
)  # fmt: skip
def test_what_is_asked_for(text: str, asked: bool) -> None:
    assert is_asked_for(parse(text)) is asked


NESTED = [
    "f(" * 60 + "1" + ")" * 60,
    "f(" * 600 + "1",
    "A(1," * 300 + "1" + ")" * 300,
    "A(1," * 300 + "1" + "]" * 300,
    "A(1," * 40 + "1" + "]" * 40,
    "(|" * 50 + "1" + "|)" * 50,
    r"\lim " * 300 + "=5",
    r"\overline{",
    r"\overline{AB",
    r"x_{",
    r"\int_{",
    r"\frac{d}{",
    r"\sum_{k=1}^{99} " * 100 + "k",
    "x^2_" * 400,
]


@pytest.mark.parametrize("text", NESTED, ids=lambda text: text[:6])
def test_nested_names_cost_no_more_than_their_length(text: str) -> None:
    started = time.process_time()
    verdict = VERIFY(case_problem("5"), f"\\boxed{{{text}}}")
    assert verdict.status != "abstain" and time.process_time() - started < growth.BOUNDED


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("x^2_0+x_1", "x_0^2+x_1"), ("2^3_4", "2^3_4"), (r"\text{the path}", r"\text{the path}"),
        ("x^5C_2", "x^5C_2"), (r"5\%", r"5\%"), ("a % b", "a % b"), (r"\theta", r"\theta"),
    ],
)  # fmt: skip
def test_respelled(text: str, spelled: str) -> None:
    assert respelled(text) == spelled


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (r"\dfrac{1}{2}", r"\frac12", True), (r"\text{if } x", "if x", True), ("1 2", "12", False),
        ("dx", "d x", True), ("now here", "nowhere", False), ("x+y", "y+x", False), ("", "", False),
        ("{{5}}", "5", False), ("①②", "① ②", False), ("①②", "①②", True),
    ],
)  # fmt: skip
def test_same_writing(a: str, b: str, same: bool) -> None:
    assert same_writing(a, b) is same
