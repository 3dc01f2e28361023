r"""Names: decides what `f(2)`, `E(X)`, `C_5^2` and `\int_0^1 f(x)\,dx` mean, and what was asked.

A symbol before a bracket is either a name applied to an argument, or a factor. It is applied if the
symbol is never a plain variable there (`f`, `\varphi`, `\Phi`, `\zeta`, `\Gamma`, `O`, `\Theta`,
`\Omega`). It is also applied where nobody writes a product: before one number, one other letter,
several arguments, a condition (`P(A|B)`, `P(X=2)`) or events (`P(A\cap B)`, `E(XY)`). Everything
else is a product: `a(b+c)`, `x(x-6)`. An application counts as a name, which equals only the same
application; `\zeta` and `\Gamma` of one argument and `\varphi` of a whole number have values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from rlvr.maths.lex import LETTERS, ParseError, Token
from rlvr.maths.tree import Group, Node, Num, Op, Rel, Sym

_ALWAYS = frozenset({"f", "O", "zeta", "Gamma", "phi", "Phi", "psi", "Psi", "Theta", "Omega"})
_NEVER = frozenset({"e", "i"})
_EVENT = re.compile("[A-DNX-Z]++|[0-9XYZ+-]*+(?<=[XYZ])[0-9+-]*+")
_EVENTS = frozenset({r"\cap", r"\cup", r"\mid", r"\circ"})
_OPEN, _CLOSE = ("(", "[", "{", r"\{"), (")", "]", "}", r"\}")


def inside(tokens: Sequence[Token], start: int) -> Sequence[Token]:
    """Return the tokens between the bracket at `start` and its partner; () if it has none."""
    depth = 0
    for index in range(start, len(tokens)):
        depth += (tokens[index].text in _OPEN) - (tokens[index].text in _CLOSE)
        if depth == 0:
            return tokens[start + 1 : index]
    return ()


def is_applied(name: str, opener: str, argument: Sequence[Token], after: str) -> bool:
    """Return whether a name before a bracket is applied to it, and not multiplied by it.

    `after`: the tokens after the bracket: `P(1.05)^t` is a product, `f(2)^2` is not.
    """
    if not argument or name in _NEVER:
        return False
    texts = [token.text for token in argument]
    events = name[0] in "EPDV" and _EVENT.fullmatch("".join(texts)) is not None
    condition = any(token.kind == "relation" for token in argument) or texts.count("|") == 1
    if opener == "[":
        return name in ("E", "P") and (events or condition)
    plain = re.split("[_']", name)[0]
    if plain in _ALWAYS:
        return not _is_multiplied(plain, argument)
    if events or condition or has_comma(argument) or not _EVENTS.isdisjoint(texts):
        return True
    return _is_single(plain, argument) and not (after == "^" and argument[0].kind == "number")


def _is_multiplied(name: str, argument: Sequence[Token]) -> bool:
    r"""Return whether a name is a factor in its own bracket, and so a number: `\phi(\phi+1)`."""
    nexts = [*(token.text for token in argument[1:]), ""]
    return any(token.text.strip("\\").removeprefix("var") == name and after != "("
               for token, after in zip(argument, nexts, strict=True))  # fmt: skip


def has_comma(argument: Sequence[Token]) -> bool:
    """Return whether a bracket holds several things."""
    depth = 0
    for token in argument:
        depth += (token.text in _OPEN) - (token.text in _CLOSE)
        if depth == 0 and token.text == ",":
            return True
    return False


def _is_single(name: str, argument: Sequence[Token]) -> bool:
    """Return whether an argument is one number, or one letter (not the name) with its subscript."""
    if argument[0].text in ("+", "-"):
        return len(argument) == 2 and argument[1].kind == "number"
    first = argument[0]
    letter = first.kind == "name" or first.text[1:] in LETTERS
    if len(argument) == 1:
        known = first.text in (r"\pi", r"\infty")
        return first.kind == "number" or known or (letter and first.text.strip("\\") != name)
    if not letter:
        return False
    if argument[1].text == "_":
        return len(argument) == 3 or argument[2].text == "{" and argument[-1].text == "}"
    return argument[1].text in ("(", "'") and len(inside(argument, 1)) == len(argument) - 3


def application(name: str, node: Node | None, argument: Sequence[Token]) -> Node:
    """Return the tree of a name applied to an argument.

    `node`: the argument as a tree, None where its tokens are the only reading. Raises ParseError
    for `C(5,2)`, a point or a number of choices.
    """
    if name in ("C", "P") and isinstance(node, Group) and node.kind == "()":
        raise ParseError(f"{name} of two numbers, a point or a number of choices")
    if isinstance(node, (Num, Sym, Op)):
        if name == "Gamma" or name == "zeta" and not _has_letters(node):
            return Op(name.lower(), (node,))
        whole = isinstance(node, Num) and node.value.denominator == 1
        if name == "phi" and (whole or isinstance(node, Op) and node.name == "totient"):
            return Op("totient", (node,))
    if node is None:
        shown = "".join(token.text for token in argument).replace(r"\mid", "|")
    else:
        shown = spelled(node)
    return Sym(f"{name}({shown})")


def _has_letters(node: Node) -> bool:
    if isinstance(node, Sym):
        return node.name not in ("pi", "e", "i")
    return isinstance(node, Op) and any(map(_has_letters, node.args))


def spelled(node: Node) -> str:
    """Return a tree as one text, which is the same for two spellings of one tree."""
    if isinstance(node, Num):
        return str(node.value)
    if isinstance(node, Sym):
        return node.name
    if isinstance(node, Op):
        if node.name == "/" and all(isinstance(arg, Num) and arg.value for arg in node.args):
            top, bottom = (arg.value for arg in node.args if isinstance(arg, Num))
            return str(top / bottom)
        return f"{node.name}({','.join(map(spelled, node.args))})"
    if isinstance(node, Group):
        items = ",".join(map(spelled, node.items))
        return items if node.kind == "()" else f"{node.kind}{items}"
    pairs = zip(("", *node.ops), node.items, strict=True)
    return "".join(op + spelled(item) for op, item in pairs)


_COUNTED = re.compile("([CAP])_([0-9]{1,4})|(C)_([nm])")


def counted(base: Node, exponent: Node) -> Node | None:
    """Return `C_5^2` as a binomial, `A_5^2` and `P_5^2` as arrangements; None for a power.

    If more are chosen than there are (`C_1^2`), it is the square of a constant.
    """
    match = _COUNTED.fullmatch(base.name) if isinstance(base, Sym) else None
    if match is None:
        return None
    if match[3]:
        whole = isinstance(exponent, Num) and exponent.value.denominator == 1
        letter = isinstance(exponent, Sym) and exponent.name in ("k", "r", "m", "i")
        return Op("binom", (Sym(match[4]), exponent)) if whole or letter else None
    total = Num(Fraction(int(match[2])))
    if not isinstance(exponent, Num) or exponent.value.denominator != 1:
        return None
    if not 0 <= exponent.value <= total.value:
        return None
    if match[1] == "C":
        return Op("binom", (total, exponent))
    rest = Num(total.value - exponent.value)
    return Op("/", (Op("fact", (total,)), Op("fact", (rest,))))


# --- what was asked for ----------------------------------------------------------------------

_CAPITALS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_OF_LETTERS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan det gcd lcm max min arg Re Im".split()
)


def is_assignable(node: Node) -> bool:
    """Return whether a tree is a name that can have a value: a letter, `S_n`, `f(2)`."""
    return isinstance(node, Sym) and node.name not in ("e", "i", "pi", "oo")


def is_quantity(node: Node) -> bool:
    r"""Return whether a tree names one thing, not an equation's side: `|AB|`, `AB`, `\det(A)`."""
    letters = _letters(node)
    if not letters or not isinstance(node, Op):
        return False
    if node.name == "*":
        return all(isinstance(arg, Sym) and arg.name in _CAPITALS or is_quantity(arg)
                   for arg in node.args)  # fmt: skip
    if node.name == "abs":
        return _is_of_letters(node.args[0]) and letters != {"x"} and letters != {"y"}
    if node.name == "^":  # the inverse of a matrix
        return letters <= _CAPITALS and node.args[1] == Num(Fraction(-1))
    return node.name in _OF_LETTERS and letters.isdisjoint("xyz")


