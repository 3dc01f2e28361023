"""Rejudged: a run's figures as they are by another verifier's verdicts.

What each arm kept, and what it would have kept of the same completions; the metrics that rest on
verdicts, from the same records. Everything else is as the run has it. An arm that had been trained
on other rows would have sampled others in the next round: only round 1, whose pool all arms share,
is what would have been.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlvr.data import Arm
from rlvr.evaluate import metrics, table
from rlvr.evaluate.evaluation import RECORD, Record
from rlvr.evaluate.measured import AgainstBase, HeldOut, Selected
from rlvr.learners.registry import LEARNERS
from rlvr.loop.selection import tells_luck
from rlvr.records import record
from rlvr.records.layout import BASE, COMPLETIONS, EVALUATION, ROWS, Place
from rlvr.records.stored import JUDGED, ROW, Item, Judged, Shape, Stored, chosen, held, pick
from rlvr.results.agreement import KINDS, Rescored
from rlvr.results.effects import BEST_TEMPERATURE, Results
from rlvr.select import arms, match
from rlvr.select.learner import rewards
from rlvr.select.rows import completion_rows
from rlvr.select.seen import seen_by

VERDICT = ("status", "reason", "extracted")
BY_VERDICT = (  # the sources of the metrics that rest on verdicts
    *(table.SAMPLES, table.GREEDY, table.WORK, table.RARE, table.SOLVED),
    *table.SELECTED,
)
Figures = dict[tuple[int, str, int, str], float]
Sizes = dict[tuple[Place, str], Counter[str]]  # rows that a matched arm would have had, by match_by


def rests_on_verdicts(name: str) -> bool:
    """Return whether a figure of a run, by its name, is made of its verifier's verdicts."""
    if name.startswith(f"{metrics.OFF_TARGET}."):  # by verifiers of their own
        return False
    name = name.partition("[")[0]
    return name == BEST_TEMPERATURE or table.find(name).source in BY_VERDICT


def results(of: Rescored, figures: Figures) -> Results:
    """Return the run's results with these figures for all that rest on verdicts.

    What has no new figure has none: nothing that the run's verifier said is left in. As in the
    run's own results, figures of what was added to it later are left out.
    """
    own = {key: x for key, x in of.r.values.items() if not rests_on_verdicts(key[3])}
    places = {key[:3] for key in of.r.values}
    new = {key: x for key, x in figures.items() if key[:3] in places}
    return replace(of.r, folder=of.out, values=own | new, added="", exploratory=())


# Held-out completions -----------------------------------------------------------------------------


def evaluated(of: Rescored, scratch: Path) -> Figures:
    """Return the figures of every evaluation that rest on verdicts, by the other verifier."""
    found: Figures = {}
    base: Sequence[Record] = []
    for place in of.places(EVALUATION):
        records = _judged(of, place, EVALUATION, RECORD, scratch)
        samples, greedy, best = (_of_kind(records, kind) for kind in KINDS)
        base = samples if place.arm == BASE else base
        ks = of.config.evaluate.k
        held_out = HeldOut(samples, greedy, ks, None, [], tells_luck(of.verifier))
        rows = table.compute((table.SAMPLES, table.GREEDY, table.WORK), held_out)
        # As `rlvr.loop.evaluation` does; what rests on tokens alone is as the run has it.
        beside = AgainstBase(samples, base, [], [], max(ks), None if place.arm == BASE else [])
        rows += table.compute((table.RARE, table.SOLVED), beside)
        tuned = metrics.accuracy(best, BEST_TEMPERATURE)
        found |= _figures(place, rows + [row for row in tuned if row["level"] == metrics.ALL])
    return found


def _judged(
    of: Rescored, place: Place, name: str, shape: Shape[Item], scratch: Path
) -> Sequence[Item]:
    """Return what a file of the run holds, with the other verifier's verdicts."""
    part = record.read_table(of.part(place, name), VERDICT)
    verdicts = zip(*(column.to_pylist() for column in part.columns), strict=True)
    fields = [field for field in shape.types if field not in VERDICT]  # the last ones in a shape
    rows = Stored(of.source(place, name), shape).pick(*fields)
    items = (shape.make(*row, *verdict) for row, verdict in zip(rows, verdicts, strict=True))
    return held(scratch, shape, items)


