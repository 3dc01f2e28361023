r"""Maths with its work: the final answer as `math` judges it, and every worked line must hold.

If a final answer is right but its work is wrong, the verdict is `wrong`, with the reason `right
answer by luck: line 3, ...`. A wrong or undecided answer keeps `math`'s verdict. A line counts as
wrong only if that can be shown. Words, and what is outside the vocabulary, are skipped; the
reference plays no part; and what a line takes from the problem's text is believed. So the share of
luck is a lower bound: work that holds need not be the work that gives the answer.
`rlvr.maths.lines` says what a line of work is, and where its units end.

What must hold
- Constants: every member of `a = b = c` is the same number, `2 < 3` is true, 1/0 has no value. A
  decimal may be rounded if it has two places or three digits; `≈` allows one part in twenty. If
  units differ between terms (5 feet = 60 inches), a mismatch proves nothing.
- Rewriting: a row that starts with `=` continues the last row. Neighbouring rows that are bare
  expressions are equal. In a chain of three or more, neighbours with the same variables are the
  same function.
- Equations in one variable are compared by their real solutions. No step may lose a solution. If
  roots are found one by one, in cases, all must be named in the end. One root may be picked if the
  roots were listed before, or for a reason (a bound such as x > 0; reject, positive, length, ...).
  A step may add solutions, for example by squaring, if a later line drops them. So solving ends
  with the solutions with which it began.
- Equations in several variables: what is known is substituted (x = 5, a = b, y = 10 - x), and the
  equation must not contradict it. A new equation is a premise, unless an arrow or a word such as
  `rearranging` makes it a step.
- An inequality that follows an unsolved linear one has the same solutions.
"if", "case", "suppose" and the like, or "x = 2:", start over; "let x be" frees x. A sentence that
denies (wrong, not equal, contradiction) or asks is skipped.

Options, beside those of `math`
- minimum: the smallest number of steps that must hold (default 0: a bare right answer passes). With
  fewer steps the verdict is `wrong`, and does not count as luck.
- undecided: "skip" (a step that is read but can't be decided is skipped) | "wrong".
Work beyond the limits on length, lines and cost is `wrong` in both cases: the candidate wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

from rlvr.verifiers.math import verify as verify_answer

from rlvr.data import Problem, Verdict
from rlvr.maths.effort import ALLOWANCE, Costly, Undecided, Undefined, allowance
from rlvr.maths.lex import ParseError
from rlvr.maths.lines import Line, TooMuch, worked
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym, parse
from rlvr.maths.steps import (
    HOLDS,
    NOTHING,
    Known,
    Part,
    Why,
    is_expression,
    listed,
    near,
    pair,
    same,
    solutions,
    substituted,
)
from rlvr.maths.value import symbols
from rlvr.verify.verifier import LUCKY

PRELOAD = ("mpmath", "rlvr.maths.symbolic")
TELLS_LUCK = True


def verify(
    problem: Problem,
    completion: str,
    minimum: int = 0,
    undecided: Literal["skip", "wrong"] = "skip",
    **options: Any,
) -> Verdict:
    """Judge whether the final answer is the reference, and no worked line fails.

    Raises ValueError for an unknown value of an option.
    """
    if undecided not in ("skip", "wrong"):
        raise ValueError(f"undecided: {undecided!r} is neither skip nor wrong")
    verdict: Verdict = verify_answer(problem, completion, **options)
    if verdict.status != "correct":
        return verdict
    try:
        with allowance(2 * ALLOWANCE):
            return _worked_through(completion, verdict, minimum, undecided == "wrong")
    except (TooMuch, Costly) as error:
        return Verdict("wrong", f"work too long to check: {error}", verdict.extracted)


def _worked_through(completion: str, verdict: Verdict, minimum: int, strict: bool) -> Verdict:
    """Return `verdict`, or why the work before it does not hold. Raises TooMuch, Costly."""
    lines = worked(completion)
    known, held, open_ = Known(), 0, ""
    for line in lines:
        try:
            why = check(line, known)
        except Costly:
            raise
        except Undecided as error:
            open_ = open_ or f"undecided: line {line.number}, {line.text[:80]!r}: {error}"
            continue
        if why:
            return _lucky(line, why, verdict)
        held += why == HOLDS
    for line, reason in known.unsettled.values():
        return _lucky(line, reason, verdict)
    if open_ and strict:
        return Verdict("wrong", open_, verdict.extracted)
    if held < minimum:
        return Verdict("wrong", f"too little work: {held} of {minimum} steps", verdict.extracted)
    return verdict


def _lucky(line: Line, why: str, verdict: Verdict) -> Verdict:
    reason = f"{LUCKY}: line {line.number}, {line.text[:80]!r}: {why}"
    return Verdict("wrong", reason[:300], verdict.extracted)


# --- one line --------------------------------------------------------------------------------

_DENIED = re.compile(
    r"\b(?:wrong|incorrect|false|impossible|contradict\w*|mistake|error|no (?:real )?solutions?|"
    r"instead of|cannot|(?:not|n['’]t) (?:correct|right|true|possible|valid|hold|satisfy|equal|"
    r"work|a solution))\b|\?",
    re.I,
)
_DENIES = re.compile(r"(?:\b(?:not|never)|n['’]t)\b[^.]{0,20}$", re.I)
_SUPPOSED = re.compile(
    r"\b(?:if|case|suppose|assume|assuming|try|trying|when|for|otherwise|guess|imagine|at|unless|"
    r"consider|example)\b",
    re.I,
)
_REASON = re.compile(
    r"\b(?:positive|negative|reject|discard|ignore|extraneous|valid|only|must be|length|side|"
    r"distance|radius|age|area|integer|whole)\b",
    re.I,
)
_FREED = re.compile(
    r"\b(?:let|denote|call|where|define)\b.*\b(?:be|denotes?|represents?|the)\b", re.I
)
_APPROX = re.compile(r"\\approx(?![a-zA-Z])|≈|\\simeq(?![a-zA-Z])")
_APPLIED = re.compile(r"(?<![A-Za-z\\])[fghpqCEFGHNPQSTV]\s*'*(?:\^\{?-1\}?)?\(|\\frac\s*\{\s*d")


def check(line: Line, known: Known) -> Why:
    """Return HOLDS, NOTHING or why a line fails; remember what it says. Raises Undecided."""
    if _DENIED.search(line.sentence) or _DENIES.search(line.before):
        return NOTHING
    case = line.labels and re.fullmatch(r"[A-Za-z]\s*=\s*-?[0-9./]+", line.text)
    if case or _SUPPOSED.search(line.before):
        for part in (known.values, known.starts, known.found, known.bounds):
            part.clear()
        known.chosen.clear()
    elif len(line.text) == 1 and _FREED.search(line.sentence):
        known.values.pop(line.text, None)
        known.starts.pop(line.text, None)
        return NOTHING
    why: Why = NOTHING
    for text in _readings(line):
        why = _read(text, line, known)
        if not why:
            return why
    return NOTHING if line.unsure else why


def _readings(line: Line) -> Iterator[str]:
    """Return a line's possible readings: `8/40 * 100 = 20%`, an exclamation, `- 3 = ...`."""
    yield line.text
    if "%" in line.text:
        yield re.sub(r"\\?%", "", line.text)
    if line.text.endswith("!"):
        yield line.text[:-1]
    if line.minus:
        yield f"-{line.text}"


