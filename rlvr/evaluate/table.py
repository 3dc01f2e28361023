"""The table of metrics: one row for each, and everything that lists metrics reads it.

Derived are: what an evaluation computes (`compute`), which metrics a verdict may rest on
(`verdict_metrics`), the terminal's table of means (`in_terminal`), the report's charts
(`charted`), the names that trackers are sent (`figure_name`) and docs/metrics.md. To add a metric,
write its function in `rlvr.evaluate.measured` and add its row here.

A name may hold a parameter, `pass@{k}`: it is one row, and a row of the exact name comes first.
Metrics of a task that is not trained on are called `off_target.NAME.METRIC` and have no rows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rlvr.data import CONTAMINATIONS
from rlvr.evaluate import measured as m
from rlvr.evaluate.metrics import ALL, OFF_TARGET

# Groups, in the order of the report and of docs/metrics.md.
ACCURACY, COVERAGE, TAILS, DIVERSITY = "Accuracy", "Coverage", "Tails", "Diversity"
NLL, FILTER, STEPS = "Negative log-likelihood", "Filter", "Online steps"
DEFICIENCIES, HEALTH = "Deficiencies amplified", "Health"
BUDGET, AUDIT = "Budget", "Audit"
GROUPS = (
    *(ACCURACY, COVERAGE, TAILS, DIVERSITY, NLL, FILTER, STEPS, DEFICIENCIES, HEALTH),
    *(BUDGET, AUDIT),
)

# What metrics are made from, in the order in which they are computed.
SOLUTIONS, SAMPLES = "held-out real solutions", "held-out samples at temperature 1"
GREEDY, WORK = "held-out greedy completions", "held-out samples, where the work is checked"
HELD_OUT = (SOLUTIONS, SAMPLES, GREEDY, WORK)  # given a `measured.HeldOut`
GRAMS, VIEW = "the base's over-used n-grams", "the base's view of first samples"
RARE, SOLVED = "the base's rare problems", "problems solved by base and arm"
FIRSTS = "first samples, beside real solutions"
AGAINST_BASE = (GRAMS, VIEW, RARE, SOLVED, FIRSTS)  # given a `measured.AgainstBase`
TRAINING, TRAINING_WORK = "training completions", "training completions, where the work is checked"
SELECTED = (TRAINING, TRAINING_WORK)  # given a `measured.Selected`
# Not computed here: recorded by what makes them.
TUNED, CHECKED = "the base at its best temperature", "the base's audit"
CORPUS, TRANSCRIBER, LEARNER = "the corpus", "the transcriber", "the round's training"

SHARE = (0.0, 1.0)
ON = (0.0, math.inf)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    `name`: with its parameter, if it has one, in braces; `values`: which values the parameter
    takes and what the braces in `meaning` then say (empty for any value). `range`: its least and
    largest value, None where none is stated. `better`: which way is growth, where a verdict may
    rest on it. `source`: what it is made from; `function` makes it from that, None where the source
    records it itself. `of_answers`: it says nothing where there are no right answers.

    `line`: its place among the lines of the terminal's table, None for none. `chart`: whether the
    report draws it. Of a parameter's values the terminal shows `lines` and the report `charts`
    (None: all of them).
    """

    name: str
    group: str
    meaning: str
    unit: str
    range: tuple[float, float] | None
    source: str
    function: Callable[[Any], m.Found] | None = None
    better: Literal["higher", "lower"] | None = None
    of_answers: bool = False
    line: int | None = None
    chart: bool = True
    values: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[str] | None = None
    charts: Sequence[str] | None = None

    def named(self, values: Sequence[str] | None = None, largest: str = "k") -> dict[str, str]:
        """Return the metric's names, or those of some values, and what each says.

        Of pass@k, where any value will do, it is that of the largest k, which is `largest`.
        """
        if not self.values:
            meaning = re.sub(r"\{(\w+)\}", r"the largest \1", self.meaning)
            return {_filled(self.name, largest): meaning}
        chosen = list(self.values) if values is None else values
        return {
            _filled(self.name, value): _filled(self.meaning, self.values[value]) for value in chosen
        }

    @property
    def label(self) -> str:
        """The name without braces: pass@k."""
        return re.sub(r"[{}]", "", self.name)

    @property
    def says(self) -> str:
        """What the metric says, the values of its parameter side by side."""
        values = " / ".join(self.values.values())
        return re.sub(r"\{(\w+)\}", lambda parameter: values or parameter[1], self.meaning)

    def matches(self, name: str) -> bool:
        """Whether `name` is one of this row's."""
        before, brace, after = self.name.partition("{")
        if not brace:
            return name == self.name
        value = "|".join(map(re.escape, self.values)) or r"\w+"
        pattern = f"{re.escape(before)}(?:{value}){re.escape(after.partition('}')[2])}"
        return re.fullmatch(pattern, name) is not None


