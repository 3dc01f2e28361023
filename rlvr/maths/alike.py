r"""Alike: writes an answer in the notation of its reference, where both notations say the same.

A vector is a tuple, a column or a sum of \mathbf{i}, \mathbf{j}, \mathbf{k}; the constant of an
integral is C or c; a parameter has any name. Nothing is compared here.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlvr.maths.kinds import Answer, Choice, Several
from rlvr.maths.lex import ParseError
from rlvr.maths.names import is_assignable, replaced
from rlvr.maths.read import read
from rlvr.maths.tree import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.value import equal, symbols

LISTS = ("list", "and", "or")
_AXES = ("i", "j", "k")
_CONSTANTS = frozenset("CcKk")
# Coordinates in the order in which they are written.
_COORDINATES = (("r", "theta"), ("r", "theta", "z"), ("rho", "theta", "phi"))
_PARAMETERS = frozenset("nkmlt")


def how_many(reference: Answer | str) -> int:
    """Return how many values a list, set or tuple has; 0 for anything else."""
    if isinstance(reference, Several):
        return len(reference.items)
    if isinstance(reference, Group) and reference.kind in (*LISTS, "{}", "()"):
        return len(reference.items)
    return 0


def in_its_notation(gold: Node, answer: Node) -> Node:
    """Return the answer in the reference's notation; as it is if there is nothing to rewrite.

    Raises Undefined, Undecided.
    """
    if isinstance(gold, Group) and isinstance(answer, Op):
        answer = _along_axes(gold, answer)
    if isinstance(gold, Group) and gold.kind in ("list", "and"):
        answer = _parameter_named(gold, answer)
    return answer


def _along_axes(gold: Group, node: Op) -> Node:
    """Read `2i - j + 3k` as the column or tuple (2, -1, 3), where the reference is such a one."""
    column = gold.kind == "matrix" and all(len(row.items) == 1 for row in gold.items
                                           if isinstance(row, Group))  # fmt: skip
    axes = _AXES[: len(gold.items)]
    if not column and gold.kind != "()" or not 2 <= len(gold.items) <= 3:
        return node
    if not symbols(node) & {"j", "k"} or symbols(node) - {*axes}:
        return node
    named = replaced(node, {axis: Sym(f"axis {axis}") for axis in _AXES})
    parts = []
    for axis in axes:
        point: dict[str, Node] = {f"axis {one}": Num(Fraction(int(one == axis))) for one in _AXES}
        parts.append(replaced(named, point))
    whole = Op("+", tuple(Op("*", (part, Sym(f"axis {axis}")))
                          for part, axis in zip(parts, axes, strict=True)))  # fmt: skip
    if not equal(named, whole):
        return node
    entries = tuple(map(_reduced, parts))
    if column:
        return Group("matrix", tuple(Group("row", (entry,)) for entry in entries))
    return Group("()", entries)


def constant_renamed(gold: Node, integral: Node) -> Node:
    """Call the constant of an integral as the reference does: `x^2 + c` answers `x^2 + C`."""
    ours, theirs = (_constant(side) for side in (gold, integral))
    if not ours or not theirs or ours in symbols(integral) or theirs in symbols(gold):
        return integral
    return replaced(integral, {theirs: Sym(ours)})


def _constant(node: Node) -> str:
    """Return the name of a constant that is a term of its own in a sum; "" if there is none."""
    if not isinstance(node, Op) or node.name != "+":
        return ""
    names = [arg.name for arg in node.args if isinstance(arg, Sym) and arg.name in _CONSTANTS]
    return names[0] if len(names) == 1 else ""


def _reduced(node: Node) -> Node:
    """Leave out the terms and factors that an axis of length 0 or 1 has made."""
    if not isinstance(node, Op):
        return node
    args = tuple(map(_reduced, node.args))
    zero, one = Num(Fraction(0)), Num(Fraction(1))
    if node.name == "neg" and isinstance(args[0], Num):
        return Num(-args[0].value, args[0].places) if args[0].value else zero
    if node.name == "*":
        if zero in args:
            return zero
        args = tuple(arg for arg in args if arg != one) or (one,)
    if node.name == "+":
        args = tuple(arg for arg in args if arg != zero) or (zero,)
    if node.name == "/" and args[0] == zero:
        return zero
    return args[0] if len(args) == 1 and node.name in "+*" else Op(node.name, args)


def _parameter_named(gold: Group, answer: Node) -> Node:
    r"""Read `\pi/3 + 2\pi n` as the reference `x = \pi/3 + 2\pi k, k \in \mathbb{Z}` is written."""
    if isinstance(answer, Group) or len(gold.items) != 2:
        return answer
    said, member = gold.items
    if not isinstance(member, Rel) or member.ops != ("in",) or isinstance(said, Group):
        return answer
    name = member.items[0]
    if not isinstance(name, Sym) or not is_assignable(name):
        return answer
    value = answer.items[-1] if isinstance(answer, Rel) else answer
    wanted = said.items[-1] if isinstance(said, Rel) else said
    used = symbols(value) - (symbols(wanted) - {name.name})
    if len(used) != 1 or not used <= _PARAMETERS:
        return answer
    renamed = replaced(answer, {next(iter(used)): name})
    if isinstance(said, Rel) and not isinstance(renamed, Rel) and said.ops == ("=",):
        renamed = Rel(("=",), (said.items[0], renamed))
    return Group(gold.kind, (renamed, member))


def beside(side: Answer) -> Answer:
    """Return what stands beside a choice's letter; the choice itself if nothing readable does."""
    if not isinstance(side, Choice) or not side.says:
        return side
    try:
        return read(side.says)
    except ParseError:
        return side


