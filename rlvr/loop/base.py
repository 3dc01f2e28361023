"""The base: M(0) of a seed, its evaluation, and the pool that each arm first selects from."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlvr.data import DECIDED, Arm, Row, Verdict
from rlvr.evaluate import metrics, ngrams
from rlvr.evaluate.evaluation import Problems, Record
from rlvr.evaluate.room import too_little
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.held_back import SAMPLES, in_training, sample, share_correct
from rlvr.learners.sft import StepCheck, Training, save, train, training_of
from rlvr.loop import splits
from rlvr.loop.evaluation import evaluate
from rlvr.loop.preflight import manifest
from rlvr.loop.recording import record as record_round
from rlvr.loop.sampling import from_engine, verify
from rlvr.models import loading
from rlvr.records import record
from rlvr.records.layout import (
    AMPLIFIED,
    BASE,
    COMPLETIONS,
    MODEL,
    WARM_START,
    Place,
    base_of,
    is_done,
)
from rlvr.records.stored import AT_ONCE, JUDGED, Joined, Judged, Stored, pick
from rlvr.select.rows import real_rows
from rlvr.statistics.shares import clustered_interval
from rlvr.studies.registry import study_of
from rlvr.studies.study import Source
from rlvr.verify import content
from rlvr.verify.check import corrupted

TEMPERATURES = (0.0, 0.3, 0.5, 0.7, 0.85, 1.0)
TUNING_PROBLEMS = 200
TUNED = 4  # completions of each, one where greedy


def make_base(run: Run, seed: Seed) -> None:
    """Make M(0) of a seed from the weights it begins with, evaluate it, and sample the shared pool.

    And make what the run's study has beside it.
    """
    place = base_of(seed.seed)
    folder = place.folder(run.folder)
    began = time.monotonic()
    if not (folder / MODEL).is_dir():
        with run.stage(place, "warm start"):
            _warm_start(run, seed, run.start(seed.seed), folder / MODEL)
        run.display.may_stop()
    if is_done(folder, "record"):
        run.display.round_done(place, {}, 0)
    else:
        _evaluate(run, seed, folder, began)
    study_of(run.config).teach(run, seed)


def _evaluate(run: Run, seed: Seed, folder: Path, began: float) -> None:
    """Sample the shared pool, measure the base and record it."""
    place = base_of(seed.seed)
    run.engine.load(folder / MODEL)
    if not (folder / COMPLETIONS).is_file():
        first = Place(seed.seed, BASE, 1)  # the pool is that of every arm's first round
        samples = from_engine(run, seed, first, Source(folder / MODEL, seed.rounds[0]))
        pool = verify(run, first, samples)
        record.write_completions(folder / COMPLETIONS, pool, [False] * len(pool))
        _warn(run, place, pool)
        del samples, pool
        run.display.may_stop()
    if not (folder / AMPLIFIED).is_file():
        record.write_json(folder / AMPLIFIED, _amplified(run, seed))
    records, found = evaluate(run, seed, place)
    found += study_of(run.config).measure(run, seed, Arm(BASE, "all"), place, records)
    found += _audit(run, seed)
    if (folder / WARM_START).is_file():
        reached = json.loads((folder / WARM_START).read_text())["reached"]
        problems = _held_back(run, seed).problems
        found.append(metrics.metric("warm_start_pass@1", reached, len(problems)))
    # Where the rule is about the NLL of real text, no temperature makes the base better.
    nll = run.config.verdict.metric == "real_nll"
    tuned_records, tuned = ([], []) if nll else _best_temperature(run, seed)
    everything = Joined(records, tuned_records)
    record_round(run, place, everything, [*found, *tuned], began)
    run.display.may_stop()


def _warn(run: Run, place: Place, pool: Sequence[Judged]) -> None:
    """Say that the base solves next to nothing, where arms learn from its answers.

    At the first completions of the seed: whoever waits for the verdict can stop now.
    """
    config = run.config
    if config.verdict.metric == "real_nll" or config.corpus or config.transcription:
        return
    right, decided = Counter[str](), Counter[str]()
    for problem, status in pick(pool, "problem_id", "status"):
        if status in DECIDED:
            decided[problem] += 1
            right[problem] += status == "correct"
    low, high = clustered_interval([right[one] for one in decided], list(decided.values()))
    tried = (config.prompt.few_shot, config.warm_start is not None)
    if decided and (said := too_little(right.total(), high, *tried)):
        figure = right.total() / decided.total()
        run.display.note(
            f"seed {place.seed}: warning: pass@1 {figure:.3f} (95 %: {low:.3f} to {high:.3f}) on "
            f"the problems of round 1: {said}. The run goes on"
        )


def _warm_start(run: Run, seed: Seed, start: Path, out: Path) -> None:
    """Train on real solutions until the target; made once for equal content, then cached."""
    settings = run.config.warm_start
    if settings is None:
        with record.new_folder(out) as folder:
            save(loading.load_model(start), start, folder, seed.probes)
        return
    rows = real_rows(*seed.warm_start.solved(), base_of(seed.seed))
    training = dataclasses.replace(
        training_of(run),
        steps=settings.max_steps,
        batch_size=settings.batch_size,
        lr=settings.lr,
        lora=None,
        processes=1,
        trl={},
    )
    key = _content_key(run, seed, start, rows, training)
    cached, locks = loading.cache_folder() / "warm-start" / key, loading.cache_folder() / "locks"
    for folder in (cached.parent, locks):
        folder.mkdir(parents=True, exist_ok=True)
    # Two runs that start alike must not make the same model in the same place at once.
    with FileLock(locks / f"{key}.lock"):
        if record.changed(cached):  # by the disk: made again
            record.delete_folder(cached)
        if not cached.is_dir():
            made = run.scratch / "warm-start"
            reached: list[float] = []
            check = _target_reached(run, seed, start, reached)
            run.engine.rest()
            train(start, rows, training, seed.seed, made, seed.probes, check)
            if reached:  # beside the weights: what is in their folder goes on to further rounds
                record.write_json(cached.with_suffix(".json"), {"reached": reached[-1]})
            if settings.until is not None and not any(one >= settings.until for one in reached):
                last = f"{reached[-1]:.2f}" if reached else "never measured"
                run.display.note(
                    f"seed {seed.seed}: the warm start ended after {settings.max_steps} steps, "
                    f"below its target (pass@1 {last}, until: {settings.until}): raise "
                    "warm_start.max_steps, or lower until"
                )
            record.copy_folder(made, cached)
            shutil.rmtree(made)
    if cached.with_suffix(".json").is_file():
        record.write_text(out.with_name(WARM_START), cached.with_suffix(".json").read_text())
    record.copy_folder(cached, out)


def _content_key(run: Run, seed: Seed, start: Path, rows: Sequence[Row], training: Training) -> str:
    """Return the hash of all that a warm-started model depends on."""
    import torch

    settings, sampling = run.config.warm_start, run.config.generate
    assert settings is not None
    return record.digest(
        {
            "start": loading.fingerprint(start),
            "rows": [[*row.prompt_token_ids, -1, *row.token_ids] for row in rows],
            "held_back": [list(prompt) for prompt in _held_back(run, seed).prompts],
            "settings": settings.model_dump(mode="json"),
            "training": {key: value for key, value in asdict(training).items() if key != "trl"},
            "decoding": sampling.max_tokens,
            "engine": run.config.engine,
            "verifier": run.verifier.version,
            "seed": seed.seed,
            "versions": manifest(run.config, run.verifier)["versions"],
            "processors": torch.get_num_threads(),
        }
        | ({"stop": sampling.stop} if sampling.stop else {})  # no new key for what was cached
        | (_judging(run, seed) if settings.until is not None else {})
    )


def _judging(run: Run, seed: Seed) -> dict[str, Any]:
    """Return what decides, beside the verifier's version, when a warm start reaches its target."""
    return {
        "judged": content.of_problems(_held_back(run, seed).problems),
        "options": run.config.verifier.model_dump(mode="json") if run.config.verifier else None,
        "timeout": run.config.verify.told,
    }


