r"""Respell: rewrites the spellings of a country, a habit or an editor as those the lexer knows.

Nothing is interpreted here: `\operatorname{tg}` becomes `\tan`, `x^2_0` becomes `x_0^2`, `{}_5C_2`
becomes `\binom{5}{2}`, `10,\! 000` one number, `ℤ` becomes `\mathbb{Z}`. A TeX comment (at the
start of a line, or after a blank and before words) is removed, and so are invisible marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from rlvr.maths import cjk

_Rewritten = str | Callable[[re.Match[str]], str]

_UNSEEN = dict.fromkeys(
    [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202D), *range(0x2061, 0x2065), *range(0x2066, 0x206A)]
)
_MARKS = str.maketrans({
    "∠": r"\angle ", "△": r"\triangle ", "∑": r"\sum ", "∏": r"\prod ", "∫": r"\int ",
    "ℝ": r" \mathbb{R} ", "ℤ": r" \mathbb{Z} ", "ℚ": r" \mathbb{Q} ", "ℕ": r" \mathbb{N} ",
    "ℂ": r" \mathbb{C} ", "→": r"\to ", "∧": r"\land ", "∨": r"\lor ", "¬": r"\lnot ", "、": ", ",
    "‼": "!!",
})  # fmt: skip
_JOINTS = (
    (re.compile("或者?|または"), " or "),
    (re.compile("以及|[和且及与與]|並且|并且"), " and "),
)
_CJK_LETTER = re.compile(f"[{cjk.LETTERS}]")
_COMMENT = re.compile(r"(?:^%|(?<=\n)%|(?<=[\t ])%(?=[\t ]*+[A-Za-z]))[^\n]*+\n")
_THOUSANDS = re.compile(r"(?<=[0-9]),\\!\s*+(?=[0-9]{3}(?![0-9]))")
_POWER_FIRST = re.compile(
    r"(?<=[A-Za-z'])\^(\{[^{}]{1,20}\}|[0-9A-Za-z])_(\{[^{}]{1,20}\}|[0-9A-Za-z])"
)
_ABROAD = {
    "tg": "tan", "ctg": "cot", "cotg": "cot", "arctg": "arctan", "arcctg": "arccot",
    "cosec": "csc", "sh": "sinh", "ch": "cosh", "cth": "coth", "arsh": "arcsinh",
    "arch": "arccosh", "arth": "arctanh",
}  # fmt: skip
_NAMES = "|".join(sorted(_ABROAD, key=len, reverse=True))
_FUNCTION = re.compile(
    rf"\\(?:operatorname\*?|mathrm|text|rm)\s*+\{{\s*+({_NAMES})\s*+\}}"
    rf"|\\({_NAMES})(?![a-zA-Z])"
    r"|(?<![a-zA-Z\\])(arcc?tg|c?tg)(?=\s*+[(\\]|\s++[a-z0-9]\b)"
)
_CIS = re.compile(r"\\(?:text|rm)\s*+\{\s*+cis\s*+\}(?=\s*+[0-9(\\{])")
_HYPERBOLIC_TANGENT = re.compile(r"\\(?:operatorname\s*+\{\s*+th\s*+\}|th(?![a-zA-Z]))")
_CHOSEN = re.compile(
    r"(?:(?:\{\s*+\}|(?<![A-Za-z0-9)}\]'\s]))[_^]\s*+(?:\{\s*+([0-9]+|[a-z])\s*+\}|([0-9a-z])))\s*+"
    r"(?:\\mathrm\s*+\{([CP])\}|([CP]))\s*+_\s*+(?:\{\s*+([0-9]+|[a-z])\s*+\}|([0-9a-z]))"
)
_QUAD = re.compile(
    r"(?<=[0-9})])\s*+\\q?quad\s*+(?=[a-zA-Z](?:_\{?[0-9a-z]\}?)?\s*+=)"  # x = 2 \quad y = 3
)
_BLACKBOARD = re.compile(r"\\mathbb\s*+\{?+\s*+([EP])\s*+\}?|\\(Pr)(?![a-zA-Z])")
_AREA = re.compile(r"\[\s*+\\triangle(?![a-zA-Z])")
_DERIVATIVE = re.compile(r"(?<![A-Za-z\\])d([A-Za-z])\s?/\s?d([a-z])(?![A-Za-z(])")  # dy/dx
_SHORT_SET = re.compile(r"\\([RZNQ])(?![a-zA-Z])")
_BOLD_SET = re.compile(r"\s*+\$?+\s*+\\(?:mathbf|bf|boldsymbol)\s*+\{?+\s*+([RZNQ])\s*+\}?\s*+\$?")


def respelled(text: str) -> str:
    """Return an answer's text with the spellings above rewritten."""
    if not text.isascii():
        text = _joined(text.translate(_UNSEEN).translate(_MARKS))
    if "%" in text:
        text = _COMMENT.sub("", text)
    if "^" in text and "_" in text:
        text = _POWER_FIRST.sub(r"_\2^\1", text)
    if "/d" in text or "/ d" in text:
        text = _DERIVATIVE.sub(r"\\frac{d\1}{d\2}", text)
    if "_" in text and ("C" in text or "P" in text):
        text = _CHOSEN.sub(_chosen, text)
    if "\\" not in text:
        return _FUNCTION.sub(_function, text) if "tg" in text else text
    for pattern, known, signs in _RULES:
        if any(sign in text for sign in signs):
            text = pattern.sub(known, text)
    bold = _BOLD_SET.fullmatch(text)
    return rf"\mathbb{{{bold[1]}}}" if bold else text


def _joined(text: str) -> str:
    """Write `x=0 或 x=4` with an English word, where nothing else is in Chinese or Japanese."""
    joined = text
    for pattern, word in _JOINTS:
        joined = pattern.sub(word, joined)
    return text if _CJK_LETTER.search(joined) else joined


def _separated(match: re.Match[str]) -> str:
    return ", " if "=" in match.string[: match.start()] else match[0]


def _function(match: re.Match[str]) -> str:
    return rf"\{_ABROAD[match[1] or match[2] or match[3]]} "


def _chosen(match: re.Match[str]) -> str:
    total, kind, part = match[1] or match[2], match[3] or match[4], match[5] or match[6]
    if kind == "C":
        return rf"\binom{{{total}}}{{{part}}}"
    return rf"\frac{{{total}!}}{{({total}-{part})!}}"


_RULES: tuple[tuple[re.Pattern[str], _Rewritten, tuple[str, ...]], ...] = (
    # A pattern, its replacement, and a text that it needs.
    (_THOUSANDS, r"\\thousands ", (r",\!",)),
    (_FUNCTION, _function, ("tg", "sh", "ch", "cth", "sec", "arth")),
    (_CIS, r"\\cis ", ("cis",)),
    (_HYPERBOLIC_TANGENT, r"\\tanh ", (r"\th", "{th}")),
    (_AREA, "[", (r"\triangle",)),
    (_QUAD, _separated, ("quad",)),
    (_BLACKBOARD, lambda match: f" {match[1] or 'P'} ", (r"\mathbb", r"\Pr")),
    (_SHORT_SET, r"\\mathbb{\1}", (r"\R", r"\Z", r"\N", r"\Q")),
)
