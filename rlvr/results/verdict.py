"""The verdict on each arm: its outcome, the kind of its growth, and the signs of collapse.

One rule for every figure (`moved`): it rose or fell by at least the margin, with an interval that
excludes 0 and, among the primary arms, a Holm p of at most 1 - confidence; or its whole interval
lies within the margin; or that is open. The outcome is this rule on the rule's own metric. The
signs are the same rule on what else may collapse. Collapse has many definitions (Schaeffer et al.
2025, arXiv 2503.03150, count eight), so each sign names the one that it stands for.

Primary arms are those that the config's rule is about. All others describe: their intervals are
their own, corrected for nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from rlvr.evaluate.table import ACCURACY, find
from rlvr.learners.registry import LEARNERS
from rlvr.results.effects import (
    BEST_TEMPERATURE,
    Effect,
    Move,
    Results,
    arm_effects,
    effect_of,
    excludes_zero,
    moved,
    number,
    outcome,
)
from rlvr.statistics.estimates import MIN_SEEDS, TOLERANCE, Outcome, holm

Kind = Literal["beyond sharpening", "sharpening", "open"]
LARGEST_K = "pass@k"  # stands for pass@k at the run's largest k
NOTHING, NO_ROOM = "nothing to learn from", "no room"


@dataclass(frozen=True, slots=True)
class Sign:
    """A metric that tells of collapse: of which `definition`, and by which move."""

    name: str
    definition: str
    metric: str
    worse: Move


SIGNS = (
    Sign("pass@1", "accuracy", "pass@1", "fell"),
    Sign("real NLL", "real text", "real_nll", "rose"),
    Sign("NLL p95", "tail", "real_nll_p95", "rose"),
    Sign("survival", "tail", "survival", "fell"),
    Sign("distinct", "diversity", "distinct", "fell"),
    Sign("coverage", "coverage", LARGEST_K, "fell"),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """One sign of one arm: the effect against the base, and how the figure moved."""

    sign: Sign
    metric: str
    effect: Effect
    move: Move

    @property
    def worse(self) -> bool:
        """Whether it moved the harmful way."""
        return self.move == self.sign.worse


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on one arm.

    `effect`: against the base, on the rule's metric. `best`: pass@1 against the base at its best
    temperature; None where the rule's metric is no share of correct answers, or the run has not
    recorded it. `kind`: of growth, else None. `reason`: why it is inconclusive, else "".
    """

    arm: str
    primary: bool
    effect: Effect
    outcome: Outcome
    best: Effect | None
    kind: Kind | None
    reason: str
    signs: tuple[Seen, ...]

    @property
    def said(self) -> str:
        """The outcome, with its reason where that is a fault of the run and not of its size."""
        named = [name for name in (NOTHING, NO_ROOM) if self.reason.startswith(name)]
        return ": ".join([self.outcome, *named])

    @property
    def lost(self) -> tuple[str, ...]:
        """The definitions of collapse that are met, each once, in the order of the signs."""
        return tuple(dict.fromkeys(seen.sign.definition for seen in self.signs if seen.worse))


def rulings(r: Results) -> dict[str, Ruling]:
    """Return the verdict on each arm of a run, the primary arms first."""
    effects = arm_effects(r, r.metric)
    seen = signs(r, effects)
    order = sorted(r.arms, key=lambda arm: arm not in r.primary)
    return {arm: _ruling(r, arm, effects[arm], seen[arm]) for arm in order}


def ruled(r: Results, arm: str, effect: Effect) -> tuple[Outcome, str]:
    """Return the verdict that an effect of an arm gives, and why it is inconclusive, else ""."""
    found = outcome(r, effect)
    if said := nothing_to_learn_from(r, arm):
        return "inconclusive", f"{NOTHING}: {said}"
    if found == "no effect" and (said := _no_room(r, effect)):
        return "inconclusive", said
    return found, _reason(r, effect) if found == "inconclusive" else ""


def _ruling(r: Results, arm: str, effect: Effect, seen: tuple[Seen, ...]) -> Ruling:
    found, reason = ruled(r, arm, effect)
    best = against_best_temperature(r, arm)
    kind = growth_kind(r, arm, best) if found == "growth" and _of_answers(r) else None
    return Ruling(arm, arm in r.primary, effect, found, best, kind, reason, seen)


def _of_answers(r: Results) -> bool:
    return find(r.metric).group == ACCURACY


# Why not ----------------------------------------------------------------------------------------


def _reason(r: Results, effect: Effect) -> str:
    """Return in a few words why an effect settles nothing."""
    i, n = effect.interval, len(effect.deltas)
    if not n:
        return f"{r.metric} has no figure in both the base and the arm"
    if n < MIN_SEEDS:
        return f"{n} seed{'' if n == 1 else 's'}, the rule asks for {MIN_SEEDS}"
    if effect.variances.error == 0 and effect.floor == "no floor":
        return "the seeds' figures are equal, and no error of measurement is known"
    if not excludes_zero(i):
        return f"the interval includes 0 and reaches beyond +-{r.margin:g}"
    if abs(i.delta) < r.margin - TOLERANCE:
        return f"the interval excludes 0, the change misses the margin {r.margin:g}"
    return f"Holm's p over the {len(r.primary)} primary arms is {number(effect.p_holm)}"


