"""Writes what README.md and docs/ say of recorded runs: .venv/bin/python docs/make.py.

A block `<!-- NAME -->` ... `<!-- /NAME -->` is made from a record. The README has the picture and
the first table of the quickstart; docs/results.md has of each docs/results/NAME, whatever it says,
what `rlvr compare docs/results/NAME` prints, and which verdicts the rule has changed since the runs
were made (docs/results/verdicts-before.json has what they were then); docs/claims.md has
the table of docs/claims, whose pages are made from the records beside them, which `rlvr claims
--record docs/claims` left. docs/published.md holds published results beside these. docs/scale.md,
docs/verifiers.md and docs/intervals.md have a block made from what the benchmarks left,
docs/metrics.md and docs/glossary.md one made from the table of metrics, docs/metrics.md another
from what a benchmark measured of degraded text, docs/shapes.md one made from the table of shapes.
rlvr/report/words.md is the words of docs/glossary.md, for the pages that `rlvr report` writes.
tests/unit/test_readme.py fails where what is written differs from what is recorded.
"""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from rlvr.claims.experiments import find as find_claims
from rlvr.claims.pages import MOST_CONTRASTED, family, summary, title, write
from rlvr.config import ClaimConfig, resolved
from rlvr.evaluate import table
from rlvr.records.record import deciding, write_json
from rlvr.results.compare import finding, headline, read_results, write_compare
from rlvr.results.conditions import figures, settle_in
from rlvr.results.effects import Effect, Results, contrast_effects, number, signed, span
from rlvr.results.plot import plot
from rlvr.results.tables import HELP, contrast_tables, print_tables, verdict_table
from rlvr.results.verdict import Ruling, may_have_fallen, rulings
from rlvr.shapes.known import SHAPES
from rlvr.statistics.conditions import parse

ROOT = Path(__file__).parent.parent
CLAIMS = ROOT / "docs" / "claims"
FIRST = CLAIMS / "first"
RESULTS = ROOT / "docs" / "results"
PUBLISHED = RESULTS / "published.yaml"
BEFORE = RESULTS / "verdicts-before.json"
DEMO = "quickstart"
RUNS = ("smollm2", "code_smollm2")
OTHER_SEEDS = "quickstart-seeds-3-4-5"
NEGATIVES = "learners_tiny"
LEARNERS = "grpo_tiny"  # a run whose arms come in pairs: NAME and grpo-NAME, verified and grpo
ONLINE = "grpo_smollm2"  # a run of one seed, whose curve is shown
DESCRIBING = ("tested", "untested", "changes")  # of a claim
FAULTS = 4  # shown of each side, in docs/verifiers.md
HALF = 0.5  # the level of overused_excess at which C1 says "dominate"
SHOWN_SEEDS = 5  # of docs/results/conditions.json
SIZES = (1_000, 10_000, 100_000, 1_000_000)  # completions, in docs/results/scale.json


def readme(text: str) -> str:
    """Return the README's text with its picture and its first table written again."""
    r = read_results(RESULTS / DEMO)
    text = _with_block(text, "verdict", _verdict(r))
    return _with_block(text, "demo", f"```\n{_printed(verdict_table(r))}```\n")


def results(text: str) -> str:
    """Return docs/results.md with the block of each recorded run written again."""
    blocks = {name: _block(name) for name in (*RUNS, OTHER_SEEDS, NEGATIVES)} | {
        "demo": _block(DEMO)
    }
    blocks |= {name: f"{special(name)}\n{_block(name)}" for name, special in SPECIAL.items()}
    for name, block in (blocks | {"changed": _changed(), "planted": _planted()}).items():
        text = _with_block(text, name, block)
    return text


def claims(text: str) -> str:
    """Return docs/claims.md with its tables of the claims written again."""
    for name, block in (
        ("claims", _claims()),
        ("family", _family(CLAIMS)),
        ("first", _first_edition()),
        ("first-family", _family(FIRST)),
    ):
        text = _with_block(text, name, block)
    return text


