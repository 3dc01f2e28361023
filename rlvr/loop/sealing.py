"""Sealing: what a run is made of is recorded by content, and a resume is held to it.

That is verifier, task, model, data and rule.

A run's `Seal` has their parts by name, each with its hash (`rlvr.verify.content`). It stands in the
manifest, which the first command writes and no later one changes; every round has the hash of each
kind in its own sealed.json. What was recorded under others can't be gone on with: a record of two
verifiers makes no verdict. What was added later (`rlvr.records.added`) keeps these hashes and has
one more, of the addition. Rounds of an old record, made before there were seals, have no hashes:
they are gone on with, and the run says so.

What it does not do: tell what an edit means. A changed comment in a verifier is another verifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlvr.config import Config, resolved
from rlvr.data import InputError
from rlvr.learners.context import SeedProblems
from rlvr.loop import preflight
from rlvr.loop.problems import has_classifier
from rlvr.loop.units import Job
from rlvr.models import loading
from rlvr.records import added, layout, seals
from rlvr.records.added import Extent
from rlvr.records.layout import Place
from rlvr.records.record import deciding, digest, read_config, write_json
from rlvr.records.seals import Seal, in_words, read_manifest
from rlvr.verify import content
from rlvr.verify.settings import NamedConfig
from rlvr.verify.verifier import load_verifier

LATER = "later"  # in the manifest: what further commands used, where it was something else
SHOWN = 3  # changed parts that an error names
FIX = "put it back to finish under the old one, or give another folder with --out"

# What is sealed


def seal(config: Config, problems: Mapping[int, SeedProblems]) -> Seal:
    """Return the verifiers, tasks, model and data of a run as they are now.

    `problems`: those of each seed. What is drawn says what a hub dataset or a package gave, too.
    """
    return {**programs(config), **model(config), **data(config, problems)}


def programs(config: Config) -> Seal:
    """Return the verifiers and tasks of a run as they are now."""
    found: dict[str, content.Content] = {"verifier": {}, "task": {}}
    for one in preflight.verifiers(config):
        found["verifier"] |= of_verifier(one)
    for task in _tasks(config):
        found["task"] |= content.of_task(task.name, task.options)
    return found


def model(config: Config) -> Seal:
    """Return the model that a run begins with, as it is now; nothing for one of rlvr's own.

    Those are made from the seed, or have a hash of their own in rlvr. Raises InputError for a model
    that can't be fetched.
    """
    version = loading.version(config.model, config.name)
    return {"model": {config.model: version}} if version else {}


def data(config: Config, problems: Mapping[int, SeedProblems]) -> Seal:
    """Return the files and the problems of a run as they are now."""
    files = [content.of_files(task.options) for task in _tasks(config)]
    parts = [*files, drawn(config, problems)["data"]]
    return {"data": {name: value for part in parts for name, value in part.items()}}


def _tasks(config: Config) -> list[NamedConfig]:
    return [config.task, *(other.task for other in config.evaluate.off_target)]


def drawn(config: Config, problems: Mapping[int, SeedProblems]) -> Seal:
    """Return the problems of each of a config's seeds as the part of a seal that they are.

    Of problems that were drawn for more rounds or arms, only what the config needs counts.
    """
    hashes = {seed: _drawn(config, of) for seed, of in problems.items() if seed in config.seeds}
    return {"data": {f"problems of seed {seed}": found for seed, found in hashes.items()}}


def of_verifier(verifier: NamedConfig) -> content.Content:
    """Return one of a run's verifiers as it is now."""
    return content.of_verifier(load_verifier(verifier.name), verifier.options)


def _drawn(config: Config, of: SeedProblems) -> str:
    rounds = of.rounds[: config.rounds]
    parts = [of.prompting.shots, of.warm_start, *rounds, of.held_back, of.held_out]
    parts += [*of.off_target, of.pairs]
    labelled = of.labelled if has_classifier(config) else []
    parts += [[entry.problem for entry in entries] for entries in (of.corpus, labelled)]
    return digest([content.of_problems(part) for part in parts])


def hash_of(folder: Path, config: Mapping[str, Any]) -> str:
    """Return the hash of what decides a run's figures: of the config that it began with."""
    path = folder / layout.CONFIG
    return digest(deciding(read_config(path)[0] if path.is_file() else config))


def hashes(config_hash: str, of: Seal) -> dict[str, str]:
    """Return what a round records: the hash of the config, and of each kind."""
    return {"config": config_hash} | {kind: digest(parts) for kind, parts in of.items()}


def hashes_at(job: Job, place: Place) -> dict[str, str]:
    """Return what a round records; of one that was added later, the hash of that addition too."""
    addition = job.addition(place)
    more = {} if addition is None else {added.KEY: addition.hash}
    return hashes(job.config_hash, job.seal) | more


# What a resume is held to


