"""TRL's keys: what `train.trl` may set of SFTConfig, and `grpo.trl` of GRPOConfig.

`PLACES` and `REASONS` are the one table of the keys that they may not set: rlvr's own config has a
key in their place, or a run would no longer be what it says. All others are handed on. Before that,
`check` holds name and type against the installed class, and `try_out` tries the values.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from rlvr.data import InputError, nearest
from rlvr.sections import one_line

Section = Literal["train", "grpo"]
CLASSES: dict[Section, str] = {"train": "SFTConfig", "grpo": "GRPOConfig"}


def _by_key(table: Mapping[str, str]) -> dict[str, str]:
    return {key: said for said, keys in table.items() for key in keys.split()}


_PLACES = {
    "the option --out": "output_dir",
    "model": "model_init_kwargs trust_remote_code",
    "seeds": "seed data_seed",
    "train.micro_batch": "per_device_train_batch_size auto_find_batch_size",
    "train.precision": "bf16 fp16",
    "train.accelerate": "fsdp fsdp_config deepspeed accelerator_config parallelism_config",
    "train.processes": "local_rank",
    "report_to": (
        "logging_strategy logging_steps logging_first_step log_on_each_node logging_nan_inf_filter "
        "include_num_input_tokens_seen log_level log_level_replica disable_tqdm report_to run_name "
        "project trackio_space_id trackio_bucket_id trackio_static_space_id"
    ),
    "evaluate": (
        "eval_strategy eval_steps eval_delay per_device_eval_batch_size prediction_loss_only "
        "eval_on_start eval_do_concat_batches eval_use_gather_object eval_accumulation_steps "
        "include_for_metrics batch_eval_metrics bf16_full_eval fp16_full_eval"
    ),
    "`rlvr export --model`": (
        "push_to_hub hub_token hub_private_repo hub_model_id hub_strategy hub_always_push "
        "hub_revision"
    ),
}
_SFT_PLACES = {
    "train.steps": "max_steps num_train_epochs",
    "train.lr": "learning_rate",
    "train.batch_size and train.micro_batch": "gradient_accumulation_steps",
    "checkpoints": (
        "save_strategy save_steps save_total_limit save_only_model save_on_each_node "
        "enable_jit_checkpoint"
    ),
    "train.early_stop": "load_best_model_at_end metric_for_best_model greater_is_better",
    "generate.max_tokens": "max_length truncation_mode",
    "prompt.format": "chat_template_path",
    "model": "eos_token pad_token",
    "task": "dataset_text_field dataset_kwargs dataset_num_proc",
}
_GRPO_PLACES = {
    "grpo.steps": "max_steps num_train_epochs",
    "grpo.lr": "learning_rate",
    "generate.prompts, generate.samples and train.micro_batch": "gradient_accumulation_steps",
    "grpo.checkpoint_every": (
        "save_strategy save_steps save_total_limit save_only_model save_on_each_node "
        "enable_jit_checkpoint"
    ),
    "evaluate": (
        "load_best_model_at_end metric_for_best_model greater_is_better num_generations_eval"
    ),
    "grpo.loss_type": "loss_type",
    "grpo.scale_rewards": "scale_rewards",
    "grpo.beta": "beta",
    "grpo.epsilon": "epsilon",
    "grpo.epsilon_high": "epsilon_high",
    "grpo.partial_credit and grpo.format_reward": "reward_weights multi_objective_aggregation",
    "generate.samples": "num_generations",
    "generate.prompts and grpo.steps": "generation_batch_size steps_per_generation",
    "generate.max_tokens": "max_completion_length",
    "generate.temperature": "temperature",
    "generate.top_p": "top_p",
    "generate.top_k": "top_k",
    "generate.min_p": "min_p",
    "generate.repetition_penalty": "repetition_penalty",
    "generate": "generation_kwargs",
    "prompt.chat_template_kwargs": "chat_template_kwargs",
    "engine": (
        "cache_implementation use_transformers_continuous_batching use_transformers_paged "
        "transformers_continuous_batching_config"
    ),
    "grpo.trl_vllm": (
        "use_vllm vllm_mode vllm_enable_sleep_mode vllm_server_base_url vllm_max_model_length "
        "vllm_gpu_memory_utilization"
    ),
    "report_to": (
        "log_completions log_multimodal num_completions_to_print log_unique_prompts "
        "log_completions_hub_repo"
    ),
}
PLACES: dict[Section, dict[str, str]] = {
    "train": _by_key(_PLACES) | _by_key(_SFT_PLACES),
    "grpo": _by_key(_PLACES) | _by_key(_GRPO_PLACES),
}
"""Of each section the keys of TRL that a key of rlvr takes the place of, and that key."""

_REASONS = {
    "the same command resumes a run": (
        "resume_from_checkpoint ignore_data_skip restore_callback_states_from_checkpoint"
    ),
    "a GPU is used where torch sees one": "use_cpu",
    "rlvr gives the rows and their order, which must repeat": (
        "remove_unused_columns label_names train_sampling_strategy length_column_name "
        "dataloader_drop_last dataloader_in_order shuffle_dataset"
    ),
    "timing.parquet has time and memory of every stage": "skip_memory_metrics",
    "it holds for the whole process, and so for the warm start of the next seed": (
        "tf32 full_determinism torch_compile torch_compile_backend torch_compile_mode"  # sets tf32
    ),
    "only scripts of transformers read it": "do_train do_eval do_predict",
}
_SFT_REASONS = {
    "a batch is train.batch_size rows, each by itself": (
        "packing packing_strategy eval_packing padding_free"
    ),
    "the loss is that of a row's completion": "completion_only_loss assistant_only_loss",
}
_GRPO_REASONS = {
    "rlvr takes one step on each batch": "num_iterations",
    "the loss has no labels": "label_smoothing_factor",
    "the trainer would no longer agree with the engine that samples": (
        "neftune_noise_alpha disable_dropout"
    ),
    "the reference is the base of the seed": (
        "sync_ref_model ref_model_mixup_alpha ref_model_sync_steps"
    ),
    "a completion is one answer, without tools": "max_tool_calling_iterations",
    "samples must be those of the policy itself": "vllm_structured_outputs_regex",
    "it trains in one process": (
        "vllm_tensor_parallel_size ds3_gather_for_generation "
        "ddp_find_unused_parameters ddp_bucket_cap_mb ddp_broadcast_buffers ddp_static_graph "
        "ddp_backend ddp_timeout"
    ),
}
REASONS: dict[Section, dict[str, str]] = {
    "train": _by_key(_REASONS) | _by_key(_SFT_REASONS),
    "grpo": _by_key(_REASONS) | _by_key(_GRPO_REASONS),
}
"""Of each section the keys of TRL that are not handed on, with nothing in their place, and why."""


def config_class(section: Section) -> Any:
    """Return TRL's class that a section's `trl` is handed to. Its import takes seconds."""
    import trl

    return getattr(trl, CLASSES[section])


def types(section: Section) -> dict[str, Any]:
    """Return the type of each key that a section's `trl` may set, as the installed TRL has them."""
    owned = PLACES[section].keys() | REASONS[section].keys()
    hints = typing.get_type_hints(config_class(section))
    return {name: hint for name, hint in hints.items() if name not in owned and name[0] != "_"}


