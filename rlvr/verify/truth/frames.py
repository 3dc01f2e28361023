"""Frames: writes completions around an answer, with the answer in a right place or spoilt."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from rlvr.verify.truth.made import Form, Made

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


def right_completion(rng: Random, made: Made, kind: str) -> Form:
    """Return a completion whose final answer is right, and how it was written."""
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


def wrong_completion(rng: Random, made: Made, kind: str) -> Form:
    """Return a completion whose final answer is wrong or missing, and how it was spoilt."""
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
