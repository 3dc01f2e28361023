"""Maths: the completion's one final answer against the reference, strictly, by its type.

The final answer is found without a look at the reference (`rlvr.maths.extract`), read by a parser
with a closed vocabulary (`rlvr.maths.parse`, `rlvr.maths.units`) and compared exactly, or to many
digits (`rlvr.maths.value`). No text of a model reaches Python's evaluator. No final answer, or one
outside the vocabulary, is `wrong`; a reference outside it, or without a value, is `abstain`, and so
is a comparison too large to settle.

How it decides
- Numbers compare exactly. One decimal stands for a number that has no finite decimal (1/3,
  sqrt(17)) if it shows at least `significant_digits` digits and is that number rounded to them
  (from 15 digits on, to double precision).
- Equations compare as equations (equal up to a constant factor, or to clearing denominators);
  inequalities in one variable as sets; open and closed ends differ. `k = 1` answers the reference
  `1`, and `1` the reference `k = 1`; the right-hand side alone does not answer an equation that
  holds a second variable.
- A pair, a set, an interval and a list are different things; only a list without brackets and a set
  compare.
- A chain a = b = c is right only if all of it is.

Policies, as options
- percent: "value" (28% is 0.28, and not 28) | "number" (28% may also be written 28).
- units: "optional" (may be missing on either side; where both have one they must agree, after
  conversion; degrees and currencies count as units) | "required" (missing on the answer's side is
  wrong).
- angles: "degrees" (30 degrees is 30, and not pi/6) | "radians" (30 degrees is pi/6).
- ordered: whether a list without brackets must come in the reference's order (default no; with
  repetitions).
- significant_digits: least number shown by a rounded decimal (default 6).
- arithmetic: "refused" (12+34 and 2*5 do not answer a number: the sum is the question) |
  "accepted". Powers, roots, factorials and fractions always may stand as they are.
- base: "written" (1010_2 wants the numeral in base 2, the subscript may be missing) | "value" (10
  will do).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from typing import Any, Literal

from rlvr.data import Problem, Verdict
from rlvr.maths.extract import Found, final_answer
from rlvr.maths.lex import ParseError
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.sets import NotASet, real_set, same_set
from rlvr.maths.units import Answer, Choice, Clock, Quantity, Ratio, Words, read
from rlvr.maths.value import (
    TooBig,
    Undecided,
    Undefined,
    equal,
    exact,
    is_finite_decimal,
    number,
    proportional,
    symbols,
)

PRELOAD = ("mpmath", "rlvr.maths.symbolic")


@dataclass(frozen=True, slots=True)
class Policy:
    """The options, as the module's docstring lists them."""

    percent: Literal["value", "number"] = "value"
    units: Literal["optional", "required"] = "optional"
    angles: Literal["degrees", "radians"] = "degrees"
    ordered: bool = False
    significant_digits: int = 6
    base: Literal["written", "value"] = "written"
    arithmetic: Literal["refused", "accepted"] = "refused"


def verify(problem: Problem, completion: str, **options: Any) -> Verdict:
    """Say whether the completion's final answer is the reference, under the policies given."""
    policy = Policy(**options)
    gold = _reference_text(problem.reference)
    quick = _quick(gold, completion)
    if quick is not None:
        return quick
    reference = _reference(gold)
    if isinstance(reference, str):
        return Verdict("abstain", f"reference {gold[:80]!r}: {reference}")
    found = final_answer(completion, _readable, lambda a, b: _same_text(a, b, policy))
    if found.text is None:
        return Verdict("wrong", found.reason)
    return _decide(reference, found, policy)


def _decide(reference: Answer, found: Found, policy: Policy) -> Verdict:
    text = _unwrapped(str(found.text))
    shown = text[:200]
    try:
        same = _same(reference, _answer(text, reference), policy)
    except (ParseError, NotASet) as error:
        return Verdict("wrong", f"not an answer of the reference's type: {error}"[:200], shown)
    except Undefined as error:
        return Verdict("wrong", f"the answer has no value: {error}", shown)
    except Undecided as error:
        return Verdict("abstain", f"undecided: {error}", shown)
    return (
        Verdict("correct", extracted=shown)
        if same
        else Verdict("wrong", "not the reference", shown)
    )


