"""What the measures of text say of texts whose degradation is known.

Each kind of text is made from real training text, 72 characters a text as the task `text` cuts
them, and measured beside held-out real text with the program's own functions: over-use
(`rlvr.evaluate.metrics.overuse`), and distinct-2 and token entropy (`diversity`), a character being
a token, as in the models `tiny`. The kinds are

- real training text: nothing is degraded, so what is measured here is chance;
- real words shuffled, and real characters shuffled, within each text;
- order-2 Markov, bigram and unigram text: a character is drawn by the two before it, by the one
  before it, or by none, as often as the training text has it there, after the prompt of a held-out
  text; where it has none there, by one fewer;
- uniform random characters, of those that occur in the training text;
- twenty sentences repeated, and one: each text is one of the first training texts, drawn by chance.

The token entropy is that of the distribution a text was drawn from. Real and shuffled text was
drawn from none that is known. Over-use and distinct-2 depend on how many texts there are: each is
measured of SIZES texts, as the mean over disjoint parts of the same ones.

Run: make bench, or python benchmarks/measures.py [-o FILE]. The last line is one JSON object; FILE
is by default docs/results/measures.json.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from rlvr.tasks.text import corrupt, problems

from rlvr.data import Problem
from rlvr.evaluate.evaluation import Record
from rlvr.evaluate.metrics import GRAM, diversity, overuse
from rlvr.records.record import write_json

PROMPT, LENGTH = 24, 72  # characters; shorter prompts leave fewer different texts
BEGINNING = 24  # characters that are shown
SIZES = (100, 500, 2_000)  # texts that are compared at a time
SHOWN = 500  # of which all measures are shown: as many as C1 compares
LARGEST = max(SIZES)
COUNTED = 10_000  # training texts whose characters are counted
MEASURES = ("overused", "overused_excess", "distinct_2")
ENTROPY = "token_entropy"
RESULT = Path(__file__).parent.parent / "docs" / "results" / "measures.json"

Drawn = tuple[str, float]  # a text, and its log-probability (nats), nan where that is not known
Draw = Callable[[random.Random, int], Drawn]  # gives the i-th text


def main() -> None:
    """Make and measure every kind of text; print the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description="Measures of text whose degradation is known.")
    parser.add_argument("-o", "--out", type=Path, default=RESULT, metavar="FILE")
    out = parser.parse_args().out
    train, held_out = (
        list(problems(split, n, prompt=PROMPT, window=PROMPT + LENGTH))
        for split, n in (("train", COUNTED), ("eval", LARGEST))
    )
    kinds = [
        {"text": name, **measured(drawn, held_out)} for name, drawn in made(train, held_out).items()
    ]
    Console(width=None if sys.stdout.isatty() else 130).print(table(kinds))
    how = {"characters": LENGTH, "counted": COUNTED, "sizes": SIZES, "shown": SHOWN}
    write_json(out, {**how, "kinds": kinds})
    print(json.dumps(summary(kinds)))


def made(train: Sequence[Problem], held_out: Sequence[Problem]) -> dict[str, list[Drawn]]:
    """Return the texts of each kind, one for each held-out problem; equal from call to call.

    `train`: at least as many problems, whose prompts and solutions are counted.
    """
    real = [str(problem.solution) for problem in train]
    whole = [problem.prompt + solution for problem, solution in zip(train, real, strict=True)]
    alphabet = sorted(set("".join(whole)))
    chance = LENGTH * math.log(1 / len(alphabet))
    after = followers(whole, 2)

    def markov(order: int) -> Draw:
        return lambda generator, i: walk(after, order, held_out[i].prompt, generator)

    def repeated(n: int) -> Draw:
        return lambda generator, _: (generator.choice(real[:n]), math.log(1 / n))

    kinds: dict[str, Draw] = {
        "real training text": lambda _, i: (real[i], math.nan),
        "real words shuffled": lambda generator, i: (corrupt(train[i], generator), math.nan),
        "real characters shuffled": lambda generator, i: (
            "".join(generator.sample(real[i], len(real[i]))),
            math.nan,
        ),
        "order-2 Markov text": markov(2),
        "bigram text": markov(1),
        "unigram text": markov(0),
        "uniform random characters": lambda generator, _: (
            "".join(generator.choices(alphabet, k=LENGTH)),
            chance,
        ),
        "twenty sentences repeated": repeated(20),
        "one sentence repeated": repeated(1),
    }
    found = {}
    for name, draw in kinds.items():
        generator = random.Random(f"measures/{name}")
        found[name] = [draw(generator, i) for i in range(len(held_out))]
    return found


