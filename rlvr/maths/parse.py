r"""Reads one mathematical answer, LaTeX or plain, into a small tree.

Nothing here evaluates anything.

This is a recursive descent parser, written by hand, for a closed vocabulary. Text outside the
vocabulary raises ParseError and is never guessed, and no text reaches Python's evaluator or
sympy's. Size and depth are limited before any other code reads the tree.

People read some texts in different ways. We have chosen: `1/2x` is `(1/2)x`. `2^10` is two to the
ten. `\frac12` takes one digit at a time, as TeX does; `\sqrt12` is refused, because TeX and people
differ. `3\frac12` and `3 1/2` are mixed numbers. `e`, `i` and `\pi` are the constants. `1,234` is a
number and `1, 234` a list. `log` has base ten and `ln` base e. `rlvr.maths.names` decides between
an applied name and a product. `3!=6` is 3! = 6, `x!=6` an inequality. `n!!` is the double
factorial, `(n!)!` the factorial of a factorial.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from rlvr.maths.lex import FUNCTIONS, LETTERS, ParseError, Token, clean, tokenize
from rlvr.maths.names import application, counted, has_comma, inside, is_applied, series
from rlvr.maths.numerals import END, Numerals, numeral
from rlvr.maths.tree import Group, Node, Num, Op, Rel, Sym

__all__ = ["MAX_CHARS", "Group", "Node", "Num", "Op", "Rel", "Sym", "numeral", "parse"]

MAX_CHARS = 2000
MAX_DEPTH = 60


@lru_cache(maxsize=4096)
def parse(text: str, thousands: bool = True, cleaned: bool = False) -> Node:
    """Parse one answer. `cleaned`: whether it has gone through `clean` already.

    Raises ParseError if it is not in the vocabulary, or too large.
    """
    if len(text) > MAX_CHARS:
        raise ParseError("too long")
    parser = _Parser(tokenize(text if cleaned else clean(text), thousands))
    node = parser.answer()
    parser.end()
    return node


_JOINTS = {
    r"\and": "and", r"\land": "and", r"\wedge": "and", r"\or": "or", r"\lor": "or", r"\vee": "or",
}  # fmt: skip
_OPENERS = {"(", "[", r"\{", "{", r"\langle"}


class _Parser(Numerals):
    # -- lists and relations

    def answer(self) -> Node:
        r"""Read items separated by commas, semicolons, `and`, `or`; conditions by `\lor` too."""
        items, kinds, logical = [self.relation()], set(), False
        while True:
            kind = ""
            while token := self.accept(",", ";", *_JOINTS):
                kind = _JOINTS.get(token.text, kind or "list")
                logical = logical or token.text not in (",", ";", r"\and", r"\or")
            if not kind:
                break
            kinds.add(kind)
            items.append(self.relation())
        if len(items) == 1:
            return items[0]
        if logical and not all(isinstance(item, Rel) for item in items):
            raise ParseError("a logical sign between what are no conditions")
        kinds.discard("list")
        if len(kinds) > 1:
            raise ParseError("`and` mixed with `or`")
        return Group(kinds.pop() if kinds else "list", tuple(items))

    def relation(self) -> Node:
        items, ops = [self.point() or self.side()], []
        while self.peek().kind == "relation":
            ops.append(self.next().text.replace("==", "="))
            items.append(_number_set(self.side()) if ops[-1] == "in" else self.side())
        if "mod" in ops and set(ops) <= {"mod", "="} and self.accept(r"\pmod"):
            braced = self.peek().text == "{"
            modulus = self.argument() if braced else self.power()
            return Group("mod", (*items, modulus))
        if "mod" in ops:
            raise ParseError("a congruence without a modulus")
        return Rel(tuple(ops), tuple(items)) if ops else items[0]

    def point(self) -> Node | None:
        """Read `A(2,3)` as `A = (2,3)`; None if it is no point, or may be a number of choices."""
        name = self.peek().text
        if self.peek().kind != "name" or not name.isupper() or name in "CP":
            return None
        pair_tokens = inside(self.tokens, self.at + 1) if self.peek(1).text == "(" else ()
        closer, after = self.peek(2 + len(pair_tokens)), self.peek(3 + len(pair_tokens))
        if closer.text != ")" or not has_comma(pair_tokens):
            return None
        if after is not END and after.text not in (",", ";", r"\and", r"\or"):
            return None
        self.at += 1
        return Rel(("=",), (Sym(name), self.atom()))

    def side(self) -> Node:
        r"""Read one side of a relation; `\lim_{x\to 0} f(x)` before a `=` is a name."""
        if self.peek().text not in _ASKED:
            return self.asked() if self.is_derivative() else self.set_expression()
        start, depth, bars, tokens = self.at, self.depth, self.bars, list(self.tokens)
        try:
            return self.set_expression()
        except ParseError:
            self.at, self.depth, self.bars, self.tokens = start, depth, bars, tokens
            return self.asked()

    def is_derivative(self) -> bool:
        r"""Return whether `\frac{d}{dx}` or `\frac{\partial f}{\partial x}` is next."""
        texts = [self.peek(k).text for k in range(8)]
        if texts[:2] != [r"\frac", "{"]:
            return False
        plain = texts[2:6] == ["d", "}", "{", "d"] and self.peek(6).kind == "name"
        return texts[2] == r"\partial" or (plain and texts[7] == "}")

    def asked(self) -> Sym:
        """Read everything up to the next `=` outside brackets, as a name."""
        level, texts = 0, []
        while self.peek() is not END and (level or self.peek().kind != "relation"):
            text = self.next().text
            level += (text in _OPENERS) - (text in (")", "]", "}", r"\}"))
            texts.append(text)
        if self.peek().text != "=":
            raise ParseError(f"{texts[0]} with no value after it")
        return Sym("".join(texts))

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
                left = _scaled(left, self.power())
            elif self.accept("*", r"\times", r"\cdot", r"\ast"):
                left = Op("*", (left, self.unary()))
            elif self.accept("/", r"\div"):
                left = Op("/", (left, self.unary()))
            elif self.starts_factor():
                if self.peek().kind == "number" and self.tokens[self.at - 1].text not in ")!":
                    raise ParseError("a number right after another factor")
                right = self.power()
                tuple_ = isinstance(right, Group) and right.kind in ("()", "matrix")
                number = isinstance(left, (Num, Op))
                left = _scaled(left, right) if tuple_ and number else Op("*", (left, right))
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
            if isinstance(base, Group) and exponent == Sym("T"):
                return _transposed(base)
            base = counted(base, exponent) or Op("^", (base, exponent))
            while token := self.accept("!", "%", r"\%"):
                base = self.factorial(base) if token.text == "!" else Op("pct", (base,))
        return base

    def factorial(self, node: Node) -> Node:
        """Read `n!` or `n!!`; the first mark is already taken."""
        if not self.accept("!"):
            return Op("fact", (node,))
        if self.peek().text == "!":
            raise ParseError("a triple factorial")
        return Op("dfact", (node,))

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
                node = self.factorial(node)
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

    def name(self, letter: str) -> Node:
        primes = ""
        while self.accept("'"):
            primes += "'"
        if letter in "fghFGHPQ" and self.is_inverse():
            self.at += 5
            primes = "^{-1}"
        label = letter + primes
        if self.accept("_"):
            label += f"_{self.subscript()}"
        opener = self.peek().text
        if opener in ("(", "["):
            argument = inside(self.tokens, self.at)
            if is_applied(label, opener, argument, self.peek(2 + len(argument)).text):
                return self.applied(label, argument)
        return Sym(label)

    def applied(self, label: str, argument: Sequence[Token]) -> Node:
        """Read a name applied to an argument; the argument in brackets is next."""
        opener, depth, bars = self.next().text, self.depth, self.bars
        tokens, end = list(self.tokens), self.at + len(argument) + 1
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        node: Node | None
        try:
            node = self.bracket_content(opener, [")" if opener == "(" else "]"])
        except ParseError:
            node, self.tokens, self.at = None, tokens, end
        self.depth, self.bars = depth, bars
        node = application(label, node, argument)
        if isinstance(node, Sym) and self.accept("_"):
            return Sym(f"{node.name}_{self.subscript()}")
        return node

    def is_inverse(self) -> bool:
        """Return whether the `^{-1}` of `f^{-1}(x)` is next, a name of its own."""
        if [self.peek(k).text for k in range(6)] != ["^", "{", "-", "1", "}", "("]:
            return False
        return self.peek(6).kind in ("name", "number") and self.peek(7).text == ")"

    def subscript(self) -> str:
        if not self.accept("{"):
            token = self.next()
            if token.kind not in ("number", "name"):
                raise ParseError("unreadable subscript")
            return token.text
        parts = []
        while not self.accept("}"):
            token = self.next()
            if token is END or token.kind == "relation" or token.text == "{":
                raise ParseError("unreadable subscript")
            parts.append(token.text)
        return "".join(parts)

    def bracket(self, opener: str) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        # Inside a set the first bar at this level is `such that`.
        if opener == "(" and self.peek(3).text == ")" and self.peek(4).text == "(":
            made = self.made_of_functions()
            if made is not None:
                self.depth -= 1
                return made
        bars, self.bars = self.bars, int(opener in (r"\{", "{"))
        closers = {"{": ["}"], r"\{": [r"\}"], r"\langle": [r"\rangle"]}.get(opener, [")", "]"])
        node = self.bracket_content(opener, closers)
        self.bars = bars
        self.depth -= 1
        return node

    def made_of_functions(self) -> Node | None:
        r"""Read `(f \circ g)(x)` or `(f+g)(x)` after the first bracket; None if it is neither."""
        left, sign, right = (self.peek(k) for k in range(3))
        if left.text not in "fgh" or right.text not in "fgh" or left.kind != right.kind:
            return None
        if sign.text not in (r"\circ", "+", "-", "/", r"\cdot"):
            return None
        self.at += 4
        label = f"({left.text}{sign.text}{right.text})"
        return self.applied(label, inside(self.tokens, self.at))

    def rows(self) -> Node | None:
        """Read `[[1,2],[3,4]]` as a matrix, after the first bracket; None if it is not one."""
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
        if name in _MARKS:
            return self.marked(_MARKS[name])
        if name in ("sum", "prod"):
            return self.series(name)
        if name in FUNCTIONS:
            return self.function(name)
        raise ParseError(f"unknown command {token.text!r}")

    def argument(self) -> Node:
        """Read one TeX argument: a braced group, or one digit, letter or command."""
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

    def marked(self, mark: str) -> Node:
        r"""Read `\bar{x}` as a name of its own, and `\overline{AB}` as `AB`."""
        braced = self.accept("{")
        letters = [self.next()]
        while braced and not self.accept("}") and letters[-1] is not END:
            letters.append(self.next())
        if not all(t.kind == "name" or t.text[1:] in LETTERS for t in letters):
            raise ParseError("a bar over something other than letters or digits")
        names = [token.text.strip("\\") for token in letters]
        if len(names) > 1 and all(name.isupper() for name in names):
            return _product([Sym(name) for name in names])
        return Sym(f"{mark} {''.join(names)}")

    def series(self, kind: str) -> Node:
        r"""Read `\sum_{k=1}^{5} k^2`, and write it out if it has few terms."""
        self.expect("_")
        self.expect("{")
        name = self.next()
        self.expect_relation()
        low = self.sum()
        self.expect("}")
        self.expect("^")
        high = self.argument()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        term = self.product()
        self.depth -= 1
        return series(kind, name.text, low, high, term)

    def expect_relation(self) -> None:
        if self.next().text != "=":
            raise ParseError("a sum with no first index")

    def fraction(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ParseError("too deep")
        node = self.derivative() or Op("/", (self.argument(), self.argument()))
        self.depth -= 1
        return node

    def derivative(self) -> Node | None:
        r"""Read `\frac{dy}{dx} = ...` as a name, if it is the whole left side."""
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
        r"""Read `\begin{cases} x=1 \\ y=2 \end{cases}`: relations that hold together."""
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
            elif name == "log" and base is None and power is None and self.is_written_base():
                base = self.plain_base()
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
        if name == "cis":  # cos x + i sin x
            node = Op("^", (Sym("e"), Op("*", (Sym("i"), *args))))
        if power is None:
            return node
        if power in (Num(Fraction(-1)), Op("neg", (Num(Fraction(1)),))) and name in _INVERSES:
            return Op(_INVERSES[name], args)
        return Op("^", (node, power))

    def is_written_base(self) -> bool:
        """Return whether `2(` or `10(` comes next, without a space, as in `log2(8)`."""
        number, bracket = self.peek(), self.peek(1)
        together = not number.spaced and not bracket.spaced
        return together and number.text in ("2", "10") and bracket.text == "("

    def plain_base(self) -> Node:
        r"""Read the base in `\log_2 8` or `log_10(5)`: a whole number or one letter."""
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
    "lceil overline bar hat widehat tilde dot ddot sum prod".split()
)
_MARKS = {
    "overline": "bar", "bar": "bar", "hat": "hat", "widehat": "hat", "tilde": "tilde",
    "dot": "dot", "ddot": "ddot",
}  # fmt: skip
_ASKED = frozenset(
    r"\int \iint \iiint \oint \lim \limsup \liminf \sum \prod \sup \inf \max \min \triangle "
    r"\deg \dim \nabla \partial \| \lVert \Vert | \lvert".split()
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


def _number_set(node: Node) -> Node:
    r"""Return the set that a letter after `\in` stands for: `x \in R`."""
    if node == Sym("R"):
        return Group("()", (Op("neg", (Sym("oo"),)), Sym("oo")))
    if isinstance(node, Sym) and node.name in ("Z", "N", "Q", "C"):
        return Sym(f"set {node.name}")
    return node


def _product(factors: list[Sym]) -> Node:
    left: Node = factors[0]
    for factor in factors[1:]:
        left = Op("*", (left, factor))
    return left


def _scaled(factor: Node, matrix: Node) -> Node:
    """Multiply a number into a matrix or a tuple, entry by entry."""
    if not isinstance(matrix, Group) or isinstance(factor, Rel):
        raise ParseError("a matrix that is no factor")
    if matrix.kind == "()":
        return Group("()", tuple(Op("*", (factor, entry)) for entry in matrix.items))
    rows = [row.items for row in matrix.items if isinstance(row, Group)]
    scaled = [Group("row", tuple(Op("*", (factor, entry)) for entry in row)) for row in rows]
    return Group("matrix", tuple(scaled))


def _transposed(node: Group) -> Group:
    """Return a matrix with its rows as columns; `[1,2]^T` is a column."""
    if node.kind in ("()", "[]"):
        return Group("matrix", tuple(Group("row", (item,)) for item in node.items))
    if node.kind != "matrix":
        raise ParseError("the transpose of something other than a matrix")
    rows = [row.items for row in node.items if isinstance(row, Group)]
    return Group("matrix", tuple(Group("row", column) for column in zip(*rows, strict=True)))


def _without(node: Node) -> Node:
    r"""Read `\mathbb{R} - \{2\}` as a difference of sets."""
    if not isinstance(node, Op) or node.name != "+" or not isinstance(node.args[0], Group):
        return node
    left: Node = node.args[0]
    for arg in node.args[1:]:
        if not (isinstance(arg, Op) and arg.name == "neg" and isinstance(arg.args[0], Group)):
            return node
        left = Group("setminus", (left, arg.args[0]))
    return left
