"""Registry: axes, learners and engines are files of a package; a new one is a new file."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any


def offered(package: str, name: str) -> dict[str, Any]:
    """Return what each module of a package defines as `name`, by the module's own name.

    Sorted by that name; a module without it is left out. What a module raises while it is imported
    propagates.
    """
    folders = importlib.import_module(package).__path__
    modules = sorted(found.name for found in pkgutil.iter_modules(folders))
    values = {one: vars(importlib.import_module(f"{package}.{one}")).get(name) for one in modules}
    return {one: value for one, value in values.items() if value is not None}
