r"""Written: decides whether two texts are spelled the same, whatever they mean.

Formatting, spacing and different names of one sign do not count: `\dfrac{1}{2}` and `\frac12`,
`p\wedge q` and `p \land q` are the same. Everything else counts: `x+y` is not `y+x`.
"""

from __future__ import annotations

import re

from rlvr.maths.lex import ParseError, clean

_MARK = re.compile(r"\\[a-zA-Z]++|\\.|[0-9]|[^\W\d_]++|\s++|.", re.S)
_TEXT = re.compile(r"\\text\{([^{}]*+)\}")
_SIGNS = {
    r"\leq": r"\le", r"\leqslant": r"\le", r"\geq": r"\ge", r"\geqslant": r"\ge", r"\neq": r"\ne",
    r"\rightarrow": r"\to", r"\wedge": r"\land", r"\vee": r"\lor", r"\neg": r"\lnot",
    r"\dots": r"\ldots", r"\varnothing": r"\emptyset", r"\varphi": r"\phi",
}  # fmt: skip


def same_writing(a: str, b: str) -> bool:
    """Return whether two texts are the same apart from formatting, and not empty."""
    left = _marks(a)
    return left == _marks(b) and any(char.isalnum() for mark in left for char in mark)


def _marks(text: str) -> list[str]:
    try:
        text = _TEXT.sub(r" \1 ", clean(text))
    except ParseError:  # a sign that is in no answer: the text is taken as it stands
        return text.split()
    found: list[str] = []
    spaced, before = False, ""
    for mark in _MARK.findall(text):
        if mark.isspace():
            spaced = True
            continue
        if spaced and found and found[-1].isdigit() and mark.isdigit():
            found.append(" ")
        short = mark.isalpha() and len(mark) < 3  # `dx` and `d x`; a longer run is a word
        found += mark if short else [_SIGNS.get(mark, mark)]
        if mark == "}" != before and found[-3:-2] == ["{"]:
            found[-3:] = [found[-2]]
        spaced, before = False, mark
    return found
