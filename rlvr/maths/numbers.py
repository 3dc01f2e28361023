"""Numbers: compares a number or an expression with the reference, under a policy."""

from __future__ import annotations

from fractions import Fraction

from rlvr.maths.effort import TooBig
from rlvr.maths.finished import families, unfinished, worked_out
from rlvr.maths.parse import Node, Num, Op
from rlvr.maths.policy import Policy
from rlvr.maths.value import equal, exact, is_finite_decimal, names_in, number, symbols


def same_number(gold: Node, answer: Node, policy: Policy) -> bool:
    """Return whether an expression has the reference's value, as worked out as the policy asks.

    A decimal is the value of a number without a finite decimal that it rounds
    (`significant_digits`). Raises Undecided, Undefined, TooBig.
    """
    gold_base, answer_base = based(gold), based(answer)
    if gold_base and policy.base == "written":
        return _same_numeral(gold_base, answer, answer_base)
    if policy.base == "written" and _other_bases(answer) and not _other_bases(gold):
        return False  # to write 1010_2 in base ten is the question
    if not symbols(gold) and symbols(answer):
        return False
    if policy.angles == "degrees":
        gold, answer = _without_degrees(gold), _without_degrees(answer)
    comparable = True
    if policy.arithmetic == "refused" and not symbols(gold):
        if not worked_out(gold, answer):
            return False
        comparable = unfinished(gold) or _of_its_kind(gold, answer)
    gold, answer = _as_decimal(gold), _as_decimal(answer)
    if comparable and equal(gold, answer):
        return True
    if _rounded(gold, answer, policy) or _rounded(answer, gold, policy):
        return True
    if policy.percent == "number" and _is_percent(gold) != _is_percent(answer):
        return same_number(_without_percent(gold), _without_percent(answer), policy)
    return False


def based(node: Node) -> tuple[int, int] | None:
    """Return (value, base) of a numeral with its base written, else None."""
    if isinstance(node, Op) and node.name == "based":
        value, base = (int(arg.value) for arg in node.args if isinstance(arg, Num))
        return value, base
    inner = based(node.args[0]) if isinstance(node, Op) and node.name == "neg" else None
    return (-inner[0], inner[1]) if inner else None


def _other_bases(node: Node) -> bool:
    """Return whether a tree has a numeral in another base than ten."""
    found = based(node)
    if found:
        return found[1] != 10
    return isinstance(node, Op) and any(map(_other_bases, node.args))


def _same_numeral(gold: tuple[int, int], answer: Node, answer_base: tuple[int, int] | None) -> bool:
    if answer_base:
        return gold == answer_base
    if not isinstance(answer, Num) or answer.places is not None or answer.value.denominator != 1:
        return False
    if _digits(answer.value.numerator) > 1000:
        return False
    digits = str(abs(answer.value))
    sign = -1 if answer.value < 0 else 1
    return all(int(digit) < gold[1] for digit in digits) and sign * int(digits, gold[1]) == gold[0]


def _of_its_kind(gold: Node, answer: Node) -> bool:
    r"""Return whether a constant is written in the kind of numbers that its reference is.

    A rational one without cancelling roots or functions (`\log_2 8` is 3, not yet computed), any
    other with no functions but the reference's (`\sin 60^\circ` does not answer a root).
    """
    if exact(gold) is not None:
        return exact(answer) is not None
    known, names = families(gold), names_in(gold)
    if "e" in names:  # e^(i x) is cos x + i sin x
        known |= {"log", "sin"} if "i" in names else {"log"}
    return families(answer) <= known


def _digits(number: int) -> int:
    """Count decimal digits; use the bits if Python refuses to write the number out."""
    bits = number.bit_length()
    return len(str(number)) if bits < 10_000 else bits * 30103 // 100_000


def _is_percent(node: Node) -> bool:
    return isinstance(node, Op) and node.name == "pct"


def _without_percent(node: Node) -> Node:
    return node.args[0] if isinstance(node, Op) and node.name == "pct" else node


def _without_degrees(node: Node) -> Node:
    return node.args[0] if isinstance(node, Op) and node.name == "deg" else node


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
    """Return whether `value` has no finite decimal and `decimal` is one that rounds it."""
    percent = _is_percent(decimal)
    literal = _as_decimal(_without_percent(decimal))
    if not isinstance(literal, Num) or literal.places is None or symbols(value):
        return False
    known = exact(value)
    if known is not None and finite(known):
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


def finite(value: Fraction) -> bool:
    """Return whether the number has a finite decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1
