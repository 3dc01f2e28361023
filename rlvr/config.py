"""Config: one YAML file and dotted overrides, checked key by key before anything is written.

`Config` lists the sections. The model of each stands beside the code that reads it, and is the
reference for its keys: names, defaults, units. An unknown key is an error that names the nearest
known one. `load` gives a `Config`; `resolved` turns it into the plain data that is hashed and
recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from rlvr.data import TRACKERS, Arm, InputError, TrackerName, nearest
from rlvr.engine.registry import engine_of
from rlvr.engine.settings import GenerateConfig, check_sizes
from rlvr.evaluate.settings import EvaluateConfig
from rlvr.evaluate.table import recorded_metrics, verdict_metrics
from rlvr.learners.dpo import DpoConfig
from rlvr.learners.grpo_settings import GrpoConfig
from rlvr.learners.registry import check_learners
from rlvr.learners.sft_settings import TrainConfig, WarmStartConfig
from rlvr.learners.trl_keys import PLACES
from rlvr.models.loading import PromptConfig
from rlvr.records import added
from rlvr.records.layout import CONFIG
from rlvr.records.record import read_config
from rlvr.sections import AboveZero, Positive, Section, SeedNumber, configs_folder, one_line
from rlvr.select.arms import ArmConfig, as_written, preset, with_controls
from rlvr.select.match import in_order
from rlvr.statistics.conditions import check as check_condition
from rlvr.statistics.conditions import parse as parse_condition
from rlvr.studies.settings import (
    CorpusConfig,
    TranscriptionConfig,
    check_corpus,
    check_transcription,
)
from rlvr.verify.settings import NamedConfig, VerifyConfig, name_alone

HANDED_ON = (
    *("lr_scheduler_type", "lr_scheduler_kwargs", "warmup_steps", "weight_decay", "max_grad_norm"),
    *("optim", "adam_beta1", "adam_beta2", "gradient_checkpointing"),
)
# What TRL, vLLM and transformers call it: and what to write here.
ELSEWHERE = {
    **PLACES["train"],
    **{name: f"train.trl.{name} (of grpo: grpo.trl.{name})" for name in HANDED_ON},
    "warmup_ratio": "train.trl.warmup_steps: below 1 it is a share of the steps",
    "neftune_noise_alpha": "train.trl.neftune_noise_alpha",
    "early_stopping_patience": "train.early_stop.patience",
    "model_name": "model",
    "model_name_or_path": "model",
    "dataset": "task",
    "dataset_name": "task: {name: rows, hub: ...}",
    "reward_funcs": "verifier",
    "learning_rate": "train.lr (of warm_start and grpo: lr)",
    "max_steps": "train.steps, or warm_start.max_steps",
    "num_train_epochs": "train.steps: every arm takes as many optimiser steps",
    "per_device_train_batch_size": "train.micro_batch; of a step in all: train.batch_size",
    "gradient_accumulation_steps": "train.batch_size over train.micro_batch",
    "bf16": "train.precision: bf16",
    "fp16": "train.precision: bf16 or fp32 (fp16 is not offered)",
    "peft_config": "train.lora",
    "lora_r": "train.lora.rank",
    "lora_alpha": "train.lora.alpha",
    "num_generations": "generate.samples",
    "n": "generate.samples",
    "max_completion_length": "generate.max_tokens",
    "max_new_tokens": "generate.max_tokens",
    "kl_coef": "grpo.beta",
}


def shipped_configs() -> dict[str, Path]:
    """Return the configs of runs that come with the package: name -> path."""
    folder = configs_folder()
    paths = [*folder.glob("*.yaml"), *folder.glob("claims/*.yaml")]
    return {str(path.relative_to(folder).with_suffix("")): path for path in sorted(paths)}


class VerdictConfig(Section):
    """The rule that decides growth, collapse or no effect: stated here, before the run.

    `primary`: the arms that the rule is about (null: `verified` and `unfiltered`, those of them
    that the run has; all arms if it has neither). Holm's correction over them enters the verdict.
    The others describe. `conditions`: further statements about the run, such as `slope(verified
    pass@1, last 3) within 0.02`; each comes to hold, to fail or to stay open (docs/conditions.md).
    """

    metric: str = "pass@1"
    primary: Annotated[list[str], Field(min_length=1)] | None = None
    margin: AboveZero = 0.05
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    conditions: list[str] = []


class RayConfig(Section):
    """How `executor: ray` divides a cluster.

    `address`: the head's (auto: RAY_ADDRESS, or the cluster of this machine). A worker trains and
    samples one arm of one seed at a time, on one node, with `cpus` cores (as many threads), `gpus`
    (null: what `engine` and `train.processes` need, where the cluster has any) and `memory_gb`
    (null: not counted). A seed's arm is begun at most `attempts` times.
    """

    address: str = "auto"
    cpus: Positive = 2
    gpus: Annotated[int, Field(ge=0)] | None = None
    memory_gb: Annotated[float, Field(gt=0)] | None = None
    attempts: Positive = 3


class ClaimRule(Section):
    """What a claim says, and the rule that settles it: stated, and hashed, before the run.

    `controls`, `rule` and `refutes` are conditions (`rlvr.claims.experiments`). The claim is
    supported where all of `controls` and of `rule` hold. It is refuted where the controls hold and
    every one of `refutes` holds; without `refutes`, where one of `rule` fails. `tested` and
    `untested`: in words, what the runs look at, and what they leave open.
    """

    id: Annotated[str, Field(pattern=r"^C[0-9]+[a-z]?$")]
    says: str
    controls: list[str] = []
    rule: Annotated[list[str], Field(min_length=1)]
    refutes: list[str] = []
    tested: str = ""
    untested: str = ""
    changes: str

    @field_validator("controls", "rule", "refutes")
    @classmethod
    def _conditions(cls, value: list[str]) -> list[str]:
        for text in value:
            parse_condition(text)
        return value


class ClaimConfig(ClaimRule):
    """The claim that this config settles, and others that the same runs settle (`also`).

    `points`: other runs of the claim, by name, each a list of overrides of this config; the rule is
    applied to this config alone, and shown for each point. `models`: further models, for a rule
    about size; points have them too. `of_models`: overrides of a model, such as its learning rate;
    those of a point come after. `smoke`: overrides that make a run which tests the machinery alone.
    The hash covers the ids, the conditions and the models: words may be fixed and points added
    after a run.
    """

    also: list[ClaimRule] = []
    points: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")], list[str]] = {}
    models: list[str] = []
    of_models: dict[str, list[str]] = {}
    smoke: list[str] = []

    def each(self) -> list[ClaimConfig]:
        """Return this claim, and each of `also` as a claim of the same points and models."""
        return [self, *(self.model_copy(update={**dict(one), "also": []}) for one in self.also)]


def _presets(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return [as_written(preset(item)) if isinstance(item, str) else item for item in value]


class _Arms(Section):
    """Arms that are added to a run."""

    arms: list[ArmConfig]
    _from_presets = field_validator("arms", mode="before")(_presets)


class Config(Section):
    """A whole run.

    `threads`: the cores that a seed's arm has (null: all of the machine). Sums depend on it in
    their last digits, and so do samples. `workers`: how many are made at once on this machine
    (null: with `threads`, as many as cores and memory hold; else one). `executor`: local, this
    machine, or ray, a cluster (`rlvr.loop.cluster`). `report_to`: the trackers that get its figures
    (`rlvr.loop.tracking`), one or a list. These last three decide no figure, so that a run may be
    resumed with others.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=100)]
    model: str
    task: NamedConfig
    verifier: NamedConfig | None = None
    prompt: PromptConfig = PromptConfig()
    warm_start: WarmStartConfig | None = None
    transcription: TranscriptionConfig | None = None
    seeds: list[SeedNumber]
    rounds: Positive
    arms: list[ArmConfig]
    generate: GenerateConfig = GenerateConfig()
    corpus: CorpusConfig | None = None
    engine: dict[str, Any] = {}
    verify: VerifyConfig = VerifyConfig()
    train: TrainConfig = TrainConfig()
    grpo: GrpoConfig = GrpoConfig()
    # Written only where an arm has this learner, so that a config without one hashes as before.
    dpo: Annotated[DpoConfig | None, Field(exclude_if=lambda value: value is None)] = None
    evaluate: EvaluateConfig = EvaluateConfig()
    verdict: VerdictConfig = VerdictConfig()
    checkpoints: Literal["last", "all", "none"] = "last"
    threads: Positive | None = None
    workers: Positive | None = None
    executor: Literal["local", "ray"] = "local"
    ray: RayConfig = RayConfig()
    report_to: list[TrackerName] = []
    claim: ClaimConfig | None = None

    _name_alone = field_validator("task", "verifier", mode="before")(name_alone)
    _from_presets = field_validator("arms", mode="before")(_presets)

    @model_validator(mode="before")
    @classmethod
    def _dpo_where_it_learns(cls, value: Any) -> Any:
        arms = value.get("arms") if isinstance(value, dict) else None
        named = [one for one in arms if isinstance(one, dict)] if isinstance(arms, list) else []
        learns = any(one.get("learner") == "dpo" for one in named)
        return {**value, "dpo": value.get("dpo") or {}} if learns else value

    @field_validator("report_to", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        names = [value] if isinstance(value, str) else value
        for name in names if isinstance(names, list) else []:
            if name not in TRACKERS:
                raise ValueError(
                    f"no tracker {name!r}{nearest(str(name), TRACKERS)} (known: "
                    f"{', '.join(TRACKERS)}; [] for none)"
                )
        if isinstance(names, list) and len(set(names)) < len(names):
            raise ValueError(f"each only once: {names}")
        return names

    @field_validator("engine")
    @classmethod
    def _sizes(cls, value: dict[str, Any]) -> dict[str, Any]:
        check_sizes(value)
        engine_of(value)
        return value

    @field_validator("arms")
    @classmethod
    def _controls(cls, value: list[ArmConfig]) -> list[ArmConfig]:
        return with_controls(value)

    @field_validator("seeds", "arms")
    @classmethod
    def _each_once(cls, value: list[Any]) -> list[Any]:
        names = [item.name if isinstance(item, ArmConfig) else item for item in value]
        if not names:
            raise ValueError("give at least one")
        if len(set(names)) < len(names):
            raise ValueError(f"each only once: {names}")
        return value

    @model_validator(mode="after")
    def _batches_divide(self) -> Config:
        micro = self.train.micro_batch or 1
        parts = self.train.processes * micro
        if self.train.batch_size % parts:
            raise ValueError(
                f"train.batch_size: {self.train.batch_size} is no multiple of processes x "
                f"micro_batch = {parts}"
            )
        warm = self.warm_start.batch_size if self.warm_start else 0
        if warm > micro and warm % micro:
            raise ValueError(
                f"warm_start.batch_size: {warm} is no multiple of train.micro_batch = {micro}"
            )
        taught = self.transcription.batch_size if self.transcription else 0
        if taught % parts:
            raise ValueError(
                f"transcription.batch_size: {taught} is no multiple of train.processes x "
                f"train.micro_batch = {parts}"
            )
        return self

    @model_validator(mode="after")
    def _stops_early(self) -> Config:
        for arm in self.arms:
            if self.train.early_stop and arm.learner != "sft":
                raise ValueError(
                    f"train.early_stop: it ends rounds of learner: sft: drop it, or the arm "
                    f"{arm.name!r}, whose learner is {arm.learner}"
                )
        return self

    @model_validator(mode="after")
    def _arms_possible(self) -> Config:
        arms, sampling, corpus = self.arms, self.generate, self.corpus is not None
        check_learners(self)
        prompted = self.prompt != PromptConfig()
        check_transcription(self.transcription, arms, sampling, corpus, prompted)
        check_corpus(self.corpus, arms, sampling)
        return self

    @model_validator(mode="after")
    def _metric_exists(self) -> Config:
        known = verdict_metrics(self.evaluate.k)
        if self.verdict.metric not in known:
            raise ValueError(
                f"verdict.metric: {self.verdict.metric!r} is not "
                f"measured{nearest(self.verdict.metric, known)} "
                f"(measured: {', '.join(known)})"
            )
        return self

    @model_validator(mode="after")
    def _primary_arms_exist(self) -> Config:
        known = [arm.name for arm in self.arms]
        for name in self.verdict.primary or []:
            if name not in known:
                raise ValueError(
                    f"verdict.primary: no arm {name!r}{nearest(name, known)} "
                    f"(arms: {', '.join(known)})"
                )
        return self

    @model_validator(mode="after")
    def _conditions_possible(self) -> Config:
        arms, known = ["base", *(arm.name for arm in self.arms)], recorded_metrics(self.evaluate.k)
        for text in self.verdict.conditions:
            try:
                check_condition(parse_condition(text), arms, self.rounds, known)
            except ValueError as failure:
                raise ValueError(f"verdict.conditions: {failure}") from failure
        return self

    def arms_in_order(self) -> list[Arm]:
        """Return the arms, each after the one it matches."""
        return in_order([arm.arm() for arm in self.arms])


def load(path: Path, overrides: Sequence[str] = (), more_arms: Sequence[str] = ()) -> Config:
    """Read a YAML config, lay `key=value` overrides over it and check everything.

    Of a run folder: the config that it has, with what was added to it. more_arms: arms to add, each
    a preset's name or `{name: ..., keep: ...}`; one that is there already, and equal, adds nothing.
    Raises InputError with one line: file, key, what is wrong, and the fix.
    """
    recorded: dict[str, Any] | None = None
    if (path / CONFIG).is_file():
        recorded = added.whole(read_config(path / CONFIG)[0], added.read(path))
        path = path / CONFIG
    elif not path.is_file():
        shipped = shipped_configs()
        if str(path) in shipped:
            path = shipped[str(path)]
        else:
            raise InputError(
                f"{path}: no such config file{nearest(path.stem, shipped)} (shipped: "
                f"{', '.join(shipped)})"
            )
    for override in overrides:
        if "=" not in override:
            raise InputError(
                f"{override!r} is no override: write key=value, such as generate.samples=8"
            )
    try:
        merged: Any = OmegaConf.load(path) if recorded is None else OmegaConf.create(recorded)
        if not OmegaConf.is_dict(merged):
            raise InputError(f"{path}: not a config: a YAML mapping was expected")
        for override in overrides:
            try:
                merged = OmegaConf.merge(merged, OmegaConf.from_dotlist([override]))
            except (TypeError, IndexError) as failure:
                raise InputError(f"{path}: {override}: {one_line(failure)}") from failure
        plain = OmegaConf.to_container(merged, resolve=True)
    except RecursionError as failure:
        raise InputError(f"{path}: nested too deeply to be a config") from failure
    except (OmegaConfBaseException, OSError, ValueError, TypeError) as failure:
        if isinstance(failure, InputError):
            raise
        raise InputError(f"{path}: {one_line(failure)}") from failure
    except Exception as failure:  # PyYAML's errors share no base with the others
        if type(failure).__module__.startswith("yaml"):
            raise InputError(f"{path}: not YAML: {one_line(failure)}") from failure
        raise
    if not isinstance(plain, dict):
        raise InputError(f"{path}: not a config: a YAML mapping was expected")
    config = checked(cast(dict[str, Any], plain), str(path))
    if not more_arms:
        return config
    return checked(_with_arms(resolved(config), more_arms, f"{path}: --add-arm"), str(path))


def _with_arms(config: dict[str, Any], texts: Sequence[str], where: str) -> dict[str, Any]:
    """Return a resolved config with more arms. Raises InputError for a name that is taken."""
    there = {arm["name"]: arm for arm in config["arms"]}
    for text in texts:
        try:
            written: Any = OmegaConf.to_container(OmegaConf.from_dotlist([f"arms=[{text}]"]))
            more = _Arms.model_validate(written).model_dump(mode="json")["arms"]
        except ValidationError as failure:
            raise InputError(f"{where}: {_explain(failure)}") from failure
        except Exception as failure:  # PyYAML's errors share no base with the others
            raise InputError(f"{where} {text}: {one_line(failure)}") from failure
        for arm in more:
            if there.setdefault(arm["name"], arm) != arm:
                raise InputError(f"{where}: {added.taken(arm['name'], there[arm['name']], arm)}")
    return {**config, "arms": list(there.values())}


def checked(plain: dict[str, Any], where: str) -> Config:
    """Return plain data as a config. Raises InputError with one line that begins with `where`."""
    try:
        config = Config.model_validate(plain)
        config.arms_in_order()
    except ValidationError as failure:
        raise InputError(f"{where}: {_explain(failure)}") from failure
    except InputError as failure:
        raise InputError(f"{where}: {failure}") from failure
    return config


def _explain(failure: ValidationError) -> str:
    """Say an error of a ValidationError in one line: key, what is wrong, the fix.

    The first unknown key, if there is one: it may be why another is missing. Else the first error.
    """
    error = min(failure.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in error["loc"])
    more = f" (and {failure.error_count() - 1} more)" if failure.error_count() > 1 else ""
    if error["type"] == "extra_forbidden":
        known, last = _keys_beside(error["loc"]), str(error["loc"][-1])
        ours = ELSEWHERE.get(last, "")
        if (beside := ours.rpartition(".")[2]) in known:
            ours = key.removesuffix(last) + beside  # for evaluate.n: evaluate.samples
        guess = f", here it is {ours}" if ours else nearest(last, known)
        return f"{key}: unknown key{guess} (known: {', '.join(known)}){more}"
    if error["type"] == "list_type" and not isinstance(error["input"], dict):
        return f"{key}: a list was expected: write [{error['input']}]{more}"
    if error["type"] == "missing":
        return f"{key}: this key is missing: add it{more}"
    message = error["msg"].removeprefix("Value error, ").removeprefix(f"{key}: ")
    given = "" if isinstance(error["input"], dict) else f" (given: {error['input']!r})"
    named = "" if not key or message.startswith(f"{key}.") else f"{key}: "
    return f"{named}{message}{given}{more}"


def _keys_beside(location: tuple[str | int, ...]) -> list[str]:
    section: Any = Config
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        annotation = section.model_fields[part].annotation
        section = next(
            (
                candidate
                for candidate in (annotation, *getattr(annotation, "__args__", ()))
                if isinstance(candidate, type) and issubclass(candidate, BaseModel)
            ),
            section,
        )
    return list(section.model_fields)


def resolved(config: Config) -> dict[str, Any]:
    """Return the whole config, defaults filled in, as plain JSON data."""
    return config.model_dump(mode="json")


def filled(recorded: dict[str, Any]) -> dict[str, Any]:
    """Return a recorded config with the defaults of keys that came later, if it is one still."""
    try:
        return resolved(Config.model_validate(recorded))
    except ValidationError:
        return recorded
