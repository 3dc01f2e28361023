"""Steps: remembers what the worked lines of a solution establish, and checks the next line.

Each check returns HOLDS, NOTHING (a premise, or no mathematics to check) or a text that says why
the line fails. `Known` remembers what the line says. The rules are those of the `math_steps`
verifier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from rlvr.maths import poly
from rlvr.maths.effort import Undecided, Undefined
from rlvr.maths.lines import Line
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.sets import NotASet, real_set, same_set
from rlvr.maths.value import (
    NEEDED_POINTS,
    at_point,
    compare,
    equal,
    exact,
    number,
    proportional,
    sample_points,
    symbols,
)

MAX_KNOWN = 40  # variables with a value
MAX_SIZE = 300  # nodes of a tree after substitution
NEAR = Fraction(1, 20)  # relative, for a sign of approximation
ROUNDED = Fraction(1, 100)  # relative, for what is computed from a rounded value
HOLDS, NOTHING = "", None
Why = str | None
Part = Literal["", "chain", "rows"]  # of one row's chain, of one that goes on over several


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation in one variable: the term that is 0; its polynomial and real roots if known."""

    text: str
    zero: Node
    poly: poly.Poly | None
    roots: tuple[Node, ...] | None


@dataclass(slots=True)
class Known:
    """What the lines so far have established.

    `values`: values of variables, which may depend on other variables. `starts`: the equations with
    which solving began. `found`: the roots that were named one by one. `chosen`: the variables of
    which one root may be picked. `rounded`: the variables whose value was rounded. `bounds`:
    inequalities that are not solved yet. `unsettled`: what a later line has to correct, and why.
    `last`: the members that a row starting with `=` continues.
    """

    values: dict[str, Node] = field(default_factory=dict)
    starts: dict[str, Equation] = field(default_factory=dict)
    found: dict[str, list[Node]] = field(default_factory=dict)
    chosen: set[str] = field(default_factory=set)
    rounded: set[str] = field(default_factory=set)
    bounds: dict[str, tuple[Line, Rel]] = field(default_factory=dict)
    unsettled: dict[str, tuple[Line, str]] = field(default_factory=dict)
    last: tuple[Node, ...] = ()
    last_row: int = -9
    last_bare: bool = False


def pair(op: str, a: Node, b: Node, line: Line, known: Known, part: Part, reason: bool) -> Why:
    """Check `a op b`, alone or in a chain. `reason`: whether the text says why roots drop out."""
    names = symbols(a) | symbols(b)
    if op == "in" or "oo" in names or not is_expression(a, b) or (a == b and op == "="):
        return NOTHING
    rewriting = op == "=" and part and symbols(a) == symbols(b) and bool(names)
    values = {} if rewriting and part == "rows" else known.values
    if len(names) == 1 and _open(min(names), known):
        values = {}
    x, y = substituted(a, values), substituted(b, values)
    free = symbols(x) | symbols(y)
    if op != "=":
        return _order(op, x, y, line, known, part)
    if not free:
        return _constants(a, b, x, y, known)
    if _identical(x, y):
        return HOLDS
    if rewriting:
        return "the two sides are different functions"
    zero = Op("+", (x, Op("neg", (y,))))
    if len(free) > 1:
        return _several(zero, a, names, line, known)
    return solve(min(free), zero, None, line, known, reason)


def _open(name: str, known: Known) -> bool:
    """Return whether a variable has more than one root, so that its value is only a case."""
    start = known.starts.get(name)
    return start is not None and (start.roots is None or len(start.roots) != 1)


def _constants(a: Node, b: Node, x: Node, y: Node, known: Known) -> Why:
    names = sorted(symbols(a) | symbols(b))
    if same(x, y) or (known.rounded & set(names) and near(x, y, ROUNDED)):
        for name, other in ((a, y), (b, x)):
            if isinstance(name, Sym):
                known.unsettled.pop(name.name, None)
                if not equal(x, y):
                    known.values[name.name] = other
                    known.rounded.add(name.name)
        return HOLDS
    if not names:
        return "the two sides are different numbers"
    return f"false for what is known of {', '.join(names)}"


