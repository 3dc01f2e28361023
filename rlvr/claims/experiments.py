"""Claims: experiments with a rule stated beforehand, run or resumed, and what comes of the rule.

A claim is a config with a `claim` section, `configs/claims/*.yaml`. Its runs are ordinary run
folders under one folder: `main`, one a further model, one a point; beside them `claim.json`, the
page and its plot. `settle` is a pure function of the runs' records. What it does not do: draw
(`rlvr.claims.plots`) or write prose (`rlvr.claims.pages`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rlvr import config as config_
from rlvr.claims.forecasts import boundary_gap, law_error
from rlvr.config import ClaimConfig, Config
from rlvr.data import InputError, nearest
from rlvr.evaluate import table
from rlvr.evaluate.table import lower_is_better
from rlvr.models import loading
from rlvr.results.conditions import as_json as condition_json
from rlvr.results.conditions import difference, settle_in
from rlvr.results.effects import Results, plain
from rlvr.statistics.conditions import (
    Condition,
    Outcome,
    Quantity,
    Settled,
    Values,
    check,
    parse,
    settle,
    settled,
    slope,
    slope_weights,
)
from rlvr.tasks import recordings

Budget = Literal["smoke", "cpu"]
MAIN = "main"
SMOKE_NOTE = "a smoke run tests the machinery alone: its outcome says nothing about the claim"


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """A claim's file: its name among the shipped configs without the folder, and what it holds.

    A file may hold further claims, which the same runs settle.
    """

    name: str
    path: Path
    config: Config

    @property
    def claim(self) -> ClaimConfig:
        """The claim section, which is there."""
        assert self.config.claim is not None
        return self.config.claim


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a claim: outcome, controls, parts of the rule, and what is not there yet.

    `p`: how often chance alone would settle the claim so, one way or the other.
    """

    outcome: Outcome
    p: float
    controls: tuple[Settled, ...]
    rule: tuple[Settled, ...]
    refutes: tuple[Settled, ...]
    missing: tuple[str, ...]


def find(ids: Sequence[str]) -> list[Claim]:
    """Return the shipped claims of these ids (`C3`) or names (`c3_text`), or the claims in files.

    All shipped ones where none is given; an id may have several files. Raises InputError for what
    is none of these, and for a file without a claim section.
    """
    shipped = [
        _read(name.removeprefix("claims/"), path)
        for name, path in config_.shipped_configs().items()
        if name.startswith("claims/")
    ]
    found = [] if ids else shipped
    for given in ids:
        if given.endswith(".yaml"):
            found.append(_read(Path(given).stem, Path(given)))
            continue
        mine = [
            one
            for one in shipped
            if given.lower() in (one.name, *(rule.id.lower() for rule in one.claim.each()))
        ]
        if not mine:
            known = sorted({rule.id for one in shipped for rule in one.claim.each()})
            hint = nearest(given.upper(), known)
            listed = ", ".join(known)
            raise InputError(f"claims: no claim {given!r}{hint} (known: {listed}; or a .yaml file)")
        found += mine
    return list(dict.fromkeys(found))


def _read(name: str, path: Path) -> Claim:
    config = config_.load(path)
    if config.claim is None:
        raise InputError(f"{path}: claim: missing: add a claim section, as configs/claims/c2.yaml")
    return Claim(name, path, config)


def runs_of(claim: Claim, budget: Budget) -> dict[str, Config]:
    """Return the configs of a claim's runs by name: main, further models, points, with each model.

    The smoke budget lays the claim's smoke overrides over the main run and the first model, and
    leaves the rest out. Raises InputError where an override won't do.
    """
    section = claim.claim
    models_, smoke = section.models, list[str]()
    if budget == "smoke":
        models_, smoke = section.models[:1], section.smoke
    of_models = {model: [f"model={model}", *section.of_models.get(model, [])] for model in models_}
    runs = {MAIN: smoke} | {model: [*own, *smoke] for model, own in of_models.items()}
    if budget == "cpu":
        for point, overrides in section.points.items():
            called = _names(section, point)
            runs |= {called[MAIN]: overrides}
            runs |= {called[model]: [*own, *overrides] for model, own in of_models.items()}
    try:
        loaded = {name: config_.load(claim.path, overrides) for name, overrides in runs.items()}
    except InputError as failure:
        raise InputError(f"{failure} (an override of the claim's own)") from failure
    names = ["base", *(arm.name for arm in loaded[MAIN].arms)]
    for text in (text for rule in section.each() for text in conditions(rule)):
        try:
            check(parse(text), names, claim.config.rounds)
            _check_runs(parse(text), (MAIN, *section.points))
        except ValueError as failure:
            raise InputError(f"{claim.path}: claim: {failure}") from failure
    return loaded


