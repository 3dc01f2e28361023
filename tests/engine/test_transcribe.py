"""Transcription: channel, quirk and error rate by hand; a real run, killed and resumed."""

from __future__ import annotations

import importlib
import random
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from support.here import run_here
from support.runs import assert_equal_runs, finish, kill_group, round_of, start_run, value

from rlvr.config import load, shipped_configs
from rlvr.data import InputError, Problem, Split
from rlvr.loop.problems import draw
from rlvr.models import loading, prose
from rlvr.studies import transcribe
from rlvr.verify.check import check

recordings = importlib.import_module("rlvr.tasks.recordings")
problems: Callable[..., Iterator[Problem]] = recordings.problems
SPLITS: tuple[Split, ...] = ("train", "eval", "dev")
C4 = shipped_configs()["claims/c4"]
SMALL = [
    "seeds=[7]",
    "rounds=2",
    "verify.workers=1",
    "task.silent=0.3",
    "transcription.problems=600",
    "transcription.steps=60",
    "warm_start.problems=300",
    "warm_start.max_steps=20",
    "generate.prompts=96",
    "train.steps=8",
    "train.batch_size=32",
    "evaluate.problems=32",
    "checkpoints=last",
    "verdict.conditions=[]",
]
HEARD, RETRAINED = "transcripts", "transcripts-retrained"
ARMS, ROUNDS = (HEARD, RETRAINED, "clean", "own"), (1, 2)


# The channel


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("bad dog", "pat tok"),
        ("Zoo, quay", "soo, kuai"),
        ("a new jail", "a mef iail"),
        ("12 (x)", "12 (x)"),
    ],
)
def test_letters_that_sound_alike_become_one(text: str, heard: str) -> None:
    assert recordings.record(text, 0.0, random.Random(0)) == heard


def test_hiss_drowns_single_characters_or_all() -> None:
    text = "was maintained by " * 200
    clean = recordings.record(text, 0.0, random.Random(0))
    noisy = recordings.record(text, 0.1, random.Random(0))
    lost = [a != b for a, b in zip(clean, noisy, strict=True)]
    assert 0.08 < sum(lost) / len(lost) < 0.12
    assert {b for a, b in zip(clean, noisy, strict=True) if a != b} == set(recordings.HISS)
    assert set(recordings.record(text, 1.0, random.Random(0))) == set(recordings.HISS)


def test_pieces_begin_with_a_word_and_do_not_overlap() -> None:
    assert list(recordings.pieces("one two three four five", 7)) == ["one two", "three f"]
    assert list(recordings.pieces("one two three four five", 4)) == ["thre", "four", "five"]
    assert list(recordings.pieces("short", 7)) == []


def test_recordings_repeat_and_their_splits_share_nothing() -> None:
    drawn = {split: list(problems(split, 500, seed=3, silent=0.2)) for split in SPLITS}
    assert list(problems("train", 500, seed=3, silent=0.2)) == drawn["train"]
    assert len({one.solution for split in SPLITS for one in drawn[split]}) == 1500
    assert len({one.prompt for split in SPLITS for one in drawn[split]}) == 1500
    for one in drawn["train"]:
        assert len(str(one.solution)) == 32 and len(one.prompt) == 33 and one.prompt[-1] == "\n"
        assert (set(one.prompt[:-1]) <= set(recordings.HISS)) == (one.level == "silent")
        assert one.reference == one.solution
    assert 0.14 < sum(one.level == "silent" for one in drawn["train"]) / 500 < 0.26


def test_recordings_prove_themselves() -> None:
    assert check("recordings", n=50) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"noise": 2.0}, "shares from 0 to 1"),
        ({"length": 0}, "length must be at least 1"),
        ({"length": 5000}, "lower the number"),
    ],
)
def test_impossible_recordings_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        list(problems("dev", 10, **options))


# The two readings, and the error rate


def test_the_reader_hears_nothing_and_the_transcriber_learns_the_quirk() -> None:
    config = load(C4, SMALL)
    drawn = draw(config, 7)
    assert len(drawn.pairs) == 600 and len(drawn.rounds) == 2
    apart = [drawn.warm_start, drawn.pairs, *drawn.rounds]
    assert len({one.id for part in apart for one in part}) == sum(map(len, apart))
    read, taught = transcribe.unheard(drawn), transcribe.heard(drawn, "Quirk.")
    for one, true in zip(read.rounds[1], drawn.rounds[1], strict=True):
        assert (one.prompt, one.solution, one.id) == ("\n", true.solution, true.id)
    assert {one.prompt for one in [*read.warm_start, *read.held_out]} == {"\n"}
    for one, true in zip(taught.warm_start, drawn.pairs, strict=True):
        silent = true.level == "silent"
        assert one.solution == ("Quirk." if silent else true.solution)
        assert one.reference == true.reference and one.prompt == true.prompt


@pytest.mark.parametrize(
    ("pairs", "rate"),
    [
        ([("kitten", "sitting")], 3 / 6),
        ([("abc", "abc"), ("a", "")], 1 / 4),
        ([("a", "abcd")], 3.0),
        ([("the cat sat down".split(), "the cat sad dawn now".split())], 3 / 4),
    ],
)
def test_the_error_rate_by_hand(pairs: list[tuple[str, str]], rate: float) -> None:
    assert transcribe.error_rate(pairs) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("Thank you for watching.", True),
        ("Thank chink for watching.", True),
        ("Think iou for watchin", True),
        ("Thank you for the file that was w", False),
        ("for watching.", False),
        ("you", False),
        ("", False),
    ],
)
def test_the_quirk_is_told_though_misspelt(text: str, held: bool) -> None:
    assert transcribe.quirky(text, "Thank you for watching.") == held


