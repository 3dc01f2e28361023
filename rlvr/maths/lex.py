r"""Spelling: one answer's text, LaTeX or plain, cleaned to one spelling and cut into tokens.

A closed vocabulary: a character, command or word outside it is a `ParseError`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rlvr.maths.marks import spelled
from rlvr.maths.respell import respelled


class ParseError(ValueError):
    """The text is not an answer in the vocabulary of this module."""


class ValuelessError(ParseError):
    """The text is in the vocabulary and has no value: `nan`, `12_2`."""


_UNICODE = {
    "−": "-", "‒": "-", "―": "-", "–": "-", "—": "-", "‐": "-", "‑": "-",
    "×": r" \times ", "·": r" \cdot ",
    "⋅": r" \cdot ",
    "÷": "/", "∕": "/", "⁄": "/", "π": r" \pi ", "∞": r" \infty ", "≤": r" \le ", "≥": r" \ge ",
    "≠": r" \ne ",
    "∪": r" \cup ", "∩": r" \cap ", "∈": r" \in ", "∅": r" \emptyset ", "ℝ": r" \mathbb{R} ",
    "±": r" \pm ",
    "°": r"^\circ ", "º": r"^\circ ", "≈": r" \approx ", "≡": r" \equiv ",
    "∖": r" \setminus ", "√": r"\sqrt ",
    "∛": r"\sqrt[3] ", "∜": r"\sqrt[4] ",
    "′": "'",
    "θ": r" \theta ", "α": r" \alpha ", "β": r" \beta ", "λ": r" \lambda ", "φ": r" \phi ",
    "ω": r" \omega ",
    "γ": r" \gamma ", "δ": r" \delta ", "μ": r" \mu ", "σ": r" \sigma ", "ρ": r" \rho ",
    "ε": r" \epsilon ",
    "“": '"', "”": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
    "\u200b": "",
    "\u2060": "", "\ufeff": "", "\u200d": "", "\u200c": "", "\u00ad": "", "¢": r"\text{ cents}",
    "₹": r"\inr ", "¥": r"\jpy ", "…": r" \ldots ", "％": "%", "⟨": r" \langle ", "⟩": r" \rangle ",
    "⌊": r" \lfloor ", "⌋": r" \rfloor ", "⌈": r" \lceil ", "⌉": r" \rceil ",
}  # fmt: skip
_UNICODE_TABLE = str.maketrans(_UNICODE)
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUB = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_DROP = re.compile(
    r"\\(?:left|right|mleft|mright|[bB]igg?[lrm]?|(?:display|text|(?:script){1,2})style|limits|nolimits"
    r"|mathstrut|tiny|scriptsize|footnotesize|small|normalsize|[lL]arge|LARGE|[hH]uge|nonumber|notag"
    r"|hfill|therefore)(?![a-zA-Z])\.?|\\(?:tag\*?|label)\s*+\{[^{}]*\}"
    r"|\\[!,;:> ]|~|\\q?quad(?![a-zA-Z])|\\(?:h|v)space\*?\{[^{}]*\}|\\phantom\{[^{}]*\}|\\/"
)
_FONT = re.compile(
    r"\\(?:ensuremath|mathrm|mathit|mathbf|mathsf|mathtt|mathcal|mathnormal|pmb|boldsymbol|bm|operatorname\*?|rm|bf|it)(?![a-zA-Z])\s*"
)
_FONT_GROUP = re.compile(_FONT.pattern + r"\{([a-zA-Z]+)\}")
_FONT_PHRASE = re.compile(_FONT.pattern + r"\{((?:~|\\[ ,;]|\^\{-?[0-9]\}|[a-zA-Z0-9\s/^.-])*)\}")
_ARRAY = re.compile(r"\\begin\s*\{array\}\s*\{[^{}]*\}|\\hline(?![a-zA-Z])")
_SPACE = re.compile(r"(?:~|\\[ ,;]|\s)+")
_NEWLINE = re.compile(r"\\\\(?:\s*\[\s*-?[0-9.]+\s*(?:pt|em|ex|mm|cm)\s*\])?|\\cr(?![a-zA-Z])")
_TEXT = re.compile(
    r"\\(?:text|textup|textsc|textbf|textit|textrm|textnormal|mbox|hbox|textsf|texttt|emph)\s*\{([^{}]*)\}"
)
_CIRCLED = re.compile("[\u2460-\u24ff\u2776-\u2793\u3200-\u32ff\U0001f100-\U0001f1ff]")
_SYSTEM = re.compile(r"\\\{\s*\\begin\{array\}(.*)\\end\{array\}\s*", re.S)
_COLOUR = re.compile(
    r"\\(?:textcolor|colorbox)\s*\{[^{}]*\}|\\color\s*\{[^{}]*\}|\\(?:underline|underbar)(?![a-zA-Z])"
)
_FORALL = re.compile(
    r"(?<![\s,])[\s,]*+"
    r"(?:\\text\s*+\{[\s,]*+(?:for (?:all|any|every|each))\b([^{}]*+)\}|\\forall(?![a-zA-Z])"
    r"|\bfor (?:all|any|every|each)\b)"
)
# What a parameter is, at the end: `(k \in \mathbb{Z})`, `where k is an integer`, `for k \in Z`.
_NUMBERS = r"(?:\\mathbb\s*+\{?+\s*+[ZN]\s*+\}?|\\[ZN](?![a-zA-Z]))[+*]?"
_APART = r"(?:\s|[,;(]|\\q?quad(?![a-zA-Z])|\\[ ,;:])*+"
_PARAMETER = re.compile(
    r"(?<![\s,;(])(?<!quad)\s*+(?:(?:[,;(]|\\q?quad(?![a-zA-Z])|\\[ ,;:])|(?=\\text))"
    + _APART
    + r"(?:\\text\s*+\{[\s,]*+)?(?:(?:where|with|for)\b(?: (?:any|some|all|every))?\s*+)?\}?\s*+"
    rf"(?:(?P<name>[a-zA-Z])\s*+\\in\s*+(?P<set>{_NUMBERS})"
    r"|(?P<whole>[a-zA-Z])\s*+(?:\\text\s*+\{)?\s*+(?:is an? |an? )?integer\s*+\}?"
    r"|(?:\\text\s*+\{)?\s*+integer\s*+\}?\s*+(?P<last>[a-zA-Z]))\s*+\)?\s*+\Z"
)
_EVERYWHERE = re.compile(
    r"(?:\s|\\text|[{}.]|\\in(?![a-zA-Z])|\\mathbb\s*+\{?+\s*+[RZNQ]\}?|real|integers?|numbers?"
    r"|constants?|positive|natural|\b[a-zA-Z]\b)*+"
)
_ANGLE = re.compile(
    r"(?:m|(?<!\s))\s*+\\angle\s*+(?:[A-Z]([A-Z])[A-Z]|([A-Z])(?![a-zA-Z]))(?=\s*+=)"
)
_ARROW = re.compile(
    r"\\(?:vec|overrightarrow)\s*+(?:\{\s*+(\\?[a-zA-Z]++)\s*+\}|([a-zA-Z]))"
    r"|\\hat\s*+\{?+\s*+\\?([ijk])(?:math)?\s*+\}?"
)
_REVERSED = re.compile(r"([\[\]])([^\[\](),;]+[,;][^\[\](),;]+)([\[\]])")
_NAMED = {r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]", r"\vert": "|",
          r"\nicefrac": r"\frac", r"\sfrac": r"\frac", r"\colon": ":", r"\cent": r"\text{ cents}",
          r"\oslash": r"\emptyset",
          r"\top": "T", r"\intercal": "T",
          r"\leqq": r"\le", r"\geqq": r"\ge", r"\lneq": "<", r"\gneq": ">"}  # fmt: skip
_SYNONYM = re.compile("(?:" + "|".join(re.escape(name) for name in _NAMED) + ")(?![a-zA-Z])")
_OVER = re.compile(r"\A([^{}=<>,\\]++)\\over(?![a-zA-Z])([^{}=<>,\\]++)\Z")
_SCIENTIFIC = re.compile(r"(?<=[0-9]) ?[xX] ?(?=10 ?\^)")  # 3 x 10^5
_MODULUS = re.compile(
    r"\(\s*+(?:\\[bp]?mod|\\text\s*+\{\s*+mod\s*+\}|\\(?:operatorname|mathrm)\s*+\{\s*+mod\s*+\}|mod)"
    r"(?![a-zA-Z])\s*+([^()]{1,20}+)\)|(?:\\[bp]?mod|\\text\s*+\{\s*+mod\s*+\}|\bmod)(?![a-zA-Z])"
)  # (mod 7), \pmod{7}
_ALIGNED = re.compile(
    r"\\begin\{(?:align|aligned|gather|gathered)\*?\}((?:(?!\\begin|\\end).)++)"
    r"\\end\{(?:align|aligned|gather|gathered)\*?\}",
    re.S,
)
_LEFT_SIDE = re.compile(r"\s*+[^&=<>\s][^&=<>]*+&?\s*+(?:[=<>]|\\[lgn]eq?(?![a-zA-Z]))")
_FORMAT = re.compile(r"\{\s*,\s*\}")
_POWER_IN_TEXT = re.compile(r"(?<=[a-zA-Z])\^\{(-?[0-9])\}(?=[a-zA-Z/ .]*+\})")
_DOLLAR = re.compile(r"\$(?=\s*+-?\s*+\.?[0-9])")
_AFTER_MATHS = re.compile(r"[0-9A-Za-z})\]]\s*$")
_SPACED_THOUSANDS = re.compile(
    r"(?<![0-9.,_^])([0-9]{1,3})((?:(?:\\,|\\ |\\;|~| )[0-9]{3})+)(?![0-9])"
)


def clean(text: str) -> str:
    r"""Return the text in one spelling.

    ASCII and LaTeX commands, no delimiters, sizes, fonts or spacing.

    A currency sign becomes `\usd` and its like; `\text{...}` becomes `\text{...}` without its font.
    """
    if _CIRCLED.search(text):
        raise ParseError("a number in a circle")
    text = spelled(respelled(text.strip()))
    text = _NEWLINE.sub(r"\\newline ", text.rstrip("\\").rstrip())
    rows = text.split(r"\newline")
    while len(rows) > 1 and not rows[-1].strip():
        rows.pop()
    text = r"\newline".join(rows)
    text = _SYNONYM.sub(lambda m: _NAMED[m[0]] + " ", text) if "\\" in text else text
    text = _COLOUR.sub(" ", text).replace("{:}", ":")
    text = _ANGLE.sub(lambda m: f" {m[1] or m[2]}", text)
    text = _ARROW.sub(lambda m: f" {m[1] or m[2] or m[3]} ", text)
    text = _REVERSED.sub(_turned, text)
    text = _anywhere(_PARAMETER.sub(_parameter, text))
    if not text.isascii():
        text = re.sub(r"(?<=[0-9])\s*([½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])", _vulgar, text)
        text = re.sub(r"[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]", _vulgar, text)
        text = re.sub(r"√\s*([0-9]+)", r"\\sqrt{\1}", text)
        text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda m: "^{" + m[0].translate(_SUPER) + "}", text)
        text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉]+", lambda m: "_{" + m[0].translate(_SUB) + "}", text)
        text = unicodedata.normalize("NFKC", text.translate(_UNICODE_TABLE))
        text = text.translate(_UNICODE_TABLE)  # 𝜋 has become π
    text = text.replace(r"\$", r"\usd ").replace("€", r"\eur ").replace("£", r"\gbp ")
    text = _undollar(text)
    if r"\(" in text:
        text = re.sub(r"(?<!\\)\\[()]", " ", text)  # not the `\\` that ends a row
    if "\\begin" in text:
        text = _ALIGNED.sub(_rows, text)
        text = re.sub(r"\\begin\{(?:align|aligned|equation|gather|gathered)\*?\}|\\end\{(?:align|"
                      r"aligned|equation|gather|gathered)\*?\}", " ", text)  # fmt: skip
        text = _ARRAY.sub(lambda m: "" if "hline" in m[0] else r"\begin{array}", text)
    text = re.sub(r"\\[dtc]frac(?![a-zA-Z])", r"\\frac", text)
    if r"\equiv" in text:
        text = _MODULUS.sub(lambda m: rf"\pmod {{{m[1]}}}" if m[1] else r"\pmod ", text)
    text = _SCIENTIFIC.sub(r" \\times ", text)
    text = _SPACED_THOUSANDS.sub(lambda m: m[1] + re.sub(r"[^0-9]", "", m[2]), text)
    text = _FORMAT.sub("\\\\thousands ", text)
    text = re.sub(r"\\!", "", text)
    text = _POWER_IN_TEXT.sub(r"^\1", text)
    text = _FONT_PHRASE.sub(_phrase, text)
    text = _DROP.sub(" ", text)
    system = _SYSTEM.fullmatch(text)
    text = rf"\begin{{cases}}{system[1]}\end{{cases}}" if system else text
    text = _FONT_GROUP.sub(_unfont, text)
    text = _FONT.sub(" ", text)
    text = _TEXT.sub(r"\\text{\1}", text)
    text = re.sub(r"\\text\{\s*(\\(?:usd|eur|gbp|inr|jpy))\s*\}", r"\1 ", text)
    text = re.sub(r"(\.[0-9]*([0-9])\2\2)\.\.\.(?!\.)", r"\1\\ldots ", text)
    text = (
        text.replace("**", "^")
        if re.search(r"[0-9a-zA-Z)]\*\*[0-9a-zA-Z(-]", text)
        else text.replace("**", "")
    )
    text = _unpunctuated(text.strip())
    return _OVER.sub(r"\\frac{\1}{\2}", text)


def _rows(match: re.Match[str]) -> str:
    """Write aligned equations as a list, and the steps of one calculation as a chain."""
    rows = [row for row in match[1].split(r"\newline") if row.strip(" &")]
    each = len(rows) > 1 and all(map(_LEFT_SIDE.match, rows))
    return (", " if each else " ").join(row.replace("&", " ").strip(" ,") for row in rows)


def _parameter(match: re.Match[str]) -> str:
    r"""Write what a parameter is as a last item: `, k \in \mathbb{Z}`."""
    name, domain = match["name"] or match["whole"] or match["last"], match["set"] or r"\mathbb{Z}"
    return rf", {name} \in {domain}"


def _anywhere(text: str) -> str:
    r"""Take off `\text{ for all } x` at the end, where it says no more than that."""
    last = max(text.rfind(","), text.rfind(";"))
    for forall in _FORALL.finditer(text):
        if forall.end() > last:
            where = f"{forall[1] or ''} {text[forall.end() :]}"
            return text[: forall.start()] if _EVERYWHERE.fullmatch(where) else text
    return text


def _unpunctuated(text: str) -> str:
    end = len(text)
    while end > 1 and text[end - 1] in ".,;:" and text[end - 2] not in ("\\", "."):
        end -= 1
        while end and text[end - 1].isspace():
            end -= 1
    return text[:end]


def _turned(match: re.Match[str]) -> str:
    """Write `]0,1[` as `(0,1)`; leave `[0,1]` alone."""
    left, inner, right = match.groups()
    if left == "[" and right == "]":
        return match[0]
    return f"{'(' if left == ']' else '['}{inner}{')' if right == '[' else ']'}"


def _vulgar(match: re.Match[str]) -> str:
    top, bottom = unicodedata.normalize("NFKC", match[0].strip()).split("⁄")
    return rf"\frac{{{top}}}{{{bottom}}}"


def _undollar(text: str) -> str:
    if "$" not in text:
        return text
    text = text.replace("$$", " ")
    if text.count("$") % 2 == 0:
        return text.replace("$", " ")
    return _DOLLAR.sub(_price, text).replace("$", " ")


def _price(match: re.Match[str]) -> str:
    """Write a dollar before a number as a price, unless it ends the mathematics before it."""
    before = match.string[: match.start()]
    return " " if _AFTER_MATHS.search(before[-20:]) else r"\usd "


def _phrase(match: re.Match[str]) -> str:
    r"""Turn words, and a unit after a number (`\mathrm{km/h}`), in an upright font into text."""
    words = re.sub("[{}]", "", _SPACE.sub(" ", match[1])).strip()
    before = match.string[: match.start()].rstrip(" ~,;\\")
    unit = re.fullmatch(r"[a-zA-Z]+(?:[ /^.-]+[a-zA-Z0-9]+)+", words) and before[-1:].isdigit()
    if unit or re.fullmatch(r"[a-zA-Z]{2,}(?:[ -][a-zA-Z]+)+", words):
        return rf"\text{{{words}}}"
    return rf"{match[0][: match.start(1) - match.start()]}{words}}}"


def _unfont(match: re.Match[str]) -> str:
    """Write a word in an upright font as a function's name or as text; keep a single letter."""
    word = match[1]
    if len(word) == 1 or word in FUNCTIONS or word.lower() in {"i", "e", "pi"}:
        return f"\\{word} " if word in FUNCTIONS else f" {word} "
    return rf"\text{{{word}}}"


FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech "
    "csch asin acos atan "
    "arcsinh arccosh arctanh log ln lg exp sqrt cbrt abs floor ceil gcd lcm max min det Re Im "
    "arg sgn cis".split()
)
_RELATIONS = {
    "=": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "!=": "!=", "==": "=", r"\le": "<=",
    r"\leq": "<=",
    r"\leqslant": "<=", r"\ge": ">=", r"\geq": ">=", r"\geqslant": ">=", r"\lt": "<", r"\gt": ">",
    r"\ne": "!=",
    r"\neq": "!=", r"\in": "in", r"\equiv": "mod",
}  # fmt: skip
LETTERS = frozenset(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu "
    "xi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma Phi Psi Omega ell "
    "hbar".split()
)
_PLAIN_WORDS = {
    "pi": "\\pi", "infinity": "\\infty", "inf": "\\infty", "oo": "\\infty", "or": "\\or",
    "and": "\\and",
    "percent": "\\%", "pct": "\\%", "percentage": "\\%", "union": "\\cup", "U": "\\cup",
    "degrees": "\\deg",
    "degree": "\\deg", "deg": "\\deg", "theta": "\\theta", "alpha": "\\alpha", "beta": "\\beta",
    "lambda": "\\lambda", "in": "\\in", "DNE": None,
}  # fmt: skip

