"""SFT: TRL's SFTTrainer on rows of token ids; the prompt is masked, the EOS is not.

In every arm a round is exactly `steps` optimiser steps of exactly `batch_size` rows, however many
rows the arm kept: training goes through fresh permutations of the rows until all steps are taken
(`train.early_stop` may end it sooner). Weights are float32. With bf16 the forward and backward
passes run under autocast, because AdamW on pure bf16 weights loses small updates. Adam starts from
zero each round.

With more than one process the same function runs under `accelerate launch -m rlvr.learners.sft
JOB`.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rlvr.data import Arm, Row, RunError
from rlvr.engine import threads
from rlvr.engine.devices import on_gpu, one_gpu
from rlvr.engine.probes import PROBES, write_probes
from rlvr.engine.processes import die_with_parent
from rlvr.engine.protocol import Tokens
from rlvr.engine.threads import use_openmp
from rlvr.evaluate import metrics
from rlvr.learners.context import Metrics, Run, Seed
from rlvr.learners.held_back import EarlyStop
from rlvr.learners.learner import Learner
from rlvr.learners.sft_settings import TrainConfig, accelerate_configs
from rlvr.models.loading import load_model, load_tokenizer
from rlvr.models.quiet import quiet
from rlvr.records.layout import MODEL, ROWS, TRAIN, Place, is_done
from rlvr.records.record import (
    copy_folder,
    delete_folder,
    new_folder,
    read_rows,
    write_json,
    write_rows,
    write_sums,
)
from rlvr.records.stored import ROW, Stored, take

StepCheck = Callable[[int, Any, Any], bool]
Teach = Callable[[Path, Path], dict[str, float]]  # (start, out) -> figures


@dataclass(frozen=True, slots=True)
class Training:
    """The settings of one call of `train`.

    `micro_batch` rows go through a device at a time (None: all). `accelerate`: how more than one
    process share the work, a shipped file's name or a path. `trl`: further keys of SFTConfig.
    """

    steps: int
    batch_size: int
    lr: float
    precision: str = "fp32"
    micro_batch: int | None = None
    lora: dict[str, Any] | None = None
    processes: int = 1
    accelerate: str = "ddp"
    trl: dict[str, Any] = field(default_factory=dict)


def learn(run: Run, seed: Seed, arm: Arm, place: Place) -> Metrics:
    """Make M(t) from the round's rows and load it into the engine; return the training's metrics.

    Without rows M(t) is M(t-1), and the record says so.
    """

    def teach(start: Path, out: Path) -> dict[str, float]:
        rows = read_rows(place.folder(run.folder) / ROWS)
        if not rows:
            return {}
        return _trained(run, seed, place, start, rows, out)

    return make_policy(run, arm, place, teach)


def make_policy(run: Run, arm: Arm, place: Place, teach: Teach) -> Metrics:
    """Let a learner make M(t), unless it is made, and load it; return the training's metrics.

    teach(start, out): writes the model, trained from `start`, into the folder `out`, and returns
    its figures. If it writes none, there was nothing to learn from: M(t) is M(t-1), after no step.
    """
    folder = place.folder(run.folder)
    facts_path = folder / TRAIN
    if not is_done(folder, "train"):
        delete_folder(folder / MODEL)
        previous = run.policy(place.at(place.round - 1))
        start = {
            "previous": previous,
            "base": run.policy(place.at(0)),
            "scratch": run.start(place.seed),
        }[arm.start]
        with run.stage(place, "train") as count:
            run.engine.rest()
            facts = {"train_steps": 0.0, "train_tokens": 0.0} | teach(start, folder / MODEL)
            if not (folder / MODEL).is_dir():
                copy_folder(previous, folder / MODEL)
            count["tokens"] = int(facts["train_tokens"])
        write_json(facts_path, facts)
    with run.stage(place, "sync"):
        run.engine.load(folder / MODEL)
    facts = json.loads(facts_path.read_text())
    run.display.may_stop()
    n = len(Stored(folder / ROWS, ROW))
    return [metrics.metric(name, float(value), n) for name, value in sorted(facts.items())]


def _trained(
    run: Run, seed: Seed, place: Place, start: Path, rows: Sequence[Row], out: Path
) -> dict[str, float]:
    """Fine-tune `start` into the folder `out`, with early stopping if the config has it."""
    settings, key, rule = training_of(run), key_of(place), run.config.train.early_stop
    if rule is None:
        return train(start, rows, settings, key, out, seed.probes)

    def save_to(folder: Path, model: Any) -> None:
        save(model, start, folder, seed.probes)

    ended = run.scratch / "ended"  # the last weights, which may not be the best
    shutil.rmtree(ended, ignore_errors=True)
    stop = EarlyStop(run, seed, place, rule, settings.steps, save_to)
    facts = train(start, rows, settings, key, ended, seed.probes, stop)
    stop.keep(out)
    step, value = stop.kept
    return {**facts, "kept_step": float(step), "held_back": value}


def training_of(run: Run) -> Training:
    """Return the settings of a round's training."""
    return settings_of(run.config.train)


