"""Stored: dataclasses as parquet files, and sequences of them that are too long for memory.

A round's completions, training rows and evaluation records are sequences of frozen dataclasses. Up
to `LISTED` of them are a list. More wait in a file as a `Stored`, a sequence too, of which a part
is held at a time; so a round of a million completions needs little more memory than a small one.
`pick` reads some fields of either.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import itertools
import uuid
import weakref
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

import numpy as np

from rlvr.data import Completion, Damaged, InputError, Row, RunError, Verdict

AT_ONCE = 1 << 14  # completions that are sampled and judged at a time
LISTED = 1 << 13  # the most that a list holds
PART = 1 << 12  # items that are written or read at a time
WRITING: Mapping[str, Any] = {"compression": "zstd", "write_page_checksum": True}
Item = TypeVar("Item")

_LISTS = {"prompt_token_ids": "int32", "token_ids": "int32", "logprobs": "float32"}
_PLAIN = {"int": "int64", "str": "string", "float": "float64", "bool": "bool_"}


@dataclass(frozen=True, slots=True)
class Shape(Generic[Item]):
    """How items become columns, and columns items.

    `types`: pyarrow's name of each column's type; those of `_LISTS` hold a list in each row.
    `values` gives an item's values, in the order of the columns, and `make` the item from them.
    """

    types: Mapping[str, str]
    values: Callable[[Item], tuple[Any, ...]]
    make: Callable[..., Item]

    def schema(self) -> Any:
        """Return the pyarrow schema."""
        import pyarrow as pa

        plain = {name: getattr(pa, type_)() for name, type_ in self.types.items()}
        return pa.schema(
            [(name, pa.list_(of) if name in _LISTS else of) for name, of in plain.items()]
        )


def shape_of(kind: type[Item]) -> Shape[Item]:
    """Return the shape of a dataclass: a column for each field."""
    fields = dataclasses.fields(cast(Any, kind))
    types = {
        field.name: _LISTS.get(field.name, _PLAIN.get(str(field.type), "string"))
        for field in fields
    }
    return Shape(types, attrgetter(*types), kind)


Judged = tuple[Completion, Verdict]
_COMPLETION, _VERDICT = shape_of(Completion), ("status", "reason", "extracted")
_verdict = attrgetter(*_VERDICT)
JUDGED: Shape[Judged] = Shape(
    {**_COMPLETION.types, **dict.fromkeys(_VERDICT, "string")},
    lambda pair: (*_COMPLETION.values(pair[0]), *_verdict(pair[1])),
    lambda *values: (Completion(*values[:-3]), Verdict(*values[-3:])),
)
"""A completion and what of its verdict is recorded: not the single tests that it passed."""
ROW = shape_of(Row)


class _Lazy(Sequence[Item]):
    """A sequence whose items are not all held. `_ends`: where each of its parts ends."""

    _ends: list[int]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> Item: ...

    @overload
    def __getitem__(self, place: slice) -> list[Item]: ...

    def __getitem__(self, place: int | slice) -> Item | list[Item]:
        chosen = range(len(self))[place]
        return self.take(chosen) if isinstance(chosen, range) else self.take([chosen])[0]

    def pick(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield of each item a tuple of some fields."""
        raise NotImplementedError

    def take(self, places: Iterable[int]) -> list[Item]:
        """Return the items at these places, in that order; each part is read once, or not."""
        order = list(places)
        found: dict[int, Item] = {}
        for part, group in itertools.groupby(
            sorted(set(order)), key=lambda place: bisect_right(self._ends, place)
        ):
            begin = self._ends[part - 1] if part else 0
            mine = list(group)
            taken = self._of_part(part, [place - begin for place in mine])
            found |= dict(zip(mine, taken, strict=True))
        return [found[place] for place in order]

    def _of_part(self, part: int, places: list[int]) -> list[Item]:
        raise NotImplementedError


