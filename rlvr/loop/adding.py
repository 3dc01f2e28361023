"""Adding: a run gets more rounds, seeds or arms after it began (`rlvr.records.added`).

Only what is missing is made. What was recorded stays, and so does the rule, with its round, seeds
and arms. An addition is refused where the weights to go on from are gone, and where the task would
draw other problems for what is recorded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlvr.config import Config, checked, filled, resolved
from rlvr.data import InputError
from rlvr.learners.context import SeedProblems
from rlvr.learners.grpo_settings import schedule_has_all_rounds
from rlvr.learners.registry import LEARNERS
from rlvr.loop import preflight, sealing
from rlvr.loop.problems import draw
from rlvr.loop.units import Job, Unit
from rlvr.records import added, layout, record
from rlvr.records.added import Extent
from rlvr.records.layout import arm_folder, is_done
from rlvr.records.seals import Seal
from rlvr.studies.registry import study_of

# By learner, the section of the config that is its own: the others share `train`.
SECTIONS = {name: one.section for name, one in LEARNERS.items() if one.section != "train"}


def whole(config: Config, folder: Path, where: str) -> Config:
    """Return a config with all that the run in `folder` has and it doesn't ask for.

    Raises InputError where the config would change what is recorded.
    """
    return checked(joined(config, folder), where)


def joined(config: Config, folder: Path) -> dict[str, Any]:
    """Return the same as plain data."""
    return added.joined(folder, resolved(config), filled, SECTIONS)


def extents(
    config: Config, folder: Path, problems: Mapping[int, SeedProblems]
) -> tuple[Extent, ...]:
    """Return what the run began with, and each addition, all sealed as they are now.

    `config`: the whole one. If it has more than the run so far, the last addition begins now.
    Raises InputError where the task draws other problems for what is recorded.
    """
    path = folder / layout.CONFIG
    plain, recorded = resolved(config), added.read(folder)
    began = filled(record.read_config(path)[0]) if path.is_file() else plain
    reached = [added.extent(began, {}), *recorded]
    if added.in_words(reached[-1], added.extent(plain, {})):
        _hold_problems(folder, config, reached[-1], problems)
        _hold_schedule(folder, config, reached[-1])
        more = {name: plain[name] for name in SECTIONS.values() if name in plain}
        more = {name: value for name, value in more.items() if value != began.get(name)}
        reached.append(added.extent(plain, {}, int(time.time()), more))
    first, *others = _seals([_reach(config, one) for one in reached], problems)
    sealed = [first, *(_beyond(first, seal) for seal in others)]
    return tuple(replace(one, sealed=seal) for one, seal in zip(reached, sealed, strict=True))


def _seals(configs: Sequence[Config], problems: Mapping[int, SeedProblems]) -> list[Seal]:
    """Return the seal of each config; what they have in common is read once."""
    programs: dict[str, Seal] = {}
    found: list[Seal] = []
    for one in configs:
        key = str(preflight.verifiers(one))
        if key not in programs:
            programs[key] = {**sealing.programs(one), **sealing.model(one)}
        found.append({**programs[key], **sealing.data(one, problems)})
    return found


def _beyond(first: Seal, seal: Seal) -> Seal:
    """Return the parts of a seal that another has not, or not so."""
    return {
        kind: {name: value for name, value in parts.items() if first[kind].get(name) != value}
        for kind, parts in seal.items()
    }


def _reach(config: Config, of: Extent) -> Config:
    arms = [arm for arm in config.arms if arm.name in of.arms]
    reach = {"rounds": of.rounds, "seeds": list(of.seeds), "arms": arms}
    return config.model_copy(update=reach)


def _hold_problems(
    folder: Path, config: Config, so_far: Extent, problems: Mapping[int, SeedProblems]
) -> None:
    """Raise InputError where another number of rounds makes the task draw other problems."""
    before = _reach(config, so_far)
    for seed in so_far.seeds:
        now = sealing.drawn(before, {seed: problems[seed]})
        if sealing.drawn(before, {seed: draw(before, seed)}) != now:
            raise InputError(
                f"{folder}: can't be added to: the task {config.task.name!r} draws other problems "
                f"for seed {seed} when more are asked for, and what is recorded was made with "
                "the old ones: give another folder with --out"
            )


def _hold_schedule(folder: Path, config: Config, so_far: Extent) -> None:
    """Raise InputError where more rounds change the learning rates of recorded ones."""
    online = [name for name, arm in so_far.arms.items() if arm["learner"] == "grpo"]
    more = config.rounds > so_far.rounds and online
    if more and schedule_has_all_rounds(config.grpo):
        raise InputError(
            f"{folder}: rounds: the schedule in grpo.trl has the steps of all rounds: with more of "
            f"them {online[0]} would have had other learning rates: no round can be added; seeds "
            "and arms can"
        )


def check_weights(job: Job) -> None:
    """Raise InputError where an arm has ended, is to go on, and its weights are gone."""
    for seed in job.config.seeds:
        for arm in job.config.arms_in_order():
            rounds = Unit(seed, arm.name).rounds(job.config)
            done = [one for one in rounds if is_done(one.folder(job.folder), "record")]
            if not done or len(done) == len(rounds) or done[-1].round not in job.ends:
                continue
            folder, learner = done[-1].folder(job.folder), LEARNERS[arm.learner]
            if learner.online:
                there = learner.checkpoint(arm_folder(job.folder, seed, arm.name)) is not None
            else:
                needed = (layout.MODEL, *study_of(job.config).weights([arm]))
                there = all((folder / name).is_dir() for name in needed)
            if not there:
                what = "the checkpoint to go on from is" if learner.online else "its weights are"
                raise InputError(
                    f"{job.folder}: rounds: {arm.name}, seed {seed}, ended with round "
                    f"{done[-1].round}, and {what} gone (checkpoints: "
                    f"{job.config.checkpoints}): no round can be added; seeds and arms can"
                )


def said(job: Job, recorded: Sequence[Extent]) -> str:
    """Return what is added to a run that has these additions already; "" if nothing is."""
    if len(job.extents) == len(recorded) + 1:
        return ""
    began, (before, now) = job.extents[0], job.extents[-2:]
    return (
        f"{job.folder}: {added.in_words(before, now)} added: shown as exploratory; the verdict "
        f"stays that of round {began.rounds} and {added.counted('seed', began.seeds)}"
    )
