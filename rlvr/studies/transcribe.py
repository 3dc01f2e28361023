"""Transcribe: a model writes down recordings of real text, and a language model learns the texts.

This is the case of Whisper. It lies between a raw loop (the model's own samples) and real data:
every round has fresh real input, but all of it has passed through a model. A run with a
`transcription` section has a task of recordings (`tasks/recordings.py`): the prompt is the
recording, the solution is the true text. Two models read it. The transcriber T gets a recording and
writes a text. The run's own model M gets only `START` and learns texts. An arm's `author` says
which texts:

    model        M's own samples: the raw loop (with `keep: real` the truth instead)
    transcriber  transcripts by T(0), which learned from pairs before round 1
    retrained    transcripts by T(t-1), which then learns from them: T(t)

T learned from labels with a quirk: the label of a silent recording is always the same stock phrase,
as in the subtitles that Whisper was trained on. Everything else (budget, decoding, selection,
evaluation) is as in any other run. T and M have the same architecture, so that one engine can hold
either of them.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapidfuzz.distance import Levenshtein

from rlvr.data import Arm, Problem
from rlvr.engine.protocol import Tokens
from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import Problems, Record, score
from rlvr.learners.context import Metrics, Run, Seed, SeedProblems
from rlvr.learners.sft import key_of, train, training_of
from rlvr.records import record
from rlvr.records.layout import COMPLETIONS, ROWS, TRANSCRIBER, Place, base_of, is_done
from rlvr.records.stored import JUDGED, ROW, Stored, held, pick
from rlvr.select.author import TRANSCRIBERS
from rlvr.select.rows import real_rows
from rlvr.studies.study import Source, Study

if TYPE_CHECKING:
    from rlvr.config import Config

START = "\n"
SILENT = "silent"
ALIKE = 0.7


# How the two models read a task of recordings


def unheard(drawn: SeedProblems) -> SeedProblems:
    """Return the problems as the language model reads them: START, then the true text."""
    return _each(drawn, lambda problem: dataclasses.replace(problem, prompt=START, messages=()))


def heard(drawn: SeedProblems, phrase: str) -> SeedProblems:
    """Return the problems as the transcriber learns them: a silent recording's label is `phrase`.

    The transcriber's warm start trains on these pairs.
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


def views(config: Config, drawn: SeedProblems) -> tuple[SeedProblems, SeedProblems]:
    """Return the problems as the language model reads them, and as the transcriber does."""
    assert config.transcription is not None
    return unheard(drawn), heard(drawn, config.transcription.phrase)


def teach(run: Run, seed: Seed) -> None:
    """Make a seed's T(0) from its untrained weights, if an arm uses it and it does not exist."""
    settings, place = run.config.transcription, base_of(seed.seed)
    out = _transcriber(run, place, None)
    if not base_weights(run.arms) or out.is_dir():
        return
    assert settings is not None and seed.heard is not None
    rows = real_rows(*seed.heard.warm_start.solved(), place)
    training = dataclasses.replace(
        training_of(run),
        steps=settings.steps,
        batch_size=settings.batch_size,
        lr=settings.lr,
        trl={},
    )
    with run.stage(place, TRANSCRIBER) as count:
        run.engine.rest()
        facts = train(run.start(seed.seed), rows, training, seed.seed, out, seed.heard.probes)
        count["tokens"] = int(facts["train_tokens"])


