"""Answers of several values that a text states one by one; values that a sentence has in words."""

from __future__ import annotations

import pytest
from rlvr.verifiers.math import verify

from rlvr.data import Problem, Verdict


def status(reference: str, completion: str) -> str:
    problem = Problem("x", "t", "eval", "", "", reference)
    verdict: Verdict = verify(problem, completion)
    return verdict.status


@pytest.mark.parametrize(
    ("reference", "completion"),
    [
        ("(2, 7)", "We add both equations.\n\nOutput:\n```\nx = 2\ny = 7\n```"),
        ("a=2, b=9", "So the constants are:\n\n$a = 2$\n\n$b = 9$"),
        ("4, -1", "The roots are:\n- $x = 4$\n- $x = -1$"),
        ("4, -1", "The solutions of the equation are:\n1. $4$\n2. $-1$"),
        ("(1, 0, 5)", "Solution:\n- $x = 1$\n- $y = 0$\n- $z = 5$"),
        ("f(x)=1, f(x)=x", "They are $f(x) = x$ for all $x$, and the constant $f(x) = 1$."),
        (r"(2, \pi)", r"\boxed{r = 2, \theta = \pi}"),
    ],
)  # fmt: skip
def test_values_one_by_one_are_an_answer_of_several(reference: str, completion: str) -> None:
    assert status(reference, completion) == "correct"


@pytest.mark.parametrize(
    ("reference", "completion"),
    [
        ("(2, 7)", "x = 7\ny = 2"),
        ("(2, 7)", "Check the point:\nx = 2\ny = 7\nSo the answer is (2, 8)."),
        ("4, -1", "Are the roots $4$ and $-1$?"),
        ("4, -1", "The roots of another equation are:\n- $x = 4$\n- $x = -1$"),
        ("4, -1", "The roots are:\n- $x = 3$\n- $x = 2$\n\nThe roots are:\n- $x = 4$\n- $x = -1$"),
        ("(4, 1)", "I do not know.\n\nSolution:\nx = 4\ny = 1"),
        ("8, 20", "So Tom may have 8 marbles and Ann has 20 marbles."),
        ("8, 20", "Tom had 8 marbles, then 20 marbles."),
        ("8, 20", "If Tom has 8 marbles and Ann has 20 marbles, who has more?"),
        ("4, -1", "The candidates are:\n- $x = 4$\n- $x = -1$"),
        ("4, -1", "The roots are:\n- $x = 4$\n- $x = -1$\n- $x = 0$"),
        ("4, -1", "Steps:\n- $x = 4$\n- $x = -1$"),
        ("4, -1", "The possible roots are:\n- $x = 4$\n- $x = -1$"),
        ("(2, 7)", "We are given:\nx = 2\ny = 7"),
        ("2, 7", "We know:\n- Ann: 2\n- Bo: 7"),
        ("4 cats, 6 dogs", "The numbers are:\n- dogs: 4\n- cats: 6"),
        ("2, 7", "So the answer is the product of $2$ and $7$."),
        ("8, 20", "Tom has 8 marbles and Ann has 20 marbles, and Bob has none."),
        ("8, 20", "The problem says that Tom has 8 marbles and Ann has 20 marbles."),
        ("3, 4", "(a) 2x = 3\n(b) 2y = 4"),
        ("3, 4", "(a) 4\n(b) 3"),
        ("3, 4", "(b) 3\n(c) 4"),
        ("3, 4", "(a) 3\n(b) maybe 4"),
        ("4 cats, 6 dogs", "There are 4 dogs and 6 cats in the yard."),
        ("5", "x = 5\ny = 6"),
    ],
)
def test_other_values_one_by_one_are_not(reference: str, completion: str) -> None:
    assert status(reference, completion) == "wrong"


