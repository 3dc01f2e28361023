"""Run folders of which every figure is known: config and metrics alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ARMS = ("verified", "unfiltered", "random", "real")
SEEDS = (0, 1, 2)
ROUNDS = 2
# Made-up figures: (base, final) by seed.
BASE = {
    "pass@1": (0.37, 0.43, 0.30),
    "pass@8": (0.95, 0.95, 0.88),
    "greedy": (0.70, 0.83, 0.53),
    "excluded_abstain": (0, 0, 0),
    "excluded_error": (0, 0, 0),
    "best_temperature": (0.3, 0.5, 0.3),
    "pass@1_best_temperature": (0.60, 0.70, 0.50),
}
FINAL: dict[str, dict[str, tuple[float, ...]]] = {
    "verified": {"pass@1": (0.97, 0.98, 0.94), "pass@8": (1, 1, 1), "greedy": (1, 1, 0.99)},
    "unfiltered": {
        "pass@1": (0.303, 0.368, 0.251),
        "pass@8": (0.87, 0.91, 0.81),
        "greedy": (0.59, 0.67, 0.43),
    },
    "random": {
        "pass@1": (0.27, 0.33, 0.29),
        "pass@8": (0.81, 0.85, 0.81),
        "greedy": (0.44, 0.53, 0.48),
    },
    "real": {"pass@1": (0.98, 0.99, 0.95), "pass@8": (1, 1, 1), "greedy": (1, 1, 1)},
}
Row = dict[str, Any]


def rows_of(
    final: Mapping[str, Mapping[str, Sequence[float]]], base: Mapping[str, Sequence[float]]
) -> list[Row]:
    """Return the metrics of a whole run: round 1 half way between base and final."""
    rows = []

    def add(i: int, arm: str, round_: int, metric: str, value: float, level: str = "all") -> None:
        rows.append(
            {
                "seed": SEEDS[i],
                "arm": arm,
                "round": round_,
                "metric": metric,
                "level": level,
                "value": float(value),
                "n": 400,
            }
        )

    for i in range(len(SEEDS)):
        for metric, values in base.items():
            add(i, "base", 0, metric, values[i])
        add(i, "base", 0, "pass@1", base["pass@1"][i] + 0.1, level="easy")
        for arm, metrics in final.items():
            for round_ in range(1, ROUNDS + 1):
                share = round_ / ROUNDS
                for metric, values in metrics.items():
                    start = base.get(metric, values)[i]
                    add(i, arm, round_, metric, start + share * (values[i] - start))
                add(i, arm, round_, "pass@1", metrics["pass@1"][i], level="easy")
                add(i, arm, round_, "kept", 1000 + i)
                add(i, arm, round_, "pass@1_se", 0.012)
    return rows


def make_run(
    folder: Path,
    rows: Sequence[Row] | None = None,
    arms: Sequence[str] = ARMS,
    name: str = "quick",
    **verdict: Any,
) -> Path:
    """Write a run folder as `rlvr run` leaves it."""
    folder.mkdir(parents=True)
    config = {
        "name": name,
        "arms": [{"name": arm} for arm in arms],
        "seeds": list(SEEDS),
        "rounds": ROUNDS,
        "evaluate": {"k": [1, 8]},
        "verdict": {"metric": "pass@1", "margin": 0.05, "confidence": 0.95} | verdict,
    }
    (folder / "config.json").write_text(json.dumps({"config": config, "hash": "0123abcd"}))
    table = pa.Table.from_pylist(list(rows_of(FINAL, BASE) if rows is None else rows))
    pq.write_table(table, folder / "metrics.parquet")
    return folder


def with_excluded(counts: Mapping[str, int], width: float) -> list[Row]:
    base = BASE | {
        "excluded_abstain": (counts.get("base", 0),) * 3,
        "pass@1_low": tuple(x - width * bool(counts.get("base")) for x in BASE["pass@1"]),
        "pass@1_high": tuple(x + width * bool(counts.get("base")) for x in BASE["pass@1"]),
    }
    final = {
        arm: metrics
        | {
            "excluded_abstain": (counts.get(arm, 0),) * 3,
            "excluded_error": (0, 0, 0),
            "pass@1_low": tuple(x - width * bool(counts.get(arm)) for x in metrics["pass@1"]),
            "pass@1_high": tuple(x + width * bool(counts.get(arm)) for x in metrics["pass@1"]),
        }
        for arm, metrics in FINAL.items()
    }
    return rows_of(final, base)


def without(*gone: tuple[int, str, int]) -> list[Row]:
    return [
        row for row in rows_of(FINAL, BASE) if (row["seed"], row["arm"], row["round"]) not in gone
    ]
