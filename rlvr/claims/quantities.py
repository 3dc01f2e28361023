"""Quantities of claims: what a rule asks of several models or runs, or of arms of a kind.

Each function of `FUNCTIONS` returns one value a seed; `rlvr.results.conditions` has the quantities
of one run. docs/claims.md lists them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rlvr.claims.forecasts import boundary_gap, law_error
from rlvr.data import InputError
from rlvr.evaluate.table import lower_is_better
from rlvr.models import loading
from rlvr.results.conditions import difference
from rlvr.results.effects import Results
from rlvr.statistics.conditions import Quantity, slope
from rlvr.tasks import recordings


def over_models(quantity: Quantity, seed: int, _: Results, ladder: Sequence[Results]) -> float:
    """Return the least-squares slope of a quantity per decade of parameters, over the models.

    Rounds, steps and rows are equal over the models, so a decade of parameters is a decade of
    training compute (6 x parameters x tokens: Kaplan 2001.08361, section 2.1). nan under two
    models, and where one has no figure.
    """
    each = [difference(quantity, seed, r) for r in ladder]
    known = all(map(math.isfinite, each))
    return slope([log_parameters(r) for r in ladder], each) if known else math.nan


def relative(r: Results, seed: int, keep: str) -> float:
    """Return which share of what it could gain, or lose, the arm that keeps `keep` gained or lost.

    (change) / (1 - base) of an arm that keeps what is verified, -(change) / base of one that keeps
    all, of a metric that is a share. So arms of models whose bases differ may be compared. nan
    where there is no such arm.
    """
    arms = [one for one in r.config["arms"] if one["keep"] == keep and one["learner"] == "sft"]
    if not arms:
        return math.nan
    base = r.at(seed, "base", r.metric)
    change = r.at(seed, str(arms[0]["name"]), r.metric) - base
    whole = 1 - base if keep == "verified" else -base
    return change / whole if whole else math.nan


def gain_over_models(_: Quantity, seed: int, __: Results, ladder: Sequence[Results]) -> float:
    """Return the slope of the verified arm's relative gain per decade of parameters."""
    return _relative_slope(seed, ladder, "verified")


def loss_over_models(_: Quantity, seed: int, __: Results, ladder: Sequence[Results]) -> float:
    """Return the slope of the unfiltered arm's relative loss per decade of parameters."""
    return _relative_slope(seed, ladder, "all")


def _relative_slope(seed: int, ladder: Sequence[Results], keep: str) -> float:
    each = [relative(r, seed, keep) for r in ladder]
    known = all(map(math.isfinite, each))
    return slope([log_parameters(r) for r in ladder], each) if known else math.nan


def threshold_over_line(_: Quantity, seed: int, __: Results, ladder: Sequence[Results]) -> float:
    """Return by how much a threshold in size predicts a seed better than a line does.

    Both are fitted to the relative gain of the verified arm in the other seeds: a line over log10
    of the parameters, and two levels with a step between the two neighbouring sizes where it fits
    best. The mean squared error of the line in this seed, less that of the step; nan under three
    models or two other seeds.
    """
    sizes = [log_parameters(r) for r in ladder]
    others = [one for one in ladder[0].seeds if one != seed]
    mine = np.array([relative(r, seed, "verified") for r in ladder])
    known = np.array([[relative(r, one, "verified") for r in ladder] for one in others])
    if len(sizes) < 3 or len(others) < 2 or not np.isfinite([*mine, *known.ravel()]).all():
        return math.nan
    mean = known.mean(axis=0)
    line = np.polyval(np.polyfit(sizes, mean, 1), sizes)
    order = np.argsort(sizes)
    steps = []
    for i in range(1, len(sizes)):
        step = np.empty(len(sizes))
        for part in (order[:i], order[i:]):
            step[part] = mean[part].mean()
        steps.append(step)
    best = min(steps, key=lambda step: float(((mean - step) ** 2).sum()))
    return float(((mine - line) ** 2).mean() - ((mine - best) ** 2).mean())


def log_parameters(r: Results) -> float:
    """Return log10 of the parameters of a run's model.

    Raises InputError for the id of a hub, which does not say how many they are.
    """
    model = str(r.config["model"])
    size = loading.weight_bytes(model) / 4
    if not size:
        raise InputError(f"{r.folder}: model: no size of {model!r} is known: give its folder")
    return math.log10(size)


def degradation(r: Results, seed: int, arm: str) -> float:
    """Return by how much the rule's metric is worse than the base's, in the metric's unit."""
    worse = r.at(seed, arm, r.metric) - r.at(seed, "base", r.metric)
    return worse if lower_is_better(r.metric) else -worse


def fractions(r: Results, memory: str = "replace") -> dict[float, str]:
    """Return share of fresh real rows -> arm, of the arms that differ in that alone.

    They keep everything, start from the previous weights and have this memory; `real` is 1.
    """
    found = {}
    for arm in r.config["arms"]:
        plain = arm["memory"] == memory and arm["start"] == "previous"
        plain = plain and arm["author"] == "model" and not arm["share"]
        if plain and arm["keep"] == "all":
            found[float(arm["real_fraction"])] = str(arm["name"])
        elif plain and arm["keep"] == "real" and not arm.get("match"):
            found[1.0] = str(arm["name"])
    return dict(sorted(found.items()))


