"""What the files that write the pages share: where records lie, and the parts of a page."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from rlvr.results.effects import Results
from rlvr.results.tables import Table
from rlvr.results.terminal import drawn

ROOT = Path(__file__).parent.parent
CLAIMS = ROOT / "docs" / "claims"
RESULTS = ROOT / "docs" / "results"
RUNS = ("smollm2", "code_smollm2")  # of a real model, in docs/results


def with_block(text: str, name: str, block: str) -> str:
    """Return a page's text with its block of that name replaced. Raises ValueError without one."""
    found = re.findall(f"<!-- {name} -->\n.*?<!-- /{name} -->", text, re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{len(found)} blocks <!-- {name} -->, one was expected")
    return text.replace(found[0], f"<!-- {name} -->\n{block}<!-- /{name} -->")


def printed(*tables: Table) -> str:
    """Return tables as a terminal of 80 columns shows them."""
    out = io.StringIO()
    console = Console(file=out, width=80)
    for i, shown in enumerate(tables):
        if i:
            console.print()
        console.print(drawn(shown))
    return stripped(out.getvalue())


def stripped(text: str) -> str:
    """Return a text without spaces at the ends of its lines."""
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def cell_text(text: str) -> str:
    """Return a text as a cell of a table takes it."""
    return text.replace("|", "\\|")


def code(text: str) -> str:
    """Write a text as code in a cell of a table, whatever it holds."""
    text = text.replace("|", "\\|").replace("](", "] (")  # no link
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def picture(r: Results, folder: str) -> str:
    """Return the Markdown of a run's plot; `folder` has the records, seen from the page."""
    name, n = r.folder.name, len(r.seeds)
    said = f"pass@1 over rounds of {name}, n = {n} seed{'' if n == 1 else 's'}"
    return f"![{said}]({folder}/{name}/compare.svg)"
