"""Reader: what the verifier knows about the texts of answers, for the modules that look for one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reader:
    """What the verifier knows about texts.

    `readable`: whether a text is an answer as it stands. `same`: whether two texts are the same
    answer. `letter`: whether the expected answer is the letter of a choice. `word`: whether it is
    in words. `several`: how many values it has, 0 where it is one.
    """

    readable: Callable[[str], bool]
    same: Callable[[str, str], bool]
    letter: bool = False
    word: bool = False
    several: int = 0
