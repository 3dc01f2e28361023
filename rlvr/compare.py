"""From a run's metrics to its verdicts, tables and plot.

`compare_run` is a pure function of `metrics.parquet` and `config.json`: equal files give an equal
`compare.json`, with no times and no paths. Every arm is paired with the base, and every arm with
every other, by seed. A metric by level is called `pass@1[LEVEL]`. `ci95` holds the interval at the
rule's confidence, which is 0.95 unless the config says otherwise. The verdict is on the rule's
metric alone; the intervals and p-values of all other metrics describe, and p_holm corrects for the
arms (or the pairs of arms), not for the number of metrics.

What it does not do: train, score, read completions, or judge a metric by whether higher is better.
"Growth" says that the rule's metric rose.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rlvr.data import InputError, nearest
from rlvr.record import write_json
from rlvr.stats import (
    MIN_SEEDS,
    TOLERANCE,
    Interval,
    Outcome,
    decide,
    holm,
    minimal_detectable_effect,
    paired_interval,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = ("seed", "arm", "round", "metric", "level", "value")
BEST_TEMPERATURE = "pass@1_best_temperature"
EXCLUDED = ("excluded_abstain", "excluded_error")
MEANS = ("survival", "real_nll", "distinct", "truncated", "no_answer", "tokens_per_completion")
COUNTS = ("kept", "shortfall", "train_steps", "train_tokens")
OUTCOME_STYLE = {"growth": "green", "collapse": "red"}

# The one place for colours: Okabe and Ito's palette, safe for colour-blind eyes, then Tol's muted.
ARM_COLOURS = {
    "verified": "#0072B2",
    "unfiltered": "#D55E00",
    "random": "#CC79A7",
    "real": "#009E73",
    "inverted": "#E69F00",
    "majority": "#56B4E9",
    "accumulate": "#882255",
}
NEXT_COLOURS = ("#332288", "#999933", "#44AA99", "#AA4499", "#DDCC77", "#117733")
BASE_COLOUR = "#555555"
MARKERS = "os^DvPX"


@dataclass(frozen=True, slots=True)
class Results:
    """A run as `compare` sees it: figures by (seed, arm, round, metric), base at round 0.

    `seeds` are those that finished at least one round in every arm, `absent` the others. `round` is
    the last round that all of `seeds` finished in every arm, out of `rounds`. `largest_k` is the
    name of pass@k at the largest k.
    """

    name: str
    config_hash: str
    metric: str
    margin: float
    confidence: float
    arms: tuple[str, ...]
    seeds: tuple[int, ...]
    absent: tuple[int, ...]
    round: int
    rounds: int
    largest_k: str
    values: Mapping[tuple[int, str, int, str], float]

    def at(self, seed: int, arm: str, metric: str, round: int | None = None) -> float:
        """Return a figure of `arm` at `round` (the compared one by default), nan if unknown."""
        if arm == "base":
            round = 0
        elif round is None:
            round = self.round
        return self.values.get((seed, arm, round, metric), math.nan)

    def finite(self, arm: str, metric: str) -> list[float]:
        """Return the figures of `arm` at the compared round, one per seed that has one."""
        return [x for s in self.seeds if math.isfinite(x := self.at(s, arm, metric))]


@dataclass(frozen=True, slots=True)
class Effect:
    """One metric of an arm against the base, or of one arm against another, paired by seed."""

    base: float
    final: float
    deltas: tuple[float, ...]
    interval: Interval
    p_holm: float


# Reading a run ----------------------------------------------------------------------------------


def load_run(run: Path) -> Results:
    """Read the two files of a run folder. Raises InputError that names the path and the mend."""
    config, config_hash = _read_config(run)
    values = _read_metrics(run / "metrics.parquet")
    verdict = config["verdict"]
    metric = str(verdict["metric"])
    arms = tuple(str(arm["name"]) for arm in config["arms"])
    rounds = int(config["rounds"])
    recorded = {key[:3] for key in values}
    finished = {seed: _finished_rounds(recorded, seed, arms, rounds) for seed in config["seeds"]}
    seeds = tuple(seed for seed, done in finished.items() if done)
    if not seeds:
        raise InputError(
            f"{run}/metrics.parquet: no seed has finished a round in every arm; "
            "resume the run with the `rlvr run` command that began it"
        )
    metrics = {key for _, _, _, key in values}
    if metric not in metrics:
        hint = nearest(metric, metrics)
        raise InputError(
            f"{run}/config.json: verdict.metric: {metric!r} is not among the run's metrics{hint}"
        )
    ks = [int(k) for k in config["evaluate"]["k"]]
    return Results(
        name=str(config["name"]),
        config_hash=config_hash,
        metric=metric,
        margin=float(verdict["margin"]),
        confidence=float(verdict["confidence"]),
        arms=arms,
        seeds=seeds,
        absent=tuple(seed for seed in finished if seed not in seeds),
        round=min(finished[seed] for seed in seeds),
        rounds=rounds,
        largest_k=f"pass@{max(ks)}" if ks else "pass@1",
        values=values,
    )


def _read_config(run: Path) -> tuple[dict[str, Any], str]:
    path = run / "config.json"
    mend = "give a folder that `rlvr run` wrote"
    if not path.is_file():
        raise InputError(f"{run}: not a run folder, it holds no config.json; {mend}")
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        config, config_hash = saved["config"], str(saved["hash"])
        needed = ("name", "arms", "seeds", "rounds", "evaluate", "verdict")
        missing = [key for key in needed if key not in config]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not the config of a run ({error!r}); {mend}") from None
    if missing:
        raise InputError(f"{path}: {missing[0]}: missing; {mend}")
    return config, config_hash


def _read_metrics(path: Path) -> dict[tuple[int, str, int, str], float]:
    if not path.is_file():
        raise InputError(
            f"{path}: missing, no round has finished yet; "
            "resume the run with the `rlvr run` command that began it"
        )
    mend = "delete it and resume the run: it is written anew"
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: can't be read ({reason}); {mend}") from None
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(f"{path}: {missing[0]}: column missing; {mend}")
    columns = table.select(list(COLUMNS)).to_pydict()
    values = {}
    for seed, arm, round, metric, level, value in zip(*columns.values(), strict=True):
        key = metric if level == "all" else f"{metric}[{level}]"
        values[(seed, arm, round, key)] = math.nan if value is None else value
    if len(values) != len(columns["seed"]):
        raise InputError(f"{path}: holds a figure twice; {mend}")
    return values


def _finished_rounds(
    recorded: Set[tuple[int, str, int]], seed: int, arms: Sequence[str], rounds: int
) -> int:
    """Return how many rounds, from the first, `seed` has finished in every arm; 0 without base.

    A round is recorded whole or not at all, so any figure of it says that it is finished.
    """
    if (seed, "base", 0) not in recorded:
        return 0
    done = 0
    while done < rounds and all((seed, arm, done + 1) in recorded for arm in arms):
        done += 1
    return done


# From figures to verdicts -----------------------------------------------------------------------


def compare_run(run: Path) -> dict[str, Any]:
    """Return the content of `compare.json` (design, section 5) for a run folder.

    Undefined figures are None. Raises InputError when `run` is no run folder or no round has
    finished.
    """
    return _comparison(load_run(run))


def write_compare(run: Path) -> Path:
    """Write `compare.json` into the run folder, atomically; return its path.

    Raises like `compare_run`.
    """
    path = run / "compare.json"
    write_json(path, compare_run(run))
    return path


def _comparison(r: Results) -> dict[str, Any]:
    metrics = sorted({key for _, arm, _, key in r.values if arm in r.arms})
    arms: dict[str, dict[str, Any]] = {arm: {} for arm in r.arms}
    contrasts: dict[str, dict[str, Any]] = {f"{a}-{b}": {} for a, b in combinations(r.arms, 2)}
    for metric in metrics:
        for arm, effect in _arm_effects(r, metric).items():
            arms[arm][metric] = {
                "base": _plain(effect.base),
                "final": _plain(effect.final),
                **_interval_json(effect),
                "seeds": len(effect.deltas) or len(r.finite(arm, metric)),
            }
        for (a, b), effect in _contrast_effects(r, metric).items():
            contrasts[f"{a}-{b}"][metric] = _interval_json(effect)
    effects = _arm_effects(r, r.metric)
    verdicts = {arm: _outcome(r, effect) for arm, effect in effects.items()}
    return {
        "rule": _rule(r),
        "arms": arms,
        "contrasts": contrasts,
        "verdicts": verdicts,
        "why": {arm: _why(r, arm, effects[arm], verdicts[arm]) for arm in r.arms},
    }


def _rule(r: Results) -> dict[str, Any]:
    text = (
        f"growth if {r.metric} rises by at least {r.margin:g} and the interval excludes 0; "
        f"collapse if it falls so; no effect if the interval lies within +-{r.margin:g}; "
        f"else, and with fewer than {MIN_SEEDS} seeds, inconclusive"
    )
    return {
        "metric": r.metric,
        "margin": r.margin,
        "confidence": r.confidence,
        "interval": "Student t over the seeds' paired deltas",
        "text": text,
        "config_hash": r.config_hash,
        "seeds": list(r.seeds),
        "seeds_left_out": list(r.absent),
        "round": r.round,
        "rounds": r.rounds,
    }


def _arm_effects(r: Results, metric: str) -> dict[str, Effect]:
    """Return each arm against the base, Holm over the arms."""
    effects = [_effect(r, arm, "base", metric, metric) for arm in r.arms]
    return dict(zip(r.arms, _with_holm(effects), strict=True))


def _contrast_effects(r: Results, metric: str) -> dict[tuple[str, str], Effect]:
    """Return the first of each pair of arms against the second, Holm over the pairs."""
    pairs = list(combinations(r.arms, 2))
    effects = [_effect(r, a, b, metric, metric) for a, b in pairs]
    return dict(zip(pairs, _with_holm(effects), strict=True))


def _effect(r: Results, arm: str, other: str, metric: str, other_metric: str) -> Effect:
    """Return `metric` of `arm` minus `other_metric` of `other` over the seeds that have both.

    Where `other` has no figure at all, as the base has none for rows kept, only `final` is defined.
    """
    both = [(r.at(s, arm, metric), r.at(s, other, other_metric)) for s in r.seeds]
    pairs = [(a, b) for a, b in both if math.isfinite(a) and math.isfinite(b)]
    deltas = tuple(a - b for a, b in pairs)
    return Effect(
        base=_mean([b for _, b in pairs]),
        final=_mean([a for a, _ in pairs] if pairs else r.finite(arm, metric)),
        deltas=deltas,
        interval=paired_interval(deltas, r.confidence),
        p_holm=math.nan,
    )


def _with_holm(effects: Sequence[Effect]) -> list[Effect]:
    adjusted = holm([effect.interval.p for effect in effects])
    return [replace(effect, p_holm=p) for effect, p in zip(effects, adjusted, strict=True)]


def _outcome(r: Results, effect: Effect) -> Outcome:
    i = effect.interval
    return decide(i.delta, i.low, i.high, r.margin, len(effect.deltas))


def _worst_case(r: Results, arm: str, other: str) -> tuple[Effect, Effect] | None:
    """Return the effect with the excluded completions counted against `arm`, then for it.

    Against: wrong in `arm` and right in `other`; for: the reverse. None where nothing is excluded.
    """
    if not _excluded(r, arm) + _excluded(r, other):
        return None
    low, high = f"{r.metric}_low", f"{r.metric}_high"
    against, favour = _effect(r, arm, other, low, high), _effect(r, arm, other, high, low)
    return (against, favour) if against.deltas and favour.deltas else None


def _excluded(r: Results, arm: str) -> int:
    """Return the evaluation completions of `arm` without a verdict, over all seeds."""
    return sum(int(x) for metric in EXCLUDED for x in r.finite(arm, metric))


def _interval_json(effect: Effect) -> dict[str, Any]:
    i = effect.interval
    return {
        "delta": _plain(i.delta),
        "ci95": [_plain(i.low), _plain(i.high)],
        "p_holm": _plain(effect.p_holm),
    }


def _plain(x: float) -> float | None:
    """Return `x` to 12 significant digits, the same on every machine; None when undefined."""
    return float(f"{x:.12g}") if math.isfinite(x) else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan


# The sentences behind a verdict -----------------------------------------------------------------


def _why(r: Results, arm: str, effect: Effect, outcome: Outcome) -> str:
    parts = [f"{outcome.capitalize()}: {_figures(r, effect)}; {_reason(r, effect, outcome)}"]
    if outcome in ("growth", "collapse") and effect.p_holm > 1 - r.confidence:
        parts.append(f"Holm's p over the {len(r.arms)} arms does not pass {1 - r.confidence:.2g}")
    if outcome == "growth" and r.metric.startswith(("pass@", "greedy")):
        parts += _growth_kind(r, arm)
    parts += _excluded_sentence(r, arm)
    return ". ".join([*parts, _power(r, effect)]) + "."


def _figures(r: Results, effect: Effect) -> str:
    i, n = effect.interval, len(effect.deltas)
    seeds = f"{n} seed{'' if n == 1 else 's'}"
    if not n:
        return f"{r.metric} has no figure in both the base and the arm"
    text = f"{r.metric} {_number(effect.base)} -> {_number(effect.final)}, delta {_signed(i.delta)}"
    if math.isnan(i.low):
        return f"{text} ({seeds}, so no interval)"
    return (
        f"{text} ({_percent(r)} interval {_span(i.low, i.high)}, "
        f"Holm p {_p_value(effect.p_holm)}, {seeds})"
    )


def _reason(r: Results, effect: Effect, outcome: Outcome) -> str:
    i = effect.interval
    if outcome == "growth":
        return f"it rises by at least the margin {r.margin:g} and the interval excludes 0"
    if outcome == "collapse":
        return f"it falls by at least the margin {r.margin:g} and the interval excludes 0"
    if outcome == "no effect":
        return f"the interval lies within +-{r.margin:g}"
    if len(effect.deltas) < MIN_SEEDS:
        return f"the rule asks for at least {MIN_SEEDS} seeds"
    if i.low <= TOLERANCE and i.high >= -TOLERANCE:
        return f"the interval includes 0 and reaches beyond +-{r.margin:g}"
    return f"the delta is under the margin {r.margin:g} and the interval reaches beyond it"


def _growth_kind(r: Results, arm: str) -> list[str]:
    """Return whether growth is real or sharpening, and how it stands to the sharpened base.

    Real if greedy accuracy or pass@k at the largest k does not fall, in the mean over seeds
    (design, section 7).
    """
    deltas = {m: _effect(r, arm, "base", m, m).interval.delta for m in ("greedy", r.largest_k)}
    known = {m: delta for m, delta in deltas.items() if math.isfinite(delta)}
    held = [f"{m} ({_signed(delta)})" for m, delta in known.items() if delta >= -TOLERANCE]
    fell = [f"{m} ({_signed(delta)})" for m, delta in known.items() if delta < -TOLERANCE]
    if held:
        kind = f"The growth is real: {' and '.join(held)} did not fall"
    elif fell:
        kind = f"This is sharpening, not real growth: {' and '.join(fell)} fell"
    else:
        kind = f"Real or sharpening can't be told: neither greedy nor {r.largest_k} is recorded"
    sharp = _effect(r, arm, "base", "pass@1", BEST_TEMPERATURE)
    if not sharp.deltas:
        return [kind]
    return [
        kind,
        f"Against the base at its best temperature (pass@1 {_number(sharp.base)}) "
        f"pass@1 is {_signed(sharp.interval.delta)}",
    ]


def _excluded_sentence(r: Results, arm: str) -> list[str]:
    count = _excluded(r, arm) + _excluded(r, "base")
    if not count:
        return []
    cases = _worst_case(r, arm, "base")
    if cases is None:
        return [f"Excluded completions: {count}, with no worst case recorded for {r.metric}"]
    low, high = (case.interval.delta for case in cases)
    outcomes = list(dict.fromkeys(_outcome(r, case) for case in cases))
    verdict = f"{outcomes[0]} either way" if len(outcomes) == 1 else f"{' or '.join(outcomes)}"
    return [
        f"Excluded completions: {count}; counted against or for the arm, the delta is "
        f"{_span(low, high)} and the verdict {verdict}"
    ]


def _power(r: Results, effect: Effect) -> str:
    smallest = minimal_detectable_effect(effect.deltas, r.confidence)
    if math.isnan(smallest):
        return "Power: one seed can't tell any effect from 0"
    if smallest == 0:
        return "Power: the seeds' deltas are equal, so they can't say what effect would be missed"
    return (
        f"Power: with these {len(effect.deltas)} seeds an effect under {_number(smallest)} "
        "can't be told from 0 (it would be missed more than 1 time in 5)"
    )


# Figures as text --------------------------------------------------------------------------------


def _number(x: float) -> str:
    if not math.isfinite(x):
        return "-"
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3f}"


def _count(x: float) -> str:
    return f"{x:,.0f}" if math.isfinite(x) else "-"


def _signed(x: float) -> str:
    if not math.isfinite(x):
        return "-"
    return f"{x:+,.0f}" if abs(x) >= 100 else f"{x:+.3f}"


def _span(low: float, high: float) -> str:
    return f"{_signed(low)} to {_signed(high)}" if math.isfinite(low) else "-"


def _p_value(p: float) -> str:
    if math.isnan(p):
        return "-"
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _percent(r: Results) -> str:
    return f"{100 * r.confidence:g} %"


# Tables -----------------------------------------------------------------------------------------


def print_tables(runs: Sequence[Path], console: Console) -> None:
    """Print the tables of each run and, for several, one side by side.

    Raises like `compare_run`, before anything is printed.
    """
    loaded = [load_run(run) for run in runs]
    for r in loaded:
        _print_run(r, console)
    if len(loaded) > 1:
        _print_side_by_side(runs, loaded, console)


def _print_run(r: Results, console: Console) -> None:
    comparison = _comparison(r)
    console.print(f"[bold]{escape(r.name)}[/bold], {_progress(r)}", highlight=False)
    console.print(f"Rule: {escape(comparison['rule']['text'])}.", highlight=False)
    console.print(_verdict_table(r, comparison["verdicts"]))
    _print_best_temperature(r, console)
    tables = [_contrast_table(r), _summary_table(r)]
    if any(_excluded(r, arm) for arm in ("base", *r.arms)):
        tables.insert(0, _excluded_table(r))
    levels = sorted({key for _, _, _, key in r.values if key.startswith(f"{r.metric}[")})
    if levels:
        tables.append(_level_table(r, levels))
    for table in (*tables, _seed_table(r)):
        console.print()
        console.print(table)
    console.print()
    for arm, text in comparison["why"].items():
        console.print(f"[bold]{escape(arm)}[/bold]: {escape(text)}", highlight=False)
    console.print()


def _progress(r: Results) -> str:
    seeds = f"seed{'' if len(r.seeds) == 1 else 's'} {', '.join(map(str, r.seeds))}"
    if r.round == r.rounds and not r.absent:
        return f"{seeds}, {r.rounds} rounds"
    text = f"{seeds}, [yellow]incomplete: compared at round {r.round} of {r.rounds}[/yellow]"
    if r.absent:
        absent = ", ".join(map(str, r.absent))
        text += f", without seed {absent}: no round finished in every arm"
    return text


def _table(title: str, *columns: str) -> Table:
    """Return an empty table: the first column flush left, the others flush right."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None)
    for i, column in enumerate(columns):
        justify: Literal["left", "right"] = "right" if i else "left"
        fixed = column == "verdict"
        table.add_column(escape(column), justify=justify, no_wrap=fixed, overflow="fold")
    return table


