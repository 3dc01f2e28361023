r"""Reads one mathematical answer, LaTeX or plain, into a small tree.

Nothing here evaluates anything.

A hand-written recursive descent over a closed vocabulary: what is not in it is a `ParseError`,
never a guess, and no text reaches Python's evaluator or sympy's. Size and depth are limited before
anything else looks at the tree.

Readings that people differ on, chosen once: `1/2x` is `(1/2)x`; `2^10` is two to the ten; `\frac12`
takes one digit at a time, as TeX does, and `\sqrt12` is refused, since TeX and people differ;
`3\frac12` and `3 1/2` are mixed numbers; `e`, `i` and `\pi` are the constants; `1,234` is a number
and `1, 234` a list; `log` has base ten and `ln` base e; `f(x)`, for f, g, h, P, Q and one letter,
is a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from rlvr.maths.lex import FUNCTIONS, LETTERS, ParseError, Token, clean, tokenize

MAX_CHARS = 2000
MAX_DEPTH = 60
MAX_EXPONENT = 5000  # of a literal in scientific notation: larger ones stay powers


@dataclass(frozen=True, slots=True)
class Num:
    """An exact number.

    `places`: digits after the point where it was written as a decimal, else None.
    """

    value: Fraction
    places: int | None = None


@dataclass(frozen=True, slots=True)
class Sym:
    """A variable or a constant (`pi`, `e`, `i`, `oo`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Op:
    """An operation: + * / ^ neg pm fact abs sqrt root pct deg, or a function's name."""

    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Rel:
    """A chain of relations: items[0] ops[0] items[1] ops[1] ...; ops are = != < <= > >= in."""

    ops: tuple[str, ...]
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Several answers in one.

    `kind`: list and or ; () [] (] [) {} matrix row builder union inter setminus.
    """

    kind: str
    items: tuple[Node, ...]


Node = Num | Sym | Op | Rel | Group

CONSTANTS = frozenset({"pi", "e", "i", "oo"})


@lru_cache(maxsize=4096)
def parse(text: str, thousands: bool = True) -> Node:
    """Parse one answer, cleaned or not.

    Raises ParseError if it is not in the vocabulary, or too large.
    """
    if len(text) > MAX_CHARS:
        raise ParseError("too long")
    parser = _Parser(tokenize(clean(text), thousands))
    node = parser.answer()
    parser.end()
    return node


_END = Token("end", "", False)
_OPENERS = {"(", "[", r"\{", "{", r"\langle"}


class _Parser:
    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0

    # -- token access

    def peek(self, ahead: int = 0) -> Token:
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else _END

    def next(self) -> Token:
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        if self.peek().kind in ("punct", "command", "relation") and self.peek().text in texts:
            return self.next()
        return None

    def expect(self, *texts: str) -> Token:
        token = self.accept(*texts)
        if token is None:
            raise ParseError(f"expected {' or '.join(texts)} before {self.peek().text!r}")
        return token

    def end(self) -> None:
        if self.peek() is not _END:
            raise ParseError(f"unexpected {self.peek().text!r}")

    # -- lists and relations

    def answer(self) -> Node:
        """Items separated by commas, semicolons, `and` and `or`."""
        items, kinds = [self.relation()], set()
        while True:
            kind = ""
            while token := self.accept(",", ";", r"\and", r"\or"):
                kind = {"\\and": "and", "\\or": "or"}.get(token.text, kind or "list")
            if not kind:
                break
            kinds.add(kind)
            items.append(self.relation())
        if len(items) == 1:
            return items[0]
        kinds.discard("list")
        if len(kinds) > 1:
            raise ParseError("`and` mixed with `or`")
        return Group(kinds.pop() if kinds else "list", tuple(items))

    def relation(self) -> Node:
        items, ops = [self.set_expression()], []
        while self.peek().kind == "relation":
            ops.append(self.next().text.replace("==", "="))
            items.append(self.set_expression())
        return Rel(tuple(ops), tuple(items)) if ops else items[0]

    def set_expression(self) -> Node:
        left = _without(self.sum())
        names = {
            r"\cup": "union",
            r"\cap": "inter",
            r"\setminus": "setminus",
            r"\backslash": "setminus",
        }
        while token := self.accept(*names):
            left = Group(names[token.text], (left, self.sum()))
        return left

    # -- arithmetic

    def sum(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        terms = [self.product()]
        while token := self.accept("+", "-", r"\pm", r"\mp"):
            term = self.product()
            if token.text == "+":
                terms.append(term)
            elif token.text == "-":
                terms.append(Op("neg", (term,)))
            else:
                terms.append(Op("pm" if token.text == r"\pm" else "mp", (term,)))
        self.depth -= 1
        return terms[0] if len(terms) == 1 else Op("+", tuple(terms))

    def product(self) -> Node:
        left = self.unary()
        for _ in range(MAX_DEPTH):
            if self.peek().text.startswith(r"\begin{") and not isinstance(left, Group):
                left = _scaled(left, self.atom())
            elif self.accept("*", r"\times", r"\cdot", r"\ast"):
                left = Op("*", (left, self.unary()))
            elif self.accept("/", r"\div"):
                left = Op("/", (left, self.unary()))
            elif self.starts_factor():
                if self.peek().kind == "number" and self.tokens[self.at - 1].text not in ")!":
                    raise ParseError("a number right after another factor")
                left = Op("*", (left, self.power()))
            else:
                return left
        raise ParseError("too many factors")

    def starts_factor(self) -> bool:
        token = self.peek()
        if token.kind in ("number", "name"):
            return True
        if token.kind == "command":
            return token.text[1:] in FUNCTIONS | LETTERS | _ATOMS or token.text in (
                r"\{",
                r"\lvert",
            )
        return token.text in ("(", "{", "[") or (token.text == "|" and self.bars == 0)

    def unary(self) -> Node:
        if token := self.accept("-", "+", r"\pm", r"\mp"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ParseError("too deep")
            inner = self.unary()
            self.depth -= 1
            if token.text == "+":
                return inner
            if token.text == "-":
                if isinstance(inner, Num) and inner.value >= 0:
                    return Num(-inner.value, inner.places)
                return Op("neg", (inner,))
            return Op("pm" if token.text == r"\pm" else "mp", (inner,))
        return self.power()

    def power(self) -> Node:
        base = self.postfix()
        if self.accept("^"):
            exponent = self.exponent()
            base = Op("^", (base, exponent))
            while token := self.accept("!", "%", r"\%"):
                base = Op("fact" if token.text == "!" else "pct", (base,))
        return base

    def exponent(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        if self.accept("{"):
            node = self.sum()
            self.expect("}")
            if self.accept("^"):
                node = Op("^", (node, self.exponent()))
        elif self.peek().text in ("-", "+"):
            sign = self.next().text
            inner = self.power()
            node = Op("neg", (inner,)) if sign == "-" else inner
        else:
            node = self.power()
        self.depth -= 1
        return node

    def postfix(self) -> Node:
        node = self.atom()
        for _ in range(4):
            if self.accept("!"):
                node = Op("fact", (node,))
            elif self.accept("%", r"\%"):
                node = Op("pct", (node,))
            elif self.accept(r"\deg", r"\degree"):
                node = Op("deg", (node,))
            elif self.peek().text == "^" and self.degree_sign():
                node = Op("deg", (node,))
            elif self.peek().text == "_" and isinstance(node, Num):
                node = self.based(node)
            else:
                break
        return node

    def degree_sign(self) -> bool:
        texts = [self.peek(ahead).text for ahead in range(1, 4)]
        if texts[0] in (r"\circ", r"\degree"):
            self.at += 2
            return True
        if texts == ["{", r"\circ", "}"]:
            self.at += 4
            return True
        return False

    def based(self, node: Num) -> Node:
        """A numeral with its base as subscript: the tree keeps the digits as written."""
        digits = self.tokens[self.at - 1].text
        self.next()
        braced = self.accept("{")
        bracketed = self.accept("(")
        token = self.next()
        if not (token.kind == "number" and token.text.isdigit() and len(token.text) < 3):
            raise ParseError("a subscript on a number is its base")
        if not digits.isdigit() or not 2 <= int(token.text) <= 36:
            raise ParseError("a subscript on a number is its base")
        if bracketed:
            self.expect(")")
        if braced:
            self.expect("}")
        return numeral(digits, int(token.text))

    # -- atoms

    def atom(self) -> Node:
        token = self.next()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "name":
            return self.name(token.text)
        if token.kind == "command":
            return self.command(token)
        if token.text in _OPENERS:
            return self.bracket(token.text)
        if token.text == "|":
            self.bars += 1
            inner = self.sum()
            self.expect("|")
            self.bars -= 1
            return Op("abs", (inner,))
        raise ParseError(f"unexpected {token.text!r}" if token.text else "unexpected end")

    def number(self, token: Token) -> Node:
        text = token.text
        if text.endswith("."):
            text = text[:-1]
        places = len(text.partition(".")[2]) if "." in text else None
        repeating = self.repeating(text)
        if repeating is not None:
            return repeating
        value = Fraction(text) if "." in text else Fraction(int(text))
        scale = self.peek()
        if scale.kind == "name" and scale.text in "eE" and not scale.spaced:
            power = self.scientific()
            if power is not None:
                node = Num(value * Fraction(10) ** power, max((places or 0) - power, 0))
                return node
        if places is None:
            part = self.mixed_part()
            if part is not None:
                return Num(value + part)
        return Num(value, places)

    def scientific(self) -> int | None:
        """The exponent of `1.5e10` or `1.5e-3`; the digits must follow the e with no space."""
        sign = self.peek(1).text if self.peek(1).text in ("+", "-") else ""
        digits = self.peek(2 if sign else 1)
        if (
            digits.kind != "number"
            or digits.spaced
            or not digits.text.isdigit()
            or len(digits.text) > 4
        ):
            return None
        self.at += 3 if sign else 2
        power = int(sign + digits.text)
        if abs(power) > MAX_EXPONENT:
            raise ParseError("exponent too large")
        return power

    def repeating(self, text: str) -> Num | None:
        r"""`0.1\overline{6}`, `0.\dot{3}`, `0.1(6)` and `0.333\ldots`."""
        whole, point, head = text.partition(".")
        if not point and not self.tokens[self.at - 1].text.endswith("."):
            return None
        if self.peek().text in (r"\overline", r"\bar", r"\dot"):
            dotted = self.next().text == r"\dot"
            block = self.raw_digits()
            block += self.until_dot() if dotted else ""
        elif (
            self.peek().text == "("
            and not self.peek().spaced
            and self.peek(2).text == ")"
            and whole
        ):
            if self.peek(1).kind != "number" or not self.peek(1).text.isdigit() or len(whole) > 12:
                return None
            self.next()
            block = self.next().text
            self.next()
        elif self.peek().text in (r"\ldots", r"\dots", r"\cdots") and re.search(
            r"([0-9])\1\1$", head
        ):
            self.next()
            block = head[-1]
        else:
            return None
        if not block or not block.isdigit():
            raise ParseError("no digits under the bar")
        start = Fraction(int((whole + head) or "0"), 10 ** len(head))
        return Num(start + Fraction(int(block), (10 ** len(block) - 1) * 10 ** len(head)))

    def until_dot(self) -> str:
        r"""The rest of the block in `0.\dot{1}4285\dot{7}`: up to the second dot, or nothing."""
        middle = self.peek(0).text if self.peek().kind == "number" else ""
        if self.peek(bool(middle)).text != r"\dot" or not (middle or "0").isdigit():
            return ""
        self.at += 1 + bool(middle)
        return middle + self.raw_digits()

    def raw_digits(self) -> str:
        if self.accept("{"):
            token = self.next()
            self.expect("}")
            return token.text
        token = self.next()
        if len(token.text) > 1:
            self.split(token)
        return token.text[:1]

    def split(self, token: Token) -> None:
        """Give back all but the first digit of a number just taken.

        TeX's arguments are single digits.
        """
        self.at -= 1
        self.tokens[self.at : self.at + 1] = [
            Token("number", token.text[:1], False),
            Token("number", token.text[1:], False),
        ]
        self.at += 1

    def mixed_part(self) -> Fraction | None:
        r"""The proper fraction that follows an integer at once: `4\frac{4}{9}`, `4 4/9`."""
        start = self.at
        found: Node | None = None
        if self.peek().text == r"\frac":
            self.next()
            found = self.fraction()
        elif (
            self.peek().kind == "number" and self.peek().spaced and self.peek(1).text == "/"
            and self.peek(2).kind == "number"
        ):  # fmt: skip
            top, bottom = self.next().text, self.tokens[self.at + 1].text
            self.at += 2
            if top.isdigit() and bottom.isdigit():
                found = Op("/", (Num(Fraction(int(top))), Num(Fraction(int(bottom)))))
        if isinstance(found, Op) and all(
            isinstance(arg, Num) and arg.places is None for arg in found.args
        ):
            above, below = (arg.value for arg in found.args if isinstance(arg, Num))
            if 0 < above < below and above.denominator == below.denominator == 1:
                if self.peek().text == "^":
                    raise ParseError("a power of a mixed number")
                return above / below
        self.at = start
        return None

    def name(self, letter: str) -> Node:
        primes = ""
        while self.accept("'"):
            primes += "'"
        if letter in "fghFGHPQ" and self.inverse_of_x():
            primes = "^{-1}"
        if (
            letter in "fghPQ" + "FGH" * bool(primes)
            and self.peek().text == "("
            and self.peek(1).kind == "name"
            and self.peek(2).text == ")"
        ):
            argument = self.peek(1).text
            self.at += 3
            return Sym(f"{letter}{primes}({argument})")
        if self.peek().text == "_":
            self.next()
            return Sym(f"{letter}{primes}_{self.subscript()}")
        return Sym(letter + primes)

    def inverse_of_x(self) -> bool:
        """Take the `^{-1}` of `f^{-1}(x)`, a name of its own."""
        if [self.peek(k).text for k in range(6)] != ["^", "{", "-", "1", "}", "("]:
            return False
        if self.peek(6).kind != "name" or self.peek(7).text != ")":
            return False
        self.at += 5
        return True

    def subscript(self) -> str:
        if not self.accept("{"):
            token = self.next()
            if token.kind not in ("number", "name"):
                raise ParseError("unreadable subscript")
            return token.text
        parts = []
        while not self.accept("}"):
            token = self.next()
            if token.kind not in ("number", "name", "punct") or token.text in "{":
                raise ParseError("unreadable subscript")
            parts.append(token.text)
        return "".join(parts)

    def bracket(self, opener: str) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        # Inside a set the first bar at this level is `such that`.
        bars, self.bars = self.bars, int(opener in (r"\{", "{"))
        closers = {"{": ["}"], r"\{": [r"\}"], r"\langle": [r"\rangle"]}.get(opener, [")", "]"])
        node = self.bracket_content(opener, closers)
        self.bars = bars
        self.depth -= 1
        return node

    def rows(self) -> Node | None:
        """`[[1,2],[3,4]]`, its first bracket taken, as a matrix; None if it is not one."""
        start, rows = self.at, []
        while self.accept("["):
            row = [self.relation()]
            while self.accept(","):
                row.append(self.relation())
            if not self.accept("]"):
                break
            rows.append(Group("row", tuple(row)))
            if self.accept("]") and len({len(row.items) for row in rows}) == 1:
                return Group("matrix", tuple(rows))
            if not self.accept(","):
                break
        self.at = start
        return None

    def bracket_content(self, opener: str, closers: list[str]) -> Node:
        if opener == "[" and self.peek().text == "[":
            rows = self.rows()
            if rows is not None:
                return rows
        if self.accept(*closers):
            if opener == r"\{":
                return Group("{}", ())
            raise ParseError("empty brackets")
        items = [self.relation()]
        if opener == "{" and (over := self.accept(r"\over", r"\choose")):
            items = [Op("/" if over.text == r"\over" else "binom", (items[0], self.sum()))]
        if opener in (r"\{", "{") and (self.accept("|", ":", r"\mid", r"\colon")):
            condition = self.answer()
            self.expect(*closers)
            return Group("builder", (items[0], condition))
        while self.accept(",", ";"):
            items.append(self.relation())
        closer = self.expect(*closers).text
        if opener == r"\{" or (opener == "{" and len(items) > 1):
            return Group("{}", tuple(items))
        if len(items) == 1:
            if isinstance(items[0], Group) and items[0].kind == "matrix":
                return items[0]
            if isinstance(items[0], Rel) or (
                opener == "[" and closer == "]" and isinstance(items[0], Group)
            ):
                return Group("[]", tuple(items)) if opener == "[" else items[0]
            if opener + closer in ("(]", "[)"):
                raise ParseError("brackets that do not match")
            return items[0]
        kind = "()" if opener == r"\langle" else opener + closer
        if kind in ("(]", "[)") and len(items) != 2:
            raise ParseError("brackets that do not match")
        return Group(kind, tuple(items))

    def command(self, token: Token) -> Node:
        name = token.text[1:]
        if name == "frac":
            return self.fraction()
        if name == "sqrt":
            return self.root()
        if name == "binom" or name == "dbinom" or name == "tbinom":
            return Op("binom", (self.argument(), self.argument()))
        if name in ("infty", "pi"):
            return Sym({"infty": "oo"}.get(name, name))
        if name in LETTERS:
            return self.name({"varphi": "phi", "varepsilon": "epsilon"}.get(name, name))
        if name in ("emptyset", "varnothing"):
            return Group("{}", ())
        if name == "mathbb":
            return self.number_set()
        if name in ("imath", "mathrm"):
            return Sym("i")
        if token.text in (r"\{", r"\langle"):
            return self.bracket(token.text)
        pairs = {"lvert": "rvert", "lfloor": "rfloor", "lceil": "rceil"}
        if name in pairs:
            inner = self.sum()
            self.expect("\\" + pairs[name])
            return Op({"lvert": "abs", "lfloor": "floor", "lceil": "ceil"}[name], (inner,))
        if name.startswith("begin{"):
            return self.matrix(name[6:-1])
        if name == "overline":
            raise ParseError("a bar over something other than digits")
        if name in FUNCTIONS:
            return self.function(name)
        raise ParseError(f"unknown command {token.text!r}")

    def argument(self) -> Node:
        """One TeX argument: a braced group, or one digit, letter or command."""
        if self.accept("{"):
            node = self.sum()
            self.expect("}")
            return node
        token = self.peek()
        if token.kind == "number":
            self.next()
            if len(token.text) > 1:
                self.split(token)
            return (
                Num(Fraction(int(token.text[0])))
                if token.text[0] != "."
                else self.fail("a bare point")
            )
        if token.kind in ("name", "command"):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise ParseError("too deep")
            node = self.atom()
            self.depth -= 1
            return node
        return self.fail("a missing argument")

    def fail(self, why: str) -> Node:
        raise ParseError(why)

    def fraction(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        node = self.derivative() or Op("/", (self.argument(), self.argument()))
        self.depth -= 1
        return node

    def derivative(self) -> Node | None:
        r"""`\frac{dy}{dx} = ...` is a name, where it is the whole left side."""
        texts = [self.peek(k).text for k in range(9)]
        if self.at != 1 or texts[:2] != ["{", "d"] or texts[3:6] != ["}", "{", "d"]:
            return None
        if self.peek(2).kind != "name" or self.peek(6).kind != "name" or texts[7:] != ["}", "="]:
            return None
        self.at += 8
        return Sym(f"d{texts[2]}/d({texts[6]})")

    def root(self) -> Node:
        if self.accept("["):
            index = self.sum()
            self.expect("]")
            return Op("root", (self.argument(), index))
        if self.peek().text == "(":
            self.next()
            return Op("sqrt", (self.bracket_content("(", [")"]),))
        if self.peek().kind == "number" and len(self.peek().text) > 1:
            raise ParseError("a root of several digits without braces")
        return Op("sqrt", (self.argument(),))

    def number_set(self) -> Node:
        braced = self.accept("{")
        letter = self.next().text
        if braced:
            self.expect("}")
        if letter == "R":
            return Group("()", (Op("neg", (Sym("oo"),)), Sym("oo")))
        return Sym(f"set {letter}")

    def system(self) -> Node:
        r"""`\begin{cases} x=1 \\ y=2 \end{cases}`: relations that hold together."""
        items = [self.relation()]
        while self.accept(",", ";") or self.accept(r"\newline"):
            if self.peek().text in (r"\newline", r"\end{cases}"):
                continue
            items.append(self.relation())
        self.expect(r"\end{cases}")
        if not all(isinstance(item, Rel) for item in items):
            raise ParseError("cases that are no relations")
        return items[0] if len(items) == 1 else Group("list", tuple(items))

    def matrix(self, kind: str) -> Node:
        if kind == "cases":
            return self.system()
        if kind not in ("array", "pmatrix", "bmatrix", "matrix", "Bmatrix", "smallmatrix"):
            raise ParseError(f"unknown environment {kind!r}")
        close = f"\\end{{{kind}}}"
        rows, row = [], []
        while True:
            row.append(self.sum())
            if self.accept("&"):
                continue
            rows.append(Group("row", tuple(row)))
            row = []
            if self.accept(r"\newline") and self.peek().text != close:
                continue
            self.expect(close)
            if len({len(row.items) for row in rows}) != 1:
                raise ParseError("a matrix with uneven rows")
            return Group("matrix", tuple(rows))

    def function(self, name: str) -> Node:
        name = _ALIASES.get(name, name)
        base: Node | None = None
        power: Node | None = None
        while True:
            if self.peek().text == "_" and name == "log" and base is None:
                self.next()
                base = self.argument() if self.peek().text == "{" else self.plain_base()
            elif self.peek().text == "^" and power is None:
                self.next()
                power = self.exponent()
            else:
                break
        args = self.function_args()
        if name in ("gcd", "lcm", "max", "min"):
            if len(args) < 2:
                raise ParseError(f"{name} of one thing")
        elif len(args) != 1:
            raise ParseError(f"{name} of several things")
        if name == "log":
            args = (*args, base or Num(Fraction(10)))
        node: Node = Op(name, args)
        if power is None:
            return node
        if power in (Num(Fraction(-1)), Op("neg", (Num(Fraction(1)),))) and name in _INVERSES:
            return Op(_INVERSES[name], args)
        return Op("^", (node, power))

    def plain_base(self) -> Node:
        r"""The base in `\log_2 8` or `log_10(5)`: a whole number or one letter."""
        token = self.next()
        if token.kind == "number" and token.text.isdigit():
            return Num(Fraction(int(token.text)))
        if token.kind == "name":
            return Sym(token.text)
        return self.fail("unreadable base of a logarithm")

    def function_args(self) -> tuple[Node, ...]:
        if self.peek().text in ("(", "[") or self.peek().text == "{":
            opener = self.next().text
            inner = self.bracket_content(opener, {"(": [")"], "[": ["]"], "{": ["}"]}[opener])
            if isinstance(inner, Group) and inner.kind in ("()", "[]", "{}"):
                return inner.items
            return (inner,)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        if self.accept("-"):
            argument: Node = Op("neg", (self.power(),))
        else:
            argument = self.power()
        while (
            self.starts_factor()
            and self.peek().text[1:] not in FUNCTIONS
            and self.peek().text not in ("(", "[")
        ):
            argument = Op("*", (argument, self.power()))
        self.depth -= 1
        return (argument,)


_ATOMS = frozenset(
    "frac sqrt binom dbinom tbinom infty pi emptyset varnothing mathbb imath langle lfloor "
    "lceil".split()
)
_ALIASES = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "lg": "log", "arsinh": "arcsinh",
    "cbrt": "cbrt",
}  # fmt: skip
_INVERSES = {
    "sin": "arcsin", "cos": "arccos", "tan": "arctan", "sinh": "arcsinh", "cosh": "arccosh",
    "tanh": "arctanh",
    "cot": "arccot", "sec": "arcsec", "csc": "arccsc",
}  # fmt: skip


def _scaled(factor: Node, matrix: Node) -> Node:
    """A number times a matrix, entry by entry."""
    if not isinstance(matrix, Group) or isinstance(factor, Rel):
        raise ParseError("a matrix that is no factor")
    rows = [row.items for row in matrix.items if isinstance(row, Group)]
    scaled = [Group("row", tuple(Op("*", (factor, entry)) for entry in row)) for row in rows]
    return Group("matrix", tuple(scaled))


def _without(node: Node) -> Node:
    r"""`\mathbb{R} - \{2\}` is a difference of sets."""
    if not isinstance(node, Op) or node.name != "+" or not isinstance(node.args[0], Group):
        return node
    left: Node = node.args[0]
    for arg in node.args[1:]:
        if not (isinstance(arg, Op) and arg.name == "neg" and isinstance(arg.args[0], Group)):
            return node
        left = Group("setminus", (left, arg.args[0]))
    return left


def numeral(digits: str, base: int) -> Op:
    """Return the tree of a numeral in a base.

    Raises ParseError if a digit is not one of that base.
    """
    try:
        value = int(digits, base)
    except ValueError as error:
        raise ParseError(str(error)) from None
    return Op("based", (Num(Fraction(value)), Num(Fraction(base))))
