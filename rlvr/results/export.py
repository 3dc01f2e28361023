"""Export: a run's training completions as a dataset that `datasets.load_dataset(FOLDER)` opens.

One Parquet file and a dataset card (README.md). What an arm kept is what it learned from in that
round; real solutions, which some arms train on as well, are no completions and stay out. With a
shape (`rlvr.shapes`) the rows are as verl or another project has them: the problem as the task has
it, its reference, which is drawn from the task again, and one completion.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import rlvr
from rlvr.data import STATUSES, InputError
from rlvr.records.layout import COMPLETIONS, MODEL, base_of
from rlvr.records.record import check_new, new_folder
from rlvr.results.compare import read_results
from rlvr.results.frames import RunFrames, known, read_completions, read_run
from rlvr.sections import one_line
from rlvr.shapes.known import Item
from rlvr.shapes.written import write

DATA = COMPLETIONS
COLUMNS = {
    "prompt": "the prompt as text, as the model was given it: examples and chat template included",
    "completion": "the completion as text, without its end-of-text token",
    "problem_id": "the problem, the same over arms and rounds",
    "arm": "the arm whose round it is",
    "seed": "the replicate: each has its own base model and prompts",
    "round": "the round that selected from it, from 1",
    "index": "which sample of the problem",
    "sampled_from": "whose weights sampled it: the arm's, or those of its `base` in round 1",
    "status": "the verdict: correct, wrong, abstain (undecided) or error (no verdict)",
    "reason": "why",
    "extracted": "the answer that the verifier read",
    "kept": "whether the arm chose it to train on, before `real_fraction` and `memory`",
    "tokens": "its length in tokens, the end-of-text token included",
    "logprob": "sum of its tokens' log-probabilities (nats, temperature 1) when it was sampled",
    "finish_reason": "stop, or length where it was cut off",
    "prompt_token_ids": "the prompt's tokens",
    "token_ids": "the completion's tokens, which are what was trained on",
}
BESIDE = ("problem_id", "arm", "seed", "round", "sampled_from", "status", "kept")
"""The columns that rows of a shape have besides its own."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: the folder, and by arm how many completions of each verdict, and kept."""

    folder: Path
    counts: dict[str, Counter[str]]

    @property
    def rows(self) -> int:
        """How many completions."""
        return sum(counts["completions"] for counts in self.counts.values())


def export(
    run: Path,
    out: Path | None,
    kept: bool,
    arms: Sequence[str] = (),
    seeds: Sequence[int] = (),
    shape: str | None = None,
) -> Exported:
    """Write the completions of a run, or those kept, as a dataset into the new folder `out`.

    Those of all rounds of `arms` and `seeds`, or of all of them. `out` is RUN/dataset, or
    RUN/dataset-kept, if None. `shape`: that of the rows, by its name; None is that of `COLUMNS`. A
    round is read at a time, so memory does not grow with the run.

    Raises InputError, and writes nothing, where `run` is no run folder, has no such arm or seed or
    nothing to export, or `out` is there already; where a shape can't hold the references, or they
    are not those of the run any more; RunError when the disk won't take it.
    """
    frames = read_run(run)
    for arm in arms:
        known("--arm", arm, frames.arms)
    for seed in seeds:
        known("--seed", seed, frames.seeds)
    out = out or run / ("dataset-kept" if kept else "dataset")
    check_new(out)
    shaped = None if shape is None else _shaping(run, shape)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    with new_folder(out) as folder:
        writer = None
        for arm, table in _tables(frames, kept, arms, seeds, prompted=shape is None):
            written = table if shaped is None else shaped(table, writer and writer.schema)
            writer = writer or pq.ParquetWriter(folder / DATA, written.schema, compression="zstd")
            writer.write_table(written)
            counts[arm] += _counts(table)
        if writer is None:
            what = "completions kept" if kept else "completions"
            raise InputError(
                f"{run}: no {what} in what was asked for: an arm with keep: real has none, nor has "
                "a run of which only the figures are there"
            )
        writer.close()
        card = _card(frames, kept, counts, shape)
        (folder / "README.md").write_text(card, encoding="utf-8")
    return Exported(out, dict(counts))