def _verdict_table(r: Results, verdicts: Mapping[str, Outcome]) -> Table:
    worst = {arm: _worst_case(r, arm, "base") for arm in r.arms}
    columns = ["arm", "base", "final", "delta", f"{_percent(r)} interval", "Holm p", "noise"]
    table = _table(f"{r.metric} against the base", *columns, *_worst_header(worst), "verdict")
    table.caption = "noise: standard error within one seed, over problems and their samples"
    table.caption_justify = "left"
    for arm, effect in _arm_effects(r, r.metric).items():
        i = effect.interval
        table.add_row(
            escape(arm),
            _number(effect.base),
            _number(effect.final),
            _signed(i.delta),
            _span(i.low, i.high),
            _p_value(effect.p_holm),
            _number(_mean(r.finite(arm, f"{r.metric}_se"))),
            *_worst_cell(worst, arm),
            _styled(verdicts[arm]),
        )
    return table


def _styled(outcome: Outcome) -> str:
    style = OUTCOME_STYLE.get(outcome, "yellow")
    return f"[{style}]{outcome}[/{style}]"


def _worst_header(worst: Mapping[Any, tuple[Effect, Effect] | None]) -> list[str]:
    return ["worst case"] if any(worst.values()) else []


def _worst_cell(worst: Mapping[Any, tuple[Effect, Effect] | None], key: object) -> list[str]:
    if not any(worst.values()):
        return []
    cases = worst[key]
    return [_span(cases[0].interval.delta, cases[1].interval.delta) if cases else "as is"]


