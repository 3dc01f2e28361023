"""The verdicts of several runs side by side, from Python.

    python compare_runs.py RUN [RUN ...]

RUN is a run folder, or the folder of `rlvr sweep`, which stands for all of its runs. Two recorded
runs of the quickstart, on other seeds each:

    python compare_runs.py ../docs/results/quickstart ../docs/results/quickstart-seeds-3-4-5
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

import rlvr
from rlvr.data import InputError


def run_folders(given: Iterable[Path]) -> Iterator[Path]:
    """Yield the given run folders; of a sweep's folder, those inside."""
    for folder in given:
        inside = sorted(path.parent for path in folder.glob("*/config.json"))
        yield from inside or [folder]


def verdicts(folder: Path) -> pd.DataFrame:
    """Return a row for each arm of a run: what changed, its interval and the verdict."""
    rows = rlvr.load_run(folder).verdicts()
    return rows[["arm", "metric", "delta", "low", "high", "verdict"]].assign(run=folder.name)


def main(folders: list[str]) -> None:
    """Print one table of all runs, and for each arm whether all runs agree."""
    table = pd.concat([verdicts(folder) for folder in run_folders(map(Path, folders))])
    print(table.set_index(["run", "arm"]).round(3).to_string(), end="\n\n")
    for arm, found in table.groupby("arm", sort=False).verdict:
        print(f"{arm}: {' / '.join(found)}{'' if found.nunique() == 1 else '  <- not the same'}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("compare_runs.py: name at least one run folder, such as runs/first")
    try:
        main(sys.argv[1:])
    except InputError as failure:
        sys.exit(f"compare_runs.py: {failure}")
