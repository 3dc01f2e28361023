"""A round of the loop against its bare parts, the engine against transformers: ratios.

Against what: `bare` is the same work done by a person's own script in a few lines: vLLM's
`LLM.generate` with the same engine arguments, environment, prompts and seeds; TRL's `SFTTrainer` on
the same rows for the same steps; the verifier called in a plain loop. Evaluation is the samples,
the greedy ones and the likelihoods of real solutions and of first samples. Both are processes of
their own (`_bare.py`), and after each round of the loop, from the third on (before that things warm
up), they do that round's work again: the machine's speed drifts by a tenth within minutes, so a
ratio is that of two neighbours, and their median is said. The loop's own times are those it records
in timing.parquet. `transformers` is `model.generate` at its best batch size, on completions of
mixed length, in the engine's precision: float32 for a tiny model, bfloat16 for SmolLM2
(`smollm2_...`); the two sides sample in turn, and the median ratio is said. Memory is the most that
a run of configs/smollm2.yaml, cut short, holds at once with all its processes (proportional set
size, so that shared pages count once), against the same of bare vLLM and of bare TRL on that run's
prompts and rows.

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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rlvr.engine.threads import use_openmp

use_openmp()

from _bare import Bare, command, seconds  # noqa: E402  (torch may be imported only after use_openmp)
from rich.console import Console  # noqa: E402

from rlvr import config as config_  # noqa: E402
from rlvr.data import Problem, Row  # noqa: E402
from rlvr.engine.completions import request_seed  # noqa: E402
from rlvr.engine.devices import on_gpu  # noqa: E402
from rlvr.engine.probes import write_probes  # noqa: E402
from rlvr.engine.protocol import Decoding, Tokens  # noqa: E402
from rlvr.engine.serve import engine_arguments  # noqa: E402
from rlvr.engine.vllm import VllmEngine, child_environment  # noqa: E402
from rlvr.evaluate.evaluation import read_records  # noqa: E402
from rlvr.learners.sft import Training, save, train  # noqa: E402
from rlvr.loop import runner  # noqa: E402
from rlvr.loop.progress import Display  # noqa: E402
from rlvr.models import loading  # noqa: E402
from rlvr.records import record  # noqa: E402
from rlvr.records.layout import Place, base_of  # noqa: E402
from rlvr.verify.tasks import draw_problems  # noqa: E402

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
STAGES = ("generate", "verify", "train", "evaluate")
PARTS = ("round", "transformers", "smollm2", "memory")
BATCHES = (64, 128, 256, 512)
TURNS = 3  # of the engine and transformers, after one to warm up
SMOLLM2_BATCHES = (32, 64, 128)


def main() -> None:
    """Measure everything and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    arguments = parser.parse_args()
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
    overrides = ["seeds=[9]", "arms=[verified]", f"rounds={rounds}", "checkpoints=all"]
    # Said, so that the bare engine has the same.
    config = config_.load(QUICKSTART, [*overrides, "engine.max_model_len=64", "threads=null"])
    run = scratch / "run"
    loops: list[dict[str, float]] = []
    bares: list[dict[str, float]] = []

    def again(round_: int) -> None:
        loops.append(_timed(run, round_))
        bares.append(_bare(config, run, round_, vllm, trl))

    with (
        Bare("vllm", child_environment({}, 0, 1)) as vllm,
        Bare("trl") as trl,
        _Rounds(again, Console(file=sys.stderr), "bench", 1, rounds) as display,
    ):
        runner.run(config, run, display, "benchmark")
    loops, bares = loops[2:], bares[2:]
    wholes = [sum(bare[name] for name in STAGES) for bare in bares]
    ratios = sorted(ours["round"] / whole for ours, whole in zip(loops, wholes, strict=True))
    ours, bare = _medians(loops), _medians(bares)
    sync, start = _sync(config, Place(9, "verified", rounds).folder(run) / "model", scratch)
    each = {f"loop_{name}_seconds": ours[name] for name in STAGES}
    each |= {f"bare_{name}_seconds": bare[name] for name in STAGES}
    speed, bare_speed = (one["tokens"] / one["generate"] for one in (ours, bare))
    return {
        "loop_round_seconds": ours["round"],
        "bare_parts_seconds": statistics.median(wholes),
        "round_over_bare_parts": statistics.median(ratios),
        "round_over_bare_parts_lowest": ratios[0],
        "round_over_bare_parts_highest": ratios[-1],
        "loop_tokens_per_second": speed,
        "bare_vllm_tokens_per_second": bare_speed,
        "loop_over_bare_vllm_speed": speed / bare_speed,
        "sync_seconds": sync,
        "sync_share_of_round": sync / ours["round"],
        "engine_start_seconds": start,
        "sync_over_engine_start": sync / start,
        **each,
    }


