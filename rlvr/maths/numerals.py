r"""Numerals: reads numbers from tokens.

`1.5e-3`, `0.1\overline{6}`, `0.\dot{1}4285\dot{7}`, `4\frac49`, `1010_2`: each is one number.
"""

from __future__ import annotations

import re
from fractions import Fraction

from rlvr.maths.lex import ParseError, Token, ValuelessError
from rlvr.maths.tree import Node, Num, Op

MAX_EXPONENT = 5000  # of a literal in scientific notation: with a larger one it stays a power
END = Token("end", "", False)


class Cursor:
    """A place in the tokens of one answer."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.at = 0
        self.depth = 0
        self.bars = 0

    def peek(self, ahead: int = 0) -> Token:
        """Return the token so many places ahead; END after the last one."""
        index = self.at + ahead
        return self.tokens[index] if index < len(self.tokens) else END

    def next(self) -> Token:
        """Take one token."""
        token = self.peek()
        self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        """Take the next token if it is one of these marks; else return None."""
        if self.peek().kind in ("punct", "command", "relation") and self.peek().text in texts:
            return self.next()
        return None

    def expect(self, *texts: str) -> Token:
        """Take one of these marks. Raises ParseError if another token is next."""
        token = self.accept(*texts)
        if token is None:
            raise ParseError(f"expected {' or '.join(texts)} before {self.peek().text!r}")
        return token

    def end(self) -> None:
        """Raise ParseError if a token is left."""
        if self.peek() is not END:
            raise ParseError(f"unexpected {self.peek().text!r}")

    def fail(self, why: str) -> Node:
        """Raise ParseError."""
        raise ParseError(why)


class Numerals(Cursor):
    """Reads numbers; the parser reads everything else in an answer."""

    def fraction(self) -> Node:
        r"""Read a fraction, its `\frac` taken."""
        raise NotImplementedError

    def number(self, token: Token) -> Node:
        """Return the number that starts with a token just taken."""
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
        """Return the exponent of `1.5e10` or `1.5e-3`; no space may follow the e."""
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
        r"""Read `0.1\overline{6}`, `0.\dot{3}`, `0.1(6)` and `0.333\ldots`."""
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
        r"""Return the rest of the block in `0.\dot{1}4285\dot{7}`: up to the second dot, or ""."""
        middle = self.peek(0).text if self.peek().kind == "number" else ""
        if self.peek(bool(middle)).text != r"\dot" or not (middle or "0").isdigit():
            return ""
        self.at += 1 + bool(middle)
        return middle + self.raw_digits()

    def raw_digits(self) -> str:
        """Take the digits in braces, or one digit."""
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
        r"""Return the proper fraction right after an integer: `4\frac{4}{9}`, `4 4/9`."""
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

    def based(self, node: Num) -> Node:
        """Read a numeral with its base as subscript; the tree keeps the digits as written."""
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


def numeral(digits: str, base: int) -> Op:
    """Return the tree of a numeral in a base.

    Raises ValuelessError if a digit is not one of that base.
    """
    try:
        value = int(digits, base)
    except ValueError as error:
        raise ValuelessError(str(error)) from None
    return Op("based", (Num(Fraction(value)), Num(Fraction(base))))
