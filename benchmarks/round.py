"""A round of the loop against its bare parts, the engine against transformers: ratios.

Against what: `bare` is the same work done by a person's own script in a few lines: vLLM's
`LLM.generate` with the same engine arguments, environment, prompts and seeds; TRL's `SFTTrainer` on
the same rows for the same steps; the verifier called in a plain loop. Evaluation is the samples,
the greedy ones and the likelihoods of real solutions and of first samples. The loop's own times are
those it records in timing.parquet, medians over the rounds after the first two (which still warm
up). `transformers` is `model.generate` at its best batch size, on completions of mixed length, in
the engine's precision: float32 for a tiny model, bfloat16 for SmolLM2 (`smollm2_...`). Memory is
the most that a run of configs/smollm2.yaml, cut short, holds at once with all its processes
(proportional set size, so that shared pages count once), against the same of bare vLLM and of bare
TRL on that run's prompts and rows.

Run: make bench, or python benchmarks/round.py [--rounds N] [--parts round transformers smollm2
memory]. The last line of output is one JSON object. A ratio's two sides always come from one run.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rlvr.threads import use_openmp

use_openmp()

from rich.console import Console  # noqa: E402  (torch may be imported only after use_openmp)

from rlvr import config as config_  # noqa: E402
from rlvr import loop, models, record  # noqa: E402
from rlvr.data import Problem, Row  # noqa: E402
from rlvr.evaluate import read_records  # noqa: E402
from rlvr.generate import (  # noqa: E402
    Decoding,
    Engine,
    Tokens,
    child_environment,
    request_seed,
    write_probes,
)
from rlvr.progress import Display  # noqa: E402
from rlvr.serve import engine_arguments  # noqa: E402
from rlvr.stored import take  # noqa: E402
from rlvr.train import Training, save, schedule, train  # noqa: E402

HERE = Path(__file__).resolve().parent
QUICKSTART = HERE.parent / "configs" / "quickstart.yaml"
SMOLLM2 = HERE.parent / "configs" / "smollm2.yaml"
CUT_SHORT = [
    "seeds=[9]",
    "arms=[verified]",
    "rounds=1",
    "warm_start.max_steps=20",
    "generate.prompts=256",
    "checkpoints=all",
]
PARTS = ("round", "transformers", "smollm2", "memory")
BATCHES = (64, 128, 256, 512)
SMOLLM2_BATCHES = (32, 64, 128)


def main() -> None:
    """Measure everything and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--bare-vllm", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bare-trl", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare_vllm:
        _bare_vllm(json.loads(arguments.bare_vllm.read_text()))
        return
    if arguments.bare_trl:
        run = arguments.bare_trl
        config = config_.load(SMOLLM2, CUT_SHORT)
        rows = record.read_rows(record.round_folder(run, 9, "verified", 1) / "rows.parquet")
        _bare_trl(record.round_folder(run, 9, "base", 0) / "model", rows, config, tries=1)
        return
    with tempfile.TemporaryDirectory(prefix="rlvr-bench-") as scratch:
        parts: dict[str, Callable[[Path], dict[str, float]]] = {
            "round": lambda folder: _round(folder, arguments.rounds),
            "transformers": _transformers,
            "smollm2": _smollm2,
            "memory": _memory,
        }
        results: dict[str, float] = {}
        for name in arguments.parts:
            results |= parts[name](Path(scratch))
    for name, value in results.items():
        print(f"{name:<34} {value:10.3f}")
    print(json.dumps(results))


def _round(scratch: Path, rounds: int) -> dict[str, float]:
    """Measure three times, loop and bare parts in turn; return what gave the median ratio.

    The machine's speed drifts by a tenth within minutes: one measurement says less than that.
    """
    found = [_round_once(scratch / f"round-{i}", rounds) for i in range(3)]
    ratios = sorted(one["round_over_bare_parts"] for one in found)
    [median, *_] = [one for one in found if one["round_over_bare_parts"] == ratios[1]]
    return median | {
        "round_over_bare_parts_lowest": ratios[0],
        "round_over_bare_parts_highest": ratios[2],
    }