# --- the fast path: plain numbers on both sides ----------------------------------------------

_PLAIN = re.compile(
    r"\s*(-?)(?:([0-9]+)(?:\.([0-9]+))?|([0-9]+)/([0-9]+)|\\frac\{([0-9]+)\}\{([0-9]+)\})\s*\.?\s*"
)
_LAST_BOX = re.compile(r"\\boxed\{([^{}\\]*|\\frac\{[0-9]+\}\{[0-9]+\})\}[^\\0-9]*")


def _plain(text: str) -> Fraction | None:
    match = _PLAIN.fullmatch(text) if len(text) < 400 else None
    if match is None:
        return None
    sign, whole, places, top, bottom, tex_top, tex_bottom = match.groups()
    if whole is not None:
        value = Fraction(int(whole + (places or "")), 10 ** len(places or ""))
    elif int(bottom or tex_bottom):
        value = Fraction(int(top or tex_top), int(bottom or tex_bottom))
    else:
        return None
    return -value if sign else value


def _quick(gold: str, completion: str) -> Verdict | None:
    """Decide plain numbers on both sides, the completion's bare or in its only box; else None."""
    reference = _plain_reference(gold)
    if reference is None:
        return None
    text = completion
    start = completion.find("\\boxed")
    if start >= 0:
        box = _LAST_BOX.fullmatch(completion, start)
        if box is None or "<think" in completion:
            return None
        text = box[1]
    answer = _plain(text)
    if answer is None:
        return None
    if answer == reference:
        return Verdict("correct", extracted=text.strip())
    if _finite(answer) and _finite(reference):
        return Verdict("wrong", "not the reference", text.strip())
    return None  # a rounded decimal, perhaps


_plain_reference = lru_cache(maxsize=4096)(_plain)


def _finite(value: Fraction) -> bool:
    """Whether the number has a finite decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


# --- reading ---------------------------------------------------------------------------------


def _reference_text(reference: Any) -> str:
    if isinstance(reference, bool) or not isinstance(reference, (str, int, float, Fraction)):
        return ""
    return "" if isinstance(reference, float) and not isfinite(reference) else str(reference)


def _unwrapped(text: str) -> str:
    """Strip one box and announcing words from around an answer."""
    text = text.strip()
    box = re.fullmatch(r"\$*\s*\\(?:boxed|fbox)\s*\{(.*)\}\s*\$*\.?", text, re.S)
    return box[1].strip() if box else text


@lru_cache(maxsize=4096)
def _reference(gold: str) -> Answer | str:
    """Return the reference's answer, or why it has none."""
    try:
        answer = _expanded(read(_before_approx(_unwrapped(gold))))
        _check_value(answer)
    except (ParseError, Undefined, NotASet) as error:
        return f"unreadable ({error})"
    except Undecided:
        return answer
    return answer


def _check_value(answer: Answer) -> None:
    """Raise Undefined if a constant in the answer has no value."""
    if isinstance(answer, Quantity):
        _check_value(answer.value)
    elif isinstance(answer, (Group, Rel)):
        for item in answer.items:
            _check_value(item)
    elif isinstance(answer, Op) and not symbols(answer) and exact(answer) is None:
        number(answer)
    elif isinstance(answer, Op) and "oo" in symbols(answer) and answer != Op("neg", (Sym("oo"),)):
        raise Undefined("arithmetic with infinity")


def _answer(text: str, reference: Answer) -> Answer:
    """Read a candidate; where a list is wanted, `1,234,567` may be one."""
    text = _before_approx(text)
    answer = _expanded(read(text))
    if (
        isinstance(reference, Group)
        and reference.kind in ("list", "and", "or", "{}")
        and isinstance(answer, Num)
    ):
        answer = _expanded(read(text, thousands=False))
    return answer


