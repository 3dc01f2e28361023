"""Forecast: whether a loop will grow, and how good its verifier must be (`rlvr forecast`).

`forecast` says of each arm of a config how far its accuracy will move, by the law of docs/law.md,
with an interval for the mean over the config's seeds; and which false-positive rate its verifier
may have. It is a simulation of DRAWS runs, the same at every call. Uncertain are the constants, how
seeds differ, the verifier's rates, and what is measured.

The constants are those that are calibrated (`rlvr.statistics.law`), in the range that they are
calibrated in, or a pilot's. `rlvr.results.forecast_tables` prints it. What it does not do: run
anything, or predict arms whose filter has no rates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlvr.config import Config, resolved
from rlvr.data import InputError
from rlvr.records.added import counted
from rlvr.records.layout import BASE
from rlvr.results.compare import read_results
from rlvr.results.effects import Results
from rlvr.results.law_runs import (
    ACCURACY,
    SFT,
    Filter,
    as_it_is,
    bases_of,
    filters,
    known_of,
    observed,
    settings_of,
)
from rlvr.results.plan import check_same, fresh_seeds
from rlvr.statistics import law
from rlvr.statistics.estimates import MIN_SEEDS, Outcome, decide
from rlvr.statistics.law import DRAWS, Array, Known

SLACK = 0.03  # by so much a base accuracy may lie outside of the calibrated ones
Draw = Callable[[np.random.Generator], Array]


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate of the verifier: what it is taken to be, its 95 % interval, and how it is drawn."""

    value: float
    low: float
    high: float
    draw: Draw


@dataclass(frozen=True, slots=True)
class Verifier:
    """The verifier's rates, and where they are from."""

    tpr: Rate
    fpr: Rate
    source: str


@dataclass(frozen=True, slots=True)
class Told:
    """What is predicted of an arm: the change of accuracy, mean over the seeds, with its interval.

    `rows`: how many the first round will keep. `growth`, `collapse`: in which share of the
    simulated runs it changes by the margin or more. `why`: why there is no forecast, else "".
    """

    arm: str
    filter: Filter
    rows: float
    change: float
    low: float
    high: float
    growth: float
    collapse: float
    outcome: Outcome | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """From where a loop starts: the accuracy as the verifier judges it, and as it is.

    `apart`: the standard deviation between seeds. `source`: where it is from.
    """

    judged: float
    base: float
    apart: float
    source: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """A forecast.

    `boundary`, `needed`: false-positive rates with 95 % intervals; up to the first the accuracy
    does not fall, up to the second it gains the margin in these rounds.
    """

    config: Config
    rounds: int
    verifier: Verifier
    start: Start
    arms: tuple[Told, ...]
    boundary: tuple[float, float, float]
    needed: tuple[float, float, float]
    constants_from: str
    piloted: bool
    notes: tuple[str, ...]


# --- what is given ---------------------------------------------------------------------------


def exactly(text: str, option: str) -> Rate:
    """Read a rate: `0.9`, or `0.85-0.95` for its 95 % interval.

    Raises InputError for what is neither.
    """
    try:
        ends = float(text), float(text)  # 1e-3, too, has a dash
    except ValueError:
        low, _, high = text.partition("-")
        try:
            ends = float(low), float(high)
        except ValueError:
            ends = (1.0, 0.0)
    if not 0 <= ends[0] <= ends[1] <= 1:
        raise InputError(f"{option} {text}: write a share from 0 to 1, or its interval: 0.85-0.95")
    middle, sd = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / (2 * 1.96)

    def draw(rng: np.random.Generator) -> Array:
        return np.clip(rng.normal(middle, sd, DRAWS), 0, 1)

    return Rate(middle, *ends, draw)


def audited(path: Path) -> Verifier:
    """Read the rates of a verifier from what `rlvr audit -o FILE` wrote.

    They are drawn from Jeffreys' posterior: Beta(k + 1/2, n - k + 1/2) for k accepted of n, which
    are as many as independent ones where several answers to a problem were labelled. Raises
    InputError where the file is none of these, or has only right or only wrong answers.
    """
    try:
        figures = json.loads(path.read_text())["all"]
        tpr, fpr = (_counted(figures[rate]) for rate in ("tpr", "fpr"))
    except OSError as failure:
        raise InputError(f"--audit {path}: {failure.strerror}") from failure
    except (ValueError, KeyError, TypeError) as failure:
        raise InputError(
            f"--audit {path}: no audit with both rates: write one: rlvr audit VERIFIER -o {path}"
        ) from failure
    return Verifier(tpr, fpr, str(path))


