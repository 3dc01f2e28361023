"""Rescored: what another verifier's verdicts on a run's completions say of the run, as one summary.

How often the two verifiers agree (`rlvr.results.agreement`), what each arm kept and would have kept
(`rlvr.results.rejudged`), and the run's verdicts by its own rule, on its evaluation as the other
verifier judges it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rlvr.results import agreement, rejudged
from rlvr.results.agreement import CONFIDENCE, SETS, Rescored
from rlvr.results.compare import headline, why
from rlvr.results.conditions import settle_conditions
from rlvr.results.effects import Effect, Results, plain, worst_case
from rlvr.results.verdict import Ruling, rulings

FOLDER = "rescored"  # in a run: verifiers have their folders in it
SUMMARY = "rescored.json"


def summary(of: Rescored, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of rescored.json: equal parts give an equal one, without times and paths.

    `facts` come first: the two verifiers, and how the other one was run.
    """
    frame = agreement.frame_of(of)
    with TemporaryDirectory(dir=of.out, prefix=".scratch-") as scratch:
        kept, filters = rejudged.selected(of, Path(scratch))
        now = rejudged.results(of, rejudged.evaluated(of, Path(scratch)) | filters)
    return {
        **facts,
        "confidence": CONFIDENCE,
        "interval": "Korn and Graubard 1998: exact, with a problem's completions as a cluster",
        "rule": {
            "metric": of.r.metric,
            "round": of.r.round,
            "rests_on_verdicts": rejudged.rests_on_verdicts(of.r.metric),
        },
        "completions": {name: int((frame["set"] == name).sum()) for name in SETS},
        "pairs": agreement.pairs(frame, []),
        "by_round": agreement.pairs(frame, ["arm", "round"]),
        "rates": agreement.all_rates(frame),
        "kept": kept,
        "verdicts": verdicts(of.r, now),
        "conditions": _conditions(of.r, now),
        "reasons": agreement.reasons(of),
        "examples": agreement.examples(of, frame),
    }


def verdicts(was: Results, now: Results) -> list[dict[str, Any]]:
    """Return both verdicts on each arm, the primary ones first.

    `flipped`: the outcome, or the kind of a growth, is another one.
    """
    theirs = rulings(now)
    return [
        {
            "arm": arm,
            "primary": ruling.primary,
            "flipped": _outcome(ruling) != _outcome(theirs[arm]),
            "was": _verdict(was, ruling),
            "now": _verdict(now, theirs[arm]),
        }
        for arm, ruling in rulings(was).items()
    ]


def _outcome(ruling: Ruling) -> tuple[str, str | None]:
    return ruling.outcome, ruling.kind


def _verdict(r: Results, ruling: Ruling) -> dict[str, Any]:
    cases = worst_case(r, ruling.arm, "base")
    worst, best = map(_effect, cases) if cases else (None, None)
    return {
        "outcome": ruling.outcome,
        "verdict": ", ".join(filter(None, (ruling.said, ruling.kind))),
        "headline": headline(r, ruling),
        "why": why(r, ruling),
        **_effect(ruling.effect),
        "at_worst": worst,
        "at_best": best,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    i = effect.interval
    return {
        "base": plain(effect.base),
        "final": plain(effect.final),
        "delta": plain(i.delta),
        "interval": [plain(i.low), plain(i.high)],
        "p_holm": plain(effect.p_holm),
    }


def _conditions(was: Results, now: Results) -> list[dict[str, Any]]:
    """Return what became of each condition of the config, by either verifier."""
    pairs = zip(settle_conditions(was), settle_conditions(now), strict=True)
    return [
        {"condition": one.condition.text, "was": one.state, "now": other.state}
        for (one, _), (other, _) in pairs
    ]
