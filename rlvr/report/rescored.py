"""What other verifiers say of a run, from the rescored.json of each of them in RUN/rescored."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlvr.data import InputError
from rlvr.results.effects import Results
from rlvr.results.rescored import FOLDER, SUMMARY
from rlvr.results.rescored_tables import Summary, example_table, names, said, tables
from rlvr.results.tables import Table
from rlvr.results.verdict import rulings


@dataclass(frozen=True, slots=True)
class ByAnother:
    """What the page shows of another verifier: its name, sentences, and tables."""

    name: str
    said: Sequence[str]
    tables: Sequence[Table]


def by_others(r: Results) -> list[ByAnother]:
    """Return what each verifier that has rescored the run says, in the order of their folders.

    Raises InputError, naming the file and the fix, for one that is damaged.
    """
    return [_read(r, path) for path in sorted(r.folder.glob(f"{FOLDER}/*/{SUMMARY}"))]


def _read(r: Results, path: Path) -> ByAnother:
    try:
        of: Summary = json.loads(path.read_text(encoding="utf-8"))
        examples = [example_table(of)] if of["examples"] else []
        shown = [*tables(of, every_round=True), *examples]
        name, lines = names(of)[1], [*_stale(r, of), *said(of)]
    except (ValueError, TypeError, KeyError) as failure:
        raise InputError(
            f"{path}: not what `rlvr rescore` writes ({failure!r}): delete it, or run that again"
        ) from failure
    return ByAnother(name, lines, shown)


def _stale(r: Results, of: Summary) -> list[str]:
    """Return a sentence where the run's own verdicts are others now: it went on since."""
    then = {one["arm"]: one["was"]["outcome"] for one in of["verdicts"]}
    if then == {arm: ruling.outcome for arm, ruling in rulings(r).items()}:
        return []
    return ["It is older than the figures above: `rlvr rescore` writes it again."]
