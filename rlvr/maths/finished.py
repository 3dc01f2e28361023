r"""Finished: decides whether an answer is worked out.

A repeated question has the right value, but is no answer. An answer is unfinished if its tree
anywhere has an operation between numbers that could be carried out: `12+34`, `3*9`, `(12+34)/1`,
`10/2`, `\max(46,0)`, `-(-46)`, `2\sqrt3+\sqrt3`, `(1+i)^2`. These may stand unevaluated: a numeral
with its sign, per cent or degrees; a fraction of whole numbers that is not a whole number (10/12);
powers, roots, factorials and binomials (`2^{10}`, `\sqrt{16}`, `5!`, `7!!`), by policy, because
large ones are never written out; `4.6\times10^3`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from rlvr.maths.effort import spend
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.value import exact, symbols

_CARRIED_OUT = frozenset("abs floor ceil max min gcd lcm sgn Re Im arg totient".split())
_STANDING = frozenset("^ fact dfact binom sqrt root cbrt".split())
_FAMILY = {
    **dict.fromkeys(("ln", "log", "exp"), "log"),
    **dict.fromkeys("sin cos tan cot sec csc".split(), "sin"),
    **dict.fromkeys("sinh cosh tanh coth sech csch".split(), "sinh"),
    **dict.fromkeys("arcsin arccos arctan arccot arcsec arccsc".split(), "arcsin"),
    **dict.fromkeys("arcsinh arccosh arctanh".split(), "arcsinh"),
    **dict.fromkeys(("zeta", "gamma"), "zeta"),
}


def unfinished(node: Node) -> bool:
    """Return whether an operation between numbers is left undone. Raises Undefined, Undecided."""
    if isinstance(node, (Group, Rel)):
        return any(map(unfinished, scaled(node) or node.items))
    if not isinstance(node, Op):
        return False
    spend(3)
    return _undone(node) or any(map(unfinished, node.args))


def worked_out(gold: Node, answer: Node) -> bool:
    """Return whether an answer is worked out at least as far as its reference.

    For an unfinished reference, it is if each operation that it leaves undone is of a kind that the
    reference has: no sum of more terms, and no plain numbers to be added or multiplied.
    """
    if not unfinished(answer):
        return True
    left = list(_left_undone(gold))
    return bool(left) and all(
        any(_is_like(one, other) for one in left)
        for other in _left_undone(answer)
        if other.name == "+" or all(isinstance(part, Num) for part in _flat(other, other.name))
    )


def _left_undone(node: Node) -> Iterator[Op]:
    """Yield the operations that could be carried out."""
    if isinstance(node, (Group, Rel)):
        for item in scaled(node) or node.items:
            yield from _left_undone(item)
    elif isinstance(node, Op):
        spend(3)
        if _undone(node):
            yield node
        for part in node.args:
            yield from _left_undone(part)


def _is_like(gold: Op, answer: Op) -> bool:
    """Return whether an operation is the reference's, or one of its kind and no longer."""
    if gold.name != answer.name:
        return False
    ours, theirs = list(_flat(gold, gold.name)), list(_flat(answer, answer.name))
    if len(theirs) > len(ours):
        return False
    plain = [all(isinstance(part, Num) for part in parts) for parts in (theirs, ours)]
    return plain[0] <= plain[1] or sorted(map(_size, theirs)) == sorted(map(_size, ours))


def _size(node: Node) -> Fraction:
    return exact(node) or Fraction(0)


def families(node: Node) -> frozenset[str]:
    """Return the kinds of functions that a tree is written with: logarithms, sines, ..."""
    if isinstance(node, (Num, Sym)):
        return frozenset()
    if not isinstance(node, Op):
        return frozenset().union(*map(families, node.items))
    own = frozenset({_FAMILY[node.name]} if node.name in _FAMILY else ())
    return own.union(*map(families, node.args))


def scaled(node: Group | Rel) -> tuple[Node, ...]:
    """Return a number before a matrix or tuple, and the entries; () if there is none.

    The number need not be multiplied into the entries.
    """
    if not isinstance(node, Group) or node.kind not in ("matrix", "()"):
        return ()
    rows = [row.items for row in node.items if isinstance(row, Group)]
    entries = [entry for row in rows for entry in row] if rows else list(node.items)
    if not all(isinstance(entry, Op) and entry.name == "*" for entry in entries):
        return ()
    factors = {entry.args[0] for entry in entries if isinstance(entry, Op)}
    if len(factors) > 1:
        return ()
    if not rows and any((exact(entry) or Fraction(1, 2)).denominator == 1 for entry in entries):
        return ()  # `2(3, 4)` could be carried out, `1/5 (3, 4)` not
    return (*factors, *(entry.args[1] for entry in entries if isinstance(entry, Op)))


