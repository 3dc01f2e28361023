"""Audit: how often a verifier says `correct` of right completions, and of wrong ones.

TPR = P(correct | right), FPR = P(correct | wrong), J = TPR - FPR, per answer type and overall, each
rate with its exact binomial interval (Clopper and Pearson 1934), 95 %. The limits of J are the
differences of the rates' limits (low TPR - high FPR, high TPR - low FPR), so they cover at least
90 %, and more in fact.

Truth comes from the verifier's own module, by a function `pairs(n, seed)`, or from a labelled file.
Abstain and error are no verdicts: they are counted apart and left out of the rates. The worst case
counts each of them against the verifier (a right one as not accepted, a wrong one as accepted), the
best case for it.

What it does not do: judge the truth itself, or weigh types by how often they occur in practice.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table
from scipy.special import betaincinv

from rlvr.data import InputError, Problem, Verdict
from rlvr.pool import VerifierPool
from rlvr.record import write_json
from rlvr.score import read
from rlvr.verify import LoadedVerifier, case_problem, check_options, load_verifier

SHOWN = 10  # disagreements shown per type
CONFIDENCE = 0.95
LABELS = {"correct": True, "right": True, "true": True, "wrong": False, "incorrect": False,
          "false": False}  # fmt: skip


class Pair(NamedTuple):
    """A completion known to be right or wrong. `how`: the rewriting or mutation that made it.

    A plugin's `pairs` may yield plain tuples in this order. `prompt`: the problem's, if it has one.
    """

    reference: Any
    completion: str
    right: bool
    type: str = "all"
    how: str = ""
    prompt: str = ""


class Disagreement(NamedTuple):
    """A verdict that is not what the pair is known to be, abstain and error among them."""

    pair: Pair
    verdict: Verdict


@dataclass
class Audit:
    """What came of the pairs: statuses by (type, right), and where verdict and truth differ."""

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
        return _figures(sides[True], sides[False])

    @property
    def types(self) -> list[str]:
        """The types in the order in which they came."""
        return list(dict.fromkeys(name for name, _ in self.counts))


def interval(successes: int, n: int) -> tuple[float, float]:
    """Return the exact two-sided interval of a rate at 95 %; (0, 1) without trials.

    Clopper and Pearson 1934, by quantiles of the beta distribution.
    """
    tail = (1 - CONFIDENCE) / 2
    low = betaincinv(successes, n - successes + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, n - successes, 1 - tail) if successes < n else 1.0
    return float(low), float(high)


def _figures(right: Counter[str], wrong: Counter[str]) -> dict[str, Any]:
    tpr, fpr = _rate(right, accepted_at_worst=False), _rate(wrong, accepted_at_worst=True)
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


def _rate(counts: Counter[str], accepted_at_worst: bool) -> dict[str, Any]:
    """Return the share accepted among the decided, and with the undecided counted either way."""
    undecided = counts["abstain"] + counts["error"]
    decided, accepted = counts["correct"] + counts["wrong"], counts["correct"]
    none, every = (
        (accepted + extra) / (decided + undecided) if decided + undecided else None
        for extra in (0, undecided)
    )
    return {
        "accepted": accepted,
        "decided": decided,
        "abstain": counts["abstain"],
        "error": counts["error"],
        "rate": accepted / decided if decided else None,
        "ci95": list(interval(accepted, decided)),
        "at_worst": every if accepted_at_worst else none,
        "at_best": none if accepted_at_worst else every,
    }


# --- truth -----------------------------------------------------------------------------------


def truth(verifier: LoadedVerifier, n: int, seed: int) -> Iterator[Pair]:
    """Return n pairs of the verifier's own module, by its `pairs(n, seed)`.

    Raises InputError where it has no such function.
    """
    made: Callable[[int, int], Iterable[Any]] | None = vars(verifier.module).get("pairs")
    if made is None:
        raise InputError(
            f"audit: nothing is known to be right or wrong for {verifier.name}: give --labelled "
            f"FILE.jsonl, or let {Path(str(verifier.module.__file__)).name} define pairs(n, seed)"
        )
    return (Pair(*item) for item in made(n, seed))


def labelled(file: Path, whole_line: bool = False) -> list[tuple[Problem, Pair]]:
    """Read pairs from JSONL: completion, answer or reference, label, and type if it has one.

    Raises InputError naming file, line and key.
    """
    try:
        lines = file.read_bytes().splitlines(keepends=True)
    except OSError as failure:
        raise InputError(f"{file}: can't be read: {failure.strerror or failure}") from failure
    found = []
    for _, record, problem in read(lines, str(file), whole_line):
        label = LABELS.get(str(record.get("label")).lower())
        if label is None:
            raise InputError(
                f"{file}:{problem.id}: label is {record.get('label')!r}: write true or false, or "
                '"correct" or "wrong"'
            )
        kind = str(record.get("type") or "all")
        found.append((problem, Pair(problem.reference, record["completion"], label, kind)))
    return found


# --- the audit -------------------------------------------------------------------------------


def audit(
    name: str,
    n: int,
    seed: int = 0,
    file: Path | None = None,
    options: Mapping[str, Any] | None = None,
    workers: int | None = None,
    timeout: float | None = None,
    console: Console | None = None,
) -> Audit:
    """Run a verifier over n pairs of its own, or over a labelled file, and count.

    Raises InputError for an unknown verifier or option, without truth, and for a bad line.
    """
    verifier = load_verifier(name)
    check_options(verifier, options or {})
    if file is not None:
        known = labelled(file, verifier.whole_line)
        items, n = iter(known), len(known)
    else:
        items = ((_problem(pair), pair) for pair in truth(verifier, n, seed))
    asked, kept = tee(items)
    result = Audit()
    with VerifierPool(name, dict(options or {}), workers, timeout) as pool:
        verdicts = pool.verify((problem, pair.completion) for problem, pair in asked)
        shown = track(verdicts, "audit", n, console=console, disable=console is None)
        for verdict, (_, pair) in zip(shown, kept, strict=True):
            result.add(pair, verdict)
    return result


def _problem(pair: Pair) -> Problem:
    return replace(case_problem(pair.reference), prompt=pair.prompt)


def check_writable(path: Path) -> None:
    """Raise InputError where a report can't be written, before any work is done for it."""
    if path.is_dir() or not Path(os.path.realpath(path)).parent.is_dir():
        raise InputError(f"{path}: {'a' if path.is_dir() else 'no such'} folder: name a file")