def _before_approx(text: str) -> str:
    parts = re.split(r"\\approx(?![a-zA-Z])|≈", text)
    return (parts[0].strip() or parts[-1].strip()) if len(parts) == 2 else text


def _readable(text: str) -> bool:
    try:
        answer = read(_before_approx(_unwrapped(text)))
    except ParseError:
        return False
    return not isinstance(answer, Words)


def _same_text(a: str, b: str, policy: Policy) -> bool:
    """Whether two texts are the same answer, for telling repeated boxes from different ones."""
    try:
        reference = _expanded(read(_unwrapped(a)))
        return _same(reference, _answer(_unwrapped(b), reference), policy)
    except (ParseError, NotASet, Undefined, Undecided):
        return False


def _expanded(answer: Answer) -> Answer:
    """Write plus-minus out as the two answers it stands for."""
    if isinstance(answer, (Num, Sym, Op, Rel)):
        both = _both_signs(answer)
        return both[0] if len(both) == 1 else Group("list", both)
    if isinstance(answer, Group) and answer.kind in ("list", "and", "or", "{}"):
        items = tuple(part for item in answer.items for part in _both_signs(item))
        return Group(answer.kind, items)
    return answer


def _both_signs(node: Node) -> tuple[Node, ...]:
    if not _has_pm(node):
        return (node,)
    return (_signed(node, 1), _signed(node, -1))


def _has_pm(node: Node) -> bool:
    if isinstance(node, Op):
        return node.name in ("pm", "mp") or any(map(_has_pm, node.args))
    return isinstance(node, (Rel, Group)) and any(map(_has_pm, node.items))


def _signed(node: Node, sign: int) -> Node:
    if isinstance(node, Op):
        args = tuple(_signed(arg, sign) for arg in node.args)
        if node.name in ("pm", "mp"):
            return args[0] if (sign > 0) == (node.name == "pm") else Op("neg", args)
        return Op(node.name, args)
    if isinstance(node, Rel):
        return Rel(node.ops, tuple(_signed(item, sign) for item in node.items))
    if isinstance(node, Group):
        return Group(node.kind, tuple(_signed(item, sign) for item in node.items))
    return node


# --- comparing, by the reference's type ------------------------------------------------------


def _same(gold: Answer, answer: Answer, policy: Policy) -> bool:
    if isinstance(gold, (Choice, Words, Clock, Ratio)) or isinstance(
        answer, (Choice, Words, Clock, Ratio)
    ):
        return _same_special(gold, answer, policy)
    if isinstance(gold, Quantity) or isinstance(answer, Quantity):
        return _same_quantity(gold, answer, policy)
    if isinstance(answer, Rel) and not isinstance(gold, Rel):
        return _same_as_chain(gold, answer, policy)
    if isinstance(gold, Rel):
        return _same_relation(gold, answer, policy)
    if isinstance(gold, Group):
        return _same_group(gold, answer, policy)
    if isinstance(answer, Group):
        return False
    return _same_number(gold, answer, policy)


def _same_special(gold: Answer, answer: Answer, policy: Policy) -> bool:
    if isinstance(gold, Clock) and isinstance(answer, Clock):
        return _same_clock(gold, answer)
    if (
        isinstance(gold, Ratio)
        and isinstance(answer, Ratio)
        and len(gold.parts) == len(answer.parts)
    ):
        first, others = (
            (gold.parts[0], answer.parts[0]),
            zip(gold.parts[1:], answer.parts[1:], strict=True),
        )
        return all(equal(Op("*", (first[0], b)), Op("*", (a, first[1]))) for a, b in others)
    if isinstance(gold, Choice) and isinstance(answer, Sym):
        return answer.name.upper() == gold.letter
    if isinstance(answer, Choice) and isinstance(gold, Sym):
        return answer.letter == gold.name
    if isinstance(gold, Ratio) and len(gold.parts) == 2 and isinstance(answer, (Num, Op)):
        return equal(Op("/", gold.parts), answer)
    return gold == answer


