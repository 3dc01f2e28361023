r"""Habits: pairs with texts in which models state an answer, or state nothing.

The grammar is in `rlvr.verify.truth.habit_frames` and `rlvr.verify.truth.habit_doubts`. A frame
that states an answer is right if it is filled with the reference. It is wrong with another value,
even if the reference stands in another slot. A frame that states nothing is wrong, although it
contains the reference. So the truth is known by construction. Nothing here parses anything, and
nothing is shared with the reader of answers (`rlvr.maths`): no pattern and no list of words.

The habits do not cover proofs, programs and answers that are sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from rlvr.verify.audit import Pair
from rlvr.verify.truth.habit_doubts import DOUBTING
from rlvr.verify.truth.habit_frames import LANGUAGES, STATING, THINKING, Habit


class Value(NamedTuple):
    """A value, as written in words and in maths mode."""

    plain: str
    tex: str


HABITS = STATING + THINKING + LANGUAGES + DOUBTING


def pairs(n: int, seed: int) -> Iterator[Pair]:
    """Yield n pairs, the habits in turn, every second pair right; the same for the same seed."""
    habits = [(habit, _cases(habit, seed)) for habit in HABITS]
    for index in range(n):
        habit, cases = habits[index % len(habits)]
        yield next(cases)


def _cases(habit: Habit, seed: int) -> Iterator[Pair]:
    """Yield right and wrong pairs of a habit in turn; each frame comes once before any comes again.

    Two of three wrong pairs state nothing, if the habit has such frames.
    """
    rng = Random(f"habits {seed} {habit.name}")
    right, missed = _shuffled(rng, habit.states), _shuffled(rng, habit.states)
    silent = _shuffled(rng, habit.silent)
    while True:
        for nothing in (True, True, False):
            yield _filled_in(rng, habit, next(right), "stated")
            if nothing and habit.silent:
                yield _filled_in(rng, habit, next(silent), "nothing stated")
            else:
                yield _miss(rng, habit, next(missed))


def _shuffled(rng: Random, frames: Sequence[str]) -> Iterator[str]:
    while frames:
        yield from rng.sample(frames, len(frames))


def _filled_in(rng: Random, habit: Habit, frame: str, how: str) -> Pair:
    values = _draw(rng, habit, frame)
    return _pair(rng, habit, frame, values, values, how)


def _miss(rng: Random, habit: Habit, frame: str) -> Pair:
    """Write a frame that states another value; the reference may stand in another slot."""
    values = _draw(rng, habit, frame)
    turned = (values[1], values[0], values[2])
    if habit.reference or rng.random() < 0.5:
        turned = (values[1], values[2], values[2])
    return _pair(rng, habit, frame, turned, values, "another value stated")


def _pair(
    rng: Random,
    habit: Habit,
    frame: str,
    shown: Sequence[Value],
    known: Sequence[Value],
    how: str,
) -> Pair:
    row = _row(frame)
    names = {"thing": rng.choice(THINGS), "who": rng.choice(NAMES)}
    reference = _filled(habit.reference or f"<{row[0]}>", row, known, names, reference=True)
    text = _filled(frame, row, shown, names)
    before = "" if habit.bare else rng.choice(BEFORE)
    prompt = _filled(habit.prompt, row, known, names)
    return Pair(reference, before + text, how == "stated", habit.name, how, prompt)


ROWS = ("nmk", "abc", "ABC", "EFG", "LMN")
_SLOT = re.compile(r"<([nmkabcABCEFGLMNpq]|thing|who)>")


def _row(frame: str) -> str:
    slots = _SLOT.findall(frame)
    return next(row for row in ROWS if any(slot in row for slot in slots))


def _filled(
    frame: str,
    row: str,
    values: Sequence[Value],
    names: dict[str, str],
    reference: bool = False,
) -> str:
    maths = reference or row not in ("nmk", "abc")
    slots = dict(names)
    for slot, value in zip(row, values, strict=True):
        slots[slot] = value.tex if maths else value.plain
    if "<p>" in frame:
        total = int(values[0].tex)
        slots |= {"p": str(total // 3), "q": str(total - total // 3)}
    return _SLOT.sub(lambda slot: slots[slot[1]], frame)


# --- values ----------------------------------------------------------------------------------

THINGS = ("apples", "marbles", "stickers", "cookies", "students", "chairs", "eggs", "pencils")
NAMES = ("Mia", "Tom", "Janet", "Omar", "Lucy", "the teacher")
BEFORE = (
    "",
    "",
    "Let us count: 3 + 4 = 7, and 7 - 2 = 5.\n",
    "First we add the numbers.\nThen we divide by 2.\n\n",
    "We work step by step and check each case.\n",
)


def _draw(rng: Random, habit: Habit, frame: str) -> tuple[Value, Value, Value]:
    """Return the answer and two other values, all different, of the kind that a frame needs."""
    row = _row(frame)
    sorts: dict[str, Sequence[Callable[[Random], list[Value]]]] = {
        "nmk": (_counts, _counts, _counts, _large),
        "abc": (_counts, _counts, _large, _negative, _decimals, _fractions),
        "ABC": (_counts, _counts, _negative, _decimals, _fractions, _surds),
        "EFG": (_counts, _fractions, _surds, _multiples_of_pi, _lines, _squares),
        "LMN": (_letters,),
    }
    sort = rng.choice(sorts[row])
    if habit.bare and row == "nmk":
        sort = _counts  # marks between thousands differ from language to language
    first, second, third = sort(rng)
    return first, second, third


def _whole(rng: Random, n: int) -> list[int]:
    """Return n and two of its near misses."""
    return [n, *rng.sample((n + 1, n - 1, n + 10, 2 * n, 10 * n), 2)]


def _counts(rng: Random) -> list[Value]:
    return [Value(str(n), str(n)) for n in _whole(rng, rng.randint(3, 400))]


def _large(rng: Random) -> list[Value]:
    mark = rng.choice((",", ""))
    values = _whole(rng, rng.randint(1_000, 2_000_000))
    return [Value(f"{n:,}".replace(",", mark), str(n)) for n in values]


def _negative(rng: Random) -> list[Value]:
    return [Value(f"-{n}", f"-{n}") for n in _whole(rng, rng.randint(3, 400))]


def _decimals(rng: Random) -> list[Value]:
    n = rng.randint(10, 900) * 10 + rng.randint(2, 8)
    texts = [f"{m // 100}.{m % 100:02d}" for m in (n, *rng.sample((n + 1, n - 1, 10 * n + 1), 2))]
    return [Value(text, text) for text in texts]


def _fractions(rng: Random) -> list[Value]:
    p, q = rng.sample((2, 3, 5, 7, 11, 13), 2)
    three = ((p, q), (q, p), (p + q, q))
    return [Value(f"{top}/{bottom}", rf"\frac{{{top}}}{{{bottom}}}") for top, bottom in three]


def _maths(*texts: str) -> list[Value]:
    return [Value(text, text) for text in texts]


def _surds(rng: Random) -> list[Value]:
    k, (c, d) = rng.randint(2, 30), rng.sample((2, 3, 5, 6, 7, 10), 2)
    return _maths(rf"{k}\sqrt{{{c}}}", rf"{k + 1}\sqrt{{{c}}}", rf"{k}\sqrt{{{d}}}")


def _multiples_of_pi(rng: Random) -> list[Value]:
    return _maths(*(rf"{n}\pi" for n in _whole(rng, rng.randint(3, 90))))


def _lines(rng: Random) -> list[Value]:
    p, q = rng.randint(2, 9), rng.randint(1, 30)
    return _maths(f"{p}t+{q}", f"{p}t-{q}", f"{p + 1}t+{q}")


def _squares(rng: Random) -> list[Value]:
    q = rng.randint(2, 30)
    return _maths(f"t^2-{q}", f"t^2+{q}", f"t^2-{q}t")


def _letters(rng: Random) -> list[Value]:
    return _maths(*rng.sample("ABCDE", 3))
