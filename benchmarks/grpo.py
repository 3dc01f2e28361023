"""An online step with our engine against GRPOTrainer's own: ratios.

Against what: TRL's `GRPOTrainer` as a person's own script has it, with transformers' generation:
the same SmolLM2-135M, warmed up to a quarter of right answers, the same prompts, 16 groups of 8 a
step, settings, rewards and number of steps, in bf16. Ours is an arm of `learner: grpo` as `rlvr
run` runs it, with its record, KL from the base and handing of the new weights to the engine,
which counts as generation. Two workloads: `functions` (programs, judged in the sandbox, up to 40
tokens) and `arithmetic` (that of configs/grpo_smollm2.yaml, answers of about 7 tokens).

Both sides are timed at the same two methods of GRPOTrainer, from the end of one step to the end
of the next, so that each side's first step, which warms up, is left out. What a leg costs besides
its steps (models loaded, a checkpoint and the model written, the model handed over) is said
apart.

Run: make bench, or python benchmarks/grpo.py [WORKLOAD...] [--steps N]. The last line of output
is one JSON object. Both sides always come from one run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlvr.engine.threads import use_openmp

use_openmp()

import pandas as pd  # noqa: E402  (torch may be imported only after use_openmp)
from rich.console import Console  # noqa: E402

from rlvr import config as config_  # noqa: E402
from rlvr.learners.grpo import trl_arguments  # noqa: E402
from rlvr.loop import preflight, runner  # noqa: E402
from rlvr.loop.problems import draw  # noqa: E402
from rlvr.loop.progress import Display  # noqa: E402
from rlvr.models.loading import load_model, load_tokenizer  # noqa: E402
from rlvr.models.quiet import quiet  # noqa: E402
from rlvr.records.layout import base_of  # noqa: E402
from rlvr.verify.pool import VerifierPool  # noqa: E402

CONFIGS = Path(__file__).resolve().parent.parent / "configs"
WORKLOADS = {"functions": "code_smollm2.yaml", "arithmetic": "grpo_smollm2.yaml"}
PROMPTS, SAMPLES = 16, 8  # of a step


@dataclass
class Clock:
    """What GRPOTrainer was seen to do: ends of training steps, and its generations."""

    ends: list[float] = field(default_factory=list)
    generations: list[float] = field(default_factory=list)  # seconds
    tokens: list[int] = field(default_factory=list)

    def found(self, steps: int) -> dict[str, float]:
        """Return means over all steps but the first. A step has one or more micro-batches."""
        ends = self.ends[len(self.ends) // steps - 1 :: len(self.ends) // steps]
        return {
            "step_seconds": (ends[-1] - ends[0]) / (steps - 1),
            "generation_seconds": sum(self.generations[1:]) / (steps - 1),
            "tokens_per_second": sum(self.tokens[1:]) / sum(self.generations[1:]),
        }


@contextmanager
def timed() -> Iterator[Clock]:
    """Time every GRPOTrainer, and all that derives from it, while the block runs."""
    from trl import GRPOTrainer

    clock = Clock()
    step, generate = GRPOTrainer.training_step, GRPOTrainer._generate

    def training_step(self: Any, *args: Any, **more: Any) -> Any:
        found = step(self, *args, **more)
        clock.ends.append(time.monotonic())
        return found

    def _generate(self: Any, *args: Any, **more: Any) -> Any:
        began = time.monotonic()
        found = generate(self, *args, **more)
        clock.generations.append(time.monotonic() - began)
        clock.tokens.append(sum(map(len, found[1])))
        return found

    GRPOTrainer.training_step, GRPOTrainer._generate = training_step, _generate
    try:
        yield clock
    finally:
        GRPOTrainer.training_step, GRPOTrainer._generate = step, generate


def main() -> None:
    """Measure both sides of each workload and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--steps", type=int, default=6)
    given = parser.parse_args()
    found: dict[str, float] = {}
    for workload in given.workloads or WORKLOADS:
        measured = _measure(CONFIGS / WORKLOADS[workload], given.steps)
        found |= {f"grpo_{workload}_{name}": value for name, value in measured.items()}
    for name, value in found.items():
        print(f"{name:<56} {value:10.3f}")
    print(json.dumps(found))


def _measure(path: Path, steps: int) -> dict[str, float]:
    config = config_.load(
        path,
        [
            "seeds=[0]",
            "rounds=1",
            "arms=[{name: grpo, keep: verified, learner: grpo}]",
            f"generate={{prompts: {steps * PROMPTS}, samples: {SAMPLES}}}",
            f"grpo={{steps: {steps}, lr: 1.0e-5, checkpoint_every: null}}",
            "evaluate={problems: 16, samples: 1, k: [1], off_target: []}",
            "checkpoints=all",
        ],
    )
    with tempfile.TemporaryDirectory(prefix="rlvr-bench-") as scratch:
        ours = _ours(config, Path(scratch) / "run", steps)
        theirs = _theirs(config, Path(scratch) / "run", steps)
    found = {f"rlvr_{name}": value for name, value in ours.items()}
    found |= {f"trl_{name}": value for name, value in theirs.items()}
    speed = "tokens_per_second"
    found["generation_speed_over_transformers"] = ours[speed] / theirs[speed]
    found["step_speed_over_transformers"] = theirs["step_seconds"] / ours["step_seconds"]
    return found


def _ours(config: config_.Config, run: Path, steps: int) -> dict[str, float]:
    with Display(Console(quiet=True), "benchmark", 1, 1) as display, timed() as clock:
        runner.run(config, run, display, config.name)
    timing = pd.read_parquet(run / "timing.parquet")
    arm = timing[timing.arm == "grpo"]
    leg = arm[arm.stage.isin(["sync", "generate", "verify", "train"])].seconds.sum()
    watched = pd.read_parquet(run / "metrics.parquet")
    of_steps = watched[watched.level.str.startswith("step-")]
    idle = of_steps[of_steps.metric == "step.zero_variance"].value.tolist()
    found = clock.found(steps)
    return found | {
        "leg_overhead_seconds": float(leg) - found["step_seconds"] * steps,
        "groups_without_gradient": sum(idle[1:]) / (steps - 1),
    }


def _theirs(config: config_.Config, run: Path, steps: int) -> dict[str, float]:
    from datasets import Dataset
    from trl import GRPOTrainer

    [seed] = config.seeds
    problems = draw(config, seed).rounds[0]
    by_prompt = {problem.prompt: problem for problem in problems}
    verifier = preflight.verifier_of(config)
    base = base_of(seed).folder(run) / "model"
    with (
        quiet(),
        tempfile.TemporaryDirectory(prefix="rlvr-bench-") as scratch,
        VerifierPool(verifier.name, verifier.options) as pool,
        timed() as clock,
    ):

        def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float | None]:
            asked = [(by_prompt[p], c) for p, c in zip(prompts, completions, strict=True)]
            found = list(pool.verify(asked))
            return [float(one.status == "correct") for one in found]

        settings = (config.grpo, config.train, config.generate)
        arguments = trl_arguments(*settings, steps, steps, Path(scratch))
        arguments.save_strategy = "no"
        trainer = GRPOTrainer(
            model=load_model(base),
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": [problem.prompt for problem in problems]}),
            processing_class=load_tokenizer(base),
            reward_funcs=reward,
        )
        trainer.train()
    return clock.found(steps)


if __name__ == "__main__":
    main()
