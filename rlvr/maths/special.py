"""Special: compares answers that are no plain mathematics: choices, words, times of day, ratios."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from rlvr.maths import cjk
from rlvr.maths.finished import unfinished, worked_out
from rlvr.maths.kinds import Answer, Choice, Clock, Ratio, Words
from rlvr.maths.names import value_of
from rlvr.maths.tree import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.value import equal, exact

_ZERO = Num(Fraction(0))


def same_special(gold: Answer, answer: Answer) -> bool:
    """Return whether an answer is the reference, one of them a choice, words, a time or a ratio.

    Raises Undefined, Undecided.
    """
    if isinstance(gold, Clock) and isinstance(answer, Clock):
        return _same_clock(gold, answer)
    gold, answer = _as_ratio(gold), _as_ratio(answer)
    if isinstance(gold, Ratio) and isinstance(answer, Rel):
        turned = gold.names and _quotient(answer.items[0]) == gold.names[::-1]
        answer = value_of(answer)
        answer = Op("/", (Num(Fraction(1)), answer)) if turned else answer  # b/a, for a:b
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        return _same_ratio(gold, answer)
    if isinstance(gold, Choice) and isinstance(answer, Sym):
        return answer.name.upper() == gold.letter
    if isinstance(answer, Choice) and isinstance(gold, Sym):
        return answer.letter == gold.name
    if isinstance(gold, Ratio) and len(gold.parts) == 2 and isinstance(answer, (Num, Op)):
        parts = answer.args if isinstance(answer, Op) and answer.name == "/" else (answer,)
        return not any(map(unfinished, parts)) and equal(Op("/", gold.parts), answer)
    if isinstance(answer, Ratio) and isinstance(gold, (Num, Op)):
        if len(answer.parts) != 2 or not _is_fraction(gold):
            return False
        return not any(map(unfinished, answer.parts)) and equal(gold, Op("/", answer.parts))
    return gold == answer or any(_says(kind, gold) and _says(kind, answer) for kind in _ABSENT)


# Two ways to say that there is no answer: no solution, and no limit.
_ABSENT = (
    re.compile(
        r"(?:there (?:is|are) )?no (?:real )?solutions?|(?:the )?empty set|无解|無解"
        r"|(?:(?:so|thus|hence|therefore),? )?(?:the )?(?:solution )?set is (?:the )?empty(?: set)?"
    ),
    re.compile(
        r"dne|(?:(?:it|(?:the |this )?(?:limit|integral)) )?"
        r"(?:does not|doesn['’]t) exist|不存在|极限不存在"
    ),
)


def _says(kind: re.Pattern[str], answer: Answer) -> bool:
    """Return whether an answer says in words that there is none; the empty set says it too."""
    if isinstance(answer, Words):
        return kind.fullmatch(answer.text) is not None
    return kind is _ABSENT[0] and answer == Group("{}", ())


def _as_ratio(answer: Answer) -> Answer:
    """Return a clock as a ratio, if the other answer is no clock: 16:25 compared with 16/25."""
    if not isinstance(answer, Clock) or answer.half or answer.seconds % 60:
        return answer
    hours, minutes = divmod(answer.seconds // 60, 60)
    if not hours or minutes < 10:
        return answer  # nobody writes a ratio with a zero in front
    return Ratio((Num(Fraction(hours)), Num(Fraction(minutes))))


def _is_fraction(gold: Node) -> bool:
    """Return whether a number or an expression may also be said as a ratio: no whole number."""
    value = exact(gold)
    return value is None or value.denominator > 1


def _quotient(left: Node) -> tuple[str, ...]:
    """Return the names in `a/b`; () for another left side."""
    letters = left.args if isinstance(left, Op) and left.name == "/" else ()
    return tuple(letter.name for letter in letters if isinstance(letter, Sym))


def _same_ratio(gold: Ratio, answer: Ratio) -> bool:
    """Compare in proportion; 0:0 would be in proportion to everything, and is no ratio.

    If both have the same names, the parts are compared by name: b:a = 2:1 is a:b = 1:2.
    """
    if len(gold.parts) != len(answer.parts):
        return False
    if gold.names and sorted(set(gold.names)) == sorted(answer.names):
        named = dict(zip(answer.names, answer.parts, strict=True))
        answer = Ratio(tuple(named[name] for name in gold.names))
    (a, b), *others = zip(gold.parts, answer.parts, strict=True)
    pairs = [(a, b), *others]
    return (
        all(equal(x, _ZERO) == equal(y, _ZERO) for x, y in pairs)
        and all(worked_out(x, y) for x, y in pairs)
        and all(equal(Op("*", (a, y)), Op("*", (x, b))) for x, y in others)
    )


def _same_clock(gold: Clock, answer: Clock) -> bool:
    if gold.half and answer.half or not gold.half and not answer.half:
        return gold == answer
    if not gold.half and gold.seconds == answer.seconds:
        return True
    # 15:30 and 3:30 pm answer each other; a bare 3:30 does not answer 3:30 pm.
    halved, plain = (gold, answer) if gold.half else (answer, gold)
    hour, rest = divmod(halved.seconds, 3600)
    day = (hour % 12 + (12 if halved.half == "p" else 0)) * 3600 + rest
    return plain.seconds == day and (day >= 13 * 3600 or day < 3600)


_LETTERS = re.compile(r"\(?[A-H]\)?(?:(?:\s*+(?:,|;|、|&|and\b)){0,2}\s*+\(?[A-H]\)?){1,7}")
_UPRIGHT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|rm)\s*+\{([^{}]*+)\}")


@lru_cache(maxsize=4096)
def several_choices(text: str) -> str:
    """Return the letters of several choices, `BD` for `B, D` or `(B) and (D)`; "" for another.

    Numbers in circles stand for themselves.
    Without marks between them they are in the order of the alphabet: `BAD` is a word.
    """
    if len(text) > 80:
        return ""
    plain = _UPRIGHT.sub(r"\1", text).strip(" $.")
    if cjk.CIRCLED.fullmatch(plain):
        return "".join(sorted(set(re.findall("[①-⑳]", plain))))
    if not _LETTERS.fullmatch(plain):
        return ""
    letters = "".join(re.findall("[A-H]", plain))
    inorder = "".join(sorted(set(letters)))
    return inorder if letters == inorder or len(letters) == len(inorder) != len(plain) else ""
