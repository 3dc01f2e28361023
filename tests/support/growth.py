"""The worst kinds of text for a regular expression, made from its own pieces, and what they cost.

A pattern runs away where two repeats can take the same characters, or where a search starts again
at each character and reads to the end each time. Both show on a text that repeats a piece that the
pattern itself repeats, after what leads up to it, with an end that fails. So such texts are made
for each piece, and the growth of the time is measured.
"""

from __future__ import annotations

import ast
import inspect
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

# CPU seconds of a verdict: what is bounded takes up to 2 on a slow core, what is not takes minutes.
BOUNDED = 10.0

_SEARCHES = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
_PROBES = " \na1AZ.,:;-+*/^\\{}()[]$<>=|&%'\"_!?~\u00bd\ue001"
_ENDS = ("", "\x00", " x", "1")
MOST = 5_000  # characters of a text that costs too little to measure
QUICK = 0.004  # seconds under which such a text is no danger: 200,000 characters take under 0.2 s


@dataclass(frozen=True)
class Pattern:
    """A regular expression of a module; `search`: it is tried at every character."""

    where: str
    regex: re.Pattern[str]
    search: bool

    def run(self, text: str) -> object:
        """Apply it as the module does."""
        return list(self.regex.finditer(text)) if self.search else self.regex.fullmatch(text)


def patterns(module: ModuleType) -> list[Pattern]:
    """Return every regular expression in a module's source, compiled or not.

    Raises AssertionError for one that only a running function knows.
    """
    found: dict[tuple[str, int, bool], Pattern] = {}
    tree = ast.parse(inspect.getsource(module))
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    names = {value: name for name, value in vars(module).items() if isinstance(value, re.Pattern)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")):
            continue
        how = ast.unparse(node.func).removeprefix("re.")
        if how not in _SEARCHES | {"compile", "match", "fullmatch"}:
            continue
        where = f"{module.__name__}:{node.lineno}"
        text, flags = _value(node.args[0], module, where), 0
        for word in [*node.args[1:], *(keyword.value for keyword in node.keywords)]:
            if isinstance(word, ast.Attribute | ast.BinOp) and "re." in ast.unparse(word):
                flags |= _value(word, module, where)
        regex = re.compile(text, flags)
        uses = used.get(names.get(regex, ""), set()) if how == "compile" else {how}
        search = bool(uses & _SEARCHES) or not uses & {"match", "fullmatch"}
        found[regex.pattern, regex.flags, search] = Pattern(where, regex, search)
    return list(found.values())


def _value(node: ast.expr, module: ModuleType, where: str) -> Any:
    try:
        code = compile(ast.Expression(node), where, "eval")
        return eval(code, dict(vars(module)))  # the project's own source
    except NameError as error:
        raise AssertionError(f"{where}: a regular expression made at run time: {error}") from error


# --- pieces ----------------------------------------------------------------------------------

_parse: Callable[[str, int], Any] = re._parser.parse  # type: ignore[attr-defined]
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda c: c.isalnum() or c == "_",
}


def _in(items: Any, character: str) -> bool:
    found = False
    for op, value in items:
        if str(op) == "LITERAL":
            found |= ord(character) == value
        elif str(op) == "RANGE":
            found |= value[0] <= ord(character) <= value[1]
        elif str(op) == "CATEGORY":
            name = str(value).removeprefix("CATEGORY_")
            found |= _CATEGORIES[name.removeprefix("NOT_")](character) != name.startswith("NOT_")
    return found != (str(items[0][0]) == "NEGATE")


def _variants(op: str, value: Any) -> list[str]:
    """Return a few texts that an element matches."""
    if op == "LITERAL":
        return [chr(value)]
    if op == "NOT_LITERAL":
        return [c for c in "a 1\\" if ord(c) != value]
    if op == "ANY":
        return ["a", " ", "\\", "{"]
    if op == "IN":
        own = [chr(v if str(o) == "LITERAL" else v[0]) for o, v in value
               if str(o) in ("LITERAL", "RANGE")]  # fmt: skip
        return [c for c in dict.fromkeys([*own[:2], *_PROBES, *own]) if _in(value, c)][:5]
    if op == "BRANCH":
        return [text for branch in value[1] for text in _samples(branch)[:3]][:12]
    if op == "SUBPATTERN":
        return _samples(value[-1])
    if op == "ATOMIC_GROUP":
        return _samples(value)
    if op in _REPEATS:
        low, _, inner = value
        texts = [text * max(low, 1) for text in _samples(inner)]
        return [*texts, ""] if low == 0 else texts
    return [""]


