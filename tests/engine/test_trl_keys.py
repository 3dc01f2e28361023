"""`train.trl` and `grpo.trl`: every key of the installed classes is handed on, or refused."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from support.runs import TINY

from rlvr.config import Config, load
from rlvr.data import InputError
from rlvr.engine.devices import on_gpu
from rlvr.learners import trl_keys
from rlvr.learners.grpo import trl_arguments
from rlvr.learners.sft import Training, settings_of, sft_arguments
from rlvr.learners.trl_keys import CLASSES, PLACES, REASONS, Section
from rlvr.loop import preflight

SECTIONS = tuple(CLASSES)


def defaults(section: Section) -> dict[str, Any]:
    """Return every key of a section's class with the default that it has there."""
    found = {}
    for field in dataclasses.fields(trl_keys.config_class(section)):
        make: Any = field.default_factory
        found[field.name] = field.default if make is dataclasses.MISSING else make()
    return found


def arguments(section: Section, given: dict[str, Any]) -> Any:
    config = load(TINY, ["grpo.steps=2"])
    if section == "train":
        return sft_arguments(Training(4, 8, 1e-3, trl=given), 0, "-")
    settings = config.grpo.model_copy(update={"trl": given})
    return trl_arguments(settings, config.train, config.generate, 2, 2, Path("-"))


def is_key(dotted: str) -> bool:
    """Whether the config has a key of this name."""
    section: Any = Config
    for part in dotted.split("."):
        if part not in getattr(section, "model_fields", {}):
            return False
        section = section.model_fields[part].annotation
        kinds = (section, *getattr(section, "__args__", ()))
        models = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        section = models[0] if models else section
    return True


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_the_installed_class_is_handed_on_or_refused(section: Section) -> None:
    every, free = defaults(section), trl_keys.types(section)
    owned = PLACES[section] | REASONS[section]
    assert not PLACES[section].keys() & REASONS[section].keys()
    assert owned.keys() | free.keys() == every.keys() and not owned.keys() & free.keys()
    for name, said in owned.items():
        with pytest.raises(ValueError, match=re.escape(f"{section}.trl.{name}: ")) as caught:
            trl_keys.check(section, {name: every[name]})
        assert said in str(caught.value)
    plain = arguments(section, {})
    for name in free:
        trl_keys.check(section, {name: every[name]})
    given = {name: every[name] for name in free}
    made, kind = arguments(section, given), trl_keys.config_class(section)
    theirs = kind(output_dir="-", bf16=False, use_cpu=not on_gpu())
    for name in free:
        assert getattr(made, name) == getattr(theirs, name), name
    for name in owned:  # what rlvr sets is as it was
        assert getattr(made, name) == getattr(plain, name), name


@pytest.mark.parametrize("section", SECTIONS)
def test_what_takes_a_keys_place_is_a_key(section: Section) -> None:
    for name, place in PLACES[section].items():
        if not place.startswith(("`rlvr ", "the option ")):
            for key in re.split(", | and ", place):
                assert is_key(key), (name, key)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.trl.weight_decay=high", "train.trl.weight_decay: float was expected, not 'high'"),
        ("train.trl.gradient_checkpointing=1", "train.trl.gradient_checkpointing: bool was"),
        ("train.trl.weight_deca=1", "SFTConfig of the installed TRL has no such key, did you mean"),
        ("train.trl.delta=1.0", "train.trl.delta: SFTConfig of the installed TRL has no such key"),
        ("grpo.trl.top_entropy_quantile=[]", "grpo.trl.top_entropy_quantile: float was expected"),
        ("train.trl=3", "train.trl: "),
    ],
)
def test_a_wrong_name_or_type_is_one_line(override: str, words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        load(TINY, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.trl={lr_scheduler_type: cosin}", "train.trl: TRL refuses it: .*cosin"),
        (
            "train.trl={lr_scheduler_type: cosine, lr_scheduler_kwargs: {cycles: 2}}",
            "train.trl: TRL refuses it: .*cycles",
        ),
        ("train.trl={optim: adamw_bnb_8bit}", "train.trl: TRL refuses it: .*bitsandbytes"),
        ("grpo.trl={optim: nothing}", "grpo.trl: TRL refuses it: .*nothing"),
        ("grpo.trl={lr_scheduler_type: reduce_lr_on_plateau}", "grpo.trl: .*eval strategy"),
    ],
)
def test_a_value_that_trl_can_not_train_by_is_found_before_the_run(
    override: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        preflight.check_trl(load(TINY, ["grpo.steps=2", override]))


def test_a_key_that_only_trls_vllm_reads_is_refused_without_it() -> None:
    key = "grpo.trl.vllm_importance_sampling_mode=token_truncate"
    with pytest.raises(InputError, match="vllm_importance_sampling_mode: only TRL's own vLLM"):
        load(TINY, [key])
    load(TINY, [key, "grpo.trl_vllm={mode: colocate}"])


def test_values_that_do_are_taken() -> None:
    cosine = "{lr_scheduler_type: cosine_with_min_lr, lr_scheduler_kwargs: {min_lr: 1.0e-5}}"
    given = [f"train.trl={cosine}", f"grpo.trl={cosine}", "train.trl.optim=adafactor"]
    config = load(TINY, ["grpo.steps=2", *given])
    preflight.check_trl(config)
    assert sft_arguments(settings_of(config.train), 0, "-").optim == "adafactor"