def _print_best_temperature(r: Results, console: Console) -> None:
    effects = {arm: _effect(r, arm, "base", "pass@1", BEST_TEMPERATURE) for arm in r.arms}
    base = next((e.base for e in effects.values() if e.deltas), math.nan)
    if math.isnan(base):
        return
    at = ", ".join(f"{x:g}" for x in r.finite("base", "best_temperature"))
    deltas = ", ".join(f"{arm} {_signed(e.interval.delta)}" for arm, e in effects.items())
    console.print(
        f"The base at its best temperature (T {at}): pass@1 {_number(base)}; "
        f"against it {escape(deltas)}.",
        highlight=False,
    )


def _excluded_table(r: Results) -> Table:
    """Return the undecided completions, and the metric with all of them wrong, then right."""
    title = "completions excluded from evaluation, all seeds"
    table = _table(title, "arm", "abstain", "error", r.metric, "all wrong", "all right")
    for arm in ("base", *r.arms):
        table.add_row(
            escape(arm),
            *(f"{sum(r.finite(arm, metric)):,.0f}" for metric in EXCLUDED),
            *(_number(_mean(r.finite(arm, f"{r.metric}{end}"))) for end in ("", "_low", "_high")),
        )
    return table


def _contrast_table(r: Results) -> Table:
    effects = _contrast_effects(r, r.metric)
    worst = {pair: _worst_case(r, *pair) for pair in effects}
    columns = ["arms", "delta", f"{_percent(r)} interval", "Holm p", *_worst_header(worst)]
    table = _table(f"{r.metric}, arm against arm", *columns, "excludes 0")
    for (a, b), effect in effects.items():
        i = effect.interval
        excludes = i.low > TOLERANCE or i.high < -TOLERANCE
        table.add_row(
            escape(f"{a} - {b}"),
            _signed(i.delta),
            _span(i.low, i.high),
            _p_value(effect.p_holm),
            *_worst_cell(worst, (a, b)),
            "yes" if excludes else "no" if math.isfinite(i.low) else "-",
        )
    return table


