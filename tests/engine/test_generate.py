"""The engine, for real: samples that repeat, transformers' logprobs, weights that are new."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from rlvr.data import Problem, RunError
from rlvr.engine.completions import in_order, request_seed, stream_completions
from rlvr.engine.probes import PROBES, write_probes
from rlvr.engine.protocol import Decoding, Sampled, Tokens
from rlvr.engine.vllm import VllmEngine
from rlvr.models.loading import load_model, load_tokenizer, make_tiny
from rlvr.records.layout import Place

EOS = 1
# Ids of bytes: any text will do for a model that has learned nothing.
PROMPTS: list[Tokens] = [tuple(20 + (7 * i + j) % 60 for j in range(4 + i % 9)) for i in range(48)]
SEEDS = [request_seed(0, 1, f"p{i}", 0) for i in range(len(PROMPTS))]
DECODING = Decoding(max_tokens=24)


def made(folder: Path, seed: int) -> Path:
    """Write a tiny model that says EOS now and then, as an untrained one hardly does."""
    make_tiny("tiny-0.1m", seed, folder)
    model = load_model(folder)
    with torch.no_grad():
        # Sharper than an untrained model, and an EOS that is likely in some places.
        for parameter in model.parameters():
            parameter *= 1.5
        model.lm_head.weight[EOS] = model.lm_head.weight[EOS] * 6
    model.save_pretrained(folder)
    write_probes(model, PROMPTS[:8], folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("generate") / "one", 1)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("generate") / "two", 2)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.fixture(scope="module")
def running(model: Path, compiled: Path) -> Iterator[VllmEngine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(compiled))
        engine = VllmEngine(model, "float32")
    with engine:
        yield engine


@pytest.fixture
def engine(running: VllmEngine, model: Path) -> VllmEngine:
    running.load(model)
    return running


@pytest.fixture(scope="module")
def expected(running: VllmEngine, model: Path) -> list[Sampled]:
    running.load(model)
    return running.generate(PROMPTS, DECODING, SEEDS)


def logprobs_of(model: Path, tokens: Tokens) -> list[float]:
    """Return transformers' logprobs of the second to last token."""
    ids = torch.tensor([tokens])
    with torch.no_grad():
        scores = load_model(model)(input_ids=ids).logits[0, :-1].log_softmax(-1)
    return list(scores.gather(1, ids[0, 1:, None])[:, 0].tolist())


# Repeatable


def test_the_samples_are_worth_testing(expected: list[Sampled]) -> None:
    assert {sampled.finish_reason for sampled in expected} == {"stop", "length"}
    assert len({sampled.token_ids for sampled in expected}) > len(PROMPTS) / 2


def test_same_seeds_same_tokens(engine: VllmEngine, expected: list[Sampled]) -> None:
    assert engine.generate(PROMPTS, DECODING, SEEDS) == expected


def test_same_tokens_in_another_order_and_in_small_batches(
    engine: VllmEngine, expected: list[Sampled]
) -> None:
    backwards = engine.generate(PROMPTS[::-1], DECODING, SEEDS[::-1])[::-1]
    assert [s.token_ids for s in backwards] == [s.token_ids for s in expected]
    for i in range(0, len(PROMPTS), 7):
        few = engine.generate(PROMPTS[i : i + 3], DECODING, SEEDS[i : i + 3])
        assert [s.token_ids for s in few] == [s.token_ids for s in expected[i : i + 3]]


def test_other_seeds_other_tokens(engine: VllmEngine, expected: list[Sampled]) -> None:
    seeds = [request_seed(0, 2, f"p{i}", 0) for i in range(len(PROMPTS))]
    again = engine.generate(PROMPTS, DECODING, seeds)
    assert sum(a.token_ids == b.token_ids for a, b in zip(again, expected, strict=True)) < 10


def test_one_prompt_many_seeds_differ(engine: VllmEngine) -> None:
    seeds = [request_seed(0, 1, "p", index) for index in range(32)]
    sampled = engine.generate([PROMPTS[0]] * 32, DECODING, seeds)
    assert len({s.token_ids for s in sampled}) > 24


def test_greedy_repeats_whatever_the_seed(engine: VllmEngine) -> None:
    greedy = Decoding(temperature=0.0, max_tokens=12)
    first = engine.generate(PROMPTS, greedy, SEEDS)
    assert engine.generate(PROMPTS, greedy, SEEDS[::-1]) == first


