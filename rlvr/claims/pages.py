"""Pages: a claim's outcome in Markdown and claim.json, made from its runs' records alone.

`page` is a pure function: equal records give equal text, with no times and no paths but links
beside the page. `write` puts it into the claim's folder, as README.md. The table of all claims is
`summary`.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from rlvr.claims.experiments import (
    MAIN,
    Budget,
    Settlement,
    as_json,
    at_point,
    conditions,
    has_arms,
    rule_at_point,
    settle_claim,
)
from rlvr.claims.forecasts import is_about_the_law, law_tables
from rlvr.claims.plots import LARGE_K, plot_claim, plot_law
from rlvr.claims.quantities import boundary, dial
from rlvr.config import ClaimConfig
from rlvr.data import InputError
from rlvr.records.record import write_json, write_text
from rlvr.results.compare import p_value, read_results, rule_text, why, write_compare
from rlvr.results.conditions import figures, settle_conditions
from rlvr.results.effects import (
    Results,
    arm_effects,
    effect_of,
    excludes_zero,
    level_of,
    percent,
    signed,
    span,
)
from rlvr.results.plot import plot
from rlvr.results.sceptic import checks
from rlvr.results.tables import contrast_tables, means_tables, sign_tables, verdict_table
from rlvr.results.terminal import drawn
from rlvr.results.verdict import rulings
from rlvr.statistics.conditions import Settled, parse
from rlvr.statistics.estimates import Interval, holm, paired_interval

BY_ROUND = ("amplified", "quirk", "quirk_logprob", "transcript_cer", "transcript_quirk")
MOST_DRAWN = 9  # arms: of more the lines over rounds are a tangle
MOST_CONTRASTED = 6  # arms: their pairs are shown; of more there are too many to read


def write(
    folder: Path, budget: Budget, beside: Sequence[Results] = ()
) -> list[tuple[str, ClaimConfig, dict[str, Any]]]:
    """Write claim.json, README.md and the plot of each claim of the runs in `folder`.

    Returns for each claim the name of its folder, its section and what it found. The first one's
    folder is `folder`. Further claims that the same runs settle have folders beside it, called by
    their ids. `beside`: runs of other families, for the plot of a claim about size.

    The rules are those that the main run recorded before it started. `compare.json` is written
    into each run's folder. Raises InputError where the main run is missing or is of no claim, and
    where a run has finished no round.
    """
    main = read_results(folder / MAIN)
    if not main.config.get("claim"):
        raise InputError(f"{folder / MAIN}: a run without a claim: give a claim's folder")
    names = [path.parent.name for path in sorted(folder.glob("*/config.json"))]
    runs = {name: read_results(folder / name) for name in names}
    write_compare(list(runs.values()))
    plot(main)
    rows = []
    for claim in ClaimConfig(**main.config["claim"]).each():
        own = folder if claim.id == main.config["claim"]["id"] else folder.parent / claim.id.lower()
        own.mkdir(exist_ok=True)
        found = as_json(claim, budget, settle_claim(claim, runs), runs)
        found["runs"] = folder.name
        write_json(own / "claim.json", found)
        ladder = [main, *(runs[model] for model in claim.models if model in runs)]
        path = own / "claim.svg"
        about_law = is_about_the_law(claim)
        drawn = plot_law(runs, path) if about_law else plot_claim(ladder, path, beside)
        plots = ["claim.svg"] if drawn else []
        if len(main.arms) <= MOST_DRAWN:
            plots.append(os.path.relpath(folder / MAIN / "compare.svg", own))
        write_text(own / "README.md", page(own.name, claim, budget, runs, plots))
        rows.append((own.name, claim, found))
    return rows


def page(
    name: str, claim: ClaimConfig, budget: str, runs: Mapping[str, Results], plots: Sequence[str]
) -> str:
    """Return the page of a claim: outcome, rule, controls, checks, tables, other points.

    `runs` by name, the main one as "main"; `plots`: the files to show, relative to the page.
    """
    main = runs[MAIN]
    settled = settle_claim(claim, runs)
    lines = [f"# {title(name, claim)}", "", f"**{claim.says}**", "", _verdict(settled, budget), ""]
    for heading, said in (("Tested", claim.tested), ("Not tested", claim.untested)):
        lines += [f"{heading}: {said}", ""] if said else []
    ruled = {run for text in claim.rule for run in parse(text).quantity.runs}
    absent = [
        point
        for point in claim.points
        if point not in ruled and at_point(claim, point, runs) is None
    ]
    if absent and budget == "cpu":
        lines += [f"Not run yet, and not part of the rule: {', '.join(absent)}.", ""]
    lines += _conditions(settled, main)
    lines += [f"What would change it: {claim.changes}", ""]
    lines += [line for plot in plots for line in (f"![{name}]({plot})", "")]
    lines += _stated(main)
    lines += ["## What a sceptic asks", ""]
    lines += [f"Of the run of {main.config['model']}:", ""] if claim.models else []
    lines += [
        f"- {'ok' if one.ok else '**look**'}: {one.what}: {one.found}" for one in checks(main)
    ]
    own = law_tables(runs) if is_about_the_law(claim) else _boundary(main)
    lines += _crossovers(main) + own + _thrown_away(main)
    for name_, r in runs.items():
        if name_ == MAIN or name_ in claim.models:
            lines += ["", f"## The arms, {r.config['model']}", "", *_tables(r, _named(claim))]
    lines += ["", "## Why", ""]
    for arm, ruling in rulings(main).items():
        lines.append(f"- {arm}: {why(main, ruling)}")
    lines += _rounds(main, str(main.config["model"]), _named(claim))
    lines += _points(claim, runs, main)
    lines += [
        "",
        "## How it was made",
        "",
        f"`rlvr claims FILE --budget {budget}`, where FILE is the config {main.config['name']}; "
        f"seeds {', '.join(map(str, main.seeds))}. Rule of the arms' verdicts: {rule_text(main)}.",
    ]
    return "\n".join(lines) + "\n"


def _crossovers(r: Results) -> list[str]:
    """Name for each arm the k from which the base's pass@k is ahead again, if there is one."""
    ks = sorted(int(k) for k in r.config["evaluate"]["k"])
    if max(ks) < LARGE_K:
        return []
    lines = ["", f"## pass@k up to k = {max(ks)}", "", f"| arm | {' | '.join(map(str, ks))} | |"]
    lines.append("|-" * (len(ks) + 2) + "|")
    for arm in r.arms:
        deltas = [arm_effects(r, f"pass@{k}")[arm].interval for k in ks]
        ahead = [k for k, delta in zip(ks, deltas, strict=True) if not delta.delta < 0]
        after = [k for k in ks if not ahead or k > ahead[-1]]
        open_ = [k for k, delta in zip(ks, deltas, strict=True) if not delta.high < 0]
        surely = [k for k in after if not open_ or k > open_[-1]]
        said = "ahead of the base at the largest k"
        if after:
            said = f"behind the base from k = {after[0]}"
            said += f" (interval below 0 from k = {surely[0]})" if surely else " (0 inside)"
        cells = " | ".join(signed(delta.delta) for delta in deltas)
        lines.append(f"| {arm} | {cells} | {said} |")
    return [*lines, "", "Change of pass@k from the base, mean over seeds, at the last round."]