def _summary_table(r: Results) -> Table:
    """Return the means over seeds at the end, one metric a row; base has no training rows."""
    table = _table(f"means over seeds at round {r.round}", "metric", "base", *r.arms)
    metrics = [r.metric, "pass@1", "greedy", r.largest_k, *MEANS, *COUNTS]
    for metric in dict.fromkeys(metrics):
        figures = [_mean(r.finite(arm, metric)) for arm in ("base", *r.arms)]
        if any(math.isfinite(x) for x in figures):
            table.add_row(escape(metric), *map(_count if metric in COUNTS else _number, figures))
    return table


def _level_table(r: Results, levels: Sequence[str]) -> Table:
    table = _table(f"{r.metric} by level at round {r.round}", "level", "base", *r.arms)
    for key in levels:
        name = key.removeprefix(f"{r.metric}[").removesuffix("]")
        figures = (_number(_mean(r.finite(arm, key))) for arm in ("base", *r.arms))
        table.add_row(escape(name), *figures)
    return table


def _seed_table(r: Results) -> Table:
    table = _table(f"{r.metric} by seed at round {r.round}", "seed", "base", *r.arms)
    for seed in r.seeds:
        figures = (_number(r.at(seed, arm, r.metric)) for arm in ("base", *r.arms))
        table.add_row(str(seed), *figures)
    return table