def _same_clock(gold: Clock, answer: Clock) -> bool:
    if gold.half and answer.half or not gold.half and not answer.half:
        return gold == answer
    if not gold.half:
        return gold.seconds == answer.seconds
    # 15:30 answers 3:30 pm; a bare 3:30 does not.
    hour, rest = divmod(gold.seconds, 3600)
    day = (hour % 12 + (12 if gold.half == "p" else 0)) * 3600 + rest
    return answer.seconds == day and (day >= 13 * 3600 or day < 3600)


def _same_quantity(gold: Answer, answer: Answer, policy: Policy) -> bool:
    if isinstance(gold, Quantity) and gold.bare is not None and not isinstance(answer, Quantity):
        if isinstance(answer, Op) and (symbols(answer) or policy.angles == "radians"):
            return _same(gold.bare, answer, policy)
    if isinstance(answer, Quantity) and answer.bare is not None and not isinstance(gold, Quantity):
        if isinstance(gold, Op) and (symbols(gold) or policy.angles == "radians"):
            return _same(gold, answer.bare, policy)
    if (
        isinstance(gold, Quantity)
        and isinstance(answer, Quantity)
        and gold.dimension
        and answer.dimension
    ):
        if gold.dimension != answer.dimension:
            return False
        if gold.factor != answer.factor:
            scaled = [Op("*", (side.value, Num(side.factor))) for side in (gold, answer)]
            return _same(scaled[0], scaled[1], policy)
        return _same(gold.value, answer.value, policy)
    if policy.units == "required" and isinstance(gold, Quantity) and gold.dimension:
        return False
    left = gold.value if isinstance(gold, Quantity) else gold
    right = answer.value if isinstance(answer, Quantity) else answer
    if isinstance(gold, Quantity) and isinstance(right, Rel):
        right = _right_side(right)
    return _same(left, right, policy)


def _right_side(node: Rel) -> Node:
    """The value in `x = 5`, where a unit is the reference's."""
    if node.ops == ("=",) and isinstance(node.items[0], Sym) and _assignable(node.items[0]):
        return node.items[1]
    return node


def _assignable(node: Node) -> bool:
    return isinstance(node, Sym) and node.name not in ("e", "i", "pi", "oo")


def _same_as_chain(gold: Node | Quantity, answer: Rel, policy: Policy) -> bool:
    """`x = a = b` or `3 + 4 = 7` for a reference that is no relation: all of it must be right."""
    if set(answer.ops) == {"in"} and len(answer.items) == 2 and _assignable(answer.items[0]):
        return _same(gold, answer.items[1], policy)
    if isinstance(gold, Group) and not set(answer.ops) <= {"="}:
        return _same_group(gold, answer, policy)
    if set(answer.ops) != {"="}:
        return False
    members = answer.items
    if isinstance(gold, Group) and len(members) == 2 and _named_tuple(members[0]):
        return _same_group(gold, members[1], policy)
    if _assignable(members[0]) and members[0] != gold:
        members = members[1:]
    elif any(symbols(member) for member in members):
        return False
    lenient = replace(policy, arithmetic="accepted")
    return _same(gold, members[-1], policy) and all(
        _same(gold, member, lenient) for member in members[:-1]
    )


def _named_tuple(node: Node) -> bool:
    """`(x, y)` in `(x, y) = (1, 2)`: different letters, in the order of the alphabet."""
    if not isinstance(node, Group) or node.kind != "()" or not all(map(_assignable, node.items)):
        return False
    names = [item.name for item in node.items if isinstance(item, Sym)]
    return names == sorted(set(names))


