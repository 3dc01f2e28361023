"""Problems: what a config draws of its task for each seed, to train on and to hold out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from rlvr.config import Config
from rlvr.data import Entry, InputError, Problem, Split
from rlvr.evaluate.settings import OffTargetConfig
from rlvr.learners.context import SeedProblems
from rlvr.models import loading
from rlvr.select.arms import ArmConfig
from rlvr.studies.curate import contaminate
from rlvr.verify import plugins, tasks
from rlvr.verify.settings import NamedConfig
from rlvr.verify.tasks import draw_problems


def draw(config: Config, seed: int) -> SeedProblems:
    """Draw every problem of a seed; all that is trained on is one train stream."""
    own = tasks.ask(config.task, "shots", config.prompt.few_shot)  # worked examples that lie apart
    shots = config.prompt.few_shot if own is None else 0
    warm = config.warm_start.problems if config.warm_start else 0
    prompts = config.generate.prompts
    pairs = config.transcription.problems if config.transcription else 0
    first = shots + warm + pairs
    needed = first + prompts * (1 if config.corpus else config.rounds)
    parts = [("prompt.few_shot", shots), ("warm_start.problems", warm)]
    parts += [("transcription.problems", pairs), ("generate.prompts x rounds", needed - first)]
    asked = " + ".join(f"{name} ({count:,})" for name, count in parts if count)
    wanted = wanted_of(config)
    granted = granted_of(config.task, wanted)

    def of(split: Split, n: int, key: str) -> list[Problem]:
        return draw_problems(config.task, split, n, seed, key, wanted)

    training = of("train", needed, asked)
    if config.corpus:
        rounds = [training[first:]] * config.rounds
    else:
        rounds = [training[first + prompts * t :][:prompts] for t in range(config.rounds)]
    held_back, labels = dev_of(config)
    held_back = min(held_back, max(1, granted["dev"] - labels))
    early = config.train.early_stop
    key = "train.early_stop.problems" if early else "warm_start.held_back"
    dev = of("dev", held_back + labels, "corpus.labelled" if labels else key)
    held_out = of("eval", granted["eval"], "evaluate.problems")
    needs = [("few_shot", shots), ("warm_start", warm), ("transcription", pairs)]
    needs += [("train.early_stop.metric", int(bool(early and early.metric == "real_nll")))]
    needs += [("corpus", int(config.corpus is not None))]
    needs += [(f"the arm {arm.name!r}", 1) for arm in config.arms if _needs_real(arm)]
    for name, count in needs:
        if count and any(problem.solution is None for problem in training):
            raise InputError(
                f"{name}: the task {config.task.name!r} has problems without a real solution: "
                f"drop {name}"
            )
    corpus, labelled = _corpus(config, rounds[0], dev[held_back:], seed)
    return SeedProblems(
        prompting=loading.Prompting(
            config.prompt.format,
            config.prompt.system,
            tuple(training[:shots] if own is None else own),
            config.prompt.chat_template_kwargs,
        ),
        warm_start=training[shots : shots + warm],
        rounds=rounds,
        corpus=corpus,
        labelled=labelled,
        held_back=dev[:held_back],
        held_out=held_out,
        off_target=[_off_target(other, seed) for other in config.evaluate.off_target],
        pairs=training[shots + warm : first],
    )


def _off_target(other: OffTargetConfig, seed: int) -> list[Problem]:
    wanted: dict[Split, int] = {"eval": other.problems}
    n, key = granted_of(other.task, wanted)["eval"], f"evaluate.off_target.{other.name}"
    return draw_problems(other.task, "eval", n, seed, key, wanted)


def _corpus(
    config: Config, problems: list[Problem], to_label: list[Problem], seed: int
) -> tuple[list[Entry], list[Entry]]:
    """Return the entries of a seed's corpus, and the labelled ones, where the config has one."""
    if config.corpus is None:
        return [], []
    spoil = vars(plugins.load_named("task", config.task.name, "problems")[1]).get("corrupt")
    shares, task = config.corpus.shares, config.corpus.noise

    def noise(split: Split, n: int) -> list[Problem]:
        return draw_problems(task, split, n, seed, "corpus.natural") if task else []

    try:
        corpus = contaminate(problems, shares, seed, spoil, partial(noise, "train"))
        # A copy can't be told by itself: there is nothing to learn from one.
        alone = {**shares, "duplicate": 0.0}
        labelled = contaminate(to_label, alone, seed, spoil, partial(noise, "dev"))
    except ValueError as failure:
        raise InputError(f"corpus: {failure}") from failure
    if to_label and len({entry.kind == "clean" for entry in labelled}) < 2:
        of_seed = f"all {len(to_label)} entries of seed {seed}"
        raise InputError(f"corpus.labelled: {of_seed} are of one class: raise it")
    return corpus, labelled


def _needs_real(arm: ArmConfig) -> bool:
    return bool(arm.keep == "real" or arm.real_fraction > 0)


def has_classifier(config: Config) -> bool:
    """Return whether an arm learns from labelled entries of the corpus."""
    return any(arm.keep == "classifier" for arm in config.arms)


def wanted_of(config: Config) -> dict[Split, int]:
    """Return how many problems a config asks of the splits that are not trained on."""
    return {"eval": config.evaluate.problems, "dev": sum(dev_of(config))}


def dev_of(config: Config) -> tuple[int, int]:
    """Return how many dev problems a config asks for to end training, and to learn labels.

    The warm start and early stopping end on the same ones, each on as many as it asks for.
    """
    stops = config.warm_start is not None and config.warm_start.until is not None
    learns = config.corpus is not None and has_classifier(config)
    early = config.train.early_stop
    return (
        max(
            config.warm_start.held_back if config.warm_start and stops else 0,
            early.problems if early else 0,
        ),
        config.corpus.labelled if config.corpus and learns else 0,
    )


def granted_of(task: NamedConfig, wanted: Mapping[Split, int]) -> dict[Split, int]:
    """Return how many problems of a split are used: fewer than wanted where the task has fewer."""
    there = tasks.ask(task, "sizes", wanted) or {}
    # All are asked of a split that is empty: the task then says how many rows would do.
    return {split: min(n, there.get(split) or n) for split, n in wanted.items()}


def sizes(config: Config) -> dict[str, int]:
    """Return how many problems each split of the task has; nothing where the task does not say."""
    return dict(tasks.ask(config.task, "sizes", wanted_of(config)) or {})