def _filled(text: str, value: str) -> str:
    return re.sub(r"\{\w+\}", lambda _: value, text)


METRICS: tuple[Metric, ...] = (
    Metric("pass@1", ACCURACY, "share of samples at temperature 1 that are correct",
           "share", SHARE, SAMPLES, m.sampled, "higher", of_answers=True, line=1),
    Metric("greedy", ACCURACY, "share of greedy completions that are correct",
           "share", SHARE, GREEDY, m.greedy, "higher", of_answers=True, line=5),
    Metric("pass@{k}", ACCURACY, "share of problems with a correct one in {k} samples",
           "share", SHARE, SAMPLES, m.sampled, "higher", of_answers=True, line=6),
    Metric("pass@1_best_temperature", ACCURACY, "pass@1 of the base at its best temperature",
           "share", SHARE, TUNED, of_answers=True, line=2, chart=False),
    Metric("maj@{k}", ACCURACY, "share of problems where what {k} samples vote for is right",
           "share", SHARE, SAMPLES, m.majority, of_answers=True, line=3),
    Metric("best-of-{k}", ACCURACY,
           "share of problems where the likeliest of {k} samples is correct",
           "share", SHARE, SAMPLES, m.likeliest, of_answers=True, line=4),
    Metric("right_answer", ACCURACY,
           "share of samples whose final answer is right, by sound work or by luck",
           "share", SHARE, WORK, m.answered_right, of_answers=True),
    Metric("pass@1_se", ACCURACY, "standard error of pass@1, over problems and their samples",
           "share", SHARE, SAMPLES, m.sampled, of_answers=True, chart=False),
    Metric("pass@1_low", ACCURACY, "pass@1 with what is undecided as wrong",
           "share", SHARE, SAMPLES, m.sampled, of_answers=True, chart=False),
    Metric("pass@1_high", ACCURACY, "pass@1 with what is undecided as correct",
           "share", SHARE, SAMPLES, m.sampled, of_answers=True, chart=False),

    Metric("coverage_{side}", COVERAGE, "share of problems that {side} in the largest k samples",
           "share", SHARE, SOLVED, m.coverage, of_answers=True, line=10, chart=False,
           values={"both": "base and arm solve", "base_only": "the base alone solves",
                   "arm_only": "the arm alone solves", "neither": "neither solves"},
           lines=("base_only", "arm_only")),

    Metric("survival", TAILS, "share of the base's rare problems that some sample still solves",
           "share", SHARE, RARE, m.survival, line=9),
    Metric("real_nll_p95", TAILS,
           "95th percentile over tokens of the NLL of real solutions, nats",
           "nats", ON, SOLUTIONS, m.likelihood, line=12),

    Metric("distinct", DIVERSITY, "distinct share of each problem's completions",
           "share", SHARE, SAMPLES, m.sampled, line=21),
    Metric("distinct_{N}", DIVERSITY, "unique over all {N}",
           "share", SHARE, SAMPLES, m.diversity, line=20, lines=("2",),
           values={"1": "tokens", "2": "pairs of tokens", "3": "triples of tokens"}),
    Metric("correct_distinct_{N}", DIVERSITY, "unique over all {N}, correct completions alone",
           "share", SHARE, SAMPLES, m.diversity, charts=("2",),
           values={"1": "tokens", "2": "pairs of tokens", "3": "triples of tokens"}),
    Metric("answer_entropy", DIVERSITY, "entropy of a problem's extracted answers, nats",
           "nats", ON, SAMPLES, m.diversity, of_answers=True, line=19),
    Metric("token_entropy", DIVERSITY, "mean entropy of a sampled token, nats",
           "nats", ON, SAMPLES, m.diversity, line=18),

    Metric("real_nll", NLL, "of held-out real solutions under the arm, nats a token",
           "nats a token", ON, SOLUTIONS, m.likelihood, "lower", line=11),
    Metric("base_nll", NLL, "of the arm's samples under the base, nats a token",
           "nats a token", ON, VIEW, m.base_nll, line=13),
    Metric("unigram_nll", NLL, "of held-out real solutions under their own token frequencies",
           "nats a token", ON, FIRSTS, m.frequencies, chart=False),

    Metric("phi", FILTER, "P(kept | correct)",
           "share", SHARE, TRAINING, m.filtering, line=27),
    Metric("psi", FILTER, "P(kept | wrong)",
           "share", SHARE, TRAINING, m.filtering, line=28),
    Metric("J", FILTER, "phi - psi: 1 is a perfect filter, 0 a blind one",
           "difference of shares", (-1.0, 1.0), TRAINING, m.filtering, line=29),
    Metric("keep_rate", FILTER, "share of the completions that is kept",
           "share", SHARE, TRAINING, m.filtering),
    Metric("kept_{kind}", FILTER, "share of the {kind} that is kept",
           "share", SHARE, CORPUS, line=31, values={kind: kind for kind in CONTAMINATIONS}),
    Metric("kept_clean", FILTER, "share of the clean that is kept",
           "share", SHARE, CORPUS, line=30),
    Metric("train_lucky", FILTER,
           "share of right answers by wrong work, among training completions",
           "share", SHARE, TRAINING_WORK, m.train_lucky, line=8),

    Metric("step.reward", STEPS, "mean reward", "reward", None, LEARNER),
    Metric("step.correct", STEPS, "share correct, by the run's verifier", "share", SHARE, LEARNER),
    Metric("step.watch_gap", STEPS, "rewarded less right, by the watch",
           "difference of shares", (-1.0, 1.0), LEARNER),
    Metric("step.kl", STEPS, "KL from the base, nats a token", "nats a token", ON, LEARNER),
    Metric("step.entropy", STEPS, "entropy, nats a token", "nats a token", ON, LEARNER),
    Metric("step.zero_variance", STEPS, "share of groups without a contrast",
           "share", SHARE, LEARNER),
    Metric("step.watch_rewarded", STEPS, "share rewarded above 0.5, of what the watch looked at",
           "share", SHARE, LEARNER, chart=False),
    Metric("step.watch_correct", STEPS, "share correct, by the watch",
           "share", SHARE, LEARNER, chart=False),
    Metric("step.logprob_gap", STEPS, "engine and trainer apart on what was sampled",
           "nats a token", ON, LEARNER, chart=False),
    Metric("step.loss", STEPS, "the loss, as TRL logs it", "loss", None, LEARNER, chart=False),
    Metric("step.grad_norm", STEPS, "norm of the gradient, before clipping",
           "norm", ON, LEARNER, chart=False),
    Metric("step.clip_{side}", STEPS,
           "share of the tokens trained on whose ratio was clipped {side}",
           "share", SHARE, LEARNER, chart=False,
           values={"low": "at the lower bound", "high": "at the upper bound"}),
    Metric("step.completion_length", STEPS, "mean tokens of a completion",
           "tokens", ON, LEARNER, chart=False),
    Metric("step.truncated", STEPS, "share of completions cut at max_tokens",
           "share", SHARE, LEARNER, chart=False),

    Metric("amplified", DEFICIENCIES, "share of tokens in n-grams that the base over-used",
           "share", SHARE, GRAMS, m.amplification, line=14),
    Metric("amplified_excess", DEFICIENCIES,
           "amplified, less the share that these n-grams have in real solutions",
           "difference of shares", (-1.0, 1.0), GRAMS, m.amplification, line=15),
    Metric("overused", DEFICIENCIES,
           "share of tokens in n-grams that the arm itself over-uses, found in the other half",
           "share", SHARE, FIRSTS, m.overuse, chart=False),
    Metric("overused_excess", DEFICIENCIES,
           "overused, less the share that these n-grams have in real solutions",
           "difference of shares", (-1.0, 1.0), FIRSTS, m.overuse),
    # No range for the transcriber's: their charts are drawn without one.
    Metric("quirk", DEFICIENCIES, "share of completions with the transcriber's quirk",
           "share", None, TRANSCRIBER, line=16),
    Metric("quirk_logprob", DEFICIENCIES, "log-probability of the quirk, nats",
           "nats", None, TRANSCRIBER, line=17),
    Metric("transcript_cer", DEFICIENCIES, "character error rate of the transcripts",
           "errors a character", None, TRANSCRIBER, line=32),
    Metric("transcript_wer", DEFICIENCIES, "word error rate of the transcripts",
           "errors a word", None, TRANSCRIBER, line=33, chart=False),
    Metric("transcript_quirk", DEFICIENCIES, "share of transcripts with the quirk",
           "share", None, TRANSCRIBER, line=34),

    Metric("lucky", HEALTH, "share of right answers by wrong work",
           "share", SHARE, WORK, m.lucky, line=7),
    Metric("truncated", HEALTH, "share of completions cut at max_tokens",
           "share", SHARE, SAMPLES, m.sampled, line=22),
    Metric("no_answer", HEALTH, "share of completions without an answer",
           "share", SHARE, SAMPLES, m.sampled, line=23),
    Metric("undecided", HEALTH, "share of held-out completions without a verdict",
           "share", SHARE, SAMPLES, m.sampled, line=24),
    Metric("train_undecided", HEALTH, "share of training completions without a verdict",
           "share", SHARE, TRAINING, m.filtering, line=25),
    Metric("tokens_per_completion", HEALTH, "mean tokens of a completion",
           "tokens", ON, SAMPLES, m.sampled, line=26),
    Metric("excluded_{status}", HEALTH, "held-out completions without a verdict: {status}",
           "completions", ON, SAMPLES, m.sampled, chart=False,
           values={"abstain": "abstained", "error": "failed"}),

    Metric("sampled", BUDGET, "completions drawn", "completions", ON, LEARNER, chart=False),
    Metric("kept", BUDGET, "completions chosen, of those drawn",
           "completions", ON, LEARNER, line=35, chart=False),
    Metric("shortfall", BUDGET, "rows that a size-matched arm lacked",
           "rows", ON, LEARNER, line=36, chart=False),
    Metric("rows", BUDGET, "rows trained on", "rows", ON, LEARNER, chart=False),
    Metric("train_steps", BUDGET, "optimiser steps",
           "steps", ON, LEARNER, line=37, chart=False),
    Metric("kept_step", BUDGET, "optimiser step whose weights early stopping kept",
           "steps", ON, LEARNER, chart=False),
    Metric("train_tokens", BUDGET, "tokens trained on",
           "tokens", ON, LEARNER, line=38, chart=False),

    Metric("train_loss", AUDIT, "mean training loss of the round",
           "nats a token", ON, LEARNER, chart=False),
    Metric("pairs", BUDGET, "pairs of completions that the learner dpo trained on",
           "pairs", ON, LEARNER, chart=False),
    Metric("pair_loss", AUDIT, "mean training loss of the round, learner dpo",
           "nats a pair", ON, LEARNER, chart=False),
    Metric("pair_accuracy", AUDIT,
           "share of pairs whose preferred completion gained on the other, mean over the round",
           "share", SHARE, LEARNER, chart=False),
    Metric("pair_{side}", AUDIT,
           "beta times the change of the {side} one's log-probability, mean over the round",
           "nats", None, LEARNER, chart=False,
           values={"chosen": "preferred", "rejected": "other"}),
    Metric("held_back", AUDIT, "train.early_stop's metric on held-back problems, where it stopped",
           "as the metric", ON, LEARNER, chart=False),
    Metric("train_eval_shared", AUDIT, "held-out prompts that are trained on",
           "prompts", ON, CHECKED, chart=False),
    Metric("near_duplicates", AUDIT,
           "held-out prompts with a near-duplicate among those trained on (by level: the nearest)",
           "prompts", ON, CHECKED, chart=False),
    Metric("warm_start_pass@1", AUDIT, "pass@1 on held-back problems as the warm start ended",
           "share", SHARE, CHECKED, of_answers=True, chart=False),
    Metric("verifier_tpr", AUDIT, "share of real held-out solutions that the verifier accepts",
           "share", SHARE, CHECKED, chart=False),
    Metric("verifier_fpr", AUDIT,
           "share of corrupted held-out solutions that the verifier accepts",
           "share", SHARE, CHECKED, chart=False),
    Metric("verifier_undecided", AUDIT,
           "share of these solutions on which the verifier decides nothing, if there are any",
           "share", SHARE, CHECKED, chart=False),
    Metric("best_temperature", AUDIT, "temperature at which the base has its best pass@1",
           "temperature", ON, TUNED, chart=False),
)  # fmt: skip


