"""Prose: real English text that every machine with the same pins has, without a hub.

The prose comes from the docstrings of pinned dependencies. The files are parsed and never imported,
and rlvr does not redistribute them: it reads the paragraphs at run time and keeps them in the
user's cache folder, under a name that has the versions in it.
"""

from __future__ import annotations

import ast
import gc
import hashlib
import importlib.util
import inspect
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

from filelock import FileLock

from rlvr.models.loading import cache_folder
from rlvr.records.record import write_json

PACKAGES = ("sympy", "numpy", "pandas", "torch", "transformers")
PROSE, REJECTED = "prose", "rejected"
RULES = 1  # raise it with every change of what counts as prose; it is part of the cache's name
MIN_WORDS = 12
MIN_LETTERS = 0.9
_START = re.compile(r"[A-Z][a-z]*[ ,']")
_SECTION = re.compile(r":[a-z]+ |(Args|Arguments|Parameters|Returns?|Yields|Raises|Examples?):")
_ITEM = re.compile(r"([-*+]|\d+[.)]) ")
_MARKUP = re.compile(r"`{1,2}|:[a-z]+:`|\*{1,2}|\[`|\\")


@cache
def paragraphs() -> tuple[tuple[str, str], ...]:
    """Return distinct (package, paragraph) pairs, in an order that depends only on their text.

    A paragraph is one line of ASCII prose: it has at least MIN_WORDS words, begins with a capital,
    ends with a full stop, has no code and no table, and nine in ten of its characters are letters
    or spaces. Inline markup is removed. The first call on a machine parses some 155 MB of
    source. Raises ModuleNotFoundError if a package is not installed.
    """
    return _kept(PROSE)


@cache
def rejected() -> tuple[tuple[str, str], ...]:
    """Return distinct (kind, block) pairs: the blocks of the same docstrings that are no prose.

    Each is one line, in an order that depends only on its text. The kind is what the block really
    is (`kind_of`). Raises as `paragraphs` does.
    """
    return _kept(REJECTED)


def _kept(which: str) -> tuple[tuple[str, str], ...]:
    versions = {name: metadata.version(name) for name in PACKAGES}
    key = hashlib.sha256(json.dumps([RULES, versions]).encode()).hexdigest()[:16]
    folder = cache_folder() / "corpus"
    files = {PROSE: folder / f"{key}.json", REJECTED: folder / f"{key}-rejected.json"}
    if not files[which].is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{key}.lock"):  # two first runs at once write the same file
            if not files[which].is_file():
                for name, pairs in _parsed().items():
                    if not files[name].is_file():
                        write_json(files[name], pairs)
    return tuple((name, text) for name, text in json.loads(files[which].read_text()))


def _parsed() -> dict[str, list[tuple[str, str]]]:
    """Return the prose of the docstrings of PACKAGES, by package, and what is none, by kind."""
    gc.disable()  # a syntax tree has no cycles, and the collector takes a fifth of the time
    try:
        found: dict[str, dict[str, str]] = {PROSE: {}, REJECTED: {}}
        for name in reversed(PACKAGES):
            for text in _blocks(name):
                kind = kind_of(text)
                found[REJECTED if kind else PROSE][text] = kind or name
    finally:
        gc.enable()
    return {
        name: [
            (texts[text], text)
            for text in sorted(texts, key=lambda one: hashlib.sha256(one.encode()).digest())
        ]
        for name, texts in found.items()
    }


def _blocks(package: str) -> Iterator[str]:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{package} is no installed package")
    for file in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                warnings.simplefilter("ignore", DeprecationWarning)
                tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):  # test data of the packages, broken on purpose
            continue
        for node in (tree, *_statements(tree.body)):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                yield from blocks(ast.get_docstring(node, clean=False) or "")


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and those within them. `ast.walk` takes three times as long.

    Expressions hold no docstrings, and most nodes are expressions.
    """
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            inner = getattr(node, field, None)
            if isinstance(inner, list):  # a lambda's body is an expression
                yield from _statements(inner)


def blocks(docstring: str) -> Iterator[str]:
    """Yield the blocks of a docstring, each as one line without inline markup."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        if text := " ".join(_MARKUP.sub("", block).split()):
            yield text


def kind_of(text: str) -> str:
    """Return what keeps a block from being prose: the first kind that fits; "" for prose.

    code (a doctest), table (rules, columns, headings), field (`name : type`, or a section of
    arguments), directive (of reStructuredText), list, other alphabet, fragment (no capital at its
    start, or no full stop at its end), symbols (fewer than nine in ten characters are letters or
    spaces), short (fewer than MIN_WORDS words).
    """
    letters = sum(character.isalpha() or character == " " for character in text)
    kinds = {
        "code": ">>>" in text,
        "table": any(mark in text for mark in ("---", "===", "|")),
        "field": " : " in text or _SECTION.match(text) is not None,
        "directive": text.startswith(".. "),
        "list": _ITEM.match(text) is not None,
        "alphabet": not text.isascii(),
        "fragment": not (text.endswith(".") and _START.match(text)),
        "symbols": letters < MIN_LETTERS * len(text),
        "short": len(text.split()) < MIN_WORDS,
    }
    return next((kind for kind, is_so in kinds.items() if is_so), "")
