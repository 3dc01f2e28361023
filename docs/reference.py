"""The reference pages of the site, generated from the code: config keys, commands, API.

`docs/hooks.py` puts them into the site when `make docs` builds it.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rlvr.config import Config
from rlvr.learners import trl_keys
from rlvr.select.arms import AXES, ArmConfig

ROOT = Path(__file__).parent.parent

# Modules of the API pages: page -> its title, what it is for, and its modules.
API = {
    "use": (
        "What you call",
        "The words of the project, reading a run from a script, and verifiers as TRL rewards.",
        ["rlvr", "rlvr.data", "rlvr.results.frames", "rlvr.trl"],
    ),
    "extend": (
        "What you implement",
        "What the loop asks of an arm's axis, a metric, a learner, an engine and a study.",
        [
            "rlvr.select.axis",
            "rlvr.evaluate.table",
            "rlvr.evaluate.measured",
            "rlvr.learners.learner",
            "rlvr.engine.protocol",
            "rlvr.studies.study",
        ],
    ),
    "verifiers": (
        "Verifiers",
        "Each file of `verifiers/`: the rules by which it judges, and its options.",
        [],
    ),
    "tasks": (
        "Tasks",
        "Each file of `tasks/`: its problems, levels and options, and the helpers of a new task.",
        [],
    ),
}


# A bound of a value, and how the page writes it.
LIMITS = {
    "gt": "above {}",
    "ge": "from {}",
    "lt": "below {}",
    "le": "to {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
}


def config_page() -> str:
    """Return the page of every key of a config: a section a heading, a key a row."""
    lines = [
        "# Config reference",
        "",
        "Every key of a config file. The page is generated from the pydantic models that check it, "
        "so it has the keys, types and defaults of this version. A key without a default must be "
        "given. An unknown key is an error that names the nearest known one.",
        "",
    ]
    for name, section in _sections(Config, ""):
        lines += [f"## {name or 'A whole config'}", "", *_section_lines(name, section), ""]
    for name in trl_keys.CLASSES:
        lines += [f"## {name}.trl", "", *_trl_lines(name), ""]
    return "\n".join(lines)


def _trl_lines(section: trl_keys.Section) -> list[str]:
    """Return the keys of TRL that are refused: by what to write in their place, then by reason."""
    heads = (
        (trl_keys.PLACES, "write in its place"),
        (trl_keys.REASONS, "why it is not handed on"),
    )
    lines = [
        f"Any key of TRL's `{trl_keys.CLASSES[section]}` but these.",
        "",
    ]
    for table, head in heads:
        by_said: dict[str, list[str]] = {}
        for key, said in table[section].items():
            by_said.setdefault(said, []).append(f"`{key}`")
        lines += [f"| key of TRL | {head} |", "|---|---|"]
        lines += [f"| {', '.join(keys)} | {said} |" for said, keys in by_said.items()] + [""]
    return lines[:-1]


def _sections(model: type[BaseModel], name: str) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield the model and every model among its keys, each with the dotted name of its key."""
    yield name, model
    for key, field in model.model_fields.items():
        for inner in _models(field.annotation):
            yield from _sections(inner, f"{name}.{key}" if name else key)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in _models(part)]


def _section_lines(name: str, section: type[BaseModel]) -> list[str]:
    lines = [inspect.cleandoc(section.__doc__ or ""), ""]
    if section.model_config.get("extra") == "allow":
        lines += ["It takes further keys, which are options of what it names.", ""]
    lines += ["| key | type | default |", "|---|---|---|"]
    for key, field in section.model_fields.items():
        dotted = f"{name}.{key}" if name else key
        shown = f"[`{dotted}`](#{_anchor(dotted)})" if _models(field.annotation) else f"`{dotted}`"
        lines.append(f"| {shown} | {_cell(_type(field))} | {_cell(_default(field))} |")
    if section is ArmConfig:
        lines += [
            "",
            "What each axis says:",
            "",
            "| axis | values | what it says |",
            "|---|---|---|",
        ]
        lines += [f"| `{key}` | {axis.values} | {axis.says} |" for key, axis in AXES.items()]
    return lines


def _anchor(dotted: str) -> str:
    """Return the anchor that Markdown gives a heading of that name."""
    return dotted.replace(".", "")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    default = field.default
    if field.is_required():
        return "must be given"
    if default is PydanticUndefined:
        assert field.default_factory is not None
        default = field.default_factory()  # type: ignore[call-arg]
    if isinstance(default, BaseModel):
        return "its own defaults"
    written = {None: "null", True: "true", False: "false"}
    if default is None or isinstance(default, bool):
        return f"`{written[default]}`"
    return f"`{list(default) if isinstance(default, tuple) else default}`"


def _type(field: FieldInfo) -> str:
    return _typed(field.annotation, field.metadata)


def _typed(annotation: Any, metadata: Any = ()) -> str:
    """Return a type in words: `int, above 0`."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _typed(parts[0], [*parts[1:], *metadata])
    limits = "".join(f", {limit}" for one in metadata for limit in _limits(one))
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_typed(part) for part in parts) + limits
    if origin is typing.Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin in (list, tuple):
        inside = " and ".join(_typed(part) for part in parts if part is not ...)
        return f"list of {inside}{limits}"
    if origin is dict:
        return f"mapping of {_typed(parts[0])} to {_typed(parts[1])}{limits}"
    if annotation is type(None):
        return "null"
    if annotation is Any:
        return "anything"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    named = {str: "text", int: "whole number", float: "number", bool: "`true` or `false`"}
    return named.get(annotation, getattr(annotation, "__name__", str(annotation))) + limits


def _limits(one: Any) -> Iterator[str]:
    """Yield what a constraint of pydantic says, in words."""
    for inner in one.metadata if isinstance(one, FieldInfo) else ():  # Field(...) within Annotated
        yield from _limits(inner)
    for name, words in LIMITS.items():
        value = getattr(one, name, None)
        if value is not None and value != 1 << 53:  # that bound excludes nothing one would write
            yield words.format(value)


def commands_page() -> str:
    """Return the page of every command, as typer writes it."""
    command = [sys.executable, "-m", "typer", "rlvr.cli", "utils", "docs", "--name", "rlvr"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    if not said.startswith("# "):
        raise ValueError(f"{' '.join(command)} wrote no page: {said[:200]!r}")
    title, rest = said.split("\n", 1)
    return f"# Commands\n\nGenerated from the command line itself (`{title[3:-1]} --help`).\n{rest}"


def api_pages() -> dict[str, str]:
    """Return the API pages: name -> text, in which mkdocstrings fills the blocks `:::`."""
    pages = {}
    for page, (title, about, modules) in API.items():
        listed = modules or [f"rlvr.{page}"] + [
            f"rlvr.{page}.{path.stem}"
            for path in sorted((ROOT / page).glob("*.py"))
            if path.stem != "__init__"
        ]
        blocks = "".join(f"\n::: {module}\n" for module in listed)
        pages[page] = f"# {title}\n\n{about}\n{blocks}"
    return pages
