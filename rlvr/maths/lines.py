r"""Lines: finds the worked lines of a completion: the pieces of mathematics in its prose, in order.

It reads what follows the last thought (`rlvr.markup`): each row of a display, the content of
`$...$` or `\(...\)`, in plain prose the text between two words, and GSM8K's `<<3*4=12>>`. Words of
arithmetic (`times`, `20% of`) become operators. Units and currencies are removed and remembered.
Nothing is parsed here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from rlvr.markup import spoken
from rlvr.maths.lex import FUNCTIONS
from rlvr.maths.units import UNITS

MAX_TEXT = 40_000  # characters of a completion
MAX_LINES = 400  # pieces of mathematics
MAX_LINE = 400  # characters of one of them


class TooMuch(ValueError):
    """The completion has more work than is read."""


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of mathematics and its surroundings.

    `number`: its line in the completion. `row`: its number among the rows that are not blank, to
    find neighbours. `before`: the words before it in its sentence. `first`: whether only a bullet,
    label or arrow stands before it on its row; `whole`: whether in addition nothing stands after
    it. `linked`: whether an arrow, or a word such as "rearranging", says that it follows from the
    line before. `torn`: whether its first member belongs to a word ("half of 12 = 6"). `unsure`:
    whether units differ, or a word after it changes the number, so that a mismatch proves nothing.
    `minus`: whether the removed bullet may be a sign. `labels`: whether a colon follows, as in "x =
    2: ...".
    """

    number: int
    row: int
    text: str
    sentence: str
    before: str = ""
    first: bool = False
    whole: bool = False
    linked: bool = False
    torn: bool = False
    unsure: bool = False
    minus: bool = False
    labels: bool = False


_MEASURES = {unit.lower().removesuffix("s") for unit in UNITS} | set(
    "dozen pair pack box case bag score quarter dime nickel penny half hundred thousand million "
    "billion percent century".split()
)
_EDGE = "\ue000"  # where inline mathematics begins or ends
_MONEY = "\ue001"  # where a currency stood; the units of a row follow from \ue002
_MARKS = re.compile("[\ue000-\uf8ff]")
_BREAK_ROW = re.compile(
    r"\\\\(?:\[[^\]\n]{0,9}\])?|\\\[|\\\]|\$\$|\\(?:begin|end)\{(?:align|aligned|equation|gather|"
    r"gathered|split|eqnarray|multline|cases)\*?\}(?:\{[^{}\n]{0,9}\})?|\\newline(?![a-zA-Z])"
)
_ANNOTATION = re.compile(r"<<([^<>\n]{1,200})>>")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|mathrm|operatorname)\s*\{([^{}]*)\}")
_ARROW = re.compile(
    r"(?:<=>|<->|=>|->|[⇒⟹→⇔⟺⟶∴]|\\(?:implies|iff|therefore|[Ll]ongrightarrow|Longleftrightarrow|"
    r"[Rr]ightarrow|Leftrightarrow|to)(?![a-zA-Z]))"
)
_LINK = re.compile(
    r"\b(?:rearrang|simplif|divid(?:e|ing) (?:both|by)|multiply(?:ing)? (?:both|by)|subtract|"
    r"isolat|expand|factor|equivalent|which (?:gives|means|implies))",
    re.I,
)
_BOX = re.compile(r"([=+*/(&<>-]\s*)?\\(?:boxed|fbox)(?=\s*\{)")
_DOTS = re.compile(r"\.\.\.+|…")
_DEGREES = re.compile(r"\^\s*+\{?+\s*+\\circ\s*+\}?|°|\\degree(?![a-zA-Z])")
_ANGLES = re.compile(r"sin|cos|tan|cot|sec|csc")
_NOTES = re.compile(r"^\s*####|\\(?:left|right|tag\{[^{}]*\})(?![a-zA-Z])")
_BULLET = re.compile(
    r"\s*+(?:(?:[-*•>]|\(?[0-9]{1,2}[.)]|\(?[a-z]\)|#++)\s++"
    r"|(?:step|line)\s*+[0-9]*+\s*+[:.)]\s*+)++",
    re.I,
)
_MULTIPLY = re.compile(
    rf"(?<=[0-9)\ue001-\uf8ff])(?:\s*[xX]\s*(?={_MONEY}?\.?[0-9])|\s+[xX]\s+(?=\())"
)
_WORDS = [
    (re.compile(r"\b(?:multiplied by\b|times(?=\s+[\ue001(.0-9]))"), "*"),
    (re.compile(r"\bdivided by\b"), "/"),
    (re.compile(r"(?<=[0-9)])\s+plus\b"), " +"),
    (re.compile(r"(?<=[0-9)])\s+minus\b"), " -"),
    (re.compile(r"\bsquared\b"), "^2"),
    (re.compile(r"\bcubed\b"), "^3"),
    (re.compile(r"(?<=[0-9])\s*percent\b"), "%"),
    (re.compile(r"\bequals\b"), "="),
    (re.compile(r"((?:%|[0-9]\s?/\s?[0-9]+|\\frac\{[0-9]+\}\{[0-9]+\}))\s*of\s+(?=[0-9$(])"),
     r"\1 * "),
]  # fmt: skip
_FIRST = (
    r"\s*(?:cm|km|mm|kg|mg|ft|oz|lbs?|hrs?|mi|ml|mL|mph|yd|in)(?![A-Za-z])"
    r"|(?:\s+|\s*/\s*|-)(?!(?:or|and|mod)\b)[A-Za-z]{3,}\.?"
)
_NEXT = r"(?:\s+|\s*/\s*|-)(?!(?:or|and|mod|is|are|gives)\b)[A-Za-z]{2,}\.?"
_BEFORE = rf"\s*(?:[-+*/×÷=·⋅)}}^≈<>]|\\times|\\cdot|\\div|\\approx|[xX]\s*{_MONEY}?\s*\.?[0-9])"
_UNIT = re.compile(rf"(?<=[0-9)%}}])((?:{_FIRST})(?:{_NEXT}){{0,3}})(?={_BEFORE})")
_CURRENCY = re.compile("[€£]")
_NAMES = "|".join(sorted((name for name in FUNCTIONS if len(name) > 1), key=len, reverse=True))
_SMALL = "no is to if it so of at by on we he am an be do go in me my up us as cm km kg mg ft oz lb"
_PROSE = re.compile(
    rf"(?<![\\A-Za-z])(?!(?:{_NAMES}|pi|or|and)(?![a-z]))(?:[A-Za-z]{{3,}}(?:['’][a-z]+)?|(?:"
    rf"{_SMALL.replace(' ', '|')}|hr|mi|ml|mL)(?![A-Za-z])|[aAI](?=\s+[A-Za-z0-9]))"
    rf"|[.:;?](?=\s|$)|:(?=\$)|{_EDGE}|[\"“”✓✔](?=\s|$)",
    re.I,
)
_LEAD = re.compile(
    r"(?:\b(?:so|then|thus|get|gets|have|has|is|therefore|hence|gives|us|that|be|since|because|"
    r"let|where|are|equation|compute|calculate|obtain|find|it|which|means|total|and|or|know)|^|"
    rf"[.:;,?\"{_EDGE}])\s*$",
    re.I,
)
_HANGS = re.compile(
    r"\b(?:(?<!total )(?<!cost )(?<!amount )(?<!price )(?<!sum )of|than|between|mod|per|twice|"
    rf"double|triple|half|root|less|more)\s*+{_EDGE}?\s*+$",
    re.I,
)
_TAIL = re.compile(
    r"\s*(?:(?:dozens?|pairs?|hundred|thousand|million|billion|remainder|rem|mod|percent|R|r|k|K|M)\b|"
    r"\(?mod|[A-Za-z]+ of (?:[0-9]|an? |each)|and (?:an? |[0-9]))"
)
_SEGMENT = re.compile(r"(?<![\\A-Za-z{_])([A-Z])([A-Z]{1,2})(?![A-Za-z])")
_RELATION = re.compile(r"[=<>≈≤≥≠]|\\(?:le|ge|ne|lt|gt|leq|geq|neq|approx)(?![a-zA-Z])")
_BARE_PAIR = r"[0-9.,]+%?\s*=\s*[0-9.,]+%?"  # a conversion, where units stand around it
_SIGNED = re.compile(r"[-+*/^×÷·)\]}]|\\(?:times|cdot|div)")


