"""Curate: a noisy corpus of which the truth is known, and a classifier that finds clean entries.

A corpus is made from real solutions. Each problem has one entry: its own solution or, for the share
that the config gives to each kind of contamination, something worse. Because the contaminations are
made here, the truth of every entry is known, so that we can measure how well a ranking cleans. The
rankings by likelihood are in `rlvr.select.arms`; the ranking that has to be learned first is here.
Four contaminations are made, and only stand for real noise. `natural` is real noise: problems of
another task, whose levels say what they really are.
"""

from __future__ import annotations

import hashlib
import random
import string
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rlvr.data import (
    CONTAMINATIONS,
    Arm,
    Completion,
    Contamination,
    Entry,
    EntryKind,
    Problem,
    Verdict,
)
from rlvr.evaluate.metrics import ALL, metric
from rlvr.learners.context import Run, Seed
from rlvr.models.loading import load_model
from rlvr.records.layout import Place
from rlvr.records.stored import Judged, pick
from rlvr.studies.study import Study
from rlvr.verify.verifier import near_miss

Tokens = tuple[int, ...]
Spoil = Callable[[Problem, random.Random], str]

CHARACTERS = string.ascii_letters + string.digits + string.punctuation + " "
COPIED = 0.01
"""Duplicates copy this share of the corpus, at least one problem: few texts, each many times."""


def contaminate(
    problems: Sequence[Problem],
    shares: Mapping[Contamination, float],
    seed: int,
    spoil: Spoil | None,
    natural: Callable[[int], Sequence[Problem]] = lambda n: (),
) -> list[Entry]:
    """Return one entry for each problem, in order; a coin keyed (seed, problem) contaminates it.

    `shares`: contamination -> its probability; together they are below 1. wrong: what `spoil` (the
    task's `corrupt`) makes of the solution, or a near miss of it. garbage: random characters, as
    many as the solution has. duplicate: one more copy of one of the first clean pairs. off_topic:
    the solution of another problem. natural: one of the problems that `natural` returns where it is
    told how many are needed. Raises ValueError if all solutions are equal.
    """
    coins = {
        problem.id: random.Random(hashlib.sha256(f"corpus/{seed}/{problem.id}".encode()).digest())
        for problem in problems
    }
    kinds = {problem.id: _kind(coins[problem.id].random(), shares) for problem in problems}
    clean = [problem for problem in problems if kinds[problem.id] == "clean"] or list(problems)
    originals = clean[: max(1, round(COPIED * len(problems)))]
    copies: dict[str, int] = defaultdict(int)
    noise = iter(natural(list(kinds.values()).count("natural")))
    entries = []
    for problem in problems:
        rng, kind = coins[problem.id], kinds[problem.id]
        text = str(problem.solution)
        if kind == "duplicate":
            original = rng.choice(originals)
            copies[original.id] += 1
            entries.append(Entry(original, kind, copies[original.id]))
            continue
        if kind == "natural":
            entries.append(Entry(next(noise), kind))
            continue
        if kind == "garbage":
            text = "".join(rng.choices(CHARACTERS, k=max(1, len(text))))
        elif kind == "off_topic":
            text = _other(problem, problems, rng)
        elif kind == "wrong" and spoil:
            text = spoil(problem, rng)
        elif kind == "wrong":
            others = (_other(problem, problems, rng) for _ in range(1))  # drawn only where needed
            text = near_miss(text, rng, others)
        entries.append(Entry(replace(problem, solution=text), kind))
    return entries


def _kind(coin: float, shares: Mapping[Contamination, float]) -> EntryKind:
    for kind in CONTAMINATIONS:
        coin -= shares.get(kind, 0.0)
        if coin < 0:
            return kind
    return "clean"


def _other(problem: Problem, problems: Sequence[Problem], rng: random.Random) -> str:
    """Return the solution of another problem, one that differs from this problem's solution."""
    for other in rng.sample(problems, len(problems)):
        if other.solution != problem.solution:
            return str(other.solution)
    raise ValueError("all solutions are alike: there is none to be off topic")


def as_pool(
    entries: Sequence[Entry],
    prompts: Sequence[Tokens],
    solutions: Sequence[Tokens],
    logprobs: Sequence[Sequence[float]],
    place: Place,
) -> Iterator[Judged]:
    """Yield the entries in the form that an arm selects from: completions, with truth as verdicts.

    `logprobs` are those that the earlier model gives to prompt and solution: n-1 for n tokens. A
    clean entry is `correct`; any other is `wrong`, with the contamination as its reason.
    """
    for entry, prompt, solution, scores in zip(entries, prompts, solutions, logprobs, strict=True):
        completion = Completion(
            problem_id=entry.problem.id,
            **asdict(place),
            index=entry.index,
            prompt_token_ids=prompt,
            token_ids=solution,
            text=str(entry.problem.solution),
            logprobs=tuple(scores[-len(solution) :]),
            finish_reason="stop",
        )
        clean = entry.kind == "clean"
        yield completion, Verdict("correct") if clean else Verdict("wrong", entry.kind)


