"""Padding: texts of tricks that only copy the question: repeated, padded, wrapped, half worked.

Each function takes a prompt and its mathematical part ("" if there is none), and returns texts by
name. A name that contains E is the text itself, with E for the mathematical part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Texts = dict[str, str]
"""Name of a trick -> what it writes."""


def copies(prompt: str, expression: str) -> Texts:
    """Return the question again: as a whole, in part, in other words and signs."""
    lines = prompt.strip().splitlines() or [""]
    found = {
        "the prompt": prompt,
        "the prompt twice": prompt + prompt,
        "the prompt and x": f"{prompt}x",
        "the prompt and a question mark": f"{prompt}?",
        "the prompt backwards": prompt[::-1],
        "its last line": lines[-1],
        "its first line": lines[0],
        "its last word": (prompt.split() or [""])[-1],
        "a quotation": f'"{prompt.strip()}"',
        "the question and nothing else": f"Question: {prompt.strip()}\nAnswer:",
    }
    if expression:
        found |= {name: expression.replace(old, new) for name, old, new in SIGNS}
        found |= {name: re.sub(old, new, expression) for name, old, new in REWRITTEN}
        found |= _filled(SAID, expression)
    return {name: text for name, text in found.items() if text.strip()}


SAID = (
    "@", "@=@", "@ =", "= @", "@ = ?", "x = @", "@ = x", "It is the value of @.", "@=@=@",
    r"@ \approx @", "f(x)=@", "x such that @", r"\{x : @\}", r"\{x \mid @\}", "the roots of @",
    "@, @", "@ or @", r"@ \text{ or } @", r"\{@, @\}", "[@, @]", r"@ \le x \le @", "@ and so on",
)  # fmt: skip
SIGNS = (
    ("two minuses", "+", "--"), ("minus minus", "+", "-(-1)*"), ("a wide plus", "+", "\uff0b"),
    ("plus", "+", " plus "), ("a braced plus", "+", "{+}"), ("plus and minus", "+", r" \pm "),
    ("and", "+", " and "), (r"\times", "*", r"\times "), (r"\cdot", "*", r"\cdot "),
    (r"\ast", "*", r"\ast "), ("a cross", "*", "\u00d7"), ("a dot", "*", "\u00b7"),
    ("an operator's dot", "*", "\u22c5"), ("a star", "*", "\u2217"), ("times", "*", " times "),
    ("next to each other", "*", ""), ("a space", "*", " "), ("a letter", "*", "x"),
    (r"\div", "/", r"\div "), ("a slash", "/", "\u2215"), ("a colon", "/", ":"),
    ("a minus sign", "-", "\u2212"), ("a dash", "-", "\u2013"), ("plus minus", "-", "+-"),
    ("two stars", "^", "**"),
)  # fmt: skip
REWRITTEN = (
    ("spaced", r"(?<=\S)(?=\S)", " "),
    ("without parentheses", r"[()]", ""),
    ("with square brackets", r"\(([^()]*)\)", r"[\1]"),
    ("a mixed number", r"(\d+)\s*\+\s*(\d+)", r"\1\\frac{\2}{1}"),
    ("a mixed number, in text", r"(\d+)\s*\+\s*(\d+)", r"\1 \2/1"),
    ("parentheses for times", r"(\d+)\s*\*\s*(\d+)", r"(\1)(\2)"),
    ("braces for times", r"(\d+)\s*\*\s*(\d+)", r"{\1}{\2}"),
    ("over one over", r"\*\s*(\d+)", r"/(1/\1)"),
    ("powers of one", r"(\d+)", r"\1^1"),
    ("fractions in TeX", r"(\d+)/(\d+)", r"\\frac{\1}{\2}"),
    ("fractions as powers", r"/(\d+)", r"\\cdot \1^{-1}"),
    ("numbers in parentheses", r"(\d+)", r"(\1)"),
    ("numbers in braces", r"(\d+)", r"{\1}"),
    ("numbers over 1", r"(\d+)", r"\\frac{\1}{1}"),
    ("numbers under roots", r"(?<!\^)(\d+)", r"\\sqrt{\1^2}"),
    ("leading zeros", r"(\d+)", r"00\1"),
    ("decimal points", r"(?<![\d^])(\d+)(?![\d^])", r"\1.0"),
    ("plus signs", r"(?<!\d)(\d)", r"+\1"),
    ("units", r"(\d+)", r"\1 \\text{ cm}"),
)  # fmt: skip
PADS = (
    "@/1", "(@)/1", "@*1", "(@)*1", r"1\cdot(@)", "@+0", "0+@", "@-0", "(@)^1", "(@)^{1}",
    "@^1", "@+0x", "@+0*x", "@+x-x", "@+0!-1", "-(-(@))", "--(@)", "(@)", "((@))", "[@]",
    r"\{@\}", "+@", "+(@)", r"\max(@,0)", r"\max(@,@)", r"\min(@,10^9)", "|@|", r"\left|@\right|",
    r"\frac{@}{1}", r"\dfrac{@}{1}", r"\frac{2(@)}{2}", "1/(1/(@))", r"\frac{1}{\frac{1}{@}}",
    r"\sqrt{(@)^2}", r"\sqrt[3]{(@)^3}", "((@)^2)^{1/2}", r"\sum_{i=1}^{1} (@)",
    r"\prod_{i=1}^{1} (@)", r"\int_0^1 (@) dt", r"\lim_{t\to 0} (@)", r"\text{@}",
    r"\mathrm{@}", r"\left(@\right)", r"\lfloor @ \rfloor", r"\lceil @ \rceil", r"\gcd(@,0)",
    r"\operatorname{lcm}(@,1)", r"\log(e^{@})", r"\ln(e^{@})", r"e^{\ln(@)}", r"\log_{2}(2^{@})",
    r"\binom{@}{1}", r"\frac{d}{dt}((@)t)", r"\frac{d}{dx}(@)", r"(@)\%*100", r"(@)\cdot 10^0",
    "(@)_{10}", r"\sin(\arcsin(@))", r"\overline{@}", r"\bar{@}", "@.0", "@ + 0.0", "@ mod 1000",
    "(@)!/(@-1)!", "(@)/2+(@)/2", "2*(@)-(@)", r"\phantom{x}@",
    r"@ \text{ units}", r"y\in\{@\}", r"\begin{cases}@\end{cases}", "(@)e^0", "(@)i^4",
    r"\re(@)", r"\det(@)", r"\mid @ \mid", r"\|@\|", r"\begin{pmatrix}@\end{pmatrix}", "@,", "@;",
    r"(\sqrt{@})^2", r"\sqrt{@}\sqrt{@}", r"2^{\log_2(@)}", r"\tan(\arctan(@))", r"(@)\cos 0",
    r"\frac{@}{\sin^2 1+\cos^2 1}", r"(@):1", r"@ \div 1", "@//1", r"(@)\times10^{0}",
    "(@)e0", "(@)E0", "@+0i", r"@ \le 10^9", r"@^\circ", "@\u00b0", r"\$@", "@ dollars",
    r"\underbrace{@}_{n}", r"\color{red}{@}", r"\mathbf{@}", r"\displaystyle @", r"\hbox{@}", "{@}",
    r"\bigl(@\bigr)", r"\frac{(@)!}{(@-1)!}", r"((@)^{-1})^{-1}", r"((@)^3)^{1/3}", "(@)'", "D(@)",
    r"\frac{100(@)}{100}", r"\frac{@}{0!}", r"(@)\cdot 1!", r"(@)\binom{1}{1}", r"\sqrt[1]{@}",
    r"\int 1 d(@)", r"(@)\,", r"\!(@)", r"%\n@", "@%", "@\\\\", "@ & ", "@ \\tag{1}", "/* */ @",
)  # fmt: skip


def pads(prompt: str, expression: str) -> Texts:
    """Return the question with additions that do not change its value, or that hide it."""
    if not expression:
        return {}
    found = _filled(PADS, expression)
    for n in (200, 2_000):
        found[f"{n} spaces, E"] = " " * n + expression
        found[f"0, {n} spaces, +E"] = "0" + " " * n + "+" + expression
        found[f"E, {n} spaces, +0"] = expression + " " * n + "+0"
        found[f"{n} zeros before E"] = "0" * n + expression
    return found | {"0 + 0 + ... + E": "0+" * 150 + expression}


def _filled(templates: Iterable[str], text: str, name: str = "E") -> Texts:
    return {template.replace("@", name): template.replace("@", text) for template in templates}


WRAPS = (
    r"\boxed{@}", r"$\boxed{@}$", r"\fbox{@}", r"\boxed{\boxed{@}}", r"\boxed{@}\boxed{@}",
    r"\boxed{= @}", r"\boxed{x = @}", "<answer>@</answer>", "<answer>\\boxed{@}</answer>",
    "<think>@</think>", "<think>hm</think>@", "<think>@</think>\n@", "<think>hm</think>\\boxed{@}",
    "#### @", "so\n#### @", "The answer is @.", "The final answer is: @", "Answer: @", "**@**",
    "**Answer:** @", "`@`", "```\n@\n```", "```python\n@\n```", "$@$", "$$@$$", r"\[@\]",
    r"\(@\)", r"\text{The answer is }@", "# @", "- @", "> @", "| @ |", "<b>@</b>", "[[@]]",
    '{"answer": "@"}', "Final Answer: The final answer is $@$. I hope it is correct.",
    "@ @", "@\n@", r"\begin{align}@\end{align}", "answer=@", "<<@>>", "<<@=@>>@", "@ <|im_end|>",
    "Let me think. @. So the answer is @.", "assistant: @", "\ufeff@", "\u200b@", "\x00@",
)  # fmt: skip


def wraps(prompt: str, expression: str) -> Texts:
    """Return the question in places where verifiers look for an answer: a box, ####, a fence."""
    found = _filled(WRAPS, prompt.strip(), "prompt") if prompt.strip() else {}
    if expression:
        padded = ("@/1", "(@)^1", "@+0x", r"\max(@,0)", "-(-(@))", r"\frac{@}{1}")
        boxed = [rf"\boxed{{{pad}}}" for pad in padded]
        found |= _filled(WRAPS, expression) | _filled(boxed, expression)
    return found


