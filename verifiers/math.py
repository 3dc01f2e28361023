r"""Maths: the completion's one final answer against the reference, strictly, by its type.

The final answer is what the text states (`rlvr.maths.extract`, `rlvr.maths.stance`). A statement
that is denied, supposed, hedged, cut off or taken back is no answer. The answer is found without
the reference's value, read by a parser with a closed vocabulary (`rlvr.maths.parse`,
`rlvr.maths.read`) and compared by its type (`rlvr.maths.compare`), exactly or to many digits
(`rlvr.maths.value`). No text from a model reaches Python's evaluator.

A completion without a final answer, or with one outside the vocabulary, is `wrong`. If the
reference has no value, the verdict is `abstain`. If the reference is outside the vocabulary, its
own text is `correct` (spaces and formatting do not count), and anything else is `abstain`.

Work is counted and limited (`rlvr.maths.effort`). If a comparison stays undecided because of the
limit, or for any other reason, the reference is compared with itself in another spelling. If that
is decided, the answer is at fault, and `wrong`, even if a proof could show that it is right. If
not, the reference is at fault, and the verdict is `abstain`. So a model can't get an abstain by
choice.

Outside the vocabulary: integrals, long sums, limits, piecewise functions, drawings, sentences.
latex2sympy2_extended could read some of them, but it passes pieces of the text to sympy's
parse_expr, which evaluates them. So it is not used.

How it decides
- Numbers compare exactly. One decimal stands for a number that has no finite decimal (1/3,
  sqrt(17)) if it shows at least `significant_digits` digits and is that number rounded to them
  (from 15 digits on, to double precision).
- Two functions are equal if they agree at enough points at which both are real: ln(xy) is ln x +
  ln y. But if one has |.| in it, the other points count too: ln|x| is not ln x.
- An answer must be worked out as far as its reference is (`rlvr.maths.finished`). A repeated
  question about numbers, whatever is put around it, is no answer. With letters the value decides,
  and not the form: `2x+3x` answers `5x` (the verifier `algebra` judges the form). If the reference
  is a number, the answer must be a numeral, a fraction, or something that may stand unevaluated. If
  it is another constant, the answer may use no function that the reference does not use. `2x = 6`
  does not answer `x = 3`, and `2x+1 > 7` does not answer `x > 3`.
- A number may be in English words (`seventy-two`, `so there are five apples`).
- If the reference has several values, a text may state them in lines of their own
  (`rlvr.maths.listed`).
- A percent sign, a currency or a unit beside a box belongs to what it holds.
- Equations compare as equations (equal up to a constant factor, or to clearing denominators);
  inequalities in one variable as sets; open and closed ends differ. `k = 1` answers the reference
  `1`, and `1` answers `k = 1`. The right-hand side alone does not answer an equation with a second
  variable, unless the left-hand side is a function's name: `f(x) = `, `S_n = `, `dy/dx = `. Before
  a number or an expression, the left-hand side may also name what was asked for (`m + n =`,
  `|AB| =`, `P(A|B) =`, `\text{Area} =`, an integral, a limit). Letters alone are such a name; with
  x, y and z they are an equation.
- `rlvr.maths.names` decides whether a symbol before a bracket is a name applied to it or a factor:
  `f(2)`, `\varphi(n)` and `C_5^2` are no products.
- An identity answers an expression with its last side, if all of the identity is true:
  `x^2-1 = (x-1)(x+1)`. The letter of a function's argument is free: `f(t) = t+1` answers
  `f(x) = x+1`.
- A pair, a set, an interval and a list are different things. Only two kinds compare with another: a
  list without brackets with a set, and a pair with `x = 2, y = 3`, in the order of the alphabet; so
  do several of them. An end at infinity is open, however it is written.
- 15:30 and 3:30 pm answer each other; 3:30 does not answer 3:30 pm, which says more.
- A chain a = b = c is right only if all of it is.

Policies, as options
- percent: "value" (28% is 0.28, and not 28) | "number" (28% may also be written 28).
- units: "optional" (a unit may be missing on either side; if both have one, they must agree after
  conversion; degrees and currencies count as units) | "required" (an answer without the unit is
  wrong).
- angles: "degrees" (30 degrees is 30, and not pi/6) | "radians" (30 degrees is pi/6).
- ordered: whether a list without brackets must come in the reference's order (default no; with
  repetitions).
- significant_digits: the smallest number of digits of a rounded decimal (default 6).
- arithmetic: "refused" (an operation between numbers that is still to be done is no answer: 12+34,
  54/3, log_2 8) | "accepted" (the value decides). Powers, roots, factorials, binomials and
  fractions that are not whole numbers may always stand unevaluated.
- retracted: "heard" (an answer that later words take back is no answer) | "ignored" (the last box
  counts, whatever the text says after it).
- base: "written" (for 1010_2 the answer must be the numeral in base 2, with or without subscript,
  and 1010_2 does not answer 10, for to convert it is the question) | "value" (each answers the
  other).
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

from rlvr.data import Problem, Status, Verdict
from rlvr.maths import cjk
from rlvr.maths.alike import how_many
from rlvr.maths.approx import exact_side, rounds_to
from rlvr.maths.around import torn
from rlvr.maths.cardinals import is_word, with_digits
from rlvr.maths.compare import same
from rlvr.maths.dates import names_day
from rlvr.maths.effort import Undecided, Undefined, allowance
from rlvr.maths.extract import Found, final_answer
from rlvr.maths.kinds import Answer, Choice, Quantity, Several, Words
from rlvr.maths.lex import ParseError, ValuelessError
from rlvr.maths.nouns import nouns_in
from rlvr.maths.numbers import based, finite
from rlvr.maths.parse import MAX_CHARS, Group, Num, Op, Rel, Sym, numeral
from rlvr.maths.policy import Policy
from rlvr.maths.quantities import unit_in_a_line
from rlvr.maths.read import read
from rlvr.maths.reader import Reader
from rlvr.maths.references import said, stated, words_of
from rlvr.maths.sentences import stated_word
from rlvr.maths.sets import NotASet
from rlvr.maths.signs import expanded
from rlvr.maths.special import several_choices
from rlvr.maths.stance import changed_before, doubted
from rlvr.maths.units import counted
from rlvr.maths.value import exact, number, symbols
from rlvr.maths.written import same_writing

PRELOAD = ("mpmath", "rlvr.maths.symbolic")


def verify(
    problem: Problem,
    completion: str,
    percent: Literal["value", "number"] = "value",
    units: Literal["optional", "required"] = "optional",
    angles: Literal["degrees", "radians"] = "degrees",
    ordered: bool = False,
    significant_digits: int = 6,
    base: Literal["written", "value"] = "written",
    arithmetic: Literal["refused", "accepted"] = "refused",
    retracted: Literal["heard", "ignored"] = "heard",
) -> Verdict:
    """Judge whether the completion's final answer is the reference, under the given policies.

    Raises ValueError for an unknown policy.
    """
    policy = Policy(
        percent, units, angles, ordered, significant_digits, base, arithmetic, retracted
    )
    gold = _reference_text(problem.reference)
    quick = _quick(gold, completion)
    if quick is not None:
        return quick
    with allowance():
        return _judge(gold, completion, policy, problem.prompt)


def _judge(gold: str, completion: str, policy: Policy, prompt: str) -> Verdict:
    reference = _reference(gold)
    if isinstance(reference, str):
        return _as_written(gold, completion, reference, policy)
    known = nouns_in(prompt) | counted(reference)
    worded = isinstance(reference, Words) or is_word(gold)
    found = _found(completion, reference, policy, known, worded)
    text = found.text
    if text is None:
        return Verdict("wrong", found.reason)
    if is_word(gold) or isinstance(reference, Words) and " " not in reference.text:
        text = stated_word(text)
    if isinstance(reference, Words) and (
        cjk.said_last(text, reference.text) or names_day(text, reference.text)
    ):
        text = reference.text
    if not isinstance(reference, Words):
        text = with_digits(text)
    if len(text) > MAX_CHARS:
        return Verdict("wrong", f"an answer of more than {MAX_CHARS:,} characters")
    verdict = _decide(gold, reference, text, policy, known)
    if verdict.status != "correct" and _spelled_alike(gold, text):
        return Verdict("correct", extracted=verdict.extracted)
    return verdict


def _found(
    completion: str,
    reference: Answer | str,
    policy: Policy,
    known: frozenset[str],
    worded: bool = False,
) -> Found:
    reader = Reader(
        lambda text: _readable(text, known),
        lambda a, b: _same_text(a, b, policy, known),
        isinstance(reference, Choice),
        worded,
        how_many(reference),
    )
    return final_answer(completion, reader, policy.retracted == "heard")


def _as_written(gold: str, completion: str, why: str, policy: Policy) -> Verdict:
    """Judge with an unreadable reference: its own text is right, anything else is undecided."""
    if why.startswith(_UNKNOWN) and len(gold) <= MAX_CHARS:
        found = _found(completion, why, policy, frozenset())
        answer = _unwrapped(found.text or "")
        if cjk.CIRCLED.search(gold) and not several_choices(answer):
            answer = "" if _MARKED.search(completion) else cjk.circled_last(completion[-MAX_CHARS:])
        wanted, given = several_choices(gold), several_choices(answer)
        if wanted:
            if wanted == given:
                return Verdict("correct", extracted=answer)
            return Verdict("wrong", _OTHERS, answer or None)
        if found.text is not None and _spelled_alike(gold, found.text):
            return Verdict("correct", extracted=found.text)
    return Verdict("abstain", f"reference {gold[:80]!r}: {why}")


_MARKED = re.compile(r"\\boxed|\\fbox|<answer|####|<think")
_NO_DIGITS = re.compile(r"[^1-9]++")


def _spelled_alike(gold: str, text: str) -> bool:
    """Return whether two texts are spelled alike, so that neither need be parsed."""
    gold, text = _unwrapped(gold), _unwrapped(text)
    if len(text) > 2 * MAX_CHARS or _NO_DIGITS.sub("", gold) != _NO_DIGITS.sub("", text):
        return False  # two plain numbers, before anything is parsed
    return same_writing(gold, text)


_OTHERS = "other choices"


def _decide(
    gold: str, reference: Answer, text: str, policy: Policy, known: frozenset[str]
) -> Verdict:
    text = _unwrapped(text)
    if several_choices(gold) and several_choices(text):
        right = several_choices(gold) == several_choices(text)
        return Verdict("correct" if right else "wrong", "" if right else _OTHERS, text)
    try:
        right = same(reference, _answer(text, reference, known), policy)
        right = right or rounds_to(reference, text)
    except (ParseError, NotASet) as error:
        return Verdict("wrong", f"not an answer of the reference's type: {error}"[:200], text)
    except Undefined as error:
        return Verdict("wrong", f"the answer has no value: {error}"[:200], text)
    except Undecided as error:
        status: Status = "wrong" if _settles(gold) else "abstain"
        return Verdict(status, f"can't be settled: {error}"[:200], text)
    except Exception as error:
        if not _settles(gold):
            raise  # a fault of ours: the reference alone causes it
        name = type(error).__name__
        return Verdict("wrong", f"the answer can't be evaluated: {name}: {error}"[:200], text)
    return Verdict("correct" if right else "wrong", "" if right else "not the reference", text)


@lru_cache(maxsize=4096)
def _settles(gold: str) -> bool:
    """Return whether a comparison of the reference with itself, in another spelling, is decided.

    If it is, then an undecided comparison is the answer's fault, and not the reference's.
    """
    reference = _reference(gold)
    assert not isinstance(reference, str)  # an unreadable reference has been refused before
    try:
        with allowance():
            same(reference, _otherwise(reference), _ANY)
    except (ArithmeticError, NotASet):
        return False
    return True


_ANY = Policy(arithmetic="accepted")


def _otherwise(answer: Any) -> Any:
    """Write every number as a sum, so that no part is recognised by its spelling."""
    if isinstance(answer, Quantity):
        return replace(answer, value=_otherwise(answer.value))
    if isinstance(answer, Several):
        return Several(tuple(map(_otherwise, answer.items)))
    if isinstance(answer, Num) and answer.places is None:
        return Op("+", (answer, Num(Fraction(0))))
    if isinstance(answer, Op) and answer.name != "based":
        return Op(answer.name, tuple(map(_otherwise, answer.args)))
    if isinstance(answer, (Rel, Group)):
        return replace(answer, items=tuple(map(_otherwise, answer.items)))
    return answer


# --- the fast path: plain numbers on both sides ----------------------------------------------

_PLAIN = re.compile(
    r"\s*+(-?)(?:([0-9]++)(?:\.([0-9]++))?|([0-9]++)/([0-9]++)"
    r"|\\frac\{([0-9]++)\}\{([0-9]++)\})\s*+\.?\s*+"
)
_LAST_BOX = re.compile(r"\\boxed\{([^{}\\]*|\\frac\{[0-9]+\}\{[0-9]+\})\}[\s$.)\]}*]*+")
_MARKS = ("<", "◁", "[THINK", "\\fbox")  # it may belong to a thought or to another box


def _plain(text: str) -> Fraction | None:
    match = _PLAIN.fullmatch(text) if len(text) < 400 else None
    if match is None:
        return None
    sign, whole, places, top, bottom, tex_top, tex_bottom = match.groups()
    if whole is not None:
        value = Fraction(int(whole + (places or "")), 10 ** len(places or ""))
    elif int(top or tex_top) % (int(bottom or tex_bottom) or 1):
        value = Fraction(int(top or tex_top), int(bottom or tex_bottom))
    else:
        return None  # a division left undone, or by zero
    return -value if sign else value


def _quick(gold: str, completion: str) -> Verdict | None:
    """Decide plain numbers, the completion's being bare or in its only box; else return None."""
    reference = _plain_reference(gold)
    if reference is None:
        return None
    text = completion
    start = completion.find("\\boxed")
    if start >= 0:
        box = _LAST_BOX.fullmatch(completion, start)
        if box is None or any(mark in completion for mark in _MARKS):
            return None
        if (
            completion.startswith("Here")
            or doubted(completion, start)
            or changed_before(completion, start)
            or torn(completion, start, start)
        ):
            return None
        text = box[1]
    answer = _plain(text)
    if answer is None:
        return None
    if answer == reference:
        return Verdict("correct", extracted=text.strip())
    if finite(answer) and finite(reference):
        return Verdict("wrong", "not the reference", text.strip())
    return None  # it may be a rounded decimal


