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
from rlvr.select import arms
from rlvr.select.seen import seen_by
from rlvr.studies.registry import study_of
from rlvr.verify.verifier import LoadedVerifier


def select(run: Run, seed: Seed, arm: Arm, place: Place, pool: arms.Pool) -> None:
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
        all_so_far, chosen = arms.remember(arm.memory, before, rows, place.seed, place.round)
        if arm.memory == "subsample":
            record.write_rows(folder / MEMORY, all_so_far)
        record.write_rows(folder / ROWS, chosen)


def _rows(
    run: Run,
    seed: Seed,
    arm: Arm,
    place: Place,
    pool: arms.Pool,
    kept: Sequence[bool],
    matched: Counter[str] | None,
) -> Sequence[Row]:
    """Return the round's own rows: what was kept, or real solutions, or some of each."""
    problems = seed.of_round(place)
    if arm.keep == "real":
        rows: Sequence[Row] = arms.real_rows(*problems.solved(), place, matched)
    else:
        judge_name = f"{run.verifier.name}@{run.verifier.version}"
        rows = arms.completion_rows(pool, kept, arm, judge_name)
    if not arm.real_fraction:
        return rows
    real = arms.real_rows(*problems.solved(), place)
    by_problem = {row.problem_id: row for row in real}
    mixed = arms.mix_real(rows, by_problem, arm.real_fraction, place.seed, place.round)
    return held(run.scratch, ROW, mixed)


def _matched(run: Run, arm: Arm, place: Place) -> Counter[str] | None:
    """Return how many rows of each problem the matched arm selected in this round."""
    if arm.match is None:
        return None
    return _selected(Place(place.seed, arm.match, place.round).folder(run.folder), place.round)


def _selected(folder: Path, round_: int) -> Counter[str]:
    """Return how many rows of each problem were selected in a round, before any subsample."""
    name = MEMORY if (folder / MEMORY).is_file() else ROWS
    return record.count_rows(folder / name, round_)


def _remembered(run: Run, seed: Seed, arm: Arm, place: Place) -> Sequence[Row]:
    """Return what an arm with a memory has gathered so far: at first the warm-start rows."""
    if arm.memory == "replace":
        return []
    if place.round > 1:
        name = MEMORY if arm.memory == "subsample" else ROWS
        return record.read_rows(place.at(place.round - 1).folder(run.folder) / name)
    if not seed.warm_start.problems:
        return []
    return arms.real_rows(*seed.warm_start.solved(), base_of(place.seed))


def budget(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Return what the arm really used in this round, and what its matching lacked."""
    folder, settings = place.folder(run.folder), run.config.generate
    rows = len(Stored(folder / ROWS, ROW))
    kept = sum(_selected(folder, place.round).values())
    sampled = 0 if arm.keep == "real" else settings.prompts * settings.samples
    found = [
        metrics.metric("sampled", sampled, sampled),
        metrics.metric("kept", kept, sampled or kept),
        metrics.metric("rows", rows, rows),
    ]
    if arm.keep != "real":
        found += _filtering(run, seed, place)
    matched = _matched(run, arm, place)
    if matched is not None:
        wanted = sum(matched.values())
        found.append(metrics.metric("shortfall", wanted - kept, wanted))
    return found


def _filtering(run: Run, seed: Seed, place: Place) -> Metrics:
    """Return how well what was kept of the round's pool was chosen."""
    path = place.folder(run.folder) / COMPLETIONS
    levels = {problem.id: problem.level for problem in seed.of_round(place).problems}
    pool, chosen = Stored(path, JUDGED), record.read_kept(path)
    selected = Selected(pool, chosen, levels, tells_luck(run.verifier))
    found = table.compute([table.TRAINING], selected)
    found += study_of(run.config).selected(selected.verdicts(), chosen, selected.level_of_each())
    return found + table.compute([table.TRAINING_WORK], selected)


def tells_luck(verifier: LoadedVerifier) -> bool:
    """Whether a verifier tells a right answer by luck apart: its module says TELLS_LUCK."""
    return bool(vars(verifier.module).get("TELLS_LUCK", False))