def compute(sources: Sequence[str], given: m.HeldOut | m.AgainstBase | m.Selected) -> m.Found:
    """Return all metrics that are made from `sources`, in their order, each function asked once.

    `given` is what the sources' comment names: `HELD_OUT`, `AGAINST_BASE`, `SELECTED`.
    """
    functions = dict.fromkeys(
        row.function
        for source in sources
        for row in METRICS
        if row.source == source and row.function is not None
    )
    return [found for function in functions for found in function(given)]


def find(name: str) -> Metric:
    """Return the row of a metric by its recorded name; one that states nothing where none is."""
    if name.startswith(f"{OFF_TARGET}."):
        name = name.split(".", 2)[-1]
    exact_first = sorted(METRICS, key=lambda row: "{" in row.name)
    known = (row for row in exact_first if name in (row.label, row.name) or row.matches(name))
    return next(known, Metric(name, group="", meaning="", unit="", range=None, source=""))


def lower_is_better(name: str) -> bool:
    """Return whether a metric falls where a model grows."""
    return find(name).better == "lower"


def verdict_metrics(ks: Sequence[int]) -> list[str]:
    """Return the names of the metrics that a verdict may rest on: pass@k first, for each k."""
    rows = [row for row in METRICS if row.better is not None]
    anyone = [_filled(row.name, str(k)) for row in rows if "{" in row.name for k in ks]
    return list(dict.fromkeys([*anyone, *(row.name for row in rows if "{" not in row.name)]))