def followers(texts: Sequence[str], order: int) -> dict[str, Counter[str]]:
    """Return how often each character follows each run of up to `order` characters."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for text in texts:
        for i, character in enumerate(text):
            for n in range(min(i, order) + 1):
                found[text[i - n : i]][character] += 1
    return found


def walk(
    after: Mapping[str, Counter[str]], order: int, prompt: str, generator: random.Random
) -> Drawn:
    """Return LENGTH characters after a prompt, each drawn by the `order` before it."""
    text, logprob = prompt, 0.0
    for _ in range(LENGTH):
        context = text[len(text) - order :]
        while context not in after:
            context = context[1:]
        counts = after[context]
        [character] = generator.choices(list(counts), list(counts.values()))
        logprob += math.log(counts[character] / counts.total())
        text += character
    return text[len(prompt) :], logprob


def measured(drawn: Sequence[Drawn], held_out: Sequence[Problem]) -> dict[str, Any]:
    """Return the measures of one kind of text at each of SIZES, and how the first text begins."""
    records = [record(problem, *one) for problem, one in zip(held_out, drawn, strict=True)]
    real = [characters(str(problem.solution)) for problem in held_out]
    found: dict[str, Any] = {"begins": drawn[0][0][:BEGINNING]}
    for name in MEASURES:
        found[name] = []
    for size in SIZES:
        parts = [slice(i, i + size) for i in range(0, len(records), size)]
        each = [figures(records[part], real[part]) for part in parts]
        for name in MEASURES:
            mean = math.fsum(of[name] for of in each) / len(each)
            found[name].append(round(mean, 4))
    if not math.isnan(entropy := figures(records, real)[ENTROPY]):
        found[ENTROPY] = round(abs(entropy), 4)  # no -0
    return found


def figures(records: Sequence[Record], real: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return what the program measures of these records, by metric."""
    rows = [*overuse(records, real, GRAM), *diversity(records)]
    return {row["metric"]: row["value"] for row in rows}


def characters(text: str) -> tuple[int, ...]:
    """Return a text's token ids, a character being a token."""
    return tuple(map(ord, text))


def record(problem: Problem, text: str, logprob: float) -> Record:
    """Return the evaluation record of a text, as if it had been sampled for a problem."""
    return Record(
        problem_id=problem.id,
        level=problem.level,
        kind="sample",
        index=0,
        text=text,
        tokens=len(text),
        token_ids=characters(text),
        logprob=logprob,
        truncated=False,
        status="wrong",
        reason="",
        extracted=None,
    )


def table(kinds: Sequence[dict[str, Any]]) -> Table:
    """Return every kind of text as a row."""
    title = f"texts whose degradation is known (overused, distinct_2: of {SHOWN} texts)"
    shown, at = Table(title=title, title_justify="left"), SIZES.index(SHOWN)
    for head in ("text", "begins"):
        shown.add_column(head, no_wrap=True)
    for head in ("overused", *(f"excess of {n:,}" for n in SIZES), "distinct_2", "token entropy"):
        shown.add_column(head, justify="right")
    for of in kinds:
        cells = [of["overused"][at], *of["overused_excess"], of["distinct_2"][at]]
        entropy = f"{of[ENTROPY]:.3f}" if ENTROPY in of else ""
        begins = Text(of["begins"])
        shown.add_row(of["text"], begins, *(f"{cell:z.3f}" for cell in cells), entropy)
    return shown


def summary(kinds: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return overused_excess of every kind at every size."""
    return {
        f"overused_excess, {of['text']}, {size} texts": value
        for of in kinds
        for size, value in zip(SIZES, of["overused_excess"], strict=True)
    }


if __name__ == "__main__":
    main()