def is_asked_for(node: Node) -> bool:
    r"""Return whether a left side names what was asked for: `m+n`, `mn`, `\frac{m}{n}`, `|AB|`.

    Letters alone, at least two and none of x, y, z: `2x`, `x^2` and `x+y` are equations' sides.
    """
    if is_quantity(node):
        return True
    letters = _letters(node)
    if not isinstance(node, Op) or len(letters) < 2 or not letters.isdisjoint("xyz"):
        return False
    return _is_of_letters(node)


def _is_of_letters(node: Node) -> bool:
    """Return whether a tree is made of letters alone, none added to itself; powers are whole."""
    if is_assignable(node) or is_quantity(node):
        return True
    if not isinstance(node, Op):
        return False
    if node.name == "^":
        return is_assignable(node.args[0]) and isinstance(node.args[1], Num)
    if node.name == "/" and node.args[0] == Num(Fraction(1)):
        return _is_of_letters(node.args[1])
    known = node.name in ("+", "*", "/", "neg") and len(set(node.args)) == len(node.args)
    return known and all(map(_is_of_letters, node.args))


def _letters(node: Node) -> frozenset[str]:
    """Return the variables of a tree of numbers, letters and operations; none for another tree."""
    if isinstance(node, Sym):
        return frozenset({node.name} if is_assignable(node) else ())
    if not isinstance(node, Op):
        return frozenset()
    return frozenset().union(*map(_letters, node.args))


