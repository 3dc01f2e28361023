"""rlvr report: its figures, verdicts, what it does with hostile texts, and with what is missing."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import json
import math
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import altair
import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats
from support.command import Call
from support.made_run import HOSTILE, KS, LONG, config, make_run

from rlvr.data import InputError, Keep
from rlvr.report import completions, facts, phrases, words
from rlvr.report.figures import arm_looks, figure_groups, svg
from rlvr.report.gather import _seconds
from rlvr.report.page import render, variable, visible, write_report
from rlvr.report.phrases import amplified_phrases
from rlvr.results import about as arms_in_words
from rlvr.results.compare import compare_run, read_results, write_compare
from rlvr.results.plot import ARM_COLOURS, NEXT_COLOURS, ON_DARK, arm_colours
from rlvr.results.rescore import rescore

REPO = Path(__file__).parents[2]
SEEDS = (0, 1, 2)


class Page(HTMLParser):
    """What a browser would find in the page: tables by caption, verdicts, scripts, and its data."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: dict[str, list[list[str]]] = {}
        self.verdicts: dict[str, dict[str, str]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self._caption, self._rows = "", list[list[str]]()
        self._arm, self._part, self._depth = "", "", 0
        charts = re.findall(r'<div class="chart" id="([^"]*)"[^>]*>(.*?)</div>', html, re.DOTALL)
        self.svgs = dict(charts)
        self.feed(html)
        self.close()
        found = re.search(r'<script type="application/gzip" id="data">([^<]*)</script>', html)
        assert found is not None
        self.data: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(found[1])))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        self._open.append(tag)
        if tag == "table":
            self._caption, self._rows = "", []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._rows[-1].append("")
        if "data-arm" in given:
            self._arm = str(given["data-arm"])
            self.verdicts[self._arm] = {}
        if "data-verdict" in given:
            self.verdicts[self._arm] |= {"verdict": str(given["data-verdict"]), "why": ""}
        if "data-verdict" in given or "data-why" in given:
            self._part, self._depth = "why", len(self._open)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if len(self._open) < self._depth:
            self._part = ""
        if tag == "table":
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside not in ("script", "style"):
            self.text += data
        if "caption" in self._open:
            self._caption += data.strip()
        elif "td" in self._open or "th" in self._open:
            self._rows[-1][-1] += data.strip()
        if self._part:
            self.verdicts[self._arm][self._part] += data

    def cell(self, caption: str, row: str, column: str) -> str:
        head, *body = self.tables[caption]
        (line,) = (line for line in body if line[0] == row)
        return line[head.index(column)]

    def mean(self, figure: str, arm: str, **place: Any) -> dict[str, float]:
        """Return the row of a figure that holds the mean over seeds."""
        values: list[dict[str, Any]] = self.data["figures"][f"run-0-{figure}"]
        (row,) = (
            row
            for row in values
            if row["what"] == "mean"
            and row["arm"] == arm
            and all(row[key] == value for key, value in place.items())
        )
        return row


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "made")


