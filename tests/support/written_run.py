"""A finished run folder of which every value is known: pools, models, records and all."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

from rlvr.config import load, resolved
from rlvr.data import Completion, Verdict
from rlvr.evaluate.evaluation import Record
from rlvr.models.loading import character_tokenizer, make_tiny
from rlvr.records import record
from rlvr.records.layout import Place, base_of
from support.figures import ARMS, FINAL, ROUNDS, SEEDS, rows_of
from support.figures import BASE as FIGURES
from support.runs import TINY

tokenizer = cache(character_tokenizer)  # made when it is first asked for: it imports torch


def tokens(text: str) -> tuple[int, ...]:
    return tuple(tokenizer()(text)["input_ids"])


def pool(arm: str, seed: int, round_: int) -> list[tuple[Completion, Verdict]]:
    """Return four completions of two problems; every second one is right, the last undecided."""
    out = []
    for i in range(4):
        text = f"{seed}{round_}{i}"
        ids = (*tokens(text), 1)
        one = Completion(
            problem_id=f"p{i // 2}",
            arm=arm,
            seed=seed,
            round=round_,
            index=i % 2,
            prompt_token_ids=tokens(f"{i // 2}+é="),
            token_ids=ids,
            text=text,
            logprobs=tuple(-0.5 - i for _ in ids),
            finish_reason="stop",
        )
        status = "abstain" if i == 3 else ("correct" if i % 2 == 0 else "wrong")
        out.append((one, Verdict(status, "a reason", text, 0.1)))  # type: ignore[arg-type]
    return out


def write_pool(path: Path, these: list[tuple[Completion, Verdict]], kept: list[bool]) -> None:
    record.write_completions(path, these, kept)


def evaluated(level: str) -> list[dict[str, Any]]:
    one = Record("e0", level, "sample", 0, "7", 2, (5, 1), -0.7, False, "correct", "", "7")
    return [dataclasses.asdict(one), dataclasses.asdict(dataclasses.replace(one, kind="greedy"))]


def write_run(folder: Path) -> Path:
    """Write a finished run: figures of test_compare, a pool of four completions in every round."""
    overrides = [f"seeds={list(SEEDS)}", f"arms=[{','.join(ARMS)}]", f"rounds={ROUNDS}"]
    plain = resolved(load(TINY, [*overrides, "evaluate.samples=8", "evaluate.k=[1,8]"]))
    record.write_json(folder / "config.json", {"config": plain, "hash": "0123abcd"})
    manifest = {"verifier": "exact@1234", "commit": "abc", "versions": {"rlvr": "0.1.0"}}
    record.write_json(folder / "manifest.json", manifest)
    rows = rows_of(FINAL, FIGURES)
    for seed in SEEDS:
        base = base_of(seed).folder(folder)
        make_tiny("tiny-0.1m", seed, base / "model")
        shared = pool("base", seed, 1)
        write_pool(base / "completions.parquet", shared, [False] * 4)
        for arm in ("base", *ARMS):
            for round_ in range(1, ROUNDS + 1) if arm != "base" else [0]:
                place = Place(seed, arm, round_).folder(folder)
                here = [r for r in rows if (r["seed"], r["arm"], r["round"]) == (seed, arm, round_)]
                record.write_json(place / "metrics.json", here)
                record.write_parquet(place / "eval.parquet", evaluated("easy"))
                if arm == "base":
                    continue
                if round_ == ROUNDS:
                    make_tiny("tiny-0.1m", seed, place / "model")
                these = [] if arm == "real" else shared if round_ == 1 else pool(arm, seed, round_)
                kept = [v.status == "correct" or arm == "unfiltered" for _, v in these]
                write_pool(place / "completions.parquet", these, kept)
    record.write_metrics(folder)
    timing = record.Timing(folder)
    timing.add(base_of(0), "generate", 2.0, 10)
    timing.save()
    return folder
