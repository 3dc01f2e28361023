"""Policy: the options of the verifier `math`, whose docstring says what each of them means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Policy:
    """The options of the verifier, as its docstring lists them."""

    percent: Literal["value", "number"] = "value"
    units: Literal["optional", "required"] = "optional"
    angles: Literal["degrees", "radians"] = "degrees"
    ordered: bool = False
    significant_digits: int = 6
    base: Literal["written", "value"] = "written"
    arithmetic: Literal["refused", "accepted"] = "refused"
    retracted: Literal["heard", "ignored"] = "heard"

    def __post_init__(self) -> None:
        """Raise ValueError for a value that an option doesn't have."""
        for name, values in _CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}: write {' or '.join(map(str, values))}"
                )


_CHOICES = {
    "percent": ("value", "number"), "units": ("optional", "required"),
    "angles": ("degrees", "radians"), "ordered": (False, True), "base": ("written", "value"),
    "arithmetic": ("refused", "accepted"), "retracted": ("heard", "ignored"),
}  # fmt: skip