def test_greedy_is_transformers_greedy(engine: VllmEngine, model: Path) -> None:
    reference = load_model(model)
    sampled = engine.generate(PROMPTS[:6], Decoding(temperature=0.0, max_tokens=10), SEEDS[:6])
    for prompt, output in zip(PROMPTS, sampled, strict=False):
        ids = torch.tensor([prompt])
        theirs = reference.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=10
        )
        assert output.token_ids == tuple(theirs[0, len(prompt) :].tolist())


def test_seeds_are_of_what_is_sampled_alone() -> None:
    keys = [
        (s, r, p, i) for s in (0, 1) for r in (1, 11) for p in ("a", "a/1", "a/11") for i in (1, 2)
    ]
    seeds = {request_seed(*key) for key in keys}
    assert len(seeds) == len(keys)
    assert all(0 <= seed < 1 << 63 for seed in seeds)
    assert request_seed(0, 1, "a", 1) == request_seed(0, 1, "a", 1)


@pytest.mark.slow
def test_a_fresh_engine_gives_the_same_tokens(model: Path, expected: list[Sampled]) -> None:
    with VllmEngine(model, "float32") as fresh:
        assert fresh.generate(PROMPTS, DECODING, SEEDS) == expected


def test_nothing_was_compiled(expected: list[Sampled], compiled: Path) -> None:
    """A machine without a compiler must do, and a fresh one must not wait for one."""
    if torch.cuda.is_available():
        pytest.skip("on a GPU the engine brings its own compiler")
    assert [path.name for path in compiled.rglob("*") if path.suffix in {".cpp", ".so"}] == []


# What comes back


def test_the_sampled_eos_is_there_and_truncation_is_flagged(expected: list[Sampled]) -> None:
    for sampled in expected:
        assert EOS not in sampled.token_ids[:-1]
        if sampled.finish_reason == "stop":
            assert sampled.token_ids[-1] == EOS
        else:
            assert len(sampled.token_ids) == 24 and sampled.token_ids[-1] != EOS
        assert len(sampled.logprobs) == len(sampled.token_ids)


def test_an_eos_as_last_token_allowed_is_no_truncation(
    engine: VllmEngine, expected: list[Sampled]
) -> None:
    i, sampled = next(
        (i, s) for i, s in enumerate(expected) if s.finish_reason == "stop" and len(s.token_ids) > 1
    )
    length = len(sampled.token_ids)
    (exact,) = engine.generate([PROMPTS[i]], Decoding(max_tokens=length), [SEEDS[i]])
    assert (exact.token_ids, exact.finish_reason) == (sampled.token_ids, "stop")
    (short,) = engine.generate([PROMPTS[i]], Decoding(max_tokens=length - 1), [SEEDS[i]])
    assert (short.token_ids, short.finish_reason) == (sampled.token_ids[:-1], "length")


def test_logprobs_are_transformers(model: Path, expected: list[Sampled]) -> None:
    for prompt, sampled in zip(PROMPTS[:12], expected, strict=False):
        theirs = logprobs_of(model, prompt + sampled.token_ids)[len(prompt) - 1 :]
        assert sampled.logprobs == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize(
    "decoding",
    [
        Decoding(0.5, 1.0, 8),
        Decoding(1.0, 0.5, 8),
        Decoding(1.0, 1.0, 8, top_k=3, min_p=0.1, repetition_penalty=1.3, stop=("~",)),
    ],
)
def test_logprobs_are_those_at_temperature_1(
    decoding: Decoding, engine: VllmEngine, model: Path
) -> None:
    sampled = engine.generate(PROMPTS[:4], decoding, SEEDS[:4])
    for prompt, output in zip(PROMPTS, sampled, strict=False):
        theirs = logprobs_of(model, prompt + output.token_ids)[len(prompt) - 1 :]
        assert output.logprobs == pytest.approx(theirs, abs=1e-4)


def test_score_is_transformers_and_leaves_nothing_behind(engine: VllmEngine, model: Path) -> None:
    sequences = [PROMPTS[0], PROMPTS[0], PROMPTS[8] + PROMPTS[1], PROMPTS[8], PROMPTS[2] * 20]
    for _ in range(2):  # the second time the prefixes are in the cache
        scores = engine.score(sequences)
        for tokens, ours in zip(sequences, scores, strict=True):
            assert len(ours) == len(tokens) - 1
            assert ours == pytest.approx(logprobs_of(model, tokens), abs=1e-4)