def write(path: Path, result: Audit, how: Mapping[str, Any]) -> None:
    """Write the figures and the disagreements shown as JSON: no times, the same for the same seed.

    `how`: the verifier, the source of truth and the options.
    """
    write_json(
        path,
        {
            **how,
            "confidence": CONFIDENCE,
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
        },
    )


# --- the tables ------------------------------------------------------------------------------


def print_audit(result: Audit, console: Console) -> None:
    """Print the rates per type and overall, then disagreements, at most ten a type."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, caption_justify="left")
    table.add_column("type", overflow="fold")
    for figure in ("right", "TPR", "95 %", "wrong", "FPR", "95 %", "J", "undecided"):
        table.add_column(figure, justify="right", no_wrap=True)
    for name in result.types:
        table.add_row(escape(name), *_cells(result.rates(name)))
    figures = result.rates()
    table.add_row("[bold]all[/bold]", *_cells(figures))
    console.print(table)
    undecided = sum(figures[side][kind] for side in ("tpr", "fpr") for kind in ("abstain", "error"))
    if undecided and "j" in figures:
        _print_worst(figures, console)
    for name in result.types:
        _print_disagreements(name, result.differ[name], console)


def _cells(figures: Mapping[str, Any]) -> list[str]:
    tpr, fpr = figures["tpr"], figures["fpr"]
    cells = []
    for side, total in ((tpr, figures["right"]), (fpr, figures["wrong"])):
        low, high = side["ci95"]
        known = side["rate"] is not None
        cells += [f"{total:,}", _share(side["rate"])]
        cells.append(f"{_share(low)} to {_share(high)}" if known else "-")
    undecided = sum(side[kind] for side in (tpr, fpr) for kind in ("abstain", "error"))
    return [*cells, _share(figures["j"]["rate"]) if "j" in figures else "-", f"{undecided:,}"]


def _share(x: float | None) -> str:
    """Write a rate so that small ones and those near 1 still tell."""
    if x is None:
        return "-"
    return f"{x:.3f}" if 0.01 < abs(x) < 0.99 else f"{x:.5f}".rstrip("0").rstrip(".")


def _print_worst(figures: Mapping[str, Any], console: Console) -> None:
    tpr, fpr, j = figures["tpr"], figures["fpr"], figures["j"]
    console.print(
        f"Undecided: {tpr['abstain'] + fpr['abstain']:,} abstain, {tpr['error'] + fpr['error']:,} "
        f"error, in no rate above. Counted against the verifier (right ones not accepted, wrong "
        f"ones accepted): TPR {_share(tpr['at_worst'])}, FPR {_share(fpr['at_worst'])}, "
        f"J {_share(j['at_worst'])}; for it: TPR {_share(tpr['at_best'])}, "
        f"FPR {_share(fpr['at_best'])}, J {_share(j['at_best'])}.",
        highlight=False,
    )


def _print_disagreements(name: str, found: list[Disagreement], console: Console) -> None:
    if not found:
        return
    console.print(f"\n[bold]{escape(name)}[/bold]: {len(found)} disagreements", highlight=False)
    for pair, verdict in found[:SHOWN]:
        known = "right" if pair.right else "wrong"
        why = f" ({verdict.reason})" if verdict.reason else ""
        lines = (
            f"  {known}{f' ({pair.how})' if pair.how else ''}, verdict {verdict.status}{why}",
            f"    reference  {_short(pair.reference)}",
            f"    completion {_short(pair.completion)}",
        )
        for line in lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(found) > SHOWN:
        console.print(f"  and {len(found) - SHOWN} more", highlight=False)


def _short(value: Any) -> str:
    """One line; of a long text its end, where the answer is."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return json.dumps(text if len(text) <= 160 else "..." + text[-160:], ensure_ascii=False)
