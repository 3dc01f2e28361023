"""The blocks of README.md and docs/results.md, from the recorded runs in docs/results."""

from __future__ import annotations

import io
import json

from _blocks import RESULTS, ROOT, RUNS, picture, printed, stripped, with_block
from rich.console import Console

from rlvr.claims.pages import MOST_CONTRASTED
from rlvr.results.compare import finding, headline, read_results
from rlvr.results.effects import Effect, Results, contrast_effects, number, signed, span
from rlvr.results.tables import contrast_tables, verdict_table
from rlvr.results.terminal import HELP, print_tables
from rlvr.results.verdict import Ruling, may_have_fallen, rulings

BEFORE = RESULTS / "verdicts-before.json"
DEMO = "quickstart"
OTHER_SEEDS = "quickstart-seeds-3-4-5"
NEGATIVES = "learners_tiny"
LEARNERS = "grpo_tiny"  # a run whose arms come in pairs: NAME and grpo-NAME, verified and grpo
ONLINE = "grpo_smollm2"  # a run of one seed, whose curve is shown
WORDS_BEFORE = {"real": "beyond sharpening", "sharpening": "sharpening"}  # as "Real" is called now


def readme(text: str) -> str:
    """Return the README's text with its picture and its first table written again."""
    r = read_results(RESULTS / DEMO)
    text = with_block(text, "verdict", _verdict(r))
    return with_block(text, "demo", f"```\n{printed(verdict_table(r))}```\n")


def results(text: str) -> str:
    """Return docs/results.md with the block of each recorded run written again."""
    blocks = {name: _block(name) for name in (*RUNS, OTHER_SEEDS, NEGATIVES)} | {
        "demo": _block(DEMO)
    }
    blocks |= {name: f"{special(name)}\n{_block(name)}" for name, special in SPECIAL.items()}
    for name, block in (blocks | {"changed": _changed(), "planted": _planted()}).items():
        text = with_block(text, name, block)
    return text


def _block(name: str) -> str:
    """Return what `rlvr compare` prints of a record, the arms against each other, and the plot."""
    r = read_results(RESULTS / name)
    out = io.StringIO()
    console = Console(file=out, width=80)
    print_tables([r], console)
    shown = stripped(out.getvalue().removesuffix(f"{HELP}\n").rstrip() + "\n")
    if len(r.arms) <= MOST_CONTRASTED:
        shown += "".join(f"\n{printed(table)}" for table in contrast_tables(r))
    return f"```\n{shown}```\n\n{picture(r, 'results')}\n"


def _verdict(r: Results) -> str:
    lines = [
        f"- `{arm}`: **{headline(r, ruling)}**. {finding(r, ruling)}"
        for arm, ruling in rulings(r).items()
    ]
    return f"{picture(r, 'docs/results')}\n\n" + "\n".join(lines) + "\n"


def _changed() -> str:
    """Return the recorded verdicts that are others under the rule as it is now, and why."""
    lines = ["| record | arm | verdict before | verdict now | why |", "|---|---|---|---|---|"]
    before = json.loads(BEFORE.read_text())
    for name, arms in before.items():
        r = read_results(ROOT / "docs" / name)
        for arm, ruling in rulings(r).items():
            was = _words(arms[arm]["verdict"], WORDS_BEFORE.get(arms[arm]["growth"]))
            now = _words(ruling.said, ruling.kind)
            if was != now:
                called = f"`{arm}`" if ruling.primary else f"`{arm}` (exploratory)"
                lines.append(f"| {name} | {called} | {was} | {now} | {_reason(r, ruling)} |")
    count = sum(map(len, before.values()))
    said = f"{len(lines) - 2} of {count} verdicts of {len(before)} recorded runs are others now."
    return "\n".join([said, "", *lines]) + "\n"


def _planted() -> str:
    """Return what benchmarks/verdicts.py found: what was planted, and how often what was said."""
    measured = json.loads((RESULTS / "verdicts.json").read_text())
    heads = ("growth", "beyond", "sharpening", "open", "collapse", "no effect", "inconclusive")
    words = ("growth", "beyond sharpening", *heads[2:])
    others = ("tail lost", "wrong")
    failing = measured["failing"]  # the rows with seeds that fail as a whole
    lines = []
    for heading, rows in measured["planted"].items():
        lines += [f"{heading}:", "", f"| planted | change | {' | '.join((*heads, *others))} |"]
        lines.append("|---" + "|---:" * (len(heads) + len(others) + 1) + "|")
        for name, row in rows.items():
            cells = (f"{100 * row[word]:.1f} %" for word in (*words, *others))
            lines.append(f"| {name} | {row['change']:+.3f} | {' | '.join(cells)} |")
        lines.append("")
    settings = measured["planted"].values()
    normal = [row for rows in settings for name, row in rows.items() if name not in failing]
    worst = max(row["wrong"] for row in normal)
    lines.append(
        f"{measured['records']:,} records a line. Where seeds differ normally, at most "
        f"{100 * worst:.1f} % of a line are wrong; where some fail as a whole, far more:"
    )
    for name, how in failing.items():
        wrong = [100 * rows[name]["wrong"] for rows in settings]
        lines.append(
            f"in *{name}*, each fails with probability {how['share']:g} by {-how['logits']:g} "
            f"logits, and {min(wrong):.1f} % to {max(wrong):.1f} % of a line are wrong."
        )
    return "\n".join(lines) + "\n"


def _words(outcome: str, growth: str | None) -> str:
    return f"{outcome}, {growth}" if growth else outcome


def _reason(r: Results, ruling: Ruling) -> str:
    if ruling.reason or ruling.best is None:
        return ruling.reason
    said = f"{_cell(ruling.best)} against the base at its best temperature"
    fallen = may_have_fallen(r, ruling.arm) if ruling.kind == "open" else []
    return f"{said}; may have fallen: {', '.join(fallen)}" if fallen else said


def _learners(name: str) -> str:
    """Return rounds of fine-tuning and GRPO side by side, and GRPO less fine-tuning."""
    r = read_results(RESULTS / name)
    ruled, between = rulings(r), contrast_effects(r, r.metric)
    lines = [
        f"| {r.metric}, change in {r.rounds} rounds | fine-tuning | GRPO | GRPO less fine-tuning |",
        "|---|---|---|---|",
    ]
    for online in (arm for arm in r.arms if arm.startswith("grpo")):
        offline = online.removeprefix("grpo").removeprefix("-") or "verified"
        apart = between.get((online, offline))
        sides = (
            f"{_cell(ruled[arm].effect)}, {_words(ruled[arm].said, ruled[arm].kind)}"
            if arm in ruled
            else ""
            for arm in (offline, online)
        )
        cells = [*sides, _cell(apart) if apart else ""]
        lines.append(f"| `{offline}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(effect: Effect) -> str:
    interval = effect.interval
    return f"{signed(interval.delta)} ({span(interval.low, interval.high)})"


def _curve(name: str) -> str:
    r = read_results(RESULTS / name)
    [arm], [seed], steps = r.arms, r.seeds, r.rounds * r.config["grpo"]["steps"]
    at = [r.at(seed, arm if t else "base", r.metric, t) for t in range(r.rounds + 1)]
    values = " -> ".join(map(number, at))
    return f"`{arm}`, {steps} steps, {r.metric} over the rounds: {values}.\n"


SPECIAL = {LEARNERS: _learners, ONLINE: _curve}  # what a record has before its block
