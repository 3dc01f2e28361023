"""The blocks made from what the benchmarks left in docs/results."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from _blocks import CLAIMS, RESULTS, code, with_block

from rlvr.results.compare import read_results
from rlvr.results.effects import Results, number
from rlvr.statistics.estimates import paired_interval

FAULTS = 4  # shown of each side, in docs/verifiers.md
HALF = 0.5  # the level of overused_excess at which C1 says "dominate"
SHOWN_SEEDS = 5  # of docs/results/conditions.json
SIZES = (1_000, 10_000, 100_000, 1_000_000)  # completions, in docs/results/scale.json
SIDES = {"rlvr": "`math`", "math-verify": "Math-Verify"}


def conditions(text: str) -> str:
    """Return docs/conditions.md with its table of simulated curves written again."""
    measured = json.loads((RESULTS / "conditions.json").read_text())
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
        f'+-{spread:.1f}. With a t interval over the seeds\' own first rounds, where "never" '
        f"counts as one round after the last, it is\n{other:.1f} %.\n\n"
        f"{_seeds_for_a_plateau(measured['cells'])}\n"
    )
    return with_block(text, "conditions", "\n".join(lines) + f"\n\n{said}")


def _seeds_for_a_plateau(cells: list[dict[str, Any]]) -> str:
    found = [one for one in cells if one["curve"] == "flat" and "within" in one["condition"]]
    said = ", ".join(f"{100 * one['holds']:.0f} % with {one['seeds']} seeds" for one in found)
    return f"How often the plateau of the flat curve is found depends on the seeds: {said}."


def scale(text: str) -> str:
    """Return docs/scale.md with its figures written again."""
    measured = json.loads((RESULTS / "scale.json").read_text())
    speed = json.loads((RESULTS / "verify.json").read_text())
    return with_block(text, "scale", _costs(measured) + "\n" + _limits(measured, speed))


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


def labelled(text: str) -> str:
    """Return docs/verifiers.md with its table of labelled answers written again."""
    measured = json.loads((RESULTS / "labelled.json").read_text())
    lines = [*_agreement(measured), "", *_faults(measured)]
    return with_block(text, "labelled", "".join(f"{line}\n" for line in lines))


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
                said = code(" ".join(fault["completion"][-50:].split()))
                lines.append(
                    f"| {name.replace('_', ' ')} | {words} | {code(fault['reference'])} | {said} "
                    f"| {fault['status']} |"
                )
    if not lines:
        return ["Neither gets any wrong."]
    head = ["| what each gets wrong | by | reference | completion's end | verdict |"]
    return [*head, "|---|---|---|---|---|", *lines]


def intervals(text: str) -> str:
    """Return docs/intervals.md with the table of what simulated intervals cover written again."""
    measured = json.loads((RESULTS / "coverage.json").read_text())
    return with_block(text, "coverage", "\n".join(_coverage(measured)) + "\n")


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


def measures(text: str) -> str:
    """Return docs/metrics.md with what over-use says of degraded text written again."""
    measured = json.loads((RESULTS / "measures.json").read_text())
    return with_block(text, "measures", _measures(measured, read_results(CLAIMS / "c1" / "main")))


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
        lines.append(f"| {of['text']} | {code(of['begins'])} | {' | '.join(figures)} |")
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
- It is blind to noise that spreads evenly, and to made-up words. Uniform random characters
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


def plan(text: str) -> str:
    """Return docs/plan.md with how often its widths hold, and what a pilot promised and got."""
    widths = json.loads((RESULTS / "plan.json").read_text())
    promise = json.loads((RESULTS / "plan-quickstart.json").read_text())
    return with_block(with_block(text, "widths", _widths(widths)), "kept", _kept(promise))


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


def temperature(text: str) -> str:
    """Return docs/claims.md with what a temperature wins back of C1b's loss written again."""
    found = json.loads((RESULTS / "temperature.json").read_text())
    lines = [
        "| round | lost, at 1 | lost, each at its best | best T | `frozen`: lost, at its best | "
        "likeliest character right |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for t in found["at"]:
        at_1, best, cut = (
            _over_seeds([_lost(seed, seed[arm][str(t)], nll) for seed in found["seeds"]])
            for arm, nll in (
                ("unfiltered", "real_nll"),
                ("unfiltered", "half_at_best"),
                ("frozen", "half_at_best"),
            )
        )
        warm, right = (
            np.mean([seed["unfiltered"][str(t)][name] for seed in found["seeds"]])
            for name in ("best_temperature", "right")
        )
        lines.append(f"| {t} | {at_1} | {best} | {warm:.2f} | {cut} | {right:.3f} |")
    base = np.mean([seed["base"]["right"] for seed in found["seeds"]])
    off = max(seed["off"] for seed in found["seeds"])
    seeds = [seed["seed"] for seed in found["seeds"]]
    said = (
        f"Seeds {seeds[0]} to {seeds[-1]}, means with their 95 % intervals. In the bases the "
        f"likeliest character is right in {base:.3f} of places.\nThe training losses are off the "
        f"record's by {off:g} nats at most.\n"
    )
    return with_block(text, "temperature", "\n".join([*lines, "", said]))


def _lost(seed: dict[str, Any], of: dict[str, float], nll: str) -> float:
    """Return the share of what the base knew that is lost, as `knowledge_lost` has it."""
    base = seed["base"][nll]
    return float((of[nll] - base) / (seed["unigram_nll"] - base))


def _over_seeds(values: list[float]) -> str:
    found = paired_interval(values, 0.95)
    return f"{found.delta:.2f} ({found.low:.2f} to {found.high:.2f})"
