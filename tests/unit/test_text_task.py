"""Real text: prose alone, read without importing, in splits that share no beginning."""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlvr.data import InputError, Problem, Split
from rlvr.models import prose

text: Callable[..., Iterator[Problem]] = importlib.import_module("rlvr.tasks.text").problems
SPLITS: tuple[Split, ...] = ("train", "eval", "dev")

DOCSTRING = """Return the sum of all values along the axis that the caller has chosen, or of all.

    The ``values`` are added in *pairs*, so that the error of rounding grows
    slowly with their number and not as fast as in a plain loop.

    Parameters
    ----------
    axis : int
        Which axis of the many that an array may have is the one to sum over here.

    >>> total([1, 2]) is what one would type to see the sum of these two numbers.

    Too short to be prose.
    """


def test_prose_is_kept_and_nothing_else() -> None:
    assert [text for text in prose.blocks(DOCSTRING) if not prose.kind_of(text)] == [
        "Return the sum of all values along the axis that the caller has chosen, or of all.",
        "The values are added in pairs, so that the error of rounding grows slowly with their "
        "number and not as fast as in a plain loop.",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("code", ">>> total([1, 2])"),
        ("table", "Name | Value of the name in the first of the many columns that are here."),
        ("field", "axis : int, which of the many axes of an array is the one to sum over here."),
        ("field", "Args: values, an array that holds all of the numbers which are to be added."),
        ("directive", ".. note:: The values are added in pairs, so that the error grows slowly."),
        ("list", "- The values are added in pairs, so that the error of rounding grows slowly."),
        ("list", "2. The values are added in pairs, so that the error of rounding grows slowly."),
        (
            "alphabet",
            "The values are added in pairs, by Kahan\N{EN DASH}Neumaier, so it is exact.",
        ),
        ("fragment", "the values are added in pairs, so that the error of rounding grows slowly."),
        ("fragment", "The values are added in pairs, so that the error of rounding grows slowly"),
        (
            "symbols",
            "The sum (a_1 + b_2) * c_3 = 17.5 / (x_{i, j} ** 2) [1, 2] of {4, 5} is.",
        ),
        ("short", "The values are added."),
        ("", "The values are added in pairs, so that the error of all rounding grows slowly."),
    ],
)
def test_what_is_no_prose_is_called_what_it_is(kind: str, text: str) -> None:
    assert prose.kind_of(text) == kind


def test_the_corpus_is_large_real_and_the_same_when_read_again() -> None:
    found = prose.paragraphs()
    prose.paragraphs.cache_clear()
    assert prose.paragraphs() == found
    assert len({paragraph for _, paragraph in found}) == len(found)
    assert sum(len(paragraph) for _, paragraph in found) > 3e6
    assert {source for source, _ in found} == set(prose.PACKAGES)
    words = " ".join(paragraph for _, paragraph in found).lower().split()
    assert 0.04 < words.count("the") / len(words) < 0.10  # English
    assert statistics.median(map(len, words)) < 7


def test_packages_are_parsed_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "hostile_prose"
    package.mkdir()
    code = f'def total():\n    r"""{DOCSTRING}"""\n\nraise SystemExit(\'imported\')\n'
    (package / "__init__.py").write_text(code)
    (package / "broken.py").write_text("def (")
    monkeypatch.syspath_prepend(tmp_path)
    found = [prose.kind_of(text) for text in prose._blocks("hostile_prose")]
    assert found.count("") == 2 and "code" in found
    for name in ("no_such_package", "this"):
        with pytest.raises(ModuleNotFoundError):
            list(prose._blocks(name))


def test_splits_share_no_beginning_and_seeds_share_no_order() -> None:
    drawn = {split: list(text(split, 400)) for split in SPLITS}
    starts = [problem.prompt for split in SPLITS for problem in drawn[split]]
    assert len(set(starts)) == 1200
    for problem in drawn["train"]:
        assert len(problem.prompt) == 32 and problem.solution == problem.reference
        assert problem.prompt[0].isupper() and str(problem.solution).endswith(".")
        assert len(problem.prompt + str(problem.solution)) <= 240
    assert list(text("train", 400)) == drawn["train"]
    assert list(text("train", 100)) == drawn["train"][:100]
    other = [problem.id for problem in text("train", 400, seed=1)]
    assert len(set(other) & {problem.id for problem in drawn["train"]}) < 100


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("\n\n".join(f"{i} bottles of beer\non the wall" for i in range(100)))
    problems = [problem for split in SPLITS for problem in text(split, 3, path=str(path), prompt=5)]
    assert all(problem.level == "book" for problem in problems)
    assert str(problems[0].solution).endswith("of beer on the wall")
    with pytest.raises(ValueError, match="paragraphs for 'dev', 50 asked for"):
        list(text("dev", 50, path=str(path), prompt=5))
    with pytest.raises(InputError, match="no such file"):
        list(text("dev", 1, path=str(tmp_path / "none.txt")))
    with pytest.raises(ValueError, match="prompt must lie between"):
        list(text("dev", 1, prompt=300))


def test_a_window_is_the_beginning_of_any_paragraph_that_is_long_enough(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    paragraphs = [f"{i:03d} " + "word " * (4 + i % 3) for i in range(300)]
    path.write_text("\n\n".join(paragraphs))
    found = list(text("train", 50, path=str(path), prompt=4, window=25))
    whole = {paragraph[:4]: paragraph for paragraph in paragraphs}
    for problem in found:
        assert problem.prompt + str(problem.solution) == whole[problem.prompt].strip()[:25]
        assert len(whole[problem.prompt].strip()) >= 25
    with pytest.raises(ValueError, match="between 1 and window, got 4 and 4"):
        next(text("train", 1, path=str(path), prompt=4, window=4))
