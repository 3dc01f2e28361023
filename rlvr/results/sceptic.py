"""What a sceptic asks of a run before believing its verdicts, answered from the run's record.

Functions of `rlvr.results.compare.Results` and of what is sealed in the run's metrics.parquet
(`rlvr.records.seals`). A check that can't be made says so and is not "ok". What it does not do:
look at completions, or at whether the question asked was a good one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import eq
from typing import Any

from rlvr.config import ClaimConfig
from rlvr.evaluate.table import ACCURACY, find
from rlvr.learners.grpo_settings import logprob_gap_bound
from rlvr.learners.learner import Learner
from rlvr.learners.registry import LEARNERS
from rlvr.records import seals
from rlvr.records.record import deciding, digest
from rlvr.records.seals import Group
from rlvr.results.effects import (
    Results,
    assigned,
    at_its_least_sure,
    effect_of,
    excluded,
    worst_case,
)
from rlvr.results.effects import arm_effects as effects_of
from rlvr.results.verdict import nothing_to_learn_from, ruled, rulings
from rlvr.statistics.conditions import Term, parse
from rlvr.statistics.estimates import MIN_SEEDS, outlier

MAX_SHORTFALL = 0.02  # of the rows that a size-matched arm was to have
GROWN = 0.01  # of the completions: an undecided share that grew by as much is alarming
RARE = 0.05  # Grubbs' p, over the primary arms, up to which a seed lies far from the others
FAR = 3.0  # measurement errors of a seed, within which no seed is called far from the others
MAX_PASSES = 10.0  # over the rows of a round: more of them and a model learns rows by heart
_EXAMPLE = "near_duplicates["  # how a figure begins whose level names a pair of problems
ROOM = 62  # characters of an answer that leave its line within 80 columns


@dataclass(frozen=True, slots=True)
class Check:
    """One question: what was asked, whether the answer is as it should be, and the answer."""

    what: str
    ok: bool
    found: str


def checks(r: Results) -> list[Check]:
    """Return every check of a run, in the order in which a sceptic asks."""
    sealed = seals.read(r.folder)
    return [
        _rule(r, sealed.groups),
        *_registered(sealed.registered),
        _inputs(sealed.groups),
        *_added(r),
        _seeds(r),
        _floor(r),
        *_outlier(r),
        *_warm_start(r),
        _steps(r),
        _sizes(r),
        *_rows(r),
        *_passes(r),
        _splits(r),
        *_near(r),
        _verifier(r),
        _excluded(r),
        *_agreement(r),
        *_ceiling(r),
    ]


def as_json(r: Results) -> dict[str, Any]:
    """Return the checks as compare.json holds them."""
    return {check.what: {"ok": check.ok, "found": check.found} for check in checks(r)}


def _rule(r: Results, groups: Sequence[Group]) -> Check:
    """Whether config.json, whose rule is applied, is what every round was recorded under."""
    now = digest(deciding(r.config))
    other = next((one for one in groups if one.hashes and one.hashes.get("config") != now), None)
    if other:
        old = other.hashes.get("config", "none")[:12]
        return Check("rule", False, f"config.json is edited: {other.first} has hash {old}")
    if now != r.config_hash:
        return Check("rule", False, "the config is not the one that was hashed")
    rounds, n = sum(one.rounds for one in groups), sum(one.rounds for one in groups if one.hashes)
    said = f"sealed in {f'all {n}' if n == rounds else f'{n} of {rounds}'} rounds of seeds and arms"
    found = said if n else "as config.json says; no round has it"
    return Check("rule", 0 < n == rounds, f"hash {now[:12]}, {found}")


def _registered(known: Mapping[str, Any]) -> list[Check]:
    """Since when the config's file has the rule (`rlvr.loop.registered`)."""
    if not known:
        return []
    file, hours = str(known["file"]).rpartition("/")[2], 0.0
    if known.get("overridden"):
        found = _cut(f"not the rule of {file}, overridden: ", known["overridden"])
    elif known.get("commit"):
        hours = (known["began"] - known["committed"]) / 3600
        ago = f"{60 * hours:.1f} minutes" if hours < 2 else f"{hours:,.1f} hours"
        least = "at least " if known["at_least"] else ""
        found = f"committed {least}{ago} before the first round ({known['commit'][:7]})"
    if not known.get("overridden") and hours <= 0:
        found = f"not committed before the first round ({file})"
    return [Check("registered", hours > 0, found)]