def worked(completion: str) -> list[Line]:
    """Return the pieces of mathematics in a completion. Raises TooMuch beyond the limits."""
    text = spoken(completion) or ""
    before = completion[: completion.rfind(text)]
    if len(text) > MAX_TEXT:
        raise TooMuch(f"more than {MAX_TEXT:,} characters")
    if not _ANGLES.search(text):
        text = _DEGREES.sub("", text)  # 180 - 120° is no error where no angle is computed with
    found: list[Line] = []
    row = 0
    for number, raw in enumerate(_MARKS.sub("", text).split("\n"), 1 + before.count("\n")):
        for part in _BREAK_ROW.split(raw):
            if part.strip():
                row += 1
                found += _pieces(part, number, row)
        if len(found) > MAX_LINES:
            raise TooMuch(f"more than {MAX_LINES} lines of work")
    if any(len(line.text) > MAX_LINE for line in found):
        raise TooMuch(f"a line of more than {MAX_LINE} characters")
    return found


def _pieces(raw: str, number: int, row: int) -> Iterator[Line]:
    for inner in _ANNOTATION.findall(raw):
        yield Line(number, row, inner, "")
    units: list[str] = []
    text = _prepared(_ANNOTATION.sub("", raw).replace("&", " "), units)
    bullet = _BULLET.match(text)
    start = bullet.end() if bullet else 0
    minus = bool(bullet) and text.lstrip().startswith("-")
    arrows = list(_ARROW.finditer(text, start))
    begins = [start, *(arrow.end() for arrow in arrows)]
    ends = [*(arrow.start() for arrow in arrows), len(text)]
    for begin, end in zip(begins, ends, strict=True):
        for line in _between_words(text, begin, end, number, row, units):
            yield replace(
                line,
                linked=line.linked or begin != start,
                whole=line.whole and (begin == start or not text[start:begin].strip("=> ⇒→")),
                minus=minus and begin == start and line.first,
            )


