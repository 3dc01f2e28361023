"""Compare: compares an answer with the reference, by the reference's type, under a policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlvr.maths.alike import (
    LISTS,
    are_equations,
    beside,
    constant_renamed,
    in_its_notation,
    is_membership,
    is_name,
    name_and_number,
    named_tuple,
    one_name,
    one_parameter,
    several_names,
    solutions,
    unnumbered,
    values_by_name,
    without_parameter,
)
from rlvr.maths.effort import Undecided, spend
from rlvr.maths.finished import scaled, worked_out
from rlvr.maths.kinds import Answer, Choice, Clock, Quantity, Ratio, Several, Words
from rlvr.maths.names import (
    arguments,
    head,
    is_asked_for,
    is_assignable,
    is_quantity,
    replaced,
    value_of,
)
from rlvr.maths.numbers import based, same_number
from rlvr.maths.parse import Group, Node, Num, Op, Rel, Sym
from rlvr.maths.policy import Policy
from rlvr.maths.sets import NotASet, endless, real_set, same_set
from rlvr.maths.special import same_special
from rlvr.maths.units import same_kind
from rlvr.maths.value import (
    equal,
    exact,
    proportional,
    symbols,
)


def same(gold: Answer, answer: Answer, policy: Policy) -> bool:
    """Return whether an answer is the reference, under a policy.

    Raises NotASet, Undefined, Undecided.
    """
    spend(5)
    if isinstance(gold, Several) or isinstance(answer, Several):
        return _same_several(gold, answer, policy)
    if isinstance(gold, Choice) != isinstance(answer, Choice):
        return same_special(gold, answer) or _same_as_said(gold, answer, policy)
    if isinstance(gold, (Choice, Words, Clock, Ratio)) or isinstance(
        answer, (Choice, Words, Clock, Ratio)
    ):
        return same_special(gold, answer)
    if isinstance(gold, Quantity) or isinstance(answer, Quantity):
        return _same_quantity(gold, answer, policy)
    if _is_congruence(gold) or _is_congruence(answer):
        return _same_congruence(gold, answer)
    answer = in_its_notation(gold, answer)
    equation = isinstance(gold, Rel) and gold.ops == ("=",)
    if isinstance(answer, Group) and (equation or isinstance(gold, Op)):
        answer = without_parameter(answer, gold)
    if isinstance(answer, Rel) and not isinstance(gold, Rel):
        return _same_as_chain(gold, answer, policy)
    if isinstance(gold, Rel):
        return _same_relation(gold, answer, policy)
    if isinstance(gold, Group):
        return _same_group(gold, answer, policy)
    if isinstance(answer, Group):
        return False
    return same_number(gold, answer, policy)


def _same_as_said(gold: Answer, answer: Answer, policy: Policy) -> bool:
    """Compare with what stands beside the letter of a choice: 24 answers `(E) 24`."""
    gold, answer = beside(gold), beside(answer)
    return (
        not isinstance(gold, Choice)
        and not isinstance(answer, Choice)
        and same(gold, answer, policy)
    )


def _is_congruence(node: Answer) -> bool:
    return isinstance(node, Group) and node.kind == "mod"


def _same_congruence(gold: Answer, answer: Answer) -> bool:
    """Compare `x = 3 (mod 7)` with another one: the same name, modulus and class of residues.

    A number answers, as a remainder, what a congruence of numbers says: `2^5 = 1 (mod 31)`. The
    residue must be worked out, and every side that is a number must be true.
    """
    if not isinstance(answer, Group) or answer.kind != "mod":
        return False
    *sides, modulus = answer.items
    m = exact(modulus)
    if not m or m.denominator > 1 or not isinstance(sides[-1], Num):
        return False
    known = [exact(side) for side in sides if not symbols(side)]
    numbers = [n for n in known if n is not None and n.denominator == 1]
    if len(numbers) < len(known) or any((n - numbers[-1]) % m for n in numbers):
        return False
    if isinstance(gold, Num):
        return not symbols(sides[0]) and sides[-1] == gold and 0 <= gold.value < m
    if not isinstance(gold, Group) or gold.kind != "mod" or len(numbers) < len(sides) - 1:
        return False
    (name, *_, rest, divisor) = gold.items
    wanted = exact(rest)
    return (
        wanted is not None
        and sides[0] == name
        and exact(divisor) == m
        and ((numbers[-1] - wanted) % m == 0)
    )


def _same_several(gold: Answer, answer: Answer, policy: Policy) -> bool:
    """Compare lists with units or times, in any order unless the policy says `ordered`."""
    wanted, given = _items(gold), _items(answer)
    if len(wanted) != len(given):
        return False
    if policy.ordered:
        return all(same(a, b, policy) for a, b in zip(wanted, given, strict=True))
    for item in wanted:
        match = next((i for i, other in enumerate(given) if same(item, other, policy)), None)
        if match is None:
            return False
        del given[match]
    return True


def _items(answer: Answer) -> list[Answer]:
    if isinstance(answer, Several) or (isinstance(answer, Group) and answer.kind in LISTS):
        return list(answer.items)
    return [answer]


def _same_quantity(gold: Answer, answer: Answer, policy: Policy) -> bool:
    if isinstance(gold, Quantity) and gold.bare is not None and not isinstance(answer, Quantity):
        if isinstance(answer, Op) and (symbols(answer) or policy.angles == "radians"):
            return same(gold.bare, answer, policy)
    if isinstance(answer, Quantity) and answer.bare is not None and not isinstance(gold, Quantity):
        if isinstance(gold, Op) and (symbols(gold) or policy.angles == "radians"):
            return same(gold, answer.bare, policy)
    if (
        isinstance(gold, Quantity)
        and isinstance(answer, Quantity)
        and gold.dimension
        and answer.dimension
    ):
        if not same_kind(gold.dimension, answer.dimension):
            return False
        if gold.factor != answer.factor:
            scaled = [Op("*", (side.value, Num(side.factor))) for side in (gold, answer)]
            lenient = replace(policy, arithmetic="accepted")
            done = policy.arithmetic == "accepted" or worked_out(gold.value, answer.value)
            return done and same(scaled[0], scaled[1], lenient)
        return same(gold.value, answer.value, policy)
    if policy.units == "required" and isinstance(gold, Quantity) and gold.dimension:
        return False
    left = gold.value if isinstance(gold, Quantity) else gold
    right = answer.value if isinstance(answer, Quantity) else answer
    if isinstance(gold, Quantity) and isinstance(right, Rel) and not isinstance(left, Rel):
        right = value_of(right)
    return same(left, right, policy)


def _same_as_chain(gold: Node | Quantity, answer: Rel, policy: Policy) -> bool:
    """Compare `x = a = b` or `3 + 4 = 7` with a reference that is no relation."""
    if set(answer.ops) == {"in"} and len(answer.items) == 2 and is_name(answer.items[0]):
        # A value is no set, so `x in 5` says nothing.
        return not isinstance(answer.items[1], (Num, Op)) and same(gold, answer.items[1], policy)
    if isinstance(gold, Group) and not set(answer.ops) <= {"="}:
        return _same_group(gold, answer, policy)
    if set(answer.ops) != {"="}:
        return False
    members = answer.items
    if isinstance(gold, Group) and len(members) == 2 and named_tuple(members[0]):
        return _same_group(gold, members[1], policy)
    if len(members) == 2 and is_assignable(members[1]) and not symbols(members[0]):
        members = members[::-1]
    integral = isinstance(members[0], Sym) and members[0].name.startswith(r"\int")
    if integral and not isinstance(gold, Quantity):
        members = (members[0], *(constant_renamed(gold, side) for side in members[1:]))
    if _names(members[0], gold):
        root, members = name_and_number(members[0]), members[1:]
        while len(members) > 1 and (
            _is_unread(members[0]) or (root and name_and_number(members[0])[:1] == root[:1])
        ):
            members = members[1:]  # x_1 = x_2 = 2: a root that is there twice
    elif any(map(symbols, members)) and not (isinstance(gold, Op) and symbols(gold)):
        return False
    in_base = isinstance(gold, Op) and based(gold) is not None
    lenient = replace(policy, arithmetic="accepted", base=policy.base if in_base else "value")
    return same(gold, members[-1], policy) and all(
        same(gold, member, lenient) for member in members[:-1]
    )


def _names(left: Node, gold: Node | Quantity) -> bool:
    """Return whether the left side of an answer names what was asked, and has no value of its own.

    One that shares letters with the reference has a value: then the chain is an identity.
    """
    if isinstance(left, Sym) and left.name not in ("pi", "oo"):
        return left != gold  # e is the eccentricity here, and i a current
    return is_asked_for(left) and (
        isinstance(gold, (Group, Quantity)) or symbols(left).isdisjoint(symbols(gold))
    )


def _is_unread(node: Node) -> bool:
    r"""Return whether a side is known by its text alone, as `\lim_{x\to 0} x` is."""
    return isinstance(node, Sym) and node.name.startswith("\\")


def _same_relation(gold: Rel, answer: Node | Quantity, policy: Policy) -> bool:
    if isinstance(answer, Rel) and set(gold.ops) == {"="} == set(answer.ops):
        return _same_equation(gold, answer, policy)
    if set(gold.ops) == {"in"} and len(gold.items) == 2:
        bounds = isinstance(answer, Rel) and not set(answer.ops) <= {"=", "in"}
        if isinstance(answer, Rel) and bounds and is_assignable(gold.items[0]):
            return symbols(gold.items[0]) == symbols(answer) - {"oo"} and _same_sets(
                gold, answer, policy
            )
        if isinstance(answer, Rel):  # 2x in (0,1) is no x in (0,1)
            return gold.items[0] == answer.items[0] and same(gold.items[1], answer.items[1], policy)
        return same(gold.items[1], answer, policy)
    if set(gold.ops) == {"="}:
        name, value = gold.items[0], gold.items[-1]
        if (
            len(gold.items) == 2
            and named_tuple(name)
            and isinstance(value, Group)
            and isinstance(answer, Group)
        ):
            return _same_group(value, answer, policy)
        if isinstance(answer, (Rel, Quantity)):
            return False
        if not symbols(gold):
            return same(value, answer, policy)  # 3 + 4 = 7: its last side is the answer
        if len(gold.items) != 2:
            return False
        if not (is_assignable(name) or is_quantity(name)):
            return False
        if not symbols(value) <= frozenset(arguments(name)):
            return False
        return same(value, answer, policy)
    if isinstance(answer, Rel) and len(gold.ops) > 1 and len(symbols(gold)) > 1:
        return _same_chain(gold, answer, policy)
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
        if isinstance(answer, Rel) and symbols(gold) - {"oo"} != symbols(answer) - {"oo"}:
            return False
        try:
            real_set(gold)
        except NotASet:
            if isinstance(answer, Rel) and len(gold.ops) == 1 == len(answer.ops):
                return _same_inequality(gold, answer)
            if len(symbols(gold)) > 1:
                return False
            raise Undecided("an inequality that is not solved for its variable") from None
        return _same_sets(gold, answer, policy)
    return False


def _difference(node: Rel) -> Node:
    return Op("+", (node.items[0], Op("neg", (node.items[1],))))


def _same_equation(gold: Rel, answer: Rel, policy: Policy) -> bool:
    if len(gold.items) != 2 or len(answer.items) != 2 or not symbols(gold):
        return len(gold.items) == len(answer.items) and all(
            same(a, b, policy) for a, b in zip(gold.items, answer.items, strict=True)
        )
    if any(isinstance(item, (Group, Rel)) for item in gold.items + answer.items):
        return gold.items[0] == answer.items[0] and same(gold.items[1], answer.items[1], policy)
    defined = _same_function(gold, answer, policy)
    if defined is not None:
        return defined
    solved = _solved(gold)
    if solved:
        # The question is an equation with the same solution: only a solved one answers it.
        given = _solved(answer)
        return bool(given) and given[0] == solved[0] and same_number(solved[1], given[1], policy)
    a, b = _difference(gold), _difference(answer)
    if symbols(a) != symbols(b):
        return False
    if proportional(a, b) == 0:
        return _same_cleared(a, b)
    # Every identity is 0 = 0: what the reference's says is known by its sides.
    return not equal(*gold.items) or equal(gold.items[0], answer.items[0])


def _same_function(gold: Rel, answer: Rel, policy: Policy) -> bool | None:
    """Compare `f(x) = x+1` and `f(t) = t+1`, or `y(x) = x^2` and `y = x^2`; None for others."""
    (name, value), (given, right) = gold.items, answer.items
    ours, theirs = arguments(name), arguments(given)
    if head(name) != head(given) or ours == theirs or "_" in head(name) + head(given):
        return None
    if not (isinstance(name, Sym) and isinstance(given, Sym)):
        return None
    if not ours or not theirs:
        return same(value, right, policy)
    if len(ours) != len(theirs) or len(set(theirs)) < len(theirs):
        return None
    if not set(ours) <= symbols(value):
        return None  # P(A) = 1/2 is no function, nor is f(a) = 2
    if (set(ours) - set(theirs)) & symbols(right):
        return False  # `f(t) = t+x` is no function of t alone
    return same(value, replaced(right, dict(zip(theirs, map(Sym, ours), strict=True))), policy)


def _solved(node: Rel) -> tuple[Node, ...]:
    """Return `x = 2` or `2 = x` as (name, constant); () if an equation is not solved."""
    for name, value in (node.items, node.items[::-1]):
        if is_assignable(name) and not symbols(value):
            return name, value
    return ()


def _same_cleared(a: Node, b: Node) -> bool:
    """Return whether two rational functions have the same numerator up to a constant.

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


