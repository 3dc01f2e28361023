"""Selection: the completions that an arm keeps, and the rows that it trains on (the select stage).

`rlvr.select.arms` knows nothing of runs and seeds; here it is given the pool and files of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rlvr.data import Arm, Row
from rlvr.evaluate import metrics, table
from rlvr.evaluate.measured import Selected
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.records import record
from rlvr.records.layout import COMPLETIONS, MEMORY, ROWS, Place, base_of
from rlvr.records.stored import JUDGED, ROW, Stored, held
from rlvr.select import arms, match
from rlvr.select.axis import Pool
from rlvr.select.keep import keep_verified, selects
from rlvr.select.memory import remember
from rlvr.select.real_fraction import mix_real
from rlvr.select.rows import completion_rows, real_rows
from rlvr.select.seen import seen_by
from rlvr.studies.registry import study_of
from rlvr.verify.verifier import LoadedVerifier


def select(run: Run, seed: Seed, arm: Arm, place: Place, pool: Pool) -> None:
    """Keep what the arm keeps and write the round's completions and training rows."""
    folder, problems = place.folder(run.folder), seed.of_round(place).problems
    with run.stage(place, "select"):
        matched = _matched(run, arm, place)
        seen = held(run.scratch, JUDGED, seen_by(run.pool, problems, arm, pool, place.seed))
        scores = study_of(run.config).scores(run, seed, arm, place, pool)
        kept = arms.choose(seen, arm, matched, place.seed, place.round, scores)
        rows = _rows(run, seed, arm, place, pool, kept, matched)
        record.write_completions(folder / COMPLETIONS, pool, kept)
        before = _remembered(run, seed, arm, place)
        all_so_far, chosen = remember(arm.memory, before, rows, place.seed, place.round)
        if arm.memory == "subsample":
            record.write_rows(folder / MEMORY, all_so_far)
        record.write_rows(folder / ROWS, chosen)


def _rows(
    run: Run,
    seed: Seed,
    arm: Arm,
    place: Place,
    pool: Pool,
    kept: Sequence[bool],
    matched: Counter[str] | None,
) -> Sequence[Row]:
    """Return the round's rows: what was kept, real solutions or some of each, or those of before.

    `matched`: the size of the matched arm (`_matched`).
    """
    problems, in_all = seed.of_round(place), arm.match_by != "problems"
    if arm.keep == "real":
        rows: Sequence[Row] = real_rows(*problems.solved(), place, None if in_all else matched)
    elif arm.keep == "replay":
        rows = _seen_before(run, seed, arm)
    else:
        rows = completion_rows(pool, kept, arm, _judge_name(run))
    if matched is not None and in_all and not selects(arm):
        rows = match.cut(rows, arm.match_by, matched, f"{place.seed}/{place.round}/")
    if not arm.real_fraction:
        return rows
    real = real_rows(*problems.solved(), place)
    by_problem = {row.problem_id: row for row in real}
    mixed = mix_real(rows, by_problem, arm.real_fraction, place.seed, place.round)
    return held(run.scratch, ROW, mixed)


def _judge_name(run: Run) -> str:
    return f"{run.verifier.name}@{run.verifier.version}"


def _seen_before(run: Run, seed: Seed, arm: Arm) -> Sequence[Row]:
    """Return what the base had learned from: the warm-start rows.

    Where there was no warm start: what the verifier accepts of the base's own pool of round 1.
    """
    if seed.warm_start.problems:
        return _warm_start(seed)
    pool = record.read_completions(base_of(seed.seed).folder(run.folder) / COMPLETIONS)
    return completion_rows(pool, keep_verified(pool), arm, _judge_name(run))


def _warm_start(seed: Seed) -> Sequence[Row]:
    return real_rows(*seed.warm_start.solved(), base_of(seed.seed))


def _matched(run: Run, arm: Arm, place: Place) -> Counter[str] | None:
    """Return how many rows the matched arm selected in this round, divided as `match_by` says.

    None where the arm matches none.
    """
    if arm.match is None:
        return None
    theirs = Place(place.seed, arm.match, place.round).folder(run.folder)
    return match.size(_selected(theirs), arm.match_by, place.round)


def _selected(folder: Path) -> Sequence[Row]:
    """Return the rows that were selected by the end of a round, before any subsample."""
    name = MEMORY if (folder / MEMORY).is_file() else ROWS
    return Stored(folder / name, ROW)


def _remembered(run: Run, seed: Seed, arm: Arm, place: Place) -> Sequence[Row]:
    """Return what an arm with a memory has gathered so far: at first the warm-start rows."""
    if arm.memory == "replace":
        return []
    if place.round > 1:
        name = MEMORY if arm.memory == "subsample" else ROWS
        return record.read_rows(place.at(place.round - 1).folder(run.folder) / name)
    return _warm_start(seed) if seed.warm_start.problems else []


def budget(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Return what the arm really used in this round, and what its matching lacked."""
    folder, settings = place.folder(run.folder), run.config.generate
    rows = len(Stored(folder / ROWS, ROW))
    of_round = None if arm.keep == "replay" else place.round  # its rows are of before round 1
    kept = match.size(_selected(folder), "rows", of_round).total()
    sampled = settings.prompts * settings.samples if selects(arm) else 0
    found = [
        metrics.metric("sampled", sampled, sampled),
        metrics.metric("kept", kept, sampled or kept),
        metrics.metric("rows", rows, rows),
    ]
    if selects(arm):
        found += _filtering(run, seed, place)
    matched = _matched(run, arm, place)
    if matched is not None:
        wanted = matched.total()
        found.append(metrics.metric("shortfall", wanted - kept, wanted))
    return found


def _filtering(run: Run, seed: Seed, place: Place) -> Metrics:
    """Return how well what was kept of the round's pool was chosen."""
    path = place.folder(run.folder) / COMPLETIONS
    drawn = (*seed.of_round(place).problems, *(entry.problem for entry in seed.corpus.entries))
    levels = {problem.id: problem.level for problem in drawn}
    pool, chosen = Stored(path, JUDGED), record.read_kept(path)
    selected = Selected(pool, chosen, levels, tells_luck(run.verifier))
    found = table.compute([table.TRAINING], selected)
    found += study_of(run.config).selected(selected.verdicts(), chosen, selected.level_of_each())
    return found + table.compute([table.TRAINING_WORK], selected)


def tells_luck(verifier: LoadedVerifier) -> bool:
    """Whether a verifier tells a right answer by luck apart: its module says TELLS_LUCK."""
    return bool(vars(verifier.module).get("TELLS_LUCK", False))