def _several(zero: Node, left: Node, names: frozenset[str], line: Line, known: Known) -> Why:
    """Check an equation in several unknowns: a premise, from which one of them is expressed."""
    of_values = frozenset(known.values).union(*map(symbols, known.values.values()))
    if line.linked and names <= of_values | set(known.starts):
        return "does not follow from the lines before"
    free = sorted(symbols(zero) - set(known.starts))
    if isinstance(left, Sym) and left.name in free:
        free = [left.name, *free]
    for name in free:
        expressed = _expressed(zero, name)
        if expressed is not None:
            define(name, expressed, known)
            break
    return NOTHING


def _expressed(zero: Node, name: str) -> Node | None:
    """Solve for a variable that occurs linearly, with a constant factor; None if it does not."""
    try:
        rest, one = (substituted(zero, {name: Num(Fraction(k))}) for k in (0, 1))
        point = sample_points(sorted(symbols(zero)))[0]
        high, low = exact(at_point(one, point)), exact(at_point(rest, point))
        if high is None or low is None or high == low:
            return None
        factor = Num(high - low)
        if not _identical(zero, Op("+", (Op("*", (factor, Sym(name))), rest))):
            return None
    except Undefined:
        return None
    return Op("/", (Op("neg", (rest,)), factor))


def define(name: str, value: Node, known: Known) -> None:
    """Remember a variable's value, also in the values that depend on it, up to a limit."""
    if len(known.values) >= MAX_KNOWN and name not in known.values:
        return
    known.values = {
        **{other: substituted(node, {name: value}) for other, node in known.values.items()},
        name: value,
    }


# --- equations in one variable ---------------------------------------------------------------


def solve(
    name: str, zero: Node, roots: tuple[Node, ...] | None, line: Line, known: Known, reason: bool
) -> Why:
    """Check an equation in one variable; `roots` are given if it lists its own solutions."""
    new = _equation(name, zero, roots, line.text)
    if new.poly == []:
        return HOLDS
    if new.poly is not None and len(new.poly) == 1:
        return f"true for no {name}"
    start = known.starts.get(name)
    if start is None:
        if line.linked and any(name in symbols(value) for value in known.values.values()):
            return "does not follow from the lines before"
        known.starts[name] = new
        _take(name, new, known)
        return NOTHING
    new = _unrounded(name, new, start, known)
    lost, added = _lost(start, new, name), _lost(new, start, name)
    if lost is None and added is None:
        if not proportional(start.zero, new.zero):
            raise Undecided("two equations of which neither is solved")
        lost = added = False
    if lost and (added or not new.roots):
        return f"does not follow from {start.text!r}"
    if added:
        if roots is not None and len(roots) > 1:
            known.chosen.add(name)
        known.unsettled[name] = line, f"adds solutions to {start.text!r} that no later line drops"
        return HOLDS
    if lost:
        return _part(name, new, start, line, known, reason)
    known.unsettled.pop(name, None)
    if roots is not None and len(roots) > 1:
        known.chosen.add(name)
    _take(name, new, known)
    return HOLDS


def _part(name: str, new: Equation, start: Equation, line: Line, known: Known, ok: bool) -> Why:
    """Check a part of the solutions: all that are wanted, for a reason, or one case of many."""
    of_system = any(name in symbols(value) for value in known.values.values())
    if ok or of_system or name in known.chosen:  # of a system's solutions one names the letters
        known.unsettled.pop(name, None)
        known.starts[name] = new
    else:
        known.found.setdefault(name, []).extend(new.roots or ())
        together = _equation(name, _product(name, known.found[name]), None, "")
        together = replace(together, roots=tuple(known.found[name]))
        if _lost(start, together, name):
            known.unsettled[name] = line, f"loses a solution of {start.text!r}"
        else:
            known.unsettled.pop(name, None)
            known.chosen.add(name)
    _take(name, new, known)
    return HOLDS


def _take(name: str, new: Equation, known: Known) -> None:
    if new.roots is not None and len(new.roots) == 1:
        define(name, new.roots[0], known)


def _equation(name: str, zero: Node, roots: tuple[Node, ...] | None, text: str) -> Equation:
    found = poly.equation(zero, name)
    if roots is None and found:
        roots = poly.roots(found)
    elif roots is None and found is None:
        roots = _linear_root(name, zero)
    return Equation(text, zero, found, roots)


