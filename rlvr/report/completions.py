"""From a run's completions to the sample of them that the browser shows.

Two sets: `training` (what an arm chose its rows from, completions.parquet) and `held-out`
(eval.parquet at temperature 1, and greedily). Equal completions of a problem, in one file, are one
row that says how many they are. Rows are sampled to fit the page, always the same ones: each seed,
arm and round has the same room, shared evenly by the verdicts in it, so that rare verdicts stay
visible; within a verdict comes the first row of each problem, then the second, the problems in one
shuffled order for all arms and rounds, so that a problem that one arm shows the others show too.
Shares in the sample are therefore no rates.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rlvr.data import DECIDED, STATUSES, Problem
from rlvr.records.layout import BASE, COMPLETIONS, EVALUATION, Place
from rlvr.records.record import read_table
from rlvr.results.effects import Results
from rlvr.results.frames import list_sums
from rlvr.verify.tricks import answer

TRAINING, HELD_OUT, GREEDY = "training", "held-out", "held-out, greedy"
SETS = (TRAINING, HELD_OUT, GREEDY)
FIELD = 2_000  # characters of a prompt, reference, reason or extracted answer
COLUMNS = (
    *("set", "seed", "arm", "round", "problem", "status", "kept", "times", "tokens", "logprob"),
    *("text", "extracted", "reason", "cut"),
)
_SHARED = ("problem_id", "index", "text", "status", "reason", "extracted")
# In what equal completions agree.
_SAME = (
    *("set", "problem_id", "level", "text", "status", "kept", "extracted", "reason"),
    *("tokens", "truncated"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of completions: where it lies, and of which round it is."""

    path: Path
    training: bool
    place: Place


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a run a page takes: rows, characters of all texts, and of one at most."""

    rows: int
    characters: int
    longest: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample as the page holds it.

    `rows`: a column by name, all of one length; texts are indices into `texts`, `times` is how many
    equal completions a row stands for, `logprob` their mean. `problems`: what is known of each
    problem, by position. `total`: completions that there were to choose from.
    `excluded`: (set, status, reason) -> how many of all completions have no verdict.
    """

    rows: Mapping[str, Sequence[int | float | None]]
    texts: Sequence[str]
    problems: Sequence[Mapping[str, str]]
    total: int
    excluded: Mapping[tuple[str, str, str], int]

    @property
    def shown(self) -> int:
        """How many completions the rows stand for."""
        return sum(int(times or 0) for times in self.rows["times"])


def parts(r: Results) -> list[Part]:
    """Return the files of completions that a run folder holds, in order of seed, arm and round."""
    found = []
    for seed in map(int, r.config["seeds"]):
        for arm in (BASE, *r.arms):
            for round_ in [0] if arm == BASE else range(1, r.rounds + 1):
                place = Place(seed, arm, round_)
                folder = place.folder(r.folder)
                # The base's pool is in every arm's first round, there with what the arm kept of it.
                names = [EVALUATION] + ([COMPLETIONS] if arm != BASE else [])
                found += [
                    Part(folder / name, name != EVALUATION, place)
                    for name in names
                    if (folder / name).is_file()
                ]
    return found


def sample(r: Results, known: Mapping[tuple[int, str], Problem], room_of: Room) -> Sample:
    """Return as many completions of a run as there is room for, about.

    The same ones for equal folders. `known`: problems by (seed, id), for their prompts, references
    and levels. Raises InputError, naming the file and the fix, for one that can't be read.
    """
    files = parts(r)
    texts: dict[str, int] = {}
    problems: dict[tuple[int, str], int] = {}
    levels: dict[int, str] = {}
    excluded: Counter[tuple[str, str, str]] = Counter()
    rows: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    total = 0
    for part in files:
        table = _read(part)
        total += len(table)
        excluded.update(_without_verdict(table))
        table = _once(table)
        # The median: one text of a megabyte must not cost the others their place.
        usual = pc.approximate_median(pc.utf8_length(table["text"])).as_py() or 1
        room = int(min(room_of.rows, room_of.characters / usual) / len(files))
        chosen = table.take(pa.array(_choose(table, max(1, room))))
        for row in chosen.to_pylist():
            problem = problems.setdefault((part.place.seed, row["problem_id"]), len(problems))
            if row["level"]:
                levels[problem] = row["level"]
            _add(rows, part, row, problem, r, texts, room_of.longest)
    return Sample(
        rows=rows,
        texts=list(texts),
        problems=[
            _problem(seed, id_, known.get((seed, id_)), levels.get(i, ""))
            for (seed, id_), i in problems.items()
        ],
        total=total,
        excluded=excluded,
    )


def _add(
    rows: dict[str, list[Any]],
    part: Part,
    row: Mapping[str, Any],
    problem: int,
    r: Results,
    texts: dict[str, int],
    longest: int,
) -> None:
    """Append one completion to the columns; -1 and None say that there is no such thing."""
    text = row["text"]
    of_text = texts.setdefault(text[:longest], len(texts))
    values = {
        "set": SETS.index(row["set"]),
        "seed": part.place.seed,
        "arm": (BASE, *r.arms).index(part.place.arm),
        "round": part.place.round,
        "problem": problem,
        "status": STATUSES.index(row["status"]),
        "kept": -1 if row["kept"] is None else int(row["kept"]),
        "times": row["times"],
        "tokens": row["tokens"],
        "logprob": None if row["logprob"] is None else round(row["logprob"], 3),
        "text": of_text,
        "extracted": _index(texts, row["extracted"]),
        "reason": _index(texts, row["reason"] or None),
        "cut": int(bool(row["truncated"])) + 2 * int(len(text) > longest),
    }
    for name, column in rows.items():
        column.append(values[name])


