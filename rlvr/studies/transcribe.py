"""Transcribe: a model writes down recordings of real text, and a language model learns from that.

The case of Whisper, between a raw loop (its own samples) and real data: every round has fresh real
input, and all of it has passed through a model. A run with a `transcription` section has a task of
recordings (`tasks/recordings.py`): prompt = what is heard, solution = the truth. It is read in two
ways. The transcriber T is given a recording and writes a text; the run's own model M is given
nothing but `START` and learns the texts. What M learns from is an arm's `author`:

    model        M's own samples: the raw loop (with `keep: real` the truth instead)
    transcriber  transcripts by T(0), which learned from pairs before round 1
    retrained    transcripts by T(t-1), which then learns from them: T(t)

T learned from labels with a quirk: a silent recording is always labelled with one stock phrase, as
Whisper was taught on subtitles. Everything else (budget, decoding, selection, evaluation) is a run
as any other; T and M have one architecture, so that one engine holds either.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz.distance import Levenshtein

from rlvr.data import Arm, Problem, Row
from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import Record, score
from rlvr.learners.sft import train
from rlvr.loop import round
from rlvr.loop.preflight import SeedProblems
from rlvr.loop.round import BASE, Metrics, Run, Seed
from rlvr.records import record
from rlvr.records.stored import JUDGED, ROW, Judged, Stored, held, pick
from rlvr.select import arms

START = "\n"
SILENT = "silent"
FOLDER = "transcriber"
ALIKE = 0.7


# The two readings of a task of recordings


def unheard(drawn: SeedProblems) -> SeedProblems:
    """Return the problems as the language model meets them: START, then the true text."""
    return _each(drawn, lambda problem: dataclasses.replace(problem, prompt=START))


def heard(drawn: SeedProblems, phrase: str) -> SeedProblems:
    """Return them as the transcriber is taught them: the label of a silent recording is `phrase`.

    Its warm start is the pairs.
    """

    def label(problem: Problem) -> Problem:
        return dataclasses.replace(problem, solution=phrase) if problem.level == SILENT else problem

    return dataclasses.replace(_each(drawn, label), warm_start=[label(one) for one in drawn.pairs])


def _each(drawn: SeedProblems, view: Callable[[Problem], Problem]) -> SeedProblems:
    return dataclasses.replace(
        drawn,
        warm_start=[view(problem) for problem in drawn.warm_start],
        rounds=[[view(problem) for problem in problems] for problems in drawn.rounds],
        held_back=[view(problem) for problem in drawn.held_back],
        held_out=[view(problem) for problem in drawn.held_out],
    )


# Stages


def teach(run: Run, seed: Seed) -> None:
    """Make T(0) of a seed from its untrained weights, unless it is there."""
    settings, out = run.config.transcription, _transcriber(run, seed.seed, None, 0)
    if out.is_dir():
        return
    assert settings is not None and seed.heard is not None
    rows = arms.real_rows(*seed.heard.warm_start.solved(), BASE, seed.seed, 0)
    training = dataclasses.replace(
        run.training(), steps=settings.steps, batch_size=settings.batch_size, lr=settings.lr
    )
    with run.stage(seed.seed, BASE, 0, FOLDER) as count:
        run.engine.rest()
        facts = train(run.start(seed.seed), rows, training, seed.seed, out, seed.heard.probes)
        count["tokens"] = int(facts["train_tokens"])


def transcribe(run: Run, seed: Seed, arm: Arm, round_: int) -> Iterator[Judged]:
    """Yield what the arm's transcriber writes of the round's recordings, each judged by the truth.

    In place of the recording each has the prompt that the language model is given.
    """
    assert seed.heard is not None
    run.engine.load(_transcriber(run, seed.seed, arm, round_ - 1))
    prompts = _prompts(seed, round_)
    for written, verdict in round.sample_and_judge(run, seed.heard, arm.name, round_):
        prompt = prompts[written.problem_id]
        yield dataclasses.replace(written, prompt_token_ids=prompt), verdict


def retrain(run: Run, seed: Seed, arm: Arm, round_: int, rows: Sequence[Row]) -> None:
    """Make T(round_) from T(round_ - 1): it learns the transcripts that were kept of this round.

    By the same steps as the language model. Does nothing for an arm without such a transcriber, nor
    where it is there.
    """
    if arm.author != "retrained" or _transcriber(run, seed.seed, arm, round_).is_dir():
        return
    assert seed.heard is not None
    prompts = _prompts(seed.heard, round_)
    transcripts = (
        dataclasses.replace(row, prompt_token_ids=prompts[row.problem_id])
        for row in rows
        if row.round == round_ and row.source == "completion"
    )
    pairs = held(run.scratch, ROW, transcripts)
    before, out = (_transcriber(run, seed.seed, arm, place) for place in (round_ - 1, round_))
    with run.stage(seed.seed, arm.name, round_, "retrain"):
        if not pairs:
            record.copy_folder(before, out)
            return
        run.engine.rest()
        key = seed.seed * 100_003 + round_
        train(before, pairs, run.training(), key, out, seed.heard.probes)


def _transcriber(run: Run, seed: int, arm: Arm | None, round_: int) -> Path:
    """Return the weights T(round_) of an arm; a frozen one's are always T(0), which all share."""
    if arm is None or arm.author != "retrained" or round_ == 0:
        return run.round_folder(seed, BASE, 0) / FOLDER
    return run.round_folder(seed, arm.name, round_) / FOLDER