def _undone(node: Op) -> bool:
    """Return whether this operation itself could be carried out."""
    match node.name:
        case "+":
            kinds = [_kind(term) for term in _flat(node, "+")]
            return len(set(kinds)) < len(kinds)
        case "*":
            return _product(list(_flat(node, "*")))
        case "/":
            return _quotient(*node.args)
        case "neg":
            inner = node.args[0]
            return isinstance(inner, Op) and inner.name == "neg" or _is_negative(inner)
        case "^":
            return _mentions_i(node.args[0]) or _is_sum(node.args[0])
    return node.name in _CARRIED_OUT and not symbols(node)


def _product(factors: list[Node]) -> bool:
    rational = [factor for factor in factors if exact(factor) is not None]
    if len(rational) > 1 and not _is_scientific(factors):
        return True
    complex_ = sum(map(_mentions_i, factors))
    if complex_ > 1 or (complex_ and any(map(_is_complex_sum, factors)) and len(factors) > 1):
        return True
    roots = sum(isinstance(f, Op) and f.name == "sqrt" and exact(f) is None for f in factors)
    return roots > 1 or sum(map(_is_sum, factors)) > 1


def _quotient(top: Node, bottom: Node) -> bool:
    if _mentions_i(bottom):
        return True
    value = exact(Op("/", (top, bottom)))
    if value is None:
        return False
    return value.denominator == 1 or not (_is_whole(top) and _is_whole(bottom))


def _is_whole(node: Node) -> bool:
    """Return whether a part of a fraction is a whole number, or what stands for one."""
    if isinstance(node, Num):
        return node.value.denominator == 1 and not node.places
    return isinstance(node, Op) and node.name in _STANDING


def _is_negative(node: Node) -> bool:
    return isinstance(node, Num) and node.value < 0


def _is_scientific(factors: list[Node]) -> bool:
    """Return whether a tree is like `4.6 * 10^3`, and nothing else."""
    if len(factors) != 2:
        return False
    number, power = factors
    return (
        isinstance(number, Num)
        and isinstance(power, Op)
        and power.name == "^"
        and isinstance(power.args[0], Num)
        and power.args[0].value == 10
    )


def _is_sum(node: Node) -> bool:
    return isinstance(node, Op) and node.name == "+"


def _is_complex_sum(node: Node) -> bool:
    return _is_sum(node) and _mentions_i(node) and not _is_polar(node)


def _is_polar(node: Node) -> bool:
    """Return whether a sum is `cos x + i sin x`, before which a factor may stand."""
    cosine, *others = _flat(node, "+")
    if len(others) != 1 or not isinstance(cosine, Op) or cosine.name != "cos":
        return False
    factors = list(_flat(others[0], "*"))
    rest = [factor for factor in factors if factor != Sym("i")]
    return len(rest) == 1 < len(factors) and rest[0] == Op("sin", cosine.args)


def _mentions_i(node: Node) -> bool:
    if isinstance(node, Op):
        return any(map(_mentions_i, node.args))
    return node == Sym("i")


def _flat(node: Node, name: str) -> Iterator[Node]:
    """Return the terms of a sum, or the factors of a product, through parentheses and signs."""
    inner = node
    while isinstance(inner, Op) and inner.name == "neg":
        inner = inner.args[0]
    if isinstance(inner, Op) and inner.name == name:
        for part in inner.args:
            yield from _flat(part, name)
    else:
        yield inner


def _kind(term: Node) -> tuple[str, ...]:
    """Return a term without its rational factor, to find like terms; () for a number."""
    spend(3)
    if exact(term) is not None:
        return ()
    parts: list[str] = []
    for factor in _flat(term, "*"):
        if isinstance(factor, Op) and factor.name == "/":
            parts += _kind(factor.args[0]) + tuple(f"/{part}" for part in _kind(factor.args[1]))
        elif exact(factor) is None:
            parts.append(repr(factor))
    return tuple(sorted(parts))
