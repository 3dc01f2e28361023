r"""Marks: brings the marks of units, money and angles into one spelling.

`spelled` is the first step of `rlvr.maths.lex.clean`. Its result is still LaTeX.
"""

from __future__ import annotations

import re

from rlvr.maths import siunitx

_SYMBOLS = {
    "。": ".", "∶": ":", "″": "''", "‰": r"\text{ permille}",
    "‱": r"\text{ permyriad}", "℃": r"^\circ\text{C}", "℉": r"^\circ\text{F}", "⩽": r" \le ",
    "⩾": r" \ge ", "≦": r" \le ", "≧": r" \ge ",
}  # fmt: skip
_TABLE = str.maketrans(_SYMBOLS)
_AND_OR = re.compile(r"(?<=[^\s])\s?([和与及或])\s?(?=[0-9A-Za-z(\\-])")
_PRIMES = re.compile(r"\^\s*+(?:\{\s*+((?:\\prime\s*+)++)\}|(\\prime(?![a-zA-Z])))")
_BIG_CUP = re.compile(r"\\bigc([ua]p)(?![a-zA-Z])(?!\s*+[_^])")
_CODE = re.compile(
    r"(?<![A-Za-z\\])(?:\\text\s*+\{\s*+)?+(USD|EUR|GBP|INR|JPY|Rs)\b\.?\s*+\}?+\s*+(?=-?[0-9])"
    r"|\\(pounds)(?![a-zA-Z])"
)
_SIGNS = {"Rs": "inr", "pounds": "gbp"}
_SPACES = r"\s*+(?:\\[,;:! ]|~)?+\s*+"
_FONT = r"\\(?:mathrm|text|rm|operatorname)\s*+\{"
# After a number: `\mathrm{min}`, which is no minimum, and `\mathrm{kg \cdot m}`, `\mathrm{\mu m}`.
_UNIT = re.compile(
    rf"(?<=[0-9}})/]){_SPACES}{_FONT}"
    r"((?:[a-zA-Z0-9~\s/.^()-]|\\(?:cdot|mu|Omega|[,;:! ])|\{-?[0-9]\})++)\}"
)
_MARK = re.compile(r"\\(?:cdot|[,;:! ])|[{}~]")
_WORD = r"([a-zA-Z]++(?:\^\{?[0-9]\}?)?+)"
_FRACTION = re.compile(
    rf"\\mathrm\s*+\{{\s*+\\[dt]?frac\s*+\{{{_WORD}\}}\s*+\{{{_WORD}\}}\s*+\}}"
    rf"|\\[dt]?frac\s*+\{{\s*+{_FONT}\s*+{_WORD}\s*+\}}\s*+\}}\s*+"
    rf"\{{\s*+{_FONT}\s*+{_WORD}\s*+\}}((?:\^(?:\{{[0-9]\}}|[0-9]))?+)\s*+\}}"
)


def spelled(text: str) -> str:
    """Return a text with these marks as plain LaTeX."""
    text = text.translate(_TABLE)
    text = _AND_OR.sub(lambda m: rf"\text{{ {'or' if m[1] == '或' else 'and'} }}", text)
    text = _CODE.sub(_currency, text)
    if "\\" not in text:
        return text
    text = siunitx.plain(text)
    text = _PRIMES.sub(lambda m: "'" * (m[1] or m[2]).count("prime"), text)
    text = _BIG_CUP.sub(r"\\c\1 ", text)
    return _UNIT.sub(_unit, _FRACTION.sub(_fraction, text))


def _currency(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return f"\\{_SIGNS.get(name, name.lower())} "


def _fraction(match: re.Match[str]) -> str:
    """Write a fraction of two units as `m/s`."""
    top, bottom = match[1] or match[3], match[2] or match[4]
    return rf"\text{{ {re.sub('[{}]', '', f'{top}/{bottom}{match[5] or str()}')}}}"


def _unit(match: re.Match[str]) -> str:
    inner = match[1].strip(" ~")
    if "\\" not in inner and inner not in ("min", "sec"):
        return match[0]
    inner = re.sub(r"\\mu\s*+", "µ", inner.replace(r"\Omega", "Ω"))
    return rf"\text{{ {_MARK.sub(' ', re.sub(r'[{}]', '', inner))}}}"
