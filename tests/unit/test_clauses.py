"""What a text states, and what it says beside it: sentences, boxes and announcements as models
write them, each with the answer that it states, or none.
"""

from __future__ import annotations

import pytest
from rlvr.verifiers.math import verify

from rlvr.data import Problem, Verdict

STATED = [
    # The value comes before its circumstance.
    ("42", "So she pays $42 for 7 tickets."),
    ("180", "So the train travels 180 km at 60 km per hour."),
    ("12", "Therefore, they need 12 vans for 96 children."),
    ("30", "So the tank holds 30 litres, including 4 in the pipe."),
    ("20", "Therefore, Ann has 20 stamps left after giving away 6 stamps."),
    ("36", "There are 36 ways to choose 2 of 9 cards."),
    ("5", "So there are 5 primes less than 12."),
    ("5", "So there are 5 such numbers: 1, 2, 4, 8, 16."),
    ("4", "The remainder is 4 when 39 is divided by 5."),
    ("12", "Thus it is 12, not 10."),
    ("12", "So the total is 12 rather than 10."),
    ("12", "The answer is 12 instead of 10."),
    ("12", "It is 12, since 10 is impossible."),
    ("5", "Therefore, f(2) = 5."),
    ("25", "The answer is 25 (85 - 60)."),
    ("-5", "The answer is negative 5."),
    ("-5", "So x is minus 5."),
    ("25", "So the total is twenty-five."),
    ("5", "She has five apples left."),
    ("12\\pi", "The area is 12π square centimeters."),
    # What follows is a check, a note, or another problem.
    ("3", "So x = 3.\n\nVerification: $2\\cdot 3+1=7$."),
    ("3", "Thus x = 3. Indeed, 3 + 4 = 7."),
    ("3", "Thus x = 3, because 3 + 4 = 7."),
    ("3", "So x = 3.\nConfidence: 90%"),
    ("3", "So x = 3.\n\nQuestion 2: How many legs do 4 dogs have?\nThere are 16 legs."),
    # A minimum that is said to be needed, an equality, a reason.
    ("5", "So we need at least $\\boxed{5}$ colours."),
    ("4", "The area grows by a factor of $\\boxed{4}$."),
    ("12.5", "It is approximately $\\boxed{12.5}$ miles away."),
    ("4", "The least value is $\\boxed{4}$ if and only if $x = 1$."),
    ("1/2", "$\\boxed{\\frac12} = 0.5$"),
]
NOT_STATED = [
    # Words before a box change what it holds.
    ("5", "The answer is more than $\\boxed{5}$."),
    ("5", "The answer is at least $\\boxed{5}$."),
    ("5", "The answer is the square of $\\boxed{5}$."),
    ("5", "Twice the answer is $\\boxed{5}$."),
    ("5", "The answer is ±$\\boxed{5}$."),
    ("5", "A careless, incorrect approach gives $\\boxed{5}$."),
    ("5", "from 4 to \\boxed{5}"),
    # Words after it hedge it, deny it, or give another.
    ("5", "\\boxed{5} (or 6)"),
    ("5", "\\boxed{5} (guess)"),
    ("5", "\\boxed{5} if $n$ is even"),
    ("5", "\\boxed{5} provided that x is positive"),
    ("5", "\\boxed{5} is what you get if you forget the carry."),
    ("5", "\\boxed{5} ❌"),
    ("5", "\\boxed{5}\n\nNot really."),
    ("5", "\\boxed{5}\n\nx = 6"),
    ("5", "\\boxed{5}\n\n$$6$$"),
    ("5", "\\boxed{5}. Edit: 6"),
    ("5", "\\boxed{5} = 6"),
    ("5", "\\boxed{5}\n\nThe answer is six."),
    ("A", "\\boxed{A} (or B)"),
    ("A", "Answer: A\nB"),
    ("A", "The answer is A if x > 0."),
    ("5", "Answer: 5 when n is even"),
    ("5", "Answer: 5 ✗"),
    # An announcement of something else.
    ("5", "The answer is a number that ends in 5."),
    ("5", "The answer is on page 5."),
    ("5", "The answer is the successor of 5."),
    ("5", "The answer is ca. 5"),
    ("5", "The answer is ~5."),
    # A sentence that reports, asks for, or says it of a part or of another case.
    ("6", "A common mistake is 6."),
    ("6", "Given: x = 6."),
    ("6", "Our goal: x = 6."),
    ("6", "So x = 5. Another solution is x = 6."),
    ("6", "If n is odd, x = 5. Otherwise, x = 6."),
    ("3", "So twice x is 3."),
    ("3", "So x squared is 3."),
    ("11", "So he is 5'11\"."),
    # The other number of a sentence.
    ("7", "So she pays $42 for 7 tickets."),
    ("60", "So the train travels 180 km at 60 km per hour."),
    ("6", "Therefore, Ann has 20 stamps left after giving away 6 stamps."),
    ("10", "Hence there are 12 instead of 10."),
    ("7", "So x = 3.\n\nVerification: $2\\cdot 3+1=7$."),
]
COMPARED = [
    ("x\\in(0,1)", "2x\\in(0,1)", "wrong"),
    ("x\\in(0,1)", "y\\in(0,1)", "wrong"),
    ("k\\in\\mathbb{Z}", "2k\\in\\mathbb{Z}", "wrong"),
    ("\\{x\\mid x>1\\}", "\\{2x\\mid x>1\\}", "wrong"),
    ("(1,\\infty)", "\\{x\\in\\mathbb{Z}\\mid x>1\\}", "wrong"),
    ("(1,\\infty)", "\\{x\\in\\mathbb{R}\\mid x>1\\}", "correct"),
    ("\\{x\\in\\mathbb{Z}\\mid x>1\\}", "\\{n\\in\\mathbb{Z}\\mid n\\ge 2\\}", "correct"),
    ("\\{x\\in\\mathbb{Z}\\mid x>1\\}", "x>1", "wrong"),
    ("\\{1,2,3\\}", "\\{x\\in\\mathbb{N}\\mid 0<x<4\\}", "correct"),
    ("\\{1,2\\}", "\\{x\\mid x=1 \\text{ or } x=2\\}", "correct"),
    ("a:b=1:2", "b:a=1:2", "wrong"),
    ("a:b=1:2", "b:a=2:1", "correct"),
    ("a:b=1:2", "\\frac{b}{a}=\\frac12", "wrong"),
    ("a:b=1:2", "\\frac{a}{b}=\\frac12", "correct"),
    ("dy/dx=2x", "dx/dy=2x", "wrong"),
    ("dy/dx=2x", "\\frac{dy}{dx}=2x", "correct"),
    ("5", "\\text{Twice the area} = 5", "wrong"),
    ("5", "\\text{Old answer} = 5", "wrong"),
    ("25", "\\text{Area of the square} = 25", "correct"),
    ("A", "\\text{(A) eliminated}", "wrong"),
    (
        "x=\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}",
        "\\frac{\\pi}{4}+n\\pi,\\ n\\in\\mathbb{Z}",
        "correct",
    ),
    (
        "x=\\frac{\\pi}{4}+k\\pi, k\\in\\mathbb{Z}",
        "x=\\frac{\\pi}{4}+k\\pi\\ (k\\in\\mathbb{Z})",
        "correct",
    ),
    ("x=2k\\pi, k\\in\\mathbb{Z}", "x=2k\\pi \\text{ where } k \\text{ is an integer}", "correct"),
    ("x=2k\\pi, k\\in\\mathbb{Z}", "x=k\\pi, k\\in\\mathbb{Z}", "wrong"),
    ("x=2k\\pi, k\\in\\mathbb{Z}", "x=2k\\pi, k\\in\\mathbb{N}", "wrong"),
    ("a<b<c", "c>b>a", "correct"),
    ("a<b<c", "c>a>b", "wrong"),
    ("a\\le b<c", "c>b>a", "wrong"),
    ("14", "\\large 14 \\tag{1}", "correct"),
    ("\\frac{3}{4}", "3 \\over 4", "correct"),
    ("\\sqrt[3]{2}", "∛2", "correct"),
    ("6.02 \\times 10^{23}", "6.02 x 10^23", "correct"),
    ("9.8\\text{ m/s}^2", "9.8\\ \\frac{\\text{m}}{\\text{s}^2}", "correct"),
    ("12\\text{ cm}^2", "12\\text{ cm squared}", "correct"),
    ("\\text{no solution}", "\\varnothing", "correct"),
]


def judged(reference: str, completion: str) -> str:
    verdict: Verdict = verify(Problem("p", "t", "eval", "", "", reference), completion)
    return verdict.status


@pytest.mark.parametrize(("answer", "text"), STATED, ids=[text for _, text in STATED])
def test_a_text_states_its_value(answer: str, text: str) -> None:
    assert judged(answer, text) == "correct"


@pytest.mark.parametrize(("answer", "text"), NOT_STATED, ids=[text for _, text in NOT_STATED])
def test_a_text_does_not_state_a_value_that_only_stands_in_it(answer: str, text: str) -> None:
    assert judged(answer, text) == "wrong"


@pytest.mark.parametrize(("reference", "answer", "status"), COMPARED)
def test_names_heads_and_domains_count(reference: str, answer: str, status: str) -> None:
    assert judged(reference, f"\\boxed{{{answer}}}") == status
