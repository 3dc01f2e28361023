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

from rlvr.models.loading import cache_folder
from rlvr.records.record import write_json

PACKAGES = ("sympy", "numpy", "pandas", "torch", "transformers")
RULES = 1  # raise it with every change of what counts as prose; it is part of the cache's name
MIN_WORDS = 12
MIN_LETTERS = 0.9
_START = re.compile(r"[A-Z][a-z]*[ ,']")
_MARKUP = re.compile(r"`{1,2}|:[a-z]+:`|\*{1,2}|\[`|\\")


@cache
def paragraphs(packages: tuple[str, ...] = PACKAGES) -> tuple[tuple[str, str], ...]:
    """Return distinct (package, paragraph) pairs, in an order that depends only on their text.

    A paragraph is one line of ASCII prose: it has at least MIN_WORDS words, begins with a capital,
    ends with a full stop, has no code and no table, and nine in ten of its characters are letters
    or spaces. Inline markup is removed. The first call on a machine parses some 155 MB of
    source. Raises ModuleNotFoundError if a package is not installed.
    """
    versions = {name: metadata.version(name) for name in packages}
    key = hashlib.sha256(json.dumps([RULES, versions]).encode()).hexdigest()[:16]
    kept = cache_folder() / "corpus" / f"{key}.json"
    if not kept.is_file():
        gc.disable()  # a syntax tree has no cycles, and the collector takes a fifth of the time
        try:
            found = {text: name for name in reversed(packages) for text in _of_package(name)}
        finally:
            gc.enable()
        order = sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, [[found[text], text] for text in order])
    return tuple((name, text) for name, text in json.loads(kept.read_text()))


def _of_package(name: str) -> Iterator[str]:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"{name} is no installed package")
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
                yield from prose(ast.get_docstring(node, clean=False) or "")


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


def prose(docstring: str) -> Iterator[str]:
    """Yield those paragraphs of a docstring that are prose, each as one line."""
    for block in re.split(r"\n\s*\n", inspect.cleandoc(docstring)):
        text = " ".join(_MARKUP.sub("", block).split())
        letters = sum(character.isalpha() or character == " " for character in text)
        if (
            text.isascii()
            and text.endswith(".")
            and _START.match(text)
            and not any(mark in text for mark in (">>>", "---", "===", " : ", "|"))
            and len(text.split()) >= MIN_WORDS
            and letters >= MIN_LETTERS * len(text)
        ):
            yield text