def name_and_number(node: Node) -> tuple[str, ...]:
    """Return `x_12` as ("x", "12"); () if a tree is no letter with a number."""
    name = re.fullmatch(r"([a-zA-Z])_([0-9]{1,3})", node.name) if isinstance(node, Sym) else None
    return name.groups() if name else ()


def is_name(node: Node) -> bool:
    """Return whether a tree names a value or several: a letter, or `(x, y)`."""
    return is_assignable(node) or named_tuple(node)


def named_tuple(node: Node) -> bool:
    """Return `(x, y)` of `(x, y) = (1, 2)`: different letters, in alphabetical order, or xyzw."""
    if not isinstance(node, Group) or node.kind != "()" or not all(map(is_assignable, node.items)):
        return False
    names = [item.name for item in node.items if isinstance(item, Sym)]
    return names in (sorted(set(names)), ["x", "y", "z", "w"])


def values_by_name(node: Group) -> tuple[Node, ...]:
    """Return the values in `x = 2, y = 3` or `x_1 = 2, x_2 = 3`, by the names' order; else ()."""
    return tuple(_by_name(node).values())


def _by_name(node: Group) -> dict[str, Node]:
    """Return the values by name, in the names' order; {} if there is anything else."""
    if node.kind not in ("list", "and") or not all(
        isinstance(item, Rel) and item.ops == ("=",) and is_assignable(item.items[0])
        for item in node.items
    ):
        return {}
    pairs = [item.items for item in node.items if isinstance(item, Rel)]
    named = {name.name: value for name, value in pairs if isinstance(name, Sym)}
    if len(named) < len(pairs):
        return {}
    numbered = [name_and_number(name) for name, _ in pairs]
    if numbered and all(numbered) and len({letter for letter, _ in numbered}) == 1:
        order = sorted(named, key=lambda name: int(name[2:]))
    elif all(len(name) == 1 for name in named):
        order = [*"xyzw"] if set(named) <= set("xyzw") else sorted(named)
    elif known := [names for names in _COORDINATES if set(names) == set(named)]:
        order = [*known[0]]
    else:
        return {}
    return {name: named[name] for name in order if name in named}