_plain_reference = lru_cache(maxsize=4096)(_plain)


# --- reading ---------------------------------------------------------------------------------


def _reference_text(reference: Any) -> str:
    if isinstance(reference, bool) or not isinstance(reference, (str, int, float, Fraction)):
        return ""
    if isinstance(reference, float) and not isfinite(reference):
        return ""
    return stated(str(reference))


_FORMULA = re.compile(
    r"\$\$([^$]++)\$\$|\$([^$]++)\$|\\\(((?:[^\\]|\\[^()])*+)\\\)|\\\[((?:[^\\]|\\[^\[\]])*+)\\\]"
)


def _unwrapped(text: str) -> str:
    """Strip one box from around an answer, or the marks of one formula."""
    text = text.strip()
    box = re.fullmatch(r"\$*\s*\\(?:boxed|fbox)\s*\{(.*)\}\s*\$*\.?", text, re.S)
    found = box or _FORMULA.fullmatch(text)
    return found[found.lastindex or 0].strip() if found else text


_UNKNOWN = "unreadable"  # a reference outside the vocabulary: nothing says that it is wrong


@lru_cache(maxsize=4096)
def _reference(gold: str) -> Answer | str:
    """Return the answer in the reference, or why there is none."""
    if _DATE_OR_SCORE.fullmatch(gold.strip(" $")):
        return f"{_UNKNOWN} (a date or a score)"
    try:
        answer = expanded(read(exact_side(_unwrapped(gold)), known=words_of(gold)))
        _check_value(answer)
    except (Undefined, NotASet, ValuelessError) as error:
        return f"no value ({error})"
    except ParseError as error:
        return f"{_UNKNOWN} ({error})"
    except Undecided:
        return answer
    return answer