def test_sampling_follows_the_models_probabilities(engine: VllmEngine, model: Path) -> None:
    n = 2000
    seeds = [request_seed(9, 1, "p", index) for index in range(n)]
    sampled = engine.generate([PROMPTS[3]] * n, Decoding(max_tokens=1), seeds)
    with torch.no_grad():
        logits = load_model(model)(input_ids=torch.tensor([PROMPTS[3]])).logits[0, -1]
    probabilities = logits.softmax(-1)
    counts = torch.zeros_like(probabilities)
    for output in sampled:
        counts[output.token_ids[0]] += 1
    # Pearson's chi-square over tokens expected five times or more; its mean is their number.
    often = probabilities * n >= 5
    assert often.sum() > 5
    excess = ((counts - probabilities * n) ** 2 / (probabilities * n))[often]
    assert excess.sum() < 2 * often.sum()


def cut(decoding: Decoding, ranked: torch.Tensor) -> int:
    """Return how many of the likeliest tokens may be sampled, given probabilities in order."""
    by_top_p = int((ranked.cumsum(0) < decoding.top_p).sum()) + 1
    by_min_p = int((ranked >= decoding.min_p * ranked[0]).sum())
    return min(by_top_p, by_min_p, decoding.top_k or len(ranked))


@pytest.mark.parametrize(
    "decoding",
    [Decoding(1.0, 0.3, 1), Decoding(max_tokens=1, top_k=3), Decoding(max_tokens=1, min_p=0.5)],
)
def test_what_cuts_the_tail(decoding: Decoding, engine: VllmEngine, model: Path) -> None:
    seeds = [request_seed(9, 1, "p", index) for index in range(200)]
    sampled = engine.generate([PROMPTS[3]] * 200, decoding, seeds)
    with torch.no_grad():
        logits = load_model(model)(input_ids=torch.tensor([PROMPTS[3]])).logits[0, -1]
    ranked = logits.softmax(-1).sort(descending=True)
    allowed = cut(decoding, ranked.values)
    assert allowed < len(ranked.values) / 2
    assert {s.token_ids[0] for s in sampled} == set(ranked.indices[:allowed].tolist())


def test_the_repetition_penalty_is_transformers(engine: VllmEngine, model: Path) -> None:
    reference = load_model(model)
    greedy = Decoding(temperature=0.0, max_tokens=10, repetition_penalty=1.5)
    plain = engine.generate(PROMPTS[:6], Decoding(temperature=0.0, max_tokens=10), SEEDS[:6])
    sampled = engine.generate(PROMPTS[:6], greedy, SEEDS[:6])
    assert sampled != plain
    for prompt, output in zip(PROMPTS, sampled, strict=False):
        ids = torch.tensor([prompt])
        theirs = reference.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=10,
            repetition_penalty=1.5,
        )
        assert output.token_ids == tuple(theirs[0, len(prompt) :].tolist())


def test_a_completion_ends_with_the_token_that_completes_a_stop_text(
    engine: VllmEngine, model: Path, expected: list[Sampled]
) -> None:
    tokenizer = load_tokenizer(model)
    whole = [tokenizer.decode(s.token_ids, skip_special_tokens=True) for s in expected]
    stops = (whole[0][4:6], "<never>", whole[1][7])
    problems = [Problem(f"p{i}", "t", "train", "all", "", "x") for i in range(len(PROMPTS))]
    decoding = Decoding(max_tokens=24, stop=stops)
    stream = stream_completions(
        engine, tokenizer, problems, PROMPTS, decoding, 1, Place(0, "base", 1)
    )
    ended = 0
    for one, text, full in zip(
        in_order(problems, filter(None, stream)), whole, expected, strict=True
    ):
        at = min((found for stop in stops if (found := text.find(stop)) >= 0), default=None)
        assert one.text == text[:at]
        assert one.token_ids == full.token_ids[: len(one.token_ids)]
        assert len(one.logprobs) == len(one.token_ids)
        if at is None:
            assert one.token_ids == full.token_ids and one.finish_reason == full.finish_reason
            continue
        ended += 1
        assert one.finish_reason == "stop"
        said = tokenizer.decode(one.token_ids, skip_special_tokens=True)
        assert said.startswith(one.text) and said.endswith(stops)
    assert 2 <= ended < len(PROMPTS)


def test_the_models_generation_config_changes_nothing(
    engine: VllmEngine, model: Path, expected: list[Sampled], tmp_path: Path
) -> None:
    cold = tmp_path / "cold"
    shutil.copytree(model, cold)
    (cold / "generation_config.json").write_text(
        json.dumps({"temperature": 0.01, "top_k": 1, "repetition_penalty": 5.0, "eos_token_id": 30})
    )
    engine.load(cold)
    assert engine.generate(PROMPTS, DECODING, SEEDS) == expected


