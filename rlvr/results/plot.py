"""From a run's results to its plot, `compare.png` and `compare.svg`; from a sweep's, `sweep.png`.

The colours of the arms are here and nowhere else, so that an arm looks the same in every figure.
What it does not do: compute; intervals come from `rlvr.statistics.estimates`, figures from
`rlvr.results.compare`.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rlvr.evaluate.metrics import STEP
from rlvr.evaluate.table import ACCURACY, STEPS, charted, find
from rlvr.records.layout import METRICS, PLOT, STEPS_PLOT
from rlvr.records.record import write_bytes
from rlvr.results.effects import (
    BEST_TEMPERATURE,
    Results,
    arm_effects,
    effect_of,
    number,
    percent,
)
from rlvr.statistics.estimates import Interval

# Okabe and Ito's palette, safe for colour-blind eyes, then Tol's muted.
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
# Those too dark to be seen on a dark page (under 3:1), lighter and in the same hue.
ON_DARK = {
    "#882255": "#C43C6E",
    "#332288": "#9A8CE0",
    "#117733": "#3F9B4F",
    BASE_COLOUR: "#A8A8A8",
}
MARKERS = "os^DvPX"
MARGIN = 0.14  # how dark the rule's margin is drawn
FEW = 5  # arms: of more the lines of single seeds are a tangle


def plot(r: Results) -> Path:
    """Draw pass@1 over rounds into `compare.png` and `compare.svg`; return the PNG's path.

    What is drawn is each arm's change from its seed's own base, upon the mean of the bases: the
    mean as a line, its interval at every round as a band (the last is the one of the verdict), each
    seed as a thin line where there are few arms. Beside them the base, the rule's margin around it,
    and the base at its best temperature. The rule's metric instead where that is no share of
    correct answers, and where pass@1 is not recorded; the margin where the metric is the rule's.
    Equal runs give equal bytes under equal library versions. Raises RunError when the disk won't
    take the files.
    """
    with _drawn(r.folder / "compare", (7, 4.6)) as figure:
        _draw(r, figure.subplots())
    return r.folder / PLOT


def plot_steps(r: Results) -> Path | None:
    """Draw what was logged of each online step into `steps.png` and `steps.svg`.

    Thick: mean over seeds; thin: each seed. Returns the PNG's path, None where no arm learned
    online. Raises RunError when the disk won't take the files.
    """
    frame = pd.read_parquet(r.folder / METRICS)
    frame = frame[frame.level.str.startswith(STEP) & frame.seed.isin(r.seeds)]
    frame = frame[frame["round"] <= r.round]  # a later one has not all seeds yet
    panels = [(name, says) for name, says in charted(STEPS).items() if (frame.metric == name).any()]
    if not panels:
        return None
    colours = arm_colours(r.arms)
    lines = math.ceil(len(panels) / 2)
    with _drawn(r.folder / "steps", (10, 2.6 * lines + 0.6)) as figure:
        grid = figure.subplots(lines, 2, squeeze=False)
        for axes, (name, says) in zip(grid.flat, panels, strict=False):
            mine = frame[frame.metric == name]
            for arm in (arm for arm in r.arms if (mine.arm == arm).any()):
                table = mine[mine.arm == arm].pivot_table("value", "level", "seed")
                steps = [int(level.removeprefix(STEP)) for level in table.index]
                axes.plot(steps, table, color=colours[arm], linewidth=0.6, alpha=0.3)
                axes.plot(steps, table.mean(axis=1), color=colours[arm], linewidth=1.8, label=arm)
            axes.set_title(says, loc="left", fontsize=9)
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        for axes in grid[-1]:
            axes.set_xlabel("optimiser step")
        figure.legend(
            *grid[0, 0].get_legend_handles_labels(),
            loc="outside right upper",
            title=f"{len(r.seeds)} seed{'' if len(r.seeds) == 1 else 's'}",
        )
    return r.folder / STEPS_PLOT


def plot_sweep(points: Sequence[tuple[str, Results]], folder: Path) -> Path:
    """Draw each arm's change from the base, with its interval, at each point of a sweep.

    `points`: label and results, in order. Writes `sweep.png` and `sweep.svg` into `folder` and
    returns the PNG's path. Raises RunError when the disk won't take the files.
    """
    first = points[0][1]
    arms = list(dict.fromkeys(arm for _, r in points for arm in r.arms))
    colours = arm_colours(arms)
    with _drawn(folder / "sweep", (max(6.0, 1.2 * len(points) + 3), 4.8)) as figure:
        axes = figure.subplots()
        axes.axhline(0, color=BASE_COLOUR, linewidth=1.2, linestyle="--", zorder=1)
        axes.axhspan(-first.margin, first.margin, color=BASE_COLOUR, alpha=MARGIN, linewidth=0)
        for i, arm in enumerate(arms):
            at = [(x, arm_effects(r, r.metric)[arm]) for x, (_, r) in enumerate(points)]
            shift = 0.5 * ((i + 0.5) / len(arms) - 0.5)
            axes.errorbar(
                [x + shift for x, _ in at],
                [effect.interval.delta for _, effect in at],
                yerr=[effect.interval.high - effect.interval.delta for _, effect in at],
                color=colours[arm],
                marker=MARKERS[i % len(MARKERS)],
                capsize=3,
                label=arm,
            )
        axes.set_xticks(range(len(points)), [label.replace(", ", "\n") for label, _ in points])
        axes.set_ylabel(f"{first.metric}, change from the base")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
        seeds = " or ".join(map(str, sorted({len(r.seeds) for _, r in points})))
        said = f"Bars: {percent(first)} intervals over {seeds} seeds. Grey: the rule's margin"
        axes.set_title(said, loc="left", fontsize=9)
        figure.legend(loc="outside right upper", frameon=False)
    return folder / "sweep.png"


def arm_colours(arms: Sequence[str]) -> dict[str, str]:
    """Return a colour per arm: a preset's own in every run, for others the next, in order."""
    others = [arm for arm in arms if arm not in ARM_COLOURS]
    spare = {arm: NEXT_COLOURS[i % len(NEXT_COLOURS)] for i, arm in enumerate(others)}
    return {arm: ARM_COLOURS.get(arm) or spare[arm] for arm in arms}


