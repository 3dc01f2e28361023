"""Packages: finds installed packages that programs in the sandbox may import, read-only.

By default the sandbox has no packages, because a package may hold a data set with its tests.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from rlvr.data import InputError


@dataclass(frozen=True, slots=True)
class Packages:
    """`paths`: files and folders of the packages and of their requirements.

    `imports`: the modules of the named packages.
    """

    paths: tuple[Path, ...] = ()
    imports: tuple[str, ...] = ()


@functools.cache
def installed(names: tuple[str, ...]) -> Packages:
    """Find packages by the names of their installation. Raises InputError if one is missing."""
    paths: dict[str, Path] = {}
    imports: list[str] = []
    seen: set[str] = set()
    for name in names:
        tops = _add(name, paths, seen)
        if tops is None:
            raise InputError(f"packages: {name} is not installed here")
        imports += [
            path.name.removesuffix(".py")
            for path in tops
            if path.suffix == ".py" or (path / "__init__.py").is_file()
        ]
    return Packages(tuple(paths.values()), tuple(imports))


def _add(name: str, paths: dict[str, Path], seen: set[str]) -> list[Path] | None:
    """Add the files of a package and its requirements; return its own part, None if absent."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    tops = sorted({file.parts[0] for file in found.files or () if file.parts[0] != ".."})
    own = [Path(str(found.locate_file(top))) for top in tops if top != "__pycache__"]
    paths |= {path.name: path for path in own}
    seen.add(name)
    for requirement in _required(found.requires or ()):
        if requirement not in seen:
            _add(requirement, paths, seen)  # one for another system may be missing
    return own


def _required(requirements: Sequence[str]) -> list[str]:
    named = [re.match(r"[\w.-]+", text) for text in requirements if "extra ==" not in text]
    return [found[0] for found in named if found]
