"""Stages: what one round does to one arm of one seed, each stage shown and timed.

The modules that do the work (generate, verify, arms, train, evaluate, record) know nothing of runs
and seeds; here they are given the problems, settings and folders of one. `rlvr.loop.runner` calls
these in order.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import Arm, Completion, Row, Verdict
from rlvr.engine.vllm import Decoding, Engine, Tokens, stream_completions
from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import (
    RECORD,
    Problems,
    Record,
    judge,
    read_records,
    score,
    write_records,
)
from rlvr.evaluate.evaluation import evaluate as measure
from rlvr.learners.sft import Training
from rlvr.learners.sft import train as fine_tune
from rlvr.loop.progress import Display
from rlvr.records import record
from rlvr.records.stored import AT_ONCE, JUDGED, ROW, Joined, Judged, Stored, held, pick, portions
from rlvr.select import arms
from rlvr.select.arms import Asked
from rlvr.studies import curate
from rlvr.studies.curate import Entry
from rlvr.verify.pool import Judge
from rlvr.verify.verifier import LoadedVerifier

BASE = "base"
PROBES = 8
MEMORY = "memory.parquet"  # all rows so far, where a round trains on a part of them
AMPLIFIED = "amplified.json"  # of the base: the n-grams that it uses more than real solutions do
NLL = ("real_nll", metrics.ALL)
Metrics = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """What every stage of a run shares."""

    config: Config
    folder: Path
    scratch: Path
    arms: list[Arm]
    verifier: LoadedVerifier
    pool: Judge
    off_target_pools: Sequence[Judge]
    watch_pool: Judge | None
    engine: Engine
    display: Display
    timing: record.Timing
    publish: Callable[[], None]  # brings what the whole run shows up to date

    @contextmanager
    def stage(self, seed: int, arm: str, round_: int, name: str) -> Iterator[Counter[str]]:
        """Show and time one stage; the block may count `tokens`."""
        self.display.stage(seed, arm, round_, name)
        counter: Counter[str] = Counter()
        began = time.monotonic()
        yield counter
        self.timing.add(seed, arm, round_, name, time.monotonic() - began, counter["tokens"])

    def round_folder(self, seed: int, arm: str, round_: int) -> Path:
        """Return the folder of one round; that of the base is round 0."""
        return record.round_folder(self.folder, seed, arm, round_)

    def policy(self, seed: int, arm: str, round_: int) -> Path:
        """Return the weights M(round_) of an arm; M(0) is the base."""
        return self.round_folder(seed, arm if round_ else BASE, round_) / "model"

    def start(self, seed: int) -> Path:
        """Return the weights that a seed begins with, before its warm start."""
        return self.scratch / f"start-{seed}"

    def training(self) -> Training:
        """Return the settings of a round's training."""
        return Training(**self.config.train.model_dump())


@dataclass(frozen=True, slots=True)
class Corpus:
    """The entries of a corpus, and their tokens in the same order."""

    entries: list[Entry]
    encoded: Problems


@dataclass(frozen=True, slots=True)
class Seed:
    """What every stage of one seed shares: problems with their tokens, and the probes."""

    seed: int
    tokenizer: Any
    warm_start: Problems
    rounds: list[Problems]
    held_back: Problems
    held_out: Problems
    off_target: list[Problems]
    corpus: Corpus
    labelled: Corpus
    heard: Seed | None = None  # the same problems as a transcriber meets them

    @property
    def probes(self) -> list[Tokens]:
        """The first prompts, solved where they can be: engine and trainer must agree on them."""
        chosen = self.rounds[0].part(0, PROBES)
        solutions = chosen.solutions or ((),) * len(chosen.prompts)
        return [
            prompt + solution for prompt, solution in zip(chosen.prompts, solutions, strict=True)
        ]


# The six stages


