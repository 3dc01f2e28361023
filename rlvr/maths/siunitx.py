r"""The commands of LaTeX's siunitx package: `\SI{5}{\metre\per\second}` is `5\text{ m/s}`."""

from __future__ import annotations

import re

_NAMES = {
    "metre": "m", "meter": "m", "gram": "g", "second": "s", "ampere": "A", "kelvin": "K",
    "mole": "mol", "candela": "cd", "newton": "N", "joule": "J", "watt": "W", "volt": "V",
    "ohm": "Ω", "coulomb": "C", "farad": "F", "henry": "H", "tesla": "T", "weber": "Wb",
    "pascal": "Pa", "hertz": "Hz", "litre": "L", "liter": "L", "minute": "min", "hour": "h",
    "day": "day", "degree": "degree", "celsius": "degC", "degreeCelsius": "degC", "percent": "%",
    "radian": "rad", "electronvolt": "eV", "bar": "bar", "tonne": "t", "kilogram": "kg",
}  # fmt: skip
_PREFIXES = {"nano": "n", "micro": "µ", "milli": "m", "centi": "c", "deci": "d", "hecto": "h",
             "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "pico": "p"}  # fmt: skip
_POWERS = {"squared": "^2", "cubed": "^3"}
_SHORT = {"cm": "cm", "mm": "mm", "km": "km", "kg": "kg", "mg": "mg", "m": "m", "s": "s", "g": "g",
          "ms": "ms", "nm": "nm", "um": "µm", "N": "N", "J": "J", "kJ": "kJ", "kPa": "kPa",
          "mL": "mL", "ml": "mL", "L": "L", "l": "L", "A": "A", "V": "V", "W": "W", "kW": "kW",
          "K": "K", "Hz": "Hz", "mol": "mol"}  # fmt: skip
_OPTIONS = r"(?:\[[^\[\]]*+\])?+\s*+"
_BRACES = r"\{([^{}]*+)\}"
_QUANTITY = re.compile(rf"\\(?:SI|qty){_OPTIONS}{_BRACES}\s*+{_BRACES}")
_UNIT = re.compile(rf"\\(?:si|unit){_OPTIONS}{_BRACES}")
_NUMBER = re.compile(rf"\\num{_OPTIONS}{_BRACES}")
_ANGLE = re.compile(rf"\\ang{_OPTIONS}{_BRACES}")
_MACRO = re.compile(r"\\([a-zA-Z]++)|([^\\]++)")
_EXPONENT = re.compile(r"([0-9])\s*+[eE]\s*+([+-]?[0-9]++)")


def plain(text: str) -> str:
    r"""Return a text with siunitx's commands written as numbers, `\text{...}` and degrees."""
    if "\\" not in text or not re.search(r"\\(?:SI|si|qty|unit|num|ang)(?![a-zA-Z])", text):
        return text
    text = _QUANTITY.sub(lambda m: rf"{_number(m[1])}\text{{ {_unit(m[2])}}}", text)
    text = _UNIT.sub(lambda m: rf"\text{{ {_unit(m[1])}}}", text)
    text = _NUMBER.sub(lambda m: f" {_number(m[1])} ", text)
    return _ANGLE.sub(_angle, text)


def _number(text: str) -> str:
    return _EXPONENT.sub(r"\1 \\times 10^{\2}", text.strip())


def _angle(match: re.Match[str]) -> str:
    signs = (r"^\circ ", "'", "''")
    parts = match[1].split(";")[:3]
    return " ".join(part.strip() + sign for part, sign in zip(parts, signs, strict=False) if part)


def _unit(text: str) -> str:
    """Write the macros of a unit as its symbols; a unit that is written out stays as it is."""
    found, prefix, below = "", "", False
    for match in _MACRO.finditer(text):
        name = match[1]
        if name is None:
            found += match[2].replace(".", " ").replace("~", " ")
        elif name in _PREFIXES:
            prefix = _PREFIXES[name]
        elif name == "per":
            below = True
        elif name in _POWERS:
            found = found.rstrip() + _POWERS[name]
        else:
            symbol = _NAMES.get(name) or _SHORT.get(name) or name
            found += ("/" if below else " ") + prefix + symbol
            prefix, below = "", False
    return found.strip()
