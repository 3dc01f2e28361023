"""The plot of a claim: what its rule is about, at a glance.

One figure a claim, chosen by what its config varies: the verifier's errors (a heat map with the
predicted boundary over the measured one), the share of fresh real data, the model's size, or pass@k
up to a large k. A claim that varies none of these has the plot of its run alone
(`rlvr.results.plot.plot`).
"""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlvr.claims.quantities import degradation, dial, fractions, log_parameters
from rlvr.evaluate.table import lower_is_better
from rlvr.records.record import write_bytes
from rlvr.results.effects import Results, arm_effects, excludes_zero, percent
from rlvr.results.law_runs import ArmForecast, forecasts_of, knows
from rlvr.results.plot import BASE_COLOUR, MARGIN, MARKERS, arm_colours
from rlvr.statistics.estimates import Interval, paired_interval

LARGE_K = 16
MEMORIES = ("replace", "accumulate", "subsample")
RANKED = {"all": "everything", "verified": "oracle", "self-scored": "perplexity"}
Draw = Callable[[Sequence[Results], Axes], None]


def plot_claim(ladder: Sequence[Results], path: Path, beside: Sequence[Results] = ()) -> bool:
    """Draw the claim of these runs (the main one first, then further models) into `path` (SVG).

    `beside`: runs of other families, on tasks and at rates of their own, drawn beside the models of
    a ladder and not joined to them. Returns False, and writes nothing, where the claim varies
    nothing that has a plot of its own. Equal runs give equal bytes under equal library versions.
    """
    draw = _choose(ladder)
    if draw is None:
        return False
    bars = f". Bars: {percent(ladder[0])} intervals" if draw in WITH_BARS else ""
    with _drawn(path, f"{ladder[0].name}, {len(ladder[0].seeds)} seeds{bars}") as axes:
        if draw is _ladder:
            _other_families(ladder[0], beside, axes)
        draw(ladder, axes)
    return True


def plot_law(runs: Mapping[str, Results], path: Path) -> bool:
    """Draw what the law predicted of the arms of these runs, over what came, into `path` (SVG).

    Returns False, and writes nothing, where nothing is calibrated at the runs' learning rates.
    """
    found = {name: forecasts_of(r, name) for name, r in runs.items() if knows(r.config)}
    found = {name: arms for name, arms in found.items() if arms}
    if not found:
        return False
    draw_forecasts(found, path, "Bars: 95 % intervals of the law")
    return True


def draw_forecasts(found: Mapping[str, Sequence[ArmForecast]], path: Path, title: str) -> None:
    """Draw forecasts over what came: a point an arm, a colour a run, J's as small crosses."""
    with _drawn(path, title) as axes:
        colours = arm_colours([*found]).values()
        for (name, arms), colour, marker in zip(
            found.items(), colours, itertools.cycle(MARKERS), strict=False
        ):
            came, said = [one.came for one in arms], [one.said["law"] for one in arms]
            ends = [
                [one.said["law"] - one.low for one in arms],
                [one.high - one.said["law"] for one in arms],
            ]
            axes.errorbar(
                came, said, ends, color=colour, marker=marker, linestyle="", capsize=2, label=name
            )
            axes.plot(came, [one.said["J"] for one in arms], "x", color=colour, markersize=4)
        axes.plot([], [], "x", color=BASE_COLOUR, markersize=4, label="forecast of J")
        low, high = axes.get_xlim()
        axes.plot([low, high], [low, high], color=BASE_COLOUR, linestyle="--", label="as predicted")
        axes.set_xlabel("change of pass@1 that came, mean over seeds")
        axes.set_ylabel("change that was predicted")
        _finish(axes)


@contextmanager
def _drawn(path: Path, title: str) -> Iterator[Axes]:
    """Yield the axes of a figure with this title, which is then written to `path` (SVG)."""
    out = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "rlvr", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        axes = figure.subplots()
        yield axes
        axes.set_title(title, loc="left", fontsize=9)
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    write_bytes(path, out.getvalue())


