"""rlvr/statistics/conditions.py: what a rule says, and when it holds."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats
from support.figures import BASE, FINAL, Row, make_run, rows_of
from support.runs import TINY
from support.scripts import script

from rlvr.config import load, resolved
from rlvr.data import InputError
from rlvr.records.record import deciding, digest
from rlvr.results.compare import compare_run, read_results
from rlvr.results.conditions import settle_conditions
from rlvr.results.tables import conditions_tables
from rlvr.statistics.conditions import (
    OPPOSITE,
    State,
    Values,
    first_round,
    parse,
    settle,
    settled,
    settled_first,
    state,
)

# Five seeds around 0.1: the 95 % interval is 0.1 +- 2.776 x 0.0158 / sqrt(5), about +-0.0196.
VALUES = (0.08, 0.09, 0.10, 0.11, 0.12)


def test_a_difference_and_a_function_of_one() -> None:
    condition = parse("verified  pass@1 - base pass@1_best_temperature > 0.05")
    assert (condition.way, condition.limit) == (">", 0.05)
    plus, minus = condition.quantity.plus, condition.quantity.minus
    assert plus is not None and (plus.arm, plus.metric) == ("verified", "pass@1")
    assert minus is not None and (minus.arm, minus.metric) == ("base", "pass@1_best_temperature")
    slope = parse("slope(unfiltered pass@1 - base pass@1) beyond 0.02").quantity
    assert slope.function == "slope" and slope.minus is not None
    assert parse("distance() < 0.1").quantity.plus is None
    assert parse("fp30 J < -0.1").limit == -0.1


@pytest.mark.parametrize(
    "text",
    [
        "verified pass@1",
        "verified > 0",
        "verified pass@1 => 0",
        "verified pass@1 - base pass@1 - real pass@1 > 0",
        "verified pass@1 > much",
        "cube(verified pass@1) > 0",
        "verified pass@1 within 0",
        "slope() within 0.1",
        "distance(verified pass@1) < 0.1",
        "slope(verified pass@1, last 1) > 0",
        "slope(verified pass@1, last three) > 0",
        "first(verified pass@1) < 3",
        "first(slope(verified pass@1, last 3) < 0) < 3",
        "first(verified pass@1 < 0.3) < 1",
        "first(verified pass@1 < 0.3) < 2.5",
        "first(verified pass@1 < 0.3) within 2",
        "",
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"no condition|no term|no such function|difference|above|takes|last 2|of first",
    ):
        parse(text)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("> 0.05", "holds"),
        ("> 0.09", "open"),
        ("> 0.2", "fails"),
        ("< 0.2", "holds"),
        ("< 0.05", "fails"),
        ("within 0.2", "holds"),
        ("within 0.05", "fails"),
        ("within 0.11", "open"),
        ("beyond 0.05", "holds"),
        ("beyond 0.2", "fails"),
        ("beyond 0.1", "open"),
    ],
)
def test_state_is_where_the_whole_interval_lies(rule: str, expected: str) -> None:
    assert state(parse(f"verified pass@1 {rule}"), Values(VALUES), 0.95) == expected


def test_the_interval_is_students() -> None:
    low = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95).low
    assert state(parse(f"a m > {low - 1e-6:.7f}"), Values(VALUES), 0.95) == "holds"
    assert state(parse(f"a m > {low + 1e-6:.7f}"), Values(VALUES), 0.95) == "open"


def test_one_part_of_several_refutes_at_a_corrected_level() -> None:
    high = stats.ttest_1samp(VALUES, 0).confidence_interval(0.95).high
    condition = parse(f"a m > {high + 0.001:.4f}")
    assert state(condition, Values(VALUES), 0.95, parts=1) == "fails"
    assert state(condition, Values(VALUES), 0.95, parts=5) == "open"


def test_too_few_seeds_or_a_seed_without_a_value_is_open() -> None:
    assert state(parse("a m > 0"), Values((1.0, 1.0)), 0.95) == "open"
    assert state(parse("a m > 0"), Values((1.0, 1.0, 1.0, math.nan)), 0.95) == "open"


def test_a_claim_without_its_controls_is_inconclusive() -> None:
    assert settle(["holds"], ["holds", "holds"]) == "supported"
    assert settle(["holds"], ["holds", "fails"]) == "refuted"
    assert settle(["holds"], ["holds", "open"]) == "inconclusive"
    assert settle(["open"], ["holds"]) == "inconclusive"
    assert settle(["fails"], ["fails"]) == "inconclusive"
    assert settle([], ["holds"]) == "supported"


# Time


def test_equal_values_without_an_error_of_measurement_say_nothing() -> None:
    """As in verdicts: an interval of no width is not sure, but blind."""
    condition = parse("verified survival - base survival < -0.05")
    found = settled(condition, Values([-0.1] * 5), 0.95)
    assert found.state == "open" and math.isnan(found.p_holds)
    assert settled(condition, Values([-0.1] * 5, np.diag([1e-4] * 5)), 0.95).state == "holds"
    assert settled(condition, Values([-0.1, -0.1, -0.1, -0.1, -0.101]), 0.95).state == "holds"


def test_what_is_read_of_rounds() -> None:
    late = parse("slope(verified pass@1 - base pass@1, last 3) within 0.02")
    assert (late.quantity.function, late.quantity.last, late.limit) == ("slope", 3, 0.02)
    assert len(late.quantity.terms) == 2
    fall = parse("first(verified pass@1 - base pass@1 < -0.05) < 4")
    event = fall.quantity.event
    assert event is not None and (event.way, event.limit) == ("<", -0.05)
    assert (fall.way, fall.limit) == ("<", 4)
    assert [term.arm for term in fall.quantity.terms] == ["verified", "base"]


def seeds_at(*means: float) -> list[Values]:
    """Return by round three seeds around each mean: their 95 % interval is +-0.025."""
    return [Values((mean - 0.01, mean, mean + 0.01)) for mean in means]


EVENT = parse("a m < -0.05")


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ((0, 0, -0.1, -0.2), (3, 3, 3)),
        ((0, -0.04, -0.06, -0.2), (3, 2, 4)),  # what includes the margin is either
        ((0, 0, 0, 0), (math.nan, 5, math.inf)),  # in no round: later, if at all
        ((0, 0, 0, -0.06), (4, 4, math.inf)),
        ((-0.1, -0.1, -0.1, -0.1), (1, 1, 1)),
        ((-0.1, 0, 0, -0.1), (1, 1, 4)),  # back in between: from round 4 on for certain
        ((0, -0.1, 0, 0), (2, 2, math.inf)),  # and back for good
    ],
)
def test_the_first_round_lies_between_what_is_excluded_and_what_is_certain(
    means: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    found = first_round(EVENT, seeds_at(*means), 0.95)
    assert (found.delta, found.low, found.high) == pytest.approx(expected, nan_ok=True)


def test_a_seed_in_which_it_never_happens_is_a_bound_and_no_missing_value() -> None:
    falls = [[0.0, 0.001, 0.0, -0.001], [-0.1, -0.11, -0.1, -0.09], [-0.2, -0.21, -0.2, -0.19]]
    condition = parse("first(a m < -0.05) < 3")
    all_fall = settled_first(condition, [Values(row) for row in falls], 0.95)
    assert (all_fall.state, all_fall.values) == ("holds", (2.0, 2.0, 2.0, 2.0))
    found = settled_first(condition, [Values([*row[:3], 0.0]) for row in falls], 0.95)
    assert found.values == (2.0, 2.0, 2.0, math.inf)
    assert (found.state, found.interval.low, found.interval.high) == ("open", 2.0, math.inf)


@pytest.mark.parametrize(
    ("means", "rule", "expected"),
    [
        ((0, 0, -0.1, -0.2), "< 4", "holds"),
        ((0, 0, -0.1, -0.2), "< 3", "fails"),
        ((0, 0, -0.1, -0.2), "> 2", "holds"),
        ((0, 0, -0.1, -0.2), "> 3", "fails"),
        ((0, 0, 0, 0), "> 4", "holds"),  # not in these rounds
        ((0, 0, 0, 0), "< 4", "fails"),
        ((0, 0, 0, -0.06), "< 5", "open"),
        ((0, 0, 0, -0.06), "> 3", "holds"),
        ((0, 0), "< 5", "open"),  # rounds 3 and 4 are still to come
        ((0, 0), "> 4", "open"),
        ((0, math.nan, -0.1, -0.2), "< 4", "holds"),
        ((0, math.nan, -0.1, -0.2), "> 2", "open"),
    ],
)
def test_when_it_happens_first(means: tuple[float, ...], rule: str, expected: str) -> None:
    found = settled_first(parse(f"first(a m < -0.05) {rule}"), seeds_at(*means), 0.95)
    assert found.state == expected
    # What p says is what the state says.
    assert (found.p_holds <= 0.05) == (expected == "holds")
    assert (found.p_fails <= 0.05) == (expected == "fails")


def test_two_seeds_say_nothing_of_rounds() -> None:
    two = [Values((-0.1, -0.1)), Values((-0.2, -0.2))]
    assert settled_first(parse("first(a m < -0.05) < 2"), two, 0.95).state == "open"


@pytest.mark.parametrize("way", [">", "<", "within", "beyond"])
@pytest.mark.parametrize("limit", [0.05, 0.09, 0.1, 0.11, 0.118, 0.12, 0.2])
def test_p_is_below_the_level_exactly_where_the_interval_decides(way: str, limit: float) -> None:
    found = settled(parse(f"a m {way} {limit}"), Values(VALUES), 0.95)
    assert (found.p_holds <= 0.05) == (found.state == "holds")
    assert (found.p_fails <= 0.05) == (found.state == "fails")
    assert (
        found.p_fails
        == settled(parse(f"a m {OPPOSITE[way]} {limit}"), Values(VALUES), 0.95).p_holds
    )


def test_p_is_students() -> None:
    found = settled(parse("a m > 0.05"), Values(VALUES), 0.95)
    assert found.p_holds == pytest.approx(stats.ttest_1samp(VALUES, 0.05).pvalue)
    assert math.isnan(settled(parse("a m > 0"), Values((1.0, math.nan, 1.0)), 0.95).p_holds)


# Of a run


SAID = (
    "verified pass@1 - unfiltered pass@1 > 0.05",
    "slope(verified pass@1, last 2) > 0",
    "slope(unfiltered pass@1 - base pass@1, last 2) within 0.01",
    "first(unfiltered pass@1 - base pass@1 < -0.01) < 3",
    "first(verified pass@1 - base pass@1 < -0.05) > 2",
    "verified amplified > 0.5",
)


def test_a_run_says_of_each_of_its_conditions_what_became_of_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", rows_of(FINAL, BASE), conditions=list(SAID))
    r = read_results(run)
    states = ["holds", "holds", "fails", "holds", "holds", "open"]
    assert [one.state for one, _ in settle_conditions(r)] == states
    found = compare_run(r)["conditions"]
    assert [one["condition"] for one in found] == list(SAID)
    # Round 1 lies half way to round 2, the slope of the last two rounds is the other half.
    assert found[1]["by_seed"] == pytest.approx([0.6 / 2, 0.55 / 2, 0.64 / 2])
    assert (found[3]["value"], found[3]["ci95"]) == (1, [1, 1])
    assert (found[4]["value"], found[4]["ci95"], found[4]["by_seed"]) == (
        None,
        [3, None],
        [None] * 3,
    )
    assert (found[5]["value"], found[5]["p"]) == (None, None)
    assert all(one["p"] <= one["p_holm"] for one in found[:5])
    (table,) = conditions_tables(r)
    cells = [list(column) for column in zip(*table.rows, strict=True)]
    assert cells[0] == list(SAID) and cells[-1] == states
    assert cells[2][3:5] == ["round 1", "round 3 or later"]
    words = {*table.head, *get_args(State)}
    glossary = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text()
    assert [word for word in words if word and f"*{word}*" not in glossary] == []


def test_an_arm_that_was_not_taught_settles_nothing(tmp_path: Path) -> None:
    def steps(arm: str, n: float) -> list[Row]:
        rows = [
            row for row in rows_of(FINAL, BASE) if row["metric"] == "kept" and row["arm"] == arm
        ]
        return [{**row, "metric": "train_steps", "value": n} for row in rows]

    rows = [*rows_of(FINAL, BASE), *steps("verified", 0.0), *steps("real", 4.0)]
    said = ["verified pass@1 > 0.5", "real pass@1 > 0.5", "real pass@1 - verified pass@1 < 0.5"]
    r = read_results(make_run(tmp_path / "run", rows, conditions=said))
    why = "verified: nothing to learn from: no training step in round 1 of seed 0"
    found = compare_run(r)["conditions"]
    assert [one["state"] for one in found] == ["open", "holds", "open"]
    assert [one["why"] for one in found] == [why, "", why] and found[0]["p_holm"] is None
    (table,) = conditions_tables(r)
    assert table.note == why


def test_equal_seeds_are_not_surer_than_what_was_measured(tmp_path: Path) -> None:
    """Each seed's slope is 0.05: an interval of their spread alone would have no width."""
    base = {"pass@1": (0.3, 0.4, 0.5), "pass@1_se": (0.03,) * 3}
    final = {"verified": {"pass@1": (0.4, 0.5, 0.6)}}
    rows = rows_of(final, base)
    for row in rows:
        row["value"] = 0.03 if row["metric"] == "pass@1_se" else row["value"]
    said = ["slope(verified pass@1, last 2) within 0.1", "verified pass@1 - base pass@1 > 0.05"]
    run = make_run(tmp_path / "run", rows, arms=["verified"], conditions=said)
    (slope, _), (change, _) = settle_conditions(read_results(run))
    assert (slope.state, change.state) == ("open", "open")
    # t(0.975, 2) x the error of one less the other in each seed, over the root of three seeds.
    half = stats.t.ppf(0.975, 2) * 0.03 * math.sqrt(2) / math.sqrt(3)
    assert slope.interval.high - 0.05 == pytest.approx(half)
    assert change.interval.high - 0.1 == pytest.approx(half)