class _Rounds(Display):
    """A display that also calls something after each round."""

    def __init__(self, after: Callable[[int], None], *given: Any) -> None:
        super().__init__(*given)
        self.after = after

    def round_done(self, place: Place, *more: Any) -> None:
        super().round_done(place, *more)
        if place.round:
            self.after(place.round)


def _medians(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in found) for name in found[0]}


def _timed(run: Path, round_: int) -> dict[str, float]:
    """Return the loop's seconds of each stage of a round, and the tokens it sampled."""
    rows = [row for row in record.Timing(run).rows if row["round"] == round_]
    found = {row["stage"]: row["seconds"] for row in rows}
    found["evaluate"] += found.pop("base's view")
    [tokens] = [row["tokens"] for row in rows if row["stage"] == "generate"]
    return found | {"tokens": tokens}


def _bare(
    config: config_.Config, run: Path, round_: int, vllm: Bare, trl: Bare
) -> dict[str, float]:
    """Do the work of a round as a plain script would; return the seconds of each part."""
    folder = Place(9, "verified", round_).folder(run)
    arm, before = ("verified", round_ - 1) if round_ > 1 else ("base", 0)
    previous = Place(9, arm, before).folder(run) / "model"
    completions = [one for one, _ in record.read_completions(folder / "completions.parquet")]
    problems = {problem.id: problem for problem in _problems(config)}
    held_out = draw_problems(config.task, "eval", config.evaluate.problems, 9, "evaluate.problems")
    tokenizer = loading.load_tokenizer(previous)
    prompts = loading.encode_prompts(tokenizer, held_out, loading.Prompting())
    solutions = loading.encode_solutions(tokenizer, held_out)
    sampled = [
        (c.prompt_token_ids, request_seed(9, round_, c.problem_id, c.index)) for c in completions
    ]
    evaluation = [
        (prompt, request_seed(9, round_, problem.id, k))
        for problem, prompt in zip(held_out, prompts, strict=True)
        for k in range(config.evaluate.samples)
    ]
    # The real solutions, and the first sample of each problem for the base's view.
    firsts = [one for one in read_records(folder / "eval.parquet", "sample") if one.index == 0]
    done = vllm.ask(
        {
            "model": str(previous),
            "engine": engine_arguments(previous, {"dtype": "float32", **config.engine}),
            "work": [
                (str(previous), sampled),
                (str(folder / "model"), evaluation),
                (str(folder / "model"), [(prompt, None) for prompt in prompts]),
            ],
            "score": [
                [prompt + solution for prompt, solution in zip(prompts, solutions, strict=True)],
                [prompt + one.token_ids for prompt, one in zip(prompts, firsts, strict=True)],
            ],
            "limit": config.generate.max_tokens,
        }
    )

    from rlvr.verifiers.exact import verify

    def judge(n: int) -> float:
        pairs = [(problems[c.problem_id], c.text) for c in completions[:n]]
        return seconds(lambda: [verify(problem, text) for problem, text in pairs])

    return {
        "generate": done["seconds"][0],
        "tokens": done["tokens"],
        "verify": judge(len(completions)),
        "evaluate": sum(done["seconds"][1:]) + judge(len(evaluation) + len(prompts)),
        "train": trl.ask(_trl_job(config, previous, folder / "rows.parquet"))["seconds"],
    }


