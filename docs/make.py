"""Writes what README.md and docs/ say of recorded runs: .venv/bin/python docs/make.py.

A block `<!-- NAME -->` ... `<!-- /NAME -->` is made from a record; each file beside this one that
begins with `_` makes the blocks of a kind of record. Claims' pages and plots are made before.
rlvr/report/words.md is the words of docs/glossary.md, for the pages that `rlvr report` writes.
tests/unit/test_readme.py fails where what is written differs from what is recorded.
"""

from __future__ import annotations

from _benchmarks import conditions, intervals, labelled, measures, plan, scale, temperature
from _blocks import ROOT
from _claims import claims, make_pages, published
from _runs import readme, results
from _tables import glossary, metrics, shapes, words

PAGES = {
    "README.md": readme,
    "docs/results.md": results,
    "docs/claims.md": lambda text: temperature(claims(text)),
    "docs/published.md": published,
    "docs/conditions.md": conditions,
    "docs/plan.md": plan,
    "docs/scale.md": scale,
    "docs/verifiers.md": labelled,
    "docs/intervals.md": intervals,
    "docs/metrics.md": lambda text: measures(metrics(text)),
    "docs/shapes.md": shapes,
    "docs/glossary.md": glossary,
    "rlvr/report/words.md": words,
}


if __name__ == "__main__":
    make_pages()
    for name, make in PAGES.items():
        page = ROOT / name
        page.write_text(make(page.read_text()))
