"""From a run's results to its charts: Vega-Lite specifications made with Altair, and SVG.

Each chart holds the rows that it draws, so that the page can give them as a table and as CSV: one
row per arm, place and seed, and one without a seed for the mean over seeds with its interval. The
charts are drawn here and not by the reader's browser: whatever shows the page shows them, printed
or without JavaScript too. What it does not do: compute an interval (`rlvr.results.effects`,
`rlvr.statistics.estimates`) or choose a colour (`rlvr.results.plot`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt
import vl_convert

from rlvr.evaluate.table import (
    ACCURACY,
    COVERAGE,
    GROUPS,
    NLL,
    SHARE,
    STEPS,
    TAILS,
    charted,
    find,
    lower_is_better,
)
from rlvr.report.facts import QUADRANTS
from rlvr.results.effects import BEST_TEMPERATURE, Results, effect_of, level_of, percent
from rlvr.results.plot import BASE_COLOUR, FEW, arm_colours
from rlvr.statistics.estimates import Interval

INK, GRID, PAPER = "#24292f", "#e6e6e6", "#ffffff"  # the page puts its theme's there
# None of an arm's colours: slate for what is lost, yellow for what is new, greys for the rest.
QUADRANT_COLOURS = ("#9aa4b2", "#3d4654", "#f0e442", "#dde2e8")
# Seven, as there are six colours for arms of one's own: no two arms of 42 look alike.
SHAPES = "circle square triangle-up diamond cross triangle-down triangle-right".split()
# Of a chart, and of the page's first: the page shows it a little smaller or larger, as it has room.
SMALL, LARGE = (280, 170), (340, 200)
MARKED = 12  # rounds at most whose means have a point of their own
ROWS = alt.NamedData(name="rows")  # what every layer of a chart draws from
AT_BEST = "base at its best temperature"
MEAN = "datum.what == 'mean'"


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: its id in the page, title, what it shows in a sentence, and its specification.

    `metric`: what it is of.
    """

    id: str
    title: str
    says: str
    metric: str
    spec: Mapping[str, Any]

    @property
    def rows(self) -> Sequence[Mapping[str, Any]]:
        """The rows that it draws."""
        rows: Sequence[Mapping[str, Any]] = self.spec["datasets"][ROWS.name]
        return rows


def svg(figure: Figure, name: str) -> str:
    """Return the chart as an SVG element. `name`: what its ids begin with, its own in the page."""
    text = vl_convert.vegalite_to_svg(dict(figure.spec))
    ids = dict.fromkeys(re.findall(r'\bid="(clip\d+)"', text))  # counted on from chart to chart
    for i, id_ in enumerate(ids):
        text = re.sub(rf'(\bid="|url\(#){id_}\b', rf"\g<1>{name}-clip-{i}", text)
    # The page says what the chart is to who can't see it.
    return re.sub(r' (role|aria-[a-z]+|pointer-events)="[^"]*"', "", text)


@dataclass(frozen=True, slots=True)
class Look:
    """How an arm looks in every chart of a page."""

    colour: str
    shape: str


def arm_looks(arms: Sequence[str]) -> dict[str, Look]:
    """Return the look of the base and of each arm: colours as in every plot, and a shape each."""
    colours = {**arm_colours(arms), "base": BASE_COLOUR}
    return {
        arm: Look(colour, SHAPES[i % len(SHAPES)])
        for i, (arm, colour) in enumerate(colours.items())
    }


def figure_groups(r: Results, looks: Mapping[str, Look]) -> dict[str, list[Figure]]:
    """Return the run's figures by the heading that they belong under; only what was recorded.

    `looks` has one for the base and for each arm. The change that the rule is about comes first,
    under its own heading.
    """
    groups = {f"The rule's metric: {r.metric}": [change(r, looks)]}
    for title in GROUPS:
        own = {r.metric: _meaning(r.metric)} if find(r.metric).group == title else {}
        named = own | _charts(title, r.largest_k.removeprefix("pass@"))
        groups[title] = [
            over_rounds(r, metric, says, looks)
            for metric, says in named.items()
            if _shown(r, metric)
        ]
    ks = sorted(int(k) for k in r.config["evaluate"]["k"])
    if len(ks) > 1 and not _of_text(r):
        groups[ACCURACY].append(_pass_at_k(r, ks, looks))
    if _levels(r):
        groups[TAILS].insert(0, _by_level(r, looks))
    if any(r.finite(arm, "coverage_both") for arm in r.arms) and not _of_text(r):
        groups[COVERAGE] = [_coverage(r)]
    return {title: groups[title] for title in groups if groups[title]}


