"""Runs the notebooks of examples/ and writes their outputs into them, as they come.

    .venv/bin/python docs/make_examples.py

It begins as a new user does: without the run folder and with an empty cache of warm-started models.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parent.parent / "examples"
NOTEBOOKS = ("first_run.ipynb", "read_a_run.ipynb")  # the second one reads the run of the first


def execute(path: Path) -> Any:
    """Return a notebook with the outputs of all its cells, run in its own folder.

    Raises CellExecutionError if a cell raises.
    """
    book = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        book, timeout=1200, resources=where, coalesce_streams=True, record_timing=False
    )
    client.execute()
    return book


def main() -> None:
    """Run the notebooks, one after the other, and write each one with its outputs."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shutil.rmtree(EXAMPLES / "runs" / "first", ignore_errors=True)
    with tempfile.TemporaryDirectory() as cache:
        os.environ["RLVR_CACHE"] = cache
        for name in NOTEBOOKS:
            book = execute(EXAMPLES / name)
            nbformat.write(book, EXAMPLES / name)


if __name__ == "__main__":
    main()