class Stored(_Lazy[Item]):
    """Items in a parquet file, made when they are looked at.

    Columns that the shape has not are left alone. Looking at one item reads a part: `take` is for
    several. Every way of reading raises Damaged for a file that can't be read, and InputError for
    one without those columns; of a `scratch` file, which nobody gave, RunError.
    """

    def __init__(self, path: Path, shape: Shape[Item], scratch: bool = False) -> None:
        import pyarrow.parquet as pq

        self.path, self.shape, self._scratch = path, shape, scratch
        with self._undamaged():
            parts = pq.read_metadata(path)
            sizes = [parts.row_group(i).num_rows for i in range(parts.num_row_groups)]
        self._ends = list(itertools.accumulate(sizes))

    def __iter__(self) -> Iterator[Item]:
        return itertools.starmap(self.shape.make, self.pick(*self.shape.types))

    def pick(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield those columns' values, row by row."""
        return self._rows(None, names)

    def _of_part(self, part: int, places: list[int]) -> list[Item]:
        rows = list(self._rows([part]))
        return [self.shape.make(*rows[place]) for place in places]

    def batches(self) -> Iterator[Any]:
        """Yield the shape's columns as pyarrow record batches."""
        return self._batches(None, list(self.shape.types))

    def _rows(self, parts: list[int] | None, names: Sequence[str] = ()) -> Iterator[Any]:
        chosen = list(names or self.shape.types)
        for batch in self._batches(parts, chosen):
            yield from zip(*(_values(batch.column(name)) for name in chosen), strict=True)

    def _batches(self, parts: list[int] | None, names: list[str]) -> Iterator[Any]:
        import pyarrow.parquet as pq

        with (
            self._undamaged(),
            pq.ParquetFile(self.path, page_checksum_verification=True) as file,
        ):
            check_columns(self.path, names, file.schema_arrow.names)
            # One after the other: `iter_batches` holds several of them.
            for part in range(file.num_row_groups) if parts is None else parts:
                table = file.read_row_group(part, columns=names, use_threads=False)
                yield from table.select(names).combine_chunks().to_batches(PART)

    @contextmanager
    def _undamaged(self) -> Iterator[None]:
        try:
            with undamaged(self.path):
                yield
        except InputError as failure:
            if not self._scratch:
                raise
            raise RunError(f"{failure}: run the same command again") from failure


class _Chosen(Stored[Item]):
    """What is kept of a file's items, as items of another shape; nothing is copied.

    `kept`: a flag for each item of the file. `same`: what the file has no column of, one value for
    all.
    """

    def __init__(
        self, of: Stored[Any], kept: Sequence[bool], shape: Shape[Item], same: Mapping[str, Any]
    ) -> None:
        self.path, self.shape, self._scratch = of.path, shape, of._scratch
        self._of, self._same = of, same
        self._kept = np.split(np.array(kept, bool), of._ends)[:-1]
        self._ends = list(itertools.accumulate(int(part.sum()) for part in self._kept))

    def batches(self) -> Iterator[Any]:
        """Yield the shape's columns as pyarrow record batches of PART rows, the last one shorter.

        So a file of them is the same as one of a list.
        """
        import pyarrow as pa

        waiting = self.shape.schema().empty_table()
        for batch in super().batches():
            waiting = pa.concat_tables([waiting, pa.Table.from_batches([batch])])
            while len(waiting) >= PART:
                yield from waiting.slice(0, PART).combine_chunks().to_batches()
                waiting = waiting.slice(PART)
        yield from waiting.combine_chunks().to_batches()

    def _batches(self, parts: list[int] | None, names: list[str]) -> Iterator[Any]:
        import pyarrow as pa

        schema = self.shape.schema()
        there = [name for name in names if name not in self._same]
        kept = np.concatenate(self._kept if parts is None else [self._kept[i] for i in parts])
        begin = 0
        for batch in self._of._batches(parts, there or list(self._of.shape.types)[:1]):
            found = batch.filter(pa.array(kept[begin : begin + len(batch)]))
            begin += len(batch)
            columns = [
                pa.repeat(pa.scalar(self._same[name], schema.field(name).type), len(found))
                if name in self._same
                else found.column(name)
                for name in names
            ]
            yield pa.RecordBatch.from_arrays(columns, names)


def _values(column: Any) -> list[Any]:
    """Return a column's values; lists as tuples, at a fraction of what `to_pylist` takes."""
    import pyarrow as pa

    if not pa.types.is_list(column.type):
        return cast(list[Any], column.to_pylist())
    flat = column.flatten().to_numpy(zero_copy_only=False).tolist()
    ends = column.offsets.to_numpy() - column.offsets[0].as_py()
    return [tuple(flat[a:b]) for a, b in itertools.pairwise(ends.tolist())]


class Joined(_Lazy[Item]):
    """Several sequences as one after the other, none copied."""

    def __init__(self, *parts: Sequence[Item]) -> None:
        self.parts: tuple[Sequence[Item], ...] = tuple(
            one for part in parts for one in (part.parts if isinstance(part, Joined) else (part,))
        )
        self._ends = list(itertools.accumulate(map(len, self.parts)))

    def __iter__(self) -> Iterator[Item]:
        return itertools.chain.from_iterable(self.parts)

    def pick(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """Yield of each item a tuple of some fields."""
        return itertools.chain.from_iterable(pick(part, *names) for part in self.parts)

    def _of_part(self, part: int, places: list[int]) -> list[Item]:
        return take(self.parts[part], places)


def pick(items: Iterable[Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Yield of each item a tuple of some fields.

    Of pairs of completion and verdict: each field is looked for in either. A `Stored` reads those
    columns alone.
    """
    if isinstance(items, _Lazy):
        return items.pick(*names)
    in_verdict = [name in _VERDICT for name in names]
    several = attrgetter(*names) if len(names) > 1 else None

    def values(item: Any) -> tuple[Any, ...]:
        if not isinstance(item, tuple):
            return several(item) if several else (getattr(item, names[0]),)
        return tuple(getattr(item[of], name) for of, name in zip(in_verdict, names, strict=True))

    return map(values, items)


def joined(*parts: Sequence[Item]) -> Sequence[Item]:
    """Return several sequences as one: a list where all of them are."""
    if all(isinstance(part, list) for part in parts):
        return [item for part in parts for item in part]
    return Joined(*parts)


def take(items: Sequence[Item], places: Iterable[int]) -> list[Item]:
    """Return the items at these places, in that order; each part of a file is read once at most."""
    return items.take(places) if isinstance(items, _Lazy) else [items[place] for place in places]


def chosen(
    items: Sequence[Any], kept: Sequence[bool], shape: Shape[Item], **same: Any
) -> Sequence[Item]:
    """Return the kept items as items of a shape, whose fields they have, but for `same`.

    `same`: fields that have one value in all. Of a file, more than LISTED stay where they are, and
    are made when they are looked at.
    """
    if len(kept) != len(items):
        raise ValueError(f"{len(kept)} flags for {len(items)} items")
    if isinstance(items, Stored) and items:
        found = _Chosen(items, kept, shape, same)
        return found if len(found) > LISTED else list(found)
    names = [name for name in shape.types if name not in same]
    make = functools.partial(shape.make, **same)
    values = itertools.compress(pick(items, *names), kept)
    return [make(**dict(zip(names, of, strict=True))) for of in values]


def pass_over(items: Iterable[Item], places: Iterable[int]) -> Iterator[Item]:
    """Yield the items at these places, which rise, in one look at all of them."""
    source, wanted = enumerate(items), iter(places)
    while (place := next(wanted, None)) is not None:
        yield next(item for i, item in source if i == place)


def portions(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield the items in lists of `size`, the last one shorter."""
    source = iter(items)
    while part := list(itertools.islice(source, size)):
        yield part


def batches(items: Iterable[Item], shape: Shape[Item]) -> Iterator[Any]:
    """Yield items as pyarrow record batches of up to PART rows."""
    import pyarrow as pa

    if isinstance(items, Stored) and items.shape is shape:
        yield from items.batches()
        return
    schema = shape.schema()
    for part in portions(items, PART):
        columns = zip(*map(shape.values, part), strict=True)
        yield pa.RecordBatch.from_arrays(list(map(pa.array, columns, schema.types)), schema=schema)


def write(path: Path, schema: Any, parts: Iterable[Any]) -> None:
    """Write record batches into a parquet file, each as a row group with checksums."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, schema, **WRITING) as file:
        for batch in parts:
            file.write_batch(batch, row_group_size=max(1, len(batch)))


def read(path: Path, shape: Shape[Item]) -> Sequence[Item]:
    """Return what a file holds: up to LISTED items as a list, more as they are. Raises Damaged."""
    found = Stored(path, shape)
    return found if len(found) > LISTED else list(found)


def held(folder: Path, shape: Shape[Item], items: Iterable[Item]) -> Sequence[Item]:
    """Return the items as a sequence: up to LISTED as a list, more in a file in `folder`.

    The file is gone with the sequence. Raises RunError when the disk won't take it.
    """
    if isinstance(items, _Lazy):
        return items
    source = iter(items)
    first = list(itertools.islice(source, LISTED + 1))
    if len(first) <= LISTED:
        return first
    path = folder / f"held-{uuid.uuid4().hex}.parquet"
    try:
        write(path, shape.schema(), batches(_drained(first, source), shape))
    except BaseException as failure:
        path.unlink(missing_ok=True)
        if isinstance(failure, _OfSource):
            raise failure.trouble from None
        if not isinstance(failure, OSError):
            raise
        raise RunError(
            f"can't write {path}: {failure.strerror or failure}: make room, then run the same "
            "command again"
        ) from failure
    found = Stored(path, shape, scratch=True)
    weakref.finalize(found, path.unlink, missing_ok=True)
    return found


def _drained(first: list[Item], source: Iterator[Item]) -> Iterator[Item]:
    """Yield a list's items and then the source's, holding none of the list for longer.

    What the source raises is marked as its own: it is no trouble of the disk.
    """
    first.reverse()
    while first:
        yield first.pop()
    try:
        yield from source
    except OSError as trouble:
        raise _OfSource(trouble) from trouble


class _OfSource(Exception):
    def __init__(self, trouble: OSError) -> None:
        super().__init__(trouble)
        self.trouble = trouble


def check_columns(path: Path, wanted: Iterable[str], there: Collection[str]) -> None:
    """Raise InputError for a column that the file has not: it is no file of a run's."""
    missing = [name for name in wanted if name not in there]
    if missing:
        raise InputError(f"{path}: {missing[0]}: column missing: give a folder of `rlvr run`")


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises of a file into Damaged, and trouble of the machine into RunError."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as failure:
        trouble = getattr(failure, "errno", None) not in (None, errno.ENOENT)
        if isinstance(failure, MemoryError) or trouble:  # of the machine, not of the file
            raise RunError(f"can't read {path}: {failure}: run the same command again") from failure
        said = " ".join(str(failure).split())
        reason = said.removeprefix(f"Could not open Parquet input source '{path}': ")[:120]
        fix = "the `rlvr run` command that began the run recreates it"
        raise Damaged(path, reason, fix) from failure