def _inputs(groups: Sequence[Group]) -> Check:
    """Whether every round had the same verifier, task, model and data, by their hashes.

    A model of rlvr's own has no hash.
    """
    rounds, hashed = sum(one.rounds for one in groups), [one for one in groups if one.hashes]
    n = sum(one.rounds for one in hashed)
    if not hashed:
        return Check("inputs", False, "no hashes of verifier, task and data are recorded")
    for kind in ("verifier", "task", "model", "data"):
        first, *others = hashed
        for other in others:
            if other.hashes.get(kind) != first.hashes.get(kind):
                return Check("inputs", False, f"another {kind}: {first.first}; {other.first}")
    if n < rounds:
        return Check("inputs", False, f"{rounds - n} of {rounds} rounds have no hashes")
    return Check("inputs", True, f"the same verifier, task and data in all {n} rounds")


def _added(r: Results) -> list[Check]:
    """What was added after the run began; the rule and what it is about are as they were."""
    return [Check("added", True, f"exploratory, no verdict: {r.added}")] if r.added else []


def _seeds(r: Results) -> Check:
    found = f"{len(r.seeds)}: {', '.join(map(str, r.seeds))}"
    found += f"; round {r.round} of {r.rounds}" if r.round < r.rounds else ""
    if r.absent:
        found += f"; not finished: {', '.join(map(str, r.absent))}"
    if len(r.seeds) < MIN_SEEDS:
        found += f"; a verdict needs {MIN_SEEDS}"
    counted = {arm: len(effect.deltas) for arm, effect in effects_of(r, r.metric).items()}
    lacking = [f"{arm} {n}" for arm, n in counted.items() if n < len(r.seeds)]
    if lacking:
        found += f"; {r.metric} only in: {', '.join(lacking)}"
    twins = _twins(r)
    if twins:
        found += f"; {twins[0]} and {twins[1]} have equal figures"
    whole = len(r.seeds) >= MIN_SEEDS and not r.absent and r.round == r.rounds
    return Check("seeds", whole and not lacking and not twins, found)


def _twins(r: Results) -> tuple[int, ...]:
    """Return two seeds whose arms have the same losses and real NLL to the last digit, if any.

    Two seeds that were drawn apart can have equal shares of few problems, but not these.
    """
    names = ("real_nll", "train_loss", "base_nll")
    seen: dict[tuple[float, ...], int] = {}
    for seed in r.seeds:
        figures = tuple(
            x for name in names for arm in r.arms if math.isfinite(x := r.at(seed, arm, name))
        )
        if figures and figures in seen:
            return seen[figures], seed
        seen[figures] = seed
    return ()


def _floor(r: Results) -> Check:
    """Whether every figure behind a verdict, or a claim's rule, has an error paired by problem."""
    lacking: dict[str, str] = {}
    for ruling in rulings(r).values():
        behind = [ruling.effect, *([ruling.best] if ruling.best else [])]
        if ruling.kind:
            names = ("greedy", r.largest_k)
            behind += [effect_of(r, ruling.arm, "base", name, name) for name in names]
        lacking |= {e.metric: e.floor for e in behind if e.deltas and e.floor != "paired"}
    for a, b in _asked(r):
        e = effect_of(r, a.arm, b.arm, a.metric, b.metric)
        lacking |= {a.metric: e.floor} if e.deltas and e.floor != "paired" else {}
    if not lacking:
        return Check("floor", True, "paired by problem for every figure behind a verdict")
    worst = [f"{floor} for {name}" for name, floor in lacking.items()]
    return Check("floor", False, _cut("", worst))


