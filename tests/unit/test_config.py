"""Configs: every key checked, one line that names file, key and fix, nothing guessed."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.runs import TINY

from rlvr.config import Config, filled, load, resolved, shipped_configs
from rlvr.data import InputError
from rlvr.learners.sft_settings import accelerate_configs
from rlvr.records.record import deciding, digest
from rlvr.verify.tasks import draw_problems

PLAIN: dict[str, Any] = yaml.safe_load(TINY.read_text())


def complaint(overrides: list[str], path: Path = TINY) -> str:
    with pytest.raises(InputError) as caught:
        load(path, overrides)
    message = str(caught.value)
    assert "\n" not in message and str(path) in message, message
    return message


def written(tmp_path: Path, **changed: Any) -> Path:
    """Write the tiny config with some keys replaced; a key set to None is left out."""
    path = tmp_path / "config.yaml"
    content = {key: value for key, value in {**PLAIN, **changed}.items() if value is not None}
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("override", "key", "near"),
    [
        ("modle=tiny-0.1m", "modle", "model"),
        ("round=3", "round", "rounds"),
        ("train.stepz=3", "train.stepz", "steps"),
        ("generate.temprature=1", "generate.temprature", "temperature"),
        ("evaluate.sample=8", "evaluate.sample", "samples"),
        ("warm_start.untill=0.3", "warm_start.untill", "until"),
        ("train.lora.rnk=8", "train.lora.rnk", "rank"),
        ("verdict.margn=0.1", "verdict.margn", "margin"),
        ("prompt.fewshot=2", "prompt.fewshot", "few_shot"),
        ("verify.worker=2", "verify.worker", "workers"),
        ("arms=[{name: mine, keep: all, keeep: all}]", "arms.0.keeep", "keep"),
    ],
)
def test_unknown_key_names_the_nearest(override: str, key: str, near: str) -> None:
    message = complaint([override])
    assert f"{key}: unknown key" in message
    assert f"did you mean {near!r}" in message


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("rounds=many", "rounds"),
        ("rounds=0", "rounds"),
        ("rounds=1.5", "rounds"),
        ("rounds=null", "rounds"),
        ("seeds=3", "seeds"),
        ("seeds=[a]", "seeds.0"),
        ("seeds=[-1]", "seeds.0"),
        ("seeds=[]", "seeds"),
        ("seeds=[1,1]", "seeds"),
        (f"seeds=[{2**32}]", "seeds.0"),
        (f"rounds={'9' * 400}", "rounds"),
        (f"name={'n' * 101}", "name"),
        ("arms=[{name: " + "n" * 101 + ", keep: all}]", "arms.0.name"),
        ("train.lr=.inf", "train.lr"),
        ("generate.temperature=.inf", "generate.temperature"),
        ("verdict.margin=.inf", "verdict.margin"),
        ("verify.timeout=.nan", "verify.timeout"),
        ("evaluate.k=[]", "evaluate.k"),
        ("engine.max_model_len=abc", "max_model_len"),
        ("engine.max_model_len=null", "max_model_len"),
        ("engine.data_parallel_size=0", "data_parallel_size"),
        ("engine.tensor_parallel_size=true", "tensor_parallel_size"),
        ("arms=verified", "arms"),
        ("arms=[]", "arms"),
        ("arms=[verified,verified]", "arms"),
        ("arms=[3]", "arms.0"),
        ("train=fast", "train"),
        ("train.lr=-1", "train.lr"),
        ("train.lr=high", "train.lr"),
        ("train.precision=fp8", "train.precision"),
        ("train.lora.dropout=1", "train.lora.dropout"),
        ("generate.top_p=1.5", "generate.top_p"),
        ("generate.temperature=0", "generate.temperature"),
        ("warm_start.until=0", "warm_start.until"),
        ("verdict.confidence=0.5", "verdict.confidence"),
        ("verdict.metric=pass@3", "verdict.metric"),
        ("evaluate.k=[2,4]", "k must contain 1"),
        ("evaluate.k=[1,8]", "samples >= k"),
        ("evaluate.samples=2", "samples >= k"),
        ("evaluate.k=[1,2,2]", "evaluate"),
        ("task=[1]", "task"),
        ("task.name=3", "task.name"),
        ("model=[a]", "model"),
        ("name=../up", "name"),
        ("checkpoints=some", "checkpoints"),
        ("engine=fast", "engine"),
        ("executor=cloud", "executor"),
        ("prompt.format=poem", "prompt.format"),
    ],
)
def test_wrong_value_names_its_key(override: str, key: str) -> None:
    assert key in complaint([override])


@pytest.mark.parametrize("key", ["name", "model", "task", "seeds", "rounds", "arms"])
def test_missing_key_is_named(key: str, tmp_path: Path) -> None:
    path = written(tmp_path, **{key: None})
    assert f"{key}: this key is missing" in complaint([], path)


def test_a_misspelt_key_is_named_before_the_one_that_is_missing(tmp_path: Path) -> None:
    message = complaint([], written(tmp_path, rounds=None, round=3))
    assert ": round: unknown key, did you mean 'rounds'?" in message and "(and 1 more)" in message


@pytest.mark.parametrize(
    ("arms", "words"),
    [
        (
            ["verifed"],
            ["config.yaml: arms: unknown arm 'verifed'", "did you mean 'verified'", "known:"],
        ),
        (["random"], ["'random' matches 'verified'", "not among the arms"]),
        ([{"name": "mine", "keep": "random"}], ["keep: random needs match"]),
        ([{"name": "mine", "keep": "all", "match": "mine"}], ["match has no meaning"]),
        ([{"name": "mine", "keep": "verified", "match": "mine"}], ["circle", "mine"]),
        (
            [
                {"name": "a", "keep": "random", "match": "b"},
                {"name": "b", "keep": "random", "match": "a"},
            ],
            ["circle", "a, b"],
        ),
        ([{"name": "base", "keep": "all"}], ["'base'", "choose another"]),
        ([{"name": "../up", "keep": "all"}], ["arms.0.name"]),
        ([{"name": "mine", "keep": "best"}], ["arms.0.keep", "'best'"]),
        ([{"keep": "all"}], ["arms.0.name: this key is missing"]),
    ],
)
def test_impossible_arms(arms: list[Any], words: list[str], tmp_path: Path) -> None:
    message = complaint([], written(tmp_path, arms=arms))
    for word in words:
        assert word in message, message


def test_matched_arms_come_first(tmp_path: Path) -> None:
    arms = [{"name": "c", "keep": "random", "match": "random"}, "random", "unfiltered", "verified"]
    config = load(written(tmp_path, arms=arms))
    names = [arm.name for arm in config.arms_in_order()]
    assert names == ["unfiltered", "verified", "random", "c"]


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("rounds=3", lambda c: c.rounds, 3),
        ("train.lr=1e-3", lambda c: c.train.lr, 1e-3),
        ("seeds=[3,4,5]", lambda c: c.seeds, [3, 4, 5]),
        ("warm_start=null", lambda c: c.warm_start, None),
        ("task.digits=3", lambda c: c.task.options["digits"], 3),
        ("engine.max_num_seqs=64", lambda c: c.engine, {"max_num_seqs": 64}),
        ("train.lora.rank=4", lambda c: c.train.lora and c.train.lora.rank, 4),
        ("verifier=math", lambda c: c.verifier and c.verifier.name, "math"),
        ("verifier={name: exact}", lambda c: c.verifier and c.verifier.name, "exact"),
        ("arms=[real]", lambda c: [arm.keep for arm in c.arms], ["real"]),
        ("verdict.metric=greedy", lambda c: c.verdict.metric, "greedy"),
    ],
)
def test_overrides(override: str, read: Any, value: object) -> None:
    assert read(load(TINY)) != value
    assert read(load(TINY, [override])) == value


def test_later_override_wins_and_the_rest_stands() -> None:
    config = load(TINY, ["rounds=3", "rounds=4"])
    assert config.rounds == 4
    assert resolved(config) == {**resolved(load(TINY)), "rounds": 4}


@pytest.mark.parametrize("override", ["rounds", "rounds:3", "--rounds 3"])
def test_what_is_no_override_says_how_to_write_one(override: str) -> None:
    with pytest.raises(InputError, match="write key=value") as caught:
        load(TINY, [override])
    assert repr(override) in str(caught.value)


@pytest.mark.parametrize(
    "override",
    ["=3", "rounds=[1", "a.b.c=1", "train.lr.x=3", "train..lr=3", "[=1", "a=" + "[" * 2000],
)
def test_mangled_overrides_are_bad_input(override: str) -> None:
    with pytest.raises(InputError) as caught:
        load(TINY, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: [unclosed\n", "not YAML"),
        ("name: a\n\tmodel: b\n", "not YAML"),
        ("name: a\nname: b\n", "name"),
        ("- a\n- b\n", "mapping"),
        ("just words\n", "just words: unknown key"),
        ("", "missing"),
        ("name: ${nowhere}\n", "nowhere"),
    ],
)
def test_file_that_is_no_config(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    assert words in complaint([], path)


def test_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"name: \xff\xfe\x00\n")
    complaint([], path)


def test_missing_file_names_the_nearest_shipped_one(tmp_path: Path) -> None:
    message = complaint([], tmp_path / "quickstrat.yaml")
    assert "no such config file" in message and "did you mean 'quickstart'" in message


def test_folder_is_no_config(tmp_path: Path) -> None:
    assert "no such config file" in complaint([], tmp_path)


def test_shipped_configs_are_there() -> None:
    assert "quickstart" in shipped_configs()


@pytest.mark.parametrize("name", shipped_configs())
def test_every_shipped_config_loads_by_name_and_by_path(name: str) -> None:
    path = shipped_configs()[name]
    assert load(Path(name)) == load(path)


@pytest.mark.parametrize("path", [*shipped_configs().values(), TINY], ids=lambda p: p.stem)
def test_resolved_config_round_trips(path: Path, tmp_path: Path) -> None:
    plain = resolved(load(path))
    again = tmp_path / "again.yaml"
    again.write_text(json.dumps(plain))
    assert resolved(load(again)) == plain
    assert Config.model_validate(plain) == load(path)


@pytest.mark.parametrize("name", accelerate_configs())
def test_shipped_files_for_accelerate_are_what_it_reads(name: str) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    read = load_config_from_file(str(accelerate_configs()[name]))
    kinds = {"ddp": "MULTI_GPU", "fsdp2": "FSDP", "deepspeed": "DEEPSPEED"}
    assert read.distributed_type == kinds[name]
    assert load(TINY, [f"train.accelerate={name}", "train.processes=2"]).train.accelerate == name


def test_deepspeed_is_refused_where_it_would_round_the_weights() -> None:
    three = ["train.accelerate=deepspeed", "train.processes=2", "train.precision=bf16"]
    assert "weights rounded to bfloat16" in complaint(three)
    for other in ("train.accelerate=ddp", "train.processes=1", "train.precision=fp32"):
        load(TINY, [*three, other])


def test_accelerate_as_none_of_its_files() -> None:
    assert "'fsdp3' is no file, and none of ddp, deepspeed, fsdp2" in complaint(
        ["train.accelerate=fsdp3"]
    )
    both = ["train.accelerate=fsdp2", "train.lora={rank: 4}"]
    assert "lora needs ddp" in complaint(both)


def test_resolved_config_holds_every_default() -> None:
    plain = resolved(load(TINY))
    assert plain.keys() == Config.model_fields.keys() - {"dpo"}  # its arm is not there
    assert plain["train"]["processes"] == 1 and plain["verdict"]["margin"] == 0.05
    assert plain["arms"][1] == {
        "name": "random",
        "keep": "random",
        "match": "verified",
        "share": None,
        "author": "model",
        "memory": "replace",
        "real_fraction": 0.0,
        "start": "previous",
        "flip": None,
        "learner": "sft",
    }


def test_what_was_recorded_before_a_key_existed_has_its_default() -> None:
    plain = resolved(load(TINY))
    old = {name: value for name, value in plain.items() if name != "grpo"}
    old["arms"] = [{k: v for k, v in arm.items() if k != "learner"} for arm in plain["arms"]]
    assert filled(old) == plain
    assert filled({**old, "gone": 1}) == {**old, "gone": 1}


def test_an_engine_is_known_by_its_name() -> None:
    assert load(TINY, ["engine.name=vllm"]).engine == {"name": "vllm"}
    assert "did you mean 'vllm'" in complaint(["engine.name=vlm"])


@pytest.mark.parametrize(
    ("arm", "words"),
    [
        ("{name: a, keep: self-scored}", "keep: self-scored needs match"),
        (
            "{name: a, keep: all, flip: {false_positive: 0.1}}",
            "flip changes what `verified` and `inverted` keep",
        ),
        ("{name: a, keep: verified, flip: {false_positive: 2}}", "less than or equal to 1"),
        ("{name: a, keep: verified, flip: {pattern: '('}}", "no regular expression"),
        ("{name: a, keep: real, real_fraction: 0.5}", "real_fraction has no meaning"),
        ("{name: a, keep: real, author: transcriber}", "author has no meaning"),
        ("{name: a, keep: all, author: transcriber}", "'a' has a transcriber: add transcription"),
        ("{name: a, keep: verified, flip: {false_postive: 1}}", "did you mean 'false_positive'"),
    ],
)
def test_impossible_arms_are_refused(arm: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        load(TINY, [f"arms=[verified,{arm}]"])


def test_unknown_task_names_the_nearest() -> None:
    with pytest.raises(InputError, match="unknown task 'additon', did you mean 'addition'"):
        draw_problems(load(TINY, ["task.name=additon"]).task, "train", 1, 0, "here")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("task.digit=3", "task.digit: addition has no such option, did you mean 'digits'"),
        ("task.digits=0", "digits must be at least 1"),
        ("task.digits=two", "task"),
        ("task.digits=1.5", "task"),
        ("task.reverse=3", "task"),
    ],
)
def test_wrong_task_options_are_bad_input(override: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        draw_problems(load(TINY, [override]).task, "train", 4, 0, "here")
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "overrides",
    [
        ["train.micro_batch=3"],
        ["train.processes=3"],
        ["train.micro_batch=16", "train.processes=2"],
        ["train.micro_batch=12", "train.batch_size=24"],
        ["train.micro_batch=48", "train.batch_size=96", "transcription={}", "warm_start=null"],
    ],
)
def test_batches_that_do_not_divide_are_bad_input(overrides: list[str]) -> None:
    assert "batch_size" in complaint(overrides)


def test_the_engine_is_given_room_for_the_longest_real_solution_and_one_token_more() -> None:
    from rlvr.loop import preflight
    from rlvr.loop.problems import draw

    config = load(TINY, ["generate.max_tokens=1", "evaluate.off_target=[]"])
    seeds = [draw(config, seed) for seed in config.seeds]
    longest = len("12+34=") + len("640") + 1  # and the EOS
    assert preflight.check_model(config, "here", seeds) == longest + 1
    several = load(TINY, ["generate.max_tokens=20", "evaluate.off_target=[]"])
    assert preflight.check_model(several, "here", seeds) == len("12+34=") + 20 + 1
    full = load(TINY, ["generate.max_tokens=505", "evaluate.off_target=[]"])
    assert preflight.check_model(full, "here", seeds) == 512
    with pytest.raises(InputError, match="lower it to 505"):
        preflight.check_model(
            load(TINY, ["generate.max_tokens=506", "evaluate.off_target=[]"]), "here", seeds
        )


@pytest.mark.parametrize("part", ["held_out", "rounds", "warm_start"])
def test_a_solution_that_the_engine_cannot_read_is_named(part: str) -> None:
    """It would end the run where its likelihood is measured. What is only trained on may be."""
    from rlvr.loop import preflight
    from rlvr.loop.problems import draw

    config = load(TINY)
    seed = draw(config, config.seeds[0])
    drawn = seed.rounds[0] if part == "rounds" else getattr(seed, part)
    drawn[0] = replace(drawn[0], solution="7" * 600)
    if part == "warm_start":
        assert preflight.check_model(config, "here", [seed]) == 512
        return
    with pytest.raises(InputError, match="the real solution of .* engine.max_model_len"):
        preflight.check_model(config, "here", [seed])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.trl.learning_rate=1", "train.trl.learning_rate: rlvr sets it: write train.lr in"),
        ("grpo.trl.learning_rate=1", "grpo.trl.learning_rate: rlvr sets it: write grpo.lr in"),
        ("train.trl.packing=true", "train.trl.packing: not handed on: a batch is train.batch_size"),
        ("train.weight_decay=0.1", "here it is train.trl.weight_decay"),
        ("warmup_ratio=0.1", "here it is train.trl.warmup_steps"),
        ("logging_steps=1", "here it is report_to"),
        ("generate.top_k=-1", "generate.top_k"),
        ("generate.min_p=1", "generate.min_p"),
        ("generate.repetition_penalty=0", "generate.repetition_penalty"),
        ("generate.stop=['']", "generate.stop.0"),
        ("train.early_stop.metric=loss", "train.early_stop.metric"),
        ("train.early_stop.patience=0", "train.early_stop.patience"),
    ],
)
def test_what_other_libraries_call_it_is_told(override: str, words: str) -> None:
    assert words in complaint([override])


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("generate.top_k=5", "samples of the policy itself"),
        ("generate.min_p=0.1", "samples of the policy itself"),
        ("generate.repetition_penalty=1.1", "samples of the policy itself"),
        ("grpo.trl_vllm={mode: colocate}", "grpo.trl_vllm: TRL's vLLM does not end at"),
    ],
)
def test_online_arms_refuse_what_their_samples_would_not_be(override: str, words: str) -> None:
    online = "arms=[{name: a, keep: verified, learner: grpo}]"
    given = [online, "generate.prompts=64", "grpo.steps=2", "generate.stop=Q"]
    load(TINY, given)
    assert words in complaint([*given, override])


def test_stop_is_a_text_or_a_list() -> None:
    assert load(TINY, ["generate.stop='Q:'"]).generate.decoding().stop == ("Q:",)
    assert load(TINY, ["generate.stop=[Q, A]"]).generate.plain(0.0).stop == ("Q", "A")


@pytest.mark.parametrize(
    "override",
    [
        "generate.top_k=5",
        "generate.min_p=0.1",
        "generate.repetition_penalty=1.1",
        "generate.stop=[Q]",
        "train.early_stop={}",
    ],
)
def test_keys_that_came_later_are_hashed_where_they_are_set(override: str) -> None:
    plain, given = resolved(load(TINY)), resolved(load(TINY, [override]))
    older = {**plain, "generate": {key: plain["generate"][key] for key in PLAIN["generate"]}}
    new = ("trl", "early_stop")
    older["train"] = {key: value for key, value in plain["train"].items() if key not in new}
    older["grpo"] = {key: value for key, value in plain["grpo"].items() if key != "trl"}
    assert digest(deciding(older)) == digest(deciding(plain)) != digest(deciding(given))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["train.lora={rank: 2}"], "early_stop works neither with lora"),
        (["train.processes=2"], "nor with several processes"),
        (["arms=[{name: a, keep: verified, learner: grpo}]"], "train.early_stop: it ends rounds"),
    ],
)
def test_early_stopping_is_for_whole_weights_of_sft(more: list[str], words: str) -> None:
    assert words in complaint(["train.early_stop={every: 5}", *more])
