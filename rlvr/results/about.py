"""What a run was, in sentences: its model, its task, what each arm trains on.

From the resolved config alone. What it does not do: say what came of it
(`rlvr.results.compare`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlvr.records.record import flat
from rlvr.results.effects import Results
from rlvr.select.arms import differing

KEEP: Mapping[str, str] = {
    "verified": "completions that the verifier calls correct",
    "all": "all completions",
    "random": "completions drawn at random",
    "inverted": "completions that the verifier calls wrong",
    "self-scored": "the completions that the model itself finds likeliest",
    "least-likely": "the completions that the model itself finds least likely",
    "majority": "completions with the commonest answer to their problem; the truth is not looked "
    "at",
    "format-only": "completions with a final answer, right or wrong",
    "right-answer": "completions with the right final answer, by sound work or by luck",
    "lucky": "completions with the right final answer and wrong work",
    "real": "real solutions of the round's problems, and nothing of its own",
    "replay": "the warm start's real solutions, the same in every round (new to the model as far "
    "as its warm start ended before them); without a warm start, the base's accepted completions "
    "of round 1",
    "classifier": "what a classifier on hidden states calls clean",
}


def about(r: Results) -> str:
    """Return what was run, in sentences; only what the config says."""
    prompts, samples = (setting(r, f"generate.{key}") for key in ("prompts", "samples"))
    held_out, each = (setting(r, f"evaluate.{key}") for key in ("problems", "samples"))
    return (
        f"Model {setting(r, 'model')}, task {task(r)}; {len(r.seeds)} seed"
        f"{'' if len(r.seeds) == 1 else 's'} "
        f"({', '.join(map(str, r.seeds))}); round {r.round} of {r.rounds}. A round is of {prompts} "
        f"problems, {samples} completions each; the evaluation is of {held_out} held-out problems, "
        f"{each} samples each. The base is the model before round 1."
    )


def task(r: Results) -> str:
    """Return the task's name with its options: "addition (digits 2, reverse true)"."""
    given = r.config.get("task", {})
    options = [f"{key} {value}" for key, value in given.items() if key != "name"]
    said = ", ".join(options).replace("True", "true").replace("False", "false")
    return f"{given.get('name', 'not recorded')}{f' ({said})' if said else ''}"


def setting(r: Results, key: str) -> str:
    """Return a value of the run's config by its dotted key."""
    value = flat(r.config).get(key)
    return "not recorded" if value is None else str(value)


def arm_says(arm: Mapping[str, Any]) -> str:
    """Return what an arm of a resolved config trains on, in a sentence; further axes as written."""
    keep = str(arm.get("keep", ""))
    text = f"Trains on {KEEP.get(keep, f'what keep: {keep} keeps')}"
    if arm.get("learner") == "dpo":
        text = f"Learns to prefer {KEEP.get(keep, keep)} to the others of the same problem (dpo)"
    elif arm.get("learner", "sft") != "sft":
        text = f"Learns online ({arm['learner']}), rewarded for {KEEP.get(keep, keep)}"
    if other := arm.get("match"):
        by = arm.get("match_by") or "problems"
        text += f", as many {'of each problem' if by == 'problems' else f'{by} in all'} as {other}"
    told = {"name", "keep", "learner", "match", "match_by", "more", "control"}  # its own arm tells
    others = [f"{axis}: {value}" for axis, value in differing(arm).items() if axis not in told]
    return f"{text} ({', '.join(others)})." if others else f"{text}."