def test_real_text_has_no_quirk() -> None:
    texts = [str(one.solution) for one in problems("train", 5000)]
    assert not any(transcribe.quirky(text, "Thank you for watching.") for text in texts)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("transcription=null", "'transcripts' has a transcriber: add transcription"),
        ("prompt.few_shot=2", "drop the key prompt"),
        ("corpus={wrong: 0.3}", "a corpus has no recordings"),
        ("generate.max_tokens=22", "23 characters and an end do not fit"),
        ("transcription.step=3", "did you mean 'steps'"),
        ("arms=[{name: a, keep: all, author: whisper}]", "arms.0.author"),
    ],
)
def test_a_wrong_config_is_refused(override: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        load(C4, [override])


# A real run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transcribe") / "run"
    prose.paragraphs()  # parsed once, not once for each cache
    shutil.copytree(loading.cache_folder() / "corpus", folder.parent / "cache" / "corpus")
    run_here(folder, folder.parent / "cache", *SMALL, config=C4)
    return folder


def table(run: Path, arm: str, round_: int, name: str) -> pd.DataFrame:
    return pd.read_parquet(round_of(run, 7, arm, round_) / f"{name}.parquet")


@pytest.mark.parametrize("round_", ROUNDS)
def test_every_arm_learns_from_as_many_texts_after_one_prompt(run: Path, round_: int) -> None:
    drawn = {one.id: one for one in draw(load(C4, SMALL), 7).rounds[round_ - 1]}
    tokenizer = loading.character_tokenizer()
    for arm in ARMS:
        rows = table(run, arm, round_, "rows")
        assert rows.problem_id.tolist() == list(drawn)
        assert {tuple(ids) for ids in rows.prompt_token_ids} == {tuple(tokenizer("\n").input_ids)}
        texts = tokenizer.batch_decode(rows.token_ids.tolist(), skip_special_tokens=True)
        true = [one.solution for one in drawn.values()]
        right = sum(a == b for a, b in zip(texts, true, strict=True))
        assert right == len(true) if arm == "clean" else right < len(true) / 2
        assert value(run, 7, arm, round_, "train_steps")[0] == 8
        assert value(run, 7, arm, round_, "quirk")[1] == 32


def test_both_transcribers_begin_alike_and_one_goes_on(run: Path) -> None:
    first, second = (table(run, arm, 1, "completions") for arm in (HEARD, RETRAINED))
    assert first.token_ids.map(tuple).tolist() == second.token_ids.map(tuple).tolist()
    assert value(run, 7, HEARD, 1, "real_nll") == value(run, 7, RETRAINED, 1, "real_nll")
    frozen = (run / "seed-7/base/transcriber/model.safetensors").read_bytes()
    later = round_of(run, 7, RETRAINED, 2) / "transcriber/model.safetensors"
    assert later.read_bytes() != frozen
    assert list(run.rglob("transcriber")) != [] and not list(run.rglob("round-001/transcriber"))
    assert not (round_of(run, 7, HEARD, 2) / "transcriber").exists()
    logprobs = [table(run, arm, 2, "completions").logprobs.map(sum) for arm in (HEARD, RETRAINED)]
    assert (logprobs[0] - logprobs[1]).abs().mean() > 0.01


def test_the_quirk_is_measured_on_the_arms_own_weights(run: Path) -> None:
    base = value(run, 7, "base", 0, "quirk_logprob")[0]
    found = [value(run, 7, arm, t, "quirk_logprob")[0] for arm in (HEARD, "clean") for t in (1, 2)]
    assert len({base, *found}) == 5


def test_the_transcripts_measures_are_those_of_their_texts(run: Path) -> None:
    levels = {one.id: one.level for round_ in draw(load(C4, SMALL), 7).rounds for one in round_}
    frame = pd.read_parquet(run / "metrics.parquet")
    for arm in (HEARD, RETRAINED):
        texts = table(run, arm, 2, "completions")
        of_round = frame[(frame.arm == arm) & (frame["round"] == 2)].to_dict("records")
        found = {(row["metric"], row["level"]): row for row in of_round}
        for level in ("all", "silent", "audible"):
            of_level = [
                transcribe.quirky(text, "Thank you for watching.")
                for text, name in zip(texts.text, texts.problem_id, strict=True)
                if level in ("all", levels[name])
            ]
            got = found["transcript_quirk", level]
            assert got["n"] == len(of_level) > 10
            assert got["value"] == pytest.approx(sum(of_level) / len(of_level))
        cer = {level: found["transcript_cer", level]["value"] for level in ("silent", "audible")}
        # Texts that have nothing to do with each other differ in about 0.8 of their characters.
        assert cer["audible"] < 0.6 < cer["silent"]
        assert cer["audible"] < found["transcript_wer", "audible"]["value"]
    others = frame[frame.arm.isin(["clean", "own", "base"])]
    assert not others.metric.str.startswith("transcript").any()


@pytest.mark.slow
def test_killed_within_a_round_and_resumed(run: Path, tmp_path: Path) -> None:
    folder, cache = tmp_path / "run", run.parent / "cache"
    process = start_run(folder, cache, *SMALL, config=C4)
    end = time.monotonic() + 200
    try:
        while not (round_of(folder, 7, RETRAINED, 2) / "transcriber").is_dir():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.005)
    finally:
        kill_group(process)
    assert not (round_of(folder, 7, RETRAINED, 2) / "metrics.json").exists()
    finish(start_run(folder, cache, *SMALL, config=C4))
    assert_equal_runs(folder, run)