def _meaning(metric: str) -> str:
    return _charts(find(metric).group).get(metric, "")


def _charts(group: str, largest: str = "k") -> dict[str, str]:
    """Return a group's charts and what each shows; `largest` is the k of pass@k and others."""
    end = "; mean over the round's steps" if group == STEPS else ""
    return {metric: f"{says}{end}" for metric, says in charted(group, largest).items()}


def _of_text(r: Results) -> bool:
    """Whether the run is about text, of which there is no right answer."""
    return find(r.metric).group == NLL


def _shown(r: Results, metric: str) -> bool:
    if _of_text(r) and find(metric).of_answers:
        return False
    return any(r.finite(arm, metric) for arm in r.arms)


# Charts -----------------------------------------------------------------------------------------


def change(r: Results, looks: Mapping[str, Look]) -> Figure:
    """Return the change of the rule's metric from each seed's own base, over rounds.

    With the interval that the verdict rests on, the margin, and the base at its best temperature.
    """
    rows: list[dict[str, Any]] = []
    for arm in r.arms:
        for t in range(1, r.round + 1):
            effect = effect_of(replace(r, round=t), arm, "base", r.metric, r.metric)
            if not effect.deltas:
                continue
            rows.append({"what": "mean", "arm": arm, "round": t, **_band(effect.interval)})
            for seed in r.seeds:
                delta = r.at(seed, arm, r.metric, t) - r.at(seed, "base", r.metric)
                if math.isfinite(delta):
                    row = {"what": "seed", "arm": arm, "round": t, "seed": seed}
                    rows.append({**row, "value": _plain(delta)})
        zero = {"what": "mean", "arm": arm, "round": 0, "value": 0.0, "low": 0.0, "high": 0.0}
        rows.append(zero)
    rows += [{"what": "margin", "arm": "margin", "value": at} for at in (-r.margin, r.margin)]
    sharp = effect_of(r, "base", "base", BEST_TEMPERATURE, r.metric).interval.delta
    dotted = ""
    if r.metric == "pass@1" and math.isfinite(sharp):
        rows.append({"what": "level", "arm": AT_BEST, "value": _plain(sharp)})
        dotted = f" Dotted: {AT_BEST}."
    thin = " Thin: each seed." if len(r.arms) <= FEW else ""
    better = f" {'Lower' if lower_is_better(r.metric) else 'Higher'} is better."
    says = (
        f"{_meaning(r.metric)}, less that of each seed's own base.{better} Thick: mean over seeds."
        f"{thin} "
        f"Band: {percent(r)} interval. Dashed: the margin, +-{r.margin:g}.{dotted} "
        f"{_n(r, r.metric)}"
    )
    title = f"Change of {r.metric} from the base"
    spec = _lines(r, rows, _rounds(r), f"change of {r.metric}", looks, bounded=False, size=LARGE)
    return Figure("change", title, says, r.metric, spec)


def _n(r: Results, metric: str) -> str:
    """Return what a metric's figures are over: n = 3 seeds."""
    n = max(len(r.finite(arm, metric)) for arm in r.arms)
    return f"n = {n} seed{'' if n == 1 else 's'}"


def _rounds(r: Results) -> alt.X:
    return alt.X(
        "round:Q",
        title="round (0: the base)",
        axis=alt.Axis(values=[*range(0, r.round + 1, max(1, math.ceil(r.round / 10)))], format="d"),
        scale=alt.Scale(domain=[0, r.round], nice=False),
    )


def over_rounds(r: Results, metric: str, says: str, looks: Mapping[str, Look]) -> Figure:
    """Return a metric over rounds: mean, band (its interval) and each seed as a thin line.

    Round 0 is the base, where it has the metric. Bands hold the spread between seeds' bases too.
    """
    rows = []
    for arm in r.arms:
        for t in range(r.round + 1):
            rows += _rows(r, arm if t else "base", metric, {"round": t}, arm)
    best = r.mean("base", BEST_TEMPERATURE) if metric == "pass@1" else math.nan
    if math.isfinite(best):
        rows.append({"what": "level", "arm": AT_BEST, "value": _plain(best)})
    spec = _lines(r, rows, _rounds(r), metric, looks)
    return Figure(metric, f"{metric} over rounds", f"{says}; {_n(r, metric)}", metric, spec)


