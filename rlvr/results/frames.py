"""Frames: a run folder as tidy pandas frames, for notebooks and scripts. `rlvr.load_run(path)`.

Read-only, and no figure is made here that the run has not recorded, but two sums a completion
(`tokens`, `logprob`) and its prompt as text. Every frame has `seed`, `arm` and `round` as columns,
so that frames are joined and grouped by them; the base is the arm `base` at round 0. What is small
is a field; what can be large, or has to be computed, is a method.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from rlvr.data import Damaged, InputError, nearest
from rlvr.records import added, record
from rlvr.records.layout import (
    BASE,
    COMPLETIONS,
    EVALUATION,
    MANIFEST,
    METRICS,
    MODEL,
    TIMING,
    Place,
    base_of,
)
from rlvr.results import compare
from rlvr.results.effects import Effect, Results, arm_effects, contrast_effects
from rlvr.results.verdict import rulings

TIMING_COLUMNS = (
    *("seed", "arm", "round", "stage"),
    *("seconds", "tokens", "tokens_per_second", "rss_bytes"),
)
COMPLETION_COLUMNS = (
    *("seed", "arm", "round", "problem_id", "index", "prompt", "text", "status", "reason"),
    *("extracted", "kept", "tokens", "logprob", "finish_reason", "sampled_from"),
    *("prompt_token_ids", "token_ids", "logprobs"),
)
EVAL_COLUMNS = (
    *("seed", "arm", "round", "problem_id", "level", "kind", "index", "text", "status", "reason"),
    *("extracted", "tokens", "logprob", "truncated", "token_ids"),
)
EFFECT_COLUMNS = (
    *("arm", "against", "metric", "reference", "value", "delta", "low", "high", "p_holm", "seeds"),
)
VERDICT_COLUMNS = (*EFFECT_COLUMNS, "primary", "verdict", "growth", "reason", "why")


@dataclass(frozen=True, slots=True)
class RunFrames:
    """A run.

    `config` and `config_hash`: the resolved config that the run began with and the sha256 of what
    decides its figures. `whole`: the config with the rounds, seeds and arms that were added later.
    `manifest`: versions, hardware, commit, verifier and rule; empty where none was recorded.

    `metrics`, a row a figure: `seed`, `arm`, `round`, `metric`, `level` ("all", or one of the
    task's), `value`, `n` (what the figure is over: problems, completions, tokens, rows).

    `timing`, a row a stage: `seed`, `arm`, `round`, `stage` ("round" is a round's whole),
    `seconds` of wall time, `tokens` sampled or trained on, `tokens_per_second`, `rss_bytes` of the
    main process. A stage that was redone after a kill has two rows, and one
    of more than 16,384 completions a row for each part.
    """

    folder: Path
    config: Mapping[str, Any]
    config_hash: str
    whole: Mapping[str, Any]
    manifest: Mapping[str, Any]
    metrics: pd.DataFrame
    timing: pd.DataFrame

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms of the run, those that were added included, without the base."""
        return tuple(str(arm["name"]) for arm in self.whole["arms"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the run, those that were added included."""
        return tuple(int(seed) for seed in self.whole["seeds"])

    def completions(
        self, arm: str | None = None, round: int | None = None, seed: int | None = None
    ) -> pd.DataFrame:
        """Return the training completions, all or those of an arm, a round, a seed: a row each.

        `seed`, `arm`, `round`: the round that selected from it. Round 1 of every arm selects from
        one pool, sampled from the base: the same completions stand there once an arm, each time
        with that arm's `kept`. The arm `base` is that pool by itself, at round 0 and with nothing
        kept; it is left out unless `arm="base"` asks for it. An arm with `keep: real` has none.

        `problem_id`, `index`: which sample of which problem. `prompt`: decoded from its tokens
        (None where the base's folder is gone). `text`: the completion. `status`, `reason`,
        `extracted`: the verdict. `kept`: whether the arm chose it to train on (`real_fraction` and
        `memory` then still put other rows in the place of some). `tokens`: its length, the end of
        text included. `logprob`: the sum of `logprobs` (nats, at temperature 1, under the weights
        that sampled it). `finish_reason`: "stop" or "length". `sampled_from`: "base" or the arm,
        whose weights of the round before sampled it. `prompt_token_ids`, `token_ids`, `logprobs`:
        lists.

        An arm with `learner: grpo` samples each step from its own weights as they are then, in
        round 1 too: `sampled_from` is the arm, and `kept` says that the reward was not 0.

        With a corpus the completions are its entries, `status` is their truth and `logprobs` are
        those of the weights that ranked them; with a transcriber they are what it wrote.

        Raises InputError for an arm or seed that the run has not, or where no completions are.
        """
        chosen = self._chosen(COMPLETIONS, arm, round, seed)
        parts = [read_completions(self.folder, place) for place in chosen]
        return _frame(parts, COMPLETION_COLUMNS)

    def evals(
        self, arm: str | None = None, round: int | None = None, seed: int | None = None
    ) -> pd.DataFrame:
        """Return the evaluation completions, all or those of an arm, a round, a seed: a row each.

        The base, at round 0, is among them. `kind`: "sample" (T=1, top-p=1), "greedy", "best" (the
        base at its best temperature) or `off_target.NAME.pass@1` and `.greedy`; or "real": the
        problem's real solution, with its `tokens` and `logprob` alone. `level`: of the
        held-out problem. `truncated`: it ran into `generate.max_tokens`. The other columns as those
        of `completions`.

        Raises InputError for an arm or seed that the run has not, or where no records are.
        """
        parts = [
            _placed(record.read_table(place.folder(self.folder) / EVALUATION), place)
            for place in self._chosen(EVALUATION, arm, round, seed)
        ]
        return _frame(parts, EVAL_COLUMNS)

    def comparison(self) -> dict[str, Any]:
        """Return what `rlvr compare` writes into compare.json; nothing is written.

        Raises InputError before any seed has finished a round in every arm.
        """
        return compare.compare_run(compare.read_results(self.folder))

    def effects(self) -> pd.DataFrame:
        """Return every metric of each arm against the base, and of each pair of arms: a row each.

        At the compared round. `arm`, `against` ("base" or an arm); `metric` (by level:
        `metric[level]`); `value` of the arm and `reference` of the other, means over seeds; `delta`
        = `value - reference`, paired by seed, with its interval `low` to `high` at the rule's
        confidence and Holm's `p_holm`; `seeds`: how many. NaN where undefined.

        Raises InputError before any seed has finished a round in every arm.
        """
        return _effects(compare.read_results(self.folder))

    def verdicts(self) -> pd.DataFrame:
        """Return the verdict on each arm: the row of `effects` on the rule's metric, and more.

        `primary`: whether the rule is about the arm. `verdict`: growth, collapse, no effect or
        inconclusive. `growth`: beyond sharpening, sharpening or open; None where it is no growth.
        `reason`: why it is inconclusive, else "". `why`: what it rests on.

        Raises InputError before any seed has finished a round in every arm.
        """
        results = compare.read_results(self.folder)
        rows = [
            {
                **_effect(arm, BASE, results.metric, ruling.effect),
                "primary": ruling.primary,
                "verdict": ruling.outcome,
                "growth": ruling.kind,
                "reason": ruling.reason,
                "why": compare.why(results, ruling),
            }
            for arm, ruling in rulings(results).items()
        ]
        return pd.DataFrame(rows, columns=list(VERDICT_COLUMNS))

    def places(
        self, file: str, arm: str | None = None, round: int | None = None, seed: int | None = None
    ) -> Iterator[Place]:
        """Yield the rounds that have recorded `file`, in the config's order.

        Raises InputError for an arm or seed that the run has not.
        """
        known("arm", arm, (BASE, *self.arms))
        known("seed", seed, self.seeds)
        for one in self.seeds if seed is None else [seed]:
            for name in (BASE, *self.arms) if arm is None else [arm]:
                rounds = range(1, int(self.whole["rounds"]) + 1) if name != BASE else [0]
                for at in rounds if round is None else [r for r in rounds if r == round]:
                    place = Place(one, name, at)
                    if (place.folder(self.folder) / file).is_file():
                        yield place

    def _chosen(
        self, file: str, arm: str | None, round: int | None, seed: int | None
    ) -> list[Place]:
        found = list(self.places(file, arm, round, seed))
        if not found and next(self.places(file), None) is None:
            raise InputError(
                f"{self.folder}: no {file} in it: only the figures of this run were kept, or its "
                "first round is still going"
            )
        pools = file == COMPLETIONS and arm is None
        return [place for place in found if not (pools and place.arm == BASE)]


def known(what: str, value: Any, names: Sequence[Any]) -> None:
    """Raise InputError, naming the nearest, unless `value` is None or one of `names`."""
    if value is not None and value not in names:
        hint = nearest(str(value), map(str, names))
        listed = ", ".join(map(str, names))
        raise InputError(f"{what}: the run has no {value!r}{hint} (it has: {listed})")


def read_run(folder: Path) -> RunFrames:
    """Read a run folder.

    Raises InputError when it is none, and Damaged, which is one too, for a damaged file.
    """
    config, config_hash = compare.read_config(folder)
    return RunFrames(
        folder=folder,
        config=config,
        config_hash=config_hash,
        whole=added.whole(config, added.read(folder)),
        manifest=_manifest(folder / MANIFEST),
        metrics=_whole(folder / METRICS, record.METRIC_COLUMNS),
        timing=_whole(folder / TIMING, TIMING_COLUMNS),
    )


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text())) if path.is_file() else {}
    except (ValueError, TypeError) as failure:
        fix = "the `rlvr run` command that began the run writes it again"
        raise Damaged(path, f"no JSON: {failure}", fix) from failure


def _whole(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    return _frame([record.read_table(path)] if path.is_file() else [], columns)


def read_completions(folder: Path, place: Place) -> pa.Table:
    """Return the completions of one round of a run folder, with COMPLETION_COLUMNS."""
    path = place.folder(folder) / COMPLETIONS
    table = record.read_table(path).combine_chunks()
    table = _placed(table.append_column("sampled_from", table["arm"]), place)
    tokens = pc.cast(pc.list_value_length(table["token_ids"]), pa.int64())
    table = table.append_column("tokens", tokens)
    table = table.append_column("logprob", pa.array(list_sums(table["logprobs"]), pa.float64()))
    base = base_of(place.seed).folder(folder)
    prompts = _decoded(base / MODEL, table["prompt_token_ids"].to_pylist())
    table = table.append_column("prompt", pa.array(prompts, pa.string()))
    return table.select(list(COMPLETION_COLUMNS))


def list_sums(lists: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return the sum of each list of a column, 0 for an empty one."""
    one = lists.combine_chunks()
    places, values = pc.list_parent_indices(one), pc.list_flatten(one)
    indices, weights = (array.to_numpy(zero_copy_only=False) for array in (places, values))
    return np.bincount(indices, weights, minlength=len(one)).astype(np.float64)


def _decoded(model: Path, prompts: Sequence[Sequence[int]]) -> list[str | None]:
    """Return prompts as text, special tokens included; None where there is no tokenizer."""
    if not (model / "tokenizer_config.json").is_file():
        return [None] * len(prompts)
    tokenizer = _tokenizer(model)
    distinct = list(dict.fromkeys(map(tuple, prompts)))
    texts = {ids: str(tokenizer.decode(list(ids))) for ids in distinct}
    return [texts[tuple(ids)] for ids in prompts]


@lru_cache(maxsize=4)
def _tokenizer(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def _placed(table: pa.Table, place: Place) -> pa.Table:
    """Return a table with the columns seed, arm and round of the folder that it lies in."""
    where = asdict(place)
    table = table.drop_columns([name for name in where if name in table.column_names])
    for name, value in where.items():
        table = table.append_column(name, pa.repeat(value, len(table)))
    return table


def _frame(parts: Sequence[pa.Table], columns: Sequence[str]) -> pd.DataFrame:
    if not parts:
        return pd.DataFrame(columns=list(columns))
    table = pa.concat_tables([part.select(list(columns)) for part in parts])
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _effects(results: Results) -> pd.DataFrame:
    metrics = sorted({key for _, arm, _, key in results.values if arm in results.arms})
    rows = [
        _effect(arm, BASE, metric, effect)
        for metric in metrics
        for arm, effect in arm_effects(results, metric).items()
    ]
    rows += [
        _effect(arm, other, metric, effect)
        for metric in metrics
        for (arm, other), effect in contrast_effects(results, metric).items()
    ]
    return pd.DataFrame(rows, columns=list(EFFECT_COLUMNS))


def _effect(arm: str, against: str, metric: str, effect: Effect) -> dict[str, Any]:
    return {
        "arm": arm,
        "against": against,
        "metric": metric,
        "reference": effect.base,
        "value": effect.final,
        "delta": effect.interval.delta,
        "low": effect.interval.low,
        "high": effect.interval.high,
        "p_holm": effect.p_holm,
        "seeds": len(effect.deltas),
    }