def _tables(
    frames: RunFrames, kept: bool, arms: Sequence[str], seeds: Sequence[int], prompted: bool
) -> Iterator[tuple[str, pa.Table]]:
    """Yield the arm and the rows of each round that has some; `prompted`: their prompts count."""
    for place in frames.places(COMPLETIONS):
        if place.arm not in (arms or frames.arms) or place.seed not in (seeds or frames.seeds):
            continue
        table = read_completions(frames.folder, place)
        if kept:
            table = table.filter(table["kept"])
        if not len(table):
            continue
        if prompted and table["prompt"].null_count:
            base = base_of(place.seed).folder(frames.folder) / MODEL
            raise InputError(f"{base}: gone, and with it the tokenizer that tells the prompts")
        yield place.arm, table.rename_columns({"text": "completion"}).select(list(COLUMNS))


def _shaping(run: Path, shape: str) -> Callable[[pa.Table, pa.Schema | None], pa.Table]:
    """Return what makes a round's rows those of a shape, in the schema of the rounds before."""
    from rlvr.results.rescore import config_of, problems_of

    r = read_results(run)
    problems = problems_of(r, config_of(r))

    def shaped(table: pa.Table, schema: pa.Schema | None) -> pa.Table:
        rows = []
        for row in table.select(["completion", *BESIDE]).to_pylist():
            problem = problems[row["seed"]].get(row["problem_id"])
            if problem is None:
                raise InputError(
                    f"{run}: the task has no problem {row['problem_id']!r} any more: give it the "
                    "data that the run was made with"
                )
            one = Item(problem, (row.pop("completion"),), str(run))
            rows.append(write(shape, one) | row)
        try:
            return pa.Table.from_pylist(rows, schema)
        except pa.ArrowException as failure:
            raise InputError(
                f"{run}: its references are of several kinds, for which a column of Parquet has no "
                f"type ({one_line(failure)}): choose another shape"
            ) from failure

    return shaped


def _counts(table: pa.Table) -> Counter[str]:
    found = Counter(completions=len(table), kept=pc.sum(table["kept"]).as_py())
    found.update(table["status"].to_pylist())
    return found


def _card(frames: RunFrames, kept: bool, counts: dict[str, Counter[str]], shape: str | None) -> str:
    """Return the dataset card: front matter for the hub, and what a reader has to know."""
    import yaml
    from huggingface_hub import DatasetCardData

    config, manifest = frames.config, frames.manifest
    front = DatasetCardData(
        pretty_name=f"{config['name']}: {'kept ' if kept else ''}completions",
        tags=["rlvr", "synthetic"],
        configs=[
            {"config_name": "default", "data_files": [{"split": "train", "path": DATA}]},
        ],
    )
    heads = ("completions", "kept", *STATUSES)
    facts = {
        "run": config["name"],
        "model": config["model"],
        "task": config["task"]["name"],
        "verifier": manifest.get("verifier", "not recorded"),
        "config hash": frames.config_hash,
        "rlvr": manifest.get("versions", {}).get("rlvr", "not recorded"),
        "commit": manifest.get("commit") or "not recorded",
        "exported with rlvr": rlvr.__version__,
    }
    what = "the completions that each arm kept to train on" if kept else "every completion"
    about = f"What a language model wrote in an experiment of rlvr: {what}, round by round, with\n"
    about += "the verdict of a verifier."
    if config.get("corpus"):
        about = (
            f"A noisy corpus in an experiment of rlvr: {what}, round by round. The completions\n"
        )
        about += "are the corpus's entries, `status` is their truth and `reason` what is wrong."
    return "\n".join(
        [
            f"---\n{front.to_yaml()}\n---",
            f"\n# {front.pretty_name}\n",
            f"{about} In round 1 all arms select from one pool, so the same",
            "completion is there once for each arm that has it.\n",
            *markdown_table(("", ""), [(name, f"`{value}`") for name, value in facts.items()]),
            "\n## Counts\n",
            *markdown_table(
                ("arm", *heads),
                [(arm, *(f"{n[head]:,}" for head in heads)) for arm, n in counts.items()],
            ),
            "\n## Columns\n",
            *([f"Those of the shape {shape}, one row a completion, and:\n"] if shape else []),
            *markdown_table(
                ("column", "what it is"),
                [(f"`{name}`", COLUMNS[name]) for name in (BESIDE if shape else COLUMNS)],
            ),
            "\n## Licence\n",
            "Not stated: whoever publishes this adds it (`license:` above). The terms of the",
            "model, and of the problems, may bind what was sampled.\n",
            "## Config\n",
            f"```yaml\n{yaml.safe_dump(_plain(config), sort_keys=False)}```\n",
        ]
    )


def _plain(config: Any) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None}


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the lines of a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(str, line)) + " |" for line in lines]
