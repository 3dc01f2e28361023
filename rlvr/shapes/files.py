"""Files: the rows of a data set as dictionaries, wherever it lies.

JSONL (gzipped or not, or standard input), Parquet, a folder of Parquet files, a folder that
`datasets.Dataset.save_to_disk` wrote, and a data set of the hub. Files are read in order and in
constant memory.
"""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

from rlvr.data import DASH, InputError, nearest
from rlvr.sections import one_line

Row = dict[str, Any]
SAVED, SAVED_SPLITS = "state.json", "dataset_dict.json"  # what save_to_disk writes beside the data


@dataclass(frozen=True, slots=True)
class Hub:
    """A data set of the hub: its id, and which subset, split and revision of it."""

    name: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None

    def __str__(self) -> str:
        """Name it in messages: `openai/gsm8k/main[test]`."""
        return "/".join(filter(None, (self.name, self.subset))) + f"[{self.split}]"


Source = Path | Hub


def read_rows(source: Source, split: str | None = None) -> Iterator[tuple[str, Row]]:
    """Yield each row, after the words that name it in messages: `rows.jsonl:3`, `x.parquet row 3`.

    `split` is needed for a folder that has several. Blank lines of JSONL are left out, but they
    count as lines. Raises InputError if something can't be read, or is no row.
    """
    if isinstance(source, Hub):
        yield from _numbered(str(source), _from_hub(source))
    elif source.is_dir():
        yield from _from_folder(source, split)
    elif is_parquet(source):
        yield from _numbered(str(source), _from_parquet(source))
    else:
        for number, line in numbered_lines(file_lines(source)):
            where = f"{shown(source)}:{number}"
            yield where, parse(line, where)


def is_parquet(path: Path) -> bool:
    """Return whether a file is Parquet, by its name."""
    return path.suffix == ".parquet"


def shown(source: Path) -> str:
    """Return what a source is called in messages."""
    return "standard input" if source == DASH else str(source)


# --- JSONL -----------------------------------------------------------------------------------


def file_lines(source: Path) -> Iterator[bytes]:
    """Yield the lines of a file, gzipped or not, or of standard input.

    Raises InputError for a file that can't be read.
    """
    if source == DASH:
        if sys.stdin is None:
            raise InputError("standard input is closed: open it, or name a file")
        yield from sys.stdin.buffer
        return
    try:
        with open_file(source, "rb", source) as file:
            yield from file
    except (OSError, EOFError, zlib.error) as failure:
        raise InputError(f"{source}: can't be read: {failure}") from failure


def open_file(path: Path, mode: Literal["rb", "wb"], name: Path) -> IO[bytes]:
    """Open a file that is gzipped if `name`, which may be another one, ends in .gz."""
    return cast(IO[bytes], gzip.open(path, mode)) if name.suffix == ".gz" else open(path, mode)


def numbered_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield each line that is not blank, after its number, and without a byte order mark."""
    for number, line in enumerate(lines, 1):
        line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if line.strip():
            yield number, line


def parse(line: bytes, where: str) -> Row:
    """Return the object in a line of JSONL. Raises InputError if there is none."""
    try:
        row = json.loads(line.decode())
    except (ValueError, RecursionError) as failure:
        raise InputError(f"{where}: not JSON ({failure}): one JSON object a line") from failure
    if not isinstance(row, dict):
        raise InputError(f"{where}: a JSON {type(row).__name__}: one JSON object a line")
    return row


# --- the rest --------------------------------------------------------------------------------


def _numbered(name: str, rows: Iterable[Row]) -> Iterator[tuple[str, Row]]:
    for number, row in enumerate(rows, 1):
        yield f"{name} row {number}", row


def _from_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException, ValueError) as failure:
        raise InputError(f"{path}: can't be read as Parquet: {one_line(failure)}") from failure


def _from_folder(folder: Path, split: str | None) -> Iterator[tuple[str, Row]]:
    splits = _splits(folder)
    if splits and split not in splits:
        known = ", ".join(splits)
        close = nearest(split, splits) if split else ""
        raise InputError(f"{folder}: its splits are {known}: say which{close}")
    if splits:
        folder /= str(split)
    if (folder / SAVED).is_file():
        import datasets

        # A format (numpy, torch) is saved with the data; rows are plain Python here.
        yield from _numbered(str(folder), datasets.load_from_disk(str(folder)).with_format(None))
        return
    files = sorted(folder.glob("*.parquet"))
    if not files:
        raise InputError(
            f"{folder}: a folder with neither Parquet files nor a data set that `save_to_disk` "
            "wrote: name one, or a file"
        )
    for file in files:
        yield from _numbered(str(file), _from_parquet(file))


def _splits(folder: Path) -> list[str]:
    """Return the splits of a saved data set, none if it has no splits."""
    listed = folder / SAVED_SPLITS
    try:
        return list(json.loads(listed.read_bytes())["splits"]) if listed.is_file() else []
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise InputError(f"{listed}: can't be read: {one_line(failure)}") from failure


def _from_hub(hub: Hub) -> Iterable[Row]:
    import datasets

    try:
        return cast(
            Iterable[Row],
            datasets.load_dataset(
                hub.name, hub.subset, split=hub.split, revision=hub.revision
            ).with_format(None),
        )
    except Exception as failure:  # the hub's client raises what its transports raise
        raise InputError(
            f"{hub}: can't be loaded ({type(failure).__name__}: {one_line(failure)[:150]}): check "
            "the id, the subset, the split and the network; without a network, fetch it elsewhere "
            f"(hf download --repo-type dataset {hub.name}) and give the path of its files"
        ) from failure
