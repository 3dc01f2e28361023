"""From the parts of runs to one HTML file that asks nothing of any network.

Completions go into the page as data, JSON, packed (gzip, base64) in a script element that no
browser runs, and are put on the page by `textContent` alone; phrases by a template with autoescape.
Charts are SVG that Vega wrote, with its escaping. A content security policy allows the page's own
script and style sheet, by their hashes, and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

import jinja2
from markupsafe import Markup

from rlvr import __version__
from rlvr.data import STATUSES, InputError
from rlvr.records.record import write_text
from rlvr.report import facts
from rlvr.report.completions import FIELD, SETS, Room
from rlvr.report.figures import (
    GRID,
    INK,
    PAPER,
    QUADRANT_COLOURS,
    Figure,
    Look,
    arm_looks,
    figure_groups,
    svg,
)
from rlvr.report.gather import RunParts, gather, labels
from rlvr.report.words import finder, linked, named, words
from rlvr.results.about import about, arm_says
from rlvr.results.compare import size_matched
from rlvr.results.effects import Results, percent
from rlvr.results.plot import ON_DARK
from rlvr.results.sceptic import Check, checks
from rlvr.results.tables import (
    Table,
    added_tables,
    conditions_tables,
    contrast_tables,
    evidence_tables,
    excluded_tables,
    side_by_side_table,
    sign_tables,
    verdict_table,
)
from rlvr.results.verdict import Kind
from rlvr.statistics.estimates import Outcome

HERE = Path(__file__).parent
SCRIPTS = ("figures.js", "browser.js")
ROOM = Room(rows=150_000, characters=4_000_000, longest=2 * 10**6)  # for the completions of a page
PACKED = 3_200_000  # bytes that figures and completions may take in the page
# What would act on a page rather than show: controls, and marks that change the direction of text.
UNSEEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]"
)


@dataclass(frozen=True, slots=True)
class RunView:
    """One run's section: what the template loops over."""

    parts: RunParts
    r: Results
    checks: Sequence[Check]
    headline: Figure
    percent: str
    groups: Mapping[str, Sequence[Figure]]
    tables: Mapping[str, Sequence[Table]]
    left_out: Sequence[str]
    found: Sequence[facts.Found]
    about: str
    arms: Mapping[str, str]
    size_matched: Sequence[str]
    limits: Sequence[str]


def write_report(runs: Sequence[Results], out: Path) -> int:
    """Write the report of these runs to `out`, atomically, and return its size in bytes.

    Raises InputError for a folder as `out` and for a damaged file of a run, RunError when the disk
    won't take it; nothing is written then.
    """
    if out.is_dir():
        raise InputError(f"-o {out}: a folder: name a file in it, such as {out / 'report.html'}")
    html = render(runs)
    write_text(out, html)
    return len(html.encode())


def render(runs: Sequence[Results]) -> str:
    """Return the page. Equal runs give equal pages under equal library versions, timing apart."""
    looks = arm_looks(list(dict.fromkeys(arm for r in runs for arm in r.arms)))
    drawn = [figure_groups(r, looks) for r in runs]
    share = 1.0
    while True:
        room = _part(ROOM, share, len(runs))
        read = [gather(label, r, room) for label, r in zip(labels(runs), runs, strict=True)]
        views = [_view(parts, groups) for parts, groups in zip(read, drawn, strict=True)]
        packed = pack(_payload(views, looks))
        if len(packed) <= PACKED or share < 0.01:
            break
        share *= 0.8 * PACKED / len(packed)
    return _fill(views, looks, packed)


def _part(room: Room, share: float, runs: int) -> Room:
    """Return the room of each of several runs when all have a share of what a page takes."""
    rows, characters = (int(share * x / runs) for x in (room.rows, room.characters))
    return Room(rows, characters, max(FIELD, int(share * room.longest)))


def _view(parts: RunParts, groups: Mapping[str, Sequence[Figure]]) -> RunView:
    r = parts.results
    reasons = parts.sample.excluded if parts.sample else {}
    tables = {
        "found": [verdict_table(r), *added_tables(r), *sign_tables(r), *conditions_tables(r)],
        "evidence": [*evidence_tables(r), *contrast_tables(r)],
        "excluded": excluded_tables(r),
        "reasons": [table] if (table := facts.reasons_table(reasons)).rows else [],
        "coverage": [facts.coverage_table(r)],
        "budget": [facts.budget_table(r, parts.seconds)],
        "all": [facts.all_figures(r)],
        "environment": [facts.environment_table(parts.manifest)],
        "config": [facts.config_table(r)],
    }
    headline, *others = groups
    return RunView(
        parts=parts,
        r=r,
        checks=checks(r),
        headline=groups[headline][0],
        percent=percent(r),
        groups={title: groups[title] for title in others},
        tables=tables,
        left_out=facts.left_out(r),
        found=facts.found(r),
        about=about(r),
        arms={str(a["name"]): arm_says(a) for a in r.config["arms"] if a["name"] in r.arms},
        size_matched=size_matched(r),
        limits=facts.limits(r),
    )


