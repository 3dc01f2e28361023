"""What of a text loop's loss a temperature wins back: trains a run's arms again, and measures them.

A model that is trained on truncated samples is too sure at temperature 1. Real text then costs it
more, whether or not it knows less. `checkpoints: none` keeps no weights, but every round keeps its
rows, so that the same training gives the same weights again: `off` is how far the training losses
lie from those of the record. At the rounds AT each model has its NLL of the held-out real texts
(nats a token) at temperature 1, and at the temperature of GRID that suits it best. That one is
fitted on every other text and used on the rest, so that nothing is measured on what it was fitted
to. `right` is the share of tokens whose likeliest token is the real one, which no temperature
changes. `lost` is `knowledge_lost` (docs/conditions.md), from base and arm at 1, and from both at
their best.

Run: OMP_NUM_THREADS=1 python docs/make_temperature.py RUN (RUN: a run's folder, such as
runs/claims-cpu/c1b/main after `rlvr claims C1b`). It writes docs/results/temperature.json, of which
docs/make.py makes the block in docs/claims.md. Some ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlvr.config import Config
from rlvr.engine.threads import use_openmp

use_openmp()

import torch  # noqa: E402  (may be imported only after use_openmp)

from rlvr.learners.context import SeedProblems  # noqa: E402
from rlvr.learners.sft import key_of, settings_of, train  # noqa: E402
from rlvr.loop.problems import draw  # noqa: E402
from rlvr.models import loading  # noqa: E402
from rlvr.records import layout  # noqa: E402
from rlvr.records.layout import Place  # noqa: E402
from rlvr.records.record import read_config, read_rows, write_json  # noqa: E402
from rlvr.results.compare import read_results  # noqa: E402

RESULT = Path(__file__).parent / "results" / "temperature.json"
ARMS = ("unfiltered", "frozen")
AT = (1, 2, 5, 10, 20, 30)
GRID = tuple(round(1.05**i, 4) for i in range(-6, 46))  # 0.75 to 9


def main() -> None:
    """Measure every seed of the run; write the figures, and print them as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("-o", "--out", type=Path, default=RESULT, metavar="FILE")
    given = parser.parse_args()
    recorded, found = read_results(given.run), []
    config = Config.model_validate(read_config(given.run / layout.CONFIG)[0])
    for seed in config.seeds:
        unigram = recorded.at(seed, layout.BASE, "unigram_nll")
        found.append({"seed": seed, "unigram_nll": unigram, **of_seed(given.run, config, seed)})
        write_json(given.out, {"run": config.name, "at": AT, "seeds": found})
        print(json.dumps(found[-1]), flush=True)


def of_seed(run: Path, config: Config, seed: int) -> dict[str, Any]:
    """Return the figures of a seed's base and arms, and how far its training losses are off."""
    drawn = draw(config, seed)
    base = Place(seed, layout.BASE, 0).folder(run) / layout.MODEL
    figures: dict[str, Any] = {"base": measured(base, drawn)}
    off = 0.0
    for arm in ARMS:
        figures[arm] = {}
        with tempfile.TemporaryDirectory() as scratch:
            start = base
            for place in (Place(seed, arm, t) for t in range(1, max(AT) + 1)):
                folder, out = place.folder(run), Path(scratch) / str(place.round)
                rows, settings = read_rows(folder / layout.ROWS), settings_of(config.train)
                probe = (*rows[0].prompt_token_ids, *rows[0].token_ids)
                facts = train(start, rows, settings, key_of(place), out, [probe])
                was = json.loads((folder / layout.TRAIN).read_text())["train_loss"]
                off = max(off, abs(facts["train_loss"] - was))
                start = out
                if place.round in AT:
                    figures[arm][str(place.round)] = measured(out, drawn)
    return {**figures, "off": off}


Logits = tuple[torch.Tensor, torch.Tensor]  # (tokens, vocabulary), and the real tokens


def measured(folder: Path, drawn: SeedProblems) -> dict[str, float]:
    """Return a model's NLL of held-out real texts, at 1 and at its best temperature."""
    model, tokenizer = loading.load_model(folder), loading.load_tokenizer(folder)
    prompts = loading.encode_prompts(tokenizer, drawn.held_out, drawn.prompting)
    solutions = loading.encode_solutions(tokenizer, drawn.held_out)
    return figures([logits_of(model, *pair) for pair in zip(prompts, solutions, strict=True)])


def figures(texts: Sequence[Logits]) -> dict[str, float]:
    """Fit the temperature on every other text; return the NLL of the rest at 1 and at its best."""
    fitted, rest = texts[::2], texts[1::2]
    best = min(GRID, key=lambda temperature: nll(fitted, temperature))
    right = torch.cat([(logits.argmax(-1) == real).float() for logits, real in texts])
    return {
        "real_nll": nll(texts, 1.0),
        "best_temperature": best,
        "half_at_1": nll(rest, 1.0),
        "half_at_best": nll(rest, best),
        "right": float(right.mean()),
    }


def logits_of(model: Any, prompt: Sequence[int], solution: Sequence[int]) -> Logits:
    """Return what a model says before each token of a solution, and these tokens."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([[*prompt, *solution]])).logits[0]
    return logits[len(prompt) - 1 : -1].float(), torch.tensor(solution)


def nll(texts: Sequence[Logits], temperature: float) -> float:
    """Return the mean NLL of the real tokens at a temperature, nats a token."""
    of = [
        torch.nn.functional.cross_entropy(logits / temperature, real, reduction="none")
        for logits, real in texts
    ]
    return math.fsum(torch.cat(of).tolist()) / sum(len(one) for one in of)


if __name__ == "__main__":
    main()