@pytest.mark.parametrize(
    ("reference", "completion", "expected"),
    [
        ("9", "There were nine tables in all.", "correct"),
        ("9", "There were nine tables in all but one room.", "wrong"),
        ("6", "**Answer: six chairs**", "correct"),
        ("24", "She needs two dozen eggs.", "correct"),
        ("3", "**Answer: three months**", "correct"),
        ("5", "five thirteenths", "wrong"),
        ("1", "two halves", "wrong"),
        ("3/4", "She ran three-quarters of the way.", "correct"),
        ("3/8", "So the probability is 3 out of 8.", "correct"),
        ("3", "So the probability is 3 out of 8.", "wrong"),
        ("3/8", "Twice the probability is 3 out of 8.", "wrong"),
        ("10", "There are 30 pupils in the class, so 10 of them sing.", "correct"),
        ("4", "If you have 9 pens and lose 5, you have 4 pens left.", "correct"),
        ("7", "So the sum is 7.\nI hope this helps! Wait, I made a mistake: it is 8.", "wrong"),
        ("two real roots", r"\boxed{2}", "wrong"),
        ("36", "She needs three dozen fewer eggs than Tom.", "wrong"),
        ("3/8", "So the probability may be 3 out of 8.", "wrong"),
        ("3 dozen", r"He buys \boxed{3} dozen eggs.", "correct"),
        ("3", r"He buys \boxed{3} dozen eggs.", "wrong"),
        ("[2, 6]", "So the range is all real numbers from 2 to 6, inclusive.", "correct"),
        ("[2, 6]", "So the range is all real numbers from 2 to 6, exclusive.", "wrong"),
        ("m > 4", "Hence $m$ must be greater than 4.", "correct"),
        ("m > 4", "Hence $m$ must be less than 4.", "wrong"),
        ("4", "Hence $m$ must be greater than 4.", "wrong"),
        (r"\text{converges}", "Answer: The series converges.", "correct"),
        (r"\text{converges}", "Answer: The series diverges.", "wrong"),
        (r"\text{converges}", "Answer: It is not clear that the series converges.", "wrong"),
        (r"\text{No}", "So **no**, they never meet.", "wrong"),  # `So no, I guess.` is alike
        (r"\text{No}", "No, since x might be negative.", "correct"),
        ("3", "Twice x is 6, so x is 3.", "correct"),
        ("12", "She has 30 marbles, and only 12 of them are red.", "correct"),
        ("5", "So the price is five dollars a dozen.", "correct"),
        ("1/2", "He has one half of a hundred dollars.", "wrong"),
        ("2, -2", "**Solution:**\n$D = 16$\n$x = \\pm 2$", "correct"),
        ("5", "So the total is 5.\nLet me know if it is six instead.", "wrong"),
        ("16\\pi", "Perhaps area = 16π.", "wrong"),
        ("May 2", "It ends on **May 2nd**.", "correct"),
        ("May 2", "It ends on the 2nd of May.", "correct"),
        ("May 2", "It ends on May 3rd.", "wrong"),
        ("May 2", "It begins on May 1 and ends on May 2.", "wrong"),
        ("May 2", "It does not end on May 2.", "wrong"),
        ("May 2", "It ends two days after May 2.", "wrong"),
        ("May 2", "Is it on May 2?", "wrong"),
        ("Monday, May 2", "Friday, May 2", "wrong"),
        ("$1.25", "**Answer: 125 cents ($1.25)**", "correct"),
        ("16\\pi", "Half the area = 16π", "wrong"),
        ("16\\pi", "Area = **16π square feet**", "correct"),
        ("8", "The number of subsets is 2³ = 8.", "correct"),
        ("8", "**Final Answer: 8**\n\n*Check:* 8 + 2 = 10.", "correct"),
        ("8", "So 8 pens are left.\n\nI hope this helps! If you have 3 questions, ask.", "correct"),
        ("12", "So he read 20 pages, 12 of them on Monday.", "wrong"),
        ("20", "So he read 20 pages, 12 of them on Monday.", "correct"),
        (r"1.5\text{ km}", r"So it is $\boxed{1500 \text{ m}}$ = 1.5 km.", "correct"),
        ("1500", r"So it is $\boxed{1500 \text{ m}}$ = 2.5 km.", "wrong"),
    ],
)  # fmt: skip
def test_a_value_in_words_or_beside_words(reference: str, completion: str, expected: str) -> None:
    assert status(reference, completion) == expected