def conditions(text: str) -> str:
    """Return docs/conditions.md with its table of simulated curves written again."""
    measured = json.loads((ROOT / "docs" / "results" / "conditions.json").read_text())
    shown = [cell for cell in measured["cells"] if cell["seeds"] == SHOWN_SEEDS]
    heads = list(dict.fromkeys(f"`{cell['condition'].replace('arm x', 'x')}`" for cell in shown))
    lines = [f"| {' | '.join(['curve', *heads])} |", "|---" * (len(heads) + 1) + "|"]
    for curve in dict.fromkeys(cell["curve"] for cell in shown):
        cells = [
            f"{cell['truth']}: {100 * cell['holds']:.1f} / {100 * cell['fails']:.1f}"
            for cell in shown
            if cell["curve"] == curve
        ]
        lines.append(f"| {' | '.join([curve, *cells])} |")
    simulations, level = measured["simulations"], (1 - measured["confidence"]) / 2
    most, other = (100 * measured[f"largest_wrong_{end}"] for end in ("side", "by_seed"))
    spread = 200 * math.sqrt(level * (1 - level) / simulations)
    said = (
        f"What is so, and in how many of {simulations:,} simulations of {SHOWN_SEEDS} seeds the "
        f"condition held / failed, in %; `x` is an arm's change from the base.\nThe most frequent "
        f"wrong decision on one side, with 3, 5 or 8 seeds, is {most:.1f} %, on a curve that lies "
        f"exactly at the limit: of\n{100 * level:g} %, {simulations:,} simulations show "
        f"+-{spread:.1f}. With a t interval over the seeds' own first rounds, never as one more "
        f"than the rounds, it is\n{other:.1f} %.\n\n"
        f"{_seeds_for_a_plateau(measured['cells'])}\n"
    )
    return _with_block(text, "conditions", "\n".join(lines) + f"\n\n{said}")


def _seeds_for_a_plateau(cells: list[dict[str, Any]]) -> str:
    found = [one for one in cells if one["curve"] == "flat" and "within" in one["condition"]]
    said = ", ".join(f"{100 * one['holds']:.0f} % with {one['seeds']} seeds" for one in found)
    return f"How often the plateau of the flat curve is found depends on the seeds: {said}."


def _block(name: str) -> str:
    """Return what `rlvr compare` prints of a record, the arms against each other, and the plot."""
    r = read_results(RESULTS / name)
    out = io.StringIO()
    console = Console(file=out, width=80)
    print_tables([r], console)
    shown = _stripped(out.getvalue().removesuffix(f"{HELP}\n").rstrip() + "\n")
    if len(r.arms) <= MOST_CONTRASTED:
        shown += "".join(f"\n{_printed(table)}" for table in contrast_tables(r))
    return f"```\n{shown}```\n\n{_plot(r, 'results')}\n"


def _verdict(r: Results) -> str:
    lines = [
        f"- `{arm}`: **{headline(r, ruling)}**. {finding(r, ruling)}"
        for arm, ruling in rulings(r).items()
    ]
    return f"{_plot(r, 'docs/results')}\n\n" + "\n".join(lines) + "\n"


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


WORDS_BEFORE = {"real": "beyond sharpening", "sharpening": "sharpening"}  # as "Real" is called now


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


def scale(text: str) -> str:
    """Return docs/scale.md with its figures written again."""
    measured = json.loads((RESULTS / "scale.json").read_text())
    speed = json.loads((RESULTS / "verify.json").read_text())
    return _with_block(text, "scale", _costs(measured) + "\n" + _limits(measured, speed))


def labelled(text: str) -> str:
    """Return docs/verifiers.md with its table of labelled answers written again."""
    measured = json.loads((RESULTS / "labelled.json").read_text())
    lines = [*_agreement(measured), "", *_faults(measured)]
    return _with_block(text, "labelled", "".join(f"{line}\n" for line in lines))


def intervals(text: str) -> str:
    """Return docs/intervals.md with the table of what simulated intervals cover written again."""
    measured = json.loads((ROOT / "docs" / "results" / "coverage.json").read_text())
    return _with_block(text, "coverage", "\n".join(_coverage(measured)) + "\n")


