"""Audit: how often a verifier judges right completions `correct`, and how often wrong ones.

TPR = P(correct | right), FPR = P(correct | wrong), J = TPR - FPR, per answer type and overall, each
rate with its exact binomial interval (Clopper and Pearson 1934), 95 %. The limits of J are the
differences of the rates' limits (low TPR - high FPR, high TPR - low FPR). So they cover at least
90 %, and in practice more.

Truth comes from the verifier's own module: from a function `pairs(n, seed)`, and from `habits(n,
seed)` if there is one. `rlvr.verify.labelled` takes truth from your own labels. Abstain and error
decide nothing: they are counted apart and left out of the rates. The worst case counts each of them
against the verifier (a right completion as not accepted, a wrong one as accepted), and the best
case counts each of them for it.

The audit does not judge the truth itself, and does not weigh types by how often they occur in
practice.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from rlvr.data import DASH, InputError, Problem, Verdict
from rlvr.records.record import write_json
from rlvr.statistics.shares import clustered_interval, effective_trials, exact_interval
from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import LoadedVerifier, case_problem, check_options, load_verifier

SHOWN = 10  # disagreements shown of each type
CONFIDENCE = 0.95


class Pair(NamedTuple):
    """A completion that is known to be right or wrong. `how`: the change that made it.

    A plugin's `pairs` may yield plain tuples in this order. `prompt`: the problem's, if it has one.
    """

    reference: Any
    completion: str
    right: bool
    type: str = "all"
    how: str = ""
    prompt: str = ""


class Disagreement(NamedTuple):
    """A verdict that differs from what the pair is known to be; abstain and error differ too."""

    pair: Pair
    verdict: Verdict


@dataclass
class Audit:
    """The outcome of the pairs: statuses by (type, right), and where verdict and truth differ."""

    counts: dict[tuple[str, bool], Counter[str]] = field(
        default_factory=partial(defaultdict, Counter)
    )
    differ: dict[str, list[Disagreement]] = field(default_factory=partial(defaultdict, list))

    def add(self, pair: Pair, verdict: Verdict) -> None:
        """Count one verdict."""
        self.counts[pair.type, pair.right][verdict.status] += 1
        if verdict.status != ("correct" if pair.right else "wrong"):
            self.differ[pair.type].append(Disagreement(pair, verdict))

    def rates(self, type_: str | None = None) -> dict[str, Any]:
        """Return the figures of a type, or of all."""
        sides = {True: Counter[str](), False: Counter[str]()}
        for (name, right), counts in self.counts.items():
            if type_ in (None, name):
                sides[right] += counts
        return figures_of(sides[True], sides[False])

    @property
    def types(self) -> list[str]:
        """The types in the order in which they came."""
        return list(dict.fromkeys(name for name, _ in self.counts))


def interval(successes: int, n: int) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate at 95 %; (0, 1) without trials."""
    return exact_interval(successes, n, CONFIDENCE)


Clusters = tuple[Sequence[int], Sequence[int]]


def figures_of(
    right: Counter[str],
    wrong: Counter[str],
    right_by: Clusters | None = None,
    wrong_by: Clusters | None = None,
) -> dict[str, Any]:
    """Return the rates of statuses counted on right completions and on wrong ones.

    `right_by`, `wrong_by`: of each problem how many were accepted, and how many decided. Answers to
    one problem are alike. Without them all are taken as independent.
    """
    tpr = _rate(right, False, right_by)
    fpr = _rate(wrong, True, wrong_by)
    figures: dict[str, Any] = {"right": right.total(), "wrong": wrong.total()}
    figures |= {"tpr": tpr, "fpr": fpr}
    if tpr["rate"] is not None and fpr["rate"] is not None:
        limits = [tpr["ci95"][0] - fpr["ci95"][1], tpr["ci95"][1] - fpr["ci95"][0]]
        figures["j"] = {
            "rate": tpr["rate"] - fpr["rate"],
            "ci95": limits,
            "at_worst": tpr["at_worst"] - fpr["at_worst"],
            "at_best": tpr["at_best"] - fpr["at_best"],
        }
    return figures


