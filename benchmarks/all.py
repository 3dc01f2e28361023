"""Every benchmark in this folder, one after the other: one table, and one JSON object at the end.

Each script prints what its ratios are against, and its figures as JSON on its last line. Run: make
bench, or python benchmarks/all.py [NAME ...]. Fails if one of them does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
NAMES = [
    path.stem for path in sorted(HERE.glob("*.py")) if path.stem != "all" and path.stem[0] != "_"
]


def main() -> None:
    """Run them, their output as it comes; then the table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    names = parser.parse_args().names or NAMES
    if unknown := sorted({*names} - {*NAMES}):
        parser.error(f"no benchmark {unknown[0]!r} (known: {', '.join(NAMES)})")
    found = {name: measured(name) for name in names}
    table = Table(title="benchmarks", title_justify="left")
    for head in ("benchmark", "figure", "value"):
        table.add_column(head, justify="right" if head == "value" else "left")
    for name, figures in found.items():
        for figure, value in figures.items():
            shown = f"{value:,.4g}" if isinstance(value, int | float) else json.dumps(value)
            table.add_row(name, figure, shown)
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    print(json.dumps(found))


def measured(name: str) -> dict[str, object]:
    """Run one benchmark; return what its last line holds."""
    print(f"== benchmarks/{name}.py", flush=True)
    command = [sys.executable, str(HERE / f"{name}.py")]
    last = ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line
    if process.returncode:
        raise SystemExit(f"benchmarks/{name}.py failed with code {process.returncode}")
    return dict(json.loads(last))


if __name__ == "__main__":
    main()