def _pass_at_k(r: Results, ks: Sequence[int], looks: Mapping[str, Look]) -> Figure:
    rows = []
    for arm in ("base", *r.arms):
        for k in ks:
            rows += _rows(r, arm, f"pass@{k}", {"k": k})
    x = alt.X(
        "k:Q",
        title="k",
        axis=alt.Axis(values=list(ks)),
        scale=alt.Scale(type="log", base=2, domain=[ks[0], ks[-1]], nice=False),
    )
    says = f"share of problems with a correct one in k samples, at round {r.round}"
    spec = _lines(r, rows, x, "pass@k", looks)
    return Figure("pass-at-k", "pass@k over k", f"{says}; {_n(r, 'pass@1')}", "pass@k", spec)


def _levels(r: Results) -> list[str]:
    start = f"{r.metric}["
    return sorted({key for _, _, _, key in r.values if key.startswith(start)})


def _by_level(r: Results, looks: Mapping[str, Look]) -> Figure:
    """Return the rule's metric by level at the compared round: mean over seeds and interval."""
    rows = []
    for key in _levels(r):
        level = key.removeprefix(f"{r.metric}[").removesuffix("]")
        for arm in ("base", *r.arms):
            rows += _rows(r, arm, key, {"level": level})
    colour, shape = _arm_scales(r, rows, looks)
    chart = alt.Chart(ROWS).encode(
        x=alt.X("level:N", title="level", axis=alt.Axis(labelAngle=0, labelOverlap=True)),
        xOffset=alt.XOffset("arm:N", sort=_in_order(r, rows)),
        color=colour,
    )
    y = alt.Y("value:Q", title=r.metric, scale=_limits(r.metric, rows))
    layers = (
        chart.mark_rule(strokeWidth=1.5, clip=True)
        .encode(y=alt.Y("low:Q", title=r.metric), y2="high:Q")
        .transform_filter(MEAN),
        chart.mark_point(filled=True, size=42, opacity=1)
        .encode(y=y, shape=shape)
        .transform_filter(MEAN),
    )
    says = f"mean over seeds and its {percent(r)} interval, at round {r.round}; {_n(r, r.metric)}"
    spec = _spec(alt.layer(*layers), rows)
    return Figure("level", f"{r.metric} by level", says, r.metric, spec)


def _coverage(r: Results) -> Figure:
    rows = [
        {"what": "mean", "arm": arm, "quadrant": name.replace("_", " "), **_band(band)}
        for arm in r.arms
        for name in QUADRANTS
        if math.isfinite((band := level_of(r, arm, f"coverage_{name}")).delta)
    ]
    names = [name.replace("_", " ") for name in QUADRANTS]
    chart = (
        alt.Chart(ROWS)
        .mark_bar(stroke=PAPER, strokeWidth=0.5)
        .encode(
            y=alt.Y("arm:N", title=None, sort=list(r.arms)),
            x=alt.X("value:Q", title="share of problems", scale=alt.Scale(domain=[0, 1])),
            color=alt.Color(
                "quadrant:N",
                sort=names,
                scale=alt.Scale(domain=names, range=list(QUADRANT_COLOURS)),
                legend=alt.Legend(title=None, orient="bottom", columns=2),
            ),
            order=alt.Order("place:Q"),
        )
        .transform_calculate(place=f"indexof({names!r}, datum.quadrant)")
    )
    says = (
        f"problems that base and arm solve in {r.largest_k.removeprefix('pass@')} samples at round "
        f"{r.round}: both, one or neither; mean over seeds; {_n(r, 'coverage_both')}"
    )
    return Figure("coverage", "Coverage quadrants", says, "coverage_both", _spec(chart, rows))


# Parts of charts --------------------------------------------------------------------------------


def _rows(
    r: Results, of: str, metric: str, place: Mapping[str, Any], arm: str = ""
) -> list[dict[str, Any]]:
    """Return a row for the mean over seeds and one per seed; nothing where no seed has a figure.

    `place` says where the rows stand, and at which round, if not the compared one. The figures are
    those of the arm `of`; the rows are called `arm`, or also `of`.
    """
    t = place.get("round")
    known = [(s, x) for s in r.seeds if math.isfinite(x := r.at(s, of, metric, t))]
    if not known:
        return []
    name = arm or of
    mean = {"what": "mean", "arm": name, **place, **_band(level_of(r, of, metric, t))}
    return [
        mean,
        *(
            {"what": "seed", "arm": name, **place, "seed": seed, "value": _plain(value)}
            for seed, value in known
        ),
    ]


def _band(of: Interval) -> dict[str, float | None]:
    return {"value": _plain(of.delta), "low": _plain(of.low), "high": _plain(of.high)}


def _plain(x: float) -> float | None:
    return float(f"{x:.6g}") if math.isfinite(x) else None


