"""Agreement: how often two verifiers agree on a run's completions, and where they do not.

TPR and FPR of each with the other one as truth. Completions of one problem are alike: right ones
share the problem's answer, wrong ones often the same mistake. Hence each rate has
`clustered_interval`, whose clusters are problems, of all seeds, arms and rounds together. It is
about the completions of this run's models, not of others. What either verifier leaves undecided is
in no rate: `at_worst` and `at_best` bound what it could change.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rlvr.config import Config
from rlvr.data import DECIDED, STATUSES, Problem
from rlvr.records import record
from rlvr.records.layout import BASE, COMPLETIONS, EVALUATION, Place, base_of
from rlvr.results.effects import Results, plain
from rlvr.results.errors import common
from rlvr.statistics.shares import clustered_interval
from rlvr.verify.pool import Judge
from rlvr.verify.verifier import LoadedVerifier

KINDS = ("sample", "greedy", "best")  # of an evaluation's records: what the run's verifier judged
SETS = ("training", "held-out")
CONFIDENCE = 0.95
SHOWN = 5  # examples of each kind of disagreement
LONGEST = 400  # characters of an example's prompt, reference or completion
REASONS = 5  # of verdicts that decide nothing, that are counted by themselves
CORRECT, WRONG = (STATUSES.index(status) for status in ("correct", "wrong"))


@dataclass(frozen=True, slots=True)
class Rescored:
    """A run, and the folder `out` that has all parts of its completions by `verifier`.

    `pool` runs that verifier: a majority vote asks it which answers are alike. `problems`: by seed
    and id.
    """

    r: Results
    config: Config
    out: Path
    verifier: LoadedVerifier
    pool: Judge
    problems: Mapping[int, Mapping[str, Problem]]

    def places(self, name: str) -> Iterator[Place]:
        """Yield the rounds that have a part called `name`, matched arms before those that match."""
        for seed in self.config.seeds:
            rounds = range(1, self.config.rounds + 1)
            after = (
                Place(seed, arm.name, t) for arm in self.config.arms_in_order() for t in rounds
            )
            for place in (base_of(seed), *after):
                if self.part(place, name).is_file():
                    yield place

    def part(self, place: Place, name: str) -> Path:
        """Return the path of a part."""
        return place.folder(self.out) / name

    def source(self, place: Place, name: str) -> Path:
        """Return the run's file that a part is of."""
        return place.folder(self.r.folder) / name


# Both verdicts on each completion -----------------------------------------------------------------


def frame_of(of: Rescored) -> pd.DataFrame:
    """Return a row a completion: where it lies, its problem's number, both statuses as positions.

    `row`: its place in the file. The base's pool stands in every arm's first round, too: it counts
    once, as the base's.
    """
    parts = [
        _rows(of, place, name) for name in (COMPLETIONS, EVALUATION) for place in of.places(name)
    ]
    return pd.concat(parts, ignore_index=True)


def _rows(of: Rescored, place: Place, name: str) -> pd.DataFrame:
    training = name == COMPLETIONS
    own = "arm" if training else "kind"
    part = record.read_table(of.part(place, name), ["problem_id", own, "was", "status"])
    chosen = pc.is_in(part[own], pa.array([place.arm] if training else KINDS))
    rows = np.flatnonzero(chosen.to_numpy())
    part = part.filter(chosen)
    ids = part["problem_id"].combine_chunks().dictionary_encode()
    numbers = common(ids.dictionary.to_pylist()) if len(ids.dictionary) else np.zeros(0, np.uint64)
    status = pa.array(STATUSES)
    return pd.DataFrame(
        {
            "set": pd.Categorical([SETS[not training]] * len(rows), list(SETS)),
            "seed": place.seed,
            "arm": pd.Categorical(
                [place.arm] * len(rows), [BASE, *(arm.name for arm in of.config.arms)]
            ),
            "round": place.round,
            "row": rows,
            "problem": numbers[ids.indices.to_numpy()],
            "was": pc.index_in(part["was"], status).to_numpy().astype(np.int8),
            "now": pc.index_in(part["status"], status).to_numpy().astype(np.int8),
        }
    )


def pairs(frame: pd.DataFrame, by: list[str]) -> list[dict[str, Any]]:
    """Return how many completions have each pair of verdicts, by set and more; none is left out."""
    keys = ["set", *by, "was", "now"]
    counts: Any = frame.groupby(keys, observed=True).size()
    found = []
    for values, count in counts.items():
        row = dict(zip(keys, values, strict=True))
        row |= {"was": STATUSES[row["was"]], "now": STATUSES[row["now"]], "n": int(count)}
        found.append({key: int(x) if key == "round" else x for key, x in row.items()})
    return found


# Rates --------------------------------------------------------------------------------------------