def check(section: Section, given: Mapping[str, Any]) -> None:
    """Raise ValueError for a key that rlvr owns or TRL does not know, or a value of another type.

    The message names the key, and what to write in its place.
    """
    for name in given:
        if place := PLACES[section].get(name):
            raise ValueError(f"{section}.trl.{name}: rlvr sets it: write {place} in its place")
        if reason := REASONS[section].get(name):
            raise ValueError(f"{section}.trl.{name}: not handed on: {reason}: leave it out")
    if not given:
        return
    known = types(section)
    for name, value in given.items():
        if name not in known:
            raise ValueError(
                f"{section}.trl.{name}: {CLASSES[section]} of the installed TRL has no such "
                f"key{nearest(name, known)}"
            )
        try:
            adapter = TypeAdapter(known[name], config=ConfigDict(arbitrary_types_allowed=True))
            adapter.validate_python(value, strict=True)
        except ValidationError as failure:
            wanted = getattr(known[name], "__name__", None) or str(known[name])
            raise ValueError(
                f"{section}.trl.{name}: {wanted} was expected, not {value!r}"
            ) from failure


def try_out(section: Section, arguments: Any, steps: int) -> None:
    """Raise InputError if the optimiser or the schedule of TRL's arguments can't be made here.

    `arguments`: a function that returns them, made from the config. steps: those of the schedule.
    """
    import torch
    from transformers import Trainer, get_scheduler

    try:
        made = arguments()
        model = torch.nn.Linear(1, 1)
        if made.optim_target_modules is None:  # else it needs the real model
            kind, options = Trainer.get_optimizer_cls_and_kwargs(made, model)
            kind(model.parameters(), **options)
        get_scheduler(
            made.lr_scheduler_type,
            optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
            num_warmup_steps=made.get_warmup_steps(steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=made.lr_scheduler_kwargs,
        )
    except (ValueError, TypeError, KeyError, ImportError, NotImplementedError) as failure:
        raise InputError(f"{section}.trl: TRL refuses it: {one_line(failure)}") from failure