def _same_chain(gold: Rel, answer: Rel, policy: Policy) -> bool:
    """Compare chains over several letters, such as `a < b < c` and `c > b > a`."""
    (ops, items), (other_ops, others) = map(_rising, (gold, answer))
    return ops == other_ops and all(same(a, b, policy) for a, b in zip(items, others, strict=True))


def _rising(chain: Rel) -> tuple[tuple[str, ...], tuple[Node, ...]]:
    """Return relations and sides of a chain, with the greatest side last if it has an order."""
    if not any(op.startswith(">") for op in chain.ops):
        return chain.ops, chain.items
    return tuple(op.replace(">", "<") for op in chain.ops[::-1]), chain.items[::-1]


def _same_sets(gold: Node, answer: Node, policy: Policy) -> bool:
    """Compare sets of reals; conditions that are not solved answer none that are (`2x+1 > 7`)."""
    refused = policy.arithmetic == "refused"
    if refused and (not worked_out(gold, answer) or _is_solved(gold) > _is_solved(answer)):
        return False
    wholes = endless(gold), endless(answer)
    if any(wholes):
        return wholes[0] == wholes[1]  # and no interval is a set of whole numbers
    return same_set(real_set(gold), real_set(answer))


def _is_solved(node: Node) -> bool:
    """Return whether every condition in a set holds a bare variable and constants alone."""
    if isinstance(node, Group):
        return all(map(_is_solved, node.items))
    if not isinstance(node, Rel):
        return True
    return all(is_assignable(item) or not symbols(item) - {"oo"} or isinstance(item, Group)
               for item in node.items)  # fmt: skip


