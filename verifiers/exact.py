"""Exact match: the completion, stripped of surrounding whitespace, is the reference as text.

This is the smallest verifier, and a good one to copy. It does not interpret the text: "46" is not
"46.0".
"""

from rlvr.data import Problem, Verdict


def verify(problem: Problem, completion: str) -> Verdict:
    """Return `correct` if the stripped completion equals the stripped reference, else `wrong`."""
    answer = completion.strip()
    if answer == str(problem.reference).strip():
        return Verdict("correct", extracted=answer)
    return Verdict("wrong", "differs from the reference" if answer else "no answer", answer or None)


CASES = [
    ("46", "46", "correct"),
    (46, " 46\n", "correct"),
    ("46", "46.0", "wrong"),
    ("46", "the answer is 46", "wrong"),
    ("46", "", "wrong"),
]
