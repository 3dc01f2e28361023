"""Settings: the keys of `evaluate`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from rlvr.sections import Positive, Section
from rlvr.verify.settings import NamedConfig, name_alone


class OffTargetConfig(Section):
    """A task that is not trained on, measured before and after: `problems`, `samples` of each.

    `name` is what its metrics are called: `off_target.NAME.pass@1`; the task's if left out.
    """

    task: NamedConfig
    verifier: NamedConfig | None = None
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")] = ""
    problems: Positive = 100
    samples: Positive = 4
    max_tokens: Positive = 32

    _name_alone = field_validator("task", "verifier", mode="before")(name_alone)

    @model_validator(mode="before")
    @classmethod
    def _named_by_task(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("name"):
            return value
        task = name_alone(value.get("task"))
        name = task.get("name") if isinstance(task, dict) else None
        return value | {"name": re.sub(r"[^A-Za-z0-9_-]+", "-", str(name or ""))}


class EvaluateConfig(Section):
    """Held-out problems, completions of each at T=1 and top-p=1, and the k of pass@k.

    `off_target` tasks are measured on the base and after the last round.
    """

    problems: Positive = 400
    samples: Positive = 8
    k: Annotated[list[Positive], Field(min_length=1)] = [1, 2, 4, 8]
    off_target: list[OffTargetConfig] = []

    @model_validator(mode="after")
    def _enough_samples(self) -> EvaluateConfig:
        if max(self.k) > self.samples:
            raise ValueError(
                f"k goes up to {max(self.k)}, samples is {self.samples}: pass@k needs samples >= k"
            )
        if len(set(self.k)) < len(self.k):
            raise ValueError(f"k: each only once: {self.k}")
        if 1 not in self.k:
            raise ValueError("k must contain 1: pass@1 is the headline")
        names = [other.name for other in self.off_target]
        if len(set(names)) < len(names):
            raise ValueError(f"off_target: each name only once: {names}: give them names")
        return self