def value_of(node: Rel) -> Node:
    """Return the value in `x = 5` or `|AB| = 5`, and other relations unchanged."""
    if node.ops == ("=",) and (is_assignable(node.items[0]) or is_asked_for(node.items[0])):
        return node.items[1]
    return node


def arguments(name: Node) -> tuple[str, ...]:
    """Return the variables of which `f(x)`, `f(x,y)`, `dy/d(x)` or `S_n` is a function's name."""
    text = name.name if isinstance(name, Sym) else ""
    match = re.search(r"\(([a-zA-Z]++(?:,[a-zA-Z]++)*+)\)$|^[a-zA-Z]_([a-z])$", text)
    return tuple((match[1] or match[2]).split(",")) if match else ()


def head(name: Node) -> str:
    """Return the name of a function without its arguments: `f` of `f(x)`."""
    text = name.name if isinstance(name, Sym) else ""
    return text.split("(")[0] if arguments(name) else text


def replaced(node: Node, values: dict[str, Node]) -> Node:
    """Return the tree with other trees in place of variables."""
    if isinstance(node, Sym):
        return values.get(node.name, node)
    if isinstance(node, Op):
        return Op(node.name, tuple(replaced(arg, values) for arg in node.args))
    if isinstance(node, Rel):
        return Rel(node.ops, tuple(replaced(item, values) for item in node.items))
    if isinstance(node, Group):
        return Group(node.kind, tuple(replaced(item, values) for item in node.items))
    return node


# --- sums and products of few terms ----------------------------------------------------------

MAX_TERMS = 100
MAX_NODES = 3000  # of a sum that is written out


def series(kind: str, index: str, low: Node, high: Node, term: Node) -> Node:
    """Return a sum or a product written out.

    Raises ParseError if its ends are not whole numbers, if it is too long, or if the index occurs
    inside a name (`a_k`).
    """
    if not isinstance(low, Num) or not isinstance(high, Num):
        raise ParseError("a sum with no whole ends")
    first, last = low.value, high.value
    count = last - first + 1
    if first.denominator * last.denominator != 1 or not 1 <= count <= MAX_TERMS:
        raise ParseError("a sum with no whole ends, or too long")
    if kind == "prod" and count > MAX_TERMS // 2 or count * _size(term) > MAX_NODES:
        raise ParseError("too many terms")
    if any(index in name and name != index for name in _letters(term)):
        raise ParseError("a sum of terms that are only named")
    terms = [replaced(term, {index: Num(first + step)}) for step in range(int(count))]
    if kind == "sum":
        return terms[0] if count == 1 else Op("+", tuple(terms))
    left = terms[0]
    for factor in terms[1:]:
        left = Op("*", (left, factor))
    return left


def _size(node: Node) -> int:
    if isinstance(node, (Num, Sym)):
        return 1
    return 1 + sum(map(_size, node.args if isinstance(node, Op) else node.items))