def check(job: Job, extents: Sequence[Extent]) -> None:
    """Raise InputError where a run was recorded under other content, naming what changed.

    Or under another config than its config.json has now: the job's hash is of that. `extents`: the
    additions that are recorded.
    """
    folder, config_hash = job.folder, job.config_hash
    path = folder / layout.CONFIG
    if path.is_file() and (began := read_config(path)[1]) != config_hash:
        raise InputError(_edited(folder, "the run began", began, config_hash))
    for place, recorded in seals.of_rounds(folder):
        if recorded and recorded.get("config") != config_hash:
            since = f"{in_words(place)} was recorded"
            raise InputError(_edited(folder, since, recorded.get("config", ""), config_hash))
    then = _first_seal(read_manifest(folder))
    if then and _begun(folder):
        _hold(then, job.seal, f"{folder}: recorded under", FIX)
    for old, now in zip(extents, job.extents[1:], strict=False):
        _hold(old.sealed, now.sealed, f"{folder}: added to under", FIX)
    for place, recorded in seals.of_rounds(folder):
        for kind, value in hashes_at(job, place).items():
            if recorded and recorded.get(kind) != value:
                raise InputError(
                    f"{folder}: {in_words(place)} was recorded under another {kind} "
                    f"({_short(recorded.get(kind))} -> {_short(value)}): {FIX}"
                )


def hold(then: Seal, now: Seal, where: str) -> None:
    """Raise InputError where a process of a run, in words `where`, has other content than it.

    Only the parts that `now` names are looked at.
    """
    known = {
        kind: {name: value for name, value in then[kind].items() if name in parts}
        for kind, parts in now.items()
        if kind in then
    }
    _hold(known, now, f"{where}: not what the run began with:", "put it back, then run again")


def _hold(then: Seal, now: Seal, began: str, fix: str) -> None:
    told = []
    for kind, old in then.items():
        parts = now.get(kind, {})
        names = sorted(n for n in old.keys() | parts.keys() if old.get(n) != parts.get(n))
        shown = [f"{n} ({_short(old.get(n))} -> {_short(parts.get(n))})" for n in names[:SHOWN]]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        if names:
            told.append(f"another {kind}: {', '.join(shown)}{more}")
    if told:
        raise InputError(f"{began} {'; '.join(told)}: {fix}")


def _short(value: str | None) -> str:
    """Return the beginning of a hash; a version, or options, as they are."""
    if value is None:
        return "none"
    return value[:12] if len(value) == 64 else value


def _edited(folder: Path, since: str, old: str, new: str) -> str:
    """Say that config.json was edited, and which keys differ from the manifest's rule."""
    path = folder / layout.CONFIG
    rule, now = read_manifest(folder).get("rule", {}), read_config(path)[0].get("verdict", {})
    keys = [key for key in rule if rule[key] != now.get(key)]
    told = "".join(f", verdict.{key} {rule[key]} -> {now.get(key)}" for key in keys)
    return (
        f"{path}: edited since {since} (hash {_short(old)} -> {_short(new)}{told}): put it back, "
        "or give another folder with --out"
    )


def _first_seal(manifest: Mapping[str, Any]) -> Seal:
    """Return the seal of the first command that has one: older ones had none."""
    entries = [manifest, *manifest.get(LATER, [])]
    return next((entry["sealed"] for entry in entries if "sealed" in entry), {})


def unsealed(folder: Path) -> int:
    """Return how many of a run's rounds have no hashes."""
    return sum(not recorded for _, recorded in seals.of_rounds(folder))


# What is written


def write_config(job: Job) -> None:
    """Write config.json: what the run began with, and what was added to it.

    A later command brings up to date what decides nothing, at most. A config that an older rlvr
    resolved, without the keys that came later, stays as it is.
    """
    path = job.folder / layout.CONFIG
    config = added.reach(resolved(job.config), job.extents[0])
    if path.is_file():
        recorded, _ = read_config(path)
        later = job.extents[-1].sections
        config = {key: value for key, value in config.items() if key not in later}
        config |= {key: recorded[key] for key in later if key in recorded}
        if digest(deciding(config)) != job.config_hash:
            config = recorded
    more = added.as_json(job.extents[1:])
    write_json(path, {"config": config, "hash": job.config_hash, **more})


def write_manifest(
    folder: Path, facts: Mapping[str, Any], registered: Callable[[], Mapping[str, Any]]
) -> None:
    """Write what the first command of a run used; of a later one add what was something else.

    `registered`: what is known of the rule as a run begins (`rlvr.loop.registered`).
    """
    manifest = read_manifest(folder)
    if not _begun(folder):
        manifest = {**facts, seals.REGISTERED: registered()}
    elif not manifest:
        manifest = {**facts}
    elif not any(_says(entry, facts) for entry in (manifest, *manifest.get(LATER, []))):
        manifest[LATER] = [*manifest.get(LATER, []), facts]
    write_json(folder / layout.MANIFEST, manifest)


def _begun(folder: Path) -> bool:
    """Whether anything of a run is there: what was made under its seal."""
    return any(folder.glob("seed-*/*"))


def _says(entry: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(entry.get(key) == value for key, value in facts.items())