def _samples(sequence: Any) -> list[str]:
    """Return a few texts that a sequence matches: the first variant of each, then one changed."""
    variants = [_variants(str(op), value) or [""] for op, value in sequence]
    first = [options[0] for options in variants]
    found = ["".join(first)]
    for index, options in enumerate(variants):
        found += ["".join([*first[:index], other, *first[index + 1 :]]) for other in options[1:]]
    return list(dict.fromkeys(found))[:12]


def _walk(sequence: Any, lead: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (what leads up to it, the texts it matches once) for each repeat, and each prefix."""
    for index, (op, value) in enumerate(sequence):
        before = lead + _samples(sequence[:index])[0]
        if index:
            yield lead, _samples(sequence[:index])[:2]
        name = str(op)
        if name in _REPEATS:
            if value[1] > 3:
                yield before, _samples(value[2])
            yield from _walk(value[2], before)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from _walk(branch, before)
        elif name in ("SUBPATTERN", "ATOMIC_GROUP", "ASSERT", "ASSERT_NOT"):
            yield from _walk(value if name == "ATOMIC_GROUP" else value[-1], before)


def attacks(regex: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (lead, piece, end): the text is the lead, the piece many times, and the end."""
    tree = _parse(regex.pattern, regex.flags)
    found = list(_walk(tree, ""))
    leads = list(dict.fromkeys(["", *(lead for lead, _ in found)]))
    own = [(lead, piece) for lead, pieces in found for piece in pieces]
    pieces = list(dict.fromkeys([*_samples(tree)[:2], *(piece for _, piece in own)]))
    tried = dict.fromkeys([*own, *((lead, piece) for lead in leads[:12] for piece in pieces[:40])])
    tails = list(dict.fromkeys([*_ENDS, *(sample[-1:] for sample in _samples(tree)[:1])]))
    for lead, piece in tried:
        if piece:
            yield from ((lead, piece, tail) for tail in tails)


# --- cost ------------------------------------------------------------------------------------


def seconds(run: Callable[[str], object], text: str, repeats: int = 1) -> float:
    """Return the least CPU seconds of a few runs."""
    least = float("inf")
    for _ in range(repeats):
        began = time.process_time()
        run(text)
        least = min(least, time.process_time() - began)
        if least > 0.5:
            break  # there is nothing left to measure
    return least


def runs_away(run: Callable[[str], object], lead: str, piece: str, end: str) -> str | None:
    """Return what shows that the time grows faster than the text, or None."""
    length = 16
    while length <= MOST:  # in small steps, so that a pattern that explodes is left in time
        text = lead + piece * (length // len(piece) + 1) + end
        if seconds(run, text) > QUICK and seconds(run, text, 2) > QUICK:
            break
        length = length * 3 // 2
    else:
        return None
    # Twice, for another program on the same core may slow down a part of one measurement.
    found = ""
    for _ in range(2):
        found = _steep(run, lead, piece, end, length)
        if not found:
            return None
    return f"{lead!r} + {piece!r} * n + {end!r}: {found}"


def _steep(run: Callable[[str], object], lead: str, piece: str, end: str, length: int) -> str:
    """Return the times at growing lengths if they grow more steeply than the power 1.6."""
    times: list[float] = []
    for factor in (1.0, 1.2, 2, 4, 8):
        text = lead + piece * (int(factor * length) // len(piece) + 1) + end
        times.append(seconds(run, text, 3))
        if times[-1] > 0.5 or (factor == 1.2 and times[1] > 10 * times[0]):
            break
    else:
        if times[0] < QUICK / 2 or times[-1] / times[0] < 8**1.6:
            return ""
    return (
        ", ".join(f"{t:.3f}" for t in times) + f" s, from {length:,} characters to 8 times as many"
    )


def worst(pattern: Pattern) -> str | None:
    """Return the first kind of text on which a pattern runs away, or None."""
    found = (runs_away(pattern.run, *attack) for attack in attacks(pattern.regex))
    return next(filter(None, found), None)
