"""Plan: the seeds, problems and samples that a run needs, told from a pilot (`rlvr plan`).

A pilot is a run of the same config with fewer seeds or rounds. `read_pilot` takes from it the
variances of each primary arm (`rlvr.results.effects`) and what its rounds cost;
`rlvr.statistics.power` predicts the rest. Without a pilot, `recorded` gives what the recorded
runs of this repository would say. `rlvr.results.plan_tables` prints both.

What it does not do: run anything, or guess what another task, model or metric would give.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlvr.config import Config, filled, resolved
from rlvr.data import InputError
from rlvr.loop.ahead import hours_text
from rlvr.loop.local import workers_of
from rlvr.records import record
from rlvr.records.layout import BASE, CONFIG, TIMING
from rlvr.results.compare import primary_arms, read_config, read_results
from rlvr.results.effects import Effect, Floor, Results, effect_of
from rlvr.statistics.estimates import MIN_SEEDS
from rlvr.statistics.power import Rule, Size, Spread

RECORDED = Path(__file__).parents[2] / "docs" / "results"  # of a checkout; not installed
# The keys in which a pilot may differ from the run that is planned.
FREE = re.compile(
    r"(name|seeds|rounds|threads|checkpoints|claim|evaluate\.(problems|samples|k)|"
    r"verdict\.(margin|confidence|primary))(\..*)?"
)
FIRST = ("model", "task", "verdict")  # named before others
PILOT_FROM = 100  # the first seed that is proposed for a pilot


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run says of an arm against its base: the effect, its variances, and their source.

    `samples_known`: whether the samples' part of the measurement error is told from the problems'.
    """

    arm: str
    effect: Effect
    spread: Spread
    samples_known: bool

    @property
    def floor(self) -> Floor:
        """What the measurement error was taken from."""
        return self.effect.floor


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that one worker takes: of a seed's base and of a round of all arms.

    `evaluating` is what evaluation has of each; it grows with problems and samples, of `size`.
    """

    size: Size
    base: float
    round: float
    evaluating_base: float
    evaluating_round: float

    def hours(self, size: Size, rounds: int) -> float:
        """Return the hours that a run of `size` takes one worker."""
        asked = size.problems * (size.samples + 1)  # the greedy one too
        more = asked / (self.size.problems * (self.size.samples + 1)) - 1
        base = self.base + more * self.evaluating_base
        each = self.round + more * self.evaluating_round
        return size.seeds * (base + rounds * each) / 3600


@dataclass(frozen=True, slots=True)
class Pilot:
    """A pilot, and the run that is planned from it. `at_once`: units made at once."""

    run: Results
    config: Config
    arms: tuple[Measured, ...]
    rule: Rule
    size: Size
    cost: Cost | None
    at_once: int

    def hours(self, size: Size) -> float:
        """Return the hours that a run of `size` takes on this machine, nan where unknown."""
        if self.cost is None:
            return math.nan
        return self.cost.hours(size, self.config.rounds) / self.at_once


def read_pilot(folder: Path, config: Config, where: str) -> Pilot:
    """Read the pilot of a config, which stands at `where`.

    Raises InputError for a run of another config, naming the keys that differ, and for one from
    which no deviation can be told.
    """
    check_same(folder, config, where)
    r = read_results(folder)
    r = replace(r, round=min(r.round, config.rounds))
    rule = rule_of(config)
    found = [measured(r, arm, config.verdict.metric) for arm in primary(config)]
    arms = tuple(_with_fewer(of, config.evaluate.samples) for of in found)
    return Pilot(
        run=r,
        config=config,
        arms=arms,
        rule=rule,
        size=size_of(config),
        cost=read_cost(r.folder, config),
        at_once=at_once(config),
    )


def fresh_seeds(config: Config) -> str:
    """Return an override that gives a pilot as many seeds as it needs, none of them the run's."""
    free = (seed for seed in itertools.count(PILOT_FROM) if seed not in config.seeds)
    return f"'seeds=[{','.join(map(str, itertools.islice(free, MIN_SEEDS)))}]'"


