"""Registry: axes, learners and engines are files of a package; a new one is a new file."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any


def offered(package: str, name: str) -> dict[str, Any]:
    """Return what the files of a package define as `name`, by the files' names, sorted.

    Only a file with a line that begins with `name` is imported: the others may import the module
    that asks. What a file raises while it is imported propagates.
    """
    defines = re.compile(rf"^{name}\b", re.MULTILINE)
    folders = importlib.import_module(package).__path__
    files = sorted(file for folder in folders for file in Path(folder).glob("[!_]*.py"))
    return {
        file.stem: vars(importlib.import_module(f"{package}.{file.stem}"))[name]
        for file in files
        if defines.search(file.read_text(encoding="utf-8"))
    }