def _prepared(text: str, units: list[str]) -> str:
    """Remove fonts, currencies and units, and write words of arithmetic as operators."""
    text = _DOTS.sub(r"\\ldots ", _BOX.sub(lambda m: m[1] or _EDGE, text))
    text = re.sub(r"\\q?quad(?![a-zA-Z])", _EDGE, text)
    text = re.sub(r"(?<![0-9a-zA-Z)])\*\*|\*\*(?![0-9a-zA-Z(-])|`", "", _NOTES.sub("", text))
    text = text.replace(r"\$", "€")
    parts = text.split("$")
    maths = len(parts) % 2 == 1 and all(map(_is_maths, parts[1::2]))
    text = text.replace("$", _EDGE if maths else _MONEY)
    text = _CURRENCY.sub(_MONEY, _TEXT.sub(r" \1 ", re.sub(r"\\[()]", _EDGE, text)))
    text = re.sub(rf"{_EDGE}\s*+,?\s*+(or|and)\s*+{_EDGE}", r" \1 ", text)
    text = _SEGMENT.sub(r"\1_{\2}", text)
    for word, operator in _WORDS:
        text = word.sub(operator, text)

    def unit(match: re.Match[str]) -> str:
        units.append(_stem(match[1]))
        return chr(min(ord(_MONEY) + len(units), 0xF8FF)) + " "

    return _MULTIPLY.sub(" * ", _UNIT.sub(unit, text))


def _is_maths(inner: str) -> bool:
    """Return whether the text between two dollar signs is mathematics, and not prices' text."""
    bare = _TEXT.sub("", inner).strip()
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{3,}", re.sub(rf"\b(?:{_NAMES})\b", "", bare))
    return bool(bare) and not words and not re.search(r"(?:[-+*/=<>×÷,(]|\bx|\band|\bor)$", bare)


def _stem(unit: str) -> str:
    return unit.strip(" ./").lower().removesuffix("s")


def _between_words(
    text: str, begin: int, end: int, number: int, row: int, units: list[str]
) -> Iterator[Line]:
    breaks = [m.span() for m in _PROSE.finditer(text, begin, end)]
    starts, ends = [begin, *(b for _, b in breaks)], [*(a for a, _ in breaks), end]
    sentence = 0
    for low, high in zip(starts, ends, strict=True):
        if re.search(r"[.?!;]\s*$", text[max(low - 3, 0) : low]):
            sentence = low
        marked = text[low:high]
        piece = re.sub(r"^[\s,]*(?:or|and)\b|\b(?:or|and)$", "", _MARKS.sub("", marked).strip())
        piece = piece.strip(" ,").lstrip("! ")
        if not re.search(r"[0-9A-Za-z]", piece):
            continue
        before, after = text[max(begin, low - 60) : low], text[high : min(end, high + 60)]
        first = low == begin or not text[begin:low].strip(_EDGE + " ")
        whole = first and (high == end or not text[high:end].strip(_EDGE + " .,;:"))
        if not whole and not _RELATION.search(piece) and not re.fullmatch("[A-Za-z]", piece):
            continue
        stop = re.compile(r"[.?!;](?:\s|$)").search(text, high, high + 200)
        yield Line(
            number,
            row,
            piece,
            _MARKS.sub(" ", text[max(sentence, low - 200) : stop.end() if stop else high + 200]),
            before=_MARKS.sub(" ", before[max(0, sentence - low + len(before)) :]),
            first=first,
            whole=whole,
            linked=bool(_LINK.search(before)),
            torn=_is_torn(before, piece),
            unsure=_is_unsure(marked, piece, after.lstrip(_EDGE + " "), units),
            labels=after.lstrip(_EDGE + " ").startswith(":"),
        )


def _is_torn(before: str, piece: str) -> bool:
    if _HANGS.search(before) or (before[-1:].isalpha() and piece.startswith("(")):
        return True
    starts_bare = _SIGNED.match(piece) or re.match(r"[0-9.,]+%?\s*[=<>≈]", piece)
    return bool(starts_bare) and not _LEAD.search(before)


def _is_unsure(marked: str, piece: str, after: str, units: list[str]) -> bool:
    inside = {ord(mark) - ord(_MONEY) for mark in _MARKS.findall(marked) if mark != _EDGE}
    words = {units[index - 1] for index in inside if 0 < index <= len(units)}
    words -= {"dollar"} if 0 in inside else set()
    following = re.match(r"[A-Za-z]+", after)
    last = _stem(following[0]) if following else ""
    if _TAIL.match(after) or (0 in inside and last == "cent"):
        return True
    if words and (words != {last} or 0 in inside):
        # A product of counts (12 tulips * $3) is what it is; units and sums may hide a conversion.
        measured = any(part in _MEASURES for word in words for part in re.split(r"[\s/-]+", word))
        if measured or re.search(r"[-+−–]", piece):
            return True
    return bool(inside or last) and re.fullmatch(_BARE_PAIR, piece) is not None