def _of_kind(records: Sequence[Record], kind: str) -> Sequence[Record]:
    if isinstance(records, list):
        return [one for one in records if one.kind == kind]
    return chosen(records, [of == kind for (of,) in pick(records, "kind")], RECORD)


def _figures(place: Place, rows: Sequence[dict[str, Any]]) -> Figures:
    named = [(table.figure_name(row["metric"], row["level"]), float(row["value"])) for row in rows]
    return {(place.seed, place.arm, place.round, name): value for name, value in named}


# Training completions -----------------------------------------------------------------------------


def selected(of: Rescored, scratch: Path) -> tuple[list[dict[str, Any]], Figures]:
    """Return what each arm kept in each round, over all seeds, and the figures of its filter.

    `kept`: by the run; `kept_correct`, `kept_wrong`, `kept_undecided`: of those, by the other
    verifier. `would`: how many the arm would have kept of the same completions, and `both`: of
    those that it kept. None where that can't be told (`_would`).
    """
    counts: dict[tuple[str, int], Counter[str]] = {}
    untold: set[tuple[str, int]] = set()
    figures: Figures = {}
    sizes: Sizes = {}
    by_name = {arm.name: arm for arm in of.config.arms_in_order()}
    for place in of.places(COMPLETIONS):
        kept = record.read_kept(of.source(place, COMPLETIONS))
        if place.arm == BASE or not kept:
            continue
        pool = _judged(of, place, COMPLETIONS, JUDGED, scratch)
        figures |= _figures(place, _filtering(of, place, pool, kept))
        statuses = [status for (status,) in pick(pool, "status")]
        found = Counter(f"kept_{one}" for one in itertools.compress(statuses, kept))
        found.update(sampled=len(kept), kept=sum(kept))
        would = _would(of, by_name[place.arm], place, pool, sizes, scratch)
        key = (place.arm, place.round)
        if would is None:
            untold.add(key)
        else:
            found.update(would=sum(would), both=sum(map(all, zip(kept, would, strict=True))))
        counts[key] = counts.get(key, Counter()) + found
    return [_kept_row(*key, counts[key], key in untold) for key in counts], figures


def _kept_row(arm: str, round_: int, n: Counter[str], untold: bool) -> dict[str, Any]:
    return {
        "arm": arm,
        "round": round_,
        "sampled": n["sampled"],
        "kept": n["kept"],
        "kept_correct": n["kept_correct"],
        "kept_wrong": n["kept_wrong"],
        "kept_undecided": n["kept_abstain"] + n["kept_error"],
        "would": None if untold else n["would"],
        "both": None if untold else n["both"],
    }


def _filtering(
    of: Rescored, place: Place, pool: Sequence[Judged], kept: Sequence[bool]
) -> list[dict[str, Any]]:
    levels = {problem.id: problem.level for problem in of.problems[place.seed].values()}
    return table.compute(table.SELECTED, Selected(pool, kept, levels, tells_luck(of.verifier)))


def _would(
    of: Rescored, arm: Arm, place: Place, pool: Sequence[Judged], sizes: Sizes, scratch: Path
) -> list[bool] | None:
    """Return which of its completions the arm would have kept (`rlvr.loop.selection.select`).

    None where an arm matches one of which nothing is there.
    """
    problems = list(of.problems[place.seed].values())
    seen = held(scratch, JUDGED, seen_by(of.pool, problems, arm, pool, place.seed))
    if LEARNERS[arm.learner].online:
        return [bool(reward) for reward in rewards(seen, arm, place.seed)]
    matched = None
    if arm.match is not None:
        matched = _size(of, arm, Place(place.seed, arm.match, place.round), sizes)
        if matched is None:
            return None
    would = arms.choose(seen, arm, matched, place.seed, place.round)
    for other in of.config.arms_in_order():
        if other.match == arm.name:
            rows = completion_rows(pool, would, arm, of.verifier.name)
            sizes[place, other.match_by] = match.size(rows, other.match_by, place.round)
    return would


def _size(of: Rescored, arm: Arm, matched: Place, sizes: Sizes) -> Counter[str] | None:
    """Return how many rows the matched arm would have had; the run's, where it keeps no sample."""
    if (known := sizes.get((matched, arm.match_by))) is not None:
        return known
    rows = of.source(matched, ROWS)
    return match.size(Stored(rows, ROW), arm.match_by, matched.round) if rows.is_file() else None
