"""rlvr/studies/theory.py: closed forms by hand, the machinery against them, broken machinery."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from rlvr.data import Arm, Flip, Memory
from rlvr.select import arms
from rlvr.select.axis import Pool
from rlvr.select.flip import misjudge
from rlvr.select.real_fraction import mix_real
from rlvr.studies import theory

P = np.array([0.5, 0.3, 0.2])


CHAINS: dict[Callable[[int], list[theory.Law]], int] = {
    theory.gaussian_laws: 300,
    theory.zipf_laws: 60,
    theory.least_squares_laws: 120,
    theory.selection_laws: 12,
}


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.slow)])
def laws(request: pytest.FixtureRequest) -> list[theory.Law]:
    """The report, and one from a tenth to a third of its chains."""
    if request.param == "all":
        return theory.report()
    return [one for family, chains in CHAINS.items() for one in family(chains)]


# The machinery ----------------------------------------------------------------------------------


def test_the_machinery_does_what_theory_says(laws: list[theory.Law]) -> None:
    assert [one for one in laws if not one.agrees] == []
    assert {one.name.split(":")[0] for one in laws} == {
        "Gaussian",
        "Zipf",
        "least squares",
        "filter",
        "loop",
        "classifier",
    }


@pytest.mark.slow  # it takes all chains
@pytest.mark.parametrize("laws", ["all"], indirect=True)
def test_the_intervals_tell_the_memories_and_the_signs_of_j_apart(laws: list[theory.Law]) -> None:
    for name in ("Gaussian: variance over the first", "least squares: test error"):
        chosen = sorted((one for one in laws if one.name == name), key=lambda one: one.low)
        assert len(chosen) == 3
        assert all(a.high < b.low for a, b in zip(chosen, chosen[1:], strict=False))
    loop = [one for one in laws if one.name.startswith("loop")]
    grows, drifts, dies = loop
    assert dies.high < drifts.low < 0.4 < drifts.high < grows.low


Broken = Callable[..., Any]


def forgets(memory: Memory, before: Sequence[Any], fresh: Sequence[Any], *_: int) -> Any:
    return list(fresh), list(fresh)


def loses_the_first_rows(
    memory: Memory, before: Sequence[Any], fresh: Sequence[Any], *_: int
) -> Any:
    held = [*before[1:], *fresh]
    return held, held


def takes_the_newest(memory: Memory, before: Sequence[Any], fresh: Sequence[Any], *_: int) -> Any:
    held = [*before, *fresh]
    return held, held[-len(fresh) :] if memory == "subsample" else held


def mixes_nothing(rows: Sequence[Any], *_: Any) -> Any:
    return list(rows)


def mixes_half_as_much(rows: Any, real: Any, fraction: float, seed: int, round_: int) -> Any:
    return MIX_REAL(rows, real, fraction / 2, seed, round_)


def swaps_the_rates(pool: Pool, flip: Flip, seed: int) -> Any:
    return MISJUDGE(pool, Flip(flip.false_negative, flip.false_positive), seed)


def never_errs(pool: Pool, flip: Flip, seed: int) -> Any:
    return list(pool)


def keeps_all(pool: Pool, *_: Any) -> Any:
    return [True] * len(pool)


def inverts(pool: Pool, arm: Arm, *rest: Any) -> Any:
    return CHOOSE(pool, dataclasses.replace(arm, keep="inverted"), *rest)


def few(family: Callable[[int], list[theory.Law]], chains: int) -> Callable[[], list[theory.Law]]:
    """The family with fewer chains: enough for what is broken grossly."""
    return lambda: family(chains)


GAUSSIAN = few(theory.gaussian_laws, 500)
MIX_REAL, MISJUDGE, CHOOSE = mix_real, misjudge, arms.choose


@pytest.mark.parametrize(
    ("family", "name", "broken", "caught"),
    [
        (GAUSSIAN, "remember", forgets, {"accumulate", "subsample"}),
        (
            few(theory.gaussian_laws, 800),
            "remember",
            loses_the_first_rows,
            {"replace", "subsample"},
        ),
        (GAUSSIAN, "remember", takes_the_newest, {"replace", "subsample"}),
        (few(theory.least_squares_laws, 300), "remember", forgets, {"accumulate", "subsample"}),
        (
            few(theory.least_squares_laws, 300),
            "remember",
            takes_the_newest,
            {"replace", "subsample"},
        ),
        (few(theory.zipf_laws, 60), "mix_real", mixes_nothing, {"6 fresh real"}),
        (few(theory.zipf_laws, 60), "mix_real", mixes_half_as_much, {"6 fresh real"}),
        pytest.param(
            few(theory.selection_laws, 20),
            "misjudge",
            swaps_the_rates,
            {"J > 0", "J < 0", "0.3 right"},
            marks=pytest.mark.slow,
        ),
        (
            few(theory.selection_laws, 8),
            "misjudge",
            never_errs,
            {"J > 0", "J = 0", "J < 0", "0.3 right"},
        ),
        (few(theory.selection_laws, 8), "choose", keeps_all, {"J > 0", "J < 0", "0.3 right"}),
        (few(theory.selection_laws, 8), "choose", inverts, {"J > 0", "J < 0", "0.3 right"}),
    ],
)
def test_broken_machinery_disagrees(
    monkeypatch: pytest.MonkeyPatch,
    family: Callable[[], list[theory.Law]],
    name: str,
    broken: Broken,
    caught: set[str],
) -> None:
    monkeypatch.setattr(theory if hasattr(theory, name) else arms, name, broken)
    wrong = [one.setting for one in family() if not one.agrees]
    assert {words for words in caught if any(words in setting for setting in wrong)} == caught


# The closed forms -------------------------------------------------------------------------------


def test_gaussian_variance_by_hand() -> None:
    assert theory.gaussian_variance("replace", 10, 3) == pytest.approx(0.9**3)
    # 1 - 1/(10 * 4), then 1 - 1/(10 * 9)
    assert theory.gaussian_variance("accumulate", 10, 2) == pytest.approx(0.975 * (1 - 1 / 90))
    memories: tuple[Memory, ...] = ("replace", "accumulate", "subsample")
    assert [theory.gaussian_variance(memory, 10, 0) for memory in memories] == [1.0] * 3


def test_accumulated_variance_stops_at_eulers_sine() -> None:
    x = math.pi / math.sqrt(10)
    limit = math.sin(x) / x / (1 - 1 / 10)
    assert theory.gaussian_variance("accumulate", 10, 20_000) == pytest.approx(limit, abs=1e-5)


def test_one_round_of_subsampling_by_its_pairs() -> None:
    # Two values a and b, two fresh from N(mean, v), v = (a-b)^2/4; C = 2v. Of the six pairs one is
    # old (2v), one fresh (v), four mixed: half of (v + v). So C' = 7v/6, and two of them: C'/2.
    assert theory.gaussian_variance("subsample", 2, 1) == pytest.approx(7 / 12)


@pytest.mark.parametrize("rounds", [1, 3, 10, 50])
def test_subsampling_lies_between(rounds: int) -> None:
    replace, subsample, accumulate = (
        theory.gaussian_variance(memory, 20, rounds)
        for memory in ("replace", "subsample", "accumulate")
    )
    assert replace < subsample < accumulate


def test_survival_is_exact_for_one_round_and_falls() -> None:
    assert theory.survival(P, 5, 1) == pytest.approx(1 - (1 - P) ** 5)
    # With one sample a round what was drawn first stays.
    assert theory.survival(P, 1, 7) == pytest.approx(P)
    falls = [theory.survival(P, 5, rounds) for rounds in (1, 2, 5, 40)]
    assert all((a > b).all() for a, b in zip(falls, falls[1:], strict=False))
    # In the end one type is left, each with its own probability.
    assert theory.survival(P, 5, 500) == pytest.approx(P)


def test_the_tail_dies_first() -> None:
    alive = theory.survival(theory.zipf(40), 30, 5)
    assert (np.diff(alive) < 0).all()


def test_homozygosity_falls_as_wright_says_without_real_rows() -> None:
    h = 1 - float(np.sum(P**2))
    for rounds in (0, 1, 6):
        expected = 1 - h * (1 - 1 / 12) ** rounds
        assert theory.homozygosity(P, 12, 0, rounds) == pytest.approx(expected)


@pytest.mark.parametrize("real", [1, 3, 12])
def test_homozygosity_with_real_rows_has_a_fixed_point(real: int) -> None:
    n, a, q = 12, 12 - real, float(np.sum(P**2))
    for rounds in range(4):
        f = theory.homozygosity(P, n, real, rounds)
        pairs = n + a * (a - 1) * f + (real * (real - 1) + 2 * a * real) * q
        assert theory.homozygosity(P, n, real, rounds + 1) == pytest.approx(pairs / n**2)
    late = theory.homozygosity(P, n, real, 1000)
    assert q < late < 1
    assert late == pytest.approx(theory.homozygosity(P, n, real, 1001))


def test_all_real_rows_are_one_fresh_sample() -> None:
    q = float(np.sum(P**2))
    assert theory.homozygosity(P, 12, 12, 9) == pytest.approx(1 / 12 + 11 / 12 * q)


def test_least_squares_error_by_hand() -> None:
    # d/(T-d-1) = 4/25
    assert theory.least_squares_error("replace", 4, 30, 6) == pytest.approx(0.16 * 6)
    assert theory.least_squares_error("accumulate", 4, 30, 2) == pytest.approx(0.16 * 1.25)
    late = theory.least_squares_error("accumulate", 4, 30, 100_000)
    assert late < 0.16 * math.pi**2 / 6
    assert late == pytest.approx(0.16 * math.pi**2 / 6, rel=1e-4)
    with pytest.raises(ValueError, match="no closed form"):
        theory.least_squares_error("subsample", 4, 30, 6)


@pytest.mark.parametrize("right", [0.01, 0.4, 0.99])
def test_precision_rises_exactly_where_j_is_above_0(right: float) -> None:
    for false_positive in (0.1, 0.5, 0.9):
        for false_negative in (0.1, 0.5, 0.9):
            kept = theory.precision(right, Flip(false_positive, false_negative))
            youden = 1 - false_negative - false_positive
            assert (
                kept == pytest.approx(right)
                if abs(youden) < 1e-9
                else ((kept > right) == (youden > 0))
            )


def test_at_the_threshold_half_of_what_is_kept_is_right() -> None:
    assert theory.threshold(0.3, 0.2) == pytest.approx(0.24 / 0.7)
    assert theory.precision(0.3, Flip(theory.threshold(0.3, 0.2), 0.2)) == pytest.approx(0.5)


# The report -------------------------------------------------------------------------------------


def test_agreement_is_theory_in_the_interval_and_the_interval_in_a_range() -> None:
    values = [0.9, 1.0, 1.1] * 10
    assert theory.law("", "", 1.0, values).agrees
    assert not theory.law("", "", 1.2, values).agrees
    assert theory.law("", "", (0.5, 1.5), values).agrees
    assert not theory.law("", "", (1.0, 1.5), values).agrees
    assert not theory.law("", "", 1.0, [math.nan, 1.0]).agrees


def test_the_command_prints_every_law_and_fails_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], laws: list[theory.Law]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(theory, "report", lambda: laws)
    assert theory.main() == 0
    out = capsys.readouterr().out
    assert all(one.name in out and one.setting in out for one in laws)
    assert "NO" not in out
    wrong = dataclasses.replace(laws[0], at_least=9.0, at_most=9.0)
    monkeypatch.setattr(theory, "report", lambda: [*laws, wrong])
    assert theory.main() == 1
    assert "NO" in capsys.readouterr().out