def _counted(side: Mapping[str, Any]) -> Rate:
    rate, decided = float(side["rate"]), float(side.get("effective", side["decided"]))
    accepted = rate * decided

    def draw(rng: np.random.Generator) -> Array:
        return rng.beta(accepted + 0.5, decided - accepted + 0.5, DRAWS)

    low, high = map(float, side["ci95"])
    return Rate(rate, low, high, draw)


def faultless() -> Verifier:
    """Return the rates of a verifier without errors."""
    return Verifier(exactly("1", ""), exactly("0", ""), "as if it made no errors but the arms' own")


# --- the forecast ----------------------------------------------------------------------------


def forecast(
    config: Config, where: str, verifier: Verifier, pilot: Path | None, rounds: int
) -> Forecast:
    """Return the forecast of a config, which stands at `where`.

    Raises InputError where the config lies outside of what is calibrated and there is no pilot, for
    a pilot of another config, and where the accuracy to start from is not known.
    """
    plain = resolved(config)
    run = None
    if pilot is not None:
        check_same(pilot, config, where)
        run = read_results(pilot)
    rates = (verifier.tpr.value, verifier.fpr.value)
    of = {arm: one for arm, one in filters(plain, *rates).items() if one.learner == SFT}
    if not of:
        raise InputError(
            f"{where}: arms: none that the law is about: it needs one with keep: verified or all "
            "that is fine-tuned on what it keeps"
        )
    if rates[0] <= rates[1]:
        raise InputError(
            f"{where}: a verifier with TPR {rates[0]:g} and FPR {rates[1]:g} accepts wrong answers "
            "as readily as right ones: no loop grows by it; take another verifier"
        )
    start = _start(config, where, run, rates)
    outside = outside_of_calibration(plain, start.base)
    if outside and run is None:
        raise InputError(
            f"{where}: no forecast without a pilot: {'; '.join(outside)}. A pilot of a round or "
            f"two tells the constants here: rlvr run {where} {fresh_seeds(config)} rounds=2 --out "
            "PILOT, then give --pilot PILOT"
        )
    known, constants_from = _known(plain, start.base, run, rates)
    setting = _Setting(known, start, verifier, rounds, config, run is not None)
    rng = np.random.default_rng(0)
    constants = law.drawn(known, DRAWS, len(config.seeds), rng).mean(axis=1)
    sampling = law.Sampling(config.generate.prompts, config.generate.samples)
    tprs = verifier.tpr.draw(rng)
    ends = [
        _interval(law.boundary("law", constants, start.base, tprs, sampling, *asked))
        for asked in ((1, 0.0), (rounds, config.verdict.margin))
    ]
    return Forecast(
        config=config,
        rounds=rounds,
        verifier=verifier,
        start=start,
        arms=tuple(_told(arm, one, setting) for arm, one in of.items()),
        boundary=ends[0],
        needed=ends[1],
        constants_from=constants_from,
        piloted=run is not None,
        notes=tuple(_notes(config, rounds, outside, of)),
    )


@dataclass(frozen=True, slots=True)
class _Setting:
    known: Known
    start: Start
    verifier: Verifier
    rounds: int
    config: Config
    piloted: bool


def _start(config: Config, where: str, run: Results | None, rates: tuple[float, float]) -> Start:
    if run is not None:
        judged, source = run.mean(BASE, ACCURACY), f"the base of {run.folder}"
        bases = as_it_is(bases_of(run, run.seeds), *rates)
        apart = float(bases.std(ddof=1)) if len(bases) > 1 else 0.0
    elif config.warm_start is not None and config.warm_start.until is not None:
        judged, source, apart = config.warm_start.until, "warm_start.until", 0.0
    else:
        raise InputError(
            f"{where}: warm_start.until: not set, so that the accuracy to start from is not known: "
            "set it, or give --pilot RUN"
        )
    base = float(as_it_is(judged, *rates))
    tpr, fpr = rates
    if 0 < judged < 1 and not fpr < judged < tpr:
        seen = judged * tpr + (1 - judged) * fpr
        raise InputError(
            f"{where}: the accuracy to start from is {judged:g} ({source}) as the verifier sees "
            f"it, and with TPR {tpr:g} and FPR {fpr:g} it sees more than {fpr:g} and less than "
            f"{tpr:g} of any model. If {judged:g} is meant to be the true accuracy, it sees "
            f"{seen:.3g}: "
            + ("take a pilot with this verifier" if run else f"give warm_start.until={seen:.3g}")
        )
    if not 0 < base < 1:
        raise InputError(
            f"{where}: the base accuracy is {base:g} ({source}): there is nothing to tell right "
            "from wrong by; warm the model up, or take an easier task"
        )
    return Start(judged, base, apart, source)