def _boundary(r: Results) -> list[str]:
    """Name for each false-negative rate the J at which the loop neither grows nor falls."""
    rows = dial(r)
    if len(rows) < 2:
        return []
    measured = [boundary(r, seed) for seed in r.seeds]
    head = f"| false negatives | J without change | {percent(r)} interval | seeds that cross |"
    lines = ["", "## The boundary, predicted at J = 0", "", head, "|-|-|-|-|"]
    for rate in rows:
        found = [by_rate[rate] for by_rate in measured if rate in by_rate]
        band = paired_interval(found, r.confidence) if found else None
        cells = [signed(band.delta), span(band.low, band.high)] if band else ["-", "-"]
        lines.append(f"| {rate:g} | {' | '.join(cells)} | {len(found)} of {len(r.seeds)} |")
    return lines


def _thrown_away(r: Results) -> list[str]:
    """Show by level which share of the clean entries of a corpus each arm kept."""
    levels = sorted({key for _, _, _, key in r.values if key.startswith("kept_clean[")})
    if not levels:
        return []
    arms = [arm for arm in r.arms if r.finite(arm, levels[0])]
    lines = ["", "## Which clean content was kept", "", f"| level | {' | '.join(arms)} |"]
    lines.append("|-" * (len(arms) + 1) + "|")
    for level in levels:
        cells = " | ".join(f"{r.mean(arm, level):.2f}" for arm in arms)
        lines.append(f"| {level.removeprefix('kept_clean[').removesuffix(']')} | {cells} |")
    return [*lines, "", f"Share of the clean entries, mean over seeds, round {r.round}."]


def title(name: str, claim: ClaimConfig) -> str:
    """Return the claim's id and, where it has several files, which one this is."""
    part = name.removeprefix(claim.id.lower()).strip("_")
    return f"{claim.id}, {part.replace('_', ' ')}" if part else claim.id