def _asked(r: Results) -> list[tuple[Term, Term]]:
    """Return the pairs of figures whose difference the rule of a claim asks for."""
    claim = r.config.get("claim")
    sections = ClaimConfig(**claim).each() if claim else []
    texts = [text for one in sections for text in (*one.controls, *one.rule, *one.refutes)]
    asked = [parse(text).quantity for text in texts]
    return [(one.plus, one.minus) for one in asked if one.plus and one.minus]


def _outlier(r: Results) -> list[Check]:
    """Whether a seed of a primary arm lies far from its others: an interval may not hold then."""
    effects = {arm: effect_of(r, arm, "base", r.metric, r.metric) for arm in r.primary}
    whole = {arm: e for arm, e in effects.items() if len(e.deltas) == len(r.seeds) >= MIN_SEEDS}
    said = []
    for arm, effect in whole.items():
        place, p = outlier(effect.deltas)
        others = [delta for i, delta in enumerate(effect.deltas) if i != place]
        off = effect.deltas[place] - sum(others) / len(others)
        if p * len(whole) <= RARE and abs(off) > FAR * math.sqrt(effect.variances.within):
            said.append(f"seed {r.seeds[place]} of {arm} is {off:+.3f} off its others")
    if said:
        return [Check("outlier", False, _cut("", said))]
    return [Check("outlier", True, "no seed lies far from the others")] if whole else []


def _everywhere(r: Results, metric: str, use: Callable[[str], bool]) -> list[float]:
    """Return a metric's figures of all the run's seeds, arms that `use` names, and rounds."""
    rounds = range(1, r.round + 1)
    figures = (r.at(s, a, metric, t) for s in r.seeds for a in r.arms if use(a) for t in rounds)
    return [figure for figure in figures if math.isfinite(figure)]


def _learner(r: Results, arm: str) -> Learner:
    named = {str(one["name"]): str(one.get("learner", "sft")) for one in r.config["arms"]}
    return LEARNERS[named.get(arm, "sft")]


def _warm_start(r: Results) -> list[Check]:
    """Whether each seed's warm start reached its target, on the problems held back for that."""
    target = (r.config.get("warm_start") or {}).get("until")
    if target is None:
        return []
    reached = {seed: r.at(seed, "base", "warm_start_pass@1") for seed in r.seeds}
    missed = [f"seed {seed} {x:.2f}" for seed, x in reached.items() if x < target]
    if missed:
        return [Check("warm start", False, _cut(f"below its target of {target:g}: ", missed))]
    if not all(map(math.isfinite, reached.values())):
        return [Check("warm start", False, f"whether it reached {target:g} is not recorded")]
    least = min(reached.values())
    return [
        Check("warm start", True, f"target {target:g} reached by every seed, {least:.2f} or more")
    ]


def _cut(begin: str, parts: Sequence[str]) -> str:
    """Return the beginning and as many of the parts as there is room for."""
    text = begin + parts[0]
    for place, part in enumerate(parts[1:], 1):
        rest = "" if part == parts[-1] else f", and {len(parts) - place} more"
        if len(f"{text}, {part}{rest}") > ROOM:
            return f"{text}, and {len(parts) - place} more"
        text += f", {part}"
    return text


def _offline(r: Results) -> dict[tuple[int, str, int], tuple[float, float]]:
    """Return rows (or pairs) and steps of each seed, arm and round that learns from its rows."""
    found = {
        (seed, arm, t): (r.at(seed, arm, learner.counts, t), r.at(seed, arm, "train_steps", t))
        for arm in r.arms
        if not (learner := _learner(r, arm)).online
        for seed in r.seeds
        for t in range(1, r.round + 1)
    }
    return {key: both for key, both in found.items() if all(map(math.isfinite, both))}