def _check_value(answer: Answer) -> None:
    """Raise Undefined if a constant in the answer has no value."""
    if isinstance(answer, Quantity):
        _check_value(answer.value)
    elif isinstance(answer, (Group, Rel, Several)):
        for item in answer.items:
            _check_value(item)
    elif isinstance(answer, Op) and not symbols(answer) and exact(answer) is None:
        number(answer)
    elif isinstance(answer, Op) and "oo" in symbols(answer) and answer != Op("neg", (Sym("oo"),)):
        raise Undefined("arithmetic with infinity")


_LABEL = re.compile(
    r"\s*+\\(?:text|mathrm|operatorname)\s*+\{\s*+"
    r"(?![^{}]*\b(?i:not?|never|wrong|incorrect|false|maybe|perhaps|possibly|guess|unsure|old|bad"
    r"|fake|previous|estimated?|twice|double|opposite|plus|minus|less than|more than"
    r"|(?:half|square|cube|root) (?:of|the))\b)"
    r"[A-Za-z][A-Za-z ]{1,40}\}\s*+"
    r"(?:\(?\s*+(?:\\triangle\s*+)?[A-Za-z]{1,4}+(?:,\s*+[A-Za-z])?+\s*+\)?\s*+)?=(.+)",
    re.S,
)


