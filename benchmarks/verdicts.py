"""Verdicts on simulated records whose outcome is planted: how often they are wrong.

No model: a record is drawn, and goes the way of any other, from its figures to its verdict
(`rlvr.results.verdict.rulings`). A problem has a logit; a policy solves a sample of it with the
probability sigmoid(a * logit + (a - 1) * H). With a = 1 that is sampling at temperature 1; with
larger a it is a lower temperature, whose limit, greedy decoding, solves each problem with a logit
above -H: the right answer need not have half of the mass to be the likeliest. Planted are

- no effect: the base's logits again;
- half the margin: all logits a little higher, by less than counts;
- sharpening: those at a = 2, which is also the base's best temperature;
- growth: all logits higher;
- slow and fast collapse: all logits lower, and real text less likely;
- tail loss: hard problems forgotten and the others raised, so that pass@1 stays where it was;
- just under the margin: all logits higher, by a little less than counts;
- failing seeds: all logits a little higher, but in some seeds, drawn by chance, far lower. The mean
  change over all seeds that there could be is within the margin; a few seeds need not show it.

Each seed has a base of its own, problems of its own, and an effect that differs from the mean by
`SPREAD` of it, normally, beside the seeds that fail. A record has two primary arms, the planted one
and one without an effect; what is counted is the planted one's verdict. `change` is the mean change
of pass@1 over the records. The floor of the intervals is that of a run whose evaluations are there,
problem by problem (handed over in memory, not in files), or that of a record of figures alone.

A verdict is wrong where it is another outcome than the planted one, or has the other word for
growth, or says of the tail the opposite of what was planted (for sharpening nothing is: rare
problems are lost by it, nor for failing seeds). `inconclusive`, and `open` of growth, are counted
apart. Just under the margin neither growth nor no effect is wrong: growth is a change above 0 that
was measured at or above the margin, which the true change need not be; that it lay beyond
sharpening would be. Where seeds fail, growth and collapse are wrong, and this row is no part of the
largest share of wrong verdicts: it has its own. Run: make bench,
or python benchmarks/verdicts.py [-o FILE]. The last line of output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from rlvr.records.layout import EVALUATION
from rlvr.results import effects
from rlvr.results.effects import BEST_TEMPERATURE, Results
from rlvr.results.errors import errors_of as recorded
from rlvr.results.verdict import Ruling, rulings
from rlvr.statistics.estimates import error_covariance

RECORDS, MARGIN = 2000, 0.05
H, BEST = 1.0, 2.0  # see above; the base's best temperature is 1 / BEST
SPREAD = 0.25  # between seeds, of the planted effect
DRIFT = 0.08  # between seeds, in logits, beside what is planted
ARMS = ("verified", "unfiltered")
COLUMNS = {  # what a verdict may say, and its column's head; growth: with whatever word
    **{"growth": "growth", "beyond sharpening": "beyond", "sharpening": "sharpening"},
    **{"open": "open", "collapse": "collapse", "no effect": "no effect", "inconclusive": "unsure"},
    **{"tail lost": "tail lost", "tail kept": "tail kept", "wrong": "wrong"},
}
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]  # the first dimension: the halves of the samples
Figures = dict[str, Floats]  # by metric, shape (records, seeds) or (records, seeds, problems)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a record is: seeds, and held-out problems and samples of each.

    `paired`: its evaluations are there, not its figures alone.
    """

    seeds: int
    problems: int
    samples: int
    paired: bool = True


SIZES = {
    "3 seeds of 400 problems x 8, as the quickstart": Size(3, 400, 8),
    "the same, figures alone": Size(3, 400, 8, paired=False),
    "3 seeds of 150 problems x 4, as smollm2": Size(3, 150, 4),
    "5 seeds of 400 problems x 8": Size(5, 400, 8),
}


@dataclass(frozen=True, slots=True)
class Planted:
    """A policy beside its base, and what a verdict on it must not contradict.

    `shift`: of all logits; `a`: see above; `forgotten`: of the logits of hard problems, the others
    being raised until pass@1 is the base's. `nll`: of real solutions, nats a token, and `tail` of
    their 95th percentile. `lost`: whether the tail is; None where nothing is said of it. `allowed`:
    an outcome that is not wrong either. `failing`: the probability that a seed fails, and `by`: how
    much lower its logits then are.
    """

    outcome: str
    lost: bool | None
    allowed: str = ""
    shift: float = 0.0
    a: float = 1.0
    forgotten: float = 0.0
    nll: float = 0.0
    tail: float = 0.0
    failing: float = 0.0
    by: float = 0.0