def check_seeds(folder: Path | None, config: Config, where: str) -> None:
    """Raise InputError where the config or its pilot, if there is one, has too few seeds."""
    wrong = []
    if len(config.seeds) < 2:
        wrong.append(f"{where}: seeds: a plan needs two or more: add 'seeds=[0,1,2]'")
    if folder is not None and len(read_results(folder).seeds) < 2:
        wrong.append(
            f"{folder}: a pilot of 1 seed says nothing of how seeds differ: run it with "
            f"{MIN_SEEDS}: rlvr run {where} {fresh_seeds(config)} --out FOLDER"
        )
    if wrong:
        raise InputError("; ".join(wrong))


def rule_of(config: Config) -> Rule:
    """Return what the config's verdict asks for."""
    verdict = config.verdict
    return Rule(verdict.margin, verdict.confidence, len(primary(config)))


def primary(config: Config) -> tuple[str, ...]:
    """Return the arms that the rule of a config is about."""
    arms = [arm.name for arm in config.arms]
    return primary_arms(Path(config.name), config.verdict.primary, arms)


def size_of(config: Config) -> Size:
    """Return how large a config's run is."""
    return Size(len(config.seeds), config.evaluate.problems, config.evaluate.samples)


def differing(recorded: Mapping[str, Any], config: Config) -> list[str]:
    """Return the keys, but for the FREE ones, in which a recorded config differs, with values.

    Of its arms those are compared that the config has.
    """
    old, new = (_deciding(one) for one in (filled(dict(recorded)), resolved(config)))
    arms = {key for key in old if key.startswith("arms.")} - new.keys()
    keys = [key for key in sorted((old.keys() | new.keys()) - arms) if not FREE.fullmatch(key)]
    keys.sort(key=lambda key: not key.startswith(FIRST))
    return [
        f"{key} ({old.get(key)} -> {new.get(key)})" for key in keys if old.get(key) != new.get(key)
    ]


def _deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys and values of what decides a config's figures, its arms by name."""
    arms = {str(arm["name"]): arm for arm in config["arms"]}
    return record.flat({**record.deciding(config), "arms": arms})


def check_same(folder: Path, config: Config, where: str) -> None:
    """Raise InputError where `folder` is no run of this config, naming the keys that differ."""
    recorded, _ = read_config(folder)
    if found := differing(recorded, config):
        raise InputError(
            f"{folder / CONFIG}: no pilot of {where}; differing: {', '.join(found[:8])}: give the "
            f"run of that config, or run one: rlvr run {where} {fresh_seeds(config)} --out FOLDER"
        )


def measured(r: Results, arm: str, metric: str) -> Measured:
    """Return what a run says of an arm's metric against its base.

    Raises InputError where fewer than two seeds have it, or where nothing deviates.
    """
    effect = effect_of(r, arm, BASE, metric, metric)
    deltas, parts = effect.deltas, effect.variances
    if len(deltas) < 2:
        raise InputError(f"{r.folder}: {metric} of {arm}: fewer than 2 seeds have a figure")
    mean = math.fsum(deltas) / len(deltas)
    observed = math.fsum((one - mean) ** 2 for one in deltas) / (len(deltas) - 1)
    if observed + parts.within <= 1e-24:
        raise InputError(
            f"{r.folder}: {metric} of {arm}: all seeds changed alike, and no measurement error is "
            "known: nothing to plan by; run a pilot of more problems"
        )
    evaluated = r.config["evaluate"]
    size = Size(len(deltas), int(evaluated["problems"]), int(evaluated["samples"]))
    sample = _one_sample(r, arm, metric)
    spread = Spread(size, observed, parts.within, parts.shared, sample or 0.0)
    return Measured(arm, effect, spread, sample is not None and parts.within > 0)


