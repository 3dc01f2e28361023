"""Weights: those of an arm, or of the base, as a plain folder that transformers and vLLM load.

The card (README.md) says what they are evidence of: the verdict on the arm, its rule and its hash,
and the figures of these very weights.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import rlvr
from rlvr.data import InputError
from rlvr.engine.probes import PROBES
from rlvr.evaluate.metrics import ALL
from rlvr.evaluate.table import find
from rlvr.records import record
from rlvr.records.layout import BASE, MODEL, SUMS, Place, base_of
from rlvr.results.compare import read_results, rule_text, why
from rlvr.results.export import markdown_table
from rlvr.results.frames import RunFrames, known, read_run
from rlvr.results.verdict import rulings

MISSING = "not recorded"


def export_weights(
    run: Path, arm: str, seed: int | None, round_: int | None, out: Path | None
) -> tuple[Place, Path]:
    """Copy the weights of an arm's round into the new folder `out`, with a card.

    arm: `base` too. seed: the run's first one if None. round_: the last one that has weights if
    None. out: RUN/model-ARM-seed-S-round-R if None. Returns the round and the folder.

    Raises InputError, and writes nothing, where `run` is no run folder, has no such arm or seed, or
    no weights of that round, where they are damaged, or `out` is there already; RunError when the
    disk won't take it.
    """
    frames = read_run(run)
    known("--arm", arm, [*frames.arms, BASE])
    known("--seed", seed, frames.seeds)
    place = _place(frames, arm, frames.seeds[0] if seed is None else seed, round_)
    weights = place.folder(run) / MODEL
    for path, reason in record.changed(weights):
        raise InputError(f"{path}: damaged ({reason}): the same `rlvr run` command repairs the run")
    out = out or run / f"model-{arm}-seed-{place.seed}-round-{place.round}"
    record.check_new(out)
    card = _card(frames, place, sorted(weights.glob("*.safetensors")))
    with record.new_folder(out) as folder:
        for file in weights.iterdir():
            if file.is_file() and file.name not in (PROBES, SUMS):
                shutil.copyfile(file, folder / file.name)
        (folder / "README.md").write_text(card, encoding="utf-8")
    return place, out


def _place(frames: RunFrames, arm: str, seed: int, round_: int | None) -> Place:
    """Return the round whose weights are asked for. Raises InputError where there are none."""
    base = base_of(seed)
    first = Place(seed, arm, 1)
    places = [base] if arm == BASE else [first.at(t + 1) for t in range(frames.whole["rounds"])]
    there = [place for place in places if (place.folder(frames.folder) / MODEL).is_dir()]
    chosen = there[-1:] if round_ is None else [one for one in there if one.round == round_]
    if chosen:
        return chosen[0]
    policy = frames.config.get("checkpoints", "last")
    which = ", ".join(str(place.round) for place in there) or "none"
    asked = "" if round_ is None else f" of round {round_}"
    raise InputError(
        f"{frames.folder}: no weights{asked} of {arm}, seed {seed} (of its rounds are there: "
        f"{which}; checkpoints: {policy}): a run with checkpoints: all keeps those of every round"
    )


def _card(frames: RunFrames, place: Place, files: Iterable[Path]) -> str:
    """Return the model card: front matter for the hub, and what a reader has to know."""
    import yaml
    from huggingface_hub import ModelCardData

    config, manifest = frames.config, frames.manifest
    name = f"{config['name']}: {place.arm}, seed {place.seed}, round {place.round}"
    model = str(config["model"])
    on_hub = model.count("/") == 1 and not Path(model).exists()
    front = ModelCardData(
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["rlvr"],
        base_model=model if on_hub else None,
    )
    facts = {
        "run": config["name"],
        "started from": model,
        "task": config["task"]["name"],
        "verifier": manifest.get("verifier", MISSING),
        "config hash": frames.config_hash,
        "rlvr": manifest.get("versions", {}).get("rlvr", MISSING),
        "commit": manifest.get("commit") or MISSING,
        "exported with rlvr": rlvr.__version__,
    }
    facts |= {f"sha256 of {file.name}": record.file_sum(file) for file in files}
    return "\n".join(
        [
            f"---\n{front.to_yaml()}\n---",
            f"\n# {name}\n",
            "Weights of a language model that an experiment of rlvr trained. They load by the path",
            "of this folder, with `AutoModelForCausalLM.from_pretrained` or in vLLM.\n",
            "## Verdict\n",
            *_verdict(frames, place),
            "\n## Figures of these weights\n",
            *_figures(frames, place),
            "\n## Where they come from\n",
            *markdown_table(("", ""), [(key, f"`{value}`") for key, value in facts.items()]),
            "\n## Licence\n",
            "Not stated: whoever publishes this adds it (`license:` above). The terms of the model",
            "that training started from, and of the data, may bind these weights.\n",
            "## Config\n",
            f"```yaml\n{yaml.safe_dump(dict(config), sort_keys=False)}```\n",
        ]
    )


def _verdict(frames: RunFrames, place: Place) -> list[str]:
    """Return what the run says of the arm, under which rule, and what that is about."""
    r = read_results(frames.folder)
    rule = f"Rule, stated before the run: {rule_text(r)}."
    if place.arm == BASE:
        return ["The base has no verdict: arms are compared with it.\n", rule]
    if place.arm not in r.arms:
        return ["The arm was added after the run began: the rule is not about it.\n", rule]
    said = why(r, rulings(r)[place.arm])
    about = f"It is about the arm at round {r.round} over {len(r.seeds)} seeds"
    return [
        f"{said}\n",
        f"{about}, and these weights are one seed's at round {place.round}.\n",
        rule,
    ]


def _figures(frames: RunFrames, place: Place) -> list[str]:
    """Return a table of the held-out figures of these weights, beside those of the seed's base."""
    overall = frames.metrics[frames.metrics.level == ALL]
    k = max(frames.config["evaluate"]["k"])
    rows = []
    for metric in dict.fromkeys(("pass@1", f"pass@{k}", "greedy", "real_nll")):
        cells = []
        for one in (base_of(place.seed), place):
            chosen = overall[
                (overall.seed == one.seed)
                & (overall.arm == one.arm)
                & (overall["round"] == one.round)
                & (overall.metric == metric)
            ]
            cells.append(f"{chosen.value.iloc[0]:.4f}" if len(chosen) else MISSING)
        [(name, says)] = find(metric).named(largest=str(k)).items()
        if set(cells) != {MISSING}:
            rows.append((f"`{name}`", says, *cells))
    return markdown_table(("metric", "what it is", "base", "these weights"), rows)
