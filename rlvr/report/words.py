"""Words: what the terms of the page mean, in the page itself, so that it needs no other.

A metric's meaning, unit and group come from `rlvr.evaluate.table`; the words of the tables are
`WORDS`, which docs/glossary.md says in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlvr.evaluate.table import METRICS, Metric, find
from rlvr.results.effects import Results

WORDS: Mapping[str, str] = {
    "arm": "One way to choose training rows. The arms of a run share base model, prompts, steps "
    "and batch size, and differ in that choice.",
    "base": "The model before round 1, after the warm start if there is one. Each seed has its "
    "own.",
    "verdict": "What follows for an arm from the rule.",
    "final": "The mean over seeds of the metric at the last round.",
    "delta": "final minus base, or the first arm minus the second. Each seed is compared with "
    "itself.",
    "interval": "Student's t over the seeds' deltas. It says how far the mean delta may be off "
    "with other seeds.",
    "Holm p": "The p-value of that delta, raised by Holm's method for the number of arms (or of "
    "pairs) that are tested together.",
    "noise": "The standard error within one seed, over its problems and their samples. If it is "
    "large, evaluate on more problems.",
    "excludes 0": "Whether the whole interval lies on one side of 0.",
    "margin": "The smallest change that counts, stated in the config.",
    "growth": "The metric moves in its better direction by at least the margin, and the interval "
    "excludes 0.",
    "collapse": "It moves in the worse direction by at least the margin, and the interval "
    "excludes 0.",
    "no effect": "The whole interval lies within the margin.",
    "inconclusive": "None of these, or fewer than three seeds.",
    "ok": "An answer to what a sceptic asks is as it should be.",
    "look": "An answer to what a sceptic asks is not as it should be, or not known.",
    "at worst": "The same effect with all undecided completions counted against the arm.",
    "at best": "The same effect with all undecided completions counted for the arm.",
    "abstain": "The verifier can't decide. The completion is excluded and counted.",
    "error": "The verifier failed. The completion is excluded and counted.",
    "seed": "One replicate of the whole run: its own base, problems, samples and order of training "
    "rows.",
    "held-out": "Of the problems of the evaluation. No arm trains on them.",
    "training": "What an arm chose its training rows from.",
}

KEEP: Mapping[str, str] = {
    "verified": "completions that the verifier calls correct",
    "all": "all completions",
    "random": "completions drawn at random",
    "inverted": "completions that the verifier calls wrong",
    "self-scored": "the completions that the model itself finds likeliest",
    "least-likely": "the completions that the model itself finds least likely",
    "majority": "completions with the commonest answer to their problem; the truth is not looked "
    "at",
    "format-only": "completions with a final answer, right or wrong",
    "real": "real solutions of the round's problems, and nothing of its own",
    "replay": "what the model has seen already: its warm-start rows or, without a warm start, the "
    "base's accepted completions of round 1",
    "classifier": "what a classifier on hidden states calls clean",
}
DEFAULTS: Mapping[str, Any] = {
    **{"memory": "replace", "start": "previous", "learner": "sft", "author": "model"},
    "real_fraction": 0,
}


@dataclass(frozen=True, slots=True)
class Word:
    """A term: the id of its entry in the page, its names and what they mean."""

    id: str
    names: tuple[str, ...]
    says: str


def words(runs: Sequence[Results]) -> list[Word]:
    """Return the terms of a page: its arms, the words of its tables, the metrics recorded."""
    arms: dict[str, dict[str, None]] = {}
    for arm in (arm for r in runs for arm in r.config["arms"]):
        arms.setdefault(str(arm["name"]), {})[arm_says(arm)] = None
    recorded = dict.fromkeys(key.partition("[")[0] for r in runs for _, _, _, key in r.values)
    return [
        *(Word(_id(f"arm {name}"), (name,), " Or: ".join(says)) for name, says in arms.items()),
        *(Word(_id(name), (name,), says) for name, says in WORDS.items()),
        *(
            Word(_id(row.label), tuple(of), _of(row))
            for row in METRICS
            if (of := [name for name in sorted(recorded) if find(name).name == row.name])
        ),
    ]


def finder(known: Iterable[Word]) -> Mapping[str, Word]:
    """Return the terms by their names."""
    return {name: word for word in reversed(list(known)) for name in word.names}


def named(text: str, known: Mapping[str, Word]) -> Word | None:
    """Return the term that a cell of a table, or the name of a figure, is; None where it is none.

    "95 % interval", "verified, at worst" and "pass@1[d2c1]" are terms too.
    """
    plain = re.sub(r"^[\d.]+ % ", "", text).rpartition(", ")[2]
    return known.get(plain) or known.get(plain.partition("[")[0])


def _of(row: Metric) -> str:
    better = f" {row.better.capitalize()} is better." if row.better else ""
    unit = f" Unit: {row.unit}." if row.unit else ""
    return f"{row.says[:1].upper()}{row.says[1:]}.{unit}{better}"


def _id(name: str) -> str:
    return f"word-{re.sub(r'[^a-z0-9@]+', '-', name.lower())}"


def arm_says(arm: Mapping[str, Any]) -> str:
    """Return what an arm of a resolved config trains on, in a sentence; further axes as written."""
    keep = str(arm.get("keep", ""))
    text = f"Trains on {KEEP.get(keep, f'what keep: {keep} keeps')}"
    if arm.get("learner", "sft") != "sft":
        text = f"Learns online ({arm['learner']}), rewarded for {KEEP.get(keep, keep)}"
    if other := arm.get("match"):
        by = arm.get("match_by") or "problems"
        text += f", as many {'of each problem' if by == 'problems' else f'{by} in all'} as {other}"
    told = {"name", "keep", "learner", "match", "match_by", "more"}
    others = [
        f"{axis}: {value}"
        for axis, value in arm.items()
        if axis not in told and value and value != DEFAULTS.get(axis)
    ]
    return f"{text} ({', '.join(others)})." if others else f"{text}."
