"""Shown: the few completions of a round that trackers get, with verdict and reward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.data import Arm, Completion, Verdict
from rlvr.learners.registry import LEARNERS
from rlvr.models.loading import load_tokenizer
from rlvr.records import record
from rlvr.records.layout import BASE, COMPLETIONS, MODEL, Place, base_of
from rlvr.records.stored import take
from rlvr.select.flip import misjudge
from rlvr.select.learner import rewards

AT_MOST = 8  # completions of a round, evenly over all
_PLAIN = {ord(mark): f"&#{ord(mark)};" for mark in "&<>\"'\\`*_{}[]()#+-.!|~"}  # as HTML has them
COLUMNS = ("problem", "prompt", "completion", "status", "reason", "kept", "reward")


def shown(run: Path, config: Mapping[str, Any], place: Place) -> list[tuple[Any, ...]]:
    """Return a row of `COLUMNS` for each of the completions that are shown of a recorded round.

    Empty where the round has none. `reward`: of an arm that learns online that of its step, None
    where the record can't tell it (partial credit, majority votes, no verdict); of others 1 for
    what was kept, else 0; of the base None. `prompt`: None where the base's tokenizer is gone.
    """
    path = place.folder(run) / COMPLETIONS
    if not path.is_file():
        return []
    pool, kept = record.read_completions(path), record.read_kept(path)
    count = min(AT_MOST, len(pool))
    places = [i * len(pool) // count for i in range(count)]
    chosen, flags = take(pool, places), [kept[i] for i in places]
    worth = _rewards(Config.model_validate(dict(config)), place, chosen, flags)
    base = base_of(place.seed).folder(run) / MODEL
    prompts: list[str | None] = [None] * count
    if base.is_dir():
        ids = [list(one.prompt_token_ids) for one, _ in chosen]
        prompts = load_tokenizer(base).batch_decode(ids, skip_special_tokens=True)
    return [
        (one.problem_id, prompt, one.text, verdict.status, verdict.reason, flag, reward)
        for (one, verdict), prompt, flag, reward in zip(chosen, prompts, flags, worth, strict=True)
    ]


def _rewards(
    config: Config, place: Place, chosen: Sequence[tuple[Completion, Verdict]], kept: Sequence[bool]
) -> Sequence[float | None]:
    if place.arm == BASE:
        return [None] * len(chosen)
    arm = _arm(config, place.arm)
    if not LEARNERS[arm.learner].online:
        return [float(flag) for flag in kept]
    if config.grpo.partial_credit or arm.keep == "majority":
        return [None] * len(chosen)
    seen = chosen if arm.flip is None else list(misjudge(chosen, arm.flip, place.seed))
    return rewards(seen, arm, place.seed, format_reward=config.grpo.format_reward)


def _arm(config: Config, name: str) -> Arm:
    [found] = [arm for arm in config.arms_in_order() if arm.name == name]
    return found


def as_markdown(rows: Sequence[Sequence[Any]]) -> str:
    """Return rows of `COLUMNS` as a Markdown table, in which no completion can be markup."""
    lines = [COLUMNS, ["---"] * len(COLUMNS), *([_cell(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return "<br>".join(text.translate(_PLAIN).splitlines())