_POINT = re.compile(r"[PC]\s*+((?:\\left\s*+)?\(.+\))", re.S)


def _answer(text: str, reference: Answer, known: frozenset[str]) -> Answer:
    r"""Read a candidate, without a name in words (`\text{Area} = 5`).

    If a list is expected, `1,234,567` may be a list.
    """
    text = exact_side(text)
    label = None if isinstance(reference, Rel) else _LABEL.fullmatch(text)
    text = label[1] if label else text
    # P(1,2) and C(5,2) alone may be numbers of choices, but not where a point is expected.
    point = isinstance(reference, Group) and reference.kind == "()" and _POINT.fullmatch(text)
    text = point[1] if point else text
    text = unit_in_a_line(text) if isinstance(reference, Quantity) else text
    base = based(reference) if isinstance(reference, Op) else None
    hexadecimal = re.fullmatch(r"([0-9A-Fa-f]{1,100})(?:_\{?([0-9]{1,2})\}?)?", text)
    if base and base[1] > 10 and hexadecimal and hexadecimal[2] in (None, str(base[1])):
        return numeral(hexadecimal[1], base[1])
    answer = expanded(_read(text, known))
    if (
        isinstance(reference, Group)
        and reference.kind in ("list", "and", "or", "{}")
        and isinstance(answer, Num)
    ):
        answer = expanded(read(text, thousands=False))
    return answer