def _linear_root(name: str, zero: Node) -> tuple[Node, ...] | None:
    """Return the root of `ax = b` with constants that are not rational."""
    try:
        rest, one = (substituted(zero, {name: Num(Fraction(k))}) for k in (0, 1))
        factor = Op("+", (one, Op("neg", (rest,))))
        if not equal(zero, Op("+", (Op("*", (factor, Sym(name))), rest))):
            return None
        root = Op("/", (Op("neg", (rest,)), factor))
        number(root)
    except (Undefined, Undecided):
        return None
    return (root,)


def _lost(start: Equation, new: Equation, name: str) -> bool | None:
    """Return whether a solution of `start` does not solve `new`; None if nobody can tell."""
    if start.poly and new.poly:
        return poly.count(start.poly) > poly.count(poly.gcd(start.poly, new.poly))
    if start.roots is not None:
        return not all(_solves(root, new, name) for root in start.roots)
    if start.poly and new.roots is not None:
        return poly.count(start.poly) > sum(_solves(root, start, name) for root in new.roots)
    return None


def _solves(root: Node, equation: Equation, name: str) -> bool:
    try:
        return equal(substituted(equation.zero, {name: root}), Num(Fraction(0)))
    except Undefined:
        return False


def _unrounded(name: str, new: Equation, start: Equation, known: Known) -> Equation:
    """Replace the rounded roots that a line gives by the exact roots."""
    if not new.roots or not start.roots or start.poly is None:
        return new
    back = tuple(
        next((root for root in start.roots if root == given or _rounds(given, root)), given)
        for given in new.roots
    )
    if back == new.roots or len(set(back)) < len(back):
        return new
    known.rounded.add(name)
    return _equation(name, _product(name, back), back, new.text)


def solutions(name: str, roots: Sequence[Node], line: Line, known: Known, reason: bool) -> Why:
    """Check `x = 2 or x = 3`."""
    values = {} if _open(name, known) else known.values
    roots = [substituted(root, known.values) for root in roots]
    if any(map(symbols, roots)):
        return NOTHING
    distinct: list[Node] = []
    for root in roots:
        if not any(equal(root, other) for other in distinct):
            distinct.append(root)
    zero = substituted(_product(name, distinct), values)
    free = symbols(zero)
    if len(free) == 1:
        own = tuple(distinct) if free == {name} else None
        return solve(min(free), zero, own, line, known, reason)
    if free:
        return NOTHING
    right = [root for root in distinct if same(root, known.values[name])]
    if right and len(right) < len(distinct):
        known.unsettled[name] = line, "lists solutions that no later line drops"
    return HOLDS if right else f"false for what is known of {name}"


def _product(name: str, roots: Sequence[Node]) -> Node:
    node: Node = Num(Fraction(1))
    for root in roots:
        node = Op("*", (node, Op("+", (Sym(name), Op("neg", (root,))))))
    return node


# --- inequalities ----------------------------------------------------------------------------


def _order(op: str, x: Node, y: Node, line: Line, known: Known, part: Part) -> Why:
    free = symbols(x) | symbols(y)
    if not free:
        try:
            order = compare(x, y)
        except Undefined as error:
            return f"no order: {error}"
        true = {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "!=": order}
        return HOLDS if true.get(op, True) else "not true"
    known.chosen |= free
    if len(free) > 1 or part:
        return NOTHING
    (name,) = free
    relation = Rel((op,), (x, y))
    try:
        now = real_set(relation)
        before = known.bounds.pop(name, None)
        if not any(side == Sym(name) for side in (x, y)):
            known.bounds[name] = line, relation
        if before is None or not (line.linked or line.row - before[0].row <= 1):
            return NOTHING
        if same_set(now, real_set(before[1])):
            return HOLDS
    except NotASet:
        return NOTHING
    return f"has other solutions than {before[0].text!r}"


# --- numbers and functions -------------------------------------------------------------------


def same(x: Node, y: Node) -> bool:
    """Return whether two constants are equal, or one is the other, properly rounded."""
    return equal(x, y) or _rounds(x, y) or _rounds(y, x)


def near(x: Node, y: Node, slack: Fraction = NEAR) -> bool:
    """Return whether two constants are about equal. Raises Undefined, Undecided."""
    gap, size = number(Op("+", (x, Op("neg", (y,))))), number(y)
    return bool(abs(gap) * slack.denominator <= abs(size) * slack.numerator) or same(x, y)