def _held_back(run: Run, seed: Seed) -> Problems:
    """Return the held-back problems that the warm start's target is measured on, none without."""
    settings = run.config.warm_start
    wanted = settings.held_back if settings and settings.until is not None else 0
    return seed.held_back.part(0, wanted)


def _target_reached(run: Run, seed: Seed, start: Path, found: list[float]) -> StepCheck | None:
    """Return a check that samples held-back problems with the engine every so many steps.

    Each time it appends the share that was correct to `found`.
    """
    settings = run.config.warm_start
    assert settings is not None
    target, place = settings.until, base_of(seed.seed)
    problems = _held_back(run, seed)
    if target is None:
        return None

    def check(step: int, model: Any, optimizer: Any) -> bool:
        if step % settings.check_every and step != settings.max_steps:
            return False
        reached = in_training(
            run,
            lambda folder, model: save(model, start, folder, seed.probes),
            model,
            optimizer,
            lambda: share_correct(sample(run, seed, problems, 1.0, SAMPLES, "sample", place)),
        )
        found.append(reached)
        run.display.progress(
            place,
            f"warm start, step {step} of {settings.max_steps}, pass@1 {reached:.2f} of {target}",
        )
        return reached >= target

    return check


def _amplified(run: Run, seed: Seed) -> list[list[int]]:
    """Return the n-grams of tokens that the base's pool holds more often than real solutions do.

    Found in the pool of round 1 (its first AT_ONCE completions), measured in samples of the
    held-out problems: a measure on the pool itself would find them there by selection alone. None
    where there are no real solutions, nor where the pool is a corpus, which no model wrote.
    """
    solutions = seed.rounds[0].solutions
    if solutions is None or run.config.corpus is not None:
        return []
    shared = base_of(seed.seed).folder(run.folder) / COMPLETIONS
    if not ngrams.count(solutions, metrics.GRAM):
        return []
    texts = (token_ids for (token_ids,) in Stored(shared, JUDGED).pick("token_ids"))
    found = ngrams.amplified(itertools.islice(texts, AT_ONCE), solutions, metrics.GRAM)
    return sorted(list(gram) for gram in found)


