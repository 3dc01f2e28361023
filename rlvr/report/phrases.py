"""From token ids to the phrases that an arm amplified.

A phrase is an n-gram of GRAM tokens, as in the metric `amplified`. It is found by its log-odds
(`rlvr.evaluate.ngrams.log_odds`) in the held-out samples of an arm's last round against those of
its base, in one half of the problems, and called amplified where the other half finds it too:
measured where it was found, it would be over-represented by selection alone. What it does not do:
say why.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from rlvr.data import InputError
from rlvr.evaluate.metrics import GRAM
from rlvr.evaluate.ngrams import Gram, count, log_odds
from rlvr.records.layout import AMPLIFIED, EVALUATION, MODEL, Place, base_of
from rlvr.records.record import read_table
from rlvr.report.completions import shortened, shuffled
from rlvr.results.effects import Results

PHRASES, EXAMPLES = 10, 2
MOST = 5_000  # samples of an arm, all seeds together, that phrases are looked for in
Z = 1.96


@dataclass(frozen=True, slots=True)
class Phrase:
    """An amplified phrase: its text, and how many of a thousand n-grams it is, before and after.

    `base`, `arm` and `z` are of the half of the problems in which the phrase was not sought.
    `known`: the base over-used it against real solutions already (None where that was not
    measured). `examples`: texts of the arm's that hold it.
    """

    text: str
    base: float
    arm: float
    z: float
    known: bool | None
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Phrases:
    """The amplified phrases of an arm, and how many the first half of the problems proposed."""

    found: tuple[Phrase, ...]
    proposed: int


@dataclass(frozen=True, slots=True)
class _Texts:
    """Samples: token ids and texts, and which half of the problems each is of."""

    tokens: list[tuple[int, ...]]
    texts: list[str]
    second: list[bool]


def amplified_phrases(r: Results) -> dict[str, Phrases]:
    """Return the phrases that each arm amplified at the compared round, the most amplified first.

    One half of the problems proposes the ten of highest z, the other half confirms them. An arm
    without samples on disk is left out.
    """
    base = _samples(r, "base", 0)
    if not base.tokens:
        return {}
    decode = decoder(r)
    known = _known(r)
    found: dict[str, Phrases] = {}
    counted = [_counts(base, half) for half in (False, True)]
    for arm in r.arms:
        mine = _samples(r, arm, r.round)
        if mine.tokens:
            found[arm] = _phrases(mine, counted, known, decode)
    return found


def _phrases(
    mine: _Texts, base: Sequence[Counter[Gram]], known: set[Gram] | None, decode: Any
) -> Phrases:
    first, second = (_counts(mine, half) for half in (False, True))
    if not (first and second and all(base)):
        return Phrases((), 0)
    best = sorted(
        ((z, gram) for gram, z in log_odds(first, base[0]).items() if z > Z), reverse=True
    )
    proposed = [gram for _, gram in best[:PHRASES]]
    confirmed = {gram: z for gram, z in log_odds(second, base[1]).items() if z > Z}
    found = (
        Phrase(
            text=decode(gram),
            base=1000 * base[1][gram] / base[1].total(),
            arm=1000 * second[gram] / second.total(),
            z=confirmed[gram],
            known=None if known is None else gram in known,
            examples=tuple(_examples(mine, gram)),
        )
        for gram in proposed
        if gram in confirmed
    )
    return Phrases(tuple(sorted(found, key=lambda phrase: -phrase.z)), len(proposed))


def _counts(texts: _Texts, half: bool) -> Counter[Gram]:
    """Return the n-grams of one half of the problems."""
    of = zip(texts.tokens, texts.second, strict=True)
    return count((tokens for tokens, second in of if second is half), GRAM)


def _examples(texts: _Texts, gram: Gram) -> Iterable[str]:
    found: dict[str, None] = {}
    for tokens, text in zip(texts.tokens, texts.texts, strict=True):
        if any(tokens[i : i + GRAM] == gram for i in range(len(tokens) - GRAM + 1)):
            found[shortened(text)] = None
            if len(found) == EXAMPLES:
                break
    return found


def _samples(r: Results, arm: str, round_: int) -> _Texts:
    """Return the samples at temperature 1 of an arm's round, the first ones of each problem."""
    tokens: list[tuple[int, ...]] = []
    texts: list[str] = []
    second: list[bool] = []
    for seed in r.seeds:
        path = Place(seed, arm, round_).folder(r.folder) / EVALUATION
        if not path.is_file():
            continue
        table = read_table(path, ["problem_id", "kind", "index", "text", "token_ids"])
        table = table.filter(pc.equal(table["kind"], "sample")).sort_by("index")
        table = table.slice(0, MOST // len(r.seeds))
        tokens += [tuple(ids) for ids in table["token_ids"].to_pylist()]
        texts += table["text"].to_pylist()
        second += [bool(shuffled(id_) % 2) for id_ in table["problem_id"].to_pylist()]
    return _Texts(tokens, texts, second)


def _known(r: Results) -> set[Gram] | None:
    """Return the n-grams that the base over-used against real solutions, in any seed."""
    grams: set[Gram] = set()
    for seed in r.seeds:
        path = base_of(seed).folder(r.folder) / AMPLIFIED
        if path.is_file():
            try:
                grams |= {tuple(map(int, gram)) for gram in json.loads(path.read_text())}
            except (ValueError, TypeError) as failure:
                raise InputError(
                    f"{path}: no list of n-grams ({failure}): delete it, and the report does "
                    "without it"
                ) from None
    return grams or None


def decoder(r: Results) -> Any:
    """Return a function from token ids to text; without the base's tokenizer it shows the ids."""
    for seed in r.seeds:
        path = base_of(seed).folder(r.folder) / MODEL / "tokenizer.json"
        if path.is_file():
            from tokenizers import Tokenizer

            try:
                tokenizer = Tokenizer.from_file(str(path))
            except Exception as failure:  # the class that tokenizers raises for any bad file
                raise InputError(
                    f"{path}: no tokenizer ({failure}): delete it, and the report shows token ids"
                ) from None
            return lambda ids: tokenizer.decode(list(ids), skip_special_tokens=False)
    return lambda ids: f"tokens {' '.join(map(str, ids))}"
