"""rlvr/results/tables.py and terminal.py: what a terminal of 80 columns shows of synthetic runs."""

import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support.figures import ARMS, BASE, FINAL, make_run, rows_of, with_excluded, without

from rlvr import cli
from rlvr.results.compare import read_results, size_matched
from rlvr.results.terminal import print_tables

RECORDED = Path(__file__).parents[2] / "docs" / "results"


def tables(*runs: Path, width: int = 80, everything: bool = True) -> str:
    """Return what is printed, without the blanks at the ends of lines."""
    console = Console(file=io.StringIO(), width=width)
    print_tables([read_results(run) for run in runs], console, everything)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "run")


def test_tables_hold_what_a_reader_needs(run: Path) -> None:
    text = tables(run)
    for needed in (
        "quick, seeds 0, 1, 2, 2 rounds",
        "Rule: growth if pass@1 rises by at least 0.05",
        "95 % interval",
        "verified - unfiltered",
        "unfiltered - real",
        "pass@1_best_temperature  0.600",
        "greedy",
        "pass@8",
        "easy",
        "collapse",
    ):
        assert needed in text
    assert "side by side" not in text


def test_by_default_there_are_verdicts_signs_checks_and_a_sentence_an_arm(run: Path) -> None:
    text = tables(run, everything=False)
    parts = (
        *("quick, seeds 0, 1, 2, 2 rounds", "\nRule: growth", "\npass@1 against the base\n"),
        *("\nsigns of collapse\n", "\nlook  rule", "\nverified: Growth", "\ndocs/glossary.md"),
    )
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    for part in ("arm against arm", "means over seeds", "by level", "by seed", "how sure"):
        assert part not in text and part in tables(run)
    assert len(text.splitlines()) < 65


def test_it_begins_with_what_was_run_and_what_each_arm_trains_on() -> None:
    lines = tables(RECORDED / "quickstart", everything=False).splitlines()
    start = lines.index("tiny-0.4m on addition (digits 2, reverse true), 400 x 8 held-out samples")
    assert lines[start + 1].split(maxsplit=1) == [
        "verified",
        "Trains on completions that the verifier calls correct",
    ]


def test_a_size_matched_arm_shows_what_the_choice_of_rows_adds() -> None:
    (said,) = size_matched(read_results(RECORDED / "quickstart"))
    assert said.startswith("verified - random: pass@1 +0.7")
    assert size_matched(read_results(RECORDED / "grpo_smollm2")) == []


@pytest.mark.parametrize(
    ("axis", "value", "said"),
    [
        ("start", "scratch", 0),
        ("real_fraction", 0.5, 0),
        ("memory", "accumulate", 0),
        ("flip", {"false_positive": 0.1}, 1),  # which rows are kept, and no other difference
    ],
)
def test_it_says_nothing_where_the_two_differ_in_more_than_the_choice(
    axis: str, value: object, said: int
) -> None:
    r = read_results(RECORDED / "quickstart")
    arms = [{**arm, axis: value} if arm["name"] == "verified" else arm for arm in r.config["arms"]]
    assert len(size_matched(replace(r, config={**r.config, "arms": arms}))) == said


