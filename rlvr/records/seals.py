"""Seals: the hashes under which each round was recorded, and those of a whole run together.

A round's sealed.json has a hash of the config (what decides figures and verdicts), the verifier,
the task, the model and the data; `rlvr.loop.sealing` makes them. metrics.parquet has those of all
rounds in its footer, so that they go where the figures go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rlvr.records import layout
from rlvr.records.layout import BASE, MANIFEST, METRICS, SEALED, Place

Seal = Mapping[str, Mapping[str, str]]
"""Of each kind (verifier, task, model, data) the parts by name, each with its hash or version."""

FOOTER = b"rlvr"  # the key of the metadata in the footer of metrics.parquet
REGISTERED = "registered"  # in the manifest: since when the config's file has had its rule


@dataclass(frozen=True, slots=True)
class Group:
    """Rounds that were recorded under the same hashes.

    hashes: by kind; empty for rounds that were not sealed. rounds: how many. first: the
    first of them, in words.
    """

    hashes: Mapping[str, str]
    rounds: int
    first: str


@dataclass(frozen=True, slots=True)
class Seals:
    """What is sealed of a run. registered: what its manifest says of the rule's commit."""

    groups: tuple[Group, ...] = ()
    registered: Mapping[str, Any] = field(default_factory=dict)


def in_words(place: Place) -> str:
    """Return a round in words: `seed 7, base` or `seed 7, verified, round 2`."""
    where = f"seed {place.seed}, {place.arm}"
    return where if place.arm == BASE else f"{where}, round {place.round}"


def of_rounds(run: Path) -> Iterator[tuple[Place, dict[str, str]]]:
    """Yield every finished round with its hashes, the bases first; {} for one without.

    A damaged file counts as none: its checksum tells it, and repair recreates the round.
    """
    for path in layout.finished_rounds(run):
        yield layout.place_of(path), _json(path.with_name(SEALED))


def read_manifest(run: Path) -> dict[str, Any]:
    """Return a run's manifest, {} where it is missing or damaged."""
    return _json(run / MANIFEST)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def footer(run: Path) -> dict[bytes, bytes]:
    """Return the metadata of metrics.parquet: the seals of every finished round of a run."""
    return as_metadata(Seals(grouped(of_rounds(run)), read_manifest(run).get(REGISTERED, {})))


def grouped(rounds: Iterable[tuple[Place, Mapping[str, str]]]) -> tuple[Group, ...]:
    """Return the groups of rounds that have the same hashes, each named by the first that comes."""
    return _merged(Group(hashes, 1, in_words(place)) for place, hashes in rounds)


def joined(one: Seals, other: Seals) -> Seals:
    """Return the seals of two parts of a run together; what `one` says comes first."""
    return Seals(_merged((*one.groups, *other.groups)), one.registered or other.registered)


def _merged(groups: Iterable[Group]) -> tuple[Group, ...]:
    found: dict[str, Group] = {}
    for one in groups:
        key = json.dumps(one.hashes, sort_keys=True)
        before = found.get(key)
        found[key] = replace(before, rounds=before.rounds + one.rounds) if before else one
    return tuple(found[key] for key in sorted(found))


def as_metadata(sealed: Seals) -> dict[bytes, bytes]:
    """Return seals as the footer of metrics.parquet has them."""
    groups = [asdict(group) for group in sealed.groups]
    return {FOOTER: json.dumps({"groups": groups, REGISTERED: sealed.registered}).encode()}


def read(run: Path) -> Seals:
    """Return what the footer of a run's metrics.parquet says; nothing if it was not sealed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        known = pq.read_schema(run / METRICS).metadata or {}
        said = json.loads(known.get(FOOTER, b"{}"))
        groups = tuple(Group(**group) for group in said.get("groups", ()))
        return Seals(groups, said.get(REGISTERED, {}))
    except (OSError, ValueError, TypeError, pa.ArrowException):
        return Seals()