@contextmanager
def _drawn(stem: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Yield a figure (inches) that is written to `stem`.svg and .png once it is drawn."""
    png, svg = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "rlvr", "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        figure.savefig(png, format="png", dpi=160, metadata={"Software": None})
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    write_bytes(stem.with_suffix(".svg"), svg.getvalue())
    write_bytes(stem.with_suffix(".png"), png.getvalue())


def _draw(r: Results, axes: Axes) -> None:
    shares = find(r.metric).group == ACCURACY and any(r.finite(arm, "pass@1") for arm in r.arms)
    metric = "pass@1" if shares else r.metric
    colours = arm_colours(r.arms)
    labels = [
        _draw_arm(r, axes, metric, arm, colours[arm], MARKERS[i % len(MARKERS)])
        for i, arm in enumerate(r.arms)
    ]
    labels += _draw_base(r, axes, metric)
    if find(metric).group == ACCURACY:
        axes.set_ylim(*_share_limits(axes))
    _draw_labels(axes, r.round, labels)
    axes.set_xlim(0, r.round)
    axes.set_xticks(range(0, r.round + 1, max(1, r.round // 10)))
    axes.set_xlabel("round (0: the base)")
    axes.set_ylabel(metric)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    partial = "" if r.round == r.rounds else f", round {r.round} of {r.rounds}"
    seeds = f"{len(r.seeds)} seed{'' if len(r.seeds) == 1 else 's'}"
    axes.set_title(f"{r.name}: {metric}, {seeds}{partial}", loc="left", fontweight="bold")
    axes.annotate(
        f"Change from each seed's own base, upon the bases' mean.\n{_legend(r, metric)}",
        (0, -0.15),
        xycoords="axes fraction",
        va="top",
        fontsize=8,
        color=BASE_COLOUR,
    )


def _legend(r: Results, metric: str) -> str:
    """Return what the band, the thin lines and the grey are."""
    said = "One seed: no interval."
    if len(r.seeds) > 1:
        thin = " Thin: each seed." if len(r.arms) <= FEW else ""
        said = f"Band: {percent(r)} interval of the mean over {len(r.seeds)} seeds.{thin}"
    return said + (f" Grey: the rule's margin, +-{r.margin:g}." if metric == r.metric else "")


def _draw_arm(
    r: Results, axes: Axes, metric: str, arm: str, colour: str, marker: str
) -> tuple[float, str, str]:
    """Draw one arm and return where its label belongs, the label and its colour."""
    rounds, start = range(r.round + 1), r.mean("base", metric)
    few = len(r.arms) <= FEW
    for seed in r.seeds if few else ():
        base = r.at(seed, "base", metric)
        changes = [r.at(seed, arm if t else "base", metric, t) - base for t in rounds]
        seen = [start + change for change in changes]
        axes.plot(rounds, seen, color=colour, linewidth=0.6, alpha=0.45)
    bands = [Interval(0, 0, 0, math.nan)]
    for t in rounds[1:]:
        bands.append(effect_of(replace(r, round=t), arm, "base", metric, metric).interval)
    mean, low, high = zip(*((band.delta, band.low, band.high) for band in bands), strict=True)
    ends = ([start + x for x in low], [start + x for x in high])
    axes.fill_between(rounds, *ends, color=colour, alpha=0.18 if few else 0.1, linewidth=0)
    line = [start + x for x in mean]
    axes.plot(rounds, line, color=colour, linewidth=2.2, marker=marker, markersize=5, clip_on=False)
    return line[-1], f"{arm} {number(line[-1])}", colour


def _draw_base(r: Results, axes: Axes, metric: str) -> list[tuple[float, str, str]]:
    """Draw the base, the rule's margin around it and the base at its best temperature."""
    labels = []
    lines = [(metric, "base", "--")]
    if metric == r.metric:
        start = r.mean("base", metric)
        around = (start - r.margin, start + r.margin)
        axes.axhspan(*around, color=BASE_COLOUR, alpha=MARGIN, linewidth=0, zorder=0)
    if metric == "pass@1":
        lines.append((BEST_TEMPERATURE, "base at best T", ":"))
    for key, name, dashes in lines:
        level = r.mean("base", key)
        if math.isfinite(level):
            axes.axhline(level, color=BASE_COLOUR, linewidth=1.2, linestyle=dashes, zorder=1)
            labels.append((level, f"{name} {number(level)}", BASE_COLOUR))
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