def test_completions_come_as_they_are_finished(engine: VllmEngine, model: Path) -> None:
    n = 3000
    problems = [Problem(f"p{i}", "t", "train", "all", "", "x") for i in range(n)]
    told: list[tuple[int, int]] = []
    stream = stream_completions(
        engine,
        load_tokenizer(model),
        problems,
        [PROMPTS[0]] * n,
        Decoding(max_tokens=24),
        1,
        Place(0, "arm", 1),
        lambda *done: told.append(done),
    )
    found = [one for one in stream if one]
    assert {one.problem_id for one in found} == {problem.id for problem in problems}
    assert len(told) > 2 and told == sorted(told)
    assert told[-1] == (n, sum(len(one.token_ids) for one in found))


def test_what_was_given_up_midway_is_not_taken_for_what_is_asked_next(
    engine: VllmEngine, expected: list[Sampled]
) -> None:
    stream = engine.stream([PROMPTS[0]] * 2000, Decoding(max_tokens=24), list(range(2000)))
    assert any(next(stream) for _ in range(10_000))
    del stream
    assert engine.generate(PROMPTS, DECODING, SEEDS) == expected
    assert len(engine.score([PROMPTS[0]])[0]) == len(PROMPTS[0]) - 1


def test_nothing_asked_nothing_given(engine: VllmEngine) -> None:
    assert engine.generate([], DECODING, []) == []
    assert engine.score([]) == []


def test_completions_are_problem_major_and_carry_their_place(
    engine: VllmEngine, model: Path
) -> None:
    tokenizer = load_tokenizer(model)
    problems = [Problem(f"p{i}", "t", "train", "all", "", "x") for i in range(3)]
    place = Place(5, "arm", 7)
    stream = stream_completions(engine, tokenizer, problems, PROMPTS[:3], DECODING, 2, place)
    completions = in_order(problems, filter(None, stream))
    keys = [(c.problem_id, c.index) for c in completions]
    assert keys == [("p0", 0), ("p0", 1), ("p1", 0), ("p1", 1), ("p2", 0), ("p2", 1)]
    for completion in completions:
        i = int(completion.problem_id[1:])
        assert (completion.arm, completion.seed, completion.round) == ("arm", 5, 7)
        assert completion.prompt_token_ids == PROMPTS[i]
        assert "<eos>" not in completion.text
        without = [token for token in completion.token_ids if token > EOS]
        assert completion.text == tokenizer.decode(without)
        (alone,) = engine.generate(
            [PROMPTS[i]], DECODING, [request_seed(5, 7, completion.problem_id, completion.index)]
        )
        assert alone.token_ids == completion.token_ids


