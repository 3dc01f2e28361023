"""Recording: the files that end a round (the record stage); metrics.json marks it as finished."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rlvr.evaluate import metrics
from rlvr.evaluate.evaluation import Record, write_records
from rlvr.learners.context import Metrics, Run
from rlvr.records.layout import EVALUATION, RECORDED, SEALED, Place
from rlvr.records.record import as_json, write_json, write_sums, write_text


def record(run: Run, place: Place, records: Sequence[Record], found: Metrics, began: float) -> None:
    """Write the evaluation, hashes, checksums, and last metrics.json.

    `began`: when the round did.
    """
    folder = place.folder(run.folder)
    write_records(folder / EVALUATION, records)
    write_json(folder / SEALED, dict(run.sealed(place)))
    text = as_json([{**asdict(place), **row} for row in found])
    write_sums(folder, {RECORDED: text})
    write_text(folder / RECORDED, text)
    run.timing.add(place, "round", time.monotonic() - began)
    run.publish()
    run.display.round_done(place, headline(found), time.monotonic() - began)


def headline(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what to say of a round in a line, from its metrics."""
    values = {row["metric"]: row["value"] for row in found if row["level"] == metrics.ALL}
    said = {name: f"{values[name]:.3f}" for name in ("pass@1", "greedy") if name in values}
    return said | ({"kept": f"{values['kept']:,.0f}"} if "kept" in values else {})
