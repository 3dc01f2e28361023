"""A verifier as the reward function of TRL's GRPOTrainer.

    python trl_rewards.py [MODEL]

MODEL is a model folder. The default is the base that first_run.ipynb left: an rlvr model folder is
an ordinary one. Here TRL does all of the training, and rlvr gives the verdicts.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from datasets import Dataset
from rlvr.tasks.addition import problems
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from rlvr.trl import reward_func

STEPS = 100


def main(model: str = "runs/first/seed-0/base/model") -> None:
    """Train for STEPS steps; print the mean reward of the first steps and of the last ones."""
    if not Path(model, "config.json").is_file():
        sys.exit(f"trl_rewards.py: {model} is no model folder: run first_run.ipynb, or name one")
    torch.set_num_threads(1)  # a tiny model is no faster with more
    sums = list(problems("train", 512, digits=2, reverse=True))
    reward = reward_func("exact", answer="sum")  # "sum" is the dataset's column
    trainer = GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(model),
        processing_class=AutoTokenizer.from_pretrained(model),
        reward_funcs=reward,
        train_dataset=Dataset.from_list([{"prompt": p.prompt, "sum": p.reference} for p in sums]),
        args=GRPOConfig(
            "runs/trl",
            max_steps=STEPS,
            learning_rate=3e-4,
            lr_scheduler_type="constant",
            per_device_train_batch_size=128,
            num_generations=8,
            max_completion_length=6,
            logging_steps=1,
            report_to="none",
            save_strategy="no",
            use_cpu=True,
            bf16=False,
        ),
    )
    trainer.train()
    reward.close()
    rewards = [log["reward"] for log in trainer.state.log_history if "reward" in log]
    for name, part in (("first", rewards[:10]), ("last", rewards[-10:])):
        print(f"mean reward of the {name} {len(part)} steps: {sum(part) / len(part):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
