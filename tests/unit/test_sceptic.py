"""What a sceptic asks of the record itself: seals, targets, rows and passes over them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.runs import TINY

from rlvr.config import load, resolved
from rlvr.records.record import deciding, digest
from rlvr.records.seals import FOOTER
from rlvr.results.compare import read_results
from rlvr.results.sceptic import Check, checks

SEEDS = (0, 1, 2)
SAME = {"verifier": "v" * 64, "task": "t" * 64, "data": "d" * 64}
Figures = Mapping[tuple[str, str], float | list[float]]  # (arm, metric) -> of all seeds, or each


def asked(
    folder: Path,
    figures: Figures | None = None,
    sealed: list[dict[str, Any]] | None = None,
    registered: Mapping[str, Any] | None = None,
    overrides: tuple[str, ...] = (),
    edit: Any = None,
) -> dict[str, Check]:
    """Return the checks of a run of one round of the tiny config, by what they ask.

    `sealed`: groups of the footer, one for each; None for all rounds as one. `edit`: the margin
    that stands in config.json afterwards.
    """
    plain = resolved(load(TINY, [f"seeds={list(SEEDS)}", "rounds=1", *overrides]))
    config_hash = digest(deciding(plain))
    rows = [
        {"seed": seed, "arm": arm, "round": int(arm != "base"), "metric": metric, "level": level,
         "value": float(value[seed] if isinstance(value, list) else value), "n": 1}
        for (arm, name), value in {
            ("base", "pass@1"): 0.1, ("verified", "pass@1"): 0.2, ("random", "pass@1"): 0.1,
            **(figures or {}),
        }.items()
        for metric, _, level in [name.partition("|")]
        for seed in SEEDS
    ]  # fmt: skip
    for row in rows:
        row["level"] = row["level"] or "all"
    groups = [{}] if sealed is None else sealed
    hashes = {"config": config_hash, **SAME}
    footer = [
        {"hashes": hashes | one if one is not None else {}, "rounds": 9, "first": f"seed {i}, base"}
        for i, one in enumerate(groups)
    ]
    said = json.dumps({"groups": footer, "registered": registered or {}})
    folder.mkdir(exist_ok=True)
    table = pa.Table.from_pylist(rows).replace_schema_metadata({FOOTER: said.encode()})
    pq.write_table(table, folder / "metrics.parquet")
    if edit is not None:
        plain["verdict"]["margin"] = edit
        config_hash = digest(deciding(plain))
    (folder / "config.json").write_text(json.dumps({"config": plain, "hash": config_hash}))
    found = {check.what: check for check in checks(read_results(folder))}
    assert all(len(check.found) <= 62 for check in found.values()), found
    return found


# Seals


def test_the_rule_and_the_inputs_are_what_every_round_was_sealed_under(tmp_path: Path) -> None:
    found = asked(tmp_path)
    assert found["rule"].ok and found["rule"].found.endswith(
        ", sealed in all 9 rounds of seeds and arms"
    )
    assert found["inputs"] == Check(
        "inputs", True, "the same verifier, task and data in all 9 rounds"
    )
    assert "registered" not in found and "warm start" not in found and "near" not in found


def test_a_margin_edited_by_hand_is_told_though_config_json_agrees_with_itself(
    tmp_path: Path,
) -> None:
    rule = asked(tmp_path, edit=0.001)["rule"]
    assert not rule.ok and rule.found.startswith("config.json is edited: seed 0, base has hash ")


@pytest.mark.parametrize("kind", sorted(SAME))
def test_rounds_under_other_content_are_told(tmp_path: Path, kind: str) -> None:
    found = asked(tmp_path, sealed=[{}, {kind: "x" * 64}])
    assert found["rule"].ok
    assert found["inputs"] == Check("inputs", False, f"another {kind}: seed 0, base; seed 1, base")


def test_a_record_of_before_says_that_nothing_is_sealed(tmp_path: Path) -> None:
    found = asked(tmp_path, sealed=[])
    assert not found["rule"].ok and "as config.json says; no round has it" in found["rule"].found
    assert found["inputs"].found == "no hashes of verifier, task and data are recorded"
    assert not found["inputs"].ok
    half = asked(tmp_path, sealed=[{}, None])  # type: ignore[list-item]
    assert half["inputs"] == Check("inputs", False, "9 of 18 rounds have no hashes")
    assert half["rule"].found.endswith("sealed in 9 of 18 rounds of seeds and arms")


@pytest.mark.parametrize(
    ("known", "ok", "words"),
    [
        ({"commit": "abcdef0123", "committed": 6400, "at_least": False}, True,
         "committed 60.0 minutes before the first round (abcdef0)"),
        ({"commit": "abcdef0123", "committed": 2800, "at_least": True}, True,
         "committed at least 2.0 hours before the first round (abcdef0)"),
        ({"commit": "abcdef0123", "committed": 10001, "at_least": False}, False,
         "not committed before the first round (c.yaml)"),
        ({"commit": None}, False, "not committed before the first round (c.yaml)"),
        ({"overridden": ["seeds", "verdict"]}, False,
         "not the rule of c.yaml, overridden: seeds, verdict"),
    ],
)  # fmt: skip
def test_since_when_the_rule_stands_in_its_file(
    tmp_path: Path, known: dict[str, Any], ok: bool, words: str
) -> None:
    about = {"file": "configs/c.yaml", "began": 10000, **known}
    assert asked(tmp_path, registered=about)["registered"] == Check("registered", ok, words)


# A seed far from the others


def test_a_seed_far_from_its_others_is_named_and_a_far_one_among_scattered_ones_is_not(
    tmp_path: Path,
) -> None:
    def of(last: float, second: float = 0.201) -> Check:
        return asked(tmp_path, {("verified", "pass@1"): [0.2, second, last]})["outlier"]

    assert of(0.01) == Check("outlier", False, "seed 2 of verified is -0.191 off its others")
    assert of(0.01, 0.25) == Check("outlier", True, "no seed lies far from the others")


# Nothing to learn from


@pytest.mark.parametrize(
    ("reached", "ok", "words"),
    [
        ([0.31, 0.30, 0.4], True, "target 0.3 reached by every seed, 0.30 or more"),
        ([0.28, 0.30, 0.1], False, "below its target of 0.3: seed 0 0.28, seed 2 0.10"),
        (None, False, "whether it reached 0.3 is not recorded"),
    ],
)
def test_a_warm_start_that_missed_its_target_is_told(
    tmp_path: Path, reached: list[float] | None, ok: bool, words: str
) -> None:
    figures: Figures = {("base", "warm_start_pass@1"): reached} if reached else {}
    found = asked(tmp_path, figures, overrides=("warm_start.until=0.3",))
    assert found["warm start"] == Check("warm start", ok, words)


def trained(rows: list[float], steps: float = 4.0) -> Figures:
    """Two arms that each took so many steps of 16 rows; `random` had 100 rows."""
    return {
        ("verified", "rows"): rows, ("verified", "train_steps"): steps,
        ("random", "rows"): 100.0, ("random", "train_steps"): steps,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("figures", "rows", "passes"),
    [
        (trained([20, 30, 40]), (True, "at least 20 (verified, seed 0, round 1)"),
         (True, "over a round's rows: verified 3.2 to random 0.64")),
        (trained([20, 1, 40], 25),
         (False, "verified: seed 1 had 1.0 rows a round, a batch has 16"),
         (False, "more than 10 a round: verified 400.0 to random 4.0")),
        (trained([20, 30, 40], 0),
         (False, "verified: no training step in round 1 of seed 0, and 1 more"), None),
    ],
)  # fmt: skip
def test_few_rows_and_many_passes_are_told(
    tmp_path: Path,
    figures: Figures,
    rows: tuple[bool, str],
    passes: tuple[bool, str] | None,
) -> None:
    found = asked(tmp_path, figures)
    assert (found["rows"].ok, found["rows"].found) == rows
    if passes:
        assert (found["passes"].ok, found["passes"].found) == passes


def test_a_learner_of_pairs_is_counted_in_pairs(tmp_path: Path) -> None:
    arms = "arms=[verified,{name: dpo, keep: verified, learner: dpo}]"
    more = (arms, "dpo={steps: 5, batch_size: 8}")
    figures: dict[tuple[str, str], float | list[float]] = {
        ("verified", "rows"): 32.0, ("verified", "train_steps"): 4.0, ("dpo", "pass@1"): 0.2,
        ("dpo", "rows"): 3.0, ("dpo", "pairs"): 20.0, ("dpo", "train_steps"): 5.0,
    }  # fmt: skip
    found = asked(tmp_path, figures, overrides=more)
    assert found["steps"].found == "4 a round of 16 rows; dpo: 5 a round of 8 pairs"
    assert found["rows"].found == "at least 20 pairs (dpo, seed 0, round 1)"
    assert found["passes"].found == "over a round's rows: 2.0 in every arm"
    few = asked(tmp_path / "few", {**figures, ("dpo", "pairs"): [20, 0, 20]}, overrides=more)
    assert few["rows"].found == "dpo: seed 1 had 0.0 pairs a round, a batch has 8"


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (
            "verified pass@1 - real pass@1 > 0.05",
            "verified can't be 0.05 above real (pass@1 0.983)",
        ),
        ("verified pass@1 - real pass@1 > 0.01", None),
        ("real pass@1 - random pass@1 < 0", "real can't be below random (pass@1 0.000)"),
        ("verified pass@1 - random pass@1 > 0", None),
        ("verified pass@1 - perfect pass@1 > 0", "verified can't be above perfect (pass@1 1.000)"),
        ("real pass@1 - verified pass@1 > 0.05", None),
        ("random pass@1 - base pass@1 < -0.05", "random can't be 0.05 below base (pass@1 0.030)"),
        ("random pass@1 - base pass@1 < -0.02", None),
        ("verified pass@1 - real pass@1 within 0.05", None),
        ("verified real_nll - real real_nll > 0.05", None),  # it has no upper bound
    ],
)
def test_a_condition_that_nothing_could_meet_is_told(
    tmp_path: Path, condition: str, told: str | None
) -> None:
    figures: Figures = {
        ("base", "pass@1"): 0.03, ("verified", "pass@1"): 0.9, ("real", "pass@1"): 0.983,
        ("random", "pass@1"): 0.0, ("perfect", "pass@1"): 1.0,
        ("verified", "real_nll"): 1.0, ("real", "real_nll"): 0.5,
    }  # fmt: skip
    more = (
        "arms=[verified,random,real,{name: perfect, keep: all}]",
        f"verdict.conditions=[{condition}]",
    )
    found = asked(tmp_path, figures, overrides=more).get("ceiling")
    assert (found and (found.ok, found.found)) == (told and (False, told))


def test_many_arms_stay_on_one_line(tmp_path: Path) -> None:
    names = [f"an-arm-{i}" for i in range(9)]
    arms = ", ".join(f"{{name: {name}, keep: verified}}" for name in names)
    figures: Figures = {
        (name, metric): value
        for i, name in enumerate(names)
        for metric, value in (("pass@1", 0.1), ("rows", 16.0 + i), ("train_steps", 4.0))
    }
    found = asked(tmp_path, figures, overrides=(f"arms=[{arms}]",))
    assert found["passes"].found == "over a round's rows: an-arm-0 4.0 to an-arm-8 2.7"
    long = {f"a-long-name-of-an-arm-{i}": 16.0 + i for i in range(2)}
    figures = {
        (name, metric): value
        for name, rows in long.items()
        for metric, value in (("pass@1", 0.1), ("rows", rows), ("train_steps", 4.0))
    }
    arms = ", ".join(f"{{name: {name}, keep: verified}}" for name in long)
    found = asked(tmp_path, figures, overrides=(f"arms=[{arms}]",))
    assert found["passes"].found == "over a round's rows: a-long-name-of-an-arm-0 4.0 to 3.8"


# Near-duplicates


def test_a_near_duplicate_is_named(tmp_path: Path) -> None:
    shared: Figures = {("base", "train_eval_shared"): 0.0}
    found = asked(tmp_path, shared)
    assert found["splits"].found.endswith("near ones not looked for")
    found = asked(tmp_path, {**shared, ("base", "near_duplicates"): 0.0})
    assert found["near"] == Check(
        "near", True, "0 held-out prompts have a near-duplicate in training"
    )
    pair = "qa/eval/0/12/b1946ac92492 ~ qa/train/0/3/591785b794601"
    counts: Figures = {**shared, ("base", "near_duplicates"): [1.0, 0.0, 2.0]}
    figures: Figures = {**counts, ("base", f"near_duplicates|{pair}"): 1.0}
    assert asked(tmp_path, figures)["near"] == Check(
        "near", False, "3 near-duplicates by prompt alone: qa/eval/0/12/b1946ac92492"
    )


# Figures that are not there, or there twice


def test_a_floor_is_asked_for(tmp_path: Path) -> None:
    found = asked(tmp_path)
    assert found["floor"] == Check("floor", False, "no floor for pass@1")
    errors: Figures = {("base", "pass@1_se"): 0.01, ("verified", "pass@1_se"): 0.01}
    found = asked(tmp_path, {**errors, ("random", "pass@1_se"): 0.01})
    assert found["floor"] == Check("floor", False, "unpaired for pass@1")


def test_a_seed_that_lacks_its_figure_is_told(tmp_path: Path) -> None:
    assert asked(tmp_path)["seeds"].ok
    found = asked(tmp_path, {("verified", "pass@1"): [0.2, math.nan, 0.2]})
    assert found["seeds"] == Check("seeds", False, "3: 0, 1, 2; pass@1 only in: verified 2")


def test_seeds_with_equal_figures_are_told(tmp_path: Path) -> None:
    apart: Figures = {("verified", "real_nll"): [0.31, 0.32, 0.33]}
    assert asked(tmp_path, apart)["seeds"].ok
    twins: Figures = {("verified", "real_nll"): [0.31, 0.32, 0.31]}
    assert asked(tmp_path, twins)["seeds"] == Check(
        "seeds", False, "3: 0, 1, 2; 0 and 2 have equal figures"
    )


def test_sizes_that_are_not_recorded_are_not_ok(tmp_path: Path) -> None:
    assert asked(tmp_path)["sizes"] == Check("sizes", False, "random: not recorded")
    kept: Figures = {("random", "kept"): 50.0, ("random", "shortfall"): 0.0}
    assert asked(tmp_path, kept)["sizes"] == Check(
        "sizes", True, "random: lacks 0 of 150 rows, all seeds"
    )


def test_what_one_primary_arm_leaves_undecided_is_held_against_the_others(tmp_path: Path) -> None:
    """By itself `verified` has p = 0.034; Holm's is twice that if `unfiltered` shows nothing."""
    figures: dict[tuple[str, str], float | list[float]] = {
        **{("base", f"pass@1{end}"): [0.3, 0.3, 0.3] for end in ("", "_low", "_high")},
        **{("verified", f"pass@1{end}"): [0.38, 0.45, 0.4] for end in ("", "_low", "_high")},
        ("unfiltered", "pass@1"): [0.1, 0.101, 0.102],
        ("unfiltered", "pass@1_low"): [0.1, 0.101, 0.102],
        ("unfiltered", "pass@1_high"): [0.1, 0.5, 0.3],
        ("unfiltered", "excluded_abstain"): 10.0,
    }
    arms = ("arms=[verified,unfiltered]",)
    found = asked(tmp_path, figures, overrides=arms)["undecided"]
    assert not found.ok and "the worst case changes verified, unfiltered" in found.found
    figures["unfiltered", "pass@1_high"] = [0.11, 0.111, 0.112]
    assert asked(tmp_path, figures, overrides=arms)["undecided"].ok


def test_a_verdict_that_hangs_on_which_seeds_are_undecided_is_told(tmp_path: Path) -> None:
    """Growth with all against it, and with all for it; not with one seed for it and two against."""
    figures: dict[tuple[str, str], float | list[float]] = {
        **{("base", f"pass@1{end}"): [0.3, 0.301, 0.302] for end in ("", "_low", "_high")},
        ("verified", "pass@1"): [0.5, 0.51, 0.505],
        ("verified", "pass@1_low"): [0.4, 0.41, 0.405],
        ("verified", "pass@1_high"): [0.6, 0.61, 0.605],
        ("verified", "excluded_abstain"): 20.0,
    }
    found = asked(tmp_path, figures, overrides=("arms=[verified]",))["undecided"]
    assert not found.ok and "the worst case changes verified" in found.found
    figures["verified", "pass@1_high"] = [0.51, 0.52, 0.515]
    figures["verified", "pass@1_low"] = [0.49, 0.5, 0.495]
    assert asked(tmp_path, figures, overrides=("arms=[verified]",))["undecided"].ok
