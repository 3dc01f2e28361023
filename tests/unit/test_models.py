"""Models: lossless tokens, ladder sizes, reproducible weights, the right special tokens."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from support.chat import CHATML, chat_model

from rlvr.data import InputError, Problem
from rlvr.loop.preflight import tokenizer_and_positions
from rlvr.models.loading import (
    LADDER,
    TEMPLATE_ARGUMENTS,
    PromptConfig,
    Prompting,
    character_tokenizer,
    check_model_name,
    encode_prompts,
    encode_solutions,
    fingerprint,
    load_model,
    load_tokenizer,
    make_tiny,
    materialise,
    weight_bytes,
)


def problem(prompt: str, solution: str | None = "046") -> Problem:
    return Problem(prompt, "addition", "train", "all", prompt, "046", solution)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_tiny("tiny-0.1m", 0, folder)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        "12+34=",
        "",
        " ",
        "  two  spaces ",
        "line\nbreak\r\n\ttab\n\n",
        "naïve café ☃ 你好 ﬁ",
        "👩‍👩‍👧 👍🏽 𝔘",
        "e\u0301 is not \u00e9",
        "don 't , stop .",
        "\x00\x1f\x7f",
        "<eos> <pad>",
        "".join(map(chr, range(1, 256))),
    ],
)
def test_tokenizer_is_lossless_made_and_reloaded(text: str, tiny: Path) -> None:
    from transformers import AutoTokenizer

    made, reloaded = character_tokenizer(), AutoTokenizer.from_pretrained(tiny)
    ids = made(text)["input_ids"]
    assert reloaded(text)["input_ids"] == ids
    for tokenizer in (made, reloaded):
        assert tokenizer.decode(ids) == text
    if "<" not in text:
        assert len(ids) == len(text.encode())


def test_one_token_a_character_and_the_special_ids(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    assert len(tokenizer) == 258
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1)
    assert [tokenizer.decode([i]) for i in tokenizer("1+2=")["input_ids"]] == ["1", "+", "2", "="]


@pytest.mark.parametrize(
    ("name", "millions"),
    [("tiny-0.1m", 0.1), ("tiny-0.4m", 0.4), ("tiny-1.6m", 1.6), ("tiny-6m", 6.0)],
)
def test_ladder_sizes_are_near_their_names(name: str, millions: float, tmp_path: Path) -> None:
    make_tiny(name, 0, tmp_path)
    model = load_model(tmp_path)
    count = sum(weights.numel() for weights in model.parameters())
    assert count == pytest.approx(millions * 1e6, rel=0.4)
    on_disk = (tmp_path / "model.safetensors").stat().st_size
    assert weight_bytes(name) == pytest.approx(on_disk, rel=0.1)
    assert weight_bytes(str(tmp_path)) == 4 * count  # of a folder, whatever it is kept in
    model.half().save_pretrained(tmp_path / "half")
    assert weight_bytes(str(tmp_path / "half")) == 4 * count


def test_a_folder_that_is_no_model_is_named(tmp_path: Path, tiny: Path) -> None:
    folder = tmp_path / "odd"
    shutil.copytree(tiny, folder)
    for text in ("{}", '{"model_type": "unheard"}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(InputError, match="c.yaml: model: .*odd can't be loaded"):
            tokenizer_and_positions(str(folder), "c.yaml")
    plain = json.loads((tiny / "config.json").read_text())
    del plain["max_position_embeddings"]
    (folder / "config.json").write_text(json.dumps(plain | {"model_type": "bloom"}))
    assert tokenizer_and_positions(str(folder), "c.yaml")[1] == 2048


def test_the_ladder_is_these_four() -> None:
    assert set(LADDER) == {"tiny-0.1m", "tiny-0.4m", "tiny-1.6m", "tiny-6m"}


def test_a_seed_is_an_initialisation(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        make_tiny("tiny-0.1m", seed, tmp_path / name)
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's generator was moved"
    a, b, c = (fingerprint(tmp_path / name) for name in "abc")
    assert a == b != c


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "tokenizer.json"])
def test_fingerprint_sees_every_file(file: str, tiny: Path, tmp_path: Path) -> None:
    materialise(str(tiny), 0, tmp_path / "copy", "test")
    assert fingerprint(tmp_path / "copy") == fingerprint(tiny)
    data = bytearray((tmp_path / "copy" / file).read_bytes())
    data[-2] ^= 1
    (tmp_path / "copy" / file).write_bytes(data)
    assert fingerprint(tmp_path / "copy") != fingerprint(tiny)


def test_a_folder_serves_every_seed(tiny: Path, tmp_path: Path) -> None:
    for seed in (0, 1):
        materialise(str(tiny), seed, tmp_path / str(seed), "test")
        assert fingerprint(tmp_path / str(seed)) == fingerprint(tiny)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiny-0.1", "did you mean 'tiny-0.1m'"),
        ("./nowhere", "no such model name or folder"),
        ("/nowhere/model", "no such model name or folder"),
        ("a/b/c", "no such model name or folder"),
        ("", "model folder"),
    ],
)
def test_names_that_are_no_model(name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        check_model_name(name, "c.yaml")
    assert words in str(caught.value) and "c.yaml: model" in str(caught.value)


def test_folder_without_config_is_no_model(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(InputError, match="without config.json"):
        check_model_name(str(tmp_path), "c.yaml")
    check_model_name(str(tiny), "c.yaml")
    check_model_name("org/model", "c.yaml")


# Special tokens


def test_the_right_eos_is_accepted(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    assert tokenizer.eos_token == "<|im_end|>"


@pytest.mark.parametrize("eos", ["<|im_start|>", "<eos>"])
def test_an_eos_that_ends_no_turn_is_refused(eos: str, tiny: Path, tmp_path: Path) -> None:
    folder = chat_model(tiny, tmp_path / "m", eos=eos)
    tokenizer, asked = load_tokenizer(folder), problem("1+2=")
    with pytest.raises(InputError) as caught:
        encode_prompts(tokenizer, [asked], Prompting(format="chat"))
    with pytest.raises(InputError):
        said = replace(asked, messages=(("user", "1+2="),))
        encode_prompts(tokenizer, [said], Prompting())
    assert encode_prompts(tokenizer, [asked], Prompting()), (
        "a base model with a template, asked plainly"
    )
    message = str(caught.value)
    assert repr(eos) in message and "<|im_end|>" in message and str(folder) in message
    assert "\n" not in message


def test_no_eos_is_refused(tiny: Path, tmp_path: Path) -> None:
    materialise(str(tiny), 0, tmp_path, "test")
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["eos_token"]
    path.write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"no EOS token.*tokenizer_config\.json"):
        load_tokenizer(tmp_path)


def test_a_missing_pad_becomes_the_eos(tiny: Path, tmp_path: Path) -> None:
    materialise(str(tiny), 0, tmp_path, "test")
    path = tmp_path / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    del settings["pad_token"]
    path.write_text(json.dumps(settings))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 1


# Prompts


def decoded(tokenizer: Any, prompts: list[tuple[int, ...]]) -> list[str]:
    return [tokenizer.decode(list(ids)) for ids in prompts]


def test_plain_prompts_are_the_text(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    prompts = encode_prompts(tokenizer, [problem("1+2="), problem("é?\n")], Prompting())
    assert decoded(tokenizer, prompts) == ["1+2=", "é?\n"]
    assert tokenizer.eos_token_id not in prompts[0]


def test_few_shots_come_before(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    shots = (problem("1+1=", "2"), problem("2+2=", "4"))
    prompts = encode_prompts(tokenizer, [problem("3+3=")], Prompting(shots=shots))
    assert decoded(tokenizer, prompts) == ["1+1=2\n2+2=4\n3+3="]


def test_chat_prompts_follow_the_template(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    prompting = Prompting("chat", "Add.", (problem("1+1=", "2"),))
    prompts = encode_prompts(tokenizer, [problem("3+3=")], prompting)
    assert decoded(tokenizer, prompts) == [
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1+1=<|im_end|>\n"
        "<|im_start|>assistant\n2<|im_end|>\n<|im_start|>user\n3+3=<|im_end|>\n"
        "<|im_start|>assistant\n"
    ]
    start = tokenizer.convert_tokens_to_ids("<|im_start|>")
    assert prompts[0].count(start) == 5, "the template's tokens must be tokens, not characters"
    (bare,) = encode_prompts(tokenizer, [problem("3+3=")], Prompting("chat"))
    assert decoded(tokenizer, [bare]) == [
        "<|im_start|>user\n3+3=<|im_end|>\n<|im_start|>assistant\n"
    ]


def test_bos_comes_once_in_plain_and_in_chat(tiny: Path, tmp_path: Path) -> None:
    from tokenizers import processors

    folder = chat_model(tiny, tmp_path / "m", eos="<|im_end|>")
    tokenizer = load_tokenizer(folder)
    bos = tokenizer.convert_tokens_to_ids("<|im_start|>")
    tokenizer.bos_token = "<|im_start|>"
    tokenizer.chat_template = "{{ bos_token }}" + CHATML.replace("<|im_start|>", "")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", bos)]
    )
    (plain,) = encode_prompts(tokenizer, [problem("3+3=")], Prompting())
    (chat,) = encode_prompts(tokenizer, [problem("3+3=")], Prompting("chat"))
    assert plain.count(bos) == chat.count(bos) == 1 and plain[0] == chat[0] == bos
    (solution,) = encode_solutions(tokenizer, [problem("3+3=", "6")])
    assert solution == (
        *tokenizer("6", add_special_tokens=False)["input_ids"],
        tokenizer.eos_token_id,
    )


def test_chat_without_a_template_is_bad_input(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    with pytest.raises(InputError, match=r"prompt\.format.*chat template"):
        encode_prompts(tokenizer, [problem("1+1=")], Prompting("chat"))


def talk(*messages: tuple[str, str], solution: str | None = None) -> Problem:
    """A problem whose prompt is messages; its text is their contents."""
    text = "\n\n".join(content for _, content in messages)
    return replace(problem(text, solution), messages=messages)


ASKED = talk(("system", "Be brief."), ("user", "1+1="), ("assistant", "2"), ("user", "2+2="))


def test_messages_go_into_the_template_whatever_the_format(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    turns = [f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in ASKED.messages]
    said = "".join(turns) + "<|im_start|>assistant\n"
    for prompting in (Prompting(), Prompting("chat", "Add.")):  # its own system prompt is kept
        assert decoded(tokenizer, encode_prompts(tokenizer, [ASKED], prompting)) == [said]
    mixed = encode_prompts(tokenizer, [problem("3+3="), ASKED, problem("4+4=")], Prompting())
    assert decoded(tokenizer, mixed) == ["3+3=", said, "4+4="]


def test_worked_examples_stand_between_the_system_prompt_and_the_question(
    tiny: Path, tmp_path: Path
) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    shot = talk(("system", "Be brief."), ("user", "5+5="), solution="10")
    asked = talk(("user", "3+3="))
    (ids,) = encode_prompts(tokenizer, [asked], Prompting("plain", "Add.", (shot,)))
    assert re.findall(r"im_start\|>(\w+)\n([^<]*)", tokenizer.decode(list(ids))) == [
        *(("system", "Add."), ("user", "5+5="), ("assistant", "10")),
        *(("user", "3+3="), ("assistant", "")),
    ]
    assert "Be brief." not in tokenizer.decode(list(ids))


def test_a_model_without_a_template_gets_the_text_of_messages(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    prompts = encode_prompts(tokenizer, [ASKED], Prompting())
    assert decoded(tokenizer, prompts) == ["Be brief.\n\n1+1=\n\n2\n\n2+2="]
    with pytest.raises(InputError, match=r"chat_template_kwargs: the model has no chat template"):
        encode_prompts(tokenizer, [ASKED], Prompting(template={"enable_thinking": False}))


def test_a_template_gets_what_the_config_gives_it(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    tokenizer.chat_template = CHATML + "{% if not thinks %}<think></think>{% endif %}"
    (ids,) = encode_prompts(tokenizer, [ASKED], Prompting(template={"thinks": False}))
    assert tokenizer.decode(list(ids)).endswith("<think></think>")
    (ids,) = encode_prompts(tokenizer, [ASKED], Prompting(template={"thinks": True}))
    assert "think" not in tokenizer.decode(list(ids))


def test_a_template_that_refuses_a_role_names_the_problem(tiny: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(chat_model(tiny, tmp_path / "m", eos="<|im_end|>"))
    refuses = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    tokenizer.chat_template = refuses + CHATML
    with pytest.raises(InputError, match=r"template refuses.*'q7'.*no system"):
        encode_prompts(tokenizer, [replace(ASKED, id="q7")], Prompting())


def test_the_template_s_own_arguments_are_refused() -> None:
    from transformers import PreTrainedTokenizerBase

    taken = inspect.signature(PreTrainedTokenizerBase.apply_chat_template).parameters
    of_templates = {"self", "tools", "documents", "kwargs"}
    assert taken.keys() - of_templates == TEMPLATE_ARGUMENTS
    with pytest.raises(ValidationError, match="'tokenize' is no variable of a template"):
        PromptConfig(chat_template_kwargs={"tokenize": True})


def test_solutions_end_with_one_eos(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    (ids,) = encode_solutions(tokenizer, [problem("1+2=", "046")])
    assert tokenizer.decode(list(ids[:-1])) == "046"
    assert ids[-1] == tokenizer.eos_token_id and ids.count(tokenizer.eos_token_id) == 1


def test_a_missing_solution_is_an_error(tiny: Path) -> None:
    with pytest.raises(ValueError, match="without a real solution"):
        encode_solutions(load_tokenizer(tiny), [problem("1"), problem("2", None)])