def fill_pool(run: Run, seed: Seed, arm: str, round_: int) -> Iterator[Judged]:
    """Yield what there is to select from: samples of the weights now in the engine, or a corpus.

    The corpus, the same in every round, with the likelihood that those weights give it.
    """
    if run.config.corpus is None:
        return sample_and_judge(run, seed, arm, round_)
    _, prompts, solutions = seed.corpus.encoded.solved()
    with run.stage(seed.seed, arm, round_, "score") as count:
        sequences = [prompt + solution for prompt, solution in zip(prompts, solutions, strict=True)]
        logprobs = run.engine.score(sequences)
        count["tokens"] = sum(map(len, sequences))
    entries = seed.corpus.entries
    return curate.as_pool(entries, prompts, solutions, logprobs, arm, seed.seed, round_)


def sample_and_judge(run: Run, seed: Seed, arm: str, round_: int) -> Iterator[Judged]:
    """Sample the round's prompts from the weights now in the engine, and judge what comes.

    In parts of at most AT_ONCE completions, each a generate and a verify stage of its own: judging
    begins with the first completion, and the verify stage is what it takes after the last.
    """
    for problems in seed.rounds[round_ - 1].parts(run.config.generate.samples):
        with ExitStack() as rest:
            completions = _sampled(run, seed, problems, arm, round_, rest)
            judged = judge(run.pool, problems.problems, completions)
        run.display.show(problems.problems, judged)
        yield from judged
        del judged  # not held while the next part is sampled


def _sampled(
    run: Run, seed: Seed, problems: Problems, arm: str, round_: int, rest: ExitStack
) -> Iterator[Completion | None]:
    """Yield completions as they are finished: the generate stage. Then begin `rest`: verify."""
    settings = run.config.generate
    with run.stage(seed.seed, arm, round_, "generate") as count:
        for completion in stream_completions(
            run.engine,
            seed.tokenizer,
            problems.problems,
            problems.prompts,
            Decoding(settings.temperature, settings.top_p, settings.max_tokens),
            settings.samples,
            arm,
            seed.seed,
            round_,
            run.display.tokens,
        ):
            count["tokens"] += len(completion.token_ids) if completion else 0
            yield completion
    rest.enter_context(run.stage(seed.seed, arm, round_, "verify"))


def select(run: Run, seed: Seed, arm: Arm, round_: int, pool: arms.Pool) -> None:
    """Keep what the arm keeps and write the round's completions and training rows."""
    folder, problems = run.round_folder(seed.seed, arm.name, round_), seed.rounds[round_ - 1]
    with run.stage(seed.seed, arm.name, round_, "select"):
        matched = _matched(run, seed, arm, round_)
        seen = held(run.scratch, JUDGED, seen_by(run, seed.seed, arm, problems, pool))
        scores = _classified(run, seed, arm, round_, pool) if arm.keep == "classifier" else None
        kept = arms.choose(seen, arm, matched, seed.seed, round_, scores)
        rows = _rows(run, seed, arm, round_, pool, kept, matched)
        record.write_completions(folder / "completions.parquet", pool, kept)
        before = _remembered(run, seed, arm, round_)
        all_so_far, chosen = arms.remember(arm.memory, before, rows, seed.seed, round_)
        if arm.memory == "subsample":
            record.write_rows(folder / MEMORY, all_so_far)
        record.write_rows(folder / "rows.parquet", chosen)


def seen_by(run: Run, seed: int, arm: Arm, problems: Problems, pool: arms.Pool) -> Iterable[Judged]:
    """Return the pool as the arm's verifier judges it: with its errors, or by its own majority."""
    if arm.keep == "majority":
        return arms.majority(pool, same_answers(run, problems), seed)
    return pool if arm.flip is None else arms.misjudge(pool, arm.flip, seed)


def _rows(
    run: Run,
    seed: Seed,
    arm: Arm,
    round_: int,
    pool: arms.Pool,
    kept: Sequence[bool],
    matched: Counter[str] | None,
) -> Sequence[Row]:
    """Return the round's own rows: what was kept, or real solutions, or some of each."""
    problems = seed.rounds[round_ - 1]
    if arm.keep == "real":
        rows: Sequence[Row] = arms.real_rows(
            *problems.solved(), arm.name, seed.seed, round_, matched
        )
    else:
        judge_name = f"{run.verifier.name}@{run.verifier.version}"
        rows = arms.completion_rows(pool, kept, arm, judge_name)
    if not arm.real_fraction:
        return rows
    real = arms.real_rows(*problems.solved(), arm.name, seed.seed, round_)
    by_problem = {row.problem_id: row for row in real}
    mixed = arms.mix_real(rows, by_problem, arm.real_fraction, seed.seed, round_)
    return held(run.scratch, ROW, mixed)