def _read(text: str, known: frozenset[str]) -> Answer:
    try:
        return read(text, known=known)
    except ParseError:
        if (sentence := said(text)) == text:
            raise
        return read(exact_side(sentence), known=known)


_DATE_OR_SCORE = re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}|[0-9]+\s*[-–]\s*[0-9]+")


def _readable(text: str, known: frozenset[str]) -> bool:
    try:
        answer = read(exact_side(_unwrapped(text)), known=known)
    except ParseError:
        return False
    return not isinstance(answer, Words)


def _same_text(a: str, b: str, policy: Policy, known: frozenset[str]) -> bool:
    """Return whether two texts are the same answer, to tell repeated boxes from different ones."""
    try:
        reference = expanded(read(_unwrapped(a), known=known))
        return same(reference, _answer(_unwrapped(b), reference, known), policy)
    except (ParseError, NotASet, Undefined, Undecided):
        return False


CASES = [
    ("46", "46", "correct"),
    ("1/3", r"The answer is $\boxed{\frac13}$.", "correct"),
    ("7425000", r"So we get \boxed{7,425,000}.", "correct"),
    ("0.28", r"\boxed{28}", "wrong"),
    ("1", r"\boxed{k=1}", "correct"),
    ("2x+z=1", r"\boxed{1}", "wrong"),
    ("2x+4y-3=0", r"\boxed{y=-\frac{x}{2}+\frac34}", "correct"),
    ("(0,9)", r"\boxed{[0,9)}", "wrong"),
    ("(3,1)", r"\boxed{\{1,3\}}", "wrong"),
    ("1/2^{99}", r"\boxed{1/2^{98}}", "wrong"),
    (r"\sqrt{17}", r"\boxed{4.123105625617661}", "correct"),
    ("42", r"\boxed{41} or \boxed{42}", "wrong"),
    ("42", "", "wrong"),
    ("5", r"\boxed{5^{5^{5^{5^{5}}}}}", "wrong"),
    ("nan", r"\boxed{nan}", "abstain"),
]


def pairs(n: int, seed: int) -> Iterator[Any]:
    """Yield n pairs that are known to be right or wrong, for `rlvr audit math`."""
    # Imported by name, so that the pairs do not count for the verifier's version.
    made: Iterator[Any] = importlib.import_module("rlvr.verify.truth.maths").pairs(n, seed)
    return made


def habits(n: int, seed: int) -> Iterator[Any]:
    """Yield n pairs whose texts state an answer, or none, as models do (`rlvr.verify.truth`)."""
    made: Iterator[Any] = importlib.import_module("rlvr.verify.truth.habits").pairs(n, seed)
    return made