def test_compare_prints_the_rest_where_all_is_asked_for(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rlvr.results.plot.plot", lambda r: run / "compare.png")
    monkeypatch.setattr("rlvr.results.plot.plot_steps", lambda r: None)
    for options, there in (([], False), (["--all"], True)):
        monkeypatch.setattr("sys.argv", ["rlvr", "compare", str(run), *options])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        assert stopped.value.code in (0, None)
        assert ("arm against arm" in capsys.readouterr().out) == there


def test_primary_arms_come_first_and_the_others_are_called_exploratory(tmp_path: Path) -> None:
    arms = ("random", "verified", "unfiltered")
    rows = rows_of({arm: FINAL[arm] for arm in arms}, BASE)
    lines = tables(make_run(tmp_path / "run", rows, arms=arms), everything=False).splitlines()
    start = lines.index("pass@1 against the base")
    end = lines.index("signs of collapse")
    for table in (lines[start:end], lines[end:]):
        first = [line.split()[0] for line in table if line.split()]
        order = [first.index(x) for x in ("verified", "unfiltered", "exploratory:", "random")]
        assert order == sorted(order)
    text = tables(make_run(tmp_path / "all", primary=list(ARMS)))
    assert "exploratory" not in text and "primary arms (all arms)" in text


def test_names_with_brackets_are_not_taken_for_markup(tmp_path: Path) -> None:
    final = {"[bold]arm[/x]": FINAL["verified"]}
    folder = make_run(tmp_path / "run", rows_of(final, BASE), arms=list(final), name="[red]")
    text = tables(folder)
    assert "[bold]arm[/x]" in text
    assert "[red]" in text


def test_several_runs_end_side_by_side(run: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", name="second", margin=0.2)
    text = tables(run, other)
    tail = text[text.index("runs side by side") :]
    assert tail.count("quick") == tail.count("second") == len(ARMS)
    assert "judged by different rules" in tail
    twin = make_run(tmp_path / "twin")
    assert str(twin) in tables(run, twin, width=200)  # equal names: the folders tell them apart


def test_unfinished_run_says_so(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", without((2, "real", 2)))
    assert "incomplete: compared at round 1 of 2" in tables(folder)
    folder = make_run(tmp_path / "fewer", without((1, "real", 1), (1, "real", 2)))
    assert "without seed 1" in tables(folder)


def test_nothing_excluded_shows_no_worst_case(run: Path) -> None:
    text = tables(run)
    assert "excluded" not in text
    assert "at worst" not in text


def test_worst_case_either_way_in_every_table_of_effects(tmp_path: Path) -> None:
    text = tables(make_run(tmp_path / "run", with_excluded({"unfiltered": 4}, 0.01)))
    lines = text.splitlines()
    against_base = next(i for i, line in enumerate(lines) if re.match(r"unfiltered +0\.", line))
    assert "-0.069" in lines[against_base + 1]
    assert lines[against_base + 1].endswith("collapse")
    assert "-0.049" in lines[against_base + 2]
    assert lines[against_base + 2].endswith("inconclusive")
    assert "completions excluded from evaluation, all seeds" in text
    assert text.count("  at worst  ") == text.count("  at best  ") == 4  # and its three contrasts


@pytest.mark.parametrize("excluded", [0, 4])
def test_eighty_columns_hold_every_table_whole(tmp_path: Path, excluded: int) -> None:
    folder = make_run(tmp_path / "run", with_excluded({"unfiltered": excluded}, 0.01))
    sentences = ("Rule: ", *(f"{arm}: " for arm in ARMS))
    wide = [line for line in tables(folder, width=400).splitlines() if line]
    narrow = tables(folder).splitlines()
    assert [line for line in wide if not line.startswith(sentences) and line not in narrow] == []
    assert len(narrow) < 131


def test_a_sentence_takes_at_most_two_lines(run: Path) -> None:
    lines = tables(run).splitlines()
    starts = [i for i, line in enumerate(lines) if line.startswith(tuple(f"{a}: " for a in ARMS))]
    ends = [*starts[1:], len(lines) - 2]
    assert all(end - start <= 2 for start, end in zip(starts, ends, strict=True))


def test_many_arms_and_long_names_cost_no_figure(tmp_path: Path) -> None:
    arms = [f"an-arm-with-a-long-name-{i}" for i in range(6)] + ["verified"]
    rows = rows_of({arm: FINAL["verified"] for arm in arms}, BASE)
    folder = make_run(tmp_path / "run", rows, arms=arms)
    text = tables(folder)
    assert text.count("means over seeds") > 1
    for arm in arms:  # a column of each table by arm, and the sentence
        assert sum(arm in line.split() for line in text.splitlines()) >= 3
        assert f"\n{arm}: Growth" in text
    # Among the verdicts, and among the figures behind the signs.
    assert text.count("0.367  0.963  +0.597  +0.485 to +0.709") == 2 * len(arms)
    assert "…" not in text