def _round_once(scratch: Path, rounds: int) -> dict[str, float]:
    scratch.mkdir()
    overrides = ["seeds=[9]", "arms=[verified]", f"rounds={rounds}", "checkpoints=all"]
    config = config_.load(QUICKSTART, overrides)
    run = scratch / "run"
    with Display(Console(file=sys.stderr), "bench", 1 + rounds) as display:
        loop.run(config, run, display, "benchmark")
    stages = _medians(run)
    last = record.round_folder(run, 9, "verified", rounds)
    previous = record.round_folder(run, 9, "verified", rounds - 1) / "model"
    bare = _bare_parts(config, run, last, previous, scratch, rounds)
    sync, start = _sync(config, last / "model", scratch)
    parts = ("generate", "verify", "train", "evaluate")
    whole = sum(bare[name] for name in parts)
    stages["evaluate"] += stages["base's view"]
    each = {f"loop_{name}_seconds": stages[name] for name in parts}
    each |= {f"bare_{name}_seconds": bare[name] for name in parts}
    loop_speed = stages["generate_tokens"] / stages["generate"]
    return {
        "loop_round_seconds": stages["round"],
        "bare_parts_seconds": whole,
        "round_over_bare_parts": stages["round"] / whole,
        "loop_tokens_per_second": loop_speed,
        "bare_vllm_tokens_per_second": bare["tokens"] / bare["generate"],
        "loop_over_bare_vllm_speed": loop_speed / (bare["tokens"] / bare["generate"]),
        "sync_seconds": sync,
        "sync_share_of_round": sync / stages["round"],
        "engine_start_seconds": start,
        "sync_over_engine_start": sync / start,
        **each,
    }


def _medians(run: Path) -> dict[str, float]:
    """Return the loop's median seconds of each stage, and `generate`'s tokens."""
    rows = [row for row in record.Timing(run).rows if row["round"] > 2]
    names = {row["stage"] for row in rows}
    found = {
        name: statistics.median(row["seconds"] for row in rows if row["stage"] == name)
        for name in names
    }
    tokens = [row["tokens"] for row in rows if row["stage"] == "generate"]
    return found | {"generate_tokens": statistics.median(tokens)}