def _same_relation(gold: Rel, answer: Node | Quantity, policy: Policy) -> bool:
    if isinstance(answer, Rel) and set(gold.ops) == {"="} == set(answer.ops):
        return _same_equation(gold, answer, policy)
    if set(gold.ops) == {"in"} and len(gold.items) == 2:
        return _same(gold.items[1], answer.items[1] if isinstance(answer, Rel) else answer, policy)
    if set(gold.ops) == {"="}:
        name, value = gold.items[0], gold.items[-1]
        if (
            len(gold.items) == 2
            and _named_tuple(name)
            and isinstance(value, Group)
            and isinstance(answer, Group)
        ):
            return _same_group(value, answer, policy)
        if isinstance(answer, (Rel, Quantity)) or len(gold.items) != 2 or not _assignable(name):
            return False
        if symbols(value) and "(" not in (name.name if isinstance(name, Sym) else ""):
            return False
        return _same(value, answer, policy)
    if (
        isinstance(answer, Rel)
        and gold.ops == answer.ops
        and len(gold.ops) == 1
        and gold.ops != ("in",)
    ):
        if len(symbols(gold)) > 1 or len(symbols(answer)) > 1:
            return _same_inequality(gold, answer)
    if isinstance(answer, Rel) and len(gold.ops) == 1 == len(answer.ops) and len(symbols(gold)) > 1:
        return _same_inequality(gold, answer)
    if isinstance(answer, (Rel, Group)):
        if isinstance(answer, Rel) and symbols(gold) != symbols(answer):
            return False
        try:
            wanted = real_set(gold)
        except NotASet:
            if isinstance(answer, Rel) and len(gold.ops) == 1 == len(answer.ops):
                return _same_inequality(gold, answer)
            if len(symbols(gold)) > 1:
                return False
            raise Undecided("an inequality that is not solved for its variable") from None
        return same_set(wanted, real_set(answer))
    return False


def _difference(node: Rel) -> Node:
    return Op("+", (node.items[0], Op("neg", (node.items[1],))))


def _same_equation(gold: Rel, answer: Rel, policy: Policy) -> bool:
    if len(gold.items) != 2 or len(answer.items) != 2:
        return len(gold.items) == len(answer.items) and all(
            _same(a, b, policy) for a, b in zip(gold.items, answer.items, strict=True)
        )
    if any(isinstance(item, (Group, Rel)) for item in gold.items + answer.items):
        return gold.items[0] == answer.items[0] and _same(gold.items[1], answer.items[1], policy)
    for left, right in ((gold.items, answer.items), (gold.items, answer.items[::-1])):
        # x = 0.333333 against x = 1/3: the rule for decimals applies to the value.
        if (
            left[0] == right[0]
            and _assignable(left[0])
            and not symbols(left[1])
            and not symbols(right[1])
        ):
            return _same_number(left[1], right[1], policy)
    a, b = _difference(gold), _difference(answer)
    if symbols(a) != symbols(b):
        return False
    return proportional(a, b) != 0 or _same_cleared(a, b)


def _same_cleared(a: Node, b: Node) -> bool:
    """Whether two rational functions have the same numerator up to a constant.

    `y = 1/x` and `xy = 1`.
    """
    from rlvr.maths.symbolic import numerators_proportional

    return numerators_proportional(a, b)


def _same_inequality(gold: Rel, answer: Rel) -> bool:
    """Compare one-step inequalities: the difference of the sides, up to a positive factor."""
    a, b, op_a, op_b = _difference(gold), _difference(answer), gold.ops[0], answer.ops[0]
    if op_a[0] == ">":
        a, op_a = Op("neg", (a,)), op_a.replace(">", "<")
    if op_b[0] == ">":
        b, op_b = Op("neg", (b,)), op_b.replace(">", "<")
    if op_a != op_b or symbols(a) != symbols(b):
        return False
    sign = proportional(a, b)
    return sign != 0 and (op_a == "!=" or sign > 0)


_LISTS = ("list", "and", "or")
_SET_KINDS = ("(]", "[)", "union", "inter", "setminus", "builder")


