"""Words: what the terms of the page mean, in the page itself, so that it needs no other.

A metric's meaning and unit come from `rlvr.evaluate.table`. All other words come
from words.md beside this file, which docs/make.py makes from docs/glossary.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from rlvr.evaluate.table import BUDGET, METRICS, Metric, find
from rlvr.evaluate.table import names as of_group
from rlvr.results.about import arm_says
from rlvr.results.effects import Results
from rlvr.results.verdict import SIGNS

# Terms that a sentence also has in another sense.
EVERYDAY = frozenset(
    "error level rule seeds steps rows sampled kept match unit pool holds fails look near".split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """A term: the id of its entry in the page, its names and what they mean."""

    id: str
    names: tuple[str, ...]
    says: str


def words(runs: Sequence[Results]) -> list[Word]:
    """Return the terms of a page: its arms, the words of its tables, the metrics recorded."""
    arms: dict[str, dict[str, None]] = {}
    for arm in (arm for r in runs for one in (r, *r.exploratory) for arm in one.config["arms"]):
        arms.setdefault(str(arm["name"]), {})[arm_says(arm)] = None
    general = list(glossary())
    said = {name for word in general for name in word.names}
    keys = {key.partition("[")[0] for r in runs for _, _, _, key in r.values} | {*of_group(BUDGET)}
    recorded = sorted(keys - said)
    return [
        *(Word(_id(f"arm {name}"), (name,), " Or: ".join(says)) for name, says in arms.items()),
        *general,
        *(
            Word(_id(f"metric {row.label}"), tuple(of), _of(row, of))
            for row in METRICS
            if (of := [name for name in recorded if find(name).name == row.name])
        ),
    ]


def glossary() -> Iterator[Word]:
    """Yield the words of docs/glossary.md."""
    for line in (Path(__file__).parent / "words.md").read_text(encoding="utf-8").splitlines():
        name, says = line.strip("| ").split(" | ", 1)
        names = tuple(re.findall(r"\*([^*]+)\*", name))
        says = re.sub(r" \(\[[^]]*\]\([^)]*\)\)", "", says)  # a link, which a mailed page has not
        yield Word(_id(" ".join(names)), names, re.sub(r"[*`]", "", says))


def finder(known: Iterable[Word]) -> Mapping[str, Word]:
    """Return the terms by their names."""
    return {name: word for word in reversed(list(known)) for name in word.names}


def named(text: str, known: Mapping[str, Word]) -> Word | None:
    """Return the term that a cell of a table, or the name of a figure, is; None where it is none.

    "90 % interval", "verified, at worst", "pass@1[d2c1]" and the signs of collapse are terms too.
    """
    plain = re.sub(r"^([\d.]+ % )?interval", "95 % interval", text).rpartition(", ")[2]
    plain = plain.removeprefix("against ")
    sign = next((sign.metric for sign in SIGNS if sign.name == plain), "")
    return known.get(plain) or known.get(plain.partition("[")[0]) or known.get(sign)


def linked(text: str, known: Mapping[str, Word]) -> Markup:
    """Return a sentence as HTML in which each term, where it first stands, leads to its entry."""
    names = sorted((name for name in known if len(name) > 1), key=len, reverse=True)
    whole = rf"(?<![\w@.&#-])(?:{'|'.join(map(re.escape, names))})(?![\w@-])"
    seen: set[str] = set()

    def link(match: re.Match[str]) -> str:
        word = known.get(match[0]) or known.get(match[0].lower())
        if word is None or word.id in seen or match[0] in EVERYDAY:
            return match[0]
        seen.add(word.id)
        return anchor(word, match[0])

    return Markup(re.sub(whole, link, str(escape(text)), flags=re.IGNORECASE))


def anchor(word: Word, shown: str) -> Markup:
    """Return the link to the entry of a term, which a pointer's hover shows."""
    return Markup('<a class="term" href="#{}" title="{}">{}</a>').format(word.id, word.says, shown)


def _of(row: Metric, names: Sequence[str]) -> str:
    """Return what a metric means; of several that differ in one word, each with its name."""
    each = {name: says for name, says in row.named().items() if name in names}
    says = "; ".join(f"{name}: {said}" for name, said in each.items()) if len(each) > 1 else ""
    says = says or next(iter(each.values()), row.says)
    better = f" {row.better.capitalize()} is better." if row.better else ""
    unit = "" if row.unit in says.lower() else f" Unit: {row.unit}."
    return f"{says if len(each) > 1 else says[:1].upper() + says[1:]}.{unit}{better}"


def _id(name: str) -> str:
    return f"word-{re.sub(r'[^a-z0-9@]+', '-', name.lower())}"