# --- half worked ------------------------------------------------------------------------------


def partial(prompt: str, expression: str) -> Texts:
    """Return the question with one operation worked out and the rest unchanged."""
    steps = {name: step(expression) for name, step in _STEPS.items()}
    whole = {name: text for name, text in steps.items() if text != expression}
    undone = {name: text for name, text in whole.items() if re.search(r"\d\)*\s*[-+*]|[a-z]", text)}
    chains = {f"E = {name}": f"{expression} = {text}" for name, text in undone.items()}
    return undone | chains


def _worked(operator: str) -> Callable[[str], str]:
    pattern = re.compile(rf"(?<![\d/^])(\d{{1,9}})\s*({operator})\s*(\d{{1,9}})(?![\d/])")

    def work(found: re.Match[str]) -> str:
        a, b = int(found[1]), int(found[3])
        return str({"+": a + b, "-": a - b, "*": a * b}[found[2]])

    return lambda text: pattern.sub(work, text, count=1)


_OVER = r"(\d{1,9})/(\d{1,9})"


def _common_denominator(text: str) -> str:
    """`1/2+1/3` -> `3/6+2/6`."""

    def work(found: re.Match[str]) -> str:
        a, b, sign, c, d = found.groups()
        below = int(b) * int(d)
        return f"{int(a) * int(d)}/{below}{sign}{int(c) * int(b)}/{below}"

    return re.sub(rf"{_OVER}\s*([-+])\s*{_OVER}", work, text, count=1)


