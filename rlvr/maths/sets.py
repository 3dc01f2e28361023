"""Sets: reads sets of reals as unions of intervals, in one canonical form with exact ends."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cmp_to_key
from math import ceil, floor

from rlvr.maths.effort import Undecided
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.value import at_point, compare, equal, exact, symbols

_OO, _MINUS_OO = Sym("oo"), Op("neg", (Sym("oo"),))
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "!=": "!=", "=": "="}


class NotASet(ValueError):
    """The tree does not describe a set of reals in the forms of this module."""


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval; a point is closed with equal ends."""

    low: Node
    low_closed: bool
    high: Node
    high_closed: bool


ALL = Piece(_MINUS_OO, False, _OO, False)


def _order(a: Node, b: Node) -> int:
    def rank(node: Node) -> int:
        return {_OO: 1, Op("+", (_OO,)): 1, _MINUS_OO: -1}.get(node, 0)

    if rank(a) or rank(b):
        return (rank(a) > rank(b)) - (rank(a) < rank(b))
    return compare(a, b)


def real_set(node: Node) -> tuple[Piece, ...]:
    """Return the canonical pieces of a set of reals. Raises NotASet, Undefined, Undecided."""
    return _merge(_pieces(node))


def same_set(a: tuple[Piece, ...], b: tuple[Piece, ...]) -> bool:
    """Return whether two canonical sets are equal, open and closed ends told apart."""
    return len(a) == len(b) and all(
        (p.low_closed, p.high_closed) == (q.low_closed, q.high_closed)
        and _order(p.low, q.low) == 0
        and _order(p.high, q.high) == 0
        for p, q in zip(a, b, strict=True)
    )


def _pieces(node: Node) -> list[Piece]:
    if isinstance(node, Rel):
        return _from_relation(node)
    if not isinstance(node, Group):
        raise NotASet("not a set")
    kind, items = node.kind, node.items
    if kind in ("()", "[]", "(]", "[)") and len(items) == 2 and not _is_variable(items):
        low, high = items
        order = _order(low, high)
        if order > 0 or (order == 0 and kind != "[]"):
            raise NotASet("ends in the wrong order")
        return [
            Piece(low, kind[0] == "[" and low != _MINUS_OO, high, kind[1] == "]" and high != _OO)
        ]
    if kind == "{}":
        if _is_variable(items):
            raise NotASet("not numbers")
        return [Piece(item, True, item, True) for item in items]
    if kind == "builder":
        return _built(*items)
    if kind == "union":
        return _pieces(items[0]) + _pieces(items[1])
    if kind == "inter":
        return _intersect(_merge(_pieces(items[0])), _merge(_pieces(items[1])))
    if kind == "setminus":
        return _intersect(_merge(_pieces(items[0])), _complement(_merge(_pieces(items[1]))))
    if kind in ("list", "and", "or"):
        return _from_list(node)
    raise NotASet("not a set of reals")


_ALL_REALS: Node = Group("()", (_MINUS_OO, _OO))
_WHOLE = {"set Z": None, "set N": 0}  # sets of whole numbers, each with its least one
_MANY = 100  # whole numbers that a set may be written out as


def _built(head: Node, condition: Node) -> list[Piece]:
    """Read `{x | x > 1}`, and `{x in Z | 0 < x < 9}` as its numbers. Raises Undecided else."""
    domain, condition = _domain(head, condition)
    pieces = _pieces(condition)
    if domain == _ALL_REALS:
        return pieces
    wholes = [_whole(piece, domain) for piece in pieces]
    if any(low is None or high is None or high - low > _MANY for low, high in wholes):
        raise Undecided("more whole numbers than can be written out")
    numbers = (Num(Fraction(n)) for low, high in wholes for n in range(low or 0, (high or 0) + 1))
    return [Piece(number, True, number, True) for number in numbers]


def _domain(head: Node, condition: Node) -> tuple[Node, Node]:
    """Return of `{x in Z | x > 1}` and `{x | x > 1, x in Z}` the set and the bounds.

    Raises NotASet for a set of something other than the variable that is bounded.
    """
    name, domain = head, _ALL_REALS
    if isinstance(head, Rel) and head.ops == ("in",):
        name, domain = head.items
    items = condition.items if isinstance(condition, Group) else ()
    inside = [item for item in items if isinstance(item, Rel) and item.ops == ("in",)]
    if len(inside) == 1 and len(items) > 1 and domain == _ALL_REALS:
        domain = inside[0].items[1]
        rest = tuple(item for item in items if item != inside[0])
        condition = rest[0] if len(rest) == 1 else Group("and", rest)
    if not isinstance(name, Sym) or symbols(condition) - {"oo"} != {name.name}:
        raise NotASet("a set of something other than the variable that is bounded")
    if domain != _ALL_REALS and (not isinstance(domain, Sym) or domain.name not in _WHOLE):
        raise Undecided("a set of numbers that are neither real nor whole")
    return domain, condition


