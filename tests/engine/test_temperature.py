"""The temperature that suits a model best (docs/make_temperature.py): what it wins back."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support.scripts import script

from rlvr.models.loading import load_model, make_tiny

made = script("docs/make_temperature.py")


def texts(sharper: float) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return logits that fit their tokens at temperature `sharper`: the tokens are drawn at it."""
    generator = torch.Generator().manual_seed(5)
    found = []
    for _ in range(60):
        logits = torch.randn(40, 12, generator=generator) * 2
        real = torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]
        found.append((logits * sharper, real))
    return found


def test_a_model_that_is_only_too_sure_loses_nothing_at_its_best_temperature() -> None:
    fits, too_sure = made.figures(texts(1.0)), made.figures(texts(3.0))
    assert fits["best_temperature"] == pytest.approx(1.0, rel=0.06)
    assert too_sure["best_temperature"] == pytest.approx(3.0, rel=0.06)
    assert too_sure["real_nll"] > fits["real_nll"] + 0.5
    assert too_sure["half_at_best"] == pytest.approx(fits["half_at_best"], abs=0.005)
    assert too_sure["right"] == fits["right"]


def test_the_nll_is_measured_on_texts_that_the_temperature_was_not_fitted_to() -> None:
    both = texts(1.0)
    mixed = [(logits * (1 + 2 * (i % 2)), real) for i, (logits, real) in enumerate(both)]
    found = made.figures(mixed)  # every other text is too sure: the temperature is the others'
    assert found["best_temperature"] == pytest.approx(1.0, rel=0.06)
    assert found["half_at_1"] == pytest.approx(made.nll(mixed[1::2], 1.0))
    assert found["half_at_best"] > made.figures(both)["half_at_best"] + 0.5


def test_the_nll_is_that_of_the_real_tokens_alone(tmp_path: Path) -> None:
    make_tiny("tiny-0.1m", 0, tmp_path / "model")
    model, prompt, solution = load_model(tmp_path / "model"), [50, 60, 61], [30, 31, 32, 1]
    logits, real = made.logits_of(model, prompt, solution)
    with torch.no_grad():
        every = model(input_ids=torch.tensor([[*prompt, *solution]])).logits[0].log_softmax(-1)
    by_hand = -math.fsum(every[2 + i, token].item() for i, token in enumerate(solution)) / 4
    assert real.tolist() == solution and made.nll([(logits, real)], 1.0) == pytest.approx(by_hand)
