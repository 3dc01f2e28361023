"""The blocks of docs/claims.md and docs/published.md, and the claims' pages, from docs/claims."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from _blocks import CLAIMS, RESULTS, RUNS, with_block
from rlvr.tasks import recordings

from rlvr.claims.experiments import find as find_claims
from rlvr.claims.pages import family, summary, title, write
from rlvr.claims.quantities import damage_beyond_channel
from rlvr.config import ClaimConfig, resolved
from rlvr.records.record import deciding, write_json
from rlvr.results.compare import read_results, write_compare
from rlvr.results.conditions import figures, settle_in
from rlvr.results.effects import Results
from rlvr.results.plot import plot
from rlvr.statistics.conditions import parse
from rlvr.statistics.estimates import MIN_SEEDS, paired_interval

FIRST = CLAIMS / "first"
PUBLISHED = RESULTS / "published.yaml"
DESCRIBING = ("tested", "untested", "changes")  # of a claim
Recorded = tuple[str, ClaimConfig, dict[str, Any], Results]


def claims(text: str) -> str:
    """Return docs/claims.md with its tables of the claims written again."""
    for name, block in (
        ("claims", _claims()),
        ("family", _family(CLAIMS)),
        ("damage", _damage()),
        ("first", _first_edition()),
        ("first-family", _family(FIRST)),
    ):
        text = with_block(text, name, block)
    return text


@functools.cache
def _recorded_claims(edition: Path) -> list[Recorded]:
    """Return of each recorded claim its name, its section, its claim.json and its main run."""
    rows = []
    for folder in sorted(path.parent for path in edition.glob("*/claim.json")):
        found = json.loads((folder / "claim.json").read_text())
        r = read_results(edition / found["runs"] / "main")
        sections = {one.id: one for one in ClaimConfig(**r.config["claim"]).each()}
        rows.append((folder.name, sections[found["id"]], found, r))
    return rows


def _claims() -> str:
    """Return the table of the claims as their configs have them, those without a run included."""
    recorded = {name: (said, found, r) for name, said, found, r in _recorded_claims(CLAIMS)}
    heads = ("claim", "what was tested", "outcome", "effect", "what was not tested")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|"]
    for claim in find_claims([]):
        for section in claim.claim.each():
            name = claim.name if section.id == claim.claim.id else section.id.lower()
            label = f"{title(name, section)}: {section.says}"
            outcome, effect = f"not run yet: configs/claims/{claim.name}.yaml", ""
            if name in recorded:
                said, found, r = recorded[name]
                label = f"{title(name, said)}: {said.says}"  # as the run recorded it
                _, _, effect, outcome, _ = summary([(name, section, found)])[0]
                label = f"[{label}](claims/{name}/README.md)"
                there = str(len(r.seeds))
                if r.absent:
                    there = f"{there} of {len(r.seeds) + len(r.absent)}"
                if len(r.seeds) < MIN_SEEDS:  # of so few no effect is said
                    outcome, effect = f"not finished: {outcome}", ""
                outcome = f"{outcome} (round {r.round} of {r.rounds}, {there} seeds)"
            cells = (label, section.tested, outcome, effect, section.untested)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _left(CLAIMS)]) + "\n"


def _damage() -> str:
    """Return C4b's share of damage in each round, by dose, beside what the channel predicts."""
    runs = [read_results(CLAIMS / "c4" / name) for name in ("main", "noise-0.6", "noise-1")]
    beyond, lost = parse("damage_beyond_channel() < 1").quantity, []
    for r in runs:
        channel = {name: r.config["task"][name] for name in ("noise", "silent")}
        lost.append(1 - recordings.information(**channel))
    heads = [f"noise {r.config['task']['noise']:g}" for r in runs]
    lines = [f"| round | {' | '.join(heads)} |", "|---:|" + "---:|" * len(runs)]
    lines.append(f"| predicted | {' | '.join(f'{one:.2f}' for one in lost)} |")
    for round_ in range(1, runs[0].rounds + 1):
        cells = []
        for r, channel_alone in zip(runs, lost, strict=True):
            at = replace(r, round=round_)
            each = [damage_beyond_channel(beyond, s, at, ()) + channel_alone for s in r.seeds]
            band = paired_interval(each, r.confidence)
            cells.append(f"{band.delta:.2f} ({band.low:.2f} to {band.high:.2f})")
        lines.append(f"| {round_} | {' | '.join(cells)} |")
    said = (
        "The damage of retrained transcripts between clean text (0) and own samples (1), by the "
        "dose of noise: means over seeds with their 95 % intervals. The rule is about round 10."
    )
    return "\n".join([*lines, "", said]) + "\n"