def _whole(piece: Piece, domain: Node) -> tuple[int | None, int | None]:
    """Return the least and the greatest whole number of a piece, None where there is none."""
    assert isinstance(domain, Sym)
    low, high = _bound(piece.low, _MINUS_OO), _bound(piece.high, _OO)
    first = None if low is None else ceil(low) + (ceil(low) == low and not piece.low_closed)
    last = None if high is None else floor(high) - (floor(high) == high and not piece.high_closed)
    least = _WHOLE[domain.name]
    return (least if first is None else first if least is None else max(first, least)), last


def _bound(end: Node, infinite: Node) -> Fraction | None:
    """Return an end of a piece, None if it is infinite. Raises Undecided if it is no fraction."""
    if _order(end, infinite) == 0:
        return None
    value = exact(end)
    if value is None:
        raise Undecided("whole numbers up to a bound that is no fraction")
    return value


def endless(node: Node) -> tuple[tuple[int | None, int | None], ...] | None:
    """Return the ends of a set of whole numbers that does not end; None for any other set."""
    if not isinstance(node, Group) or node.kind != "builder":
        return None
    domain, condition = _domain(*node.items)
    if domain == _ALL_REALS:
        return None
    ends = tuple(_whole(piece, domain) for piece in real_set(condition))
    return ends if any(None in pair for pair in ends) else None


def _is_variable(items: tuple[Node, ...]) -> bool:
    return any(symbols(item) - {"oo"} or isinstance(item, (Rel, Group)) for item in items)


def _from_list(node: Group) -> list[Piece]:
    """Read a list of conditions.

    `or` unites them, `and` intersects them. A comma intersects them, unless nothing would be left.
    """
    first = node.items[0]
    if isinstance(first, Rel) and first.ops == ("!=",) and node.kind in ("list", "and"):
        # x != 0, 1
        rest = [item if isinstance(item, Rel) else Rel(("!=",), (first.items[0], item))
                for item in node.items]  # fmt: skip
        node = Group("and", tuple(rest))
    if not all(isinstance(item, Rel) for item in node.items):
        raise NotASet("a list of numbers")
    parts = [_merge(_from_relation(item)) for item in node.items if isinstance(item, Rel)]
    if len({variable_of(item) for item in node.items if isinstance(item, Rel)}) != 1:
        raise NotASet("conditions on several variables")
    both = list(parts[0])
    for part in parts[1:]:
        both = _intersect(_merge(both), part)
    if node.kind == "and" or (node.kind == "list" and both):
        return both
    return [piece for part in parts for piece in part]


def variable_of(node: Rel) -> str:
    """Return the one variable that a chain of relations bounds by constants. Raises NotASet."""
    names = {item.name for item in node.items if isinstance(item, Sym) and symbols(item) - {"oo"}}
    others = [item for item in node.items if not (isinstance(item, Sym) and item.name in names)]
    if len(names) != 1 or any(symbols(item) - {"oo"} or isinstance(item, Rel) for item in others if
                              not isinstance(item, Group)):  # fmt: skip
        raise NotASet("not bounds on one variable")
    return names.pop()


def _from_relation(node: Rel) -> list[Piece]:
    try:
        name = variable_of(node)
    except NotASet:
        return _from_links(node)
    result: tuple[Piece, ...] = (ALL,)
    for op, left, right in zip(node.ops, node.items, node.items[1:], strict=False):
        if op == "in" and left == Sym(name):
            found = _pieces(right)
        elif left == Sym(name):
            found = _half(op, right)
        elif right == Sym(name) and op in _FLIPPED:
            found = _half(_FLIPPED[op], left)
        else:
            raise NotASet("a relation between constants")
        result = _merge(_intersect(result, _merge(found)))
    return list(result)


def _from_links(node: Rel) -> list[Piece]:
    """Read `-3 < 2x-1 < 5`: each link is solved by itself."""
    result: tuple[Piece, ...] = (ALL,)
    for op, left, right in zip(node.ops, node.items, node.items[1:], strict=False):
        link = _merge(_from_absolute(Rel((op,), (left, right))))
        result = _merge(_intersect(result, link))
    return list(result)