def test_a_run_without_conditions_shows_none(tmp_path: Path) -> None:
    r = read_results(make_run(tmp_path / "run"))
    assert compare_run(r)["conditions"] == [] and conditions_tables(r) == []


def with_conditions(*texts: str) -> list[str]:
    return [f"verdict.conditions=[{','.join(repr(text) for text in texts)}]", "rounds=3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("verifed pass@1 > 0", "no arm 'verifed', did you mean 'verified'?"),
        ("verified pas@1 > 0", "no metric 'pas@1', did you mean 'pass@1'?"),
        ("verified pass@16 > 0", "no metric 'pass@16'"),
        ("slope(verified pass@1, last 4) > 0", "looks at round 4, the run has 3"),
        ("first(verified pass@1 < 0) > 4", "looks at round 4, the run has 3"),
        ("slope(verified pass@1) > 0", "is for the rule of a claim: write slope(..., last 3)"),
        ("distance() < 0.1", "is for the rule of a claim"),
        ("verified grows", "is no condition: write QUANTITY > NUMBER"),
    ],
)
def test_a_condition_is_checked_as_the_config_is_read(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load(TINY, with_conditions(text))
    message = str(caught.value)
    assert message.startswith(f"{TINY}: verdict.conditions: {text!r}") and "\n" not in message
    assert said in message


def test_conditions_are_hashed_with_the_rule_and_no_conditions_change_no_hash() -> None:
    fine = ["slope(verified pass@1[easy], last 3) > 0", "first(base pass@1 < 0.5) < 4"]
    plain, more = (resolved(load(TINY, over)) for over in (["rounds=3"], with_conditions(*fine)))
    assert more["verdict"]["conditions"] == fine
    assert digest(deciding(plain)) != digest(deciding(more))
    later = ("primary", "conditions")  # keys that the hashes of old records do not have
    verdict = {key: plain["verdict"][key] for key in plain["verdict"] if key not in later}
    assert digest(deciding(plain)) == digest(deciding({**plain, "verdict": verdict}))


# Simulated curves


def test_few_decisions_on_simulated_curves_are_wrong() -> None:
    made = script("benchmarks/conditions.py")

    def cell(curve: str, text: str) -> dict[str, Any]:
        return dict(made.cell(curve, text, seeds=5, simulations=200))

    slope, flat, early, late = made.CONDITIONS
    true = {"growing on": slope, "levelling off": flat, "falling late": late}
    true |= {"falling at once": early}
    for curve, text in true.items():
        found = cell(curve, text)
        assert found["truth"] == "holds" and found["holds"] > 0.5 and found["fails"] < 0.05
    # At the limit, where wrong decisions are most frequent: 2.5 % of 200, and three errors more.
    most = 0.025 + 3 * math.sqrt(0.025 * 0.975 / 200)
    for curve, text in (("slope at the limit", flat), ("at the margin", early)):
        found = cell(curve, text)
        assert found["truth"] == "at the limit"
        assert max(found["wrong_holds"], found["wrong_fails"]) <= most
    assert cell("at the margin", early) == cell("at the margin", early)