def _classified(run: Run, seed: Seed, arm: Arm, round_: int, pool: arms.Pool) -> list[float]:
    """Return what a classifier on M(t-1)'s hidden states, learned from labelled entries, says."""
    model = run.policy(seed.seed, arm.name, round_ - 1)
    run.engine.rest()
    _, prompts, solutions = seed.labelled.encoded.solved()
    known = curate.hidden_means(model, prompts, solutions)
    clean = [entry.kind == "clean" for entry in seed.labelled.entries]
    texts = [*pick(pool, "prompt_token_ids", "token_ids")]
    others = curate.hidden_means(model, [one for one, _ in texts], [one for _, one in texts])
    return curate.classify(known, clean, others)


def same_answers(run: Run, problems: Problems) -> Callable[[Sequence[Asked]], list[bool]]:
    """Return what says of (problem's id, answer, text) whether the text is right if it were."""
    by_id = {problem.id: problem for problem in problems.problems}

    def same(asked: Sequence[Asked]) -> list[bool]:
        pairs = [
            (dataclasses.replace(by_id[problem], reference=answer), text)
            for problem, answer, text in asked
        ]
        return [verdict.status == "correct" for verdict in run.pool.verify(pairs)]

    return same


def _matched(run: Run, seed: Seed, arm: Arm, round_: int) -> Counter[str] | None:
    """Return how many rows of each problem the matched arm selected in this round."""
    return None if arm.match is None else _selected(run, seed, arm.match, round_)


def _selected(run: Run, seed: Seed, arm: str, round_: int) -> Counter[str]:
    """Return how many rows of each problem an arm selected in a round, before any subsample."""
    folder = run.round_folder(seed.seed, arm, round_)
    name = MEMORY if (folder / MEMORY).is_file() else "rows.parquet"
    return record.count_rows(folder / name, round_)


def _remembered(run: Run, seed: Seed, arm: Arm, round_: int) -> Sequence[Row]:
    """Return what an arm with a memory has gathered so far: at first the warm-start rows."""
    if arm.memory == "replace":
        return []
    if round_ > 1:
        name = MEMORY if arm.memory == "subsample" else "rows.parquet"
        return record.read_rows(run.round_folder(seed.seed, arm.name, round_ - 1) / name)
    if not seed.warm_start.problems:
        return []
    return arms.real_rows(*seed.warm_start.solved(), BASE, seed.seed, 0)


def train(run: Run, seed: Seed, arm: Arm, round_: int, rows: Sequence[Row]) -> dict[str, float]:
    """Make M(t) and give it to the engine. Without rows M(t) is M(t-1), and the record says so."""
    folder = run.round_folder(seed.seed, arm.name, round_)
    previous = run.policy(seed.seed, arm.name, round_ - 1)
    facts_path = folder / "train.json"
    if not ((folder / "model").is_dir() and facts_path.is_file()):
        record.delete_folder(folder / "model")
        with run.stage(seed.seed, arm.name, round_, "train") as count:
            if rows:
                start = {
                    "previous": previous,
                    "base": run.policy(seed.seed, BASE, 0),
                    "scratch": run.start(seed.seed),
                }[arm.start]
                key = seed.seed * 100_003 + round_
                run.engine.rest()
                facts = fine_tune(start, rows, run.training(), key, folder / "model", seed.probes)
            else:
                record.copy_folder(previous, folder / "model")
                facts = {"train_steps": 0.0, "train_tokens": 0.0}
            count["tokens"] = int(facts["train_tokens"])
        record.write_json(facts_path, facts)
    with run.stage(seed.seed, arm.name, round_, "sync"):
        run.engine.load(folder / "model")
    return {name: float(value) for name, value in json.loads(facts_path.read_text()).items()}


