"""Sweep: one config at every point of a grid of keys, each point a run of its own.

`--over train.lr=1e-4,2e-4 --over arms=[verified],[random]` is a grid of four. A point's folder is
named by its keys, and holds an ordinary run, so that the same command resumes the sweep where it
was stopped; where there are workers for them (`rlvr.loop.runner`), its points run at once. It runs
the points you list; it does not search.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlvr import config as config_
from rlvr.data import InputError


@dataclass(frozen=True, slots=True)
class Point:
    """One point: the words that tell it from the others, its config and folder."""

    label: str
    config: config_.Config
    folder: Path


def points(config: str, over: Sequence[str], overrides: Sequence[str], out: Path) -> list[Point]:
    """Return every point of the grid, the last key changing fastest, each one validated.

    `over`: `key=a,b`, where commas within brackets, braces and quotes belong to a value. Raises
    InputError for an axis without key or values, a key given twice, a value given twice, or a point
    whose config won't do.
    """
    axes = [_axis(text) for text in over]
    keys = [key for key, _ in axes]
    if not axes:
        raise InputError("--over is missing: name a key and its values, such as train.lr=1e-4,2e-4")
    if len(set(keys)) < len(keys):
        raise InputError(f"--over: each key only once: {', '.join(keys)}")
    found = []
    for values in itertools.product(*(values for _, values in axes)):
        own = tuple(f"{key}={value}" for key, value in zip(keys, values, strict=True))
        try:
            loaded = config_.load(Path(config), [*overrides, *own])
        except InputError as failure:
            raise InputError(f"at the point {', '.join(own)}: {failure}") from failure
        name = re.sub(r"[^A-Za-z0-9_.=+-]+", "_", ",".join(own)).strip("_")
        found.append(Point(", ".join(own), loaded, out / name))
    if len({point.folder for point in found}) < len(found):
        raise InputError("--over: two points have one folder name: make their values differ more")
    return found


def _axis(text: str) -> tuple[str, list[str]]:
    key, mark, rest = text.partition("=")
    values = _split(rest)
    if not (key.strip() and mark) or not all(values):
        raise InputError(f"--over {text!r}: write key=value,value, such as train.lr=1e-4,2e-4")
    if len(set(values)) < len(values):
        raise InputError(f"--over {text!r}: each value only once")
    return key.strip(), values


def _split(text: str) -> list[str]:
    """Split at the commas that are in no bracket, brace or quote."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        depth += (character in "[{") - (character in "]}") if not quote else 0
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]