def _verdict(settled: Settlement, budget: str) -> str:
    text = f"Outcome by itself: **{settled.outcome}**."
    if settled.missing:
        text += f" Not there yet: {'; '.join(settled.missing)}."
    unmet = ("fails",) if settled.missing else ("fails", "open")  # open may still come to hold
    if any(one.state in unmet for one in settled.controls):
        text += " A control does not hold, so the rule is not applied."
    if budget == "smoke":
        text += " This is a smoke run: it tests the machinery and says nothing about the claim."
    return text


def _conditions(settled: Settlement, main: Results) -> list[str]:
    lines = [f"| | condition | mean over seeds | {percent(main)} interval | |", "|-|-|-|-|-|"]
    lines += [_row("control", one) for one in settled.controls]
    lines += [_row("rule", one) for one in settled.rule]
    lines += [_row("refutes", one) for one in settled.refutes]
    said = (
        "Every control and every line of *refutes* must hold for *refuted*."
        if settled.refutes
        else "One part of the rule that fails *refutes*: by its whole interval, corrected for the "
        "number of parts (Bonferroni)."
    )
    return [
        *lines,
        "",
        "Every control and every part of the rule must hold for *supported*, each by its whole "
        f"interval. {said} Of many claims some come out by chance: the table of the claims says "
        "what is left in the family of all.",
        "",
    ]


def _stated(r: Results) -> list[str]:
    """Show the run's own conditions, as its config states them; none where it has none."""
    stated = settle_conditions(r)
    if not stated:
        return []
    lines = ["## Further conditions, stated before the run: no outcome hangs on them", ""]
    lines += [f"| condition | mean over seeds | {percent(r)} interval | | Holm p |", "|-|-|-|-|-|"]
    lines += [f"| {_cells(one)} | {p_value(p)} |" for one, p in stated]
    said = [
        "They stand in the run's config. Each state is that condition's by itself; Holm's p is "
        f"over all {len(stated)}.",
        *(f"Open: {one.why}." for one, _ in stated if one.why),
    ]
    return [*lines, "", " ".join(dict.fromkeys(said)), ""]


def _named(claim: ClaimConfig) -> list[str]:
    """Return the metrics that the claim's controls, rule and refutes name."""
    terms = (term for text in conditions(claim) for term in parse(text).quantity.terms)
    return list(dict.fromkeys(term.metric for term in terms))


def _row(kind: str, one: Settled) -> str:
    return f"| {kind} | {_cells(one)} |"


def _cells(one: Settled) -> str:
    said = figures(one.condition, one.interval)
    return " | ".join([f"`{one.condition.text}`", *said, one.state])


def _tables(r: Results, named: Sequence[str]) -> list[str]:
    shown = [verdict_table(r), *sign_tables(r)]
    if len(r.arms) <= MOST_CONTRASTED:
        shown += contrast_tables(r)
    shown += means_tables(r, named)
    out = io.StringIO()
    console = Console(file=out, width=100)
    for table in shown:
        console.print(drawn(table))
        console.print()
    return ["```", *(line.rstrip() for line in out.getvalue().rstrip().splitlines()), "```"]


def _rounds(r: Results, name: str, named: Sequence[str]) -> list[str]:
    """Show each arm's change from the base after each round: one round may differ from many.

    Of the metrics that the claim names, and of `BY_ROUND`.
    """
    metrics = dict.fromkeys([r.metric, *named, *BY_ROUND])
    rounds = range(1, r.round + 1)
    lines = ["", f"## Round by round, {name}", ""]
    lines += [f"| | arm | {' | '.join(map(str, rounds))} |", "|-" * (2 + r.round) + "|"]
    for metric in metrics:
        for arm in r.arms:
            bands = [_change(r, arm, metric, t) for t in rounds]
            if not any(math.isfinite(band.delta) for band in bands):
                continue
            cells = [f"{signed(b.delta)}{'*' if excludes_zero(b) else ''}" for b in bands]
            lines.append(f"| {metric} | {arm} | {' | '.join(cells)} |")
    said = "Change from the base, or the figure itself where the base has none; * where the "
    return [*lines, "", f"{said}{percent(r)} interval excludes 0."]


def _change(r: Results, arm: str, metric: str, round_: int) -> Interval:
    if any(math.isfinite(r.at(s, "base", metric)) for s in r.seeds):
        return effect_of(replace(r, round=round_), arm, "base", metric, metric).interval
    return level_of(r, arm, metric, round_)


