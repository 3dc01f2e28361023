"""Collected: the figures of a run's finished seeds, in a small folder that can be committed.

    FOLDER/config.json       the run's config with all its seeds, and its hash
    FOLDER/metrics.parquet   the figures of the seeds that are finished, and the seals of their
                             rounds (`rlvr.records.seals`)

A run folder has gigabytes and stays where it was made. This record goes where the repository goes:
an empty machine makes only the seeds that it lacks. A figure that stands here is never overwritten
with another one. What it does not do: make pages of the figures (`rlvr.claims.pages`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlvr.data import Damaged, InputError
from rlvr.records import seals
from rlvr.records.layout import CONFIG, METRICS, RECORDED, Place, base_of, is_done
from rlvr.records.record import (
    as_json,
    changed,
    deciding,
    differing,
    digest,
    read_config,
    read_table,
    write_figures,
    write_text,
)
from rlvr.records.seals import Seals, in_words

Rows = Sequence[Mapping[str, Any]]
SHOWN = 8  # keys that differ, in an error


@dataclass(frozen=True, slots=True)
class Collected:
    """Where the finished seeds of a run are collected. config: the run's, resolved."""

    folder: Path
    config: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """The hash of the whole run, whichever of its seeds are there."""
        return digest(deciding(self.config))

    def rounds(self, seed: int) -> list[Place]:
        """Return all rounds of a seed, its base first."""
        numbers = range(1, int(self.config["rounds"]) + 1)
        arms = [str(arm["name"]) for arm in self.config["arms"]]
        return [base_of(seed), *(Place(seed, arm, round_) for arm in arms for round_ in numbers)]


def seeds_of(of: Collected) -> frozenset[int]:
    """Return the seeds of which the record has every round. Raises InputError if it is damaged."""
    there = _places(of)
    return frozenset(seed for seed in of.config["seeds"] if there.issuperset(of.rounds(seed)))


def check(of: Collected, run: Path) -> None:
    """Raise InputError where a record and a run folder can't be of the same run.

    The record, or the run folder, is of another config: the error names the keys that differ. Or a
    seed that both have was given another figure.
    """
    anew = f"move {of.folder.parent} away, and a record of this config begins there"
    _hold_config(of, of.folder, anew)
    _hold_config(of, run, "give another folder with --out")
    hold_seals(of, {"config": of.hash})
    in_both = [seed for seed in seeds_of(of) if _is_whole(run, of.rounds(seed))]
    if in_both:
        places = [place for seed in in_both for place in of.rounds(seed)]
        _hold_figures(of, run, _read(of).to_pylist(), _figures(run, places))


def add(of: Collected, run: Path) -> list[int]:
    """Add the seeds of which a run folder has every round and the record has not; return them.

    A seed with a damaged file waits for its repair. Raises InputError where one of its figures
    stands in the record with another value, or its rounds were recorded under other hashes.
    """
    there = _places(of)
    lacking = [s for s in of.config["seeds"] if not there.issuperset(of.rounds(s))]
    made = [seed for seed in lacking if _is_whole(run, of.rounds(seed))]
    if made:
        _add(of, run, [place for seed in made for place in of.rounds(seed)], there)
    config = as_json({"config": of.config, "hash": of.hash})
    path = of.folder / CONFIG
    if (made or there) and not (path.is_file() and path.read_text(encoding="utf-8") == config):
        write_text(path, config)  # what decides nothing may have changed since
    return made


def _add(of: Collected, run: Path, places: Sequence[Place], there: set[Place]) -> None:
    recorded, made = _read(of).to_pylist() if there else [], _figures(run, places)
    _hold_figures(of, run, recorded, made)
    new = set(places) - there
    hashes = [(place, found) for place, found in seals.of_rounds(run) if place in new]
    for _, found in hashes:
        hold_seals(of, found)
    registered = seals.read_manifest(run).get(seals.REGISTERED, {})
    sealed = seals.joined(_sealed(of, there), Seals(seals.grouped(hashes), registered))
    rows = [*recorded, *(row for row in made if _place(row) in new)]
    write_figures(of.folder, rows, seals.as_metadata(sealed))


# What a record has


def _read(of: Collected, columns: Sequence[str] | None = None) -> Any:
    path = of.folder / METRICS
    try:
        return read_table(path, columns)
    except Damaged as failure:
        raise InputError(f"{path}: damaged ({failure.reason}): put it back, as from git") from None


def _places(of: Collected) -> set[Place]:
    if not (of.folder / METRICS).is_file():
        return set()
    names = ["seed", "arm", "round"]
    return {Place(**row) for row in _read(of, names).group_by(names).aggregate([]).to_pylist()}


def _sealed(of: Collected, there: Iterable[Place]) -> Seals:
    """Return the seals of the record; of one without any all rounds count as unsealed."""
    found = seals.read(of.folder)
    if found.groups:
        return found
    return Seals(seals.grouped((place, {}) for place in sorted(there)), found.registered)


# What a run folder has


def _is_whole(run: Path, places: Sequence[Place]) -> bool:
    folders = [place.folder(run) for place in places]
    return all(is_done(one, "record") for one in folders) and not any(map(changed, folders))


def _figures(run: Path, places: Iterable[Place]) -> list[dict[str, Any]]:
    texts = ((place.folder(run) / RECORDED).read_text(encoding="utf-8") for place in places)
    return [row for text in texts for row in json.loads(text)]


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row["seed"], row["arm"], row["round"])


# What both must have in common


def _hold_config(of: Collected, folder: Path, fix: str) -> None:
    path = folder / CONFIG
    if not path.is_file():
        return
    config, recorded = read_config(path)
    shown = differing(config, of.config)
    if shown or recorded != of.hash:
        told = ", ".join(shown[:SHOWN]) or f"hash ({recorded[:12]} -> {of.hash[:12]})"
        raise InputError(f"{path}: another claim, or another rule of it; differing: {told}: {fix}")


def hold_seals(of: Collected, hashes: Mapping[str, str]) -> None:
    """Raise InputError where the record has rounds of another verifier, task or data than these.

    `hashes`: by kind, as a round of the run records them.
    """
    for group in seals.read(of.folder).groups:
        for kind, value in hashes.items():
            if group.hashes and (old := group.hashes.get(kind, "none")) != value:
                raise InputError(
                    f"{of.folder / METRICS}: {group.first} was recorded under another {kind} "
                    f"({old[:12]} -> {value[:12]}): put the old one back, or move "
                    f"{of.folder.parent} away to record every seed anew"
                )


def _hold_figures(of: Collected, run: Path, recorded: Rows, made: Rows) -> None:
    known = {_key(row): (row["value"], row["n"]) for row in recorded}
    for row in made:
        now = (row["value"], row["n"])
        old = known.get(_key(row), now)
        if old != now:
            raise InputError(
                f"{of.folder / METRICS}: {in_words(_place(row))}: {row['metric']} is {old[0]} "
                f"(n = {old[1]}) there, and {now[0]} (n = {now[1]}) in {run}: a record is not "
                f"overwritten: give another folder with --out, or move {of.folder.parent} away"
            )


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["seed"], row["arm"], row["round"], row["metric"], row["level"])