def _prompts(seed: Seed, round_: int) -> dict[str, tuple[int, ...]]:
    of_round = seed.rounds[round_ - 1]
    return {
        problem.id: ids for problem, ids in zip(of_round.problems, of_round.prompts, strict=True)
    }


# Measures


def quirk(run: Run, seed: Seed, arm: str, round_: int, records: Sequence[Record]) -> Metrics:
    """Return how far the language model M(round_) has the quirk; [] without transcription.

    Loads its weights into the engine: after an evaluation those of the base are there. quirk: the
    share of its samples that are the phrase (`quirky`). quirk_logprob: ln of the probability (nats)
    that a text of its is the phrase and nothing else, which needs no samples.
    """
    if run.config.transcription is None:
        return []
    phrase = run.config.transcription.phrase
    texts = pick(records, "text", "kind")
    samples = [quirky(text, phrase) for text, kind in texts if kind == "sample"]
    run.engine.load(run.policy(seed.seed, arm, round_))
    start = tuple(seed.tokenizer(START)["input_ids"])
    written = tuple(seed.tokenizer(phrase, add_special_tokens=False)["input_ids"])
    written += (seed.tokenizer.eos_token_id,)
    logprobs = score(run.engine, [start], [written])[0]
    return [
        metrics.metric("quirk", sum(samples) / len(samples), len(samples)),
        metrics.metric("quirk_logprob", sum(logprobs), len(written)),
    ]


def quirky(text: str, phrase: str) -> bool:
    """Return whether a text is the phrase, misspelt or not.

    At least ALIKE of it: 1 - edits / length of the longer (normalised Levenshtein similarity).
    """
    return Levenshtein.normalized_similarity(text, phrase) >= ALIKE


def errors(run: Run, seed: Seed, arm: Arm, round_: int) -> Metrics:
    """Return the error rates and the quirk of the transcripts of a round; [] without a transcriber.

    transcript_cer and transcript_wer: `error_rate` in characters and in words. transcript_quirk:
    the share of transcripts that are the phrase (`quirky`). Each overall and by
    level (audible, silent).
    """
    if arm.author == "model" or run.config.transcription is None:
        return []
    folder = run.round_folder(seed.seed, arm.name, round_)
    written = Stored(folder / "completions.parquet", JUDGED)
    problems = {problem.id: problem for problem in seed.rounds[round_ - 1].problems}
    phrase = run.config.transcription.phrase
    found = []
    for level in (metrics.ALL, *sorted({problem.level for problem in problems.values()})):

        def pairs(level: str = level) -> Iterator[tuple[str, str]]:
            for name, text in written.pick("problem_id", "text"):
                if level in (metrics.ALL, problems[name].level):
                    yield str(problems[name].solution), text

        words = ((truth.split(), text.split()) for truth, text in pairs())
        shares = Counter(quirky(text, phrase) for _, text in pairs())
        n = shares.total()
        found += [
            metrics.metric("transcript_cer", error_rate(pairs()), n, level),
            metrics.metric("transcript_wer", error_rate(words), n, level),
            metrics.metric("transcript_quirk", shares[True] / n, n, level),
        ]
    return found


def error_rate(pairs: Iterable[tuple[Sequence[Any], Sequence[Any]]]) -> float:
    """Return the edits that turn the texts into their truths, over the length of the truths.

    `pairs`: (truth, text) as characters or as words. Word error rate as speech recognition counts
    it: substitutions, deletions and insertions, summed over the whole set (Whisper, 2212.04356,
    section 3.2). It may exceed 1. Raises ZeroDivisionError where all truths are empty.
    """
    edits = length = 0
    for truth, text in pairs:
        edits, length = edits + Levenshtein.distance(truth, text), length + len(truth)
    return edits / length