def _index(texts: dict[str, int], text: str | None) -> int:
    return -1 if text is None else texts.setdefault(shortened(text), len(texts))


def shortened(text: str) -> str:
    """Return `text`, cut where it is longer than a field of the page may be."""
    return text if len(text) <= FIELD else f"{text[:FIELD]} ... ({len(text):,} characters)"


def _problem(seed: int, id_: str, problem: Problem | None, level: str) -> dict[str, str]:
    said = {"id": id_, "seed": str(seed), "level": problem.level if problem else level}
    if problem is not None:
        right, solution = answer(problem), problem.solution or ""
        said |= {"prompt": problem.prompt, "answer": right}
        said |= {"reference": _plain(problem.reference), "solution": solution}
        said = {key: value for key, value in said.items() if key in ("id", "seed") or value}
    return {key: shortened(value) for key, value in said.items()}


def _plain(reference: Any) -> str:
    """Return a reference that is no answer, such as tests, as text; "" for one that is."""
    return "" if isinstance(reference, str | int | float) else json.dumps(reference, default=str)


# Files ------------------------------------------------------------------------------------------


def _read(part: Part) -> pa.Table:
    """Return a file's completions with the columns that both kinds of file share."""
    own = (
        ("kept", "logprobs", "finish_reason")
        if part.training
        else ("level", "kind", "tokens", "logprob", "truncated")
    )
    table = read_table(part.path, [*_SHARED, *own])
    n = len(table)
    if part.training:
        more = {
            "tokens": pc.cast(pc.list_value_length(table["logprobs"]), pa.int64()),
            "logprob": pa.array(list_sums(table["logprobs"])),
            "truncated": pc.equal(table["finish_reason"], "length"),
            "level": pa.nulls(n, pa.string()),
            "set": pa.repeat(TRAINING, n),
        }
        table = table.drop_columns(["logprobs", "finish_reason"])
    else:
        table = table.filter(pc.is_in(table["kind"], pa.array(["sample", "greedy"])))
        names = pc.if_else(pc.equal(table["kind"], "greedy"), GREEDY, HELD_OUT)
        more = {"set": names, "kept": pa.nulls(len(table), pa.bool_())}
        table = table.drop_columns(["kind"])
    for name, column in more.items():
        table = table.append_column(name, column)
    return table


def _without_verdict(table: pa.Table) -> Counter[tuple[str, str, str]]:
    lacking = table.filter(pc.invert(pc.is_in(table["status"], pa.array(sorted(DECIDED)))))
    rows = lacking.select(["set", "status", "reason"]).to_pylist()
    return Counter((row["set"], row["status"], shortened(row["reason"] or "-")) for row in rows)


def _once(table: pa.Table) -> pa.Table:
    """Return the table with equal completions of a problem as one row, in the order of the file."""
    keys = list(_SAME)
    places = table.select([*keys, "logprob"]).append_column("index", pa.array(range(len(table))))
    wanted: list[tuple[str, str]] = [("index", "min"), ("index", "count"), ("logprob", "mean")]
    # One thread: a mean is the same to the bit then.
    found = places.group_by(keys, use_threads=False).aggregate(wanted).sort_by("index_min")
    names = {"index_min": "index", "index_count": "times", "logprob_mean": "logprob"}
    return found.rename_columns([names.get(name, name) for name in found.column_names])


def _choose(table: pa.Table, room: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the positions of about `room` rows, in the order of the file."""
    if len(table) <= room:
        return np.arange(len(table))
    frame = table.select(["set", "status", "problem_id", "index"]).to_pandas()
    frame["order"] = frame["problem_id"].map(shuffled)
    frame["turn"] = frame.groupby(["set", "status", "problem_id"]).cumcount()
    frame = frame.sort_values(["turn", "order", "index"], kind="stable")
    groups = [group.index.to_numpy() for _, group in frame.groupby(["set", "status"])]
    sizes = fair([len(group) for group in groups], room)
    picked = [group[:size] for group, size in zip(groups, sizes, strict=True)]
    return np.sort(np.concatenate(picked))


@lru_cache(maxsize=100_000)
def shuffled(problem_id: str) -> int:
    """Return a problem's place in the order in which problems are sampled."""
    return int.from_bytes(hashlib.blake2b(problem_id.encode(), digest_size=6).digest())


def fair(sizes: Sequence[int], room: int) -> list[int]:
    """Return how many of each group fit into `room`: equal shares, and what one leaves over."""
    given = [0] * len(sizes)
    order = sorted(range(len(sizes)), key=lambda i: sizes[i])
    for done, i in enumerate(order):
        given[i] = min(sizes[i], room // (len(sizes) - done))
        room -= given[i]
    return given