def conditions(rule: ClaimConfig) -> list[str]:
    """Return all conditions of a claim."""
    return [*rule.controls, *rule.rule, *rule.refutes]


def _check_runs(condition: Condition, names: Sequence[str]) -> None:
    for run in condition.quantity.runs:
        if run not in names:
            hint, known = nearest(run, names), ", ".join(names)
            raise ValueError(f"{condition.text!r}: no run {run!r}{hint} (known: {known})")


def _names(section: ClaimConfig, point: str) -> dict[str, str]:
    """Return what the runs of a point are called, by the names of the claim's own."""
    return {MAIN: point} | {model: f"{point}-{model}" for model in section.models}


def at_point(
    section: ClaimConfig, point: str, runs: Mapping[str, Results]
) -> dict[str, Results] | None:
    """Return a point's runs under the names of the claim's own; None until all are there."""
    names = _names(section, point)
    if not all(name in runs for name in names.values()):
        return None
    return {own: runs[name] for own, name in names.items()}


def unfinished(section: ClaimConfig, runs: Mapping[str, Results]) -> list[str]:
    """Return what the rule rests on and is not there yet: runs, seeds and rounds, in words."""
    missing = []
    named = (run for text in section.rule for run in parse(text).quantity.runs)
    for name in dict.fromkeys((MAIN, *section.models, *named)):
        if name not in runs:
            missing.append(f"the run {name}")
        elif runs[name].absent or runs[name].round < runs[name].rounds:
            r = runs[name]
            missing.append(
                f"{name} after {len(r.seeds)} of {len(r.seeds) + len(r.absent)} seeds and round "
                f"{r.round} of {r.rounds}"
            )
    return missing


def settle_claim(section: ClaimConfig, runs: Mapping[str, Results]) -> Settlement:
    """Apply the claim's rule to its runs by name, of which "main" is there.

    Inconclusive where a run, a seed or a round is missing.
    """
    main = runs[MAIN]
    ladder = [main, *(runs[model] for model in section.models if model in runs)]

    def held(texts: Sequence[str]) -> tuple[Settled, ...]:
        found = []
        for condition in map(parse, texts):
            of_runs = [runs[name] for name in condition.quantity.runs if name in runs]
            found.append(hold(condition, main, of_runs or ladder, len(texts)))
        return tuple(found)

    controls, rule, refutes = held(section.controls), held(section.rule), held(section.refutes)
    outcome = settle(*([one.state for one in part] for part in (controls, rule, refutes)))
    missing = tuple(unfinished(section, runs))
    return Settlement(
        outcome="inconclusive" if missing else outcome,
        p=math.nan if missing else p_value(controls, rule, refutes),
        controls=controls,
        rule=rule,
        refutes=refutes,
        missing=missing,
    )


def p_value(
    controls: Sequence[Settled], rule: Sequence[Settled], refutes: Sequence[Settled] = ()
) -> float:
    """Return the p-value of a claim's outcome: at most 1 - confidence where there is one.

    To be supported, every control and every part of the rule must hold: the largest p of all (an
    intersection of tests: Berger 1982, Technometrics 24). To be refuted, every control must hold,
    and either every one of `refutes` (the largest p of all again), or, without these, one part of
    the rule must fail: the smallest part's p times the number of parts (Bonferroni). The smaller of
    the two, since both p-values are two-sided: a rule can't be found to hold and to fail. nan where
    a seed has no value, or with few seeds.
    """
    holds, fails = [one.p_holds for one in rule], [one.p_fails for one in rule]
    against = [one.p_holds for one in refutes]
    needed = [one.p_holds for one in controls]
    if any(map(math.isnan, (*needed, *holds, *fails, *against))):
        return math.nan
    refuted = max(against) if against else min(1.0, len(rule) * min(fails))
    return max(*needed, min(max(holds), refuted)) if needed else min(max(holds), refuted)


def elsewhere(section: ClaimConfig, runs: Mapping[str, Results]) -> dict[str, Outcome]:
    """Return what the rule says of each of the claim's points that has run with all its arms."""
    found = {point: at_point(section, point, runs) for point in section.points}
    there_too = section.model_copy(update={"rule": rule_at_point(section.rule)})
    texts = conditions(there_too)
    return {
        point: settle_claim(there_too, there).outcome
        for point, there in found.items()
        if there and all(has_arms(text, there[MAIN]) for text in texts)
    }