def settings_of(config: TrainConfig) -> Training:
    """Return the settings of a round's training from the config's section."""
    return Training(**config.model_dump(exclude={"early_stop"}))


def key_of(place: Place) -> int:
    """Return the seed of a round's training."""
    return place.seed * 100_003 + place.round


def schedule(rows: int, total: int, seed: int) -> list[int]:
    """Return `total` row numbers: fresh permutations of range(rows), one after the other."""
    order: list[int] = []
    generator = random.Random(seed)
    while len(order) < total:
        epoch = list(range(rows))
        generator.shuffle(epoch)
        order += epoch
    return order[:total]


def train(
    start: Path,
    rows: Sequence[Row],
    settings: Training,
    seed: int,
    out: Path,
    probes: Sequence[Tokens],
    check: StepCheck | None = None,
) -> dict[str, float]:
    """Fine-tune the model in `start` on `rows`, and write it into the new folder `out`.

    The folder also gets probes. `check(step, model, optimizer)` is called after every step, and
    training ends when it returns True. Returns `train_loss` (mean nats a token), `train_steps` and
    `train_tokens` (those in the loss). Raises ValueError without rows, RunError when a process
    fails.
    """
    if not rows:
        raise ValueError("no rows to train on")
    if settings.processes > 1 and check is None:
        return _launch(start, rows, settings, seed, out, probes)
    order = schedule(len(rows), settings.steps * settings.batch_size, seed)
    with new_folder(out) as folder:
        model, facts = _fine_tune(start, take(rows, order), settings, seed, check)
        if model is not None:
            save(model, start, folder, probes)
    del model
    gc.collect()  # trainer and optimiser refer to each other
    threads.return_memory()
    _freeze()
    return facts


@functools.cache
def _freeze() -> None:
    """Exclude what a first training has imported from garbage collection (0.25 s each time)."""
    gc.freeze()


def save(model: Any, start: Path, folder: Path, probes: Sequence[Tokens]) -> None:
    """Write weights, probes, and the other files of `start` into `folder`, with checksums.

    Raises RunError, and writes nothing, where training left a weight that is no finite number.
    """
    from safetensors import SafetensorError

    if not all(bool(weights.isfinite().all()) for weights in model.parameters()):
        raise RunError(
            "training diverged: a weight is no finite number any more, and nothing of this stage "
            "was recorded; lower the learning rate (train.lr, grpo.lr, dpo.lr or warm_start.lr), "
            "and give another folder with --out"
        )
    try:
        with quiet():
            model.save_pretrained(folder)
    except SafetensorError as failure:  # a full disk raises nothing more specific
        raise OSError(str(failure)) from failure
    for file in start.iterdir():
        made_here = (
            file.name == PROBES or ".safetensors" in file.name or (folder / file.name).exists()
        )
        if file.is_file() and not made_here:
            shutil.copyfile(file, folder / file.name)
    was_training = model.training
    model.eval()
    write_probes(model, probes, folder)
    model.train(was_training)
    write_sums(folder)


def _fine_tune(
    start: Path, batches: Sequence[Row], settings: Training, seed: int, check: StepCheck | None
) -> tuple[Any, dict[str, float]]:
    """Run the trainer over the rows in the given order.

    Returns the model only in the main process.
    """
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTTrainer

    data = {
        "input_ids": [[*row.prompt_token_ids, *row.token_ids] for row in batches],
        "labels": [[*[-100] * len(row.prompt_token_ids), *row.token_ids] for row in batches],
    }
    threads.keep_memory()
    torch.manual_seed(seed)
    with quiet(), tempfile.TemporaryDirectory(prefix="rlvr-train-") as scratch:
        model, tokenizer = load_model(start), load_tokenizer(start)
        use_cache = model.config.use_cache  # SFTTrainer would save it turned off
        trainer = SFTTrainer(
            model=model,
            args=sft_arguments(settings, seed, scratch),
            train_dataset=Dataset.from_dict(data),
            processing_class=tokenizer,
            peft_config=lora_config(settings.lora),
            callbacks=[_checker(check)] if check else None,
        )
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
        model.config.use_cache = use_cache
        # Each process knows only the loss of its own share.
        loss = torch.tensor([result.training_loss], device=trainer.args.device)
        loss = trainer.accelerator.gather(loss).mean()
    if settings.lora:
        model = trainer.model.merge_and_unload()
    elif settings.processes > 1:
        model = _whole(trainer, start)
    facts = {
        "train_loss": float(loss),
        "train_steps": float(result.global_step),
        "train_tokens": float(
            sum(len(row.token_ids) for row in batches[: result.global_step * settings.batch_size])
        ),
    }
    return (model if trainer.is_world_process_zero() else None), facts


