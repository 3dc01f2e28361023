"""What a person's own script does with vLLM, or with TRL: a process that is told what, and timed.

`python _bare.py vllm|trl` reads jobs, one JSON object a line, from its input, and answers each
with one of seconds. `Bare` is the caller's side.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rlvr.engine.threads import use_openmp

use_openmp()

from rlvr.data import Row  # noqa: E402  (torch may be imported only after use_openmp)
from rlvr.engine.devices import on_gpu  # noqa: E402
from rlvr.engine.serve import load_weights  # noqa: E402
from rlvr.learners.sft import schedule  # noqa: E402
from rlvr.records.record import read_rows  # noqa: E402
from rlvr.records.stored import take  # noqa: E402

Job = dict[str, Any]


class Bare:
    """Such a process. Use as a context manager."""

    def __init__(self, kind: str, environment: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self.process = subprocess.Popen(
            command(kind),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()

    def ask(self, job: Job) -> Any:
        """Return what the process says of a job."""
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(job), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"bare {self.kind} ended with {self.process.wait()}")
        return json.loads(answer)


def command(kind: str) -> list[str]:
    """Return what starts such a process."""
    return [sys.executable, __file__, kind]


def seconds(function: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def _vllm() -> Callable[[Job], Any]:
    from vllm import LLM, SamplingParams

    llm: Any = None
    loaded = ""

    def sample(work: list[Any], limit: int) -> int:
        parameters = [
            SamplingParams(
                temperature=0.0 if seed is None else 1.0,
                max_tokens=limit,
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

    def answer(job: Job) -> Any:
        nonlocal llm, loaded
        if llm is None:
            llm, loaded = LLM(job["model"], **job["engine"]), job["model"]
        found, tokens = [], 0
        for model, work in job["work"]:
            if model != loaded:
                load_weights(llm, model)
                loaded = model
            llm.reset_prefix_cache()
            began = time.perf_counter()
            count = sample(work, job["limit"])
            found.append(time.perf_counter() - began)
            tokens = tokens or count
        for texts in job["score"]:
            llm.reset_prefix_cache()
            found.append(seconds(partial(score, texts)))
        return {"seconds": found, "tokens": tokens}

    return answer


def _trl() -> Callable[[Job], Any]:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    def fine_tune(job: Job, data: Sequence[Row]) -> None:
        trainer = SFTTrainer(
            model=AutoModelForCausalLM.from_pretrained(job["start"]),
            args=SFTConfig(
                output_dir=job["out"],
                max_steps=job["steps"],
                per_device_train_batch_size=job["batch_size"],
                learning_rate=job["lr"],
                lr_scheduler_type="constant",
                dataset_kwargs={"skip_prepare_dataset": True},
                max_length=None,
                bf16=job["precision"] == "bf16",
                gradient_checkpointing=False,
                save_strategy="no",
                report_to="none",
                use_cpu=not on_gpu(),
            ),
            train_dataset=Dataset.from_dict(
                {
                    "input_ids": [[*row.prompt_token_ids, *row.token_ids] for row in data],
                    "labels": [
                        [*[-100] * len(row.prompt_token_ids), *row.token_ids] for row in data
                    ],
                }
            ),
            processing_class=AutoTokenizer.from_pretrained(job["start"]),
        )
        trainer.train()

    def answer(job: Job) -> Any:
        rows = read_rows(Path(job["rows"]))
        dealt = take(rows, schedule(len(rows), job["steps"] * job["batch_size"], 0))
        return {"seconds": seconds(lambda: fine_tune(job, dealt))}

    return answer


if __name__ == "__main__":
    # Answers alone go where the caller listens: TRL prints its losses.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        answer = {"vllm": _vllm, "trl": _trl}[sys.argv[1]]()
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)