def _first_edition() -> str:
    rows = [row[:3] for row in _recorded_claims(FIRST)]
    lines = ["| claim | rule | effect | outcome |", "|---|---|---|---|"]
    for (name, _, _), (label, rule, effect, ruling, _) in zip(rows, summary(rows), strict=True):
        rule = " and ".join(f"`{part}`" for part in rule.split(" and "))
        lines.append(f"| [{label}](claims/first/{name}/README.md) | {rule} | {effect} | {ruling} |")
    return "\n".join([*lines, "", _left(FIRST)]) + "\n"


def _left(edition: Path) -> str:
    """Return what Holm's correction over all claims leaves of their outcomes, as a sentence."""
    left: dict[str, list[str]] = {}
    for claim, _, _, _, outcome, _ in family(_recorded_claims(edition)):
        left.setdefault(outcome, []).append(claim.replace(", ", " "))
    if not left:
        return "No run is finished yet."
    said = "; ".join(f"*{outcome}* {', '.join(names)}" for outcome, names in sorted(left.items()))
    return f"Each outcome is the claim's by itself. As one family: {said}."


def _family(edition: Path) -> str:
    heads = ("claim", "outcome by itself", "p", "Holm p", "in the family", "shares with")
    rows = family(_recorded_claims(edition))
    if not rows:
        return "No run is finished yet.\n"
    lines = [f"| {' | '.join(heads)} |", "|---|---|---:|---:|---|---|"]
    lines += [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines) + "\n"


def published(text: str) -> str:
    """Return docs/published.md with the table of published results beside ours written again."""
    lines = ["| published | direction | shape | ours differs |", "|---|---|---|---|"]
    for one in yaml.safe_load(PUBLISHED.read_text()):
        beside = [_agreement_with(one["run"], one[part]) for part in ("direction", "shape")]
        lines.append(
            f"| **{one['source']}.** {one['found']} | {' | '.join(beside)} | {one['differs']} |"
        )
    return with_block(text, "published", "\n".join(lines) + "\n")


def _agreement_with(run: str, conditions: list[str]) -> str:
    """Return whether a recorded run of a claim agrees with a published result, and its figures."""
    if not ((CLAIMS / run).parent / "claim.json").exists():
        return f"not run yet: `{run}`"
    r = read_results(CLAIMS / run)
    found = [settle_in(parse(condition), r) for condition in conditions]
    states = {one.state for one in found}
    said = "disagrees" if "fails" in states else "open" if "open" in states else "agrees"
    each = []
    for one in found:
        value, interval = figures(one.condition, one.interval)
        each.append(f"`{one.condition.text}`: {value} ({interval}), {one.state}")
    return f"**{said}**<br>{'<br>'.join(each)}"


def make_pages() -> None:
    """Compare every record in docs/results again; make the page of every claim in docs/claims.

    What was tested, and what not, may be said better after a run: a page has the words of the
    claim's config. Its sentence and its rule stay those that the run recorded.
    """
    for one in find_claims([]):
        for path in (CLAIMS / one.name).glob("*/config.json"):
            recorded = json.loads(path.read_text())
            now = resolved(one.config)["claim"]
            if deciding(recorded["config"] | {"claim": now}) == deciding(recorded["config"]):
                said = recorded["config"]["claim"]
                for mine, theirs in zip(
                    (said, *said.get("also", [])), (now, *now["also"]), strict=True
                ):
                    mine |= {key: theirs[key] for key in DESCRIBING}
                write_json(path, recorded)
    for config in sorted(RESULTS.glob("*/config.json")):
        r = read_results(config.parent)
        write_compare([r])
        plot(r)
    beside = [read_results(RESULTS / name) for name in RUNS]
    for edition in (CLAIMS, FIRST):
        for claim in sorted(path.parent for path in edition.glob("*/claim.json")):
            if (claim / "main").exists():
                write(claim, "cpu", beside)
