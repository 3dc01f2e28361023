"""Whatever an answer and a reference are, `math` decides in a pool, and numbers exactly."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzz import SAME

from rlvr.verify.pool import VerifierPool
from rlvr.verify.verifier import case_problem

settings.load_profile(SAME)

PARTS = r"""\frac \boxed{ { } } ( ) [ ] \left( \right) ^ _ = \le , ; 1 23 4.5 x y \pi ! % $ & \\ '
    \begin{pmatrix} \end{pmatrix} 10^{10^{10}} 9**9**9 \infty \text{ and \log \sum_{ \int \cup \pm
    \emptyset \sqrt{ + - * / e ½ ² １ 1e999 0x1F 1_0 import"""
PIECES = st.sampled_from([*PARTS.split(), " ", '"', "\x00", "\u202e"])
ANSWERS = st.lists(PIECES | st.text(max_size=3), max_size=12).map("".join)


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool("math", workers=2, timeout=5.0) as made:
        yield made


@settings(max_examples=30)
@given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=40, max_size=40))
def test_any_answer_against_any_reference_has_a_verdict(
    pool: VerifierPool, pairs: list[tuple[str, str]]
) -> None:
    boxed = [(case_problem(gold), f"so \\boxed{{{answer}}}") for gold, answer in pairs]
    bare = [(case_problem(gold), answer) for gold, answer in pairs]
    for verdict in pool.verify([*boxed, *bare]):
        assert verdict.status != "error", verdict


@settings(max_examples=30)
@given(st.lists(st.fractions(max_denominator=10**6), min_size=40, max_size=40))
def test_a_number_is_itself_and_no_other(pool: VerifierPool, numbers: list[Fraction]) -> None:
    items, wanted = [], []
    for number in numbers:
        sign, top, bottom = "-" if number < 0 else "", abs(number.numerator), number.denominator
        forms = [f"{sign}{top}/{bottom}", f"{sign}\\frac{{{top}}}{{{bottom}}}"]
        for form in forms:
            for other, status in ((number, "correct"), (number + 1, "wrong")):
                reference = f"{other.numerator}/{other.denominator}"
                items.append((case_problem(reference), f"The answer is \\boxed{{{form}}}."))
                wanted.append(status)
    judged = zip(pool.verify(items), wanted, strict=True)
    assert not [(verdict, status) for verdict, status in judged if verdict.status != status]