def _read(text: str, line: Line, known: Known) -> Why:
    """Check one reading of a line: its parts between signs of approximation, and across these."""
    parts = [_statements(part.strip(), line, known) for part in _APPROX.split(text)]
    found: list[Why] = []
    for node, goes_on in (one for part in parts for one in part):
        try:
            found.append(_statement(node, goes_on, line, known))
        except Undefined as error:
            found.append(f"no value: {error}")
    for before, after in pairwise(parts):
        if before and after:
            found.append(_about(_ends(before[-1][0])[1], _ends(after[0][0])[0], known))
    return next((why for why in found if why), HOLDS if HOLDS in found else NOTHING)


def _about(a: Node, b: Node, known: Known) -> Why:
    if not is_expression(a, b):
        return NOTHING
    a, b = substituted(a, known.values), substituted(b, known.values)
    if symbols(a) | symbols(b):
        return NOTHING
    try:
        return HOLDS if near(a, b) else "not even about equal"
    except Undefined as error:
        return f"no value: {error}"


def _ends(node: Node) -> tuple[Node, Node]:
    return (node.items[0], node.items[-1]) if isinstance(node, Rel) else (node, node)


def _statements(text: str, line: Line, known: Known) -> list[tuple[Node, bool]]:
    """Parse a part of a line; a row that continues the last one (true) begins with its members."""
    goes_on, text = text.startswith("="), text.strip("= ,;")
    node = _parsed(text)
    if node is None and not re.search(r"[<>]", text):
        members = [_parsed(member) for member in re.split("=+", text)]
        kept = tuple(member for member in members if member and is_expression(member))
        node = Rel(("=",) * (len(kept) - 1), kept) if len(kept) > 1 else None
    if node is None:
        return []
    if line.torn and not goes_on:
        if not isinstance(node, Rel) or len(node.items) < 3:
            return []
        node = Rel(node.ops[1:], node.items[1:])
    if isinstance(node, Group):
        if listed(node) or node.kind not in ("list", "and", "or"):
            return [(node, False)]
        bare = next((k for k, item in enumerate(node.items) if not isinstance(item, Rel)), 99)
        return [
            (item, False)
            for k, item in enumerate(node.items)
            if isinstance(item, Rel) and (k < bare or not isinstance(item.items[0], Num))
        ]
    if known.last and line.first and line.row - known.last_row <= 1:
        items, ops = (node.items, node.ops) if isinstance(node, Rel) else ((node,), ())
        if goes_on or (not ops and line.whole and known.last_bare):
            return [(Rel((*("=",) * len(known.last), *ops), (*known.last, *items)), True)]
    return [(node, False)]