def _rows(r: Results) -> list[Check]:
    """Whether each arm had something to learn from, and the fewest rows that a round had."""
    idle = {arm: said for arm in r.arms if (said := nothing_to_learn_from(r, arm))}
    if idle:
        return [Check("rows", False, _cut("", [f"{arm}: {said}" for arm, said in idle.items()]))]
    rows = _offline(r)
    if not rows:
        return []
    seed, arm, t = key = min(rows, key=lambda one: rows[one])
    unit = "" if (counts := _learner(r, arm).counts) == "rows" else f" {counts}"
    found = f"at least {rows[key][0]:,.0f}{unit} ({arm}, seed {seed}, round {t})"
    return [Check("rows", True, found)]


def _passes(r: Results) -> list[Check]:
    """How often a round's steps went over its rows: the most and the least of all rounds."""
    each = [
        (arm, steps * (r.config.get(_learner(r, arm).section, {}).get("batch_size") or 0) / rows)
        for (_, arm, _), (rows, steps) in _offline(r).items()
        if rows
    ]
    if not each:
        return []
    (most, high), (least, low) = (end(each, key=lambda one: one[1]) for end in (max, min))
    ok, (first, last) = high <= MAX_PASSES, map(_times, (high, low))
    begin = "over a round's rows: " if ok else f"more than {MAX_PASSES:g} a round: "
    if first == last:
        which = "every arm" if {arm for arm, _ in each} >= {*r.arms} else "every offline arm"
        return [Check("passes", ok, f"{begin}{first} in {which}")]
    found, short = (f"{begin}{most} {first} to {whose}{last}" for whose in (f"{least} ", ""))
    return [Check("passes", ok, found if len(found) <= ROOM else short)]


def _times(x: float) -> str:
    return f"{x:.1f}" if x >= 1 else f"{x:.2g}"


def _steps(r: Results) -> Check:
    """Whether all arms of a learner take as many steps in every round."""
    said, same = [], True
    for name in sorted(LEARNERS, key=lambda one: (LEARNERS[one].online, one != "sft")):
        learner = LEARNERS[name]
        arms = {arm for arm in r.arms if _learner(r, arm) is learner}
        steps = sorted(set(_everywhere(r, "train_steps", arms.__contains__)))
        if not steps:
            continue
        same = same and len(steps) == 1
        taken, whose = " or ".join(f"{n:.0f}" for n in steps), f"{', '.join(sorted(arms))}: "
        if learner.online:
            rows = max(_everywhere(r, "rows", arms.__contains__)) / steps[0]
            said.append(f"{whose}{taken} online ones of {rows:.0f} completions")
        else:
            batch = r.config.get(learner.section, {}).get("batch_size")
            taken += f" a round of {batch} {learner.counts}"
            said.append(taken if name == "sft" else f"{whose}{taken}")
    return Check("steps", bool(said) and same, "; ".join(said) or "not recorded")


def _sizes(r: Results) -> Check:
    matched = {str(arm["name"]) for arm in r.config["arms"] if arm.get("match")}
    if not matched:
        rows = sorted(_everywhere(r, "rows", lambda arm: True))
        spread = f"; {rows[0]:,.0f} to {rows[-1]:,.0f} rows a round" if rows else ""
        return Check("sizes", True, f"no arm copies another's{spread}")
    said, enough = [], True
    for arm in sorted(matched):
        kept, short = (
            sum(_everywhere(r, metric, partial(eq, arm))) for metric in ("kept", "shortfall")
        )
        if not kept + short:
            return Check("sizes", False, f"{arm}: not recorded")
        said.append(f"{arm}: lacks {short:,.0f} of {kept + short:,.0f} rows")
        enough = enough and short <= MAX_SHORTFALL * (kept + short)
    return Check("sizes", enough, f"{'; '.join(said)}, all seeds")


