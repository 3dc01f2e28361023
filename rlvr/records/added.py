"""Added: what was added to a run after it began: rounds, seeds and arms.

config.json keeps the config that the run began with, and so its rule and its hash. Under `added` it
lists each addition: when it came, and all rounds, seeds and arms that the run has since then.
Nothing else of a config may change, because it would change figures that are recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rlvr.data import InputError
from rlvr.records import layout, record
from rlvr.records.layout import BASE, Place
from rlvr.records.seals import Seal

KEY = "added"  # in config.json, and in the sealed.json of a round that was added
KEYS = ("rounds", "seeds", "arms")

Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Extent:
    """All rounds, seeds and arms that a run had at some time.

    began: since when, in seconds since 1970; 0 for what it began with. arms: by name, as the config
    has them. sealed: what it is made of by content (`rlvr.loop.sealing`). sections: of the
    config, those of learners that came with the arms. Of an addition, seal and sections have only
    what the run did not begin with.
    """

    began: int
    rounds: int
    seeds: tuple[int, ...]
    arms: Mapping[str, Plain]
    sealed: Seal
    sections: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """The hash of all of it but the time."""
        plain = {key: value for key, value in asdict(self).items() if key != "began"}
        return record.digest(plain)

    def has(self, place: Place) -> bool:
        """Whether a round belongs to it."""
        of_arm = place.arm in self.arms and place.round <= self.rounds
        return place.seed in self.seeds and (place.arm == BASE or of_arm)


def extent(config: Plain, sealed: Seal, began: int = 0, sections: Plain | None = None) -> Extent:
    """Return the extent of a resolved config."""
    arms = {str(arm["name"]): arm for arm in config["arms"]}
    seeds = tuple(config["seeds"])
    return Extent(began, int(config["rounds"]), seeds, arms, sealed, dict(sections or {}))


def read(run: Path) -> tuple[Extent, ...]:
    """Return what was added to a run, each time the whole extent. Raises InputError if damaged."""
    path = run / layout.CONFIG
    if not path.is_file():
        return ()
    try:
        entries = json.loads(path.read_text(encoding="utf-8")).get(KEY, [])
        return tuple(
            extent(one, one["sealed"], int(one["began"]), one["sections"]) for one in entries
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as failure:
        raise InputError(f"{path}: {KEY}: damaged ({failure!r}): put it back") from failure


def as_json(extents: Sequence[Extent]) -> dict[str, Any]:
    """Return extents as config.json has them; nothing where there are none."""
    entries = [{**asdict(one), "arms": list(one.arms.values())} for one in extents]
    return {KEY: entries} if entries else {}


def reach(config: Plain, of: Extent) -> dict[str, Any]:
    """Return a config with the rounds, seeds and arms of an extent."""
    return {
        **config,
        "rounds": of.rounds,
        "seeds": list(of.seeds),
        "arms": list(of.arms.values()),
    }


def whole(config: Plain, extents: Sequence[Extent]) -> dict[str, Any]:
    """Return a run's config with all that was added to it."""
    return {**reach(config, extents[-1]), **extents[-1].sections} if extents else dict(config)


def joined(
    run: Path,
    asked: dict[str, Any],
    fill: Callable[[dict[str, Any]], dict[str, Any]],
    sections: Mapping[str, str],
) -> dict[str, Any]:
    """Return the config of all that a run has or `asked` adds; it is `asked` where no run is yet.

    What the run has and `asked` does not name stays. Raises InputError where `asked` has less than
    the run began with, or would change what is recorded. `fill` gives a recorded config the keys
    that it lacks. `sections`: by learner, the section of the config that is its own; it may change
    as long as no arm of the run has that learner.
    """
    path = run / layout.CONFIG
    if not path.is_file():
        record.check_resumable(run, asked, fill)
        return asked
    recorded, _ = record.read_config(path)
    if not all(key in recorded for key in KEYS):
        record.check_resumable(run, asked, fill)
        return asked
    config = fill(whole(recorded, read(run)))
    began, there, wanted = extent(fill(recorded), {}), extent(config, {}), extent(asked, {})
    if lacking := _lacking(began, wanted):
        raise record.another_config(path, lacking)
    used, needed = _own_sections(there, sections), _own_sections(wanted, sections)
    known = {key: value for key, value in asked.items() if key in needed or key not in used}
    known |= {key: config[key] for key in used - needed}
    free = {key: value for key, value in known.items() if key in needed - used}
    same = {name: wanted.arms[name] for name in began.arms}
    as_begun = replace(began, arms=same)
    old = {key: value for key, value in reach(config, began).items() if key not in free}
    new = {key: value for key, value in reach(known, as_begun).items() if key not in free}
    record.check_same(path, old, new)
    for name, arm in there.arms.items():
        if name in wanted.arms and wanted.arms[name] != arm:
            raise InputError(f"{path}: arms: {taken(name, arm, wanted.arms[name])}")
    return {
        **known,
        "rounds": max(there.rounds, wanted.rounds),
        "seeds": list(dict.fromkeys([*there.seeds, *wanted.seeds])),
        "arms": list({**there.arms, **wanted.arms}.values()),
    }


def _own_sections(of: Extent, sections: Mapping[str, str]) -> set[str]:
    """Return the sections of a config that the learners of an extent's arms have for themselves."""
    learners = {arm.get("learner", "sft") for arm in of.arms.values()}
    return {sections[learner] for learner in learners if learner in sections}


def _lacking(began: Extent, wanted: Extent) -> list[str]:
    """Return the keys of which less is asked for than a run began with, and both values."""
    found = []
    if wanted.rounds < began.rounds:
        found.append(f"rounds ({began.rounds} -> {wanted.rounds})")
    if not set(began.seeds) <= set(wanted.seeds):
        found.append(f"seeds ({list(began.seeds)} -> {list(wanted.seeds)})")
    if not began.arms.keys() <= wanted.arms.keys():
        found.append(f"arms ({', '.join(began.arms)} -> {', '.join(wanted.arms)})")
    return found


def taken(name: str, there: Plain, asked: Plain) -> str:
    """Say that an arm's name is another arm's, and how the two differ."""
    old, new = record.flat(there), record.flat(asked)
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    differing = ", ".join(f"{key} ({old.get(key)} -> {new.get(key)})" for key in keys)
    return f"{name!r} is recorded with another {differing}: give the new arm another name"


def in_words(before: Extent, after: Extent) -> str:
    """Return what an extent has more than an earlier one, "" for nothing."""
    rounds = range(before.rounds + 1, after.rounds + 1)
    new = {
        "round": rounds,
        "seed": [seed for seed in after.seeds if seed not in before.seeds],
        "arm": [name for name in after.arms if name not in before.arms],
    }
    found = [counted(word, names) for word, names in new.items() if names]
    if len(rounds) > 2:
        found[0] = f"rounds {rounds[0]} to {rounds[-1]}"
    return ", ".join(found)


def counted(word: str, names: Sequence[object]) -> str:
    """Return names after the word for them: `seed 7`, or `seeds 7, 8`."""
    return f"{word}{'' if len(names) == 1 else 's'} {', '.join(map(str, names))}"