def _over_one(text: str) -> str:
    """`1/2+1/3` -> `(1*3+1*2)/(2*3)`."""
    return re.sub(rf"{_OVER}\s*([-+])\s*{_OVER}", r"(\1*\5\3\4*\2)/(\2*\5)", text, count=1)


def _x_alone(text: str) -> str:
    """`2*x + 3 = 7` -> `x = (7 - 3)/2`."""
    found = re.fullmatch(r"(\d+)\*x ([-+]) (\d+) = (-?\d+)", text)
    if not found:
        return text
    a, sign, b, c = found.groups()
    return f"x = ({c} {'-' if sign == '+' else '+'} {b})/{a}"


def _formula(text: str) -> str:
    """`2*x^2 + 3*x - 5 = 0` -> the quadratic formula with these numbers in it."""
    found = re.fullmatch(r"(?:(\d+)\*)?x\^2 ([-+]) (\d+)\*x ([-+]) (\d+) = 0", text)
    if not found:
        return text
    a, b, c = found[1] or "1", f"({found[2]}{found[3]})", f"({found[4]}{found[5]})"
    return rf"x = \frac{{-{b} \pm \sqrt{{{b}^2-4\cdot {a}\cdot {c}}}}}{{2\cdot {a}}}"


_STEPS: dict[str, Callable[[str], str]] = {
    "a product": _worked(r"\*"),
    "a sum": _worked(r"[-+]"),
    "a common denominator": _common_denominator,
    "over one denominator": _over_one,
    "a product of fractions": lambda text: re.sub(
        rf"{_OVER}\s*\*\s*{_OVER}", r"(\1*\3)/(\2*\4)", text, count=1
    ),
    "x alone": _x_alone,
    "the formula": _formula,
    "a product multiplied out": lambda text: re.sub(
        r"\(x ([-+] \d+)\)\*\(x ([-+] \d+)\)", r"x*(x \2) \1*(x \2)", text
    ),
    "multiplied out": lambda text: re.sub(
        r"\(x ([-+] )(\d+)\)\*\(x ([-+] \d+)\)", r"x^2 + x*(\3) \1\2*x \1\2*(\3)", text
    ),
}