def _trl_job(config: config_.Config, start: Path, rows: Path) -> dict[str, Any]:
    train = config.train
    return {
        "start": str(start),
        "rows": str(rows),
        "out": str(rows.parent.parent / "bare-trl"),
        "steps": train.steps,
        "batch_size": train.batch_size,
        "lr": train.lr,
        "precision": train.precision,
    }


def _problems(config: config_.Config) -> list[Any]:
    assert config.warm_start is not None
    n = config.warm_start.problems + config.generate.prompts * config.rounds
    return draw_problems(config.task, "train", n, 9, "rounds")


def _memory(scratch: Path) -> dict[str, float]:
    """Compare the most memory that a SmolLM2 run holds with what its bare parts hold alone."""
    run = scratch / "memory"
    rlvr = str(Path(sys.executable).with_name("rlvr"))
    peaks = {"run": _peak([rlvr, "run", str(SMOLLM2), *CUT_SHORT, "--out", str(run)])}
    config = config_.load(SMOLLM2, CUT_SHORT)
    base = base_of(9).folder(run)
    model, pool = base / "model", base / "completions.parquet"
    completions = [one for one, _ in record.read_completions(pool)]
    prompts = [(c.prompt_token_ids, request_seed(9, 1, c.problem_id, c.index)) for c in completions]
    engine = engine_arguments(model, {"dtype": "bfloat16", "max_model_len": 64})
    job = {
        "model": str(model),
        "engine": engine,
        "work": [(str(model), prompts)],
        "score": [[[*c.prompt_token_ids, *c.token_ids] for c in completions]],
        "limit": config.generate.max_tokens,
    }
    peaks["bare_vllm"] = _peak(command("vllm"), job, child_environment(engine, 0, 1))
    rows = Place(9, "verified", 1).folder(run) / "rows.parquet"
    peaks["bare_trl"] = _peak(command("trl"), _trl_job(config, model, rows))
    gib = {f"smollm2_{name}_peak_gib": peak / (1 << 30) for name, peak in peaks.items()}
    return gib | {
        "smollm2_peak_over_larger_part": peaks["run"] / max(peaks["bare_vllm"], peaks["bare_trl"])
    }


