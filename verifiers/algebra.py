"""Algebra: the answer as `math` judges it, and in the form that was asked for.

The reference is {"answer": ...} or {"answer": ..., "form": "expanded"}. Expanded means a sum of
powers of one letter, each power once, without parentheses. A repeated question or a half-worked
answer may be equal to it, but is not expanded. If no form is asked for, any form is accepted.

Options: none; numbers and expressions compare by the defaults of `math`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from rlvr.verifiers import math

from rlvr.data import Problem, Verdict

PRELOAD = math.PRELOAD

# A term: a number, a power of a letter, or both; `2x^3`, `2*x^{3}`, `\frac{1}{2} x`, `x/2`.
_NUMBER = r"(?:\d+(?:\.\d+)?(?:/\d+)?|\\[dt]?frac\{\d+\}\{\d+\})"
_TERM = re.compile(rf"({_NUMBER})?\*?(?:([a-zA-Z])(?:\^(\d+))?)?(?:/\d+)?")


def verify(problem: Problem, completion: str) -> Verdict:
    """Judge the final answer by its value, then by its form."""
    reference = problem.reference
    if not isinstance(reference, Mapping) or not isinstance(reference.get("answer"), str):
        return Verdict("abstain", 'the reference must be {"answer": ...}, perhaps with "form"')
    if reference.get("form") not in (None, "expanded"):
        return Verdict("abstain", f"reference: form {reference['form']!r} is not known")
    verdict: Verdict = math.verify(replace(problem, reference=reference["answer"]), completion)
    if verdict.status == "correct" and reference.get("form") and not expanded(verdict.extracted):
        return replace(verdict, status="wrong", reason="not multiplied out and collected")
    return verdict


def expanded(text: str | None) -> bool:
    """Return whether a sum is multiplied out, with each power of its one letter once."""
    text = re.sub(r"\\(?:cdot|times)(?![a-zA-Z])|[·×]|\*\*", _plain, (text or ""))
    tight = re.sub(r"\s|\\[,;:! ]|\\(?:left|right)\b|\$", "", text.rpartition("=")[2])
    tight = re.sub(r"\^\{(\d+)\}", r"^\1", tight).replace("−", "-").rstrip(".")
    powers: list[int] = []
    letters: set[str] = set()
    for term in re.split(r"(?<!^)[+-]", tight.removeprefix("+").removeprefix("-")):
        found = _TERM.fullmatch(term)
        if found is None or not term:
            return False
        letters |= {found[2]} - {None}
        powers.append(int(found[3] or 1) if found[2] else 0)
    return len(letters) < 2 and len(set(powers)) == len(powers)


def _plain(operator: re.Match[str]) -> str:
    return "^" if operator[0] == "**" else "*"


_SQUARE = {"answer": "x^2 - x - 6", "form": "expanded"}
CASES = [
    (_SQUARE, "x^2 - x - 6", "correct"),
    (_SQUARE, r"So we get \boxed{x^{2}-x-6}.", "correct"),
    (_SQUARE, "-6 - x + x^2", "correct"),
    (_SQUARE, "(x + 2)*(x - 3)", "wrong"),
    (_SQUARE, "x^2 - 3*x + 2*x - 6", "wrong"),
    (_SQUARE, "x*(x - 1) - 6", "wrong"),
    (_SQUARE, "x^2 - x - 5", "wrong"),
    (_SQUARE, "x*x - x - 6", "wrong"),
    (_SQUARE, "x^2 - x - 4 - 2", "wrong"),
    ({"answer": "5"}, "x = 5", "correct"),
    ({"answer": "5"}, "3*x + 4 = 19", "wrong"),
    ({"answer": "1/2"}, r"$x = \frac{1}{2}$", "correct"),
    ({"answer": "{-3, 2}"}, "x = -3 or x = 2", "correct"),
    ({"answer": "{-3, 2}"}, r"\boxed{2, -3}", "correct"),
    ({"answer": "{-3, 2}"}, "x = 2", "wrong"),
    ({"answer": "{-3, 2}"}, "x = -3 or x = 2 or x = 1", "wrong"),
    ({"answer": "{-3, 2}"}, "x^2 + x - 6 = 0", "wrong"),
    ({"answer": "6*x - 4"}, "2*(3*x - 2)", "correct"),
    ({"answer": "6*x - 4"}, "3*x^2 - 4*x", "wrong"),
    ({"answer": "6*cos(3*x)"}, r"\boxed{6\cos(3x)}", "correct"),
    ("5", "5", "abstain"),
    ({"answer": "5", "form": "factored"}, "5", "abstain"),
]
