"""Settings: the keys of `verify`, and of a section that names a plugin."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from rlvr.sections import AboveZero, Positive, Section


class NamedConfig(BaseModel):
    """A plugin by name; every other key is one of its options."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The keys other than `name`."""
        return dict(self.model_extra or {})


def name_alone(value: Any) -> Any:
    """Return {"name": value} for a plain name, and anything else unchanged."""
    return {"name": value} if isinstance(value, str) else value


class VerifyConfig(Section):
    """Worker processes (null: one for each core), and the seconds that one verdict may take.

    For a verifier with a deadline of its own (`code`), `timeout` is what each program gets, unless
    the verifier's option `timeout` says otherwise. At 5.0, the default, such a verifier keeps its
    own default.
    """

    workers: Positive | None = None
    timeout: AboveZero = 5.0

    @property
    def told(self) -> float | None:
        """The timeout; None at the default, with which recorded runs gave 3 s to a program."""
        return None if self.timeout == VerifyConfig().timeout else self.timeout