def _audit(run: Run, seed: Seed) -> Metrics:
    """Measure what a sceptic asks before the first round: the verifier, and the splits.

    verifier_tpr and verifier_fpr: shares of the held-out problems' real and of their corrupted
    solutions that the verifier accepts, of those that it decides; verifier_undecided: the share of
    both that it does not decide, where there are any. And `rlvr.loop.splits`.
    """
    held_out = seed.held_out.problems
    found = splits.measure(seed.trained, held_out, seed.heard is not None)
    solved = [problem for problem in held_out if problem.solution is not None]
    texts = {"verifier_tpr": [str(problem.solution) for problem in solved]}
    texts["verifier_fpr"] = corrupted(run.config.task.name, solved) if solved else []
    undecided: list[Verdict] = []
    for name, candidates in texts.items():
        verdicts = list(run.pool.verify(zip(solved, candidates, strict=True)))
        decided = [one.status == "correct" for one in verdicts if one.status in DECIDED]
        undecided += [one for one in verdicts if one.status not in DECIDED]
        if decided:
            found.append(metrics.metric(name, sum(decided) / len(decided), len(decided)))
    if undecided:
        judged = sum(map(len, texts.values()))
        reason = " ".join(undecided[0].reason.split())[:200]
        found.append(metrics.metric("verifier_undecided", len(undecided) / judged, judged))
        run.display.note(
            f"seed {seed.seed}: warning: the verifier decides nothing on {len(undecided)} of "
            f"{judged} real and corrupted solutions, first: {undecided[0].status}: {reason}. "
            "The run goes on"
        )
    return found


def _best_temperature(run: Run, seed: Seed) -> tuple[Sequence[Record], Metrics]:
    """Tune the base's temperature on train problems and measure it on the held-out ones.

    A gain that another temperature alone would give is no gain of the loop: this is the line to
    beat.
    """
    tuning, place = seed.rounds[0].part(0, TUNING_PROBLEMS), base_of(seed.seed)
    with run.stage(place, "best temperature"):
        scores = {}
        for temperature in TEMPERATURES:
            samples = TUNED if temperature else 1
            records = sample(run, seed, tuning, temperature, samples, "tune", place)
            scores[temperature] = share_correct(records)
        # Where no verdict is known, nothing is said for that temperature.
        best = max(scores, key=lambda one: -1.0 if math.isnan(scores[one]) else scores[one])
        samples = run.config.evaluate.samples if best else 1
        records = sample(run, seed, seed.held_out, best, samples, "best", place)
    found = metrics.accuracy(records, "pass@1_best_temperature")
    overall = [row for row in found if row["level"] == metrics.ALL]
    return records, [*overall, metrics.metric("best_temperature", best, len(tuning.problems))]