def _choose(ladder: Sequence[Results]) -> Draw | None:
    config = ladder[0].config
    if len(ladder) > 1:
        return _ladder
    rows = dial(ladder[0])
    if min(len(rows), *(len(row) for row in rows.values()), 2) > 1:
        return _dial
    if config["corpus"]:
        return _shares
    if len(fractions(ladder[0])) > 3:
        return _fractions
    if max(config["evaluate"]["k"]) >= LARGE_K:
        return _pass_at_k
    return None


def _interval(r: Results, values: Sequence[float]) -> Interval:
    return paired_interval([value for value in values if math.isfinite(value)], r.confidence)


def _tidy(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)


def _dial(ladder: Sequence[Results], axes: Axes) -> None:
    """Heat map over the two error rates: colour is the change from the base, blue is better."""
    r, rows = ladder[0], dial(ladder[0])
    effects = arm_effects(r, r.metric)
    negative, positive = list(rows), sorted({rate for row in rows.values() for rate in row})
    grid = np.full((len(negative), len(positive)), np.nan)
    for i, row in enumerate(rows.values()):
        for rate, arm in row.items():
            grid[i, positive.index(rate)] = effects[arm].interval.delta
    most = float(np.nanmax(np.abs(grid)))
    colours = "RdBu_r" if lower_is_better(r.metric) else "RdBu"
    places = (_edges(positive), _edges(negative))
    image = axes.pcolormesh(*places, grid, cmap=colours, vmin=-most, vmax=most)
    axes.figure.colorbar(image, ax=axes, label=f"{r.metric}, change from the base")
    for fn, row in rows.items():
        for fp, arm in row.items():
            band = effects[arm].interval
            text = f"{band.delta:+.2f}" + ("" if excludes_zero(band) else "\n(0 inside)")
            pale = abs(band.delta) < 0.6 * most
            axes.text(fp, fn, text, ha="center", va="center", color="black" if pale else "white")
    axes.plot([0, 1], [1, 0], color="black", linestyle="--", label="predicted: J = 0")
    if np.nanmin(grid) < 0 < np.nanmax(grid):
        drawn = axes.contour(positive, negative, grid, levels=[0], colors=["#E69F00"])
        axes.plot([], [], color=drawn.get_edgecolor()[0], label="measured: no change")
    axes.set_xlim(places[0][0], places[0][-1])
    axes.set_ylim(places[1][0], places[1][-1])
    axes.set_xticks(positive)
    axes.set_yticks(negative)
    axes.set_xlabel("false positives: P(accepted | wrong)")
    axes.set_ylabel("false negatives: P(refused | correct)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)


def _edges(rates: Sequence[float]) -> list[float]:
    """Return where cells around these rates begin and end: half way between neighbours."""
    middle = [(a + b) / 2 for a, b in itertools.pairwise(rates)]
    return [2 * rates[0] - middle[0], *middle, 2 * rates[-1] - middle[-1]]


def _fractions(ladder: Sequence[Results], axes: Axes) -> None:
    """One line a memory: how much worse than the base, over the share of fresh real rows."""
    r = ladder[0]
    colours = arm_colours(["unfiltered", "accumulate", "majority"]).values()
    for i, (memory, colour) in enumerate(zip(MEMORIES, colours, strict=True)):
        points = [
            (share + 0.006 * (i - 1), _interval(r, [degradation(r, s, arm) for s in r.seeds]))
            for share, arm in fractions(r, memory).items()
        ]
        _line(axes, points, colour, MARKERS[i], memory)
    axes.axhline(r.margin, color=BASE_COLOUR, linestyle=":", label="the rule's margin")
    axes.set_xlabel("share of the rows that are fresh real solutions")
    axes.set_ylabel(f"{r.metric}: worse than the base by")
    _finish(axes)


def _shares(ladder: Sequence[Results], axes: Axes) -> None:
    """One line a ranking: the change from the base over the share of the corpus that is kept."""
    r = ladder[0]
    effects = arm_effects(r, r.metric)
    rankings: dict[str, list[tuple[float, Interval]]] = {}
    for arm in r.config["arms"]:
        kept = 1.0 if arm["keep"] == "all" else arm["share"] or r.mean(arm["name"], "keep_rate")
        ranking = RANKED.get(arm["keep"], arm["keep"])
        rankings.setdefault(ranking, []).append((kept, effects[str(arm["name"])].interval))
    for i, (ranking, colour) in enumerate(arm_colours([*rankings]).items()):
        points = sorted(rankings[ranking], key=lambda point: point[0])
        _line(axes, points, colour, MARKERS[i % len(MARKERS)], ranking)
    axes.set_xlabel("share of the corpus that is kept")
    axes.set_ylabel(f"{r.metric}, change from the base")
    _margin(r, axes)
    _finish(axes)


def _ladder(ladder: Sequence[Results], axes: Axes) -> None:
    """One line an arm: its change from the base over the model's parameters."""
    first = ladder[0]
    ordered = sorted(ladder, key=log_parameters)
    for i, (arm, colour) in enumerate(arm_colours(first.arms).items()):
        points = [
            (10 ** log_parameters(r), arm_effects(r, r.metric)[arm].interval) for r in ordered
        ]
        _line(axes, points, colour, MARKERS[i % len(MARKERS)], arm)
    axes.set_xscale("log")
    axes.set_xlabel(
        "parameters (along a line tokens are equal: compute is 6 x parameters x tokens)"
    )
    axes.set_ylabel(f"{first.metric}, change from the base")
    _margin(first, axes)
    _finish(axes)


def _other_families(first: Results, beside: Sequence[Results], axes: Axes) -> None:
    for r, marker in zip(beside, "*P", strict=False):
        for arm, colour in arm_colours(first.arms).items():
            if arm in r.arms and r.metric == first.metric:
                point = (10 ** log_parameters(r), arm_effects(r, r.metric)[arm].interval)
                _line(axes, [point], colour, marker, f"{r.name}, {arm}\n(another task and rate)")


def _line(
    axes: Axes, points: Sequence[tuple[float, Interval]], colour: str, marker: str, label: str
) -> None:
    """Draw one line through (x, interval over seeds), with its intervals as bars."""
    if points:
        axes.errorbar(
            [x for x, _ in points],
            [band.delta for _, band in points],
            yerr=[band.high - band.delta for _, band in points],
            color=colour,
            marker=marker,
            capsize=3,
            label=label,
        )


def _margin(r: Results, axes: Axes) -> None:
    ends = (-r.margin, r.margin)
    said = "the rule's margin"
    axes.axhspan(*ends, color=BASE_COLOUR, alpha=MARGIN, linewidth=0, zorder=0, label=said)


def _finish(axes: Axes) -> None:
    axes.axhline(0, color=BASE_COLOUR, linewidth=1)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1))
    _tidy(axes)


def _pass_at_k(ladder: Sequence[Results], axes: Axes) -> None:
    """One line an arm: pass@k over k at the last round; the base dashed."""
    r = ladder[0]
    ks = sorted(int(k) for k in r.config["evaluate"]["k"])
    colours = {"base": BASE_COLOUR, **arm_colours(r.arms)}
    for arm, colour in colours.items():
        axes.plot(
            ks,
            [r.mean(arm, f"pass@{k}") for k in ks],
            color=colour,
            linestyle="--" if arm == "base" else "-",
            marker="." if arm == "base" else MARKERS[list(r.arms).index(arm) % len(MARKERS)],
            label=arm,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(ks, [str(k) for k in ks])
    axes.set_xlabel("k")
    axes.set_ylabel("pass@k, mean over seeds")
    axes.legend(frameon=False)
    _tidy(axes)


WITH_BARS = (_fractions, _shares, _ladder)