def _no_room(r: Results, effect: Effect) -> str:
    """Return why "no effect" would say nothing: the base is too near an end of the metric's range.

    A base at 0.004 can't fall by 0.05, one at 0.98 can't rise by it: "" where it can do both.
    """
    low, high = find(r.metric).range or (-math.inf, math.inf)
    for end, way in ((low, "fall"), (high, "rise")):
        if abs(effect.base - end) < r.margin - TOLERANCE:
            return f"{NO_ROOM}: a base at {number(effect.base)} can't {way} by {r.margin:g}"
    return ""


def nothing_to_learn_from(r: Results, arm: str) -> str:
    """Return what an arm lacked to be told from the base, "" where it lacked nothing.

    The bound: in every seed a training step in every round, and in the mean over its rounds at
    least as many rows (pairs, where the learner takes pairs) as one batch has. With fewer, every
    step sees all that there is, again and again: what moves then is the memorising of a handful of
    rows, and what does not move is a model that was not taught. Of an online arm, the rows of
    groups without a contrast do not count: they add nothing to its gradient; its batch is what it
    samples for a step. A figure that an older run has not recorded is not held against it.
    """
    learners = {str(one["name"]): one.get("learner", "sft") for one in r.config["arms"]}
    learner = LEARNERS[learners[arm]]
    batch = float(r.config.get(learner.section, {}).get("batch_size", math.nan))
    few: list[tuple[float, str]] = []
    for seed in r.seeds:
        steps, rows, flat = (
            [r.at(seed, arm, metric, t) for t in range(1, r.round + 1)]
            for metric in ("train_steps", learner.counts, "step.zero_variance")
        )
        if 0 in steps:
            return f"no training step in round {steps.index(0) + 1} of seed {seed}"
        if learner.online:
            batch = rows[0] / steps[0]
            rows = [n * (1 - share) for n, share in zip(rows, flat, strict=True)]
        mean = math.fsum(rows) / len(rows)
        if mean < batch:  # False where either is not a number
            had = f"seed {seed} had {mean:,.1f} {learner.counts} a round, a batch has {batch:.0f}"
            few.append((mean / batch, had))
    if not few:
        return ""
    others = f" ({len(few)} of {len(r.seeds)} seeds have too few)" if len(few) > 1 else ""
    return min(few)[1] + others


# Growth, or sharpening --------------------------------------------------------------------------


def against_best_temperature(r: Results, arm: str) -> Effect | None:
    """Return pass@1 of `arm` less that of the base at its best temperature, if both are there."""
    effect = effect_of(r, arm, "base", "pass@1", BEST_TEMPERATURE)
    return effect if effect.deltas and _of_answers(r) else None


def growth_kind(r: Results, arm: str, best: Effect | None) -> Kind:
    """Return what growth is made of, by intervals and never by points.

    "sharpening": pass@1 is at most the margin above the base at its best temperature, or below it,
    with its whole interval. "beyond sharpening": the whole interval lies above that base, and
    neither greedy accuracy nor pass@k at the largest k falls by as much as the margin, with their
    whole intervals. Else "open".
    """
    if best is None or not math.isfinite(best.interval.low):
        return "open"
    if best.interval.high <= r.margin + TOLERANCE:
        return "sharpening"
    above = best.interval.low > TOLERANCE
    return "beyond sharpening" if above and not may_have_fallen(r, arm) else "open"


def kinds_in_words(r: Results) -> str:
    """Return what "beyond sharpening" asks for, which is less than its name may suggest."""
    return (
        "beyond sharpening: above the base at its best temperature, while greedy and\n"
        f"{r.largest_k} do not fall by {r.margin:g}; coverage says whether more problems are solved"
    )


def may_have_fallen(r: Results, arm: str) -> list[str]:
    """Return which of greedy accuracy and pass@k at the largest k may have fallen by the margin."""
    return [
        name
        for name in ("greedy", r.largest_k)
        if not effect_of(r, arm, "base", name, name).interval.low > -r.margin + TOLERANCE
    ]


# The signs of collapse --------------------------------------------------------------------------


def moves_in_words(r: Results) -> str:
    """Return when a sign counts as moved."""
    return (
        f"rose, fell: by {r.margin:g} or more, the interval excludes 0;\n"
        f"of the primary arms by Holm's p, too; "
        f"no change: the whole interval within +-{r.margin:g}; open: none of these"
    )


def signs(r: Results, ruled: Mapping[str, Effect]) -> dict[str, tuple[Seen, ...]]:
    """Return the signs of each arm that the run has figures of, one Holm family over all of them.

    `ruled`: by arm, the effect on the rule's metric. The family: primary arms times signs. The
    rule's own metric is not in it: that is the verdict, with a family of its own.
    """
    names = {sign: r.largest_k if sign.metric == LARGEST_K else sign.metric for sign in SIGNS}
    if r.largest_k == "pass@1":  # which is a sign by itself
        names = {sign: name for sign, name in names.items() if sign.metric != LARGEST_K}
    table = {
        (arm, sign): ruled[arm] if name == r.metric else effect_of(r, arm, "base", name, name)
        for arm, (sign, name) in product(r.arms, names.items())
    }
    known = [sign for sign in names if any(table[arm, sign].deltas for arm in r.arms)]
    family = [(arm, sign) for arm in r.primary for sign in known if names[sign] != r.metric]
    adjusted = holm([table[key].interval.p for key in family])
    table |= {key: replace(table[key], p_holm=p) for key, p in zip(family, adjusted, strict=True)}

    def seen(arm: str, sign: Sign) -> Seen:
        effect = table[arm, sign]
        return Seen(sign, names[sign], effect, moved(r, effect))

    return {arm: tuple(seen(arm, sign) for sign in known) for arm in r.arms}