def _rounds(shown: Node, value: Node) -> bool:
    """Return whether `shown` is a decimal of two places or three digits that rounds `value`."""
    scale = Fraction(1)
    while isinstance(shown, Op) and shown.name in ("neg", "pct"):
        scale *= -1 if shown.name == "neg" else Fraction(1, 100)
        shown = shown.args[0]
    if not isinstance(shown, Num) or not shown.places:
        return False
    if shown.places < 2 and abs(shown.value) * 10**shown.places < 100:
        return False
    slack = abs(scale) * Fraction(1, 2 * 10**shown.places)
    known, target = exact(value), shown.value * scale
    if known is not None:
        return abs(known - target) <= slack
    gap = number(Op("+", (value, Op("neg", (Num(target),)))))
    return bool(abs(gap) <= number(Num(slack)))


def _identical(a: Node, b: Node) -> bool:
    """Do the same as `equal` for functions; without mpmath where the points give rationals."""
    agreed = 0
    for point in sample_points(sorted(symbols(a) | symbols(b))):
        try:
            left, right = exact(at_point(a, point)), exact(at_point(b, point))
        except Undefined:
            continue
        if left is None or right is None:
            return equal(a, b)
        if left != right:
            return False
        agreed += 1
    return agreed >= NEEDED_POINTS or equal(a, b)


def substituted(node: Node, values: Mapping[str, Node]) -> Node:
    """Return the tree with trees in place of variables. Raises Undecided if it grows too large."""
    result = _replaced(node, values) if symbols(node) & values.keys() else node
    if result is not node and size(result) > MAX_SIZE:
        raise Undecided("too large after substitution")
    return result


def _replaced(node: Node, values: Mapping[str, Node]) -> Node:
    if isinstance(node, Sym):
        return values.get(node.name, node)
    if isinstance(node, Op):
        return Op(node.name, tuple(_replaced(arg, values) for arg in node.args))
    return node


def size(node: Node) -> int:
    """Return the number of nodes of a tree."""
    parts = node.args if isinstance(node, Op) else ()
    return 1 + sum(map(size, parts))


def is_expression(*nodes: Node) -> bool:
    """Return whether trees have only numbers, variables and operations, and no plus-minus."""
    return all(
        isinstance(node, (Num, Sym))
        or (isinstance(node, Op) and node.name not in ("pm", "mp") and is_expression(*node.args))
        for node in nodes
    )


# --- lists of solutions ----------------------------------------------------------------------


def listed(node: Node) -> tuple[str, list[Node], list[Node]] | None:
    """Read `x = 2 or x = 3`, `x = 2, 3`, `x = 5 ± 1 = 6 or 4`: name, solutions, and those before.

    Returns None if a tree is no list of one variable's values.
    """
    items = (
        node.items if isinstance(node, Group) and node.kind in ("list", "or", "and") else (node,)
    )
    first = items[0]
    if not isinstance(first, Rel) or not isinstance(first.items[0], Sym):
        return None
    name = first.items[0]
    found: list[Node] = []
    before: list[Node] = []
    for item in items:
        members: tuple[Node, ...] = (name, item)
        if isinstance(item, Rel):
            if item.items[0] != name or set(item.ops) - {"=", "in"}:
                return None
            members = item.items
        for member in members[1:]:
            parts: tuple[Node, ...] = (member,)
            if isinstance(member, Group) and member.kind in ("{}", "list", "or"):
                parts = member.items
            both = [value for part in parts for value in _signs(part)]
            (found if member is members[-1] else before).extend(both)
    several = (
        len(items) > 1
        or isinstance(first.items[-1], Group)
        or len(found + before) > 1 + (len(first.items) - 2)
    )
    ok = is_expression(*found, *before) and name.name not in ("e", "i", "pi", "oo")
    return (name.name, found, before) if several and ok else None


def _signs(node: Node) -> list[Node]:
    if is_expression(node):
        return [node]
    return [_signed(node, sign) for sign in (1, -1)]


def _signed(node: Node, sign: int) -> Node:
    if not isinstance(node, Op):
        return node
    args = tuple(_signed(arg, sign) for arg in node.args)
    if node.name in ("pm", "mp"):
        return args[0] if (sign > 0) == (node.name == "pm") else Op("neg", args)
    return Op(node.name, args)