def recorded_metrics(ks: Sequence[int]) -> list[str]:
    """Return the names of all metrics that a run may record, without those of a level."""
    return list(
        dict.fromkeys(name for row in METRICS for k in ks for name in row.named(None, str(k)))
    )


def in_terminal(largest: str = "k") -> list[str]:
    """Return the names of the terminal's lines, in order; `largest`: the k of pass@k and others."""
    rows = [(row.line, row) for row in METRICS if row.line is not None]
    in_order = [row for _, row in sorted(rows, key=lambda one: one[0])]
    return [name for row in in_order for name in row.named(row.lines, largest)]


def charted(group: str, largest: str = "k") -> dict[str, str]:
    """Return the names of a group's charts, and what each shows; `largest` as in `in_terminal`."""
    rows = [row for row in METRICS if row.group == group and row.chart]
    return {name: says for row in rows for name, says in row.named(row.charts, largest).items()}


def names(group: str) -> list[str]:
    """Return the names of a group's metrics."""
    return [name for row in METRICS if row.group == group for name in row.named()]


def figure_name(metric: str, level: str) -> str:
    """Return how a figure is called: `metric`, or `metric[level]` for one of a level."""
    return metric if level == ALL else f"{metric}[{level}]"


def reference() -> Iterator[tuple[str, list[Metric]]]:
    """Yield each group that has rows, with its rows."""
    for group in GROUPS:
        if rows := [row for row in METRICS if row.group == group]:
            yield group, rows