def test_fewer_completions_than_asked_for_are_an_error(
    engine: VllmEngine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = engine.stream

    def losing(*asked: Any) -> Iterator[list[tuple[int, Sampled]]]:
        for part in whole(*asked):
            yield [(place, one) for place, one in part if place != 4]

    monkeypatch.setattr(engine, "stream", losing)
    tokenizer = load_tokenizer(model)
    problems = [Problem(f"p{i}", "t", "train", "all", "", "x") for i in range(3)]
    place = Place(5, "arm", 7)
    stream = stream_completions(engine, tokenizer, problems, PROMPTS[:3], DECODING, 2, place)
    with pytest.raises(RunError, match="gave 5 of 6 completions"):
        list(stream)


# Weights


def test_other_weights_in_place(
    engine: VllmEngine, model: Path, other: Path, expected: list[Sampled]
) -> None:
    assert engine.load(other) < 1e-4
    changed = engine.generate(PROMPTS, DECODING, SEEDS)
    assert sum(a.token_ids == b.token_ids for a, b in zip(changed, expected, strict=True)) < 10
    tokens = PROMPTS[0] + changed[0].token_ids
    assert engine.score([tokens])[0] == pytest.approx(logprobs_of(other, tokens), abs=1e-4)
    assert engine.load(model) < 1e-4
    assert engine.generate(PROMPTS, DECODING, SEEDS) == expected


def test_memory_handed_back_is_filled_again_by_a_load(
    engine: VllmEngine, model: Path, expected: list[Sampled]
) -> None:
    engine.rest()
    with pytest.raises(RuntimeError, match="load some first"):
        engine.generate(PROMPTS, DECODING, SEEDS)
    engine.load(model)
    assert engine.generate(PROMPTS, DECODING, SEEDS) == expected


def test_the_process_of_a_large_model_rests_by_ending(
    model: Path, other: Path, expected: list[Sampled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlvr.engine.vllm.LARGE", 1)
    with VllmEngine(other, "float32", {"max_num_seqs": 32}) as large:
        first = large._children[0].process
        large.rest()
        large.rest()
        assert first.poll() is not None and large._children == []
        with pytest.raises(RuntimeError, match="load some first"):
            large.generate(PROMPTS, DECODING, SEEDS)
        assert large.load(model) < 1e-4
        sampled = large.generate(PROMPTS, DECODING, SEEDS)
    assert [s.token_ids for s in sampled] == [s.token_ids for s in expected]


def test_an_old_prefix_is_not_served_after_new_weights(
    engine: VllmEngine, model: Path, other: Path
) -> None:
    long: Tokens = tuple(20 + i % 60 for i in range(400))
    engine.generate([long], Decoding(max_tokens=1), [0])
    engine.load(other)
    (sampled,) = engine.generate([long], Decoding(max_tokens=4), [0])
    theirs = logprobs_of(other, long + sampled.token_ids)[len(long) - 1 :]
    assert sampled.logprobs == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("tamper", ["shift", "nan", "other weights"])
def test_weights_that_are_not_those_of_the_probes_stop_the_run(
    tamper: str, engine: VllmEngine, model: Path, other: Path, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(model, wrong)
    probes: dict[str, Any] = json.loads((wrong / PROBES).read_text())
    if tamper == "other weights":
        shutil.copyfile(other / "model.safetensors", wrong / "model.safetensors")
    else:
        by = 0.01 if tamper == "shift" else float("nan")
        probes["logprobs"] = [[value + by for value in one] for one in probes["logprobs"]]
        (wrong / PROBES).write_text(json.dumps(probes))
    with pytest.raises(RunError, match=r"stale or wrong weights.*bound 0\.001") as caught:
        engine.load(wrong)
    assert str(wrong) in str(caught.value) and "\n" not in str(caught.value)
    assert engine.load(model) < 1e-4, "the engine lives on"


@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_an_output_layer_tied_to_the_embedding_is_new_too(dtype: str, tmp_path: Path) -> None:
    from transformers import LlamaForCausalLM

    make_tiny("tiny-0.1m", 1, tmp_path / "one")
    config = load_model(tmp_path / "one").config
    config.tie_word_embeddings = True
    for name in ("one", "two"):
        tied = LlamaForCausalLM(config)
        with torch.no_grad():
            tied.model.embed_tokens.weight *= 20  # far from uniform, so that a stale head shows
        tied.save_pretrained(tmp_path / name)
        if name == "two":
            load_tokenizer(tmp_path / "one").save_pretrained(tmp_path / name)
        write_probes(tied, PROMPTS[:8], tmp_path / name)
    with VllmEngine(tmp_path / "one", dtype) as engine:
        for name in ("one", "two", "one"):
            engine.rest()
            assert engine.load(tmp_path / name) < (1e-4 if dtype == "float32" else 1.0)


# Failures


def test_what_the_engine_refuses_is_said_and_it_lives_on(
    engine: VllmEngine, expected: list[Sampled]
) -> None:
    with pytest.raises(RunError, match="the engine failed") as caught:
        engine.generate([PROMPTS[0] * 200], DECODING, [0])
    assert "\n" not in str(caught.value)
    assert engine.generate(PROMPTS[:5], DECODING, SEEDS[:5]) == expected[:5]


def test_two_replicas_give_the_same_tokens_and_one_that_dies_is_named(
    model: Path, other: Path, expected: list[Sampled]
) -> None:
    with VllmEngine(model, "float32", {"data_parallel_size": 2, "max_num_seqs": 32}) as pair:
        assert pair.load(model) < 1e-4
        parts = pair.generate(PROMPTS, DECODING, SEEDS)
        assert [s.token_ids for s in parts] == [s.token_ids for s in expected]
        assert pair.load(other) < 1e-4
        assert pair.generate(PROMPTS, DECODING, SEEDS) != parts
        victim = pair._children[1]
        os.kill(victim.process.pid, signal.SIGKILL)
        with pytest.raises(RunError, match=r"the engine process ended with code -9") as caught:
            pair.generate(PROMPTS, DECODING, SEEDS)
        pids = [child.process.pid for child in pair._children]
    message = str(caught.value)
    assert str(victim.log) in message and "run the same command again" in message
    assert "\n" not in message
    assert victim.log.is_file(), "the log that the message names must still be there"
    victim.log.unlink()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_closing_while_it_starts_leaves_no_process_and_no_log(model: Path) -> None:
    engine = VllmEngine(model, "float32")
    child = engine._children[0]
    # As vLLM's own processes on a GPU, which hold its memory.
    below = subprocess.Popen(["sleep", "600"], process_group=child.process.pid)
    engine.close()
    assert child.process.poll() is not None and not child.log.exists()
    assert below.wait(10) == -signal.SIGKILL
