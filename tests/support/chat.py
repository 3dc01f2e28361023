"""A model folder with a chat template."""

from __future__ import annotations

from pathlib import Path

from rlvr.models.loading import character_tokenizer, materialise

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def chat_model(tiny: Path, folder: Path, eos: str) -> Path:
    """Write a model folder with ChatML's tokens and template, and the EOS asked for."""
    tokenizer = character_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.eos_token = eos
    tokenizer.chat_template = CHATML
    materialise(str(tiny), 0, folder, "test")
    tokenizer.save_pretrained(folder)
    return folder