def fraction_needed(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return the share of fresh real rows at which replace stops degrading by the rule's margin.

    Linear between the largest share that degrades and the next one; the least share measured where
    none degrades; nan where the largest measured share degrades, or where one was not measured.
    """
    points = [(f, degradation(main, seed, arm)) for f, arm in fractions(main).items()]
    bad = [i for i, (_, worse) in enumerate(points) if worse > main.margin]
    unknown = any(math.isnan(worse) for _, worse in points)
    if not points or unknown or (bad and bad[-1] == len(points) - 1):
        return math.nan
    if not bad:
        return points[0][0]
    (left, high), (right, low) = points[bad[-1]], points[bad[-1] + 1]
    return left + (right - left) * (high - main.margin) / (high - low)


def knowledge_lost(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return which share of what the base knew about real text the raw loop has lost.

    Known is by how much real_nll lies below unigram_nll, which a model has that knows the
    frequencies of tokens alone. 0: as the base; 1: no more than frequencies are left; above 1:
    worse than these. Of the arm that keeps all that it wrote, and has nothing else. nan where there
    is none, or where the base knows no more than frequencies.
    """
    arm = fractions(main).get(0.0)
    base, nothing = (main.at(seed, "base", name) for name in ("real_nll", "unigram_nll"))
    if arm is None or not nothing > base:
        return math.nan
    return (main.at(seed, arm, "real_nll") - base) / (nothing - base)


def dial(r: Results) -> dict[float, dict[float, str]]:
    """Return the arms of a dial by false-negative, then by false-positive rate, both ascending.

    Arms that keep all that the verifier accepts, with errors that do not depend on the text.
    """
    rows: dict[float, dict[float, str]] = {}
    for arm in r.config["arms"]:
        flip = arm["flip"] or {"false_positive": 0.0, "false_negative": 0.0, "pattern": None}
        plain = arm["memory"] == "replace" and arm["start"] == "previous"
        plain = plain and not (arm["real_fraction"] or arm["match"] or arm["share"])
        # A config has these two keys only where an arm uses them.
        plain = plain and not (arm.get("cap") or flip.get("persistent"))
        if arm["keep"] == "verified" and plain and not flip["pattern"]:
            row = rows.setdefault(float(flip["false_negative"]), {})
            row[float(flip["false_positive"])] = str(arm["name"])
    return {rate: dict(sorted(row.items())) for rate, row in sorted(rows.items())}


def boundary(r: Results, seed: int) -> dict[float, float]:
    """Return the J at which the rule's metric neither rises nor falls, by false-negative rate.

    J is that measured in round 1. Along a row of the dial the change from the base is made to fall
    with the false positives (isotonic regression), and its crossing of 0 found between two
    neighbours. A row without a crossing is left out.
    """
    from scipy.optimize import isotonic_regression

    found = {}
    for rate, row in dial(r).items():
        arms = list(row.values())
        changes = [-degradation(r, seed, arm) for arm in arms]
        levels = [r.at(seed, arm, "J", 1) for arm in arms]
        if len(arms) < 2 or not all(map(math.isfinite, (*changes, *levels))):
            continue
        fitted = [float(y) for y in isotonic_regression(changes, increasing=False).x]
        for i in range(len(arms) - 1):
            if fitted[i] >= 0 > fitted[i + 1]:
                share = fitted[i] / (fitted[i] - fitted[i + 1])
                found[rate] = levels[i] + share * (levels[i + 1] - levels[i])
    return found


def distance(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return the mean |J| of the measured boundary: theory puts it at J = 0 (2601.04411).

    Over the false-negative rates whose row crosses it; nan where none does. Noise alone makes it
    larger than 0: the page shows J itself, with its sign, for each row.
    """
    found = boundary(main, seed)
    return sum(map(abs, found.values())) / len(found) if found else math.nan


def damage_beyond_channel(_: Quantity, seed: int, main: Results, __: Sequence[Results]) -> float:
    """Return the damage of retrained transcripts, less what the channel alone would make of it.

    Both are shares. The damage is 0 where transcripts are as good as the clean text, and 1 where
    they are as bad as the model's own samples. The channel's is the share of a character's
    information that the recording has lost (`rlvr.tasks.recordings.information`): nothing of it is
    fitted. nan where one of the three arms is missing, or clean text is no better than own samples.
    """
    arms = {
        "own": [one for one in main.config["arms"] if _writes(one, "model", "all")],
        "clean": [one for one in main.config["arms"] if _writes(one, "model", "real")],
        "heard": [one for one in main.config["arms"] if _writes(one, "retrained", "all")],
    }
    if not all(arms.values()):
        return math.nan
    worse = {name: degradation(main, seed, str(found[0]["name"])) for name, found in arms.items()}
    span = worse["own"] - worse["clean"]
    task = main.config["task"]
    channel = {name: task[name] for name in ("noise", "silent") if name in task}
    lost = 1 - recordings.information(**channel)
    return (worse["heard"] - worse["clean"]) / span - lost if span > 0 else math.nan


def _writes(arm: Mapping[str, Any], author: str, keep: str) -> bool:
    return bool(arm["author"] == author and arm["keep"] == keep and arm["memory"] == "replace")


# What looks at several models or runs, or at arms of a kind; `rlvr.results.conditions` has the
# rest.
FUNCTIONS: Mapping[str, Callable[[Quantity, int, Results, Sequence[Results]], float]] = {
    "slope": over_models,
    "fraction_needed": fraction_needed,
    "distance": distance,
    "knowledge_lost": knowledge_lost,
    "damage_beyond_channel": damage_beyond_channel,
    "gain_over_models": gain_over_models,
    "loss_over_models": loss_over_models,
    "threshold_over_line": threshold_over_line,
    "law_error": law_error,
    "boundary_gap": boundary_gap,
}
