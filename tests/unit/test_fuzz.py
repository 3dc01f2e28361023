"""Whatever is put in, what comes out is a result or an error that is meant for the reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzz import SAME
from support.runs import TINY

from rlvr.config import load
from rlvr.data import InputError
from rlvr.verify.score import read, rows_in

PLAIN = yaml.safe_load(TINY.read_text())
settings.load_profile(SAME)

TEXT = st.text(max_size=40)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(
    SCALARS | st.sampled_from(["verified", "random", "tiny-0.4m", "${model}", "???", "${", "1e-3"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every key and item of nested data."""
    if not isinstance(value, dict | list):
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = list(places(PLAIN))


def examples(few: int, many: int) -> pytest.MarkDecorator:
    """Mark a test to be run on few examples, and on many among the slow ones."""
    return pytest.mark.parametrize("n", [few, pytest.param(many, marks=pytest.mark.slow)])


@examples(50, 300)
def test_a_config_loads_or_is_refused_in_a_line(n: int, tmp_path: Path) -> None:
    @settings(max_examples=n)
    @given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), TEXT)
    def loads_or_is_refused(changes: list[tuple[Any, Any]], key: str) -> None:
        config = deepcopy(PLAIN)
        for path, value in changes:
            inner: Any = config
            try:
                for step in path[:-1]:
                    inner = inner[step]
                inner[path[-1]] = value
            except (TypeError, KeyError, IndexError):
                continue  # an earlier change has replaced what lay around it
        config[key] = 1
        file = tmp_path / "fuzzed.yaml"
        file.write_text(yaml.safe_dump(config), encoding="utf-8")
        try:
            load(file)
        except InputError as failure:
            assert str(failure).strip() and "fuzzed.yaml" in str(failure)

    loads_or_is_refused()


@settings(max_examples=200)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
def test_a_file_of_any_text_is_a_config_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "text.yaml"
    file.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(InputError, match=r"text\.yaml"):
        load(file)


@examples(30, 200)
def test_an_override_is_taken_or_refused(n: int) -> None:
    @settings(max_examples=n)
    @given(st.text(max_size=60))
    def is_taken_or_refused(text: str) -> None:
        for override in (text, f"rounds={text}", f"train.{text}", f"arms={text}"):
            try:
                load(TINY, [override])
            except InputError as failure:
                assert str(failure).strip()

    is_taken_or_refused()


LINES = st.binary(max_size=80) | st.dictionaries(
    st.sampled_from(["completion", "answer", "reference", "tests", "prompt"]) | TEXT, VALUES
).map(lambda record: json.dumps(record).encode())


@examples(60, 500)
def test_lines_are_read_or_named(n: int) -> None:
    @settings(max_examples=n)
    @given(st.lists(LINES, max_size=5), st.booleans())
    def are_read_or_named(lines: list[bytes], whole_line: bool) -> None:
        first = [lines[0].removeprefix(b"\xef\xbb\xbf")] if lines else []
        filled = [number for number, line in enumerate(first + lines[1:], 1) if line.strip()]
        was_read: list[int] = []
        try:
            for line in read(rows_in(lines, "x.jsonl"), "x.jsonl", whole_line):
                assert line.completions and line.problem.reference is not None
                was_read.append(int(line.problem.id))
        except InputError as failure:
            named = f"x.jsonl:{filled[len(was_read)]}: " if filled else "x.jsonl: empty"
            assert str(failure).startswith(named)
            filled = filled[: len(was_read)]
        assert was_read == filled

    are_read_or_named()