def _parsed(text: str) -> Node | None:
    if not text or _APPLIED.search(text):
        return None
    try:
        return parse(text)
    except ParseError:
        return None


def _statement(node: Node, goes_on: bool, line: Line, known: Known) -> Why:
    """Check a chain of relations, or a list of solutions."""
    last = node.items[-2:] if isinstance(node, Rel) and node.ops[-1] == "=" else _ends(node)[1:]
    if is_expression(*last):
        bare = line.whole and isinstance(last[-1], Op) and (goes_on or len(last) == 1)
        known.last, known.last_row, known.last_bare = last, line.row, bare
    reason = bool(_REASON.search(line.sentence))
    options = listed(node)
    if options is not None:
        name, roots, before = options
        if any(not any(same(a, b) for b in roots) for a in before if not symbols(a)):
            return "the solutions differ from those before"
        return solutions(name, roots, line, known, reason)
    if not isinstance(node, Rel):
        return NOTHING
    found: list[Why] = []
    part: Part = "rows" if goes_on else "chain" if len(node.items) > 2 else ""
    for op, a, b in zip(node.ops, node.items, node.items[1:], strict=False):
        if isinstance(a, Group) and isinstance(b, Group) and len(a.items) == len(b.items):
            if a.kind == b.kind == "()":  # (x, y) = (2, 3)
                sides = zip(a.items, b.items, strict=True)
                found += [pair("=", x, y, line, known, "", reason) for x, y in sides]
            continue
        found.append(pair(op, a, b, line, known, part, reason))
    ends = _ends(node)
    if part and isinstance(ends[0], Sym) and set(node.ops) == {"="} and not any(found):
        found.append(pair("=", *ends, line, known, "", reason))
    return next((why for why in found if why), HOLDS if HOLDS in found else NOTHING)


CASES = [
    ("46", "12 + 34 = 46. The answer is 46.", "correct"),
    ("46", "46", "correct"),
    ("46", "12 + 34 = 45, so the answer is 46.", "wrong"),
    ("46", "12 + 34 = 46. The answer is 45.", "wrong"),
    ("14", "3 + 4 = 7 * 2 = 14\n#### 14", "wrong"),
    ("18", "She sells 16 - 3 - 4 = <<16-3-4=9>>9 eggs, 9 * 2 = $<<9*2=18>>18.\n#### 18", "correct"),
    ("18", "She sells 16 - 3 - 4 = <<16-3-4=8>>9 eggs, 9 * 2 = $<<9*2=18>>18.\n#### 18", "wrong"),
    ("24", "12 + 3*4\n= 12 + 12\n= 24\n#### 24", "correct"),
    ("24", "12 + 3*4\n= 15*4\n= 24\n#### 24", "wrong"),
    ("24", "12 + 3*4\n12 + 12\n24\n#### 24", "correct"),
    ("2", "2x + 3 = 7\n2x = 4\nx = 2\n\\boxed{2}", "correct"),
    ("2", "2x + 3 = 7\n2x = 10\nx = 2\n\\boxed{2}", "wrong"),
    ("7", "Let $x = 5$, then $x + 2 = 7$. The answer is $\\boxed{7}$.", "correct"),
    ("7", "Let $x = 5$, then $x + 3 = 7$. The answer is $\\boxed{7}$.", "wrong"),
    ("3", "x^2 = 3x => x = 3\n\\boxed{3}", "wrong"),
    ("3", "x^2 = 3x => x(x - 3) = 0 => x = 0 or x = 3. As x > 0, x = 3. \\boxed{3}", "correct"),
    ("6", "\\sqrt{x+3} = x - 3\nx + 3 = (x-3)^2\nx = 1 or x = 6\nx = 6\n\\boxed{6}", "correct"),
    ("4", "\\sqrt{x} = -2\nx = 4\n\\boxed{4}", "wrong"),
    ("6", "x + y = 10 and x - y = 2\n2x = 12\nx = 6\n\\boxed{6}", "correct"),
    ("4x", "(x+1)^2 - (x-1)^2\n= (x^2 + 1) - (x^2 - 1)\n= 4x\n\\boxed{4x}", "wrong"),
    (r"x(x+2)", r"\begin{align*}(x+1)^2-1 &= x^2+2x\\ &= x(x+2)\end{align*} $\boxed{x(x+2)}$",
     "correct"),
    ("33.33", "100 / 3 = 33.33. The answer is 33.33.", "correct"),
    ("60", "5 feet = 60 inches. The answer is 60.", "correct"),
    ("nan", "1 + 1 = 2\n\\boxed{nan}", "abstain"),
]  # fmt: skip
