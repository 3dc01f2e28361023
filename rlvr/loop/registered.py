"""Registered: since which commit a config's file has had the rule that a run is held to.

A hash says that a rule did not change, not that it was there before anybody looked. Where the
config lies in a git repository, its history says that, as far as its dates are believed: whoever
writes a history may write any date.

The rule is what decides which arm gets which verdict, from which seeds (`KEYS`; of a claim its
rule, controls and models). How a model is trained is no part of it. Nothing here raises, and git is
asked for some seconds at most: without git, and outside of a repository, nothing is said.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from rlvr.config import Config, load, resolved, shipped_configs
from rlvr.data import InputError
from rlvr.records.record import deciding

KEYS = ("verdict", "arms", "seeds", "rounds", "claim")
COMMITS = 200  # of a file's history that are looked at
SECONDS = 5.0  # that all questions to git may take


def registered(config: Config, where: str) -> dict[str, Any]:
    """Return what a repository says of the rule in the file `where`; {} where there is none.

    `file`: its path in the repository. `overridden`: keys of the rule that the command line set
    otherwise; then nothing more is said. `commit`: the first of those since which the file has had
    its rule as it stands now; None, and nothing more, where it has it in none. `committed` and
    `began`: when that was, and now, in seconds since 1970. `at_least`: whether the history that is
    here begins with that commit, so that it may have been earlier.
    """
    path = Path(where) if Path(where).is_file() else shipped_configs().get(where)
    if path is None:
        return {}
    path = path.resolve()
    git = _Git(path.parent)
    prefix, ignored = git("rev-parse", "--show-prefix"), git("check-ignore", "--", path.name)
    log = git("log", f"--max-count={COMMITS}", "--format=%H %ct", "--", path.name)
    if prefix is None or log is None or ignored is not None:  # such as of an installed package
        return {}
    said: dict[str, Any] = {"file": prefix.strip() + path.name}
    overridden = _overridden(config, path)
    # Without a commit there is no time in it, so that two runs have files equal to the byte.
    return said | ({"overridden": overridden} if overridden else _since(git, path, log))


def _overridden(config: Config, path: Path) -> list[str]:
    """Return the keys of the rule that are not those of the file."""
    try:
        stands = deciding(resolved(load(path)))
    except InputError:  # without what the command line adds it is no config
        return list(KEYS)
    ran = deciding(resolved(config))
    return [key for key in KEYS if ran.get(key) != stands.get(key)]


def _since(git: _Git, path: Path, log: str) -> dict[str, Any]:
    """Return the commit since which the file has had its rule, going back from the last one."""
    now = _rule(path.read_text())
    first, ended = None, False
    for commit, seconds in (line.split() for line in log.splitlines()):
        text = git("show", f"{commit}:./{path.name}")
        if text is None or _rule(text) != now:
            ended = True
            break
        first = {"commit": commit, "committed": int(seconds)}
    if first is None:
        return {"commit": None}
    whole = (git("rev-parse", "--is-shallow-repository") or "").strip() == "false"
    seen = len(log.splitlines()) < COMMITS and whole
    return {**first, "began": int(time.time()), "at_least": not (ended or seen)}


def _rule(text: str) -> Any:
    """Return the rule as a config's text writes it; None for what is no YAML."""
    try:
        written = OmegaConf.to_container(OmegaConf.create(text))
    except Exception:  # of an older version of the file, whatever it held
        return None
    if not isinstance(written, Mapping):
        return None
    claim = written.get("claim")
    rule = {key: written.get(key) for key in KEYS if key != "claim"}
    parts = ("id", "controls", "rule", "refutes", "models", "of_models", "also")
    of_claim = {key: claim.get(key) for key in parts} if isinstance(claim, Mapping) else claim
    return {**rule, "claim": of_claim}


class _Git:
    """Asks git, in a folder, until time is up; None is no answer."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.end = folder, time.monotonic() + SECONDS

    def __call__(self, *words: str) -> str | None:
        try:
            asked = subprocess.run(
                ["git", "--literal-pathspecs", "-C", str(self.folder), *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=True,
                timeout=max(0.0, self.end - time.monotonic()),
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return None
        return asked.stdout