def outside_of_calibration(plain: Mapping[str, Any], base: float) -> list[str]:
    """Return in which ways a resolved config lies outside of what is calibrated, in words."""
    known, settings = law.calibrated(), settings_of(plain)
    found = [
        f"{key} is {_short(settings[key])}, calibrated is {_short(of)}"
        for key, of in known["settings"].items()
        if settings[key] != of
    ]
    bases = {float(rate): ends for rate, ends in known["range"]["bases"].items()}
    rate = float(plain["train"]["lr"])
    if rate not in bases:
        listed = ", ".join(f"{one:g}" for one in bases)
        return [*found, f"train.lr is {rate:g}, calibrated are {listed}"]
    low, high = bases[rate]
    if not low - SLACK <= base <= high + SLACK:
        found.append(
            f"the base accuracy is {base:.2f}, calibrated at train.lr {rate:g} is {low:.2f} to "
            f"{high:.2f}"
        )
    return found


def _short(value: Any) -> str:
    return json.dumps(value).replace('"', "")


def _known(
    plain: Mapping[str, Any], base: float, run: Results | None, rates: tuple[float, float]
) -> tuple[Known, str]:
    """Return what is known of the constants, and where it is from."""
    rate = float(plain["train"]["lr"])
    if run is None:
        made_from = law.calibrated()["made_from"]
        seeds = {seed for one in made_from for seed in one["seeds"]}
        source = f"{len(made_from)} runs of {len(seeds)} seeds (docs/law.md)"
        return known_of("law", rate, base), source
    told = f"{counted('seed', run.seeds)}, round {run.round}"
    source = f"a and b from {run.folder}, {told}; c and how seeds differ are the calibrated ones"
    return known_of("law", rate, base, observed([run], *rates)), source


def _told(arm: str, of: Filter, setting: _Setting) -> Told:
    """Return the forecast of an arm, with errors of its own on top of the verifier's."""
    start, config = setting.start, setting.config
    rows = float(of.sampling.rows(start.base, of.tpr, of.fpr))
    least, most = law.calibrated()["range"]["rows"]
    if rows < least or (rows > most and not setting.piloted):
        why = f"keeps {rows:,.0f} rows in round 1: calibrated are {least:,} to {most:,}"
        nan = float("nan")
        return Told(arm, of, rows, nan, nan, nan, nan, nan, None, why)
    rng = np.random.default_rng(0)
    seeds = len(config.seeds)
    bases = np.clip(rng.normal(start.base, start.apart, (DRAWS, seeds)), 0.01, 0.99)
    verifiers = [setting.verifier.tpr.draw(rng), setting.verifier.fpr.draw(rng)]
    tpr, fpr = of.given(*verifiers)
    changes = law.simulated(
        "law", setting.known, bases, tpr, fpr, of.sampling, setting.rounds, rng
    ).mean(axis=1)
    middle, low, high = _interval(changes)
    margin = config.verdict.margin
    return Told(
        arm=arm,
        filter=of,
        rows=rows,
        change=middle,
        low=low,
        high=high,
        growth=float((changes >= margin).mean()),
        collapse=float((changes <= -margin).mean()),
        outcome=decide(middle, low, high, margin, MIN_SEEDS),
    )


def _interval(draws: Array) -> tuple[float, float, float]:
    low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975])
    return float(middle), float(low), float(high)


def _notes(
    config: Config, rounds: int, outside: Sequence[str], of: Mapping[str, Filter]
) -> Iterator[str]:
    """Yield what else has to be known, a sentence each."""
    if outside:
        yield f"Outside of the calibration: {'; '.join(outside)}."
    most = law.calibrated()["range"]["rounds"]
    if rounds > most:
        yield (
            f"No run that it was calibrated on has more than {most} rounds: how far off it is "
            f"after {rounds} is not known."
        )
    repeating = [arm.name for arm in config.arms if arm.flip and arm.flip.persistent]
    if repeating:
        yield (
            f"{', '.join(repeating)}: errors that repeat are taken for independent ones. Where "
            "they refused right answers again and again, arms grew less (docs/law.md)."
        )
    left_out = [arm.name for arm in config.arms if arm.name not in of]
    if left_out:
        yield (
            f"Not predicted: {', '.join(left_out)}. The law is of arms that are fine-tuned on what "
            "a filter with known rates keeps of their samples."
        )