PLANTED = {
    "no effect": Planted("no effect", False),
    "half the margin": Planted("no effect", False, shift=0.15),
    "sharpening": Planted("sharpening", None, a=BEST, nll=-0.1),
    "growth": Planted("beyond sharpening", False, shift=2.0, nll=-0.2, tail=-0.8),
    "slow collapse": Planted("collapse", True, shift=-0.7, nll=0.2, tail=0.7),
    "fast collapse": Planted("collapse", True, shift=-2.5, nll=0.8, tail=2.0),
    "tail loss": Planted("no effect", True, forgotten=-2.0, tail=0.8),
    "just under the margin": Planted("sharpening", False, allowed="no effect", shift=0.285),
    "failing seeds": Planted("no effect", None, shift=0.45, failing=0.15, by=-4.0),
}


FAILING = {name: planted for name, planted in PLANTED.items() if planted.failing}


def main() -> None:
    """Draw, rule, count; print the confusion tables and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, help="where to write the JSON too")
    parser.add_argument("--records", type=int, default=RECORDS, help="for each planted outcome")
    arguments = parser.parse_args()
    found = {
        title: {
            name: counted(name, size, arguments.records, np.random.default_rng([i, j]))
            for j, name in enumerate(PLANTED)
        }
        for i, (title, size) in enumerate(SIZES.items())
    }
    console = Console(width=None if sys.stdout.isatty() else 150)
    for title, rows in found.items():
        console.print(table(title, rows))
    worst: dict[str, float] = {}
    for title, rows in found.items():
        wrong = {name: row["wrong"] for name, row in rows.items()}
        apart = {f"wrong, {name}, {title}": wrong.pop(name) for name in FAILING}
        worst |= {f"wrong, at most, {title}": max(wrong.values())} | apart
    failing = {name: {"share": p.failing, "logits": p.by} for name, p in FAILING.items()}
    written = {**worst, "records": arguments.records, "failing": failing, "planted": found}
    if arguments.out:
        arguments.out.write_text(json.dumps(written, indent=1) + "\n")
    print(json.dumps(worst))


def table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    """Return what was planted against what was said, in shares of the records."""
    shown = Table(title=f"planted (rows) and said, {title}", title_justify="left")
    shown.add_column("planted")
    for head in ("change", *COLUMNS.values()):
        shown.add_column(head, justify="right")
    for name, row in rows.items():
        shares = (f"{row[column]:.3f}" for column in COLUMNS)
        shown.add_row(name, f"{row['change']:+.3f}", *shares)
    return shown


def counted(name: str, size: Size, records: int, rng: np.random.Generator) -> dict[str, float]:
    """Return the shares of the records' verdicts on one planted outcome, and its mean change."""
    said: Counter[str] = Counter()
    change = 0.0
    for ruling in drawn(PLANTED[name], size, records, rng):
        word = ruling.kind or ruling.outcome
        said[word] += 1
        said["growth"] += ruling.outcome == "growth" and word != "growth"
        change += ruling.effect.interval.delta / records
        tail = tail_said(ruling)
        said["tail lost"] += tail is True
        said["tail kept"] += tail is False
        said["wrong"] += is_wrong(PLANTED[name], ruling)
    return {name: said[name] / records for name in COLUMNS} | {"change": round(change, 4)}


def is_wrong(planted: Planted, ruling: Ruling) -> bool:
    """Return whether a ruling contradicts what was planted."""
    word = ruling.kind or ruling.outcome
    grew = planted.outcome in ("sharpening", "beyond sharpening")
    right = (planted.outcome, planted.allowed, "inconclusive")
    if word not in right and not (word == "open" and grew):
        return True
    tail = tail_said(ruling)
    return None not in (planted.lost, tail) and planted.lost is not tail


def tail_said(ruling: Ruling) -> bool | None:
    """Return whether the tail is said to be lost, or (False) to be kept; None where it is open."""
    if "tail" in ruling.lost:
        return True
    of_tail = [seen.move for seen in ruling.signs if seen.sign.definition == "tail"]
    return None if "open" in of_tail else False


def drawn(planted: Planted, of: Size, records: int, rng: np.random.Generator) -> Iterator[Ruling]:
    """Draw records, a base, an arm with the planted effect and one without; yield the rulings."""
    seeds = of.seeds
    for first in range(0, records, 100):
        n = min(100, records - first)
        base = rng.normal(rng.normal(-0.6, 0.15, (n, seeds, 1)), 1.5, (n, seeds, of.problems))
        text = rng.normal((0.31, 1.3), (0.03, 0.1), (n, seeds, 2))
        halves = solved(base, of.samples, rng)
        rare = halves[0] == 1  # by one half, as `rlvr.evaluate.metrics.survival` does
        at_best = rng.binomial(of.samples, sigmoid(sharper(base))) / of.samples
        problems = {"base": by_problem(base, halves, of, rng) | {BEST_TEMPERATURE: at_best}}
        figures = {"base": evaluated(problems["base"], halves, rare, text, of)}
        for arm, plan in zip(ARMS, (planted, PLANTED["no effect"]), strict=True):
            size = rng.normal(1, SPREAD, (n, seeds, 1))
            logits = moved(base, plan, size) + rng.normal(0, DRIFT, (n, seeds, 1))
            if plan.failing:
                logits = logits + plan.by * (rng.random((n, seeds, 1)) < plan.failing)
            change = size * (plan.nll, plan.tail) + rng.normal(0, (0.005, 0.02), (n, seeds, 2))
            halves = solved(logits, of.samples, rng)
            problems[arm] = by_problem(logits, halves, of, rng)
            figures[arm] = evaluated(problems[arm], halves, rare, text + change, of)
        for i in range(n):
            r = results(figures, i, of)
            known = from_memory(problems, i, r) if of.paired else recorded
            with patch.object(effects, "errors_of", known):
                yield rulings(r)[ARMS[0]]


