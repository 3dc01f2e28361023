"""The report in a real headless Chromium, opened from disk as a reader opens it.

Debian's `chromium` (`apt-get install chromium`), or any other named in CHROMIUM.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright
from support.made_run import HOSTILE, LONG, config, make_run

from rlvr.report.figures import arm_looks, figure_groups
from rlvr.report.page import visible, write_report
from rlvr.results.compare import compare_run, read_results

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOUND = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FOUND is None, reason="no Chromium here: apt-get install chromium"),
]
SIZES = ((390, 844), (1280, 900), (1920, 1080))
# What a reader can reach: everything that acts, and everything that scrolls.
REACHABLE = "a[href], button, input, select, summary, [tabindex='0']"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # As root, as in CI, Chromium starts only without its own sandbox.
        launched = playwright.chromium.launch(executable_path=FOUND, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "made"
    return make_run(folder, hostile=(*HOSTILE, LONG))


@pytest.fixture(scope="module")
def report(run: Path) -> Path:
    path = run / "report.html"
    write_report([read_results(run)], path)
    return path


class Opened:
    """A page, and all that it complained of or asked for."""

    def __init__(self, browser: Browser, path: Path, fragment: str = "", **context: Any) -> None:
        self.context = browser.new_context(**context)
        self.page: Page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", self._note)
        self.url = path.as_uri()
        self.page.goto(self.url + fragment)
        self.page.wait_for_selector("body[data-ready]", state="attached")

    def _note(self, request: Request) -> None:
        if not request.url.startswith(("blob:", "data:")):  # what the page itself made, to save it
            self.asked.append(request.url)

    def select(self, **chosen: str) -> None:
        for name, value in chosen.items():
            if name == "text":
                self.page.fill("#filters [name=text]", value)
            else:
                self.page.select_option(f"#filters [name={name}]", value)
        self.page.wait_for_timeout(400)

    def count(self) -> int:
        return int(self.page.inner_text("#count").split(" of ")[0].replace(",", ""))


@pytest.fixture(scope="module")
def shared(browser: Browser, report: Path) -> Iterator[Opened]:
    one = Opened(browser, report)
    yield one
    one.context.close()


@pytest.fixture
def opened(shared: Opened) -> Iterator[Opened]:
    """Return the page with its filters cleared; the console is silent and nothing is asked for."""
    shared.page.click("#filters button[type=reset]")
    yield shared
    assert shared.said == []
    assert shared.asked == [shared.url]


def raw(run: Path) -> pd.DataFrame:
    """Return every completion of the run that the browser shows, read again."""
    frames = []
    for path in sorted(run.glob("seed-*/*/**/*.parquet")):
        if path.name not in ("completions.parquet", "eval.parquet"):
            continue
        frame = pd.read_parquet(path)
        seed, arm = path.relative_to(run).parts[:2]
        frame["seed"], frame["arm"] = int(seed.removeprefix("seed-")), arm
        frame["round"] = 0 if arm == "base" else int(path.parent.name.removeprefix("round-"))
        if path.name == "completions.parquet":
            frame["set"] = "training"
        else:
            names = {"sample": "held-out", "greedy": "held-out, greedy"}
            frame["set"] = frame["kind"].map(names)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def test_opens_from_disk_silent_and_alone(opened: Opened, run: Path) -> None:
    page = opened.page
    assert page.title() == "made: report", "nothing in it ran"
    compared = compare_run(read_results(run))
    for arm, verdict in compared["verdicts"].items():
        line = page.locator(f"[data-arm={arm}]")
        assert line.locator("[data-verdict]").get_attribute("data-verdict") == verdict
        said = [line.locator(of).text_content() for of in ("[data-verdict]", "[data-why]")]
        assert ". ".join(map(str, said)) == compared["why"][arm]
    charts = page.locator(".chart")
    assert charts.count() > 15
    for i in range(charts.count()):
        marks = charts.nth(i).locator(".mark-symbol path, .mark-rect path")
        assert marks.count() > 3 + 3, "more than the legend is drawn"
    assert page.get_by_role("img", name="Change of pass@1 from the base").count() == 1
    lines = page.locator("[id='run-0-change'] .mark-line path")
    assert lines.count() == 3 * (1 + 3), "of each arm the mean and three seeds"


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"set": "training"},
        {"set": "held-out, greedy"},
        {"arm": "random"},
        {"arm": "base"},
        {"round": "2"},
        {"seed": "1"},
        {"level": "d2c1"},
        {"verdict": "abstain"},
        {"kept": "yes"},
        {"kept": "no"},
        {"text": "777"},
        {"text": "<IMG"},
        {"set": "training", "arm": "verified", "round": "1", "verdict": "wrong", "kept": "no"},
        {"text": "there is no such text"},
    ],
)
def test_each_filter_leaves_the_rows_it_should(
    opened: Opened, run: Path, chosen: dict[str, str]
) -> None:
    opened.select(**chosen)
    frame = raw(run)
    for name, value in chosen.items():
        if name == "text":
            frame = frame[frame["text"].str.lower().str.contains(value.lower(), regex=False)]
        elif name == "kept":
            frame = frame[frame["kept"].eq(value == "yes") & frame["kept"].notna()]
        elif name == "level":  # a training problem's is in no file: drawn again by the report
            frame = frame[frame["level"].eq(value) | frame["set"].eq("training")]
        else:
            column = {"verdict": "status"}.get(name, name)
            frame = frame[frame[column].astype(str) == value]
    if "level" in chosen:
        opened.select(set="held-out")
        frame = frame[frame["set"] == "held-out"]
    assert opened.count() == len(frame)
    cards = opened.page.locator("#rows .card")
    assert cards.count() == min(40, len(frame))
    if chosen.get("verdict"):
        said = set(cards.locator(".status").all_inner_texts())
        assert said == {chosen["verdict"]}


def test_a_view_has_its_own_link(opened: Opened, browser: Browser, report: Path) -> None:
    opened.select(arm="verified", verdict="wrong", text="0")
    link = opened.page.inner_text("#view code")
    assert link == "#arm=verified&verdict=wrong&text=0"
    assert opened.page.url.endswith(link)
    other = Opened(browser, report, link)
    assert other.count() == opened.count() > 0
    shown = [one.page.locator("#rows").inner_text() for one in (opened, other)]
    assert shown[0] == shown[1]
    other.page.click("#filters button[type=reset]")
    assert other.count() > opened.count()
    other.context.close()


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_hostile_text_shows_as_text(opened: Opened, text: str) -> None:
    opened.select(text=text)
    assert opened.count() > 0
    assert opened.page.locator("#rows .card .writing pre").first.text_content() == visible(text)
    assert opened.page.locator("#rows img, #rows script, #rows b b").count() == 0
    opened.page.locator("#rows .card button").last.click()
    assert opened.page.locator("#problem .entry pre").count() > 0
    assert opened.page.title() == "made: report"


def test_a_megabyte_of_text_shows_as_text(opened: Opened) -> None:
    opened.select(text="all work and no play")
    card = opened.page.locator("#rows .card").first
    written = card.locator(".writing pre")
    assert len(str(written.text_content())) < 1000
    card.get_by_role("button", name="Show all 1,050,000 characters").click()
    assert written.text_content() == LONG


def test_a_problem_side_by_side(opened: Opened, run: Path) -> None:
    opened.select(set="held-out", arm="verified", round="2", text="777")
    opened.select(arm="", round="", text="")
    opened.page.locator("#rows .card button", has_text="side by side").first.click()
    title = opened.page.locator("#problem h3")
    assert title.evaluate("element => element === document.activeElement")
    heads = opened.page.locator("#problem thead th").all_inner_texts()
    assert heads == ["round", "verified", "unfiltered", "random"]
    rows = opened.page.locator("#problem tbody tr")
    assert rows.locator("th").all_inner_texts() == ["0, the base", "1", "2"]
    id_, seed = title.inner_text().removeprefix("Problem ").split(", seed ")
    frame = raw(run)
    frame = frame[(frame["problem_id"] == id_) & (frame["seed"] == int(seed))]
    frame = frame[frame["set"] == "held-out"]
    assert opened.count() == len(frame) == 7 * 4
    cell = rows.nth(2).locator("td").nth(0)
    there = frame[(frame["arm"] == "verified") & (frame["round"] == 2)]
    assert set(cell.locator("pre").all_inner_texts()) == {
        visible(text) or "(empty)" for text in there["text"]
    }


def test_figures_are_saved(opened: Opened) -> None:
    def saved(kind: str) -> bytes:
        with opened.page.expect_download() as download:
            opened.page.click(f"button[data-save={kind}][data-figure='run-0-change']")
        assert download.value.suggested_filename == f"run-0-change.{kind.lower()}"
        return Path(str(download.value.path())).read_bytes()

    lines = saved("CSV").decode().splitlines()
    assert lines[0] == "what,arm,round,value,low,high,seed"
    assert len([line for line in lines if line.startswith("mean,verified,")]) == 3
    assert saved("PNG").startswith(b"\x89PNG")
    svg = saved("SVG").decode()
    assert svg.startswith("<svg") and "#0072b2" in svg and "var(" not in svg
    assert svg.count("mark-line") > 0 and svg.count('stroke="#0072b2"') >= 1 + 3


def test_the_table_of_a_figure(opened: Opened) -> None:
    details = opened.page.locator("details[data-table='run-0-change']")
    details.locator("summary").focus()
    opened.page.keyboard.press("Enter")
    details.locator("table").wait_for()
    assert details.locator("tbody tr").count() == 3 * 3 + 2, "the margin, above and below"


def test_the_keyboard_reaches_everything(browser: Browser, report: Path) -> None:
    one = Opened(browser, report)
    page = one.page
    page.evaluate(
        """selector => [...document.querySelectorAll(selector)].forEach(
             (e, i) => e.dataset.i = i)""",
        REACHABLE,
    )
    wanted = page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
             .filter((e) => e.checkVisibility()).map((e) => e.dataset.i)""",
        REACHABLE,
    )
    assert len(wanted) > 100
    reached = set()
    for _ in range(len(wanted) + 20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.i"))
    assert set(wanted) <= reached
    # And works from there: a filter by its arrow keys, text by typing, a problem by Enter.
    page.focus("#filters [name=verdict]")
    page.keyboard.press("ArrowDown")
    page.wait_for_timeout(300)
    assert page.url.endswith("#verdict=correct")
    page.focus("#filters [name=text]")
    page.keyboard.type("0")
    page.wait_for_timeout(400)
    assert page.url.endswith("#verdict=correct&text=0")
    page.focus("#rows .card button >> nth=0")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "H3"
    assert one.said == []
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width,height", [SIZES[0], SIZES[1]])
def test_axe_finds_nothing(
    browser: Browser, report: Path, scheme: str, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    one = Opened(browser, report, viewport=size, color_scheme=scheme)
    one.page.evaluate("document.querySelectorAll('details').forEach((e) => (e.open = true))")
    one.page.wait_for_timeout(300)
    for chosen in ({}, {"text": "<script>"}):
        one.select(**chosen)
        if chosen:
            one.page.locator("#rows .card button", has_text="side by side").first.click()
        found = Axe().run(one.page).response["violations"]
        brief = [(v["id"], [node["html"][:200] for node in v["nodes"][:3]]) for v in found]
        assert brief == [], json.dumps(brief, indent=1)
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width,height", SIZES)
def test_nothing_is_wider_than_the_page(
    browser: Browser, report: Path, scheme: str, width: int, height: int
) -> None:
    size = {"width": width, "height": height}
    one = Opened(browser, report, viewport=size, color_scheme=scheme)
    assert one.page.evaluate("document.documentElement.scrollWidth") == width
    wide = one.page.evaluate(
        "[...document.querySelectorAll('.chart svg')].filter((e) =>"
        " e.getBoundingClientRect().right > e.closest('figure').getBoundingClientRect().right)"
        ".length"
    )
    assert wide == 0
    if folder := os.environ.get("SCREENSHOTS"):
        name = f"{folder}/report-{width}-{scheme}.png"
        one.page.screenshot(path=name, full_page=True)
    one.context.close()


def test_print_is_light_and_without_what_only_a_screen_can_use(
    browser: Browser, report: Path
) -> None:
    one = Opened(browser, report, color_scheme="dark")
    one.page.emulate_media(media="print")
    ink = one.page.evaluate("getComputedStyle(document.body).color")
    assert ink == "rgb(36, 41, 47)"
    for hidden in ("nav", "#completions", ".buttons >> nth=0"):
        assert not one.page.locator(hidden).is_visible()
    for chart in one.page.locator(".chart > svg").all():
        box = chart.bounding_box()
        assert box is not None and box["height"] > 100, "folded groups are printed too"
    assert one.page.pdf().startswith(b"%PDF")
    one.context.close()


def test_charts_and_verdicts_need_no_script(browser: Browser, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    assert page.locator(".chart > svg .mark-line path").count() > 100
    assert page.locator("[data-verdict]").count() == 3
    assert page.locator("noscript p").is_visible()
    context.close()


def test_a_card_has_the_right_answer_and_its_number(opened: Opened, run: Path) -> None:
    opened.select(set="training", arm="unfiltered", seed="2", text="777")
    frame = raw(run)
    frame = frame[(frame["set"] == "training") & (frame["arm"] == "unfiltered")]
    frame = frame[frame["seed"] == 2]
    frame = frame[frame["text"] == "777"]
    assert opened.count() == len(frame)
    groups = frame.groupby(["round", "problem_id", "status", "kept"]).size()
    cards = opened.page.locator("#rows .card")
    assert cards.count() == len(groups) < len(frame)
    more = cards.filter(has=opened.page.locator(".times"))
    assert more.count() == (groups > 1).sum()
    for card in more.all()[:5]:
        prompt, right = (
            card.locator(".labelled", has_text=name).locator("pre").inner_text()
            for name in ("prompt", "right answer")
        )
        left, other = prompt.rstrip("=").split("+")
        assert int(right[::-1]) == int(left) + int(other), "digits are reversed"


def test_line_breaks_of_a_prompt_show(opened: Opened) -> None:
    heights = opened.page.evaluate(
        """() => ['one two', 'one\\ntwo'].map((prompt) => {
             const shown = labelled('prompt', block(prompt));
             document.querySelector('#rows').prepend(shown);
             return shown.querySelector('pre').getBoundingClientRect().height;
           })"""
    )
    assert heights[1] > heights[0] + 10


def test_several_runs_share_the_browser(browser: Browser, run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", config("other", seeds=(7, 8, 9)))
    path = tmp_path / "report.html"
    write_report([read_results(run), read_results(other)], path)
    one = Opened(browser, path)
    first = one.count()
    one.select(run="1")
    assert one.page.url.endswith("#run=1")
    seeds = one.page.locator("#filters [name=seed] option").all_inner_texts()
    assert seeds == ["all", "7", "8", "9"] and one.count() == first
    assert one.said == []
    one.context.close()


def test_a_report_without_completions_opens(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    recorded = read_results(Path(__file__).parents[2] / "docs/results/quickstart")
    write_report([recorded], path)
    one = Opened(browser, path)
    drawn = sum(map(len, figure_groups(recorded, arm_looks(recorded.arms)).values()))
    assert one.said == [] and one.page.locator(".chart > svg").count() == drawn > 9
    one.context.close()
