"""From rescored.json to tables of text: the terminal prints them, and the report shows them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from rlvr.data import DECIDED, STATUSES
from rlvr.results.agreement import SETS
from rlvr.results.effects import number, signed, span
from rlvr.results.tables import Table
from rlvr.results.terminal import drawn
from rlvr.verify.audit import quoted, share

PRINTED = 2  # examples of each kind that the terminal shows
Summary = Mapping[str, Any]


def print_rescored(of: Summary, console: Console) -> None:
    """Print the tables of a summary, some examples, and in sentences which verdicts flip."""
    console.print(f"[bold]{escape(of['run'])}[/bold]: {escape(_by(of))}", highlight=False)
    console.print()
    for table in tables(of):
        console.print(drawn(table))
        console.print()
    for line in (*_examples(of), "", *said(of)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def tables(of: Summary, every_round: bool = False) -> list[Table]:
    """Return the tables of a summary, in the order in which they are read.

    Those by round have the base, the first round and the last one, or every one.
    """
    last = max((one["round"] for one in of["by_round"]), default=0)
    rounds = range(last + 1) if every_round else (0, 1, last)
    conditions = [condition_table(of)] if of["conditions"] else []
    rates = [pair_table(of), rate_table(of), reverse_table(of), round_table(of, rounds)]
    kept = [kept_table(of, rounds)] if of["kept"] else []
    return [verdict_table(of), *conditions, *rates, *kept]


def names(of: Summary) -> tuple[str, str]:
    """Return what to call the run's verifier and the other one: names, where they tell them apart.

    With a version where both have the same name. A file is called by its name, without its folder.
    """
    name, at, version = str(of["was"]).rpartition("@")
    was, now = _name(name if at else version), _name(str(of["verifier"]))
    if was != now:
        return was, now
    return f"{was}@{version}" if at else f"{was} (the run's)", f"{now}@{of['version']}"


def _name(verifier: str) -> str:
    return verifier.rpartition("/")[2].removesuffix(".py")


def _by(of: Summary) -> str:
    counts = " and ".join(f"{of['completions'][name]:,} {name}" for name in SETS)
    return f"{counts} completions by {of['was']}, and by {of['verifier']}@{of['version']}"


def said(of: Summary) -> Iterator[str]:
    """Yield what a reader has to know, in sentences: which verdicts flip first."""
    was, now = names(of)
    flipped = [one for one in of["verdicts"] if one["flipped"]]
    if not of["rule"]["rests_on_verdicts"]:
        metric = of["rule"]["metric"]
        yield f"The rule's metric, {metric}, does not rest on verdicts: none can flip."
    for one in flipped:
        words = f"{one['was']['verdict']} by {was}, {one['now']['verdict']} by {now}"
        exploratory = "" if one["primary"] else " (exploratory)"
        yield f"The verdict on {one['arm']}{exploratory} flips: {words}."
    if not flipped and of["rule"]["rests_on_verdicts"]:
        yield f"No verdict flips: {was} and {now} say the same of every arm."
    for one in of["reasons"]:
        reason = " ".join(one["reason"].split())[:200]
        yield f"{one['n']:,} {one['status']} by {now}: {reason or 'no reason given'}"


def verdict_table(of: Summary) -> Table:
    """Return both verdicts on each arm; where completions are undecided, also at worst and best.

    A row of one cell is a heading.
    """
    rows: list[tuple[str, ...]] = []
    for one in of["verdicts"]:
        if not one["primary"] and ("exploratory:",) not in rows:
            rows.append(("exploratory:",))
        rows.append((one["arm"],))
        for name, side in zip(names(of), ("was", "now"), strict=True):
            flips = ", flips" if side == "now" and one["flipped"] else ""
            rows.append((f"  {name}", *_effect(one[side]), one[side]["verdict"] + flips))
            for end in ("at_worst", "at_best"):
                if one[side][end]:
                    rows.append((f"    {end.replace('_', ' ')}", *_effect(one[side][end]), ""))
    rule = of["rule"]
    head = ("arm, by", "base", "final", "delta", "interval", "Holm p", "verdict")
    title = f"{rule['metric']} at round {rule['round']} by either verifier, the run's rule"
    return Table(title, head, tuple(rows), words=1)


def _effect(one: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = map(_known, one["interval"])
    p = _known(one["p_holm"])
    return (
        *(number(_known(one[key])) for key in ("base", "final")),
        *(signed(_known(one["delta"])), span(low, high)),
        "<0.001" if p < 0.001 else number(p),
    )


def _known(x: float | None) -> float:
    return math.nan if x is None else x


def condition_table(of: Summary) -> Table:
    """Return what became of the config's own conditions."""
    rows = tuple((one["condition"], one["was"], one["now"]) for one in of["conditions"])
    return Table("conditions of the config", ("condition", *names(of)), rows, words=2)


def pair_table(of: Summary) -> Table:
    """Return how many completions have each pair of verdicts."""
    was, now = names(of)
    counts = {(one["set"], one["was"], one["now"]): one["n"] for one in of["pairs"]}
    rows = [
        (name, status, *(f"{counts.get((name, status, other), 0):,}" for other in STATUSES))
        for name in SETS
        for status in STATUSES
        if any((name, status, other) in counts for other in STATUSES)
    ]
    title = f"completions by verdict: rows by {was}, columns by {now}"
    note = "The pool of round 1, which all arms share, counts once."
    return Table(title, ("set", "", *STATUSES), tuple(rows), note, names=2)


def rate_table(of: Summary) -> Table:
    """Return the rates of the run's verifier with the other one as truth, by arm too."""
    was, now = names(of)
    note = (
        "TPR: share accepted of what is right; FPR: of what is wrong. Exact intervals; the "
        "completions of a problem are one cluster, for they are alike."
    )
    return Table(f"{was}, with {now} as truth", _RATES, tuple(_rate_rows(of, "was", True)), note)