def _rate(counts: Counter[str], accepted_at_worst: bool, by: Clusters | None) -> dict[str, Any]:
    """Return the share accepted among the decided ones, and both ways to count the undecided."""
    undecided = counts["abstain"] + counts["error"]
    decided, accepted = counts["correct"] + counts["wrong"], counts["correct"]
    none, every = (
        (accepted + extra) / (decided + undecided) if decided + undecided else None
        for extra in (0, undecided)
    )
    within = clustered_interval(*by, CONFIDENCE) if by else interval(accepted, decided)
    return {
        "accepted": accepted,
        "decided": decided,
        **({"effective": effective_trials(*by, CONFIDENCE)} if by else {}),
        "abstain": counts["abstain"],
        "error": counts["error"],
        "rate": accepted / decided if decided else None,
        "ci95": list(within),
        "at_worst": every if accepted_at_worst else none,
        "at_best": none if accepted_at_worst else every,
    }


# --- truth -----------------------------------------------------------------------------------


def truth(verifier: LoadedVerifier, n: int, seed: int, source: str = "pairs") -> Iterator[Pair]:
    """Return n pairs from the verifier's own module: its `pairs(n, seed)` or `habits(n, seed)`.

    Raises InputError if the module has no such function.
    """
    made: Callable[[int, int], Iterable[Any]] | None = vars(verifier.module).get(source)
    if made is None:
        raise InputError(
            f"audit: nothing is known to be right or wrong for {verifier.name}: give --labelled "
            f"FILE.jsonl, or let {Path(str(verifier.module.__file__)).name} define "
            f"{source}(n, seed)"
        )
    return (Pair(*item) for item in made(n, seed))


def has_habits(name: str) -> bool:
    """Return whether a verifier's module has a function `habits`."""
    return "habits" in vars(load_verifier(name).module)


# --- the audit -------------------------------------------------------------------------------


def audit(
    name: str,
    n: int,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
    source: str = "pairs",
) -> Audit:
    """Run a verifier over n pairs from its own module and count; `source`: "pairs" or "habits".

    Raises InputError for an unknown verifier or option, and if the module has no such pairs.
    """
    verifier = load_verifier(name)
    check_options(verifier, options or {})
    asked, kept = tee(truth(verifier, n, seed, source))
    result = Audit()
    with VerifierPool(name, dict(options or {}), workers, timeout) as pool:
        verdicts = pool.verify((_problem(pair), pair.completion) for pair in asked)
        shown = track(verdicts, source, n, console=console, disable=console is None)
        for verdict, pair in zip(shown, kept, strict=True):
            result.add(pair, verdict)
    return result


def _problem(pair: Pair) -> Problem:
    return replace(case_problem(pair.reference), prompt=pair.prompt)


def check_writable(path: Path) -> None:
    """Raise InputError if a report can't be written there, before any work is done for it."""
    if path == DASH:
        return
    if path.is_dir() or not Path(os.path.realpath(path)).parent.is_dir():
        raise InputError(f"{path}: {'a' if path.is_dir() else 'no such'} folder: name a file")


def write(path: Path, results: Mapping[str, Audit], how: Mapping[str, Any]) -> None:
    """Write the figures and the shown disagreements as JSON, the same for the same seed.

    `results`: by source. The results of the pairs stand at the top, others under the source's name.
    `how`: the verifier, the source of truth and the options.
    """
    found = {source: _as_json(result) for source, result in results.items()}
    write_json(path, {**how, "confidence": CONFIDENCE, **found.pop("pairs"), **found})


def _as_json(result: Audit) -> dict[str, Any]:
    return {
        "all": result.rates(),
        "types": {name: result.rates(name) for name in result.types},
        "disagreements": {
            name: [
                pair._asdict() | {"status": verdict.status, "reason": verdict.reason}
                for pair, verdict in result.differ[name][:SHOWN]
            ]
            for name in result.types
            if result.differ[name]
        },
    }


