"""Settings: the keys of `verify`, and what names a plugin."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from rlvr.sections import Positive, Rate, Section


class NamedConfig(BaseModel):
    """A plugin by name; every other key is an option of it."""

    model_config = ConfigDict(extra="allow", frozen=True)
    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The keys other than `name`."""
        return dict(self.model_extra or {})


def name_alone(value: Any) -> Any:
    """Return {"name": value} for a name that stands alone, anything else as it is."""
    return {"name": value} if isinstance(value, str) else value


class VerifyConfig(Section):
    """Worker processes (null: one a core) and the seconds that one verdict may take.

    For a verifier with a deadline of its own (`code`) they are what a program gets, unless the
    verifier's option `timeout` says otherwise; at 5.0, the default, it keeps its own default.
    """

    workers: Positive | None = None
    timeout: Rate = 5.0

    @property
    def told(self) -> float | None:
        """The timeout, None at the default: recorded runs have that, and 3 seconds a program."""
        return None if self.timeout == VerifyConfig().timeout else self.timeout