def reverse_table(of: Summary) -> Table:
    """Return the rates of the other verifier with the run's as truth, of all completions."""
    was, now = names(of)
    return Table(f"{now}, with {was} as truth", _RATES, tuple(_rate_rows(of, "now", False)))


_RATES = ("completions", "decided", "TPR", "95 %", "FPR", "95 %")


def _rate_rows(of: Summary, side: str, by_arm: bool) -> Iterator[tuple[str, ...]]:
    for one in of["rates"]:
        if one["round"] is not None or not (by_arm or one["arm"] is None):
            continue
        tpr, fpr = one[side]["tpr"], one[side]["fpr"]
        name = one["set"] if one["arm"] is None else f"{one['set']}, {one['arm']}"
        cells = [cell for rate in (tpr, fpr) for cell in (share(rate["rate"]), _interval(rate))]
        yield (name, f"{tpr['decided'] + fpr['decided']:,}", *cells)
        if tpr["undecided"] + fpr["undecided"]:
            for end in ("at_worst", "at_best"):
                yield (f"  {end.replace('_', ' ')}", "", share(tpr[end]), "", share(fpr[end]), "")


def _interval(rate: Mapping[str, Any]) -> str:
    return "-" if rate["rate"] is None else " to ".join(map(share, rate["ci95"]))


def round_table(of: Summary, rounds: Collection[int]) -> Table:
    """Return on how many completions of each arm and round the two disagree."""
    was, now = names(of)
    counts: dict[tuple[str, str, int], Counter[str]] = {}
    for one in of["by_round"]:
        known = counts.setdefault((one["set"], one["arm"], one["round"]), Counter())
        pair = one["was"], one["now"]
        undecided = not DECIDED.issuperset(pair)
        known["undecided" if undecided else " ".join(pair)] += one["n"]
    rows: list[tuple[str, ...]] = []
    for one in of["rates"]:
        if one["round"] not in rounds:
            continue
        if (one["set"],) not in rows:
            rows.append((one["set"],))
        n = counts[one["set"], one["arm"], one["round"]]
        kinds = (f"{n[kind]:,}" for kind in ("correct wrong", "wrong correct", "undecided"))
        rates = (share(one["was"][rate]["rate"]) for rate in ("tpr", "fpr"))
        rows.append((_at(one["arm"], one["round"]), f"{n.total():,}", *kinds, *rates))
    head = ("arm", "all", f"only {was}", f"only {now}", "undecided", "TPR", "FPR")
    note = (
        f"only: correct by that one, wrong by the other. TPR, FPR: of {was}, with {now} as truth."
    )
    return Table("disagreements by arm and round", head, tuple(rows), note)


def _at(arm: str, round_: int) -> str:
    return f"{arm}, round {round_}" if round_ else arm


def kept_table(of: Summary, rounds: Collection[int]) -> Table:
    """Return what the arms kept, by the other verifier's verdict, and would have kept with it."""
    _, now = names(of)
    rows = [
        (
            _at(one["arm"], one["round"]),
            *(f"{one[key]:,}" for key in ("sampled", "kept")),
            *(f"{one[f'kept_{status}']:,}" for status in ("correct", "wrong", "undecided")),
            *("-" if one[key] is None else f"{one[key]:,}" for key in ("would", "both")),
        )
        for one in of["kept"]
        if one["round"] in rounds
    ]
    head = ("arm", "sampled", "kept", "right", "wrong", "undecided", "would", "both")
    note = (
        f"right, wrong: of those kept, by {now}; would: what the arm would have kept of the same "
        "completions; both: of those, what it kept. After round 1 it would have sampled others."
    )
    return Table(f"kept, judged by {now}, all seeds", head, tuple(rows), note)


def example_table(of: Summary) -> Table:
    """Return some completions on which the two disagree."""
    rows = tuple(
        (
            f"{one['set']}, seed {one['seed']}, {one['arm']}, round {one['round']}",
            *(one[key] for key in ("prompt", "reference", "completion")),
            *(f"{one[side]['status']}: {one[side]['reason'] or '-'}" for side in ("was", "now")),
        )
        for one in of["examples"]
    )
    head = ("where", "prompt", "reference", "completion", *names(of))
    return Table("completions on which they disagree", head, rows, names=6)


def _examples(of: Summary) -> Iterator[str]:
    was, now = names(of)
    shown: dict[str, int] = {}
    for one in of["examples"]:
        kind = f"{one['was']['status']} by {was}, {one['now']['status']} by {now}"
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] > PRINTED:
            continue
        round_ = f", round {one['round']}" if one["round"] else ""
        yield f"{kind}: {one['set']}, seed {one['seed']}, {one['arm']}{round_}, {one['problem']}"
        yield f"  reference  {quoted(one['reference'])}"
        yield f"  completion {quoted(one['completion'])}"
        for name, side in ((was, one["was"]), (now, one["now"])):
            if side["reason"]:
                yield f"  {name}: {' '.join(side['reason'].split())[:160]}"


def failed(of: Summary) -> str:
    """Return why the other verifier's verdicts are not to be used, "" where they are.

    An error is of its infrastructure, and not of the completion.
    """
    counts: Counter[str] = Counter()
    for one in of["pairs"]:
        counts[one["now"]] += one["n"]
    if counts["error"]:
        n = f"{counts['error']:,}"
        return f"{n} verdicts are errors: see above; the same command judges them again"
    if not counts["correct"] + counts["wrong"]:
        return f"{names(of)[1]} decided nothing: give a verifier that reads this task's references"
    return ""
