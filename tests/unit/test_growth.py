"""No text of a model may cost more time than in proportion to its length."""

from __future__ import annotations

import importlib
import random
import re
from pathlib import Path

import pytest
from support import answers, growth

from rlvr import maths
from rlvr.maths.extract import MAX_COMPLETION, TOO_LONG
from rlvr.verify.verifier import case_problem, load_verifier

# What reads programs has tests of its own as well (tests/unit/test_fences.py).
MODULES = [
    "rlvr.programs.cells",
    "rlvr.markup",
    *(f"rlvr.maths.{file.stem}" for file in sorted(Path(maths.__file__).parent.glob("[a-z]*.py"))),
    *(f"rlvr.verifiers.{name}" for name in ("algebra", "exact", "math", "math_steps")),
]
REFERENCES = {"math": "5", "math_steps": "5", "algebra": {"answer": "x^2 - 1", "form": "expanded"}}
# What a completion may repeat: marks of an answer, and what leads up to one.
PIECES = [
    *answers.TOKENS, "answer is 5 ", "The answer is 5.", "The answer is\n\n", "answer:",
    "answer: 5\n",
    "#### 5\n", "####", "\\boxed{5}", "\\boxed 5", "\\boxed{{}", "\\boxed", "<answer>5</answer>",
    "<answer> ", "</answer>", "</think>", "<think></think>", "◁/think▷", "</s>", "<|im_end|> ",
    "<eos>x", "$5$", "$$5$$", "\\(", "\\(5\\)", "\\[5\\]", "5, ", "5.", "5 ", "-5", "5/", "1,000",
    "5 = ",
    "5 + ", "= 5\n", "5 is ", ", since ", "since", "is not ", "wait, ", "is: ", "\n\n", "\r",
    "\u2028",
    "x^2 - 1\n", "x + 1 = 2\n", "x = 2 or ", "<<1+1=2>>", "a cm ", "step 1: ", "- ", "1. ", "of ",
    "°", "^\\circ", "\\text{ cm}", "(((", "{{{", "}}}", "))", "5\\%", "\\$", "US", "the ", "AB",
]  # fmt: skip


@pytest.mark.slow  # a minute, and a clock: not beside other work
@pytest.mark.parametrize("name", MODULES)
def test_no_pattern_runs_away_on_its_own_worst_kind_of_text(name: str) -> None:
    found = growth.patterns(importlib.import_module(name))
    bad = [
        f"{pattern.where} {pattern.regex.pattern[:80]!r} on {why}"
        for pattern in found
        if (why := growth.worst(pattern))
    ]
    assert not bad


RUNAWAYS = [
    r"<answer>\s*((?:(?!</?answer>).)*?)\s*</answer>",
    r"(?:\s|</s>)+$",
    r"[\s,]*\\forall\s*([^,;]*)$",
    r"(?:\s|[{}.]|\\mathbb\s*\{?\s*[RZNQ]\}?|\b[a-zA-Z]\b)*!",
    r"\\text\{([^{}]*[0-9][^{}]*)\}!",
    r"(.+?)\s*\\usd!",
    r"\s+per\s+",
    r"(a|ab|b)*c",
    r"(\w+\s?)+$",
]


@pytest.mark.slow  # a clock too, and no test that is not slow relies on it
@pytest.mark.parametrize("pattern", RUNAWAYS)
def test_a_pattern_that_runs_away_is_found(pattern: str) -> None:
    assert growth.worst(growth.Pattern("here", re.compile(pattern), True))


def test_every_pattern_is_seen_wherever_it_stands() -> None:
    found = growth.patterns(importlib.import_module("rlvr.maths.lex"))
    seen = {pattern.regex.pattern for pattern in found}
    assert {r"\\!", r"√\s*([0-9]+)"} <= seen  # in a function
    steps = growth.patterns(importlib.import_module("rlvr.maths.lines"))
    assert any("divided by" in pattern.regex.pattern for pattern in steps)  # in a list


@pytest.mark.slow  # a clock
@pytest.mark.parametrize("verifier", REFERENCES)
def test_a_completion_as_long_as_is_read_costs_under_a_second(verifier: str) -> None:
    verify = load_verifier(verifier).verify
    problem = case_problem(REFERENCES[verifier])
    verify(problem, "x^2 + y = 2")  # imports
    slow = []
    rng = random.Random(0)
    for piece in PIECES:
        text = piece * (MAX_COMPLETION // len(piece))
        tails = ("", "\\boxed{5}", "The answer is 5.", " x!")
        took = growth.seconds(lambda text: verify(problem, text), text + rng.choice(tails))
        if took > 1:
            slow.append((piece, round(took, 2)))
    assert not slow


def test_no_verdict_is_taken_from_a_shortened_text() -> None:
    verify = load_verifier("math").verify
    problem = case_problem("5")
    thought = "<think>" + "We add 2 and 3, which is 6 or 5. " * 40_000 + "</think>"
    assert verify(problem, thought + "The answer is 5.").status == "correct"
    assert verify(problem, "<think>" + "so " * 400_000 + "5").status == "wrong"
    padding = "So it goes. " * (MAX_COMPLETION // 12 + 1)
    verdict = verify(problem, padding + "The answer is 5.")
    assert (verdict.status, verdict.reason) == ("wrong", TOO_LONG)
    # What stands before the part that was once looked at counts.
    assert verify(problem, "\\boxed{6}" + " so on" * 30_000 + "\\boxed{5}").status == "wrong"
    assert verify(problem, "7 -" + " " * 2_100 + "5").status == "wrong"
    assert verify(problem, "The answer is 5" + " " * 600 + "+ 1").status == "wrong"
    assert verify(problem, "The answer is 6.\n" + "The answer is 5.\n" * 60).status == "wrong"
    assert verify(problem, "The answer is 5.\n" * 2_000).status == "correct"
