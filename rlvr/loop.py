"""The loop: generate -> verify -> select -> train -> evaluate -> record.

M(0) is the base. Round t samples completions from M(t-1) and makes M(t); round 1 trains on the
shared pool of the base. Every stage leaves one file or folder, written whole; what is there is not
done again, so the same command on the same folder resumes, and a run killed and resumed equals one
never killed.
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rlvr import arms, grpo, models, preflight, record, stages, track, transcribe
from rlvr.base import make_base
from rlvr.config import Config, NamedConfig, OffTargetConfig, filled, resolved
from rlvr.data import Arm, InputError, Problem
from rlvr.evaluate import Problems
from rlvr.generate import Engine
from rlvr.pool import VerifierPool
from rlvr.progress import Display
from rlvr.stages import BASE, Corpus, Run, Seed
from rlvr.verify import LoadedVerifier, check_options, load_verifier


def run(config: Config, folder: Path, display: Display, where: str) -> None:
    """Run, or resume, `config` in `folder`.

    Raises InputError (nothing is written) when the config, its data, the folder or the disk won't
    do, and RunError when the engine, a process or the disk fails on the way: what was recorded is
    kept.
    """
    record.check_resumable(folder, resolved(config), filled)
    models.check_model_name(config.model, where)
    track.check(config.report_to, where)
    wanted = preflight.verifier_of(config)
    verifier = load_verifier(wanted.name)
    record.check_disk(folder, preflight.bytes_needed(config))
    problems = {seed: preflight.draw(config, seed) for seed in config.seeds}
    check_options(verifier, wanted.options)
    for other in config.evaluate.off_target:
        theirs = preflight.verifier_of(other)
        check_options(load_verifier(theirs.name), theirs.options)
    preflight.check_trl_vllm(config)
    if config.grpo.watch:
        second = config.grpo.watch.verifier
        check_options(load_verifier(second.name), second.options)
    length = preflight.check_model(config, where, list(problems.values()))
    fresh = not folder.exists()
    try:
        _run(config, folder, display, where, verifier, problems, length)
    except InputError:
        # Such as an engine argument that only vLLM knows to be wrong: nothing was recorded yet.
        if fresh and not list(folder.glob("seed-*/base/metrics.json")):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _run(
    config: Config,
    folder: Path,
    display: Display,
    where: str,
    verifier: LoadedVerifier,
    problems: dict[int, preflight.SeedProblems],
    length: int,
) -> None:
    plain, order = resolved(config), config.arms_in_order()
    with record.locked(folder), ExitStack() as stack:
        stated = {"config": plain, "hash": record.digest(record.deciding(plain))}
        record.write_json(folder / "config.json", stated)
        record.write_json(folder / "manifest.json", preflight.manifest(config, verifier))
        record.write_metrics(folder)
        trackers = track.Trackers(folder, plain, config.report_to, display.note)
        trackers.send()
        if _finished(config, folder):
            _prune(config, folder)
            return
        scratch = folder / ".scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        stack.callback(shutil.rmtree, scratch, ignore_errors=True)
        models.materialise(config.model, config.seeds[0], scratch / "first", where)
        engine = stack.enter_context(
            Engine(
                scratch / "first",
                "float32" if config.train.precision == "fp32" else "bfloat16",
                {"max_model_len": length, **config.engine},
            )
        )
        pool = stack.enter_context(_judges(config, config))
        others = [
            stack.enter_context(_judges(config, other)) for other in config.evaluate.off_target
        ]
        watch = None
        if config.grpo.watch and any(arm.learner == "grpo" for arm in order):
            watch = stack.enter_context(_pool_of(config, config.grpo.watch.verifier))
        engine.wait_ready()
        rounds = len(config.seeds) * len(order) * config.rounds
        display.note(
            f"{config.name}: {rounds} rounds into {folder}; "
            f"engine up in {engine.start_seconds:.0f} s"
        )
        timing = record.Timing(folder)
        stack.callback(timing.save)
        shared = Run(
            config,
            folder,
            scratch,
            order,
            verifier,
            pool,
            others,
            watch,
            engine,
            display,
            timing,
            trackers,
        )
        for seed in config.seeds:
            _run_seed(shared, seed, problems[seed], where)


def _judges(config: Config, of: Config | OffTargetConfig) -> VerifierPool:
    return _pool_of(config, preflight.verifier_of(of))


def _pool_of(config: Config, verifier: NamedConfig) -> VerifierPool:
    settings = config.verify
    return VerifierPool(
        verifier.name, verifier.options, workers=settings.workers, timeout=settings.timeout
    )


def _finished(config: Config, folder: Path) -> bool:
    return all(
        (record.round_folder(folder, seed, arm.name, config.rounds) / "metrics.json").is_file()
        for seed in config.seeds
        for arm in config.arms
    )


# One seed


def _run_seed(run: Run, seed: int, drawn: preflight.SeedProblems, where: str) -> None:
    start = run.start(seed)
    models.materialise(run.config.model, seed, start, where)
    tokenizer = models.load_tokenizer(start)

    def encode(problems: Sequence[Problem]) -> Problems:
        solved = all(problem.solution is not None for problem in problems)
        return Problems(
            tuple(problems),
            tuple(models.encode_prompts(tokenizer, problems, drawn.prompting)),
            tuple(models.encode_solutions(tokenizer, problems)) if solved else None,
        )

    def encode_all(these: preflight.SeedProblems) -> Seed:
        return Seed(
            seed,
            tokenizer,
            encode(these.warm_start),
            [encode(problems) for problems in these.rounds],
            encode(these.held_back),
            encode(these.held_out),
            [encode(problems) for problems in these.off_target],
            Corpus(these.corpus, encode([entry.problem for entry in these.corpus])),
            Corpus(these.labelled, encode([entry.problem for entry in these.labelled])),
        )

    transcription = run.config.transcription
    if transcription is None:
        of_seed = encode_all(drawn)
    else:
        heard = encode_all(transcribe.heard(drawn, transcription.phrase))
        of_seed = dataclasses.replace(encode_all(transcribe.unheard(drawn)), heard=heard)
    make_base(run, of_seed, start)
    if any(arm.author != "model" for arm in run.arms):
        transcribe.teach(run, of_seed)
    for arm in run.arms:
        for round_ in range(1, run.config.rounds + 1):
            _round(run, of_seed, arm, round_)
        _prune(run.config, run.folder)
    shutil.rmtree(start, ignore_errors=True)


# One round


def _round(run: Run, seed: Seed, arm: Arm, round_: int) -> None:
    folder = run.round_folder(seed.seed, arm.name, round_)
    if (folder / "metrics.json").is_file():
        run.display.round_done(seed.seed, arm.name, round_, {}, 0)
        return
    began = time.monotonic()
    if arm.learner == "grpo":
        learned = grpo.learn(run, seed, arm, round_)
    else:
        if not (folder / "rows.parquet").is_file():
            stages.select(run, seed, arm, round_, _pool(run, seed, arm, round_))
        rows = record.read_rows(folder / "rows.parquet")
        transcribe.retrain(run, seed, arm, round_, rows)
        facts = stages.train(run, seed, arm, round_, rows)
        learned = stages.budget(run, seed, arm, round_, rows, facts)
    records, found = stages.evaluate(run, seed, arm.name, round_)
    found += learned
    found += transcribe.quirk(run, seed, arm.name, round_, records)
    found += transcribe.errors(run, seed, arm, round_)
    stages.finish(run, seed.seed, arm.name, round_, records, found, began)


def _pool(run: Run, seed: Seed, arm: Arm, round_: int) -> arms.Pool:
    """Return what this arm selects from: the base's pool in round 1, later M(t-1)'s.

    Or what its transcriber wrote.
    """
    if arm.keep == "real":
        return []
    if arm.author != "model":
        return transcribe.transcribe(run, seed, arm, round_)
    if round_ == 1:
        shared = run.round_folder(seed.seed, BASE, 0) / "completions.parquet"
        completions, verdicts, _ = record.read_completions(shared)
    else:
        run.engine.load(run.policy(seed.seed, arm.name, round_ - 1))
        completions, verdicts = stages.fill_pool(run, seed, arm.name, round_)
    return list(zip(completions, verdicts, strict=True))


def _prune(config: Config, folder: Path) -> None:
    """Delete the weights that the policy does not keep: all but each arm's last, or those too.

    What an online arm would go on from goes with its last round, whatever the policy.
    """
    for seed in config.seeds:
        for arm in config.arms:
            folders = [
                record.round_folder(folder, seed, arm.name, t + 1) for t in range(config.rounds)
            ]
            done = [path for path in folders if (path / "metrics.json").is_file()]
            finished = len(done) == config.rounds
            if finished:
                grpo.forget(folder / f"seed-{seed}" / arm.name)
            if config.checkpoints == "all":
                continue
            keep = 0 if finished and config.checkpoints == "none" else 1
            for path in done[: len(done) - keep]:
                for name in ("model", transcribe.FOLDER):
                    shutil.rmtree(path / name, ignore_errors=True)
