"""Sections: what the models of a config's keys share. Each stands beside the code that reads it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0, le=1 << 53)]
# What trainers hand to NumPy as a seed has 32 bits.
SeedNumber = Annotated[int, Field(ge=0, lt=1 << 32)]
AboveZero = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Portion = Annotated[float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A section of the config: it takes the keys that it names and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def configs_folder() -> Path:
    """Return the folder of the configs that come with the package."""
    return Path(str(importlib.import_module("rlvr.configs").__file__)).parent


def shortened(text: str) -> str:
    """Return a text in one line, of which at most 200 characters are shown."""
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:200]} ..."


def one_line(failure: BaseException) -> str:
    """Return what an exception says, in one line of at most 300 characters."""
    return " ".join(str(failure).split())[:300]