def rule_at_point(rule: Sequence[str]) -> list[str]:
    """Return the parts of a rule as they are applied to a point alone.

    A function of several runs, the main one among them, is that of the point's run; one of others
    is left out.
    """
    found = []
    for text in rule:
        quantity = parse(text).quantity
        if not quantity.runs:
            found.append(text)
        elif MAIN in quantity.runs:
            found.append(text.replace(quantity.text, f"{quantity.function}()"))
    return found


def as_json(
    claim: ClaimConfig, budget: Budget, settled: Settlement, runs: Mapping[str, Results]
) -> dict[str, Any]:
    """Return the content of claim.json: no times, no paths."""
    main = runs[MAIN]
    return {
        "elsewhere": elsewhere(claim, runs),
        "id": claim.id,
        "says": claim.says,
        "budget": budget,
        "note": SMOKE_NOTE if budget == "smoke" else "",
        "outcome": settled.outcome,
        "p": plain(settled.p),
        "missing": list(settled.missing),
        "controls": [condition_json(one) for one in settled.controls],
        "rule": [condition_json(one) for one in settled.rule],
        "refutes": [condition_json(one) for one in settled.refutes],
        "changes": claim.changes,
        "seeds": list(main.seeds),
        "config_hash": main.config_hash,
    }


# Quantities -------------------------------------------------------------------------------------


def hold(condition: Condition, main: Results, ladder: Sequence[Results], parts: int = 1) -> Settled:
    """Hold a condition against the main run, or against several models or arms of a kind.

    A figure that is not there leaves it open, such as `lucky` where no answer is right. Raises
    InputError for a name that no metric has.
    """
    quantity = condition.quantity
    known = {metric for _, _, _, metric in main.values}
    for term in quantity.terms:
        if term.metric not in known and not table.find(re.sub(r"\[.*", "", term.metric)).source:
            hint = nearest(term.metric, known)
            raise InputError(f"{main.name}: claim: {quantity.text!r}: no {term.metric!r}{hint}")
    function = FUNCTIONS.get(quantity.of or ("" if quantity.last else quantity.function))
    if function is None:
        return settle_in(condition, main, parts)
    rounds = range(main.round - quantity.last + 1, main.round + 1) if quantity.of else [main.round]
    weights = slope_weights(rounds) if quantity.of else [1.0]
    each = []
    for seed in main.seeds:
        if rounds[0] < 1:  # as a slope over rounds that were not there is unknown
            each.append(math.nan)
            continue
        by_round = [function(quantity, seed, _until(main, t), ladder) for t in rounds]
        each.append(math.fsum(w * x for w, x in zip(weights, by_round, strict=True)))
    return settled(condition, Values(each), main.confidence, parts)


def _until(r: Results, round_: int) -> Results:
    """Return a run as if this round were the compared one."""
    return r if round_ == r.round else replace(r, round=round_)


def has_arms(text: str, r: Results) -> bool:
    """Return whether a run has every arm that a condition names."""
    return all(term.arm in ("base", *r.arms) for term in parse(text).quantity.terms)


def over_models(quantity: Quantity, seed: int, _: Results, ladder: Sequence[Results]) -> float:
    """Return the least-squares slope of a quantity per decade of parameters, over the models.

    Rounds, steps and rows are equal over the models, so a decade of parameters is a decade of
    training compute (6 x parameters x tokens: Kaplan 2001.08361, section 2.1). nan under two
    models.
    """
    points = [(log_parameters(r), difference(quantity, seed, r)) for r in ladder]
    known = [(x, y) for x, y in points if math.isfinite(y)]
    return slope([x for x, _ in known], [y for _, y in known])


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
    """Return by how much a threshold in size foretells a seed better than a line does.

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
    """Return log10 of the parameters of a run's model."""
    return math.log10(loading.weight_bytes(str(r.config["model"])) / 4)


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
    lost = 1 - recordings.information(task.get("noise", 0.05), task.get("silent", 0.05))
    return (worse["heard"] - worse["clean"]) / span - lost if span > 0 else math.nan


def _writes(arm: Mapping[str, Any], author: str, keep: str) -> bool:
    return bool(arm["author"] == author and arm["keep"] == keep and arm["memory"] == "replace")


# What looks at several models or runs, or at arms of a kind; `rlvr.results.conditions` has the
# rest.
FUNCTIONS: Mapping[str, Callable[[Quantity, int, Results, Sequence[Results]], float]] = {
    "slope": over_models,
    "fraction_needed": fraction_needed,
    "distance": distance,
    "damage_beyond_channel": damage_beyond_channel,
    "gain_over_models": gain_over_models,
    "loss_over_models": loss_over_models,
    "threshold_over_line": threshold_over_line,
    "law_error": law_error,
    "boundary_gap": boundary_gap,
}