def _with_fewer(of: Measured, samples: int) -> Measured:
    """Return what a pilot says where `samples` are planned, and their part may be unknown.

    With fewer than the pilot has, all of the measurement error is then taken for the samples'. Of
    pass@1 that is the most that it can grow.
    """
    spread = of.spread
    if of.samples_known or samples >= spread.size.samples:
        return of
    whole = spread.within * spread.size.samples * spread.size.problems
    return replace(of, spread=replace(spread, sample=whole))


def _one_sample(r: Results, arm: str, metric: str) -> float | None:
    """Return the variance that one sample gives a problem's difference, mean over the problems.

    Of pass@1 it is p (1 - p) of both sides, whose mean is pass@2 - pass@1. None where that is not
    recorded, and for metrics that are no mean over samples. 0 of what has no samples.
    """
    if metric in ("greedy", "real_nll"):
        return 0.0
    if metric != "pass@1":
        return None
    sides = [r.mean(side, "pass@2") - r.mean(side, "pass@1") for side in (arm, BASE)]
    return max(0.0, sum(sides)) if all(map(math.isfinite, sides)) else None


def read_cost(folder: Path, config: Config) -> Cost | None:
    """Return what the rounds of a run took, from its timing.parquet.

    None where that is not there, or has not every arm of the config.
    """
    if not (folder / TIMING).is_file():
        return None
    recorded, _ = read_config(folder)
    table = record.read_table(folder / TIMING).to_pandas()
    each = table.groupby(["arm", "stage", "seed", "round"])["seconds"].sum()
    means = each.groupby(["arm", "stage"]).mean()
    arms = [arm.name for arm in config.arms]
    if any((arm, "round") not in means for arm in (BASE, *arms)):
        return None
    evaluated = recorded["evaluate"]
    return Cost(
        size=Size(1, int(evaluated["problems"]), int(evaluated["samples"])),
        base=float(means[BASE, "round"]),
        round=sum(float(means[arm, "round"]) for arm in arms),
        evaluating_base=float(means.get((BASE, "evaluate"), 0.0)),
        evaluating_round=sum(float(means.get((arm, "evaluate"), 0.0)) for arm in arms),
    )


def time_said(config: Config, folder: Path, where: str) -> str:
    """Return how long a run into `folder` will take on this machine, as a dry run says it.

    By the last run, in this folder or beside it, of the same config but for what a pilot may have
    otherwise. Where there is none, the command that measures it: the config stands at `where`.
    """
    beside = folder.absolute().parent.glob(f"*/{TIMING}")
    for path in sorted(beside, key=lambda path: path.stat().st_mtime, reverse=True):
        run = path.parent
        try:
            other = differing(read_config(run)[0], config)
            cost = None if other else read_cost(run, config)
        except InputError:  # no run, or one that can't be read
            continue
        if cost is not None:
            hours = cost.hours(size_of(config), config.rounds) / at_once(config)
            return f"about {hours_text(hours)}, as the rounds in {run.name} took"
    if Path(where).is_dir():  # a run folder, which `rlvr check` does not take
        return "not known: no run of this config lies beside it"
    return (
        "no run of this config lies beside it; to measure it now: "
        f"rlvr check {where} --sample 20, with the same overrides"
    )


def at_once(config: Config) -> int:
    """Return how many units are made at once on this machine; of a cluster 1, as it is unknown."""
    return workers_of(config) if config.executor == "local" else 1


def recorded(config: Config) -> Iterator[tuple[str, Measured]]:
    """Yield the primary arms of the recorded runs that have the config's metric, with a run's name.

    Nothing where the recorded runs are not beside the package: they are not installed with it.
    """
    for path in sorted(RECORDED.glob(f"*/{CONFIG}")):
        r = read_results(path.parent)
        name = r.folder.name + ("" if differing(r.config, config) else ", this config")
        for arm in r.primary if len(r.seeds) >= MIN_SEEDS else ():
            if len(r.finite(arm, config.verdict.metric)) >= MIN_SEEDS:
                yield name, measured(r, arm, config.verdict.metric)