def _lines(
    r: Results,
    rows: list[dict[str, Any]],
    x: alt.X,
    title: str,
    looks: Mapping[str, Look],
    bounded: bool = True,
    size: tuple[int, int] = SMALL,
) -> dict[str, Any]:
    """Return bands, seeds and means of each arm, and of each level a dashed line with its name.

    `bounded`: the metric called `title` has the range that its row states.
    """
    colour, shape = _arm_scales(r, rows, looks, size)
    y = alt.Y("value:Q", title=title, scale=_limits(title if bounded else "", rows))
    chart = alt.Chart(ROWS).encode(x=x, color=colour)
    place = str(x.shorthand).removesuffix(":Q")
    marked = f"{MEAN} && datum.{place} % {math.ceil(r.round / MARKED)} == 0"
    layers = [
        chart.mark_area(opacity=0.13 if len(r.arms) <= FEW else 0.06, clip=True)
        .encode(y=alt.Y("low:Q", title=title), y2="high:Q")
        .transform_filter(MEAN + " && isValid(datum.low)"),
        chart.mark_line(strokeWidth=0.7, opacity=0.5, clip=True)
        .encode(y=y, detail="seed:N")
        .transform_filter(f"datum.what == 'seed' && {str(len(r.arms) <= FEW).lower()}"),
        chart.mark_line(strokeWidth=2.2).encode(y=y).transform_filter(MEAN),
        chart.mark_point(filled=True, size=42, opacity=1)
        .encode(y=y, shape=shape)
        .transform_filter(marked if place == "round" else MEAN),
    ]
    level, margin = (
        alt.Chart(ROWS).transform_filter(f"datum.what == '{what}'").encode(y=y)
        for what in ("level", "margin")
    )
    layers += [
        margin.mark_rule(color=BASE_COLOUR, strokeDash=[6, 4], strokeWidth=0.8),
        level.mark_rule(color=BASE_COLOUR, strokeDash=[2, 3]),
        level.mark_text(color=BASE_COLOUR, align="right", baseline="bottom", dx=-3, dy=-2).encode(
            x=alt.value(size[0]), text="arm:N"
        ),
    ]
    return _spec(alt.layer(*layers), rows, size)


def _in_order(r: Results, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    there = {row["arm"] for row in rows}
    return [arm for arm in ("base", *r.arms) if arm in there]


def _arm_scales(
    r: Results,
    rows: Iterable[Mapping[str, Any]],
    looks: Mapping[str, Look],
    size: tuple[int, int] = SMALL,
) -> tuple[alt.Color, alt.Shape]:
    """Return colour and shape of the arms, the same in every chart, and one legend for both."""
    arms = _in_order(r, rows)
    columns = max(1, size[0] // (30 + 7 * max(map(len, arms))))  # pixels: a symbol, and each letter
    legend = alt.Legend(
        title=None, orient="bottom", columns=columns, columnPadding=20, symbolOpacity=1
    )
    return (
        alt.Color(
            "arm:N",
            scale=alt.Scale(domain=arms, range=[looks[arm].colour for arm in arms]),
            legend=legend,
        ),
        alt.Shape(
            "arm:N",
            scale=alt.Scale(domain=arms, range=[looks[a].shape for a in arms]),
            legend=legend,
        ),
    )


def _limits(metric: str, rows: Iterable[Mapping[str, Any]]) -> alt.Scale:
    """Return the extent of what is drawn; a share's band may reach past 0 and 1, the axis not."""
    values = [x for row in rows for x in map(row.get, ("value", "low", "high")) if x is not None]
    low, high = min(values), max(values)
    if find(metric).range == SHARE:
        low, high = (max(low, 0.0), min(high, 1.0)) if low < high else (0.0, 1.0)
    room = 0.03 * (high - low) or 0.03
    return alt.Scale(domain=[_plain(low - room), _plain(high + room)], nice=False, zero=False)


def _spec(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart,
    rows: Sequence[Mapping[str, Any]],
    size: tuple[int, int] = SMALL,
) -> dict[str, Any]:
    """Return the specification with its rows."""
    look = chart.properties(width=size[0], height=size[1]).configure(
        font="system-ui, sans-serif",
        background="transparent",
        axis=alt.AxisConfig(
            labelColor=INK, titleColor=INK, tickColor=GRID, domainColor=INK, gridColor=GRID,
            titleFontWeight="normal", titlePadding=12, labelFontSize=12, titleFontSize=12,
        ),
        legend=alt.LegendConfig(labelColor=INK, labelLimit=160, labelFontSize=12),
        view=alt.ViewConfig(stroke=None),
        aria=False,
    )  # fmt: skip
    spec: dict[str, Any] = look.to_dict(validate=False)  # the tests validate: it is half the time
    return {**spec, "datasets": {ROWS.name: list(rows)}}