def _same_group(gold: Group, answer: Node | Quantity, policy: Policy) -> bool:
    if gold.kind in _LISTS and all(isinstance(item, Rel) for item in gold.items):
        if not all(isinstance(item, Rel) and set(item.ops) == {"="} for item in gold.items):
            return isinstance(answer, (Group, Rel)) and same_set(real_set(gold), real_set(answer))
    if gold.kind in (*_LISTS, "{}"):
        return _same_list(gold, answer, policy)
    if gold.kind in _SET_KINDS or "oo" in symbols(gold) and gold.kind in ("()", "[]"):
        return isinstance(answer, (Group, Rel)) and same_set(real_set(gold), real_set(answer))
    if isinstance(answer, Quantity):
        return False
    if gold.kind in ("()", "[]") and len(gold.items) == 2 and _is_condition(answer):
        return same_set(real_set(gold), real_set(answer))
    if (
        not isinstance(answer, Group)
        or answer.kind != gold.kind
        or len(answer.items) != len(gold.items)
    ):
        return False
    if gold.items and _names_values(gold.items, answer.items):
        return False
    return all(_same(a, b, policy) for a, b in zip(gold.items, answer.items, strict=True))


def _is_condition(answer: Node) -> bool:
    """An inequality, or a set written with one: then a pair of ends is an interval."""
    if isinstance(answer, Rel):
        return not set(answer.ops) & {"=", "in"}
    return isinstance(answer, Group) and answer.kind == "builder"


def _same_list(gold: Group, answer: Node | Quantity, policy: Policy) -> bool:
    if not isinstance(answer, Group) or answer.kind not in (*_LISTS, "{}"):
        return False
    wanted, given = list(gold.items), _without_names(answer, gold)
    if gold.kind == "{}" or answer.kind == "{}":
        wanted, given = _distinct(wanted, policy), _distinct(given, policy)
    if len(wanted) != len(given) or (wanted and _names_values(wanted, given)):
        return False
    if policy.ordered and gold.kind != "{}":
        return all(_same(a, b, policy) for a, b in zip(wanted, given, strict=True))
    for item in wanted:
        match = next(
            (index for index, other in enumerate(given) if _same(item, other, policy)), None
        )
        if match is None:
            return False
        del given[match]
    return True


def _names_values(wanted: Sequence[Node], given: Sequence[Node]) -> bool:
    """Whether one side names values (x = 1, y = 2) that the other lists bare."""
    named, bare = (wanted, given) if isinstance(wanted[0], Rel) else (given, wanted)
    if not any(isinstance(item, Rel) for item in named) or all(
        isinstance(item, Rel) for item in bare
    ):
        return False
    return named is given or len({item.items[0] for item in named if isinstance(item, Rel)}) > 1


def _without_names(answer: Group, gold: Group) -> list[Node]:
    """`x = 1 or x = 2`, and `x = 1, 2`, where the reference lists bare values."""
    items = list(answer.items)
    if (
        any(isinstance(item, Rel) for item in gold.items)
        or not items
        or not isinstance(items[0], Rel)
    ):
        return items
    name = items[0].items[0]
    if not _assignable(name):
        return items
    if any(
        isinstance(item, Rel) and (item.ops != ("=",) or item.items[0] != name) for item in items
    ):
        return items
    return [item.items[1] if isinstance(item, Rel) else item for item in items]


def _distinct(items: list[Node], policy: Policy) -> list[Node]:
    found: list[Node] = []
    for item in items:
        if not any(_same(item, other, policy) for other in found):
            found.append(item)
    return found


# --- numbers ---------------------------------------------------------------------------------