def _points(claim: ClaimConfig, runs: Mapping[str, Results], main: Results) -> list[str]:
    """Show the rule's conditions at the claim's other points: no verdict hangs on them."""
    found = {point: at_point(claim, point, runs) for point in sorted(claim.points)}
    points = {point: there for point, there in found.items() if there}
    if not points:
        return []
    lines = ["", "## The same conditions elsewhere", ""]
    lines += [f"| point | seeds | condition | mean | {percent(main)} interval | |", "|-|-|-|-|-|-|"]
    for name, there in points.items():
        shown = [text for text in rule_at_point(claim.rule) if has_arms(text, there[MAIN])]
        alone = claim.model_copy(update={"rule": shown, "controls": []})
        for one in settle_claim(alone, there).rule:
            lines.append(f"| {name} | {len(there[MAIN].seeds)} | {_cells(one)} |")
    said = (
        "A part fails by its interval widened for the number of parts, so that it may be open "
        "although the interval shown lies on the other side."
    )
    lines += ["", said, ""]
    lines += [f"- {name}: `{' '.join(claim.points[name])}`" for name in points]
    named = _named(claim)
    return lines + [
        line for name, there in points.items() for line in _rounds(there[MAIN], name, named)
    ]


def summary(rows: Sequence[tuple[str, ClaimConfig, Mapping[str, Any]]]) -> list[tuple[str, ...]]:
    """Return a row a claim: claim, rule, effect with interval, outcome, what would change it.

    `rows`: the claim's name, its section, and its claim.json. The effect is that of the condition
    which decided: the first that does not hold, a control before the rule, else the rule's first.
    """
    table: list[tuple[str, ...]] = []
    for name, claim, found in rows:
        conditions = [*found["controls"], *found["rule"]]
        undecided = [one for one in conditions if one["state"] != "holds"]
        failed = found.get("refutes") or [one for one in found["rule"] if one["state"] == "fails"]
        refuted = found["outcome"] == "refuted"
        decisive = (failed if refuted else undecided or found["rule"])[0]
        value, low, high = (
            math.nan if x is None else x for x in (decisive["value"], *decisive["ci95"])
        )
        rule = " and ".join(part["condition"] for part in found["rule"])
        label = f"{title(name, claim)}: {claim.says}"
        condition = parse(decisive["condition"])
        said, interval = figures(condition, Interval(value, low, high, math.nan))
        of = "control, " if decisive in found["controls"] else ""
        effect = f"{of}{condition.quantity.text}: {said} ({interval})"
        others = [f"{point}: {said}" for point, said in found["elsewhere"].items()]
        outcome = "; ".join([str(found["outcome"]), *others])
        table.append((label, rule, effect, outcome, claim.changes))
    return table


def family(
    rows: Sequence[tuple[str, ClaimConfig, Mapping[str, Any], Results]],
) -> list[tuple[str, ...]]:
    """Return a row a claim: claim, outcome, p, Holm's p over all of them, what that leaves, kin.

    `rows`: the claim's name, its section, its claim.json and its main run. Holm's correction holds
    however the claims depend on each other (Holm 1979); how they do is said in the last cell.
    """
    known = [math.nan if found["p"] is None else float(found["p"]) for _, _, found, _ in rows]
    table: list[tuple[str, ...]] = []
    for (name, claim, found, r), p, adjusted in zip(rows, known, holm(known), strict=True):
        kin = [
            f"{title(other, theirs)} ({', '.join(common)})"
            for other, theirs, _, run in rows
            if other != name and (common := in_common(r, run))
        ]
        left = str(found["outcome"]) if adjusted <= 1 - r.confidence else "inconclusive"
        cells = (str(found["outcome"]), _p(p), _p(adjusted), left, "; ".join(kin))
        table.append((title(name, claim), *cells))
    return table


def _p(p: float) -> str:
    """Return a p-value to four digits: here 0.0504 decides otherwise than 0.05."""
    return "-" if math.isnan(p) else "<0.0001" if p < 0.0001 else f"{p:.4f}"


def in_common(a: Results, b: Results) -> list[str]:
    """Return what two runs share: the base, and each arm that was trained alike in both.

    The base, where whatever makes it is the same for a seed of both. An arm, where the training
    loss of every seed and round that both have is the same to the last digit.
    """
    makes_base = ("model", "task", "prompt", "warm_start", "transcription", "corpus")
    if not {*a.seeds} & {*b.seeds} or any(a.config[key] != b.config[key] for key in makes_base):
        return []
    arms = [arm for arm in a.arms if arm in b.arms]
    found = ["base"]
    for arm in arms:
        mine, theirs = (
            {key: x for key, x in r.values.items() if key[1] == arm and key[3] == "train_loss"}
            for r in (a, b)
        )
        both = mine.keys() & theirs.keys()
        if both and all(mine[key] == theirs[key] for key in both):
            found.append(f"`{arm}`")
    return found
