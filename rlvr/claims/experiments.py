"""Claims: experiments with a rule stated beforehand, run or resumed, and what comes of the rule.

A claim is a config with a `claim` section, `configs/claims/*.yaml`. Its runs are ordinary run
folders under one folder: `main`, one a further model, one a point; beside them `claim.json`, the
page and its plot. `settle` is a pure function of the runs' records. What it does not do: draw
(`rlvr.claims.plots`) or write prose (`rlvr.claims.pages`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rlvr import config as config_
from rlvr.claims.quantities import FUNCTIONS
from rlvr.config import ClaimConfig, Config
from rlvr.data import InputError, nearest
from rlvr.evaluate import table
from rlvr.results.conditions import as_json as condition_json
from rlvr.results.conditions import settle_in
from rlvr.results.effects import Results, plain
from rlvr.statistics.conditions import (
    Condition,
    Outcome,
    Settled,
    Values,
    check,
    parse,
    settle,
    settled,
    slope_weights,
)

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
    named = (run for text in conditions(section) for run in parse(text).quantity.runs)
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
            named = condition.quantity.runs
            if not all(name in runs for name in named):
                unknown = Values([math.nan] * len(main.seeds))
                found.append(settled(condition, unknown, main.confidence))
                continue
            of_runs = [runs[name] for name in named]
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
    the two, since both p-values are two-sided: a rule can't be found to hold and to fail. A
    condition that nothing is known of, as a seed has no value, has neither held nor failed. nan
    where that is so of all.
    """
    every = (*controls, *rule, *refutes)
    if all(math.isnan(one.p_holds) and math.isnan(one.p_fails) for one in every):
        return math.nan
    needed, holds, against = (
        _known(one.p_holds for one in part) for part in (controls, rule, refutes)
    )
    fails = _known(one.p_fails for one in rule)
    refuted = max(against) if against else min(1.0, len(rule) * min(fails))
    return max([*needed, min(max(holds), refuted)])


def _known(found: Iterable[float]) -> list[float]:
    """Return p-values, 1 for what is not known."""
    return [1.0 if math.isnan(p) else p for p in found]


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