def _print_side_by_side(runs: Sequence[Path], loaded: Sequence[Results], console: Console) -> None:
    names = [r.name for r in loaded]
    labels = names if len(set(names)) == len(names) else [str(run) for run in runs]
    effects = [_arm_effects(r, r.metric) for r in loaded]
    worst = {(i, a): _worst_case(r, a, "base") for i, r in enumerate(loaded) for a in r.arms}
    columns = ["run", "arm", "base", "final", "delta", "interval", *_worst_header(worst)]
    table = _table("runs side by side", *columns, "verdict")
    table.columns[1].justify = "left"
    for i, r in enumerate(loaded):
        for arm, effect in effects[i].items():
            table.add_row(
                escape(labels[i]),
                escape(arm),
                _number(effect.base),
                _number(effect.final),
                _signed(effect.interval.delta),
                _span(effect.interval.low, effect.interval.high),
                *_worst_cell(worst, (i, arm)),
                _styled(_outcome(r, effect)),
            )
    console.print(table)
    for label, r in zip(labels, loaded, strict=True):
        if r.round < r.rounds or r.absent:
            console.print(f"{escape(label)}: {_progress(r)}", highlight=False)
    if len({(r.metric, r.margin, r.confidence) for r in loaded}) > 1:
        console.print("These runs were judged by different rules: see each run's own above.")