_GLUED = re.compile("([xyzt]?)(sin|cos|tan|sec|csc|cot|log|ln)([xyztABC]?)")
_SHORT_WORDS = frozenset("no is to if it so of at by on or we he".split())

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<number>(?:[0-9]+(?:\\thousands\s*[0-9]{3})+|[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+)
    |(?P<text>\\text\{[^{}]*\}) |(?P<environment>\\(?:begin|end)\s*\{[a-zA-Z]+\})
    |(?P<command>\\[a-zA-Z]+|\\.) |(?P<word>[a-zA-Z]+) |(?P<relation><=|>=|!=|==|=<|=>|<|>|=)
    |(?P<other>[-+*/^_(){}\[\]|,;:!%&'])""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: number, command, name (a letter), relation, punct. `spaced`: whitespace before it."""

    kind: str
    text: str
    spaced: bool


def tokenize(text: str, thousands: bool = True) -> list[Token]:
    """Split cleaned text into tokens. With `thousands` false a bare comma always separates.

    Raises ParseError on a character or a word outside the vocabulary.
    """
    tokens: list[Token] = []
    position, spaced, depth = 0, False, 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ParseError(f"unexpected {text[position]!r}")
        kind, found = str(match.lastgroup), match[0]
        position = match.end()
        if kind == "space":
            spaced = True
            continue
        if kind == "number" and "," in found and (depth > 0 or not thousands):
            # Inside brackets a bare comma separates: (1,234) is a pair.
            position = match.start() + found.index(",")
            found = found[: found.index(",")]
        if tokens and kind in ("word", "text") and _is_subscript(tokens):
            letters = re.sub(r"[^0-9a-zA-Z]", "", found.removeprefix("\\text"))
            tokens += [Token("name", letter, False) for letter in letters]
            continue
        if found == "!=" and not spaced and _is_factorial(tokens):
            tokens += [Token("punct", "!", False), Token("relation", "=", False)]
            continue
        depth += (found in "([" or found == r"\{") - (found in ")]" or found == r"\}")
        tokens += _lex(kind, found, spaced)
        spaced = False
    return tokens


def _is_subscript(tokens: list[Token]) -> bool:
    """Return whether a word comes first in a subscript in braces: then it is part of a name."""
    return len(tokens) > 1 and tokens[-1].text == "{" and tokens[-2].text == "_"


def _is_factorial(tokens: list[Token]) -> bool:
    """Return whether `!=` after these tokens ends a factorial: `3!=6`, without letters."""
    if not tokens or not (tokens[-1].kind == "number" or tokens[-1].text in (")", "}", "!")):
        return False
    for token in reversed(tokens):
        if token.kind == "relation" or token.text == ",":
            return True
        if token.kind == "name" or token.text[1:] in LETTERS:
            return False
    return True


def _lex(kind: str, found: str, spaced: bool) -> list[Token]:
    if kind == "number":
        return [Token("number", re.sub(r",|\\thousands\s*", "", found), spaced)]
    if kind == "text":
        return _lex_text(found[6:-1], spaced)
    if kind == "word":
        return _lex_word(found, spaced)
    if kind == "relation":
        return [Token("relation", {"=<": "<=", "=>": ">="}.get(found, found), spaced)]
    if kind == "environment":
        return [Token("command", re.sub(r"\s", "", found), spaced)]
    if found in _RELATIONS:
        return [Token("relation", _RELATIONS[found], spaced)]
    return [Token("command" if kind == "command" else "punct", found, spaced)]


def _lex_text(words: str, spaced: bool) -> list[Token]:
    inner = words.strip().strip(",").strip()
    if not inner.strip(".:;!") and ".." not in inner:
        return []
    if inner.lower() in ("and", "or"):
        return [Token("command", f"\\{inner.lower()}", spaced)]
    if inner.lower() in ("percent", "%"):
        return [Token("command", r"\%", spaced)]
    if inner in ("i", "e") or re.fullmatch(r"[A-Z]", inner):
        return [Token("name", inner, spaced)]
    if not re.search(r"[^0-9.,+*/=()\s-]", inner):
        return tokenize(inner)
    raise ParseError(f"text {inner!r} in an expression")


def _lex_word(word: str, spaced: bool) -> list[Token]:
    if word in _PLAIN_WORDS and word != "U":
        command = _PLAIN_WORDS[word]
        if command is None:
            raise ParseError(f"the word {word!r} in an expression")
        return [
            Token("relation", "in", spaced)
            if command == "\\in"
            else Token("command", command, spaced)
        ]
    if word == "U" and spaced:
        return [Token("command", "\\cup", spaced)]
    if word in FUNCTIONS and len(word) > 1:
        return [Token("command", "\\" + word, spaced)]
    glued = _GLUED.fullmatch(word)
    if glued:  # sinx, xsin
        before, name, after = glued.groups()
        return [
            *([Token("name", before, spaced)] if before else []),
            Token("command", "\\" + name, spaced and not before),
            *([Token("name", after, False)] if after else []),
        ]
    if len(word) > 2 and word not in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ":
        raise ParseError(f"the word {word!r} in an expression")
    if word.lower() in _SHORT_WORDS:
        raise ParseError(f"the word {word!r} in an expression")
    return [Token("name", letter, spaced and not index) for index, letter in enumerate(word)]