def all_rates(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rates by set: of all completions, of each arm, and of each round of each arm.

    `was`: of the run's verifier with the other one as truth; `now`: the reverse.
    """
    found = []
    for keys in ([], ["arm"], ["arm", "round"]):
        groups: Any = frame.groupby(["set", *keys], observed=True)
        for values, rows in groups:
            where = dict(zip(("set", *keys), values, strict=True))
            where = {key: int(x) if key == "round" else x for key, x in where.items()}
            problem, was, now = (rows[name].to_numpy() for name in ("problem", "was", "now"))
            rated = {"was": rates(problem, was, now), "now": rates(problem, now, was)}
            found.append({"arm": None, "round": None, **where, "n": len(rows), **rated})
    return found


def rates(problem: Any, judged: Any, truth: Any) -> dict[str, Any]:
    """Return TPR, FPR and J = TPR - FPR of a verifier against another one as truth.

    Arrays, a value a completion: its problem's number, and both statuses as positions in STATUSES.
    J's limits are the differences of the rates' limits: they cover at least as often as both rates.
    """
    tpr, fpr = (_rate(problem, judged, truth, of) for of in (CORRECT, WRONG))
    found: dict[str, Any] = {"tpr": tpr, "fpr": fpr, "j": None}
    if tpr["rate"] is not None and fpr["rate"] is not None:
        low, high = tpr["ci95"][0] - fpr["ci95"][1], tpr["ci95"][1] - fpr["ci95"][0]
        found["j"] = {"rate": plain(tpr["rate"] - fpr["rate"]), "ci95": [plain(low), plain(high)]}
        for end in ("at_worst", "at_best"):
            found["j"][end] = plain(tpr[end] - fpr[end])
    return found


def _rate(problem: Any, judged: Any, truth: Any, of: int) -> dict[str, Any]:
    """Return the share accepted of what is `of` (right, or wrong), its interval and its bounds.

    The bounds: what either verifier leaves undecided counts against the one that is judged, then
    for it.
    """
    decided = np.isin(judged, (CORRECT, WRONG))
    chosen = (truth == of) & decided
    accepted = (judged == CORRECT)[chosen]
    _, cluster = np.unique(problem[chosen], return_inverse=True)
    trials = np.bincount(cluster)
    low, high = clustered_interval(np.bincount(cluster, accepted), trials, CONFIDENCE)
    yes, n = int(accepted.sum()), int(chosen.sum())
    # What may belong to this side: it is undecided by one or by both.
    unknown = ~np.isin(truth, (CORRECT, WRONG))
    either = int(((truth == of) & ~decided).sum() + (unknown & ~decided).sum())
    may_yes, may_no = (int((unknown & (judged == x)).sum()) for x in (CORRECT, WRONG))
    least, most = (
        _share(yes, n + either + may_no),
        _share(yes + either + may_yes, n + either + may_yes),
    )
    return {
        "accepted": yes,
        "decided": n,
        "problems": len(trials),
        "undecided": either + may_yes + may_no,
        "rate": _share(yes, n),
        "ci95": [plain(low), plain(high)],
        "at_worst": least if of == CORRECT else most,
        "at_best": most if of == CORRECT else least,
    }


def _share(part: int, whole: int) -> float | None:
    return plain(part / whole) if whole else None


# Examples -----------------------------------------------------------------------------------------


def reasons(of: Rescored) -> list[dict[str, Any]]:
    """Return the most frequent reasons for which the other verifier decides nothing."""
    found: Counter[tuple[str, str]] = Counter()
    for name in (COMPLETIONS, EVALUATION):
        for place in of.places(name):
            part = record.read_table(of.part(place, name), ["status", "reason"])
            known = pc.is_in(part["status"], pa.array([*DECIDED, ""]))
            rows = part.filter(pc.invert(known)).to_pydict()
            found.update(zip(rows["status"], rows["reason"], strict=True))
    return [
        {"status": status, "reason": reason[:LONGEST], "n": n}
        for (status, reason), n in found.most_common(REASONS)
    ]


def examples(of: Rescored, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return some completions of each decided pair of different verdicts, of different problems.

    Always the same ones for equal parts, in an order that looks at no text.
    """
    found = []
    for was, now in ((CORRECT, WRONG), (WRONG, CORRECT)):
        differ = frame[(frame["was"] == was) & (frame["now"] == now)]
        first = differ.drop_duplicates("problem")
        rows = list(
            first[["set", "seed", "arm", "round", "row"]].itertuples(index=False, name=None)
        )
        found += [_example(of, *row) for row in heapq.nsmallest(SHOWN, rows, _shuffled)]
    return found


def _shuffled(row: tuple[Any, ...]) -> bytes:
    return hashlib.sha256(repr(tuple(map(str, row))).encode()).digest()


def _example(of: Rescored, set_: str, seed: int, arm: str, round_: int, row: int) -> dict[str, Any]:
    place, name = Place(seed, arm, round_), EVALUATION if set_ == SETS[1] else COMPLETIONS
    part = record.read_table(of.part(place, name)).slice(row, 1).to_pylist()[0]
    columns = ["text", "reason", "extracted"]
    own = record.read_table(of.source(place, name), columns).slice(row, 1).to_pylist()[0]
    problem = of.problems[seed][part["problem_id"]]
    return {
        **{"set": set_, "seed": seed, "arm": arm, "round": round_},
        **{"problem": problem.id, "index": part["index"]},
        "prompt": _cut(problem.prompt),
        "reference": _cut(problem.reference),
        "completion": _cut(own["text"]),
        "was": {"status": part["was"], **_said(own)},
        "now": {"status": part["status"], **_said(part)},
    }


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    extracted = row["extracted"]
    return {
        "reason": (row["reason"] or "")[:LONGEST],
        "extracted": None if extracted is None else extracted[:LONGEST],
    }


def _cut(value: Any) -> str:
    """Return a value as text; of a long one the end, where the answer stands."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= LONGEST else f"... {text[-LONGEST:]}"