# --- the tables ------------------------------------------------------------------------------


def print_audit(result: Audit, console: Console, show: int = SHOWN) -> None:
    """Print the rates for each type and overall, then at most `show` disagreements of each type."""
    _print_rates(result, "type", COLUMNS, console)
    _print_all_disagreements(result, show, console)


def print_habits(result: Audit, console: Console, show: int = SHOWN) -> None:
    """Print the rates for each habit and overall, then `show` disagreements of each at most."""
    _print_rates(result, "habit", COLUMNS[:6], console)  # names are long, J is in the JSON
    _print_all_disagreements(result, show, console)


COLUMNS = ("right", "TPR", "95 %", "wrong", "FPR", "95 %", "J", "undecided")


def _print_rates(result: Audit, heading: str, columns: Sequence[str], console: Console) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption_justify="left")
    table.add_column(heading, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name in result.types:
        table.add_row(escape(name), *_cells(result.rates(name))[: len(columns)])
    figures = result.rates()
    table.add_row("[bold]all[/bold]", *_cells(figures)[: len(columns)])
    console.print(table)
    undecided = sum(figures[side][kind] for side in ("tpr", "fpr") for kind in ("abstain", "error"))
    if undecided and "j" in figures:
        _print_worst(figures, console)


def _print_all_disagreements(result: Audit, show: int, console: Console) -> None:
    for name in result.types:
        _print_disagreements(name, result.differ[name], show, console)


def _cells(figures: Mapping[str, Any]) -> list[str]:
    tpr, fpr = figures["tpr"], figures["fpr"]
    cells = []
    for side, total in ((tpr, figures["right"]), (fpr, figures["wrong"])):
        low, high = side["ci95"]
        known = side["rate"] is not None
        cells += [f"{total:,}", share(side["rate"])]
        cells.append(f"{share(low)} to {share(high)}" if known else "-")
    undecided = sum(side[kind] for side in (tpr, fpr) for kind in ("abstain", "error"))
    return [*cells, share(figures["j"]["rate"]) if "j" in figures else "-", f"{undecided:,}"]


def share(x: float | None) -> str:
    """Write a rate with enough digits to tell small rates from 0, and large ones from 1."""
    if x is None:
        return "-"
    return f"{x:.3f}" if 0.01 < abs(x) < 0.99 else f"{x:.5f}".rstrip("0").rstrip(".")


def _print_worst(figures: Mapping[str, Any], console: Console) -> None:
    tpr, fpr, j = figures["tpr"], figures["fpr"], figures["j"]
    console.print(
        f"Undecided: {tpr['abstain'] + fpr['abstain']:,} abstain, {tpr['error'] + fpr['error']:,} "
        f"error, in no rate above. Counted against the verifier (right ones not accepted, wrong "
        f"ones accepted): TPR {share(tpr['at_worst'])}, FPR {share(fpr['at_worst'])}, "
        f"J {share(j['at_worst'])}; for it: TPR {share(tpr['at_best'])}, "
        f"FPR {share(fpr['at_best'])}, J {share(j['at_best'])}.",
        highlight=False,
    )


def _print_disagreements(name: str, found: list[Disagreement], show: int, console: Console) -> None:
    if not found or not show:
        return
    console.print(f"\n[bold]{escape(name)}[/bold]: {len(found)} disagreements", highlight=False)
    for pair, verdict in found[:show]:
        known = "right" if pair.right else "wrong"
        why = f" ({verdict.reason})" if verdict.reason else ""
        lines = (
            f"  {known}{f' ({pair.how})' if pair.how else ''}, verdict {verdict.status}{why}",
            f"    reference  {quoted(pair.reference)}",
            f"    completion {quoted(pair.completion)}",
        )
        for line in lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(found) > show:
        console.print(f"  and {len(found) - show} more", highlight=False)


def quoted(value: Any) -> str:
    """Return a value as one line. A long text is cut to its end, where the answer stands."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return json.dumps(text if len(text) <= 160 else "..." + text[-160:], ensure_ascii=False)