def _bare_parts(
    config: config_.Config, run: Path, last: Path, previous: Path, scratch: Path, rounds: int
) -> dict[str, float]:
    """Time each part of the last round as a plain script would do it."""
    completions = [one for one, _ in record.read_completions(last / "completions.parquet")]
    problems = {problem.id: problem for problem in _problems(config)}
    held_out = config_.draw_problems(
        config.task, "eval", config.evaluate.problems, 9, "evaluate.problems"
    )
    tokenizer = models.load_tokenizer(previous)
    prompts = models.encode_prompts(tokenizer, held_out, models.Prompting())
    evaluation = [
        (prompt, request_seed(9, rounds, problem.id, k))
        for problem, prompt in zip(held_out, prompts, strict=True)
        for k in range(config.evaluate.samples)
    ]
    limit = config.generate.max_tokens
    work = [
        [(c.prompt_token_ids, request_seed(9, rounds, c.problem_id, c.index)) for c in completions],
        evaluation,
        [(prompt, None) for prompt in prompts],
    ]
    solutions = models.encode_solutions(tokenizer, held_out)
    # The real solutions, and the first sample of each problem for the base's view.
    firsts = [one for one in read_records(last / "eval.parquet", "sample") if one.index == 0]
    scored = [
        [prompt + solution for prompt, solution in zip(prompts, solutions, strict=True)],
        [prompt + one.token_ids for prompt, one in zip(prompts, firsts, strict=True)],
    ]
    engine = engine_arguments(previous, {"dtype": "float32"})
    job = {"model": str(previous), "engine": engine, "work": work, "score": scored, "limit": limit}
    job["out"] = str(scratch / "vllm.json")
    (scratch / "job.json").write_text(json.dumps(job))
    subprocess.run(
        [sys.executable, __file__, "--bare-vllm", str(scratch / "job.json")],
        env=child_environment(engine, 0, 1),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    vllm = json.loads((scratch / "vllm.json").read_text())
    from rlvr.verifiers.exact import verify

    def judge(n: int) -> float:
        pairs = [(problems[c.problem_id], c.text) for c in completions[:n]]
        return _seconds(lambda: [verify(problem, text) for problem, text in pairs])

    return {
        "generate": vllm["seconds"][0],
        "tokens": vllm["tokens"][0],
        "verify": judge(len(completions)),
        "evaluate": sum(vllm["seconds"][1:]) + judge(len(evaluation) + len(prompts)),
        "train": _bare_trl(previous, record.read_rows(last / "rows.parquet"), config),
    }


def _problems(config: config_.Config) -> list[Any]:
    assert config.warm_start is not None
    n = config.warm_start.problems + config.generate.prompts * config.rounds
    return config_.draw_problems(config.task, "train", n, 9, "rounds")


def _bare_vllm(job: dict[str, Any]) -> None:
    """Do what a person's own script does: one LLM, one call a batch, timed warm."""
    from vllm import LLM, SamplingParams

    llm = LLM(job["model"], **job["engine"])

    def sample(work: list[Any]) -> int:
        parameters = [
            SamplingParams(
                temperature=0.0 if seed is None else 1.0,
                max_tokens=job["limit"],
                seed=seed,
                logprobs=0,
                flat_logprobs=True,
                detokenize=False,
            )
            for _, seed in work
        ]
        prompts = [{"prompt_token_ids": ids} for ids, _ in work]
        outputs = llm.generate(prompts, parameters, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    def score(texts: list[list[int]]) -> None:
        parameters = SamplingParams(
            temperature=0, max_tokens=1, prompt_logprobs=0, detokenize=False
        )
        llm.generate([{"prompt_token_ids": ids} for ids in texts], parameters, use_tqdm=False)

    seconds, tokens = [], []
    for work in job["work"]:
        sample(work)
        tries = []
        for _ in range(3):
            llm.reset_prefix_cache()
            began = time.perf_counter()
            count = sample(work)
            tries.append(time.perf_counter() - began)
        tokens.append(count)
        seconds.append(statistics.median(tries))
    for texts in job["score"]:
        score(texts)
        seconds.append(statistics.median(_seconds(partial(score, texts)) for _ in range(3)))
    Path(job["out"]).write_text(json.dumps({"seconds": seconds, "tokens": tokens}))


def _bare_trl(start: Path, rows: Sequence[Row], config: config_.Config, tries: int = 3) -> float:
    """Time plain SFTTrainer, model loading included, on the rows and steps of the round."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    order = schedule(len(rows), config.train.steps * config.train.batch_size, 0)
    data = take(rows, order)

    def fine_tune(out: str) -> None:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(start),
            args=SFTConfig(
                output_dir=out,
                max_steps=config.train.steps,
                per_device_train_batch_size=config.train.batch_size,
                learning_rate=config.train.lr,
                lr_scheduler_type="constant",
                dataset_kwargs={"skip_prepare_dataset": True},
                max_length=None,
                bf16=config.train.precision == "bf16",
                gradient_checkpointing=False,
                save_strategy="no",
                report_to="none",
                use_cpu=True,
            ),
            train_dataset=Dataset.from_dict(
                {
                    "input_ids": [[*row.prompt_token_ids, *row.token_ids] for row in data],
                    "labels": [
                        [*[-100] * len(row.prompt_token_ids), *row.token_ids] for row in data
                    ],
                }
            ),
            processing_class=AutoTokenizer.from_pretrained(start),
        )
        trainer.train()

    with tempfile.TemporaryDirectory() as out:
        return statistics.median(_seconds(lambda: fine_tune(out)) for _ in range(tries))


def _memory(scratch: Path) -> dict[str, float]:
    """Compare the most memory that a SmolLM2 run holds with what its bare parts hold alone."""
    run = scratch / "memory"
    rlvr = str(Path(sys.executable).with_name("rlvr"))
    peaks = {"run": _peak([rlvr, "run", str(SMOLLM2), *CUT_SHORT, "--out", str(run)])}
    config = config_.load(SMOLLM2, CUT_SHORT)
    model = record.round_folder(run, 9, "base", 0) / "model"
    pool = record.round_folder(run, 9, "base", 0) / "completions.parquet"
    completions = [one for one, _ in record.read_completions(pool)]
    prompts = [(c.prompt_token_ids, request_seed(9, 1, c.problem_id, c.index)) for c in completions]
    engine = engine_arguments(model, {"dtype": "bfloat16", "max_model_len": 64})
    job = {
        "model": str(model),
        "engine": engine,
        "work": [prompts],
        "score": [[[*c.prompt_token_ids, *c.token_ids] for c in completions]],
        "limit": config.generate.max_tokens,
        "out": str(scratch / "vllm.json"),
    }
    (scratch / "job.json").write_text(json.dumps(job))
    here, environment = [sys.executable, __file__], child_environment(engine, 0, 1)
    peaks["bare_vllm"] = _peak([*here, "--bare-vllm", str(scratch / "job.json")], environment)
    peaks["bare_trl"] = _peak([*here, "--bare-trl", str(run)])
    gib = {f"smollm2_{name}_peak_gib": peak / (1 << 30) for name, peak in peaks.items()}
    return gib | {
        "smollm2_peak_over_larger_part": peaks["run"] / max(peaks["bare_vllm"], peaks["bare_trl"])
    }


def _peak(command: list[str], environment: dict[str, str] | None = None) -> int:
    """Return the most bytes that a command and its children hold at once, looked at 5 times a s."""
    import psutil

    process = psutil.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak, over = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.2):
            held = 0
            for one in (process, *process.children(recursive=True)):
                try:
                    held += one.memory_full_info().pss
                except psutil.Error:  # it has just ended
                    continue
            peak = max(peak, held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    over.set()
    watcher.join()
    if code:
        raise RuntimeError(f"{command} ended with {code}")
    return peak


def _sync(config: config_.Config, model: Path, scratch: Path) -> tuple[float, float]:
    """Time giving weights to the engine (save, probes, reload, comparison), and its start."""
    trained = models.load_model(model)
    probes = json.loads((model / "probes.json").read_text())["token_ids"]
    tries = []
    with Engine(model, "float32", config.engine) as engine:
        start = float(engine.wait_ready()["start_seconds"])
        for i in range(5):

            def sync(out: Path = scratch / f"sync-{i}") -> None:
                with record.new_folder(out) as folder:
                    save(trained, model, folder, [tuple(ids) for ids in probes])
                engine.load(out)

            tries.append(_seconds(sync))
    return statistics.median(tries[1:]), start


def _transformers(scratch: Path) -> dict[str, float]:
    """Compare our engine with `model.generate` on completions of mixed length (1 to 64 tokens)."""
    generator = random.Random(0)
    start, model = scratch / "mixed-start", scratch / "mixed"
    start.mkdir()
    models.make_tiny("tiny-0.4m", 0, start)
    tokenizer = models.load_tokenizer(start)

    def text() -> str:
        return "".join(generator.choices("abcdefgh", k=generator.randint(0, 63)))

    def tokens(string: str) -> Tokens:
        return tuple(tokenizer(string)["input_ids"])

    prompts = [tokens(f"{i:04d}=") for i in range(2048)]
    end = (tokenizer.eos_token_id,)
    rows = [
        Row("", "real", "", 0, 1, i, prompts[i], tokens(text()) + end, "", "", "")
        for i in range(512)
    ]
    train(start, rows, Training(steps=40, batch_size=128, lr=2e-3), 0, model, [prompts[0] + end])
    decoding, seeds = Decoding(1.0, 1.0, 64), list(range(len(prompts)))
    with Engine(model, "float32") as engine:
        engine.generate(prompts, decoding, seeds)
        counted: list[int] = []

        def sample() -> None:
            counted.append(sum(len(s.token_ids) for s in engine.generate(prompts, decoding, seeds)))

        ours = statistics.median(_seconds(sample) for _ in range(3))
    speed = counted[0] / ours
    theirs = {batch: _hf_speed(model, prompts, batch, "float32") for batch in BATCHES}
    best = max(theirs, key=lambda batch: theirs[batch])
    return {
        "mixed_tokens_per_completion": counted[0] / len(prompts),
        "engine_tokens_per_second": speed,
        "transformers_best_batch": float(best),
        "transformers_tokens_per_second": theirs[best],
        "engine_over_transformers_speed": speed / theirs[best],
    }


def _smollm2(scratch: Path) -> dict[str, float]:
    """Compare the engine with `model.generate` on SmolLM2 in bfloat16, mixed length (1 to 64)."""
    model = scratch / "smollm2"
    models.materialise("smollm2-135m", 0, model, "benchmark")
    tokenizer = models.load_tokenizer(model)
    questions = [
        Problem(str(i), "", "eval", "", f"What is {i % 16} plus {i // 16}? Be brief.", "")
        for i in range(256)
    ]
    prompts = models.encode_prompts(tokenizer, questions, models.Prompting("chat"))
    write_probes(models.load_model(model), prompts[:4], model)
    decoding, seeds, counted = Decoding(1.0, 1.0, 64), list(range(len(prompts))), [0]
    with Engine(model, "bfloat16", {"max_model_len": 256}) as engine:
        engine.load(model)

        def sample() -> None:
            counted[0] = sum(len(s.token_ids) for s in engine.generate(prompts, decoding, seeds))

        sample()
        speed = counted[0] / statistics.median(_seconds(sample) for _ in range(3))
    theirs = {b: _hf_speed(model, prompts, b, "bfloat16") for b in SMOLLM2_BATCHES}
    best = max(theirs, key=lambda batch: theirs[batch])
    return {
        "smollm2_tokens_per_completion": counted[0] / len(prompts),
        "smollm2_engine_tokens_per_second": speed,
        "smollm2_transformers_best_batch": float(best),
        "smollm2_transformers_tokens_per_second": theirs[best],
        "smollm2_engine_over_transformers_speed": speed / theirs[best],
    }


def _hf_speed(model: Path, prompts: list[Tokens], batch: int, dtype: str) -> float:
    import torch
    from transformers import AutoModelForCausalLM

    policy = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype)).eval()
    pad, count = policy.config.pad_token_id, 0
    prompts = sorted(prompts, key=len)

    def sample() -> None:
        nonlocal count
        count = 0
        for i in range(0, len(prompts), batch):
            part = prompts[i : i + batch]
            width = max(map(len, part))
            ids = torch.tensor([[pad] * (width - len(one)) + list(one) for one in part])
            mask = torch.tensor([[0] * (width - len(one)) + [1] * len(one) for one in part])
            out = policy.generate(
                ids, attention_mask=mask, do_sample=True, max_new_tokens=64, top_k=0
            )
            new = out[:, width:]
            count += int((new != pad).sum())
            if pad == policy.config.eos_token_id:
                count += int((new == pad).any(dim=1).sum())  # the EOS itself

    torch.manual_seed(0)
    sample()
    return count / statistics.median(_seconds(sample) for _ in range(2))


def _seconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