_SET_KINDS = ("(]", "[)", "union", "inter", "setminus", "builder")


def _same_group(gold: Group, answer: Node | Quantity, policy: Policy) -> bool:
    if gold.kind in LISTS and all(isinstance(item, Rel) for item in gold.items):
        if any(map(is_membership, gold.items)):
            return _same_list(gold, answer, policy)
        if not all(isinstance(item, Rel) and set(item.ops) == {"="} for item in gold.items):
            return isinstance(answer, (Group, Rel)) and _same_sets(gold, answer, policy)
    named = values_by_name(gold)
    if named and isinstance(answer, Group) and answer.kind == "()":
        return _same_group(Group("()", named), answer, policy)
    if (
        named
        and isinstance(answer, Rel)
        and len(answer.items) == 2
        and named_tuple(answer.items[0])
    ):
        return _same_group(Group("()", named), answer, policy)
    if gold.kind == "{}" and isinstance(answer, Group) and answer.kind == "builder":
        return _same_sets(gold, answer, policy)
    if gold.kind in (*LISTS, "{}"):
        return _same_list(gold, answer, policy)
    if gold.kind in _SET_KINDS or "oo" in symbols(gold) and gold.kind in ("()", "[]"):
        return isinstance(answer, (Group, Rel)) and _same_sets(gold, answer, policy)
    if isinstance(answer, Quantity):
        return False
    if gold.kind == "()" and isinstance(answer, Group) and values_by_name(answer):
        return _same_group(gold, Group("()", values_by_name(answer)), policy)
    if gold.kind in ("()", "[]") and len(gold.items) == 2 and _is_condition(answer):
        return _same_sets(gold, answer, policy)
    if (
        not isinstance(answer, Group)
        or answer.kind != gold.kind
        or len(answer.items) != len(gold.items)
    ):
        return False
    if gold.items and _names_values(gold.items, answer.items):
        return False
    if (gold.kind == "matrix" or scaled(answer)) and policy.arithmetic == "refused":
        if not worked_out(gold, answer):
            return False
        policy = replace(policy, arithmetic="accepted")  # a number may stand before the entries
    return all(same(a, b, policy) for a, b in zip(gold.items, answer.items, strict=True))


