"""Record: what a run leaves on disk, written whole or not at all, plain pandas reads it."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from rich.filesize import decimal

from rlvr.data import DASH, Damaged, InputError, Row, RunError
from rlvr.records import layout, seals, stored
from rlvr.records.layout import Place
from rlvr.records.stored import JUDGED, ROW, Judged, Shape, Stored, undamaged

Item = TypeVar("Item")
SUMS = layout.SUMS
LATER: Mapping[str, Any] = {
    "threads": None,
    "verdict.primary": None,
    "verdict.conditions": [],
    "prompt.chat_template_kwargs": {},
    "generate.top_k": 0,
    "generate.min_p": 0.0,
    "generate.repetition_penalty": 1.0,
    "generate.stop": [],
    "train.trl": {},
    "train.early_stop": None,
    "grpo.trl": {},
    "corpus.natural": 0.0,
    "corpus.noise": None,
}
"""Keys that came after hashes were taken, and their defaults, which are left out of a hash."""
METRIC_COLUMNS = ("seed", "arm", "round", "metric", "level", "value", "n")


def digest(value: Any) -> str:
    """Return the sha256 of `value` as canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def deciding(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a resolved config that decides a run's figures and its verdict.

    Left out is where it runs, where its figures are sent, and what a claim says of itself and its
    further points: they may be added to later.
    """
    where = ("report_to", "ray", "workers")
    decides = {key: value for key, value in config.items() if key not in where}
    for key, default in LATER.items():
        section, _, name = key.rpartition(".")
        part = decides.get(section) if section else decides
        if not isinstance(part, Mapping) or part.get(name, default) != default:
            continue
        less = {one: value for one, value in part.items() if one != name}
        decides = {**decides, section: less} if section else less
    decides["executor"] = "local"  # as the hashes have it that were taken before there was another
    claim = config.get("claim")
    if not claim:
        return decides
    rule = {key: claim.get(key) for key in ("id", "controls", "rule", "models")}
    rule |= {key: claim[key] for key in ("refutes", "of_models") if claim.get(key)}
    if claim.get("also"):
        conditions = ("id", "controls", "rule", "refutes")
        rule["also"] = [{key: one.get(key) for key in conditions} for one in claim["also"]]
    return {**decides, "claim": rule}


# Atomic writes


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as failure:
        raise RunError(
            f"can't write {path}: {failure.strerror or failure}; what was recorded before is kept: "
            "make room or fix the permissions, then run the same command again"
        ) from failure
    finally:
        with suppress(OSError):  # where it can't be deleted it could not be written
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path` atomically (temp file, fsync, rename); `-` is standard output.

    Raises RunError when the disk won't take it.
    """
    if path == DASH:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    _replace(path, lambda temporary: _discard(temporary.write_text(text, encoding="utf-8")))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` atomically. Raises RunError when the disk won't take it."""
    _replace(path, lambda temporary: _discard(temporary.write_bytes(data)))


def _discard(_: object) -> None:
    return None


def as_json(value: Any) -> str:
    """Return `value` as indented JSON with sorted keys. NaN is refused: say null."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, atomically."""
    write_text(path, as_json(value))


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]], schema: Any = None) -> None:
    """Write a list of dicts as a parquet file, atomically.

    `schema` gives the columns where rows may be empty.
    """
    import pyarrow as pa

    write_table(path, pa.Table.from_pylist(list(rows), schema=schema))


def write_table(path: Path, table: Any) -> None:
    """Write a pyarrow table as a parquet file, atomically."""
    import pyarrow.parquet as pq

    _replace(path, lambda temporary: pq.write_table(table, temporary, **stored.WRITING))


def check_new(path: Path) -> None:
    """Raise InputError where no new folder can be made: something is there, or it has no name."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: is there already: delete it, or give another folder with -o")
    if not path.name:
        raise InputError(f"{path}: can't be replaced by a new folder: give its name with -o")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` when the block ends well, or vanishes."""
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        for file in temporary.iterdir():
            with open(file, "rb") as handle:
                os.fsync(handle.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as failure:
        why = failure.strerror or failure
        raise RunError(f"can't write {path}: {why}: make room, then run again") from failure
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def copy_folder(source: Path, path: Path) -> None:
    """Make `path` a copy of the folder `source`, whole or not at all."""
    with new_folder(path) as folder:
        shutil.copytree(source, folder, dirs_exist_ok=True)


def delete_folder(path: Path) -> None:
    """Delete a folder. It is renamed first, so that a deletion that stops leaves no such name."""
    gone = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(gone, ignore_errors=True)
    with suppress(FileNotFoundError):
        os.replace(path, gone)
    shutil.rmtree(gone, ignore_errors=True)


# What a round leaves


def write_items(path: Path, items: Iterable[Item], shape: Shape[Item]) -> None:
    """Write items as a parquet file, a row each, atomically and in parts."""
    parts = stored.batches(items, shape)
    _replace(path, lambda temporary: stored.write(temporary, shape.schema(), parts))


def write_completions(path: Path, pool: Iterable[Judged], kept: Iterable[bool]) -> None:
    """Write every completion of a round with its verdict and whether it was kept."""
    import pyarrow as pa

    schema = JUDGED.schema().append(pa.field("kept", pa.bool_()))
    flags = iter(kept)

    def parts() -> Iterator[Any]:
        for batch in stored.batches(pool, JUDGED):
            column = pa.array(list(itertools.islice(flags, len(batch))), pa.bool_())
            yield pa.RecordBatch.from_arrays([*batch.columns, column], schema=schema)
        if next(flags, None) is not None:
            raise ValueError(f"{path}: more is kept than there are completions")

    _replace(path, lambda temporary: stored.write(temporary, schema, parts()))


def read_completions(path: Path) -> Sequence[Judged]:
    """Read what `write_completions` wrote, but for what was kept. Raises Damaged."""
    return stored.read(path, JUDGED)


def read_kept(path: Path) -> list[bool]:
    """Read of each completion whether it was kept. Raises Damaged."""
    return [kept for (kept,) in Stored(path, JUDGED).pick("kept")]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write the training rows of a round, with their provenance."""
    write_items(path, rows, ROW)


def read_rows(path: Path) -> Sequence[Row]:
    """Read what `write_rows` wrote. Raises Damaged."""
    return stored.read(path, ROW)


def read_table(path: Path, columns: Sequence[str] | None = None) -> Any:
    """Read a parquet file, or some of its columns, holding its pages against their checksums.

    Raises Damaged for a file that can't be read, and InputError for one without those columns.
    """
    import pyarrow.parquet as pq

    with undamaged(path):
        there = pq.read_schema(path).names
    stored.check_columns(path, columns or (), there)
    wanted = None if columns is None else list(columns)
    with undamaged(path):
        return pq.read_table(path, columns=wanted, page_checksum_verification=True)


def check_parquet(path: Path) -> None:
    """Read all of a parquet file, holding a part of it at a time. Raises Damaged.

    What has rows of a known kind must have their columns: no checksum covers the names of columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {layout.COMPLETIONS: JUDGED.schema(), layout.ROWS: ROW.schema()}
    with undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        there = dict(zip(file.schema_arrow.names, file.schema_arrow.types, strict=True))
        for column in kinds.get(path.name, ()):
            if there.get(column.name) != column.type:
                raise pa.ArrowInvalid(f"{column.name}: no such column, or of another type")
        for part in range(file.num_row_groups):
            file.read_row_group(part)


# Checksums of whole files


def write_sums(folder: Path, coming: Mapping[str, str] | None = None) -> None:
    """Write the sha256 of each file that is directly in a folder beside them, atomically.

    `coming`: the texts of files, by name, that are written after it.
    """
    texts = (coming or {}).items()
    files = {path.name: file_sum(path) for path in _files(folder)}
    files |= {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts}
    write_json(folder / SUMS, {"files": files, "sha256": digest(files)})


def changed(folder: Path) -> list[tuple[Path, str]]:
    """Return the files of a folder that are not what `write_sums` found, and what is wrong.

    None in older runs, which have no checksums. If the checksums' own file is damaged, only that
    one. Raises RunError where the machine can't read them.
    """
    sums = folder / SUMS
    if not sums.exists():
        return []
    if sums.is_dir():
        return [(sums, "a folder")]
    try:
        with undamaged(sums):
            stated = json.loads(sums.read_bytes())
        files = dict(stated["files"])
        if digest(files) != stated["sha256"]:
            raise ValueError("its checksum is another")
    except (ValueError, TypeError, KeyError) as failure:
        reason = failure.reason if isinstance(failure, Damaged) else str(failure)
        return [(sums, reason)]
    wrong = []
    for name, sha256 in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            wrong.append((path, "missing" if not path.exists() else "no file"))
        elif file_sum(path) != sha256:
            wrong.append((path, "its checksum is another"))
    return wrong


def _files(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.iterdir() if path.is_file())
    return [path for path in found if path.name != SUMS and not path.name.startswith(".")]


def file_sum(path: Path) -> str:
    """Return the sha256 of a file. Raises Damaged where it can't be read."""
    with undamaged(path), open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# What a run leaves


@contextmanager
def locked(run: Path) -> Iterator[bool]:
    """Hold the run folder for this process; yield whether it was made here, and is no run yet.

    The lock is the kernel's: it is gone with the process, however that ended. Raises InputError
    when another run holds it.
    """
    import fcntl

    try:
        str(run.absolute()).encode()
    except UnicodeEncodeError as failure:
        raise InputError(
            f"{str(run)!r}: the name of a folder is no UTF-8: give another folder with --out"
        ) from failure
    made = not run.exists()
    try:
        run.mkdir(parents=True, exist_ok=True)
        handle = os.open(run / layout.LOCK, os.O_RDONLY | os.O_CREAT, 0o644)
    except OSError as failure:
        raise InputError(
            f"{run}: can't be written ({failure.strerror}): give another folder with --out"
        ) from failure
    try:
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as failure:
                if failure.errno != errno.EBADF:
                    raise
                os.close(handle)  # NFS locks only what is open for writing
                handle = os.open(run / layout.LOCK, os.O_RDWR)
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            raise InputError(
                f"{run}: another run is using this folder: wait for it, or give another one with "
                "--out"
            ) from failure
        yield made and not (run / layout.CONFIG).exists()
    finally:
        os.close(handle)


def check_resumable(
    run: Path, config: Mapping[str, Any], fill: Callable[[dict[str, Any]], dict[str, Any]] = dict
) -> None:
    """Raise InputError when `run` holds a run of another config, naming the keys that differ.

    And for a link that leads nowhere. `fill` gives a recorded config the keys that it lacks.
    """
    for link in (run, *run.parents):
        if link.is_symlink() and not link.exists():
            raise InputError(f"{link}: a link that leads nowhere: give another folder with --out")
    path = run / layout.CONFIG
    if not path.is_file():
        if seeds := sorted(run.glob("seed-*")):
            raise InputError(
                f"{path}: missing, and {seeds[0].name} was recorded under it: put it back, or give "
                "another folder with --out"
            )
        return
    recorded, _ = read_config(path)
    check_same(path, fill(recorded), config)


def check_same(path: Path, recorded: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    """Raise InputError, naming the keys, where a config would give other figures than `path`'s."""
    if shown := differing(recorded, config):
        raise another_config(path, shown)


def differing(recorded: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the keys in which two configs decide otherwise, each with both values."""
    old, new = flat(deciding(recorded)), flat(deciding(config))
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [f"{key} ({old.get(key)} -> {new.get(key)})" for key in keys]


def another_config(path: Path, shown: Sequence[str]) -> InputError:
    """Return the error that says which keys differ from those of a recorded config."""
    return InputError(
        f"{path}: this folder holds a run of another config; differing: "
        f"{', '.join(shown[:8])}: give another folder with --out, or the recorded config to "
        "resume; what can be added to it: more rounds, more seeds, arms with new names"
    )


def read_config(path: Path) -> tuple[dict[str, Any], str]:
    """Return a run's resolved config and the hash that it began with, from its config.json.

    Raises InputError, with the path and the fix, where it is none.
    """
    fix = "give a folder that `rlvr run` wrote, or put its config.json back"
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return dict(saved["config"]), str(saved["hash"])
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise InputError(f"{path}: not the config of a run ({failure!r}): {fix}") from failure


def flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested plain data as dotted keys and their values; a list of scalars is a value."""
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list) and any(isinstance(item, (Mapping, list)) for item in value):
        items = {str(i): item for i, item in enumerate(value)}.items()
    else:
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, item in items:
        found |= flat(item, f"{prefix}.{key}" if prefix else str(key))
    return found


def check_disk(run: Path, need: int) -> None:
    """Raise InputError when the disk under `run` has less than `need` bytes free."""
    existing = next(
        folder for folder in (run.absolute(), *run.absolute().parents) if folder.exists()
    )
    if not existing.is_dir():
        raise InputError(f"{existing}: a file, a run needs a folder: give another one with --out")
    free = shutil.disk_usage(existing).free
    if free < need:
        raise InputError(
            f"{existing}: this run may write {decimal(need)}, {decimal(free)} is free: "
            "free some, give "
            "another disk with --out, or lower generate.prompts, generate.samples or rounds"
        )


def write_metrics(run: Path) -> None:
    """Gather every finished round's metrics.json into metrics.parquet, in a fixed order.

    Its footer has the hashes that the rounds were recorded under (`rlvr.records.seals`).
    """
    rows = [row for path in layout.finished_rounds(run) for row in json.loads(path.read_text())]
    write_figures(run, rows, seals.footer(run))


def write_figures(
    folder: Path, rows: Iterable[Mapping[str, Any]], footer: Mapping[bytes, bytes]
) -> None:
    """Write rows of metrics in a fixed order as the metrics.parquet of a folder, atomically."""
    import pyarrow as pa

    columns = [
        pa.int64(),
        pa.string(),
        pa.int64(),
        pa.string(),
        pa.string(),
        pa.float64(),
        pa.int64(),
    ]
    fields = list(zip(METRIC_COLUMNS, columns, strict=True))
    order = ("seed", "arm", "round", "metric", "level")
    in_order = sorted(rows, key=lambda row: [row[key] for key in order])
    write_parquet(folder / layout.METRICS, in_order, pa.schema(fields, metadata=dict(footer)))


class Timing:
    """timing.parquet: seconds, tokens and memory of every stage. Outside every equality."""

    def __init__(self, run: Path) -> None:
        self.path = run / layout.TIMING
        known = read_table(self.path).to_pylist() if self.path.is_file() else []
        self.rows: list[dict[str, Any]] = known

    def add(self, place: Place, stage: str, seconds: float, tokens: int = 0) -> None:
        """Note one stage; `seconds` of wall time, `tokens` it generated or trained on."""
        import psutil

        self.rows.append(
            {
                **asdict(place),
                "stage": stage,
                "seconds": seconds,
                "tokens": tokens,
                "tokens_per_second": tokens / seconds if seconds else 0.0,
                "rss_bytes": psutil.Process().memory_info().rss,
            }
        )

    def save(self) -> None:
        """Write the file, once there is something in it."""
        if self.rows:
            write_parquet(self.path, self.rows)
