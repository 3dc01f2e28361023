"""The report of a run of half a million completions, against its bars.

A made run: 5 seeds, 5 arms, 4 rounds of 5,000 completions of 200 characters on average (500,000 in
all), and 105 evaluations of 1,600. The report is written by the command in a process of its own,
and opened in a headless Chromium where there is one.

Ratios, each under 1 where the bar holds: seconds to write it / 60, bytes / 15 MB, and seconds until
its completions can be used / 3; its charts are there from the start. Run: make bench, or python
benchmarks/report.py. The last line of output is one JSON object.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rlvr.config import Config, resolved
from rlvr.loop.problems import draw
from rlvr.records import record
from rlvr.records.layout import Place

SECONDS, BYTES, OPENS = 60, 15e6, 3
WORDS = "the sum of both is carried over so we add one more and write down what is left".split()
CONFIG = {
    "name": "large",
    "model": "tiny-0.4m",
    "task": {"name": "addition", "digits": 4},
    "seeds": [0, 1, 2, 3, 4],
    "rounds": 4,
    "arms": ["verified", "unfiltered", "random", "inverted", "majority"],
    "generate": {"prompts": 1250, "samples": 4},
    "evaluate": {"problems": 400, "samples": 4, "k": [1, 2, 4]},
}


def main() -> None:
    """Measure; print each figure and, last, one JSON object."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        n = make(run)
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "rlvr.cli", "report", run], check=True)
        seconds = time.perf_counter() - began
        path = run / "report.html"
        figures = {
            "completions": float(n),
            "seconds": seconds,
            "seconds / 60": seconds / SECONDS,
            "megabytes": path.stat().st_size / 1e6,
            "bytes / 15 MB": path.stat().st_size / BYTES,
        } | opening(path)
    for name, value in figures.items():
        print(f"{name:45} {value:12.4g}")
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def opening(path: Path) -> dict[str, float]:
    """Return seconds until the completions can be filtered; nothing where there is no Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("opening it is not measured: no chromium here")
        return {}
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("body[data-ready]", state="attached")
        usable = float(str(page.get_attribute("body", "data-ready"))) / 1000
        browser.close()
    return {"opens in": usable, "opens in / 3": usable / OPENS}


def make(run: Path) -> int:
    """Write the run folder and return how many completions of training its files hold."""
    config = Config.model_validate(CONFIG)
    plain = resolved(config)
    record.write_json(run / "config.json", {"config": plain, "hash": record.digest(plain)})
    rows: list[dict[str, Any]] = []
    n = 0
    for seed in config.seeds:
        generator = random.Random(seed)
        drawn = draw(config, seed)
        held_out = [(problem.id, problem.level) for problem in drawn.held_out]
        for arm in ("base", *(arm.name for arm in config.arms)):
            for t in range(1 if arm == "base" else config.rounds):
                round_ = 0 if arm == "base" else t + 1
                folder = Place(seed, arm, round_).folder(run)
                folder.mkdir(parents=True)
                evaluation = table(generator, held_out * config.evaluate.samples)
                write_evaluation(folder / "eval.parquet", evaluation)
                if arm != "base":
                    prompts = [(problem.id, problem.level) for problem in drawn.rounds[t]]
                    pool = table(generator, prompts * config.generate.samples)
                    write_pool(folder / "completions.parquet", pool)
                    n += len(pool["text"])
                place = {"seed": seed, "arm": arm, "round": round_, "level": "all", "n": 400}
                for metric in ("pass@1", "pass@2", "pass@4", "greedy", "real_nll", "distinct"):
                    rows.append({**place, "metric": metric, "value": generator.random()})
    record.write_parquet(run / "metrics.parquet", rows)
    return n


def table(generator: random.Random, problems: list[tuple[str, str]]) -> dict[str, list[Any]]:
    """Return the columns that every file of completions has."""
    texts = [" ".join(generator.choices(WORDS, k=generator.randrange(20, 80))) for _ in problems]
    right = [generator.random() < 0.5 for _ in problems]
    return {
        "problem_id": [id_ for id_, _ in problems],
        "level": [level for _, level in problems],
        "index": list(range(len(problems))),
        "text": texts,
        "token_ids": [[len(word) for word in text.split()] for text in texts],
        "status": ["correct" if one else "wrong" for one in right],
        "reason": ["" if one else "differs from the reference" for one in right],
        "extracted": [text[-3:] for text in texts],
    }


def write_pool(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write a round's completions."""
    n = len(columns["text"])
    logprobs = [[-0.1] * len(ids) for ids in columns["token_ids"]]
    own = {"logprobs": logprobs, "finish_reason": ["stop"] * n}
    own |= {"kept": [status == "correct" for status in columns["status"]]}
    del columns["level"]
    pq.write_table(pa.table({**columns, **own}), path, compression="zstd")


def write_evaluation(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write an evaluation."""
    n = len(columns["text"])
    own = {"kind": ["sample"] * n, "logprob": [-3.0] * n, "truncated": [False] * n}
    own |= {"tokens": [len(ids) for ids in columns["token_ids"]]}
    pq.write_table(pa.table({**columns, **own}), path, compression="zstd")


if __name__ == "__main__":
    main()
