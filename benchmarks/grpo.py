"""An online step with our engine against GRPOTrainer's own: ratios.

Against what: TRL's `GRPOTrainer` as a person's own script has it, with transformers' generation:
the same model (SmolLM2-135M after a short warm start), prompts, group size, settings, rewards and
number of steps, in bf16. Ours is an arm of `learner: grpo`, whose times are those that a run
records: generation includes handing the new weights to the engine; a step is all that a leg spends,
record and KL from the base included. The first step of each still warms up and is left out of
TRL's; ours are means over all steps, its first included.

Run: make bench, or python benchmarks/grpo.py [--steps N]. The last line of output is one JSON
object. Both sides always come from one run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rlvr.threads import use_openmp

use_openmp()

import pandas as pd  # noqa: E402  (torch may be imported only after use_openmp)
from rich.console import Console  # noqa: E402

from rlvr import config as config_  # noqa: E402
from rlvr import loop, preflight, record  # noqa: E402
from rlvr.grpo import trl_arguments  # noqa: E402
from rlvr.models import load_model, load_tokenizer, quiet  # noqa: E402
from rlvr.pool import VerifierPool  # noqa: E402
from rlvr.progress import Display  # noqa: E402

SMOLLM2 = Path(__file__).resolve().parent.parent / "configs" / "smollm2.yaml"
PROMPTS, SAMPLES = 16, 8  # of a step


def main() -> None:
    """Measure both sides and print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=4)
    steps = parser.parse_args().steps
    config = config_.load(
        SMOLLM2,
        [
            "seeds=[9]",
            "rounds=1",
            "arms=[{name: online, keep: verified, learner: grpo}]",
            "warm_start.max_steps=20",
            "warm_start.until=null",
            f"generate.prompts={steps * PROMPTS}",
            f"generate.samples={SAMPLES}",
            f"grpo.steps={steps}",
            "evaluate={problems: 16, samples: 1, k: [1]}",
            "checkpoints=all",
        ],
    )
    with tempfile.TemporaryDirectory(prefix="rlvr-bench-") as scratch:
        ours = _ours(config, Path(scratch) / "run")
        theirs = _theirs(config, Path(scratch) / "run", steps)
    found = {f"grpo_rlvr_{name}": value for name, value in ours.items()}
    found |= {f"grpo_trl_{name}": value for name, value in theirs.items()}
    speed = "tokens_per_second"
    found["grpo_generation_speed_over_transformers"] = ours[speed] / theirs[speed]
    found["grpo_step_speed_over_transformers"] = theirs["step_seconds"] / ours["step_seconds"]
    for name, value in found.items():
        print(f"{name:<44} {value:10.3f}")
    print(json.dumps(found))


def _ours(config: config_.Config, run: Path) -> dict[str, float]:
    with Display(Console(quiet=True), "benchmark", 2) as display:
        loop.run(config, run, display, str(SMOLLM2))
    timing = pd.read_parquet(run / "timing.parquet")
    mine = timing[timing.arm == "online"]
    seconds = mine.groupby("stage").seconds.sum()
    # The last sync, of the finished model, belongs to the round and not to its steps.
    last = mine[mine.stage == "sync"].seconds.tail(1).sum()
    generation = float(seconds["sync"] + seconds["generate"] - last)
    tokens = float(mine[mine.stage == "generate"].tokens.sum())
    rest = float(seconds["verify"] + seconds["train"])
    return {
        "step_seconds": (generation + rest) / config.grpo.steps,
        "generation_seconds": generation / config.grpo.steps,
        "tokens_per_second": tokens / generation,
    }


def _theirs(config: config_.Config, run: Path, steps: int) -> dict[str, float]:
    from datasets import Dataset
    from trl import GRPOTrainer

    problems = preflight.draw(config, 9).rounds[0]
    by_prompt = {problem.prompt: problem for problem in problems}
    verifier = preflight.verifier_of(config)
    base = record.round_folder(run, 9, "base", 0) / "model"
    generation: list[float] = []
    tokens: list[int] = []
    ends: list[float] = []

    class Timed(GRPOTrainer):  # type: ignore[misc]
        def _generate_single_turn(self, *args: Any, **more: Any) -> Any:
            began = time.monotonic()
            found = super()._generate_single_turn(*args, **more)
            generation.append(time.monotonic() - began)
            tokens.append(sum(map(len, found[0])))
            return found

        def training_step(self, *args: Any, **more: Any) -> Any:
            found = super().training_step(*args, **more)
            ends.append(time.monotonic())
            return found

    with (
        quiet(),
        tempfile.TemporaryDirectory(prefix="rlvr-bench-") as scratch,
        VerifierPool(verifier.name, verifier.options) as pool,
    ):

        def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float | None]:
            asked = [(by_prompt[p], c) for p, c in zip(prompts, completions, strict=True)]
            found = list(pool.verify(asked))
            return [float(one.status == "correct") for one in found]

        arguments = trl_arguments(config, steps + 1, steps + 1, Path(scratch))
        arguments.save_strategy = "no"
        trainer = Timed(
            model=load_model(base),
            args=arguments,
            train_dataset=Dataset.from_dict({"prompt": [problem.prompt for problem in problems]}),
            processing_class=load_tokenizer(base),
            reward_funcs=reward,
        )
        trainer.train()
    # One training step a micro-batch; a step ends with its last one.
    each = len(ends) // (steps + 1)
    step_ends = ends[each - 1 :: each]
    spent = [after - before for before, after in zip(step_ends, step_ends[1:], strict=False)]
    return {
        "step_seconds": statistics.mean(spent),
        "generation_seconds": statistics.mean(generation[1:]),
        "tokens_per_second": sum(tokens[1:]) / sum(generation[1:]),
    }


if __name__ == "__main__":
    main()