def _coverage(measured: dict[str, Any]) -> list[str]:
    """Return a row for each share, deviation and kind of problems: old and new rule by seeds."""
    cells = measured["cells"]
    seeds = sorted({cell["seeds"] for cell in cells})
    heads = " | ".join(f"{n} seeds: old | new" for n in seeds)
    lines = [
        f"| base share | seeds differ | problems | {heads} | said in the output |",
        "|---|---|---|" + "---:|" * (2 * len(seeds) + 1),
    ]
    rows: dict[tuple[float, str, str], list[dict[str, Any]]] = {}
    for cell in cells:
        rows.setdefault((cell["share"], cell["deviation"], cell["problems"]), []).append(cell)
    for (share, deviation, problems), of in rows.items():
        of = sorted(of, key=lambda cell: cell["seeds"])
        figures = " | ".join(f"{cell['old']:.3f} | {cell['new']:.3f}" for cell in of)
        notes = [cell["note"] for cell in of]
        said = f"{min(notes):.0%} to {max(notes):.0%}"
        lines.append(f"| {share:g} | {deviation} | {problems} | {figures} | {said} |")
    least = {
        kind: min(cell["new"] for cell in cells if cell["kind"] == kind)
        for kind in dict.fromkeys(cell["kind"] for cell in cells)
    }
    lowest = ", ".join(f"{kind} {found:.3f}" for kind, found in least.items())
    differ = ", ".join(f"{x:g} ({name})" for name, x in measured["deviations"].items())
    exact = 1.96 * math.sqrt(0.95 * 0.05 / measured["runs"])
    fails = measured["failing"]
    return [
        *lines,
        "",
        f"Share of {measured['runs']:,} simulated runs whose 95 % interval holds the true change, "
        f"itself exact to about +-{exact:.3f} where it is 0.95. "
        f"Lowest of the new rule: {lowest}. `extreme` are the rows so called, `lopsided` those "
        "with a large deviation and another share than 0.5, `failing seeds` those called failing, "
        f"where one seed in {fails['one in']}, by chance, fails by {-fails['log-odds']:g} log-odds "
        "and the others differ by a small deviation, `ordinary` all others. Seeds differ by "
        f"{differ} in log-odds. Each run has {measured['problems']} problems with "
        f"{measured['samples']} samples.",
    ]


def metrics(text: str) -> str:
    """Return docs/metrics.md with its tables recreated: a table a group, a line a row."""
    lines = []
    for group, rows in table.reference():
        lines += [
            f"## {group}",
            "",
            "| metric | what it says | unit | range | better | made from |",
            "|---|---|---|---|---|---|",
            *map(_metric_line, rows),
            "",
        ]
    text = _with_block(text, "metrics", "".join(f"{line}\n" for line in lines))
    measured = json.loads((RESULTS / "measures.json").read_text())
    return _with_block(text, "measures", _measures(measured, read_results(CLAIMS / "c1" / "main")))


def _measures(measured: dict[str, Any], c1: Results) -> str:
    """Return what over-use says of texts whose degradation is known, and what it can't say."""
    sizes, shown, kinds = measured["sizes"], measured["shown"], measured["kinds"]
    at = sizes.index(shown)
    heads = (f"`overused`, {shown}", *(f"excess, {n:,}" for n in sizes), f"`distinct_2`, {shown}")
    lines = [
        f"| text | begins | {' | '.join(heads)} | `token_entropy` |",
        "|---|---" + "|---:" * (len(heads) + 1) + "|",
    ]
    for of in kinds:
        cells = [of["overused"][at], *of["overused_excess"], of["distinct_2"][at]]
        cells += [of["token_entropy"]] if "token_entropy" in of else []
        figures = [f"{cell:z.3f}" for cell in cells] + [""] * (len(heads) + 1 - len(cells))
        lines.append(f"| {of['text']} | {_code(of['begins'])} | {' | '.join(figures)} |")
    excess = {of["text"]: [f"{value:z.3f}" for value in of["overused_excess"]] for of in kinds}
    at_one = {name: values[at] for name, values in excess.items()}
    bigram = zip(excess["bigram text"], sizes, strict=True)
    growing = ", ".join(f"{value} of {n:,}" for value, n in bigram)
    above = ", ".join(of["text"] for of in kinds if max(of["overused_excess"]) > HALF)
    before, after = (f"{c1.mean(arm, 'token_entropy'):.2f}" for arm in ("base", "unfiltered"))
    said = f"""
Excess is `overused_excess`, of so many texts of {measured["characters"]} characters each.

- It sees repetition and a narrowed text. Of {shown} texts, one sentence repeated has
  {at_one["one sentence repeated"]}, twenty sentences repeated have
  {at_one["twenty sentences repeated"]}, and other real text has {at_one["real training text"]}.
- It is blind to noise that spreads evenly, and to words that are none. Uniform random characters
  have {at_one["uniform random characters"]}: no n-gram of theirs is frequent enough. Order-2 Markov
  text has {at_one["order-2 Markov text"]}: its triples of characters are those of real text.
  Noise of common characters is seen in part: bigram text has {at_one["bigram text"]}, shuffled
  characters {at_one["real characters shuffled"]}.
- It grows with the number of texts. Bigram text has {growing}.
  A level such as {HALF} means something at one number of texts alone. Above {HALF} here: {above}.
- Therefore it can't decide whether deficiencies dominate in a loop whose text becomes more varied,
  and claim C1 asked that: `token_entropy` was {before} in its base, and {after} in its raw loop
  after {c1.round} rounds.
"""
    return "\n".join(lines) + "\n" + said