@pytest.fixture(scope="module")
def html(run: Path) -> str:
    return render([read_results(run)])


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw four figures of twenty-three, which take most of the time: for what is no figure."""
    monkeypatch.setattr("rlvr.report.figures._shown", lambda r, metric: False)


# Figures ---------------------------------------------------------------------------------------
# Each is recomputed from the raw completions with pandas alone.


def evaluation(run: Path, seed: int, arm: str, t: int = 2, kind: str = "sample") -> pd.DataFrame:
    folder = run / f"seed-{seed}" / ("base" if arm == "base" else f"{arm}/round-{t:03d}")
    frame = pd.read_parquet(folder / "eval.parquet")
    return frame[frame["kind"] == kind]


def training(run: Path, seed: int, arm: str, t: int = 2) -> pd.DataFrame:
    return pd.read_parquet(run / f"seed-{seed}/{arm}/round-{t:03d}/completions.parquet")


def decided(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["status"].isin(["correct", "wrong"])]


def pass_at_k(frame: pd.DataFrame, k: int) -> float:
    shares = []
    for _, group in decided(frame).groupby("problem_id"):
        n, c = len(group), int((group["status"] == "correct").sum())
        if n >= k:
            shares.append(1 - math.comb(n - c, k) / math.comb(n, k))
    return float(np.mean(shares))


def student(values: list[float]) -> tuple[float, float, float]:
    mean, error = float(np.mean(values)), scipy_stats.sem(values)
    low, high = scipy_stats.t.interval(0.95, len(values) - 1, loc=mean, scale=error)
    return mean, float(low), float(high)


def over_seeds(of: Any) -> list[float]:
    return [float(of(seed)) for seed in SEEDS]


def test_delta_and_interval_of_the_rule(run: Path, page: Page) -> None:
    deltas = over_seeds(
        lambda s: (
            pass_at_k(evaluation(run, s, "verified"), 1) - pass_at_k(evaluation(run, s, "base"), 1)
        )
    )
    effect = compare_run(read_results(run))["arms"]["verified"]["pass@1"]
    assert effect["delta"] == pytest.approx(np.mean(deltas))
    low, high = effect["ci95"]
    columns = ("delta", "95 % interval")
    shown = [page.cell("pass@1 against the base", "verified", column) for column in columns]
    assert shown == [f"{np.mean(deltas):+.3f}", f"{low:+.3f} to {high:+.3f}"]
    row = page.mean("change", "verified", round=2)
    assert (row["value"], row["low"], row["high"]) == pytest.approx(
        (effect["delta"], low, high), abs=1e-6
    )


def test_base_and_final(run: Path, page: Page) -> None:
    for column, arm in (("base", "base"), ("final", "unfiltered")):
        mean = np.mean(over_seeds(lambda s, arm=arm: pass_at_k(evaluation(run, s, arm), 1)))
        assert page.cell("pass@1 against the base", "unfiltered", column) == f"{mean:.3f}"


def test_contrast(run: Path, page: Page) -> None:
    deltas = over_seeds(
        lambda s: (
            pass_at_k(evaluation(run, s, "verified"), 1)
            - pass_at_k(evaluation(run, s, "random"), 1)
        )
    )
    shown = page.cell("pass@1, arm against arm", "verified - random", "delta")
    assert shown == f"{np.mean(deltas):+.3f}"


@pytest.mark.parametrize("k", KS)
def test_pass_at_k_curve(run: Path, page: Page, k: int) -> None:
    mean, low, high = student(over_seeds(lambda s: pass_at_k(evaluation(run, s, "random"), k)))
    row = page.mean("pass-at-k", "random", k=k)
    assert row["value"] == pytest.approx(mean, rel=1e-5)
    assert row["low"] <= low + 1e-6 and row["high"] >= high - 1e-6, "the floor"


def test_greedy(run: Path, page: Page) -> None:
    def share(seed: int) -> float:
        frame = decided(evaluation(run, seed, "verified", 1, "greedy"))
        return float((frame["status"] == "correct").mean())

    assert page.mean("greedy", "verified", round=1)["value"] == pytest.approx(
        np.mean(over_seeds(share)), rel=1e-5
    )


def test_level(run: Path, page: Page) -> None:
    def share(seed: int) -> float:
        frame = evaluation(run, seed, "verified")
        return pass_at_k(frame[frame["level"] == "d2c1"], 1)

    row = page.mean("level", "verified", level="d2c1")
    assert row["value"] == pytest.approx(np.mean(over_seeds(share)), rel=1e-5)


def test_filter_quality(run: Path, page: Page) -> None:
    def kept(seed: int, status: str) -> float:
        frame = training(run, seed, "random")
        return float(frame[frame["status"] == status]["kept"].mean())

    phi = np.mean(over_seeds(lambda s: kept(s, "correct")))
    psi = np.mean(over_seeds(lambda s: kept(s, "wrong")))
    assert page.mean("phi", "random", round=2)["value"] == pytest.approx(phi, rel=1e-5)
    assert page.mean("psi", "random", round=2)["value"] == pytest.approx(psi, rel=1e-5)
    assert page.mean("J", "random", round=2)["value"] == pytest.approx(phi - psi, rel=1e-4)


def test_keep_rate(run: Path, page: Page) -> None:
    rates = over_seeds(lambda s: training(run, s, "verified")["kept"].mean())
    row = page.mean("keep_rate", "verified", round=2)
    assert row["value"] == pytest.approx(np.mean(rates), rel=1e-5)


def test_diversity(run: Path, page: Page) -> None:
    def distinct(seed: int) -> float:
        groups = evaluation(run, seed, "unfiltered").groupby("problem_id")["text"]
        return float((groups.nunique() / groups.size()).mean())

    row = page.mean("distinct", "unfiltered", round=2)
    assert row["value"] == pytest.approx(np.mean(over_seeds(distinct)), rel=1e-5)


def test_coverage(run: Path, page: Page) -> None:
    def both(seed: int) -> float:
        frames = [decided(evaluation(run, seed, arm)) for arm in ("base", "verified")]
        solved = [
            (frame["status"] == "correct").groupby(frame["problem_id"]).any() for frame in frames
        ]
        joined = pd.concat(solved, axis=1).dropna()
        return float((joined.iloc[:, 0].astype(bool) & joined.iloc[:, 1].astype(bool)).mean())

    mean, low, high = student(over_seeds(both))
    shown = page.cell("Coverage against the base at pass@4", "verified", "both solve")
    assert shown == f"{mean:.3f} ({low:.3f} to {high:.3f})"


def test_online_steps_of_a_recorded_run() -> None:
    r = read_results(Path(__file__).parents[2] / "docs" / "results" / "grpo_tiny")
    groups = figure_groups(r, arm_looks(r.arms))
    figures = {figure.id: figure for figure in groups["Online steps"]}
    assert {"step.reward", "step.correct", "step.kl"} <= set(figures)
    [rows] = figures["step.reward"].spec["datasets"].values()
    frame = pd.read_parquet(r.folder / "metrics.parquet")
    frame = frame[(frame.metric == "step.reward") & (frame.level == "all")]
    assert {row["arm"] for row in rows} == set(frame.arm)
    last = frame[(frame.arm == "grpo") & (frame["round"] == r.round)]
    drawn = [
        row["value"]
        for row in rows
        if (row["what"], row["arm"], row.get("round")) == ("mean", "grpo", r.round)
    ]
    assert drawn == pytest.approx([last.value.mean()], abs=1e-5)


def test_budget(run: Path, page: Page) -> None:
    kept = over_seeds(lambda s: sum(training(run, s, "random", t)["kept"].sum() for t in (1, 2)))
    assert page.cell("Budget used", "random", "kept") == f"{np.mean(kept):,.0f}"
    assert page.cell("Budget used", "random", "seconds") == "4"
    begun = dataclasses.replace(read_results(run), round=1)  # the other figures stop there, too
    assert _seconds(begun)["random"] == 2.0


def test_excluded(run: Path, page: Page) -> None:
    counts = over_seeds(lambda s: (evaluation(run, s, "random")["status"] == "abstain").sum())
    caption = "completions excluded from evaluation, all seeds"
    assert page.cell(caption, "random", "abstain") == f"{sum(counts):.0f}"
    pools = sum(
        int((training(run, s, arm, t)["status"] == "abstain").sum())
        for s in SEEDS
        for arm in ("verified", "unfiltered", "random")
        for t in (1, 2)
    )
    (row,) = (row for row in page.tables["Why they have none"] if row[0] == "training")
    assert row == ["training", "abstain", "the comparison overran its deadline", f"{pools}"]


def test_amplified_phrases_are_counted_in_the_other_half(run: Path, page: Page) -> None:
    found = amplified_phrases(read_results(run))
    assert set(found) == {"verified", "unfiltered", "random"}
    for arm, of_arm in found.items():
        assert len(of_arm.found) <= of_arm.proposed <= 10
        for phrase in of_arm.found:
            gram = tuple(map(int, phrase.text.split()[1:]))
            assert phrase.arm == pytest.approx(per_thousand(run, arm, gram))
            assert phrase.base == pytest.approx(per_thousand(run, "base", gram))
            assert phrase.arm > phrase.base and phrase.z > 1.96
    best = found["unfiltered"].found[0]
    assert best.text == "tokens 55 55 55" and best.arm > 2 * best.base and best.known is False
    assert best.examples == ("777",)
    assert f"{best.arm:.1f}" in page.tables["unfiltered"][1]


def per_thousand(run: Path, arm: str, gram: tuple[int, ...]) -> float:
    """Return how many of a thousand triples of the second half of the problems are `gram`."""
    seen = total = 0
    for seed in SEEDS:
        frame = evaluation(run, seed, arm)
        for id_, ids in zip(frame["problem_id"], frame["token_ids"], strict=True):
            if completions.shuffled(id_) % 2:
                total += max(0, len(ids) - 2)
                seen += sum(tuple(ids[i : i + 3]) == gram for i in range(len(ids) - 2))
    return 1000 * seen / total


def test_a_phrase_that_fell_in_the_other_half_is_not_called_amplified() -> None:
    often, never, both = (1, 2, 3), (4, 5, 6), (7, 8, 9)

    def texts(first: list[Any], second: list[Any]) -> phrases._Texts:
        both_halves = [*first, *second]
        halves = [False] * len(first) + [True] * len(second)
        return phrases._Texts(both_halves, [str(ids) for ids in both_halves], halves)

    mine = texts([often] * 200 + [both] * 200 + [never] * 9, [both] * 200 + [never] * 200)
    base = texts([never] * 200, [often] * 99 + [never] * 200)
    counted = [phrases._counts(base, half) for half in (False, True)]
    found = phrases._phrases(mine, counted, None, str)
    assert found.proposed == 2
    assert [phrase.text for phrase in found.found] == [str(both)]


# Verdicts --------------------------------------------------------------------------------------


def test_verdicts_equal_compare_json(run: Path, page: Page, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    write_compare([read_results(folder)])
    compared = json.loads((folder / "compare.json").read_text())
    said = page.verdicts.items()
    assert {arm: found["verdict"] for arm, found in said} == compared["verdicts"]
    why = {arm: why.replace(". ", "", 1) for arm, why in compared["why"].items()}
    assert {arm: found["why"] for arm, found in said} == why
    assert compared["rule"]["text"] in page.text
    for name, check in compared["checks"].items():
        assert f"{name}: {check['found']}" in page.text


@pytest.mark.usefixtures("few_figures")
def test_a_stale_comparison_is_pointed_at(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    stale = compare_run(read_results(folder)) | {"verdicts": {"verified": "collapse"}}
    (folder / "compare.json").write_text(json.dumps(stale))
    assert "compare.json is older" in Page(render([read_results(folder)])).text


def test_the_signs_of_collapse_are_those_of_compare(run: Path, page: Page) -> None:
    ruled = compare_run(read_results(run))["rulings"]
    head, *rows = page.tables["signs of collapse"]
    rows = [row for row in rows if len(row) > 1]  # the others are headings
    assert {row[0] for row in rows} == set(ruled)
    for arm, *moves in rows:
        signs = ruled[arm]["signs"]
        assert head[1:] == list(signs)
        assert moves == [f"{of['move']}{' !' if of['worse'] else ''}" for of in signs.values()]


# Words and links ---------------------------------------------------------------------------------


def test_every_link_leads_to_a_place_in_the_page(page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {str(attributes["href"]) for tag, attributes in page.tags if tag == "a"}
    assert len(links) > 30
    assert {link for link in links if link[:1] != "#" or link[1:] not in ids} == set()
    assert not [tag for tag, attributes in page.tags if "src" in attributes]


def test_every_column_and_metric_leads_to_its_meaning(html: str) -> None:
    heads = re.findall(r'<th scope="col">(.*?)</th>', html)
    bare = {text for text in heads if 'href="#word-' not in text}
    plain = {"arms", "sign", "move", "metric", "key", "value", "what", "seconds"}
    plain |= {"both solve", "base only", "arm only", "neither", "status", "reason", "how many"}
    plain |= {"completions", "all wrong", "all right", "phrase", "for example", "z", "over-used"}
    assert bare - plain == set()
    (every,) = re.findall(
        r"<caption>Every metric at round 2</caption>(.*?)</table>", html, re.DOTALL
    )
    rows = re.findall(r'<th scope="row">(.*?)</th>', every)
    assert len(rows) > 20 and all('href="#word-' in row for row in rows)
    titles = re.findall(r"<figcaption><b>(.*?)</b>", html)
    assert len(titles) > 15 and all('href="#word-' in title for title in titles)


def test_terms_of_a_sentence_are_linked_once_and_nothing_else_is() -> None:
    known = words.finder(words.glossary())
    text = words.linked("Growth in pass@1 <b>, growth & error; Holm p 0.01", known)
    assert text.count('href="#word-growth"') == 1 and 'href="#word-holm-p"' in text
    assert "&lt;b&gt;" in text and "&amp; error;" in text
    assert (
        re.sub("<a.*?>|</a>", "", text)
        == "Growth in pass@1 &lt;b&gt;, growth &amp; error; Holm p 0.01"
    )


def test_every_value_of_keep_is_said_in_words() -> None:
    assert set(arms_in_words.KEEP) == set(get_args(Keep))
    arm = {"name": "a", "keep": "random", "match": "verified", "match_by": "rows", "cap": 2}
    said = "Trains on completions drawn at random, as many rows in all as verified (cap: 2)."
    assert arms_in_words.arm_says(arm) == said


# Hostile texts ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("hostile") / "run"
    return render([read_results(make_run(folder, hostile=(*HOSTILE, LONG)))])


def test_hostile_texts_are_data(hostile: str) -> None:
    page = Page(hostile)
    kinds = [attributes.get("type") for tag, attributes in page.tags if tag == "script"]
    assert kinds == ["application/gzip", None], "nothing but the page's own script"
    assert not [tag for tag, _ in page.tags if tag in ("img", "iframe", "object", "link", "base")]
    handlers = [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
    assert not handlers
    texts = page.data["runs"][0]["texts"]
    assert {*HOSTILE, LONG} <= set(texts), "whole, as they were"
    head = hostile[: hostile.index('id="data"')]
    assert "\x00" not in hostile and "\u202e" not in hostile and "\u2028" not in hostile
    assert "pwned" not in head or "&lt;script&gt;" in head


@pytest.mark.usefixtures("few_figures")
def test_hostile_phrases_show_as_text(tmp_path: Path) -> None:
    texts = ["<b>\x00\u202e" + HOSTILE[0]] * 60
    html = render([read_results(make_run(tmp_path / "run", hostile=texts))])
    assert "<b>\x00" not in html and "\u202e" not in html


@pytest.mark.usefixtures("few_figures")
def test_hostile_completions_show_as_text_where_verifiers_disagree(tmp_path: Path) -> None:
    easy = tmp_path / "easy.py"
    easy.write_text(
        "from rlvr.data import Verdict\n\n\ndef verify(problem, completion):\n"
        "    return Verdict('correct', completion, completion)\n"
    )
    of = config(seeds=[0], rounds=1, arms=["verified"])
    dressed = ("growth: \u202eevil", "\u202eevil !")  # as a verdict is, and as a harm
    run = make_run(tmp_path / "run", of, hostile=(*HOSTILE[:5], *dressed) * 8)
    found = rescore(run, str(easy), workers=1)
    shown = {one["completion"] for one in found["examples"]}
    assert shown & set(HOSTILE[:5]) and shown & set(dressed)
    html = render([read_results(run)])
    page = Page(html)
    assert page.tables["completions on which they disagree"][1:]
    assert "By another verifier: easy" in page.text
    assert not re.search(r"<script>document|<img src=x|\x1b|\x00|\u202e", html)


def test_a_hostile_level_is_text_in_a_chart(run: Path) -> None:
    r = read_results(run)
    name = '"><script>pwned</script> role="x" url(#clip0)'
    evil = {
        (seed, arm, t, f"pass@1[{name}]"): 0.5
        for seed in SEEDS
        for arm, t in (("base", 0), ("verified", 2))
    }
    r = dataclasses.replace(r, values={**r.values, **evil})
    (figure,) = (one for one in figure_groups(r, arm_looks(r.arms))["Tails"] if one.id == "level")
    drawn = svg(figure, "here")
    assert "pwned" in drawn and "<script" not in drawn
    tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(drawn).iter()}
    assert tags <= {"svg", "g", "path", "line", "text", "defs", "clipPath", "rect"}


def test_the_ids_of_charts_are_their_own(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    used = re.findall(r"url\(#([^)]*)\)", "".join(page.svgs.values()))
    assert used and set(used) <= set(ids)


def test_policy_allows_the_own_script_and_no_network(hostile: str) -> None:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', hostile)
    assert found is not None
    policy = found[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy and "http" not in policy
    import hashlib

    own = re.findall(r"<script>(.*?)</script>", hostile, re.DOTALL)
    own += re.findall(r"<style>(.*?)</style>", hostile, re.DOTALL)
    for text in own:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_visible() -> None:
    assert visible("a\x00b\u202ec\n\td") == "a⟨U+0000⟩b⟨U+202E⟩c\n\td"
    assert visible("\u05e9\u05dc\u05d5\u05dd <b>") == "\u05e9\u05dc\u05d5\u05dd <b>"


def test_size(html: str) -> None:
    assert len(html.encode()) < 5_000_000


@pytest.mark.usefixtures("few_figures")
def test_page_is_cut_to_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlvr.report.page.PACKED", 80_000)
    folder = make_run(tmp_path / "run", hostile=[f"{i:x}" * 3000 for i in range(48)])
    page = Page(render([read_results(folder)]))
    rows = page.data["runs"][0]["rows"]
    total = 3 * (100 + 6 * (48 + 100))
    assert 0 < len(rows["arm"]) < total
    assert f"{sum(rows['times']):,} of {total:,} completions" in page.text


# The sample ------------------------------------------------------------------------------------


def test_whole_when_it_fits(run: Path, page: Page) -> None:
    rows = page.data["runs"][0]["rows"]
    assert len({len(column) for column in rows.values()}) == 1
    assert sum(rows["times"]) == 3 * (100 + 6 * (48 + 100))
    first = training(run, 0, "verified", 1).iloc[0]
    i = next(i for i, of in enumerate(rows["set"]) if of == 0)
    data = page.data["runs"][0]
    assert data["texts"][rows["text"][i]] == first["text"]
    assert page.data["statuses"][rows["status"][i]] == first["status"]
    assert bool(rows["kept"][i]) == first["kept"]
    problem = data["problems"][rows["problem"][i]]
    assert problem["id"] == first["problem_id"]
    assert re.fullmatch(r"\d\d\+\d\d=", problem["prompt"]) and problem["level"].startswith("d")
    left, right = problem["prompt"].rstrip("=").split("+")
    assert int(problem["answer"][::-1]) == int(left) + int(right), "digits are reversed"


def test_equal_completions_are_one_row_with_their_number(run: Path, page: Page) -> None:
    data = page.data["runs"][0]
    frame = training(run, 1, "unfiltered", 2)
    groups = frame.groupby(["problem_id", "text", "status", "kept"])
    wanted = sorted((name[0], name[1], len(group)) for name, group in groups)
    places = zip(*(data["rows"][name] for name in ("set", "seed", "arm", "round")), strict=True)
    arm = data["arms"].index("unfiltered")
    found = sorted(
        (
            data["problems"][data["rows"]["problem"][i]]["id"],
            data["texts"][data["rows"]["text"][i]],
            data["rows"]["times"][i],
        )
        for i, place in enumerate(places)
        if place == (0, 1, arm, 2)
    )
    assert found == wanted and max(times for _, _, times in found) > 1
    for row in (row for row in found if row[2] > 1):
        same = frame[(frame["problem_id"] == row[0]) & (frame["text"] == row[1])]
        mean = np.mean([sum(logprobs) for logprobs in same["logprobs"]])
        at = [i for i, text in enumerate(data["rows"]["text"]) if data["texts"][text] == row[1]]
        assert any(data["rows"]["logprob"][i] == pytest.approx(mean, abs=1e-3) for i in at)


def test_sample_keeps_rare_verdicts_and_whole_problems(run: Path) -> None:
    r = read_results(run)
    parts = len(completions.parts(r))
    room = completions.Room(10 * parts, 10**9, 10**6)
    few = completions.sample(r, {}, room)
    assert len(few.rows["arm"]) <= 10 * parts
    again = completions.sample(r, {}, room)
    assert few == again, "always the same ones"
    statuses = set(few.rows["status"])
    assert statuses == {0, 1, 2}, "abstentions are 1 in 20"
    assert few.total == 3 * (100 + 6 * (48 + 100))
    assert few.shown < few.total


def test_fair_shares() -> None:
    assert completions.fair([100, 3, 50], 60) == [29, 3, 28]
    assert completions.fair([1, 1], 60) == [1, 1]
    assert completions.fair([], 60) == []


# What is missing, and bad input ------------------------------------------------------------------


def test_figures_alone_make_a_report_without_completions() -> None:
    page = Page(render([read_results(REPO / "docs/results/code_smollm2")]))
    assert "there is nothing to browse" in page.text
    assert page.verdicts["verified"]["verdict"] == "growth"
    assert ("form", {"id": "filters", "aria-label": "Filters"}) not in page.tags


@pytest.mark.usefixtures("few_figures")
def test_a_task_that_is_a_file_is_not_run(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('it was run')")
    saved = json.loads((folder / "config.json").read_text())
    saved["config"]["task"] = {"name": str(evil)}
    (folder / "config.json").write_text(json.dumps(saved))
    page = Page(render([read_results(folder)]))
    assert "a report runs none" in page.text
    assert page.data["runs"][0]["problems"], "their completions are there"


@pytest.mark.usefixtures("few_figures")
def test_off_target_tasks_are_not_run_either(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('it was run')")
    saved = json.loads((folder / "config.json").read_text())
    saved["config"]["evaluate"]["off_target"] = [{"task": {"name": str(evil)}, "name": "evil"}]
    (folder / "config.json").write_text(json.dumps(saved))
    problems = Page(render([read_results(folder)])).data["runs"][0]["problems"]
    assert all("prompt" in problem for problem in problems), "the run's own task still is"


@pytest.mark.usefixtures("few_figures")
def test_several_runs(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", config("other", generate={"prompts": 8, "samples": 4}))
    page = Page(render([read_results(run), read_results(other)]))
    differs = page.tables["What differs in their configs"]
    assert differs[0] == ["key", "made", "other"]
    assert ["generate.prompts", "12", "8"] in differs
    assert [row[0] for row in differs[1:]] == ["generate.prompts", "name"]
    arms = [row[1] for row in page.tables["runs side by side"][1:] if not row[1].startswith("at ")]
    assert arms == ["verified", "unfiltered", "random"] * 2
    assert [one["label"] for one in page.data["runs"]] == ["made", "other"]


@pytest.mark.usefixtures("few_figures")
def test_runs_of_one_name_are_told_apart_by_their_folders(run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(run, tmp_path / "copy")
    page = Page(render([read_results(run), read_results(copy)]))
    assert [one["label"] for one in page.data["runs"]] == ["made", "copy"]


@pytest.mark.usefixtures("few_figures")
def test_unfinished_rounds_are_said(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    rows = pd.read_parquet(folder / "metrics.parquet")
    rows[~((rows["seed"] == 2) & (rows["arm"] == "random"))].to_parquet(folder / "metrics.parquet")
    page = Page(render([read_results(folder)]))
    assert "Seeds left out, no round of theirs is finished in every arm: 2." in page.text


def test_equal_runs_give_equal_pages(run: Path, html: str) -> None:
    assert render([read_results(run)]) == html


@pytest.mark.usefixtures("few_figures")
@pytest.mark.parametrize(
    "name",
    [
        "seed-1/verified/round-002/completions.parquet",
        "seed-0/base/amplified.json",
        "manifest.json",
        "compare.json",
    ],
)
def test_damage_is_one_line_and_nothing_is_written(run: Path, tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    (folder / name).write_bytes(b"PAR1 damaged")
    with pytest.raises(InputError, match=re.escape(name)):
        write_report([read_results(folder)], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


@pytest.mark.usefixtures("few_figures")
def test_command(call: Call, run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    code, out, err = call("report", folder)
    assert (code, err) == (0, "") and (folder / "report.html").is_file()
    assert f"Report: {folder / 'report.html'}" in out
    code, out, _ = call("report", folder, run)
    assert code == 0 and Path("report.html").is_file()
    code, _, err = call("report", folder, "-o", tmp_path)
    assert code == 2 and err.count("\n") == 1 and "a folder: name a file" in err
    code, _, err = call("report", tmp_path / "nowhere", "-o", "new.html")
    assert code == 2 and "not a run folder" in err and not Path("new.html").exists()


# Colours ---------------------------------------------------------------------------------------


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colour", [*ARM_COLOURS.values(), *NEXT_COLOURS, "#555555"])
def test_every_arm_is_seen_on_a_dark_page(colour: str) -> None:
    shown = ON_DARK.get(colour, colour)
    assert (luminance(shown) + 0.05) / (luminance("#1b1f26") + 0.05) >= 3


def test_an_arm_has_one_colour_everywhere(page: Page) -> None:
    colours = arm_colours(["verified", "unfiltered", "random"])
    drawn = page.svgs["run-0-pass@1"]
    assert all(f"var({variable(colour)})" in drawn for colour in colours.values())


@pytest.mark.parametrize("kind", ["change", "pass@1", "pass-at-k", "level", "coverage"])
def test_figures_are_valid_vega_lite(run: Path, kind: str) -> None:
    r = read_results(run)
    figures = [one for of in figure_groups(r, arm_looks(r.arms)).values() for one in of]
    assert len(figures) > 15
    (spec,) = (figure.spec for figure in figures if figure.id == kind)
    altair.Chart.from_dict(dict(spec))
    layers = spec.get("layer", [spec])
    assert {layer.get("data", spec.get("data"))["name"] for layer in layers} == {"rows"}


def test_settings_name_arms_by_their_axes(run: Path) -> None:
    shown = facts.settings(read_results(run).config)
    assert shown["arms.random"] == (
        "author: model, keep: random, learner: sft, match: verified, memory: replace, "
        "start: previous"
    )