def sft_arguments(settings: Training, seed: int, scratch: str) -> Any:
    """Return TRL's settings for a training, whose trainer may write into the folder `scratch`.

    Raises ValueError for a batch that can't be divided, and for values that TRL refuses.
    """
    from trl import SFTConfig

    share = settings.batch_size // settings.processes
    micro = min(settings.micro_batch or share, share)
    if settings.batch_size % settings.processes or share % micro:
        raise ValueError("train.batch_size must be a multiple of processes x micro_batch")
    ours: dict[str, Any] = {
        "output_dir": scratch,
        "max_steps": settings.steps,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": share // micro,
        "learning_rate": settings.lr,
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "bf16": settings.precision == "bf16",
        "gradient_checkpointing": False,
        # `schedule` gives the order; a sampler must not shuffle it again.
        "train_sampling_strategy": "sequential",
        "max_length": None,
        "packing": False,
        "dataset_kwargs": {"skip_prepare_dataset": True},
        "remove_unused_columns": False,
        "logging_strategy": "no",
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": not on_gpu(),
        "dataloader_pin_memory": on_gpu(),
        "seed": seed % 2**32,  # NumPy takes no larger seed
    }
    return one_gpu(SFTConfig(**{**ours, **settings.trl}))


def _whole(trainer: Any, start: Path) -> Any:
    """Return all weights in one model. All processes must call this: each may have a part."""
    state = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not trainer.is_world_process_zero():
        return None
    model = load_model(start)
    model.load_state_dict(state)
    return model.to(trainer.args.device)


def lora_config(settings: dict[str, Any] | None) -> Any:
    """Return peft's config for these settings (rank, alpha, dropout); None for None."""
    if settings is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings["rank"],
        lora_alpha=settings["alpha"],
        lora_dropout=settings["dropout"],
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _checker(check: StepCheck) -> Any:
    from transformers import TrainerCallback

    class Checker(TrainerCallback):  # type: ignore[misc]
        def on_step_end(
            self,
            args: Any,
            state: Any,
            control: Any,
            model: Any = None,
            optimizer: Any = None,
            **_: Any,
        ) -> None:
            if check(state.global_step, model, optimizer):
                control.should_training_stop = True

    return Checker()


LEARNER = Learner(learn)


# More than one process

# The launcher ends with the run that started it, and its trainers end with the launcher. So none of
# them still writes when the run is resumed.
_LAUNCHER = "RLVR_LAUNCHER"
_LAUNCH = (
    "import os, sys; from rlvr.engine.processes import die_with_parent; "
    f"die_with_parent(int(sys.argv.pop(1))); os.environ['{_LAUNCHER}'] = str(os.getpid()); "
    "from accelerate.commands.launch import main; main()"
)


def _launch(
    start: Path,
    rows: Sequence[Row],
    settings: Training,
    seed: int,
    out: Path,
    probes: Sequence[Tokens],
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="rlvr-job-") as scratch:
        folder = Path(scratch)
        write_rows(folder / ROWS, rows)
        job = {
            "start": str(start),
            "rows": str(folder / ROWS),
            "settings": asdict(settings),
            "seed": seed,
            "out": str(out),
            "probes": [list(ids) for ids in probes],
            "facts": str(folder / "facts.json"),
        }
        (folder / "job.json").write_text(json.dumps(job))
        config = accelerate_configs().get(settings.accelerate, settings.accelerate)
        command = [sys.executable, "-c", _LAUNCH, str(os.getpid()), "--config_file", str(config)]
        command += ["--num_processes", str(settings.processes), "--main_process_port", "0"]
        command += ["--dynamo_backend", "no", "-m", "rlvr.learners.sft", str(folder / "job.json")]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, process_group=0
        )
        if done.returncode:
            log = out.with_name(f"{out.name}.log")
            log.write_text(done.stderr)
            raise RunError(
                f"training in {settings.processes} processes failed (exit {done.returncode}): "
                f"{_cause(done.stderr)} (its log: {log})"
            )
        facts: dict[str, float] = json.loads((folder / "facts.json").read_text())
    return facts


def _cause(log: str) -> str:
    """Return what a process says that failed; the launcher's own error comes after it."""
    causes = re.findall(r"^(?:\[rank\d+\]: *)?(\w[\w.]*(?:Error|Exception): .+)$", log, re.M)
    own = [cause for cause in causes if "ChildFailedError" not in cause]
    return (own or log.strip().splitlines() or ["no output"])[0 if own else -1][:300]


def _work(job: dict[str, Any]) -> None:
    """Run one of the processes of `accelerate launch`."""
    settings = Training(**job["settings"])
    rows = read_rows(Path(job["rows"]))
    order = schedule(len(rows), settings.steps * settings.batch_size, job["seed"])
    start = Path(job["start"])
    model, facts = _fine_tune(start, take(rows, order), settings, job["seed"], None)
    if model is not None:
        with new_folder(Path(job["out"])) as folder:
            save(model, start, folder, [tuple(ids) for ids in job["probes"]])
        Path(job["facts"]).write_text(json.dumps(facts))


if __name__ == "__main__":
    die_with_parent(int(os.environ[_LAUNCHER]))
    use_openmp()
    _work(json.loads(Path(sys.argv[1]).read_text()))