def _peak(
    command: list[str], job: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> int:
    """Return the most bytes that a command and its children hold at once, looked at 5 times a s.

    `job` is what it reads.
    """
    import psutil

    process = psutil.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
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
    process.communicate(None if job is None else json.dumps(job))
    code = process.wait()
    over.set()
    watcher.join()
    if code:
        raise RuntimeError(f"{command} ended with {code}")
    return peak


def _sync(config: config_.Config, model: Path, scratch: Path) -> tuple[float, float]:
    """Time giving weights to the engine (save, probes, reload, comparison), and its start."""
    trained = loading.load_model(model)
    probes = json.loads((model / "probes.json").read_text())["token_ids"]
    tries = []
    with VllmEngine(model, "float32", config.engine) as engine:
        start = float(engine.wait_ready()["start_seconds"])
        for i in range(5):

            def sync(out: Path = scratch / f"sync-{i}") -> None:
                with record.new_folder(out) as folder:
                    save(trained, model, folder, [tuple(ids) for ids in probes])
                engine.load(out)

            tries.append(seconds(sync))
    return statistics.median(tries[1:]), start


def _transformers(scratch: Path) -> dict[str, float]:
    """Compare our engine with `model.generate` on completions of mixed length (1 to 64 tokens)."""
    generator = random.Random(0)
    start, model = scratch / "mixed-start", scratch / "mixed"
    start.mkdir()
    loading.make_tiny("tiny-0.4m", 0, start)
    tokenizer = loading.load_tokenizer(start)

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
    decoding = Decoding(1.0, 1.0, 64)
    # Both may have as many sequences at once; at its default, half of that, the engine is slower.
    with VllmEngine(model, "float32", {"max_num_seqs": max(BATCHES)}) as engine:
        compared = _against_transformers(engine, model, prompts, decoding, "float32", BATCHES)
    return {
        "mixed_tokens_per_completion": compared.tokens / len(prompts),
        **compared.figures(),
    }


def _smollm2(scratch: Path) -> dict[str, float]:
    """Compare the engine with `model.generate` on SmolLM2 in bfloat16, mixed length (1 to 64)."""
    model = scratch / "smollm2"
    loading.materialise("smollm2-135m", 0, model, "benchmark")
    tokenizer = loading.load_tokenizer(model)
    questions = [
        Problem(str(i), "", "eval", "", f"What is {i % 16} plus {i // 16}? Be brief.", "")
        for i in range(256)
    ]
    prompts = loading.encode_prompts(tokenizer, questions, loading.Prompting("chat"))
    write_probes(loading.load_model(model), prompts[:4], model)
    decoding = Decoding(1.0, 1.0, 64)
    with VllmEngine(model, "bfloat16", {"max_model_len": 256}) as engine:
        engine.load(model)
        compared = _against_transformers(
            engine, model, prompts, decoding, "bfloat16", SMOLLM2_BATCHES
        )
    return {
        "smollm2_tokens_per_completion": compared.tokens / len(prompts),
        **{f"smollm2_{name}": value for name, value in compared.figures().items()},
    }


@dataclass(frozen=True)
class _Compared:
    """The engine against transformers' best batch size: tokens of one call, tokens per second."""

    tokens: int
    ours: float
    theirs: float
    batch: int
    ratio: float

    def figures(self) -> dict[str, float]:
        """Return what is recorded of it, by name."""
        return {
            "engine_tokens_per_second": self.ours,
            "transformers_best_batch": float(self.batch),
            "transformers_tokens_per_second": self.theirs,
            "engine_over_transformers_speed": self.ratio,
        }


def _against_transformers(
    engine: VllmEngine,
    model: Path,
    prompts: list[Tokens],
    decoding: Decoding,
    dtype: str,
    batches: Sequence[int],
) -> _Compared:
    """Sample with both in turn, once to warm up and `TURNS` times: medians, of the ratio too."""
    from transformers import AutoModelForCausalLM, set_seed

    policy = AutoModelForCausalLM.from_pretrained(model, dtype=dtype).eval()
    policy.to("cuda" if on_gpu() else "cpu")
    set_seed(0)
    seeds = list(range(len(prompts)))

    def ours() -> int:
        return sum(len(one.token_ids) for one in engine.generate(prompts, decoding, seeds))

    sides: dict[int, Callable[[], int]] = {0: ours}
    for batch in batches:
        sides[batch] = partial(_sampled, policy, sorted(prompts, key=len), decoding, batch)
    speeds: dict[int, list[float]] = {side: [] for side in sides}
    tokens = 0
    for turn in range(1 + TURNS):
        for side, sample in sides.items():
            began = time.perf_counter()
            count = sample()
            if turn:
                speeds[side].append(count / (time.perf_counter() - began))
            tokens = tokens if side else count
    best = max(batches, key=lambda batch: statistics.median(speeds[batch]))
    return _Compared(
        tokens,
        statistics.median(speeds[0]),
        statistics.median(speeds[best]),
        best,
        statistics.median(a / b for a, b in zip(speeds[0], speeds[best], strict=True)),
    )


def _sampled(policy: Any, prompts: list[Tokens], decoding: Decoding, batch: int) -> int:
    """Sample one completion of each prompt with `model.generate`; return how many tokens."""
    import torch

    pad, count = policy.config.pad_token_id, 0
    for i in range(0, len(prompts), batch):
        part = prompts[i : i + batch]
        width = max(map(len, part))
        ids = [[pad] * (width - len(one)) + list(one) for one in part]
        mask = [[0] * (width - len(one)) + [1] * len(one) for one in part]
        out = policy.generate(
            torch.tensor(ids, device=policy.device),
            attention_mask=torch.tensor(mask, device=policy.device),
            do_sample=True,
            max_new_tokens=decoding.max_tokens,
            top_k=0,
        )
        new = out[:, width:]
        count += int((new != pad).sum())
        if pad == policy.config.eos_token_id:
            count += int((new == pad).any(dim=1).sum())  # the EOS itself
    return count


if __name__ == "__main__":
    main()
