"""Writes what the README says of recorded runs: .venv/bin/python docs/make.py.

A block `<!-- NAME -->` ... `<!-- /NAME -->` of the README holds tables of docs/results/NAME, made
from its config.json and metrics.parquet as `rlvr compare docs/results/NAME` makes them.
tests/test_readme.py fails where the two differ.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from rlvr.compare import Results, load_run
from rlvr.tables import contrast_tables, verdict_table

ROOT = Path(__file__).parent.parent
RUNS = ("smollm2", "code_smollm2")


def written(text: str) -> str:
    """Return the README's text with each block made anew. Raises ValueError where one lacks."""
    for name in RUNS:
        found = re.findall(f"<!-- {name} -->\n.*?<!-- /{name} -->", text, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"README.md: {len(found)} blocks <!-- {name} -->, one was expected")
        text = text.replace(found[0], f"<!-- {name} -->\n{_block(name)}<!-- /{name} -->")
    return text


def _block(name: str) -> str:
    results = load_run(ROOT / "docs" / "results" / name)
    plot = f"![pass@1 over rounds of {name}](docs/results/{name}/compare.svg)"
    return f"```\n{_tables(results)}```\n\n{plot}\n"


def _tables(results: Results) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80)
    for i, table in enumerate((verdict_table(results), *contrast_tables(results))):
        if i:
            console.print()
        console.print(table)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(written(readme.read_text()))