def evaluate(run: Run, seed: Seed, arm: str, round_: int) -> tuple[Sequence[Record], Metrics]:
    """Evaluate the weights now in the engine: samples at T=1, greedy, and real NLL.

    The base and each arm's last weights also on the tasks that they were not trained on.
    """
    settings = run.config.evaluate
    with run.stage(seed.seed, arm, round_, "evaluate") as count:
        at_one = sample(run, seed, seed.held_out, 1.0, settings.samples, "sample", arm, round_)
        greedy = sample(run, seed, seed.held_out, 0.0, 1, "greedy", arm, round_)
        found = _real_likelihood(run, seed.held_out)
        records: Joined[Record] = Joined(at_one, greedy)
        count["tokens"] = _tokens(records)
    found += metrics.sampled(at_one, settings.k) + metrics.diversity(at_one)
    found += metrics.accuracy(greedy, "greedy")
    if _tells_luck(run):
        found += metrics.lucky(at_one)
    if round_ in (0, run.config.rounds):
        for place in range(len(seed.off_target)):
            more, values = _off_target(run, seed, arm, round_, place)
            records, found = Joined(records, more), found + values
    return records, found + _against_base(run, seed, arm, round_, at_one)


def _real_likelihood(run: Run, problems: Problems) -> Metrics:
    """Measure the NLL of real solutions under the weights now in the engine, if there are some."""
    if problems.solutions is None:
        return []
    logprobs = score(run.engine, problems.prompts, problems.solutions)
    return metrics.likelihood(logprobs, [problem.level for problem in problems.problems])


def _against_base(
    run: Run, seed: Seed, arm: str, round_: int, samples: Sequence[Record]
) -> Metrics:
    """Measure what needs the base: its rare problems, its solved ones, its n-grams, its view.

    The engine holds the base's weights afterwards.
    """
    folder = run.round_folder(seed.seed, BASE, 0)
    grams = json.loads((folder / AMPLIFIED).read_text())
    real = seed.held_out.solutions or ()
    found = metrics.amplification(samples, [tuple(gram) for gram in grams], real)
    if arm == BASE:
        return found + metrics.survival(samples, samples)
    with run.stage(seed.seed, arm, round_, "base's view"):
        base = read_records(folder / "eval.parquet", "sample")
        run.engine.load(folder / "model")
        scores = _first_scores(run, seed, samples)
        flat = array("d", (-logprob for logprobs in scores for logprob in logprobs))
    found.append(metrics.metric("base_nll", sum(flat) / len(flat), len(flat)))
    return (
        found
        + metrics.survival(base, samples)
        + metrics.coverage(base, samples, max(run.config.evaluate.k))
    )


def _first_scores(run: Run, seed: Seed, samples: Sequence[Record]) -> Iterator[tuple[float, ...]]:
    """Yield what the engine's weights give each token (nats) of the first sample of a problem."""
    ids = [problem.id for problem in seed.held_out.problems]
    prompts = dict(zip(ids, seed.held_out.prompts, strict=True))
    fields = pick(samples, "problem_id", "index", "token_ids")
    firsts = ((prompts[problem], tokens) for problem, index, tokens in fields if index == 0)
    for part in portions(firsts, AT_ONCE):
        yield from score(run.engine, [one for one, _ in part], [one for _, one in part])


def _off_target(
    run: Run, seed: Seed, arm: str, round_: int, place: int
) -> tuple[Sequence[Record], Metrics]:
    """Measure one task that is not trained on: pass@1, greedy accuracy and real NLL."""
    settings, problems = run.config.evaluate.off_target[place], seed.off_target[place]
    prefix = f"{metrics.OFF_TARGET}.{settings.name}"
    records: list[Sequence[Record]] = []
    found: Metrics = []
    with run.stage(seed.seed, arm, round_, prefix) as count:
        for temperature, samples, kind in ((1.0, settings.samples, "pass@1"), (0.0, 1, "greedy")):
            made = measure(
                run.engine,
                run.off_target_pools[place],
                seed.tokenizer,
                problems,
                Decoding(temperature, 1.0, settings.max_tokens),
                samples,
                f"{prefix}.{kind}",
                arm,
                seed.seed,
                round_,
                run.display.tokens,
            )
            records.append(held(run.scratch, RECORD, made))
            found += metrics.accuracy(records[-1], f"{prefix}.{kind}")
        likelihood = _real_likelihood(run, problems)
        count["tokens"] = _tokens(Joined(*records))
    overall = [row for row in likelihood if (row["metric"], row["level"]) == NLL]
    found += [{**row, "metric": f"{prefix}.real_nll"} for row in overall]
    return Joined(*records), found