def _figures(views: Sequence[RunView]) -> Iterator[tuple[str, Figure]]:
    """Yield every chart of the page with its id there."""
    for i, view in enumerate(views):
        for figure in (view.headline, *(one for of in view.groups.values() for one in of)):
            yield f"run-{i}-{figure.id}", figure


def _payload(views: Sequence[RunView], looks: Mapping[str, Look]) -> dict[str, Any]:
    """Return the data that the page's script works on."""
    runs = [
        {
            "label": view.parts.label,
            "arms": ["base", *view.r.arms],
            "rows": view.parts.sample.rows if view.parts.sample else {},
            "texts": view.parts.sample.texts if view.parts.sample else [],
            "problems": view.parts.sample.problems if view.parts.sample else [],
        }
        for view in views
    ]
    return {
        "figures": {name: figure.rows for name, figure in _figures(views)},
        "runs": runs,
        "looks": {arm: f"arm-{i}" for i, arm in enumerate(looks)},
        "sets": SETS,
        "statuses": STATUSES,
    }


def variable(colour: str) -> str:
    """Return the name of the page's CSS variable for a colour; the script reads it back."""
    return f"--c{colour.removeprefix('#').lower()}"


def _colours(looks: Mapping[str, Look]) -> dict[str, str]:
    """Return each colour of a chart on a light page with the one on a dark page."""
    own = {INK: "#d6dae0", GRID: "#343a44", PAPER: "#1b1f26", QUADRANT_COLOURS[1]: "#66738a"}
    return own | {look.colour: ON_DARK.get(look.colour, look.colour) for look in looks.values()}


def pack(payload: Mapping[str, Any]) -> str:
    """Return data as JSON, gzip, base64: letters, digits, +, / and = alone, whatever it holds."""
    text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def visible(text: str) -> str:
    """Return `text` with each character that can't be seen, or would act, as its code point."""
    return UNSEEN.sub(lambda match: f"\u27e8U+{ord(match[0]):04X}\u27e9", text)


def _fill(views: Sequence[RunView], looks: Mapping[str, Look], packed: str) -> str:
    style = (HERE / "page.css").read_text(encoding="utf-8") + _palette(looks)
    own = "".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    environment = jinja2.Environment(
        autoescape=True,
        loader=jinja2.FileSystemLoader(HERE),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    known = words([view.r for view in views])
    by_name = finder(known)
    environment.filters["visible"] = visible
    environment.filters["linked"] = lambda text: linked(text, by_name)
    environment.filters["word"] = lambda text: named(text, by_name)
    results = [view.r for view in views]
    names = [view.parts.label for view in views]
    several = len(views) > 1
    page = partial(
        environment.get_template("page.html").render,
        title=", ".join(dict.fromkeys(names)),
        version=__version__,
        runs=views,
        looks={arm: f"arm-{i}" for i, arm in enumerate(looks)},
        side_by_side=side_by_side_table(names, results) if several else None,
        differences=facts.differences_table(names, results) if several else None,
        outcomes=(*get_args(Outcome), *(kind for kind in get_args(Kind) if kind != "open")),
        packed=packed,
        sets=SETS,
        statuses=STATUSES,
        shown=sum(view.parts.sample.shown for view in views if view.parts.sample),
        total=sum(view.parts.sample.total for view in views if view.parts.sample),
        style=Markup(style),
        charts={name: _drawn(figure, name, looks) for name, figure in _figures(views)},
        script=Markup(own),
        policy=_policy(own, style),
    )
    html = page(words=known)
    return page(words=[word for word in known if f'href="#{word.id}"' in html])


def _drawn(figure: Figure, name: str, looks: Mapping[str, Look]) -> Markup:
    """Return a chart in the colours of the page's theme."""
    text = svg(figure, name)
    for colour in _colours(looks):
        text = re.sub(re.escape(colour), f"var({variable(colour)})", text, flags=re.IGNORECASE)
    return Markup(text)


def _palette(looks: Mapping[str, Look]) -> str:
    """Return the style sheet's part that depends on the runs: theme colours, a class an arm."""
    colours = _colours(looks)
    light = "".join(f"{variable(a)}:{a};" for a in colours)
    dark = "".join(f"{variable(a)}:{b};" for a, b in colours.items())
    arms = "".join(
        f".arm-{i}::before{{background:var({variable(look.colour)})}}"
        for i, look in enumerate(looks.values())
    )
    return (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{arms}\n"
    )


def _policy(script: str, style: str) -> str:
    """Return the content security policy: own script and style by hash, no network at all."""

    def of(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; script-src {of(script)}; style-src {of(style)}; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