def _is_condition(answer: Node) -> bool:
    """Return whether an answer is made of inequalities: then a pair of ends is an interval."""
    if isinstance(answer, Rel):
        return not set(answer.ops) & {"=", "in"}
    if not isinstance(answer, Group) or any(isinstance(item, Rel) and "=" in item.ops
                                            for item in answer.items):  # fmt: skip
        return False
    if answer.kind in ("list", "or"):
        return all(isinstance(item, Rel) for item in answer.items)
    return answer.kind in ("builder", "union", "inter", "setminus", "and")


def _same_list(gold: Group, answer: Node | Quantity, policy: Policy) -> bool:
    if not isinstance(answer, Group) or answer.kind not in (*LISTS, "{}"):
        return False
    answer = Group(answer.kind, tuple(_shortened(item, policy) for item in answer.items))
    gold, answer = solutions(gold), solutions(one_parameter(answer, gold))
    ours, theirs = ([item for item in side.items if is_membership(item)] for side in (gold, answer))
    if ours or theirs:  # k in Z: apart from what it is said of
        if len(ours) != len(theirs) or not all(map(theirs.__contains__, ours)):
            return False
        gold, answer = (
            Group(side.kind, tuple(item for item in side.items if not is_membership(item)))
            for side in (gold, answer)
        )
    if not any(isinstance(item, Rel) for item in one_name(gold)[1]):
        answer = unnumbered(answer)
    elif unnumbered(answer) is answer and unnumbered(gold) is not gold:
        if not any(isinstance(item, Rel) for item in answer.items):  # in the order of the numbers
            return len(gold.items) == len(answer.items) and all(
                same(one, other, policy)
                for one, other in zip(gold.items, answer.items, strict=True)
            )
        gold = unnumbered(gold)
    if (gold.kind == "or") != (answer.kind == "or") and several_names(gold, answer):
        return False
    (gold_name, wanted), (name, given) = one_name(gold), one_name(answer)
    if gold_name and name and gold_name != name:
        return False
    if not (gold_name and name) and are_equations(gold) and are_equations(answer):
        wanted, given = list(gold.items), list(answer.items)  # y = 2x and 2x - y = 0
    wanted = _distinct(wanted, policy) if gold.kind == "{}" else wanted
    given = _distinct(given, policy) if answer.kind == "{}" else given
    if len(wanted) != len(given) or (wanted and _names_values(wanted, given)):
        return False
    if policy.ordered and gold.kind != "{}":
        return all(same(a, b, policy) for a, b in zip(wanted, given, strict=True))
    for item in wanted:
        match = next(
            (index for index, other in enumerate(given) if same(item, other, policy)), None
        )
        if match is None:
            return False
        del given[match]
    return True


def _names_values(wanted: Sequence[Node], given: Sequence[Node]) -> bool:
    """Return whether one side names values (x = 1, y = 2) that the other lists bare."""
    if not wanted or not given:
        return False
    named, bare = (wanted, given) if isinstance(wanted[0], Rel) else (given, wanted)
    if not any(isinstance(item, Rel) for item in named) or all(
        isinstance(item, Rel) for item in bare
    ):
        return False
    return named is given or len({item.items[0] for item in named if isinstance(item, Rel)}) > 1


def _shortened(item: Node, policy: Policy) -> Node:
    """Return `x = 6/2 = 3` as `x = 3` if it is true; anything else as it is."""
    if not isinstance(item, Rel) or set(item.ops) != {"="} or len(item.items) < 3:
        return item
    name, *steps, value = item.items
    lenient = replace(policy, arithmetic="accepted")
    if not is_assignable(name) or not all(same(value, step, lenient) for step in steps):
        return item
    return Rel(("=",), (name, value))


def _distinct(items: list[Node], policy: Policy) -> list[Node]:
    found: list[Node] = []
    for item in items:
        if not any(same(item, other, policy) for other in found):
            found.append(item)
    return found