def _tokens(records: Sequence[Record]) -> int:
    return sum(tokens for (tokens,) in pick(records, "tokens"))


def sample(
    run: Run,
    seed: Seed,
    problems: Problems,
    temperature: float,
    samples: int,
    kind: str,
    arm: str,
    round_: int,
) -> Sequence[Record]:
    """Sample problems at a temperature and top-p=1 from the weights now in the engine, judged."""
    made = measure(
        run.engine,
        run.pool,
        seed.tokenizer,
        problems,
        Decoding(temperature, 1.0, run.config.generate.max_tokens),
        samples,
        kind,
        arm,
        seed.seed,
        round_,
        run.display.tokens,
    )
    return held(run.scratch, RECORD, made)


def budget(
    run: Run, seed: Seed, arm: Arm, round_: int, rows: Sequence[Row], facts: dict[str, float]
) -> Metrics:
    """Return what the arm really used in this round, and what its matching lacked."""
    settings = run.config.generate
    kept = sum(_selected(run, seed, arm.name, round_).values())
    sampled = 0 if arm.keep == "real" else settings.prompts * settings.samples
    found = [metrics.metric(name, value, len(rows)) for name, value in sorted(facts.items())]
    found += [
        metrics.metric("sampled", sampled, sampled),
        metrics.metric("kept", kept, sampled or kept),
        metrics.metric("rows", len(rows), len(rows)),
    ]
    if arm.keep != "real":
        sampled_here = run.round_folder(seed.seed, arm.name, round_) / "completions.parquet"
        levels = {problem.id: problem.level for problem in seed.rounds[round_ - 1].problems}
        pool, chosen = Stored(sampled_here, JUDGED), record.read_kept(sampled_here)

        def verdicts() -> Iterator[Verdict]:
            return itertools.starmap(Verdict, pool.pick("status", "reason"))

        def of_each() -> Iterator[str]:
            return (levels[problem] for (problem,) in pool.pick("problem_id"))

        found += metrics.filtering(verdicts(), chosen, of_each())
        if run.config.corpus is not None:
            found += curate.kept_by_kind(verdicts(), chosen, of_each())
        if _tells_luck(run):
            found += metrics.lucky(verdicts(), "train_lucky")
    matched = _matched(run, seed, arm, round_)
    if matched is not None:
        wanted = sum(matched.values())
        found.append(metrics.metric("shortfall", wanted - kept, wanted))
    return found


def _tells_luck(run: Run) -> bool:
    """Whether the verifier tells a right answer by luck apart: its module says TELLS_LUCK."""
    return bool(vars(run.verifier.module).get("TELLS_LUCK", False))


def finish(
    run: Run,
    seed: int,
    arm: str,
    round_: int,
    records: Sequence[Record],
    found: Metrics,
    began: float,
) -> None:
    """Write the evaluation, checksums, and last metrics.json: with it the round is done."""
    folder = run.round_folder(seed, arm, round_)
    write_records(folder / "eval.parquet", records)
    place = {"seed": seed, "arm": arm, "round": round_}
    text = record.as_json([{**place, **row} for row in found])
    record.write_sums(folder, {"metrics.json": text})
    record.write_text(folder / "metrics.json", text)
    run.timing.add(seed, arm, round_, "round", time.monotonic() - began)
    run.publish()
    run.display.round_done(seed, arm, round_, headline(found), time.monotonic() - began)


def headline(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what to say of a round in a line, from its metrics."""
    values = {row["metric"]: row["value"] for row in found if row["level"] == metrics.ALL}
    said = {name: f"{values[name]:.3f}" for name in ("pass@1", "greedy") if name in values}
    return said | ({"kept": f"{values['kept']:,.0f}"} if "kept" in values else {})