# The plot ---------------------------------------------------------------------------------------


def plot(run: Path) -> Path:
    """Draw pass@1 over rounds into `compare.png` and `compare.svg`; return the PNG's path.

    Per arm one line (mean over seeds), one band (Student t over seeds) and thin seed lines; the
    base's level and the base at its best temperature dashed. Without pass@1, the rule's metric.
    Equal runs give equal bytes under equal library versions. Raises like `compare_run`.
    """
    import matplotlib
    from matplotlib.figure import Figure

    r = load_run(run)
    with matplotlib.rc_context({"svg.hashsalt": "rlvr", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(8, 4.8), layout="constrained")
        _draw(r, figure.subplots())
        png, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    _write_bytes(run / "compare.svg", svg.getvalue())
    _write_bytes(run / "compare.png", png.getvalue())
    return run / "compare.png"


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """Return a colour per arm: a preset's own in every run, for others the next, in order."""
    others = [arm for arm in arms if arm not in ARM_COLOURS]
    spare = {arm: NEXT_COLOURS[i % len(NEXT_COLOURS)] for i, arm in enumerate(others)}
    return {arm: ARM_COLOURS.get(arm) or spare[arm] for arm in arms}


def _draw(r: Results, axes: Axes) -> None:
    recorded = any(r.finite(arm, "pass@1") for arm in r.arms)
    metric = "pass@1" if recorded else r.metric
    colours = arm_colours(r.arms)
    labels = [
        _draw_arm(r, axes, metric, arm, colours[arm], MARKERS[i % len(MARKERS)])
        for i, arm in enumerate(r.arms)
    ]
    labels += _draw_base(r, axes, metric)
    if metric.startswith(("pass@", "greedy")):
        axes.set_ylim(*_share_limits(axes))
    _draw_labels(axes, r.round, labels)
    axes.set_xlim(0, r.round)
    axes.set_xticks(range(0, r.round + 1, max(1, r.round // 10)))
    axes.set_xlabel("round (0: the base)")
    axes.set_ylabel(metric)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    partial = "" if r.round == r.rounds else f" (round {r.round} of {r.rounds})"
    axes.set_title(f"{r.name}: {metric} over rounds{partial}", loc="left", fontweight="bold")
    axes.annotate(
        f"Thick: mean over seeds ({len(r.seeds)}). Thin: each seed. Band: {_percent(r)} Student-t "
        "interval over seeds.\nBands hold the spread between the seeds' bases; verdicts rest on "
        "each seed's change from its own base.",
        (0, -0.15),
        xycoords="axes fraction",
        va="top",
        fontsize=8,
        color=BASE_COLOUR,
    )


def _draw_arm(
    r: Results, axes: Axes, metric: str, arm: str, colour: str, marker: str
) -> tuple[float, str, str]:
    """Draw one arm and return where its label belongs, the label and its colour."""
    rounds = range(r.round + 1)
    curves = [[r.at(s, arm if t else "base", metric, t) for t in rounds] for s in r.seeds]
    for curve in curves:
        axes.plot(rounds, curve, color=colour, linewidth=0.7, alpha=0.45)
    known = [[c[t] for c in curves if math.isfinite(c[t])] for t in rounds]
    bands = [paired_interval(values, r.confidence) for values in known]
    mean = [band.delta for band in bands]
    low, high = [band.low for band in bands], [band.high for band in bands]
    axes.fill_between(rounds, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(
        rounds, mean, color=colour, linewidth=2.2, marker=marker, markersize=4.5, clip_on=False
    )
    return mean[-1], f"{arm} {_number(mean[-1])}", colour


def _draw_base(r: Results, axes: Axes, metric: str) -> list[tuple[float, str, str]]:
    labels = []
    lines = [(metric, "base", "--")]
    if metric == "pass@1":
        lines.append((BEST_TEMPERATURE, "base at best T", ":"))
    for key, name, dashes in lines:
        level = _mean(r.finite("base", key))
        if math.isfinite(level):
            axes.axhline(level, color=BASE_COLOUR, linewidth=1.2, linestyle=dashes, zorder=1)
            labels.append((level, f"{name} {_number(level)}", BASE_COLOUR))
    return labels


def _share_limits(axes: Axes) -> tuple[float, float]:
    """Return the limits of a share: a band may reach past 0 and 1, the axis shows no more."""
    low, high = axes.get_ylim()
    return max(low, -0.02), min(high, 1.02)


def _draw_labels(axes: Axes, x: float, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write each label right of its line's end, pushed apart where two would overlap."""
    labels = sorted(
        (label for label in labels if math.isfinite(label[0])), key=lambda label: label[0]
    )
    bottom, top = axes.get_ylim()
    gap = (top - bottom) * 0.052
    places: list[float] = []
    for y, _, _ in labels:
        places.append(max(y, places[-1] + gap) if places else y)
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], top - (len(places) - 1 - i) * gap)
    for place, (_, text, colour) in zip(places, labels, strict=True):
        axes.annotate(
            text,
            (x, place),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def _write_bytes(path: Path, data: bytes) -> None:
    """Write `data` atomically: `path` always holds either the old or the new content."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