def _metric_line(row: table.Metric) -> str:
    name = "<br>".join(f"`{name}`" for name in row.named())
    low, high = row.range or (math.nan, math.nan)
    limits = f"from {low:g}" if math.isinf(high) else f"{low:g} to {high:g}" if row.range else ""
    says, better = _cell_text(row.says), row.better or ""
    return f"| {name} | {says} | {row.unit} | {limits} | {better} | {row.source} |"


def shapes(text: str) -> str:
    """Return docs/shapes.md with its table of the shapes of rows recreated."""
    lines = ["| shape | whose rows | prompt | answer | and | level | verifier |", "|---" * 7 + "|"]
    for shape in SHAPES:
        cells = (
            f"`{shape.name}`",
            shape.about,
            _columns(shape.prompt),
            _columns(shape.answer) + (f" with `{shape.mark}`" if shape.mark else ""),
            ", ".join(map(_columns, shape.marks)),
            _columns(shape.level),
            f"`{shape.verifier}`",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return _with_block(text, "shapes", "".join(f"{line}\n" for line in lines))


def _columns(names: str) -> str:
    return " or ".join(f"`{name}`" for name in names.split("|") if name)


def glossary(text: str) -> str:
    """Return docs/glossary.md with each line of the terminal's table of means, and its meaning."""
    lines = ["| line | meaning | group |", "|---|---|---|"]
    for name in table.in_terminal():
        row = table.find(name)
        group = f"[{row.group}](metrics.md#{row.group.lower().replace(' ', '-')})"
        meaning = row.says if name == row.label else row.named()[name]
        lines.append(f"| `{name}` | {_cell_text(meaning)} | {group} |")
    return _with_block(text, "terminal", "".join(f"{line}\n" for line in lines))


def words(_: str) -> str:
    """Return rlvr/report/words.md: the lines of docs/glossary.md that say what a word means."""
    page = (ROOT / "docs" / "glossary.md").read_text().partition("## Claims")[0]
    return "".join(line for line in page.splitlines(keepends=True) if line.startswith("| *"))


def _cell_text(text: str) -> str:
    return text.replace("|", "\\|")


def _with_block(text: str, name: str, block: str) -> str:
    """Return a page's text with its block of that name replaced. Raises ValueError without one."""
    found = re.findall(f"<!-- {name} -->\n.*?<!-- /{name} -->", text, re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{len(found)} blocks <!-- {name} -->, one was expected")
    return text.replace(found[0], f"<!-- {name} -->\n{block}<!-- /{name} -->")


SIDES = {"rlvr": "`math`", "math-verify": "Math-Verify"}


def _agreement(measured: dict[str, Any]) -> list[str]:
    """Return the rows of both on each file."""
    counts = ("agree", "false_positives", "false_negatives", "undecided")
    lines = [
        "| labelled answers | by | agree | false positives | false negatives | undecided |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, file in measured["files"].items():
        for side, words in SIDES.items():
            cells = " | ".join(f"{file[side][count]:,}" for count in counts)
            lines.append(f"| {name.replace('_', ' ')}, {file['lines']:,} | {words} | {cells} |")
    version = measured["math-verify"]
    return [*lines, "", f"Math-Verify {version}. Undecided ones agree where the label allows that."]


def _faults(measured: dict[str, Any]) -> list[str]:
    """Return what each gets wrong: a line a fault, at most FAULTS a file and a side."""
    lines = []
    for name, file in measured["files"].items():
        for side, words in SIDES.items():
            for fault in file[side]["wrong"][:FAULTS]:
                said = _code(" ".join(fault["completion"][-50:].split()))
                lines.append(
                    f"| {name.replace('_', ' ')} | {words} | {_code(fault['reference'])} | {said} "
                    f"| {fault['status']} |"
                )
    if not lines:
        return ["Neither gets any wrong."]
    head = ["| what each gets wrong | by | reference | completion's end | verdict |"]
    return [*head, "|---|---|---|---|---|", *lines]


def _code(text: str) -> str:
    """Write a text as code in a cell of a table, whatever it holds."""
    text = text.replace("|", "\\|").replace("](", "] (")  # no link
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _costs(measured: dict[str, float]) -> str:
    """Return the cost of a completion at each size, and the fit seconds = a + b x completions."""
    names = {
        "verify": "verify (`math`, two cores)",
        "select": "select",
        "record": "record, and read back",
        "compare": "metrics",
        "all": "together",
    }
    lines = [
        f"| microseconds a completion | {' | '.join(f'{n:,}' for n in SIZES)} | a, s | b, us |",
        "|---" + "|---:" * (len(SIZES) + 2) + "|",
    ]
    for name, words in names.items():
        each = [measured[f"{name} at {n:,}"] for n in SIZES]
        # Relative errors count: the smallest size tells a, the largest b.
        weights = [1 / (cost * n) for cost, n in zip(each, SIZES, strict=True)]
        totals = [cost * n for cost, n in zip(each, SIZES, strict=True)]
        b, a = np.polyfit(SIZES, totals, 1, w=weights)
        cells = " | ".join(f"{cost:.1f}" for cost in each)
        lines.append(f"| {words} | {cells} | {a / 1e6:.2f} | {b:.1f} |")
    memory = " | ".join(f"{measured[f'megabytes at {n:,}']:.0f}" for n in SIZES)
    lines.append(f"| memory held at most, MB | {memory} | | |")
    disk = measured[f"disk at {SIZES[-1]:,}"]
    ratio, gathering = measured[f"all: {SIZES[-1]:,} over 10,000"], measured["gathering a round"]
    said = f"""
Completions of 24 to 40 tokens. A round of n of them costs a + b x n. One of {SIZES[-1]:,} costs
{ratio:.2f} times what one of 10,000 costs. It takes {disk:,.0f} bytes on the disk (completions,
rows and evaluation). Memory is what the round held above the process before it. Gathering
metrics.parquet takes {gathering:,.0f} us a recorded round, after each round.
"""
    return "\n".join(lines) + "\n" + said


def _limits(measured: dict[str, float], speed: dict[str, float]) -> str:
    """Return how fast 8 GPUs must sample for each part of a 16-core host to hold them up."""
    own = sum(measured[f"{name} at {SIZES[-1]:,}"] for name in ("select", "record", "compare"))
    a_core = {
        "`code`": speed["code_ours_per_second"] / 2,
        "`math`, symbolic answers": speed["math_symbolic_ours_per_second"] / 2,
        "`math`, answers in prose": speed["math_prose_ours_per_second"] / 2,
    }
    rates = {f"verify, {name}, 16 cores": 16 * rate for name, rate in a_core.items()}
    rates["select, record and metrics, one core"] = 1e6 / own
    lengths = (32, 256, 1024)
    lines = [
        f"| part | completions/s | {' | '.join(f'{n:,} tokens' for n in lengths)} |",
        "|---" + "|---:" * (len(lengths) + 1) + "|",
    ]
    for name, rate in sorted(rates.items(), key=lambda item: item[1]):
        cells = " | ".join(f"{rate * length / 8:,.0f}" for length in lengths)
        lines.append(f"| {name} | {rate:,.0f} | {cells} |")
    said = """
On one node with 8 GPUs: the tokens a second that each GPU must sample, for completions of that
length, before this part takes longer than generation. The first row of the table is the first
limit. Verifying scales with the number of cores.
"""
    return "\n".join(lines) + "\n" + said


def _plot(r: Results, folder: str) -> str:
    name, n = r.folder.name, len(r.seeds)
    said = f"pass@1 over rounds of {name}, n = {n} seed{'' if n == 1 else 's'}"
    return f"![{said}]({folder}/{name}/compare.svg)"


def _printed(*tables: Table) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80)
    for i, shown in enumerate(tables):
        if i:
            console.print()
        console.print(shown)
    return _stripped(out.getvalue())


def _stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


Recorded = tuple[str, ClaimConfig, dict[str, Any], Results]


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
    recorded = {name: (found, r) for name, _, found, r in _recorded_claims(CLAIMS)}
    heads = ("claim", "what was tested", "outcome", "effect", "what was not tested")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|"]
    for claim in find_claims([]):
        for section in claim.claim.each():
            name = claim.name if section.id == claim.claim.id else section.id.lower()
            label = f"{title(name, section)}: {section.says}"
            outcome, effect = f"not run yet: configs/claims/{claim.name}.yaml", ""
            if name in recorded:
                found, r = recorded[name]
                _, _, effect, outcome, _ = summary([(name, section, found)])[0]
                label = f"[{label}](claims/{name}/README.md)"
                outcome = f"{outcome} (round {r.round} of {r.rounds}, {len(r.seeds)} seeds)"
            cells = (label, section.tested, outcome, effect, section.untested)
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", _left(CLAIMS)]) + "\n"


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
    return _with_block(text, "published", "\n".join(lines) + "\n")


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


def plan(text: str) -> str:
    """Return docs/plan.md with how often its widths hold, and what a pilot promised and got."""
    widths = json.loads((RESULTS / "plan.json").read_text())
    promise = json.loads((RESULTS / "plan-quickstart.json").read_text())
    return _with_block(_with_block(text, "widths", _widths(widths)), "kept", _kept(promise))


def _widths(measured: dict[str, float]) -> str:
    """Return a row a cell: `rlvr plan` and the formula beside it."""
    lines = [
        "| pilot and run | problems | between seeds | by F | `rlvr plan` |",
        "|---|---|---|---:|---:|",
    ]
    cells = dict.fromkeys(name.rsplit(", ", 1)[0] for name in measured if name != "runs")
    for cell in cells:
        shares = [f"{measured[f'{cell}, {rule}']:.3f}" for rule in ("formula", "plan")]
        lines.append("| " + " | ".join([*cell.rsplit(", ", 2), *shares]) + " |")
    said = ""
    for what, of in (("of any deviation", True), ("of a stated deviation", False)):
        found = [measured[f"{cell}, plan"] for cell in cells if cell.endswith(", any") == of]
        near = sum(abs(share - 0.8) <= 0.02 for share in found)
        said += (
            f"\nRows {what}: {np.mean(found):.3f} on average, between {min(found):.3f} and "
            f"{max(found):.3f}; {near} of {len(found)} lie within 0.02 of 0.8.\n"
        )
    return "\n".join(lines) + "\n" + said


def _kept(promise: dict[str, Any]) -> str:
    """Return what a pilot promised of fresh seeds, and what these gave."""
    n, hours = len(promise["seeds"]), promise["hours"]
    lines = [
        f"| arm | +- promised of {n} seeds | 80 % limits | +- they gave | within | between seeds, "
        "pilot | between seeds, then |",
        "|---|---:|---:|---:|---|---:|---:|",
    ]
    for arm, of in promise["arms"].items():
        within = "yes" if of["low"] <= of["gave"] <= of["high"] else "no"
        cells = [number(of["promised"]), f"{number(of['low'])} to {number(of['high'])}"]
        cells += [number(of["gave"]), within, number(of["between"]), number(of["gave_between"])]
        lines.append(f"| `{arm}` | " + " | ".join(cells) + " |")
    pilot, seeds = (", ".join(map(str, promise[key])) for key in ("pilot_seeds", "seeds"))
    said = (
        f"{promise['metric']}, intervals at {100 * promise['confidence']:g} %. Pilot: seeds "
        f"{pilot}; then seeds {seeds}. Promised were {hours['promised']:.2f} hours of one worker; "
        f"it took {hours['gave']:.2f}.\n\n"
    )
    return said + "\n".join(lines) + "\n"


PAGES = {
    "README.md": readme,
    "docs/results.md": results,
    "docs/claims.md": claims,
    "docs/published.md": published,
    "docs/conditions.md": conditions,
    "docs/plan.md": plan,
    "docs/scale.md": scale,
    "docs/verifiers.md": labelled,
    "docs/intervals.md": intervals,
    "docs/metrics.md": metrics,
    "docs/shapes.md": shapes,
    "docs/glossary.md": glossary,
    "rlvr/report/words.md": words,
}


if __name__ == "__main__":
    make_pages()
    for name, make in PAGES.items():
        page = ROOT / name
        page.write_text(make(page.read_text()))