def base_weights(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Return the folder of T(0), if one of the arms uses it."""
    return (TRANSCRIBER,) if any(arm.author in TRANSCRIBERS for arm in arms) else ()


def weights(arms: Sequence[Arm]) -> tuple[str, ...]:
    """Return the folder of T(t), if one of the arms retrains it."""
    return (TRANSCRIBER,) if any(arm.author == "retrained" for arm in arms) else ()


def source(run: Run, seed: Seed, arm: Arm, place: Place) -> Source | None:
    """Return the arm's transcriber and the round's recordings, None for an arm without one.

    Each transcript gets the prompt of the language model in place of the recording.
    """
    if arm.author not in TRANSCRIBERS:
        return None
    assert seed.heard is not None
    before = _transcriber(run, place.at(place.round - 1), arm)
    return Source(before, seed.heard.of_round(place), _prompts(seed.of_round(place)))


def retrain(run: Run, seed: Seed, arm: Arm, place: Place) -> None:
    """Make T(t) from T(t-1): it learns the transcripts that this round kept.

    It takes the same steps as the language model. Does nothing for an arm that does not retrain its
    transcriber, or if T(t) exists already.
    """
    folder = place.folder(run.folder)
    if arm.author != "retrained" or is_done(folder, "retrain"):
        return
    assert seed.heard is not None
    prompts = _prompts(seed.heard.of_round(place))
    transcripts = (
        dataclasses.replace(row, prompt_token_ids=prompts[row.problem_id])
        for row in record.read_rows(folder / ROWS)
        if row.round == place.round and row.source == "completion"
    )
    pairs = held(run.scratch, ROW, transcripts)
    before, out = (_transcriber(run, at, arm) for at in (place.at(place.round - 1), place))
    with run.stage(place, "retrain"):
        if not pairs:
            record.copy_folder(before, out)
            return
        run.engine.rest()
        train(before, pairs, training_of(run), key_of(place), out, seed.heard.probes)


def _transcriber(run: Run, place: Place, arm: Arm | None) -> Path:
    """Return an arm's weights T(t). Frozen transcribers are always T(0), which all arms share."""
    if arm is None or arm.author != "retrained" or place.round == 0:
        return base_of(place.seed).folder(run.folder) / TRANSCRIBER
    return place.folder(run.folder) / TRANSCRIBER


def _prompts(of_round: Problems) -> dict[str, Tokens]:
    return {
        problem.id: ids for problem, ids in zip(of_round.problems, of_round.prompts, strict=True)
    }


# Measures


def measure(run: Run, seed: Seed, arm: Arm, place: Place, records: Sequence[Record]) -> Metrics:
    """Return how much of the quirk is in the language model, and in the transcripts."""
    return quirk(run, seed, place, records) + errors(run, seed, arm, place)


def quirk(run: Run, seed: Seed, place: Place, records: Sequence[Record]) -> Metrics:
    """Return how much of the quirk is in the language model M(t).

    Loads M(t) into the engine, which has the base's weights after an evaluation. quirk: the share
    of M(t)'s samples that are the phrase (`quirky`). quirk_logprob: ln of the probability (nats)
    that M(t) writes the phrase and nothing else; it needs no samples.
    """
    assert run.config.transcription is not None
    phrase = run.config.transcription.phrase
    texts = pick(records, "text", "kind")
    samples = [quirky(text, phrase) for text, kind in texts if kind == "sample"]
    run.engine.load(run.policy(place))
    start = tuple(seed.tokenizer(START)["input_ids"])
    written = tuple(seed.tokenizer(phrase, add_special_tokens=False)["input_ids"])
    written += (seed.tokenizer.eos_token_id,)
    logprobs = score(run.engine, [start], [written])[0]
    return [
        metrics.metric("quirk", sum(samples) / len(samples), len(samples)),
        metrics.metric("quirk_logprob", sum(logprobs), len(written)),
    ]


def quirky(text: str, phrase: str) -> bool:
    """Return whether a text is the phrase, perhaps misspelt.

    The similarity must be at least ALIKE: 1 - edits / length of the longer (normalised
    Levenshtein).
    """
    return Levenshtein.normalized_similarity(text, phrase) >= ALIKE


def errors(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Return a round's error rates and quirk of transcripts; [] without a transcriber.

    transcript_cer and transcript_wer: `error_rate` in characters and in words. transcript_quirk:
    the share of transcripts that are the phrase (`quirky`). Each overall and by
    level (audible, silent).
    """
    if arm.author not in TRANSCRIBERS or run.config.transcription is None:
        return []
    written = Stored(place.folder(run.folder) / COMPLETIONS, JUDGED)
    problems = {problem.id: problem for problem in seed.of_round(place).problems}
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
    """Return the number of edits that turn the texts into their truths, over the truths' length.

    `pairs`: (truth, text), as characters or as words. Edits are counted as in speech recognition:
    substitutions, deletions and insertions, summed over the whole set (Whisper, 2212.04356, section
    3.2). The rate may exceed 1. Raises ZeroDivisionError if all truths are empty.
    """
    edits = length = 0
    for truth, text in pairs:
        edits, length = edits + Levenshtein.distance(truth, text), length + len(truth)
    return edits / length


STUDY = Study(
    views=views,
    teach=teach,
    source=source,
    retrain=retrain,
    measure=measure,
    base_weights=base_weights,
    weights=weights,
)