def _from_absolute(node: Rel) -> list[Piece]:
    """Read `|u| < c` and `|u| > c` with linear u; else a linear relation."""
    (left, right), op = node.items, node.ops[0]
    if isinstance(right, Op) and right.name == "abs" and op in _FLIPPED:
        left, right, op = right, left, _FLIPPED[op]
    if not isinstance(left, Op) or left.name != "abs" or symbols(right) or op not in _FLIPPED:
        return _from_linear(node)
    above = _from_linear(Rel((op,), (left.args[0], right)))
    below = _from_linear(Rel((_FLIPPED[op],), (left.args[0], Op("neg", (right,)))))
    if op in ("<", "<=", "!="):
        return _intersect(_merge(above), _merge(below))
    return above + below


def _from_linear(node: Rel) -> list[Piece]:
    """Solve one linear relation in one variable, such as `-2x < 6`."""
    names = symbols(node)
    if (
        len(names) != 1
        or len(node.ops) != 1
        or node.ops[0] not in _FLIPPED
        or not all(isinstance(i, (Num, Sym, Op)) for i in node.items)
    ):
        raise NotASet("not bounds on one variable")
    (name,) = names
    difference = Op("+", (node.items[0], Op("neg", (node.items[1],))))
    values = [exact(at_point(difference, {name: Fraction(x)})) for x in (0, 1)]
    if values[0] is None or values[1] is None or values[0] == values[1]:
        raise NotASet("not linear")
    start, slope = values[0], values[1] - values[0]
    if not equal(difference, Op("+", (Num(start), Op("*", (Num(slope), Sym(name)))))):
        raise NotASet("not linear")
    return _half(node.ops[0] if slope > 0 else _FLIPPED[node.ops[0]], Num(-start / slope))


def _half(op: str, bound: Node) -> list[Piece]:
    if isinstance(bound, Group):
        raise NotASet("a bound that is not a number")
    match op:
        case "<" | "<=":
            return [Piece(_MINUS_OO, False, bound, op == "<=" and bound != _OO)]
        case ">" | ">=":
            return [Piece(bound, op == ">=" and bound != _MINUS_OO, _OO, False)]
        case "!=":
            return [Piece(_MINUS_OO, False, bound, False), Piece(bound, False, _OO, False)]
        case "=":
            return [Piece(bound, True, bound, True)]
    raise NotASet(op)


def _merge(pieces: list[Piece] | tuple[Piece, ...]) -> tuple[Piece, ...]:
    def by_low(a: Piece, b: Piece) -> int:
        return _order(a.low, b.low) or (b.low_closed - a.low_closed)

    merged: list[Piece] = []
    for piece in sorted(pieces, key=cmp_to_key(by_low)):
        if merged:
            last = merged[-1]
            gap = _order(piece.low, last.high)
            if gap < 0 or (gap == 0 and (piece.low_closed or last.high_closed)):
                end = _order(piece.high, last.high)
                if end > 0:
                    merged[-1] = Piece(last.low, last.low_closed, piece.high, piece.high_closed)
                elif end == 0:
                    closed = last.high_closed or piece.high_closed
                    merged[-1] = Piece(last.low, last.low_closed, last.high, closed)
                continue
        merged.append(piece)
    return tuple(merged)


def _intersect(a: tuple[Piece, ...], b: tuple[Piece, ...]) -> list[Piece]:
    found = []
    for p in a:
        for q in b:
            low, high = _order(p.low, q.low), _order(p.high, q.high)
            start = (q if low < 0 else p).low
            start_closed = (
                (p.low_closed and q.low_closed) if low == 0 else (q if low < 0 else p).low_closed
            )
            stop = (p if high < 0 else q).high
            stop_closed = (
                (p.high_closed and q.high_closed)
                if high == 0
                else (p if high < 0 else q).high_closed
            )
            width = _order(start, stop)
            if width < 0 or (width == 0 and start_closed and stop_closed):
                found.append(Piece(start, start_closed, stop, stop_closed))
    return found


def _complement(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    rest: tuple[Piece, ...] = (ALL,)
    for piece in pieces:
        outside = []
        if not equal(piece.low, _MINUS_OO):
            outside.append(Piece(_MINUS_OO, False, piece.low, not piece.low_closed))
        if not equal(piece.high, _OO):
            outside.append(Piece(piece.high, not piece.high_closed, _OO, False))
        rest = tuple(_intersect(rest, tuple(outside)))
    return rest