def kept_by_kind(
    verdicts: Iterable[Verdict], kept: Iterable[bool], levels: Iterable[str]
) -> list[dict[str, Any]]:
    """Return for each kind the share of its entries that were kept, as metric `kept_KIND`.

    Clean entries also get their share by level, which shows the real content that a filter throws
    away, and natural ones by what they really are. The arguments have one element for each entry
    of the corpus. A kind without entries is left out.
    """
    groups: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for verdict, keep, level in zip(verdicts, kept, levels, strict=True):
        kind = verdict.reason or "clean"
        groups[kind, ALL].append(keep)
        if kind in ("clean", "natural"):
            groups[kind, level].append(keep)
    return [
        metric(f"kept_{kind}", sum(group) / len(group), len(group), level)
        for (kind, level), group in sorted(groups.items())
    ]


# A learned ranking


def hidden_means(
    model: Path, prompts: Sequence[Tokens], solutions: Sequence[Tokens], batch: int = 64
) -> npt.NDArray[np.float64]:
    """Return the model's last hidden states, averaged over each solution's tokens: (n, width)."""
    import torch

    network = load_model(model).eval()
    means = []
    for begin in range(0, len(prompts), batch):
        pairs = list(zip(prompts[begin:][:batch], solutions[begin:][:batch], strict=True))
        longest = max(len(prompt) + len(solution) for prompt, solution in pairs)
        tokens = torch.zeros(len(pairs), longest, dtype=torch.long)
        inside, counted = tokens.clone(), torch.zeros(len(pairs), longest, 1)
        for row, (prompt, solution) in enumerate(pairs):
            end = len(prompt) + len(solution)
            tokens[row, :end] = torch.tensor([*prompt, *solution])
            inside[row, :end] = 1
            counted[row, len(prompt) : end] = 1
        with torch.no_grad():
            out = network(input_ids=tokens, attention_mask=inside, output_hidden_states=True)
        means.append((out.hidden_states[-1] * counted).sum(1) / counted.sum(1))
    return torch.cat(means).double().numpy()


def classify(
    features: npt.NDArray[np.float64],
    clean: Sequence[bool],
    others: npt.NDArray[np.float64],
) -> list[float]:
    """Return the log-odds of being clean for each row of `others`.

    They come from a logistic regression on standardised features, learned from labelled rows: the
    quality classifier of GPT-3's corpus (2005.14165, appendix A), on the earlier model's hidden
    states. Both arrays are (n, width); `clean` has the labels of the first. Raises ValueError if
    the labels have only one class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    learned = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    learned.fit(features, np.asarray(clean))
    return [float(score) for score in learned.decision_function(others)]


# What the loop calls


def scored(run: Run, seed: Seed, place: Place) -> Iterator[Judged]:
    """Yield the corpus, which is the same in every round, with its likelihood under the engine."""
    _, prompts, solutions = seed.corpus.encoded.solved()
    with run.stage(place, "score") as count:
        sequences = [prompt + solution for prompt, solution in zip(prompts, solutions, strict=True)]
        logprobs = run.engine.score(sequences)
        count["tokens"] = sum(map(len, sequences))
    entries = seed.corpus.entries
    return as_pool(entries, prompts, solutions, logprobs, place)


def cleanness(
    run: Run, seed: Seed, arm: Arm, place: Place, pool: Sequence[Judged]
) -> list[float] | None:
    """Return the scores of a classifier on M(t-1)'s hidden states, learned from labelled entries.

    Returns None for an arm that does not keep by a classifier.
    """
    if arm.keep != "classifier":
        return None
    model = run.policy(place.at(place.round - 1))
    run.engine.rest()
    _, prompts, solutions = seed.labelled.encoded.solved()
    known = hidden_means(model, prompts, solutions)
    clean = [entry.kind == "clean" for entry in seed.labelled.entries]
    texts = [*pick(pool, "prompt_token_ids", "token_ids")]
    others = hidden_means(model, [one for one, _ in texts], [one for _, one in texts])
    return classify(known, clean, others)


STUDY = Study(texts=scored, scores=cleanness, selected=kept_by_kind)