def _ceiling(r: Results) -> list[Check]:
    """Conditions that no figure of their first arm could meet, as the second is at a bound.

    `grpo pass@1 - replay pass@1 > 0.05` fails by whatever GRPO does where `replay` ends at 0.98.
    """
    claim = r.config.get("claim") or {}
    rules = [one.get("rule") or [] for one in (claim, *claim.get("also", []))]
    said = []
    for text in dict.fromkeys([*r.config["verdict"].get("conditions", []), *chain(*rules)]):
        condition = parse(text)
        plus, minus, way = condition.quantity.plus, condition.quantity.minus, condition.way
        if condition.quantity.function or not plus or not minus or way not in "<>":
            continue
        bounds = find(plus.metric).range or (-math.inf, math.inf)
        there, limit = r.mean(minus.arm, minus.metric), condition.limit
        if way == ">":
            barred, side = max(bounds) - there <= limit, "above"
        else:
            barred, side = min(bounds) - there >= limit, "below"
        if barred:
            by = f"{abs(limit):g} {side}" if limit else side
            said.append(f"{plus.arm} can't be {by} {minus.arm} ({minus.metric} {there:.3f})")
    more = f"; {len(said) - 1} more" if len(said) > 1 else ""
    return [Check("ceiling", False, said[0] + more)] if said else []


def _splits(r: Results) -> Check:
    shared = [r.at(seed, "base", "train_eval_shared") for seed in r.seeds]
    if not all(map(math.isfinite, shared)):
        return Check("splits", False, "not recorded")
    found = f"{sum(shared):,.0f} held-out {_compared(r)}s are trained on"
    if not _near(r):  # as in older records
        found += "; near ones not looked for"
    return Check("splits", not any(shared), found)


def _compared(r: Results) -> str:
    """Return what of a problem is held against the others (`rlvr.loop.splits.measure`)."""
    return "text" if r.config.get("transcription") else "prompt"


def _near(r: Results) -> list[Check]:
    """How many held-out problems are nearly what is trained on, with one of them by name.

    The line says what was compared: two texts with the same short prompt may go on differently.
    """
    near = [r.at(seed, "base", "near_duplicates") for seed in r.seeds]
    if not all(map(math.isfinite, near)):
        return []
    if not any(near):
        found = f"0 held-out {_compared(r)}s have a near-duplicate in training"
        return [Check("near", True, found)]
    keys = (key for _, arm, _, key in r.values if arm == "base")
    names = (key.partition("[")[2].rstrip("]") for key in keys if key.startswith(_EXAMPLE))
    example = next((name.partition(" ~ ")[0] for name in names), "")
    found = f"{sum(near):,.0f} near-duplicates by {_compared(r)} alone: {example}"
    return [Check("near", False, found)]


def _verifier(r: Results) -> Check:
    tpr, fpr = (r.mean("base", name) for name in ("verifier_tpr", "verifier_fpr"))
    shares = [r.at(seed, "base", "verifier_undecided") for seed in r.seeds]
    undecided = sum(one for one in shares if math.isfinite(one)) / len(shares)  # none, no figure
    if not (math.isfinite(tpr) and math.isfinite(fpr)):
        silent = f"decides nothing on {undecided:.1%} of real and corrupted held-out solutions"
        unknown = "not audited: no real solutions, or an older record"
        return Check("verifier", False, silent if undecided else unknown)
    found = f"accepts {tpr:.1%} of real, {fpr:.1%} of corrupted held-out solutions"
    found += f"; decides nothing on {undecided:.1%} of them" if undecided else ""
    return Check("verifier", tpr >= 0.99 and fpr <= 0.01 and undecided <= 0.01, found)


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
        possible = [effect] if cases is None else [effect, *cases, *assigned(r, arm, cases)]
        if arm in r.primary:  # another primary arm's completions may change Holm's p
            possible.append(at_its_least_sure(r, arm, effect))
        if len({ruled(r, arm, case)[0] for case in possible}) > 1:
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