def from_memory(problems: dict[str, Figures], i: int, r: Results) -> Callable[..., Any]:
    """Return `rlvr.results.errors.errors_of` on the i-th record, without the files."""
    places = {
        r.place(seed, arm).folder(r.folder) / EVALUATION: (arm, seed)
        for arm in ("base", *r.arms)
        for seed in r.seeds
    }

    def errors_of(pairs: Sequence[Sequence[tuple[Path, str]]], weights: Sequence[float]) -> Any:
        squares = []
        for sides in pairs:
            known = [(problems[places[path][0]].get(name), places[path][1]) for path, name in sides]
            figures = [values[i, seed] for values, seed in known if values is not None]
            if len(figures) < len(sides):
                return None
            apart = sum(w * x for w, x in zip(weights, figures, strict=False))
            squares.append(error_covariance(apart[None])[0, 0])
        return np.diag(squares)  # no two seeds have a problem in common

    return errors_of


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def sharper(logits: Floats, a: float | Floats = BEST) -> Floats:
    """Return the logits at the temperature 1 / a."""
    return a * logits + (np.asarray(a) - 1) * H


def moved(base: Floats, planted: Planted, size: Floats) -> Floats:
    """Return the planted logits; `size`: of each seed's effect, 1 in the mean."""
    logits = sharper(base, 1 + (planted.a - 1) * size) + planted.shift * size
    if planted.forgotten:
        hard = base < -1.5
        target = sigmoid(base).mean(-1, keepdims=True)
        logits = np.where(hard, base + planted.forgotten * size, base)
        low, high = np.zeros_like(target), np.full_like(target, 5.0)
        for _ in range(30):  # bisection: how far the others rise for an equal mean
            middle = (low + high) / 2
            short = sigmoid(np.where(hard, logits, base + middle)).mean(-1, keepdims=True) < target
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        logits = np.where(hard, logits, base + low)
    return logits


def solved(logits: Floats, samples: int, rng: np.random.Generator) -> Counts:
    """Return how many samples of each problem are right, in either half of them."""
    return rng.binomial(samples // 2, sigmoid(logits), (2, *logits.shape))


def by_problem(logits: Floats, halves: Counts, of: Size, rng: np.random.Generator) -> Figures:
    """Return what an evaluation says of each problem, by metric."""
    counts = halves.sum(0)
    greedy = logits > -H + rng.normal(0, 0.1, logits.shape)
    solved_once = (counts > 0).astype(float)
    return {
        "pass@1": counts / of.samples,
        f"pass@{of.samples}": solved_once,
        "greedy": greedy.astype(float),
    }


def evaluated(
    problems: Figures, halves: Counts, rare: npt.NDArray[np.bool_], text: Floats, of: Size
) -> Figures:
    """Return what an evaluation records: means over problems, and what is none."""
    rates = problems["pass@1"]
    apart = 1 - rates + (rates > 0) / of.samples  # no two wrong answers are equal
    return {
        **{name: values.mean(-1) for name, values in problems.items()},
        "pass@1_se": rates.std(-1, ddof=1) / rates.shape[-1] ** 0.5,
        "survival": ((halves[1] > 0) & rare).sum(-1) / rare.sum(-1),
        "distinct": apart.mean(-1),
        "real_nll": text[..., 0],
        "real_nll_p95": text[..., 1],
    }


def results(figures: dict[str, Figures], i: int, of: Size) -> Results:
    """Return the i-th record as it is after it was read."""
    return Results(
        folder=Path("simulated"),
        name="simulated",
        config_hash="",
        metric="pass@1",
        margin=MARGIN,
        confidence=0.95,
        arms=ARMS,
        primary=ARMS,
        seeds=tuple(range(of.seeds)),
        absent=(),
        round=1,
        rounds=1,
        largest_k=f"pass@{of.samples}",
        config={"arms": [{"name": arm} for arm in ARMS]},
        values={
            (seed, arm, int(arm != "base"), metric): float(values[i, seed])
            for arm, metrics in figures.items()
            for metric, values in metrics.items()
            for seed in range(of.seeds)
        },
    )


if __name__ == "__main__":
    main()