def _same_number(gold: Node, answer: Node, policy: Policy) -> bool:
    gold_base, answer_base = _based(gold), _based(answer)
    if gold_base and policy.base == "written":
        return _same_numeral(gold_base, answer, answer_base)
    if policy.arithmetic == "refused" and isinstance(gold, Num) and _is_arithmetic(answer):
        return False
    gold, answer = _as_decimal(gold), _as_decimal(answer)
    if equal(gold, answer) or _rounded(gold, answer, policy) or _rounded(answer, gold, policy):
        return True
    if policy.percent == "number" and _is_percent(gold) != _is_percent(answer):
        return _same_number(_without_percent(gold), _without_percent(answer), policy)
    return False


def _based(node: Node) -> tuple[int, int] | None:
    if isinstance(node, Op) and node.name == "based":
        value, base = (int(arg.value) for arg in node.args if isinstance(arg, Num))
        return value, base
    return None


def _same_numeral(gold: tuple[int, int], answer: Node, answer_base: tuple[int, int] | None) -> bool:
    if answer_base:
        return gold == answer_base
    if not isinstance(answer, Num) or answer.places is not None or answer.value.denominator != 1:
        return False
    if _digits(answer.value.numerator) > 1000:
        return False
    digits = str(answer.value)
    return (
        digits.isdigit()
        and all(int(digit) < gold[1] for digit in digits)
        and int(digits, gold[1]) == gold[0]
    )


def _is_arithmetic(node: Node) -> bool:
    """Whether a tree is nothing but sums and products of written numbers, not carried out."""
    if not isinstance(node, Op) or node.name not in ("+", "*"):
        return False
    parts = [arg.args[0] if isinstance(arg, Op) and arg.name == "neg" else arg for arg in node.args]
    return all(isinstance(part, Num) and (part.value.denominator == 1 or part.places is not None)
               or _is_arithmetic(part) for part in parts)  # fmt: skip


def _digits(number: int) -> int:
    """Count decimal digits; by the bits where Python refuses to write the number out."""
    bits = number.bit_length()
    return len(str(number)) if bits < 10_000 else bits * 30103 // 100_000


def _is_percent(node: Node) -> bool:
    return isinstance(node, Op) and node.name == "pct"


def _without_percent(node: Node) -> Node:
    return node.args[0] if isinstance(node, Op) and node.name == "pct" else node


def _as_decimal(node: Node) -> Node:
    """Fold a sign and a power of ten into a decimal literal, so that its places show."""
    if isinstance(node, Op) and node.name == "neg":
        inner = _as_decimal(node.args[0])
        return Num(-inner.value, inner.places) if isinstance(inner, Num) else node
    if (
        isinstance(node, Op)
        and node.name == "*"
        and isinstance(node.args[0], Num)
        and node.args[0].places is not None
    ):
        power = node.args[1]
        if isinstance(power, Op) and power.name == "^" and power.args[0] == Num(Fraction(10)):
            shift, scale = exact(power.args[1]), exact(power)
            if shift is not None and scale is not None:
                return Num(node.args[0].value * scale, node.args[0].places - int(shift))
    return node


def _rounded(decimal: Node, value: Node, policy: Policy) -> bool:
    """Whether `value` has no finite decimal and `decimal` is one that rounds it."""
    percent = _is_percent(decimal)
    literal = _as_decimal(_without_percent(decimal))
    if not isinstance(literal, Num) or literal.places is None or symbols(value):
        return False
    known = exact(value)
    if known is not None and _finite(known):
        return False
    places = literal.places + (2 if percent else 0)
    shown = literal.value / (100 if percent else 1)
    unit = Fraction(10) ** -places
    digits = _digits(abs(shown / unit).numerator)
    if digits < policy.significant_digits:
        return False
    slack = unit / 2
    if digits >= 15:
        slack = max(slack, abs(shown) / 10**14)
    if known is not None:
        return abs(known - shown) <= slack
    try:
        gap = abs(number(Op("+", (value, Op("neg", (Num(shown),)))), 40 + digits))
        # A finite decimal in disguise, such as tan(pi/4), compares exactly.
        return bool(gap <= number(Num(slack))) and not is_finite_decimal(value)
    except TooBig:
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
