"""A verifier of your own: check it, score a file with it, use it in a run.

    python own_verifier.py

The task writes sums with the least significant digit first (`12+34=` -> `640`). The shipped
verifier `exact` wants every digit right; this one also accepts a sum that is off by a little.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from rlvr.data import Problem, Verdict


def verify(problem: Problem, completion: str, tolerance: int = 1) -> Verdict:
    """Accept a sum that differs from the reference by at most `tolerance`."""
    digits = completion.strip()
    if not re.fullmatch("[0-9]{1,9}", digits):
        return Verdict("wrong", "no answer")
    apart = abs(int(digits[::-1]) - int(str(problem.reference)[::-1]))
    return Verdict("correct" if apart <= tolerance else "wrong", f"off by {apart}", digits)


CASES = [("640", "640", "correct"), ("640", "740", "correct"), ("640", "650", "wrong")]


def rlvr(*words: str) -> None:
    """Run the command `rlvr` with these words; it must succeed."""
    print("$ rlvr", *words, flush=True)
    subprocess.run(["rlvr", *words], check=True)


def main() -> None:
    """Check the verifier, score a file with it, and run it against the shipped one."""
    name = Path(__file__).name
    # Runs the CASES above, then tries to cheat the verifier.
    rlvr("check", name)

    # A verdict for each line of a file, wherever its completions come from.
    lines = [{"completion": text, "answer": "640"} for text in ("640", "740", "650", "?")]
    Path("sums.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    rlvr("score", "sums.jsonl", "--verifier", name, "-o", "scored.jsonl")
    print(Path("scored.jsonl").read_text())

    # One short run whose samples this verifier judges, in training and in evaluation.
    rlvr("run", "first.yaml", f"verifier={{name: {name}, tolerance: 1}}", "seeds=[0]", "rounds=1",
         "arms=[verified]", "--out", "runs/own-verifier")  # fmt: skip


if __name__ == "__main__":
    main()
