"""What a sceptic asks of a run before believing its verdicts, answered from the run's record.

Pure functions of `rlvr.results.compare.Results`. A check that can't be made says so and is not
"ok". What it does not do: look at completions, or at whether the question asked was a good one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rlvr.evaluate.table import ACCURACY, find
from rlvr.learners.grpo_settings import logprob_gap_bound
from rlvr.learners.registry import LEARNERS
from rlvr.records.record import deciding, digest
from rlvr.results.effects import Results, excluded, outcome, worst_case
from rlvr.results.effects import arm_effects as effects_of
from rlvr.statistics.estimates import MIN_SEEDS

MAX_SHORTFALL = 0.02  # of the rows that a size-matched arm was to have
GROWN = 0.01  # of the completions: an undecided share that grew by as much is alarming


@dataclass(frozen=True, slots=True)
class Check:
    """One question: what was asked, whether the answer is as it should be, and the answer."""

    what: str
    ok: bool
    found: str


def checks(r: Results) -> list[Check]:
    """Return every check of a run, in the order in which a sceptic asks."""
    return [
        _rule(r),
        _seeds(r),
        _steps(r),
        _sizes(r),
        _splits(r),
        _verifier(r),
        _excluded(r),
        *_agreement(r),
    ]


def as_json(r: Results) -> dict[str, Any]:
    """Return the checks as compare.json holds them."""
    return {check.what: {"ok": check.ok, "found": check.found} for check in checks(r)}


def _rule(r: Results) -> Check:
    same = digest(deciding(r.config)) == r.config_hash
    found = f"hash {r.config_hash[:12]}, recorded as the run began"
    return Check("rule", same, found if same else "the config is not the one that was hashed")


def _seeds(r: Results) -> Check:
    found = f"{len(r.seeds)}: {', '.join(map(str, r.seeds))}"
    found += f"; round {r.round} of {r.rounds}" if r.round < r.rounds else ""
    if r.absent:
        found += f"; not finished: {', '.join(map(str, r.absent))}"
    whole = len(r.seeds) >= MIN_SEEDS and not r.absent and r.round == r.rounds
    return Check("seeds", whole, found)


def _everywhere(r: Results, metric: str, use: Callable[[str], bool]) -> list[float]:
    """Return a metric's figures of all the run's seeds, arms that `use` names, and rounds."""
    rounds = range(1, r.round + 1)
    figures = (r.at(s, a, metric, t) for s in r.seeds for a in r.arms if use(a) for t in rounds)
    return [figure for figure in figures if math.isfinite(figure)]


def _steps(r: Results) -> Check:
    online = {
        str(arm["name"]) for arm in r.config["arms"] if LEARNERS[arm.get("learner", "sft")].online
    }
    by_learner = (
        _everywhere(r, "train_steps", lambda arm: arm not in online),
        _everywhere(r, "train_steps", online.__contains__),
    )
    counts = [sorted(set(found)) for found in by_learner]
    batch = r.config.get("train", {}).get("batch_size")
    texts = [" or ".join(f"{n:.0f}" for n in steps) for steps in counts]
    said = [f"{texts[0]} a round of {batch} rows"] if texts[0] else []
    if texts[1]:
        rows = max(_everywhere(r, "rows", online.__contains__)) / counts[1][0]
        said.append(
            f"{', '.join(sorted(online))}: {texts[1]} online ones of {rows:.0f} completions"
        )
    same = any(counts) and all(len(steps) <= 1 for steps in counts)
    return Check("steps", same, "; ".join(said) or "not recorded")


def _sizes(r: Results) -> Check:
    matched = {str(arm["name"]) for arm in r.config["arms"] if arm.get("match")}
    if not matched:
        rows = sorted(_everywhere(r, "rows", lambda arm: True))
        spread = f"; {rows[0]:,.0f} to {rows[-1]:,.0f} rows a round" if rows else ""
        return Check("sizes", True, f"no arm copies another's{spread}")
    kept = sum(_everywhere(r, "kept", matched.__contains__))
    short = sum(_everywhere(r, "shortfall", matched.__contains__))
    found = f"{', '.join(sorted(matched))}: {short:,.0f} rows short of {kept + short:,.0f}"
    return Check("sizes", short <= MAX_SHORTFALL * (kept + short), found)


def _splits(r: Results) -> Check:
    shared = [r.at(seed, "base", "train_eval_shared") for seed in r.seeds]
    if not all(map(math.isfinite, shared)):
        return Check("splits", False, "not recorded")
    found = f"{sum(shared):,.0f} held-out prompts are trained on"
    return Check("splits", not any(shared), found)


def _verifier(r: Results) -> Check:
    tpr, fpr = (r.mean("base", name) for name in ("verifier_tpr", "verifier_fpr"))
    if not (math.isfinite(tpr) and math.isfinite(fpr)):
        return Check("verifier", False, "no real solutions to audit it on")
    found = f"accepts {tpr:.1%} of real, {fpr:.1%} of corrupted held-out solutions"
    return Check("verifier", tpr >= 0.99 and fpr <= 0.01, found)


def _agreement(r: Results) -> list[Check]:
    """Whether each online step was taken on samples of the very weights that it changed."""
    gaps = _everywhere(r, "step.logprob_gap", lambda arm: True)
    if not gaps:
        return []
    by_trl = bool(r.config["grpo"].get("trl_vllm"))  # older runs have no such key
    # Not the run's own bound, which may be any.
    bound = logprob_gap_bound(r.config["train"]["precision"], by_trl)
    found = f"engine and trainer {max(gaps):.1e} nats a token apart on what was sampled"
    return [Check("on-policy", max(gaps) <= bound, f"{found}, at most, a round's mean")]


def _excluded(r: Results) -> Check:
    """Whether a verdict hangs on what is undecided, and whether an arm learns to get no verdict."""
    found, ok = _hanging(r)
    grown = [text for arm in r.arms for text in _growing(r, arm)]
    if grown:
        found += f"; the share grows over the rounds in {', '.join(grown)}: is no verdict bought?"
    return Check("undecided", ok and not grown, found)


def _hanging(r: Results) -> tuple[str, bool]:
    """Return what the evaluation leaves undecided, and whether no verdict hangs on it."""
    counts = {arm: n for arm in ("base", *r.arms) if (n := excluded(r, arm))}
    if not counts:
        return "none", True
    shares = {arm: r.mean(arm, "undecided") for arm in counts}  # older runs have no such figure
    found = ", ".join(
        f"{arm} {n} ({shares[arm]:.1%})" if math.isfinite(shares[arm]) else f"{arm} {n}"
        for arm, n in counts.items()
    )
    if find(r.metric).group != ACCURACY:  # real solutions are scored, none is excluded
        return f"{found}: the rule's metric judges none", True
    unbounded, changed = [], []
    for arm, effect in effects_of(r, r.metric).items():
        cases = worst_case(r, arm, "base")
        if cases is None and ("base" in counts or arm in counts):
            unbounded.append(arm)
        if cases and {outcome(r, case) for case in cases} != {outcome(r, effect)}:
            changed.append(arm)
    said = "no verdict hangs on it"
    if unbounded:
        said = f"no worst case is recorded for {', '.join(unbounded)}"
    elif changed:
        said = f"the worst case changes {', '.join(changed)}"
    return f"{found}: {said}", not (unbounded or changed)


def _growing(r: Results, arm: str) -> Iterator[str]:
    """Yield the arm where its undecided share grew in every seed, by `GROWN` or more in the mean.

    An arm that learns to get no verdict does so in all of them. Held out, from the base to the end;
    in training, from its first round, whose completions the base wrote, to its last.
    """
    for metric, first, words in (
        ("undecided", "base", ""),
        ("train_undecided", arm, " (in training, {:.1%} to {:.1%})"),
    ):
        shares = [(r.at(s, first, metric, 1), r.at(s, arm, metric)) for s in r.seeds]
        grown = [end - start for start, end in shares]  # not a number in older runs
        if min(grown) > 0 and sum(grown) / len(grown) >= GROWN:
            ends = (sum(values) / len(shares) for values in zip(*shares, strict=True))
            yield arm + words.format(*ends)
