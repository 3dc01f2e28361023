r"""Signs: writes plus-minus out as the two answers that it means: `3 \pm 2`, `(\pm 3, 0)`."""

from __future__ import annotations

from rlvr.maths.kinds import Answer
from rlvr.maths.lex import ParseError
from rlvr.maths.tree import Group, Node, Num, Op, Rel, Sym


def expanded(answer: Answer) -> Answer:
    """Return an answer with plus-minus written out; all signs of an expression change together.

    Raises ParseError for a pair with several plus-minus signs, which people read in two ways.
    """
    if isinstance(answer, (Num, Sym, Op, Rel)) or isinstance(answer, Group) and answer.kind == "()":
        both = _both_signs(answer)
        return both[0] if len(both) == 1 else Group("list", both)
    if isinstance(answer, Group) and answer.kind in ("list", "and", "or", "{}"):
        items = tuple(part for item in answer.items for part in _both_signs(item))
        return Group(answer.kind, items)
    return answer


def _both_signs(node: Node) -> tuple[Node, ...]:
    if not _has_pm(node):
        return (node,)
    if isinstance(node, Group) and sum(map(_has_pm, node.items)) > 1:
        raise ParseError("several plus-minus signs in one pair")
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