def solutions(node: Group) -> Group:
    """Return `x = 1, y = 2 or x = 3, y = 4` as `(x, y) = (1, 2) or (x, y) = (3, 4)`.

    Anything else is returned as it is.
    """
    items = node.items
    if all(isinstance(item, Rel) for item in items):
        names = [item.items[0] for item in items if isinstance(item, Rel)]
        size = next((at for at, name in enumerate(names) if name in names[:at]), len(names))
        parts = [items[at : at + size] for at in range(0, len(items), size or 1)]
    elif all(isinstance(item, Group) for item in items):
        parts = [item.items for item in items if isinstance(item, Group)]
    else:
        return node
    found = [_by_name(Group("list", part)) for part in parts]
    apart = len(found) > 1 and sum(map(len, parts)) == sum(map(len, found))
    if not apart or len(found[0]) < 2 or any(one.keys() != found[0].keys() for one in found):
        return node
    of_all = Group("()", tuple(map(Sym, found[0])))
    pairs = [Rel(("=",), (of_all, Group("()", tuple(one.values())))) for one in found]
    return Group("list", tuple(pairs))


def unnumbered(node: Group) -> Group:
    """Return the roots `x_1 = 2, x_2 = 3` as `x = 2, x = 3`; anything else as it is."""
    named = [item for item in node.items if isinstance(item, Rel) and item.ops == ("=",)]
    names = [name_and_number(item.items[0]) for item in named]
    if len(named) < len(node.items) or len(set(names)) < len(names):
        return node
    if not all(names) or len({letter for letter, _ in names}) != 1:
        return node
    letter = Sym(names[0][0])
    return Group(node.kind, tuple(Rel(item.ops, (letter, *item.items[1:])) for item in named))


def several_names(*nodes: Group) -> bool:
    """Return whether equations give values to more than one name: `x = 2, y = 3`."""
    items = [item for node in nodes for item in node.items]
    return len({item.items[0] for item in items if isinstance(item, Rel)}) > 1


def are_equations(node: Group) -> bool:
    """Return whether every item of a list is a relation."""
    return all(isinstance(item, Rel) for item in node.items)


def is_membership(node: Node) -> bool:
    r"""Return whether a tree is a membership, such as `k \in \mathbb{Z}`."""
    return isinstance(node, Rel) and node.ops == ("in",) and isinstance(node.items[1], Sym)


def one_parameter(answer: Group, gold: Group) -> Group:
    r"""Call the parameter of `2\pi n, n \in \mathbb{Z}` as the reference does."""
    theirs, ours = ([item.items[0] for item in side.items if is_membership(item)
                     and isinstance(item, Rel)] for side in (answer, gold))  # fmt: skip
    if len(theirs) != 1 or len(ours) != 1 or theirs == ours:
        return answer
    old, new = theirs[0], ours[0]
    if not isinstance(old, Sym) or not isinstance(new, Sym) or new.name in symbols(answer):
        return answer
    return Group(answer.kind, tuple(replaced(item, {old.name: new}) for item in answer.items))


def without_parameter(answer: Group, gold: Node) -> Node:
    r"""Leave `k \in \mathbb{Z}` out of an answer, where the reference has a k and no word of it."""
    rest = [item for item in answer.items if not is_membership(item)]
    said = [item.items[0] for item in answer.items if isinstance(item, Rel) and is_membership(item)]
    known = all(isinstance(name, Sym) and name.name in symbols(gold) for name in said)
    return rest[0] if answer.kind in LISTS and said and known and len(rest) == 1 else answer


def one_name(node: Group) -> tuple[Node | None, list[Node]]:
    """Return name and bare values of `x = 1 or x = 2` and `x = 1, 2`; else None and the items."""
    items = list(node.items)
    first = items[0] if items else None
    if not isinstance(first, Rel) or not is_name(first.items[0]):
        return None, items
    name = first.items[0]
    if any(
        isinstance(item, Rel) and (item.ops != ("=",) or item.items[0] != name) for item in items
    ):
        return None, items
    return name, [item.items[1] if isinstance(item, Rel) else item for item in items]
